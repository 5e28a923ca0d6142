/* SPDX-License-Identifier: BSD-3-Clause */
/* job.h - a task that this worker has been given, until it ends or is given
 * away. */
#ifndef JOB_H
#define JOB_H

#include <stdatomic.h>

#include "mem.h"
#include "message.h"
#include "queue.h"
#include "store.h"

/* In struct job.flags, besides RUN_...: what only this worker knows. */
enum {
    JOB_READY = 0x100, /* is in the queue of ready jobs */
    JOB_PINS = 0x200,  /* a task here submitted it: it has pinned its inputs */
    JOB_GOES_ON = 0x400, /* the center knows that another follows it */
    JOB_OVER = 0x800,    /* its key has an end, see control.h */
    JOB_TOLD = 0x1000,   /* and the center has been told of it */
    JOB_AGAIN = 0x4000,  /* its value is here, see broken.h */
    JOB_ASTRAY = 0x2000  /* it is over, and the center does not count it */
};

struct job {
    struct link link; /* first; in the queue of ready jobs, or of those whose
                       * constants have not come */
    uint64_t key;
    uint64_t order;       /* see order.h */
    struct value *output; /* what it makes; borrowed */
    uint64_t cost_ns;     /* what it was thought to take when it became ready */
    uint32_t function;
    uint32_t inputs;     /* count */
    uint32_t args;       /* bytes */
    uint8_t name;        /* bytes */
    _Atomic bool halted; /* it was cancelled or is late: it should return */
    uint8_t stage;       /* enum room_stage, see room.h */
    uint32_t missing;    /* inputs that are not here yet, and 1 for constants */
    uint32_t local;      /* inputs that were, or are made here */
    int32_t from;        /* the rank that gave it */
    uint16_t attempt;
    uint16_t flags;    /* RUN_..., JOB_... */
    struct job *outer; /* runs on: the task that waits for this one; borrowed */
    uint64_t ran_ns;   /* so far, while it waits */
    uint64_t reserved; /* bytes that are set aside for its output */
    /* then: inputs x struct value *, terms if flagged, arguments, name */
};

/* JOB misses inputs, will it not run when they are here? A member of a gang does
 * even if it is over: the others may have begun. */
static inline bool job_is_idle(const struct job *job)
{
    return (job->flags & (JOB_OVER | RUN_GANG)) == JOB_OVER;
}

static inline struct value **job_inputs(struct job *job)
{
    return (struct value **)(job + 1);
}

static inline bool job_has_terms(const struct job *job)
{
    return job->flags & RUN_TERMS;
}

static inline struct msg_terms *job_terms(struct job *job)
{
    return (struct msg_terms *)(job_inputs(job) + job->inputs);
}

static inline const struct msg_resource *job_ids(struct job *job)
{
    return terms_ids(job_terms(job));
}

/* Bytes of its terms and what belongs to them. */
static inline size_t job_terms_bytes(const struct job *job)
{
    return job_has_terms(job) ? terms_bytes(job_terms((struct job *)job)) : 0;
}

static inline char *job_args(struct job *job)
{
    return (char *)job_terms(job) + job_terms_bytes(job);
}

static inline const char *job_name(struct job *job)
{
    return job_args(job) + job->args;
}

/* Of constants; 0: it has none. */
static inline uint64_t job_epoch(struct job *job)
{
    return job_has_terms(job) ? job_terms(job)->epoch : 0;
}

/* Bytes of what follows the inputs. */
static inline size_t job_tail(const struct job *job)
{
    return job_terms_bytes(job) + job->args + job->name;
}

/* Bytes of JOB and all that lies behind it. */
size_t job_bytes(const struct job *job);

/* A job like HEAD, with TAIL bytes behind its inputs; all that follows is to be
 * filled in. */
struct job *job_make(struct mem *mem, const struct job *head, size_t tail);

/* A job as the message says; its inputs are to be filled in. */
struct job *job_new(struct mem *mem, int from, const struct msg_task_run *run);
void job_free(struct mem *mem, struct job *job);

/* The first input that is an error, or NULL. All inputs are here. */
struct buffer *job_bad_input(struct job *job);

/* Bytes of all inputs. */
uint64_t job_input_bytes(struct job *job);

#endif
