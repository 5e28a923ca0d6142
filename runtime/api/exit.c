/* SPDX-License-Identifier: BSD-3-Clause */
/* exit.c - the status file, and the last steps of a process. */
#include "exit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "world.h"

enum { NO_CODE = -1, FLUSH_SECONDS = 2, LINE_BYTES = 64 };

static struct {
    char path[PATH_MAX];       /* "": no supervisor */
    char draft[PATH_MAX + 16]; /* is renamed to it */
    bool recovers;
    bool speaks;       /* this process writes the status */
    bool registered;   /* at_exit(), before MPI's end */
    _Atomic bool told; /* the code */
    pid_t pid;         /* children that were forked are none of ours */
    _Atomic bool mpi_is_over;
    _Atomic int code;      /* of exit_as(), or NO_CODE */
    _Atomic int ends_with; /* for end_late() */
} self = {.code = NO_CODE};

/* ---- the status file -----------------------------------------------------*/

static bool put_line(const char *line)
{
    int file = open(self.draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return false;
    ssize_t size = (ssize_t)strlen(line);
    bool good = write(file, line, (size_t)size) == size;
    good &= !close(file);
    return good && !rename(self.draft, self.path);
}

/* HOW: "exit", MPI is ended after this, or "gone". */
static void tell_code(const char *how, int code)
{
    char line[LINE_BYTES];
    if (!self.path[0] || !self.speaks || atomic_exchange(&self.told, true))
        return;
    snprintf(line, sizeof line, "%s %d\n", how, code);
    put_line(line);
}

static bool put_open(uint64_t records)
{
    char line[LINE_BYTES];
    if (!self.path[0] || !self.speaks || self.told) return true;
    snprintf(line, sizeof line, "open %" PRIu64 " %d\n", records,
             (int)self.pid);
    return put_line(line);
}

static void tell_open(void)
{
    if (put_open(0)) return;
    log_line(LOG_WARN,
             "cannot write %s for scripts/run: start it in a directory that "
             "all hosts share, or with DISTMPI_RECOVERY=off",
             self.path);
}

/* ---- ends ----------------------------------------------------------------*/

static void end_late(int number)
{
    _exit(self.ends_with);
}

/* Another thread may have the lock of a stream for ever: then without. */
static void flush(int code)
{
    struct sigaction late = {.sa_handler = end_late};
    sigset_t alarms;
    self.ends_with = code;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    sigaction(SIGALRM, &late, NULL);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(FLUSH_SECONDS);
    fflush(NULL);
    alarm(0);
}

void exit_now(int code)
{
    if (getpid() == self.pid) tell_code("gone", code);
    flush(code);
    _exit(code);
}

void exit_job(int code)
{
    if (getpid() != self.pid) _exit(code);
    if (!self.recovers && !self.mpi_is_over) {
        if (getpid() == self.pid) tell_code("gone", code);
        world_abort(code);
    }
    exit_now(code);
}

/* Before MPI is ended, which may take long. */
static void at_exit(int code, void *nothing)
{
    if (getpid() != self.pid || world_is_open()) return;
    int wanted = self.code == NO_CODE ? code : self.code;
    if (self.mpi_is_over) exit_now(wanted);
    tell_code("exit", wanted);
    if (wanted != code)
        exit(wanted); /* glibc goes on with the other handlers */
}

/* ---- the beginning -------------------------------------------------------*/

bool exit_supervised(void)
{
    return self.path[0] != 0;
}

bool exit_recovers(void)
{
    return self.recovers;
}

void exit_progress(uint64_t records)
{
    put_open(records);
}

/* The program calls MPI_Finalize(), and what it would exit with is not known. */
static void leave(void)
{
    exit_now(self.code == NO_CODE ? 0 : self.code);
}

void exit_without_mpi(void)
{
    self.mpi_is_over = true;
    world_without_mpi(leave);
}

void exit_as(int code)
{
    self.code = code;
}

void exit_opened(bool is_center)
{
    self.speaks |= is_center;
    if (!self.registered) on_exit(at_exit, NULL);
    self.registered = true;
    if (is_center) tell_open();
}

/* A program that ends before it opens a pool has a code, too. */
__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("DISTMPI_STATUS");
    const char *recovery = getenv("DISTMPI_RECOVERY");
    self.pid = getpid();
    world_on_abort(exit_job);
    if (!path || strlen(path) >= sizeof self.path) return;
    strcpy(self.path, path);
    snprintf(self.draft, sizeof self.draft, "%s.%d", path, (int)self.pid);
    self.recovers = recovery && !strcmp(recovery, "on");
    self.speaks = world_speaks();
    unsetenv("DISTMPI_STATUS");
    on_exit(at_exit, NULL);
}
