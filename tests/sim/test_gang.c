/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gang.c - members of a gang run at the same time, beside single tasks, and
 * nobody waits for ever. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "log.h"
#include "map.h"
#include "oracle.h"
#include "seeds.h"
#include "virtual.h"

enum { KEYS_MAX = 4096, TASK_NS = 10000, GANG_NS = 50000 };

/* A cluster in virtual time, and an application that goes on submitting. */
struct scene {
    struct cluster *cluster;
    uint64_t keys[KEYS_MAX]; /* to be dropped at the end */
    size_t count;
    unsigned singles, members; /* that ran */
    unsigned singles_to_come;  /* one is submitted at the end of each */
    uint32_t gangs_to_come;    /* the same */
    unsigned gang_size;
    bool go_on, nested;
    struct map waits;        /* job's key -> struct wait, owned */
    unsigned singles_before; /* that ran before the first gang */
    uint64_t gangs;          /* in all, at the end */
    uint64_t gangs_before;   /* that ran before the last single */
};

static void submit_single(struct scene *scene)
{
    scene->keys[scene->count] = cluster_submit(scene->cluster, ORACLE_WORD,
                                               NULL, 0, scene->count, 0, false);
    scene->count++;
}

static void submit_gang(struct scene *scene, uint32_t size)
{
    cluster_submit_gang(scene->cluster, ORACLE_WORD, size, scene->count,
                        scene->keys + scene->count);
    scene->count += size;
}

static void single_ends(struct scene *scene)
{
    scene->singles++;
    scene->singles_before += !scene->members;
    scene->gangs_before = scene->cluster->gangs;
    if (!scene->singles_to_come) return;
    scene->singles_to_come--;
    submit_single(scene);
}

static void member_ends(struct scene *scene, int rank)
{
    const struct muster *gang =
        worker_gang(cluster_worker(scene->cluster, rank));
    scene->members++;
    if (gang->index || !scene->gangs_to_come) return;
    scene->gangs_to_come--;
    submit_gang(scene, scene->gang_size);
}

static struct buffer *call(void *app, int rank, struct job *job)
{
    if (job->flags & RUN_GANG) member_ends(app, rank);
    else single_ends(app);
    return oracle_bytes(job->key, 8);
}

/* A single task's wait for the one that it submits. */
struct wait {
    uint64_t child, word;
    struct waiter waiter;
    struct inquiry *inquiry;
};

static struct wait *begin_wait(struct scene *scene, struct nest *nest,
                               struct job *job)
{
    struct wait *wait = log_alloc(sizeof *wait);
    struct task_order order = {.function = ORACLE_SMALL};
    *wait = (struct wait){.child = nest_submit(nest, job, &order)};
    map_add(&scene->waits, job->key, wait);
    waiter_init(&wait->waiter, job);
    wait->inquiry = nest_ask(nest, &wait->waiter, wait->child, &wait->word,
                             sizeof(uint64_t));
    return wait;
}

static void end_wait(struct scene *scene, struct nest *nest, struct job *job,
                     struct wait *wait)
{
    nest_close(nest, wait->inquiry);
    custody_release(nest->custody, wait->child);
    map_remove(&scene->waits, job->key);
    free(wait);
}

/* True: JOB waits for another task. */
static bool waits_inside(struct scene *scene, struct nest *nest,
                         struct job *job)
{
    if (!scene->nested || job->function != ORACLE_WORD) return false;
    struct wait *wait = map_get(&scene->waits, job->key);
    if (!wait) {
        wait = begin_wait(scene, nest, job);
        if (!nest_block(nest, &wait->waiter, true, UINT64_MAX)) return true;
    }
    end_wait(scene, nest, job, wait);
    return false;
}

/* Members go on as tasks of their own, single tasks wait for others. */
static bool waits(void *app, int rank, struct job *job)
{
    struct scene *scene = app;
    struct worker *worker = cluster_worker(scene->cluster, rank);
    if (!(job->flags & RUN_GANG))
        return waits_inside(scene, worker_nest(worker), job);
    if (!scene->go_on) return false;
    struct task_order order = {.function = ORACLE_WORD};
    struct job *next = nest_continue(worker_nest(worker), job, &order);
    member_ends(scene, rank);
    worker_go_on(worker, job, next, 1);
    return true;
}

