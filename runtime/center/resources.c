/* SPDX-License-Identifier: BSD-3-Clause */
/* resources.c - a stack of free ids for each kind and place. */
#include "resources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct stock {
    int total, free;
    uint16_t *ids; /* the free ones, the next to be taken last; owned */
};

static struct stock *stock_at(const struct resources *resources, int kind,
                              int rank)
{
    bool of_pool = resources->supply->kinds[kind].of_pool;
    return &resources->stocks[kind * resources->ranks + (of_pool ? 0 : rank)];
}

static void stock_init(struct stock *stock, int count)
{
    *stock = (struct stock){
        .total = count,
        .free = count,
        .ids = count ? log_alloc((size_t)count * sizeof(uint16_t)) : NULL};
    for (int i = 0; i < count; i++) stock->ids[i] = (uint16_t)(count - 1 - i);
}

void resources_init(struct resources *resources, const struct supply *supply,
                    int ranks)
{
    size_t stocks = (size_t)supply->kind_count * (size_t)ranks;
    size_t bytes = stocks * sizeof(struct stock);
    *resources = (struct resources){
        .supply = supply, .ranks = ranks, .stocks = log_alloc(bytes)};
    memset(resources->stocks, 0, bytes);
    for (int kind = 0; kind < supply->kind_count; kind++)
        for (int rank = 1; rank < ranks; rank++) {
            struct stock *stock = stock_at(resources, kind, rank);
            if (!stock->ids)
                stock_init(stock, supply_count(supply, kind, rank));
        }
}

void resources_fini(struct resources *resources)
{
    size_t stocks =
        (size_t)resources->supply->kind_count * (size_t)resources->ranks;
    for (size_t i = 0; i < stocks; i++) free(resources->stocks[i].ids);
    free(resources->stocks);
}

int resources_free(const struct resources *resources, int kind, int rank)
{
    return stock_at(resources, kind, rank)->free;
}

int resources_total(const struct resources *resources, int kind, int rank)
{
    return stock_at(resources, kind, rank)->total;
}

void resources_take(struct resources *resources, const struct amounts *amounts,
                    int rank, struct msg_resource ids[])
{
    for (int kind = 0; kind < resources->supply->kind_count; kind++) {
        struct stock *stock = stock_at(resources, kind, rank);
        assert(stock->free >= amounts->of[kind]);
        for (int i = 0; i < amounts->of[kind]; i++)
            *ids++ = (struct msg_resource){.kind = (uint16_t)kind,
                                           .id = stock->ids[--stock->free]};
    }
}

void resources_give(struct resources *resources, int rank,
                    const struct msg_resource ids[], size_t count)
{
    while (count--) {
        struct stock *stock = stock_at(resources, ids[count].kind, rank);
        assert(stock->free < stock->total);
        stock->ids[stock->free++] = ids[count].id;
    }
}

void resources_check(const struct resources *resources)
{
    size_t stocks =
        (size_t)resources->supply->kind_count * (size_t)resources->ranks;
    for (size_t i = 0; i < stocks; i++) {
        const struct stock *stock = &resources->stocks[i];
        bool seen[SUPPLY_COUNT_MAX] = {false};
        assert(stock->free >= 0 && stock->free <= stock->total);
        for (int k = 0; k < stock->free; k++) {
            assert(stock->ids[k] < stock->total && !seen[stock->ids[k]]);
            seen[stock->ids[k]] = true;
        }
    }
}

bool resources_is_taken(const struct resources *resources, int rank,
                        struct msg_resource id)
{
    const struct stock *stock = stock_at(resources, id.kind, rank);
    for (int i = 0; i < stock->free; i++)
        if (stock->ids[i] == id.id) return false;
    return id.id < stock->total;
}
