/* SPDX-License-Identifier: BSD-3-Clause */
/* test_journal.c - what was committed is found again as it was, by who has the
 * right to it; a disk that gets full loses none of it. */
#include "check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "holder.h"
#include "log.h"
#include "notebook.h"

/* ---- fingerprints --------------------------------------------------------*/

static void fingerprints_stay_as_they_are(void)
{
    char text[FINGERPRINT_TEXT];
    struct digest *digest = digest_new();
    digest_begin(digest, "task");
    digest_text(digest, "square");
    digest_text(digest, "");
    digest_number(digest, 0x0123456789abcdefu);
    struct fingerprint print = digest_end(digest);
    fingerprint_text(&print, text);
    CU_ASSERT_STRING_EQUAL(text, "19b64ca596db8eacff11509dcf7f8206");
    digest_begin(digest, "value");
    digest_bytes(digest, "abc", 3);
    digest_print(digest, &print);
    print = digest_end(digest);
    fingerprint_text(&print, text);
    CU_ASSERT_STRING_EQUAL(text, "a1e7596447f0987ba13a2e906ba67fcc");
    digest_free(digest);
}

static void fingerprints_are_read_as_written(void)
{
    struct fingerprint print = {.low = 0x8070605040302010u, .high = 0x11};
    unsigned char bytes[FINGERPRINT_BYTES];
    fingerprint_write(&print, bytes);
    CU_ASSERT_EQUAL(bytes[7], 0x11);
    CU_ASSERT_EQUAL(bytes[8], 0x80);
    struct fingerprint again = fingerprint_read(bytes);
    CU_ASSERT(fingerprint_is(&print, &again));
}

static void sequences_do_not_run_into_each_other(void)
{
    struct digest *digest = digest_new();
    digest_begin(digest, "x");
    digest_text(digest, "ab");
    digest_text(digest, "c");
    struct fingerprint one = digest_end(digest);
    digest_begin(digest, "x");
    digest_text(digest, "a");
    digest_text(digest, "bc");
    struct fingerprint two = digest_end(digest);
    CU_ASSERT_FALSE(fingerprint_is(&one, &two));
    digest_free(digest);
}

/* ---- what was kept -------------------------------------------------------*/

static void what_was_kept_is_found_again(void)
{
    notebook_make();
    struct journal *journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_right(journal), VALUES);
    CU_ASSERT_EQUAL(notebook_look(journal, VALUES, 0), ABSENT);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 0);
    journal_close(journal);
}

static void large_values_lie_in_files(void)
{
    struct stat state;
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, LARGE);
    notebook_keep(journal, 2, LARGE - 1);
    notebook_settle(journal);
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), RIGHT);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 2);
    CU_ASSERT_EQUAL(journal_counts(journal).bytes, 2 * LARGE - 1);
    journal_close(journal);
    CU_ASSERT(!stat(notebook, &state) && state.st_size < 2 * LARGE);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_look(journal, 1, LARGE), RIGHT);
    CU_ASSERT_EQUAL(notebook_look(journal, 2, LARGE - 1), RIGHT);
    journal_close(journal);
}

static void twice_the_same_is_kept_once(void)
{
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, notebook_size(1));
    notebook_keep(journal, 1, notebook_size(1));
    notebook_settle(journal);
    notebook_keep(journal, 1, notebook_size(1));
    notebook_settle(journal);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 1);
    journal_close(journal);
}

static void a_group_is_committed_within_seconds(void)
{
    const struct timespec nap = {0, 1000000};
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, notebook_size(1));
    while (!journal_is_settled(journal)) nanosleep(&nap, NULL);
    CU_ASSERT_EQUAL(notebook_look(journal, 1, notebook_size(1)), RIGHT);
    journal_close(journal);
}

/* What FILE.lock says. */
static unsigned long long entries_outside(void)
{
    unsigned long long entries = 99;
    char name[PATH_BYTES + 8];
    snprintf(name, sizeof name, "%s.lock", notebook);
    FILE *lock = fopen(name, "r");
    if (!lock || fscanf(lock, "entries %llu ", &entries) != 1) entries = 98;
    if (lock) fclose(lock);
    return entries;
}

