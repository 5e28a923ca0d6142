/* SPDX-License-Identifier: BSD-3-Clause */
/* test_memory.c - which values leave, which stay, and what is said to the disk.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "distmpi/pool.h"
#include "memory.h"

enum { VALUE = 1000, LIMIT = 10 * VALUE, LEAST = 100, ORDERS = 64 };

/* A disk that does nothing by itself. */
struct order {
    uint64_t cookie, size;
    const void *from;
    void *to;
};

struct recorder {
    struct disk disk; /* first: cast back */
    struct order writes[ORDERS], reads[ORDERS];
    size_t written, read, forgotten;
    char blocks[ORDERS][VALUE]; /* place - 1 is the number of its write */
};

static void start_write(struct disk *disk, uint64_t cookie, const void *data,
                        uint64_t size)
{
    struct recorder *recorder = (struct recorder *)disk;
    memcpy(recorder->blocks[recorder->written], data, size);
    recorder->writes[recorder->written++] =
        (struct order){.cookie = cookie, .size = size, .from = data};
}

static void start_read(struct disk *disk, uint64_t cookie, uint64_t place,
                       void *data, uint64_t size)
{
    struct recorder *recorder = (struct recorder *)disk;
    recorder->reads[recorder->read++] =
        (struct order){.cookie = cookie,
                       .size = size,
                       .from = recorder->blocks[place - 1],
                       .to = data};
}

static void forget(struct disk *disk, uint64_t place, uint64_t size)
{
    ((struct recorder *)disk)->forgotten++;
}

struct scene {
    struct recorder recorder;
    struct store store;
    struct memory memory;
    int tight;            /* times the role was told */
    struct value *loaded; /* the last one */
};

static void on_tight(void *role)
{
    ((struct scene *)role)->tight++;
}

static void on_loaded(void *role, struct value *value)
{
    ((struct scene *)role)->loaded = value;
}

static struct scene *scene_new(void)
{
    static const struct disk_calls calls = {start_write, start_read, forget};
    struct scene *scene = calloc(1, sizeof *scene);
    struct memory_setup setup = {&scene->recorder.disk, LIMIT, LEAST};
    scene->recorder.disk.calls = &calls;
    memory_init(&scene->memory, &scene->store, &setup);
    scene->memory.client = (struct memory_client){.role = scene,
                                                  .loaded = on_loaded,
                                                  .tight_role = scene,
                                                  .tight = on_tight};
    return scene;
}

static void scene_free(struct scene *scene)
{
    memory_check(&scene->memory);
    memory_fini(&scene->memory);
    store_fini(&scene->store);
    free(scene);
}

/* As custody.c does. */
static struct value *hold(struct scene *scene, uint64_t key, size_t size)
{
    struct buffer *buffer = buffer_new(size);
    struct value *value = store_need(&scene->store, key);
    memset(buffer->data, (int)key, size);
    store_hold(&scene->store, value, buffer);
    buffer_unref(buffer);
    if (scene->store.bytes > scene->memory.trigger)
        memory_held(&scene->memory, value);
    memory_check(&scene->memory);
    return value;
}

static void hold_all(struct scene *scene, uint64_t from, uint64_t to,
                     struct value *values[])
{
    for (uint64_t key = from; key <= to; key++)
        values[key] = hold(scene, key, VALUE);
}

static void end_writes(struct scene *scene, size_t from, bool good)
{
    struct disk_client *client = &scene->recorder.disk.client;
    for (size_t i = from; i < scene->recorder.written; i++)
        client->written(client->role, scene->recorder.writes[i].cookie, i + 1,
                        good);
    memory_check(&scene->memory);
}

static void end_read(struct scene *scene, size_t i, bool good)
{
    struct disk_client *client = &scene->recorder.disk.client;
    struct order *order = &scene->recorder.reads[i];
    if (good) memcpy(order->to, order->from, order->size);
    client->read(client->role, order->cookie, good);
    memory_check(&scene->memory);
}

static bool is_right(const struct value *value)
{
    const char *bytes = value->buffer->data;
    for (uint64_t i = 0; i < value->buffer->size; i++)
        if (bytes[i] != (char)value->key) return false;
    return true;
}

/* ---- below and above the watermark ---------------------------------------*/

