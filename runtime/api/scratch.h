/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.h - the disk of a worker's role: one file without a name, written and
 * read by a thread of its own, so that the loop goes on.
 *
 * The file is made when something is written for the first time, and has no name
 * from then on: whatever ends the process, nothing is left. Room that is given
 * back goes back to the file system. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "disk.h"

struct scratch;

/* Can a file be made in DIRECTORY? */
bool scratch_is_good(const char *directory);

/* In DIRECTORY (copied); "": in TMPDIR, or if that does not work in /tmp. WAKE is
 * called on the other thread when there is something to tell. */
struct scratch *scratch_new(const char *directory, void (*wake)(void *arg),
                            void *arg);

/* The thread ends. What has not begun fails, and the role is told. */
void scratch_stop(struct scratch *scratch);

/* It was stopped; the role forgets what it likes in between. */
void scratch_free(struct scratch *scratch);

struct disk *scratch_disk(struct scratch *scratch);

/* Tell the role what has been done. False: nothing. With the token. */
bool scratch_poll(struct scratch *scratch);

/* Is something under way? */
bool scratch_busy(const struct scratch *scratch);

/* Bytes written so far. */
uint64_t scratch_written(const struct scratch *scratch);

/* Sleep until there is something to tell, for NS at most. */
void scratch_sleep(struct scratch *scratch, uint64_t ns);

#endif
