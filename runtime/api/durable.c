/* SPDX-License-Identifier: BSD-3-Clause */
/* durable.c - fingerprints of keys, tasks that are found, values that are
 * fetched. */
#include "durable.h"

#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "failure.h"
#include "journal.h"
#include "log.h"
#include "registry.h"
#include "startup.h"

enum {
    /* Values on their way from workers: requests, and bytes unless it is one. */
    FETCHES_MOST = 64,
    FETCH_BYTES_MOST = 64 << 20
};

/* What is known of a key. */
struct mark {
    struct fingerprint print;
    bool taken; /* from the journal, which may have to give it again */
};

/* A durable task until its value is with the journal's thread. Its key is needed
 * meanwhile. */
struct fetch {
    struct watch watch; /* first */
    struct fetch *next; /* in a list, when the task has ended */
    struct durable *durable;
    struct fingerprint print;
    uint64_t bytes;
    struct request *request; /* or NULL */
};

struct fetch_list {
    struct fetch *first, *last;
};

/* A constant that tasks see. */
struct seen {
    char name[DMPI_NAME_MAX];
    struct fingerprint print;
};

struct durable {
    struct center *center;   /* borrowed */
    struct journal *journal; /* owned; NULL: closed */
    struct digest *digest;   /* owned */
    bool all;                /* what is got is kept, too */
    bool warned;             /* of a task that cannot be durable */
    struct map marks;        /* by key */
    struct mem mem;          /* of marks and fetches */
    struct seen *constants;  /* owned, by name */
    size_t constant_count;
    struct fingerprint start; /* of what workers were given at their start */
    struct fingerprint constancy; /* of the constants that there are */
    struct watch_list over;       /* tasks that have ended, or keys dropped */
    struct fetch_list due, come;  /* to be fetched; answered */
    uint64_t told;                /* entries, to the supervisor */
    bool untold;                  /* there are or will be more */
    size_t unended;               /* fetches in all */
    size_t fetching;              /* requests under way */
    uint64_t fetching_bytes;
    struct durable_counts counts;
};

/* ---- opening -------------------------------------------------------------*/

struct journal *durable_open(struct world *world, const struct config *config)
{
    char why[JOURNAL_WHY];
    struct journal *journal = NULL;
    if (!config->value[CONFIG_JOURNAL]) return NULL;
    if (world_rank(world) == 0)
        journal = journal_open(config->journal, why, sizeof why);
    uint32_t good = journal != NULL;
    world_share(world, &good, sizeof good);
    if (good) return journal;
    int rank = world_rank(world);
    if (rank == 0) log_line(LOG_ERROR, "%s", why);
    world_end(world);
    exit(rank == 0 ? DURABLE_EXIT : 0); /* one that fails has others killed */
}

static const char *version_of(const dmpi_function *function)
{
    return function->version ? function->version : "";
}

/* What tasks find on their workers is part of what they compute from. */
static struct fingerprint print_start(struct digest *digest)
{
    digest_begin(digest, "start");
    for (uint32_t i = 0; i < registry_count(); i++) {
        const dmpi_function *function = registry_at(i);
        if (!(function->when & REGISTRY_AT_START)) continue;
        const struct buffer *args = startup_args(function);
        digest_text(digest, function->name);
        digest_text(digest, version_of(function));
        digest_bytes(digest, args ? args->data : NULL, args ? args->size : 0);
    }
    return digest_end(digest);
}

static struct buffer *recall(void *arg, uint64_t key);

/* To who launches the job again if it ends too early, but advances. */
static void tell_progress(struct durable *durable)
{
    uint64_t entries = journal_counts(durable->journal).entries;
    durable->untold = !journal_is_settled(durable->journal);
    if (entries == durable->told) return;
    durable->told = entries;
    exit_progress(entries);
}

struct durable *durable_new(struct session *session, struct journal *journal)
{
    struct durable *durable = log_alloc(sizeof *durable);
    *durable = (struct durable){.center = session->center,
                                .journal = journal,
                                .digest = digest_new(),
                                .all = session->config.value[CONFIG_DURABLE]};
    durable->start = print_start(durable->digest);
    center_recall_by(session->center, recall, durable);
    tell_progress(durable);
    return durable;
}

void durable_free(struct durable *durable)
{
    if (!durable) return;
    size_t at = 0;
    struct mark *mark;
    durable_close(durable);
    while ((mark = map_next(&durable->marks, &at)))
        mem_give(&durable->mem, mark, sizeof *mark);
    map_fini(&durable->marks);
    mem_fini(&durable->mem);
    digest_free(durable->digest);
    free(durable->constants);
    free(durable);
}

/* ---- marks ---------------------------------------------------------------*/

