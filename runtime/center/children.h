/* SPDX-License-Identifier: BSD-3-Clause */
/* children.h - the keys that the current run of each task has made, as far as the
 * center has heard of them: if the run is lost they are nobody's. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <stddef.h>
#include <stdint.h>

#include "map.h"

/* All zero: none. */
struct children {
    struct map by_parent; /* key -> its children's; owned */
};

void children_fini(struct children *children);

void children_note(struct children *children, uint64_t parent, uint64_t key);
void children_forget(struct children *children, uint64_t parent);

/* Forget those of PARENT: COUNT keys, the oldest first, the caller's to free(). */
uint64_t *children_take(struct children *children, uint64_t parent,
                        size_t *count);

#endif
