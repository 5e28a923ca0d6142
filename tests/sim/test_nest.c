/* SPDX-License-Identifier: BSD-3-Clause */
/* test_nest.c - tasks that submit tasks and wait for them, in any order of
 * messages. */
#include "check.h"
#include "cluster.h"
#include "key.h"
#include "nest.h"
#include "oracle.h"
#include "seeds.h"
#include "tree.h"

static bool trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {
        .workers_max = 6, .depth = 5, .roots = 3, .target_one_in = 5};
    return tree_run(seed, &flavour);
}

static void trees_of_tasks_give_what_a_sequential_run_gives(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1500, trees), 0);
}

static bool one_worker(uint64_t seed)
{
    static const struct tree_flavour flavour = {
        .workers_max = 1, .depth = 6, .roots = 2};
    return tree_run(seed, &flavour);
}

static void one_worker_is_enough(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(500, one_worker), 0);
}

static bool failing_trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 5,
                                                .roots = 3,
                                                .fail_one_in = 30,
                                                .target_one_in = 5};
    return tree_run(seed, &flavour);
}

static void who_waits_for_a_failed_task_is_told(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(800, failing_trees), 0);
}

static bool tight_limit(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 4,
                                                .depth = 6,
                                                .roots = 4,
                                                .blocked_max = 1,
                                                .target_one_in = 4};
    return tree_run(seed, &flavour);
}

static void above_the_limit_somebody_always_goes_on(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1500, tight_limit), 0);
}

/* ---- what a spawn costs --------------------------------------------------*/

enum { CHILDREN = 100 };

/* A task of rank 0 that submits others, gets their values, and drops them. */
struct parent {
    struct cluster *cluster;
    struct waiter waiter;
    struct inquiry *inquiries[CHILDREN];
    uint64_t keys[CHILDREN], words[CHILDREN];
    bool asked, ended;
};

static struct nest *only_nest(const struct parent *parent)
{
    return worker_nest(cluster_worker(parent->cluster, 1));
}

static bool ask_children(struct parent *parent, struct job *job)
{
    struct nest *nest = only_nest(parent);
    waiter_init(&parent->waiter, job);
    for (uint64_t i = 0; i < CHILDREN; i++) {
        struct task_order order = {
            .function = ORACLE_WORD, .args = &i, .size = sizeof i};
        parent->keys[i] = nest_submit(nest, job, &order);
        parent->inquiries[i] =
            nest_ask(nest, &parent->waiter, parent->keys[i], &parent->words[i],
                     sizeof parent->words[i]);
    }
    parent->asked = true;
    return !nest_block(nest, &parent->waiter, true, UINT64_MAX);
}

static bool spawn(void *app, int rank, struct job *job)
{
    struct parent *parent = app;
    struct nest *nest = only_nest(parent);
    if (key_rank(job->key) != 0) return false;
    if (!parent->asked && ask_children(parent, job)) return true;
    for (int i = 0; i < CHILDREN; i++) {
        CU_ASSERT_EQUAL(inquiry_request(parent->inquiries[i])->bytes, 8);
        nest_close(nest, parent->inquiries[i]);
        custody_release(nest->custody, parent->keys[i]);
    }
    parent->ended = true;
    return false;
}

/* All that it said was that each is there, has ended, and is dropped. */
static void check_said(const struct parent *parent)
{
    struct network *network = parent->cluster->network;
    CU_ASSERT_EQUAL(network_said(network, MSG_TASK_HERE), CHILDREN);
    CU_ASSERT_EQUAL(network_said(network, MSG_TASK_DONE), CHILDREN + 1);
    CU_ASSERT_EQUAL(network_said(network, MSG_KEY_RELEASE), CHILDREN);
    CU_ASSERT_EQUAL(network_said_in_all(network), 3 * CHILDREN + 1);
}

/* From the first spawn to the parent's end no message is delivered. */
static void a_spawn_waits_for_no_word_of_the_center(void)
{
    struct parent parent = {.asked = false};
    struct cluster_setup setup = {
        .workers = 1, .check = true, .waits = spawn, .app = &parent};
    parent.cluster = cluster_new(&setup);
    uint64_t key =
        cluster_submit(parent.cluster, ORACLE_WORD, NULL, 0, 7, 0, false);
    cluster_deliver(parent.cluster);
    network_count_anew(parent.cluster->network);
    while (cluster_start_job(parent.cluster, 1))
        cluster_end_job(parent.cluster, 1);
    CU_ASSERT_TRUE(parent.ended);
    check_said(&parent);
    cluster_run(parent.cluster);
    CU_ASSERT_EQUAL(network_said(parent.cluster->network, MSG_KEY_DROP),
                    CHILDREN);
    center_drop(parent.cluster->center, key);
    CU_ASSERT_TRUE(cluster_stop(parent.cluster));
    cluster_free(parent.cluster);
}

