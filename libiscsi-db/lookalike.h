/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters that an editor, a web page or an input method puts in the place of ASCII characters.
 * address.c refuses them in portals and addresses; iscsiadm's options.c refuses dashes that only
 * look like the beginning of an option.
 */
#pragma once

#include "libiscsi-db/iscsi-db.h"

/* The look-alike with which @text begins, or NULL; *@ascii is the character that was meant. */
const char *lookalike_find(const char *text, const char **ascii);

/* Copies @text with each look-alike replaced, for a hint; the copy is cut to @size. */
void lookalike_to_ascii(const char *text, char *ret, size_t size);

/*
 * ISCSI_ERR_INVAL if @text, which is a @what ("portal"), has a look-alike in it. The reason names
 * the first look-alike and the text that was probably meant.
 */
enum iscsi_err lookalike_refuse(const char *what, const char *text, struct iscsi_why *why);
