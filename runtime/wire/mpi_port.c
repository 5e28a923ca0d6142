/* SPDX-License-Identifier: BSD-3-Clause */
/* mpi_port.c - envelopes out, a ring of posted receives in.
 *
 * An envelope is small enough for MPI's eager way, and is received into a ring
 * of buffers posted ahead, whose order is the order of arrival. A message too
 * large for one envelope is cut into fragments. */
#include "mpi_port.h"

#include <dlfcn.h>
#include <mpi.h>
#include <string.h>

#include "bulk.h"
#include "doorbell.h"
#include "inbox.h"
#include "log.h"
#include "registry.h"
#include "world.h"

enum {
    ENVELOPE_BYTES = 4000, /* with MPI's header below its eager limit of 4096 */
    ENVELOPE_TAG = 1,
    FLYING_MAX = 2,  /* envelopes under way to one peer */
    RING_LEAST = 16, /* receives posted, and at most */
    RING_MOST = 128,
    POLL_ENVELOPES = 16, /* delivered in one poll */
    FREE_KEPT = 16       /* empty envelopes, when there is nothing to do */
};

struct envelope {
    struct envelope *next;
    struct mpi_port *port;
    int to;
    uint32_t used;
    char bytes[ENVELOPE_BYTES];
};

/* Ranks with an open envelope. */
struct outbox {
    int *ranks; /* owned */
    int count;
};

/* Is somebody in a hurry, or only patient messages? */
enum { HURRY, PATIENT, OUTBOXES };

struct peer {
    struct envelope *open;         /* being filled, or NULL */
    bool due;                      /* it leaves as soon as one has landed */
    struct envelope *first, *last; /* full, wait for their turn */
    int flying;                    /* under way */
    bool listed[OUTBOXES];         /* in that list of the port */
    uint64_t notes;                /* that have come */
};

struct slot {
    MPI_Request request;
    char bytes[ENVELOPE_BYTES];
};

struct mpi_port {
    struct port base;    /* first: cast back */
    struct world *world; /* borrowed */
    MPI_Comm comm;       /* borrowed */
    struct doorbell *bell;
    struct peer *peers; /* by rank; owned */
    struct outbox outboxes[OUTBOXES];
    struct envelope *free_envelopes; /* owned */
    int free_count;
    size_t unsent; /* envelopes open, waiting, or under way */
    struct flight flight;
    struct bulk bulk;
    struct inbox inbox;
    struct slot *ring; /* owned */
    int ring_size, ring_head;
    /* A message too large for an envelope, until it has been filled. */
    struct message *large; /* owned, or NULL */
    int large_to;
    void *scratch; /* what is said to lost ranks; owned */
    bool yielded;  /* MPI did before there was this port */
    bool recovers; /* see mpi_port_recover() */
    int lost;      /* ranks that were forgotten */
    void (*on_note)(void *arg, int from, const struct port_note *note);
    void *note_arg;
};

enum {
    FRAGMENT_HEAD = sizeof(struct message) + sizeof(struct inbox_fragment),
    FRAGMENT_BYTES = ENVELOPE_BYTES - FRAGMENT_HEAD
};

static void check(int result, const char *what)
{
    if (result != MPI_SUCCESS) log_panic("%s failed", what);
}

/* ---- out -----------------------------------------------------------------*/

static struct envelope *envelope_take(struct mpi_port *port, int to)
{
    struct envelope *envelope = port->free_envelopes;
    if (envelope) {
        port->free_envelopes = envelope->next;
        port->free_count--;
    } else {
        envelope = log_alloc(sizeof *envelope);
    }
    envelope->next = NULL;
    envelope->port = port;
    envelope->to = to;
    envelope->used = 0;
    port->unsent++;
    return envelope;
}

static void envelope_give(struct mpi_port *port, struct envelope *envelope)
{
    envelope->next = port->free_envelopes;
    port->free_envelopes = envelope;
    port->free_count++;
    port->unsent--;
}

