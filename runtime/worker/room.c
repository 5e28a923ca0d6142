/* SPDX-License-Identifier: BSD-3-Clause */
/* room.c - three queues, and what the first of each waits for. */
#include "room.h"

#include <assert.h>

struct room_value {
    struct room_value *next;
    uint64_t key;
};

#define TO(stage) (1u << STAGE_##stage)
static const unsigned next_stages[STAGES] = {
    [STAGE_NONE] = TO(WAITS) | TO(BEGUN),
    [STAGE_WAITS] = TO(FIRST) | TO(NONE), /* it was over before */
    [STAGE_FIRST] = TO(LOADS) | TO(MISFIT) | TO(NONE),
    [STAGE_LOADS] = TO(BEGUN) | TO(NONE),
    [STAGE_BEGUN] = TO(NONE),
    [STAGE_MISFIT] = TO(NONE),
};

static void enter(struct job *job, enum room_stage stage)
{
    assert(next_stages[job->stage] >> stage & 1);
    job->stage = (uint8_t)stage;
}

void room_init(struct room *room, struct memory *memory, struct agenda *agenda)
{
    *room = (struct room){.memory = memory, .agenda = agenda};
    room->arrivals_end = &room->arrivals;
    room->values_end = &room->values;
}

/* A worker that is lost may have some who wait. */
void room_fini(struct room *room)
{
    struct arrival *arrival;
    struct room_value *value;
    while ((arrival = room->arrivals)) {
        room->arrivals = arrival->next;
        mem_give(&room->mem, arrival, sizeof *arrival);
    }
    while ((value = room->values)) {
        room->values = value->next;
        mem_give(&room->mem, value, sizeof *value);
    }
    mem_fini(&room->mem);
}

/* ---- what a job takes ----------------------------------------------------*/

static uint64_t declared_output(struct job *job)
{
    return job_has_terms(job) ? job_terms(job)->output_bytes : 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

/* Bytes of all inputs, each counted once. */
static uint64_t input_bytes(struct job *job)
{
    uint64_t bytes = 0;
    struct value **inputs = job_inputs(job);
    for (uint32_t i = 0; i < job->inputs; i++) inputs[i]->seen = false;
    for (uint32_t i = 0; i < job->inputs; i++) {
        if (!inputs[i]->seen) bytes += inputs[i]->buffer->size;
        inputs[i]->seen = true;
    }
    return bytes;
}

/* Bytes of the inputs that are to be read. */
static uint64_t bytes_out(const struct room *room, struct job *job)
{
    uint64_t bytes = 0;
    struct value **inputs = job_inputs(job);
    for (uint32_t i = 0; i < job->inputs; i++) inputs[i]->seen = false;
    for (uint32_t i = 0; i < job->inputs; i++) {
        if (!inputs[i]->seen && memory_is_out(room->memory, inputs[i]))
            bytes += inputs[i]->buffer->size;
        inputs[i]->seen = true;
    }
    return bytes;
}

bool room_has_all(struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++)
        if (job_inputs(job)[i]->away) return false;
    return true;
}

/* What is set aside for the output: as declared, or as its function's outputs
 * were, if that would fit. */
static uint64_t output_to_reserve(const struct room *room, struct job *job)
{
    uint64_t bytes = declared_output(job);
    if (bytes) return bytes;
    bytes = room->agenda->estimates[job->function].bytes;
    bool fits = sum(bytes, input_bytes(job)) <= room->memory->limit;
    return fits ? bytes : 0;
}

static bool never_fits(const struct room *room, struct job *job)
{
    uint64_t bytes = sum(input_bytes(job), declared_output(job));
    return bytes > room->memory->limit && !(job->flags & RUN_GANG);
}

static void pin_all(struct room *room, struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++)
        memory_pin(room->memory, job_inputs(job)[i]);
}

static void unpin_all(struct room *room, struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++)
        memory_unpin(room->memory, job_inputs(job)[i]);
    room->memory->reserved -= job->reserved;
    job->reserved = 0;
}

static void reserve(struct room *room, struct job *job, uint64_t bytes)
{
    room->memory->reserved += bytes - job->reserved;
    job->reserved = bytes;
}

/* ---- jobs ----------------------------------------------------------------*/

/* It was cancelled meanwhile. */
static bool is_over(const struct job *job)
{
    return job_is_idle(job);
}

static bool services_wait(const struct room *room)
{
    const struct memory *memory = room->memory;
    return memory->arriving || memory->loading || room->arrivals ||
           room->values;
}

