/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer.c - values between the application's memory and the workers: put,
 * scatter, constants, get, gather, replicate, and the error of a key. */
#include <stdlib.h>
#include <string.h>

#include "distmpi/pool.h"
#include "distmpi/rank.h"
#include "durable.h"
#include "fault.h"
#include "inside.h"
#include "log.h"
#include "session.h"

enum {
    GATHER_WINDOW = 256, /* requests under way */
    SPREADING_MAX = 8    /* constants under way */
};

/* ---- to the workers ------------------------------------------------------*/

static bool is_sent(void *argument)
{
    const struct buffer *buffer = argument;
    return buffer->refs == 1;
}

static dmpi_status no_array(size_t count, size_t size)
{
    return fault(DMPI_EINVAL, "no array has %zu entries of %zu bytes", count,
                 size);
}

static dmpi_status check_block(struct session *session, const void *data,
                               size_t size, int rank)
{
    if (size && !data) return fault(DMPI_EINVAL, "data are NULL");
    if (!fault_fits(size, 1)) return no_array(size, 1);
    if (rank < 0 || rank >= session->ranks)
        return fault(DMPI_EINVAL,
                     "rank %d is no worker: use 1..%d, or 0 for "
                     "the least filled",
                     rank, session->ranks - 1);
    return DMPI_OK;
}

/* Start to put a block; what cannot be copied at once stays in *BUFFER. */
static dmpi_key start_put(struct session *session, const void *data,
                          size_t size, int rank, struct buffer **buffer)
{
    *buffer = buffer_wrap((void *)data, size); /* it is only read */
    dmpi_key key = center_put(session->center, rank, *buffer);
    if (session->durable) durable_put(session->durable, key, data, size);
    return key;
}

static void finish_sending(struct session *session, struct buffer *buffer)
{
    session_wait_sent(session, is_sent, buffer);
    buffer_unref(buffer);
}

struct place {
    struct session *session;
    dmpi_key key;
};

static bool is_copied(void *argument)
{
    const struct place *place = argument;
    return center_is_copied(place->session->center, place->key);
}

static void finish_put(struct session *session, dmpi_key key,
                       struct buffer *buffer)
{
    struct place place = {session, key};
    finish_sending(session, buffer);
    if (!is_copied(&place))
        session_wait(session, is_copied, &place, UINT64_MAX);
}

static dmpi_status put(struct session *session, const void *data, size_t size,
                       int rank, dmpi_key *key)
{
    struct buffer *buffer;
    if (inside()) return inside_put(session, data, size, key);
    *key = start_put(session, data, size, rank, &buffer);
    finish_put(session, *key, buffer);
    session_relieve(session);
    return DMPI_OK;
}

dmpi_status dmpi_put(dmpi_pool *pool, const void *data, size_t size, int rank,
                     dmpi_key *key)
{
    struct session *session;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    status = check_block(session, data, size, rank);
    if (!status && !key) status = fault(DMPI_EINVAL, "no place for the key");
    bool far = inside() && rank && rank != session->worker_rank;
    if (!status && !far) status = put(session, data, size, rank, key);
    session_leave(session, status);
    return !status && far ? dmpi_rank_put(rank, data, size, key) : status;
}

static int block_rank(const struct session *session, size_t i, size_t count,
                      const int ranks[])
{
    size_t workers = (size_t)session->ranks - 1;
    return ranks ? ranks[i] : 1 + (int)(i * workers / count);
}

static dmpi_status scatter(struct session *session, const dmpi_value blocks[],
                           size_t count, const int ranks[], dmpi_key keys[])
{
    dmpi_status status = DMPI_OK;
    if (count && (!blocks || !keys))
        return fault(DMPI_EINVAL, "blocks or keys are NULL");
    if (!fault_fits(count, sizeof *blocks))
        return no_array(count, sizeof *blocks);
    for (size_t i = 0; i < count && !status; i++)
        status = check_block(session, blocks[i].data, blocks[i].size,
                             block_rank(session, i, count, ranks));
    if (status) return status;
    struct buffer **buffers = log_alloc(count * sizeof(struct buffer *));
    for (size_t i = 0; i < count; i++) {
        keys[i] = start_put(session, blocks[i].data, blocks[i].size,
                            block_rank(session, i, count, ranks), &buffers[i]);
        session_pace(session, i);
    }
    for (size_t i = 0; i < count; i++) finish_put(session, keys[i], buffers[i]);
    free(buffers);
    return DMPI_OK;
}

