/* SPDX-License-Identifier: BSD-3-Clause */
/* startup.h - the functions that each worker calls once: at its start, at its
 * end. Rank 0 asks for them, as by dmpi_rank_run(), and waits. */
#ifndef STARTUP_H
#define STARTUP_H

#include "session.h"

/* On rank 0, with the token: call all start functions on all workers. If one
 * fails: DMPI_EFAILED, one line on stderr says so, and the end functions were
 * called where all start functions went well. */
dmpi_status startup_run(struct session *session);

/* Likewise all end functions. No task is unended. */
dmpi_status startup_end(struct session *session);

/* What rank 0 gave for FUNCTION, borrowed; NULL: nothing. */
const struct buffer *startup_args(const dmpi_function *function);

#endif
