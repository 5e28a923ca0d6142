/* SPDX-License-Identifier: BSD-3-Clause */
/* test_scale.c - a thousand workers, a hundred thousand tasks, inputs or steps.
 *
 * The number of messages per task is printed: it must not depend on how many
 * workers there are. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "random.h"
#include "virtual.h"

enum { WORKERS = 1000, TASKS = 100000, US = 1000 };

static uint64_t half_a_millisecond_or_so(void *app, int rank, struct job *job)
{
    uint64_t mix = job->key;
    return 250 * US + random_below(&mix, 500 * US);
}

static struct cluster *cluster_of(int workers, bool steal)
{
    struct cluster_setup setup = {.workers = workers,
                                  .nodes = workers / 32 + 1,
                                  .seed = 1,
                                  .steal = steal,
                                  .duration_ns = half_a_millisecond_or_so};
    return cluster_new(&setup);
}

/* Keys with what they must be. */
struct work {
    struct cluster *cluster;
    uint64_t *keys;
    struct buffer **expected;
    size_t count;
};

static void work_init(struct work *work, int workers, bool steal)
{
    *work = (struct work){.cluster = cluster_of(workers, steal),
                          .keys = calloc(TASKS, sizeof *work->keys),
                          .expected = calloc(TASKS, sizeof *work->expected)};
}

/* INPUTS are places in the list. */
static void submit(struct work *work, uint32_t function, const size_t inputs[],
                   uint32_t count)
{
    uint64_t keys[4], word = work->count;
    struct buffer *values[4];
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = work->keys[inputs[i]];
        values[i] = work->expected[inputs[i]];
    }
    work->expected[work->count] =
        oracle_call(function, &word, sizeof word, values, count);
    work->keys[work->count++] =
        cluster_submit(work->cluster, function, keys, count, word, 0, false);
}

