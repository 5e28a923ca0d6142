/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.h - a graph that grows task by task, until it is submitted in one call.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>

#include "distmpi/pool.h"

struct plan {
    dmpi_graph_task *tasks; /* owned, like the others */
    dmpi_key *inputs;       /* of all tasks, one after another */
    dmpi_key *keys;         /* by task, when it is submitted */
    dmpi_key *row;          /* what is to be combined: keys and DMPI_NTH() */
    size_t count, input_count;
};

/* Room for so many tasks with so many inputs in all. The row is of COUNT keys,
 * copied, or none if KEYS is NULL. False: there is no memory for it, and nothing
 * to be freed. */
bool plan_init(struct plan *plan, size_t tasks, size_t inputs,
               const dmpi_key keys[], size_t count);
void plan_fini(struct plan *plan);

/* Add a task with COUNT inputs, which are copied. Arguments and options are
 * borrowed until the plan is submitted. Returns its DMPI_NTH(). */
dmpi_key plan_add(struct plan *plan, const dmpi_function *function,
                  const dmpi_key inputs[], size_t count,
                  const dmpi_task_options *options);

dmpi_status plan_submit(struct plan *plan, dmpi_pool *pool);

/* The key of the task that RESULT names, submitted; it leaves the plan. */
dmpi_key plan_take(struct plan *plan, dmpi_key result);

/* Drop the keys that were not taken. */
void plan_drop(struct plan *plan, dmpi_pool *pool);

/* Of a key that the caller gave: it names no task of the plan. */
bool plan_is_key(dmpi_key key);

#endif
