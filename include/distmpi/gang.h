/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/gang.h - one task on several workers at once, which talk in MPI.
 *
 *     DMPI_TASK(solve)                       // the same on every member
 *     {
 *         MPI_Comm comm;                     // of exactly the members
 *         dmpi_task_comm(task, &comm);       // distmpi/comm.h
 *         double *part = dmpi_task_output(task, ...);
 *         ...                                // MPI_Sendrecv, MPI_Allreduce
 *     }
 *
 *     dmpi_submit_gang(pool, solve, members, 4, NULL, parts);
 *
 * Each member is a task with an index, inputs, arguments and a key of its own;
 * all run at the same time, on workers of one node, or else on neighbouring
 * ranks, near their inputs. The keys are keys like any other: tasks may use them
 * before they exist, other ranks can fetch them as soon as they do.
 *
 * A gang waits until all its inputs exist, then, in order of priority and
 * submission, until enough workers are in no other gang. Those finish what they
 * had before; a member whose worker is early waits asleep, serving keys. Other
 * workers go on meanwhile. Nothing overtakes a gang that waits, so large ones
 * start too.
 *
 * What a member may call: anything of MPI on its communicator, from this thread,
 * the calls of task.h, and those of rank.h; not the pool, since the other members
 * may wait for it in MPI: a task that has the members' keys among its inputs can.
 * MPI runs at MPI_THREAD_MULTIPLE, because the library's own thread serves keys
 * and calls with MPI meanwhile. While a member waits in MPI its core is busy. The
 * communicator is the library's, not to be freed; messages that are left in it
 * may meet a later gang of the same members.
 *
 * With recovery (see README.md) a gang that loses a member is run again as a whole,
 * on other workers if need be: so its function has to give the same values again.
 * The processes of the members that were running end with the lost one. */
#ifndef DISTMPI_GANG_H
#define DISTMPI_GANG_H

#include <stddef.h>

#include <distmpi/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What one member is given. */
typedef struct dmpi_gang_member {
    const dmpi_key *inputs;
    size_t input_count;
    const void *args;
    size_t size; /* bytes at args */
} dmpi_gang_member;

/* Submit one call of FUNCTION on COUNT workers at once. Member i has the inputs
 * and arguments of MEMBERS[i], which are copied; MEMBERS NULL: none has any.
 * KEYS[i] receives the key of member i, the caller's to drop. OPTIONS may be
 * NULL; of them name, priority and seed may be set.
 *
 * An error among the inputs of one member becomes the value of all, and none
 * runs. All are cancelled with one of them, see dmpi_cancel(). A member that
 * fails by dmpi_fail() fails alone: its key is the error, the others' keys are
 * theirs. Before it returns it has to see that nobody waits for it in MPI.
 *
 * DMPI_EINVAL: COUNT is 0 or more than there are workers, OPTIONS say more than
 * they may, or as dmpi_submit(). DMPI_ELOST: COUNT is more than are left; keys of
 * gangs that were submitted before become errors of that status. DMPI_ENOKEY: as
 * dmpi_submit().
 * DMPI_ESTATE: not on rank 0, or from inside a task; or MPI was started by the
 * program with less than MPI_THREAD_MULTIPLE. Then nothing was submitted. */
DMPI_API dmpi_status dmpi_submit_gang(dmpi_pool *pool,
                                      const dmpi_function *function,
                                      const dmpi_gang_member members[],
                                      size_t count,
                                      const dmpi_task_options *options,
                                      dmpi_key keys[]);

/* In a running task: this member's index, which is its rank in the
 * communicator, and the number of members. In a task that is no gang 0 and 1. */
DMPI_API int dmpi_gang_index(const dmpi_task *task);
DMPI_API int dmpi_gang_size(const dmpi_task *task);

#ifdef __cplusplus
}
#endif
#endif
