/* SPDX-License-Identifier: BSD-3-Clause */
/* comm.c - the one place of the api that knows MPI's types. */
#include "distmpi/comm.h"

#include "fault.h"
#include "gang.h"
#include "launch.h"

dmpi_status dmpi_open_comm(MPI_Comm comm, const char *options, dmpi_pool **pool)
{
    int running = 0;
    MPI_Initialized(&running);
    if (!running)
        return fault(DMPI_ESTATE,
                     "MPI does not run: call MPI_Init_thread(), or "
                     "dmpi_open() instead");
    if (comm == MPI_COMM_NULL)
        return fault(DMPI_EINVAL, "the communicator is MPI_COMM_NULL");
    return launch_open(&comm, options, pool);
}

dmpi_status dmpi_task_comm(const dmpi_task *task, MPI_Comm *comm)
{
    const MPI_Comm *ours = gang_comm(task);
    if (!ours)
        return fault(DMPI_ESTATE, "this task is no member of a gang: submit it "
                                  "by dmpi_submit_gang()");
    if (!comm) return fault(DMPI_EINVAL, "no place for the communicator");
    *comm = *ours;
    return DMPI_OK;
}
