/* SPDX-License-Identifier: BSD-3-Clause */
/* custody.c - one value's way: wanted, fetched or made, held, sent, dropped. */
#include "custody.h"

#include <assert.h>

#include "arrival.h"
#include "broken.h"
#include "fetch.h"
#include "log.h"

void custody_count(struct custody *custody, int to, uint64_t bytes)
{
    if (to == 0) custody->counts->bytes_to_center += bytes;
    else custody->counts->bytes_to_workers += bytes;
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
        fetch_send_value(custody, want->rank, want->request, want->limit,
                         value);
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

void custody_told(struct custody *custody, struct job *job)
{
    if (job->flags & JOB_OVER) job->flags |= JOB_TOLD;
    else custody_discard(custody, job);
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

void custody_on_key_fetch(struct custody *custody, int from,
                          const struct msg_key_fetch *fetch)
{
    fetch_on_key_fetch(custody, from, fetch);
}

void custody_on_key_value(struct custody *custody, int from,
                          const struct msg_key_value *message)
{
    struct value *value = store_find(&custody->store, message->key);
    bool awaited = value && value->asked && value->state != VALUE_MAKING;
    if (custody->inbound && !awaited) {
        exchange_receive_nothing(custody->exchange, from, &message->payload);
        return;
    }
    assert(value);
    if (message->status == DMPI_ELOST) {
        fetch_seek_again(custody, value);
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
    if (value && copy->flags & FETCH_AGAIN) fetch_lost(custody, value);
    if (state == VALUE_HELD) return;
    if (!copy->owner) {
        nobody_has(custody, value);
    } else if (state == VALUE_FETCHING && copy->flags & FETCH_AGAIN) {
        fetch_again(custody, value, copy);
    } else {
        fetch_seek(custody, value, &input);
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
        fetch_begin(custody, value, (int)copy->owner, 0, 0);
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
    if (message->owner) fetch_begin(custody, value, (int)message->owner, 0, 0);
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

/* JOB has ended, but a fetch of its key by this rank is on its way: were the
 * center told now, peers might forget the key before the fetch finds them. */
static void say_done_later(struct custody *custody, struct job *job,
                           uint64_t ns)
{
    struct want *want = store_want(&custody->store, job->output, WANT_DONE);
    want->job = job;
    want->ns = ns;
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
    custody_told(custody, job);
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
        custody_told(custody, job);
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
    fetch_pass_on(custody, value, thief, attempt);
    if (value->asked) value_enter(&custody->store, value, VALUE_FETCHING);
    else if (value->wants)
        fetch_begin(custody, value, thief, FETCH_FOLLOW | FETCH_BEHIND,
                    attempt);
    else value_enter(&custody->store, value, VALUE_MOVED);
    custody_discard(custody, job);
}

/* ---- losses --------------------------------------------------------------*/

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
            fetch_seek(custody, value, input);
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
