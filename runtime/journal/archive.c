/* SPDX-License-Identifier: BSD-3-Clause */
/* archive.c - every statement is prepared once; whatever SQLite finds wrong
 * undoes the group. */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

enum {
    FORMAT = 1,
    APPLICATION = 0x646d7069, /* "dmpi" */
    HEADER_BYTES = 100,
    FORMAT_AT = 60, /* in the header, see SQLite's file format */
    APPLICATION_AT = 68,
    CHECK_BYTES = 64 << 20, /* a larger one is not looked through as a whole */
    BUSY_MS = 5000,
    WHY_BYTES = 200,
    PROGRAM_BYTES = 64
};

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    META,
    RAISE,
    COUNT,
    ROWS,
    READ,
    ADD,
    REMOVE,
    STATEMENTS
};

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [META] = "SELECT program, generation, entries FROM journal",
    [RAISE] = "UPDATE journal SET generation = ?1",
    [COUNT] = "UPDATE journal SET entries = ?1",
    [ROWS] = "SELECT id, fingerprint, size, generation, in_file FROM value",
    [READ] = "SELECT checksum, size, data FROM value WHERE id = ?1",
    [ADD] = "INSERT INTO value (fingerprint, checksum, size, generation, "
            "in_file, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [REMOVE] = "DELETE FROM value WHERE id = ?1",
};

static const char schema[] =
    "BEGIN;"
    "CREATE TABLE journal (program TEXT NOT NULL, generation INTEGER NOT NULL,"
    " entries INTEGER NOT NULL);"
    "CREATE TABLE value (id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL,"
    " checksum BLOB NOT NULL, size INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, in_file INTEGER NOT NULL, data BLOB);"
    "COMMIT;";

/* Its one row says whose it is. */
struct meta {
    char program[PROGRAM_BYTES];
    uint64_t generation, entries;
};

struct archive {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS]; /* owned */
    uint64_t generation;
    uint64_t entries, committed; /* with the group's, without */
    uint64_t found;              /* rows */
    char why[WHY_BYTES];
};

/* ---- statements ----------------------------------------------------------*/

static void keep_why(struct archive *archive)
{
    snprintf(archive->why, sizeof archive->why, "%s",
             sqlite3_errmsg(archive->db));
}

static bool prepare(struct archive *archive)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(archive->db, texts[i], -1,
                               SQLITE_PREPARE_PERSISTENT,
                               &archive->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

static sqlite3_stmt *statement(struct archive *archive, enum statement which)
{
    sqlite3_stmt *it = archive->statements[which];
    sqlite3_reset(it);
    sqlite3_clear_bindings(it);
    return it;
}

/* One that gives no rows. */
static bool finish(struct archive *archive, sqlite3_stmt *it)
{
    bool good = sqlite3_step(it) == SQLITE_DONE;
    if (!good) keep_why(archive);
    sqlite3_reset(it);
    return good;
}

static bool run(struct archive *archive, enum statement which)
{
    return finish(archive, statement(archive, which));
}

static bool run_with(struct archive *archive, enum statement which,
                     uint64_t number)
{
    sqlite3_stmt *it = statement(archive, which);
    sqlite3_bind_int64(it, 1, (sqlite3_int64)number);
    return finish(archive, it);
}

static bool execute(struct archive *archive, const char *text)
{
    if (sqlite3_exec(archive->db, text, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    keep_why(archive);
    return false;
}

static bool column_print(sqlite3_stmt *it, int column,
                         struct fingerprint *fingerprint)
{
    const void *bytes = sqlite3_column_blob(it, column);
    if (!bytes || sqlite3_column_bytes(it, column) != FINGERPRINT_BYTES)
        return false;
    *fingerprint = fingerprint_read(bytes);
    return true;
}

static uint64_t column_number(sqlite3_stmt *it, int column)
{
    return (uint64_t)sqlite3_column_int64(it, column);
}

/* ---- what lies there -----------------------------------------------------*/

enum found { FOUND_NOTHING, FOUND_EMPTY, FOUND_OURS, FOUND_WRONG };

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum found judge(const char *path, const unsigned char *header,
                        ssize_t size, char *why, size_t why_size)
{
    static const char magic[16] = "SQLite format 3";
    if (size < HEADER_BYTES || memcmp(header, magic, sizeof magic) ||
        big_endian(header + APPLICATION_AT) != APPLICATION)
        snprintf(why, why_size,
                 "'%s' is not a journal of libdistmpi, or its beginning is "
                 "damaged: name another file, or restore it from a copy",
                 path);
    else if (big_endian(header + FORMAT_AT) != FORMAT)
        snprintf(why, why_size,
                 "the journal '%s' has format %" PRIu32
                 ", this libdistmpi writes %d: name another file",
                 path, big_endian(header + FORMAT_AT), FORMAT);
    else return FOUND_OURS;
    return FOUND_WRONG;
}

/* Looked at before SQLite does, which might repair what is not ours. */
static enum found look(const char *path, uint64_t *bytes, char *why,
                       size_t why_size)
{
    unsigned char header[HEADER_BYTES];
    struct stat state;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) return FOUND_NOTHING;
    if (file < 0 || fstat(file, &state) || !S_ISREG(state.st_mode)) {
        snprintf(why, why_size,
                 "the journal '%s' cannot be opened: %s: name another file",
                 path, file < 0 ? strerror(errno) : "it is not a file");
        if (file >= 0) close(file);
        return FOUND_WRONG;
    }
    ssize_t size = pread(file, header, sizeof header, 0);
    close(file);
    *bytes = (uint64_t)state.st_size;
    if (!state.st_size) return FOUND_EMPTY;
    return judge(path, header, size, why, why_size);
}

/* ---- a new one -----------------------------------------------------------*/

static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) return false;
    slash[slash == folder] = 0;
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = dir >= 0 && !fsync(dir);
    if (dir >= 0) close(dir);
    return good;
}

