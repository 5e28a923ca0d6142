/* SPDX-License-Identifier: BSD-3-Clause */
/* decree.c - an error value goes to a worker in the task's place. */
#include "decree.h"

#include "failure.h"
#include "inputs.h"
#include "key.h"
#include "lineage.h"

/* ---- one task ------------------------------------------------------------*/

/* RECORD's task is ready: take it from the queue that it is in. */
static void take_out(struct scheduler *scheduler, struct record *record)
{
    struct spec *spec = record->spec;
    struct roster *roster = scheduler->values->roster;
    if (spec_is_picky(spec) &&
        demands_ticket(&scheduler->specs.demands, spec)->waits) {
        demands_remove(&scheduler->specs.demands, spec);
        return;
    }
    struct queue *queue = record->dealt ? &scheduler->ready
                          : record->owner
                              ? &roster_at(roster, record->owner)->held
                              : &scheduler->fresh;
    queue_remove(queue, &spec->link, spec->order);
}

/* A worker that has no more to do with RECORD than others: errors go round. */
static int any_rank(const struct scheduler *scheduler,
                    const struct record *record)
{
    int workers = scheduler->values->roster->ranks - 1;
    int rank = 1 + (int)(key_counter(record->key) % (uint64_t)workers);
    while (scheduler->values->port->lost[rank]) rank = 1 + rank % workers;
    return rank;
}

/* A spec that watches another's task stays in the list there, without a record,
 * until that task is placed, or ends: to find it would cost the length of the list. */
static void fail_one(struct scheduler *scheduler, struct record *record,
                     struct buffer *error)
{
    struct values *values = scheduler->values;
    struct spec *spec = record->spec;
    bool watches = record->state == TASK_WAITING;
    if (!watches && !(spec->flags & RUN_GANG)) take_out(scheduler, record);
    bool there = spec->target && !scheduler->values->port->lost[spec->target];
    int rank = there ? spec->target : any_rank(scheduler, record);
    task_enter(record, TASK_FAILED);
    if (record->sought) scheduler_found(scheduler, record);
    values_say_put(values, rank, record->key, 0, error);
    values_exist(values, record, rank, error->size);
    record->spec = NULL;
    if (scheduler->lineage)
        lineage_decree(scheduler->lineage, record, spec, error);
    inputs_unneed(values, spec);
    scheduler_release_watchers(scheduler, spec);
    specs_give_back(&scheduler->specs, spec);
    if (watches) spec->record = NULL;
    else specs_free(&scheduler->specs, spec);
    scheduler->unended--;
    scheduler->ended++;
    values_release(values, record);
}

/* ---- gangs ---------------------------------------------------------------*/

/* What waits until GANG, which does not run, is over. */
static void fail_pending(struct scheduler *scheduler, const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++) {
        struct record *pending = gangs_pending(gang, i);
        if (!pending) continue;
        struct failure_of of = {.function = pending->spec->function};
        struct buffer *error = failure_new(
            DMPI_ELOST, &of,
            "its value was lost with its worker, and its gang did not run "
            "again");
        fail_one(scheduler, pending, error);
        buffer_unref(error);
    }
}

/* GANG has been taken out. */
static void free_gang(struct scheduler *scheduler, struct gang *gang)
{
    if (scheduler->lineage) lineage_leave_gang(scheduler->lineage, gang);
    gang_free(gang);
}

static void fail_gang(struct scheduler *scheduler, struct gang *gang,
                      struct buffer *error)
{
    gangs_take_out(&scheduler->gangs, gang);
    fail_pending(scheduler, gang);
    for (uint32_t i = 0; i < gang->size; i++)
        fail_one(scheduler, gang->members[i], error);
    free_gang(scheduler, gang);
}

void decree_end(struct scheduler *scheduler, struct record *record,
                struct buffer *error)
{
    struct gang *gang = record->spec->flags & RUN_GANG
                            ? gangs_of(&scheduler->gangs, record)
                            : NULL;
    if (gang && gangs_plays(gang, record)) fail_gang(scheduler, gang, error);
    else fail_one(scheduler, record, error);
}

/* The task of RECORD has BAD as its only input: it will become that error. It never
 * runs, should BAD be lost, and made again without one. */
static void inherit_error(struct scheduler *scheduler, struct record *record,
                          struct record *bad)
{
    struct spec *old = record->spec;
    struct task_order order = {.function = old->function,
                               .inputs = &bad->key,
                               .input_count = 1,
                               .name = NULL};
    struct spec *spec = record->spec =
        specs_new_plain(&scheduler->specs, &order);
    spec->order = old->order;
    spec->flags = RUN_VOID;
    spec->record = record;
    spec->watchers = old->watchers;
    spec_inputs(spec)[0] = bad;
    bad->needs++;
    if (scheduler->lineage) lineage_replace(scheduler->lineage, old, spec);
    inputs_unneed(scheduler->values, old);
    if (scheduler->lineage) lineage_leave(scheduler->lineage, old);
    specs_free(&scheduler->specs, old);
    queue_push(&scheduler->fresh, &spec->link, spec->order);
}

/* None of its members runs. */
static void give_error(struct scheduler *scheduler, struct gang *gang)
{
    struct record *bad = gangs_bad_input(gang);
    gangs_take_out(&scheduler->gangs, gang);
    fail_pending(scheduler, gang);
    for (uint32_t i = 0; i < gang->size; i++)
        inherit_error(scheduler, gang->members[i], bad);
    free_gang(scheduler, gang);
}

/* A gang has begun when its workers have heard of it. */
static void end_gangs(struct scheduler *scheduler)
{
    struct gang *gang;
    while ((gang = gangs_next(&scheduler->gangs))) {
        struct failure_of of = {.function = gang->members[0]->spec->function};
        struct buffer *error =
            failure_new(DMPI_EDEADLINE, &of, "not begun: the job is ending");
        scheduler->not_begun += gang->size;
        decree_end(scheduler, gang->members[0], error);
        buffer_unref(error);
    }
}

void decree_gangs(struct scheduler *scheduler)
{
    struct gang *gang;
    if (scheduler->closed) end_gangs(scheduler); /* which others may inherit */
    while ((gang = gangs_failed(&scheduler->gangs)))
        give_error(scheduler, gang);
}
