/* SPDX-License-Identifier: BSD-3-Clause */
/* test_binding.c - who runs on which cores, on machines that are not at hand.
 *
 * Each plan that a test makes is also held against what is true of all plans:
 * nobody outside of its mask, `own` and `cores` as the header says. */
#include "binding.h"

#include "check.h"

#include <stdbool.h>
#include <stdio.h>

enum { RANKS_MAX = 64, CPUS_MAX = 256 };

#define TWO_SOCKETS "pack:2 numa:1 core:4 pu:1"
/* As Linux numbers hardware threads: core 0 is CPUs 0 and 4. */
#define SMT_AS_LINUX "core:4 pu:2(indexes=0,4,1,5,2,6,3,7)"
#define NODE_16      "pack:2 numa:1 core:8 pu:1"

/* One plan, and what it was made from. */
struct scene {
    const char *synthetic;
    const char *masks[RANKS_MAX];
    int ranks;
    int center;
    struct binding plan[RANKS_MAX];
};

/* A list of CPUs, independent of the code under test. */
struct cpus {
    bool has[CPUS_MAX];
    int count;
};

static struct cpus cpus_read(const char *list)
{
    struct cpus cpus = {.count = 0};
    int first, last, used;

    while (sscanf(list, "%d%n", &first, &used) == 1) {
        last = first;
        list += used;
        if (sscanf(list, "-%d%n", &last, &used) == 1) list += used;
        for (int cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++)
            cpus.has[cpu] = true;
        list += *list == ',';
    }
    for (int cpu = 0; cpu < CPUS_MAX; cpu++) cpus.count += cpus.has[cpu];
    return cpus;
}

static int cpus_in_common(const char *a, const char *b)
{
    struct cpus set_a = cpus_read(a);
    struct cpus set_b = cpus_read(b);
    int count = 0;

    for (int cpu = 0; cpu < CPUS_MAX; cpu++)
        count += set_a.has[cpu] && set_b.has[cpu];
    return count;
}

static void add_ranks(struct scene *scene, int count, const char *mask)
{
    while (count-- > 0) scene->masks[scene->ranks++] = mask;
}

/* RANKS ranks with MASK on one node. */
static struct scene scene_of(const char *synthetic, int ranks, const char *mask)
{
    struct scene scene = {.synthetic = synthetic};

    add_ranks(&scene, ranks, mask);
    return scene;
}

static struct machine *machine_or_fail(const char *synthetic)
{
    char why[200];
    struct machine *machine = machine_new(synthetic, why, sizeof why);

    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    return machine;
}

static void check_inside_of_mask(const char *cpus, const char *mask,
                                 struct machine *machine)
{
    char all[MACHINE_CPUS_SIZE];

    machine_mask(machine, all, sizeof all);
    if (cpus_in_common(mask, all) == 0) mask = all;
    CU_ASSERT(cpus_read(cpus).count > 0);
    CU_ASSERT_EQUAL(cpus_in_common(cpus, mask), cpus_read(cpus).count);
    CU_ASSERT_EQUAL(cpus_in_common(cpus, all), cpus_read(cpus).count);
}

static void check_own(const struct scene *scene, int rank)
{
    const struct binding *mine = &scene->plan[rank];

    for (int other = 0; other < scene->ranks; other++)
        if (mine->own && other != rank && other != scene->center)
            CU_ASSERT_EQUAL(cpus_in_common(mine->cpus, scene->plan[other].cpus),
                            0);
}

static void plan(struct scene *scene, enum binding_policy policy, int center)
{
    struct machine *machine = machine_or_fail(scene->synthetic);

    scene->center = center;
    CU_ASSERT_TRUE(binding_plan(machine, scene->masks, scene->ranks, center,
                                policy, scene->plan));
    for (int rank = 0; rank < scene->ranks; rank++) {
        const struct binding *mine = &scene->plan[rank];
        check_inside_of_mask(mine->cpus, scene->masks[rank], machine);
        check_own(scene, rank);
        CU_ASSERT_EQUAL(mine->cores, machine_cores(machine, mine->cpus));
    }
    machine_free(machine);
}

