/* SPDX-License-Identifier: BSD-3-Clause */
/* journal.c - an index in memory, a queue of what is to be written, and the
 * thread that writes it.
 *
 * The lock guards index and queue, the other one the database; who takes both
 * takes the database first. */
#include "journal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "archive.h"
#include "clock.h"
#include "holder.h"
#include "log.h"
#include "map.h"
#include "mem.h"
#include "vault.h"

enum {
    ROW_MOST = 1 << 20, /* bytes; larger ones lie in files */
    GROUP_MOST = 32 << 20,
    WAITING_MOST = 128 << 20,
    GROUP_NS = 1000000000,
    HOLDER_WAIT_MS = 3000,
    WHY_BYTES = 200
};

enum entry_state {
    ENTRY_WAITS,  /* to be written */
    ENTRY_KEPT,   /* committed */
    ENTRY_DAMAGED /* was read, and was not as it should be */
};

struct entry {
    struct archive_row row;
    enum entry_state state;
};

/* A value on its way to the disk. */
struct item {
    struct item *next;
    struct entry *entry;
    int64_t replaces; /* the row of a damaged one, or 0 */
    void *data;       /* owned */
};

struct journal {
    struct holder *holder;   /* owned */
    struct archive *archive; /* owned */
    struct vault *vault;     /* owned */
    struct digest *reading;  /* owned; the caller's */
    struct digest *writing;  /* owned; the thread's */
    pthread_t thread;
    pthread_mutex_t database;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct map index; /* by the lower half of the fingerprint: struct entry */
    struct mem mem;   /* of the entries */
    struct item *first, **last;
    uint64_t waiting_bytes; /* in the queue, and being written */
    size_t waiting;         /* values, likewise */
    uint64_t first_ns;      /* when the first of the queue came */
    bool hurry, closing, broken;
    bool warned; /* of a damaged value */
    struct journal_counts counts;
};

/* ---- the index -----------------------------------------------------------*/

static uint64_t map_key(const struct fingerprint *fingerprint)
{
    return fingerprint->low ? fingerprint->low : 1;
}

static struct entry *find(const struct journal *journal,
                          const struct fingerprint *fingerprint)
{
    struct entry *entry = map_get(&journal->index, map_key(fingerprint));
    bool same = entry && fingerprint_is(&entry->row.fingerprint, fingerprint);
    return same ? entry : NULL;
}

/* NULL: another one, of which half the fingerprint is the same, has its place. */
static struct entry *add_entry(struct journal *journal,
                               const struct archive_row *row,
                               enum entry_state state)
{
    uint64_t key = map_key(&row->fingerprint);
    if (map_get(&journal->index, key)) return NULL;
    struct entry *entry = mem_take(&journal->mem, sizeof *entry);
    *entry = (struct entry){.row = *row, .state = state};
    map_add(&journal->index, key, entry);
    return entry;
}

static void hear_row(void *arg, const struct archive_row *row)
{
    add_entry(arg, row, ENTRY_KEPT);
}

static bool is_recorded(void *arg, const struct vault_name *name)
{
    const struct entry *entry = find(arg, &name->fingerprint);
    return entry && entry->row.in_file &&
           entry->row.generation == name->generation;
}

/* ---- writing, on the thread ----------------------------------------------*/

static struct fingerprint checksum(struct digest *digest,
                                   const struct archive_row *row,
                                   const void *bytes)
{
    digest_begin(digest, "checksum");
    digest_print(digest, &row->fingerprint);
    digest_bytes(digest, bytes, row->size);
    return digest_end(digest);
}

static struct vault_name file_of(const struct archive_row *row)
{
    return (struct vault_name){row->fingerprint, row->generation};
}

static bool write_files(struct journal *journal, const struct item *first,
                        char *why, size_t why_size)
{
    for (const struct item *item = first; item; item = item->next) {
        const struct archive_row *row = &item->entry->row;
        struct vault_name name = file_of(row);
        if (!row->in_file ||
            vault_write(journal->vault, &name, item->data, row->size))
            continue;
        snprintf(why, why_size, "%s", strerror(errno));
        return false;
    }
    return true;
}

