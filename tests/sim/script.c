/* SPDX-License-Identifier: BSD-3-Clause */
/* script.c - a list of keys with their foretold values, and a list of
 * questions that are not answered yet. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asks.h"
#include "claims.h"
#include "cluster.h"
#include "eyes.h"
#include "ledger.h"
#include "log.h"
#include "oracle.h"
#include "random.h"

enum {
    STEPS_MAX = 400 * 1000,
    SIZE_MAX_PUT = 5000,
    BATCH_MAX = 6,
    CONSTANTS = 3,
    VALUE_MOST = PORT_INLINE_MAX + 1 + 4000,
    DISK_MAX = 20000,
    DISK_FAILS_ONE_IN = 20,
    TIMEOUT_NS_MAX = 2000 * 1000,
};

struct script {
    const struct script_flavour *flavour;
    struct cluster *cluster;
    struct center *center;
    uint64_t random;
    struct ledger ledger;
    struct asks asks;
    struct buffer *constants[CONSTANTS]; /* as they are now; owned, or NULL */
    struct eyes eyes;
    unsigned tasks_left;
    bool curfew; /* it has begun */
    int losses;  /* that the ledger knows of */
    bool good;
};

static uint64_t spilled, read_back;

static void fail(struct script *script, const char *what, uint64_t key)
{
    if (script->good)
        fprintf(stderr, "%s, key %llx\n", what, (unsigned long long)key);
    script->good = false;
}

static uint32_t below(struct script *script, uint64_t n)
{
    return random_below(&script->random, n);
}

static bool one_in(struct script *script, unsigned n)
{
    return n && random_one_in(&script->random, n);
}

static int any_worker(struct script *script)
{
    return 1 + (int)below(script, (uint64_t)script->cluster->setup.workers);
}

/* ---- keys ----------------------------------------------------------------*/

/* Is it still a key? A rank may have dropped its last copy. */
static bool still_held(struct script *script, struct entry *entry)
{
    struct center_view view;
    if (entry->held && !center_look(script->center, entry->key, &view)) {
        if (!script->flavour->from_tasks)
            fail(script, "a key that is held is gone", entry->key);
        entry->held = false;
    }
    return entry->held;
}

/* A key that is held, rather a late one; NULL: none was found. */
static struct entry *any_entry(struct script *script)
{
    for (int i = 0; i < 8 && script->ledger.count; i++) {
        size_t back = below(script, script->ledger.count);
        if (one_in(script, 2)) back = below(script, back + 1);
        struct entry *entry =
            &script->ledger.entries[script->ledger.count - 1 - back];
        if (still_held(script, entry)) return entry;
    }
    return NULL;
}

static void drop_entry(struct script *script, struct entry *entry)
{
    if (!still_held(script, entry)) return;
    if (center_drop(script->center, entry->key) != DMPI_OK)
        fail(script, "cannot drop", entry->key);
    entry->held = false;
}

/* ---- what the application does -------------------------------------------*/

static uint32_t any_function(struct script *script)
{
    if (one_in(script, script->flavour->fail_one_in)) return ORACLE_FAIL;
    if (script->flavour->small) return ORACLE_WORD;
    return below(script, ORACLE_FAIL);
}

static struct buffer *call(void *app, int rank, struct job *job)
{
    struct script *script = app;
    struct msg_terms *terms = job_terms(job);
    bool bad = job_has_terms(job) &&
               terms->tried < oracle_fails(terms, job_args(job), job->args);
    return cluster_oracle(cluster_member(script->cluster, rank),
                          bad ? ORACLE_FAIL : job->function);
}

static void set_terms(struct script *script, struct task_order *order)
{
    order->flags |= RUN_TERMS;
    order->terms.retries = (uint16_t)below(script, ORACLE_FAILS_MAX + 1);
    if (one_in(script, 2))
        order->terms.timeout_ns = 1 + below(script, TIMEOUT_NS_MAX);
}

