/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c - the reactions: what each message and each ended task changes.
 *
 * A job is in exactly one place: its inputs' wants (while some are missing),
 * the queue of ready jobs, or running. */
#include "worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "fault.h"
#include "key.h"
#include "log.h"
#include "steal.h"

enum {
    /* What moving a task to a peer costs, beside its inputs: half a dozen
     * messages, and waking somebody. */
    MOVE_NEAR_NS = 20000,
    MOVE_FAR_NS = 100000,
    /* And its inputs: bytes per ns, by memory and by network. */
    MOVE_NEAR_BYTES_PER_NS = 4,
    MOVE_FAR_BYTES_PER_NS = 1
};

struct worker {
    struct port *port;
    struct exchange exchange;
    struct store store;
    struct mem jobs;
    struct queue ready;
    uint64_t backlog_ns;        /* the ready jobs are thought to take */
    struct job *running;        /* or NULL */
    uint64_t began_ns;          /* when it was taken */
    uint64_t now_ns;
    struct estimate *estimates; /* by function; owned */
    int *nodes;                 /* by rank; owned */
    struct steal steal;
    bool stealing;
    struct msg_counts counts;
    uint64_t last_key;  /* counter of the last key made here */
    size_t arriving;    /* bulk transfers under way to here */
    bool stopping, stopped;
    uint64_t to_hear;   /* messages, from END; 0: not told yet */
};

struct worker *worker_new(struct port *port, const struct worker_setup *setup)
{
    struct worker *worker = log_alloc(sizeof *worker);
    uint32_t functions = setup->functions ? setup->functions : 1;
    size_t estimates = functions * sizeof(struct estimate);
    size_t nodes = (size_t)port->ranks * sizeof(int);
    *worker = (struct worker){.port = port, .stealing = setup->steal,
                              .estimates = log_alloc(estimates),
                              .nodes = log_alloc(nodes)};
    memset(worker->estimates, 0, estimates);
    memcpy(worker->nodes, setup->nodes, nodes);
    exchange_init(&worker->exchange, port);
    steal_init(&worker->steal, port->rank, port->ranks, worker->nodes);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (!worker) return;
    struct link *link;
    while ((link = queue_pop(&worker->ready)))
        job_free(&worker->jobs, (struct job *)link);
    exchange_fini(&worker->exchange);
    store_fini(&worker->store);
    mem_fini(&worker->jobs);
    queue_fini(&worker->ready);
    steal_fini(&worker->steal);
    free(worker->estimates);
    free(worker->nodes);
    free(worker);
}

void worker_set_time(struct worker *worker, uint64_t now_ns)
{
    worker->now_ns = now_ns;
}

struct exchange *worker_exchange(struct worker *worker)
{
    return &worker->exchange;
}

static bool is_near(const struct worker *worker, int rank)
{
    return worker->nodes[rank] == worker->nodes[worker->port->rank];
}

/* ---- values --------------------------------------------------------------*/

static void say_fetch(struct worker *worker, int to,
                      const struct msg_key_fetch *fetch)
{
    struct msg_key_fetch *out =
        port_say(worker->port, to, MSG_KEY_FETCH, sizeof *out);
    *out = *fetch;
}

/* FLAGS: FETCH_FOLLOW, or 0. */
static void start_fetch(struct worker *worker, struct value *value, int source,
                        uint32_t flags)
{
    struct msg_key_fetch fetch = {.key = value->key, .limit = UINT64_MAX,
                                  .flags = flags,
                                  .asker = (uint32_t)worker->port->rank};
    say_fetch(worker, source, &fetch);
    value_enter(&worker->store, value, VALUE_FETCHING);
    value->asked = true;
}

static void count_sent(struct worker *worker, int to, uint64_t bytes)
{
    if (to == 0) worker->counts.bytes_to_center += bytes;
    else worker->counts.bytes_to_workers += bytes;
}

