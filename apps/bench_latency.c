/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_latency.c - submit one task, get its value: 8 bytes each way, against a
 * bare MPI ping-pong of the same bytes.
 *
 *     scripts/run -np 2 build/apps/bench_latency [--rounds N] [--runs N]
 *                                                [--pause MICROSECONDS]
 *
 * With --pause the application computes that long between two rounds, so that
 * the ranks have gone to sleep: the latency from asleep. Bare MPI spins
 * meanwhile, so beside it stands what the machine itself takes to wake a process
 * that has slept as long: rank 1 waits on a futex in memory shared with rank 0,
 * from whose wake-up call it is until rank 0 sees the answer. No runtime whose
 * ranks sleep takes less. */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { TAG = 1, ASLEEP_GOAL_US = 25 };

/* Shared by the ranks of a node. */
struct bell {
    _Alignas(64) _Atomic uint32_t asked;    /* rounds that rank 0 began */
    _Alignas(64) _Atomic uint32_t answered; /* rounds that rank 1 saw */
};

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

/* ---- a bare wake-up ------------------------------------------------------*/

/* The bell of this rank's node; NULL on all ranks if rank 1 is not on the node
 * of rank 0. *WINDOW is the caller's to free, then too. */
static struct bell *bell_hang(int rank, MPI_Win *window)
{
    MPI_Comm node;
    struct bell *bell;
    MPI_Aint size;
    int unit, place, near;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank,
                        MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &place);
    near = bench_share(place, 1) > 0;
    size = place ? 0 : sizeof *bell;
    MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, node, &bell, window);
    MPI_Win_shared_query(*window, 0, &size, &unit, &bell);
    MPI_Comm_free(&node);
    return near ? bell : NULL;
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Rank 1's part of round X. */
static void bell_answer(struct bell *bell, uint32_t x)
{
    while (atomic_load(&bell->asked) != x)
        futex(&bell->asked, FUTEX_WAIT, x - 1);
    atomic_store(&bell->answered, x);
}

/* Rank 0's part: seconds. */
static double bell_ring(struct bell *bell, uint32_t x)
{
    double start = MPI_Wtime();
    atomic_store(&bell->asked, x);
    futex(&bell->asked, FUTEX_WAKE, INT_MAX);
    while (atomic_load(&bell->answered) != x) continue;
    return MPI_Wtime() - start;
}

/* Microseconds a round, as bare(). */
static double wake(struct bell *bell, int rank, long rounds, double pause)
{
    double busy = 0;
    if (rank == 0) *bell = (struct bell){0};
    bench_meet();
    for (uint32_t x = 1; x <= (uint32_t)rounds && rank < 2; x++) {
        if (rank == 1) {
            bell_answer(bell, x);
            continue;
        }
        pass(pause);
        busy += bell_ring(bell, x);
    }
    bench_meet();
    return busy / (double)rounds * 1e6;
}

/* ---- the whole -----------------------------------------------------------*/

struct latencies {
    struct bench_figures ours, bare, wake;
};

static void report_awake(struct latencies *all, int ranks)
{
    double mine = bench_median(&all->ours);
    if (ranks == 1) {
        bench_result("latency", mine, "us", NAN, NAN, NAN, 1);
        return;
    }
    double theirs = bench_median(&all->bare), ratio = mine / theirs;
    bench_print("bare MPI ping-pong", &all->bare, "us");
    printf("ratio ours / bare %.2f\n", ratio);
    bench_result("latency", mine, "us", theirs, ratio, 3, 1);
}

static void report_asleep(struct latencies *all)
{
    double mine = bench_median(&all->ours), theirs = NAN;
    if (all->wake.count) {
        theirs = bench_median(&all->wake);
        bench_print("bare futex wake-up", &all->wake, "us");
        printf("ratio ours / bare wake-up %.2f, goal for ours %d us\n",
               mine / theirs, ASLEEP_GOAL_US);
    }
    bench_result_for("ours", "latency from asleep", mine, "us", theirs,
                     mine / theirs, ASLEEP_GOAL_US, 1);
    if (!all->bare.count) return;
    theirs = bench_median(&all->bare);
    bench_print("bare MPI ping-pong, spinning", &all->bare, "us");
    printf("ratio ours / bare spinning %.2f\n", mine / theirs);
    bench_result("latency from asleep, bare spinning", mine, "us", theirs,
                 mine / theirs, NAN, 1);
}

static void measure(struct latencies *all, int rank, int ranks, long rounds,
                    double pause, long runs)
{
    MPI_Win window;
    int near = ranks > 1 && pause > 0;
    struct bell *bell = near ? bell_hang(rank, &window) : NULL;
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        dmpi_pool *pool = bench_open();
        double mine = pool ? ours(pool, rounds, pause) : 0;
        bench_close(pool);
        double theirs = ranks > 1 ? bare(rank, rounds, pause) : 0;
        double bells = bell ? wake(bell, rank, rounds, pause) : 0;
        if (!run) continue;
        bench_add(&all->ours, mine);
        if (ranks > 1) bench_add(&all->bare, theirs);
        if (bell) bench_add(&all->wake, bells);
    }
    if (near) MPI_Win_free(&window);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--rounds", "--runs", "--pause",
                                          NULL};
    static struct latencies all;
    int rank, ranks;
    bench_check_options(argc, argv, options,
                        "usage: bench_latency [--rounds N] [--runs N] [--pause "
                        "MICROSECONDS]\n");
    double pause = (double)bench_option(argc, argv, "--pause", 0) / 1e6;
    long rounds =
        bench_option(argc, argv, "--rounds", pause > 0 ? 1000 : 20000);
    long runs = bench_option(argc, argv, "--runs", 9);
    bench_start(&rank, &ranks);
    measure(&all, rank, ranks, rounds, pause, runs);
    if (rank == 0) {
        printf("bench_latency: %ld rounds, np %d, %ld runs, pause %g us\n",
               rounds, ranks, runs, pause * 1e6);
        bench_print("ours, submit to value", &all.ours, "us");
        if (pause > 0) report_asleep(&all);
        else report_awake(&all, ranks);
    }
    MPI_Finalize();
    return 0;
}
