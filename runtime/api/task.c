/* SPDX-License-Identifier: BSD-3-Clause */
/* task.c - one call of a function of the user, and what it can ask. */
#include "distmpi/task.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "cores.h"
#include "distmpi/pool.h"
#include "executor.h"
#include "failure.h"
#include "fault.h"
#include "gang.h"
#include "log.h"
#include "registry.h"
#include "running.h"
#include "ticker.h"
#include "tracer.h"

struct dmpi_task {
    struct session *session;
    const dmpi_function *function;
    struct job *job;  /* borrowed; NULL: it is no task of the pool */
    const char *name; /* given at submission; not ended by a NUL */
    size_t name_size;
    dmpi_key key;
    const struct msg_terms *terms;
    int rank; /* that runs it */
    int source;
    const void *args;
    size_t args_size;
    const struct muster *gang; /* whose member it is; NULL: none's */
    struct value **inputs;
    size_t input_count;
    struct constant_set *constants; /* owned; NULL: there are none */
    struct buffer *output;          /* owned */
    struct buffer *failure;         /* owned; a dmpi_failure */
    struct buffer *passed;          /* an input's; NULL: not handed through */
    struct job *next;               /* that it goes on as; owned, or NULL */
    uint64_t away_ns;               /* that it has waited */
    size_t look;                    /* outputs from that size on have to ask */
    struct cores_before *cores;     /* it has asked for some; owned, or NULL */
    struct slot *slot; /* it is in an executor, which has that one; or NULL */
};

static _Thread_local dmpi_task *running = NULL;
static const struct msg_terms no_terms = {0};

dmpi_task *running_task(void)
{
    return running;
}

dmpi_task *const *running_place(void)
{
    return &running;
}

struct running_about running_about(const dmpi_task *task)
{
    return (struct running_about){task->function->name, task->name,
                                  task->name_size, task->key};
}

int running_rank(void)
{
    return running ? running->rank : -1;
}

const struct muster *running_gang(const dmpi_task *task)
{
    return task ? task->gang : NULL;
}

struct job *running_task_job(void)
{
    return running ? running->job : NULL;
}

/* TASK, or none, is what this thread runs now; on main the node can see it. */
static inline void set_running(struct session *session, dmpi_task *task)
{
    running = task;
    if (session->running && !ticker_is_self())
        *session->running = task ? task->key : 0;
}

dmpi_task *running_swap(dmpi_task *task)
{
    dmpi_task *before = running;
    set_running(session_current(), task);
    return before;
}

dmpi_status running_go_on(dmpi_task *task, const struct task_order *order)
{
    if (task->next)
        return fault(DMPI_ESTATE, "this task goes on as another already");
    task->next =
        nest_continue(worker_nest(task->session->worker), task->job, order);
    return DMPI_OK;
}

void running_was_away(uint64_t ns)
{
    running->away_ns += ns;
}

void running_lend_cores(struct session *session)
{
    if (running->cores) cores_restore(session, running->cores);
}

void running_take_cores(struct session *session)
{
    if (running->cores)
        cores_set(session, running->terms->cores, running->cores);
}

/* ---- registration --------------------------------------------------------*/

void dmpi_function_enter(dmpi_function *function)
{
    if (function) registry_enter(function);
}

static dmpi_function *enter_function(const char *name, dmpi_call *call,
                                     const char *version)
{
    dmpi_function *function = log_alloc(sizeof *function);
    *function = (dmpi_function){
        .name = strdup(name), .call = call, .version = strdup(version)};
    if (!function->name || !function->version)
        log_panic("out of memory for a function's name");
    registry_enter(function);
    return function;
}

dmpi_status dmpi_register_version(const char *name, dmpi_call *call,
                                  const char *version,
                                  const dmpi_function **function)
{
    if (!name || !*name || !call)
        return fault(DMPI_EINVAL, "a function needs a name and an address");
    if (!version)
        return fault(DMPI_EINVAL, "the version is NULL: \"\" is that of "
                                  "functions that state none");
    if (session_current())
        return fault(DMPI_ESTATE, "register '%s' before dmpi_open()", name);
    dmpi_function *known = registry_find(name);
    if (known && (known->call != call ||
                  strcmp(known->version ? known->version : "", version)))
        return fault(DMPI_EINVAL, "another function is registered as '%s'",
                     name);
    if (!known) known = enter_function(name, call, version);
    if (function) *function = known;
    return DMPI_OK;
}

