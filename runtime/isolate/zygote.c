/* SPDX-License-Identifier: BSD-3-Clause */
/* zygote.c - fork(2), waitid(2), prctl(2).
 *
 * The zygote sleeps in waitid() as long as all executors live that are wanted,
 * or on the number wanted, if there is none. A dead one stays a zombie until its
 * slot says so: its pid is nobody else's before. */
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum {
    /* Those wanted, one that has died, and one of the next. */
    SLOTS = ZYGOTE_EXECUTORS + 2,
    RETRY_NS = 10000000, /* when no process can be made */
    END_NS = 200000,     /* between looks whether executors have ended */
    FIRST_VICTIM = 800   /* to the kernel, when memory is short */
};

/* Shared. */
struct nursery {
    _Atomic uint32_t wanted; /* executors; a futex */
    _Atomic uint32_t births; /* so far; a futex */
    _Atomic uint32_t ready;  /* the zygote is; a futex */
    _Atomic int why_none;    /* errno of the last fork that failed, or 0 */
    struct slot slots[SLOTS];
};

struct zygote {
    struct nursery *nursery; /* mapped for ever */
    pid_t pid;
    int death;         /* a pidfd that is readable when it is dead; owned */
    struct slot *last; /* used last, or NULL */
};

void *zygote_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void nap(long ns)
{
    struct timespec length = {0, ns};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL);
}

/* ---- in the children -----------------------------------------------------*/

/* PARENT may have died before that could be asked for. */
static void die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
}

static void handle_all(const int signals[], size_t count, void (*how)(int))
{
    for (size_t i = 0; i < count; i++) signal(signals[i], how);
}

/* What comes from outside is the parent's business. What tells the job to end
 * may be sent to all its processes, as by scancel(1): the task that runs still
 * has its time. Handlers of faults stay: a program may print a stack then. */
static void forget_signals(void)
{
    static const int ends_job[] = {SIGINT, SIGTERM, SIGUSR1};
    static const int outside[] = {SIGHUP,  SIGQUIT, SIGUSR2, SIGALRM,
                                  SIGCHLD, SIGPIPE, SIGTSTP, SIGCONT,
                                  SIGTTIN, SIGTTOU, SIGPROF};
    sigset_t none;
    handle_all(ends_job, sizeof ends_job / sizeof *ends_job, SIG_IGN);
    handle_all(outside, sizeof outside / sizeof *outside, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void forget_files(void)
{
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0) == 0) return;
    for (int file = STDERR_FILENO + 1; file < sysconf(_SC_OPEN_MAX); file++)
        close(file);
}

static void be_first_victim(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "w");
    if (!file) return;
    fprintf(file, "%d", FIRST_VICTIM);
    fclose(file);
}

static _Noreturn void be_executor(struct nursery *nursery, struct slot *slot,
                                  pid_t zygote, zygote_serve *serve)
{
    die_with(zygote);
    be_first_victim();
    slot_move(slot, SLOT_STARTING, SLOT_IDLE);
    if (!atomic_load(&nursery->wanted)) _exit(0);
    atomic_fetch_add(&nursery->births, 1);
    slot_wake(&nursery->births);
    serve(slot);
    _exit(0);
}

static struct slot *slot_in(struct nursery *nursery, enum slot_state state)
{
    for (int i = 0; i < SLOTS; i++)
        if (slot_state(&nursery->slots[i]) == state) return &nursery->slots[i];
    return NULL;
}

/* False: that cannot be done now. */
static bool fork_executor(struct nursery *nursery, pid_t self,
                          zygote_serve *serve)
{
    struct slot *slot = slot_in(nursery, SLOT_FREE);
    if (!slot) return false;
    slot->waiting = 0; /* its last executor may have died asleep */
    slot_move(slot, SLOT_FREE, SLOT_STARTING);
    pid_t pid = fork();
    if (pid == 0) be_executor(nursery, slot, self, serve);
    atomic_store(&nursery->why_none, pid < 0 ? errno : 0);
    if (pid < 0) slot_move(slot, SLOT_STARTING, SLOT_FREE);
    else slot->pid = pid;
    return pid > 0;
}

static void note_death(struct nursery *nursery, pid_t pid)
{
    int status = 0;
    siginfo_t how;
    if (waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT)) return;
    status = how.si_code == CLD_EXITED ? (how.si_status & 0xff) << 8
                                       : how.si_status & 0x7f;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *slot = &nursery->slots[i];
        if (slot->pid != pid) continue;
        slot->pid = 0;
        slot_died(slot, status);
    }
    waitpid(pid, NULL, 0);
}

