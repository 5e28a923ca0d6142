/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c - add up input bytes per holder, take the largest sum; among those
 * near to it, the place that the task inherits. */
#include "placement.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

enum {
    /* A key with more copies is as good as everywhere: it decides nothing. */
    COPIES_THAT_COUNT = 4,
    /* What a fetch costs besides its bytes; a difference between two workers
     * that costs nothing to speak of. Both in bytes. */
    FETCH_BYTES = 256,
    NEAR_BYTES = 1024
};

/* What it costs to bring RECORD to another worker. It is brought once, for all
 * tasks there: each counts its share. */
static uint64_t weight(const struct record *record)
{
    uint64_t users = record->needs ? record->needs : 1;
    return (record->bytes + FETCH_BYTES) / users + 1;
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
    uint64_t bytes = weight(record);
    roster_at(roster, record->owner)->tally += bytes;
    for (int rank = rankset_next(drawing(record), 0); rank >= 0;
         rank = rankset_next(drawing(record), rank + 1))
        roster_at(roster, rank)->tally += bytes;
}

static uint32_t tasks_of(const struct worker_entry *worker)
{
    return worker->tasks + (uint32_t)worker->held.count;
}

/* Is RANK better than BEST (0: none)? Then it is the best. */
static int better(struct roster *roster, int best, int rank)
{
    if (!best) return rank;
    const struct worker_entry *a = roster_at(roster, best);
    const struct worker_entry *b = roster_at(roster, rank);
    if (a->tally != b->tally) return a->tally > b->tally ? best : rank;
    return tasks_of(a) <= tasks_of(b) ? best : rank;
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

/* Does RANK lack so little of what BEST has that moving it is nothing? */
static bool is_near(struct roster *roster, int rank, int best)
{
    return roster_at(roster, rank)->tally + NEAR_BYTES >=
           roster_at(roster, best)->tally;
}

/* Where the input lies whose heir SPEC is, if that is near to BEST. */
static int inherited(struct roster *roster, struct spec *spec, int best)
{
    int place = spec_inputs(spec)[spec->heir_of - 1]->owner;
    return is_near(roster, place, best) ? place : best;
}

/* The input with fewest heirs, of those that have a number; 1 + its number. */
static uint32_t fewest_heirs(struct spec *spec)
{
    struct record **inputs = spec_inputs(spec);
    uint32_t count = spec->inputs < UINT16_MAX ? spec->inputs : UINT16_MAX;
    uint32_t fewest = 0;
    for (uint32_t i = 1; i < count && inputs[fewest]->heirs; i++)
        if (inputs[i]->heirs < inputs[fewest]->heirs) fewest = i;
    return fewest + 1;
}

void placement_inherit(struct spec *spec)
{
    if (!spec->inputs) return;
    spec->heir_of = (uint16_t)fewest_heirs(spec);
    struct record *input = spec_inputs(spec)[spec->heir_of - 1];
    if (input->heirs < UINT16_MAX) input->heirs++;
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
    if (best && spec->heir_of) best = inherited(roster, spec, best);
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) clear(roster, inputs[i]);
    return best;
}

/* Fold those of SET that hold RECORD into BEST. */
static int best_holder_among(struct roster *roster, const struct record *record,
                             const struct rankset *set, int best)
{
    if (rankset_has(set, record->owner))
        best = better(roster, best, record->owner);
    for (int rank = rankset_next(drawing(record), 0); rank >= 0;
         rank = rankset_next(drawing(record), rank + 1))
        if (rankset_has(set, rank)) best = better(roster, best, rank);
    return best;
}

int placement_choose_among(struct roster *roster, struct spec *spec,
                           const struct rankset *set)
{
    struct record **inputs = spec_inputs(spec);
    int best = 0;
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) weigh(roster, inputs[i]);
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i]))
            best = best_holder_among(roster, inputs[i], set, best);
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (decides(inputs[i])) clear(roster, inputs[i]);
    return best;
}

/* ---- copies --------------------------------------------------------------*/

/* A node while copies are spread. */
struct spreading {
    size_t copies; /* there, SIZE_MAX: nobody else is there */
    int rank;      /* the last one looked at */
};

static bool has_copy(const struct record *record, int rank)
{
    return record->owner == rank || rankset_has(record->copies, rank);
}

/* One more on NODE, if somebody there has none. */
static int next_of_node(const struct roster *roster,
                        const struct record *record, int node,
                        struct spreading *spreading)
{
    int rank = spreading->rank;
    do rank = rankset_next(roster->nodes[node], rank + 1);
    while (rank > 0 && has_copy(record, rank));
    spreading->rank = rank;
    if (rank > 0) spreading->copies++;
    else spreading->copies = SIZE_MAX;
    return rank;
}

size_t placement_spread(const struct roster *roster,
                        const struct record *record, size_t copies, int ranks[])
{
    size_t made = 0, nodes = (size_t)roster->node_count;
    struct spreading *spreading = log_alloc(nodes * sizeof *spreading);
    memset(spreading, 0, nodes * sizeof *spreading);
    for (int rank = 1; rank < roster->ranks; rank++)
        if (has_copy(record, rank))
            spreading[roster->workers[rank - 1].node].copies++;
    int own = roster->workers[record->owner - 1].node;
    for (size_t least = 0; made < copies && least < (size_t)roster->ranks;
         least++)
        for (size_t step = 0; made < copies && step < nodes; step++) {
            int node = (int)((size_t)(own + 1) + step) % (int)nodes;
            if (spreading[node].copies != least) continue;
            int rank = next_of_node(roster, record, node, &spreading[node]);
            if (rank > 0) ranks[made++] = rank;
        }
    free(spreading);
    return made;
}

/* ---- fetches -------------------------------------------------------------*/

int placement_source(const struct roster *roster, const struct record *record,
                     int rank)
{
    if (record->owner == rank || rankset_has(record->copies, rank)) return rank;
    int node = roster->workers[rank - 1].node;
    if (roster->workers[record->owner - 1].node == node) return record->owner;
    int near = rankset_common(record->copies, roster->nodes[node]);
    return near > 0 ? near : record->owner;
}
