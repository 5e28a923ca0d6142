/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.h - the immutable bytes of a value, counted.
 *
 * A buffer is written once, by the task or transfer that fills it, and then
 * shared by reference. Making one is thread safe; the count is changed under
 * the rank's token only. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct buffer {
    uint32_t refs;
    uint16_t home; /* where the bytes lie; buffer.c's own */
    bool is_error; /* the bytes are a dmpi_failure */
    uint64_t size; /* bytes of the value */
    uint64_t room; /* bytes there are */
    void *data;
};

/* A buffer of SIZE bytes, refs 1, aligned to 16, from 256 bytes on to 64; not
 * zeroed. NULL: no memory. */
struct buffer *buffer_new(size_t size);

/* A buffer over the caller's SIZE bytes at DATA, borrowed until refs is 0. */
struct buffer *buffer_wrap(void *data, size_t size);

static inline struct buffer *buffer_ref(struct buffer *buffer)
{
    buffer->refs++;
    return buffer;
}

/* BUFFER may be NULL. */
void buffer_unref(struct buffer *buffer);

/* From now on buffers too large for a slab lie in ARENA, which is borrowed for
 * ever; NULL: not any more. */
void buffer_share(struct arena *arena);

/* Keep no more than BYTES, above 0, of buffers that are gone for others. */
void buffer_keep(size_t bytes);

/* Give back memory of buffers that are gone, which is kept for others. */
void buffer_trim(void);

#endif
