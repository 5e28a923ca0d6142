/* SPDX-License-Identifier: BSD-3-Clause */
/* guard.c - signs of life, fences, losses. */
#include "guard.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "durable.h"
#include "exit.h"
#include "log.h"
#include "pulse.h"
#include "sentry.h"

_Static_assert(sizeof(struct guard_page) <= WORLD_PAGE_BYTES, "it has room");

enum member_state {
    MEMBER_LIVES,
    MEMBER_FENCED, /* it is to die, and was not seen to */
    MEMBER_LOST,   /* on rank 0 it was dealt with, elsewhere rank 0 was told */
    MEMBER_LEFT    /* it has heard its last */
};

struct member {
    const struct guard_page *page; /* NULL: on another node */
    int node;
    char host[DMPI_HOST_MAX];
    _Atomic bool ended; /* its process has; by the sentry */
    enum member_state state;
    int patience; /* beats until a fenced one counts as dead */
};

struct guard {
    struct session *session; /* borrowed */
    struct sentry *sentry;   /* owned */
    struct guard_page *own;  /* this rank's page */
    struct member *members;  /* by rank; owned */
    struct pulse pulse;
    uint64_t beat_ns, next_ns;
    _Atomic bool news;      /* somebody's process has ended */
    _Atomic bool leaving;   /* the end of the others is no loss any more */
    _Atomic uint64_t turns; /* of the loop */
    uint64_t seen_turns;    /* by the watchdog */
    int still_beats;        /* since the loop has turned */
    int lost;
    uint64_t lost_ns; /* time without those that were lost, until `since_ns` */
    uint64_t since_ns;
};

static struct mpi_port *port_of(const struct guard *guard)
{
    return guard->session->mpi;
}

static bool is_center(const struct guard *guard)
{
    return guard->session->rank == 0;
}

static int setting(const struct guard *guard, enum config_option option)
{
    return guard->session->config.value[option];
}

/* ---- settings ------------------------------------------------------------*/

bool guard_may_start(const struct config *config, char *why, size_t why_size)
{
    const char *recovers = getenv("OMPI_MCA_orte_enable_recovery");
    const int *value = config->value;
    if (recovers && atoi(recovers) && !exit_supervised()) {
        snprintf(why, why_size,
                 "mpirun --enable-recovery hides how the job ends: start it by "
                 "scripts/run, which asks for that itself, or leave it out");
        return false;
    }
    if (value[CONFIG_BEAT_SECONDS] < value[CONFIG_SUSPECT_SECONDS] &&
        value[CONFIG_SUSPECT_SECONDS] <= value[CONFIG_DEAD_SECONDS])
        return true;
    snprintf(why, why_size,
             "DISTMPI_BEAT_SECONDS (%d) has to be less than "
             "DISTMPI_SUSPECT_SECONDS (%d), and that not more than "
             "DISTMPI_DEAD_SECONDS (%d)",
             value[CONFIG_BEAT_SECONDS], value[CONFIG_SUSPECT_SECONDS],
             value[CONFIG_DEAD_SECONDS]);
    return false;
}

/* ---- losses, on rank 0 ---------------------------------------------------*/

/* Account for the time since the last loss. */
static void pass_time(struct guard *guard)
{
    uint64_t now = clock_ns();
    guard->lost_ns += (uint64_t)guard->lost * (now - guard->since_ns);
    guard->since_ns = now;
}

static void end_if_too_few(struct guard *guard)
{
    struct center *center = guard->session->center;
    int living = center_living(center);
    if (living >= setting(guard, CONFIG_MIN_WORKERS)) return;
    if (center_stopping(center)) return; /* nothing is wanted of them */
    log_line(LOG_ERROR,
             "%d workers are left, and DISTMPI_MIN_WORKERS is %d: the job ends",
             living, setting(guard, CONFIG_MIN_WORKERS));
    if (guard->session->durable) durable_close(guard->session->durable);
    exit_job(EXIT_LOST);
}

static void say_loss(const struct guard *guard, int rank, int number,
                     const char *why)
{
    const char *host = guard->members[rank].host;
    if (number)
        log_line(LOG_WARN, "rank %d on %s is lost: it died by SIG%s", rank,
                 host, sigabbrev_np(number) ? sigabbrev_np(number) : "?");
    else log_line(LOG_WARN, "rank %d on %s is lost: %s", rank, host, why);
}

