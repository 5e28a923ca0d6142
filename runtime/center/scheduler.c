/* SPDX-License-Identifier: BSD-3-Clause */
/* scheduler.c - wait for producers, choose a worker, hand out, take back.
 *
 * No loop here recurses along a chain of tasks: what becomes ready goes through
 * a queue. */
#include "scheduler.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "key.h"
#include "log.h"
#include "order.h"
#include "placement.h"

enum {
    /* Deal this many in a row to one worker when there is plenty for all. */
    DEAL_RUN = 16,
    /* How fast inputs move, about. */
    MOVE_BYTES_PER_NS = 1
};

void scheduler_init(struct scheduler *scheduler, struct values *values,
                    const struct supply *supply, const dmpi_worker workers[],
                    uint32_t functions, bool steal)
{
    size_t bytes = (functions ? functions : 1) * sizeof(struct estimate);
    *scheduler = (struct scheduler){.values = values,
                                    .functions = functions,
                                    .steal = steal,
                                    .estimates = log_alloc(bytes)};
    memset(scheduler->estimates, 0, bytes);
    epochs_init(&scheduler->epochs, values);
    demands_init(&scheduler->demands, supply, workers, values->roster->ranks);
    gangs_init(&scheduler->gangs, values->roster);
}

void scheduler_fini(struct scheduler *scheduler)
{
    queue_fini(&scheduler->ready);
    queue_fini(&scheduler->fresh);
    gangs_fini(&scheduler->gangs);
    free(scheduler->estimates);
    epochs_fini(&scheduler->epochs);
    demands_fini(&scheduler->demands);
    free(scheduler->found);
    mem_fini(&scheduler->mem);
}

/* ---- submission ----------------------------------------------------------*/

/* The ids behind them are not known yet. */
static void copy_terms(char *to, const struct msg_terms *terms)
{
    memcpy(to, terms, sizeof *terms);
    memset(to + sizeof *terms, 0, terms_bytes(terms) - sizeof *terms);
}

static inline __attribute__((always_inline)) struct spec *
spec_new(struct scheduler *scheduler, const struct task_order *order)
{
    size_t name = order->name ? strnlen(order->name, DMPI_NAME_MAX - 1) : 0;
    uint32_t inputs = (uint32_t)order->input_count;
    uint32_t args = (uint32_t)order->size;
    size_t terms = order->flags & RUN_TERMS ? terms_bytes(&order->terms) : 0;
    struct spec *spec =
        mem_take(&scheduler->mem, spec_bytes(inputs, terms + args + name));
    *spec = (struct spec){
        .order = order->order ? order->order
                              : order_make(order->priority,
                                           scheduler->turn + order->later),
        .function = order->function,
        .inputs = inputs,
        .args = args,
        .name = (uint8_t)name,
        .target = order->target,
        .flags = order->flags};
    char *tail = (char *)spec_terms(spec);
    if (terms) copy_terms(tail, &order->terms);
    if (args) memcpy(tail + terms, order->args, args);
    if (name) memcpy(tail + terms + args, order->name, name);
    return spec;
}

static void leave_epoch(struct scheduler *scheduler, struct spec *spec)
{
    uint64_t epoch = spec_terms(spec)->epoch;
    if (epoch) epochs_leave(&scheduler->epochs, epoch);
}

static void spec_free(struct scheduler *scheduler, struct spec *spec)
{
    if (spec->flags & RUN_TERMS) leave_epoch(scheduler, spec);
    mem_give(&scheduler->mem, spec, spec_bytes(spec->inputs, spec_tail(spec)));
}

/* ---- tasks that not every worker may run ---------------------------------*/

/* False: DMPI_EINVAL, it makes no sense. */
static bool read_wish(const struct scheduler *scheduler,
                      const struct task_order *order, struct wish *wish)
{
    char why[300];
    bool hard = order->flags & RUN_NODE;
    *wish = (struct wish){.cores = order->terms.cores,
                          .rank = order->flags & RUN_PINNED ? order->target : 0,
                          .node = hard || !order->resources ? order->terms.node
                                                            : 0};
    if (!order->resources ||
        supply_read_amounts(scheduler->demands.supply, order->resources,
                            &wish->amounts, why, sizeof why))
        return true;
    fault(DMPI_EINVAL, "%s", why);
    return false;
}

