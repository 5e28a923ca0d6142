/* SPDX-License-Identifier: BSD-3-Clause */
/* test_inbox.c - envelopes that are right are heard, all others are refused. */
#include "inbox.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "distmpi/pool.h"

enum { RANKS = 4, FUNCTIONS = 2, BYTES = 4000, NOTE_BYTES = 8 };

static struct port port;
static struct inbox inbox;
static uint64_t envelope[BYTES / 8];
static size_t used;
static unsigned heard, notes, last_kind;
static uint32_t last_bytes;

static void hear(void *role, int from, const struct message *message)
{
    heard++;
    last_kind = message->kind;
    last_bytes = message->bytes;
}

static void hear_note(void *arg, int from, const void *note)
{
    notes++;
}

static void begin(int rank)
{
    port_init(&port, NULL, rank, RANKS);
    port.client = (struct port_client){NULL, hear, NULL};
    inbox_init(&inbox, &port, FUNCTIONS);
    inbox.note = hear_note;
    inbox.note_bytes = NOTE_BYTES;
    heard = notes = last_kind = 0;
    used = 0;
}

static void end(void)
{
    inbox_fini(&inbox);
    port_fini(&port);
}

/* A message with a body of BYTES, all zero. */
static void *put(unsigned kind, size_t bytes)
{
    struct message *message = (struct message *)((char *)envelope + used);
    size_t whole = sizeof *message + bytes;
    memset(message, 0, message_padded(whole));
    *message = (struct message){(uint32_t)whole, kind};
    used += message_padded(whole);
    return message + 1;
}

static const char *take(void)
{
    unsigned kind;
    size_t size = used;
    used = 0;
    return inbox_take(&inbox, 2, (const char *)envelope, size, &kind);
}

static void refused(const char *word)
{
    unsigned before = heard;
    const char *wrong = take();
    CU_ASSERT_PTR_NOT_NULL_FATAL(wrong);
    if (!strstr(wrong, word)) CU_FAIL("refused for another reason");
    CU_ASSERT_EQUAL(heard, before);
}

static void taken(unsigned count)
{
    heard = 0;
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT_EQUAL(heard, count);
}

/* ---- envelopes -----------------------------------------------------------*/

static void all_messages_of_an_envelope_are_heard(void)
{
    begin(1);
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    put(MSG_NOTE, NOTE_BYTES);
    put(MSG_CANCEL, sizeof(struct msg_cancel));
    taken(2);
    CU_ASSERT_EQUAL(notes, 1);
    CU_ASSERT_EQUAL(port.heard[2], 2);
    taken(0);
    end();
}

static void message_that_does_not_fit_its_envelope_is_refused(void)
{
    begin(1);
    struct message *message = (struct message *)envelope;
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    message->bytes += 8;
    refused("envelope");
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    message->bytes = UINT32_MAX;
    refused("envelope");
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    message->bytes = 7;
    refused("envelope");
    put(MSG_KEY_DROP, 0);
    used = 4;
    refused("head");
    put(MSG_NOTE, NOTE_BYTES + 1);
    refused("note");
    CU_ASSERT_EQUAL(notes, 0);
    end();
}

static void nothing_is_heard_of_a_lost_rank(void)
{
    begin(1);
    port.lost[2] = true;
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    taken(0);
    end();
}

/* ---- fragments -----------------------------------------------------------*/

static void put_fragment(const void *whole, uint32_t total, uint32_t at,
                         uint32_t bytes)
{
    struct inbox_fragment *fragment =
        put(MSG_FRAGMENT, sizeof *fragment + bytes);
    fragment->total = total;
    memcpy(fragment + 1, (const char *)whole + at, bytes);
}

