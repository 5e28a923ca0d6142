/* SPDX-License-Identifier: BSD-3-Clause */
/* trial.c - one call with the whole graph; the application keeps no key. */
#include "trial.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "log.h"
#include "oracle.h"
#include "virtual.h"

enum { MS = 1000000, NODE_WORKERS = 32 };

/* Shared memory, and a network of 10 Gbit/s. */
static const struct network_costs costs = {
    .near = {.latency_ns = 1000, .bytes_per_us = 4000},
    .far = {.latency_ns = 5000, .bytes_per_us = 1000},
    .hollow = true};

static const struct workload_task *task_of(void *app, struct job *job)
{
    const struct workload *workload = app;
    uint64_t i;
    memcpy(&i, job_args(job), sizeof i);
    return &workload->tasks[i];
}

static struct buffer *output(void *app, int rank, struct job *job)
{
    return buffer_new(task_of(app, job)->bytes);
}

static uint64_t duration(void *app, int rank, struct job *job)
{
    return task_of(app, job)->ns;
}

static struct cluster *cluster_for(const struct workload *workload,
                                   const struct trial_setup *trial)
{
    struct cluster_setup setup = {.workers = trial->workers,
                                  .nodes =
                                      1 + (trial->workers - 1) / NODE_WORKERS,
                                  .seed = 1,
                                  .steal = trial->steal,
                                  .call = output,
                                  .duration_ns = duration,
                                  .app = (void *)(uintptr_t)workload,
                                  .tick_ns = MS,
                                  .costs = &costs};
    return cluster_new(&setup);
}

/* What a call of the whole graph is made of; all owned. */
struct order {
    dmpi_graph_task *tasks;
    dmpi_task_options *places; /* of the first tasks */
    uint64_t *args;
    dmpi_key *inputs, *keys;
};

static void *room(size_t count, size_t size)
{
    return log_alloc((count + 1) * size);
}

static void order_init(struct order *order, const struct workload *workload,
                       const struct trial_setup *setup)
{
    size_t count = workload->count, placed = setup->placed;
    *order =
        (struct order){.tasks = room(count, sizeof *order->tasks),
                       .places = room(placed, sizeof *order->places),
                       .args = room(count, sizeof *order->args),
                       .inputs = room(workload->input_count, sizeof(dmpi_key)),
                       .keys = room(count, sizeof *order->keys)};
    for (size_t i = 0; i < placed; i++)
        order->places[i] = (dmpi_task_options){
            .rank = 1 + (int)(i * (size_t)setup->workers / placed)};
    for (size_t i = 0; i < workload->input_count; i++)
        order->inputs[i] = DMPI_NTH(workload->inputs[i]);
}

static void order_fini(struct order *order)
{
    free(order->tasks);
    free(order->places);
    free(order->args);
    free(order->inputs);
    free(order->keys);
}

static bool submit(struct cluster *cluster, const struct workload *workload,
                   const struct trial_setup *setup)
{
    static const dmpi_function functions[ORACLE_FUNCTIONS] = {
        {.index = 0}, {.index = 1}, {.index = 2}, {.index = 3}, {.index = 4}};
    struct order order;
    order_init(&order, workload, setup);
    for (size_t i = 0; i < workload->count; i++) {
        const struct workload_task *task = &workload->tasks[i];
        order.args[i] = i;
        order.tasks[i] = (dmpi_graph_task){
            .function = &functions[task->function],
            .inputs = order.inputs + task->first,
            .input_count = task->inputs,
            .args = &order.args[i],
            .size = sizeof order.args[i],
            .options = i < setup->placed ? &order.places[i] : NULL};
    }
    bool good =
        center_submit_graph(cluster->center, order.tasks, workload->count, NULL,
                            order.keys) == DMPI_OK;
    for (size_t i = 0; good && i < workload->count; i++)
        center_drop(cluster->center, order.keys[i]);
    order_fini(&order);
    return good;
}

static uint64_t most_jobs(struct cluster *cluster)
{
    uint64_t most = 0;
    for (int rank = 1; rank < cluster->ranks; rank++)
        if (cluster_member(cluster, rank)->jobs > most)
            most = cluster_member(cluster, rank)->jobs;
    return most;
}

struct trial trial_run(const struct workload *workload,
                       const struct trial_setup *setup)
{
    struct cluster *cluster = cluster_for(workload, setup);
    uint64_t share_ns = workload_work_ns(workload) / (uint64_t)setup->workers;
    uint64_t path_ns = workload_path_ns(workload);
    uint64_t least_ns = share_ns > path_ns ? share_ns : path_ns;
    double count = (double)workload->count;

    bool good = submit(cluster, workload, setup);
    virtual_run(cluster);
    const struct network *network = cluster->network;
    struct trial trial = {
        .ns = cluster->now_ns,
        .ratio = (double)cluster->now_ns / (double)least_ns,
        .messages = (double)network_said_with(network, 0) / count,
        .fetches = (double)network_said(network, MSG_KEY_FETCH) / count,
        .share = (double)most_jobs(cluster) / count,
        .moved = network_bytes_transferred(network),
        .ample = share_ns >= 8 * path_ns};
    good = good && !center_unended(cluster->center);
    trial.clean = cluster_stop(cluster) && good;
    trial.stolen = cluster_counts(cluster).tasks_stolen;
    cluster_free(cluster);
    return trial;
}
