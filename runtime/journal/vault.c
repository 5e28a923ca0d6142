/* SPDX-License-Identifier: BSD-3-Clause */
/* vault.c - write, sync, rename, sync the folder. */
#include "vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

struct vault {
    char folder[PATH_MAX];
    int dir; /* the open folder, or -1 */
};

enum { NAME_BYTES = 80, WRITE_MOST = 1 << 30 };
static const char half[] = ".part"; /* not all of it is on the disk */

struct vault *vault_new(const char *journal_path)
{
    struct vault *vault = log_alloc(sizeof *vault);
    snprintf(vault->folder, sizeof vault->folder, "%s.values", journal_path);
    vault->dir = open(vault->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return vault;
}

void vault_free(struct vault *vault)
{
    if (!vault) return;
    if (vault->dir >= 0) close(vault->dir);
    free(vault);
}

static void make_text(const struct vault_name *name, const char *suffix,
                      char text[NAME_BYTES])
{
    char digits[FINGERPRINT_TEXT];
    fingerprint_text(&name->fingerprint, digits);
    snprintf(text, NAME_BYTES, "%s.%" PRIu64 "%s", digits, name->generation,
             suffix);
}

/* ---- writing -------------------------------------------------------------*/

/* The folder's own name must outlast a crash too. */
static bool sync_parent(const char *folder)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", folder);
    char *slash = strrchr(parent, '/');
    if (slash) slash[slash == parent] = 0;
    int dir = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return false;
    bool good = !fsync(dir);
    close(dir);
    return good;
}

static bool make_folder(struct vault *vault)
{
    if (vault->dir >= 0) return true;
    if (mkdir(vault->folder, 0777) && errno != EEXIST) return false;
    vault->dir = open(vault->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return vault->dir >= 0 && sync_parent(vault->folder);
}

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size) {
        ssize_t done =
            write(file, bytes, size < WRITE_MOST ? size : WRITE_MOST);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return false;
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

static bool write_file(struct vault *vault, const char *name, const void *bytes,
                       size_t size)
{
    int file = openat(vault->dir, name,
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) return false;
    bool good = write_all(file, bytes, size) && !fsync(file);
    int error = errno;
    if (close(file) && good) return false;
    errno = error;
    return good;
}

bool vault_write(struct vault *vault, const struct vault_name *name,
                 const void *bytes, size_t size)
{
    char part[NAME_BYTES], whole[NAME_BYTES];
    if (!make_folder(vault)) return false;
    make_text(name, half, part);
    make_text(name, "", whole);
    bool good = write_file(vault, part, bytes, size) &&
                !renameat(vault->dir, part, vault->dir, whole) &&
                !fsync(vault->dir);
    if (good) return true;
    int error = errno;
    unlinkat(vault->dir, part, 0);
    unlinkat(vault->dir, whole, 0);
    errno = error;
    return false;
}

void vault_remove(const struct vault *vault, const struct vault_name *name)
{
    char text[NAME_BYTES];
    make_text(name, "", text);
    if (vault->dir >= 0) unlinkat(vault->dir, text, 0);
}

/* ---- reading -------------------------------------------------------------*/

bool vault_has(const struct vault *vault, const struct vault_name *name,
               uint64_t size)
{
    char text[NAME_BYTES];
    struct stat state;
    make_text(name, "", text);
    return vault->dir >= 0 && !fstatat(vault->dir, text, &state, 0) &&
           S_ISREG(state.st_mode) && (uint64_t)state.st_size == size;
}

static bool read_all(int file, char *bytes, size_t size)
{
    while (size) {
        ssize_t done = read(file, bytes, size < WRITE_MOST ? size : WRITE_MOST);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

bool vault_read(const struct vault *vault, const struct vault_name *name,
                struct buffer *buffer)
{
    char text[NAME_BYTES];
    if (!vault_has(vault, name, buffer->size)) return false;
    make_text(name, "", text);
    int file = openat(vault->dir, text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool good = read_all(file, buffer->data, buffer->size);
    close(file);
    return good;
}

/* ---- sweeping ------------------------------------------------------------*/

static bool is_digits(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") == length;
}

/* HEX.GENERATION, perhaps half written. */
static bool read_name(const char *text, struct vault_name *name, bool *part)
{
    unsigned long long high, low;
    int end = 0;
    if (!is_digits(text, FINGERPRINT_TEXT - 1)) return false;
    if (sscanf(text, "%16llx%16llx.%" SCNu64 "%n", &high, &low,
               &name->generation, &end) != 3)
        return false;
    name->fingerprint = (struct fingerprint){.low = low, .high = high};
    *part = !strcmp(text + end, half);
    return *part || !text[end];
}

void vault_sweep(struct vault *vault,
                 bool (*keep)(void *arg, const struct vault_name *name),
                 void *arg)
{
    DIR *folder = opendir(vault->folder);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        struct vault_name name;
        bool part;
        if (!read_name(entry->d_name, &name, &part)) continue;
        if (part || !keep(arg, &name)) unlinkat(vault->dir, entry->d_name, 0);
    }
    if (folder) closedir(folder);
}