dmpi_status dmpi_register(const char *name, dmpi_call *call,
                          const dmpi_function **function)
{
    return dmpi_register_version(name, call, "", function);
}

/* ---- running -------------------------------------------------------------*/

/* Call the function without the token; what it made is in TASK. */
static void call_user(struct session *session, dmpi_task *task)
{
    dmpi_task *outer = running;
    set_running(session, task);
    session_unlock(session);
    if (task->gang) gang_begin(session, task->gang);
    task->function->call(task);
    if (task->gang) gang_end(session);
    session_lock(session);
    set_running(session, outer);
}

/* The value that the task gave; a reference for the caller. */
static struct buffer *outcome(dmpi_task *task)
{
    struct buffer *result = task->failure  ? task->failure
                            : task->passed ? buffer_ref(task->passed)
                            : task->output ? task->output
                                           : buffer_new(0);
    if (task->output && result != task->output) buffer_unref(task->output);
    return result;
}

/* With what few tasks have. Kept out of the way of those that have not. */
static __attribute__((noinline)) struct buffer *
run_with_terms(struct session *session, dmpi_task *task, struct job *job)
{
    int cores = job_terms(job)->cores;
    if (job_epoch(job))
        task->constants = worker_constants(session->worker, job);
    if (cores) {
        task->cores = log_alloc(sizeof *task->cores);
        cores_set(session, cores, task->cores);
    }
    call_user(session, task);
    if (cores) cores_restore(session, task->cores);
    free(task->cores);
    if (task->constants) constant_set_unref(task->constants);
    return outcome(task);
}

/* It went on as another, unless it has failed since. */
static __attribute__((noinline)) struct buffer *
hand_over(struct session *session, dmpi_task *task, struct buffer *output)
{
    if (output->is_error) {
        nest_abandon(worker_nest(session->worker), task->next);
        task->next = NULL;
        return output;
    }
    buffer_unref(output);
    return NULL;
}

static inline dmpi_task task_of(struct session *session, struct job *job,
                                const dmpi_function *function)
{
    return (dmpi_task){.session = session,
                       .function = function,
                       .job = job,
                       .name = job_name(job),
                       .name_size = job->name,
                       .key = job->key,
                       .terms = job_has_terms(job) ? job_terms(job) : &no_terms,
                       .rank = session->worker_rank,
                       .args = job->args ? job_args(job) : NULL,
                       .args_size = job->args,
                       .inputs = job_inputs(job),
                       .input_count = job->inputs,
                       .look = session->look};
}

struct ran running_job(struct session *session, struct job *job)
{
    struct buffer *output;
    if (session->executors && executor_wants(session, job)) {
        output = executor_run(session, job);
        return (struct ran){output, NULL, 0};
    }
    dmpi_task task = task_of(session, job, registry_at(job->function));
    if (job->flags & RUN_GANG) task.gang = worker_gang(session->worker);
    if (job_has_terms(job)) {
        output = run_with_terms(session, &task, job);
    } else {
        call_user(session, &task);
        output = outcome(&task);
    }
    if (task.next) output = hand_over(session, &task, output);
    return (struct ran){output, task.next, task.away_ns};
}

/* ---- in an executor ------------------------------------------------------*/

/* The output of the task that runs there; that it has failed is said in its
 * slot. */
static struct buffer output_there, failure_there;

static uint64_t input_number(const dmpi_task *task, const struct buffer *buffer)
{
    uint64_t i = 0;
    while (task->inputs[i]->buffer != buffer) i++;
    return i;
}

static void say_outcome(const dmpi_task *task, struct slot *slot)
{
    bool far = task->output && task->output->data != slot->scratch;
    slot->size = task->output ? task->output->size : 0;
    slot->kind = far ? OUTCOME_BLOCK : OUTCOME_SCRATCH;
    if (task->passed) {
        slot->kind = OUTCOME_PASSED;
        slot->size = input_number(task, task->passed);
    }
    if (task->failure) slot->kind = OUTCOME_FAILED;
}

