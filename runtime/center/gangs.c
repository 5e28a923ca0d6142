/* SPDX-License-Identifier: BSD-3-Clause */
/* gangs.c - who waits with whom, who starts next, which communicators exist. */
#include "gangs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "inputs.h"
#include "lineup.h"
#include "log.h"

/* A list of ranks whose communicator its members keep. */
struct gang_comm {
    uint32_t number;
    uint32_t size;
    int ranks[];
};

void gangs_init(struct gangs *gangs, struct roster *roster)
{
    *gangs = (struct gangs){.roster = roster};
}

void gang_free(struct gang *gang)
{
    free(gang->members);
    free(gang->ranks);
    free(gang->parts);
    free(gang);
}

static void free_gangs(struct gangs *gangs)
{
    size_t at = 0;
    struct gang *gang;
    while ((gang = map_next(&gangs->by_member, &at)))
        if (--gang->known == 0) gang_free(gang);
}

void gangs_fini(struct gangs *gangs)
{
    size_t at = 0;
    struct gang_comm *comm;
    free_gangs(gangs);
    map_fini(&gangs->by_member);
    queue_fini(&gangs->ready);
    queue_fini(&gangs->failed);
    while ((comm = map_next(&gangs->comms, &at))) free(comm);
    map_fini(&gangs->comms);
}

/* ---- members -------------------------------------------------------------*/

dmpi_status gangs_check(const struct gangs *gangs,
                        const struct task_order orders[], size_t size)
{
    size_t workers = (size_t)gangs->roster->ranks - 1;
    if (size > workers)
        return fault(DMPI_EINVAL,
                     "a gang of %zu in a pool of %zu workers: start %zu ranks, "
                     "or ask for a smaller gang",
                     size, workers, size + 1);
    for (size_t i = 0; i < size; i++)
        if (task_order_is_picky(&orders[i]))
            return fault(DMPI_EINVAL, "a gang has its workers to itself: it "
                                      "cannot ask for resources, cores or a "
                                      "node");
        else if (orders[i].terms.retries || orders[i].terms.timeout_ns)
            return fault(DMPI_EINVAL,
                         "a member of a gang has no retries and no "
                         "timeout: the others would not know");
    return DMPI_OK;
}

struct gang *gangs_new(uint32_t size, bool kept)
{
    struct gang *gang = log_alloc(sizeof *gang);
    *gang = (struct gang){.size = size,
                          .unready = size,
                          .unended = size,
                          .members = log_alloc(size * sizeof *gang->members),
                          .ranks = log_alloc(size * sizeof *gang->ranks)};
    if (kept) gang->parts = log_alloc(size * sizeof *gang->parts);
    return gang;
}

static void know(struct gangs *gangs, struct gang *gang, uint64_t key)
{
    map_add(&gangs->by_member, key, gang);
    gang->known++;
}

static void forget(struct gangs *gangs, struct gang *gang, uint64_t key)
{
    map_remove(&gangs->by_member, key);
    gang->known--;
}

void gangs_join(struct gangs *gangs, struct gang *gang, struct record *record)
{
    assert(gang->joined < gang->size);
    if (!gang->joined) gang->order = record->spec->order;
    if (gang->parts)
        gang->parts[gang->joined] = (struct gang_part){.record = record};
    gang->members[gang->joined++] = record;
    know(gangs, gang, record->key);
    if (record->state == TASK_READY) gangs_member_ready(gangs, record);
}

struct gang *gangs_of(const struct gangs *gangs, const struct record *record)
{
    return map_get(&gangs->by_member, record->key);
}

struct record *gangs_bad_input(const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++) {
        struct record *bad = inputs_bad(gang->members[i]->spec);
        if (bad) return bad;
    }
    return NULL;
}

static struct queue *queue_of(struct gangs *gangs, const struct gang *gang)
{
    return gangs_bad_input(gang) ? &gangs->failed : &gangs->ready;
}

