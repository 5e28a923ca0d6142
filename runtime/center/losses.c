/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.c - ask all, sort out what is where, run again, redirect. */
#include "losses.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "failure.h"
#include "log.h"
#include "regroup.h"

/* What a worker has said last about losses. */
struct answer {
    uint32_t due;                /* times that it is still to answer */
    struct msg_lost_heard *last; /* with its tail; owned; NULL: nothing */
};

struct doubt {
    uint64_t key;
    int rank;
};

/* Records, in a list that grows. */
struct list {
    struct record **records; /* owned */
    size_t count, room;
};

/* While it is settled. */
struct settling {
    struct losses *losses;
    struct map missing;  /* key -> struct rankset of who waits for it, owned */
    struct map reported; /* key of a task -> who has it from a peer */
    struct list tasks;   /* that were on lost workers */
    struct list values;  /* that nobody holds */
};

static struct scheduler *scheduler_of(const struct losses *losses)
{
    return losses->kin->scheduler;
}

static struct demands *demands_of(const struct losses *losses)
{
    return &scheduler_of(losses)->specs.demands;
}

static struct values *values_of(const struct losses *losses)
{
    return scheduler_of(losses)->values;
}

static struct record *find(const struct losses *losses, uint64_t key)
{
    return catalog_find_key(values_of(losses)->catalog, key);
}

static bool is_lost(const struct losses *losses, int rank)
{
    return losses->kin->port->lost[rank];
}

void losses_init(struct losses *losses, struct kin *kin, uint32_t crash_limit)
{
    size_t bytes = (size_t)kin->port->ranks * sizeof(struct answer);
    struct scheduler *scheduler = kin->scheduler;
    *losses = (struct losses){.kin = kin,
                              .answers = log_alloc(bytes),
                              .crash_limit = crash_limit,
                              .living = kin->port->ranks - 1};
    memset(losses->answers, 0, bytes);
    lineage_init(&losses->lineage, scheduler->values, &scheduler->specs,
                 &scheduler->gangs);
    scheduler->lineage = &losses->lineage;
    again_init(&losses->again, scheduler);
}

void losses_fini(struct losses *losses)
{
    for (int rank = 1; rank < losses->kin->port->ranks; rank++)
        free(losses->answers[rank].last);
    free(losses->answers);
    free(losses->doubts);
    map_fini(&losses->crashed);
    map_fini(&losses->back);
    again_fini(&losses->again);
    lineage_fini(&losses->lineage);
}

static void add(struct list *list, struct record *record)
{
    if (list->count == list->room) {
        list->room = 2 * list->room + 16;
        list->records =
            log_realloc(list->records, list->room * sizeof *list->records);
    }
    list->records[list->count++] = record;
}

/* ---- who has what --------------------------------------------------------*/

/* FROM has said that it has some tasks no more: it may be asked for them. */
static void note_back(struct losses *losses, int from,
                      const struct msg_lost_heard *heard)
{
    for (uint32_t i = 0; i < heard->back; i++) {
        const struct msg_lost_task *task = &lost_heard_back(heard)[i];
        struct record *record = find(losses, task->key);
        if (!record || map_get(&losses->back, task->key)) continue;
        values_note(values_of(losses), record, from);
        map_add(&losses->back, task->key,
                (void *)(uintptr_t)(1 + task->attempt));
    }
}

static bool is_back(const struct losses *losses, const struct record *record)
{
    uintptr_t back = (uintptr_t)map_get(&losses->back, record->key);
    return back == 1 + (uintptr_t)record->attempt;
}

/* Call DO for each key that a worker waits for. */
static void for_missing(struct settling *settling,
                        void (*visit)(struct settling *, int, uint64_t))
{
    struct losses *losses = settling->losses;
    for (int rank = 1; rank < losses->kin->port->ranks; rank++) {
        const struct answer *answer = &losses->answers[rank];
        for (uint32_t i = 0; answer->last && i < answer->last->keys; i++)
            visit(settling, rank, lost_heard_keys(answer->last)[i]);
    }
    for (size_t i = 0; i < losses->doubt_count; i++)
        if (!is_lost(losses, losses->doubts[i].rank))
            visit(settling, losses->doubts[i].rank, losses->doubts[i].key);
}

