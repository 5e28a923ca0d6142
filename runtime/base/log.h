/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h - lines on stderr, and the end of the job when nothing can be saved.
 *
 * A line says "distmpi: ", the rank and host once they are known, and the text.
 * What a call can return as a dmpi_status is not logged. */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Exit code of a job that met a broken machine or a bug of ours. */
enum { LOG_EXIT_PANIC = 70 };

void log_set_level(enum log_level level);

/* Who speaks from now on. HOST is copied; rank -1: nobody in particular. */
void log_set_speaker(int rank, const char *host);
const char *log_host(void);

void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Say why, then end the job by the hook: the world's failures beyond repair. An
 * assert() of the library's that does not hold ends so, too, after a stack. */
_Noreturn void log_panic(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* What ends the whole job with that exit code; NULL: only this process. */
void log_on_panic(void (*end_job)(int exit_code));

/* malloc() and realloc() for our own records: they give memory or panic. */
void *log_alloc(size_t size);
void *log_realloc(void *old, size_t size);

#endif
