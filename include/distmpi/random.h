/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/random.h - random numbers that do not depend on where a task runs.
 *
 *     DMPI_TASK(shoot)
 *     {
 *         dmpi_stream stream;
 *         dmpi_random(task, &stream);
 *         double x = dmpi_random_uniform(&stream);
 *         ...
 *     }
 *
 *     dmpi_task_options options = {.seed = 42};
 *     dmpi_map(pool, shoot, 1000, NULL, NULL, 0, &options, keys);
 *
 * A seed has 2^64 streams, which its tasks share by their numbers: task i of a
 * dmpi_map() or dmpi_submit_graph() draws from stream i, wherever and in
 * whatever order they run, and again the same when it is run again. Two calls
 * with one seed draw the same numbers: give each its own.
 *
 * The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011), by way of the authors' library
 * Random123: the seed is its key, low word first; block b of stream n, of four
 * 32-bit numbers, is its output for the counter (b low, b high, n low, n high).
 * Each stream has 2^66 of them. */
#ifndef DISTMPI_RANDOM_H
#define DISTMPI_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include <distmpi/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a stream is. The caller's, on the stack or elsewhere; a copy draws the
 * same numbers. The fields are the library's. From no stream, NULL, comes 0, or
 * NaN for floating point. */
typedef struct dmpi_stream {
    uint64_t seed, number;
    uint64_t block;    /* the next to be made */
    uint32_t words[4]; /* the one before */
    uint32_t used;     /* of those */
    uint32_t has_spare;
    double spare; /* the second of two normal deviates */
} dmpi_stream;

/* The stream of TASK, from its beginning. A task that was submitted without a
 * seed fails, and has stream 0 of seed 0. */
DMPI_API void dmpi_random(dmpi_task *task, dmpi_stream *stream);

/* Stream NUMBER of SEED, from its beginning: on rank 0, or for a task that draws
 * from several. */
DMPI_API void dmpi_random_start(dmpi_stream *stream, uint64_t seed,
                                uint64_t number);

/* Go on by COUNT 32-bit numbers, at no cost; a 64-bit number, and a uniform one,
 * is two of them. */
DMPI_API void dmpi_random_skip(dmpi_stream *stream, uint64_t count);

/* All 32 or 64 bits, equally likely. */
DMPI_API uint32_t dmpi_random_32(dmpi_stream *stream);
DMPI_API uint64_t dmpi_random_64(dmpi_stream *stream);

/* From 0 to below 1, a multiple of 2^-53. */
DMPI_API double dmpi_random_uniform(dmpi_stream *stream);

/* Normal with mean 0 and variance 1 (Box and Muller, "A note on the generation
 * of random normal deviates", Annals of Mathematical Statistics 1958). Two come
 * from two uniform numbers; dmpi_random_skip() forgets the second. The last bits
 * are those of the C library's log(), sin() and cos(). */
DMPI_API double dmpi_random_normal(dmpi_stream *stream);

/* COUNT of them at once, the same as one by one. */
DMPI_API void dmpi_random_uniforms(dmpi_stream *stream, double numbers[],
                                   size_t count);
DMPI_API void dmpi_random_normals(dmpi_stream *stream, double numbers[],
                                  size_t count);

#ifdef __cplusplus
}
#endif
#endif
