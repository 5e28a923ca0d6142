/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pulse.c - who is silent, in beats. */
#include "pulse.h"

#include "check.h"

enum { SUSPECT = 3, DEAD = 5 };

static struct pulse fresh(void)
{
    struct pulse pulse;
    pulse_init(&pulse, 4, SUSPECT, DEAD);
    return pulse;
}

static void who_says_something_is_never_told(void)
{
    struct pulse pulse = fresh();
    for (uint64_t beat = 1; beat < 100; beat++)
        CU_ASSERT_EQUAL(pulse_beat(&pulse, 2, beat), PULSE_AS_BEFORE);
    pulse_fini(&pulse);
}

static void who_is_silent_is_suspect_and_then_dead_once(void)
{
    struct pulse pulse = fresh();
    pulse_beat(&pulse, 1, 7);
    for (int beat = 1; beat < 10; beat++)
        CU_ASSERT_EQUAL(pulse_beat(&pulse, 1, 7),
                        beat == SUSPECT ? PULSE_SUSPECT
                        : beat == DEAD  ? PULSE_DEAD
                                        : PULSE_AS_BEFORE);
    pulse_fini(&pulse);
}

static void who_never_spoke_is_silent_too(void)
{
    struct pulse pulse = fresh();
    for (int beat = 1; beat < DEAD; beat++) pulse_beat(&pulse, 3, 0);
    CU_ASSERT_EQUAL(pulse_beat(&pulse, 3, 0), PULSE_DEAD);
    pulse_fini(&pulse);
}

static void suspect_that_speaks_is_well_once(void)
{
    struct pulse pulse = fresh();
    for (int beat = 0; beat < SUSPECT; beat++) pulse_beat(&pulse, 1, 0);
    CU_ASSERT_EQUAL(pulse_beat(&pulse, 1, 1), PULSE_WELL);
    CU_ASSERT_EQUAL(pulse_beat(&pulse, 1, 2), PULSE_AS_BEFORE);
    for (int beat = 1; beat < SUSPECT; beat++) pulse_beat(&pulse, 1, 2);
    CU_ASSERT_EQUAL(pulse_beat(&pulse, 1, 2), PULSE_SUSPECT);
    pulse_fini(&pulse);
}

static void each_rank_has_its_own_silence(void)
{
    struct pulse pulse = fresh();
    for (uint64_t beat = 1; beat < DEAD; beat++) {
        pulse_beat(&pulse, 1, 0);
        CU_ASSERT_EQUAL(pulse_beat(&pulse, 2, beat), PULSE_AS_BEFORE);
    }
    CU_ASSERT_EQUAL(pulse_beat(&pulse, 1, 0), PULSE_DEAD);
    pulse_fini(&pulse);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"who says something is never told", who_says_something_is_never_told},
        {"who is silent is suspect and then dead, once",
         who_is_silent_is_suspect_and_then_dead_once},
        {"who never spoke is silent, too", who_never_spoke_is_silent_too},
        {"suspect that speaks is well, once", suspect_that_speaks_is_well_once},
        {"each rank has its own silence", each_rank_has_its_own_silence},
    };
    return check_run("pulse", tests, CHECK_COUNT(tests));
}
