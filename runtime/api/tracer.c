/* SPDX-License-Identifier: BSD-3-Clause */
/* tracer.c - records, and their way to rank 0: a rank after the other hands in
 * its pieces, so that rank 0 holds one of them at a time. */
#include "tracer.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "guard.h"
#include "log.h"
#include "ticker.h"
#include "trace_file.h"

enum {
    WHY_BYTES = 400,
    /* Of the application's own code only what takes longer is recorded. */
    APPLICATION_LEAST_NS = 10000
};

/* What a rank hands in first. */
struct summary {
    int64_t offset_ns; /* of its clock to rank 0's */
    uint64_t pieces;
    uint64_t dropped, full_ns;
    char host[DMPI_HOST_MAX];
};

/* ---- recording -----------------------------------------------------------*/

void tracer_start(struct session *session, struct trace_file *file)
{
    if (!session->config.value[CONFIG_TRACE]) return;
    size_t mib = (size_t)session->config.value[CONFIG_TRACE_MIB];
    session->trace_file = file;
    session->trace = trace_new(mib);
    if (session->rank > 0) session->worker_trace = session->trace;
    else if (session->ranks == 1) session->worker_trace = trace_new(mib);
    session->clock_offset_ns = world_clock_offset(session->world);
}

void tracer_task(struct trace *trace, struct job *job,
                 const struct buffer *output, uint64_t begin_ns,
                 uint64_t end_ns)
{
    unsigned stolen = job->from ? TRACE_STOLEN : 0;
    unsigned failed = output->is_error ? TRACE_FAILED : 0;
    struct trace_record record = {.begin_ns = begin_ns,
                                  .ns = end_ns - begin_ns,
                                  .key = job->key,
                                  .bytes = job_input_bytes(job),
                                  .output = output->size,
                                  .what = job->function,
                                  .kind = TRACE_TASK,
                                  .flags = (uint8_t)(stolen | failed)};
    if (job->name) trace_add_named(trace, &record, job_name(job), job->name);
    else trace_add(trace, &record);
}

void tracer_call(struct trace *trace, const struct call *call,
                 const struct buffer *output, uint64_t begin_ns)
{
    struct trace_record record = {.begin_ns = begin_ns,
                                  .ns = clock_ns() - begin_ns,
                                  .bytes = (uint64_t)call->from,
                                  .what = call->function,
                                  .kind = ticker_is_self() ? TRACE_CALL_TICKER
                                                           : TRACE_CALL,
                                  .flags = output->is_error ? TRACE_FAILED : 0};
    trace_add(trace, &record);
}

void tracer_idle(const struct session *session, uint64_t now_ns)
{
    uint64_t asleep_since = session->asleep_since_ns;
    struct trace_record record = {.begin_ns = session->idle_since_ns,
                                  .ns = now_ns - session->idle_since_ns,
                                  .bytes =
                                      asleep_since ? now_ns - asleep_since : 0,
                                  .kind = TRACE_IDLE};
    trace_add(session->trace, &record);
}

void tracer_application_begins(struct session *session)
{
    session->application_since_ns = clock_ns();
}

void tracer_application_ended(struct session *session)
{
    uint64_t ns = clock_ns() - session->application_since_ns;
    struct trace_record record = {.begin_ns = session->application_since_ns,
                                  .ns = ns,
                                  .kind = TRACE_APPLICATION};
    if (ns >= APPLICATION_LEAST_NS) trace_add(session->trace, &record);
}

/* ---- the file ------------------------------------------------------------*/

static struct summary sum_up(const struct session *session,
                             const struct trace *trace)
{
    struct summary summary = {.offset_ns = session->clock_offset_ns,
                              .pieces = trace->count,
                              .dropped = trace->dropped,
                              .full_ns = trace->full_ns};
    snprintf(summary.host, sizeof summary.host, "%s", log_host());
    return summary;
}

static void hand_in(struct session *session)
{
    struct summary summary = sum_up(session, session->trace);
    const struct trace_record *records;
    size_t count;
    world_hand_in(session->world, &summary, sizeof summary);
    for (size_t i = 0; (records = trace_piece(session->trace, i, &count)); i++)
        world_hand_in(session->world, records, count * sizeof *records);
}

/* Times in the file count from the pool's opening on rank 0. */
static void begin_rank(const struct session *session, int rank,
                       const struct summary *summary)
{
    trace_file_rank(session->trace_file, rank, summary->host,
                    summary->offset_ns - (int64_t)session->opened_ns);
}

static void write_own(const struct session *session, int rank,
                      const struct trace *trace)
{
    struct summary summary = sum_up(session, trace);
    const struct trace_record *records;
    size_t count;
    begin_rank(session, rank, &summary);
    for (size_t i = 0; (records = trace_piece(trace, i, &count)); i++)
        trace_file_add(session->trace_file, records, count);
    trace_file_lacks(session->trace_file, trace->dropped, trace->full_ns);
}

static bool is_gone(void *argument, int rank)
{
    const struct session *session = argument;
    return session->guard && guard_is_gone(session->guard, rank);
}

/* 0: the rank is lost. */
static size_t take_in(struct session *session, int rank, void *bytes,
                      size_t room)
{
    if (is_gone(session, rank)) return 0;
    return world_take_in(session->world, rank, bytes, room, is_gone, session);
}

/* Returns how many records it lacks. */
static uint64_t write_handed_in(struct session *session, int rank,
                                struct trace_record *room)
{
    struct summary summary;
    size_t most = TRACE_PIECE_RECORDS * sizeof *room;
    if (!take_in(session, rank, &summary, sizeof summary)) return 0;
    begin_rank(session, rank, &summary);
    for (uint64_t i = 0; i < summary.pieces; i++) {
        size_t size = take_in(session, rank, room, most);
        if (!size) break;
        trace_file_add(session->trace_file, room, size / sizeof *room);
    }
    trace_file_lacks(session->trace_file, summary.dropped, summary.full_ns);
    return summary.dropped;
}

static void write_file(struct session *session)
{
    char why[WHY_BYTES];
    uint64_t dropped = session->trace->dropped;
    struct trace_record *room = log_alloc(TRACE_PIECE_RECORDS * sizeof *room);
    write_own(session, 0, session->trace);
    if (session->worker_trace) {
        write_own(session, 1, session->worker_trace);
        dropped += session->worker_trace->dropped;
    }
    for (int rank = 1; rank < world_ranks(session->world); rank++)
        dropped += write_handed_in(session, rank, room);
    free(room);
    if (dropped)
        log_line(LOG_WARN,
                 "the trace lacks %llu records: DISTMPI_TRACE_MIB was %d, give "
                 "it more",
                 (unsigned long long)dropped,
                 session->config.value[CONFIG_TRACE_MIB]);
    if (!trace_file_close(session->trace_file, why, sizeof why))
        log_line(LOG_ERROR, "%s", why);
}

void tracer_finish(struct session *session)
{
    if (!session->trace) return;
    if (session->rank) hand_in(session);
    else write_file(session);
    if (session->worker_trace != session->trace)
        trace_free(session->worker_trace);
    trace_free(session->trace);
    session->trace = session->worker_trace = NULL;
    if (session->mpi) mpi_port_base(session->mpi)->trace = NULL;
}
