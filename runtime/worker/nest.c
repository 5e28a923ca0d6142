/* SPDX-License-Identifier: BSD-3-Clause */
/* nest.c - submit, ask, block, wake. */
#include "nest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch.h"
#include "key.h"
#include "log.h"
#include "order.h"

struct inquiry {
    struct inquiry *next, **at; /* among those of its waiter */
    struct nest *nest;
    struct request *request; /* owned */
    struct value *pinned;  /* what is known here; NULL: the center was asked */
    struct waiter *waiter; /* NULL: nobody waits for it any more */
    uint64_t key;
    struct inquiry *next_open, **open_at; /* among all, with recovery */
};

void nest_init(struct nest *nest)
{
    nest->awake_end = &nest->awake;
    nest->blocked_max = NEST_BLOCKED_MAX;
}

void nest_fini(struct nest *nest)
{
    struct inquiry *at, *next;
    for (at = nest->inquiries; at; at = next) { /* of a worker that is lost */
        next = at->next_open;
        mem_give(&nest->mem, at, sizeof *at);
    }
    mem_fini(&nest->mem);
}

/* ---- tasks ---------------------------------------------------------------*/

static size_t name_size(const struct task_order *order)
{
    return order->name ? strnlen(order->name, DMPI_NAME_MAX - 1) : 0;
}

/* ORDER, with what its task has from its PARENT: it sees the same constants. */
static struct task_order inherit(struct job *parent,
                                 const struct task_order *order)
{
    struct task_order full = *order;
    uint64_t epoch = job_epoch(parent);
    if (!epoch) return full;
    full.flags |= RUN_TERMS;
    full.terms.epoch = epoch;
    return full;
}

/* What the message for such a task says, on its own rank. */
static struct job *make_job(struct nest *nest, uint64_t key, uint64_t number,
                            const struct task_order *order)
{
    size_t name = name_size(order);
    size_t terms = order->flags & RUN_TERMS ? sizeof order->terms : 0;
    struct job head = {.key = key,
                       .order = number,
                       .function = order->function,
                       .inputs = (uint32_t)order->input_count,
                       .args = (uint32_t)order->size,
                       .name = (uint32_t)name,
                       .flags = (uint16_t)(JOB_PINS | order->flags)};
    struct job *job = job_make(nest->jobs, &head, terms + order->size + name);
    if (terms) memcpy(job_terms(job), &order->terms, terms);
    if (order->size) memcpy(job_args(job), order->args, order->size);
    if (name) memcpy(job_args(job) + order->size, order->name, name);
    return job;
}

/* The message of KIND for ORDER with its tail; for a task that the center is to
 * place with arguments and resources, else with terms only if they matter there.
 * Where workers may be lost the center may have to place any of them again. */
static void say_task(struct nest *nest, unsigned kind, uint64_t key,
                     uint64_t number, uint64_t parent,
                     const struct task_order *order)
{
    bool whole = kind == MSG_TASK_NEW;
    bool again = whole || nest->recover;
    bool has_terms = order->flags & RUN_TERMS && (again || order->terms.epoch);
    size_t inputs = order->input_count * sizeof(uint64_t);
    size_t terms = has_terms ? sizeof order->terms : 0;
    size_t args = again ? order->size : 0, name = name_size(order);
    size_t resources = whole && order->resources ? strlen(order->resources) : 0;
    struct msg_task_new *task =
        port_say(nest->port, 0, kind,
                 sizeof *task + inputs + terms + args + name + resources);
    *task = (struct msg_task_new){
        .key = key,
        .order = number,
        .parent = parent,
        .function = order->function,
        .inputs = (uint32_t)order->input_count,
        .args = (uint32_t)args,
        .target = order->target,
        .flags =
            has_terms ? order->flags : (uint8_t)(order->flags & ~RUN_TERMS),
        .name = (uint8_t)name,
        .resources = (uint16_t)resources};
    char *tail = (char *)(task + 1);
    if (inputs) memcpy(tail, order->inputs, inputs);
    if (terms) memcpy(tail + inputs, &order->terms, terms);
    tail += inputs + terms;
    if (args) memcpy(tail, order->args, args);
    if (name) memcpy(tail + args, order->name, name);
    if (resources) memcpy(tail + args + name, order->resources, resources);
}

