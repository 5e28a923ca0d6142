/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - the pool's calls: check, tell the center, turn the loop until it is
 * so. */
#include "distmpi/pool.h"

#include <stdlib.h>
#include <string.h>

#include "durable.h"
#include "fault.h"
#include "inside.h"
#include "log.h"
#include "pool.h"
#include "registry.h"
#include "running.h"
#include "session.h"

enum { ARGS_MAX = 1 << 30 };

/* ---- submission ----------------------------------------------------------*/

static dmpi_status check_order(struct session *session,
                               const struct task_order *order)
{
    if (inside()) return inside_check(session, order);
    return center_check_order(session->center, order);
}

static uint64_t submit(struct session *session, const struct task_order *order)
{
    if (inside()) return inside_submit(session, order);
    uint64_t key = session->durable ? durable_submit(session->durable, order)
                                    : center_submit(session->center, order);
    center_settle(session->center);
    return key;
}

/* A task wants an executor. */
static dmpi_status check_isolation(const struct session *session)
{
    if (session->config.value[CONFIG_ISOLATE]) return DMPI_OK;
    return fault(DMPI_EINVAL, "no task can be isolated: set DISTMPI_ISOLATE to "
                              "tasks or process");
}

dmpi_status pool_make_order(const dmpi_graph_task *task,
                            struct task_order *order)
{
    if (!registry_has(task->function))
        return fault(DMPI_EINVAL, "the function is not registered: define it "
                                  "by DMPI_TASK() or dmpi_register()");
    if ((task->input_count && !task->inputs) || (task->size && !task->args))
        return fault(DMPI_EINVAL, "inputs or arguments are NULL");
    if (task->size > ARGS_MAX || task->input_count > UINT32_MAX / 2)
        return fault(DMPI_EINVAL, "arguments are limited to 1 GiB, put larger "
                                  "data and pass its key");
    dmpi_status status = task_order_init(order, task);
    if (status || !(order->flags & RUN_ISOLATED)) return status;
    return check_isolation(session_current());
}

dmpi_status dmpi_submit(dmpi_pool *pool, const dmpi_function *function,
                        const dmpi_key inputs[], size_t input_count,
                        const void *args, size_t size,
                        const dmpi_task_options *options, dmpi_key *key)
{
    struct session *session;
    struct task_order order;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    const dmpi_graph_task task = {function, inputs, input_count,
                                  args,     size,   options};
    status = pool_make_order(&task, &order);
    if (!status && !key) status = fault(DMPI_EINVAL, "no place for the key");
    if (!status) status = check_order(session, &order);
    if (!status) *key = submit(session, &order);
    return session_leave(session, status);
}

/* For the keys and the arguments of COUNT tasks. */
static dmpi_status check_room(size_t count, size_t size, const dmpi_key keys[])
{
    if (count && !keys) return fault(DMPI_EINVAL, "no place for the keys");
    if (fault_fits(count, sizeof *keys) && fault_fits(count, size))
        return DMPI_OK;
    return fault(DMPI_EINVAL, "no array has %zu entries of %zu bytes", count,
                 size > sizeof *keys ? size : sizeof *keys);
}

static dmpi_status check_map(struct session *session, struct task_order *order,
                             const dmpi_key inputs[], size_t count)
{
    for (size_t i = 0; inputs && i < count; i++) {
        order->inputs = &inputs[i];
        dmpi_status status = check_order(session, order);
        if (status == DMPI_ENOKEY)
            return fault(DMPI_ENOKEY, "input %zu is not a key of this pool", i);
        if (status) return status;
    }
    if (inputs) return DMPI_OK;
    return check_order(session, order);
}

/* A map that turns the loop, in which tasks of others may drop keys, holds on to
 * its inputs meanwhile. */
static void need_inputs(struct session *session, const dmpi_key inputs[],
                        size_t count, void (*change)(struct center *, uint64_t))
{
    if (!inputs || count <= SESSION_PACE || inside()) return;
    for (size_t i = 0; i < count; i++) change(session->center, inputs[i]);
}

