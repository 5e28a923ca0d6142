/* SPDX-License-Identifier: BSD-3-Clause */
/* workload.h - graphs of the literature, with how long each task takes and how
 * much it puts out.
 *
 * merge-n and tree-15 as in Boehm and Beranek, "Runtime vs scheduler: analyzing
 * Dask's overheads" (WORKS 2020); crossv, gridcat and splitters as in Beranek,
 * Boehm and Cima, "Analysis of workflow schedulers in simulated distributed
 * environments" (Journal of Supercomputing 2022), their shapes, with times and
 * sizes of our own: milliseconds instead of seconds. fork-join, tiled Cholesky
 * and random layered graphs are common in the field (Kwok and Ahmad, "Static
 * scheduling algorithms for allocating directed task graphs", 1999). */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

struct workload_task {
    uint32_t function; /* tasks of one function take about the same time */
    uint32_t inputs;   /* count */
    size_t first;      /* of them, in workload.inputs */
    uint64_t ns;       /* that it takes */
    uint64_t bytes;    /* that it puts out */
};

/* Tasks name earlier tasks only. */
struct workload {
    struct workload_task *tasks; /* owned */
    size_t count, capacity;
    size_t *inputs; /* task numbers; owned */
    size_t input_count, input_capacity;
    uint64_t random;
};

/* All zero is an empty workload. */
void workload_fini(struct workload *workload);

/* One more task, without inputs, that takes about NS, up to an eighth more or
 * less. Returns its number. */
size_t workload_add(struct workload *workload, uint32_t function, uint64_t ns,
                    uint64_t bytes);

/* The task added last uses the result of task INPUT. */
void workload_use(struct workload *workload, size_t input);

uint64_t workload_work_ns(const struct workload *workload);
uint64_t workload_path_ns(const struct workload *workload); /* the longest */

/* Each fills an empty workload. */
void workload_merge_n(struct workload *workload);
void workload_tree_15(struct workload *workload);
void workload_crossv(struct workload *workload);
void workload_gridcat(struct workload *workload);
void workload_splitters(struct workload *workload);
void workload_fork_join(struct workload *workload);
void workload_cholesky(struct workload *workload);
void workload_layered(struct workload *workload);

#endif