/* Is all known here that the task needs, and nothing says that it should run
 * elsewhere? */
static bool stays(const struct nest *nest, const struct task_order *order)
{
    if (order->target && order->target != nest->port->rank) return false;
    if (task_order_is_picky(order)) return false;
    for (size_t i = 0; i < order->input_count; i++)
        if (!store_find(&nest->custody->store, order->inputs[i])) return false;
    return true;
}

/* What the center is asked for comes into the store. */
static void want_value(struct nest *nest, struct value *value)
{
    value_enter(&nest->custody->store, value, VALUE_EXPECTED);
    struct msg_ask_value *ask =
        port_say(nest->port, 0, MSG_ASK_VALUE, sizeof *ask);
    *ask = (struct msg_ask_value){.key = value->key};
}

/* Bring together what JOB needs, and pin it. */
static void gather(struct nest *nest, struct job *job, const uint64_t keys[])
{
    struct store *store = &nest->custody->store;
    struct msg_input here = {.owner = (uint32_t)nest->port->rank};
    for (uint32_t i = 0; i < job->inputs; i++) {
        struct value *value = store_need(store, keys[i]);
        job_inputs(job)[i] = value;
        custody_pin(value);
        job->local +=
            value->state == VALUE_HELD || value->state == VALUE_MAKING;
        if (value->state == VALUE_HELD) continue;
        here.key = keys[i];
        if (value->state == VALUE_NEW) want_value(nest, value);
        else fetch_seek(nest->custody, value, &here);
        store_want(store, value, WANT_JOB)->job = job;
        job->missing++;
    }
    if (!job->missing) agenda_add(nest->custody->agenda, job);
}

uint64_t nest_submit(struct nest *nest, struct job *parent,
                     const struct task_order *order)
{
    struct task_order full = inherit(parent, order);
    uint64_t key = key_make(nest->port->rank, ++nest->custody->last_key);
    uint64_t number = order_deeper(parent->order, order->priority);
    if (!stays(nest, order)) {
        say_task(nest, MSG_TASK_NEW, key, number, parent->key, &full);
        return key;
    }
    say_task(nest, MSG_TASK_HERE, key, number, parent->key, &full);
    struct job *job = make_job(nest, key, number, &full);
    ++*nest->unended;
    custody_make(nest->custody, job);
    gather(nest, job, order->inputs);
    return key;
}

/* The keys of its inputs stand where the values will. */
struct job *nest_continue(struct nest *nest, struct job *job,
                          const struct task_order *order)
{
    struct task_order full = inherit(job, order);
    if (!(job->flags & JOB_OVER)) {
        say_task(nest, MSG_TASK_GOES_ON, job->key, job->order, job->attempt,
                 &full);
        job->flags |= JOB_GOES_ON;
    }
    struct job *next = make_job(nest, job->key, job->order, &full);
    next->attempt =
        ++job->attempt; /* as the center will count, come what may */
    _Static_assert(sizeof(struct value *) == sizeof(uint64_t), "keys fit");
    if (order->input_count)
        memcpy(job_inputs(next), order->inputs,
               order->input_count * sizeof(uint64_t));
    return next;
}

static void say_went_on(struct nest *nest, uint64_t key)
{
    struct msg_task_went_on *went =
        port_say(nest->port, 0, MSG_TASK_WENT_ON, sizeof *went);
    went->key = key;
}

void nest_go_on(struct nest *nest, struct job *next)
{
    if (nest->recover) say_went_on(nest, next->key);
    size_t bytes = next->inputs * sizeof(uint64_t);
    uint64_t *keys = log_alloc(bytes);
    memcpy(keys, job_inputs(next), bytes);
    next->output = store_find(&nest->custody->store, next->key);
    next->output->job = next;
    gather(nest, next, keys);
    free(keys);
}

void nest_abandon(struct nest *nest, struct job *next)
{
    job_free(nest->jobs, next);
}

struct job *nest_ready_job(const struct nest *nest, uint64_t key)
{
    if (nest->closed) return NULL;
    const struct value *value = store_find(&nest->custody->store, key);
    if (!value || value->state != VALUE_MAKING) return NULL;
    struct job *job = value->job;
    bool may = job->flags & JOB_READY && !(job->flags & RUN_GANG);
    if (may && nest->custody->memory.tight) may = room_has_all(job);
    return may ? job : NULL;
}

