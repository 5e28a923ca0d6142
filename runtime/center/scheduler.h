/* SPDX-License-Identifier: BSD-3-Clause */
/* scheduler.h - from submission to a worker and back: the way of a task at the
 * center.
 *
 * A task is placed when all tasks that produce its inputs are placed, not when
 * they have ended: its worker fetches inputs that do not exist yet. What could
 * run anywhere waits in one queue for a worker with room. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include "distmpi/status.h"
#include "estimates.h"
#include "gangs.h"
#include "specs.h"
#include "task.h"
#include "values.h"

/* Turns that one graph may take. */
enum { GRAPH_TURNS_MAX = 4096 };

struct scheduler {
    struct values *values;      /* borrowed; with port, catalog, roster */
    struct specs specs;         /* of tasks; with epochs, demands */
    struct queue ready;         /* may run anywhere */
    struct queue fresh;         /* ready, not looked at yet */
    struct estimates estimates; /* of the functions */
    bool steal;                 /* idle workers get what belongs to busy ones */
    size_t unended;             /* tasks */
    size_t leaving;  /* those that have ended, and use their inputs still */
    uint64_t ended;  /* so far */
    uint64_t *found; /* keys with a worker now that were sought; owned */
    size_t found_count, found_capacity;
    struct gangs gangs;
    bool closed;             /* no gang starts any more */
    uint64_t not_begun;      /* tasks that ended so, DMPI_EDEADLINE */
    struct lineage *lineage; /* borrowed; NULL: there is none */
    bool frozen; /* nothing is placed: it is not known what was lost */
};

/* SUPPLY, FUNCTIONS, STEAL: see center_new(). */
void scheduler_init(struct scheduler *scheduler, struct values *values,
                    const struct supply *supply, uint32_t functions,
                    bool steal);
void scheduler_fini(struct scheduler *scheduler);

/* Make a record for ORDER, which can run and whose inputs all exist in the
 * catalog. The task moves with the next scheduler_settle(). */
struct record *scheduler_submit(struct scheduler *scheduler,
                                const struct task_order *order);

/* The same for a gang: ORDERS[i] is that of member i of SIZE, at most as many as
 * there are workers. KEYS[i] receives its key. */
void scheduler_submit_gang(struct scheduler *scheduler,
                           const struct task_order orders[], uint32_t size,
                           uint64_t keys[]);

/* The same for a task that RANK has submitted and keeps for itself. */
struct record *scheduler_adopt(struct scheduler *scheduler,
                               const struct task_order *order, int rank);

/* The task of RECORD, which is placed, goes on as ORDER on RANK, for the same
 * key, as its next attempt. */
void scheduler_replace(struct scheduler *scheduler, struct record *record,
                       const struct task_order *order, int rank);

/* RECORD's task has no worker, and is in no queue: it waits, or is ready. */
void scheduler_wait(struct scheduler *scheduler, struct record *record);

/* Tasks submitted from now on have their turn COUNT turns later. */
void scheduler_pass_turns(struct scheduler *scheduler, uint32_t count);

/* Place all that can be placed. */
void scheduler_settle(struct scheduler *scheduler);

/* The task of RECORD has ended on FROM. False: not the end of its current
 * attempt, nothing was changed. RECORD may be gone afterwards. */
bool scheduler_end(struct scheduler *scheduler, struct record *record, int from,
                   const struct msg_task_done *done);

/* All that RANK was handed waits for other tasks: some may be kept for it, or
 * for others. */
void scheduler_starved(struct scheduler *scheduler, int rank);

/* The task of RECORD, whose end said that it still uses its inputs on FROM, does
 * not any more. RECORD may be gone afterwards. */
void scheduler_left(struct scheduler *scheduler, struct record *record,
                    int from);

/* SPEC's task is placed, or over: those that watch it look on. */
void scheduler_release_watchers(struct scheduler *scheduler, struct spec *spec);

/* RECORD, which somebody seeks, has an owner now. */
void scheduler_found(struct scheduler *scheduler, struct record *record);

/* FROM gave the task of RECORD to TO. */
void scheduler_moved(struct scheduler *scheduler, struct record *record,
                     int from, int to);

#endif
