/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/set.h - keys in the order in which they end.
 *
 *     dmpi_set *set;
 *     dmpi_set_new(pool, &set);
 *     dmpi_set_add(set, keys, n);
 *     while ((status = dmpi_next(set, DMPI_FOREVER, &key)) != DMPI_ENOKEY)
 *         ...                          // the set may grow here
 *     dmpi_set_free(set);
 *
 * A key ends when its value exists, or when its task has failed. The order is
 * that in which rank 0 hears of it. Each key costs the same, however many are in
 * the set.
 *
 * Called on rank 0, by the thread that opened the pool, outside of tasks; from
 * elsewhere every call returns DMPI_ESTATE. */
#ifndef DISTMPI_SET_H
#define DISTMPI_SET_H

#include <stddef.h>

#include <distmpi/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys that somebody waits for. It does not own them: a key is the caller's to
 * drop as before, and one that is dropped leaves the set without a word. */
typedef struct dmpi_set dmpi_set;

/* An empty set, which the caller frees. */
DMPI_API dmpi_status dmpi_set_new(dmpi_pool *pool, dmpi_set **set);

/* Add COUNT keys, whether they have ended or not. One that is in the set
 * already is there once; one that dmpi_next() has given comes again.
 * DMPI_ENOKEY: one is not a key of this pool; then none was added. */
DMPI_API dmpi_status dmpi_set_add(dmpi_set *set, const dmpi_key keys[],
                                  size_t count);

/* Wait until a key of SET has ended, for at most TIMEOUT seconds (0: only look;
 * DMPI_FOREVER), and take it out. *KEY is that key if the status is DMPI_OK, or
 * DMPI_EFAILED: its task failed, see dmpi_error().
 * DMPI_ENOKEY: the set is empty. DMPI_ETIMEOUT: no key has ended. */
DMPI_API dmpi_status dmpi_next(dmpi_set *set, double timeout, dmpi_key *key);

/* The set goes, the keys stay. Also after dmpi_close(), when all other calls
 * return DMPI_ESTATE. NULL is allowed and does nothing. DMPI_EBUSY: called by a
 * function of dmpi_on_end() while dmpi_next() waits for this set. */
DMPI_API dmpi_status dmpi_set_free(dmpi_set *set);

/* What dmpi_on_end() calls. STATUS: DMPI_OK, the value exists; DMPI_EFAILED, the
 * task failed; DMPI_ENOKEY, the key has been dropped meanwhile. */
typedef void dmpi_end_call(dmpi_pool *pool, dmpi_key key, dmpi_status status,
                           void *arg);

/* Call CALL with ARG when KEY has ended: once, on this thread, inside the
 * application's next call that waits (dmpi_wait(), _next(), _get(), _gather(),
 * _error(), _replicate(), those of rank.h, _close()) and before that returns; so
 * also if KEY has ended already. One after the other, in the order in which the
 * keys ended, and for one key in that of these calls.
 *
 * CALL may use the pool, submit tasks and wait; while it waits no other is
 * called. dmpi_close(), which it may not call, calls what is left and waits for
 * what they submit; after it nothing is called.
 * DMPI_ENOKEY: not a key of this pool. DMPI_EINVAL: CALL is NULL. */
DMPI_API dmpi_status dmpi_on_end(dmpi_pool *pool, dmpi_key key,
                                 dmpi_end_call *call, void *arg);

#ifdef __cplusplus
}
#endif
#endif
