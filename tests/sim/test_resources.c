/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resources.c - who asks for resources, a node or cores gets them, in turn,
 * and holds up nobody who does not. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "oracle.h"
#include "virtual.h"

enum { US = 1000, TASKS_MAX = 512 };

/* Arguments from here on: the task goes on as another one first. */
enum { GOES_ON = 2000 };

/* ---- the scene: what ran where, in which order ---------------------------*/

struct run {
    uint64_t number; /* of the task, its argument */
    int rank;
    int ids; /* that it holds */
};

struct scene {
    struct cluster *cluster;
    struct run runs[TASKS_MAX];
    size_t count;
    uint64_t keys[TASKS_MAX];
    size_t submitted;
};

/* Called when a task ends. */
static struct buffer *call(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    uint64_t number;
    memcpy(&number, job_args(job), sizeof number);
    scene->runs[scene->count++] = (struct run){
        number, rank, job_has_terms(job) ? job_terms(job)->ids : 0};
    return oracle_call(job->function, &number, sizeof number, NULL, 0);
}

static bool go_on(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    uint64_t number;
    memcpy(&number, job_args(job), sizeof number);
    if (number < GOES_ON) return false;
    number -= GOES_ON;
    struct task_order order = {
        .function = ORACLE_WORD, .args = &number, .size = sizeof number};
    struct worker *worker = cluster_worker(scene->cluster, rank);
    struct job *next = nest_continue(worker_nest(worker), job, &order);
    worker_go_on(worker, job, next, 1);
    return true;
}

static uint64_t duration(void *app, int rank, struct job *job)
{
    return 100 * US;
}

static void scene_init(struct scene *scene, int workers, const char *resources)
{
    struct cluster_setup setup = {.workers = workers,
                                  .nodes = workers > 1 ? 2 : 1,
                                  .seed = 7,
                                  .steal = true,
                                  .check = true,
                                  .resources = resources,
                                  .cores = 2,
                                  .call = call,
                                  .duration_ns = duration,
                                  .waits = go_on,
                                  .app = scene};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
}

static void scene_fini(struct scene *scene)
{
    for (size_t i = 0; i < scene->submitted; i++)
        center_drop(scene->cluster->center, scene->keys[i]);
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    cluster_free(scene->cluster);
}

/* Task number NUMBER, on RANK (0: any), after INPUT unless that is 0. */
static uint64_t submit(struct scene *scene, uint64_t number, uint64_t input,
                       struct task_order order)
{
    order.inputs = &input;
    order.input_count = input != 0;
    order.args = &number;
    order.size = sizeof number;
    if (order.resources || order.terms.cores || order.terms.node)
        order.flags |= RUN_TERMS;
    struct center *center = scene->cluster->center;
    CU_ASSERT_EQUAL_FATAL(center_check_order(center, &order), DMPI_OK);
    uint64_t key = center_submit(center, &order);
    scene->keys[scene->submitted++] = key;
    return key;
}

static uint64_t submit_for(struct scene *scene, uint64_t number,
                           const char *resources)
{
    return submit(
        scene, number, 0,
        (struct task_order){.function = ORACLE_WORD, .resources = resources});
}

static void run(struct scene *scene)
{
    center_settle(scene->cluster->center);
    virtual_run(scene->cluster);
    CU_ASSERT_EQUAL(center_unended(scene->cluster->center), 0);
}

/* When task NUMBER ended, as the how many-th; SIZE_MAX: it has not. */
static size_t place_of(const struct scene *scene, uint64_t number)
{
    for (size_t i = 0; i < scene->count; i++)
        if (scene->runs[i].number == number) return i;
    return SIZE_MAX;
}

static const struct run *run_of(const struct scene *scene, uint64_t number)
{
    return &scene->runs[place_of(scene, number)];
}

static dmpi_key_state state_of(const struct scene *scene, uint64_t key)
{
    struct center_view view;
    CU_ASSERT_TRUE_FATAL(center_look(scene->cluster->center, key, &view));
    return view.state;
}

/* ---- waiting -------------------------------------------------------------*/

