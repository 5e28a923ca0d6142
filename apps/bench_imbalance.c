/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_imbalance.c - tasks of random length: are all workers busy to the end?
 *
 *     scripts/run -np 3 build/apps/bench_imbalance [--tasks N] [--mean US]
 *                                                  [--block N] [--runs N]
 *
 * A task is busy for 0 to 200 us by the clock, evenly distributed, the same in
 * every run (--mean: half of the longest). Efficiency is the work of all tasks
 * over workers times makespan, from the first submission to the last end.
 * Three cases: the library places the tasks as it likes; all are submitted with
 * rank 1 as a wish (not hard); each has one input, 8 bytes, which lie on rank 1.
 *
 * Beside them bare MPI as it is without a runtime: the tasks are dealt to the
 * workers in advance, in turn, in blocks of 16 (--block); and where all are
 * born on one worker, they stay there. Rank 0 sleeps.
 *
 * A clock does not see when a worker is off its core, so that figures from more
 * workers than cores flatter both sides. */
#include <stdint.h>

#include "bench.h"

enum born { ANYWHERE, WISHED, INPUTS, CASES };

static const char *const case_names[CASES] = {
    "independent tasks", "all wish for one worker", "inputs on one worker"};
static const double goals[CASES] = {0.95, 0.9, 0.9};

struct work {
    uint64_t number;
    double seconds;
};

struct setup {
    int worker, workers; /* this rank, 0 at the center; how many there are */
    size_t tasks, block;
    double mean, total; /* seconds; of all tasks */
    struct work *work;  /* one per task */
    dmpi_key *keys, *inputs;
    struct work *done; /* what the tasks say that they did */
};

static void busy(double seconds)
{
    double start = MPI_Wtime();
    while (MPI_Wtime() - start < seconds) continue;
}

DMPI_TASK(toil)
{
    const struct work *work = dmpi_task_args(task);
    struct work *done = dmpi_task_output(task, sizeof *done);
    busy(work->seconds);
    *done = *work;
    done->number += (uint64_t)dmpi_task_rank(task) << 32;
}

/* ---- the tasks -----------------------------------------------------------*/

/* 0 .. 1, the same for the same NUMBER (splitmix64). */
static double random_share(uint64_t number)
{
    uint64_t z = (number + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) / 0x1p53;
}

static void setup_tasks(struct setup *setup)
{
    setup->work = malloc(setup->tasks * sizeof *setup->work);
    setup->done = malloc(setup->tasks * sizeof *setup->done);
    setup->keys = malloc(setup->tasks * sizeof *setup->keys);
    setup->inputs = malloc(setup->tasks * sizeof *setup->inputs);
    setup->total = 0;
    for (size_t i = 0; i < setup->tasks; i++) {
        double seconds = 2 * setup->mean * random_share(i);
        setup->work[i] = (struct work){i, seconds};
        setup->total += seconds;
    }
}

static void setup_free(struct setup *setup)
{
    free(setup->work);
    free(setup->done);
    free(setup->keys);
    free(setup->inputs);
}

/* ---- the library ---------------------------------------------------------*/

static void put_inputs(dmpi_pool *pool, struct setup *setup)
{
    int *ranks = malloc(setup->tasks * sizeof *ranks);
    for (size_t i = 0; i < setup->tasks; i++) ranks[i] = 1;
    bench_require(
        dmpi_scatter(pool, setup->work, setup->tasks, 8, ranks, setup->inputs),
        "dmpi_scatter");
    bench_require(dmpi_wait(pool, setup->inputs, setup->tasks, DMPI_ALL,
                            DMPI_FOREVER, NULL),
                  "dmpi_wait");
    free(ranks);
}

/* All were done, as ordered, by workers. */
static void check(dmpi_pool *pool, struct setup *setup)
{
    bench_require(dmpi_gather(pool, setup->keys, setup->tasks, setup->done,
                              sizeof *setup->done),
                  "dmpi_gather");
    for (size_t i = 0; i < setup->tasks; i++) {
        int rank = (int)(setup->done[i].number >> 32);
        uint32_t number = (uint32_t)setup->done[i].number;
        if (number != i || setup->done[i].seconds != setup->work[i].seconds ||
            rank < 1 || rank > setup->workers)
            bench_require(DMPI_EFAILED, "wrong result");
    }
    bench_require(dmpi_drop(pool, setup->keys, setup->tasks), "dmpi_drop");
}