static void nothing_is_known_below_the_watermark(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 7, values);
    CU_ASSERT_EQUAL(scene->tight, 0);
    CU_ASSERT_EQUAL(scene->memory.items.count, 0);
    CU_ASSERT_FALSE(values[1]->listed);
    scene_free(scene);
}

static void oldest_leave_above_it_until_the_lower_one(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    CU_ASSERT_EQUAL(scene->tight, 1);
    CU_ASSERT_EQUAL(scene->recorder.written, 2); /* of 8 there stay 6 */
    CU_ASSERT_FALSE(values[1]->away || values[2]->away);
    end_writes(scene, 0, true);
    CU_ASSERT_TRUE(values[1]->away && values[2]->away);
    for (int i = 3; i <= 8; i++) CU_ASSERT_FALSE(values[i]->away);
    CU_ASSERT_EQUAL(memory_used(&scene->memory), 6 * VALUE);
    CU_ASSERT_EQUAL(values[1]->buffer->size, VALUE);
    CU_ASSERT_PTR_NULL(values[1]->buffer->data);
    CU_ASSERT_EQUAL(scene->memory.spilled, 2 * VALUE);
    scene_free(scene);
}

static void order_is_that_of_the_last_use(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    memory_use(&scene->memory, values[3]);
    memory_pin(&scene->memory, values[4]);
    memory_unpin(&scene->memory, values[4]);
    hold_all(scene, 9, 10, values);
    end_writes(scene, 2, true);
    CU_ASSERT_TRUE(values[5]->away && values[6]->away);
    CU_ASSERT_FALSE(values[3]->away || values[4]->away);
    scene_free(scene);
}

static void small_and_failed_values_stay(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    for (uint64_t key = 101; key <= 120; key++) hold(scene, key, LEAST - 1);
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    CU_ASSERT_EQUAL(scene->memory.items.count, 8);
    CU_ASSERT_EQUAL(scene->recorder.written, 4); /* the small ones count */
    scene_free(scene);
}

static void pinned_and_used_values_stay(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    for (int i = 3; i <= 5; i++) memory_pin(&scene->memory, values[i]);
    buffer_ref(values[6]->buffer);
    hold_all(scene, 9, 12, values);
    end_writes(scene, 2, true);
    for (int i = 3; i <= 6; i++) CU_ASSERT_FALSE(values[i]->away);
    CU_ASSERT_TRUE(values[7]->away && values[8]->away);
    buffer_unref(values[6]->buffer);
    for (int i = 3; i <= 5; i++) memory_unpin(&scene->memory, values[i]);
    scene_free(scene);
}

/* ---- back, and again -----------------------------------------------------*/

static void value_comes_back_and_leaves_without_being_written_again(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    CU_ASSERT_TRUE(memory_is_out(&scene->memory, values[1]));
    memory_load(&scene->memory, values[1]);
    memory_load(&scene->memory, values[1]);
    CU_ASSERT_EQUAL(scene->recorder.read, 1);
    CU_ASSERT_FALSE(memory_is_out(&scene->memory, values[1]));
    end_read(scene, 0, true);
    CU_ASSERT_PTR_EQUAL(scene->loaded, values[1]);
    CU_ASSERT_TRUE(!values[1]->away && is_right(values[1]));
    for (int i = 2; i <= 8; i++) memory_use(&scene->memory, values[i]);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 4 * VALUE), MEMORY_FITS);
    CU_ASSERT_TRUE(values[1]->away);
    CU_ASSERT_EQUAL(scene->recorder.written, 2);
    scene_free(scene);
}

static void value_that_cannot_be_read_is_an_error(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    memory_load(&scene->memory, values[1]);
    strcpy(scene->recorder.disk.why, "it is torn");
    end_read(scene, 0, false);
    CU_ASSERT_TRUE(values[1]->buffer->is_error && !values[1]->away);
    const dmpi_failure *failure = values[1]->buffer->data;
    CU_ASSERT_EQUAL(failure->status, DMPI_ENOMEM);
    CU_ASSERT_PTR_NOT_NULL(strstr(failure->text, "it is torn"));
    scene_free(scene);
}

