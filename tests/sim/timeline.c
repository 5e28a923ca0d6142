/* SPDX-License-Identifier: BSD-3-Clause */
/* timeline.c - a binary heap by time and order of addition. */
#include "timeline.h"

#include <stdbool.h>
#include <stdlib.h>

#include "log.h"

struct moment {
    uint64_t at_ns, order;
    void *what;
};

void timeline_fini(struct timeline *timeline)
{
    free(timeline->moments);
    *timeline = (struct timeline){0};
}

static bool sooner(const struct moment *a, const struct moment *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void timeline_add(struct timeline *timeline, uint64_t at_ns, void *what)
{
    if (timeline->count == timeline->capacity) {
        timeline->capacity = 2 * timeline->capacity + 64;
        timeline->moments = log_realloc(
            timeline->moments, timeline->capacity * sizeof *timeline->moments);
    }
    struct moment added = {at_ns, timeline->added++, what};
    size_t at = timeline->count++;
    while (at && sooner(&added, &timeline->moments[(at - 1) / 2])) {
        timeline->moments[at] = timeline->moments[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    timeline->moments[at] = added;
}

uint64_t timeline_next_ns(const struct timeline *timeline)
{
    return timeline->count ? timeline->moments[0].at_ns : UINT64_MAX;
}

/* MOMENT takes the place of the first one. */
static void sink(struct timeline *timeline, struct moment moment)
{
    struct moment *heap = timeline->moments;
    size_t at = 0, child;
    while ((child = 2 * at + 1) < timeline->count) {
        if (child + 1 < timeline->count &&
            sooner(&heap[child + 1], &heap[child]))
            child++;
        if (!sooner(&heap[child], &moment)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moment;
}

void *timeline_take(struct timeline *timeline, uint64_t now_ns)
{
    if (timeline_next_ns(timeline) > now_ns) return NULL;
    void *what = timeline->moments[0].what;
    struct moment last = timeline->moments[--timeline->count];
    if (timeline->count) sink(timeline, last);
    return what;
}
