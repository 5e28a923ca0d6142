/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_graph.c - the task graphs of Task Bench, against a nonblocking MPI
 * program: how small may tasks be?
 *
 *     scripts/run -np 3 build/apps/bench_graph [--pattern NAME] [--graphs N]
 *         [--width N] [--steps N] [--window N] [--output BYTES]
 *         [--grain NANOSECONDS] [--runs N]
 *
 * A task checks that its inputs are the outputs of the right (graph, step,
 * column), computes for one grain, and fills its output with its own stamp.
 * Computing is a chain of multiply-adds, of which as many as take one grain are
 * counted out before each run, on all workers at once: unlike a spin on the
 * clock it does not count as work what another process does on the core.
 * Efficiency is the grain times the number of tasks over the time on all cores
 * of the workers; METG(50 %), the minimum effective task granularity, is the
 * time of all cores per task where the efficiency falls through one half.
 *
 * Step 0 is spread blockwise over the workers, the other tasks go where the
 * library wants. The bare program has as many workers and owns a block of
 * columns each. It posts receives one step ahead, sends an output once to each
 * rank that needs it, and computes its columns in order; of several graphs it
 * does one step of each in turn. Its workers are bound to cores as ours are,
 * and rank 0 sleeps meanwhile, as our center does. */
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

#include "bench.h"
#include "graph_patterns.h"

enum {
    GRAINS = 15,    /* 16 ns, 32 ns, .. 262 us */
    GRAIN_BASE = 4, /* the shortest is 2^this */
    GRAIN_FIRST = 9,
    STEPS_LEAST = 30,
    SIDES = 2,
    LEVELS = 2
};

static const double levels[LEVELS] = {0.5, 0.9};
static const double run_seconds = 0.01; /* that a run should take */

/* What is measured, the same on all ranks. */
static struct {
    struct graph graph;
    long graphs, width, steps, window, grain, runs, stamps;
    const struct pattern *pattern; /* NULL: all */
    double ns;                     /* one multiply-add */
    double cores;                  /* that the workers compute on */
    const void **inputs;           /* of the task that runs, owned */
} job;

/* One run of all graphs. */
struct load {
    uint64_t steps, multiply_adds;
};

/* ---- the library ---------------------------------------------------------*/

/* Puts the inputs to job.inputs. Returns 0 if the task has failed. */
static int take_inputs(dmpi_task *task, const struct call *call)
{
    size_t count = dmpi_task_input_count(task);
    int expected;
    graph_inputs(&job.graph, call->step, (int)call->column, &expected);
    if (count != (size_t)expected) {
        dmpi_fail(task, "(%u, %u, %u) got %zu inputs, not %d", call->graph,
                  call->step, call->column, count, expected);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        job.inputs[i] = dmpi_task_input(task, i);
        if (dmpi_task_input_size(task, i) == graph_output(&job.graph)) continue;
        dmpi_fail(task, "(%u, %u, %u): input %zu has a wrong size", call->graph,
                  call->step, call->column, i);
        return 0;
    }
    return 1;
}

DMPI_TASK(point)
{
    const struct call *call = dmpi_task_args(task);
    if (!take_inputs(task, call)) return;
    struct stamp *output = dmpi_task_output(task, graph_output(&job.graph));
    if (!output) return;
    int wrong = graph_execute(&job.graph, call, job.inputs, output);
    if (wrong)
        dmpi_fail(task, "(%u, %u, %u): input %d is another task's output",
                  call->graph, call->step, call->column, wrong - 1);
}

/* Some steps of all graphs, submitted at once. */
struct window {
    dmpi_key *keys; /* of its tasks: by step, graph, column; owned */
    size_t count;
    size_t last; /* where its last step begins */
};

static dmpi_pool *pool;           /* rank 0, while it is open */
static struct window windows[2];  /* the one before, and the one to come */
static dmpi_graph_task *tasks;    /* of one window, owned */
static struct call *calls;        /* their arguments, owned */
static dmpi_key *inputs;          /* their inputs, owned */
static dmpi_task_options *places; /* of step 0, by column, owned */

