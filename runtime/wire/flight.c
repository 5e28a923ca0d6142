/* SPDX-License-Identifier: BSD-3-Clause */
/* flight.c - parallel arrays for MPI_Testsome; a landed one's place is taken by
 * the last. */
#include "flight.h"

#include <stdlib.h>

#include "log.h"

struct flight_entry {
    flight_landed *landed;
    void *owner;
    int peer;
};

void flight_fini(struct flight *flight)
{
    free(flight->requests);
    free(flight->entries);
    *flight = (struct flight){0};
}

static void grow(struct flight *flight)
{
    size_t n = (size_t)(flight->capacity = 2 * flight->capacity + 16);
    flight->requests =
        log_realloc(flight->requests, n * sizeof *flight->requests);
    flight->entries = log_realloc(flight->entries, n * sizeof *flight->entries);
}

void flight_add(struct flight *flight, int peer, MPI_Request request,
                flight_landed *landed, void *owner)
{
    if (flight->count == flight->capacity) grow(flight);
    flight->requests[flight->count] = request;
    flight->entries[flight->count++] =
        (struct flight_entry){landed, owner, peer};
}

static void remove_at(struct flight *flight, int i)
{
    flight->count--;
    flight->requests[i] = flight->requests[flight->count];
    flight->entries[i] = flight->entries[flight->count];
}

/* From FROM to END, MPI_Testsome leaves MPI_REQUEST_NULL where one has ended. */
static void close_gaps(struct flight *flight, int from, int end)
{
    for (int i = end; i-- > from;)
        if (flight->requests[i] == MPI_REQUEST_NULL) remove_at(flight, i);
}

void flight_abandon(struct flight *flight, int peer)
{
    for (int i = flight->count; i-- > 0;)
        if (flight->entries[i].peer == peer) remove_at(flight, i);
}

int flight_poll(struct flight *flight)
{
    struct flight_entry told[FLIGHT_SLICE];
    MPI_Status statuses[FLIGHT_SLICE]; /* MPICH's "ignore" is no array to gcc */
    int landed = 0, from = flight->next, end = from + FLIGHT_SLICE;
    if (!flight->count) return 0;
    if (from >= flight->count) from = 0, end = FLIGHT_SLICE;
    if (end > flight->count) end = flight->count;
    flight->next = end;
    MPI_Testsome(end - from, flight->requests + from, &landed, flight->indices,
                 statuses);
    if (landed <= 0) return 0; /* MPI_UNDEFINED is negative */
    /* An owner that is told may add requests: tell from a copy. */
    for (int i = 0; i < landed; i++)
        told[i] = flight->entries[from + flight->indices[i]];
    close_gaps(flight, from, end);
    for (int i = 0; i < landed; i++) told[i].landed(told[i].owner);
    return landed;
}
