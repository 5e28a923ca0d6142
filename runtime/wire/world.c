/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - start MPI if need be, duplicate the communicator, find neighbours. */
#include <mpi.h>

#include "world.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doorbell.h"
#include "key.h"
#include "log.h"

struct world {
    MPI_Comm comm; /* the library's own; owned */
    MPI_Comm node; /* owned */
    int rank, ranks;
    int level;     /* MPI thread level */
    bool started;  /* this library started MPI */
    int *nodes;    /* by rank; owned */
    int *neighbours;
    int neighbour_count;
    struct doorbell bell;
};

static bool started_here = false; /* MPI is ours to end */
static MPI_Comm open_comm = MPI_COMM_NULL;

static void end_mpi(void)
{
    int ended = 0;
    MPI_Finalized(&ended);
    if (ended) return;
    if (open_comm != MPI_COMM_NULL) {
        log_line(LOG_ERROR, "the program ended with its pool open: "
                            "call dmpi_close() first");
        MPI_Abort(open_comm, LOG_EXIT_PANIC);
    }
    MPI_Finalize();
}

static void abort_job(int exit_code)
{
    MPI_Comm comm = open_comm != MPI_COMM_NULL ? open_comm : MPI_COMM_WORLD;
    MPI_Abort(comm, exit_code);
}

/* Open MPI spins in MPI_Init and MPI_Finalize; with more ranks than cores that
 * must yield, and mpirun does not always know (host files, cgroups). */
static void ask_to_yield(void)
{
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    if (local && atol(local) > sysconf(_SC_NPROCESSORS_ONLN))
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

static bool start_mpi(int *level, char *why, size_t why_size)
{
    int running = 0, ended = 0;
    MPI_Initialized(&running);
    MPI_Finalized(&ended);
    if (ended) {
        snprintf(why, why_size, "MPI has ended: open the pool before "
                                "MPI_Finalize()");
        return false;
    }
    if (running) {
        MPI_Query_thread(level);
        /* SERIALIZED is a promise between the application's threads; ours
         * keeps it as long as the pool is open. */
        return true;
    }
    ask_to_yield();
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, level) !=
        MPI_SUCCESS) {
        snprintf(why, why_size, "MPI does not start");
        return false;
    }
    started_here = true;
    atexit(end_mpi);
    return true;
}

struct world *world_open(const void *comm, char *why, size_t why_size)
{
    int level, between;
    if (!start_mpi(&level, why, why_size)) return NULL;
    MPI_Comm parent = comm ? *(const MPI_Comm *)comm : MPI_COMM_WORLD;
    MPI_Comm_test_inter(parent, &between);
    if (between) {
        snprintf(why, why_size, "the communicator is an intercommunicator");
        return NULL;
    }
    struct world *world = log_alloc(sizeof *world);
    *world = (struct world){.level = level, .started = started_here,
                        .node = MPI_COMM_NULL};
    MPI_Comm_dup(parent, &world->comm);
    MPI_Comm_rank(world->comm, &world->rank);
    MPI_Comm_size(world->comm, &world->ranks);
    if (world->ranks > KEY_RANK_MAX)
        log_panic("a pool has at most %d ranks", KEY_RANK_MAX);
    open_comm = world->comm;
    log_on_panic(abort_job);
    return world;
}

void world_close(struct world *world)
{
    if (world->node != MPI_COMM_NULL) {
        doorbell_fini(&world->bell);
        MPI_Comm_free(&world->node);
    }
    MPI_Comm_free(&world->comm);
    open_comm = MPI_COMM_NULL;
    free(world->nodes);
    free(world->neighbours);
    free(world);
}

int world_rank(const struct world *world)
{
    return world->rank;
}

int world_ranks(const struct world *world)
{
    return world->ranks;
}

MPI_Comm world_comm(const struct world *world)
{
    return world->comm;
}

struct doorbell *world_doorbell(struct world *world)
{
    return &world->bell;
}

bool world_threads(const struct world *world)
{
    return world->level >= MPI_THREAD_SERIALIZED;
}

/* ---- was it started as it was meant? -------------------------------------*/

/* clang-format off */
static const struct {
    const char *size;    /* variable with the number of processes */
    const char *launcher;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun"},
    {"PMI_SIZE", "MPICH's mpirun, or srun --mpi=pmi2"},
    {"SLURM_STEP_NUM_TASKS", "srun"},
};
/* clang-format on */

bool world_check_launch(const struct world *world, char *why, size_t why_size)
{
    int size = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1 || !world->started) return true;
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *count = getenv(launchers[i].size);
        if (!count || atol(count) <= 1) continue;
        char version[MPI_MAX_LIBRARY_VERSION_STRING];
        int length;
        MPI_Get_library_version(version, &length);
        version[strcspn(version, ",\n")] = 0;
        snprintf(why, why_size,
                 "%s=%s, but this process is alone: %s does not speak to this "
                 "program's MPI (%.40s); use the mpirun of that MPI, or srun "
                 "--mpi=pmix",
                 launchers[i].size, count, launchers[i].launcher, version);
        return false;
    }
    return true;
}

/* ---- collective steps ----------------------------------------------------*/

void world_gather(struct world *world, const void *mine, size_t size, void *all)
{
    MPI_Allgather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE,
                  world->comm);
}

void world_share(struct world *world, void *data, size_t size)
{
    MPI_Bcast(data, (int)size, MPI_BYTE, 0, world->comm);
}

static void split_nodes(struct world *world, int fake_nodes)
{
    MPI_Comm shared;
    MPI_Comm_split_type(world->comm, MPI_COMM_TYPE_SHARED, world->rank,
                        MPI_INFO_NULL, &shared);
    int block = 0;
    if (fake_nodes)
        block = (int)((long)world->rank * fake_nodes / world->ranks);
    MPI_Comm_split(shared, block, world->rank, &world->node);
    MPI_Comm_free(&shared);
}

/* Each rank tells the lowest rank of its node: nodes are numbered by those. */
static void number_nodes(struct world *world)
{
    int *leaders = log_alloc((size_t)world->ranks * sizeof *leaders), next = 0;
    world_gather(world, &world->neighbours[0], sizeof(int), leaders);
    world->nodes = log_alloc((size_t)world->ranks * sizeof *world->nodes);
    for (int rank = 0; rank < world->ranks; rank++) {
        bool first = leaders[rank] == rank;
        world->nodes[rank] = first ? next++ : world->nodes[leaders[rank]];
    }
    free(leaders);
}

void world_find_nodes(struct world *world, int fake_nodes)
{
    split_nodes(world, fake_nodes);
    MPI_Comm_size(world->node, &world->neighbour_count);
    world->neighbours =
        log_alloc((size_t)world->neighbour_count * sizeof *world->neighbours);
    MPI_Allgather(&world->rank, 1, MPI_INT, world->neighbours, 1, MPI_INT,
                  world->node);
    number_nodes(world);
    doorbell_init(&world->bell, world->node, world->neighbours, world->ranks);
}

const int *world_neighbours(const struct world *world, int *count)
{
    *count = world->neighbour_count;
    return world->neighbours;
}

int world_node(const struct world *world, int rank)
{
    return world->nodes[rank];
}

/* ---- sleeping ------------------------------------------------------------*/

void world_sleep_prepare(struct world *world)
{
    doorbell_raise(&world->bell);
}

void world_sleep_cancel(struct world *world)
{
    doorbell_lower(&world->bell);
}

void world_sleep(struct world *world, uint64_t nap_ns)
{
    doorbell_wait(&world->bell, nap_ns);
}

bool world_all_near(const struct world *world)
{
    return world->bell.all_near;
}
