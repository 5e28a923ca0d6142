/* SPDX-License-Identifier: BSD-3-Clause */
/* patterns.c - reductions and scans as graphs: each is planned, submitted in one
 * call, and all keys but the results are dropped at once. */
#include "distmpi/patterns.h"

#include <limits.h>

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

/* There may be so many calls, with arguments of SIZE bytes each. */
static dmpi_status check_count(size_t count, size_t size)
{
    size_t most = PTRDIFF_MAX / (4 * sizeof(dmpi_graph_task));
    if (count <= most && (!size || count <= PTRDIFF_MAX / size)) return DMPI_OK;
    return dmpi_status_set(DMPI_EINVAL, "no array has %zu entries", count);
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
    return check_count(count, 0);
}

static dmpi_status no_memory(size_t count)
{
    return dmpi_status_set(DMPI_ENOMEM, "no memory to combine %zu keys", count);
}

/* ---- reductions ----------------------------------------------------------*/

/* Combine the row, of COUNT keys, which is overwritten. */
static dmpi_key plan_tree(struct plan *plan, const dmpi_function *function,
                          size_t fan, size_t count,
                          const dmpi_task_options *options)
{
    dmpi_key *row = plan->row;
    if (!fan) fan = 2;
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

/* RESULT is what remains of the plan, which ends. */
static dmpi_status submit_tree(struct plan *plan, dmpi_pool *pool,
                               dmpi_key result, dmpi_key *key)
{
    dmpi_status status = plan_submit(plan, pool);
    if (!status) {
        *key = plan_take(plan, result);
        plan_drop(plan, pool);
    }
    plan_fini(plan);
    return status;
}

dmpi_status dmpi_reduce(dmpi_pool *pool, const dmpi_function *function,
                        size_t fan, const dmpi_key keys[], size_t count,
                        const dmpi_task_options *options, dmpi_key *key)
{
    struct plan plan;
    dmpi_status status = check_tree(count, fan, key);
    if (!status) status = check_keys(keys, count);
    if (status) return status;
    if (!plan_init(&plan, count, 2 * count, keys, count))
        return no_memory(count);
    dmpi_key result = count == 1
                          ? plan_add(&plan, dmpi_same, keys, 1, options)
                          : plan_tree(&plan, function, fan, count, options);
    return submit_tree(&plan, pool, result, key);
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
                     const dmpi_task_options *options)
{
    for (size_t i = 0; i < count; i++) {
        dmpi_graph_task *task = &plan->tasks[plan->count];
        plan->row[i] = plan_add(plan, map, inputs ? inputs + i : NULL,
                                inputs ? 1 : 0, options);
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
    dmpi_task_options above = sooner(options);
    dmpi_status status = check_tree(count, fan, key);
    if (!status) status = check_count(count, args ? size : 0);
    if (!status && inputs) status = check_keys(inputs, count);
    if (status) return status;
    if (!plan_init(&plan, 2 * count, 3 * count, NULL, count))
        return no_memory(count);
    plan_map(&plan, map, count, inputs, args, size, options);
    dmpi_key result = plan_tree(&plan, combine, fan, count, &above);
    return submit_tree(&plan, pool, result, key);
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
                      size_t count, const dmpi_task_options *options)
{
    size_t distance = 1;
    dmpi_key *at = plan->row;
    dmpi_key first = plan_add(plan, dmpi_same, at, 1, options);
    for (; distance < count; distance *= 2)
        plan_row(plan, function, at, count, 2 * distance - 1, distance,
                 options);
    for (; distance; distance /= 2)
        plan_row(plan, function, at, count, 3 * distance - 1, distance,
                 options);
    at[0] = first;
}

static dmpi_status scan(struct plan *plan, dmpi_pool *pool, size_t count,
                        dmpi_key results[])
{
    dmpi_status status = plan_submit(plan, pool);
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        results[i] = plan_take(plan, plan->row[i]);
    plan_drop(plan, pool);
    return DMPI_OK;
}

dmpi_status dmpi_scan(dmpi_pool *pool, const dmpi_function *function,
                      const dmpi_key keys[], size_t count,
                      const dmpi_task_options *options, dmpi_key results[])
{
    struct plan plan;
    dmpi_status status = check_count(count, 0);
    if (!status) status = check_keys(keys, count);
    if (!status && count && !results)
        status = dmpi_status_set(DMPI_EINVAL, "no place for the keys");
    if (status) return status;
    if (!count) return dmpi_submit_graph(pool, NULL, 0, NULL);
    if (!plan_init(&plan, 2 * count, 4 * count, keys, count))
        return no_memory(count);
    plan_scan(&plan, function, count, options);
    status = scan(&plan, pool, count, results);
    plan_fini(&plan);
    return status;
}
