/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/launch.h - start and end a pool.
 *
 *     int main(void)
 *     {
 *         dmpi_pool *pool;
 *         if (dmpi_open(NULL, &pool)) return 2;  // how it was started is wrong
 *         if (pool) {                  // rank 0
 *             ...
 *             dmpi_close(pool);
 *         }
 *         return 0;                    // all ranks get here
 *     }
 *
 * With one process, by mpirun -np 1 or without mpirun, that process is center
 * and worker at once and counts as two ranks, 0 and 1: the output is the same.
 * The tasks then run inside the calls that wait. */
#ifndef DISTMPI_LAUNCH_H
#define DISTMPI_LAUNCH_H

#include <distmpi/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All workers as one place to submit to; exists on rank 0 only. */
typedef struct dmpi_pool dmpi_pool;

/* Every rank of the job calls this. On rank 0 it returns at once with *POOL
 * set. On the other ranks it serves until rank 0 closes the pool, then returns
 * with *POOL NULL.
 *
 * OPTIONS: NULL, or "name=value" pairs separated by blanks, such as
 * "bind=spread report=1"; the names are those that DISTMPI_HELP=1 prints, and
 * what DISTMPI_<NAME> says in rank 0's environment is stronger. The workers
 * take rank 0's settings.
 *
 * If MPI does not run yet it is started, and ended when the program exits.
 * Otherwise MPI_COMM_WORLD is duplicated, and the pool's own thread calls MPI
 * only at thread level MPI_THREAD_MULTIPLE, or MPI_THREAD_SERIALIZED as long
 * as the application calls no MPI between open and close. With less, progress
 * happens only inside calls, and one warning says so.
 *
 * If the ranks find something wrong together, one line on stderr says so, and
 * all return the same status. DMPI_EINVAL: an unknown option, a bad value, or a
 * trace file that cannot be written.
 * DMPI_ESTATE: a pool is already open on this rank, or MPI has ended, or tasks are
 * to be isolated and dmpi_isolate() was not called in time.
 * DMPI_ELAUNCH: the ranks do not run the same program or library, two
 * functions share a name, or the launcher started single processes because it
 * does not match the MPI library.
 * DMPI_EFAILED: a function of dmpi_worker_start() failed on a worker. */
DMPI_API dmpi_status dmpi_open(const char *options, dmpi_pool **pool);

/* For a program that starts MPI itself and may run isolated tasks (see pool.h):
 * called on all ranks before MPI_Init(), best early in main(), it makes the process
 * from which theirs are forked, and which ends with the calling thread. dmpi_open() does so by itself if it starts MPI and
 * DISTMPI_ISOLATE says so on that rank. What the program has loaded and registered
 * by then is what isolated tasks find. A second call does nothing.
 * DMPI_ESTATE: MPI runs already. DMPI_ENOMEM: no process could be made. */
DMPI_API dmpi_status dmpi_isolate(void);

/* When the job is to end: SIGUSR1, SIGTERM or SIGINT came to one of its processes,
 * or its deadline is near (DISTMPI_DEADLINE, or the batch system's). From then on no
 * task begins. The key of one that has not begun, or depends on such a one, becomes
 * an error: dmpi_get() and its kind return DMPI_EDEADLINE, dmpi_error() tells that
 * status. dmpi_wait() and dmpi_next() return DMPI_EDEADLINE for any key that has
 * failed. Running tasks go on, for DISTMPI_GRACE seconds; the application gets what
 * they give, and should close the pool and return soon: whatever it returns, the
 * exit code is then 75 if a task was not begun. When the grace is over rank 0 ends
 * the job itself, with exit code 75: after the journal is closed, without flushing
 * what other ranks have in their buffers. A task is not begun either, and gets the
 * same error, if it needs more seconds than are left (dmpi_task_options).
 *
 * dmpi_open() installs handlers for these signals, where the program has none and
 * does not ignore them; without a pool they are as they were. The first that comes
 * counts. */

/* Waits for all tasks submitted, then ends the pool: the workers return from
 * dmpi_open(). All keys are gone after it; those that the application had not
 * dropped are counted in the report. Rank 0's main thread calls it.
 * The file of DISTMPI_TRACE, if there is one, is then written; what goes wrong
 * with it is one line on stderr.
 * A pool can be opened again afterwards. POOL NULL is allowed and does
 * nothing. DMPI_ESTATE: not an open pool. DMPI_EFAILED: a function of
 * dmpi_worker_end() failed; the pool is closed. DMPI_EDEADLINE: tasks were not
 * begun before the job had to end; likewise. */
DMPI_API dmpi_status dmpi_close(dmpi_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
