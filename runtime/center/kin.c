/* SPDX-License-Identifier: BSD-3-Clause */
/* kin.c - adopt, park, answer; and who may go on. */
#include "kin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "key.h"
#include "log.h"

/* A question for a key whose task has no worker yet. */
struct parked {
    struct parked *next;
    int from;
    struct msg_ask_value ask;
};

/* A question that was passed on to PEER, until the asker has the answer. The key
 * is needed so long. */
struct question {
    struct question *next;
    int peer;
    struct msg_ask_value ask;
};

/* Those of one rank. */
struct given {
    struct question *first; /* owned */
    struct map releases;    /* keys that its tasks drop later, to anything */
};

/* The keys that a run of a task has made, as far as they are known. */
struct children {
    size_t count, room;
    uint64_t *keys; /* owned */
};

/* An end that has overtaken the news of its task. */
struct early {
    int from;
    bool left; /* the worker too, see TASK_LEFT */
    struct msg_task_done done;
};

void kin_init(struct kin *kin, struct port *port, struct exchange *exchange,
              struct scheduler *scheduler)
{
    *kin = (struct kin){
        .port = port, .exchange = exchange, .scheduler = scheduler};
    kin->circle.catalog = scheduler->values->catalog;
    late_init(&kin->late, port);
}

static void free_parked(struct parked *first)
{
    while (first) {
        struct parked *next = first->next;
        free(first);
        first = next;
    }
}

static void free_children(struct children *children)
{
    free(children->keys);
    free(children);
}

static void free_recovery(struct kin *kin)
{
    size_t at = 0;
    struct children *children;
    while ((children = map_next(&kin->children, &at))) free_children(children);
    map_fini(&kin->children);
    moves_fini(&kin->moves);
    for (int rank = 1; kin->given && rank < kin->port->ranks; rank++)
        map_fini(&kin->given[rank].releases);
    for (int rank = 1; kin->given && rank < kin->port->ranks; rank++)
        for (struct question *q = kin->given[rank].first, *next; q; q = next) {
            next = q->next;
            free(q);
        }
    free(kin->given);
}

void kin_fini(struct kin *kin)
{
    size_t at = 0;
    void *entry;
    while ((entry = map_next(&kin->parked, &at))) free_parked(entry);
    at = 0;
    while ((entry = map_next(&kin->early, &at))) free(entry);
    free_recovery(kin);
    map_fini(&kin->parked);
    map_fini(&kin->early);
    circle_fini(&kin->circle);
    late_fini(&kin->late);
    rankset_free(kin->stuck);
}

static struct record *find(const struct kin *kin, uint64_t key)
{
    return catalog_find_key(kin->scheduler->values->catalog, key);
}

bool kin_waits_for(struct kin *kin, int from, const uint64_t keys[],
                   size_t count, const void *body)
{
    for (size_t i = 0; i < count; i++) {
        if (find(kin, keys[i]) || !late_is_to_come(&kin->late, from, keys[i]))
            continue;
        late_wait(&kin->late, from, keys[i], (const struct message *)body - 1);
        return true;
    }
    return false;
}

/* ---- tasks ---------------------------------------------------------------*/

/* What a message for a task says, from which most of it is borrowed. */
struct news {
    struct task_order order;
    uint64_t *known; /* owned: the inputs, if some are no keys; or NULL */
    char *resources; /* owned, or NULL */
    char name[UINT8_MAX + 1];
};

static void news_fini(struct news *news)
{
    free(news->known);
    free(news->resources);
}

/* The inputs that are keys. Most often they all are. */
static void set_inputs(const struct kin *kin, struct news *news,
                       const uint64_t inputs[], size_t count)
{
    size_t known = 0;
    while (known < count && find(kin, inputs[known])) known++;
    news->order.inputs = inputs;
    news->order.input_count = known;
    if (known == count) return;
    news->known = log_alloc(count * sizeof *news->known);
    memcpy(news->known, inputs, known * sizeof *inputs);
    for (size_t i = known; i < count; i++)
        if (find(kin, inputs[i])) news->known[known++] = inputs[i];
    news->order.inputs = news->known;
    news->order.input_count = known;
}

