/* SPDX-License-Identifier: BSD-3-Clause */
/* words.h - how often each word occurs in a piece of a text.
 *
 * The part of wordcount that knows nothing of tasks; not a program. A word is a
 * run of ASCII letters, in lower case. A counter takes the text of one piece in
 * order, as bytes or as the saved counts of smaller pieces, wherever the text
 * was cut: letters at the two ends of a piece, where words may go on, are kept
 * apart from the words that are complete. A saved counter is a block of bytes
 * that may be moved. */
#ifndef WORDS_H
#define WORDS_H

#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *enlarge(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (!memory) {
        fprintf(stderr, "wordcount: no memory for %zu bytes\n", size);
        abort();
    }
    return memory;
}

/* ---- bytes: a growing array ----------------------------------------------*/

struct bytes {
    unsigned char *data; /* owned */
    size_t size, capacity;
};

static void bytes_append(struct bytes *b, const void *data, size_t size)
{
    if (size == 0) return;
    if (size > b->capacity - b->size) {
        b->capacity = 2 * b->capacity + size;
        b->data = enlarge(b->data, b->capacity);
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* ---- table: words and how often they were seen ---------------------------*/

enum { LEAD = 8, SLOTS_AT_FIRST = 4096 };

struct word {
    uint64_t lead;   /* its first 8 letters, big-endian, 0 after the last:
                      * numbers in the order of the dictionary */
    uint64_t length; /* in letters */
    uint64_t rest;   /* where its other letters begin in the table's rests */
    uint64_t count;
};

struct slot {
    uint32_t hash;
    uint32_t word; /* its index + 1; 0: the slot is empty */
};

struct table {
    struct slot *slots; /* owned; at most half of them are used */
    size_t slot_count;  /* a power of two */
    struct word *words; /* owned */
    size_t count, capacity;
    struct bytes rests;
};

static uint64_t mix(uint64_t hash)
{
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* 8 bytes as a big-endian number. */
static uint64_t load(const void *p)
{
    uint64_t bytes;

    memcpy(&bytes, p, sizeof bytes);
    return be64toh(bytes);
}

static size_t rest_length(uint64_t length)
{
    return length > LEAD ? length - LEAD : 0;
}

static uint32_t word_hash(uint64_t lead, uint64_t length,
                          const unsigned char *rest)
{
    uint64_t hash = mix(lead);
    size_t left = rest_length(length);

    for (; left >= 8; left -= 8, rest += 8) hash = mix(hash ^ load(rest));
    for (; left > 0; left--) hash = mix(hash ^ *rest++);
    return (uint32_t)(mix(hash) >> 32);
}

static void table_rehash(struct table *t)
{
    struct slot *old = t->slots;
    size_t old_count = t->slot_count;

    t->slot_count = old_count ? 2 * old_count : SLOTS_AT_FIRST;
    t->slots = enlarge(NULL, t->slot_count * sizeof *t->slots);
    memset(t->slots, 0, t->slot_count * sizeof *t->slots);
    for (size_t i = 0; i < old_count; i++) {
        size_t to = old[i].hash & (t->slot_count - 1);
        if (old[i].word == 0) continue;
        while (t->slots[to].word) to = (to + 1) & (t->slot_count - 1);
        t->slots[to] = old[i];
    }
    free(old);
}

static void table_append(struct table *t, uint64_t lead, uint64_t length,
                         const unsigned char *rest, uint64_t count)
{
    if (t->count == t->capacity) {
        t->capacity = 2 * t->capacity + 1024;
        t->words = enlarge(t->words, t->capacity * sizeof *t->words);
    }
    t->words[t->count++] = (struct word){lead, length, t->rests.size, count};
    bytes_append(&t->rests, rest, rest_length(length));
}

/* Count a word COUNT times more. REST: its letters from the 9th on. */
static void table_add(struct table *t, uint64_t lead, uint64_t length,
                      const unsigned char *rest, uint64_t count)
{
    if (t->slot_count <= 2 * t->count) table_rehash(t);

    uint32_t hash = word_hash(lead, length, rest);
    size_t at = hash & (t->slot_count - 1);
    for (; t->slots[at].word; at = (at + 1) & (t->slot_count - 1)) {
        struct word *word = &t->words[t->slots[at].word - 1];
        if (t->slots[at].hash == hash && word->lead == lead &&
            word->length == length &&
            (length <= LEAD ||
             memcmp(t->rests.data + word->rest, rest, length - LEAD) == 0)) {
            word->count += count;
            return;
        }
    }
    assert(t->count < UINT32_MAX);
    table_append(t, lead, length, rest, count);
    t->slots[at] = (struct slot){hash, (uint32_t)t->count};
}

static void table_add_letters(struct table *t, const struct bytes *letters)
{
    unsigned char lead[LEAD] = {0};

    if (letters->size == 0) return;
    memcpy(lead, letters->data, letters->size < LEAD ? letters->size : LEAD);
    table_add(t, load(lead), letters->size,
              letters->data + letters->size - rest_length(letters->size), 1);
}

/* Count the words of folded text. It ends with a separator; LEAD bytes after
 * END can be read. */
static void table_add_text(struct table *t, const unsigned char *text,
                           const unsigned char *end)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    uint64_t length;

    for (; text < end; text += length + 1) {
        uint64_t lead = load(text);
        uint64_t separators = ~(lead + low) & ~low; /* 0x80 for each */

        if (separators) {
            length = (uint64_t)__builtin_clzll(separators) / 8;
            if (length == 0) continue;
            lead &= ~(UINT64_MAX >> 8 * length);
        } else {
            length = LEAD + strlen((const char *)text + LEAD);
        }
        table_add(t, lead, length, text + LEAD, 1);
    }
}

/* ---- counter: the count of a piece of the stream -------------------------*/

/* Text comes in order, as bytes or as the saved counts of pieces of it. */
struct counter {
    struct table table; /* the words that have ended */
    struct bytes head;  /* letters before the first separator: the end of a
                         * word that may have begun before this piece */
    struct bytes open;  /* letters after the last separator so far, or since
                         * the beginning if there was none */
    int broken;         /* nonzero: there was a separator */
};

/* A saved counter. After it: words, rests, head and tail. */
struct saved {
    uint64_t words;             /* number of struct word */
    uint64_t rests, head, tail; /* bytes */
    uint64_t broken;
};

static void counter_fini(struct counter *c)
{
    free(c->table.slots);
    free(c->table.words);
    free(c->table.rests.data);
    free(c->head.data);
    free(c->open.data);
}

/* A separator has come: the open letters are complete. */
static void counter_break(struct counter *c)
{
    if (c->broken) {
        table_add_letters(&c->table, &c->open);
        c->open.size = 0;
    } else {
        c->head = c->open;
        c->open = (struct bytes){NULL, 0, 0};
        c->broken = 1;
    }
}

/* Fold letters to lower case and all else to 0, 8 bytes at a time; SIZE is
 * rounded up to that. The sums set the top bit of each byte that is at least
 * 'a', or above 'z'. */
static void fold(unsigned char *text, size_t size)
{
    const uint64_t each = 0x0101010101010101u;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t bytes, lower, letters;
        memcpy(&bytes, text + i, 8);
        lower = (bytes | 0x20 * each) & 0x7f * each;
        letters = (lower + (0x80 - 'a') * each) &
                  ~(lower + (0x7f - 'z') * each) & ~bytes & 0x80 * each;
        bytes = lower & (letters >> 7) * 0xff;
        memcpy(text + i, &bytes, 8);
    }
}

/* SIZE bytes of TEXT come next. Overwrites them and the 16 after them. */
static void counter_add_text(struct counter *c, unsigned char *text,
                             size_t size)
{
    memset(text + size, 0, 16);
    fold(text, size);

    size_t first = strlen((const char *)text); /* at most SIZE */
    size_t last = size;
    bytes_append(&c->open, text, first);
    if (first == size) return;
    counter_break(c);
    while (text[last - 1]) last--;
    table_add_text(&c->table, text + first, text + last);
    bytes_append(&c->open, text + last, size - last);
}

static void counter_add_saved(struct counter *c, const void *value)
{
    const struct saved *saved = value;
    const struct word *words = (const struct word *)(saved + 1);
    const unsigned char *rests = (const unsigned char *)(words + saved->words);
    const unsigned char *head = rests + saved->rests;
    const unsigned char *tail = head + saved->head;

    bytes_append(&c->open, head, saved->head);
    if (saved->broken) counter_break(c);
    bytes_append(&c->open, tail, saved->tail);
    for (uint64_t i = 0; i < saved->words; i++)
        table_add(&c->table, words[i].lead, words[i].length,
                  rests + words[i].rest, words[i].count);
}

static size_t counter_saved_size(const struct counter *c)
{
    return sizeof(struct saved) + c->table.count * sizeof(struct word) +
           c->table.rests.size + c->head.size + c->open.size;
}

/* Copy SIZE bytes to TO; returns where the next go. */
static char *store(char *to, const void *data, size_t size)
{
    if (size > 0) memcpy(to, data, size);
    return to + size;
}

/* Write counter_saved_size() bytes to TO. A piece without a separator has only
 * a tail. */
static void counter_save(const struct counter *c, char *to)
{
    const struct table *t = &c->table;
    struct saved saved = {t->count, t->rests.size, c->head.size, c->open.size,
                          (uint64_t)c->broken};

    to = store(to, &saved, sizeof saved);
    to = store(to, t->words, t->count * sizeof *t->words);
    to = store(to, t->rests.data, t->rests.size);
    to = store(to, c->head.data, c->head.size);
    store(to, c->open.data, c->open.size);
}

#endif
