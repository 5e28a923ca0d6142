/* SPDX-License-Identifier: BSD-3-Clause */
/* inside.h - the pool's calls from inside a task: they speak as its worker.
 *
 * All are called with the token, on the main thread of a worker, by the running
 * task. What they cannot know here, such as whether a key exists, becomes the
 * error of the task submitted, or is answered when a value is asked for. */
#ifndef INSIDE_H
#define INSIDE_H

#include "session.h"

/* Is the caller a task of the pool? */
bool inside(void);

/* As center_check_order(), center_submit() and so on. */
dmpi_status inside_check(const struct session *session,
                         const struct task_order *order);
uint64_t inside_submit(struct session *session, const struct task_order *order);
dmpi_status inside_submit_graph(struct session *session,
                                const dmpi_graph_task tasks[], size_t count,
                                dmpi_key keys[]);
void inside_drop(struct session *session, uint64_t key);

/* Store a copy here. DMPI_ENOMEM. */
dmpi_status inside_put(struct session *session, const void *data, size_t size,
                       dmpi_key *key);

/* As dmpi_wait(). Other tasks run meanwhile. */
dmpi_status inside_wait(struct session *session, const dmpi_key keys[],
                        size_t count, dmpi_wait_mode mode, double timeout,
                        size_t *which);

/* The value of KEY to DATA, of ROOM bytes, or if DATA is NULL to fresh memory.
 * RESULT's status, data, bytes and failure (the caller's to free) are set. */
dmpi_status inside_get(struct session *session, dmpi_key key, void *data,
                       size_t room, struct request *result);

#endif
