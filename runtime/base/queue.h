/* SPDX-License-Identifier: BSD-3-Clause */
/* queue.h - first in, first out within an order; higher orders first.
 *
 * Intrusive: the link lies inside the queued struct, which the queue does not
 * own. Any number of distinct orders: pushing one that is not there costs the
 * logarithm of how many are, everything else about the same for any number. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct link {
    struct link *next, *prev;
};

enum { QUEUE_HEIGHT = 8 };

struct queue {
    struct queue_level *first[QUEUE_HEIGHT]; /* by falling order; owned */
    struct queue_level *last, *recent;
    struct queue_level *spare; /* owned */
    size_t count;              /* links in it */
    uint32_t random;
};

/* All zero is an empty queue. */
void queue_fini(struct queue *queue);

void queue_push(struct queue *queue, struct link *link, uint64_t order);

/* The first, or NULL; it stays in the queue, or leaves it. */
struct link *queue_first(struct queue *queue);
struct link *queue_pop(struct queue *queue);

/* The one that would be popped last, or NULL; stays in the queue. */
struct link *queue_last(const struct queue *queue);

/* The one that would be popped right before LINK, which was pushed with ORDER;
 * NULL: LINK is the first. */
struct link *queue_before(const struct queue *queue, const struct link *link,
                          uint64_t order);

/* LINK was pushed with ORDER. */
void queue_remove(struct queue *queue, struct link *link, uint64_t order);

/* Levels that it has memory for. */
size_t queue_levels(const struct queue *queue);

#endif