/* What a task is made of. */
struct draft {
    uint64_t keys[LEDGER_INPUTS_MAX], args[3];
    struct buffer
        *values[LEDGER_INPUTS_MAX + CONSTANTS]; /* that it sees; borrowed */
    uint32_t value_count;
    size_t entries[LEDGER_INPUTS_MAX]; /* its inputs */
    struct task_order order;
};

static void draft_init(struct script *script, struct draft *draft)
{
    uint32_t inputs = 0;
    uint32_t wanted = below(script, script->flavour->inputs_max + 1);
    while (inputs < wanted) {
        struct entry *entry = any_entry(script);
        if (!entry) break;
        draft->entries[inputs] = (size_t)(entry - script->ledger.entries);
        draft->keys[inputs] = entry->key;
        draft->values[inputs++] = entry->expected;
    }
    for (int i = 0; i < 3; i++) draft->args[i] = random_next(&script->random);
    draft->order = (struct task_order){
        .function = any_function(script),
        .inputs = draft->keys,
        .input_count = inputs,
        .args = draft->args,
        .size = below(script, sizeof draft->args + 1),
        .name = one_in(script, 4) ? "named" : NULL,
        .priority = one_in(script, 3) ? (int)below(script, 5) - 2 : 0};
    for (int i = 0; i < CONSTANTS; i++)
        if (script->constants[i])
            draft->values[inputs++] = script->constants[i];
    draft->value_count = inputs;
}

/* What it gives, if nobody cuts it short. */
static struct buffer *foretell(const struct draft *draft)
{
    const struct task_order *order = &draft->order;
    bool bad = oracle_fails(&order->terms, order->args, order->size) >
               order->terms.retries;
    return oracle_call(bad ? ORACLE_FAIL : order->function, order->args,
                       order->size, draft->values, draft->value_count);
}

/* Is it an error if a worker is lost? */
static bool is_bound(const struct script *script, const struct draft *draft)
{
    return script->flavour->losses_max && (draft->order.flags & RUN_PINNED ||
                                           task_order_is_picky(&draft->order));
}

/* EXPECTED is taken. */
static void add_draft(struct script *script, const struct draft *draft,
                      uint64_t key, struct buffer *expected)
{
    ledger_add(&script->ledger, key, expected);
    ledger_note_inputs(&script->ledger, draft->entries,
                       (uint32_t)draft->order.input_count,
                       script->curfew || draft->order.terms.timeout_ns ||
                           is_bound(script, draft));
}

static void submit_one(struct script *script)
{
    struct draft draft;
    draft_init(script, &draft);
    if (one_in(script, script->flavour->target_one_in)) {
        draft.order.target = any_worker(script);
        if (one_in(script, 2)) draft.order.flags = RUN_PINNED;
    }
    if (one_in(script, script->flavour->terms_one_in))
        set_terms(script, &draft.order);
    bool picky = one_in(script, script->flavour->picky_one_in);
    if (picky) claims_make(&script->random, &draft.order);
    dmpi_status status = center_check_order(script->center, &draft.order);
    if (picky && status == DMPI_EINVAL) return;
    if (script->flavour->losses_max && status == DMPI_ELOST) return;
    if (status != DMPI_OK) {
        fail(script, dmpi_status_detail(), 0);
        return;
    }
    uint64_t key = center_submit(script->center, &draft.order);
    add_draft(script, &draft, key, foretell(&draft));
}

/* An error among the inputs of any is the output of all. */
static struct buffer *first_bad(const struct draft drafts[], uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        for (size_t k = 0; k < drafts[i].order.input_count; k++)
            if (drafts[i].values[k]->is_error) return drafts[i].values[k];
    return NULL;
}

