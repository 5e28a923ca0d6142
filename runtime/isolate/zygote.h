/* SPDX-License-Identifier: BSD-3-Clause */
/* zygote.h - the process that makes executors: forked early, while its parent is
 * small, has one thread and no MPI, it forks a new one whenever one has died.
 *
 * It and its children are in a process group of their own, hold no descriptors
 * but stdout and stderr, have the default signal handlers for all that is sent
 * from outside, and die with the parent. An executor is the first that the kernel
 * ends when there is no memory. */
#ifndef ZYGOTE_H
#define ZYGOTE_H

#include "slot.h"

struct zygote;

/* What an executor does with its slot, which is IDLE: for ever, or until it
 * calls _exit(). */
typedef void zygote_serve(struct slot *slot);

/* Fork one. NULL: errno says why. */
struct zygote *zygote_new(zygote_serve *serve);

/* End it and its executors. ZYGOTE may be NULL. */
void zygote_free(struct zygote *zygote);

/* From now on there are so many executors, at most ZYGOTE_EXECUTORS; 0: those
 * there are end, which is waited for. */
enum { ZYGOTE_EXECUTORS = 2 };
void zygote_want(struct zygote *zygote, unsigned executors);

/* An idle executor's slot: the one that was used last, if it can be. NULL: there
 * was none for LONGEST_NS; errno is why no process could be made, or 0. */
struct slot *zygote_slot(struct zygote *zygote, uint64_t longest_ns);

/* SLOT, which is DONE, SPENT, LOST or CRASHED, has been looked at. */
void zygote_release(struct slot *slot);

/* End the executor of SLOT, which is not idle; another takes its place. */
void zygote_kill(const struct slot *slot);

/* Does it still live? */
bool zygote_lives(const struct zygote *zygote);

/* SIZE bytes, all zero, that processes forked later share; for ever. NULL: no
 * memory. */
void *zygote_shared(size_t size);

#endif