static void mark(struct durable *durable, uint64_t key,
                 const struct fingerprint *print, bool taken)
{
    struct mark *mark = mem_take(&durable->mem, sizeof *mark);
    *mark = (struct mark){*print, taken};
    map_add(&durable->marks, key, mark);
}

static const struct fingerprint *print_of(const struct durable *durable,
                                          uint64_t key)
{
    const struct mark *mark = map_get(&durable->marks, key);
    return mark ? &mark->print : NULL;
}

/* Something may still need a value that was taken. */
void durable_dropped(struct durable *durable, uint64_t key)
{
    struct center_view view;
    struct mark *mark = map_get(&durable->marks, key);
    if (!mark || (mark->taken && center_find(durable->center, key, &view)))
        return;
    map_remove(&durable->marks, key);
    mem_give(&durable->mem, mark, sizeof *mark);
}

void durable_put(struct durable *durable, uint64_t key, const void *data,
                 size_t size)
{
    digest_begin(durable->digest, "value");
    digest_bytes(durable->digest, data, size);
    struct fingerprint print = digest_end(durable->digest);
    mark(durable, key, &print, false);
}

/* ---- constants -----------------------------------------------------------*/

/* The place of NAME among them, or where it would be. */
static size_t find_constant(const struct durable *durable, const char *name)
{
    size_t i = 0;
    while (i < durable->constant_count &&
           strcmp(durable->constants[i].name, name) < 0)
        i++;
    return i;
}

static bool has_constant(const struct durable *durable, size_t i,
                         const char *name)
{
    return i < durable->constant_count &&
           !strcmp(durable->constants[i].name, name);
}

static void remove_constant(struct durable *durable, size_t i)
{
    struct seen *at = &durable->constants[i];
    durable->constant_count--;
    memmove(at, at + 1, (durable->constant_count - i) * sizeof *at);
}

static void add_constant(struct durable *durable, size_t i, const char *name)
{
    size_t bytes = (durable->constant_count + 1) * sizeof(struct seen);
    durable->constants = log_realloc(durable->constants, bytes);
    struct seen *at = &durable->constants[i];
    memmove(at + 1, at, (durable->constant_count - i) * sizeof *at);
    durable->constant_count++;
    memset(at, 0, sizeof *at);
    memcpy(at->name, name, strlen(name));
}

static struct fingerprint print_constants(const struct durable *durable)
{
    digest_begin(durable->digest, "constants");
    for (size_t i = 0; i < durable->constant_count; i++) {
        digest_text(durable->digest, durable->constants[i].name);
        digest_print(durable->digest, &durable->constants[i].print);
    }
    return digest_end(durable->digest);
}

void durable_constant(struct durable *durable, const char *name,
                      const void *bytes, size_t size)
{
    size_t i = find_constant(durable, name);
    bool has = has_constant(durable, i, name);
    if (!bytes && has) remove_constant(durable, i);
    if (bytes) {
        if (!has) add_constant(durable, i, name);
        digest_begin(durable->digest, "constant");
        digest_bytes(durable->digest, bytes, size);
        durable->constants[i].print = digest_end(durable->digest);
    }
    durable->constancy = print_constants(durable);
    if (!durable->constant_count)
        durable->constancy = (struct fingerprint){0, 0};
}

/* ---- tasks ---------------------------------------------------------------*/

/* False: it cannot be known in another launch. */
static bool print_task(const struct durable *durable,
                       const struct task_order *order,
                       struct fingerprint *print)
{
    struct digest *digest = durable->digest;
    const dmpi_function *function = registry_at(order->function);
    bool seeded = order->flags & RUN_TERMS && order->terms.seed;
    if (order->durable == DMPI_FRESH) return false;
    digest_begin(digest, "task");
    digest_text(digest, function->name);
    digest_text(digest, version_of(function));
    digest_print(digest, &durable->start);
    digest_print(digest, &durable->constancy);
    digest_number(digest, seeded ? order->terms.seed : 0);
    digest_number(digest, seeded ? order->terms.number : 0);
    digest_bytes(digest, order->args, order->size);
    digest_number(digest, order->input_count);
    for (size_t i = 0; i < order->input_count; i++) {
        const struct fingerprint *input = print_of(durable, order->inputs[i]);
        if (!input) return false;
        digest_print(digest, input);
    }
    *print = digest_end(digest);
    return true;
}

/* Read, not only looked up: its key is to have a value, come what may. */
static bool is_kept(const struct durable *durable,
                    const struct fingerprint *print, uint64_t *bytes)
{
    if (!journal_has(durable->journal, print, bytes)) return false;
    struct buffer *buffer = journal_read(durable->journal, print);
    buffer_unref(buffer);
    return buffer != NULL;
}

static uint64_t take(struct durable *durable, const struct fingerprint *print,
                     uint64_t bytes)
{
    uint64_t key = center_put_later(durable->center, bytes);
    mark(durable, key, print, true);
    durable->counts.tasks_taken++;
    return key;
}

