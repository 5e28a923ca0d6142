/* SPDX-License-Identifier: BSD-3-Clause */
/* notebook.h - a journal in a folder of its own, and values by number to be kept
 * in it, for the tests of runtime/journal. */
#ifndef NOTEBOOK_H
#define NOTEBOOK_H

#include "journal.h"

enum {
    LARGE = (1 << 20) + 1, /* bytes of a value that lies in a file */
    VALUES = 6,            /* of notebook_make() */
    PATH_BYTES = 200,
    VALUE_PATH_BYTES = 700
};

/* The journal's file; why it was refused. */
extern char notebook[PATH_BYTES];
extern char notebook_why[JOURNAL_WHY];

/* Make the folder, and remove it. */
void notebook_init(void);
void notebook_fini(void);

/* Nothing is in the folder. */
void notebook_begin_anew(void);

/* The folder has a journal with VALUES values, notebook_size(i) each. */
void notebook_make(void);

struct journal *notebook_open(void);
struct journal *notebook_must_open(void);

/* It is refused, in one line that has WORD. */
void notebook_refused(const char *word);

/* ---- values by number ----------------------------------------------------*/

struct fingerprint notebook_print(uint64_t number);
size_t notebook_size(uint64_t number); /* 0 for number 0 */
void notebook_keep(struct journal *journal, uint64_t number, size_t size);

/* All that was kept is committed, or never will be. */
void notebook_settle(struct journal *journal);

enum outcome { ABSENT, RIGHT, WRONG };
enum outcome notebook_look(struct journal *journal, uint64_t number,
                           size_t size);

/* How many of the VALUES are as they should be. */
size_t notebook_right(struct journal *journal);

/* ---- files ---------------------------------------------------------------*/

/* Run COMMAND, in which $1 is PATH. */
void notebook_shell(const char *command, const char *path);

void notebook_write_file(const char *path, const void *bytes, size_t size);

/* The caller frees it. */
unsigned char *notebook_read_file(const char *path, size_t *size);

/* Has the journal's file these bytes? */
bool notebook_is(const void *bytes, size_t size);

/* The path of the only file in FILE.values; unchanged if there is none. */
void notebook_value_file(char path[VALUE_PATH_BYTES]);

#endif
