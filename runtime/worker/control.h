/* SPDX-License-Identifier: BSD-3-Clause */
/* control.h - tasks that do not just run and end: they are cancelled, out of
 * time, or tried again.
 *
 * A job that is over has an end, which is an error, while its function still
 * runs or its inputs are still on their way. What its function does from then on
 * is ignored. The center keeps its inputs until it hears TASK_LEFT. */
#ifndef CONTROL_H
#define CONTROL_H

#include "custody.h"

/* JOB, which has terms or is over, has run for NS and given OUTPUT (taken). */
void control_finish(struct custody *custody, struct job *job,
                    struct buffer *output, uint64_t ns);

/* JOB, which has just come, is to be cancelled at once if that has been said
 * before. */
void control_job_came(struct custody *custody, struct job *job);

/* The clock has moved on: is the running job out of time? */
void control_look_at_clock(struct custody *custody);

/* What the running job has of its time; UINT64_MAX: it has no limit. */
uint64_t control_time_left_ns(const struct agenda *agenda);

void control_on_cancel(struct custody *custody, int from,
                       const struct msg_cancel *cancel);

#endif
