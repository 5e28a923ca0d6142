/* SPDX-License-Identifier: BSD-3-Clause */
/* test_memory.c - how many bytes the workers hold at the peak.
 *
 * A map whose outputs are large, and a reduction over them, all submitted and
 * dropped before anything has run. By hand each worker would make one output,
 * fold it in, and make the next. And what stays when all is over: nothing. */
#include "check.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster.h"
#include "oracle.h"
#include "roster.h"
#include "virtual.h"

enum {
    US = 1000,
    MS = 1000 * US,
    OUTPUT = 1000 * 1000,
    ITEMS = 1 << 11,
    WORKERS = 8,
    MAKE = 0, /* functions */
    FOLD = 1
};

static const struct network_costs costs = {
    .near = {.latency_ns = 1000, .bytes_per_us = 4000},
    .far = {.latency_ns = 5000, .bytes_per_us = 1000},
    .hollow = true};

static struct buffer *output(void *app, int rank, struct job *job)
{
    return buffer_new(OUTPUT);
}

static uint64_t duration(void *app, int rank, struct job *job)
{
    return job->function == MAKE ? 4 * MS : 200 * US;
}

static struct cluster *cluster_of(int workers)
{
    struct cluster_setup setup = {.workers = workers,
                                  .seed = 1,
                                  .steal = true,
                                  .call = output,
                                  .duration_ns = duration,
                                  .tick_ns = MS,
                                  .costs = &costs};
    return cluster_new(&setup);
}

/* The tasks of one pattern: those that make, then those that fold two. */
struct pattern {
    size_t folds[2 * ITEMS][2]; /* task numbers; of fold I */
    size_t count;               /* folds */
};

static void fold(struct pattern *pattern, size_t a, size_t b)
{
    pattern->folds[pattern->count][0] = a;
    pattern->folds[pattern->count++][1] = b;
}

static void make_tree(struct pattern *pattern)
{
    for (size_t i = 0; i < ITEMS - 1; i++) fold(pattern, 2 * i, 2 * i + 1);
}

/* As many chains as workers, next to each other, and their ends in a chain. */
static void make_chains(struct pattern *pattern)
{
    size_t last[WORKERS];
    for (size_t i = 0; i < WORKERS; i++) last[i] = i;
    for (size_t i = WORKERS; i < ITEMS; i++) {
        fold(pattern, last[i % WORKERS], i);
        last[i % WORKERS] = ITEMS + pattern->count - 1;
    }
    for (size_t i = 1; i < WORKERS; i++) {
        fold(pattern, last[0], last[i]);
        last[0] = ITEMS + pattern->count - 1;
    }
}

static void submit_graph(struct cluster *cluster, const struct pattern *pattern)
{
    static const dmpi_function functions[] = {{.index = MAKE}, {.index = FOLD}};
    size_t count = ITEMS + pattern->count;
    dmpi_graph_task *tasks = calloc(count, sizeof *tasks);
    dmpi_key *keys = calloc(count, sizeof *keys);
    dmpi_key(*inputs)[2] = calloc(pattern->count, sizeof *inputs);

    for (size_t i = 0; i < count; i++) tasks[i].function = &functions[MAKE];
    for (size_t i = 0; i < pattern->count; i++) {
        inputs[i][0] = DMPI_NTH(pattern->folds[i][0]);
        inputs[i][1] = DMPI_NTH(pattern->folds[i][1]);
        tasks[ITEMS + i] = (dmpi_graph_task){.function = &functions[FOLD],
                                             .inputs = inputs[i],
                                             .input_count = 2};
    }
    CU_ASSERT_EQUAL(
        center_submit_graph(cluster->center, tasks, count, NULL, keys),
        DMPI_OK);
    for (size_t i = 0; i < count; i++) center_drop(cluster->center, keys[i]);
    free(inputs);
    free(keys);
    free(tasks);
}

/* The same, task by task: first the map, then the reduction. */
static void submit_each(struct cluster *cluster, const struct pattern *pattern)
{
    size_t count = ITEMS + pattern->count;
    dmpi_key *keys = calloc(count, sizeof *keys);

    for (size_t i = 0; i < ITEMS; i++)
        keys[i] = cluster_submit(cluster, MAKE, NULL, 0, i, 0, false);
    for (size_t i = 0; i < pattern->count; i++) {
        dmpi_key inputs[2] = {keys[pattern->folds[i][0]],
                              keys[pattern->folds[i][1]]};
        keys[ITEMS + i] = cluster_submit(cluster, FOLD, inputs, 2, i, 0, false);
    }
    for (size_t i = 0; i < count; i++) center_drop(cluster->center, keys[i]);
    free(keys);
}

/* BY_HAND: outputs that each worker would hold at the peak. */
static void check_peak(void (*make)(struct pattern *),
                       void (*submit)(struct cluster *, const struct pattern *),
                       size_t by_hand)
{
    struct cluster *cluster = cluster_of(WORKERS);
    struct pattern *pattern = calloc(1, sizeof *pattern);

    make(pattern);
    submit(cluster, pattern);
    virtual_run(cluster);
    uint64_t makespan_ns = cluster->now_ns;
    uint64_t most = cluster->bytes_most / OUTPUT;
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    CU_ASSERT_EQUAL(cluster->bytes, 0);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
    free(pattern);
    printf("\n    %d outputs, %d workers: %llu at the peak, by hand %zu; "
           "%.1f ms",
           ITEMS, WORKERS, (unsigned long long)most, by_hand * WORKERS,
           (double)makespan_ns / MS);
    CU_ASSERT_TRUE(most <= 2 * by_hand * WORKERS);
}

/* A worker's share of the tree, depth first: one output per level, and one in
 * the making. */
