/* SPDX-License-Identifier: BSD-3-Clause */
/* demands.c - who could, who can now, whose turn it is, who waits for a worker of
 * its own. */
#include "demands.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"

enum {
    /* Demands without tickets are kept up to here: they may come again. */
    KNOWN_MIN = 64,
    TEXT_BYTES = 200
};

void demands_init(struct demands *demands, const struct supply *supply,
                  const dmpi_worker info[], int ranks)
{
    *demands = (struct demands){.supply = supply, .info = info, .ranks = ranks};
    resources_init(&demands->resources, supply, ranks);
    demands->lost = log_alloc((size_t)ranks * sizeof *demands->lost);
    memset(demands->lost, 0, (size_t)ranks * sizeof *demands->lost);
}

static void demand_free(struct demand *demand)
{
    queue_fini(&demand->waiting);
    rankset_free(demand->able);
    rankset_free(demand->fit);
    free(demand);
}

void demands_fini(struct demands *demands)
{
    struct demand *demand;
    for (uint32_t number = 1; number < demands->ticket_room; number++)
        if (demands->tickets[number])
            mem_give(&demands->mem, demands->tickets[number],
                     sizeof(struct ticket));
    while ((demand = demands->known)) {
        demands->known = demand->next_known;
        demand_free(demand);
    }
    resources_fini(&demands->resources);
    mem_fini(&demands->mem);
    free(demands->lost);
    free(demands->tickets);
    free(demands->unused);
}

/* ---- who could, who can now ----------------------------------------------*/

static bool asks_for(const struct demand *demand, int kind)
{
    return demand->kinds >> kind & 1;
}

static bool is_able(const struct demands *demands, const struct wish *wish,
                    int rank)
{
    const dmpi_worker *worker = &demands->info[rank - 1];
    if (demands->lost[rank]) return false;
    if (wish->rank && wish->rank != rank) return false;
    if (wish->node && wish->node != worker->node + 1) return false;
    if (wish->cores > worker->cores) return false;
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        if (wish->amounts.of[kind] >
            resources_total(&demands->resources, kind, rank))
            return false;
    return true;
}

/* Has RANK its own part free? What is the pool's is looked at later. */
static bool is_fit(const struct demands *demands, const struct demand *demand,
                   int rank)
{
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        if (!demands->supply->kinds[kind].of_pool &&
            demand->wish.amounts.of[kind] >
                resources_free(&demands->resources, kind, rank))
            return false;
    return true;
}

static void look_again(struct demands *demands, struct demand *demand, int rank)
{
    if (!rankset_has(demand->able, rank)) return;
    if (is_fit(demands, demand, rank))
        rankset_add(&demand->fit, rank, demands->ranks);
    else rankset_remove(demand->fit, rank);
}

/* Some of KINDS have changed on RANK. */
static void look_at_all_again(struct demands *demands, uint32_t kinds, int rank)
{
    for (struct demand *demand = demands->known; demand;
         demand = demand->next_known)
        if (demand->kinds & kinds) look_again(demands, demand, rank);
}

/* ---- demands, one for each wish ------------------------------------------*/

static void count_kinds(const struct demands *demands, struct demand *demand)
{
    for (int kind = 0; kind < demands->supply->kind_count; kind++) {
        demand->ids += demand->wish.amounts.of[kind];
        if (demand->wish.amounts.of[kind]) demand->kinds |= 1u << kind;
    }
}

static struct demand *demand_new(const struct demands *demands,
                                 const struct wish *wish)
{
    struct demand *demand = log_alloc(sizeof *demand);
    *demand = (struct demand){.wish = *wish};
    count_kinds(demands, demand);
    for (int rank = 1; rank < demands->ranks; rank++) {
        if (!is_able(demands, wish, rank)) continue;
        rankset_add(&demand->able, rank, demands->ranks);
        if (is_fit(demands, demand, rank))
            rankset_add(&demand->fit, rank, demands->ranks);
    }
    return demand;
}

static int most_cores(const struct demands *demands)
{
    int most = 0;
    for (int rank = 1; rank < demands->ranks; rank++)
        if (demands->info[rank - 1].cores > most)
            most = demands->info[rank - 1].cores;
    return most;
}

