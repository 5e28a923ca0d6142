/* SPDX-License-Identifier: BSD-3-Clause */
/* pi.c - pi by throwing darts, with the same digits on any number of ranks.
 *
 *     mpirun -np 3 build/apps/pi [THROWS [SEED]]
 *
 * Each task throws its share, by default 16 million in all, with the random
 * numbers of its own stream, and counts those within the circle; the counts are
 * added up where they are. A task's numbers depend on the seed and on which task
 * it is, not on where it runs.
 *
 * With DISTMPI_JOURNAL=pi.journal what was thrown once is not thrown again, nor
 * what a job that was cut short had thrown. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <distmpi.h>

enum { TASKS = 64 };

/* ARGS: how many to throw. */
DMPI_TASK(throw_darts)
{
    const uint64_t *throws = dmpi_task_args(task);
    uint64_t *hits = dmpi_task_output(task, sizeof *hits);
    dmpi_stream stream;

    dmpi_random(task, &stream);
    *hits = 0;
    for (uint64_t i = 0; i < *throws; i++) {
        double x = dmpi_random_uniform(&stream);
        double y = dmpi_random_uniform(&stream);
        *hits += x * x + y * y < 1;
    }
}

DMPI_TASK(add)
{
    uint64_t *sum = dmpi_task_output(task, sizeof *sum);

    *sum = 0;
    for (size_t i = 0; i < dmpi_task_input_count(task); i++)
        *sum += *(const uint64_t *)dmpi_task_input(task, i);
}

/* Throw them, and count those within the circle. */
static dmpi_status throw_all(dmpi_pool *pool, uint64_t throws, uint64_t seed,
                             uint64_t *hits)
{
    uint64_t shares[TASKS];
    dmpi_task_options options = {.seed = seed, .durable = DMPI_DURABLE};
    dmpi_key sum;

    for (uint64_t i = 0; i < TASKS; i++)
        shares[i] = throws / TASKS + (i < throws % TASKS);
    dmpi_status status =
        dmpi_map_reduce(pool, throw_darts, TASKS, NULL, shares,
                        sizeof shares[0], add, 8, &options, &sum);
    if (!status) status = dmpi_get(pool, sum, hits, sizeof *hits, NULL);
    if (!status) status = dmpi_drop(pool, &sum, 1);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t throws = argc > 1 ? strtoull(argv[1], NULL, 10) : 16000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, hits;
    dmpi_pool *pool;

    if (!throws || !seed) {
        fprintf(stderr, "usage: pi [THROWS [SEED]], both above 0\n");
        return 2;
    }
    if (dmpi_open(NULL, &pool) != DMPI_OK) return 2;
    if (!pool) return 0;
    dmpi_status status = throw_all(pool, throws, seed, &hits);
    if (!status) {
        double pi = 4.0 * (double)hits / (double)throws;
        double error = sqrt(pi * (4 - pi) / (double)throws);
        printf("pi %.9f +- %.6f, %" PRIu64 " hits of %" PRIu64 "\n", pi, error,
               hits, throws);
    } else {
        fprintf(stderr, "pi: %s\n", dmpi_status_detail());
    }
    dmpi_close(pool);
    return status != DMPI_OK;
}
