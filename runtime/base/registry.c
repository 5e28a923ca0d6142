/* SPDX-License-Identifier: BSD-3-Clause */
/* registry.c - one list for the whole process, filled before main() runs. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

static dmpi_function *entered = NULL; /* the last one, linked to the others */
static dmpi_function **sealed = NULL; /* by name; owned */
static uint32_t count = 0;            /* of sealed */

void registry_enter(dmpi_function *function)
{
    function->next = entered;
    entered = function;
}

static int by_name(const void *a, const void *b)
{
    const dmpi_function *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

bool registry_seal(const char **twice)
{
    uint32_t n = 0;
    for (dmpi_function *f = entered; f; f = f->next) n++;
    sealed = log_realloc(sealed, (n ? n : 1) * sizeof *sealed);
    count = n;
    for (dmpi_function *f = entered; f; f = f->next) sealed[--n] = f;
    qsort(sealed, count, sizeof *sealed, by_name);
    for (uint32_t i = 0; i < count; i++) {
        sealed[i]->index = i;
        if (!i || strcmp(sealed[i - 1]->name, sealed[i]->name)) continue;
        *twice = sealed[i]->name;
        return false;
    }
    return true;
}

uint32_t registry_count(void)
{
    return count;
}

dmpi_function *registry_at(uint32_t index)
{
    return sealed[index];
}

bool registry_has(const dmpi_function *function)
{
    return function && function->index < count &&
           sealed[function->index] == function;
}

const char *registry_name(uint32_t index)
{
    return index < count ? sealed[index]->name : "";
}

dmpi_function *registry_find(const char *name)
{
    for (dmpi_function *f = entered; f; f = f->next)
        if (!strcmp(f->name, name)) return f;
    return NULL;
}

uint64_t registry_digest(void)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < count; i++)
        for (const char *c = sealed[i]->name;; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
            if (!*c) break;
        }
    return hash;
}

char *registry_names(size_t *size)
{
    *size = 0;
    for (uint32_t i = 0; i < count; i++) *size += strlen(sealed[i]->name) + 1;
    char *names = log_alloc(*size), *at = names;
    for (uint32_t i = 0; i < count; i++) at = stpcpy(at, sealed[i]->name) + 1;
    return names;
}

void registry_difference(const char *a, size_t a_size, const char *b,
                         size_t b_size, const char **a_name,
                         const char **b_name)
{
    const char *a_end = a + a_size, *b_end = b + b_size;
    while (a < a_end && b < b_end && !strcmp(a, b)) {
        a += strlen(a) + 1;
        b += strlen(b) + 1;
    }
    *a_name = a < a_end ? a : "";
    *b_name = b < b_end ? b : "";
}