static void lose(struct guard *guard, int rank, int number, uint64_t key,
                 const char *why)
{
    struct member *member = &guard->members[rank];
    struct center *center = guard->session->center;
    if (member->state == MEMBER_LOST || member->state == MEMBER_LEFT) return;
    member->state = MEMBER_LOST;
    pass_time(guard);
    guard->lost++;
    say_loss(guard, rank, number, why);
    exit_without_mpi();
    port_forget(mpi_port_base(port_of(guard)), rank);
    if (!center_stopped(center)) center_lost(center, rank, key);
    end_if_too_few(guard);
}

int guard_lost(const struct guard *guard)
{
    return guard->lost;
}

double guard_lost_seconds(const struct guard *guard)
{
    uint64_t since = (uint64_t)guard->lost * (clock_ns() - guard->since_ns);
    return (double)(guard->lost_ns + since) / 1e9;
}

/* ---- fences --------------------------------------------------------------*/

static void kill_neighbour(struct guard *guard, int rank)
{
    const struct guard_page *page = guard->members[rank].page;
    if (!page || sentry_kill(guard->sentry, rank)) return;
    if (page->start && sentry_start_of(page->pid) == page->start)
        kill(page->pid, SIGKILL);
}

/* The lowest rank of RANK's node that may answer, 0: none. */
static int watcher_of(const struct guard *guard, int rank)
{
    for (int i = 1; i < guard->session->ranks; i++) {
        const struct member *member = &guard->members[i];
        if (i != rank && member->node == guard->members[rank].node &&
            member->state == MEMBER_LIVES &&
            guard->pulse.silent[i] < guard->pulse.suspect_beats)
            return i;
    }
    return 0;
}

static void fence(struct guard *guard, int rank)
{
    struct member *member = &guard->members[rank];
    int watcher = member->page ? 0 : watcher_of(guard, rank);
    member->state = MEMBER_FENCED;
    member->patience = guard->pulse.suspect_beats;
    if (member->page) {
        kill_neighbour(guard, rank);
    } else if (watcher) {
        struct port_note note = {.kind = NOTE_FENCE, .rank = rank};
        mpi_port_note(port_of(guard), watcher, &note);
    } else {
        lose(guard, rank, 0, 0, "nothing is heard from its node");
    }
}

/* ---- deaths on this node -------------------------------------------------*/

/* Of the ranks of this node that live. */
static int lowest_here(const struct guard *guard)
{
    int rank = 0;
    while (!guard->members[rank].page || guard->members[rank].ended) rank++;
    return rank;
}

static void tell_death(struct guard *guard, int rank)
{
    struct member *member = &guard->members[rank];
    struct port_note note = {.kind = NOTE_DIED,
                             .rank = rank,
                             .signal = member->page->signal,
                             .key = member->page->running};
    mpi_port_note(port_of(guard), 0, &note);
    member->state = MEMBER_LOST;
}

/* The center sees for itself, or one rank of this node tells it. */
static void on_death(struct guard *guard, int rank)
{
    struct member *member = &guard->members[rank];
    if (member->state == MEMBER_LOST) return;
    if (member->page->left) {
        member->state = MEMBER_LEFT; /* its note may still be on its way */
        return;
    }
    if (is_center(guard))
        lose(guard, rank, member->page->signal, member->page->running,
             member->state == MEMBER_FENCED ? "it was silent, and is killed"
                                            : "its process has ended");
    else if (!guard->members[0].page &&
             lowest_here(guard) == guard->session->rank)
        tell_death(guard, rank);
}

static void look_for_deaths(struct guard *guard)
{
    for (int rank = 0; rank < guard->session->ranks; rank++)
        if (guard->members[rank].ended) on_death(guard, rank);
}

/* ---- notes ---------------------------------------------------------------*/

