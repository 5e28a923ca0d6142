/* SPDX-License-Identifier: BSD-3-Clause */
/* test_circle.c - which waits go round, and what is said of them. */
#include "circle.h"

#include "check.h"
#include "distmpi/pool.h"
#include "registry.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS_MAX = 1000, INPUTS_MAX = 3 };

static void nothing(dmpi_task *task)
{
}

static dmpi_function entry = {.name = "search", .call = nothing};

/* Tasks by number; key and number are one. */
struct scene {
    struct catalog catalog;
    struct circle circle;
    struct record *tasks[TASKS_MAX + 1];
    uint64_t count;
};

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    catalog_init(&scene->catalog, 2);
    scene->circle.catalog = &scene->catalog;
}

static void scene_fini(struct scene *scene)
{
    circle_fini(&scene->circle);
    for (uint64_t i = 1; i <= scene->count; i++) {
        free(scene->tasks[i]->spec);
        scene->tasks[i]->spec = NULL;
        catalog_remove(&scene->catalog, scene->tasks[i]);
    }
    catalog_fini(&scene->catalog);
}

/* A task with one INPUT, 0: none, and a NAME or NULL; returns its number. */
static uint64_t add(struct scene *scene, uint64_t input, const char *name)
{
    struct record *record = catalog_make(&scene->catalog);
    size_t length = name ? strlen(name) : 0;
    record->state = TASK_PLACED;
    record->spec = calloc(1, spec_bytes(1, length));
    record->spec->inputs = input != 0;
    record->spec->name = (uint8_t)length;
    if (input) spec_inputs(record->spec)[0] = scene->tasks[input];
    if (name) memcpy(spec_name(record->spec), name, length);
    scene->tasks[++scene->count] = record;
    CU_ASSERT_EQUAL_FATAL(record->key, scene->count);
    return scene->count;
}

static void add_some(struct scene *scene, uint64_t count)
{
    while (scene->count < count) add(scene, 0, NULL);
}

static void waits(struct scene *scene, uint64_t task, uint64_t key)
{
    circle_add(&scene->circle, task, &key, 1);
}

static bool finds(struct scene *scene, uint64_t task)
{
    char *line = circle_find(&scene->circle, task);
    bool found = line != NULL;
    free(line);
    return found;
}

/* ---- what is one ---------------------------------------------------------*/

static void nobody_who_waits_for_others_is_in_one(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, 3);
    CU_ASSERT_FALSE(finds(&scene, 1));
    waits(&scene, 1, 2);
    waits(&scene, 2, 3);
    for (uint64_t i = 1; i <= 3; i++) CU_ASSERT_FALSE(finds(&scene, i));
    scene_fini(&scene);
}

static void a_task_may_wait_for_itself(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, 1);
    waits(&scene, 1, 1);
    CU_ASSERT_TRUE(finds(&scene, 1));
    scene_fini(&scene);
}

/* 1, 2 and 3 go round; 4 waits for one of them, and is not in it. */
static void only_those_on_the_way_round_are_in_it(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, 4);
    waits(&scene, 1, 2);
    waits(&scene, 2, 3);
    waits(&scene, 3, 1);
    waits(&scene, 4, 2);
    for (uint64_t i = 1; i <= 3; i++) CU_ASSERT_TRUE(finds(&scene, i));
    CU_ASSERT_FALSE(finds(&scene, 4));
    scene_fini(&scene);
}

/* What has not begun waits for its inputs. */
static void inputs_are_waited_for_too(void)
{
    struct scene scene;
    scene_init(&scene);
    uint64_t parent = add(&scene, 0, NULL);
    uint64_t child = add(&scene, add(&scene, parent, NULL), NULL);
    waits(&scene, parent, child);
    CU_ASSERT_TRUE(finds(&scene, parent));
    CU_ASSERT_TRUE(finds(&scene, child));
    scene_fini(&scene);
}

static void each_of_several_waits_counts(void)
{
    struct scene scene;
    const uint64_t keys[INPUTS_MAX] = {2, 3, 4};
    scene_init(&scene);
    add_some(&scene, 4);
    circle_add(&scene.circle, 1, keys, INPUTS_MAX);
    waits(&scene, 2, 3);
    CU_ASSERT_FALSE(finds(&scene, 1));
    waits(&scene, 4, 1);
    CU_ASSERT_TRUE(finds(&scene, 1));
    scene_fini(&scene);
}

/* ---- what ends it --------------------------------------------------------*/

