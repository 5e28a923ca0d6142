/* SPDX-License-Identifier: BSD-3-Clause */
/* cholesky.c - the Cholesky factorisation of a symmetric positive definite
 * matrix in tiles, and how fast it is beside one process.
 *
 *     scripts/run -np 3 build/apps/cholesky [--n N] [--tile N] [--runs N]
 *
 * A = L L', L lower triangular. Only the tiles on and below the diagonal exist,
 * each a value on a worker. Tile (i, j) becomes, in this order,
 *
 *     A(i,j) - sum over k < j of L(i,k) L(j,k)'     gemm, on the diagonal syrk
 *     its own Cholesky factor L(j,j)                potrf, on the diagonal
 *     A(i,j) L(j,j)^-T                              trsm, below it
 *
 * (Buttari, Langou, Kurzak, Dongarra, "A class of parallel tiled linear algebra
 * algorithms for multicore architectures", Parallel Computing 35, 2009). Values
 * never change: a task copies the tile that it updates, so a task does several
 * updates of one tile at once. All tasks of a factorisation are one graph,
 * submitted in one call; workers make A, and no tile passes rank 0.
 *
 * The workers form a grid, over which the tiles are dealt row by row and column
 * by column (block-cyclic, as in ScaLAPACK): the task that updates a tile goes
 * where the tile is, and idle workers steal. Each task runs OpenBLAS with one
 * thread. Beside it rank 0 runs OpenBLAS' own dpotrf on all of its cores, while
 * the workers sleep, in turn with ours. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>

#include "bench.h"
#include "tiles.h"

/* ---- rank 0: where the tiles lie -----------------------------------------*/

enum { EXIT_WRONG = 1, EXIT_CALL = 2 };

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "cholesky: %s\n", what);
    dmpi_close(pool);
    exit(EXIT_WRONG);
}

static void check(dmpi_status status)
{
    if (status) give_up(dmpi_status_detail());
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) give_up("rank 0 has no memory for this matrix");
    return memory;
}

/* The matrix, its tiles, and the workers that they belong to. */
struct layout {
    struct matrix matrix;
    int tiles;                /* in a row */
    size_t count;             /* tiles in all */
    int grid_rows, grid_cols; /* of workers */
    struct place *places;  /* by number of the tile; owned, like the next two */
    dmpi_task_options *at; /* by worker: there, if it has time */
    dmpi_key *a;           /* the tiles of A, by number */
};

/* The rank that tile (I, J) belongs to. */
static int owner(const struct layout *layout, int i, int j)
{
    return 1 + i % layout->grid_rows * layout->grid_cols +
           j % layout->grid_cols;
}

static const dmpi_task_options *home(const struct layout *layout, int i, int j)
{
    return &layout->at[owner(layout, i, j)];
}

static void layout_init(struct layout *layout, const struct matrix *matrix)
{
    int workers = (int)dmpi_workers(pool), tiles = tiles_of(matrix);
    int cols = (int)sqrt(workers);
    while (workers % cols) cols--;
    *layout = (struct layout){.matrix = *matrix,
                              .tiles = tiles,
                              .count = number(tiles, 0),
                              .grid_rows = workers / cols,
                              .grid_cols = cols};
    layout->places = allocate(layout->count, sizeof *layout->places);
    layout->a = allocate(layout->count, sizeof *layout->a);
    layout->at = allocate((size_t)workers + 1, sizeof *layout->at);
    for (int rank = 1; rank <= workers; rank++) layout->at[rank].rank = rank;
    for (int i = 0; i < tiles; i++)
        for (int j = 0; j <= i; j++)
            layout->places[number(i, j)] = (struct place){*matrix, i, j};
}

static void layout_fini(struct layout *layout)
{
    free(layout->places);
    free(layout->at);
    free(layout->a);
}

/* ---- rank 0: graphs ------------------------------------------------------*/

/* Tasks to be submitted together, and room for their inputs. */
struct graph {
    const struct layout *layout; /* borrowed */
    dmpi_graph_task *tasks;      /* owned, like the rest */
    size_t count;
    dmpi_key *inputs;
    size_t input_count;
    dmpi_key *keys; /* once submitted: by task */
};

static void graph_init(struct graph *graph, const struct layout *layout,
                       size_t tasks, size_t inputs)
{
    *graph = (struct graph){.layout = layout};
    graph->tasks = allocate(tasks, sizeof *graph->tasks);
    graph->inputs = allocate(inputs, sizeof *graph->inputs);
    graph->keys = allocate(tasks, sizeof *graph->keys);
}

