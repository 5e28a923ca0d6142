/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_tasks.c - independent empty tasks per second, 8 bytes of arguments and
 * 8 bytes of results each, against a bare MPI program that hands out records.
 *
 *     scripts/run -np 2 build/apps/bench_tasks [--tasks N] [--runs N]
 *
 * The bare program knows nothing of keys, placement or errors: rank 0 sends
 * records of 24 bytes (number, function, argument) to the workers, each writes
 * the result into the record and sends it back. Once in envelopes of 4000
 * bytes, with a window of 8 per worker, once with one record a message. */
#include <stdint.h>

#include "bench.h"

enum { ENVELOPE = 4000, WINDOW = 8, TAG = 1, TAG_STOP = 2 };

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
    bench_require(dmpi_map(pool, twice, tasks, NULL, args, sizeof *args, NULL,
                           keys),
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

int main(int argc, char **argv)
{
    static const char *const options[] = {"--tasks", "--runs", NULL};
    int rank, ranks, level;
    bench_check_options(argc, argv, options,
                        "usage: bench_tasks [--tasks N] [--runs N]\n");
    size_t tasks = (size_t)bench_option(argc, argv, "--tasks", 1000000);
    long runs = bench_option(argc, argv, "--runs", 7);
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    struct bench_figures us = {.count = 0}, them = {.count = 0};
    struct bench_figures singly = {.count = 0};
    uint64_t *args = malloc(tasks * sizeof *args);
    dmpi_key *keys = malloc(tasks * sizeof *keys);
    for (long run = 0; run <= runs; run++) { /* the first warms up */
        dmpi_pool *pool;
        bench_require(dmpi_open(NULL, &pool), "dmpi_open");
        double seconds = pool ? ours(pool, tasks, args, keys) : 0;
        bench_require(dmpi_close(pool), "dmpi_close");
        if (run && rank == 0) bench_add(&us, (double)tasks / seconds / 1e6);
        if (ranks == 1) continue;
        double full = bare(rank, ranks - 1, tasks, RECORDS);
        double one = bare(rank, ranks - 1, tasks, 1);
        if (!run || rank) continue;
        bench_add(&them, (double)tasks / full / 1e6);
        bench_add(&singly, (double)tasks / one / 1e6);
    }
    if (rank == 0) {
        printf("bench_tasks: %zu tasks, np %d, %ld runs\n", tasks, ranks, runs);
        bench_print("ours", &us, "M/s");
    }
    if (rank == 0 && ranks > 1) {
        bench_print("bare MPI, 4000 B envelopes", &them, "M/s");
        bench_print("bare MPI, one record a message", &singly, "M/s");
        printf("ratio ours / bare envelopes %.3f, ours / bare messages %.2f\n",
               bench_median(&us) / bench_median(&them),
               bench_median(&us) / bench_median(&singly));
    }
    free(args);
    free(keys);
    MPI_Finalize();
    return 0;
}
