/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_tasks.c - independent empty tasks per second, 8 bytes of arguments and
 * 8 bytes of results each, against a bare MPI program that hands out records.
 *
 *     scripts/run -np 2 build/apps/bench_tasks [--tasks N] [--runs N]
 *                                              [--scale | --nested]
 *
 * The bare program knows nothing of keys, placement or errors: rank 0 sends
 * records of 24 bytes (number, function, argument) to the workers, each writes
 * the result into the record and sends it back. Once in envelopes of 4000
 * bytes, with a window of 8 per worker, once with one record a message.
 *
 * With --scale the library alone: what a task costs when 10^7 are submitted at
 * once, over what it costs when there are 10^4.
 *
 * With --nested what a task pays for one that it submits itself, on its own
 * worker, waits for and drops: of many at a time, and one by one. */
#include <stdint.h>

#include "bench.h"

enum { ENVELOPE = 4000, WINDOW = 8, TAG = 1, TAG_STOP = 2 };
enum { BATCH = 1000 /* nested tasks at a time */ };
enum { FEW = 10000, MANY = 10000000, FEW_ROUNDS = 50 };

struct record {
    uint64_t number, function, value;
};

enum { RECORDS = ENVELOPE / sizeof(struct record) };

DMPI_TASK(twice)
{
    const uint64_t *x = dmpi_task_args(task);
    uint64_t *y = dmpi_task_output(task, sizeof *y);
    *y = 2 * *x;
}

/* ---- the library ---------------------------------------------------------*/

/* Seconds from the first submission to the last end; some results checked. */
static double ours(dmpi_pool *pool, size_t tasks, uint64_t *args,
                   dmpi_key *keys)
{
    for (size_t i = 0; i < tasks; i++) args[i] = i;
    double start = MPI_Wtime();
    bench_require(
        dmpi_map(pool, twice, tasks, NULL, args, sizeof *args, NULL, keys),
        "dmpi_map");
    bench_require(dmpi_wait(pool, keys, tasks, DMPI_ALL, DMPI_FOREVER, NULL),
                  "dmpi_wait");
    double seconds = MPI_Wtime() - start;
    for (size_t i = 0; i < tasks; i += tasks / 10 + 1) {
        uint64_t y;
        bench_require(dmpi_get(pool, keys[i], &y, sizeof y, NULL), "dmpi_get");
        if (y != 2 * i) bench_require(DMPI_EFAILED, "wrong result");
    }
    bench_require(dmpi_drop(pool, keys, tasks), "dmpi_drop");
    return seconds;
}

/* ---- bare MPI ------------------------------------------------------------*/

struct lane { /* one envelope's way to a worker and back */
    struct record out[RECORDS], in[RECORDS];
    MPI_Request sent, back;
};

static size_t send_lane(struct lane *lane, int worker, size_t first,
                        size_t tasks, size_t records)
{
    size_t count = tasks - first < records ? tasks - first : records;
    for (size_t i = 0; i < count; i++)
        lane->out[i] = (struct record){first + i, 1, first + i};
    int bytes = (int)(count * sizeof(struct record));
    MPI_Irecv(lane->in, sizeof lane->in, MPI_BYTE, worker, TAG, MPI_COMM_WORLD,
              &lane->back);
    MPI_Isend(lane->out, bytes, MPI_BYTE, worker, TAG, MPI_COMM_WORLD,
              &lane->sent);
    return count;
}

static double bare_center(int workers, size_t tasks, size_t records)
{
    int lanes = workers * WINDOW, open = 0;
    struct lane *lane = calloc((size_t)lanes, sizeof *lane);
    size_t sent = 0;
    double start = MPI_Wtime();
    for (int i = 0; i < lanes && sent < tasks; i++, open++)
        sent += send_lane(&lane[i], 1 + i % workers, sent, tasks, records);
    for (int i = 0; open; i = (i + 1) % lanes) {
        int here = 0;
        if (lane[i].back == MPI_REQUEST_NULL) continue;
        if (!lane[i].out[0].function) continue;
        MPI_Test(&lane[i].back, &here, MPI_STATUS_IGNORE);
        if (!here) continue;
        MPI_Wait(&lane[i].sent, MPI_STATUS_IGNORE);
        if (sent < tasks)
            sent += send_lane(&lane[i], 1 + i % workers, sent, tasks, records);
        else open--;
    }
    double seconds = MPI_Wtime() - start;
    for (int i = 1; i <= workers; i++)
        MPI_Send(NULL, 0, MPI_BYTE, i, TAG_STOP, MPI_COMM_WORLD);
    free(lane);
    return seconds;
}

