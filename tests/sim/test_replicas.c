/* SPDX-License-Identifier: BSD-3-Clause */
/* test_replicas.c - with two replicas what was put outlives each single loss,
 * however many there are. */
#include "check.h"

#include "cluster.h"
#include "oracle.h"
#include "random.h"
#include "script.h"
#include "seeds.h"

enum { WORKERS = 5, VALUES = 8, SEEDS = 300, SIZE_STEP = 1500, ROUNDS = 30 };

static struct cluster *new_cluster(uint64_t seed, size_t replicas)
{
    const struct cluster_setup setup = {.workers = WORKERS,
                                        .nodes = 2,
                                        .seed = seed,
                                        .steal = true,
                                        .check = true,
                                        .recover = true,
                                        .crash_limit = 3,
                                        .replicas = replicas};
    return cluster_new(&setup);
}

static void end_cluster(struct cluster *cluster)
{
    cluster_run(cluster);
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

static struct buffer *value_of(uint64_t i)
{
    return oracle_bytes(100 + i, i * SIZE_STEP);
}

static uint64_t put(struct cluster *cluster, int rank, uint64_t i)
{
    struct buffer *value = value_of(i);
    uint64_t key = center_put(cluster->center, rank, value);
    buffer_unref(value);
    return key;
}

static bool is_value(struct cluster *cluster, uint64_t key, uint64_t i)
{
    struct buffer *got = cluster_get(cluster, key);
    struct buffer *wanted = value_of(i);
    bool same = oracle_same(wanted, got->data, got->size, got->is_error);
    buffer_unref(got);
    buffer_unref(wanted);
    return same;
}

static void await_copies(struct cluster *cluster, uint64_t key)
{
    while (!center_is_copied(cluster->center, key)) cluster_step(cluster);
}

/* The ranks that hold KEY, in RANKS; returns how many. */
static size_t holders(struct cluster *cluster, uint64_t key, int ranks[WORKERS])
{
    struct buffer *list = NULL;
    dmpi_status status =
        errands_holders(center_errands(cluster->center), key, &list);
    CU_ASSERT_EQUAL_FATAL(status, DMPI_OK);
    size_t count = list->size / sizeof(int32_t);
    for (size_t i = 0; i < count; i++) ranks[i] = ((int32_t *)list->data)[i];
    buffer_unref(list);
    return count;
}

static void lose(struct cluster *cluster, int rank)
{
    cluster_kill(cluster, rank, 0);
    cluster_tell(cluster, rank);
    cluster_run(cluster);
}

/* ---- one by one ----------------------------------------------------------*/

static void what_was_put_has_a_copy_on_another_node(void)
{
    struct cluster *cluster = new_cluster(1, 2);
    int ranks[WORKERS] = {0};

    uint64_t key = put(cluster, 3, 2);
    CU_ASSERT_FALSE(center_is_copied(cluster->center, key));
    await_copies(cluster, key);
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), 2);
    CU_ASSERT_EQUAL(ranks[0], 3);
    CU_ASSERT_NOT_EQUAL(cluster->nodes[ranks[1]], cluster->nodes[3]);
    CU_ASSERT(worker_values_known(cluster_worker(cluster, ranks[1])));
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

static void without_the_setting_there_is_one(void)
{
    struct cluster *cluster = new_cluster(1, 1);
    int ranks[WORKERS];

    uint64_t key = put(cluster, 3, 2);
    CU_ASSERT_TRUE(center_is_copied(cluster->center, key));
    cluster_run(cluster);
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), 1);
    lose(cluster, 3);
    CU_ASSERT_FALSE(is_value(cluster, key, 2));
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

static void it_survives_one_loss_after_the_other(void)
{
    struct cluster *cluster = new_cluster(1, 2);
    int ranks[WORKERS];

    uint64_t key = put(cluster, 0, 3);
    await_copies(cluster, key);
    for (int left = WORKERS; left > 1; left--) {
        CU_ASSERT_EQUAL(holders(cluster, key, ranks), 2);
        lose(cluster, ranks[0]);
        CU_ASSERT_TRUE(is_value(cluster, key, 3));
    }
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), 1);
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

static void what_a_task_put_does_so_too(void)
{
    struct cluster *cluster = new_cluster(1, 2);
    struct buffer *value = value_of(3);
    uint64_t key =
        errand_put(worker_custody(cluster_worker(cluster, 2)), 2, 0, 0, value);
    buffer_unref(value);
    cluster_run(cluster);
    lose(cluster, 2);
    CU_ASSERT_TRUE(is_value(cluster, key, 3));
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

static void there_are_as_many_as_workers(void)
{
    struct cluster *cluster = new_cluster(1, 100);
    int ranks[WORKERS];

    uint64_t key = put(cluster, 0, 3);
    await_copies(cluster, key);
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), WORKERS);
    for (int rank = 1; rank < WORKERS; rank++) lose(cluster, rank);
    CU_ASSERT_TRUE(is_value(cluster, key, 3));
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

static void what_is_dropped_meanwhile_goes(void)
{
    struct cluster *cluster = new_cluster(1, 3);

    for (uint64_t i = 0; i < VALUES; i++)
        center_drop(cluster->center, put(cluster, 0, i));
    cluster_run(cluster);
    CU_ASSERT_EQUAL(center_held(cluster->center), 0);
    end_cluster(cluster);
}

