/* SPDX-License-Identifier: BSD-3-Clause */
/* inspect.c - a row per kind: who hears it, its struct, and who knows its tail. */
#include "inspect.h"

#include <string.h>

#include "distmpi/pool.h"
#include "port.h"

enum { TO_CENTER = 1, TO_WORKER = 2, TO_ANY = 3, BULK_TAG_MAX = 32767 };

/* TASK_HERE and TASK_GOES_ON have the struct of TASK_NEW. */
#define msg_task_here    msg_task_new
#define msg_task_goes_on msg_task_new

/* What a look at a body finds wrong, or NULL. TAIL: bytes behind the struct. */
typedef const char *look(const struct inspect *inspect, const void *body,
                         size_t tail);

static const char no_rank[] = "there is no such rank";
static const char no_worker[] = "there is no such worker";
static const char no_function[] = "there is no such function";
static const char bad_tail[] = "its tail is not what it says";

static bool is_rank(const struct inspect *inspect, uint32_t rank)
{
    return rank < inspect->ranks;
}

static bool is_worker(const struct inspect *inspect, uint32_t rank)
{
    return rank && rank < inspect->ranks;
}

/* ---- payloads ------------------------------------------------------------*/

static bool ends(const char *text, size_t room)
{
    return memchr(text, 0, room);
}

static bool is_failure(const void *bytes, uint64_t size)
{
    const dmpi_failure *failure = bytes;
    return size == sizeof *failure &&
           ends(failure->host, sizeof failure->host) &&
           ends(failure->function, sizeof failure->function) &&
           ends(failure->name, sizeof failure->name) &&
           ends(failure->text, sizeof failure->text);
}

/* PAYLOAD is the last field of its struct. */
static const char *look_at_payload(const struct msg_payload *payload,
                                   size_t tail)
{
    switch (payload->tag) {
    case PAYLOAD_INLINE:
        return payload->bytes == tail && tail <= PORT_INLINE_MAX ? NULL
                                                                 : bad_tail;
    case PAYLOAD_NONE: return tail ? bad_tail : NULL;
    default:
        if (tail || payload->bytes <= PORT_INLINE_MAX) return bad_tail;
        return payload->tag <= BULK_TAG_MAX ? NULL : "its bulk tag is none";
    }
}

static const char *look_at_outcome(const struct msg_payload *payload,
                                   uint32_t status, size_t tail)
{
    const char *wrong = look_at_payload(payload, tail);
    if (wrong || status != DMPI_EFAILED) return wrong;
    bool is_one = payload->tag == PAYLOAD_INLINE &&
                  is_failure(payload + 1, payload->bytes);
    return is_one ? NULL : "its error is none";
}

static const char *look_at_answer(const struct inspect *inspect,
                                  const void *body, size_t tail)
{
    const struct msg_answer *answer = body;
    return look_at_outcome(&answer->payload, answer->status, tail);
}

static const char *look_at_call(const struct inspect *inspect, const void *body,
                                size_t tail)
{
    const struct msg_call *call = body;
    if (call->function >= inspect->functions) return no_function;
    return look_at_payload(&call->payload, tail);
}

static const char *look_at_key_value(const struct inspect *inspect,
                                     const void *body, size_t tail)
{
    const struct msg_key_value *value = body;
    return look_at_outcome(&value->payload, value->status, tail);
}

static const char *look_at_key_put(const struct inspect *inspect,
                                   const void *body, size_t tail)
{
    const struct msg_key_put *put = body;
    if (put->payload.tag == PAYLOAD_NONE) return "it has no value";
    return look_at_outcome(&put->payload, put->status, tail);
}

static const char *look_at_constant(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_constant *constant = body;
    if (!is_rank(inspect, constant->owner)) return no_rank;
    if (!ends(constant->name, sizeof constant->name))
        return "its name does not end";
    bool here = constant->key && !constant->owner;
    if (here == (constant->payload.tag == PAYLOAD_NONE))
        return "its value is to be here, or not";
    return look_at_payload(&constant->payload, tail);
}

