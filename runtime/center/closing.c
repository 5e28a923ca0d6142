/* SPDX-License-Identifier: BSD-3-Clause */
/* closing.c - say each step to all, and sum up what they have to hear. */
#include "closing.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

void closing_init(struct closing *closing, struct port *port)
{
    size_t ranks = (size_t)port->ranks;
    *closing = (struct closing){.port = port};
    closing->counts = log_alloc((ranks - 1) * sizeof *closing->counts);
    memset(closing->counts, 0, (ranks - 1) * sizeof *closing->counts);
    closing->last = log_alloc(ranks * sizeof *closing->last);
    memset(closing->last, 0, ranks * sizeof *closing->last);
    closing->is_quiet = log_alloc(ranks * sizeof *closing->is_quiet);
    memset(closing->is_quiet, 0, ranks * sizeof *closing->is_quiet);
    closing->living = port->ranks - 1;
}

void closing_fini(struct closing *closing)
{
    for (int rank = 1; rank < closing->port->ranks; rank++)
        free(closing->last[rank]);
    free(closing->last);
    free(closing->is_quiet);
    free(closing->counts);
}

/* All that these say is a word. */
static void say_to_all(struct closing *closing, unsigned kind, uint64_t word)
{
    struct port *port = closing->port;
    for (int rank = 1; rank < port->ranks; rank++)
        if (!port->lost[rank])
            *(uint64_t *)port_say(port, rank, kind, sizeof word) = word;
}

void closing_begin(struct closing *closing, dmpi_status status)
{
    closing->stopping = true;
    say_to_all(closing, MSG_STOP, status);
}

void closing_count(struct closing *closing)
{
    closing->counting = true;
    say_to_all(closing, MSG_COUNT, 0);
}

/* EXPECTED is filled with what all living workers have said to each rank. */
static void sum_up(const struct closing *closing, uint64_t expected[])
{
    for (int rank = 1; rank < closing->port->ranks; rank++) {
        const struct msg_stopped *last = closing->last[rank];
        const struct msg_heard *heard = (const struct msg_heard *)(last + 1);
        for (uint32_t i = 0; last && i < last->peers; i++)
            expected[heard[i].rank] += heard[i].messages;
    }
}

static void say_end(struct closing *closing)
{
    struct port *port = closing->port;
    size_t bytes = (size_t)port->ranks * sizeof(uint64_t);
    uint64_t *expected = log_alloc(bytes);
    memset(expected, 0, bytes);
    sum_up(closing, expected);
    for (int rank = 1; rank < port->ranks; rank++) {
        if (port->lost[rank]) continue;
        struct msg_end *end = port_say(port, rank, MSG_END, sizeof *end);
        end->messages = expected[rank] + port->sent[rank];
    }
    free(expected);
}

void closing_on_quiet(struct closing *closing, int from)
{
    closing->is_quiet[from] = true;
    closing->quiet++;
}

void closing_on_stopped(struct closing *closing, int from,
                        const struct msg_stopped *stopped)
{
    size_t bytes = sizeof *stopped + stopped->peers * sizeof(struct msg_heard);
    closing->counts[from - 1] = stopped->counts;
    closing->last[from] = log_alloc(bytes);
    memcpy(closing->last[from], stopped, bytes);
    closing->stopped++;
    if (closing_is_over(closing)) say_end(closing);
}

void closing_lost(struct closing *closing, int rank)
{
    closing->living--;
    closing->quiet -= closing->is_quiet[rank];
    closing->stopped -= closing->last[rank] != NULL;
    free(closing->last[rank]);
    closing->last[rank] = NULL;
    if (closing_is_over(closing)) say_end(closing);
}
