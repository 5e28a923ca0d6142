/* SPDX-License-Identifier: BSD-3-Clause */
/* workload.c - a list of tasks and one of their inputs; eight shapes. */
#include "workload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "random.h"

enum { US = 1000, MS = 1000 * US, KB = 1000 };

void workload_fini(struct workload *workload)
{
    free(workload->tasks);
    free(workload->inputs);
    *workload = (struct workload){0};
}

size_t workload_add(struct workload *workload, uint32_t function, uint64_t ns,
                    uint64_t bytes)
{
    if (workload->count == workload->capacity) {
        workload->capacity = 2 * workload->capacity + 64;
        workload->tasks = log_realloc(
            workload->tasks, workload->capacity * sizeof *workload->tasks);
    }
    ns = ns - ns / 8 + random_below(&workload->random, ns / 4 + 1);
    workload->tasks[workload->count] =
        (struct workload_task){.function = function,
                               .first = workload->input_count,
                               .ns = ns,
                               .bytes = bytes};
    return workload->count++;
}

void workload_use(struct workload *workload, size_t input)
{
    assert(input + 1 < workload->count);
    if (workload->input_count == workload->input_capacity) {
        workload->input_capacity = 2 * workload->input_capacity + 64;
        workload->inputs =
            log_realloc(workload->inputs,
                        workload->input_capacity * sizeof *workload->inputs);
    }
    workload->inputs[workload->input_count++] = input;
    workload->tasks[workload->count - 1].inputs++;
}

uint64_t workload_work_ns(const struct workload *workload)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < workload->count; i++) sum += workload->tasks[i].ns;
    return sum;
}

uint64_t workload_path_ns(const struct workload *workload)
{
    uint64_t *ends = log_alloc(workload->count * sizeof *ends), longest = 0;
    for (size_t i = 0; i < workload->count; i++) {
        const struct workload_task *task = &workload->tasks[i];
        uint64_t begin = 0;
        for (uint32_t k = 0; k < task->inputs; k++) {
            uint64_t end = ends[workload->inputs[task->first + k]];
            if (end > begin) begin = end;
        }
        ends[i] = begin + task->ns;
        if (ends[i] > longest) longest = ends[i];
    }
    free(ends);
    return longest;
}

/* ---- shapes --------------------------------------------------------------*/

/* Many tasks, and one that takes all their results. */
void workload_merge_n(struct workload *workload)
{
    enum { N = 10000 };
    for (size_t i = 0; i < N; i++) workload_add(workload, 0, MS, 100);
    workload_add(workload, 1, MS, 100);
    for (size_t i = 0; i < N; i++) workload_use(workload, i);
}

/* A binary reduction tree of 15 levels: 32767 tasks. */
void workload_tree_15(struct workload *workload)
{
    enum { LEAVES = 1 << 14 };
    for (size_t i = 0; i < LEAVES; i++)
        workload_add(workload, 0, 500 * US, 10 * KB);
    for (size_t i = 0; i < LEAVES - 1; i++) {
        workload_add(workload, 1, 500 * US, 10 * KB);
        workload_use(workload, 2 * i);
        workload_use(workload, 2 * i + 1);
    }
}

/* Cross validation: chunks of data; for each of FOLDS the chunks of the others
 * are joined, models are trained on that with several parameters, each is tried
 * on the fold's own chunk, and the results are brought together. */
void workload_crossv(struct workload *workload)
{
    enum { FOLDS = 32, MODELS = 32 };
    size_t tried[FOLDS * MODELS], count = 0;
    for (size_t i = 0; i < FOLDS; i++)
        workload_add(workload, 0, 2 * MS, 50 * KB);
    for (size_t fold = 0; fold < FOLDS; fold++) {
        size_t joined = workload_add(workload, 1, 2 * MS, 50 * KB * FOLDS);
        for (size_t i = 0; i < FOLDS; i++)
            if (i != fold) workload_use(workload, i);
        for (size_t i = 0; i < MODELS; i++) {
            size_t model = workload_add(workload, 2, 10 * MS, 20 * KB);
            workload_use(workload, joined);
            tried[count++] = workload_add(workload, 3, MS, KB);
            workload_use(workload, model);
            workload_use(workload, fold);
        }
    }
    workload_add(workload, 4, MS, KB);
    for (size_t i = 0; i < count; i++) workload_use(workload, tried[i]);
}

