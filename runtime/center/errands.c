/* SPDX-License-Identifier: BSD-3-Clause */
/* errands.c - a message each to another rank, an answer each to one. */
#include "errands.h"

#include "copies.h"
#include "key.h"

static struct values *values_of(const struct errands *errands)
{
    return errands->kin->scheduler->values;
}

dmpi_status errands_holders(struct errands *errands, uint64_t key,
                            struct buffer **ranks)
{
    return copies_tell(values_of(errands), key, ranks);
}

struct buffer *errands_workers(struct errands *errands)
{
    return roster_tell(values_of(errands)->roster);
}

dmpi_status errands_drop_copy(struct errands *errands, uint64_t key, int rank)
{
    return copies_drop(values_of(errands), key, rank);
}

uint64_t errands_put(struct errands *errands, int rank, uint64_t request,
                     struct buffer *buffer)
{
    uint64_t key = puts_send(errands->puts, rank, request, buffer);
    exchange_expect(errands->kin->exchange, request, rank, REQUEST_PUT, key);
    return key;
}

void errands_ask_keys(struct errands *errands, int rank, uint64_t request)
{
    struct msg_ask_keys *ask =
        port_say(errands->kin->port, rank, MSG_ASK_KEYS, sizeof *ask);
    exchange_expect(errands->kin->exchange, request, rank, REQUEST_OTHER, 0);
    ask->request = request;
}

void errands_fetch(struct errands *errands, int rank, uint64_t key,
                   const struct request *request)
{
    exchange_expect(errands->kin->exchange, request->id, rank, REQUEST_OTHER,
                    0);
    values_say_fetch(values_of(errands), rank,
                     &(struct msg_key_fetch){.key = key,
                                             .request = request->id,
                                             .limit = request->room,
                                             .flags = FETCH_NOW});
}

/* It was put by a run that may be lost, or is: then nobody knows the key. */
static void note_parent(struct errands *errands, struct record *record,
                        const struct msg_key_held *held)
{
    struct kin *kin = errands->kin;
    bool lost = held->request && kin->port->lost[held->asker];
    if (lost) values_drop(values_of(errands), record);
    else if (held->parent) kin_note_child(kin, held->parent, record->key);
}

void errands_on_key_held(struct errands *errands, int from,
                         const struct msg_key_held *held)
{
    struct kin *kin = errands->kin;
    if (kin->recover && held->parent &&
        kin_waits_for(kin, from, &held->parent, 1, held))
        return;
    struct record *record = puts_held(errands->puts, from, held);
    if (key_rank(held->key) == from) late_told(&kin->late, held->key);
    if (held->request)
        exchange_answer(kin->exchange, (int)held->asker, held->request, DMPI_OK,
                        NULL);
    note_parent(errands, record, held);
}

void errands_on_ask_holders(struct errands *errands, int from,
                            const struct msg_ask_holders *ask)
{
    struct buffer *ranks = NULL;
    if (kin_waits_for(errands->kin, from, &ask->key, 1, ask)) return;
    dmpi_status status = errands_holders(errands, ask->key, &ranks);
    exchange_answer(errands->kin->exchange, from, ask->request, status, ranks);
    buffer_unref(ranks);
}

void errands_on_ask_workers(struct errands *errands, int from,
                            const struct msg_ask_workers *ask)
{
    struct buffer *table = errands_workers(errands);
    exchange_answer(errands->kin->exchange, from, ask->request, DMPI_OK, table);
    buffer_unref(table);
}

void errands_on_ask_drop(struct errands *errands, int from,
                         const struct msg_ask_drop *ask)
{
    if (kin_waits_for(errands->kin, from, &ask->key, 1, ask)) return;
    dmpi_status status = errands_drop_copy(errands, ask->key, (int)ask->rank);
    exchange_answer(errands->kin->exchange, from, ask->request, status, NULL);
}
