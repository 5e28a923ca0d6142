/* SPDX-License-Identifier: BSD-3-Clause */
/* oracle.h - task functions whose output anybody can foretell.
 *
 * The output is made of a hash over the function's number, the arguments and
 * all bytes of the inputs, so that a wrong, missing or swapped input shows. */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "message.h"

enum oracle_function {
    ORACLE_EMPTY,  /* 0 bytes */
    ORACLE_WORD,   /* 8 bytes */
    ORACLE_SMALL,  /* up to 256 bytes */
    ORACLE_MEDIUM, /* up to what rides in a message */
    ORACLE_LARGE,  /* more than that, some KB */
    ORACLE_PASS,   /* one of its inputs, which it has */
    ORACLE_FAIL,   /* an error that says the hash */
    ORACLE_FUNCTIONS
};

/* The output; a reference is the caller's. An error among the inputs is the
 * output itself, the first one counts. */
struct buffer *oracle_call(uint32_t function, const void *args, size_t size,
                           struct buffer *const inputs[], uint32_t count);

/* So many runs of a task fail, before one does not, that has these TERMS and
 * arguments: none, if it may not be tried again. */
enum { ORACLE_FAILS_MAX = 3 };
unsigned oracle_fails(const struct msg_terms *terms, const void *args,
                      size_t size);

/* SIZE bytes that SEED decides. */
struct buffer *oracle_bytes(uint64_t seed, size_t size);

/* The same bytes, or the same error? */
bool oracle_same(const struct buffer *buffer, const void *data, uint64_t size,
                 bool is_error);

#endif
