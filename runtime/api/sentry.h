/* SPDX-License-Identifier: BSD-3-Clause */
/* sentry.h - a thread that sees processes of this machine end, and that wakes up
 * once a beat.
 *
 * It sleeps in poll() on their pidfds: kill(pid, 0) would call a zombie alive.
 * A process is known by its number and its start time, so that none is mistaken
 * for a later one with the same number. */
#ifndef SENTRY_H
#define SENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sentry;

/* Both are called on the sentry's thread. */
struct sentry_calls {
    void (*ended)(void *arg, int rank); /* its process has; once for each */
    void (*beat)(void *arg);
    void *arg;
};

/* When process PID started, in ticks since this machine did; 0: there is none. */
uint64_t sentry_start_of(pid_t pid);

/* It can watch RANKS processes, numbered from 0, and does nothing yet. */
struct sentry *sentry_new(int ranks, const struct sentry_calls *calls,
                          uint64_t beat_ns);

/* That of RANK is PID, started at START. False: it cannot be watched: not seen
 * from here, or the kernel has no pidfds. Before sentry_begin(). */
bool sentry_watch(struct sentry *sentry, int rank, pid_t pid, uint64_t start);
bool sentry_begin(struct sentry *sentry); /* false: no thread could be made */

/* SIGKILL to RANK's process. False: it is not watched, or has ended. */
bool sentry_kill(struct sentry *sentry, int rank);

/* Waits for the thread, which is not the caller. NULL is allowed. */
void sentry_free(struct sentry *sentry);

#endif
