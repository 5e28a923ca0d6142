/* SPDX-License-Identifier: BSD-3-Clause */
/* news.c - from a message to an order. */
#include "news.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

void news_fini(struct news *news)
{
    free(news->known);
    free(news->resources);
}

/* The inputs that are keys. Most often they all are. */
static void set_inputs(struct news *news, const struct catalog *catalog,
                       const uint64_t inputs[], size_t count)
{
    size_t known = 0;
    while (known < count && catalog_find_key(catalog, inputs[known])) known++;
    news->order.inputs = inputs;
    news->order.input_count = known;
    if (known == count) return;
    news->known = log_alloc(count * sizeof *news->known);
    memcpy(news->known, inputs, known * sizeof *inputs);
    for (size_t i = known; i < count; i++)
        if (catalog_find_key(catalog, inputs[i]))
            news->known[known++] = inputs[i];
    news->order.inputs = news->known;
    news->order.input_count = known;
}

static void copy_text(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    to[size] = 0;
}

/* TAIL: behind terms and arguments. */
static void set_texts(struct news *news, const struct msg_task_new *task,
                      const char *tail)
{
    if (task->name) {
        copy_text(news->name, tail, task->name);
        news->order.name = news->name;
    }
    if (!task->resources) return;
    news->resources = log_alloc((size_t)task->resources + 1);
    copy_text(news->resources, tail + task->name, task->resources);
    news->order.resources = news->resources;
}

void news_init(struct news *news, const struct catalog *catalog,
               const struct msg_task_new *task)
{
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    const char *tail = (const char *)(inputs + task->inputs);
    news->known = NULL;
    news->resources = NULL;
    news->order = (struct task_order){.function = task->function,
                                      .size = task->args,
                                      .target = task->target,
                                      .flags = task->flags,
                                      .order = task->order,
                                      .key = task->key};
    set_inputs(news, catalog, inputs, task->inputs);
    if (task->flags & RUN_TERMS) {
        memcpy(&news->order.terms, tail, sizeof news->order.terms);
        tail += sizeof news->order.terms;
    }
    news->order.args = tail;
    set_texts(news, task, tail + task->args);
}