static void send_value(struct worker *worker, int to, uint64_t request,
                       uint64_t limit, const struct value *value)
{
    struct buffer *buffer = value->buffer;
    bool fits = buffer->is_error || buffer->size <= limit;
    struct msg_key_value *out =
        port_say(worker->port, to, MSG_KEY_VALUE,
                 sizeof *out + (fits ? payload_tail(buffer) : 0));
    out->key = value->key;
    out->request = request;
    out->status = buffer->is_error ? DMPI_EFAILED : fits ? DMPI_OK : DMPI_ESIZE;
    if (!fits) {
        payload_none(&out->payload, buffer->size);
        return;
    }
    payload_send(worker->port, to, &out->payload, buffer);
    count_sent(worker, to, buffer->size);
}

static void refuse_value(struct worker *worker, int to, uint64_t request,
                         uint64_t key)
{
    struct msg_key_value *out =
        port_say(worker->port, to, MSG_KEY_VALUE, sizeof *out);
    *out = (struct msg_key_value){
        .key = key, .request = request, .status = DMPI_ENOKEY};
    payload_none(&out->payload, 0);
}

static void make_ready(struct worker *worker, struct job *job)
{
    job->cost_ns = worker->estimates[job->function].ns;
    worker->backlog_ns += job->cost_ns;
    queue_push(&worker->ready, &job->link, job->priority);
}

static void say_stored(struct worker *worker, const struct value *value,
                       const struct want *want)
{
    struct msg_key_held *held =
        port_say(worker->port, 0, MSG_KEY_HELD, sizeof *held);
    *held = (struct msg_key_held){.key = value->key,
                                  .bytes = value->buffer->size,
                                  .request = want->request,
                                  .asker = (uint32_t)want->rank};
}

static void fulfil(struct worker *worker, const struct value *value,
                   const struct want *want)
{
    switch (want->kind) {
    case WANT_JOB:
        if (--want->job->missing == 0) make_ready(worker, want->job);
        break;
    case WANT_SEND:
        send_value(worker, want->rank, want->request, want->limit, value);
        break;
    case WANT_COPY:
        exchange_answer(&worker->exchange, want->rank, want->request, DMPI_OK,
                        NULL);
        break;
    case WANT_STORED: say_stored(worker, value, want); break;
    case WANT_DONE: assert(false); break; /* see fetch_ended() */
    }
}

/* BUFFER is the value: keep it, and do what waited for it. */
static void hold(struct worker *worker, struct value *value,
                 struct buffer *buffer)
{
    if (value->state == VALUE_HELD) return; /* made here and fetched as well */
    store_hold(&worker->store, value, buffer);
    struct want *want = value->wants ? store_take_wants(value) : NULL;
    while (want) {
        struct want *next = want->next;
        fulfil(worker, value, want);
        store_wanted(&worker->store, want);
        want = next;
    }
    if (value->dropped) store_remove(&worker->store, value);
}

/* The bytes of VALUE come with PAYLOAD from FROM. */
static void receive_value(struct worker *worker, int from, struct value *value,
                          const struct msg_payload *payload, bool is_error)
{
    struct buffer *buffer = buffer_new(payload->bytes);
    if (!buffer)
        log_panic("no memory for a value of %llu bytes",
                  (unsigned long long)payload->bytes);
    buffer->is_error = is_error;
    struct port_cookie cookie = {value->key, COOKIE_KEY};
    if (payload_receive(worker->port, from, payload, buffer, cookie)) {
        hold(worker, value, buffer);
    } else {
        worker->arriving++;
        if (value->state != VALUE_HELD)
            value_enter(&worker->store, value, VALUE_ARRIVING);
    }
    buffer_unref(buffer);
}

static void say_done(struct worker *worker, const struct job *job,
                     const struct buffer *output, uint64_t ns)
{
    struct msg_task_done *done =
        port_say(worker->port, 0, MSG_TASK_DONE, sizeof *done);
    *done = (struct msg_task_done){
        .key = job->key,
        .bytes = output->size,
        .ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX,
        .attempt = job->attempt,
        .status = output->is_error ? DMPI_EFAILED : DMPI_OK};
}

/* No fetch of ours is on its way any more. */
static void fetch_ended(struct worker *worker, struct value *value)
{
    value->asked = false;
    if (value->state != VALUE_HELD || !value->wants) return;
    struct want *want = store_take_wants(value);
    assert(want->kind == WANT_DONE && !want->next);
    say_done(worker, want->job, value->buffer, want->ns);
    job_free(&worker->jobs, want->job);
    store_wanted(&worker->store, want);
}

