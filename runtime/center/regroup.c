/* SPDX-License-Identifier: BSD-3-Clause */
/* regroup.c - who is to play each part, or why nobody does. */
#include "regroup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cancel.h"
#include "lineage.h"
#include "log.h"

static struct gangs *gangs_in(const struct regroup *regroup)
{
    return &regroup->again->scheduler->gangs;
}

/* ---- broken --------------------------------------------------------------*/

static bool runs(const struct gang *gang)
{
    return gang->state == GANG_RUNS;
}

/* Or what a member goes on as, wherever that is by now. */
static bool lost_one(const struct gang *gang, const bool lost[])
{
    for (uint32_t i = 0; i < gang->size; i++) {
        const struct record *member = gang->members[i];
        if (lost[gang->ranks[i]] || (member && lost[member->owner]))
            return true;
    }
    return false;
}

void regroup_look(struct scheduler *scheduler)
{
    const bool *lost = scheduler->values->port->lost;
    struct gang **list;
    size_t count = gangs_list(&scheduler->gangs, runs, &list);
    for (size_t i = 0; i < count; i++)
        list[i]->broken = lost_one(list[i], lost);
    free(list);
}

static bool went_on(const struct gang *gang, const struct record *record)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (gang->members[i] == record) return gang->parts[i].went_on;
    return false;
}

bool regroup_concerns(struct scheduler *scheduler, const struct record *record)
{
    if (!(record->spec->flags & RUN_GANG)) return false;
    const struct gang *gang = gangs_of(&scheduler->gangs, record);
    return gang && gang->broken && !went_on(gang, record);
}

/* ---- given up ------------------------------------------------------------*/

static bool is_cancelled(const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (spec_origin(gang->parts[i].record->spec)->cancelled) return true;
    return false;
}

static bool one_went_on(const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (gang->parts[i].went_on) return true;
    return false;
}

static bool was_running(const struct regroup *regroup, const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (gang->members[i] &&
            map_get(regroup->crashed, gang->members[i]->key))
            return true;
    return false;
}

/* Why GANG does not begin anew; DMPI_OK: it does. */
static struct given_up judge(const struct regroup *regroup, struct gang *gang)
{
    uint32_t limit = regroup->crash_limit;
    gang->crashes += gang->broken && was_running(regroup, gang);
    if (gang->broken && is_cancelled(gang))
        return (struct given_up){gang, DMPI_ECANCELLED, 0};
    if (limit && gang->crashes >= limit)
        return (struct given_up){gang, DMPI_ECRASHED, gang->crashes};
    if (gang->size > (uint32_t)regroup->living)
        return (struct given_up){gang, DMPI_ELOST, gang->size};
    if (one_went_on(gang)) return (struct given_up){gang, DMPI_ELOST, 0};
    return (struct given_up){.status = DMPI_OK};
}

static void say_why(const struct regroup *regroup,
                    const struct given_up *given_up, char *text, size_t size)
{
    if (given_up->status == DMPI_ECANCELLED)
        snprintf(text, size, "cancelled while it ran");
    else if (given_up->status == DMPI_ECRASHED)
        snprintf(text, size, "%u times a worker was lost while its gang ran",
                 given_up->number);
    else if (given_up->number)
        snprintf(text, size,
                 "a worker of its gang of %u is lost, and %d workers are left: "
                 "ask for a smaller gang",
                 given_up->number, regroup->living);
    else
        snprintf(text, size,
                 "a worker of its gang is lost, and one of the gang goes on as "
                 "another task");
}

/* RECORD, or NULL, is a task like any other now. */
static void leave_gang(struct record *record)
{
    if (record && record->spec) record->spec->flags &= (uint8_t)~RUN_GANG;
}

