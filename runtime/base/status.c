/* SPDX-License-Identifier: BSD-3-Clause */
/* status.c - the texts of a dmpi_status, and the last fault of each thread. */
#include "distmpi/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "fault.h"

static _Thread_local char detail[600] = "";

static const char *const texts[] = {
    [DMPI_OK] = "ok",
    [DMPI_EINVAL] = "invalid argument or setting",
    [DMPI_ENOKEY] = "no such key",
    [DMPI_EFAILED] = "task failed",
    [DMPI_ETIMEOUT] = "timed out",
    [DMPI_ESTATE] = "not possible from here or now",
    [DMPI_ESIZE] = "value does not fit",
    [DMPI_EBUSY] = "still needed",
    [DMPI_ENOMEM] = "out of memory",
    [DMPI_ELAUNCH] = "the ranks do not fit together",
    [DMPI_ECANCELLED] = "cancelled",
    [DMPI_EDEADLOCK] = "tasks wait for each other",
    [DMPI_ECRASHED] = "crashed",
    [DMPI_ELOST] = "lost with its worker",
    [DMPI_EDEADLINE] = "not begun before the deadline",
};

const char *dmpi_status_text(dmpi_status status)
{
    size_t i = (size_t)status;
    return i < sizeof texts / sizeof *texts ? texts[i] : "unknown status";
}

const char *dmpi_status_detail(void)
{
    return detail;
}

static void set_detail(const char *format, va_list args)
{
    vsnprintf(detail, sizeof detail, format ? format : "", args);
}

dmpi_status fault(dmpi_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_detail(format, args);
    va_end(args);
    return status;
}

dmpi_status dmpi_status_set(dmpi_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_detail(format, args);
    va_end(args);
    return status;
}

const char *dmpi_version(void)
{
    return DISTMPI_VERSION;
}
