/* SPDX-License-Identifier: BSD-3-Clause */
/* test_circle.c - tasks that wait for each other in a circle are told so, in
 * any order of messages, and nobody else is. */
#include "check.h"

#include <string.h>

#include "cluster.h"
#include "seeds.h"

enum { ACTORS = 3, WAITS_MAX = 2, ROUNDS_MAX = 100 * 1000, SEEDS = 300 };

/* ---- the scene: tasks that wait for keys that the test names -------------*/

struct actor {
    const char *name;
    uint64_t key;
    uint64_t waits_for[WAITS_MAX]; /* all of them at once */
    size_t waits;
    int child_on; /* it waits for a child that uses it, there too; -1: none */
    uint64_t child;
    bool began, woke;
    struct waiter waiter;
    struct inquiry *inquiries[WAITS_MAX + 1];
    size_t asked;
};

struct scene {
    struct cluster *cluster;
    struct actor actors[ACTORS];
};

static struct actor *actor_of(struct scene *scene, const struct job *job)
{
    for (int i = 0; i < ACTORS; i++)
        if (scene->actors[i].key == job->key) return &scene->actors[i];
    return NULL;
}

static void ask(struct nest *nest, struct actor *actor, uint64_t key)
{
    actor->inquiries[actor->asked++] =
        nest_ask(nest, &actor->waiter, key, NULL, 0);
}

static void submit_child(struct nest *nest, struct job *job,
                         struct actor *actor)
{
    struct task_order order = {.inputs = &actor->key,
                               .input_count = 1,
                               .target = actor->child_on,
                               .name = "child"};
    actor->child = nest_submit(nest, job, &order);
    ask(nest, actor, actor->child);
}

/* True: it waits. */
static bool begin_waits(struct nest *nest, struct job *job, struct actor *actor)
{
    actor->began = true;
    waiter_init(&actor->waiter, job);
    for (size_t i = 0; i < actor->waits; i++)
        ask(nest, actor, actor->waits_for[i]);
    if (actor->child_on >= 0) submit_child(nest, job, actor);
    return !nest_block(nest, &actor->waiter, true, UINT64_MAX);
}

static bool waits(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    struct nest *nest = worker_nest(cluster_worker(scene->cluster, rank));
    struct actor *actor = actor_of(scene, job);
    if (!actor) return false;
    if (!actor->began && begin_waits(nest, job, actor)) return true;
    actor->woke = true;
    for (size_t i = 0; i < actor->asked; i++)
        nest_close(nest, actor->inquiries[i]);
    if (actor->child) custody_release(nest->custody, actor->child);
    return false;
}

static struct buffer *call(void *app, int rank, struct job *job)
{
    return buffer_new(0);
}

static void scene_init(struct scene *scene, uint64_t seed, int workers)
{
    static const char *const names[ACTORS] = {"alpha", "beta", "gamma"};
    struct cluster_setup setup = {.workers = workers,
                                  .seed = seed,
                                  .steal = true,
                                  .check = true,
                                  .call = call,
                                  .waits = waits,
                                  .app = scene,
                                  .step_ns_max = NEST_TELL_NS / 8};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
    for (int i = 0; i < ACTORS; i++)
        scene->actors[i] = (struct actor){.name = names[i], .child_on = -1};
}

/* Actor I, on worker RANK and nowhere else. */
static struct actor *enter(struct scene *scene, int i, int rank)
{
    struct actor *actor = &scene->actors[i];
    struct task_order order = {
        .target = rank, .flags = RUN_PINNED, .name = actor->name};
    actor->key = center_submit(scene->cluster->center, &order);
    return actor;
}

static void wait_for(struct actor *actor, const struct actor *other)
{
    actor->waits_for[actor->waits++] = other->key;
}

/* All tasks end, all keys give values, and nothing is left. */
static bool scene_end(struct scene *scene)
{
    struct cluster *cluster = scene->cluster;
    bool good = true;
    center_settle(cluster->center);
    for (int i = 0; center_unended(cluster->center) && i < ROUNDS_MAX; i++)
        cluster_step(cluster);
    if (center_unended(cluster->center)) return false;
    cluster_run(cluster);
    for (int i = 0; i < ACTORS; i++) {
        struct actor *actor = &scene->actors[i];
        if (!actor->key) continue;
        struct buffer *buffer = cluster_get(cluster, actor->key);
        good = good && actor->woke && !buffer->is_error;
        buffer_unref(buffer);
        center_drop(cluster->center, actor->key);
    }
    good = cluster_stop(cluster) && good;
    cluster_free(cluster);
    return good;
}

