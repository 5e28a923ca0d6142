/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_memory.c - resident bytes per task and per key.
 *
 *     scripts/run -np 2 build/apps/bench_memory [--tasks N] [--rounds N]
 *                                               [--runs N]
 *
 *   pending   10^6 tasks without inputs, and with 1 and 4 (of 8 bytes, on rank
 *             1), submitted while a task that waits for a word blocks every
 *             worker. Per input: the difference between 4 and none.
 *   finished  10^6 tasks are submitted, end and are dropped, in 4 rounds after 2
 *             that do not count: what has grown, per task.
 *   keys      10^6 values of 8 bytes held.
 *
 * The figures are growth of the resident set (/proc/self/statm) on rank 0 and,
 * from dmpi_rank_run(), on all workers together: from half as many tasks or keys
 * to all of them, over half of them, so that what MPI touches once is not
 * counted. Before each look all rest for 0.2 s. The
 * application's own arrays are there before. Each case has a pool of its own,
 * after which free memory goes back to the system (malloc_trim), so that none
 * lives on what another left. There is nothing to hold for a bare MPI program:
 * its figure would be 0, or 8 per key. */
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"

enum { FANS = 3, INPUTS_MOST = 4, ROUNDS_WARM = 2 };

static const size_t fans[FANS] = {0, 1, INPUTS_MOST};

/* Bytes of this process that are in memory. */
static double resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        bench_require(DMPI_EFAILED, "/proc/self/statm");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

DMPI_TASK(tell_resident)
{
    double *bytes = dmpi_task_output(task, sizeof *bytes);
    *bytes = resident();
}

DMPI_TASK(nothing)
{
    uint64_t *zero = dmpi_task_output(task, sizeof *zero);
    *zero = 0;
}

/* ---- a gate --------------------------------------------------------------*/

static volatile int opened; /* on this worker */

DMPI_TASK(open_gate)
{
    opened = 1;
}

/* Block this worker until the gate opens. Calls from outside are answered
 * inside calls that wait: hence one. */
DMPI_TASK(gate)
{
    while (!opened) {
        size_t workers;
        bench_nap(1e-3);
        if (dmpi_rank_workers(NULL, 0, &workers))
            dmpi_fail(task, "%s", dmpi_status_detail());
    }
    opened = 0;
}

static void close_gates(dmpi_pool *pool, dmpi_key keys[])
{
    for (size_t i = 0; i < dmpi_workers(pool); i++) {
        dmpi_task_options there = {.rank = (int)i + 1, .hard = 1};
        bench_require(
            dmpi_submit(pool, gate, NULL, 0, NULL, 0, &there, &keys[i]),
            "dmpi_submit");
    }
    dmpi_wait(pool, keys, 1, DMPI_ALL, 0.01, NULL); /* let them begin */
}

static void open_gates(dmpi_pool *pool, dmpi_key keys[])
{
    size_t workers = dmpi_workers(pool);
    for (size_t i = 0; i < workers; i++)
        bench_require(dmpi_rank_run((int)i + 1, open_gate, NULL, 0, NULL, NULL),
                      "dmpi_rank_run");
    bench_require(dmpi_wait(pool, keys, workers, DMPI_ALL, DMPI_FOREVER, NULL),
                  "gate");
    bench_require(dmpi_drop(pool, keys, workers), "dmpi_drop");
}

/* ---- what has grown ------------------------------------------------------*/

struct bytes {
    double center, workers; /* of all workers */
};

/* Ranks that have nothing to do give back what they do not need. */
static struct bytes now(dmpi_pool *pool)
{
    struct bytes bytes = {0, 0};
    bench_nap(0.2);
    for (size_t i = 1; i <= dmpi_workers(pool) && dmpi_ranks() > 1; i++) {
        void *told;
        bench_require(
            dmpi_rank_run((int)i, tell_resident, NULL, 0, &told, NULL),
            "dmpi_rank_run");
        bytes.workers += *(double *)told;
        free(told);
    }
    bytes.center = resident();
    return bytes;
}

static struct bytes per(struct bytes more, struct bytes less, double count)
{
    return (struct bytes){(more.center - less.center) / count,
                          (more.workers - less.workers) / count};
}

static struct bytes grown(dmpi_pool *pool, struct bytes before)
{
    return per(now(pool), before, 1);
}

/* ---- the cases -----------------------------------------------------------*/

struct room { /* the application's own, in memory from the start */
    size_t count, rounds;
    dmpi_key *keys;
    uint64_t *values;
};

static void wait_all(dmpi_pool *pool, const struct room *room)
{
    bench_require(
        dmpi_wait(pool, room->keys, room->count, DMPI_ALL, DMPI_FOREVER, NULL),
        "dmpi_wait");
}

static void drop_all(dmpi_pool *pool, const struct room *room)
{
    bench_require(dmpi_drop(pool, room->keys, room->count), "dmpi_drop");
}

static struct bytes pending(dmpi_pool *pool, const struct room *room,
                            size_t fan)
{
    dmpi_key inputs[INPUTS_MOST];
    dmpi_key *gates = calloc(dmpi_workers(pool), sizeof *gates);
    for (size_t i = 0; i < fan; i++)
        bench_require(dmpi_put(pool, &fan, sizeof fan, 1, &inputs[i]),
                      "dmpi_put");
    close_gates(pool, gates);
    struct bytes before = now(pool);
    for (size_t i = 0; i < room->count; i++)
        bench_require(dmpi_submit(pool, nothing, inputs, fan, NULL, 0, NULL,
                                  &room->keys[i]),
                      "dmpi_submit");
    struct bytes bytes = grown(pool, before);
    open_gates(pool, gates);
    wait_all(pool, room);
    drop_all(pool, room);
    bench_require(dmpi_drop(pool, inputs, fan), "dmpi_drop");
    free(gates);
    return bytes;
}

