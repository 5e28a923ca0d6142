/* SPDX-License-Identifier: BSD-3-Clause */
/* news.h - what a worker's message for a task says (TASK_NEW, TASK_HERE,
 * TASK_GOES_ON), as the scheduler takes it. */
#ifndef NEWS_H
#define NEWS_H

#include "catalog.h"
#include "message.h"
#include "order.h"
#include "task.h"

/* Most of the order is borrowed from the message. */
struct news {
    struct task_order order;
    uint64_t *known; /* owned: the inputs, if some are no keys; or NULL */
    char *resources; /* owned, or NULL */
    char name[UINT8_MAX + 1];
};

/* Inputs that CATALOG does not know are left out: order.input_count is then less
 * than task->inputs. */
void news_init(struct news *news, const struct catalog *catalog,
               const struct msg_task_new *task);
void news_fini(struct news *news);

#endif
