/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h - what is printed about a pool: who is where, and what was done. */
#ifndef REPORT_H
#define REPORT_H

#include "session.h"

/* A line per rank: rank, node, host, cores. RANKS entries from rank 0. */
void report_table(const dmpi_worker *workers, int ranks);

/* What was run and moved; on rank 0 after the center has stopped. */
void report_print(const struct session *session);

#endif
