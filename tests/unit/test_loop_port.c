/* SPDX-License-Identifier: BSD-3-Clause */
/* test_loop_port.c - two ranks in one process: in order, and whole. */
#include "loop_port.h"

#include "check.h"

#include <string.h>

struct listener {
    struct port *port;
    uint64_t heard[32];
    size_t count;
    uint64_t replies; /* that are still to be said when something comes */
    size_t arrived;
};

static void say_number(struct port *port, uint64_t number)
{
    struct msg_key_drop *drop =
        port_say(port, 1 - port->rank, MSG_KEY_DROP, sizeof *drop);
    drop->key = number;
}

static void hear(void *role, int from, const struct message *message)
{
    struct listener *listener = role;
    const struct msg_key_drop *drop = message_body(message);
    CU_ASSERT_EQUAL(message->kind, MSG_KEY_DROP);
    CU_ASSERT_EQUAL(message->bytes, sizeof *message + sizeof *drop);
    CU_ASSERT_EQUAL(from, 1 - listener->port->rank);
    listener->heard[listener->count++] = drop->key;
    if (!listener->replies) return;
    listener->replies--;
    say_number(listener->port, drop->key + 100);
}

static void arrive(void *role, struct port_cookie cookie, struct buffer *buffer)
{
    struct listener *listener = role;
    CU_ASSERT_EQUAL(cookie.id, buffer->size);
    listener->arrived++;
}

static void listen_at(struct loop *loop, struct listener *listener, int rank)
{
    *listener = (struct listener){.port = loop_port(loop, rank)};
    listener->port->client = (struct port_client){listener, hear, arrive};
}

static void messages_arrive_in_order_both_ways(void)
{
    struct loop *loop = loop_new();
    struct listener zero, one;

    listen_at(loop, &zero, 0);
    listen_at(loop, &one, 1);
    CU_ASSERT_FALSE(loop_poll(loop));
    for (uint64_t i = 1; i <= 3; i++) {
        say_number(zero.port, i);
        say_number(one.port, i + 10);
    }
    CU_ASSERT_EQUAL(one.count, 0);
    CU_ASSERT_TRUE(loop_poll(loop));
    for (uint64_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(one.heard[i], i + 1);
        CU_ASSERT_EQUAL(zero.heard[i], i + 11);
    }
    CU_ASSERT_EQUAL(port_heard(zero.port), 3);
    CU_ASSERT_EQUAL(zero.port->sent[1], 3);
    CU_ASSERT_FALSE(loop_poll(loop));
    loop_free(loop);
}

static void what_is_said_meanwhile_is_delivered_too(void)
{
    struct loop *loop = loop_new();
    struct listener zero, one;

    listen_at(loop, &zero, 0);
    listen_at(loop, &one, 1);
    zero.replies = one.replies = 5;
    say_number(zero.port, 1);
    CU_ASSERT_TRUE(loop_poll(loop));
    CU_ASSERT_EQUAL(one.count, 6);
    CU_ASSERT_EQUAL(zero.count, 5);
    CU_ASSERT_EQUAL(one.heard[5], 1001);
    loop_free(loop);
}

static void bulk_arrives_whole(void)
{
    struct loop *loop = loop_new();
    struct listener zero, one;
    struct buffer *out[3], *in[3];
    uint32_t tags[3];

    listen_at(loop, &zero, 0);
    listen_at(loop, &one, 1);
    for (size_t i = 0; i < 3; i++) {
        out[i] = buffer_new(5000 + i);
        in[i] = buffer_new(5000 + i);
        memset(out[i]->data, (int)i + 1, out[i]->size);
        tags[i] = zero.port->calls->bulk_send(zero.port, 1, out[i], 0);
    }
    for (size_t i = 3; i-- > 0;)
        one.port->calls->bulk_receive(one.port, 0, tags[i], in[i],
                                      (struct port_cookie){5000 + i, 0, 0, 0});
    CU_ASSERT_EQUAL(one.arrived, 0);
    CU_ASSERT_TRUE(loop_poll(loop));
    CU_ASSERT_EQUAL(one.arrived, 3);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_FALSE(memcmp(in[i]->data, out[i]->data, out[i]->size));
        CU_ASSERT_EQUAL(in[i]->refs, 1);
        CU_ASSERT_EQUAL(out[i]->refs, 1);
        buffer_unref(in[i]);
        buffer_unref(out[i]);
    }
    loop_free(loop);
}

