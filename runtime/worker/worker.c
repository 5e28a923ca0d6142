/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c - the reactions: what each message and each ended task changes.
 *
 * A job is in exactly one place: its inputs' wants and the queue of those whose
 * constants have not come (while some are missing), the queue of ready jobs, or
 * running. */
#include "worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "arrival.h"
#include "broken.h"
#include "control.h"
#include "custody.h"
#include "ending.h"
#include "fetch.h"
#include "log.h"
#include "losses.h"
#include "nest.h"
#include "orphans.h"
#include "theft.h"
#include "tight.h"
#include "unbegun.h"

struct worker {
    struct port *port;
    struct exchange exchange;
    struct agenda agenda;
    struct custody custody;
    struct constants constants;
    struct nest nest;
    struct mem jobs;
    struct muster muster;
    struct theft theft;
    bool stealing;
    struct unbegun unbegun;
    struct msg_counts counts;
    struct ending ending;
};

static void hold_begun(void *role)
{
    struct worker *worker = role;
    tight_hold_begun(&worker->custody, &worker->nest);
}

struct worker *worker_new(struct port *port, const struct worker_setup *setup)
{
    struct worker *worker = log_alloc(sizeof *worker);
    *worker = (struct worker){.port = port, .stealing = setup->steal};
    exchange_init(&worker->exchange, port);
    agenda_init(&worker->agenda, setup->functions);
    constants_init(&worker->constants);
    worker->custody = (struct custody){.port = port,
                                       .exchange = &worker->exchange,
                                       .agenda = &worker->agenda,
                                       .constants = &worker->constants,
                                       .counts = &worker->counts,
                                       .jobs = &worker->jobs};
    worker->exchange.recover = setup->recover;
    worker->exchange.astray = nest_on_astray;
    worker->exchange.astray_arg = &worker->nest;
    if (setup->recover) {
        size_t bytes = (size_t)port->ranks * sizeof(struct inbound);
        worker->custody.inbound = log_alloc(bytes);
        memset(worker->custody.inbound, 0, bytes);
    }
    worker->nest = (struct nest){.port = port,
                                 .custody = &worker->custody,
                                 .exchange = &worker->exchange,
                                 .jobs = &worker->jobs,
                                 .unended = &worker->agenda.unended,
                                 .recover = setup->recover};
    arrival_limit(&worker->custody, &setup->memory, hold_begun, worker);
    nest_init(&worker->nest);
    theft_init(&worker->theft, &worker->custody, &worker->nest, setup->nodes,
               setup->cores);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (!worker) return;
    orphans_free(&worker->custody, &worker->nest, &worker->muster);
    unbegun_fini(&worker->unbegun);
    nest_fini(&worker->nest);
    agenda_fini(&worker->agenda, &worker->jobs);
    constants_fini(&worker->constants);
    exchange_fini(&worker->exchange);
    room_fini(&worker->custody.room);
    memory_fini(&worker->custody.memory);
    store_fini(&worker->custody.store);
    mem_fini(&worker->jobs);
    theft_fini(&worker->theft);
    muster_fini(&worker->muster);
    free(worker->custody.inbound);
    free(worker);
}

void worker_set_time(struct worker *worker, uint64_t now_ns)
{
    worker->agenda.now_ns = now_ns;
}

struct exchange *worker_exchange(struct worker *worker)
{
    return &worker->exchange;
}

/* ---- tasks ---------------------------------------------------------------*/

static void gather_inputs(struct worker *worker, struct job *job,
                          const struct msg_input *input)
{
    for (uint32_t i = 0; i < job->inputs; i++, input++) {
        struct value *value = store_need(&worker->custody.store, input->key);
        job_inputs(job)[i] = value;
        job->local += value->state == VALUE_HELD ||
                      (int)input->owner == worker->port->rank;
        if (value->state == VALUE_HELD) continue;
        value->stray |= job->from != 0;
        fetch_seek(&worker->custody, value, input);
        store_want(&worker->custody.store, value, WANT_JOB)->job = job;
        job->missing++;
    }
}

