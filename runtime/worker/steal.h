/* SPDX-License-Identifier: BSD-3-Clause */
/* steal.h - whom to ask for work, and who has asked.
 *
 * A worker that runs dry asks victims one after another; each victim that has
 * nothing to give keeps it in mind and makes an offer when it has. So idle
 * workers stay silent, whatever their number. After Saraswat et al.,
 * "Lifeline-based global load balancing", PPoPP 2011. Only the bookkeeping is
 * here, the worker says the messages. */
#ifndef STEAL_H
#define STEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "rankset.h"

struct steal {
    int rank, ranks;
    const int *nodes;       /* by rank; borrowed */
    struct rankset *asked;  /* victims that keep this worker in mind */
    struct rankset *hungry; /* thieves that this worker keeps in mind */
    int hungry_count;
    int victim;      /* asked last */
    int last_victim; /* who gave last, 0: nobody */
    int tries;       /* victims asked since there was work */
    int tries_max;
    bool waiting; /* for the answer of the last victim asked */
    uint64_t random;
};

void steal_init(struct steal *steal, int rank, int ranks, const int nodes[]);
void steal_fini(struct steal *steal);

/* The next victim to ask, noted as asked; 0: none, be quiet. */
int steal_next_victim(struct steal *steal);

/* VICTIM has nothing; it has an offer; it gave a task. */
void steal_refused(struct steal *steal, int victim);
void steal_offered(struct steal *steal, int victim);
void steal_given(struct steal *steal, int victim);

/* RANK is lost: it neither gives nor takes. */
void steal_lost(struct steal *steal, int rank);

/* There was work: a new search may start when it ends. */
void steal_rest(struct steal *steal);

/* Keep THIEF in mind; the next one to make an offer to, forgotten (0: none). */
void steal_remember(struct steal *steal, int thief);
int steal_next_thief(struct steal *steal);

#endif
