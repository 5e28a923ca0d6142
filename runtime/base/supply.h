/* SPDX-License-Identifier: BSD-3-Clause */
/* supply.h - resources by name: how many there are of each, how many a task
 * asks for.
 *
 * Two lists in the same notation, entries apart by blanks, commas or '+'. What
 * there is: "gpu:2" says that each worker has gpus 0 and 1 of its own,
 * "gpu:4@rank3" that rank 3 has four instead, "license:5@pool" that there are
 * licenses 0 .. 4 in all. What a task asks for: "gpu:2 license". Without a
 * number it is 1. Names are of letters, digits, '_', '-' and '.'. */
#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SUPPLY_KINDS_MAX = 16,
    SUPPLY_NAME_MAX = 32,    /* bytes of a name with its NUL */
    SUPPLY_COUNT_MAX = 4095, /* of one kind, on one worker or in the pool */
    SUPPLY_OTHERS_MAX = 256, /* entries with a rank */
    SUPPLY_TEXT_MAX = 2048   /* bytes of a list with its NUL */
};

struct supply_kind {
    char name[SUPPLY_NAME_MAX];
    int count;     /* on each worker, or of the pool */
    bool of_pool;  /* there are so many in all */
    bool anywhere; /* an entry said what each worker, or the pool, has */
};

/* A worker that has another number of a kind. */
struct supply_other {
    int kind, rank, count;
};

struct supply {
    struct supply_kind kinds[SUPPLY_KINDS_MAX];
    int kind_count;
    struct supply_other others[SUPPLY_OTHERS_MAX];
    int other_count;
};

/* How many of each kind. All zero asks for nothing. */
struct amounts {
    uint16_t of[SUPPLY_KINDS_MAX];
};

/* TEXT, what there is in a pool of RANKS ranks. False: WHY says in one line what
 * is wrong, SUPPLY is then anything. */
bool supply_read(struct supply *supply, const char *text, int ranks, char *why,
                 size_t why_size);

/* TEXT, what a task asks for; entries of one kind add up. False: WHY says what
 * is wrong, or what there is. */
bool supply_read_amounts(const struct supply *supply, const char *text,
                         struct amounts *amounts, char *why, size_t why_size);

/* The number of the kind of that name, -1: there is none. */
int supply_find(const struct supply *supply, const char *name);

/* How many of KIND worker RANK has of its own, or, if they are the pool's, there
 * are in all. */
int supply_count(const struct supply *supply, int kind, int rank);

/* What there is, as a list; "none" if there is nothing. Cut to SIZE bytes. */
void supply_print(const struct supply *supply, char *text, size_t size);

/* What AMOUNTS asks for, likewise. */
void supply_print_amounts(const struct supply *supply,
                          const struct amounts *amounts, char *text,
                          size_t size);

#endif