static void on_task_run(struct worker *worker, int from,
                        const struct msg_task_run *run)
{
    if (from != 0) steal_given(&worker->theft.steal, from);
    else nest_fed(&worker->nest);
    bool again = worker->custody.lossy && !(run->flags & RUN_GANG);
    if (again && custody_runs_already(&worker->custody, run)) return;
    struct job *job = job_new(&worker->jobs, from, run);
    worker->agenda.unended++;
    if (from != 0) worker->agenda.stolen++;
    if (job->flags & RUN_GANG) muster_on_job(&worker->muster, job);
    custody_make(&worker->custody, job);
    gather_inputs(worker, job, (const struct msg_input *)(run + 1));
    if (worker->custody.lossy) custody_pin_inputs(&worker->custody, job);
    if (job_epoch(job)) constants_await(&worker->constants, job);
    if (!job->missing) agenda_add(&worker->agenda, job);
    control_job_came(&worker->custody, job);
}

/* JOB, which ran for NS, is not the running one any more. OUTPUT is NULL: it goes
 * on as another. */
static inline void stop_running(struct worker *worker, const struct job *job,
                                const struct buffer *output, uint64_t ns)
{
    assert(worker->agenda.running == job);
    bool good = output && !output->is_error;
    agenda_end(&worker->agenda, ns, good ? output->size : 0, !good);
    steal_rest(&worker->theft.steal);
    worker->counts.tasks_run++;
    worker->counts.tasks_stolen += job->from != 0;
    worker->counts.busy_ns += ns;
    worker->counts.inputs += job->inputs;
    worker->counts.inputs_local += job->local;
}

/* JOB will not run, its value is BAD (taken). Rare, and kept out of the way of
 * those that do. */
static __attribute__((noinline)) void skip(struct worker *worker,
                                           struct job *job, struct buffer *bad)
{
    struct trace *trace = worker->port->trace;
    struct trace_record record = {.begin_ns = worker->agenda.now_ns,
                                  .key = job->key,
                                  .output = bad->size,
                                  .what = job->function,
                                  .kind = TRACE_SKIPPED,
                                  .flags = TRACE_FAILED};
    if (trace) trace_add(trace, &record);
    stop_running(worker, job, bad, 0);
    custody_made(&worker->custody, job, bad, 0);
}

/* Why JOB is not to run: an error (a reference for the caller), or NULL. */
static inline struct buffer *why_not(struct worker *worker, struct job *job)
{
    struct buffer *bad = job->inputs ? job_bad_input(job) : NULL;
    if (bad) return buffer_ref(bad);
    if (!(job->flags & (RUN_TERMS | RUN_VOID)) && !worker->unbegun.begun)
        return NULL;
    return unbegun_reason(&worker->unbegun, &worker->custody, job);
}

/* JOB, a member of a gang, does not run: STATUS says why. The center may have been
 * told of its end already. */
static void skip_member(struct worker *worker, struct job *job,
                        dmpi_status status)
{
    if (!(job->flags & JOB_OVER)) {
        skip(worker, job, tight_gang_error(&worker->custody, job, status));
        return;
    }
    stop_running(worker, job, NULL, 0);
    custody_left(&worker->custody, job);
}

/* The job that waits for its gang, if that is complete. */
static struct job *take_from_muster(struct worker *worker)
{
    struct job *job = muster_take(&worker->muster);
    dmpi_status status = (dmpi_status)worker->muster.status;
    if (!job || !status) return job;
    skip_member(worker, job, status);
    muster_end(&worker->muster);
    return NULL;
}

/* JOB is one of a gang: a turn may pass, and worker_take() asks again. BAD (taken,
 * or NULL) tells why it cannot run. */
