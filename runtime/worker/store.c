/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - a map of values; the moves they may make. */
#include "store.h"

#include <assert.h>

#define TO(state) (1u << VALUE_##state)
static const unsigned next_states[VALUE_STATES] = {
    [VALUE_NEW] =
        TO(EXPECTED) | TO(MAKING) | TO(FETCHING) | TO(ARRIVING) | TO(HELD),
    [VALUE_EXPECTED] = TO(MAKING) | TO(FETCHING) | TO(ARRIVING) | TO(HELD),
    [VALUE_MAKING] = TO(HELD) | TO(MOVED) | TO(FETCHING) | TO(EXPECTED),
    [VALUE_FETCHING] = TO(MAKING) | TO(ARRIVING) | TO(HELD) | TO(EXPECTED),
    [VALUE_ARRIVING] = TO(HELD) | TO(FETCHING) | TO(MAKING), /* peer lost */
    [VALUE_HELD] = 0,
    [VALUE_MOVED] = TO(EXPECTED) | TO(MAKING) | TO(FETCHING),
};

void value_enter(struct store *store, struct value *value,
                 enum value_state state)
{
    assert(next_states[value->state] >> state & 1);
    if (state == VALUE_HELD) store->held++;
    value->state = (uint8_t)state;
}

void store_fini(struct store *store)
{
    size_t at = 0;
    struct value *value;
    while ((value = map_next(&store->values, &at))) {
        struct want *want = store_take_wants(value);
        while (want) {
            struct want *next = want->next;
            store_wanted(store, want);
            want = next;
        }
        if (value->state == VALUE_HELD) buffer_unref(value->buffer);
        mem_give(&store->mem, value, sizeof *value);
    }
    map_fini(&store->values);
    mem_fini(&store->mem);
}

struct value *store_find(const struct store *store, uint64_t key)
{
    return map_get(&store->values, key);
}

struct value *store_need(struct store *store, uint64_t key)
{
    struct value *value = map_get(&store->values, key);
    if (value) {
        value->dropped = false;
        return value;
    }
    value = mem_take(&store->mem, sizeof *value);
    *value = (struct value){.key = key};
    map_add(&store->values, key, value);
    return value;
}

struct value *store_apart(struct store *store, uint64_t key)
{
    struct value *value = mem_take(&store->mem, sizeof *value);
    *value = (struct value){.key = key};
    return value;
}

void store_forget_apart(struct store *store, struct value *value)
{
    assert(!value->wants && !value->pins);
    mem_give(&store->mem, value, sizeof *value);
}

void store_hold(struct store *store, struct value *value, struct buffer *buffer)
{
    value_enter(store, value, VALUE_HELD);
    value->buffer = buffer_ref(buffer);
    store->bytes += buffer->size;
}

void store_remove(struct store *store, struct value *value)
{
    assert(!value->wants && !value->pins);
    if (value->state == VALUE_HELD) {
        store->held--;
        store->bytes -= value->buffer->size;
        buffer_unref(value->buffer);
    }
    map_remove(&store->values, value->key);
    mem_give(&store->mem, value, sizeof *value);
}

struct want *store_want(struct store *store, struct value *value,
                        enum want_kind kind)
{
    struct want *want = mem_take(&store->mem, sizeof *want);
    *want = (struct want){.next = value->wants, .kind = kind};
    value->wants = want;
    return want;
}

struct want *store_take_wants(struct value *value)
{
    struct want *want = value->wants, *first = NULL;
    value->wants = NULL;
    while (want) {
        struct want *next = want->next;
        want->next = first;
        first = want;
        want = next;
    }
    return first;
}

void store_wanted(struct store *store, struct want *want)
{
    mem_give(&store->mem, want, sizeof *want);
}

/* ---- for tests -----------------------------------------------------------*/

static void check_value(const struct value *value)
{
    bool here = value->state == VALUE_HELD;
    bool fetching = value->state == VALUE_FETCHING;
    assert(!here || value->buffer);
    assert(!(here && value->wants && !value->asked && !value->away));
    assert(here || !(value->listed || value->away));
    assert(!(fetching && !value->asked));
    assert(!value->asked || fetching || here || value->state == VALUE_MAKING);
    assert(!(value->state == VALUE_EXPECTED && !value->wants &&
             !value->cancelled));
    assert(!(value->state == VALUE_MOVED && (value->wants || !value->thief)));
    assert(!(value->state == VALUE_MAKING && value->thief));
    assert(value->state != VALUE_NEW);
}

void store_check(const struct store *store)
{
    size_t at = 0, held = 0;
    uint64_t bytes = 0;
    const struct value *value;
    while ((value = map_next(&store->values, &at))) {
        check_value(value);
        held += value->state == VALUE_HELD;
        if (value->state == VALUE_HELD) bytes += value->buffer->size;
    }
    assert(held == store->held);
    assert(bytes == store->bytes);
}
