/* SPDX-License-Identifier: BSD-3-Clause */
/* inbox.h - what is in the envelopes that come from other ranks.
 *
 * An envelope is a row of messages, each padded to 8 bytes. A message too large
 * for one comes in fragments, in order. All are inspected before anybody hears
 * of them. */
#ifndef INBOX_H
#define INBOX_H

#include <stddef.h>

#include "inspect.h"
#include "port.h"

/* Behind the head of a MSG_FRAGMENT, before its piece. */
struct inbox_fragment {
    uint32_t total; /* bytes of the whole message */
    uint32_t pad;
};

/* A message of which not all is here. */
struct partial {
    char *bytes; /* owned, or NULL */
    uint32_t here, room, total;
};

struct inbox {
    struct port *port; /* borrowed: its client hears the messages */
    struct inspect inspect;
    struct partial *partials; /* by rank; owned */
    uint32_t note_bytes;      /* of a MSG_NOTE, which NOTE hears */
    void (*note)(void *arg, int from, const void *note);
    void *note_arg;
};

/* FUNCTIONS: in the registry. Notes are for who sets NOTE. */
void inbox_init(struct inbox *inbox, struct port *port, uint32_t functions);
void inbox_fini(struct inbox *inbox);

/* Deliver all that is in the SIZE bytes of an envelope from rank FROM, aligned
 * to 8. NULL, or what is wrong with it; *KIND is then that of the message. */
const char *inbox_take(struct inbox *inbox, int from, const char *bytes,
                       size_t size, unsigned *kind);

/* FROM says no more: what is half here goes. */
void inbox_forget(struct inbox *inbox, int from);

#endif
