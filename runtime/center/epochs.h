/* SPDX-License-Identifier: BSD-3-Clause */
/* epochs.h - constants at the center: where their bytes are on their way, and
 * which of them unended tasks may still see.
 *
 * Each constant that is set or removed begins an epoch. A task belongs to the
 * epoch of its submission. When no task is left of an epoch and of all before
 * it, and what they set has come everywhere, the workers forget them. */
#ifndef EPOCHS_H
#define EPOCHS_H

#include "table.h"
#include "values.h"

struct epochs {
    struct values *values; /* borrowed; with port and catalog */
    struct table table;    /* of struct epoch, by number */
    uint64_t first, last;  /* of those in the table; last 0: there are none */
    size_t spreading;      /* whose bytes have not come to all workers */
};

void epochs_init(struct epochs *epochs, struct values *values);
void epochs_fini(struct epochs *epochs);

/* From now on NAME stands for BUFFER (a reference is taken while it is sent) on
 * all workers; NULL: for nothing. */
void epochs_begin(struct epochs *epochs, const char *name,
                  struct buffer *buffer);

/* The bytes that epoch NUMBER set have come to FROM, too. */
void epochs_came(struct epochs *epochs, uint64_t number, int from);

/* RANK is lost: nothing has to come there. */
void epochs_lost(struct epochs *epochs, int rank);

/* RANK waits for the bytes of KEY, and whom it has asked may be lost: they are
 * sent to it. False: it is no key of bytes that somebody lacks. */
bool epochs_send_again(struct epochs *epochs, uint64_t key, int rank);

/* A task more of the last epoch, which is there; returns its number. */
uint64_t epochs_enter(struct epochs *epochs);

/* A task more of epoch NUMBER, which has others. */
void epochs_join(struct epochs *epochs, uint64_t number);

/* A task of epoch NUMBER less. */
void epochs_leave(struct epochs *epochs, uint64_t number);

#endif
