/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h - numbers that a seed decides. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* splitmix64 (Steele et al. 2014): any seed will do. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 .. N-1; N is not 0. */
static inline uint32_t random_below(uint64_t *state, uint64_t n)
{
    return (uint32_t)((random_next(state) >> 11) % n);
}

static inline bool random_one_in(uint64_t *state, unsigned n)
{
    return random_below(state, n) == 0;
}

#endif
