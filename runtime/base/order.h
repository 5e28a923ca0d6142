/* SPDX-License-Identifier: BSD-3-Clause */
/* order.h - what runs first, as one number: the higher.
 *
 * The user's priority counts first, then whether a task frees memory (the
 * worker that has its inputs knows), then its turn: the lower the earlier. Turns
 * are given out at submission; the tasks of one graph take several, those with
 * the longest paths ahead of them the first ones. A task that a task submits
 * comes a little before its parent's turn: depth first, so that little is
 * pending at a time; thieves take from the other end. */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

#define ORDER_FREES    ((uint64_t)1 << 31)
#define ORDER_DEPTHS   0x10000u /* of tasks in tasks that count */
#define ORDER_TURN_MAX (0x7fffffffu - ORDER_DEPTHS)

static inline uint64_t order_make(int32_t priority, uint32_t turn)
{
    uint64_t high = (uint32_t)priority ^ 0x80000000u;
    return high << 32 | (ORDER_TURN_MAX - turn);
}

/* For a task submitted by one of order PARENT: before those of its parent's
 * depth. PRIORITY 0: its parent's. */
static inline uint64_t order_deeper(uint64_t parent, int32_t priority)
{
    uint64_t order = parent & ~ORDER_FREES;
    if ((order & (ORDER_FREES - 1)) < ORDER_TURN_MAX + ORDER_DEPTHS) order++;
    if (!priority) return order;
    return order_make(priority, 0) >> 32 << 32 | (order & (ORDER_FREES - 1));
}

#endif