static void note_missing(struct settling *settling, int rank, uint64_t key)
{
    struct rankset *set = map_get(&settling->missing, key), *before = set;
    rankset_add(&set, rank, settling->losses->kin->port->ranks);
    if (before) map_remove(&settling->missing, key);
    map_add(&settling->missing, key, set);
}

/* The task of RECORD went from its owner to TO, and on from there. */
static void follow(struct losses *losses, struct record *record, int to)
{
    while (to) {
        moves_give(&losses->kin->moves, record->key, record->owner);
        scheduler_moved(scheduler_of(losses), record, record->owner, to);
        to = moves_take(&losses->kin->moves, record->key, record->attempt, to);
    }
}

static void note_reported(struct settling *settling)
{
    struct losses *losses = settling->losses;
    for (int rank = 1; rank < losses->kin->port->ranks; rank++) {
        const struct answer *answer = &losses->answers[rank];
        for (uint32_t i = 0; answer->last && i < answer->last->tasks; i++) {
            const struct msg_lost_task *task =
                &lost_heard_tasks(answer->last)[i];
            struct record *record = find(losses, task->key);
            if (record && record->state == TASK_PLACED &&
                record->attempt == task->attempt &&
                !map_get(&settling->reported, task->key))
                map_add(&settling->reported, task->key,
                        (void *)(uintptr_t)rank);
        }
    }
}

/* Copies that came with stolen tasks. */
static void note_held(struct settling *settling)
{
    struct losses *losses = settling->losses;
    for (int rank = 1; rank < losses->kin->port->ranks; rank++) {
        const struct answer *answer = &losses->answers[rank];
        for (uint32_t i = 0; answer->last && i < answer->last->held; i++) {
            struct record *record =
                find(losses, lost_heard_held(answer->last)[i]);
            if (record && record->state != TASK_GONE)
                values_copy(values_of(losses), record, rank);
        }
    }
}

/* ---- what is nowhere -----------------------------------------------------*/

/* Tasks that had ended, and still used their inputs on a lost worker. */
static void end_leaving(struct losses *losses)
{
    struct list list = {0};
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    while ((record = catalog_next(values_of(losses)->catalog, &maker, &at)))
        if (task_ended(record) && task_active(record) &&
            is_lost(losses, record->owner))
            add(&list, record);
    for (size_t i = 0; i < list.count; i++) {
        uint64_t key = list.records[i]->key;
        scheduler_left(scheduler_of(losses), list.records[i],
                       list.records[i]->owner);
        kin_disown(losses->kin, key);
    }
    free(list.records);
}

/* A worker that holds RECORD for sure; 0: none. */
static int holder(const struct settling *settling, const struct record *record)
{
    const struct rankset *missing = map_get(&settling->missing, record->key);
    int rank = rankset_next(record->copies, 0);
    while (rank > 0 && rankset_has(missing, rank))
        rank = rankset_next(record->copies, rank + 1);
    return rank > 0 ? rank : 0;
}

/* RECORD has ended, and its owner is lost: another one may have it. */
static void find_value(struct settling *settling, struct record *record)
{
    struct roster *roster = values_of(settling->losses)->roster;
    record->owner = holder(settling, record);
    if (record->owner) {
        rankset_remove(record->copies, record->owner);
        return;
    }
    for (int rank = rankset_next(record->copies, 0); rank >= 0;
         rank = rankset_next(record->copies, rank + 1))
        roster_at(roster, rank)->bytes -= record->bytes;
    add(&settling->values, record);
}

/* RECORD's task is not over, and was on a lost worker: it may have been given
 * away, or be on its way from one that lives to another. */
static void find_task(struct settling *settling, struct record *record)
{
    struct losses *losses = settling->losses;
    int rank = (int)(uintptr_t)map_get(&settling->reported, record->key);
    if (!rank)
        rank = moves_end_of(&losses->kin->moves, record->key, record->attempt,
                            losses->kin->port->lost);
    if (rank) follow(losses, record, rank);
    if (!rank || is_lost(losses, record->owner)) add(&settling->tasks, record);
}

/* Does its owner have the task of RECORD for sure? A lost worker may have said
 * that it gave it away, and not done so. */
static bool has_task(const struct settling *settling,
                     const struct record *record)
{
    const struct losses *losses = settling->losses;
    int giver =
        record->moved ? moves_giver(&losses->kin->moves, record->key) : 0;
    int rank = (int)(uintptr_t)map_get(&settling->reported, record->key);
    if (is_lost(losses, record->owner)) return false;
    return !giver || !is_lost(losses, giver) || rank == record->owner;
}

