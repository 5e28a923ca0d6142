/* SPDX-License-Identifier: BSD-3-Clause */
/* nest.h - tasks that tasks here submit, and what tasks here wait for.
 *
 * A key is named here, without asking. If all inputs are known here the task is
 * a job of this worker at once, and the center hears of it; else the center
 * places it. Idle workers get their share by stealing.
 *
 * A running job asks for values by inquiries, which are settled in any order,
 * and waits by a waiter: then it does not run any more, others may, until it is
 * awake. Above NEST_BLOCKED_MAX such jobs no other one begins, unless the center
 * lets this worker go on: one worker at a time, so that somebody always
 * does. */
#ifndef NEST_H
#define NEST_H

#include "custody.h"
#include "task.h"

enum {
    NEST_BLOCKED_MAX = 256,
    /* Waits that do not end while nothing else is to be done are told to the
     * center after so long: it looks for circles. */
    NEST_TELL_NS = 100000000,
    /* Likewise, that there is nothing to run: tasks may be kept back. */
    NEST_STARVED_NS = 1000000
};

struct inquiry;

/* One wait of one job. Lives where the job waits. */
struct waiter {
    struct waiter *next, **at;  /* among those that wait, or are awake */
    struct job *job;            /* that waits; borrowed */
    void *place;                /* where it does so; the caller's own */
    struct inquiry *inquiries;  /* those that are not settled */
    uint64_t number;            /* of this wait on this rank */
    uint64_t deadline_ns;       /* UINT64_MAX: none */
    size_t asked, settled;      /* inquiries */
    bool all;                   /* it waits for all of them, not for one */
    bool blocked;               /* the job does not run */
    bool awake;                 /* it may */
    bool told;                  /* the center knows what it waits for */
    char circle[DMPI_TEXT_MAX]; /* the wait has failed so; "": it has not */
};

struct nest {
    struct port *port; /* borrowed, like the next four */
    struct custody *custody;
    struct exchange *exchange;
    struct mem *jobs;
    size_t *unended; /* jobs here */
    struct mem mem;
    bool recover;              /* the center is to know tasks whole */
    struct inquiry *inquiries; /* all that are not closed, if so */
    struct waiter *waiting;    /* blocked, not awake */
    struct waiter *awake, **awake_end;
    size_t blocked, blocked_max;
    size_t deadlines;        /* among those that wait */
    uint64_t waits;          /* so far */
    uint64_t still_since_ns; /* nothing was to be done; 0: something was */
    bool asked, granted;     /* to go on above the limit */
    bool starved; /* the center was told that nothing can run, since it sent the
                   * last task */
    bool closed;  /* no other job begins */
};

void nest_init(struct nest *nest);
void nest_fini(struct nest *nest);

/* ---- tasks ---------------------------------------------------------------*/

/* Submit ORDER, which the running JOB does. Returns its key. */
uint64_t nest_submit(struct nest *nest, struct job *job,
                     const struct task_order *order);

/* JOB, which runs, goes on as ORDER, under its own key, when its function
 * returns and nest_go_on() is called. The job to come; the caller's until
 * then. */
struct job *nest_continue(struct nest *nest, struct job *job,
                          const struct task_order *order);
void nest_go_on(struct nest *nest, struct job *next);
void nest_abandon(struct nest *nest, struct job *next);

/* The job that makes KEY, if it is ready here, and not one of a gang; it stays in
 * the agenda. */
struct job *nest_ready_job(const struct nest *nest, uint64_t key);

/* ---- questions -----------------------------------------------------------*/

/* What is known of KEY here: NULL, or its value, which is here. */
const struct buffer *nest_look(const struct nest *nest, uint64_t key);

void waiter_init(struct waiter *waiter, struct job *job);

/* Ask for the value of KEY, for WAITER. As exchange_open(). */
struct inquiry *nest_ask(struct nest *nest, struct waiter *waiter, uint64_t key,
                         void *data, uint64_t room);

/* Its request; done when it has been settled. */
const struct request *inquiry_request(const struct inquiry *inquiry);

/* The caller wants no more of it, settled or not. */
void nest_close(struct nest *nest, struct inquiry *inquiry);

/* The same for one that is settled: REQUEST receives all that its own has, the
 * failure and fresh data are then the caller's. */
void nest_take(struct nest *nest, struct inquiry *inquiry,
               struct request *request);

/* ---- waiting -------------------------------------------------------------*/

/* The running job waits: for all the inquiries of WAITER, or for one; until
 * DEADLINE_NS at most. Is it awake already? Then it goes on running. */
bool nest_block(struct nest *nest, struct waiter *waiter, bool all,
                uint64_t deadline_ns);

/* A rank is lost, and questions that it had to pass on: those that went along
 * the way of a task that was given away are asked anew. */
void nest_lost(struct nest *nest);

/* The question of REQUEST went after a task that is lost: the center is asked. */
void nest_on_astray(void *nest, struct request *request);

/* Next who may go on, or NULL; it stays the next. */
struct waiter *nest_awake(const struct nest *nest);

/* WAITER, which is awake, runs again; nothing else does. */
void nest_resume(struct nest *nest, struct waiter *waiter);

/* May another job begin? */
static inline bool nest_may_begin(const struct nest *nest)
{
    return nest->blocked < nest->blocked_max || nest->granted;
}

/* None may, from now on. Those that wait still go on when they are awake. */
void nest_close_down(struct nest *nest);

/* Is this worker held up by its limit alone? */
bool nest_stuck(const struct nest *nest);

/* What is to be done between messages. */
void nest_turn(struct nest *nest);

/* The center has sent a task. */
static inline void nest_fed(struct nest *nest)
{
    nest->starved = false;
}

/* When it is to turn at the latest; UINT64_MAX: no matter when. */
uint64_t nest_deadline_ns(const struct nest *nest);

/* Reactions. */
void nest_on_go_on(struct nest *nest);
void nest_on_wait_failed(struct nest *nest, const struct msg_wait_failed *wait);

#endif
