/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.h - what all benches share: options, a clock, medians, and the line
 * that says how we compare with bare MPI.
 *
 * A bench measures the library and a bare MPI program that moves the same bytes
 * alternately, in one run, several times, and prints medians, spread and the
 * ratio of medians. With BENCH_JSON=1 in the environment every figure that has
 * a goal, or is worth keeping, also comes as one line of JSON. */
#ifndef BENCH_H
#define BENCH_H

#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <distmpi.h>
#include <distmpi/comm.h>

enum { BENCH_RUNS_MAX = 101 };

/* Figures of one kind, one per run. */
struct bench_figures {
    double value[BENCH_RUNS_MAX];
    int count;
};

static inline void bench_add(struct bench_figures *figures, double value)
{
    if (figures->count < BENCH_RUNS_MAX)
        figures->value[figures->count++] = value;
}

static inline int bench_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The figure below which the share QUANTILE of the runs lie. Sorts. */
static inline double bench_quantile(struct bench_figures *figures,
                                    double quantile)
{
    qsort(figures->value, (size_t)figures->count, sizeof(double),
          bench_compare);
    return figures->value[(int)(quantile * (figures->count - 1) + 0.5)];
}

static inline double bench_median(struct bench_figures *figures)
{
    return bench_quantile(figures, 0.5);
}

static inline void bench_print(const char *what, struct bench_figures *figures,
                               const char *unit)
{
    double median = bench_median(figures);
    printf("%-34s %10.4g %-9s (%.4g .. %.4g)\n", what, median, unit,
           figures->value[0], figures->value[figures->count - 1]);
}

/* One member of a JSON object: null for NaN and infinity. */
static inline void bench_json_number(const char *name, double value)
{
    if (isfinite(value)) printf(", \"%s\": %.6g", name, value);
    else printf(", \"%s\": null", name);
}

/* One result for programs to read: prints
 *
 *     {"metric": "chain same 16 B", "ours": 0.18, "unit": "us",
 *      "reference": null, "ratio": null, "goal": 0.2, "goal_for": "ours",
 *      "goal_is_upper_bound": true, "met": true}
 *
 * on a line of its own if BENCH_JSON=1 is in the environment, else nothing.
 * METRIC and UNIT are plain text without quotes. OURS and REFERENCE (bare MPI
 * or what else stands beside us) are in UNIT; RATIO is how they compare. Give
 * NAN for what there is not. GOAL bounds "ours" or "ratio", whichever AIM says;
 * from above if GOAL_IS_UPPER_BOUND, else from below. Rank 0 calls it. */
static inline void bench_result_for(const char *aim, const char *metric,
                                    double ours, const char *unit,
                                    double reference, double ratio, double goal,
                                    int goal_is_upper_bound)
{
    const char *wanted = getenv("BENCH_JSON");
    if (!wanted || strcmp(wanted, "1")) return;
    double figure = strcmp(aim, "ratio") ? ours : ratio;
    int met = goal_is_upper_bound ? figure <= goal : figure >= goal;
    printf("{\"metric\": \"%s\"", metric);
    bench_json_number("ours", ours);
    printf(", \"unit\": \"%s\"", unit);
    bench_json_number("reference", reference);
    bench_json_number("ratio", ratio);
    bench_json_number("goal", goal);
    printf(", \"goal_for\": \"%s\"", aim);
    printf(", \"goal_is_upper_bound\": %s",
           goal_is_upper_bound ? "true" : "false");
    if (isfinite(goal)) printf(", \"met\": %s}\n", met ? "true" : "false");
    else puts(", \"met\": null}");
    fflush(stdout);
}

/* The same, where GOAL bounds RATIO if there is one, else OURS. */
static inline void bench_result(const char *metric, double ours,
                                const char *unit, double reference,
                                double ratio, double goal,
                                int goal_is_upper_bound)
{
    bench_result_for(isfinite(ratio) ? "ratio" : "ours", metric, ours, unit,
                     reference, ratio, goal, goal_is_upper_bound);
}

static inline void bench_require(dmpi_status status, const char *what)
{
    if (!status) return;
    fprintf(stderr, "%s: %s: %s\n", what, dmpi_status_text(status),
            dmpi_status_detail());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* ---- ranks ---------------------------------------------------------------*/

/* Start MPI so that a bench may use it before, between and after its pools. */
static inline void bench_start(int *rank, int *ranks)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, ranks);
}

