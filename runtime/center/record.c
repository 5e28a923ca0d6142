/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - the moves that a task may make. */
#include "record.h"

#include <assert.h>

#define TO(state) (1u << TASK_##state)
static const unsigned next_states[TASK_STATES] = {
    [TASK_NEW] = TO(WAITING) | TO(READY) | TO(DONE), /* done: it was put */
    [TASK_WAITING] = TO(READY) | TO(FAILED),
    [TASK_READY] = TO(PLACED) | TO(FAILED),
    [TASK_PLACED] = TO(DONE) | TO(FAILED),
    [TASK_DONE] = 0,
    [TASK_FAILED] = 0,
};

void task_enter(struct record *record, enum task_state state)
{
    assert(next_states[record->state] >> state & 1);
    record->state = (uint8_t)state;
}
