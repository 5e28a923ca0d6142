/* SPDX-License-Identifier: BSD-3-Clause */
/* executor.c - a worker's side; an executor's is isolated.c.
 *
 * Only the worker takes and gives memory of the arena, executors ask it to: so
 * none of them leaves a list half changed when it dies. They may write to their
 * slot and to the output that they were given, and read the rest. */
#include "executor.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "budget.h"
#include "clock.h"
#include "cores.h"
#include "failure.h"
#include "fault.h"
#include "isolated.h"
#include "log.h"
#include "registry.h"
#include "zygote.h"

enum {
    /* Worker and executor poll so long before they sleep, if each has a core. */
    SPIN_NS = 30000,
    /* While a task runs its worker looks up so often: was it cancelled? */
    LOOK_NS = 5000000,
    /* A function that should return is given so long. */
    GRACE_NS = 100000000,
    TRIES = 100 /* for a task whose executors die before they begin */
};
/* How long none can be made before a task fails for that. */
static const uint64_t none_ns = 2000000000;

struct executors {
    bool all; /* tasks, that do not say otherwise */
    struct buffer *start_args[ISOLATED_STARTS]; /* owned; or NULL */
};

/* Made once; they live as long as the process. */
static struct arena *arena = NULL;
static struct isolated_terms *terms = NULL;
static struct zygote *zygote = NULL;
static int failed_with = 0; /* errno, if they could not be made */

/* ---- before MPI ----------------------------------------------------------*/

/* What goes wrong is kept for when it matters. */
static dmpi_status prepare(void)
{
    if (!arena) arena = arena_new(arena_usual_bytes());
    if (!terms) terms = zygote_shared(sizeof *terms);
    isolated_init(arena, terms);
    if (arena && terms) zygote = zygote_new(isolated_serve);
    if (zygote) return DMPI_OK;
    failed_with = errno;
    return fault(DMPI_ENOMEM, "no process to make executors from: %s",
                 strerror(errno));
}

dmpi_status executor_prepare(void)
{
    if (zygote) return DMPI_OK;
    if (isolated()) return isolated_refuses();
    if (world_mpi_runs())
        return fault(DMPI_ESTATE, "MPI runs already: call dmpi_isolate() "
                                  "before MPI_Init()");
    return prepare();
}

bool executor_is_prepared(char *why, size_t size)
{
    if (zygote && zygote_lives(zygote)) return true;
    if (zygote)
        snprintf(why, size,
                 "the process that makes executors has ended, as it does with "
                 "the thread that made it: call dmpi_isolate() from the main "
                 "thread");
    else if (failed_with)
        snprintf(why, size, "no process to make executors from: %s",
                 strerror(failed_with));
    else
        snprintf(why, size,
                 "executors are made before MPI starts: set DISTMPI_ISOLATE "
                 "for all ranks, and if the program starts MPI itself, call "
                 "dmpi_isolate() before MPI_Init()");
    return false;
}

/* ---- opening and closing -------------------------------------------------*/

static void publish_cpus(void)
{
    if (sched_getaffinity(0, sizeof terms->cpus, &terms->cpus)) return;
    atomic_fetch_add(&terms->cpus_turn, 1);
}

static void tell_terms(const struct session *session)
{
    *terms = (struct isolated_terms){.rank = session->worker_rank,
                                     .ranks = session->ranks,
                                     .supply = session->supply};
    snprintf(terms->host, sizeof terms->host, "%s", log_host());
    publish_cpus();
    bool own_cores = !session->crowded && CPU_COUNT(&terms->cpus) > 1;
    terms->spin_ns = own_cores ? SPIN_NS : 0;
}

