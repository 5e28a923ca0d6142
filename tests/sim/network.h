/* SPDX-License-Identifier: BSD-3-Clause */
/* network.h - ports for many ranks in one process.
 *
 * Messages from one rank to another keep their order, as in MPI; apart from
 * that a seed decides what arrives next. Now and then some pairs of ranks are
 * slow, so that many messages overtake theirs. A bulk transfer ends at some
 * moment after both sides have named it.
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

/* Messages and transfers that have not arrived. */
size_t network_under_way(const struct network *network);

/* What was said since the start. */
uint64_t network_said(const struct network *network, unsigned kind);
uint64_t network_said_in_all(const struct network *network);
uint64_t network_transfers(const struct network *network);

/* Set all these counts to 0. */
void network_count_anew(struct network *network);

#endif
