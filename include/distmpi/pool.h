/* SPDX-License-Identifier: BSD-3-Clause */
/* distmpi/pool.h - hand tasks to the workers, collect their results.
 *
 * A task is one call of a registered function. Its inputs are keys, which stay
 * where they are, and a few bytes that travel along. Its output is a new key
 * on the worker that ran it; a key may be used before its value exists.
 *
 * A task that fails gives its key an error value. Tasks that have it among
 * their inputs do not run; their keys become the same error. All other keys
 * stay available.
 *
 * A key that a call of this header gave is the caller's to drop. It stays until
 * then; dropped before the tasks that use it have run, it goes when they have.
 *
 * Called on rank 0, by the thread that opened the pool, and, if it is marked by
 * "also in tasks", from inside a task of the pool, on any worker, but for one
 * of a gang: there dmpi_task_pool() gives the pool. From elsewhere every call
 * returns DMPI_ESTATE.
 *
 * A key that a call in a task gave is that task's to drop, or whoever's it hands
 * the key to. A wait or get in a task lets other tasks run on that worker, so one
 * worker is enough for tasks that wait for tasks: what it waits for first of all.
 * What a task cannot know, such as whether an input is a key at all, becomes the
 * error of the task that it submits. Tasks that wait for each other in a circle
 * are found out when nothing else is to be done on their workers: one of the
 * waits returns DMPI_EDEADLOCK and dmpi_status_detail() names the tasks; waits
 * with a timeout, or for any of several keys, are not looked at. */
#ifndef DISTMPI_POOL_H
#define DISTMPI_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <distmpi/launch.h>
#include <distmpi/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a task is to be treated. All zero is the default. */
typedef struct dmpi_task_options {
    const char *name; /* for error texts; NULL: the function's name. Copied, up
                       * to DMPI_NAME_MAX - 1 bytes */
    int priority;     /* higher runs earlier; equal: see below */
    int rank;         /* the worker that should run it; 0: where its data lie */
    int hard;         /* nonzero: that rank, or node, and no other */
    int retries;      /* after a failure it is run again, up to so many times;
                       * at most DMPI_RETRIES_MAX */
    int node;         /* 1 + the number of the node that should run it (see
                       * dmpi_worker.node); 0: any. Not beside a rank */
    int cores;        /* it wants so many; 0: it runs on what its worker has */
    const char *resources; /* that it needs for itself, such as "gpu:2 license";
                            * NULL: none. Copied */
    uint64_t seed;         /* not 0: it may draw numbers by dmpi_random() */
    double timeout;        /* seconds that a run may take, without those that
                            * it waits for other tasks; 0: any */
    uint64_t output_bytes; /* at most what it puts out: it starts when there is
                            * memory for that and its inputs. With more than a
                            * worker's limit it fails (DMPI_ENOMEM). 0: unknown */
    int isolate;           /* in a process of its own: 1 yes, -1 no, 0 as
                  * DISTMPI_ISOLATE says; see below */
    int durable;           /* DMPI_DURABLE, DMPI_FRESH, or 0: see below */
    double needs_seconds;  /* it is not begun when the job ends sooner than
                            * that, see launch.h; 0: it does not say */
} dmpi_task_options;

#define DMPI_DURABLE 1
#define DMPI_FRESH   (-1)

#define DMPI_RETRIES_MAX 65535
#define DMPI_NODE_MAX    65535
#define DMPI_CORES_MAX   65535