dmpi_status dmpi_scatterv(dmpi_pool *pool, const dmpi_value blocks[],
                          size_t count, const int ranks[], dmpi_key keys[])
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    status = scatter(session, blocks, count, ranks, keys);
    return session_leave(session, status);
}

dmpi_status dmpi_scatter(dmpi_pool *pool, const void *data, size_t count,
                         size_t size, const int ranks[], dmpi_key keys[])
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    if (count && size && !data) status = fault(DMPI_EINVAL, "data are NULL");
    else if (!fault_fits(count, size)) status = no_array(count, size);
    else if (!fault_fits(count, sizeof(dmpi_value)))
        status = no_array(count, sizeof(dmpi_value));
    if (status) return session_leave(session, status);
    dmpi_value *blocks = log_alloc(count * sizeof *blocks);
    for (size_t i = 0; i < count; i++)
        blocks[i] = (dmpi_value){(char *)data + i * size, size};
    status = scatter(session, blocks, count, ranks, keys);
    free(blocks);
    return session_leave(session, status);
}

/* ---- constants -----------------------------------------------------------*/

static dmpi_status check_constant(const char *name, const void *bytes,
                                  size_t size)
{
    size_t length = name ? strnlen(name, DMPI_NAME_MAX) : 0;
    if (!length) return fault(DMPI_EINVAL, "a constant needs a name");
    if (length == DMPI_NAME_MAX)
        return fault(DMPI_EINVAL,
                     "'%.16s...' is too long for a name: use up to %d bytes",
                     name, DMPI_NAME_MAX - 1);
    if (size && !bytes) return fault(DMPI_EINVAL, "the bytes are NULL");
    if (!fault_fits(size, 1)) return no_array(size, 1);
    return DMPI_OK;
}

/* So many may be on their way: a worker's memory is bounded. */
static bool may_spread(void *argument)
{
    const struct session *session = argument;
    return center_constants_spreading(session->center) < SPREADING_MAX;
}

static void set_constant(struct session *session, const char *name,
                         const void *bytes, size_t size)
{
    session_wait(session, may_spread, session, UINT64_MAX);
    if (session->durable) durable_constant(session->durable, name, bytes, size);
    if (!bytes) {
        center_constant(session->center, name, NULL);
        return;
    }
    struct buffer *buffer = buffer_wrap((void *)bytes, size); /* only read */
    center_constant(session->center, name, buffer);
    finish_sending(session, buffer);
}

dmpi_status dmpi_constant(dmpi_pool *pool, const char *name, const void *bytes,
                          size_t size)
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    status = check_constant(name, bytes, size);
    if (!status) set_constant(session, name, bytes, size);
    return session_leave(session, status);
}

/* ---- back ----------------------------------------------------------------*/

static bool is_placed(void *argument)
{
    const struct place *place = argument;
    struct center_view view;
    return !center_look(place->session->center, place->key, &view) ||
           view.state != DMPI_PENDING;
}

/* Ask for KEY as soon as it has a worker; NULL: no such key. */
static struct request *start_get(struct session *session, dmpi_key key,
                                 void *data, size_t room)
{
    struct center_view view;
    struct place place = {session, key};
    if (!is_placed(&place))
        session_wait(session, is_placed, &place, UINT64_MAX);
    if (!center_look(session->center, key, &view)) {
        fault(DMPI_ENOKEY, "not a key of this pool");
        return NULL;
    }
    struct request *request =
        exchange_open(center_exchange(session->center), data, room);
    center_fetch(session->center, key, request);
    return request;
}

static dmpi_status get_status(const struct request *request)
{
    switch (request->status) {
    case DMPI_EFAILED:
        return fault(request->failure->status == DMPI_EDEADLINE ? DMPI_EDEADLINE
                                                                : DMPI_EFAILED,
                     "%s on rank %d (%s): %s", request->failure->function,
                     request->failure->rank, request->failure->host,
                     request->failure->text);
    case DMPI_ESIZE:
        return fault(DMPI_ESIZE,
                     "the value has %llu bytes, the buffer room for %llu",
                     (unsigned long long)request->bytes,
                     (unsigned long long)request->room);
    case DMPI_ENOMEM:
        return fault(DMPI_ENOMEM, "no memory for a value of %llu bytes",
                     (unsigned long long)request->bytes);
    default: return request->status;
    }
}

static dmpi_status finish_get(struct session *session, dmpi_key key,
                              struct request *request, struct request *result)
{
    if (!request_is_done(request))
        session_wait(session, request_is_done, request, UINT64_MAX);
    dmpi_status status = get_status(request);
    *result = *request;
    result->failure = NULL;
    if (session->durable && !status)
        durable_got(session->durable, key, request->data, request->bytes);
    exchange_close(center_exchange(session->center), request);
    center_unneed(session->center, key);
    return status;
}

