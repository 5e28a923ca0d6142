/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_least.h - the cheapest assignment of tasks to workers that gives each
 * worker a given number of tasks. */
#ifndef BENCH_LEAST_H
#define BENCH_LEAST_H

#include <stddef.h>
#include <stdlib.h>

/* Tasks at workers, and what it costs to move one. */
struct plan {
    const unsigned *cost; /* by task and worker */
    size_t tasks, workers;
    size_t *at;     /* by task: its worker */
    long *surplus;  /* by worker: tasks too many */
    long *edge;     /* by two workers: the cheapest move of a task */
    size_t *mover;  /* that task */
    long *way;      /* by worker: cost of the cheapest chain of moves to it */
    size_t *before; /* the worker before in that chain */
};

enum { FAR = 1 << 30 };

static inline void plan_edges(struct plan *plan)
{
    size_t workers = plan->workers;
    for (size_t i = 0; i < workers * workers; i++) plan->edge[i] = FAR;
    for (size_t t = 0; t < plan->tasks; t++) {
        const unsigned *cost = plan->cost + t * workers;
        for (size_t to = 0; to < workers; to++) {
            size_t i = plan->at[t] * workers + to;
            long more = (long)cost[to] - (long)cost[plan->at[t]];
            if (more < plan->edge[i]) plan->edge[i] = more, plan->mover[i] = t;
        }
    }
}

/* Bellman and Ford, from all workers that have too many. */
static inline void plan_ways(struct plan *plan)
{
    size_t n = plan->workers;
    for (size_t w = 0; w < n; w++)
        plan->way[w] = plan->surplus[w] > 0 ? 0 : FAR;
    for (size_t round = 0; round < n; round++)
        for (size_t i = 0; i < n * n; i++) {
            long way = plan->way[i / n] + plan->edge[i];
            if (plan->way[i / n] >= FAR / 2 || way >= plan->way[i % n])
                continue;
            plan->way[i % n] = way;
            plan->before[i % n] = i / n;
        }
}

/* Move one task too many, by way of others; what that costs, FAR if all is
 * as it should be. */
static inline long plan_move(struct plan *plan)
{
    size_t to = plan->workers;
    plan_edges(plan);
    plan_ways(plan);
    for (size_t w = 0; w < plan->workers; w++)
        if (plan->surplus[w] < 0 &&
            (to == plan->workers || plan->way[w] < plan->way[to]))
            to = w;
    if (to == plan->workers) return FAR;
    long cost = plan->way[to];
    plan->surplus[to]++;
    while (plan->surplus[to] <= 0 || plan->way[to] != 0) {
        size_t from = plan->before[to];
        plan->at[plan->mover[from * plan->workers + to]] = to;
        to = from;
    }
    plan->surplus[to]--;
    return cost;
}

/* The least sum of costs if worker w gets LOADS[w] tasks: each task where it
 * costs least, then cheapest moves until the loads are right (successive
 * shortest paths). */
static inline size_t least_cost(const unsigned *cost, size_t tasks, int workers,
                                const size_t loads[])
{
    size_t n = (size_t)workers;
    long sum = 0, more;
    struct plan plan = {.cost = cost,
                        .tasks = tasks,
                        .workers = n,
                        .at = malloc(tasks * sizeof(size_t)),
                        .surplus = calloc(n, sizeof(long)),
                        .edge = malloc(n * n * sizeof(long)),
                        .mover = calloc(n * n, sizeof(size_t)),
                        .way = malloc(n * sizeof(long)),
                        .before = calloc(n, sizeof(size_t))};
    for (size_t w = 0; w < n; w++) plan.surplus[w] = -(long)loads[w];
    for (size_t t = 0; t < tasks; t++) {
        plan.at[t] = 0;
        for (size_t w = 1; w < n; w++)
            if (cost[t * n + w] < cost[t * n + plan.at[t]]) plan.at[t] = w;
        plan.surplus[plan.at[t]]++;
        sum += cost[t * n + plan.at[t]];
    }
    while ((more = plan_move(&plan)) != FAR) sum += more;
    free(plan.at);
    free(plan.surplus);
    free(plan.edge);
    free(plan.mover);
    free(plan.way);
    free(plan.before);
    return (size_t)sum;
}

#endif