static bool write_item(struct journal *journal, const struct item *item)
{
    struct archive_row *row = &item->entry->row;
    struct fingerprint sum = checksum(journal->writing, row, item->data);
    if (item->replaces && !archive_remove(journal->archive, item->replaces))
        return false;
    return archive_add(journal->archive, row, &sum,
                       row->in_file ? NULL : item->data);
}

static bool write_rows(struct journal *journal, const struct item *first,
                       char *why, size_t why_size)
{
    struct archive *archive = journal->archive;
    pthread_mutex_lock(&journal->database);
    bool good = archive_begin(archive);
    for (const struct item *item = first; good && item; item = item->next)
        good = write_item(journal, item);
    good = good && archive_commit(archive);
    if (good)
        holder_tell(journal->holder, archive_generation(archive),
                    archive_entries(archive));
    else snprintf(why, why_size, "%s", archive_why(archive));
    pthread_mutex_unlock(&journal->database);
    return good;
}

/* Nobody has read their names. */
static void remove_files(struct journal *journal, const struct item *first)
{
    for (const struct item *item = first; item; item = item->next) {
        struct vault_name name = file_of(&item->entry->row);
        if (item->entry->row.in_file) vault_remove(journal->vault, &name);
    }
}

static bool write_group(struct journal *journal, const struct item *first)
{
    char why[WHY_BYTES];
    if (write_files(journal, first, why, sizeof why) &&
        write_rows(journal, first, why, sizeof why))
        return true;
    remove_files(journal, first);
    log_line(LOG_WARN,
             "the journal cannot be written: %s; the job goes on, what was "
             "committed stays, nothing more is kept",
             why);
    return false;
}

/* With the lock. */
static void settle_group(struct journal *journal, struct item *first, bool good)
{
    struct item *next;
    for (struct item *item = first; item; item = next) {
        next = item->next;
        struct entry *entry = item->entry;
        entry->state = good ? ENTRY_KEPT : ENTRY_DAMAGED;
        journal->waiting_bytes -= entry->row.size;
        journal->waiting--;
        journal->counts.values += good;
        journal->counts.entries += good && !item->replaces;
        journal->counts.bytes += good ? entry->row.size : 0;
        free(item->data);
        free(item);
    }
    if (!good) journal->broken = true;
}

static struct item *take_queue(struct journal *journal)
{
    struct item *first = journal->first;
    journal->first = NULL;
    journal->last = &journal->first;
    journal->hurry = false;
    return first;
}

static struct timespec moment(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / 1000000000u),
                             (long)(ns % 1000000000u)};
}

static bool is_due(const struct journal *journal)
{
    return journal->closing || journal->hurry ||
           journal->waiting_bytes >= GROUP_MOST ||
           clock_ns() >= journal->first_ns + GROUP_NS;
}

/* With the lock: until a group is to be written, or the journal closes. */
static void wait_for_group(struct journal *journal)
{
    while (!journal->first && !journal->closing)
        pthread_cond_wait(&journal->changed, &journal->lock);
    while (journal->first && !is_due(journal)) {
        struct timespec until = moment(journal->first_ns + GROUP_NS);
        pthread_cond_timedwait(&journal->changed, &journal->lock, &until);
    }
}

static void *write_groups(void *arg)
{
    struct journal *journal = arg;
    pthread_mutex_lock(&journal->lock);
    for (;;) {
        wait_for_group(journal);
        struct item *first = take_queue(journal);
        if (!first) break;
        bool may = !journal->broken;
        pthread_mutex_unlock(&journal->lock);
        bool good = may && write_group(journal, first);
        pthread_mutex_lock(&journal->lock);
        settle_group(journal, first, good);
    }
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/* ---- opening -------------------------------------------------------------*/

/* The absolute name of FILE: the program may change its folder, and names that
 * SQLite takes for something else are none of ours. */
static bool find_path(const char *file, char path[PATH_MAX], char *why,
                      size_t why_size)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    int length = slash ? (int)(slash - file) : 0;
    if (!*name) {
        snprintf(why, why_size, "the journal '%s' is a folder: name a file",
                 file);
        return false;
    }
    snprintf(folder, sizeof folder, "%.*s%s", length, file,
             !slash   ? "."
             : length ? ""
                      : "/");
    if (!realpath(folder, real)) {
        snprintf(why, why_size,
                 "the journal's folder '%s': %s: make it first, or "
                 "name another file",
                 folder, strerror(errno));
        return false;
    }
    int size =
        snprintf(path, PATH_MAX, "%s/%s", strcmp(real, "/") ? real : "", name);
    if (size < PATH_MAX - 16) return true;
    snprintf(why, why_size, "the journal's name is too long");
    return false;
}

