/* SPDX-License-Identifier: BSD-3-Clause */
/* test_cancel.c - the word that a task is cancelled finds it, wherever it went
 * meanwhile, and nothing is left behind. */
#include "check.h"

#include <string.h>

#include "oracle.h"
#include "scene.h"

static void cancel(struct scene *scene, uint64_t key)
{
    CU_ASSERT_EQUAL(center_cancel(scene->cluster->center, key), DMPI_OK);
    center_settle(scene->cluster->center);
}

static bool has_failed(struct scene *scene, uint64_t key)
{
    struct center_view view;
    return center_look(scene->cluster->center, key, &view) &&
           view.state == DMPI_FAILED;
}

/* Tasks that ran on RANK, but for its own. */
static uint64_t runs(struct scene *scene, int rank)
{
    return cluster_member(scene->cluster, rank)->jobs - 1;
}

/* Let all go on. KEY is an error of that STATUS in the end; DMPI_OK: none. */
static void ends_as(struct scene *scene, uint64_t key, dmpi_status status)
{
    cluster_run(scene->cluster);
    struct buffer *value = cluster_get(scene->cluster, key);
    const dmpi_failure *failure = value->data;
    CU_ASSERT_EQUAL(value->is_error, status != DMPI_OK);
    if (value->is_error) CU_ASSERT_EQUAL(failure->status, (int)status);
    buffer_unref(value);
}

static uint64_t last_key(const struct scene *scene)
{
    return scene->keys[scene->count - 1];
}

/* ---- at its worker -------------------------------------------------------*/

static void task_that_is_ready_does_not_run(void)
{
    struct scene scene;

    scene_init(&scene);
    cancel(&scene, scene.wanted); /* behind the task, on the same way */
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_DONE), 1);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 1));
    ends_as(&scene, scene.wanted, DMPI_ECANCELLED);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_LEFT), 0);
    scene_end(&scene);
}

/* Those who wait for it do not wait for its inputs; the center keeps these. */
static void task_that_waits_for_an_input_ends_at_once(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_ask_from(&scene, 2);
    uint64_t key = last_key(&scene);
    uint64_t after = scene_submit(&scene, &key, 3, true);
    cancel(&scene, key);
    scene_deliver(&scene, 0, 2, MSG_CANCEL);
    scene_deliver(&scene, 2, 0, MSG_TASK_DONE);
    CU_ASSERT_TRUE(has_failed(&scene, key));
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_LEFT), 0);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_run_next(&scene, 1);
    scene_deliver(&scene, 1, 2, MSG_KEY_VALUE);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_LEFT), 1);
    ends_as(&scene, after, DMPI_ECANCELLED);
    CU_ASSERT_EQUAL(runs(&scene, 2) + runs(&scene, 3), 0);
    scene_end(&scene);
}

static void task_that_runs_is_told_and_keeps_its_inputs(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    cluster_end_job(scene.cluster, 1);
    uint64_t user = scene_submit(&scene, &scene.wanted, 1, true);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    cluster_end_job(scene.cluster, 1);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    cancel(&scene, user);
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    CU_ASSERT_TRUE(cluster_member(scene.cluster, 1)->job->halted);
    for (int i = 0; i < 3; i++) scene_deliver(&scene, 1, 0, MSG_TASK_DONE);
    CU_ASSERT_TRUE(has_failed(&scene, user));
    CU_ASSERT_EQUAL(center_drop(scene.cluster->center, scene.wanted), DMPI_OK);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_KEY_DROP), 0);
    cluster_end_job(scene.cluster, 1);
    scene_deliver(&scene, 1, 0, MSG_TASK_LEFT);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_KEY_DROP), 1);
    scene.keys[3] = user; /* in place of WANTED, which is dropped */
    scene.count--;
    ends_as(&scene, user, DMPI_ECANCELLED);
    scene_end(&scene);
}

static void pool_does_not_stop_before_the_function_has_returned(void)
{
    struct scene scene;

    scene_init(&scene);
    cancel(&scene, scene.keys[1]); /* which runs on worker 2 */
    scene_deliver(&scene, 0, 2, MSG_CANCEL);
    scene_deliver(&scene, 2, 0, MSG_TASK_DONE);
    size_t before = center_unended(scene.cluster->center);
    CU_ASSERT_EQUAL(before, 4); /* with WANTED */
    cluster_end_job(scene.cluster, 2);
    scene_deliver(&scene, 2, 0, MSG_TASK_LEFT);
    CU_ASSERT_EQUAL(center_unended(scene.cluster->center), before - 1);
    scene_end(&scene);
}

