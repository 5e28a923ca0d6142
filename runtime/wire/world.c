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

#include "clock.h"
#include "doorbell.h"
#include "fault.h"
#include "key.h"
#include "log.h"

struct world {
    MPI_Comm comm; /* the library's own; owned */
    MPI_Comm node; /* owned */
    int rank, ranks;
    int level;    /* MPI thread level */
    bool started; /* this library started MPI */
    int *nodes;   /* by rank; owned */
    int *neighbours;
    int neighbour_count;
    struct doorbell bell;
};

enum {
    WHY_BYTES = 400,
    TAG_HAND_IN = 0, /* above: the port's */
    CLOCK_ROUNDS = 32,
    HAND_IN_FIRST_NS = 20000, /* naps start here and double */
    HAND_IN_LAST_NS = 1000000
};

static bool started_here = false; /* MPI is ours to end */
static MPI_Comm open_comm = MPI_COMM_NULL;
static bool aborting = false;

static bool yes(void)
{
    return true;
}
static bool (*leave_user_code)(void) = yes;

void world_on_exit(bool (*leave)(void))
{
    leave_user_code = leave;
}

static void (*abort_job)(int) = world_abort;

void world_on_abort(void (*end_job)(int exit_code))
{
    abort_job = end_job;
}

void world_abort(int exit_code)
{
    aborting = true;
    MPI_Abort(open_comm != MPI_COMM_NULL ? open_comm : MPI_COMM_WORLD,
              exit_code);
    _exit(exit_code);
}

static void (*instead_of_mpi)(void) = NULL;

void world_without_mpi(void (*leave)(void))
{
    instead_of_mpi = leave;
}

bool world_is_open(void)
{
    return open_comm != MPI_COMM_NULL;
}

/* The workers cannot be told any more. */
static void end_job(void)
{
    aborting = true;
    log_line(LOG_ERROR, "the program ended with its pool open: "
                        "call dmpi_close() first");
    abort_job(LOG_EXIT_PANIC);
}

/* MPI_Finalize() first deletes what is attached to MPI_COMM_SELF, and so tells
 * us. */
static int on_finalize(MPI_Comm self, int keyval, void *value, void *state)
{
    if (instead_of_mpi) instead_of_mpi();
    if (open_comm == MPI_COMM_NULL || aborting) return MPI_SUCCESS;
    leave_user_code();
    end_job();
    return MPI_SUCCESS;
}

static void watch_finalize(void)
{
    static int keyval = MPI_KEYVAL_INVALID;
    if (keyval != MPI_KEYVAL_INVALID) return;
    MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, on_finalize, &keyval, NULL);
    MPI_Comm_set_attr(MPI_COMM_SELF, keyval, NULL);
}

/* MPICH calls exit() in MPI_Abort(), and where a peer has done so: there is
 * nothing to add, and MPI must not be entered again. */
static void end_mpi(void)
{
    int ended = 0;
    if (open_comm != MPI_COMM_NULL) {
        if (aborting || !leave_user_code()) _exit(LOG_EXIT_PANIC);
        end_job();
    }
    MPI_Finalized(&ended);
    if (!ended) MPI_Finalize();
}

/* Open MPI spins in MPI_Init and MPI_Finalize; with more ranks than cores that
 * must yield, and mpirun does not always know (host files, cgroups). */
static void ask_to_yield(void)
{
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    if (local && atol(local) > sysconf(_SC_NPROCESSORS_ONLN))
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

/* ---- was it started as it was meant? -------------------------------------*/

#ifdef OMPI_MAJOR_VERSION
static const char own_mpi[] = "Open MPI";
static const char own_launcher[] = "Open MPI's mpirun, or srun --mpi=pmix";
static const bool aborts_alone = true; /* MPI_Init does, under a wrong srun */
#else
static const char own_mpi[] = "MPICH";
static const char own_launcher[] = "MPICH's mpirun, or srun --mpi=pmi2";
static const bool aborts_alone = false;
#endif

struct launcher {
    const char *size; /* variable with the number of processes */
    const char *rank; /* and with this one's number */
    const char *name;
};

/* clang-format off */
static const struct launcher launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"},
    {"PMI_SIZE", "PMI_RANK", "a PMI launcher (MPICH's mpirun, srun --mpi=pmi2)"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"},
};
/* clang-format on */

static long number_in(const char *variable)
{
    const char *text = getenv(variable);
    return text ? atol(text) : 0;
}

/* The launcher that says there are several processes, or NULL. */
static const struct launcher *find_launcher(void)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++)
        if (number_in(launchers[i].size) > 1) return &launchers[i];
    return NULL;
}

