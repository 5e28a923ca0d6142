/* SPDX-License-Identifier: BSD-3-Clause */
/* test_quality.c - how near to the best the graphs of the literature run.
 *
 * In virtual time, with messages and transfers that take theirs: at best a graph
 * takes max(its longest path, its work / workers). */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "workload.h"

enum { MS = 1000000, NODE_WORKERS = 32 };

/* Shared memory, and a network of 10 Gbit/s. */
static const struct network_costs costs = {
    .near = {.latency_ns = 1000, .bytes_per_us = 4000},
    .far = {.latency_ns = 5000, .bytes_per_us = 1000},
    .hollow = true};

struct outcome {
    double ratio;    /* makespan over the least possible */
    double messages; /* that the center says and hears, per task */
    bool ample;      /* there is far more work than the longest path */
};

static const struct workload_task *task_of(void *app, struct job *job)
{
    const struct workload *workload = app;
    uint64_t i;
    memcpy(&i, job_args(job), sizeof i);
    return &workload->tasks[i];
}

static struct buffer *output(void *app, int rank, struct job *job)
{
    return buffer_new(task_of(app, job)->bytes);
}

static uint64_t duration(void *app, int rank, struct job *job)
{
    return task_of(app, job)->ns;
}

static struct cluster *cluster_for(struct workload *workload, int workers)
{
    struct cluster_setup setup = {.workers = workers,
                                  .nodes = 1 + (workers - 1) / NODE_WORKERS,
                                  .seed = 1,
                                  .steal = true,
                                  .call = output,
                                  .duration_ns = duration,
                                  .app = workload,
                                  .tick_ns = MS,
                                  .costs = &costs};
    return cluster_new(&setup);
}

/* The whole graph in one call; all keys are dropped at once. */
static void submit(struct cluster *cluster, const struct workload *workload)
{
    static const dmpi_function functions[ORACLE_FUNCTIONS] = {
        {.index = 0}, {.index = 1}, {.index = 2}, {.index = 3}, {.index = 4}};
    size_t count = workload->count;
    dmpi_graph_task *tasks = calloc(count, sizeof *tasks);
    uint64_t *args = calloc(count, sizeof *args);
    dmpi_key *inputs = calloc(workload->input_count + 1, sizeof *inputs);
    dmpi_key *keys = calloc(count, sizeof *keys);

    for (size_t i = 0; i < workload->input_count; i++)
        inputs[i] = DMPI_NTH(workload->inputs[i]);
    for (size_t i = 0; i < count; i++) {
        const struct workload_task *task = &workload->tasks[i];
        args[i] = i;
        tasks[i] = (dmpi_graph_task){.function = &functions[task->function],
                                     .inputs = inputs + task->first,
                                     .input_count = task->inputs,
                                     .args = &args[i],
                                     .size = sizeof args[i]};
    }
    CU_ASSERT_EQUAL(center_submit_graph(cluster->center, tasks, count, keys),
                    DMPI_OK);
    for (size_t i = 0; i < count; i++) center_drop(cluster->center, keys[i]);
    free(tasks);
    free(args);
    free(inputs);
    free(keys);
}

static struct outcome run(struct workload *workload, int workers)
{
    struct cluster *cluster = cluster_for(workload, workers);
    uint64_t share_ns = workload_work_ns(workload) / (uint64_t)workers;
    uint64_t path_ns = workload_path_ns(workload);
    uint64_t least_ns = share_ns > path_ns ? share_ns : path_ns;

    submit(cluster, workload);
    cluster_run_virtually(cluster);
    uint64_t makespan_ns = cluster->now_ns;
    struct outcome outcome = {
        .ratio = (double)makespan_ns / (double)least_ns,
        .messages = (double)network_said_with(cluster->network, 0) /
                    (double)workload->count,
        .ample = share_ns >= 8 * path_ns};
    uint64_t moved = network_bytes_transferred(cluster->network);
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    printf("\n    %6zu tasks, %3d workers: %8.2f ms, %.3f of the least%s, "
           "%7.1f MB moved, %.2f messages a task, %llu stolen",
           workload->count, workers, (double)makespan_ns / MS, outcome.ratio,
           outcome.ample ? "*" : " ", (double)moved / 1e6, outcome.messages,
           (unsigned long long)cluster_counts(cluster).tasks_stolen);
    cluster_free(cluster);
    return outcome;
}

static void check_quality(void (*make)(struct workload *))
{
    static const int workers[] = {2, 8, 32, 128, 512};
    struct workload workload = {.random = 1};

    make(&workload);
    /* RUN, DONE and DROP; a copy of each input, noted or fetched, to be dropped;
     * and a task that moves: however many workers there are. */
    double most = 4 + 2 * (double)workload.input_count / (double)workload.count;
    for (size_t i = 0; i < CHECK_COUNT(workers); i++) {
        struct outcome outcome = run(&workload, workers[i]);
        CU_ASSERT_TRUE(outcome.ratio >= 1);
        CU_ASSERT_TRUE(outcome.messages <= most);
        if (outcome.ample) CU_ASSERT_TRUE(outcome.ratio <= 1.15);
    }
    workload_fini(&workload);
}

#define QUALITY(name)                                                          \
    static void name##_runs_near_the_best(void)                                \
    {                                                                          \
        check_quality(workload_##name);                                        \
    }
QUALITY(merge_n)
QUALITY(tree_15)
QUALITY(crossv)
QUALITY(gridcat)
QUALITY(splitters)
QUALITY(fork_join)
QUALITY(cholesky)
QUALITY(layered)

int main(void)
{
    static const struct check_test tests[] = {
        {"merge-n runs near the best", merge_n_runs_near_the_best},
        {"tree-15 runs near the best", tree_15_runs_near_the_best},
        {"crossv runs near the best", crossv_runs_near_the_best},
        {"gridcat runs near the best", gridcat_runs_near_the_best},
        {"splitters run near the best", splitters_runs_near_the_best},
        {"fork-join runs near the best", fork_join_runs_near_the_best},
        {"Cholesky runs near the best", cholesky_runs_near_the_best},
        {"random layers run near the best", layered_runs_near_the_best},
    };
    return check_run("quality", tests, CHECK_COUNT(tests));
}
