/* SPDX-License-Identifier: BSD-3-Clause */
/* cluster.h - one center and its workers on a network, and the threads that
 * would run their tasks.
 *
 * Members of a gang end together, as those that talk to each other do: none
 * before all have started.
 *
 * Time is virtual. A task occupies its worker while messages go on being
 * delivered to it. What happens next is decided by a seed (cluster_step()), by
 * durations (virtual_run()), or by the test itself. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "center.h"
#include "drum.h"
#include "network.h"
#include "timeline.h"
#include "worker.h"

/* The loss of a worker, see cluster_kill(). */
struct cluster_blow {
    uint64_t at; /* network_events() */
    int rank;
    size_t keep;
};

struct cluster_setup {
    int workers;
    int nodes; /* that the workers are dealt to in turn; 0: one */
    uint64_t seed;
    bool steal;
    bool check;           /* all roles, after every message */
    bool recover;         /* workers may be lost */
    int losses_max;       /* so many are, at random; one stays */
    unsigned loss_one_in; /* steps, about; 0: none is but by cluster_kill() */
    const struct cluster_blow *blows; /* borrowed; by time */
    size_t blow_count;
    uint32_t crash_limit; /* see struct center_setup, likewise the next */
    size_t replicas;
    const char *resources; /* as DISTMPI_RESOURCES; NULL: none */
    int cores;             /* rank 1 has so many, the next ones one less each,
                            * then from anew; 0: all have one */
    uint64_t memory; /* bytes that values may take on each worker; 0: any */
    uint64_t disk;   /* bytes that fit on its disk; 0: any */
    unsigned disk_fails_one_in; /* reads; 0: none */
    /* What JOB gives on RANK, and how long it takes there. NULL: the oracle's
     * output, for which constants are inputs too, and no time. */
    struct buffer *(*call)(void *app, int rank, struct job *job);
    uint64_t (*duration_ns)(void *app, int rank, struct job *job);
    /* JOB has come to a point where it submits, asks, waits, see nest.h. True: it
     * waits, or goes on as another; false: it ends. NULL: it ends. */
    bool (*waits)(void *app, int rank, struct job *job);
    void *app;
    uint64_t tick_ns;     /* the longest step in virtual time; 0: any */
    uint64_t step_ns_max; /* of cluster_step(); 0: 20 us */
    /* What messages and transfers cost in virtual time; NULL: nothing. */
    const struct network_costs *costs;
};

struct member {
    struct cluster *cluster;
    struct worker *worker;
    struct drum *drum;              /* owned; NULL: memory has no limit */
    struct job *job;                /* that runs, or NULL */
    struct constant_set *constants; /* that it sees; a reference, or NULL */
    uint64_t began_ns, ends_ns;     /* UINT64_MAX: its gang has not begun */
    uint64_t jobs;                  /* that ran here */
    uint64_t bytes; /* of values here, when it was last looked at */
    bool touched;   /* something happened since its last turn */
    bool dead;      /* and the center will be told */
    bool told;
    uint64_t ran; /* key of the task that ran when it died */
    int rank;
};

struct cluster {
    struct cluster_setup setup;
    struct network *network;
    struct center *center;
    struct member *members; /* by rank - 1 */
    int ranks;
    uint64_t now_ns;
    uint64_t random;
    int *nodes; /* of each rank */
    int *cores; /* the same */
    struct supply supply;
    int *touched;
    size_t touched_count;
    struct timeline ends;       /* of running jobs: struct member */
    uint64_t bytes, bytes_most; /* of values on all workers: now, at the peak */
    uint64_t gangs;             /* that have begun */
    size_t blows;               /* that have come */
    int losses, untold;         /* workers lost; of those, not told yet */
    bool doomed;   /* workers have begun in a gang that is broken: they die */
    bool deserted; /* none is left, and nothing happens any more */
    bool mixed_up; /* a member of a gang began without the others */
};

/* MEMBER is to have a turn. */
void cluster_touch(struct member *member);

struct cluster *cluster_new(const struct cluster_setup *setup);
void cluster_free(struct cluster *cluster);

static inline struct member *cluster_member(struct cluster *cluster, int rank)
{
    return &cluster->members[rank - 1];
}

static inline struct worker *cluster_worker(struct cluster *cluster, int rank)
{
    return cluster->members[rank - 1].worker;
}

/* ---- a worker's thread ---------------------------------------------------*/

/* Let the worker look for the next task, and start it. False: none. */
bool cluster_start_job(struct cluster *cluster, int rank);

/* What FUNCTION gives on the inputs, constants and arguments of the job that
 * MEMBER runs. */
struct buffer *cluster_oracle(const struct member *member, uint32_t function);

/* The task that runs there ends now. */
void cluster_end_job(struct cluster *cluster, int rank);

void cluster_turn(struct cluster *cluster, int rank);

/* ---- what happens next ---------------------------------------------------*/

/* One thing that the seed decides: a message, a transfer, a turn, the start or
 * the end of a task. */
void cluster_step(struct cluster *cluster);

/* Steps until COUNT of them were for nothing: no task is left, and no message.
 * Workers may still wait for what the application has not done yet. */
void cluster_run(struct cluster *cluster);

/* Deliver all messages and let all workers turn, until they say no more. No
 * task starts or ends. */
void cluster_deliver(struct cluster *cluster);

/* center_stop(), and on until all have ended. True: nobody knows a key, nobody
 * has anything to say. */
bool cluster_stop(struct cluster *cluster);

/* ---- losses --------------------------------------------------------------*/

/* RANK is no more, see network_kill(); some steps later the center is told, or
 * at once by cluster_tell(). */
void cluster_kill(struct cluster *cluster, int rank, size_t keep);
void cluster_tell(struct cluster *cluster, int rank);

/* ---- what came of it -----------------------------------------------------*/

/* Sums over all workers, after the stop. */
struct msg_counts cluster_counts(const struct cluster *cluster);

/* Workers that ran a task. */
int cluster_busy_workers(const struct cluster *cluster);

/* ---- short forms for tests -----------------------------------------------*/

/* Submit FUNCTION with one word of arguments. RANK: 0 or a target, HARD. */
uint64_t cluster_submit(struct cluster *cluster, uint32_t function,
                        const uint64_t inputs[], size_t count, uint64_t word,
                        int rank, bool hard);

/* Submit a gang of SIZE members without inputs. */
void cluster_submit_gang(struct cluster *cluster, uint32_t function,
                         uint32_t size, uint64_t word, uint64_t keys[]);

/* Fetch KEY while everything goes on; a buffer the caller unrefs. */
struct buffer *cluster_get(struct cluster *cluster, uint64_t key);

#endif
