/* SPDX-License-Identifier: BSD-3-Clause */
/* executor.h - tasks in processes of their own: what a function does there, and
 * how it ends, is no harm to its worker.
 *
 * A worker runs one task at a time, as it does without: its executor has the
 * cores of the worker, which sleeps meanwhile but for its second thread, and a
 * second executor is there for when the first one dies. Executors live as long
 * as the pool, or until a task kills them. */
#ifndef EXECUTOR_H
#define EXECUTOR_H

#include "running.h"
#include "session.h"

/* ---- before MPI has started ----------------------------------------------*/

/* Make the arena and the zygote, unless they are there. DMPI_ENOMEM: they could
 * not be made. DMPI_ESTATE: MPI runs already. */
dmpi_status executor_prepare(void);

/* Have they been made? If not WHY, of SIZE bytes, says what to do. */
bool executor_is_prepared(char *why, size_t size);

/* ---- a worker's, with the token ------------------------------------------*/

/* Executors from now on, if the session's settings say so and there is a worker
 * here. They end with it. */
void executor_open(struct session *session);
void executor_close(struct session *session);

/* Is JOB to run in one? There are some. */
bool executor_wants(const struct session *session, const struct job *job);

/* Run JOB in one, without the token meanwhile. What came of it, a reference for
 * the caller. */
struct buffer *executor_run(struct session *session, struct job *job);

/* Each executor, also those to come, calls FUNCTION with ARGS (or NULL) once,
 * before its first task. */
void executor_start_with(struct session *session, const dmpi_function *function,
                         const struct buffer *args);

#endif
