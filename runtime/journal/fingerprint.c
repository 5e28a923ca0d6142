/* SPDX-License-Identifier: BSD-3-Clause */
/* fingerprint.c - XXH3, 128 bits. */
#include "fingerprint.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "log.h"

void fingerprint_write(const struct fingerprint *fingerprint,
                       unsigned char bytes[FINGERPRINT_BYTES])
{
    uint64_t words[2] = {htobe64(fingerprint->high), htobe64(fingerprint->low)};
    memcpy(bytes, words, sizeof words);
}

struct fingerprint
fingerprint_read(const unsigned char bytes[FINGERPRINT_BYTES])
{
    uint64_t words[2];
    memcpy(words, bytes, sizeof words);
    return (struct fingerprint){.high = be64toh(words[0]),
                                .low = be64toh(words[1])};
}

void fingerprint_text(const struct fingerprint *fingerprint,
                      char text[FINGERPRINT_TEXT])
{
    snprintf(text, FINGERPRINT_TEXT, "%016llx%016llx",
             (unsigned long long)fingerprint->high,
             (unsigned long long)fingerprint->low);
}

/* ---- digests -------------------------------------------------------------*/

struct digest *digest_new(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state) log_panic("no memory for a digest");
    return (struct digest *)state;
}

static XXH3_state_t *state_of(struct digest *digest)
{
    return (XXH3_state_t *)digest;
}

void digest_free(struct digest *digest)
{
    XXH3_freeState(state_of(digest));
}

void digest_begin(struct digest *digest, const char *what)
{
    XXH3_128bits_reset(state_of(digest));
    digest_text(digest, what);
}

void digest_number(struct digest *digest, uint64_t number)
{
    uint64_t little = htole64(number);
    XXH3_128bits_update(state_of(digest), &little, sizeof little);
}

void digest_bytes(struct digest *digest, const void *bytes, size_t size)
{
    digest_number(digest, size);
    if (size) XXH3_128bits_update(state_of(digest), bytes, size);
}

void digest_text(struct digest *digest, const char *text)
{
    digest_bytes(digest, text, strlen(text));
}

void digest_print(struct digest *digest, const struct fingerprint *fingerprint)
{
    digest_number(digest, fingerprint->high);
    digest_number(digest, fingerprint->low);
}

struct fingerprint digest_end(struct digest *digest)
{
    XXH128_hash_t hash = XXH3_128bits_digest(state_of(digest));
    return (struct fingerprint){.low = hash.low64, .high = hash.high64};
}
