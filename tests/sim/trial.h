/* SPDX-License-Identifier: BSD-3-Clause */
/* trial.h - a workload from submission to stop, in virtual time, with messages
 * and transfers that take theirs. */
#ifndef TRIAL_H
#define TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workload.h"

struct trial_setup {
    int workers;
    bool steal;
    size_t placed; /* so many of the first tasks go to workers in equal runs */
};

struct trial {
    bool clean;      /* all tasks ran, and the stop left nothing behind */
    uint64_t ns;     /* the makespan */
    double ratio;    /* the makespan over the least possible */
    double messages; /* that the center says and hears, per task */
    double fetches;  /* that workers say, per task */
    double share;    /* of the tasks, on the worker that ran most */
    uint64_t moved;  /* bytes in transfers */
    uint64_t stolen; /* tasks */
    bool ample;      /* there is far more work than the longest path */
};

/* At best a graph takes max(its longest path, its work / workers). */
struct trial trial_run(const struct workload *workload,
                       const struct trial_setup *setup);

#endif
