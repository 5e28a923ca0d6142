/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange.c - requests by number, calls in order. */
#include "exchange.h"

#include <assert.h>
#include <string.h>

#include "log.h"

void exchange_init(struct exchange *exchange, struct port *port)
{
    *exchange = (struct exchange){.port = port};
    exchange->end = &exchange->first;
}

static void free_call(struct exchange *exchange, struct call *call)
{
    buffer_unref(call->args);
    mem_give(&exchange->mem, call, sizeof *call);
}

void exchange_fini(struct exchange *exchange)
{
    while (exchange->first) {
        struct call *call = exchange->first;
        exchange->first = call->next;
        free_call(exchange, call);
    }
    assert(!exchange->requests.count);
    while (exchange->abandoned_count)
        free(exchange->abandoned[--exchange->abandoned_count]);
    free(exchange->abandoned);
    map_fini(&exchange->requests);
    mem_fini(&exchange->mem);
}

/* ---- requests ------------------------------------------------------------*/

struct request *exchange_open(struct exchange *exchange, void *data,
                              uint64_t room)
{
    struct request *request = mem_take(&exchange->mem, sizeof *request);
    *request = (struct request){.id = ++exchange->last_id,
                                .data = data,
                                .room = room,
                                .fresh = !data,
                                .peer = -1};
    if (request->fresh) request->room = UINT64_MAX;
    map_add(&exchange->requests, request->id, request);
    return request;
}

static void settle(struct request *request, dmpi_status status)
{
    assert(!request->done);
    request->status = status;
    request->done = true;
    if (request->settled) request->settled(request->settled_arg);
}

/* The port may not be sure that nobody writes to DATA any more. */
static void abandon(struct exchange *exchange, void *data)
{
    size_t count = ++exchange->abandoned_count;
    exchange->abandoned =
        log_realloc(exchange->abandoned, count * sizeof(void *));
    exchange->abandoned[count - 1] = data;
}

static void end_lost(struct exchange *exchange, struct request *request)
{
    if (request->fresh && request->arriving) {
        abandon(exchange, request->data);
        request->data = NULL;
    }
    settle(request, DMPI_ELOST);
}

void exchange_expect(struct exchange *exchange, uint64_t id, int peer,
                     enum request_kind kind, uint64_t key)
{
    struct request *request = id ? map_get(&exchange->requests, id) : NULL;
    if (!request) return;
    request->peer = peer;
    request->kind = (uint8_t)kind;
    request->key = key;
    if (peer > 0 && exchange->port->lost[peer]) end_lost(exchange, request);
}

void exchange_close(struct exchange *exchange, struct request *request)
{
    map_remove(&exchange->requests, request->id);
    free(request->failure);
    mem_give(&exchange->mem, request, sizeof *request);
}

static void *room_for(struct request *request, uint64_t bytes)
{
    if (!request->fresh) return bytes <= request->room ? request->data : NULL;
    request->data = bytes < SIZE_MAX ? malloc(bytes ? bytes : 1) : NULL;
    return request->data;
}

static void keep_failure(struct request *request, const void *bytes,
                         uint64_t size)
{
    assert(size == sizeof *request->failure);
    request->failure = log_alloc(sizeof *request->failure);
    memcpy(request->failure, bytes, sizeof *request->failure);
}

void exchange_settle(struct exchange *exchange, uint64_t id, dmpi_status status,
                     const void *bytes, size_t size)
{
    struct request *request = map_get(&exchange->requests, id);
    if (exchange->recover && (!request || request->done || request->arriving))
        return; /* it has been answered on another way */
    assert(request);
    if (status == DMPI_EFAILED) {
        keep_failure(request, bytes, size);
    } else if (bytes) {
        request->bytes = size;
        if (!room_for(request, size))
            status = request->fresh ? DMPI_ENOMEM : DMPI_ESIZE;
        else memcpy(request->data, bytes, size);
    }
    settle(request, status);
}

void exchange_answer(struct exchange *exchange, int to, uint64_t id,
                     dmpi_status status, struct buffer *buffer)
{
    if (to == exchange->port->rank) {
        exchange_settle(exchange, id, status, buffer ? buffer->data : NULL,
                        buffer ? buffer->size : 0);
        return;
    }
    struct msg_answer *answer = port_say(exchange->port, to, MSG_ANSWER,
                                         sizeof *answer + payload_tail(buffer));
    answer->request = id;
    answer->status = status;
    payload_send(exchange->port, to, &answer->payload, buffer, 0);
}

void exchange_receive_nothing(struct exchange *exchange, int from,
                              const struct msg_payload *payload)
{
    if (payload->tag == PAYLOAD_NONE || payload->tag == PAYLOAD_INLINE) return;
    struct buffer *buffer = buffer_new(payload->bytes);
    if (!buffer)
        log_panic("no memory to receive %llu bytes",
                  (unsigned long long)payload->bytes);
    payload_receive(exchange->port, from, payload, buffer,
                    (struct port_cookie){.what = COOKIE_NOTHING});
    buffer_unref(buffer);
}