/* ---- what they are told --------------------------------------------------*/

static bool is_told(const struct actor *actor)
{
    return *actor->waiter.circle;
}

static bool is_told_of(const struct actor *actor, const char *name)
{
    return strstr(actor->waiter.circle, name) != NULL;
}

static bool waits_for_itself(uint64_t seed)
{
    struct scene scene;
    scene_init(&scene, seed, 2);
    struct actor *alpha = enter(&scene, 0, 1);
    wait_for(alpha, alpha);
    return scene_end(&scene) && is_told_of(alpha, "'alpha'") &&
           !is_told_of(alpha, "by way of others");
}

static void task_that_waits_for_its_own_key_is_told(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, waits_for_itself), 0);
}

static bool waits_for_each_other(uint64_t seed)
{
    struct scene scene;
    scene_init(&scene, seed, 3);
    struct actor *alpha = enter(&scene, 0, 1), *beta = enter(&scene, 1, 2);
    wait_for(alpha, beta);
    wait_for(beta, alpha);
    bool good = scene_end(&scene);
    const struct actor *told = is_told(alpha) ? alpha : beta;
    return good && is_told(alpha) != is_told(beta) &&
           is_told_of(told, "'alpha'") && is_told_of(told, "'beta'");
}

static void of_two_that_wait_for_each_other_one_is_told(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, waits_for_each_other), 0);
}

/* Gamma waits as well, for both, and is no part of it. */
static bool beside_a_circle(uint64_t seed)
{
    struct scene scene;
    scene_init(&scene, seed, 2);
    struct actor *alpha = enter(&scene, 0, 1), *beta = enter(&scene, 1, 2);
    struct actor *gamma = enter(&scene, 2, 1);
    wait_for(alpha, beta);
    wait_for(beta, alpha);
    wait_for(gamma, alpha);
    wait_for(gamma, beta);
    return scene_end(&scene) && is_told(alpha) != is_told(beta) &&
           !is_told(gamma);
}

static void who_waits_beside_a_circle_goes_on_waiting(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, beside_a_circle), 0);
}

/* On the same worker, or on another one. */
static bool waits_for_its_user(uint64_t seed)
{
    struct scene scene;
    scene_init(&scene, seed, 3);
    struct actor *alpha = enter(&scene, 0, 1);
    alpha->child_on = (int)(seed % 3);
    return scene_end(&scene) && is_told_of(alpha, "'alpha'") &&
           is_told_of(alpha, "'child'");
}

static void task_that_waits_for_a_child_that_uses_it_is_told(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, waits_for_its_user), 0);
}

/* ---- a wait that has failed is over --------------------------------------*/

/* Worker RANK alone runs, and does not end what it runs. */
static void run_only(struct scene *scene, int rank)
{
    scene->cluster->now_ns += NEST_TELL_NS;
    cluster_deliver(scene->cluster);
    cluster_start_job(scene->cluster, rank);
}

static bool runs_on_after_a_circle(uint64_t seed)
{
    struct scene scene;
    scene_init(&scene, seed, 2);
    struct actor *alpha = enter(&scene, 0, 1), *beta = enter(&scene, 1, 2);
    wait_for(alpha, alpha);
    wait_for(alpha, beta);
    wait_for(beta, alpha);
    center_settle(scene.cluster->center);
    run_only(&scene, 1);
    cluster_end_job(scene.cluster, 1);
    for (int i = 0; i < 4; i++) run_only(&scene, 1);
    bool good = is_told(alpha) && cluster_member(scene.cluster, 1)->job;
    cluster_start_job(scene.cluster, 2);
    cluster_end_job(scene.cluster, 2);
    for (int i = 0; i < 4; i++) run_only(&scene, 1);
    good = good && !is_told(beta);
    return scene_end(&scene) && good && !is_told(beta);
}

static void who_was_told_may_be_waited_for(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, runs_on_after_a_circle), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"a task that waits for its own key is told",
         task_that_waits_for_its_own_key_is_told},
        {"of two that wait for each other one is told",
         of_two_that_wait_for_each_other_one_is_told},
        {"who waits beside a circle goes on waiting",
         who_waits_beside_a_circle_goes_on_waiting},
        {"a task that waits for a child that uses it is told",
         task_that_waits_for_a_child_that_uses_it_is_told},
        {"who was told may be waited for", who_was_told_may_be_waited_for},
    };
    return check_run("circle", tests, CHECK_COUNT(tests));
}
