/* SPDX-License-Identifier: BSD-3-Clause */
/* flight.c - parallel arrays for MPI_Testsome; a landed one's place is taken by
 * the last. */
#include "flight.h"

#include <stdlib.h>

#include "log.h"

struct flight_entry {
    flight_landed *landed;
    void *owner;
};

void flight_fini(struct flight *flight)
{
    free(flight->requests);
    free(flight->entries);
    free(flight->indices);
    free(flight->statuses);
    *flight = (struct flight){0};
}

static void grow(struct flight *flight)
{
    size_t n = (size_t)(flight->capacity = 2 * flight->capacity + 16);
    flight->requests =
        log_realloc(flight->requests, n * sizeof *flight->requests);
    flight->entries = log_realloc(flight->entries, n * sizeof *flight->entries);
    flight->indices = log_realloc(flight->indices, n * sizeof *flight->indices);
    flight->statuses =
        log_realloc(flight->statuses, n * sizeof *flight->statuses);
}

void flight_add(struct flight *flight, MPI_Request request,
                flight_landed *landed, void *owner)
{
    if (flight->count == flight->capacity) grow(flight);
    flight->requests[flight->count] = request;
    flight->entries[flight->count++] = (struct flight_entry){landed, owner};
}

/* MPI_Testsome leaves MPI_REQUEST_NULL where one has ended. */
static void close_gaps(struct flight *flight)
{
    for (int i = 0; i < flight->count;) {
        if (flight->requests[i] != MPI_REQUEST_NULL) {
            i++;
            continue;
        }
        flight->count--;
        flight->requests[i] = flight->requests[flight->count];
        flight->entries[i] = flight->entries[flight->count];
    }
}

int flight_poll(struct flight *flight)
{
    int landed = 0;
    if (!flight->count) return 0;
    MPI_Testsome(flight->count, flight->requests, &landed, flight->indices,
                 flight->statuses);
    if (landed <= 0) return 0; /* MPI_UNDEFINED is negative */
    /* An owner that is told may add requests: tell from a copy. */
    struct flight_entry *told = log_alloc((size_t)landed * sizeof *told);
    for (int i = 0; i < landed; i++)
        told[i] = flight->entries[flight->indices[i]];
    close_gaps(flight);
    for (int i = 0; i < landed; i++) told[i].landed(told[i].owner);
    free(told);
    return landed;
}