static void those_without_wishes_are_not_held_up(void)
{
    struct scene scene;
    scene_init(&scene, 2, "license:1@pool");
    for (uint64_t i = 0; i < 20; i++) submit_for(&scene, i, "license");
    for (uint64_t i = 20; i < 30; i++) submit_for(&scene, i, NULL);
    run(&scene);
    size_t after = 0; /* those of the first that end after the last of these */
    for (uint64_t i = 0; i < 20; i++)
        after += place_of(&scene, i) > place_of(&scene, 29);
    CU_ASSERT(after >= 8);
    for (uint64_t i = 1; i < 20; i++) /* one after the other, in turn */
        CU_ASSERT(place_of(&scene, i) > place_of(&scene, i - 1));
    scene_fini(&scene);
}

static void a_resource_waits_for_no_input(void)
{
    struct scene scene;
    scene_init(&scene, 2, "license:1@pool");
    uint64_t input = submit_for(&scene, 1, NULL);
    uint64_t user = submit(
        &scene, 2, input,
        (struct task_order){.function = ORACLE_WORD, .resources = "license"});
    submit_for(&scene, 3, "license"); /* the input has not ended: it is first */
    center_settle(scene.cluster->center);
    CU_ASSERT_EQUAL(state_of(&scene, input), DMPI_PLACED);
    CU_ASSERT_EQUAL(state_of(&scene, user), DMPI_PENDING);
    run(&scene);
    CU_ASSERT(place_of(&scene, 3) < place_of(&scene, 2));
    scene_fini(&scene);
}

static void a_chain_that_shares_one_license_ends(void)
{
    struct scene scene;
    uint64_t key = 0;
    scene_init(&scene, 3, "license:1@pool");
    for (uint64_t i = 0; i < 30; i++)
        key =
            submit(&scene, i, key,
                   (struct task_order){.function = ORACLE_WORD,
                                       .resources = i % 3 ? "license" : NULL});
    run(&scene);
    CU_ASSERT_EQUAL(scene.count, 30);
    scene_fini(&scene);
}

static void dependants_of_a_failed_task_hold_nothing_up(void)
{
    struct scene scene;
    scene_init(&scene, 2, "license:1@pool");
    uint64_t bad = submit(
        &scene, 1, 0,
        (struct task_order){.function = ORACLE_FAIL, .resources = "license"});
    uint64_t heir = submit(
        &scene, 2, bad,
        (struct task_order){.function = ORACLE_WORD, .resources = "license"});
    submit_for(&scene, 3, "license");
    run(&scene);
    CU_ASSERT_EQUAL(state_of(&scene, heir), DMPI_FAILED);
    CU_ASSERT_EQUAL(place_of(&scene, 2), SIZE_MAX);
    CU_ASSERT_EQUAL(run_of(&scene, 3)->ids, 1);
    scene_fini(&scene);
}

static void a_task_that_goes_on_as_another_ends_for_both(void)
{
    struct scene scene;
    scene_init(&scene, 2, "license:1@pool");
    uint64_t input = submit_for(&scene, GOES_ON + 1, NULL);
    submit(
        &scene, 2, input,
        (struct task_order){.function = ORACLE_WORD, .resources = "license"});
    submit_for(&scene, GOES_ON + 3, "license");
    submit_for(&scene, 4, "license");
    run(&scene);
    CU_ASSERT_EQUAL(scene.count, 4);
    CU_ASSERT(place_of(&scene, 1) < place_of(&scene, 2));
    CU_ASSERT_EQUAL(run_of(&scene, 3)->ids, 0);
    CU_ASSERT_EQUAL(run_of(&scene, 4)->ids, 1);
    scene_fini(&scene);
}

static void a_cancelled_task_lets_others_pass(void)
{
    struct scene scene;
    scene_init(&scene, 1, "gpu:2");
    submit_for(&scene, 1, "gpu");
    uint64_t large = submit_for(&scene, 2, "gpu:2");
    uint64_t late = submit_for(&scene, 3, "gpu");
    center_settle(scene.cluster->center);
    CU_ASSERT_EQUAL(state_of(&scene, late), DMPI_PENDING);
    CU_ASSERT_EQUAL(center_cancel(scene.cluster->center, large), DMPI_OK);
    center_settle(scene.cluster->center);
    CU_ASSERT_EQUAL(state_of(&scene, late), DMPI_PLACED);
    run(&scene);
    CU_ASSERT_EQUAL(scene.count, 2);
    scene_fini(&scene);
}