/* Nobody is able: say why. */
static void refuse(const struct demands *demands, const struct demand *demand)
{
    const struct wish *wish = &demand->wish;
    char wanted[TEXT_BYTES], there[TEXT_BYTES], place[32] = "";
    if (wish->rank) snprintf(place, sizeof place, " on rank %d", wish->rank);
    if (wish->node)
        snprintf(place, sizeof place, " on node %d", wish->node - 1);
    if (wish->cores > most_cores(demands)) {
        fault(DMPI_EINVAL, "%d cores are more than any worker has: at most %d",
              wish->cores, most_cores(demands));
        return;
    }
    if (!demand->ids && !wish->cores) {
        fault(DMPI_EINVAL, "there is no worker%s", place);
        return;
    }
    if (!demand->ids) {
        fault(DMPI_EINVAL, "no worker%s has %d cores", place, wish->cores);
        return;
    }
    supply_print_amounts(demands->supply, &wish->amounts, wanted,
                         sizeof wanted);
    supply_print(demands->supply, there, sizeof there);
    fault(DMPI_EINVAL, "no worker%s can ever have %s%s: there is %s", place,
          wanted, wish->cores ? " and the cores" : "", there);
}

static struct demand **find_known(struct demands *demands,
                                  const struct wish *wish)
{
    struct demand **at = &demands->known;
    while (*at && memcmp(&(*at)->wish, wish, sizeof *wish))
        at = &(*at)->next_known;
    return at;
}

/* Those that nobody uses and that were not used lately. */
static void forget_some(struct demands *demands)
{
    struct demand **at = &demands->known;
    size_t place = 0;
    while (*at) {
        struct demand *demand = *at;
        if (place++ < KNOWN_MIN / 2 || demand->tickets) {
            at = &demand->next_known;
            continue;
        }
        *at = demand->next_known;
        demands->known_count--;
        demand_free(demand);
    }
}

struct demand *demands_find(struct demands *demands, const struct wish *wish)
{
    struct demand **at = find_known(demands, wish);
    struct demand *demand = *at;
    if (demand && !demand_has_worker(demand)) { /* those that could are lost */
        refuse(demands, demand);
        return NULL;
    }
    if (demand) {
        *at = demand->next_known;
    } else {
        demand = demand_new(demands, wish);
        if (!demand->able) {
            refuse(demands, demand);
            demand_free(demand);
            return NULL;
        }
        if (demands->known_count >= KNOWN_MIN) forget_some(demands);
        demands->known_count++;
    }
    demand->next_known = demands->known;
    demands->known = demand;
    return demand;
}

/* ---- tickets -------------------------------------------------------------*/

/* Number 0 is never used. */
static void make_room(struct demands *demands)
{
    uint32_t from = demands->ticket_room ? demands->ticket_room : 1;
    uint32_t room = 2 * demands->ticket_room + 64;
    demands->tickets =
        log_realloc(demands->tickets, room * sizeof *demands->tickets);
    demands->unused =
        log_realloc(demands->unused, room * sizeof *demands->unused);
    for (uint32_t number = room - 1; number >= from; number--) {
        demands->tickets[number] = NULL;
        demands->unused[demands->unused_count++] = number;
    }
    demands->ticket_room = room;
}

void demands_begin(struct demands *demands, struct demand *demand,
                   struct spec *spec)
{
    if (!demands->unused_count) make_room(demands);
    uint32_t number = demands->unused[--demands->unused_count];
    struct ticket *ticket = mem_take(&demands->mem, sizeof *ticket);
    *ticket = (struct ticket){
        .demand = demand, .spec = spec, .stamp = ++demands->stamp};
    demands->tickets[number] = ticket;
    demand->tickets++;
    spec_terms(spec)->ticket = number;
}

/* ---- turns ---------------------------------------------------------------*/

static struct spec *first_of(struct demand *demand)
{
    return (struct spec *)queue_first(&demand->waiting);
}

/* Is it A's turn before B's? For both tasks wait. */
static bool comes_before(const struct demands *demands, struct demand *a,
                         struct demand *b)
{
    struct spec *first = first_of(a), *other = first_of(b);
    if (first->order != other->order) return first->order > other->order;
    return demands_ticket(demands, first)->stamp <
           demands_ticket(demands, other)->stamp;
}

static void line_up(struct demands *demands, struct demand *demand)
{
    struct demand **at = &demands->first;
    while (*at && comes_before(demands, *at, demand)) at = &(*at)->next;
    demand->next = *at;
    *at = demand;
}

static void step_out(struct demands *demands, struct demand *demand)
{
    struct demand **at = &demands->first;
    while (*at != demand) at = &(*at)->next;
    *at = demand->next;
}

/* What waits for some of KINDS may fit now. */
static void stir(struct demands *demands, uint32_t kinds)
{
    for (struct demand *demand = demands->first; demand; demand = demand->next)
        if (demand->kinds & kinds) demand->stirred = demands->stirred = true;
}

/* ---- reservations --------------------------------------------------------*/

