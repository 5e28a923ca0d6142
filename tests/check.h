/* SPDX-License-Identifier: BSD-3-Clause */
/* check.h - CUnit, and a limit on how long a test may take.
 *
 *     static const struct check_test tests[] = {
 *         {"what is promised", what_is_promised},
 *     };
 *
 *     int main(void)
 *     {
 *         return check_run("map", tests, CHECK_COUNT(tests));
 *     }
 *
 * A test that takes longer than its limit ends the process with status 124 and
 * says which test it was and where each thread stood. So does SIGTERM, with
 * status 143, if nobody else handles it: under mpirun the ranks that wait for
 * the one that ended say where they wait. */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

#include <CUnit/CUnit.h>

struct check_test {
    const char *name; /* what the test promises, in words */
    void (*run)(void);
};

#define CHECK_COUNT(tests) (sizeof(tests) / sizeof((tests)[0]))

/* Run TESTS as one suite and print CUnit's summary. Each may take CHECK_LIMIT
 * seconds (environment; 60). Returns what main() is to return: 0, or 1 if an
 * assertion failed. May be called again. */
int check_run(const char *suite, const struct check_test *tests, size_t count);

/* From inside a test: it may take SECONDS from now on, more if CHECK_LIMIT is
 * above 60. */
void check_limit(unsigned seconds);

/* Limit this process, which runs no suite: from now on it may take SECONDS,
 * more if CHECK_LIMIT is above 60. WHAT (borrowed) is named if it takes longer.
 * For the ranks that only serve. 0 ends the watch. */
void check_watch(const char *what, unsigned seconds);

#endif
