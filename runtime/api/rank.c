/* SPDX-License-Identifier: BSD-3-Clause */
/* rank.c - low level calls: the same from rank 0 and from inside a task. */
#include "distmpi/rank.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "log.h"
#include "registry.h"
#include "running.h"
#include "session.h"

/* Does the caller speak as the center? In a single process both roles are here:
 * a task speaks as the worker. */
static bool as_center(const struct session *session)
{
    if (!session->worker) return true;
    return session->center && running_rank() <= 0;
}

static struct exchange *exchange_of(struct session *session)
{
    return as_center(session) ? center_exchange(session->center)
                              : worker_exchange(session->worker);
}

static struct request *open_request(struct session *session)
{
    return exchange_open(exchange_of(session), NULL, 0);
}

static dmpi_status settle_request(struct session *session,
                                  struct request *request)
{
    session_wait(session, request_is_done, request, UINT64_MAX);
    switch (request->status) {
    case DMPI_OK: return DMPI_OK;
    case DMPI_EFAILED:
        return fault(DMPI_EFAILED, "%s on rank %d (%s): %s",
                     request->failure->function, request->failure->rank,
                     request->failure->host, request->failure->text);
    case DMPI_EBUSY:
        return fault(DMPI_EBUSY, "tasks still need this key, or its own task "
                                 "has not ended");
    case DMPI_ENOKEY: return fault(DMPI_ENOKEY, "there is no such key there");
    default:
        return fault(request->status, "%s", dmpi_status_text(request->status));
    }
}

static void close_request(struct session *session, struct request *request)
{
    exchange_close(exchange_of(session), request);
}

static dmpi_status check_worker(const struct session *session, int rank)
{
    if (rank > 0 && rank < session->ranks) return DMPI_OK;
    return fault(DMPI_EINVAL, "rank %d is no worker: use 1..%d", rank,
                 session->ranks - 1);
}

static dmpi_status check_size(size_t size)
{
    if (fault_fits(size, 1)) return DMPI_OK;
    return fault(DMPI_EINVAL, "no object has %zu bytes", size);
}

/* ---- who is here ---------------------------------------------------------*/

int dmpi_rank(void)
{
    const struct session *session = session_current();
    if (!session) return running_rank();
    return running_task() ? running_rank() : session->rank;
}

int dmpi_ranks(void)
{
    const struct session *session = session_current();
    return session ? session->ranks : isolated_ranks();
}

/* A list of entries of SIZE bytes came: copy what there is room for. */
static void copy_list(const void *data, size_t bytes, size_t size, void *to,
                      size_t capacity, size_t *count)
{
    size_t here = bytes / size, n = here < capacity ? here : capacity;
    if (n && to) memcpy(to, data, n * size);
    if (count) *count = here;
}

static dmpi_status take_list(struct session *session, struct request *request,
                             size_t size, void *to, size_t capacity,
                             size_t *count)
{
    dmpi_status status = settle_request(session, request);
    if (!status)
        copy_list(request->data, request->bytes, size, to, capacity, count);
    free(request->data);
    close_request(session, request);
    return status;
}

static dmpi_status workers(struct session *session, dmpi_worker table[],
                           size_t capacity, size_t *count)
{
    if (as_center(session)) {
        struct buffer *buffer =
            errands_workers(center_errands(session->center));
        copy_list(buffer->data, buffer->size, sizeof *table, table, capacity,
                  count);
        buffer_unref(buffer);
        return DMPI_OK;
    }
    struct request *request = open_request(session);
    errand_ask_workers(worker_custody(session->worker), request->id);
    return take_list(session, request, sizeof *table, table, capacity, count);
}

dmpi_status dmpi_rank_workers(dmpi_worker table[], size_t capacity,
                              size_t *count)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = workers(session, table, capacity, count);
    return session_leave(session, status);
}

dmpi_status dmpi_rank_ncores(int rank, int *cores)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_worker(session, rank);
    if (!status) {
        size_t count = (size_t)session->ranks - 1;
        dmpi_worker *table = log_alloc(count * sizeof *table);
        status = workers(session, table, count, NULL);
        if (!status && cores) *cores = table[rank - 1].cores;
        free(table);
    }
    return session_leave(session, status);
}