/* What is not its own is free for the others again. */
static void unreserve(struct demands *demands, struct demand *demand)
{
    if (!demand->reserves) return;
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        if (asks_for(demand, kind)) demands->reserver[kind] = NULL;
    demand->reserves = false;
    stir(demands, demand->kinds);
}

/* Who has reserved KIND before DEMAND, whose turn is later; or NULL. */
static struct demand *reserved_before(const struct demands *demands,
                                      struct demand *demand, int kind)
{
    struct demand *other = demands->reserver[kind];
    if (!other || other == demand || !asks_for(demand, kind)) return NULL;
    return comes_before(demands, other, demand) ? other : NULL;
}

/* Where something has just become free more will follow. */
static int rank_to_reserve(const struct demands *demands,
                           const struct demand *demand)
{
    if (rankset_has(demand->able, demands->freed_rank))
        return demands->freed_rank;
    int rank = rankset_next(demand->able, demands->freed_rank);
    return rank > 0 ? rank : rankset_next(demand->able, 0);
}

/* DEMAND does not fit. If it is the first for all that it asks for, that is kept
 * for it. */
static void reserve(struct demands *demands, struct demand *demand)
{
    if (demand->reserves) return;
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        if (reserved_before(demands, demand, kind)) return;
    for (int kind = 0; kind < demands->supply->kind_count; kind++) {
        if (!asks_for(demand, kind)) continue;
        if (demands->reserver[kind])
            unreserve(demands, demands->reserver[kind]);
        demands->reserver[kind] = demand;
    }
    demand->reserves = true;
    demand->reserved_rank = rank_to_reserve(demands, demand);
}

/* How many of KIND DEMAND may take on RANK. */
static int free_for(const struct demands *demands, struct demand *demand,
                    int kind, int rank)
{
    int count = resources_free(&demands->resources, kind, rank);
    struct demand *other = reserved_before(demands, demand, kind);
    bool kept = other && (demands->supply->kinds[kind].of_pool ||
                          other->reserved_rank == rank);
    if (!kept) return count;
    int amount = other->wish.amounts.of[kind];
    return count > amount ? count - amount : 0;
}

static bool pool_has(const struct demands *demands, struct demand *demand)
{
    int any = 1;
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        if (demands->supply->kinds[kind].of_pool &&
            demand->wish.amounts.of[kind] >
                free_for(demands, demand, kind, any))
            return false;
    return true;
}

/* Leave workers out on which others have reserved what DEMAND would take. */
static void hide_reserved(struct demands *demands, struct demand *demand)
{
    for (int kind = 0; kind < demands->supply->kind_count; kind++) {
        struct demand *other = reserved_before(demands, demand, kind);
        if (other && !demands->supply->kinds[kind].of_pool &&
            demand->wish.amounts.of[kind] >
                free_for(demands, demand, kind, other->reserved_rank))
            rankset_remove(demand->fit, other->reserved_rank);
    }
}

static void show_reserved(struct demands *demands, struct demand *demand)
{
    for (int kind = 0; kind < demands->supply->kind_count; kind++) {
        struct demand *other = demands->reserver[kind];
        if (other && other != demand && asks_for(demand, kind))
            look_again(demands, demand, other->reserved_rank);
    }
}

static bool fits(struct demands *demands, struct demand *demand)
{
    if (!pool_has(demands, demand)) return false;
    hide_reserved(demands, demand);
    if (rankset_next(demand->fit, 0) > 0) return true;
    show_reserved(demands, demand);
    return false;
}

/* ---- in and out ----------------------------------------------------------*/

/* SPEC, which was the first of DEMAND or has become it: another turn, and another
 * look. */
static void first_changed(struct demands *demands, struct demand *demand)
{
    if (first_of(demand)) {
        line_up(demands, demand);
        demand->stirred = demands->stirred = true;
    } else {
        unreserve(demands, demand);
    }
}

void demands_push(struct demands *demands, struct spec *spec)
{
    struct ticket *ticket = demands_ticket(demands, spec);
    struct demand *demand = ticket->demand;
    struct spec *first = first_of(demand);
    ticket->waits = true;
    if (first && first->order >= spec->order) {
        queue_push(&demand->waiting, &spec->link, spec->order);
        return;
    }
    if (first) step_out(demands, demand);
    queue_push(&demand->waiting, &spec->link, spec->order);
    first_changed(demands, demand);
}

void demands_remove(struct demands *demands, struct spec *spec)
{
    struct ticket *ticket = demands_ticket(demands, spec);
    struct demand *demand = ticket->demand;
    ticket->waits = false;
    bool was_first = first_of(demand) == spec;
    if (was_first) step_out(demands, demand);
    queue_remove(&demand->waiting, &spec->link, spec->order);
    if (was_first) {
        unreserve(demands, demand); /* those before it now are others */
        first_changed(demands, demand);
    }
}

