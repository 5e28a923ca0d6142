/* SPDX-License-Identifier: BSD-3-Clause */
/* message.h - everything that ranks say to each other.
 *
 * Three lists by receiver, one struct per message. A message is a head, its
 * struct, and for some a tail; it is padded to 8 bytes. Between two ranks
 * messages arrive in the order in which they were said. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes with every change of a struct or a meaning. */
enum { MESSAGE_PROTOCOL = 14 };

/* clang-format off */
/* M(KIND, name) */
#define MESSAGES_TO_ANY(M)                                                     \
    M(ANSWER,      answer)      /* to a request of yours */                    \
    M(CALL,        call)        /* call this function here, now */             \
    M(KEY_VALUE,   key_value)   /* the value that you fetched */

#define MESSAGES_TO_CENTER(M)                                                  \
    M(TASK_DONE,   task_done)   /* worker: this key's value exists here */     \
    M(TASK_LEFT,   task_left)   /* worker: it uses its inputs no more */       \
    M(TASK_MOVED,  task_moved)  /* worker: I gave this task to that one */     \
    M(KEY_HELD,    key_held)    /* worker: a peer has stored this here */      \
    M(ASK_HOLDERS, ask_holders) /* worker: who holds this key? */              \
    M(ASK_WORKERS, ask_workers) /* worker: which workers are there? */         \
    M(ASK_DROP,    ask_drop)    /* worker: that rank may drop its copy */      \
    M(CONSTANT_HELD, constant_held) /* worker: this constant is here */        \
    M(TASK_NEW,    task_new)    /* worker: a task of mine submits this */      \
    M(TASK_HERE,   task_here)   /* worker: likewise, and it will run here */   \
    M(TASK_GOES_ON, task_goes_on) /* worker: this task goes on as that one */  \
    M(TASK_WENT_ON, task_went_on) /* worker: the function that said so is over */ \
    M(KEY_RELEASE, key_release) /* worker: my task drops this key */           \
    M(ASK_VALUE,   ask_value)   /* worker: have this value sent to me */       \
    M(KEY_GOT,     key_got)     /* worker: it came */                          \
    M(STUCK,       stuck)       /* worker: I begin no more tasks, too many wait */ \
    M(UNSTUCK,     unstuck)     /* worker: let another one go on */            \
    M(STARVED,     starved)     /* worker: all my tasks wait for others */     \
    M(BLOCKED,     blocked)     /* worker: this task waits for those keys */   \
    M(LOST_HEARD,  lost_heard)  /* worker: that rank is lost; this was there */ \
    M(ECHO,        echo)        /* worker: you heard what I said before */     \
    M(ASK_CURFEW,  ask_curfew)  /* worker: I was told to end */                \
    M(QUIET,       quiet)       /* worker: I ask nobody for anything */        \
    M(STOPPED,     stopped)     /* worker: this is all that I have said */

#define MESSAGES_TO_CUSTODY(M) /* of a worker */                               \
    M(KEY_FETCH,   key_fetch)   /* send me this key, when you have it */       \
    M(KEY_PUT,     key_put)     /* keep this value */                          \
    M(KEY_COPY,    key_copy)    /* center: get yourself a copy */              \
    M(KEY_DROP,    key_drop)    /* center: nobody needs it any more */         \
    M(CONSTANT,    constant)    /* center: this name stands for that key */

#define MESSAGES_TO_WORKER(M)                                                  \
    M(TASK_RUN,    task_run)    /* center, or peer that gives it: run this */  \
    M(GANG,        gang)        /* center: the next task is one of a gang */   \
    M(GANG_READY,  gang_ready)  /* member, to the first: I wait for the gang */\
    M(GANG_GO,     gang_go)     /* the first member: all do */                 \
    M(GANG_OFF,    gang_off)    /* center: it does not begin */                \
    M(CONSTANTS_FORGET, constants_forget) /* center: nobody sees these now */  \
    M(CANCEL,      cancel)      /* center, or peer that gave it: stop this */  \
    M(STEAL,       steal)       /* peer: I have nothing to run */              \
    M(STEAL_NONE,  steal_none)  /* peer: nor do I, but I keep you in mind */   \
    M(STEAL_OFFER, steal_offer) /* peer: ask me again */                       \
    M(ASK_KEYS,    ask_keys)    /* which keys do you hold? */                  \
    M(ASK_ECHO,    ask_echo)    /* center: say ECHO when you hear this */      \
    M(GO_ON,       go_on)       /* center: begin more all the same */          \
    M(WAIT_FAILED, wait_failed) /* center: that task waits in a circle */      \
    M(RANK_LOST,   rank_lost)   /* center: that rank will say nothing more */  \
    M(CURFEW,      curfew)      /* center: the job is to end then */           \
    M(STOP,        stop)        /* center: ask nobody for anything more */     \
    M(COUNT,       count)       /* center: all are quiet, say your last */     \
    M(END,         end)         /* center: when you heard so many, go */

