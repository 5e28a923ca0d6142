/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.h - a failed call's status, with the one line that says why. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distmpi/status.h"

/* Remember the line for dmpi_status_detail() on this thread; returns STATUS. */
dmpi_status fault(dmpi_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Can there be COUNT objects of SIZE bytes in a row? */
static inline bool fault_fits(size_t count, size_t size)
{
    return !size || count <= PTRDIFF_MAX / size;
}

#endif