static void say_mismatch(const struct launcher *launcher, char *why,
                         size_t why_size)
{
    snprintf(why, why_size,
             "%s started %ld processes, but each is alone: this program was "
             "built with %s; start it by %s",
             launcher->name, number_in(launcher->size), own_mpi, own_launcher);
}

/* Open MPI ends the process with a page of text when srun has no PMIx. */
static bool would_abort(const struct launcher *launcher)
{
    return launcher && aborts_alone && number_in("SLURM_STEP_NUM_TASKS") > 1 &&
           !getenv("PMIX_RANK") && !getenv("OMPI_COMM_WORLD_SIZE");
}

bool world_speaks(void)
{
    const struct launcher *launcher = find_launcher();
    return !launcher || number_in(launcher->rank) == 0;
}

bool world_check_launch(const struct world *world, char *why, size_t why_size)
{
    const struct launcher *launcher = find_launcher();
    int size;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1 || !world->started || !launcher) return true;
    say_mismatch(launcher, why, why_size);
    return false;
}

static dmpi_status start_mpi(int *level)
{
    int running = 0, ended = 0;
    MPI_Initialized(&running);
    MPI_Finalized(&ended);
    if (ended)
        return fault(DMPI_ESTATE,
                     "MPI has ended: open the pool before MPI_Finalize()");
    if (running) {
        MPI_Query_thread(level);
        /* SERIALIZED is a promise between the application's threads; ours
         * keeps it as long as the pool is open. */
        return DMPI_OK;
    }
    const struct launcher *launcher = find_launcher();
    if (would_abort(launcher)) {
        char why[WHY_BYTES];
        say_mismatch(launcher, why, sizeof why);
        return fault(DMPI_ELAUNCH, "%s", why);
    }
    ask_to_yield();
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, level) != MPI_SUCCESS)
        return fault(DMPI_ELAUNCH, "MPI does not start");
    started_here = true;
    atexit(end_mpi);
    return DMPI_OK;
}

bool world_mpi_runs(void)
{
    int running = 0;
    MPI_Initialized(&running);
    return running;
}

dmpi_status world_open(const void *comm, struct world **opened)
{
    int level = MPI_THREAD_SINGLE, between = 0;
    if (instead_of_mpi)
        return fault(DMPI_ESTATE, "a rank was lost: no pool can be opened "
                                  "after that");
    dmpi_status status = start_mpi(&level);
    if (status) return status;
    MPI_Comm parent = comm ? *(const MPI_Comm *)comm : MPI_COMM_WORLD;
    MPI_Comm_test_inter(parent, &between);
    if (between)
        return fault(DMPI_EINVAL, "the communicator is an intercommunicator");
    struct world *world = log_alloc(sizeof *world);
    *world = (struct world){
        .level = level, .started = started_here, .node = MPI_COMM_NULL};
    MPI_Comm_dup(parent, &world->comm);
    MPI_Comm_rank(world->comm, &world->rank);
    MPI_Comm_size(world->comm, &world->ranks);
    if (world->ranks > KEY_RANK_MAX)
        log_panic("a pool has at most %d ranks", KEY_RANK_MAX);
    open_comm = world->comm;
    watch_finalize();
    log_on_panic(abort_job);
    *opened = world;
    return DMPI_OK;
}

static void forget(struct world *world)
{
    open_comm = MPI_COMM_NULL;
    free(world->nodes);
    free(world->neighbours);
    free(world);
}

void world_close(struct world *world)
{
    if (world->node != MPI_COMM_NULL) {
        doorbell_fini(&world->bell);
        MPI_Comm_free(&world->node);
    }
    MPI_Comm_free(&world->comm);
    forget(world);
}