/* Our own fetch followed the task to here. */
static void fetch_came_home(struct worker *worker, struct value *value,
                            const struct msg_key_fetch *fetch)
{
    assert(value && value->asked);
    if (value->state == VALUE_FETCHING) say_fetch(worker, value->thief, fetch);
    else fetch_ended(worker, value);
}

/* Answer FETCH when the value is here. */
static void keep_fetch(struct worker *worker, struct value *value,
                       const struct msg_key_fetch *fetch)
{
    if (!value) value = store_need(&worker->store, fetch->key);
    if (value->state == VALUE_NEW || value->state == VALUE_MOVED)
        value_enter(&worker->store, value, VALUE_EXPECTED);
    struct want *want = store_want(&worker->store, value, WANT_SEND);
    want->rank = (int)fetch->asker;
    want->request = fetch->request;
    want->limit = fetch->limit;
}

static void on_key_fetch(struct worker *worker, int from,
                         const struct msg_key_fetch *fetch)
{
    struct value *value = store_find(&worker->store, fetch->key);
    int asker = (int)fetch->asker;
    bool now = fetch->flags & FETCH_NOW, follow = fetch->flags & FETCH_FOLLOW;
    if (asker == worker->port->rank)
        fetch_came_home(worker, value, fetch);
    else if (value && value->state == VALUE_HELD)
        send_value(worker, asker, fetch->request, fetch->limit, value);
    else if (now && !(value && value->state == VALUE_ARRIVING))
        refuse_value(worker, asker, fetch->request, fetch->key);
    else if (follow && value && value->thief)
        say_fetch(worker, value->thief, fetch);
    else keep_fetch(worker, value, fetch);
}

static void on_key_value(struct worker *worker, int from,
                         const struct msg_key_value *message)
{
    struct value *value = store_find(&worker->store, message->key);
    assert(value && message->payload.tag != PAYLOAD_NONE);
    receive_value(worker, from, value, &message->payload,
                  message->status == DMPI_EFAILED);
    fetch_ended(worker, value);
}

static void on_key_put(struct worker *worker, int from,
                       const struct msg_key_put *put)
{
    struct value *value = store_need(&worker->store, put->key);
    if (put->request) {
        struct want *want = store_want(&worker->store, value, WANT_STORED);
        want->rank = from;
        want->request = put->request;
    }
    receive_value(worker, from, value, &put->payload, false);
}

static void on_key_copy(struct worker *worker, int from,
                        const struct msg_key_copy *copy)
{
    struct value *value = store_need(&worker->store, copy->key);
    if (value->state == VALUE_HELD) {
        exchange_answer(&worker->exchange, from, copy->request, DMPI_OK, NULL);
        return;
    }
    struct want *want = store_want(&worker->store, value, WANT_COPY);
    want->rank = from;
    want->request = copy->request;
    if (value->state != VALUE_FETCHING && value->state != VALUE_ARRIVING)
        start_fetch(worker, value, (int)copy->owner, 0);
}

static void on_key_drop(struct worker *worker, int from,
                        const struct msg_key_drop *drop)
{
    struct value *value = store_find(&worker->store, drop->key);
    if (!value) return; /* a rank may be told twice */
    bool coming =
        value->state == VALUE_FETCHING || value->state == VALUE_ARRIVING;
    if (coming) value->dropped = true;
    else store_remove(&worker->store, value);
}

void worker_arrived(void *role, struct port_cookie cookie,
                    struct buffer *buffer)
{
    struct worker *worker = role;
    if (exchange_arrived(&worker->exchange, cookie)) return;
    struct value *value = store_find(&worker->store, cookie.id);
    assert(cookie.what == COOKIE_KEY && worker->arriving);
    worker->arriving--;
    if (value) hold(worker, value, buffer);
}

/* ---- tasks ---------------------------------------------------------------*/

