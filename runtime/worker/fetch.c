/* SPDX-License-Identifier: BSD-3-Clause */
/* fetch.c - say, pass on, answer, say again. */
#include "fetch.h"

#include <assert.h>

#include "log.h"

/* ---- said ----------------------------------------------------------------*/

void fetch_say(struct custody *custody, int to,
               const struct msg_key_fetch *fetch)
{
    struct msg_key_fetch *out =
        port_say(custody->port, to, MSG_KEY_FETCH, sizeof *out);
    *out = *fetch;
}

/* Behind the task that THIEF was given. */
static void pass_on(struct custody *custody, int thief,
                    const struct msg_key_fetch *fetch)
{
    struct msg_key_fetch behind = *fetch;
    behind.flags |= FETCH_BEHIND;
    fetch_say(custody, thief, &behind);
}

/* Who has it is lost: the center says who else. */
static void ask_center(struct custody *custody, uint64_t key)
{
    struct msg_ask_value *ask =
        port_say(custody->port, 0, MSG_ASK_VALUE, sizeof *ask);
    *ask = (struct msg_ask_value){.key = key};
}

void fetch_begin(struct custody *custody, struct value *value, int source,
                 uint16_t flags, uint16_t attempt)
{
    struct msg_key_fetch fetch = {.key = value->key,
                                  .limit = UINT64_MAX,
                                  .flags = flags,
                                  .attempt = attempt,
                                  .asker = (uint32_t)custody->port->rank};
    bool lost = custody->port->lost[source];
    if (lost) ask_center(custody, value->key);
    else fetch_say(custody, source, &fetch);
    value_enter(&custody->store, value, VALUE_FETCHING);
    value->source = lost ? -1 : source;
    value->asked = true;
}

/* The thief was given an earlier attempt than this one, which will come. */
static void forget_old_thief(struct custody *custody, struct value *value,
                             uint16_t attempt)
{
    bool newer = (int16_t)(attempt - value->attempt) > 0;
    if (!value->thief || value->state == VALUE_HELD || !newer) return;
    value->thief = 0;
    if (value->state == VALUE_MOVED)
        value_enter(&custody->store, value, VALUE_EXPECTED);
}

void fetch_seek(struct custody *custody, struct value *value,
                const struct msg_input *input)
{
    bool coming = value->state == VALUE_MAKING ||
                  value->state == VALUE_FETCHING ||
                  value->state == VALUE_ARRIVING;
    if (coming) return;
    if (custody->lossy) forget_old_thief(custody, value, input->attempt);
    if ((int)input->owner != custody->port->rank)
        fetch_begin(custody, value, (int)input->owner, input->flags,
                    input->attempt);
    else if (value->thief)
        fetch_begin(custody, value, value->thief, FETCH_FOLLOW | FETCH_BEHIND,
                    value->attempt);
    else if (value->state == VALUE_NEW)
        value_enter(&custody->store, value, VALUE_EXPECTED);
}

/* ---- answered ------------------------------------------------------------*/

/* To a request of this rank. */
static void settle(struct custody *custody, uint64_t request,
                   const struct buffer *buffer)
{
    exchange_settle(custody->exchange, request,
                    buffer->is_error ? DMPI_EFAILED : DMPI_OK,
                    buffer->data ? buffer->data : "", buffer->size);
}

void fetch_send_value(struct custody *custody, int to, uint64_t request,
                      uint64_t limit, const struct value *value)
{
    struct buffer *buffer = value->buffer;
    if (to == custody->port->rank) {
        settle(custody, request, buffer);
        return;
    }
    bool fits = buffer->is_error || buffer->size <= limit;
    struct msg_key_value *out =
        port_say(custody->port, to, MSG_KEY_VALUE,
                 sizeof *out + (fits ? payload_tail(buffer) : 0));
    out->key = value->key;
    out->request = request;
    out->status = buffer->is_error ? DMPI_EFAILED : fits ? DMPI_OK : DMPI_ESIZE;
    if (!fits) {
        payload_none(&out->payload, buffer->size);
        return;
    }
    payload_send(custody->port, to, &out->payload, buffer, value->key);
    custody_count(custody, to, buffer->size);
}

/* STATUS: DMPI_ENOKEY, or DMPI_ELOST: the center knows where it is. */
static void refuse_value(struct custody *custody, int to,
                         const struct msg_key_fetch *fetch, dmpi_status status)
{
    struct msg_key_value *out =
        port_say(custody->port, to, MSG_KEY_VALUE, sizeof *out);
    *out = (struct msg_key_value){
        .key = fetch->key, .request = fetch->request, .status = status};
    payload_none(&out->payload, 0);
}

static void want_to_send(struct custody *custody, struct value *value, int to,
                         uint64_t request, uint64_t limit)
{
    struct want *want = store_want(&custody->store, value, WANT_SEND);
    want->rank = to;
    want->request = request;
    want->limit = limit;
}

/* To tell only that it does not fit its bytes are not needed. */
static __attribute__((noinline)) void serve_from_disk(struct custody *custody,
                                                      struct value *value,
                                                      int to, uint64_t request,
                                                      uint64_t limit)
{
    if (value->buffer->size > limit) {
        fetch_send_value(custody, to, request, limit, value);
        return;
    }
    want_to_send(custody, value, to, request, limit);
    room_load(&custody->room, value);
}

void fetch_serve(struct custody *custody, struct value *value, int to,
                 uint64_t request, uint64_t limit)
{
    if (value->away) {
        serve_from_disk(custody, value, to, request, limit);
        return;
    }
    if (value->listed) memory_use(&custody->memory, value);
    fetch_send_value(custody, to, request, limit, value);
}

