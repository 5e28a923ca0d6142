/* SPDX-License-Identifier: BSD-3-Clause */
/* pulse.c - counts beats. */
#include "pulse.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

void pulse_init(struct pulse *pulse, int ranks, int suspect_beats,
                int dead_beats)
{
    size_t count = (size_t)ranks;
    *pulse = (struct pulse){.told = log_alloc(count * sizeof *pulse->told),
                            .silent = log_alloc(count * sizeof *pulse->silent),
                            .suspect_beats = suspect_beats,
                            .dead_beats = dead_beats};
    memset(pulse->told, 0, count * sizeof *pulse->told);
    memset(pulse->silent, 0, count * sizeof *pulse->silent);
}

void pulse_fini(struct pulse *pulse)
{
    free(pulse->told);
    free(pulse->silent);
}

enum pulse_state pulse_beat(struct pulse *pulse, int rank, uint64_t heard)
{
    int before = pulse->silent[rank];
    if (heard != pulse->told[rank]) {
        pulse->told[rank] = heard;
        pulse->silent[rank] = 0;
        return before >= pulse->suspect_beats ? PULSE_WELL : PULSE_AS_BEFORE;
    }
    if (before < pulse->dead_beats) pulse->silent[rank]++;
    if (pulse->silent[rank] == before) return PULSE_AS_BEFORE;
    if (before + 1 == pulse->dead_beats) return PULSE_DEAD;
    return before + 1 == pulse->suspect_beats ? PULSE_SUSPECT : PULSE_AS_BEFORE;
}
