/* SPDX-License-Identifier: BSD-3-Clause */
/* timeline.h - what is going to happen in virtual time, the soonest first.
 *
 * What happens at the same time happens in the order in which it was added. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty timeline. */
struct timeline {
    struct moment *moments; /* a binary heap; owned */
    size_t count, capacity;
    uint64_t added;
};

void timeline_fini(struct timeline *timeline);

/* WHAT (borrowed, not NULL) happens at AT_NS. */
void timeline_add(struct timeline *timeline, uint64_t at_ns, void *what);

/* When the next thing happens; UINT64_MAX: never. */
uint64_t timeline_next_ns(const struct timeline *timeline);

/* The next thing, if it happens at NOW_NS or before; NULL: there is none. */
void *timeline_take(struct timeline *timeline, uint64_t now_ns);

#endif
