/* SPDX-License-Identifier: BSD-3-Clause */
/* holder.h - who has the journal: a lock on the file FILE.lock, which says it.
 *
 * The lock goes with the process, however that ends. Its one line stays:
 *
 *     entries 345 generation 12 pid 4711 host node7
 *
 * entries: how many values the journal has, written anew after each commit, so
 * that who watches a job from outside sees it advance; it never falls but when
 * the journal is begun anew. */
#ifndef HOLDER_H
#define HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct holder;

/* Lock the journal at PATH for this process; while another has it wait up to
 * WAIT_NS, as one that is about to end may. NULL: WHY names who has it, or what
 * is wrong. */
struct holder *holder_take(const char *path, uint64_t wait_ns, char *why,
                           size_t why_size);
void holder_leave(struct holder *holder);

/* The entries that the last holder wrote; 0: there was none. */
uint64_t holder_found_entries(const struct holder *holder);

/* Write the line anew. That it cannot be written is no error. */
void holder_tell(struct holder *holder, uint64_t generation, uint64_t entries);

#endif