/* Signals are for the threads that know of them; a file that grows beyond its
 * limit is an error as any other here. */
static void start_thread(struct journal *journal)
{
    sigset_t all, before;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&journal->lock, NULL);
    pthread_mutex_init(&journal->database, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&journal->thread, NULL, write_groups, journal))
        log_panic("no thread for the journal");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* What goes whether or not there is a thread. */
static void let_go(struct journal *journal)
{
    size_t at = 0;
    struct entry *entry;
    while ((entry = map_next(&journal->index, &at)))
        mem_give(&journal->mem, entry, sizeof *entry);
    map_fini(&journal->index);
    mem_fini(&journal->mem);
    archive_close(journal->archive);
    vault_free(journal->vault);
    digest_free(journal->reading);
    digest_free(journal->writing);
    holder_leave(journal->holder);
    free(journal);
}

static bool open_archive(struct journal *journal, const char *path, char *why,
                         size_t why_size)
{
    uint64_t expected = holder_found_entries(journal->holder);
    journal->archive =
        archive_open(path, expected, hear_row, journal, why, why_size);
    if (!journal->archive) return false;
    journal->vault = vault_new(path);
    vault_sweep(journal->vault, is_recorded, journal);
    holder_tell(journal->holder, archive_generation(journal->archive),
                archive_entries(journal->archive));
    return true;
}

struct journal *journal_open(const char *file, char *why, size_t why_size)
{
    char path[PATH_MAX];
    if (!find_path(file, path, why, why_size) ||
        !archive_may_open(path, why, why_size)) /* no lock beside it */
        return NULL;
    struct holder *holder =
        holder_take(path, (uint64_t)HOLDER_WAIT_MS * 1000000, why, why_size);
    if (!holder) return NULL;
    struct journal *journal = log_alloc(sizeof *journal);
    *journal = (struct journal){.holder = holder};
    journal->last = &journal->first;
    journal->reading = digest_new();
    journal->writing = digest_new();
    if (!open_archive(journal, path, why, why_size)) {
        let_go(journal);
        return NULL;
    }
    journal->counts.entries = archive_entries(journal->archive);
    start_thread(journal);
    return journal;
}

void journal_close(struct journal *journal)
{
    if (!journal) return;
    pthread_mutex_lock(&journal->lock);
    journal->closing = true;
    pthread_cond_signal(&journal->changed);
    pthread_mutex_unlock(&journal->lock);
    pthread_join(journal->thread, NULL);
    pthread_cond_destroy(&journal->changed);
    pthread_mutex_destroy(&journal->lock);
    pthread_mutex_destroy(&journal->database);
    let_go(journal);
}

/* ---- keeping -------------------------------------------------------------*/

/* With the lock. NULL: there is nothing to be written. */
static struct item *new_item(struct journal *journal,
                             const struct fingerprint *fingerprint, size_t size)
{
    struct archive_row row = {.fingerprint = *fingerprint,
                              .size = size,
                              .generation =
                                  archive_generation(journal->archive),
                              .in_file = size > ROW_MOST};
    struct entry *entry = find(journal, fingerprint);
    int64_t replaces = 0;
    if (journal->broken || (entry && entry->state != ENTRY_DAMAGED))
        return NULL;
    if (entry) {
        replaces = entry->row.id;
        entry->row = row;
        entry->state = ENTRY_WAITS;
    } else {
        entry = add_entry(journal, &row, ENTRY_WAITS);
    }
    if (!entry) return NULL;
    struct item *item = log_alloc(sizeof *item);
    *item = (struct item){.entry = entry, .replaces = replaces};
    return item;
}

