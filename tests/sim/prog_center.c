/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_center.c - tasks for one center and so many simulated workers, for
 * center.sh to count its instructions.
 *
 *     prog_center WORKERS TASKS [RESOURCES]
 *
 * RESOURCES: what each task asks for, of gpu:1, as each worker has it, and
 * license:4@pool. */
#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

static uint64_t ten_us(void *app, int rank, struct job *job)
{
    return 10000;
}

static uint64_t submit(struct cluster *cluster, uint64_t number,
                       const char *resources)
{
    struct task_order order = {.function = ORACLE_WORD,
                               .args = &number,
                               .size = sizeof number,
                               .flags = resources ? RUN_TERMS : 0,
                               .resources = resources};
    if (center_check_order(cluster->center, &order)) exit(1);
    uint64_t key = center_submit(cluster->center, &order);
    center_settle(cluster->center);
    return key;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fputs("usage: prog_center WORKERS TASKS [RESOURCES]\n", stderr);
        return 2;
    }
    struct cluster_setup setup = {.workers = atoi(argv[1]),
                                  .nodes = 1,
                                  .seed = 1,
                                  .duration_ns = ten_us,
                                  .resources = "gpu:1 license:4@pool"};
    size_t tasks = (size_t)atol(argv[2]);
    struct cluster *cluster = cluster_new(&setup);
    uint64_t *keys = calloc(tasks, sizeof *keys);
    for (size_t i = 0; i < tasks; i++) keys[i] = submit(cluster, i, argv[3]);
    virtual_run(cluster);
    for (size_t i = 0; i < tasks; i++) center_drop(cluster->center, keys[i]);
    int busy = cluster_busy_workers(cluster);
    bool stopped = cluster_stop(cluster);
    cluster_free(cluster);
    free(keys);
    return stopped && (busy == setup.workers || argv[3]) ? 0 : 1;
}
