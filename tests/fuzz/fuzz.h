/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz.h - what reads bytes that others made, given any bytes at all.
 *
 * A target takes SIZE bytes and returns 0; what goes wrong ends the process, by
 * an assertion or a sanitizer. scripts/fuzz runs one of them with libFuzzer,
 * test_corpus.c all of them on the files in tests/data/fuzz. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Envelopes from two ranks, see inbox.h; what is delivered is read as the roles
 * read it. */
int fuzz_inbox(const uint8_t *data, size_t size);

/* The same messages to a worker, and to the center: they may refuse them, by an
 * assertion of their own, but not read or write where they should not. */
int fuzz_worker(const uint8_t *data, size_t size);
int fuzz_center(const uint8_t *data, size_t size);

/* The names of functions that two ranks compare when a pool opens. */
int fuzz_hello(const uint8_t *data, size_t size);

/* Options and variables. */
int fuzz_config(const uint8_t *data, size_t size);

/* Resources that there are, and that a task wants. */
int fuzz_supply(const uint8_t *data, size_t size);

#endif
