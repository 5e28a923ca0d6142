/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - lines on stderr, written whole so that ranks do not mix theirs. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static enum log_level limit = LOG_WARN;
static int speaker = -1;
static char speaker_host[64] = "";
static void (*end_job)(int) = NULL;

void log_set_level(enum log_level level)
{
    limit = level;
}

void log_set_speaker(int rank, const char *host)
{
    speaker = rank;
    snprintf(speaker_host, sizeof speaker_host, "%s", host ? host : "");
}

const char *log_host(void)
{
    return speaker_host;
}

void log_on_panic(void (*hook)(int exit_code))
{
    end_job = hook;
}

static void write_line(const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];
    int at = speaker < 0
                 ? snprintf(line, sizeof line, "distmpi: ")
                 : snprintf(line, sizeof line,
                            "distmpi: rank %d (%s): ", speaker, speaker_host);
    int text = vsnprintf(line + at, sizeof line - (size_t)at - 1, format, args);
    size_t length = (size_t)at + (text > 0 ? (size_t)text : 0);
    if (length > sizeof line - 2) length = sizeof line - 2;
    line[length] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length + 1);
    (void)written; /* nowhere left to complain */
}

void log_line(enum log_level level, const char *format, ...)
{
    if (level > limit) return;
    va_list args;
    va_start(args, format);
    write_line(format, args);
    va_end(args);
}

void log_panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line(format, args);
    va_end(args);
    if (end_job) end_job(LOG_EXIT_PANIC);
    _exit(LOG_EXIT_PANIC);
}

void *log_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) log_panic("out of memory for %zu bytes of our own", size);
    return memory;
}

void *log_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) log_panic("out of memory for %zu bytes of our own", size);
    return memory;
}
