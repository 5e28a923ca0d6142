/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - one open pool on this rank: its roles, its port, its token.
 *
 * The token guards all of it. Code of the user (tasks, and on rank 0 the
 * application) runs without the token; whoever has it may turn the loop. There
 * is one session per process, the only global of the library. */
#ifndef SESSION_H
#define SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "center.h"
#include "config.h"
#include "distmpi/launch.h"
#include "loop_port.h"
#include "mpi_port.h"
#include "token.h"
#include "worker.h"
#include "world.h"

struct dmpi_set;
struct durable;
struct comms;
struct stack;
struct budget;
struct cores;
struct executors;
struct deadline;
struct guard;
struct ticker;
struct trace_file;

struct session {
    struct token token;
    pthread_t main; /* the thread that opened the pool */
    struct config config;
    struct supply supply;  /* resources; see CONFIG_RESOURCES */
    struct world *world;   /* owned */
    struct mpi_port *mpi;  /* owned; NULL in a single process */
    struct loop *loop;     /* owned; NULL otherwise */
    struct comms *comms;   /* owned; of gangs */
    struct center *center; /* owned; on rank 0 */
    struct worker *worker; /* owned; on all others, or in a single process */
    struct budget *budget; /* owned; of the worker's memory */
    struct ticker *ticker; /* owned; NULL if MPI does not allow it */
    struct guard *guard;   /* owned; NULL: a lost rank ends the job */
    _Atomic uint64_t *running;   /* key of the task that runs; NULL: unwanted */
    struct deadline *deadline;   /* owned; on rank 0 */
    bool told_center;            /* that this rank was told to end */
    int rank, ranks;             /* as the application sees them */
    int worker_rank;             /* of the worker here; 0: none */
    int calls_running;           /* for other ranks, on both threads */
    struct cores *cores;         /* owned; NULL: no task has wanted some */
    struct executors *executors; /* owned; NULL: no task is isolated */
    bool bound;                  /* the cores of this process are its own */
    char *cpus_before;           /* owned; the binding to go back to, or NULL */
    void *state[2];              /* dmpi_task_state(): of rank 0, of a worker */
    uint64_t opened_ns;
    size_t look;            /* see budget.h */
    bool crowded;           /* more ranks than cores here */
    bool own_core;          /* no other worker runs on the core of this rank */
    uint64_t gap_ns;        /* how long there was nothing to do, an average */
    uint64_t idle_since_ns; /* 0: there was something to do */
    uint64_t nap_ns;        /* the next nap's length */
    uint64_t held_since_ns; /* patient messages; 0: none were seen */
    bool rested;            /* since something was done */
    bool sending;           /* this rank waits until it has sent something */
    struct stack *stack;    /* owned; the main thread is on; see stack.h */
    struct stack *spare_stacks; /* owned; without a task */
    uint64_t turned_ns;         /* when the loop was turned last */
    struct dmpi_set *sets;      /* the application's */
    struct watch_list endings;  /* to be called; see ending.c */
    bool ending;                /* one is being called */
    uint64_t asleep_since_ns;   /* the first nap since then; 0: none yet */
    /* For DISTMPI_TRACE; NULL: off. In a single process there are two. */
    struct trace *trace;           /* owned; what this rank does */
    struct trace *worker_trace;    /* owned; what the worker here does */
    struct trace_file *trace_file; /* owned; on rank 0 */
    /* Owned; on rank 0. NULL: there is no journal. */
    struct durable *durable;
    int64_t clock_offset_ns;       /* what rank 0's clock is ahead */
    uint64_t application_since_ns; /* rank 0's own code has run */
};

/* The open session, or NULL. */
struct session *session_current(void);
void session_set_current(struct session *session);

/* ---- turning the loop; the caller has the token --------------------------*/

enum session_turner { TURN_MAIN, TURN_TICKER };

/* Hear, react, run calls, say. False: there was nothing to do. */
bool session_turn(struct session *session, enum session_turner turner);

/* Nothing to do for so long: give back memory that is not in use. */
enum { SESSION_REST_NS = 100000000 };
void session_rest(struct session *session);

/* Run ready tasks for a few microseconds. False: there was none. */
bool session_run_tasks(struct session *session);

/* In a single process, for rank 0's application: the same on another stack. It
 * must not have to wait for a task that waits on top of it. */
bool session_run_elsewhere(struct session *session);

/* JOB, which is ready, runs on top of the running task, which waits for it.
 * *NOW_NS is the time, before and afterwards: who waits for many looks at the
 * clock once a task. */
void session_run_on_top(struct session *session, struct job *job,
                        uint64_t *now_ns);

/* Nothing to do: spin, or sleep until somebody rings, at most until UNTIL_NS. */
void session_idle(struct session *session, uint64_t until_ns);

/* Turn until READY(ARG), at most until DEADLINE_NS (UINT64_MAX: no limit).
 * False: it was the deadline. */
bool session_wait(struct session *session, bool (*ready)(void *arg), void *arg,
                  uint64_t deadline_ns);

/* DMPI_EINVAL: what a call was given as its limit is not a number. */
dmpi_status session_check_timeout(double seconds);

/* SECONDS from now, for session_wait(); negative: no limit. */
uint64_t session_deadline_ns(double seconds);

/* Parts of a long call between two turns. */
enum { SESSION_PACE = 256 };

/* In a call that says much without waiting, after part number I of it: now and
 * then turn, and let pass what was said, so that workers run meanwhile and what
 * waits to be sent stays bounded. */
void session_pace(struct session *session, size_t i);

/* The second half of that: wait until little of what was said is unsent. */
void session_relieve(struct session *session);

/* The same for what this rank sends, without a limit. */
void session_wait_sent(struct session *session, bool (*sent)(void *arg),
                       void *arg);

/* ---- from code of the user and back --------------------------------------*/

/* Take the token; the user's code stops running. */
void session_lock(struct session *session);

/* Give it back. */
void session_unlock(struct session *session);

/* The same for a call of the public API. Enter as the application on rank 0:
 * DMPI_ESTATE if POOL is not open, or from a task or another thread. */
dmpi_status session_enter(const dmpi_pool *pool, struct session **session);

/* The same, or as a task of the pool. */
dmpi_status session_enter_inside(const dmpi_pool *pool,
                                 struct session **session);

/* Enter as rank 0's application, or as a task. */
dmpi_status session_enter_rank(struct session **session);

/* What a wait for a key that has failed returns: DMPI_EFAILED, or DMPI_EDEADLINE
 * if tasks do not begin any more. */
dmpi_status session_failed(const struct session *session);

/* Leave: what was said is sent. Returns STATUS. */
dmpi_status session_leave(struct session *session, dmpi_status status);

#endif
