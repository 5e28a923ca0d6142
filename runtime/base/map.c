/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c - linear probing with backward-shift deletion (Knuth, TAOCP 3, 6.4
 * algorithm R): no tombstones, so a map that shrinks stays fast. */
#include "map.h"

#include <assert.h>
#include <stdlib.h>

#include "log.h"

struct map_slot {
    uint64_t key; /* 0: free */
    void *value;
};

enum { FIRST_CAPACITY = 64 };

static size_t home_of(const struct map *map, uint64_t key)
{
    uint64_t hash = key + (key >> 48) * 0x9e3779b97f4a7c15u;
    return (size_t)hash & (map->capacity - 1);
}

static size_t find(const struct map *map, uint64_t key)
{
    size_t i = home_of(map, key);
    while (map->slots[i].key && map->slots[i].key != key)
        i = (i + 1) & (map->capacity - 1);
    return i;
}

static void grow(struct map *map)
{
    struct map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    map->slots = calloc(map->capacity, sizeof *map->slots);
    if (!map->slots) log_panic("out of memory for %zu keys", map->capacity);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key) map->slots[find(map, old.slots[i].key)] = old.slots[i];
    free(old.slots);
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, uint64_t key)
{
    if (!map->count) return NULL;
    return map->slots[find(map, key)].value;
}

void map_add(struct map *map, uint64_t key, void *value)
{
    assert(key && value);
    if (map->count + map->count / 2 >= map->capacity) grow(map);
    size_t i = find(map, key);
    assert(!map->slots[i].key);
    map->slots[i] = (struct map_slot){key, value};
    map->count++;
}

/* May the entry at FROM move to the hole at TO, i.e. does its home not lie
 * cyclically between them? */
static int may_move(const struct map *map, size_t from, size_t to)
{
    size_t mask = map->capacity - 1;
    size_t home = home_of(map, map->slots[from].key);
    return ((from - home) & mask) >= ((from - to) & mask);
}

void map_remove(struct map *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t hole = find(map, key);
    assert(map->slots[hole].key == key);
    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        if (!may_move(map, i, hole)) continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct map_slot){0};
    map->count--;
}

void *map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        struct map_slot *slot = &map->slots[(*at)++];
        if (slot->key) return slot->value;
    }
    return NULL;
}