static struct bytes finished(dmpi_pool *pool, const struct room *room)
{
    struct bytes before = {0, 0};
    for (size_t i = 0; i < ROUNDS_WARM + room->rounds; i++) {
        if (i == ROUNDS_WARM) before = now(pool);
        bench_require(dmpi_map(pool, nothing, room->count, NULL, NULL, 0, NULL,
                               room->keys),
                      "dmpi_map");
        wait_all(pool, room);
        drop_all(pool, room);
    }
    return per(now(pool), before, (double)room->rounds);
}

static struct bytes held(dmpi_pool *pool, const struct room *room)
{
    struct bytes before = now(pool);
    bench_require(
        dmpi_scatter(pool, room->values, room->count, 8, NULL, room->keys),
        "dmpi_scatter");
    wait_all(pool, room);
    struct bytes bytes = grown(pool, before);
    for (size_t i = 0; i < room->count; i += room->count / 10 + 1) {
        uint64_t value;
        bench_require(dmpi_get(pool, room->keys[i], &value, 8, NULL),
                      "dmpi_get");
        if (value != i) bench_require(DMPI_EFAILED, "wrong value");
    }
    drop_all(pool, room);
    return bytes;
}

/* ---- all of them ---------------------------------------------------------*/

enum measure { PENDING_0, PENDING_1, PENDING_4, FINISHED, HELD, MEASURES };

struct table {
    struct bench_figures center[MEASURES], workers[MEASURES];
    struct bench_figures input_center, input_workers;
};

static struct bytes measure(const struct room *room, enum measure what)
{
    struct bytes bytes = {0, 0};
    dmpi_pool *pool = bench_open();
    if (pool && what <= PENDING_4) bytes = pending(pool, room, fans[what]);
    else if (pool && what == FINISHED) bytes = finished(pool, room);
    else if (pool) bytes = held(pool, room);
    bench_close(pool);
    malloc_trim(0);
    return bytes;
}

/* From half of ROOM to all of it; of what should not grow at all, all of it. */
static struct bytes slope(const struct room *room, enum measure what)
{
    struct room half = *room;
    if (what == FINISHED)
        return per(measure(room, what), (struct bytes){0, 0},
                   (double)room->count);
    half.count = room->count / 2;
    struct bytes less = measure(&half, what);
    return per(measure(room, what), less, (double)(room->count - half.count));
}

static void measure_all(const struct room *room, int first, struct table *table)
{
    struct bytes bytes[MEASURES];
    for (enum measure what = PENDING_0; what < MEASURES; what++) {
        bytes[what] = slope(room, what);
        if (first) continue;
        bench_add(&table->center[what], bytes[what].center);
        bench_add(&table->workers[what], bytes[what].workers);
    }
    if (first) return;
    bench_add(&table->input_center,
              (bytes[PENDING_4].center - bytes[PENDING_0].center) /
                  INPUTS_MOST);
    bench_add(&table->input_workers,
              (bytes[PENDING_4].workers - bytes[PENDING_0].workers) /
                  INPUTS_MOST);
}

/* GOAL is for the center. */
static void report(const char *what, struct bench_figures *center,
                   struct bench_figures *workers, double goal)
{
    char metric[80];
    double bytes = bench_median(center), there = bench_median(workers);
    snprintf(metric, sizeof metric, "%s, center", what);
    bench_print(metric, center, "B");
    bench_result(metric, bytes, "B", NAN, NAN, goal, 1);
    snprintf(metric, sizeof metric, "%s, workers", what);
    bench_print(metric, workers, "B");
    bench_result(metric, there, "B", NAN, NAN, NAN, 1);
}

static void report_all(struct table *table)
{
    static const char *const names[MEASURES] = {
        "pending task", "pending task, 1 input", "pending task, 4 inputs",
        "finished, dropped task", "key of 8 B"};
    /* A tenth of a byte is 0: a few pages among millions of tasks. */
    static const double goals[MEASURES] = {128, 136, 160, 0.1, 64};
    for (enum measure what = PENDING_0; what < MEASURES; what++)
        report(names[what], &table->center[what], &table->workers[what],
               goals[what]);
    report("input of a pending task", &table->input_center,
           &table->input_workers, 8);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--tasks", "--rounds", "--runs",
                                          NULL};
    struct table table = {.input_center.count = 0};
    struct room room;
    int rank, ranks;
    bench_check_options(
        argc, argv, options,
        "usage: bench_memory [--tasks N] [--rounds N] [--runs N]\n"
        "  --tasks: and keys (1000000)\n"
        "  --rounds: of finished and dropped tasks (4)\n");
    room.count = (size_t)bench_option(argc, argv, "--tasks", 1000000);
    room.rounds = (size_t)bench_option(argc, argv, "--rounds", 4);
    long runs = bench_option(argc, argv, "--runs", 3);
    bench_start(&rank, &ranks);
    if (ranks < 2) {
        puts("bench_memory: needs two ranks or more");
        MPI_Finalize();
        return 0;
    }
    room.keys = malloc(room.count * sizeof *room.keys);
    room.values = malloc(room.count * sizeof *room.values);
    for (size_t i = 0; i < room.count; i++) room.keys[i] = room.values[i] = i;
    for (long run = 0; run <= runs; run++) /* the first warms up */
        measure_all(&room, run == 0, &table);
    if (rank == 0) {
        printf("bench_memory: %zu tasks or keys, np %d, %ld runs\n", room.count,
               ranks, runs);
        report_all(&table);
    }
    free(room.keys);
    free(room.values);
    MPI_Finalize();
    return 0;
}
