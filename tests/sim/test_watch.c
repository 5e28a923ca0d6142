/* SPDX-License-Identifier: BSD-3-Clause */
/* test_watch.c - the center tells of ends in their order; and what a task draws
 * its random numbers by goes where it goes. */
#include "check.h"

#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

enum { TASKS = 20 };

struct scene {
    struct cluster *cluster;
    struct watch watches[TASKS];
    struct watch_list over;
};

static void scene_init(struct scene *scene, const struct cluster_setup *setup)
{
    *scene = (struct scene){.cluster = cluster_new(setup)};
}

static void watch(struct scene *scene, int i, uint64_t key)
{
    center_watch(scene->cluster->center, key, &scene->watches[i], &scene->over);
}

/* The next that is over waited for KEY. */
static void expect(struct scene *scene, uint64_t key)
{
    struct watch *next = watch_list_take(&scene->over);
    CU_ASSERT_PTR_NOT_NULL_FATAL(next);
    CU_ASSERT_EQUAL(next->key, key);
}

static void drop(struct scene *scene, uint64_t key)
{
    CU_ASSERT_EQUAL(center_drop(scene->cluster->center, key), DMPI_OK);
}

static void scene_fini(struct scene *scene)
{
    CU_ASSERT_PTR_NULL(watch_list_take(&scene->over));
    CU_ASSERT_FALSE(center_is_watched(scene->cluster->center));
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

/* ---- watches -------------------------------------------------------------*/

static const struct cluster_setup four = {
    .workers = 4, .seed = 3, .steal = true, .check = true};

/* Each task of a chain ends after the one before it. */
static void watches_of_a_chain_are_over_in_its_order(void)
{
    struct scene scene;
    uint64_t keys[TASKS];
    scene_init(&scene, &four);
    for (int i = 0; i < TASKS; i++)
        keys[i] = cluster_submit(scene.cluster, ORACLE_WORD, keys + i - 1,
                                 i > 0, 1, 0, false);
    for (int i = TASKS; i-- > 0;) watch(&scene, i, keys[i]);
    cluster_run(scene.cluster);
    for (int i = 0; i < TASKS; i++) expect(&scene, keys[i]);
    for (int i = 0; i < TASKS; i++) drop(&scene, keys[i]);
    scene_fini(&scene);
}

static void a_cancelled_and_a_dropped_task_are_over(void)
{
    struct scene scene;
    uint64_t keys[2];
    struct center_view view;
    scene_init(&scene, &four);
    for (int i = 0; i < 2; i++) {
        struct task_order order = {.function = ORACLE_WORD};
        keys[i] = center_submit(scene.cluster->center, &order);
        watch(&scene, i, keys[i]);
    }
    drop(&scene, keys[1]);
    CU_ASSERT_EQUAL(center_cancel(scene.cluster->center, keys[0]), DMPI_OK);
    expect(&scene, keys[1]);
    expect(&scene, keys[0]);
    CU_ASSERT_TRUE(center_look(scene.cluster->center, keys[0], &view));
    CU_ASSERT_EQUAL(view.state, DMPI_FAILED);
    watch(&scene, 0, keys[0]); /* it is over already */
    expect(&scene, keys[0]);
    drop(&scene, keys[0]);
    center_settle(scene.cluster->center);
    cluster_run(scene.cluster);
    scene_fini(&scene);
}

static void who_looks_away_hears_nothing(void)
{
    struct scene scene;
    scene_init(&scene, &four);
    uint64_t key =
        cluster_submit(scene.cluster, ORACLE_WORD, NULL, 0, 1, 0, false);
    watch(&scene, 0, key);
    watch(&scene, 1, key);
    center_unwatch(scene.cluster->center, &scene.watches[0]);
    cluster_run(scene.cluster);
    CU_ASSERT_PTR_EQUAL(scene.over.first, &scene.watches[1]);
    expect(&scene, key);
    drop(&scene, key);
    scene_fini(&scene);
}

/* ---- seeds ---------------------------------------------------------------*/

/* The value is the task's number; each fails once. */
static struct buffer *number(void *app, int rank, struct job *job)
{
    const struct msg_terms *terms = job_terms(job);
    CU_ASSERT_TRUE(job_has_terms(job) && terms->seed == 42);
    if (!terms->tried) return oracle_call(ORACLE_FAIL, "", 0, NULL, 0);
    struct buffer *output = buffer_new(sizeof terms->number);
    memcpy(output->data, &terms->number, sizeof terms->number);
    return output;
}

static uint64_t long_runs(void *app, int rank, struct job *job)
{
    return 10 * 1000 * 1000;
}

static void seed_and_number_go_with_a_task_that_is_stolen(void)
{
    static const struct cluster_setup setup = {.workers = 2,
                                               .seed = 5,
                                               .steal = true,
                                               .check = true,
                                               .call = number,
                                               .duration_ns = long_runs,
                                               .tick_ns = 1000 * 1000};
    struct scene scene;
    uint64_t keys[TASKS];
    scene_init(&scene, &setup);
    for (uint64_t i = 0; i < TASKS; i++) {
        struct task_order order = {
            .function = ORACLE_WORD,
            .target = 1,
            .flags = RUN_TERMS,
            .terms = {.retries = 1, .seed = 42, .number = i}};
        keys[i] = center_submit(scene.cluster->center, &order);
    }
    center_settle(scene.cluster->center);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(cluster_busy_workers(scene.cluster), 2);
    for (uint64_t i = 0; i < TASKS; i++) {
        struct buffer *value = cluster_get(scene.cluster, keys[i]);
        CU_ASSERT_TRUE(oracle_same(value, &i, sizeof i, false));
        buffer_unref(value);
        drop(&scene, keys[i]);
    }
    scene_fini(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"watches of a chain are over in its order",
         watches_of_a_chain_are_over_in_its_order},
        {"a cancelled and a dropped task are over",
         a_cancelled_and_a_dropped_task_are_over},
        {"who looks away hears nothing", who_looks_away_hears_nothing},
        {"seed and number go with a task that is stolen",
         seed_and_number_go_with_a_task_that_is_stolen},
    };
    return check_run("watch", tests, CHECK_COUNT(tests));
}