static void expect(const struct scene *scene, int rank, const char *cpus,
                   bool own)
{
    CU_ASSERT_STRING_EQUAL(scene->plan[rank].cpus, cpus);
    CU_ASSERT_EQUAL(scene->plan[rank].own, own);
}

/* The plan is CPUS[0], CPUS[1], ..., each the rank's own. */
static void expect_own(const struct scene *scene, const char *const cpus[])
{
    for (int rank = 0; rank < scene->ranks; rank++)
        expect(scene, rank, cpus[rank], true);
}

#define EXPECT_OWN(scene, ...)                                                 \
    expect_own(scene, (const char *const[]){__VA_ARGS__})

static void everybody_keeps_its_mask(const struct scene *scene, bool own)
{
    for (int rank = 0; rank < scene->ranks; rank++)
        expect(scene, rank, scene->masks[rank], own);
}

/* --- one core each ------------------------------------------------------ */

static void two_sockets_in_a_row(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 8, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0", "1", "2", "3", "4", "5", "6", "7");
}

static void two_sockets_spread_apart(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 8, "0-7");

    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "0", "4", "1", "5", "2", "6", "3", "7");
}

static void numa_nodes_and_caches_spread_apart(void)
{
    struct scene scene = scene_of("pack:2 numa:2 l3:2 core:2 pu:1", 16, "0-15");

    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "0", "8", "4", "12", "2", "10", "6", "14", /* caches */
               "1", "9", "5", "13", "3", "11", "7", "15");
}

static void center_has_the_last_core_if_there_is_one_for_each(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 8, "0-7");

    plan(&scene, BINDING_COMPACT, 0);
    EXPECT_OWN(&scene, "7", "0", "1", "2", "3", "4", "5", "6");
    plan(&scene, BINDING_SPREAD, 0);
    EXPECT_OWN(&scene, "7", "0", "4", "1", "5", "2", "6", "3");
}

static void two_ranks_have_a_core_each(void)
{
    struct scene scene = scene_of("core:2 pu:1", 2, "0-1");

    plan(&scene, BINDING_COMPACT, 0);
    EXPECT_OWN(&scene, "1", "0");
    plan(&scene, BINDING_SPREAD, 0);
    EXPECT_OWN(&scene, "1", "0");
    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0", "1");
}

static void three_ranks_on_two_cores_let_the_center_share(void)
{
    struct scene scene = scene_of("core:2 pu:1", 3, "0-1");

    plan(&scene, BINDING_COMPACT, 0);
    expect(&scene, 0, "0-1", false);
    expect(&scene, 1, "0", true);
    expect(&scene, 2, "1", true);
    plan(&scene, BINDING_SPREAD, 1);
    expect(&scene, 0, "0", true);
    expect(&scene, 1, "0-1", false);
    expect(&scene, 2, "1", true);
}

static void two_ranks_on_one_core_let_the_center_share(void)
{
    struct scene scene = scene_of("core:1 pu:2", 2, "0-1");

    plan(&scene, BINDING_COMPACT, 0);
    expect(&scene, 0, "0-1", false);
    expect(&scene, 1, "0-1", true);
    CU_ASSERT_EQUAL(scene.plan[1].cores, 1);
}

static void too_many_workers_keep_the_mask(void)
{
    struct scene scene = scene_of("core:2 pu:1", 3, "0-1");

    plan(&scene, BINDING_COMPACT, -1);
    everybody_keeps_its_mask(&scene, false);
    add_ranks(&scene, 1, "0-1");
    plan(&scene, BINDING_SPREAD, 0);
    everybody_keeps_its_mask(&scene, false);
}

/* --- hardware threads --------------------------------------------------- */

static void a_core_goes_with_all_its_threads(void)
{
    struct scene scene = scene_of(SMT_AS_LINUX, 4, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0,4", "1,5", "2,6", "3,7");
    CU_ASSERT_EQUAL(scene.plan[0].cores, 1);
    scene.ranks = 2;
    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "0-1,4-5", "2-3,6-7");
    CU_ASSERT_EQUAL(scene.plan[0].cores, 2);
}