void journal_keep(struct journal *journal,
                  const struct fingerprint *fingerprint, void *data,
                  size_t size)
{
    pthread_mutex_lock(&journal->lock);
    struct item *item = new_item(journal, fingerprint, size);
    if (item) {
        item->data = data;
        if (!journal->first) journal->first_ns = clock_ns();
        *journal->last = item;
        journal->last = &item->next;
        journal->waiting++;
        journal->waiting_bytes += size;
        pthread_cond_signal(&journal->changed);
    } else {
        free(data);
    }
    pthread_mutex_unlock(&journal->lock);
}

void journal_commit(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    if (journal->first) {
        journal->hurry = true;
        pthread_cond_signal(&journal->changed);
    }
    pthread_mutex_unlock(&journal->lock);
}

bool journal_is_full(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool full = journal->waiting_bytes >= WAITING_MOST;
    pthread_mutex_unlock(&journal->lock);
    return full;
}

bool journal_is_settled(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool settled = !journal->waiting;
    pthread_mutex_unlock(&journal->lock);
    return settled;
}

bool journal_is_broken(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool broken = journal->broken;
    pthread_mutex_unlock(&journal->lock);
    return broken;
}

struct journal_counts journal_counts(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    struct journal_counts counts = journal->counts;
    pthread_mutex_unlock(&journal->lock);
    return counts;
}

/* ---- finding -------------------------------------------------------------*/

/* False: not committed. */
static bool find_row(struct journal *journal,
                     const struct fingerprint *fingerprint,
                     struct archive_row *row)
{
    pthread_mutex_lock(&journal->lock);
    const struct entry *entry = find(journal, fingerprint);
    bool kept = entry && entry->state == ENTRY_KEPT;
    if (kept) *row = entry->row;
    pthread_mutex_unlock(&journal->lock);
    return kept;
}

bool journal_has(struct journal *journal, const struct fingerprint *fingerprint,
                 uint64_t *size)
{
    struct archive_row row;
    if (!find_row(journal, fingerprint, &row)) return false;
    *size = row.size;
    return true;
}

static bool read_value(struct journal *journal, const struct archive_row *row,
                       struct buffer *buffer)
{
    struct fingerprint kept;
    struct vault_name name = file_of(row);
    pthread_mutex_lock(&journal->database);
    bool good = archive_read(journal->archive, row->id, row->size, &kept,
                             row->in_file ? NULL : buffer->data);
    pthread_mutex_unlock(&journal->database);
    if (good && row->in_file) good = vault_read(journal->vault, &name, buffer);
    if (!good) return false;
    struct fingerprint now = checksum(journal->reading, row, buffer->data);
    return fingerprint_is(&now, &kept);
}

static void note_damage(struct journal *journal, const struct archive_row *row)
{
    char text[FINGERPRINT_TEXT];
    pthread_mutex_lock(&journal->lock);
    struct entry *entry = find(journal, &row->fingerprint);
    if (entry && entry->state == ENTRY_KEPT) entry->state = ENTRY_DAMAGED;
    bool first = !journal->warned;
    journal->warned = true;
    pthread_mutex_unlock(&journal->lock);
    fingerprint_text(&row->fingerprint, text);
    log_line(first ? LOG_WARN : LOG_INFO,
             "a value of the journal is damaged: it is computed again (%s)",
             text);
}

struct buffer *journal_read(struct journal *journal,
                            const struct fingerprint *fingerprint)
{
    struct archive_row row;
    if (!find_row(journal, fingerprint, &row)) return NULL;
    struct buffer *buffer = NULL;
    struct vault_name name = file_of(&row);
    bool may = !row.in_file || vault_has(journal->vault, &name, row.size);
    if (may && !(buffer = buffer_new(row.size))) return NULL;
    if (may && read_value(journal, &row, buffer)) return buffer;
    buffer_unref(buffer);
    note_damage(journal, &row);
    return NULL;
}