static void value_may_be_dropped_while_it_is_on_its_way(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 9, values);
    memory_removed(&scene->memory, values[1]);
    store_remove(&scene->store, values[1]);
    end_writes(scene, 0, true);
    CU_ASSERT_EQUAL(scene->recorder.forgotten, 1);
    memory_load(&scene->memory, values[2]);
    memory_removed(&scene->memory, values[2]);
    store_remove(&scene->store, values[2]);
    end_read(scene, 0, true);
    CU_ASSERT_EQUAL(scene->recorder.forgotten, 2);
    CU_ASSERT_PTR_NULL(scene->loaded);
    CU_ASSERT_EQUAL(memory_used(&scene->memory), scene->store.bytes);
    scene_free(scene);
}

/* ---- room ----------------------------------------------------------------*/

static void room_is_made_or_there_is_none(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 4 * VALUE), MEMORY_FITS);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 7 * VALUE), MEMORY_LATER);
    end_writes(scene, 2, true);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 7 * VALUE), MEMORY_FITS);
    for (int i = 6; i <= 8; i++) memory_pin(&scene->memory, values[i]);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 8 * VALUE), MEMORY_STUCK);
    for (int i = 6; i <= 8; i++) memory_unpin(&scene->memory, values[i]);
    scene_free(scene);
}

static void full_disk_is_tried_again_when_room_was_given_back(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 8, values);
    end_writes(scene, 0, true);
    hold_all(scene, 9, 10, values);
    end_writes(scene, 2, false);
    CU_ASSERT_TRUE(scene->memory.full);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 5 * VALUE), MEMORY_STUCK);
    size_t written = scene->recorder.written;
    memory_removed(&scene->memory, values[1]);
    store_remove(&scene->store, values[1]);
    CU_ASSERT_FALSE(scene->memory.full);
    CU_ASSERT_EQUAL(memory_room(&scene->memory, 5 * VALUE), MEMORY_LATER);
    CU_ASSERT_TRUE(scene->recorder.written > written);
    end_writes(scene, written, true);
    scene_free(scene);
}

static void what_is_to_come_counts(void)
{
    struct scene *scene = scene_new();
    struct value *values[16];
    hold_all(scene, 1, 5, values);
    memory_expect(&scene->memory, 2 * VALUE);
    CU_ASSERT_FALSE(scene->memory.tight);
    memory_expect(&scene->memory, VALUE);
    CU_ASSERT_TRUE(scene->memory.tight);
    CU_ASSERT_EQUAL(memory_used(&scene->memory), 8 * VALUE);
    end_writes(scene, 0, true);
    memory_came(&scene->memory, 3 * VALUE);
    CU_ASSERT_EQUAL(memory_used(&scene->memory), 3 * VALUE);
    scene_free(scene);
}

static void without_a_disk_there_is_no_limit(void)
{
    struct scene *scene = scene_new();
    struct value *values[64];
    memory_init(&scene->memory, &scene->store,
                &(struct memory_setup){NULL, 0, 0});
    hold_all(scene, 1, 40, values);
    memory_expect(&scene->memory, 100 * VALUE);
    memory_came(&scene->memory, 100 * VALUE);
    CU_ASSERT_FALSE(scene->memory.tight);
    scene_free(scene);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"nothing is known below the watermark",
         nothing_is_known_below_the_watermark},
        {"the oldest leave above it, until the lower one",
         oldest_leave_above_it_until_the_lower_one},
        {"the order is that of the last use", order_is_that_of_the_last_use},
        {"small and failed values stay", small_and_failed_values_stay},
        {"pinned and used values stay", pinned_and_used_values_stay},
        {"a value comes back, and leaves without being written again",
         value_comes_back_and_leaves_without_being_written_again},
        {"a value that cannot be read is an error",
         value_that_cannot_be_read_is_an_error},
        {"a value may be dropped while it is on its way",
         value_may_be_dropped_while_it_is_on_its_way},
        {"room is made, or there is none", room_is_made_or_there_is_none},
        {"a full disk is tried again when room was given back",
         full_disk_is_tried_again_when_room_was_given_back},
        {"what is to come counts", what_is_to_come_counts},
        {"without a disk there is no limit", without_a_disk_there_is_no_limit},
    };
    return check_run("memory", tests, CHECK_COUNT(tests));
}
