/* SPDX-License-Identifier: BSD-3-Clause */
/* test_constant.c - constants reach every worker once, along a tree, and each
 * task sees those of its submission, whatever comes first. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

enum { FUNCTION = ORACLE_SMALL, LARGE = 10000, SMALL = 8, KEYS_MAX = 16 };

struct scene {
    struct cluster *cluster;
    uint64_t keys[KEYS_MAX]; /* to be dropped at the end */
    struct buffer *expected[KEYS_MAX];
    size_t count;
};

static void scene_init(struct scene *scene, int workers)
{
    struct cluster_setup setup = {.workers = workers, .seed = 3, .check = true};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
}

static struct network *net(struct scene *scene)
{
    return scene->cluster->network;
}

static void deliver(struct scene *scene, int from, int to, unsigned kind)
{
    CU_ASSERT_EQUAL(network_deliver(net(scene), from, to), kind);
}

/* Set NAME to bytes that SEED decides; the caller unrefs them. */
static struct buffer *set(struct scene *scene, const char *name, uint64_t seed,
                          size_t size)
{
    struct buffer *value = oracle_bytes(seed, size);
    center_constant(scene->cluster->center, name, value);
    return value;
}

/* A task, hard on RANK or for anybody there, that should see COUNT VALUES. */
static void submit(struct scene *scene, int rank, bool hard,
                   struct buffer *const values[], uint32_t count)
{
    uint64_t word = scene->count;
    scene->keys[scene->count] =
        cluster_submit(scene->cluster, FUNCTION, NULL, 0, word, rank, hard);
    scene->expected[scene->count++] =
        oracle_call(FUNCTION, &word, sizeof word, values, count);
}

/* All tasks saw what they should, and nothing is left of anything. */
static void scene_end(struct scene *scene)
{
    cluster_run(scene->cluster);
    for (size_t i = 0; i < scene->count; i++) {
        struct buffer *got = cluster_get(scene->cluster, scene->keys[i]);
        CU_ASSERT_TRUE(oracle_same(scene->expected[i], got->data, got->size,
                                   got->is_error));
        buffer_unref(got);
        buffer_unref(scene->expected[i]);
        CU_ASSERT_EQUAL(center_drop(scene->cluster->center, scene->keys[i]),
                        DMPI_OK);
    }
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

/* What workers see that call a function outside of the pool's order. */
static const struct buffer *seen_at(struct scene *scene, int rank,
                                    const char *name)
{
    struct constant_set *now =
        worker_constants(cluster_worker(scene->cluster, rank), NULL);
    const struct buffer *buffer = constant_set_find(now, name);
    if (now) constant_set_unref(now);
    return buffer;
}

/* ---- the tree ------------------------------------------------------------*/

static void check_spread(int workers, size_t size)
{
    struct scene scene;
    uint64_t count = (uint64_t)workers;

    scene_init(&scene, workers);
    struct buffer *value = set(&scene, "c", 1, size);
    CU_ASSERT_EQUAL(center_constants_spreading(scene.cluster->center), 1);
    CU_ASSERT_EQUAL(network_transfers(net(&scene)), size > PORT_INLINE_MAX);
    cluster_deliver(scene.cluster);
    CU_ASSERT_EQUAL(center_constants_spreading(scene.cluster->center), 0);
    CU_ASSERT_EQUAL(center_bytes_put(scene.cluster->center), size);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANT), count);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_KEY_FETCH), count - 1);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_KEY_VALUE), count - 1);
    for (int rank = 1; rank <= workers; rank++) {
        const struct buffer *seen = seen_at(&scene, rank, "c");
        CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
        CU_ASSERT_TRUE(oracle_same(value, seen->data, seen->size, false));
        CU_ASSERT_EQUAL(
            worker_values_known(cluster_worker(scene.cluster, rank)), 0);
    }
    buffer_unref(value);
    scene_end(&scene);
}

static void constant_comes_to_each_worker_once_and_leaves_rank_0_once(void)
{
    for (int workers = 1; workers <= 40; workers += 13) {
        check_spread(workers, LARGE);
        check_spread(workers, SMALL);
        check_spread(workers, 0);
    }
}

/* Binary, so that no worker answers more than two fetches, and the way is a
 * logarithm long: in virtual time, where each hop takes 1 us. */
static void way_of_a_constant_is_short(void)
{
    static const struct network_costs costs = {.near = {1000, 1000000},
                                               .far = {1000, 1000000}};
    enum { WORKERS = 255, LEVELS = 8, HOPS = 3 /* name, fetch, value */ };
    struct cluster_setup setup = {
        .workers = WORKERS, .seed = 3, .costs = &costs};
    struct cluster *cluster = cluster_new(&setup);
    struct buffer *value = oracle_bytes(1, SMALL);

    center_constant(cluster->center, "c", value);
    buffer_unref(value);
    virtual_run(cluster);
    CU_ASSERT_EQUAL(center_constants_spreading(cluster->center), 0);
    CU_ASSERT(cluster->now_ns < (LEVELS + HOPS + 1) * 1100);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    for (int rank = 1; rank <= WORKERS; rank++)
        CU_ASSERT(center_counts(cluster->center, rank)->bytes_to_workers <=
                  2 * SMALL);
    cluster_free(cluster);
}

/* ---- what comes first ----------------------------------------------------*/

