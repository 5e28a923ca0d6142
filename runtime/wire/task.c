/* SPDX-License-Identifier: BSD-3-Clause */
/* task.c - the one place that reads dmpi_task_options. */
#include "task.h"

#include <string.h>

#include "fault.h"
#include "supply.h"

/* Beyond that it is as good as no limit. */
enum { SECONDS_MAX = 1000 * 1000 * 1000 };

static dmpi_status check_options(const dmpi_task_options *options)
{
    if (options->hard && !options->rank && !options->node)
        return fault(DMPI_EINVAL, "a hard target needs a rank or a node");
    if (options->rank && options->node)
        return fault(DMPI_EINVAL, "a target is a rank or a node, not both");
    if (options->node < 0 || options->node > DMPI_NODE_MAX)
        return fault(DMPI_EINVAL,
                     "no node %d: use 1 + its number, or 0 for any",
                     options->node);
    if (options->cores < 0 || options->cores > DMPI_CORES_MAX)
        return fault(DMPI_EINVAL, "%d cores: use 1..%d, or 0", options->cores,
                     DMPI_CORES_MAX);
    if (options->retries < 0 || options->retries > DMPI_RETRIES_MAX)
        return fault(DMPI_EINVAL, "%d retries: use 0..%d", options->retries,
                     DMPI_RETRIES_MAX);
    if (options->durable < DMPI_FRESH || options->durable > DMPI_DURABLE)
        return fault(DMPI_EINVAL,
                     "durable is %d: use DMPI_DURABLE, DMPI_FRESH or 0",
                     options->durable);
    if (options->isolate < -1 || options->isolate > 1)
        return fault(DMPI_EINVAL, "isolate is %d: use 1, -1 or 0",
                     options->isolate);
    if (options->resources &&
        strnlen(options->resources, SUPPLY_TEXT_MAX) == SUPPLY_TEXT_MAX)
        return fault(DMPI_EINVAL,
                     "a list of resources has at most %d bytes, not more",
                     SUPPLY_TEXT_MAX - 1);
    if (!(options->timeout >= 0))
        return fault(DMPI_EINVAL,
                     "a timeout of %g s: use a positive number, or "
                     "0 for none",
                     options->timeout);
    if (!(options->needs_seconds >= 0))
        return fault(DMPI_EINVAL,
                     "a task that needs %g s: use a positive number, or 0",
                     options->needs_seconds);
    return DMPI_OK;
}

static uint8_t hard_flag(const dmpi_task_options *options)
{
    if (!options->hard) return 0;
    return options->rank ? RUN_PINNED : RUN_NODE;
}

static uint8_t isolation_flag(const dmpi_task_options *options)
{
    if (!options->isolate) return 0;
    return options->isolate > 0 ? RUN_ISOLATED : RUN_BARE;
}

/* 0: none. */
static uint64_t limit_ns(double seconds)
{
    if (!(seconds > 0) || seconds > SECONDS_MAX) return 0;
    uint64_t ns = (uint64_t)(seconds * 1e9);
    return ns ? ns : 1;
}

/* More than any deadline is still more. */
static uint64_t needed_ns(double seconds)
{
    return (uint64_t)((seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1e9);
}

/* Ordinary tasks have none. */
static void set_terms(struct task_order *order,
                      const dmpi_task_options *options)
{
    if (!options->retries && !options->node && !options->cores &&
        !options->resources && !options->seed && options->timeout == 0 &&
        !options->output_bytes && options->needs_seconds == 0)
        return;
    order->flags |= RUN_TERMS;
    order->terms =
        (struct msg_terms){.timeout_ns = limit_ns(options->timeout),
                           .needs_ns = needed_ns(options->needs_seconds),
                           .retries = (uint16_t)options->retries,
                           .node = (uint16_t)options->node,
                           .cores = (uint16_t)options->cores,
                           .seed = options->seed,
                           .output_bytes = options->output_bytes};
}

dmpi_status task_order_init(struct task_order *order,
                            const dmpi_graph_task *task)
{
    static const dmpi_task_options none = {0};
    const dmpi_task_options *options = task->options ? task->options : &none;
    *order = (struct task_order){.function = task->function->index,
                                 .inputs = task->inputs,
                                 .input_count = task->input_count,
                                 .args = task->args,
                                 .size = task->size,
                                 .name = options->name,
                                 .priority = options->priority,
                                 .target = options->rank,
                                 .flags = hard_flag(options),
                                 .durable = (int8_t)options->durable,
                                 .resources = options->resources};
    order->flags |= isolation_flag(options);
    set_terms(order, options);
    return check_options(options);
}
