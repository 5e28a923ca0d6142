/* SPDX-License-Identifier: BSD-3-Clause */
/* specs.h - what a task takes of the center from its order until it has ended:
 * memory, a ticket, a place in an epoch.
 *
 * A task that not every worker may run always has the ticket of its demand, and
 * one that sees constants is always counted in their epoch. Both stand in its
 * terms: a spec without terms owes nobody anything but its memory. */
#ifndef SPECS_H
#define SPECS_H

#include <string.h>

#include "demands.h"
#include "epochs.h"
#include "mem.h"
#include "order.h"
#include "task.h"

struct specs {
    struct mem mem;         /* of the specs */
    struct epochs epochs;   /* of constants */
    struct demands demands; /* of tasks that not all may run */
    uint32_t turn;          /* of the next task */
};

/* VALUES and SUPPLY stay the caller's. */
void specs_init(struct specs *specs, struct values *values,
                const struct supply *supply);
void specs_fini(struct specs *specs);

/* Can ORDER ever run? DMPI_EINVAL: no worker has what it asks for. */
dmpi_status specs_check(struct specs *specs, const struct task_order *order);

/* The ids behind TERMS are not known yet. */
static inline void specs_copy_terms(char *to, const struct msg_terms *terms)
{
    memcpy(to, terms, sizeof *terms);
    memset(to + sizeof *terms, 0, terms_bytes(terms) - sizeof *terms);
}

/* The spec of ORDER, just as that says. Its inputs are the caller's to fill in. */
static inline __attribute__((always_inline)) struct spec *
specs_new_plain(struct specs *specs, const struct task_order *order)
{
    size_t name = order->name ? strnlen(order->name, DMPI_NAME_MAX - 1) : 0;
    uint32_t inputs = (uint32_t)order->input_count;
    uint32_t args = (uint32_t)order->size;
    size_t terms = order->flags & RUN_TERMS ? terms_bytes(&order->terms) : 0;
    struct spec *spec =
        mem_take(&specs->mem, spec_bytes(inputs, terms + args + name));
    *spec = (struct spec){
        .order = order->order
                     ? order->order
                     : order_make(order->priority, specs->turn + order->later),
        .function = order->function,
        .inputs = inputs,
        .args = args,
        .name = (uint8_t)name,
        .target = order->target,
        .flags = order->flags};
    char *tail = (char *)spec_terms(spec);
    if (terms) specs_copy_terms(tail, &order->terms);
    if (args) memcpy(tail + terms, order->args, args);
    if (name) memcpy(tail + terms + args, order->name, name);
    return spec;
}

/* The same with terms: ORDER, which can run, gets its ticket and joins an epoch,
 * its own or, if the center has made its key, the last. */
struct spec *specs_new_with_terms(struct specs *specs,
                                  const struct task_order *order);

/* The one or the other, as ORDER and the constants that there are want it. */
static inline __attribute__((always_inline)) struct spec *
specs_new(struct specs *specs, const struct task_order *order)
{
    return order->flags & RUN_TERMS || specs->epochs.last
               ? specs_new_with_terms(specs, order)
               : specs_new_plain(specs, order);
}

/* SPEC, which is picky, has this demand. */
static inline struct demand *specs_demand(const struct specs *specs,
                                          struct spec *spec)
{
    return demands_ticket(&specs->demands, spec)->demand;
}

/* The task of SPEC has ended: others may have what it held. */
static inline void specs_give_back(struct specs *specs, struct spec *spec)
{
    if (spec_is_picky(spec)) demands_end(&specs->demands, spec);
}

/* SPEC has given back what it held, and nobody refers to it any more. */
static inline void specs_free(struct specs *specs, struct spec *spec)
{
    uint64_t epoch = spec->flags & RUN_TERMS ? spec_terms(spec)->epoch : 0;
    if (epoch) epochs_leave(&specs->epochs, epoch);
    mem_give(&specs->mem, spec, spec_bytes(spec->inputs, spec_tail(spec)));
}

#endif