static void on_note(void *arg, int from, const struct port_note *note)
{
    struct guard *guard = arg;
    switch ((enum port_note_kind)note->kind) {
    case NOTE_BEAT: break;
    case NOTE_FENCE:
        if (guard->members[note->rank].ended) tell_death(guard, note->rank);
        else kill_neighbour(guard, note->rank);
        break;
    case NOTE_DIED:
        lose(guard, note->rank, note->signal, note->key,
             guard->members[note->rank].state == MEMBER_FENCED
                 ? "it was silent, and is killed"
                 : "its process has ended");
        break;
    case NOTE_LEFT: guard->members[from].state = MEMBER_LEFT; break;
    }
}

/* ---- beats ---------------------------------------------------------------*/

static uint64_t heard_of(const struct guard *guard, int rank)
{
    const struct guard_page *page = guard->members[rank].page;
    const struct mpi_port *port = port_of(guard);
    if (page) return page->beats;
    return mpi_port_base(guard->session->mpi)->heard[rank] +
           mpi_port_notes_heard(port, rank);
}

static void say_beat(struct guard *guard, int rank)
{
    struct port_note note = {.kind = NOTE_BEAT};
    if (!guard->members[rank].page) mpi_port_note(port_of(guard), rank, &note);
}

static void look_at_worker(struct guard *guard, int rank)
{
    struct member *member = &guard->members[rank];
    if (member->state == MEMBER_LOST || member->state == MEMBER_LEFT) return;
    say_beat(guard, rank);
    if (member->state == MEMBER_FENCED) {
        if (--member->patience <= 0)
            lose(guard, rank, 0, 0, "it is silent, and so is its node");
        return;
    }
    switch (pulse_beat(&guard->pulse, rank, heard_of(guard, rank))) {
    case PULSE_AS_BEFORE: break;
    case PULSE_SUSPECT:
        log_line(LOG_WARN, "nothing was heard from rank %d on %s for %d s",
                 rank, member->host, setting(guard, CONFIG_SUSPECT_SECONDS));
        break;
    case PULSE_WELL:
        log_line(LOG_WARN, "rank %d on %s is heard again", rank, member->host);
        break;
    case PULSE_DEAD: fence(guard, rank); break;
    }
}

static _Noreturn void leave_job(const char *why)
{
    log_line(LOG_INFO, "%s: this rank ends", why);
    _exit(LOG_EXIT_PANIC);
}

/* A member of a gang that waits in MPI for one that is dead waits for ever, and
 * nothing can end that but its own end; then the gang is tried again. */
static void leave_broken_gang(const struct guard *guard)
{
    if (!worker_is_doomed(guard->session->worker)) return;
    log_line(LOG_WARN, "another member of the gang that runs here is lost: "
                       "this rank ends");
    _exit(LOG_EXIT_PANIC);
}

static void look_at_center(struct guard *guard)
{
    say_beat(guard, 0);
    if (pulse_beat(&guard->pulse, 0, heard_of(guard, 0)) == PULSE_DEAD)
        leave_job("nothing is heard from the center");
}

/* Without a ticker a rank says nothing while it is in code of the user. */
static void beat(struct guard *guard)
{
    if (!guard->session->ticker) return;
    if (!is_center(guard)) look_at_center(guard);
    else
        for (int rank = 1; rank < guard->session->ranks; rank++)
            look_at_worker(guard, rank);
}

/* On a worker: the center has told so. */
static void hear_losses(struct guard *guard)
{
    guard->lost = mpi_port_lost(port_of(guard));
    exit_without_mpi();
    leave_broken_gang(guard);
}

void guard_turn(struct guard *guard)
{
    atomic_fetch_add_explicit(&guard->turns, 1, memory_order_relaxed);
    if (guard->news) {
        guard->news = false;
        look_for_deaths(guard);
    }
    if (mpi_port_lost(port_of(guard)) > guard->lost) hear_losses(guard);
    uint64_t now = clock_ns();
    if (now < guard->next_ns || guard->leaving) return;
    guard->next_ns = now + guard->beat_ns;
    beat(guard);
}

/* ---- on the sentry's thread ----------------------------------------------*/

static void on_end(void *arg, int rank)
{
    struct guard *guard = arg;
    guard->members[rank].ended = true;
    guard->news = true;
    if (rank == 0 && !guard->leaving) leave_job("the center has ended");
    world_wake(guard->session->world);
}

