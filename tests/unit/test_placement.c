/* SPDX-License-Identifier: BSD-3-Clause */
/* test_placement.c - tasks go to their bytes, bytes come from nearby. */
#include "placement.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

enum { RANKS = 9, INPUTS_MAX = 8 };

/* Ranks 1..4 lie on node 0, 5..8 on node 1. */
struct scene {
    struct roster roster;
    struct record records[INPUTS_MAX];
    struct spec *spec;
};

static void scene_init(struct scene *scene)
{
    dmpi_worker info[RANKS - 1];

    memset(info, 0, sizeof info);
    for (int i = 0; i < RANKS - 1; i++) info[i].node = i / 4;
    memset(scene, 0, sizeof *scene);
    roster_init(&scene->roster, info, RANKS, ROSTER_WINDOW_NS);
    scene->spec = calloc(1, spec_bytes(INPUTS_MAX, 0));
    for (int i = 0; i < INPUTS_MAX; i++)
        spec_inputs(scene->spec)[i] = &scene->records[i];
}

static void scene_end(struct scene *scene)
{
    /* Nothing is left of the sums. */
    for (int rank = 1; rank < RANKS; rank++)
        CU_ASSERT_EQUAL(roster_at(&scene->roster, rank)->tally, 0);
    for (int i = 0; i < INPUTS_MAX; i++) rankset_free(scene->records[i].copies);
    roster_fini(&scene->roster);
    free(scene->spec);
}

static void input(struct scene *scene, int owner, uint64_t bytes)
{
    struct record *record = &scene->records[scene->spec->inputs++];
    record->owner = owner;
    record->bytes = bytes;
}

static void copy(struct scene *scene, int record, int rank)
{
    rankset_add(&scene->records[record].copies, rank, RANKS);
}

static void spread(struct scene *scene, int record, int rank)
{
    copy(scene, record, rank);
    scene->records[record].spread = true;
}

static int choose(struct scene *scene)
{
    return placement_choose(&scene->roster, scene->spec);
}

static int source(struct scene *scene, int rank)
{
    return placement_source(&scene->roster, &scene->records[0], rank);
}

/* ---- where a task runs ---------------------------------------------------*/

static void task_without_inputs_runs_anywhere(void)
{
    struct scene scene;

    scene_init(&scene);
    CU_ASSERT_EQUAL(choose(&scene), 0);
    scene_end(&scene);
}

static void target_counts_more_than_data(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 3, 1 << 20);
    scene.spec->target = 7;
    CU_ASSERT_EQUAL(choose(&scene), 7);
    scene_end(&scene);
}

static void most_bytes_win(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 3, 100);
    CU_ASSERT_EQUAL(choose(&scene), 3);
    input(&scene, 5, 101);
    CU_ASSERT_EQUAL(choose(&scene), 5);
    input(&scene, 3, 50);
    CU_ASSERT_EQUAL(choose(&scene), 3);
    scene_end(&scene);
}

static void copies_made_on_purpose_count_like_owners(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 100);
    input(&scene, 2, 90);
    spread(&scene, 0, 6);
    spread(&scene, 1, 6);
    CU_ASSERT_EQUAL(choose(&scene), 6);
    scene_end(&scene);
}

static void copies_that_tasks_fetched_draw_nothing(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 100);
    input(&scene, 2, 90);
    copy(&scene, 0, 6);
    copy(&scene, 1, 6);
    CU_ASSERT_EQUAL(choose(&scene), 1);
    scene_end(&scene);
}

static void equal_bytes_go_to_the_worker_with_fewer_tasks(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 100);
    input(&scene, 2, 100);
    roster_at(&scene.roster, 1)->tasks = 1;
    CU_ASSERT_EQUAL(choose(&scene), 2);
    roster_at(&scene.roster, 2)->held.count = 2;
    CU_ASSERT_EQUAL(choose(&scene), 1);
    roster_at(&scene.roster, 2)->held.count = 0;
    scene_end(&scene);
}

