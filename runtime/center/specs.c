/* SPDX-License-Identifier: BSD-3-Clause */
/* specs.c - the specs of tasks with terms; the others are made in the header. */
#include "specs.h"

#include <assert.h>
#include <stdbool.h>

#include "fault.h"

void specs_init(struct specs *specs, struct values *values,
                const struct supply *supply)
{
    *specs = (struct specs){.turn = 0};
    epochs_init(&specs->epochs, values);
    demands_init(&specs->demands, supply, values->roster->info,
                 values->roster->ranks);
}

void specs_fini(struct specs *specs)
{
    epochs_fini(&specs->epochs);
    demands_fini(&specs->demands);
    mem_fini(&specs->mem);
}

/* ---- what is asked for ---------------------------------------------------*/

/* False: DMPI_EINVAL, it makes no sense. */
static bool read_wish(const struct specs *specs, const struct task_order *order,
                      struct wish *wish)
{
    char why[300];
    bool hard = order->flags & RUN_NODE;
    *wish = (struct wish){.cores = order->terms.cores,
                          .rank = order->flags & RUN_PINNED ? order->target : 0,
                          .node = hard || !order->resources ? order->terms.node
                                                            : 0};
    if (!order->resources ||
        supply_read_amounts(specs->demands.supply, order->resources,
                            &wish->amounts, why, sizeof why))
        return true;
    fault(DMPI_EINVAL, "%s", why);
    return false;
}

/* What ORDER, which is picky, asks for; NULL: DMPI_EINVAL, nobody has it. */
static struct demand *find_demand(struct specs *specs,
                                  const struct task_order *order)
{
    struct wish wish;
    if (!read_wish(specs, order, &wish)) return NULL;
    struct demand *demand = demands_find(&specs->demands, &wish);
    if (demand || !wish.node || order->flags & RUN_NODE) return demand;
    wish.node = 0; /* it was only preferred */
    return demands_find(&specs->demands, &wish);
}

dmpi_status specs_check(struct specs *specs, const struct task_order *order)
{
    const bool *lost = specs->epochs.values->port->lost;
    if (order->flags & RUN_PINNED && order->target && lost[order->target])
        return fault(DMPI_ELOST, "rank %d is lost, and no other may run it",
                     order->target);
    bool good = !task_order_is_picky(order) || find_demand(specs, order);
    return good ? DMPI_OK : DMPI_EINVAL;
}

/* ---- tasks with terms ----------------------------------------------------*/

struct spec *specs_new_with_terms(struct specs *specs,
                                  const struct task_order *order)
{
    struct task_order full = *order;
    struct demand *demand = NULL;
    full.flags |= RUN_TERMS; /* without them they are all zero */
    if (full.terms.epoch) epochs_join(&specs->epochs, full.terms.epoch);
    else if (specs->epochs.last && !order->key)
        full.terms.epoch = epochs_enter(&specs->epochs);
    if (task_order_is_picky(order)) {
        demand = find_demand(specs, order);
        assert(demand); /* ORDER can run */
        full.terms.ids = (uint16_t)demand->ids;
        if (demand->ids) full.flags |= RUN_PINNED;
    }
    struct spec *spec = specs_new_plain(specs, &full);
    if (demand) demands_begin(&specs->demands, demand, spec);
    return spec;
}

struct spec *specs_copy(struct specs *specs, struct spec *spec)
{
    size_t bytes = specs_bytes(specs, spec->inputs, spec_tail(spec));
    uint64_t epoch = spec->flags & RUN_TERMS ? spec_terms(spec)->epoch : 0;
    struct spec *copy = mem_take(&specs->mem, bytes);
    assert(specs->traced && !spec_is_picky(spec));
    memcpy(copy, spec, bytes);
    copy->link = (struct link){0};
    copy->watchers = NULL;
    copy->placed = 0;
    *spec_origin(copy) = (struct origin){0};
    if (epoch) epochs_join(&specs->epochs, epoch);
    return copy;
}

/* It had its ticket until now: its task might have been run again. */
void specs_free_traced(struct specs *specs, struct spec *spec)
{
    size_t bytes = specs_bytes(specs, spec->inputs, spec_tail(spec));
    uint64_t epoch = spec->flags & RUN_TERMS ? spec_terms(spec)->epoch : 0;
    if (spec_is_picky(spec)) demands_end(&specs->demands, spec);
    if (epoch) epochs_leave(&specs->epochs, epoch);
    mem_give(&specs->mem, spec, bytes);
}
