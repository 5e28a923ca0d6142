/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange.h - what every rank has, center or worker: requests that wait for an
 * answer, and calls that other ranks ask for.
 *
 * A request is opened, its number travels with a message, and the answer (or
 * the fetched value) settles it. Calls are queued until a thread outside of the
 * role takes and runs them. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdbool.h>

#include "distmpi/pool.h"
#include "map.h"
#include "mem.h"
#include "port.h"

/* In struct port_cookie.what: whose transfer it is. */
enum {
    COOKIE_REQUEST = 1,
    COOKIE_CALL,
    COOKIE_KEY,
    COOKIE_LOST,
    COOKIE_NOTHING
};

/* What becomes of a request whose peer is lost. */
enum request_kind {
    REQUEST_OTHER, /* it is settled: DMPI_ELOST */
    REQUEST_VALUE, /* of KEY, from who has it: it is asked again */
    REQUEST_PUT    /* of KEY, to be kept by the peer: as OTHER */
};

struct request {
    uint64_t id;
    uint64_t key;  /* see enum request_kind */
    int32_t peer;  /* who is to answer, or does so; -1: not known */
    uint8_t kind;  /* enum request_kind */
    bool arriving; /* the peer's answer has come, and its bytes by bulk do */
    bool done;
    dmpi_status status; /* when done */
    void *data;         /* the caller's buffer, or fresh memory: the taker's */
    uint64_t room;      /* of the caller's buffer */
    uint64_t bytes;     /* of the value, when done */
    bool fresh;         /* data is to be malloc'ed for the value */
    dmpi_failure *failure;      /* owned; when status is DMPI_EFAILED */
    void (*settled)(void *arg); /* told when it is done, or NULL */
    void *settled_arg;
};

/* One call to run here. */
struct call {
    struct call *next;
    uint64_t request; /* of rank FROM; 0: no answer wanted */
    int from;
    uint32_t function;
    struct buffer *args; /* owned */
    bool complete;       /* the arguments are here */
    bool running;        /* taken, not given back yet */
};

struct exchange {
    struct port *port;
    struct mem mem;
    struct map requests; /* id -> struct request, owned */
    uint64_t last_id;
    bool recover; /* what nobody waits for any more may come */
    /* With recovery: whom a value was asked from cannot have it; ask again. */
    void (*astray)(void *arg, struct request *request);
    void *astray_arg;
    void **abandoned; /* fresh data that a lost rank was filling; owned */
    size_t abandoned_count;
    struct call *first, **end; /* until they have run, in order; owned */
};

void exchange_init(struct exchange *exchange, struct port *port);
void exchange_fini(struct exchange *exchange);

/* A request whose value goes to DATA, of ROOM bytes, or, if DATA is NULL, to
 * fresh memory. Close it in any case; fresh memory is then the caller's. */
struct request *exchange_open(struct exchange *exchange, void *data,
                              uint64_t room);
void exchange_close(struct exchange *exchange, struct request *request);

/* Request ID of this rank is to be answered by PEER; KIND, KEY: see above. If
 * PEER is lost that is settled at once. */
void exchange_expect(struct exchange *exchange, uint64_t id, int peer,
                     enum request_kind kind, uint64_t key);

/* RANK is lost: what it was to answer is settled, but for values; those that it
 * was sending wait again, of peer -1. What it has asked for is forgotten, unless
 * it runs. */
void exchange_lost(struct exchange *exchange, int rank);

/* For session_wait(): is it settled? */
static inline bool request_is_done(void *request)
{
    return ((const struct request *)request)->done;
}

/* Whom request ID was passed on to cannot have the value: see astray. */
void exchange_stray(struct exchange *exchange, uint64_t id);

/* Settle a request of this rank without a message. BYTES are copied. */
void exchange_settle(struct exchange *exchange, uint64_t id, dmpi_status status,
                     const void *bytes, size_t size);

/* Answer a request of rank TO, which may be this rank. BUFFER may be NULL. */
void exchange_answer(struct exchange *exchange, int to, uint64_t id,
                     dmpi_status status, struct buffer *buffer);

/* Ask rank TO, which may be this one, to call FUNCTION. REQUEST 0: no answer.
 * ARGS may be NULL. */
void exchange_call(struct exchange *exchange, int to, uint32_t function,
                   struct buffer *args, uint64_t request);

/* Was it one of the messages that go to any rank? Then it has been handled. */
bool exchange_receive(struct exchange *exchange, int from,
                      const struct message *message);

/* Is there no request without an answer, and no call that waits or runs? */
bool exchange_idle(const struct exchange *exchange);

/* PAYLOAD of FROM is not wanted any more, but has to be received. */
void exchange_receive_nothing(struct exchange *exchange, int from,
                              const struct msg_payload *payload);

/* Was it a transfer of ours? */
bool exchange_arrived(struct exchange *exchange, struct port_cookie cookie);

/* The next call to run, or NULL. HANDLERS_ONLY: of those that nobody waits for.
 * Give it back by exchange_called() with its output (may be NULL, taken). */
struct call *exchange_take_call(struct exchange *exchange, bool handlers_only);
void exchange_called(struct exchange *exchange, struct call *call,
                     struct buffer *output);

#endif
