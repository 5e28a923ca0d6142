/* SPDX-License-Identifier: BSD-3-Clause */
/* size.c - digits, then a unit. */
#include "size.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bits of the unit at TEXT, to its end; -1: there is none such. */
static int unit_bits(const char *text)
{
    static const char units[] = "kmgt";
    if (!*text || !strcasecmp(text, "b")) return 0;
    const char *unit = strchr(units, tolower((unsigned char)*text));
    if (!unit) return -1;
    text++;
    if (*text && strcasecmp(text, "b") && strcasecmp(text, "ib")) return -1;
    return 10 * (int)(unit - units + 1);
}

bool size_read(const char *text, uint64_t *bytes)
{
    uint64_t number = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = 10 * number + digit;
    }
    int bits = unit_bits(at);
    if (at == text || bits < 0 || number > UINT64_MAX >> bits) return false;
    *bytes = number << bits;
    return true;
}
