/* SPDX-License-Identifier: BSD-3-Clause */
/* catalog.c - a table of records per maker. */
#include "catalog.h"

#include <assert.h>
#include <stdlib.h>

#include "key.h"
#include "log.h"

void catalog_init(struct catalog *catalog, int ranks)
{
    *catalog = (struct catalog){.ranks = ranks};
    catalog->makers = log_alloc((size_t)ranks * sizeof *catalog->makers);
    for (int i = 0; i < ranks; i++)
        table_init(&catalog->makers[i], sizeof(struct record));
}

void catalog_fini(struct catalog *catalog)
{
    for (int i = 0; i < catalog->ranks; i++) table_fini(&catalog->makers[i]);
    free(catalog->makers);
}

struct record *catalog_add(struct catalog *catalog, uint64_t key)
{
    struct table *table = &catalog->makers[key_rank(key)];
    struct record *record = table_add(table, key_counter(key));
    record->key = key;
    record->held = true;
    return record;
}

struct record *catalog_make(struct catalog *catalog)
{
    return catalog_add(catalog, key_make(0, ++catalog->last));
}

struct record *catalog_find(const struct catalog *catalog, uint64_t key)
{
    if (key_rank(key) >= catalog->ranks) return NULL;
    return table_find(&catalog->makers[key_rank(key)], key_counter(key));
}

struct record *catalog_find_key(const struct catalog *catalog, uint64_t key)
{
    struct record *record = catalog_find(catalog, key);
    return record && record->state != TASK_GONE ? record : NULL;
}

void catalog_remove(struct catalog *catalog, struct record *record)
{
    uint64_t key = record->key;
    assert(!record->spec && !record->needs);
    rankset_free(record->copies);
    rankset_free(record->notes);
    table_remove(&catalog->makers[key_rank(key)], key_counter(key), record);
}

struct record *catalog_next(const struct catalog *catalog, int *maker,
                            uint64_t *at)
{
    for (; *maker < catalog->ranks; ++*maker, *at = 0) {
        struct record *record = table_next(&catalog->makers[*maker], at);
        if (record) return record;
    }
    return NULL;
}

size_t catalog_count(const struct catalog *catalog)
{
    size_t count = 0;
    for (int i = 0; i < catalog->ranks; i++) count += catalog->makers[i].live;
    return count;
}
