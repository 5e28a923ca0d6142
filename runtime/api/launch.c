/* SPDX-License-Identifier: BSD-3-Clause */
/* launch.c - a pool's life: open, serve, close. */
#include "launch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "clock.h"
#include "comms.h"
#include "cores.h"
#include "crash.h"
#include "deadline.h"
#include "durable.h"
#include "executor.h"
#include "exit.h"
#include "fault.h"
#include "guard.h"
#include "hello.h"
#include "log.h"
#include "registry.h"
#include "report.h"
#include "running.h"
#include "session.h"
#include "set.h"
#include "stack.h"
#include "startup.h"
#include "ticker.h"
#include "topology.h"
#include "tracer.h"

extern char **environ;

enum { WHY_BYTES = 256, GAP_FIRST_NS = 1000000 };

/* ---- opening -------------------------------------------------------------*/

static struct session *session_new(struct world *world,
                                   const struct config *config)
{
    char why[WHY_BYTES];
    struct session *session = log_alloc(sizeof *session);
    memset(session, 0, sizeof *session);
    token_init(&session->token);
    session->main = pthread_self();
    session->config = *config;
    session->world = world;
    session->rank = world_rank(world);
    session->ranks = world_ranks(world);
    session->opened_ns = clock_ns();
    bool good = hello_read_supply(config, session->ranks, &session->supply, why,
                                  sizeof why);
    assert(good);
    return session;
}

static void make_center(struct session *session, struct port *port,
                        const dmpi_worker *workers)
{
    uint64_t window_ns =
        session->crowded ? ROSTER_WIDE_WINDOW_NS : ROSTER_WINDOW_NS;
    struct center_setup setup = {
        .workers = workers,
        .supply = &session->supply,
        .functions = registry_count(),
        .window_ns = window_ns,
        .steal = session->config.value[CONFIG_STEAL],
        .recover = session->config.value[CONFIG_RECOVERY],
        .crash_limit = (uint32_t)session->config.value[CONFIG_CRASH_LIMIT],
        .replicas = (size_t)session->config.value[CONFIG_REPLICAS]};
    session->center = center_new(port, &setup);
    port->client =
        (struct port_client){session->center, center_receive, center_arrived};
}

static void make_worker(struct session *session, struct port *port,
                        const dmpi_worker *ranks)
{
    int *nodes = log_alloc((size_t)session->ranks * sizeof *nodes);
    int *cores = log_alloc((size_t)session->ranks * sizeof *cores);
    for (int i = 0; i < session->ranks; i++) {
        nodes[i] = ranks[i].node;
        cores[i] = ranks[i].cores;
    }
    struct worker_setup setup = {
        .nodes = nodes,
        .cores = cores,
        .functions = registry_count(),
        .steal = session->ranks > 2 && session->config.value[CONFIG_STEAL],
        .recover = session->config.value[CONFIG_RECOVERY],
        .memory = budget_open(session)};
    session->worker = worker_new(port, &setup);
    session->worker_rank = port->rank;
    session->look = budget_look(session);
    port->client =
        (struct port_client){session->worker, worker_receive, worker_arrived};
    free(nodes);
    free(cores);
}

/* One process: it is rank 0 and rank 1. RANKS has room for two. */
static void start_alone(struct session *session, dmpi_worker *ranks)
{
    session->ranks = 2;
    session->loop = loop_new();
    ranks[1] = ranks[0];
    ranks[1].rank = 1;
    struct port *zero = loop_port(session->loop, 0);
    struct port *one = loop_port(session->loop, 1);
    zero->trace = session->trace;
    one->trace = session->worker_trace;
    make_center(session, zero, ranks + 1);
    make_worker(session, one, ranks);
}

static void start_ticker(struct session *session)
{
    bool allowed = world_threads(session->world);
    if (!allowed && session->rank == 0)
        log_line(LOG_WARN,
                 "MPI's thread level is below MPI_THREAD_SERIALIZED: progress "
                 "happens only inside calls; use MPI_Init_thread()");
    if (allowed) session->ticker = ticker_new(session);
}

static void watch_tasks(struct session *session)
{
    struct guard_page *own = world_page(session->world, session->rank);
    crash_watch(session->worker_rank, &own->signal);
}

static void start_guard(struct session *session, const dmpi_worker *ranks)
{
    struct guard_page *own = world_page(session->world, session->rank);
    session->guard = guard_new(session, ranks);
    if (session->rank) session->running = &own->running;
}

