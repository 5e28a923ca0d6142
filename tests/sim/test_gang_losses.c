/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gang_losses.c - gangs that lose a member run again, as a whole. */
#include "check.h"

#include "script.h"
#include "seeds.h"

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
        {"gangs among tasks survive losses", gangs_among_tasks_survive_losses},
        {"gangs made of gangs survive losses",
         gangs_made_of_gangs_survive_losses},
        {"cancelled gangs stay so", cancelled_gangs_stay_so},
    };
    return check_run("gang_losses", tests, CHECK_COUNT(tests));
}