void gangs_member_ready(struct gangs *gangs, const struct record *record)
{
    struct gang *gang = gangs_of(gangs, record);
    if (!gang || !gangs_plays(gang, record))
        return; /* gangs_join() looks again */
    if (--gang->unready) return;
    gangs->waiting++;
    queue_push(queue_of(gangs, gang), &gang->link, gang->order);
}

bool gangs_plays(const struct gang *gang, const struct record *record)
{
    uint32_t index = 0;
    if (!gang->parts) return true;
    while (index < gang->size && gang->members[index] != record) index++;
    return index < gang->size;
}

void gangs_wait_again(struct gangs *gangs)
{
    size_t at = 0;
    struct gang *gang;
    while ((gang = map_next(&gangs->by_member, &at))) {
        if (gang->state != GANG_WAITS) continue;
        if (!gang->unready) {
            gangs->waiting--;
            queue_remove(queue_of(gangs, gang), &gang->link, gang->order);
        }
        gang->unready = gang->size;
    }
}

void gangs_take_out(struct gangs *gangs, struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++) {
        const struct record *member = gang->members[i];
        const struct record *part = gang->parts ? gang->parts[i].record : NULL;
        if (part) forget(gangs, gang, part->key);
        if (member && member != part) forget(gangs, gang, member->key);
    }
    assert(!gang->known);
    if (gang->state != GANG_WAITS || gang->unready) return;
    gangs->waiting--;
    queue_remove(queue_of(gangs, gang), &gang->link, gang->order);
}

/* ---- communicators -------------------------------------------------------*/

/* FNV-1a over RANKS in order; never 0. */
static uint64_t hash_ranks(const int ranks[], uint32_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ (uint32_t)ranks[i]) * 0x100000001b3u;
    return hash | 1;
}

/* Does one of the members keep as many as it may? */
static bool is_full(struct roster *roster, const struct gang *gang)
{
    for (uint32_t i = 0; i < gang->size; i++)
        if (roster_at(roster, gang->ranks[i])->comms == GANG_COMMS_MAX)
            return true;
    return false;
}

static uint32_t new_comm(struct gangs *gangs, const struct gang *gang,
                         uint64_t hash)
{
    size_t bytes = gang->size * sizeof(int);
    if (is_full(gangs->roster, gang)) return 0;
    struct gang_comm *comm = log_alloc(sizeof *comm + bytes);
    *comm = (struct gang_comm){++gangs->last_comm, gang->size};
    memcpy(comm->ranks, gang->ranks, bytes);
    map_add(&gangs->comms, hash, comm);
    for (uint32_t i = 0; i < gang->size; i++)
        roster_at(gangs->roster, gang->ranks[i])->comms++;
    return comm->number;
}

/* The number of the communicator for GANG's ranks: an old one, a new one, or 0.
 * Two lists with one hash: the second has none. */
static uint32_t comm_for(struct gangs *gangs, const struct gang *gang)
{
    uint64_t hash = hash_ranks(gang->ranks, gang->size);
    const struct gang_comm *comm = map_get(&gangs->comms, hash);
    if (!comm) return new_comm(gangs, gang, hash);
    bool same = comm->size == gang->size &&
                !memcmp(comm->ranks, gang->ranks, gang->size * sizeof(int));
    return same ? comm->number : 0;
}

/* ---- start and end -------------------------------------------------------*/

struct gang *gangs_failed(struct gangs *gangs)
{
    return (struct gang *)queue_first(&gangs->failed);
}

struct gang *gangs_next(struct gangs *gangs)
{
    return (struct gang *)queue_first(&gangs->ready);
}

struct gang *gangs_start(struct gangs *gangs)
{
    struct gang *gang = gangs_next(gangs);
    if (!gang || gang->size > (uint32_t)gangs->roster->gangless) return NULL;
    queue_pop(&gangs->ready);
    gangs->waiting--;
    lineup_choose(gangs->roster, gang->members, gang->size, gang->ranks);
    for (uint32_t i = 0; i < gang->size; i++)
        roster_enter_gang(gangs->roster,
                          roster_at(gangs->roster, gang->ranks[i]));
    gang->comm = comm_for(gangs, gang);
    gang->state = GANG_RUNS;
    gang->start = ++gangs->starts;
    return gang;
}

