/* SPDX-License-Identifier: BSD-3-Clause */
/* test_journal.c - what was committed is found again as it was, whatever happens
 * to the files; who has no right to them leaves them as they are. */
#include "journal.h"

#include "check.h"
#include "holder.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = (1 << 20) + 1, VALUES = 6, PATH_BYTES = 200 };

static char folder[PATH_BYTES / 2], file[PATH_BYTES];
static char why[JOURNAL_WHY];

/* In memory, if there is such a folder: syncing costs nothing there. */
static void make_folder(void)
{
    bool shm = !access("/dev/shm", W_OK);
    snprintf(folder, sizeof folder, "%s/journal.XXXXXX",
             shm ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) abort();
    snprintf(file, sizeof file, "%s/file", folder);
}

/* COMMAND, of which $1 is PATH. */
static void shell(const char *command, const char *path)
{
    char line[2 * PATH_BYTES];
    snprintf(line, sizeof line, "set -- '%s'; %s", path, command);
    if (system(line)) abort();
}

static void begin_anew(void)
{
    shell("rm -rf \"$1\"/*", folder);
}

static struct journal *open_journal(void)
{
    *why = 0;
    return journal_open(file, why, sizeof why);
}

static struct journal *must_open(void)
{
    struct journal *journal = open_journal();
    if (!journal) fprintf(stderr, "%s\n", why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(journal);
    return journal;
}

/* Refused, in one line that has WORD. */
static void check_refused(const char *word)
{
    struct journal *journal = open_journal();
    CU_ASSERT_PTR_NULL(journal);
    CU_ASSERT_PTR_NULL(strchr(why, '\n'));
    if (!strstr(why, word)) CU_FAIL("the reason does not name the mistake");
    journal_close(journal);
}

/* ---- values by number ----------------------------------------------------*/

static struct fingerprint print_of(uint64_t number)
{
    struct digest *digest = digest_new();
    digest_begin(digest, "test");
    digest_number(digest, number);
    struct fingerprint print = digest_end(digest);
    digest_free(digest);
    return print;
}

/* Number 0 has no bytes. */
static size_t size_of(uint64_t number)
{
    return number ? 40 * number + 3 : 0;
}

static unsigned char byte_of(uint64_t number, size_t i)
{
    return (unsigned char)(number * 31 + i * 7 + i / 256);
}

static void keep(struct journal *journal, uint64_t number, size_t size)
{
    struct fingerprint print = print_of(number);
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = byte_of(number, i);
    journal_keep(journal, &print, bytes, size);
}

static bool is_value(const struct buffer *buffer, uint64_t number, size_t size)
{
    const unsigned char *bytes = buffer->data;
    bool same = buffer->size == size;
    for (size_t i = 0; same && i < size; i++)
        same = bytes[i] == byte_of(number, i);
    return same;
}

enum outcome { ABSENT, RIGHT, WRONG };

static enum outcome look(struct journal *journal, uint64_t number, size_t size)
{
    struct fingerprint print = print_of(number);
    uint64_t bytes = 0;
    if (!journal_has(journal, &print, &bytes)) return ABSENT;
    struct buffer *buffer = journal_read(journal, &print);
    if (!buffer) return ABSENT;
    enum outcome outcome =
        bytes == size && is_value(buffer, number, size) ? RIGHT : WRONG;
    buffer_unref(buffer);
    return outcome;
}

static void wait_settled(struct journal *journal)
{
    const struct timespec nap = {0, 1000000};
    journal_commit(journal);
    while (!journal_is_settled(journal)) nanosleep(&nap, NULL);
}

/* A journal with VALUES small values. */
static void make_small(void)
{
    begin_anew();
    struct journal *journal = must_open();
    for (uint64_t i = 0; i < VALUES; i++) keep(journal, i, size_of(i));
    journal_close(journal);
}

static size_t count_right(struct journal *journal)
{
    size_t right = 0;
    for (uint64_t i = 0; i < VALUES; i++)
        right += look(journal, i, size_of(i)) == RIGHT;
    return right;
}

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
    make_small();
    struct journal *journal = must_open();
    CU_ASSERT_EQUAL(count_right(journal), VALUES);
    CU_ASSERT_EQUAL(look(journal, VALUES, 0), ABSENT);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 0);
    journal_close(journal);
}

