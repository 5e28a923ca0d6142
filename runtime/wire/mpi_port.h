/* SPDX-License-Identifier: BSD-3-Clause */
/* mpi_port.h - the port over MPI: messages in envelopes, values by bulk.
 *
 * To each peer one or two envelopes are under way; what is said meanwhile is
 * appended and leaves when one lands, when it is full, or by a flush. Patient
 * messages alone (see message.h) do not make an envelope leave: each costs a
 * sleeping receiver a wake-up, and the core that it shares as much.
 * Nothing here blocks. All calls under the rank's token. */
#ifndef MPI_PORT_H
#define MPI_PORT_H

#include <stdbool.h>

#include "port.h"

struct world;
struct mpi_port;

/* What ranks tell each other beside the roles, of who is alive. */
enum port_note_kind {
    NOTE_BEAT,  /* I am */
    NOTE_FENCE, /* center, to a neighbour of RANK: see that it is not */
    NOTE_DIED,  /* neighbour, to the center: RANK is not, by SIGNAL if known,
                 * while it ran the task of KEY, if known */
    NOTE_LEFT   /* worker: I have heard the last that I have to hear */
};

struct port_note {
    uint32_t kind;
    int32_t rank;
    int32_t signal;
    uint32_t pad;
    uint64_t key;
};

/* Over JOB, which is borrowed. Rings its doorbell after each envelope. */
struct mpi_port *mpi_port_new(struct world *world);

/* Nothing is under way any more: see mpi_port_quiet(). If a rank has been lost
 * all that MPI may still write to stays. */
void mpi_port_free(struct mpi_port *port);

struct port *mpi_port_base(struct mpi_port *port);

/* The job goes on when a rank dies: notes go to ON_NOTE, and a send that fails
 * is one to the dead. */
void mpi_port_recover(struct mpi_port *port,
                      void (*on_note)(void *arg, int from,
                                      const struct port_note *note),
                      void *arg);

/* Ranks that were forgotten. */
int mpi_port_lost(const struct mpi_port *port);

/* Tell rank TO; it leaves with the next flush. */
void mpi_port_note(struct mpi_port *port, int to, const struct port_note *note);

/* Notes that have come from RANK. */
uint64_t mpi_port_notes_heard(const struct mpi_port *port, int rank);

/* Deliver what has come, a bounded number of envelopes. False: nothing came
 * and nothing landed. */
bool mpi_port_poll(struct mpi_port *port);

/* Send what has been said, patient envelopes excepted. */
void mpi_port_flush(struct mpi_port *port);

/* Send those too; are there any? */
void mpi_port_flush_patient(struct mpi_port *port);
bool mpi_port_holds(const struct mpi_port *port);

/* Give memory that is not in use back. */
void mpi_port_trim(struct mpi_port *port);

/* Is everything that was said sent, and every transfer ended? */
bool mpi_port_quiet(const struct mpi_port *port);

/* Are bulk transfers under way, which want the loop to turn fast? */
bool mpi_port_busy(const struct mpi_port *port);

/* Let MPI yield the core where it waits, or not, while code of the user calls
 * it. There is a port, which has it off. */
void mpi_port_set_yielding(bool yield);

/* Envelopes that have not been sent to the end. */
size_t mpi_port_unsent(const struct mpi_port *port);

#endif
