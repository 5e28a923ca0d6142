/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fetch.c - a value finds its way to those who asked for it, wherever its
 * task went meanwhile. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "scene.h"

/* ---- without thieves -----------------------------------------------------*/

static void fetch_before_the_value_exists_is_answered_when_it_does(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_ask_from(&scene, 2);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_KEY_VALUE), 0);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 2));
    scene_run_next(&scene, 1);
    scene_deliver(&scene, 1, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    scene_end(&scene);
}

static void fetch_before_the_task_has_come_is_answered_as_well(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_ask_from(&scene, 2);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_run_next(&scene, 1);
    scene_deliver(&scene, 1, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    scene_end(&scene);
}

static void read_does_not_wait_for_a_value_that_is_still_fetched(void)
{
    struct scene scene;
    struct worker *reader;

    scene_init(&scene);
    scene_ask_from(&scene, 2);
    reader = cluster_worker(scene.cluster, 3);
    struct request *request = exchange_open(worker_exchange(reader), NULL, 0);
    errand_fetch(worker_custody(reader), 2, scene.wanted, request);
    scene_deliver(&scene, 3, 2, MSG_KEY_FETCH);
    scene_deliver(&scene, 2, 3, MSG_KEY_VALUE);
    CU_ASSERT_TRUE(request->done);
    CU_ASSERT_EQUAL(request->status, DMPI_ENOKEY);
    exchange_close(worker_exchange(reader), request);
    scene_end(&scene);
}

/* ---- with a thief --------------------------------------------------------*/

static void fetch_is_forwarded_to_the_thief(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_ask_from(&scene, 2);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 3, MSG_KEY_FETCH);
    scene_run_next(&scene, 3);
    scene_deliver(&scene, 3, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    CU_ASSERT_EQUAL(worker_values_held(cluster_worker(scene.cluster, 1)), 0);
    scene_end(&scene);
}

/* Also if the victim itself waits for the value. */
static void fetch_is_forwarded_by_a_victim_that_needs_the_value(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_submit(&scene, &scene.wanted, 1, true);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_ask_from(&scene, 2);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 3, MSG_KEY_FETCH);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 1, 3, MSG_KEY_FETCH);
    scene_run_next(&scene, 3);
    scene_deliver(&scene, 3, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    scene_end(&scene);
}

static void fetch_that_waits_at_the_victim_is_passed_on(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_ask_from(&scene, 2);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 3, MSG_KEY_FETCH);
    scene_run_next(&scene, 3);
    scene_deliver(&scene, 3, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    scene_end(&scene);
}

static void victim_that_needs_the_value_asks_the_thief(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_submit(&scene, &scene.wanted, 1, true);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 3, MSG_KEY_FETCH);
    CU_ASSERT_TRUE(scene_nothing_to_run(&scene, 1));
    scene_run_next(&scene, 3);
    scene_deliver(&scene, 3, 1, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 1));
    scene_end(&scene);
}

/* The task comes to one who has asked for its value: the end is told only when
 * the question has come home, so that nobody forgets the key before. */
static void thief_tells_the_end_when_its_own_fetch_came_home(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 2, 1);
    scene_ask_from(&scene, 2);
    scene_deliver(&scene, 1, 2, MSG_TASK_RUN);
    scene_run_next(&scene, 2);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_DONE), 1);
    CU_ASSERT_FALSE(
        scene_nothing_to_run(&scene, 2)); /* the one that needs it */
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 1, 2, MSG_KEY_FETCH);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_TASK_DONE), 2);
    CU_ASSERT_EQUAL(scene_said(&scene, MSG_KEY_VALUE), 0);
    scene_end(&scene);
}

static void task_may_be_stolen_there_and_back(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_steal(&scene, 1, 3);
    scene_deliver(&scene, 3, 1, MSG_TASK_RUN);
    scene_deliver(&scene, 3, 0,
                  MSG_TASK_MOVED); /* the second move is told first */
    scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    scene_submit(&scene, &scene.wanted, 2, true);
    scene_deliver(&scene, 0, 2, MSG_TASK_RUN);
    scene_deliver(&scene, 2, 3,
                  MSG_KEY_FETCH); /* whom the center believes to have */
    scene_deliver(&scene, 3, 1, MSG_KEY_FETCH); /* it */
    scene_run_next(&scene, 1);
    scene_deliver(&scene, 1, 2, MSG_KEY_VALUE);
    CU_ASSERT_FALSE(scene_nothing_to_run(&scene, 2));
    scene_end(&scene);
}

/* ---- with a thief that is lost -------------------------------------------*/

/* 1 needs what it gave to 2, took back and gave to 3. Its fetch comes home from 2
 * when 3 is lost, and it knows no thief any more: it was sent to the center. (Seeds
 * 7578 and 15427 of the campaign, once.) */
