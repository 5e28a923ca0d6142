/* SPDX-License-Identifier: BSD-3-Clause */
/* gang.c - tasks on several workers at once. */
#include "gang.h"

#include <stdlib.h>
#include <string.h>

#include "comms.h"
#include "distmpi/gang.h"
#include "durable.h"
#include "fault.h"
#include "log.h"
#include "pool.h"
#include "running.h"

/* ---- submission ----------------------------------------------------------*/

static dmpi_status check_level(const struct session *session)
{
    if (!session->mpi || world_is_multiple(session->world)) return DMPI_OK;
    return fault(DMPI_ESTATE,
                 "gangs need MPI_THREAD_MULTIPLE: ask for it in "
                 "MPI_Init_thread(), or let dmpi_open() start MPI");
}

/* Of the terms only the seed makes sense: which worker it gets is decided for
 * all members together, and none is run again alone. */
static dmpi_status check_options(const struct task_order *order)
{
    static const struct msg_terms none = {0};
    struct msg_terms terms = order->terms;
    terms.seed = terms.number = 0;
    if (!order->target && !(order->flags & ~RUN_TERMS) && !order->resources &&
        !memcmp(&terms, &none, sizeof terms))
        return DMPI_OK;
    return fault(DMPI_EINVAL, "of the options of a gang only name, priority "
                              "and seed may be set");
}

/* ORDERS has room for COUNT. */
static dmpi_status make_orders(struct session *session,
                               const dmpi_function *function,
                               const dmpi_gang_member members[], size_t count,
                               const dmpi_task_options *options,
                               struct task_order orders[])
{
    for (size_t i = 0; i < count; i++) {
        dmpi_gang_member none = {0};
        const dmpi_gang_member *member = members ? &members[i] : &none;
        const dmpi_graph_task task = {
            function,     member->inputs, member->input_count,
            member->args, member->size,   options};
        dmpi_status status = pool_make_order(&task, &orders[i]);
        orders[i].terms.number = i;
        if (!status) status = check_options(&orders[i]);
        if (!status) status = center_check_order(session->center, &orders[i]);
        if (status) return status;
    }
    return DMPI_OK;
}

static dmpi_status submit(struct session *session,
                          const dmpi_function *function,
                          const dmpi_gang_member members[], size_t count,
                          const dmpi_task_options *options, dmpi_key keys[])
{
    struct task_order *orders = log_alloc(count * sizeof *orders);
    dmpi_status status =
        make_orders(session, function, members, count, options, orders);
    if (!status)
        status =
            session->durable
                ? durable_submit_gang(session->durable, orders, count, keys)
                : center_submit_gang(session->center, orders, count, keys);
    free(orders);
    return status;
}

dmpi_status dmpi_submit_gang(dmpi_pool *pool, const dmpi_function *function,
                             const dmpi_gang_member members[], size_t count,
                             const dmpi_task_options *options, dmpi_key keys[])
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    if (!count) status = fault(DMPI_EINVAL, "a gang has at least one member");
    else if (!keys) status = fault(DMPI_EINVAL, "no place for the keys");
    else if (count >= (size_t)session->ranks)
        status = fault(DMPI_EINVAL,
                       "a gang of %zu in a pool of %d workers: start more "
                       "ranks, or ask for a smaller gang",
                       count, session->ranks - 1);
    else status = check_level(session);
    if (!status)
        status = submit(session, function, members, count, options, keys);
    return session_leave(session, status);
}

/* ---- running -------------------------------------------------------------*/

/* Where ranks share cores a member that waits in MPI must let others run. */
static void set_yielding(const struct session *session, bool yield)
{
    if (session->mpi && session->crowded) mpi_port_set_yielding(yield);
}

void gang_begin(struct session *session, const struct muster *gang)
{
    set_yielding(session, true);
    comms_enter(session->comms, gang->comm, gang->ranks, gang->size);
}

void gang_end(struct session *session)
{
    comms_leave(session->comms);
    set_yielding(session, false);
}

const void *gang_comm(const dmpi_task *task)
{
    bool member = running_gang(task) != NULL;
    return member ? comms_current(session_current()->comms) : NULL;
}

int dmpi_gang_index(const dmpi_task *task)
{
    const struct muster *gang = running_gang(task);
    return gang ? (int)gang->index : 0;
}

int dmpi_gang_size(const dmpi_task *task)
{
    const struct muster *gang = running_gang(task);
    return gang ? (int)gang->size : 1;
}
