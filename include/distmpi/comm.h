/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/comm.h - a pool inside an MPI program that already runs. */
#ifndef DISTMPI_COMM_H
#define DISTMPI_COMM_H

#include <mpi.h>

#include <distmpi/launch.h>
#include <distmpi/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As dmpi_open(), on the ranks of COMM, all of which call it. COMM is
 * duplicated and stays the caller's. Rank 0 of COMM gets the pool. Pools on
 * disjoint communicators work at the same time; a rank is in one pool at a
 * time. DMPI_EINVAL: MPI_COMM_NULL, or an intercommunicator. DMPI_ESTATE: MPI
 * does not run. */
DMPI_API dmpi_status dmpi_open_comm(MPI_Comm comm, const char *options,
                                    dmpi_pool **pool);

/* In a running member of a gang (see gang.h): *COMM receives the communicator of
 * its members, in which its rank is dmpi_gang_index(). It stays the library's.
 * DMPI_ESTATE: TASK is no gang's. */
DMPI_API dmpi_status dmpi_task_comm(const dmpi_task *task, MPI_Comm *comm);

#ifdef __cplusplus
}
#endif
#endif