static void copy_text(char *to, const char *text, size_t size)
{
    memcpy(to, text, size);
    to[size] = 0;
}

/* TAIL: behind terms and arguments. */
static void set_texts(struct news *news, const struct msg_task_new *task,
                      const char *tail)
{
    if (task->name) {
        copy_text(news->name, tail, task->name);
        news->order.name = news->name;
    }
    if (!task->resources) return;
    news->resources = log_alloc((size_t)task->resources + 1);
    copy_text(news->resources, tail + task->name, task->resources);
    news->order.resources = news->resources;
}

static void news_init(const struct kin *kin, struct news *news,
                      const struct msg_task_new *task)
{
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    const char *tail = (const char *)(inputs + task->inputs);
    news->known = NULL;
    news->resources = NULL;
    news->order = (struct task_order){.function = task->function,
                                      .size = task->args,
                                      .target = task->target,
                                      .flags = task->flags,
                                      .order = task->order,
                                      .key = task->key};
    set_inputs(kin, news, inputs, task->inputs);
    if (task->flags & RUN_TERMS) {
        memcpy(&news->order.terms, tail, sizeof news->order.terms);
        tail += sizeof news->order.terms;
    }
    news->order.args = tail;
    set_texts(news, task, tail + task->args);
}

void kin_forget_children(struct kin *kin, uint64_t key)
{
    struct children *children = map_get(&kin->children, key);
    if (!children) return;
    map_remove(&kin->children, key);
    free_children(children);
}

void kin_note_child(struct kin *kin, uint64_t parent, uint64_t key)
{
    const struct record *record = find(kin, parent);
    if (!kin->given || !record || !task_placed(record) || !task_active(record))
        return;
    struct children *children = map_get(&kin->children, parent);
    if (!children) {
        children = log_alloc(sizeof *children);
        *children = (struct children){0};
        map_add(&kin->children, parent, children);
    }
    if (children->count == children->room) {
        children->room = 2 * children->room + 4;
        children->keys =
            log_realloc(children->keys, children->room * sizeof(uint64_t));
    }
    children->keys[children->count++] = key;
}

/* With recovery it has to be known whose child it is. */
static bool waits_for_parent(struct kin *kin, int from,
                             const struct msg_task_new *task)
{
    return kin->given && task->parent &&
           kin_waits_for(kin, from, &task->parent, 1, task);
}

/* What asks for something that nobody has cannot be told so at once. */
void kin_on_task_new(struct kin *kin, int from, const struct msg_task_new *task)
{
    struct news news;
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    if (kin_waits_for(kin, from, inputs, task->inputs, task)) return;
    if (waits_for_parent(kin, from, task)) return;
    news_init(kin, &news, task);
    dmpi_status status = specs_check(&kin->scheduler->specs, &news.order);
    if (status) {
        news.order.resources = NULL;
        news.order.terms.cores = news.order.terms.node = 0;
    }
    struct record *record = scheduler_submit(kin->scheduler, &news.order);
    if (status)
        cancel_with(kin->scheduler, record, status, dmpi_status_detail());
    else if (news.order.input_count < task->inputs)
        cancel_with(kin->scheduler, record, DMPI_ENOKEY,
                    "an input is not a key of this pool");
    kin_note_child(kin, task->parent, task->key);
    late_told(&kin->late, task->key);
    news_fini(&news);
}

static void end_at_last(struct kin *kin, struct record *record)
{
    struct early *early = map_get(&kin->early, record->key);
    if (!early || early->done.attempt != record->attempt) return;
    map_remove(&kin->early, record->key);
    bool good =
        scheduler_end(kin->scheduler, record, early->from, &early->done);
    if (good && early->left)
        scheduler_left(kin->scheduler, record, early->from);
    free(early);
}

