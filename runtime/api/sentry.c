/* SPDX-License-Identifier: BSD-3-Clause */
/* sentry.c - poll() on pidfds, with the next beat as its limit. */
#include "sentry.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { STAT_BYTES = 1024, START_FIELD = 22, NAME_FIELD = 2 };

struct sentry {
    struct sentry_calls calls;
    struct pollfd *polled; /* by rank, then the bell; -1: not watched. Owned */
    int *pidfds;           /* by rank; -1: none. Owned */
    int ranks;
    uint64_t beat_ns, next_ns;
    pthread_t thread;
    bool runs;
    _Atomic bool stop;
};

/* ---- processes -----------------------------------------------------------*/

/* The rest of /proc/PID/stat, behind the name, which may hold anything. */
static bool read_stat(pid_t pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = 0;
    return got > 0;
}

uint64_t sentry_start_of(pid_t pid)
{
    char text[STAT_BYTES];
    if (!read_stat(pid, text, sizeof text)) return 0;
    char *at = strrchr(text, ')');
    for (int field = NAME_FIELD; at && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    errno = ENOSYS;
    return -1;
#endif
}

bool sentry_watch(struct sentry *sentry, int rank, pid_t pid, uint64_t start)
{
    int pidfd = start ? open_pidfd(pid) : -1;
    if (pidfd < 0) return false;
    if (sentry_start_of(pid) != start) {
        close(pidfd);
        return false;
    }
    sentry->pidfds[rank] = sentry->polled[rank].fd = pidfd;
    return true;
}

bool sentry_kill(struct sentry *sentry, int rank)
{
#ifdef SYS_pidfd_send_signal
    int pidfd = sentry->pidfds[rank];
    return pidfd >= 0 &&
           !syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
#else
    (void)sentry;
    (void)rank;
    return false;
#endif
}

/* ---- the thread ----------------------------------------------------------*/

static int wait_ms(const struct sentry *sentry)
{
    uint64_t now = clock_ns();
    if (now >= sentry->next_ns) return 0;
    return (int)((sentry->next_ns - now) / 1000000 + 1);
}

static void beat_if_due(struct sentry *sentry)
{
    uint64_t now = clock_ns();
    if (now < sentry->next_ns) return;
    sentry->next_ns = now + sentry->beat_ns;
    sentry->calls.beat(sentry->calls.arg);
}

static void *run(void *argument)
{
    struct sentry *sentry = argument;
    while (!sentry->stop) {
        int some =
            poll(sentry->polled, (nfds_t)sentry->ranks + 1, wait_ms(sentry));
        for (int rank = 0; some > 0 && rank < sentry->ranks; rank++) {
            if (!sentry->polled[rank].revents) continue;
            sentry->polled[rank].fd = -1;
            sentry->calls.ended(sentry->calls.arg, rank);
        }
        if (!sentry->stop) beat_if_due(sentry);
    }
    return NULL;
}

/* ---- life ----------------------------------------------------------------*/

struct sentry *sentry_new(int ranks, const struct sentry_calls *calls,
                          uint64_t beat_ns)
{
    struct sentry *sentry = log_alloc(sizeof *sentry);
    size_t count = (size_t)ranks;
    *sentry = (struct sentry){
        .calls = *calls,
        .polled = log_alloc((count + 1) * sizeof *sentry->polled),
        .pidfds = log_alloc(count * sizeof *sentry->pidfds),
        .ranks = ranks,
        .beat_ns = beat_ns};
    for (int rank = 0; rank < ranks; rank++) {
        sentry->pidfds[rank] = -1;
        sentry->polled[rank] = (struct pollfd){.fd = -1, .events = POLLIN};
    }
    sentry->polled[ranks] =
        (struct pollfd){.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN};
    return sentry;
}

bool sentry_begin(struct sentry *sentry)
{
    sigset_t all, before;
    sentry->next_ns = clock_ns() + sentry->beat_ns;
    /* Signals are the application's: none is to be handled on this thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sentry->runs = !pthread_create(&sentry->thread, NULL, run, sentry);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return sentry->runs;
}

static void stop(struct sentry *sentry)
{
    uint64_t one = 1;
    sentry->stop = true;
    ssize_t written = write(sentry->polled[sentry->ranks].fd, &one, sizeof one);
    (void)written; /* without it the next beat ends the thread */
    pthread_join(sentry->thread, NULL);
}

void sentry_free(struct sentry *sentry)
{
    if (!sentry) return;
    if (sentry->runs) stop(sentry);
    for (int rank = 0; rank < sentry->ranks; rank++)
        if (sentry->pidfds[rank] >= 0) close(sentry->pidfds[rank]);
    close(sentry->polled[sentry->ranks].fd);
    free(sentry->polled);
    free(sentry->pidfds);
    free(sentry);
}