static _Noreturn void breed(struct nursery *nursery, zygote_serve *serve)
{
    pid_t self = getpid();
    unsigned living = 0;
    for (;;) {
        uint32_t wanted = atomic_load(&nursery->wanted);
        while (living < wanted && fork_executor(nursery, self, serve)) living++;
        siginfo_t dead = {.si_pid = 0};
        if (!living && !wanted) {
            slot_sleep(&nursery->wanted, 0, UINT64_MAX);
        } else if (living < wanted) {
            nap(RETRY_NS);
        } else if (!waitid(P_ALL, 0, &dead, WEXITED | WNOWAIT)) {
            note_death(nursery, dead.si_pid);
            living--;
        }
    }
}

static _Noreturn void be_zygote(struct nursery *nursery, pid_t parent,
                                zygote_serve *serve)
{
    die_with(parent);
    setpgid(0, 0);
    forget_signals();
    forget_files();
    atomic_store(&nursery->ready, 1);
    slot_wake(&nursery->ready);
    breed(nursery, serve);
}

/* ---- in the parent -------------------------------------------------------*/

struct zygote *zygote_new(zygote_serve *serve)
{
    struct nursery *nursery = zygote_shared(sizeof *nursery);
    if (!nursery) return NULL;
    pid_t self = getpid();
    fflush(NULL); /* or what is buffered is written twice */
    pid_t pid = fork();
    if (pid == 0) be_zygote(nursery, self, serve);
    if (pid < 0) {
        munmap(nursery, sizeof *nursery);
        return NULL;
    }
    struct zygote *zygote = log_alloc(sizeof *zygote);
    *zygote = (struct zygote){.nursery = nursery, .pid = pid};
    zygote->death = (int)syscall(SYS_pidfd_open, pid, 0);
    while (!atomic_load(&nursery->ready) && zygote_lives(zygote))
        slot_sleep(&nursery->ready, 0, RETRY_NS);
    return zygote;
}

void zygote_free(struct zygote *zygote)
{
    if (!zygote) return;
    kill(zygote->pid, SIGKILL);
    waitpid(zygote->pid, NULL, 0);
    if (zygote->death >= 0) close(zygote->death);
    munmap(zygote->nursery, sizeof *zygote->nursery);
    free(zygote);
}

bool zygote_lives(const struct zygote *zygote)
{
    struct pollfd death = {.fd = zygote->death, .events = POLLIN};
    if (zygote->death < 0) return kill(zygote->pid, 0) == 0;
    return poll(&death, 1, 0) == 0;
}

static bool all_free(const struct nursery *nursery)
{
    for (int i = 0; i < SLOTS; i++)
        if (slot_state(&nursery->slots[i]) != SLOT_FREE) return false;
    return true;
}

void zygote_kill(const struct slot *slot)
{
    pid_t pid = slot->pid;
    if (pid > 0) kill(pid, SIGKILL);
}

/* One that starts sees by itself that it is not wanted. */
static void end_idle(struct nursery *nursery)
{
    for (int i = 0; i < SLOTS; i++)
        if (slot_state(&nursery->slots[i]) == SLOT_IDLE)
            zygote_kill(&nursery->slots[i]);
}

void zygote_want(struct zygote *zygote, unsigned executors)
{
    struct nursery *nursery = zygote->nursery;
    atomic_store(&nursery->wanted, executors);
    slot_wake(&nursery->wanted);
    if (executors) return;
    zygote->last = NULL;
    while (!all_free(nursery) && zygote_lives(zygote)) {
        end_idle(nursery);
        nap(END_NS);
    }
}

struct slot *zygote_slot(struct zygote *zygote, uint64_t longest_ns)
{
    struct nursery *nursery = zygote->nursery;
    struct slot *last = zygote->last;
    if (last && slot_state(last) == SLOT_IDLE) return last;
    uint64_t begin_ns = clock_ns(), spent_ns = 0;
    do {
        uint32_t births = atomic_load(&nursery->births);
        zygote->last = slot_in(nursery, SLOT_IDLE);
        if (zygote->last) return zygote->last;
        slot_sleep(&nursery->births, births, RETRY_NS);
        spent_ns = clock_ns() - begin_ns;
    } while (spent_ns < longest_ns && zygote_lives(zygote));
    errno = atomic_load(&nursery->why_none);
    return NULL;
}

void zygote_release(struct slot *slot)
{
    if (slot_move(slot, SLOT_DONE, SLOT_IDLE)) return;
    slot_move(slot, slot_state(slot), SLOT_FREE);
}