/* Who keeps a task knows all its inputs; one that is not known any more was
 * dropped too soon, and is no concern of the center's. */
void kin_on_task_here(struct kin *kin, int from,
                      const struct msg_task_new *task)
{
    struct news news;
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    if (kin->given && kin_waits_for(kin, from, inputs, task->inputs, task))
        return;
    if (waits_for_parent(kin, from, task)) return;
    news_init(kin, &news, task);
    struct record *record = scheduler_adopt(kin->scheduler, &news.order, from);
    if (kin->given && news.order.input_count < task->inputs)
        spec_origin(record->spec)->partial = true;
    kin_note_child(kin, task->parent, task->key);
    late_told(&kin->late, task->key);
    news_fini(&news);
    if (kin->early.count) end_at_last(kin, record);
}

/* FROM has the run of RECORD's task that counts, for sure, although nobody may
 * have said yet that it went there. False: this was another run. */
static bool went_on(struct kin *kin, struct record *record, int from,
                    const struct msg_task_new *task)
{
    if (record->attempt != (uint16_t)task->parent) return false;
    moves_forget(&kin->moves, record->key);
    return true;
}

void kin_on_task_goes_on(struct kin *kin, int from,
                         const struct msg_task_new *task)
{
    struct news news;
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    if (kin_waits_for(kin, from, &task->key, 1, task)) return;
    if (kin_waits_for(kin, from, inputs, task->inputs, task)) return;
    struct record *record = find(kin, task->key);
    if (!record || task_ended(record)) return; /* its time was up */
    if (kin->given && !went_on(kin, record, from, task)) return;
    news_init(kin, &news, task);
    scheduler_replace(kin->scheduler, record, &news.order, from);
    if (kin->given)
        spec_origin(record->spec)->partial =
            news.order.input_count < task->inputs;
    news_fini(&news);
    if (kin->early.count) end_at_last(kin, record);
}

/* What it has not dropped by now is somebody else's. */
void kin_on_task_went_on(struct kin *kin, int from,
                         const struct msg_task_went_on *went)
{
    if (kin_waits_for(kin, from, &went->key, 1, went)) return;
    const struct record *record = find(kin, went->key);
    if (record && record->owner == from) kin_forget_children(kin, went->key);
}

bool kin_ended_early(struct kin *kin, int from,
                     const struct msg_task_done *done)
{
    const struct record *record = find(kin, done->key);
    bool early = record ? (int16_t)(done->attempt - record->attempt) > 0
                        : late_is_to_come(&kin->late, from, done->key);
    if (!early || map_get(&kin->early, done->key)) return false;
    struct early *kept = log_alloc(sizeof *kept);
    *kept = (struct early){.from = from, .done = *done};
    map_add(&kin->early, done->key, kept);
    return true;
}

bool kin_left_early(struct kin *kin, uint64_t key)
{
    struct early *early = kin->early.count ? map_get(&kin->early, key) : NULL;
    if (early) early->left = true;
    return early;
}

/* ---- keys ----------------------------------------------------------------*/

/* True: it is to come, or to be done if FROM is lost before. */
static bool wait_for_release(struct kin *kin, int from,
                             const struct msg_key_release *release)
{
    struct map *releases = &kin->given[from].releases;
    bool there = map_get(releases, release->key);
    if (release->later && !there) map_add(releases, release->key, kin);
    if (!release->later && there) map_remove(releases, release->key);
    return release->later;
}

void kin_on_key_release(struct kin *kin, int from,
                        const struct msg_key_release *release)
{
    if (kin_waits_for(kin, from, &release->key, 1, release)) return;
    if (kin->given && wait_for_release(kin, from, release)) return;
    struct record *record = find(kin, release->key);
    if (record && record->held) values_drop(kin->scheduler->values, record);
}

