/* SPDX-License-Identifier: BSD-3-Clause */
/* cores.h - a task that said how many cores it wants runs on so many: the mask of
 * the process and the numbers of threads, set before and restored after.
 *
 * All of it with the token, before the task's code runs and after. The library's
 * other thread, and MPI within it, look into the environment with the token
 * only, so nobody of ours reads it while it changes. */
#ifndef CORES_H
#define CORES_H

#include "session.h"

enum { CORES_VARIABLES = 4, CORES_LIBRARIES = 3 };

/* How it was. */
struct cores_before {
    int cores;                       /* that the process ran on */
    char *variable[CORES_VARIABLES]; /* owned; NULL: it was not set */
    int threads[CORES_LIBRARIES];    /* 0: there is no such library */
};

/* For the time being COUNT cores are used; the first of those that this process
 * owns, if it owns more. */
void cores_set(struct session *session, int count, struct cores_before *before);
void cores_restore(struct session *session, struct cores_before *before);

/* The numbers of threads only. */
void cores_set_threads(int count, struct cores_before *before);
void cores_restore_threads(struct cores_before *before);

struct cores;

/* CORES may be NULL. */
void cores_free(struct cores *cores);

#endif
