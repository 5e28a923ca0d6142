/* SPDX-License-Identifier: BSD-3-Clause */
/* messages.c - targets that hear messages: as they come in envelopes, and at the
 * roles.
 *
 * A role asserts what both sides must know, and a message that is whole may
 * break that: then the assertion, or a record that there is not (a NULL that is
 * looked into), is an answer, and the role is left behind as it is. To read or
 * write anywhere else is none. */
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "center.h"
#include "fuzz.h"
#include "inbox.h"
#include "log.h"
#include "worker.h"

enum {
    RANKS = 4,
    FUNCTIONS = 3,
    ENVELOPE_BYTES = 4000,
    MESSAGES_MAX = 64,
    NULL_PAGE = 4096
};

/* Bytes that are taken one after the other; zeros at the end. */
struct bytes {
    const uint8_t *at;
    size_t left;
};

static void take(struct bytes *bytes, void *to, size_t size)
{
    size_t here = size < bytes->left ? size : bytes->left;
    memset(to, 0, size);
    if (here) memcpy(to, bytes->at, here);
    bytes->at += here;
    bytes->left -= here;
}

static uint8_t take_byte(struct bytes *bytes)
{
    uint8_t byte;
    take(bytes, &byte, 1);
    return byte;
}

/* ---- a port that says nothing to anybody ---------------------------------*/

static void *said; /* the last message; owned */

static void *say(struct port *port, int to, unsigned kind, size_t bytes)
{
    assert(to != port->rank && to >= 0 && to < port->ranks);
    free(said);
    return said = malloc(bytes);
}

static uint32_t bulk_send(struct port *port, int to, struct buffer *buffer,
                          uint64_t key)
{
    return 1;
}

/* It never arrives. */
static void bulk_receive(struct port *port, int from, uint32_t tag,
                         struct buffer *buffer, struct port_cookie cookie)
{
    memset(buffer->data, 1, buffer->size);
}

static void forget(struct port *port, int rank)
{
}

static const struct port_calls calls = {say, bulk_send, bulk_receive, forget};

/* ---- envelopes -----------------------------------------------------------*/

static uint64_t sum; /* so that nothing is read in vain */

static void read_all(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) sum += at[i];
}

static void read_task(const struct message *message)
{
    struct mem mem = {0};
    struct job *job = job_new(&mem, 1, message_body(message));
    read_all(job_terms(job), job_tail(job));
    job_free(&mem, job);
    mem_fini(&mem);
}

static void read_message(void *role, int from, const struct message *message)
{
    const struct inspect *inspect = role;
    assert(inspect->center ? !from || from < RANKS : from < RANKS);
    read_all(message, message->bytes);
    if (message->kind == MSG_TASK_RUN) read_task(message);
}

static void read_note(void *arg, int from, const void *note)
{
    read_all(note, *(uint32_t *)arg);
}

int fuzz_inbox(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    struct port port;
    struct inbox inbox;
    unsigned kind;
    port_init(&port, &calls, take_byte(&bytes) % 2, RANKS);
    inbox_init(&inbox, &port, FUNCTIONS);
    inbox.note = read_note;
    inbox.note_bytes = 24;
    inbox.note_arg = &inbox.note_bytes;
    port.client = (struct port_client){&inbox.inspect, read_message, NULL};
    const char *wrong = NULL;
    while (bytes.left && !wrong) {
        int from = port.rank ? 0 : 1 + take_byte(&bytes) % 2;
        size_t whole = take_byte(&bytes) * 16u % (ENVELOPE_BYTES + 1);
        char *envelope = malloc(whole ? whole : 1);
        take(&bytes, envelope, whole);
        wrong = inbox_take(&inbox, from, envelope, whole, &kind);
        free(envelope);
    }
    inbox_fini(&inbox);
    port_fini(&port);
    return 0;
}

/* ---- roles ---------------------------------------------------------------*/

static sigjmp_buf refused;
static bool may_refuse;

/* The C library's, for assert(). */
_Noreturn void __assert_fail(const char *assertion, const char *file,
                             unsigned line, const char *function)
{
    if (may_refuse) siglongjmp(refused, 1);
    fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function,
            assertion);
    abort();
}

static void on_panic(int code)
{
    if (may_refuse) siglongjmp(refused, 1);
}

static void on_null(int number, siginfo_t *info, void *context)
{
    if (may_refuse && (uintptr_t)info->si_addr < NULL_PAGE)
        siglongjmp(refused, 1);
    signal(number, SIG_DFL); /* and once more */
}