static void say_unknown(struct kin *kin, int to,
                        const struct msg_ask_value *ask)
{
    if (ask->request) {
        exchange_answer(kin->exchange, to, ask->request, DMPI_ENOKEY, NULL);
        return;
    }
    struct msg_key_value *value =
        port_say(kin->port, to, MSG_KEY_VALUE, sizeof *value);
    *value = (struct msg_key_value){.key = ask->key, .status = DMPI_ENOKEY};
    payload_none(&value->payload, 0);
}

static void say_copy(struct kin *kin, struct record *record, int to)
{
    uint16_t flags = task_ended(record) ? 0 : FETCH_FOLLOW;
    if (kin->scheduler->lineage) flags |= FETCH_AGAIN;
    struct msg_key_copy *copy =
        port_say(kin->port, to, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){.key = record->key,
                                  .owner = (uint32_t)record->owner,
                                  .flags = flags,
                                  .attempt = record->attempt};
    values_copy(kin->scheduler->values, record, to);
}

/* It counts, unless it has been passed on before: then only its peer changes. */
static void note_question(struct kin *kin, struct record *record, int from,
                          const struct msg_ask_value *ask)
{
    struct question *at = kin->given[from].first;
    while (at && at->ask.request != ask->request) at = at->next;
    if (!at) {
        at = log_alloc(sizeof *at);
        *at = (struct question){.next = kin->given[from].first, .ask = *ask};
        kin->given[from].first = at;
        record->needs++;
    }
    at->peer = record->owner;
}

static void say_question(struct kin *kin, const struct record *record, int from,
                         const struct msg_ask_value *ask)
{
    struct msg_key_fetch fetch = {.key = record->key,
                                  .request = ask->request,
                                  .limit = ask->limit,
                                  .flags =
                                      task_ended(record) ? 0 : FETCH_FOLLOW,
                                  .attempt = record->attempt,
                                  .asker = (uint32_t)from};
    values_say_fetch(kin->scheduler->values, record->owner, &fetch);
}

/* RECORD has an owner: let him answer. */
static void pass_on(struct kin *kin, struct record *record, int from,
                    const struct msg_ask_value *ask)
{
    if (record->outside) values_bring(kin->scheduler->values, record);
    if (!ask->request) {
        say_copy(kin, record, from);
        return;
    }
    if (kin->given && from) note_question(kin, record, from, ask);
    else record->needs += from != 0;
    say_question(kin, record, from, ask);
}

static void park(struct kin *kin, struct record *record, int from,
                 const struct msg_ask_value *ask)
{
    struct parked *first = map_get(&kin->parked, record->key);
    struct parked *parked = log_alloc(sizeof *parked);
    *parked = (struct parked){first ? first->next : NULL, from, *ask};
    record->sought = true;
    record->needs++;
    if (first) first->next = parked;
    else map_add(&kin->parked, record->key, parked);
}

/* While nothing is placed its owner may be lost. */
static void seek(struct kin *kin, struct record *record, int from,
                 const struct msg_ask_value *ask)
{
    if (task_placed(record) && !kin->scheduler->frozen)
        pass_on(kin, record, from, ask);
    else park(kin, record, from, ask);
}

void kin_on_ask_value(struct kin *kin, int from,
                      const struct msg_ask_value *ask)
{
    if (kin_waits_for(kin, from, &ask->key, 1, ask)) return;
    struct record *record = find(kin, ask->key);
    if (!record) say_unknown(kin, from, ask);
    else seek(kin, record, from, ask);
}

/* FROM has its answer. False: the question has not been passed on. */
static bool forget_question(struct kin *kin, int from,
                            const struct msg_key_got *got)
{
    struct question **at = &kin->given[from].first;
    while (*at && (*at)->ask.request != got->request) at = &(*at)->next;
    struct question *question = *at;
    if (!question) return false;
    *at = question->next;
    free(question);
    return true;
}

/* FROM has got the answer on another way, after a loss. */
static void forget_parked(struct kin *kin, int from,
                          const struct msg_key_got *got)
{
    struct parked *first = map_get(&kin->parked, got->key);
    for (struct parked *at = first; at; at = at->next)
        if (at->from == from && at->ask.request == got->request) at->from = -1;
}

