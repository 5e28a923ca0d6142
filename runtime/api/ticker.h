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

/* Code of the user begins on the main thread: unpark. */
void ticker_notice(struct ticker *ticker);

#endif
