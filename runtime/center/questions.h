/* SPDX-License-Identifier: BSD-3-Clause */
/* questions.h - what tasks on the workers ask the center for: values of keys.
 *
 * A question goes on to who has the key, or its task; if nobody does yet it waits
 * until the task is placed. With recovery it is kept until the asker has the
 * answer, to be passed on again if who was to answer is lost. */
#ifndef QUESTIONS_H
#define QUESTIONS_H

#include "exchange.h"
#include "scheduler.h"

struct question;

struct questions {
    struct port *port; /* borrowed, like the next two */
    struct exchange *exchange;
    struct scheduler *scheduler; /* with values and catalog */
    struct map parked;           /* key -> those for it; owned */
    struct question **passed_on; /* by rank, with recovery; owned */
};

void questions_fini(struct questions *questions);

/* With recovery: keep what is needed for that. */
void questions_recover(struct questions *questions);

void questions_on_ask(struct questions *questions, int from,
                      const struct msg_ask_value *ask);

/* FROM has its answer. */
void questions_on_got(struct questions *questions, int from,
                      const struct msg_key_got *got);

/* Tasks were placed: answer who asked for them. */
void questions_answer_found(struct questions *questions);

/* RANK is lost: it waits for nothing. */
void questions_lost(struct questions *questions, int rank);

/* RANK waits for the value of KEY, and whom it has asked may be lost: it is told
 * whom to ask, as soon as there is somebody. */
void questions_redirect(struct questions *questions, int rank, uint64_t key);

/* The same for the center's own requests, and all that came while nothing was
 * placed. */
void questions_ask_again(struct questions *questions);

#endif
