/* SPDX-License-Identifier: BSD-3-Clause */
/* room.h - who waits until there is memory: jobs for their inputs and outputs,
 * values that somebody wants back from disk, values that peers want to send.
 *
 * Three queues, each first in, first out. The first of a queue goes as soon as
 * there is room. If nothing can leave any more it goes all the same, one at a
 * time, when nothing is on its way that would make room:
 *
 *   a value to come   waits for transfers that have begun,
 *   a value to serve  for those, too, and until the last one is sent,
 *   a job             for all of that, and for the job that runs.
 *
 * So nobody waits for somebody after him in that order, here or on another
 * rank, and somebody always goes on. With a full disk that would not end well:
 * then the job becomes an error, and so does a value to come.
 *
 * The inputs of a job are pinned from when it is the first of its queue until it
 * has ended. Besides the running one there are at most ROOM_STAGED such jobs. */
#ifndef ROOM_H
#define ROOM_H

#include "agenda.h"
#include "failure.h"
#include "memory.h"
#include "message.h"

enum { ROOM_STAGED = 2 };

/* Of a job, in job->stage. */
enum room_stage {
    STAGE_NONE,
    STAGE_WAITS,  /* for its turn */
    STAGE_FIRST,  /* pinned, waits for room */
    STAGE_LOADS,  /* its inputs are read */
    STAGE_BEGUN,  /* it may run; pinned, until it has ended */
    STAGE_MISFIT, /* there will be no room for it; not pinned */
    STAGES
};

/* A value that a peer wants to send. */
struct arrival {
    struct arrival *next;
    uint64_t key;
    struct msg_payload payload;
    int from;
    bool is_error;
    bool needed; /* it is never lost */
    bool lost;   /* there will be no room to keep it */
};

struct room_client {
    void *role;
    void (*receive)(void *role, const struct arrival *); /* now */
};

struct room_value;

struct room {
    struct memory *memory; /* borrowed, like the next */
    struct agenda *agenda;
    struct room_client client;
    struct mem mem;
    struct arrival *arrivals, **arrivals_end; /* owned */
    struct room_value *values, **values_end;  /* owned */
    struct job *jobs[ROOM_STAGED];            /* borrowed; first come, first */
    size_t staged;
    uint64_t lent; /* key that was loaded though there was no room; 0: none */
};

void room_init(struct room *room, struct memory *memory, struct agenda *agenda);
void room_fini(struct room *room);

/* Is there a place for one more job? */
static inline bool room_takes_more(const struct room *room)
{
    return room->staged < ROOM_STAGED;
}

/* JOB, which the agenda has lent, waits until it may begin. */
void room_add(struct room *room, struct job *job);

/* The next job that may begin; it has, unless it is over (see job_is_idle()). It
 * may be a misfit. NULL: none. */
struct job *room_next(struct room *room);

/* Will room_next() give one? */
bool room_has_next(const struct room *room);

/* Does JOB declare more than may be given it without asking? */
bool room_concerns(struct room *room, struct job *job);

/* Are the inputs of JOB in memory? */
bool room_has_all(struct job *job);

/* JOB runs, whether there is room or not. */
void room_hold(struct room *room, struct job *job);

/* JOB, which has a stage, has ended, or runs elsewhere. */
void room_release(struct room *room, struct job *job);

/* The error that JOB, which is OF, ends with: there is no room for it and an
 * output of BYTES, or what it declares, or is thought to put out. */
struct buffer *room_error(const struct room *room, struct job *job,
                          uint64_t bytes, const struct failure_of *of);

/* VALUE, which is away and wanted, is to be loaded. */
void room_load(struct room *room, const struct value *value);

/* ARRIVAL (copied) may come: now, or when the client is told. */
void room_arrival(struct room *room, const struct arrival *arrival);

/* RANK is lost: those from there that wait for room do not any more. Returns how
 * many. */
size_t room_lost(struct room *room, int rank);

/* JOB, which runs, wants BYTES for its output, of which the caller takes the
 * memory afterwards. */
enum room_answer { ROOM_YES, ROOM_WAIT, ROOM_NEVER };
enum room_answer room_output(struct room *room, struct job *job,
                             uint64_t bytes);

/* Something has changed: let go on who can. */
void room_turn(struct room *room);

/* Does a value wait to be served? */
static inline bool room_serves(const struct room *room)
{
    return room->values || room->memory->loading;
}

/* For tests: no job of it is anywhere else. */
void room_check(const struct room *room);

#endif
