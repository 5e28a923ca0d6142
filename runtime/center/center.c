/* SPDX-License-Identifier: BSD-3-Clause */
/* center.c - the reactions: what each message and each call changes.
 *
 * Every entry point leaves nothing placeable unplaced, except center_submit(),
 * so that many orders are placed in one go. */
#include "center.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "failure.h"
#include "fault.h"
#include "key.h"
#include "kin.h"
#include "levels.h"
#include "log.h"
#include "placement.h"

struct center {
    struct port *port;
    struct exchange exchange;
    struct catalog catalog;
    struct roster roster;
    struct watches watches;
    struct values values;
    struct scheduler scheduler;
    struct kin kin;
    dmpi_worker *info;         /* by rank - 1; owned */
    struct msg_counts *counts; /* the same; owned */
    uint64_t *expected;        /* by rank: messages said to it; owned */
    bool stopping;             /* nothing new is asked for */
    int quiet;                 /* workers that ask nobody for anything */
    bool counting;             /* all are told to say their last */
    int stopped;               /* workers that have */
    uint64_t bytes_put;
};

struct center *center_new(struct port *port, const dmpi_worker workers[],
                          const struct supply *supply, uint32_t functions,
                          uint64_t window_ns, bool steal)
{
    struct center *center = log_alloc(sizeof *center);
    size_t count = (size_t)port->ranks - 1;
    *center = (struct center){.port = port};
    exchange_init(&center->exchange, port);
    catalog_init(&center->catalog, port->ranks);
    roster_init(&center->roster, workers, port->ranks, window_ns);
    center->values = (struct values){port, &center->catalog, &center->roster,
                                     &center->watches};
    center->info = log_alloc(count * sizeof *center->info);
    memcpy(center->info, workers, count * sizeof *center->info);
    scheduler_init(&center->scheduler, &center->values, supply, center->info,
                   functions, steal);
    kin_init(&center->kin, port, &center->exchange, &center->scheduler);
    center->counts = log_alloc(count * sizeof *center->counts);
    memset(center->counts, 0, count * sizeof *center->counts);
    center->expected = log_alloc((count + 1) * sizeof *center->expected);
    memset(center->expected, 0, (count + 1) * sizeof *center->expected);
    return center;
}

static void free_records(struct center *center)
{
    int maker = 0;
    uint64_t at = 0;
    struct record *record;
    while ((record = catalog_next(&center->catalog, &maker, &at))) {
        record->needs = 0;
        catalog_remove(&center->catalog, record);
    }
}

void center_free(struct center *center)
{
    if (!center) return;
    free_records(center);
    kin_fini(&center->kin);
    scheduler_fini(&center->scheduler);
    watches_fini(&center->watches);
    roster_fini(&center->roster);
    catalog_fini(&center->catalog);
    exchange_fini(&center->exchange);
    free(center->info);
    free(center->counts);
    free(center->expected);
    free(center);
}

struct exchange *center_exchange(struct center *center)
{
    return &center->exchange;
}

static bool is_worker(const struct center *center, int rank)
{
    return rank > 0 && rank < center->port->ranks;
}

/* The record of a key that the application has; NULL: it has no such key. */
static struct record *find_held(const struct center *center, uint64_t key)
{
    struct record *record = catalog_find(&center->catalog, key);
    return record && record->held ? record : NULL;
}

/* ---- tasks ---------------------------------------------------------------*/

dmpi_status center_check_order(struct center *center,
                               const struct task_order *order)
{
    if (order->target && !is_worker(center, order->target))
        return fault(DMPI_EINVAL,
                     "rank %d is no worker: use 1..%d, or 0 for any",
                     order->target, center->port->ranks - 1);
    if (order->flags & RUN_TERMS &&
        order->terms.node > center->roster.node_count)
        return fault(DMPI_EINVAL, "no node %d: use 1..%d, or 0 for any",
                     order->terms.node, center->roster.node_count);
    dmpi_status status = specs_check(&center->scheduler.specs, order);
    if (status) return status;
    for (size_t i = 0; i < order->input_count; i++)
        if (!find_held(center, order->inputs[i]))
            return fault(DMPI_ENOKEY, "input %zu is not a key of this pool", i);
    return DMPI_OK;
}

uint64_t center_submit(struct center *center, const struct task_order *order)
{
    return scheduler_submit(&center->scheduler, order)->key;
}

