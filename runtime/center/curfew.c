/* SPDX-License-Identifier: BSD-3-Clause */
/* curfew.c - say it to all. */
#include "curfew.h"

void curfew_tell(struct curfew *curfew, struct scheduler *scheduler,
                 uint64_t left_ns, bool begins)
{
    struct port *port = scheduler->values->port;
    curfew->begun |= begins;
    scheduler->closed |= begins;
    for (int rank = 1; rank < port->ranks; rank++) {
        if (port->lost[rank]) continue;
        struct msg_curfew *say = port_say(port, rank, MSG_CURFEW, sizeof *say);
        *say = (struct msg_curfew){.left_ns = left_ns, .begins = begins};
    }
}

void curfew_on_ask_curfew(struct curfew *curfew, int from,
                          const struct msg_ask_curfew *ask)
{
    if (curfew->asked_by) return;
    curfew->asked_by = from;
    curfew->signal = (int)ask->signal;
}