static double ours(dmpi_pool *pool, struct setup *setup, enum born born)
{
    dmpi_task_options wish = {.rank = 1};
    if (born == INPUTS) put_inputs(pool, setup);
    double start = MPI_Wtime();
    bench_require(dmpi_map(pool, toil, setup->tasks,
                           born == INPUTS ? setup->inputs : NULL, setup->work,
                           sizeof *setup->work, born == WISHED ? &wish : NULL,
                           setup->keys),
                  "dmpi_map");
    bench_require(dmpi_wait(pool, setup->keys, setup->tasks, DMPI_ALL,
                            DMPI_FOREVER, NULL),
                  "dmpi_wait");
    double seconds = MPI_Wtime() - start;
    check(pool, setup);
    if (born == INPUTS)
        bench_require(dmpi_drop(pool, setup->inputs, setup->tasks),
                      "dmpi_drop");
    return setup->total / (setup->workers * seconds);
}

/* ---- bare MPI ------------------------------------------------------------*/

static int is_mine(const struct setup *setup, size_t task, enum born born)
{
    if (born != ANYWHERE) return setup->worker == 1;
    size_t turn = task / setup->block % (size_t)setup->workers;
    return turn + 1 == (size_t)setup->worker;
}

static double bare(const struct setup *setup, enum born born)
{
    bench_meet();
    double start = MPI_Wtime();
    for (size_t i = 0; i < setup->tasks; i++)
        if (is_mine(setup, i, born)) busy(setup->work[i].seconds);
    double seconds = bench_largest(MPI_Wtime() - start);
    return setup->total / (setup->workers * seconds);
}

/* ---- both, in turn -------------------------------------------------------*/

struct table {
    struct bench_figures us[CASES], them[CASES];
};

static void measure(struct setup *setup, int first, struct table *table)
{
    for (enum born born = ANYWHERE; born < CASES; born++) {
        dmpi_pool *pool = bench_open();
        double mine = pool ? ours(pool, setup, born) : 0;
        bench_close(pool);
        double theirs = bare(setup, born);
        if (first) continue;
        bench_add(&table->us[born], mine);
        bench_add(&table->them[born], theirs);
    }
}

static void report(struct table *table, enum born born)
{
    double mine = bench_median(&table->us[born]);
    double theirs = bench_median(&table->them[born]);
    bench_print(case_names[born], &table->us[born], "of 1");
    bench_print("  bare MPI, static", &table->them[born], "of 1");
    printf("  ratio ours / bare %.2f\n", mine / theirs);
    char what[80];
    snprintf(what, sizeof what, "efficiency, %s", case_names[born]);
    bench_result(what, mine, "of 1", theirs, NAN, goals[born], 0);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--tasks", "--mean", "--block",
                                          "--runs", NULL};
    struct setup setup;
    struct table table = {.us[0].count = 0};
    int rank, ranks;
    bench_check_options(argc, argv, options,
                        "usage: bench_imbalance [--tasks N] [--mean US] "
                        "[--block N] [--runs N]\n"
                        "  --tasks: in all (2000 per worker)\n");
    long tasks = bench_option(argc, argv, "--tasks", 0);
    long runs = bench_option(argc, argv, "--runs", 7);
    setup.mean = (double)bench_option(argc, argv, "--mean", 100) / 1e6;
    setup.block = (size_t)bench_option(argc, argv, "--block", 16);
    bench_start(&rank, &ranks);
    setup.worker = ranks > 1 ? rank : 1;
    setup.workers = ranks > 1 ? ranks - 1 : 1;
    setup.tasks = (size_t)(tasks ? tasks : 2000 * setup.workers);
    setup_tasks(&setup);
    for (long run = 0; run <= runs; run++) /* the first warms up */
        measure(&setup, run == 0, &table);
    if (rank == 0) {
        printf("bench_imbalance: %zu tasks of 0 .. %g us, np %d, %ld runs\n",
               setup.tasks, 2e6 * setup.mean, ranks, runs);
        for (enum born born = ANYWHERE; born < CASES; born++)
            report(&table, born);
    }
    setup_free(&setup);
    MPI_Finalize();
    return 0;
}
