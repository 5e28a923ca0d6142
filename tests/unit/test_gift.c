/* SPDX-License-Identifier: BSD-3-Clause */
/* test_gift.c - what a thief gets, and what stays. */
#include "gift.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

enum { JOBS = 8, INPUTS = 16, US = 1000 };

/* Ready jobs of one function, each with INPUTS inputs of some bytes. */
struct scene {
    struct mem mem;
    struct agenda agenda;
    struct value values[INPUTS];
    struct buffer buffers[INPUTS];
};

static void scene_init(struct scene *scene, uint64_t job_ns,
                       uint64_t input_bytes)
{
    memset(scene, 0, sizeof *scene);
    agenda_init(&scene->agenda, 2);
    for (int i = 0; i < 2; i++) /* known from the second end on */
        estimate_learn(&scene->agenda.estimates[0], job_ns, 0);
    for (int i = 0; i < INPUTS; i++) {
        scene->buffers[i].size = input_bytes;
        scene->values[i].buffer = &scene->buffers[i];
    }
}

static struct job *add(struct scene *scene, uint32_t inputs, uint8_t flags)
{
    struct {
        struct msg_task_run run;
        struct msg_input inputs[INPUTS];
    } message = {.run = {.key = 1, .inputs = inputs, .flags = flags}};
    struct job *job = job_new(&scene->mem, 0, &message.run);
    for (uint32_t i = 0; i < inputs; i++)
        job_inputs(job)[i] = &scene->values[i];
    agenda_add(&scene->agenda, job);
    return job;
}

static void scene_end(struct scene *scene)
{
    agenda_fini(&scene->agenda, &scene->mem);
    mem_fini(&scene->mem);
}

/* JOBS jobs that take JOB_NS and have INPUTS inputs of INPUT_BYTES: does a thief
 * at DISTANCE get one? */
static bool gives(uint64_t job_ns, uint32_t inputs, uint64_t input_bytes,
                  enum gift_distance distance)
{
    struct scene scene;
    struct job *last = NULL;

    scene_init(&scene, job_ns, input_bytes);
    for (int i = 0; i < JOBS; i++) last = add(&scene, inputs, 0);
    struct job *given = gift_choose(&scene.agenda, distance, 1);
    CU_ASSERT_TRUE(!given || given == last);
    scene_end(&scene);
    return given;
}

static void last_of_long_jobs_is_given(void)
{
    CU_ASSERT_TRUE(gives(100 * US, 0, 0, GIFT_NEAR));
    CU_ASSERT_TRUE(gives(100 * US, 0, 0, GIFT_FAR));
}

static void job_shorter_than_its_handling_stays(void)
{
    CU_ASSERT_FALSE(gives(3 * US, 0, 0, GIFT_NEAR));
    CU_ASSERT_FALSE(gives(9 * US, 0, 0, GIFT_FAR));
}

static void what_is_run_sooner_than_moved_stays(void)
{
    CU_ASSERT_TRUE(gives(30 * US, 1, 10000, GIFT_NEAR));
    CU_ASSERT_TRUE(gives(30 * US, 1, 10000, GIFT_FAR));
    CU_ASSERT_FALSE(gives(12 * US, 1, 1000, GIFT_FAR));
}

/* A map over blocks that lie where they were made moves none of them. */
static void job_shorter_than_copying_its_inputs_stays(void)
{
    CU_ASSERT_TRUE(gives(30 * US, 1, 65536, GIFT_NEAR));
    CU_ASSERT_FALSE(gives(10 * US, 1, 65536, GIFT_NEAR));
    CU_ASSERT_FALSE(gives(30 * US, 1, 65536, GIFT_FAR));
}

/* All-to-all steps of 10 us tasks would stay on one worker. */
static void many_small_inputs_do_not_keep_a_job(void)
{
    CU_ASSERT_TRUE(gives(10 * US, INPUTS, 16, GIFT_NEAR));
}