static void fetch_that_comes_home_after_a_loss_does_not_go_on(void)
{
    struct scene scene;

    scene_init_with_losses(&scene, 4);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    uint64_t user = scene_submit(&scene, &scene.wanted, 1, true);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 2, 1);
    scene_deliver(&scene, 1, 2, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 2, MSG_KEY_FETCH);
    scene_steal(&scene, 1, 2);
    scene_deliver(&scene, 2, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    cluster_kill(scene.cluster, 3, 0);
    cluster_tell(scene.cluster, 3);
    scene_deliver(&scene, 0, 1, MSG_RANK_LOST);
    scene_deliver(&scene, 2, 1, MSG_KEY_FETCH);
    buffer_unref(cluster_get(scene.cluster, user));
    scene_end(&scene);
}

/* ---- what is left behind -------------------------------------------------*/

static void check_note_is_dropped(bool moved_is_told_last)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    if (!moved_is_told_last) scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    scene_run_next(&scene, 3);
    scene_deliver(&scene, 3, 0, MSG_TASK_DONE); /* its own */
    scene_deliver(&scene, 3, 0, MSG_TASK_DONE);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 1)), 2);
    CU_ASSERT_EQUAL(center_drop(scene.cluster->center, scene.wanted), DMPI_OK);
    scene.count--;
    if (moved_is_told_last) scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    scene_deliver(&scene, 0, 1, MSG_KEY_DROP);
    scene_deliver(&scene, 0, 3, MSG_KEY_DROP);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 1)), 1);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 3)), 1);
    scene_end(&scene);
}

static void victim_forgets_a_dropped_key(void)
{
    check_note_is_dropped(false);
}

static void victim_forgets_a_key_that_was_dropped_before_the_move_was_told(void)
{
    check_note_is_dropped(true);
}

/* 1 has the input, 3 steals the task and fetches it, 2 steals the task again:
 * nobody but 3 knows that 3 has a copy. */
static void copy_that_a_task_stolen_twice_left_behind_is_dropped(void)
{
    struct scene scene;

    scene_init(&scene);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_run_next(&scene, 1);
    scene_submit(&scene, NULL, 1, true); /* keeps worker 1 busy */
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    scene.cluster->now_ns += 1000000000;
    scene_submit(&scene, &scene.wanted, 1, false);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 3, 1);
    scene_deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 3, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 1, 3, MSG_KEY_VALUE);
    scene_steal(&scene, 2, 3);
    cluster_run(scene.cluster);
    CU_ASSERT_EQUAL(worker_values_held(cluster_worker(scene.cluster, 3)), 2);
    scene_end(&scene);
}

/* 1 knows that 4 took the task; 4 has dropped its copy since, 2 has the last.
 * 1 shall fetch it from 2, and 3 from 1, on whose node it is: 1 must not send 3
 * to 4, where it waited for ever. */
static void fetch_of_a_copy_does_not_follow_the_task(void)
{
    struct scene scene;

    scene_init_on_nodes(&scene, 4, 2);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 4, 1);
    scene_deliver(&scene, 1, 4, MSG_TASK_RUN);
    scene_run_next(&scene, 4);
    scene_deliver(&scene, 4, 0, MSG_TASK_DONE);
    scene_deliver(&scene, 4, 0, MSG_TASK_DONE);
    scene_submit(&scene, &scene.wanted, 2, true);
    scene_deliver(&scene, 0, 2, MSG_TASK_RUN);
    scene_deliver(&scene, 2, 4, MSG_KEY_FETCH);
    scene_deliver(&scene, 4, 2, MSG_KEY_VALUE);
    scene_run_next(&scene, 2);
    scene_deliver(&scene, 2, 0, MSG_TASK_DONE);
    scene_deliver(&scene, 2, 0, MSG_TASK_DONE);
    CU_ASSERT_EQUAL(errands_drop_copy(center_errands(scene.cluster->center),
                                      scene.wanted, 4),
                    DMPI_OK);
    scene_deliver(&scene, 0, 4, MSG_KEY_DROP);
    scene_submit(&scene, &scene.wanted, 1, true);
    scene_submit(&scene, &scene.wanted, 3, true);
    scene_deliver(&scene, 0, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 3, 1, MSG_KEY_FETCH);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 2, MSG_KEY_FETCH);
    scene_deliver(&scene, 2, 1, MSG_KEY_VALUE);
    scene_deliver(&scene, 1, 3, MSG_KEY_VALUE);
    scene_end(&scene);
}

/* The center keeps back what a worker has no room for; when tasks move away
 * there is room. */
