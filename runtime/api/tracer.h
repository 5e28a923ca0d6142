/* SPDX-License-Identifier: BSD-3-Clause */
/* tracer.h - what this rank records for DISTMPI_TRACE, and how the records of
 * all ranks come into one file at the end.
 *
 * A session without a trace has none of this: its traces are NULL, which the
 * callers of the recording functions have looked at. They have the token. */
#ifndef TRACER_H
#define TRACER_H

#include "session.h"

/* Collective, if the settings ask for a trace: begin to record. FILE is rank
 * 0's, NULL elsewhere, and the session's from now on. */
void tracer_start(struct session *session, struct trace_file *file);

/* JOB ran from BEGIN_NS to END_NS and gave OUTPUT. */
void tracer_task(struct trace *trace, struct job *job,
                 const struct buffer *output, uint64_t begin_ns,
                 uint64_t end_ns);

/* CALL, which began at BEGIN_NS, has given OUTPUT on this thread. */
void tracer_call(struct trace *trace, const struct call *call,
                 const struct buffer *output, uint64_t begin_ns);

/* The time without anything to do ends at NOW_NS. */
void tracer_idle(const struct session *session, uint64_t now_ns);

/* Rank 0's own code begins; it has called the library. */
void tracer_application_begins(struct session *session);
void tracer_application_ended(struct session *session);

/* Collective, if there is a trace, and the last that this pool does: rank 0
 * writes the file. Without the ticker. */
void tracer_finish(struct session *session);

#endif
