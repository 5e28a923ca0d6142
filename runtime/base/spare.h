/* SPDX-License-Identifier: BSD-3-Clause */
/* spare.h - blocks of memory that nobody uses now, kept for the next of their
 * size.
 *
 * malloc gives large blocks back to the kernel, and the kernel hands out zeroed
 * pages one fault at a time: where large values come and go that costs more
 * than copying them. Sizes are rounded up to classes, eight between a power of
 * two and the next. There are never more than SPARE_BYTES of spares, or as many
 * as are allowed, or one block; those of other classes make room for the newest.
 * Not thread safe. */
#ifndef SPARE_H
#define SPARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SPARE_LEAST = 1 << 12, /* blocks from this size on are kept, */
    SPARE_MOST = 1 << 29,  /* and below this one */
    SPARE_STEPS = 8,
    SPARE_CLASSES = (29 - 12) * SPARE_STEPS,
    SPARE_BYTES = 256 << 20
};

/* All zero: none. */
struct spare {
    struct spare_block *lists[SPARE_CLASSES]; /* owned; inside the blocks */
    size_t bytes;                             /* of all blocks */
    size_t most;                              /* allowed; 0: SPARE_BYTES */
    unsigned next;                            /* class to make room in */
};

void spare_fini(struct spare *spare);

/* The size of a block for BYTES: the least size of a class that is not smaller,
 * or BYTES itself if none is kept of that size. */
size_t spare_size(size_t bytes);

/* A block of SIZE, from spare_size(), as it was given; NULL: there is none. */
void *spare_take(struct spare *spare, size_t size);

/* Keep BLOCK, of SIZE, from spare_size(), which free() can free; or free it. */
void spare_give(struct spare *spare, void *block, size_t size);

#endif
