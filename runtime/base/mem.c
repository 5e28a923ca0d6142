/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c - free lists by size class over chunks that are never split again.
 *
 * Under AddressSanitizer every record is a malloc of its own, so that a use
 * after mem_give() is seen. */
#include "mem.h"

#include <stdlib.h>

#include "log.h"

enum { CHUNK_BYTES = 64 * 1024 };

struct mem_free {
    struct mem_free *next;
};

struct mem_chunk {
    struct mem_chunk *next;
    char pad[MEM_STEP - sizeof(void *)];
};

#ifdef __SANITIZE_ADDRESS__
static const int plain = 1;
#else
static const int plain = 0;
#endif

static unsigned class_of(size_t size)
{
    size_t least = size ? size : 1;
    return (unsigned)((least + MEM_STEP - 1) / MEM_STEP);
}

static void refill(struct mem *mem, unsigned class)
{
    size_t step = (size_t) class * MEM_STEP;
    struct mem_chunk *chunk = aligned_alloc(MEM_STEP, CHUNK_BYTES);
    if (!chunk) log_panic("out of memory for records");
    chunk->next = mem->chunks;
    mem->chunks = chunk;
    char *first = (char *)(chunk + 1);
    size_t count = (CHUNK_BYTES - sizeof *chunk) / step;
    for (size_t i = count; i-- > 0;) {
        struct mem_free *record = (struct mem_free *)(first + i * step);
        record->next = mem->lists[class];
        mem->lists[class] = record;
    }
}

void *mem_take(struct mem *mem, size_t size)
{
    if (plain || size > MEM_SMALL) return log_alloc(size);
    unsigned class = class_of(size);
    if (!mem->lists[class]) refill(mem, class);
    struct mem_free *record = mem->lists[class];
    mem->lists[class] = record->next;
    return record;
}

void mem_give(struct mem *mem, void *record, size_t size)
{
    if (plain || size > MEM_SMALL) {
        free(record);
        return;
    }
    struct mem_free *freed = record;
    unsigned class = class_of(size);
    freed->next = mem->lists[class];
    mem->lists[class] = freed;
}

void mem_fini(struct mem *mem)
{
    while (mem->chunks) {
        struct mem_chunk *chunk = mem->chunks;
        mem->chunks = chunk->next;
        free(chunk);
    }
    *mem = (struct mem){0};
}
