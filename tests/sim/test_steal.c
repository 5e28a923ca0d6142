/* SPDX-License-Identifier: BSD-3-Clause */
/* test_steal.c - in virtual time: workers that run dry take what others have
 * too much of. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

enum { MS = 1000000, TASKS_MAX = 2000 };

/* Tasks of a certain length, all on worker 1 unless they may go anywhere. */
struct load {
    int workers, nodes;
    size_t tasks;
    uint64_t ns;   /* that each takes */
    bool no_steal; /* set to 0: they may */
    bool hard, anywhere;
    size_t input_bytes; /* of one input for all; 0: none */
};

struct outcome {
    uint64_t makespan_ns;
    struct msg_counts counts;
    int busy; /* workers that ran a task */
};

static uint64_t duration(void *app, int rank, struct job *job)
{
    return ((const struct load *)app)->ns;
}

static void check_results(struct cluster *cluster, const uint64_t keys[],
                          size_t count, struct buffer *input)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = i;
        struct buffer *value = cluster_get(cluster, keys[i]);
        struct buffer *expected = oracle_call(ORACLE_SMALL, &word, sizeof word,
                                              &input, input != NULL);
        CU_ASSERT_TRUE(
            oracle_same(expected, value->data, value->size, value->is_error));
        buffer_unref(expected);
        buffer_unref(value);
        CU_ASSERT_EQUAL(center_drop(cluster->center, keys[i]), DMPI_OK);
    }
}

static void submit_all(struct cluster *cluster, const struct load *load,
                       const uint64_t *input, uint64_t keys[])
{
    for (size_t i = 0; i < load->tasks; i++)
        keys[i] = cluster_submit(cluster, ORACLE_SMALL, input, input != NULL, i,
                                 load->anywhere ? 0 : 1, load->hard);
}

static struct outcome run(struct load load)
{
    struct cluster_setup setup = {.workers = load.workers,
                                  .nodes = load.nodes,
                                  .seed = 11,
                                  .steal = !load.no_steal,
                                  .duration_ns = duration,
                                  .app = &load,
                                  .tick_ns = 20000};
    struct cluster *cluster = cluster_new(&setup);
    uint64_t keys[TASKS_MAX], input_key = 0;
    struct buffer *input = NULL;
    struct outcome outcome;

    if (load.input_bytes) {
        input = oracle_bytes(1, load.input_bytes);
        input_key = center_put(cluster->center, 1, input);
    }
    submit_all(cluster, &load, input ? &input_key : NULL, keys);
    virtual_run(cluster);
    outcome.makespan_ns = cluster->now_ns;
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    check_results(cluster, keys, load.tasks, input);
    if (input) center_drop(cluster->center, input_key);
    buffer_unref(input);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    outcome.counts = cluster_counts(cluster);
    outcome.busy = cluster_busy_workers(cluster);
    CU_ASSERT_EQUAL(outcome.counts.tasks_run, load.tasks);
    CU_ASSERT_EQUAL(outcome.counts.keys_held, 0);
    cluster_free(cluster);
    return outcome;
}

static void tasks_born_on_one_worker_are_shared_by_all(void)
{
    for (int workers = 2; workers <= 32; workers *= 2) {
        struct load load = {.workers = workers, .tasks = 640, .ns = MS};
        struct outcome outcome = run(load);
        uint64_t ideal = load.tasks * load.ns / (uint64_t)workers;

        CU_ASSERT_EQUAL(outcome.busy, workers);
        CU_ASSERT_TRUE(outcome.counts.tasks_stolen > 0);
        CU_ASSERT_TRUE(outcome.makespan_ns >= ideal);
        CU_ASSERT_TRUE(outcome.makespan_ns <= ideal + ideal / 4 + 2 * load.ns);
        printf("\n    %2d workers: %5.1f ms of %5.1f, %llu stolen", workers,
               (double)outcome.makespan_ns / MS, (double)ideal / MS,
               (unsigned long long)outcome.counts.tasks_stolen);
    }
}

static void tasks_with_an_input_are_shared_as_well(void)
{
    struct outcome outcome = run((struct load){
        .workers = 8, .nodes = 2, .tasks = 400, .ns = MS, .input_bytes = 5000});

    CU_ASSERT_EQUAL(outcome.busy, 8);
    CU_ASSERT_TRUE(outcome.makespan_ns < 400 * (uint64_t)MS / 5);
    /* The input goes once to each thief. */
    CU_ASSERT_TRUE(outcome.counts.bytes_to_workers <= 7 * 5000);
}

static void nothing_is_stolen_if_the_setting_says_so(void)
{
    struct outcome outcome = run(
        (struct load){.workers = 4, .tasks = 100, .ns = MS, .no_steal = true});

    CU_ASSERT_EQUAL(outcome.counts.tasks_stolen, 0);
    CU_ASSERT_EQUAL(outcome.busy, 1);
    CU_ASSERT_EQUAL(outcome.makespan_ns, 100 * (uint64_t)MS);
}