static size_t struct_bytes(unsigned kind)
{
    static const uint16_t sizes[MSG_KINDS] = {
#define msg_task_here    msg_task_new
#define msg_task_goes_on msg_task_new
#define M(KIND, name)    [MSG_##KIND] = sizeof(struct msg_##name),
        MESSAGES(M)
#undef M
    };
    return sizes[kind];
}

/* The next message, in memory of its own; NULL: none. Keys are small numbers of
 * few ranks, so that some are known: from bytes, one for each word. */
static struct message *take_message(struct bytes *bytes)
{
    if (!bytes->left) return NULL;
    unsigned kind = take_byte(bytes) % MSG_KINDS;
    size_t tail = take_byte(bytes) % 96u;
    size_t whole = sizeof(struct message) + struct_bytes(kind) + tail;
    struct message *message = malloc(message_padded(whole));
    assert(message);
    memset(message, 0, message_padded(whole));
    *message = (struct message){(uint32_t)whole, kind};
    unsigned char *at = (unsigned char *)(message + 1);
    for (size_t i = 0; i < whole - sizeof *message; i += 8) {
        uint8_t byte = take_byte(bytes), high = take_byte(bytes);
        at[i] = byte;
        if (i + 4 < whole - sizeof *message) at[i + 4] = high % 16;
        if (high & 128 && i + 6 < whole - sizeof *message)
            at[i + 6] = high >> 4 & 3;
    }
    return message;
}

/* The role at PORT hears all messages. False: it has refused one. */
static bool hear_all(struct port *port, struct bytes *bytes)
{
    struct inspect inspect = {
        .ranks = RANKS, .functions = FUNCTIONS, .center = !port->rank};
    struct message *volatile message = NULL;
    for (int i = 0; i < MESSAGES_MAX; i++) {
        volatile int from = take_byte(bytes) % RANKS;
        if (from == port->rank) from = (from + 1) % RANKS;
        free(message);
        message = take_message(bytes);
        if (!message) return true;
        if (inspect_message(&inspect, message)) continue;
        may_refuse = true;
        if (!sigsetjmp(refused, 1)) {
            port_deliver(port, from, message);
            may_refuse = false;
            continue;
        }
        may_refuse = false;
        free(message);
        return false;
    }
    free(message);
    return true;
}

static void port_begin(struct port *port, int rank)
{
    port_init(port, &calls, rank, RANKS);
    log_on_panic(on_panic);
    struct sigaction action = {.sa_sigaction = on_null,
                               .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
}

/* The role is left as it is: after an assertion nothing is sure any more. */
static void port_end(struct port *port)
{
    port_fini(port);
    free(said);
    said = NULL;
}

int fuzz_worker(const uint8_t *data, size_t size)
{
    static const int nodes[RANKS] = {0}, cores[RANKS] = {1, 1, 1, 1};
    struct bytes bytes = {data, size};
    struct port port;
    port_begin(&port, 1);
    struct worker_setup setup = {
        .nodes = nodes, .cores = cores, .functions = FUNCTIONS, .steal = true};
    struct worker *worker = worker_new(&port, &setup);
    port.client = (struct port_client){worker, worker_receive, worker_arrived};
    hear_all(&port, &bytes);
    port_end(&port);
    return 0;
}

/* A few tasks, so that there is something to be told of. */
static void submit_some(struct center *center, unsigned count)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < count; i++) {
        struct task_order order = {
            .function = 0, .inputs = &last, .input_count = last != 0};
        last = center_submit(center, &order);
    }
    center_settle(center);
}

int fuzz_center(const uint8_t *data, size_t size)
{
    static const dmpi_worker workers[RANKS] = {{.rank = 1, .cores = 1},
                                               {.rank = 2, .cores = 1},
                                               {.rank = 3, .cores = 1}};
    struct bytes bytes = {data, size};
    struct port port;
    struct supply supply;
    char why[200];
    supply_read(&supply, "gpu:1", RANKS, why, sizeof why);
    port_begin(&port, 0);
    unsigned first = take_byte(&bytes);
    struct center_setup setup = {.workers = workers,
                                 .supply = &supply,
                                 .functions = FUNCTIONS,
                                 .window_ns = ROSTER_WINDOW_NS,
                                 .steal = true,
                                 .recover = first & 1};
    struct center *center = center_new(&port, &setup);
    port.client = (struct port_client){center, center_receive, center_arrived};
    submit_some(center, first >> 1 & 7);
    hear_all(&port, &bytes);
    port_end(&port);
    return 0;
}
