/* SPDX-License-Identifier: BSD-3-Clause */
/* moves.h - tasks that were given on before the center knew of the giver.
 *
 * A task goes from worker to worker; each giver tells the center, and what the
 * second says may come before what the first does. Those are kept until the
 * first is here: so the worker that the center knows is the one that has the
 * task, or is about to get it, as soon as all have been heard. */
#ifndef MOVES_H
#define MOVES_H

#include <stdbool.h>

#include "map.h"

struct moves {
    struct map by_key; /* to the first struct move of a task, owned */
    struct map givers; /* of tasks that are not over, to who gave it last */
};

void moves_fini(struct moves *moves);

/* Attempt ATTEMPT of the task of KEY went from FROM to TO. */
void moves_add(struct moves *moves, uint64_t key, uint16_t attempt, int from,
               int to);

/* Where FROM gave that attempt, or 0; that is known then, and not kept. */
int moves_take(struct moves *moves, uint64_t key, uint16_t attempt, int from);

/* The one rank, if there is one, that got that attempt once more often than it
 * gave it, but for LOST ranks; 0: none. */
int moves_end_of(const struct moves *moves, uint64_t key, uint16_t attempt,
                 const bool lost[]);

/* The task of KEY is known to have come from FROM, the last giver; 0: nobody
 * gave it. */
void moves_give(struct moves *moves, uint64_t key, int from);
int moves_giver(const struct moves *moves, uint64_t key);

/* Is anything kept of any task? */
static inline bool moves_any(const struct moves *moves)
{
    return moves->by_key.count || moves->givers.count;
}

/* Whatever was said of the task of KEY does not matter any more. */
void moves_forget(struct moves *moves, uint64_t key);

#endif