/* Targets: a task with a soft one (hard is 0) starts out there, but an idle
 * worker elsewhere may take it over. One with a hard node runs on that worker of
 * the node that holds most of its inputs' bytes, or on a neighbour that has
 * nothing to do.
 *
 * Resources: what there is says DISTMPI_RESOURCES, or the option "resources" of
 * dmpi_open(): entries NAME:COUNT apart by blanks, commas or '+'. "gpu:2" gives
 * each worker the ids 0 and 1 of its own, "gpu:4@rank3" gives rank 3 four
 * instead, "license:5@pool" is five in all. A task that asks for some waits, until
 * its inputs exist and a worker has all of it free, and holds nobody up who asks
 * for something else; of the workers that have it it gets the one with most of
 * its inputs' bytes. It has the ids to itself until it ends, retries included,
 * see dmpi_task_resource(), and does not move meanwhile. Who asks for the same
 * resources is served by priority, then in the order of submission: for the
 * first that does not fit all that it needs is set aside, on one worker, and
 * others pass it only on what it does not need. Who holds some and waits in the
 * task for another task that needs the same waits for ever. A gang's members
 * cannot ask for resources, cores or a node.
 *
 * Cores: the task runs on a worker with so many. If that has more, and they are
 * its own, it is bound to the first of them meanwhile. The number of threads is
 * set to that number meanwhile, by OMP_NUM_THREADS, OPENBLAS_NUM_THREADS,
 * MKL_NUM_THREADS and BLIS_NUM_THREADS, and by a call where the program has the
 * library (omp_set_num_threads() and the like). */

/* Retries: a run that calls dmpi_fail(), crashes its executor, or is out of time, is followed by
 * another, of the same task with the same inputs, until one does not, which then
 * gives the value, or none is left: then the last one's error is seen.
 * dmpi_task_attempt() tells them apart. The next run is on the same worker, after what is ahead of it by
 * then, or on an idle one that takes it over. A task does not run, and is not
 * tried again, if one of its inputs is an error.
 *
 * Timeouts: when a run has taken longer its key becomes an error of status
 * DMPI_ETIMEOUT at once, and what waits for it goes on. The function sees
 * dmpi_cancelled(); whatever it still gives is ignored, what it stored by other
 * calls stays. Its worker takes the next task when it has returned, and
 * dmpi_close() waits for that. With retries left the key waits for the next run,
 * which begins when this one has returned. The limit is noticed some
 * milliseconds late at most; where progress happens only inside calls (in a
 * single process, or at a thread level below MPI_THREAD_SERIALIZED) in the
 * task's next call that waits, or when it returns. */

/* Isolation: with DISTMPI_ISOLATE=process every task, with DISTMPI_ISOLATE=tasks
 * each that has isolate = 1, runs in an executor: a process of its worker's, on
 * the same cores. Whatever ends that process, a signal, exit(), the kernel for
 * want of memory, ends only this run of this task: the key becomes an error of
 * status DMPI_ECRASHED, whose text names the signal, or the task is retried, as
 * its options say; the next one has another executor. One that is cancelled or out
 * of time is ended if it has not returned a tenth of a second later. An executor
 * runs task after task, so what a task sets in global variables the next may
 * find; it was forked from the process as it was in dmpi_open(), or dmpi_isolate(),
 * with none of its open files but stdout and stderr.
 *
 * Such a task has all that distmpi/task.h gives, but no pool: dmpi_task_pool() is
 * NULL, and calls of the pool and of rank.h return DMPI_ESTATE, as
 * dmpi_task_go_on() does. Inputs lie where their worker has them; writing to them
 * is a crash. dmpi_task_state() is its executor's own; functions of
 * dmpi_worker_start() are called there too, before its first task, those of
 * dmpi_worker_end() only in the worker itself. It never calls MPI.
 * Gangs, and functions that rank.h calls, are not isolated. isolate = 1 without
 * DISTMPI_ISOLATE is DMPI_EINVAL. */

/* Durable: with DISTMPI_JOURNAL=file, or the option "journal" of dmpi_open(), the
 * value of a task marked DMPI_DURABLE is kept in that file, about a second after
 * the task has ended, and at the latest by dmpi_close(). When the program is run
 * again, a task whose value is there does not run: its key has that value as soon
 * as it is submitted. With DISTMPI_DURABLE=got each value that the application
 * gets by dmpi_get(), dmpi_get_new(), dmpi_gather() and dmpi_gatherv() is kept,
 * too.
 *
 * The value is that of the same task if these are the same: the function's name
 * and version, the arguments, the seed and, with one, the number, the inputs, the
 * constants, and what dmpi_worker_start() gave to functions. Inputs are the same
 * if they were put with the same bytes, or are values of the same tasks. Name,
 * priority, rank, cores, resources, retries and timeout do not count, and what a
 * function reads elsewhere, such as files, is not seen: state a version, or pass
 * their date. Tasks that are the same share one value, whichever ended first.
 *
 * DMPI_FRESH: the task always runs, as for one that has effects beside its value,
 * or whose value is another each time; what is made of its value is not kept
 * either. Nor is what is made of keys that tasks gave, or that dmpi_rank_put()
 * made: these are not known on rank 0. Tasks that tasks submit are part of them:
 * the option has no effect there. Errors are not kept. A task that is not in the
 * journal runs, even if all that use it are: mark what is dear. */

