/* SPDX-License-Identifier: BSD-3-Clause */
/* gift.h - which of its ready jobs a worker gives to a thief.
 *
 * A thief never gets what it would run later than this worker: what waits here
 * before the job must take longer than moving the job and its inputs; and a job
 * that takes less than the handling of its move, or than copying its inputs,
 * stays: there the data are worth more than the idle core. Unless it is stuck: the
 * job that runs here goes on for much longer than moving all that wait. */
#ifndef GIFT_H
#define GIFT_H

#include "agenda.h"

enum gift_distance { GIFT_NEAR, GIFT_FAR, GIFT_DISTANCES };

/* A job for a thief at that distance (same node, or another), which has so many
 * CORES, of those that would run last here; NULL: none is worth it, or allowed.
 * It stays in the agenda. */
struct job *gift_choose(const struct agenda *agenda,
                        enum gift_distance distance, int cores);

/* The same, whatever it costs. */
struct job *gift_any(const struct agenda *agenda, enum gift_distance distance,
                     int cores);

#endif
