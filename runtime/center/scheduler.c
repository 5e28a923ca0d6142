/* SPDX-License-Identifier: BSD-3-Clause */
/* scheduler.c - wait for producers, choose a worker, hand out, take back.
 *
 * No loop here recurses along a chain of tasks: what becomes ready goes through
 * a queue. */
#include "scheduler.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "decree.h"
#include "inputs.h"
#include "lineage.h"
#include "log.h"
#include "placement.h"

enum {
    /* Deal this many in a row to one worker when there is plenty for all. */
    DEAL_RUN = 16,
    /* How fast inputs move, about. */
    MOVE_BYTES_PER_NS = 1
};

void scheduler_init(struct scheduler *scheduler, struct values *values,
                    const struct supply *supply, uint32_t functions, bool steal)
{
    *scheduler = (struct scheduler){.values = values, .steal = steal};
    specs_init(&scheduler->specs, values, supply);
    estimates_init(&scheduler->estimates, functions);
    gangs_init(&scheduler->gangs, values->roster);
}

void scheduler_fini(struct scheduler *scheduler)
{
    queue_fini(&scheduler->ready);
    queue_fini(&scheduler->fresh);
    gangs_fini(&scheduler->gangs);
    estimates_fini(&scheduler->estimates);
    specs_fini(&scheduler->specs);
    free(scheduler->found);
}

static void push(struct queue *queue, struct record *record)
{
    queue_push(queue, &record->spec->link, record->spec->order);
}

static struct record *pop(struct queue *queue)
{
    struct link *link = queue_pop(queue);
    return link ? ((struct spec *)link)->record : NULL;
}

static inline bool has_lineage(const struct scheduler *scheduler)
{
    return __builtin_expect(scheduler->lineage != NULL, 0);
}

/* SPEC needs its inputs no more, whatever happens. */
static inline void free_spec(struct scheduler *scheduler, struct spec *spec)
{
    if (scheduler->lineage) lineage_leave(scheduler->lineage, spec);
    specs_free(&scheduler->specs, spec);
}

/* A task that runs again: those that wait for its value may have all the room
 * that there is. */
static bool goes_first(const struct record *record)
{
    return record->attempt;
}

/* ---- submission ----------------------------------------------------------*/

/* All inputs are placed. Without any there is nothing to look at. */
static void make_ready(struct scheduler *scheduler, struct record *record)
{
    struct spec *spec = record->spec;
    task_enter(record, TASK_READY);
    if (spec->flags & RUN_GANG) {
        gangs_member_ready(&scheduler->gangs, record);
        return;
    }
    record->dealt = !spec->inputs && !spec->target && !spec_is_picky(spec) &&
                    !goes_first(record);
    push(record->dealt ? &scheduler->ready : &scheduler->fresh, record);
}

/* A target that is lost was only a wish, or specs_check() would have said so.
 * Another one takes its place: what could run anywhere might wait for room that
 * tasks have which wait for it. */
static void aim_at_living(const struct scheduler *scheduler, struct spec *spec)
{
    struct roster *roster = scheduler->values->roster;
    if (spec->target && !(spec->flags & RUN_PINNED) &&
        roster_at(roster, spec->target)->lost)
        spec->target = roster_least_busy(roster)->rank;
}

static __attribute__((noinline)) void
join_lineage(const struct scheduler *scheduler, struct spec *spec)
{
    lineage_join(scheduler->lineage, spec);
    aim_at_living(scheduler, spec);
}

static inline __attribute__((always_inline)) struct record *
record_new(struct scheduler *scheduler, const struct task_order *order)
{
    struct catalog *catalog = scheduler->values->catalog;
    struct record *record =
        order->key ? catalog_add(catalog, order->key) : catalog_make(catalog);
    struct spec *spec = specs_new(&scheduler->specs, order);
    record->spec = spec;
    spec->record = record;
    scheduler->unended++;
    if (spec->inputs) inputs_need(scheduler->values, spec, order->inputs);
    if (has_lineage(scheduler)) join_lineage(scheduler, spec);
    return record;
}

struct record *scheduler_submit(struct scheduler *scheduler,
                                const struct task_order *order)
{
    struct record *record = record_new(scheduler, order);
    if (record->spec->inputs && inputs_watch(record->spec))
        task_enter(record, TASK_WAITING);
    else make_ready(scheduler, record);
    return record;
}