/* Which of the ready tasks runs first: that of higher priority. Among equals one
 * that makes less than its inputs, by 64 KiB or more, goes before the others, so
 * that values are used up before more are made. Then the earlier call: a graph
 * submitted later never overtakes what was submitted before it. Within one call
 * of dmpi_submit_graph() the task with the longest path to the end of the graph,
 * by what its functions took so far; then the earlier one. A task that a task
 * submits has its parent's priority, unless it names one, and goes before what
 * was submitted beside its parent. Workers go by this on
 * their own: a task may wait on one while a later one runs on another. */

/* Also in tasks. Submit one call of FUNCTION, to run where most bytes behind INPUTS lie.
 * INPUTS and ARGS (SIZE bytes) are copied. OPTIONS may be NULL. *KEY is the
 * caller's to drop.
 * DMPI_EINVAL: FUNCTION is not registered, OPTIONS make no sense, or ask for what
 * no worker can ever give.
 * DMPI_ENOKEY: an input is not a key of this pool. */
DMPI_API dmpi_status dmpi_submit(dmpi_pool *pool, const dmpi_function *function,
                                 const dmpi_key inputs[], size_t input_count,
                                 const void *args, size_t size,
                                 const dmpi_task_options *options,
                                 dmpi_key *key);

/* Also in tasks. Submit COUNT calls of FUNCTION. Call i has the input INPUTS[i], unless INPUTS
 * is NULL, and the argument bytes ARGS + i * SIZE .. + SIZE, unless ARGS is
 * NULL. KEYS[i] receives its key. Errors as dmpi_submit(); then nothing was
 * submitted. */
DMPI_API dmpi_status dmpi_map(dmpi_pool *pool, const dmpi_function *function,
                              size_t count, const dmpi_key inputs[],
                              const void *args, size_t size,
                              const dmpi_task_options *options,
                              dmpi_key keys[]);

/* In a running TASK: it goes on as a call of FUNCTION. When it returns its key
 * has no value yet; FUNCTION makes it, on this worker or on one that has taken
 * it over, when all INPUTS are there, such as the results of tasks that TASK has
 * submitted. So nobody has to wait. The inputs may be dropped right afterwards.
 * What TASK outputs is lost; if it fails after all, that is its end. Arguments as
 * for dmpi_submit(). DMPI_ESTATE: not in a task of the pool, or one of a gang, or
 * it goes on already. DMPI_EINVAL: as dmpi_submit(), or OPTIONS say where. */
DMPI_API dmpi_status dmpi_task_go_on(dmpi_task *task,
                                     const dmpi_function *function,
                                     const dmpi_key inputs[],
                                     size_t input_count, const void *args,
                                     size_t size,
                                     const dmpi_task_options *options);

/* One task of a graph. Everything is copied by dmpi_submit_graph(). */
typedef struct dmpi_graph_task {
    const dmpi_function *function;
    const dmpi_key *inputs; /* keys, or DMPI_NTH(i): task i of this graph */
    size_t input_count;
    const void *args;
    size_t size;                      /* bytes at args */
    const dmpi_task_options *options; /* NULL: the default */
} dmpi_graph_task;

/* In dmpi_graph_task.inputs: the result of the I-th task of the same call. */
#define DMPI_NTH(i) ((dmpi_key)(0xffffull << 48 | (uint64_t)(i)))

