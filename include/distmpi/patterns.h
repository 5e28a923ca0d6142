/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/patterns.h - many values into one, or each with all before it.
 *
 * The function given is a registered task function that combines its inputs,
 * 2 or more neighbours in the order of the keys, into one value of the same
 * kind:
 *
 *     DMPI_TASK(add)
 *     {
 *         double *sum = dmpi_task_output(task, sizeof *sum);
 *         *sum = 0;
 *         for (size_t i = 0; i < dmpi_task_input_count(task); i++)
 *             *sum += *(const double *)dmpi_task_input(task, i);
 *     }
 *
 * It has to be associative, and need not be commutative. What is combined with
 * what depends on the number of keys alone, so that results are the same to the
 * last bit with any number of workers, also of sums of floating-point numbers.
 * Each combination runs where most bytes of its inputs lie; what is in between
 * is dropped as soon as it is not needed.
 *
 * An error among the keys becomes the result where it goes in. OPTIONS are those
 * of all tasks, as for dmpi_submit(); NULL: the default. Called like the
 * functions of pool.h, and none of them waits. */
#ifndef DISTMPI_PATTERNS_H
#define DISTMPI_PATTERNS_H

#include <stddef.h>

#include <distmpi/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Combine the values of COUNT keys into one, in a tree: neighbours in groups of
 * FAN (0: 2), then the results in the same way; what is left over at the end of
 * a row is combined too, or goes up as it is if it is one. So FUNCTION is called
 * with 2 to FAN inputs. One value is its own result, without a call.
 * *KEY is the caller's to drop.
 * DMPI_EINVAL: COUNT is 0, for there is no value to give; FAN is 1; or as
 * dmpi_submit(). DMPI_ENOKEY: as dmpi_submit(). DMPI_ENOMEM: no memory for the
 * tree. Then nothing was submitted. */
DMPI_API dmpi_status dmpi_reduce(dmpi_pool *pool, const dmpi_function *function,
                                 size_t fan, const dmpi_key keys[],
                                 size_t count, const dmpi_task_options *options,
                                 dmpi_key *key);

/* COUNT calls of MAP as by dmpi_map(), and their results combined by COMBINE as
 * by dmpi_reduce(). A combination goes before calls of MAP that have not begun,
 * by a priority one higher, so that few results of MAP exist at a time.
 * Errors as dmpi_reduce(). */
DMPI_API dmpi_status dmpi_map_reduce(dmpi_pool *pool, const dmpi_function *map,
                                     size_t count, const dmpi_key inputs[],
                                     const void *args, size_t size,
                                     const dmpi_function *combine, size_t fan,
                                     const dmpi_task_options *options,
                                     dmpi_key *key);

/* RESULTS[i] receives the key of the values of KEYS[0] .. KEYS[i] combined, by
 * calls of FUNCTION with 2 inputs; RESULTS[0] is that of the first value. 2 COUNT
 * calls at most, of which 2 log2 COUNT depend on each other (Brent and Kung, "A
 * regular layout for parallel adders", IEEE Trans. Computers 1982). The results
 * are the caller's to drop. COUNT 0 is allowed and does nothing.
 * DMPI_EINVAL, DMPI_ENOKEY: as dmpi_submit(). DMPI_ENOMEM: no memory for the
 * graph. Then nothing was submitted. */
DMPI_API dmpi_status dmpi_scan(dmpi_pool *pool, const dmpi_function *function,
                               const dmpi_key keys[], size_t count,
                               const dmpi_task_options *options,
                               dmpi_key results[]);

#ifdef __cplusplus
}
#endif
#endif
