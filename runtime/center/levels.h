/* SPDX-License-Identifier: BSD-3-Clause */
/* levels.h - which tasks of a graph come first.
 *
 * A task's b-level is the length of the longest path from its beginning to the
 * end of the graph, by what its functions are thought to take (Adam, Chandy and
 * Dickson, "A comparison of list schedules for parallel processing systems",
 * CACM 1974). The higher it is the earlier is the task's turn. */
#ifndef LEVELS_H
#define LEVELS_H

#include "graph.h"
#include "scheduler.h"

/* Who submits a task of a graph, as center_submit() does, or finds its key
 * elsewhere. */
struct submitter {
    uint64_t (*submit)(void *arg, const struct task_order *order);
    void *arg;
};

/* Submit all tasks of GRAPH, by SUBMITTER unless that is NULL. KEYS[i] receives
 * the key of task i. */
void levels_submit(const struct graph *graph, struct scheduler *scheduler,
                   const struct submitter *submitter, dmpi_key keys[]);

#endif
