/* SPDX-License-Identifier: BSD-3-Clause */
/* estimates.h - what the tasks of each function have taken and put out so far.
 *
 * Learned from tasks that ended well, by function and over all: of a function
 * that nobody has seen, all others tell something. */
#ifndef ESTIMATES_H
#define ESTIMATES_H

#include "distmpi/status.h"
#include "estimate.h"
#include "record.h"

struct estimates {
    struct estimate *of; /* by function; owned */
    struct estimate any; /* over all functions */
};

void estimates_init(struct estimates *estimates, uint32_t functions);
void estimates_fini(struct estimates *estimates);

/* A task of FUNCTION has ended. */
static inline void estimates_learn(struct estimates *estimates,
                                   uint32_t function,
                                   const struct msg_task_done *done)
{
    if (done->status != DMPI_OK) return;
    estimate_learn(&estimates->of[function], done->ns, done->bytes);
    estimate_learn(&estimates->any, done->ns, done->bytes);
}

/* What a task of FUNCTION adds to the load of a worker, in ns. */
static inline uint32_t estimates_cost_ns(const struct estimates *estimates,
                                         uint32_t function)
{
    uint64_t cost = estimate_ns(&estimates->of[function]);
    return cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
}

/* What FUNCTION is thought to take: 1, if nothing is known of any. */
uint64_t estimates_ns(const struct estimates *estimates, uint32_t function);

/* How large the inputs of SPEC will be that do not exist yet, in their records:
 * as large as the outputs of their functions so far. A guess that is far from the
 * sizes of those that do exist would draw all tasks to the worker that is ahead
 * of the others. */
void estimates_guess_sizes(const struct estimates *estimates,
                           struct spec *spec);

#endif
