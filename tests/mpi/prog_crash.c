/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_crash.c - one task ends its process in the way that it is told.
 *
 *     prog_crash segv|bus|fpe|ill|abort|overflow|thread|own|handler */
#include <distmpi.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

static volatile int zero = 0;
static volatile char *nowhere; /* no memory is there */

static int dig(int depth)
{
    volatile char room[4096];
    room[depth % 4096] = (char)depth;
    return depth < 0 ? 0 : dig(depth + 1) + room[(depth + 1) % 4096];
}

static void *fault(void *arg)
{
    *nowhere = 1;
    return arg;
}

static void on_another_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fault, NULL);
    pthread_join(thread, NULL);
}

/* A program's own handler hears of it, too. */
static void on_own(int number)
{
    static const char text[] = "the program's own handler\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(9);
}

static void crash(const char *how)
{
    if (!strcmp(how, "segv") || !strcmp(how, "own") || !strcmp(how, "handler"))
        *nowhere = 1;
    if (!strcmp(how, "bus")) raise(SIGBUS);
    if (!strcmp(how, "fpe")) raise(SIGFPE);
    if (!strcmp(how, "ill")) raise(SIGILL);
    if (!strcmp(how, "abort")) abort();
    if (!strcmp(how, "overflow")) zero = dig(0);
    if (!strcmp(how, "thread")) on_another_thread();
}

DMPI_TASK(stumble)
{
    crash(dmpi_task_args(task));
}

static dmpi_status ask(dmpi_pool *pool, const char *how)
{
    dmpi_key key;
    dmpi_task_options options = {.name = "one"};
    if (strcmp(how, "handler"))
        return dmpi_submit(pool, stumble, NULL, 0, how, strlen(how) + 1,
                           &options, &key);
    return dmpi_rank_send(1, stumble, how, strlen(how) + 1);
}

int main(int argc, char *argv[])
{
    dmpi_pool *pool;
    const char *how = argc > 1 ? argv[1] : "segv";
    check_watch("crash", 20);
    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!strcmp(how, "own")) signal(SIGSEGV, on_own);
    if (dmpi_open(NULL, &pool)) return 2;
    if (pool && ask(pool, how)) return 3;
    return dmpi_close(pool) ? 4 : 0;
}
