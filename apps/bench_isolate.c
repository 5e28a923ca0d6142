/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_isolate.c - what it costs to run tasks in processes of their own.
 *
 *     scripts/run -np 2 build/apps/bench_isolate
 *
 * Empty tasks beside the same without isolation; tasks whose input and output are
 * large; and tasks that crash, each of which costs an executor. */
#include <signal.h>

#include "bench.h"

enum { LARGE = 64 << 20, LARGE_TASKS = 8 };

DMPI_TASK(twice)
{
    const uint64_t *x = dmpi_task_args(task);
    uint64_t *y = dmpi_task_output(task, sizeof *y);
    *y = 2 * *x;
}

/* All of it is read and written once. */
DMPI_TASK(double_all)
{
    size_t bytes = dmpi_task_input_size(task, 0);
    const uint64_t *x = dmpi_task_input(task, 0);
    uint64_t *y = dmpi_task_output(task, bytes);
    for (size_t i = 0; y && i < bytes / sizeof *y; i++) y[i] = 2 * x[i];
}

DMPI_TASK(crash)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void finish(dmpi_pool *pool, dmpi_key *keys, size_t tasks,
                   dmpi_status end)
{
    size_t which;
    dmpi_status status =
        dmpi_wait(pool, keys, tasks, DMPI_ALL, DMPI_FOREVER, &which);
    if (status != end) bench_require(DMPI_EFAILED, "dmpi_wait");
    for (size_t i = 0; i < tasks; i++)
        dmpi_wait(pool, &keys[i], 1, DMPI_ALL, DMPI_FOREVER, NULL);
    bench_require(dmpi_drop(pool, keys, tasks), "dmpi_drop");
}

/* Microseconds a task. */
static double empty_tasks(dmpi_pool *pool, size_t tasks, int isolate,
                          uint64_t *args, dmpi_key *keys)
{
    dmpi_task_options options = {.isolate = isolate};
    for (size_t i = 0; i < tasks; i++) args[i] = i;
    double start = MPI_Wtime();
    bench_require(
        dmpi_map(pool, twice, tasks, NULL, args, sizeof *args, &options, keys),
        "dmpi_map");
    finish(pool, keys, tasks, DMPI_OK);
    return (MPI_Wtime() - start) / (double)tasks * 1e6;
}

static double crashing_tasks(dmpi_pool *pool, size_t tasks, dmpi_key *keys)
{
    dmpi_task_options options = {.isolate = 1};
    double start = MPI_Wtime();
    bench_require(dmpi_map(pool, crash, tasks, NULL, NULL, 0, &options, keys),
                  "dmpi_map");
    finish(pool, keys, tasks, DMPI_EFAILED);
    return (MPI_Wtime() - start) / (double)tasks * 1e6;
}

/* Milliseconds a task; the first one warms up. */
static double large_tasks(dmpi_pool *pool, int isolate)
{
    dmpi_task_options options = {.isolate = isolate, .rank = 1, .hard = 1};
    void *bytes = calloc(1, LARGE);
    dmpi_key from, to;
    double start = 0;
    bench_require(dmpi_put(pool, bytes, LARGE, 1, &from), "dmpi_put");
    for (int i = 0; i <= LARGE_TASKS; i++) {
        if (i == 1) start = MPI_Wtime();
        bench_require(
            dmpi_submit(pool, double_all, &from, 1, NULL, 0, &options, &to),
            "dmpi_submit");
        finish(pool, &to, 1, DMPI_OK);
    }
    double ms = (MPI_Wtime() - start) / LARGE_TASKS * 1e3;
    bench_require(dmpi_drop(pool, &from, 1), "dmpi_drop");
    free(bytes);
    return ms;
}

struct figures {
    struct bench_figures alone, beside, large, large_beside, crashes;
};

static void measure(struct figures *figures, size_t tasks, size_t crashes,
                    long runs, uint64_t *args, dmpi_key *keys)
{
    dmpi_pool *pool;
    bench_require(dmpi_open("isolate=tasks", &pool), "dmpi_open");
    for (long run = 0; pool && run <= runs; run++) { /* the first warms up */
        double alone = empty_tasks(pool, tasks, 1, args, keys);
        double beside = empty_tasks(pool, tasks, -1, args, keys);
        double large = large_tasks(pool, 1);
        double large_beside = large_tasks(pool, -1);
        double crashing = crashing_tasks(pool, crashes, keys);
        if (!run) continue;
        bench_add(&figures->alone, alone);
        bench_add(&figures->beside, beside);
        bench_add(&figures->large, large);
        bench_add(&figures->large_beside, large_beside);
        bench_add(&figures->crashes, crashing);
    }
    bench_require(dmpi_close(pool), "dmpi_close");
}

static void print(struct figures *figures, int ranks, size_t tasks)
{
    printf("bench_isolate: %zu tasks, np %d\n", tasks, ranks);
    bench_print("an isolated task", &figures->alone, "us");
    bench_print("not isolated", &figures->beside, "us");
    bench_print("64 MiB in and out, isolated", &figures->large, "ms");
    bench_print("not isolated", &figures->large_beside, "ms");
    bench_print("a task that crashes", &figures->crashes, "us");
    bench_result("isolated task", bench_median(&figures->alone), "us", NAN, NAN,
                 20, 1);
    double large = bench_median(&figures->large);
    double beside = bench_median(&figures->large_beside);
    bench_result("64 MiB in and out, isolated", large, "ms", beside,
                 large / beside, NAN, 1);
    bench_result("a task that crashes", bench_median(&figures->crashes), "us",
                 NAN, NAN, 2000, 1);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--tasks", "--runs", "--crashes",
                                          NULL};
    struct figures figures = {.alone.count = 0};
    int rank, ranks;
    bench_check_options(
        argc, argv, options,
        "usage: bench_isolate [--tasks N] [--crashes N] [--runs N]\n");
    size_t tasks = (size_t)bench_option(argc, argv, "--tasks", 20000);
    size_t crashes = (size_t)bench_option(argc, argv, "--crashes", 100);
    long runs = bench_option(argc, argv, "--runs", 5);
    size_t most = tasks > crashes ? tasks : crashes;
    bench_require(dmpi_isolate(), "dmpi_isolate");
    bench_start(&rank, &ranks);
    uint64_t *args = malloc(most * sizeof *args);
    dmpi_key *keys = malloc(most * sizeof *keys);
    if (args && keys) measure(&figures, tasks, crashes, runs, args, keys);
    if (rank == 0) print(&figures, ranks, tasks);
    free(args);
    free(keys);
    MPI_Finalize();
    return 0;
}
