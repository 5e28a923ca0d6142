/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_latency.c - submit one task, get its value: 8 bytes each way, against a
 * bare MPI ping-pong of the same bytes.
 *
 *     scripts/run -np 2 build/apps/bench_latency [--rounds N] [--runs N]
 *                                                [--pause MICROSECONDS]
 *
 * With --pause the application computes that long between two rounds, so that
 * the ranks have gone to sleep: the latency from asleep. */
#include <stdint.h>

#include "bench.h"

enum { TAG = 1 };

DMPI_TASK(twice)
{
    const uint64_t *x = dmpi_task_args(task);
    uint64_t *y = dmpi_task_output(task, sizeof *y);
    *y = 2 * *x;
}

static void pass(double seconds)
{
    double start = MPI_Wtime();
    while (MPI_Wtime() - start < seconds) continue;
}

static uint64_t one_task(dmpi_pool *pool, uint64_t x)
{
    dmpi_key key;
    uint64_t y;
    bench_require(dmpi_submit(pool, twice, NULL, 0, &x, sizeof x, NULL, &key),
                  "dmpi_submit");
    bench_require(dmpi_get(pool, key, &y, sizeof y, NULL), "dmpi_get");
    bench_require(dmpi_drop(pool, &key, 1), "dmpi_drop");
    return y;
}

/* Microseconds a round. */
static double ours(dmpi_pool *pool, long rounds, double pause)
{
    double busy = 0;
    for (long i = 0; i < rounds; i++) {
        if (pause > 0) pass(pause);
        double start = MPI_Wtime();
        if (one_task(pool, (uint64_t)i) != 2 * (uint64_t)i)
            bench_require(DMPI_EFAILED, "wrong result");
        busy += MPI_Wtime() - start;
    }
    return busy / (double)rounds * 1e6;
}

/* The same for a ping-pong between rank 0 and rank 1. */
static double bare(int rank, long rounds, double pause)
{
    double busy = 0;
    bench_meet();
    for (uint64_t x = 0; x < (uint64_t)rounds && rank < 2; x++) {
        uint64_t y;
        if (rank == 1) {
            MPI_Recv(&y, 8, MPI_BYTE, 0, TAG, MPI_COMM_WORLD,
                     MPI_STATUS_IGNORE);
            y *= 2;
            MPI_Send(&y, 8, MPI_BYTE, 0, TAG, MPI_COMM_WORLD);
            continue;
        }
        if (pause > 0) pass(pause);
        double start = MPI_Wtime();
        MPI_Send(&x, 8, MPI_BYTE, 1, TAG, MPI_COMM_WORLD);
        MPI_Recv(&y, 8, MPI_BYTE, 1, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        busy += MPI_Wtime() - start;
    }
    bench_meet(); /* the other ranks sleep here */
    return busy / (double)rounds * 1e6;
}

static void report(int ranks, double pause, struct bench_figures *us,
                   struct bench_figures *them)
{
    const char *what = pause > 0 ? "latency from asleep" : "latency";
    bench_print("ours, submit to value", us, "us");
    if (pause > 0 || ranks == 1)
        bench_result(what, bench_median(us), "us", NAN, NAN,
                     pause > 0 ? 25 : NAN, 1);
    if (ranks == 1) return;
    double ratio = bench_median(us) / bench_median(them);
    bench_print("bare MPI ping-pong", them, "us");
    printf("ratio ours / bare %.2f\n", ratio);
    if (pause > 0) what = "latency from asleep, bare spinning";
    bench_result(what, bench_median(us), "us", bench_median(them), ratio,
                 pause > 0 ? NAN : 3, 1);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--rounds", "--runs", "--pause",
                                          NULL};
    int rank, ranks;
    bench_check_options(argc, argv, options,
                        "usage: bench_latency [--rounds N] [--runs N] [--pause "
                        "MICROSECONDS]\n");
    double pause = (double)bench_option(argc, argv, "--pause", 0) / 1e6;
    long rounds =
        bench_option(argc, argv, "--rounds", pause > 0 ? 1000 : 20000);
    long runs = bench_option(argc, argv, "--runs", 9);
    bench_start(&rank, &ranks);
    struct bench_figures us = {.count = 0}, them = {.count = 0};
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        dmpi_pool *pool = bench_open();
        double mine = pool ? ours(pool, rounds, pause) : 0;
        bench_close(pool);
        double theirs = ranks > 1 ? bare(rank, rounds, pause) : 0;
        if (!run) continue;
        bench_add(&us, mine);
        bench_add(&them, theirs);
    }
    if (rank == 0) {
        printf("bench_latency: %ld rounds, np %d, %ld runs, pause %g us\n",
               rounds, ranks, runs, pause * 1e6);
        report(ranks, pause, &us, &them);
    }
    MPI_Finalize();
    return 0;
}
