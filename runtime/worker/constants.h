/* SPDX-License-Identifier: BSD-3-Clause */
/* constants.h - named bytes, as tasks of each epoch see them.
 *
 * Each constant that the center sets or removes begins an epoch; workers hear of
 * them in the same order, of their bytes in any. A task belongs to the epoch of
 * its submission, sees what was set up to there, and waits until all of that has
 * come. */
#ifndef CONSTANTS_H
#define CONSTANTS_H

#include "job.h"
#include "table.h"

struct constant {
    uint32_t refs;
    struct buffer *buffer; /* a reference is owned; NULL: it has not come */
    char name[CONSTANT_NAME_BYTES];
};

/* All constants of an epoch. Does not change: who has a reference may read it
 * without the token. */
struct constant_set {
    uint32_t refs;
    uint32_t count;
    struct constant *constants[]; /* by name; a reference to each is owned */
};

#define CONSTANTS_NOW UINT64_MAX

struct constants {
    struct table epochs;  /* of struct epoch, by number */
    uint64_t first, last; /* of those in the table; last 0: there are none */
    uint64_t complete;    /* what was set up to this epoch has come */
    struct queue early;   /* jobs of later ones, the earliest first */
};

void constants_init(struct constants *constants);
void constants_fini(struct constants *constants);

/* EPOCH begins, the one after the last: NAME stands for other bytes, which will
 * come, or, if it is NOT THERE any more, for nothing. */
void constants_begin(struct constants *constants, uint64_t epoch,
                     const char *name, bool there);

/* The bytes that EPOCH set have come (a reference is taken). */
void constants_came(struct constants *constants, uint64_t epoch,
                    struct buffer *buffer);

/* No task of an epoch before FIRST is left. */
void constants_forget(struct constants *constants, uint64_t first);

/* JOB has an epoch. If that is not complete it misses one thing more; it is then
 * given by constants_next_job(), once, when it is. */
void constants_await(struct constants *constants, struct job *job);
struct job *constants_next_job(struct constants *constants);

/* JOB does not any more. */
void constants_leave(struct constants *constants, struct job *job);

/* What tasks of EPOCH, which is complete, see; a reference for the caller. If
 * EPOCH is forgotten, nobody cares what the task does: it sees the next. EPOCH
 * CONSTANTS_NOW: the last complete one. NULL: there are no constants, EPOCH is 0. */
struct constant_set *constants_of(const struct constants *constants,
                                  uint64_t epoch);
void constant_set_unref(struct constant_set *set);

/* NULL: none of that name. SET may be NULL. */
const struct buffer *constant_set_find(const struct constant_set *set,
                                       const char *name);

#endif
