/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mishaps.c - losses at a bad moment, one by one: what random applications
 * have found. */
#include "check.h"

#include "cluster.h"
#include "oracle.h"
#include "scene.h"

static struct cluster *cluster_with(int workers, const char *resources)
{
    const struct cluster_setup setup = {.workers = workers,
                                        .seed = 1,
                                        .steal = true,
                                        .recover = true,
                                        .resources = resources,
                                        .check = true};
    return cluster_new(&setup);
}

static uint64_t submit(struct cluster *cluster, struct task_order order)
{
    static const uint64_t word = 7;
    order.function = ORACLE_WORD;
    order.args = &word;
    order.size = sizeof word;
    CU_ASSERT_EQUAL_FATAL(center_check_order(cluster->center, &order), DMPI_OK);
    uint64_t key = center_submit(cluster->center, &order);
    center_settle(cluster->center);
    return key;
}

/* Some may be gone already. */
static void end(struct cluster *cluster, const uint64_t keys[], size_t count)
{
    CU_ASSERT_EQUAL(center_unended(cluster->center), 0);
    for (size_t i = 0; i < count; i++) center_drop(cluster->center, keys[i]);
    bool clean = cluster_stop(cluster);
    CU_ASSERT_TRUE(clean);
    if (clean) cluster_free(cluster);
}

static dmpi_key_state state_of(struct cluster *cluster, uint64_t key)
{
    struct center_view view = {.state = DMPI_PENDING};
    CU_ASSERT_TRUE(center_look(cluster->center, key, &view));
    return view.state;
}

/* All messages arrive that there are, and those that they cause, but those from
 * FROM to TO. */
static void deliver_all_but(struct cluster *cluster, int from, int to)
{
    bool any = true;
    while (any) {
        any = false;
        for (int a = 0; a < cluster->ranks; a++)
            for (int b = 0; b < cluster->ranks; b++)
                if (a != b && (a != from || b != to))
                    any |= network_deliver(cluster->network, a, b) != MSG_NONE;
        for (int rank = 1; rank < cluster->ranks; rank++)
            if (!cluster_member(cluster, rank)->dead)
                cluster_turn(cluster, rank);
    }
}

static bool is_clean(struct cluster *cluster)
{
    bool clean = center_stopped(cluster->center) &&
                 !network_under_way(cluster->network) &&
                 !center_held(cluster->center);
    for (int rank = 1; rank < cluster->ranks; rank++) {
        if (cluster_member(cluster, rank)->dead) continue;
        struct worker *worker = cluster_worker(cluster, rank);
        clean = clean && worker_ended(worker) && !worker_values_known(worker);
    }
    return clean;
}

/* ---- resources -----------------------------------------------------------*/

/* Worker 2 has the only license, and waits for an input from worker 1, which is
 * lost; that input is made again by a task that wants the license. */
static void a_task_without_its_input_keeps_no_resources(void)
{
    struct cluster *cluster = cluster_with(2, "license:1@pool");
    const struct task_order first = {
        .resources = "license", .target = 1, .flags = RUN_TERMS};
    uint64_t keys[2] = {submit(cluster, first)};
    cluster_run(cluster);
    const struct task_order second = {.inputs = keys,
                                      .input_count = 1,
                                      .resources = "license",
                                      .target = 2,
                                      .flags = RUN_TERMS | RUN_PINNED};
    keys[1] = submit(cluster, second);
    while (!network_peek(cluster->network, 2, 1))
        network_deliver(cluster->network, 0, 2);
    CU_ASSERT_EQUAL(network_peek(cluster->network, 2, 1), MSG_KEY_FETCH);
    cluster_kill(cluster, 1, 0);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(state_of(cluster, keys[0]), DMPI_DONE);
    CU_ASSERT_EQUAL(state_of(cluster, keys[1]), DMPI_DONE);
    end(cluster, keys, 2);
}

/* What was made on worker 1 alone is lost with it, for the center has not heard
 * of its end; worker 2 has got it. A task there is placed without its license,
 * because that input is an error. */
static void a_task_without_its_resources_does_not_run(void)
{
    struct cluster *cluster = cluster_with(2, "license:1@pool");
    const struct task_order pinned = {.target = 1, .flags = RUN_PINNED};
    uint64_t keys[3] = {submit(cluster, pinned)};
    const struct task_order user = {
        .inputs = keys, .input_count = 1, .target = 2};
    keys[1] = submit(cluster, user);
    const struct task_order gathers = {.inputs = keys,
                                       .input_count = 1,
                                       .resources = "license",
                                       .flags = RUN_TERMS};
    keys[2] = submit(cluster, gathers);
    network_deliver(cluster->network, 0, 1);
    network_deliver(cluster->network, 0, 2);
    while (!network_peek(cluster->network, 1, 0)) {
        cluster_turn(cluster, 1);
        if (!cluster_start_job(cluster, 1)) break;
        cluster_end_job(cluster, 1);
    }
    while (network_deliver(cluster->network, 2, 1)) {
    }
    while (network_deliver(cluster->network, 1, 2)) {
    }
    cluster_kill(cluster, 1, 0);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(state_of(cluster, keys[0]), DMPI_FAILED);
    CU_ASSERT_EQUAL(state_of(cluster, keys[1]), DMPI_DONE);
    CU_ASSERT_EQUAL(state_of(cluster, keys[2]), DMPI_FAILED);
    end(cluster, keys, 3);
}