dmpi_status dmpi_map(dmpi_pool *pool, const dmpi_function *function,
                     size_t count, const dmpi_key inputs[], const void *args,
                     size_t size, const dmpi_task_options *options,
                     dmpi_key keys[])
{
    struct session *session;
    struct task_order order;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    size_t args_size = args ? size : 0;
    const dmpi_graph_task first = {function, inputs,    inputs ? 1 : 0,
                                   args,     args_size, options};
    status = pool_make_order(&first, &order);
    if (!status) status = check_room(count, args_size, keys);
    if (!status) status = check_map(session, &order, inputs, count);
    if (!status) need_inputs(session, inputs, count, center_need);
    for (size_t i = 0; !status && i < count; i++) {
        if (inputs) order.inputs = &inputs[i];
        if (args) order.args = (const char *)args + i * args_size;
        order.terms.number = i;
        keys[i] = submit(session, &order);
        session_pace(session, i);
    }
    if (!status) need_inputs(session, inputs, count, center_unneed);
    return session_leave(session, status);
}

/* ---- tasks that go on ----------------------------------------------------*/

static dmpi_status check_to_go_on(const struct task_order *order)
{
    if (!inside())
        return fault(DMPI_ESTATE, "only a task of the pool can go on");
    if (order->target || task_order_is_picky(order))
        return fault(DMPI_EINVAL, "it goes on where it is: name no rank, node, "
                                  "cores or resources");
    return DMPI_OK;
}

dmpi_status dmpi_task_go_on(dmpi_task *task, const dmpi_function *function,
                            const dmpi_key inputs[], size_t input_count,
                            const void *args, size_t size,
                            const dmpi_task_options *options)
{
    struct session *session;
    struct task_order order;
    dmpi_status status = session_enter_inside(dmpi_task_pool(task), &session);
    if (status) return status;
    const dmpi_graph_task next = {function, inputs, input_count,
                                  args,     size,   options};
    status = pool_make_order(&next, &order);
    if (!status) status = check_to_go_on(&order);
    if (!status) status = inside_check(session, &order);
    if (!status) status = running_go_on(task, &order);
    return session_leave(session, status);
}

/* ---- graphs --------------------------------------------------------------*/

/* Each task on its own; their inputs are looked at by the center. */
static dmpi_status check_graph_tasks(struct session *session,
                                     const dmpi_graph_task tasks[],
                                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct task_order order;
        dmpi_status status = pool_make_order(&tasks[i], &order);
        order.input_count = 0;
        if (!status) status = check_order(session, &order);
        if (status) return status;
    }
    return DMPI_OK;
}

static dmpi_status submit_graph(struct session *session,
                                const dmpi_graph_task tasks[], size_t count,
                                dmpi_key keys[])
{
    const struct submitter durable = {durable_submit, session->durable};
    if (inside()) return inside_submit_graph(session, tasks, count, keys);
    return center_submit_graph(session->center, tasks, count,
                               session->durable ? &durable : NULL, keys);
}

dmpi_status dmpi_submit_graph(dmpi_pool *pool, const dmpi_graph_task tasks[],
                              size_t count, dmpi_key keys[])
{
    struct session *session;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    if (count && !tasks) status = fault(DMPI_EINVAL, "tasks are NULL");
    else status = check_room(count, sizeof *tasks, keys);
    if (!status) status = check_graph_tasks(session, tasks, count);
    if (!status) status = submit_graph(session, tasks, count, keys);
    return session_leave(session, status);
}

/* ---- waiting -------------------------------------------------------------*/

static dmpi_status check_keys(const dmpi_key keys[], size_t count)
{
    if (count && !keys) return fault(DMPI_EINVAL, "keys are NULL");
    if (fault_fits(count, sizeof *keys)) return DMPI_OK;
    return fault(DMPI_EINVAL, "no array has %zu keys", count);
}

struct waiting {
    struct session *session;
    const dmpi_key *keys;
    size_t count;
    size_t at;      /* ALL: all before have ended; ANY: one that has */
    size_t failed;  /* the first failed one, or count */
    bool unknown;   /* keys[at] is no key */
    uint64_t ended; /* tasks, when ANY was last looked for, and one */
};

static bool all_ended(void *argument)
{
    struct waiting *waiting = argument;
    for (; waiting->at < waiting->count; waiting->at++) {
        struct center_view view;
        if (!center_look(waiting->session->center, waiting->keys[waiting->at],
                         &view))
            return waiting->unknown = true;
        if (view.state < DMPI_DONE) return false;
        if (view.state == DMPI_FAILED && waiting->failed == waiting->count)
            waiting->failed = waiting->at;
    }
    return true;
}

