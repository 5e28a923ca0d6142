/* SPDX-License-Identifier: BSD-3-Clause */
/* test_damage.c - what is not a journal stays as it is; one that is damaged,
 * anywhere, gives no wrong value. */
#include "check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "notebook.h"

/* SQL makes a database that is refused, and stays as it is. */
static void check_database(const char *sql, const char *word)
{
    sqlite3 *db;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(notebook, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    unsigned char *bytes = notebook_read_file(notebook, &size);
    notebook_refused(word);
    CU_ASSERT(notebook_is(bytes, size));
    free(bytes);
}

static void what_is_not_ours_stays_as_it_is(void)
{
    static const char text[] = "the only copy of my thesis\n";
    notebook_begin_anew();
    notebook_write_file(notebook, text, sizeof text);
    notebook_refused("is not a journal");
    CU_ASSERT(notebook_is(text, sizeof text));
    notebook_shell("test ! -e \"$1.lock\"", notebook);
    notebook_begin_anew();
    check_database("CREATE TABLE a (b)", "is not a journal");
    notebook_make();
    check_database("PRAGMA user_version = 7", "has format 7");
    notebook_make();
    check_database("UPDATE journal SET program = 'other'",
                   "belongs to the program 'other'");
    notebook_make();
    check_database("DELETE FROM value WHERE id = 2", "is damaged");
    notebook_make();
    check_database("DROP TABLE value", "is damaged");
}

static void names_that_cannot_be_files_are_refused(void)
{
    notebook_begin_anew();
    CU_ASSERT_PTR_NULL(journal_open("/", notebook_why, sizeof notebook_why));
    CU_ASSERT_PTR_NULL(
        journal_open("/no/such/folder/f", notebook_why, sizeof notebook_why));
    CU_ASSERT_PTR_NOT_NULL(strstr(notebook_why, "make it first"));
    mkdir(notebook, 0777);
    notebook_refused("cannot be opened");
    rmdir(notebook);
}

static void an_empty_file_is_begun_unless_values_were_lost(void)
{
    notebook_begin_anew();
    notebook_write_file(notebook, "", 0);
    journal_close(notebook_must_open());
    notebook_make();
    notebook_write_file(notebook, "", 0);
    notebook_refused("is empty though 6 values were recorded");
    CU_ASSERT(notebook_is("", 0));
    unlink(notebook);
    struct journal *journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_right(journal), 0);
    journal_close(journal);
}

/* The journal is BYTES now: it is refused and stays so, or gives no wrong
 * value. */
static bool is_harmless(const unsigned char *bytes, size_t size)
{
    notebook_shell("rm -f \"$1.lock\"",
                   notebook); /* it is not to tell that values are lost */
    notebook_write_file(notebook, bytes, size);
    struct journal *journal = notebook_open();
    if (!journal)
        return *notebook_why && !strchr(notebook_why, '\n') &&
               notebook_is(bytes, size);
    bool good = true;
    for (uint64_t i = 0; i < VALUES; i++)
        good &= notebook_look(journal, i, notebook_size(i)) != WRONG;
    journal_close(journal);
    return good;
}

/* Every so many bytes; CHECK_STRIDE=1 takes all of them. */
static size_t stride(void)
{
    const char *text = getenv("CHECK_STRIDE");
    return text ? strtoul(text, NULL, 10) : 97;
}

