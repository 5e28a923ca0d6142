/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.c - arrays that are large enough from the beginning. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#define NTH_BITS 48

bool plan_init(struct plan *plan, size_t tasks, size_t inputs,
               const dmpi_key keys[], size_t count)
{
    *plan = (struct plan){.tasks = calloc(tasks, sizeof *plan->tasks),
                          .inputs = calloc(inputs, sizeof *plan->inputs),
                          .keys = calloc(tasks, sizeof *plan->keys),
                          .row = calloc(count, sizeof *plan->row)};
    if (!plan->tasks || !plan->inputs || !plan->keys || !plan->row) {
        plan_fini(plan);
        return false;
    }
    if (keys) memcpy(plan->row, keys, count * sizeof *keys);
    return true;
}

void plan_fini(struct plan *plan)
{
    free(plan->tasks);
    free(plan->inputs);
    free(plan->keys);
    free(plan->row);
}

dmpi_key plan_add(struct plan *plan, const dmpi_function *function,
                  const dmpi_key inputs[], size_t count,
                  const dmpi_task_options *options)
{
    dmpi_key *copy = plan->inputs + plan->input_count;
    if (count) memcpy(copy, inputs, count * sizeof *copy);
    plan->input_count += count;
    plan->tasks[plan->count] = (dmpi_graph_task){.function = function,
                                                 .inputs = copy,
                                                 .input_count = count,
                                                 .options = options};
    return DMPI_NTH(plan->count++);
}

dmpi_status plan_submit(struct plan *plan, dmpi_pool *pool)
{
    return dmpi_submit_graph(pool, plan->tasks, plan->count, plan->keys);
}

dmpi_key plan_take(struct plan *plan, dmpi_key result)
{
    size_t i = (size_t)(result - DMPI_NTH(0));
    dmpi_key key = plan->keys[i];
    plan->keys[i] = DMPI_KEY_NONE;
    return key;
}

void plan_drop(struct plan *plan, dmpi_pool *pool)
{
    dmpi_drop(pool, plan->keys, plan->count);
}

bool plan_is_key(dmpi_key key)
{
    return key >> NTH_BITS != DMPI_NTH(0) >> NTH_BITS;
}
