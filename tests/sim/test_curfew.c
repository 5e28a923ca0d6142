/* SPDX-License-Identifier: BSD-3-Clause */
/* test_curfew.c - the job is told to end: what runs may end, nothing begins. */
#include "check.h"

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

enum { MS = 1000 * 1000, TASKS = 20 };

/* ---- the scene -----------------------------------------------------------*/

struct scene {
    struct cluster *cluster;
    unsigned runs; /* that have ended */
};

static struct buffer *call(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    scene->runs++;
    return buffer_new(8);
}

static uint64_t long_runs(void *app, int rank, struct job *job)
{
    return 10 * MS;
}

static void scene_init(struct scene *scene, int workers)
{
    struct cluster_setup setup = {.workers = workers,
                                  .seed = 7,
                                  .steal = true,
                                  .check = true,
                                  .call = call,
                                  .duration_ns = long_runs,
                                  .tick_ns = MS,
                                  .app = scene};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
}

static void scene_fini(struct scene *scene)
{
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

/* On worker 1, needing NEEDS_NS; after INPUT unless that is 0. */
static uint64_t submit(struct scene *scene, uint64_t input, uint64_t needs_ns)
{
    struct task_order order = {.function = ORACLE_WORD,
                               .inputs = &input,
                               .input_count = input != 0,
                               .target = 1,
                               .flags = RUN_TERMS,
                               .terms = {.needs_ns = needs_ns}};
    uint64_t key = center_submit(scene->cluster->center, &order);
    center_settle(scene->cluster->center);
    return key;
}

/* The status of KEY's error, DMPI_OK if it is a value; the key is dropped. */
static dmpi_status status_of(struct scene *scene, uint64_t key)
{
    struct buffer *value = cluster_get(scene->cluster, key);
    const dmpi_failure *failure = value->data;
    dmpi_status status =
        value->is_error ? (dmpi_status)failure->status : DMPI_OK;
    buffer_unref(value);
    CU_ASSERT_EQUAL(center_drop(scene->cluster->center, key), DMPI_OK);
    return status;
}

/* ---- what is promised ----------------------------------------------------*/

static void running_task_ends_and_no_other_begins(void)
{
    struct scene scene;
    uint64_t keys[TASKS];
    scene_init(&scene, 2);
    for (int i = 0; i < TASKS; i++) keys[i] = submit(&scene, 0, 0);
    uint64_t after = submit(&scene, keys[TASKS - 1], 0);
    cluster_deliver(scene.cluster);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    center_curfew(scene.cluster->center, 30 * MS, true);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.runs, 1);
    CU_ASSERT_EQUAL(center_unended(scene.cluster->center), 0);
    CU_ASSERT_EQUAL(center_not_begun(scene.cluster->center), TASKS);
    CU_ASSERT_EQUAL(status_of(&scene, keys[0]), DMPI_OK);
    for (int i = 1; i < TASKS; i++)
        CU_ASSERT_EQUAL(status_of(&scene, keys[i]), DMPI_EDEADLINE);
    CU_ASSERT_EQUAL(status_of(&scene, after), DMPI_EDEADLINE);
    scene_fini(&scene);
}

static void what_is_submitted_later_does_not_begin(void)
{
    struct scene scene;
    uint64_t gang[2];
    scene_init(&scene, 2);
    center_curfew(scene.cluster->center, 30 * MS, true);
    uint64_t key = submit(&scene, 0, 0);
    cluster_submit_gang(scene.cluster, ORACLE_WORD, 2, 1, gang);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.runs, 0);
    CU_ASSERT_EQUAL(center_not_begun(scene.cluster->center), 3);
    CU_ASSERT_EQUAL(status_of(&scene, key), DMPI_EDEADLINE);
    CU_ASSERT_EQUAL(status_of(&scene, gang[0]), DMPI_EDEADLINE);
    CU_ASSERT_EQUAL(status_of(&scene, gang[1]), DMPI_EDEADLINE);
    scene_fini(&scene);
}

/* All members have heard of it. */
static void gang_on_its_way_runs(void)
{
    struct scene scene;
    uint64_t gang[2];
    scene_init(&scene, 2);
    cluster_submit_gang(scene.cluster, ORACLE_WORD, 2, 1, gang);
    center_curfew(scene.cluster->center, 30 * MS, true);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.runs, 2);
    CU_ASSERT_EQUAL(status_of(&scene, gang[0]), DMPI_OK);
    CU_ASSERT_EQUAL(status_of(&scene, gang[1]), DMPI_OK);
    scene_fini(&scene);
}

/* Each runs for 10 ms, one after the other. */
static void task_that_needs_longer_than_there_is_does_not_begin(void)
{
    struct scene scene;
    scene_init(&scene, 1);
    center_curfew(scene.cluster->center, 35 * MS, false);
    uint64_t first = submit(&scene, 0, 30 * MS);
    uint64_t second = submit(&scene, 0, 30 * MS);
    uint64_t third = submit(&scene, 0, 20 * MS);
    uint64_t silent = submit(&scene, 0, 0);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(status_of(&scene, first), DMPI_OK);
    CU_ASSERT_EQUAL(status_of(&scene, second), DMPI_EDEADLINE);
    CU_ASSERT_EQUAL(status_of(&scene, third), DMPI_OK);
    CU_ASSERT_EQUAL(status_of(&scene, silent), DMPI_OK);
    CU_ASSERT_EQUAL(center_not_begun(scene.cluster->center), 1);
    CU_ASSERT_FALSE(center_curfew_begun(scene.cluster->center));
    scene_fini(&scene);
}

static void worker_that_is_told_to_end_tells_the_center(void)
{
    struct scene scene;
    int signal;
    scene_init(&scene, 3);
    CU_ASSERT_EQUAL(center_curfew_asked(scene.cluster->center, &signal), 0);
    worker_ask_curfew(cluster_worker(scene.cluster, 2), 15);
    cluster_deliver(scene.cluster);
    worker_ask_curfew(cluster_worker(scene.cluster, 3), 10);
    cluster_deliver(scene.cluster);
    CU_ASSERT_EQUAL(center_curfew_asked(scene.cluster->center, &signal), 2);
    CU_ASSERT_EQUAL(signal, 15);
    scene_fini(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"a running task ends and no other begins",
         running_task_ends_and_no_other_begins},
        {"what is submitted later does not begin",
         what_is_submitted_later_does_not_begin},
        {"a gang that is on its way runs", gang_on_its_way_runs},
        {"a task that needs longer than there is does not begin",
         task_that_needs_longer_than_there_is_does_not_begin},
        {"a worker that is told to end tells the center",
         worker_that_is_told_to_end_tells_the_center},
    };
    return check_run("curfew", tests, CHECK_COUNT(tests));
}
