/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.h - functions of the application that are called when keys end. */
#ifndef ENDING_H
#define ENDING_H

#include "session.h"

/* Call what is due, if this is the application's own wait on rank 0's main
 * thread. With the token, which is given back meanwhile. */
void ending_call_due(struct session *session);

#endif
