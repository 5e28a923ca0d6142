/* SPDX-License-Identifier: BSD-3-Clause */
/* ticker.c - looks, turns, parks. */
#include "ticker.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "clock.h"
#include "crash.h"
#include "log.h"

enum {
    TICK_NS = 1000000,
    NAP_BUSY_NS = 20000, /* while a bulk transfer is under way */
    NAP_SENDING_NS = 200000,
    NAP_FAR_NS = 1000000, /* nobody rings from other nodes */
    NAP_NEAR_NS = 10000000,
    PARK_AFTER = 50 /* ticks without user code */
};

struct ticker {
    struct session *session; /* borrowed */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the condition only */
    pthread_cond_t condition;
    _Atomic bool parked;
    _Atomic bool stop;
};

static _Thread_local bool is_ticker = false;

bool ticker_is_self(void)
{
    return is_ticker;
}

static void wake(struct ticker *ticker)
{
    pthread_mutex_lock(&ticker->mutex);
    atomic_store(&ticker->parked, false);
    pthread_cond_signal(&ticker->condition);
    pthread_mutex_unlock(&ticker->mutex);
}

void ticker_notice(struct ticker *ticker)
{
    if (atomic_load_explicit(&ticker->parked, memory_order_relaxed))
        wake(ticker);
}

/* User code may have begun while PARKED was being set: look once more. */
static void park(struct ticker *ticker, uint64_t turns)
{
    const struct token *token = &ticker->session->token;
    pthread_mutex_lock(&ticker->mutex);
    atomic_store(&ticker->parked, true);
    token_barrier(token);
    if (token_turns(token) != turns) atomic_store(&ticker->parked, false);
    while (ticker->parked && !ticker->stop)
        pthread_cond_wait(&ticker->condition, &ticker->mutex);
    pthread_mutex_unlock(&ticker->mutex);
}

static void tick(struct ticker *ticker)
{
    struct timespec nap = {0, TICK_NS};
    if (!ticker->stop) clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

/* Before the running task is out of time. */
static uint64_t nap_in_time(const struct session *session, uint64_t nap_ns)
{
    if (!session->worker) return nap_ns;
    uint64_t left_ns = worker_time_left_ns(session->worker);
    if (left_ns > nap_ns) return nap_ns;
    return left_ns > NAP_BUSY_NS ? left_ns : NAP_BUSY_NS;
}

static uint64_t longest_nap(const struct session *session)
{
    if (mpi_port_busy(session->mpi)) return NAP_BUSY_NS;
    if (mpi_port_unsent(session->mpi)) return NAP_SENDING_NS;
    return nap_in_time(session, world_all_near(session->world) ? NAP_NEAR_NS
                                                               : NAP_FAR_NS);
}

/* One turn in the main thread's place, then a nap if there was nothing to do.
 * Who is rung sleeps as long as it may at once: a wake that finds nothing costs
 * a task that runs on this core some microseconds. False: it was not to be. */
static bool stand_in(struct ticker *ticker, uint64_t turns, uint64_t *nap_ns,
                     uint64_t *quiet_ns)
{
    struct session *session = ticker->session;
    if (!token_try_other(&session->token)) return false;
    bool still = token_turns(&session->token) == turns, any = false;
    uint64_t longest = NAP_BUSY_NS;
    if (still) {
        world_sleep_prepare(session->world);
        any = session_turn(session, TURN_TICKER);
        longest = longest_nap(session);
        *quiet_ns = any ? 0 : *quiet_ns + *nap_ns;
        if (*quiet_ns > SESSION_REST_NS) session_rest(session);
    }
    token_give_other(&session->token);
    if (!still) return false;
    *nap_ns = any ? NAP_BUSY_NS : 2 * *nap_ns;
    if (*nap_ns > longest || longest == NAP_NEAR_NS) *nap_ns = longest;
    if (!any) world_sleep(session->world, *nap_ns);
    return true;
}

/* Stand in for the main thread as long as its user code goes on. */
static void stand_in_long(struct ticker *ticker, uint64_t turns)
{
    uint64_t nap_ns = NAP_BUSY_NS, quiet_ns = 0;
    while (!ticker->stop && token_turns(&ticker->session->token) == turns &&
           stand_in(ticker, turns, &nap_ns, &quiet_ns)) {
    }
}

static void watch(struct ticker *ticker)
{
    uint64_t last = 0;
    int quiet = 0;
    while (!ticker->stop) {
        uint64_t turns = token_turns(&ticker->session->token);
        bool given = token_is_given(turns);
        if (given && turns == last) stand_in_long(ticker, turns);
        quiet = turns == last && !given ? quiet + 1 : 0;
        last = turns;
        if (quiet < PARK_AFTER) {
            tick(ticker);
        } else {
            park(ticker, turns);
            quiet = 0;
        }
    }
}

static void *run(void *argument)
{
    is_ticker = true;
    crash_thread_begin();
    watch(argument);
    crash_thread_end();
    return NULL;
}

struct ticker *ticker_new(struct session *session)
{
    struct ticker *ticker = log_alloc(sizeof *ticker);
    sigset_t all, before;
    *ticker = (struct ticker){.session = session};
    pthread_mutex_init(&ticker->mutex, NULL);
    pthread_cond_init(&ticker->condition, NULL);
    /* Signals are the application's: none is to be handled on this thread, but
     * those of a function that runs here and crashes. */
    sigfillset(&all);
    crash_unblock(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&ticker->thread, NULL, run, ticker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) return ticker;
    free(ticker);
    return NULL;
}

void ticker_free(struct ticker *ticker)
{
    if (!ticker) return;
    atomic_store(&ticker->stop, true);
    wake(ticker);
    pthread_join(ticker->thread, NULL);
    pthread_mutex_destroy(&ticker->mutex);
    pthread_cond_destroy(&ticker->condition);
    free(ticker);
}
