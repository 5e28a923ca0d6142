/* SPDX-License-Identifier: BSD-3-Clause */
/* network.c - a queue per pair of ranks, and a list of those that are not
 * empty. */
#include "network.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "log.h"
#include "random.h"
#include "timeline.h"

enum {
    EPOCH_STEPS = 256, /* then other pairs are slow */
    SLOW_ONE_IN = 4,   /* of the pairs and transfers */
    SLOW_PATIENCE = 8  /* choices before a slow one is taken after all */
};

struct item {
    struct item *next;
    struct message message;
};

/* A bulk transfer that only its sender has named so far. */
struct offer {
    struct offer *next;
    uint32_t tag;
    struct buffer *buffer; /* a reference is owned */
};

struct pair {
    int from, to;
    struct item *first, **last;
    struct offer *offers;
    uint32_t last_tag;
    size_t place;        /* in the list of pairs that are not empty */
    uint64_t arrives_ns; /* the last message said, in virtual time */
};

struct transfer {
    int from, to;
    struct buffer *out, *in; /* a reference of each is owned */
    struct port_cookie cookie;
};

struct station {
    struct port port; /* first: a port is cast back to its station */
    struct network *network;
    uint64_t free_ns;   /* when its last transfer has left, in virtual time */
    uint64_t said_with; /* messages that it said or heard */
};

struct network {
    int ranks;
    struct station *stations;
    struct pair **pairs; /* by from * ranks + to; NULL: never used */
    struct pair **full;  /* those with messages */
    size_t full_count, full_capacity;
    struct transfer *transfers; /* named by both sides */
    size_t transfer_count, transfer_capacity;
    size_t offers; /* named by one side */
    uint64_t random, epoch, steps;
    uint64_t said[MSG_KINDS], transfers_said, bytes_transferred;
    bool traced;
    bool *dead;    /* by rank; owned */
    void *scratch; /* for what is said to lost ranks; owned */
    bool timed;    /* then: */
    struct network_costs costs;
    const int *nodes; /* borrowed */
    uint64_t now_ns;
    struct timeline messages; /* struct pair, borrowed: its first message */
    struct timeline transfers_due; /* struct transfer, owned */
};

/* ---- virtual time --------------------------------------------------------*/

void network_set_costs(struct network *network,
                       const struct network_costs *costs, const int nodes[])
{
    assert(!network_under_way(network));
    network->timed = costs != NULL;
    network->nodes = nodes;
    if (costs) network->costs = *costs;
}

static const struct network_hop *hop(const struct network *network, int from,
                                     int to)
{
    bool near = network->nodes[from] == network->nodes[to];
    return near ? &network->costs.near : &network->costs.far;
}

static uint64_t bytes_ns(const struct network_hop *hop, uint64_t bytes)
{
    return bytes * 1000 / hop->bytes_per_us;
}

uint64_t network_next_ns(const struct network *network)
{
    uint64_t message = timeline_next_ns(&network->messages);
    uint64_t transfer = timeline_next_ns(&network->transfers_due);
    return message < transfer ? message : transfer;
}

void network_set_time(struct network *network, uint64_t now_ns)
{
    assert(now_ns >= network->now_ns && now_ns <= network_next_ns(network));
    network->now_ns = now_ns;
}

/* ---- pairs ---------------------------------------------------------------*/

static struct pair *pair_of(struct network *network, int from, int to)
{
    size_t at = (size_t)from * (size_t)network->ranks + (size_t)to;
    struct pair *pair = network->pairs[at];
    if (pair) return pair;
    pair = network->pairs[at] = log_alloc(sizeof *pair);
    *pair = (struct pair){.from = from, .to = to};
    pair->last = &pair->first;
    return pair;
}

static void enlist(struct network *network, struct pair *pair)
{
    if (network->full_count == network->full_capacity) {
        network->full_capacity = 2 * network->full_capacity + 16;
        network->full = log_realloc(network->full, network->full_capacity *
                                                       sizeof *network->full);
    }
    pair->place = network->full_count;
    network->full[network->full_count++] = pair;
}

static void delist(struct network *network, struct pair *pair)
{
    struct pair *last = network->full[--network->full_count];
    network->full[pair->place] = last;
    last->place = pair->place;
}

/* The message just said arrives after those said before it. */
static void note_arrival(struct network *network, struct pair *pair,
                         size_t bytes)
{
    const struct network_hop *way = hop(network, pair->from, pair->to);
    uint64_t at = network->now_ns + way->latency_ns + bytes_ns(way, bytes);
    if (at < pair->arrives_ns) at = pair->arrives_ns;
    pair->arrives_ns = at;
    timeline_add(&network->messages, at, pair);
}

