/* SPDX-License-Identifier: BSD-3-Clause */
/* lineup.c - add up input bytes per holder, slide a row over the workers. */
#include "lineup.h"

#include <stdlib.h>

#include "log.h"
#include "values.h"

/* How fast inputs move, about. */
enum { MOVE_BYTES_PER_NS = 1 };

/* What a row of workers costs; fewer nodes are better, whatever the rest. */
struct row_cost {
    int nodes;
    uint64_t bytes;   /* of the inputs, that lie there */
    uint64_t wait_ns; /* until the last one comes */
};

static void tally_record(struct roster *roster, const struct record *record)
{
    roster_at(roster, record->owner)->tally += record->bytes;
    for (int rank = rankset_next(record->copies, 0); rank >= 0;
         rank = rankset_next(record->copies, rank + 1))
        roster_at(roster, rank)->tally += record->bytes;
}

static void tally_inputs(struct roster *roster, struct record *const members[],
                         uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        for (uint32_t k = 0; k < members[i]->spec->inputs; k++)
            tally_record(roster, spec_inputs(members[i]->spec)[k]);
}

/* All workers that are in no gang, by node and rank, to LINE. */
static size_t line_up(struct roster *roster, struct worker_entry *line[])
{
    size_t count = 0;
    for (int node = 0; node < roster->node_count; node++)
        for (int rank = rankset_next(roster->nodes[node], 0); rank >= 0;
             rank = rankset_next(roster->nodes[node], rank + 1))
            if (!roster_at(roster, rank)->in_gang)
                line[count++] = roster_at(roster, rank);
    return count;
}

static struct row_cost weigh_row(struct worker_entry *const row[], size_t size)
{
    struct row_cost cost = {.nodes = 1};
    for (size_t i = 0; i < size; i++) {
        cost.nodes += i && row[i]->node != row[i - 1]->node;
        cost.bytes += row[i]->tally;
        if (row[i]->load_ns > cost.wait_ns) cost.wait_ns = row[i]->load_ns;
    }
    return cost;
}

static bool is_better(const struct row_cost *a, const struct row_cost *b)
{
    if (a->nodes != b->nodes) return a->nodes < b->nodes;
    return a->wait_ns + b->bytes / MOVE_BYTES_PER_NS <
           b->wait_ns + a->bytes / MOVE_BYTES_PER_NS;
}

/* Where the best row begins. */
static size_t best_row(struct worker_entry *const line[], size_t count,
                       size_t size)
{
    size_t best = 0;
    struct row_cost least = weigh_row(line, size);
    for (size_t at = 1; at + size <= count; at++) {
        struct row_cost cost = weigh_row(line + at, size);
        if (!is_better(&cost, &least)) continue;
        least = cost;
        best = at;
    }
    return best;
}

static uint64_t bytes_at(struct spec *spec, int rank)
{
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < spec->inputs; k++)
        if (values_at(spec_inputs(spec)[k], rank))
            bytes += spec_inputs(spec)[k]->bytes;
    return bytes;
}

/* The free place in ROW where most of SPEC's inputs lie; SIZE: nowhere. */
static size_t best_place(struct worker_entry *const row[], size_t size,
                         struct spec *spec)
{
    size_t best = size;
    uint64_t most = 0;
    for (size_t i = 0; spec->inputs && i < size; i++) {
        uint64_t bytes = row[i] ? bytes_at(spec, row[i]->rank) : 0;
        if (bytes <= most) continue;
        most = bytes;
        best = i;
    }
    return best;
}

/* Members to places; a place that is taken becomes NULL. */
static void seat(struct worker_entry *row[], struct record *const members[],
                 uint32_t size, int ranks[])
{
    for (uint32_t i = 0; i < size; i++) {
        size_t place = best_place(row, size, members[i]->spec);
        ranks[i] = place < size ? row[place]->rank : 0;
        if (place < size) row[place] = NULL;
    }
    size_t next = 0;
    for (uint32_t i = 0; i < size; i++) {
        if (ranks[i]) continue;
        while (!row[next]) next++;
        ranks[i] = row[next++]->rank;
    }
}

void lineup_choose(struct roster *roster, struct record *const members[],
                   uint32_t size, int ranks[])
{
    struct worker_entry **line =
        log_alloc((size_t)roster->ranks * sizeof(struct worker_entry *));
    tally_inputs(roster, members, size);
    size_t count = line_up(roster, line);
    seat(line + best_row(line, count, size), members, size, ranks);
    for (int rank = 1; rank < roster->ranks; rank++)
        roster_at(roster, rank)->tally = 0;
    free(line);
}
