/* SPDX-License-Identifier: BSD-3-Clause */
/* graph_patterns.h - the dependence patterns of Task Bench (Slaughter et al.,
 * SC 2020), and the task at each of their points, for bench_graph.c.
 *
 * A graph is so many columns by so many steps. The task at (step, column) has
 * the outputs of some columns of the step before as its inputs. Which ones
 * depends on the column and on the step's set: steps of one set are alike, so
 * that a table with one row per set and column tells a graph of any length.
 * Patterns with a radius take RADIUS columns, as Task Bench's -radix does. */
#ifndef GRAPH_PATTERNS_H
#define GRAPH_PATTERNS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { RADIUS = 5, PERIOD = 3 }; /* PERIOD: sets of spread, random_nearest */

/* Writes the input columns of COLUMN in steps of SET, returns how many. */
typedef int pattern_inputs(int width, int set, int column, int inputs[]);

struct pattern {
    const char *name;
    pattern_inputs *inputs;
    int period; /* sets; 0: one per doubling of the columns */
    int grows;  /* step s has at most 2^s columns, the last set stays */
};

/* One pattern at one width. */
struct graph {
    const struct pattern *pattern;
    int width, sets;
    long stamps;  /* in an output */
    int most;     /* inputs that a task has at most */
    int *start;   /* [set * width + column]: where its inputs begin, owned */
    int *columns; /* all inputs, one after another, owned */
};

/* ---- the patterns --------------------------------------------------------*/

static int span(int from, int to, int width, int inputs[])
{
    int count = 0;
    for (int i = from < 0 ? 0 : from; i <= to && i < width; i++)
        inputs[count++] = i;
    return count;
}

static int inputs_trivial(int width, int set, int column, int inputs[])
{
    return 0;
}

static int inputs_no_comm(int width, int set, int column, int inputs[])
{
    return span(column, column, width, inputs);
}

static int inputs_stencil(int width, int set, int column, int inputs[])
{
    return span(column - 1, column + 1, width, inputs);
}

static int inputs_fft(int width, int set, int column, int inputs[])
{
    int far = 1 << set, count = 0;
    if (column >= far) inputs[count++] = column - far;
    inputs[count++] = column;
    if (column + far < width) inputs[count++] = column + far;
    return count;
}

static int inputs_tree(int width, int set, int column, int inputs[])
{
    return span(column / 2, column / 2, width, inputs);
}

static int inputs_all(int width, int set, int column, int inputs[])
{
    return span(0, width - 1, width, inputs);
}

static int inputs_nearest(int width, int set, int column, int inputs[])
{
    return span(column - RADIUS / 2, column + (RADIUS - 1) / 2, width, inputs);
}

static int inputs_spread(int width, int set, int column, int inputs[])
{
    int count = 0;
    for (int i = 0; i < RADIUS; i++) {
        int from = (column + i * width / RADIUS + (i ? set : 0)) % width;
        int known = 0;
        for (int k = 0; k < count; k++) known |= inputs[k] == from;
        if (!known) inputs[count++] = from;
    }
    return count;
}