/* The value is not here: see to it that it will be. */
static void seek(struct worker *worker, struct value *value,
                 const struct msg_input *input)
{
    bool coming = value->state == VALUE_MAKING ||
                  value->state == VALUE_FETCHING ||
                  value->state == VALUE_ARRIVING;
    if (coming) return;
    if ((int)input->owner != worker->port->rank)
        start_fetch(worker, value, (int)input->owner, input->flags);
    else if (value->thief)
        start_fetch(worker, value, value->thief, FETCH_FOLLOW);
    else if (value->state == VALUE_NEW)
        value_enter(&worker->store, value, VALUE_EXPECTED);
}

static void gather_inputs(struct worker *worker, struct job *job,
                          const struct msg_input *input)
{
    for (uint32_t i = 0; i < job->inputs; i++, input++) {
        struct value *value = store_need(&worker->store, input->key);
        job_inputs(job)[i] = value;
        worker->counts.inputs++;
        if (value->state == VALUE_HELD ||
            (int)input->owner == worker->port->rank)
            worker->counts.inputs_local++;
        if (value->state == VALUE_HELD) continue;
        seek(worker, value, input);
        store_want(&worker->store, value, WANT_JOB)->job = job;
        job->missing++;
    }
}

static void on_task_run(struct worker *worker, int from,
                        const struct msg_task_run *run)
{
    struct job *job = job_new(&worker->jobs, from, run);
    if (from != 0) steal_given(&worker->steal, from);
    job->output = store_need(&worker->store, job->key);
    value_enter(&worker->store, job->output, VALUE_MAKING);
    job->output->thief = 0;
    gather_inputs(worker, job, (const struct msg_input *)(run + 1));
    if (!job->missing) make_ready(worker, job);
}

static struct job *pop_ready(struct worker *worker)
{
    struct job *job = (struct job *)queue_pop(&worker->ready);
    if (job) worker->backlog_ns -= job->cost_ns;
    return job;
}

struct job *worker_take(struct worker *worker)
{
    struct job *job;
    assert(!worker->running);
    while ((job = pop_ready(worker))) {
        struct buffer *bad = job->inputs ? job_bad_input(job) : NULL;
        worker->running = job;
        worker->began_ns = worker->now_ns;
        if (!bad) return job;
        worker_finish(worker, job, buffer_ref(bad), 0);
    }
    return NULL;
}

/* JOB has ended, but a fetch of its key by this rank is on its way: were the
 * center told now, peers might forget the key before the fetch finds them. */
static void say_done_later(struct worker *worker, struct job *job, uint64_t ns)
{
    struct want *want = store_want(&worker->store, job->output, WANT_DONE);
    want->job = job;
    want->ns = ns;
}

void worker_finish(struct worker *worker, struct job *job,
                   struct buffer *output, uint64_t ns)
{
    assert(worker->running == job && output);
    worker->running = NULL;
    steal_rest(&worker->steal);
    worker->counts.tasks_run++;
    worker->counts.tasks_stolen += job->from != 0;
    worker->counts.busy_ns += ns;
    if (!output->is_error)
        estimate_learn(&worker->estimates[job->function], ns, output->size);
    struct value *value = job->output;
    hold(worker, value, output);
    if (value->asked) {
        say_done_later(worker, job, ns);
    } else {
        say_done(worker, job, output, ns);
        job_free(&worker->jobs, job);
    }
    buffer_unref(output);
}

uint64_t worker_estimate_ns(const struct worker *worker, const struct job *job)
{
    return worker->estimates[job->function].ns;
}

/* ---- stealing ------------------------------------------------------------*/

/* What the running task is thought to take in all: what it took so far, if its
 * function is not known better. */
static uint64_t running_ns(const struct worker *worker)
{
    if (!worker->running) return 0;
    uint64_t known = worker->estimates[worker->running->function].ns;
    uint64_t so_far = worker->now_ns - worker->began_ns;
    return known > so_far ? known : so_far;
}

/* What a ready job is thought to take, likewise. */
static uint64_t job_ns(const struct worker *worker, const struct job *job)
{
    uint64_t known = worker->estimates[job->function].ns;
    if (known || !worker->running) return known;
    return job->function == worker->running->function ? running_ns(worker) : 0;
}