static void keep_later(struct durable *durable, uint64_t key,
                       const struct fingerprint *print)
{
    struct fetch *fetch = mem_take(&durable->mem, sizeof *fetch);
    *fetch = (struct fetch){.durable = durable, .print = *print};
    durable->unended++;
    center_need(durable->center, key);
    center_watch(durable->center, key, &fetch->watch, &durable->over);
}

static void warn_unknown(struct durable *durable,
                         const struct task_order *order)
{
    if (order->durable != DMPI_DURABLE || durable->warned) return;
    durable->warned = true;
    log_line(LOG_WARN,
             "a task of '%s' is marked durable, but has an input of which "
             "rank 0 does not know how it was made: its value is not kept",
             registry_name(order->function));
}

/* The task of ORDER was submitted as KEY. */
static void note_submitted(struct durable *durable,
                           const struct task_order *order, uint64_t key,
                           const struct fingerprint *print)
{
    mark(durable, key, print, false);
    if (order->durable == DMPI_DURABLE) keep_later(durable, key, print);
}

uint64_t durable_submit(void *arg, const struct task_order *order)
{
    struct durable *durable = arg;
    struct fingerprint print;
    uint64_t bytes;
    if (!durable->journal) return center_submit(durable->center, order);
    bool known = print_task(durable, order, &print);
    if (known && is_kept(durable, &print, &bytes))
        return take(durable, &print, bytes);
    uint64_t key = center_submit(durable->center, order);
    if (known) note_submitted(durable, order, key, &print);
    else warn_unknown(durable, order);
    return key;
}

/* ---- gangs ---------------------------------------------------------------*/

/* Each member's is that of all, and its place. */
static bool print_gang(const struct durable *durable,
                       const struct task_order orders[], size_t size,
                       struct fingerprint prints[])
{
    struct digest *digest = durable->digest;
    for (size_t i = 0; i < size; i++)
        if (!print_task(durable, &orders[i], &prints[i])) return false;
    digest_begin(digest, "gang");
    digest_number(digest, size);
    for (size_t i = 0; i < size; i++) digest_print(digest, &prints[i]);
    struct fingerprint all = digest_end(digest);
    for (size_t i = 0; i < size; i++) {
        digest_begin(digest, "member");
        digest_print(digest, &all);
        digest_number(digest, i);
        prints[i] = digest_end(digest);
    }
    return true;
}

/* All or nothing. */
static bool take_gang(struct durable *durable,
                      const struct fingerprint prints[], size_t size,
                      uint64_t keys[])
{
    uint64_t bytes;
    for (size_t i = 0; i < size; i++)
        if (!is_kept(durable, &prints[i], &bytes)) return false;
    for (size_t i = 0; i < size; i++) {
        journal_has(durable->journal, &prints[i], &bytes);
        keys[i] = take(durable, &prints[i], bytes);
    }
    return true;
}

dmpi_status durable_submit_gang(struct durable *durable,
                                const struct task_order orders[], size_t size,
                                uint64_t keys[])
{
    struct fingerprint *prints = log_alloc(size * sizeof *prints);
    bool known = durable->journal && print_gang(durable, orders, size, prints);
    dmpi_status status = DMPI_OK;
    if (!known || !take_gang(durable, prints, size, keys)) {
        status = center_submit_gang(durable->center, orders, size, keys);
        for (size_t i = 0; known && !status && i < size; i++)
            note_submitted(durable, &orders[i], keys[i], &prints[i]);
        if (!known && durable->journal) warn_unknown(durable, &orders[0]);
    }
    free(prints);
    return status;
}

/* ---- values that are needed ----------------------------------------------*/

static struct buffer *no_value(const struct durable *durable)
{
    const struct failure_of of = {.function = UINT32_MAX}; /* none */
    return failure_new(DMPI_EFAILED, &of,
                       durable->journal
                           ? "its value cannot be read from the journal"
                           : "the journal is closed");
}

static struct buffer *recall(void *arg, uint64_t key)
{
    struct durable *durable = arg;
    const struct fingerprint *print = print_of(durable, key);
    struct buffer *buffer = print && durable->journal
                                ? journal_read(durable->journal, print)
                                : NULL;
    if (!buffer) return no_value(durable);
    durable->counts.bytes_recalled += buffer->size;
    return buffer;
}

/* ---- values that are kept ------------------------------------------------*/

static void append(struct fetch_list *list, struct fetch *fetch)
{
    fetch->next = NULL;
    if (list->last) list->last->next = fetch;
    else list->first = fetch;
    list->last = fetch;
}

static struct fetch *take_first(struct fetch_list *list)
{
    struct fetch *fetch = list->first;
    if (!fetch) return NULL;
    list->first = fetch->next;
    if (!list->first) list->last = NULL;
    return fetch;
}

