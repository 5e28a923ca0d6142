/* SPDX-License-Identifier: BSD-3-Clause */
/* crash.c - what a signal handler may do: no malloc, no stdio, no locks. */
#include "crash.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "key.h"
#include "log.h"
#include "running.h"

enum { STACK_BYTES = 64 << 10, LINE_BYTES = 512, THREADS = 2 };

static const struct fatal {
    int number;
    const char *name;
} fatal[] = {{SIGSEGV, "SIGSEGV"},
             {SIGBUS, "SIGBUS"},
             {SIGFPE, "SIGFPE"},
             {SIGILL, "SIGILL"},
             {SIGABRT, "SIGABRT"}};

enum { SIGNALS = sizeof fatal / sizeof *fatal };

/* Of a thread that runs functions of the user. */
struct place {
    pid_t thread;
    dmpi_task *const *running;
    void *stack; /* owned; NULL: it had one before */
};

static struct {
    bool watches;
    int rank;
    _Atomic int32_t *signal;
    struct sigaction before[SIGNALS];
    struct place places[THREADS]; /* main, then the ticker */
    atomic_flag told;
} self = {.told = ATOMIC_FLAG_INIT};

/* ---- the line ------------------------------------------------------------*/

struct line {
    char text[LINE_BYTES];
    size_t size;
};

static void put(struct line *line, const char *text, size_t size)
{
    size_t room = sizeof line->text - 1 - line->size;
    if (size > room) size = room;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_number(struct line *line, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put(line, digits + at, sizeof digits - at);
}

static void put_task(struct line *line, const dmpi_task *task)
{
    struct running_about about = running_about(task);
    put_text(line, "function '");
    put_text(line, about.function);
    put_text(line, "'");
    if (!about.key) return; /* called by another rank */
    put_text(line, ", task ");
    if (about.name_size) {
        put_text(line, "'");
        put(line, about.name, about.name_size);
        put_text(line, "' ");
    }
    put_text(line, "(key ");
    put_number(line, (uint64_t)key_rank(about.key));
    put_text(line, ":");
    put_number(line, key_counter(about.key));
    put_text(line, ")");
}

static void say(const dmpi_task *task, const char *how)
{
    struct line line = {.size = 0};
    put_text(&line, "distmpi: rank ");
    put_number(&line, (uint64_t)self.rank);
    put_text(&line, " (");
    put_text(&line, log_host());
    put_text(&line, "): ");
    if (task) put_task(&line, task);
    else put_text(&line, "outside of any task");
    put_text(&line, how);
    line.text[line.size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.text, line.size);
    (void)written; /* nowhere left to complain */
}

/* ---- signals -------------------------------------------------------------*/

/* A thread that we do not know belongs to the task on main. */
static const dmpi_task *task_of(pid_t thread)
{
    const struct place *ticker = &self.places[1];
    bool on_ticker = ticker->running && ticker->thread == thread;
    const struct place *place = on_ticker ? ticker : &self.places[0];
    return place->running ? *place->running : NULL;
}

static void say_signal(int i)
{
    char how[32] = ": died by ";
    const dmpi_task *task = task_of((pid_t)syscall(SYS_gettid));
    if (atomic_flag_test_and_set(&self.told)) return;
    if (self.signal) *self.signal = fatal[i].number;
    strcat(how, fatal[i].name);
    say(task, how);
}

/* A fault happens again on return; what was sent has to be sent again. */
static void on_signal(int number, siginfo_t *about, void *context)
{
    int i = 0;
    while (fatal[i].number != number) i++;
    say_signal(i);
    sigaction(number, &self.before[i], NULL);
    if (about->si_code <= 0) raise(number);
}

/* MPI's own handler writes a page about it. */
static bool is_of_mpi(const struct sigaction *action)
{
    Dl_info about;
    void *handler;
    memcpy(&handler, &action->sa_sigaction, sizeof handler);
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN &&
           dladdr(handler, &about) && about.dli_fname &&
           (strstr(about.dli_fname, "libopen-pal") ||
            strstr(about.dli_fname, "libmpi"));
}

static void catch (int i)
{
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(fatal[i].number, &action, &self.before[i]);
    if (is_of_mpi(&self.before[i]))
        self.before[i] = (struct sigaction){.sa_handler = SIG_DFL};
}

/* ---- threads -------------------------------------------------------------*/

static void begin_place(struct place *place)
{
    stack_t stack;
    *place = (struct place){.thread = (pid_t)syscall(SYS_gettid),
                            .running = running_place()};
    if (sigaltstack(NULL, &stack) || !(stack.ss_flags & SS_DISABLE)) return;
    place->stack = log_alloc(STACK_BYTES);
    stack = (stack_t){.ss_sp = place->stack, .ss_size = STACK_BYTES};
    sigaltstack(&stack, NULL);
}

static void end_place(struct place *place)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    if (place->stack) sigaltstack(&none, NULL);
    free(place->stack);
    *place = (struct place){0};
}

void crash_thread_begin(void)
{
    begin_place(&self.places[1]);
}

void crash_thread_end(void)
{
    end_place(&self.places[1]);
}

/* ---- life ----------------------------------------------------------------*/

void crash_watch(int rank, _Atomic int32_t *signal)
{
    self.watches = true;
    self.rank = rank;
    self.signal = signal;
    begin_place(&self.places[0]);
    for (int i = 0; i < SIGNALS; i++) catch (i);
}

static bool is_ours(int number)
{
    struct sigaction now;
    return !sigaction(number, NULL, &now) && now.sa_sigaction == on_signal;
}

void crash_unwatch(void)
{
    if (!self.watches) return;
    self.watches = false;
    for (int i = 0; i < SIGNALS; i++)
        if (is_ours(fatal[i].number))
            sigaction(fatal[i].number, &self.before[i], NULL);
    end_place(&self.places[0]);
}

void crash_unblock(sigset_t *blocked)
{
    for (int i = 0; i < SIGNALS; i++) sigdelset(blocked, fatal[i].number);
}

void crash_say_exit(void)
{
    if (!atomic_flag_test_and_set(&self.told))
        say(running_task(), ": called exit()");
}