static void ours_init(void)
{
    size_t room = (size_t)(job.window * job.graphs * job.width);
    size_t most = (size_t)job.graph.most;
    tasks = malloc(room * sizeof *tasks);
    calls = malloc(room * sizeof *calls);
    inputs = malloc((room * most + 1) * sizeof *inputs);
    places = calloc((size_t)job.width, sizeof *places);
    for (int i = 0; i < 2; i++)
        windows[i] = (struct window){malloc(room * sizeof(dmpi_key)), 0, 0};
}

static void ours_fini(void)
{
    free(tasks);
    free(calls);
    free(inputs);
    free(places);
    for (int i = 0; i < 2; i++) free(windows[i].keys);
}

static void ours_open(void)
{
    pool = bench_open();
    if (!pool) return;
    long workers = (long)dmpi_workers(pool);
    for (long i = 0; i < job.width; i++)
        places[i].rank = 1 + (int)(i * workers / job.width);
}

static void ours_close(void)
{
    bench_require(dmpi_close(pool), "dmpi_close");
    pool = NULL;
}

/* Say why the task of KEY failed, and end the job. */
static void stop_for(dmpi_key key)
{
    dmpi_failure failure;
    bench_require(dmpi_error(pool, key, &failure), "dmpi_error");
    fprintf(stderr, "rank %d: %s\n", failure.rank, failure.text);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Wait for all tasks of WINDOW and drop their keys. */
static void window_finish(struct window *window)
{
    size_t which;
    dmpi_status status = dmpi_wait(pool, window->keys, window->count, DMPI_ALL,
                                   DMPI_FOREVER, &which);
    if (status == DMPI_EFAILED) stop_for(window->keys[which]);
    bench_require(status, "dmpi_wait");
    bench_require(dmpi_drop(pool, window->keys, window->count), "dmpi_drop");
    window->count = 0;
}

/* Describe the task of CALL as number AT; its inputs go to ROOM. ABOVE is where
 * its graph's part of the step before begins: in this window, or, if the step
 * is the FIRST of it, among the keys of BEFORE. Returns the room it took. */
static size_t window_add(const struct call *call, size_t at, dmpi_key *room,
                         uint64_t first, const struct window *before,
                         size_t above)
{
    int count;
    const int *from =
        graph_inputs(&job.graph, call->step, (int)call->column, &count);
    for (int i = 0; i < count; i++) {
        size_t input = above + (size_t)from[i];
        room[i] = call->step > first ? DMPI_NTH(input) : before->keys[input];
    }
    tasks[at] = (dmpi_graph_task){
        .function = point,
        .inputs = room,
        .input_count = (size_t)count,
        .args = call,
        .size = sizeof *call,
        .options = call->step ? NULL : &places[call->column],
    };
    return (size_t)count;
}

/* Submit the steps from FIRST to END as WINDOW. */
static void window_submit(struct window *window, const struct window *before,
                          const struct load *load, uint64_t first, uint64_t end)
{
    size_t at = 0, used = 0, above = before->last, columns_above = 0;
    if (first)
        columns_above = (size_t)graph_columns(&job.graph, (long)first - 1);
    for (uint64_t step = first; step < end; step++) {
        size_t columns = (size_t)graph_columns(&job.graph, (long)step);
        window->last = at;
        for (size_t i = 0; i < columns * (size_t)job.graphs; i++, at++) {
            size_t graph = i / columns;
            calls[at] = (struct call){(uint32_t)graph, (uint32_t)step,
                                      (uint32_t)(i % columns),
                                      (uint32_t)load->multiply_adds};
            used += window_add(&calls[at], at, inputs + used, first, before,
                               above + graph * columns_above);
        }
        above = window->last;
        columns_above = columns;
    }
    window->count = at;
    bench_require(dmpi_submit_graph(pool, tasks, at, window->keys),
                  "dmpi_submit_graph");
}

/* Seconds from the first submission to the last end. Two windows at most are
 * on their way; the one before the last is waited for and dropped first. */
static double ours_run(const struct load *load)
{
    double start = MPI_Wtime();
    uint64_t first = 0, end;
    for (int now = 0; first < load->steps; first = end, now = !now) {
        end = first + (uint64_t)job.window;
        if (end > load->steps) end = load->steps;
        window_finish(&windows[now]);
        window_submit(&windows[now], &windows[!now], load, first, end);
    }
    window_finish(&windows[0]);
    window_finish(&windows[1]);
    return MPI_Wtime() - start;
}

/* ---- bare MPI ------------------------------------------------------------*/

enum { SLOTS = 3, TAG_LOAD = 1, TAG_TIME = 2 };

/* One graph on one rank. Step s lives in slot s % SLOTS: it is written or
 * received there, sent from there, and read by step s + 1. */
struct part {
    struct stamp *values[SLOTS];  /* of all columns */
    MPI_Request *arrivals[SLOTS]; /* by column */
    MPI_Request *sends[SLOTS];
    int sending[SLOTS]; /* how many of them */
};

static MPI_Comm workers = MPI_COMM_NULL;
static int bare_rank, bare_ranks; /* among the workers */
static int node_rank, node_ranks; /* among those of this node */
static cpu_set_t mask;            /* where this process may run */
static unsigned char *needs; /* [set][rank][column]: rank reads it, owned */
static struct part *parts;   /* by graph, owned */

static int owner(int column)
{
    return (int)((long)column * bare_ranks / job.width);
}

static unsigned char *needs_of(int set, int rank)
{
    return &needs[((size_t)set * (size_t)bare_ranks + (size_t)rank) *
                  (size_t)job.width];
}

static void needs_init(void)
{
    const struct graph *graph = &job.graph;
    needs = calloc((size_t)(graph->sets * bare_ranks), (size_t)job.width);
    for (int row = 0; row < graph->sets * graph->width; row++) {
        int set = row / graph->width, rank = owner(row % graph->width);
        for (int i = graph->start[row]; i < graph->start[row + 1]; i++)
            needs_of(set, rank)[graph->columns[i]] = 1;
    }
}

static void part_init(struct part *part)
{
    size_t width = (size_t)job.width, most = width * (size_t)bare_ranks;
    for (int slot = 0; slot < SLOTS; slot++) {
        part->values[slot] = calloc(width, graph_output(&job.graph));
        part->arrivals[slot] = malloc(width * sizeof(MPI_Request));
        part->sends[slot] = malloc(most * sizeof(MPI_Request));
        part->sending[slot] = 0;
        for (size_t i = 0; i < width; i++)
            part->arrivals[slot][i] = MPI_REQUEST_NULL;
    }
}

static void bare_init(void)
{
    needs_init();
    parts = malloc((size_t)job.graphs * sizeof *parts);
    for (long i = 0; i < job.graphs; i++) part_init(&parts[i]);
}

static void bare_fini(void)
{
    for (long i = 0; i < job.graphs * SLOTS; i++) {
        free(parts[i / SLOTS].values[i % SLOTS]);
        free(parts[i / SLOTS].arrivals[i % SLOTS]);
        free(parts[i / SLOTS].sends[i % SLOTS]);
    }
    free(parts);
    free(needs);
}

static struct stamp *value_of(struct part *part, uint64_t step, int column)
{
    return part->values[step % SLOTS] + (long)column * job.graph.stamps;
}

static int tag_of(long graph, int column)
{
    return (int)(graph * job.width + column);
}

/* Post receives for the columns of STEP that others own and this rank reads. */
static void part_expect(struct part *part, long graph, uint64_t step)
{
    const unsigned char *needed =
        needs_of(graph_set(&job.graph, (long)step + 1), bare_rank);
    int columns = graph_columns(&job.graph, (long)step);
    for (int i = 0; i < columns; i++)
        if (needed[i] && owner(i) != bare_rank)
            MPI_Irecv(value_of(part, step, i), (int)graph_output(&job.graph),
                      MPI_BYTE, owner(i), tag_of(graph, i), workers,
                      &part->arrivals[step % SLOTS][i]);
}

/* Send the output of (STEP, COLUMN) to all other ranks that read it. */
static void part_send(struct part *part, long graph, uint64_t step, int column)
{
    int set = graph_set(&job.graph, (long)step + 1), slot = step % SLOTS;
    for (int rank = 0; rank < bare_ranks; rank++)
        if (rank != bare_rank && needs_of(set, rank)[column])
            MPI_Isend(value_of(part, step, column),
                      (int)graph_output(&job.graph), MPI_BYTE, rank,
                      tag_of(graph, column), workers,
                      &part->sends[slot][part->sending[slot]++]);
}

/* Before its slot is written again. */
static void part_wait_sent(struct part *part, uint64_t slot)
{
    for (; part->sending[slot]; part->sending[slot]--)
        MPI_Wait(&part->sends[slot][part->sending[slot] - 1],
                 MPI_STATUS_IGNORE);
}

static void part_task(struct part *part, const struct call *call)
{
    int count;
    const int *from =
        graph_inputs(&job.graph, call->step, (int)call->column, &count);
    for (int i = 0; i < count; i++) {
        uint64_t before = call->step - 1;
        MPI_Request *arrival = &part->arrivals[before % SLOTS][from[i]];
        if (*arrival != MPI_REQUEST_NULL) MPI_Wait(arrival, MPI_STATUS_IGNORE);
        job.inputs[i] = value_of(part, before, from[i]);
    }
    if (graph_execute(&job.graph, call, job.inputs,
                      value_of(part, call->step, (int)call->column)))
        bench_require(DMPI_EFAILED, "bare MPI: wrong input");
}

static void part_step(struct part *part, long graph, uint64_t step,
                      const struct load *load)
{
    int columns = graph_columns(&job.graph, (long)step);
    if (step + 2 < load->steps) part_expect(part, graph, step + 1);
    part_wait_sent(part, step % SLOTS);
    for (int i = 0; i < columns; i++) {
        if (owner(i) != bare_rank) continue;
        part_task(part,
                  &(struct call){(uint32_t)graph, (uint32_t)step, (uint32_t)i,
                                 (uint32_t)load->multiply_adds});
        if (step + 1 < load->steps) part_send(part, graph, step, i);
    }
}

/* On all workers of the bare program: seconds till the last is done. */
static double bare_graphs(const struct load *load)
{
    double seconds;
    MPI_Barrier(workers);
    double start = MPI_Wtime();
    for (long i = 0; i < job.graphs && load->steps > 1; i++)
        part_expect(&parts[i], i, 0);
    for (uint64_t step = 0; step < load->steps; step++)
        for (long i = 0; i < job.graphs; i++)
            part_step(&parts[i], i, step, load);
    for (long i = 0; i < job.graphs * SLOTS; i++)
        part_wait_sent(&parts[i / SLOTS], (uint64_t)(i % SLOTS));
    seconds = MPI_Wtime() - start;
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, workers);
    return seconds;
}

