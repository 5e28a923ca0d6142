/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.c - small buffers from one shared free list, large ones from the spares
 * or from malloc.
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

#include "mem.h"
#include "spare.h"

enum {
    SMALL_MAX = 255,
    LARGE_ALIGN = 64,
    HUGE_PAGE = 2 << 20,
    HUGE_LEAST = 4 * HUGE_PAGE
};
enum { HOME_SMALL, HOME_LARGE, HOME_WRAPPED };

#ifdef __SANITIZE_ADDRESS__
static const int plain = 1;
#else
static const int plain = 0;
#endif

static struct mem small;
static struct spare spare;
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

static size_t small_bytes(size_t room)
{
    return sizeof(struct buffer) + room;
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

/* The bytes behind a large buffer with ROOM. */
static size_t large_bytes(size_t room)
{
    size_t bytes =
        (LARGE_ALIGN + room + LARGE_ALIGN - 1) / LARGE_ALIGN * LARGE_ALIGN;
    return spare_size(bytes);
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

static struct buffer *large_new(size_t size)
{
    if (size > SIZE_MAX / 2) return NULL;
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
    if (size > SMALL_MAX) return large_new(size);
    lock();
    struct buffer *buffer = mem_take(&small, small_bytes(size));
    unlock();
    fill(buffer, HOME_SMALL, buffer + 1, size);
    return buffer;
}

struct buffer *buffer_wrap(void *data, size_t size)
{
    lock();
    struct buffer *buffer = mem_take(&small, small_bytes(0));
    unlock();
    fill(buffer, HOME_WRAPPED, data, size);
    return buffer;
}

static void release(struct buffer *buffer)
{
    if (buffer->home == HOME_LARGE) {
        give_spare(buffer, large_bytes(buffer->room));
        return;
    }
    size_t room = buffer->home == HOME_SMALL ? buffer->room : 0;
    lock();
    mem_give(&small, buffer, small_bytes(room));
    unlock();
}

void buffer_unref(struct buffer *buffer)
{
    if (!buffer) return;
    assert(buffer->refs > 0);
    if (--buffer->refs == 0) release(buffer);
}

void buffer_free_spares(void)
{
    lock();
    spare_fini(&spare);
    unlock();
}
