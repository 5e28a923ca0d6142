/* SPDX-License-Identifier: BSD-3-Clause */
/* session.c - the loop that every rank turns, and the token around it. */
#include "session.h"

#include <malloc.h>
#include <math.h>
#include <sched.h>

#include "budget.h"
#include "clock.h"
#include "deadline.h"
#include "durable.h"
#include "ending.h"
#include "estimate.h"
#include "fault.h"
#include "guard.h"
#include "log.h"
#include "running.h"
#include "stack.h"
#include "ticker.h"
#include "tracer.h"

enum {
    /* Handlers that wake each other for ever do not stop the loop. */
    CALLS_PER_TURN = 16,
    /* Tasks run for so long between two turns of the loop. */
    SLICE_NS = 5000,
    /* Before a task thought to take longer, what was said is sent. */
    LONG_NS = 2000,
    /* Messages that nobody waits for are held for so long at most: half of what
     * this rank still has to run, so that it never runs dry, within bounds; and
     * hardly where the center has a core of its own. */
    PATIENCE_LEAST_NS = 100000,
    PATIENCE_MOST_NS = 1000000,
    PATIENCE_OWN_CORE_NS = 20000,
    /* So many tasks thought to take less are timed together. */
    SHORT_NS = 1000,
    SHORT_TASKS = 8,
    /* Naps start here and double up to there: neighbours ring, unless a ring is
     * missed, far ranks cannot. Shorter ones while there is something to do. */
    NAP_NEAR_FIRST_NS = 1000000,
    NAP_NEAR_NS = 20000000,
    NAP_FAR_FIRST_NS = 50000,
    NAP_FAR_NS = 1000000,
    NAP_SENDING_NS = 200000,
    NAP_BUSY_NS = 20000,
    SPIN_NS = 50000,
    SPIN_BULK_NS = 2000000, /* while a large value is on its way */
    /* In a long call: envelopes that may wait. */
    UNSENT_MOST = 32,
    GAP_SHORT_NS = 100000
};

static struct session *current = NULL;

struct session *session_current(void)
{
    return current;
}

void session_set_current(struct session *session)
{
    current = session;
}

/* ---- turning -------------------------------------------------------------*/

static bool poll_port(struct session *session)
{
    return session->mpi ? mpi_port_poll(session->mpi)
                        : loop_poll(session->loop);
}

/* Send what was said. */
static void flush_all(struct session *session)
{
    if (session->mpi) mpi_port_flush_patient(session->mpi);
    session->held_since_ns = 0;
}

/* To wake a sleeping center costs two switches of the core that it shares. A
 * task that takes longer than thought is the ticker's business, if there is
 * one. */
static uint64_t patience_ns(const struct session *session)
{
    if (!session->ticker) return 0;
    if (!session->crowded) return PATIENCE_OWN_CORE_NS;
    uint64_t half =
        session->worker ? worker_backlog_ns(session->worker) / 2 : 0;
    if (half < PATIENCE_LEAST_NS) return PATIENCE_LEAST_NS;
    return half < PATIENCE_MOST_NS ? half : PATIENCE_MOST_NS;
}

/* The same, but what is patient may wait for more of its kind: until the next
 * flush, if that comes within AHEAD_NS. */
static void flush(struct session *session, uint64_t ahead_ns)
{
    if (!session->mpi) return;
    mpi_port_flush(session->mpi);
    if (!mpi_port_holds(session->mpi)) {
        session->held_since_ns = 0;
        return;
    }
    uint64_t now = clock_ns();
    if (!session->held_since_ns) session->held_since_ns = now;
    if (now + ahead_ns - session->held_since_ns >= patience_ns(session))
        flush_all(session);
}

/* Before a task that is thought to take ESTIMATE_NS (0: unknown). */
static inline void flush_before(struct session *session, uint64_t estimate_ns)
{
    if (!estimate_ns) flush(session, PATIENCE_MOST_NS);
    else if (estimate_ns > LONG_NS) flush(session, estimate_ns);
}