static void call_there(dmpi_task *task, struct slot *slot)
{
    struct cores_before before;
    int cores = task->terms->cores;
    if (!registry_knows(task->function)) {
        slot->kind = OUTCOME_STRANGER;
        return;
    }
    task->slot = slot;
    running = task;
    if (cores) cores_set_threads(cores, &before);
    task->function->call(task);
    if (cores) cores_restore_threads(&before);
    running = NULL;
    say_outcome(task, slot);
}

void running_isolated(struct session *session, struct slot *slot,
                      const struct frame *frame)
{
    dmpi_task task = task_of(session, frame->job, frame->function);
    task.constants = frame->constants;
    call_there(&task, slot);
}

void running_isolated_start(struct session *session, struct slot *slot,
                            const struct isolated_start *start)
{
    dmpi_task task = {.session = session,
                      .function = start->function,
                      .terms = &no_terms,
                      .rank = session->worker_rank,
                      .args = start->args,
                      .args_size = start->size};
    call_there(&task, slot);
}

static void *take_there(dmpi_task *task, size_t size)
{
    task->output = NULL;
    task->passed = NULL;
    if (!isolated_output(task->slot, size, &output_there)) {
        dmpi_fail(task, "no memory for an output of %zu bytes", size);
        return NULL;
    }
    task->output = &output_there;
    return output_there.data;
}

static void fail_there(dmpi_task *task, const char *format, va_list args)
{
    vsnprintf(task->slot->text, sizeof task->slot->text, format, args);
    task->failure = &failure_there;
}

/* ---- calls from other ranks ----------------------------------------------*/

static void report_handler(const struct buffer *output, const struct call *call)
{
    const dmpi_failure *failure = output->data;
    if (output->is_error && !call->request)
        log_line(LOG_ERROR, "handler '%s', called by rank %d, failed: %s",
                 failure->function, call->from, failure->text);
}

void running_call(struct session *session, struct exchange *exchange,
                  struct call *call)
{
    dmpi_task task = {.session = session,
                      .function = registry_at(call->function),
                      .terms = &no_terms,
                      .rank = exchange->port->rank,
                      .source = call->from,
                      .args = call->args ? call->args->data : NULL,
                      .args_size = call->args ? call->args->size : 0};
    struct port *port = exchange->port;
    uint64_t begin_ns = port_trace_time(port);
    if (port->rank) task.constants = worker_constants(session->worker, NULL);
    call_user(session, &task);
    if (task.constants) constant_set_unref(task.constants);
    struct buffer *output = outcome(&task);
    if (port->trace) tracer_call(port->trace, call, output, begin_ns);
    report_handler(output, call);
    if (session->executors && task.function->when & REGISTRY_AT_START)
        executor_start_with(session, task.function, call->args);
    exchange_called(exchange, call, output);
}

/* ---- what a task can ask -------------------------------------------------*/

/* Whoever asks about no task is told of this one. */
static const dmpi_task *known(const dmpi_task *task)
{
    static const dmpi_task nobody = {
        .terms = &no_terms, .rank = -1, .source = -1};
    return task ? task : &nobody;
}

const void *dmpi_task_args(const dmpi_task *task)
{
    return known(task)->args;
}

size_t dmpi_task_args_size(const dmpi_task *task)
{
    return known(task)->args_size;
}

size_t dmpi_task_input_count(const dmpi_task *task)
{
    return known(task)->input_count;
}

/* NULL: there is no such input, and the task has failed. */
static const struct value *input(const dmpi_task *task, size_t i)
{
    size_t count = known(task)->input_count;
    if (i < count) return task->inputs[i];
    dmpi_fail((dmpi_task *)task, "it asks for input %zu of %zu, 0 the first", i,
              count);
    return NULL;
}

const void *dmpi_task_input(const dmpi_task *task, size_t i)
{
    const struct value *value = input(task, i);
    return value ? value->buffer->data : NULL;
}

size_t dmpi_task_input_size(const dmpi_task *task, size_t i)
{
    const struct value *value = input(task, i);
    return value ? value->buffer->size : 0;
}

dmpi_key dmpi_task_input_key(const dmpi_task *task, size_t i)
{
    const struct value *value = input(task, i);
    return value ? value->key : DMPI_KEY_NONE;
}

dmpi_key dmpi_task_key(const dmpi_task *task)
{
    return known(task)->key;
}

int dmpi_task_attempt(const dmpi_task *task)
{
    return known(task)->terms->tried;
}

