/* SPDX-License-Identifier: BSD-3-Clause */
/* stack.c - ucontext(3) and mmap(2). */
#include "stack.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include "log.h"
#include "running.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

enum {
    /* Where the thread's own is unlimited, or larger. */
    STACK_MOST = 64 << 20,
    STACK_LEAST = 1 << 20,
    SPARES_MOST = 16
};

struct stack {
    ucontext_t context;
    struct stack *next; /* among the spare ones */
    char *low;          /* its lowest byte */
    size_t size;
    void *mapped; /* with the page that guards it; owned; NULL: the thread's */
    void *shadow; /* the sanitizer's */
};

/* ---- one stack -----------------------------------------------------------*/

/* As large as the thread's own would grow. */
static size_t stack_bytes(void)
{
    struct rlimit limit;
    bool known = !getrlimit(RLIMIT_STACK, &limit);
    if (!known || limit.rlim_cur > STACK_MOST) return STACK_MOST;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = limit.rlim_cur < STACK_LEAST ? STACK_LEAST : limit.rlim_cur;
    return (bytes + page - 1) / page * page;
}

static void free_stack(struct stack *stack)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (stack->mapped) munmap(stack->mapped, stack->size + page);
    free(stack);
}

struct stack *stack_first(void)
{
    struct stack *stack = log_alloc(sizeof *stack);
    pthread_attr_t attributes;
    void *low;
    size_t size;
    *stack = (struct stack){0};
    if (pthread_getattr_np(pthread_self(), &attributes))
        log_panic("nothing is known of this thread's stack");
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    stack->size = size < STACK_MOST ? size : STACK_MOST;
    stack->low = (char *)low + (size - stack->size);
    return stack;
}

static bool map_stack(struct stack *stack)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    stack->size = stack_bytes();
    stack->mapped =
        mmap(NULL, stack->size + page, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack->mapped == MAP_FAILED) return false;
    if (mprotect(stack->mapped, page, PROT_NONE)) {
        munmap(stack->mapped, stack->size + page);
        return false;
    }
    stack->low = (char *)stack->mapped + page;
    return true;
}

bool stack_has_room(const struct session *session)
{
    const struct stack *stack = session->stack;
    const char here = 0;
    size_t left = (size_t)(&here - stack->low);
    return left > stack->size / 2;
}

/* ---- from one to another -------------------------------------------------*/

/* Save this context and go on in that one; returns when somebody comes back. */
#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer's own swapcontext() warns on stderr that it does not know what
 * is said here. */
static void swap(struct stack *from, struct stack *to)
{
    volatile bool back = false;
    __sanitizer_start_switch_fiber(&from->shadow, to->low, to->size);
    getcontext(&from->context);
    if (!back) {
        back = true;
        setcontext(&to->context);
    }
    __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
}
#else
static void swap(struct stack *from, struct stack *to)
{
    swapcontext(&from->context, &to->context);
}
#endif

/* Returns when somebody switches back. */
static void switch_to(struct session *session, struct stack *to)
{
    struct stack *from = session->stack;
    dmpi_task *task = running_swap(NULL);
    session->stack = to;
    swap(from, to);
    running_swap(task);
}

static void become_spare(struct session *session)
{
    struct stack *stack = session->stack;
    stack->next = session->spare_stacks;
    session->spare_stacks = stack;
}

/* Take the thread's own stack from the spares, if it is there. */
static struct stack *take_own(struct session *session)
{
    for (struct stack **at = &session->spare_stacks; *at; at = &(*at)->next) {
        struct stack *stack = *at;
        if (stack->mapped) continue;
        *at = stack->next;
        return stack;
    }
    return NULL;
}

static bool goes_on(struct session *session)
{
    struct waiter *waiter = worker_awake(session->worker);
    if (!waiter) return false;
    struct stack *to = waiter->place;
    if (to != session->stack) switch_to(session, to);
    return true;
}

uint64_t stack_deadline_ns(const struct session *session)
{
    return nest_deadline_ns(worker_nest(session->worker));
}

/* A stack without a task. */
static void loop(void)
{
    struct session *session = session_current();
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
    for (;;) {
        bool any = session_turn(session, TURN_MAIN);
        any |= session_run_tasks(session);
        struct stack *own = take_own(session);
        if (own || worker_awake(session->worker)) become_spare(session);
        if (own) switch_to(session, own);
        else if (!goes_on(session) && !any)
            session_idle(session, stack_deadline_ns(session));
    }
}

/* A stack without a task: the thread's own, a spare or a new one; or NULL. */
static struct stack *take_free(struct session *session)
{
    struct stack *stack = take_own(session);
    if (stack) return stack;
    if ((stack = session->spare_stacks)) {
        session->spare_stacks = stack->next;
        return stack;
    }
    stack = log_alloc(sizeof *stack);
    *stack = (struct stack){0};
    if (!map_stack(stack)) {
        free(stack);
        return NULL;
    }
    getcontext(&stack->context);
    stack->context.uc_stack.ss_sp = stack->low;
    stack->context.uc_stack.ss_size = stack->size;
    makecontext(&stack->context, loop, 0);
    return stack;
}

/* Not more spares than are worth keeping. */
static void trim(struct session *session)
{
    int count = 0;
    struct stack **at = &session->spare_stacks;
    while (*at) {
        struct stack *stack = *at;
        if (++count <= SPARES_MOST || !stack->mapped) {
            at = &stack->next;
            continue;
        }
        *at = stack->next;
        free_stack(stack);
    }
}

void stack_free_all(struct session *session)
{
    while (session->spare_stacks) {
        struct stack *stack = session->spare_stacks;
        session->spare_stacks = stack->next;
        free_stack(stack);
    }
    if (session->stack) free_stack(session->stack);
}

/* ---- what tasks and loops ask for ----------------------------------------*/

bool stack_let_go_on(struct session *session)
{
    if (!worker_awake(session->worker)) return false;
    become_spare(session);
    goes_on(session);
    trim(session);
    return true;
}

bool stack_run_tasks(struct session *session)
{
    struct stack *to = take_free(session);
    if (!to) return false;
    become_spare(session);
    switch_to(session, to);
    return true;
}

/* Others have their turn, or the port has. */
static void pass_time(struct session *session)
{
    struct stack *to = NULL;
    if (goes_on(session)) return;
    if (worker_may_take(session->worker)) to = take_free(session);
    else to = take_own(session);
    if (to) {
        switch_to(session, to);
        return;
    }
    if (!session_turn(session, TURN_MAIN))
        session_idle(session, stack_deadline_ns(session));
}

void stack_block(struct session *session, struct waiter *waiter, bool all,
                 uint64_t deadline_ns)
{
    struct nest *nest = worker_nest(session->worker);
    waiter->place = session->stack;
    if (nest_block(nest, waiter, all, deadline_ns)) return;
    running_lend_cores(session);
    session->idle_since_ns = 0;
    while (worker_awake(session->worker) != waiter) pass_time(session);
    nest_resume(nest, waiter);
    running_take_cores(session);
}
