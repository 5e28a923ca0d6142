/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gang_losses.c - gangs that lose a member run again, as a whole. */
#include "check.h"

#include <stdio.h>

#include "cluster.h"
#include "oracle.h"
#include "script.h"
#include "seeds.h"

/* ---- a loss at each moment -----------------------------------------------*/

enum { PLAY_KEYS = 7, PLAY_WORKERS = 7, PLAY_STEPS_MAX = 10000 };

/* Two gangs, of which the second needs the first one's values, and tasks between
 * and behind them. So many workers are left, whoever is lost, that all can run. */
struct play {
    struct cluster *cluster;
    uint64_t keys[PLAY_KEYS];
};

static void submit_trio(struct play *play)
{
    static const uint64_t word = 3;
    struct task_order orders[3];
    for (int i = 0; i < 3; i++)
        orders[i] = (struct task_order){
            .function = ORACLE_LARGE, .args = &word, .size = sizeof word};
    orders[0].inputs = play->keys + 1;
    orders[1].inputs = play->keys + 2;
    orders[0].input_count = orders[1].input_count = 1;
    CU_ASSERT_EQUAL_FATAL(
        center_submit_gang(play->cluster->center, orders, 3, play->keys + 3),
        DMPI_OK);
}

static void play_init(struct play *play, uint64_t seed)
{
    const struct cluster_setup setup = {.workers = PLAY_WORKERS,
                                        .seed = seed,
                                        .steal = true,
                                        .recover = true,
                                        .check = true};
    struct cluster *cluster = play->cluster = cluster_new(&setup);
    uint64_t *keys = play->keys;
    cluster_submit_gang(cluster, ORACLE_SMALL, 2, 1, keys);
    keys[2] = cluster_submit(cluster, ORACLE_WORD, keys, 2, 2, 0, false);
    submit_trio(play);
    const uint64_t ends[2] = {keys[3], keys[5]};
    keys[6] = cluster_submit(cluster, ORACLE_WORD, ends, 2, 4, 0, false);
    CU_ASSERT_EQUAL(center_drop(cluster->center, keys[0]), DMPI_OK);
}

/* All but the first, which is dropped. */
static void play_get(struct play *play, struct buffer *values[])
{
    for (int i = 1; i < PLAY_KEYS; i++)
        values[i] = cluster_get(play->cluster, play->keys[i]);
}

/* False: something is left, or not as it should be. */
static bool play_end(struct play *play)
{
    struct cluster *cluster = play->cluster;
    cluster_run(cluster);
    bool good = !center_unended(cluster->center) && !cluster->mixed_up;
    for (int i = 1; i < PLAY_KEYS; i++)
        center_drop(cluster->center, play->keys[i]);
    good = cluster_stop(cluster) && good;
    if (good) cluster_free(cluster);
    return good;
}

/* RANK dies after STEPS. */
static bool survives(uint64_t seed, int rank, size_t steps, size_t keep,
                     struct buffer *const expected[])
{
    struct play play;
    struct buffer *values[PLAY_KEYS];
    bool good = true;
    play_init(&play, seed);
    for (size_t i = 0; i < steps; i++) cluster_step(play.cluster);
    cluster_kill(play.cluster, rank, keep);
    play_get(&play, values);
    for (int i = 1; i < PLAY_KEYS; i++) {
        good = good && oracle_same(expected[i], values[i]->data,
                                   values[i]->size, values[i]->is_error);
        buffer_unref(values[i]);
    }
    return play_end(&play) && good;
}

/* Until some steps after all is over. */
static size_t count_steps(uint64_t seed, struct buffer *values[])
{
    struct play play;
    size_t steps = 0;
    play_init(&play, seed);
    while (center_unended(play.cluster->center) && steps < PLAY_STEPS_MAX) {
        cluster_step(play.cluster);
        steps++;
    }
    play_get(&play, values);
    CU_ASSERT_TRUE(play_end(&play));
    return steps + 20;
}

/* How many go wrong. */
static size_t lose_each(uint64_t seed)
{
    struct buffer *expected[PLAY_KEYS];
    size_t bad = 0, steps = count_steps(seed, expected);
    CU_ASSERT_TRUE(steps > 100 && steps < PLAY_STEPS_MAX);
    for (size_t at = 0; at < steps; at++)
        for (int rank = 1; rank <= PLAY_WORKERS; rank++) {
            if (survives(seed, rank, at, at % 3 * 2, expected)) continue;
            if (!bad++)
                fprintf(stderr, "rank %d, after step %zu, seed %llu\n", rank,
                        at, (unsigned long long)seed);
        }
    for (int i = 1; i < PLAY_KEYS; i++) buffer_unref(expected[i]);
    return bad;
}

