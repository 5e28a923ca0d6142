/* SPDX-License-Identifier: BSD-3-Clause */
/* replicas.h - the copies that are kept of each value that was put, because no
 * task can make it again.
 *
 * They are begun as soon as a value is there, and again after a loss: between two
 * losses there are as many as are wanted, or as there are workers. */
#ifndef REPLICAS_H
#define REPLICAS_H

#include "exchange.h"
#include "losses.h"

struct replicas {
    struct values *values; /* borrowed, like the next two */
    struct exchange *exchange;
    struct losses *losses;
    size_t wanted; /* workers that hold such a value; 0 and 1 are the same */
    struct map making; /* key -> how many are under way; owned */
};

void replicas_fini(struct replicas *replicas);

/* RECORD's value was put, and has a holder: as many others as are missing get
 * copies. It is needed until they have. */
void replicas_keep(struct replicas *replicas, struct record *record);

/* Losses have been settled: the same for all that were put. Costs a look at all
 * records. */
void replicas_restore(struct replicas *replicas);

/* Are copies of KEY under way? */
static inline bool replicas_are_made(const struct replicas *replicas,
                                     uint64_t key)
{
    return replicas->making.count && map_get(&replicas->making, key);
}

#endif
