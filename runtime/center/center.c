/* SPDX-License-Identifier: BSD-3-Clause */
/* center.c - the reactions: what each message and each call changes.
 *
 * Every entry point leaves nothing placeable unplaced, except center_submit(),
 * so that many orders are placed in one go. */
#include "center.h"

#include <assert.h>
#include <stdlib.h>

#include "cancel.h"
#include "catalog.h"
#include "closing.h"
#include "copies.h"
#include "curfew.h"
#include "fault.h"
#include "inputs.h"
#include "kin.h"
#include "levels.h"
#include "log.h"
#include "losses.h"

struct center {
    struct port *port;
    struct exchange exchange;
    struct catalog catalog;
    struct roster roster;
    struct watches watches;
    struct values values;
    struct scheduler scheduler;
    struct kin kin;
    struct puts puts;
    struct errands errands;
    struct closing closing;
    struct curfew curfew;
    bool recover; /* see struct center_setup */
    struct losses losses;
};

struct center *center_new(struct port *port, const struct center_setup *setup)
{
    struct center *center = log_alloc(sizeof *center);
    *center = (struct center){.port = port, .recover = setup->recover};
    exchange_init(&center->exchange, port);
    catalog_init(&center->catalog, port->ranks);
    roster_init(&center->roster, setup->workers, port->ranks, setup->window_ns);
    center->values = (struct values){.port = port,
                                     .catalog = &center->catalog,
                                     .roster = &center->roster,
                                     .watches = &center->watches};
    scheduler_init(&center->scheduler, &center->values, setup->supply,
                   setup->functions, setup->steal);
    kin_init(&center->kin, port, &center->exchange, &center->scheduler);
    center->puts.values = &center->values;
    center->puts.replicas = (struct replicas){.values = &center->values,
                                              .exchange = &center->exchange,
                                              .losses = &center->losses,
                                              .wanted = setup->replicas};
    center->errands =
        (struct errands){.kin = &center->kin, .puts = &center->puts};
    closing_init(&center->closing, port);
    center->exchange.recover = setup->recover;
    if (setup->recover) kin_recover(&center->kin);
    if (setup->recover)
        losses_init(&center->losses, &center->kin, setup->crash_limit);
    return center;
}

/* Some that watch a task have no record any more. */
static void discard_watchers(struct specs *specs, struct spec *spec)
{
    struct spec *watcher = inputs_take_watchers(spec), *next;
    for (; watcher; watcher = next) {
        next = (struct spec *)watcher->link.next;
        if (!watcher->record) specs_discard(specs, watcher);
    }
}

/* There are some if the end came early: no worker is left. */
static void free_records(struct center *center)
{
    struct specs *specs = &center->scheduler.specs;
    int maker = 0;
    uint64_t at = 0;
    struct record *record;
    while ((record = catalog_next(&center->catalog, &maker, &at)))
        if (record->spec) discard_watchers(specs, record->spec);
    maker = 0, at = 0;
    while ((record = catalog_next(&center->catalog, &maker, &at))) {
        record->needs = 0;
        if (record->spec) specs_discard(specs, record->spec);
        record->spec = NULL;
        catalog_remove(&center->catalog, record);
    }
}

void center_free(struct center *center)
{
    if (!center) return;
    free_records(center);
    if (center->recover) losses_fini(&center->losses);
    replicas_fini(&center->puts.replicas);
    kin_fini(&center->kin);
    scheduler_fini(&center->scheduler);
    watches_fini(&center->watches);
    roster_fini(&center->roster);
    catalog_fini(&center->catalog);
    closing_fini(&center->closing);
    exchange_fini(&center->exchange);
    free(center);
}

struct exchange *center_exchange(struct center *center)
{
    return &center->exchange;
}

struct errands *center_errands(struct center *center)
{
    return &center->errands;
}

