/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.c - chunks that are aligned to their size, so that a record finds its own.
 *
 * A chunk is in the list of its class exactly while it has room. Under
 * AddressSanitizer every record is a malloc of its own, so that a use after
 * mem_give() is seen. */
#include "mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "log.h"

enum {
    CHUNK_BYTES = 64 * 1024,
    HUGE_BYTES = 2 << 20,
    SPARE_LEAST = 16 /* empty chunks that are kept */
};

struct mem_free {
    struct mem_free *next;
};

/* Two lists: of all chunks, and of those of one class with room. */
struct mem_chunk {
    struct mem_chunk *next, *prev;
    struct mem_chunk *next_partial, *prev_partial;
    struct mem_free *free; /* records given back */
    uint32_t fresh;        /* offset of the first record never taken */
    uint32_t step;         /* bytes of a record */
    uint32_t live;         /* records taken */
    uint32_t pad[3];
};

_Static_assert(sizeof(struct mem_chunk) % 64 == 0, "records are aligned");

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

static struct mem_chunk *chunk_of(void *record)
{
    return (struct mem_chunk *)((uintptr_t)record &
                                ~(uintptr_t)(CHUNK_BYTES - 1));
}

static int has_room(const struct mem_chunk *chunk)
{
    return chunk->free || chunk->fresh + chunk->step <= CHUNK_BYTES;
}

/* ---- chunks --------------------------------------------------------------*/

/* BYTES, a power of two, aligned to that: what of twice as many is not goes back
 * at once. */
static char *map_aligned(size_t bytes)
{
    char *map = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) log_panic("out of memory for records");
    size_t before = -(uintptr_t)map & (bytes - 1);
    if (before) munmap(map, before);
    munmap(map + before + bytes, bytes - before);
    return map + before;
}

static void add_spare(struct mem *mem, struct mem_chunk *chunk)
{
    chunk->next = mem->spare;
    mem->spare = chunk;
    mem->spare_count++;
}

/* Once there are many, they come by the huge page: a fault for each small one
 * costs as much as a tenth of a short task's way. */
static void add_spares(struct mem *mem)
{
    bool many = mem->chunk_count >= HUGE_BYTES / CHUNK_BYTES;
    size_t bytes = many ? HUGE_BYTES : CHUNK_BYTES;
    char *map = map_aligned(bytes);
    if (many) madvise(map, bytes, MADV_HUGEPAGE);
    for (size_t at = bytes; at > 0; at -= CHUNK_BYTES)
        add_spare(mem, (struct mem_chunk *)(map + at - CHUNK_BYTES));
}

static void add_partial(struct mem *mem, struct mem_chunk *chunk)
{
    struct mem_chunk **first = &mem->partial[class_of(chunk->step)];
    chunk->prev_partial = NULL;
    chunk->next_partial = *first;
    if (*first) (*first)->prev_partial = chunk;
    *first = chunk;
}

static void remove_partial(struct mem *mem, struct mem_chunk *chunk)
{
    struct mem_chunk *next = chunk->next_partial, *prev = chunk->prev_partial;
    if (next) next->prev_partial = prev;
    if (prev) prev->next_partial = next;
    else mem->partial[class_of(chunk->step)] = next;
}

static struct mem_chunk *chunk_new(struct mem *mem, unsigned class)
{
    if (!mem->spare) add_spares(mem);
    struct mem_chunk *chunk = mem->spare;
    mem->spare = chunk->next;
    mem->spare_count--;
    *chunk = (struct mem_chunk){
        .next = mem->chunks, .fresh = sizeof *chunk, .step = class * MEM_STEP};
    if (mem->chunks) mem->chunks->prev = chunk;
    mem->chunks = chunk;
    mem->chunk_count++;
    add_partial(mem, chunk);
    return chunk;
}

/* The last record of CHUNK was given back. */
static void chunk_end(struct mem *mem, struct mem_chunk *chunk)
{
    remove_partial(mem, chunk);
    if (chunk->next) chunk->next->prev = chunk->prev;
    if (chunk->prev) chunk->prev->next = chunk->next;
    else mem->chunks = chunk->next;
    mem->chunk_count--;
    add_spare(mem, chunk);
}

static void unmap_all(struct mem_chunk *chunk)
{
    while (chunk) {
        struct mem_chunk *next = chunk->next;
        munmap(chunk, CHUNK_BYTES);
        chunk = next;
    }
}

void mem_trim(struct mem *mem)
{
    while (mem->spare_count > SPARE_LEAST) {
        struct mem_chunk *chunk = mem->spare;
        mem->spare = chunk->next;
        mem->spare_count--;
        munmap(chunk, CHUNK_BYTES);
    }
}

void mem_fini(struct mem *mem)
{
    unmap_all(mem->chunks);
    unmap_all(mem->spare);
    *mem = (struct mem){0};
}

/* ---- records -------------------------------------------------------------*/

void *mem_take(struct mem *mem, size_t size)
{
    if (plain || size > MEM_SMALL) return log_alloc(size);
    unsigned class = class_of(size);
    struct mem_chunk *chunk = mem->partial[class];
    if (!chunk) chunk = chunk_new(mem, class);
    void *record = chunk->free;
    if (record) {
        chunk->free = chunk->free->next;
    } else {
        record = (char *)chunk + chunk->fresh;
        chunk->fresh += chunk->step;
    }
    chunk->live++;
    if (!has_room(chunk)) remove_partial(mem, chunk);
    return record;
}

void mem_give(struct mem *mem, void *record, size_t size)
{
    if (plain || size > MEM_SMALL) {
        free(record);
        return;
    }
    struct mem_chunk *chunk = chunk_of(record);
    struct mem_free *freed = record;
    assert(chunk->live && chunk->step == class_of(size) * MEM_STEP);
    if (!has_room(chunk)) add_partial(mem, chunk);
    freed->next = chunk->free;
    chunk->free = freed;
    if (--chunk->live == 0) chunk_end(mem, chunk);
}