void scheduler_wait(struct scheduler *scheduler, struct record *record)
{
    aim_at_living(scheduler, record->spec);
    if (!inputs_watch(record->spec)) make_ready(scheduler, record);
}

void scheduler_submit_gang(struct scheduler *scheduler,
                           const struct task_order orders[], uint32_t size,
                           uint64_t keys[])
{
    struct gang *gang = gangs_new(size, scheduler->lineage);
    for (uint32_t i = 0; i < size; i++) {
        struct task_order order = orders[i];
        order.flags |= RUN_GANG | RUN_PINNED;
        struct record *record = scheduler_submit(scheduler, &order);
        keys[i] = record->key;
        gangs_join(&scheduler->gangs, gang, record);
    }
    if (scheduler->lineage) lineage_join_gang(scheduler->lineage, gang);
}

/* Turns begin anew when nothing is left. Nobody lets so many go by without that;
 * if somebody does, the rest have the same. */
void scheduler_pass_turns(struct scheduler *scheduler, uint32_t count)
{
    uint32_t *turn = &scheduler->specs.turn;
    if (!scheduler->unended) *turn = 0;
    else if (*turn < ORDER_TURN_MAX - 2 * GRAPH_TURNS_MAX) *turn += count;
}

/* ---- to a worker ---------------------------------------------------------*/

void scheduler_release_watchers(struct scheduler *scheduler, struct spec *spec)
{
    struct spec *watcher = inputs_take_watchers(spec);
    while (watcher) {
        struct spec *next = (struct spec *)watcher->link.next;
        if (!watcher->record) specs_free(&scheduler->specs, watcher);
        else if (!inputs_watch(watcher)) make_ready(scheduler, watcher->record);
        watcher = next;
    }
}

static void say_run(struct scheduler *scheduler, struct record *record,
                    int rank)
{
    struct spec *spec = record->spec;
    size_t inputs = spec->inputs * sizeof(struct msg_input);
    size_t tail = spec_tail(spec);
    struct msg_task_run *run =
        port_say(scheduler->values->port, rank, MSG_TASK_RUN,
                 sizeof *run + inputs + tail);
    *run = (struct msg_task_run){.key = record->key,
                                 .order = spec->order,
                                 .function = spec->function,
                                 .inputs = spec->inputs,
                                 .args = spec->args,
                                 .attempt = record->attempt,
                                 .flags = spec->flags,
                                 .name = (uint8_t)spec->name};
    struct msg_input *input = (struct msg_input *)(run + 1);
    if (tail) memcpy(input + spec->inputs, spec_terms(spec), tail);
    if (inputs) inputs_say(scheduler->values, spec, rank, input);
}

/* RANK has the task of RECORD, or is about to. */
static inline void hand(struct scheduler *scheduler, struct record *record,
                        int rank)
{
    struct spec *spec = record->spec;
    struct roster *roster = scheduler->values->roster;
    spec->cost_ns = estimates_cost_ns(&scheduler->estimates, spec->function);
    record->owner = rank;
    roster_hand(roster, roster_at(roster, rank), spec->cost_ns, record->dealt);
}

void scheduler_found(struct scheduler *scheduler, struct record *record)
{
    if (scheduler->found_count == scheduler->found_capacity) {
        scheduler->found_capacity = 2 * scheduler->found_capacity + 16;
        scheduler->found = log_realloc(
            scheduler->found, scheduler->found_capacity * sizeof(uint64_t));
    }
    scheduler->found[scheduler->found_count++] = record->key;
    record->sought = false;
}

static void place(struct scheduler *scheduler, struct record *record, int rank)
{
    assert(record);
    struct spec *spec = record->spec;
    struct roster *roster = scheduler->values->roster;
    struct worker_entry *worker = roster_at(roster, rank);
    if (__builtin_expect(worker->starved, 0)) roster_feed(roster, worker);
    hand(scheduler, record, rank);
    say_run(scheduler, record, rank);
    task_enter(record, TASK_PLACED);
    if (spec->watchers) scheduler_release_watchers(scheduler, spec);
    if (record->sought) scheduler_found(scheduler, record);
}

struct record *scheduler_adopt(struct scheduler *scheduler,
                               const struct task_order *order, int rank)
{
    struct record *record = record_new(scheduler, order);
    task_enter(record, TASK_READY);
    hand(scheduler, record, rank);
    task_enter(record, TASK_PLACED);
    return record;
}

/* Do the inputs of SPEC exist, and are they moved before WORKER, to whom it
 * belongs and who has much to do, would come to it? */