static void *scratch(struct network *network, size_t bytes)
{
    network->scratch = log_realloc(network->scratch, bytes);
    return network->scratch;
}

static void *say(struct port *port, int to, unsigned kind, size_t bytes)
{
    struct network *network = ((struct station *)port)->network;
    assert(to != port->rank && to >= 0 && to < network->ranks);
    if (network->dead[to]) return scratch(network, bytes);
    struct pair *pair = pair_of(network, port->rank, to);
    struct item *item = log_alloc(sizeof *item + bytes);
    item->next = NULL;
    item->message = (struct message){
        .bytes = (uint32_t)(sizeof(struct message) + bytes), .kind = kind};
    if (!pair->first) enlist(network, pair);
    *pair->last = item;
    pair->last = &item->next;
    port->envelopes++;
    network->said[kind]++;
    network->stations[port->rank].said_with++;
    network->stations[to].said_with++;
    if (network->timed) note_arrival(network, pair, bytes);
    return item + 1;
}

static struct item *take(struct network *network, struct pair *pair)
{
    struct item *item = pair->first;
    pair->first = item->next;
    if (!pair->first) {
        pair->last = &pair->first;
        delist(network, pair);
    }
    return item;
}

/* One line: the kind, and the body's first words, among them the key. */
static void trace(const struct pair *pair, const struct message *message)
{
    uint64_t words[2] = {0};
    size_t bytes = message->bytes - sizeof *message;
    memcpy(words, message_body(message),
           bytes < sizeof words ? bytes : sizeof words);
    fprintf(stderr, "%3d -> %3d  %-11s %8llx %8llx\n", pair->from, pair->to,
            message_name(message->kind), (unsigned long long)words[0],
            (unsigned long long)words[1]);
}

static unsigned deliver(struct network *network, struct pair *pair)
{
    struct item *item = take(network, pair);
    unsigned kind = item->message.kind;
    if (network->traced) trace(pair, &item->message);
    const struct inspect inspect = {.ranks = (uint32_t)network->ranks,
                                    .functions = UINT32_MAX,
                                    .center = !pair->to};
    const char *wrong = inspect_message(&inspect, &item->message);
    if (wrong) log_panic("%s: %s", message_name(kind), wrong);
    struct port *port = &network->stations[pair->to].port;
    if (!port->lost[pair->from] && !network->dead[pair->to])
        port_deliver(port, pair->from, &item->message);
    free(item);
    return kind;
}

/* ---- bulk ----------------------------------------------------------------*/

static uint32_t bulk_send(struct port *port, int to, struct buffer *buffer,
                          uint64_t key)
{
    struct network *network = ((struct station *)port)->network;
    if (network->dead[to]) return 0;
    struct pair *pair = pair_of(network, port->rank, to);
    struct offer *offer = log_alloc(sizeof *offer);
    *offer = (struct offer){.next = pair->offers,
                            .tag = ++pair->last_tag,
                            .buffer = buffer_ref(buffer)};
    pair->offers = offer;
    network->offers++;
    network->transfers_said++;
    network->bytes_transferred += buffer->size;
    return offer->tag;
}

/* A rank may have died between the message and the transfer. */
static bool has_offer(const struct pair *pair, uint32_t tag)
{
    const struct offer *at = pair->offers;
    while (at && at->tag != tag) at = at->next;
    return at;
}

static struct buffer *take_offer(struct pair *pair, uint32_t tag)
{
    struct offer **at = &pair->offers;
    while (*at && (*at)->tag != tag) at = &(*at)->next;
    struct offer *offer = *at;
    assert(offer);
    struct buffer *buffer = offer->buffer;
    *at = offer->next;
    free(offer);
    return buffer;
}

/* It leaves when those before it have left, and arrives when the last byte
 * has. */
static void transfer_in_time(struct network *network, int from,
                             const struct transfer *transfer)
{
    struct station *sender = &network->stations[from];
    const struct network_hop *way = hop(network, from, transfer->to);
    struct transfer *due = log_alloc(sizeof *due);
    *due = *transfer;
    if (sender->free_ns < network->now_ns) sender->free_ns = network->now_ns;
    sender->free_ns += bytes_ns(way, transfer->out->size);
    timeline_add(&network->transfers_due, sender->free_ns + way->latency_ns,
                 due);
}