#define MESSAGES(M)                                                            \
    MESSAGES_TO_ANY(M) MESSAGES_TO_CENTER(M) MESSAGES_TO_CUSTODY(M)            \
    MESSAGES_TO_WORKER(M)

enum message_kind {
    MSG_NONE,
    MSG_FRAGMENT, /* the port's own: a piece of a message */
    MSG_NOTE,     /* likewise: see mpi_port.h */
#define M(KIND, name) MSG_##KIND,
    MESSAGES(M)
#undef M
    MSG_KINDS
};
/* clang-format on */

struct message {
    uint32_t bytes; /* with this head, without padding */
    uint32_t kind;
};

static inline const void *message_body(const struct message *message)
{
    return message + 1;
}

static inline size_t message_padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

const char *message_name(unsigned kind);

/* May a message of that KIND wait a little for company? Nobody stands still
 * until it arrives. */
static inline bool message_is_patient(unsigned kind)
{
    return kind == MSG_TASK_DONE || kind == MSG_TASK_MOVED ||
           kind == MSG_KEY_DROP || kind == MSG_CONSTANTS_FORGET ||
           kind == MSG_TASK_HERE || kind == MSG_KEY_RELEASE ||
           kind == MSG_KEY_GOT;
}

/* Bytes that follow: in the tail, or by bulk under a tag, or not at all. */
enum { PAYLOAD_INLINE = 0, PAYLOAD_NONE = 0xffffffff };

struct msg_payload {
    uint64_t bytes;
    uint32_t tag; /* PAYLOAD_INLINE, PAYLOAD_NONE, or a bulk tag */
    uint32_t pad;
};

struct msg_answer {
    uint64_t request;
    uint32_t status; /* a dmpi_status; EFAILED: payload is a dmpi_failure */
    uint32_t pad;
    struct msg_payload payload;
};

struct msg_call {
    uint64_t request;  /* 0: nobody waits for an answer */
    uint32_t function; /* number in the registry */
    uint32_t pad;
    struct msg_payload payload; /* the arguments */
};

struct msg_key_value {
    uint64_t key;
    uint64_t request; /* 0: for the store */
    uint32_t status;  /* EFAILED: payload is a dmpi_failure; ENOKEY; ESIZE */
    uint32_t pad;
    struct msg_payload payload;
};

struct msg_task_done {
    uint64_t key;
    uint64_t bytes;
    uint32_t ns; /* it ran so long; at most 4.29 s is told */
    uint16_t attempt;
    uint16_t status; /* DMPI_OK, DMPI_EFAILED, DMPI_EDEADLINE: it was not begun,
                      * or DMPI_EBUSY: it failed, and uses its inputs until
                      * TASK_LEFT */
};

struct msg_task_left {
    uint64_t key;
};

struct msg_task_went_on { /* only where workers may be lost */
    uint64_t key;
};

struct msg_task_moved { /* tail: keys that I fetched for it and still hold */
    uint64_t key;
    uint32_t to;
    uint32_t inputs; /* keys in the tail */
    uint16_t attempt;
    uint16_t pad[3];
};

struct msg_lost_task {
    uint64_t key;
    uint64_t attempt;
};

struct msg_lost_heard { /* tail: KEYS and HELD x uint64_t, then TASKS and BACK x
                         * struct msg_lost_task */
    uint32_t rank;      /* that is lost */
    uint32_t keys;      /* that the sender waits for */
    uint32_t held;      /* keys that it holds, which the center may not know */
    uint32_t tasks;     /* that peers gave to it, and that have not ended */
    uint32_t back; /* that it does not have any more, see losses_of_rank() */
    uint32_t pad;
};

static inline const uint64_t *
lost_heard_keys(const struct msg_lost_heard *heard)
{
    return (const uint64_t *)(heard + 1);
}

static inline const uint64_t *
lost_heard_held(const struct msg_lost_heard *heard)
{
    return lost_heard_keys(heard) + heard->keys;
}

