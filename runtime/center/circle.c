/* SPDX-License-Identifier: BSD-3-Clause */
/* circle.c - a search in depth, without recursion. */
#include "circle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "distmpi/pool.h"
#include "log.h"
#include "registry.h"

/* Names told of a long circle. */
enum { NAMES_MAX = 6, LINE_BYTES = (NAMES_MAX + 2) * (DMPI_NAME_MAX + 32) };

struct circle_wait {
    uint64_t key;
    size_t count;
    uint64_t keys[];
};

void circle_fini(struct circle *circle)
{
    size_t at = 0;
    void *wait;
    while ((wait = map_next(&circle->waits, &at))) free(wait);
    map_fini(&circle->waits);
}

void circle_remove(struct circle *circle, uint64_t key)
{
    struct circle_wait *wait = map_get(&circle->waits, key);
    if (!wait) return;
    map_remove(&circle->waits, key);
    free(wait);
}

void circle_add(struct circle *circle, uint64_t key, const uint64_t keys[],
                size_t count)
{
    size_t bytes = count * sizeof *keys;
    struct circle_wait *wait = log_alloc(sizeof *wait + bytes);
    *wait = (struct circle_wait){.key = key, .count = count};
    if (count) memcpy(wait->keys, keys, bytes);
    circle_remove(circle, key);
    map_add(&circle->waits, key, wait);
}

/* ---- the search ----------------------------------------------------------*/

/* A task on the way from the first one, and which of its edges is next. */
struct step {
    uint64_t key;
    size_t next;
};

struct search {
    struct circle *circle;
    struct map seen; /* keys -> anything */
    struct step *steps;
    size_t count, capacity;
};

/* The I-th key that the task of KEY waits for; 0: there are no more. */
static uint64_t edge(const struct search *search, uint64_t key, size_t i)
{
    const struct record *record = catalog_find(search->circle->catalog, key);
    if (!record || task_ended(record)) return 0;
    const struct circle_wait *wait = map_get(&search->circle->waits, key);
    if (wait) return i < wait->count ? wait->keys[i] : 0;
    return i < record->spec->inputs ? spec_inputs(record->spec)[i]->key : 0;
}

static void push(struct search *search, uint64_t key)
{
    if (search->count == search->capacity) {
        search->capacity = 2 * search->capacity + 16;
        search->steps = log_realloc(search->steps,
                                    search->capacity * sizeof *search->steps);
    }
    search->steps[search->count++] = (struct step){.key = key};
}

/* Leaves the way round in the steps. */
static bool find(struct search *search, uint64_t first)
{
    push(search, first);
    while (search->count) {
        struct step *last = &search->steps[search->count - 1];
        uint64_t key = edge(search, last->key, last->next++);
        if (key == first) return true;
        if (!key) search->count--;
        else if (!map_get(&search->seen, key)) {
            map_add(&search->seen, key, search);
            push(search, key);
        }
    }
    return false;
}

/* ---- the line ------------------------------------------------------------*/

static void append(char *line, const char *text)
{
    size_t used = strlen(line);
    snprintf(line + used, LINE_BYTES - used, "%s", text);
}

static void append_task(const struct circle *circle, char *line, uint64_t key)
{
    struct spec *spec = catalog_find(circle->catalog, key)->spec;
    char name[DMPI_NAME_MAX + 16];
    if (spec->name)
        snprintf(name, sizeof name, "'%.*s'", (int)spec->name, spec_name(spec));
    else
        snprintf(name, sizeof name, "'%.*s'", DMPI_NAME_MAX,
                 registry_name(spec->function));
    append(line, name);
    snprintf(name, sizeof name, " (key %llx)", (unsigned long long)key);
    append(line, name);
}

static char *tell(const struct search *search)
{
    char *line = log_alloc(LINE_BYTES);
    size_t told = search->count < NAMES_MAX ? search->count : NAMES_MAX;
    *line = 0;
    for (size_t i = 0; i < told; i++) {
        append(line, i ? ", that for task " : "task ");
        append_task(search->circle, line, search->steps[i].key);
        if (i == 0) append(line, " waits for itself");
        if (i == 0 && search->count > 1)
            append(line, " by way of others: it"
                         " waits");
    }
    if (told < search->count) append(line, ", and so on");
    return line;
}

char *circle_find(struct circle *circle, uint64_t key)
{
    struct search search = {.circle = circle};
    char *line = find(&search, key) ? tell(&search) : NULL;
    map_fini(&search.seen);
    free(search.steps);
    return line;
}