static void bare_worker(void)
{
    static struct lane ring[WINDOW];
    for (int i = 0; i < WINDOW; i++) {
        ring[i].sent = MPI_REQUEST_NULL;
        MPI_Irecv(ring[i].in, sizeof ring[i].in, MPI_BYTE, 0, MPI_ANY_TAG,
                  MPI_COMM_WORLD, &ring[i].back);
    }
    for (int i = 0;; i = (i + 1) % WINDOW) {
        MPI_Status status;
        int bytes;
        MPI_Wait(&ring[i].back, &status);
        MPI_Wait(&ring[i].sent, MPI_STATUS_IGNORE);
        if (status.MPI_TAG == TAG_STOP) break;
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        for (size_t k = 0; k < (size_t)bytes / sizeof(struct record); k++) {
            ring[i].out[k] = ring[i].in[k];
            ring[i].out[k].value *= 2;
        }
        MPI_Isend(ring[i].out, bytes, MPI_BYTE, 0, TAG, MPI_COMM_WORLD,
                  &ring[i].sent);
        MPI_Irecv(ring[i].in, sizeof ring[i].in, MPI_BYTE, 0, MPI_ANY_TAG,
                  MPI_COMM_WORLD, &ring[i].back);
    }
    for (int i = 0; i < WINDOW; i++) {
        MPI_Wait(&ring[i].sent, MPI_STATUS_IGNORE);
        if (ring[i].back == MPI_REQUEST_NULL) continue;
        MPI_Cancel(&ring[i].back);
        MPI_Wait(&ring[i].back, MPI_STATUS_IGNORE);
    }
}

static double bare(int rank, int workers, size_t tasks, size_t records)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) return bare_center(workers, tasks, records);
    bare_worker();
    return 0;
}

/* ---- both, in turn -------------------------------------------------------*/

struct room { /* for one run's tasks, on rank 0 */
    uint64_t *args;
    dmpi_key *keys;
};

/* Millions of tasks a second. */
static void compare(int rank, int ranks, size_t tasks, long runs,
                    struct room room)
{
    struct bench_figures us = {.count = 0}, them = {.count = 0};
    struct bench_figures singly = {.count = 0};
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        dmpi_pool *pool = bench_open();
        double mine = pool ? ours(pool, tasks, room.args, room.keys) : 0;
        bench_close(pool);
        double full = ranks > 1 ? bare(rank, ranks - 1, tasks, RECORDS) : NAN;
        double one = ranks > 1 ? bare(rank, ranks - 1, tasks, 1) : NAN;
        if (!run || rank) continue;
        bench_add(&us, (double)tasks / mine / 1e6);
        bench_add(&them, (double)tasks / full / 1e6);
        bench_add(&singly, (double)tasks / one / 1e6);
    }
    if (rank) return;
    printf("bench_tasks: %zu tasks, np %d, %ld runs\n", tasks, ranks, runs);
    bench_print("ours", &us, "M/s");
    bench_result("empty tasks", bench_median(&us), "M/s", NAN, NAN,
                 ranks == 2 ? 5 : NAN, 0);
    if (ranks == 1) return;
    bench_print("bare MPI, 4000 B envelopes", &them, "M/s");
    bench_print("bare MPI, one record a message", &singly, "M/s");
    double of_full = bench_median(&us) / bench_median(&them);
    double of_one = bench_median(&us) / bench_median(&singly);
    printf("ratio ours / bare envelopes %.3f, ours / bare messages %.2f\n",
           of_full, of_one);
    bench_result("empty tasks, bare in envelopes", bench_median(&us), "M/s",
                 bench_median(&them), of_full, NAN, 0);
    bench_result("empty tasks, bare one a message", bench_median(&us), "M/s",
                 bench_median(&singly), of_one, NAN, 0);
}