/* Whoever had RECORD's task does not have it any more, and has said so. */
static bool is_given_up(const struct losses *losses,
                        const struct record *record)
{
    return is_back(losses, record) ||
           regroup_concerns(scheduler_of(losses), record);
}

static void look_at(struct settling *settling, struct record *record)
{
    const struct port *port = settling->losses->kin->port;
    bool placed = record->state == TASK_PLACED;
    bool ended = task_ended(record);
    if (placed && is_given_up(settling->losses, record))
        add(&settling->tasks, record);
    else if (placed && !has_task(settling, record)) find_task(settling, record);
    bool lost = ended && is_lost(settling->losses, record->owner);
    for (int rank = 1; rank < port->ranks; rank++) {
        if (!port->lost[rank]) continue;
        rankset_remove(record->copies, rank);
        rankset_remove(record->notes, rank);
    }
    if (lost) find_value(settling, record);
}

static void look_at_all(struct settling *settling)
{
    struct catalog *catalog = values_of(settling->losses)->catalog;
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    while ((record = catalog_next(catalog, &maker, &at)))
        if (record->state != TASK_GONE) look_at(settling, record);
}

/* ---- made good, or not ---------------------------------------------------*/

/* RECORD, whose value is lost, gets an error in its place. */
static void give_up(struct losses *losses, struct record *record,
                    dmpi_status status, const char *text)
{
    struct values *values = values_of(losses);
    struct failure_of of = {0, record->spec->function, spec_name(record->spec),
                            record->spec->name};
    struct buffer *error = failure_new(status, &of, "key %llx: %s",
                                       (unsigned long long)record->key, text);
    int rank = roster_least_filled(values->roster)->rank;
    task_enter(record, TASK_FAILED);
    spec_origin(record->spec)->status = (uint8_t)status;
    values_say_put(values, rank, record->key, 0, error);
    values_exist(values, record, rank, error->size);
    buffer_unref(error);
}

static const char *lost_text(const struct losses *losses)
{
    return losses->stopping ? "its value was lost with its worker"
                            : "its value was lost with its worker, and no task "
                              "can make it again: it was put; keep more copies "
                              "of it, see dmpi_replicate()";
}

static const char text_without_gang[] =
    "its value was lost with its worker, and its gang cannot run again";

static void remake_value(struct losses *losses, struct record *record)
{
    const struct origin *origin = spec_origin(record->spec);
    bool was_cancelled = record->state == TASK_FAILED && origin->cancelled;
    if (origin->outside) {
        record->outside = true; /* it still is there */
        if (record->needs) values_bring(values_of(losses), record);
        return;
    }
    if (origin->status)
        give_up(losses, record, origin->status, "it ended before it began");
    else if (was_cancelled)
        give_up(losses, record, DMPI_ECANCELLED, "cancelled while it ran");
    else if (origin->partial)
        give_up(losses, record, DMPI_ELOST,
                "its value was lost, and an input "
                "was dropped too soon");
    else if (record->spec->flags & RUN_GANG && !origin->part)
        give_up(losses, record, DMPI_ELOST, text_without_gang);
    else if (losses->stopping || !lineage_has_task(record))
        give_up(losses, record, DMPI_ELOST, lost_text(losses));
    else again_value(&losses->again, record);
}

static void rerun_task(struct losses *losses, struct record *record)
{
    bool ganged = record->spec->flags & RUN_GANG; /* they crash together */
    int owner = record->owner;
    if (!ganged && map_get(&losses->crashed, record->key))
        spec_origin(record->spec)->crashes++;
    moves_forget(&losses->kin->moves, record->key);
    if (losses->kin->circle.waits.count)
        circle_remove(&losses->kin->circle, record->key);
    again_task(&losses->again, record);
    if (!is_lost(losses, owner)) values_note(values_of(losses), record, owner);
}

