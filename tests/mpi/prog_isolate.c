/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_isolate.c - pools with executors, opened and ended in several ways:
 *
 *     prog_isolate MODE
 *
 * Exits 0 if all was as it should be, with the status of dmpi_open() if that
 * failed. */
#include <mpi.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <distmpi.h>

static dmpi_pool *pool;

static void require(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "%s: %s\n", what, dmpi_status_detail());
    exit(9);
}

DMPI_TASK(process)
{
    int64_t *pid = dmpi_task_output(task, sizeof *pid);
    *pid = getpid();
}

DMPI_TASK(speak)
{
    printf("said by an isolated task\n");
}

/* Calls so far in this executor. */
DMPI_TASK(count)
{
    static int64_t calls = 0;
    int64_t *output = dmpi_task_output(task, sizeof *output);
    *output = ++calls;
}

static int64_t number_of(const dmpi_function *function, int isolate)
{
    dmpi_task_options options = {.rank = 1, .hard = 1, .isolate = isolate};
    dmpi_key key;
    int64_t number = -1;
    dmpi_status status =
        dmpi_submit(pool, function, NULL, 0, NULL, 0, &options, &key);
    require(!status, "dmpi_submit");
    status = dmpi_get(pool, key, &number, sizeof number, NULL);
    require(!status, "dmpi_get");
    dmpi_drop(pool, &key, 1);
    return number;
}

/* False: no pool on this rank. */
static bool open_pool(void)
{
    dmpi_status status = dmpi_open(NULL, &pool);
    if (status) exit((int)status);
    return pool != NULL;
}

static void close_pool(void)
{
    require(!dmpi_close(pool), "dmpi_close");
}

/* ---- modes ---------------------------------------------------------------*/

static void run_once(void)
{
    if (!open_pool()) return;
    require(number_of(process, 1) != number_of(process, -1), "two processes");
    close_pool();
}

static void mpi_first(void)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level);
    run_once();
    MPI_Finalize();
}

static void isolate_first(void)
{
    require(!dmpi_isolate() && !dmpi_isolate(), "dmpi_isolate");
    mpi_first();
}

/* Executors are each pool's own. */
static void again(void)
{
    for (int64_t round = 0; round < 3; round++) {
        if (!open_pool()) continue;
        require(number_of(count, 1) == 1, "a fresh executor");
        require(number_of(count, 1) == 2, "the same one");
        close_pool();
    }
}

static void call_late(dmpi_task *task)
{
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = 5;
}

static void late(void)
{
    const dmpi_function *function;
    dmpi_task_options options = {.isolate = 1};
    dmpi_failure failure;
    dmpi_key key;
    run_once();
    require(!dmpi_register("late", call_late, &function), "dmpi_register");
    if (!open_pool()) return;
    require(number_of(function, -1) == 5, "in the worker");
    require(!dmpi_submit(pool, function, NULL, 0, NULL, 0, &options, &key),
            "dmpi_submit");
    require(!dmpi_error(pool, key, &failure), "dmpi_error");
    require(failure.status == DMPI_EFAILED, "it fails");
    printf("%s\n", failure.text);
    dmpi_drop(pool, &key, 1);
    close_pool();
}

static void say_once(void)
{
    dmpi_key key;
    printf("before\n"); /* may be in a buffer when executors are made */
    if (!open_pool()) return;
    for (int i = 0; i < 2; i++) {
        require(!dmpi_submit(pool, speak, NULL, 0, NULL, 0, NULL, &key),
                "dmpi_submit");
        require(!dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL),
                "dmpi_wait");
        dmpi_drop(pool, &key, 1);
    }
    close_pool();
}

static void *isolate(void *unused)
{
    require(!dmpi_isolate(), "dmpi_isolate");
    return unused;
}

/* The thread that made the zygote ends, and so does that. */
static void short_thread(void)
{
    pthread_t thread;
    require(!pthread_create(&thread, NULL, isolate, NULL), "a thread");
    pthread_join(thread, NULL);
    usleep(200000);
    run_once();
}

/* Ranks but the first have another environment. */
static void forget(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = getenv("PMI_RANK");
    if (rank && strcmp(rank, "0")) unsetenv("DISTMPI_ISOLATE");
    run_once();
}

/* As much as there is, for its executor alone. */
DMPI_TASK(eat)
{
    enum { PIECE = 4 << 20 };
    for (long i = 0; i < 1 << 20; i++) {
        char *piece = malloc(PIECE);
        if (!piece) break;
        memset(piece, 1, PIECE);
    }
}

/* Where memory is short: the worker is as it was before. */
static void hunger(void)
{
    dmpi_task_options options = {.rank = 1, .hard = 1, .retries = 2};
    dmpi_failure failure;
    dmpi_key key;
    if (!open_pool()) return;
    int64_t before = number_of(process, -1);
    require(!dmpi_submit(pool, eat, NULL, 0, NULL, 0, &options, &key),
            "dmpi_submit");
    require(!dmpi_error(pool, key, &failure), "dmpi_error");
    require(failure.status == DMPI_ECRASHED, "it crashes");
    printf("%s\n", failure.text);
    require(number_of(process, -1) == before, "the worker lives");
    require(number_of(process, 1) != before, "so does an executor");
    dmpi_drop(pool, &key, 1);
    close_pool();
}

/* Tells the pid of the worker, then waits to be killed. */
static void linger(void)
{
    if (!open_pool()) return;
    number_of(process, 1);
    printf("%ld\n", (long)number_of(process, -1));
    fflush(stdout);
    for (;;) pause();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"mpi-first", mpi_first}, {"isolate-first", isolate_first},
                 {"again", again},         {"late", late},
                 {"once", run_once},       {"say", say_once},
                 {"forget", forget},       {"linger", linger},
                 {"thread", short_thread}, {"hunger", hunger}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (argc != 2 || strcmp(argv[1], modes[i].name)) continue;
        modes[i].run();
        return 0;
    }
    fprintf(stderr, "usage: prog_isolate MODE\n");
    return 2;
}
