/* SPDX-License-Identifier: BSD-3-Clause */
/* test_constants.c - sets of constants by epoch, and jobs that wait for them. */
#include "constants.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

struct scene {
    struct constants constants;
    struct mem mem;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){0};
    constants_init(&scene->constants);
}

static void scene_end(struct scene *scene)
{
    constants_fini(&scene->constants);
    mem_fini(&scene->mem);
}

static void come(struct scene *scene, uint64_t epoch, uint64_t word)
{
    struct buffer *buffer = buffer_new(sizeof word);
    memcpy(buffer->data, &word, sizeof word);
    constants_came(&scene->constants, epoch, buffer);
    buffer_unref(buffer);
}

/* The next epoch sets NAME to WORD. */
static void set(struct scene *scene, const char *name, uint64_t word)
{
    uint64_t epoch = scene->constants.last + 1;
    constants_begin(&scene->constants, epoch, name, true);
    come(scene, epoch, word);
}

/* The word that NAME is in SET; 0: there is none of that name. */
static uint64_t word_in(const struct constant_set *set, const char *name)
{
    const struct buffer *buffer = constant_set_find(set, name);
    return buffer ? *(const uint64_t *)buffer->data : 0;
}

static uint64_t word_at(struct scene *scene, uint64_t epoch, const char *name)
{
    struct constant_set *set = constants_of(&scene->constants, epoch);
    uint64_t word = word_in(set, name);
    constant_set_unref(set);
    return word;
}

static struct job *add_job(struct scene *scene, uint64_t epoch)
{
    struct {
        struct msg_task_run run;
        struct msg_terms terms;
    } message = {.run = {.key = 1, .flags = RUN_TERMS},
                 .terms = {.epoch = epoch}};
    return job_new(&scene->mem, 0, &message.run);
}

static void each_epoch_has_its_own_words(void)
{
    struct scene scene;

    scene_init(&scene);
    set(&scene, "b", 1);
    set(&scene, "a", 2);
    set(&scene, "c", 3);
    set(&scene, "b", 4);
    constants_begin(&scene.constants, 5, "a", false);
    CU_ASSERT_EQUAL(word_at(&scene, 1, "a"), 0);
    CU_ASSERT_EQUAL(word_at(&scene, 1, "b"), 1);
    CU_ASSERT_EQUAL(word_at(&scene, 3, "a"), 2);
    CU_ASSERT_EQUAL(word_at(&scene, 3, "b"), 1);
    CU_ASSERT_EQUAL(word_at(&scene, 3, "c"), 3);
    CU_ASSERT_EQUAL(word_at(&scene, 4, "b"), 4);
    CU_ASSERT_EQUAL(word_at(&scene, 5, "a"), 0);
    CU_ASSERT_EQUAL(word_at(&scene, 5, "b"), 4);
    CU_ASSERT_EQUAL(word_at(&scene, 5, "c"), 3);
    scene_end(&scene);
}

static void any_number_of_names_is_found(void)
{
    enum { NAMES = 500 };
    struct scene scene;
    char name[CONSTANT_NAME_BYTES];
    size_t wrong = 0;

    scene_init(&scene);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%u", i * 7919 % NAMES);
        set(&scene, name, i + 1);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%u", i * 7919 % NAMES);
        wrong += word_at(&scene, NAMES, name) != i + 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(word_at(&scene, NAMES, "n"), 0);
    CU_ASSERT_EQUAL(word_at(&scene, NAMES, "n500"), 0);
    CU_ASSERT_EQUAL(word_at(&scene, NAMES, ""), 0);
    scene_end(&scene);
}

static void removing_what_is_not_there_changes_nothing(void)
{
    struct scene scene;

    scene_init(&scene);
    constants_begin(&scene.constants, 1, "x", false);
    CU_ASSERT_EQUAL(word_at(&scene, 1, "x"), 0);
    set(&scene, "y", 7);
    constants_begin(&scene.constants, 3, "x", false);
    CU_ASSERT_EQUAL(word_at(&scene, 3, "y"), 7);
    scene_end(&scene);
}

static void set_that_is_held_outlives_its_epoch(void)
{
    struct scene scene;

    scene_init(&scene);
    set(&scene, "a", 1);
    struct constant_set *held = constants_of(&scene.constants, 1);
    set(&scene, "a", 2);
    constants_forget(&scene.constants, 2);
    CU_ASSERT_EQUAL(scene.constants.epochs.live, 1);
    CU_ASSERT_EQUAL(word_in(held, "a"), 1);
    CU_ASSERT_EQUAL(word_at(&scene, 2, "a"), 2);
    CU_ASSERT_EQUAL(word_at(&scene, 1, "a"), 2); /* forgotten: the next */
    constant_set_unref(held);
    scene_end(&scene);
}

static void without_constants_there_is_no_set(void)
{
    struct scene scene;

    scene_init(&scene);
    CU_ASSERT_PTR_NULL(constants_of(&scene.constants, 0));
    CU_ASSERT_PTR_NULL(constants_of(&scene.constants, CONSTANTS_NOW));
    CU_ASSERT_PTR_NULL(constant_set_find(NULL, "a"));
    constants_begin(&scene.constants, 1, "a", true);
    CU_ASSERT_PTR_NULL(constants_of(&scene.constants, CONSTANTS_NOW));
    come(&scene, 1, 5);
    CU_ASSERT_EQUAL(word_at(&scene, CONSTANTS_NOW, "a"), 5);
    CU_ASSERT_PTR_NULL(constants_of(&scene.constants, 0));
    scene_end(&scene);
}

static void jobs_wait_for_all_epochs_up_to_theirs(void)
{
    struct scene scene;

    scene_init(&scene);
    constants_begin(&scene.constants, 1, "a", true);
    constants_begin(&scene.constants, 2, "b", true);
    struct job *third = add_job(&scene, 3), *second = add_job(&scene, 2);
    CU_ASSERT_EQUAL(job_epoch(third), 3);
    constants_await(&scene.constants, third);
    constants_await(&scene.constants, second);
    CU_ASSERT(third->missing == 1 && second->missing == 1);
    come(&scene, 2, 1);
    CU_ASSERT_PTR_NULL(constants_next_job(&scene.constants));
    come(&scene, 1, 1);
    CU_ASSERT_PTR_EQUAL(constants_next_job(&scene.constants), second);
    CU_ASSERT_PTR_NULL(constants_next_job(&scene.constants));
    constants_begin(&scene.constants, 3, "a", false);
    CU_ASSERT_PTR_EQUAL(constants_next_job(&scene.constants), third);
    struct job *late = add_job(&scene, 1);
    constants_await(&scene.constants, late);
    CU_ASSERT_EQUAL(late->missing, 0);
    job_free(&scene.mem, second);
    job_free(&scene.mem, third);
    job_free(&scene.mem, late);
    scene_end(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"each epoch has its own words", each_epoch_has_its_own_words},
        {"any number of names is found", any_number_of_names_is_found},
        {"removing what is not there changes nothing",
         removing_what_is_not_there_changes_nothing},
        {"a set that is held outlives its epoch",
         set_that_is_held_outlives_its_epoch},
        {"without constants there is no set",
         without_constants_there_is_no_set},
        {"jobs wait for all epochs up to theirs",
         jobs_wait_for_all_epochs_up_to_theirs},
    };
    return check_run("constants", tests, CHECK_COUNT(tests));
}
