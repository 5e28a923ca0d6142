/* SPDX-License-Identifier: BSD-3-Clause */
/* rankset.h - a set of ranks: one bit each, made when the first is added. */
#ifndef RANKSET_H
#define RANKSET_H

#include <stdbool.h>
#include <stddef.h>

/* NULL is the empty set; otherwise owned by who holds the pointer. */
struct rankset;

/* Add RANK, 0 <= RANK < RANKS; RANKS is the same for all calls on one set. */
void rankset_add(struct rankset **set, int rank, int ranks);
bool rankset_has(const struct rankset *set, int rank);
size_t rankset_count(const struct rankset *set);

/* Most sets are empty: then these cost a comparison. */
void rankset_clear_bit(struct rankset *set, int rank);
int rankset_find_bit(const struct rankset *set, int rank);

static inline void rankset_remove(struct rankset *set, int rank)
{
    if (set) rankset_clear_bit(set, rank);
}

/* The first member at or after RANK, or -1. */
static inline int rankset_next(const struct rankset *set, int rank)
{
    return set ? rankset_find_bit(set, rank) : -1;
}

/* A member of both sets, or -1. */
int rankset_common(const struct rankset *a, const struct rankset *b);

void rankset_free(struct rankset *set);

#endif
