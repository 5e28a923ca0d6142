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
void rankset_remove(struct rankset *set, int rank);
bool rankset_has(const struct rankset *set, int rank);
size_t rankset_count(const struct rankset *set);

/* The first member at or after RANK, or -1. */
int rankset_next(const struct rankset *set, int rank);

/* A member of both sets, or -1. */
int rankset_common(const struct rankset *a, const struct rankset *b);

void rankset_free(struct rankset *set);

#endif
