/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_order.c - in which order the one worker runs what it may choose from:
 * run by order.sh with two ranks.
 *
 * A gate keeps the worker busy until all tasks of a test are there: the message
 * that opens it comes after them, as messages from one rank to another do. */
#include <stdatomic.h>

#include "job.h"

enum { SHORT = 40, LENGTH = 10, URGENT = SHORT / 2 };

static atomic_int gate_open; /* on the worker */

/* Holds the worker; the tasks after it count from 0. */
DMPI_TASK(gate)
{
    *dmpi_task_state(task) = NULL;
    while (!atomic_load(&gate_open)) job_sleep(1e-4);
    atomic_store(&gate_open, 0);
}

DMPI_TASK(open_gate)
{
    atomic_store(&gate_open, 1);
}

/* Gives how many of its kind ran between the gate and this call. */
DMPI_TASK(take_turn)
{
    void **state = dmpi_task_state(task);
    intptr_t turn = (intptr_t)*state;
    int64_t *out = dmpi_task_output(task, sizeof *out);
    *out = turn;
    *state = (void *)(turn + 1);
}

static const dmpi_task_options urgent = {.priority = 1};

static dmpi_key shut_gate(void)
{
    const dmpi_task_options first = {.priority = 1000};
    dmpi_key key = DMPI_KEY_NONE;
    OK(dmpi_submit(pool, gate, NULL, 0, NULL, 0, &first, &key));
    return key;
}

/* Short tasks, then a path of LENGTH; all take as long as each other. */
struct graph {
    dmpi_graph_task tasks[SHORT + LENGTH];
    dmpi_key inputs[LENGTH]; /* of the path's tasks but the first */
};

static void graph_init(struct graph *graph)
{
    memset(graph, 0, sizeof *graph);
    for (size_t i = 0; i < SHORT + LENGTH; i++)
        graph->tasks[i].function = take_turn;
    for (size_t i = 1; i < LENGTH; i++) {
        graph->inputs[i] = DMPI_NTH(SHORT + i - 1);
        graph->tasks[SHORT + i].inputs = &graph->inputs[i];
        graph->tasks[SHORT + i].input_count = 1;
    }
}

static void submit_graph(const struct graph *graph, dmpi_key keys[])
{
    OK(dmpi_submit_graph(pool, graph->tasks, SHORT + LENGTH, keys));
}

/* The same tasks with a call for each. */
static void submit_each(const struct graph *graph, dmpi_key keys[])
{
    for (size_t i = 0; i < SHORT + LENGTH; i++) {
        const dmpi_graph_task *task = &graph->tasks[i];
        bool last = task->input_count != 0; /* it uses the one before */
        OK(dmpi_submit(pool, task->function, last ? &keys[i - 1] : NULL, last,
                       NULL, 0, task->options, &keys[i]));
    }
}

/* TURNS[i]: as which GRAPH's task i ran. */
static void run(void (*submit)(const struct graph *, dmpi_key[]),
                const struct graph *graph, int64_t turns[])
{
    dmpi_key keys[SHORT + LENGTH], shut = shut_gate();
    submit(graph, keys);
    OK(dmpi_rank_send(1, open_gate, NULL, 0));
    for (size_t i = 0; i < SHORT + LENGTH; i++)
        turns[i] = job_take_number(keys[i]);
    job_drop(shut);
}

/* ---- tests ---------------------------------------------------------------*/

/* All of the path but its last task, which is not longer than a short one. */
static void longest_path_of_a_graph_runs_first(void)
{
    struct graph graph;
    int64_t turns[SHORT + LENGTH];
    graph_init(&graph);
    run(submit_graph, &graph, turns);
    for (int i = 0; i < LENGTH - 1; i++) CU_ASSERT_EQUAL(turns[SHORT + i], i);
    CU_ASSERT_TRUE(turns[SHORT + LENGTH - 1] >= LENGTH - 1);
}

static void path_does_not_count_between_calls(void)
{
    struct graph graph;
    int64_t turns[SHORT + LENGTH];
    graph_init(&graph);
    run(submit_each, &graph, turns);
    for (int i = 0; i < SHORT + LENGTH; i++) CU_ASSERT_EQUAL(turns[i], i);
}

static void priority_beats_the_longest_path(void)
{
    struct graph graph;
    int64_t turns[SHORT + LENGTH];
    graph_init(&graph);
    graph.tasks[URGENT].options = &urgent;
    run(submit_graph, &graph, turns);
    CU_ASSERT_EQUAL(turns[URGENT], 0);
    for (int i = 0; i < LENGTH - 1; i++)
        CU_ASSERT_EQUAL(turns[SHORT + i], 1 + i);
}

static void equal_tasks_of_a_graph_run_as_submitted(void)
{
    struct graph graph;
    int64_t turns[SHORT + LENGTH];
    graph_init(&graph);
    run(submit_graph, &graph, turns);
    CU_ASSERT_TRUE(turns[0] > turns[SHORT]);
    for (int i = 1; i < SHORT; i++) CU_ASSERT_TRUE(turns[i] > turns[i - 1]);
}

static const struct check_test tests[] = {
    {"the longest path of a graph runs first",
     longest_path_of_a_graph_runs_first},
    {"a path does not count between calls", path_does_not_count_between_calls},
    {"priority beats the longest path", priority_beats_the_longest_path},
    {"equal tasks of a graph run as submitted",
     equal_tasks_of_a_graph_run_as_submitted},
};

int main(void)
{
    return job_run("order", tests, CHECK_COUNT(tests));
}
