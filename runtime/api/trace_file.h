/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_file.h - the records of all ranks as one file in Chrome's Trace Event
 * format, which https://ui.perfetto.dev and chrome://tracing show.
 *
 * Each event is a line. A rank is a process: its tasks are thread 0, transfers
 * that overlap go to threads of their own. Times are microseconds. */
#ifndef TRACE_FILE_H
#define TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace.h"

struct trace_file;

/* Empty the file at PATH, made if need be, and keep it from other pools. NULL:
 * WHY says in one line what is wrong. */
struct trace_file *trace_file_open(const char *path, char *why,
                                   size_t why_size);

/* What is added next was recorded by RANK on HOST; SHIFT_NS is to be added to
 * its times. One rank after the other. */
void trace_file_rank(struct trace_file *file, int rank, const char *host,
                     int64_t shift_ns);

/* COUNT records of that rank, in order of their ends, with their names. */
void trace_file_add(struct trace_file *file, const struct trace_record *records,
                    size_t count);

/* That rank dropped so many more, from FULL_NS on by its clock. */
void trace_file_lacks(struct trace_file *file, uint64_t dropped,
                      uint64_t full_ns);

/* Finish and free it; no rank was added: it stays empty. FILE may be NULL.
 * False: not all could be written, WHY tells. */
bool trace_file_close(struct trace_file *file, char *why, size_t why_size);

#endif