/* What ORDER, which is picky, asks for; NULL: DMPI_EINVAL, nobody has it. */
static struct demand *find_demand(struct scheduler *scheduler,
                                  const struct task_order *order)
{
    struct wish wish;
    if (!read_wish(scheduler, order, &wish)) return NULL;
    struct demand *demand = demands_find(&scheduler->demands, &wish);
    if (demand || !wish.node || order->flags & RUN_NODE) return demand;
    wish.node = 0; /* it was only preferred */
    return demands_find(&scheduler->demands, &wish);
}

dmpi_status scheduler_check(struct scheduler *scheduler,
                            const struct task_order *order)
{
    bool good = !task_order_is_picky(order) || find_demand(scheduler, order);
    return good ? DMPI_OK : DMPI_EINVAL;
}

/* Of a task that sees constants, or has other terms. Kept out of the way of those
 * that do not. */
static __attribute__((noinline)) struct spec *
spec_with_terms(struct scheduler *scheduler, const struct task_order *order)
{
    struct task_order full = *order;
    struct demand *demand = NULL;
    full.flags |= RUN_TERMS; /* without them they are all zero */
    if (full.terms.epoch) epochs_join(&scheduler->epochs, full.terms.epoch);
    else if (scheduler->epochs.last && !order->key)
        full.terms.epoch = epochs_enter(&scheduler->epochs);
    if (task_order_is_picky(order)) {
        demand = find_demand(scheduler, order);
        full.terms.ids = (uint16_t)demand->ids;
        if (demand->ids) full.flags |= RUN_PINNED;
    }
    struct spec *spec = spec_new(scheduler, &full);
    if (demand) demands_begin(&scheduler->demands, demand, spec);
    return spec;
}

static struct demand *demand_of(const struct scheduler *scheduler,
                                struct spec *spec)
{
    return demands_ticket(&scheduler->demands, spec)->demand;
}

static __attribute__((noinline)) void end_terms(struct scheduler *scheduler,
                                                struct spec *spec)
{
    if (spec_is_picky(spec)) demands_end(&scheduler->demands, spec);
}

/* Its inputs have all ended: one is an error, so it will not run. */
static bool is_hopeless(struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (spec_inputs(spec)[i]->state == TASK_FAILED) return true;
    return false;
}

/* ---- producers -----------------------------------------------------------*/

/* Watch the first input whose task is not placed; or, for a task that takes
 * resources or workers from others while it waits for its inputs, has not ended.
 * False: there is none. */
static bool watch_input(struct spec *spec)
{
    if (!spec->inputs) return false;
    struct record **inputs = spec_inputs(spec);
    unsigned enough =
        spec_gathers(spec) || spec->flags & RUN_GANG ? TASK_DONE : TASK_PLACED;
    while (spec->placed < spec->inputs && inputs[spec->placed]->state >= enough)
        spec->placed++;
    if (spec->placed == spec->inputs) return false;
    struct spec *producer = inputs[spec->placed]->spec;
    spec->link.next = (struct link *)producer->watchers;
    producer->watchers = spec;
    return true;
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

/* All inputs are placed. Without any there is nothing to look at. */
static void make_ready(struct scheduler *scheduler, struct record *record)
{
    struct spec *spec = record->spec;
    task_enter(record, TASK_READY);
    if (spec->flags & RUN_GANG) {
        gangs_member_ready(&scheduler->gangs, record);
        return;
    }
    record->dealt = !spec->inputs && !spec->target && !spec_is_picky(spec);
    push(record->dealt ? &scheduler->ready : &scheduler->fresh, record);
}

/* Its inputs, found in the catalog, are needed now. */
static void need_inputs(struct scheduler *scheduler, struct spec *spec,
                        const struct task_order *order)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input =
            catalog_find(scheduler->values->catalog, order->inputs[i]);
        assert(input);
        spec_inputs(spec)[i] = input;
        input->needs++;
    }
    placement_inherit(spec);
}

static inline __attribute__((always_inline)) struct record *
record_new(struct scheduler *scheduler, const struct task_order *order)
{
    struct catalog *catalog = scheduler->values->catalog;
    struct record *record =
        order->key ? catalog_add(catalog, order->key) : catalog_make(catalog);
    struct spec *spec = order->flags & RUN_TERMS || scheduler->epochs.last
                            ? spec_with_terms(scheduler, order)
                            : spec_new(scheduler, order);
    record->spec = spec;
    spec->record = record;
    scheduler->unended++;
    if (spec->inputs) need_inputs(scheduler, spec, order);
    return record;
}

