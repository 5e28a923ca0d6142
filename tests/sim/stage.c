/* SPDX-License-Identifier: BSD-3-Clause */
/* stage.c - act, wait, get, drop. */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

enum { STEPS_MAX = 100 * 1000, COPIES_MAX = 8, NODES = 2 };

struct stage {
    const struct play *play;
    struct cluster *cluster;
    struct ledger ledger;
    struct buffer *constant; /* owned; NULL: none */
    struct request *copies[COPIES_MAX];
    uint64_t copied[COPIES_MAX];
    size_t copy_count;
    const char *wrong; /* the first that was; NULL: nothing */
};

static void fail(struct stage *stage, const char *what)
{
    if (!stage->wrong) stage->wrong = what;
}

/* ---- acts ----------------------------------------------------------------*/

size_t stage_submit(struct stage *stage, const struct stage_task *task)
{
    struct buffer *inputs[LEDGER_INPUTS_MAX + 1];
    uint64_t keys[LEDGER_INPUTS_MAX], word = stage->ledger.count;
    uint32_t count = task->input_count;
    for (uint32_t i = 0; i < count; i++) {
        inputs[i] = stage->ledger.entries[task->inputs[i]].expected;
        keys[i] = stage->ledger.entries[task->inputs[i]].key;
    }
    if (stage->constant) inputs[count++] = stage->constant;
    const struct task_order order = {.function = task->function,
                                     .inputs = keys,
                                     .input_count = task->input_count,
                                     .args = &word,
                                     .size = sizeof word,
                                     .target = task->target,
                                     .resources = task->resources,
                                     .flags = task->resources ? RUN_TERMS : 0};
    struct buffer *expected =
        oracle_call(task->function, &word, sizeof word, inputs, count);
    if (center_check_order(stage->cluster->center, &order) != DMPI_OK)
        fail(stage, "a task is refused");
    ledger_add(&stage->ledger, center_submit(stage->cluster->center, &order),
               expected);
    ledger_note_inputs(&stage->ledger, task->inputs, task->input_count, false);
    return stage->ledger.count - 1;
}

size_t stage_put(struct stage *stage, int rank, size_t bytes)
{
    struct buffer *value = oracle_bytes(stage->ledger.count, bytes);
    uint64_t key = center_put(stage->cluster->center, rank, value);
    ledger_add(&stage->ledger, key, value);
    ledger_note_inputs(&stage->ledger, NULL, 0, true);
    return stage->ledger.count - 1;
}

void stage_replicate(struct stage *stage, size_t value, size_t copies)
{
    struct center *center = stage->cluster->center;
    uint64_t key = stage->ledger.entries[value].key;
    struct center_view view;
    if (!center_look(center, key, &view) || view.state != DMPI_DONE) return;
    size_t made = center_replicate(center, key, copies,
                                   stage->copies + stage->copy_count);
    for (; made; made--) stage->copied[stage->copy_count++] = key;
}

void stage_constant(struct stage *stage, size_t bytes)
{
    stage->constant = oracle_bytes(bytes, bytes);
    center_constant(stage->cluster->center, "c", stage->constant);
}

/* ---- what follows --------------------------------------------------------*/

static void end_copies(struct stage *stage)
{
    for (size_t i = 0; i < stage->copy_count;) {
        struct request *request = stage->copies[i];
        uint64_t key = stage->copied[i];
        if (!request->done) {
            i++;
            continue;
        }
        if (request->status != DMPI_OK && request->status != DMPI_ELOST)
            fail(stage, "not copied");
        exchange_close(center_exchange(stage->cluster->center), request);
        center_unneed(stage->cluster->center, key);
        stage->copies[i] = stage->copies[--stage->copy_count];
        stage->copied[i] = stage->copied[stage->copy_count];
    }
}

static void await_tasks(struct stage *stage)
{
    struct center *center = stage->cluster->center;
    for (int i = 0; center_unended(center) || stage->copy_count; i++) {
        cluster_step(stage->cluster);
        end_copies(stage);
        if (i < STEPS_MAX) continue;
        fail(stage, "it does not end");
        return;
    }
}