/* The record of a key that the application has; NULL: it has no such key. */
static struct record *find_held(const struct center *center, uint64_t key)
{
    struct record *record = catalog_find(&center->catalog, key);
    return record && record->held ? record : NULL;
}

/* ---- tasks ---------------------------------------------------------------*/

static bool is_held(const void *center, uint64_t key)
{
    return find_held(center, key);
}

dmpi_status center_check_order(struct center *center,
                               const struct task_order *order)
{
    dmpi_status status =
        task_order_check(order, center->port->ranks, is_held, center);
    if (status) return status;
    if (order->flags & RUN_TERMS &&
        order->terms.node > center->roster.node_count)
        return fault(DMPI_EINVAL, "no node %d: use 1..%d, or 0 for any",
                     order->terms.node, center->roster.node_count);
    return specs_check(&center->scheduler.specs, order);
}

uint64_t center_submit(struct center *center, const struct task_order *order)
{
    return scheduler_submit(&center->scheduler, order)->key;
}

/* Nothing placeable is left unplaced, and who asked for it is answered. */
static void settle(struct center *center)
{
    scheduler_settle(&center->scheduler);
    if (center->scheduler.found_count)
        questions_answer_found(&center->kin.questions);
}

void center_settle(struct center *center)
{
    settle(center);
}

dmpi_status center_submit_gang(struct center *center,
                               const struct task_order orders[], size_t size,
                               uint64_t keys[])
{
    dmpi_status status = gangs_check(&center->scheduler.gangs, orders, size);
    if (status) return status;
    if (size > (size_t)center->closing.living)
        return fault(DMPI_ELOST, "a gang of %zu, and %d workers are left", size,
                     center->closing.living);
    scheduler_submit_gang(&center->scheduler, orders, (uint32_t)size, keys);
    settle(center);
    return DMPI_OK;
}

dmpi_status center_submit_graph(struct center *center,
                                const dmpi_graph_task tasks[], size_t count,
                                const struct submitter *submitter,
                                dmpi_key keys[])
{
    struct graph graph;
    dmpi_status status = graph_init(&graph, tasks, count, is_held, center);
    if (status) return status;
    levels_submit(&graph, &center->scheduler, submitter, keys);
    graph_fini(&graph);
    settle(center);
    return DMPI_OK;
}

dmpi_status center_cancel(struct center *center, uint64_t key)
{
    struct record *record = find_held(center, key);
    if (!record) return DMPI_ENOKEY;
    cancel_task(&center->scheduler, record);
    return DMPI_OK;
}

size_t center_unended(const struct center *center)
{
    return center->scheduler.unended + center->scheduler.leaving;
}

uint64_t center_ended(const struct center *center)
{
    return center->scheduler.ended;
}

static inline __attribute__((always_inline)) void
on_task_done(struct center *center, int from, const struct msg_task_done *done)
{
    struct record *record = catalog_find(&center->catalog, done->key);
    kin_ended(&center->kin, done->key);
    bool good = record && scheduler_end(&center->scheduler, record, from, done);
    if (__builtin_expect(center->recover, 0) && good)
        losses_ended(&center->losses, done);
    if (!good && !kin_ended_early(&center->kin, from, done))
        log_line(LOG_DEBUG, "rank %d ended task %llx a second time", from,
                 (unsigned long long)done->key);
    if (__builtin_expect(center->recover, 0)) losses_regroup(&center->losses);
    settle(center);
}

/* After a loss FROM may have left a run of RECORD's task that does not count. */
static bool is_leaving(const struct record *record, int from)
{
    return record && task_ended(record) && task_active(record) &&
           record->owner == from;
}

static void on_task_left(struct center *center, int from,
                         const struct msg_task_left *left)
{
    if (kin_left_early(&center->kin, left->key)) return;
    struct record *record = catalog_find(&center->catalog, left->key);
    if (center->recover && !is_leaving(record, from)) return;
    kin_forget_children(&center->kin, left->key);
    scheduler_left(&center->scheduler, record, from);
    if (center->recover) losses_regroup(&center->losses);
    scheduler_settle(&center->scheduler);
}