/* ---- heard ---------------------------------------------------------------*/

void fetch_ended(struct custody *custody, struct value *value)
{
    value->asked = false;
    if (value->state != VALUE_HELD || !value->wants) return;
    struct want *want = store_take_wants(value);
    assert(want->kind == WANT_DONE && !want->next);
    custody_say_done(custody, want->job, value->buffer, want->ns);
    custody_told(custody, want->job);
    store_wanted(&custody->store, want);
}

/* Our own fetch followed the task to here. If it went on from here to a worker
 * that is lost by now, whom the center had us ask does not have it yet again. */
static void fetch_came_home(struct custody *custody, struct value *value,
                            const struct msg_key_fetch *fetch)
{
    if (custody->inbound && !(value && value->asked)) return;
    assert(value && value->asked);
    if (value->state != VALUE_FETCHING) {
        fetch_ended(custody, value);
        return;
    }
    int to = value->thief ? value->thief : value->source;
    if (to > 0) fetch_say(custody, to, fetch);
}

/* Answer FETCH, which may be our own question, when the value is here; unless
 * the asker has got it on another way, after a loss. */
static void keep_fetch(struct custody *custody, struct value *value,
                       const struct msg_key_fetch *fetch)
{
    if (custody->purged) return;
    if (!value) value = store_need(&custody->store, fetch->key);
    if (value->state == VALUE_NEW || value->state == VALUE_MOVED)
        value_enter(&custody->store, value, VALUE_EXPECTED);
    want_to_send(custody, value, (int)fetch->asker, fetch->request,
                 fetch->limit);
}

/* After a loss: the fetch went after a task that has not come here, or was
 * given to a rank that is lost. */
static bool is_dead_end(const struct custody *custody,
                        const struct value *value, uint16_t flags)
{
    if (!custody->lossy || !(flags & FETCH_BEHIND)) return false;
    return !value || value->state == VALUE_NEW ||
           value->state == VALUE_EXPECTED;
}

/* Who asks has to ask the center: it may be this rank. */
static void send_back(struct custody *custody,
                      const struct msg_key_fetch *fetch)
{
    if ((int)fetch->asker != custody->port->rank)
        refuse_value(custody, (int)fetch->asker, fetch, DMPI_ELOST);
    else exchange_stray(custody->exchange, fetch->request);
}

void fetch_on_key_fetch(struct custody *custody, int from,
                        const struct msg_key_fetch *fetch)
{
    struct value *value = store_find(&custody->store, fetch->key);
    int asker = (int)fetch->asker;
    bool now = fetch->flags & FETCH_NOW, follow = fetch->flags & FETCH_FOLLOW;
    if (custody->lossy && follow && value)
        forget_old_thief(custody, value, fetch->attempt);
    bool own = asker == custody->port->rank && !fetch->request;
    if (own) fetch_came_home(custody, value, fetch);
    else if (value && value->state == VALUE_HELD)
        fetch_serve(custody, value, asker, fetch->request, fetch->limit);
    else if (now && !(value && value->state == VALUE_ARRIVING))
        refuse_value(custody, asker, fetch, DMPI_ENOKEY);
    else if (follow && value && value->thief)
        pass_on(custody, value->thief, fetch);
    else if (follow && is_dead_end(custody, value, fetch->flags))
        send_back(custody, fetch);
    else keep_fetch(custody, value, fetch);
}

void fetch_ask(struct custody *custody, const struct value *value,
               const struct request *request)
{
    struct msg_key_fetch fetch = {.key = value->key,
                                  .request = request->id,
                                  .limit = request->room,
                                  .flags = FETCH_FOLLOW,
                                  .asker = (uint32_t)custody->port->rank};
    fetch_on_key_fetch(custody, custody->port->rank, &fetch);
}

void fetch_pass_on(struct custody *custody, struct value *value, int thief,
                   uint16_t attempt)
{
    for (struct want **at = &value->wants; *at;) {
        struct want *want = *at;
        if (want->kind != WANT_SEND) {
            at = &want->next;
            continue;
        }
        struct msg_key_fetch fetch = {.key = value->key,
                                      .request = want->request,
                                      .limit = want->limit,
                                      .flags = FETCH_FOLLOW,
                                      .attempt = attempt,
                                      .asker = (uint32_t)want->rank};
        pass_on(custody, thief, &fetch);
        *at = want->next;
        store_wanted(&custody->store, want);
    }
}

/* ---- after a loss --------------------------------------------------------*/

void fetch_lost(struct custody *custody, struct value *value)
{
    if (value->state == VALUE_MAKING) value->asked = false;
    else if (value->state == VALUE_HELD && value->asked)
        fetch_ended(custody, value);
}

void fetch_seek_again(struct custody *custody, struct value *value)
{
    fetch_lost(custody, value);
    if (value->state != VALUE_FETCHING) return;
    value->source = -1;
    ask_center(custody, value->key);
}

void fetch_again(struct custody *custody, struct value *value,
                 const struct msg_key_copy *copy)
{
    bool here = (int)copy->owner == custody->port->rank;
    forget_old_thief(custody, value, copy->attempt);
    if (here && value->thief) return;
    value_enter(&custody->store, value, VALUE_EXPECTED);
    value->asked = false;
    if (here && !value->wants && !value->pins)
        store_remove(&custody->store, value);
    if (here) return; /* its task will come */
    fetch_begin(custody, value, (int)copy->owner, copy->flags & FETCH_FOLLOW,
                copy->attempt);
}
