/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/status.h - what every call returns.
 *
 * A call that does not return DMPI_OK has left its outputs untouched, unless
 * it says otherwise. dmpi_status_text() tells the kind of failure,
 * dmpi_status_detail() what exactly was wrong and what to do about it. */
#ifndef DISTMPI_STATUS_H
#define DISTMPI_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DMPI_API __attribute__((visibility("default")))
#else
#define DMPI_API
#endif

typedef enum dmpi_status {
    DMPI_OK = 0,
    DMPI_EINVAL = 1,      /* an argument or a setting makes no sense */
    DMPI_ENOKEY = 2,      /* no such key: never made, dropped, or not there */
    DMPI_EFAILED = 3,     /* the task of this key failed; see dmpi_error() */
    DMPI_ETIMEOUT = 4,    /* not within the time given */
    DMPI_ESTATE = 5,      /* not from this rank, thread or at this moment */
    DMPI_ESIZE = 6,       /* the value does not fit into the buffer given */
    DMPI_EBUSY = 7,       /* refused: somebody still needs it */
    DMPI_ENOMEM = 8,      /* no memory for the caller's data */
    DMPI_ELAUNCH = 9,     /* the ranks of the job do not fit together */
    DMPI_ECANCELLED = 10, /* in dmpi_failure.status: by dmpi_cancel() */
    DMPI_EDEADLOCK = 11,  /* tasks wait for each other in a circle */
    DMPI_ECRASHED = 12,   /* in dmpi_failure.status: it ended its process */
    DMPI_ELOST = 13,      /* it was on a worker that is lost */
    DMPI_EDEADLINE = 14   /* not begun: the job is ending; see launch.h */
} dmpi_status;

/* A short text for STATUS: a constant, never NULL. */
DMPI_API const char *dmpi_status_text(dmpi_status status);

/* One line about the last call on this thread that did not return DMPI_OK;
 * "" if there was none. Valid until the next failing call on this thread. */
DMPI_API const char *dmpi_status_detail(void);

/* For libraries on top of this one: the line that dmpi_status_detail() tells on
 * this thread from now on, cut at 599 bytes. Returns STATUS. */
DMPI_API dmpi_status dmpi_status_set(dmpi_status status, const char *format,
                                     ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The version of the library that runs, as "major.minor.patch". */
DMPI_API const char *dmpi_version(void);

#ifdef __cplusplus
}
#endif
#endif