static dmpi_status get_inside(struct session *session, dmpi_key key, void *data,
                              size_t room, struct request *result)
{
    dmpi_status status = inside_get(session, key, data, room, result);
    if (status == DMPI_EFAILED || status == DMPI_ESIZE ||
        status == DMPI_ENOMEM) {
        status = get_status(result);
        free(result->failure);
    }
    return status;
}

/* To DATA, of ROOM bytes, or if DATA is NULL to fresh memory. RESULT's data and
 * bytes are set. */
static dmpi_status get(struct session *session, dmpi_key key, void *data,
                       size_t room, struct request *result)
{
    if (inside()) return get_inside(session, key, data, room, result);
    struct request *request = start_get(session, key, data, room);
    if (!request) return DMPI_ENOKEY;
    return finish_get(session, key, request, result);
}

dmpi_status dmpi_get(dmpi_pool *pool, dmpi_key key, void *buffer,
                     size_t capacity, size_t *size)
{
    struct session *session;
    struct request result;
    char nothing;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (capacity && !buffer) {
        status = fault(DMPI_EINVAL, "the buffer is NULL");
    } else {
        status =
            get(session, key, buffer ? buffer : &nothing, capacity, &result);
        if (size && (!status || status == DMPI_ESIZE)) *size = result.bytes;
    }
    return session_leave(session, status);
}

dmpi_status dmpi_get_new(dmpi_pool *pool, dmpi_key key, void **data,
                         size_t *size)
{
    struct session *session;
    struct request result;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (!data) {
        status = fault(DMPI_EINVAL, "no place for the pointer");
    } else {
        status = get(session, key, NULL, 0, &result);
        if (!status) *data = result.data;
        if (!status && size) *size = result.bytes;
    }
    return session_leave(session, status);
}

/* The place for value I: a gather of equal sizes, or of any. */
struct gathering {
    const dmpi_key *keys;
    size_t count;
    char *buffer; /* of equal sizes; else NULL */
    size_t size;
    dmpi_value *values;
};

static void *place_for(const struct gathering *gathering, size_t i,
                       size_t *room)
{
    *room = gathering->values ? gathering->values[i].size : gathering->size;
    if (gathering->values) return gathering->values[i].data;
    return gathering->buffer + i * gathering->size;
}

static dmpi_status keep(struct gathering *gathering, size_t i,
                        const struct request *result)
{
    if (gathering->values) {
        gathering->values[i] = (dmpi_value){result->data, result->bytes};
        return DMPI_OK;
    }
    if (result->bytes == gathering->size) return DMPI_OK;
    return fault(DMPI_ESIZE, "value %zu has %llu bytes, not %zu", i,
                 (unsigned long long)result->bytes, gathering->size);
}

static dmpi_status finish_one(struct session *session,
                              struct gathering *gathering, size_t i,
                              struct request *request)
{
    struct request result;
    if (!request) return DMPI_ENOKEY;
    dmpi_status status =
        finish_get(session, gathering->keys[i], request, &result);
    return status ? status : keep(gathering, i, &result);
}

/* Other tasks make the values meanwhile, on top of this one where they can. */
static dmpi_status gather_inside(struct session *session,
                                 struct gathering *gathering)
{
    dmpi_status first = DMPI_OK;
    for (size_t i = 0; i < gathering->count; i++) {
        struct request result;
        size_t room;
        void *data = place_for(gathering, i, &room);
        dmpi_status status =
            get_inside(session, gathering->keys[i], data, room, &result);
        if (!status) status = keep(gathering, i, &result);
        if (!first) first = status;
    }
    return first;
}

/* A window of requests moves over the keys. */
static dmpi_status gather(struct session *session, struct gathering *gathering)
{
    struct request *window[GATHER_WINDOW];
    dmpi_status first = DMPI_OK;
    size_t asked = 0;
    if (inside()) return gather_inside(session, gathering);
    for (size_t i = 0; i < gathering->count; i++) {
        for (; asked < gathering->count && asked < i + GATHER_WINDOW; asked++) {
            size_t room;
            void *data = place_for(gathering, asked, &room);
            window[asked % GATHER_WINDOW] =
                start_get(session, gathering->keys[asked], data, room);
        }
        dmpi_status status =
            finish_one(session, gathering, i, window[i % GATHER_WINDOW]);
        if (!first) first = status;
    }
    return first;
}

