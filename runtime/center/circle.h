/* SPDX-License-Identifier: BSD-3-Clause */
/* circle.h - tasks that wait for each other in a circle.
 *
 * Workers tell which tasks wait, from the inside, for which keys, once they have
 * nothing else to do; tasks that have not begun wait for their inputs. A wait
 * told is true until one of its keys' tasks has ended, and in a circle none
 * can: so what is found is a circle, whatever has happened meanwhile (Knapp,
 * "Deadlock detection in distributed databases", ACM Computing Surveys 1987, on
 * stable properties of the AND model). */
#ifndef CIRCLE_H
#define CIRCLE_H

#include "catalog.h"
#include "map.h"

struct circle {
    const struct catalog *catalog; /* borrowed */
    struct map waits;              /* task's key -> struct circle_wait, owned */
};

void circle_fini(struct circle *circle);

/* The task of KEY waits for KEYS, COUNT of them, all. Replaces what was told
 * before. */
void circle_add(struct circle *circle, uint64_t key, const uint64_t keys[],
                size_t count);

/* The task of KEY has ended. */
void circle_remove(struct circle *circle, uint64_t key);

/* Does the task of KEY wait for itself? Then a line that names the tasks, which
 * the caller frees; else NULL. Costs what can be reached from there. */
char *circle_find(struct circle *circle, uint64_t key);

#endif