void executor_open(struct session *session)
{
    bool isolates = session->config.value[CONFIG_ISOLATE] != ISOLATE_OFF;
    if (!zygote || !isolates || !session->worker) return;
    session->executors = log_alloc(sizeof *session->executors);
    *session->executors = (struct executors){
        .all = session->config.value[CONFIG_ISOLATE] == ISOLATE_PROCESS};
    tell_terms(session);
    buffer_share(arena);
    zygote_want(zygote, ZYGOTE_EXECUTORS);
}

void executor_close(struct session *session)
{
    struct executors *executors = session->executors;
    if (!executors) return;
    zygote_want(zygote, 0);
    buffer_share(NULL);
    for (uint32_t i = 0; i < terms->start_count; i++)
        buffer_unref(executors->start_args[i]);
    free(executors);
    session->executors = NULL;
}

void executor_start_with(struct session *session, const dmpi_function *function,
                         const struct buffer *args)
{
    uint32_t place = terms->start_count;
    for (uint32_t i = 0; i < place; i++)
        if (terms->starts[i].function == function) return;
    if (place == ISOLATED_STARTS)
        log_panic("more than %d start functions for executors",
                  ISOLATED_STARTS);
    struct isolated_start *start = &terms->starts[place];
    *start = (struct isolated_start){.function = function};
    if (args && args->size) {
        size_t room = args->size < SLOT_SPACE ? SLOT_SPACE : args->size;
        struct buffer *copy = buffer_new(room); /* so large: in the arena */
        if (!copy) log_panic("no memory for what executors start with");
        memcpy(copy->data, args->data, args->size);
        session->executors->start_args[place] = copy;
        start->args = copy->data;
        start->size = args->size;
    }
    terms->start_count++;
}

/* ---- one task, as its worker sees it -------------------------------------*/

bool executor_wants(const struct session *session, const struct job *job)
{
    if (job->flags & (RUN_GANG | RUN_BARE)) return false;
    return session->executors->all || job->flags & RUN_ISOLATED;
}

/* A task that is with an executor. */
struct visit {
    struct session *session;
    struct job *job;
    const struct constant_set *constants;
    struct slot *slot;
    struct buffer *frame;  /* owned; NULL: it is in the slot */
    struct frame *there;   /* as the executor sees it */
    struct buffer *output; /* owned; the last block that it was given */
    uint64_t limit_ns;     /* of its time; UINT64_MAX: none */
    bool no_room;          /* there is none for the last output it wanted */
    uint64_t kill_ns;      /* UINT64_MAX: it may run */
};

