/* SPDX-License-Identifier: BSD-3-Clause */
/* scene.c - a cluster that moves only when the test says so. */
#include "scene.h"

#include <string.h>

#include "check.h"
#include "oracle.h"

void scene_deliver(struct scene *scene, int from, int to, unsigned kind)
{
    CU_ASSERT_EQUAL(network_deliver(scene->cluster->network, from, to), kind);
}

uint64_t scene_submit(struct scene *scene, const uint64_t *input, int rank,
                      bool hard)
{
    uint64_t key = cluster_submit(scene->cluster, ORACLE_SMALL, input,
                                  input != NULL, scene->count, rank, hard);
    scene->keys[scene->count++] = key;
    return key;
}

static void init(struct scene *scene, const struct cluster_setup *setup)
{
    *scene = (struct scene){.cluster = cluster_new(setup)};
    for (int rank = 1; rank <= setup->workers; rank++) {
        scene_submit(scene, NULL, rank, true);
        scene_deliver(scene, 0, rank, MSG_TASK_RUN);
        CU_ASSERT_TRUE(cluster_start_job(scene->cluster, rank));
    }
    scene->cluster->now_ns += 1000000000;
    scene->wanted = scene_submit(scene, NULL, 1, false);
}

void scene_init_on_nodes(struct scene *scene, int workers, int nodes)
{
    const struct cluster_setup setup = {
        .workers = workers, .nodes = nodes, .seed = 5, .check = true};
    init(scene, &setup);
}

void scene_init_with_losses(struct scene *scene, int workers)
{
    const struct cluster_setup setup = {
        .workers = workers, .seed = 5, .recover = true, .check = true};
    init(scene, &setup);
}

void scene_init(struct scene *scene)
{
    scene_init_on_nodes(scene, 3, 1);
}

void scene_end(struct scene *scene)
{
    cluster_run(scene->cluster);
    for (size_t i = 0; i < scene->count; i++)
        CU_ASSERT_EQUAL(center_drop(scene->cluster->center, scene->keys[i]),
                        DMPI_OK);
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

void scene_steal(struct scene *scene, int thief, int victim)
{
    struct port *port = network_port(scene->cluster->network, thief);
    struct msg_steal *out = port_say(port, victim, MSG_STEAL, sizeof *out);
    memset(out, 0, sizeof *out);
    scene_deliver(scene, thief, victim, MSG_STEAL);
    CU_ASSERT_EQUAL(network_peek(scene->cluster->network, victim, thief),
                    MSG_TASK_RUN);
}

void scene_run_next(struct scene *scene, int rank)
{
    cluster_end_job(scene->cluster, rank);
    CU_ASSERT_TRUE_FATAL(cluster_start_job(scene->cluster, rank));
    cluster_end_job(scene->cluster, rank);
}

bool scene_nothing_to_run(struct scene *scene, int rank)
{
    if (cluster_member(scene->cluster, rank)->job)
        cluster_end_job(scene->cluster, rank);
    return !cluster_start_job(scene->cluster, rank);
}

uint64_t scene_said(struct scene *scene, unsigned kind)
{
    return network_said(scene->cluster->network, kind);
}

void scene_ask_from(struct scene *scene, int rank)
{
    scene_submit(scene, &scene->wanted, rank, true);
    scene_deliver(scene, 0, rank, MSG_TASK_RUN);
    CU_ASSERT_EQUAL(network_peek(scene->cluster->network, rank, 1),
                    MSG_KEY_FETCH);
}
