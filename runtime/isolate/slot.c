/* SPDX-License-Identifier: BSD-3-Clause */
/* slot.c - a state that three processes move, and futex(2). */
#include "slot.h"

#include <assert.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define TO(state) (1u << SLOT_##state)
static const unsigned next_states[SLOT_STATES] = {
    [SLOT_FREE] = TO(STARTING),
    [SLOT_STARTING] = TO(IDLE) | TO(FREE),
    [SLOT_IDLE] = TO(GIVEN) | TO(FREE),
    [SLOT_GIVEN] = TO(BEGUN) | TO(LOST),
    [SLOT_BEGUN] = TO(ASKED) | TO(DONE) | TO(CRASHED),
    [SLOT_ASKED] = TO(BEGUN) | TO(CRASHED),
    [SLOT_DONE] = TO(IDLE) | TO(SPENT),
    [SLOT_SPENT] = TO(FREE),
    [SLOT_LOST] = TO(FREE),
    [SLOT_CRASHED] = TO(FREE),
};

/* What is seen when the executor has died in that state. */
static const enum slot_state after_death[SLOT_STATES] = {
    [SLOT_STARTING] = SLOT_FREE, [SLOT_IDLE] = SLOT_FREE,
    [SLOT_GIVEN] = SLOT_LOST,    [SLOT_BEGUN] = SLOT_CRASHED,
    [SLOT_ASKED] = SLOT_CRASHED, [SLOT_DONE] = SLOT_SPENT,
};

/* Does somebody sleep until that? For other moves there is no system call. */
static bool is_awaited(enum slot_state from, enum slot_state to)
{
    const unsigned awaited =
        TO(GIVEN) | TO(BEGUN) | TO(ASKED) | TO(DONE) | TO(LOST) | TO(CRASHED);
    bool begins = from == SLOT_GIVEN && to == SLOT_BEGUN;
    return awaited >> to & 1 && !begins;
}

bool slot_move(struct slot *slot, enum slot_state from, enum slot_state to)
{
    uint32_t seen = from;
    assert(next_states[from] >> to & 1);
    if (!atomic_compare_exchange_strong(&slot->state, &seen, to)) return false;
    if (is_awaited(from, to) && atomic_load(&slot->waiting))
        slot_wake(&slot->state);
    return true;
}

void slot_died(struct slot *slot, int wait_status)
{
    enum slot_state state;
    slot->wait_status = wait_status;
    do state = slot_state(slot);
    while (!slot_move(slot, state, after_death[state]));
}

void slot_sleep(_Atomic uint32_t *word, uint32_t value, uint64_t longest_ns)
{
    struct timespec limit = {(time_t)(longest_ns / 1000000000),
                             (long)(longest_ns % 1000000000)};
    syscall(SYS_futex, word, FUTEX_WAIT, value,
            longest_ns == UINT64_MAX ? NULL : &limit, NULL, 0);
}

void slot_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}

static bool is_one_of(enum slot_state state, unsigned states)
{
    return states >> state & 1;
}

enum slot_state slot_wait(struct slot *slot, unsigned states, uint64_t spin_ns,
                          uint64_t longest_ns)
{
    enum slot_state state = slot_state(slot);
    if (spin_ns) {
        uint64_t begin = clock_ns();
        while (is_one_of(state, states) && clock_ns() - begin < spin_ns) {
            clock_relax();
            state = slot_state(slot);
        }
    }
    if (!is_one_of(state, states)) return state;
    atomic_fetch_add(&slot->waiting, 1);
    state = slot_state(slot);
    if (is_one_of(state, states)) slot_sleep(&slot->state, state, longest_ns);
    atomic_fetch_sub(&slot->waiting, 1);
    return slot_state(slot);
}
