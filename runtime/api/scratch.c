/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.c - orders go to a thread and come back.
 *
 * Reads go before writes: somebody waits for them. Where something lies is known
 * to that thread alone: places that were given back are kept by their size, which
 * is rounded up so that few sizes occur. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "map.h"
#include "spare.h"

enum { PIECE_BYTES = 64 << 20 /* of one system call */ };

enum order_kind { ORDER_READ, ORDER_WRITE, ORDER_FORGET };

struct order {
    struct order *next;
    enum order_kind kind;
    uint64_t cookie, place, size;
    const void *from; /* borrowed, until the role is told */
    void *to;
    int error; /* errno; 0: it went well */
};

struct orders {
    struct order *first, **end;
};

/* A free place of some size; those of one size are a list. */
struct hole {
    struct hole *next;
    uint64_t place;
};

struct scratch {
    struct disk disk; /* first: cast back */
    void (*wake)(void *arg);
    void *wake_arg;
    pthread_t thread;
    bool started; /* the thread was */
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct orders reads, writes; /* guarded by the mutex, like the next two */
    struct orders ended;
    bool stop;
    _Atomic bool any_ended;
    size_t under_way; /* not told; the role's thread's own */
    uint64_t written; /* the same */
    /* The thread's own: */
    int file; /* -1: none yet */
    uint64_t end;
    struct map holes;     /* size -> struct hole, owned */
    char directory[1024]; /* "": not set */
    char used[1024];      /* where the file is, or could not be made */
};

/* ---- the file ------------------------------------------------------------*/

static uint64_t rounded(uint64_t size)
{
    return spare_size((size_t)(size + 4095) / 4096 * 4096);
}

/* Not every file system has O_TMPFILE. */
static int open_in(const char *directory)
{
    char name[sizeof((struct scratch *)0)->directory + 32];
    int file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || errno == ENOENT || errno == ENOTDIR) return file;
    snprintf(name, sizeof name, "%s/distmpi-XXXXXX", directory);
    file = mkostemp(name, O_CLOEXEC);
    if (file >= 0) unlink(name);
    return file;
}

bool scratch_is_good(const char *directory)
{
    int file = open_in(directory);
    if (file >= 0) close(file);
    return file >= 0;
}

static bool try_directory(struct scratch *scratch, const char *directory)
{
    snprintf(scratch->used, sizeof scratch->used, "%s", directory);
    scratch->file = open_in(directory);
    return scratch->file >= 0;
}

/* 0, or errno. */
static int open_file(struct scratch *scratch)
{
    const char *given = getenv("TMPDIR");
    if (scratch->file >= 0) return 0;
    if (scratch->directory[0])
        return try_directory(scratch, scratch->directory) ? 0 : errno;
    if (given && *given && try_directory(scratch, given)) return 0;
    return try_directory(scratch, "/tmp") ? 0 : errno;
}

static uint64_t take_place(struct scratch *scratch, uint64_t size)
{
    struct hole *hole = map_get(&scratch->holes, size);
    if (!hole) {
        scratch->end += size;
        return scratch->end - size;
    }
    uint64_t place = hole->place;
    map_remove(&scratch->holes, size);
    if (hole->next) map_add(&scratch->holes, size, hole->next);
    free(hole);
    return place;
}

static void give_place(struct scratch *scratch, uint64_t place, uint64_t size)
{
    struct hole *hole = log_alloc(sizeof *hole);
    struct hole *next = map_get(&scratch->holes, size);
    *hole = (struct hole){next, place};
    if (next) map_remove(&scratch->holes, size);
    map_add(&scratch->holes, size, hole);
    fallocate(scratch->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)place, (off_t)size);
}

/* A file system may take or give a part. 0, or errno. */
static int transfer(int file, const struct order *order, uint64_t place)
{
    for (uint64_t at = 0; at < order->size;) {
        uint64_t rest = order->size - at;
        size_t piece = rest < PIECE_BYTES ? (size_t)rest : PIECE_BYTES;
        off_t offset = (off_t)(place + at);
        ssize_t moved =
            order->kind == ORDER_WRITE
                ? pwrite(file, (const char *)order->from + at, piece, offset)
                : pread(file, (char *)order->to + at, piece, offset);
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0) return errno;
        if (moved == 0) return EIO;
        at += (uint64_t)moved;
    }
    return 0;
}

