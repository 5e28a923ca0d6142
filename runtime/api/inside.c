/* SPDX-License-Identifier: BSD-3-Clause */
/* inside.c - submit, wait and get for tasks, by their worker's nest. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "distmpi/task.h"
#include "fault.h"
#include "graph.h"
#include "key.h"
#include "log.h"
#include "running.h"
#include "stack.h"

bool inside(void)
{
    return running_task_job() != NULL;
}

static struct nest *nest_of(const struct session *session)
{
    return worker_nest(session->worker);
}

/* ---- submission ----------------------------------------------------------*/

static bool may_be_key(const void *session, uint64_t key)
{
    const struct session *here = session;
    return key && key_rank(key) < here->ranks;
}

dmpi_status inside_check(const struct session *session,
                         const struct task_order *order)
{
    return task_order_check(order, session->ranks, may_be_key, session);
}

uint64_t inside_submit(struct session *session, const struct task_order *order)
{
    return nest_submit(nest_of(session), running_task_job(), order);
}

dmpi_status inside_submit_graph(struct session *session,
                                const dmpi_graph_task tasks[], size_t count,
                                dmpi_key keys[])
{
    struct graph graph;
    dmpi_status status = graph_init(&graph, tasks, count, may_be_key, session);
    if (status) return status;
    uint64_t *inputs = log_alloc(graph_most_inputs(&graph) * sizeof *inputs);
    for (size_t place = 0; place < count; place++) {
        size_t i = graph_number(&graph, place);
        struct task_order order;
        task_order_init(&order, &tasks[i]);
        graph_inputs(&graph, i, keys, inputs);
        order.inputs = inputs;
        order.terms.number = i;
        keys[i] = inside_submit(session, &order);
    }
    free(inputs);
    graph_fini(&graph);
    return DMPI_OK;
}

/* ---- values --------------------------------------------------------------*/

void inside_drop(struct session *session, uint64_t key)
{
    custody_release(nest_of(session)->custody, key);
}

dmpi_status inside_put(struct session *session, const void *data, size_t size,
                       dmpi_key *key)
{
    struct buffer *buffer = buffer_new(size);
    if (!buffer)
        return fault(DMPI_ENOMEM, "no memory for a value of %zu bytes", size);
    if (size) memcpy(buffer->data, data, size);
    *key = errand_put(worker_custody(session->worker), session->worker_rank, 0,
                      running_task_job()->key, buffer);
    buffer_unref(buffer);
    return DMPI_OK;
}

/* ---- waiting -------------------------------------------------------------*/

/* What makes KEY runs on top of the caller, if it is ready here. *NOW_NS goes
 * along. */
static void run_on_top(struct session *session, dmpi_key key, uint64_t *now_ns)
{
    struct job *job;
    while (!nest_look(nest_of(session), key) &&
           (job = nest_ready_job(nest_of(session), key)) &&
           stack_has_room(session))
        session_run_on_top(session, job, now_ns);
}

/* One wait for many keys. */
struct wait {
    struct session *session;
    const dmpi_key *keys;
    size_t count;
    struct waiter waiter;
    struct inquiry **inquiries; /* owned; by key, NULL: it was here; all of it
                                * NULL: nothing was asked */
    size_t asked;
};

static void ask(struct wait *wait, size_t i)
{
    static char nothing;
    struct nest *nest = nest_of(wait->session);
    if (nest_look(nest, wait->keys[i])) return;
    if (!wait->inquiries) {
        size_t bytes = wait->count * sizeof(struct inquiry *);
        wait->inquiries = log_alloc(bytes);
        memset(wait->inquiries, 0, bytes);
    }
    wait->inquiries[i] =
        nest_ask(nest, &wait->waiter, wait->keys[i], &nothing, 0);
    wait->asked++;
}

/* DMPI_OK, DMPI_EFAILED, DMPI_ENOKEY; DMPI_ETIMEOUT: it has not ended. */
static dmpi_status look(const struct wait *wait, size_t i)
{
    const struct buffer *here;
    if (!wait->inquiries || !wait->inquiries[i]) {
        here = nest_look(nest_of(wait->session), wait->keys[i]);
        if (here) return here->is_error ? DMPI_EFAILED : DMPI_OK;
        return wait->inquiries ? DMPI_OK : DMPI_ETIMEOUT;
    }
    const struct request *request = inquiry_request(wait->inquiries[i]);
    if (!request->done) return DMPI_ETIMEOUT;
    bool ended =
        request->status == DMPI_EFAILED || request->status == DMPI_ENOKEY;
    return ended ? request->status : DMPI_OK;
}

static dmpi_status in_a_circle(const struct waiter *waiter)
{
    return fault(DMPI_EDEADLOCK, "%s", waiter->circle);
}

