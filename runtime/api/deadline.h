/* SPDX-License-Identifier: BSD-3-Clause */
/* deadline.h - when the job is to end: told by a signal to any of its ranks, or
 * because its time is over.
 *
 * The center decides for all. No task begins any more; what runs has a grace, in
 * which the application may close the pool. Then the journal is closed and the
 * job ends with EXIT_AGAIN. A thread of the center's own sees to that, whatever the
 * others are doing. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdatomic.h>

#include "session.h"

struct deadline;

/* SIGUSR1, SIGTERM and SIGINT mean that from now on; but for those for which the
 * program has a handler, or which it ignores. Before MPI starts. */
void deadline_catch(void);

/* And no more; without a pool. */
void deadline_release(void);

/* The pool is there. Rank 0's thread begins. */
void deadline_start(struct session *session);

/* In each turn of the loop: something has happened that deadline_turn() is to
 * see. */
extern _Atomic bool deadline_news;

/* With the token. May end the process. */
void deadline_turn(struct session *session);

/* A worker was told by SIGNAL. */
void deadline_pass_on(struct session *session, int signal);

/* On the center, after messages: has a worker been told to end? */
static inline void deadline_listen(struct session *session)
{
    int signal;
    if (center_curfew_asked(session->center, &signal) && !session->told_center)
        deadline_pass_on(session, signal);
}

/* Rank 0 closes the pool; the thread ends. DMPI_EDEADLINE: some tasks were not
 * begun; this process will exit with EXIT_AGAIN. */
dmpi_status deadline_stop(struct session *session);

#endif
