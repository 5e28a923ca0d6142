/* SPDX-License-Identifier: BSD-3-Clause */
/* holder.c - a lock of the open file, not of the process: nothing else that the
 * process closes takes it away. */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { HOST_BYTES = 64, LINE_BYTES = 160, NAP_NS = 20000000 };

struct holder {
    int file;
    uint64_t found_entries;
};

struct line {
    uint64_t entries, generation;
    int pid;
    char host[HOST_BYTES];
};

static bool read_line(int file, struct line *line)
{
    char text[LINE_BYTES + 1];
    ssize_t size = pread(file, text, LINE_BYTES, 0);
    *line = (struct line){0};
    if (size <= 0) return false;
    text[size] = 0;
    return sscanf(text,
                  "entries %" SCNu64 " generation %" SCNu64 " pid %d host %63s",
                  &line->entries, &line->generation, &line->pid,
                  line->host) == 4;
}

static bool try_lock(int file)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return !fcntl(file, F_OFD_SETLK, &lock);
}

static bool is_taken(int error)
{
    return error == EAGAIN || error == EACCES;
}

/* False: errno tells. */
static bool lock_within(int file, uint64_t wait_ns)
{
    uint64_t until_ns = clock_ns() + wait_ns;
    const struct timespec nap = {0, NAP_NS};
    while (!try_lock(file)) {
        if (!is_taken(errno) || clock_ns() >= until_ns) return false;
        nanosleep(&nap, NULL);
    }
    return true;
}

static void say_who(const char *path, int file, char *why, size_t why_size)
{
    struct line line;
    if (!is_taken(errno))
        snprintf(why, why_size,
                 "the journal '%s' cannot be locked: %s: put it on a file "
                 "system with locks",
                 path, strerror(errno));
    else if (!read_line(file, &line) || !line.pid)
        snprintf(why, why_size,
                 "the journal '%s' is in use by another job: wait for its end "
                 "or name another file",
                 path);
    else
        snprintf(why, why_size,
                 "the journal '%s' is in use by process %d on %s: wait for its "
                 "end or name another file",
                 path, line.pid, line.host);
}

struct holder *holder_take(const char *path, uint64_t wait_ns, char *why,
                           size_t why_size)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s.lock", path);
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) {
        snprintf(why, why_size,
                 "the journal's lock '%s' cannot be opened: %s: name a file "
                 "in a folder that can be written",
                 name, strerror(errno));
        return NULL;
    }
    if (!lock_within(file, wait_ns)) {
        say_who(path, file, why, why_size);
        close(file);
        return NULL;
    }
    struct line line;
    read_line(file, &line);
    struct holder *holder = log_alloc(sizeof *holder);
    *holder = (struct holder){.file = file, .found_entries = line.entries};
    return holder;
}

void holder_leave(struct holder *holder)
{
    if (!holder) return;
    close(holder->file);
    free(holder);
}

uint64_t holder_found_entries(const struct holder *holder)
{
    return holder->found_entries;
}

/* Always of the same length, in one write. */
void holder_tell(struct holder *holder, uint64_t generation, uint64_t entries)
{
    char text[LINE_BYTES + 1], host[HOST_BYTES] = "";
    gethostname(host, sizeof host - 1);
    int size =
        snprintf(text, sizeof text,
                 "entries %" PRIu64 " generation %" PRIu64 " pid %d host %s",
                 entries, generation, (int)getpid(), host);
    memset(text + size, ' ', (size_t)(LINE_BYTES - 1 - size));
    text[LINE_BYTES - 1] = '\n';
    if (pwrite(holder->file, text, LINE_BYTES, 0) != LINE_BYTES)
        log_line(LOG_DEBUG, "the journal's lock cannot be written");
}
