/* SPDX-License-Identifier: BSD-3-Clause */
/* again.c - empty all queues, set back, fill them again.
 *
 * A loss is rare: it may cost a look at every record. That is simpler to get
 * right than to find those concerned. */
#include "again.h"

#include <assert.h>
#include <stdlib.h>

#include "inputs.h"
#include "lineage.h"
#include "log.h"

void again_init(struct again *again, struct scheduler *scheduler)
{
    *again = (struct again){.scheduler = scheduler};
}

void again_fini(struct again *again)
{
    free(again->due);
}

/* ---- out of all queues ---------------------------------------------------*/

static void empty(struct queue *queue)
{
    while (queue_pop(queue)) {
    }
}

/* Those that watch the task of RECORD do not any more; some are no tasks. */
static void dissolve(struct scheduler *scheduler, struct record *record)
{
    struct spec *watcher = inputs_take_watchers(record->spec);
    while (watcher) {
        struct spec *next = (struct spec *)watcher->link.next;
        if (!watcher->record) specs_free(&scheduler->specs, watcher);
        watcher = next;
    }
}

static void take_out(struct scheduler *scheduler, struct record *record)
{
    struct spec *spec = record->spec;
    if (spec_is_picky(spec) &&
        demands_ticket(&scheduler->specs.demands, spec)->waits)
        demands_remove(&scheduler->specs.demands, spec);
    if (record->state == TASK_READY) task_enter(record, TASK_WAITING);
    record->owner = 0;
}

void again_begin(struct again *again)
{
    struct scheduler *scheduler = again->scheduler;
    struct roster *roster = scheduler->values->roster;
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    gangs_wait_again(&scheduler->gangs);
    empty(&scheduler->ready);
    empty(&scheduler->fresh);
    for (int rank = 1; rank < roster->ranks; rank++)
        empty(&roster_at(roster, rank)->held);
    while ((record = catalog_next(scheduler->values->catalog, &maker, &at))) {
        if (record->spec->watchers) dissolve(scheduler, record);
        if (!task_placed(record)) take_out(scheduler, record);
    }
}

/* ---- back to the beginning -----------------------------------------------*/

static void set_back(struct record *record)
{
    task_enter(record, TASK_WAITING);
    record->attempt++;
    record->owner = 0;
    record->moved = false;
}

void again_task(struct again *again, struct record *record)
{
    struct roster *roster = again->scheduler->values->roster;
    assert(record->state == TASK_PLACED);
    roster_end(roster, roster_at(roster, record->owner), record->spec->cost_ns,
               record->dealt);
    specs_give_back(&again->scheduler->specs, record->spec);
    set_back(record);
    again->tasks++;
}

static void add_due(struct again *again, struct record *record)
{
    if (again->due_count == again->due_room) {
        again->due_room = 2 * again->due_room + 16;
        again->due =
            log_realloc(again->due, again->due_room * sizeof *again->due);
    }
    again->due[again->due_count++] = record;
    if (record->state == TASK_GONE) again->scheduler->lineage->gone--;
    record->kept = false;
    set_back(record);
}

static void need_inputs(struct again *again, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = spec_inputs(spec)[i];
        input->needs++;
        if (input->outside) values_bring(again->scheduler->values, input);
        if (input->state == TASK_GONE) add_due(again, input);
    }
}

static void revive(struct again *again, struct record *record)
{
    need_inputs(again, record->spec);
    again->scheduler->unended++;
    again->scheduler->ended--;
    again->tasks++;
    again->keys++;
}

static void revive_due(struct again *again)
{
    while (again->due_count) revive(again, again->due[--again->due_count]);
}

void again_value(struct again *again, struct record *record)
{
    assert(task_ended(record) && record->kept && lineage_has_task(record));
    add_due(again, record);
    revive_due(again);
}

struct record *again_copy(struct again *again, const struct record *record)
{
    struct scheduler *scheduler = again->scheduler;
    struct record *copy = catalog_make(scheduler->values->catalog);
    struct spec *spec = specs_copy(&scheduler->specs, record->spec);
    copy->held = false;
    copy->spec = spec;
    spec->record = copy;
    task_enter(copy, TASK_WAITING);
    lineage_join(scheduler->lineage, spec);
    scheduler->unended++;
    again->tasks++;
    need_inputs(again, spec);
    revive_due(again);
    return copy;
}

/* ---- and once more -------------------------------------------------------*/

void again_end(struct again *again)
{
    struct scheduler *scheduler = again->scheduler;
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    while ((record = catalog_next(scheduler->values->catalog, &maker, &at))) {
        if (record->state != TASK_WAITING) continue;
        record->spec->placed = 0;
        scheduler_wait(scheduler, record);
    }
}
