/* SPDX-License-Identifier: BSD-3-Clause */
/* broken.h - jobs of gangs that have lost a member.
 *
 * One that has not begun is given up: it does not run, and the center, which knows
 * that as soon as it knows that this worker has heard of the loss, has all of the
 * gang run again. Then a member may come to a worker that has its value already,
 * from the time before: it runs, for the others, and its output is dropped. */
#ifndef BROKEN_H
#define BROKEN_H

#include "custody.h"

/* JOB, which has not begun, and is not the agenda's running one, does not. It is
 * freed, now or when its inputs are here. Who waits for its value here hears from
 * the center whom to ask. */
void broken_give_up(struct custody *custody, struct job *job);

/* The job of KEY was given up, and the center, which has said so, does not know
 * whether its value is wanted here. */
void broken_ask(struct custody *custody, uint64_t key);

/* JOB, one of a gang, is to make VALUE, which is held. */
void broken_make_again(struct custody *custody, struct job *job,
                       struct value *value);

/* JOB, of which that was said, has ended after NS. It is freed. */
void broken_made_again(struct custody *custody, struct job *job, uint64_t ns);

#endif
