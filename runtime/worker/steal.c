/* SPDX-License-Identifier: BSD-3-Clause */
/* steal.c - two sets of ranks and a few random choices. */
#include "steal.h"

enum { TRIES_LEAST = 3, RANDOM_PROBES = 4 };

void steal_init(struct steal *steal, int rank, int ranks, const int nodes[])
{
    *steal = (struct steal){.rank = rank,
                            .ranks = ranks,
                            .nodes = nodes,
                            .random = (uint64_t)rank * 0x9e3779b97f4a7c15u + 1};
    for (int workers = ranks - 1; workers > 1; workers /= 2) steal->tries_max++;
    steal->tries_max += TRIES_LEAST;
}

void steal_fini(struct steal *steal)
{
    rankset_free(steal->asked);
    rankset_free(steal->hungry);
}

/* xorshift64 (Marsaglia 2003). */
static uint64_t next_random(struct steal *steal)
{
    steal->random ^= steal->random << 13;
    steal->random ^= steal->random >> 7;
    steal->random ^= steal->random << 17;
    return steal->random;
}

static bool may_ask(const struct steal *steal, int rank)
{
    return rank > 0 && rank != steal->rank && !rankset_has(steal->asked, rank);
}

static int random_worker(struct steal *steal)
{
    return 1 + (int)(next_random(steal) % (uint64_t)(steal->ranks - 1));
}

/* The last victim, then a neighbour on the node, then anybody. */
static int choose(struct steal *steal)
{
    if (may_ask(steal, steal->last_victim)) return steal->last_victim;
    int any = 0;
    for (int i = 0; i < RANDOM_PROBES; i++) {
        int rank = random_worker(steal);
        if (!may_ask(steal, rank)) continue;
        if (steal->nodes[rank] == steal->nodes[steal->rank]) return rank;
        any = rank;
    }
    int start = random_worker(steal);
    for (int i = 0; !any && i < steal->ranks - 1; i++) {
        int rank = 1 + (start - 1 + i) % (steal->ranks - 1);
        if (may_ask(steal, rank)) any = rank;
    }
    return any;
}

int steal_next_victim(struct steal *steal)
{
    if (steal->waiting || steal->tries >= steal->tries_max) return 0;
    int victim = choose(steal);
    steal->tries = victim ? steal->tries + 1 : steal->tries_max;
    if (!victim) return 0;
    rankset_add(&steal->asked, victim, steal->ranks);
    steal->waiting = true;
    steal->victim = victim;
    return victim;
}

void steal_refused(struct steal *steal, int victim)
{
    (void)victim; /* it keeps us in mind: stays among the asked */
    steal->waiting = false;
}

void steal_offered(struct steal *steal, int victim)
{
    rankset_remove(steal->asked, victim);
    steal->last_victim = victim;
    steal->tries = 0;
}

void steal_given(struct steal *steal, int victim)
{
    steal_offered(steal, victim);
    steal->waiting = false;
}

/* It stays among those asked. */
void steal_lost(struct steal *steal, int rank)
{
    rankset_add(&steal->asked, rank, steal->ranks);
    if (steal->victim == rank) steal->waiting = false;
    if (!rankset_has(steal->hungry, rank)) return;
    rankset_remove(steal->hungry, rank);
    steal->hungry_count--;
}

void steal_rest(struct steal *steal)
{
    steal->tries = 0;
}

void steal_remember(struct steal *steal, int thief)
{
    if (rankset_has(steal->hungry, thief)) return;
    rankset_add(&steal->hungry, thief, steal->ranks);
    steal->hungry_count++;
}

int steal_next_thief(struct steal *steal)
{
    if (!steal->hungry_count) return 0;
    int from = random_worker(steal);
    int thief = rankset_next(steal->hungry, from);
    if (thief < 0) thief = rankset_next(steal->hungry, 0);
    rankset_remove(steal->hungry, thief);
    steal->hungry_count--;
    return thief;
}
