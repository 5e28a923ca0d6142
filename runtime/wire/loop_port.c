/* SPDX-License-Identifier: BSD-3-Clause */
/* loop_port.c - one queue for both directions, delivered in order of saying.
 *
 * A bulk transfer is a copy, made when both sides have named it. */
#include "loop_port.h"

#include <string.h>

#include "log.h"

struct item {
    struct item *next;
    int from, to;
    struct message message;
};

/* A bulk transfer that only its sender has named so far. */
struct offer {
    struct offer *next;
    int from;
    uint32_t tag;
    uint64_t key, begin_ns; /* for the trace */
    struct buffer *buffer;  /* a reference is owned */
};

struct arrival {
    struct arrival *next;
    int to;
    struct port_cookie cookie;
    struct buffer *buffer; /* a reference is owned */
};

struct end {
    struct port port; /* first: a port is cast back to its end */
    struct loop *loop;
    uint32_t last_tag;
};

struct loop {
    struct end ends[2];
    struct item *first, **last;
    struct offer *offers;
    struct arrival *arrivals;
    bool cut; /* one end has forgotten the other */
};

static struct loop *loop_of(struct port *port)
{
    return ((struct end *)port)->loop;
}

static void *say(struct port *port, int to, unsigned kind, size_t bytes)
{
    struct loop *loop = loop_of(port);
    struct item *item = log_alloc(sizeof *item + bytes);
    *item = (struct item){
        .from = port->rank,
        .to = to,
        .message = {.bytes = (uint32_t)(sizeof(struct message) + bytes),
                    .kind = kind}};
    *loop->last = item;
    loop->last = &item->next;
    port->envelopes++;
    return item + 1;
}

static uint32_t bulk_send(struct port *port, int to, struct buffer *buffer,
                          uint64_t key)
{
    struct loop *loop = loop_of(port);
    struct offer *offer = log_alloc(sizeof *offer);
    (void)to;
    *offer = (struct offer){.next = loop->offers,
                            .from = port->rank,
                            .tag = ++((struct end *)port)->last_tag,
                            .key = key,
                            .begin_ns = port_trace_time(port),
                            .buffer = buffer_ref(buffer)};
    loop->offers = offer;
    return offer->tag;
}

static void bulk_receive(struct port *port, int from, uint32_t tag,
                         struct buffer *buffer, struct port_cookie cookie)
{
    struct loop *loop = loop_of(port);
    struct offer **at = &loop->offers;
    while ((*at)->from != from || (*at)->tag != tag) at = &(*at)->next;
    struct offer *offer = *at;
    *at = offer->next;
    uint64_t begin_ns = port_trace_time(port), size = offer->buffer->size;
    memcpy(buffer->data, offer->buffer->data, size);
    port_trace(&loop->ends[from].port, TRACE_SEND, port->rank, offer->key, size,
               offer->begin_ns);
    port_trace(port, TRACE_RECEIVE, from, cookie.key, size, begin_ns);
    buffer_unref(offer->buffer);
    free(offer);
    struct arrival *arrival = log_alloc(sizeof *arrival);
    *arrival = (struct arrival){.next = loop->arrivals,
                                .to = port->rank,
                                .cookie = cookie,
                                .buffer = buffer_ref(buffer)};
    loop->arrivals = arrival;
}

/* There is nobody else: nothing passes any more, in either direction. */
static void forget(struct port *port, int rank)
{
    loop_of(port)->cut = true;
}

static const struct port_calls calls = {say, bulk_send, bulk_receive, forget};

struct loop *loop_new(void)
{
    struct loop *loop = log_alloc(sizeof *loop);
    *loop = (struct loop){0};
    loop->last = &loop->first;
    for (int i = 0; i < 2; i++) {
        port_init(&loop->ends[i].port, &calls, i, 2);
        loop->ends[i].loop = loop;
    }
    return loop;
}

struct port *loop_port(struct loop *loop, int rank)
{
    return &loop->ends[rank].port;
}

static bool deliver_one(struct loop *loop)
{
    struct item *item = loop->first;
    if (!item) return false;
    loop->first = item->next;
    if (!loop->first) loop->last = &loop->first;
    if (!loop->cut)
        port_deliver(&loop->ends[item->to].port, item->from, &item->message);
    free(item);
    return true;
}

static bool arrive_one(struct loop *loop)
{
    struct arrival *arrival = loop->arrivals;
    if (!arrival) return false;
    loop->arrivals = arrival->next;
    struct port_client *client = &loop->ends[arrival->to].port.client;
    if (!loop->cut)
        client->arrived(client->role, arrival->cookie, arrival->buffer);
    buffer_unref(arrival->buffer);
    free(arrival);
    return true;
}

bool loop_poll(struct loop *loop)
{
    bool any = false;
    while (deliver_one(loop) || arrive_one(loop)) any = true;
    return any;
}

void loop_free(struct loop *loop)
{
    for (struct item *item = loop->first, *next; item; item = next) {
        next = item->next;
        free(item);
    }
    for (struct offer *offer = loop->offers, *next; offer; offer = next) {
        next = offer->next;
        buffer_unref(offer->buffer);
        free(offer);
    }
    for (struct arrival *at = loop->arrivals, *next; at; at = next) {
        next = at->next;
        buffer_unref(at->buffer);
        free(at);
    }
    for (int i = 0; i < 2; i++) port_fini(&loop->ends[i].port);
    free(loop);
}
