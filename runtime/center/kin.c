/* SPDX-License-Identifier: BSD-3-Clause */
/* kin.c - adopt, replace, release; and who may go on. */
#include "kin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "key.h"
#include "log.h"
#include "news.h"

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
    kin->questions = (struct questions){
        .port = port, .exchange = exchange, .scheduler = scheduler};
    kin->circle.catalog = scheduler->values->catalog;
    late_init(&kin->late, port);
}

void kin_recover(struct kin *kin)
{
    size_t bytes = (size_t)kin->port->ranks * sizeof *kin->releases;
    kin->recover = true;
    kin->releases = log_alloc(bytes);
    memset(kin->releases, 0, bytes);
    questions_recover(&kin->questions);
}

void kin_fini(struct kin *kin)
{
    size_t at = 0;
    void *entry;
    while ((entry = map_next(&kin->early, &at))) free(entry);
    for (int rank = 1; kin->recover && rank < kin->port->ranks; rank++)
        map_fini(&kin->releases[rank]);
    free(kin->releases);
    map_fini(&kin->early);
    children_fini(&kin->children);
    moves_fini(&kin->moves);
    questions_fini(&kin->questions);
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

void kin_forget_children(struct kin *kin, uint64_t key)
{
    children_forget(&kin->children, key);
}

void kin_note_child(struct kin *kin, uint64_t parent, uint64_t key)
{
    const struct record *record = find(kin, parent);
    if (kin->recover && record && task_placed(record) && task_active(record))
        children_note(&kin->children, parent, key);
}

/* With recovery it has to be known whose child it is. */
static bool waits_for_parent(struct kin *kin, int from,
                             const struct msg_task_new *task)
{
    return kin->recover && task->parent &&
           kin_waits_for(kin, from, &task->parent, 1, task);
}

/* What asks for something that nobody has cannot be told so at once. */
void kin_on_task_new(struct kin *kin, int from, const struct msg_task_new *task)
{
    struct news news;
    const uint64_t *inputs = (const uint64_t *)(task + 1);
    if (kin_waits_for(kin, from, inputs, task->inputs, task)) return;
    if (waits_for_parent(kin, from, task)) return;
    news_init(&news, kin->scheduler->values->catalog, task);
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
    if (kin->recover && kin_waits_for(kin, from, inputs, task->inputs, task))
        return;
    if (waits_for_parent(kin, from, task)) return;
    news_init(&news, kin->scheduler->values->catalog, task);
    struct record *record = scheduler_adopt(kin->scheduler, &news.order, from);
    if (kin->recover && news.order.input_count < task->inputs)
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
    if (kin->recover && !went_on(kin, record, from, task)) return;
    news_init(&news, kin->scheduler->values->catalog, task);
    scheduler_replace(kin->scheduler, record, &news.order, from);
    if (kin->recover)
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
    struct map *releases = &kin->releases[from];
    bool there = map_get(releases, release->key);
    if (release->later && !there) map_add(releases, release->key, kin);
    if (!release->later && there) map_remove(releases, release->key);
    return release->later;
}

void kin_on_key_release(struct kin *kin, int from,
                        const struct msg_key_release *release)
{
    if (kin_waits_for(kin, from, &release->key, 1, release)) return;
    if (kin->recover && wait_for_release(kin, from, release)) return;
    struct record *record = find(kin, release->key);
    if (record && record->held) values_drop(kin->scheduler->values, record);
}

void kin_on_ask_value(struct kin *kin, int from,
                      const struct msg_ask_value *ask)
{
    if (kin_waits_for(kin, from, &ask->key, 1, ask)) return;
    questions_on_ask(&kin->questions, from, ask);
}

void kin_on_key_got(struct kin *kin, int from, const struct msg_key_got *got)
{
    questions_on_got(&kin->questions, from, got);
}

/* ---- losses --------------------------------------------------------------*/

/* The values of the map are of no use here: keys are needed. */
static void release_all(struct kin *kin, int rank)
{
    struct catalog *catalog = kin->scheduler->values->catalog;
    struct map *releases = &kin->releases[rank];
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

void kin_lost(struct kin *kin, int rank)
{
    questions_lost(&kin->questions, rank);
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

/* The younger ones may use what the older ones give. */
void kin_disown(struct kin *kin, uint64_t key)
{
    size_t count;
    uint64_t *keys = children_take(&kin->children, key, &count);
    while (count--) disown(kin, keys[count]);
    free(keys);
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
