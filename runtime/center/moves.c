/* SPDX-License-Identifier: BSD-3-Clause */
/* moves.c - a list per task: a few at most. */
#include "moves.h"

#include <stdlib.h>

#include "log.h"

struct move {
    struct move *next;
    int from, to;
    uint16_t attempt;
};

static void free_list(struct move *first)
{
    while (first) {
        struct move *next = first->next;
        free(first);
        first = next;
    }
}

void moves_fini(struct moves *moves)
{
    size_t at = 0;
    struct move *first;
    while ((first = map_next(&moves->by_key, &at))) free_list(first);
    map_fini(&moves->by_key);
    map_fini(&moves->givers);
}

void moves_add(struct moves *moves, uint64_t key, uint16_t attempt, int from,
               int to)
{
    struct move *first = map_get(&moves->by_key, key);
    struct move *move = log_alloc(sizeof *move);
    *move = (struct move){
        .next = first, .from = from, .to = to, .attempt = attempt};
    if (first) map_remove(&moves->by_key, key);
    map_add(&moves->by_key, key, move);
}

int moves_take(struct moves *moves, uint64_t key, uint16_t attempt, int from)
{
    struct move *first = map_get(&moves->by_key, key), **at = &first;
    while (*at && ((*at)->from != from || (*at)->attempt != attempt))
        at = &(*at)->next;
    struct move *found = *at;
    if (!found) return 0;
    int to = found->to;
    *at = found->next;
    free(found);
    map_remove(&moves->by_key, key);
    if (first) map_add(&moves->by_key, key, first);
    return to;
}

/* How much more often RANK got it than gave it. */
static int surplus(const struct move *first, uint16_t attempt, int rank)
{
    int count = 0;
    for (const struct move *at = first; at; at = at->next)
        if (at->attempt == attempt)
            count += (at->to == rank) - (at->from == rank);
    return count;
}

int moves_end_of(const struct moves *moves, uint64_t key, uint16_t attempt,
                 const bool lost[])
{
    const struct move *first = map_get(&moves->by_key, key);
    for (const struct move *at = first; at; at = at->next)
        if (at->attempt == attempt && !lost[at->to] &&
            surplus(first, attempt, at->to) > 0)
            return at->to;
    return 0;
}

void moves_give(struct moves *moves, uint64_t key, int from)
{
    if (map_get(&moves->givers, key)) map_remove(&moves->givers, key);
    if (from) map_add(&moves->givers, key, (void *)(uintptr_t)from);
}

int moves_giver(const struct moves *moves, uint64_t key)
{
    return (int)(uintptr_t)map_get(&moves->givers, key);
}

void moves_forget(struct moves *moves, uint64_t key)
{
    moves_give(moves, key, 0);
    struct move *first = map_get(&moves->by_key, key);
    if (!first) return;
    map_remove(&moves->by_key, key);
    free_list(first);
}