static bool may_go_elsewhere(const struct scheduler *scheduler,
                             struct spec *spec,
                             const struct worker_entry *worker)
{
    uint64_t bytes = 0;
    if (!scheduler->steal || spec->target || spec_is_picky(spec)) return false;
    for (uint32_t i = 0; i < spec->inputs; i++) {
        if (!task_ended(spec_inputs(spec)[i])) return false;
        bytes += spec_inputs(spec)[i]->bytes;
    }
    return bytes <= worker->load_ns * MOVE_BYTES_PER_NS;
}

/* Somebody who has nothing to do, while nothing else is left for him. */
static struct worker_entry *relief(struct scheduler *scheduler,
                                   struct spec *spec,
                                   const struct worker_entry *worker)
{
    if (scheduler->ready.count || !may_go_elsewhere(scheduler, spec, worker))
        return NULL;
    return roster_idle(scheduler->values->roster);
}

static bool fits(const struct worker_entry *worker, const struct spec *spec)
{
    return spec->target ? roster_takes(worker) : roster_fits(worker);
}

static void hold(struct scheduler *scheduler, struct worker_entry *worker,
                 struct record *record)
{
    record->owner = worker->rank;
    push(&worker->held, record);
    roster_hold(scheduler->values->roster, worker);
}

static bool has_little(const struct worker_entry *worker)
{
    return worker->tasks < ROSTER_TASKS_MIN || worker->starved;
}

/* WORKER has next to nothing to do: it gets what is held for another. */
static void help(struct scheduler *scheduler, struct worker_entry *worker)
{
    struct worker_entry *other;
    while (has_little(worker) && !scheduler->ready.count &&
           (other = roster_holder(scheduler->values->roster))) {
        struct spec *first = (struct spec *)queue_first(&other->held);
        if (!may_go_elsewhere(scheduler, first, other)) return;
        place(scheduler, pop(&other->held), worker->rank);
    }
}

/* The task of RECORD belongs to RANK: place it there, or keep it for that worker
 * until it has room. */
static void place_or_hold(struct scheduler *scheduler, struct record *record,
                          int rank)
{
    struct worker_entry *worker = roster_at(scheduler->values->roster, rank);
    struct worker_entry *other;
    if (fits(worker, record->spec) || goes_first(record))
        place(scheduler, record, rank);
    else if ((other = relief(scheduler, record->spec, worker)))
        place(scheduler, record, other->rank);
    else hold(scheduler, worker, record);
}

/* The target, if that is not the only one; who has most bytes; anyone. */
static int choose_among(struct scheduler *scheduler, struct spec *spec,
                        const struct rankset *set)
{
    struct roster *roster = scheduler->values->roster;
    int node = (int)spec_terms(spec)->node - 1;
    if (spec->target && rankset_has(set, spec->target)) return spec->target;
    struct worker_entry *near =
        node >= 0 && spec_gathers(spec) ? roster_pick(roster, set, node) : NULL;
    if (near) return near->rank;
    int rank = placement_choose_among(roster, spec, set);
    return rank ? rank : roster_pick(roster, set, -1)->rank;
}

static int choose(struct scheduler *scheduler, struct spec *spec)
{
    estimates_guess_sizes(&scheduler->estimates, spec);
    if (spec_is_picky(spec))
        return choose_among(scheduler, spec,
                            specs_demand(&scheduler->specs, spec)->able);
    return placement_choose(scheduler->values->roster, spec);
}

/* SPEC waits for its resources, unless it will not run: false. */
static bool gather(struct scheduler *scheduler, struct spec *spec)
{
    spec->flags |= RUN_VOID;
    if (inputs_bad(spec)) return false;
    spec->flags &= (uint8_t)~RUN_VOID;
    demands_push(&scheduler->specs.demands, spec);
    return true;
}

static void look_at_fresh(struct scheduler *scheduler)
{
    struct record *record;
    while ((record = pop(&scheduler->fresh))) {
        if (spec_gathers(record->spec) && gather(scheduler, record->spec))
            continue;
        int rank = choose(scheduler, record->spec);
        if (!rank && goes_first(record))
            rank = roster_least_busy(scheduler->values->roster)->rank;
        record->dealt = !rank;
        if (rank) place_or_hold(scheduler, record, rank);
        else push(&scheduler->ready, record);
    }
}

