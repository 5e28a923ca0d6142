/* SPDX-License-Identifier: BSD-3-Clause */
/* graph.c - checks, and an order by Kahn. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "key.h"
#include "log.h"

/* ---- checks --------------------------------------------------------------*/

static dmpi_status check_inputs(const struct graph *graph, size_t i,
                                bool (*is_key)(const void *arg, uint64_t key),
                                const void *arg)
{
    const dmpi_graph_task *task = &graph->tasks[i];
    for (size_t k = 0; k < task->input_count; k++) {
        dmpi_key input = task->inputs[k];
        if (key_is_nth(input)) {
            if (key_counter(input) >= graph->count)
                return fault(
                    DMPI_EINVAL, "input %zu of task %zu names task %llu of %zu",
                    k, i, (unsigned long long)key_counter(input), graph->count);
            continue;
        }
        if (!is_key(arg, input))
            return fault(DMPI_ENOKEY,
                         "input %zu of task %zu is not a key of this pool", k,
                         i);
    }
    return DMPI_OK;
}

/* Do all tasks name earlier tasks only? Then their order is right. */
static bool in_order(const struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        for (size_t k = 0; k < graph->tasks[i].input_count; k++) {
            dmpi_key input = graph->tasks[i].inputs[k];
            if (key_is_nth(input) && key_counter(input) >= i) return false;
        }
    return true;
}

/* ---- order ---------------------------------------------------------------*/

/* Who uses whose results. */
struct uses {
    uint32_t *producers; /* of each task, not in the order yet; owned */
    size_t *first;       /* by task: a place below, SIZE_MAX: none; owned */
    size_t *next;        /* by place; owned */
    size_t *users;       /* by place: the task that uses; owned */
};

static size_t count_uses(const struct graph *graph)
{
    size_t uses = 0;
    for (size_t i = 0; i < graph->count; i++)
        for (size_t k = 0; k < graph->tasks[i].input_count; k++)
            uses += key_is_nth(graph->tasks[i].inputs[k]);
    return uses;
}

static void uses_init(struct uses *uses, const struct graph *graph)
{
    size_t count = count_uses(graph), place = 0;
    *uses = (struct uses){
        .producers = log_alloc(graph->count * sizeof(uint32_t)),
        .first = log_alloc(graph->count * sizeof(size_t)),
        .next = log_alloc(count * sizeof(size_t)),
        .users = log_alloc(count * sizeof(size_t)),
    };
    for (size_t i = 0; i < graph->count; i++) uses->first[i] = SIZE_MAX;
    for (size_t i = 0; i < graph->count; i++) {
        uses->producers[i] = 0;
        for (size_t k = 0; k < graph->tasks[i].input_count; k++) {
            dmpi_key input = graph->tasks[i].inputs[k];
            if (!key_is_nth(input)) continue;
            size_t *first = &uses->first[key_counter(input)];
            uses->users[place] = i;
            uses->next[place] = *first;
            *first = place++;
            uses->producers[i]++;
        }
    }
}

static void uses_fini(struct uses *uses)
{
    free(uses->producers);
    free(uses->first);
    free(uses->next);
    free(uses->users);
}

/* Kahn, "Topological sorting of large networks", CACM 1962. Returns how many
 * could be put in order. */
static size_t sort(struct graph *graph, struct uses *uses)
{
    size_t sorted = 0, *order = graph->order;
    for (size_t i = 0; i < graph->count; i++)
        if (!uses->producers[i]) order[sorted++] = i;
    for (size_t done = 0; done < sorted; done++)
        for (size_t use = uses->first[order[done]]; use != SIZE_MAX;
             use = uses->next[use])
            if (--uses->producers[uses->users[use]] == 0)
                order[sorted++] = uses->users[use];
    return sorted;
}

static dmpi_status put_in_order(struct graph *graph)
{
    struct uses uses;
    size_t stuck = 0;
    graph->order = log_alloc(graph->count * sizeof *graph->order);
    uses_init(&uses, graph);
    bool whole = sort(graph, &uses) == graph->count;
    while (!whole && !uses.producers[stuck]) stuck++;
    uses_fini(&uses);
    if (whole) return DMPI_OK;
    return fault(DMPI_EINVAL,
                 "task %zu depends on itself: the graph has a cycle", stuck);
}

dmpi_status graph_init(struct graph *graph, const dmpi_graph_task tasks[],
                       size_t count,
                       bool (*is_key)(const void *arg, uint64_t key),
                       const void *arg)
{
    dmpi_status status = DMPI_OK;
    *graph = (struct graph){.tasks = tasks, .count = count};
    for (size_t i = 0; !status && i < count; i++)
        status = check_inputs(graph, i, is_key, arg);
    if (!status && !in_order(graph)) status = put_in_order(graph);
    if (status) graph_fini(graph);
    return status;
}

void graph_fini(struct graph *graph)
{
    free(graph->order);
}

size_t graph_most_inputs(const struct graph *graph)
{
    size_t most = 0;
    for (size_t i = 0; i < graph->count; i++)
        if (graph->tasks[i].input_count > most)
            most = graph->tasks[i].input_count;
    return most;
}

void graph_inputs(const struct graph *graph, size_t i, const dmpi_key keys[],
                  dmpi_key inputs[])
{
    const dmpi_graph_task *task = &graph->tasks[i];
    for (size_t k = 0; k < task->input_count; k++) {
        dmpi_key input = task->inputs[k];
        inputs[k] = key_is_nth(input) ? keys[key_counter(input)] : input;
    }
}
