/* SPDX-License-Identifier: BSD-3-Clause */
/* fault.h - a failed call's status, with the one line that says why. */
#ifndef FAULT_H
#define FAULT_H

#include "distmpi/status.h"

/* Remember the line for dmpi_status_detail() on this thread; returns STATUS. */
dmpi_status fault(dmpi_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
