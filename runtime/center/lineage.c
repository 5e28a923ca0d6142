/* SPDX-License-Identifier: BSD-3-Clause */
/* lineage.c - count who was made of whom; remove what nobody was.
 *
 * Nothing here recurses along a chain: what is to be removed goes through a
 * list. */
#include "lineage.h"

#include <assert.h>
#include <stdlib.h>

#include "log.h"

void lineage_init(struct lineage *lineage, struct values *values,
                  struct specs *specs, struct gangs *gangs)
{
    *lineage =
        (struct lineage){.values = values, .specs = specs, .gangs = gangs};
    specs->traced = true;
    values->lineage = lineage;
}

void lineage_fini(struct lineage *lineage)
{
    free(lineage->due);
}

static struct origin *origin_of(const struct record *record)
{
    return spec_origin(record->spec);
}

bool lineage_needs(const struct lineage *lineage, const struct record *record)
{
    return origin_of(record)->users;
}

bool lineage_has_task(const struct record *record)
{
    return record->spec->function != LINEAGE_NO_FUNCTION;
}

/* ---- removing ------------------------------------------------------------*/

static void add_due(struct lineage *lineage, struct record *record)
{
    if (lineage->due_count == lineage->due_room) {
        lineage->due_room = 2 * lineage->due_room + 16;
        lineage->due =
            log_realloc(lineage->due, lineage->due_room * sizeof *lineage->due);
    }
    lineage->due[lineage->due_count++] = record;
}

static bool is_unwanted(const struct record *record)
{
    return !record->held && !record->needs && task_ended(record);
}

/* Only its gang keeps it. */
static bool is_left(const struct record *part)
{
    return is_unwanted(part) && origin_of(part)->users == 1;
}

static void look_at_part(struct lineage *lineage, const struct record *part)
{
    if (!origin_of(part)->part || !is_left(part)) return;
    struct gang *gang = gangs_of(lineage->gangs, part);
    if (gang) lineage_look_at_gang(lineage, gang); /* or it is taken out now */
}

/* One spec less was made of INPUT. */
static void leave_input(struct lineage *lineage, struct record *input)
{
    struct origin *origin = origin_of(input);
    assert(origin->users);
    if (--origin->users) {
        look_at_part(lineage, input);
        return;
    }
    if (!is_unwanted(input)) return;
    if (input->state == TASK_GONE) lineage->gone--;
    else values_discard(lineage->values, input);
    add_due(lineage, input);
}

static void leave_inputs(struct lineage *lineage, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        leave_input(lineage, spec_inputs(spec)[i]);
}

/* And all that nobody was made of then. */
static void remove_due(struct lineage *lineage)
{
    if (lineage->busy) return;
    lineage->busy = true;
    while (lineage->due_count) {
        struct record *record = lineage->due[--lineage->due_count];
        struct spec *spec = record->spec;
        leave_inputs(lineage, spec);
        record->spec = NULL;
        specs_free(lineage->specs, spec);
        catalog_remove(lineage->values->catalog, record);
    }
    lineage->busy = false;
}

static void go(struct lineage *lineage, struct record *record)
{
    if (record->state == TASK_DONE) origin_of(record)->cancelled = false;
    task_enter(record, TASK_GONE);
    record->owner = 0;
    rankset_free(record->copies);
    rankset_free(record->notes);
    record->copies = record->notes = NULL;
    lineage->gone++;
}

void lineage_forget(struct lineage *lineage, struct record *record)
{
    bool used = origin_of(record)->users;
    if (used && !lineage_has_task(record)) return;
    values_discard(lineage->values, record);
    if (used) {
        go(lineage, record);
        look_at_part(lineage, record);
        return;
    }
    add_due(lineage, record);
    remove_due(lineage);
}

/* ---- gangs ---------------------------------------------------------------*/

void lineage_join_gang(struct lineage *lineage, const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++) {
        struct origin *origin = origin_of(gang->parts[i].record);
        origin->part = true;
        origin->users++;
    }
}

void lineage_leave_gang(struct lineage *lineage, const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        origin_of(gang->parts[i].record)->part = false;
    for (uint32_t i = 0; i < gang->size; i++)
        leave_input(lineage, gang->parts[i].record);
    remove_due(lineage);
}

void lineage_look_at_gang(struct lineage *lineage, struct gang *gang)
{
    if (gang->state != GANG_OVER) return;
    for (uint32_t i = 0; i < gang->size; i++)
        if (!is_left(gang->parts[i].record)) return;
    gangs_take_out(lineage->gangs, gang);
    lineage_leave_gang(lineage, gang);
    gang_free(gang);
}

/* ---- specs ---------------------------------------------------------------*/

void lineage_join(struct lineage *lineage, struct spec *spec)
{
    for (uint32_t i = 0; i < spec->inputs; i++)
        origin_of(spec_inputs(spec)[i])->users++;
}

void lineage_leave(struct lineage *lineage, struct spec *spec)
{
    leave_inputs(lineage, spec);
    remove_due(lineage);
}

void lineage_put(struct lineage *lineage, struct record *record,
                 dmpi_status status)
{
    struct task_order none = {.function = LINEAGE_NO_FUNCTION};
    struct spec *spec = specs_new_plain(lineage->specs, &none);
    spec->record = record;
    spec_origin(spec)->status = (uint8_t)status;
    record->spec = spec;
    record->kept = true;
}

void lineage_replace(struct lineage *lineage, struct spec *before,
                     struct spec *spec)
{
    *spec_origin(spec) = *spec_origin(before);
    lineage_join(lineage, spec);
}

void lineage_decree(struct lineage *lineage, struct record *record,
                    struct spec *spec, const struct buffer *error)
{
    const dmpi_failure *failure = error->data;
    lineage_put(lineage, record, (dmpi_status)failure->status);
    origin_of(record)->users = spec_origin(spec)->users;
    lineage_leave(lineage, spec);
}

size_t lineage_held(const struct lineage *lineage)
{
    struct catalog *catalog = lineage->values->catalog;
    const struct record *record;
    size_t count = 0;
    int maker = 0;
    uint64_t at = 0;
    while ((record = catalog_next(catalog, &maker, &at)))
        count += !is_unwanted(record);
    return count;
}

/* ---- for tests -----------------------------------------------------------*/

static size_t sum_users(const struct lineage *lineage, size_t *inputs,
                        size_t *gone)
{
    struct catalog *catalog = lineage->values->catalog;
    const struct record *record;
    size_t users = 0;
    int maker = 0;
    uint64_t at = 0;
    *inputs = *gone = 0;
    while ((record = catalog_next(catalog, &maker, &at))) {
        assert(record->spec && record->spec->record == record);
        assert(!record->kept || task_ended(record));
        assert(record->state != TASK_GONE ||
               (origin_of(record)->users && lineage_has_task(record)));
        users += origin_of(record)->users;
        *inputs += record->spec->inputs;
        *gone += record->state == TASK_GONE;
    }
    return users;
}

static bool is_kept(const struct gang *gang)
{
    return gang->parts;
}

static size_t count_parts(const struct lineage *lineage)
{
    struct gang **gangs;
    size_t parts = 0, count = gangs_list(lineage->gangs, is_kept, &gangs);
    for (size_t i = 0; i < count; i++) parts += gangs[i]->size;
    free(gangs);
    return parts;
}

void lineage_check(const struct lineage *lineage)
{
    size_t inputs, gone;
    size_t users = sum_users(lineage, &inputs, &gone);
    assert(users == inputs + count_parts(lineage));
    assert(gone == lineage->gone && !lineage->due_count);
}
