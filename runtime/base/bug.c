/* SPDX-License-Identifier: BSD-3-Clause */
/* bug.c - what becomes of an assert() of the library's that does not hold.
 *
 * In a file of its own: a test may have its own. */
#include <assert.h>
#include <execinfo.h>
#include <unistd.h>

#include "log.h"

enum { FRAMES_MAX = 32 };

/* Instead of abort(): it is a bug of ours, which the job's exit code is to tell. */
void __assert_fail(const char *assertion, const char *file, unsigned line,
                   const char *function)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    log_panic("a bug of libdistmpi's: %s:%u, %s(): '%s' is not so", file, line,
              function, assertion);
}
