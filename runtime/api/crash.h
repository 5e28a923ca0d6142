/* SPDX-License-Identifier: BSD-3-Clause */
/* crash.h - the last line of a process that a task ends.
 *
 * By SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT: the line is written on a stack of
 * its own, then the process dies by that signal as if nobody had caught it, so
 * that there is a core, or what the program, or a sanitizer, had set before goes
 * on with it. Or by exit(). */
#ifndef CRASH_H
#define CRASH_H

#include <signal.h>
#include <stdint.h>

/* From now on, for tasks of RANK, whose main thread calls this. *SIGNAL, if it is
 * not NULL, receives the signal before the process dies. */
void crash_watch(int rank, _Atomic int32_t *signal);

/* No longer: what was set before is set again. */
void crash_unwatch(void);

/* Another thread that runs functions of the user begins, ends. */
void crash_thread_begin(void);
void crash_thread_end(void);

/* These signals are to reach every thread. */
void crash_unblock(sigset_t *blocked);

/* The task that runs on this thread has called exit(). */
void crash_say_exit(void);

#endif