/* Nanoseconds a task, few and many at once. */
static void scale(int rank, int ranks, long runs, struct room room)
{
    struct bench_figures few = {.count = 0}, many = {.count = 0};
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        double seconds = 0, longer = 0;
        dmpi_pool *pool = bench_open();
        for (int i = 0; pool && i < FEW_ROUNDS; i++)
            seconds += ours(pool, FEW, room.args, room.keys);
        if (pool) longer = ours(pool, MANY, room.args, room.keys);
        bench_close(pool);
        if (!run || rank) continue;
        bench_add(&few, seconds / ((double)FEW * FEW_ROUNDS) * 1e9);
        bench_add(&many, longer / MANY * 1e9);
    }
    if (rank) return;
    double ratio = bench_median(&many) / bench_median(&few);
    printf("bench_tasks --scale: np %d, %ld runs\n", ranks, runs);
    bench_print("10^4 at once", &few, "ns/task");
    bench_print("10^7 at once", &many, "ns/task");
    printf("ratio of costs %.2f\n", ratio);
    bench_result("cost per task, 10^7 over 10^4", bench_median(&many), "ns",
                 bench_median(&few), ratio, 1.3, 1);
}

/* ---- nested --------------------------------------------------------------*/

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void spawn(dmpi_pool *pool, size_t count)
{
    dmpi_key keys[BATCH];
    for (uint64_t i = 0; i < count; i++)
        bench_require(
            dmpi_submit(pool, twice, NULL, 0, &i, sizeof i, NULL, &keys[i]),
            "dmpi_submit");
    bench_require(dmpi_wait(pool, keys, count, DMPI_ALL, DMPI_FOREVER, NULL),
                  "dmpi_wait");
    bench_require(dmpi_drop(pool, keys, count), "dmpi_drop");
}

/* ARGS: how many tasks, and how many at a time. Gives nanoseconds a task. */
DMPI_TASK(spawn_all)
{
    const uint64_t *args = dmpi_task_args(task);
    double *ns = dmpi_task_output(task, sizeof *ns);
    double start = clock_now();
    for (uint64_t done = 0; done < args[0]; done += args[1])
        spawn(dmpi_task_pool(task), args[1]);
    *ns = (clock_now() - start) / (double)args[0] * 1e9;
}

static double spawn_on_worker(dmpi_pool *pool, size_t tasks, uint64_t batch)
{
    uint64_t args[2] = {(tasks + BATCH - 1) / BATCH * BATCH, batch};
    double ns = 0;
    dmpi_key key;
    bench_require(
        dmpi_submit(pool, spawn_all, NULL, 0, args, sizeof args, NULL, &key),
        "dmpi_submit");
    bench_require(dmpi_get(pool, key, &ns, sizeof ns, NULL), "dmpi_get");
    bench_require(dmpi_drop(pool, &key, 1), "dmpi_drop");
    return ns;
}

static void nest(int rank, int ranks, size_t tasks, long runs)
{
    struct bench_figures many = {.count = 0}, singly = {.count = 0};
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        dmpi_pool *pool = bench_open();
        double ns = pool ? spawn_on_worker(pool, tasks, BATCH) : 0;
        double longer = pool ? spawn_on_worker(pool, tasks, 1) : 0;
        bench_close(pool);
        if (!run || rank) continue;
        bench_add(&many, ns);
        bench_add(&singly, longer);
    }
    if (rank) return;
    printf("bench_tasks --nested: %zu tasks, np %d, %ld runs\n", tasks, ranks,
           runs);
    bench_print("a nested task, 1000 at a time", &many, "ns");
    bench_result("nested task, 1000 at a time", bench_median(&many), "ns", NAN,
                 NAN, ranks == 2 ? 500 : NAN, 1);
    bench_print("a nested task, one by one", &singly, "ns");
    bench_result("nested task, one by one", bench_median(&singly), "ns", NAN,
                 NAN, ranks == 2 ? 500 : NAN, 1);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--tasks", "--runs", NULL};
    int rank, ranks;
    int scaling = bench_flag(&argc, argv, "--scale");
    int nesting = bench_flag(&argc, argv, "--nested");
    bench_check_options(
        argc, argv, options,
        "usage: bench_tasks [--tasks N] [--runs N] [--scale | --nested]\n"
        "  --scale: 10^4 tasks at once against 10^7 instead of --tasks\n"
        "  --nested: tasks that a task submits, waits for and drops\n");
    size_t tasks = (size_t)bench_option(argc, argv, "--tasks", 1000000);
    long runs = bench_option(argc, argv, "--runs", 7);
    bench_start(&rank, &ranks);
    size_t most = scaling ? MANY : tasks;
    struct room room = {malloc(most * sizeof *room.args),
                        malloc(most * sizeof *room.keys)};
    if (scaling) scale(rank, ranks, runs, room);
    else if (nesting) nest(rank, ranks, tasks, runs);
    else compare(rank, ranks, tasks, runs, room);
    free(room.args);
    free(room.keys);
    MPI_Finalize();
    return 0;
}