static void graph_fini(struct graph *graph)
{
    free(graph->tasks);
    free(graph->inputs);
    free(graph->keys);
}

/* One more task, for tile (I, J), without inputs so far. Returns the key by
 * which other tasks of the graph may name it. */
static dmpi_key graph_add(struct graph *graph, const dmpi_function *function,
                          int i, int j)
{
    graph->tasks[graph->count] =
        (dmpi_graph_task){.function = function,
                          .inputs = graph->inputs + graph->input_count,
                          .args = &graph->layout->places[number(i, j)],
                          .size = sizeof(struct place),
                          .options = home(graph->layout, i, j)};
    return DMPI_NTH(graph->count++);
}

/* One more input for the last task. */
static void graph_input(struct graph *graph, dmpi_key key)
{
    graph->inputs[graph->input_count++] = key;
    graph->tasks[graph->count - 1].input_count++;
}

static void graph_submit(struct graph *graph)
{
    check(dmpi_submit_graph(pool, graph->tasks, graph->count, graph->keys));
}

/* What KEY, perhaps DMPI_NTH(), is after graph_submit(). Taken: graph_drop()
 * leaves it alone. */
static dmpi_key graph_take(struct graph *graph, dmpi_key key)
{
    size_t i = (size_t)(key - DMPI_NTH(0));
    dmpi_key taken = graph->keys[i];
    graph->keys[i] = DMPI_KEY_NONE;
    return taken;
}

static void graph_drop(struct graph *graph)
{
    check(dmpi_drop(pool, graph->keys, graph->count));
}

/* Make the tiles of A where they belong. */
static void make_matrix(struct layout *layout)
{
    struct graph graph;
    graph_init(&graph, layout, layout->count, 0);
    for (int i = 0; i < layout->tiles; i++)
        for (int j = 0; j <= i; j++) graph_add(&graph, make_tile, i, j);
    graph_submit(&graph);
    memcpy(layout->a, graph.keys, layout->count * sizeof *layout->a);
    graph_fini(&graph);
    check(dmpi_wait(pool, layout->a, layout->count, DMPI_ALL, DMPI_FOREVER,
                    NULL));
}

enum { UPDATES = 8 }; /* of a tile in one task */

/* Tile (I, J) has been updated by all columns before J. L: the factor so far, by
 * number. */
static dmpi_key add_updates(struct graph *graph, const dmpi_key *l, int i,
                            int j)
{
    dmpi_key tile = graph->layout->a[number(i, j)];
    for (int k = 0; k < j; k++) {
        if (k % UPDATES == 0) {
            dmpi_key next = graph_add(graph, i == j ? syrk : gemm, i, j);
            graph_input(graph, tile);
            tile = next;
        }
        graph_input(graph, l[number(i, k)]);
        if (i != j) graph_input(graph, l[number(j, k)]);
    }
    return tile;
}

static void add_column(struct graph *graph, dmpi_key *l, int j)
{
    for (int i = j; i < graph->layout->tiles; i++) {
        dmpi_key tile = add_updates(graph, l, i, j);
        l[number(i, j)] = graph_add(graph, i == j ? potrf : trsm, i, j);
        graph_input(graph, tile);
        if (i != j) graph_input(graph, l[number(j, j)]);
    }
}

/* Of a factorisation: tasks, and inputs, or a few more. */
static void count_tasks(const struct layout *layout, size_t *tasks,
                        size_t *inputs)
{
    *tasks = *inputs = 0;
    for (int j = 0; j < layout->tiles; j++) {
        size_t rows = (size_t)(layout->tiles - j);
        size_t updates = (size_t)(j + UPDATES - 1) / UPDATES;
        *tasks += rows * (updates + 1);
        *inputs += rows * (updates + 2 * (size_t)j + 2);
    }
}

static _Noreturn void tell_failure(dmpi_key key)
{
    dmpi_failure failure;
    char text[2 * DMPI_TEXT_MAX];
    check(dmpi_error(pool, key, &failure));
    snprintf(text, sizeof text, "%s (rank %d on host %s)", failure.text,
             (int)failure.rank, failure.host);
    give_up(text);
}