static void write_out(struct scratch *scratch, struct order *order)
{
    uint64_t size = rounded(order->size);
    order->error = open_file(scratch);
    if (order->error) return;
    order->place = take_place(scratch, size);
    order->error = transfer(scratch->file, order, order->place);
    if (order->error) give_place(scratch, order->place, size);
}

static void carry_out(struct scratch *scratch, struct order *order)
{
    switch (order->kind) {
    case ORDER_READ:
        order->error = transfer(scratch->file, order, order->place);
        break;
    case ORDER_WRITE: write_out(scratch, order); break;
    case ORDER_FORGET:
        give_place(scratch, order->place, rounded(order->size));
        break;
    }
}

/* ---- orders --------------------------------------------------------------*/

static void orders_init(struct orders *orders)
{
    orders->first = NULL;
    orders->end = &orders->first;
}

static void orders_add(struct orders *orders, struct order *order)
{
    order->next = NULL;
    *orders->end = order;
    orders->end = &order->next;
}

static struct order *orders_take(struct orders *orders)
{
    struct order *order = orders->first;
    if (!order) return NULL;
    orders->first = order->next;
    if (!orders->first) orders->end = &orders->first;
    return order;
}

/* With the mutex. NULL: the end. */
static struct order *next_order(struct scratch *scratch)
{
    for (;;) {
        struct order *order = orders_take(&scratch->reads);
        if (!order) order = orders_take(&scratch->writes);
        if (order || scratch->stop) return order;
        pthread_cond_wait(&scratch->work, &scratch->mutex);
    }
}

static void tell(struct scratch *scratch, struct order *order)
{
    orders_add(&scratch->ended, order);
    atomic_store(&scratch->any_ended, true);
    pthread_cond_signal(&scratch->done);
}

/* A file larger than it may be is an error here, not the end of the process. */
static void *run(void *argument)
{
    struct scratch *scratch = argument;
    struct order *order;
    pthread_mutex_lock(&scratch->mutex);
    while ((order = next_order(scratch))) {
        bool stop = scratch->stop;
        pthread_mutex_unlock(&scratch->mutex);
        if (stop) order->error = ECANCELED;
        else carry_out(scratch, order);
        pthread_mutex_lock(&scratch->mutex);
        if (order->kind == ORDER_FORGET) free(order);
        else tell(scratch, order);
        if (!stop) scratch->wake(scratch->wake_arg);
    }
    pthread_mutex_unlock(&scratch->mutex);
    return NULL;
}

/* Signals are for the program's own threads. */
static void start_thread(struct scratch *scratch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&scratch->thread, NULL, run, scratch))
        log_panic("no thread for the scratch file");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    scratch->started = true;
}

static void add(struct scratch *scratch, struct orders *orders,
                const struct order *order)
{
    struct order *copy = log_alloc(sizeof *copy);
    *copy = *order;
    if (!scratch->started) start_thread(scratch);
    if (order->kind != ORDER_FORGET) scratch->under_way++;
    pthread_mutex_lock(&scratch->mutex);
    orders_add(orders, copy);
    pthread_cond_signal(&scratch->work);
    pthread_mutex_unlock(&scratch->mutex);
}

static void start_write(struct disk *disk, uint64_t cookie, const void *data,
                        uint64_t size)
{
    struct scratch *scratch = (struct scratch *)disk;
    struct order order = {
        .kind = ORDER_WRITE, .cookie = cookie, .from = data, .size = size};
    add(scratch, &scratch->writes, &order);
}

static void start_read(struct disk *disk, uint64_t cookie, uint64_t place,
                       void *data, uint64_t size)
{
    struct scratch *scratch = (struct scratch *)disk;
    struct order order = {.kind = ORDER_READ,
                          .cookie = cookie,
                          .place = place,
                          .to = data,
                          .size = size};
    add(scratch, &scratch->reads, &order);
}

static void forget(struct disk *disk, uint64_t place, uint64_t size)
{
    struct scratch *scratch = (struct scratch *)disk;
    struct order order = {.kind = ORDER_FORGET, .place = place, .size = size};
    add(scratch, &scratch->writes, &order);
}

