/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.c - pieces, one after the other. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

struct trace *trace_new(size_t mib)
{
    struct trace *trace = log_alloc(sizeof *trace);
    *trace = (struct trace){.most = mib};
    trace->pieces = log_alloc(mib * sizeof *trace->pieces);
    return trace;
}

void trace_free(struct trace *trace)
{
    if (!trace) return;
    for (size_t i = 0; i < trace->count; i++) free(trace->pieces[i].records);
    free(trace->pieces);
    free(trace);
}

/* How many records of the last piece are in use. */
static size_t used(const struct trace *trace)
{
    return (size_t)(trace->next - trace->pieces[trace->count - 1].records);
}

static bool add_piece(struct trace *trace)
{
    if (trace->count == trace->most) return false;
    struct trace_record *records =
        malloc(TRACE_PIECE_RECORDS * sizeof *records);
    if (!records) return false;
    if (trace->count) trace->pieces[trace->count - 1].count = used(trace);
    trace->pieces[trace->count++] = (struct trace_piece){records, 0};
    trace->next = records;
    trace->end = records + TRACE_PIECE_RECORDS;
    return true;
}

struct trace_record *trace_room(struct trace *trace, size_t count,
                                uint64_t begin_ns)
{
    bool fits = (size_t)(trace->end - trace->next) >= count;
    if (fits || add_piece(trace)) return trace->next;
    if (!trace->dropped++) trace->full_ns = begin_ns;
    return NULL;
}

static size_t name_records(size_t size)
{
    return (size + sizeof(struct trace_record) - 1) /
           sizeof(struct trace_record);
}

size_t trace_length(const struct trace_record *record)
{
    return 1 + name_records(record->name);
}

void trace_add_named(struct trace *trace, const struct trace_record *record,
                     const char *name, size_t size)
{
    if (size > TRACE_NAME_MAX) size = TRACE_NAME_MAX;
    size_t length = 1 + name_records(size);
    struct trace_record *at = trace_room(trace, length, record->begin_ns);
    if (!at) return;
    *at = *record;
    at->name = (uint16_t)size;
    if (size) memcpy(at + 1, name, size);
    trace->next = at + length;
}

const struct trace_record *trace_piece(const struct trace *trace, size_t i,
                                       size_t *count)
{
    if (i >= trace->count) return NULL;
    bool last = i + 1 == trace->count;
    *count = last ? used(trace) : trace->pieces[i].count;
    return trace->pieces[i].records;
}