static void send_waiting(struct mpi_port *port, struct peer *peer);

static void envelope_landed(void *owner)
{
    struct envelope *envelope = owner;
    struct mpi_port *port = envelope->port;
    struct peer *peer = &port->peers[envelope->to];
    peer->flying--;
    envelope_give(port, envelope);
    send_waiting(port, peer);
}

static void isend(struct mpi_port *port, struct envelope *envelope,
                  MPI_Request *request)
{
    int result = MPI_Isend(envelope->bytes, (int)envelope->used, MPI_BYTE,
                           envelope->to, ENVELOPE_TAG, port->comm, request);
    if (result == MPI_SUCCESS) return;
    if (!port->recovers) log_panic("MPI_Isend failed");
    *request = MPI_REQUEST_NULL; /* to the dead: that one will be forgotten */
}

/* Most are over when MPI_Isend returns: those do not join the flight. */
static void send_envelope(struct mpi_port *port, struct envelope *envelope)
{
    MPI_Request request;
    int landed = 0;
    isend(port, envelope, &request);
    port->base.envelopes++;
    doorbell_ring(port->bell, envelope->to);
    check(MPI_Test(&request, &landed, MPI_STATUS_IGNORE), "MPI_Test");
    if (landed) {
        envelope_give(port, envelope);
        return;
    }
    port->peers[envelope->to].flying++;
    flight_add(&port->flight, envelope->to, request, envelope_landed, envelope);
}

/* The open envelope will not be added to. */
static struct envelope *take_open(struct peer *peer)
{
    struct envelope *envelope = peer->open;
    peer->open = NULL;
    peer->due = false;
    return envelope;
}

static void send_waiting(struct mpi_port *port, struct peer *peer)
{
    while (peer->first && peer->flying < FLYING_MAX) {
        struct envelope *envelope = peer->first;
        peer->first = envelope->next;
        if (!peer->first) peer->last = NULL;
        send_envelope(port, envelope);
    }
    if (peer->due && peer->flying < FLYING_MAX)
        send_envelope(port, take_open(peer));
}

/* Send the open envelope; if it has to wait more may be put into it. */
static void send_open(struct mpi_port *port, struct peer *peer)
{
    if (!peer->open) return;
    if (!peer->first && peer->flying < FLYING_MAX)
        send_envelope(port, take_open(peer));
    else peer->due = true;
}

/* The open envelope is full: send it, behind those that wait. */
static void close_envelope(struct mpi_port *port, struct peer *peer)
{
    send_open(port, peer);
    if (!peer->open) return;
    struct envelope *envelope = take_open(peer);
    if (peer->last) peer->last->next = envelope;
    else peer->first = envelope;
    peer->last = envelope;
}

/* The open envelope to rank TO leaves with the next flush of that box. */
static void list(struct mpi_port *port, int to, int box)
{
    struct outbox *outbox = &port->outboxes[box];
    port->peers[to].listed[box] = true;
    outbox->ranks[outbox->count++] = to;
}

/* Room for a message of BYTES, head included, in the envelope to rank TO. */
static struct message *append(struct mpi_port *port, int to, unsigned kind,
                              size_t bytes)
{
    struct peer *peer = &port->peers[to];
    size_t padded = message_padded(bytes);
    struct envelope *envelope = peer->open;
    if (envelope && envelope->used + padded > ENVELOPE_BYTES) {
        close_envelope(port, peer);
        envelope = NULL;
    }
    if (!envelope) envelope = peer->open = envelope_take(port, to);
    int box = message_is_patient(kind) ? PATIENT : HURRY;
    if (!peer->listed[box]) list(port, to, box);
    struct message *message =
        (struct message *)(envelope->bytes + envelope->used);
    envelope->used += (uint32_t)padded;
    message->bytes = (uint32_t)bytes;
    message->kind = kind;
    return message;
}