static void on_task_moved(struct center *center, int from,
                          const struct msg_task_moved *moved)
{
    const uint64_t *inputs = (const uint64_t *)(moved + 1);
    struct kin *kin = &center->kin;
    if (kin_waits_for(kin, from, &moved->key, 1, moved)) return;
    if (kin_waits_for(kin, from, inputs, moved->inputs, moved)) return;
    struct record *record = catalog_find_key(&center->catalog, moved->key);
    if (record && center->recover)
        losses_moved(&center->losses, record, from, moved);
    else if (record)
        scheduler_moved(&center->scheduler, record, from, (int)moved->to);
    values_note_key(&center->values, moved->key, from);
    for (uint32_t i = 0; i < moved->inputs; i++)
        values_note_key(&center->values, inputs[i], from);
    settle(center);
}

/* ---- values --------------------------------------------------------------*/

uint64_t center_put(struct center *center, int rank, struct buffer *buffer)
{
    return puts_make(&center->puts, rank, buffer)->key;
}

uint64_t center_put_later(struct center *center, uint64_t bytes)
{
    return puts_make_outside(&center->puts, bytes)->key;
}

bool center_is_copied(const struct center *center, uint64_t key)
{
    return !replicas_are_made(&center->puts.replicas, key);
}

void center_recall_by(struct center *center,
                      struct buffer *(*recall)(void *arg, uint64_t key),
                      void *arg)
{
    center->values.recall = recall;
    center->values.recall_arg = arg;
}

void center_constant(struct center *center, const char *name,
                     struct buffer *buffer)
{
    epochs_begin(&center->scheduler.specs.epochs, name, buffer);
    if (buffer) center->puts.bytes += buffer->size;
}

size_t center_constants_spreading(const struct center *center)
{
    return center->scheduler.specs.epochs.spreading;
}

static void on_constant_held(struct center *center, int from,
                             const struct msg_constant_held *held)
{
    epochs_came(&center->scheduler.specs.epochs, held->epoch, from);
    center_turn(center);
}

dmpi_status center_drop(struct center *center, uint64_t key)
{
    struct record *record = find_held(center, key);
    if (!record) return DMPI_ENOKEY;
    values_drop(&center->values, record);
    return DMPI_OK;
}

bool center_find(const struct center *center, uint64_t key,
                 struct center_view *view)
{
    static const dmpi_key_state states[TASK_STATES] = {
        [TASK_WAITING] = DMPI_PENDING, [TASK_READY] = DMPI_PENDING,
        [TASK_PLACED] = DMPI_PLACED,   [TASK_DONE] = DMPI_DONE,
        [TASK_FAILED] = DMPI_FAILED,
    };
    const struct record *record = catalog_find_key(&center->catalog, key);
    if (!record) return false;
    view->state = states[record->state];
    view->bytes = record->bytes;
    return true;
}

bool center_look(const struct center *center, uint64_t key,
                 struct center_view *view)
{
    return find_held(center, key) && center_find(center, key, view);
}

void center_watch(struct center *center, uint64_t key, struct watch *watch,
                  struct watch_list *over)
{
    struct record *record = catalog_find(&center->catalog, key);
    assert(record && (record->held || record->needs));
    if (task_ended(record)) {
        watch_end(watch, key, over);
        return;
    }
    watches_add(&center->watches, watch, key, over);
    record->watched = true;
}

void center_unwatch(struct center *center, struct watch *watch)
{
    watches_remove(&center->watches, watch);
}

bool center_is_watched(const struct center *center)
{
    return center->watches.by_key.count;
}

/* No worker has it: the application gets it as it is recalled. */
static void settle_from_outside(struct center *center, uint64_t key,
                                const struct request *request)
{
    struct values *values = &center->values;
    struct buffer *buffer = values->recall(values->recall_arg, key);
    exchange_settle(&center->exchange, request->id,
                    buffer->is_error ? DMPI_EFAILED : DMPI_OK, buffer->data,
                    buffer->size);
    buffer_unref(buffer);
}