static void threads_do_not_count_as_cores(void)
{
    struct scene scene = scene_of(SMT_AS_LINUX, 5, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    everybody_keeps_its_mask(&scene, false);
    plan(&scene, BINDING_COMPACT, 4);
    for (int rank = 0; rank < 4; rank++) CU_ASSERT_TRUE(scene.plan[rank].own);
    expect(&scene, 4, "0-7", false);
}

static void no_thread_outside_of_the_mask(void)
{
    struct scene scene = scene_of(SMT_AS_LINUX, 2, "0-2,4");

    /* One core with both its threads, two with one. */
    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0-1,4", "2");
}

static void two_teams_on_the_same_cores_divide_but_own_none(void)
{
    struct scene scene = scene_of(SMT_AS_LINUX, 2, "0-3");

    add_ranks(&scene, 2, "4-7");
    plan(&scene, BINDING_COMPACT, -1);
    expect(&scene, 0, "0-1", false);
    expect(&scene, 1, "2-3", false);
    expect(&scene, 2, "4-5", false);
    expect(&scene, 3, "6-7", false);
}

/* --- several cores each ------------------------------------------------- */

static void workers_divide_all_cores(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 4, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0-1", "2-3", "4-5", "6-7");
    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "0-1", "4-5", "2-3", "6-7");
    CU_ASSERT_EQUAL(scene.plan[3].cores, 2);
}

static void what_does_not_divide_goes_to_the_first(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 6, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0-1", "2-3", "4", "5", "6", "7");
    plan(&scene, BINDING_SPREAD, -1); /* three on each socket */
    EXPECT_OWN(&scene, "0-1", "4-5", "2", "6", "3", "7");
}

static void center_takes_one_core_of_many(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 3, "0-7");

    plan(&scene, BINDING_COMPACT, 0);
    EXPECT_OWN(&scene, "7", "0-3", "4-6");
    plan(&scene, BINDING_SPREAD, 0);
    EXPECT_OWN(&scene, "7", "0-3", "4-6");
}

/* --- masks -------------------------------------------------------------- */

static void mask_with_holes_is_divided_within(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 4, "1,3,6-7");

    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "1", "3", "6", "7");
    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "1", "6", "3", "7");
    scene.ranks = 2;
    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "1,3", "6-7");
}

static void lopsided_mask_uses_the_bigger_side_last(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 5, "0-3,5");

    plan(&scene, BINDING_SPREAD, -1);
    EXPECT_OWN(&scene, "0", "5", "1", "2", "3");
}

static void cores_by_the_launcher_stay(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 1, "5");

    add_ranks(&scene, 1, "0");
    add_ranks(&scene, 1, "7");
    plan(&scene, BINDING_SPREAD, 0);
    everybody_keeps_its_mask(&scene, true);
}

static void rank_alone_keeps_its_mask(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 1, "0-7");

    plan(&scene, BINDING_COMPACT, -1);
    expect(&scene, 0, "0-7", true);
    plan(&scene, BINDING_COMPACT, 0);
    expect(&scene, 0, "0-7", true);
    scene.masks[0] = "0-5";
    add_ranks(&scene, 1, "6-7");
    plan(&scene, BINDING_COMPACT, 0);
    everybody_keeps_its_mask(&scene, true);
}

static void a_mask_per_numa_node_is_divided_there(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 1, "0-3");

    add_ranks(&scene, 1, "4-7"); /* in turn, as mpirun maps by default */
    add_ranks(&scene, 1, "0-3");
    add_ranks(&scene, 1, "4-7");
    plan(&scene, BINDING_COMPACT, 0);
    EXPECT_OWN(&scene, "3", "4-5", "0-2", "6-7");
}

static void half_overlaps_are_left_alone(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 2, "0-3");

    add_ranks(&scene, 1, "2-5");
    plan(&scene, BINDING_COMPACT, -1);
    everybody_keeps_its_mask(&scene, false);
    plan(&scene, BINDING_SPREAD, 2); /* not even with the center's */
    everybody_keeps_its_mask(&scene, false);
}

static void worker_that_overlaps_the_center_owns_nothing(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 1, "0-3");

    add_ranks(&scene, 1, "2-5");
    plan(&scene, BINDING_COMPACT, 1);
    everybody_keeps_its_mask(&scene, false);
}

