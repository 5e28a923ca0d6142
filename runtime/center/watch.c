/* SPDX-License-Identifier: BSD-3-Clause */
/* watch.c - a map from keys to chains of watches. */
#include "watch.h"

#include <stddef.h>

void watches_fini(struct watches *watches)
{
    map_fini(&watches->by_key);
}

void watches_add(struct watches *watches, struct watch *watch, uint64_t key,
                 struct watch_list *over)
{
    struct watch *first = map_get(&watches->by_key, key);
    *watch = (struct watch){.key = key, .over = over, .waits = true};
    if (first) first->last = first->last->next = watch;
    else map_add(&watches->by_key, key, watch->last = watch);
}

static void append(struct watch *watch)
{
    struct watch_list *list = watch->over;
    watch->waits = false;
    watch->next = NULL;
    if (list->first) list->last->next = watch;
    else list->first = watch;
    list->last = watch;
}

void watch_end(struct watch *watch, uint64_t key, struct watch_list *over)
{
    *watch = (struct watch){.key = key, .over = over};
    append(watch);
}

void watches_end(struct watches *watches, uint64_t key)
{
    struct watch *watch = map_get(&watches->by_key, key);
    if (!watch) return;
    map_remove(&watches->by_key, key);
    while (watch) {
        struct watch *next = watch->next;
        append(watch);
        watch = next;
    }
}

static void remove_first(struct watches *watches, struct watch *first)
{
    map_remove(&watches->by_key, first->key);
    if (!first->next) return;
    first->next->last = first->last;
    map_add(&watches->by_key, first->key, first->next);
}

static void remove_later(struct watch *first, struct watch *watch)
{
    struct watch *before = first;
    while (before->next != watch) before = before->next;
    before->next = watch->next;
    if (first->last == watch) first->last = before;
}

void watches_remove(struct watches *watches, struct watch *watch)
{
    if (!watch->waits) return;
    watch->waits = false;
    struct watch *first = map_get(&watches->by_key, watch->key);
    if (first == watch) remove_first(watches, watch);
    else remove_later(first, watch);
}

struct watch *watch_list_take(struct watch_list *list)
{
    struct watch *watch = list->first;
    if (watch) list->first = watch->next;
    return watch;
}
