/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - the moves that a task may make. */
#include "record.h"

#include <assert.h>

#define TO(state) (1u << TASK_##state)
static const unsigned next_states[TASK_STATES] = {
    [TASK_NEW] = TO(WAITING) | TO(READY) | TO(DONE), /* done: it was put */
    [TASK_WAITING] = TO(READY) | TO(FAILED),
    [TASK_READY] = TO(PLACED) | TO(FAILED) | TO(WAITING), /* inputs lost */
    [TASK_PLACED] = TO(DONE) | TO(FAILED) | TO(WAITING),  /* worker lost */
    [TASK_DONE] = TO(GONE) | TO(WAITING) | TO(FAILED),    /* value lost */
    [TASK_FAILED] = TO(GONE) | TO(WAITING) | TO(FAILED),  /* the same */
    [TASK_GONE] = TO(WAITING) | TO(FAILED),
};

void task_enter(struct record *record, enum task_state state)
{
    assert(next_states[record->state] >> state & 1);
    record->state = (uint8_t)state;
}
