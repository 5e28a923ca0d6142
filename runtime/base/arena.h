/* SPDX-License-Identifier: BSD-3-Clause */
/* arena.h - memory for large values that processes forked later see at the same
 * addresses.
 *
 * One shared mapping, much larger than the machine's memory: the kernel gives
 * memory only where somebody writes. So each size keeps its blocks for ever, and
 * none is split or joined. Blocks that were given back stay as they are up to
 * ARENA_WARM_BYTES, or as many as are allowed; beyond, and by arena_trim(), their
 * memory goes back to the kernel. Sizes are rounded up to pages, and to eight classes between a power of
 * two and the next. Not thread safe. */
#ifndef ARENA_H
#define ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    ARENA_PAGE_BITS = 12,
    ARENA_STEPS = 8,
    ARENA_CLASSES = (48 - ARENA_PAGE_BITS) * ARENA_STEPS,
    ARENA_WARM_BYTES = 256 << 20
};

struct arena;

/* BYTES of addresses, or, where the system allows less, as many as it does. NULL:
 * not even a GiB. Lives in all processes that are forked from now on; leaves
 * nothing behind. */
struct arena *arena_new(size_t bytes);

/* This process does not see it any more. ARENA may be NULL. */
void arena_free(struct arena *arena);

/* So many that fragments of any mix of sizes fit. */
size_t arena_usual_bytes(void);

/* A block of SIZE bytes at the beginning of a page, which are anything. NULL:
 * there are no addresses left for it. In the process that made ARENA. */
void *arena_take(struct arena *arena, size_t size);

/* BLOCK was taken with SIZE. */
void arena_give(struct arena *arena, void *block, size_t size);

/* From now on blocks that are not in use keep BYTES at most. */
void arena_keep(struct arena *arena, size_t bytes);

/* All memory that is not in use goes back to the kernel. */
void arena_trim(struct arena *arena);

/* Does ADDRESS lie in it? ARENA may be NULL. */
bool arena_holds(const struct arena *arena, const void *address);

/* From now on this process, and those that it forks, may only read it; but for
 * the block of SIZE bytes, if it is WRITABLE. */
void arena_protect(struct arena *arena);
void arena_open(void *block, size_t size, bool writable);

/* What blocks that are not in use have kept; for tests. */
size_t arena_warm(const struct arena *arena);

#endif