static void hard_targets_are_never_moved(void)
{
    struct outcome outcome =
        run((struct load){.workers = 4, .tasks = 100, .ns = MS, .hard = true});

    CU_ASSERT_EQUAL(outcome.counts.tasks_stolen, 0);
    CU_ASSERT_EQUAL(outcome.busy, 1);
    CU_ASSERT_EQUAL(outcome.makespan_ns, 100 * (uint64_t)MS);
}

static void few_short_tasks_are_not_worth_moving(void)
{
    struct outcome outcome =
        run((struct load){.workers = 4, .tasks = 15, .ns = 1000});

    CU_ASSERT_EQUAL(outcome.counts.tasks_stolen, 0);
}

static void input_larger_than_the_work_is_not_moved(void)
{
    struct outcome outcome = run((struct load){.workers = 4,
                                               .nodes = 4,
                                               .tasks = 20,
                                               .ns = 20000,
                                               .input_bytes = 4 << 20});

    CU_ASSERT_EQUAL(outcome.counts.tasks_stolen, 0);
}

static void tasks_for_anybody_keep_all_busy_to_the_end(void)
{
    struct outcome outcome = run(
        (struct load){.workers = 7, .tasks = 100, .ns = MS, .anywhere = true});

    CU_ASSERT_EQUAL(outcome.busy, 7);
    CU_ASSERT_EQUAL(outcome.makespan_ns, (100 / 7 + 1) * (uint64_t)MS);
}

/* ---- one long task before many -------------------------------------------*/

static uint64_t first_is_long(void *app, int rank, struct job *job)
{
    uint64_t word;
    memcpy(&word, job_args(job), sizeof word);
    return word ? MS : 1000 * (uint64_t)MS;
}

static void tasks_behind_a_long_one_are_taken_from_its_worker(void)
{
    struct cluster_setup setup = {.workers = 3,
                                  .seed = 2,
                                  .steal = true,
                                  .duration_ns = first_is_long,
                                  .tick_ns = MS};
    struct cluster *cluster = cluster_new(&setup);
    uint64_t keys[100];

    for (size_t i = 0; i < 100; i++)
        keys[i] = cluster_submit(cluster, ORACLE_WORD, NULL, 0, i, 1, false);
    virtual_run(cluster);
    /* Nobody could foretell how long it takes: all others are done beside. */
    CU_ASSERT_EQUAL(cluster->now_ns, 1000 * (uint64_t)MS);
    CU_ASSERT_EQUAL(cluster_member(cluster, 1)->jobs, 1);
    for (size_t i = 0; i < 100; i++) center_drop(cluster->center, keys[i]);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

/* ---- silence -------------------------------------------------------------*/

static uint64_t long_task(void *app, int rank, struct job *job)
{
    return 100 * (uint64_t)MS;
}

static void idle_workers_fall_silent(void)
{
    struct cluster_setup setup = {.workers = 200,
                                  .seed = 2,
                                  .steal = true,
                                  .duration_ns = long_task,
                                  .tick_ns = MS};
    struct cluster *cluster = cluster_new(&setup);
    uint64_t key, messages;

    key = cluster_submit(cluster, ORACLE_WORD, NULL, 0, 0, 1, true);
    virtual_run(cluster);
    messages = network_said(cluster->network, MSG_STEAL);
    CU_ASSERT_TRUE(messages <= 200 * 20);
    CU_ASSERT_EQUAL(network_said(cluster->network, MSG_STEAL_OFFER), 0);
    for (int i = 0; i < 50; i++) cluster_deliver(cluster);
    /* Worker 1 has just run out of work itself, and may ask. */
    CU_ASSERT_TRUE(network_said(cluster->network, MSG_STEAL) <= messages + 20);
    center_drop(cluster->center, key);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"tasks born on one worker are shared by all",
         tasks_born_on_one_worker_are_shared_by_all},
        {"tasks with an input are shared as well",
         tasks_with_an_input_are_shared_as_well},
        {"nothing is stolen if the setting says so",
         nothing_is_stolen_if_the_setting_says_so},
        {"hard targets are never moved", hard_targets_are_never_moved},
        {"few short tasks are not worth moving",
         few_short_tasks_are_not_worth_moving},
        {"input larger than the work is not moved",
         input_larger_than_the_work_is_not_moved},
        {"tasks for anybody keep all busy to the end",
         tasks_for_anybody_keep_all_busy_to_the_end},
        {"tasks behind a long one are taken from its worker",
         tasks_behind_a_long_one_are_taken_from_its_worker},
        {"idle workers fall silent", idle_workers_fall_silent},
    };
    return check_run("steal", tests, CHECK_COUNT(tests));
}