struct spec *demands_next(struct demands *demands, const struct rankset **ranks)
{
    if (!demands->stirred) return NULL;
    for (struct demand *demand = demands->first; demand;
         demand = demand->next) {
        if (!demand->stirred) continue;
        if (fits(demands, demand)) {
            *ranks = demand->fit;
            return first_of(demand);
        }
        demand->stirred = false;
        reserve(demands, demand);
    }
    demands->stirred = false;
    return NULL;
}

void demands_take(struct demands *demands, struct spec *spec, int rank)
{
    struct ticket *ticket = demands_ticket(demands, spec);
    struct demand *demand = ticket->demand;
    assert(first_of(demand) == spec && rankset_has(demand->fit, rank));
    show_reserved(demands, demand);
    step_out(demands, demand);
    queue_remove(&demand->waiting, &spec->link, spec->order);
    unreserve(demands, demand);
    ticket->rank = rank;
    ticket->waits = false;
    resources_take(&demands->resources, &demand->wish.amounts, rank,
                   spec_ids(spec));
    look_at_all_again(demands, demand->kinds, rank);
    first_changed(demands, demand);
}

/* What TICKET holds is free. */
static void give_back(struct demands *demands, struct ticket *ticket)
{
    struct demand *demand = ticket->demand;
    resources_give(&demands->resources, ticket->rank, spec_ids(ticket->spec),
                   demand->ids);
    demands->freed_rank = ticket->rank;
    look_at_all_again(demands, demand->kinds, ticket->rank);
    stir(demands, demand->kinds);
}

void demands_give_back(struct demands *demands, struct spec *spec)
{
    struct ticket *ticket = demands_ticket(demands, spec);
    if (ticket->rank) give_back(demands, ticket);
    ticket->rank = 0;
}

void demands_end(struct demands *demands, struct spec *spec)
{
    uint32_t number = spec_terms(spec)->ticket;
    struct ticket *ticket = demands->tickets[number];
    assert(!ticket->waits);
    demands_give_back(demands, spec);
    ticket->demand->tickets--;
    mem_give(&demands->mem, ticket, sizeof *ticket);
    demands->tickets[number] = NULL;
    demands->unused[demands->unused_count++] = number;
}

void demands_lost(struct demands *demands, int rank)
{
    assert(!demands->first);
    demands->lost[rank] = true;
    for (struct demand *demand = demands->known; demand;
         demand = demand->next_known) {
        rankset_remove(demand->able, rank);
        rankset_remove(demand->fit, rank);
    }
}

/* ---- for tests -----------------------------------------------------------*/

static void check_fit(const struct demands *demands,
                      const struct demand *demand)
{
    for (int rank = 1; rank < demands->ranks; rank++) {
        bool able = is_able(demands, &demand->wish, rank);
        assert(rankset_has(demand->able, rank) == able);
        assert(rankset_has(demand->fit, rank) ==
               (able && is_fit(demands, demand, rank)));
    }
}

static size_t taken(const struct demands *demands)
{
    const struct resources *resources = &demands->resources;
    size_t sum = 0;
    for (int kind = 0; kind < demands->supply->kind_count; kind++) {
        int last =
            demands->supply->kinds[kind].of_pool ? 1 : demands->ranks - 1;
        for (int rank = 1; rank <= last; rank++)
            sum += (size_t)(resources_total(resources, kind, rank) -
                            resources_free(resources, kind, rank));
    }
    return sum;
}

/* Each id that is not free is held by one ticket. */
static void check_held(const struct demands *demands)
{
    size_t held = 0;
    for (uint32_t i = 1; i < demands->ticket_room; i++) {
        struct ticket *ticket = demands->tickets[i];
        if (!ticket || !ticket->rank) continue;
        held += ticket->demand->ids;
        for (uint32_t k = 0; k < ticket->demand->ids; k++)
            assert(resources_is_taken(&demands->resources, ticket->rank,
                                      spec_ids(ticket->spec)[k]));
    }
    assert(taken(demands) == held);
}

void demands_check(const struct demands *demands)
{
    resources_check(&demands->resources);
    check_held(demands);
    for (struct demand *demand = demands->known; demand;
         demand = demand->next_known)
        check_fit(demands, demand);
    for (struct demand *demand = demands->first; demand && demand->next;
         demand = demand->next)
        assert(comes_before(demands, demand, demand->next));
    for (int kind = 0; kind < demands->supply->kind_count; kind++)
        assert(!demands->reserver[kind] ||
               (demands->reserver[kind]->reserves &&
                demands->reserver[kind]->waiting.count));
}
