/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Characters that an editor, a web page or an input method puts in the place of ASCII characters.
 * options.c refuses them where they would change the meaning of a command.
 */
#ifndef ISCSIADM_LOOKALIKE_H
#define ISCSIADM_LOOKALIKE_H

#include <stddef.h>

/* The look-alike with which @text begins, or NULL; *@ascii is the character that was meant. */
const char *lookalike_find(const char *text, const char **ascii);

/* Copies @text with each look-alike replaced, for a hint; cut to @size. */
void lookalike_to_ascii(const char *text, char *ret, size_t size);

#endif /* ISCSIADM_LOOKALIKE_H */