/* RECORD's task begins anew, or should it not? */
static void look_whether(struct losses *losses, struct record *record)
{
    const struct origin *origin = spec_origin(record->spec);
    char text[100];
    if (task_ended(record)) return; /* with its gang, or its parent */
    if (record->spec->flags & RUN_GANG) return; /* see regroup.h */
    if (origin->cancelled) {
        cancel_with(scheduler_of(losses), record, DMPI_ECANCELLED,
                    "cancelled while it ran");
    } else if (origin->partial) {
        cancel_with(scheduler_of(losses), record, DMPI_ELOST,
                    "an input was dropped before its task was known, and its "
                    "worker is lost");
    } else if (losses->crash_limit && origin->crashes >= losses->crash_limit) {
        snprintf(text, sizeof text, "%u workers were lost while it ran there",
                 origin->crashes);
        cancel_with(scheduler_of(losses), record, DMPI_ECRASHED, text);
    }
}

/* First what others had submitted, for that may include some of them: in a list
 * of keys, because records go. */
static void stop_some(struct settling *settling)
{
    struct losses *losses = settling->losses;
    size_t count = settling->tasks.count;
    uint64_t *keys = log_alloc(count * sizeof *keys + 1);
    for (size_t i = 0; i < count; i++)
        keys[i] = settling->tasks.records[i]->key;
    for (size_t i = 0; i < count; i++) kin_disown(losses->kin, keys[i]);
    for (size_t i = 0; i < count; i++) {
        struct record *record = find(losses, keys[i]);
        if (record) look_whether(losses, record);
    }
    free(keys);
}

/* And with them all that has no worker. */
static void begin_gangs_anew(struct losses *losses)
{
    struct regroup regroup = {.again = &losses->again,
                              .crashed = &losses->crashed,
                              .crash_limit = losses->crash_limit,
                              .living = losses->living};
    regroup_begin_anew(&regroup);
    again_end(&losses->again);
    regroup_end(&regroup);
}

static void make_good(struct settling *settling)
{
    struct losses *losses = settling->losses;
    for (size_t i = 0; i < settling->tasks.count; i++)
        rerun_task(losses, settling->tasks.records[i]);
    for (size_t i = 0; i < settling->values.count; i++)
        if (!settling->values.records[i]->owner &&
            task_ended(settling->values.records[i]))
            remake_value(losses, settling->values.records[i]);
    begin_gangs_anew(losses);
    stop_some(settling);
}

void losses_regroup(struct losses *losses)
{
    if (!scheduler_of(losses)->gangs.wanted || losses->awaited) return;
    again_begin(&losses->again);
    begin_gangs_anew(losses);
}

/* May no living worker run RECORD's task, or not so many? */
static bool is_hopeless(const struct losses *losses, struct record *record)
{
    const struct scheduler *scheduler = scheduler_of(losses);
    struct spec *spec = record->spec;
    if (spec->flags & RUN_GANG) {
        const struct gang *gang = gangs_of(&scheduler->gangs, record);
        return !gang || (gang->members[0] == record &&
                         gang->size > (uint32_t)losses->living);
    }
    if (spec_is_picky(spec))
        return !demand_has_worker(specs_demand(&scheduler->specs, spec));
    return spec->flags & RUN_PINNED && spec->target &&
           is_lost(losses, spec->target);
}

static const char *hopeless_text(const struct losses *losses,
                                 const struct record *record)
{
    if (!(record->spec->flags & RUN_GANG))
        return "the workers that might run it are lost";
    return gangs_of(&scheduler_of(losses)->gangs, record)
               ? "its gang has more members than workers are left"
               : text_without_gang;
}

/* Those that only lost workers may run. */
static void stop_pinned(struct losses *losses)
{
    struct list list = {0};
    struct record *record;
    int maker = 0;
    uint64_t at = 0;
    while ((record = catalog_next(values_of(losses)->catalog, &maker, &at)))
        if (!task_placed(record) && is_hopeless(losses, record))
            add(&list, record);
    for (size_t i = 0; i < list.count; i++)
        if (!task_ended(list.records[i]))
            cancel_with(scheduler_of(losses), list.records[i], DMPI_ELOST,
                        hopeless_text(losses, list.records[i]));
    free(list.records);
}

static void clear_lost(struct losses *losses)
{
    struct roster *roster = values_of(losses)->roster;
    for (int rank = 1; rank < roster->ranks; rank++)
        if (is_lost(losses, rank)) roster_clear(roster_at(roster, rank));
}

static void redirect(struct settling *settling, int rank, uint64_t key)
{
    questions_redirect(&settling->losses->kin->questions, rank, key);
}

