/* SPDX-License-Identifier: BSD-3-Clause */
/* eyes.h - watches of a random application: each is over once, when its key has
 * ended or is not held any more, and not before. */
#ifndef EYES_H
#define EYES_H

#include "center.h"

enum { EYES_MAX = 64 };

struct eye {
    struct watch watch; /* first */
    bool open;
};

struct eyes {
    struct center *center; /* borrowed */
    struct eye all[EYES_MAX];
    size_t count; /* so far */
    struct watch_list over;
};

/* Watch KEY, if there is room for another eye. */
void eyes_open(struct eyes *eyes, uint64_t key);

/* The owner of number I loses interest. */
void eyes_close(struct eyes *eyes, size_t i);

/* Look at those that are over. NULL, or what is wrong with that of *KEY. */
const char *eyes_look(struct eyes *eyes, uint64_t *key);

/* The same for all, when no task is left: all are over. */
const char *eyes_look_at_all(const struct eyes *eyes, uint64_t *key);

#endif
