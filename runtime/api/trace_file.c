/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_file.c - a line for each event. */
#include "trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"
#include "log.h"
#include "registry.h"

enum { BUFFER_BYTES = 1 << 20 };

/* Threads of a process: the fixed ones, then two for each lane. */
enum { TID_MAIN, TID_TICKER, TID_IDLE, TID_MESSAGES, TID_LANES = 10 };

/* Transfers in one direction: each lane holds some that do not overlap. */
struct lanes {
    uint64_t *ends; /* of the last one in each lane; owned */
    size_t count, capacity;
};

struct trace_file {
    FILE *out; /* owned */
    char *path;
    int rank; /* whose records come; -1: none yet */
    int64_t shift_ns;
    unsigned named;      /* threads of this rank, as bits */
    struct lanes out_of; /* sends */
    struct lanes in_to;  /* receives */
    uint64_t events, dropped;
};

/* ---- pieces of JSON ------------------------------------------------------*/

/* Bytes of the UTF-8 sequence that begins at TEXT, of which there are SIZE; 0:
 * it is none. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    size_t length = *text >= 0xf0   ? 4
                    : *text >= 0xe0 ? 3
                    : *text >= 0xc2 ? 2
                                    : 0;
    if (!length || length > size || *text > 0xf4) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    bool too_long =
        (*text == 0xe0 && text[1] < 0xa0) || (*text == 0xf0 && text[1] < 0x90);
    bool no_character = (*text == 0xed && text[1] >= 0xa0) ||
                        (*text == 0xf4 && text[1] >= 0x90);
    return too_long || no_character ? 0 : length;
}

/* As a string; bytes that are no UTF-8 as if they were Latin-1. */
static void put_string(FILE *out, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    fputc('"', out);
    while (size) {
        size_t length = *at < 0x80 ? 1 : utf8_length(at, size);
        bool plain = length > 1 || (length && *at >= 0x20 && *at != 0x7f);
        if (*at == '"' || *at == '\\') fprintf(out, "\\%c", *at);
        else if (plain) fwrite(at, 1, length, out);
        else fprintf(out, "\\u%04x", *at);
        if (!length) length = 1;
        at += length;
        size -= length;
    }
    fputc('"', out);
}

static void put_time(FILE *out, const char *field, int64_t ns)
{
    uint64_t size = (uint64_t)(ns < 0 ? -ns : ns);
    fprintf(out, ",\"%s\":%s%" PRIu64 ".%03u", field, ns < 0 ? "-" : "",
            size / 1000, (unsigned)(size % 1000));
}

/* An event up to where its own fields begin. */
static void begin_event(struct trace_file *file, char phase, unsigned tid)
{
    fprintf(file->out, "%s{\"ph\":\"%c\",\"pid\":%d,\"tid\":%u",
            file->events++ ? ",\n" : "", phase, file->rank, tid);
}

