/* SPDX-License-Identifier: BSD-3-Clause */
/* test_demands.c - what is held is held once, who cannot ever is refused, large
 * ones have their turn. */
#include "demands.h"

#include "check.h"
#include "distmpi/status.h"
#include "order.h"

#include <stdlib.h>
#include <string.h>

enum { RANKS = 5, TASKS_MAX = 64 };

/* Ranks 1 and 2 lie on node 0, 3 and 4 on node 1; rank 4 has four cores. */
struct scene {
    struct supply supply;
    dmpi_worker info[RANKS - 1];
    struct demands demands;
    struct spec *specs[TASKS_MAX];
    int count;
};

static void scene_init(struct scene *scene, const char *supply)
{
    char why[200];

    memset(scene, 0, sizeof *scene);
    CU_ASSERT_TRUE_FATAL(
        supply_read(&scene->supply, supply, RANKS, why, sizeof why));
    for (int i = 0; i < RANKS - 1; i++)
        scene->info[i] = (dmpi_worker){
            .rank = i + 1, .node = i / 2, .cores = i == 3 ? 4 : 1};
    demands_init(&scene->demands, &scene->supply, scene->info, RANKS);
}

static void scene_end(struct scene *scene)
{
    demands_fini(&scene->demands);
    for (int i = 0; i < scene->count; i++) free(scene->specs[i]);
}

static struct wish wish(struct scene *scene, const char *amounts)
{
    struct wish wish = {.cores = 0};
    char why[200];

    CU_ASSERT_TRUE_FATAL(supply_read_amounts(&scene->supply, amounts,
                                             &wish.amounts, why, sizeof why));
    return wish;
}

/* A task that wishes so, and waits. */
static int push_wish(struct scene *scene, struct wish wish, int priority)
{
    struct demand *demand = demands_find(&scene->demands, &wish);

    CU_ASSERT_PTR_NOT_NULL_FATAL(demand);
    struct msg_terms terms = {.ids = (uint16_t)demand->ids};
    struct spec *spec = calloc(1, spec_bytes(0, terms_bytes(&terms)));
    spec->flags = RUN_TERMS;
    spec->order = order_make(priority, 0);
    *spec_terms(spec) = terms;
    demands_begin(&scene->demands, demand, spec);
    demands_push(&scene->demands, spec);
    demands_check(&scene->demands);
    scene->specs[scene->count] = spec;
    return scene->count++;
}

static int push(struct scene *scene, const char *amounts)
{
    return push_wish(scene, wish(scene, amounts), 0);
}

static struct ticket *ticket(struct scene *scene, int task)
{
    return demands_ticket(&scene->demands, scene->specs[task]);
}

/* The first id that it holds. */
static int id(struct scene *scene, int task)
{
    return spec_ids(scene->specs[task])->id;
}

/* The next task goes to the first that fits; -1: none does. */
static int go(struct scene *scene)
{
    const struct rankset *ranks;
    struct spec *spec = demands_next(&scene->demands, &ranks);
    int task = 0;

    if (!spec) return -1;
    demands_take(&scene->demands, spec, rankset_next(ranks, 0));
    demands_check(&scene->demands);
    while (scene->specs[task] != spec) task++;
    return task;
}

static int rank_of(struct scene *scene, int task)
{
    return ticket(scene, task)->rank;
}

static void end(struct scene *scene, int task)
{
    demands_end(&scene->demands, scene->specs[task]);
    demands_check(&scene->demands);
}

/* ---- ids -----------------------------------------------------------------*/

static void each_task_is_told_ids_of_its_own(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2@rank3");
    int a = push(&scene, "gpu"), b = push(&scene, "gpu");
    int c = push(&scene, "gpu");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), b);
    CU_ASSERT_EQUAL(go(&scene), -1);
    CU_ASSERT_EQUAL(rank_of(&scene, a), 3);
    CU_ASSERT_EQUAL(id(&scene, a), 0);
    CU_ASSERT_EQUAL(id(&scene, b), 1);
    end(&scene, a);
    CU_ASSERT_EQUAL(go(&scene), c);
    CU_ASSERT_EQUAL(id(&scene, c), 0);
    scene_end(&scene);
}

static void the_pool_s_are_shared_by_all_workers(void)
{
    struct scene scene;

    scene_init(&scene, "license:2@pool");
    int a = push(&scene, "license"), b = push(&scene, "license");
    int c = push(&scene, "license:2");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), b);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, b);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, a);
    CU_ASSERT_EQUAL(go(&scene), c);
    scene_end(&scene);
}

static void several_kinds_are_taken_together(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:1 license:1@pool");
    int a = push(&scene, "gpu license"), b = push(&scene, "license");
    int c = push(&scene, "gpu");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), c); /* on another worker */
    CU_ASSERT_NOT_EQUAL(rank_of(&scene, a), rank_of(&scene, c));
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, a);
    CU_ASSERT_EQUAL(go(&scene), b);
    scene_end(&scene);
}

/* ---- who is able ---------------------------------------------------------*/