/* The request of that number; NULL: nobody waits for it any more, and PAYLOAD of
 * FROM has been thrown away. */
static struct request *find_request(struct exchange *exchange, uint64_t id,
                                    int from, const struct msg_payload *payload)
{
    struct request *request = map_get(&exchange->requests, id);
    if (!exchange->recover) {
        assert(request);
    } else if (!request || request->done || request->arriving) {
        exchange_receive_nothing(exchange, from, payload);
        return NULL;
    }
    return request;
}

/* Bytes for REQUEST, the value of KEY or 0, come from FROM: find room, receive,
 * settle. */
static void receive_value(struct exchange *exchange, int from,
                          struct request *request, dmpi_status status,
                          uint64_t key, const struct msg_payload *payload)
{
    request->bytes = payload->bytes;
    if (status == DMPI_EFAILED && payload->tag == PAYLOAD_INLINE) {
        keep_failure(request, payload + 1, payload->bytes);
        port_trace(exchange->port, TRACE_RECEIVE_INLINE, from, key,
                   payload->bytes, port_trace_time(exchange->port));
        settle(request, status);
        return;
    }
    if (payload->tag == PAYLOAD_NONE) {
        settle(request, status);
        return;
    }
    void *data = room_for(request, payload->bytes);
    bool fits = data != NULL;
    /* What cannot be kept must still be received. */
    struct buffer *buffer =
        fits ? buffer_wrap(data, payload->bytes) : buffer_new(payload->bytes);
    if (!buffer)
        log_panic("no memory to receive %llu bytes",
                  (unsigned long long)payload->bytes);
    if (!fits) status = request->fresh ? DMPI_ENOMEM : DMPI_ESIZE;
    request->status = status;
    request->peer = from;
    request->arriving = true;
    struct port_cookie cookie = {
        .id = request->id, .what = COOKIE_REQUEST, .key = key};
    bool here = payload_receive(exchange->port, from, payload, buffer, cookie);
    buffer_unref(buffer);
    if (here) settle(request, status);
}

static void on_answer(struct exchange *exchange, int from,
                      const struct msg_answer *answer)
{
    struct request *request =
        find_request(exchange, answer->request, from, &answer->payload);
    if (!request) return;
    receive_value(exchange, from, request, (dmpi_status)answer->status, 0,
                  &answer->payload);
}

void exchange_stray(struct exchange *exchange, uint64_t id)
{
    struct request *request = map_get(&exchange->requests, id);
    if (!request || request->done || request->arriving) return;
    exchange->astray(exchange->astray_arg, request);
}

static bool on_key_value(struct exchange *exchange, int from,
                         const struct msg_key_value *value)
{
    if (!value->request) return false;
    struct request *request =
        find_request(exchange, value->request, from, &value->payload);
    if (!request) return true;
    if (exchange->recover && value->status == DMPI_ELOST) {
        exchange_stray(exchange, value->request);
        return true;
    }
    receive_value(exchange, from, request, (dmpi_status)value->status,
                  value->key, &value->payload);
    return true;
}

/* ---- calls ---------------------------------------------------------------*/

static struct call *add_call(struct exchange *exchange, int from,
                             uint32_t function, uint64_t request)
{
    struct call *call = mem_take(&exchange->mem, sizeof *call);
    *call =
        (struct call){.request = request, .from = from, .function = function};
    *exchange->end = call;
    exchange->end = &call->next;
    return call;
}

void exchange_call(struct exchange *exchange, int to, uint32_t function,
                   struct buffer *args, uint64_t request)
{
    if (to == exchange->port->rank) {
        struct call *here = add_call(exchange, to, function, request);
        here->args = args ? buffer_ref(args) : NULL;
        here->complete = true;
        return;
    }
    if (exchange->recover)
        exchange_expect(exchange, request, to, REQUEST_OTHER, 0);
    struct msg_call *call = port_say(exchange->port, to, MSG_CALL,
                                     sizeof *call + payload_tail(args));
    call->request = request;
    call->function = function;
    payload_send(exchange->port, to, &call->payload, args, 0);
}

static void on_call(struct exchange *exchange, int from,
                    const struct msg_call *message)
{
    struct call *call =
        add_call(exchange, from, message->function, message->request);
    if (message->payload.tag == PAYLOAD_NONE) {
        call->complete = true;
        return;
    }
    call->args = buffer_new(message->payload.bytes);
    if (!call->args)
        log_panic("no memory for %llu bytes of arguments",
                  (unsigned long long)message->payload.bytes);
    struct port_cookie cookie = {.id = (uint64_t)(uintptr_t)call,
                                 .what = COOKIE_CALL};
    call->complete = payload_receive(exchange->port, from, &message->payload,
                                     call->args, cookie);
}