static void others_beside_them_are_divided(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 1, "0-1");

    add_ranks(&scene, 1, "1-2");
    add_ranks(&scene, 2, "4-7");
    plan(&scene, BINDING_COMPACT, -1);
    expect(&scene, 0, "0-1", false);
    expect(&scene, 1, "1-2", false);
    expect(&scene, 2, "4-5", true);
    expect(&scene, 3, "6-7", true);
}

static void only_the_machines_part_of_a_mask_counts(void)
{
    struct scene scene = scene_of("core:4 pu:1", 1, "0-3");

    add_ranks(&scene, 1, "0-63");
    add_ranks(&scene, 1, "100-107"); /* nothing of it: stands for all */
    add_ranks(&scene, 1, "");
    plan(&scene, BINDING_COMPACT, -1);
    EXPECT_OWN(&scene, "0", "1", "2", "3");
}

static void unreadable_mask_is_refused(void)
{
    static const char *const masks[] = {"0-3", "0-3;4"};
    struct machine *machine = machine_or_fail("core:4 pu:1");
    struct binding untouched[2] = {{.cpus = "before"}, {.cpus = "before"}};

    CU_ASSERT_FALSE(
        binding_plan(machine, masks, 2, -1, BINDING_COMPACT, untouched));
    CU_ASSERT_STRING_EQUAL(untouched[0].cpus, "before");
    CU_ASSERT_STRING_EQUAL(untouched[1].cpus, "before");
    machine_free(machine);
}

static void none_keeps_all_masks(void)
{
    struct scene scene = scene_of(TWO_SOCKETS, 2, "0-3");

    add_ranks(&scene, 1, "4-7");
    plan(&scene, BINDING_NONE, -1);
    expect(&scene, 0, "0-3", false);
    expect(&scene, 1, "0-3", false);
    expect(&scene, 2, "4-7", true);
}

static void none_excepts_the_center(void)
{
    struct scene scene = scene_of("core:2 pu:1", 2, "0-1");

    plan(&scene, BINDING_NONE, 0);
    expect(&scene, 0, "0-1", false);
    expect(&scene, 1, "0-1", true);
}

/* --- jobs of many nodes ------------------------------------------------- */

/* 64 ranks on four nodes of 16 cores, each with MASK; rank 0 is the center. */
static void plan_four_nodes(const char *mask, enum binding_policy policy,
                            void (*check)(const struct scene *scene))
{
    for (int host = 0; host < 4; host++) {
        struct scene scene = scene_of(NODE_16, 16, mask);
        plan(&scene, policy, host == 0 ? 0 : -1);
        check(&scene);
    }
}

static void each_has_one_core_of_its_own(const struct scene *scene)
{
    for (int rank = 0; rank < scene->ranks; rank++) {
        CU_ASSERT_TRUE(scene->plan[rank].own);
        CU_ASSERT_EQUAL(scene->plan[rank].cores, 1);
    }
}

static void each_of_64_ranks_has_a_core(void)
{
    plan_four_nodes("0-15", BINDING_COMPACT, each_has_one_core_of_its_own);
    plan_four_nodes("0-15", BINDING_SPREAD, each_has_one_core_of_its_own);
}

/* 16 ranks and 15 cores are enough where one of them is the center. */
static void workers_own_only_beside_the_center(const struct scene *scene)
{
    bool enough = scene->center >= 0;

    for (int rank = 0; rank < scene->ranks; rank++) {
        bool own = enough && rank != scene->center;
        CU_ASSERT_EQUAL(scene->plan[rank].own, own);
        CU_ASSERT_EQUAL(scene->plan[rank].cores, own ? 1 : 15);
    }
}

static void a_core_less_on_each_of_four_nodes(void)
{
    plan_four_nodes("0-6,8-15", BINDING_COMPACT,
                    workers_own_only_beside_the_center);
    plan_four_nodes("0-6,8-15", BINDING_SPREAD,
                    workers_own_only_beside_the_center);
}

/* --- all sizes ---------------------------------------------------------- */

/* The workers' cores are even to one, own, and with the center's all of it. */
static void check_even_division(const struct scene *scene, int cores)
{
    int least = cores, most = 0, sum = 0;

    for (int rank = 0; rank < scene->ranks; rank++) {
        int mine = scene->plan[rank].cores;
        CU_ASSERT_TRUE(scene->plan[rank].own);
        sum += mine;
        if (rank == scene->center) {
            CU_ASSERT_EQUAL(mine, 1);
            continue;
        }
        least = mine < least ? mine : least;
        most = mine > most ? mine : most;
    }
    CU_ASSERT_EQUAL(sum, cores);
    CU_ASSERT(most - least <= 1);
}