/* ---- lists ---------------------------------------------------------------*/

static const char *look_at_list(uint64_t count, size_t size, size_t tail)
{
    return count * size == tail ? NULL : bad_tail;
}

static const char *look_at_task_moved(const struct inspect *inspect,
                                      const void *body, size_t tail)
{
    const struct msg_task_moved *moved = body;
    if (!is_worker(inspect, moved->to)) return no_worker;
    return look_at_list(moved->inputs, sizeof(uint64_t), tail);
}

static const char *look_at_blocked(const struct inspect *inspect,
                                   const void *body, size_t tail)
{
    const struct msg_blocked *blocked = body;
    return look_at_list(blocked->keys, sizeof(uint64_t), tail);
}

static const char *look_at_gang(const struct inspect *inspect, const void *body,
                                size_t tail)
{
    const struct msg_gang *gang = body;
    const uint32_t *ranks = (const uint32_t *)(gang + 1);
    const char *wrong = look_at_list(gang->size, sizeof *ranks, tail);
    if (!wrong && gang->index >= gang->size) return "there is no such member";
    for (uint32_t i = 0; !wrong && i < gang->size; i++)
        if (!is_worker(inspect, ranks[i])) wrong = no_worker;
    return wrong;
}

static const char *look_at_stopped(const struct inspect *inspect,
                                   const void *body, size_t tail)
{
    const struct msg_stopped *stopped = body;
    const struct msg_heard *heard = (const struct msg_heard *)(stopped + 1);
    const char *wrong = look_at_list(stopped->peers, sizeof *heard, tail);
    for (uint32_t i = 0; !wrong && i < stopped->peers; i++)
        if (!is_worker(inspect, heard[i].rank)) wrong = no_worker;
    return wrong;
}

static const char *look_at_lost_heard(const struct inspect *inspect,
                                      const void *body, size_t tail)
{
    const struct msg_lost_heard *heard = body;
    if (!is_worker(inspect, heard->rank)) return no_worker;
    return look_at_list(1, lost_heard_bytes(heard) - sizeof *heard, tail);
}

static const char *look_at_wait_failed(const struct inspect *inspect,
                                       const void *body, size_t tail)
{
    const char *text = (const char *)body + sizeof(struct msg_wait_failed);
    return tail && !text[tail - 1] ? NULL : "its text does not end";
}

/* ---- tasks ---------------------------------------------------------------*/

/* The tail of a task has INPUTS entries of SIZE bytes, then terms if FLAGS say
 * so, with or without IDS, and REST bytes. */
static const char *look_at_task(const char *tail, size_t bytes, uint32_t inputs,
                                size_t size, uint8_t flags, bool ids,
                                uint64_t rest)
{
    uint64_t whole = (uint64_t)inputs * size;
    if (flags & RUN_TERMS) {
        if (bytes < whole + sizeof(struct msg_terms)) return bad_tail;
        const struct msg_terms *terms = (const void *)(tail + whole);
        if (!ids && terms->ids) return "its terms have ids";
        whole += terms_bytes(terms);
    }
    return whole + rest == bytes ? NULL : bad_tail;
}

static const char *look_at_task_run(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_task_run *run = body;
    const struct msg_input *inputs = (const struct msg_input *)(run + 1);
    if (run->function >= inspect->functions) return no_function;
    const char *wrong =
        look_at_task((const char *)inputs, tail, run->inputs, sizeof *inputs,
                     run->flags, true, (uint64_t)run->args + run->name);
    for (uint32_t i = 0; !wrong && i < run->inputs; i++)
        if (!is_rank(inspect, inputs[i].owner)) wrong = no_rank;
    return wrong;
}

static const char *look_at_task_new(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_task_new *task = body;
    if (task->function >= inspect->functions) return no_function;
    if (!is_rank(inspect, (uint32_t)task->target)) return no_rank;
    return look_at_task((const char *)(task + 1), tail, task->inputs,
                        sizeof(uint64_t), task->flags, false,
                        (uint64_t)task->args + task->name + task->resources);
}