static void settle(struct losses *losses)
{
    struct settling settling = {.losses = losses};
    struct rankset *set;
    size_t at = 0;
    for_missing(&settling, note_missing);
    again_begin(&losses->again);
    for (int rank = 1; rank < losses->kin->port->ranks; rank++)
        if (is_lost(losses, rank)) demands_lost(demands_of(losses), rank);
    regroup_look(scheduler_of(losses));
    end_leaving(losses);
    note_reported(&settling);
    note_held(&settling);
    look_at_all(&settling);
    make_good(&settling);
    stop_pinned(losses);
    clear_lost(losses);
    scheduler_of(losses)->frozen = false;
    for_missing(&settling, redirect);
    questions_ask_again(&losses->kin->questions);
    while ((set = map_next(&settling.missing, &at))) rankset_free(set);
    map_fini(&settling.missing);
    map_fini(&settling.reported);
    free(settling.tasks.records);
    free(settling.values.records);
}

/* ---- the round trip ------------------------------------------------------*/

static void forget_answers(struct losses *losses)
{
    for (int rank = 1; rank < losses->kin->port->ranks; rank++) {
        free(losses->answers[rank].last);
        losses->answers[rank].last = NULL;
    }
    losses->doubt_count = 0;
    map_fini(&losses->crashed);
    map_fini(&losses->back);
    losses->crashed = losses->back = (struct map){0};
}

void losses_tell(const struct losses *losses, int rank)
{
    struct port *port = losses->kin->port;
    for (int to = 1; to < port->ranks; to++) {
        if (port->lost[to]) continue;
        struct msg_rank_lost *lost =
            port_say(port, to, MSG_RANK_LOST, sizeof *lost);
        *lost = (struct msg_rank_lost){.rank = (uint32_t)rank};
    }
}

static void await_all(struct losses *losses)
{
    for (int rank = 1; rank < losses->kin->port->ranks; rank++) {
        if (is_lost(losses, rank)) continue;
        losses->answers[rank].due++;
        losses->awaited++;
    }
}

void losses_lost(struct losses *losses, int rank, uint64_t running)
{
    struct answer *answer = &losses->answers[rank];
    struct roster *roster = values_of(losses)->roster;
    losses->workers_lost++;
    losses->living--;
    losses->awaited -= answer->due;
    answer->due = 0;
    free(answer->last);
    answer->last = NULL;
    if (running && !map_get(&losses->crashed, running))
        map_add(&losses->crashed, running, losses);
    roster_lose(roster, roster_at(roster, rank));
    scheduler_of(losses)->frozen = true;
    kin_lost(losses->kin, rank);
    epochs_lost(&scheduler_of(losses)->specs.epochs, rank);
    losses_tell(losses, rank);
    await_all(losses);
}

bool losses_on_heard(struct losses *losses, int from,
                     const struct msg_lost_heard *heard)
{
    struct answer *answer = &losses->answers[from];
    size_t bytes = lost_heard_bytes(heard);
    note_back(losses, from, heard);
    assert(answer->due);
    answer->due--;
    losses->awaited--;
    answer->last = log_realloc(answer->last, bytes);
    memcpy(answer->last, heard, bytes);
    if (losses->awaited) return false;
    settle(losses);
    forget_answers(losses);
    return true;
}

void losses_doubt(struct losses *losses, uint64_t key, int rank)
{
    if (!losses->awaited) return;
    size_t count = ++losses->doubt_count;
    losses->doubts =
        log_realloc(losses->doubts, count * sizeof *losses->doubts);
    losses->doubts[count - 1] = (struct doubt){key, rank};
}

/* ---- from worker to worker -----------------------------------------------*/

void losses_moved(struct losses *losses, struct record *record, int from,
                  const struct msg_task_moved *moved)
{
    int to = (int)moved->to;
    if (task_ended(record) || moved->attempt != record->attempt) return;
    if (record->owner != from) {
        moves_add(&losses->kin->moves, record->key, moved->attempt, from, to);
        return;
    }
    follow(losses, record, to);
}

/* What still runs may have more children. */
void losses_ended(struct losses *losses, const struct msg_task_done *done)
{
    moves_forget(&losses->kin->moves, done->key);
    if (done->status != DMPI_EBUSY) kin_forget_children(losses->kin, done->key);
}
