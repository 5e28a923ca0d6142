/* SPDX-License-Identifier: BSD-3-Clause */
/* center.h - rank 0's role: knows which keys lie on which ranks and decides
 * where tasks run.
 *
 * A reactor: messages and the application's calls come in, messages leave
 * through the port. It never blocks, calls no MPI and reads no clock. */
#ifndef CENTER_H
#define CENTER_H

#include "distmpi/pool.h"
#include "distmpi/rank.h"
#include "errands.h"
#include "exchange.h"
#include "levels.h"
#include "scheduler.h"

struct center;

struct center_setup {
    const dmpi_worker *workers;  /* for each rank from 1 on; copied */
    const struct supply *supply; /* the resources that there are; borrowed */
    uint32_t functions;          /* registered */
    uint64_t window_ns; /* work that a worker has ahead, see roster.h */
    bool steal; /* what belongs to a busy worker may go to an idle one */
    /* The loss of a worker is made good: what is needed to run tasks again is
     * kept. Else center_lost() is not to be called. */
    bool recover;
    uint32_t crash_limit; /* a task that ran on so many lost workers is not run
                           * again; 0: it always is */
    size_t replicas;      /* workers that are to hold a value that was put */
};

/* The port and its client stay the caller's; the caller makes center_receive()
 * and center_arrived() the client. */
struct center *center_new(struct port *port, const struct center_setup *setup);
void center_free(struct center *center);

void center_receive(void *center, int from, const struct message *message);
void center_arrived(void *center, struct port_cookie cookie,
                    struct buffer *buffer);

/* Requests and calls of this rank. Lives as long as the center. */
struct exchange *center_exchange(struct center *center);

/* What rank.h asks, for rank 0 itself. Lives as long as the center. */
struct errands *center_errands(struct center *center);

/* ---- the application's calls ---------------------------------------------*/

/* DMPI_ENOKEY or DMPI_EINVAL with a detail, if ORDER cannot be submitted. */
dmpi_status center_check_order(struct center *center,
                               const struct task_order *order);

/* ORDER has been checked. Returns its key; the task moves at center_settle(). */
uint64_t center_submit(struct center *center, const struct task_order *order);
void center_settle(struct center *center);

/* Submit a gang, whose member i is ORDERS[i], and settle; all have been checked.
 * DMPI_EINVAL: there are not so many workers, or one asks for resources, cores or
 * a node. */
dmpi_status center_submit_gang(struct center *center,
                               const struct task_order orders[], size_t size,
                               uint64_t keys[]);

/* Submit COUNT TASKS, each of which has been checked but for its inputs, by
 * SUBMITTER (see levels.h) or if that is NULL as center_submit(), and settle.
 * DMPI_EINVAL, DMPI_ENOKEY: as dmpi_submit_graph(), nothing was
 * submitted. */
dmpi_status center_submit_graph(struct center *center,
                                const dmpi_graph_task tasks[], size_t count,
                                const struct submitter *submitter,
                                dmpi_key keys[]);

/* The task of KEY is not to run, or to stop. If it has a worker that is told, and
 * says how it ended; otherwise its key is an error now, and what waited for it
 * moves at center_settle(). Nothing happens if it has ended.
 * DMPI_ENOKEY: no such key, or not held by the application. */
dmpi_status center_cancel(struct center *center, uint64_t key);

/* Store BUFFER (a reference is taken) on RANK, 0: the least filled worker. */
uint64_t center_put(struct center *center, int rank, struct buffer *buffer);

/* Are as many copies of KEY there as are to be of a value that was put? */
bool center_is_copied(const struct center *center, uint64_t key);

/* A new key, whose value of BYTES exists and lies outside: it is recalled when a
 * worker needs it, or the application gets it. */
uint64_t center_put_later(struct center *center, uint64_t bytes);

/* Who recalls such values: RECALL(ARG, key) gives a reference, to an error value
 * if it cannot. */
void center_recall_by(struct center *center,
                      struct buffer *(*recall)(void *arg, uint64_t key),
                      void *arg);

/* Tasks submitted from now on see BUFFER (a reference is taken while it is sent)
 * as constant NAME; NULL: there is none of that name. */
void center_constant(struct center *center, const char *name,
                     struct buffer *buffer);

/* Constants whose bytes have not come to all workers. */
size_t center_constants_spreading(const struct center *center);

