/* SPDX-License-Identifier: BSD-3-Clause */
/* patterns.c - reductions and scans as graphs: each is planned, submitted in one
 * call, and all keys but the results are dropped at once. */
#include "distmpi/patterns.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* A value under a second key. */
DMPI_TASK(dmpi_same)
{
    dmpi_task_pass(task, 0);
}

/* ---- checks --------------------------------------------------------------*/

static dmpi_status check_keys(const dmpi_key keys[], size_t count)
{
    if (count && !keys) return dmpi_status_set(DMPI_EINVAL, "keys are NULL");
    for (size_t i = 0; i < count; i++)
        if (!plan_is_key(keys[i]))
            return dmpi_status_set(DMPI_ENOKEY,
                                   "number %zu is not a key of this pool", i);
    return DMPI_OK;
}

static dmpi_status check_tree(size_t count, size_t fan, const dmpi_key *key)
{
    if (!count)
        return dmpi_status_set(DMPI_EINVAL,
                               "there is nothing to reduce: of no values "
                               "there is no combination");
    if (fan == 1)
        return dmpi_status_set(DMPI_EINVAL,
                               "a fan of 1 combines nothing: use 2 or more");
    if (!key) return dmpi_status_set(DMPI_EINVAL, "no place for the key");
    return DMPI_OK;
}

/* ---- reductions ----------------------------------------------------------*/

/* Combine ROW, of COUNT keys, which is overwritten. */
static dmpi_key plan_tree(struct plan *plan, const dmpi_function *function,
                          size_t fan, dmpi_key row[], size_t count,
                          const dmpi_task_options *options)
{
    while (count > 1) {
        size_t above = 0;
        for (size_t i = 0; i < count; i += fan, above++) {
            size_t group = count - i < fan ? count - i : fan;
            row[above] =
                group == 1 ? row[i]
                           : plan_add(plan, function, row + i, group, options);
        }
        count = above;
    }
    return row[0];
}

/* ROW is made of the keys that go in. */
static dmpi_key *new_row(size_t count, dmpi_status *status)
{
    dmpi_key *row = calloc(count, sizeof *row);
    if (!row)
        *status = dmpi_status_set(DMPI_ENOMEM, "no memory for %zu keys", count);
    return row;
}

/* RESULT is what remains of the plan. */
static dmpi_status submit_tree(struct plan *plan, dmpi_pool *pool,
                               dmpi_key result, dmpi_key *key)
{
    dmpi_status status = plan_submit(plan, pool);
    if (status) return status;
    *key = plan_take(plan, result);
    plan_drop(plan, pool);
    return DMPI_OK;
}

static dmpi_status reduce(dmpi_pool *pool, const dmpi_function *function,
                          size_t fan, dmpi_key row[], size_t count,
                          const dmpi_task_options *options, dmpi_key *key)
{
    struct plan plan;
    dmpi_status status = plan_init(&plan, count, 2 * count);
    if (status) return status;
    dmpi_key result =
        count == 1 ? plan_add(&plan, dmpi_same, row, 1, options)
                   : plan_tree(&plan, function, fan, row, count, options);
    status = submit_tree(&plan, pool, result, key);
    plan_fini(&plan);
    return status;
}

dmpi_status dmpi_reduce(dmpi_pool *pool, const dmpi_function *function,
                        size_t fan, const dmpi_key keys[], size_t count,
                        const dmpi_task_options *options, dmpi_key *key)
{
    dmpi_status status = check_tree(count, fan, key);
    if (!status) status = check_keys(keys, count);
    if (status) return status;
    dmpi_key *row = new_row(count, &status);
    if (!row) return status;
    memcpy(row, keys, count * sizeof *row);
    status = reduce(pool, function, fan ? fan : 2, row, count, options, key);
    free(row);
    return status;
}

/* ---- map and reduce ------------------------------------------------------*/

/* One priority above. */
static dmpi_task_options sooner(const dmpi_task_options *options)
{
    dmpi_task_options result = {0};
    if (options) result = *options;
    if (result.priority < INT_MAX) result.priority++;
    return result;
}

