/* SPDX-License-Identifier: BSD-3-Clause */
/* scene.h - a few workers, each busy with a task of its own, and a task WANTED
 * that lies ready on worker 1. Messages are delivered one by one: for tests of
 * what may overtake what. */
#ifndef SCENE_H
#define SCENE_H

#include "cluster.h"

enum { SCENE_KEYS_MAX = 16 };

struct scene {
    struct cluster *cluster;
    uint64_t wanted;
    uint64_t keys[SCENE_KEYS_MAX]; /* to be dropped at the end */
    size_t count;
};

/* Three workers. The RUN for WANTED is not delivered yet. */
void scene_init(struct scene *scene);
void scene_init_on_nodes(struct scene *scene, int workers, int nodes);
void scene_init_with_losses(struct scene *scene, int workers);

/* All keys are dropped, and all that is known is gone, wherever it was. */
void scene_end(struct scene *scene);

/* The next message from FROM to TO is of that KIND, and arrives. */
void scene_deliver(struct scene *scene, int from, int to, unsigned kind);

/* A task on RANK, with an INPUT or NULL. */
uint64_t scene_submit(struct scene *scene, const uint64_t *input, int rank,
                      bool hard);

/* THIEF asks VICTIM, which gives its ready task away. */
void scene_steal(struct scene *scene, int thief, int victim);

/* RANK ends its own task and runs the next. */
void scene_run_next(struct scene *scene, int rank);

/* RANK ends its task, if it has one: there is no next one? If there is it has
 * been started. */
bool scene_nothing_to_run(struct scene *scene, int rank);

/* Messages of KIND so far. */
uint64_t scene_said(struct scene *scene, unsigned kind);

/* A task on RANK that needs WANTED; RANK is told and has asked worker 1. */
void scene_ask_from(struct scene *scene, int rank);

#endif
