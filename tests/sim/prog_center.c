/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_center.c - tasks for one center and so many simulated workers, for
 * center.sh to count its instructions.
 *
 *     prog_center WORKERS TASKS */
#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"
#include "oracle.h"

static uint64_t ten_us(void *app, int rank, struct job *job)
{
    return 10000;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: prog_center WORKERS TASKS\n", stderr);
        return 2;
    }
    struct cluster_setup setup = {
        .workers = atoi(argv[1]), .nodes = 1, .seed = 1, .duration_ns = ten_us};
    size_t tasks = (size_t)atol(argv[2]);
    struct cluster *cluster = cluster_new(&setup);
    uint64_t *keys = calloc(tasks, sizeof *keys);
    for (size_t i = 0; i < tasks; i++)
        keys[i] = cluster_submit(cluster, ORACLE_WORD, NULL, 0, i, 0, false);
    cluster_run_virtually(cluster);
    for (size_t i = 0; i < tasks; i++) center_drop(cluster->center, keys[i]);
    int busy = cluster_busy_workers(cluster);
    bool stopped = cluster_stop(cluster);
    cluster_free(cluster);
    free(keys);
    return stopped && busy == setup.workers ? 0 : 1;
}
