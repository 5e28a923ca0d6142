/* SPDX-License-Identifier: BSD-3-Clause */
/* message.c - the names of the messages, for logs and failing tests. */
#include "message.h"

const char *message_name(unsigned kind)
{
    static const char *const names[MSG_KINDS] = {[MSG_NONE] = "NONE",
                                                 [MSG_FRAGMENT] = "FRAGMENT",
                                                 [MSG_NOTE] = "NOTE",
#define M(KIND, name) [MSG_##KIND] = #KIND,
                                                 MESSAGES(M)
#undef M
    };
    return kind < MSG_KINDS ? names[kind] : "UNKNOWN";
}
