/* SPDX-License-Identifier: BSD-3-Clause */
/* budget.h - the memory of this process that values may take, and what becomes
 * of it when they have left.
 *
 * A worker's limit, DISTMPI_MEMORY or its share of the node, is meant for all
 * that the process has in memory: what it has when the pool opens is taken off. */
#ifndef BUDGET_H
#define BUDGET_H

#include "session.h"

/* For the worker of SESSION: its limit and its scratch file, see scratch.h. */
struct memory_setup budget_open(struct session *session);

/* Between messages: what the disk has to tell. False: nothing. */
bool budget_turn(struct session *session);

/* One process alone: sleep until there is, for NS at most, or not at all if the
 * disk has nothing to do. */
void budget_sleep(struct session *session, uint64_t ns);

/* Outputs from this size on are asked for by budget_allows(). */
size_t budget_look(const struct session *session);

/* Without the token, on the thread of the running JOB, which wants SIZE bytes for
 * its output: waits until there is memory. False: there never will be. */
bool budget_allows(struct session *session, struct job *job, size_t size);

/* Before and after the worker is freed. */
void budget_stop(struct session *session);
void budget_close(struct session *session);

#endif
