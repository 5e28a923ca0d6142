/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - the moves that a task may make. */
#include "record.h"

#include <assert.h>

#define TO(state) (1u << TASK_##state)
static const unsigned next_states[TASK_STATES] = {
    [TASK_NEW] = TO(WAITING) | TO(READY) | TO(DONE), /* done: it was put */
    [TASK_WAITING] = TO(READY),
    [TASK_READY] = TO(PLACED),
    [TASK_PLACED] = TO(DONE) | TO(FAILED),
    [TASK_DONE] = 0,
    [TASK_FAILED] = 0,
};

void task_enter(struct record *record, enum task_state state)
{
    assert(next_states[record->state] >> state & 1);
    record->state = (uint8_t)state;
}

size_t spec_bytes(uint32_t inputs, uint32_t args, uint32_t name)
{
    return sizeof(struct spec) + inputs * sizeof(struct record *) + args + name;
}
