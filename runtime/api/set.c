/* SPDX-License-Identifier: BSD-3-Clause */
/* set.c - dmpi_next(): a watch for each key of a set.
 *
 * A key is in the map from when it is added until it is given or found to have
 * been dropped; its watch waits at the center, then in the list. */
#include "set.h"

#include <stdlib.h>

#include "distmpi/set.h"
#include "fault.h"
#include "log.h"

struct dmpi_set {
    struct session *session; /* borrowed; NULL: its pool has been closed */
    struct dmpi_set *next;   /* of the session's */
    struct map watches;      /* key -> struct watch */
    struct mem mem;          /* of the watches */
    struct watch_list over;
    int waiting; /* calls of dmpi_next() */
};

/* ---- making --------------------------------------------------------------*/

dmpi_status dmpi_set_new(dmpi_pool *pool, dmpi_set **set)
{
    struct session *session;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    if (!set)
        return session_leave(session, fault(DMPI_EINVAL, "no place for it"));
    *set = log_alloc(sizeof **set);
    **set = (struct dmpi_set){.session = session, .next = session->sets};
    session->sets = *set;
    return session_leave(session, DMPI_OK);
}

void sets_leave(struct session *session)
{
    for (struct dmpi_set *set = session->sets; set; set = set->next)
        set->session = NULL;
}

static dmpi_status enter(const dmpi_set *set, struct session **session)
{
    if (!set) return fault(DMPI_EINVAL, "the set is NULL");
    if (!set->session)
        return fault(DMPI_ESTATE, "the pool of this set has been closed");
    return session_enter((dmpi_pool *)set->session, session);
}

static void free_set(dmpi_set *set)
{
    map_fini(&set->watches);
    mem_fini(&set->mem);
    free(set);
}

/* At the center and among the session's sets. */
static void leave_session(dmpi_set *set)
{
    struct watch *watch;
    struct dmpi_set **place = &set->session->sets;
    for (size_t at = 0; (watch = map_next(&set->watches, &at));)
        center_unwatch(set->session->center, watch);
    while (*place != set) place = &(*place)->next;
    *place = set->next;
}

dmpi_status dmpi_set_free(dmpi_set *set)
{
    struct session *session;
    if (set && set->session) {
        dmpi_status status = enter(set, &session);
        if (status) return status;
        if (set->waiting)
            return session_leave(
                session, fault(DMPI_EBUSY, "dmpi_next() waits for this set"));
        leave_session(set);
        session_leave(session, DMPI_OK);
    }
    if (set) free_set(set);
    return DMPI_OK;
}

/* ---- keys in, keys out ---------------------------------------------------*/

static dmpi_status check_keys(struct session *session, const dmpi_key keys[],
                              size_t count)
{
    struct center_view view;
    if (count && !keys) return fault(DMPI_EINVAL, "keys are NULL");
    if (!fault_fits(count, sizeof *keys))
        return fault(DMPI_EINVAL, "no array has %zu keys", count);
    for (size_t i = 0; i < count; i++)
        if (!center_look(session->center, keys[i], &view))
            return fault(DMPI_ENOKEY, "number %zu is not a key of this pool",
                         i);
    return DMPI_OK;
}

static void add(dmpi_set *set, dmpi_key key)
{
    if (map_get(&set->watches, key)) return;
    struct watch *watch = mem_take(&set->mem, sizeof *watch);
    map_add(&set->watches, key, watch);
    center_watch(set->session->center, key, watch, &set->over);
}

dmpi_status dmpi_set_add(dmpi_set *set, const dmpi_key keys[], size_t count)
{
    struct session *session;
    dmpi_status status = enter(set, &session);
    if (status) return status;
    status = check_keys(session, keys, count);
    for (size_t i = 0; !status && i < count; i++) add(set, keys[i]);
    return session_leave(session, status);
}

/* The first whose watch is over leaves the set. */
static dmpi_key take(dmpi_set *set)
{
    struct watch *watch = watch_list_take(&set->over);
    dmpi_key key = watch->key;
    map_remove(&set->watches, key);
    mem_give(&set->mem, watch, sizeof *watch);
    return key;
}

static bool is_known(const dmpi_set *set, dmpi_key key)
{
    struct center_view view;
    return center_look(set->session->center, key, &view);
}

/* There is one to be taken, or none to wait for. */
static bool has_next(void *argument)
{
    dmpi_set *set = argument;
    while (set->over.first && !is_known(set, set->over.first->key)) take(set);
    return set->over.first || !set->watches.count;
}

static dmpi_status next(dmpi_set *set, double timeout, dmpi_key *key)
{
    struct center_view view = {.state = DMPI_PENDING};
    if (timeout == 0) session_turn(set->session, TURN_MAIN);
    set->waiting++;
    bool ready =
        session_wait(set->session, has_next, set, session_deadline_ns(timeout));
    set->waiting--;
    if (!ready)
        return fault(DMPI_ETIMEOUT, "no key ended within %g s", timeout);
    if (!set->over.first) return fault(DMPI_ENOKEY, "the set is empty");
    *key = take(set);
    center_look(set->session->center, *key, &view);
    if (view.state == DMPI_DONE) return DMPI_OK;
    return fault(session_failed(set->session),
                 "the task of this key failed: dmpi_error() "
                 "tells why");
}

dmpi_status dmpi_next(dmpi_set *set, double timeout, dmpi_key *key)
{
    struct session *session;
    dmpi_status status = enter(set, &session);
    if (status) return status;
    if (!key) status = fault(DMPI_EINVAL, "no place for the key");
    else status = session_check_timeout(timeout);
    if (!status) status = next(set, timeout, key);
    return session_leave(session, status);
}