struct record *scheduler_submit(struct scheduler *scheduler,
                                const struct task_order *order)
{
    struct record *record = record_new(scheduler, order);
    if (watch_input(record->spec)) task_enter(record, TASK_WAITING);
    else make_ready(scheduler, record);
    return record;
}

void scheduler_submit_gang(struct scheduler *scheduler,
                           const struct task_order orders[], uint32_t size,
                           uint64_t keys[])
{
    struct gang *gang = gangs_new(size);
    for (uint32_t i = 0; i < size; i++) {
        struct task_order order = orders[i];
        order.flags |= RUN_GANG | RUN_PINNED;
        struct record *record = scheduler_submit(scheduler, &order);
        keys[i] = record->key;
        gangs_join(&scheduler->gangs, gang, record);
    }
}

uint64_t scheduler_estimate_ns(const struct scheduler *scheduler,
                               uint32_t function)
{
    const struct estimate *seen = &scheduler->estimates[function];
    return (seen->ns ? seen->ns : scheduler->any.ns) | 1;
}

/* Turns begin anew when nothing is left. Nobody lets so many go by without that;
 * if somebody does, the rest have the same. */
void scheduler_pass_turns(struct scheduler *scheduler, uint32_t count)
{
    if (!scheduler->unended) scheduler->turn = 0;
    else if (scheduler->turn < ORDER_TURN_MAX - 2 * GRAPH_TURNS_MAX)
        scheduler->turn += count;
}

/* ---- to a worker ---------------------------------------------------------*/

/* The first that came to watch SPEC, and so on by link; it has none any more. */
static struct spec *take_watchers(struct spec *spec)
{
    struct spec *last = spec->watchers, *first = NULL;
    spec->watchers = NULL;
    while (last) {
        struct spec *before = (struct spec *)last->link.next;
        last->link.next = (struct link *)first;
        first = last;
        last = before;
    }
    return first;
}

static void release_watchers(struct scheduler *scheduler, struct spec *spec)
{
    struct spec *watcher = take_watchers(spec);
    while (watcher) {
        struct spec *next = (struct spec *)watcher->link.next;
        if (!watcher->record) spec_free(scheduler, watcher);
        else if (!watch_input(watcher)) make_ready(scheduler, watcher->record);
        watcher = next;
    }
}

