/* SPDX-License-Identifier: BSD-3-Clause */
/* failure.h - the value of a key whose task has failed. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdarg.h>

#include "buffer.h"
#include "distmpi/pool.h"

/* Whose failure it is. */
struct failure_of {
    int rank;          /* where it failed; the host is this one */
    uint32_t function; /* number in the registry */
    const char *name;  /* given at submission, of NAME_SIZE bytes; or NULL */
    size_t name_size;
};

/* An error value, a reference for the caller: a dmpi_failure with that STATUS
 * and text, which is cut at DMPI_TEXT_MAX - 1 bytes. */
struct buffer *failure_new(dmpi_status status, const struct failure_of *of,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct buffer *failure_new_va(dmpi_status status, const struct failure_of *of,
                              const char *format, va_list args);

#endif