/* ---- the role's side -----------------------------------------------------*/

static void explain(struct scratch *scratch, const struct order *order)
{
    bool reads = order->kind == ORDER_READ;
    snprintf(scratch->disk.why, sizeof scratch->disk.why, "%s %.100s: %s%s",
             reads ? "reading from" : "writing to", scratch->used,
             strerror(order->error),
             reads ? "" : "; set DISTMPI_SCRATCH to a directory with room");
}

static void end_order(struct scratch *scratch, struct order *order)
{
    struct disk_client *client = &scratch->disk.client;
    bool good = !order->error;
    scratch->under_way--;
    if (!good) explain(scratch, order);
    if (order->kind == ORDER_READ) {
        client->read(client->role, order->cookie, good);
    } else {
        if (good) scratch->written += order->size;
        client->written(client->role, order->cookie, order->place, good);
    }
    free(order);
}

bool scratch_poll(struct scratch *scratch)
{
    if (!atomic_load_explicit(&scratch->any_ended, memory_order_relaxed))
        return false;
    pthread_mutex_lock(&scratch->mutex);
    struct order *order = scratch->ended.first;
    orders_init(&scratch->ended);
    atomic_store(&scratch->any_ended, false);
    pthread_mutex_unlock(&scratch->mutex);
    bool any = order;
    while (order) {
        struct order *next = order->next;
        end_order(scratch, order);
        order = next;
    }
    return any;
}

bool scratch_busy(const struct scratch *scratch)
{
    return scratch->under_way;
}

uint64_t scratch_written(const struct scratch *scratch)
{
    return scratch->written;
}

void scratch_sleep(struct scratch *scratch, uint64_t ns)
{
    uint64_t until_ns = clock_ns() + ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                             .tv_nsec = (long)(until_ns % 1000000000)};
    int result = 0;
    pthread_mutex_lock(&scratch->mutex);
    while (!scratch->ended.first && result != ETIMEDOUT)
        result =
            pthread_cond_timedwait(&scratch->done, &scratch->mutex, &until);
    pthread_mutex_unlock(&scratch->mutex);
}

struct disk *scratch_disk(struct scratch *scratch)
{
    return &scratch->disk;
}

/* ---- beginning and end ---------------------------------------------------*/

struct scratch *scratch_new(const char *directory, void (*wake)(void *arg),
                            void *arg)
{
    static const struct disk_calls calls = {start_write, start_read, forget};
    struct scratch *scratch = log_alloc(sizeof *scratch);
    *scratch = (struct scratch){
        .disk = {.calls = &calls}, .wake = wake, .wake_arg = arg, .file = -1};
    snprintf(scratch->directory, sizeof scratch->directory, "%s", directory);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&scratch->mutex, NULL);
    pthread_cond_init(&scratch->work, NULL);
    pthread_cond_init(&scratch->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    orders_init(&scratch->reads);
    orders_init(&scratch->writes);
    orders_init(&scratch->ended);
    return scratch;
}

static void free_holes(struct scratch *scratch)
{
    size_t at = 0;
    struct hole *hole;
    while ((hole = map_next(&scratch->holes, &at)))
        while (hole) {
            struct hole *next = hole->next;
            free(hole);
            hole = next;
        }
    map_fini(&scratch->holes);
}

/* What the role forgets when it is told comes too late, and goes with the file. */
static void free_orders(struct orders *orders)
{
    struct order *order;
    while ((order = orders_take(orders))) free(order);
}

void scratch_stop(struct scratch *scratch)
{
    if (!scratch->started) return;
    pthread_mutex_lock(&scratch->mutex);
    scratch->stop = true;
    pthread_cond_signal(&scratch->work);
    pthread_mutex_unlock(&scratch->mutex);
    pthread_join(scratch->thread, NULL);
    scratch_poll(scratch);
}

void scratch_free(struct scratch *scratch)
{
    free_orders(&scratch->reads);
    free_orders(&scratch->writes);
    free_holes(scratch);
    if (scratch->file >= 0) close(scratch->file);
    pthread_mutex_destroy(&scratch->mutex);
    pthread_cond_destroy(&scratch->work);
    pthread_cond_destroy(&scratch->done);
    free(scratch);
}