/* Those that need not wait for resources any more. */
static __attribute__((noinline)) void serve_demands(struct scheduler *scheduler)
{
    struct demands *demands = &scheduler->specs.demands;
    const struct rankset *ranks;
    struct spec *spec;
    while ((spec = demands_next(demands, &ranks))) {
        int rank = choose_among(scheduler, spec, ranks);
        demands_take(demands, spec, rank);
        place(scheduler, spec->record, rank);
    }
}

static void deal(struct scheduler *scheduler)
{
    struct roster *roster = scheduler->values->roster;
    size_t workers = (size_t)roster->ranks - 1;
    struct worker_entry *worker;
    while (scheduler->ready.count && (worker = roster_turn(roster))) {
        bool plenty = scheduler->ready.count > 2 * DEAL_RUN * workers;
        int run = plenty ? DEAL_RUN : 1;
        while (run-- > 0 && scheduler->ready.count && worker->next)
            place(scheduler, pop(&scheduler->ready), worker->rank);
        if (roster_turn(roster) == worker) roster_pass_turn(roster);
    }
}

/* ---- gangs ---------------------------------------------------------------*/

static void start_gangs(struct scheduler *scheduler)
{
    struct gang *gang;
    decree_gangs(scheduler);
    while ((gang = gangs_start(&scheduler->gangs)))
        for (uint32_t i = 0; i < gang->size; i++) {
            gangs_say(gang, scheduler->values->port, i);
            place(scheduler, gang->members[i], gang->ranks[i]);
        }
}

void scheduler_settle(struct scheduler *scheduler)
{
    if (__builtin_expect(scheduler->frozen, 0)) return;
    do {
        look_at_fresh(scheduler);
        if (scheduler->specs.demands.stirred) serve_demands(scheduler);
        deal(scheduler);
        if (scheduler->gangs.waiting) start_gangs(scheduler);
    } while (scheduler->fresh.count);
}

/* ---- back ----------------------------------------------------------------*/

/* Tasks kept for WORKER; if all their inputs have gone elsewhere meanwhile, with
 * the tasks that make them, so do they. */
static void hand_held(struct scheduler *scheduler, struct worker_entry *worker)
{
    struct spec *first;
    while ((first = (struct spec *)queue_first(&worker->held)) &&
           fits(worker, first)) {
        queue_pop(&worker->held);
        int rank = worker->rank;
        if (!inputs_lie_at(first, rank)) rank = choose(scheduler, first);
        place_or_hold(scheduler, first->record, rank);
    }
}

/* It stays where it is, so it is not for the center to look for cores, a node or
 * resources; what it held is free. Those who wait for its end wait on. */
void scheduler_replace(struct scheduler *scheduler, struct record *record,
                       const struct task_order *order, int rank)
{
    struct spec *before = record->spec;
    struct task_order staying = *order;
    staying.resources = NULL;
    staying.terms.cores = staying.terms.node = 0;
    struct spec *spec = order->flags & RUN_TERMS
                            ? specs_new_with_terms(&scheduler->specs, &staying)
                            : specs_new_plain(&scheduler->specs, &staying);
    assert(record->state == TASK_PLACED);
    spec->record = record;
    spec->cost_ns = before->cost_ns;
    spec->watchers = before->watchers;
    if (before->flags & RUN_GANG) { /* it has not left the worker yet */
        spec->flags |= RUN_GANG;
        gangs_member_went_on(&scheduler->gangs, record);
    }
    inputs_need(scheduler->values, spec, order->inputs);
    if (scheduler->lineage) lineage_replace(scheduler->lineage, before, spec);
    record->spec = spec;
    record->attempt++;
    inputs_release(scheduler->values, before, rank);
    specs_give_back(&scheduler->specs, before);
    free_spec(scheduler, before);
    if (record->owner != rank) /* who gave it there has not been heard yet */
        scheduler_moved(scheduler, record, record->owner, rank);
}

/* The task of RECORD is no load for WORKER any more. */
static inline __attribute__((always_inline)) void
unload(struct scheduler *scheduler, struct record *record,
       struct worker_entry *worker)
{
    roster_end(scheduler->values->roster, worker, record->spec->cost_ns,
               record->dealt);
}

/* WORKER has got room. */
static inline __attribute__((always_inline)) void
refill(struct scheduler *scheduler, struct worker_entry *worker)
{
    if (__builtin_expect(scheduler->frozen, 0)) return;
    if (worker->held.count) hand_held(scheduler, worker);
    if (worker->tasks < ROSTER_TASKS_MIN) help(scheduler, worker);
}

