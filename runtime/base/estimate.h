/* SPDX-License-Identifier: BSD-3-Clause */
/* estimate.h - how long a function takes and how much it puts out, learned. */
#ifndef ESTIMATE_H
#define ESTIMATE_H

#include <stdint.h>

struct estimate {
    uint64_t ns;    /* a moving average; 0: never seen */
    uint64_t bytes; /* the same */
    uint32_t seen;  /* tasks, up to ESTIMATE_WEIGHT */
};

/* A function that has never ended is taken for so long: a worker gets two. */
enum { ESTIMATE_UNKNOWN_NS = 250000, ESTIMATE_WEIGHT = 8 };

static inline uint64_t estimate_ns(const struct estimate *estimate)
{
    return estimate->ns ? estimate->ns : ESTIMATE_UNKNOWN_NS;
}

static inline uint64_t estimate_mix(uint64_t old, uint64_t seen)
{
    return old - old / ESTIMATE_WEIGHT + seen / ESTIMATE_WEIGHT;
}

/* The first run touches code and memory for the first time and says little: 0
 * until there are two. */
static inline uint64_t estimate_known_ns(const struct estimate *estimate)
{
    return estimate->seen > 1 ? estimate->ns : 0;
}

static inline void estimate_learn(struct estimate *estimate, uint64_t ns,
                                  uint64_t bytes)
{
    if (!estimate->seen) {
        *estimate = (struct estimate){ns | 1, bytes, 1};
        return;
    }
    if (estimate->seen < ESTIMATE_WEIGHT) { /* the least of the first few */
        estimate->seen++;
        if (ns < estimate->ns) estimate->ns = ns | 1;
    } else {
        estimate->ns = estimate_mix(estimate->ns, ns) | 1;
    }
    estimate->bytes = estimate_mix(estimate->bytes, bytes);
}

#endif
