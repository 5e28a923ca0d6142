/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/rank.h - talk to the center and to single workers directly.
 *
 * Below the pool: the caller says which rank. All of it works on rank 0 and
 * from inside any task, while a pool is open; elsewhere it returns DMPI_ESTATE.
 * A call that waits lets its rank go on serving keys and calls meanwhile; from
 * inside a task it starts no other task. */
#ifndef DISTMPI_RANK_H
#define DISTMPI_RANK_H

#include <stddef.h>
#include <stdint.h>

#include <distmpi/task.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DMPI_HOST_MAX 64
#define DMPI_CPUS_MAX 128

/* What the center knows of one worker. */
typedef struct dmpi_worker {
    int32_t rank;
    int32_t node;           /* ranks of one node share the number, from 0 */
    int32_t cores;          /* that it may use */
    int32_t bound;          /* nonzero: they are its own */
    uint64_t bytes;         /* of values held there */
    uint64_t bytes_fetched; /* of values that came there from other workers */
    uint64_t tasks_done;
    uint64_t tasks_pending; /* handed to it and not ended */
    char host[DMPI_HOST_MAX];
    char cpus[DMPI_CPUS_MAX]; /* as a list, "0-3,8" */
} dmpi_worker;

/* This rank, and the number of ranks, in the pool. -1 outside of one. */
DMPI_API int dmpi_rank(void);
DMPI_API int dmpi_ranks(void);

/* The worker table, by rank: writes at most CAPACITY entries, *COUNT receives
 * how many there are. */
DMPI_API dmpi_status dmpi_rank_workers(dmpi_worker table[], size_t capacity,
                                       size_t *count);

/* The number of cores that RANK may use. DMPI_EINVAL: not a worker. */
DMPI_API dmpi_status dmpi_rank_ncores(int rank, int *cores);

/* The ranks that hold KEY, as the center knows: writes at most CAPACITY, *COUNT
 * receives how many there are; 0 if its value does not exist yet.
 * DMPI_ENOKEY: no such key. */
DMPI_API dmpi_status dmpi_rank_who_has(dmpi_key key, int ranks[],
                                       size_t capacity, size_t *count);

/* The keys whose values worker RANK holds, in no order: writes at most
 * CAPACITY, *COUNT receives how many there are. */
DMPI_API dmpi_status dmpi_rank_has_what(int rank, dmpi_key keys[],
                                        size_t capacity, size_t *count);

/* Store SIZE bytes on worker RANK under a new key. Returns when the value is
 * there and the center knows. The key may be used like any other; it is the
 * application's to drop. What a task has put before its worker was lost is
 * dropped if that task runs again: it puts anew. DMPI_ELOST: RANK is lost. */
DMPI_API dmpi_status dmpi_rank_put(int rank, const void *data, size_t size,
                                   dmpi_key *key);

/* Read KEY from worker RANK into fresh memory, which the caller frees. Does not
 * wait for a value that does not exist. DMPI_ENOKEY: not there.
 * DMPI_EFAILED: the value is an error. */
DMPI_API dmpi_status dmpi_rank_get(int rank, dmpi_key key, void **data,
                                   size_t *size);

/* Drop the copy of KEY on worker RANK, which the center tells to forget it; a
 * third rank that reads it there at the same moment may still get it. When it
 * was the last copy, the key is gone as by dmpi_drop(). DMPI_ENOKEY: not there. DMPI_EBUSY: pending tasks count on
 * this copy, or the key's own task has not ended. */
DMPI_API dmpi_status dmpi_rank_drop(int rank, dmpi_key key);

/* Call FUNCTION on RANK with ARGS (SIZE bytes), outside of the pool's order:
 * between two tasks there, or inside a call of this header that waits; on rank
 * 0 inside the application's next call that waits. Its output comes back in
 * fresh memory, which the caller frees; RESULT and RESULT_SIZE may be NULL.
 * DMPI_EFAILED: it failed, dmpi_status_detail() says how. */
DMPI_API dmpi_status dmpi_rank_run(int rank, const dmpi_function *function,
                                   const void *args, size_t size, void **result,
                                   size_t *result_size);

/* The same on all ranks at once, the center included: RESULTS[r] and SIZES[r]
 * for rank r, of which there are dmpi_ranks(); both may be NULL. If one fails
 * the others are still there, and RESULTS[r] is NULL for it. */
DMPI_API dmpi_status dmpi_rank_run_all(const dmpi_function *function,
                                       const void *args, size_t size,
                                       void *results[], size_t sizes[]);

/* Send SIZE bytes to the handler FUNCTION on RANK; does not wait for it. There
 * it is called like a task, with the bytes as its arguments and
 * dmpi_task_source() the sender; what it outputs is dropped. It runs at once,
 * even beside a task that has been running for a while: what it shares with
 * tasks it must guard. Messages from one rank to another are handled in order.
 * A handler that fails is reported by one line on stderr. */
DMPI_API dmpi_status dmpi_rank_send(int rank, const dmpi_function *function,
                                    const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif
#endif
