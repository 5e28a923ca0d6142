/* SPDX-License-Identifier: BSD-3-Clause */
/* test_map.c - the map against a plain array, with keys of several makers. */
#include "map.h"

#include "check.h"

#include "key.h"

enum { MAKERS = 5, COUNTERS = 600, STEPS = 60000, RUN_MAX = 40 };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

/* What the map should hold: the value of each key, or NULL. */
static char *model[MAKERS][COUNTERS];
static char values[STEPS];
static size_t model_count;

static uint64_t key_of(unsigned maker, unsigned counter)
{
    static const int ranks[MAKERS] = {0, 1, 2, 1000, KEY_RANK_MAX};
    return key_make(ranks[maker], counter + 1);
}

static void toggle(struct map *map, unsigned maker, unsigned counter,
                   char *value)
{
    uint64_t key = key_of(maker, counter);
    char **expected = &model[maker][counter];

    if (*expected) {
        map_remove(map, key);
        *expected = NULL;
        model_count--;
    } else {
        map_add(map, key, value);
        *expected = value;
        model_count++;
    }
}

/* All keys are what they should be; a walk gives each value once. */
static size_t count_wrong(const struct map *map)
{
    size_t wrong = map->count != model_count, at = 0, walked = 0;
    char *value;

    for (unsigned maker = 0; maker < MAKERS; maker++)
        for (unsigned counter = 0; counter < COUNTERS; counter++)
            wrong +=
                map_get(map, key_of(maker, counter)) != model[maker][counter];
    while ((value = map_next(map, &at))) {
        wrong += *value;
        *value = 1;
        walked++;
    }
    for (at = 0; (value = map_next(map, &at));) *value = 0;
    return wrong + (walked != model_count);
}

static void map_does_what_an_array_does(void)
{
    struct map map = {0};
    size_t wrong = 0, used = 0;

    while (used + RUN_MAX < STEPS) {
        /* Runs of neighbours, as tasks make and drop them; and single ones. */
        unsigned maker = below(MAKERS), first = below(COUNTERS);
        unsigned end = first + (below(4) ? 1 : below(RUN_MAX));
        for (unsigned i = first; i < end && i < COUNTERS; i++)
            toggle(&map, maker, i, &values[used++]);
        if (below(100) == 0) wrong += count_wrong(&map);
    }
    wrong += count_wrong(&map);
    CU_ASSERT_EQUAL(wrong, 0);
    map_fini(&map);
}

static void empty_map_has_nothing(void)
{
    struct map map = {0};
    size_t at = 0;

    CU_ASSERT_PTR_NULL(map_get(&map, 1));
    CU_ASSERT_PTR_NULL(map_next(&map, &at));
    map_fini(&map);
}

static void emptied_map_can_be_filled_again(void)
{
    struct map map = {0};
    size_t at = 0;
    char value;

    for (int round = 0; round < 3; round++) {
        for (uint64_t key = 1; key <= 1000; key++) map_add(&map, key, &value);
        CU_ASSERT_EQUAL(map.count, 1000);
        for (uint64_t key = 1000; key >= 1; key--) map_remove(&map, key);
        CU_ASSERT_EQUAL(map.count, 0);
    }
    CU_ASSERT_PTR_NULL(map_next(&map, &at));
    map_fini(&map);
}

/* Keys as a queue: the oldest goes when a new one comes. */
static void map_that_slides_along_stays_small(void)
{
    struct map map = {0};
    char value;

    for (uint64_t key = 1; key <= 100000; key++) {
        map_add(&map, key, &value);
        if (key > 50) map_remove(&map, key - 50);
    }
    CU_ASSERT_EQUAL(map.count, 50);
    CU_ASSERT_TRUE(map.capacity <= 256);
    map_fini(&map);
}

static void trimmed_map_is_small_and_has_all(void)
{
    enum { MANY = 10000, FEW = 40 };
    struct map map = {0};
    static int things[MANY + 1];
    for (uint64_t key = 1; key <= MANY; key++) map_add(&map, key, &things[key]);
    size_t capacity = map.capacity;
    map_trim(&map);
    CU_ASSERT_EQUAL(map.capacity, capacity);
    for (uint64_t key = FEW + 1; key <= MANY; key++) map_remove(&map, key);
    map_trim(&map);
    CU_ASSERT_TRUE(map.capacity <= 4 * FEW);
    for (uint64_t key = 1; key <= FEW; key++)
        CU_ASSERT_PTR_EQUAL(map_get(&map, key), &things[key]);
    for (uint64_t key = 1; key <= FEW; key++) map_remove(&map, key);
    map_trim(&map);
    CU_ASSERT_EQUAL(map.capacity, 0);
    map_add(&map, 7, &things[7]);
    CU_ASSERT_PTR_EQUAL(map_get(&map, 7), &things[7]);
    map_fini(&map);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"map does what an array does", map_does_what_an_array_does},
        {"empty map has nothing", empty_map_has_nothing},
        {"emptied map can be filled again", emptied_map_can_be_filled_again},
        {"map that slides along stays small",
         map_that_slides_along_stays_small},
        {"a trimmed map is small, and has all",
         trimmed_map_is_small_and_has_all},
    };
    return check_run("map", tests, CHECK_COUNT(tests));
}