/* ---- ranks ---------------------------------------------------------------*/

static const char *look_at_key_fetch(const struct inspect *inspect,
                                     const void *body, size_t tail)
{
    const struct msg_key_fetch *fetch = body;
    return is_rank(inspect, fetch->asker) ? NULL : no_rank;
}

static const char *look_at_key_copy(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_key_copy *copy = body;
    return is_rank(inspect, copy->owner) ? NULL : no_rank;
}

static const char *look_at_key_held(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_key_held *held = body;
    return is_rank(inspect, held->asker) ? NULL : no_rank;
}

static const char *look_at_ask_drop(const struct inspect *inspect,
                                    const void *body, size_t tail)
{
    const struct msg_ask_drop *ask = body;
    return is_worker(inspect, ask->rank) ? NULL : no_worker;
}

static const char *look_at_rank_lost(const struct inspect *inspect,
                                     const void *body, size_t tail)
{
    const struct msg_rank_lost *lost = body;
    return is_worker(inspect, lost->rank) ? NULL : no_worker;
}

/* ---- the table -----------------------------------------------------------*/

/* Who hears it, and its struct. */
struct row {
    uint16_t heard_by, bytes;
};

static const struct row rows[MSG_KINDS] = {
#define M(KIND, name)                                                          \
    [MSG_##KIND] = {.heard_by = HEARD_BY, .bytes = sizeof(struct msg_##name)},
#define HEARD_BY TO_ANY
    MESSAGES_TO_ANY(M)
#undef HEARD_BY
#define HEARD_BY TO_CENTER
        MESSAGES_TO_CENTER(M)
#undef HEARD_BY
#define HEARD_BY TO_WORKER
            MESSAGES_TO_CUSTODY(M) MESSAGES_TO_WORKER(M)
#undef HEARD_BY
#undef M
};

/* Those with a tail. */
static look *const tails[MSG_KINDS] = {
    [MSG_ANSWER] = look_at_answer,
    [MSG_CALL] = look_at_call,
    [MSG_KEY_VALUE] = look_at_key_value,
    [MSG_KEY_PUT] = look_at_key_put,
    [MSG_CONSTANT] = look_at_constant,
    [MSG_TASK_MOVED] = look_at_task_moved,
    [MSG_BLOCKED] = look_at_blocked,
    [MSG_GANG] = look_at_gang,
    [MSG_STOPPED] = look_at_stopped,
    [MSG_LOST_HEARD] = look_at_lost_heard,
    [MSG_WAIT_FAILED] = look_at_wait_failed,
    [MSG_TASK_RUN] = look_at_task_run,
    [MSG_TASK_NEW] = look_at_task_new,
    [MSG_TASK_HERE] = look_at_task_new,
    [MSG_TASK_GOES_ON] = look_at_task_new,
};

/* Those without one that name a rank. */
static look *const bounds[MSG_KINDS] = {
    [MSG_KEY_FETCH] = look_at_key_fetch, [MSG_KEY_COPY] = look_at_key_copy,
    [MSG_KEY_HELD] = look_at_key_held,   [MSG_ASK_DROP] = look_at_ask_drop,
    [MSG_RANK_LOST] = look_at_rank_lost,
};

const char *inspect_message(const struct inspect *inspect,
                            const struct message *message)
{
    unsigned receiver = inspect->center ? TO_CENTER : TO_WORKER;
    if (message->kind >= MSG_KINDS) return "there is no such message";
    const struct row *row = &rows[message->kind];
    if (!(row->heard_by & receiver)) return "it is not for this rank";
    size_t whole = sizeof *message + row->bytes;
    if (message->bytes < whole) return "it is too short";
    size_t tail = message->bytes - whole;
    const void *body = message_body(message);
    if (tails[message->kind]) return tails[message->kind](inspect, body, tail);
    if (tail) return "it is too long";
    return bounds[message->kind] ? bounds[message->kind](inspect, body, 0)
                                 : NULL;
}
