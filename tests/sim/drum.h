/* SPDX-License-Identifier: BSD-3-Clause */
/* drum.h - a disk in memory, for a worker in the simulator: slow, small, and in
 * an order of its own. */
#ifndef DRUM_H
#define DRUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

struct drum;

/* A write that does not fit into CAPACITY bytes fails (0: all fit), and so does
 * one read in FAIL_ONE_IN (0: none). */
struct drum *drum_new(uint64_t seed, uint64_t capacity, unsigned fail_one_in);
void drum_free(struct drum *drum); /* nothing is under way */

struct disk *drum_disk(struct drum *drum);

/* One of the reads and writes under way ends, and the role is told. False: there
 * is none. */
bool drum_step(struct drum *drum);

size_t drum_under_way(const struct drum *drum);
uint64_t drum_bytes(const struct drum *drum); /* that lie on it */

#endif