static __attribute__((noinline)) struct job *
wait_for_gang(struct worker *worker, struct job *job, struct buffer *bad)
{
    const dmpi_failure *failure = bad ? bad->data : NULL;
    muster_wait(&worker->muster, worker->port, job,
                failure ? (dmpi_status)failure->status : DMPI_OK);
    buffer_unref(bad);
    return take_from_muster(worker);
}

/* Members of a gang do, after all others have ended unbegun. */
static bool may_begin(const struct worker *worker)
{
    if (nest_may_begin(&worker->nest)) return true;
    return worker->unbegun.begun && unbegun_is_over(&worker->custody);
}

struct job *worker_take(struct worker *worker)
{
    struct job *job;
    if (worker->muster.waiting) return take_from_muster(worker);
    if (!may_begin(worker)) return NULL;
    while ((job = tight_take(&worker->custody))) {
        struct buffer *bad = why_not(worker, job);
        if (bad && !(job->flags & RUN_GANG)) {
            skip(worker, job, bad);
            continue;
        }
        if (!job->stage && !(job->flags & (RUN_TERMS | RUN_GANG))) return job;
        if (!bad && job->flags & RUN_TERMS &&
            tight_waits(&worker->custody, job))
            continue;
        if (job->stage == STAGE_MISFIT) {
            skip(worker, job, tight_error(&worker->custody, job));
            continue;
        }
        if (job->flags & RUN_GANG) return wait_for_gang(worker, job, bad);
        return job;
    }
    return NULL;
}

const struct muster *worker_gang(const struct worker *worker)
{
    return &worker->muster;
}

void worker_finish(struct worker *worker, struct job *job,
                   struct buffer *output, uint64_t ns)
{
    stop_running(worker, job, output, ns);
    if (job->flags & RUN_GANG) muster_end(&worker->muster);
    if (job->flags & (RUN_TERMS | JOB_OVER))
        control_finish(&worker->custody, job, output, ns);
    else custody_made(&worker->custody, job, output, ns);
}

bool worker_take_over(struct worker *worker, struct job *job)
{
    agenda_take_over(&worker->agenda, job);
    if (worker->custody.memory.tight) room_hold(&worker->custody.room, job);
    struct buffer *bad = why_not(worker, job);
    if (bad) skip(worker, job, bad);
    return !bad;
}

bool worker_waits_for_gang(const struct worker *worker)
{
    return worker->muster.waiting;
}

bool worker_may_take(const struct worker *worker)
{
    if (worker->muster.waiting) return false;
    return tight_may_take(&worker->custody) && may_begin(worker);
}

struct waiter *worker_awake(const struct worker *worker)
{
    return worker->muster.waiting ? NULL : nest_awake(&worker->nest);
}

void worker_go_on(struct worker *worker, struct job *job, struct job *next,
                  uint64_t ns)
{
    stop_running(worker, job, NULL, ns);
    if (job->flags & RUN_GANG) muster_end(&worker->muster);
    if (job->flags & JOB_OVER) {
        nest_abandon(&worker->nest, next);
        custody_left(&worker->custody, job);
        return;
    }
    custody_discard(&worker->custody, job);
    nest_go_on(&worker->nest, next);
    control_job_came(&worker->custody, next);
}

struct custody *worker_custody(struct worker *worker)
{
    return &worker->custody;
}

struct nest *worker_nest(struct worker *worker)
{
    return &worker->nest;
}

enum room_answer worker_output_room(struct worker *worker, struct job *job,
                                    uint64_t bytes)
{
    return room_output(&worker->custody.room, job, bytes);
}

struct buffer *worker_no_room(const struct worker *worker, struct job *job,
                              uint64_t bytes, const struct failure_of *of)
{
    return room_error(&worker->custody.room, job, bytes, of);
}

bool worker_has_tasks(const struct worker *worker)
{
    return worker->agenda.unended;
}

uint64_t worker_backlog_ns(const struct worker *worker)
{
    return worker->agenda.backlog_ns;
}

uint64_t worker_estimate_ns(const struct worker *worker, struct job *job)
{
    if (job_has_terms(job) && job_terms(job)->timeout_ns) return 0;
    return worker->agenda.estimates[job->function].ns;
}

