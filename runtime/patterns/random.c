/* SPDX-License-Identifier: BSD-3-Clause */
/* random.c - streams of Philox4x32-10, block by block. */
#include "distmpi/random.h"

#include <Random123/philox.h>
#include <math.h>

enum { WORDS = 4 /* in a block */ };

void dmpi_random_start(dmpi_stream *stream, uint64_t seed, uint64_t number)
{
    if (!stream) return;
    *stream = (dmpi_stream){.seed = seed, .number = number, .used = WORDS};
}

void dmpi_random(dmpi_task *task, dmpi_stream *stream)
{
    if (!stream) dmpi_fail(task, "no place for the stream of random numbers");
    if (!dmpi_task_seed(task))
        dmpi_fail(task, "it draws random numbers, but has no seed: set "
                        "dmpi_task_options.seed when it is submitted");
    dmpi_random_start(stream, dmpi_task_seed(task), dmpi_task_number(task));
}

static void make_block(dmpi_stream *stream)
{
    philox4x32_ctr_t counter = {
        {(uint32_t)stream->block, (uint32_t)(stream->block >> 32),
         (uint32_t)stream->number, (uint32_t)(stream->number >> 32)}};
    philox4x32_key_t key = {
        {(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)}};
    philox4x32_ctr_t words = philox4x32(counter, key);
    for (int i = 0; i < WORDS; i++) stream->words[i] = words.v[i];
    stream->block++;
    stream->used = 0;
}

void dmpi_random_skip(dmpi_stream *stream, uint64_t count)
{
    if (!stream) return;
    uint32_t left = WORDS - stream->used;
    stream->has_spare = 0;
    if (count <= left) {
        stream->used += (uint32_t)count;
        return;
    }
    count -= left;
    stream->block += count / WORDS;
    stream->used = WORDS;
    if (count % WORDS == 0) return;
    make_block(stream);
    stream->used = (uint32_t)(count % WORDS);
}

static inline uint32_t next_32(dmpi_stream *stream)
{
    if (stream->used == WORDS) make_block(stream);
    return stream->words[stream->used++];
}

/* The first word is the low one. */
static inline uint64_t next_64(dmpi_stream *stream)
{
    uint64_t low = next_32(stream);
    return low | (uint64_t)next_32(stream) << 32;
}

static inline double next_uniform(dmpi_stream *stream)
{
    return (double)(next_64(stream) >> 11) * 0x1p-53;
}

uint32_t dmpi_random_32(dmpi_stream *stream)
{
    return stream ? next_32(stream) : 0;
}

uint64_t dmpi_random_64(dmpi_stream *stream)
{
    return stream ? next_64(stream) : 0;
}

double dmpi_random_uniform(dmpi_stream *stream)
{
    return stream ? next_uniform(stream) : NAN;
}

double dmpi_random_normal(dmpi_stream *stream)
{
    if (!stream) return NAN;
    if (stream->has_spare) {
        stream->has_spare = 0;
        return stream->spare;
    }
    double radius = sqrt(-2 * log(1 - next_uniform(stream))); /* not of 0 */
    double angle = 2 * M_PI * next_uniform(stream);
    stream->spare = radius * sin(angle);
    stream->has_spare = 1;
    return radius * cos(angle);
}

void dmpi_random_uniforms(dmpi_stream *stream, double numbers[], size_t count)
{
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = dmpi_random_uniform(stream);
}

void dmpi_random_normals(dmpi_stream *stream, double numbers[], size_t count)
{
    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = dmpi_random_normal(stream);
}