static dmpi_status unknown_key(size_t i)
{
    return fault(DMPI_ENOKEY, "number %zu is not a key of this pool", i);
}

static dmpi_status failed_key(size_t i)
{
    return fault(DMPI_EFAILED,
                 "the task of key number %zu failed: dmpi_error() tells why",
                 i);
}

static dmpi_status outcome_all(const struct wait *wait, double timeout,
                               size_t *which)
{
    size_t late = wait->count, failed = wait->count;
    for (size_t i = wait->count; i-- > 0;) {
        dmpi_status status = look(wait, i);
        if (status == DMPI_ENOKEY) return unknown_key(*which = i);
        if (status == DMPI_ETIMEOUT) late = i;
        if (status == DMPI_EFAILED) failed = i;
    }
    *which = late < wait->count ? late : failed;
    if (late < wait->count)
        return fault(DMPI_ETIMEOUT, "not ended within %g s", timeout);
    return failed < wait->count ? failed_key(failed) : DMPI_OK;
}

static dmpi_status outcome_any(const struct wait *wait, double timeout,
                               size_t *which)
{
    dmpi_status status = DMPI_ETIMEOUT;
    size_t i = 0;
    while (i < wait->count && (status = look(wait, i)) == DMPI_ETIMEOUT) i++;
    *which = i < wait->count ? i : 0;
    switch (status) {
    case DMPI_ETIMEOUT:
        if (!wait->count) return DMPI_OK;
        return fault(DMPI_ETIMEOUT, "not ended within %g s", timeout);
    case DMPI_EFAILED: return failed_key(i);
    case DMPI_ENOKEY: return unknown_key(i);
    default: return DMPI_OK;
    }
}

static bool any_is_here(const struct wait *wait)
{
    for (size_t i = 0; i < wait->count; i++)
        if (nest_look(nest_of(wait->session), wait->keys[i])) return true;
    return false;
}

/* Ask for all that is not here, and wait. */
static void block(struct wait *wait, bool all, double timeout)
{
    for (size_t i = 0; i < wait->count; i++) ask(wait, i);
    bool enough = !wait->asked || (!all && wait->asked < wait->count);
    if (!enough)
        stack_block(wait->session, &wait->waiter, all,
                    session_deadline_ns(timeout));
}

dmpi_status inside_wait(struct session *session, const dmpi_key keys[],
                        size_t count, dmpi_wait_mode mode, double timeout,
                        size_t *which)
{
    bool all = mode == DMPI_ALL;
    struct wait wait = {.session = session, .keys = keys, .count = count};
    size_t place;
    if (!which) which = &place;
    for (size_t i = 0; i < count; i++)
        if (!may_be_key(session, keys[i])) return unknown_key(*which = i);
    uint64_t begin_ns = clock_ns(), now_ns = begin_ns;
    if (all && timeout < 0)
        for (size_t i = 0; i < count; i++)
            run_on_top(session, keys[i], &now_ns);
    waiter_init(&wait.waiter, running_task_job());
    if (all || !any_is_here(&wait)) block(&wait, all, timeout);
    if (wait.asked) now_ns = clock_ns();
    running_was_away(now_ns - begin_ns);
    dmpi_status status = *wait.waiter.circle ? in_a_circle(&wait.waiter)
                         : all ? outcome_all(&wait, timeout, which)
                               : outcome_any(&wait, timeout, which);
    for (size_t i = 0; wait.inquiries && i < count; i++)
        if (wait.inquiries[i]) nest_close(nest_of(session), wait.inquiries[i]);
    free(wait.inquiries);
    return status;
}

dmpi_status inside_get(struct session *session, dmpi_key key, void *data,
                       size_t room, struct request *result)
{
    struct nest *nest = nest_of(session);
    struct waiter waiter;
    if (!may_be_key(session, key))
        return fault(DMPI_ENOKEY, "not a key of this pool");
    uint64_t begin_ns = clock_ns(), now_ns = begin_ns;
    run_on_top(session, key, &now_ns);
    bool here = nest_look(nest, key);
    waiter_init(&waiter, running_task_job());
    struct inquiry *inquiry = nest_ask(nest, &waiter, key, data, room);
    stack_block(session, &waiter, true, UINT64_MAX);
    if (!here) now_ns = clock_ns();
    running_was_away(now_ns - begin_ns);
    if (*waiter.circle) {
        nest_close(nest, inquiry);
        return in_a_circle(&waiter);
    }
    nest_take(nest, inquiry, result);
    if (result->status == DMPI_ENOKEY)
        return fault(DMPI_ENOKEY, "not a key of this pool");
    return result->status;
}