struct constant_set *worker_constants(const struct worker *worker,
                                      struct job *job)
{
    return constants_of(&worker->constants,
                        job ? job_epoch(job) : CONSTANTS_NOW);
}

uint64_t worker_time_left_ns(const struct worker *worker)
{
    return control_time_left_ns(&worker->agenda);
}

void worker_rest(struct worker *worker)
{
    mem_trim(&worker->jobs);
    mem_trim(&worker->custody.store.mem);
    map_trim(&worker->custody.store.values);
    map_trim(&worker->custody.memory.items);
}

/* ---- gangs ---------------------------------------------------------------*/

static void on_gang(struct worker *worker, int from, const struct msg_gang *say)
{
    muster_on_gang(&worker->muster, say);
}

static void on_gang_ready(struct worker *worker, int from,
                          const struct msg_gang_ready *ready)
{
    muster_on_ready(&worker->muster, worker->port, ready);
}

static void on_gang_go(struct worker *worker, int from,
                       const struct msg_gang_go *go)
{
    muster_on_go(&worker->muster, go);
}

/* JOB, or NULL, will not run: its gang is broken. */
static void give_up(struct worker *worker, struct job *job)
{
    if (!job) return;
    if (job == worker->agenda.running) {
        agenda_end(&worker->agenda, 0, 0, true);
        steal_rest(&worker->theft.steal);
    }
    broken_give_up(&worker->custody, job);
}

static void on_gang_off(struct worker *worker, int from,
                        const struct msg_gang_off *off)
{
    struct job *job = muster_on_off(&worker->muster, off);
    uint64_t key = job ? job->key : 0;
    give_up(worker, job);
    if (key) broken_ask(&worker->custody, key);
}

bool worker_is_doomed(const struct worker *worker)
{
    return worker->muster.doomed;
}

/* ---- stealing ------------------------------------------------------------*/

static void on_steal(struct worker *worker, int from,
                     const struct msg_steal *steal)
{
    if (worker->ending.stopping || worker->unbegun.begun) return;
    theft_on_steal(&worker->theft, from);
}

static void on_steal_none(struct worker *worker, int from,
                          const struct msg_steal_none *none)
{
    steal_refused(&worker->theft.steal, from);
}

static void on_steal_offer(struct worker *worker, int from,
                           const struct msg_steal_offer *offer)
{
    steal_offered(&worker->theft.steal, from);
}

/* ---- the end -------------------------------------------------------------*/

static void on_stop(struct worker *worker, int from,
                    const struct msg_stop *stop)
{
    ending_on_stop(&worker->ending, stop);
}

static void on_curfew(struct worker *worker, int from,
                      const struct msg_curfew *say)
{
    unbegun_on_curfew(&worker->unbegun, &worker->nest, say);
}

void worker_ask_curfew(struct worker *worker, int signal)
{
    struct msg_ask_curfew *ask =
        port_say(worker->port, 0, MSG_ASK_CURFEW, sizeof *ask);
    ask->signal = (uint64_t)signal;
}

static void on_count(struct worker *worker, int from,
                     const struct msg_count *count)
{
    ending_on_count(&worker->ending, count);
}

static void on_end(struct worker *worker, int from, const struct msg_end *end)
{
    ending_on_end(&worker->ending, end);
}

bool worker_ended(const struct worker *worker)
{
    return ending_is_over(&worker->ending, worker->port);
}

dmpi_status worker_status(const struct worker *worker)
{
    return worker->ending.status;
}

bool worker_stopping(const struct worker *worker)
{
    return worker->ending.stopping;
}

