/* SPDX-License-Identifier: BSD-3-Clause */
/* arena.c - a file without a name, mapped; two stacks of free blocks a class.
 *
 * The stacks lie in this process's own memory, so that what others do to the
 * blocks does no harm to them. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

enum { LEAST_BYTES = 1 << 30 };
static const size_t page = (size_t)1 << ARENA_PAGE_BITS;

/* Free blocks of one class, the newest last. */
struct blocks {
    void **at; /* owned */
    size_t count, room;
};

struct arena {
    char *base, *fresh; /* no block was taken from FRESH on */
    size_t bytes;
    struct blocks warm[ARENA_CLASSES]; /* have kept their memory */
    struct blocks cold[ARENA_CLASSES]; /* have none */
    size_t warm_bytes, warm_most;
    unsigned next; /* class to cool next */
};

/* ---- the mapping ---------------------------------------------------------*/

/* MAP_FAILED: not so many. */
static void *map_shared(size_t bytes)
{
    int file = memfd_create("distmpi", MFD_CLOEXEC);
    if (file < 0) return MAP_FAILED;
    void *base = MAP_FAILED;
    if (!ftruncate(file, (off_t)bytes))
        base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_NORESERVE, file, 0);
    close(file);
    return base;
}

struct arena *arena_new(size_t bytes)
{
    void *base = MAP_FAILED;
    if (bytes < LEAST_BYTES) bytes = LEAST_BYTES;
    while (bytes >= LEAST_BYTES && (base = map_shared(bytes)) == MAP_FAILED)
        bytes /= 2;
    if (base == MAP_FAILED) return NULL;
    madvise(base, bytes, MADV_DONTDUMP); /* a core file would have it all */
    struct arena *arena = log_alloc(sizeof *arena);
    *arena = (struct arena){.base = base,
                            .fresh = base,
                            .bytes = bytes,
                            .warm_most = ARENA_WARM_BYTES};
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena) return;
    munmap(arena->base, arena->bytes);
    for (unsigned i = 0; i < ARENA_CLASSES; i++) {
        free(arena->warm[i].at);
        free(arena->cold[i].at);
    }
    free(arena);
}

size_t arena_usual_bytes(void)
{
    const size_t least = (size_t)256 << 30, most = (size_t)16 << 40;
    long pages = sysconf(_SC_PHYS_PAGES);
    size_t memory = pages > 0 ? (size_t)pages * page : least;
    size_t bytes = memory < most / 64 ? 64 * memory : most;
    return bytes < least ? least : bytes;
}

bool arena_holds(const struct arena *arena, const void *address)
{
    if (!arena) return false;
    return (uintptr_t)address - (uintptr_t)arena->base < arena->bytes;
}

void arena_protect(struct arena *arena)
{
    mprotect(arena->base, arena->bytes, PROT_READ);
}

static size_t whole_pages(size_t size)
{
    return (size + page - 1) & ~(page - 1);
}

void arena_open(void *block, size_t size, bool writable)
{
    mprotect(block, whole_pages(size),
             writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

/* ---- classes -------------------------------------------------------------*/

static unsigned highest_bit(size_t bytes)
{
    return 63 - (unsigned)__builtin_clzll((unsigned long long)bytes);
}

/* The size of a block for SIZE bytes, which fit into the address space. */
static size_t block_size(size_t size)
{
    if (size < page) size = page;
    size_t step = ((size_t)1 << highest_bit(size)) / ARENA_STEPS;
    if (step < page) step = page;
    return (size + step - 1) / step * step;
}

static unsigned class_of(size_t block_bytes)
{
    unsigned bit = highest_bit(block_bytes);
    size_t step = ((size_t)1 << bit) / ARENA_STEPS;
    return (bit - ARENA_PAGE_BITS) * ARENA_STEPS +
           (unsigned)(block_bytes / step - ARENA_STEPS);
}

static size_t class_size(unsigned class)
{
    size_t power = page << class / ARENA_STEPS;
    return power + class % ARENA_STEPS * (power / ARENA_STEPS);
}

static void push(struct blocks *blocks, void *block)
{
    if (blocks->count == blocks->room) {
        blocks->room = blocks->room ? 2 * blocks->room : 16;
        blocks->at = log_realloc(blocks->at, blocks->room * sizeof *blocks->at);
    }
    blocks->at[blocks->count++] = block;
}

static void *pop(struct blocks *blocks)
{
    return blocks->count ? blocks->at[--blocks->count] : NULL;
}

/* ---- warm and cold -------------------------------------------------------*/

/* One block of CLASS, if there is one, has no memory any more. */
static bool cool_one(struct arena *arena, unsigned class)
{
    size_t size = class_size(class);
    void *block = pop(&arena->warm[class]);
    if (!block) return false;
    madvise(block, size, MADV_REMOVE);
    arena->warm_bytes -= size;
    push(&arena->cold[class], block);
    return true;
}

/* Until MOST bytes are left; one class after the other. */
static void cool(struct arena *arena, size_t most)
{
    while (arena->warm_bytes > most)
        if (!cool_one(arena, arena->next))
            arena->next = (arena->next + 1) % ARENA_CLASSES;
}

static void *take_fresh(struct arena *arena, size_t size)
{
    if (size > arena->bytes - (size_t)(arena->fresh - arena->base)) return NULL;
    void *block = arena->fresh;
    arena->fresh += size;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (size > arena->bytes) return NULL;
    size_t bytes = block_size(size);
    unsigned class = class_of(bytes);
    void *block = pop(&arena->warm[class]);
    if (block) {
        arena->warm_bytes -= bytes;
        return block;
    }
    block = pop(&arena->cold[class]);
    return block ? block : take_fresh(arena, bytes);
}

void arena_give(struct arena *arena, void *block, size_t size)
{
    size_t bytes = block_size(size);
    push(&arena->warm[class_of(bytes)], block);
    arena->warm_bytes += bytes;
    if (arena->warm_bytes > arena->warm_most) cool(arena, arena->warm_most);
}

void arena_keep(struct arena *arena, size_t bytes)
{
    arena->warm_most = bytes;
    cool(arena, bytes);
}

void arena_trim(struct arena *arena)
{
    cool(arena, 0);
}

size_t arena_warm(const struct arena *arena)
{
    return arena->warm_bytes;
}
