/* SPDX-License-Identifier: BSD-3-Clause */
/* roster.c - loads, the ring of workers with room, and the table of it all. */
#include "roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { IDLE_PROBES = 4, PICK_PROBES = 4 };

static bool has_room(const struct roster *roster,
                     const struct worker_entry *worker)
{
    if (worker->dealt < ROSTER_TASKS_MIN || worker->starved) return true;
    return worker->dealt_ns < roster->window_ns &&
           worker->dealt < ROSTER_TASKS_MAX;
}

/* A worker that filled up gets more only when a quarter is free again, so that
 * tasks go out in runs. */
static bool has_room_again(const struct roster *roster,
                           const struct worker_entry *worker)
{
    if (worker->lost) return false;
    if (worker->dealt < ROSTER_TASKS_MIN) return true;
    return worker->dealt_ns < roster->window_ns / 4 * 3 &&
           worker->dealt < ROSTER_TASKS_MAX / 4 * 3;
}

static void join_ring(struct roster *roster, struct worker_entry *worker)
{
    struct worker_entry *turn = roster->ring;
    if (!turn) {
        roster->ring = worker->next = worker->prev = worker;
        return;
    }
    worker->next = turn;
    worker->prev = turn->prev;
    turn->prev->next = worker;
    turn->prev = worker;
}

static void leave_ring(struct roster *roster, struct worker_entry *worker)
{
    if (worker->next == worker) {
        roster->ring = NULL;
    } else {
        worker->prev->next = worker->next;
        worker->next->prev = worker->prev;
        if (roster->ring == worker) roster->ring = worker->next;
    }
    worker->next = worker->prev = NULL;
}

void roster_init(struct roster *roster, const dmpi_worker info[], int ranks,
                 uint64_t window_ns)
{
    size_t bytes = (size_t)ranks * sizeof *roster->workers;
    *roster = (struct roster){.ranks = ranks,
                              .window_ns = window_ns,
                              .workers = log_alloc(bytes),
                              .gangless = ranks - 1};
    memset(roster->workers, 0, bytes);
    bytes = (size_t)(ranks - 1) * sizeof *info;
    roster->info = log_alloc(bytes);
    memcpy(roster->info, info, bytes);
    for (int rank = 1; rank < ranks; rank++)
        if (info[rank - 1].node >= roster->node_count)
            roster->node_count = info[rank - 1].node + 1;
    size_t sets = (size_t)roster->node_count * sizeof *roster->nodes;
    roster->nodes = log_alloc(sets);
    memset(roster->nodes, 0, sets);
    for (int rank = 1; rank < ranks; rank++) {
        struct worker_entry *worker = roster_at(roster, rank);
        worker->rank = rank;
        worker->node = info[rank - 1].node;
        rankset_add(&roster->nodes[worker->node], rank, ranks);
        join_ring(roster, worker);
    }
}

void roster_fini(struct roster *roster)
{
    for (int rank = 1; rank < roster->ranks; rank++)
        queue_fini(&roster_at(roster, rank)->held);
    for (int i = 0; i < roster->node_count; i++) rankset_free(roster->nodes[i]);
    free(roster->nodes);
    free(roster->info);
    free(roster->workers);
}

void roster_hand(struct roster *roster, struct worker_entry *worker,
                 uint32_t cost_ns, bool dealt)
{
    worker->tasks++;
    worker->load_ns += cost_ns;
    if (!dealt) return;
    worker->dealt++;
    worker->dealt_ns += cost_ns;
    if (worker->next && !has_room(roster, worker)) leave_ring(roster, worker);
}

void roster_end(struct roster *roster, struct worker_entry *worker,
                uint32_t cost_ns, bool dealt)
{
    assert(worker->tasks && worker->load_ns >= cost_ns);
    worker->tasks--;
    worker->load_ns -= cost_ns;
    if (!dealt) return;
    worker->dealt--;
    worker->dealt_ns -= cost_ns;
    if (!worker->next && has_room_again(roster, worker))
        join_ring(roster, worker);
}

/* As if it had been dealt more than it may be: nobody has to ask for gangs. */
void roster_enter_gang(struct roster *roster, struct worker_entry *worker)
{
    assert(!worker->in_gang);
    worker->in_gang = true;
    roster->gangless--;
    worker->dealt += ROSTER_TASKS_MAX;
    if (worker->next) leave_ring(roster, worker);
}

void roster_leave_gang(struct roster *roster, struct worker_entry *worker)
{
    assert(worker->in_gang && worker->dealt >= ROSTER_TASKS_MAX);
    worker->in_gang = false;
    roster->gangless += !worker->lost;
    worker->dealt -= ROSTER_TASKS_MAX;
    if (has_room_again(roster, worker)) join_ring(roster, worker);
}

