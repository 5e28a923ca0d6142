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
    closing->expected = log_alloc(ranks * sizeof *closing->expected);
    memset(closing->expected, 0, ranks * sizeof *closing->expected);
}

void closing_fini(struct closing *closing)
{
    free(closing->counts);
    free(closing->expected);
}

/* All that these say is a word. */
static void say_to_all(struct closing *closing, unsigned kind, uint64_t word)
{
    struct port *port = closing->port;
    for (int rank = 1; rank < port->ranks; rank++)
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

static void say_end(struct closing *closing)
{
    struct port *port = closing->port;
    for (int rank = 1; rank < port->ranks; rank++) {
        struct msg_end *end = port_say(port, rank, MSG_END, sizeof *end);
        end->messages = closing->expected[rank] + port->sent[rank];
    }
}

void closing_on_stopped(struct closing *closing, int from,
                        const struct msg_stopped *stopped)
{
    const struct msg_heard *heard = (const struct msg_heard *)(stopped + 1);
    closing->counts[from - 1] = stopped->counts;
    for (uint32_t i = 0; i < stopped->peers; i++)
        closing->expected[heard[i].rank] += heard[i].messages;
    closing->stopped++;
    if (closing_is_over(closing)) say_end(closing);
}
