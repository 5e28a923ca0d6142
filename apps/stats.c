/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - mean and variance of numbers that lie on the workers.
 *
 *     mpirun -np 3 build/apps/stats
 *
 * Rank 0 scatters the numbers 0 .. 1048575 in 16 blocks. Each block is
 * summarised where it lies, and the summaries, 24 bytes each, are joined in
 * pairs: after the scatter no block moves again.
 *
 * A summary is count, mean and sum of squared deviations; two of them join as
 * Chan, Golub and LeVeque have it ("Algorithms for computing the sample
 * variance", 1983), which loses no digits where sum(x^2) - sum(x)^2/n would. */
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

enum { BLOCKS = 16, BLOCK = 65536 };

struct summary {
    double count;
    double mean;
    double squares; /* sum of (x - mean)^2 */
};

static dmpi_pool *pool; /* on rank 0; NULL on the workers */

DMPI_TASK(summarise)
{
    const double *x = dmpi_task_input(task, 0);
    size_t count = dmpi_task_input_size(task, 0) / sizeof *x;
    struct summary *all = dmpi_task_output(task, sizeof *all);
    double sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++) sum += x[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) squares += (x[i] - mean) * (x[i] - mean);
    *all = (struct summary){(double)count, mean, squares};
}

DMPI_TASK(join)
{
    const struct summary *a = dmpi_task_input(task, 0);
    const struct summary *b = dmpi_task_input(task, 1);
    struct summary *both = dmpi_task_output(task, sizeof *both);
    double count = a->count + b->count;
    double apart = b->mean - a->mean;

    both->count = count;
    both->mean = a->mean + apart * (b->count / count);
    both->squares =
        a->squares + b->squares + apart * apart * (a->count * b->count / count);
}

static void check(dmpi_status status)
{
    if (status == DMPI_OK) return;
    fprintf(stderr, "stats: %s: %s\n", dmpi_status_text(status),
            dmpi_status_detail());
    dmpi_close(pool);
    exit(1);
}

static void scatter_numbers(dmpi_key blocks[BLOCKS])
{
    static double numbers[BLOCKS * BLOCK];

    for (size_t i = 0; i < BLOCKS * BLOCK; i++) numbers[i] = (double)i;
    check(dmpi_scatter(pool, numbers, BLOCKS, BLOCK * sizeof numbers[0], NULL,
                       blocks));
}

int main(void)
{
    dmpi_key blocks[BLOCKS], result;
    struct summary all;

    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    scatter_numbers(blocks);
    check(dmpi_map_reduce(pool, summarise, BLOCKS, blocks, NULL, 0, join, 2,
                          NULL, &result));
    check(dmpi_drop(pool, blocks, BLOCKS));
    check(dmpi_get(pool, result, &all, sizeof all, NULL));
    check(dmpi_drop(pool, &result, 1));
    printf("mean %.15g var %.15g\n", all.mean, all.squares / all.count);
    check(dmpi_close(pool));
    return 0;
}