/* DMPI_ENOKEY: no such key, or not held by the application. */
dmpi_status center_drop(struct center *center, uint64_t key);

struct center_view {
    dmpi_key_state state;
    uint64_t bytes; /* of the value, when it exists */
};

/* False: no such key. */
bool center_look(const struct center *center, uint64_t key,
                 struct center_view *view);

/* The same, also for a key that the application has dropped and something still
 * needs. */
bool center_find(const struct center *center, uint64_t key,
                 struct center_view *view);

/* When KEY, which the application holds or the caller needs, has ended or is
 * dropped, WATCH goes to the end of OVER: at once if it has ended. Both stay the caller's. */
void center_watch(struct center *center, uint64_t key, struct watch *watch,
                  struct watch_list *over);

/* Unless it is over, WATCH is the caller's alone again. */
void center_unwatch(struct center *center, struct watch *watch);

/* Does any watch wait? */
bool center_is_watched(const struct center *center);

/* KEY, which the application holds, is needed: until center_unneed() it stays,
 * whoever drops it. */
void center_need(struct center *center, uint64_t key);

/* Ask for the value of KEY, which is placed or has ended, for REQUEST. Call
 * center_unneed() when the request is done. */
void center_fetch(struct center *center, uint64_t key, struct request *request);
void center_unneed(struct center *center, uint64_t key);

/* Make copies of KEY, which is done, until COPIES workers hold it. Each is
 * answered to a request that REQUESTS[i] receives; returns how many. Call
 * center_unneed() for each that is done. */
size_t center_replicate(struct center *center, uint64_t key, size_t copies,
                        struct request *requests[]);

/* Tasks submitted that have not ended, or still run though they were cancelled or
 * out of time. */
size_t center_unended(const struct center *center);

/* And those that have, so far. */
uint64_t center_ended(const struct center *center);

/* ---- the loss of a worker ------------------------------------------------*/

/* RANK is fenced, and forgotten by the port: what it had is lost. The living
 * workers are told, and all that can be is made good. RUNNING: the key of the
 * task that ran there when it ended; 0: none, or nobody knows. */
void center_lost(struct center *center, int rank, uint64_t running);

/* Workers that are not lost. */
int center_living(const struct center *center);

struct losses_counts {
    uint64_t workers_lost;
    uint64_t tasks_again; /* handed to a worker a second time, or more often */
    uint64_t keys_again;  /* of those, whose values had been there already */
};

struct losses_counts center_losses(const struct center *center);

/* ---- told to end ---------------------------------------------------------*/

/* Tell the workers that the job ends in LEFT_NS; BEGINS: and that no task begins
 * any more. Those that have not, and those that need longer than what is left,
 * end with an error of status DMPI_EDEADLINE. */
void center_curfew(struct center *center, uint64_t left_ns, bool begins);

/* Have they been told that none begins? */
bool center_curfew_begun(const struct center *center);

/* A worker was told to end: its rank, and by which signal; 0: none was. */
int center_curfew_asked(const struct center *center, int *signal);

/* Tasks that were not begun for that reason, and those that depend on them. */
uint64_t center_not_begun(const struct center *center);

/* ---- the end -------------------------------------------------------------*/

/* Tell all workers that the pool ends with STATUS, and to ask for nothing more;
 * no task is unended. When all are
 * quiet they are told to say their last, and then how much they have to hear. */
void center_stop(struct center *center, dmpi_status status);

/* The pool is closing: nothing may be asked for any more. */
bool center_stopping(const struct center *center);

/* What is to be done between messages. */
void center_turn(struct center *center);

/* All have said their last, and been told how much they have to hear. */
bool center_stopped(const struct center *center);

/* What worker RANK counted; after the stop. */
const struct msg_counts *center_counts(const struct center *center, int rank);

/* Keys that the application has not dropped. */
size_t center_held(const struct center *center);

/* Bytes of values that were put through rank 0. */
uint64_t center_bytes_put(const struct center *center);

/* There is nothing to do: give memory that is not in use back. */
void center_rest(struct center *center);

/* ---- for tests -----------------------------------------------------------*/

/* Keys that there is a record of, be it for the lineage of others alone. */
size_t center_known(const struct center *center);

/* All records and loads agree, or it asserts. */
void center_check(const struct center *center);

#endif
