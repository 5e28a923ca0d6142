/* SPDX-License-Identifier: BSD-3-Clause */
/* levels.c - b-levels from the sinks up. */
#include "levels.h"

#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "log.h"

struct levels {
    uint64_t *ns;    /* b-level of each task; owned */
    uint64_t top_ns; /* the highest */
};

/* From the last task to the first: users before their producers. */
static void weigh(struct levels *levels, const struct graph *graph,
                  const struct scheduler *scheduler)
{
    uint64_t *level_ns = log_alloc(graph->count * sizeof *level_ns);
    memset(level_ns, 0, graph->count * sizeof *level_ns);
    *levels = (struct levels){.ns = level_ns};
    for (size_t place = graph->count; place-- > 0;) {
        size_t i = graph_number(graph, place);
        const dmpi_graph_task *task = &graph->tasks[i];
        level_ns[i] +=
            estimates_ns(&scheduler->estimates, task->function->index);
        if (level_ns[i] > levels->top_ns) levels->top_ns = level_ns[i];
        for (size_t k = 0; k < task->input_count; k++) {
            if (!key_is_nth(task->inputs[k])) continue;
            size_t input = key_counter(task->inputs[k]);
            if (level_ns[input] < level_ns[i]) level_ns[input] = level_ns[i];
        }
    }
}

/* Turns after that of the highest level; long paths share some. */
static uint32_t later(const struct levels *levels, size_t i)
{
    uint64_t below_ns = levels->top_ns - levels->ns[i];
    if (levels->top_ns < GRAPH_TURNS_MAX) return (uint32_t)below_ns;
    return (uint32_t)((double)below_ns * (GRAPH_TURNS_MAX - 1) /
                      (double)levels->top_ns);
}

void levels_submit(const struct graph *graph, struct scheduler *scheduler,
                   const struct submitter *submitter, dmpi_key keys[])
{
    struct levels levels;
    uint64_t *inputs = log_alloc(graph_most_inputs(graph) * sizeof *inputs);
    weigh(&levels, graph, scheduler);
    scheduler_pass_turns(scheduler, 1);
    for (size_t place = 0; place < graph->count; place++) {
        size_t i = graph_number(graph, place);
        struct task_order order;
        task_order_init(&order, &graph->tasks[i]);
        graph_inputs(graph, i, keys, inputs);
        order.inputs = inputs;
        order.later = later(&levels, i);
        order.terms.number = i;
        keys[i] = submitter ? submitter->submit(submitter->arg, &order)
                            : scheduler_submit(scheduler, &order)->key;
    }
    scheduler_pass_turns(scheduler, GRAPH_TURNS_MAX < levels.top_ns
                                        ? GRAPH_TURNS_MAX
                                        : (uint32_t)levels.top_ns);
    free(inputs);
    free(levels.ns);
}
