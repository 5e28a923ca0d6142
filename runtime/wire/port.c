/* SPDX-License-Identifier: BSD-3-Clause */
/* port.c - what all ports have in common. */
#include "port.h"

#include <string.h>

#include "log.h"

void port_init(struct port *port, const struct port_calls *calls, int rank,
               int ranks)
{
    size_t count = (size_t)ranks, bytes = count * sizeof *port->sent;
    *port = (struct port){.calls = calls,
                          .rank = rank,
                          .ranks = ranks,
                          .sent = log_alloc(bytes),
                          .heard = log_alloc(bytes),
                          .lost = log_alloc(count * sizeof *port->lost)};
    memset(port->sent, 0, bytes);
    memset(port->heard, 0, bytes);
    memset(port->lost, 0, count * sizeof *port->lost);
}

void port_fini(struct port *port)
{
    free(port->sent);
    free(port->heard);
    free(port->lost);
    port->sent = port->heard = NULL;
    port->lost = NULL;
}

void port_forget(struct port *port, int rank)
{
    assert(rank != port->rank && !port->lost[rank]);
    port->lost[rank] = true;
    port->calls->forget(port, rank);
}

uint64_t port_heard(const struct port *port)
{
    uint64_t sum = 0;
    for (int i = 0; i < port->ranks; i++)
        if (!port->lost[i]) sum += port->heard[i];
    return sum;
}

uint64_t port_messages(const struct port *port)
{
    uint64_t sum = 0;
    for (int i = 0; i < port->ranks; i++) sum += port->sent[i];
    return sum;
}

static bool rides_inline(const struct buffer *buffer)
{
    return buffer->size <= PORT_INLINE_MAX;
}

size_t payload_tail(const struct buffer *buffer)
{
    return buffer && rides_inline(buffer) ? buffer->size : 0;
}

void port_trace(struct port *port, enum trace_kind kind, int peer, uint64_t key,
                uint64_t bytes, uint64_t begin_ns)
{
    if (!port->trace) return;
    struct trace_record record = {.begin_ns = begin_ns,
                                  .ns = clock_ns() - begin_ns,
                                  .key = key,
                                  .bytes = bytes,
                                  .what = (uint32_t)peer,
                                  .kind = kind};
    trace_add(port->trace, &record);
}

static void trace_inline(struct port *port, enum trace_kind kind, int peer,
                         uint64_t key, uint64_t bytes)
{
    if (!port->trace) return;
    struct trace_record record = {.begin_ns = clock_ns(),
                                  .key = key,
                                  .bytes = bytes,
                                  .what = (uint32_t)peer,
                                  .kind = kind};
    trace_add(port->trace, &record);
}

void payload_none(struct msg_payload *payload, uint64_t bytes)
{
    *payload = (struct msg_payload){.bytes = bytes, .tag = PAYLOAD_NONE};
}

void payload_send(struct port *port, int to, struct msg_payload *payload,
                  struct buffer *buffer, uint64_t key)
{
    if (!buffer) {
        payload_none(payload, 0);
        return;
    }
    *payload = (struct msg_payload){.bytes = buffer->size};
    if (!rides_inline(buffer)) {
        payload->tag = port->calls->bulk_send(port, to, buffer, key);
    } else {
        if (buffer->size) memcpy(payload + 1, buffer->data, buffer->size);
        trace_inline(port, TRACE_SEND_INLINE, to, key, buffer->size);
    }
}

bool payload_receive(struct port *port, int from,
                     const struct msg_payload *payload, struct buffer *buffer,
                     struct port_cookie cookie)
{
    assert(payload->tag != PAYLOAD_NONE && payload->bytes <= buffer->room);
    buffer->size = payload->bytes;
    if (payload->tag == PAYLOAD_INLINE) {
        if (payload->bytes) memcpy(buffer->data, payload + 1, payload->bytes);
        trace_inline(port, TRACE_RECEIVE_INLINE, from, cookie.key,
                     payload->bytes);
        return true;
    }
    port->calls->bulk_receive(port, from, payload->tag, buffer, cookie);
    return false;
}