static void value_that_many_share_draws_each_a_little(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 300000);
    input(&scene, 2, 100000);
    CU_ASSERT_EQUAL(choose(&scene), 1);
    scene.records[0].needs = 10;
    scene.records[1].needs = 1;
    CU_ASSERT_EQUAL(choose(&scene), 2);
    scene_end(&scene);
}

static void empty_values_count_a_little(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 4, 0);
    CU_ASSERT_EQUAL(choose(&scene), 4);
    input(&scene, 2, 0);
    input(&scene, 2, 0);
    CU_ASSERT_EQUAL(choose(&scene), 2);
    scene_end(&scene);
}

static void value_that_is_everywhere_decides_nothing(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 1 << 20);
    for (int rank = 2; rank < RANKS; rank++) spread(&scene, 0, rank);
    CU_ASSERT_EQUAL(choose(&scene), 0);
    input(&scene, 5, 8);
    CU_ASSERT_EQUAL(choose(&scene), 5);
    scene_end(&scene);
}

/* ---- heirs ---------------------------------------------------------------*/

static void each_input_has_an_heir_before_one_has_two(void)
{
    struct scene scene;

    scene_init(&scene);
    placement_inherit(scene.spec);
    CU_ASSERT_EQUAL(scene.spec->heir_of, 0);
    for (int i = 0; i < 3; i++) input(&scene, 1 + i, 16);
    for (int task = 0; task < 6; task++) {
        placement_inherit(scene.spec);
        CU_ASSERT_EQUAL(scene.spec->heir_of, 1 + task % 3);
    }
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(scene.records[i].heirs, 2);
    scene_end(&scene);
}

static void heir_of_a_small_value_takes_its_place(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 16);
    input(&scene, 2, 16);
    input(&scene, 2, 16);
    CU_ASSERT_EQUAL(choose(&scene), 2);
    scene.spec->heir_of = 1;
    CU_ASSERT_EQUAL(choose(&scene), 1);
    scene.spec->heir_of = 3;
    CU_ASSERT_EQUAL(choose(&scene), 2);
    scene_end(&scene);
}

static void many_bytes_count_more_than_a_place(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 100000);
    input(&scene, 2, 110000);
    scene.spec->heir_of = 1;
    CU_ASSERT_EQUAL(choose(&scene), 2);
    scene_end(&scene);
}

/* A worker that lags for a while would lose its columns one after another. */
static void heir_stays_whatever_waits_there(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 16);
    input(&scene, 2, 16);
    scene.spec->heir_of = 1;
    roster_at(&scene.roster, 1)->tasks = 1000;
    CU_ASSERT_EQUAL(choose(&scene), 1);
    scene_end(&scene);
}

/* ---- where an input comes from -------------------------------------------*/

static void value_at_hand_is_not_fetched(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 8);
    copy(&scene, 0, 5);
    CU_ASSERT_EQUAL(source(&scene, 1), 1);
    CU_ASSERT_EQUAL(source(&scene, 5), 5);
    scene_end(&scene);
}

static void value_comes_from_the_own_node_if_it_is_there(void)
{
    struct scene scene;

    scene_init(&scene);
    input(&scene, 1, 8);
    CU_ASSERT_EQUAL(source(&scene, 6), 1);
    copy(&scene, 0, 7);
    CU_ASSERT_EQUAL(source(&scene, 6), 7);
    CU_ASSERT_EQUAL(source(&scene, 2), 1);
    copy(&scene, 0, 3);
    CU_ASSERT_EQUAL(source(&scene, 2), 1);
    scene_end(&scene);
}

/* ---- among some, and far apart -------------------------------------------*/