static void pinned_job_stays(void)
{
    struct scene scene;

    scene_init(&scene, 100 * US, 0);
    struct job *free_one = add(&scene, 0, 0);
    add(&scene, 0, RUN_PINNED);
    add(&scene, 0, RUN_PINNED);
    CU_ASSERT_PTR_EQUAL(gift_choose(&scene.agenda, GIFT_NEAR, 1), free_one);
    scene_end(&scene);
}

static void job_of_unknown_length_stays(void)
{
    struct scene scene;

    scene_init(&scene, 100 * US, 0);
    scene.agenda.estimates[0].seen = 1;
    for (int i = 0; i < JOBS; i++) add(&scene, 0, 0);
    CU_ASSERT_PTR_NULL(gift_choose(&scene.agenda, GIFT_NEAR, 1));
    scene_end(&scene);
}

/* Empty jobs behind one that has run for RAN_NS: do they go? */
static bool gives_when_stuck(uint64_t ran_ns, uint32_t inputs,
                             uint64_t input_bytes)
{
    struct scene scene;

    scene_init(&scene, 100, input_bytes);
    add(&scene, 0, 0);
    CU_ASSERT_PTR_NOT_NULL(agenda_take(&scene.agenda));
    for (int i = 0; i < JOBS; i++) add(&scene, inputs, 0);
    scene.agenda.now_ns += ran_ns;
    scene.agenda.running->function = 1; /* of another kind */
    bool given = gift_choose(&scene.agenda, GIFT_NEAR, 1);
    job_free(&scene.mem, scene.agenda.running);
    scene_end(&scene);
    return given;
}

/* Nothing waits for ten seconds behind a job while others have nothing to do. */
static void what_is_stuck_is_given_however_short(void)
{
    CU_ASSERT_TRUE(gives_when_stuck(3000 * US, 0, 0));
    CU_ASSERT_FALSE(gives_when_stuck(1000 * US, 0, 0));
    CU_ASSERT_FALSE(gives_when_stuck(3000 * US, 1, 1 << 20));
    CU_ASSERT_TRUE(gives_when_stuck(1000000 * US, 1, 1 << 20));
}

static void what_needs_a_node_or_cores_goes_where_they_are(void)
{
    struct scene scene;
    struct {
        struct msg_task_run run;
        struct msg_terms terms;
    } message = {.run = {.key = 1, .flags = RUN_TERMS | RUN_NODE},
                 .terms = {.cores = 2, .node = 1}};

    scene_init(&scene, 1000 * US, 0);
    add(&scene, 0, RUN_PINNED); /* something ahead of it */
    struct job *job = job_new(&scene.mem, 0, &message.run);
    agenda_add(&scene.agenda, job);
    CU_ASSERT_PTR_NULL(gift_choose(&scene.agenda, GIFT_NEAR, 1));
    CU_ASSERT_PTR_NULL(gift_choose(&scene.agenda, GIFT_FAR, 2));
    CU_ASSERT_PTR_EQUAL(gift_choose(&scene.agenda, GIFT_NEAR, 2), job);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"what is stuck is given, however short",
         what_is_stuck_is_given_however_short},
        {"what needs a node or cores goes where they are",
         what_needs_a_node_or_cores_goes_where_they_are},
        {"last of long jobs is given", last_of_long_jobs_is_given},
        {"job shorter than its handling stays",
         job_shorter_than_its_handling_stays},
        {"what is run sooner than moved stays",
         what_is_run_sooner_than_moved_stays},
        {"job shorter than copying its inputs stays",
         job_shorter_than_copying_its_inputs_stays},
        {"many small inputs do not keep a job",
         many_small_inputs_do_not_keep_a_job},
        {"pinned job stays", pinned_job_stays},
        {"job of unknown length stays", job_of_unknown_length_stays},
    };
    return check_run("gift", tests, CHECK_COUNT(tests));
}
