/* SPDX-License-Identifier: BSD-3-Clause */
/* tight.h - what a worker does otherwise when memory is short: a job that is
 * ready waits in the room before it begins, the next one already while another
 * runs. */
#ifndef TIGHT_H
#define TIGHT_H

#include "nest.h"

struct job *tight_take_with_room(struct custody *custody);

/* As agenda_take(); the job may be a misfit. */
static inline struct job *tight_take(struct custody *custody)
{
    if (custody->memory.tight) return tight_take_with_room(custody);
    return agenda_take(custody->agenda);
}

/* Could tight_take() give one? */
static inline bool tight_may_take(const struct custody *custody)
{
    bool some = custody->agenda->ready.count;
    if (!custody->memory.tight) return some;
    return room_has_next(&custody->room) ||
           (some && room_takes_more(&custody->room));
}

/* JOB, which was taken and has terms, has to wait for room first: it will be
 * taken again. */
bool tight_waits(struct custody *custody, struct job *job);

/* What JOB, a misfit, ends with; a reference for the caller. */
struct buffer *tight_error(const struct custody *custody, struct job *job);

/* What JOB, one of a gang of which a member has lost an input to an error of that
 * STATUS, ends with. */
struct buffer *tight_gang_error(const struct custody *custody, struct job *job,
                                dmpi_status status);

/* All that have begun use their inputs: they stay in memory. */
void tight_hold_begun(struct custody *custody, const struct nest *nest);

#endif
