/* SPDX-License-Identifier: BSD-3-Clause */
/* test_random.c - whatever the order of messages, the application sees what it
 * would see if it ran its tasks itself. */
#include "check.h"

#include "script.h"
#include "seeds.h"

static bool graph(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 17,
                                                  .tasks_max = 120,
                                                  .inputs_max = 4,
                                                  .target_one_in = 3,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void graphs_give_what_a_sequential_run_gives(void)
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
                                                  .small = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void few_workers_that_steal_from_each_other_do_as_well(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(8000, few_workers), 0);
}

static bool failures(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 9,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 8,
                                                  .target_one_in = 4,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void dependants_of_a_failed_task_get_the_first_error(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, failures), 0);
}

static bool calls_from_tasks(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 8,
                                                  .tasks_max = 100,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 4,
                                                  .from_tasks = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void running_tasks_may_put_read_and_drop_keys(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1500, calls_from_tasks), 0);
}

static bool constants(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 9,
                                                  .tasks_max = 80,
                                                  .inputs_max = 2,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 4,
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void tasks_see_the_constants_of_their_submission(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(3000, constants), 0);
}

static bool resources(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 6,
                                                  .tasks_max = 100,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 12,
                                                  .target_one_in = 5,
                                                  .picky_one_in = 2,
                                                  .constants = true,
                                                  .small = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void no_task_has_what_another_has(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(2000, resources), 0);
}

static bool gangs(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 7,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 30,
                                                  .target_one_in = 3,
                                                  .picky_one_in = 8,
                                                  .gang_one_in = 3,
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void gangs_and_single_tasks_mix_and_all_end(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(3000, gangs), 0);
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
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void tasks_may_be_cancelled_late_and_tried_again(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(4000, cut_short), 0);
}

static bool cut_gangs(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 6,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 30,
                                                  .target_one_in = 3,
                                                  .picky_one_in = 6,
                                                  .gang_one_in = 3,
                                                  .terms_one_in = 6,
                                                  .cancel_one_in = 4,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void gangs_and_tasks_with_resources_may_be_cancelled(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(3000, cut_gangs), 0);
}

static bool cut_short_and_stolen(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 4,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .target_one_in = 2,
                                                  .terms_one_in = 8,
                                                  .cancel_one_in = 6,
                                                  .small = true,
                                                  .from_tasks = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void also_on_few_workers_that_steal_from_each_other(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(4000, cut_short_and_stolen), 0);
}

static bool told_to_end(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 6,
                                                  .tasks_max = 80,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 3,
                                                  .picky_one_in = 6,
                                                  .gang_one_in = 8,
                                                  .terms_one_in = 6,
                                                  .cancel_one_in = 10,
                                                  .curfew_one_in = 12,
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void all_tasks_end_when_the_job_is_told_to(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1500, told_to_end), 0);
}

static bool told_to_end_and_stolen(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 4,
                                                  .tasks_max = 60,
                                                  .inputs_max = 3,
                                                  .target_one_in = 2,
                                                  .curfew_one_in = 10,
                                                  .small = true,
                                                  .from_tasks = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void also_on_few_workers_that_steal(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(1000, told_to_end_and_stolen), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"graphs give what a sequential run gives",
         graphs_give_what_a_sequential_run_gives},
        {"few workers that steal from each other do as well",
         few_workers_that_steal_from_each_other_do_as_well},
        {"dependants of a failed task get the first error",
         dependants_of_a_failed_task_get_the_first_error},
        {"tasks see the constants of their submission",
         tasks_see_the_constants_of_their_submission},
        {"running tasks may put, read and drop keys",
         running_tasks_may_put_read_and_drop_keys},
        {"no task has what another has", no_task_has_what_another_has},
        {"gangs and single tasks mix and all end",
         gangs_and_single_tasks_mix_and_all_end},
        {"tasks may be cancelled, late, and tried again",
         tasks_may_be_cancelled_late_and_tried_again},
        {"gangs and tasks with resources may be cancelled",
         gangs_and_tasks_with_resources_may_be_cancelled},
        {"all tasks end when the job is told to",
         all_tasks_end_when_the_job_is_told_to},
        {"also on few workers that steal", also_on_few_workers_that_steal},
        {"also on few workers that steal from each other",
         also_on_few_workers_that_steal_from_each_other},
    };
    return check_run("random", tests, CHECK_COUNT(tests));
}
