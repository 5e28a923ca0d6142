/* SPDX-License-Identifier: BSD-3-Clause */
/* drum.c - an array of what is under way, blocks whose address is their place. */
#include "drum.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "random.h"

enum drum_kind { DRUM_WRITE, DRUM_READ };

struct order {
    enum drum_kind kind;
    uint64_t cookie, place, size;
    const void *from;
    void *to;
};

struct drum {
    struct disk disk; /* first: cast back */
    struct order *orders;
    size_t count, capacity;
    uint64_t random, bytes, bytes_max;
    unsigned fail_one_in;
};

static void add(struct drum *drum, struct order order)
{
    if (drum->count == drum->capacity) {
        drum->capacity = 2 * drum->capacity + 16;
        drum->orders =
            log_realloc(drum->orders, drum->capacity * sizeof *drum->orders);
    }
    drum->orders[drum->count++] = order;
}

static void start_write(struct disk *disk, uint64_t cookie, const void *data,
                        uint64_t size)
{
    add((struct drum *)disk,
        (struct order){
            .kind = DRUM_WRITE, .cookie = cookie, .from = data, .size = size});
}

static void start_read(struct disk *disk, uint64_t cookie, uint64_t place,
                       void *data, uint64_t size)
{
    add((struct drum *)disk, (struct order){.kind = DRUM_READ,
                                            .cookie = cookie,
                                            .place = place,
                                            .to = data,
                                            .size = size});
}

static void forget(struct disk *disk, uint64_t place, uint64_t size)
{
    struct drum *drum = (struct drum *)disk;
    assert(drum->bytes >= size);
    drum->bytes -= size;
    free((void *)(uintptr_t)place);
}

static void end_write(struct drum *drum, const struct order *order)
{
    struct disk_client *client = &drum->disk.client;
    bool fits =
        !drum->bytes_max || drum->bytes + order->size <= drum->bytes_max;
    void *block = NULL;
    if (fits) {
        block = log_alloc(order->size);
        memcpy(block, order->from, order->size);
        drum->bytes += order->size;
    } else {
        snprintf(drum->disk.why, sizeof drum->disk.why, "the drum is full");
    }
    client->written(client->role, order->cookie, (uint64_t)(uintptr_t)block,
                    fits);
}

static void end_read(struct drum *drum, const struct order *order)
{
    struct disk_client *client = &drum->disk.client;
    bool good =
        !drum->fail_one_in || !random_one_in(&drum->random, drum->fail_one_in);
    if (good) memcpy(order->to, (void *)(uintptr_t)order->place, order->size);
    else snprintf(drum->disk.why, sizeof drum->disk.why, "the drum is torn");
    client->read(client->role, order->cookie, good);
}

bool drum_step(struct drum *drum)
{
    if (!drum->count) return false;
    size_t at = random_below(&drum->random, drum->count);
    struct order order = drum->orders[at];
    drum->orders[at] = drum->orders[--drum->count];
    if (order.kind == DRUM_WRITE) end_write(drum, &order);
    else end_read(drum, &order);
    return true;
}

size_t drum_under_way(const struct drum *drum)
{
    return drum->count;
}

uint64_t drum_bytes(const struct drum *drum)
{
    return drum->bytes;
}

struct drum *drum_new(uint64_t seed, uint64_t capacity, unsigned fail_one_in)
{
    static const struct disk_calls calls = {start_write, start_read, forget};
    struct drum *drum = log_alloc(sizeof *drum);
    *drum = (struct drum){.disk = {.calls = &calls},
                          .random = seed,
                          .bytes_max = capacity,
                          .fail_one_in = fail_one_in};
    return drum;
}

struct disk *drum_disk(struct drum *drum)
{
    return &drum->disk;
}

void drum_free(struct drum *drum)
{
    assert(!drum->count && !drum->bytes);
    free(drum->orders);
    free(drum);
}
