/* SPDX-License-Identifier: BSD-3-Clause */
/* catalog.h - the center's records, by key.
 *
 * Keys are dense per maker, so each maker has a table. A record is there from
 * the key's making until nobody can ask for it again. */
#ifndef CATALOG_H
#define CATALOG_H

#include "record.h"
#include "table.h"

struct catalog {
    struct table *makers; /* by rank; owned */
    int ranks;
    uint64_t last; /* counter of the last key made here */
};

void catalog_init(struct catalog *catalog, int ranks);
void catalog_fini(struct catalog *catalog);

/* A record for a new key of rank 0; held. Stays where it is. */
struct record *catalog_make(struct catalog *catalog);

/* A record for KEY, which another rank has made; held. */
struct record *catalog_add(struct catalog *catalog, uint64_t key);

/* NULL: no such key, or gone; there may still be a record for the lineage of
 * others, in that state. */
struct record *catalog_find(const struct catalog *catalog, uint64_t key);

/* The same, but what is gone is not there. */
struct record *catalog_find_key(const struct catalog *catalog, uint64_t key);

/* Frees the set of copies too; there is no spec any more. */
void catalog_remove(struct catalog *catalog, struct record *record);

/* Walk all records: *MAKER and *AT start at 0; NULL ends it. */
struct record *catalog_next(const struct catalog *catalog, int *maker,
                            uint64_t *at);

size_t catalog_count(const struct catalog *catalog);

#endif
