/* SPDX-License-Identifier: BSD-3-Clause */
/* map.h - from a 64-bit key to a pointer: open addressing.
 *
 * Keys of one maker are dense, so the hash keeps neighbours together: walking
 * through keys in order walks through memory in order. Key 0 is not allowed. */
#ifndef MAP_H
#define MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
    struct map_slot *slots; /* owned */
    size_t capacity;        /* a power of two, or 0 */
    size_t count;
};

/* All zero is an empty map. */
void map_fini(struct map *map);

/* NULL: not there. */
void *map_get(const struct map *map, uint64_t key);

/* VALUE is not NULL; KEY must not be there yet. */
void map_add(struct map *map, uint64_t key, void *value);

/* KEY must be there. */
void map_remove(struct map *map, uint64_t key);

/* Give back memory for many more entries than there are. */
void map_trim(struct map *map);

/* Walk all entries: *AT starts at 0; NULL ends it. No change while walking. */
void *map_next(const struct map *map, size_t *at);

/* KEYS, with room for all, receives them; returns how many. */
size_t map_keys(const struct map *map, uint64_t keys[]);

#endif
