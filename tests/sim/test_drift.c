/* SPDX-License-Identifier: BSD-3-Clause */
/* test_drift.c - columns of small values stay on their workers.
 *
 * Values of 16 bytes, of which each task takes some of the step before: whoever
 * owns more of them must not draw the tasks of the others. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "pattern.h"
#include "trial.h"

enum { US = 1000, STEPS = 100, BYTES = 16 };

struct drift {
    enum pattern pattern;
    struct pattern_size size;
    struct trial_setup setup;
};

static size_t owner(const struct drift *drift, size_t task)
{
    size_t columns = drift->size.columns;
    return task % columns * (size_t)drift->setup.workers / columns;
}

/* Fetches, if each column stays on the worker that has its first task: each
 * worker asks once for each value of another that it uses. */
static size_t fetches_in_place(const struct drift *drift,
                               const struct workload *workload)
{
    size_t workers = (size_t)drift->setup.workers, fetches = 0;
    unsigned char *asked = log_alloc(workload->count * workers);
    for (size_t i = 0; i < workload->count * workers; i++) asked[i] = 0;
    for (size_t i = 0; i < workload->count; i++)
        for (uint32_t k = 0; k < workload->tasks[i].inputs; k++) {
            size_t input = workload->inputs[workload->tasks[i].first + k];
            size_t user = owner(drift, i);
            if (owner(drift, input) == user) continue;
            fetches += !asked[input * workers + user];
            asked[input * workers + user] = 1;
        }
    free(asked);
    return fetches;
}

static struct trial run(struct drift *drift, struct workload *workload)
{
    drift->setup.placed = pattern_fill(workload, drift->pattern, &drift->size);
    struct trial trial = trial_run(workload, &drift->setup);
    printf("\n    %-14s %2zu columns, %2llu us, %d workers%s: %.3f of the "
           "least, %.1f %% on one, %.2f messages and %.2f fetches a task",
           pattern_names[drift->pattern], drift->size.columns,
           (unsigned long long)(drift->size.ns / US), drift->setup.workers,
           drift->setup.steal ? " that steal" : "", trial.ratio,
           100 * trial.share, trial.messages, trial.fetches);
    CU_ASSERT_TRUE(trial.clean);
    return trial;
}

static void columns_stay(struct drift *drift)
{
    struct workload workload = {.random = 1};
    struct trial trial = run(drift, &workload);
    double count = (double)workload.count;
    CU_ASSERT_DOUBLE_EQUAL(trial.share, 1.0 / drift->setup.workers, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(trial.fetches * count,
                           (double)fetches_in_place(drift, &workload), 0.5);
    CU_ASSERT_TRUE(trial.ratio <= 1.15);
    workload_fini(&workload);
}

static void work_is_shared(struct drift *drift)
{
    struct workload workload = {.random = 1};
    struct trial trial = run(drift, &workload);
    CU_ASSERT_TRUE(trial.share * drift->setup.workers <= 1.2);
    CU_ASSERT_TRUE(trial.ratio <= 1.2);
    workload_fini(&workload);
}

static void for_sizes(enum pattern pattern, bool steal,
                      void (*test)(struct drift *drift))
{
    static const size_t columns[] = {16, 64};
    static const uint64_t us[] = {8, 64};
    static const int workers[] = {2, 8};
    for (size_t i = 0; i < 8; i++) {
        struct drift drift = {
            .pattern = pattern,
            .size = {.columns = columns[i / 4],
                     .steps = STEPS,
                     .ns = us[i / 2 % 2] * US,
                     .bytes = BYTES},
            .setup = {.workers = workers[i % 2], .steal = steal}};
        test(&drift);
    }
}

static void columns_stay_where_they_are(void)
{
    for (int pattern = 0; pattern < PATTERNS; pattern++)
        if (pattern != PATTERN_TRIVIAL && pattern != PATTERN_TREE)
            for_sizes(pattern, false, columns_stay);
}

/* A tree has one first task: all lie where that ran, and must be stolen. */
static void stealing_leaves_work_shared(void)
{
    for (int pattern = 0; pattern < PATTERNS; pattern++)
        for_sizes(pattern, true, work_is_shared);
}

static void tasks_without_inputs_are_shared(void)
{
    for_sizes(PATTERN_TRIVIAL, false, work_is_shared);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"columns stay where they are", columns_stay_where_they_are},
        {"stealing leaves work shared", stealing_leaves_work_shared},
        {"tasks without inputs are shared", tasks_without_inputs_are_shared},
    };
    return check_run("drift", tests, CHECK_COUNT(tests));
}
