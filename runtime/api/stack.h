/* SPDX-License-Identifier: BSD-3-Clause */
/* stack.h - the stacks on which tasks run.
 *
 * A task that waits stays where it is, with all that called it, and other tasks
 * run on another stack of the same thread: so any of them may end first. What a
 * task waits for may also run on top of it, if it is ready here: that one must
 * end first in any case, and no switch is paid.
 *
 * Stacks belong to the main thread. One without a task turns the loop; the
 * thread's own stack does so before all others, so that it gets out. */
#ifndef STACK_H
#define STACK_H

#include <stdbool.h>

#include "session.h"

struct stack;

/* The thread's own stack. Lives as long as the session. */
struct stack *stack_first(void);
void stack_free_all(struct session *session);

/* The running task waits, as nest_block() says; others run meanwhile. */
void stack_block(struct session *session, struct waiter *waiter, bool all,
                 uint64_t deadline_ns);

/* From a stack without a task: let those go on that have waited. Returns when
 * they wait again or have ended. False: there were none. */
bool stack_let_go_on(struct session *session);

/* Let another stack run tasks that are ready; returns after a while. For a caller
 * on whose stack no task is to stay. False: there is no memory for one. */
bool stack_run_tasks(struct session *session);

/* The next deadline of a wait; UINT64_MAX: none. */
uint64_t stack_deadline_ns(const struct session *session);

/* Is there room for a task on top of this one? */
bool stack_has_room(const struct session *session);

#endif
