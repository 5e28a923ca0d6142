/* SPDX-License-Identifier: BSD-3-Clause */
/* token.h - who may touch this rank's roles: the main thread or the ticker.
 *
 * The main thread takes and gives the token around every task, the ticker once
 * a millisecond at most: so the main thread pays two plain stores and a load,
 * and the ticker the barrier for both, by membarrier(2) (an asymmetric form of
 * Dekker's algorithm). Where the kernel has no membarrier both pay. */
#ifndef TOKEN_H
#define TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct token {
    /* Even: the main thread has it. Odd: code of the user runs there. */
    _Atomic uint64_t turns;
    _Atomic uint32_t other;  /* enum token_other, a futex */
    _Atomic uint32_t wanted; /* the ticker waits: main is to give it */
    bool fences;             /* no membarrier: the main thread fences too */
};

enum token_other { TOKEN_FREE, TOKEN_TAKEN, TOKEN_AWAITED };

/* The main thread has it. */
void token_init(struct token *token);

void token_wait_for_other(struct token *token);

/* The main thread's side of the barrier: most often for the compiler only. */
static inline void token_fence(const struct token *token)
{
    if (token->fences) atomic_thread_fence(memory_order_seq_cst);
    else atomic_signal_fence(memory_order_seq_cst);
}

/* The ticker's side. */
void token_barrier(const struct token *token);

/* The main thread: user code ends. */
static inline void token_take(struct token *token)
{
    uint64_t turns = atomic_load_explicit(&token->turns, memory_order_relaxed);
    atomic_store_explicit(&token->turns, turns + 1, memory_order_relaxed);
    token_fence(token);
    if (atomic_load_explicit(&token->other, memory_order_acquire))
        token_wait_for_other(token);
}

/* The main thread: user code begins. */
static inline void token_give(struct token *token)
{
    uint64_t turns = atomic_load_explicit(&token->turns, memory_order_relaxed);
    atomic_store_explicit(&token->turns, turns + 1, memory_order_release);
    token_fence(token); /* before looking whether the ticker is parked */
}

static inline uint64_t token_turns(const struct token *token)
{
    return atomic_load_explicit(&token->turns, memory_order_acquire);
}

static inline bool token_is_given(uint64_t turns)
{
    return turns & 1;
}

static inline bool token_is_wanted(const struct token *token)
{
    return atomic_load_explicit(&token->wanted, memory_order_acquire);
}

/* The ticker: take it if the main thread does not have it. */
bool token_try_other(struct token *token);

/* The ticker, in code of the user itself: take it, however long that lasts.
 * Say first that it is wanted, for a main thread that has nothing to do. */
void token_want(struct token *token);
void token_take_other(struct token *token);
void token_give_other(struct token *token);

#endif
