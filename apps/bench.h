/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.h - what all benches share: options, a clock, medians, and the line
 * that says how we compare with bare MPI.
 *
 * A bench measures the library and a bare MPI program that moves the same bytes
 * alternately, in one run, several times, and prints medians, spread and the
 * ratio of medians. */
#ifndef BENCH_H
#define BENCH_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static inline void bench_require(dmpi_status status, const char *what)
{
    if (!status) return;
    fprintf(stderr, "%s: %s: %s\n", what, dmpi_status_text(status),
            dmpi_status_detail());
    MPI_Abort(MPI_COMM_WORLD, 1);
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
