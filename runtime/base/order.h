/* SPDX-License-Identifier: BSD-3-Clause */
/* order.h - what runs first, as one number: the higher.
 *
 * The user's priority counts first, then whether a task frees memory (the
 * worker that has its inputs knows), then its turn: the lower the earlier. Turns
 * are given out at submission; the tasks of one graph take several, those with
 * the longest paths ahead of them the first ones. */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

#define ORDER_TURN_MAX 0x7fffffffu
#define ORDER_FREES    ((uint64_t)1 << 31)

static inline uint64_t order_make(int32_t priority, uint32_t turn)
{
    uint64_t high = (uint32_t)priority ^ 0x80000000u;
    return high << 32 | (ORDER_TURN_MAX - turn);
}

#endif