/* The large message has been filled by now: cut it up. */
static void post_large(struct mpi_port *port)
{
    struct message *large = port->large;
    if (!large) return;
    port->large = NULL; /* a lost rank has none */
    const char *at = (const char *)large;
    for (uint32_t rest = large->bytes; rest;) {
        uint32_t piece = rest < FRAGMENT_BYTES ? rest : FRAGMENT_BYTES;
        struct message *message = append(port, port->large_to, MSG_FRAGMENT,
                                         FRAGMENT_HEAD + (size_t)piece);
        struct inbox_fragment *fragment =
            (struct inbox_fragment *)(message + 1);
        *fragment = (struct inbox_fragment){.total = large->bytes};
        memcpy(fragment + 1, at, piece);
        at += piece;
        rest -= piece;
    }
    free(large);
}

/* Room that nobody reads, until the next one is asked for. */
static void *scratch(struct mpi_port *port, size_t bytes)
{
    port->scratch = log_realloc(port->scratch, bytes);
    return port->scratch;
}

static void *say(struct port *base, int to, unsigned kind, size_t bytes)
{
    struct mpi_port *port = (struct mpi_port *)base;
    size_t whole = sizeof(struct message) + bytes;
    if (port->large) post_large(port);
    if (base->lost[to]) return scratch(port, bytes);
    if (whole <= ENVELOPE_BYTES) return append(port, to, kind, whole) + 1;
    if (whole > UINT32_MAX) log_panic("a message of %zu bytes", whole);
    port->large = log_alloc(whole);
    *port->large = (struct message){(uint32_t)whole, kind};
    port->large_to = to;
    return port->large + 1;
}

static void empty(struct mpi_port *port, int box)
{
    struct outbox *outbox = &port->outboxes[box];
    for (int i = 0; i < outbox->count; i++) {
        struct peer *peer = &port->peers[outbox->ranks[i]];
        peer->listed[box] = false;
        send_open(port, peer);
    }
    outbox->count = 0;
}

void mpi_port_flush(struct mpi_port *port)
{
    if (port->large) post_large(port);
    empty(port, HURRY);
}

void mpi_port_flush_patient(struct mpi_port *port)
{
    mpi_port_flush(port);
    empty(port, PATIENT);
}

bool mpi_port_holds(const struct mpi_port *port)
{
    return port->outboxes[PATIENT].count;
}

static uint32_t port_bulk_send(struct port *base, int to, struct buffer *buffer,
                               uint64_t key)
{
    if (base->lost[to]) return 0;
    return bulk_send(&((struct mpi_port *)base)->bulk, to, buffer, key);
}

static void port_bulk_receive(struct port *base, int from, uint32_t tag,
                              struct buffer *buffer, struct port_cookie cookie)
{
    bulk_receive(&((struct mpi_port *)base)->bulk, from, tag, buffer, cookie);
}

/* ---- the dead ------------------------------------------------------------*/

static void drop_unsent(struct mpi_port *port, struct peer *peer)
{
    if (peer->open) envelope_give(port, take_open(peer));
    while (peer->first) {
        struct envelope *envelope = peer->first;
        peer->first = envelope->next;
        envelope_give(port, envelope);
    }
    peer->last = NULL;
}

/* MPI has those that fly, for ever. */
static void drop_flying(struct mpi_port *port, struct peer *peer)
{
    port->unsent -= (size_t)peer->flying;
    peer->flying = 0;
}

/* Open MPI looks at its sockets in every MPI_Test() as long as it counts peers
 * that are connected, else once in 10 ms. A connection that breaks is taken off
 * that count more than once: so after a few of them the living ones are slow. The
 * call is Open MPI's own; other MPIs have none. */
static void keep_looking_at_sockets(void)
{
    enum { BREAKS = 16 }; /* more than one connection is taken off for */
    void (*count)(void) = NULL;
    *(void **)&count =
        dlsym(RTLD_DEFAULT, "opal_progress_event_users_increment");
    for (int i = 0; count && i < BREAKS; i++) count();
}

