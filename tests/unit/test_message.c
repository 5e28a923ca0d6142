/* SPDX-License-Identifier: BSD-3-Clause */
/* test_message.c - names of messages, and payloads in them or beside them. */
#include "message.h"

#include "check.h"

#include <string.h>

#include "port.h"

static void every_kind_has_a_name_of_its_own(void)
{
    for (unsigned kind = 0; kind < MSG_KINDS; kind++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(message_name(kind));
        CU_ASSERT_STRING_NOT_EQUAL(message_name(kind), "UNKNOWN");
        for (unsigned other = 0; other < kind; other++)
            CU_ASSERT_STRING_NOT_EQUAL(message_name(kind), message_name(other));
    }
    CU_ASSERT_STRING_EQUAL(message_name(MSG_TASK_RUN), "TASK_RUN");
}

static void what_is_no_kind_has_a_name_too(void)
{
    CU_ASSERT_STRING_EQUAL(message_name(MSG_KINDS), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(message_name(0xffffffff), "UNKNOWN");
}

static void messages_are_padded_to_eight(void)
{
    CU_ASSERT_EQUAL(message_padded(0), 0);
    CU_ASSERT_EQUAL(message_padded(1), 8);
    CU_ASSERT_EQUAL(message_padded(8), 8);
    CU_ASSERT_EQUAL(message_padded(9), 16);
}

static void body_follows_the_head(void)
{
    struct {
        struct message head;
        uint64_t body;
    } message;

    CU_ASSERT_PTR_EQUAL(message_body(&message.head), &message.body);
}

/* ---- payloads, over a port that keeps one --------------------------------*/

static struct buffer *sent; /* by bulk */
static struct port_cookie asked;

static void *say(struct port *port, int to, unsigned kind, size_t bytes)
{
    static uint64_t room[1000];
    return room;
}

static uint32_t bulk_send(struct port *port, int to, struct buffer *buffer,
                          uint64_t key)
{
    sent = buffer_ref(buffer);
    return 77;
}

static void bulk_receive(struct port *port, int from, uint32_t tag,
                         struct buffer *buffer, struct port_cookie cookie)
{
    CU_ASSERT_EQUAL(tag, 77);
    memcpy(buffer->data, sent->data, sent->size);
    asked = cookie;
}

/* Through a message and back. Did it ride in the message? */
static bool pass(size_t size)
{
    static const struct port_calls calls = {say, bulk_send, bulk_receive, NULL};
    struct port port;
    struct buffer *out = buffer_new(size), *in = buffer_new(size + 10);
    struct msg_key_put *put;

    port_init(&port, &calls, 0, 2);
    memset(out->data, 'x', size);
    put = port_say(&port, 1, MSG_KEY_PUT, sizeof *put + payload_tail(out));
    payload_send(&port, 1, &put->payload, out, 7);
    CU_ASSERT_EQUAL(put->payload.bytes, size);
    bool here = payload_receive(&port, 1, &put->payload, in,
                                (struct port_cookie){5, 6, 7, 0});
    CU_ASSERT_EQUAL(in->size, size);
    CU_ASSERT_FALSE(memcmp(in->data, out->data, size));
    CU_ASSERT_EQUAL(payload_tail(out), here ? size : 0);
    CU_ASSERT_EQUAL(port_messages(&port), 1);
    buffer_unref(out);
    buffer_unref(in);
    buffer_unref(sent);
    sent = NULL;
    port_fini(&port);
    return here;
}

static void small_payload_rides_in_the_message(void)
{
    CU_ASSERT_TRUE(pass(0));
    CU_ASSERT_TRUE(pass(1));
    CU_ASSERT_TRUE(pass(PORT_INLINE_MAX));
}

static void large_payload_goes_by_bulk(void)
{
    CU_ASSERT_FALSE(pass(PORT_INLINE_MAX + 1));
    CU_ASSERT_EQUAL(asked.id, 5);
    CU_ASSERT_EQUAL(asked.what, 6);
}

/* What PORT's trace keeps as number I, for KEY. */
static void check_record(const struct port *port, size_t i,
                         enum trace_kind kind, uint64_t key, uint64_t bytes)
{
    size_t count = 0;
    const struct trace_record *records = trace_piece(port->trace, 0, &count);
    CU_ASSERT_FATAL(i < count);
    CU_ASSERT_EQUAL(records[i].kind, kind);
    CU_ASSERT_EQUAL(records[i].what, 1);
    CU_ASSERT_EQUAL(records[i].key, key);
    CU_ASSERT_EQUAL(records[i].bytes, bytes);
    CU_ASSERT_NOT_EQUAL(records[i].begin_ns, 0);
}

static void small_payloads_are_traced(void)
{
    static const struct port_calls calls = {say, bulk_send, bulk_receive, NULL};
    struct port port;
    struct buffer *out = buffer_new(20), *in = buffer_new(20);
    struct msg_key_put *put;

    port_init(&port, &calls, 0, 2);
    port.trace = trace_new(1);
    put = port_say(&port, 1, MSG_KEY_PUT, sizeof *put + payload_tail(out));
    memset(out->data, 'x', 20);
    payload_send(&port, 1, &put->payload, out, 7);
    CU_ASSERT_TRUE(payload_receive(&port, 1, &put->payload, in,
                                   (struct port_cookie){5, 6, 9, 0}));
    check_record(&port, 0, TRACE_SEND_INLINE, 7, 20);
    check_record(&port, 1, TRACE_RECEIVE_INLINE, 9, 20);
    buffer_unref(out);
    buffer_unref(in);
    trace_free(port.trace);
    port_fini(&port);
}

static void no_payload_is_told_as_such(void)
{
    struct msg_payload payload;

    CU_ASSERT_EQUAL(payload_tail(NULL), 0);
    payload_send(NULL, 1, &payload, NULL, 0);
    CU_ASSERT_EQUAL(payload.tag, PAYLOAD_NONE);
    payload_none(&payload, 123);
    CU_ASSERT_EQUAL(payload.tag, PAYLOAD_NONE);
    CU_ASSERT_EQUAL(payload.bytes, 123);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"every kind has a name of its own", every_kind_has_a_name_of_its_own},
        {"what is no kind has a name too", what_is_no_kind_has_a_name_too},
        {"messages are padded to eight", messages_are_padded_to_eight},
        {"body follows the head", body_follows_the_head},
        {"small payload rides in the message",
         small_payload_rides_in_the_message},
        {"large payload goes by bulk", large_payload_goes_by_bulk},
        {"small payloads are traced", small_payloads_are_traced},
        {"no payload is told as such", no_payload_is_told_as_such},
    };
    return check_run("message", tests, CHECK_COUNT(tests));
}