void world_abandon(struct world *world)
{
    if (world->node != MPI_COMM_NULL) doorbell_abandon(&world->bell);
    forget(world);
}

void world_end(struct world *world)
{
    world_close(world);
    end_mpi();
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

bool world_is_multiple(const struct world *world)
{
    return world->level >= MPI_THREAD_MULTIPLE;
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

/* ---- clocks --------------------------------------------------------------*/

static uint64_t ask_clock(MPI_Comm comm)
{
    uint64_t theirs;
    MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_HAND_IN, comm);
    MPI_Recv(&theirs, sizeof theirs, MPI_BYTE, 0, TAG_HAND_IN, comm,
             MPI_STATUS_IGNORE);
    return theirs;
}

static void answer_clock(MPI_Comm comm, int rank)
{
    MPI_Recv(NULL, 0, MPI_BYTE, rank, TAG_HAND_IN, comm, MPI_STATUS_IGNORE);
    uint64_t mine = clock_ns();
    MPI_Send(&mine, sizeof mine, MPI_BYTE, rank, TAG_HAND_IN, comm);
}

/* Cristian, Probabilistic clock synchronization (1989): of some round trips the
 * shortest counts, rank 0 read its clock in its middle, give or take half of
 * it. An offset within that error is none: ranks of one host have one clock. */
static int64_t measure_offset(MPI_Comm comm)
{
    uint64_t shortest = UINT64_MAX;
    int64_t offset = 0;
    for (int i = 0; i < CLOCK_ROUNDS; i++) {
        uint64_t begin = clock_ns(), theirs = ask_clock(comm);
        uint64_t round = clock_ns() - begin;
        if (round >= shortest) continue;
        shortest = round;
        offset = (int64_t)(theirs - (begin + round / 2));
    }
    uint64_t size = (uint64_t)(offset < 0 ? -offset : offset);
    return size <= shortest / 2 + 1 ? 0 : offset;
}

int64_t world_clock_offset(struct world *world)
{
    if (world->rank) return measure_offset(world->comm);
    for (int rank = 1; rank < world->ranks; rank++)
        for (int i = 0; i < CLOCK_ROUNDS; i++) answer_clock(world->comm, rank);
    return 0;
}

/* ---- handing in ----------------------------------------------------------*/

static bool nobody(void *arg, int rank)
{
    return false;
}

/* MPI's own waiting would use the core that the others need. False: FROM is
 * gone. */
static bool wait_asleep(MPI_Request *request, MPI_Status *status, int from,
                        bool (*gone)(void *arg, int from), void *arg)
{
    struct timespec nap = {0, HAND_IN_FIRST_NS};
    int done = 0;
    while (MPI_Test(request, &done, status), !done) {
        if (gone(arg, from)) return false;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        if (nap.tv_nsec < HAND_IN_LAST_NS) nap.tv_nsec *= 2;
    }
    return true;
}

void world_hand_in(struct world *world, const void *bytes, size_t size)
{
    MPI_Request request;
    MPI_Issend(bytes, (int)size, MPI_BYTE, 0, TAG_HAND_IN, world->comm,
               &request);
    wait_asleep(&request, MPI_STATUS_IGNORE, 0, nobody, NULL);
}

size_t world_take_in(struct world *world, int from, void *bytes, size_t room,
                     bool (*gone)(void *arg, int from), void *arg)
{
    MPI_Request request;
    MPI_Status status;
    int size;
    MPI_Irecv(bytes, (int)room, MPI_BYTE, from, TAG_HAND_IN, world->comm,
              &request);
    if (!wait_asleep(&request, &status, from, gone ? gone : nobody, arg))
        return 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    return (size_t)size;
}

/* ---- nodes ---------------------------------------------------------------*/

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

void world_wake(struct world *world)
{
    doorbell_ring(&world->bell, world->rank);
}

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

void *world_page(const struct world *world, int rank)
{
    _Static_assert((int)WORLD_PAGE_BYTES == DOORBELL_PAGE_BYTES, "all of it");
    return doorbell_page(&world->bell, rank);
}

bool world_all_near(const struct world *world)
{
    return world->bell.all_near;
}
