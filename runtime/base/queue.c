/* SPDX-License-Identifier: BSD-3-Clause */
/* queue.c - an array of lists by falling priority, empty ones kept while there
 * are few. */
#include "queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct queue_level {
    int priority;
    struct link *head, *tail;
};

enum { EMPTY_LEVELS_KEPT = 16 };

void queue_fini(struct queue *queue)
{
    free(queue->levels);
    *queue = (struct queue){0};
}

/* The index of PRIORITY's level, or where it would be inserted. */
static size_t find_level(const struct queue *queue, int priority)
{
    size_t low = 0, high = queue->level_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (queue->levels[middle].priority > priority) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void remove_empty_levels(struct queue *queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->level_count; i++)
        if (queue->levels[i].head) queue->levels[kept++] = queue->levels[i];
    queue->level_count = kept;
}

static void insert_level(struct queue *queue, size_t at, int priority)
{
    if (queue->level_count == queue->level_capacity) {
        queue->level_capacity = 2 * queue->level_capacity + 4;
        queue->levels = log_realloc(queue->levels, queue->level_capacity *
                                                       sizeof *queue->levels);
    }
    memmove(queue->levels + at + 1, queue->levels + at,
            (queue->level_count - at) * sizeof *queue->levels);
    queue->levels[at] = (struct queue_level){.priority = priority};
    queue->level_count++;
}

static struct queue_level *level_for(struct queue *queue, int priority)
{
    size_t at = find_level(queue, priority);
    if (at < queue->level_count && queue->levels[at].priority == priority)
        return &queue->levels[at];
    if (queue->level_count >= EMPTY_LEVELS_KEPT) {
        remove_empty_levels(queue);
        at = find_level(queue, priority);
    }
    insert_level(queue, at, priority);
    return &queue->levels[at];
}

void queue_push(struct queue *queue, struct link *link, int priority)
{
    struct queue_level *level = level_for(queue, priority);
    link->next = NULL;
    link->prev = level->tail;
    if (level->tail) level->tail->next = link;
    else level->head = link;
    level->tail = link;
    queue->count++;
}

static void take_out(struct queue *queue, struct queue_level *level,
                     struct link *link)
{
    if (link->prev) link->prev->next = link->next;
    else level->head = link->next;
    if (link->next) link->next->prev = link->prev;
    else level->tail = link->prev;
    queue->count--;
}

struct link *queue_pop(struct queue *queue)
{
    if (!queue->count) return NULL;
    struct queue_level *level = queue->levels;
    while (!level->head) level++;
    struct link *link = level->head;
    take_out(queue, level, link);
    return link;
}

struct link *queue_last(const struct queue *queue)
{
    for (size_t i = queue->level_count; i-- > 0;)
        if (queue->levels[i].tail) return queue->levels[i].tail;
    return NULL;
}

void queue_remove(struct queue *queue, struct link *link, int priority)
{
    size_t at = find_level(queue, priority);
    assert(at < queue->level_count && queue->levels[at].priority == priority);
    take_out(queue, &queue->levels[at], link);
}