void center_fetch(struct center *center, uint64_t key, struct request *request)
{
    struct record *record = catalog_find(&center->catalog, key);
    assert(record && task_placed(record));
    record->needs++;
    if (record->outside) {
        settle_from_outside(center, key, request);
        return;
    }
    request->kind = REQUEST_VALUE;
    request->key = key;
    request->peer = record->owner;
    values_say_fetch(
        &center->values, record->owner,
        &(struct msg_key_fetch){.key = key,
                                .request = request->id,
                                .limit = request->room,
                                .flags = task_ended(record) ? 0 : FETCH_FOLLOW,
                                .attempt = record->attempt});
}

void center_need(struct center *center, uint64_t key)
{
    struct record *record = find_held(center, key);
    assert(record);
    record->needs++;
}

void center_unneed(struct center *center, uint64_t key)
{
    values_unneed(&center->values, catalog_find(&center->catalog, key));
}

size_t center_replicate(struct center *center, uint64_t key, size_t copies,
                        struct request *requests[])
{
    struct record *record = catalog_find(&center->catalog, key);
    assert(record && record->state == TASK_DONE);
    size_t made = copies_make(&center->values, &center->exchange, record,
                              copies, requests);
    for (size_t i = 0; i < made; i++)
        losses_doubt(&center->losses, key, requests[i]->peer);
    return made;
}

/* ---- tasks of tasks ------------------------------------------------------*/

static void on_task_goes_on(struct center *center, int from,
                            const struct msg_task_new *task)
{
    kin_on_task_goes_on(&center->kin, from, task);
    settle(center);
}

static void on_task_new(struct center *center, int from,
                        const struct msg_task_new *task)
{
    kin_on_task_new(&center->kin, from, task);
    settle(center);
}

static void on_stuck(struct center *center, int from,
                     const struct msg_stuck *stuck)
{
    kin_on_stuck(&center->kin, from);
}

static void on_unstuck(struct center *center, int from,
                       const struct msg_unstuck *unstuck)
{
    kin_on_unstuck(&center->kin, from);
}

static void on_starved(struct center *center, int from,
                       const struct msg_starved *starved)
{
    scheduler_starved(&center->scheduler, from);
    settle(center);
}

static void on_echo(struct center *center, int from,
                    const struct msg_echo *echo)
{
    late_echoed(&center->kin.late, echo->key);
}

/* ---- the loss of a worker ------------------------------------------------*/

static void react_late(void *role, int from, const struct message *message);

/* What living workers have said of keys of RANK waits for its news no more. */
static void hear_late(struct center *center, int rank)
{
    struct late *late = &center->kin.late;
    late_lost(late, rank);
    if (late->due) late_deliver(late, center, react_late);
}

void center_lost(struct center *center, int rank, uint64_t running)
{
    assert(center->recover && center->port->lost[rank]);
    exchange_lost(&center->exchange, rank);
    if (center->closing.counting) losses_tell(&center->losses, rank);
    else losses_lost(&center->losses, rank, running);
    hear_late(center, rank);
    closing_lost(&center->closing, rank);
    center_turn(center);
}

static void on_lost_heard(struct center *center, int from,
                          const struct msg_lost_heard *heard)
{
    if (center->closing.counting) return;
    if (!losses_on_heard(&center->losses, from, heard)) return;
    replicas_restore(&center->puts.replicas);
    settle(center);
    center_turn(center);
}

int center_living(const struct center *center)
{
    return center->closing.living;
}

struct losses_counts center_losses(const struct center *center)
{
    const struct losses *losses = &center->losses;
    return (struct losses_counts){
        .workers_lost =
            (uint64_t)(center->port->ranks - 1 - center->closing.living),
        .tasks_again = losses->again.tasks,
        .keys_again = losses->again.keys};
}

