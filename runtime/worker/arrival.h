/* SPDX-License-Identifier: BSD-3-Clause */
/* arrival.h - values that peers send, on their way into memory; and what is back
 * from disk.
 *
 * The bytes of a large value are received when there is room for them: until
 * then they stay with the sender, which is not held up by that. */
#ifndef ARRIVAL_H
#define ARRIVAL_H

#include "custody.h"

/* The values of CUSTODY are limited as SETUP says. TIGHT is called with ROLE when
 * that begins to matter: room_hold() all jobs that have begun. */
void arrival_limit(struct custody *custody, const struct memory_setup *setup,
                   void (*tight)(void *role), void *role);

/* FROM sends the bytes of VALUE with PAYLOAD, or will. */
void arrival_begin(struct custody *custody, int from, struct value *value,
                   const struct msg_payload *payload, bool is_error);

/* A bulk transfer for a key has arrived in BUFFER. */
void arrival_end(struct custody *custody, struct port_cookie cookie,
                 struct buffer *buffer);

/* RANK is lost: nothing arrives from there any more. */
void arrival_lost(struct custody *custody, int rank);

#endif
