/* SPDX-License-Identifier: BSD-3-Clause */
/* comms.c - a list by rising number: the center gives the numbers out in the
 * order in which each worker's gangs begin. */
#include <mpi.h>

#include "comms.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "log.h"
#include "world.h"

enum { TAG = 1, FIRST_CAPACITY = 8 };

struct kept {
    uint32_t number;
    MPI_Comm comm;
};

struct comms {
    MPI_Comm all;      /* of all ranks, for making others; owned */
    struct kept *kept; /* owned */
    int count, capacity;
    MPI_Comm current; /* of the gang that runs; MPI_COMM_NULL: none does */
    bool passing;     /* it is not kept */
};

struct comms *comms_new(const struct world *world)
{
    struct comms *comms = log_alloc(sizeof *comms);
    *comms = (struct comms){.current = MPI_COMM_NULL};
    MPI_Comm_dup(world_comm(world), &comms->all);
    return comms;
}

void comms_free(struct comms *comms)
{
    for (int i = 0; i < comms->count; i++) MPI_Comm_free(&comms->kept[i].comm);
    MPI_Comm_free(&comms->all);
    comms_abandon(comms);
}

void comms_abandon(struct comms *comms)
{
    free(comms->kept);
    free(comms);
}

static MPI_Comm find(const struct comms *comms, uint32_t number)
{
    for (int i = 0; i < comms->count; i++)
        if (comms->kept[i].number == number) return comms->kept[i].comm;
    return MPI_COMM_NULL;
}

static void keep(struct comms *comms, uint32_t number, MPI_Comm comm)
{
    assert(!comms->count || comms->kept[comms->count - 1].number < number);
    if (comms->count == comms->capacity) {
        comms->capacity =
            comms->capacity ? 2 * comms->capacity : FIRST_CAPACITY;
        comms->kept = log_realloc(comms->kept, (size_t)comms->capacity *
                                                   sizeof *comms->kept);
    }
    comms->kept[comms->count++] = (struct kept){number, comm};
}

/* A worker alone may have another rank in the pool than in MPI. */
static MPI_Comm make(const struct comms *comms, const int ranks[],
                     uint32_t size)
{
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Group all, members;
    if (size == 1) {
        MPI_Comm_dup(MPI_COMM_SELF, &comm);
        return comm;
    }
    MPI_Comm_group(comms->all, &all);
    MPI_Group_incl(all, (int)size, ranks, &members);
    MPI_Comm_create_group(comms->all, members, TAG, &comm);
    MPI_Group_free(&members);
    MPI_Group_free(&all);
    return comm;
}

void comms_enter(struct comms *comms, uint32_t number, const int ranks[],
                 uint32_t size)
{
    comms->passing = !number;
    comms->current = number ? find(comms, number) : MPI_COMM_NULL;
    if (comms->current != MPI_COMM_NULL) return;
    comms->current = make(comms, ranks, size);
    if (comms->current == MPI_COMM_NULL)
        log_panic("MPI makes no communicator for a gang of %u", size);
    if (number) keep(comms, number, comms->current);
}

const void *comms_current(const struct comms *comms)
{
    return &comms->current;
}

void comms_leave(struct comms *comms)
{
    if (comms->passing) MPI_Comm_free(&comms->current);
    comms->current = MPI_COMM_NULL;
}
