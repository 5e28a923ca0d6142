/* SPDX-License-Identifier: BSD-3-Clause */
/* ledger.h - the keys of a random application: what each must be, and what was
 * seen of it.
 *
 * A key is what was foretold; or, if it is tainted, an error that says that its
 * task, or one before it, was cut short: cancelled, out of time, or not begun.
 * Where disks may be full a copy may also be an error that says that. */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum { LEDGER_INPUTS_MAX = 8 };

enum outcome { UNKNOWN, AS_EXPECTED, CUT_SHORT };

struct entry {
    uint64_t key;
    struct buffer *expected; /* owned */
    bool held;               /* the application has not dropped it */
    bool loose;              /* it may be cut short itself */
    bool tainted;            /* it is loose, or one of its inputs is tainted */
    enum outcome outcome;    /* that was seen */
    size_t inputs[LEDGER_INPUTS_MAX]; /* entries, all before it */
    uint32_t input_count;
    size_t gang;        /* the first member's entry */
    uint32_t gang_size; /* members, all or none of which are cut; 0: no gang */
};

struct ledger {
    struct entry *entries; /* owned */
    size_t count, capacity;
    bool any_memory; /* any key may be an error for want of memory, or not */
    bool
        lossy; /* workers are lost: what was seen may be lost, and seen again */
};

void ledger_fini(struct ledger *ledger);

/* A new entry, held; EXPECTED is taken. */
struct entry *ledger_add(struct ledger *ledger, uint64_t key,
                         struct buffer *expected);

/* The last entry's task has COUNT INPUTS; LOOSE: and a timeout. */
void ledger_note_inputs(struct ledger *ledger, const size_t inputs[],
                        uint32_t count, bool loose);

/* The last SIZE entries are a gang's. */
void ledger_note_gang(struct ledger *ledger, uint32_t size);

/* ENTRY may be cut short from now on. */
void ledger_taint(struct ledger *ledger, struct entry *entry);

/* Entry number I was seen to be DATA. False: it cannot be. */
bool ledger_see(struct ledger *ledger, size_t i, const void *data,
                uint64_t size, bool is_error);

/* An error goes on to those who use it, and to nobody else. Returns the first
 * entry of which that is not so, or NULL. Gangs are not looked at. */
const struct entry *ledger_check(const struct ledger *ledger);

#endif