static uint64_t move_ns(const struct worker *worker, int thief, struct job *job)
{
    uint64_t bytes = job_input_bytes(job) + job->args;
    if (is_near(worker, thief))
        return MOVE_NEAR_NS + bytes / MOVE_NEAR_BYTES_PER_NS;
    return MOVE_FAR_NS + bytes / MOVE_FAR_BYTES_PER_NS;
}

/* How many jobs may go: half, the larger half if a task runs. */
static size_t share(const struct worker *worker)
{
    return (worker->ready.count + (worker->running != NULL)) / 2;
}

/* The job that would run last here, if THIEF would run it earlier. */
static struct job *job_to_give(struct worker *worker, int thief)
{
    struct job *job = (struct job *)queue_last(&worker->ready);
    if (!job || job->flags & RUN_PINNED) return NULL;
    uint64_t ahead = worker->backlog_ns - job->cost_ns + running_ns(worker);
    if (ahead < move_ns(worker, thief, job)) return NULL;
    return job_ns(worker, job) ? job : NULL;
}

static void say_run(struct worker *worker, int thief, struct job *job)
{
    size_t inputs = job->inputs * sizeof(struct msg_input);
    size_t tail = (size_t)job->args + job->name;
    struct msg_task_run *run =
        port_say(worker->port, thief, MSG_TASK_RUN,
                 sizeof *run + inputs + tail);
    *run = (struct msg_task_run){.key = job->key, .function = job->function,
                                 .inputs = job->inputs, .args = job->args,
                                 .priority = job->priority,
                                 .attempt = job->attempt,
                                 .flags = job->flags, .name = job->name};
    struct msg_input *input = (struct msg_input *)(run + 1);
    for (uint32_t i = 0; i < job->inputs; i++)
        input[i] = (struct msg_input){.key = job_inputs(job)[i]->key,
                                      .owner = (uint32_t)worker->port->rank};
    memcpy(input + job->inputs, job_args(job), tail);
}

/* The center knows of the copies that it caused itself, by placing the task
 * here, and not of those that a stolen task left behind. */
static void say_moved(struct worker *worker, int thief, struct job *job)
{
    uint32_t inputs = job->from ? job->inputs : 0;
    struct msg_task_moved *moved =
        port_say(worker->port, 0, MSG_TASK_MOVED,
                 sizeof *moved + inputs * sizeof(uint64_t));
    *moved = (struct msg_task_moved){
        .key = job->key, .to = (uint32_t)thief, .inputs = inputs};
    uint64_t *keys = (uint64_t *)(moved + 1);
    for (uint32_t i = 0; i < inputs; i++) keys[i] = job_inputs(job)[i]->key;
}

/* Peers that wait for VALUE here shall get it from THIEF. */
static void pass_on_fetches(struct worker *worker, struct value *value,
                            int thief)
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
                                      .asker = (uint32_t)want->rank};
        say_fetch(worker, thief, &fetch);
        *at = want->next;
        store_wanted(&worker->store, want);
    }
}

static void give(struct worker *worker, int thief, struct job *job)
{
    queue_remove(&worker->ready, &job->link, job->priority);
    worker->backlog_ns -= job->cost_ns;
    say_moved(worker, thief, job);
    say_run(worker, thief, job);
    struct value *value = job->output;
    value->thief = thief;
    pass_on_fetches(worker, value, thief);
    if (value->asked) value_enter(&worker->store, value, VALUE_FETCHING);
    else if (value->wants) start_fetch(worker, value, thief, FETCH_FOLLOW);
    else value_enter(&worker->store, value, VALUE_MOVED);
    job_free(&worker->jobs, job);
}

static void say_empty(struct worker *worker, int to, unsigned kind)
{
    memset(port_say(worker->port, to, kind, sizeof(struct msg_steal)), 0,
           sizeof(struct msg_steal));
}

static void on_steal(struct worker *worker, int from,
                     const struct msg_steal *steal)
{
    size_t most = share(worker), given = 0;
    struct job *job;
    if (worker->stopping) return;
    while (given < most && (job = job_to_give(worker, from))) {
        give(worker, from, job);
        given++;
    }
    if (given) return;
    steal_remember(&worker->steal, from);
    say_empty(worker, from, MSG_STEAL_NONE);
}

static void on_steal_none(struct worker *worker, int from,
                          const struct msg_steal_none *none)
{
    steal_refused(&worker->steal, from);
}

