/* SPDX-License-Identifier: BSD-3-Clause */
/* test_trace.c - the recorder: what was kept comes back in order, names stay
 * with their records, and what finds no room is counted. */
#include "trace.h"

#include "check.h"

#include <string.h>

static struct trace_record numbered(uint64_t number)
{
    return (struct trace_record){.begin_ns = number,
                                 .ns = 2 * number,
                                 .key = 3 * number,
                                 .bytes = 4 * number,
                                 .output = 5 * number,
                                 .what = (uint32_t)number,
                                 .kind = TRACE_TASK,
                                 .flags = TRACE_STOLEN};
}

static void add(struct trace *trace, uint64_t number)
{
    struct trace_record record = numbered(number);
    trace_add(trace, &record);
}

static void add_named(struct trace *trace, uint64_t number, const char *name)
{
    struct trace_record record = numbered(number);
    trace_add_named(trace, &record, name, strlen(name));
}

static int has_name(const struct trace_record *record, const char *name)
{
    return record->name == strlen(name) &&
           !memcmp(trace_name(record), name, record->name);
}

static size_t kept(const struct trace *trace)
{
    const struct trace_record *records;
    size_t sum = 0, count = 0;
    for (size_t i = 0; (records = trace_piece(trace, i, &count)); i++)
        for (size_t at = 0; at < count; at += trace_length(&records[at])) sum++;
    return sum;
}

static void an_empty_trace_has_no_piece(void)
{
    struct trace *trace = trace_new(4);
    size_t count;
    CU_ASSERT_PTR_NULL(trace_piece(trace, 0, &count));
    CU_ASSERT_EQUAL(trace->dropped, 0);
    trace_free(trace);
    trace_free(NULL);
}

static void records_come_back_in_order(void)
{
    enum { COUNT = 3 * TRACE_PIECE_RECORDS + 7 };
    struct trace *trace = trace_new(4);
    const struct trace_record *records;
    uint64_t next = 0;
    size_t count = 0, wrong = 0;

    for (uint64_t i = 0; i < COUNT; i++) add(trace, i);
    for (size_t i = 0; (records = trace_piece(trace, i, &count)); i++)
        for (size_t k = 0; k < count; k++, next++) {
            struct trace_record wanted = numbered(next);
            wrong += memcmp(&records[k], &wanted, sizeof wanted) != 0;
        }
    CU_ASSERT_EQUAL(next, COUNT);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(trace->dropped, 0);
    trace_free(trace);
}

static void names_stay_with_their_records(void)
{
    char longest[TRACE_NAME_MAX + 1] = "", longer[TRACE_NAME_MAX + 9] = "";
    struct trace *trace = trace_new(1);
    size_t count = 0;

    memset(longest, 'n', sizeof longest - 1);
    memset(longer, 'n', sizeof longer - 1);
    const char *const names[] = {"edge", "", longest, longer, "\"\n"};
    for (size_t i = 0; i < CHECK_COUNT(names); i++)
        add_named(trace, i, names[i]);
    const struct trace_record *at = trace_piece(trace, 0, &count);
    const struct trace_record *end = at + count;
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    for (size_t i = 0; i < CHECK_COUNT(names); i++) {
        CU_ASSERT_EQUAL(at->begin_ns, i);
        CU_ASSERT(has_name(at, names[i] == longer ? longest : names[i]));
        at += trace_length(at);
    }
    CU_ASSERT_PTR_EQUAL(at, end);
    trace_free(trace);
}

/* A name that does not fit into the rest of a piece goes to the next one with
 * its record. */
static void pieces_cut_no_record_from_its_name(void)
{
    struct trace *trace = trace_new(2);
    const struct trace_record *second;
    size_t count = 0;

    for (uint64_t i = 0; i + 1 < TRACE_PIECE_RECORDS; i++) add(trace, i);
    add_named(trace, 77, "edge");
    CU_ASSERT_PTR_NOT_NULL(trace_piece(trace, 0, &count));
    CU_ASSERT_EQUAL(count, TRACE_PIECE_RECORDS - 1);
    second = trace_piece(trace, 1, &count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(second->begin_ns, 77);
    CU_ASSERT(has_name(second, "edge"));
    trace_free(trace);
}

static void what_finds_no_room_is_counted(void)
{
    enum { ROOM = 2 * TRACE_PIECE_RECORDS };
    struct trace *trace = trace_new(2);

    for (uint64_t i = 0; i < ROOM; i++) add(trace, i);
    CU_ASSERT_EQUAL(trace->dropped, 0);
    add(trace, ROOM);
    add_named(trace, ROOM + 1, "edge");
    add(trace, ROOM + 2);
    CU_ASSERT_EQUAL(trace->dropped, 3);
    CU_ASSERT_EQUAL(trace->full_ns, ROOM);
    CU_ASSERT_EQUAL(kept(trace), ROOM);
    CU_ASSERT_EQUAL(trace->count, 2);
    trace_free(trace);
}

/* At the very end a named record does not fit, a plain one still does. */
static void the_last_room_is_used(void)
{
    struct trace *trace = trace_new(1);

    for (uint64_t i = 0; i + 1 < TRACE_PIECE_RECORDS; i++) add(trace, i);
    add_named(trace, 1, "edge");
    CU_ASSERT_EQUAL(trace->dropped, 1);
    add(trace, 2);
    CU_ASSERT_EQUAL(trace->dropped, 1);
    CU_ASSERT_EQUAL(kept(trace), TRACE_PIECE_RECORDS);
    trace_free(trace);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"an empty trace has no piece", an_empty_trace_has_no_piece},
        {"records come back in order", records_come_back_in_order},
        {"names stay with their records", names_stay_with_their_records},
        {"pieces cut no record from its name",
         pieces_cut_no_record_from_its_name},
        {"what finds no room is counted", what_finds_no_room_is_counted},
        {"the last room is used", the_last_room_is_used},
    };
    return check_run("trace", tests, CHECK_COUNT(tests));
}