static void plan_map(struct plan *plan, const dmpi_function *map, size_t count,
                     const dmpi_key inputs[], const void *args, size_t size,
                     const dmpi_task_options *options, dmpi_key row[])
{
    for (size_t i = 0; i < count; i++) {
        dmpi_graph_task *task = &plan->tasks[plan->count];
        row[i] = plan_add(plan, map, inputs ? inputs + i : NULL, inputs ? 1 : 0,
                          options);
        task->args = args ? (const char *)args + i * size : NULL;
        task->size = args ? size : 0;
    }
}

dmpi_status dmpi_map_reduce(dmpi_pool *pool, const dmpi_function *map,
                            size_t count, const dmpi_key inputs[],
                            const void *args, size_t size,
                            const dmpi_function *combine, size_t fan,
                            const dmpi_task_options *options, dmpi_key *key)
{
    struct plan plan;
    dmpi_status status = check_tree(count, fan, key);
    if (!status && inputs) status = check_keys(inputs, count);
    if (status) return status;
    dmpi_key *row = new_row(count, &status);
    if (row) status = plan_init(&plan, 2 * count, 3 * count);
    if (!status) {
        dmpi_task_options above = sooner(options);
        plan_map(&plan, map, count, inputs, args, size, options, row);
        dmpi_key result =
            plan_tree(&plan, combine, fan ? fan : 2, row, count, &above);
        status = submit_tree(&plan, pool, result, key);
        plan_fini(&plan);
    }
    free(row);
    return status;
}

/* ---- scan ----------------------------------------------------------------*/

/* AT[i] becomes AT[i - distance] combined with it, for every second block of
 * DISTANCE keys from FIRST on. */
static void plan_row(struct plan *plan, const dmpi_function *function,
                     dmpi_key at[], size_t count, size_t first, size_t distance,
                     const dmpi_task_options *options)
{
    for (size_t i = first; i < count; i += 2 * distance) {
        dmpi_key pair[2] = {at[i - distance], at[i]};
        at[i] = plan_add(plan, function, pair, 2, options);
    }
}

/* Up: sums of blocks of 2, 4, 8, ...; down: each block's end is known, then its
 * middle. */
static void plan_scan(struct plan *plan, const dmpi_function *function,
                      dmpi_key at[], size_t count,
                      const dmpi_task_options *options)
{
    size_t distance = 1;
    dmpi_key first = plan_add(plan, dmpi_same, at, 1, options);
    for (; distance < count; distance *= 2)
        plan_row(plan, function, at, count, 2 * distance - 1, distance,
                 options);
    for (; distance; distance /= 2)
        plan_row(plan, function, at, count, 3 * distance - 1, distance,
                 options);
    at[0] = first;
}

static dmpi_status scan(dmpi_pool *pool, const dmpi_function *function,
                        dmpi_key at[], size_t count,
                        const dmpi_task_options *options, dmpi_key results[])
{
    struct plan plan;
    dmpi_status status = plan_init(&plan, 2 * count, 4 * count);
    if (status) return status;
    plan_scan(&plan, function, at, count, options);
    status = plan_submit(&plan, pool);
    if (!status) {
        for (size_t i = 0; i < count; i++) results[i] = plan_take(&plan, at[i]);
        plan_drop(&plan, pool);
    }
    plan_fini(&plan);
    return status;
}

dmpi_status dmpi_scan(dmpi_pool *pool, const dmpi_function *function,
                      const dmpi_key keys[], size_t count,
                      const dmpi_task_options *options, dmpi_key results[])
{
    dmpi_status status = check_keys(keys, count);
    if (!status && count && !results)
        status = dmpi_status_set(DMPI_EINVAL, "no place for the keys");
    if (!count) return status ? status : dmpi_submit_graph(pool, NULL, 0, NULL);
    if (status) return status;
    dmpi_key *at = new_row(count, &status);
    if (!at) return status;
    memcpy(at, keys, count * sizeof *at);
    status = scan(pool, function, at, count, options, results);
    free(at);
    return status;
}