void kin_on_key_got(struct kin *kin, int from, const struct msg_key_got *got)
{
    if (!kin->given || forget_question(kin, from, got))
        values_unneed(kin->scheduler->values, find(kin, got->key));
    else forget_parked(kin, from, got);
}

static void answer(struct kin *kin, uint64_t key)
{
    struct record *record = find(kin, key);
    struct parked *at = map_get(&kin->parked, key), *next;
    if (!at) return; /* answered already, after a loss */
    map_remove(&kin->parked, key);
    for (; at; at = next) {
        next = at->next;
        if (at->from >= 0 && !kin->port->lost[at->from])
            pass_on(kin, record, at->from, &at->ask);
        values_unneed(kin->scheduler->values, record);
        free(at);
    }
}

/* ---- losses --------------------------------------------------------------*/

static void say_nobody(struct kin *kin, int rank, uint64_t key)
{
    struct msg_key_copy *copy =
        port_say(kin->port, rank, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){.key = key};
}

/* The values of the map are of no use here: keys are needed. */
static void release_all(struct kin *kin, int rank)
{
    struct catalog *catalog = kin->scheduler->values->catalog;
    struct map *releases = &kin->given[rank].releases;
    uint64_t *keys = log_alloc(releases->count * sizeof *keys + 1);
    size_t count = map_keys(releases, keys);
    for (size_t i = 0; i < count; i++) {
        struct record *record = catalog_find_key(catalog, keys[i]);
        if (record && record->held) values_drop(kin->scheduler->values, record);
    }
    free(keys);
    map_fini(releases);
    *releases = (struct map){0};
}

static void forget_questions(struct kin *kin, int rank)
{
    struct question *at = kin->given[rank].first, *next;
    kin->given[rank].first = NULL;
    for (; at; at = next) {
        next = at->next;
        values_unneed(kin->scheduler->values, find(kin, at->ask.key));
        free(at);
    }
}

void kin_lost(struct kin *kin, int rank)
{
    forget_questions(kin, rank);
    release_all(kin, rank);
    rankset_remove(kin->stuck, rank);
    if (kin->goes_on == rank) kin_on_unstuck(kin, rank);
}

/* KEY was made by a run that is not the one that counts. */
static void disown(struct kin *kin, uint64_t key)
{
    struct record *record = find(kin, key);
    if (!record) return;
    bool needed = record->needs;
    bool ended = task_ended(record);
    if (record->held) values_drop(kin->scheduler->values, record);
    if (!ended && !needed) cancel_task(kin->scheduler, record);
}

void kin_disown(struct kin *kin, uint64_t key)
{
    struct children *children = map_get(&kin->children, key);
    if (!children) return;
    map_remove(&kin->children, key);
    for (size_t i = children->count; i--;) disown(kin, children->keys[i]);
    free_children(children);
}

void kin_redirect(struct kin *kin, int rank, uint64_t key)
{
    struct record *record = find(kin, key);
    struct msg_ask_value ask = {.key = key};
    if (record) seek(kin, record, rank, &ask);
    else if (!epochs_send_again(&kin->scheduler->specs.epochs, key, rank))
        say_nobody(kin, rank, key);
}

/* Is it sure that whom REQUEST has asked knows of it? */
static bool is_safe(const struct kin *kin, const struct request *request,
                    const struct record *record)
{
    if (request->done || request->kind != REQUEST_VALUE) return true;
    if (request->peer < 0 || kin->port->lost[request->peer]) return false;
    if (request->arriving) return true;
    return task_placed(record) && !record->moved &&
           record->owner == request->peer;
}

static void on_astray(void *argument, struct request *request)
{
    struct kin *kin = argument;
    if (request->kind != REQUEST_VALUE) return;
    struct record *record = find(kin, request->key);
    struct msg_ask_value ask = {
        .key = request->key, .request = request->id, .limit = request->room};
    request->peer = record->owner;
    seek(kin, record, 0, &ask);
}

