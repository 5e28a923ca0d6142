/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c - items in two lists by age, and sums that say whether more fits. */
#include "memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distmpi/pool.h"
#include "key.h"
#include "log.h"

enum {
    HIGH_PERCENT = 70,
    LOW_PERCENT = 60,
    PASSED_OVER = 16 /* values that somebody else uses, per one that leaves */
};

enum item_state {
    ITEM_FRESH,   /* in memory alone */
    ITEM_WRITING, /* on its way to the disk, still in memory */
    ITEM_COPIED,  /* in both */
    ITEM_OUT,     /* on disk alone */
    ITEM_READING, /* on its way back */
    ITEM_STATES
};

#define TO(state) (1u << ITEM_##state)
static const unsigned next_states[ITEM_STATES] = {
    [ITEM_FRESH] = TO(WRITING),
    [ITEM_WRITING] = TO(COPIED) | TO(FRESH), /* it failed */
    [ITEM_COPIED] = TO(OUT),
    [ITEM_OUT] = TO(READING),
    [ITEM_READING] = TO(COPIED),
};

struct memory_item {
    struct memory_item *older, *newer;
    struct value *value;   /* borrowed; NULL: dropped while on its way */
    struct buffer *buffer; /* WRITING, READING: a reference is owned */
    uint64_t bytes;
    uint64_t place; /* COPIED, OUT, READING: on disk */
    uint64_t used;  /* number of its last use */
    uint32_t pins;
    uint8_t state; /* enum item_state */
    bool in_list;
};

/* ---- lists ---------------------------------------------------------------*/

static void enter(struct memory_item *item, enum item_state state)
{
    assert(next_states[item->state] >> state & 1);
    item->state = (uint8_t)state;
}

static struct memory_list *list_of(struct memory *memory,
                                   const struct memory_item *item)
{
    bool copied = item->state == ITEM_COPIED;
    return &memory->lists[copied ? MEMORY_COPIED : MEMORY_FRESH];
}

static void take_out(struct memory *memory, struct memory_item *item)
{
    struct memory_list *list = list_of(memory, item);
    if (!item->in_list) return;
    if (item->older) item->older->newer = item->newer;
    else list->oldest = item->newer;
    if (item->newer) item->newer->older = item->older;
    else list->newest = item->older;
    item->in_list = false;
}

/* As the last one used, if it may leave. */
static void put_in(struct memory *memory, struct memory_item *item)
{
    bool here = item->state == ITEM_FRESH || item->state == ITEM_COPIED;
    item->used = ++memory->uses;
    if (!here || item->pins) return;
    struct memory_list *list = list_of(memory, item);
    item->older = list->newest;
    item->newer = NULL;
    if (item->older) item->older->newer = item;
    else list->oldest = item;
    list->newest = item;
    item->in_list = true;
}

static struct memory_item *item_of(const struct memory *memory,
                                   const struct value *value)
{
    return value->listed ? map_get(&memory->items, value->key) : NULL;
}

static void add_item(struct memory *memory, struct value *value)
{
    struct memory_item *item = mem_take(&memory->mem, sizeof *item);
    *item = (struct memory_item){.value = value, .bytes = value->buffer->size};
    map_add(&memory->items, value->key, item);
    value->listed = true;
    put_in(memory, item);
}

static void free_item(struct memory *memory, struct memory_item *item)
{
    bool on_disk = item->state == ITEM_COPIED || item->state == ITEM_OUT ||
                   item->state == ITEM_READING;
    if (on_disk) {
        memory->disk->calls->forget(memory->disk, item->place, item->bytes);
        memory->full = false;
    }
    buffer_unref(item->buffer);
    mem_give(&memory->mem, item, sizeof *item);
}

/* ---- leaving -------------------------------------------------------------*/

/* Nobody uses it but its value. */
static bool may_leave(const struct memory_item *item)
{
    const struct value *value = item->value;
    return !value->wants && !value->asked && value->buffer->refs == 1;
}

/* COPIED: give its memory back. What is left of the buffer tells its size. */
static void let_go(struct memory *memory, struct memory_item *item)
{
    struct value *value = item->value;
    take_out(memory, item);
    enter(item, ITEM_OUT);
    buffer_unref(value->buffer);
    value->buffer = buffer_wrap(NULL, item->bytes);
    value->away = true;
    memory->away += item->bytes;
}

static void start_write(struct memory *memory, struct memory_item *item)
{
    take_out(memory, item);
    enter(item, ITEM_WRITING);
    item->buffer = buffer_ref(item->value->buffer);
    memory->leaving += item->bytes;
    memory->disk->calls->write(memory->disk, (uint64_t)(uintptr_t)item,
                               item->buffer->data, item->bytes);
}

/* The oldest item that may leave: of both lists, or, if the disk is full, of
 * those that are there already. Those in use are as good as new. */
static struct memory_item *choose(struct memory *memory)
{
    for (int i = 0; i < PASSED_OVER; i++) {
        struct memory_item *copied = memory->lists[MEMORY_COPIED].oldest;
        struct memory_item *fresh =
            memory->full ? NULL : memory->lists[MEMORY_FRESH].oldest;
        struct memory_item *item = copied ? copied : fresh;
        if (copied && fresh && fresh->used < copied->used) item = fresh;
        if (!item || may_leave(item)) return item;
        take_out(memory, item);
        put_in(memory, item);
    }
    return NULL;
}

