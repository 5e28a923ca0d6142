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
    for (dmpi_function *f = entered; f; f = f->next)
        if (f == function) return;
    function->next = entered;
    entered = function;
}

/* NULL: it has not entered. */
static dmpi_function *find(const dmpi_function *function)
{
    dmpi_function *at = entered;
    while (at && at != function) at = at->next;
    return at;
}

bool registry_knows(const dmpi_function *function)
{
    return find(function) != NULL;
}

bool registry_mark(const dmpi_function *function, uint32_t when)
{
    dmpi_function *known = find(function);
    if (known) known->when |= when;
    return known != NULL;
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

/* Behind its name, so that ranks whose marks differ are told apart. */
static const char *mark_text(const dmpi_function *function)
{
    static const char *const texts[] = {"", " at start", " at end",
                                        " at start and end"};
    return texts[function->when];
}

uint64_t registry_digest(void)
{
    size_t size;
    char *names = registry_names(&size);
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)names[i]) * 0x100000001b3u;
    free(names);
    return hash;
}

char *registry_names(size_t *size)
{
    *size = 0;
    for (uint32_t i = 0; i < count; i++)
        *size += strlen(sealed[i]->name) + strlen(mark_text(sealed[i])) + 1;
    char *names = log_alloc(*size), *at = names;
    for (uint32_t i = 0; i < count; i++)
        at = stpcpy(stpcpy(at, sealed[i]->name), mark_text(sealed[i])) + 1;
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