static void who_watches_sees_it_advance(void)
{
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    CU_ASSERT_EQUAL(entries_outside(), 0);
    notebook_keep(journal, 1, notebook_size(1));
    notebook_settle(journal);
    CU_ASSERT_EQUAL(entries_outside(), 1);
    CU_ASSERT_EQUAL(journal_counts(journal).entries, 1);
    journal_close(journal);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(journal_counts(journal).entries, 1);
    CU_ASSERT_EQUAL(entries_outside(), 1);
    journal_close(journal);
}

/* ---- who may write -------------------------------------------------------*/

static void one_process_has_it(void)
{
    char who[40];
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    struct holder *other =
        holder_take(notebook, 0, notebook_why, sizeof notebook_why);
    CU_ASSERT_PTR_NULL(other);
    snprintf(who, sizeof who, "process %d on ", (int)getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(notebook_why, who));
    journal_close(journal);
    other = holder_take(notebook, 0, notebook_why, sizeof notebook_why);
    CU_ASSERT_PTR_NOT_NULL(other);
    holder_leave(other);
}

/* As by another launch on a file system that forgets locks. */
static void raise_generation(void)
{
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_open_v2(notebook, &db, SQLITE_OPEN_READWRITE, "unix-none"),
        SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db,
                                 "UPDATE journal SET generation = "
                                 "generation + 1",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
    sqlite3_close(db);
}

static void a_late_survivor_cannot_write(void)
{
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, notebook_size(1));
    notebook_settle(journal);
    raise_generation();
    notebook_keep(journal, 2, notebook_size(2));
    notebook_keep(journal, 3, LARGE);
    notebook_settle(journal);
    CU_ASSERT(journal_is_broken(journal));
    CU_ASSERT_EQUAL(notebook_look(journal, 2, notebook_size(2)), ABSENT);
    journal_close(journal);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_look(journal, 1, notebook_size(1)), RIGHT);
    CU_ASSERT_EQUAL(notebook_look(journal, 2, notebook_size(2)), ABSENT);
    CU_ASSERT_EQUAL(notebook_look(journal, 3, LARGE), ABSENT);
    journal_close(journal);
}

static void a_full_disk_loses_nothing_committed(void)
{
    struct rlimit before, small;
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    notebook_keep(journal, 1, notebook_size(1));
    notebook_settle(journal);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 64 << 10;
    setrlimit(RLIMIT_FSIZE, &small);
    notebook_keep(journal, 2, 100000);
    notebook_settle(journal);
    setrlimit(RLIMIT_FSIZE, &before);
    CU_ASSERT(journal_is_broken(journal));
    CU_ASSERT_EQUAL(notebook_look(journal, 1, notebook_size(1)), RIGHT);
    notebook_keep(journal, 3, notebook_size(3));
    CU_ASSERT(journal_is_settled(journal));
    journal_close(journal);
    journal = notebook_must_open();
    CU_ASSERT_EQUAL(notebook_look(journal, 1, notebook_size(1)), RIGHT);
    CU_ASSERT_EQUAL(notebook_look(journal, 2, 100000), ABSENT);
    journal_close(journal);
}

static void a_full_disk_leaves_no_half_file(void)
{
    struct rlimit before, small;
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_FSIZE, &small);
    notebook_keep(journal, 1, 2 * LARGE);
    notebook_settle(journal);
    setrlimit(RLIMIT_FSIZE, &before);
    CU_ASSERT(journal_is_broken(journal));
    journal_close(journal);
    notebook_shell("test -z \"$(ls -A \"$1.values\")\"", notebook);
}

static const struct check_test tests[] = {
    {"fingerprints stay as they are", fingerprints_stay_as_they_are},
    {"fingerprints are read as written", fingerprints_are_read_as_written},
    {"sequences do not run into each other",
     sequences_do_not_run_into_each_other},
    {"what was kept is found again", what_was_kept_is_found_again},
    {"large values lie in files", large_values_lie_in_files},
    {"twice the same is kept once", twice_the_same_is_kept_once},
    {"a group is committed within seconds",
     a_group_is_committed_within_seconds},
    {"who watches sees it advance", who_watches_sees_it_advance},
    {"one process has it", one_process_has_it},
    {"a late survivor cannot write", a_late_survivor_cannot_write},
    {"a full disk loses nothing committed",
     a_full_disk_loses_nothing_committed},
    {"a full disk leaves no half file", a_full_disk_leaves_no_half_file},
};

int main(void)
{
    notebook_init();
    log_set_level(LOG_ERROR);
    int result = check_run("journal", tests, CHECK_COUNT(tests));
    notebook_fini();
    return result;
}
