/* SPDX-License-Identifier: BSD-3-Clause */
/* record.h - what the center knows of one key and of the task that makes it.
 *
 * The task that will produce key K is known as K: one record for both. While
 * the task has not ended the record has a spec, all that is needed to run it,
 * also a second time. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"
#include "message.h"
#include "queue.h"
#include "rankset.h"

enum task_state {
    TASK_NEW,     /* the record has just been made */
    TASK_WAITING, /* the tasks that produce its inputs are not all placed */
    TASK_READY,   /* waits for room on a worker */
    TASK_PLACED,  /* its worker has it */
    TASK_DONE,    /* the value exists */
    TASK_FAILED,  /* the value is an error */
    TASK_GONE,    /* the value was dropped; others may be made of it again */
    TASK_STATES
};

struct record {
    uint64_t key;           /* first, see table.h */
    uint64_t bytes;         /* of the value; a guess while it does not exist */
    struct spec *spec;      /* owned; NULL when the task has ended and left, see
                             * scheduler_left(), unless there is a lineage */
    struct rankset *copies; /* owned; who else holds it or is about to */
    struct rankset *notes;  /* owned; see values_note() */
    uint32_t needs;         /* unended tasks and calls that want the value */
    int32_t owner;          /* the rank that holds or will make it, or for
                             * which its task is held; 0: none */
    uint16_t attempt;       /* of the task; only its end counts */
    uint8_t state;          /* enum task_state */
    bool held : 1;          /* the application has not dropped it */
    bool spread : 1;        /* its copies were made on purpose */
    bool watched : 1;       /* somebody waits for its end; see watch.h */
    bool dealt : 1;         /* its task could run anywhere */
    bool sought : 1;        /* somebody asks for it when its task is placed */
    bool outside : 1; /* the value lies on no worker; see center_put_later() */
    bool kept : 1;    /* its spec is that of a task that has left */
    bool moved : 1;   /* its task was given from worker to worker */
    uint16_t heirs;   /* tasks submitted so far; see placement.h */
};

/* A task that waits watches one input at a time, the first whose task is not
 * placed (has not ended, if it gathers resources), and is in that task's list: so edges need no memory of their own
 * (as SAT solvers watch literals: Moskewicz et al., "Chaff", DAC 2001). */
struct spec {
    struct link link; /* first; in a queue of the scheduler or of a worker, or
                       * by next in the list of those that watch a task */
    struct spec *watchers; /* the last one first */
    struct record *record; /* whose spec it is */
    uint64_t order;        /* see order.h */
    uint32_t function;
    uint32_t inputs; /* count */
    uint32_t args;   /* bytes */
    int32_t target;  /* wanted rank, 0: none */
    union {
        uint32_t placed;  /* while it waits: the first so many inputs are */
        uint32_t cost_ns; /* then: what was added to the worker's load */
    };
    uint16_t heir_of; /* 1 + the number of that input; 0: there are none */
    uint8_t name;     /* bytes */
    uint8_t flags;    /* RUN_... */
    /* then: inputs x struct record *, terms if flagged, arguments, name */
};

/* Where a spec's tail lies. */
static inline struct record **spec_inputs(struct spec *spec)
{
    return (struct record **)(spec + 1);
}

static inline struct msg_terms *spec_terms(struct spec *spec)
{
    return (struct msg_terms *)(spec_inputs(spec) + spec->inputs);
}

static inline struct msg_resource *spec_ids(struct spec *spec)
{
    return (struct msg_resource *)(spec_terms(spec) + 1);
}

/* Bytes of its terms and what belongs to them. */
static inline size_t spec_terms_bytes(const struct spec *spec)
{
    return spec->flags & RUN_TERMS
               ? terms_bytes(spec_terms((struct spec *)spec))
               : 0;
}

static inline char *spec_args(struct spec *spec)
{
    return (char *)spec_terms(spec) + spec_terms_bytes(spec);
}

static inline char *spec_name(struct spec *spec)
{
    return spec_args(spec) + spec->args;
}

_Static_assert(sizeof(struct record) == 56, "what a key costs");
_Static_assert(sizeof(struct spec) == 64, "and its task, while it is pending");

/* Bytes of what follows the inputs. */
static inline size_t spec_tail(const struct spec *spec)
{
    return spec_terms_bytes(spec) + spec->args + spec->name;
}

static inline size_t spec_bytes(uint32_t inputs, size_t tail)
{
    return sizeof(struct spec) + inputs * sizeof(struct record *) + tail;
}

/* May only some of the workers run it? Then it has a ticket, see demands.h. */
static inline bool spec_is_picky(struct spec *spec)
{
    return spec->flags & RUN_TERMS && spec_terms(spec)->ticket;
}

/* Does it need resources for itself? */
static inline bool spec_gathers(struct spec *spec)
{
    return spec->flags & RUN_TERMS && spec_terms(spec)->ids;
}

/* Move RECORD to STATE; a bug if the table does not allow it. */
void task_enter(struct record *record, enum task_state state);

static inline bool task_ended(const struct record *record)
{
    return record->state >= TASK_DONE;
}

/* Is its task not over, or does it still use its inputs? */
static inline bool task_active(const struct record *record)
{
    return record->spec && !record->kept;
}

static inline bool task_placed(const struct record *record)
{
    return record->state >= TASK_PLACED;
}

#endif
