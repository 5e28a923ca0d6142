/* SPDX-License-Identifier: BSD-3-Clause */
/* task.h - a task as the application gives it, with its options looked at. */
#ifndef TASK_H
#define TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "distmpi/pool.h"
#include "fault.h"
#include "message.h"

/* Everything is copied when it is submitted. */
struct task_order {
    uint32_t function;
    const uint64_t *inputs; /* keys */
    size_t input_count;
    const void *args;
    size_t size;      /* bytes at args */
    const char *name; /* or NULL; cut at DMPI_NAME_MAX - 1 bytes */
    int priority;
    uint32_t later;         /* turns after the first of the same graph */
    uint64_t order;         /* see order.h; 0: by priority and turn */
    uint64_t key;           /* 0: a new one is made */
    int target;             /* a worker's rank, or 0 */
    uint8_t flags;          /* RUN_... */
    int8_t durable;         /* DMPI_DURABLE, DMPI_FRESH, 0; of rank 0's tasks */
    const char *resources;  /* "gpu:1 license", or NULL: none */
    struct msg_terms terms; /* if flagged */
};

/* What TASK says, whose function is registered; the order refers to its inputs,
 * arguments and name. DMPI_EINVAL: its options make no sense. */
dmpi_status task_order_init(struct task_order *order,
                            const dmpi_graph_task *task);

/* Do its target, in a pool of RANKS, and its inputs exist? IS_KEY(ARG, key) tells of
 * the latter. DMPI_EINVAL, DMPI_ENOKEY: with a detail. */
static inline __attribute__((always_inline)) dmpi_status
task_order_check(const struct task_order *order, int ranks,
                 bool (*is_key)(const void *arg, uint64_t key), const void *arg)
{
    if (order->target < 0 || order->target >= ranks)
        return fault(DMPI_EINVAL,
                     "rank %d is no worker: use 1..%d, or 0 for any",
                     order->target, ranks - 1);
    for (size_t i = 0; i < order->input_count; i++)
        if (!is_key(arg, order->inputs[i]))
            return fault(DMPI_ENOKEY, "input %zu is not a key of this pool", i);
    return DMPI_OK;
}

/* May not every worker run it, or not at any time? Then it has terms. */
static inline bool task_order_is_picky(const struct task_order *order)
{
    return order->flags & RUN_TERMS &&
           (order->resources || order->terms.cores || order->terms.node);
}

#endif
