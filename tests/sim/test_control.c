/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control.c - tasks that are tried again, cancelled, or out of time. */
#include "check.h"

#include <string.h>

#include "cluster.h"
#include "log.h"
#include "oracle.h"
#include "virtual.h"

/* ---- the scene: tasks that fail a few times ------------------------------*/

struct scene {
    struct cluster *cluster;
    unsigned runs;  /* so far */
    unsigned fails; /* each task fails so many times */
};

/* The value is the attempt that gave it. */
static struct buffer *call(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    uint64_t tried = job_has_terms(job) ? job_terms(job)->tried : 0;
    scene->runs++;
    if (tried < scene->fails)
        return oracle_call(ORACLE_FAIL, &tried, sizeof tried, NULL, 0);
    struct buffer *output = buffer_new(sizeof tried);
    memcpy(output->data, &tried, sizeof tried);
    return output;
}

static void scene_init(struct scene *scene, int workers)
{
    struct cluster_setup setup = {.workers = workers,
                                  .seed = 5,
                                  .steal = true,
                                  .check = true,
                                  .call = call,
                                  .app = scene};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
}

static void scene_fini(struct scene *scene)
{
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

/* On RANK (0: any), after INPUT unless that is 0; nothing moves before the
 * center settles. */
static uint64_t submit(struct scene *scene, int rank, uint64_t input,
                       struct msg_terms terms)
{
    struct task_order order = {.function = ORACLE_WORD,
                               .inputs = &input,
                               .input_count = input != 0,
                               .target = rank,
                               .flags = RUN_TERMS,
                               .terms = terms};
    return center_submit(scene->cluster->center, &order);
}

static void drop(struct scene *scene, uint64_t key)
{
    CU_ASSERT_EQUAL(center_drop(scene->cluster->center, key), DMPI_OK);
}

/* ---- what a key is -------------------------------------------------------*/

static void is_value(struct scene *scene, uint64_t key, uint64_t attempt)
{
    struct buffer *value = cluster_get(scene->cluster, key);
    CU_ASSERT_FALSE(value->is_error);
    CU_ASSERT_TRUE(
        oracle_same(value, &attempt, sizeof attempt, value->is_error));
    buffer_unref(value);
}

static void is_error(struct scene *scene, uint64_t key, dmpi_status status)
{
    struct buffer *value = cluster_get(scene->cluster, key);
    const dmpi_failure *failure = value->data;
    CU_ASSERT_TRUE_FATAL(value->is_error);
    CU_ASSERT_EQUAL(failure->status, (int)status);
    buffer_unref(value);
}

/* ---- retries -------------------------------------------------------------*/

static void task_is_run_until_it_gives_a_value(void)
{
    struct scene scene;
    scene_init(&scene, 2);
    scene.fails = 3;
    uint64_t key = submit(&scene, 0, 0, (struct msg_terms){.retries = 5});
    center_settle(scene.cluster->center);
    cluster_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.runs, 4);
    CU_ASSERT_EQUAL(center_ended(scene.cluster->center), 1);
    is_value(&scene, key, 3);
    drop(&scene, key);
    scene_fini(&scene);
}

static void error_is_seen_when_all_attempts_have_failed(void)
{
    struct scene scene;
    scene_init(&scene, 2);
    scene.fails = 3;
    uint64_t key = submit(&scene, 0, 0, (struct msg_terms){.retries = 2});
    uint64_t after = submit(&scene, 0, key, (struct msg_terms){.retries = 9});
    center_settle(scene.cluster->center);
    is_error(&scene, key, DMPI_EFAILED);
    is_error(&scene, after, DMPI_EFAILED);
    CU_ASSERT_EQUAL(scene.runs, 3); /* an inherited error is not tried again */
    drop(&scene, key);
    drop(&scene, after);
    scene_fini(&scene);
}

static bool ran_on_both(const struct cluster *cluster)
{
    return cluster->members[0].jobs && cluster->members[1].jobs;
}

static uint64_t long_runs(void *app, int rank, struct job *job)
{
    return 10 * 1000 * 1000;
}

static void thief_goes_on_counting(void)
{
    struct scene scene;
    uint64_t keys[20];
    scene_init(&scene, 2);
    scene.fails = 4;
    scene.cluster->setup.duration_ns = long_runs;
    scene.cluster->setup.tick_ns = 1000 * 1000;
    for (int i = 0; i < 20; i++)
        keys[i] = submit(&scene, 1, 0, (struct msg_terms){.retries = 4});
    center_settle(scene.cluster->center);
    virtual_run(scene.cluster);
    CU_ASSERT_TRUE(ran_on_both(scene.cluster));
    CU_ASSERT_EQUAL(scene.runs, 20 * 5);
    for (int i = 0; i < 20; i++) is_value(&scene, keys[i], 4);
    for (int i = 0; i < 20; i++) drop(&scene, keys[i]);
    scene_fini(&scene);
}

/* ---- out of time ---------------------------------------------------------*/

enum { MS = 1000 * 1000 };

static void scene_init_slow(struct scene *scene)
{
    scene_init(scene, 2);
    scene->cluster->setup.duration_ns = long_runs; /* 10 ms */
    scene->cluster->setup.tick_ns = MS;
}

static bool has_failed(struct scene *scene, uint64_t key)
{
    struct center_view view;
    return center_look(scene->cluster->center, key, &view) &&
           view.state == DMPI_FAILED;
}

