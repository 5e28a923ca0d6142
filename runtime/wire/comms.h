/* SPDX-License-Identifier: BSD-3-Clause */
/* comms.h - the communicators of gangs, made once for each list of members.
 *
 * The center numbers those that are kept. All members meet in making one; so
 * one that is kept is known to all of its members or to none, and whoever has it
 * needs to ask nobody. They are freed at the close, by number: so in one order
 * everywhere. */
#ifndef COMMS_H
#define COMMS_H

#include <stdint.h>

struct comms;
struct world;

/* Collective over all ranks of WORLD; so is the end, where no gang runs. */
struct comms *comms_new(const struct world *world);
void comms_free(struct comms *comms);

/* The same without the other ranks: MPI keeps the communicators. */
void comms_abandon(struct comms *comms);

/* The gang of RANKS, SIZE of them in order of their index, begins: have its
 * communicator. Waits for the other members, all of which call this. NUMBER 0: it
 * is not kept. Another thread may call MPI meanwhile. */
void comms_enter(struct comms *comms, uint32_t number, const int ranks[],
                 uint32_t size);

/* That gang's, a pointer to an MPI_Comm. */
const void *comms_current(const struct comms *comms);

/* The gang has ended. */
void comms_leave(struct comms *comms);

#endif
