/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gangs.c - a gang's workers lie side by side, near its inputs, and keep
 * its communicator. */
#include "gangs.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

enum { WORKERS = 8, GANGS_MAX = 200, MEMBERS_MAX = 4 * GANGS_MAX };

/* Ranks 1, 3, 5, 7 lie on node 0, the others on node 1. Each member has at most
 * one input. */
struct scene {
    struct roster roster;
    struct gangs gangs;
    struct record inputs[WORKERS];      /* of the next gang, by member */
    struct record members[MEMBERS_MAX]; /* of all, one gang after the other */
    int last;
};

static void scene_init(struct scene *scene)
{
    dmpi_worker info[WORKERS];
    memset(info, 0, sizeof info);
    for (int i = 0; i < WORKERS; i++) info[i].node = i % 2;
    memset(scene, 0, sizeof *scene);
    roster_init(&scene->roster, info, WORKERS + 1, ROSTER_WINDOW_NS);
    gangs_init(&scene->gangs, &scene->roster);
}

static void scene_end(struct scene *scene)
{
    CU_ASSERT_EQUAL(scene->gangs.waiting, 0);
    for (int i = 0; i < scene->last; i++) free(scene->members[i].spec);
    gangs_fini(&scene->gangs);
    roster_fini(&scene->roster);
}

static void input(struct scene *scene, int member, int owner, uint64_t bytes)
{
    scene->inputs[member] =
        (struct record){.state = TASK_DONE, .owner = owner, .bytes = bytes};
}

static struct record *new_member(struct scene *scene, uint32_t index)
{
    struct record *record = &scene->members[scene->last++];
    record->key = (uint64_t)scene->last;
    record->state = TASK_READY;
    record->spec = calloc(1, spec_bytes(1, 0));
    record->spec->inputs = scene->inputs[index].state != TASK_NEW;
    spec_inputs(record->spec)[0] = &scene->inputs[index];
    return record;
}

/* A gang of SIZE starts, if it can. */
static struct gang *start(struct scene *scene, uint32_t size)
{
    struct gang *gang = gangs_new(size, false);
    for (uint32_t i = 0; i < size; i++)
        gangs_join(&scene->gangs, gang, new_member(scene, i));
    CU_ASSERT_EQUAL(scene->gangs.waiting, 1);
    return gangs_start(&scene->gangs);
}

static void end(struct scene *scene, struct gang *gang)
{
    for (uint32_t left = gang->size; left; left--)
        gangs_member_ended(&scene->gangs, gang->members[left - 1]);
}

static void stands(struct scene *scene, const struct gang *gang,
                   const int ranks[])
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(gang);
    for (uint32_t i = 0; i < gang->size; i++) {
        CU_ASSERT_EQUAL(gang->ranks[i], ranks[i]);
        CU_ASSERT_TRUE(roster_at(&scene->roster, ranks[i])->in_gang);
    }
}

static void workers_of_one_node_are_taken(void)
{
    struct scene scene;
    scene_init(&scene);
    struct gang *first = start(&scene, 3);
    stands(&scene, first, (int[]){1, 3, 5});
    struct gang *second = start(&scene, 3);
    stands(&scene, second, (int[]){2, 4, 6});
    end(&scene, first);
    struct gang *third = start(&scene, 5); /* more than either node has left */
    stands(&scene, third, (int[]){1, 3, 5, 7, 8});
    end(&scene, second);
    end(&scene, third);
    CU_ASSERT_EQUAL(scene.roster.gangless, WORKERS);
    scene_end(&scene);
}

static void inputs_draw_the_gang_and_each_member(void)
{
    struct scene scene;
    scene_init(&scene);
    input(&scene, 0, 8, 1000);
    input(&scene, 2, 6, 500);
    struct gang *gang = start(&scene, 3);
    stands(&scene, gang, (int[]){8, 4, 6});
    end(&scene, gang);
    scene_end(&scene);
}

static void waiting_for_a_busy_worker_counts_against_bytes(void)
{
    struct scene scene;
    scene_init(&scene);
    input(&scene, 0, 7, 1000);
    roster_hand(&scene.roster, roster_at(&scene.roster, 7), 900, false);
    struct gang *gang = start(&scene, 2);
    stands(&scene, gang, (int[]){7, 5});
    end(&scene, gang);
    roster_hand(&scene.roster, roster_at(&scene.roster, 7), 200, false);
    gang = start(&scene, 2);
    stands(&scene, gang, (int[]){1, 3});
    end(&scene, gang);
    scene_end(&scene);
}

