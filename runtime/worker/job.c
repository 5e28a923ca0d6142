/* SPDX-License-Identifier: BSD-3-Clause */
/* job.c - jobs in one piece of memory each. */
#include "job.h"

#include <string.h>

static size_t job_bytes(const struct job *job)
{
    return sizeof *job + job->inputs * sizeof(struct value *) + job_tail(job);
}

struct job *job_new(struct mem *mem, int from, const struct msg_task_run *run)
{
    struct job head = {.key = run->key,
                       .order = run->order,
                       .function = run->function,
                       .inputs = run->inputs,
                       .args = run->args,
                       .name = run->name,
                       .from = from,
                       .attempt = run->attempt,
                       .flags = run->flags};
    struct job *job = mem_take(mem, job_bytes(&head));
    *job = head;
    const struct msg_input *inputs = (const struct msg_input *)(run + 1);
    memcpy(job_terms(job), inputs + run->inputs, job_tail(job));
    return job;
}

void job_free(struct mem *mem, struct job *job)
{
    mem_give(mem, job, job_bytes(job));
}

struct buffer *job_bad_input(struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++)
        if (job_inputs(job)[i]->buffer->is_error)
            return job_inputs(job)[i]->buffer;
    return NULL;
}

uint64_t job_input_bytes(struct job *job)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < job->inputs; i++)
        bytes += job_inputs(job)[i]->buffer->size;
    return bytes;
}
