/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.h - with recovery on: who of the ranks lives, and what follows if one does
 * not.
 *
 * On a node the sentry sees processes end, and each rank counts its beats on its
 * page; between nodes the center and each worker send each other a note a beat,
 * and whatever else is heard counts as much. Who is silent for too long is
 * fenced, that is killed by a rank of its own node, before it counts as dead; if
 * nobody on that node answers they are all cut off, and end by themselves, since
 * they do not hear of the center either.
 * A rank that is dead is forgotten by all ports (port_forget()). Its number is
 * never used again in this job: so that mark alone keeps out what it may still
 * say, and messages need no epoch.
 * A worker that loses the center ends itself. */
#ifndef GUARD_H
#define GUARD_H

#include "session.h"

struct guard;

/* What a rank tells its node, in shared memory; see world_page(). */
struct guard_page {
    _Atomic uint64_t start;   /* of its process; see sentry.h */
    _Atomic uint64_t running; /* key of the task that runs; 0: none */
    _Atomic int32_t pid;
    _Atomic uint32_t beats;
    _Atomic int32_t signal; /* by which it is about to end; 0: none */
    _Atomic bool left;      /* it has heard its last */
};

/* False: WHY says which settings do not fit together, or that the launcher keeps
 * the job alive and nobody looks after it. */
bool guard_may_start(const struct config *config, char *why, size_t why_size);

/* This rank writes its page. A collective call has to follow before guard_new().
 */
void guard_announce(struct world *world);

/* RANKS tells all of them, copied. The port is there. */
struct guard *guard_new(struct session *session, const dmpi_worker ranks[]);
void guard_free(struct guard *guard); /* NULL is allowed */

/* With the token, in each turn of the loop. May end the process. */
void guard_turn(struct guard *guard);

/* This worker has heard its last, and may not mind the end of others. */
void guard_leave(struct guard *guard);

/* Have all workers that live done so? A guard as argument. */
bool guard_all_left(void *guard);

/* RANK's process has ended, or it was lost; for loops that wait for it. */
bool guard_is_gone(struct guard *guard, int rank);

/* Ranks that were lost, and the time that it has cost: from each loss until all
 * that had to be done again had been. */
int guard_lost(const struct guard *guard);
double guard_lost_seconds(const struct guard *guard);

#endif
