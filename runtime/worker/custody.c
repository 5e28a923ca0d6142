/* SPDX-License-Identifier: BSD-3-Clause */
/* custody.c - one value's way: wanted, fetched or made, held, sent, dropped. */
#include "custody.h"

#include <assert.h>

#include "arrival.h"
#include "broken.h"
#include "log.h"

static void say_fetch(struct custody *custody, int to,
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
    say_fetch(custody, thief, &behind);
}

/* Who has it is lost: the center says who else. */
static void ask_center(struct custody *custody, uint64_t key)
{
    struct msg_ask_value *ask =
        port_say(custody->port, 0, MSG_ASK_VALUE, sizeof *ask);
    *ask = (struct msg_ask_value){.key = key};
}

/* FLAGS: FETCH_FOLLOW, or 0; then ATTEMPT is the task's. */
static void start_fetch(struct custody *custody, struct value *value,
                        int source, uint16_t flags, uint16_t attempt)
{
    struct msg_key_fetch fetch = {.key = value->key,
                                  .limit = UINT64_MAX,
                                  .flags = flags,
                                  .attempt = attempt,
                                  .asker = (uint32_t)custody->port->rank};
    bool lost = custody->port->lost[source];
    if (lost) ask_center(custody, value->key);
    else say_fetch(custody, source, &fetch);
    value_enter(&custody->store, value, VALUE_FETCHING);
    value->source = lost ? -1 : source;
    value->asked = true;
}

void custody_count(struct custody *custody, int to, uint64_t bytes)
{
    if (to == 0) custody->counts->bytes_to_center += bytes;
    else custody->counts->bytes_to_workers += bytes;
}

/* To a request of this rank. */
static void settle(struct custody *custody, uint64_t request,
                   const struct buffer *buffer)
{
    exchange_settle(custody->exchange, request,
                    buffer->is_error ? DMPI_EFAILED : DMPI_OK,
                    buffer->data ? buffer->data : "", buffer->size);
}

