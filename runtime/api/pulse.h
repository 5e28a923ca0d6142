/* SPDX-License-Identifier: BSD-3-Clause */
/* pulse.h - for how long ranks have been silent.
 *
 * Time is counted in the listener's own beats: one that was stopped itself finds
 * nobody silent when it goes on. No clock, no messages. */
#ifndef PULSE_H
#define PULSE_H

#include <stdint.h>

enum pulse_state { PULSE_AS_BEFORE, PULSE_WELL, PULSE_SUSPECT, PULSE_DEAD };

struct pulse {
    uint64_t *told; /* by rank: what was heard until the last beat; owned */
    int *silent;    /* by rank: beats without anything new; owned */
    int suspect_beats, dead_beats;
};

/* A rank is suspect when nothing new has come from it for SUSPECT_BEATS, dead
 * after DEAD_BEATS. */
void pulse_init(struct pulse *pulse, int ranks, int suspect_beats,
                int dead_beats);
void pulse_fini(struct pulse *pulse);

/* One beat has passed, after which HEARD has come from RANK, a number that rises
 * with whatever is heard. Each of the other states is told once, when it is
 * entered: PULSE_WELL by one that was suspect. Else PULSE_AS_BEFORE. */
enum pulse_state pulse_beat(struct pulse *pulse, int rank, uint64_t heard);

#endif
