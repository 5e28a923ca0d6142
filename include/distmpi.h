/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi.h - data-local distributed computing inside an MPI job.
 *
 * All ranks run one program and call dmpi_open(). Rank 0 gets a pool, to which
 * it submits tasks; every other rank becomes a worker that runs them and keeps
 * their results, until rank 0 calls dmpi_close(). None of these headers needs
 * mpi.h; <distmpi/comm.h>, which takes an MPI communicator, is included by
 * those who want it. */
#ifndef DISTMPI_H
#define DISTMPI_H

#include <distmpi/gang.h>
#include <distmpi/launch.h>
#include <distmpi/patterns.h>
#include <distmpi/pool.h>
#include <distmpi/random.h>
#include <distmpi/rank.h>
#include <distmpi/set.h>
#include <distmpi/status.h>
#include <distmpi/task.h>

#endif