/* ---- stolen tasks --------------------------------------------------------*/

/* The task went from 1 to 2 to 3, which is lost, and begins again on 1. Who asks
 * there before it has come is not to be sent along the old way. */
static void a_fetch_does_not_follow_an_earlier_attempt(void)
{
    struct scene scene;
    scene_init_with_losses(&scene, 4);
    scene_deliver(&scene, 0, 1, MSG_TASK_RUN);
    scene_steal(&scene, 2, 1);
    scene_deliver(&scene, 1, 2, MSG_TASK_RUN);
    scene_steal(&scene, 3, 2);
    scene_deliver(&scene, 2, 3, MSG_TASK_RUN);
    scene_deliver(&scene, 1, 0, MSG_TASK_MOVED);
    scene_deliver(&scene, 2, 0, MSG_TASK_MOVED);
    scene_submit(&scene, &scene.wanted, 4, true);
    scene_deliver(&scene, 0, 4, MSG_TASK_RUN);
    cluster_kill(scene.cluster, 3, 0);
    cluster_tell(scene.cluster, 3);
    for (int rank = 1; rank <= 4; rank++) {
        if (rank == 3) continue;
        scene_deliver(&scene, 0, rank, MSG_RANK_LOST);
        scene_deliver(&scene, rank, 0, MSG_LOST_HEARD);
    }
    CU_ASSERT_EQUAL(network_peek(scene.cluster->network, 0, 1), MSG_TASK_RUN);
    scene_deliver(&scene, 0, 4, MSG_KEY_PUT); /* what 3 ran itself is lost */
    scene_deliver(&scene, 0, 4, MSG_KEY_COPY);
    scene_deliver(&scene, 4, 1, MSG_KEY_FETCH);
    scene_end(&scene);
}

/* ---- what tasks do on other ranks ----------------------------------------*/

/* Worker 1 runs a task that may run on 2 as well. */
static uint64_t run_on_one(struct cluster *cluster)
{
    uint64_t key = submit(cluster, (struct task_order){.target = 1});
    network_deliver(cluster->network, 0, 1);
    CU_ASSERT_TRUE(cluster_start_job(cluster, 1));
    return key;
}

/* By the task that worker 1 runs. */
static uint64_t put_on(struct cluster *cluster, int rank, size_t bytes,
                       struct request **request)
{
    struct worker *worker = cluster_worker(cluster, 1);
    struct buffer *value = oracle_bytes(1, bytes);
    *request = exchange_open(worker_exchange(worker), NULL, 0);
    uint64_t key = errand_put(worker_custody(worker), rank, (*request)->id,
                              cluster_member(cluster, 1)->job->key, value);
    buffer_unref(value);
    return key;
}

static bool is_known(struct cluster *cluster, uint64_t key)
{
    struct center_view view;
    return center_look(cluster->center, key, &view);
}

static void what_a_lost_task_has_put_is_dropped(void)
{
    struct cluster *cluster = cluster_with(2, NULL);
    struct request *request;
    uint64_t task = run_on_one(cluster);
    uint64_t key = put_on(cluster, 2, 100, &request);
    network_deliver(cluster->network, 1, 2);
    network_deliver(cluster->network, 2, 0);
    CU_ASSERT_TRUE(is_known(cluster, key));
    cluster_kill(cluster, 1, 0);
    cluster_run(cluster);
    CU_ASSERT_FALSE(is_known(cluster, key));
    CU_ASSERT_EQUAL(state_of(cluster, task), DMPI_DONE);
    end(cluster, &task, 1);
}

static void so_is_what_comes_after_its_loss(void)
{
    struct cluster *cluster = cluster_with(2, NULL);
    struct request *request;
    uint64_t task = run_on_one(cluster);
    uint64_t key = put_on(cluster, 2, 100, &request);
    network_deliver(cluster->network, 1, 2);
    cluster_kill(cluster, 1, 0);
    cluster_tell(cluster, 1);
    CU_ASSERT_EQUAL(network_deliver(cluster->network, 2, 0), MSG_KEY_HELD);
    CU_ASSERT_FALSE(is_known(cluster, key));
    cluster_run(cluster);
    end(cluster, &task, 1);
}

