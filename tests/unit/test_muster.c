/* SPDX-License-Identifier: BSD-3-Clause */
/* test_muster.c - the first of two members, while starts follow each other. */
#include "check.h"

#include "muster.h"

enum { FIRST = 1, SECOND = 2, OTHER = 3, RANKS = 4 };

struct scene {
    struct muster muster;
    struct job job;
    struct port port;
    uint64_t room[4]; /* for what is said */
};

static void *say(struct port *port, int to, unsigned kind, size_t bytes)
{
    struct scene *scene =
        (struct scene *)((char *)port - offsetof(struct scene, port));
    CU_ASSERT_EQUAL(to, SECOND);
    CU_ASSERT_EQUAL(kind, MSG_GANG_GO);
    CU_ASSERT_TRUE_FATAL(bytes <= sizeof scene->room);
    return scene->room;
}

static const struct port_calls calls = {.say = say};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.muster = {0}};
    port_init(&scene->port, &calls, FIRST, RANKS);
}

static void scene_end(struct scene *scene)
{
    muster_fini(&scene->muster);
    port_fini(&scene->port);
}

/* The center says who is in it, and hands out the task. */
static void start(struct scene *scene, uint64_t number)
{
    struct {
        struct msg_gang gang;
        uint32_t ranks[2];
    } say = {{.start = number, .size = 2}, {FIRST, SECOND}};
    muster_on_gang(&scene->muster, &say.gang);
    muster_on_job(&scene->muster, &scene->job);
}

static void call_off(struct scene *scene, uint64_t number)
{
    struct msg_gang_off off = {number};
    CU_ASSERT_PTR_EQUAL(muster_on_off(&scene->muster, &off), &scene->job);
}

static void second_is_ready(struct scene *scene, uint64_t number)
{
    struct msg_gang_ready ready = {.start = number};
    muster_on_ready(&scene->muster, &scene->port, &ready);
}

/* Does this member begin, which is ready now? */
static bool begins(struct scene *scene)
{
    if (!scene->muster.waiting)
        muster_wait(&scene->muster, &scene->port, &scene->job, DMPI_OK);
    return muster_take(&scene->muster) == &scene->job;
}

static void ready_for_the_next_start_counts_for_that(void)
{
    struct scene scene;
    scene_init(&scene);
    start(&scene, 5);
    second_is_ready(&scene, 6);
    CU_ASSERT_FALSE(begins(&scene));
    call_off(&scene, 5);
    start(&scene, 6);
    CU_ASSERT_TRUE(begins(&scene));
    scene_end(&scene);
}

static void ready_for_an_earlier_start_does_not_count(void)
{
    struct scene scene;
    scene_init(&scene);
    start(&scene, 5);
    call_off(&scene, 5);
    second_is_ready(&scene, 5);
    start(&scene, 7);
    second_is_ready(&scene, 5);
    CU_ASSERT_FALSE(begins(&scene));
    second_is_ready(&scene, 7);
    CU_ASSERT_TRUE(begins(&scene));
    scene_end(&scene);
}

static void go_for_an_earlier_start_is_not_heard(void)
{
    struct scene scene;
    struct msg_gang_go go = {.start = 5};
    scene_init(&scene);
    start(&scene, 5);
    CU_ASSERT_PTR_EQUAL(muster_lost(&scene.muster, SECOND), &scene.job);
    muster_on_go(&scene.muster, &go);
    CU_ASSERT_FALSE(scene.muster.go);
    scene_end(&scene);
}

static void who_has_begun_is_doomed_by_the_loss_of_a_member_only(void)
{
    struct scene scene;
    scene_init(&scene);
    start(&scene, 5);
    second_is_ready(&scene, 5);
    CU_ASSERT_TRUE(begins(&scene));
    CU_ASSERT_PTR_NULL(muster_lost(&scene.muster, OTHER));
    CU_ASSERT_FALSE(scene.muster.doomed);
    CU_ASSERT_PTR_NULL(muster_lost(&scene.muster, SECOND));
    CU_ASSERT_TRUE(scene.muster.doomed);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"ready for the next start counts for that",
         ready_for_the_next_start_counts_for_that},
        {"ready for an earlier start does not count",
         ready_for_an_earlier_start_does_not_count},
        {"go for an earlier start is not heard",
         go_for_an_earlier_start_is_not_heard},
        {"who has begun is doomed by the loss of a member only",
         who_has_begun_is_doomed_by_the_loss_of_a_member_only},
    };
    return check_run("muster", tests, CHECK_COUNT(tests));
}
