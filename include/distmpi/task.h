/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/task.h - the functions that run on workers.
 *
 * A task function is defined and registered in one go, in any source file of
 * the program:
 *
 *     DMPI_TASK(square)
 *     {
 *         const int64_t *x = dmpi_task_input(task, 0);
 *         int64_t *y = dmpi_task_output(task, sizeof *y);
 *         *y = *x * *x;
 *     }
 *
 * after which `square` is what dmpi_submit() and dmpi_map() take. Names are
 * unique in a program and must be the same on all ranks; addresses need not
 * be. A task function runs on a worker, one at a time there. It may call MPI
 * only at MPI_THREAD_MULTIPLE, for which dmpi_open() asks if it starts MPI. */
#ifndef DISTMPI_TASK_H
#define DISTMPI_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <distmpi/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The name of a value, wherever it lies and whether or not it exists yet. */
typedef uint64_t dmpi_key;
#define DMPI_KEY_NONE ((dmpi_key)0)

/* One running call of a task function; valid during the call only. */
typedef struct dmpi_task dmpi_task;

/* A task function's C side. */
typedef void dmpi_call(dmpi_task *task);

/* A registered function. Made by DMPI_TASK() or dmpi_register(); the fields
 * are the library's. */
typedef struct dmpi_function {
    const char *name;           /* borrowed, as long as the program runs */
    dmpi_call *call;            /* this rank's address */
    uint32_t index;             /* its place in the table, set by dmpi_open() */
    uint32_t when;              /* workers call it by themselves */
    struct dmpi_function *next; /* the one registered before it */
    const char *version;        /* of what it computes; NULL: "" */
} dmpi_function;

#define DMPI_TASK(name) DMPI_FUNCTION(name, )

/* The same for a function that states its VERSION, a text: to be changed whenever
 * it begins to compute something else, so that what a journal has of an earlier
 * one is not taken for its value (see dmpi_task_options.durable). */
#define DMPI_TASK_VERSION(name, text)                                          \
    DMPI_FUNCTION(name, name[0].version = (text))

