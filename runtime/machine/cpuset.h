/* SPDX-License-Identifier: BSD-3-Clause */
/* cpuset.h - sets of CPUs between list strings and hwloc's bitmaps.
 *
 * For the files of this layer; outside of it sets are strings. */
#ifndef MACHINE_CPUSET_H
#define MACHINE_CPUSET_H

#include <hwloc.h>
#include <stdbool.h>
#include <stddef.h>

/* A new empty set, the caller's to hwloc_bitmap_free(). Ends the program if
 * there is no memory. */
hwloc_bitmap_t cpuset_new(void);

/* Set SET to what the list CPUS names; the empty string is the empty set.
 * False: CPUS is not a list, SET is then anything. */
bool cpuset_parse(hwloc_bitmap_t set, const char *cpus);

/* Write the finite SET as a list to CPUS (SIZE bytes, at least
 * MACHINE_CPUS_SIZE). A list that does not fit ends early, after a whole entry,
 * so that it never names a CPU outside SET. */
void cpuset_print(hwloc_const_bitmap_t set, char *cpus, size_t size);

/* The core after PREVIOUS (NULL: the first), in hwloc's logical order, that
 * has a hardware thread in SET; NULL after the last. On a machine of which
 * only the hardware threads are known, these are the cores. */
hwloc_obj_t cpuset_next_core(hwloc_const_bitmap_t set, hwloc_topology_t tree,
                             hwloc_obj_t previous);

/* How many there are. */
int cpuset_cores(hwloc_const_bitmap_t set, hwloc_topology_t tree);

#endif
