/* SPDX-License-Identifier: BSD-3-Clause */
/* network.h - ports for many ranks in one process.
 *
 * Messages from one rank to another keep their order, as in MPI; apart from
 * that a seed decides what arrives next. Now and then some pairs of ranks are
 * slow, so that many messages overtake theirs. A bulk transfer ends at some
 * moment after both sides have named it.
 *
 * Or everything takes its time: with network_set_costs() what arrives next is
 * what arrives first in virtual time.
 *
 * With SIM_TRACE in the environment every message that is delivered is told on
 * stderr. */
#ifndef NETWORK_H
#define NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"

struct network;

struct network *network_new(int ranks, uint64_t seed);
void network_free(struct network *network);

/* Borrowed, as long as the network lives; its client is to be set. */
struct port *network_port(struct network *network, int rank);

/* Deliver one message, or end one transfer. False: there is none. */
bool network_step(struct network *network);

/* Deliver the next message from FROM to TO. Returns its kind; MSG_NONE: there
 * is none. */
unsigned network_deliver(struct network *network, int from, int to);

/* The kind of that message, which stays. */
unsigned network_peek(const struct network *network, int from, int to);

/* End one transfer. False: there is none. */
bool network_end_transfer(struct network *network);

/* RANK is no more: nothing arrives there, and of what it has said to each other
 * rank, the first KEEP messages that have not arrived still do, unless that
 * forgets it before; not in virtual time. */
void network_kill(struct network *network, int rank, size_t keep);
bool network_is_dead(const struct network *network, int rank);

/* ---- in virtual time -----------------------------------------------------*/

/* The way from one rank to another: on a node, and between nodes. */
struct network_hop {
    uint64_t latency_ns;
    uint64_t bytes_per_us;
};

/* A message takes its hop's latency and the time of its bytes. Transfers leave a
 * rank one after another, at the speed of their hop; they do not hold up
 * messages. */
struct network_costs {
    struct network_hop near, far;
    bool hollow; /* the bytes of transfers are not copied: nobody looks */
};

/* From now on, COSTS (copied); NODES: of each rank, borrowed. COSTS is NULL: a
 * seed decides again, and nothing is under way. */
void network_set_costs(struct network *network,
                       const struct network_costs *costs, const int nodes[]);

/* When the next message or transfer arrives; UINT64_MAX: never. */
uint64_t network_next_ns(const struct network *network);

/* It is NOW_NS: later than before, and not later than what arrives next. */
void network_set_time(struct network *network, uint64_t now_ns);

/* Deliver one message, or end one transfer, that arrives by now. False: there is
 * none. */
bool network_deliver_due(struct network *network);

/* ---- counts --------------------------------------------------------------*/

/* Messages and transfers that have not arrived. */
size_t network_under_way(const struct network *network);

/* Messages that network_step() has delivered, and transfers that it has ended. */
uint64_t network_events(const struct network *network);

/* What was said since the start; messages said or heard by RANK. */
uint64_t network_said_with(const struct network *network, int rank);
uint64_t network_said(const struct network *network, unsigned kind);
uint64_t network_said_in_all(const struct network *network);
uint64_t network_transfers(const struct network *network);
uint64_t network_bytes_transferred(const struct network *network);

/* Set all these counts to 0. */
void network_count_anew(struct network *network);

#endif