static void end_fetch(struct durable *durable, struct fetch *fetch)
{
    center_unneed(durable->center, fetch->watch.key);
    durable_dropped(durable, fetch->watch.key);
    mem_give(&durable->mem, fetch, sizeof *fetch);
    durable->unended--;
}

/* Its task has ended; or its key was dropped, then we wait on. */
static void hear_end(struct durable *durable, struct fetch *fetch)
{
    struct center_view view;
    bool known = center_find(durable->center, fetch->watch.key, &view);
    if (known && view.state < DMPI_DONE) {
        uint64_t key = fetch->watch.key;
        center_watch(durable->center, key, &fetch->watch, &durable->over);
    } else if (known && view.state == DMPI_DONE &&
               !journal_is_broken(durable->journal)) {
        fetch->bytes = view.bytes;
        append(&durable->due, fetch);
    } else {
        end_fetch(durable, fetch);
    }
}

static void on_come(void *arg)
{
    struct fetch *fetch = arg;
    append(&fetch->durable->come, fetch);
}

static bool may_fetch(const struct durable *durable)
{
    if (!durable->fetching) return !journal_is_full(durable->journal);
    return durable->fetching < FETCHES_MOST &&
           durable->fetching_bytes < FETCH_BYTES_MOST &&
           !journal_is_full(durable->journal);
}

static void begin_fetch(struct durable *durable, struct fetch *fetch)
{
    struct request *request =
        exchange_open(center_exchange(durable->center), NULL, 0);
    request->settled = on_come;
    request->settled_arg = fetch;
    fetch->request = request;
    durable->fetching++;
    durable->fetching_bytes += fetch->bytes;
    center_fetch(durable->center, fetch->watch.key, request);
}

/* A value that was an error after all, or found no memory, is not kept. */
static void finish_fetch(struct durable *durable, struct fetch *fetch)
{
    struct request *request = fetch->request;
    durable->fetching--;
    durable->fetching_bytes -= fetch->bytes;
    if (request->status == DMPI_OK) {
        durable->counts.bytes_fetched += request->bytes;
        durable->untold = true;
        journal_keep(durable->journal, &fetch->print, request->data,
                     request->bytes);
    } else if (request->status == DMPI_ENOMEM) {
        log_line(LOG_WARN,
                 "no memory on rank 0 for a durable value of %llu "
                 "bytes: it is not kept",
                 (unsigned long long)request->bytes);
    }
    exchange_close(center_exchange(durable->center), request);
    center_unneed(durable->center, fetch->watch.key);
    end_fetch(durable, fetch);
}

void durable_turn(struct durable *durable)
{
    struct watch *watch;
    struct fetch *fetch;
    if (!durable->journal) return;
    if (durable->untold) tell_progress(durable);
    if (!durable->unended) return;
    while ((watch = watch_list_take(&durable->over)))
        hear_end(durable, (struct fetch *)watch);
    while ((fetch = take_first(&durable->come))) finish_fetch(durable, fetch);
    while (may_fetch(durable) && (fetch = take_first(&durable->due)))
        begin_fetch(durable, fetch);
}

void durable_got(struct durable *durable, uint64_t key, const void *data,
                 size_t size)
{
    const struct fingerprint *print =
        durable->all && durable->journal ? print_of(durable, key) : NULL;
    uint64_t bytes;
    if (!print || journal_has(durable->journal, print, &bytes)) return;
    void *copy = malloc(size ? size : 1);
    if (!copy) return;
    if (size) memcpy(copy, data, size);
    durable->untold = true;
    journal_keep(durable->journal, print, copy, size);
}

/* ---- the end -------------------------------------------------------------*/

bool durable_is_settled(struct durable *durable)
{
    if (!durable->journal) return true;
    if (durable->unended) return false;
    if (journal_is_settled(durable->journal)) return true;
    journal_commit(durable->journal);
    return false;
}

static void add_counts(struct durable *durable)
{
    struct journal_counts counts = journal_counts(durable->journal);
    durable->counts.values = counts.values;
    durable->counts.bytes = counts.bytes;
}

void durable_close(struct durable *durable)
{
    if (!durable->journal) return;
    for (const struct fetch *fetch = durable->come.first; fetch;
         fetch = fetch->next)
        if (fetch->request->status == DMPI_OK)
            journal_keep(durable->journal, &fetch->print, fetch->request->data,
                         fetch->request->bytes);
    durable->come = (struct fetch_list){NULL, NULL};
    add_counts(durable);
    journal_close(durable->journal);
    durable->journal = NULL;
}

struct durable_counts durable_counts(const struct durable *durable)
{
    struct durable_counts counts = durable->counts;
    if (!durable->journal) return counts;
    struct journal_counts written = journal_counts(durable->journal);
    counts.values = written.values;
    counts.bytes = written.bytes;
    return counts;
}