static void give_up(struct regroup *regroup, const struct given_up *given_up)
{
    struct gang *gang = given_up->gang;
    if (regroup->count == regroup->room) {
        regroup->room = 2 * regroup->room + 16;
        regroup->given_up = log_realloc(
            regroup->given_up, regroup->room * sizeof *regroup->given_up);
    }
    regroup->given_up[regroup->count++] = *given_up;
    gangs_leave(gangs_in(regroup), gang);
    gangs_take_out(gangs_in(regroup), gang);
    for (uint32_t i = 0; i < gang->size; i++) {
        leave_gang(gang->members[i]);
        if (!task_ended(gang->parts[i].record))
            leave_gang(gang->parts[i].record);
    }
}

static void end(struct scheduler *scheduler, struct record *record,
                dmpi_status status, const char *text)
{
    if (record && !task_placed(record))
        cancel_with(scheduler, record, status, text);
}

static void end_all(struct regroup *regroup, const struct given_up *given_up)
{
    struct scheduler *scheduler = regroup->again->scheduler;
    struct gang *gang = given_up->gang;
    char text[120];
    say_why(regroup, given_up, text, sizeof text);
    for (uint32_t i = 0; i < gang->size; i++) {
        struct record *part = gang->parts[i].record;
        if (gang->members[i] != part)
            end(scheduler, gang->members[i], given_up->status, text);
        end(scheduler, part, given_up->status, text);
    }
    lineage_leave_gang(scheduler->lineage, gang);
    gang_free(gang);
}

void regroup_end(struct regroup *regroup)
{
    for (size_t i = 0; i < regroup->count; i++)
        end_all(regroup, &regroup->given_up[i]);
    free(regroup->given_up);
}

/* ---- anew ----------------------------------------------------------------*/

static void begin_anew(struct regroup *regroup, struct gang *gang)
{
    struct gangs *gangs = gangs_in(regroup);
    gangs_leave(gangs, gang);
    for (uint32_t i = 0; i < gang->size; i++) {
        struct record *part = gang->parts[i].record;
        if (!gang->members[i])
            gangs_replace(gangs, gang, i,
                          task_ended(part) ? again_copy(regroup->again, part)
                                           : part);
        assert(gang->members[i]->state == TASK_WAITING);
    }
    gangs_begin_anew(gang);
}

/* Also one that was cancelled: it runs, for the others. */
static bool lacks_input(const struct record *member)
{
    if (!member || !task_active(member)) return false;
    for (uint32_t i = 0; i < member->spec->inputs; i++)
        if (!task_ended(spec_inputs(member->spec)[i])) return true;
    return false;
}

/* Then it has not begun: a member that has its inputs holds them. */
static bool is_stranded(const struct gang *gang)
{
    if (gang->state != GANG_RUNS || gang->broken) return false;
    for (uint32_t i = 0; i < gang->size; i++)
        if (!gang->parts[i].went_on && lacks_input(gang->members[i]))
            return true;
    return false;
}

static bool is_due(const struct gang *gang)
{
    return gang->broken || gangs_is_wanted(gang) || is_stranded(gang);
}

/* GANG's members wait again. */
static void call_off(struct regroup *regroup, struct gang *gang)
{
    struct values *values = regroup->again->scheduler->values;
    gang->broken = true;
    for (uint32_t i = 0; i < gang->size; i++) {
        struct record *member = gang->members[i];
        if (!member) continue;
        gangs_say_off(gang, values->port, i);
        if (member->state != TASK_PLACED) continue; /* it was cancelled */
        again_task(regroup->again, member);
        values_note(values, member, gang->ranks[i]);
    }
}

/* What one needs may be made by another. */
void regroup_begin_anew(struct regroup *regroup)
{
    struct gang **list;
    size_t count;
    do {
        count = gangs_list(gangs_in(regroup), is_due, &list);
        for (size_t i = 0; i < count; i++) {
            if (is_stranded(list[i])) call_off(regroup, list[i]);
            struct given_up given_up = judge(regroup, list[i]);
            if (given_up.status) give_up(regroup, &given_up);
            else begin_anew(regroup, list[i]);
        }
        free(list);
    } while (count);
    gangs_in(regroup)->wanted = false;
}