uint64_t dmpi_task_seed(const dmpi_task *task)
{
    return known(task)->terms->seed;
}

uint64_t dmpi_task_number(const dmpi_task *task)
{
    const struct msg_terms *terms = known(task)->terms;
    return terms->seed ? terms->number : 0;
}

int dmpi_cancelled(const dmpi_task *task)
{
    const struct job *job = known(task)->job;
    return job && atomic_load_explicit(&job->halted, memory_order_relaxed);
}

dmpi_pool *dmpi_task_pool(const dmpi_task *task)
{
    const dmpi_task *asked = known(task);
    return asked->slot ? NULL : (dmpi_pool *)asked->session;
}

int dmpi_task_rank(const dmpi_task *task)
{
    return known(task)->rank;
}

int dmpi_task_worker(const dmpi_task *task)
{
    int rank = dmpi_task_rank(task);
    return rank > 0 ? rank - 1 : -1;
}

dmpi_status dmpi_task_resource(const dmpi_task *task, const char *name,
                               int ids[], size_t capacity, size_t *count)
{
    const struct msg_terms *terms = known(task)->terms;
    if (!task) return fault(DMPI_EINVAL, "the task is NULL");
    int kind = name ? supply_find(&task->session->supply, name) : -1;
    if (kind < 0)
        return fault(DMPI_EINVAL, "no resource is called '%s'",
                     name ? name : "");
    size_t found = 0;
    for (int i = 0; i < terms->ids; i++) {
        struct msg_resource id = terms_ids(terms)[i];
        if (id.kind != kind) continue;
        if (ids && found < capacity) ids[found] = id.id;
        found++;
    }
    if (count) *count = found;
    return DMPI_OK;
}

int dmpi_task_source(const dmpi_task *task)
{
    return known(task)->source;
}

void **dmpi_task_state(dmpi_task *task)
{
    return task ? &task->session->state[task->rank > 0] : NULL;
}

const void *dmpi_task_constant(const dmpi_task *task, const char *name,
                               size_t *size)
{
    const struct buffer *buffer =
        task && name ? constant_set_find(task->constants, name) : NULL;
    if (size) *size = buffer ? buffer->size : 0;
    return buffer ? buffer->data : NULL;
}

/* ---- what it can give ----------------------------------------------------*/

static struct failure_of of_task(const dmpi_task *task)
{
    return (struct failure_of){.rank = dmpi_task_rank(task),
                               .function = task->function->index,
                               .name = task->name,
                               .name_size = task->name_size};
}

/* Kept out of the way of outputs that need not ask. */
static __attribute__((noinline)) bool has_room(dmpi_task *task, size_t size)
{
    if (!task->job || budget_allows(task->session, task->job, size))
        return true;
    if (task->failure) return false;
    struct failure_of of = of_task(task);
    task->failure = worker_no_room(task->session->worker, task->job, size, &of);
    return false;
}

void *dmpi_task_output(dmpi_task *task, size_t size)
{
    if (!task) return NULL;
    if (task->slot) return take_there(task, size);
    if (size >= task->look && !has_room(task, size)) return NULL;
    struct buffer *fresh = buffer_new(size);
    if (!fresh) {
        dmpi_fail(task, "no memory for an output of %zu bytes", size);
        return NULL;
    }
    if (task->output) buffer_unref(task->output);
    task->output = fresh;
    task->passed = NULL;
    return fresh->data;
}

void dmpi_task_output_trim(dmpi_task *task, size_t size)
{
    if (!task) return;
    if (!task->output || size > task->output->room) {
        dmpi_fail(task, "output trimmed to %zu bytes, but it has %llu", size,
                  task->output ? (unsigned long long)task->output->room : 0);
        return;
    }
    task->output->size = size;
}

void dmpi_task_pass(dmpi_task *task, size_t i)
{
    const struct value *value = input(task, i);
    if (value) task->passed = value->buffer;
}

void dmpi_fail(dmpi_task *task, const char *format, ...)
{
    if (!task || task->failure) return;
    struct failure_of of = of_task(task);
    va_list args;
    va_start(args, format);
    if (task->slot) fail_there(task, format, args);
    else task->failure = failure_new_va(DMPI_EFAILED, &of, format, args);
    va_end(args);
}
