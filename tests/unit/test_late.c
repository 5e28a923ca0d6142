/* SPDX-License-Identifier: BSD-3-Clause */
/* test_late.c - the center keeps what names a key until the key's news is
 * here, and no longer. */
#include "center.h"

#include <string.h>

#include "check.h"
#include "key.h"
#include "roster.h"

enum { RANKS = 4, SAID_MAX = 4096 };

/* The center's port: what it says is counted, by kind, and forgotten. */
struct scene {
    struct port port;
    struct center *center;
    struct supply supply;
    int said[MSG_KINDS];
    _Alignas(8) char room[SAID_MAX];
};

static void *count(struct port *port, int to, unsigned kind, size_t bytes)
{
    struct scene *scene = (struct scene *)port;
    CU_ASSERT_FATAL(bytes <= SAID_MAX);
    scene->said[kind]++;
    return scene->room;
}

static void forget(struct port *port, int rank)
{
}

static const struct port_calls calls = {.say = count, .forget = forget};

static void scene_begin(struct scene *scene, bool recover)
{
    dmpi_worker workers[RANKS - 1];
    memset(workers, 0, sizeof workers);
    memset(scene, 0, sizeof *scene);
    port_init(&scene->port, &calls, 0, RANKS);
    struct center_setup setup = {.workers = workers,
                                 .supply = &scene->supply,
                                 .functions = 1,
                                 .window_ns = ROSTER_WINDOW_NS,
                                 .steal = true,
                                 .recover = recover};
    scene->center = center_new(&scene->port, &setup);
}

static void scene_init(struct scene *scene)
{
    scene_begin(scene, false);
}

static void scene_fini(struct scene *scene)
{
    center_free(scene->center);
    port_fini(&scene->port);
}

/* FROM says KIND of a task without inputs, as a worker does of its own. */
static void hear(struct scene *scene, int from, unsigned kind, uint64_t key)
{
    struct {
        struct message head;
        struct msg_task_new task;
    } message = {{sizeof message, kind}, {.key = key}};
    center_receive(scene->center, from, &message.head);
}

static void hear_echo(struct scene *scene, int from, uint64_t key)
{
    struct {
        struct message head;
        struct msg_echo echo;
    } message = {{sizeof message, MSG_ECHO}, {.key = key}};
    center_receive(scene->center, from, &message.head);
}

/* The task of KEY on RANK has ended, after going on ATTEMPT times, and its key is
 * dropped. */
static void end(struct scene *scene, int rank, uint64_t key, uint16_t attempt)
{
    struct {
        struct message head;
        struct msg_task_done done;
    } end = {{sizeof end, MSG_TASK_DONE}, {.key = key, .attempt = attempt}};
    struct {
        struct message head;
        struct msg_key_release release;
    } release = {{sizeof release, MSG_KEY_RELEASE}, {.key = key}};
    center_receive(scene->center, rank, &end.head);
    center_receive(scene->center, rank, &release.head);
}

static bool knows(const struct scene *scene, uint64_t key)
{
    struct center_view view;
    return center_look(scene->center, key, &view);
}

static void what_names_a_key_waits_for_its_news(void)
{
    struct scene scene;
    scene_init(&scene);
    hear(&scene, 1, MSG_TASK_GOES_ON, key_make(2, 1));
    hear(&scene, 1, MSG_TASK_HERE, key_make(1, 1));
    CU_ASSERT_EQUAL(scene.said[MSG_ASK_ECHO], 1);
    CU_ASSERT_FALSE(knows(&scene, key_make(1, 1)));
    hear(&scene, 2, MSG_TASK_HERE, key_make(2, 1));
    CU_ASSERT_TRUE(knows(&scene, key_make(1, 1)));
    end(&scene, 1, key_make(1, 1), 0);
    end(&scene, 2, key_make(2, 1), 1);
    scene_fini(&scene);
}

/* Each waits for a key of the next: were it for the echo, which comes behind
 * what that one has said, all of them would wait for ever. */