static void large_values_lie_in_files(void)
{
    struct stat state;
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, LARGE);
    keep(journal, 2, LARGE - 1);
    wait_settled(journal);
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), RIGHT);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 2);
    CU_ASSERT_EQUAL(journal_counts(journal).bytes, 2 * LARGE - 1);
    journal_close(journal);
    CU_ASSERT(!stat(file, &state) && state.st_size < 2 * LARGE);
    journal = must_open();
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), RIGHT);
    CU_ASSERT_EQUAL(look(journal, 2, LARGE - 1), RIGHT);
    journal_close(journal);
}

static void twice_the_same_is_kept_once(void)
{
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, size_of(1));
    keep(journal, 1, size_of(1));
    wait_settled(journal);
    keep(journal, 1, size_of(1));
    wait_settled(journal);
    CU_ASSERT_EQUAL(journal_counts(journal).values, 1);
    journal_close(journal);
}

static void a_group_is_committed_within_seconds(void)
{
    const struct timespec nap = {0, 1000000};
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, size_of(1));
    while (!journal_is_settled(journal)) nanosleep(&nap, NULL);
    CU_ASSERT_EQUAL(look(journal, 1, size_of(1)), RIGHT);
    journal_close(journal);
}

/* What FILE.lock says. */
static unsigned long long entries_outside(void)
{
    unsigned long long entries = 99;
    char name[PATH_BYTES + 8];
    snprintf(name, sizeof name, "%s.lock", file);
    FILE *lock = fopen(name, "r");
    if (!lock || fscanf(lock, "entries %llu ", &entries) != 1) entries = 98;
    if (lock) fclose(lock);
    return entries;
}

static void who_watches_sees_it_advance(void)
{
    begin_anew();
    struct journal *journal = must_open();
    CU_ASSERT_EQUAL(entries_outside(), 0);
    keep(journal, 1, size_of(1));
    wait_settled(journal);
    CU_ASSERT_EQUAL(entries_outside(), 1);
    CU_ASSERT_EQUAL(journal_counts(journal).entries, 1);
    journal_close(journal);
    journal = must_open();
    CU_ASSERT_EQUAL(journal_counts(journal).entries, 1);
    CU_ASSERT_EQUAL(entries_outside(), 1);
    journal_close(journal);
}

/* ---- who may write -------------------------------------------------------*/

static void one_process_has_it(void)
{
    char who[40];
    begin_anew();
    struct journal *journal = must_open();
    struct holder *other = holder_take(file, 0, why, sizeof why);
    CU_ASSERT_PTR_NULL(other);
    snprintf(who, sizeof who, "process %d on ", (int)getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(why, who));
    journal_close(journal);
    other = holder_take(file, 0, why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL(other);
    holder_leave(other);
}

/* As by another launch on a file system that forgets locks. */
static void raise_generation(void)
{
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, "unix-none"),
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
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, size_of(1));
    wait_settled(journal);
    raise_generation();
    keep(journal, 2, size_of(2));
    keep(journal, 3, LARGE);
    wait_settled(journal);
    CU_ASSERT(journal_is_broken(journal));
    CU_ASSERT_EQUAL(look(journal, 2, size_of(2)), ABSENT);
    journal_close(journal);
    journal = must_open();
    CU_ASSERT_EQUAL(look(journal, 1, size_of(1)), RIGHT);
    CU_ASSERT_EQUAL(look(journal, 2, size_of(2)), ABSENT);
    CU_ASSERT_EQUAL(look(journal, 3, LARGE), ABSENT);
    journal_close(journal);
}

