/* SPDX-License-Identifier: BSD-3-Clause */
/* key.h - how a key is made: the rank that named it, and that rank's counter.
 *
 * Any rank can name a new key without asking. Counters start at 1, so no key
 * is DMPI_KEY_NONE. */
#ifndef KEY_H
#define KEY_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_COUNTER_BITS 48
#define KEY_RANK_MAX     0xfffe /* 0xffff marks DMPI_NTH() */

static inline uint64_t key_make(int rank, uint64_t counter)
{
    return (uint64_t)rank << KEY_COUNTER_BITS | counter;
}

static inline int key_rank(uint64_t key)
{
    return (int)(key >> KEY_COUNTER_BITS);
}

static inline uint64_t key_counter(uint64_t key)
{
    return key & ((1ull << KEY_COUNTER_BITS) - 1);
}

/* Is it DMPI_NTH(i)? Then the counter is i. */
static inline bool key_is_nth(uint64_t key)
{
    return key_rank(key) > KEY_RANK_MAX;
}

#endif
