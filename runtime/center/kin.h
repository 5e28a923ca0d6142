/* SPDX-License-Identifier: BSD-3-Clause */
/* kin.h - what tasks on the workers submit, ask and wait for.
 *
 * A worker names the keys of its tasks' tasks and keeps those tasks that have
 * all they need there; the center hears of them and counts them like its own.
 * Questions for values go on to who has them, at once or when their tasks are
 * placed. */
#ifndef KIN_H
#define KIN_H

#include "children.h"
#include "circle.h"
#include "late.h"
#include "moves.h"
#include "questions.h"
#include "scheduler.h"

struct kin {
    struct port *port; /* borrowed, like the next two */
    struct exchange *exchange;
    struct scheduler *scheduler; /* with values and catalog */
    struct questions questions;
    struct late late;
    struct circle circle;
    struct map early; /* key -> an end heard before its task; owned */
    bool recover;     /* workers may be lost; only then: */
    struct children children;
    struct moves moves;
    struct map *releases;  /* by rank: keys that its tasks drop later, to
                            * anything; owned */
    struct rankset *stuck; /* workers that want to go on above their limit */
    int goes_on;           /* the one that may; 0: nobody */
};

void kin_init(struct kin *kin, struct port *port, struct exchange *exchange,
              struct scheduler *scheduler);
void kin_fini(struct kin *kin);

/* A message of FROM with that BODY names KEYS: does it have to wait for news of
 * one of them? Then it is kept. */
bool kin_waits_for(struct kin *kin, int from, const uint64_t keys[],
                   size_t count, const void *body);

/* A task that is not known, or not known to have gone on so far, has ended on
 * FROM: that is kept until it is. False: it will not be. */
bool kin_ended_early(struct kin *kin, int from,
                     const struct msg_task_done *done);

/* The task of KEY, whose end is kept so, has left its worker. False: no end is
 * kept. */
bool kin_left_early(struct kin *kin, uint64_t key);

/* The run of PARENT's task has made KEY, by submission or put: if that run is
 * lost KEY is not needed. Without recovery, or if it has ended: nothing. */
void kin_note_child(struct kin *kin, uint64_t parent, uint64_t key);

/* What the task of KEY has submitted are tasks like any others now. */
void kin_forget_children(struct kin *kin, uint64_t key);

/* The task of KEY has ended. */
static inline void kin_ended(struct kin *kin, uint64_t key)
{
    if (kin->circle.waits.count) circle_remove(&kin->circle, key);
}

/* With recovery: keep what is needed for that. */
void kin_recover(struct kin *kin);

/* RANK is lost: it waits for nothing, and tells of no key any more. */
void kin_lost(struct kin *kin, int rank);

/* The task of KEY was lost with its worker, and will run again: what it had
 * submitted is not wanted any more. */
void kin_disown(struct kin *kin, uint64_t key);

/* Reactions. What they make ready moves with the next scheduler_settle(). */
void kin_on_task_new(struct kin *kin, int from,
                     const struct msg_task_new *task);
void kin_on_task_here(struct kin *kin, int from,
                      const struct msg_task_new *task);
void kin_on_task_goes_on(struct kin *kin, int from,
                         const struct msg_task_new *task);
void kin_on_task_went_on(struct kin *kin, int from,
                         const struct msg_task_went_on *went);
void kin_on_key_release(struct kin *kin, int from,
                        const struct msg_key_release *release);
void kin_on_ask_value(struct kin *kin, int from,
                      const struct msg_ask_value *ask);
void kin_on_key_got(struct kin *kin, int from, const struct msg_key_got *got);
void kin_on_stuck(struct kin *kin, int from);
void kin_on_unstuck(struct kin *kin, int from);
void kin_on_blocked(struct kin *kin, int from,
                    const struct msg_blocked *blocked);

#endif