static void they_run_where_most_bytes_are_of_those_who_can(void)
{
    struct scene scene;
    scene_init(&scene, 4, "gpu:1@rank2 gpu:1@rank3");
    for (int rank = 1; rank <= 4; rank++) {
        uint64_t input = submit(&scene, (uint64_t)rank, 0,
                                (struct task_order){.function = ORACLE_LARGE,
                                                    .target = rank,
                                                    .flags = RUN_PINNED});
        submit(
            &scene, 10 + (uint64_t)rank, input,
            (struct task_order){.function = ORACLE_WORD, .resources = "gpu"});
        run(&scene);
    }
    CU_ASSERT_EQUAL(run_of(&scene, 12)->rank, 2);
    CU_ASSERT_EQUAL(run_of(&scene, 13)->rank, 3);
    for (uint64_t number = 11; number <= 14; number += 3) {
        int rank = run_of(&scene, number)->rank;
        CU_ASSERT(rank == 2 || rank == 3);
    }
    scene_fini(&scene);
}

/* ---- large ones ----------------------------------------------------------*/

/* SMALL tasks, then a large one, then as many small ones: how many of the latter
 * end before it? */
static size_t overtakers(int workers, const char *resources, const char *large,
                         const char *small)
{
    struct scene scene;
    enum { SMALL = 100, LARGE = 1000 };
    size_t count = 0;
    scene_init(&scene, workers, resources);
    for (uint64_t i = 0; i < SMALL; i++) submit_for(&scene, i, small);
    submit_for(&scene, LARGE, large);
    for (uint64_t i = 0; i < SMALL; i++) submit_for(&scene, SMALL + i, small);
    run(&scene);
    for (uint64_t i = 0; i < SMALL; i++)
        count += place_of(&scene, SMALL + i) < place_of(&scene, LARGE);
    CU_ASSERT_EQUAL(run_of(&scene, LARGE)->ids, atoi(strchr(large, ':') + 1));
    scene_fini(&scene);
    return count;
}

/* On its own worker or of the pool nobody passes it; on other workers others go
 * on until it runs, which is when those that held its own have ended. */
static void large_ones_do_not_starve(void)
{
    CU_ASSERT_EQUAL(overtakers(1, "gpu:4", "gpu:4", "gpu"), 0);
    CU_ASSERT_EQUAL(overtakers(4, "license:5@pool", "license:5", "license"), 0);
    CU_ASSERT_EQUAL(overtakers(4, "gpu:4@rank2", "gpu:4", "gpu"), 0);
    CU_ASSERT(overtakers(4, "gpu:4", "gpu:4", "gpu") <= 4 * 4 * 2);
}

static void large_and_small_ones_take_turns(void)
{
    struct scene scene;
    scene_init(&scene, 3, "gpu:3 license:4@pool");
    static const char *const wishes[] = {"gpu", "gpu:3", "license",
                                         "gpu:2 license:4", "license:3"};
    for (uint64_t i = 0; i < 200; i++) submit_for(&scene, i, wishes[i % 5]);
    run(&scene);
    size_t worst = 0; /* of how many in front did one task end late? */
    for (size_t place = 0; place < scene.count; place++) {
        size_t number = scene.runs[place].number;
        if (place > number && place - number > worst) worst = place - number;
    }
    CU_ASSERT_EQUAL(scene.count, 200);
    CU_ASSERT(worst < 60);
    scene_fini(&scene);
}

/* ---- places and cores ----------------------------------------------------*/

static void a_hard_node_is_not_left(void)
{
    struct scene scene;
    scene_init(&scene, 6, NULL);
    for (uint64_t i = 0; i < 60; i++)
        submit(&scene, i, 0,
               (struct task_order){.function = ORACLE_WORD,
                                   .flags = RUN_NODE,
                                   .terms.node = 2});
    run(&scene);
    int jobs[7] = {0};
    for (size_t i = 0; i < scene.count; i++) jobs[scene.runs[i].rank]++;
    for (int rank = 1; rank <= 6; rank++) /* odd ranks lie on node 1 */
        CU_ASSERT(rank % 2 ? jobs[rank] >= 15 : jobs[rank] == 0);
    scene_fini(&scene);
}

