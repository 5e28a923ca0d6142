/* SPDX-License-Identifier: BSD-3-Clause */
/* errand.c - a message each, or the answer at once if the rank is this one. */
#include "errand.h"

#include "fetch.h"
#include "key.h"
#include "log.h"

void errand_on_ask_keys(struct custody *custody, int from,
                        const struct msg_ask_keys *ask)
{
    size_t at = 0, count = 0;
    struct buffer *keys = buffer_new(custody->store.held * sizeof(uint64_t));
    if (!keys) log_panic("out of memory for a list of keys");
    struct value *value;
    while ((value = map_next(&custody->store.values, &at)))
        if (value->state == VALUE_HELD)
            ((uint64_t *)keys->data)[count++] = value->key;
    exchange_answer(custody->exchange, from, ask->request, DMPI_OK, keys);
    buffer_unref(keys);
}

void errand_ask_keys(struct custody *custody, int rank, uint64_t request)
{
    struct msg_ask_keys here = {.request = request};
    if (rank == custody->port->rank) {
        errand_on_ask_keys(custody, rank, &here);
        return;
    }
    struct msg_ask_keys *ask =
        port_say(custody->port, rank, MSG_ASK_KEYS, sizeof *ask);
    exchange_expect(custody->exchange, request, rank, REQUEST_OTHER, 0);
    *ask = here;
}

uint64_t errand_put(struct custody *custody, int rank, uint64_t request,
                    uint64_t parent, struct buffer *buffer)
{
    uint64_t key = key_make(custody->port->rank, ++custody->last_key);
    if (rank == custody->port->rank) {
        struct value *value = store_need(&custody->store, key);
        custody_want_stored(custody, value, rank, request, parent);
        custody_hold(custody, value, buffer);
        return key;
    }
    exchange_expect(custody->exchange, request, rank, REQUEST_PUT, key);
    struct msg_key_put *put = port_say(custody->port, rank, MSG_KEY_PUT,
                                       sizeof *put + payload_tail(buffer));
    put->key = key;
    put->request = request;
    put->parent = parent;
    put->status = DMPI_OK;
    payload_send(custody->port, rank, &put->payload, buffer, key);
    custody_count(custody, rank, buffer->size);
    return key;
}

/* The same without a message, when the value is asked from its own rank. */
static void fetch_here(struct custody *custody, uint64_t key, uint64_t request)
{
    struct value *value = store_find(&custody->store, key);
    if (!value || value->state != VALUE_HELD) {
        exchange_settle(custody->exchange, request, DMPI_ENOKEY, NULL, 0);
        return;
    }
    fetch_serve(custody, value, custody->port->rank, request, UINT64_MAX);
}

void errand_fetch(struct custody *custody, int rank, uint64_t key,
                  const struct request *request)
{
    if (rank == custody->port->rank) {
        fetch_here(custody, key, request->id);
        return;
    }
    exchange_expect(custody->exchange, request->id, rank, REQUEST_OTHER, key);
    struct msg_key_fetch fetch = {.key = key,
                                  .request = request->id,
                                  .limit = request->room,
                                  .flags = FETCH_NOW,
                                  .asker = (uint32_t)custody->port->rank};
    fetch_say(custody, rank, &fetch);
}

void errand_ask_holders(struct custody *custody, uint64_t key, uint64_t request)
{
    struct msg_ask_holders *ask =
        port_say(custody->port, 0, MSG_ASK_HOLDERS, sizeof *ask);
    *ask = (struct msg_ask_holders){.request = request, .key = key};
}

void errand_ask_workers(struct custody *custody, uint64_t request)
{
    struct msg_ask_workers *ask =
        port_say(custody->port, 0, MSG_ASK_WORKERS, sizeof *ask);
    ask->request = request;
}

void errand_ask_drop(struct custody *custody, int rank, uint64_t key,
                     uint64_t request)
{
    struct msg_ask_drop *ask =
        port_say(custody->port, 0, MSG_ASK_DROP, sizeof *ask);
    *ask = (struct msg_ask_drop){
        .request = request, .key = key, .rank = (uint32_t)rank};
}
