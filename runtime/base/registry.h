/* SPDX-License-Identifier: BSD-3-Clause */
/* registry.h - the task functions of this program, by name and by number.
 *
 * Functions enter one by one; registry_seal() sorts them by name and numbers
 * them, so that ranks agree on the numbers whatever the order of entry. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distmpi/task.h"

/* FUNCTION is borrowed for ever; one that has entered does not again. */
void registry_enter(dmpi_function *function);

/* In dmpi_function.when: each worker calls it once by itself. */
enum { REGISTRY_AT_START = 1, REGISTRY_AT_END = 2 };

/* Has FUNCTION entered? It need not point to anything in this process. */
bool registry_knows(const dmpi_function *function);

/* FUNCTION is also called at WHEN. False: it has not entered. */
bool registry_mark(const dmpi_function *function, uint32_t when);

/* Number what has entered. False: two share a name, given in *TWICE. */
bool registry_seal(const char **twice);

/* After sealing. */
uint32_t registry_count(void);
dmpi_function *registry_at(uint32_t index);
bool registry_has(const dmpi_function *function);

/* Its name; "" if there is no such function. */
const char *registry_name(uint32_t index);

/* NULL: none of that name, sealed or not. */
dmpi_function *registry_find(const char *name);

/* FNV-1a over all names in order, with their marks. */
uint64_t registry_digest(void);

/* All names, each with its marks in words and its NUL, in order: *SIZE bytes,
 * which the caller frees. */
char *registry_names(size_t *size);

/* The first name in which two such lists differ: what A has there and what B
 * has there, "" at a list's end. */
void registry_difference(const char *a, size_t a_size, const char *b,
                         size_t b_size, const char **a_name,
                         const char **b_name);

#endif
