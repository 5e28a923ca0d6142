/* SPDX-License-Identifier: BSD-3-Clause */
/* lineage.h - what is kept of tasks that have ended, so that their values can
 * be made again when the workers that held them are lost.
 *
 * Each record keeps its spec as long as its key, or any key made of it, may
 * still be needed. A key that the application dropped and no task needs has no
 * value any more: its record is gone for all but the lineage, and goes when the
 * last one made of it does. A value that was put has no spec to make it again;
 * it has an empty one, and stays itself as long as others may be made of it.
 *
 * So a chain x = f(x) whose steps are dropped keeps all its specs, about 150
 * bytes each, and all that was put into it, until its end is dropped. */
#ifndef LINEAGE_H
#define LINEAGE_H

#include "gangs.h"
#include "specs.h"
#include "values.h"

struct lineage {
    struct values *values; /* borrowed, like the next */
    struct specs *specs;   /* traced */
    struct record **due;   /* to be removed; owned */
    size_t due_count, due_room;
    struct gangs *gangs; /* borrowed */
    bool busy;           /* removing */
    size_t gone;
};

/* The function of what was never run. */
#define LINEAGE_NO_FUNCTION UINT32_MAX

void lineage_init(struct lineage *lineage, struct values *values,
                  struct specs *specs, struct gangs *gangs);
void lineage_fini(struct lineage *lineage);

/* SPEC has its inputs: they stay in the lineage. */
void lineage_join(struct lineage *lineage, struct spec *spec);

/* SPEC, which is to be freed, has none any more: its inputs may go. */
void lineage_leave(struct lineage *lineage, struct spec *spec);

/* The parts of GANG stay while one of them may be needed, for each is made again
 * by all. */
void lineage_join_gang(struct lineage *lineage, const struct gang *gang);

/* GANG has been taken out: its parts may go. */
void lineage_leave_gang(struct lineage *lineage, const struct gang *gang);

/* Is GANG, which may be over, needed no more? Then it is taken out, and freed. */
void lineage_look_at_gang(struct lineage *lineage, struct gang *gang);

/* The task of BEFORE goes on as that of SPEC, which has its inputs; BEFORE is
 * left next. */
void lineage_replace(struct lineage *lineage, struct spec *before,
                     struct spec *spec);

/* ERROR is the end of RECORD, whose task was that of SPEC, and did not run; SPEC
 * has been left. */
void lineage_decree(struct lineage *lineage, struct record *record,
                    struct spec *spec, const struct buffer *error);

/* RECORD has a value that no task made: it was put, or STATUS, which is then not
 * DMPI_OK, is its end, which an error value tells. It has no spec. */
void lineage_put(struct lineage *lineage, struct record *record,
                 dmpi_status status);

/* Nobody needs RECORD, which has ended, but perhaps the lineage of others. It
 * may be gone afterwards. */
void lineage_forget(struct lineage *lineage, struct record *record);

/* Is RECORD one of those of which others were made? */
bool lineage_needs(const struct lineage *lineage, const struct record *record);

/* Can RECORD's value be made again by a task? */
bool lineage_has_task(const struct record *record);

/* Records that are there for more than the lineage of others. Costs a look at
 * all. */
size_t lineage_held(const struct lineage *lineage);

/* For tests: all records agree, or it asserts. */
void lineage_check(const struct lineage *lineage);

#endif