static void tasks_kept_back_come_when_others_have_moved_away(void)
{
    enum { MANY = 5000 };
    struct scene scene;
    uint64_t keys[MANY], before;

    scene_init(&scene);
    scene.cluster->setup.check = false;
    for (uint64_t i = 0; i < MANY; i++)
        keys[i] =
            cluster_submit(scene.cluster, ORACLE_SMALL, NULL, 0, i, 1, false);
    while (network_deliver(scene.cluster->network, 0, 1)) {
    }
    before = scene_said(&scene, MSG_TASK_RUN);
    CU_ASSERT_TRUE(before < MANY);
    scene_steal(&scene, 3, 1);
    while (network_deliver(scene.cluster->network, 1, 0)) {
    }
    CU_ASSERT_TRUE(network_peek(scene.cluster->network, 0, 1) == MSG_TASK_RUN);
    cluster_run(scene.cluster);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(center_drop(scene.cluster->center, keys[i]), DMPI_OK);
    scene_end(&scene);
}

/* What was put may be dropped while it is still on its way. */
static void put_may_be_dropped_at_once(void)
{
    struct scene scene;
    struct buffer *buffer = oracle_bytes(1, 5000);
    uint64_t key;

    scene_init(&scene);
    key = center_put(scene.cluster->center, 2, buffer);
    buffer_unref(buffer);
    CU_ASSERT_EQUAL(center_drop(scene.cluster->center, key), DMPI_OK);
    scene_deliver(&scene, 0, 2, MSG_KEY_PUT);
    scene_deliver(&scene, 0, 2, MSG_KEY_DROP);
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 2)), 2);
    CU_ASSERT_TRUE(network_end_transfer(scene.cluster->network));
    CU_ASSERT_EQUAL(worker_values_known(cluster_worker(scene.cluster, 2)), 1);
    scene_end(&scene);
}

static void read_of_what_arrives_does_not_keep_it(void)
{
    struct scene scene;
    struct buffer *buffer = oracle_bytes(1, 5000);
    uint64_t key;

    scene_init(&scene);
    key = center_put(scene.cluster->center, 2, buffer);
    scene_deliver(&scene, 0, 2, MSG_KEY_PUT);
    CU_ASSERT_EQUAL(center_drop(scene.cluster->center, key), DMPI_OK);
    scene_deliver(&scene, 0, 2, MSG_KEY_DROP);
    struct worker *reader = cluster_worker(scene.cluster, 3);
    struct request *request = exchange_open(worker_exchange(reader), NULL, 0);
    errand_fetch(worker_custody(reader), 2, key, request);
    scene_deliver(&scene, 3, 2, MSG_KEY_FETCH);
    cluster_run(scene.cluster);
    CU_ASSERT_TRUE_FATAL(request->done);
    CU_ASSERT_TRUE(oracle_same(buffer, request->data, request->bytes, false));
    buffer_unref(buffer);
    free(request->data);
    exchange_close(worker_exchange(reader), request);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"fetch before the value exists is answered when it does",
         fetch_before_the_value_exists_is_answered_when_it_does},
        {"fetch before the task has come is answered as well",
         fetch_before_the_task_has_come_is_answered_as_well},
        {"read does not wait for a value that is still fetched",
         read_does_not_wait_for_a_value_that_is_still_fetched},
        {"fetch is forwarded to the thief", fetch_is_forwarded_to_the_thief},
        {"fetch is forwarded by a victim that needs the value",
         fetch_is_forwarded_by_a_victim_that_needs_the_value},
        {"fetch that waits at the victim is passed on",
         fetch_that_waits_at_the_victim_is_passed_on},
        {"victim that needs the value asks the thief",
         victim_that_needs_the_value_asks_the_thief},
        {"thief tells the end when its own fetch came home",
         thief_tells_the_end_when_its_own_fetch_came_home},
        {"task may be stolen there and back",
         task_may_be_stolen_there_and_back},
        {"fetch that comes home after a loss does not go on",
         fetch_that_comes_home_after_a_loss_does_not_go_on},
        {"victim forgets a dropped key", victim_forgets_a_dropped_key},
        {"victim forgets a key that was dropped before the move was told",
         victim_forgets_a_key_that_was_dropped_before_the_move_was_told},
        {"copy that a task stolen twice left behind is dropped",
         copy_that_a_task_stolen_twice_left_behind_is_dropped},
        {"fetch of a copy does not follow the task",
         fetch_of_a_copy_does_not_follow_the_task},
        {"tasks kept back come when others have moved away",
         tasks_kept_back_come_when_others_have_moved_away},
        {"put may be dropped at once", put_may_be_dropped_at_once},
        {"read of what arrives does not keep it",
         read_of_what_arrives_does_not_keep_it},
    };
    return check_run("fetch", tests, CHECK_COUNT(tests));
}
