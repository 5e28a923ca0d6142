/* SPDX-License-Identifier: BSD-3-Clause */
/* rankset.c - a bitmap with its own length. */
#include "rankset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct rankset {
    int words;
    uint64_t bits[];
};

void rankset_add(struct rankset **set, int rank, int ranks)
{
    if (!*set) {
        int words = (ranks + 63) / 64;
        size_t bytes =
            sizeof(struct rankset) + (size_t)words * sizeof(uint64_t);
        *set = log_alloc(bytes);
        memset(*set, 0, bytes);
        (*set)->words = words;
    }
    (*set)->bits[rank / 64] |= 1ull << rank % 64;
}

void rankset_clear_bit(struct rankset *set, int rank)
{
    set->bits[rank / 64] &= ~(1ull << rank % 64);
}

bool rankset_has(const struct rankset *set, int rank)
{
    return set && set->bits[rank / 64] >> rank % 64 & 1;
}

size_t rankset_count(const struct rankset *set)
{
    size_t count = 0;
    for (int i = 0; set && i < set->words; i++)
        count += (size_t)__builtin_popcountll(set->bits[i]);
    return count;
}

int rankset_find_bit(const struct rankset *set, int rank)
{
    for (int i = rank / 64; i < set->words; i++) {
        uint64_t rest = set->bits[i];
        if (i == rank / 64) rest &= ~0ull << rank % 64;
        if (rest) return i * 64 + __builtin_ctzll(rest);
    }
    return -1;
}

int rankset_common(const struct rankset *a, const struct rankset *b)
{
    for (int i = 0; a && b && i < a->words && i < b->words; i++) {
        uint64_t both = a->bits[i] & b->bits[i];
        if (both) return i * 64 + __builtin_ctzll(both);
    }
    return -1;
}

void rankset_free(struct rankset *set)
{
    free(set);
}
