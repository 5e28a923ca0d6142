/* SPDX-License-Identifier: BSD-3-Clause */
/* bulk.c - a window of chunks per transfer. */
#include "bulk.h"

#include "log.h"

enum {
    CHUNK_BYTES = 4 << 20,
    WINDOW = 3,       /* chunks of one transfer under way */
    SENDING_MAX = 16, /* transfers that a rank sends to a peer at a time */
    /* The same where a connection may break: a chunk goes with its header, below
     * the eager limit of Open MPI over TCP, and all that is under way fits into
     * a socket. */
    CAREFUL_CHUNK_BYTES = 60 << 10,
    CAREFUL_WINDOW = 4,
    CAREFUL_SENDING_MAX = 1,
    TAG_FIRST = 2,   /* below: the envelopes' tag */
    TAG_LAST = 32000 /* MPI guarantees 32767 */
};

struct bulk_transfer {
    struct bulk_transfer *next;           /* that waits for its turn */
    struct bulk_transfer *before, *after; /* in bulk->all */
    struct bulk *bulk;
    struct buffer *buffer; /* a reference is owned */
    struct port_cookie cookie;
    uint64_t begin_ns; /* for the trace */
    uint64_t posted;   /* bytes given to MPI */
    uint64_t landed;   /* chunks times their bytes, ended */
    int peer, tag;
    bool sends;
};

struct bulk_peer {
    struct bulk_transfer *first, **end; /* sends that wait for their turn */
    int sending;                        /* transfers under way */
    bool careful;                       /* see bulk_be_careful() */
};

void bulk_init(struct bulk *bulk, MPI_Comm comm, struct flight *flight,
               struct port *port)
{
    *bulk = (struct bulk){
        .comm = comm, .flight = flight, .port = port, .last_tag = TAG_LAST};
    bulk->peers = log_alloc((size_t)port->ranks * sizeof *bulk->peers);
    for (int i = 0; i < port->ranks; i++) {
        bulk->peers[i] = (struct bulk_peer){.sending = 0};
        bulk->peers[i].end = &bulk->peers[i].first;
    }
}

void bulk_be_careful(struct bulk *bulk, int peer)
{
    bulk->peers[peer].careful = true;
}

void bulk_fini(struct bulk *bulk)
{
    free(bulk->peers);
}

static void chunk_landed(void *owner);

static bool is_careful(const struct bulk_transfer *transfer)
{
    return transfer->bulk->peers[transfer->peer].careful;
}

static uint64_t chunk_at(const struct bulk_transfer *transfer, uint64_t offset)
{
    uint64_t rest = transfer->buffer->size - offset;
    uint64_t most = is_careful(transfer) ? CAREFUL_CHUNK_BYTES : CHUNK_BYTES;
    return rest < most ? rest : most;
}

static void post_chunk(struct bulk_transfer *transfer)
{
    struct bulk *bulk = transfer->bulk;
    MPI_Request request;
    char *data = (char *)transfer->buffer->data + transfer->posted;
    uint64_t bytes = chunk_at(transfer, transfer->posted);
    if (!transfer->sends)
        MPI_Irecv(data, (int)bytes, MPI_BYTE, transfer->peer, transfer->tag,
                  bulk->comm, &request);
    else if (is_careful(transfer))
        MPI_Issend(data, (int)bytes, MPI_BYTE, transfer->peer, transfer->tag,
                   bulk->comm, &request);
    else
        MPI_Isend(data, (int)bytes, MPI_BYTE, transfer->peer, transfer->tag,
                  bulk->comm, &request);
    transfer->posted += bytes;
    flight_add(bulk->flight, transfer->peer, request, chunk_landed, transfer);
}

static void start(struct bulk_transfer *transfer)
{
    int window = is_careful(transfer) ? CAREFUL_WINDOW : WINDOW;
    for (int i = 0; i < window && transfer->posted < transfer->buffer->size;
         i++)
        post_chunk(transfer);
}

static void start_waiting(struct bulk_peer *peer)
{
    int most = peer->careful ? CAREFUL_SENDING_MAX : SENDING_MAX;
    while (peer->first && peer->sending < most) {
        struct bulk_transfer *transfer = peer->first;
        peer->first = transfer->next;
        if (!peer->first) peer->end = &peer->first;
        peer->sending++;
        start(transfer);
    }
}