static void send_value(struct custody *custody, int to, uint64_t request,
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

static void say_stored(struct custody *custody, const struct value *value,
                       const struct want *want)
{
    struct msg_key_held *held =
        port_say(custody->port, 0, MSG_KEY_HELD, sizeof *held);
    *held = (struct msg_key_held){.key = value->key,
                                  .bytes = value->buffer->size,
                                  .request = want->request,
                                  .parent = want->parent,
                                  .asker = (uint32_t)want->rank};
}

static void say_left(struct custody *custody, uint64_t key)
{
    struct msg_task_left *left =
        port_say(custody->port, 0, MSG_TASK_LEFT, sizeof *left);
    left->key = key;
}

/* Until the center has been told of JOB's end it knows of nothing else that
 * could end: then that says all. */
void custody_left(struct custody *custody, struct job *job)
{
    if (job->flags & JOB_TOLD) {
        if (!(job->flags & JOB_ASTRAY)) say_left(custody, job->key);
        custody_discard(custody, job);
    } else {
        job->flags &= (uint16_t)~JOB_OVER;
    }
}

/* All inputs of JOB are here. */
static void complete(struct custody *custody, struct job *job)
{
    if (job_is_idle(job)) custody_left(custody, job);
    else agenda_add(custody->agenda, job);
}

/* Jobs that wait for no constant any more may be ready. */
static void release_jobs(struct custody *custody)
{
    struct job *job;
    while ((job = constants_next_job(custody->constants)))
        if (--job->missing == 0) complete(custody, job);
}

static void keep_constant(struct custody *custody, uint64_t epoch,
                          struct buffer *buffer)
{
    struct msg_constant_held *held =
        port_say(custody->port, 0, MSG_CONSTANT_HELD, sizeof *held);
    held->epoch = epoch;
    constants_came(custody->constants, epoch, buffer);
    release_jobs(custody);
}

static void fulfil(struct custody *custody, const struct value *value,
                   const struct want *want)
{
    switch (want->kind) {
    case WANT_JOB:
        if (--want->job->missing == 0) complete(custody, want->job);
        break;
    case WANT_SEND:
        send_value(custody, want->rank, want->request, want->limit, value);
        break;
    case WANT_COPY:
        exchange_answer(custody->exchange, want->rank, want->request, DMPI_OK,
                        NULL);
        break;
    case WANT_CONSTANT:
        keep_constant(custody, want->request, value->buffer);
        break;
    case WANT_STORED: say_stored(custody, value, want); break;
    case WANT_DONE: assert(false); break; /* see fetch_ended() */
    }
}

static void say_release(struct custody *custody, uint64_t key, bool later)
{
    struct msg_key_release *release =
        port_say(custody->port, 0, MSG_KEY_RELEASE, sizeof *release);
    *release = (struct msg_key_release){key, later};
}

static void remove_value(struct custody *custody, struct value *value)
{
    if (value->listed) memory_removed(&custody->memory, value);
    store_remove(&custody->store, value);
}

void custody_unpin(struct custody *custody, struct value *value)
{
    assert(value->pins);
    if (--value->pins) return;
    if (value->released) say_release(custody, value->key, false);
    value->released = false;
    if (value->dropped && value->state == VALUE_HELD && !value->wants)
        remove_value(custody, value);
}

void custody_release(struct custody *custody, uint64_t key)
{
    struct value *value = store_find(&custody->store, key);
    if (!value || !value->pins) {
        say_release(custody, key, false);
        return;
    }
    value->released = true;
    if (custody->inbound) say_release(custody, key, true);
}

/* VALUE is here, and in memory: do what waited for that. */
static void fulfil_all(struct custody *custody, struct value *value)
{
    struct want *want = store_take_wants(value);
    custody_pin(value); /* what is fulfilled may unpin it */
    while (want) {
        struct want *next = want->next;
        fulfil(custody, value, want);
        store_wanted(&custody->store, want);
        want = next;
    }
    custody_unpin(custody, value);
}

void custody_loaded(struct custody *custody, struct value *value)
{
    if (value->wants || value->dropped) fulfil_all(custody, value);
}

/* BUFFER is the value: keep it, and do what waited for it. */
void custody_hold(struct custody *custody, struct value *value,
                  struct buffer *buffer)
{
    if (value->state == VALUE_HELD) return; /* made here and fetched as well */
    store_hold(&custody->store, value, buffer);
    if (custody->store.bytes > custody->memory.trigger)
        memory_held(&custody->memory, value);
    if (value->wants || value->dropped) fulfil_all(custody, value);
}

static dmpi_status error_status(const struct job *job,
                                const struct buffer *error)
{
    const dmpi_failure *failure = error->data;
    if (job->flags & JOB_OVER) return DMPI_EBUSY;
    return failure->status == DMPI_EDEADLINE ? DMPI_EDEADLINE : DMPI_EFAILED;
}

void custody_say_done(struct custody *custody, const struct job *job,
                      const struct buffer *output, uint64_t ns)
{
    struct msg_task_done *done =
        port_say(custody->port, 0, MSG_TASK_DONE, sizeof *done);
    *done = (struct msg_task_done){
        .key = job->key,
        .bytes = output->size,
        .ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX,
        .attempt = job->attempt,
        .status =
            output->is_error ? (uint16_t)error_status(job, output) : DMPI_OK};
}

void custody_pin_inputs(struct custody *custody, struct job *job)
{
    if (job->flags & JOB_PINS) return;
    job->flags |= JOB_PINS;
    for (uint32_t i = 0; i < job->inputs; i++) custody_pin(job_inputs(job)[i]);
}

void custody_discard(struct custody *custody, struct job *job)
{
    if (job->stage) room_release(&custody->room, job);
    if (job->flags & JOB_PINS)
        for (uint32_t i = 0; i < job->inputs; i++)
            custody_unpin(custody, job_inputs(job)[i]);
    job_free(custody->jobs, job);
}

/* The center has been told of JOB's end. */
static void told(struct custody *custody, struct job *job)
{
    if (job->flags & JOB_OVER) job->flags |= JOB_TOLD;
    else custody_discard(custody, job);
}

/* No fetch of ours is on its way any more. */
static void fetch_ended(struct custody *custody, struct value *value)
{
    value->asked = false;
    if (value->state != VALUE_HELD || !value->wants) return;
    struct want *want = store_take_wants(value);
    assert(want->kind == WANT_DONE && !want->next);
    custody_say_done(custody, want->job, value->buffer, want->ns);
    told(custody, want->job);
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
    if (to > 0) say_fetch(custody, to, fetch);
}

static void want_to_send(struct custody *custody, struct value *value, int to,
                         uint64_t request, uint64_t limit)
{
    struct want *want = store_want(&custody->store, value, WANT_SEND);
    want->rank = to;
    want->request = request;
    want->limit = limit;
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

/* To tell only that it does not fit its bytes are not needed. */
static __attribute__((noinline)) void serve_from_disk(struct custody *custody,
                                                      struct value *value,
                                                      int to, uint64_t request,
                                                      uint64_t limit)
{
    if (value->buffer->size > limit) {
        send_value(custody, to, request, limit, value);
        return;
    }
    want_to_send(custody, value, to, request, limit);
    room_load(&custody->room, value);
}

void custody_serve(struct custody *custody, struct value *value, int to,
                   uint64_t request, uint64_t limit)
{
    if (value->away) {
        serve_from_disk(custody, value, to, request, limit);
        return;
    }
    if (value->listed) memory_use(&custody->memory, value);
    send_value(custody, to, request, limit, value);
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

void custody_on_key_fetch(struct custody *custody, int from,
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
        custody_serve(custody, value, asker, fetch->request, fetch->limit);
    else if (now && !(value && value->state == VALUE_ARRIVING))
        refuse_value(custody, asker, fetch, DMPI_ENOKEY);
    else if (follow && value && value->thief)
        pass_on(custody, value->thief, fetch);
    else if (follow && is_dead_end(custody, value, fetch->flags))
        send_back(custody, fetch);
    else keep_fetch(custody, value, fetch);
}

void custody_ask(struct custody *custody, const struct value *value,
                 const struct request *request)
{
    struct msg_key_fetch fetch = {.key = value->key,
                                  .request = request->id,
                                  .limit = request->room,
                                  .flags = FETCH_FOLLOW,
                                  .asker = (uint32_t)custody->port->rank};
    custody_on_key_fetch(custody, custody->port->rank, &fetch);
}

/* The center knows no such key: an error takes its place. */
static struct buffer *no_such_key(void)
{
    struct buffer *buffer = buffer_new(sizeof(dmpi_failure));
    if (!buffer) log_panic("out of memory for an error");
    dmpi_failure *failure = buffer->data;
    *failure = (dmpi_failure){.status = DMPI_ENOKEY,
                              .text = "an input is not a key of this pool"};
    buffer->is_error = true;
    return buffer;
}

void custody_hold_nothing(struct custody *custody, struct value *value)
{
    struct buffer *buffer = no_such_key();
    value->dropped = true;
    custody_hold(custody, value, buffer);
    buffer_unref(buffer);
}

/* PAYLOAD has been asked for twice, after a loss. */
static void receive_nothing(struct custody *custody, int from,
                            const struct msg_payload *payload)
{
    if (payload->tag == PAYLOAD_NONE || payload->tag == PAYLOAD_INLINE) return;
    struct buffer *buffer = buffer_new(payload->bytes);
    if (!buffer)
        log_panic("no memory for a value of %llu bytes",
                  (unsigned long long)payload->bytes);
    payload_receive(custody->port, from, payload, buffer,
                    (struct port_cookie){.what = COOKIE_NOTHING});
    buffer_unref(buffer);
}

/* The fetch went after a task that is lost. */
static void seek_again(struct custody *custody, struct value *value)
{
    custody_fetch_lost(custody, value);
    if (value->state != VALUE_FETCHING) return;
    value->source = -1;
    ask_center(custody, value->key);
}

void custody_on_key_value(struct custody *custody, int from,
                          const struct msg_key_value *message)
{
    struct value *value = store_find(&custody->store, message->key);
    bool awaited = value && value->asked && value->state != VALUE_MAKING;
    if (custody->inbound && !awaited) {
        receive_nothing(custody, from, &message->payload);
        return;
    }
    assert(value);
    if (message->status == DMPI_ELOST) {
        seek_again(custody, value);
        return;
    }
    if (message->payload.tag == PAYLOAD_NONE) {
        custody_hold_nothing(custody, value);
        return;
    }
    fetch_ended(custody, value);
    arrival_begin(custody, from, value, &message->payload,
                  message->status == DMPI_EFAILED);
}

void custody_want_stored(struct custody *custody, struct value *value, int rank,
                         uint64_t request, uint64_t parent)
{
    struct want *want = store_want(&custody->store, value, WANT_STORED);
    want->rank = rank;
    want->request = request;
    want->parent = parent;
}

/* JOB is here after a loss, and the center has ended its task: if it runs, or
 * misses inputs, it goes on for nobody. */
static void go_astray(struct custody *custody, struct job *job)
{
    bool is_ready = job->flags & JOB_READY && !(job->flags & RUN_GANG);
    custody->agenda->unended--;
    job->output->asked = false;
    if (is_ready) {
        agenda_remove(custody->agenda, job);
        custody_discard(custody, job);
        return;
    }
    if (job->missing) custody->agenda->stolen -= job->from != 0;
    atomic_store_explicit(&job->halted, true, memory_order_relaxed);
    job->flags |= JOB_OVER | JOB_TOLD | JOB_ASTRAY;
}

void custody_on_key_put(struct custody *custody, int from,
                        const struct msg_key_put *put)
{
    struct value *value = store_need(&custody->store, put->key);
    if (value->state == VALUE_MAKING) go_astray(custody, value->job);
    bool other_way = value->state == VALUE_FETCHING ||
                     value->state == VALUE_MOVED ||
                     value->state == VALUE_MAKING;
    if (other_way) { /* of which a loss made nothing */
        value_enter(&custody->store, value, VALUE_EXPECTED);
        value->asked = false;
        value->thief = 0;
    }
    if (put->request)
        custody_want_stored(custody, value, from, put->request, put->parent);
    arrival_begin(custody, from, value, &put->payload,
                  put->status == DMPI_EFAILED);
}

/* Whom VALUE was asked from is lost, or may not have heard of it. */
static void fetch_again(struct custody *custody, struct value *value,
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
    start_fetch(custody, value, (int)copy->owner, copy->flags & FETCH_FOLLOW,
                copy->attempt);
}

static bool has_want(const struct value *value, enum want_kind kind)
{
    const struct want *want = value->wants;
    while (want && want->kind != kind) want = want->next;
    return want;
}

/* The center does not know of VALUE, which is not here. What a peer is storing
 * here comes all the same. */
static void nobody_has(struct custody *custody, struct value *value)
{
    if (value->state == VALUE_ARRIVING)
        value->dropped = !has_want(value, WANT_STORED);
    else if (value->state != VALUE_MAKING) custody_hold_nothing(custody, value);
}

static void copy_asked_for(struct custody *custody,
                           const struct msg_key_copy *copy)
{
    struct msg_input input = {copy->key, copy->owner,
                              copy->flags & FETCH_FOLLOW, copy->attempt};
    struct value *value = copy->owner ? store_need(&custody->store, copy->key)
                                      : store_find(&custody->store, copy->key);
    enum value_state state = value ? value->state : VALUE_HELD;
    if (value && copy->flags & FETCH_AGAIN) custody_fetch_lost(custody, value);
    if (state == VALUE_HELD) return;
    if (!copy->owner) {
        nobody_has(custody, value);
    } else if (state == VALUE_FETCHING && copy->flags & FETCH_AGAIN) {
        fetch_again(custody, value, copy);
    } else {
        custody_seek(custody, value, &input);
    }
}

void custody_on_key_copy(struct custody *custody, int from,
                         const struct msg_key_copy *copy)
{
    if (!copy->request) { /* we have asked for it */
        copy_asked_for(custody, copy);
        return;
    }
    struct value *value = store_need(&custody->store, copy->key);
    if (value->state == VALUE_HELD) {
        exchange_answer(custody->exchange, from, copy->request, DMPI_OK, NULL);
        return;
    }
    struct want *want = store_want(&custody->store, value, WANT_COPY);
    want->rank = from;
    want->request = copy->request;
    if (value->state != VALUE_FETCHING && value->state != VALUE_ARRIVING)
        start_fetch(custody, value, (int)copy->owner, 0, 0);
}

/* The root of its tree has it in the message, the others fetch it. */
void custody_on_constant(struct custody *custody, int from,
                         const struct msg_constant *message)
{
    constants_begin(custody->constants, message->epoch, message->name,
                    message->key);
    if (!message->key) {
        release_jobs(custody);
        return;
    }
    struct value *value = store_need(&custody->store, message->key);
    store_want(&custody->store, value, WANT_CONSTANT)->request = message->epoch;
    if (message->owner) start_fetch(custody, value, (int)message->owner, 0, 0);
    else arrival_begin(custody, from, value, &message->payload, false);
}

static void drop_wants(struct custody *custody, struct value *value)
{
    struct want *want = store_take_wants(value);
    while (want) {
        struct want *next = want->next;
        store_wanted(&custody->store, want);
        want = next;
    }
}

/* Peers may have asked for it twice; a job here may be one that another worker
 * has run instead: it goes on, for nobody. */
static void drop_after_loss(struct custody *custody, struct value *value)
{
    if (value->state == VALUE_MAKING) {
        value->dropped = true;
    } else if (value->state != VALUE_HELD && has_want(value, WANT_JOB)) {
        custody_hold_nothing(custody, value);
    } else if (has_want(value, WANT_DONE)) {
        value->dropped = true;
    } else {
        drop_wants(custody, value);
        remove_value(custody, value);
    }
}

void custody_on_key_drop(struct custody *custody, int from,
                         const struct msg_key_drop *drop)
{
    struct value *value = store_find(&custody->store, drop->key);
    if (!value) return; /* a rank may be told twice */
    bool coming =
        value->state == VALUE_FETCHING || value->state == VALUE_ARRIVING;
    bool idle = !coming && !value->pins;
    if (idle && custody->inbound) drop_after_loss(custody, value);
    else if (!idle || value->wants) value->dropped = true;
    else remove_value(custody, value);
}

/* The value is not here: see to it that it will be. */
void custody_seek(struct custody *custody, struct value *value,
                  const struct msg_input *input)
{
    bool coming = value->state == VALUE_MAKING ||
                  value->state == VALUE_FETCHING ||
                  value->state == VALUE_ARRIVING;
    if (coming) return;
    if (custody->lossy) forget_old_thief(custody, value, input->attempt);
    if ((int)input->owner != custody->port->rank)
        start_fetch(custody, value, (int)input->owner, input->flags,
                    input->attempt);
    else if (value->thief)
        start_fetch(custody, value, value->thief, FETCH_FOLLOW | FETCH_BEHIND,
                    value->attempt);
    else if (value->state == VALUE_NEW)
        value_enter(&custody->store, value, VALUE_EXPECTED);
}

/* JOB has ended, but a fetch of its key by this rank is on its way: were the
 * center told now, peers might forget the key before the fetch finds them. */
static void say_done_later(struct custody *custody, struct job *job,
                           uint64_t ns)
{
    struct want *want = store_want(&custody->store, job->output, WANT_DONE);
    want->job = job;
    want->ns = ns;
}

/* Peers that wait for VALUE here shall get it from THIEF, who has that ATTEMPT
 * of its task. */
static void pass_on_fetches(struct custody *custody, struct value *value,
                            int thief, uint16_t attempt)
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

/* After a loss: JOB's value may be here, or be asked for by a fetch that does not
 * come home. True: nothing is left to do. */
static bool make_again(struct custody *custody, struct job *job)
{
    if (job->output->state == VALUE_HELD) {
        broken_make_again(custody, job, job->output);
        return true;
    }
    if (job->attempt) job->output->asked = false;
    return false;
}

void custody_make(struct custody *custody, struct job *job)
{
    job->output = store_need(&custody->store, job->key);
    if (custody->lossy && make_again(custody, job)) return;
    value_enter(&custody->store, job->output, VALUE_MAKING);
    job->output->job = job;
    job->output->thief = 0;
}

/* JOB was run by another worker instead, and its key is not needed any more. */
static void made_for_nobody(struct custody *custody, struct job *job,
                            struct buffer *output, uint64_t ns)
{
    custody_say_done(custody, job, output, ns);
    job->output->asked = false;
    custody_hold(custody, job->output, output); /* and drop */
    told(custody, job);
    buffer_unref(output);
}

void custody_made(struct custody *custody, struct job *job,
                  struct buffer *output, uint64_t ns)
{
    custody->agenda->unended--;
    if (__builtin_expect(job->flags & JOB_AGAIN, 0)) {
        broken_made_again(custody, job, ns);
        buffer_unref(output);
        return;
    }
    if (custody->memory.tight) output = memory_own(&custody->memory, output);
    if (job->output->dropped) {
        made_for_nobody(custody, job, output, ns);
        return;
    }
    custody_hold(custody, job->output, output);
    if (job->output->asked) {
        say_done_later(custody, job, ns);
    } else {
        custody_say_done(custody, job, output, ns);
        told(custody, job);
    }
    buffer_unref(output);
}

void custody_moved(struct custody *custody, struct job *job, int thief)
{
    struct value *value = job->output;
    uint16_t attempt = job->attempt;
    value->source = thief;
    value->attempt = attempt;
    value->thief = (uint16_t)thief;
    pass_on_fetches(custody, value, thief, attempt);
    if (value->asked) value_enter(&custody->store, value, VALUE_FETCHING);
    else if (value->wants)
        start_fetch(custody, value, thief, FETCH_FOLLOW | FETCH_BEHIND,
                    attempt);
    else value_enter(&custody->store, value, VALUE_MOVED);
    custody_discard(custody, job);
}

/* ---- losses --------------------------------------------------------------*/

void custody_fetch_lost(struct custody *custody, struct value *value)
{
    if (value->state == VALUE_MAKING) value->asked = false;
    else if (value->state == VALUE_HELD && value->asked)
        fetch_ended(custody, value);
}

/* What RUN needs is to be here, as the center believes; what it believes to be
 * made here may have been given away. */
static void seek_inputs(struct custody *custody, const struct msg_task_run *run)
{
    const struct msg_input *input = (const struct msg_input *)(run + 1);
    for (uint32_t i = 0; i < run->inputs; i++, input++) {
        bool ours = (int)input->owner == custody->port->rank;
        struct value *value = ours ? store_find(&custody->store, input->key)
                                   : store_need(&custody->store, input->key);
        if (value && value->state != VALUE_HELD)
            custody_seek(custody, value, input);
    }
}

bool custody_runs_already(struct custody *custody,
                          const struct msg_task_run *run)
{
    struct value *value = store_find(&custody->store, run->key);
    if (!value) return false;
    bool making = value->state == VALUE_MAKING;
    if (!making && value->state != VALUE_HELD) return false;
    value->dropped = false;
    seek_inputs(custody, run);
    if (making) {
        if ((int16_t)(run->attempt - value->job->attempt) > 0)
            value->job->attempt = run->attempt;
    } else {
        struct job done = {.key = run->key, .attempt = run->attempt};
        custody_say_done(custody, &done, value->buffer, 0);
    }
    return true;
}

void custody_purge(struct custody *custody)
{
    size_t at = 0, count = 0;
    struct value *value;
    custody->purged = true;
    struct value **stray =
        log_alloc(custody->store.values.count * sizeof *stray + 1);
    while ((value = map_next(&custody->store.values, &at)))
        if (value->state != VALUE_MAKING && value->state != VALUE_ARRIVING &&
            !value->pins)
            stray[count++] = value;
    for (size_t i = 0; i < count; i++) {
        drop_wants(custody, stray[i]);
        remove_value(custody, stray[i]);
    }
    free(stray);
}
