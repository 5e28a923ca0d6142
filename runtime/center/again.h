/* SPDX-License-Identifier: BSD-3-Clause */
/* again.h - tasks that go back to their beginning, because a worker is lost: the
 * one that had them, or the only one that had their value.
 *
 * Between again_begin() and again_end() no task is in a queue, and none watches
 * another: all that have no worker begin anew. */
#ifndef AGAIN_H
#define AGAIN_H

#include "scheduler.h"

struct again {
    struct scheduler *scheduler; /* borrowed, with a lineage */
    struct record **due;         /* values to be made again; owned */
    size_t due_count, due_room;
    uint64_t tasks; /* that are run again, in all */
    uint64_t keys;  /* of those, whose values had been there */
};

void again_init(struct again *again, struct scheduler *scheduler);
void again_fini(struct again *again);

void again_begin(struct again *again);

/* The task of RECORD was on a lost worker, which did not end it. */
void again_task(struct again *again, struct record *record);

/* The value of RECORD, which has ended, is nowhere any more, and its task can
 * make it again: it will, and before it those whose values it needs and that are
 * gone. */
void again_value(struct again *again, struct record *record);

/* A task like that of RECORD, which has ended: it waits, and nobody wants its
 * value. */
struct record *again_copy(struct again *again, const struct record *record);

/* All tasks that have no worker wait again for those before them. */
void again_end(struct again *again);

#endif