static void port_forget_rank(struct port *base, int rank)
{
    struct mpi_port *port = (struct mpi_port *)base;
    struct peer *peer = &port->peers[rank];
    port->lost++;
    keep_looking_at_sockets();
    if (port->large && port->large_to == rank) {
        free(port->large);
        port->large = NULL;
    }
    flight_abandon(&port->flight, rank);
    drop_unsent(port, peer);
    drop_flying(port, peer);
    bulk_abandon(&port->bulk, rank);
    inbox_forget(&port->inbox, rank);
}

/* ---- notes ---------------------------------------------------------------*/

/* What mpirun was told ends up here on all ranks. */
static bool tcp_on_nodes(void)
{
    const char *btl = getenv("OMPI_MCA_btl");
    return btl && strstr(btl, "tcp") && btl[0] != '^' &&
           !strstr(btl, "vader") && !strstr(btl, "sm");
}

static bool is_by_network(const struct mpi_port *port, int rank)
{
    return !world_page(port->world, rank) || tcp_on_nodes();
}

void mpi_port_recover(struct mpi_port *port,
                      void (*on_note)(void *arg, int from,
                                      const struct port_note *note),
                      void *arg)
{
    port->recovers = true;
    port->on_note = on_note;
    port->note_arg = arg;
    for (int rank = 0; rank < port->base.ranks; rank++)
        if (is_by_network(port, rank)) bulk_be_careful(&port->bulk, rank);
    MPI_Comm_set_errhandler(port->comm, MPI_ERRORS_RETURN);
}

void mpi_port_note(struct mpi_port *port, int to, const struct port_note *note)
{
    if (port->base.lost[to]) return;
    if (port->large) post_large(port);
    struct message *message =
        append(port, to, MSG_NOTE, sizeof *message + sizeof *note);
    memcpy(message + 1, note, sizeof *note);
}

int mpi_port_lost(const struct mpi_port *port)
{
    return port->lost;
}

uint64_t mpi_port_notes_heard(const struct mpi_port *port, int rank)
{
    return port->peers[rank].notes;
}

static void hear_note(void *arg, int from, const void *bytes)
{
    struct mpi_port *port = arg;
    const struct port_note *note = bytes;
    if (note->rank < 0 || note->rank >= port->base.ranks)
        log_panic("rank %d tells of rank %d, which there is not", from,
                  note->rank);
    port->peers[from].notes++;
    if (port->on_note) port->on_note(port->note_arg, from, note);
}

/* ---- in ------------------------------------------------------------------*/

static void post_slot(struct mpi_port *port, struct slot *slot)
{
    check(MPI_Irecv(slot->bytes, ENVELOPE_BYTES, MPI_BYTE, MPI_ANY_SOURCE,
                    ENVELOPE_TAG, port->comm, &slot->request),
          "MPI_Irecv");
}

static void deliver(struct mpi_port *port, int from, const char *bytes,
                    size_t size)
{
    unsigned kind;
    const char *wrong = inbox_take(&port->inbox, from, bytes, size, &kind);
    if (wrong)
        log_panic("rank %d sent %s that is no message: %s", from,
                  message_name(kind), wrong);
}

static bool receive_one(struct mpi_port *port)
{
    struct slot *slot = &port->ring[port->ring_head];
    MPI_Status status;
    int here = 0, size;
    check(MPI_Test(&slot->request, &here, &status), "MPI_Test");
    if (!here) return false;
    MPI_Get_count(&status, MPI_BYTE, &size);
    if (!port->base.lost[status.MPI_SOURCE])
        deliver(port, status.MPI_SOURCE, slot->bytes, (size_t)size);
    post_slot(port, slot);
    port->ring_head = (port->ring_head + 1) % port->ring_size;
    return true;
}

