/* SPDX-License-Identifier: BSD-3-Clause */
/* spare.c - a list per class, the newest block first: it may be in the cache. */
#include "spare.h"

#include <stdint.h>
#include <stdlib.h>

enum { NO_CLASS = SPARE_CLASSES, FIRST_BIT = 12 };

struct spare_block {
    struct spare_block *next;
};

static unsigned highest_bit(size_t bytes)
{
    return 63 - (unsigned)__builtin_clzll((unsigned long long)bytes);
}

static bool is_kept(size_t bytes)
{
    return bytes >= SPARE_LEAST && bytes < SPARE_MOST;
}

size_t spare_size(size_t bytes)
{
    if (!is_kept(bytes)) return bytes;
    size_t step = ((size_t)1 << highest_bit(bytes)) / SPARE_STEPS;
    return (bytes + step - 1) / step * step;
}

static unsigned class_of(size_t size)
{
    if (!is_kept(size)) return NO_CLASS;
    unsigned bit = highest_bit(size);
    size_t step = ((size_t)1 << bit) / SPARE_STEPS;
    return (bit - FIRST_BIT) * SPARE_STEPS +
           (unsigned)(size / step - SPARE_STEPS);
}

static size_t class_size(unsigned class)
{
    size_t power = (size_t)1 << (FIRST_BIT + class / SPARE_STEPS);
    return power + class % SPARE_STEPS * (power / SPARE_STEPS);
}

static struct spare_block *pop(struct spare *spare, unsigned class)
{
    struct spare_block *block = spare->lists[class];
    if (!block) return NULL;
    spare->lists[class] = block->next;
    spare->bytes -= class_size(class);
    return block;
}

void *spare_take(struct spare *spare, size_t size)
{
    unsigned class = class_of(size);
    return class == NO_CLASS ? NULL : pop(spare, class);
}

static size_t most(const struct spare *spare)
{
    return spare->most ? spare->most : SPARE_BYTES;
}

/* Free spares of other classes than MINE until SIZE more fit, if they ever do. */
static void make_room(struct spare *spare, unsigned mine, size_t size)
{
    unsigned looked = 0;
    while (spare->bytes + size > most(spare) && looked < SPARE_CLASSES) {
        unsigned class = spare->next;
        struct spare_block *block = class == mine ? NULL : pop(spare, class);
        free(block);
        looked = block ? 0 : looked + 1;
        if (!block) spare->next = (class + 1) % SPARE_CLASSES;
    }
}

void spare_give(struct spare *spare, void *memory, size_t size)
{
    struct spare_block *block = memory;
    unsigned class = class_of(size);
    if (class != NO_CLASS) make_room(spare, class, size);
    bool full = spare->bytes && spare->bytes + size > most(spare);
    if (class == NO_CLASS || full) {
        free(memory);
        return;
    }
    block->next = spare->lists[class];
    spare->lists[class] = block;
    spare->bytes += size;
}

void spare_fini(struct spare *spare)
{
    for (unsigned class = 0; class < SPARE_CLASSES; class ++)
        for (struct spare_block *block; (block = pop(spare, class));)
            free(block);
}
