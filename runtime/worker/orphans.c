/* SPDX-License-Identifier: BSD-3-Clause */
/* orphans.c - some are found in several places, and freed once. */
#include "orphans.h"

static void add(struct map *jobs, struct job *job)
{
    uint64_t id = (uint64_t)(uintptr_t)job;
    if (job && !map_get(jobs, id)) map_add(jobs, id, job);
}

/* JOB, and what waits below it on its stack. */
static void add_chain(struct map *jobs, struct job *job)
{
    for (; job; job = job->outer) add(jobs, job);
}

static void add_queue(struct map *jobs, struct queue *queue)
{
    struct link *link;
    while ((link = queue_pop(queue))) add(jobs, (struct job *)link);
}

/* Those that make a value, or wait for one. */
static void add_makers(struct map *jobs, const struct store *store)
{
    size_t at = 0;
    const struct value *value;
    while ((value = map_next(&store->values, &at))) {
        if (value->state == VALUE_MAKING) add(jobs, value->job);
        for (const struct want *want = value->wants; want; want = want->next)
            if (want->kind == WANT_JOB || want->kind == WANT_DONE)
                add(jobs, want->job);
    }
}

static void add_waiting(struct map *jobs, const struct waiter *first)
{
    for (const struct waiter *at = first; at; at = at->next)
        add_chain(jobs, at->job);
}

void orphans_free(struct custody *custody, const struct nest *nest,
                  const struct muster *muster)
{
    struct map jobs = {0};
    struct job *job;
    size_t at = 0;
    add_makers(&jobs, &custody->store);
    add_queue(&jobs, &custody->agenda->ready);
    add_queue(&jobs, &custody->constants->early);
    add_chain(&jobs, custody->agenda->running);
    add_waiting(&jobs, nest->waiting);
    add_waiting(&jobs, nest->awake);
    add(&jobs, muster->waiting);
    for (size_t i = 0; i < custody->room.staged; i++)
        add(&jobs, custody->room.jobs[i]);
    while ((job = map_next(&jobs, &at))) job_free(custody->jobs, job);
    map_fini(&jobs);
}
