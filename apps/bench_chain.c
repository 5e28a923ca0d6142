/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_chain.c - dependent tasks, one after another: what a step costs.
 *
 *     scripts/run -np 3 build/apps/bench_chain [--steps N] [--size BYTES]
 *                                              [--runs N]
 *
 * A step makes a value of 16 B, 1 KiB or 64 KiB out of the one before. It
 * computes nothing: it counts on in the first and in the last word of the
 * value, so that the time is that of the runtime and of the wire. Rank 0
 * submits all steps, drops their keys but the last, and waits for it: time from
 * the first submission to the last value's end, over the steps. Three chains:
 * all steps on rank 1; on rank 2 and 1 in turn (np 3 and more); placed by the
 * library. One dmpi_submit_graph() it is, as a loop of dmpi_submit() and
 * dmpi_drop() took a little longer.
 *
 * Beside the chain that alternates: a bare one-way message of the same size,
 * half a ping-pong between rank 1 and rank 2, which count on in the same two
 * words. The other ranks sleep meanwhile. */
#include <stdint.h>

#include "bench.h"

enum { SMALLEST = 16, TAG = 1 };

enum chain { SAME, ALTERNATING, FREE, CHAINS };

static const char *const chain_names[CHAINS] = {"same worker", "alternating",
                                                "free placement"};

/* Count on in both ends of a value. */
static void count_on(void *to, const void *from, size_t size)
{
    size_t last = size / 8 - 1;
    const uint64_t *x = from;
    uint64_t *y = to;
    uint64_t first = x[0] + 1, end = x[last] + 1;
    y[0] = first;
    y[last] = end;
}

DMPI_TASK(step)
{
    size_t size = dmpi_task_input_size(task, 0);
    void *output = dmpi_task_output(task, size);
    if (output) count_on(output, dmpi_task_input(task, 0), size);
}

/* ---- the library ---------------------------------------------------------*/

/* The steps of one chain, and where they are to run. */
struct graph {
    dmpi_graph_task *tasks;
    dmpi_key *inputs; /* of task i: entry i */
    dmpi_key *keys;
    size_t steps;
    dmpi_task_options places[2];
};

static void graph_init(struct graph *graph, size_t steps)
{
    graph->steps = steps;
    graph->tasks = calloc(steps, sizeof *graph->tasks);
    graph->inputs = malloc(steps * sizeof *graph->inputs);
    graph->keys = malloc(steps * sizeof *graph->keys);
    for (size_t i = 0; i < steps; i++) {
        graph->inputs[i] = i ? DMPI_NTH(i - 1) : DMPI_KEY_NONE;
        graph->tasks[i].function = step;
        graph->tasks[i].inputs = &graph->inputs[i];
        graph->tasks[i].input_count = 1;
    }
}

static void graph_fini(struct graph *graph)
{
    free(graph->tasks);
    free(graph->inputs);
    free(graph->keys);
}

static void graph_place(struct graph *graph, enum chain chain)
{
    for (int i = 0; i < 2; i++)
        graph->places[i] = (dmpi_task_options){
            .rank = chain == ALTERNATING ? 2 - i : 1, .hard = 1};
    for (size_t i = 0; i < graph->steps; i++)
        graph->tasks[i].options = chain == FREE ? NULL : &graph->places[i % 2];
}

static void check(dmpi_pool *pool, dmpi_key key, size_t size, uint64_t steps)
{
    uint64_t *value = malloc(size);
    size_t here;
    bench_require(dmpi_get(pool, key, value, size, &here), "dmpi_get");
    if (here != size || value[0] != steps || value[size / 8 - 1] != steps)
        bench_require(DMPI_EFAILED, "wrong value at the chain's end");
    free(value);
}

/* Microseconds a step. */
static double ours(dmpi_pool *pool, struct graph *graph, size_t size)
{
    size_t last = graph->steps - 1;
    void *zeros = calloc(1, size);
    bench_require(dmpi_put(pool, zeros, size, 1, &graph->inputs[0]),
                  "dmpi_put");
    free(zeros);
    double start = MPI_Wtime();
    bench_require(
        dmpi_submit_graph(pool, graph->tasks, graph->steps, graph->keys),
        "dmpi_submit_graph");
    bench_require(dmpi_drop(pool, graph->keys, last), "dmpi_drop");
    bench_require(
        dmpi_wait(pool, &graph->keys[last], 1, DMPI_ALL, DMPI_FOREVER, NULL),
        "dmpi_wait");
    double seconds = MPI_Wtime() - start;
    check(pool, graph->keys[last], size, graph->steps);
    bench_require(dmpi_drop(pool, &graph->keys[last], 1), "dmpi_drop");
    bench_require(dmpi_drop(pool, &graph->inputs[0], 1), "dmpi_drop");
    return seconds / (double)graph->steps * 1e6;
}