/* Only if a task has ended since the last look there is something to be found. */
static bool any_ended(void *argument)
{
    struct waiting *waiting = argument;
    uint64_t ended = 1 + center_ended(waiting->session->center);
    if (waiting->ended == ended) return false;
    waiting->ended = ended;
    for (size_t i = 0; i < waiting->count; i++) {
        struct center_view view;
        waiting->at = i;
        if (!center_look(waiting->session->center, waiting->keys[i], &view))
            return waiting->unknown = true;
        if (view.state < DMPI_DONE) continue;
        if (view.state == DMPI_FAILED) waiting->failed = i;
        return true;
    }
    return !waiting->count;
}

static dmpi_status check_wait(const dmpi_key keys[], size_t count,
                              dmpi_wait_mode mode, double timeout)
{
    dmpi_status status = check_keys(keys, count);
    if (status) return status;
    if (mode != DMPI_ALL && mode != DMPI_ANY)
        return fault(DMPI_EINVAL, "no way to wait: use DMPI_ALL or DMPI_ANY");
    return session_check_timeout(timeout);
}

static dmpi_status wait_keys(struct waiting *waiting, dmpi_wait_mode mode,
                             double timeout, size_t *which)
{
    size_t place;
    if (timeout == 0) session_turn(waiting->session, TURN_MAIN);
    bool ready =
        session_wait(waiting->session, mode == DMPI_ANY ? any_ended : all_ended,
                     waiting, session_deadline_ns(timeout));
    if (!which) which = &place;
    *which = waiting->at;
    if (waiting->unknown)
        return fault(DMPI_ENOKEY, "number %zu is not a key of this pool",
                     waiting->at);
    if (!ready) return fault(DMPI_ETIMEOUT, "not ended within %g s", timeout);
    if (waiting->failed == waiting->count) return DMPI_OK;
    *which = waiting->failed;
    return fault(session_failed(waiting->session),
                 "the task of key number %zu failed: dmpi_error() "
                 "tells why",
                 waiting->failed);
}

dmpi_status dmpi_wait(dmpi_pool *pool, const dmpi_key keys[], size_t count,
                      dmpi_wait_mode mode, double timeout, size_t *which)
{
    struct waiting waiting = {.keys = keys, .count = count, .failed = count};
    dmpi_status status = session_enter_inside(pool, &waiting.session);
    if (status) return status;
    status = check_wait(keys, count, mode, timeout);
    if (!status)
        status = inside() ? inside_wait(waiting.session, keys, count, mode,
                                        timeout, which)
                          : wait_keys(&waiting, mode, timeout, which);
    return session_leave(waiting.session, status);
}

dmpi_status dmpi_state(dmpi_pool *pool, dmpi_key key, dmpi_key_state *state)
{
    struct session *session;
    struct center_view view;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    session_turn(session, TURN_MAIN);
    if (session->worker) session_run_elsewhere(session);
    if (!center_look(session->center, key, &view))
        status = fault(DMPI_ENOKEY, "not a key of this pool");
    else if (state) *state = view.state;
    return session_leave(session, status);
}

static dmpi_status cancel_one(struct session *session, dmpi_key key)
{
    return center_cancel(session->center, key);
}

static dmpi_status drop_one(struct session *session, dmpi_key key)
{
    dmpi_status status = DMPI_OK;
    if (inside()) inside_drop(session, key);
    else status = center_drop(session->center, key);
    if (session->durable) durable_dropped(session->durable, key);
    return status;
}

/* CHANGE all that are keys; the first that is none is told. */
static dmpi_status
change_all(struct session *session, const dmpi_key keys[], size_t count,
           dmpi_status (*change)(struct session *session, dmpi_key key))
{
    dmpi_status status = check_keys(keys, count);
    for (size_t i = 0; keys && status != DMPI_EINVAL && i < count; i++)
        if (keys[i] && change(session, keys[i]) && !status)
            status =
                fault(DMPI_ENOKEY, "number %zu is not a key of this pool", i);
    return status;
}

dmpi_status dmpi_cancel(dmpi_pool *pool, const dmpi_key keys[], size_t count)
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    status = change_all(session, keys, count, cancel_one);
    center_settle(session->center);
    return session_leave(session, status);
}

dmpi_status dmpi_drop(dmpi_pool *pool, const dmpi_key keys[], size_t count)
{
    struct session *session;
    dmpi_status status = session_enter_inside(pool, &session);
    if (status) return status;
    status = change_all(session, keys, count, drop_one);
    return session_leave(session, status);
}

size_t dmpi_workers(const dmpi_pool *pool)
{
    const struct session *session = session_current();
    bool open = session && (const void *)pool == session;
    return open ? (size_t)session->ranks - 1 : 0;
}