/* Read what JOB lacks. Its wants count with what it misses. */
static void load_inputs(struct room *room, struct job *job)
{
    for (uint32_t i = 0; i < job->inputs; i++) {
        struct value *value = job_inputs(job)[i];
        if (!value->away) continue;
        store_want(room->memory->store, value, WANT_JOB)->job = job;
        job->missing++;
        memory_load(room->memory, value);
    }
}

static void go(struct room *room, struct job *job, uint64_t output)
{
    reserve(room, job, output);
    enter(job, STAGE_LOADS);
    load_inputs(room, job);
}

static void refuse(struct room *room, struct job *job)
{
    unpin_all(room, job);
    enter(job, STAGE_MISFIT);
}

/* The first job that has not begun to load. */
static void try_job(struct room *room, struct job *job)
{
    struct memory *memory = room->memory;
    if (job->stage == STAGE_WAITS) {
        enter(job, STAGE_FIRST);
        pin_all(room, job);
        memory->full = false; /* who knows: try again */
    }
    if (never_fits(room, job)) {
        refuse(room, job);
        return;
    }
    uint64_t output = output_to_reserve(room, job);
    enum memory_verdict verdict =
        memory_room(memory, sum(output, bytes_out(room, job)));
    bool alone = !room->agenda->running && !services_wait(room);
    if (verdict == MEMORY_FITS) go(room, job, output);
    else if (verdict == MEMORY_LATER || !alone) return;
    else if (memory->full && !(job->flags & RUN_GANG)) refuse(room, job);
    else go(room, job, output);
}

static bool wants_room(const struct job *job)
{
    return job->stage == STAGE_WAITS || job->stage == STAGE_FIRST;
}

static void try_jobs(struct room *room)
{
    for (size_t i = 0; i < room->staged; i++) {
        struct job *job = room->jobs[i];
        if (!wants_room(job) || is_over(job)) continue;
        try_job(room, job);
        if (wants_room(job)) return;
    }
}

/* Nothing is missing any more but that somebody takes it. */
static bool is_ready(const struct job *job)
{
    return job->missing == 1 && (!wants_room(job) || is_over(job));
}

static void remove_job(struct room *room, size_t at)
{
    room->staged--;
    for (size_t i = at; i < room->staged; i++)
        room->jobs[i] = room->jobs[i + 1];
}

/* The room itself is one of the things that JOB misses. One that is tried again
 * has all it needs. */
void room_add(struct room *room, struct job *job)
{
    assert(!job->missing && room_takes_more(room));
    if (job->stage != STAGE_BEGUN) enter(job, STAGE_WAITS);
    job->missing = 1;
    room->jobs[room->staged++] = job;
    try_jobs(room);
}

bool room_concerns(struct room *room, struct job *job)
{
    uint64_t bytes = declared_output(job);
    if (bytes) memory_want(room->memory, bytes);
    return bytes && room->memory->tight;
}

bool room_has_next(const struct room *room)
{
    for (size_t i = 0; i < room->staged; i++)
        if (is_ready(room->jobs[i])) return true;
    return false;
}

struct job *room_next(struct room *room)
{
    for (size_t i = 0; i < room->staged; i++) {
        struct job *job = room->jobs[i];
        if (!is_ready(job)) continue;
        remove_job(room, i);
        job->missing = 0;
        if (is_over(job)) return job;
        if (job->stage == STAGE_LOADS) enter(job, STAGE_BEGUN);
        agenda_begin(room->agenda, job);
        return job;
    }
    return NULL;
}

void room_hold(struct room *room, struct job *job)
{
    if (job->stage) return;
    enter(job, STAGE_BEGUN);
    pin_all(room, job);
}

void room_release(struct room *room, struct job *job)
{
    bool pinned = job->stage != STAGE_WAITS && job->stage != STAGE_MISFIT;
    if (pinned) unpin_all(room, job);
    enter(job, STAGE_NONE);
}

struct buffer *room_error(const struct room *room, struct job *job,
                          uint64_t bytes, const struct failure_of *of)
{
    uint64_t thought = output_to_reserve(room, job), inputs = input_bytes(job);
    uint64_t output = bytes > thought ? bytes : thought;
    bool never = sum(inputs, output) > room->memory->limit;
    return failure_new(DMPI_ENOMEM, of,
                       "no memory for its inputs of %llu bytes and its output "
                       "of %llu among the "
                       "%llu that values may take here: %s",
                       (unsigned long long)inputs, (unsigned long long)output,
                       (unsigned long long)room->memory->limit,
                       never ? "raise DISTMPI_MEMORY, or cut them up"
                             : room->memory->disk->why);
}

/* ---- values to serve -----------------------------------------------------*/

