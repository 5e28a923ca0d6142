/* SPDX-License-Identifier: BSD-3-Clause */
/* table.h - records under dense, growing numbers: two loads and no hash.
 *
 * Pages of TABLE_PAGE records; a page goes when its last record is removed, and
 * the directory forgets the numbers before the first page. Records do not move.
 * Every record starts with a uint64_t that is not 0 while it is in use. */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { TABLE_PAGE_BITS = 8, TABLE_PAGE = 1 << TABLE_PAGE_BITS };

struct table {
    size_t record_bytes;
    struct table_page **pages; /* owned, entries may be NULL */
    size_t first;              /* page number of pages[0] */
    size_t count, capacity;    /* of pages */
    struct table_page *spare;  /* owned, or NULL */
    size_t live;               /* records in use */
};

void table_init(struct table *table, size_t record_bytes);
void table_fini(struct table *table);

/* A zeroed record for NUMBER, which is not in use; the caller sets its first
 * field at once. */
void *table_add(struct table *table, uint64_t number);

/* NULL: not in use. */
void *table_find(const struct table *table, uint64_t number);

/* RECORD is what table_find(NUMBER) gave. */
void table_remove(struct table *table, uint64_t number, void *record);

/* Walk all records: *AT starts at 0; NULL ends it. Removing the record just
 * given is allowed. */
void *table_next(const struct table *table, uint64_t *at);

#endif
