/* SPDX-License-Identifier: BSD-3-Clause */
/* theft.h - tasks go from worker to worker: what one with nothing to do asks, what
 * one with enough gives or offers.
 *
 * Whom to ask is steal.h's, which job to give gift.h's. A job that is given away is
 * followed by the fetches of its key, see custody_moved(). */
#ifndef THEFT_H
#define THEFT_H

#include "custody.h"
#include "nest.h"
#include "steal.h"

struct theft {
    struct custody *custody; /* borrowed, with port and agenda; and so is: */
    const struct nest *nest;
    struct steal steal;
    int *nodes, *cores; /* by rank; owned */
};

/* NODES, CORES: of each rank, copied; CORES may be NULL: one each. */
void theft_init(struct theft *theft, struct custody *custody,
                const struct nest *nest, const int nodes[], const int cores[]);
void theft_fini(struct theft *theft);

/* There is nothing to do here: ask the next victim, if there is one. */
void theft_ask(struct theft *theft);

/* Let those that are hungry ask again, if there is something to give. */
void theft_offer(struct theft *theft);

/* Reaction: FROM has nothing to do. It gets jobs, or is kept in mind. */
void theft_on_steal(struct theft *theft, int from);

#endif