void room_load(struct room *room, const struct value *value)
{
    struct room_value *entry = mem_take(&room->mem, sizeof *entry);
    *entry = (struct room_value){.key = value->key};
    *room->values_end = entry;
    room->values_end = &entry->next;
    room_turn(room);
}

/* Is the value that was loaded without room still being sent? */
static bool is_lent(struct room *room)
{
    const struct value *value =
        room->lent ? store_find(room->memory->store, room->lent) : NULL;
    bool here = value && value->listed && !value->away;
    bool sent = !here || value->buffer->refs == 1;
    if (sent) room->lent = 0;
    return !sent;
}

/* False: it waits. */
static bool try_value(struct room *room, uint64_t key)
{
    struct memory *memory = room->memory;
    struct value *value = store_find(memory->store, key);
    if (!value || !value->away || !memory_is_out(memory, value)) return true;
    switch (memory_room(memory, value->buffer->size)) {
    case MEMORY_FITS: break;
    case MEMORY_LATER: return false;
    case MEMORY_STUCK:
        if (memory->arriving || memory->loading || is_lent(room)) return false;
        room->lent = key;
    }
    memory_load(memory, value);
    return true;
}

static void try_values(struct room *room)
{
    while (room->values && try_value(room, room->values->key)) {
        struct room_value *entry = room->values;
        room->values = entry->next;
        if (!room->values) room->values_end = &room->values;
        mem_give(&room->mem, entry, sizeof *entry);
    }
}

/* ---- values to come ------------------------------------------------------*/

void room_arrival(struct room *room, const struct arrival *arrival)
{
    struct arrival *copy = mem_take(&room->mem, sizeof *copy);
    *copy = *arrival;
    copy->next = NULL;
    *room->arrivals_end = copy;
    room->arrivals_end = &copy->next;
    room_turn(room);
}

size_t room_lost(struct room *room, int rank)
{
    size_t count = 0;
    struct arrival **at = &room->arrivals;
    while (*at) {
        struct arrival *arrival = *at;
        if (arrival->from != rank) {
            at = &arrival->next;
            continue;
        }
        *at = arrival->next;
        mem_give(&room->mem, arrival, sizeof *arrival);
        count++;
    }
    room->arrivals_end = at;
    return count;
}

static bool try_arrival(struct room *room, struct arrival *arrival)
{
    struct memory *memory = room->memory;
    switch (memory_room(memory, arrival->payload.bytes)) {
    case MEMORY_FITS: return true;
    case MEMORY_LATER: return false;
    case MEMORY_STUCK: break;
    }
    if (memory->arriving) return false;
    arrival->lost = memory->full && !arrival->needed;
    return true;
}

static void try_arrivals(struct room *room)
{
    while (room->arrivals && try_arrival(room, room->arrivals)) {
        struct arrival *arrival = room->arrivals;
        room->arrivals = arrival->next;
        if (!room->arrivals) room->arrivals_end = &room->arrivals;
        memory_expect(room->memory, arrival->payload.bytes);
        room->client.receive(room->client.role, arrival);
        mem_give(&room->mem, arrival, sizeof *arrival);
    }
}

/* ---- outputs -------------------------------------------------------------*/

enum room_answer room_output(struct room *room, struct job *job, uint64_t bytes)
{
    struct memory *memory = room->memory;
    if (sum(input_bytes(job), bytes) > memory->limit) return ROOM_NEVER;
    if (job->reserved >= bytes) return ROOM_YES;
    uint64_t more = bytes - job->reserved;
    memory_want(memory, more);
    if (!memory->tight) return ROOM_YES;
    enum memory_verdict verdict = memory_room(memory, more);
    bool alone = !memory->arriving && !memory->loading;
    if (verdict != MEMORY_FITS && (verdict == MEMORY_LATER || !alone))
        return ROOM_WAIT;
    if (verdict == MEMORY_STUCK && memory->full) return ROOM_NEVER;
    room_hold(room, job);
    reserve(room, job, bytes);
    return ROOM_YES;
}

void room_turn(struct room *room)
{
    if (room->arrivals) try_arrivals(room);
    if (room->values) try_values(room);
    if (room->staged) try_jobs(room);
}

/* ---- for tests -----------------------------------------------------------*/

void room_check(const struct room *room)
{
    assert(room->memory->tight || !room->staged);
    for (size_t i = 0; i < room->staged; i++) {
        const struct job *job = room->jobs[i];
        assert(job->missing && !(job->flags & JOB_READY));
        assert(job->stage != STAGE_NONE);
        assert(job != room->agenda->running);
    }
    memory_check(room->memory);
}
