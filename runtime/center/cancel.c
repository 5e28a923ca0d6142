/* SPDX-License-Identifier: BSD-3-Clause */
/* cancel.c - an error here, or a word to the worker. */
#include "cancel.h"

#include "decree.h"
#include "failure.h"

void cancel_with(struct scheduler *scheduler, struct record *record,
                 dmpi_status status, const char *text)
{
    struct spec *spec = record->spec;
    struct failure_of of = {0, spec->function, spec_name(spec), spec->name};
    struct buffer *error = failure_new(status, &of, "%s", text);
    decree_end(scheduler, record, error);
    buffer_unref(error);
}

static void say_cancel(const struct scheduler *scheduler,
                       const struct record *record)
{
    if (task_ended(record)) return;
    if (scheduler->lineage) spec_origin(record->spec)->cancelled = true;
    struct port *port = scheduler->values->port;
    struct msg_cancel *cancel =
        port_say(port, record->owner, MSG_CANCEL, sizeof *cancel);
    cancel->key = record->key;
}

/* To the worker of RECORD's task, or to those of its gang. */
static void say_cancel_all(const struct scheduler *scheduler,
                           const struct record *record)
{
    if (!(record->spec->flags & RUN_GANG)) {
        say_cancel(scheduler, record);
        return;
    }
    const struct gang *gang = gangs_of(&scheduler->gangs, record);
    for (uint32_t i = 0; i < gang->size; i++)
        if (gang->members[i]) say_cancel(scheduler, gang->members[i]);
}

void cancel_task(struct scheduler *scheduler, struct record *record)
{
    if (task_ended(record)) return;
    if (task_placed(record)) say_cancel_all(scheduler, record);
    else
        cancel_with(scheduler, record, DMPI_ECANCELLED,
                    "cancelled before it began");
}
