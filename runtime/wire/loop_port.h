/* SPDX-License-Identifier: BSD-3-Clause */
/* loop_port.h - center and worker in one process: a queue instead of MPI. */
#ifndef LOOP_PORT_H
#define LOOP_PORT_H

#include <stdbool.h>

#include "port.h"

/* Two ports, rank 0 and 1, that speak to each other. */
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Borrowed, as long as the loop lives. */
struct port *loop_port(struct loop *loop, int rank);

/* Deliver what is queued, in order. False: there was nothing. */
bool loop_poll(struct loop *loop);

#endif
