/* SPDX-License-Identifier: BSD-3-Clause */
/* arrival.c - received at once, or when there is room. */
#include "arrival.h"

#include <assert.h>
#include <stdio.h>

#include "log.h"

/* The bytes of VALUE, which are announced, may come. */
static void receive_bulk(void *role, const struct arrival *arrival)
{
    struct custody *custody = role;
    struct buffer *buffer = buffer_new(arrival->payload.bytes);
    if (!buffer)
        log_panic("no memory for a value of %llu bytes",
                  (unsigned long long)arrival->payload.bytes);
    buffer->is_error = arrival->is_error;
    struct port_cookie cookie = {.id = arrival->key,
                                 .what =
                                     arrival->lost ? COOKIE_LOST : COOKIE_KEY,
                                 .key = arrival->key,
                                 .from = (uint32_t)arrival->from};
    if (custody->inbound) {
        custody->inbound[arrival->from].count++;
        custody->inbound[arrival->from].bytes += arrival->payload.bytes;
    }
    payload_receive(custody->port, arrival->from, &arrival->payload, buffer,
                    cookie);
    buffer_unref(buffer);
}

static bool is_constant(const struct value *value)
{
    return value->wants && value->wants->kind == WANT_CONSTANT;
}

static void await_bulk(struct custody *custody, struct value *value,
                       const struct arrival *arrival)
{
    /* Made here meanwhile, or sent by two, after a loss. */
    bool twice = value->state == VALUE_HELD || value->state == VALUE_ARRIVING;
    custody->arriving++;
    if (!twice) {
        value_enter(&custody->store, value, VALUE_ARRIVING);
        value->source = arrival->from;
    }
    if (custody->memory.tight && !twice) {
        room_arrival(&custody->room, arrival);
    } else {
        memory_expect(&custody->memory, arrival->payload.bytes);
        receive_bulk(custody, arrival);
    }
}

void arrival_begin(struct custody *custody, int from, struct value *value,
                   const struct msg_payload *payload, bool is_error)
{
    if (payload->tag != PAYLOAD_INLINE) {
        struct arrival arrival = {.key = value->key,
                                  .payload = *payload,
                                  .from = from,
                                  .is_error = is_error,
                                  .needed = is_constant(value)};
        await_bulk(custody, value, &arrival);
        return;
    }
    struct buffer *buffer = buffer_new(payload->bytes);
    buffer->is_error = is_error;
    struct port_cookie cookie = {
        .id = value->key, .what = COOKIE_KEY, .key = value->key};
    payload_receive(custody->port, from, payload, buffer, cookie);
    custody_hold(custody, value, buffer);
    buffer_unref(buffer);
}

/* There was no room to keep it. */
static struct buffer *no_room(const struct custody *custody, uint64_t bytes)
{
    struct buffer *buffer = buffer_new(sizeof(dmpi_failure));
    dmpi_failure *failure = buffer->data;
    *failure =
        (dmpi_failure){.status = DMPI_ENOMEM, .rank = custody->port->rank};
    snprintf(failure->text, sizeof failure->text,
             "no memory for %llu bytes that were sent here: %s",
             (unsigned long long)bytes, custody->memory.disk->why);
    buffer->is_error = true;
    return buffer;
}

void arrival_end(struct custody *custody, struct port_cookie cookie,
                 struct buffer *buffer)
{
    struct value *value = store_find(&custody->store, cookie.key);
    assert(custody->arriving);
    custody->arriving--;
    memory_came(&custody->memory, buffer->size);
    if (custody->inbound) {
        custody->inbound[cookie.from].count--;
        custody->inbound[cookie.from].bytes -= buffer->size;
    }
    /* After a loss its task may have come here instead. */
    if (!value || value->state == VALUE_MAKING) return;
    bool lost = cookie.what == COOKIE_LOST;
    buffer = lost ? no_room(custody, buffer->size) : buffer_ref(buffer);
    custody_hold(custody, value, buffer);
    buffer_unref(buffer);
}

void arrival_lost(struct custody *custody, int rank)
{
    struct inbound *inbound = &custody->inbound[rank];
    custody->arriving -= inbound->count + room_lost(&custody->room, rank);
    memory_came(&custody->memory, inbound->bytes);
    *inbound = (struct inbound){0};
}

static void loaded(void *role, struct value *value)
{
    custody_loaded(role, value);
}

void arrival_limit(struct custody *custody, const struct memory_setup *setup,
                   void (*tight)(void *role), void *role)
{
    memory_init(&custody->memory, &custody->store, setup);
    custody->memory.client = (struct memory_client){
        .role = custody, .loaded = loaded, .tight_role = role, .tight = tight};
    room_init(&custody->room, &custody->memory, custody->agenda);
    custody->room.client = (struct room_client){custody, receive_bulk};
}
