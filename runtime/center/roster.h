/* SPDX-License-Identifier: BSD-3-Clause */
/* roster.h - the workers: who they are, what they hold, how much they have to
 * do, and who has room for more.
 *
 * A worker has room for tasks that could run anywhere while it has less than
 * its window of such work, but two of them in any case; for tasks that
 * belong to it while it has less than ROSTER_AHEAD_NS of any work, but for
 * ROSTER_AHEAD_MIN tasks in any case. The latter do not count for the former:
 * most of them wait, perhaps for a task that is still to be dealt. Workers with room form a ring: dealing in turn
 * costs the same for any number of workers. */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "distmpi/rank.h"
#include "queue.h"
#include "rankset.h"

enum {
    /* Work ahead per worker: for a center that can answer at once, and for one
     * that shares its core and is better woken seldom. */
    ROSTER_WINDOW_NS = 500000,
    ROSTER_WIDE_WINDOW_NS = 2000000,
    ROSTER_TASKS_MIN = 2,
    ROSTER_AHEAD_NS = 4000000,
    ROSTER_AHEAD_MIN = 16,
    ROSTER_TASKS_MAX = 4096
};

struct worker_entry {
    int rank;
    int node;
    uint32_t tasks;   /* handed to it and not ended */
    uint64_t load_ns; /* what they are thought to take */
    uint32_t dealt;   /* of those, tasks that could run anywhere */
    uint64_t dealt_ns;
    uint64_t bytes;         /* of values it holds */
    uint64_t bytes_fetched; /* of values made elsewhere that came to it */
    uint64_t tasks_done;
    struct queue held; /* specs that belong there and do not fit yet */
    struct worker_entry *next_holder;
    bool holds;                       /* is among the holders */
    struct worker_entry *next, *prev; /* in the ring; NULL: no room */
    uint64_t tally;                   /* placement's scratch */
    uint32_t comms;                   /* of gangs, that it keeps; see gangs.h */
    bool in_gang;
    bool starved; /* it has nothing to run, whatever was handed to it */
    bool lost;    /* it has room for nothing, ever */
};

struct roster {
    struct worker_entry *workers; /* by rank - 1; owned */
    dmpi_worker *info; /* the same: as they were at the start; owned */
    int ranks;
    uint64_t window_ns;
    struct worker_entry *ring;    /* the one whose turn it is, or NULL */
    struct worker_entry *holders; /* with held specs, or without any more */
    struct rankset **nodes;       /* ranks of each node; owned */
    int node_count;
    int picked;   /* the last one that was looked at */
    int gangless; /* workers in no gang */
};

/* INFO: one entry per worker, by rank from 1; copied. */
void roster_init(struct roster *roster, const dmpi_worker info[], int ranks,
                 uint64_t window_ns);
void roster_fini(struct roster *roster);

static inline struct worker_entry *roster_at(struct roster *roster, int rank)
{
    return &roster->workers[rank - 1];
}

/* A task of COST was handed to the worker, or has ended there. DEALT: it could
 * run anywhere. */
void roster_hand(struct roster *roster, struct worker_entry *worker,
                 uint32_t cost_ns, bool dealt);
void roster_end(struct roster *roster, struct worker_entry *worker,
                uint32_t cost_ns, bool dealt);

/* The worker whose turn it is among those with room, or NULL; and the next. */
struct worker_entry *roster_turn(struct roster *roster);
void roster_pass_turn(struct roster *roster);

/* A worker that has no task at all, if a look at a few finds one, or NULL. */
struct worker_entry *roster_idle(struct roster *roster);

/* The worker, which is in no gang, gets a place in one: it is dealt nothing until
 * it leaves it. */
void roster_enter_gang(struct roster *roster, struct worker_entry *worker);
void roster_leave_gang(struct roster *roster, struct worker_entry *worker);

/* All tasks of the worker wait for others: what it has does not count, until it
 * is fed one more. */
void roster_starve(struct roster *roster, struct worker_entry *worker);
void roster_feed(struct roster *roster, struct worker_entry *worker);

/* The worker is lost: it has no room any more. What it had is still counted,
 * until roster_clear(): nothing is there then. */
void roster_lose(struct roster *roster, struct worker_entry *worker);
void roster_clear(struct worker_entry *worker);

/* Room for a task that is wanted there? */
static inline bool roster_takes(const struct worker_entry *worker)
{
    return worker->tasks < ROSTER_TASKS_MAX || worker->starved;
}

/* Room for a task whose inputs lie there? */
static inline bool roster_fits(const struct worker_entry *worker)
{
    if (worker->tasks < ROSTER_AHEAD_MIN) return true;
    if (worker->load_ns < ROSTER_AHEAD_NS) return roster_takes(worker);
    return worker->starved;
}

/* A worker of SET, of NODE unless that is -1: of a few of them, which change from
 * call to call, the one with fewest tasks. NULL: there is none. */
struct worker_entry *roster_pick(struct roster *roster,
                                 const struct rankset *set, int node);

/* A spec has just been added to those held for WORKER. */
void roster_hold(struct roster *roster, struct worker_entry *worker);

/* A worker for which specs are held, or NULL. */
struct worker_entry *roster_holder(struct roster *roster);

/* The worker with fewest tasks, if one is not lost. Looks at all. */
struct worker_entry *roster_least_busy(struct roster *roster);

struct worker_entry *roster_least_filled(struct roster *roster);

/* What there is to know of each now: a table of dmpi_worker by rank from 1, the
 * caller's to unref. */
struct buffer *roster_tell(const struct roster *roster);

#endif