static void submit_gang(struct script *script)
{
    uint32_t size = 1 + below(script, (uint64_t)script->cluster->setup.workers);
    struct draft *drafts = log_alloc(size * sizeof *drafts);
    struct task_order *orders = log_alloc(size * sizeof *orders);
    uint64_t *keys = log_alloc(size * sizeof *keys);
    for (uint32_t i = 0; i < size; i++) {
        draft_init(script, &drafts[i]);
        drafts[i].order.function = drafts[0].order.function;
        drafts[i].order.priority = drafts[0].order.priority;
        orders[i] = drafts[i].order;
    }
    dmpi_status status = center_submit_gang(script->center, orders, size, keys);
    bool large = status == DMPI_ELOST && script->cluster->losses;
    if (status != DMPI_OK && !large) fail(script, dmpi_status_detail(), 0);
    struct buffer *bad = first_bad(drafts, size);
    for (uint32_t i = 0; status == DMPI_OK && i < size; i++)
        add_draft(script, &drafts[i], keys[i],
                  bad ? buffer_ref(bad) : foretell(&drafts[i]));
    if (status == DMPI_OK) ledger_note_gang(&script->ledger, size);
    script->losses = -1; /* look again */
    free(drafts);
    free(orders);
    free(keys);
}

static void submit_some(struct script *script)
{
    unsigned batch = 1 + below(script, BATCH_MAX);
    for (; batch && script->tasks_left; batch--, script->tasks_left--)
        if (one_in(script, script->flavour->gang_one_in)) submit_gang(script);
        else submit_one(script);
    if (!one_in(script, 4)) center_settle(script->center);
}

static bool state_is(struct script *script, const struct entry *entry,
                     dmpi_key_state least, dmpi_key_state most)
{
    struct center_view view;
    return center_look(script->center, entry->key, &view) &&
           view.state >= least && view.state <= most;
}

static void cancel(struct script *script)
{
    struct entry *entry = any_entry(script);
    if (!entry) return;
    if (state_is(script, entry, DMPI_PENDING, DMPI_PLACED))
        ledger_taint(&script->ledger, entry);
    if (center_cancel(script->center, entry->key) != DMPI_OK)
        fail(script, "cannot cancel", entry->key);
    if (!one_in(script, 4)) center_settle(script->center);
}

/* All that has not ended may be cut short, and all that comes; what is lost is
 * not made again. */
static void begin_curfew(struct script *script)
{
    bool lossy = script->flavour->losses_max;
    script->curfew = true;
    for (size_t i = 0; i < script->ledger.count; i++) {
        struct entry *entry = &script->ledger.entries[i];
        if (lossy || !entry->held ||
            state_is(script, entry, DMPI_PENDING, DMPI_PLACED))
            ledger_taint(&script->ledger, entry);
    }
    center_curfew(script->center, 1000, true);
}

/* The center is told to end; or a worker is, which asks it. */
static void ask_curfew(struct script *script)
{
    if (script->curfew) return;
    if (one_in(script, 2)) begin_curfew(script);
    else
        worker_ask_curfew(cluster_worker(script->cluster, any_worker(script)),
                          1);
}

static void answer_curfew(struct script *script)
{
    int signal;
    if (!script->curfew && center_curfew_asked(script->center, &signal))
        begin_curfew(script);
}

static struct buffer *any_bytes(struct script *script)
{
    size_t size = one_in(script, 2) ? below(script, SIZE_MAX_PUT) : 8;
    return oracle_bytes(random_next(&script->random), size);
}

static void put(struct script *script)
{
    struct buffer *value = any_bytes(script);
    int rank = one_in(script, 2) ? any_worker(script) : 0;
    ledger_add(&script->ledger, center_put(script->center, rank, value), value);
    if (script->flavour->losses_max)
        ledger_note_inputs(&script->ledger, NULL, 0, true);
}

/* Their names are in order. */
static void set_constant(struct script *script)
{
    static const char *const names[CONSTANTS] = {"a", "ab", "b"};
    uint32_t which = below(script, CONSTANTS);
    struct buffer *value = one_in(script, 5) ? NULL : any_bytes(script);
    center_constant(script->center, names[which], value);
    buffer_unref(script->constants[which]);
    script->constants[which] = value;
}

