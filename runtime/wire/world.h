/* SPDX-License-Identifier: BSD-3-Clause */
/* world.h - the MPI job around a pool: the library's own communicator, who
 * shares a node with whom, and the collective steps of opening and closing.
 *
 * Layers above include this without mpi.h, and do not see the MPI types. */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "distmpi/status.h"

struct world;

/* Has MPI been started? */
bool world_mpi_runs(void);

/* Collective over *COMM (a pointer to an MPI_Comm, or NULL for
 * MPI_COMM_WORLD). Starts MPI if it does not run; it is then ended at exit.
 * DMPI_ESTATE: MPI has ended. DMPI_ELAUNCH: it does not start, or its launcher
 * does not match. DMPI_EINVAL: an intercommunicator. */
dmpi_status world_open(const void *comm, struct world **world);

/* Collective. */
void world_close(struct world *world);

/* The same without the other ranks, of whom some may be dead: what they share
 * stays until MPI ends. */
void world_abandon(struct world *world);

/* A rank has died: no pool can be opened any more, and MPI_Finalize(), which
 * might hang, calls LEAVE, which ends the process. */
void world_without_mpi(void (*leave)(void));

/* When the process exits with a world open: LEAVE tells whether code of the user
 * did so, and sees to it that no other thread calls MPI from then on. */
void world_on_exit(bool (*leave)(void));

/* Is one open in this process? */
bool world_is_open(void);

/* Who ends the job when nothing can be saved; without, world_abort() does. */
void world_on_abort(void (*end_job)(int exit_code));

/* MPI_Abort(). */
_Noreturn void world_abort(int exit_code);

/* As world_close() for a program that ends here: end MPI too, whoever started it. */
void world_end(struct world *world);

int world_rank(const struct world *world);
int world_ranks(const struct world *world);

/* May a second thread call MPI, if one calls at a time? */
bool world_threads(const struct world *world);

/* May several threads call MPI as they like? */
bool world_is_multiple(const struct world *world);

/* A process of a larger job that started alone: what the environment of the
 * launcher says, against the size of MPI_COMM_WORLD. False: WHY tells. */
bool world_check_launch(const struct world *world, char *why, size_t why_size);

/* Should this process print what is wrong with the launch? Of several that were
 * started alone only the first should. */
bool world_speaks(void);

/* ---- collective, at start only -------------------------------------------*/

/* SIZE bytes of each rank, by rank, to ALL on all ranks. */
void world_gather(struct world *world, const void *mine, size_t size,
                  void *all);

/* SIZE bytes of rank 0 to all. */
void world_share(struct world *world, void *data, size_t size);

/* Find out which ranks share memory, and make their doorbells; if FAKE_NODES is
 * not 0, only ranks of one block of ranks count as sharing it, of as many
 * blocks. */
void world_find_nodes(struct world *world, int fake_nodes);

/* Ranks of this rank's node, in order: *COUNT of them. Borrowed. */
const int *world_neighbours(const struct world *world, int *count);

/* Numbers the nodes from 0 in order of their first rank. */
int world_node(const struct world *world, int rank);

/* What is to be added to clock_ns() here to have rank 0's clock: 0 if the two
 * cannot be told apart. */
int64_t world_clock_offset(struct world *world);

/* ---- at the end, when nothing else is under way --------------------------*/

/* SIZE bytes to rank 0, which calls world_take_in() for them; sleeps until it
 * has them. */
void world_hand_in(struct world *world, const void *bytes, size_t size);

/* The next bytes that rank FROM hands in, at most ROOM of them; returns how
 * many. Sleeps until they are here; 0: GONE(ARG, FROM), it will not do so. */
size_t world_take_in(struct world *world, int from, void *bytes, size_t room,
                     bool (*gone)(void *arg, int from), void *arg);

/* ---- sleeping ------------------------------------------------------------*/

struct doorbell *world_doorbell(struct world *world);

/* Sleep until a neighbour rings, at most NAP_NS. Between raise and wait the
 * port is polled once more. */
void world_wake(struct world *world); /* this rank itself */
void world_sleep_prepare(struct world *world);
void world_sleep_cancel(struct world *world);
void world_sleep(struct world *world, uint64_t nap_ns);

/* What RANK tells the ranks of its node, in shared memory; zero, until it writes
 * there. NULL: it is on another node. */
enum { WORLD_PAGE_BYTES = 64 };
void *world_page(const struct world *world, int rank);

/* Can every rank of the pool ring here? */
bool world_all_near(const struct world *world);

#ifdef MPI_VERSION
MPI_Comm world_comm(const struct world *world);
#endif

#endif
