/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters in UTF-8: which may stand in the name of a target that came from outside, and which
 * must not reach a terminal as they are. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The character at @text, which doesn't end there -> its number and its length in bytes. 0: the
 * bytes aren't UTF-8 (overlong forms, surrogates and numbers above U+10FFFF included).
 */
size_t character_decode(const char *text, uint32_t *ret);

/*
 * True for what RFC 3722 allows in a name after it is prepared, and for '_' and upper case, which
 * names of real targets have. Characters that preparation turns into others that are not allowed,
 * such as the full-width semicolon, aren't allowed either.
 */
bool character_is_of_name(uint32_t character);

/* True for controls, and for characters that change how others are shown or that show nothing. */
bool character_is_hidden(uint32_t character);