/* After a turn. The last task's end does not wait, nor does the ticker, which
 * does not know when it turns again. */
static void flush_turn(struct session *session, enum session_turner turner)
{
    struct worker *worker = session->worker;
    if (turner == TURN_TICKER || (worker && !worker_has_tasks(worker)))
        flush_all(session);
    else flush(session, 0);
}

/* Only the application's own calls of dmpi_rank_run() wait for main. */
static bool run_calls(struct session *session, struct exchange *exchange,
                      enum session_turner turner)
{
    struct call *call;
    bool any = false;
    for (int i = 0; i < CALLS_PER_TURN; i++) {
        call = exchange_take_call(exchange, turner == TURN_TICKER);
        if (!call) break;
        session->calls_running++;
        running_call(session, exchange, call);
        session->calls_running--;
        any = true;
    }
    return any;
}

/* A handler on the ticker has ended, or calls us: its thread goes first. */
static void let_ticker_in(struct session *session)
{
    struct timespec short_nap = {0, NAP_BUSY_NS};
    session_unlock(session);
    while (token_is_wanted(&session->token))
        clock_nanosleep(CLOCK_MONOTONIC, 0, &short_nap, NULL);
    session_lock(session);
}

/* The time without anything to do is over. */
static void end_idle(struct session *session, uint64_t now)
{
    if (session->trace) tracer_idle(session, now);
    session->idle_since_ns = 0;
}

/* Something came after a time without. */
static void learn_gap(struct session *session)
{
    if (!session->idle_since_ns) return;
    uint64_t now = clock_ns(), gap = now - session->idle_since_ns;
    session->gap_ns = estimate_mix(session->gap_ns, gap);
    end_idle(session, now);
}

bool session_turn(struct session *session, enum session_turner turner)
{
    struct worker *worker = session->worker;
    if (turner == TURN_MAIN && token_is_wanted(&session->token))
        let_ticker_in(session);
    if (session->guard) guard_turn(session->guard);
    if (atomic_load_explicit(&deadline_news, memory_order_relaxed))
        deadline_turn(session);
    if (worker) {
        session->turned_ns = clock_ns();
        worker_set_time(worker, session->turned_ns);
    }
    bool any = poll_port(session);
    if (worker) {
        any |= budget_turn(session);
        worker_turn(worker);
        any |= run_calls(session, worker_exchange(worker), turner);
    }
    if (session->center) {
        any |= run_calls(session, center_exchange(session->center), turner);
        center_turn(session->center);
        deadline_listen(session);
        if (session->durable) durable_turn(session->durable);
    }
    flush_turn(session, turner);
    if (any) {
        learn_gap(session);
        session->rested = false;
    }
    return any;
}

/* Reading the clock costs as much as a short task: a few of them share it. */
struct stopwatch {
    uint64_t last_ns;  /* the clock, when it was last read */
    uint64_t spent_ns; /* tasks since then are thought to have taken */
    unsigned tasks;    /* since then */
};

/* One more task has ended, thought to take ESTIMATE (0: unknown): how long it
 * took. */
static uint64_t measure(struct stopwatch *watch, uint64_t estimate)
{
    bool is_short = estimate && estimate < SHORT_NS;
    if (is_short && watch->tasks + 1 < SHORT_TASKS) {
        watch->tasks++;
        watch->spent_ns += estimate;
        return estimate;
    }
    uint64_t now = clock_ns(), ns = now - watch->last_ns;
    if (is_short) ns /= watch->tasks + 1;
    else ns -= ns < watch->spent_ns ? ns : watch->spent_ns;
    *watch = (struct stopwatch){.last_ns = now};
    return ns;
}

static inline void finish(struct worker *worker, struct job *job,
                          const struct ran *ran, uint64_t ns)
{
    ns -= ran->away_ns < ns ? ran->away_ns : ns;
    if (ran->output) worker_finish(worker, job, ran->output, ns);
    else worker_go_on(worker, job, ran->next, ns);
}

