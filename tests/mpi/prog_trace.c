/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_trace.c - some of everything that a trace tells: run by trace.sh with
 * DISTMPI_TRACE, which looks at what is in the file.
 *
 *     prog_trace work | many | option FILE | refused FILE | pools FILE */
#include <mpi.h>

#include <distmpi/comm.h>

#include "job.h"

enum { LARGE = 100000, SMALL = 100, MANY = 30000 };

/* Gives as many bytes as the argument says. */
DMPI_TASK(make)
{
    const int64_t *size = dmpi_task_args(task);
    job_fill(dmpi_task_output(task, (size_t)*size), (size_t)*size, 1);
}

/* Gives its rank. */
DMPI_TASK(use)
{
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = dmpi_task_rank(task);
}

DMPI_TASK(fail)
{
    dmpi_fail(task, "as it should");
}

DMPI_TASK(nap)
{
    job_sleep(0.005);
}

/* Asks another rank from inside a task. */
DMPI_TASK(ask)
{
    if (dmpi_rank_run(dmpi_ranks() - 1, use, NULL, 0, NULL, NULL))
        dmpi_fail(task, "%s", dmpi_status_detail());
}

static dmpi_key make_on(int rank, int64_t size)
{
    return job_submit_on(rank, make, NULL, 0, &size, sizeof size);
}

/* ---- work ----------------------------------------------------------------*/

/* Each worker uses a large and a small value of every other one. */
static void values_go_from_worker_to_worker(void)
{
    for (int from = 1; from <= job_workers(); from++) {
        dmpi_key both[2] = {make_on(from, LARGE), make_on(from, SMALL)};
        for (int to = 1; to <= job_workers(); to++)
            CU_ASSERT_EQUAL(
                job_take_number(job_submit_on(to, use, both, 2, NULL, 0)), to);
        OK(dmpi_drop(pool, both, 2));
    }
}

static void values_go_in_and_out(void)
{
    char *data = job_bytes(LARGE, 3), *back = malloc(LARGE);
    dmpi_key keys[2];
    OK(dmpi_put(pool, data, LARGE, 0, &keys[0]));
    OK(dmpi_put(pool, data, SMALL, job_last(), &keys[1]));
    OK(dmpi_get(pool, keys[0], back, LARGE, NULL));
    CU_ASSERT(job_is_filled(back, LARGE, 3));
    OK(dmpi_get(pool, keys[1], back, LARGE, NULL));
    OK(dmpi_replicate(pool, keys[0], 0));
    OK(dmpi_drop(pool, keys, 2));
    free(data);
    free(back);
}

static void a_failed_task_is_inherited(void)
{
    dmpi_key bad = job_submit(fail, NULL, 0, NULL, 0);
    dmpi_key heir = job_submit(use, &bad, 1, NULL, 0);
    dmpi_failure failure;
    OK(dmpi_error(pool, heir, &failure));
    CU_ASSERT_EQUAL(failure.status, DMPI_EFAILED);
    job_drop(bad);
    job_drop(heir);
}

static void tasks_have_names(void)
{
    const char *const names[] = {"edge", "a\"b\\c\nd\xff", "\xc3\xa9t\xc3\xa9"};
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        dmpi_task_options options = {.name = names[i]};
        dmpi_key key;
        OK(dmpi_submit(pool, use, NULL, 0, NULL, 0, &options, &key));
        job_take_number(key);
    }
}

/* All meant for rank 1: others steal. */
static void tasks_are_stolen(void)
{
    enum { COUNT = 40 };
    dmpi_task_options options = {.rank = 1};
    dmpi_key keys[COUNT];
    OK(dmpi_map(pool, nap, COUNT, NULL, NULL, 0, &options, keys));
    OK(dmpi_wait(pool, keys, COUNT, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_drop(pool, keys, COUNT));
}

static void ranks_call_each_other(void)
{
    OK(dmpi_rank_run_all(use, NULL, 0, NULL, NULL));
    dmpi_key key = job_submit_on(1, ask, NULL, 0, NULL, 0);
    OK(dmpi_wait(pool, &key, 1, DMPI_ALL, DMPI_FOREVER, NULL));
    job_drop(key);
}

/* More tasks than a piece of the trace has records. */
static void many_tasks_run(void)
{
    dmpi_key *keys = malloc(MANY * sizeof *keys);
    OK(dmpi_map(pool, use, MANY, NULL, NULL, 0, NULL, keys));
    OK(dmpi_wait(pool, keys, MANY, DMPI_ALL, DMPI_FOREVER, NULL));
    OK(dmpi_drop(pool, keys, MANY));
    free(keys);
}

static const struct check_test tests[] = {
    {"values go from worker to worker", values_go_from_worker_to_worker},
    {"values go in and out", values_go_in_and_out},
    {"a failed task is inherited", a_failed_task_is_inherited},
    {"tasks have names", tasks_have_names},
    {"tasks are stolen", tasks_are_stolen},
    {"ranks call each other", ranks_call_each_other},
    {"many tasks run", many_tasks_run},
};

enum { WORK = CHECK_COUNT(tests) - 1 };

/* ---- opening -------------------------------------------------------------*/

/* Open with trace=FILE, expect STATUS; run a task if it is well. */
static int open_with(const char *file, dmpi_status status)
{
    char options[300];
    dmpi_pool *none = (dmpi_pool *)options; /* to see whether it is set */
    snprintf(options, sizeof options, "trace=%s", file);
    pool = none;
    if (dmpi_open(options, &pool) != status) return 1;
    if (status) return pool != none;
    if (!pool) return 0;
    dmpi_key key;
    if (dmpi_submit(pool, use, NULL, 0, NULL, 0, NULL, &key)) return 1;
    return dmpi_close(pool) != DMPI_OK;
}

/* Each rank opens a pool of its own: one of them gets FILE. */
static int open_pools(const char *file)
{
    char options[300];
    int level, mine, sum, ranks;
    snprintf(options, sizeof options, "bind=none trace=%s", file);
    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    dmpi_status status = dmpi_open_comm(MPI_COMM_SELF, options, &pool);
    mine = status == DMPI_EINVAL && strstr(dmpi_status_detail(), "another");
    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    int bad = sum != ranks - 1 || (status && !mine) || dmpi_close(pool);
    MPI_Finalize();
    return bad;
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "work";
    const char *file = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "many")) return job_run("many", tests + WORK, 1);
    if (!strcmp(what, "option")) return open_with(file, DMPI_OK);
    if (!strcmp(what, "refused")) return open_with(file, DMPI_EINVAL);
    if (!strcmp(what, "pools")) return open_pools(file);
    return job_run("work", tests, WORK);
}