static void fragments_are_put_together(void)
{
    enum { KEYS = 9000, PIECE = 3000 };
    size_t bytes = sizeof(struct message) + sizeof(struct msg_task_moved) +
                   KEYS * sizeof(uint64_t);
    struct message *whole = calloc(1, bytes);
    struct msg_task_moved *moved = (struct msg_task_moved *)(whole + 1);
    *whole = (struct message){(uint32_t)bytes, MSG_TASK_MOVED};
    *moved = (struct msg_task_moved){.to = 1, .inputs = KEYS};
    begin(0);
    for (uint32_t at = 0; at < bytes; at += PIECE) {
        uint32_t rest = (uint32_t)bytes - at;
        put_fragment(whole, (uint32_t)bytes, at, rest < PIECE ? rest : PIECE);
        taken(rest <= PIECE);
    }
    CU_ASSERT_EQUAL(last_kind, MSG_TASK_MOVED);
    CU_ASSERT_EQUAL(last_bytes, bytes);
    end();
    free(whole);
}

static void fragments_that_do_not_fit_are_refused(void)
{
    static const uint64_t zeros[16];
    begin(1);
    put_fragment(zeros, 64, 0, 0);
    refused("nothing");
    put_fragment(zeros, 4, 0, 8);
    refused("no message");
    put_fragment(zeros, 64, 0, 32);
    taken(0);
    put_fragment(zeros, 72, 32, 8);
    refused("before");
    inbox_forget(&inbox, 2);
    put_fragment(zeros, 64, 0, 32);
    put_fragment(zeros, 64, 0, 40);
    refused("before");
    inbox_forget(&inbox, 2);
    put_fragment(zeros, 16, 0, 16);
    refused("another");
    put_fragment(zeros, UINT32_MAX, 0, 100);
    taken(0); /* what is to come is believed when it comes */
    end();
}

/* ---- messages ------------------------------------------------------------*/

static void message_of_a_stranger_is_refused(void)
{
    begin(1);
    put(MSG_NONE, 0);
    refused("not for this rank");
    put(MSG_KINDS, 8);
    refused("no such message");
    put(MSG_TASK_DONE, sizeof(struct msg_task_done)); /* it is the center's */
    refused("not for this rank");
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop) - 1);
    refused("short");
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop) + 1);
    refused("long");
    end();
    begin(0);
    put(MSG_KEY_DROP, sizeof(struct msg_key_drop));
    refused("not for this rank");
    put(MSG_TASK_DONE, sizeof(struct msg_task_done));
    taken(1);
    end();
}

static struct msg_task_run *put_run(uint32_t inputs, uint8_t flags,
                                    size_t extra)
{
    struct msg_task_run *run =
        put(MSG_TASK_RUN, sizeof *run + inputs * sizeof(struct msg_input) +
                              (flags ? sizeof(struct msg_terms) : 0) + extra);
    *run = (struct msg_task_run){.inputs = inputs, .flags = flags};
    return run;
}

static void task_with_another_tail_is_refused(void)
{
    begin(1);
    put_run(2, RUN_TERMS, 5)->args = 5;
    taken(1);
    put_run(2, RUN_TERMS, 5)->args = 6;
    refused("tail");
    put_run(2, 0, 3)->name = 2;
    refused("tail");
    put_run(2, 0, 0)->inputs = UINT32_MAX;
    refused("tail");
    put_run(0, 0, 0)->flags = RUN_TERMS;
    refused("tail");
    struct msg_terms *terms =
        (struct msg_terms *)(put_run(0, RUN_TERMS, 8) + 1);
    terms->ids = 2;
    taken(1);
    terms = (struct msg_terms *)(put_run(0, RUN_TERMS, 8) + 1);
    terms->ids = 3;
    refused("tail");
    put_run(0, 0, 0)->function = FUNCTIONS;
    refused("function");
    struct msg_input *inputs = (struct msg_input *)(put_run(2, 0, 0) + 1);
    inputs[1].owner = RANKS;
    refused("rank");
    end();
}