/* The loop turns in code of the user, too, if there is a ticker, and a rank that
 * was stopped itself has missed no beats. */
static void look_at_loop(struct guard *guard)
{
    int limit = setting(guard, CONFIG_WATCHDOG_SECONDS);
    uint64_t turns = guard->turns;
    bool moves = turns != guard->seen_turns || !guard->session->ticker ||
                 guard->leaving || guard->session->calls_running;
    guard->seen_turns = turns;
    guard->still_beats = moves ? 0 : guard->still_beats + 1;
    if (!limit ||
        guard->still_beats * setting(guard, CONFIG_BEAT_SECONDS) < limit)
        return;
    log_line(LOG_ERROR, "its loop has stood still for %d s: this rank ends",
             limit);
    _exit(LOG_EXIT_PANIC);
}

static void on_beat(void *arg)
{
    struct guard *guard = arg;
    guard->own->beats++;
    look_at_loop(guard);
}

/* ---- life ----------------------------------------------------------------*/

void guard_announce(struct world *world)
{
    struct guard_page *page = world_page(world, world_rank(world));
    page->left = false;
    page->start = sentry_start_of(getpid());
    page->pid = getpid();
}

static void watch_neighbours(struct guard *guard)
{
    for (int rank = 0; rank < guard->session->ranks; rank++) {
        const struct guard_page *page = guard->members[rank].page;
        if (page && rank != guard->session->rank)
            sentry_watch(guard->sentry, rank, page->pid, page->start);
    }
}

static void meet(struct guard *guard, const dmpi_worker ranks[])
{
    size_t count = (size_t)guard->session->ranks;
    guard->members = log_alloc(count * sizeof *guard->members);
    memset(guard->members, 0, count * sizeof *guard->members);
    for (size_t i = 0; i < count; i++) {
        struct member *member = &guard->members[i];
        member->page = world_page(guard->session->world, (int)i);
        member->node = ranks[i].node;
        memcpy(member->host, ranks[i].host, sizeof member->host);
    }
}

/* A connection to a dead rank gives that signal, which would end this one. */
static void ignore_broken_pipes(void)
{
    struct sigaction action;
    sigaction(SIGPIPE, NULL, &action);
    if (action.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

struct guard *guard_new(struct session *session, const dmpi_worker ranks[])
{
    struct guard *guard = log_alloc(sizeof *guard);
    struct sentry_calls calls = {on_end, on_beat, guard};
    *guard = (struct guard){.session = session,
                            .own = world_page(session->world, session->rank)};
    int seconds = setting(guard, CONFIG_BEAT_SECONDS);
    guard->beat_ns = (uint64_t)seconds * 1000000000u;
    guard->next_ns = clock_ns() + guard->beat_ns;
    pulse_init(&guard->pulse, session->ranks,
               (setting(guard, CONFIG_SUSPECT_SECONDS) - 1) / seconds + 1,
               (setting(guard, CONFIG_DEAD_SECONDS) - 1) / seconds + 1);
    meet(guard, ranks);
    mpi_port_recover(session->mpi, on_note, guard);
    ignore_broken_pipes();
    guard->sentry = sentry_new(session->ranks, &calls, guard->beat_ns);
    watch_neighbours(guard);
    if (!sentry_begin(guard->sentry))
        log_panic("no thread for recovery can be made");
    return guard;
}

void guard_free(struct guard *guard)
{
    if (!guard) return;
    sentry_free(guard->sentry);
    pulse_fini(&guard->pulse);
    free(guard->members);
    free(guard);
}

/* ---- the end -------------------------------------------------------------*/

void guard_leave(struct guard *guard)
{
    struct port_note note = {.kind = NOTE_LEFT};
    guard->own->left = true;
    mpi_port_note(port_of(guard), 0, &note);
    guard->leaving = true;
}

bool guard_all_left(void *argument)
{
    const struct guard *guard = argument;
    for (int rank = 1; rank < guard->session->ranks; rank++)
        if (guard->members[rank].state < MEMBER_LOST) return false;
    return true;
}

bool guard_is_gone(struct guard *guard, int rank)
{
    return guard->members[rank].ended ||
           guard->members[rank].state == MEMBER_LOST;
}
