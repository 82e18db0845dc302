/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzzers do with their input, and how they tell that something is wrong. */
#pragma once

#include <stdlib.h>

#include "iscsid/base/bytes.h"

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

/* 0 at the end of the input. */
static inline uint8_t next_byte(struct reader *r)
{
	const uint8_t *byte = reader_bytes(r, 1);

	return byte ? *byte : 0;
}