/* Nothing placeable is left unplaced, and who asked for it is answered. */
static void settle(struct center *center)
{
    scheduler_settle(&center->scheduler);
    if (center->scheduler.found_count) kin_answer_found(&center->kin);
}

void center_settle(struct center *center)
{
    settle(center);
}

dmpi_status center_submit_gang(struct center *center,
                               const struct task_order orders[], size_t size,
                               uint64_t keys[])
{
    size_t workers = (size_t)center->port->ranks - 1;
    if (size > workers)
        return fault(DMPI_EINVAL,
                     "a gang of %zu in a pool of %zu workers: start %zu ranks, "
                     "or ask for a smaller gang",
                     size, workers, size + 1);
    for (size_t i = 0; i < size; i++)
        if (task_order_is_picky(&orders[i]))
            return fault(DMPI_EINVAL, "a gang has its workers to itself: it "
                                      "cannot ask for resources, cores or a "
                                      "node");
        else if (orders[i].terms.retries || orders[i].terms.timeout_ns)
            return fault(DMPI_EINVAL,
                         "a member of a gang has no retries and no "
                         "timeout: the others would not know");
    scheduler_submit_gang(&center->scheduler, orders, (uint32_t)size, keys);
    scheduler_settle(&center->scheduler);
    return DMPI_OK;
}

static bool is_held(const void *center, uint64_t key)
{
    return find_held(center, key);
}

dmpi_status center_submit_graph(struct center *center,
                                const dmpi_graph_task tasks[], size_t count,
                                dmpi_key keys[])
{
    struct graph graph;
    dmpi_status status = graph_init(&graph, tasks, count, is_held, center);
    if (status) return status;
    levels_submit(&graph, &center->scheduler, keys);
    graph_fini(&graph);
    settle(center);
    return DMPI_OK;
}

/* Why RECORD's task, which has no worker, will have none. */
static struct buffer *cancelled(struct record *record)
{
    struct spec *spec = record->spec;
    struct failure_of of = {0, spec->function, spec_name(spec), spec->name};
    return failure_new(DMPI_ECANCELLED, &of, "cancelled before it began");
}

static void say_cancel(struct center *center, const struct record *record)
{
    if (task_ended(record)) return;
    struct msg_cancel *cancel =
        port_say(center->port, record->owner, MSG_CANCEL, sizeof *cancel);
    cancel->key = record->key;
}

/* To the worker of RECORD's task, or to those of its gang. */
static void say_cancel_all(struct center *center, const struct record *record)
{
    if (!(record->spec->flags & RUN_GANG)) {
        say_cancel(center, record);
        return;
    }
    const struct gang *gang = gangs_of(&center->scheduler.gangs, record);
    for (uint32_t i = 0; i < gang->size; i++)
        if (gang->members[i]) say_cancel(center, gang->members[i]);
}

