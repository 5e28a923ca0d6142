/* SPDX-License-Identifier: BSD-3-Clause */
/* eyes.c - opened one after the other, and never used again. */
#include "eyes.h"

void eyes_open(struct eyes *eyes, uint64_t key)
{
    if (eyes->count == EYES_MAX) return;
    struct eye *eye = &eyes->all[eyes->count++];
    eye->open = true;
    center_watch(eyes->center, key, &eye->watch, &eyes->over);
}

void eyes_close(struct eyes *eyes, size_t i)
{
    struct eye *eye = &eyes->all[i];
    if (!eye->watch.waits) return;
    center_unwatch(eyes->center, &eye->watch);
    eye->open = false;
}

static const char *wrong_end(const struct eyes *eyes, const struct eye *eye)
{
    struct center_view view;
    if (!eye->open) return "a watch is over twice";
    bool early = center_look(eyes->center, eye->watch.key, &view) &&
                 view.state < DMPI_DONE;
    return early ? "a watch is over before its key" : NULL;
}

const char *eyes_look(struct eyes *eyes, uint64_t *key)
{
    const char *first = NULL;
    struct watch *watch;
    while ((watch = watch_list_take(&eyes->over))) {
        struct eye *eye = (struct eye *)watch;
        const char *wrong = wrong_end(eyes, eye);
        eye->open = false;
        if (wrong && !first) *key = watch->key;
        if (!first) first = wrong;
    }
    return first;
}

const char *eyes_look_at_all(const struct eyes *eyes, uint64_t *key)
{
    for (size_t i = 0; i < eyes->count; i++) {
        *key = eyes->all[i].watch.key;
        if (eyes->all[i].open) return "a watch is not over";
    }
    *key = 0;
    return center_is_watched(eyes->center) ? "the center still watches" : NULL;
}