/* The process exits. Did code of the user on this thread do that? Then it takes
 * the token, for good. */
static bool leave_user_code(void)
{
    struct session *session = session_current();
    if (session && session->worker && running_task()) {
        crash_say_exit();
        exit_job(LOG_EXIT_PANIC);
    }
    if (ticker_is_self()) return running_task() != NULL;
    if (!session || !pthread_equal(pthread_self(), session->main)) return true;
    if (!token_is_given(token_turns(&session->token))) return false;
    session_lock(session);
    return true;
}

static void start(struct session *session, dmpi_worker *ranks, bool crowded)
{
    world_on_exit(leave_user_code);
    log_set_speaker(session->rank, ranks[session->rank].host);
    session->crowded = crowded;
    session->own_core = !crowded || ranks[session->rank].bound;
    session->bound = ranks[session->rank].bound;
    session->stack = stack_first();
    session->gap_ns = GAP_FIRST_NS;
    session->comms = comms_new(session->world);
    if (session->ranks == 1) {
        start_alone(session, ranks);
    } else {
        session->mpi = mpi_port_new(session->world);
        struct port *port = mpi_port_base(session->mpi);
        port->trace = session->trace;
        if (session->rank == 0) make_center(session, port, ranks + 1);
        else make_worker(session, port, ranks);
    }
    if (session->rank == 0 && session->config.value[CONFIG_TABLE])
        report_table(ranks, session->ranks);
    session_set_current(session);
    executor_open(session);
    if (session->worker) watch_tasks(session);
    if (session->mpi) start_ticker(session);
    if (session->mpi && session->config.value[CONFIG_RECOVERY])
        start_guard(session, ranks);
}

/* ---- closing -------------------------------------------------------------*/

static bool is_quiet(void *argument)
{
    struct session *session = argument;
    return !session->mpi ||
           (mpi_port_quiet(session->mpi) && !session->calls_running);
}

static void unbind(struct session *session)
{
    char why[WHY_BYTES];
    if (!session->cpus_before) return;
    struct machine *machine = machine_new(NULL, why, sizeof why);
    if (machine) machine_bind(machine, session->cpus_before);
    machine_free(machine);
    free(session->cpus_before);
}

/* Ranks that might die do not part by collective calls. */
static void part(struct session *session)
{
    if (session->rank == 0) {
        session_wait(session, guard_all_left, session->guard, UINT64_MAX);
    } else {
        guard_leave(session->guard);
        session_wait(session, is_quiet, session, UINT64_MAX);
    }
    guard_free(session->guard);
    session->guard = NULL;
}

static void leave_world(struct session *session, bool together)
{
    if (together) {
        comms_free(session->comms);
        world_close(session->world);
    } else {
        comms_abandon(session->comms);
        world_abandon(session->world);
    }
}

/* Without the token: nobody else has it any more. */
static void end(struct session *session)
{
    bool together = !session->guard;
    ticker_free(session->ticker);
    session->ticker = NULL;
    executor_close(session);
    crash_unwatch();
    tracer_finish(session);
    if (session->guard) part(session);
    sets_leave(session);
    session_set_current(NULL);
    budget_stop(session);
    center_free(session->center);
    durable_free(session->durable);
    worker_free(session->worker);
    budget_close(session);
    if (session->mpi) mpi_port_free(session->mpi);
    if (session->loop) loop_free(session->loop);
    buffer_trim();
    leave_world(session, together);
    cores_free(session->cores);
    stack_free_all(session);
    unbind(session);
    log_set_speaker(-1, NULL);
    free(session);
    deadline_release();
}

/* ---- a worker's whole life -----------------------------------------------*/

/* With the token. */
static dmpi_status serve(struct session *session)
{
    while (!worker_ended(session->worker) || !is_quiet(session)) {
        bool any = session_turn(session, TURN_MAIN);
        any |= session_run_tasks(session);
        any |= stack_let_go_on(session);
        if (!any) session_idle(session, stack_deadline_ns(session));
    }
    dmpi_status status = worker_status(session->worker);
    end(session);
    if (status) fault(status, "the pool did not open: rank 0 has said why");
    return status;
}

/* ---- rank 0's ------------------------------------------------------------*/

