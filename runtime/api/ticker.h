/* SPDX-License-Identifier: BSD-3-Clause */
/* ticker.h - the second thread: turns the loop while code of the user runs.
 *
 * It looks once a tick. When the same piece of user code has been running since
 * the last look, it takes the token and turns the loop in the main thread's
 * place, woken by the doorbell, until that code ends. When there has been no
 * user code for a while it is parked. */
#ifndef TICKER_H
#define TICKER_H

#include "session.h"

/* NULL: no thread could be made. */
struct ticker *ticker_new(struct session *session);

/* Without the token. */
void ticker_free(struct ticker *ticker);

/* Is this thread the ticker? */
bool ticker_is_self(void);

void ticker_wake(struct ticker *ticker);
bool ticker_parked(const struct ticker *ticker);

/* Code of the user begins, or ends, on the main thread, which has the token. */
static inline void ticker_user_begins(struct session *session)
{
    uint64_t turns =
        atomic_load_explicit(&session->user_turns, memory_order_relaxed);
    atomic_store_explicit(&session->user_turns, turns + 1,
                          memory_order_relaxed);
    if (session->ticker && ticker_parked(session->ticker))
        ticker_wake(session->ticker);
}

static inline void ticker_user_ends(struct session *session)
{
    uint64_t turns =
        atomic_load_explicit(&session->user_turns, memory_order_relaxed);
    atomic_store_explicit(&session->user_turns, turns + 1,
                          memory_order_relaxed);
}

#endif