static inline const struct msg_lost_task *
lost_heard_tasks(const struct msg_lost_heard *heard)
{
    return (const struct msg_lost_task *)(lost_heard_held(heard) + heard->held);
}

static inline const struct msg_lost_task *
lost_heard_back(const struct msg_lost_heard *heard)
{
    return lost_heard_tasks(heard) + heard->tasks;
}

/* Of all of it. */
static inline size_t lost_heard_bytes(const struct msg_lost_heard *heard)
{
    return sizeof *heard +
           sizeof(uint64_t) * ((size_t)heard->keys + heard->held) +
           sizeof(struct msg_lost_task) * ((size_t)heard->tasks + heard->back);
}

struct msg_key_held {
    uint64_t key;
    uint64_t bytes;
    uint64_t request; /* of rank ASKER; 0: nobody waits for an answer */
    uint64_t parent;  /* the task that put it; 0: none did */
    uint32_t asker;
    uint32_t pad;
};

/* A task that a task submits, or (TASK_GOES_ON) that it goes on as. */
struct msg_task_new { /* tail: keys of the inputs, terms if flagged,
                       * arguments, name, resources */
    uint64_t key;
    uint64_t order;  /* see order.h */
    uint64_t parent; /* the task that submits it; TASK_GOES_ON: the attempt that
                      * it was so far */
    uint32_t function;
    uint32_t inputs;
    uint32_t args;  /* bytes; none if the task stays where it is, unless it may
                    * have to run elsewhere after a loss */
    int32_t target; /* wanted rank, 0: none */
    uint8_t flags;  /* RUN_... */
    uint8_t name;   /* bytes, without a NUL */
    uint16_t resources; /* the same */
    uint32_t pad;
};

struct msg_key_release {
    uint64_t key;
    uint64_t later; /* 1: not yet; it will be said again, unless I am lost */
};

struct msg_ask_value {
    uint64_t key;
    uint64_t request; /* 0: for the store */
    uint64_t limit;   /* bytes that the asker has room for */
};

struct msg_key_got {
    uint64_t key;
    uint64_t request; /* as in ASK_VALUE */
};

struct msg_stuck {
    uint64_t pad;
};

struct msg_unstuck {
    uint64_t pad;
};

struct msg_starved {
    uint64_t pad;
};

struct msg_blocked { /* tail: keys that it waits for, all of them */
    uint64_t key;    /* of the task */
    uint64_t wait;   /* number of its wait, on this rank */
    uint32_t keys;
    uint32_t pad;
};

struct msg_echo {
    uint64_t key; /* as in the question */
};

struct msg_ask_holders {
    uint64_t request;
    uint64_t key;
};

struct msg_ask_workers {
    uint64_t request;
};

struct msg_ask_drop {
    uint64_t request;
    uint64_t key;
    uint32_t rank;
    uint32_t pad;
};

/* What one rank counted, for the report. */
struct msg_counts {
    uint64_t tasks_run;
    uint64_t tasks_stolen; /* of those, taken from a peer */
    uint64_t busy_ns;      /* inside task functions */
    uint64_t inputs;       /* of tasks run here */
    uint64_t inputs_local; /* of those, here when the task came */
    uint64_t bytes_to_workers;
    uint64_t bytes_to_center;
    uint64_t keys_held; /* at the end */
    uint64_t spilled;   /* bytes of values written to disk */
    uint64_t read_back; /* and read from there */
    uint64_t messages;  /* said */
    uint64_t envelopes; /* sent */
};

struct msg_stopped { /* tail: PEERS x struct msg_heard */
    struct msg_counts counts;
    uint32_t peers;
    uint32_t pad;
};

struct msg_heard {
    uint32_t rank;
    uint32_t pad;
    uint64_t messages; /* that I said to that rank */
};

struct msg_input {
    uint64_t key;
    uint32_t owner;   /* the rank to fetch it from */
    uint16_t flags;   /* to fetch it with: FETCH_FOLLOW or 0 */
    uint16_t attempt; /* the same, see struct msg_key_fetch */
};

