/* SPDX-License-Identifier: BSD-3-Clause */
/* map.c - Robin Hood hashing (Celis 1986) with backward-shift deletion: within
 * a run entries are ordered by their homes. A search ends where an entry lies
 * nearer to its home than the key would, a removal at the first entry that is
 * at home; so a long run of dense keys, all at home, costs nothing. */
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

/* How far from its home the entry at slot I lies. */
static size_t distance_of(const struct map *map, size_t i)
{
    return (i - home_of(map, map->slots[i].key)) & (map->capacity - 1);
}

/* The slot of KEY, or the capacity. */
static size_t find(const struct map *map, uint64_t key)
{
    size_t mask = map->capacity - 1, i = home_of(map, key);
    for (size_t distance = 0;; distance++, i = (i + 1) & mask) {
        if (map->slots[i].key == key) return i;
        if (!map->slots[i].key || distance_of(map, i) < distance)
            return map->capacity;
    }
}

/* Put ENTRY in its order; whoever is nearer to home makes room. */
static void insert(struct map *map, struct map_slot entry)
{
    size_t mask = map->capacity - 1, i = home_of(map, entry.key);
    for (size_t distance = 0; map->slots[i].key; i = (i + 1) & mask) {
        size_t here = distance_of(map, i);
        if (here < distance) {
            struct map_slot moved = map->slots[i];
            map->slots[i] = entry;
            entry = moved;
            distance = here;
        }
        distance++;
    }
    map->slots[i] = entry;
}

static void resize(struct map *map, size_t capacity)
{
    struct map old = *map;
    map->capacity = capacity;
    map->slots = calloc(map->capacity, sizeof *map->slots);
    if (!map->slots) log_panic("out of memory for %zu keys", map->capacity);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].key) insert(map, old.slots[i]);
    free(old.slots);
}

static void grow(struct map *map)
{
    resize(map, map->capacity ? map->capacity * 2 : FIRST_CAPACITY);
}

/* As adding them would have made it. */
void map_trim(struct map *map)
{
    size_t capacity = FIRST_CAPACITY;
    while (map->count + map->count / 2 >= capacity) capacity *= 2;
    if (!map->count) map_fini(map);
    else if (capacity < map->capacity / 2) resize(map, capacity);
}

void map_fini(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, uint64_t key)
{
    if (!map->count) return NULL;
    size_t i = find(map, key);
    return i < map->capacity ? map->slots[i].value : NULL;
}

void map_add(struct map *map, uint64_t key, void *value)
{
    assert(key && value);
    if (map->count + map->count / 2 >= map->capacity) grow(map);
    insert(map, (struct map_slot){key, value});
    map->count++;
}

void map_remove(struct map *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t hole = find(map, key);
    assert(hole < map->capacity);
    for (size_t i = (hole + 1) & mask;
         map->slots[i].key && distance_of(map, i) > 0; i = (i + 1) & mask) {
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

size_t map_keys(const struct map *map, uint64_t keys[])
{
    size_t count = 0;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key) keys[count++] = map->slots[i].key;
    return count;
}