static void of_those_who_may_the_one_with_most_bytes_is_chosen(void)
{
    struct scene scene;
    struct rankset *set = NULL;

    scene_init(&scene);
    input(&scene, 2, 9000);
    input(&scene, 3, 5000);
    input(&scene, 7, 6000);
    rankset_add(&set, 3, RANKS);
    rankset_add(&set, 5, RANKS);
    CU_ASSERT_EQUAL(placement_choose_among(&scene.roster, scene.spec, set), 3);
    rankset_add(&set, 7, RANKS);
    CU_ASSERT_EQUAL(placement_choose_among(&scene.roster, scene.spec, set), 7);
    spread(&scene, 0, 5);
    CU_ASSERT_EQUAL(placement_choose_among(&scene.roster, scene.spec, set), 5);
    rankset_free(set);
    set = NULL;
    rankset_add(&set, 8, RANKS);
    CU_ASSERT_EQUAL(placement_choose_among(&scene.roster, scene.spec, set), 0);
    rankset_free(set);
    scene_end(&scene);
}

static void copies_go_to_nodes_without_one_first(void)
{
    struct scene scene;
    int ranks[RANKS];

    scene_init(&scene);
    input(&scene, 2, 100);
    CU_ASSERT_EQUAL(
        placement_spread(&scene.roster, &scene.records[0], 1, ranks), 1);
    CU_ASSERT_EQUAL(roster_at(&scene.roster, ranks[0])->node, 1);
    CU_ASSERT_EQUAL(
        placement_spread(&scene.roster, &scene.records[0], 3, ranks), 3);
    int far = 0;
    for (int i = 0; i < 3; i++) far += roster_at(&scene.roster, ranks[i])->node;
    CU_ASSERT_EQUAL(far, 2); /* two and two */
    copy(&scene, 0, 5);
    copy(&scene, 0, 6);
    CU_ASSERT_EQUAL(
        placement_spread(&scene.roster, &scene.records[0], 1, ranks), 1);
    CU_ASSERT_EQUAL(roster_at(&scene.roster, ranks[0])->node, 0);
    scene_end(&scene);
}

static void copies_end_when_everybody_has_one(void)
{
    struct scene scene;
    int ranks[RANKS];
    unsigned seen = 0;

    scene_init(&scene);
    input(&scene, 8, 100);
    CU_ASSERT_EQUAL(
        placement_spread(&scene.roster, &scene.records[0], RANKS, ranks), 7);
    for (int i = 0; i < 7; i++) seen |= 1u << ranks[i];
    CU_ASSERT_EQUAL(seen, 0xfe); /* 1 .. 7 */
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"of those who may, the one with most bytes is chosen",
         of_those_who_may_the_one_with_most_bytes_is_chosen},
        {"copies go to nodes without one first",
         copies_go_to_nodes_without_one_first},
        {"copies end when everybody has one",
         copies_end_when_everybody_has_one},
        {"task without inputs runs anywhere",
         task_without_inputs_runs_anywhere},
        {"target counts more than data", target_counts_more_than_data},
        {"most bytes win", most_bytes_win},
        {"copies made on purpose count like owners",
         copies_made_on_purpose_count_like_owners},
        {"copies that tasks fetched draw nothing",
         copies_that_tasks_fetched_draw_nothing},
        {"equal bytes go to the worker with fewer tasks",
         equal_bytes_go_to_the_worker_with_fewer_tasks},
        {"value that many share draws each a little",
         value_that_many_share_draws_each_a_little},
        {"each input has an heir before one has two",
         each_input_has_an_heir_before_one_has_two},
        {"heir of a small value takes its place",
         heir_of_a_small_value_takes_its_place},
        {"many bytes count more than a place",
         many_bytes_count_more_than_a_place},
        {"heir stays, whatever waits there", heir_stays_whatever_waits_there},
        {"empty values count a little", empty_values_count_a_little},
        {"value that is everywhere decides nothing",
         value_that_is_everywhere_decides_nothing},
        {"value at hand is not fetched", value_at_hand_is_not_fetched},
        {"value comes from the own node if it is there",
         value_comes_from_the_own_node_if_it_is_there},
    };
    return check_run("placement", tests, CHECK_COUNT(tests));
}
