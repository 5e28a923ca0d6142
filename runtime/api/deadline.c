/* SPDX-License-Identifier: BSD-3-Clause */
/* deadline.c - signals, the clock, and the thread that has the last word. */
#include "deadline.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "durable.h"
#include "exit.h"
#include "fault.h"
#include "log.h"

enum {
    /* mpirun kills its ranks a second after SIGTERM. */
    TERM_GRACE_NS = 500000000,
    /* For the loop to close the journal, before that is left as it is. */
    LAST_TURN_NS = 300000000,
    CLOSING_SECONDS = 10, /* and for the disk */
    WHY_BYTES = 96
};

static const uint64_t second_ns = 1000000000, unknown = UINT64_MAX;

enum stage {
    GOES_ON,
    ENDING, /* no task begins any more */
    OVER,   /* the job ends now */
    STOPPED /* the pool is closed in time */
};

struct deadline {
    struct session *session; /* borrowed */
    pthread_t thread;
    uint64_t end_ns; /* the job's; UINT64_MAX: it may take any time */
    uint64_t grace_ns;
    _Atomic int stage;     /* enum stage */
    _Atomic uint64_t left; /* tasks, as the loop saw last */
    _Atomic int asked_by;  /* a worker that was told to end; 0: none */
    _Atomic int asked_signal;
    _Atomic uint64_t last_ns; /* when it is OVER, from ENDING on */
    _Atomic bool closing;     /* the last turn has begun */
    bool told;                /* the workers know */
    char why[WHY_BYTES];      /* from ENDING on */
};

_Atomic bool deadline_news = false;

/* ---- signals -------------------------------------------------------------*/

static const int signals[] = {SIGUSR1, SIGTERM, SIGINT};
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct {
    _Atomic int number; /* of the first signal; 0: none came */
    bool caught[SIGNALS];
    sem_t wakes; /* the thread */
    bool ready;  /* it is there */
} told;

static void on_signal(int number)
{
    int none = 0, before = errno;
    atomic_compare_exchange_strong(&told.number, &none, number);
    atomic_store(&deadline_news, true);
    sem_post(&told.wakes);
    errno = before;
}

void deadline_catch(void)
{
    struct sigaction now,
        ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (!told.ready) sem_init(&told.wakes, 0, 0);
    told.ready = true;
    for (int i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &now);
        bool free = !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
        told.caught[i] = free && !sigaction(signals[i], &ours, NULL);
    }
}

void deadline_release(void)
{
    struct sigaction now;
    for (int i = 0; i < SIGNALS; i++) {
        if (!told.caught[i]) continue;
        sigaction(signals[i], NULL, &now);
        if (now.sa_handler == on_signal) signal(signals[i], SIG_DFL);
    }
}

/* ---- the clock -----------------------------------------------------------*/

static uint64_t started_ns;

__attribute__((constructor)) static void note_start(void)
{
    started_ns = clock_ns();
}

/* The batch system's; seconds since 1970. */
static uint64_t batch_end_ns(void)
{
    const char *text = getenv("SLURM_JOB_END_TIME");
    struct timespec now;
    char *rest;
    long long end = text ? strtoll(text, &rest, 10) : 0;
    clock_gettime(CLOCK_REALTIME, &now);
    if (end <= 0 || *rest) return UINT64_MAX;
    uint64_t left = end > now.tv_sec ? (uint64_t)(end - now.tv_sec) : 0;
    return clock_ns() + left * second_ns;
}

static uint64_t find_end_ns(const struct config *config)
{
    int seconds = config->value[CONFIG_DEADLINE];
    if (seconds) return started_ns + (uint64_t)seconds * second_ns;
    return batch_end_ns();
}

/* Of a short time not all is grace. */
static uint64_t find_grace_ns(const struct config *config, uint64_t end_ns)
{
    uint64_t grace = (uint64_t)config->value[CONFIG_GRACE] * second_ns;
    uint64_t now = clock_ns(), left = end_ns > now ? end_ns - now : 0;
    return grace < left / 2 ? grace : left / 2;
}

/* Nothing else wakes the thread than a signal, or the loop. */
static void sleep_until(uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / second_ns),
                             .tv_nsec = (long)(until_ns % second_ns)};
    if (until_ns == UINT64_MAX) sem_wait(&told.wakes);
    else sem_clockwait(&told.wakes, CLOCK_MONOTONIC, &until);
}

/* ---- the thread ----------------------------------------------------------*/

static const char *name_of(int number)
{
    const char *name = sigabbrev_np(number);
    return name ? name : "?";
}

/* Is it time to end? Then it is said why; *SIGNAL: 0 if none was the cause. */
static bool is_told(struct deadline *deadline, int *number)
{
    int rank = deadline->asked_by;
    *number = rank ? deadline->asked_signal : told.number;
    if (*number)
        snprintf(deadline->why, sizeof deadline->why,
                 "told to end by SIG%s to rank %d", name_of(*number), rank);
    else if (deadline->end_ns != UINT64_MAX &&
             clock_ns() + deadline->grace_ns >= deadline->end_ns)
        snprintf(deadline->why, sizeof deadline->why, "out of time");
    else return false;
    return true;
}