static void a_soft_node_is_where_it_begins(void)
{
    struct scene scene;
    scene_init(&scene, 4, "gpu:1");
    for (uint64_t i = 0; i < 2; i++)
        submit(&scene, i, 0,
               (struct task_order){.function = ORACLE_WORD,
                                   .resources = i ? "gpu" : NULL,
                                   .terms.node = 1});
    run(&scene);
    for (uint64_t i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(run_of(&scene, i)->rank % 2, 0);
    scene_fini(&scene);
}

static void cores_are_where_the_task_runs(void)
{
    struct scene scene;
    scene_init(&scene, 6, NULL); /* odd ranks have two cores, the others one */
    for (uint64_t i = 0; i < 60; i++)
        submit(&scene, i, 0,
               (struct task_order){.function = ORACLE_WORD, .terms.cores = 2});
    run(&scene);
    for (size_t i = 0; i < scene.count; i++)
        CU_ASSERT_EQUAL(scene.runs[i].rank % 2, 1);
    scene_fini(&scene);
}

static void check_refused(struct scene *scene, struct task_order order,
                          const char *word)
{
    order.flags |= RUN_TERMS;
    CU_ASSERT_EQUAL(center_check_order(scene->cluster->center, &order),
                    DMPI_EINVAL);
    if (!strstr(dmpi_status_detail(), word)) {
        fprintf(stderr, "%s\n", dmpi_status_detail());
        CU_FAIL("the reason does not name the mistake");
    }
}

static void what_nobody_can_ever_give_is_refused(void)
{
    struct scene scene;
    scene_init(&scene, 4, "gpu:2@rank1 license:3@pool");
    check_refused(&scene, (struct task_order){.resources = "gpu:3"},
                  "license:3@pool gpu:2@rank1");
    check_refused(&scene, (struct task_order){.resources = "tape"}, "'tape'");
    check_refused(&scene, (struct task_order){.terms.cores = 3}, "at most 2");
    check_refused(&scene, (struct task_order){.terms.node = 3}, "no node 3");
    check_refused(&scene,
                  (struct task_order){
                      .target = 2, .flags = RUN_PINNED, .resources = "gpu"},
                  "on rank 2");
    check_refused(&scene,
                  (struct task_order){
                      .flags = RUN_NODE, .terms.node = 1, .resources = "gpu"},
                  "on node 0");
    uint64_t keys[2];
    struct task_order gang[2] = {{.flags = RUN_TERMS, .resources = "gpu"}};
    CU_ASSERT_EQUAL(center_submit_gang(scene.cluster->center, gang, 2, keys),
                    DMPI_EINVAL);
    scene_fini(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"those without wishes are not held up",
         those_without_wishes_are_not_held_up},
        {"a resource waits for no input", a_resource_waits_for_no_input},
        {"a chain that shares one license ends",
         a_chain_that_shares_one_license_ends},
        {"dependants of a failed task hold nothing up",
         dependants_of_a_failed_task_hold_nothing_up},
        {"a task that goes on as another ends for both",
         a_task_that_goes_on_as_another_ends_for_both},
        {"a cancelled task lets others pass",
         a_cancelled_task_lets_others_pass},
        {"they run where most bytes are, of those who can",
         they_run_where_most_bytes_are_of_those_who_can},
        {"large ones do not starve", large_ones_do_not_starve},
        {"large and small ones take turns", large_and_small_ones_take_turns},
        {"a hard node is not left", a_hard_node_is_not_left},
        {"a soft node is where it begins", a_soft_node_is_where_it_begins},
        {"cores are where the task runs", cores_are_where_the_task_runs},
        {"what nobody can ever give is refused",
         what_nobody_can_ever_give_is_refused},
    };
    return check_run("resources", tests, CHECK_COUNT(tests));
}
