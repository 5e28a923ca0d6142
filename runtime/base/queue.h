/* SPDX-License-Identifier: BSD-3-Clause */
/* queue.h - first in, first out within a priority; higher priorities first.
 *
 * Intrusive: the link lies inside the queued struct, which the queue does not
 * own. A few distinct priorities are expected; each keeps a list. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stddef.h>

struct link {
    struct link *next, *prev;
};

struct queue {
    struct queue_level *levels; /* owned; by falling priority */
    size_t level_count, level_capacity;
    size_t count; /* links in it */
};

/* All zero is an empty queue. */
void queue_fini(struct queue *queue);

void queue_push(struct queue *queue, struct link *link, int priority);

/* The first, or NULL. */
struct link *queue_pop(struct queue *queue);

/* The one that would be popped last, or NULL; stays in the queue. */
struct link *queue_last(const struct queue *queue);

/* LINK was pushed with PRIORITY. */
void queue_remove(struct queue *queue, struct link *link, int priority);

#endif
