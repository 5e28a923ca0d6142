/* SPDX-License-Identifier: BSD-3-Clause */
/* prog_campaign.c - many random applications; each seed decides what kind its
 * application is, how large its pool, and in which order messages arrive.
 *
 *     prog_campaign COUNT [FIRST [PROCESSES]]
 *
 * A seed that fails, aborts or takes longer than a minute is named with the
 * command that runs it again; the others go on. The last line is the sum. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "random.h"
#include "script.h"
#include "tree.h"

enum { SEED_LIMIT_S = 60 };

/* ---- one seed ------------------------------------------------------------*/

static uint32_t below(uint64_t *random, uint32_t n)
{
    return random_below(random, n);
}

/* How rare something is: in every other application it is not there at all. */
static unsigned rarity(uint64_t *random, unsigned least, unsigned most)
{
    return below(random, 2) ? least + below(random, most - least + 1) : 0;
}

static bool run_script(uint64_t seed, uint64_t *random)
{
    struct script_flavour flavour = {.workers_max = 1 + (int)below(random, 17),
                                     .tasks_max = 20 + below(random, 130),
                                     .inputs_max = 1 + below(random, 4),
                                     .fail_one_in = rarity(random, 8, 40),
                                     .target_one_in = rarity(random, 2, 6),
                                     .picky_one_in = rarity(random, 2, 8),
                                     .gang_one_in = rarity(random, 3, 12),
                                     .terms_one_in = rarity(random, 4, 8),
                                     .cancel_one_in = rarity(random, 4, 8),
                                     .curfew_one_in = rarity(random, 10, 40),
                                     .memory_max = rarity(random, 8000, 20000),

                                     .small = below(random, 2),
                                     .from_tasks = below(random, 2),
                                     .constants = below(random, 2),
                                     .check = true};
    flavour.disk_full = below(random, 2);
    if (random_one_in(random, 3))
        flavour.losses_max = 1 + (int)below(random, 6);
    return script_run(seed, &flavour);
}

static bool run_tree(uint64_t seed, uint64_t *random)
{
    struct tree_flavour flavour = {
        .workers_max = 1 + (int)below(random, 8),
        .depth = 3 + below(random, 4),
        .roots = 1 + below(random, 4),
        .blocked_max = rarity(random, 1, 3),
        .fail_one_in = rarity(random, 20, 60),
        .target_one_in = rarity(random, 3, 6),
        .terms_one_in = rarity(random, 4, 12),
        .cancel_one_in = rarity(random, 100, 400),
        .step_ns_max = below(random, 2) ? 0 : 1 + below(random, 2000000)};
    return tree_run(seed, &flavour);
}

static bool run_seed(uint64_t seed)
{
    uint64_t random = ~seed; /* not what the application draws */
    bool nested = random_one_in(&random, 5);
    return nested ? run_tree(seed, &random) : run_script(seed, &random);
}

/* ---- many of them, in processes that may abort ---------------------------*/

/* The seeds that a process has to run, in memory that its parent sees. */
struct share {
    uint64_t next, end; /* next: the one that runs now */
    uint64_t failed;
    pid_t process; /* 0: has ended */
};

static const char *program;

static void tell_failed(uint64_t seed)
{
    fprintf(stderr, "FAILED seed %llu; again: SIM_TRACE=1 %s 1 %llu\n",
            (unsigned long long)seed, program, (unsigned long long)seed);
}

static void run_share(struct share *share)
{
    for (; share->next < share->end; share->next++) {
        check_watch("campaign", SEED_LIMIT_S);
        if (run_seed(share->next)) continue;
        share->failed++;
        tell_failed(share->next);
    }
}

static void share_begin(struct share *share)
{
    pid_t process = fork();
    if (process < 0) {
        perror("fork");
        exit(2);
    }
    if (!process) {
        run_share(share);
        exit(0);
    }
    share->process = process; /* the parent's alone */
}

/* Its process has ended. False: not by itself; its seed is passed over. */
static bool share_end(struct share *share, int status)
{
    share->process = 0;
    if (WIFEXITED(status) && !WEXITSTATUS(status)) return true;
    if (share->next < share->end) tell_failed(share->next++);
    share->failed++;
    return false;
}

static struct share *share_of(struct share shares[], size_t count, pid_t id)
{
    for (size_t i = 0; i < count; i++)
        if (shares[i].process == id) return &shares[i];
    return NULL;
}

static void run_shares(struct share shares[], size_t count)
{
    int status;
    pid_t process;
    for (size_t i = 0; i < count; i++) share_begin(&shares[i]);
    while ((process = wait(&status)) > 0) {
        struct share *share = share_of(shares, count, process);
        if (share && !share_end(share, status)) share_begin(share);
    }
}

static struct share *share_out(uint64_t first, uint64_t count, size_t processes)
{
    struct share *shares =
        mmap(NULL, processes * sizeof *shares, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shares == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    for (size_t i = 0; i < processes; i++) {
        shares[i].next = first + count * i / processes;
        shares[i].end = first + count * (i + 1) / processes;
    }
    return shares;
}

/* ---- the command ---------------------------------------------------------*/

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || end == text || value > UINT64_MAX / 2) {
        fprintf(stderr, "campaign: not a number: %s\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: %s COUNT [FIRST [PROCESSES]]\n", argv[0]);
        return 2;
    }
    uint64_t count = number(argv[1]), failed = 0;
    uint64_t first = argc > 2 ? number(argv[2]) : 1;
    uint64_t processes =
        argc > 3 ? number(argv[3]) : (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (!processes || processes > 1024) processes = 1;
    program = argv[0];
    struct share *shares = share_out(first, count, processes);
    run_shares(shares, processes);
    for (size_t i = 0; i < processes; i++) failed += shares[i].failed;
    printf("%llu of %llu right\n", (unsigned long long)(count - failed),
           (unsigned long long)count);
    return failed || !count;
}