static void payload_that_is_not_there_is_refused(void)
{
    begin(1);
    struct msg_key_value *value = put(MSG_KEY_VALUE, sizeof *value + 8);
    value->payload.bytes = 8;
    taken(1);
    value = put(MSG_KEY_VALUE, sizeof *value + 8);
    value->payload.bytes = 9;
    refused("tail");
    value = put(MSG_KEY_VALUE, sizeof *value);
    value->payload = (struct msg_payload){.bytes = 1 << 20, .tag = 7};
    taken(1);
    value = put(MSG_KEY_VALUE, sizeof *value);
    value->payload = (struct msg_payload){.bytes = 0, .tag = 7};
    refused("tail");
    value = put(MSG_KEY_VALUE, sizeof *value);
    value->payload = (struct msg_payload){.bytes = 1 << 20, .tag = 1 << 20};
    refused("tag");
    value = put(MSG_KEY_VALUE, sizeof *value + 8);
    value->status = DMPI_EFAILED;
    value->payload.bytes = 8;
    refused("error");
    value = put(MSG_KEY_VALUE, sizeof *value + sizeof(dmpi_failure));
    value->status = DMPI_EFAILED;
    value->payload.bytes = sizeof(dmpi_failure);
    taken(1);
    value = put(MSG_KEY_VALUE, sizeof *value + sizeof(dmpi_failure));
    value->status = DMPI_EFAILED;
    value->payload.bytes = sizeof(dmpi_failure);
    memset(((dmpi_failure *)(value + 1))->text, 'x', DMPI_TEXT_MAX);
    refused("error");
    end();
}

static void gang_of_strangers_is_refused(void)
{
    begin(1);
    for (uint32_t last = 1; last <= RANKS; last++) {
        struct msg_gang *gang = put(MSG_GANG, sizeof *gang + 8);
        *gang = (struct msg_gang){.size = 2, .index = 1};
        ((uint32_t *)(gang + 1))[0] = 1;
        ((uint32_t *)(gang + 1))[1] = last;
        if (last < RANKS) taken(1);
        else refused("worker");
    }
    struct msg_gang *gang = put(MSG_GANG, sizeof *gang + 4);
    *gang = (struct msg_gang){.size = 1, .index = 1};
    ((uint32_t *)(gang + 1))[0] = 1;
    refused("member");
    put(MSG_GANG, sizeof *gang);
    refused("member");
    end();
}

static void text_that_does_not_end_is_refused(void)
{
    begin(1);
    put(MSG_WAIT_FAILED, sizeof(struct msg_wait_failed) + 3);
    taken(1);
    put(MSG_WAIT_FAILED, sizeof(struct msg_wait_failed));
    refused("end");
    struct msg_constant *constant = put(MSG_CONSTANT, sizeof *constant);
    constant->payload.tag = PAYLOAD_NONE;
    taken(1);
    constant = put(MSG_CONSTANT, sizeof *constant);
    constant->payload.tag = PAYLOAD_NONE;
    memset(constant->name, 'n', sizeof constant->name);
    refused("end");
    end();
}

int main(void)
{
    static const struct check_test tests[] = {
        {"all messages of an envelope are heard",
         all_messages_of_an_envelope_are_heard},
        {"message that does not fit its envelope is refused",
         message_that_does_not_fit_its_envelope_is_refused},
        {"nothing is heard of a lost rank", nothing_is_heard_of_a_lost_rank},
        {"fragments are put together", fragments_are_put_together},
        {"fragments that do not fit are refused",
         fragments_that_do_not_fit_are_refused},
        {"message of a stranger is refused", message_of_a_stranger_is_refused},
        {"task with another tail is refused",
         task_with_another_tail_is_refused},
        {"payload that is not there is refused",
         payload_that_is_not_there_is_refused},
        {"gang of strangers is refused", gang_of_strangers_is_refused},
        {"text that does not end is refused",
         text_that_does_not_end_is_refused},
    };
    return check_run("inbox", tests, CHECK_COUNT(tests));
}