/* For its value: too little, or more than enough; 0: as much as it has. */
static uint64_t any_room(struct script *script, const struct entry *entry)
{
    return one_in(script, 2) ? below(script, 2 * entry->expected->size + 1) : 0;
}

static void get(struct script *script, struct entry *entry)
{
    if (!entry || !state_is(script, entry, DMPI_PLACED, DMPI_FAILED)) return;
    struct ask ask =
        asks_open(&script->asks, ASK_GET, 0, entry, any_room(script, entry));
    center_fetch(script->center, entry->key, ask.request);
    asks_add(&script->asks, ask);
}

static void replicate(struct script *script)
{
    struct entry *entry = any_entry(script);
    struct request *requests[64];
    size_t workers = (size_t)script->cluster->setup.workers;
    if (!entry || entry->expected->is_error ||
        !state_is(script, entry, DMPI_DONE, DMPI_DONE))
        return;
    size_t made = center_replicate(script->center, entry->key,
                                   1 + below(script, workers), requests);
    for (size_t i = 0; i < made; i++)
        asks_add(&script->asks, (struct ask){.kind = ASK_COPY,
                                             .request = requests[i],
                                             .key = entry->key});
}

/* ---- what running tasks do -----------------------------------------------*/

static void put_from_task(struct script *script, int rank)
{
    struct ask ask = asks_open(&script->asks, ASK_PUT, rank, NULL, 0);
    ask.value = any_bytes(script);
    ask.parent = cluster_member(script->cluster, rank)->job->key;
    ask.key =
        errand_put(worker_custody(cluster_worker(script->cluster, rank)),
                   any_worker(script), ask.request->id, ask.parent, ask.value);
    asks_add(&script->asks, ask);
}

static void read_from_task(struct script *script, int rank)
{
    struct entry *entry = any_entry(script);
    if (!entry) return;
    struct ask ask = asks_open(&script->asks, ASK_READ, rank, entry,
                               any_room(script, entry));
    errand_fetch(worker_custody(cluster_worker(script->cluster, rank)),
                 any_worker(script), entry->key, ask.request);
    asks_add(&script->asks, ask);
}

static void drop_from_task(struct script *script, int rank)
{
    struct entry *entry = any_entry(script);
    if (!entry) return;
    struct ask ask = {.kind = ASK_DROP, .rank = rank, .key = entry->key};
    ask.request = exchange_open(asks_exchange(&script->asks, rank), NULL, 0);
    errand_ask_drop(worker_custody(cluster_worker(script->cluster, rank)),
                    any_worker(script), entry->key, ask.request->id);
    asks_add(&script->asks, ask);
}

static void act_from_task(struct script *script)
{
    int rank = any_worker(script);
    if (!cluster_member(script->cluster, rank)->job) return;
    switch (below(script, 4)) {
    case 0: put_from_task(script, rank); break;
    case 1: drop_from_task(script, rank); break;
    default: read_from_task(script, rank); break;
    }
}

static void act(struct script *script)
{
    struct entry *entry;
    if (one_in(script, script->flavour->cancel_one_in)) {
        cancel(script);
        return;
    }
    if (one_in(script, script->flavour->curfew_one_in)) {
        ask_curfew(script);
        return;
    }
    if (script->flavour->constants && one_in(script, 8)) set_constant(script);
    switch (below(script, 18)) {
    case 0:
    case 1: get(script, any_entry(script)); break;
    case 2: put(script); break;
    case 3: replicate(script); break;
    case 4:
    case 5:
    case 6:
        if ((entry = any_entry(script))) drop_entry(script, entry);
        break;
    case 7:
    case 8:
    case 9:
        if (script->flavour->from_tasks) act_from_task(script);
        break;
    case 10:
        if ((entry = any_entry(script))) eyes_open(&script->eyes, entry->key);
        break;
    case 11:
        if (script->eyes.count)
            eyes_close(&script->eyes, below(script, script->eyes.count));
        break;
    default: submit_some(script); break;
    }
}

