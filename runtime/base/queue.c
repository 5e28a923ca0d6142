/* SPDX-License-Identifier: BSD-3-Clause */
/* queue.c - a list of links per order; the lists form a skip list (Pugh, "Skip
 * lists: a probabilistic alternative to balanced trees", CACM 1990).
 *
 * A level that pop() empties stays until the next pop() or push() comes across
 * it: a queue that holds one link now and then costs no search. */
#include "queue.h"

#include <assert.h>
#include <stdlib.h>

#include "log.h"

struct queue_level {
    uint64_t order;
    struct link *head, *tail;
    struct queue_level *prev;
    int height;
    struct queue_level *next[QUEUE_HEIGHT]; /* those below height */
};

static void free_levels(struct queue_level *level)
{
    while (level) {
        struct queue_level *next = level->next[0];
        free(level);
        level = next;
    }
}

void queue_fini(struct queue *queue)
{
    free_levels(queue->first[0]);
    free_levels(queue->spare);
    *queue = (struct queue){0};
}

/* ---- levels --------------------------------------------------------------*/

/* For each height the pointer to the first level that is not above ORDER. */
static void search(struct queue *queue, uint64_t order,
                   struct queue_level **places[])
{
    struct queue_level **next = queue->first;
    for (int h = QUEUE_HEIGHT; h-- > 0;) {
        while (next[h] && next[h]->order > order) next = next[h]->next;
        places[h] = &next[h];
    }
}

static struct queue_level *find(const struct queue *queue, uint64_t order)
{
    if (queue->recent && queue->recent->order == order) return queue->recent;
    struct queue_level *const *next = queue->first;
    for (int h = QUEUE_HEIGHT; h-- > 0;)
        while (next[h] && next[h]->order > order) next = next[h]->next;
    return next[0] && next[0]->order == order ? next[0] : NULL;
}

/* Three of four are 1 high, and so on (xorshift32, Marsaglia 2003). */
static int random_height(struct queue *queue)
{
    uint32_t bits = queue->random ? queue->random : 1;
    bits ^= bits << 13;
    bits ^= bits >> 17;
    bits ^= bits << 5;
    queue->random = bits;
    int height = 1;
    while (height < QUEUE_HEIGHT && !(bits & 3)) {
        height++;
        bits >>= 2;
    }
    return height;
}

static struct queue_level *new_level(struct queue *queue, uint64_t order)
{
    struct queue_level *level = queue->spare;
    if (level) queue->spare = level->next[0];
    else level = log_alloc(sizeof *level);
    *level =
        (struct queue_level){.order = order, .height = random_height(queue)};
    return level;
}

static void insert_level(struct queue *queue, struct queue_level *level,
                         struct queue_level **places[])
{
    struct queue_level *after = *places[0];
    struct queue_level **back = after ? &after->prev : &queue->last;
    level->prev = *back;
    *back = level;
    for (int h = 0; h < level->height; h++) {
        level->next[h] = *places[h];
        *places[h] = level;
    }
}

/* PLACES: of all that point to LEVEL, which is empty. */
static void remove_level(struct queue *queue, struct queue_level *level,
                         struct queue_level **places[])
{
    struct queue_level *after = level->next[0];
    *(after ? &after->prev : &queue->last) = level->prev;
    for (int h = 0; h < level->height; h++) *places[h] = level->next[h];
    if (queue->recent == level) queue->recent = NULL;
    level->next[0] = queue->spare;
    queue->spare = level;
}

static void remove_first_level(struct queue *queue)
{
    struct queue_level **places[QUEUE_HEIGHT];
    for (int h = 0; h < QUEUE_HEIGHT; h++) places[h] = &queue->first[h];
    remove_level(queue, queue->first[0], places);
}

/* The first level that is not empty; there is one. */
static struct queue_level *first_level(struct queue *queue)
{
    while (!queue->first[0]->head) remove_first_level(queue);
    return queue->first[0];
}

/* An empty queue has one level at most, for any order. */
static struct queue_level *only_level(struct queue *queue, uint64_t order)
{
    while (queue->first[0] != queue->last) remove_first_level(queue);
    if (queue->last) queue->last->order = order;
    return queue->last;
}

static struct queue_level *level_for(struct queue *queue, uint64_t order)
{
    struct queue_level **places[QUEUE_HEIGHT] = {queue->first}, *level;
    if (!queue->count && (level = only_level(queue, order))) return level;
    search(queue, order, places);
    level = *places[0];
    if (level && level->order == order) return level;
    if (level && !level->head && level == queue->first[0])
        remove_first_level(queue);
    level = new_level(queue, order);
    insert_level(queue, level, places);
    return level;
}

/* ---- links ---------------------------------------------------------------*/

void queue_push(struct queue *queue, struct link *link, uint64_t order)
{
    struct queue_level *level = queue->recent;
    if (!level || level->order != order)
        queue->recent = level = level_for(queue, order);
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
    struct queue_level *level = first_level(queue);
    struct link *link = level->head;
    take_out(queue, level, link);
    return link;
}

struct link *queue_first(struct queue *queue)
{
    return queue->count ? first_level(queue)->head : NULL;
}

static struct link *last_until(const struct queue_level *level)
{
    while (level && !level->tail) level = level->prev;
    return level ? level->tail : NULL;
}

struct link *queue_last(const struct queue *queue)
{
    return last_until(queue->last);
}

struct link *queue_before(const struct queue *queue, const struct link *link,
                          uint64_t order)
{
    if (link->prev) return link->prev;
    const struct queue_level *level = find(queue, order);
    assert(level);
    return last_until(level->prev);
}

void queue_remove(struct queue *queue, struct link *link, uint64_t order)
{
    struct queue_level **places[QUEUE_HEIGHT];
    struct queue_level *level = find(queue, order);
    assert(level);
    take_out(queue, level, link);
    if (level->head || !queue->count) return;
    search(queue, order, places);
    remove_level(queue, level, places);
}

size_t queue_levels(const struct queue *queue)
{
    size_t count = 0;
    const struct queue_level *level;
    for (level = queue->first[0]; level; level = level->next[0]) count++;
    for (level = queue->spare; level; level = level->next[0]) count++;
    return count;
}