/* With a trace, or one by one, no task shares the clock. Apart from the other
 * way, which then keeps its registers. */
static __attribute__((noinline)) bool run_timed(struct session *session,
                                                uint64_t slice_ns)
{
    struct worker *worker = session->worker;
    uint64_t start = clock_ns(), end = start;
    struct job *job;
    bool any = false;
    worker_set_time(worker, start);
    while (end - start <= slice_ns && (job = worker_take(worker))) {
        uint64_t estimate = worker_estimate_ns(worker, job);
        flush_before(session, estimate);
        uint64_t begin = clock_ns();
        struct ran ran = running_job(session, job);
        end = clock_ns();
        if (session->worker_trace)
            tracer_task(session->worker_trace, job, ran.output, begin, end);
        finish(worker, job, &ran, end - begin);
        worker_set_time(worker, end);
        any = true;
    }
    return any;
}

static bool run_slice(struct session *session)
{
    struct worker *worker = session->worker;
    struct stopwatch watch = {.last_ns = clock_ns()};
    uint64_t start = watch.last_ns;
    struct job *job;
    bool any = false;
    worker_set_time(worker, start);
    while (watch.last_ns - start < SLICE_NS && (job = worker_take(worker))) {
        uint64_t estimate = worker_estimate_ns(worker, job);
        flush_before(session, estimate);
        struct ran ran = running_job(session, job);
        if (ran.away_ns) estimate = 0; /* it is no guide to how long it was */
        finish(worker, job, &ran, measure(&watch, estimate));
        worker_set_time(worker, watch.last_ns);
        any = true;
    }
    return any;
}

void session_run_on_top(struct session *session, struct job *job,
                        uint64_t *now_ns)
{
    struct worker *worker = session->worker;
    uint64_t begin = *now_ns;
    worker_set_time(worker, begin);
    if (!worker_take_over(worker, job)) return;
    flush_before(session, worker_estimate_ns(worker, job));
    struct ran ran = running_job(session, job);
    uint64_t end = clock_ns();
    if (session->worker_trace)
        tracer_task(session->worker_trace, job, ran.output, begin, end);
    worker_set_time(worker, end);
    finish(worker, job, &ran, end - begin);
    *now_ns = end;
    if (end - session->turned_ns <= SLICE_NS) return;
    session_turn(session, TURN_MAIN);
    *now_ns = clock_ns();
}

/* In a single process the center hears of an end between two slices only. Who
 * waits for the next key of many is to see it before another task runs. */
static bool one_by_one(const struct session *session)
{
    return session->center && center_is_watched(session->center);
}

bool session_run_tasks(struct session *session)
{
    bool one = one_by_one(session);
    bool any = one || session->worker_trace
                   ? run_timed(session, one ? 0 : SLICE_NS)
                   : run_slice(session);
    if (any) session->idle_since_ns = 0;
    return any;
}

void session_rest(struct session *session)
{
    if (session->rested) return;
    session->rested = true;
    if (session->center) center_rest(session->center);
    if (session->worker) worker_rest(session->worker);
    if (session->mpi) mpi_port_trim(session->mpi);
    buffer_trim();
#ifdef __GLIBC__
    malloc_trim(0); /* the heap keeps what lies between pieces in use */
#endif
}

/* ---- sleeping ------------------------------------------------------------*/

static uint64_t nap_limit(const struct session *session)
{
    if (session->sending || mpi_port_busy(session->mpi)) return NAP_BUSY_NS;
    if (mpi_port_unsent(session->mpi)) return NAP_SENDING_NS;
    return world_all_near(session->world) ? NAP_NEAR_NS : NAP_FAR_NS;
}

static void nap(struct session *session, uint64_t now, uint64_t until_ns)
{
    flush_all(session);
    world_sleep_prepare(session->world);
    if (session_turn(session, TURN_MAIN)) {
        world_sleep_cancel(session->world);
        return;
    }
    if (now - session->idle_since_ns > SESSION_REST_NS) session_rest(session);
    if (!session->asleep_since_ns) session->asleep_since_ns = now;
    uint64_t length = session->nap_ns, limit = nap_limit(session);
    if (length > limit) length = limit;
    session->nap_ns = 2 * length;
    if (until_ns - now < length) length = until_ns - now;
    world_sleep(session->world, length);
}

