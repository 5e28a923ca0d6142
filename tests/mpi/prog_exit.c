/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_exit.c - programs that end in every way, in the mode of their first
 * argument: run by exit.sh, which sends signals and looks at the exit code.
 *
 *     prog_exit MODE [SECONDS]
 *
 * Modes with tasks write "center PID" and "worker PID" to stdout when the first
 * task runs, and at the end what came of their keys. */
#include <signal.h>
#include <unistd.h>

#include "job.h"

enum { TASKS = 40, CHILDREN = 16 };

static double seconds = 0.05; /* that a task takes */

static void need(dmpi_status status, const char *what)
{
    if (!status) return;
    fprintf(stderr, "%s: %s\n", what, dmpi_status_detail());
    _exit(9);
}
#define NEED(call) need(call, #call)

static void say(const char *what)
{
    printf("%s %d\n", what, (int)getpid());
    fflush(stdout);
}

/* The first one tells where it runs. */
DMPI_TASK(take_time)
{
    const double *wanted = dmpi_task_args(task);
    if (dmpi_task_number(task) == 0) say("worker");
    job_sleep(*wanted);
}

/* Waits for children that may not begin. */
DMPI_TASK(be_parent)
{
    dmpi_key children[CHILDREN];
    dmpi_pool *inner = dmpi_task_pool(task);
    const double *wanted = dmpi_task_args(task);
    double args[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) args[i] = *wanted;
    TRY(dmpi_map(inner, take_time, CHILDREN, NULL, args, sizeof args[0], NULL,
                 children));
    say("parent");
    if (dmpi_wait(inner, children, CHILDREN, DMPI_ALL, -1, NULL))
        dmpi_fail(task, "no children");
}

/* ---- what came of the keys -----------------------------------------------*/

static struct {
    int values, unbegun, others;
} seen;

static void look_at(dmpi_pool *open, dmpi_key key)
{
    dmpi_failure failure;
    dmpi_status status = dmpi_get(open, key, NULL, 0, NULL);
    if (!status) seen.values++;
    else if (status != DMPI_EDEADLINE) seen.others++;
    else if (!dmpi_error(open, key, &failure) &&
             failure.status == DMPI_EDEADLINE)
        seen.unbegun++;
}

static void look_at_all(dmpi_pool *open, const dmpi_key keys[], size_t count)
{
    for (size_t i = 0; i < count; i++) look_at(open, keys[i]);
    printf("values %d unbegun %d others %d\n", seen.values, seen.unbegun,
           seen.others);
    fflush(stdout);
}

static void submit(dmpi_pool *open, dmpi_key keys[], double needs)
{
    double args[TASKS];
    dmpi_task_options options = {.seed = 1, .needs_seconds = needs};
    for (int i = 0; i < TASKS; i++) args[i] = seconds;
    say("center");
    NEED(dmpi_map(open, take_time, TASKS, NULL, args, sizeof args[0], &options,
                  keys));
}

/* ---- modes ---------------------------------------------------------------*/

static int code_3(dmpi_pool *open)
{
    NEED(dmpi_close(open));
    return 3;
}

static int exit_4(dmpi_pool *open)
{
    NEED(dmpi_close(open));
    exit(4);
}

static int left_open(dmpi_pool *open)
{
    return 5;
}

static int tasks(dmpi_pool *open)
{
    dmpi_key keys[TASKS];
    size_t which;
    submit(open, keys, 0);
    dmpi_status status =
        dmpi_wait(open, keys, TASKS, DMPI_ALL, DMPI_FOREVER, &which);
    printf("wait %s\n", dmpi_status_text(status));
    look_at_all(open, keys, TASKS);
    status = dmpi_close(open);
    printf("close %s\n", dmpi_status_text(status));
    return 6;
}

/* Every other one says that it needs a minute. */
static int needs(dmpi_pool *open)
{
    dmpi_key keys[TASKS], longer[TASKS];
    submit(open, keys, 0.001);
    submit(open, longer, 60);
    NEED(dmpi_wait(open, keys, TASKS, DMPI_ALL, DMPI_FOREVER, NULL));
    look_at_all(open, keys, TASKS);
    look_at_all(open, longer, TASKS);
    dmpi_close(open);
    return 6;
}

static int nested(dmpi_pool *open)
{
    dmpi_key key;
    say("center");
    NEED(dmpi_submit(open, be_parent, NULL, 0, &seconds, sizeof seconds, NULL,
                     &key));
    dmpi_wait(open, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL);
    look_at_all(open, &key, 1);
    dmpi_close(open);
    return 6;
}

/* Rank 0 does not wait, and its workers are busy for ever. */
static int deaf(dmpi_pool *open)
{
    dmpi_key keys[TASKS];
    submit(open, keys, 0);
    for (;;) job_busy(1);
    return 6;
}

/* Rank 0 is killed when it has ten values that the journal did not have. */
static int advances(dmpi_pool *open)
{
    enum { SLICES = 2, SLICE = 10 };
    dmpi_key keys[SLICE];
    dmpi_task_options options = {.durable = DMPI_DURABLE};
    for (int slice = 0; slice < SLICES; slice++) {
        double args[SLICE], before = job_now();
        for (int i = 0; i < SLICE; i++)
            args[i] = seconds + (slice * SLICE + i) * 1e-6;
        NEED(dmpi_map(open, take_time, SLICE, NULL, args, sizeof args[0],
                      &options, keys));
        NEED(dmpi_wait(open, keys, SLICE, DMPI_ALL, DMPI_FOREVER, NULL));
        if (job_now() - before < seconds) continue;
        job_sleep(1.3);
        raise(SIGKILL);
    }
    NEED(dmpi_close(open));
    return 6;
}

static int dies(dmpi_pool *open)
{
    raise(SIGKILL);
    return 6;
}

static void ignore(int number)
{
    static const char heard[] = "heard\n";
    ssize_t done = write(STDOUT_FILENO, heard, sizeof heard - 1);
    (void)done;
}

static const struct {
    const char *name;
    int (*run)(dmpi_pool *open);
} modes[] = {
    {"code_3", code_3},     {"exit_4", exit_4}, {"left_open", left_open},
    {"tasks", tasks},       {"needs", needs},   {"nested", nested},
    {"deaf", deaf},         {"own", tasks},     {"slow_start", tasks},
    {"advances", advances}, {"dies", dies},
};

static int run(const char *mode)
{
    dmpi_pool *open;
    if (!strcmp(mode, "usage")) return 2;
    if (!strcmp(mode, "own")) signal(SIGUSR1, ignore);
    if (!strcmp(mode, "slow_start")) {
        say("starting");
        job_sleep(1);
    }
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = getenv("PMI_RANK");
    if (!strcmp(mode, "dies_early") && rank && atoi(rank) == 1) raise(SIGKILL);
    if (dmpi_open(NULL, &open)) return 20;
    for (size_t i = 0; open && i < CHECK_COUNT(modes); i++)
        if (!strcmp(mode, modes[i].name)) return modes[i].run(open);
    if (open) dmpi_close(open);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc > 2) seconds = atof(argv[2]);
    return run(argc > 1 ? argv[1] : "");
}
