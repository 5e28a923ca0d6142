/* SPDX-License-Identifier: BSD-3-Clause */
/* test_losses.c - workers are lost, and the application sees what it would see
 * if none was. */
#include "check.h"

#include "script.h"
#include "seeds.h"
#include "tree.h"

static bool graph(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 9,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .target_one_in = 4,
                                                  .losses_max = 6,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void graphs_survive_losses(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, graph), 0);
}

static bool few_workers(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 4,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .target_one_in = 2,
                                                  .losses_max = 3,
                                                  .small = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void so_do_those_of_few_workers_that_steal(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, few_workers), 0);
}

static bool failures(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 7,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 8,
                                                  .target_one_in = 4,
                                                  .losses_max = 5,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void errors_survive_losses(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(500, failures), 0);
}

static bool cut_short(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 6,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 3,
                                                  .terms_one_in = 4,
                                                  .cancel_one_in = 4,
                                                  .losses_max = 4,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void cancelled_and_late_tasks_stay_so(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(500, cut_short), 0);
}

static bool trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 6,
                                                .depth = 5,
                                                .roots = 3,
                                                .target_one_in = 5,
                                                .losses_max = 4};
    return tree_run(seed, &flavour);
}

static void trees_of_tasks_survive_losses(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1300, trees), 0);
}

static bool cut_trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 5,
                                                .roots = 3,
                                                .blocked_max = 2,
                                                .fail_one_in = 30,
                                                .target_one_in = 5,
                                                .terms_one_in = 6,
                                                .cancel_one_in = 200,
                                                .losses_max = 3};
    return tree_run(seed, &flavour);
}

static void cut_and_failing_trees_do_as_well(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(600, cut_trees), 0);
}

static bool limited_trees(uint64_t seed)
{
    static const struct tree_flavour flavour = {.workers_max = 5,
                                                .depth = 6,
                                                .roots = 3,
                                                .blocked_max = 2,
                                                .target_one_in = 5,
                                                .losses_max = 4};
    return tree_run(seed, &flavour);
}

static void and_those_above_the_limit_of_waiting_tasks(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(300, limited_trees), 0);
}

static bool constants(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 7,
                                                  .tasks_max = 80,
                                                  .inputs_max = 2,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 4,
                                                  .constants = true,
                                                  .losses_max = 4,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void constants_come_to_those_that_live(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(400, constants), 0);
}

static bool resources(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 6,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 12,
                                                  .target_one_in = 5,
                                                  .picky_one_in = 2,
                                                  .losses_max = 4,
                                                  .small = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void what_lost_tasks_held_is_free_again(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(400, resources), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"graphs survive losses", graphs_survive_losses},
        {"so do those of few workers that steal",
         so_do_those_of_few_workers_that_steal},
        {"errors survive losses", errors_survive_losses},
        {"constants come to those that live",
         constants_come_to_those_that_live},
        {"what lost tasks held is free again",
         what_lost_tasks_held_is_free_again},
        {"trees of tasks survive losses", trees_of_tasks_survive_losses},
        {"cut and failing trees do as well", cut_and_failing_trees_do_as_well},
        {"and those above the limit of waiting tasks",
         and_those_above_the_limit_of_waiting_tasks},
        {"cancelled and late tasks stay so", cancelled_and_late_tasks_stay_so},
    };
    return check_run("losses", tests, CHECK_COUNT(tests));
}