/* ---- keys ----------------------------------------------------------------*/

static dmpi_status holders(struct session *session, dmpi_key key, int ranks[],
                           size_t capacity, size_t *count)
{
    if (as_center(session)) {
        struct buffer *buffer;
        dmpi_status status =
            errands_holders(center_errands(session->center), key, &buffer);
        if (status) return status;
        copy_list(buffer->data, buffer->size, sizeof(int32_t), ranks, capacity,
                  count);
        buffer_unref(buffer);
        return DMPI_OK;
    }
    struct request *request = open_request(session);
    errand_ask_holders(worker_custody(session->worker), key, request->id);
    return take_list(session, request, sizeof(int32_t), ranks, capacity, count);
}

dmpi_status dmpi_rank_who_has(dmpi_key key, int ranks[], size_t capacity,
                              size_t *count)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = holders(session, key, ranks, capacity, count);
    return session_leave(session, status);
}

dmpi_status dmpi_rank_has_what(int rank, dmpi_key keys[], size_t capacity,
                               size_t *count)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_worker(session, rank);
    if (!status) {
        struct request *request = open_request(session);
        if (as_center(session))
            errands_ask_keys(center_errands(session->center), rank,
                             request->id);
        else
            errand_ask_keys(worker_custody(session->worker), rank, request->id);
        status = take_list(session, request, sizeof(dmpi_key), keys, capacity,
                           count);
    }
    return session_leave(session, status);
}

static bool is_sent(void *argument)
{
    const struct buffer *buffer = argument;
    return buffer->refs == 1;
}

/* A buffer over DATA if it is sent and let go of before the call returns, else
 * a copy: what is stored on the caller's own rank. */
static struct buffer *buffer_for_put(const struct session *session, int rank,
                                     const void *data, size_t size)
{
    if (session->mpi && rank != session->rank)
        return buffer_wrap((void *)data, size);
    struct buffer *copy = buffer_new(size);
    if (copy && size) memcpy(copy->data, data, size);
    return copy;
}

/* The running task; 0: none. */
static uint64_t parent_of_put(void)
{
    const struct job *job = running_task_job();
    return job ? job->key : 0;
}

static dmpi_status put(struct session *session, int rank, const void *data,
                       size_t size, dmpi_key *key)
{
    struct buffer *buffer = buffer_for_put(session, rank, data, size);
    if (!buffer)
        return fault(DMPI_ENOMEM, "no memory for a value of %zu bytes", size);
    struct request *request = open_request(session);
    uint64_t made;
    if (as_center(session))
        made = errands_put(center_errands(session->center), rank, request->id,
                           buffer);
    else
        made = errand_put(worker_custody(session->worker), rank, request->id,
                          parent_of_put(), buffer);
    dmpi_status status = settle_request(session, request);
    if (session->mpi && rank != session->rank)
        session_wait(session, is_sent, buffer, UINT64_MAX);
    if (!status) *key = made;
    close_request(session, request);
    buffer_unref(buffer);
    return status;
}

dmpi_status dmpi_rank_put(int rank, const void *data, size_t size,
                          dmpi_key *key)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_worker(session, rank);
    if (!status && ((size && !data) || !key))
        status = fault(DMPI_EINVAL, "data or key are NULL");
    if (!status) status = check_size(size);
    if (!status) status = put(session, rank, data, size, key);
    return session_leave(session, status);
}

static dmpi_status take_value(struct session *session, struct request *request,
                              void **data, size_t *size)
{
    dmpi_status status = settle_request(session, request);
    if (!status && !request->data) request->data = log_alloc(1);
    if (!status && data) *data = request->data;
    else free(request->data);
    if (!status && size) *size = request->bytes;
    close_request(session, request);
    return status;
}

dmpi_status dmpi_rank_get(int rank, dmpi_key key, void **data, size_t *size)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_worker(session, rank);
    if (!status && !data) status = fault(DMPI_EINVAL, "no place for the data");
    if (!status) {
        struct request *request = open_request(session);
        if (as_center(session))
            errands_fetch(center_errands(session->center), rank, key, request);
        else errand_fetch(worker_custody(session->worker), rank, key, request);
        status = take_value(session, request, data, size);
    }
    return session_leave(session, status);
}

