/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell.h - sleep until a neighbour has something to say.
 *
 * Each rank of a node has a word in a window of shared memory. A sleeper raises
 * it and waits on a futex; a sender that sees it raised rings. From ranks of
 * other nodes nothing rings: a sleeper naps for a limited time.
 * Behind its word each rank has a page, which all of its node can read. */
#ifndef DOORBELL_H
#define DOORBELL_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

enum { DOORBELL_PAGE_BYTES = 64 };

struct doorbell {
    MPI_Win window;
    struct doorbell_word **words; /* by rank of the pool; NULL: far. Owned */
    struct doorbell_word *own;
    bool all_near; /* every rank can ring here */
};

/* Collective over NODE, the communicator of ranks that share memory. RANKS[i]
 * is the pool rank of NODE's rank i, RANKS_COUNT the size of the pool. */
void doorbell_init(struct doorbell *bell, MPI_Comm node, const int ranks[],
                   int pool_ranks);
void doorbell_fini(struct doorbell *bell); /* collective over NODE */

/* The same without the other ranks: what is shared stays until they end. */
void doorbell_abandon(struct doorbell *bell);

/* The page of RANK: zero until that rank writes it. NULL: it is far. */
void *doorbell_page(const struct doorbell *bell, int rank);

/* Raise the own word; then poll once more, then wait or lower it. */
void doorbell_raise(struct doorbell *bell);
void doorbell_lower(struct doorbell *bell);

/* Wait until rung, at most NAP_NS. The word may stay raised: another thread of
 * this rank may wait behind it. */
void doorbell_wait(struct doorbell *bell, uint64_t nap_ns);

/* What was sent to RANK is on its way: wake it if it sleeps. */
void doorbell_ring(struct doorbell *bell, int rank);

#endif