static struct buffer *failure_of(const struct visit *visit, dmpi_status status,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static struct failure_of of_visit(const struct visit *visit)
{
    return (struct failure_of){.rank = visit->session->worker_rank,
                               .function = visit->job->function,
                               .name = job_name(visit->job),
                               .name_size = visit->job->name};
}

static struct buffer *failure_of(const struct visit *visit, dmpi_status status,
                                 const char *format, ...)
{
    va_list args;
    struct failure_of of = of_visit(visit);
    va_start(args, format);
    struct buffer *failure = failure_new_va(status, &of, format, args);
    va_end(args);
    return failure;
}

/* "SIGSEGV (Segmentation fault)", or how it exited. */
static void describe_death(int wait_status, char *text, size_t size)
{
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    const char *name = number ? sigabbrev_np(number) : NULL;
    const char *words = number ? sigdescr_np(number) : NULL;
    if (!number)
        snprintf(text, size, "exit with status %d", WEXITSTATUS(wait_status));
    else if (number == SIGKILL)
        snprintf(text, size, "SIGKILL (Killed, as when memory runs out)");
    else if (name && words) snprintf(text, size, "SIG%s (%s)", name, words);
    else snprintf(text, size, "signal %d", number);
}

static struct buffer *crashed(const struct visit *visit)
{
    char death[100];
    describe_death(visit->slot->wait_status, death, sizeof death);
    return failure_of(visit, DMPI_ECRASHED,
                      "'%s' on rank %d (%s) ended its executor: %s",
                      registry_name(visit->job->function),
                      visit->session->worker_rank, log_host(), death);
}

static struct buffer *garbled(const struct visit *visit)
{
    return failure_of(visit, DMPI_ECRASHED,
                      "'%s' on rank %d (%s) has overwritten its executor's "
                      "memory",
                      registry_name(visit->job->function),
                      visit->session->worker_rank, log_host());
}

static struct buffer *none_made(const struct visit *visit, int why)
{
    if (!zygote_lives(zygote))
        log_panic("the process that makes executors was killed");
    return failure_of(visit, DMPI_ECRASHED, "no executor for it: %s",
                      why ? strerror(why) : "none lives long enough");
}

/* Lay it out in the slot, or, if it is too large, beside it. False: no memory. */
static bool lay_out(struct visit *visit)
{
    const dmpi_function *function = registry_at(visit->job->function);
    size_t bytes = frame_bytes(arena, visit->job, visit->constants);
    void *memory = visit->slot->space;
    if (bytes > SLOT_SPACE) {
        visit->frame = buffer_new(bytes);
        if (!visit->frame) errno = ENOMEM;
        if (!visit->frame) return false;
        memory = visit->frame->data;
    }
    visit->there =
        frame_make(memory, arena, function, visit->job, visit->constants);
    visit->slot->frame = visit->there;
    return true;
}

/* A process asks for ITS output; a later one takes the place of the first. */
static void give_block(struct visit *visit)
{
    struct slot *slot = visit->slot;
    bool asks = slot->asked >= visit->session->look;
    buffer_unref(visit->output);
    visit->output = NULL;
    visit->no_room =
        asks && !budget_allows(visit->session, visit->job, slot->asked);
    if (!visit->no_room) visit->output = buffer_new(slot->asked);
    slot->block = visit->output ? visit->output->data : NULL;
    slot_move(slot, SLOT_ASKED, SLOT_BEGUN);
}

/* The function is told that it should return, and ended if it does not. */
static void look_up(struct visit *visit)
{
    uint64_t now_ns = clock_ns();
    bool halted = visit->job->halted || now_ns >= visit->limit_ns;
    if (halted && visit->kill_ns == UINT64_MAX) {
        visit->kill_ns = now_ns + GRACE_NS;
        visit->there->job->halted = true;
    }
    if (now_ns >= visit->kill_ns) zygote_kill(visit->slot);
    if (!zygote_lives(zygote))
        log_panic("the process that makes executors was killed");
}

static uint64_t look_after(const struct visit *visit)
{
    uint64_t next =
        visit->kill_ns == UINT64_MAX ? visit->limit_ns : visit->kill_ns;
    if (next == UINT64_MAX) return LOOK_NS;
    uint64_t now = clock_ns(), left = next > now ? next - now : 1;
    return left < LOOK_NS ? left : LOOK_NS;
}

/* Until it has ended: DONE, SPENT, LOST or CRASHED. */
static enum slot_state await_end(struct visit *visit)
{
    const unsigned runs = 1u << SLOT_GIVEN | 1u << SLOT_BEGUN;
    for (;;) {
        enum slot_state state =
            slot_wait(visit->slot, runs, terms->spin_ns, look_after(visit));
        if (state == SLOT_ASKED) give_block(visit);
        else if (!(runs >> state & 1)) return state;
        else look_up(visit);
    }
}

/* In some executor. SLOT_FREE: there is none, or no memory. */
static enum slot_state let_run(struct visit *visit)
{
    enum slot_state end = SLOT_LOST;
    for (int i = 0; i < TRIES && end == SLOT_LOST; i++) {
        visit->slot = zygote_slot(zygote, none_ns);
        if (!visit->slot || !lay_out(visit)) return SLOT_FREE;
        if (slot_move(visit->slot, SLOT_IDLE, SLOT_GIVEN)) {
            end = await_end(visit);
            if (end == SLOT_LOST) zygote_release(visit->slot);
        }
        buffer_unref(visit->frame);
        visit->frame = NULL;
    }
    return end;
}

/* The first SIZE bytes of what it was given. */
static struct buffer *take_output(struct visit *visit, uint64_t size)
{
    struct buffer *output = visit->output;
    if (!output || size > output->room) return garbled(visit);
    visit->output = NULL;
    output->size = size;
    return output;
}

static struct buffer *no_room_for(const struct visit *visit)
{
    struct failure_of of = of_visit(visit);
    return worker_no_room(visit->session->worker, visit->job,
                          visit->slot->asked, &of);
}

/* What an executor says is looked at as what a stranger says. */
static struct buffer *outcome_of(struct visit *visit)
{
    struct slot *slot = visit->slot;
    uint64_t size = slot->size;
    switch (slot->kind) {
    case OUTCOME_SCRATCH: {
        if (size > SLOT_SCRATCH) return garbled(visit);
        struct buffer *output = buffer_new(size);
        if (!output) return failure_of(visit, DMPI_EFAILED, "no memory");
        memcpy(output->data, slot->scratch, size);
        return output;
    }
    case OUTCOME_BLOCK: return take_output(visit, size);
    case OUTCOME_PASSED:
        if (size >= visit->job->inputs) return garbled(visit);
        return buffer_ref(job_inputs(visit->job)[size]->buffer);
    case OUTCOME_FAILED:
        if (visit->no_room) return no_room_for(visit);
        slot->text[sizeof slot->text - 1] = 0;
        return failure_of(visit, DMPI_EFAILED, "%s", slot->text);
    case OUTCOME_STRANGER:
        return failure_of(visit, DMPI_EFAILED,
                          "'%s' was registered after the executors' zygote was "
                          "made: register it before dmpi_open() or "
                          "dmpi_isolate(), or submit it with isolate = -1",
                          registry_name(visit->job->function));
    default: return garbled(visit);
    }
}

/* With the token again. */
static struct buffer *leave(struct visit *visit, enum slot_state end, int why)
{
    struct buffer *output;
    if (end == SLOT_DONE || end == SLOT_SPENT) output = outcome_of(visit);
    else if (end == SLOT_CRASHED) output = crashed(visit);
    else output = none_made(visit, why);
    if (end != SLOT_FREE && end != SLOT_LOST) zygote_release(visit->slot);
    buffer_unref(visit->output);
    return output;
}

/* The task that the worker has in hand is KEY's; what it was before. */
static uint64_t tell_running(struct session *session, uint64_t key)
{
    if (!session->running) return 0;
    return atomic_exchange(session->running, key);
}

static struct buffer *visit_executor(struct session *session, struct job *job,
                                     const struct constant_set *constants)
{
    uint64_t timeout_ns = job_has_terms(job) ? job_terms(job)->timeout_ns : 0;
    struct visit visit = {.session = session,
                          .job = job,
                          .constants = constants,
                          .limit_ns = UINT64_MAX,
                          .kill_ns = UINT64_MAX};
    if (timeout_ns) visit.limit_ns = clock_ns() + timeout_ns;
    uint64_t outer = tell_running(session, job->key);
    session_unlock(session);
    enum slot_state end = let_run(&visit);
    int why = errno;
    session_lock(session);
    tell_running(session, outer);
    return leave(&visit, end, why);
}

struct buffer *executor_run(struct session *session, struct job *job)
{
    struct constant_set *constants =
        job_epoch(job) ? worker_constants(session->worker, job) : NULL;
    int cores = job_has_terms(job) ? job_terms(job)->cores : 0;
    struct cores_before before;
    if (cores) {
        cores_set(session, cores, &before);
        publish_cpus();
    }
    struct buffer *output = visit_executor(session, job, constants);
    if (cores) {
        cores_restore(session, &before);
        publish_cpus();
    }
    constant_set_unref(constants);
    return output;
}