static void each_worker_may_be_lost_at_each_moment(void)
{
    check_limit(600);
    for (uint64_t seed = 1; seed <= 3; seed++)
        CU_ASSERT_EQUAL(lose_each(seed), 0);
}

/* ---- given up ------------------------------------------------------------*/

static struct cluster *cluster_with(int workers, uint32_t crash_limit)
{
    const struct cluster_setup setup = {.workers = workers,
                                        .seed = 1,
                                        .recover = true,
                                        .crash_limit = crash_limit,
                                        .check = true};
    return cluster_new(&setup);
}

/* The worker where a member of the gang runs that began as number COUNT. */
static int runner(struct cluster *cluster, uint64_t count)
{
    for (int i = 0; i < PLAY_STEPS_MAX; i++) {
        for (int rank = 1; cluster->gangs == count && rank < cluster->ranks;
             rank++)
            if (cluster_member(cluster, rank)->job) return rank;
        cluster_step(cluster);
    }
    return 0;
}

static void kill_and_tell(struct cluster *cluster, int lost)
{
    cluster_kill(cluster, lost, 0);
    cluster_tell(cluster, lost);
}

/* The others hear of it while they run. */
static void lose_runner(struct cluster *cluster, uint64_t count)
{
    int lost = runner(cluster, count);
    CU_ASSERT_TRUE_FATAL(lost > 0);
    kill_and_tell(cluster, lost);
    for (int rank = 1; rank < cluster->ranks; rank++)
        while (!cluster_member(cluster, rank)->dead &&
               network_deliver(cluster->network, 0, rank)) {
        }
}

static void end_with(struct cluster *cluster, const uint64_t keys[],
                     size_t count, dmpi_status status)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer *value = cluster_get(cluster, keys[i]);
        const dmpi_failure *failure = value->data;
        CU_ASSERT_EQUAL(value->is_error, status != DMPI_OK);
        CU_ASSERT_EQUAL(value->is_error ? failure->status : DMPI_OK, status);
        buffer_unref(value);
        center_drop(cluster->center, keys[i]);
    }
    CU_ASSERT_TRUE(cluster_stop(cluster));
    cluster_free(cluster);
}

/* Though the processes of all its members have ended. */
static void a_broken_gang_has_crashed_once(void)
{
    uint64_t keys[3];
    struct cluster *cluster = cluster_with(7, 2);
    cluster_submit_gang(cluster, ORACLE_WORD, 3, 1, keys);
    lose_runner(cluster, 1);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(cluster->gangs, 2);
    CU_ASSERT_EQUAL(cluster->losses, 3);
    end_with(cluster, keys, 3, DMPI_OK);
}

static void a_gang_that_crashes_too_often_is_given_up(void)
{
    uint64_t keys[2];
    struct cluster *cluster = cluster_with(7, 2);
    cluster_submit_gang(cluster, ORACLE_WORD, 2, 1, keys);
    lose_runner(cluster, 1);
    lose_runner(cluster, 2);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(cluster->gangs, 2);
    end_with(cluster, keys, 2, DMPI_ECRASHED);
}

static void a_gang_that_few_workers_are_left_for_is_lost(void)
{
    uint64_t keys[4], none[2] = {0};
    struct task_order orders[2] = {{.function = ORACLE_WORD},
                                   {.function = ORACLE_WORD}};
    struct cluster *cluster = cluster_with(3, 3);
    cluster_submit_gang(cluster, ORACLE_WORD, 2, 1, keys);
    cluster_submit_gang(cluster, ORACLE_WORD, 2, 2, keys + 2);
    lose_runner(cluster, 1);
    cluster_run(cluster);
    CU_ASSERT_EQUAL(cluster->losses, 2);
    CU_ASSERT_EQUAL(center_submit_gang(cluster->center, orders, 2, none),
                    DMPI_ELOST);
    end_with(cluster, keys, 4, DMPI_ELOST);
}

/* ---- called off ----------------------------------------------------------*/

/* Keys of a value, of a gang of one that holds its worker, and of a pair. */
struct stranded {
    struct cluster *cluster;
    uint64_t keys[4];
};

static void submit_with(struct stranded *stranded, uint32_t size, uint32_t user,
                        uint64_t keys[])
{
    static const uint64_t word = 1;
    struct task_order orders[2];
    for (uint32_t i = 0; i < size; i++)
        orders[i] = (struct task_order){
            .function = ORACLE_WORD, .args = &word, .size = sizeof word};
    orders[user].inputs = stranded->keys;
    orders[user].input_count = 1;
    CU_ASSERT_EQUAL_FATAL(
        center_submit_gang(stranded->cluster->center, orders, size, keys),
        DMPI_OK);
}

