/* SPDX-License-Identifier: BSD-3-Clause */
/* fetch.h - questions for values: this rank's, and those of peers.
 *
 * A fetch carries its asker. It waits where the value will be made, and follows
 * its task when that is given away, so that it may come home to who asked. */
#ifndef FETCH_H
#define FETCH_H

#include "custody.h"

/* ---- of this rank --------------------------------------------------------*/

/* Say FETCH to rank TO. */
void fetch_say(struct custody *custody, int to,
               const struct msg_key_fetch *fetch);

/* Ask SOURCE for VALUE, or if that is lost the center. FLAGS: FETCH_FOLLOW and
 * others, or 0; with them ATTEMPT is that of the task to follow. */
void fetch_begin(struct custody *custody, struct value *value, int source,
                 uint16_t flags, uint16_t attempt);

/* VALUE is not here: see to it that it will be, as INPUT says. */
void fetch_seek(struct custody *custody, struct value *value,
                const struct msg_input *input);

/* Settle REQUEST of this rank when VALUE, which is pinned, is here or where its
 * task was given to. */
void fetch_ask(struct custody *custody, const struct value *value,
               const struct request *request);

/* No fetch of VALUE by this rank is on its way any more: what waited for that is
 * said. */
void fetch_ended(struct custody *custody, struct value *value);

/* ---- of peers ------------------------------------------------------------*/

/* Send rank TO, which has room for LIMIT bytes, VALUE, which is in memory. */
void fetch_send_value(struct custody *custody, int to, uint64_t request,
                      uint64_t limit, const struct value *value);

/* The same for one that is held: now, or when it is back from disk. */
void fetch_serve(struct custody *custody, struct value *value, int to,
                 uint64_t request, uint64_t limit);

/* Peers that wait for VALUE here shall get it from THIEF, who has that ATTEMPT of
 * its task. */
void fetch_pass_on(struct custody *custody, struct value *value, int thief,
                   uint16_t attempt);

/* Reaction; FROM may be this rank. */
void fetch_on_key_fetch(struct custody *custody, int from,
                        const struct msg_key_fetch *fetch);

/* ---- after a loss --------------------------------------------------------*/

/* A rank is lost from which VALUE was to come, or may be: no fetch of this rank
 * has to come home. */
void fetch_lost(struct custody *custody, struct value *value);

/* The fetch of VALUE went after a task that is lost: the center is asked. */
void fetch_seek_again(struct custody *custody, struct value *value);

/* Whom VALUE was asked from is lost, or may not have heard of it: ask as COPY
 * says. */
void fetch_again(struct custody *custody, struct value *value,
                 const struct msg_key_copy *copy);

#endif