static void transfer_some_time(struct network *network,
                               const struct transfer *transfer)
{
    if (network->transfer_count == network->transfer_capacity) {
        network->transfer_capacity = 2 * network->transfer_capacity + 16;
        network->transfers =
            log_realloc(network->transfers, network->transfer_capacity *
                                                sizeof *network->transfers);
    }
    network->transfers[network->transfer_count++] = *transfer;
}

static void bulk_receive(struct port *port, int from, uint32_t tag,
                         struct buffer *buffer, struct port_cookie cookie)
{
    struct network *network = ((struct station *)port)->network;
    struct pair *pair = pair_of(network, from, port->rank);
    if (network->dead[from] && !has_offer(pair, tag)) return;
    struct buffer *out = take_offer(pair, tag);
    assert(buffer->size == out->size);
    network->offers--;
    struct transfer transfer = {.from = from,
                                .to = port->rank,
                                .out = out,
                                .in = buffer_ref(buffer),
                                .cookie = cookie};
    if (network->timed) transfer_in_time(network, from, &transfer);
    else transfer_some_time(network, &transfer);
}

static void arrive(struct network *network, const struct transfer *transfer)
{
    if (!network->timed || !network->costs.hollow)
        memcpy(transfer->in->data, transfer->out->data, transfer->out->size);
    struct port *port = &network->stations[transfer->to].port;
    if (!port->lost[transfer->from] && !network->dead[transfer->to])
        port->client.arrived(port->client.role, transfer->cookie, transfer->in);
    buffer_unref(transfer->in);
    buffer_unref(transfer->out);
}

static void end_transfer(struct network *network, size_t at)
{
    struct transfer transfer = network->transfers[at];
    network->transfers[at] = network->transfers[--network->transfer_count];
    arrive(network, &transfer);
}

bool network_deliver_due(struct network *network)
{
    struct pair *pair = timeline_take(&network->messages, network->now_ns);
    if (pair) {
        deliver(network, pair);
        return true;
    }
    struct transfer *transfer =
        timeline_take(&network->transfers_due, network->now_ns);
    if (!transfer) return false;
    arrive(network, transfer);
    free(transfer);
    return true;
}

bool network_end_transfer(struct network *network)
{
    if (!network->transfer_count) return false;
    end_transfer(network,
                 random_below(&network->random, network->transfer_count));
    return true;
}

/* ---- in any order --------------------------------------------------------*/

/* What may come next: a pair's first message, or a transfer. */
static bool is_slow(const struct network *network, size_t at)
{
    uint64_t mix = network->epoch;
    if (at < network->full_count) {
        const struct pair *pair = network->full[at];
        mix ^= (uint64_t)pair->from << 32 ^ (uint64_t)pair->to;
    } else {
        const struct transfer *transfer =
            &network->transfers[at - network->full_count];
        mix ^= transfer->cookie.id << 16 ^ (uint64_t)transfer->to;
    }
    return random_one_in(&mix, SLOW_ONE_IN);
}

bool network_step(struct network *network)
{
    size_t count = network->full_count + network->transfer_count;
    assert(!network->timed);
    if (!count) return false;
    if (network->steps++ % EPOCH_STEPS == 0)
        network->epoch = random_next(&network->random);
    size_t at = random_below(&network->random, count);
    for (int i = 0; i < SLOW_PATIENCE && is_slow(network, at); i++)
        at = random_below(&network->random, count);
    if (at < network->full_count) deliver(network, network->full[at]);
    else end_transfer(network, at - network->full_count);
    return true;
}

unsigned network_peek(const struct network *network, int from, int to)
{
    size_t at = (size_t)from * (size_t)network->ranks + (size_t)to;
    const struct pair *pair = network->pairs[at];
    return pair && pair->first ? pair->first->message.kind : MSG_NONE;
}

unsigned network_deliver(struct network *network, int from, int to)
{
    if (!network_peek(network, from, to)) return MSG_NONE;
    return deliver(network, pair_of(network, from, to));
}

/* ---- loss ----------------------------------------------------------------*/

static void free_offers(struct network *network, struct pair *pair)
{
    for (struct offer *offer = pair->offers, *next; offer; offer = next) {
        next = offer->next;
        buffer_unref(offer->buffer);
        free(offer);
        network->offers--;
    }
    pair->offers = NULL;
}

/* Of what is under way from PAIR's rank, the first KEEP messages get through; no
 * transfer that has not begun does. */
static void cut_off(struct network *network, struct pair *pair, size_t keep)
{
    struct item **at = &pair->first, *next;
    bool full = pair->first;
    for (; *at && keep; keep--) at = &(*at)->next;
    for (struct item *item = *at; item; item = next) {
        next = item->next;
        free(item);
    }
    *at = NULL;
    pair->last = at;
    if (full && !pair->first) delist(network, pair);
    free_offers(network, pair);
}

