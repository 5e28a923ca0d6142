/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.h - the end of the pool on this worker: what the center has told, and
 * what was answered.
 *
 * Each step is taken once, in this order: STOP is heard; when no request is
 * open, QUIET is said; COUNT is heard; when no transfer to here is under way,
 * STOPPED is said, with all that was counted; END is heard, and says how many
 * messages there are to hear. STOPPED counts what was said to each peer: none
 * is told anything after it. */
#ifndef ENDING_H
#define ENDING_H

#include "custody.h"

/* All zero: the pool goes on. */
struct ending {
    bool stopping;          /* nothing new is asked for */
    dmpi_status status;     /* with which the pool ends then */
    bool quiet;             /* the center knows that nothing is */
    bool counting, stopped; /* told to say its last; has */
    uint64_t to_hear;       /* messages, from END; 0: not told yet */
};

/* Reactions. */
void ending_on_stop(struct ending *ending, const struct msg_stop *stop);
void ending_on_count(struct ending *ending, const struct msg_count *count);
void ending_on_end(struct ending *ending, const struct msg_end *end);

/* A rank is lost: if it was told how much there is to hear it will be told
 * anew. */
void ending_lost(struct ending *ending);

/* The pool is stopping: one step to the end, if it can be taken. */
void ending_turn(struct ending *ending, struct custody *custody);

/* Has all been heard at PORT that there is to hear? */
bool ending_is_over(const struct ending *ending, const struct port *port);

#endif
