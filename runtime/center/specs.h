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
    bool traced; /* each spec has an origin behind it, see lineage.h */
};

/* What is kept with a spec for its lineage. */
struct origin {
    uint32_t users;     /* specs that have its record among their inputs */
    uint16_t crashes;   /* workers that were lost while it ran there */
    uint8_t status;     /* a dmpi_status: it was not run, this is its end; 0 */
    bool cancelled : 1; /* its worker was told so */
    bool partial : 1;   /* not all its inputs are known: it cannot run again */
    bool outside : 1;   /* its value can be recalled, see values_bring() */
    bool part : 1;      /* of a gang, which keeps it, see lineage_join_gang() */
};

/* Of a spec of traced specs. */
static inline struct origin *spec_origin(struct spec *spec)
{
    size_t bytes = spec_bytes(spec->inputs, spec_tail(spec));
    return (struct origin *)((char *)spec + message_padded(bytes));
}

static inline size_t specs_bytes(const struct specs *specs, uint32_t inputs,
                                 size_t tail)
{
    size_t bytes = spec_bytes(inputs, tail);
    return specs->traced ? message_padded(bytes) + sizeof(struct origin)
                         : bytes;
}

/* VALUES and SUPPLY stay the caller's. */
void specs_init(struct specs *specs, struct values *values,
                const struct supply *supply);
void specs_fini(struct specs *specs);

/* Can ORDER ever run? DMPI_EINVAL: no worker has what it asks for. DMPI_ELOST:
 * it has to run on a rank that is lost. */
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
        mem_take(&specs->mem, specs_bytes(specs, inputs, terms + args + name));
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
    if (specs->traced) *spec_origin(spec) = (struct origin){0};
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

/* A spec like SPEC, which is traced and has no ticket; it has the same inputs,
 * which do not know of it. */
struct spec *specs_copy(struct specs *specs, struct spec *spec);

/* The task of SPEC has ended, or has to run again: others may have what it
 * held. */
static inline void specs_give_back(struct specs *specs, struct spec *spec)
{
    if (!spec_is_picky(spec)) return;
    if (specs->traced) demands_give_back(&specs->demands, spec);
    else demands_end(&specs->demands, spec);
}

/* The memory of SPEC, whatever it holds: the pool is gone. */
static inline void specs_discard(struct specs *specs, struct spec *spec)
{
    mem_give(&specs->mem, spec,
             specs_bytes(specs, spec->inputs, spec_tail(spec)));
}

/* SPEC has given back what it held, and nobody refers to it any more. */
void specs_free_traced(struct specs *specs, struct spec *spec);
static inline void specs_free(struct specs *specs, struct spec *spec)
{
    if (__builtin_expect(specs->traced, 0)) {
        specs_free_traced(specs, spec);
        return;
    }
    uint64_t epoch = spec->flags & RUN_TERMS ? spec_terms(spec)->epoch : 0;
    if (epoch) epochs_leave(&specs->epochs, epoch);
    mem_give(&specs->mem, spec, spec_bytes(spec->inputs, spec_tail(spec)));
}

#endif
