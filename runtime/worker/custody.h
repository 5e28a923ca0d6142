/* SPDX-License-Identifier: BSD-3-Clause */
/* custody.h - the values on this rank at work: fetched from peers and served to
 * them (see fetch.h), kept for the center, handed to the jobs that wait for them.
 *
 * What arrives or is made is held in one place, custody_hold(), which then does
 * all that waited for the value. */
#ifndef CUSTODY_H
#define CUSTODY_H

#include "agenda.h"
#include "constants.h"
#include "exchange.h"
#include "memory.h"
#include "room.h"

/* Of the transfers under way from one rank. */
struct inbound {
    uint32_t count;
    uint64_t bytes;
};

struct custody {
    struct port *port; /* borrowed, like the next five */
    struct exchange *exchange;
    struct agenda *agenda; /* jobs that miss nothing go there */
    struct constants *constants;
    struct msg_counts *counts;
    struct mem *jobs;
    struct store store;
    struct memory memory;
    struct room room;
    bool lossy;              /* a rank has been lost: things may come twice */
    bool purged;             /* after that: nobody waits for anything */
    size_t arriving;         /* bulk transfers under way to here, or to be */
    struct inbound *inbound; /* of those, by rank, that have begun; owned; NULL:
                              * no rank will be lost */
    uint64_t last_key;       /* counter of the last key made here */
};

/* BUFFER is VALUE: keep it (a reference is taken), and do what waited for it. */
void custody_hold(struct custody *custody, struct value *value,
                  struct buffer *buffer);

/* VALUE is back from disk: do what waited for that. */
void custody_loaded(struct custody *custody, struct value *value);

/* VALUE is used by a task submitted here, or by a question: it stays until that
 * is over, whoever drops it. The last unpin may free it. */
static inline void custody_pin(struct value *value)
{
    value->pins++;
}
void custody_unpin(struct custody *custody, struct value *value);

/* A task here drops KEY: the center is told, when nobody here has pinned it. */
void custody_release(struct custody *custody, uint64_t key);

/* The center is told that JOB, which ran for NS, has ended, and gave OUTPUT. */
void custody_say_done(struct custody *custody, const struct job *job,
                      const struct buffer *output, uint64_t ns);

/* JOB will make its value here. */
void custody_make(struct custody *custody, struct job *job);

/* JOB has ended with OUTPUT (taken), after NS: hold it, and tell the center. JOB
 * is freed, now or when the center is told; if it is over, when it has left. */
void custody_made(struct custody *custody, struct job *job,
                  struct buffer *output, uint64_t ns);

/* After a loss JOB may run for nobody, who keeps its inputs: it does itself. */
void custody_pin_inputs(struct custody *custody, struct job *job);

/* The center has been told of JOB's end: it is freed, unless it is over and still
 * runs. */
void custody_told(struct custody *custody, struct job *job);

/* JOB is over here: free it, and what it has pinned. */
void custody_discard(struct custody *custody, struct job *job);

/* JOB, which is over, uses its inputs no more. It is freed. */
void custody_left(struct custody *custody, struct job *job);

/* JOB has been given to THIEF; it is freed. */
void custody_moved(struct custody *custody, struct job *job, int thief);

/* BYTES of values were sent to rank TO. */
void custody_count(struct custody *custody, int to, uint64_t bytes);

/* When VALUE is here tell the center, for RANK, which stores it here; its task
 * PARENT does, or 0. */
void custody_want_stored(struct custody *custody, struct value *value, int rank,
                         uint64_t request, uint64_t parent);

/* The task of RUN is to run here, whose key is known here already, after a loss:
 * its job, or its value, has another attempt. True: that is all. */
bool custody_runs_already(struct custody *custody,
                          const struct msg_task_run *run);

/* Nobody will ever send VALUE, which is not here: an error takes its place. */
void custody_hold_nothing(struct custody *custody, struct value *value);

/* The pool ends: what peers have asked for twice after a loss, and what nobody
 * knows of, goes. */
void custody_purge(struct custody *custody);

/* Reactions. */
void custody_on_key_value(struct custody *custody, int from,
                          const struct msg_key_value *message);
#define M(KIND, name)                                                          \
    void custody_on_##name(struct custody *custody, int from,                  \
                           const struct msg_##name *message);
MESSAGES_TO_CUSTODY(M)
#undef M

#endif
