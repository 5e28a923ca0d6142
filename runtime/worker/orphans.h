/* SPDX-License-Identifier: BSD-3-Clause */
/* orphans.h - jobs that have not ended when their worker goes: it is lost, or
 * leaves early. */
#ifndef ORPHANS_H
#define ORPHANS_H

#include "muster.h"
#include "nest.h"

/* Free all jobs, wherever they are: CUSTODY, NEST and MUSTER are only to be freed
 * after that. Waits that are not over are still in memory. */
void orphans_free(struct custody *custody, const struct nest *nest,
                  const struct muster *muster);

#endif
