/* SPDX-License-Identifier: BSD-3-Clause */
/* graph.h - tasks submitted in one call, which may name each other: checked, and
 * put in order. */
#ifndef GRAPH_H
#define GRAPH_H

#include <stdbool.h>

#include "distmpi/pool.h"

struct graph {
    const dmpi_graph_task *tasks; /* borrowed */
    size_t count;
    size_t *order; /* task numbers, producers first; owned; NULL: as they are */
};

/* TASKS stay the caller's as long as the graph is used; each has been checked on
 * its own. DMPI_EINVAL: they name a task that is not there, or themselves.
 * DMPI_ENOKEY: another input is no key, says IS_KEY(ARG, input). Then there is
 * nothing to be freed. */
dmpi_status graph_init(struct graph *graph, const dmpi_graph_task tasks[],
                       size_t count,
                       bool (*is_key)(const void *arg, uint64_t key),
                       const void *arg);
void graph_fini(struct graph *graph);

/* The number of the task at that PLACE in the order. */
static inline size_t graph_number(const struct graph *graph, size_t place)
{
    return graph->order ? graph->order[place] : place;
}

/* Of one task. */
size_t graph_most_inputs(const struct graph *graph);

/* The inputs of task I to INPUTS; KEYS: of the tasks before it in the order, by
 * number. */
void graph_inputs(const struct graph *graph, size_t i, const dmpi_key keys[],
                  dmpi_key inputs[]);

#endif