static void check_refused(struct scene *scene, struct wish wish,
                          const char *word)
{
    CU_ASSERT_PTR_NULL(demands_find(&scene->demands, &wish));
    if (!strstr(dmpi_status_detail(), word)) {
        CU_FAIL("the reason does not name the mistake");
        puts(dmpi_status_detail());
    }
}

static void what_nobody_ever_has_is_refused(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2 gpu:4@rank3 license:3@pool");
    check_refused(&scene, wish(&scene, "gpu:5"), "there is gpu:2 license:3@");
    check_refused(&scene, wish(&scene, "license:4"), "license:4");
    check_refused(&scene, (struct wish){.cores = 5}, "at most 4");
    check_refused(&scene, (struct wish){.cores = 2, .node = 1}, "on node 0");
    struct wish both = wish(&scene, "gpu:3");
    both.cores = 2; /* rank 3 has the gpus, rank 4 the cores */
    check_refused(&scene, both, "and the cores");
    struct wish there = wish(&scene, "gpu:3");
    there.rank = 2;
    check_refused(&scene, there, "on rank 2");
    scene_end(&scene);
}

static void who_is_able_has_the_place_the_cores_and_the_resources(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:0 gpu:1@rank2 gpu:1@rank3");
    struct wish wishes[] = {{.cores = 2}, {.node = 2}, {.rank = 2}};
    const size_t counts[] = {1, 2, 1};
    for (int i = 0; i < 3; i++) {
        struct demand *demand = demands_find(&scene.demands, &wishes[i]);
        CU_ASSERT_EQUAL(rankset_count(demand->able), counts[i]);
        CU_ASSERT_EQUAL(demand->ids, 0);
    }
    struct wish gpu = wish(&scene, "gpu");
    CU_ASSERT_EQUAL(rankset_count(demands_find(&scene.demands, &gpu)->able), 2);
    gpu.node = 2;
    struct demand *demand = demands_find(&scene.demands, &gpu);
    CU_ASSERT_EQUAL(rankset_count(demand->able), 1);
    CU_ASSERT_TRUE(rankset_has(demand->able, 3));
    scene_end(&scene);
}

static void one_wish_is_one_demand(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:4095 tape");
    struct wish gpu = wish(&scene, "gpu:2"), tape = wish(&scene, "tape");
    struct demand *first = demands_find(&scene.demands, &gpu);
    demands_find(&scene.demands, &tape);
    CU_ASSERT_PTR_EQUAL(demands_find(&scene.demands, &gpu), first);
    int task = push(&scene, "gpu:2");
    for (uint16_t i = 1; i < 1000; i++) { /* others come and go */
        gpu.amounts.of[0] = i;
        demands_find(&scene.demands, &gpu);
    }
    CU_ASSERT(scene.demands.known_count <= 65);
    gpu.amounts.of[0] = 2;
    CU_ASSERT_PTR_EQUAL(demands_find(&scene.demands, &gpu), first);
    CU_ASSERT_EQUAL(go(&scene), task);
    scene_end(&scene);
}

/* ---- turns ---------------------------------------------------------------*/

static void priority_comes_first_then_who_came_first(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2@rank1 tape@rank1");
    int holder = push(&scene, "gpu:2 tape");
    CU_ASSERT_EQUAL(go(&scene), holder);
    int a = push(&scene, "gpu:2"), b = push(&scene, "gpu:2 tape");
    int c = push(&scene, "gpu:2");
    int urgent = push_wish(&scene, wish(&scene, "gpu:2"), 1);
    int order[] = {urgent, a, b, c};
    for (int i = 0, last = holder; i < 4; last = order[i++]) {
        CU_ASSERT_EQUAL(go(&scene), -1);
        end(&scene, last);
        CU_ASSERT_EQUAL(go(&scene), order[i]);
    }
    scene_end(&scene);
}

static void later_ones_do_not_take_what_a_large_one_gathers(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:4@rank1");
    int small[4];
    for (int i = 0; i < 4; i++) small[i] = push(&scene, "gpu");
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(go(&scene), small[i]);
    int large = push(&scene, "gpu:4");
    int late = push(&scene, "gpu");
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(go(&scene), -1);
        end(&scene, small[i]);
    }
    CU_ASSERT_EQUAL(go(&scene), large);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, large);
    CU_ASSERT_EQUAL(go(&scene), late);
    scene_end(&scene);
}

static void later_ones_go_by_on_other_workers(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2");
    int small[4];
    for (int i = 0; i < 4; i++) {
        struct wish there = wish(&scene, "gpu");
        there.rank = i + 1; /* one of two is in use everywhere */
        small[i] = push_wish(&scene, there, 0);
        CU_ASSERT_EQUAL(go(&scene), small[i]);
    }
    int large = push(&scene, "gpu:2");
    CU_ASSERT_EQUAL(go(&scene), -1);
    int by[4];
    for (int i = 0; i < 4; i++) by[i] = push(&scene, "gpu");
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL(go(&scene), by[i]);
    CU_ASSERT_EQUAL(go(&scene), -1); /* the fourth place is kept */
    int kept = 1 + 2 + 3 + 4;
    for (int i = 0; i < 3; i++) kept -= rank_of(&scene, by[i]);
    end(&scene, small[kept - 1]);
    CU_ASSERT_EQUAL(go(&scene), large);
    CU_ASSERT_EQUAL(rank_of(&scene, large), kept);
    scene_end(&scene);
}