static void name_something(struct trace_file *file, const char *what,
                           unsigned tid, const char *name)
{
    begin_event(file, 'M', tid);
    fprintf(file->out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    put_string(file->out, name, strlen(name));
    fputs("}}", file->out);
}

/* ---- threads -------------------------------------------------------------*/

static void name_thread(struct trace_file *file, unsigned tid)
{
    static const char *const names[] = {[TID_MAIN] = "tasks",
                                        [TID_TICKER] = "calls beside tasks",
                                        [TID_IDLE] = "idle",
                                        [TID_MESSAGES] = "values in messages"};
    if (file->named & 1u << tid) return;
    file->named |= 1u << tid;
    bool center = file->rank == 0 && tid == TID_MAIN;
    name_something(file, "thread_name", tid,
                   center ? "application" : names[tid]);
}

/* The lane for a transfer, the first that is free since BEGIN. Transfers come
 * in order of their ends, so it is free until END as well. */
static size_t lane_for(struct lanes *lanes, uint64_t begin, uint64_t end)
{
    size_t lane = 0;
    while (lane < lanes->count && lanes->ends[lane] > begin) lane++;
    if (lane == lanes->capacity) {
        lanes->capacity = 2 * lanes->capacity + 8;
        lanes->ends =
            log_realloc(lanes->ends, lanes->capacity * sizeof *lanes->ends);
    }
    lanes->ends[lane] = end;
    return lane;
}

static unsigned lane_thread(struct trace_file *file,
                            const struct trace_record *record)
{
    bool sends = record->kind == TRACE_SEND;
    struct lanes *lanes = sends ? &file->out_of : &file->in_to;
    size_t lane =
        lane_for(lanes, record->begin_ns, record->begin_ns + record->ns);
    unsigned tid = TID_LANES + 2 * (unsigned)lane + !sends;
    if (lane == lanes->count) {
        lanes->count++;
        name_something(file, "thread_name", tid, sends ? "sends" : "receives");
    }
    return tid;
}

/* ---- events --------------------------------------------------------------*/

static int64_t shifted(const struct trace_file *file, uint64_t ns)
{
    return (int64_t)ns + file->shift_ns;
}

static void begin_span(struct trace_file *file, unsigned tid, uint64_t begin,
                       uint64_t ns, const char *category)
{
    begin_event(file, 'X', tid);
    put_time(file->out, "ts", shifted(file, begin));
    put_time(file->out, "dur", (int64_t)ns);
    fprintf(file->out, ",\"cat\":\"%s\",\"name\":", category);
}

static void begin_instant(struct trace_file *file, unsigned tid, uint64_t ns,
                          const char *category)
{
    begin_event(file, 'i', tid);
    put_time(file->out, "ts", shifted(file, ns));
    fprintf(file->out, ",\"s\":\"t\",\"cat\":\"%s\",\"name\":", category);
}

static void put_function(FILE *out, uint32_t index)
{
    const char *name = registry_at(index)->name;
    put_string(out, name, strlen(name));
}

static void put_key(FILE *out, const char *before, uint64_t key)
{
    fprintf(out, "%s\"key\":\"%d:%" PRIu64 "\"", before, key_rank(key),
            key_counter(key));
}

static void add_task(struct trace_file *file, const struct trace_record *record)
{
    FILE *out = file->out;
    name_thread(file, TID_MAIN);
    if (record->kind == TRACE_TASK)
        begin_span(file, TID_MAIN, record->begin_ns, record->ns, "task");
    else begin_instant(file, TID_MAIN, record->begin_ns, "skipped");
    put_function(out, record->what);
    put_key(out, ",\"args\":{", record->key);
    fprintf(out, ",\"in\":%" PRIu64 ",\"out\":%" PRIu64, record->bytes,
            record->output);
    if (record->flags & TRACE_STOLEN) fputs(",\"stolen\":true", out);
    if (record->flags & TRACE_FAILED) fputs(",\"failed\":true", out);
    if (record->name) {
        fputs(",\"name\":", out);
        put_string(out, trace_name(record), record->name);
    }
    fputs("}}", out);
}

static void add_call(struct trace_file *file, const struct trace_record *record)
{
    unsigned tid = record->kind == TRACE_CALL ? TID_MAIN : TID_TICKER;
    name_thread(file, tid);
    begin_span(file, tid, record->begin_ns, record->ns, "call");
    put_function(file->out, record->what);
    fprintf(file->out, ",\"args\":{\"from\":%" PRIu64 "%s}}", record->bytes,
            record->flags & TRACE_FAILED ? ",\"failed\":true" : "");
}

/* The rest of a transfer's event. */
static void put_transfer(FILE *out, const struct trace_record *record,
                         bool sends)
{
    fprintf(out, "\"%s %" PRIu32 "\",\"args\":{\"bytes\":%" PRIu64,
            sends ? "to" : "from", record->what, record->bytes);
    if (record->key) put_key(out, ",", record->key);
    fputs("}}", out);
}

/* An arrow from a value's send to its receipt: both ends have this number. It
 * has 53 bits, which are exact in JSON. */
static uint64_t arrow_id(uint64_t key, uint64_t to)
{
    return ((key ^ to << 40) * UINT64_C(0x9e3779b97f4a7c15)) >> 11;
}

static void add_arrow(struct trace_file *file,
                      const struct trace_record *record, unsigned tid)
{
    bool sends = record->kind == TRACE_SEND;
    uint64_t to = sends ? record->what : (uint64_t)file->rank;
    begin_event(file, sends ? 's' : 'f', tid);
    put_time(file->out, "ts", shifted(file, record->begin_ns));
    fprintf(file->out, ",\"cat\":\"arrow\",\"name\":\"value\",\"id\":%" PRIu64,
            arrow_id(record->key, to));
    fputs(sends ? "}" : ",\"bp\":\"e\"}", file->out);
}

static void add_transfer(struct trace_file *file,
                         const struct trace_record *record)
{
    unsigned tid = lane_thread(file, record);
    begin_span(file, tid, record->begin_ns, record->ns, "transfer");
    put_transfer(file->out, record, record->kind == TRACE_SEND);
    if (record->key) add_arrow(file, record, tid);
}

static void add_inline(struct trace_file *file,
                       const struct trace_record *record)
{
    name_thread(file, TID_MESSAGES);
    begin_instant(file, TID_MESSAGES, record->begin_ns, "transfer");
    put_transfer(file->out, record, record->kind == TRACE_SEND_INLINE);
}

/* A rank without work looks around for a while, then sleeps. */
static void add_idle(struct trace_file *file, const struct trace_record *record)
{
    uint64_t spun = record->ns - record->bytes;
    name_thread(file, TID_IDLE);
    if (spun) {
        begin_span(file, TID_IDLE, record->begin_ns, spun, "idle");
        fputs("\"spin\"}", file->out);
    }
    if (record->bytes) {
        begin_span(file, TID_IDLE, record->begin_ns + spun, record->bytes,
                   "idle");
        fputs("\"sleep\"}", file->out);
    }
}

static void add_application(struct trace_file *file,
                            const struct trace_record *record)
{
    name_thread(file, TID_MAIN);
    begin_span(file, TID_MAIN, record->begin_ns, record->ns, "application");
    fputs("\"application\"}", file->out);
}

void trace_file_add(struct trace_file *file, const struct trace_record *records,
                    size_t count)
{
    static void (*const add[TRACE_KINDS])(struct trace_file *,
                                          const struct trace_record *) = {
        [TRACE_TASK] = add_task,
        [TRACE_SKIPPED] = add_task,
        [TRACE_CALL] = add_call,
        [TRACE_CALL_TICKER] = add_call,
        [TRACE_SEND] = add_transfer,
        [TRACE_RECEIVE] = add_transfer,
        [TRACE_SEND_INLINE] = add_inline,
        [TRACE_RECEIVE_INLINE] = add_inline,
        [TRACE_IDLE] = add_idle,
        [TRACE_APPLICATION] = add_application};
    for (size_t i = 0; i < count; i += trace_length(&records[i]))
        add[records[i].kind](file, &records[i]);
}

void trace_file_lacks(struct trace_file *file, uint64_t dropped,
                      uint64_t full_ns)
{
    if (!dropped) return;
    file->dropped += dropped;
    begin_instant(file, TID_MAIN, full_ns, "dropped");
    fprintf(file->out,
            "\"no room for records from here on\","
            "\"args\":{\"dropped\":%" PRIu64 "}}",
            dropped);
}

/* ---- life ----------------------------------------------------------------*/

static struct trace_file *refuse(const char *path, const char *reason,
                                 char *why, size_t why_size)
{
    snprintf(why, why_size,
             "cannot write DISTMPI_TRACE '%.200s': %s: name a file that can be "
             "written",
             path, reason);
    return NULL;
}

/* Some file systems have no locks: then nobody keeps two pools apart. */
static bool lock(int descriptor)
{
    return !flock(descriptor, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK;
}

static bool empty(int descriptor)
{
    struct stat about;
    bool is_device = !fstat(descriptor, &about) && !S_ISREG(about.st_mode);
    return is_device || !ftruncate(descriptor, 0);
}

struct trace_file *trace_file_open(const char *path, char *why, size_t why_size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) return refuse(path, strerror(errno), why, why_size);
    const char *reason = !lock(descriptor)    ? "another pool writes it"
                         : !empty(descriptor) ? strerror(errno)
                                              : NULL;
    if (reason) {
        close(descriptor);
        return refuse(path, reason, why, why_size);
    }
    struct trace_file *file = log_alloc(sizeof *file);
    *file = (struct trace_file){
        .out = fdopen(descriptor, "w"), .path = strdup(path), .rank = -1};
    if (!file->out || !file->path) log_panic("out of memory for a trace");
    setvbuf(file->out, NULL, _IOFBF, BUFFER_BYTES);
    return file;
}

void trace_file_rank(struct trace_file *file, int rank, const char *host,
                     int64_t shift_ns)
{
    char name[128];
    if (file->rank < 0)
        fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", file->out);
    file->rank = rank;
    file->shift_ns = shift_ns;
    file->named = 0;
    file->out_of.count = file->in_to.count = 0;
    snprintf(name, sizeof name, "rank %d, %s, %s", rank,
             rank ? "worker" : "center", host);
    name_something(file, "process_name", 0, name);
    begin_event(file, 'M', 0);
    fprintf(file->out,
            ",\"name\":\"process_sort_index\",\"args\":{\"sort_index\":%d}}",
            rank);
}

bool trace_file_close(struct trace_file *file, char *why, size_t why_size)
{
    if (!file) return true;
    if (file->rank >= 0)
        fprintf(file->out,
                "\n],\"otherData\":{\"version\":\"%s\",\"dropped\":%" PRIu64
                "}}\n",
                DISTMPI_VERSION, file->dropped);
    bool good = !fflush(file->out) && !ferror(file->out);
    if (!good)
        snprintf(why, why_size, "the trace in '%.200s' is not whole: %s",
                 file->path, strerror(errno));
    fclose(file->out);
    free(file->path);
    free(file->out_of.ends);
    free(file->in_to.ends);
    free(file);
    return good;
}