/* Options that few tasks have. Behind them: ids x struct msg_resource, padded. */
struct msg_terms {
    uint64_t timeout_ns; /* of one run; 0: none */
    uint64_t needs_ns;   /* of the job's time, or it is not begun */
    uint64_t epoch;      /* of constants; 0: it has none */
    uint16_t retries;    /* it may fail so many times before that is its end */
    uint16_t tried;      /* and has failed so many times */
    uint16_t cores;      /* that it wants; 0: it does not say */
    uint16_t node;       /* 1 + the wanted one's number; 0: none */
    uint32_t ticket;     /* the center's, see demands.h; 0: none */
    uint16_t ids;        /* of resources that it holds while it runs */
    uint16_t pad;
    uint64_t seed;         /* of its random numbers; 0: it draws none */
    uint64_t number;       /* in its submission, if it has a seed */
    uint64_t output_bytes; /* that it will put out; 0: it does not say */
};

/* One of a resource that the task has to itself. */
struct msg_resource {
    uint16_t kind; /* its number in struct supply */
    uint16_t id;
};

static inline const struct msg_resource *
terms_ids(const struct msg_terms *terms)
{
    return (const struct msg_resource *)(terms + 1);
}

static inline size_t terms_bytes(const struct msg_terms *terms)
{
    return sizeof *terms +
           message_padded(terms->ids * sizeof(struct msg_resource));
}

enum {
    RUN_PINNED = 1,    /* not to be given away */
    RUN_TERMS = 2,     /* there are terms */
    RUN_NODE = 4,      /* not to be given to another node */
    RUN_GANG = 8,      /* when all members are there; GANG came before it */
    RUN_ISOLATED = 16, /* in an executor, whatever DISTMPI_ISOLATE says */
    RUN_BARE = 32,     /* not in one, likewise */
    RUN_VOID = 64      /* not: an input is an error. It holds no resources */
};

struct msg_task_run { /* tail: inputs, terms if flagged, arguments, name */
    uint64_t key;
    uint64_t order; /* see order.h */
    uint32_t function;
    uint32_t inputs;
    uint32_t args; /* bytes */
    uint16_t attempt;
    uint8_t flags;
    uint8_t name; /* bytes, without a NUL */
};

struct msg_gang {   /* tail: the members' ranks, uint32_t, by index */
    uint64_t start; /* its number, of all that the center makes; from 1 */
    uint32_t comm;  /* number of their communicator; 0: do not keep it */
    uint32_t index; /* of the receiver */
    uint32_t size;  /* members */
    uint32_t pad;
};

struct msg_gang_ready {
    uint64_t start;
    uint32_t status; /* of an input that is an error there: it cannot run; 0 */
    uint32_t pad;
};

struct msg_gang_go {
    uint64_t start;
    uint32_t status; /* of one that cannot run, so none does; 0: all do */
    uint32_t pad;
};

struct msg_gang_off {
    uint64_t start;
};

enum {
    FETCH_NOW = 1,    /* do not wait for a value that is not there */
    FETCH_FOLLOW = 2, /* if you gave its task away, pass this on to the thief */
    FETCH_AGAIN = 4,  /* (KEY_COPY) an earlier fetch may be lost: say another */
    FETCH_BEHIND = 8  /* peers pass it on: it has gone behind its task so far */
};

struct msg_key_fetch {
    uint64_t key;
    uint64_t request; /* 0: for the store */
    uint64_t limit;   /* bytes that the asker has room for */
    uint16_t flags;
    uint16_t attempt; /* to FOLLOW its task: not a way of an earlier attempt */
    uint32_t asker;   /* the rank to answer */
};

struct msg_key_put {
    uint64_t key;
    uint64_t request; /* 0: the center said it and knows */
    uint64_t parent;  /* the task that puts it; 0: none does */
    uint32_t status;  /* EFAILED: payload is a dmpi_failure */
    uint32_t pad;
    struct msg_payload payload;
};

struct msg_key_copy {
    uint64_t key;
    uint64_t request; /* 0: no answer is wanted */
    uint32_t owner;   /* 0: nobody has it, or ever will */
    uint16_t flags;   /* to fetch it with: FETCH_FOLLOW, FETCH_AGAIN or 0 */
    uint16_t attempt; /* the same, see struct msg_key_fetch */
};

struct msg_key_drop {
    uint64_t key;
};

struct msg_cancel {
    uint64_t key;
};

enum { CONSTANT_NAME_BYTES = 64 /* DMPI_NAME_MAX */ };

struct msg_constant {
    uint64_t epoch; /* that it begins; they come in order */
    uint64_t key;   /* 0: the name stands for nothing */
    uint32_t owner; /* the rank to fetch it from; 0: the payload is it */
    uint32_t pad;
    char name[CONSTANT_NAME_BYTES];
    struct msg_payload payload;
};

