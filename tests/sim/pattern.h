/* SPDX-License-Identifier: BSD-3-Clause */
/* pattern.h - the dependence patterns of Task Bench (Slaughter et al., SC 2020)
 * as workloads: columns by steps, the task at (step, column) has the outputs of
 * some columns of the step before as its inputs. */
#ifndef PATTERN_H
#define PATTERN_H

#include "workload.h"

enum pattern {
    PATTERN_TRIVIAL,
    PATTERN_NO_COMM,
    PATTERN_STENCIL,
    PATTERN_FFT,
    PATTERN_TREE,
    PATTERN_ALL,
    PATTERN_NEAREST,
    PATTERN_SPREAD,
    PATTERN_RANDOM,
    PATTERNS
};

extern const char *const pattern_names[PATTERNS];

struct pattern_size {
    size_t columns, steps;
    uint64_t ns, bytes; /* of a task, of its output */
};

/* Fill an empty WORKLOAD. Its first tasks are those of step 0, which have no
 * inputs; returns how many. */
size_t pattern_fill(struct workload *workload, enum pattern pattern,
                    const struct pattern_size *size);

#endif
