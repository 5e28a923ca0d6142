/* SPDX-License-Identifier: BSD-3-Clause */
/* launch.h - opening a pool on a communicator. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "distmpi/launch.h"

/* As dmpi_open(), on *COMM (a pointer to an MPI_Comm; NULL: the world). */
dmpi_status launch_open(const void *comm, const char *options,
                        dmpi_pool **pool);

#endif