static void task_waits_for_the_bytes(void)
{
    struct scene scene;

    scene_init(&scene, 1);
    struct buffer *value = set(&scene, "c", 1, LARGE);
    submit(&scene, 1, true, &value, 1);
    deliver(&scene, 0, 1, MSG_CONSTANT);
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 1));
    CU_ASSERT_TRUE(network_end_transfer(net(&scene)));
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    buffer_unref(value);
    scene_end(&scene);
}

/* Worker 1 is the root of the second epoch's tree. */
static void stolen_task_waits_for_a_constant_that_nobody_has_told_of(void)
{
    struct scene scene;

    scene_init(&scene, 2);
    struct buffer *first = set(&scene, "c", 1, SMALL);
    cluster_deliver(scene.cluster);
    submit(&scene, 1, true, &first, 1);
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    scene.cluster->now_ns += 1000000000; /* worth stealing */
    struct buffer *second = set(&scene, "c", 2, SMALL);
    submit(&scene, 1, false, &second, 1);
    deliver(&scene, 0, 1, MSG_CONSTANT);
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    struct port *thief = network_port(net(&scene), 2);
    memset(port_say(thief, 1, MSG_STEAL, sizeof(struct msg_steal)), 0,
           sizeof(struct msg_steal));
    deliver(&scene, 2, 1, MSG_STEAL);
    deliver(&scene, 1, 2, MSG_TASK_RUN);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 2));
    deliver(&scene, 0, 2, MSG_CONSTANT);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 2));
    deliver(&scene, 2, 1, MSG_KEY_FETCH);
    deliver(&scene, 1, 2, MSG_KEY_VALUE);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 2));
    buffer_unref(first);
    buffer_unref(second);
    scene_end(&scene);
}

/* ---- replaced, removed, forgotten ----------------------------------------*/

static void each_task_sees_the_version_of_its_submission(void)
{
    struct scene scene;
    struct buffer *values[4], *two[2];

    scene_init(&scene, 1);
    submit(&scene, 1, true, NULL, 0);
    for (uint64_t i = 0; i < 3; i++) {
        values[i] = set(&scene, "c", i, LARGE);
        submit(&scene, 1, true, &values[i], 1);
    }
    two[0] = values[3] = set(&scene, "b", 9, SMALL);
    two[1] = values[2];
    submit(&scene, 1, true, two, 2);
    center_constant(scene.cluster->center, "c", NULL);
    submit(&scene, 1, true, two, 1);
    for (int i = 0; i < 4; i++) buffer_unref(values[i]);
    scene_end(&scene);
}

static void bytes_stay_while_a_task_that_sees_them_is_unended(void)
{
    struct scene scene;

    scene_init(&scene, 2);
    struct buffer *old = set(&scene, "c", 1, LARGE);
    submit(&scene, 1, true, &old, 1);
    cluster_deliver(scene.cluster);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    struct buffer *new = set(&scene, "c", 2, LARGE);
    submit(&scene, 2, true, &new, 1);
    cluster_deliver(scene.cluster);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANTS_FORGET), 0);
    cluster_end_job(scene.cluster, 1);
    cluster_deliver(scene.cluster);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANTS_FORGET), 2);
    buffer_unref(old);
    buffer_unref(new);
    scene_end(&scene);
}

static void constant_that_no_task_saw_is_forgotten_when_it_is_replaced(void)
{
    struct scene scene;

    scene_init(&scene, 3);
    for (uint64_t i = 0; i < 100; i++)
        buffer_unref(set(&scene, "c", i, i % 3 ? SMALL : LARGE));
    center_constant(scene.cluster->center, "c", NULL);
    cluster_deliver(scene.cluster);
    CU_ASSERT(network_said(net(&scene), MSG_CONSTANTS_FORGET) >= 3);
    for (int rank = 1; rank <= 3; rank++)
        CU_ASSERT_PTR_NULL(seen_at(&scene, rank, "c"));
    scene_end(&scene);
}

static void without_constants_nothing_is_said_of_them(void)
{
    struct scene scene;

    scene_init(&scene, 2);
    submit(&scene, 0, false, NULL, 0);
    cluster_run(scene.cluster);
    CU_ASSERT_PTR_NULL(
        worker_constants(cluster_worker(scene.cluster, 1), NULL));
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANT), 0);
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANTS_FORGET), 0);
    scene_end(&scene);
}

static void stop_waits_until_constants_have_come(void)
{
    struct scene scene;

    scene_init(&scene, 9);
    buffer_unref(set(&scene, "c", 1, LARGE));
    CU_ASSERT_TRUE(cluster_stop(scene.cluster));
    CU_ASSERT_EQUAL(network_said(net(&scene), MSG_CONSTANT_HELD), 9);
    cluster_free(scene.cluster);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"a constant comes to each worker once and leaves rank 0 once",
         constant_comes_to_each_worker_once_and_leaves_rank_0_once},
        {"the way of a constant is short", way_of_a_constant_is_short},
        {"a task waits for the bytes", task_waits_for_the_bytes},
        {"a stolen task waits for a constant that nobody has told of",
         stolen_task_waits_for_a_constant_that_nobody_has_told_of},
        {"each task sees the version of its submission",
         each_task_sees_the_version_of_its_submission},
        {"bytes stay while a task that sees them is unended",
         bytes_stay_while_a_task_that_sees_them_is_unended},
        {"a constant that no task saw is forgotten when it is replaced",
         constant_that_no_task_saw_is_forgotten_when_it_is_replaced},
        {"without constants nothing is said of them",
         without_constants_nothing_is_said_of_them},
        {"the stop waits until constants have come",
         stop_waits_until_constants_have_come},
    };
    return check_run("constant", tests, CHECK_COUNT(tests));
}
