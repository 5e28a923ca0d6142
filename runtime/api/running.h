/* SPDX-License-Identifier: BSD-3-Clause */
/* running.h - calling the user's functions: tasks, and calls from other ranks.
 */
#ifndef RUNNING_H
#define RUNNING_H

#include "isolated.h"
#include "session.h"

/* The task that this thread is running, or NULL. */
dmpi_task *running_task(void);

/* Where that is kept, also for other threads to look at. */
dmpi_task *const *running_place(void);

/* Who a task is. Borrowed; may be asked for in a signal handler. */
struct running_about {
    const char *function;
    const char *name; /* given at submission, NAME_SIZE bytes */
    size_t name_size;
    uint64_t key; /* 0: it is no task of the pool */
};

struct running_about running_about(const dmpi_task *task);

/* The rank on which it runs, -1: none. */
int running_rank(void);

/* The gang of which TASK is a member, or NULL. */
const struct muster *running_gang(const dmpi_task *task);

/* The job of that task; NULL: there is none, or it is no task of the pool. */
struct job *running_task_job(void);

/* What came of a job. */
struct ran {
    struct buffer *output; /* a reference for the caller; NULL: it goes on */
    struct job *next;      /* as this one */
    uint64_t away_ns;      /* of the time it took: that it waited */
};

/* Run JOB. With the token, which is given back meanwhile. */
struct ran running_job(struct session *session, struct job *job);

/* In an executor: run the job in FRAME, or call a start function, and leave in
 * SLOT what came of it. */
void running_isolated(struct session *session, struct slot *slot,
                      const struct frame *frame);
void running_isolated_start(struct session *session, struct slot *slot,
                            const struct isolated_start *start);

/* TASK, which runs, goes on as ORDER when it has returned. DMPI_ESTATE: it does
 * so already. */
dmpi_status running_go_on(dmpi_task *task, const struct task_order *order);

/* The running task has waited for NS. */
void running_was_away(uint64_t ns);

/* Another stack goes on, on which TASK is running; returns the one until now. */
dmpi_task *running_swap(dmpi_task *task);

/* The cores and threads that the running task has asked for are the next one's
 * meanwhile; and its own again. */
void running_lend_cores(struct session *session);
void running_take_cores(struct session *session);

/* Run CALL and give it back to EXCHANGE. Likewise. */
void running_call(struct session *session, struct exchange *exchange,
                  struct call *call);

#endif
