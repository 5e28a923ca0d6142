/* SPDX-License-Identifier: BSD-3-Clause */
/* config.c - the table of settings and the one way to read them. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "size.h"

struct option {
    const char *name;  /* upper case */
    const char *words; /* "a|b|c", or NULL: a number, low to high, or text */
    int low, high, fallback;
    const char *help;
    const char *text;   /* what that is; NULL: it takes none */
    size_t place, room; /* where it is kept in struct config, bytes */
    bool is_size;       /* the text is one */
};

#define TEXT_IN(member)                                                        \
    .place = offsetof(struct config, member),                                  \
    .room = sizeof((struct config *)0)->member

/* clang-format off */
static const struct option table[CONFIG_OPTIONS] = {
    [CONFIG_BEAT_SECONDS] = {"BEAT_SECONDS", NULL, 1, 60, 1,
        "with recovery: ranks give a sign of life so often"},
    [CONFIG_BIND] = {"BIND", "compact|spread|none", 0, 0, 0,
        "how workers share the cores that the launcher gave them"},
    [CONFIG_CRASH_LIMIT] = {"CRASH_LIMIT", NULL, 0, 65535, 3,
        "with recovery: an error is what so many workers died of (0: never)"},
    [CONFIG_DEADLINE] = {"DEADLINE", NULL, 0, 31536000, 0,
        "seconds from the start until the job ends (0: the batch system's)"},
    [CONFIG_DEAD_SECONDS] = {"DEAD_SECONDS", NULL, 2, 86400, 30,
        "with recovery: a rank without a sign of life is ended after"},
    [CONFIG_DURABLE] = {"DURABLE", "marked|got", 0, 0, 0,
        "values for the journal: of tasks so marked, or all that is got"},
    [CONFIG_FAKE_NODES] = {"FAKE_NODES", NULL, 0, 4096, 0,
        "believe that the ranks lie on this many nodes (0: as they do)"},
    [CONFIG_GRACE] = {"GRACE", NULL, 0, 86400, 10,
        "seconds that tasks still have when the job is told to end"},
    [CONFIG_HELP] = {"HELP", "0|1", 0, 0, 0,
        "print this table and end the program"},
    [CONFIG_ISOLATE] = {"ISOLATE", "off|tasks|process", 0, 0, 0,
        "which tasks run in executors: none, those that ask, all"},
    [CONFIG_JOURNAL] = {.name = "JOURNAL", .text = "a file", TEXT_IN(journal),
        .help = "keep values here, and take them from it when run again"},
    [CONFIG_LOG] = {"LOG", "error|warn|info|debug", 0, 0, 1,
        "what is told on stderr"},
    [CONFIG_MEMORY] = {.name = "MEMORY", .text = "a size", TEXT_IN(memory),
        .help = "a worker's, as 512M; more goes to DISTMPI_SCRATCH",
        .is_size = true},
    [CONFIG_MIN_WORKERS] = {"MIN_WORKERS", NULL, 1, 65535, 1,
        "with recovery: fewer workers than that end the job"},
    [CONFIG_RECOVERY] = {"RECOVERY", "off|on", 0, 0, 0,
        "the job lives on when a worker dies; scripts/run turns it on"},
    [CONFIG_REPLICAS] = {"REPLICAS", NULL, 1, 65535, 1,
        "workers that hold each value that was put, if there are so many"},
    [CONFIG_REPORT] = {"REPORT", "0|1", 0, 0, 0,
        "at the end print what was done and moved"},
    [CONFIG_RESOURCES] = {.name = "RESOURCES", .text = "a list",
        TEXT_IN(resources),
        .help = "what tasks may ask for: NAME:COUNT[@pool|@rankN]+..."},
    [CONFIG_SCRATCH] = {.name = "SCRATCH", .text = "a directory",
        TEXT_IN(scratch),
        .help = "for values that do not fit into memory; else TMPDIR, /tmp"},
    [CONFIG_STEAL] = {"STEAL", "0|1", 0, 0, 1,
        "let idle workers take tasks from busy ones"},
    [CONFIG_SUSPECT_SECONDS] = {"SUSPECT_SECONDS", NULL, 1, 86400, 10,
        "with recovery: and is told of after"},
    [CONFIG_TABLE] = {"TABLE", "0|1", 0, 0, 0,
        "at the start print rank, host and cores of every rank"},
    [CONFIG_TRACE] = {.name = "TRACE", .text = "a file", TEXT_IN(trace),
        .help = "write here what every rank did when (see Perfetto)"},
    [CONFIG_TRACE_MIB] = {"TRACE_MIB", NULL, 1, 65536, 64,
        "memory for the trace on each rank, in MiB"},
    [CONFIG_WATCHDOG_SECONDS] = {"WATCHDOG_SECONDS", NULL, 0, 86400, 60,
        "with recovery: a rank that hangs ends itself after (0: never)"},
};
/* clang-format on */

enum { SIZE_LEAST = 1 << 20 };

static const char prefix[] = "DISTMPI_";

static bool parse_word(const struct option *option, const char *text,
                       size_t length, int *value)
{
    int place = 0;
    for (const char *word = option->words; word; place++) {
        const char *end = strchr(word, '|');
        size_t size = end ? (size_t)(end - word) : strlen(word);
        if (size == length && !strncasecmp(word, text, length)) {
            *value = place;
            return true;
        }
        word = end ? end + 1 : NULL;
    }
    return false;
}

