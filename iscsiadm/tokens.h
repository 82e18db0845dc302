/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * argv -> tokens, by getopt_long(), and what is said of a token that can't be used. The table of
 * all options is here; options.c says what each option means and which mode takes it.
 */
#pragma once

#include <stddef.h>

#include "libiscsi-db/iscsi-db.h"

/* Options without a letter have numbers below all letters. */
enum { OPT_DBROOT = 1, OPT_FORCE = 2, OPT_WAIT = 3 };

/* The codes of tokens that are no good option; other codes are the letters of options. */
enum { TOKEN_UNKNOWN = 256, TOKEN_NO_ARGUMENT, TOKEN_NEEDLESS_ARGUMENT };

struct token {
	int code;
	int letter;		/* 0: an unknown or ambiguous long option */
	const char *word;	/* the word of argv in which the option stands */
	const char *arg;
};

struct token_list {
	struct token *tokens;
	size_t len;
	char **words;		/* the words that belong to no option */
	size_t word_count;
	char **argv;		/* a copy, since getopt_long() sorts its argv */
};

/* Only ISCSI_ERR_NOMEM can happen; then there is nothing to free. */
enum iscsi_err tokens_read(int argc, char **argv, struct token_list *ret);
void tokens_done(struct token_list *list);

/* Says why a token can't be used in @mode; "" stands for no mode. */
enum iscsi_err tokens_complain(const struct token *t, const char *mode, struct iscsi_why *why);

/*
 * The option that was meant by a word whose dashes aren't all ASCII. An editor makes one dash of
 * two, so a word that begins a long option gets two.
 */
void tokens_guess_option(const char *word, char *ret, size_t size);
