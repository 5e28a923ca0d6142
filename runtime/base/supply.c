/* SPDX-License-Identifier: BSD-3-Clause */
/* supply.c - read the lists, entry by entry. */
#include "supply.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char apart[] = " \t\n,+";

/* One entry, NAME[:COUNT][@WHERE]. */
struct entry {
    const char *text;
    size_t length;
    char name[SUPPLY_NAME_MAX];
    int count;
    const char *where; /* behind the '@'; NULL: there is none */
    size_t where_length;
};

/* ---- entries -------------------------------------------------------------*/

static bool complain(char *why, size_t why_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* False. */
static bool complain(char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return false;
}

static size_t name_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) ||
           (text[length] && strchr("_-.", text[length])))
        length++;
    return length;
}

/* The number of LENGTH digits at TEXT; -1: it is none, or too large. */
static int number(const char *text, size_t length, int most)
{
    int value = 0;
    if (!length) return -1;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i])) return -1;
        value = 10 * value + (text[i] - '0');
        if (value > most) return -1;
    }
    return value;
}

static bool read_entry(struct entry *entry, char *why, size_t why_size)
{
    const char *text = entry->text, *end = text + entry->length;
    size_t name = name_length(text);
    if (!name || name >= SUPPLY_NAME_MAX)
        return complain(why, why_size,
                        "resource '%.*s' has no name of 1 to %d letters",
                        (int)entry->length, text, SUPPLY_NAME_MAX - 1);
    memcpy(entry->name, text, name);
    entry->name[name] = 0;
    const char *at = memchr(text, '@', entry->length);
    const char *amount = text + name, *amount_end = at ? at : end;
    entry->where = at ? at + 1 : NULL;
    entry->where_length = at ? (size_t)(end - at) - 1 : 0;
    entry->count = 1;
    if (amount == amount_end) return true;
    entry->count = *amount == ':'
                       ? number(amount + 1, (size_t)(amount_end - amount) - 1,
                                SUPPLY_COUNT_MAX)
                       : -1;
    if (entry->count >= 0) return true;
    return complain(why, why_size,
                    "resource '%.*s': write %s:COUNT, with a count from 0 to "
                    "%d",
                    (int)entry->length, text, entry->name, SUPPLY_COUNT_MAX);
}

/* The next entry of the list at *TEXT, and on behind it; false: there is none. */
static bool next_entry(const char **text, struct entry *entry)
{
    *text += strspn(*text, apart);
    *entry = (struct entry){.text = *text, .length = strcspn(*text, apart)};
    *text += entry->length;
    return entry->length != 0;
}

/* ---- what there is -------------------------------------------------------*/

int supply_find(const struct supply *supply, const char *name)
{
    for (int kind = 0; kind < supply->kind_count; kind++)
        if (!strcmp(supply->kinds[kind].name, name)) return kind;
    return -1;
}

static int find_or_add(struct supply *supply, const char *name)
{
    int kind = supply_find(supply, name);
    if (kind >= 0 || supply->kind_count == SUPPLY_KINDS_MAX) return kind;
    kind = supply->kind_count++;
    supply->kinds[kind] = (struct supply_kind){0};
    snprintf(supply->kinds[kind].name, SUPPLY_NAME_MAX, "%s", name);
    return kind;
}

/* COUNT of KIND on each worker, or in the pool. */
static bool set_anywhere(struct supply_kind *kind, const struct entry *entry,
                         bool of_pool, char *why, size_t why_size)
{
    if (kind->anywhere)
        return complain(why, why_size, "resource '%s' is there twice",
                        kind->name);
    kind->anywhere = true;
    kind->of_pool = of_pool;
    kind->count = entry->count;
    return true;
}

static bool set_other(struct supply *supply, int kind,
                      const struct entry *entry, int ranks, char *why,
                      size_t why_size)
{
    int rank = -1;
    if (entry->where_length > 4 && !strncmp(entry->where, "rank", 4))
        rank = number(entry->where + 4, entry->where_length - 4, INT_MAX / 16);
    if (rank < 1 || rank >= ranks)
        return complain(why, why_size,
                        "resource '%.*s': after '@' comes pool, or rank1 .. "
                        "rank%d",
                        (int)entry->length, entry->text, ranks - 1);
    if (supply->other_count == SUPPLY_OTHERS_MAX)
        return complain(why, why_size,
                        "more than %d resources are said for single ranks",
                        SUPPLY_OTHERS_MAX);
    supply->others[supply->other_count++] =
        (struct supply_other){kind, rank, entry->count};
    return true;
}

