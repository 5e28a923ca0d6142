/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.h - what one rank did and when: records of one size in memory.
 *
 * Records are kept in pieces of TRACE_PIECE_BYTES, made as they are needed, in
 * order of their ends. When all pieces are full, or there is no memory, further
 * records are dropped and counted. Not thread safe: a rank records with its
 * token. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
    TRACE_TASK,           /* a task ran */
    TRACE_SKIPPED,        /* it did not, for one of its inputs is an error */
    TRACE_CALL,           /* a call for another rank, on the main thread */
    TRACE_CALL_TICKER,    /* likewise, on the ticker */
    TRACE_SEND,           /* a value by bulk, until it has left */
    TRACE_RECEIVE,        /* likewise, until it is here */
    TRACE_SEND_INLINE,    /* a value in a message */
    TRACE_RECEIVE_INLINE, /* likewise */
    TRACE_IDLE,           /* nothing to do */
    TRACE_APPLICATION,    /* rank 0's own code, outside of the library */
    TRACE_KINDS
};

enum { TRACE_STOLEN = 1, TRACE_FAILED = 2 };

struct trace_record {
    uint64_t begin_ns; /* by clock_ns() of this rank */
    uint64_t ns;       /* how long */
    uint64_t key;      /* of the task or value; 0: none */
    uint64_t bytes;    /* moved; a task: of its inputs; idle: ns it slept */
    uint64_t output;   /* a task: bytes of its value */
    uint32_t what;     /* function by number, or the other rank */
    uint8_t kind;      /* enum trace_kind */
    uint8_t flags;     /* TRACE_STOLEN, TRACE_FAILED */
    uint16_t name;     /* bytes in the records that follow, see trace_name() */
};

_Static_assert(sizeof(struct trace_record) == 48, "wire layout");

enum {
    TRACE_PIECE_BYTES = 1 << 20,
    TRACE_PIECE_RECORDS = TRACE_PIECE_BYTES / sizeof(struct trace_record),
    TRACE_NAME_MAX = 63 /* bytes kept of a name */
};

struct trace_piece {
    struct trace_record *records; /* owned */
    size_t count;
};

struct trace {
    struct trace_record *next, *end; /* room in the last piece */
    struct trace_piece *pieces;      /* owned; room for all */
    size_t count, most;              /* pieces */
    uint64_t dropped;                /* records */
    uint64_t full_ns;                /* when the first dropped one began */
};

/* A recorder of at most MIB pieces. */
struct trace *trace_new(size_t mib);
void trace_free(struct trace *trace);

/* Room for COUNT records in a row, which is free now; NULL: none. */
struct trace_record *trace_room(struct trace *trace, size_t count,
                                uint64_t begin_ns);

/* Keep RECORD. */
static inline void trace_add(struct trace *trace,
                             const struct trace_record *record)
{
    struct trace_record *at = trace->next;
    if (at == trace->end && !(at = trace_room(trace, 1, record->begin_ns)))
        return;
    *at = *record;
    trace->next = at + 1;
}

/* Keep RECORD with NAME, of which SIZE bytes are copied, TRACE_NAME_MAX at
 * most; the record's own field is set here. */
void trace_add_named(struct trace *trace, const struct trace_record *record,
                     const char *name, size_t size);

/* The name kept with RECORD, of RECORD->name bytes, without a NUL; and the
 * records that both take. */
static inline const char *trace_name(const struct trace_record *record)
{
    return (const char *)(record + 1);
}
size_t trace_length(const struct trace_record *record);

/* Piece I of what was kept, NULL behind the last: *COUNT records, borrowed. */
const struct trace_record *trace_piece(const struct trace *trace, size_t i,
                                       size_t *count);

#endif