static void fill_inputs(struct scheduler *scheduler, struct spec *spec,
                        int rank, struct msg_input *input)
{
    for (uint32_t i = 0; i < spec->inputs; i++, input++) {
        struct record *record = spec_inputs(spec)[i];
        int source = placement_source(scheduler->values->roster, record, rank);
        bool follow = source == record->owner && !task_ended(record);
        *input = (struct msg_input){.key = record->key,
                                    .owner = (uint32_t)source,
                                    .flags = follow ? FETCH_FOLLOW : 0};
        if (source != rank) values_copy(scheduler->values, record, rank);
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
    fill_inputs(scheduler, spec, rank, input);
}

/* RANK has the task of RECORD, or is about to. */
static inline void hand(struct scheduler *scheduler, struct record *record,
                        int rank)
{
    struct spec *spec = record->spec;
    struct roster *roster = scheduler->values->roster;
    uint64_t cost = estimate_ns(&scheduler->estimates[spec->function]);
    spec->cost_ns = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
    record->owner = rank;
    roster_hand(roster, roster_at(roster, rank), spec->cost_ns, record->dealt);
}

/* RECORD, which somebody seeks, has an owner now. */
static void note_found(struct scheduler *scheduler, struct record *record)
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
    hand(scheduler, record, rank);
    say_run(scheduler, record, rank);
    task_enter(record, TASK_PLACED);
    if (spec->watchers) release_watchers(scheduler, spec);
    if (record->sought) note_found(scheduler, record);
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

/* How large the inputs will be that do not exist yet: as large as the outputs of
 * their functions so far. A guess that is far from the sizes of those that do
 * exist would draw all tasks to the worker that is ahead of the others. */
static void guess_sizes(struct scheduler *scheduler, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = spec_inputs(spec)[i];
        if (task_ended(input)) continue;
        const struct estimate *seen =
            &scheduler->estimates[input->spec->function];
        input->bytes = seen->ns ? seen->bytes : scheduler->any.bytes;
    }
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

/* WORKER has next to nothing to do: it gets what is held for another. */
static void help(struct scheduler *scheduler, struct worker_entry *worker)
{
    struct worker_entry *other;
    while (worker->tasks < ROSTER_TASKS_MIN && !scheduler->ready.count &&
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
    if (fits(worker, record->spec)) place(scheduler, record, rank);
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
    guess_sizes(scheduler, spec);
    if (spec_is_picky(spec))
        return choose_among(scheduler, spec, demand_of(scheduler, spec)->able);
    return placement_choose(scheduler->values->roster, spec);
}

static void look_at_fresh(struct scheduler *scheduler)
{
    struct record *record;
    while ((record = pop(&scheduler->fresh))) {
        if (spec_gathers(record->spec) && !is_hopeless(record->spec)) {
            demands_push(&scheduler->demands, record->spec);
            continue;
        }
        int rank = choose(scheduler, record->spec);
        record->dealt = !rank;
        if (rank) place_or_hold(scheduler, record, rank);
        else push(&scheduler->ready, record);
    }
}

/* Those that need not wait for resources any more. */
static __attribute__((noinline)) void serve_demands(struct scheduler *scheduler)
{
    struct demands *demands = &scheduler->demands;
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

/* The task of RECORD has BAD as its only input: it will become that error. */
static void inherit_error(struct scheduler *scheduler, struct record *record,
                          struct record *bad)
{
    struct spec *old = record->spec;
    struct task_order order = {.function = old->function,
                               .inputs = &bad->key,
                               .input_count = 1,
                               .name = NULL};
    struct spec *spec = record->spec = spec_new(scheduler, &order);
    spec->order = old->order;
    spec->record = record;
    spec->watchers = old->watchers;
    spec_inputs(spec)[0] = bad;
    bad->needs++;
    for (uint32_t i = 0; i < old->inputs; i++)
        values_unneed(scheduler->values, spec_inputs(old)[i]);
    spec_free(scheduler, old);
    push(&scheduler->fresh, record);
}

/* None of its members runs. */
static void give_error(struct scheduler *scheduler, struct gang *gang)
{
    struct record *bad = gangs_bad_input(gang);
    gangs_take_out(&scheduler->gangs, gang);
    for (uint32_t i = 0; i < gang->size; i++)
        inherit_error(scheduler, gang->members[i], bad);
    gang_free(gang);
}

static void start_gangs(struct scheduler *scheduler)
{
    struct gang *gang;
    while ((gang = gangs_failed(&scheduler->gangs)))
        give_error(scheduler, gang);
    while ((gang = gangs_start(&scheduler->gangs)))
        for (uint32_t i = 0; i < gang->size; i++) {
            gangs_say(gang, scheduler->values->port, i);
            place(scheduler, gang->members[i], gang->ranks[i]);
        }
}

void scheduler_settle(struct scheduler *scheduler)
{
    do {
        look_at_fresh(scheduler);
        if (scheduler->demands.stirred) serve_demands(scheduler);
        deal(scheduler);
        if (scheduler->gangs.waiting) start_gangs(scheduler);
    } while (scheduler->fresh.count);
}

/* ---- back ----------------------------------------------------------------*/

static void release_inputs(struct scheduler *scheduler, struct spec *spec,
                           int from)
{
    for (uint32_t i = 0; i < spec->inputs; i++) {
        struct record *input = spec_inputs(spec)[i];
        values_copy(scheduler->values, input, from); /* a thief fetched it */
        values_unneed(scheduler->values, input);
    }
}

/* Does RANK hold, or will it make, any of the inputs? */
static bool lies_at(struct spec *spec, int rank)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        if (spec_inputs(spec)[i]->owner == rank) return true;
    return false;
}

/* Tasks kept for WORKER; if all their inputs have gone elsewhere meanwhile, with
 * the tasks that make them, so do they. */
static void hand_held(struct scheduler *scheduler, struct worker_entry *worker)
{
    struct spec *first;
    while ((first = (struct spec *)queue_first(&worker->held)) &&
           fits(worker, first)) {
        queue_pop(&worker->held);
        int rank = worker->rank;
        if (!lies_at(first, rank)) rank = choose(scheduler, first);
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
                            ? spec_with_terms(scheduler, &staying)
                            : spec_new(scheduler, &staying);
    assert(record->state == TASK_PLACED);
    spec->record = record;
    spec->cost_ns = before->cost_ns;
    spec->watchers = before->watchers;
    spec->flags |=
        before->flags & RUN_GANG; /* it has not left the worker yet */
    need_inputs(scheduler, spec, order);
    record->spec = spec;
    record->attempt++;
    release_inputs(scheduler, before, rank);
    if (before->flags & RUN_TERMS) end_terms(scheduler, before);
    spec_free(scheduler, before);
}

static void learn(struct scheduler *scheduler, uint32_t function,
                  const struct msg_task_done *done)
{
    if (done->status != DMPI_OK) return;
    estimate_learn(&scheduler->estimates[function], done->ns, done->bytes);
    estimate_learn(&scheduler->any, done->ns, done->bytes);
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
    if (worker->held.count) hand_held(scheduler, worker);
    if (worker->tasks < ROSTER_TASKS_MIN) help(scheduler, worker);
}

/* The task of RECORD, which has ended on FROM, needs nothing any more. */
static inline __attribute__((always_inline)) void
let_go(struct scheduler *scheduler, struct record *record, int from)
{
    struct spec *spec = record->spec;
    record->spec = NULL;
    release_inputs(scheduler, spec, from);
    if (spec->flags & RUN_TERMS) end_terms(scheduler, spec);
    if (spec->flags & RUN_GANG) gangs_member_ended(&scheduler->gangs, record);
    spec_free(scheduler, spec);
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
    learn(scheduler, record->spec->function, done);
    task_enter(record, done->status == DMPI_OK ? TASK_DONE : TASK_FAILED);
    values_exist(scheduler->values, record, from, done->bytes);
    if (record->spec->watchers) release_watchers(scheduler, record->spec);
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

/* ---- never to a worker ---------------------------------------------------*/

/* RECORD's task is ready: take it from the queue that it is in. */
static void take_out(struct scheduler *scheduler, struct record *record)
{
    struct spec *spec = record->spec;
    struct roster *roster = scheduler->values->roster;
    if (spec_is_picky(spec) &&
        demands_ticket(&scheduler->demands, spec)->waits) {
        demands_remove(&scheduler->demands, spec);
        return;
    }
    struct queue *queue = record->dealt ? &scheduler->ready
                          : record->owner
                              ? &roster_at(roster, record->owner)->held
                              : &scheduler->fresh;
    queue_remove(queue, &spec->link, spec->order);
}

/* A worker that has no more to do with RECORD than others: errors go round. */
static int any_rank(const struct scheduler *scheduler,
                    const struct record *record)
{
    uint64_t workers = (uint64_t)scheduler->values->roster->ranks - 1;
    return 1 + (int)(key_counter(record->key) % workers);
}

/* A spec that watches another's task stays in the list there, without a record,
 * until that task is placed, or ends: to find it would cost the length of the list. */
static void fail_one(struct scheduler *scheduler, struct record *record,
                     struct buffer *error)
{
    struct values *values = scheduler->values;
    struct spec *spec = record->spec;
    bool watches = record->state == TASK_WAITING;
    if (!watches && !(spec->flags & RUN_GANG)) take_out(scheduler, record);
    int rank = spec->target ? spec->target : any_rank(scheduler, record);
    task_enter(record, TASK_FAILED);
    if (record->sought) note_found(scheduler, record);
    values_say_put(values, rank, record->key, 0, error);
    values_exist(values, record, rank, error->size);
    record->spec = NULL;
    for (uint32_t i = 0; i < spec->inputs; i++)
        values_unneed(values, spec_inputs(spec)[i]);
    release_watchers(scheduler, spec);
    if (spec_is_picky(spec)) demands_end(&scheduler->demands, spec);
    if (watches) spec->record = NULL;
    else spec_free(scheduler, spec);
    scheduler->unended--;
    scheduler->ended++;
    values_release(values, record);
}

static void fail_gang(struct scheduler *scheduler, struct gang *gang,
                      struct buffer *error)
{
    gangs_take_out(&scheduler->gangs, gang);
    for (uint32_t i = 0; i < gang->size; i++)
        fail_one(scheduler, gang->members[i], error);
    gang_free(gang);
}

void scheduler_fail(struct scheduler *scheduler, struct record *record,
                    struct buffer *error)
{
    if (!(record->spec->flags & RUN_GANG)) fail_one(scheduler, record, error);
    else fail_gang(scheduler, gangs_of(&scheduler->gangs, record), error);
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
        hand_held(scheduler, roster_at(roster, from));
    }
}
