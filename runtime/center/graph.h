/* SPDX-License-Identifier: BSD-3-Clause */
/* graph.h - tasks submitted in one call, which may name each other: checked,
 * put in order, weighed.
 *
 * A task's b-level is the length of the longest path from its beginning to the
 * end of the graph, by what its functions are thought to take (Adam, Chandy and
 * Dickson, "A comparison of list schedules for parallel processing systems",
 * CACM 1974). The higher it is the earlier is the task's turn. */
#ifndef GRAPH_H
#define GRAPH_H

#include "distmpi/pool.h"
#include "scheduler.h"

struct graph {
    const dmpi_graph_task *tasks; /* borrowed */
    size_t count;
    size_t *order;      /* task numbers, producers first; NULL: as they are */
    uint64_t *level_ns; /* b-level of each task; owned, like the order */
    uint64_t top_ns;    /* the highest */
};

/* TASKS stay the caller's as long as the graph is used; each has been checked on
 * its own. DMPI_EINVAL: they name a task that is not there, or themselves.
 * DMPI_ENOKEY: another input is no key in CATALOG that the application holds.
 * Then there is nothing to be freed. */
dmpi_status graph_init(struct graph *graph, const dmpi_graph_task tasks[],
                       size_t count, const struct catalog *catalog);
void graph_fini(struct graph *graph);

/* Submit all. KEYS[i] receives the key of task i. */
void graph_submit(struct graph *graph, struct scheduler *scheduler,
                  dmpi_key keys[]);

#endif