static void a_flipped_byte_gives_no_wrong_value(void)
{
    size_t size, wrong = 0;
    notebook_make();
    unsigned char *bytes = notebook_read_file(notebook, &size);
    check_limit(600);
    for (size_t at = 0; at < size; at += stride()) {
        unsigned char was = bytes[at];
        bytes[at] ^= (unsigned char)(1u << at % 8);
        wrong += !is_harmless(bytes, size);
        bytes[at] = (unsigned char)~was;
        wrong += !is_harmless(bytes, size);
        bytes[at] = was;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(is_harmless(bytes, size));
    free(bytes);
}

static void a_torn_file_gives_no_wrong_value(void)
{
    size_t size, wrong = 0;
    notebook_make();
    unsigned char *bytes = notebook_read_file(notebook, &size);
    check_limit(600);
    for (size_t length = 0; length < size; length += 4 * stride())
        wrong += !is_harmless(bytes, length);
    for (size_t at = 0; at < size; at += 512) { /* a sector was not written */
        unsigned char sector[512];
        memcpy(sector, bytes + at, sizeof sector);
        memset(bytes + at, 0, sizeof sector);
        wrong += !is_harmless(bytes, size);
        memcpy(bytes + at, sector, sizeof sector);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(bytes);
}

/* ---- cut short in the middle of a commit ---------------------------------*/

enum { MANY = 40, MANY_BYTES = 3000 };

/* Another process writes over all values and dies before its commit: what SQLite
 * needs to roll it back lies in FILE-journal. */
static void leave_half_a_commit(void)
{
    pid_t child = fork();
    if (!child) {
        sqlite3 *db;
        sqlite3_open(notebook, &db);
        sqlite3_exec(db,
                     "PRAGMA cache_size = 1; BEGIN;"
                     "UPDATE value SET data = randomblob(length(data));"
                     "SELECT count(*) FROM value",
                     NULL, NULL, NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void make_many(void)
{
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    for (uint64_t i = 0; i < MANY; i++) notebook_keep(journal, i, MANY_BYTES);
    journal_close(journal);
}

static size_t count_many(struct journal *journal, enum outcome outcome)
{
    size_t sum = 0;
    for (uint64_t i = 0; i < MANY; i++)
        sum += notebook_look(journal, i, MANY_BYTES) == outcome;
    return sum;
}

static void half_a_commit_is_rolled_back(void)
{
    struct stat state;
    char rest[PATH_BYTES + 8];
    make_many();
    leave_half_a_commit();
    snprintf(rest, sizeof rest, "%s-journal", notebook);
    CU_ASSERT(!stat(rest, &state) && state.st_size > MANY * MANY_BYTES / 2);
    struct journal *journal = notebook_must_open();
    CU_ASSERT_EQUAL(count_many(journal, RIGHT), MANY);
    journal_close(journal);
}

/* Half a commit is left, and what would roll it back is not whole. */
static void a_damaged_rollback_gives_no_wrong_value(void)
{
    size_t size, rest_size, wrong = 0;
    char rest[PATH_BYTES + 8];
    make_many();
    leave_half_a_commit();
    snprintf(rest, sizeof rest, "%s-journal", notebook);
    unsigned char *bytes = notebook_read_file(notebook, &size);
    unsigned char *rest_bytes = notebook_read_file(rest, &rest_size);
    check_limit(600);
    for (size_t at = 0; at < rest_size; at += 11 * stride()) {
        notebook_write_file(notebook, bytes, size);
        rest_bytes[at] ^= (unsigned char)(1u << at % 8);
        notebook_write_file(rest, rest_bytes, at % 3 ? rest_size : at);
        rest_bytes[at] ^= (unsigned char)(1u << at % 8);
        struct journal *journal = notebook_open();
        if (journal) wrong += count_many(journal, WRONG);
        journal_close(journal);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(bytes);
    free(rest_bytes);
}
static void a_damaged_value_is_kept_anew(void)
{
    char path[VALUE_PATH_BYTES] = "";
    size_t size;
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, LARGE);
    journal_close(journal);
    notebook_value_file(path);
    unsigned char *bytes = notebook_read_file(path, &size);
    CU_ASSERT_EQUAL_FATAL(size, LARGE);
    bytes[size / 2] ^= 4;
    notebook_write_file(path, bytes, size);
    free(bytes);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), ABSENT);
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), ABSENT);
    notebook_keep(journal, 1, LARGE);
    notebook_settle(journal);
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), RIGHT);
    journal_close(journal);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(journal_counts(journal).entries, 1);
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), RIGHT);
    journal_close(journal);
}

static void what_was_never_recorded_is_swept(void)
{
    char path[VALUE_PATH_BYTES] = "", name[PATH_BYTES + 80];
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, LARGE);
    journal_close(journal);
    snprintf(name, sizeof name, "%s.values/0123456789abcdef0123456789abcdef.7",
             notebook);
    notebook_write_file(name, "orphan", 6);
    snprintf(name, sizeof name,
             "%s.values/0123456789abcdef0123456789abcdef.8.part", notebook);
    notebook_write_file(name, "half", 4);
    snprintf(name, sizeof name, "%s.values/readme", notebook);
    notebook_write_file(name, "mine", 4);
    journal_close(notebook_must_open());
    CU_ASSERT(!unlink(name));
    notebook_value_file(path);
    CU_ASSERT(!unlink(path));
    notebook_shell("rmdir \"$1.values\"", notebook);
}

static const struct check_test tests[] = {
    {"what is not ours stays as it is", what_is_not_ours_stays_as_it_is},
    {"names that cannot be files are refused",
     names_that_cannot_be_files_are_refused},
    {"an empty file is begun unless values were lost",
     an_empty_file_is_begun_unless_values_were_lost},
    {"a flipped byte gives no wrong value",
     a_flipped_byte_gives_no_wrong_value},
    {"a torn file gives no wrong value", a_torn_file_gives_no_wrong_value},
    {"half a commit is rolled back", half_a_commit_is_rolled_back},
    {"a damaged rollback gives no wrong value",
     a_damaged_rollback_gives_no_wrong_value},
    {"a damaged value is kept anew", a_damaged_value_is_kept_anew},
    {"what was never recorded is swept", what_was_never_recorded_is_swept},
};

int main(void)
{
    notebook_init();
    log_set_level(LOG_ERROR);
    int result = check_run("damage", tests, CHECK_COUNT(tests));
    notebook_fini();
    return result;
}
