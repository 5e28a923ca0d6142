/* SPDX-License-Identifier: BSD-3-Clause */
/* table.c - a directory of pages that slides along with the numbers. */
#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { LINE_BYTES = 64 }; /* records of that size lie in one cache line */

struct table_page {
    size_t live;
    char pad[LINE_BYTES - sizeof(size_t)];
    char records[];
};

static struct table_page *page_of(const struct table *table, uint64_t number)
{
    size_t page = (size_t)(number >> TABLE_PAGE_BITS) - table->first;
    return page < table->count ? table->pages[page] : NULL;
}

static void *record_of(const struct table *table, struct table_page *page,
                       uint64_t number)
{
    return page->records + (number & (TABLE_PAGE - 1)) * table->record_bytes;
}

static int in_use(const void *record)
{
    return *(const uint64_t *)record != 0;
}

void table_init(struct table *table, size_t record_bytes)
{
    *table = (struct table){.record_bytes = record_bytes};
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) free(table->pages[i]);
    free(table->pages);
    free(table->spare);
    *table = (struct table){0};
}

static struct table_page *page_new(struct table *table)
{
    size_t bytes = sizeof(struct table_page) + TABLE_PAGE * table->record_bytes;
    bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    struct table_page *page =
        table->spare ? table->spare : aligned_alloc(LINE_BYTES, bytes);
    if (!page) log_panic("out of memory for %zu bytes of our own", bytes);
    table->spare = NULL;
    memset(page, 0, bytes);
    return page;
}

/* Numbers before the first page that lives are never asked for again, unless
 * an earlier one comes late: make_room_before() takes them back. */
static void forget_leading(struct table *table)
{
    size_t gone = 0;
    while (gone < table->count && !table->pages[gone]) gone++;
    if (!gone) return;
    memmove(table->pages, table->pages + gone,
            (table->count - gone) * sizeof(struct table_page *));
    table->first += gone;
    table->count -= gone;
}

static void reserve(struct table *table, size_t capacity)
{
    if (capacity <= table->capacity) return;
    if (capacity < 2 * table->capacity) capacity = 2 * table->capacity;
    table->pages =
        log_realloc(table->pages, capacity * sizeof(struct table_page *));
    table->capacity = capacity;
}

static void make_room_before(struct table *table, size_t page)
{
    size_t more = table->first - page;
    reserve(table, table->count + more);
    memmove(table->pages + more, table->pages,
            table->count * sizeof(struct table_page *));
    memset(table->pages, 0, more * sizeof(struct table_page *));
    table->first = page;
    table->count += more;
}

static void make_room_after(struct table *table, size_t page)
{
    if (page - table->first >= table->capacity) forget_leading(table);
    if (!table->count) table->first = page;
    size_t count = page - table->first + 1;
    reserve(table, count);
    memset(table->pages + table->count, 0,
           (count - table->count) * sizeof(struct table_page *));
    table->count = count;
}

void *table_add(struct table *table, uint64_t number)
{
    size_t page = (size_t)(number >> TABLE_PAGE_BITS);
    if (page < table->first && table->count) make_room_before(table, page);
    else if (page - table->first >= table->count) make_room_after(table, page);
    struct table_page **place = &table->pages[page - table->first];
    if (!*place) *place = page_new(table);
    (*place)->live++;
    table->live++;
    void *record = record_of(table, *place, number);
    assert(!in_use(record));
    return record;
}

void *table_find(const struct table *table, uint64_t number)
{
    struct table_page *page = page_of(table, number);
    if (!page) return NULL;
    void *record = record_of(table, page, number);
    return in_use(record) ? record : NULL;
}

void table_remove(struct table *table, uint64_t number, void *record)
{
    struct table_page *page = page_of(table, number);
    assert(page && in_use(record));
    memset(record, 0, table->record_bytes);
    table->live--;
    if (--page->live) return;
    table->pages[(number >> TABLE_PAGE_BITS) - table->first] = NULL;
    if (table->spare) free(page);
    else table->spare = page;
}

void *table_next(const struct table *table, uint64_t *at)
{
    uint64_t start = (uint64_t)table->first << TABLE_PAGE_BITS;
    uint64_t end = (uint64_t)(table->first + table->count) << TABLE_PAGE_BITS;
    for (uint64_t n = *at < start ? start : *at; n < end; n++) {
        struct table_page *page = page_of(table, n);
        if (!page) {
            n |= TABLE_PAGE - 1;
            continue;
        }
        void *record = record_of(table, page, n);
        if (!in_use(record)) continue;
        *at = n + 1;
        return record;
    }
    *at = end;
    return NULL;
}
