/* SPDX-License-Identifier: BSD-3-Clause */
/* port.h - how a role says something, and hears.
 *
 * The same role runs over MPI, over a queue in one process, and in a
 * simulator: each is a struct port. Saying never blocks. Messages are small;
 * the bytes of large values go by bulk, straight from and into buffers. */
#ifndef PORT_H
#define PORT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "buffer.h"
#include "clock.h"
#include "message.h"
#include "trace.h"

/* Values up to this size ride in a message; larger ones go by bulk. */
enum { PORT_INLINE_MAX = 2048 };

/* What a bulk transfer was for; the role's own. */
struct port_cookie {
    uint64_t id;
    uint32_t what;
    uint64_t key;  /* of the value; 0: none. For the trace */
    uint32_t from; /* the sender, if the role wants to know it again */
};

struct port;

struct port_calls {
    /* Room for the struct and tail of one message to rank TO: BYTES of them,
     * aligned to 8, to be filled before the next call of this port. */
    void *(*say)(struct port *, int to, unsigned kind, size_t bytes);

    /* Send BUFFER, of which a reference is kept until it is sent, the value of
     * KEY or 0. Returns the tag under which TO receives it. */
    uint32_t (*bulk_send)(struct port *, int to, struct buffer *, uint64_t key);

    /* Fill BUFFER with what FROM sent under TAG; then the role is told. */
    void (*bulk_receive)(struct port *, int from, uint32_t tag, struct buffer *,
                         struct port_cookie);

    /* RANK is lost: nothing said to it from now on leaves (say() gives memory
     * that nobody reads, bulk_send() any tag), nothing it said is delivered any
     * more, also of what is here already. Transfers with it are abandoned; the
     * client never hears of them, their buffers stay as long as the port cannot
     * be sure that nobody writes to them. */
    void (*forget)(struct port *, int rank);
};

/* The role at this port. The message is valid during the call. */
struct port_client {
    void *role;
    void (*receive)(void *role, int from, const struct message *);
    void (*arrived)(void *role, struct port_cookie, struct buffer *);
};

struct port {
    const struct port_calls *calls;
    struct port_client client;
    struct trace *trace; /* borrowed; NULL: transfers are not recorded */
    int rank, ranks;
    uint64_t *sent;     /* messages said to each rank; owned */
    uint64_t *heard;    /* messages delivered from each rank; owned */
    bool *lost;         /* each rank: it has been forgotten; owned */
    uint64_t envelopes; /* MPI messages they were packed into */
};

void port_init(struct port *port, const struct port_calls *calls, int rank,
               int ranks);
void port_fini(struct port *port);

uint64_t port_messages(const struct port *port); /* said, to all ranks */

/* Delivered from all ranks that are not lost. */
uint64_t port_heard(const struct port *port);

/* RANK is lost, see struct port_calls. Once for each rank. */
void port_forget(struct port *port, int rank);

static inline void *port_say(struct port *port, int to, unsigned kind,
                             size_t bytes)
{
    port->sent[to]++;
    return port->calls->say(port, to, kind, bytes);
}

static inline void port_deliver(struct port *port, int from,
                                const struct message *message)
{
    port->heard[from]++;
    port->client.receive(port->client.role, from, message);
}

/* ---- payloads: inline or by bulk, decided by size ------------------------*/

/* The tail that a message needs for BUFFER (which may be NULL). */
size_t payload_tail(const struct buffer *buffer);

/* Fill PAYLOAD, the last field of the message just said to TO, by the value of
 * KEY, or by bytes that have no key: 0. */
void payload_send(struct port *port, int to, struct msg_payload *payload,
                  struct buffer *buffer, uint64_t key);

/* There are none: only BYTES is told. */
void payload_none(struct msg_payload *payload, uint64_t bytes);

/* Receive PAYLOAD into BUFFER, which has room for it. True: it is there. False:
 * it will be, the role is then told with COOKIE. */
bool payload_receive(struct port *port, int from,
                     const struct msg_payload *payload, struct buffer *buffer,
                     struct port_cookie cookie);

/* ---- for the trace -------------------------------------------------------*/

/* The time for a record's begin; 0 if PORT has no trace. */
static inline uint64_t port_trace_time(const struct port *port)
{
    return port->trace ? clock_ns() : 0;
}

/* A transfer of KIND with PEER, of BYTES for KEY, has ended now. BEGIN_NS is
 * port_trace_time() of its begin. Does nothing if PORT has no trace. */
void port_trace(struct port *port, enum trace_kind kind, int peer, uint64_t key,
                uint64_t bytes, uint64_t begin_ns);

#endif
