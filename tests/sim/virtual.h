/* SPDX-License-Identifier: BSD-3-Clause */
/* virtual.h - a cluster in virtual time: tasks take their durations, and messages
 * and transfers what its setup says. */
#ifndef VIRTUAL_H
#define VIRTUAL_H

#include "cluster.h"

/* Until nothing is left. */
void virtual_run(struct cluster *cluster);

#endif
