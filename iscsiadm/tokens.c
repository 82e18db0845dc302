/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of the command line, see tokens.h. */
#include "iscsiadm/tokens.h"

#include <getopt.h>

#include "libiscsi-db/lookalike.h"
#include "libiscsi-db/util.h"

static const struct option long_options[] = {
	{ "mode",	 required_argument, NULL, 'm' },
	{ "type",	 required_argument, NULL, 't' },
	{ "portal",	 required_argument, NULL, 'p' },
	{ "targetname",	 required_argument, NULL, 'T' },
	{ "interface",	 required_argument, NULL, 'I' },
	{ "op",		 required_argument, NULL, 'o' },
	{ "name",	 required_argument, NULL, 'n' },
	{ "value",	 required_argument, NULL, 'v' },
	{ "login",	 no_argument,	    NULL, 'l' },
	{ "logout",	 no_argument,	    NULL, 'u' },
	{ "loginall",	 required_argument, NULL, 'L' },
	{ "logoutall",	 required_argument, NULL, 'U' },
	{ "no_wait",	 no_argument,	    NULL, 'W' },
	{ "sid",	 required_argument, NULL, 'r' },
	{ "rescan",	 no_argument,	    NULL, 'R' },
	{ "stats",	 no_argument,	    NULL, 's' },
	{ "print",	 required_argument, NULL, 'P' },
	{ "show",	 no_argument,	    NULL, 'S' },
	{ "discover",	 no_argument,	    NULL, 'D' },
	{ "debug",	 required_argument, NULL, 'd' },
	{ "host",	 required_argument, NULL, 'H' },
	{ "submode",	 required_argument, NULL, 'C' },
	{ "index",	 required_argument, NULL, 'x' },
	{ "portal_type", required_argument, NULL, 'A' },
	{ "ip",		 required_argument, NULL, 'a' },
	{ "packetsize",	 required_argument, NULL, 'b' },
	{ "count",	 required_argument, NULL, 'c' },
	{ "interval",	 required_argument, NULL, 'i' },
	{ "killiscsid",	 required_argument, NULL, 'k' },
	{ "dbroot",	 required_argument, NULL, OPT_DBROOT },
	{ "force",	 no_argument,	    NULL, OPT_FORCE },
	{ "json",	 no_argument,	    NULL, 'J' },
	{ "wait",	 optional_argument, NULL, OPT_WAIT },
	{ "version",	 no_argument,	    NULL, 'V' },
	{ "help",	 no_argument,	    NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

void tokens_done(struct token_list *list)
{
	free(list->tokens);
	free(list->argv);
}

/* Makes getopt's ":a:b..." from the table of long options. */
static void short_options(char *ret)
{
	*ret++ = ':';
	for (const struct option *o = long_options; o->name; o++) {
		if (o->val < ' ')
			continue;
		*ret++ = (char)o->val;
		if (o->has_arg == required_argument)
			*ret++ = ':';
	}
	*ret = '\0';
}

static void token_classify(struct token *t, int c)
{
	t->code = c;
	t->letter = c;
	if (c == ':') {
		t->code = TOKEN_NO_ARGUMENT;
		t->letter = optopt;
	} else if (c == '?') {
		/* A known letter means "--login=yes". */
		t->code = optopt && !strncmp(t->word, "--", 2) ? TOKEN_NEEDLESS_ARGUMENT :
								 TOKEN_UNKNOWN;
		t->letter = optopt;
	}
}

enum iscsi_err tokens_read(int argc, char **argv, struct token_list *ret)
{
	char shorts[2 * ARRAY_SIZE(long_options)];	/* the last row is for the ends */
	struct token_list list = { .tokens = NULL };
	size_t room = 1;
	int i, c;

	for (i = 1; i < argc; i++)
		room += strlen(argv[i]) + 1;
	list.tokens = calloc(room, sizeof(*list.tokens));
	list.argv = calloc((size_t)argc + 1, sizeof(*list.argv));
	if (!list.tokens || !list.argv) {
		tokens_done(&list);
		return ISCSI_ERR_NOMEM;
	}
	memcpy(list.argv, argv, (size_t)argc * sizeof(*argv));
	short_options(shorts);

	opterr = 0;
	optind = 0;		/* makes glibc forget an earlier command line */
	while ((c = getopt_long(argc, list.argv, shorts, long_options, NULL)) != -1) {
		struct token *t = &list.tokens[list.len++];

		/* In the middle of "-zl" optind still points at that word. */
		i = c == '?' && optopt && optind < argc && list.argv[optind][0] == '-' &&
		    list.argv[optind][1] != '-' && strchr(list.argv[optind], optopt) ?
		    optind : optind - 1;
		t->word = list.argv[MAX(i, 1)];
		t->arg = optarg;
		token_classify(t, c);
	}
	list.words = list.argv + optind;
	list.word_count = (size_t)(argc - optind);
	*ret = list;
	return ISCSI_SUCCESS;
}

/* ---- characters that only look like ASCII ---------------------------------------------- */

void tokens_guess_option(const char *word, char *ret, size_t size)
{
	char ascii[128];
	const char *name;
	bool is_long;

	lookalike_to_ascii(word, ascii, sizeof(ascii));
	name = ascii + strspn(ascii, "-");
	is_long = name - ascii > 1;
	for (const struct option *o = long_options; o->name && name[0] && name[1]; o++)
		is_long |= !strncmp(o->name, name, strcspn(name, "="));
	(void)snprintf(ret, size, "%s%s", is_long ? "--" : "-", name);
}

/* ---- complaints ------------------------------------------------------------------------ */

/* The long option nearest to "--wrod=...", or NULL if none is near. */
static const char *nearest_option(const char *word)
{
	unsigned int least;
	const char *best = NULL;
	char name[32];

	if (strncmp(word, "--", 2))
		return NULL;
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	least = (unsigned int)MIN(strlen(name), (size_t)3);
	for (const struct option *o = long_options; o->name; o++) {
		unsigned int n = edit_distance(name, o->name, least);

		if (n < least) {
			least = n;
			best = o->name;
		}
	}
	return best;
}

static enum iscsi_err complain_unknown(const struct token *t, const char *mode,
				       struct iscsi_why *why)
{
	char list[256] = "";
	const char *near;
	size_t len, found = 0;

	if (t->letter & 0x80) {		/* a byte of a longer character: "-–login" */
		tokens_guess_option(t->word, list, sizeof(list));
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "unrecognized option '%s'; did you mean '%s'?", t->word, list);
	}
	if (t->letter && *mode)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s mode: option '-%c' is not allowed/supported", mode,
				  t->letter);
	if (t->letter)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "unrecognized character '%c'",
				  t->letter);

	len = strcspn(t->word + 2, "=");
	for (const struct option *o = long_options; o->name; o++) {
		if (strncmp(o->name, t->word + 2, len))
			continue;
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s--%s",
			       found++ ? ", " : "", o->name);
	}
	if (found && len)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "option '%s' is ambiguous; possibilities: %s", t->word, list);
	near = nearest_option(t->word);
	return iscsi_fail(why, ISCSI_ERR_INVAL, "unrecognized option '%s'%s%s%s", t->word,
			  near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
}

static const char *long_name(int letter)
{
	const struct option *o = long_options;

	while (o->name && o->val != letter)
		o++;
	return o->name;
}

enum iscsi_err tokens_complain(const struct token *t, const char *mode, struct iscsi_why *why)
{
	switch (t->code) {
	case TOKEN_NO_ARGUMENT:
		if (!strncmp(t->word, "--", 2))
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "option '--%s' requires an argument",
					  long_name(t->letter));
		return iscsi_fail(why, ISCSI_ERR_INVAL, "option requires an argument -- '%c'",
				  t->letter);
	case TOKEN_NEEDLESS_ARGUMENT:
		return iscsi_fail(why, ISCSI_ERR_INVAL, "option '%.*s' takes no argument",
				  (int)strcspn(t->word, "="), t->word);
	case TOKEN_UNKNOWN:
		return complain_unknown(t, mode, why);
	default:
		if (t->code < ' ')
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "%s mode: option '--%s' is not allowed/supported", mode,
					  long_name(t->code));
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s mode: option '-%c' is not allowed/supported", mode,
				  t->code);
	}
}
