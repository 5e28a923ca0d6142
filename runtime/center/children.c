/* SPDX-License-Identifier: BSD-3-Clause */
/* children.c - a list of keys per parent. */
#include "children.h"

#include <stdlib.h>

#include "log.h"

struct brood {
    size_t count, room;
    uint64_t *keys; /* owned */
};

static void free_brood(struct brood *brood)
{
    free(brood->keys);
    free(brood);
}

void children_fini(struct children *children)
{
    size_t at = 0;
    struct brood *brood;
    while ((brood = map_next(&children->by_parent, &at))) free_brood(brood);
    map_fini(&children->by_parent);
}

static struct brood *brood_of(struct children *children, uint64_t parent)
{
    struct brood *brood = map_get(&children->by_parent, parent);
    if (brood) return brood;
    brood = log_alloc(sizeof *brood);
    *brood = (struct brood){0};
    map_add(&children->by_parent, parent, brood);
    return brood;
}

void children_note(struct children *children, uint64_t parent, uint64_t key)
{
    struct brood *brood = brood_of(children, parent);
    if (brood->count == brood->room) {
        brood->room = 2 * brood->room + 4;
        brood->keys = log_realloc(brood->keys, brood->room * sizeof key);
    }
    brood->keys[brood->count++] = key;
}

void children_forget(struct children *children, uint64_t parent)
{
    struct brood *brood = map_get(&children->by_parent, parent);
    if (!brood) return;
    map_remove(&children->by_parent, parent);
    free_brood(brood);
}

uint64_t *children_take(struct children *children, uint64_t parent,
                        size_t *count)
{
    struct brood *brood = map_get(&children->by_parent, parent);
    *count = brood ? brood->count : 0;
    if (!brood) return NULL;
    uint64_t *keys = brood->keys;
    map_remove(&children->by_parent, parent);
    free(brood);
    return keys;
}
