/* SPDX-License-Identifier: BSD-3-Clause */
/* size.h - a number of bytes as people write it. */
#ifndef SIZE_H
#define SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* "512M", "4g", "1536KiB": digits and, if any, K, M, G or T, each 1024 of the one
 * before, with or without B or iB behind. False: it is none, or does not fit. */
bool size_read(const char *text, uint64_t *bytes);

#endif