static bool center_has_stopped(void *argument)
{
    struct session *session = argument;
    return center_stopped(session->center) && is_quiet(session);
}

/* The workers are told STATUS. */
static void stop(struct session *session, dmpi_status status)
{
    center_stop(session->center, status);
    session_wait(session, center_has_stopped, session, UINT64_MAX);
}

/* With the token, which goes to the application's code. */
static dmpi_status lead(struct session *session, dmpi_pool **pool)
{
    deadline_start(session);
    dmpi_status status = startup_run(session);
    if (status) {
        stop(session, status);
        deadline_stop(session);
        end(session);
        return status;
    }
    if (session->trace) tracer_application_begins(session);
    session_unlock(session);
    *pool = (dmpi_pool *)session;
    return DMPI_OK;
}

/* ---- the public calls ----------------------------------------------------*/

/* Collective: all ranks end alike. */
static void print_help_and_exit(struct world *world)
{
    char *text = config_help();
    if (world_rank(world) == 0 && text) fputs(text, stdout);
    free(text);
    world_end(world);
    exit(0);
}

static dmpi_status open_world(struct world *world, const char *options,
                              dmpi_pool **pool)
{
    struct config config;
    struct trace_file *trace;
    bool crowded;
    dmpi_status status = hello_agree(world, options, &config, &trace);
    if (status) {
        world_close(world);
        return status;
    }
    if (config.value[CONFIG_HELP]) print_help_and_exit(world);
    log_set_level((enum log_level)config.value[CONFIG_LOG]);
    world_find_nodes(world, config.value[CONFIG_FAKE_NODES]);
    if (config.value[CONFIG_RECOVERY]) guard_announce(world);
    dmpi_worker *ranks =
        log_alloc((size_t)(world_ranks(world) + 1) * sizeof *ranks);
    struct journal *journal = durable_open(world, &config);
    struct session *session = session_new(world, &config);
    hello_bind(world, &config, ranks, &session->cpus_before, &crowded);
    tracer_start(session, trace);
    start(session, ranks, crowded);
    if (journal) session->durable = durable_new(session, journal);
    free(ranks);
    if (session->rank == 0) return lead(session, pool);
    status = serve(session);
    if (!status) *pool = NULL;
    return status;
}

/* Before MPI starts, so before it is known what rank 0 says. What goes wrong is
 * found out together. */
static void prepare_executors(const char *options)
{
    struct config config;
    char why[WHY_BYTES];
    if (config_read(&config, options, environ, why, sizeof why) &&
        config.value[CONFIG_ISOLATE])
        executor_prepare();
}

dmpi_status dmpi_isolate(void)
{
    return executor_prepare();
}

dmpi_status launch_open(const void *comm, const char *options, dmpi_pool **pool)
{
    if (!pool) return fault(DMPI_EINVAL, "no place for the pool");
    if (session_current())
        return fault(DMPI_ESTATE, "a pool is already open on this rank");
    if (isolated()) return isolated_refuses();
    prepare_executors(options);
    deadline_catch();
    struct world *world;
    dmpi_status status = world_open(comm, &world);
    if (!status) {
        exit_opened(world_rank(world) == 0);
        status = open_world(world, options, pool);
    } else if (world_speaks()) {
        log_line(LOG_ERROR, "%s", dmpi_status_detail());
    }
    if (!session_current()) deadline_release();
    return status;
}

dmpi_status dmpi_open(const char *options, dmpi_pool **pool)
{
    return launch_open(NULL, options, pool);
}

/* And what end functions may see has come. */
static bool all_tasks_ended(void *argument)
{
    struct session *session = argument;
    return !center_unended(session->center) &&
           !center_constants_spreading(session->center) &&
           (!session->durable || durable_is_settled(session->durable));
}

dmpi_status dmpi_close(dmpi_pool *pool)
{
    struct session *session;
    if (!pool) return DMPI_OK;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    if (session->ending)
        return session_leave(session,
                             fault(DMPI_ESTATE, "a function of dmpi_on_end() "
                                                "cannot close the pool"));
    session_wait(session, all_tasks_ended, session, UINT64_MAX);
    if (session->durable) durable_close(session->durable);
    status = startup_end(session);
    stop(session, DMPI_OK);
    dmpi_status in_time = deadline_stop(session);
    if (in_time) status = in_time;
    if (session->config.value[CONFIG_REPORT]) report_print(session);
    end(session);
    return status;
}
