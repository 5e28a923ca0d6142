/* SPDX-License-Identifier: BSD-3-Clause */
/* job.c - jobs in one piece of memory each. */
#include "job.h"

#include <string.h>

static size_t bytes_with(uint32_t inputs, size_t tail)
{
    return sizeof(struct job) + inputs * sizeof(struct value *) + tail;
}

size_t job_bytes(const struct job *job)
{
    return bytes_with(job->inputs, job_tail(job));
}

/* Bytes of what follows the inputs, which TAIL points to. */
static size_t run_tail(const struct msg_task_run *run, const void *tail)
{
    size_t terms = run->flags & RUN_TERMS ? terms_bytes(tail) : 0;
    return terms + run->args + run->name;
}

struct job *job_make(struct mem *mem, const struct job *head, size_t tail)
{
    struct job *job = mem_take(mem, bytes_with(head->inputs, tail));
    *job = *head;
    return job;
}

struct job *job_new(struct mem *mem, int from, const struct msg_task_run *run)
{
    const void *tail = (const struct msg_input *)(run + 1) + run->inputs;
    size_t tail_bytes = run_tail(run, tail);
    struct job head = {.key = run->key,
                       .order = run->order,
                       .function = run->function,
                       .inputs = run->inputs,
                       .args = run->args,
                       .name = run->name,
                       .from = from,
                       .attempt = run->attempt,
                       .flags = run->flags};
    struct job *job = job_make(mem, &head, tail_bytes);
    memcpy(job_terms(job), tail, tail_bytes);
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
