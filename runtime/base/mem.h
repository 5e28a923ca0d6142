/* SPDX-License-Identifier: BSD-3-Clause */
/* mem.h - records of a few sizes, taken and given back without malloc.
 *
 * Slabs (Bonwick, "The slab allocator", USENIX 1994): one size class per 8
 * bytes, each with chunks of its own; one whose last record was given back
 * serves any class, and goes back to the system by mem_trim(). Sizes above MEM_SMALL come from
 * malloc. The caller remembers the size. Not thread safe. */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

enum { MEM_STEP = 8, MEM_SMALL = 4096, MEM_CLASSES = MEM_SMALL / MEM_STEP + 1 };

struct mem {
    struct mem_chunk *partial[MEM_CLASSES]; /* with room, first used first */
    struct mem_chunk *chunks;               /* all in use; owned */
    struct mem_chunk *spare;                /* empty ones; owned */
    size_t chunk_count, spare_count;
};

/* Give empty chunks back to the system, but for a few. */
void mem_trim(struct mem *mem);

/* All zero is an empty struct mem. */
void mem_fini(struct mem *mem);

/* SIZE bytes, aligned to 8, to 16 and to 64 if SIZE is a multiple
 * of that; not zeroed. Never NULL. */
void *mem_take(struct mem *mem, size_t size);
void mem_give(struct mem *mem, void *record, size_t size);

#endif
