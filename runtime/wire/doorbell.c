/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell.c - one futex per rank and its page, a cache line each. */
#include "doorbell.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

struct doorbell_word {
    _Atomic uint32_t asleep;
    char pad[64 - sizeof(uint32_t)];
    char page[DOORBELL_PAGE_BYTES];
};

void doorbell_init(struct doorbell *bell, MPI_Comm node, const int ranks[],
                   int pool_ranks)
{
    int size, me;
    MPI_Comm_size(node, &size);
    MPI_Comm_rank(node, &me);
    size_t bytes = (size_t)pool_ranks * sizeof *bell->words;
    *bell = (struct doorbell){.words = log_alloc(bytes),
                              .all_near = size == pool_ranks};
    memset(bell->words, 0, bytes);
    if (MPI_Win_allocate_shared(sizeof *bell->own, 1, MPI_INFO_NULL, node,
                                &bell->own, &bell->window) != MPI_SUCCESS)
        log_panic("no shared memory for the ranks of this node");
    memset(bell->own, 0, sizeof *bell->own);
    for (int i = 0; i < size; i++) {
        MPI_Aint there;
        int unit;
        MPI_Win_shared_query(bell->window, i, &there, &unit,
                             &bell->words[ranks[i]]);
    }
    MPI_Barrier(node); /* at start only: nobody rings before all words are 0 */
}

void doorbell_fini(struct doorbell *bell)
{
    MPI_Win_free(&bell->window);
    free(bell->words);
}

void doorbell_abandon(struct doorbell *bell)
{
    free(bell->words);
}

void *doorbell_page(const struct doorbell *bell, int rank)
{
    struct doorbell_word *word = bell->words[rank];
    return word ? word->page : NULL;
}

void doorbell_raise(struct doorbell *bell)
{
    atomic_store_explicit(&bell->own->asleep, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

void doorbell_lower(struct doorbell *bell)
{
    atomic_store_explicit(&bell->own->asleep, 0, memory_order_relaxed);
}

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *limit)
{
    return syscall(SYS_futex, word, operation, value, limit, NULL, 0);
}

void doorbell_wait(struct doorbell *bell, uint64_t nap_ns)
{
    struct timespec nap = {(time_t)(nap_ns / 1000000000u),
                           (long)(nap_ns % 1000000000u)};
    futex(&bell->own->asleep, FUTEX_WAIT, 1, &nap);
    /* The flag stays: another thread of this rank may be asleep behind it. */
}

void doorbell_ring(struct doorbell *bell, int rank)
{
    struct doorbell_word *word = bell->words[rank];
    if (!word) return;
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&word->asleep, memory_order_relaxed)) return;
    atomic_store_explicit(&word->asleep, 0, memory_order_relaxed);
    futex(&word->asleep, FUTEX_WAKE, INT_MAX, NULL);
}