/* ---- bare MPI ------------------------------------------------------------*/

static void ping_pong(int rank, size_t steps, size_t size, void *value)
{
    int bytes = (int)size, other = 3 - rank;
    for (size_t i = 0; i < steps; i++) {
        if (i % 2 == (size_t)(rank - 1)) {
            MPI_Send(value, bytes, MPI_BYTE, other, TAG, MPI_COMM_WORLD);
            continue;
        }
        MPI_Recv(value, bytes, MPI_BYTE, other, TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        count_on(value, value, size);
    }
}

/* Microseconds a message, on all ranks. */
static double bare(int rank, size_t steps, size_t size)
{
    double seconds = 0;
    uint64_t *value = calloc(1, size);
    bench_meet();
    if (rank == 1 || rank == 2) {
        double start = MPI_Wtime();
        ping_pong(rank, steps, size, value);
        seconds = MPI_Wtime() - start;
    }
    if (rank == 1 + (int)(steps % 2) && value[size / 8 - 1] != steps)
        bench_require(DMPI_EFAILED, "bare: wrong value");
    free(value);
    return bench_share(seconds, 1) / (double)steps * 1e6;
}

/* ---- both, in turn -------------------------------------------------------*/

/* The figures of one size. */
struct table {
    struct bench_figures us[CHAINS], them;
};

static void measure(int rank, int ranks, struct graph *graph, size_t size,
                    int first, struct table *table)
{
    dmpi_pool *pool = bench_open();
    for (enum chain chain = SAME; pool && chain < CHAINS; chain++) {
        if (chain == ALTERNATING && ranks < 3) continue;
        graph_place(graph, chain);
        double mine = ours(pool, graph, size);
        if (!first) bench_add(&table->us[chain], mine);
    }
    bench_close(pool);
    double theirs = ranks > 2 ? bare(rank, graph->steps, size) : NAN;
    if (!first) bench_add(&table->them, theirs);
}

static double most_times_bare(size_t size)
{
    if (size <= 16) return 3;
    return size <= 1024 ? 2 : 1.3;
}

static void report_chain(struct table *table, enum chain chain, size_t size)
{
    char what[80];
    double mine = bench_median(&table->us[chain]);
    snprintf(what, sizeof what, "chain %s, %s", chain_names[chain],
             bench_size(size));
    bench_print(what, &table->us[chain], "us/step");
    if (chain == ALTERNATING) {
        double theirs = bench_median(&table->them);
        bench_print("  bare one-way message", &table->them, "us");
        printf("  ratio ours / bare %.2f\n", mine / theirs);
        bench_result(what, mine, "us", theirs, mine / theirs,
                     most_times_bare(size), 1);
    } else {
        bench_result(what, mine, "us", NAN, NAN, chain == SAME ? 0.2 : NAN, 1);
    }
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--steps", "--size", "--runs", NULL};
    size_t sizes[] = {16, 1 << 10, 64 << 10};
    int rank, ranks, size_count = 3;
    bench_check_options(
        argc, argv, options,
        "usage: bench_chain [--steps N] [--size BYTES] [--runs N]\n"
        "  --size: this instead of 16 B, 1 KiB and 64 KiB; at least 16\n");
    size_t steps = (size_t)bench_option(argc, argv, "--steps", 100000);
    size_t size = (size_t)bench_option(argc, argv, "--size", 0) / 8 * 8;
    long runs = bench_option(argc, argv, "--runs", 7);
    if (size) size_count = 1, sizes[0] = size < SMALLEST ? SMALLEST : size;
    bench_start(&rank, &ranks);
    struct graph graph;
    graph_init(&graph, steps);
    if (rank == 0)
        printf("bench_chain: %zu steps, np %d, %ld runs\n", steps, ranks, runs);
    for (int i = 0; i < size_count; i++) {
        struct table table = {.them = {.count = 0}};
        for (long run = 0; run <= runs; run++) /* the first warms up */
            measure(rank, ranks, &graph, sizes[i], run == 0, &table);
        for (enum chain chain = SAME; rank == 0 && chain < CHAINS; chain++)
            if (table.us[chain].count) report_chain(&table, chain, sizes[i]);
    }
    graph_fini(&graph);
    MPI_Finalize();
    return 0;
}