/* False: none can leave now. */
static bool push_out(struct memory *memory)
{
    struct memory_item *item = choose(memory);
    if (!item) return false;
    if (item->state == ITEM_COPIED) let_go(memory, item);
    else start_write(memory, item);
    return true;
}

uint64_t memory_used(const struct memory *memory)
{
    return memory->store->bytes - memory->away + memory->loading +
           memory->arriving + memory->reserved;
}

/* What will be taken when what is leaving has left. */
static uint64_t staying(const struct memory *memory)
{
    return memory_used(memory) - memory->leaving;
}

static void keep_below_watermark(struct memory *memory)
{
    if (staying(memory) <= memory->high) return;
    while (staying(memory) > memory->low && push_out(memory)) {
    }
}

enum memory_verdict memory_room(struct memory *memory, uint64_t need)
{
    while (staying(memory) + need > memory->limit && push_out(memory)) {
    }
    if (memory_used(memory) + need <= memory->limit) return MEMORY_FITS;
    return memory->leaving ? MEMORY_LATER : MEMORY_STUCK;
}

static void written(void *role, uint64_t cookie, uint64_t place, bool good)
{
    struct memory *memory = role;
    struct memory_item *item = (struct memory_item *)(uintptr_t)cookie;
    memory->leaving -= item->bytes;
    buffer_unref(item->buffer);
    item->buffer = NULL;
    item->place = place;
    enter(item, good ? ITEM_COPIED : ITEM_FRESH);
    if (good) memory->spilled += item->bytes;
    else memory->full = true;
    if (!item->value) {
        free_item(memory, item);
        return;
    }
    put_in(memory, item);
    if (good && !item->pins && may_leave(item)) let_go(memory, item);
}

/* ---- coming back ---------------------------------------------------------*/

static struct buffer *lost(const struct memory *memory)
{
    struct buffer *buffer = buffer_new(sizeof(dmpi_failure));
    dmpi_failure *failure = buffer->data;
    *failure = (dmpi_failure){.status = DMPI_ENOMEM};
    snprintf(failure->text, sizeof failure->text,
             "a value cannot be read back: %s", memory->disk->why);
    buffer->is_error = true;
    return buffer;
}

/* ITEM's value is BUFFER from now on (taken), in memory. */
static void replace(struct memory *memory, struct memory_item *item,
                    struct buffer *buffer)
{
    struct value *value = item->value;
    memory->store->bytes += buffer->size - item->bytes;
    memory->away -= item->bytes;
    buffer_unref(value->buffer);
    value->buffer = buffer;
    value->away = false;
}

static void read_ended(struct memory *memory, struct memory_item *item,
                       bool good)
{
    struct value *value = item->value;
    struct buffer *buffer = item->buffer;
    item->buffer = NULL;
    memory->loading -= item->bytes;
    if (!value) {
        buffer_unref(buffer);
        free_item(memory, item);
        return;
    }
    if (good) {
        memory->read_back += item->bytes;
        enter(item, ITEM_COPIED);
        replace(memory, item, buffer);
        put_in(memory, item);
    } else {
        buffer_unref(buffer);
        replace(memory, item, lost(memory));
        map_remove(&memory->items, value->key);
        value->listed = false;
        free_item(memory, item);
    }
    memory->client.loaded(memory->client.role, value);
}

static void read_back(void *role, uint64_t cookie, bool good)
{
    read_ended(role, (struct memory_item *)(uintptr_t)cookie, good);
}

bool memory_is_out(const struct memory *memory, const struct value *value)
{
    const struct memory_item *item =
        value->away ? item_of(memory, value) : NULL;
    return item && item->state == ITEM_OUT;
}

void memory_load(struct memory *memory, struct value *value)
{
    struct memory_item *item = item_of(memory, value);
    assert(item);
    if (item->state == ITEM_READING) return;
    enter(item, ITEM_READING);
    memory->loading += item->bytes;
    item->buffer = buffer_new(item->bytes);
    if (!item->buffer)
        log_panic("no memory for a value of %llu bytes",
                  (unsigned long long)item->bytes);
    memory->disk->calls->read(memory->disk, (uint64_t)(uintptr_t)item,
                              item->place, item->buffer->data, item->bytes);
}

/* ---- listed --------------------------------------------------------------*/

static bool is_worth_it(const struct memory *memory, const struct value *value)
{
    return value->state == VALUE_HELD && !value->buffer->is_error &&
           value->buffer->size >= memory->least;
}

/* The age of those made before anybody looked. */
static int compare_age(const void *a, const void *b)
{
    uint64_t one = key_counter((*(struct value *const *)a)->key);
    uint64_t other = key_counter((*(struct value *const *)b)->key);
    return (one > other) - (one < other);
}

