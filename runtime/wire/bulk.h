/* SPDX-License-Identifier: BSD-3-Clause */
/* bulk.h - large values from buffer to buffer, in chunks that MPI can count.
 *
 * A transfer is named by its sender's tag. A few chunks of it are under way at
 * a time, so that the loop turns between them and memory is bounded; a sender
 * has a limited number of transfers under way to each peer. A receiver posts
 * those of one sender in the order in which they were said, be it late: so what
 * was posted comes, whatever else waits, and no circle of ranks can wait for
 * itself. */
#ifndef BULK_H
#define BULK_H

#include <mpi.h>

#include "flight.h"
#include "port.h"

struct bulk {
    MPI_Comm comm;
    struct flight *flight;     /* borrowed */
    struct port *port;         /* borrowed: its role is told of arrivals */
    struct bulk_peer *peers;   /* by rank; owned */
    struct bulk_transfer *all; /* sends and receives; owned */
    int open;                  /* those in `all` */
    uint32_t last_tag;
};

void bulk_init(struct bulk *bulk, MPI_Comm comm, struct flight *flight,
               struct port *port);

/* The connection to PEER may break: what MPI could not give to the network by then
 * ends this process (Open MPI 4.1 over TCP calls its own abort, or waits for a lock
 * that it has). From now on that is next to nothing: small chunks, a few at a
 * time, each until the receiver has it. Both ends are to be told the same, before
 * the first transfer. */
void bulk_be_careful(struct bulk *bulk, int peer);

void bulk_fini(struct bulk *bulk);

/* As in struct port_calls. */
uint32_t bulk_send(struct bulk *bulk, int to, struct buffer *buffer,
                   uint64_t key);
void bulk_receive(struct bulk *bulk, int from, uint32_t tag,
                  struct buffer *buffer, struct port_cookie cookie);

/* PEER is dead, and its requests are no longer in the flight: its transfers are
 * over. The buffers of which MPI has a part stay for ever. */
void bulk_abandon(struct bulk *bulk, int peer);

#endif
