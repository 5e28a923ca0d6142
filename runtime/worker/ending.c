/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.c - the last words of a worker. */
#include "ending.h"

#include <assert.h>
#include <string.h>

static uint32_t count_peers(const struct port *port)
{
    uint32_t peers = 0;
    for (int rank = 1; rank < port->ranks; rank++)
        peers += port->sent[rank] != 0;
    return peers;
}

static void say_quiet(struct port *port)
{
    memset(port_say(port, 0, MSG_QUIET, sizeof(struct msg_quiet)), 0,
           sizeof(struct msg_quiet));
}

static void say_stopped(struct custody *custody)
{
    struct port *port = custody->port;
    struct msg_counts *counts = custody->counts;
    uint32_t peers = count_peers(port);
    struct msg_stopped *stopped =
        port_say(port, 0, MSG_STOPPED,
                 sizeof *stopped + peers * sizeof(struct msg_heard));
    counts->keys_held = custody->store.held;
    counts->spilled = custody->memory.spilled;
    counts->read_back = custody->memory.read_back;
    counts->messages = port_messages(port);
    counts->envelopes = port->envelopes;
    *stopped = (struct msg_stopped){.counts = *counts, .peers = peers};
    struct msg_heard *heard = (struct msg_heard *)(stopped + 1);
    for (int rank = 1; rank < port->ranks; rank++)
        if (port->sent[rank])
            *heard++ = (struct msg_heard){.rank = (uint32_t)rank,
                                          .messages = port->sent[rank]};
}

void ending_on_stop(struct ending *ending, const struct msg_stop *stop)
{
    ending->stopping = true;
    ending->status = (dmpi_status)stop->status;
}

void ending_on_count(struct ending *ending, const struct msg_count *count)
{
    ending->counting = true;
}

void ending_on_end(struct ending *ending, const struct msg_end *end)
{
    ending->to_hear = end->messages;
}

void ending_lost(struct ending *ending)
{
    ending->to_hear = 0;
}

void ending_turn(struct ending *ending, struct custody *custody)
{
    if (!ending->quiet && exchange_idle(custody->exchange)) {
        ending->quiet = true;
        say_quiet(custody->port);
    }
    if (ending->counting && !ending->stopped && !custody->arriving) {
        ending->stopped = true;
        if (custody->lossy) custody_purge(custody);
        say_stopped(custody);
    }
    /* After a loss a fetch may be said twice, and be heard after the drop. */
    if (custody->lossy && ending_is_over(ending, custody->port))
        custody_purge(custody);
}

bool ending_is_over(const struct ending *ending, const struct port *port)
{
    uint64_t heard = ending->to_hear ? port_heard(port) : 0;
    assert(heard <= ending->to_hear);
    return heard && heard == ending->to_hear;
}
