/* SPDX-License-Identifier: BSD-3-Clause */
/* notebook.c - numbered values, and files as bytes. */
#include "notebook.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

char notebook[PATH_BYTES];
char notebook_why[JOURNAL_WHY];
static char folder[PATH_BYTES / 2];

/* In memory, if there is such a folder: syncing costs nothing there. */
void notebook_init(void)
{
    bool shm = !access("/dev/shm", W_OK);
    snprintf(folder, sizeof folder, "%s/journal.XXXXXX",
             shm ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) abort();
    snprintf(notebook, sizeof notebook, "%s/file", folder);
}

void notebook_shell(const char *command, const char *path)
{
    char line[2 * PATH_BYTES];
    snprintf(line, sizeof line, "set -- '%s'; %s", path, command);
    if (system(line)) abort();
}

void notebook_fini(void)
{
    notebook_shell("rm -rf \"$1\"", folder);
}

void notebook_begin_anew(void)
{
    notebook_shell("rm -rf \"$1\"/*", folder);
}

struct journal *notebook_open(void)
{
    *notebook_why = 0;
    return journal_open(notebook, notebook_why, sizeof notebook_why);
}

struct journal *notebook_must_open(void)
{
    struct journal *journal = notebook_open();
    if (!journal) fprintf(stderr, "%s\n", notebook_why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(journal);
    return journal;
}

void notebook_refused(const char *word)
{
    struct journal *journal = notebook_open();
    CU_ASSERT_PTR_NULL(journal);
    CU_ASSERT_PTR_NULL(strchr(notebook_why, '\n'));
    if (!strstr(notebook_why, word))
        CU_FAIL("the reason does not name the mistake");
    journal_close(journal);
}

/* ---- values by number ----------------------------------------------------*/

struct fingerprint notebook_print(uint64_t number)
{
    struct digest *digest = digest_new();
    digest_begin(digest, "test");
    digest_number(digest, number);
    struct fingerprint print = digest_end(digest);
    digest_free(digest);
    return print;
}

size_t notebook_size(uint64_t number)
{
    return number ? 40 * number + 3 : 0;
}

static unsigned char byte_of(uint64_t number, size_t i)
{
    return (unsigned char)(number * 31 + i * 7 + i / 256);
}

void notebook_keep(struct journal *journal, uint64_t number, size_t size)
{
    struct fingerprint print = notebook_print(number);
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

enum outcome notebook_look(struct journal *journal, uint64_t number,
                           size_t size)
{
    struct fingerprint print = notebook_print(number);
    uint64_t bytes = 0;
    if (!journal_has(journal, &print, &bytes)) return ABSENT;
    struct buffer *buffer = journal_read(journal, &print);
    if (!buffer) return ABSENT;
    enum outcome outcome =
        bytes == size && is_value(buffer, number, size) ? RIGHT : WRONG;
    buffer_unref(buffer);
    return outcome;
}

void notebook_settle(struct journal *journal)
{
    const struct timespec nap = {0, 1000000};
    journal_commit(journal);
    while (!journal_is_settled(journal)) nanosleep(&nap, NULL);
}

void notebook_make(void)
{
    notebook_begin_anew();
    struct journal *journal = notebook_must_open();
    for (uint64_t i = 0; i < VALUES; i++)
        notebook_keep(journal, i, notebook_size(i));
    journal_close(journal);
}

size_t notebook_right(struct journal *journal)
{
    size_t right = 0;
    for (uint64_t i = 0; i < VALUES; i++)
        right += notebook_look(journal, i, notebook_size(i)) == RIGHT;
    return right;
}

/* ---- files ---------------------------------------------------------------*/

void notebook_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *out = fopen(path, "w");
    if (!out || fwrite(bytes, 1, size, out) != size || fclose(out)) abort();
}

unsigned char *notebook_read_file(const char *path, size_t *size)
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

bool notebook_is(const void *bytes, size_t size)
{
    size_t now_size;
    unsigned char *now = notebook_read_file(notebook, &now_size);
    bool same = now_size == size && !memcmp(now, bytes, size);
    free(now);
    return same;
}

void notebook_value_file(char path[VALUE_PATH_BYTES])
{
    char values[PATH_BYTES + 8];
    snprintf(values, sizeof values, "%s.values", notebook);
    DIR *dir = opendir(values);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            snprintf(path, VALUE_PATH_BYTES, "%s/%s", values, entry->d_name);
    if (dir) closedir(dir);
}