static void on_steal_offer(struct worker *worker, int from,
                           const struct msg_steal_offer *offer)
{
    steal_offered(&worker->steal, from);
}

static void ask_for_work(struct worker *worker)
{
    int victim = steal_next_victim(&worker->steal);
    if (victim) say_empty(worker, victim, MSG_STEAL);
}

/* Somebody hungry, and something to give? Then let it ask again. */
static void offer_work(struct worker *worker)
{
    if (!worker->steal.hungry_count || !share(worker)) return;
    int thief = steal_next_thief(&worker->steal);
    if (job_to_give(worker, thief)) say_empty(worker, thief, MSG_STEAL_OFFER);
    else steal_remember(&worker->steal, thief);
}

/* ---- the end -------------------------------------------------------------*/

static uint32_t count_peers(const struct worker *worker)
{
    uint32_t peers = 0;
    for (int rank = 1; rank < worker->port->ranks; rank++)
        peers += worker->port->sent[rank] != 0;
    return peers;
}

static void say_stopped(struct worker *worker)
{
    uint32_t peers = count_peers(worker);
    struct msg_stopped *stopped =
        port_say(worker->port, 0, MSG_STOPPED,
                 sizeof *stopped + peers * sizeof(struct msg_heard));
    worker->counts.keys_held = worker->store.held;
    worker->counts.messages = port_messages(worker->port);
    worker->counts.envelopes = worker->port->envelopes;
    *stopped = (struct msg_stopped){.counts = worker->counts, .peers = peers};
    struct msg_heard *heard = (struct msg_heard *)(stopped + 1);
    for (int rank = 1; rank < worker->port->ranks; rank++)
        if (worker->port->sent[rank])
            *heard++ = (struct msg_heard){
                .rank = (uint32_t)rank, .messages = worker->port->sent[rank]};
    worker->stopped = true;
}

static void on_stop(struct worker *worker, int from, const struct msg_stop *stop)
{
    worker->stopping = true;
}

static void on_end(struct worker *worker, int from, const struct msg_end *end)
{
    worker->to_hear = end->messages;
}

bool worker_ended(const struct worker *worker)
{
    assert(!worker->to_hear || worker->port->heard <= worker->to_hear);
    return worker->to_hear && worker->port->heard == worker->to_hear;
}

bool worker_stopped(const struct worker *worker)
{
    return worker->stopped;
}

void worker_turn(struct worker *worker)
{
    if (worker->stopping) {
        if (!worker->stopped && !worker->arriving && !worker->running)
            say_stopped(worker);
        return;
    }
    if (!worker->stealing) return;
    if (!worker->running && !worker->ready.count) ask_for_work(worker);
    else offer_work(worker);
}

/* ---- calls from inside a task --------------------------------------------*/

static void on_ask_keys(struct worker *worker, int from,
                        const struct msg_ask_keys *ask)
{
    size_t at = 0, count = 0;
    struct buffer *keys = buffer_new(worker->store.held * sizeof(uint64_t));
    if (!keys) log_panic("out of memory for a list of keys");
    struct value *value;
    while ((value = map_next(&worker->store.values, &at)))
        if (value->state == VALUE_HELD)
            ((uint64_t *)keys->data)[count++] = value->key;
    exchange_answer(&worker->exchange, from, ask->request, DMPI_OK, keys);
    buffer_unref(keys);
}

void worker_ask_keys(struct worker *worker, int rank, uint64_t request)
{
    struct msg_ask_keys here = {.request = request};
    if (rank == worker->port->rank) {
        on_ask_keys(worker, rank, &here);
        return;
    }
    struct msg_ask_keys *ask =
        port_say(worker->port, rank, MSG_ASK_KEYS, sizeof *ask);
    *ask = here;
}

void worker_put(struct worker *worker, int rank, uint64_t request,
                struct buffer *buffer, uint64_t *key)
{
    *key = key_make(worker->port->rank, ++worker->last_key);
    if (rank == worker->port->rank) {
        struct value *value = store_need(&worker->store, *key);
        struct want *want = store_want(&worker->store, value, WANT_STORED);
        want->rank = rank;
        want->request = request;
        hold(worker, value, buffer);
        return;
    }
    struct msg_key_put *put = port_say(worker->port, rank, MSG_KEY_PUT,
                                       sizeof *put + payload_tail(buffer));
    put->key = *key;
    put->request = request;
    payload_send(worker->port, rank, &put->payload, buffer);
    count_sent(worker, rank, buffer->size);
}