static bool set(struct supply *supply, const struct entry *entry, int ranks,
                char *why, size_t why_size)
{
    int kind = find_or_add(supply, entry->name);
    if (kind < 0)
        return complain(why, why_size, "more than %d kinds of resources",
                        SUPPLY_KINDS_MAX);
    bool of_pool =
        entry->where_length == 4 && !strncmp(entry->where, "pool", 4);
    if (entry->where && !of_pool)
        return set_other(supply, kind, entry, ranks, why, why_size);
    return set_anywhere(&supply->kinds[kind], entry, of_pool, why, why_size);
}

static bool check_others(const struct supply *supply, char *why,
                         size_t why_size)
{
    for (int i = 0; i < supply->other_count; i++) {
        const struct supply_kind *kind = &supply->kinds[supply->others[i].kind];
        if (kind->of_pool)
            return complain(why, why_size,
                            "resource '%s' is the pool's, and rank %d's: "
                            "choose one",
                            kind->name, supply->others[i].rank);
    }
    return true;
}

bool supply_read(struct supply *supply, const char *text, int ranks, char *why,
                 size_t why_size)
{
    struct entry entry;
    supply->kind_count = supply->other_count = 0;
    while (next_entry(&text, &entry))
        if (!read_entry(&entry, why, why_size) ||
            !set(supply, &entry, ranks, why, why_size))
            return false;
    return check_others(supply, why, why_size);
}

int supply_count(const struct supply *supply, int kind, int rank)
{
    int count = supply->kinds[kind].count;
    for (int i = 0; i < supply->other_count; i++)
        if (supply->others[i].kind == kind && supply->others[i].rank == rank)
            count = supply->others[i].count;
    return count;
}

/* ---- what is asked for ---------------------------------------------------*/

static bool add_amount(const struct supply *supply, const struct entry *entry,
                       struct amounts *amounts, char *why, size_t why_size)
{
    int kind = supply_find(supply, entry->name);
    if (entry->where)
        return complain(why, why_size,
                        "resource '%.*s': a task asks without an '@'",
                        (int)entry->length, entry->text);
    if (kind < 0) {
        char there[256];
        supply_print(supply, there, sizeof there);
        return complain(why, why_size,
                        "no resource is called '%s': DISTMPI_RESOURCES says "
                        "%s",
                        entry->name, there);
    }
    int sum = amounts->of[kind] + entry->count;
    amounts->of[kind] = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
    return true;
}

bool supply_read_amounts(const struct supply *supply, const char *text,
                         struct amounts *amounts, char *why, size_t why_size)
{
    struct entry entry;
    *amounts = (struct amounts){0};
    while (next_entry(&text, &entry))
        if (!read_entry(&entry, why, why_size) ||
            !add_amount(supply, &entry, amounts, why, why_size))
            return false;
    return true;
}

/* ---- as text -------------------------------------------------------------*/

/* Append, and stay within SIZE bytes. */
static void append(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, size - length, format, args);
    va_end(args);
}

void supply_print(const struct supply *supply, char *text, size_t size)
{
    *text = 0;
    for (int i = 0; i < supply->kind_count; i++)
        if (supply->kinds[i].anywhere)
            append(text, size, "%s%s:%d%s", *text ? " " : "",
                   supply->kinds[i].name, supply->kinds[i].count,
                   supply->kinds[i].of_pool ? "@pool" : "");
    for (int i = 0; i < supply->other_count; i++)
        append(text, size, "%s%s:%d@rank%d", *text ? " " : "",
               supply->kinds[supply->others[i].kind].name,
               supply->others[i].count, supply->others[i].rank);
    if (!*text) append(text, size, "none");
}

void supply_print_amounts(const struct supply *supply,
                          const struct amounts *amounts, char *text,
                          size_t size)
{
    *text = 0;
    for (int i = 0; i < supply->kind_count; i++)
        if (amounts->of[i])
            append(text, size, "%s%s:%d", *text ? " " : "",
                   supply->kinds[i].name, amounts->of[i]);
    if (!*text) append(text, size, "none");
}
