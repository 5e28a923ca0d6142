/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_lifecycle.c - programs that open and close pools, rightly and wrongly:
 * run by lifecycle.sh, one MODE each. Exit code 0: all was as it should be. */
#include <mpi.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <distmpi.h>
#include <distmpi/comm.h>

#include "check.h"

DMPI_TASK(square)
{
    const int64_t *x = dmpi_task_args(task);
    int64_t *y = dmpi_task_output(task, sizeof *y);
    *y = *x * *x;
}

static void nap(double seconds)
{
    struct timespec time = {0, (long)(seconds * 1e9)};
    nanosleep(&time, NULL);
}

/* The sum of all members' indices. */
DMPI_TASK(meet)
{
    MPI_Comm comm;
    int index = dmpi_gang_index(task);
    int *sum = dmpi_task_output(task, sizeof *sum);
    if (dmpi_task_comm(task, &comm)) dmpi_fail(task, "no communicator");
    else MPI_Allreduce(&index, sum, 1, MPI_INT, MPI_SUM, comm);
}

DMPI_TASK(be_slow)
{
    nap(0.02);
}

DMPI_TASK(exit_3)
{
    exit(3);
}

/* A handler that sends itself on and on, until the pool is closing. */
DMPI_TASK(hop)
{
    int next = (dmpi_task_rank(task) + 1) % dmpi_ranks();
    dmpi_rank_send(next, hop, dmpi_task_args(task), dmpi_task_args_size(task));
}

/* The same, asking the next rank before. */
DMPI_TASK(ask_and_hop)
{
    int next = (dmpi_task_rank(task) + 1) % dmpi_ranks();
    int64_t number = 7;
    size_t count;
    void *data;
    if (!dmpi_rank_run(next, square, &number, sizeof number, &data, NULL))
        free(data);
    dmpi_rank_has_what(1 + next % (dmpi_ranks() - 1), NULL, 0, &count);
    dmpi_rank_send(next, ask_and_hop, NULL, 0);
}

DMPI_TASK(outlive)
{
    nap(0.5);
}

static void only_here(dmpi_task *task)
{
    dmpi_task_output(task, 1);
}

/* ---- steps ---------------------------------------------------------------*/

static void need(int condition, const char *what)
{
    if (condition) return;
    fprintf(stderr, "not as it should be: %s; %s\n", what,
            dmpi_status_detail());
    _Exit(9);
}
#define NEED(condition) need(condition, #condition)

/* On rank 0 of a pool: a map, its sum. */
static void use(dmpi_pool *pool)
{
    int64_t numbers[50], back[50];
    dmpi_key keys[50];
    if (!pool) return;
    for (int i = 0; i < 50; i++) numbers[i] = i;
    NEED(!dmpi_map(pool, square, 50, NULL, numbers, 8, NULL, keys));
    NEED(!dmpi_gather(pool, keys, 50, back, 8));
    for (int i = 0; i < 50; i++) NEED(back[i] == i * i);
    NEED(!dmpi_drop(pool, keys, 50));
}

static int mpi_allows_gangs(void)
{
    int level, size;
    MPI_Query_thread(&level);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return level == MPI_THREAD_MULTIPLE || size == 1;
}

/* The same: a gang of all workers. */
static void use_gang(dmpi_pool *pool)
{
    enum { MOST = 16 };
    dmpi_key keys[MOST];
    int sums[MOST], size = (int)dmpi_workers(pool);
    if (!pool) return;
    dmpi_status status =
        dmpi_submit_gang(pool, meet, NULL, (size_t)size, NULL, keys);
    if (!mpi_allows_gangs()) {
        NEED(status == DMPI_ESTATE);
        NEED(strstr(dmpi_status_detail(), "MPI_Init_thread") != NULL);
        return;
    }
    NEED(!status);
    NEED(!dmpi_gather(pool, keys, (size_t)size, sums, sizeof *sums));
    for (int i = 0; i < size; i++) NEED(sums[i] == size * (size - 1) / 2);
    NEED(!dmpi_drop(pool, keys, (size_t)size));
}

static void open_use_close(const char *options)
{
    dmpi_pool *pool;
    NEED(!dmpi_open(options, &pool));
    use(pool);
    use_gang(pool);
    NEED(!dmpi_close(pool));
}

