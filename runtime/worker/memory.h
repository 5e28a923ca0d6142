/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.h - what the values here take, and which of them lie on disk.
 *
 * Up to the first time that they take more than HIGH nothing is known of single
 * values. From then on (TIGHT) each value of at least LEAST bytes has an item,
 * in the order of use, and above HIGH the least recently used ones leave until
 * LOW is reached: their bytes are written, then their memory is given back. The
 * watermarks are those of dask's workers ("target" 0.6, "spill" 0.7 of the
 * limit); Ray's object store spills from 0.8 on.
 *
 * A value on disk is still HELD: its buffer has its size, and no data. It comes
 * back when somebody asks by memory_load(). What has been written once is not
 * written again. Errors, constants and small values stay. */
#ifndef MEMORY_H
#define MEMORY_H

#include "disk.h"
#include "store.h"

struct memory_setup {
    struct disk *disk;    /* borrowed; NULL: there is no limit */
    uint64_t limit_bytes; /* that values may take */
    uint64_t least_bytes; /* smaller values are not worth a file's while */
};

struct memory_client {
    void *role;
    void (*loaded)(void *role, struct value *); /* it is here, or an error */
    void *tight_role;
    void (*tight)(void *tight_role); /* from now on: pin what is in use */
};

struct memory_item;

struct memory_list {
    struct memory_item *oldest, *newest;
};

enum memory_kind { MEMORY_FRESH, MEMORY_COPIED, MEMORY_KINDS };

struct memory {
    struct store *store; /* borrowed */
    struct disk *disk;   /* borrowed; NULL: no limit */
    struct memory_client client;
    uint64_t limit, high, low, least; /* bytes */
    uint64_t trigger; /* store->bytes above it: memory_held() is to be called */
    bool tight;
    bool full;        /* the last write failed, and no room was made since */
    struct map items; /* key -> struct memory_item, owned */
    struct mem mem;
    struct memory_list lists[MEMORY_KINDS]; /* not pinned, not on their way */
    uint64_t uses;     /* counted, to compare the age of two items */
    uint64_t away;     /* bytes of values on disk */
    uint64_t leaving;  /* being written, to go afterwards */
    uint64_t loading;  /* being read */
    uint64_t arriving; /* on their way to here from peers */
    uint64_t reserved; /* for outputs of tasks that run, or are about to */
    uint64_t spilled, read_back; /* bytes in all, for the report */
};

void memory_init(struct memory *memory, struct store *store,
                 const struct memory_setup *setup);
void memory_fini(struct memory *memory);

/* Bytes that are taken, or promised. */
uint64_t memory_used(const struct memory *memory);

/* VALUE is held from now on. To be called above the trigger. */
void memory_held(struct memory *memory, struct value *value);

/* BUFFER (taken), or a copy of it if it is an input that was passed: a value
 * that shares its bytes with another could not leave. */
struct buffer *memory_own(const struct memory *memory, struct buffer *buffer);

/* VALUE, which is listed, is about to be removed from the store. */
void memory_removed(struct memory *memory, struct value *value);

/* VALUE stays in memory, or once it has been loaded, until it is unpinned. Both
 * count as a use. */
void memory_pin(struct memory *memory, struct value *value);
void memory_unpin(struct memory *memory, struct value *value);

/* Somebody has used VALUE. */
void memory_use(struct memory *memory, struct value *value);

/* Read VALUE, which is away, unless that is being done; the client is told. */
void memory_load(struct memory *memory, struct value *value);

/* Is VALUE away, and nobody reads it? */
bool memory_is_out(const struct memory *memory, const struct value *value);

/* BYTES more will be wanted soon: is it time to be tight? */
void memory_want(struct memory *memory, uint64_t bytes);

/* BYTES are about to come from a peer; or have come, before they are held. */
void memory_expect(struct memory *memory, uint64_t bytes);
void memory_came(struct memory *memory, uint64_t bytes);

enum memory_verdict {
    MEMORY_FITS,
    MEMORY_LATER, /* something is leaving */
    MEMORY_STUCK  /* nothing can leave now */
};

/* Is there room for NEED bytes more? If not values begin to leave. */
enum memory_verdict memory_room(struct memory *memory, uint64_t need);

/* For tests: sums and lists are in order, or it asserts. */
void memory_check(const struct memory *memory);

#endif
