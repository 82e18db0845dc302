/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, numbers and control characters in text; the gates for names are in iscsi-db.h. */
#pragma once

#include "libiscsi-db/iscsi-db.h"

/* True if both are numeric addresses and mean the same address; zones are compared as text. */
bool address_equal(const char *a, const char *b);

/* True if @c, followed by @next, begins a control character, C1 in UTF-8 included. */
static inline bool text_is_control(char c, char next)
{
	unsigned char a = (unsigned char)c, b = (unsigned char)next;

	return a < 0x20 || a == 0x7f || (a == 0xc2 && b >= 0x80 && b <= 0x9f);
}

/* True if @text is a decimal number exactly as printf("%d") writes the number. */
bool text_to_int(const char *text, int *ret);
