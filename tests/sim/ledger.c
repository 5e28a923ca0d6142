/* SPDX-License-Identifier: BSD-3-Clause */
/* ledger.c - entries in the order of their making: inputs before users. */
#include "ledger.h"

#include <stdlib.h>

#include "distmpi/pool.h"
#include "log.h"
#include "oracle.h"

void ledger_fini(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        buffer_unref(ledger->entries[i].expected);
    free(ledger->entries);
}

struct entry *ledger_add(struct ledger *ledger, uint64_t key,
                         struct buffer *expected)
{
    if (ledger->count == ledger->capacity) {
        ledger->capacity = 2 * ledger->capacity + 64;
        ledger->entries = log_realloc(
            ledger->entries, ledger->capacity * sizeof *ledger->entries);
    }
    struct entry *entry = &ledger->entries[ledger->count++];
    *entry = (struct entry){.key = key, .expected = expected, .held = true};
    return entry;
}

/* From its inputs, and from its gang. */
static bool inherits_taint(const struct ledger *ledger,
                           const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->input_count; i++)
        if (ledger->entries[entry->inputs[i]].tainted) return true;
    for (uint32_t i = 0; i < entry->gang_size; i++)
        if (ledger->entries[entry->gang + i].tainted) return true;
    return false;
}

/* Until nothing changes any more. */
static void spread_taint(struct ledger *ledger)
{
    bool any = true;
    while (any) {
        any = false;
        for (size_t i = 0; i < ledger->count; i++) {
            struct entry *entry = &ledger->entries[i];
            if (entry->tainted || !inherits_taint(ledger, entry)) continue;
            entry->tainted = any = true;
        }
    }
}

void ledger_note_inputs(struct ledger *ledger, const size_t inputs[],
                        uint32_t count, bool loose)
{
    struct entry *entry = &ledger->entries[ledger->count - 1];
    entry->input_count = count;
    for (uint32_t i = 0; i < count; i++) entry->inputs[i] = inputs[i];
    entry->loose = loose;
    entry->tainted = loose || inherits_taint(ledger, entry);
}

void ledger_note_gang(struct ledger *ledger, uint32_t size)
{
    size_t first = ledger->count - size;
    for (uint32_t i = 0; i < size; i++) {
        ledger->entries[first + i].gang = first;
        ledger->entries[first + i].gang_size = size;
    }
    spread_taint(ledger);
}

void ledger_taint(struct ledger *ledger, struct entry *entry)
{
    entry->loose = entry->tainted = true;
    spread_taint(ledger);
}

static bool says_cut(const void *data, bool is_error)
{
    const dmpi_failure *failure = data;
    return is_error &&
           (failure->status == DMPI_ECANCELLED ||
            failure->status == DMPI_EDEADLINE ||
            failure->status == DMPI_ETIMEOUT || failure->status == DMPI_ELOST);
}

/* Or so did an input, which was lost, and made again without an error. */
static bool says_no_memory(const struct ledger *ledger, const void *data,
                           bool is_error)
{
    const dmpi_failure *failure = data;
    if (!is_error || !ledger->any_memory) return false;
    return failure->status == DMPI_ENOMEM ||
           (ledger->lossy && failure->status == DMPI_ELOST);
}

bool ledger_see(struct ledger *ledger, size_t i, const void *data,
                uint64_t size, bool is_error)
{
    struct entry *entry = &ledger->entries[i];
    enum outcome outcome = UNKNOWN;
    if (says_no_memory(ledger, data, is_error)) return true;
    if (oracle_same(entry->expected, data, size, is_error))
        outcome = AS_EXPECTED;
    else if (entry->tainted && says_cut(data, is_error)) outcome = CUT_SHORT;
    bool as_before =
        !entry->outcome || entry->outcome == outcome || ledger->lossy;
    entry->outcome = outcome;
    return outcome && as_before;
}

/* The first input that is not known to be a good value, or NULL. */
static const struct entry *first_bad(const struct ledger *ledger,
                                     const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->input_count; i++) {
        const struct entry *input = &ledger->entries[entry->inputs[i]];
        if (input->outcome != AS_EXPECTED || input->expected->is_error)
            return input;
    }
    return NULL;
}

const struct entry *ledger_check(const struct ledger *ledger)
{
    if (ledger->lossy) return NULL;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        const struct entry *bad = first_bad(ledger, entry);
        if (entry->gang_size) continue;
        if (entry->outcome == CUT_SHORT && !bad && !entry->loose) return entry;
        if (entry->outcome == AS_EXPECTED && bad && bad->outcome == CUT_SHORT)
            return entry;
    }
    return NULL;
}