/* Wait for COUNT keys, none of which may fail. */
static void wait_for(const dmpi_key keys[], size_t count)
{
    size_t which;
    dmpi_status status =
        dmpi_wait(pool, keys, count, DMPI_ALL, DMPI_FOREVER, &which);
    if (status == DMPI_EFAILED) tell_failure(keys[which]);
    check(status);
}

/* Factorise A. L receives the keys of the factor's tiles, by number. */
static void factorise(const struct layout *layout, dmpi_key *l)
{
    struct graph graph;
    size_t tasks, inputs;
    count_tasks(layout, &tasks, &inputs);
    graph_init(&graph, layout, tasks, inputs);
    for (int j = 0; j < layout->tiles; j++) add_column(&graph, l, j);
    graph_submit(&graph);
    for (size_t i = 0; i < layout->count; i++) l[i] = graph_take(&graph, l[i]);
    graph_drop(&graph);
    graph_fini(&graph);
    wait_for(l, layout->count);
}

/* ---- rank 0: is the factor right? ----------------------------------------*/

static void add_comparison(struct graph *graph, const dmpi_key *l, int i, int j)
{
    graph_add(graph, compare_tile, i, j);
    for (int k = 0; k <= j; k++) {
        graph_input(graph, l[number(i, k)]);
        graph_input(graph, l[number(j, k)]);
    }
}

/* ||A - L L'|| / (n ||A|| eps) in the norm of Frobenius, as LAPACK's own tests
 * have it (TESTING/LIN/dpot01.f, in the 1-norm). */
static double residual(const struct layout *layout, const dmpi_key *l)
{
    const double eps = 0x1p-53;
    size_t tiles = layout->count;
    struct squares sum;
    struct graph graph;
    graph_init(&graph, layout, tiles + 1,
               2 * tiles * (size_t)layout->tiles + tiles);
    for (int i = 0; i < layout->tiles; i++)
        for (int j = 0; j <= i; j++) add_comparison(&graph, l, i, j);
    graph_add(&graph, add_squares, 0, 0);
    for (size_t i = 0; i < tiles; i++) graph_input(&graph, DMPI_NTH(i));
    graph_submit(&graph);
    wait_for(&graph.keys[tiles], 1);
    check(dmpi_get(pool, graph.keys[tiles], &sum, sizeof sum, NULL));
    graph_drop(&graph);
    graph_fini(&graph);
    return sqrt(sum.rest / sum.whole) / (layout->matrix.n * eps);
}

/* Replace the factor's last tile in the first column by a wrong one. */
static void spoil_factor(const struct layout *layout, dmpi_key *l)
{
    dmpi_key *tile = &l[number(layout->tiles - 1, 0)], wrong;
    check(dmpi_submit(pool, spoil, tile, 1, NULL, 0, NULL, &wrong));
    check(dmpi_drop(pool, tile, 1));
    *tile = wrong;
}

/* ---- rank 0: how fast? ---------------------------------------------------*/

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* n^3/3 + n^2/2 + n/6 (LAPACK Working Note 41). */
static double gigaflops(int n, double time)
{
    double order = n;
    return order * (2 * order * order + 3 * order + 1) / 6 / time * 1e-9;
}

/* Bytes of values that workers have fetched from each other so far. */
static double bytes_fetched(void)
{
    size_t count = dmpi_workers(pool);
    dmpi_worker *workers = allocate(count, sizeof *workers);
    double bytes = 0;
    check(dmpi_rank_workers(workers, count, &count));
    for (size_t i = 0; i < count; i++)
        bytes += (double)workers[i].bytes_fetched;
    free(workers);
    return bytes;
}

/* How many workers other than its own need tile (I, K) of the factor. NEEDS: a
 * flag per rank, for use here. */
static int count_needs(const struct layout *layout, int i, int k, char *needs)
{
    size_t ranks = dmpi_workers(pool) + 1;
    int count = 0;
    memset(needs, 0, ranks);
    for (int j = k + 1; j <= i; j++) needs[owner(layout, i, j)] = 1;
    for (int row = i; row < layout->tiles; row++)
        needs[owner(layout, row, i == k ? k : i)] = 1;
    needs[owner(layout, i, k)] = 0;
    for (size_t rank = 0; rank < ranks; rank++) count += needs[rank];
    return count;
}

