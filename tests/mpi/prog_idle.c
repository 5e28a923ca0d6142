/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_idle.c - a job with nothing to do: run by idle.sh.
 *
 *     prog_idle wait | sleep SECONDS
 *
 * For SECONDS rank 0 waits for a task that never gets what it needs, or sleeps
 * in its own code. Then it prints how much of a core each rank used meanwhile,
 * in percent, "rank percent" a line. */
#include <sys/resource.h>
#include <unistd.h>

#include "job.h"

/* Gives the seconds of processor time that this process has used. */
DMPI_TASK(used)
{
    struct rusage usage;
    double *out = dmpi_task_output(task, sizeof *out);
    getrusage(RUSAGE_SELF, &usage);
    *out = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Waits as long as this process lives, without using it. */
DMPI_TASK(rest)
{
    job_sleep(*(const double *)dmpi_task_args(task));
}

static void ask(double seconds[])
{
    void *results[RANKS_MAX];
    if (dmpi_rank_run_all(used, NULL, 0, results, NULL)) exit(1);
    for (int rank = 0; rank < dmpi_ranks(); rank++) {
        seconds[rank] = *(double *)results[rank];
        free(results[rank]);
    }
}

/* A task on worker 1 sleeps, everybody else has nothing at all to do. */
static void be_idle(const char *how, double seconds)
{
    double longer = seconds + 0.2;
    dmpi_key key;
    if (strcmp(how, "wait")) {
        job_sleep(seconds);
        return;
    }
    dmpi_submit(pool, rest, NULL, 0, &longer, sizeof longer, NULL, &key);
    dmpi_wait(pool, &key, 1, DMPI_ALL, seconds, NULL);
}

int main(int argc, char *argv[])
{
    double before[RANKS_MAX], after[RANKS_MAX];
    check_watch("idle", 50);
    if (argc < 3 || dmpi_open(NULL, &pool)) return 2;
    if (!pool) return 0;
    ask(before);
    job_sleep(0.3); /* what is spun before sleeping is over */
    ask(before);
    double start = job_now(), seconds = atof(argv[2]);
    be_idle(argv[1], seconds);
    double took = job_now() - start;
    ask(after);
    for (int rank = 0; rank < dmpi_ranks(); rank++)
        printf("%d %.3f\n", rank, 100 * (after[rank] - before[rank]) / took);
    return dmpi_close(pool) != DMPI_OK;
}
