/* SPDX-License-Identifier: BSD-3-Clause */
/* token.c - the slow sides of the token. */
#include "token.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_NS = 20000 };

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

void token_init(struct token *token)
{
    *token = (struct token){.turns = 0};
    token->fences = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0;
}

void token_barrier(const struct token *token)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!token->fences) membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void token_wait_for_other(struct token *token)
{
    uint32_t seen;
    while ((seen = atomic_load_explicit(&token->other, memory_order_acquire))) {
        if (seen == TOKEN_TAKEN && !atomic_compare_exchange_strong(
                                       &token->other, &seen, TOKEN_AWAITED))
            continue;
        futex(&token->other, FUTEX_WAIT_PRIVATE, TOKEN_AWAITED);
    }
}

bool token_try_other(struct token *token)
{
    atomic_store(&token->other, TOKEN_TAKEN);
    token_barrier(token);
    if (token_is_given(token_turns(token))) return true;
    token_give_other(token);
    return false;
}

void token_want(struct token *token)
{
    atomic_store(&token->wanted, 1);
}

void token_take_other(struct token *token)
{
    struct timespec nap = {0, RETRY_NS};
    while (!token_try_other(token))
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    atomic_store(&token->wanted, 0);
}

void token_give_other(struct token *token)
{
    if (atomic_exchange(&token->other, TOKEN_FREE) == TOKEN_AWAITED)
        futex(&token->other, FUTEX_WAKE_PRIVATE, 1);
}