static void hear_all(struct cluster *cluster, int rank)
{
    while (network_deliver(cluster->network, 0, rank)) {
    }
}

/* The first of a pair waits for the second, which waits for a value on a third
 * worker, which dies. */
static void strand(struct stranded *stranded, bool cancelled)
{
    struct cluster *cluster = stranded->cluster = cluster_with(3, 0);
    stranded->keys[0] =
        cluster_submit(cluster, ORACLE_WORD, NULL, 0, 1, 3, false);
    cluster_run(cluster);
    submit_with(stranded, 1, 0, stranded->keys + 1);
    CU_ASSERT_EQUAL(network_peek(cluster->network, 0, 3), MSG_GANG);
    submit_with(stranded, 2, 1, stranded->keys + 2);
    CU_ASSERT_EQUAL(network_peek(cluster->network, 0, 1), MSG_GANG);
    CU_ASSERT_EQUAL(network_peek(cluster->network, 0, 2), MSG_GANG);
    if (cancelled)
        CU_ASSERT_EQUAL(center_cancel(cluster->center, stranded->keys[2]),
                        DMPI_OK);
    for (int rank = 1; rank <= 2; rank++) {
        hear_all(cluster, rank);
        CU_ASSERT_FALSE(cluster_start_job(cluster, rank));
    }
    kill_and_tell(cluster, 3);
    for (int rank = 1; rank <= 2; rank++) {
        hear_all(cluster, rank);
        while (network_deliver(cluster->network, rank, 0)) {
        }
    }
}

static void a_gang_whose_input_is_made_again_is_called_off(void)
{
    struct stranded stranded;
    strand(&stranded, false);
    struct network *network = stranded.cluster->network;
    CU_ASSERT_EQUAL(network_peek(network, 0, 1), MSG_GANG_OFF);
    CU_ASSERT_EQUAL(network_peek(network, 0, 2), MSG_GANG_OFF);
    cluster_run(stranded.cluster);
    CU_ASSERT_EQUAL(stranded.cluster->gangs, 2);
    end_with(stranded.cluster, stranded.keys, 4, DMPI_OK);
}

static void so_is_one_that_was_cancelled(void)
{
    struct stranded stranded;
    strand(&stranded, true);
    struct network *network = stranded.cluster->network;
    CU_ASSERT_EQUAL(network_peek(network, 0, 1), MSG_GANG_OFF);
    CU_ASSERT_EQUAL(network_peek(network, 0, 2), MSG_GANG_OFF);
    cluster_run(stranded.cluster);
    CU_ASSERT_EQUAL(stranded.cluster->gangs, 1);
    for (int i = 0; i < 2; i++) {
        struct center_view view;
        CU_ASSERT_TRUE(
            center_look(stranded.cluster->center, stranded.keys[i], &view) &&
            view.state == DMPI_DONE);
        center_drop(stranded.cluster->center, stranded.keys[i]);
    }
    end_with(stranded.cluster, stranded.keys + 2, 2, DMPI_ECANCELLED);
}

/* ---- at random -----------------------------------------------------------*/

static bool gangs(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 9,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 30,
                                                  .target_one_in = 5,
                                                  .gang_one_in = 4,
                                                  .losses_max = 6,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void gangs_among_tasks_survive_losses(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(400, gangs), 0);
}

static bool only_gangs(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 16,
                                                  .tasks_max = 30,
                                                  .inputs_max = 2,
                                                  .gang_one_in = 1,
                                                  .small = true,
                                                  .losses_max = 9,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void gangs_made_of_gangs_survive_losses(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(400, only_gangs), 0);
}

static bool cut_gangs(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 7,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 12,
                                                  .target_one_in = 4,
                                                  .gang_one_in = 3,
                                                  .terms_one_in = 5,
                                                  .cancel_one_in = 6,
                                                  .losses_max = 5,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void cancelled_gangs_stay_so(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(300, cut_gangs), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"each worker may be lost at each moment",
         each_worker_may_be_lost_at_each_moment},
        {"a broken gang has crashed once", a_broken_gang_has_crashed_once},
        {"a gang that crashes too often is given up",
         a_gang_that_crashes_too_often_is_given_up},
        {"a gang that few workers are left for is lost",
         a_gang_that_few_workers_are_left_for_is_lost},
        {"a gang whose input is made again is called off",
         a_gang_whose_input_is_made_again_is_called_off},
        {"so is one that was cancelled", so_is_one_that_was_cancelled},
        {"gangs among tasks survive losses", gangs_among_tasks_survive_losses},
        {"gangs made of gangs survive losses",
         gangs_made_of_gangs_survive_losses},
        {"cancelled gangs stay so", cancelled_gangs_stay_so},
    };
    return check_run("gang_losses", tests, CHECK_COUNT(tests));
}
