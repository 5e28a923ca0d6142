/* SPDX-License-Identifier: BSD-3-Clause */
/* inbox.c - cut up, put together, inspect, deliver. */
#include "inbox.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { ROOM_LEAST = 1 << 16 };

void inbox_init(struct inbox *inbox, struct port *port, uint32_t functions)
{
    size_t bytes = (size_t)port->ranks * sizeof *inbox->partials;
    *inbox = (struct inbox){.port = port,
                            .inspect = {.ranks = (uint32_t)port->ranks,
                                        .functions = functions,
                                        .center = !port->rank},
                            .partials = log_alloc(bytes)};
    memset(inbox->partials, 0, bytes);
}

void inbox_fini(struct inbox *inbox)
{
    for (int rank = 0; rank < inbox->port->ranks; rank++)
        inbox_forget(inbox, rank);
    free(inbox->partials);
}

void inbox_forget(struct inbox *inbox, int from)
{
    free(inbox->partials[from].bytes);
    inbox->partials[from] = (struct partial){.bytes = NULL};
}

static const char *deliver(struct inbox *inbox, int from,
                           const struct message *message)
{
    const char *wrong = inspect_message(&inbox->inspect, message);
    if (!wrong) port_deliver(inbox->port, from, message);
    return wrong;
}

static const char *hear_note(struct inbox *inbox, int from,
                             const struct message *message)
{
    if (message->bytes != sizeof *message + inbox->note_bytes)
        return "it has not the size of a note";
    if (inbox->note) inbox->note(inbox->note_arg, from, message_body(message));
    return NULL;
}

/* All of it is here. It may make somebody forget the rank. */
static const char *deliver_whole(struct inbox *inbox, int from)
{
    struct message *whole = (struct message *)inbox->partials[from].bytes;
    bool agree = whole->bytes == inbox->partials[from].total;
    inbox->partials[from] = (struct partial){.bytes = NULL};
    const char *wrong = agree ? deliver(inbox, from, whole)
                              : "its fragments are of another message";
    free(whole);
    return wrong;
}

/* What is to come is believed when it comes. */
static void make_room(struct partial *partial, uint32_t piece)
{
    uint64_t wanted = (uint64_t)partial->here + piece;
    if (wanted <= partial->room) return;
    wanted = 2 * wanted + ROOM_LEAST;
    if (wanted > partial->total) wanted = partial->total;
    partial->room = (uint32_t)wanted;
    partial->bytes = log_realloc(partial->bytes, wanted);
}

static const char *add_fragment(struct inbox *inbox, int from,
                                const struct message *message)
{
    const struct inbox_fragment *fragment = message_body(message);
    struct partial *partial = &inbox->partials[from];
    size_t head = sizeof *message + sizeof *fragment;
    if (message->bytes <= head) return "there is nothing in it";
    uint32_t piece = message->bytes - (uint32_t)head;
    if (!partial->here) partial->total = fragment->total;
    if (partial->total < sizeof *message) return "it is of no message";
    if (fragment->total != partial->total ||
        piece > partial->total - partial->here)
        return "it does not fit the ones before";
    make_room(partial, piece);
    memcpy(partial->bytes + partial->here, fragment + 1, piece);
    partial->here += piece;
    return partial->here < partial->total ? NULL : deliver_whole(inbox, from);
}

static const char *hear(struct inbox *inbox, int from,
                        const struct message *message)
{
    switch (message->kind) {
    case MSG_FRAGMENT: return add_fragment(inbox, from, message);
    case MSG_NOTE: return hear_note(inbox, from, message);
    default: return deliver(inbox, from, message);
    }
}

const char *inbox_take(struct inbox *inbox, int from, const char *bytes,
                       size_t size, unsigned *kind)
{
    while (size && !inbox->port->lost[from]) {
        const struct message *message = (const struct message *)bytes;
        *kind = MSG_NONE;
        if (size < sizeof *message) return "there is no room for its head";
        size_t padded = message_padded(message->bytes);
        *kind = message->kind;
        if (message->bytes < sizeof *message || padded > size)
            return "it does not end in its envelope";
        const char *wrong = hear(inbox, from, message);
        if (wrong) return wrong;
        bytes += padded;
        size -= padded;
    }
    return NULL;
}
