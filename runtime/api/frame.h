/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.h - a job as its executor sees it: a copy, but for inputs and constants
 * in the arena, which it reads where they lie.
 *
 * Small values are copied: that costs less than the page that an executor would
 * have to map to look at them. */
#ifndef FRAME_H
#define FRAME_H

#include "arena.h"
#include "constants.h"
#include "distmpi/task.h"

struct frame {
    const dmpi_function *function; /* as the worker knows it */
    struct job *job;
    struct constant_set *constants; /* NULL: there are none */
};

/* Bytes of a frame of JOB, which sees CONSTANTS (or NULL). ARENA: what need not be
 * copied. */
size_t frame_bytes(const struct arena *arena, struct job *job,
                   const struct constant_set *constants);

/* Make it in MEMORY of so many bytes, aligned to 64. */
struct frame *frame_make(void *memory, const struct arena *arena,
                         const dmpi_function *function, struct job *job,
                         const struct constant_set *constants);

#endif