/* ---- questions -----------------------------------------------------------*/

const struct buffer *nest_look(const struct nest *nest, uint64_t key)
{
    const struct value *value = store_find(&nest->custody->store, key);
    return value && value->state == VALUE_HELD ? value->buffer : NULL;
}

void waiter_init(struct waiter *waiter, struct job *job)
{
    memset(waiter, 0, offsetof(struct waiter, circle)); /* the text is long */
    waiter->circle[0] = 0;
    waiter->job = job;
    waiter->deadline_ns = UINT64_MAX;
}

/* Put WAITER, which waits, among those that are awake. */
static void enqueue(struct nest *nest, struct waiter *waiter)
{
    *waiter->at = waiter->next;
    if (waiter->next) waiter->next->at = waiter->at;
    nest->deadlines -= waiter->deadline_ns != UINT64_MAX;
    waiter->next = NULL;
    waiter->at = nest->awake_end;
    *nest->awake_end = waiter;
    nest->awake_end = &waiter->next;
}

static void wake(struct nest *nest, struct waiter *waiter)
{
    if (waiter->awake) return;
    waiter->awake = true;
    enqueue(nest, waiter);
}

static void leave_waiter(struct inquiry *inquiry)
{
    *inquiry->at = inquiry->next;
    if (inquiry->next) inquiry->next->at = inquiry->at;
    inquiry->waiter = NULL;
}

static void free_inquiry(struct nest *nest, struct inquiry *inquiry)
{
    if (nest->recover) {
        *inquiry->open_at = inquiry->next_open;
        if (inquiry->next_open) inquiry->next_open->open_at = inquiry->open_at;
    }
    if (inquiry->request->fresh) free(inquiry->request->data);
    exchange_close(nest->exchange, inquiry->request);
    mem_give(&nest->mem, inquiry, sizeof *inquiry);
}

static void say_got(struct nest *nest, uint64_t key, uint64_t request)
{
    struct msg_key_got *got = port_say(nest->port, 0, MSG_KEY_GOT, sizeof *got);
    *got = (struct msg_key_got){key, request};
}

/* Nothing that it waits for is left. */
static bool is_over(const struct waiter *waiter)
{
    if (waiter->all) return waiter->settled == waiter->asked;
    return waiter->settled || !waiter->asked;
}

/* The request of an inquiry is done. The center needs nothing back of a key that
 * it does not know. */
static void on_settled(void *argument)
{
    struct inquiry *inquiry = argument;
    struct nest *nest = inquiry->nest;
    struct waiter *waiter = inquiry->waiter;
    if (inquiry->pinned) custody_unpin(nest->custody, inquiry->pinned);
    else if (inquiry->request->status != DMPI_ENOKEY)
        say_got(nest, inquiry->key, inquiry->request->id);
    if (!waiter) {
        free_inquiry(nest, inquiry);
        return;
    }
    leave_waiter(inquiry);
    waiter->settled++;
    if (waiter->blocked && is_over(waiter)) wake(nest, waiter);
}

static void ask_center(struct nest *nest, const struct inquiry *inquiry)
{
    struct msg_ask_value *ask =
        port_say(nest->port, 0, MSG_ASK_VALUE, sizeof *ask);
    *ask = (struct msg_ask_value){.key = inquiry->key,
                                  .request = inquiry->request->id,
                                  .limit = inquiry->request->room};
}

static void open_inquiry(struct nest *nest, struct inquiry *inquiry)
{
    exchange_expect(nest->exchange, inquiry->request->id, -1, REQUEST_VALUE,
                    inquiry->key);
    inquiry->next_open = nest->inquiries;
    inquiry->open_at = &nest->inquiries;
    if (nest->inquiries) nest->inquiries->open_at = &inquiry->next_open;
    nest->inquiries = inquiry;
}

/* The center knows where its key is now. */
static void ask_anew(struct nest *nest, struct inquiry *inquiry)
{
    struct value *value = inquiry->pinned;
    inquiry->pinned = NULL;
    ask_center(nest, inquiry);
    custody_unpin(nest->custody, value);
}