static void a_full_disk_loses_nothing_committed(void)
{
    struct rlimit before, small;
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, size_of(1));
    wait_settled(journal);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 64 << 10;
    setrlimit(RLIMIT_FSIZE, &small);
    keep(journal, 2, 100000);
    wait_settled(journal);
    setrlimit(RLIMIT_FSIZE, &before);
    CU_ASSERT(journal_is_broken(journal));
    CU_ASSERT_EQUAL(look(journal, 1, size_of(1)), RIGHT);
    keep(journal, 3, size_of(3));
    CU_ASSERT(journal_is_settled(journal));
    journal_close(journal);
    journal = must_open();
    CU_ASSERT_EQUAL(look(journal, 1, size_of(1)), RIGHT);
    CU_ASSERT_EQUAL(look(journal, 2, 100000), ABSENT);
    journal_close(journal);
}

static void a_full_disk_leaves_no_half_file(void)
{
    struct rlimit before, small;
    begin_anew();
    struct journal *journal = must_open();
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_FSIZE, &small);
    keep(journal, 1, 2 * LARGE);
    wait_settled(journal);
    setrlimit(RLIMIT_FSIZE, &before);
    CU_ASSERT(journal_is_broken(journal));
    journal_close(journal);
    shell("test -z \"$(ls -A \"$1.values\")\"", file);
}

/* ---- what is not a journal, or not whole ---------------------------------*/

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    if (!out || fwrite(bytes, 1, size, out) != size || fclose(out)) abort();
}

static unsigned char *read_file(const char *path, size_t *size)
{
    struct stat state;
    FILE *in = fopen(path, "r");
    if (!in || fstat(fileno(in), &state)) abort();
    *size = (size_t)state.st_size;
    unsigned char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, in) != *size) abort();
    fclose(in);
    return bytes;
}

static bool file_is(const void *bytes, size_t size)
{
    size_t now_size;
    unsigned char *now = read_file(file, &now_size);
    bool same = now_size == size && !memcmp(now, bytes, size);
    free(now);
    return same;
}