static bool parse_number(const struct option *option, const char *text,
                         size_t length, int *value)
{
    char copy[16], *end;
    if (!length || length >= sizeof copy || !isdigit((unsigned char)*text))
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    long number = strtol(copy, &end, 10);
    if (*end || number < option->low || number > option->high) return false;
    *value = (int)number;
    return true;
}

/* Less than that is a slip of the pen. */
static bool is_good_size(const char *text)
{
    uint64_t bytes;
    return size_read(text, &bytes) && bytes >= SIZE_LEAST;
}

static bool parse_text(struct config *config, const struct option *option,
                       const char *text, size_t length, int *value)
{
    char *to = (char *)config + option->place;
    if (length >= option->room) return false;
    memcpy(to, text, length);
    to[length] = 0;
    *value = length > 0;
    return !length || !option->is_size || is_good_size(to);
}

static bool parse(struct config *config, const struct option *option,
                  const char *text, size_t length)
{
    int *value = &config->value[option - table];
    if (option->text) return parse_text(config, option, text, length, value);
    return option->words ? parse_word(option, text, length, value)
                         : parse_number(option, text, length, value);
}

/* Of a value that makes no sense. */
enum { SHOWN_MOST = 40 };

static void say_allowed(const struct option *option, const char *text,
                        size_t length, char *why, size_t why_size)
{
    int shown = length < SHOWN_MOST ? (int)length : SHOWN_MOST;
    if (option->is_size)
        snprintf(why, why_size,
                 "%s%s is '%.*s': use a size from 1M on, such as 512M or 4G",
                 prefix, option->name, shown, text);
    else if (option->text)
        snprintf(why, why_size, "%s%s has %zu bytes: use %s of at most %zu",
                 prefix, option->name, length, option->text, option->room - 1);
    else if (option->words)
        snprintf(why, why_size, "%s%s is '%.*s': use one of %s", prefix,
                 option->name, shown, text, option->words);
    else
        snprintf(why, why_size, "%s%s is '%.*s': use a number from %d to %d",
                 prefix, option->name, shown, text, option->low, option->high);
}

static const struct option *find(const char *name, size_t length)
{
    for (size_t i = 0; i < CONFIG_OPTIONS; i++)
        if (strlen(table[i].name) == length &&
            !strncasecmp(table[i].name, name, length))
            return &table[i];
    return NULL;
}

static bool set(struct config *config, const char *name, size_t name_length,
                const char *text, size_t length, char *why, size_t why_size)
{
    const struct option *option = find(name, name_length);
    if (!option) {
        snprintf(why, why_size,
                 "unknown option %s%.*s: DISTMPI_HELP=1 lists what there is",
                 prefix, (int)name_length, name);
        return false;
    }
    bool good = parse(config, option, text, length);
    if (!good) say_allowed(option, text, length, why, why_size);
    return good;
}

static bool read_options(struct config *config, const char *options, char *why,
                         size_t why_size)
{
    const char *blanks = " \t\n,";
    for (const char *at = options + strspn(options, blanks); *at;
         at += strspn(at, blanks)) {
        size_t length = strcspn(at, blanks);
        const char *equals = memchr(at, '=', length);
        if (!equals) {
            snprintf(why, why_size,
                     "option '%.*s' has no '=': write name=value", (int)length,
                     at);
            return false;
        }
        size_t name = (size_t)(equals - at);
        if (!set(config, at, name, equals + 1, length - name - 1, why,
                 why_size))
            return false;
        at += length;
    }
    return true;
}

static bool read_environment(struct config *config, char *const environment[],
                             char *why, size_t why_size)
{
    size_t skip = sizeof prefix - 1;
    for (char *const *at = environment; at && *at; at++) {
        const char *equals = strchr(*at, '=');
        if (strncmp(*at, prefix, skip) || !equals) continue;
        const char *name = *at + skip;
        size_t length = (size_t)(equals - name);
        if (!set(config, name, length, equals + 1, strlen(equals + 1), why,
                 why_size))
            return false;
    }
    return true;
}

/* What is not read as a value may be anything. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text)) *text = '?';
}

bool config_read(struct config *config, const char *options,
                 char *const environment[], char *why, size_t why_size)
{
    *config = (struct config){.trace = ""};
    for (size_t i = 0; i < CONFIG_OPTIONS; i++)
        config->value[i] = table[i].fallback;
    bool good = (!options || read_options(config, options, why, why_size)) &&
                read_environment(config, environment, why, why_size);
    if (!good) make_one_line(why);
    return good;
}

static void print_default(FILE *out, const struct option *option)
{
    if (!option->words) {
        if (!option->text) fprintf(out, "%d", option->fallback);
        return;
    }
    const char *word = option->words;
    for (int i = 0; i < option->fallback; i++) word = strchr(word, '|') + 1;
    fprintf(out, "%.*s", (int)strcspn(word, "|"), word);
}

char *config_help(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    for (size_t i = 0; i < CONFIG_OPTIONS; i++) {
        const struct option *option = &table[i];
        char values[64];
        if (option->words) snprintf(values, sizeof values, "%s", option->words);
        else if (option->text)
            snprintf(values, sizeof values, "%s", option->text);
        else
            snprintf(values, sizeof values, "%d..%d", option->low,
                     option->high);
        fprintf(out, "%s%-16s  %-22s  %s [", prefix, option->name, values,
                option->help);
        print_default(out, option);
        fputs("]\n", out);
    }
    fclose(out);
    return text;
}