static bool cancelled_trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 5,
                                                .roots = 4,
                                                .fail_one_in = 60,
                                                .target_one_in = 5,
                                                .cancel_one_in = 300};
    return tree_run(seed, &flavour);
}

static void trees_are_cancelled_at_any_moment(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1500, cancelled_trees), 0);
}

static bool retried_trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 5,
                                                .roots = 3,
                                                .fail_one_in = 20,
                                                .target_one_in = 5,
                                                .terms_one_in = 3};
    return tree_run(seed, &flavour);
}

static void children_are_tried_again_and_run_out_of_time(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, retried_trees), 0);
}

static bool long_waits(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 5,
                                                .roots = 3,
                                                .blocked_max = 2,
                                                .fail_one_in = 60,
                                                .target_one_in = 4,
                                                .step_ns_max =
                                                    2 * NEST_TELL_NS};
    return tree_run(seed, &flavour);
}

static void however_long_tasks_wait_there_is_no_circle(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, long_waits), 0);
}

/* ---- kept back -----------------------------------------------------------*/

enum { IN_LINE = 40, STEPS_MAX = 100000, LONG_STEP_NS = 4000000 };

/* Tasks, most of which wait for the last one. */
struct line {
    struct cluster *cluster;
    uint64_t keys[IN_LINE];
    struct waiter waiters[IN_LINE];
    struct inquiry *inquiries[IN_LINE];
};

static bool wait_for_the_last(void *app, int rank, struct job *job)
{
    struct line *line = app;
    struct nest *nest = worker_nest(cluster_worker(line->cluster, rank));
    size_t i = 0;
    while (i < IN_LINE && line->keys[i] != job->key) i++;
    if (i >= IN_LINE - 1) return false;
    if (!line->inquiries[i]) {
        waiter_init(&line->waiters[i], job);
        line->inquiries[i] =
            nest_ask(nest, &line->waiters[i], line->keys[IN_LINE - 1], NULL, 0);
        if (!nest_block(nest, &line->waiters[i], true, UINT64_MAX)) return true;
    }
    nest_close(nest, line->inquiries[i]);
    return false;
}

static bool steps_to_the_end(struct cluster *cluster)
{
    for (int i = 0; center_unended(cluster->center) && i < STEPS_MAX; i++)
        cluster_step(cluster);
    return !center_unended(cluster->center);
}

/* On RANK, or on any if that is 0. */
static uint64_t submit_word(struct cluster *cluster, int rank)
{
    static const uint64_t word = 7;
    struct task_order order = {.function = ORACLE_WORD,
                               .args = &word,
                               .size = sizeof word,
                               .target = rank};
    return center_submit(cluster->center, &order);
}

/* The center thinks that a worker with so many tasks has enough to do. */
static bool waits_for_kept_back(uint64_t seed)
{
    struct line line = {.cluster = NULL};
    struct cluster_setup setup = {.workers = 1 + (int)(seed % 2),
                                  .seed = seed,
                                  .steal = seed % 3,
                                  .check = true,
                                  .waits = wait_for_the_last,
                                  .app = &line,
                                  .step_ns_max = LONG_STEP_NS};
    line.cluster = cluster_new(&setup);
    struct center *center = line.cluster->center;
    uint64_t first = submit_word(line.cluster, 0);
    center_settle(center);
    bool good = steps_to_the_end(line.cluster);
    for (int i = 0; i < IN_LINE; i++)
        line.keys[i] = submit_word(line.cluster, seed % 5 ? 0 : 1);
    center_settle(center);
    good = steps_to_the_end(line.cluster) && good;
    if (!good) return false;
    center_drop(center, first);
    for (int i = 0; i < IN_LINE; i++) center_drop(center, line.keys[i]);
    cluster_run(line.cluster);
    good = cluster_stop(line.cluster);
    cluster_free(line.cluster);
    return good;
}

static void what_is_kept_back_comes_when_all_wait_for_it(void)
{
    CU_ASSERT_EQUAL(seeds_run(200, waits_for_kept_back), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"trees of tasks give what a sequential run gives",
         trees_of_tasks_give_what_a_sequential_run_gives},
        {"one worker is enough", one_worker_is_enough},
        {"who waits for a failed task is told",
         who_waits_for_a_failed_task_is_told},
        {"above the limit somebody always goes on",
         above_the_limit_somebody_always_goes_on},
        {"a spawn waits for no word of the center",
         a_spawn_waits_for_no_word_of_the_center},
        {"trees are cancelled at any moment",
         trees_are_cancelled_at_any_moment},
        {"children are tried again and run out of time",
         children_are_tried_again_and_run_out_of_time},
        {"however long tasks wait there is no circle",
         however_long_tasks_wait_there_is_no_circle},
        {"what is kept back comes when all wait for it",
         what_is_kept_back_comes_when_all_wait_for_it},
    };
    return check_run("nest", tests, CHECK_COUNT(tests));
}