/* Files, every pair of them joined, every pair's sum, and all sums. */
void workload_gridcat(struct workload *workload)
{
    enum { FILES = 48, PAIRS = FILES * (FILES - 1) / 2 };
    size_t sums[PAIRS], count = 0;
    for (size_t i = 0; i < FILES; i++)
        workload_add(workload, 0, 2 * MS, 300 * KB);
    for (size_t i = 0; i < FILES; i++)
        for (size_t j = 0; j < i; j++) {
            size_t joined = workload_add(workload, 1, 4 * MS, 600 * KB);
            workload_use(workload, i);
            workload_use(workload, j);
            sums[count++] = workload_add(workload, 2, 2 * MS, 100);
            workload_use(workload, joined);
        }
    workload_add(workload, 3, MS, 100);
    for (size_t i = 0; i < PAIRS; i++) workload_use(workload, sums[i]);
}

/* A binary tree from its root: each task's result goes to two others. */
void workload_splitters(struct workload *workload)
{
    enum { TASKS = (1 << 13) - 1 };
    for (size_t i = 0; i < TASKS; i++) {
        workload_add(workload, 0, 2 * MS, 100 * KB);
        if (i) workload_use(workload, (i - 1) / 2);
    }
}

/* Stages of many tasks, with one before and behind each. */
void workload_fork_join(struct workload *workload)
{
    enum { STAGES = 6, WIDTH = 1500 };
    size_t join = workload_add(workload, 1, MS, 10 * KB);
    for (size_t stage = 0; stage < STAGES; stage++) {
        for (size_t i = 0; i < WIDTH; i++) {
            workload_add(workload, 0, 2 * MS, 10 * KB);
            workload_use(workload, join);
        }
        size_t next = workload_add(workload, 1, MS, 10 * KB);
        for (size_t i = 0; i < WIDTH; i++)
            workload_use(workload, next - WIDTH + i);
        join = next;
    }
}

enum { TILES = 32, TILE_BYTES = 128 * KB };

/* A step of the factorization makes a new version of tile (I, J) from the old
 * one and tiles A and B (SIZE_MAX: none). */
static void update(struct workload *workload, size_t tiles[][TILES], size_t i,
                   size_t j, uint32_t function, uint64_t ns, size_t a, size_t b)
{
    size_t task = workload_add(workload, function, ns, TILE_BYTES);
    workload_use(workload, tiles[i][j]);
    if (a != SIZE_MAX) workload_use(workload, a);
    if (b != SIZE_MAX) workload_use(workload, b);
    tiles[i][j] = task;
}

/* Right-looking, lower triangle: potrf, trsm, syrk, gemm. */
void workload_cholesky(struct workload *workload)
{
    size_t tiles[TILES][TILES];
    for (size_t i = 0; i < TILES; i++)
        for (size_t j = 0; j <= i; j++)
            tiles[i][j] = workload_add(workload, 0, 200 * US, TILE_BYTES);
    for (size_t k = 0; k < TILES; k++) {
        update(workload, tiles, k, k, 1, 500 * US, SIZE_MAX, SIZE_MAX);
        for (size_t i = k + 1; i < TILES; i++)
            update(workload, tiles, i, k, 2, MS, tiles[k][k], SIZE_MAX);
        for (size_t i = k + 1; i < TILES; i++) {
            for (size_t j = k + 1; j < i; j++)
                update(workload, tiles, i, j, 3, 2 * MS, tiles[i][k],
                       tiles[j][k]);
            update(workload, tiles, i, i, 4, MS, tiles[i][k], SIZE_MAX);
        }
    }
}

/* Layers; each task uses one to three results of the layer before, and its time
 * and size lie anywhere. */
void workload_layered(struct workload *workload)
{
    enum { LAYERS = 20, WIDTH = 400 };
    uint64_t random = 5;
    for (size_t layer = 0; layer < LAYERS; layer++)
        for (size_t i = 0; i < WIDTH; i++) {
            uint32_t function = random_below(&random, 4);
            uint64_t ns = MS * (uint64_t)(1 + function);
            uint64_t bytes = random_below(&random, 200 * KB);
            workload_add(workload, function, ns, bytes);
            uint32_t inputs = layer ? 1 + random_below(&random, 3) : 0;
            for (uint32_t k = 0; k < inputs; k++)
                workload_use(workload, (layer - 1) * WIDTH +
                                           random_below(&random, WIDTH));
        }
}
