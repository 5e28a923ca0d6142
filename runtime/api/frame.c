/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.c - one walk over a job: without memory it counts, with memory it
 * copies. */
#include "frame.h"

#include <string.h>

enum { ALIGNMENT = 64 };

/* Where the next piece goes; AT NULL: they are only counted. */
struct walk {
    const struct arena *arena;
    char *at;
    size_t bytes;
};

/* SIZE bytes; NULL: counted. */
static void *cut(struct walk *walk, size_t size)
{
    size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *piece = walk->at;
    if (walk->at) walk->at += whole;
    walk->bytes += whole;
    return piece;
}

/* BUFFER's record, which becomes *COPY, and its bytes unless they are seen. */
static void add_buffer(struct walk *walk, const struct buffer *buffer,
                       struct buffer *copy)
{
    if (copy) *copy = *buffer;
    if (arena_holds(walk->arena, buffer->data)) return;
    void *data = cut(walk, buffer->size);
    if (!data) return;
    if (buffer->size) memcpy(data, buffer->data, buffer->size);
    copy->data = data;
}

static void add_inputs(struct walk *walk, struct job *job, struct job *copy)
{
    uint32_t count = job->inputs;
    struct value *values = cut(walk, count * sizeof *values);
    struct buffer *buffers = cut(walk, count * sizeof *buffers);
    for (uint32_t i = 0; i < count; i++) {
        const struct value *value = job_inputs(job)[i];
        add_buffer(walk, value->buffer, buffers ? &buffers[i] : NULL);
        if (!copy) continue;
        values[i] = (struct value){.key = value->key, .buffer = &buffers[i]};
        job_inputs(copy)[i] = &values[i];
    }
}

static struct job *add_job(struct walk *walk, struct job *job)
{
    size_t bytes = job_bytes(job);
    struct job *copy = cut(walk, bytes);
    if (copy) {
        memcpy(copy, job, bytes);
        copy->output = NULL;
        copy->outer = NULL;
    }
    add_inputs(walk, job, copy);
    return copy;
}

static struct constant_set *add_constants(struct walk *walk,
                                          const struct constant_set *set)
{
    if (!set) return NULL;
    uint32_t count = set->count;
    struct constant_set *copy =
        cut(walk, sizeof *copy + count * sizeof(struct constant *));
    struct constant *constants = cut(walk, count * sizeof *constants);
    struct buffer *buffers = cut(walk, count * sizeof *buffers);
    if (copy) *copy = (struct constant_set){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        const struct constant *constant = set->constants[i];
        add_buffer(walk, constant->buffer, copy ? &buffers[i] : NULL);
        if (!copy) continue;
        constants[i] = *constant;
        constants[i].buffer = &buffers[i];
        copy->constants[i] = &constants[i];
    }
    return copy;
}

static struct frame *add_all(struct walk *walk, const dmpi_function *function,
                             struct job *job,
                             const struct constant_set *constants)
{
    struct frame *frame = cut(walk, sizeof *frame);
    struct job *copy = add_job(walk, job);
    struct constant_set *set = add_constants(walk, constants);
    if (frame) *frame = (struct frame){function, copy, set};
    return frame;
}

size_t frame_bytes(const struct arena *arena, struct job *job,
                   const struct constant_set *constants)
{
    struct walk walk = {.arena = arena};
    add_all(&walk, NULL, job, constants);
    return walk.bytes;
}

struct frame *frame_make(void *memory, const struct arena *arena,
                         const dmpi_function *function, struct job *job,
                         const struct constant_set *constants)
{
    struct walk walk = {.arena = arena, .at = memory};
    return add_all(&walk, function, job, constants);
}