/* What has to be fetched if every task runs where its tile belongs. */
static double least_bytes(const struct layout *layout)
{
    char *needs = allocate(dmpi_workers(pool) + 1, 1);
    double bytes = 0;
    for (int i = 0; i < layout->tiles; i++)
        for (int k = 0; k <= i; k++)
            bytes += (double)tile_bytes(&layout->places[number(i, k)]) *
                     count_needs(layout, i, k, needs);
    free(needs);
    return bytes;
}

/* Let every thread of this process run on all cores there are: OpenBLAS has
 * made some when rank 0 was bound to a few. MASK receives the main thread's
 * cores so far. */
static void unbind(cpu_set_t *mask)
{
    cpu_set_t all;
    DIR *threads = opendir("/proc/self/task");
    sched_getaffinity(0, sizeof *mask, mask);
    memset(&all, 0xff, sizeof all);
    for (struct dirent *entry; threads && (entry = readdir(threads));) {
        int thread = atoi(entry->d_name);
        if (thread > 0) sched_setaffinity(thread, sizeof all, &all);
    }
    if (threads) closedir(threads);
}

static int core_count(void)
{
    cpu_set_t mask;
    sched_getaffinity(0, sizeof mask, &mask);
    return CPU_COUNT(&mask);
}

/* Seconds for dpotrf in this process on all cores; *CORES of them. A: room for
 * the matrix. */
static double time_peak(const struct matrix *m, double *a, int *cores)
{
    cpu_set_t mask;
    int info;
    for (int j = 0; j < m->n; j++)
        for (int i = j; i < m->n; i++)
            a[(size_t)j * (size_t)m->n + (size_t)i] = element(m, i, j);
    unbind(&mask);
    openblas_set_num_threads(core_count());
    *cores = openblas_get_num_threads();
    double begin = seconds();
    dpotrf_("L", &m->n, a, &m->n, &info);
    double time = seconds() - begin;
    openblas_set_num_threads(1);
    sched_setaffinity(0, sizeof mask, &mask);
    bench_nap(0.1); /* OpenBLAS' threads spin for a while before they sleep */
    if (info) give_up("dpotrf in one process: not positive definite");
    return time;
}

/* ---- rank 0: the program -------------------------------------------------*/

struct request {
    struct matrix matrix;
    int runs;
    int alone; /* without dpotrf in one process */
    int spoil; /* change the factor before it is checked */
};

struct result {
    struct bench_figures ours, peak; /* GFLOP/s */
    struct bench_figures moved;      /* MB */
    double residual;                 /* the largest */
    int cores;                       /* of the peak */
};

/* Factorise once, and check it. */
static void run_once(const struct layout *layout, const struct request *request,
                     dmpi_key *l, struct result *result)
{
    double moved = bytes_fetched(), begin = seconds();
    factorise(layout, l);
    bench_add(&result->ours, gigaflops(layout->matrix.n, seconds() - begin));
    bench_add(&result->moved, (bytes_fetched() - moved) / 1e6);
    if (request->spoil) spoil_factor(layout, l);
    double rest = residual(layout, l);
    if (!(rest <= result->residual)) result->residual = rest;
    check(dmpi_drop(pool, l, layout->count));
}

static void run_all(const struct layout *layout, const struct request *request,
                    struct result *result)
{
    const struct matrix *m = &request->matrix;
    size_t room = request->alone ? 0 : (size_t)m->n * (size_t)m->n;
    double *a = allocate(room, sizeof *a);
    dmpi_key *l = allocate(layout->count, sizeof *l);
    *result = (struct result){.residual = 0};
    for (int run = 0; run < request->runs; run++) {
        if (!request->alone)
            bench_add(&result->peak,
                      gigaflops(m->n, time_peak(m, a, &result->cores)));
        run_once(layout, request, l, result);
    }
    free(l);
    free(a);
}

static void print_speed(const struct request *request, struct result *result)
{
    char what[64];
    double ours = bench_median(&result->ours), peak = NAN;
    bench_print("tasks", &result->ours, "GFLOP/s");
    if (!request->alone) {
        snprintf(what, sizeof what, "dpotrf in one process, %d core%s",
                 result->cores, result->cores == 1 ? "" : "s");
        bench_print(what, &result->peak, "GFLOP/s");
        peak = bench_median(&result->peak);
        printf("%-34s %10.3f\n", "share of that", ours / peak);
    }
    snprintf(what, sizeof what, "cholesky n %d", (int)request->matrix.n);
    bench_result(what, ours, "GFLOP/s", peak, ours / peak, 0.9, 0);
}