static void what_a_task_has_put_before_its_end_stays(void)
{
    struct cluster *cluster = cluster_with(2, NULL);
    struct request *request;
    uint64_t keys[2] = {run_on_one(cluster)};
    keys[1] = put_on(cluster, 2, 100, &request);
    cluster_deliver(cluster);
    exchange_close(worker_exchange(cluster_worker(cluster, 1)), request);
    cluster_end_job(cluster, 1);
    cluster_deliver(cluster);
    cluster_kill(cluster, 1, 0);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(state_of(cluster, keys[1]), DMPI_DONE);
    end(cluster, keys, 2);
}

/* Worker 3 is lost meanwhile. */
static void what_is_being_put_comes_whoever_is_lost(void)
{
    struct cluster *cluster = cluster_with(3, NULL);
    struct request *request;
    uint64_t keys[2] = {run_on_one(cluster)};
    keys[1] = put_on(cluster, 2, 100000, &request);
    network_deliver(cluster->network, 1, 2);
    cluster_kill(cluster, 3, 0);
    cluster_tell(cluster, 3);
    for (int from = 0; from <= 2; from++)
        for (int to = 2; to >= 0; to--)
            while (from != to && network_deliver(cluster->network, from, to)) {
            }
    while (network_deliver(cluster->network, 0, 2)) {
    }
    CU_ASSERT_TRUE(network_end_transfer(cluster->network));
    cluster_deliver(cluster);
    CU_ASSERT_EQUAL(request->status, DMPI_OK);
    exchange_close(worker_exchange(cluster_worker(cluster, 1)), request);
    CU_ASSERT_EQUAL(state_of(cluster, keys[1]), DMPI_DONE);
    struct buffer *value = cluster_get(cluster, keys[1]);
    CU_ASSERT_EQUAL(value->size, 100000);
    buffer_unref(value);
    cluster_run(cluster);
    end(cluster, keys, 2);
}

static void a_call_to_a_lost_rank_ends_at_once(void)
{
    struct cluster *cluster = cluster_with(2, NULL);
    struct request *request;
    cluster_kill(cluster, 2, 0);
    cluster_run(cluster);
    uint64_t task = run_on_one(cluster);
    put_on(cluster, 2, 100, &request);
    CU_ASSERT_TRUE(request->done);
    CU_ASSERT_EQUAL(request->status, DMPI_ELOST);
    exchange_close(worker_exchange(cluster_worker(cluster, 1)), request);
    cluster_run(cluster);
    end(cluster, &task, 1);
}

/* ---- the end -------------------------------------------------------------*/

/* A fetch that is not waited for any more comes after the last word of whom it
 * asks. */
static void a_late_fetch_leaves_nothing_behind(void)
{
    struct cluster *cluster = cluster_with(3, NULL);
    struct network *network = cluster->network;
    struct buffer *value = oracle_bytes(1, 100);
    int root = 1;
    center_constant(cluster->center, "c", value);
    buffer_unref(value);
    for (int rank = 1; rank <= 3; rank++) network_deliver(network, 0, rank);
    while (!network_peek(network, 1 + root % 3, root)) root++;
    int asker = 1 + root % 3, other = 1 + asker % 3;
    CU_ASSERT_EQUAL(network_peek(network, asker, root), MSG_KEY_FETCH);
    cluster_kill(cluster, other, 0);
    cluster_tell(cluster, other);
    deliver_all_but(cluster, asker, root);
    center_stop(cluster->center, DMPI_OK);
    deliver_all_but(cluster, asker, root);
    CU_ASSERT_TRUE(center_stopped(cluster->center));
    cluster_deliver(cluster);
    bool clean = is_clean(cluster);
    CU_ASSERT_TRUE(clean);
    if (clean) cluster_free(cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"a task without its input keeps no resources",
         a_task_without_its_input_keeps_no_resources},
        {"a task without its resources does not run",
         a_task_without_its_resources_does_not_run},
        {"a fetch does not follow an earlier attempt",
         a_fetch_does_not_follow_an_earlier_attempt},
        {"what a lost task has put is dropped",
         what_a_lost_task_has_put_is_dropped},
        {"so is what comes after its loss", so_is_what_comes_after_its_loss},
        {"what a task has put before its end stays",
         what_a_task_has_put_before_its_end_stays},
        {"what is being put comes, whoever is lost",
         what_is_being_put_comes_whoever_is_lost},
        {"a call to a lost rank ends at once",
         a_call_to_a_lost_rank_ends_at_once},
        {"a late fetch leaves nothing behind",
         a_late_fetch_leaves_nothing_behind},
    };
    return check_run("mishaps", tests, CHECK_COUNT(tests));
}