/* MPI still works, for all ranks together. */
static void use_mpi(void)
{
    int rank, ranks, sum;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    NEED(sum == ranks * (ranks - 1) / 2);
}

static void start_mpi(int level)
{
    int got;
    NEED(!MPI_Init_thread(NULL, NULL, level, &got) && got >= level);
}

/* ---- modes ---------------------------------------------------------------*/

static int clean(void)
{
    open_use_close(NULL);
    return 0;
}

static int reopen(void)
{
    for (int i = 0; i < 20; i++) open_use_close(i % 2 ? "steal=0" : NULL);
    return 0;
}

static int library(int level)
{
    start_mpi(level);
    use_mpi();
    for (int i = 0; i < 2; i++) {
        open_use_close(NULL);
        use_mpi();
    }
    MPI_Finalize();
    return 0;
}

static int library_multiple(void)
{
    return library(MPI_THREAD_MULTIPLE);
}

static int library_serialized(void)
{
    return library(MPI_THREAD_SERIALIZED);
}

static int library_single(void)
{
    MPI_Init(NULL, NULL);
    open_use_close(NULL);
    use_mpi();
    MPI_Finalize();
    return 0;
}

/* Two pools at a time, each used for a while; then one with ranks turned. */
static int halves(void)
{
    MPI_Comm half;
    dmpi_pool *pool;
    int rank, ranks;
    start_mpi(MPI_THREAD_MULTIPLE);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_split(MPI_COMM_WORLD, 2 * rank / ranks, -rank, &half);
    for (int i = 0; i < 3; i++) {
        NEED(!dmpi_open_comm(half, NULL, &pool));
        for (int k = 0; k < 20; k++) use(pool);
        for (int k = 0; k < 20; k++) use_gang(pool);
        NEED(!dmpi_close(pool));
    }
    MPI_Comm_free(&half);
    use_mpi();
    open_use_close(NULL);
    MPI_Finalize();
    return 0;
}