/* RANKS ranks with the whole machine, which has CORES cores, as mask. */
static void check_any_team(const char *synthetic, int cores, int ranks,
                           enum binding_policy policy, int center)
{
    struct scene scene = scene_of(synthetic, ranks, "0-255");
    int workers = ranks - (center >= 0);

    plan(&scene, policy, center);
    if (cores >= ranks && ranks > 1) check_even_division(&scene, cores);
    for (int rank = 0; rank < ranks; rank++)
        if (rank != center)
            CU_ASSERT_EQUAL(scene.plan[rank].own, cores >= workers);
}

static void check_any_number_of_ranks(const char *synthetic, int cores)
{
    for (int ranks = 1; ranks <= 14; ranks++)
        for (int center = -1; center < ranks; center += ranks) {
            check_any_team(synthetic, cores, ranks, BINDING_COMPACT, center);
            check_any_team(synthetic, cores, ranks, BINDING_SPREAD, center);
        }
}

static void any_number_of_ranks_divides_evenly_or_not_at_all(void)
{
    check_any_number_of_ranks(TWO_SOCKETS, 8);
    check_any_number_of_ranks(SMT_AS_LINUX, 4);
    check_any_number_of_ranks("pack:2 numa:2 l3:1 core:3 pu:2", 12);
    check_any_number_of_ranks("pu:6", 6);
}

static const struct check_test tests[] = {
    {"two sockets in a row", two_sockets_in_a_row},
    {"two sockets spread apart", two_sockets_spread_apart},
    {"NUMA nodes and caches spread apart", numa_nodes_and_caches_spread_apart},
    {"the center has the last core if there is one for each",
     center_has_the_last_core_if_there_is_one_for_each},
    {"two ranks have a core each", two_ranks_have_a_core_each},
    {"three ranks on two cores let the center share",
     three_ranks_on_two_cores_let_the_center_share},
    {"two ranks on one core let the center share",
     two_ranks_on_one_core_let_the_center_share},
    {"too many workers keep the mask", too_many_workers_keep_the_mask},
    {"a core goes with all its threads", a_core_goes_with_all_its_threads},
    {"threads do not count as cores", threads_do_not_count_as_cores},
    {"no thread outside of the mask", no_thread_outside_of_the_mask},
    {"two teams on the same cores divide but own none",
     two_teams_on_the_same_cores_divide_but_own_none},
    {"workers divide all cores", workers_divide_all_cores},
    {"what does not divide goes to the first",
     what_does_not_divide_goes_to_the_first},
    {"the center takes one core of many", center_takes_one_core_of_many},
    {"a mask with holes is divided within", mask_with_holes_is_divided_within},
    {"a lopsided mask uses the bigger side last",
     lopsided_mask_uses_the_bigger_side_last},
    {"cores by the launcher stay", cores_by_the_launcher_stay},
    {"a rank alone keeps its mask", rank_alone_keeps_its_mask},
    {"a mask per NUMA node is divided there",
     a_mask_per_numa_node_is_divided_there},
    {"half overlaps are left alone", half_overlaps_are_left_alone},
    {"a worker that overlaps the center owns nothing",
     worker_that_overlaps_the_center_owns_nothing},
    {"others beside them are divided", others_beside_them_are_divided},
    {"only the machine's part of a mask counts",
     only_the_machines_part_of_a_mask_counts},
    {"an unreadable mask is refused", unreadable_mask_is_refused},
    {"policy none keeps all masks", none_keeps_all_masks},
    {"policy none excepts the center", none_excepts_the_center},
    {"each of 64 ranks has a core", each_of_64_ranks_has_a_core},
    {"a core less on each of four nodes", a_core_less_on_each_of_four_nodes},
    {"any number of ranks divides evenly or not at all",
     any_number_of_ranks_divides_evenly_or_not_at_all},
};

int main(void)
{
    return check_run("binding", tests, sizeof tests / sizeof *tests);
}