bool mpi_port_poll(struct mpi_port *port)
{
    bool any = flight_poll(&port->flight) > 0;
    for (int i = 0; i < POLL_ENVELOPES && receive_one(port); i++) any = true;
    return any;
}

/* ---- life ----------------------------------------------------------------*/

/* With more ranks than cores Open MPI yields the core in every MPI_Test() that
 * finds nothing, also between two tasks. The loop knows better when to yield,
 * so that is off while there is a port. The call is Open MPI's own; other MPIs
 * have none. Returns what was set before. */
static bool set_yielding(bool yield)
{
    bool (*set)(bool) = NULL;
    *(void **)&set = dlsym(RTLD_DEFAULT, "opal_progress_set_yield_when_idle");
    return set && set(yield);
}

void mpi_port_set_yielding(bool yield)
{
    set_yielding(yield);
}

static const struct port_calls calls = {say, port_bulk_send, port_bulk_receive,
                                        port_forget_rank};

static int ring_size_for(int ranks)
{
    if (ranks < RING_LEAST / 2) return RING_LEAST;
    return ranks < RING_MOST / 2 ? 2 * ranks : RING_MOST;
}

struct mpi_port *mpi_port_new(struct world *world)
{
    struct mpi_port *port = log_alloc(sizeof *port);
    *port = (struct mpi_port){.world = world,
                              .comm = world_comm(world),
                              .bell = world_doorbell(world)};
    int ranks = world_ranks(world);
    port_init(&port->base, &calls, world_rank(world), ranks);
    inbox_init(&port->inbox, &port->base, registry_count());
    port->inbox.note_bytes = sizeof(struct port_note);
    port->inbox.note = hear_note;
    port->inbox.note_arg = port;
    bulk_init(&port->bulk, port->comm, &port->flight, &port->base);
    port->peers = log_alloc((size_t)ranks * sizeof *port->peers);
    memset(port->peers, 0, (size_t)ranks * sizeof *port->peers);
    for (int box = 0; box < OUTBOXES; box++)
        port->outboxes[box].ranks = log_alloc((size_t)ranks * sizeof(int));
    port->ring_size = ring_size_for(ranks);
    port->ring = log_alloc((size_t)port->ring_size * sizeof *port->ring);
    for (int i = 0; i < port->ring_size; i++) post_slot(port, &port->ring[i]);
    port->yielded = set_yielding(false);
    return port;
}

static void free_envelopes(struct mpi_port *port, int keep)
{
    while (port->free_count > keep) {
        struct envelope *envelope = port->free_envelopes;
        port->free_envelopes = envelope->next;
        port->free_count--;
        free(envelope);
    }
}

void mpi_port_trim(struct mpi_port *port)
{
    free_envelopes(port, FREE_KEPT);
}

void mpi_port_free(struct mpi_port *port)
{
    set_yielding(port->yielded);
    if (port->lost) return; /* the process ends soon: see exit.h */
    for (int i = 0; i < port->ring_size; i++) {
        MPI_Cancel(&port->ring[i].request);
        MPI_Request_free(&port->ring[i].request);
    }
    inbox_fini(&port->inbox);
    free_envelopes(port, 0);
    bulk_fini(&port->bulk);
    flight_fini(&port->flight);
    port_fini(&port->base);
    free(port->peers);
    for (int box = 0; box < OUTBOXES; box++) free(port->outboxes[box].ranks);
    free(port->ring);
    free(port->scratch);
    free(port);
}

struct port *mpi_port_base(struct mpi_port *port)
{
    return &port->base;
}

bool mpi_port_quiet(const struct mpi_port *port)
{
    return !port->unsent && !port->large && !port->bulk.open;
}

bool mpi_port_busy(const struct mpi_port *port)
{
    return port->bulk.open;
}

size_t mpi_port_unsent(const struct mpi_port *port)
{
    return port->unsent;
}
