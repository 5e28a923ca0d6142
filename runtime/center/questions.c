/* SPDX-License-Identifier: BSD-3-Clause */
/* questions.c - park, pass on, answer; and once more after a loss. */
#include "questions.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* One for a key whose task has no worker yet. */
struct parked {
    struct parked *next;
    int from;
    struct msg_ask_value ask;
};

/* One that was passed on to PEER, until the asker has the answer. The key is
 * needed so long. */
struct question {
    struct question *next;
    int peer;
    struct msg_ask_value ask;
};

static void free_parked(struct parked *first)
{
    while (first) {
        struct parked *next = first->next;
        free(first);
        first = next;
    }
}

static void free_passed_on(struct question *first)
{
    while (first) {
        struct question *next = first->next;
        free(first);
        first = next;
    }
}

void questions_fini(struct questions *questions)
{
    size_t at = 0;
    struct parked *parked;
    while ((parked = map_next(&questions->parked, &at))) free_parked(parked);
    map_fini(&questions->parked);
    for (int i = 1; questions->passed_on && i < questions->port->ranks; i++)
        free_passed_on(questions->passed_on[i]);
    free(questions->passed_on);
}

static struct record *find(const struct questions *questions, uint64_t key)
{
    return catalog_find_key(questions->scheduler->values->catalog, key);
}

/* ---- asked ---------------------------------------------------------------*/

static void say_unknown(struct questions *questions, int to,
                        const struct msg_ask_value *ask)
{
    if (ask->request) {
        exchange_answer(questions->exchange, to, ask->request, DMPI_ENOKEY,
                        NULL);
        return;
    }
    struct msg_key_value *value =
        port_say(questions->port, to, MSG_KEY_VALUE, sizeof *value);
    *value = (struct msg_key_value){.key = ask->key, .status = DMPI_ENOKEY};
    payload_none(&value->payload, 0);
}

static void say_copy(struct questions *questions, struct record *record, int to)
{
    uint16_t flags = task_ended(record) ? 0 : FETCH_FOLLOW;
    if (questions->scheduler->lineage) flags |= FETCH_AGAIN;
    struct msg_key_copy *copy =
        port_say(questions->port, to, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){.key = record->key,
                                  .owner = (uint32_t)record->owner,
                                  .flags = flags,
                                  .attempt = record->attempt};
    values_copy(questions->scheduler->values, record, to);
}

/* It counts, unless it has been passed on before: then only its peer changes. */
static void note_question(struct questions *questions, struct record *record,
                          int from, const struct msg_ask_value *ask)
{
    struct question *at = questions->passed_on[from];
    while (at && at->ask.request != ask->request) at = at->next;
    if (!at) {
        at = log_alloc(sizeof *at);
        *at =
            (struct question){.next = questions->passed_on[from], .ask = *ask};
        questions->passed_on[from] = at;
        record->needs++;
    }
    at->peer = record->owner;
}

static void say_question(struct questions *questions,
                         const struct record *record, int from,
                         const struct msg_ask_value *ask)
{
    struct msg_key_fetch fetch = {.key = record->key,
                                  .request = ask->request,
                                  .limit = ask->limit,
                                  .flags =
                                      task_ended(record) ? 0 : FETCH_FOLLOW,
                                  .attempt = record->attempt,
                                  .asker = (uint32_t)from};
    values_say_fetch(questions->scheduler->values, record->owner, &fetch);
}

/* RECORD has an owner: let him answer. */
static void pass_on(struct questions *questions, struct record *record,
                    int from, const struct msg_ask_value *ask)
{
    if (record->outside) values_bring(questions->scheduler->values, record);
    if (!ask->request) {
        say_copy(questions, record, from);
        return;
    }
    if (questions->passed_on && from)
        note_question(questions, record, from, ask);
    else record->needs += from != 0;
    say_question(questions, record, from, ask);
}

static void park(struct questions *questions, struct record *record, int from,
                 const struct msg_ask_value *ask)
{
    struct parked *first = map_get(&questions->parked, record->key);
    struct parked *parked = log_alloc(sizeof *parked);
    *parked = (struct parked){first ? first->next : NULL, from, *ask};
    record->sought = true;
    record->needs++;
    if (first) first->next = parked;
    else map_add(&questions->parked, record->key, parked);
}

/* While nothing is placed its owner may be lost. */
static void seek(struct questions *questions, struct record *record, int from,
                 const struct msg_ask_value *ask)
{
    if (task_placed(record) && !questions->scheduler->frozen)
        pass_on(questions, record, from, ask);
    else park(questions, record, from, ask);
}

void questions_on_ask(struct questions *questions, int from,
                      const struct msg_ask_value *ask)
{
    struct record *record = find(questions, ask->key);
    if (!record) say_unknown(questions, from, ask);
    else seek(questions, record, from, ask);
}

/* FROM has its answer. False: the question has not been passed on. */
static bool forget_question(struct questions *questions, int from,
                            const struct msg_key_got *got)
{
    struct question **at = &questions->passed_on[from];
    while (*at && (*at)->ask.request != got->request) at = &(*at)->next;
    struct question *question = *at;
    if (!question) return false;
    *at = question->next;
    free(question);
    return true;
}