/* One in four, and always the same ones: a mix of the three numbers' bits. */
static int drawn(int set, int from, int to)
{
    uint64_t x = (uint64_t)set << 48 ^ (uint64_t)from << 24 ^ (uint64_t)to;
    x = (x + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (x >> 62) == 0;
}

static int inputs_random(int width, int set, int column, int inputs[])
{
    int near[RADIUS], count = 0;
    int all = inputs_nearest(width, set, column, near);
    for (int i = 0; i < all; i++)
        if (near[i] == column || drawn(set, near[i], column))
            inputs[count++] = near[i];
    return count;
}

static const struct pattern patterns[] = {
    {"trivial", inputs_trivial, 1, 0},
    {"no_comm", inputs_no_comm, 1, 0},
    {"stencil_1d", inputs_stencil, 1, 0},
    {"fft", inputs_fft, 0, 0},
    {"tree", inputs_tree, 0, 1},
    {"all_to_all", inputs_all, 1, 0},
    {"nearest", inputs_nearest, 1, 0},
    {"spread", inputs_spread, PERIOD, 0},
    {"random_nearest", inputs_random, PERIOD, 0},
};

enum { PATTERNS = sizeof patterns / sizeof patterns[0] };

/* NULL: no such pattern. */
static const struct pattern *pattern_find(const char *name)
{
    for (int i = 0; i < PATTERNS; i++)
        if (!strcmp(patterns[i].name, name)) return &patterns[i];
    return NULL;
}

/* ---- graphs --------------------------------------------------------------*/

static int graph_sets(const struct pattern *pattern, int width)
{
    int doublings = 0;
    while (1 << doublings < width) doublings++;
    if (pattern->period) return pattern->period;
    if (pattern->grows) return doublings + 1;
    return doublings ? doublings : 1;
}

static void graph_init(struct graph *graph, const struct pattern *pattern,
                       int width, long stamps)
{
    int sets = graph_sets(pattern, width), used = 0;
    size_t rows = (size_t)sets * (size_t)width;
    int room = width > RADIUS ? width : RADIUS;
    *graph = (struct graph){
        .pattern = pattern, .width = width, .sets = sets, .stamps = stamps};
    graph->start = malloc((rows + 1) * sizeof(int));
    graph->columns = malloc(rows * (size_t)room * sizeof(int));
    for (size_t row = 0; row < rows; row++) {
        int set = (int)row / width, column = (int)row % width;
        int count = pattern->inputs(width, set, column, &graph->columns[used]);
        graph->start[row] = used;
        used += count;
        if (count > graph->most) graph->most = count;
    }
    graph->start[rows] = used;
}

static void graph_fini(struct graph *graph)
{
    free(graph->start);
    free(graph->columns);
}

static int graph_set(const struct graph *graph, long step)
{
    if (graph->pattern->grows)
        return step < graph->sets ? (int)step : graph->sets - 1;
    if (!graph->pattern->period) step += graph->sets - 1;
    return (int)(step % graph->sets);
}

/* The columns of STEP are 0 .. this - 1. */
static int graph_columns(const struct graph *graph, long step)
{
    int set = graph_set(graph, step);
    if (!graph->pattern->grows || 1 << set > graph->width) return graph->width;
    return 1 << set;
}

static long graph_tasks(const struct graph *graph, long steps)
{
    long tasks = 0;
    for (long step = 0; step < steps; step++)
        tasks += graph_columns(graph, step);
    return tasks;
}

/* The columns of the step before whose outputs (STEP, COLUMN) takes: *COUNT of
 * them, none in step 0. */
static const int *graph_inputs(const struct graph *graph, long step, int column,
                               int *count)
{
    int row = graph_set(graph, step) * graph->width + column;
    *count = step ? graph->start[row + 1] - graph->start[row] : 0;
    return &graph->columns[graph->start[row]];
}

/* ---- the task ------------------------------------------------------------*/

/* What an output is filled with, and how a task knows its inputs. */
struct stamp {
    uint32_t graph, step, column, salt;
};

struct call {
    uint32_t graph, step, column, multiply_adds;
};

/* Bytes of a task's output. */
static size_t graph_output(const struct graph *graph)
{
    return (size_t)graph->stamps * sizeof(struct stamp);
}

static struct stamp stamp_of(uint32_t graph, uint32_t step, uint32_t column)
{
    return (struct stamp){graph, step, column, graph ^ ~step ^ column << 16};
}

/* Volatile, so that neither the loop nor its place in time is optimized. */
static void compute(uint32_t multiply_adds)
{
    static volatile double sink = 2;
    double x = sink;
    for (uint32_t i = 0; i < multiply_adds; i++) x = x * 0.999999 + 1e-6;
    sink = x;
}

/* Whether INPUT of CALL is what column FROM made. */
static int input_is_right(const struct call *call, const struct stamp *input,
                          long stamps, int from)
{
    struct stamp right = stamp_of(call->graph, call->step - 1, (uint32_t)from);
    for (long i = 0; i < stamps; i++)
        if (memcmp(&input[i], &right, sizeof right)) return 0;
    return 1;
}

/* Check the inputs, compute, stamp the output. Returns 0, or 1 + the number of
 * the first input that is wrong. */
static int graph_execute(const struct graph *graph, const struct call *call,
                         const void *const inputs[], struct stamp *output)
{
    int count;
    const int *from =
        graph_inputs(graph, call->step, (int)call->column, &count);
    for (int i = 0; i < count; i++)
        if (!input_is_right(call, inputs[i], graph->stamps, from[i]))
            return 1 + i;
    compute(call->multiply_adds);
    struct stamp own = stamp_of(call->graph, call->step, call->column);
    for (long i = 0; i < graph->stamps; i++) output[i] = own;
    return 0;
}

static double thread_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Nanoseconds of one multiply-add on this core: the median of some tries, by
 * the thread's own time. */
static double time_multiply_add(void)
{
    enum { COUNT = 200000, TRIES = 15 };
    struct bench_figures figures = {.count = 0};
    for (int i = 0; i < TRIES; i++) {
        double start = thread_seconds();
        compute(COUNT);
        bench_add(&figures, (thread_seconds() - start) * 1e9 / COUNT);
    }
    return bench_median(&figures);
}

#endif