static int bad_comm(void)
{
    dmpi_pool *pool = (dmpi_pool *)&pool;
    int rank;
    MPI_Comm single, inter;
    NEED(dmpi_open_comm(MPI_COMM_WORLD, NULL, &pool) == DMPI_ESTATE);
    start_mpi(MPI_THREAD_SERIALIZED);
    NEED(dmpi_open_comm(MPI_COMM_NULL, NULL, &pool) == DMPI_EINVAL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_split(MPI_COMM_WORLD, rank, 0, &single);
    MPI_Intercomm_create(single, 0, MPI_COMM_WORLD, !rank, 0, &inter);
    NEED(dmpi_open_comm(inter, NULL, &pool) == DMPI_EINVAL);
    MPI_Comm_free(&inter);
    MPI_Comm_free(&single);
    MPI_Finalize();
    NEED(dmpi_open(NULL, &pool) == DMPI_ESTATE);
    NEED(dmpi_open_comm(MPI_COMM_WORLD, NULL, &pool) == DMPI_ESTATE);
    return 0;
}

/* What all ranks are told of a setting that makes no sense. */
static int bad_options(void)
{
    const char *const bad[] = {"nothing=1", "steal",         "steal=7",
                               "log=loud",  "fake_nodes=-1", "fake_nodes=x",
                               "=1"};
    dmpi_pool *pool;
    for (size_t i = 0; i < CHECK_COUNT(bad); i++)
        NEED(dmpi_open(bad[i], &pool) == DMPI_EINVAL && *dmpi_status_detail());
    open_use_close("  steal=0 \t log=warn\n");
    open_use_close("");
    return 0;
}

static int leak(void)
{
    dmpi_pool *pool;
    dmpi_key key;
    NEED(!dmpi_open(NULL, &pool));
    for (int64_t i = 0; pool && i < 3; i++)
        NEED(!dmpi_submit(pool, square, NULL, 0, &i, 8, NULL, &key));
    NEED(!dmpi_close(pool));
    NEED(dmpi_close(pool) == (pool ? DMPI_ESTATE : DMPI_OK));
    return 0;
}

static int pending(void)
{
    dmpi_pool *pool;
    dmpi_key keys[40], after[40];
    NEED(!dmpi_open(NULL, &pool));
    if (pool) {
        NEED(!dmpi_map(pool, be_slow, 40, NULL, NULL, 0, NULL, keys));
        NEED(!dmpi_map(pool, be_slow, 40, keys, NULL, 0, NULL, after));
        NEED(!dmpi_drop(pool, keys, 40) && !dmpi_drop(pool, after, 20));
    }
    NEED(!dmpi_close(pool));
    return 0;
}

/* Messages are under way, and a handler runs, when the pool is closed. */
static int restless(void)
{
    static char bytes[5000];
    dmpi_pool *pool;
    NEED(!dmpi_open(NULL, &pool));
    for (int i = 0; pool && i < 10; i++)
        NEED(!dmpi_rank_send(i % dmpi_ranks(), hop, bytes,
                             i % 2 ? sizeof bytes : 8));
    use(pool);
    NEED(!dmpi_close(pool));
    return 0;
}

/* The same with handlers that wait for answers. */
static int restless_asking(void)
{
    dmpi_pool *pool;
    NEED(!dmpi_open(NULL, &pool));
    for (int i = 0; pool && i < 10; i++)
        NEED(!dmpi_rank_send(i % dmpi_ranks(), ask_and_hop, NULL, 0));
    use(pool);
    NEED(!dmpi_close(pool));
    return 0;
}

static int late_handler(void)
{
    dmpi_pool *pool;
    dmpi_key key;
    NEED(!dmpi_open(NULL, &pool));
    if (pool) {
        NEED(!dmpi_submit(pool, be_slow, NULL, 0, NULL, 0, NULL, &key));
        nap(0.005);
        NEED(!dmpi_rank_send(1, outlive, NULL, 0));
        NEED(!dmpi_drop(pool, &key, 1));
    }
    NEED(!dmpi_close(pool));
    return 0;
}

static int no_close(void)
{
    dmpi_pool *pool;
    NEED(!dmpi_open(NULL, &pool));
    use(pool);
    return 0;
}

static int no_close_library(void)
{
    start_mpi(MPI_THREAD_SERIALIZED);
    no_close();
    MPI_Finalize();
    return 0;
}

static int task_exits(void)
{
    dmpi_pool *pool;
    dmpi_key key;
    NEED(!dmpi_open(NULL, &pool));
    if (pool) NEED(!dmpi_submit(pool, exit_3, NULL, 0, NULL, 0, NULL, &key));
    NEED(!dmpi_close(pool));
    return 0;
}

/* Returns what dmpi_open() gave, on all ranks. */
static int open_only(void)
{
    dmpi_pool *pool;
    dmpi_status status = dmpi_open(NULL, &pool);
    if (!status) dmpi_close(pool);
    return status;
}

/* One rank has a function more: the one whose number is in ODD_RANK. */
static int differ(void)
{
    const char *odd = getenv("ODD_RANK"), *rank = getenv("PMI_RANK");
    if (!rank) rank = getenv("OMPI_COMM_WORLD_RANK");
    if (odd && rank && !strcmp(odd, rank))
        NEED(!dmpi_register("only_here", only_here, NULL));
    return open_only();
}

static int same_name(void)
{
    static dmpi_function twice = {"square", only_here, 0, 0, NULL, NULL};
    dmpi_function_enter(&twice);
    return open_only();
}

static int library_help(void)
{
    start_mpi(MPI_THREAD_SERIALIZED);
    return open_only();
}

static const struct {
    const char *name;
    int (*run)(void);
} modes[] = {
    {"clean", clean},
    {"reopen", reopen},
    {"multiple", library_multiple},
    {"serialized", library_serialized},
    {"single", library_single},
    {"halves", halves},
    {"bad_comm", bad_comm},
    {"bad_options", bad_options},
    {"leak", leak},
    {"pending", pending},
    {"restless", restless},
    {"restless_asking", restless_asking},
    {"late_handler", late_handler},
    {"no_close", no_close},
    {"no_close_library", no_close_library},
    {"task_exits", task_exits},
    {"open_only", open_only},
    {"differ", differ},
    {"same_name", same_name},
    {"library_help", library_help},
};

int main(int argc, char *argv[])
{
    check_watch(argc > 1 ? argv[1] : "", 50);
    for (size_t i = 0; i < CHECK_COUNT(modes); i++)
        if (argc > 1 && !strcmp(argv[1], modes[i].name)) return modes[i].run();
    fprintf(stderr, "usage: prog_lifecycle MODE\n");
    return 2;
}
