/* SPDX-License-Identifier: BSD-3-Clause */
/* flight.h - MPI requests under way, tested a slice at a time: what a poll costs
 * does not grow with their number. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include <mpi.h>
#include <stddef.h>

enum { FLIGHT_SLICE = 32 };

/* What an ended request was for. */
typedef void flight_landed(void *owner);

struct flight {
    MPI_Request *requests; /* owned, dense */
    struct flight_entry *entries;
    int indices[FLIGHT_SLICE]; /* scratch for MPI_Testsome */
    int count, capacity;
    int next; /* where the next slice begins */
};

/* All zero is an empty flight. */
void flight_fini(struct flight *flight);

/* Call LANDED with OWNER once REQUEST, which is of a message to or from PEER,
 * has ended. */
void flight_add(struct flight *flight, int peer, MPI_Request request,
                flight_landed *landed, void *owner);

/* Requests with PEER, which is dead: they stay MPI's, which may never end them
 * and still read or write their memory; nobody is told. */
void flight_abandon(struct flight *flight, int peer);

/* Test the next slice; returns how many have landed. */
int flight_poll(struct flight *flight);

#endif