static uint64_t soonest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The line that a job script's owner looks for. */
static void say_end(const struct deadline *deadline)
{
    uint64_t left = deadline->left;
    if (left == unknown)
        log_line(LOG_ERROR, "%s, with tasks left: run me again", deadline->why);
    else
        log_line(LOG_ERROR, "%s, with %llu tasks left: run me again",
                 deadline->why, (unsigned long long)left);
}

static bool wait_until(struct deadline *deadline, uint64_t until_ns)
{
    while (clock_ns() < until_ns && deadline->stage != STOPPED)
        sleep_until(until_ns);
    return deadline->stage != STOPPED;
}

/* False: the pool was closed before. */
static bool wait_for_cause(struct deadline *deadline, int *number)
{
    bool ends = deadline->end_ns != UINT64_MAX;
    uint64_t until_ns =
        ends ? deadline->end_ns - deadline->grace_ns : UINT64_MAX;
    while (deadline->stage != STOPPED) {
        if (is_told(deadline, number)) return true;
        sleep_until(until_ns);
    }
    return false;
}

static void enter(struct deadline *deadline, enum stage from, enum stage to)
{
    int expected = from;
    atomic_compare_exchange_strong(&deadline->stage, &expected, to);
    atomic_store(&deadline_news, true);
    world_wake(deadline->session->world);
}

static void *watch(void *argument)
{
    struct deadline *deadline = argument;
    int number;
    if (!wait_for_cause(deadline, &number)) return NULL;
    uint64_t grace_ns = deadline->grace_ns;
    if (number == SIGTERM) grace_ns = soonest(grace_ns, TERM_GRACE_NS);
    uint64_t last_ns = soonest(clock_ns() + grace_ns, deadline->end_ns);
    deadline->last_ns = last_ns;
    enter(deadline, GOES_ON, ENDING);
    if (!wait_until(deadline, last_ns)) return NULL;
    enter(deadline, ENDING, OVER);
    last_ns += LAST_TURN_NS;
    if (!wait_until(deadline, last_ns)) return NULL;
    if (deadline->closing)
        wait_until(deadline, last_ns + CLOSING_SECONDS * second_ns);
    else say_end(deadline);
    exit_job(EXIT_AGAIN);
}

/* ---- in the loop ---------------------------------------------------------*/

static uint64_t time_until(uint64_t when_ns)
{
    uint64_t now = clock_ns();
    return when_ns > now ? when_ns - now : 0;
}

void deadline_start(struct session *session)
{
    struct deadline *deadline = log_alloc(sizeof *deadline);
    uint64_t end_ns = find_end_ns(&session->config);
    sigset_t all, before;
    *deadline =
        (struct deadline){.session = session,
                          .end_ns = end_ns,
                          .left = unknown,
                          .grace_ns = find_grace_ns(&session->config, end_ns)};
    session->deadline = deadline;
    if (end_ns != UINT64_MAX)
        center_curfew(session->center, time_until(end_ns), false);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&deadline->thread, NULL, watch, deadline))
        log_panic("no thread for the deadline can be made");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The last turn of all. */
static _Noreturn void end_job(struct session *session)
{
    session->deadline->closing = true;
    if (session->durable) durable_close(session->durable);
    say_end(session->deadline);
    exit_job(EXIT_AGAIN);
}

void deadline_pass_on(struct session *session, int number)
{
    struct deadline *deadline = session->deadline;
    int rank = center_curfew_asked(session->center, &number);
    session->told_center = true;
    if (!deadline) return; /* the pool is closing */
    deadline->asked_signal = number;
    deadline->asked_by = rank;
    sem_post(&told.wakes);
}

static void lead(struct session *session)
{
    struct deadline *deadline = session->deadline;
    struct center *center = session->center;
    int stage = deadline->stage;
    if (stage == GOES_ON) return;
    if (!deadline->told)
        center_curfew(center, time_until(deadline->last_ns), true);
    deadline->told = true;
    deadline->left = center_unended(center) + center_not_begun(center);
    if (center_not_begun(center)) exit_as(EXIT_AGAIN);
    atomic_store(&deadline_news, true); /* LEFT is to be right until the end */
    if (stage == OVER) end_job(session);
}

void deadline_turn(struct session *session)
{
    int number = told.number;
    atomic_store(&deadline_news, false);
    if (session->deadline) lead(session);
    else if (number && session->worker && !session->told_center) {
        session->told_center = true;
        worker_ask_curfew(session->worker, number);
    }
}

/* The pool is closed in time: with all tasks ended, or some unbegun. */
static dmpi_status settle(struct deadline *deadline)
{
    deadline->left = center_not_begun(deadline->session->center);
    if (!deadline->left) return DMPI_OK;
    if (!*deadline->why)
        snprintf(deadline->why, sizeof deadline->why, "short of time");
    say_end(deadline);
    exit_as(EXIT_AGAIN);
    return fault(DMPI_EDEADLINE, "%s: %llu tasks were not begun", deadline->why,
                 (unsigned long long)deadline->left);
}

dmpi_status deadline_stop(struct session *session)
{
    struct deadline *deadline = session->deadline;
    if (!deadline) return DMPI_OK;
    deadline->stage = STOPPED;
    sem_post(&told.wakes);
    pthread_join(deadline->thread, NULL);
    dmpi_status status = settle(deadline);
    session->deadline = NULL;
    free(deadline);
    return status;
}