static uint64_t duration(void *app, int rank, struct job *job)
{
    return job->flags & RUN_GANG ? GANG_NS : TASK_NS;
}

static void scene_init_seed(struct scene *scene, int workers, uint64_t seed)
{
    struct cluster_setup setup = {.workers = workers,
                                  .seed = seed,
                                  .steal = true,
                                  .check = true,
                                  .call = call,
                                  .duration_ns = duration,
                                  .waits = waits,
                                  .app = scene};
    *scene = (struct scene){.cluster = cluster_new(&setup)};
}

static void scene_init(struct scene *scene, int workers)
{
    scene_init_seed(scene, workers, 3);
}

static void scene_end(struct scene *scene)
{
    virtual_run(scene->cluster);
    CU_ASSERT_FALSE(scene->cluster->mixed_up);
    CU_ASSERT_EQUAL(center_unended(scene->cluster->center), 0);
    for (size_t i = 0; i < scene->count; i++)
        CU_ASSERT_EQUAL(center_drop(scene->cluster->center, scene->keys[i]),
                        DMPI_OK);
    CU_ASSERT_TRUE(cluster_stop(scene->cluster));
    scene->gangs = scene->cluster->gangs;
    cluster_free(scene->cluster);
    map_fini(&scene->waits);
}

static void gangs_run_side_by_side_and_beside_single_tasks(void)
{
    struct scene scene;
    scene_init(&scene, 5);
    submit_gang(&scene, 2);
    submit_gang(&scene, 2);
    for (int i = 0; i < 4; i++) submit_single(&scene);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.cluster->gangs, 2);
    CU_ASSERT_EQUAL(scene.cluster->now_ns, GANG_NS);
    CU_ASSERT_EQUAL(scene.members, 4);
    CU_ASSERT_EQUAL(scene.singles, 4);
    scene_end(&scene);
}

static void gang_starts_though_single_tasks_keep_coming(void)
{
    struct scene scene;
    scene_init(&scene, 3);
    scene.singles_to_come = 2000;
    for (int i = 0; i < 300; i++) submit_single(&scene);
    submit_gang(&scene, 3);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.singles, 2300);
    /* Those that the workers had when it came, not those at the center. */
    CU_ASSERT_TRUE(scene.singles_before <= 300);
}

static void single_tasks_run_though_gangs_keep_coming(void)
{
    struct scene scene;
    scene_init(&scene, 3);
    scene.gang_size = 3;
    scene.gangs_to_come = 1000;
    submit_gang(&scene, 3);
    submit_gang(&scene, 3);
    for (int i = 0; i < 300; i++) submit_single(&scene);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.gangs, 1002);
    CU_ASSERT_TRUE(scene.gangs_before < 100);
}

static void large_gang_is_not_overtaken_by_small_ones_that_keep_coming(void)
{
    struct scene scene;
    scene_init(&scene, 4);
    scene.gang_size = 1;
    scene.gangs_to_come = 1000;
    for (int i = 0; i < 8; i++) submit_gang(&scene, 1);
    uint64_t *large = scene.keys + scene.count;
    submit_gang(&scene, 4);
    struct center_view view = {.state = DMPI_PENDING};
    while (view.state < DMPI_DONE) {
        cluster_step(scene.cluster);
        CU_ASSERT_TRUE_FATAL(
            center_look(scene.cluster->center, large[0], &view));
    }
    CU_ASSERT_TRUE(scene.cluster->gangs < 20);
    scene_end(&scene);
}

static void gang_of_all_waits_for_gangs_before_it(void)
{
    struct scene scene;
    scene_init(&scene, 3);
    for (uint32_t size = 1; size <= 3; size++)
        for (int i = 0; i < 5; i++) submit_gang(&scene, size);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.members, 30);
}

