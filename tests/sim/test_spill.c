/* SPDX-License-Identifier: BSD-3-Clause */
/* test_spill.c - workers with memory for a few values: the rest lies on disk,
 * and the application sees what it always sees. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "cluster.h"
#include "oracle.h"
#include "script.h"
#include "seeds.h"

/* ONE for so many seeds, and something was written to disk, and read. */
static void check_seeds(size_t count, bool (*one)(uint64_t seed))
{
    uint64_t spilled = script_spilled(), read_back = script_read_back();
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(count, one), 0);
    spilled = script_spilled() - spilled;
    read_back = script_read_back() - read_back;
    printf("%llu bytes spilled, %llu read back ", (unsigned long long)spilled,
           (unsigned long long)read_back);
    CU_ASSERT_TRUE(spilled > 1000 * count && read_back > 1000 * count);
}

static bool graph(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 4,
                                                  .tasks_max = 150,
                                                  .inputs_max = 4,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 3,
                                                  .memory_max = 10000,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void graphs_larger_than_memory_give_the_same(void)
{
    check_seeds(700, graph);
}

static bool mixed(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 3,
                                                  .tasks_max = 120,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 3,
                                                  .picky_one_in = 8,
                                                  .gang_one_in = 8,
                                                  .terms_one_in = 6,
                                                  .cancel_one_in = 6,
                                                  .memory_max = 10000,
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void cancelled_late_and_gang_tasks_do_as_well(void)
{
    check_seeds(700, mixed);
}

static bool from_tasks(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 4,
                                                  .tasks_max = 120,
                                                  .inputs_max = 3,
                                                  .target_one_in = 3,
                                                  .from_tasks = true,
                                                  .memory_max = 10000,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void values_on_disk_may_be_read_and_dropped(void)
{
    check_seeds(700, from_tasks);
}

static bool full(uint64_t seed)
{
    static const struct script_flavour flavour = {.workers_max = 3,
                                                  .tasks_max = 120,
                                                  .inputs_max = 3,
                                                  .fail_one_in = 20,
                                                  .target_one_in = 3,
                                                  .cancel_one_in = 10,
                                                  .gang_one_in = 6,
                                                  .memory_max = 10000,
                                                  .disk_full = true,
                                                  .constants = true,
                                                  .check = true};
    return script_run(seed, &flavour);
}

static void full_disks_cost_tasks_and_nothing_else(void)
{
    check_seeds(700, full);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"graphs larger than memory give the same",
         graphs_larger_than_memory_give_the_same},
        {"cancelled, late and gang tasks do as well",
         cancelled_late_and_gang_tasks_do_as_well},
        {"values on disk may be read and dropped",
         values_on_disk_may_be_read_and_dropped},
        {"full disks cost tasks and nothing else",
         full_disks_cost_tasks_and_nothing_else},
    };
    return check_run("spill", tests, CHECK_COUNT(tests));
}
