/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c - add up input bytes per holder, take the largest sum. */
#include "placement.h"

enum {
    /* A key with more copies is as good as everywhere: it decides nothing. */
    COPIES_THAT_COUNT = 4
};

static void add(struct roster *roster, int rank, uint64_t bytes)
{
    roster_at(roster, rank)->tally += bytes ? bytes : 1;
}

/* The copies that draw tasks to them: those made on purpose. Copies that tasks
 * have fetched do not, or the workers whose tasks are placed first would draw
 * their neighbours' tasks, column by column. */
static const struct rankset *drawing(const struct record *record)
{
    return record->spread ? record->copies : NULL;
}

static bool decides(const struct record *record)
{
    return rankset_count(drawing(record)) <= COPIES_THAT_COUNT;
}

static void weigh(struct roster *roster, const struct record *record)
{
    add(roster, record->owner, record->bytes);
    for (int rank = rankset_next(drawing(record), 0); rank >= 0;
         rank = rankset_next(drawing(record), rank + 1))
        add(roster, rank, record->bytes);
}

/* Is RANK better than BEST (0: none)? Then it is the best. */
static int better(struct roster *roster, int best, int rank)
{
    if (!best) return rank;
    const struct worker_entry *a = roster_at(roster, best);
    const struct worker_entry *b = roster_at(roster, rank);
    if (a->tally != b->tally) return a->tally > b->tally ? best : rank;
    return a->load_ns <= b->load_ns ? best : rank;
}

/* Fold all ranks that hold RECORD into BEST. */
static int best_holder(struct roster *roster, const struct record *record,
                       int best)
{
    best = better(roster, best, record->owner);
    for (int rank = rankset_next(drawing(record), 0); rank >= 0;
         rank = rankset_next(drawing(record), rank + 1))
        best = better(roster, best, rank);
    return best;
}

static void clear(struct roster *roster, const struct record *record)
{
    roster_at(roster, record->owner)->tally = 0;
    for (int rank = rankset_next(drawing(record), 0); rank >= 0;
         rank = rankset_next(drawing(record), rank + 1))
        roster_at(roster, rank)->tally = 0;
}

int placement_choose(struct roster *roster, struct spec *spec)
{
    struct record **inputs = spec_inputs(spec);
    if (spec->target) return spec->target;
    if (spec->inputs == 1 && !drawing(inputs[0])) return inputs[0]->owner;
    int best = 0;
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) weigh(roster, inputs[i]);
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) best = best_holder(roster, inputs[i], best);
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) clear(roster, inputs[i]);
    return best;
}

int placement_source(const struct roster *roster, const struct record *record,
                     int rank)
{
    if (record->owner == rank || rankset_has(record->copies, rank)) return rank;
    int node = roster->workers[rank - 1].node;
    if (roster->workers[record->owner - 1].node == node) return record->owner;
    int near = rankset_common(record->copies, roster->nodes[node]);
    return near > 0 ? near : record->owner;
}