void gangs_say(const struct gang *gang, struct port *port, uint32_t index)
{
    size_t tail = gang->size * sizeof(uint32_t);
    struct msg_gang *say =
        port_say(port, gang->ranks[index], MSG_GANG, sizeof *say + tail);
    *say = (struct msg_gang){.start = gang->start,
                             .comm = gang->comm,
                             .index = index,
                             .size = gang->size};
    uint32_t *ranks = (uint32_t *)(say + 1);
    for (uint32_t i = 0; i < gang->size; i++)
        ranks[i] = (uint32_t)gang->ranks[i];
}

static uint32_t index_of(const struct gang *gang, const struct record *record)
{
    uint32_t index = 0;
    while (gang->members[index] != record) index++;
    return index;
}

void gangs_member_ended(struct gangs *gangs, const struct record *record)
{
    struct gang *gang = gangs_of(gangs, record);
    uint32_t index = index_of(gang, record);
    roster_leave_gang(gangs->roster,
                      roster_at(gangs->roster, gang->ranks[index]));
    gang->members[index] = NULL;
    bool stays = gang->parts && gang->parts[index].record == record;
    if (!stays) forget(gangs, gang, record->key);
    if (--gang->unended) return;
    gang->state = GANG_OVER;
    if (!gang->parts) gang_free(gang);
    else gangs->wanted |= gangs_is_wanted(gang);
}

void gangs_member_went_on(struct gangs *gangs, const struct record *record)
{
    struct gang *gang = gangs_of(gangs, record);
    if (gang->parts) gang->parts[index_of(gang, record)].went_on = true;
}

/* ---- losses --------------------------------------------------------------*/

void gangs_leave(struct gangs *gangs, struct gang *gang)
{
    for (uint32_t i = 0; gang->state == GANG_RUNS && i < gang->size; i++)
        if (gang->members[i])
            roster_leave_gang(gangs->roster,
                              roster_at(gangs->roster, gang->ranks[i]));
}

void gangs_say_off(const struct gang *gang, struct port *port, uint32_t index)
{
    struct msg_gang_off *off =
        port_say(port, gang->ranks[index], MSG_GANG_OFF, sizeof *off);
    off->start = gang->start;
}

void gangs_replace(struct gangs *gangs, struct gang *gang, uint32_t index,
                   struct record *record)
{
    assert(!gang->members[index]);
    gang->members[index] = record;
    if (gang->parts[index].record != record) know(gangs, gang, record->key);
}

struct record *gangs_pending(const struct gang *gang, uint32_t index)
{
    struct record *part = gang->parts ? gang->parts[index].record : NULL;
    return part && part != gang->members[index] && !task_ended(part) ? part
                                                                     : NULL;
}

bool gangs_is_wanted(const struct gang *gang)
{
    for (uint32_t i = 0; gang->state == GANG_OVER && i < gang->size; i++)
        if (!task_ended(gang->parts[i].record)) return true;
    return false;
}

void gangs_begin_anew(struct gang *gang)
{
    gang->state = GANG_WAITS;
    gang->broken = false;
    gang->unready = gang->unended = gang->size;
}

size_t gangs_list(const struct gangs *gangs, bool (*does)(const struct gang *),
                  struct gang ***list)
{
    size_t at = 0, count = 0;
    struct gang *gang;
    *list = log_alloc(gangs->by_member.count * sizeof **list + 1);
    while ((gang = map_next(&gangs->by_member, &at))) {
        if (gang->listed || !does(gang)) continue;
        gang->listed = true;
        (*list)[count++] = gang;
    }
    for (size_t i = 0; i < count; i++) (*list)[i]->listed = false;
    return count;
}