/* Polling for a while before sleeping saves the wake-up, about as long as a
 * short answer takes. A rank that shares its core does so only where answers
 * have been short, and lets others run in between. */
static uint64_t spin_limit(const struct session *session)
{
    if (session->own_core && mpi_port_busy(session->mpi)) return SPIN_BULK_NS;
    bool worth_it = session->own_core || session->gap_ns < GAP_SHORT_NS;
    return worth_it ? SPIN_NS : 0;
}

static void step_aside(struct session *session)
{
    struct timespec short_nap = {0, NAP_FAR_FIRST_NS};
    session_unlock(session);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &short_nap, NULL);
    session_lock(session);
}

void session_idle(struct session *session, uint64_t until_ns)
{
    if (!session->mpi) { /* the other role is in this very loop */
        budget_sleep(session, NAP_NEAR_FIRST_NS);
        return;
    }
    if (ticker_is_self()) { /* a handler waits: main may need the token */
        step_aside(session);
        return;
    }
    uint64_t now = clock_ns();
    if (!session->idle_since_ns) {
        session->idle_since_ns = now;
        session->nap_ns = world_all_near(session->world) ? NAP_NEAR_FIRST_NS
                                                         : NAP_FAR_FIRST_NS;
        session->asleep_since_ns = 0;
    }
    if (now >= until_ns) return;
    if (now - session->idle_since_ns < spin_limit(session)) {
        if (session->crowded) sched_yield();
        else clock_relax();
        return;
    }
    nap(session, now, until_ns);
}

static bool is_late(struct session *session, uint64_t deadline_ns)
{
    if (deadline_ns == UINT64_MAX) return false;
    uint64_t now = clock_ns();
    if (now < deadline_ns) return false;
    if (session->idle_since_ns) end_idle(session, now);
    return true;
}

bool session_run_elsewhere(struct session *session)
{
    if (stack_let_go_on(session)) return true;
    bool some = worker_may_take(session->worker) ||
                worker_waits_for_gang(session->worker);
    if (some && !stack_run_tasks(session))
        log_panic("no memory for a stack to run tasks on");
    return some;
}

bool session_wait(struct session *session, bool (*ready)(void *arg), void *arg,
                  uint64_t deadline_ns)
{
    bool may_run = session->worker && !running_task();
    enum session_turner turner = ticker_is_self() ? TURN_TICKER : TURN_MAIN;
    session->idle_since_ns = 0;
    ending_call_due(session);
    while (!ready(arg)) {
        bool any = session_turn(session, turner);
        ending_call_due(session);
        if (one_by_one(session) && ready(arg)) break;
        if (may_run) any |= session_run_elsewhere(session);
        if (ready(arg)) break;
        if (is_late(session, deadline_ns)) return false;
        if (!any) session_idle(session, deadline_ns);
    }
    return true;
}

dmpi_status session_check_timeout(double seconds)
{
    if (!isnan(seconds)) return DMPI_OK;
    return fault(DMPI_EINVAL, "the time to wait is not a number: use seconds, "
                              "or DMPI_FOREVER");
}

uint64_t session_deadline_ns(double seconds)
{
    if (seconds < 0 || seconds > 1e9) return UINT64_MAX;
    return clock_ns() + (uint64_t)(seconds * 1e9);
}

static bool is_relieved(void *argument)
{
    struct session *session = argument;
    return !session->mpi || mpi_port_unsent(session->mpi) < UNSENT_MOST;
}

/* Nobody rings when something has been sent. */
void session_wait_sent(struct session *session, bool (*sent)(void *arg),
                       void *arg)
{
    if (sent(arg)) return;
    session->sending = true;
    session_wait(session, sent, arg, UINT64_MAX);
    session->sending = false;
}