/* ---- told to end ---------------------------------------------------------*/

void center_curfew(struct center *center, uint64_t left_ns, bool begins)
{
    curfew_tell(&center->curfew, &center->scheduler, left_ns, begins);
    settle(center);
}

bool center_curfew_begun(const struct center *center)
{
    return center->curfew.begun;
}

int center_curfew_asked(const struct center *center, int *signal)
{
    *signal = center->curfew.signal;
    return center->curfew.asked_by;
}

uint64_t center_not_begun(const struct center *center)
{
    return center->scheduler.not_begun;
}

/* ---- the end -------------------------------------------------------------*/

void center_stop(struct center *center, dmpi_status status)
{
    center->losses.stopping = true;
    closing_begin(&center->closing, status);
}

bool center_stopping(const struct center *center)
{
    return center->closing.stopping;
}

void center_turn(struct center *center)
{
    if (!center->scheduler.frozen && closing_may_count(&center->closing) &&
        exchange_idle(&center->exchange) && !center_constants_spreading(center))
        closing_count(&center->closing);
}

static void on_quiet(struct center *center, int from,
                     const struct msg_quiet *quiet)
{
    closing_on_quiet(&center->closing, from);
    center_turn(center);
}

bool center_stopped(const struct center *center)
{
    return closing_is_over(&center->closing);
}

const struct msg_counts *center_counts(const struct center *center, int rank)
{
    return &center->closing.counts[rank - 1];
}

size_t center_held(const struct center *center)
{
    return center->recover ? lineage_held(&center->losses.lineage)
                           : catalog_count(&center->catalog);
}

uint64_t center_bytes_put(const struct center *center)
{
    return center->puts.bytes;
}

void center_rest(struct center *center)
{
    mem_trim(&center->scheduler.specs.mem);
}

/* ---- dispatch ------------------------------------------------------------*/

/* What a part of the center reacts to by itself. */
#define PASS_ON(name, part)                                                    \
    static void on_##name(struct center *center, int from, const void *body)   \
    {                                                                          \
        part##_on_##name(&center->part, from, body);                           \
    }
PASS_ON(task_here, kin)
PASS_ON(task_went_on, kin)
PASS_ON(key_release, kin)
PASS_ON(ask_value, kin)
PASS_ON(key_got, kin)
PASS_ON(blocked, kin)
PASS_ON(key_held, errands)
PASS_ON(ask_holders, errands)
PASS_ON(ask_workers, errands)
PASS_ON(ask_drop, errands)
PASS_ON(ask_curfew, curfew)
PASS_ON(stopped, closing)

static inline __attribute__((always_inline)) void
react(struct center *center, int from, const struct message *message)
{
    if (exchange_receive(&center->exchange, from, message)) return;
    switch (message->kind) {
#define M(KIND, name)                                                          \
    case MSG_##KIND: on_##name(center, from, message_body(message)); return;
        MESSAGES_TO_CENTER(M)
#undef M
    default:
        log_panic("rank %d sent %s to the center", from,
                  message_name(message->kind));
    }
}

static void react_late(void *role, int from, const struct message *message)
{
    react(role, from, message);
}

void center_receive(void *role, int from, const struct message *message)
{
    struct center *center = role;
    struct late *late = &center->kin.late;
    if (late->waiting && late_keeps(late, from, message)) return;
    react(center, from, message);
    if (late->due) late_deliver(late, center, react_late);
}

void center_arrived(void *role, struct port_cookie cookie,
                    struct buffer *buffer)
{
    struct center *center = role;
    (void)buffer;
    bool ours = exchange_arrived(&center->exchange, cookie);
    assert(ours);
}

/* ---- for tests -----------------------------------------------------------*/

size_t center_known(const struct center *center)
{
    return catalog_count(&center->catalog);
}

void center_check(const struct center *center)
{
    values_check(&center->values);
    demands_check(&center->scheduler.specs.demands);
}
