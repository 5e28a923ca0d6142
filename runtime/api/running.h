/* SPDX-License-Identifier: BSD-3-Clause */
/* running.h - calling the user's functions: tasks, and calls from other ranks.
 */
#ifndef RUNNING_H
#define RUNNING_H

#include "session.h"

/* The task that this thread is running, or NULL. */
dmpi_task *running_task(void);

/* The rank on which it runs, -1: none. */
int running_rank(void);

/* The gang of which TASK is a member, or NULL. */
const struct muster *running_gang(const dmpi_task *task);

/* Run JOB; returns its output, a reference for the caller. With the token, which
 * is given back meanwhile. */
struct buffer *running_job(struct session *session, struct job *job);

/* Run CALL and give it back to EXCHANGE. Likewise. */
void running_call(struct session *session, struct exchange *exchange,
                  struct call *call);

#endif