void nest_on_astray(void *argument, struct request *request)
{
    struct nest *nest = argument;
    struct inquiry *inquiry = request->settled_arg;
    if (request->settled != on_settled) return;
    if (inquiry->pinned) ask_anew(nest, inquiry);
    else ask_center(nest, inquiry);
}

/* What went along with a task may have been lost on the way, wherever the task
 * and its value are now. An answer too many does no harm. */
void nest_lost(struct nest *nest)
{
    struct inquiry *next;
    for (struct inquiry *at = nest->inquiries; at; at = next) {
        next = at->next_open;
        if (!at->pinned || at->request->done) continue;
        bool away = at->pinned->state != VALUE_HELD && at->pinned->thief;
        if (away) ask_anew(nest, at);
        else fetch_ask(nest->custody, at->pinned, at->request);
    }
}

struct inquiry *nest_ask(struct nest *nest, struct waiter *waiter, uint64_t key,
                         void *data, uint64_t room)
{
    struct inquiry *inquiry = mem_take(&nest->mem, sizeof *inquiry);
    *inquiry =
        (struct inquiry){.nest = nest,
                         .request = exchange_open(nest->exchange, data, room),
                         .pinned = store_find(&nest->custody->store, key),
                         .waiter = waiter,
                         .key = key,
                         .next = waiter->inquiries,
                         .at = &waiter->inquiries};
    if (inquiry->next) inquiry->next->at = &inquiry->next;
    waiter->inquiries = inquiry;
    waiter->asked++;
    if (nest->recover) open_inquiry(nest, inquiry);
    inquiry->request->settled = on_settled;
    inquiry->request->settled_arg = inquiry;
    if (!inquiry->pinned) {
        ask_center(nest, inquiry);
        return inquiry;
    }
    custody_pin(inquiry->pinned);
    fetch_ask(nest->custody, inquiry->pinned, inquiry->request);
    return inquiry;
}

const struct request *inquiry_request(const struct inquiry *inquiry)
{
    return inquiry->request;
}

/* What comes for one that is not settled goes to memory of its own. */
void nest_close(struct nest *nest, struct inquiry *inquiry)
{
    struct request *request = inquiry->request;
    if (request->done) {
        free_inquiry(nest, inquiry);
        return;
    }
    leave_waiter(inquiry);
    request->data = NULL;
    request->fresh = true;
}

void nest_take(struct nest *nest, struct inquiry *inquiry,
               struct request *request)
{
    assert(inquiry->request->done);
    *request = *inquiry->request;
    inquiry->request->failure = NULL;
    inquiry->request->fresh = false;
    free_inquiry(nest, inquiry);
}

/* ---- waiting -------------------------------------------------------------*/

static struct agenda *agenda_of(const struct nest *nest)
{
    return nest->custody->agenda;
}

bool nest_block(struct nest *nest, struct waiter *waiter, bool all,
                uint64_t deadline_ns)
{
    waiter->all = all;
    if (is_over(waiter)) return true;
    waiter->number = ++nest->waits;
    waiter->deadline_ns = deadline_ns;
    waiter->blocked = true;
    waiter->next = nest->waiting;
    waiter->at = &nest->waiting;
    if (waiter->next) waiter->next->at = &waiter->next;
    nest->waiting = waiter;
    nest->deadlines += deadline_ns != UINT64_MAX;
    nest->blocked++;
    agenda_pause(agenda_of(nest), waiter->job);
    return false;
}

struct waiter *nest_awake(const struct nest *nest)
{
    return nest->awake;
}

void nest_resume(struct nest *nest, struct waiter *waiter)
{
    assert(waiter->awake && waiter->blocked);
    *waiter->at = waiter->next;
    if (waiter->next) waiter->next->at = waiter->at;
    else nest->awake_end = waiter->at;
    waiter->blocked = false;
    nest->blocked--;
    agenda_resume(agenda_of(nest), waiter->job);
}

void nest_close_down(struct nest *nest)
{
    nest->closed = true;
    nest->blocked_max = 0;
    nest->granted = false;
}

static bool is_still(const struct nest *nest)
{
    return !agenda_of(nest)->running && !nest->awake;
}

