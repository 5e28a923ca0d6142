/* SPDX-License-Identifier: BSD-3-Clause */
/* test_boundaries.c - small applications, and the loss of each worker at every
 * moment between two messages; then of two, at moments that a seed picks. */
#include "check.h"

#include "oracle.h"
#include "random.h"
#include "seeds.h"
#include "stage.h"

enum { PAIRS = 50, KEEP_ALL = 1000, LARGE_BYTES = 6000 };

/* ---- plays ---------------------------------------------------------------*/

static bool chain(struct stage *stage, unsigned number)
{
    if (number) return false;
    struct stage_task task = {.function = ORACLE_SMALL};
    for (int i = 0; i < 6; i++) {
        task.inputs[0] = stage_submit(stage, &task);
        task.input_count = 1;
        task.function = i % 2 ? ORACLE_WORD : ORACLE_LARGE;
    }
    return true;
}

static bool diamond(struct stage *stage, unsigned number)
{
    if (number) return false;
    size_t top = stage_submit(
        stage, &(struct stage_task){.function = ORACLE_LARGE, .target = 1});
    size_t left = stage_submit(
        stage, &(struct stage_task){
                   ORACLE_MEDIUM, {top}, .input_count = 1, .target = 2});
    size_t right = stage_submit(
        stage, &(struct stage_task){
                   ORACLE_LARGE, {top}, .input_count = 1, .target = 3});
    stage_submit(stage,
                 &(struct stage_task){ORACLE_WORD, {left, right}, 2, 0, NULL});
    return true;
}

/* The last two fail, and so does what is made of them. */
static bool map_and_reduce(struct stage *stage, unsigned number)
{
    size_t maps[6], sums[3];
    if (number) return false;
    for (size_t i = 0; i < 6; i++)
        maps[i] = stage_submit(
            stage, &(struct stage_task){.function = i < 4 ? ORACLE_SMALL
                                                          : ORACLE_FAIL});
    for (size_t i = 0; i < 3; i++)
        sums[i] = stage_submit(
            stage, &(struct stage_task){ORACLE_WORD,
                                        {maps[2 * i], maps[2 * i + 1]},
                                        .input_count = 2});
    stage_submit(stage, &(struct stage_task){
                            ORACLE_WORD, {sums[0], sums[1]}, .input_count = 2});
    stage_submit(stage, &(struct stage_task){ORACLE_WORD,
                                             {sums[0], sums[1], sums[2]},
                                             .input_count = 3});
    return true;
}

/* Where they lie they are used; then all come together. */
static bool scatter(struct stage *stage, unsigned number)
{
    size_t used[STAGE_WORKERS];
    if (number) return false;
    for (int rank = 1; rank <= STAGE_WORKERS; rank++) {
        size_t part = stage_put(stage, rank, rank == 1 ? 100 : LARGE_BYTES);
        used[rank - 1] = stage_submit(
            stage,
            &(struct stage_task){ORACLE_SMALL, {part}, .input_count = 1});
    }
    stage_submit(stage, &(struct stage_task){ORACLE_WORD,
                                             {used[0], used[1], used[2]},
                                             .input_count = 3});
    return true;
}

/* Worker 1 has all the work. */
static bool theft(struct stage *stage, unsigned number)
{
    struct stage_task task = {.function = ORACLE_SMALL, .target = 1};
    if (number) return false;
    for (int i = 0; i < 8; i++) {
        size_t made = stage_submit(stage, &task);
        if (i % 3) continue;
        task.inputs[0] = made;
        task.input_count = 1;
    }
    return true;
}

static bool replicas(struct stage *stage, unsigned number)
{
    switch (number) {
    case 0:
        stage_submit(stage, &(struct stage_task){.function = ORACLE_LARGE});
        stage_put(stage, 1, LARGE_BYTES);
        return true;
    case 1:
        stage_replicate(stage, 0, 2);
        stage_replicate(stage, 1, 1);
        return true;
    case 2:
        for (int rank = 1; rank <= STAGE_WORKERS; rank++)
            stage_submit(stage, &(struct stage_task){ORACLE_WORD,
                                                     {0, 1},
                                                     .input_count = 2,
                                                     .target = rank});
        return true;
    default: return false;
    }
}