/* Its task may have to run again first. */
static struct request *ask(struct stage *stage, uint64_t key)
{
    struct center *center = stage->cluster->center;
    struct center_view view = {.state = DMPI_PENDING};
    for (int i = 0; i < STEPS_MAX; i++) {
        if (!center_look(center, key, &view)) return NULL;
        if (view.state != DMPI_PENDING) break;
        cluster_step(stage->cluster);
    }
    if (view.state == DMPI_PENDING) return NULL;
    struct request *request = exchange_open(center_exchange(center), NULL, 0);
    center_fetch(center, key, request);
    for (int i = 0; i < STEPS_MAX && !request->done; i++)
        cluster_step(stage->cluster);
    return request->done ? request : NULL;
}

static void get(struct stage *stage, size_t number)
{
    struct center *center = stage->cluster->center;
    uint64_t key = stage->ledger.entries[number].key;
    struct request *request = ask(stage, key);
    if (!request) {
        fail(stage, "a key has no value");
        return;
    }
    bool failed = request->status == DMPI_EFAILED;
    const void *data = failed ? (void *)request->failure : request->data;
    uint64_t size = failed ? sizeof *request->failure : request->bytes;
    if (!failed && request->status != DMPI_OK) fail(stage, "no value comes");
    else if (!ledger_see(&stage->ledger, number, data, size, failed))
        fail(stage, "a wrong value");
    free(request->data);
    exchange_close(center_exchange(center), request);
    center_unneed(center, key);
}

static void get_all(struct stage *stage)
{
    for (size_t i = 0; i < stage->ledger.count && !stage->wrong; i++)
        get(stage, i);
    if (!stage->wrong) await_tasks(stage);
    if (!stage->wrong &&
        center_held(stage->cluster->center) != stage->ledger.count)
        fail(stage, "the center knows more keys than are held");
}

static void drop_all(struct stage *stage)
{
    for (size_t i = 0; i < stage->ledger.count; i++)
        if (center_drop(stage->cluster->center, stage->ledger.entries[i].key) !=
            DMPI_OK)
            fail(stage, "a key is gone");
}

/* ---- from the first act to the stop --------------------------------------*/

static void tell(const struct stage *stage, uint64_t seed)
{
    const struct cluster_setup *setup = &stage->cluster->setup;
    fprintf(stderr, "%s: %s; seed %llu", stage->play->name, stage->wrong,
            (unsigned long long)seed);
    for (size_t i = 0; i < setup->blow_count; i++)
        fprintf(stderr, ", worker %d lost at %llu, %zu of its messages arrive",
                setup->blows[i].rank, (unsigned long long)setup->blows[i].at,
                setup->blows[i].keep);
    fprintf(stderr, "\n");
}

bool stage_run(const struct play *play, uint64_t seed,
               const struct cluster_blow blows[], size_t blow_count,
               uint64_t *events)
{
    const struct cluster_setup setup = {.workers = STAGE_WORKERS,
                                        .nodes = NODES,
                                        .seed = seed,
                                        .steal = true,
                                        .recover = true,
                                        .resources = play->resources,
                                        .memory = play->memory,
                                        .blows = blows,
                                        .blow_count = blow_count,
                                        .check = true};
    struct stage stage = {
        .play = play, .cluster = cluster_new(&setup), .ledger.lossy = true};
    for (unsigned number = 0; !stage.wrong && play->act(&stage, number);
         number++) {
        center_settle(stage.cluster->center);
        await_tasks(&stage);
    }
    if (!stage.wrong) get_all(&stage);
    drop_all(&stage);
    if (!stage.wrong && !cluster_stop(stage.cluster))
        fail(&stage, "no clean end");
    if (events) *events = network_events(stage.cluster->network);
    if (stage.wrong) tell(&stage, seed);
    else cluster_free(stage.cluster);
    buffer_unref(stage.constant);
    ledger_fini(&stage.ledger);
    return !stage.wrong;
}