/* SQL makes a database that is refused, and stays as it is. */
static void check_database(const char *sql, const char *word)
{
    sqlite3 *db;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(file, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    unsigned char *bytes = read_file(file, &size);
    check_refused(word);
    CU_ASSERT(file_is(bytes, size));
    free(bytes);
}

static void what_is_not_ours_stays_as_it_is(void)
{
    static const char text[] = "the only copy of my thesis\n";
    begin_anew();
    write_file(file, text, sizeof text);
    check_refused("is not a journal");
    CU_ASSERT(file_is(text, sizeof text));
    shell("test ! -e \"$1.lock\"", file);
    begin_anew();
    check_database("CREATE TABLE a (b)", "is not a journal");
    make_small();
    check_database("PRAGMA user_version = 7", "has format 7");
    make_small();
    check_database("UPDATE journal SET program = 'other'",
                   "belongs to the program 'other'");
    make_small();
    check_database("DELETE FROM value WHERE id = 2", "is damaged");
    make_small();
    check_database("DROP TABLE value", "is damaged");
}

static void names_that_cannot_be_files_are_refused(void)
{
    begin_anew();
    CU_ASSERT_PTR_NULL(journal_open("/", why, sizeof why));
    CU_ASSERT_PTR_NULL(journal_open("/no/such/folder/f", why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "make it first"));
    mkdir(file, 0777);
    check_refused("cannot be opened");
    rmdir(file);
}

static void an_empty_file_is_begun_unless_values_were_lost(void)
{
    begin_anew();
    write_file(file, "", 0);
    journal_close(must_open());
    make_small();
    write_file(file, "", 0);
    check_refused("is empty though 6 values were recorded");
    CU_ASSERT(file_is("", 0));
    unlink(file);
    struct journal *journal = must_open();
    CU_ASSERT_EQUAL(count_right(journal), 0);
    journal_close(journal);
}

/* The journal is BYTES now: it is refused and stays so, or gives no wrong
 * value. */
static bool is_harmless(const unsigned char *bytes, size_t size)
{
    shell("rm -f \"$1.lock\"",
          file); /* it is not to tell that values are lost */
    write_file(file, bytes, size);
    struct journal *journal = open_journal();
    if (!journal) return *why && !strchr(why, '\n') && file_is(bytes, size);
    bool good = true;
    for (uint64_t i = 0; i < VALUES; i++)
        good &= look(journal, i, size_of(i)) != WRONG;
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
    make_small();
    unsigned char *bytes = read_file(file, &size);
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
    make_small();
    unsigned char *bytes = read_file(file, &size);
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
        sqlite3_open(file, &db);
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
    begin_anew();
    struct journal *journal = must_open();
    for (uint64_t i = 0; i < MANY; i++) keep(journal, i, MANY_BYTES);
    journal_close(journal);
}

static size_t count_many(struct journal *journal, enum outcome outcome)
{
    size_t sum = 0;
    for (uint64_t i = 0; i < MANY; i++)
        sum += look(journal, i, MANY_BYTES) == outcome;
    return sum;
}

static void half_a_commit_is_rolled_back(void)
{
    struct stat state;
    char rest[PATH_BYTES + 8];
    make_many();
    leave_half_a_commit();
    snprintf(rest, sizeof rest, "%s-journal", file);
    CU_ASSERT(!stat(rest, &state) && state.st_size > MANY * MANY_BYTES / 2);
    struct journal *journal = must_open();
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
    snprintf(rest, sizeof rest, "%s-journal", file);
    unsigned char *bytes = read_file(file, &size);
    unsigned char *rest_bytes = read_file(rest, &rest_size);
    check_limit(600);
    for (size_t at = 0; at < rest_size; at += 11 * stride()) {
        write_file(file, bytes, size);
        rest_bytes[at] ^= (unsigned char)(1u << at % 8);
        write_file(rest, rest_bytes, at % 3 ? rest_size : at);
        rest_bytes[at] ^= (unsigned char)(1u << at % 8);
        struct journal *journal = open_journal();
        if (journal) wrong += count_many(journal, WRONG);
        journal_close(journal);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(bytes);
    free(rest_bytes);
}

/* The only file in FILE.values. */
static void find_value_file(char path[2 * PATH_BYTES + 300])
{
    char values[PATH_BYTES + 8];
    snprintf(values, sizeof values, "%s.values", file);
    DIR *dir = opendir(values);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            snprintf(path, 2 * PATH_BYTES + 300, "%s/%s", values,
                     entry->d_name);
    if (dir) closedir(dir);
}

static void a_damaged_value_is_kept_anew(void)
{
    char path[2 * PATH_BYTES + 300] = "";
    size_t size;
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, LARGE);
    journal_close(journal);
    find_value_file(path);
    unsigned char *bytes = read_file(path, &size);
    CU_ASSERT_EQUAL_FATAL(size, LARGE);
    bytes[size / 2] ^= 4;
    write_file(path, bytes, size);
    free(bytes);
    journal = must_open();
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), ABSENT);
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), ABSENT);
    keep(journal, 1, LARGE);
    wait_settled(journal);
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), RIGHT);
    journal_close(journal);
    CU_ASSERT_EQUAL(entries_outside(), 1);
    journal = must_open();
    CU_ASSERT_EQUAL(look(journal, 1, LARGE), RIGHT);
    journal_close(journal);
}

static void what_was_never_recorded_is_swept(void)
{
    char path[2 * PATH_BYTES + 300] = "", name[PATH_BYTES + 80];
    begin_anew();
    struct journal *journal = must_open();
    keep(journal, 1, LARGE);
    journal_close(journal);
    snprintf(name, sizeof name, "%s.values/0123456789abcdef0123456789abcdef.7",
             file);
    write_file(name, "orphan", 6);
    snprintf(name, sizeof name,
             "%s.values/0123456789abcdef0123456789abcdef.8.part", file);
    write_file(name, "half", 4);
    snprintf(name, sizeof name, "%s.values/readme", file);
    write_file(name, "mine", 4);
    journal_close(must_open());
    CU_ASSERT(!unlink(name));
    find_value_file(path);
    CU_ASSERT(!unlink(path));
    shell("rmdir \"$1.values\"", file);
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
    make_folder();
    log_set_level(LOG_ERROR);
    int result = check_run("journal", tests, CHECK_COUNT(tests));
    shell("rm -rf \"$1\"", folder);
    return result;
}