static void another_wait_replaces_the_one_before(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, 3);
    waits(&scene, 1, 2);
    waits(&scene, 2, 1);
    waits(&scene, 2, 3);
    CU_ASSERT_FALSE(finds(&scene, 1));
    circle_add(&scene.circle, 1, NULL, 0);
    waits(&scene, 2, 1);
    CU_ASSERT_FALSE(finds(&scene, 2));
    scene_fini(&scene);
}

static void who_has_ended_waits_for_nothing(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, 2);
    waits(&scene, 1, 2);
    waits(&scene, 2, 1);
    scene.tasks[2]->state = TASK_DONE;
    CU_ASSERT_FALSE(finds(&scene, 1));
    scene.tasks[2]->state = TASK_PLACED;
    CU_ASSERT_TRUE(finds(&scene, 1));
    circle_remove(&scene.circle, 2);
    circle_remove(&scene.circle, 2); /* it is not there: fine */
    CU_ASSERT_FALSE(finds(&scene, 1));
    CU_ASSERT_EQUAL(scene.circle.waits.count, 1);
    scene_fini(&scene);
}

static void a_key_that_is_no_task_is_passed_over(void)
{
    struct scene scene;
    const uint64_t keys[2] = {999999, 2};
    scene_init(&scene);
    add_some(&scene, 2);
    circle_add(&scene.circle, 1, keys, 2);
    waits(&scene, 2, 1);
    CU_ASSERT_TRUE(finds(&scene, 1));
    scene_fini(&scene);
}

/* Each task is looked at once, however many ways lead there, and none of them
 * takes stack. */
static void a_long_way_round_is_found(void)
{
    struct scene scene;
    scene_init(&scene);
    add_some(&scene, TASKS_MAX);
    for (uint64_t i = 1; i < TASKS_MAX; i++) {
        const uint64_t keys[2] = {i + 1, i + 2 <= TASKS_MAX ? i + 2 : i + 1};
        circle_add(&scene.circle, i, keys, 2);
    }
    CU_ASSERT_FALSE(finds(&scene, 1));
    waits(&scene, TASKS_MAX, 1);
    CU_ASSERT_TRUE(finds(&scene, 1));
    scene_fini(&scene);
}

/* ---- what is said --------------------------------------------------------*/

static void line_names_the_tasks_in_order(void)
{
    struct scene scene;
    scene_init(&scene);
    add(&scene, 0, "left");
    add(&scene, 0, NULL);
    waits(&scene, 1, 2);
    waits(&scene, 2, 1);
    char *line = circle_find(&scene.circle, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_STRING_EQUAL(line,
                           "task 'left' (key 1) waits for itself by way of "
                           "others: it waits, that for task 'search' (key 2)");
    free(line);
    waits(&scene, 1, 1);
    line = circle_find(&scene.circle, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_STRING_EQUAL(line, "task 'left' (key 1) waits for itself");
    free(line);
    scene_fini(&scene);
}

static void line_of_many_names_ends(void)
{
    struct scene scene;
    char name[DMPI_NAME_MAX];
    memset(name, 'x', sizeof name);
    name[DMPI_NAME_MAX - 1] = 0;
    scene_init(&scene);
    for (uint64_t i = 1; i <= 9; i++) add(&scene, 0, name);
    for (uint64_t i = 1; i <= 9; i++) waits(&scene, i, i % 9 + 1);
    char *line = circle_find(&scene.circle, 4);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "(key 4) waits for itself"));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "(key 9), and so on"));
    CU_ASSERT_PTR_NULL(strstr(line, "(key 1)"));
    free(line);
    scene_fini(&scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"nobody who waits for others is in one",
         nobody_who_waits_for_others_is_in_one},
        {"a task may wait for itself", a_task_may_wait_for_itself},
        {"only those on the way round are in it",
         only_those_on_the_way_round_are_in_it},
        {"inputs are waited for too", inputs_are_waited_for_too},
        {"each of several waits counts", each_of_several_waits_counts},
        {"another wait replaces the one before",
         another_wait_replaces_the_one_before},
        {"who has ended waits for nothing", who_has_ended_waits_for_nothing},
        {"a key that is no task is passed over",
         a_key_that_is_no_task_is_passed_over},
        {"a long way round is found", a_long_way_round_is_found},
        {"the line names the tasks in order", line_names_the_tasks_in_order},
        {"the line of many names ends", line_of_many_names_ends},
    };
    const char *twice;
    registry_enter(&entry);
    registry_seal(&twice);
    return check_run("circle", tests, CHECK_COUNT(tests));
}
