/* SPDX-License-Identifier: BSD-3-Clause */
/* unbegun.h - the job is to end: when, and what this worker does not begin any
 * more.
 *
 * A task that is not begun gets an error of status DMPI_EDEADLINE for its value,
 * like one that is cancelled; what depends on it inherits that, so whoever waits
 * hears of it. Members of a gang are left alone: all have heard of it, and some may
 * have begun. */
#ifndef UNBEGUN_H
#define UNBEGUN_H

#include "custody.h"
#include "nest.h"

/* All zero: there is none. */
struct unbegun {
    uint64_t end_ns;      /* the job's, on this rank's clock; 0: unknown */
    bool begun;           /* no task begins any more */
    struct buffer *error; /* of all that were ready then; a reference */
};

void unbegun_fini(struct unbegun *unbegun);

/* The center has told. */
void unbegun_on_curfew(struct unbegun *unbegun, struct nest *nest,
                       const struct msg_curfew *say);

/* It has begun: what is ready here ends. */
void unbegun_turn(struct unbegun *unbegun, struct custody *custody);

/* Has all ended that may? What is ready then are members of gangs. */
bool unbegun_is_over(const struct custody *custody);

/* JOB, which is taken, has terms, or all end unbegun: an error (a reference for
 * the caller) if it is not to run, such as for want of time; or NULL. */
struct buffer *unbegun_reason(struct unbegun *unbegun,
                              const struct custody *custody, struct job *job);

#endif