/* LAPACK's own tests (TESTING/dtest.in) allow as much. */
static const double residual_limit = 30;

static int work(const struct request *request)
{
    struct layout layout;
    struct result result;
    layout_init(&layout, &request->matrix);
    printf("n %d, %d x %d tiles of %d, %d x %d workers, OpenBLAS %s\n",
           (int)request->matrix.n, layout.tiles, layout.tiles,
           (int)request->matrix.tile, layout.grid_rows, layout.grid_cols,
           openblas_get_corename());
    make_matrix(&layout);
    run_all(&layout, request, &result);
    print_speed(request, &result);
    bench_print("moved between workers", &result.moved, "MB");
    printf("%-34s %10.4g MB\n", "moved at least", least_bytes(&layout) / 1e6);
    int right = result.residual <= residual_limit;
    printf("%-34s %10.3g (%s)\n", "||A - L L'|| / (n ||A|| eps)",
           result.residual, right ? "right" : "wrong");
    check(dmpi_drop(pool, layout.a, layout.count));
    layout_fini(&layout);
    return right ? 0 : EXIT_WRONG;
}

enum { N_MAX = 1000000, TILES_MAX = 500 };

static const char usage[] = "usage: cholesky [OPTION]...\n";

static const char help[] =
    "Factorise a symmetric positive definite matrix in tiles on the workers,\n"
    "and by dpotrf in one process on all cores; compare the speeds, and check\n"
    "the factor.\n"
    "\n"
    "  --n N         rows of the matrix; 4000\n"
    "  --tile N      rows of a tile; 200\n"
    "  --runs N      how often; 3, at most 101\n"
    "  --alone       without the dpotrf, for which rank 0 needs the matrix\n"
    "  --spoil       change the factor before it is checked\n"
    "  --indefinite  take a matrix that has no such factor\n"
    "  --help        print this\n"
    "\n"
    "Exit status: 0, 1 if the factor is wrong or there is none, 2 if the call\n"
    "is wrong.\n";

/* Returns zero, and has said why, if TEXT is not a number from 1 to MOST. */
static int parse(const char *name, const char *text, int most, int *number)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < 1 || value > most) {
        fprintf(stderr, "cholesky: --%s %s: use a number from 1 to %d\n", name,
                text, most);
        return 0;
    }
    *number = (int)value;
    return 1;
}

/* Returns zero, and has said why, if the options make no sense. */
static int complete(struct request *request, int indefinite)
{
    struct matrix *m = &request->matrix;
    if (m->tile > m->n) m->tile = m->n;
    if (tiles_of(m) > TILES_MAX) {
        fprintf(stderr,
                "cholesky: --tile %d: %d tiles in a row are more than %d, use "
                "larger tiles\n",
                (int)m->tile, tiles_of(m), TILES_MAX);
        return 0;
    }
    m->bad = indefinite ? m->n / 2 : -1;
    return 1;
}

static int rank_0(int argc, char *argv[])
{
    static const struct option options[] = {
        {"n", required_argument, NULL, 'n'},
        {"tile", required_argument, NULL, 't'},
        {"runs", required_argument, NULL, 'r'},
        {"alone", no_argument, NULL, 'a'},
        {"spoil", no_argument, NULL, 's'},
        {"indefinite", no_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct request request = {.matrix = {4000, 200, -1}, .runs = 3};
    int option, good = 1, indefinite = 0;

    while (good && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'n': good = parse("n", optarg, N_MAX, &request.matrix.n); break;
        case 't':
            good = parse("tile", optarg, N_MAX, &request.matrix.tile);
            break;
        case 'r':
            good = parse("runs", optarg, BENCH_RUNS_MAX, &request.runs);
            break;
        case 'a': request.alone = 1; break;
        case 's': request.spoil = 1; break;
        case 'i': indefinite = 1; break;
        case 'h': printf("%s\n%s", usage, help); return 0;
        default: return EXIT_CALL; /* getopt_long() has said why */
        }
    if (good && optind < argc) {
        fprintf(stderr, "cholesky: %s: not an option, see --help\n",
                argv[optind]);
        good = 0;
    }
    if (!good || !complete(&request, indefinite)) return EXIT_CALL;
    return work(&request);
}

int main(int argc, char *argv[])
{
    openblas_set_num_threads(1);
    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    int code = rank_0(argc, argv);
    check(dmpi_close(pool));
    return code;
}
