/* SPDX-License-Identifier: BSD-3-Clause */
/* seeds.h - the same test for many seeds.
 *
 * SIM_SEEDS (environment) says how many, SIM_FIRST which is the first. A seed
 * that fails, also by an assertion of the code under test, is printed. */
#ifndef SEEDS_H
#define SEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Run ONE for each seed, for COUNT of them if nothing else is wanted. Returns
 * how many were not good; the first ones are printed. */
size_t seeds_run(size_t count, bool (*one)(uint64_t seed));

#endif