static void late_task_is_an_error_while_it_still_runs(void)
{
    struct scene scene;
    scene_init_slow(&scene);
    struct member *member = cluster_member(scene.cluster, 1);
    uint64_t key =
        submit(&scene, 1, 0, (struct msg_terms){.timeout_ns = 3 * MS});
    uint64_t after = submit(&scene, 2, key, (struct msg_terms){0});
    center_settle(scene.cluster->center);
    cluster_deliver(scene.cluster);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    scene.cluster->now_ns += 2 * MS;
    cluster_deliver(scene.cluster);
    CU_ASSERT_FALSE(has_failed(&scene, key));
    scene.cluster->now_ns += 2 * MS;
    cluster_turn(scene.cluster, 1);
    cluster_deliver(scene.cluster);
    CU_ASSERT_TRUE(has_failed(&scene, key));
    CU_ASSERT_TRUE(member->job && member->job->halted);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.runs, 1);
    is_error(&scene, key, DMPI_ETIMEOUT);
    is_error(&scene, after, DMPI_ETIMEOUT);
    drop(&scene, key);
    drop(&scene, after);
    scene_fini(&scene);
}

static void run_that_is_in_time_gives_its_value(void)
{
    struct scene scene;
    scene_init_slow(&scene);
    uint64_t key =
        submit(&scene, 0, 0, (struct msg_terms){.timeout_ns = 11 * MS});
    center_settle(scene.cluster->center);
    virtual_run(scene.cluster);
    is_value(&scene, key, 0);
    drop(&scene, key);
    scene_fini(&scene);
}

/* Also where nobody looked at the clock meanwhile. */
static void late_run_counts_as_failed(void)
{
    for (int ticks = 0; ticks < 2; ticks++) {
        struct scene scene;
        scene_init_slow(&scene);
        if (!ticks) scene.cluster->setup.tick_ns = 0;
        uint64_t key = submit(
            &scene, 1, 0, (struct msg_terms){.timeout_ns = MS, .retries = 2});
        center_settle(scene.cluster->center);
        virtual_run(scene.cluster);
        CU_ASSERT_EQUAL(scene.runs, 3);
        CU_ASSERT_EQUAL(scene.cluster->now_ns, 30 * MS);
        is_error(&scene, key, DMPI_ETIMEOUT);
        drop(&scene, key);
        scene_fini(&scene);
    }
}

/* ---- cancelled at the center ---------------------------------------------*/

static const struct msg_terms usual = {0};

static void cancel(struct scene *scene, uint64_t key)
{
    CU_ASSERT_EQUAL(center_cancel(scene->cluster->center, key), DMPI_OK);
}

static void task_without_a_worker_never_runs(void)
{
    struct scene scene;
    scene_init(&scene, 3);
    uint64_t first = submit(&scene, 0, 0, usual);  /* ready for any */
    uint64_t second = submit(&scene, 2, 0, usual); /* ready, not looked at */
    uint64_t third = submit(&scene, 0, second, usual);
    cancel(&scene, first);
    cancel(&scene, second);
    cancel(&scene, first); /* for the second time */
    center_settle(scene.cluster->center);
    is_error(&scene, first, DMPI_ECANCELLED);
    is_error(&scene, second, DMPI_ECANCELLED);
    is_error(&scene, third, DMPI_ECANCELLED);
    CU_ASSERT_EQUAL(scene.runs, 0);
    CU_ASSERT_EQUAL(center_cancel(scene.cluster->center, 77), DMPI_ENOKEY);
    drop(&scene, first);
    drop(&scene, second);
    drop(&scene, third);
    scene_fini(&scene);
}

static void task_that_waits_for_another_never_runs(void)
{
    struct scene scene;
    scene_init(&scene, 2);
    uint64_t first = submit(&scene, 0, 0, usual);
    uint64_t second = submit(&scene, 0, first, usual);
    uint64_t third = submit(&scene, 0, second, usual);
    uint64_t other = submit(&scene, 0, first, usual);
    cancel(&scene, second);
    drop(&scene, second);
    center_settle(scene.cluster->center);
    is_value(&scene, first, 0);
    is_value(&scene, other, 0);
    is_error(&scene, third, DMPI_ECANCELLED);
    CU_ASSERT_EQUAL(scene.runs, 2);
    drop(&scene, first);
    drop(&scene, third);
    drop(&scene, other);
    scene_fini(&scene);
}

static void task_held_for_a_worker_never_runs(void)
{
    enum { TASKS = 2 * ROSTER_TASKS_MAX };
    struct scene scene;
    scene_init(&scene, 2);
    uint64_t *keys = log_alloc(TASKS * sizeof *keys);
    for (int i = 0; i < TASKS; i++) keys[i] = submit(&scene, 2, 0, usual);
    center_settle(scene.cluster->center);
    for (int i = ROSTER_TASKS_MAX; i < TASKS; i++) cancel(&scene, keys[i]);
    center_settle(scene.cluster->center);
    for (int i = 0; i < ROSTER_TASKS_MAX; i += 99) is_value(&scene, keys[i], 0);
    for (int i = ROSTER_TASKS_MAX; i < TASKS; i += 99)
        is_error(&scene, keys[i], DMPI_ECANCELLED);
    for (int i = 0; i < TASKS; i++) drop(&scene, keys[i]);
    scene_fini(&scene);
    free(keys);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"task is run until it gives a value",
         task_is_run_until_it_gives_a_value},
        {"error is seen when all attempts have failed",
         error_is_seen_when_all_attempts_have_failed},
        {"thief goes on counting", thief_goes_on_counting},
        {"late task is an error while it still runs",
         late_task_is_an_error_while_it_still_runs},
        {"run that is in time gives its value",
         run_that_is_in_time_gives_its_value},
        {"late run counts as failed", late_run_counts_as_failed},
        {"task without a worker never runs", task_without_a_worker_never_runs},
        {"task that waits for another never runs",
         task_that_waits_for_another_never_runs},
        {"task held for a worker never runs",
         task_held_for_a_worker_never_runs},
    };
    return check_run("control", tests, CHECK_COUNT(tests));
}