void roster_starve(struct roster *roster, struct worker_entry *worker)
{
    worker->starved = true;
    if (!worker->next && !worker->in_gang) join_ring(roster, worker);
}

void roster_feed(struct roster *roster, struct worker_entry *worker)
{
    worker->starved = false;
    if (worker->next && !has_room(roster, worker)) leave_ring(roster, worker);
}

void roster_lose(struct roster *roster, struct worker_entry *worker)
{
    worker->lost = true;
    if (worker->next) leave_ring(roster, worker);
    rankset_remove(roster->nodes[worker->node], worker->rank);
    roster->gangless -= !worker->in_gang;
}

void roster_clear(struct worker_entry *worker)
{
    assert(worker->lost && !worker->held.count);
    worker->tasks = worker->dealt = 0;
    worker->load_ns = worker->dealt_ns = 0;
    worker->bytes = 0;
    worker->in_gang = worker->starved = false;
}

struct worker_entry *roster_turn(struct roster *roster)
{
    return roster->ring;
}

void roster_pass_turn(struct roster *roster)
{
    if (roster->ring) roster->ring = roster->ring->next;
}

struct worker_entry *roster_idle(struct roster *roster)
{
    for (int i = 0; roster->ring && i < IDLE_PROBES; i++) {
        if (!roster->ring->tasks || roster->ring->starved) return roster->ring;
        roster_pass_turn(roster);
    }
    return NULL;
}

/* The member of SET after RANK, or the first. */
static int next_around(const struct rankset *set, int rank)
{
    int next = rankset_next(set, rank + 1);
    return next > 0 ? next : rankset_next(set, 0);
}

static uint32_t tasks_of(const struct worker_entry *worker)
{
    return worker->tasks + (uint32_t)worker->held.count;
}

static bool is_less_busy(const struct worker_entry *a,
                         const struct worker_entry *b)
{
    if (a->in_gang != b->in_gang) return b->in_gang;
    return tasks_of(a) < tasks_of(b);
}

struct worker_entry *roster_pick(struct roster *roster,
                                 const struct rankset *set, int node)
{
    struct worker_entry *best = NULL;
    int looks = 0, first = 0, rank = roster->picked;
    while (looks < PICK_PROBES && (rank = next_around(set, rank)) > 0 &&
           rank != first) {
        struct worker_entry *worker = roster_at(roster, rank);
        if (!first) first = rank;
        if (node >= 0 && worker->node != node) continue;
        if (!best || is_less_busy(worker, best)) best = worker;
        roster->picked = rank;
        looks++;
    }
    return best;
}

void roster_hold(struct roster *roster, struct worker_entry *worker)
{
    if (worker->holds) return;
    worker->holds = true;
    worker->next_holder = roster->holders;
    roster->holders = worker;
}

struct worker_entry *roster_holder(struct roster *roster)
{
    struct worker_entry *worker;
    while ((worker = roster->holders) && !worker->held.count) {
        roster->holders = worker->next_holder;
        worker->holds = false;
    }
    return worker;
}

struct worker_entry *roster_least_busy(struct roster *roster)
{
    struct worker_entry *least = NULL;
    for (int rank = 1; rank < roster->ranks; rank++) {
        struct worker_entry *worker = roster_at(roster, rank);
        if (worker->lost) continue;
        if (!least || is_less_busy(worker, least)) least = worker;
    }
    return least ? least : roster_at(roster, 1);
}

struct worker_entry *roster_least_filled(struct roster *roster)
{
    struct worker_entry *least = NULL;
    for (int rank = 1; rank < roster->ranks; rank++) {
        struct worker_entry *worker = roster_at(roster, rank);
        if (worker->lost) continue;
        if (!least || worker->bytes < least->bytes) least = worker;
    }
    return least ? least : roster_at(roster, 1);
}

struct buffer *roster_tell(const struct roster *roster)
{
    size_t count = (size_t)roster->ranks - 1;
    struct buffer *buffer = buffer_new(count * sizeof(dmpi_worker));
    if (!buffer) log_panic("out of memory for the worker table");
    memcpy(buffer->data, roster->info, count * sizeof(dmpi_worker));
    dmpi_worker *table = buffer->data;
    for (size_t i = 0; i < count; i++) {
        const struct worker_entry *worker = &roster->workers[i];
        table[i].bytes = worker->bytes;
        table[i].bytes_fetched = worker->bytes_fetched;
        table[i].tasks_done = worker->tasks_done;
        table[i].tasks_pending = worker->tasks;
    }
    return buffer;
}