void session_relieve(struct session *session)
{
    session_wait_sent(session, is_relieved, session);
}

void session_pace(struct session *session, size_t i)
{
    if (i % SESSION_PACE || !i) return;
    session_turn(session, TURN_MAIN);
    session_relieve(session);
}

/* ---- in and out ----------------------------------------------------------*/

static bool on_main(const struct session *session)
{
    return pthread_equal(pthread_self(), session->main);
}

/* The main thread may be in code of the user, or asleep with the token. */
static void take_as_ticker(struct session *session)
{
    if (token_try_other(&session->token)) return;
    token_want(&session->token);
    world_wake(session->world);
    token_take_other(&session->token);
}

void session_lock(struct session *session)
{
    if (ticker_is_self()) take_as_ticker(session);
    else token_take(&session->token);
}

void session_unlock(struct session *session)
{
    if (ticker_is_self()) {
        token_give_other(&session->token);
        return;
    }
    token_give(&session->token);
    if (session->ticker) ticker_notice(session->ticker);
}

/* A call of the public API begins or ends: of rank 0's application, not of a
 * task? */
static bool traces_application(const struct session *session)
{
    return session->trace && !running_task();
}

dmpi_status session_enter(const dmpi_pool *pool, struct session **session)
{
    struct session *open = current;
    if (!open && isolated()) return isolated_refuses();
    if (!open || (const void *)pool != open || !open->center)
        return fault(DMPI_ESTATE,
                     open && !open->center
                         ? "rank %d is a worker: only rank 0 has a pool"
                         : "no open pool: dmpi_open() gives one on rank 0",
                     open ? open->rank : 0);
    if (running_task())
        return fault(DMPI_ESTATE, "not from inside a task: see pool.h for what "
                                  "it can call");
    if (!on_main(open))
        return fault(DMPI_ESTATE, "the pool is used by the thread that opened "
                                  "it only");
    session_lock(open);
    if (open->trace) tracer_application_ended(open);
    *session = open;
    return DMPI_OK;
}

/* Functions that rank.h calls are no tasks of the pool. */
dmpi_status session_enter_inside(const dmpi_pool *pool,
                                 struct session **session)
{
    struct session *open = current;
    if (!open && isolated()) return isolated_refuses();
    if (!running_task()) return session_enter(pool, session);
    if (!running_task_job() || ticker_is_self())
        return fault(DMPI_ESTATE, "a function called by rank.h cannot use the "
                                  "pool: only its tasks can");
    if (running_task_job()->flags & RUN_GANG)
        return fault(DMPI_ESTATE, "one of a gang cannot use the pool: let a "
                                  "task after it do that");
    if (!open || (const void *)pool != open)
        return fault(DMPI_ESTATE, "dmpi_task_pool() gives the pool in a task");
    session_lock(open);
    *session = open;
    return DMPI_OK;
}

dmpi_status session_enter_rank(struct session **session)
{
    struct session *open = current;
    if (!open && isolated()) return isolated_refuses();
    if (!open) return fault(DMPI_ESTATE, "no pool is open on this rank");
    if (!running_task() && !on_main(open))
        return fault(DMPI_ESTATE, "call this from rank 0's main thread or from "
                                  "inside a task");
    session_lock(open);
    if (open->center ? center_stopping(open->center)
                     : worker_stopping(open->worker)) {
        session_unlock(open);
        return fault(DMPI_ESTATE, "the pool is closing");
    }
    if (traces_application(open)) tracer_application_ended(open);
    *session = open;
    return DMPI_OK;
}

dmpi_status session_failed(const struct session *session)
{
    return center_curfew_begun(session->center) ? DMPI_EDEADLINE : DMPI_EFAILED;
}

dmpi_status session_leave(struct session *session, dmpi_status status)
{
    if (!running_task()) flush_all(session);
    else if (session->mpi) mpi_port_flush(session->mpi);
    if (traces_application(session)) tracer_application_begins(session);
    session_unlock(session);
    return status;
}
