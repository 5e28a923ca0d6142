/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_startup.c - functions that workers call once, in the mode of its
 * argument: run by startup.sh, which looks at the output and the exit status.
 *
 *     prog_startup MODE */
#include "job.h"

/* What a worker sets up. */
struct counter {
    int64_t number; /* from rank 0's arguments */
    int64_t tasks;
    int rank;
};

static bool here(dmpi_task *task, const char *what)
{
    const char *where = getenv(what);
    return where && atoi(where) == dmpi_task_rank(task);
}

/* Marked in main(), with a number as its arguments. */
DMPI_TASK(a_set_up)
{
    struct counter *counter = calloc(1, sizeof *counter);
    const int64_t *number = dmpi_task_args(task);
    *dmpi_task_state(task) = counter;
    counter->number = number ? *number : -1;
    counter->rank = dmpi_task_rank(task);
    if (dmpi_task_key(task) || dmpi_task_source(task))
        dmpi_fail(task, "it is no call by rank 0");
}

DMPI_WORKER_START(b_check)
{
    struct counter *counter = *dmpi_task_state(task);
    if (!counter) dmpi_fail(task, "called before its turn");
    else if (here(task, "FAIL_START")) dmpi_fail(task, "no licence");
}

/* Ends with the name of what it saw, and all that it saw. */
DMPI_WORKER_END(a_tell)
{
    struct counter *counter = *dmpi_task_state(task);
    const int64_t *word = dmpi_task_constant(task, "word", NULL);
    printf("end of rank %d: number %" PRId64 ", constant %" PRId64 "\n",
           counter->rank, counter->number, word ? *word : -1);
    fflush(stdout);
    free(counter);
}

/* Called before a_tell(). */
DMPI_WORKER_END(b_look)
{
    struct counter *counter = *dmpi_task_state(task);
    if (!counter) dmpi_fail(task, "called after its turn");
    else if (here(task, "FAIL_END")) dmpi_fail(task, "disk full");
}

DMPI_TASK(count)
{
    struct counter *counter = *dmpi_task_state(task);
    int64_t *out = dmpi_task_output(task, 2 * sizeof *out);
    out[0] = counter->number;
    out[1] = ++counter->tasks;
}

DMPI_TASK(only_some_mark)
{
}

enum { TASKS = 100 };

/* Each task finds what its worker set up. The keys stay. */
static void run_tasks(dmpi_pool *open, int64_t number)
{
    dmpi_key keys[TASKS];
    int64_t got[2], word = number + 1;
    if (dmpi_constant(open, "word", &word, sizeof word)) exit(30);
    if (dmpi_map(open, count, TASKS, NULL, NULL, 0, NULL, keys)) exit(31);
    for (int i = 0; i < TASKS; i++) {
        if (dmpi_get(open, keys[i], got, sizeof got, NULL)) exit(32);
        if (got[0] != number || got[1] < 1 || got[1] > TASKS) exit(33);
    }
}

/* The whole life of a pool; returns the status that the worker or rank 0 saw. */
static dmpi_status one_pool(int64_t number)
{
    dmpi_pool *open;
    dmpi_status status = dmpi_open(NULL, &open);
    if (status || !open) return status;
    run_tasks(open, number);
    return dmpi_close(open);
}

static int is_rank_0(void)
{
    const char *rank = getenv("PMI_RANK");
    if (!rank) rank = getenv("OMPI_COMM_WORLD_RANK");
    return !rank || !strcmp(rank, "0");
}

/* Rank 0's arguments count, and those given last. */
static int twice(void)
{
    int64_t number = is_rank_0() ? 7 : 99;
    if (dmpi_worker_start(a_set_up, &number, sizeof number)) return 20;
    if (one_pool(7)) return 21;
    number = is_rank_0() ? 8 : 99;
    if (dmpi_worker_start(a_set_up, &number, sizeof number)) return 22;
    if (one_pool(8)) return 23;
    return 0;
}

/* The exit status is what the calls gave. */
static int once(void)
{
    int64_t number = 7;
    if (dmpi_worker_start(a_set_up, &number, sizeof number)) return 20;
    return one_pool(7);
}

static int differ(void)
{
    if (!is_rank_0() && dmpi_worker_end(only_some_mark)) return 20;
    return once();
}

static int rules(void)
{
    static dmpi_function stranger = {.name = "stranger"};
    dmpi_pool *open;
    if (dmpi_worker_start(NULL, NULL, 0) != DMPI_EINVAL) return 20;
    if (dmpi_worker_start(a_set_up, NULL, 1) != DMPI_EINVAL) return 21;
    if (dmpi_worker_start(&stranger, NULL, 0) != DMPI_EINVAL) return 22;
    if (dmpi_worker_end(&stranger) != DMPI_EINVAL) return 23;
    if (dmpi_worker_start(a_set_up, NULL, 0)) return 24; /* number is -1 */
    if (dmpi_open(NULL, &open)) return 25;
    if (!open) return 0;
    if (dmpi_worker_start(a_set_up, NULL, 0) != DMPI_ESTATE) return 26;
    if (dmpi_worker_end(a_set_up) != DMPI_ESTATE) return 27;
    return dmpi_close(open);
}

int main(int argc, char *argv[])
{
    const char *mode = argc > 1 ? argv[1] : "";
    check_watch(mode, 50);
    if (!strcmp(mode, "twice")) return twice();
    if (!strcmp(mode, "once")) return once();
    if (!strcmp(mode, "differ")) return differ();
    if (!strcmp(mode, "rules")) return rules();
    fprintf(stderr, "usage: prog_startup MODE\n");
    return 2;
}
