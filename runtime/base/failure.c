/* SPDX-License-Identifier: BSD-3-Clause */
/* failure.c - fills a dmpi_failure. */
#include "failure.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "registry.h"

static void copy_name(char *to, const char *name, size_t size)
{
    if (size >= DMPI_NAME_MAX) size = DMPI_NAME_MAX - 1;
    if (size) memcpy(to, name, size);
    to[size] = 0;
}

struct buffer *failure_new_va(dmpi_status status, const struct failure_of *of,
                              const char *format, va_list args)
{
    struct buffer *buffer = buffer_new(sizeof(dmpi_failure));
    if (!buffer) log_panic("out of memory for an error");
    buffer->is_error = true;
    dmpi_failure *failure = buffer->data;
    memset(failure, 0, sizeof *failure);
    failure->status = status;
    failure->rank = of->rank;
    snprintf(failure->host, sizeof failure->host, "%s", log_host());
    const char *function = registry_name(of->function);
    copy_name(failure->function, function, strlen(function));
    copy_name(failure->name, of->name, of->name_size);
    vsnprintf(failure->text, sizeof failure->text, format ? format : "", args);
    return buffer;
}

struct buffer *failure_new(dmpi_status status, const struct failure_of *of,
                           const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct buffer *buffer = failure_new_va(status, of, format, args);
    va_end(args);
    return buffer;
}