static dmpi_status drop(struct session *session, int rank, dmpi_key key)
{
    if (as_center(session))
        return errands_drop_copy(center_errands(session->center), key, rank);
    struct request *request = open_request(session);
    errand_ask_drop(worker_custody(session->worker), rank, key, request->id);
    return take_value(session, request, NULL, NULL);
}

dmpi_status dmpi_rank_drop(int rank, dmpi_key key)
{
    struct session *session;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_worker(session, rank);
    if (!status) status = drop(session, rank, key);
    return session_leave(session, status);
}

/* ---- calls ---------------------------------------------------------------*/

static dmpi_status check_call(const struct session *session, int rank,
                              const dmpi_function *function, const void *args,
                              size_t size)
{
    if (rank < 0 || rank >= session->ranks)
        return fault(DMPI_EINVAL, "rank %d: use 0..%d", rank,
                     session->ranks - 1);
    if (!registry_has(function))
        return fault(DMPI_EINVAL, "the function is not registered: define it "
                                  "by DMPI_TASK() or dmpi_register()");
    if (size && !args) return fault(DMPI_EINVAL, "arguments are NULL");
    return check_size(size);
}

/* A copy of SIZE bytes, for they may outlive the call; NULL for none. */
static dmpi_status copy_args(const void *args, size_t size,
                             struct buffer **buffer)
{
    *buffer = size ? buffer_new(size) : NULL;
    if (size && !*buffer)
        return fault(DMPI_ENOMEM, "no memory for %zu bytes of arguments", size);
    if (size) memcpy((*buffer)->data, args, size);
    return DMPI_OK;
}

dmpi_status dmpi_rank_run(int rank, const dmpi_function *function,
                          const void *args, size_t size, void **result,
                          size_t *result_size)
{
    struct session *session;
    struct buffer *buffer = NULL;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_call(session, rank, function, args, size);
    if (!status) status = copy_args(args, size, &buffer);
    if (!status) {
        struct request *request = open_request(session);
        exchange_call(exchange_of(session), rank, function->index, buffer,
                      request->id);
        status = take_value(session, request, result, result_size);
    }
    buffer_unref(buffer);
    return session_leave(session, status);
}

static dmpi_status run_all(struct session *session,
                           const dmpi_function *function, struct buffer *args,
                           void *results[], size_t sizes[])
{
    size_t ranks = (size_t)session->ranks;
    dmpi_status first = DMPI_OK;
    struct request **requests = log_alloc(ranks * sizeof(struct request *));
    for (size_t rank = 0; rank < ranks; rank++) {
        requests[rank] = open_request(session);
        exchange_call(exchange_of(session), (int)rank, function->index, args,
                      requests[rank]->id);
    }
    for (size_t rank = 0; rank < ranks; rank++) {
        if (results) results[rank] = NULL;
        dmpi_status status =
            take_value(session, requests[rank], results ? &results[rank] : NULL,
                       sizes ? &sizes[rank] : NULL);
        if (!first) first = status;
    }
    free(requests);
    return first;
}

dmpi_status dmpi_rank_run_all(const dmpi_function *function, const void *args,
                              size_t size, void *results[], size_t sizes[])
{
    struct session *session;
    struct buffer *buffer = NULL;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_call(session, 0, function, args, size);
    if (!status) status = copy_args(args, size, &buffer);
    if (!status) status = run_all(session, function, buffer, results, sizes);
    buffer_unref(buffer);
    return session_leave(session, status);
}

dmpi_status dmpi_rank_send(int rank, const dmpi_function *function,
                           const void *bytes, size_t size)
{
    struct session *session;
    struct buffer *buffer = NULL;
    dmpi_status status = session_enter_rank(&session);
    if (status) return status;
    status = check_call(session, rank, function, bytes, size);
    if (!status) status = copy_args(bytes, size, &buffer);
    if (!status)
        exchange_call(exchange_of(session), rank, function->index, buffer, 0);
    buffer_unref(buffer);
    return session_leave(session, status);
}
