/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h - this machine: its cores, and where the process may run.
 *
 * A set of CPUs is a list string such as "0-3,8" of the numbers the operating
 * system gives to hardware threads, at most MACHINE_CPUS_SIZE - 1 characters.
 * A core may have several hardware threads. "Allowed" is what the system lets
 * the job use at all (the cgroup); a process may be bound to less. */
#ifndef MACHINE_TOPOLOGY_H
#define MACHINE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

enum { MACHINE_CPUS_SIZE = 1024 }; /* bytes of a list with its NUL */

struct machine;

/* Discover this machine, or, if SYNTHETIC is not NULL, imagine the one that
 * string describes in hwloc's notation ("pack:2 core:4 pu:2"). The caller
 * frees it. NULL: WHY (WHY_SIZE bytes) holds the reason in one line. */
struct machine *machine_new(const char *synthetic, char *why, size_t why_size);

/* MACHINE may be NULL. */
void machine_free(struct machine *machine);

/* Write to CPUS (SIZE bytes, at least MACHINE_CPUS_SIZE) where the threads of
 * this process may run now, within what is allowed. On an imagined machine,
 * and where the system cannot tell, that is all that is allowed. A list too
 * long for CPUS loses CPUs at its end. */
void machine_mask(struct machine *machine, char *cpus, size_t size);

/* Bind this process, the threads it has and those it will make, to the allowed
 * part of CPUS and to nothing beyond; what it was bound to before does not
 * matter. On an imagined machine this does nothing. False, and nothing has
 * changed: not a list, nothing of it is allowed, or the system refuses. */
bool machine_bind(struct machine *machine, const char *cpus);

/* How many cores have a hardware thread in CPUS; 0 if it is not a list. */
int machine_cores(struct machine *machine, const char *cpus);

/* Write the first COUNT cores of CPUS, each with those of its hardware threads that
 * are in CPUS, to FIRST (SIZE bytes, at least MACHINE_CPUS_SIZE). False: it has
 * fewer, or is not a list; FIRST is then untouched. */
bool machine_first_cores(struct machine *machine, const char *cpus, int count,
                         char *first, size_t size);

#endif