/* Gangs that are too large for those that are left are errors. */
static void look_at_losses(struct script *script)
{
    struct cluster *cluster = script->cluster;
    int living = cluster->setup.workers - cluster->losses;
    if (script->losses == cluster->losses) return;
    script->losses = cluster->losses;
    for (size_t i = 0; i < script->ledger.count; i++) {
        struct entry *entry = &script->ledger.entries[i];
        if (!entry->tainted && entry->gang_size > (uint32_t)living)
            ledger_taint(&script->ledger, entry);
    }
}

/* What was answered and what has ended, as it should; and by what runs, whatever
 * the center believes, nobody has what another has. */
static void look(struct script *script)
{
    uint64_t key = 0;
    const char *wrong = NULL;
    if (script->flavour->picky_one_in)
        wrong = claims_wrong(script->cluster, &key);
    if (!wrong) wrong = asks_look(&script->asks, &key);
    if (!wrong) wrong = eyes_look(&script->eyes, &key);
    if (wrong) fail(script, wrong, key);
}

/* ---- from the first task to the stop -------------------------------------*/

static void wait_for_all(struct script *script)
{
    center_settle(script->center);
    for (size_t i = 0; center_unended(script->center) || script->asks.count;
         i++) {
        if (script->cluster->deserted) return;
        cluster_step(script->cluster);
        look_at_losses(script);
        look(script);
        if (i < STEPS_MAX) continue;
        fail(script, "it does not end, tasks left",
             center_unended(script->center));
        return;
    }
}

/* What the center believes is so: these ranks hold the key. */
static void check_holders(struct script *script, const struct entry *entry)
{
    struct buffer *ranks = NULL;
    if (errands_holders(center_errands(script->center), entry->key, &ranks) !=
        DMPI_OK)
        return;
    for (size_t i = 0; i < ranks->size / sizeof(int32_t); i++) {
        int rank = ((int32_t *)ranks->data)[i];
        struct exchange *exchange = asks_exchange(&script->asks, rank);
        struct request *request = exchange_open(exchange, NULL, 0);
        errand_fetch(worker_custody(cluster_worker(script->cluster, rank)),
                     rank, entry->key, request);
        for (int k = 0; k < STEPS_MAX && !request->done; k++)
            cluster_step(script->cluster);
        look_at_losses(script);
        if (!request->done || request->status == DMPI_ENOKEY)
            fail(script, "a holder does not hold", entry->key);
        free(request->data);
        exchange_close(exchange, request);
    }
    buffer_unref(ranks);
}

/* Nobody is lost meanwhile. */
static void check_all_holders(struct script *script)
{
    unsigned loss_one_in = script->cluster->setup.loss_one_in;
    size_t held = 0;
    script->cluster->setup.loss_one_in = 0;
    for (size_t i = 0; i < script->ledger.count; i++) {
        if (!still_held(script, &script->ledger.entries[i])) continue;
        held++;
        check_holders(script, &script->ledger.entries[i]);
    }
    if (center_held(script->center) != held && !script->cluster->deserted)
        fail(script, "the center knows more keys than are held", held);
    script->cluster->setup.loss_one_in = loss_one_in;
}

static void get_all(struct script *script)
{
    check_all_holders(script);
    for (size_t i = 0; i < script->ledger.count; i++)
        if (still_held(script, &script->ledger.entries[i]))
            get(script, &script->ledger.entries[i]);
    wait_for_all(script);
}

static void check_watches(struct script *script)
{
    uint64_t key;
    const char *wrong = eyes_look_at_all(&script->eyes, &key);
    if (wrong) fail(script, wrong, key);
}

