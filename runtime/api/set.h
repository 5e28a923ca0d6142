/* SPDX-License-Identifier: BSD-3-Clause */
/* set.h - the sets of a pool that ends. */
#ifndef SET_H
#define SET_H

#include "session.h"

/* They are of no pool from now on. */
void sets_leave(struct session *session);

#endif