/* A function NAME, registered before main() runs; ALSO is done there too. */
#define DMPI_FUNCTION(name, also)                                              \
    static void dmpi_call_##name(dmpi_task *task);                             \
    static dmpi_function name[1] = {                                           \
        {#name, dmpi_call_##name, 0, 0, NULL, NULL}};                          \
    __attribute__((constructor)) static void dmpi_enter_##name(void)           \
    {                                                                          \
        dmpi_function_enter(name);                                             \
        also;                                                                  \
    }                                                                          \
    static void dmpi_call_##name(dmpi_task *task)

/* What DMPI_TASK() calls when the program starts. FUNCTION is borrowed for
 * ever; NULL, or one that is registered already, is allowed and does nothing. */
DMPI_API void dmpi_function_enter(dmpi_function *function);

/* Register CALL under NAME (copied), before dmpi_open(), on every rank.
 * *FUNCTION then lives as long as the program; it may be NULL if not wanted.
 * DMPI_EINVAL: no name or call, or the name is taken by another call.
 * DMPI_ESTATE: a pool is open on this rank. */
DMPI_API dmpi_status dmpi_register(const char *name, dmpi_call *call,
                                   const dmpi_function **function);

/* The same with a VERSION (copied), see DMPI_TASK_VERSION(). DMPI_EINVAL also: it
 * is registered with another one. */
DMPI_API dmpi_status dmpi_register_version(const char *name, dmpi_call *call,
                                           const char *version,
                                           const dmpi_function **function);

/* ---- once on each worker -------------------------------------------------*/

/* Every worker calls FUNCTION once when a pool opens, before its first task, with
 * ARGS (SIZE bytes, copied) as rank 0 gave them; for all pools opened from now
 * on, a later call for the same function replaces the arguments. All ranks say
 * this, before dmpi_open(). Several functions are called in the order of their
 * names. They run as by dmpi_rank_run(), outside of tasks on the main thread, and
 * what they output is dropped: what they set up is kept in dmpi_task_state().
 *
 * dmpi_open() returns on rank 0 when all of them have ended. When one fails the
 * worker calls no further one, one line on stderr says which it was, and
 * dmpi_open() returns DMPI_EFAILED on all ranks.
 * DMPI_EINVAL: FUNCTION is not registered, or ARGS is NULL and SIZE is not 0.
 * DMPI_ESTATE: a pool is open on this rank. */
DMPI_API dmpi_status dmpi_worker_start(const dmpi_function *function,
                                       const void *args, size_t size);

/* Likewise once in dmpi_close(), after all tasks, the last name first; if the
 * start went wrong, on the workers where it went well. When one fails the pool is
 * closed all the same, one line on stderr says which it was, and dmpi_close()
 * returns DMPI_EFAILED. */
DMPI_API dmpi_status dmpi_worker_end(const dmpi_function *function);

/* Define a function, register it, and let workers call it at their start,
 * without arguments, or at their end:
 *
 *     DMPI_WORKER_START(open_table)
 *     {
 *         *dmpi_task_state(task) = table_new();
 *     } */
#define DMPI_WORKER_START(name)                                                \
    DMPI_FUNCTION(name, dmpi_worker_start(name, NULL, 0))
#define DMPI_WORKER_END(name) DMPI_FUNCTION(name, dmpi_worker_end(name))

/* ---- in a running task ---------------------------------------------------*/

/* TASK NULL is answered as a task that was given nothing and cannot give
 * anything, on rank -1. */

/* The bytes given at submission: aligned to 8, read only, valid during the
 * call. NULL if there are none. */
DMPI_API const void *dmpi_task_args(const dmpi_task *task);
DMPI_API size_t dmpi_task_args_size(const dmpi_task *task);

/* The values of the input keys, in the order given at submission, where they
 * lie in this worker: no copy, read only, aligned to at least 16, valid during
 * the call. A value of 0 bytes has an address too. If I is not below the count,
 * the answer is NULL, 0 or DMPI_KEY_NONE, and the task has failed. */
DMPI_API size_t dmpi_task_input_count(const dmpi_task *task);
DMPI_API const void *dmpi_task_input(const dmpi_task *task, size_t i);
DMPI_API size_t dmpi_task_input_size(const dmpi_task *task, size_t i);
DMPI_API dmpi_key dmpi_task_input_key(const dmpi_task *task, size_t i);

/* The constant NAME as it was when this task was submitted, see dmpi_constant():
 * where it lies in this worker, read only, aligned like an input, valid during
 * the call. *SIZE, if SIZE is not NULL, receives its bytes. NULL: there was none
 * of that name, *SIZE is then 0. It costs a search among the names, no lock. A
 * function called by dmpi_rank_run() and its kind, or at the end, sees what has
 * come to its worker so far; on rank 0 there are none. */
DMPI_API const void *dmpi_task_constant(const dmpi_task *task, const char *name,
                                        size_t *size);

/* The buffer of SIZE bytes that becomes the value of this task's key: to be
 * written in place, not zeroed, aligned to at least 16 (64 from 256 bytes on).
 * A later call replaces the buffer. A task that never calls it, nor
 * dmpi_task_pass(), gives a value of 0 bytes. NULL: there is no memory for it;
 * the task has failed and should return. */
DMPI_API void *dmpi_task_output(dmpi_task *task, size_t size);

/* Make the first SIZE bytes of the output buffer the value; SIZE is at most
 * what dmpi_task_output() was asked for. For outputs whose size is known only
 * in the end. Anything larger is a bug of the caller's and fails the task. */
DMPI_API void dmpi_task_output_trim(dmpi_task *task, size_t size);

/* Hand input I through as this task's value, unchanged and without a copy. The
 * task fails if it has no such input. */
DMPI_API void dmpi_task_pass(dmpi_task *task, size_t i);

/* The task fails: its key becomes an error value with this text, cut at
 * DMPI_TEXT_MAX - 1 bytes. Returns to the caller, who should return too. The
 * first call counts. */
DMPI_API void dmpi_fail(dmpi_task *task, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* The key whose value this task makes; DMPI_KEY_NONE in a function called by
 * dmpi_rank_run() or dmpi_rank_send(). */
DMPI_API dmpi_key dmpi_task_key(const dmpi_task *task);

/* How many runs of this task have failed before this one: 0, unless it was
 * submitted with dmpi_task_options.retries. */
DMPI_API int dmpi_task_attempt(const dmpi_task *task);

/* dmpi_task_options.seed, and the task's number i in its dmpi_map() or
 * dmpi_submit_graph(), 0 in dmpi_submit(). Only tasks with a seed have a number;
 * the others have 0 for both. See random.h. */
DMPI_API uint64_t dmpi_task_seed(const dmpi_task *task);
DMPI_API uint64_t dmpi_task_number(const dmpi_task *task);

/* Nonzero: nobody waits for this task any more, it was cancelled or its time is
 * over; it should return soon, what it gives does not count. As cheap as reading
 * a variable. Changes while the task computes if MPI's thread level is
 * MPI_THREAD_SERIALIZED or above and there is more than one process, otherwise
 * inside calls that wait. */
DMPI_API int dmpi_cancelled(const dmpi_task *task);

/* The pool, for those of its calls that tasks may use: see pool.h. NULL: the task
 * is isolated and may use none. */
DMPI_API struct dmpi_pool *dmpi_task_pool(const dmpi_task *task);

/* This rank in the pool's communicator, and this worker's number, 0 .. W-1; -1 on
 * rank 0. */
DMPI_API int dmpi_task_rank(const dmpi_task *task);
DMPI_API int dmpi_task_worker(const dmpi_task *task);

/* The ids of resource NAME that this task has to itself: writes at most CAPACITY,
 * *COUNT receives how many there are, 0 if it did not ask for any; see
 * dmpi_task_options.resources. DMPI_EINVAL: there is no resource of that name, or
 * TASK is NULL. */
DMPI_API dmpi_status dmpi_task_resource(const dmpi_task *task, const char *name,
                                        int ids[], size_t capacity,
                                        size_t *count);

/* The rank that sent this call by dmpi_rank_run() or dmpi_rank_send(); for a
 * task 0, the center. */
DMPI_API int dmpi_task_source(const dmpi_task *task);

/* A pointer per worker that outlives tasks, NULL at first: the task may store
 * there what it wants to find again. The application owns what it points to. */
DMPI_API void **dmpi_task_state(dmpi_task *task);

#ifdef __cplusplus
}
#endif
#endif
