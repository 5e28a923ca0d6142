/* SPDX-License-Identifier: BSD-3-Clause */
/* job.h - what every test program here does: the workers serve, rank 0 tests.
 *
 *     int main(void)
 *     {
 *         return job_run("tasks", tests, CHECK_COUNT(tests));
 *     }
 *
 * A test drops the keys it made: the last test of each program, which job_run()
 * adds, is that no worker holds anything. */
#ifndef JOB_H
#define JOB_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <distmpi.h>

#include "check.h"

enum { TESTS_MAX = 64, RANKS_MAX = 16 };

/* The open pool; NULL on workers. */
extern dmpi_pool *pool;

/* Open a pool, run TESTS on rank 0, close it. What main() is to return. */
int job_run(const char *suite, const struct check_test *tests, size_t count);

/* CALL returns STATUS; if not it is told what it said. */
#define EXPECT(status, call) job_expect(call, status, #call, __FILE__, __LINE__)
#define OK(call)             EXPECT(DMPI_OK, call)
void job_expect(dmpi_status got, dmpi_status wanted, const char *call,
                const char *file, unsigned line);

/* The same for a call that fails: it says why, in dmpi_status_detail(). */
#define REFUSED(status, call)                                                  \
    do {                                                                       \
        EXPECT(status, call);                                                  \
        CU_ASSERT(*dmpi_status_detail() != 0);                                 \
    } while (0)

/* ---- short ways of calling -----------------------------------------------*/

/* Submit with default options. */
dmpi_key job_submit(const dmpi_function *function, const dmpi_key inputs[],
                    size_t count, const void *args, size_t size);

/* Likewise, on RANK and no other. */
dmpi_key job_submit_on(int rank, const dmpi_function *function,
                       const dmpi_key inputs[], size_t count, const void *args,
                       size_t size);

/* A number as argument and as result: 0x5555 and a failed test if the value of
 * KEY is none. */
dmpi_key job_submit_number(const dmpi_function *function, int64_t number);
int64_t job_number(dmpi_key key);

/* Get it and drop it. */
int64_t job_take_number(dmpi_key key);

void job_drop(dmpi_key key);

/* How many keys all workers hold. */
size_t job_keys_held(void);

/* Do they come to hold so many? Words of ends and drops may be on their way. */
bool job_keys_become(size_t count);

/* The number of workers. */
static inline int job_workers(void)
{
    return dmpi_ranks() - 1;
}

/* Are the center and its worker one process? Then nobody acts for the
 * application, or for the worker, while a task runs. */
bool job_is_one_process(void);

/* The last worker's rank. */
static inline int job_last(void)
{
    return dmpi_ranks() - 1;
}

/* ---- inside tasks --------------------------------------------------------*/

/* TASK gives NUMBER; the number that it was given. */
void job_give(dmpi_task *task, int64_t number);
int64_t job_argument(const dmpi_task *task);

/* What goes wrong in CALL is the error of `task`, which returns. */
#define TRY(call)                                                              \
    do {                                                                       \
        if (!(call)) break;                                                    \
        dmpi_fail(task, "%s: %s", #call, dmpi_status_detail());                \
        return;                                                                \
    } while (0)

/* ---- bytes and time ------------------------------------------------------*/

/* SIZE bytes that depend on SEED, and are they those? */
void job_fill(void *data, size_t size, uint64_t seed);
bool job_is_filled(const void *data, size_t size, uint64_t seed);

/* Fresh and filled; the caller frees it. */
void *job_bytes(size_t size, uint64_t seed);

double job_now(void); /* seconds */
void job_sleep(double seconds);
void job_busy(double seconds); /* uses the core */

#endif