void network_kill(struct network *network, int rank, size_t keep)
{
    assert(!network->timed);
    network->dead[rank] = true;
    for (int other = 0; other < network->ranks; other++) {
        if (other == rank) continue;
        cut_off(network, pair_of(network, rank, other), keep);
        cut_off(network, pair_of(network, other, rank), 0);
    }
    for (size_t i = network->transfer_count; i-- > 0;) {
        struct transfer transfer = network->transfers[i];
        if (transfer.from != rank && transfer.to != rank) continue;
        network->transfers[i] = network->transfers[--network->transfer_count];
        buffer_unref(transfer.in);
        buffer_unref(transfer.out);
    }
}

bool network_is_dead(const struct network *network, int rank)
{
    return network->dead[rank];
}

/* What RANK has said is skipped when its turn comes. */
static void forget(struct port *port, int rank)
{
    struct network *network = ((struct station *)port)->network;
    assert(network->dead[rank]);
}

/* ---- counts --------------------------------------------------------------*/

size_t network_under_way(const struct network *network)
{
    size_t count = network->transfer_count + network->offers +
                   network->transfers_due.count;
    for (size_t i = 0; i < network->full_count; i++)
        for (struct item *item = network->full[i]->first; item;
             item = item->next)
            count++;
    return count;
}

uint64_t network_events(const struct network *network)
{
    return network->steps;
}

uint64_t network_said(const struct network *network, unsigned kind)
{
    return network->said[kind];
}

uint64_t network_said_in_all(const struct network *network)
{
    uint64_t sum = 0;
    for (unsigned kind = 0; kind < MSG_KINDS; kind++)
        sum += network->said[kind];
    return sum;
}

uint64_t network_transfers(const struct network *network)
{
    return network->transfers_said;
}

uint64_t network_bytes_transferred(const struct network *network)
{
    return network->bytes_transferred;
}

uint64_t network_said_with(const struct network *network, int rank)
{
    return network->stations[rank].said_with;
}

void network_count_anew(struct network *network)
{
    for (int i = 0; i < network->ranks; i++) network->stations[i].said_with = 0;
    network->bytes_transferred = 0;
    memset(network->said, 0, sizeof network->said);
    network->transfers_said = 0;
}

/* ---- beginning and end ---------------------------------------------------*/

static const struct port_calls calls = {say, bulk_send, bulk_receive, forget};

struct network *network_new(int ranks, uint64_t seed)
{
    struct network *network = log_alloc(sizeof *network);
    size_t pairs = (size_t)ranks * (size_t)ranks;
    *network = (struct network){
        .ranks = ranks, .random = seed, .traced = getenv("SIM_TRACE")};
    network->stations = calloc((size_t)ranks, sizeof *network->stations);
    network->dead = calloc((size_t)ranks, sizeof *network->dead);
    network->pairs = calloc(pairs, sizeof *network->pairs);
    if (!network->pairs) log_panic("out of memory for %zu pairs", pairs);
    for (int i = 0; i < ranks; i++) {
        port_init(&network->stations[i].port, &calls, i, ranks);
        network->stations[i].network = network;
    }
    return network;
}

struct port *network_port(struct network *network, int rank)
{
    return &network->stations[rank].port;
}

static void pair_free(struct pair *pair)
{
    for (struct item *item = pair->first, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    for (struct offer *offer = pair->offers, *next; offer; offer = next) {
        next = offer->next;
        buffer_unref(offer->buffer);
        free(offer);
    }
    free(pair);
}

void network_free(struct network *network)
{
    size_t pairs = (size_t)network->ranks * (size_t)network->ranks;
    for (size_t i = 0; i < pairs; i++)
        if (network->pairs[i]) pair_free(network->pairs[i]);
    for (size_t i = 0; i < network->transfer_count; i++) {
        buffer_unref(network->transfers[i].in);
        buffer_unref(network->transfers[i].out);
    }
    for (int i = 0; i < network->ranks; i++)
        port_fini(&network->stations[i].port);
    struct transfer *due;
    while ((due = timeline_take(&network->transfers_due, UINT64_MAX - 1))) {
        buffer_unref(due->in);
        buffer_unref(due->out);
        free(due);
    }
    timeline_fini(&network->transfers_due);
    timeline_fini(&network->messages);
    free(network->transfers);
    free(network->full);
    free(network->pairs);
    free(network->dead);
    free(network->scratch);
    free(network->stations);
    free(network);
}
