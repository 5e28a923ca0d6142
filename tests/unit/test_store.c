/* SPDX-License-Identifier: BSD-3-Clause */
/* test_store.c - values of a worker and what waits for them. */
#include "store.h"

#include "check.h"

static void value_is_made_when_it_is_needed(void)
{
    struct store store = {0};

    CU_ASSERT_PTR_NULL(store_find(&store, 5));
    struct value *value = store_need(&store, 5);
    CU_ASSERT_EQUAL(value->key, 5);
    CU_ASSERT_EQUAL(value->state, VALUE_NEW);
    CU_ASSERT_PTR_EQUAL(store_find(&store, 5), value);
    CU_ASSERT_PTR_EQUAL(store_need(&store, 5), value);
    CU_ASSERT_EQUAL(store.values.count, 1);
    store_remove(&store, value);
    CU_ASSERT_PTR_NULL(store_find(&store, 5));
    store_fini(&store);
}

static void value_that_is_needed_again_stays(void)
{
    struct store store = {0};
    struct value *value = store_need(&store, 5);

    value_enter(&store, value, VALUE_FETCHING);
    value->dropped = true;
    store_need(&store, 5);
    CU_ASSERT_FALSE(value->dropped);
    store_fini(&store);
}

static void held_values_are_counted_and_own_their_bytes(void)
{
    struct store store = {0};
    struct buffer *buffer = buffer_new(10);
    struct value *value = store_need(&store, 1);

    store_hold(&store, value, buffer);
    CU_ASSERT_EQUAL(value->state, VALUE_HELD);
    CU_ASSERT_EQUAL(store.held, 1);
    CU_ASSERT_EQUAL(buffer->refs, 2);
    store_remove(&store, value);
    CU_ASSERT_EQUAL(store.held, 0);
    CU_ASSERT_EQUAL(buffer->refs, 1);
    buffer_unref(buffer);
    store_fini(&store);
}

static void wants_are_taken_in_the_order_they_came(void)
{
    struct store store = {0};
    struct value *value = store_need(&store, 1);

    for (int rank = 0; rank < 5; rank++)
        store_want(&store, value, WANT_SEND)->rank = rank;
    struct want *want = store_take_wants(value);
    CU_ASSERT_PTR_NULL(value->wants);
    for (int rank = 0; rank < 5; rank++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(want);
        CU_ASSERT_EQUAL(want->rank, rank);
        CU_ASSERT_EQUAL(want->kind, WANT_SEND);
        struct want *next = want->next;
        store_wanted(&store, want);
        want = next;
    }
    CU_ASSERT_PTR_NULL(want);
    CU_ASSERT_PTR_NULL(store_take_wants(value));
    store_fini(&store);
}

static void end_gives_all_back(void)
{
    struct store store = {0};
    struct buffer *buffer = buffer_new(10);

    for (uint64_t key = 1; key <= 100; key++) {
        struct value *value = store_need(&store, key);
        if (key % 2) store_hold(&store, value, buffer);
        else store_want(&store, value, WANT_COPY);
    }
    CU_ASSERT_EQUAL(buffer->refs, 51);
    store_fini(&store);
    CU_ASSERT_EQUAL(buffer->refs, 1);
    buffer_unref(buffer);
}

/* The ways of a value, as they occur. */
static void check_way(const enum value_state way[], size_t count)
{
    struct store store = {0};
    struct value *value = store_need(&store, 1);

    for (size_t i = 0; i < count; i++) {
        value_enter(&store, value, way[i]);
        CU_ASSERT_EQUAL(value->state, way[i]);
    }
    CU_ASSERT_EQUAL(store.held, way[count - 1] == VALUE_HELD);
    store_fini(&store);
}

#define CHECK_WAY(...)                                                         \
    check_way((const enum value_state[]){__VA_ARGS__},                         \
              sizeof((enum value_state[]){__VA_ARGS__}) /                      \
                  sizeof(enum value_state))

static void value_may_go_all_its_ways(void)
{
    CHECK_WAY(VALUE_HELD);
    CHECK_WAY(VALUE_MAKING, VALUE_HELD);
    CHECK_WAY(VALUE_EXPECTED, VALUE_MAKING, VALUE_HELD);
    CHECK_WAY(VALUE_FETCHING, VALUE_HELD);
    CHECK_WAY(VALUE_FETCHING, VALUE_ARRIVING, VALUE_HELD);
    CHECK_WAY(VALUE_ARRIVING, VALUE_HELD);
    CHECK_WAY(VALUE_EXPECTED, VALUE_ARRIVING, VALUE_HELD);
    CHECK_WAY(VALUE_MAKING, VALUE_MOVED, VALUE_MAKING, VALUE_HELD);
    CHECK_WAY(VALUE_MAKING, VALUE_MOVED, VALUE_FETCHING, VALUE_HELD);
    CHECK_WAY(VALUE_FETCHING, VALUE_MAKING, VALUE_FETCHING, VALUE_HELD);
    CHECK_WAY(VALUE_MAKING, VALUE_MOVED, VALUE_EXPECTED, VALUE_FETCHING);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"value is made when it is needed", value_is_made_when_it_is_needed},
        {"value that is needed again stays", value_that_is_needed_again_stays},
        {"held values are counted and own their bytes",
         held_values_are_counted_and_own_their_bytes},
        {"wants are taken in the order they came",
         wants_are_taken_in_the_order_they_came},
        {"end gives all back", end_gives_all_back},
        {"value may go all its ways", value_may_go_all_its_ways},
    };
    return check_run("store", tests, CHECK_COUNT(tests));
}
