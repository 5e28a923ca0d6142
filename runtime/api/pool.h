/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h - what calls that submit have in common. */
#ifndef POOL_H
#define POOL_H

#include "task.h"

/* TASK as the center takes it. DMPI_EINVAL: it makes no sense. */
dmpi_status pool_make_order(const dmpi_graph_task *task,
                            struct task_order *order);

#endif
