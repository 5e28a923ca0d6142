/* SPDX-License-Identifier: BSD-3-Clause */
/* texts.c - targets that read text. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fuzz.h"
#include "registry.h"
#include "supply.h"

enum { RANKS = 5, VARIABLES_MAX = 30 };

/* As a text of its own, so that reading beyond its end is seen. */
static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    assert(text);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    return text;
}

/* The first line is the options, each other one a variable. */
int fuzz_config(const uint8_t *data, size_t size)
{
    struct config config;
    char why[200], *environment[VARIABLES_MAX + 1] = {NULL};
    char *text = text_of(data, size), *rest = text;
    const char *options = strsep(&rest, "\n");
    for (int i = 0; rest && i < VARIABLES_MAX; i++)
        environment[i] = strsep(&rest, "\n");
    if (!config_read(&config, options, environment, why, sizeof why))
        assert(*why && !strchr(why, '\n') && strlen(why) < sizeof why);
    free(text);
    return 0;
}

/* The first line is what there is, the second what is wanted. */
int fuzz_supply(const uint8_t *data, size_t size)
{
    struct supply supply;
    char why[200];
    char *text = text_of(data, size), *wanted = strchr(text, '\n');
    if (wanted) *wanted++ = 0;
    bool good = supply_read(&supply, text, RANKS, why, sizeof why);
    if (!good) assert(*why && strlen(why) < sizeof why);
    struct amounts amounts;
    if (good && wanted &&
        !supply_read_amounts(&supply, wanted, &amounts, why, sizeof why))
        assert(*why && strlen(why) < sizeof why);
    free(text);
    return 0;
}

/* The first byte parts the rest in two. */
int fuzz_hello(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    size_t first = data[0] < size ? data[0] : size - 1;
    char *a = text_of(data + 1, first);
    char *b = text_of(data + 1 + first, size - 1 - first);
    const char *here, *there;
    registry_difference(a, first, b, size - 1 - first, &here, &there);
    assert(strlen(here) <= first && strlen(there) <= size - 1 - first);
    free(a);
    free(b);
    return 0;
}