struct msg_constants_forget {
    uint64_t epoch; /* the first that tasks may still be of */
};

struct msg_constant_held {
    uint64_t epoch;
};

struct msg_steal {
    uint64_t pad;
};

struct msg_steal_none {
    uint64_t pad;
};

struct msg_steal_offer {
    uint64_t pad;
};

struct msg_ask_keys {
    uint64_t request;
};

struct msg_ask_echo {
    uint64_t key; /* that somebody has named */
};

struct msg_go_on {
    uint64_t pad;
};

struct msg_wait_failed { /* tail: text, with a NUL */
    uint64_t wait;       /* as in BLOCKED */
};

struct msg_rank_lost {
    uint32_t rank;
    uint32_t pad;
};

struct msg_ask_curfew {
    uint64_t signal; /* by which I was */
};

struct msg_curfew {
    uint64_t left_ns; /* until the job's end */
    uint64_t begins;  /* not 0: no task begins any more */
};

struct msg_stop {
    uint64_t status; /* a dmpi_status, which dmpi_open() returns there */
};

struct msg_quiet {
    uint64_t pad;
};

struct msg_count {
    uint64_t pad;
};

struct msg_end {
    uint64_t messages; /* that all others said to you, this one included */
};

_Static_assert(sizeof(struct message) == 8, "wire layout");
_Static_assert(sizeof(struct msg_payload) == 16, "wire layout");
_Static_assert(sizeof(struct msg_answer) == 32, "wire layout");
_Static_assert(sizeof(struct msg_call) == 32, "wire layout");
_Static_assert(sizeof(struct msg_key_value) == 40, "wire layout");
_Static_assert(sizeof(struct msg_task_done) == 24, "wire layout");
_Static_assert(sizeof(struct msg_task_left) == 8, "wire layout");
_Static_assert(sizeof(struct msg_task_went_on) == 8, "wire layout");
_Static_assert(sizeof(struct msg_task_moved) == 24, "wire layout");
_Static_assert(sizeof(struct msg_key_held) == 40, "wire layout");
_Static_assert(sizeof(struct msg_task_new) == 48, "wire layout");
_Static_assert(sizeof(struct msg_key_release) == 16, "wire layout");
_Static_assert(sizeof(struct msg_ask_value) == 24, "wire layout");
_Static_assert(sizeof(struct msg_key_got) == 16, "wire layout");
_Static_assert(sizeof(struct msg_blocked) == 24, "wire layout");
_Static_assert(sizeof(struct msg_ask_holders) == 16, "wire layout");
_Static_assert(sizeof(struct msg_ask_workers) == 8, "wire layout");
_Static_assert(sizeof(struct msg_ask_drop) == 24, "wire layout");
_Static_assert(sizeof(struct msg_stopped) == 104, "wire layout");
_Static_assert(sizeof(struct msg_heard) == 16, "wire layout");
_Static_assert(sizeof(struct msg_input) == 16, "wire layout");
_Static_assert(sizeof(struct msg_resource) == 4, "wire layout");
_Static_assert(sizeof(struct msg_terms) == 64, "wire layout");
_Static_assert(sizeof(struct msg_task_run) == 32, "wire layout");
_Static_assert(sizeof(struct msg_gang) == 24, "wire layout");
_Static_assert(sizeof(struct msg_gang_ready) == 16, "wire layout");
_Static_assert(sizeof(struct msg_gang_go) == 16, "wire layout");
_Static_assert(sizeof(struct msg_gang_off) == 8, "wire layout");
_Static_assert(sizeof(struct msg_key_fetch) == 32, "wire layout");
_Static_assert(sizeof(struct msg_key_put) == 48, "wire layout");
_Static_assert(sizeof(struct msg_key_copy) == 24, "wire layout");
_Static_assert(sizeof(struct msg_key_drop) == 8, "wire layout");
_Static_assert(sizeof(struct msg_constant) == 104, "wire layout");
_Static_assert(sizeof(struct msg_constants_forget) == 8, "wire layout");
_Static_assert(sizeof(struct msg_constant_held) == 8, "wire layout");
_Static_assert(sizeof(struct msg_cancel) == 8, "wire layout");
_Static_assert(sizeof(struct msg_ask_curfew) == 8, "wire layout");
_Static_assert(sizeof(struct msg_curfew) == 16, "wire layout");

#endif
