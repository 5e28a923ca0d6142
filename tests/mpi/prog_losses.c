/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_losses.c - workers are lost in the mode of the first argument; run by
 * losses.sh, which looks at the exit code and what is said.
 *
 *     prog_losses replicas|few|hang
 *
 * Prints "right" if the job lived on, with the right values. */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <mpi.h>

#include "job.h"

enum { BLOCKS = 7, BLOCK_BYTES = 20000, HANGS = 1 };

static atomic_bool hangs;

static void need(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "wrong: %s: %s\n", what, dmpi_status_detail());
    _exit(9);
}
#define NEED(call) need((call) == DMPI_OK, #call)

/* What the loop calls every time it turns: MPI itself hangs, once it is told. */
int MPI_Testsome(int count, MPI_Request requests[], int *done, int indices[],
                 MPI_Status statuses[])
{
    while (hangs) job_sleep(1);
    return PMPI_Testsome(count, requests, done, indices, statuses);
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status)
{
    while (hangs) job_sleep(1);
    return PMPI_Test(request, done, status);
}

DMPI_TASK(process)
{
    *(int64_t *)dmpi_task_output(task, sizeof(int64_t)) = getpid();
}

static int64_t number_of(dmpi_key key)
{
    int64_t number;
    NEED(dmpi_get(pool, key, &number, sizeof number, NULL));
    NEED(dmpi_drop(pool, &key, 1));
    return number;
}

static void kill_worker(int rank)
{
    dmpi_task_options options = {.rank = rank, .hard = 1};
    dmpi_key key;
    NEED(dmpi_submit(pool, process, NULL, 0, NULL, 0, &options, &key));
    kill((pid_t)number_of(key), SIGKILL);
}

/* Until the pool has heard of it: who is pinned there is refused then. */
static void await_loss(int rank)
{
    dmpi_task_options options = {.rank = rank, .hard = 1};
    dmpi_status status;
    dmpi_key key;
    do {
        job_sleep(0.01);
        status = dmpi_submit(pool, process, NULL, 0, NULL, 0, &options, &key);
        if (!status) NEED(dmpi_drop(pool, &key, 1));
    } while (!status);
    need(status == DMPI_ELOST, "a task for a lost worker");
}

/* ---- replicas ------------------------------------------------------------*/

/* One worker after the other is lost, but for the last. */
static void lose_all_but_one(void)
{
    static char data[BLOCKS * BLOCK_BYTES], back[BLOCKS * BLOCK_BYTES];
    dmpi_key keys[BLOCKS], key;
    size_t count;
    job_fill(data, sizeof data, 3);
    NEED(dmpi_scatter(pool, data, BLOCKS, BLOCK_BYTES, NULL, keys));
    NEED(dmpi_put(pool, data, BLOCK_BYTES, 1, &key));
    NEED(dmpi_rank_who_has(key, NULL, 0, &count));
    need(count == 2, "two workers have what was put");
    for (int rank = 1; rank < job_workers(); rank++) {
        kill_worker(rank);
        await_loss(rank);
        NEED(dmpi_gather(pool, keys, BLOCKS, back, BLOCK_BYTES));
        need(job_is_filled(back, sizeof back, 3), "what was scattered");
        NEED(dmpi_get(pool, key, back, BLOCK_BYTES, NULL));
    }
    NEED(dmpi_drop(pool, keys, BLOCKS));
    NEED(dmpi_drop(pool, &key, 1));
}

/* ---- too few are left ----------------------------------------------------*/

static void lose_one(void)
{
    kill_worker(1);
    await_loss(1);
}

/* ---- a rank hangs in MPI -------------------------------------------------*/

DMPI_TASK(hang)
{
    int64_t *number = dmpi_task_output(task, sizeof *number);
    *number = dmpi_rank();
    hangs = *number == HANGS;
    while (hangs) job_sleep(1);
}

static void hang_one(void)
{
    dmpi_task_options options = {.rank = HANGS};
    dmpi_key key;
    NEED(dmpi_submit(pool, hang, NULL, 0, NULL, 0, &options, &key));
    need(number_of(key) != HANGS, "it runs again elsewhere");
}

/* ---- the run -------------------------------------------------------------*/

static const struct mode {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"replicas", lose_all_but_one}, {"few", lose_one}, {"hang", hang_one}};

static const struct mode *mode_named(const char *name)
{
    for (size_t i = 0; i < CHECK_COUNT(modes); i++)
        if (!strcmp(modes[i].name, name)) return &modes[i];
    fprintf(stderr, "no such mode: %s\n", name);
    exit(2);
}

int main(int argc, char *argv[])
{
    const struct mode *mode = mode_named(argc > 1 ? argv[1] : "");
    check_watch("losses", 40);
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool) {
        mode->run();
        NEED(dmpi_close(pool));
        puts("right");
    }
    check_watch("losses", 0);
    return 0;
}