static const char *own_program(void)
{
    return program_invocation_short_name;
}

static bool fill_new(struct archive *archive)
{
    char text[WHY_BYTES];
    snprintf(text, sizeof text,
             "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION, FORMAT);
    if (!execute(archive, text) || !execute(archive, schema)) return false;
    char *insert = sqlite3_mprintf("INSERT INTO journal VALUES (%.*Q, 0, 0)",
                                   PROGRAM_BYTES - 1, own_program());
    bool good = insert && execute(archive, insert);
    sqlite3_free(insert);
    return good;
}

static bool open_db(struct archive *archive, const char *path, int flags)
{
    int status = sqlite3_open_v2(
        path, &archive->db, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (!archive->db) log_panic("no memory for SQLite");
    sqlite3_extended_result_codes(archive->db, 1);
    sqlite3_busy_timeout(archive->db, BUSY_MS);
    if (status == SQLITE_OK && execute(archive, "PRAGMA trusted_schema = OFF;"
                                                "PRAGMA cell_size_check = ON;"
                                                "PRAGMA journal_mode = DELETE;"
                                                "PRAGMA synchronous = EXTRA;"))
        return true;
    keep_why(archive);
    return false;
}

static void close_db(struct archive *archive)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(archive->statements[i]);
    sqlite3_close(archive->db);
    archive->db = NULL;
}

/* What an earlier file of that name has left to be rolled back. */
static void remove_rest_of(const char *path)
{
    char rest[PATH_MAX + 16];
    snprintf(rest, sizeof rest, "%s-journal", path);
    unlink(rest);
}

/* Whole before it has its name. */
static bool create(const char *path, char *why, size_t why_size)
{
    char fresh[PATH_MAX];
    struct archive archive = {0};
    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    remove_rest_of(fresh);
    remove_rest_of(path);
    bool good =
        open_db(&archive, fresh, SQLITE_OPEN_CREATE) && fill_new(&archive);
    close_db(&archive);
    if (good && (rename(fresh, path) || !sync_folder_of(path))) {
        snprintf(archive.why, sizeof archive.why, "%s", strerror(errno));
        good = false;
    }
    if (good) return true;
    unlink(fresh);
    snprintf(why, why_size,
             "the journal '%s' cannot be made: %s: name a file in a folder "
             "that can be written",
             path, archive.why);
    return false;
}

/* ---- one that is there ---------------------------------------------------*/

static bool is_sound(struct archive *archive)
{
    sqlite3_stmt *it = NULL;
    const char *text = "PRAGMA quick_check(1)";
    bool good =
        sqlite3_prepare_v2(archive->db, text, -1, &it, NULL) == SQLITE_OK &&
        sqlite3_step(it) == SQLITE_ROW;
    const char *said = good ? (const char *)sqlite3_column_text(it, 0) : NULL;
    if (!good) keep_why(archive);
    else if (!said || strcmp(said, "ok"))
        snprintf(archive->why, sizeof archive->why, "%s", said ? said : "?");
    good = said && !strcmp(said, "ok");
    sqlite3_finalize(it);
    for (char *at = archive->why; *at; at++)
        if (*at == '\n') *at = ' ';
    return good;
}

static bool read_meta(struct archive *archive, struct meta *meta)
{
    sqlite3_stmt *it = statement(archive, META);
    bool good = sqlite3_step(it) == SQLITE_ROW;
    const char *program =
        good ? (const char *)sqlite3_column_text(it, 0) : NULL;
    if (good && program) {
        snprintf(meta->program, sizeof meta->program, "%s", program);
        meta->generation = column_number(it, 1);
        meta->entries = column_number(it, 2);
    } else {
        keep_why(archive);
    }
    sqlite3_reset(it);
    return good && program;
}

static bool read_row(struct archive *archive, sqlite3_stmt *it,
                     struct archive_row *row)
{
    *row = (struct archive_row){.id = sqlite3_column_int64(it, 0),
                                .size = column_number(it, 2),
                                .generation = column_number(it, 3),
                                .in_file = column_number(it, 4) != 0};
    if (column_print(it, 1, &row->fingerprint)) return true;
    snprintf(archive->why, sizeof archive->why, "a row has no fingerprint");
    return false;
}

static bool read_rows(struct archive *archive,
                      void (*tell)(void *arg, const struct archive_row *row),
                      void *arg)
{
    sqlite3_stmt *it = statement(archive, ROWS);
    struct archive_row row;
    int status;
    while ((status = sqlite3_step(it)) == SQLITE_ROW) {
        if (!read_row(archive, it, &row)) break;
        archive->found++;
        tell(arg, &row);
    }
    if (status != SQLITE_DONE && status != SQLITE_ROW) keep_why(archive);
    sqlite3_reset(it);
    return status == SQLITE_DONE;
}

static bool are_all_there(struct archive *archive)
{
    if (archive->found == archive->entries) return true;
    snprintf(archive->why, sizeof archive->why,
             "it has %" PRIu64 " values instead of %" PRIu64, archive->found,
             archive->entries);
    return false;
}

static bool say_damaged(const struct archive *archive, const char *path,
                        char *why, size_t why_size)
{
    snprintf(why, why_size,
             "the journal '%s' is damaged (%s): restore it from a copy, or "
             "remove it to begin anew",
             path, *archive->why ? archive->why : "a page is wrong");
    return false;
}

static bool is_this_programs(const struct meta *meta, const char *path,
                             char *why, size_t why_size)
{
    if (!strncmp(meta->program, own_program(), PROGRAM_BYTES - 1)) return true;
    snprintf(why, why_size,
             "the journal '%s' belongs to the program '%s', this is '%s': "
             "name another file",
             path, meta->program, own_program());
    return false;
}

static bool raise(struct archive *archive)
{
    archive->generation++;
    if (!run(archive, BEGIN)) return false;
    if (run_with(archive, RAISE, archive->generation) && run(archive, COMMIT))
        return true;
    run(archive, ROLLBACK);
    return false;
}

static bool use(struct archive *archive, const char *path, uint64_t bytes,
                void (*tell)(void *arg, const struct archive_row *row),
                void *arg, char *why, size_t why_size)
{
    struct meta meta;
    if (!open_db(archive, path, 0) ||
        (bytes <= CHECK_BYTES && !is_sound(archive)))
        return say_damaged(archive, path, why, why_size);
    if (!prepare(archive)) {
        keep_why(archive);
        return say_damaged(archive, path, why, why_size);
    }
    if (!read_meta(archive, &meta))
        return say_damaged(archive, path, why, why_size);
    if (!is_this_programs(&meta, path, why, why_size)) return false;
    archive->generation = meta.generation;
    archive->entries = meta.entries;
    if (!read_rows(archive, tell, arg) || !are_all_there(archive))
        return say_damaged(archive, path, why, why_size);
    if (raise(archive)) return true;
    snprintf(why, why_size,
             "the journal '%s' cannot be written: %s: make room or name "
             "another file",
             path, archive->why);
    return false;
}

static bool is_lost(const char *path, uint64_t expected, char *why,
                    size_t why_size)
{
    if (!expected) return false;
    snprintf(why, why_size,
             "the journal '%s' is empty though %" PRIu64
             " values were recorded: restore it from a copy, or remove it to "
             "begin anew",
             path, expected);
    return true;
}

bool archive_may_open(const char *path, char *why, size_t why_size)
{
    uint64_t bytes;
    return look(path, &bytes, why, why_size) != FOUND_WRONG;
}

struct archive *archive_open(const char *path, uint64_t expected,
                             void (*row)(void *arg,
                                         const struct archive_row *row),
                             void *arg, char *why, size_t why_size)
{
    uint64_t bytes = 0;
    enum found found = look(path, &bytes, why, why_size);
    if (found == FOUND_WRONG) return NULL;
    if (found == FOUND_EMPTY && is_lost(path, expected, why, why_size))
        return NULL;
    if (found != FOUND_OURS && !create(path, why, why_size)) return NULL;
    struct archive *archive = log_alloc(sizeof *archive);
    *archive = (struct archive){0};
    if (use(archive, path, bytes, row, arg, why, why_size)) return archive;
    archive_close(archive);
    return NULL;
}

void archive_close(struct archive *archive)
{
    if (!archive) return;
    close_db(archive);
    free(archive);
}

uint64_t archive_generation(const struct archive *archive)
{
    return archive->generation;
}

uint64_t archive_entries(const struct archive *archive)
{
    return archive->entries;
}

const char *archive_why(const struct archive *archive)
{
    return archive->why;
}

/* ---- reading -------------------------------------------------------------*/

static bool take_data(sqlite3_stmt *it, uint64_t size, void *bytes)
{
    if (sqlite3_column_type(it, 2) == SQLITE_NULL) return !size;
    const void *data = sqlite3_column_blob(it, 2);
    if ((uint64_t)sqlite3_column_bytes(it, 2) != size) return false;
    if (size) memcpy(bytes, data, size);
    return true;
}

bool archive_read(struct archive *archive, int64_t id, uint64_t size,
                  struct fingerprint *checksum, void *bytes)
{
    sqlite3_stmt *it = statement(archive, READ);
    sqlite3_bind_int64(it, 1, id);
    bool good = sqlite3_step(it) == SQLITE_ROW &&
                column_print(it, 0, checksum) && column_number(it, 1) == size &&
                (!bytes || take_data(it, size, bytes));
    if (!good) keep_why(archive);
    sqlite3_reset(it);
    return good;
}

/* ---- a group -------------------------------------------------------------*/

/* SQLite may have undone it already. */
static bool undo(struct archive *archive)
{
    archive->entries = archive->committed;
    if (sqlite3_get_autocommit(archive->db)) return false;
    char why[WHY_BYTES];
    memcpy(why, archive->why, sizeof why);
    run(archive, ROLLBACK);
    memcpy(archive->why, why, sizeof why);
    return false;
}

/* Is it still ours? Read from the file if another one has written to it. */
static bool check_generation(struct archive *archive)
{
    struct meta meta;
    if (!read_meta(archive, &meta)) return false;
    if (meta.generation == archive->generation) return true;
    snprintf(archive->why, sizeof archive->why,
             "launch %" PRIu64 " of the program has taken it over",
             meta.generation);
    return false;
}

bool archive_begin(struct archive *archive)
{
    archive->committed = archive->entries;
    if (!run(archive, BEGIN)) return false;
    return check_generation(archive) || undo(archive);
}

bool archive_add(struct archive *archive, struct archive_row *row,
                 const struct fingerprint *checksum, const void *bytes)
{
    unsigned char print[FINGERPRINT_BYTES], sum[FINGERPRINT_BYTES];
    sqlite3_stmt *it = statement(archive, ADD);
    fingerprint_write(&row->fingerprint, print);
    fingerprint_write(checksum, sum);
    sqlite3_bind_blob(it, 1, print, sizeof print, SQLITE_STATIC);
    sqlite3_bind_blob(it, 2, sum, sizeof sum, SQLITE_STATIC);
    sqlite3_bind_int64(it, 3, (sqlite3_int64)row->size);
    sqlite3_bind_int64(it, 4, (sqlite3_int64)row->generation);
    sqlite3_bind_int(it, 5, row->in_file);
    if (!row->in_file && row->size)
        sqlite3_bind_blob64(it, 6, bytes, row->size, SQLITE_STATIC);
    if (!finish(archive, it)) return undo(archive);
    row->id = sqlite3_last_insert_rowid(archive->db);
    archive->entries++;
    return true;
}

bool archive_remove(struct archive *archive, int64_t id)
{
    if (!run_with(archive, REMOVE, (uint64_t)id)) return undo(archive);
    archive->entries--;
    return true;
}

bool archive_commit(struct archive *archive)
{
    if (run_with(archive, COUNT, archive->entries) && run(archive, COMMIT))
        return true;
    return undo(archive);
}