static void three_that_wait_for_each_other_go_on(void)
{
    struct scene scene;
    scene_init(&scene);
    hear(&scene, 1, MSG_TASK_GOES_ON, key_make(3, 1));
    hear(&scene, 1, MSG_TASK_HERE, key_make(1, 1));
    hear(&scene, 2, MSG_TASK_GOES_ON, key_make(1, 1));
    hear(&scene, 2, MSG_TASK_HERE, key_make(2, 1));
    hear(&scene, 3, MSG_TASK_HERE, key_make(3, 1));
    hear(&scene, 3, MSG_TASK_GOES_ON, key_make(2, 1));
    hear(&scene, 3, MSG_TASK_HERE, key_make(3, 2));
    CU_ASSERT_TRUE(knows(&scene, key_make(2, 1)));
    CU_ASSERT_TRUE(knows(&scene, key_make(3, 2)));
    for (int rank = 1; rank < RANKS; rank++)
        end(&scene, rank, key_make(rank, 1), 1);
    end(&scene, 3, key_make(3, 2), 0);
    scene_fini(&scene);
}

/* The keys that its maker makes later are still to come. */
static void a_number_that_was_never_given_is_that_one_alone(void)
{
    struct scene scene;
    scene_init(&scene);
    hear(&scene, 1, MSG_TASK_GOES_ON, key_make(2, 999999));
    hear_echo(&scene, 2, key_make(2, 999999));
    hear(&scene, 1, MSG_TASK_HERE, key_make(1, 1));
    CU_ASSERT_TRUE(knows(&scene, key_make(1, 1)));
    hear(&scene, 1, MSG_TASK_GOES_ON, key_make(2, 1));
    hear(&scene, 1, MSG_TASK_HERE, key_make(1, 2));
    CU_ASSERT_FALSE(knows(&scene, key_make(1, 2)));
    hear(&scene, 2, MSG_TASK_HERE, key_make(2, 1));
    CU_ASSERT_TRUE(knows(&scene, key_make(1, 2)));
    end(&scene, 1, key_make(1, 1), 0);
    end(&scene, 1, key_make(1, 2), 0);
    end(&scene, 2, key_make(2, 1), 1);
    scene_fini(&scene);
}

/* What its maker had told nobody else will never be told. */
static void nobody_waits_for_the_news_of_a_lost_rank(void)
{
    struct scene scene;
    scene_begin(&scene, true);
    hear(&scene, 1, MSG_TASK_GOES_ON, key_make(2, 5));
    hear(&scene, 1, MSG_TASK_HERE, key_make(1, 1));
    hear(&scene, 2, MSG_TASK_GOES_ON, key_make(3, 1));
    hear(&scene, 2, MSG_TASK_HERE, key_make(2, 1));
    CU_ASSERT_FALSE(knows(&scene, key_make(1, 1)));
    port_forget(&scene.port, 2);
    center_lost(scene.center, 2, 0);
    CU_ASSERT_TRUE(knows(&scene, key_make(1, 1)));
    CU_ASSERT_FALSE(knows(&scene, key_make(2, 1)));
    hear(&scene, 3, MSG_TASK_GOES_ON, key_make(2, 9));
    hear(&scene, 3, MSG_TASK_HERE, key_make(3, 1));
    CU_ASSERT_TRUE(knows(&scene, key_make(3, 1)));
    end(&scene, 1, key_make(1, 1), 0);
    end(&scene, 3, key_make(3, 1), 0);
    scene_fini(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"what names a key waits for its news",
         what_names_a_key_waits_for_its_news},
        {"three that wait for each other go on",
         three_that_wait_for_each_other_go_on},
        {"a number that was never given is that one alone",
         a_number_that_was_never_given_is_that_one_alone},
        {"nobody waits for the news of a lost rank",
         nobody_waits_for_the_news_of_a_lost_rank},
    };
    return check_run("late", tests, CHECK_COUNT(tests));
}