/* One license for all, and what those that have it need was made with it. */
static bool licenses(struct stage *stage, unsigned number)
{
    struct stage_task task = {.function = ORACLE_WORD, .resources = "license"};
    if (number) return false;
    for (int i = 0; i < 3; i++) {
        task.inputs[0] = stage_submit(stage, &task);
        task.input_count = 1;
        task.target = 1 + i;
    }
    task.resources = "gpu";
    stage_submit(stage, &task);
    return true;
}

/* More than a worker's memory, on worker 1. */
static bool spill(struct stage *stage, unsigned number)
{
    struct stage_task task = {.function = ORACLE_LARGE, .target = 1};
    size_t made[6];
    if (number) return false;
    for (size_t i = 0; i < 6; i++) made[i] = stage_submit(stage, &task);
    for (size_t i = 0; i < 3; i++)
        stage_submit(stage, &(struct stage_task){ORACLE_LARGE,
                                                 {made[i], made[5 - i]},
                                                 .input_count = 2,
                                                 .target = 1 + (int)i});
    return true;
}

static bool constants(struct stage *stage, unsigned number)
{
    struct stage_task task = {.function = ORACLE_WORD};
    if (number) return false;
    stage_constant(stage, LARGE_BYTES);
    for (int rank = 1; rank <= STAGE_WORKERS; rank++) {
        task.target = rank;
        stage_submit(stage, &task);
    }
    return true;
}

/* ---- at every boundary ---------------------------------------------------*/

/* Without a loss; 0: that goes wrong already. */
static uint64_t count_events(const struct play *play, uint64_t seed)
{
    uint64_t events = 0;
    return stage_run(play, seed, NULL, 0, &events) ? events : 0;
}

/* Of what the lost one has said nothing arrives, or all of it. */
static bool lose_each(const struct play *play, uint64_t seed)
{
    uint64_t events = count_events(play, seed);
    bool good = events;
    for (uint64_t at = 0; good && at <= events; at++)
        for (int rank = 1; rank <= STAGE_WORKERS; rank++)
            for (int all = 0; all <= 1; all++) {
                const struct cluster_blow blow = {at, rank, all ? KEEP_ALL : 0};
                good = stage_run(play, seed, &blow, 1, NULL) && good;
            }
    return good;
}

static bool lose_two(const struct play *play, uint64_t seed)
{
    uint64_t events = count_events(play, seed), random = seed;
    bool good = events;
    for (int i = 0; i < PAIRS && good; i++) {
        struct cluster_blow blows[2];
        blows[0].at = random_below(&random, events + 1);
        blows[1].at =
            blows[0].at + random_below(&random, events + 1 - blows[0].at);
        blows[0].rank = 1 + (int)random_below(&random, STAGE_WORKERS);
        blows[1].rank = 1 + blows[0].rank % STAGE_WORKERS;
        for (int k = 0; k < 2; k++) blows[k].keep = random_below(&random, 4);
        good = stage_run(play, seed, blows, 2, NULL);
    }
    return good;
}

/* The seed decides in which order messages arrive. */
static const struct play plays[] = {
    {"chain", chain, NULL, 0},
    {"diamond", diamond, NULL, 0},
    {"map and reduce", map_and_reduce, NULL, 0},
    {"scatter", scatter, NULL, 0},
    {"theft", theft, NULL, 0},
    {"replicas", replicas, NULL, 0},
    {"licenses", licenses, "license:1@pool gpu:1", 0},
    {"spill", spill, NULL, 3 * (PORT_INLINE_MAX + 4000)},
    {"constants", constants, NULL, 0},
};

static bool each(uint64_t seed)
{
    bool good = true;
    for (size_t i = 0; i < CHECK_COUNT(plays); i++)
        good = lose_each(&plays[i], seed) && good;
    return good;
}

static bool two(uint64_t seed)
{
    bool good = true;
    for (size_t i = 0; i < CHECK_COUNT(plays); i++)
        good = lose_two(&plays[i], seed) && good;
    return good;
}

static void one_loss_at_every_boundary(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(2, each), 0);
}

static void two_losses_at_some_boundaries(void)
{
    check_limit(600);
    CU_ASSERT_EQUAL(seeds_run(4, two), 0);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"one loss at every boundary", one_loss_at_every_boundary},
        {"two losses at some boundaries", two_losses_at_some_boundaries},
    };
    return check_run("boundaries", tests, CHECK_COUNT(tests));
}
