/* SPDX-License-Identifier: BSD-3-Clause */
/* flight.h - MPI requests under way, tested all at once. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include <mpi.h>
#include <stddef.h>

/* What an ended request was for. */
typedef void flight_landed(void *owner);

struct flight {
    MPI_Request *requests; /* owned, dense */
    struct flight_entry *entries;
    int *indices; /* scratch for MPI_Testsome, like the next */
    MPI_Status *statuses;
    int count, capacity;
};

/* All zero is an empty flight. */
void flight_fini(struct flight *flight);

/* Call LANDED with OWNER once REQUEST has ended. */
void flight_add(struct flight *flight, MPI_Request request,
                flight_landed *landed, void *owner);

/* Test all; returns how many have landed. */
int flight_poll(struct flight *flight);

#endif
