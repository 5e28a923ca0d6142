/* SPDX-License-Identifier: BSD-3-Clause */
/* task.c - the one place that reads dmpi_task_options. */
#include "task.h"

#include "fault.h"

static dmpi_status check_options(const dmpi_task_options *options)
{
    if (options->hard && !options->rank)
        return fault(DMPI_EINVAL, "a hard target needs a rank");
    if (options->retries < 0 || options->retries > DMPI_RETRIES_MAX)
        return fault(DMPI_EINVAL, "%d retries: use 0..%d", options->retries,
                     DMPI_RETRIES_MAX);
    return DMPI_OK;
}

/* Ordinary tasks have none. */
static void set_terms(struct task_order *order,
                      const dmpi_task_options *options)
{
    if (!options->retries) return;
    order->flags |= RUN_TERMS;
    order->terms = (struct msg_terms){.retries = (uint16_t)options->retries};
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
                                 .flags = options->hard ? RUN_PINNED : 0};
    set_terms(order, options);
    return check_options(options);
}
