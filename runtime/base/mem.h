/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.h - records of a few sizes, taken and given back without malloc.
 *
 * One free list per size class of 16 bytes, filled from chunks; sizes above
 * MEM_SMALL come from malloc. The caller remembers the size. What is given
 * back is used again, and freed only by mem_fini(). Not thread safe. */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

enum {
    MEM_STEP = 16,
    MEM_SMALL = 1024,
    MEM_CLASSES = MEM_SMALL / MEM_STEP + 1
};

struct mem {
    struct mem_free *lists[MEM_CLASSES]; /* inside the chunks */
    struct mem_chunk *chunks;            /* owned */
};

/* All zero is an empty struct mem. */
void mem_fini(struct mem *mem);

/* SIZE bytes, aligned to 16, not zeroed. Never NULL. */
void *mem_take(struct mem *mem, size_t size);
void mem_give(struct mem *mem, void *record, size_t size);

#endif