static bool handler_runs(const struct exchange *exchange, int from)
{
    for (const struct call *at = exchange->first; at; at = at->next)
        if (at->from == from && at->running && !at->request) return true;
    return false;
}

/* One sender's calls begin in order, and its handlers run one after another,
 * also on two threads. If only handlers are taken they do not wait for the
 * others. And while a handler runs, calls that the sender waits for do not wait
 * for handlers: that one may itself wait for the sender. */
static bool must_wait(const struct exchange *exchange, const struct call *call,
                      bool handlers_only)
{
    if (!call->complete || call->running) return true;
    bool pass = call->request && handler_runs(exchange, call->from);
    for (const struct call *at = exchange->first; at != call; at = at->next) {
        bool is_handler = !at->request;
        if (at->from != call->from || (is_handler && pass)) continue;
        if (is_handler || (!at->running && !handlers_only)) return true;
    }
    return false;
}

struct call *exchange_take_call(struct exchange *exchange, bool handlers_only)
{
    for (struct call *call = exchange->first; call; call = call->next) {
        if (handlers_only && call->request) continue;
        if (must_wait(exchange, call, handlers_only)) continue;
        call->running = true;
        return call;
    }
    return NULL;
}

static void remove_call(struct exchange *exchange, struct call *call)
{
    struct call **at = &exchange->first;
    while (*at != call) at = &(*at)->next;
    *at = call->next;
    if (exchange->end == &call->next) exchange->end = at;
    free_call(exchange, call);
}

void exchange_called(struct exchange *exchange, struct call *call,
                     struct buffer *output)
{
    if (call->request)
        exchange_answer(exchange, call->from, call->request,
                        output && output->is_error ? DMPI_EFAILED : DMPI_OK,
                        output);
    buffer_unref(output);
    remove_call(exchange, call);
}

/* ---- loss ----------------------------------------------------------------*/

/* Its bytes came from a rank that is lost: they are wanted again. */
static void interrupt(struct exchange *exchange, struct request *request)
{
    if (request->fresh && request->arriving) {
        abandon(exchange, request->data);
        request->data = NULL;
    }
    request->arriving = false;
    request->peer = -1;
}

/* The numbers of all requests that RANK was to answer; the caller frees them. */
static uint64_t *requests_of(const struct exchange *exchange, int rank,
                             size_t *count)
{
    uint64_t *ids = log_alloc(exchange->requests.count * sizeof *ids + 1);
    const struct request *request;
    size_t at = 0;
    *count = 0;
    while ((request = map_next(&exchange->requests, &at)))
        if (request->peer == rank && !request->done)
            ids[(*count)++] = request->id;
    return ids;
}

static void forget_calls(struct exchange *exchange, int rank)
{
    for (struct call **at = &exchange->first; *at;) {
        struct call *call = *at;
        if (call->from != rank || call->running) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        free_call(exchange, call);
    }
    exchange->end = &exchange->first;
    while (*exchange->end) exchange->end = &(*exchange->end)->next;
}

/* What is told that its request is settled may settle and close others. */
void exchange_lost(struct exchange *exchange, int rank)
{
    size_t count;
    uint64_t *ids = requests_of(exchange, rank, &count);
    for (size_t i = 0; i < count; i++) {
        struct request *request = map_get(&exchange->requests, ids[i]);
        if (!request || request->done) continue;
        if (request->kind == REQUEST_VALUE) interrupt(exchange, request);
        else end_lost(exchange, request);
    }
    free(ids);
    forget_calls(exchange, rank);
}

/* ---- dispatch ------------------------------------------------------------*/

bool exchange_receive(struct exchange *exchange, int from,
                      const struct message *message)
{
    const void *body = message_body(message);
    switch (message->kind) {
    case MSG_ANSWER: on_answer(exchange, from, body); return true;
    case MSG_CALL: on_call(exchange, from, body); return true;
    case MSG_KEY_VALUE: return on_key_value(exchange, from, body);
    default: return false;
    }
}

bool exchange_idle(const struct exchange *exchange)
{
    return !exchange->requests.count && !exchange->first;
}

bool exchange_arrived(struct exchange *exchange, struct port_cookie cookie)
{
    if (cookie.what == COOKIE_NOTHING) return true;
    if (cookie.what == COOKIE_REQUEST) {
        struct request *request = map_get(&exchange->requests, cookie.id);
        assert(request);
        settle(request, request->status);
        return true;
    }
    if (cookie.what == COOKIE_CALL) {
        struct call *call = (struct call *)(uintptr_t)cookie.id;
        call->complete = true;
        return true;
    }
    return false;
}