/* Bind a worker to a core, as the library does: if the workers of the node have
 * enough of them, the one at this worker's place among those it may use. */
static void bind_worker(void)
{
    cpu_set_t own;
    if (workers == MPI_COMM_NULL || CPU_COUNT(&mask) < node_ranks) return;
    int place = node_rank * (CPU_COUNT(&mask) / node_ranks), seen = 0;
    CPU_ZERO(&own);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &mask) && seen++ == place) CPU_SET(cpu, &own);
    sched_setaffinity(0, sizeof own, &own);
}

static void unbind_worker(void)
{
    sched_setaffinity(0, sizeof mask, &mask);
}

/* ---- rank 0 and the workers of the bare program --------------------------*/

/* Rarely awake: naps of 1 ms cost the workers 6 % of their time. */
static double sleep_for_time(void)
{
    double seconds;
    for (int here = 0; !here; bench_nap(5e-3))
        MPI_Iprobe(1, TAG_TIME, MPI_COMM_WORLD, &here, MPI_STATUS_IGNORE);
    MPI_Recv(&seconds, 1, MPI_DOUBLE, 1, TAG_TIME, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    return seconds;
}

static void bare_tell(const struct load *load)
{
    for (int rank = 1; rank <= bare_ranks; rank++)
        MPI_Send(load, sizeof *load, MPI_BYTE, rank, TAG_LOAD, MPI_COMM_WORLD);
}

/* On rank 0: have LOAD done; on a single rank: do it. */
static double bare_run(const struct load *load)
{
    if (workers != MPI_COMM_NULL) return bare_graphs(load);
    bare_tell(load);
    return sleep_for_time();
}

/* On the other ranks: do what rank 0 wants, until it wants nothing. */
static void bare_serve(void)
{
    for (;;) {
        struct load load;
        MPI_Recv(&load, sizeof load, MPI_BYTE, 0, TAG_LOAD, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        if (!load.steps) return;
        double seconds = bare_graphs(&load);
        if (bare_rank == 0)
            MPI_Send(&seconds, 1, MPI_DOUBLE, 0, TAG_TIME, MPI_COMM_WORLD);
    }
}

static void bare_open(void)
{
    bind_worker();
}

static void bare_close(void)
{
    if (workers == MPI_COMM_NULL) bare_tell(&(struct load){0});
    else unbind_worker();
}

/* ---- the multiply-adds ---------------------------------------------------*/

/* Sets job.ns on all ranks to the mean of the workers; rank 0 sleeps. */
static void calibrate(int rank)
{
    if (workers != MPI_COMM_NULL) {
        bind_worker();
        MPI_Barrier(workers);
        job.ns = time_multiply_add();
        MPI_Allreduce(MPI_IN_PLACE, &job.ns, 1, MPI_DOUBLE, MPI_SUM, workers);
        job.ns /= bare_ranks;
        unbind_worker();
        if (rank == 1)
            MPI_Send(&job.ns, 1, MPI_DOUBLE, 0, TAG_TIME, MPI_COMM_WORLD);
    } else job.ns = sleep_for_time();
}

/* The workers, and the cores they have: as many as there are workers on a node,
 * or as many as the node has. */
static void count_workers(int rank, int ranks)
{
    MPI_Comm node;
    double share = 0;
    MPI_Comm_split(MPI_COMM_WORLD, rank || ranks == 1 ? 0 : MPI_UNDEFINED, 0,
                   &workers);
    bare_ranks = ranks > 1 ? ranks - 1 : 1;
    if (workers != MPI_COMM_NULL) {
        MPI_Comm_rank(workers, &bare_rank);
        MPI_Comm_split_type(workers, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                            &node);
        MPI_Comm_rank(node, &node_rank);
        MPI_Comm_size(node, &node_ranks);
        MPI_Comm_free(&node);
        sched_getaffinity(0, sizeof mask, &mask);
        share = fmin(1, (double)sysconf(_SC_NPROCESSORS_ONLN) / node_ranks);
    }
    MPI_Allreduce(&share, &job.cores, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

/* ---- efficiencies of both sides, on rank 0 -------------------------------*/

struct side {
    const char *name;
    void (*open)(void);
    double (*run)(const struct load *load);
    void (*close)(void);
    int low, high; /* the grains measured */
    struct bench_figures efficiency[GRAINS];
    struct bench_figures metg[LEVELS]; /* microseconds */
};

static double grain_ns(int grain)
{
    return job.grain ? (double)job.grain : ldexp(1, grain + GRAIN_BASE);
}

/* So many steps that a run takes its time, but not too few or too many. */
static struct load load_of(int grain)
{
    double row = grain_ns(grain) * (double)(job.graphs * job.width) / job.cores;
    double steps = run_seconds * 1e9 / row;
    if (steps < STEPS_LEAST) steps = STEPS_LEAST;
    if (steps > (double)job.steps || job.grain) steps = (double)job.steps;
    double multiply_adds = grain_ns(grain) / job.ns;
    return (struct load){(uint64_t)steps, (uint64_t)(multiply_adds + 0.5)};
}

static double efficiency(struct side *side, int grain)
{
    struct load load = load_of(grain);
    double work = (double)(job.graphs * graph_tasks(&job.graph, load.steps));
    work *= (double)load.multiply_adds * job.ns * 1e-9;
    return work / (side->run(&load) * job.cores);
}

static double best_of_three(struct side *side, int grain)
{
    double best = 0;
    for (int i = 0; i < 3; i++) best = fmax(best, efficiency(side, grain));
    return best;
}

/* Find the grains between about 92 % and 45 %; warms up, too. */
static void explore(struct side *side)
{
    side->low = side->high = job.grain ? 0 : GRAIN_FIRST;
    if (job.grain) efficiency(side, 0);
    if (job.grain) return;
    while (side->high < GRAINS - 1 && efficiency(side, side->high) < 0.92)
        side->high++;
    while (side->low > 0 && best_of_three(side, side->low) > 0.45) side->low--;
}

/* Microseconds of all cores per task where the efficiencies E of the grains
 * measured fall through LEVEL; INFINITY if none reaches it. If even the
 * shortest grain does, its own. */
static double metg(const struct side *side, const double e[], double level)
{
    int i = side->low;
    while (i <= side->high && e[i] < level) i++;
    if (i > side->high) return INFINITY;
    if (i == side->low) return grain_ns(i) / e[i] * 1e-3;
    double part = (level - e[i - 1]) / (e[i] - e[i - 1]);
    double grain = grain_ns(i - 1) * pow(grain_ns(i) / grain_ns(i - 1), part);
    return grain / level * 1e-3;
}

static void sweep(struct side *side)
{
    double e[GRAINS];
    for (int i = side->high; i >= side->low; i--) {
        e[i] = efficiency(side, i);
        bench_add(&side->efficiency[i], e[i]);
    }
    for (int k = 0; k < LEVELS; k++)
        bench_add(&side->metg[k], metg(side, e, levels[k]));
}

/* ---- the report ----------------------------------------------------------*/

static void print_efficiency(struct side *side, int grain)
{
    struct bench_figures *figures = &side->efficiency[grain];
    if (!figures->count) {
        printf(" %28s", "");
        return;
    }
    double median = bench_median(figures); /* sorts */
    printf("      %5.1f %% (%5.1f .. %5.1f)", 100 * median,
           100 * figures->value[0], 100 * figures->value[figures->count - 1]);
}

static void print_metg(struct side sides[SIDES], int level)
{
    char what[96];
    double median[SIDES], ratio;
    for (int i = 0; i < SIDES; i++) {
        snprintf(what, sizeof what, "METG(%.0f %%) %s", 100 * levels[level],
                 sides[i].name);
        bench_print(what, &sides[i].metg[level], "us");
        median[i] = bench_median(&sides[i].metg[level]);
    }
    ratio = isfinite(median[1]) ? median[0] / median[1] : NAN;
    if (isfinite(ratio)) printf("ratio %.2f\n", ratio);
    snprintf(what, sizeof what, "graph %s x%ld METG(%.0f %%)",
             job.graph.pattern->name, job.graphs, 100 * levels[level]);
    double goal = level || isnan(ratio) ? NAN : job.graphs == 1 ? 2 : 1;
    bench_result(what, median[0], "us", median[1], ratio, goal, 1);
}

static void report(struct side sides[SIDES], int ranks)
{
    printf("bench_graph: %s, %ld graph%s, width %ld, output %zu B, np %d, "
           "%ld runs\n",
           job.graph.pattern->name, job.graphs, job.graphs > 1 ? "s" : "",
           job.width, graph_output(&job.graph), ranks, job.runs);
    printf("     grain us   steps  efficiency: %-18s %s\n", sides[0].name,
           sides[1].name);
    for (int i = GRAINS - 1; i >= 0; i--) {
        if (!sides[0].efficiency[i].count && !sides[1].efficiency[i].count)
            continue;
        printf("%13.6g %7lu", grain_ns(i) * 1e-3,
               (unsigned long)load_of(i).steps);
        for (int k = 0; k < SIDES; k++) print_efficiency(&sides[k], i);
        printf("\n");
    }
    for (int k = 0; k < LEVELS && !job.grain; k++) print_metg(sides, k);
    printf("\n");
    fflush(stdout);
}

/* ---- main ----------------------------------------------------------------*/

static void measure(const struct pattern *pattern, long graphs, int rank,
                    int ranks)
{
    struct side sides[SIDES] = {
        {.name = "ours",
         .open = ours_open,
         .run = ours_run,
         .close = ours_close},
        {.name = "bare MPI",
         .open = bare_open,
         .run = bare_run,
         .close = bare_close},
    };
    job.graphs = graphs;
    graph_init(&job.graph, pattern, (int)job.width, job.stamps);
    ours_init();
    bare_init();
    for (long run = 0; run <= job.runs; run++) { /* the first explores */
        calibrate(rank);
        for (int i = 0; i < SIDES; i++) {
            sides[i].open();
            if (rank == 0 && !run) explore(&sides[i]);
            if (rank == 0 && run) sweep(&sides[i]);
            if (rank && i == 1) bare_serve();
            sides[i].close();
        }
    }
    if (rank == 0) report(sides, ranks);
    bare_fini();
    ours_fini();
    graph_fini(&job.graph);
}

static void read_options(int argc, char **argv)
{
    static const char *const options[] = {"--pattern", "--graphs", "--width",
                                          "--steps",   "--window", "--output",
                                          "--grain",   "--runs",   NULL};
    bench_check_options(
        argc, argv, options,
        "usage: bench_graph [OPTION N]...\n"
        "  --pattern NAME  trivial, no_comm, stencil_1d, fft, tree,\n"
        "                  all_to_all, nearest, spread, random_nearest; or "
        "all\n"
        "  --graphs N      graphs at once; without it once 1, once 4\n"
        "  --width N       columns; 8 per worker\n"
        "  --steps N       at most; 1000. Fewer where grains are long\n"
        "  --window N      steps submitted at once; 50\n"
        "  --output N      bytes of a task's output, multiples of 16; 16\n"
        "  --grain N       nanoseconds, instead of the sweep; all steps\n"
        "  --runs N        repetitions; 7\n");
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--pattern") || !strcmp(argv[i + 1], "all"))
            continue;
        job.pattern = pattern_find(argv[i + 1]);
        if (job.pattern) continue;
        fprintf(stderr, "--pattern %s: --help lists them\n", argv[i + 1]);
        exit(2);
    }
    job.steps = bench_option(argc, argv, "--steps", 1000);
    job.window = bench_option(argc, argv, "--window", 50);
    job.grain = bench_option(argc, argv, "--grain", 0);
    job.runs = bench_option(argc, argv, "--runs", 7);
    job.stamps = (bench_option(argc, argv, "--output", 16) + 15) / 16;
}

int main(int argc, char **argv)
{
    int rank, ranks;
    read_options(argc, argv);
    bench_start(&rank, &ranks);
    count_workers(rank, ranks);
    job.width = bench_option(argc, argv, "--width", 8L * bare_ranks);
    job.inputs = malloc((size_t)job.width * sizeof *job.inputs);
    long graphs = bench_option(argc, argv, "--graphs", 0);
    for (int i = 0; i < PATTERNS; i++) {
        if (job.pattern && job.pattern != &patterns[i]) continue;
        if (graphs != 4)
            measure(&patterns[i], graphs ? graphs : 1, rank, ranks);
        if (graphs == 4 || !graphs) measure(&patterns[i], 4, rank, ranks);
    }
    free(job.inputs);
    if (workers != MPI_COMM_NULL) MPI_Comm_free(&workers);
    MPI_Finalize();
    return 0;
}
