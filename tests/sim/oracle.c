/* SPDX-License-Identifier: BSD-3-Clause */
/* oracle.c - a hash in, bytes made of it out. */
#include "oracle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "distmpi/pool.h"
#include "port.h"
#include "random.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const char *at = bytes;
    hash = mix(hash, size);
    for (; size; size -= size < 8 ? size : 8, at += 8) {
        uint64_t word = 0;
        memcpy(&word, at, size < 8 ? size : 8);
        hash = mix(hash, word);
    }
    return hash;
}

struct buffer *oracle_bytes(uint64_t seed, size_t size)
{
    struct buffer *buffer = buffer_new(size);
    char *at = buffer->data;
    while (size) {
        uint64_t word = random_next(&seed);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
    return buffer;
}

static struct buffer *failure(uint64_t hash)
{
    struct buffer *buffer = buffer_new(sizeof(dmpi_failure));
    dmpi_failure *error = buffer->data;
    memset(error, 0, sizeof *error);
    error->status = DMPI_EFAILED;
    snprintf(error->text, sizeof error->text, "failed with %016llx",
             (unsigned long long)hash);
    buffer->is_error = true;
    return buffer;
}

static size_t size_of(uint32_t function, uint64_t hash)
{
    switch (function) {
    case ORACLE_WORD: return 8;
    case ORACLE_SMALL: return hash % 257;
    case ORACLE_MEDIUM: return hash % (PORT_INLINE_MAX + 1);
    case ORACLE_LARGE: return PORT_INLINE_MAX + 1 + hash % 4000;
    default: return 0;
    }
}

struct buffer *oracle_call(uint32_t function, const void *args, size_t size,
                           struct buffer *const inputs[], uint32_t count)
{
    uint64_t hash = mix_bytes(function + 1, args, size);
    for (uint32_t i = 0; i < count; i++) {
        if (inputs[i]->is_error) return buffer_ref(inputs[i]);
        hash = mix_bytes(hash, inputs[i]->data, inputs[i]->size);
    }
    if (function == ORACLE_FAIL) return failure(hash);
    if (function == ORACLE_PASS && count)
        return buffer_ref(inputs[hash % count]);
    return oracle_bytes(hash, size_of(function, hash));
}

unsigned oracle_fails(const struct msg_terms *terms, const void *args,
                      size_t size)
{
    if (!terms->retries || !size) return 0;
    return *(const unsigned char *)args % (ORACLE_FAILS_MAX + 1);
}

bool oracle_same(const struct buffer *buffer, const void *data, uint64_t size,
                 bool is_error)
{
    return buffer->size == size && buffer->is_error == is_error &&
           (!size || !memcmp(buffer->data, data, size));
}