static void too_few_free_workers_make_it_wait(void)
{
    struct scene scene;
    scene_init(&scene);
    struct gang *first = start(&scene, 6);
    stands(&scene, first, (int[]){1, 3, 5, 7, 2, 4});
    CU_ASSERT_PTR_NULL(start(&scene, 3));
    CU_ASSERT_EQUAL(scene.gangs.waiting, 1);
    end(&scene, first);
    struct gang *second = gangs_start(&scene.gangs);
    stands(&scene, second, (int[]){1, 3, 5});
    end(&scene, second);
    scene_end(&scene);
}

static void worker_in_a_gang_is_dealt_nothing(void)
{
    struct scene scene;
    scene_init(&scene);
    struct gang *gang = start(&scene, WORKERS);
    CU_ASSERT_PTR_NULL(roster_turn(&scene.roster));
    end(&scene, gang);
    CU_ASSERT_PTR_NOT_NULL(roster_turn(&scene.roster));
    scene_end(&scene);
}

static void error_among_the_inputs_is_found(void)
{
    struct scene scene;
    scene_init(&scene);
    input(&scene, 1, 2, 8);
    scene.inputs[1].state = TASK_FAILED;
    CU_ASSERT_PTR_NULL(start(&scene, 2));
    struct gang *gang = gangs_failed(&scene.gangs);
    CU_ASSERT_PTR_NOT_NULL_FATAL(gang);
    CU_ASSERT_PTR_EQUAL(gangs_bad_input(gang), &scene.inputs[1]);
    gangs_take_out(&scene.gangs, gang);
    gang_free(gang);
    CU_ASSERT_PTR_NULL(gangs_failed(&scene.gangs));
    scene_end(&scene);
}

static void same_members_have_the_same_communicator(void)
{
    struct scene scene;
    scene_init(&scene);
    struct gang *gang = start(&scene, 2);
    uint32_t first = gang->comm;
    CU_ASSERT_NOT_EQUAL(first, 0);
    struct gang *other = start(&scene, 2);
    CU_ASSERT_NOT_EQUAL(other->comm, 0);
    CU_ASSERT_NOT_EQUAL(other->comm, first);
    end(&scene, gang);
    end(&scene, other);
    gang = start(&scene, 2);
    CU_ASSERT_EQUAL(gang->comm, first);
    end(&scene, gang);
    scene_end(&scene);
}

/* The members come in many orders. */
static void worker_keeps_a_limited_number_of_communicators(void)
{
    struct scene scene;
    uint32_t last = 0, none = 0;
    scene_init(&scene);
    for (unsigned i = 0; i < GANGS_MAX; i++) {
        int order[4] = {1, 3, 5, 7};
        for (unsigned left = 4, rest = i; left > 1; rest /= left, left--) {
            int picked = order[rest % left];
            order[rest % left] = order[left - 1];
            order[left - 1] = picked;
        }
        for (int m = 0; m < 4; m++) input(&scene, m, order[m], 1000);
        uint32_t size = 2 + i / 24 % 3;
        struct gang *gang = start(&scene, size);
        if (gang->comm > last) last = gang->comm;
        none += !gang->comm;
        end(&scene, gang);
    }
    CU_ASSERT_TRUE(last >= 24);
    CU_ASSERT_EQUAL(none, 0);
    for (int rank = 1; rank <= WORKERS; rank++)
        roster_at(&scene.roster, rank)->comms = GANG_COMMS_MAX;
    for (int m = 0; m < 3; m++) input(&scene, m, 8 - 2 * m, 1000);
    struct gang *gang = start(&scene, 3);
    CU_ASSERT_EQUAL(gang->comm, 0);
    end(&scene, gang);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"workers of one node are taken", workers_of_one_node_are_taken},
        {"inputs draw the gang and each member",
         inputs_draw_the_gang_and_each_member},
        {"waiting for a busy worker counts against bytes",
         waiting_for_a_busy_worker_counts_against_bytes},
        {"too few free workers make it wait",
         too_few_free_workers_make_it_wait},
        {"worker in a gang is dealt nothing",
         worker_in_a_gang_is_dealt_nothing},
        {"error among the inputs is found", error_among_the_inputs_is_found},
        {"same members have the same communicator",
         same_members_have_the_same_communicator},
        {"worker keeps a limited number of communicators",
         worker_keeps_a_limited_number_of_communicators},
    };
    return check_run("gangs", tests, CHECK_COUNT(tests));
}
