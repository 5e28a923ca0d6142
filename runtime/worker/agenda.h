/* SPDX-License-Identifier: BSD-3-Clause */
/* agenda.h - what a worker has to run: the ready jobs, the running one, and how
 * long all of that is thought to take. */
#ifndef AGENDA_H
#define AGENDA_H

#include "estimate.h"
#include "job.h"

struct agenda {
    struct queue ready;         /* jobs whose inputs are all here */
    uint64_t backlog_ns;        /* they are thought to take */
    size_t unended;             /* jobs here: waiting, ready and running */
    size_t stolen;              /* jobs from peers that have not run yet */
    struct job *running;        /* or NULL */
    uint64_t began_ns;          /* when it was taken */
    uint64_t now_ns;            /* the clock, as last handed in */
    struct estimate *estimates; /* by function; owned */
};

void agenda_init(struct agenda *agenda, uint32_t functions);

/* The ready jobs are given back to MEM. */
void agenda_fini(struct agenda *agenda, struct mem *mem);

/* JOB misses nothing any more. */
void agenda_add(struct agenda *agenda, struct job *job);

/* JOB, which is ready, is not to run here. */
void agenda_remove(struct agenda *agenda, struct job *job);

/* The next job, running from now on; NULL: none. Nothing runs before. */
struct job *agenda_take(struct agenda *agenda);

/* The next job, which does not run yet: the caller's, until it begins by
 * agenda_begin(), which is the second half of agenda_take(). */
struct job *agenda_lend(struct agenda *agenda);
void agenda_begin(struct agenda *agenda, struct job *job);

/* JOB, which was taken, does not run after all: the caller's, as if lent. */
void agenda_delay(struct agenda *agenda, struct job *job);

/* JOB, which is ready, runs from now on, while the running one waits for it. */
void agenda_take_over(struct agenda *agenda, struct job *job);

/* JOB, which runs, waits; what it took over from waits as well. It runs
 * again. */
void agenda_pause(struct agenda *agenda, struct job *job);
void agenda_resume(struct agenda *agenda, struct job *job);

/* The running job has ended after NS; OUTPUT_BYTES is what it gave, and counts
 * for the forecast if it did not FAIL. */
void agenda_end(struct agenda *agenda, uint64_t ns, uint64_t output_bytes,
                bool failed);

/* What running and ready jobs except JOB are thought to take. */
uint64_t agenda_ahead_ns(const struct agenda *agenda, const struct job *job);

/* How long the running job is thought to go on: what is left of what its function
 * took before, or, past that, as long again as it has run. 0: none runs. */
uint64_t agenda_left_ns(const struct agenda *agenda);

/* What JOB is thought to take: what its function took before, or the running job
 * of that function so far, if that is more; 0: unknown. */
uint64_t agenda_job_ns(const struct agenda *agenda, const struct job *job);

/* How many jobs may go to a peer while so many OTHERS are waiting for some: half
 * of those ready, rounded up if one is running, with one other a third; one, if
 * there is one to go. */
size_t agenda_share(const struct agenda *agenda, int others);

#endif
