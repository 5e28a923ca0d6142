/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.c - small and middle buffers from slabs, large ones from the spares or
 * from malloc, or, if other processes are to see them, from an arena.
 *
 * A task asks for its output while the ticker may be receiving a value on the
 * same rank: both have a spin lock, held for a few instructions, but while
 * spares of one size are freed for those of another. Under AddressSanitizer
 * there are no spares, so that a use after the last unref is seen. */
#include "buffer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "arena.h"
#include "mem.h"
#include "spare.h"

enum {
    SMALL_MAX = 255,
    MIDDLE_MAX = MEM_SMALL - 64, /* with the header */
    LARGE_ALIGN = 64,
    HUGE_PAGE = 2 << 20,
    HUGE_LEAST = 4 * HUGE_PAGE
};
enum { HOME_SMALL, HOME_MIDDLE, HOME_LARGE, HOME_WRAPPED, HOME_SHARED };

#ifdef __SANITIZE_ADDRESS__
static const int plain = 1;
#else
static const int plain = 0;
#endif

static struct mem small;
static struct spare spare;
static struct arena *arena = NULL; /* borrowed; buffers may lie there */
static bool sharing = false;       /* large ones do from now on */
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
    }
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&busy, memory_order_release);
}

/* A multiple of 16 is aligned to 16. */
static size_t small_bytes(size_t room)
{
    return (sizeof(struct buffer) + room + 15) / 16 * 16;
}

static void fill(struct buffer *buffer, uint16_t home, void *data, size_t size)
{
    *buffer = (struct buffer){
        .refs = 1, .home = home, .size = size, .room = size, .data = data};
}

/* SIZE bytes with huge pages behind them, where the kernel has some: touching
 * fresh memory for the first time costs more than the transfer that fills it. */
static void *huge_alloc(size_t bytes)
{
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, bytes);
    if (memory) madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

/* The bytes behind a buffer with ROOM, whose data begin at LARGE_ALIGN. */
static size_t aligned_bytes(size_t room)
{
    return (LARGE_ALIGN + room + LARGE_ALIGN - 1) / LARGE_ALIGN * LARGE_ALIGN;
}

static size_t large_bytes(size_t room)
{
    return spare_size(aligned_bytes(room));
}

static struct buffer *take_record(size_t bytes)
{
    lock();
    struct buffer *buffer = mem_take(&small, bytes);
    unlock();
    return buffer;
}

static void give_record(struct buffer *buffer, size_t bytes)
{
    lock();
    mem_give(&small, buffer, bytes);
    unlock();
}

static void *take_spare(size_t bytes)
{
    if (plain) return NULL;
    lock();
    void *block = spare_take(&spare, bytes);
    unlock();
    return block;
}

static void give_spare(void *block, size_t bytes)
{
    if (plain) {
        free(block);
        return;
    }
    lock();
    spare_give(&spare, block, bytes);
    unlock();
}

void buffer_share(struct arena *shared)
{
    assert(!arena || !shared || arena == shared);
    if (shared) arena = shared;
    sharing = shared != NULL;
}

/* What an executor may write to has no record of ours beside it. */
static struct buffer *shared_new(size_t size)
{
    lock();
    void *data = arena_take(arena, size);
    unlock();
    if (!data) return NULL;
    struct buffer *buffer = take_record(small_bytes(0));
    fill(buffer, HOME_SHARED, data, size);
    return buffer;
}

static void shared_release(struct buffer *buffer)
{
    lock();
    arena_give(arena, buffer->data, buffer->room);
    unlock();
    give_record(buffer, small_bytes(0));
}

static struct buffer *large_new(size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
    if (sharing) return shared_new(size);
    size_t bytes = large_bytes(size);
    struct buffer *buffer = take_spare(bytes);
    if (!buffer)
        buffer = bytes < HUGE_LEAST ? aligned_alloc(LARGE_ALIGN, bytes)
                                    : huge_alloc(bytes);
    if (buffer) fill(buffer, HOME_LARGE, (char *)buffer + LARGE_ALIGN, size);
    return buffer;
}

struct buffer *buffer_new(size_t size)
{
    if (size > MIDDLE_MAX) return large_new(size);
    bool is_small = size <= SMALL_MAX;
    struct buffer *buffer =
        take_record(is_small ? small_bytes(size) : aligned_bytes(size));
    if (is_small) fill(buffer, HOME_SMALL, buffer + 1, size);
    else fill(buffer, HOME_MIDDLE, (char *)buffer + LARGE_ALIGN, size);
    return buffer;
}

struct buffer *buffer_wrap(void *data, size_t size)
{
    struct buffer *buffer = take_record(small_bytes(0));
    fill(buffer, HOME_WRAPPED, data, size);
    return buffer;
}

static void release(struct buffer *buffer)
{
    switch (buffer->home) {
    case HOME_SMALL: give_record(buffer, small_bytes(buffer->room)); break;
    case HOME_MIDDLE: give_record(buffer, aligned_bytes(buffer->room)); break;
    case HOME_LARGE: give_spare(buffer, large_bytes(buffer->room)); break;
    case HOME_SHARED: shared_release(buffer); break;
    case HOME_WRAPPED: give_record(buffer, small_bytes(0)); break;
    }
}

void buffer_unref(struct buffer *buffer)
{
    if (!buffer) return;
    assert(buffer->refs > 0);
    if (--buffer->refs == 0) release(buffer);
}

void buffer_keep(size_t bytes)
{
    lock();
    spare_fini(&spare);
    spare.most = bytes;
    if (arena) arena_keep(arena, bytes);
    unlock();
}

void buffer_trim(void)
{
    lock();
    mem_trim(&small);
    spare_fini(&spare);
    if (arena) arena_trim(arena);
    unlock();
}