/* RECORD, a member of a gang, has ended. One that only played another's part once
 * more may have been the last that its gang was kept for. */
static void end_member(struct scheduler *scheduler, struct record *record)
{
    struct gang *gang = gangs_of(&scheduler->gangs, record);
    gangs_member_ended(&scheduler->gangs, record);
    if (!gangs_of(&scheduler->gangs, record))
        lineage_look_at_gang(scheduler->lineage, gang);
}

/* The same, but its spec stays, to run it again if its value is lost. */
static __attribute__((noinline)) void
let_go_but_keep(struct scheduler *scheduler, struct record *record, int from)
{
    struct spec *spec = record->spec;
    inputs_release(scheduler->values, spec, from);
    specs_give_back(&scheduler->specs, spec);
    if (spec->flags & RUN_GANG) end_member(scheduler, record);
    record->kept = true;
}

/* The task of RECORD, which has ended on FROM, needs nothing any more. */
static inline __attribute__((always_inline)) void
let_go(struct scheduler *scheduler, struct record *record, int from)
{
    struct spec *spec = record->spec;
    if (has_lineage(scheduler)) {
        let_go_but_keep(scheduler, record, from);
        return;
    }
    record->spec = NULL;
    inputs_release(scheduler->values, spec, from);
    specs_give_back(&scheduler->specs, spec);
    if (spec->flags & RUN_GANG) gangs_member_ended(&scheduler->gangs, record);
    specs_free(&scheduler->specs, spec);
}

/* It still does. Until then its record stays, and WORKER is not free. */
static __attribute__((noinline)) void keep(struct scheduler *scheduler,
                                           struct record *record,
                                           struct worker_entry *worker)
{
    roster_hand(scheduler->values->roster, worker, record->spec->cost_ns,
                record->dealt);
    record->needs++;
    scheduler->leaving++;
}

bool scheduler_end(struct scheduler *scheduler, struct record *record, int from,
                   const struct msg_task_done *done)
{
    if (record->state != TASK_PLACED || record->attempt != done->attempt)
        return false;
    struct roster *roster = scheduler->values->roster;
    struct worker_entry *worker = roster_at(roster, record->owner);
    unload(scheduler, record, worker);
    roster_at(roster, from)->tasks_done++;
    estimates_learn(&scheduler->estimates, record->spec->function, done);
    task_enter(record, done->status == DMPI_OK ? TASK_DONE : TASK_FAILED);
    values_exist(scheduler->values, record, from, done->bytes);
    if (record->spec->watchers)
        scheduler_release_watchers(scheduler, record->spec);
    if (done->status == DMPI_EDEADLINE) scheduler->not_begun++;
    if (done->status == DMPI_EBUSY)
        keep(scheduler, record, roster_at(roster, from));
    else let_go(scheduler, record, from);
    scheduler->unended--;
    scheduler->ended++;
    refill(scheduler, worker);
    values_release(scheduler->values, record);
    return true;
}

void scheduler_left(struct scheduler *scheduler, struct record *record,
                    int from)
{
    struct worker_entry *worker = roster_at(scheduler->values->roster, from);
    unload(scheduler, record, worker);
    let_go(scheduler, record, from);
    scheduler->leaving--;
    refill(scheduler, worker);
    values_unneed(scheduler->values, record);
}

/* ---- nothing to do -------------------------------------------------------*/

void scheduler_starved(struct scheduler *scheduler, int rank)
{
    struct worker_entry *worker = roster_at(scheduler->values->roster, rank);
    roster_starve(scheduler->values->roster, worker);
    if (scheduler->frozen) return;
    hand_held(scheduler, worker);
    scheduler_settle(scheduler);
    if (worker->starved) help(scheduler, worker);
}

/* ---- from worker to worker -----------------------------------------------*/

void scheduler_moved(struct scheduler *scheduler, struct record *record,
                     int from, int to)
{
    struct values *values = scheduler->values;
    if (!task_ended(record) && record->owner == from) {
        struct roster *roster = values->roster;
        struct spec *spec = record->spec;
        roster_end(roster, roster_at(roster, from), spec->cost_ns,
                   record->dealt);
        roster_hand(roster, roster_at(roster, to), spec->cost_ns,
                    record->dealt);
        record->owner = to;
        record->moved = true;
        if (!scheduler->frozen) hand_held(scheduler, roster_at(roster, from));
    }
}