static void enlist(struct bulk *bulk, struct bulk_transfer *transfer)
{
    transfer->after = bulk->all;
    if (bulk->all) bulk->all->before = transfer;
    bulk->all = transfer;
    bulk->open++;
}

static void delist(struct bulk_transfer *transfer)
{
    struct bulk *bulk = transfer->bulk;
    if (transfer->after) transfer->after->before = transfer->before;
    if (transfer->before) transfer->before->after = transfer->after;
    else bulk->all = transfer->after;
    bulk->open--;
}

static void finish(struct bulk_transfer *transfer)
{
    struct bulk *bulk = transfer->bulk;
    delist(transfer);
    port_trace(bulk->port, transfer->sends ? TRACE_SEND : TRACE_RECEIVE,
               transfer->peer, transfer->cookie.key, transfer->buffer->size,
               transfer->begin_ns);
    if (transfer->sends) {
        struct bulk_peer *peer = &bulk->peers[transfer->peer];
        peer->sending--;
        start_waiting(peer);
    } else {
        struct port_client *client = &bulk->port->client;
        client->arrived(client->role, transfer->cookie, transfer->buffer);
    }
    buffer_unref(transfer->buffer);
    free(transfer);
}

/* Whichever chunk it was: all but the last are of one size, so the sum is right
 * once all have landed. */
static void chunk_landed(void *owner)
{
    struct bulk_transfer *transfer = owner;
    transfer->landed += chunk_at(transfer, transfer->landed);
    if (transfer->posted < transfer->buffer->size) post_chunk(transfer);
    else if (transfer->landed == transfer->buffer->size) finish(transfer);
}

static struct bulk_transfer *transfer_new(struct bulk *bulk, int peer,
                                          uint32_t tag, struct buffer *buffer)
{
    struct bulk_transfer *transfer = log_alloc(sizeof *transfer);
    *transfer = (struct bulk_transfer){.bulk = bulk,
                                       .buffer = buffer_ref(buffer),
                                       .begin_ns = port_trace_time(bulk->port),
                                       .peer = peer,
                                       .tag = (int)tag};
    enlist(bulk, transfer);
    return transfer;
}

uint32_t bulk_send(struct bulk *bulk, int to, struct buffer *buffer,
                   uint64_t key)
{
    bulk->last_tag = bulk->last_tag < TAG_LAST ? bulk->last_tag + 1 : TAG_FIRST;
    struct bulk_transfer *transfer =
        transfer_new(bulk, to, bulk->last_tag, buffer);
    transfer->sends = true;
    transfer->cookie.key = key;
    struct bulk_peer *peer = &bulk->peers[to];
    *peer->end = transfer;
    peer->end = &transfer->next;
    uint32_t tag = bulk->last_tag;
    start_waiting(peer);
    return tag;
}

void bulk_receive(struct bulk *bulk, int from, uint32_t tag,
                  struct buffer *buffer, struct port_cookie cookie)
{
    struct bulk_transfer *transfer = transfer_new(bulk, from, tag, buffer);
    transfer->cookie = cookie;
    start(transfer);
}

/* ---- the dead ------------------------------------------------------------*/

/* It has not had its turn yet: nobody but us has its buffer. */
static void withdraw(struct bulk_transfer *transfer)
{
    struct bulk_peer *peer = &transfer->bulk->peers[transfer->peer];
    struct bulk_transfer **at = &peer->first;
    while (*at != transfer) at = &(*at)->next;
    *at = transfer->next;
    if (peer->end == &transfer->next) peer->end = at;
    buffer_unref(transfer->buffer);
    free(transfer);
}

static void abandon(struct bulk_transfer *transfer)
{
    delist(transfer);
    if (!transfer->posted) withdraw(transfer);
    else if (transfer->sends) transfer->bulk->peers[transfer->peer].sending--;
}

void bulk_abandon(struct bulk *bulk, int peer)
{
    struct bulk_transfer *at = bulk->all, *after;
    for (; at; at = after) {
        after = at->after;
        if (at->peer == peer) abandon(at);
    }
}
