/* SPDX-License-Identifier: BSD-3-Clause */
/* test_quality.c - how near to the best the graphs of the literature run.
 *
 * In virtual time, with messages and transfers that take theirs: at best a graph
 * takes max(its longest path, its work / workers). */
#include "check.h"

#include <stdio.h>

#include "trial.h"

static struct trial run(const struct workload *workload, int workers)
{
    struct trial_setup setup = {.workers = workers, .steal = true};
    struct trial trial = trial_run(workload, &setup);
    CU_ASSERT_TRUE(trial.clean);
    printf("\n    %6zu tasks, %3d workers: %8.2f ms, %.3f of the least%s, "
           "%7.1f MB moved, %.2f messages a task, %llu stolen",
           workload->count, workers, (double)trial.ns / 1e6, trial.ratio,
           trial.ample ? "*" : " ", (double)trial.moved / 1e6, trial.messages,
           (unsigned long long)trial.stolen);
    return trial;
}

static void check_quality(void (*make)(struct workload *))
{
    static const int workers[] = {2, 8, 32, 128, 512};
    struct workload workload = {.random = 1};

    make(&workload);
    /* RUN, DONE and DROP; a copy of each input, noted or fetched, to be dropped;
     * and a task that moves: however many workers there are. */
    double most = 4 + 2 * (double)workload.input_count / (double)workload.count;
    for (size_t i = 0; i < CHECK_COUNT(workers); i++) {
        struct trial trial = run(&workload, workers[i]);
        CU_ASSERT_TRUE(trial.ratio >= 1);
        CU_ASSERT_TRUE(trial.messages <= most);
        if (trial.ample) CU_ASSERT_TRUE(trial.ratio <= 1.15);
    }
    workload_fini(&workload);
}

#define QUALITY(name)                                                          \
    static void name##_runs_near_the_best(void)                                \
    {                                                                          \
        check_quality(workload_##name);                                        \
    }
QUALITY(merge_n)
QUALITY(tree_15)
QUALITY(crossv)
QUALITY(gridcat)
QUALITY(splitters)
QUALITY(fork_join)
QUALITY(cholesky)
QUALITY(layered)

int main(void)
{
    static const struct check_test tests[] = {
        {"merge-n runs near the best", merge_n_runs_near_the_best},
        {"tree-15 runs near the best", tree_15_runs_near_the_best},
        {"crossv runs near the best", crossv_runs_near_the_best},
        {"gridcat runs near the best", gridcat_runs_near_the_best},
        {"splitters run near the best", splitters_runs_near_the_best},
        {"fork-join runs near the best", fork_join_runs_near_the_best},
        {"Cholesky runs near the best", cholesky_runs_near_the_best},
        {"random layers run near the best", layered_runs_near_the_best},
    };
    return check_run("quality", tests, CHECK_COUNT(tests));
}