static void a_large_one_takes_another_place_that_is_free_earlier(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2@rank1 gpu:2@rank2");
    int a = push(&scene, "gpu:2"), b = push(&scene, "gpu:2");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), b);
    int large = push(&scene, "gpu:2");
    CU_ASSERT_EQUAL(go(&scene), -1);
    int other =
        scene.demands.known->reserved_rank == rank_of(&scene, a) ? b : a;
    int rank = rank_of(&scene, other);
    end(&scene, other);
    CU_ASSERT_EQUAL(go(&scene), large);
    CU_ASSERT_EQUAL(rank_of(&scene, large), rank);
    scene_end(&scene);
}

static void what_has_nothing_in_common_is_not_held_up(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:1@rank1 tape:1@rank1 license:1@pool");
    int a = push(&scene, "gpu"), b = push(&scene, "gpu license");
    int c = push(&scene, "tape"), d = push(&scene, "license");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), c); /* B keeps the license for itself */
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, a);
    CU_ASSERT_EQUAL(go(&scene), b);
    end(&scene, b);
    CU_ASSERT_EQUAL(go(&scene), d);
    scene_end(&scene);
}

static void each_kind_of_large_one_reserves_its_own(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2@rank1 tape:2@rank1");
    int gpu = push(&scene, "gpu"), tape = push(&scene, "tape");
    CU_ASSERT_EQUAL(go(&scene), gpu);
    CU_ASSERT_EQUAL(go(&scene), tape);
    int gpus = push(&scene, "gpu:2"), tapes = push(&scene, "tape:2");
    push(&scene, "gpu");
    push(&scene, "tape");
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, tape);
    CU_ASSERT_EQUAL(go(&scene), tapes);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, gpu);
    CU_ASSERT_EQUAL(go(&scene), gpus);
    scene_end(&scene);
}

static void a_task_that_leaves_makes_way_for_those_behind_it(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:2@rank1");
    int small = push(&scene, "gpu");
    CU_ASSERT_EQUAL(go(&scene), small);
    int large = push(&scene, "gpu:2"), late = push(&scene, "gpu");
    CU_ASSERT_EQUAL(go(&scene), -1);
    demands_remove(&scene.demands, scene.specs[large]);
    end(&scene, large);
    CU_ASSERT_EQUAL(go(&scene), late);
    scene_end(&scene);
}

static void a_more_urgent_one_takes_the_reservation_over(void)
{
    struct scene scene;

    scene_init(&scene, "gpu:3@rank1");
    int a = push(&scene, "gpu"), b = push(&scene, "gpu");
    int c = push(&scene, "gpu");
    CU_ASSERT_EQUAL(go(&scene), a);
    CU_ASSERT_EQUAL(go(&scene), b);
    CU_ASSERT_EQUAL(go(&scene), c);
    int large = push(&scene, "gpu:3");
    CU_ASSERT_EQUAL(go(&scene), -1);
    int urgent = push_wish(&scene, wish(&scene, "gpu:2"), 5);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, a);
    end(&scene, b);
    CU_ASSERT_EQUAL(go(&scene), urgent);
    end(&scene, c);
    CU_ASSERT_EQUAL(go(&scene), -1);
    end(&scene, urgent);
    CU_ASSERT_EQUAL(go(&scene), large);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"each task is told ids of its own", each_task_is_told_ids_of_its_own},
        {"the pool's are shared by all workers",
         the_pool_s_are_shared_by_all_workers},
        {"several kinds are taken together", several_kinds_are_taken_together},
        {"what nobody ever has is refused", what_nobody_ever_has_is_refused},
        {"who is able has the place, the cores and the resources",
         who_is_able_has_the_place_the_cores_and_the_resources},
        {"one wish is one demand", one_wish_is_one_demand},
        {"priority comes first, then who came first",
         priority_comes_first_then_who_came_first},
        {"later ones do not take what a large one gathers",
         later_ones_do_not_take_what_a_large_one_gathers},
        {"later ones go by on other workers",
         later_ones_go_by_on_other_workers},
        {"a large one takes another place that is free earlier",
         a_large_one_takes_another_place_that_is_free_earlier},
        {"what has nothing in common is not held up",
         what_has_nothing_in_common_is_not_held_up},
        {"each kind of large one reserves its own",
         each_kind_of_large_one_reserves_its_own},
        {"a task that leaves makes way for those behind it",
         a_task_that_leaves_makes_way_for_those_behind_it},
        {"a more urgent one takes the reservation over",
         a_more_urgent_one_takes_the_reservation_over},
    };
    return check_run("demands", tests, CHECK_COUNT(tests));
}