static void list_all(struct memory *memory)
{
    struct value **values =
        log_alloc((memory->store->held + 1) * sizeof(struct value *));
    struct value *value;
    size_t at = 0, count = 0;
    while ((value = map_next(&memory->store->values, &at)))
        if (is_worth_it(memory, value)) values[count++] = value;
    qsort(values, count, sizeof(struct value *), compare_age);
    for (size_t i = 0; i < count; i++) add_item(memory, values[i]);
    free(values);
}

void memory_want(struct memory *memory, uint64_t bytes)
{
    if (!memory->disk || memory->tight) return;
    if (bytes <= memory->high && memory_used(memory) + bytes <= memory->high)
        return;
    memory->tight = true;
    memory->trigger = 0;
    list_all(memory);
    memory->client.tight(memory->client.tight_role);
}

static void look(struct memory *memory)
{
    memory_want(memory, 0);
    if (memory->tight) keep_below_watermark(memory);
}

void memory_held(struct memory *memory, struct value *value)
{
    if (memory->tight && !value->listed && is_worth_it(memory, value))
        add_item(memory, value);
    look(memory);
}

struct buffer *memory_own(const struct memory *memory, struct buffer *buffer)
{
    bool leaves = !buffer->is_error && buffer->size >= memory->least;
    if (!leaves || buffer->refs == 1) return buffer;
    struct buffer *copy = buffer_new(buffer->size);
    if (!copy) return buffer;
    memcpy(copy->data, buffer->data, buffer->size);
    buffer_unref(buffer);
    return copy;
}

/* What is on its way is freed when it is there. */
void memory_removed(struct memory *memory, struct value *value)
{
    struct memory_item *item = item_of(memory, value);
    assert(item && !item->pins);
    take_out(memory, item);
    map_remove(&memory->items, value->key);
    if (value->away) memory->away -= item->bytes;
    item->value = NULL;
    value->listed = false;
    if (item->state != ITEM_WRITING && item->state != ITEM_READING)
        free_item(memory, item);
}

void memory_pin(struct memory *memory, struct value *value)
{
    struct memory_item *item = item_of(memory, value);
    if (!item) return;
    take_out(memory, item);
    item->pins++;
}

void memory_unpin(struct memory *memory, struct value *value)
{
    struct memory_item *item = item_of(memory, value);
    if (!item) return;
    assert(item->pins);
    if (!--item->pins) put_in(memory, item);
}

void memory_use(struct memory *memory, struct value *value)
{
    struct memory_item *item = item_of(memory, value);
    if (!item || !item->in_list) return;
    take_out(memory, item);
    put_in(memory, item);
}

/* ---- bytes without a value -----------------------------------------------*/

void memory_expect(struct memory *memory, uint64_t bytes)
{
    memory->arriving += bytes;
    look(memory);
}

void memory_came(struct memory *memory, uint64_t bytes)
{
    memory->arriving -= bytes;
}

/* ---- beginning and end ---------------------------------------------------*/

void memory_init(struct memory *memory, struct store *store,
                 const struct memory_setup *setup)
{
    uint64_t limit = setup->limit_bytes;
    *memory = (struct memory){.store = store,
                              .disk = setup->disk,
                              .limit = limit,
                              .high = limit / 100 * HIGH_PERCENT,
                              .low = limit / 100 * LOW_PERCENT,
                              .least = setup->least_bytes};
    memory->trigger = setup->disk ? memory->high : UINT64_MAX;
    if (setup->disk)
        setup->disk->client = (struct disk_client){memory, written, read_back};
}

void memory_fini(struct memory *memory)
{
    size_t at = 0;
    struct memory_item *item;
    while ((item = map_next(&memory->items, &at))) free_item(memory, item);
    map_fini(&memory->items);
    mem_fini(&memory->mem);
}

/* ---- for tests -----------------------------------------------------------*/

static size_t check_list(const struct memory_list *list, bool copied)
{
    size_t count = 0;
    const struct memory_item *before = NULL;
    for (const struct memory_item *item = list->oldest; item;
         item = item->newer) {
        assert(item->in_list && !item->pins && item->older == before);
        assert(item->state == (copied ? ITEM_COPIED : ITEM_FRESH));
        assert(!before || before->used < item->used);
        before = item;
        count++;
    }
    assert(list->newest == before);
    return count;
}

void memory_check(const struct memory *memory)
{
    size_t at = 0, listed = 0;
    uint64_t away = 0, leaving = 0, loading = 0;
    const struct memory_item *item;
    while ((item = map_next(&memory->items, &at))) {
        const struct value *value = item->value;
        bool out = item->state == ITEM_OUT || item->state == ITEM_READING;
        assert(value->listed && value->state == VALUE_HELD);
        assert(value->away == out && value->buffer->size == item->bytes);
        assert(value->away == !value->buffer->data);
        if (out) away += item->bytes;
        if (item->state == ITEM_WRITING) leaving += item->bytes;
        if (item->state == ITEM_READING) loading += item->bytes;
        listed += item->in_list;
    }
    assert(away == memory->away);
    assert(leaving <= memory->leaving && loading <= memory->loading);
    assert(listed == check_list(&memory->lists[MEMORY_FRESH], false) +
                         check_list(&memory->lists[MEMORY_COPIED], true));
}
