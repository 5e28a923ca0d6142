/* SPDX-License-Identifier: BSD-3-Clause */
/* closing.h - the end of the pool, in three steps: all are told to ask for
 * nothing more, to say their last, and how much they have to hear.
 *
 * A step is taken when all workers have answered the one before. So a worker
 * that has heard as much as it was told will never hear anything again. */
#ifndef CLOSING_H
#define CLOSING_H

#include <stdbool.h>

#include "distmpi/status.h"
#include "port.h"

struct closing {
    struct port *port;         /* borrowed */
    struct msg_counts *counts; /* by rank - 1; owned */
    struct msg_stopped **last; /* by rank: what it said last, and NULL before;
                                * owned */
    int living;                /* workers that are not lost */
    bool stopping;             /* nothing new is asked for */
    bool *is_quiet;            /* by rank; owned */
    int quiet;                 /* workers that ask nobody for anything */
    bool counting;             /* all are told to say their last */
    int stopped;               /* workers that have */
};

void closing_init(struct closing *closing, struct port *port);
void closing_fini(struct closing *closing);

/* Tell all workers that the pool ends with STATUS. */
void closing_begin(struct closing *closing, dmpi_status status);

/* FROM asks nobody for anything any more. */
void closing_on_quiet(struct closing *closing, int from);

/* RANK is lost: nothing is awaited from it, and nobody has to hear what it said.
 * Those that have been told how much they have to hear are told anew. */
void closing_lost(struct closing *closing, int rank);

/* Are all quiet, and not told to say their last? */
static inline bool closing_may_count(const struct closing *closing)
{
    return !closing->counting && closing->quiet >= closing->living;
}

/* They may, and nobody waits for anybody, so nothing but what is on its way will
 * be said: tell them to say their last. */
void closing_count(struct closing *closing);

/* FROM has said its last. */
void closing_on_stopped(struct closing *closing, int from,
                        const struct msg_stopped *stopped);

/* All have, and been told how much they have to hear. */
static inline bool closing_is_over(const struct closing *closing)
{
    return closing->counting && closing->stopped == closing->living;
}

#endif