/* Get every STEP-th value, drop all, stop. */
static void work_end(struct work *work, size_t step)
{
    size_t wrong = 0;
    CU_ASSERT_EQUAL(center_unended(work->cluster->center), 0);
    for (size_t i = 0; i < work->count; i += step) {
        struct buffer *got = cluster_get(work->cluster, work->keys[i]);
        wrong += !oracle_same(work->expected[i], got->data, got->size,
                              got->is_error);
        buffer_unref(got);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    for (size_t i = 0; i < work->count; i++) {
        center_drop(work->cluster->center, work->keys[i]);
        buffer_unref(work->expected[i]);
    }
    CU_ASSERT_TRUE(cluster_stop(work->cluster));
    cluster_free(work->cluster);
    free(work->keys);
    free(work->expected);
}

static double messages_per_task(const struct work *work)
{
    return (double)network_said_in_all(work->cluster->network) /
           (double)work->count;
}

/* ---- many workers --------------------------------------------------------*/

static double independent(int workers, bool steal)
{
    struct work work;
    double messages;

    work_init(&work, workers, steal);
    for (size_t i = 0; i < TASKS; i++) submit(&work, ORACLE_WORD, NULL, 0);
    virtual_run(work.cluster);
    messages = messages_per_task(&work);
    CU_ASSERT_EQUAL(cluster_busy_workers(work.cluster), workers);
    printf("\n    %4d workers, steal=%d: %.2f messages a task, busy %.0f %%",
           workers, steal, messages,
           100.0 * 500 * US * TASKS / workers / (double)work.cluster->now_ns);
    work_end(&work, 50);
    return messages;
}

static void independent_tasks_run_on_all_of_a_thousand_workers(void)
{
    double few = independent(10, false);
    double many = independent(WORKERS, false);

    CU_ASSERT_EQUAL(few, 2);
    CU_ASSERT_EQUAL(many, 2);
    CU_ASSERT_TRUE(independent(WORKERS, true) < 2.5);
}

static double with_inputs(int workers)
{
    struct work work;
    double messages;
    uint64_t random = 1;

    work_init(&work, workers, true);
    for (size_t i = 0; i < TASKS; i++) {
        size_t inputs[2];
        uint32_t count = i < 10000 ? 0 : 1 + random_below(&random, 2);
        for (uint32_t k = 0; k < count; k++)
            inputs[k] = random_below(&random, i);
        submit(&work, i % 8 ? ORACLE_SMALL : ORACLE_LARGE, inputs, count);
    }
    virtual_run(work.cluster);
    messages = messages_per_task(&work);
    CU_ASSERT_EQUAL(cluster_busy_workers(work.cluster), workers);
    printf("\n    %4d workers: %.2f messages a task", workers, messages);
    work_end(&work, 50);
    return messages;
}

static void tasks_with_inputs_run_on_all_of_a_thousand_workers(void)
{
    double few = with_inputs(30), many = with_inputs(WORKERS);

    /* 3 for a task alone; 1.35 inputs each, which may all have to move. */
    CU_ASSERT_TRUE(few < 4);
    CU_ASSERT_TRUE(many < 6);
}

static void keys_dropped_early_do_not_pile_up(void)
{
    struct cluster *cluster = cluster_of(100, true);
    uint64_t last = 0;
    size_t most = 0;

    for (uint64_t i = 0; i < TASKS; i++) {
        uint64_t key =
            cluster_submit(cluster, ORACLE_WORD, &last, last != 0, i, 0, false);
        if (last) center_drop(cluster->center, last);
        last = i % 10 == 9 ? 0 : key;
        if (!last) center_drop(cluster->center, key);
        if (i % 1000 == 999) virtual_run(cluster);
        if (center_held(cluster->center) > most)
            most = center_held(cluster->center);
    }
    CU_ASSERT_TRUE(most <= 1000);
    CU_ASSERT_EQUAL(center_held(cluster->center), 0);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

/* ---- long and wide -------------------------------------------------------*/

static void task_may_have_a_hundred_thousand_inputs(void)
{
    struct cluster *cluster = cluster_of(16, true);
    uint64_t *keys = calloc(TASKS, sizeof *keys), word = 7, key;
    struct buffer **values = calloc(TASKS, sizeof *values);

    for (uint64_t i = 0; i < TASKS; i++) {
        keys[i] = cluster_submit(cluster, ORACLE_WORD, NULL, 0, i, 0, false);
        values[i] = oracle_call(ORACLE_WORD, &i, sizeof i, NULL, 0);
    }
    key = cluster_submit(cluster, ORACLE_WORD, keys, TASKS, word, 0, false);
    for (size_t i = 0; i < TASKS; i++) center_drop(cluster->center, keys[i]);
    struct buffer *got = cluster_get(cluster, key);
    struct buffer *expected =
        oracle_call(ORACLE_WORD, &word, sizeof word, values, TASKS);
    CU_ASSERT_TRUE(oracle_same(expected, got->data, got->size, got->is_error));
    for (size_t i = 0; i < TASKS; i++) buffer_unref(values[i]);
    buffer_unref(expected);
    buffer_unref(got);
    free(values);
    free(keys);
    center_drop(cluster->center, key);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

/* Steps of a chain. PLACE: the worker of step I, 0: where its input lies. */
static void chain(uint32_t first, int (*place)(uint64_t step))
{
    struct cluster *cluster = cluster_of(4, false);
    uint64_t zero = 0,
             key = cluster_submit(cluster, first, NULL, 0, 0, 1, true);
    struct buffer *value = oracle_call(first, &zero, sizeof zero, NULL, 0);

    for (uint64_t i = 1; i < TASKS; i++) {
        uint64_t next = cluster_submit(cluster, ORACLE_WORD, &key, 1, i,
                                       place(i), place(i) != 0);
        struct buffer *output =
            oracle_call(ORACLE_WORD, &i, sizeof i, &value, 1);
        buffer_unref(value);
        value = output;
        center_drop(cluster->center, key);
        key = next;
    }
    struct buffer *got = cluster_get(cluster, key);
    CU_ASSERT_TRUE(oracle_same(value, got->data, got->size, got->is_error));
    buffer_unref(got);
    buffer_unref(value);
    center_drop(cluster->center, key);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static int where_its_input_lies(uint64_t step)
{
    return 0;
}

static int in_turn(uint64_t step)
{
    return 1 + (int)(step % 4);
}

static void chain_of_a_hundred_thousand_steps_ends(void)
{
    chain(ORACLE_WORD, where_its_input_lies);
    chain(ORACLE_WORD, in_turn);
}

static void error_goes_through_a_hundred_thousand_steps(void)
{
    chain(ORACLE_FAIL, where_its_input_lies);
    chain(ORACLE_FAIL, in_turn);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"independent tasks run on all of a thousand workers",
         independent_tasks_run_on_all_of_a_thousand_workers},
        {"tasks with inputs run on all of a thousand workers",
         tasks_with_inputs_run_on_all_of_a_thousand_workers},
        {"keys dropped early do not pile up",
         keys_dropped_early_do_not_pile_up},
        {"task may have a hundred thousand inputs",
         task_may_have_a_hundred_thousand_inputs},
        {"chain of a hundred thousand steps ends",
         chain_of_a_hundred_thousand_steps_ends},
        {"error goes through a hundred thousand steps",
         error_goes_through_a_hundred_thousand_steps},
    };
    return check_run("scale", tests, CHECK_COUNT(tests));
}
