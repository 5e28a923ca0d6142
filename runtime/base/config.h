/* SPDX-License-Identifier: BSD-3-Clause */
/* config.h - the settings: one table of names, values and what they mean.
 *
 * Rank 0 reads them, from dmpi_open()'s options and then from its environment
 * (DISTMPI_<NAME>), and sends the numbers to the workers. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "supply.h"

enum config_option {
    CONFIG_BEAT_SECONDS,
    CONFIG_BIND,
    CONFIG_CRASH_LIMIT,
    CONFIG_DEADLINE,
    CONFIG_DEAD_SECONDS,
    CONFIG_DURABLE,
    CONFIG_FAKE_NODES,
    CONFIG_GRACE,
    CONFIG_HELP,
    CONFIG_ISOLATE,
    CONFIG_JOURNAL,
    CONFIG_LOG,
    CONFIG_MEMORY,
    CONFIG_MIN_WORKERS,
    CONFIG_RECOVERY,
    CONFIG_REPLICAS,
    CONFIG_REPORT,
    CONFIG_RESOURCES,
    CONFIG_SCRATCH,
    CONFIG_STEAL,
    CONFIG_SUSPECT_SECONDS,
    CONFIG_TABLE,
    CONFIG_TRACE,
    CONFIG_TRACE_MIB,
    CONFIG_WATCHDOG_SECONDS,
    CONFIG_OPTIONS
};

/* Values of CONFIG_ISOLATE. */
enum { ISOLATE_OFF, ISOLATE_TASKS, ISOLATE_PROCESS };

enum { CONFIG_FILE_MAX = 1024, CONFIG_SIZE_MAX = 32 };

struct config {
    /* A number, or the place in a list of words, or whether there is a text. */
    int value[CONFIG_OPTIONS];
    char journal[CONFIG_FILE_MAX];   /* the file of CONFIG_JOURNAL, "": none */
    char trace[CONFIG_FILE_MAX];     /* the file of CONFIG_TRACE, "": none */
    char memory[CONFIG_SIZE_MAX];    /* for size_read(), "": none */
    char scratch[CONFIG_FILE_MAX];   /* a directory, "": none */
    char resources[SUPPLY_TEXT_MAX]; /* for supply_read(), "": none */
};

/* Defaults, then OPTIONS ("name=value name=value", or NULL), then ENVIRONMENT
 * (as environ). False: WHY says in one line what is wrong. */
bool config_read(struct config *config, const char *options,
                 char *const environment[], char *why, size_t why_size);

/* The table as text, a line an option. The caller frees it. */
char *config_help(void);

#endif
