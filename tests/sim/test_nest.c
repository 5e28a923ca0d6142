/* SPDX-License-Identifier: BSD-3-Clause */
/* test_nest.c - tasks that submit tasks and wait for them, in any order of
 * messages. */
#include "check.h"
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
    };
    return check_run("nest", tests, CHECK_COUNT(tests));
}