/* The cores of this rank before the pools, and as a worker inside of one. */
static struct bench_cores {
    cpu_set_t own, bound;
    int known;
} bench_cores;

DMPI_TASK(bench_note_cores)
{
    if (dmpi_task_rank(task) > 0)
        sched_getaffinity(0, sizeof bench_cores.bound, &bench_cores.bound);
}

/* Open a pool on all ranks, each on the cores it was started on. The workers
 * come back when it has been closed, with NULL. */
static inline dmpi_pool *bench_open(void)
{
    dmpi_pool *pool;
    if (bench_cores.known)
        sched_setaffinity(0, sizeof bench_cores.own, &bench_cores.own);
    else sched_getaffinity(0, sizeof bench_cores.own, &bench_cores.own);
    bench_cores.bound = bench_cores.own;
    bench_cores.known = 1;
    bench_require(dmpi_open(NULL, &pool), "dmpi_open");
    return pool;
}

/* Close it, on all ranks. The workers stay on the cores that the library had
 * bound them to, so that bare MPI runs where the tasks ran. */
static inline void bench_close(dmpi_pool *pool)
{
    if (pool && dmpi_ranks() > 1)
        bench_require(dmpi_rank_run_all(bench_note_cores, NULL, 0, NULL, NULL),
                      "dmpi_rank_run_all");
    bench_require(dmpi_close(pool), "dmpi_close");
    sched_setaffinity(0, sizeof bench_cores.bound, &bench_cores.bound);
}

static inline void bench_nap(double seconds)
{
    struct timespec time = {(time_t)seconds,
                            (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/* MPI_Barrier() asleep: a rank that comes early leaves its core to those that
 * still measure. Up to 50 us late. */
static inline void bench_meet(void)
{
    MPI_Request request;
    int here = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    for (;;) {
        MPI_Test(&request, &here, MPI_STATUS_IGNORE);
        if (here) return;
        bench_nap(50e-6);
    }
}

/* MPI_Waitall() whose statuses nobody wants: gcc does not like MPICH's
 * MPI_STATUSES_IGNORE. */
static inline void bench_wait_all(MPI_Request requests[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        MPI_Wait(&requests[i], MPI_STATUS_IGNORE);
}

/* Meet, then VALUE as FROM has it. */
static inline double bench_share(double value, int from)
{
    bench_meet();
    MPI_Bcast(&value, 1, MPI_DOUBLE, from, MPI_COMM_WORLD);
    return value;
}

/* Meet, then the largest VALUE of all ranks. */
static inline double bench_largest(double value)
{
    double largest;
    bench_meet();
    MPI_Allreduce(&value, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return largest;
}

/* ---- options -------------------------------------------------------------*/

/* SIZE bytes as "16 B", "64 KiB", "256 MiB". Valid until the next call. */
static inline const char *bench_size(size_t size)
{
    static char text[32];
    if (size < 1 << 10) snprintf(text, sizeof text, "%zu B", size);
    else if (size < 1 << 20) snprintf(text, sizeof text, "%zu KiB", size >> 10);
    else snprintf(text, sizeof text, "%zu MiB", size >> 20);
    return text;
}

/* Is NAME, which takes no number, among the arguments? Takes it out, so that
 * bench_check_options() does not see it. */
static inline int bench_flag(int *argc, char **argv, const char *name)
{
    int kept = 1, found = 0;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], name)) argv[kept++] = argv[i];
        else found = 1;
    }
    *argc = kept;
    return found;
}

/* The number after option NAME among the arguments, or FALLBACK. */
static inline long bench_option(int argc, char **argv, const char *name,
                                long fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name)) continue;
        char *end;
        long value = strtol(argv[i + 1], &end, 10);
        if (!*end && value > 0) return value;
        fprintf(stderr, "%s %s: use a positive number\n", name, argv[i + 1]);
        exit(2);
    }
    return fallback;
}

/* Print USAGE and exit if asked to, or if an argument is not among OPTIONS, a
 * list of names that each take a number, ended by NULL. */
static inline void bench_check_options(int argc, char **argv,
                                       const char *const options[],
                                       const char *usage)
{
    for (int i = 1; i < argc; i += 2) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            exit(0);
        }
        int known = 0;
        for (int k = 0; options[k]; k++) known |= !strcmp(argv[i], options[k]);
        if (known && i + 1 < argc) continue;
        fprintf(stderr, "unknown or incomplete option '%s'\n%s", argv[i],
                usage);
        exit(2);
    }
}

#endif
