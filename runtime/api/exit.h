/* SPDX-License-Identifier: BSD-3-Clause */
/* exit.h - how this library ends a process, and how scripts/run hears of it.
 *
 * scripts/run is the *supervisor* of a job. It names a file (DISTMPI_STATUS, which
 * is taken out of the environment before main() runs), which is replaced as a
 * whole: "open RECORDS PID" while a pool is open, those of the journal, then
 * "exit CODE", after which MPI is ended, or "gone CODE", after which it is not. The
 * center writes it, and rank 0 of MPI_COMM_WORLD when it exits by itself. With
 * recovery on (DISTMPI_RECOVERY=on) that is the job's exit code, since the
 * launcher's own then says nothing, and MPI_Abort() would hang. */
#ifndef EXIT_H
#define EXIT_H

#include <stdbool.h>
#include <stdint.h>

/* Beside 0, what the application chose, and LOG_EXIT_PANIC. See README.md. */
enum {
    EXIT_AGAIN = 75, /* run me again: told to end, or out of time */
    EXIT_LOST = 76   /* too many workers lost */
};

/* Has scripts/run started this job? */
bool exit_supervised(void);

/* And does it live on when a rank dies? */
bool exit_recovers(void);

/* A pool is open on this rank, which is its center or not: from now on the ends
 * of this process go through here. */
void exit_opened(bool is_center);

/* On the center: the journal has so many records, in all. A job that ends without
 * a code is launched again if that grows. Writes a file. */
void exit_progress(uint64_t records);

/* Somebody has died: however this process ends from now on, MPI is not called
 * any more; functions that the program registered by atexit() before the pool
 * was opened are not either. For good. */
void exit_without_mpi(void);

/* When this process exits by itself its code is CODE. For good. */
void exit_as(int code);

/* Flush stdio (for 2 s at most), tell the supervisor, end this process. In
 * any thread. The others notice. */
_Noreturn void exit_now(int code);

/* End the whole job with CODE: with recovery on as exit_now(), otherwise by
 * MPI_Abort(). */
_Noreturn void exit_job(int code);

#endif