static void task_that_has_ended_stays_as_it_ended(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_run_next(&scene, 1);
    cancel(&scene, scene.wanted); /* nobody has told the center */
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    ends_as(&scene, scene.wanted, DMPI_OK);
    cancel(&scene, scene.wanted);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_CANCEL), 1);
    scene_end(&scene);
}

/* ---- with a thief --------------------------------------------------------*/

static void word_follows_the_task_to_the_thief(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    cancel(&scene, scene.wanted);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 3, MSG_CANCEL);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 3));
    ends_as(&scene, scene.wanted, DMPI_ECANCELLED);
    scene_end(&scene);
}

static void word_that_is_there_before_the_task_waits_for_it(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    cancel(&scene, scene.wanted);
    scene_deliver(&scene, 0, 3, MSG_CANCEL);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 3));
    ends_as(&scene, scene.wanted, DMPI_ECANCELLED);
    scene_end(&scene);
}

static void word_finds_a_task_that_was_stolen_there_and_back(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    scene_steal(&scene, 1, 3);
    cancel(&scene, scene.wanted);
    scene_deliver(&scene, 0, 3, MSG_CANCEL);
    scene_deliver(&scene, 3, 1, MSG_TASK_RUN);
    scene_deliver(&scene, 3, 1, MSG_CANCEL);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 1));
    ends_as(&scene, scene.wanted, DMPI_ECANCELLED);
    scene_end(&scene);
}

static void word_that_comes_after_all_was_dropped_leaves_no_trace(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    cancel(&scene, scene.wanted);
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    scene_run_next(&scene, 3);
    for (int i = 0; i < 2; i++) scene_deliver(&scene, 3, 0, MSG_TASK_DONE);
    CU_ASSERT_EQUAL(center_drop(scene.cluster->center, scene.wanted), DMPI_OK);
    scene.count--;
    scene_deliver(&scene, 0, 3, MSG_KEY_DROP);
    scene_deliver(&scene, 1, 3, MSG_CANCEL);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 3)), 1);
    scene_end(&scene);
}

/* Worker 2 has asked for the value, and then is given its task. That the task
 * ended is told when the question has come home, that its function has returned
 * not apart. */
static void end_that_is_told_late_says_all(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 2, 1);
    scene_ask_from(&scene, 2);
    uint64_t after = last_key(&scene);
    scene_deliver(&scene, 1, 2, MSG_TASK_RUN);
    cluster_end_job(scene.cluster, 2);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 2));
    cancel(&scene, scene.wanted);
    scene_deliver(&scene, 0, 1, MSG_CANCEL);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 1, 2, MSG_CANCEL);
    CU_ASSERT_TRUE(cluster_member(scene.cluster, 2)->job->halted);
    cluster_end_job(scene.cluster, 2);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_DONE), 1); /* its own */
    scene_deliver(&scene, 1, 2, MSG_KEY_FETCH);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_DONE), 2);
    ends_as(&scene, after, DMPI_ECANCELLED);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_LEFT), 0);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"task that is ready does not run", task_that_is_ready_does_not_run},
        {"task that waits for an input ends at once",
         task_that_waits_for_an_input_ends_at_once},
        {"task that runs is told and keeps its inputs",
         task_that_runs_is_told_and_keeps_its_inputs},
        {"pool does not stop before the function has returned",
         pool_does_not_stop_before_the_function_has_returned},
        {"task that has ended stays as it ended",
         task_that_has_ended_stays_as_it_ended},
        {"word follows the task to the thief",
         word_follows_the_task_to_the_thief},
        {"word that is there before the task waits for it",
         word_that_is_there_before_the_task_waits_for_it},
        {"word finds a task that was stolen there and back",
         word_finds_a_task_that_was_stolen_there_and_back},
        {"word that comes after all was dropped leaves no trace",
         word_that_comes_after_all_was_dropped_leaves_no_trace},
        {"end that is told late says all", end_that_is_told_late_says_all},
    };
    return check_run("cancel", tests, CHECK_COUNT(tests));
}
