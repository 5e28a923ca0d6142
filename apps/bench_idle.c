/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_idle.c - the CPU time of ranks that have nothing to do.
 *
 *     scripts/run -np 3 build/apps/bench_idle [--seconds N] [--runs N]
 *
 * Two cases: a pool is open and rank 0 is in sleep(3), away from the library;
 * and every worker runs a task that sleeps for 1 s while rank 0 is in
 * dmpi_wait(). Each rank tells what its process has used, user and system, all
 * threads, before and after (dmpi_rank_run_all); in per cent of one core.
 *
 * Beside it bare MPI: workers in MPI_Recv() for 0.3 s while rank 0 sleeps, and
 * rank 0 in MPI_Recv() while the workers sleep. */
#include <sys/resource.h>

#include "bench.h"

enum { TAG = 1 };

static const double bare_seconds = 0.3, task_seconds = 1;

/* What this process has used, in seconds of CPU. */
static double used(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

DMPI_TASK(tell_used)
{
    double *seconds = dmpi_task_output(task, sizeof *seconds);
    *seconds = used();
}

DMPI_TASK(doze)
{
    const double *seconds = dmpi_task_args(task);
    bench_nap(*seconds);
}

/* ---- the library ---------------------------------------------------------*/

/* USED[r] += SIGN * what rank r has used. */
static void add_used(double sign, double sums[])
{
    int ranks = dmpi_ranks();
    void **results = calloc((size_t)ranks, sizeof *results);
    size_t *sizes = calloc((size_t)ranks, sizeof *sizes);
    bench_require(dmpi_rank_run_all(tell_used, NULL, 0, results, sizes),
                  "dmpi_rank_run_all");
    for (int i = 0; i < ranks; i++) {
        sums[i] += sign * *(double *)results[i];
        free(results[i]);
    }
    free(results);
    free(sizes);
}

static void sleep_away(dmpi_pool *pool, double seconds)
{
    (void)pool;
    bench_nap(seconds);
}

/* One task on each worker, and wait for all. */
static void wait_for_dozers(dmpi_pool *pool, double seconds)
{
    size_t workers = dmpi_workers(pool);
    dmpi_key *keys = malloc(workers * sizeof *keys);
    for (size_t i = 0; i < workers; i++) {
        dmpi_task_options there = {.rank = (int)i + 1, .hard = 1};
        bench_require(dmpi_submit(pool, doze, NULL, 0, &seconds, sizeof seconds,
                                  &there, &keys[i]),
                      "dmpi_submit");
    }
    bench_require(dmpi_wait(pool, keys, workers, DMPI_ALL, DMPI_FOREVER, NULL),
                  "dmpi_wait");
    bench_require(dmpi_drop(pool, keys, workers), "dmpi_drop");
    free(keys);
}

/* Per cent of a core, by rank, while DO_IT runs. */
static void ours(dmpi_pool *pool, void (*do_it)(dmpi_pool *, double),
                 double seconds, double percent[])
{
    int ranks = dmpi_ranks();
    memset(percent, 0, (size_t)ranks * sizeof *percent);
    double start = MPI_Wtime();
    add_used(-1, percent);
    do_it(pool, seconds);
    add_used(1, percent);
    double passed = MPI_Wtime() - start;
    if (passed < seconds) bench_require(DMPI_EFAILED, "did not sleep");
    for (int i = 0; i < ranks; i++) percent[i] *= 100 / passed;
}

/* ---- bare MPI ------------------------------------------------------------*/

/* Per cent of a core of rank WHO, which waits for a message of rank FROM. */
static double bare(int rank, int who, int from)
{
    double before = used(), start = MPI_Wtime();
    bench_meet();
    if (rank == from) {
        bench_nap(bare_seconds);
        MPI_Send(NULL, 0, MPI_BYTE, who, TAG, MPI_COMM_WORLD);
    } else if (rank == who) {
        MPI_Recv(NULL, 0, MPI_BYTE, from, TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    }
    return bench_share(100 * (used() - before) / (MPI_Wtime() - start), who);
}

/* ---- both, in turn -------------------------------------------------------*/

enum role { CENTER, WORKER, ROLES };
enum activity { IDLE, DOZING, CASES };

/* Per cent of a core; of the workers, the one that used most. */
struct table {
    struct bench_figures us[CASES][ROLES], them[ROLES];
};

static void add_percent(struct table *table, enum activity activity,
                        const double percent[], int ranks)
{
    double most = 0;
    for (int i = 1; i < ranks; i++)
        if (percent[i] > most) most = percent[i];
    bench_add(&table->us[activity][CENTER], percent[0]);
    bench_add(&table->us[activity][WORKER], most);
}

static void measure(int rank, int ranks, double seconds, struct table *table)
{
    dmpi_pool *pool = bench_open();
    if (pool) {
        double *percent = malloc((size_t)(ranks + 1) * sizeof *percent);
        int counted = ranks > 1 ? ranks : 1;
        ours(pool, sleep_away, seconds, percent);
        add_percent(table, IDLE, percent, counted);
        ours(pool, wait_for_dozers, task_seconds, percent);
        add_percent(table, DOZING, percent, counted);
        free(percent);
    }
    bench_close(pool);
    if (ranks == 1) return;
    bench_add(&table->them[CENTER], bare(rank, 0, 1));
    bench_add(&table->them[WORKER], bare(rank, 1, 0));
}

static void report(struct table *table, int ranks)
{
    static const char *const names[CASES][ROLES] = {
        {"all idle: center", "all idle: worker"},
        {"1 s tasks: center", "1 s tasks: worker"}};
    for (enum activity activity = IDLE; activity < CASES; activity++)
        for (enum role role = CENTER; role < ROLES; role++) {
            struct bench_figures *us = &table->us[activity][role];
            if (ranks == 1 && role == WORKER) continue;
            double theirs = NAN;
            if (ranks > 1) theirs = bench_median(&table->them[role]);
            bench_print(names[activity][role], us, "% of core");
            bench_result(names[activity][role], bench_median(us), "%", theirs,
                         NAN, 1, 1);
        }
    if (ranks == 1) return;
    bench_print("bare MPI_Recv: rank 0", &table->them[CENTER], "% of core");
    bench_print("bare MPI_Recv: rank 1", &table->them[WORKER], "% of core");
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--seconds", "--runs", NULL};
    struct table table = {.them[0].count = 0};
    int rank, ranks;
    bench_check_options(argc, argv, options,
                        "usage: bench_idle [--seconds N] [--runs N]\n"
                        "  --seconds: how long all are idle in a run (3)\n");
    double seconds = (double)bench_option(argc, argv, "--seconds", 3);
    long runs = bench_option(argc, argv, "--runs", 7);
    bench_start(&rank, &ranks);
    for (long run = 0; run < runs; run++) measure(rank, ranks, seconds, &table);
    if (rank == 0) {
        printf("bench_idle: %g s, np %d, %ld runs\n", seconds, ranks, runs);
        report(&table, ranks);
    }
    MPI_Finalize();
    return 0;
}