/* The same without a message, when the value is asked from its own rank. */
static void fetch_here(struct worker *worker, uint64_t key, uint64_t request)
{
    struct value *value = store_find(&worker->store, key);
    if (!value || value->state != VALUE_HELD) {
        exchange_settle(&worker->exchange, request, DMPI_ENOKEY, NULL, 0);
        return;
    }
    struct buffer *buffer = value->buffer;
    exchange_settle(&worker->exchange, request,
                    buffer->is_error ? DMPI_EFAILED : DMPI_OK, buffer->data,
                    buffer->size);
}

void worker_fetch_now(struct worker *worker, int rank, uint64_t key,
                      const struct request *request)
{
    if (rank == worker->port->rank) {
        fetch_here(worker, key, request->id);
        return;
    }
    struct msg_key_fetch *fetch =
        port_say(worker->port, rank, MSG_KEY_FETCH, sizeof *fetch);
    *fetch = (struct msg_key_fetch){.key = key, .request = request->id,
                                    .limit = request->room,
                                    .flags = FETCH_NOW,
                                    .asker = (uint32_t)worker->port->rank};
}

void worker_ask_holders(struct worker *worker, uint64_t key, uint64_t request)
{
    struct msg_ask_holders *ask =
        port_say(worker->port, 0, MSG_ASK_HOLDERS, sizeof *ask);
    *ask = (struct msg_ask_holders){.request = request, .key = key};
}

void worker_ask_workers(struct worker *worker, uint64_t request)
{
    struct msg_ask_workers *ask =
        port_say(worker->port, 0, MSG_ASK_WORKERS, sizeof *ask);
    ask->request = request;
}

void worker_ask_drop(struct worker *worker, int rank, uint64_t key,
                     uint64_t request)
{
    struct msg_ask_drop *ask =
        port_say(worker->port, 0, MSG_ASK_DROP, sizeof *ask);
    *ask = (struct msg_ask_drop){
        .request = request, .key = key, .rank = (uint32_t)rank};
}

/* ---- dispatch ------------------------------------------------------------*/

void worker_receive(void *role, int from, const struct message *message)
{
    struct worker *worker = role;
    if (exchange_receive(&worker->exchange, from, message)) return;
    const void *body = message_body(message);
    switch (message->kind) {
    case MSG_KEY_VALUE: on_key_value(worker, from, body); return;
#define M(KIND, name)                                                          \
    case MSG_##KIND: on_##name(worker, from, body); return;
        MESSAGES_TO_WORKER(M)
#undef M
    default:
        log_panic("rank %d sent %s to a worker", from,
                  message_name(message->kind));
    }
}

/* ---- for tests -----------------------------------------------------------*/

static void check_value(const struct value *value)
{
    bool here = value->state == VALUE_HELD;
    bool fetching = value->state == VALUE_FETCHING;
    assert(here == (value->buffer != NULL));
    assert(!(here && value->wants && !value->asked));
    assert(!(fetching && !value->asked));
    assert(!value->asked || fetching || here || value->state == VALUE_MAKING);
    assert(!(value->state == VALUE_EXPECTED && !value->wants));
    assert(!(value->state == VALUE_MOVED && (value->wants || !value->thief)));
    assert(!(value->state == VALUE_MAKING && value->thief));
    assert(value->state != VALUE_NEW);
}

void worker_check(const struct worker *worker)
{
    size_t at = 0, held = 0;
    const struct value *value;
    while ((value = map_next(&worker->store.values, &at))) {
        check_value(value);
        held += value->state == VALUE_HELD;
    }
    assert(held == worker->store.held);
    assert(worker->ready.count || !worker->backlog_ns);
}

size_t worker_values_held(const struct worker *worker)
{
    return worker->store.held;
}

size_t worker_values_known(const struct worker *worker)
{
    return worker->store.values.count;
}