/* Idle workers steal what they go on as. */
static void members_may_go_on_as_other_tasks(void)
{
    struct scene scene;
    scene_init(&scene, 4);
    scene.go_on = true;
    scene.gang_size = 3;
    scene.gangs_to_come = 50;
    for (int i = 0; i < 100; i++) submit_single(&scene);
    submit_gang(&scene, 3);
    submit_gang(&scene, 2);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.gangs, 52);
    CU_ASSERT_EQUAL(scene.members, 3 + 2 + 50 * 3);
    CU_ASSERT_EQUAL(scene.singles, 100 + scene.members);
}

static bool nested(uint64_t seed)
{
    struct scene scene;
    scene_init_seed(&scene, 1 + (int)(seed % 4), seed);
    scene.nested = true;
    scene.go_on = seed % 3 == 0;
    scene.gang_size = 1 + (uint32_t)(seed / 4 % (1 + seed % 4));
    scene.gangs_to_come = 10;
    for (int i = 0; i < 20; i++) submit_single(&scene);
    submit_gang(&scene, scene.gang_size);
    for (int i = 0; i < 20; i++) submit_single(&scene);
    cluster_run(scene.cluster);
    bool good = !center_unended(scene.cluster->center) && !scene.waits.count;
    scene_end(&scene);
    return good && scene.gangs == 11;
}

static void gangs_and_tasks_that_wait_inside_tasks_all_end(void)
{
    CU_ASSERT_EQUAL(seeds_run(300, nested), 0);
}

static void larger_than_the_pool_is_refused(void)
{
    struct scene scene;
    struct task_order orders[3] = {{.function = ORACLE_WORD},
                                   {.function = ORACLE_WORD},
                                   {.function = ORACLE_WORD}};
    uint64_t keys[3] = {1, 2, 3};
    scene_init(&scene, 2);
    CU_ASSERT_EQUAL(center_submit_gang(scene.cluster->center, orders, 3, keys),
                    DMPI_EINVAL);
    CU_ASSERT_EQUAL(keys[0], 1);
    CU_ASSERT_EQUAL(center_unended(scene.cluster->center), 0);
    scene_end(&scene);
}

/* ---- that will not start -------------------------------------------------*/

static void submit_pair(struct scene *scene, uint64_t input)
{
    struct task_order orders[2] = {
        {.function = ORACLE_WORD},
        {.function = ORACLE_WORD, .inputs = &input, .input_count = 1}};
    CU_ASSERT_EQUAL(center_submit_gang(scene->cluster->center, orders, 2,
                                       scene->keys + scene->count),
                    DMPI_OK);
    scene->count += 2;
}

static void cancel(struct scene *scene, uint64_t key)
{
    CU_ASSERT_EQUAL(center_cancel(scene->cluster->center, key), DMPI_OK);
    center_settle(scene->cluster->center);
}

static void both_are_cancelled(struct scene *scene, const uint64_t pair[2])
{
    for (int i = 0; i < 2; i++) {
        struct buffer *value = cluster_get(scene->cluster, pair[i]);
        CU_ASSERT_TRUE(value->is_error);
        CU_ASSERT_EQUAL(((dmpi_failure *)value->data)->status, DMPI_ECANCELLED);
        buffer_unref(value);
    }
}

static void error_among_the_inputs_of_one_is_the_value_of_all(void)
{
    struct cluster_setup setup = {.workers = 3, .seed = 8, .check = true};
    struct scene scene = {.cluster = cluster_new(&setup)};
    scene.keys[scene.count++] =
        cluster_submit(scene.cluster, ORACLE_FAIL, NULL, 0, 7, 0, false);
    submit_pair(&scene, scene.keys[0]);
    submit_pair(&scene, scene.keys[1]);
    virtual_run(scene.cluster);
    CU_ASSERT_EQUAL(scene.cluster->gangs, 0);
    struct buffer *first = cluster_get(scene.cluster, scene.keys[0]);
    for (size_t i = 1; i < scene.count; i++) {
        struct buffer *value = cluster_get(scene.cluster, scene.keys[i]);
        CU_ASSERT_TRUE(
            oracle_same(first, value->data, value->size, value->is_error));
        buffer_unref(value);
    }
    buffer_unref(first);
    scene_end(&scene);
}

