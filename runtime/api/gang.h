/* SPDX-License-Identifier: BSD-3-Clause */
/* gang.h - around a member's call: its communicator, and how it waits. */
#ifndef GANG_H
#define GANG_H

#include "session.h"

/* Without the token, by the main thread: a member of GANG is about to call its
 * function; it has returned. */
void gang_begin(struct session *session, const struct muster *gang);
void gang_end(struct session *session);

/* The communicator of TASK's gang, a pointer to an MPI_Comm; NULL: TASK is in
 * none. */
const void *gang_comm(const dmpi_task *task);

#endif