/* Also in tasks. Submit COUNT tasks at once, whose inputs may name each other in any order.
 * KEYS[i] receives the key of task i.
 * DMPI_EINVAL: as dmpi_submit(), a DMPI_NTH(i) outside the graph, or a cycle;
 * DMPI_ENOKEY: as dmpi_submit(). Then nothing was submitted. */
DMPI_API dmpi_status dmpi_submit_graph(dmpi_pool *pool,
                                       const dmpi_graph_task tasks[],
                                       size_t count, dmpi_key keys[]);

/* A value in the memory of rank 0. */
typedef struct dmpi_value {
    void *data;
    size_t size; /* bytes */
} dmpi_value;

/* Also in tasks. Store SIZE bytes on worker RANK, or if RANK is 0 on the least
 * filled one, in a task on its own.
 * Returns when DATA may be reused, and, but for a put in a task, when so many
 * workers as DISTMPI_REPLICAS says hold the value. DMPI_EINVAL: no such worker. */
DMPI_API dmpi_status dmpi_put(dmpi_pool *pool, const void *data, size_t size,
                              int rank, dmpi_key *key);

/* Store COUNT blocks of SIZE bytes, which lie one after another at DATA. Block i
 * goes to RANKS[i], or, if RANKS is NULL, to worker number i * W / COUNT: evenly,
 * neighbours together. Returns when DATA may be reused. */
DMPI_API dmpi_status dmpi_scatter(dmpi_pool *pool, const void *data,
                                  size_t count, size_t size, const int ranks[],
                                  dmpi_key keys[]);

/* The same for blocks of any size, anywhere. */
DMPI_API dmpi_status dmpi_scatterv(dmpi_pool *pool, const dmpi_value blocks[],
                                   size_t count, const int ranks[],
                                   dmpi_key keys[]);

/* Constant NAME is SIZE BYTES, read only, in every task submitted from now on:
 * dmpi_task_constant() finds it there. Each worker gets the bytes once, rank 0
 * sends them to one worker only; with one process they are copied. Returns when
 * BYTES may be reused, which may be before they have come everywhere: a task
 * waits for them.
 *
 * A constant of the same name is replaced as a whole. A task always sees what
 * was set at its submission, wherever and whenever it runs; what no unended task
 * sees any more is freed. SIZE 0 is a constant of no bytes, with an address.
 * BYTES NULL and SIZE 0 remove the constant; that there is none is no error.
 * All constants go when the pool closes.
 * DMPI_EINVAL: NAME is NULL, empty, or has more than DMPI_NAME_MAX - 1 bytes;
 * BYTES is NULL and SIZE is not 0. */
DMPI_API dmpi_status dmpi_constant(dmpi_pool *pool, const char *name,
                                   const void *bytes, size_t size);

/* Also in tasks. Wait for the value of KEY and copy it to BUFFER, of CAPACITY bytes. *SIZE, if
 * SIZE is not NULL, receives its size, also when it does not fit.
 * DMPI_ESIZE: larger than CAPACITY. DMPI_EFAILED: see dmpi_error().
 * DMPI_ENOKEY: not a key of this pool. */
DMPI_API dmpi_status dmpi_get(dmpi_pool *pool, dmpi_key key, void *buffer,
                              size_t capacity, size_t *size);

/* Also in tasks. Wait for the value of KEY and place it in fresh memory, which the caller
 * frees by free(). Never NULL, not even for 0 bytes. Errors as dmpi_get(), and
 * DMPI_ENOMEM. */
DMPI_API dmpi_status dmpi_get_new(dmpi_pool *pool, dmpi_key key, void **data,
                                  size_t *size);

/* Also in tasks. Get COUNT values of SIZE bytes each, to BUFFER + i * SIZE. All values that
 * can be had are placed; the status is that of the first that could not.
 * DMPI_ESIZE: a value has another size. */
DMPI_API dmpi_status dmpi_gather(dmpi_pool *pool, const dmpi_key keys[],
                                 size_t count, void *buffer, size_t size);

/* Also in tasks. Get COUNT values of any size: into VALUES[i].data, if that is not NULL, where
 * VALUES[i].size is its capacity, else into fresh memory that the caller frees.
 * VALUES[i].size is then the value's size. Where a value could not be had its
 * entry is untouched; the status is that of the first such. */