/* FROM has got the answer on another way, after a loss. */
static void forget_parked(struct questions *questions, int from,
                          const struct msg_key_got *got)
{
    struct parked *first = map_get(&questions->parked, got->key);
    for (struct parked *at = first; at; at = at->next)
        if (at->from == from && at->ask.request == got->request) at->from = -1;
}

void questions_on_got(struct questions *questions, int from,
                      const struct msg_key_got *got)
{
    if (!questions->passed_on || forget_question(questions, from, got))
        values_unneed(questions->scheduler->values, find(questions, got->key));
    else forget_parked(questions, from, got);
}

static void answer(struct questions *questions, uint64_t key)
{
    struct record *record = find(questions, key);
    struct parked *at = map_get(&questions->parked, key), *next;
    if (!at) return; /* answered already, after a loss */
    map_remove(&questions->parked, key);
    for (; at; at = next) {
        next = at->next;
        if (at->from >= 0 && !questions->port->lost[at->from])
            pass_on(questions, record, at->from, &at->ask);
        values_unneed(questions->scheduler->values, record);
        free(at);
    }
}

/* ---- losses --------------------------------------------------------------*/

static void say_nobody(struct questions *questions, int rank, uint64_t key)
{
    struct msg_key_copy *copy =
        port_say(questions->port, rank, MSG_KEY_COPY, sizeof *copy);
    *copy = (struct msg_key_copy){.key = key};
}

void questions_lost(struct questions *questions, int rank)
{
    struct question *at = questions->passed_on[rank], *next;
    questions->passed_on[rank] = NULL;
    for (; at; at = next) {
        next = at->next;
        values_unneed(questions->scheduler->values,
                      find(questions, at->ask.key));
        free(at);
    }
}

void questions_redirect(struct questions *questions, int rank, uint64_t key)
{
    struct record *record = find(questions, key);
    struct msg_ask_value ask = {.key = key};
    if (record) seek(questions, record, rank, &ask);
    else if (!epochs_send_again(&questions->scheduler->specs.epochs, key, rank))
        say_nobody(questions, rank, key);
}

/* Is RECORD's task, or its value, on RANK, and was never elsewhere? It was, if it
 * has begun anew: what was asked there may have followed it. */
static bool stayed_at(const struct record *record, int rank)
{
    return task_placed(record) && !record->moved && !record->attempt &&
           record->owner == rank;
}

/* Is it sure that whom REQUEST has asked knows of it? */
static bool is_safe(const struct questions *questions,
                    const struct request *request, const struct record *record)
{
    if (request->done || request->kind != REQUEST_VALUE) return true;
    if (request->peer < 0 || questions->port->lost[request->peer]) return false;
    if (request->arriving) return true;
    return stayed_at(record, request->peer);
}

static void on_astray(void *argument, struct request *request)
{
    struct questions *questions = argument;
    if (request->kind != REQUEST_VALUE) return;
    struct record *record = find(questions, request->key);
    struct msg_ask_value ask = {
        .key = request->key, .request = request->id, .limit = request->room};
    request->peer = record->owner;
    seek(questions, record, 0, &ask);
}

static void ask_again(struct questions *questions, struct request *request)
{
    if (!is_safe(questions, request, find(questions, request->key)))
        on_astray(questions, request);
}

void questions_recover(struct questions *questions)
{
    size_t bytes =
        (size_t)questions->port->ranks * sizeof *questions->passed_on;
    questions->exchange->astray = on_astray;
    questions->exchange->astray_arg = questions;
    questions->passed_on = log_alloc(bytes);
    memset(questions->passed_on, 0, bytes);
}

/* Questions of RANK that whom they were passed on to may never answer. */
static void ask_again_for(struct questions *questions, int rank)
{
    for (struct question *at = questions->passed_on[rank]; at; at = at->next) {
        struct record *record = find(questions, at->ask.key);
        bool safe =
            stayed_at(record, at->peer) && !questions->port->lost[at->peer];
        if (!safe) seek(questions, record, rank, &at->ask);
    }
}

static void answer_parked(struct questions *questions)
{
    size_t count = 0, at = 0;
    struct parked *parked;
    uint64_t *keys = log_alloc(questions->parked.count * sizeof *keys + 1);
    while ((parked = map_next(&questions->parked, &at)))
        if (task_placed(find(questions, parked->ask.key)))
            keys[count++] = parked->ask.key;
    for (size_t i = 0; i < count; i++) answer(questions, keys[i]);
    free(keys);
}

void questions_ask_again(struct questions *questions)
{
    size_t count = 0, at = 0;
    struct map *requests = &questions->exchange->requests;
    struct request *request;
    struct request **list = log_alloc(requests->count * sizeof *list + 1);
    while ((request = map_next(requests, &at))) list[count++] = request;
    for (size_t i = 0; i < count; i++) ask_again(questions, list[i]);
    free(list);
    for (int rank = 1; rank < questions->port->ranks; rank++)
        if (!questions->port->lost[rank]) ask_again_for(questions, rank);
    answer_parked(questions);
}

void questions_answer_found(struct questions *questions)
{
    struct scheduler *scheduler = questions->scheduler;
    for (size_t i = 0; i < scheduler->found_count; i++)
        answer(questions, scheduler->found[i]);
    scheduler->found_count = 0;
}