dmpi_status center_cancel(struct center *center, uint64_t key)
{
    struct record *record = find_held(center, key);
    if (!record) return DMPI_ENOKEY;
    if (task_ended(record)) return DMPI_OK;
    if (task_placed(record)) {
        say_cancel_all(center, record);
        return DMPI_OK;
    }
    struct buffer *error = cancelled(record);
    scheduler_fail(&center->scheduler, record, error);
    buffer_unref(error);
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

static void on_task_done(struct center *center, int from,
                         const struct msg_task_done *done)
{
    struct record *record = catalog_find(&center->catalog, done->key);
    kin_ended(&center->kin, done->key);
    bool good = record && scheduler_end(&center->scheduler, record, from, done);
    if (!good && !kin_ended_early(&center->kin, from, done))
        log_line(LOG_DEBUG, "rank %d ended task %llx a second time", from,
                 (unsigned long long)done->key);
    settle(center);
}

static void on_task_left(struct center *center, int from,
                         const struct msg_task_left *left)
{
    scheduler_left(&center->scheduler,
                   catalog_find(&center->catalog, left->key), from);
    scheduler_settle(&center->scheduler);
}

/* RANK knows something of KEY, and is to be told when it goes; at once, if it
 * has gone meanwhile. */
static void note(struct center *center, uint64_t key, int rank)
{
    struct record *record = catalog_find(&center->catalog, key);
    if (record) values_note(&center->values, record, rank);
    else values_say_drop(&center->values, key, rank);
}

static void on_task_moved(struct center *center, int from,
                          const struct msg_task_moved *moved)
{
    const uint64_t *inputs = (const uint64_t *)(moved + 1);
    struct kin *kin = &center->kin;
    if (kin_waits_for(kin, from, &moved->key, 1, moved)) return;
    if (kin_waits_for(kin, from, inputs, moved->inputs, moved)) return;
    struct record *record = catalog_find(&center->catalog, moved->key);
    if (record)
        scheduler_moved(&center->scheduler, record, from, (int)moved->to);
    note(center, moved->key, from);
    for (uint32_t i = 0; i < moved->inputs; i++) note(center, inputs[i], from);
    settle(center);
}

/* ---- values --------------------------------------------------------------*/

static void say_put(struct center *center, int rank, uint64_t key,
                    uint64_t request, struct buffer *buffer)
{
    values_say_put(&center->values, rank, key, request, buffer);
    center->bytes_put += buffer->size;
}

uint64_t center_put(struct center *center, int rank, struct buffer *buffer)
{
    if (!rank) rank = roster_least_filled(&center->roster)->rank;
    struct record *record = catalog_make(&center->catalog);
    say_put(center, rank, record->key, 0, buffer);
    task_enter(record, TASK_DONE);
    values_exist(&center->values, record, rank, buffer->size);
    return record->key;
}

void center_constant(struct center *center, const char *name,
                     struct buffer *buffer)
{
    epochs_begin(&center->scheduler.specs.epochs, name, buffer);
    if (buffer) center->bytes_put += buffer->size;
}

size_t center_constants_spreading(const struct center *center)
{
    return center->scheduler.specs.epochs.spreading;
}

static void on_constant_held(struct center *center, int from,
                             const struct msg_constant_held *held)
{
    epochs_came(&center->scheduler.specs.epochs, held->epoch);
    center_turn(center);
}

dmpi_status center_drop(struct center *center, uint64_t key)
{
    struct record *record = find_held(center, key);
    if (!record) return DMPI_ENOKEY;
    values_drop(&center->values, record);
    return DMPI_OK;
}

bool center_look(const struct center *center, uint64_t key,
                 struct center_view *view)
{
    static const dmpi_key_state states[TASK_STATES] = {
        [TASK_WAITING] = DMPI_PENDING, [TASK_READY] = DMPI_PENDING,
        [TASK_PLACED] = DMPI_PLACED,   [TASK_DONE] = DMPI_DONE,
        [TASK_FAILED] = DMPI_FAILED,
    };
    const struct record *record = find_held(center, key);
    if (!record) return false;
    view->state = states[record->state];
    view->bytes = record->bytes;
    return true;
}

void center_watch(struct center *center, uint64_t key, struct watch *watch,
                  struct watch_list *over)
{
    struct record *record = find_held(center, key);
    assert(record);
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

static void say_fetch(struct center *center, int rank, uint64_t key,
                      const struct request *request, uint32_t flags)
{
    struct msg_key_fetch *fetch =
        port_say(center->port, rank, MSG_KEY_FETCH, sizeof *fetch);
    *fetch = (struct msg_key_fetch){.key = key,
                                    .request = request->id,
                                    .limit = request->room,
                                    .flags = flags};
}

void center_fetch(struct center *center, uint64_t key,
                  const struct request *request)
{
    struct record *record = catalog_find(&center->catalog, key);
    assert(record && task_placed(record));
    record->needs++;
    say_fetch(center, record->owner, key, request,
              task_ended(record) ? 0 : FETCH_FOLLOW);
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

void center_fetch_now(struct center *center, int rank, uint64_t key,
                      const struct request *request)
{
    say_fetch(center, rank, key, request, FETCH_NOW);
}

/* RANK is to get itself a copy of RECORD from FROM. */
static struct request *say_copy(struct center *center, struct record *record,
                                int rank, int from)
{
    struct request *request = exchange_open(&center->exchange, NULL, 0);
    struct msg_key_copy *copy =
        port_say(center->port, rank, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){
        .key = record->key, .request = request->id, .owner = (uint32_t)from};
    values_copy(&center->values, record, rank);
    record->needs++;
    return request;
}

size_t center_replicate(struct center *center, uint64_t key, size_t copies,
                        struct request *requests[])
{
    struct record *record = catalog_find(&center->catalog, key);
    assert(record && record->state == TASK_DONE);
    record->spread = true;
    size_t have = 1 + rankset_count(record->copies);
    size_t missing = copies > have ? copies - have : 0;
    int *holders = log_alloc((missing + 1) * sizeof *holders);
    holders[0] = record->owner;
    size_t made =
        placement_spread(&center->roster, record, missing, holders + 1);
    /* Copy i comes from copy i / 2, which may itself be on its way: a tree. */
    for (size_t i = 0; i < made; i++)
        requests[i] = say_copy(center, record, holders[i + 1], holders[i / 2]);
    free(holders);
    return made;
}

/* ---- low level calls -----------------------------------------------------*/

dmpi_status center_holders(struct center *center, uint64_t key,
                           struct buffer **ranks)
{
    const struct record *record = catalog_find(&center->catalog, key);
    if (!record) return fault(DMPI_ENOKEY, "no such key");
    size_t count = task_ended(record) ? 1 + rankset_count(record->copies) : 0;
    *ranks = buffer_new(count * sizeof(int32_t));
    if (!*ranks) return fault(DMPI_ENOMEM, "no memory for %zu ranks", count);
    int32_t *rank = (*ranks)->data;
    if (count) *rank++ = record->owner;
    for (int r = count ? rankset_next(record->copies, 0) : -1; r >= 0;
         r = rankset_next(record->copies, r + 1))
        *rank++ = r;
    return DMPI_OK;
}

struct buffer *center_workers(struct center *center)
{
    size_t count = (size_t)center->port->ranks - 1;
    struct buffer *buffer = buffer_new(count * sizeof(dmpi_worker));
    if (!buffer) log_panic("out of memory for the worker table");
    memcpy(buffer->data, center->info, count * sizeof(dmpi_worker));
    dmpi_worker *table = buffer->data;
    for (size_t i = 0; i < count; i++) {
        const struct worker_entry *worker = &center->roster.workers[i];
        table[i].bytes = worker->bytes;
        table[i].bytes_fetched = worker->bytes_fetched;
        table[i].tasks_done = worker->tasks_done;
        table[i].tasks_pending = worker->tasks;
    }
    return buffer;
}

dmpi_status center_drop_copy(struct center *center, uint64_t key, int rank)
{
    struct record *record = catalog_find(&center->catalog, key);
    if (!record) return fault(DMPI_ENOKEY, "no such key");
    if (!task_ended(record)) return fault(DMPI_EBUSY, "its task has not ended");
    if (!is_worker(center, rank) || !values_at(record, rank))
        return fault(DMPI_ENOKEY, "rank %d does not hold this key", rank);
    if (record->needs)
        return fault(DMPI_EBUSY, "%u tasks still need this key", record->needs);
    if (record->owner == rank && rankset_next(record->copies, 0) < 0) {
        values_drop(&center->values, record);
        return DMPI_OK;
    }
    values_remove_copy(&center->values, record, rank);
    values_say_drop(&center->values, key, rank);
    return DMPI_OK;
}

void center_put_as_peer(struct center *center, int rank, uint64_t request,
                        struct buffer *buffer, uint64_t *key)
{
    *key = key_make(0, ++center->catalog.last);
    say_put(center, rank, *key, request, buffer);
}

void center_ask_keys(struct center *center, int rank, uint64_t request)
{
    struct msg_ask_keys *ask =
        port_say(center->port, rank, MSG_ASK_KEYS, sizeof *ask);
    ask->request = request;
}

static void on_key_held(struct center *center, int from,
                        const struct msg_key_held *held)
{
    struct record *record = catalog_add(&center->catalog, held->key);
    task_enter(record, TASK_DONE);
    values_exist(&center->values, record, from, held->bytes);
    if (key_rank(held->key) == from) late_told(&center->kin.late, held->key);
    if (held->request)
        exchange_answer(&center->exchange, (int)held->asker, held->request,
                        DMPI_OK, NULL);
}

static void on_ask_holders(struct center *center, int from,
                           const struct msg_ask_holders *ask)
{
    struct buffer *ranks = NULL;
    if (kin_waits_for(&center->kin, from, &ask->key, 1, ask)) return;
    dmpi_status status = center_holders(center, ask->key, &ranks);
    exchange_answer(&center->exchange, from, ask->request, status, ranks);
    buffer_unref(ranks);
}

static void on_ask_workers(struct center *center, int from,
                           const struct msg_ask_workers *ask)
{
    struct buffer *table = center_workers(center);
    exchange_answer(&center->exchange, from, ask->request, DMPI_OK, table);
    buffer_unref(table);
}

static void on_ask_drop(struct center *center, int from,
                        const struct msg_ask_drop *ask)
{
    if (kin_waits_for(&center->kin, from, &ask->key, 1, ask)) return;
    dmpi_status status = center_drop_copy(center, ask->key, (int)ask->rank);
    exchange_answer(&center->exchange, from, ask->request, status, NULL);
}

/* ---- tasks of tasks ------------------------------------------------------*/

static void on_task_new(struct center *center, int from,
                        const struct msg_task_new *task)
{
    kin_on_task_new(&center->kin, from, task);
    settle(center);
}

static void on_task_here(struct center *center, int from,
                         const struct msg_task_new *task)
{
    kin_on_task_here(&center->kin, from, task);
}

static void on_task_goes_on(struct center *center, int from,
                            const struct msg_task_new *task)
{
    kin_on_task_goes_on(&center->kin, from, task);
}

static void on_key_release(struct center *center, int from,
                           const struct msg_key_release *release)
{
    kin_on_key_release(&center->kin, from, release);
}

static void on_ask_value(struct center *center, int from,
                         const struct msg_ask_value *ask)
{
    kin_on_ask_value(&center->kin, from, ask);
}

static void on_key_got(struct center *center, int from,
                       const struct msg_key_got *got)
{
    kin_on_key_got(&center->kin, got);
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

static void on_blocked(struct center *center, int from,
                       const struct msg_blocked *blocked)
{
    kin_on_blocked(&center->kin, from, blocked);
}

static void on_echo(struct center *center, int from,
                    const struct msg_echo *echo)
{
    late_told(&center->kin.late, echo->key);
}

/* ---- the end -------------------------------------------------------------*/

/* All that these say is a word. */
static void say_to_all(struct center *center, unsigned kind, uint64_t word)
{
    for (int rank = 1; rank < center->port->ranks; rank++)
        *(uint64_t *)port_say(center->port, rank, kind, sizeof word) = word;
}

void center_stop(struct center *center, dmpi_status status)
{
    center->stopping = true;
    say_to_all(center, MSG_STOP, status);
}

/* Nobody waits for anybody, so nothing but what is on its way will be said. */
void center_turn(struct center *center)
{
    if (center->counting || center->quiet < center->port->ranks - 1) return;
    if (!exchange_idle(&center->exchange)) return;
    if (center_constants_spreading(center)) return;
    center->counting = true;
    say_to_all(center, MSG_COUNT, 0);
}

static void on_quiet(struct center *center, int from,
                     const struct msg_quiet *quiet)
{
    center->quiet++;
    center_turn(center);
}

bool center_stopping(const struct center *center)
{
    return center->stopping;
}

static void say_end(struct center *center)
{
    for (int rank = 1; rank < center->port->ranks; rank++) {
        struct msg_end *end =
            port_say(center->port, rank, MSG_END, sizeof *end);
        end->messages = center->expected[rank] + center->port->sent[rank];
    }
}

static void on_stopped(struct center *center, int from,
                       const struct msg_stopped *stopped)
{
    const struct msg_heard *heard = (const struct msg_heard *)(stopped + 1);
    center->counts[from - 1] = stopped->counts;
    for (uint32_t i = 0; i < stopped->peers; i++)
        center->expected[heard[i].rank] += heard[i].messages;
    if (++center->stopped == center->port->ranks - 1) say_end(center);
}

bool center_stopped(const struct center *center)
{
    return center->stopped == center->port->ranks - 1;
}

const struct msg_counts *center_counts(const struct center *center, int rank)
{
    return &center->counts[rank - 1];
}

size_t center_held(const struct center *center)
{
    return catalog_count(&center->catalog);
}

uint64_t center_bytes_put(const struct center *center)
{
    return center->bytes_put;
}

void center_rest(struct center *center)
{
    mem_trim(&center->scheduler.specs.mem);
}

/* ---- dispatch ------------------------------------------------------------*/

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

void center_check(const struct center *center)
{
    values_check(&center->values);
    demands_check(&center->scheduler.specs.demands);
}