enum { TREE_BY_HAND = 8 + 2, CHAIN_BY_HAND = 3 };

static void tree_in_one_graph_runs_depth_first(void)
{
    check_peak(make_tree, submit_graph, TREE_BY_HAND);
}

static void tree_after_a_map_runs_depth_first(void)
{
    check_peak(make_tree, submit_each, TREE_BY_HAND);
}

static void chains_in_one_graph_run_depth_first(void)
{
    check_peak(make_chains, submit_graph, CHAIN_BY_HAND);
}

static void chains_after_a_map_run_depth_first(void)
{
    check_peak(make_chains, submit_each, CHAIN_BY_HAND);
}

/* ---- waiting records -----------------------------------------------------*/

static uint64_t no_time(void *app, int rank, struct job *job)
{
    return US;
}

/* A million tasks submitted one by one, each of which uses the one before or
 * nothing; all on few workers, which hardly get to run. */
static void waiting_tasks_at_a_worker_are_bounded(void)
{
    enum { MANY = 1000000, FEW = 3 };
    struct cluster_setup setup = {
        .workers = FEW, .seed = 1, .duration_ns = no_time};
    struct cluster *cluster = cluster_new(&setup);
    uint64_t last = 0, most = 0;

    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t key = cluster_submit(cluster, ORACLE_WORD, &last, i % 3 != 0,
                                      i, i % 7 == 0, false);
        if (last) center_drop(cluster->center, last);
        last = key;
        if (i % 10000) continue;
        cluster_deliver(cluster);
        for (int rank = 1; rank <= FEW; rank++) {
            size_t known = worker_values_known(cluster_worker(cluster, rank));
            if (known > most) most = known;
        }
    }
    center_drop(cluster->center, last);
    /* A job's output is known, and its inputs, of one at most. */
    CU_ASSERT_TRUE(most <= 2 * ROSTER_TASKS_MAX);
    CU_ASSERT_TRUE(most >= ROSTER_AHEAD_MIN);
    virtual_run(cluster);
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    printf("\n    %llu keys at most", (unsigned long long)most);
    cluster_free(cluster);
}

/* ---- what stays when all is over -----------------------------------------*/

/* Growth: chunks that are kept for the next records. */
enum { BATCH = 1000, WARM = 30 * BATCH, GROWTH_MAX = 4 << 20 };

/* SIM_TASKS (environment) tasks, or so many. */
static size_t tasks_or(size_t usual)
{
    const char *text = getenv("SIM_TASKS");
    return text && *text ? strtoull(text, NULL, 10) : usual;
}

/* Bytes of this process in memory, when all that is not in use is given back. */
static size_t resident(struct cluster *cluster)
{
    unsigned long all, pages = 0;
    center_rest(cluster->center);
    for (int rank = 1; rank < cluster->ranks; rank++)
        worker_rest(cluster_worker(cluster, rank));
    buffer_trim();
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu", &all, &pages) != 2) pages = 0;
    if (file) fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* COUNT tasks, HELD keys at a time, of which each but the first uses the one
 * before; their keys are dropped when that many have ended. */
static void run_tasks(struct cluster *cluster, size_t count, size_t held)
{
    uint64_t *keys = malloc(held * sizeof *keys);
    for (size_t i = 0; i < count; i += held) {
        for (size_t k = 0; k < held; k++) {
            keys[k] = cluster_submit(cluster, ORACLE_WORD, &keys[k ? k - 1 : 0],
                                     k % 3 != 0, i + k, 0, false);
            if (k % BATCH == BATCH - 1) virtual_run(cluster);
        }
        virtual_run(cluster);
        for (size_t k = 0; k < held; k++) center_drop(cluster->center, keys[k]);
    }
    virtual_run(cluster);
    free(keys);
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    CU_ASSERT_EQUAL(center_held(cluster->center), 0);
}

static void check_growth(struct cluster *cluster, size_t count, size_t held)
{
    run_tasks(cluster, WARM, BATCH);
    size_t before = resident(cluster);
    run_tasks(cluster, count, held);
    size_t after = resident(cluster);
    printf("\n    %zu tasks, %zu keys at a time: %.1f MiB before, %.1f after ",
           count, held, (double)before / (1 << 20), (double)after / (1 << 20));
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
    CU_ASSERT_TRUE(before > 0 && after <= before + GROWTH_MAX);
#endif
}

static struct cluster *quick_cluster(void)
{
    struct cluster_setup setup = {
        .workers = 2, .seed = 1, .duration_ns = no_time};
    return cluster_new(&setup);
}

static void tasks_that_are_over_leave_nothing(void)
{
    struct cluster *cluster = quick_cluster();
    check_limit(3600);
    check_growth(cluster, tasks_or(200 * BATCH), BATCH);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static void keys_that_were_held_leave_nothing(void)
{
    struct cluster *cluster = quick_cluster();
    size_t held = tasks_or(500 * BATCH) / 10;
    check_limit(3600);
    check_growth(cluster, 2 * held, held);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"tree in one graph runs depth first",
         tree_in_one_graph_runs_depth_first},
        {"tree after a map runs depth first",
         tree_after_a_map_runs_depth_first},
        {"chains in one graph run depth first",
         chains_in_one_graph_run_depth_first},
        {"chains after a map run depth first",
         chains_after_a_map_run_depth_first},
        {"waiting tasks at a worker are bounded",
         waiting_tasks_at_a_worker_are_bounded},
        {"tasks that are over leave nothing",
         tasks_that_are_over_leave_nothing},
        {"keys that were held leave nothing",
         keys_that_were_held_leave_nothing},
    };
    return check_run("memory", tests, CHECK_COUNT(tests));
}