dmpi_status dmpi_gather(dmpi_pool *pool, const dmpi_key keys[], size_t count,
                        void *buffer, size_t size)
{
    struct session *session;
    char nothing;
    struct gathering gathering = {keys, count, size ? buffer : &nothing, size,
                                  NULL};
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (count && (!keys || !gathering.buffer))
        status = fault(DMPI_EINVAL, "keys or buffer are NULL");
    else if (!fault_fits(count, sizeof *keys) || !fault_fits(count, size))
        status = no_array(count, size > sizeof *keys ? size : sizeof *keys);
    else status = gather(session, &gathering);
    return session_leave(session, status);
}

dmpi_status dmpi_gatherv(dmpi_pool *pool, const dmpi_key keys[], size_t count,
                         dmpi_value values[])
{
    struct session *session;
    struct gathering gathering = {keys, count, NULL, 0, values};
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (count && (!keys || !values))
        status = fault(DMPI_EINVAL, "keys or values are NULL");
    else if (!fault_fits(count, sizeof *values))
        status = no_array(count, sizeof *values);
    else status = gather(session, &gathering);
    return session_leave(session, status);
}

/* ---- errors and copies ---------------------------------------------------*/

static bool has_ended(void *argument)
{
    const struct place *place = argument;
    struct center_view view;
    return !center_look(place->session->center, place->key, &view) ||
           view.state >= DMPI_DONE;
}

/* Wait for the end of KEY's task. */
static dmpi_status wait_end(struct session *session, dmpi_key key,
                            struct center_view *view)
{
    struct place place = {session, key};
    session_wait(session, has_ended, &place, UINT64_MAX);
    if (center_look(session->center, key, view)) return DMPI_OK;
    return fault(DMPI_ENOKEY, "not a key of this pool");
}

static void fetch_failure(struct session *session, dmpi_key key,
                          dmpi_failure *failure)
{
    struct request *request =
        exchange_open(center_exchange(session->center), NULL, 0);
    center_fetch(session->center, key, request);
    session_wait(session, request_is_done, request, UINT64_MAX);
    *failure = *request->failure;
    exchange_close(center_exchange(session->center), request);
    center_unneed(session->center, key);
}

static dmpi_status error_inside(struct session *session, dmpi_key key,
                                dmpi_failure *failure)
{
    static char nothing;
    struct request result;
    dmpi_status status = inside_get(session, key, &nothing, 0, &result);
    bool ended = !status || status == DMPI_ESIZE || status == DMPI_EFAILED;
    if (!ended) return status;
    memset(failure, 0, sizeof *failure);
    if (status == DMPI_EFAILED) {
        *failure = *result.failure;
        free(result.failure);
    }
    return DMPI_OK;
}

static dmpi_status error_outside(struct session *session, dmpi_key key,
                                 dmpi_failure *failure)
{
    struct center_view view;
    dmpi_status status = wait_end(session, key, &view);
    if (status) return status;
    memset(failure, 0, sizeof *failure);
    if (view.state == DMPI_FAILED) fetch_failure(session, key, failure);
    return DMPI_OK;
}

dmpi_status dmpi_error(dmpi_pool *pool, dmpi_key key, dmpi_failure *failure)
{
    struct session *session;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (!failure) status = fault(DMPI_EINVAL, "no place for the error");
    else
        status =
            (inside() ? error_inside : error_outside)(session, key, failure);
    return session_leave(session, status);
}

static void replicate(struct session *session, dmpi_key key, size_t copies)
{
    struct request **requests =
        log_alloc((size_t)session->ranks * sizeof(struct request *));
    size_t made = center_replicate(session->center, key, copies, requests);
    for (size_t i = 0; i < made; i++) {
        session_wait(session, request_is_done, requests[i], UINT64_MAX);
        exchange_close(center_exchange(session->center), requests[i]);
        center_unneed(session->center, key);
    }
    free(requests);
}

dmpi_status dmpi_replicate(dmpi_pool *pool, dmpi_key key, size_t copies)
{
    struct session *session;
    struct center_view view;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    size_t workers = (size_t)session->ranks - 1;
    if (copies > workers)
        status =
            fault(DMPI_EINVAL, "%zu copies on %zu workers", copies, workers);
    if (!status) status = wait_end(session, key, &view);
    if (!status && view.state == DMPI_FAILED)
        status = fault(DMPI_EFAILED, "the key is an error: dmpi_error() tells "
                                     "why");
    if (!status) replicate(session, key, copies ? copies : workers);
    return session_leave(session, status);
}
