/* SPDX-License-Identifier: BSD-3-Clause */
/* inspect.h - is what came from another rank a message?
 *
 * The roles trust each other: they assert what both must know. But a message is
 * read by its own counts, so before a role hears of one that came from another
 * process it is made sure that it is all there: its struct, and a tail that has
 * what the struct says, no more and no less; that its ranks and functions are
 * there, that errors are errors and texts end. What it says may still be wrong. */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

/* Who hears it. */
struct inspect {
    uint32_t ranks, functions;
    bool center;
};

/* NULL, or what is wrong with MESSAGE, of which at least message->bytes are
 * here, aligned to 8; a constant. */
const char *inspect_message(const struct inspect *inspect,
                            const struct message *message);

#endif
