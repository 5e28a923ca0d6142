/* SPDX-License-Identifier: BSD-3-Clause */
/* startup.c - one function after the other, each on all workers at once. */
#include "startup.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "registry.h"

/* What dmpi_worker_start() gave with a function. */
struct start_args {
    struct start_args *next;
    const dmpi_function *function;
    struct buffer *args; /* owned; NULL: none */
};

static struct start_args *all_args = NULL; /* owned, as long as the program */

/* ---- before a pool is open -----------------------------------------------*/

static struct start_args *args_of(const dmpi_function *function)
{
    struct start_args *at = all_args;
    while (at && at->function != function) at = at->next;
    return at;
}

const struct buffer *startup_args(const dmpi_function *function)
{
    const struct start_args *entry = args_of(function);
    return entry ? entry->args : NULL;
}

static dmpi_status keep_args(const dmpi_function *function, const void *bytes,
                             size_t size)
{
    struct buffer *args = size ? buffer_new(size) : NULL;
    if (size && !args)
        return fault(DMPI_ENOMEM, "no memory for %zu bytes of arguments", size);
    if (size) memcpy(args->data, bytes, size);
    struct start_args *entry = args_of(function);
    if (!entry) {
        entry = log_alloc(sizeof *entry);
        *entry = (struct start_args){.next = all_args, .function = function};
        all_args = entry;
    }
    buffer_unref(entry->args);
    entry->args = args;
    return DMPI_OK;
}

/* Workers shall call FUNCTION by themselves at WHEN. */
static dmpi_status mark(const dmpi_function *function, uint32_t when)
{
    if (session_current())
        return fault(DMPI_ESTATE, "say before dmpi_open() what workers call "
                                  "at their start and end");
    if (function && registry_mark(function, when)) return DMPI_OK;
    return fault(DMPI_EINVAL, "the function is not registered: define it by "
                              "DMPI_TASK() or dmpi_register()");
}

dmpi_status dmpi_worker_start(const dmpi_function *function, const void *args,
                              size_t size)
{
    if (size && !args) return fault(DMPI_EINVAL, "arguments are NULL");
    dmpi_status status = mark(function, REGISTRY_AT_START);
    return status ? status : keep_args(function, args, size);
}

dmpi_status dmpi_worker_end(const dmpi_function *function)
{
    return mark(function, REGISTRY_AT_END);
}

/* ---- calling -------------------------------------------------------------*/

struct round {
    struct session *session;
    const char *when; /* for the line */
    bool *failed;     /* by rank: is left out from now on; owned */
    bool any;         /* has failed, and was told of */
};

static void round_init(struct round *round, struct session *session,
                       const char *when)
{
    size_t bytes = (size_t)session->ranks * sizeof *round->failed;
    *round = (struct round){
        .session = session, .when = when, .failed = log_alloc(bytes)};
    memset(round->failed, 0, bytes);
}

/* The first failure is told. */
static void note_failure(struct round *round, int rank,
                         const dmpi_failure *failure)
{
    round->failed[rank] = true;
    if (round->any) return;
    round->any = true;
    fault(DMPI_EFAILED, "rank %d on %s: %s function '%s' failed: %s",
          failure->rank, failure->host, round->when, failure->function,
          failure->text);
    log_line(LOG_ERROR, "%s", dmpi_status_detail());
}

static struct request *ask(struct session *session, int rank,
                           const dmpi_function *function)
{
    struct exchange *exchange = center_exchange(session->center);
    const struct start_args *args = args_of(function);
    struct request *request = exchange_open(exchange, NULL, 0);
    exchange_call(exchange, rank, function->index, args ? args->args : NULL,
                  request->id);
    return request;
}

static void call_on_all(struct round *round, const dmpi_function *function)
{
    struct session *session = round->session;
    size_t ranks = (size_t)session->ranks;
    struct request **requests = log_alloc(ranks * sizeof(struct request *));
    for (int rank = 1; rank < session->ranks; rank++)
        requests[rank] =
            round->failed[rank] ? NULL : ask(session, rank, function);
    for (int rank = 1; rank < session->ranks; rank++) {
        struct request *request = requests[rank];
        if (!request) continue;
        session_wait(session, request_is_done, request, UINT64_MAX);
        if (request->status) note_failure(round, rank, request->failure);
        else free(request->data);
        exchange_close(center_exchange(session->center), request);
    }
    free(requests);
}

static void start_all(struct round *round)
{
    for (uint32_t i = 0; i < registry_count(); i++)
        if (registry_at(i)->when & REGISTRY_AT_START)
            call_on_all(round, registry_at(i));
}

static void end_all(struct round *round)
{
    round->when = "end";
    for (uint32_t i = registry_count(); i-- > 0;)
        if (registry_at(i)->when & REGISTRY_AT_END)
            call_on_all(round, registry_at(i));
}

dmpi_status startup_run(struct session *session)
{
    struct round round;
    round_init(&round, session, "start");
    start_all(&round);
    if (round.any) end_all(&round);
    free(round.failed);
    return round.any ? DMPI_EFAILED : DMPI_OK;
}

dmpi_status startup_end(struct session *session)
{
    struct round round;
    round_init(&round, session, "end");
    end_all(&round);
    free(round.failed);
    return round.any ? DMPI_EFAILED : DMPI_OK;
}