static void cancelling_one_member_cancels_all(void)
{
    struct scene scene;
    scene_init(&scene, 2);
    submit_single(&scene);
    submit_pair(&scene, scene.keys[0]); /* waits for its input */
    submit_gang(&scene, 2);             /* starts */
    submit_gang(&scene, 2);             /* waits for workers */
    cancel(&scene, scene.keys[2]);
    cancel(&scene, scene.keys[5]);
    both_are_cancelled(&scene, scene.keys + 1);
    both_are_cancelled(&scene, scene.keys + 5);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.members, 2);
    CU_ASSERT_EQUAL(scene.singles, 1);
}

/* ---- one by one ----------------------------------------------------------*/

static void deliver(struct scene *scene, int from, int to, unsigned kind)
{
    CU_ASSERT_EQUAL(network_deliver(scene->cluster->network, from, to), kind);
}

static void member_may_be_ready_before_the_first_has_heard_of_it(void)
{
    struct scene scene;
    scene_init(&scene, 2);
    submit_gang(&scene, 2);
    deliver(&scene, 0, 2, MSG_GANG);
    deliver(&scene, 0, 2, MSG_TASK_RUN);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 2));
    deliver(&scene, 2, 1, MSG_GANG_READY);
    deliver(&scene, 0, 1, MSG_GANG);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 1));
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 1));
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 2));
    deliver(&scene, 1, 2, MSG_GANG_GO);
    CU_ASSERT_TRUE(cluster_start_job(scene.cluster, 2));
    cluster_end_job(scene.cluster, 1);
    cluster_end_job(scene.cluster, 2);
    scene_end(&scene);
}

static void worker_that_waits_for_its_gang_gives_its_tasks_away(void)
{
    struct scene scene;
    scene_init(&scene, 3);
    submit_gang(&scene, 2);
    deliver(&scene, 0, 1, MSG_GANG);
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 1));
    scene.keys[scene.count] =
        cluster_submit(scene.cluster, ORACLE_WORD, NULL, 0, 1, 1, false);
    scene.count++;
    deliver(&scene, 0, 1, MSG_TASK_RUN);
    CU_ASSERT_FALSE(cluster_start_job(scene.cluster, 1));
    scene.cluster->now_ns += 1000000000;
    cluster_turn(scene.cluster, 1);
    struct port *port = network_port(scene.cluster->network, 3);
    struct msg_steal *steal = port_say(port, 1, MSG_STEAL, sizeof *steal);
    memset(steal, 0, sizeof *steal);
    deliver(&scene, 3, 1, MSG_STEAL);
    deliver(&scene, 1, 3, MSG_TASK_RUN);
    scene_end(&scene);
    CU_ASSERT_EQUAL(scene.singles, 1);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"gangs run side by side and beside single tasks",
         gangs_run_side_by_side_and_beside_single_tasks},
        {"gang starts though single tasks keep coming",
         gang_starts_though_single_tasks_keep_coming},
        {"single tasks run though gangs keep coming",
         single_tasks_run_though_gangs_keep_coming},
        {"large gang is not overtaken by small ones that keep coming",
         large_gang_is_not_overtaken_by_small_ones_that_keep_coming},
        {"gang of all waits for gangs before it",
         gang_of_all_waits_for_gangs_before_it},
        {"members may go on as other tasks", members_may_go_on_as_other_tasks},
        {"gangs and tasks that wait inside tasks all end",
         gangs_and_tasks_that_wait_inside_tasks_all_end},
        {"larger than the pool is refused", larger_than_the_pool_is_refused},
        {"error among the inputs of one is the value of all",
         error_among_the_inputs_of_one_is_the_value_of_all},
        {"cancelling one member cancels all",
         cancelling_one_member_cancels_all},
        {"member may be ready before the first has heard of it",
         member_may_be_ready_before_the_first_has_heard_of_it},
        {"worker that waits for its gang gives its tasks away",
         worker_that_waits_for_its_gang_gives_its_tasks_away},
    };
    return check_run("gang", tests, CHECK_COUNT(tests));
}
