/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.h - every other rank's role: holds values, brings together what a task
 * needs, says which task to run next.
 *
 * A reactor: messages come in, messages leave through the port. Running a task
 * is the caller's: worker_take(), call the function, worker_finish(). */
#ifndef WORKER_H
#define WORKER_H

#include "constants.h"
#include "errand.h"
#include "exchange.h"
#include "failure.h"
#include "job.h"
#include "muster.h"
#include "nest.h"

struct worker;

struct worker_setup {
    const int *nodes;   /* node of each rank, copied */
    const int *cores;   /* that each rank may use, copied; NULL: one each */
    uint32_t functions; /* registered */
    bool steal;
    struct memory_setup memory; /* all zero: there is no limit */
    bool recover;               /* other workers may be lost */
};

/* The caller makes worker_receive() and worker_arrived() the port's client. */
struct worker *worker_new(struct port *port, const struct worker_setup *setup);
void worker_free(struct worker *worker);

void worker_receive(void *worker, int from, const struct message *message);
void worker_arrived(void *worker, struct port_cookie cookie,
                    struct buffer *buffer);

/* The clock, as of now; hand it before messages and turns. */
void worker_set_time(struct worker *worker, uint64_t now_ns);

/* What is to be done between messages: look for work, offer work, stop. */
void worker_turn(struct worker *worker);

/* The next task to run, whose inputs are all here, or NULL. One at a time, but
 * for those that wait. If it is one of a gang, not before all members are
 * there. */
struct job *worker_take(struct worker *worker);

/* The gang of the job taken last, which has RUN_GANG; until it is finished. */
const struct muster *worker_gang(const struct worker *worker);

/* Does a member of a gang run here that has lost another, for which it may wait in
 * MPI for ever? Then this process has to end: the center waits for that. */
bool worker_is_doomed(const struct worker *worker);

/* JOB ran for NS and gave OUTPUT (taken). */
void worker_finish(struct worker *worker, struct job *job,
                   struct buffer *output, uint64_t ns);

/* The constants that JOB, which runs, sees; NULL: a function that is called here
 * outside of the pool's order. Give it back by constant_set_unref(). */
struct constant_set *worker_constants(const struct worker *worker,
                                      struct job *job);

/* JOB, which has run for NS, goes on as NEXT; see nest_continue(). */
void worker_go_on(struct worker *worker, struct job *job, struct job *next,
                  uint64_t ns);

/* JOB, which is ready, runs next, while the running one waits for it. False: it
 * does not run any more, for one of its inputs is an error. */
bool worker_take_over(struct worker *worker, struct job *job);

/* Has it taken a job of a gang that is not complete? worker_take() goes on. */
bool worker_waits_for_gang(const struct worker *worker);

/* Could worker_take() give a job now? */
bool worker_may_take(const struct worker *worker);

/* The next job that has waited and may go on, by nest_resume(); or NULL. */
struct waiter *worker_awake(const struct worker *worker);

/* The values here, for errands; what running jobs submit, ask and wait for. Live
 * as long as the worker. */
struct custody *worker_custody(struct worker *worker);
struct nest *worker_nest(struct worker *worker);

/* What JOB is thought to take; 0: its function has never ended here, or it has to
 * be timed alone. */
uint64_t worker_estimate_ns(const struct worker *worker, struct job *job);

/* What the running task has of its time; UINT64_MAX: there is no limit. */
uint64_t worker_time_left_ns(const struct worker *worker);

/* Are there tasks here that have not ended? */
bool worker_has_tasks(const struct worker *worker);

/* The running JOB wants memory for an output of BYTES, and goes on if ROOM_YES:
 * the caller takes it then. ROOM_WAIT: ask again after a turn. */
enum room_answer worker_output_room(struct worker *worker, struct job *job,
                                    uint64_t bytes);

/* Why the answer is ROOM_NEVER: the error that JOB, which is OF, ends with. */
struct buffer *worker_no_room(const struct worker *worker, struct job *job,
                              uint64_t bytes, const struct failure_of *of);

/* What its ready tasks are thought to take. */
uint64_t worker_backlog_ns(const struct worker *worker);

struct exchange *worker_exchange(struct worker *worker);

/* This rank was told to end, by SIGNAL: the center is to decide. */
void worker_ask_curfew(struct worker *worker, int signal);

/* The center has told how much there is to hear, and it was heard. */
bool worker_ended(const struct worker *worker);

/* How the pool ends; DMPI_OK, as long as it does not. */
dmpi_status worker_status(const struct worker *worker);

/* The pool is closing: nothing may be asked for any more. */
bool worker_stopping(const struct worker *worker);

/* There is nothing to do: give memory that is not in use back. */
void worker_rest(struct worker *worker);

/* ---- for tests -----------------------------------------------------------*/
void worker_check(const struct worker *worker);
size_t worker_values_held(const struct worker *worker);
size_t worker_values_known(const struct worker *worker);
uint64_t worker_bytes_held(const struct worker *worker);

#endif