bool nest_stuck(const struct nest *nest)
{
    return !nest_may_begin(nest) && is_still(nest);
}

static void say_empty(struct nest *nest, unsigned kind)
{
    memset(port_say(nest->port, 0, kind, sizeof(struct msg_stuck)), 0,
           sizeof(struct msg_stuck));
}

/* Above the limit one worker of the pool goes on, as long as it has what to go
 * on with. */
static void turn_limit(struct nest *nest)
{
    bool ready = agenda_of(nest)->ready.count;
    bool above = nest->blocked >= nest->blocked_max;
    if (nest->granted && (!above || (is_still(nest) && !ready))) {
        nest->granted = false;
        say_empty(nest, MSG_UNSTUCK);
    } else if (!nest->asked && ready && nest_stuck(nest)) {
        nest->asked = true;
        say_empty(nest, MSG_STUCK);
    }
}

void nest_on_go_on(struct nest *nest)
{
    nest->asked = false;
    nest->granted = !nest->closed;
}

static void end_late_waits(struct nest *nest)
{
    uint64_t now_ns = agenda_of(nest)->now_ns;
    struct waiter *next;
    for (struct waiter *at = nest->waiting; at; at = next) {
        next = at->next;
        if (at->deadline_ns <= now_ns) wake(nest, at);
    }
}

/* The center may keep tasks back, for this worker has so many: it is to know if
 * none of these can run. */
static bool may_starve(const struct nest *nest)
{
    bool ready = agenda_of(nest)->ready.count;
    return nest->waiting && !ready && !nest->starved && !nest->closed;
}

uint64_t nest_deadline_ns(const struct nest *nest)
{
    uint64_t first = UINT64_MAX;
    if (nest->still_since_ns && may_starve(nest))
        first = nest->still_since_ns + NEST_STARVED_NS;
    if (!nest->deadlines) return first;
    for (const struct waiter *at = nest->waiting; at; at = at->next)
        if (at->deadline_ns < first) first = at->deadline_ns;
    return first;
}

/* Only waits that end by all of their keys, and in no other way, can be part of
 * a circle for sure. */
static void tell(struct nest *nest, struct waiter *waiter)
{
    uint32_t keys = (uint32_t)(waiter->asked - waiter->settled);
    bool sure = waiter->all || waiter->asked == 1;
    if (waiter->told || !sure || waiter->deadline_ns != UINT64_MAX) return;
    struct msg_blocked *blocked = port_say(
        nest->port, 0, MSG_BLOCKED, sizeof *blocked + keys * sizeof(uint64_t));
    *blocked = (struct msg_blocked){
        .key = waiter->job->key, .wait = waiter->number, .keys = keys};
    uint64_t *key = (uint64_t *)(blocked + 1);
    for (const struct inquiry *at = waiter->inquiries; at; at = at->next)
        *key++ = at->key;
    waiter->told = true;
}

static void tell_starved(struct nest *nest)
{
    nest->starved = true;
    say_empty(nest, MSG_STARVED);
}

static void turn_still(struct nest *nest)
{
    uint64_t now_ns = agenda_of(nest)->now_ns;
    if (!is_still(nest)) {
        nest->still_since_ns = 0;
        return;
    }
    if (!nest->still_since_ns) nest->still_since_ns = now_ns;
    uint64_t still_ns = now_ns - nest->still_since_ns;
    if (still_ns >= NEST_STARVED_NS && may_starve(nest)) tell_starved(nest);
    if (still_ns < NEST_TELL_NS) return;
    for (struct waiter *at = nest->waiting; at; at = at->next) tell(nest, at);
}

void nest_turn(struct nest *nest)
{
    if (nest->deadlines) end_late_waits(nest);
    bool limited = nest->blocked || nest->granted;
    if (limited && !nest->closed) turn_limit(nest);
    if (nest->waiting) turn_still(nest);
}

void nest_on_wait_failed(struct nest *nest, const struct msg_wait_failed *wait)
{
    for (struct waiter *at = nest->waiting; at; at = at->next) {
        if (at->number != wait->wait) continue;
        snprintf(at->circle, sizeof at->circle, "%s", (const char *)(wait + 1));
        wake(nest, at);
        return;
    }
}