void worker_turn(struct worker *worker)
{
    control_look_at_clock(&worker->custody);
    if (worker->custody.memory.tight) room_turn(&worker->custody.room);
    if (worker->ending.stopping) {
        ending_turn(&worker->ending, &worker->custody);
        return;
    }
    nest_turn(&worker->nest);
    if (worker->unbegun.begun) unbegun_turn(&worker->unbegun, &worker->custody);
    if (!worker->stealing || worker->unbegun.begun) return;
    const struct agenda *agenda = &worker->agenda;
    if (!nest_may_begin(&worker->nest)) theft_offer(&worker->theft);
    else if (agenda->running || agenda->ready.count)
        theft_offer(&worker->theft);
    else if (!agenda->stolen && !worker->custody.room.staged)
        theft_ask(&worker->theft);
}

/* ---- dispatch ------------------------------------------------------------*/

static void on_cancel(struct worker *worker, int from,
                      const struct msg_cancel *cancel)
{
    control_on_cancel(&worker->custody, from, cancel);
}

static void on_constants_forget(struct worker *worker, int from,
                                const struct msg_constants_forget *forget)
{
    constants_forget(&worker->constants, forget->epoch);
}

static void on_ask_keys(struct worker *worker, int from,
                        const struct msg_ask_keys *ask)
{
    errand_on_ask_keys(&worker->custody, from, ask);
}

static void on_ask_echo(struct worker *worker, int from,
                        const struct msg_ask_echo *ask)
{
    struct msg_echo *echo =
        port_say(worker->port, from, MSG_ECHO, sizeof *echo);
    echo->key = ask->key;
}

static void on_go_on(struct worker *worker, int from,
                     const struct msg_go_on *go_on)
{
    nest_on_go_on(&worker->nest);
}

static void on_wait_failed(struct worker *worker, int from,
                           const struct msg_wait_failed *wait)
{
    nest_on_wait_failed(&worker->nest, wait);
}

static void on_rank_lost(struct worker *worker, int from,
                         const struct msg_rank_lost *lost)
{
    int rank = (int)lost->rank;
    port_forget(worker->port, rank);
    worker->custody.lossy = true;
    steal_lost(&worker->theft.steal, rank);
    give_up(worker, muster_lost(&worker->muster, rank));
    exchange_lost(&worker->exchange, rank);
    nest_lost(&worker->nest);
    losses_of_rank(&worker->custody, rank,
                   !worker->ending.stopped && !worker->muster.doomed);
    ending_lost(&worker->ending);
}

void worker_arrived(void *role, struct port_cookie cookie,
                    struct buffer *buffer)
{
    struct worker *worker = role;
    if (exchange_arrived(&worker->exchange, cookie)) return;
    assert(cookie.what == COOKIE_KEY || cookie.what == COOKIE_LOST);
    arrival_end(&worker->custody, cookie, buffer);
}

void worker_receive(void *role, int from, const struct message *message)
{
    struct worker *worker = role;
    if (exchange_receive(&worker->exchange, from, message)) return;
    const void *body = message_body(message);
    switch (message->kind) {
#define M(KIND, name)                                                          \
    case MSG_##KIND: on_##name(worker, from, body); return;
        MESSAGES_TO_WORKER(M)
#undef M
#define M(KIND, name)                                                          \
    case MSG_##KIND: custody_on_##name(&worker->custody, from, body); return;
        M(KEY_VALUE, key_value)
        MESSAGES_TO_CUSTODY(M)
#undef M
    default:
        log_panic("rank %d sent %s to a worker", from,
                  message_name(message->kind));
    }
}

/* ---- for tests -----------------------------------------------------------*/

void worker_check(const struct worker *worker)
{
    store_check(&worker->custody.store);
    room_check(&worker->custody.room);
    assert(worker->agenda.ready.count || !worker->agenda.backlog_ns);
    assert(worker->agenda.unended || !worker->agenda.stolen);
}

size_t worker_values_held(const struct worker *worker)
{
    return worker->custody.store.held;
}

size_t worker_values_known(const struct worker *worker)
{
    return worker->custody.store.values.count;
}

uint64_t worker_bytes_held(const struct worker *worker)
{
    return worker->custody.store.bytes;
}