/* The one record of PORT, a transfer of 5000 bytes for key 7. */
static void check_transfer(const struct port *port, enum trace_kind kind)
{
    size_t count = 0;
    const struct trace_record *record = trace_piece(port->trace, 0, &count);
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_EQUAL(record->kind, kind);
    CU_ASSERT_EQUAL(record->what, 1 - port->rank);
    CU_ASSERT_EQUAL(record->key, 7);
    CU_ASSERT_EQUAL(record->bytes, 5000);
}

static void both_sides_of_a_transfer_are_traced(void)
{
    struct loop *loop = loop_new();
    struct listener zero, one;
    struct buffer *out = buffer_new(5000), *in = buffer_new(5000);

    listen_at(loop, &zero, 0);
    listen_at(loop, &one, 1);
    zero.port->trace = trace_new(1);
    one.port->trace = trace_new(1);
    memset(out->data, 1, out->size);
    uint32_t tag = zero.port->calls->bulk_send(zero.port, 1, out, 7);
    one.port->calls->bulk_receive(one.port, 0, tag, in,
                                  (struct port_cookie){5000, 6, 7, 0});
    CU_ASSERT_TRUE(loop_poll(loop));
    check_transfer(zero.port, TRACE_SEND);
    check_transfer(one.port, TRACE_RECEIVE);
    trace_free(zero.port->trace);
    trace_free(one.port->trace);
    buffer_unref(out);
    buffer_unref(in);
    loop_free(loop);
}

static void loop_with_messages_under_way_can_be_freed(void)
{
    struct loop *loop = loop_new();
    struct listener zero;
    struct buffer *buffer = buffer_new(5000), *room = buffer_new(5000);

    listen_at(loop, &zero, 0);
    say_number(zero.port, 1);
    zero.port->calls->bulk_send(zero.port, 1, buffer, 0);
    uint32_t tag = zero.port->calls->bulk_send(zero.port, 1, buffer, 0);
    struct port *one = loop_port(loop, 1);
    one->calls->bulk_receive(one, 0, tag, room, (struct port_cookie){0});
    loop_free(loop);
    CU_ASSERT_EQUAL(buffer->refs, 1);
    CU_ASSERT_EQUAL(room->refs, 1);
    buffer_unref(buffer);
    buffer_unref(room);
}

static void nothing_passes_after_one_has_forgotten_the_other(void)
{
    struct loop *loop = loop_new();
    struct listener zero, one;

    listen_at(loop, &zero, 0);
    listen_at(loop, &one, 1);
    say_number(one.port, 1);
    loop_poll(loop);
    say_number(one.port, 2);
    port_forget(zero.port, 1);
    say_number(zero.port, 3);
    say_number(one.port, 4);
    loop_poll(loop);
    CU_ASSERT_EQUAL(zero.count, 1);
    CU_ASSERT_EQUAL(one.count, 0);
    CU_ASSERT_EQUAL(port_heard(zero.port), 0); /* of those that live */
    loop_free(loop);
}

int main(void)
{
    static const struct check_test tests[] = {
        {"messages arrive in order both ways",
         messages_arrive_in_order_both_ways},
        {"what is said meanwhile is delivered too",
         what_is_said_meanwhile_is_delivered_too},
        {"bulk arrives whole", bulk_arrives_whole},
        {"both sides of a transfer are traced",
         both_sides_of_a_transfer_are_traced},
        {"loop with messages under way can be freed",
         loop_with_messages_under_way_can_be_freed},
        {"nothing passes after one has forgotten the other",
         nothing_passes_after_one_has_forgotten_the_other},
    };
    return check_run("loop_port", tests, CHECK_COUNT(tests));
}