static void finish(struct script *script)
{
    wait_for_all(script);
    look(script);
    if (!script->cluster->deserted) check_watches(script);
    if (!script->good || script->cluster->deserted) return;
    cluster_run(script->cluster);
    for (size_t i = 0; i < script->asks.orphan_count; i++)
        center_drop(script->center, script->asks.orphans[i]);
    get_all(script);
    if (!script->good || script->cluster->deserted) return;
    const struct entry *bad =
        script->flavour->disk_full ? NULL : ledger_check(&script->ledger);
    if (bad) fail(script, "not in accord with its inputs", bad->key);
    /* The stop comes while these are on their way, and not wanted any more. */
    for (uint32_t i = below(script, 4); i > 0; i--) put(script);
    if (script->flavour->constants && one_in(script, 2)) set_constant(script);
    for (size_t i = 0; i < script->ledger.count; i++)
        drop_entry(script, &script->ledger.entries[i]);
    if (script->cluster->mixed_up)
        fail(script, "a member of a gang ran without the others", 0);
    if (script->good && !cluster_stop(script->cluster))
        fail(script, "no clean end", 0);
    struct msg_counts counts = cluster_counts(script->cluster);
    spilled += counts.spilled;
    read_back += counts.read_back;
}

uint64_t script_spilled(void)
{
    return spilled;
}

uint64_t script_read_back(void)
{
    return read_back;
}

/* A few values, or hardly one. Below the largest one tasks would fail. */
static uint64_t any_memory(struct script *script)
{
    uint64_t most = script->flavour->memory_max;
    if (!most) return 0;
    uint64_t values = script->flavour->inputs_max + 1;
    uint64_t least = script->flavour->disk_full ? 1 : values * VALUE_MOST;
    return least + below(script, most);
}

static struct cluster *any_cluster(struct script *script)
{
    const struct script_flavour *flavour = script->flavour;
    struct cluster_setup setup = {
        .workers = 1 + (int)below(script, (uint64_t)flavour->workers_max),
        .nodes = 1 + (int)below(script, 4),
        .seed = random_next(&script->random),
        .steal = !one_in(script, 4),
        .resources = flavour->picky_one_in ? claims_resources : NULL,
        .cores = flavour->picky_one_in ? 1 + (int)below(script, 3) : 0,
        .memory = any_memory(script),
        .disk = flavour->disk_full ? 1 + below(script, DISK_MAX) : 0,
        .disk_fails_one_in =
            flavour->disk_full && one_in(script, 2) ? DISK_FAILS_ONE_IN : 0,
        .call = call,
        .app = script,
        .recover = flavour->losses_max,
        .replicas = flavour->replicas,
        .losses_max = (int)below(script, (uint64_t)flavour->losses_max + 1),
        .loss_one_in = flavour->losses_max ? 100 + below(script, 1000) : 0,
        .check = flavour->check};
    return cluster_new(&setup);
}

static void script_fini(struct script *script)
{
    for (int i = 0; i < CONSTANTS; i++) buffer_unref(script->constants[i]);
    ledger_fini(&script->ledger);
    asks_fini(&script->asks);
    if (script->good) cluster_free(script->cluster);
}

bool script_run(uint64_t seed, const struct script_flavour *flavour)
{
    struct script script = {.flavour = flavour, .random = seed, .good = true};
    script.ledger.lossy = flavour->losses_max;
    script.cluster = any_cluster(&script);
    script.center = script.eyes.center = script.cluster->center;
    script.asks.cluster = script.cluster;
    script.asks.ledger = &script.ledger;
    script.ledger.any_memory = flavour->disk_full;
    script.tasks_left = 1 + below(&script, flavour->tasks_max);
    unsigned busy = 1 + below(&script, 6);
    while (script.tasks_left && script.good && !script.cluster->deserted) {
        answer_curfew(&script);
        if (random_one_in(&script.random, busy)) act(&script);
        else cluster_step(script.cluster);
        look_at_losses(&script);
        look(&script);
    }
    if (!script.cluster->deserted) finish(&script);
    script_fini(&script);
    return script.good;
}