static void ask_again(struct kin *kin, struct request *request)
{
    if (!is_safe(kin, request, find(kin, request->key)))
        on_astray(kin, request);
}

void kin_recover(struct kin *kin)
{
    size_t bytes = (size_t)kin->port->ranks * sizeof *kin->given;
    kin->exchange->astray = on_astray;
    kin->exchange->astray_arg = kin;
    kin->given = log_alloc(bytes);
    memset(kin->given, 0, bytes);
}

/* Questions of RANK that whom they were passed on to may never answer. */
static void ask_again_for(struct kin *kin, int rank)
{
    for (struct question *at = kin->given[rank].first; at; at = at->next) {
        struct record *record = find(kin, at->ask.key);
        bool safe = task_placed(record) && !record->moved &&
                    record->owner == at->peer && !kin->port->lost[at->peer];
        if (!safe) seek(kin, record, rank, &at->ask);
    }
}

static void answer_parked(struct kin *kin)
{
    size_t count = 0, at = 0;
    struct parked *parked;
    uint64_t *keys = log_alloc(kin->parked.count * sizeof *keys + 1);
    while ((parked = map_next(&kin->parked, &at)))
        if (task_placed(find(kin, parked->ask.key)))
            keys[count++] = parked->ask.key;
    for (size_t i = 0; i < count; i++) answer(kin, keys[i]);
    free(keys);
}

void kin_ask_again(struct kin *kin)
{
    size_t count = 0, at = 0;
    struct map *requests = &kin->exchange->requests;
    struct request *request;
    struct request **list = log_alloc(requests->count * sizeof *list + 1);
    while ((request = map_next(requests, &at))) list[count++] = request;
    for (size_t i = 0; i < count; i++) ask_again(kin, list[i]);
    free(list);
    for (int rank = 1; rank < kin->port->ranks; rank++)
        if (!kin->port->lost[rank]) ask_again_for(kin, rank);
    answer_parked(kin);
}

void kin_answer_found(struct kin *kin)
{
    struct scheduler *scheduler = kin->scheduler;
    for (size_t i = 0; i < scheduler->found_count; i++)
        answer(kin, scheduler->found[i]);
    scheduler->found_count = 0;
}

/* ---- waits ---------------------------------------------------------------*/

static void let_go_on(struct kin *kin, int rank)
{
    struct msg_go_on *go_on =
        port_say(kin->port, rank, MSG_GO_ON, sizeof *go_on);
    *go_on = (struct msg_go_on){0};
    kin->goes_on = rank;
}

void kin_on_stuck(struct kin *kin, int from)
{
    if (kin->goes_on) rankset_add(&kin->stuck, from, kin->port->ranks);
    else let_go_on(kin, from);
}

void kin_on_unstuck(struct kin *kin, int from)
{
    assert(kin->goes_on == from);
    int next = rankset_next(kin->stuck, from + 1);
    if (next < 0) next = rankset_next(kin->stuck, 0);
    kin->goes_on = 0;
    if (next < 0) return;
    rankset_remove(kin->stuck, next);
    let_go_on(kin, next);
}

void kin_on_blocked(struct kin *kin, int from,
                    const struct msg_blocked *blocked)
{
    if (kin_waits_for(kin, from, &blocked->key, 1, blocked)) return;
    struct record *record = find(kin, blocked->key);
    if (!record || task_ended(record)) return;
    circle_add(&kin->circle, blocked->key, (const uint64_t *)(blocked + 1),
               blocked->keys);
    char *line = circle_find(&kin->circle, blocked->key);
    if (!line) return;
    circle_remove(&kin->circle, blocked->key); /* it waits no more */
    size_t size = strlen(line) + 1;
    struct msg_wait_failed *failed =
        port_say(kin->port, from, MSG_WAIT_FAILED, sizeof *failed + size);
    failed->wait = blocked->wait;
    memcpy(failed + 1, line, size);
    free(line);
}