static void a_copy_whose_worker_is_lost_is_made_elsewhere(void)
{
    struct cluster *cluster = new_cluster(1, 2);
    int ranks[WORKERS], before[WORKERS];

    uint64_t key = put(cluster, 3, 3);
    CU_ASSERT_EQUAL(holders(cluster, key, before), 2);
    lose(cluster, before[1]);
    CU_ASSERT_TRUE(center_is_copied(cluster->center, key));
    CU_ASSERT_EQUAL(holders(cluster, key, ranks), 2);
    CU_ASSERT_NOT_EQUAL(ranks[1], before[1]);
    lose(cluster, 3);
    CU_ASSERT_TRUE(is_value(cluster, key, 3));
    center_drop(cluster->center, key);
    end_cluster(cluster);
}

/* ---- at random -----------------------------------------------------------*/

struct play {
    struct cluster *cluster;
    uint64_t random;
    uint64_t keys[VALUES];
    bool good;
};

static bool all_copied(const struct play *play)
{
    bool copied = !play->cluster->untold;
    for (int i = 0; i < VALUES; i++)
        copied =
            copied && center_is_copied(play->cluster->center, play->keys[i]);
    return copied;
}

/* A worker is lost at any time, but one after the other: all that the one before
 * left has its copies again. */
static void lose_any(struct play *play)
{
    struct cluster *cluster = play->cluster;
    int rank = 1 + (int)random_below(&play->random, WORKERS);
    if (cluster_member(cluster, rank)->dead || cluster->losses == WORKERS - 1)
        return;
    cluster_run(cluster);
    while (!all_copied(play)) cluster_step(cluster);
    cluster_kill(cluster, rank, random_below(&play->random, 4));
    for (uint32_t i = random_below(&play->random, 50); i > 0; i--)
        cluster_step(cluster);
}

/* A task over two values is as foretold. */
static void use_any(struct play *play)
{
    struct cluster *cluster = play->cluster;
    uint64_t i = random_below(&play->random, VALUES);
    uint64_t j = random_below(&play->random, VALUES);
    uint64_t inputs[2] = {play->keys[i], play->keys[j]}, word = play->random;
    struct buffer *values[2] = {value_of(i), value_of(j)};
    uint64_t key =
        cluster_submit(cluster, ORACLE_MEDIUM, inputs, 2, word, 0, false);
    struct buffer *got = cluster_get(cluster, key);
    struct buffer *wanted =
        oracle_call(ORACLE_MEDIUM, &word, sizeof word, values, 2);
    if (!oracle_same(wanted, got->data, got->size, got->is_error))
        play->good = false;
    center_drop(cluster->center, key);
    buffer_unref(got);
    buffer_unref(wanted);
    buffer_unref(values[0]);
    buffer_unref(values[1]);
}

static bool nothing_is_lost(uint64_t seed)
{
    struct play play = {new_cluster(seed, 2), .random = seed, .good = true};

    for (uint64_t i = 0; i < VALUES; i++)
        play.keys[i] = put(play.cluster, 0, i);
    for (int round = 0; play.good && round < ROUNDS; round++) {
        use_any(&play);
        if (random_one_in(&play.random, 4)) lose_any(&play);
    }
    for (uint64_t i = 0; i < VALUES; i++) {
        play.good = play.good && is_value(play.cluster, play.keys[i], i);
        center_drop(play.cluster->center, play.keys[i]);
    }
    end_cluster(play.cluster);
    return play.good;
}

static void nothing_is_lost_by_one_loss_at_a_time(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, nothing_is_lost), 0);
}

static bool any_application(uint64_t seed)
{
    struct script_flavour flavour = {.workers_max = 7,
                                     .tasks_max = 60,
                                     .inputs_max = 3,
                                     .fail_one_in = 20,
                                     .target_one_in = 4,
                                     .losses_max = seed % 2 ? 4 : 0,
                                     .from_tasks = seed % 2 == 0,
                                     .replicas = 2 + seed % 3,
                                     .check = true};
    return script_run(seed, &flavour);
}

static void applications_see_nothing_of_it(void)
{
    CU_ASSERT_EQUAL(seeds_run(SEEDS, any_application), 0);
}

/* A worker was asked to run what it had already; it said so, but one input had
 * been given away there and never came. */
static void what_has_run_already_gets_its_inputs(void)
{
    CU_ASSERT_TRUE(any_application(3277));
}

/* Two fetches of one key, the later one heard when the key was dropped. */
static void a_fetch_after_the_drop_leaves_nothing(void)
{
    CU_ASSERT_TRUE(any_application(3485));
    CU_ASSERT_TRUE(any_application(5775));
}

int main(void)
{
    static const struct check_test tests[] = {
        {"what was put has a copy on another node",
         what_was_put_has_a_copy_on_another_node},
        {"without the setting there is one", without_the_setting_there_is_one},
        {"it survives one loss after the other",
         it_survives_one_loss_after_the_other},
        {"what a task put does so too", what_a_task_put_does_so_too},
        {"there are as many as workers", there_are_as_many_as_workers},
        {"what is dropped meanwhile goes", what_is_dropped_meanwhile_goes},
        {"a copy whose worker is lost is made elsewhere",
         a_copy_whose_worker_is_lost_is_made_elsewhere},
        {"nothing is lost by one loss at a time",
         nothing_is_lost_by_one_loss_at_a_time},
        {"what has run already gets its inputs",
         what_has_run_already_gets_its_inputs},
        {"a fetch after the drop leaves nothing",
         a_fetch_after_the_drop_leaves_nothing},
        {"applications see nothing of it", applications_see_nothing_of_it},
    };
    return check_run("replicas", tests, CHECK_COUNT(tests));
}
