/* SPDX-License-Identifier: BSD-3-Clause */
/* test_buffer.c - bytes that are shared and counted. */
#include "buffer.h"

#include "arena.h"

#include "check.h"

#include <pthread.h>
#include <string.h>

static void buffer_has_room_for_its_size(void)
{
    static const size_t sizes[] = {0, 1, 15, 255, 256, 257, 4096, 1 << 20};
    struct buffer *buffers[CHECK_COUNT(sizes)];

    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        struct buffer *buffer = buffers[i] = buffer_new(sizes[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
        CU_ASSERT_EQUAL(buffer->refs, 1);
        CU_ASSERT_EQUAL(buffer->size, sizes[i]);
        CU_ASSERT_TRUE(buffer->room >= sizes[i]);
        CU_ASSERT_FALSE(buffer->is_error);
        CU_ASSERT_PTR_NOT_NULL(buffer->data);
        CU_ASSERT_EQUAL((uintptr_t)buffer->data % 16, 0);
        if (sizes[i] >= 256) CU_ASSERT_EQUAL((uintptr_t)buffer->data % 64, 0);
        memset(buffer->data, (int)i, sizes[i]);
    }
    for (size_t i = 0; i < CHECK_COUNT(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            if (((char *)buffers[i]->data)[k] != (char)i) CU_FAIL("overlap");
        buffer_unref(buffers[i]);
    }
}

static void buffer_lives_until_the_last_reference_goes(void)
{
    struct buffer *buffer = buffer_new(5);

    CU_ASSERT_PTR_EQUAL(buffer_ref(buffer), buffer);
    CU_ASSERT_EQUAL(buffer->refs, 2);
    memcpy(buffer->data, "text", 5);
    buffer_unref(buffer);
    CU_ASSERT_EQUAL(buffer->refs, 1);
    CU_ASSERT_STRING_EQUAL(buffer->data, "text");
    buffer_unref(buffer);
}

static void no_buffer_may_be_unreferenced(void)
{
    buffer_unref(NULL);
}

static void size_may_shrink_before_the_buffer_goes(void)
{
    struct buffer *buffer = buffer_new(200), *other;

    buffer->size = 3; /* what dmpi_task_output_trim() does */
    buffer_unref(buffer);
    other = buffer_new(200);
    memset(other->data, 1, 200);
    buffer_unref(other);
}

static void wrapped_bytes_stay_the_callers(void)
{
    char bytes[3000] = "mine";
    struct buffer *buffer = buffer_wrap(bytes, sizeof bytes);

    CU_ASSERT_PTR_EQUAL(buffer->data, bytes);
    CU_ASSERT_EQUAL(buffer->size, sizeof bytes);
    CU_ASSERT_EQUAL(buffer->room, sizeof bytes);
    buffer_unref(buffer);
    CU_ASSERT_STRING_EQUAL(bytes, "mine");
}

/* Not where a use of it after its end has to be seen. */
static void memory_of_a_large_buffer_comes_again(void)
{
    struct buffer *first = buffer_new(300000);
    void *data = first->data;

    first->size = 10;
    buffer_unref(first);
    struct buffer *second = buffer_new(300000);
    CU_ASSERT_EQUAL(second->size, 300000);
    CU_ASSERT_EQUAL(second->room, 300000);
#ifndef __SANITIZE_ADDRESS__
    CU_ASSERT_PTR_EQUAL(second->data, data);
#endif
    struct buffer *third = buffer_new(300000);
    CU_ASSERT_PTR_NOT_EQUAL(third->data, second->data);
    buffer_unref(second);
    buffer_unref(third);
    buffer_trim();
}

static void impossible_size_gives_no_buffer(void)
{
    CU_ASSERT_PTR_NULL(buffer_new(SIZE_MAX));
    CU_ASSERT_PTR_NULL(buffer_new(SIZE_MAX / 2 + 1));
}

/* Each thread makes and fills its own; they share the small ones' memory. */
static void *make_many(void *mark)
{
    enum { KEPT = 64 };
    struct buffer *kept[KEPT] = {0};
    char byte = *(char *)mark;
    for (int i = 0; i < 20000; i++) {
        struct buffer **place = &kept[i % KEPT];
        if (*place)
            for (size_t k = 0; k < (*place)->size; k++)
                if (((char *)(*place)->data)[k] != byte) return mark;
        buffer_unref(*place);
        *place = buffer_new((size_t)i % 300);
        memset((*place)->data, byte, (*place)->size);
    }
    for (int i = 0; i < KEPT; i++) buffer_unref(kept[i]);
    return NULL;
}

static void threads_may_make_buffers_at_the_same_time(void)
{
    pthread_t threads[4];
    char marks[4] = {1, 2, 3, 4};
    void *wrong;

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, make_many, &marks[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        CU_ASSERT_PTR_NULL(wrong);
    }
}

static void large_buffers_may_lie_in_an_arena(void)
{
    struct arena *arena = arena_new((size_t)1 << 30);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    buffer_share(arena);
    struct buffer *large = buffer_new(300000), *small = buffer_new(300);
    CU_ASSERT_TRUE(arena_holds(arena, large->data));
    CU_ASSERT_FALSE(arena_holds(arena, large)); /* not beside what is written */
    CU_ASSERT_FALSE(arena_holds(arena, small->data));
    memset(large->data, 1, large->size);
    CU_ASSERT_PTR_NULL(buffer_new((size_t)2 << 30));
    buffer_share(NULL);
    struct buffer *other = buffer_new(300000);
    CU_ASSERT_FALSE(arena_holds(arena, other->data));
    CU_ASSERT_EQUAL(arena_warm(arena), 0);
    buffer_unref(large);
    CU_ASSERT_TRUE(arena_warm(arena) >= 300000);
    buffer_trim();
    CU_ASSERT_EQUAL(arena_warm(arena), 0);
    buffer_unref(small);
    buffer_unref(other);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"buffer has room for its size", buffer_has_room_for_its_size},
        {"buffer lives until the last reference goes",
         buffer_lives_until_the_last_reference_goes},
        {"no buffer may be unreferenced", no_buffer_may_be_unreferenced},
        {"size may shrink before the buffer goes",
         size_may_shrink_before_the_buffer_goes},
        {"wrapped bytes stay the caller's", wrapped_bytes_stay_the_callers},
        {"memory of a large buffer comes again",
         memory_of_a_large_buffer_comes_again},
        {"impossible size gives no buffer", impossible_size_gives_no_buffer},
        {"threads may make buffers at the same time",
         threads_may_make_buffers_at_the_same_time},
        {"large buffers may lie in an arena",
         large_buffers_may_lie_in_an_arena},
    };
    return check_run("buffer", tests, CHECK_COUNT(tests));
}