DMPI_API dmpi_status dmpi_gatherv(dmpi_pool *pool, const dmpi_key keys[],
                                  size_t count, dmpi_value values[]);

typedef enum dmpi_wait_mode { DMPI_ALL, DMPI_ANY } dmpi_wait_mode;

/* For dmpi_wait(): no limit. */
#define DMPI_FOREVER (-1.0)

/* Also in tasks. Wait until all, or any, of COUNT keys have ended, well or not, for at most
 * TIMEOUT seconds (0: only look; DMPI_FOREVER). *WHICH, if WHICH is not NULL,
 * receives the index of the first key that failed (DMPI_EFAILED), of one that
 * has not ended (DMPI_ETIMEOUT), or for DMPI_ANY of one that ended.
 * DMPI_ENOKEY: *WHICH is not a key of this pool. */
DMPI_API dmpi_status dmpi_wait(dmpi_pool *pool, const dmpi_key keys[],
                               size_t count, dmpi_wait_mode mode,
                               double timeout, size_t *which);

typedef enum dmpi_key_state {
    DMPI_PENDING, /* its task has no worker yet */
    DMPI_PLACED,  /* its task waits or runs on a worker */
    DMPI_DONE,    /* its value exists */
    DMPI_FAILED   /* its value is an error */
} dmpi_key_state;

/* What is known of KEY now. Lets the pool progress, does not wait. */
DMPI_API dmpi_status dmpi_state(dmpi_pool *pool, dmpi_key key,
                                dmpi_key_state *state);

#define DMPI_NAME_MAX 64
#define DMPI_TEXT_MAX 448

/* Where and why the first task failed from which a key's error comes. */
typedef struct dmpi_failure {
    int32_t status; /* DMPI_EFAILED, ..ETIMEOUT, ..ECANCELLED, ..ECRASHED */
    int32_t rank;   /* where it failed */
    char host[DMPI_NAME_MAX];
    char function[DMPI_NAME_MAX]; /* the registered name */
    char name[DMPI_NAME_MAX];     /* dmpi_task_options.name, or "" */
    char text[DMPI_TEXT_MAX];     /* what dmpi_fail() said */
} dmpi_failure;

/* Also in tasks. Wait for KEY and tell why it failed. FAILURE->status is DMPI_OK, and its
 * texts are empty, if it did not. */
DMPI_API dmpi_status dmpi_error(dmpi_pool *pool, dmpi_key key,
                                dmpi_failure *failure);

/* Cancel the tasks of COUNT keys; DMPI_KEY_NONE is skipped. One that has not
 * begun never runs. One that runs sees dmpi_cancelled(), whatever it still gives
 * is ignored, as by a timeout. The key becomes an error of status
 * DMPI_ECANCELLED, which tasks that use it inherit; it is still to be dropped.
 * Nothing happens to a key that has ended, not even a put one. Does not wait: a
 * task that is on a worker may have ended before the word arrives, and then
 * stays as it ended. All members of a gang are cancelled with one of them; if
 * they have their workers they run, and see it. DMPI_ENOKEY: one was not a key of this pool; the others are
 * cancelled. */
DMPI_API dmpi_status dmpi_cancel(dmpi_pool *pool, const dmpi_key keys[],
                                 size_t count);

/* Also in tasks. Drop COUNT keys: their values go as soon as no submitted task needs them.
 * DMPI_KEY_NONE is skipped. DMPI_ENOKEY: one was not a key of this pool; the
 * others are dropped. */
DMPI_API dmpi_status dmpi_drop(dmpi_pool *pool, const dmpi_key keys[],
                               size_t count);

/* Hold the value of KEY on COPIES workers, or on all if COPIES is 0; wait until
 * it is so. DMPI_EINVAL: more copies than workers. DMPI_EFAILED: the key is an
 * error. */
DMPI_API dmpi_status dmpi_replicate(dmpi_pool *pool, dmpi_key key,
                                    size_t copies);

/* The number of workers in the pool. Their ranks are 1 .. that number. */
DMPI_API size_t dmpi_workers(const dmpi_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
