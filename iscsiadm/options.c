/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, in two steps: getopt_long() turns it into tokens, then the tokens are taken
 * from left to right as open-iscsi does. Each -m checks all tokens against the options of that
 * mode, so that an option which the mode doesn't have stops the command before anything else is
 * checked. At the end come typing mistakes that would make the command act on more than was meant.
 */
#include "iscsiadm/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <termios.h>

#include "iscsiadm/tokens.h"
#include "libiscsi-db/lookalike.h"
#include "libiscsi-db/util.h"

/*
 * Each mode also takes OPT_DBROOT and -J; "\2" is OPT_FORCE, "\3" is OPT_WAIT. "-m node -h" asks for
 * the help of that mode.
 */
static const struct {
	const char *name;
	const char *legal;
} modes[MODE_COUNT] = {
	[MODE_NONE]	   = { "", "" },
	[MODE_DISCOVERY]   = { "discovery", "mdhPonvlSIptD\3" },
	[MODE_DISCOVERYDB] = { "discoverydb", "mdhPonvlSIptD\3" },
	[MODE_NODE]	   = { "node", "mdhPonvluRsSIpTLUW\2\3" },
	[MODE_SESSION]	   = { "session", "mdhPonvuRsSri\2\3" },
	[MODE_IFACE]	   = { "iface", "mdhPonvIiabcCH" },
	[MODE_HOST]	   = { "host", "mdhPontvCHxA" },
	[MODE_FW]	   = { "fw", "mdhnvlW\3" },
};

#define WAIT_DEFAULT_S	120	/* as "udevadm settle" waits */
#define WAIT_MAX_S	86400

struct word {
	const char *text;
	int value;
};

static const struct word op_words[] = {
	{ "new", OP_NEW },
	{ "delete", OP_DELETE },
	{ "update", OP_UPDATE },
	{ "show", OP_SHOW },
	{ "nonpersistent", OP_NONPERSISTENT },
	{ "apply", OP_APPLY },
	{ "applyall", OP_APPLY_ALL },
	{ "login", OP_LOGIN },
	{ "logout", OP_LOGOUT },
	{ NULL, 0 },
};

static const struct word type_words[] = {
	{ "sendtargets", TYPE_SENDTARGETS },
	{ "st", TYPE_SENDTARGETS },
	{ "isns", TYPE_ISNS },
	{ "fw", TYPE_FW },
	{ NULL, TYPE_NONE },
};

static const struct word submode_words[] = {
	{ "ping", SUBMODE_PING },
	{ "chap", SUBMODE_CHAP },
	{ "flashnode", SUBMODE_FLASHNODE },
	{ "stats", SUBMODE_STATS },
	{ NULL, SUBMODE_NONE },
};

static const struct word loginall_words[] = {
	{ "all", 1 }, { "automatic", 1 }, { "manual", 1 }, { "onboot", 1 }, { "boot", 1 }, { NULL, 0 },
};

static const struct word logoutall_words[] = {
	{ "all", 1 }, { "automatic", 1 }, { "manual", 1 }, { NULL, 0 },
};

static int find_word(const struct word *words, const char *text)
{
	while (words->text && !streq(words->text, text))
		words++;
	return words->value;
}

/* ---- arguments ------------------------------------------------------------------------- */

static bool parse_uint(const char *text, unsigned int *ret)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || n > UINT_MAX)
		return false;
	*ret = (unsigned int)n;
	return true;
}

/* atoi() without undefined behaviour: open-iscsi takes any decimal prefix here. */
static int parse_loose(const char *text)
{
	long n = strtol(text, NULL, 10);

	return (int)MAX(MIN(n, INT_MAX), INT_MIN);
}

bool options_path_sid(const char *path, unsigned int *ret)
{
	CLEANUP(freep) char *copy = strdup(path);
	char *save = NULL;
	bool found = false;
	unsigned int sid;

	for (char *name = copy ? strtok_r(copy, "/", &save) : NULL; name; name = strtok_r(NULL, "/", &save)) {
		if (strncmp(name, "session", 7) || !parse_uint(name + 7, &sid) || !sid)
			continue;
		*ret = sid;
		found = true;
	}
	return found;
}

/* -r: a number from 1 on, or a path below /sys through the folder of a session. */
static enum iscsi_err take_sid(struct options *ret, const char *arg, struct iscsi_why *why)
{
	CLEANUP(freep) char *path = NULL;
	struct stat st;

	ret->has_sid = true;
	if (parse_uint(arg, &ret->sid) && ret->sid)
		return ISCSI_SUCCESS;
	if (lstat(arg, &st) < 0)
		return iscsi_fail(why, ISCSI_ERR, "%s is an invalid session ID or path", arg);
	if (!S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return iscsi_fail(why, ISCSI_ERR, "%s is not a directory", arg);
	path = realpath(arg, NULL);
	if (!path || strncmp(path, "/sys/", 5) || !options_path_sid(path, &ret->sid))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "invalid sid '%s'", arg);
	return ISCSI_SUCCESS;
}

/* -H: a number, or a hardware address, for which host mode looks. */
static enum iscsi_err take_host(struct options *ret, const char *arg, struct iscsi_why *why)
{
	ret->has_host = true;
	ret->host = arg;
	if (strchr(arg, ':') || parse_uint(arg, &ret->host_no))
		return ISCSI_SUCCESS;
	if (isdigit((unsigned char)arg[0]) && !arg[strspn(arg, "0123456789")])
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "Invalid host no %s. Numerical result out of range.", arg);
	return iscsi_fail(why, ISCSI_ERR_INVAL, "Invalid host no %s. It is not a number.", arg);
}

static enum iscsi_err take_index(struct options *ret, const char *arg, struct iscsi_why *why)
{
	ret->has_index = true;
	if (parse_uint(arg, &ret->index))
		return ISCSI_SUCCESS;
	return iscsi_fail(why, ISCSI_ERR_INVAL, "Invalid index %s. %s.", arg,
			  isdigit((unsigned char)arg[0]) ? "Numerical result out of range" :
							   "It is not a number");
}

/*
 * As open-iscsi does, an address with a dot ends at the first colon, and what follows the port's
 * digits is ignored up to the tag: "10.0.0.1:3260:1". Else only IPv6 has a second colon.
 */
static enum iscsi_err parse_portal_option(const char *arg, struct iscsi_db_portal *ret,
					  struct iscsi_why *why)
{
	size_t host = strcspn(arg, ":"), digits;
	char text[300];

	if (memchr(arg, '.', host) && arg[host] == ':') {
		digits = strspn(arg + host + 1, "0123456789");
		if (digits && arg[host + 1 + digits] == ':') {
			const char *tag = strchr(arg + host, ',');

			(void)snprintf(text, sizeof(text), "%.*s%s", (int)(host + 1 + digits), arg,
				       tag ? tag : "");
			return iscsi_db_portal_parse(text, ret, why);
		}
	}
	return iscsi_db_portal_parse(arg, ret, why);
}

static enum iscsi_err take_portal(struct options *ret, const char *arg, struct iscsi_why *why)
{
	ret->has_portal = true;
	if (!*arg) {
		ret->portal = (struct iscsi_db_portal){ .port = -1, .tpgt = ISCSI_TPGT_UNKNOWN };
		return ISCSI_SUCCESS;
	}
	return parse_portal_option(arg, &ret->portal, why);
}

static enum iscsi_err take_iface(struct options *ret, const char *arg, struct iscsi_why *why)
{
	const char **iface;

	if (!*arg || strlen(arg) > ISCSI_IFACE_NAME_MAX) {
		ret->error_on_stdout = true;
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "Invalid iface name %s. Must be from 1 to %d characters.",
				  arg, ISCSI_IFACE_NAME_MAX);
	}
	iface = ARRAY_ADD(ret->ifaces, ret->iface_count);
	if (!iface)
		return ISCSI_ERR_NOMEM;
	*iface = arg;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_op(struct options *ret, const char *arg, struct iscsi_why *why)
{
	int op = find_word(op_words, arg);

	if (!op)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "can not recognize operation: '%s'",
				  arg);
	ret->ops |= (unsigned int)op;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_all(struct options *ret, int letter, const char *arg,
			       struct iscsi_why *why)
{
	bool login = letter == 'L';

	if (!find_word(login ? loginall_words : logoutall_words, arg)) {
		ret->suggest_help = true;
		return iscsi_fail(why, ISCSI_ERR_INVAL, "Invalid %s option %s.",
				  login ? "loginall" : "logoutall", arg);
	}
	if (login)
		ret->login_all = arg;
	else
		ret->logout_all = arg;
	return ISCSI_SUCCESS;
}

/* -n and -v make a pair in either order. The lone members keep a half that got no partner. */
struct pairing {
	const char *name, *value;
	const char *lone_name, *lone_value;
};

/* getline() on standard input; on a terminal with a prompt, and without showing what is typed. */
static ssize_t read_line(char **line, size_t *room)
{
	struct termios shown, hidden;
	ssize_t len;

	if (tcgetattr(STDIN_FILENO, &shown))
		return getline(line, room, stdin);
	hidden = shown;
	/* Without signals no Ctrl-C leaves the terminal hidden; it becomes a character. */
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	(void)fputs("value (not shown): ", stderr);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	len = getline(line, room, stdin);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)fputc('\n', stderr);
	return len;
}

/* "-v -" takes a line of standard input, so that no argument list shows a secret. */
static enum iscsi_err read_value(struct options *ret, const char **value, struct iscsi_why *why)
{
	char *line = NULL, **kept;
	size_t room = 0;
	ssize_t len = read_line(&line, &room);
	bool good = len > 0;

	if (good && line[len - 1] == '\n')
		line[--len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		good &= !iscntrl((unsigned char)line[i]) || line[i] == '\t';
	if (!good) {
		wipe_free(line, room);	/* at the end of the input getline() writes nothing there */
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "-v - needs a line of text on standard input");
	}
	kept = ARRAY_ADD(ret->read_values, ret->read_count);
	if (!kept) {
		secret_free(line);
		return ISCSI_ERR_NOMEM;
	}
	*value = *kept = line;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_name_or_value(struct options *ret, struct pairing *p, int letter,
					 const char *arg, struct iscsi_why *why)
{
	struct option_pair *pair;
	enum iscsi_err err = ISCSI_SUCCESS;

	if (letter == 'v' && streq(arg, "-"))
		err = read_value(ret, &arg, why);
	if (err)
		return err;
	if (letter == 'n') {
		if (p->name)
			p->lone_name = p->name;
		p->name = arg;
	} else {
		if (p->value)
			p->lone_value = p->value;
		p->value = arg;
	}
	if (!p->name || !p->value)
		return ISCSI_SUCCESS;
	pair = ARRAY_ADD(ret->pairs, ret->pair_count);
	if (!pair)
		return ISCSI_ERR_NOMEM;
	*pair = (struct option_pair){ p->name, p->value };
	p->name = p->value = NULL;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_kill(struct options *ret, const char *arg, struct iscsi_why *why)
{
	ret->action = ACTION_STOP_DAEMON;
	ret->kill_priority = parse_loose(arg);
	if (ret->kill_priority < 0)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "Invalid killiscsid priority %d Priority must be greater "
				  "than or equal to zero.", ret->kill_priority);
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_db_root(struct options *ret, const char *arg, struct iscsi_why *why)
{
	/* --dbroot="$EMPTY" in a script must not select the database of the system. */
	if (!*arg)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "--dbroot names no folder");
	ret->db_root = arg;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_wait(struct options *ret, const char *arg, struct iscsi_why *why)
{
	unsigned int seconds = WAIT_DEFAULT_S;

	if (arg && (!parse_uint(arg, &seconds) || seconds > WAIT_MAX_S))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "--wait=%s: the seconds to wait are a number "
				  "from 0 to %d", arg, WAIT_MAX_S);
	ret->wait_s = (int)seconds;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_mode(struct options *ret, const struct token_list *list,
				const char *arg, struct iscsi_why *why)
{
	enum adm_mode mode;

	for (mode = MODE_NONE + 1; mode < MODE_COUNT; mode++) {
		if (streq(modes[mode].name, arg))
			break;
	}
	if (mode == MODE_COUNT)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "%s mode is not supported; there are discovery, discoverydb, "
				  "node, session, iface, host and fw", arg);
	for (size_t i = 0; i < list->len; i++) {
		const struct token *t = &list->tokens[i];

		if (t->code != OPT_DBROOT && t->code != 'J' &&
		    (t->code > UCHAR_MAX || !strchr(modes[mode].legal, t->code)))
			return tokens_complain(t, arg, why);
	}
	ret->mode = mode;
	return ISCSI_SUCCESS;
}

/* Takes an option that is a flag or keeps its argument as typed. False: another option. */
static bool take_simple(struct options *ret, const struct token *t)
{
	switch (t->code) {
	case 'l': ret->login = true; break;
	case 'u': ret->logout = true; break;
	case 'R': ret->rescan = true; break;
	case 's': ret->stats = true; break;
	case 'D': ret->discover = true; break;
	case 'W': ret->no_wait = true; break;
	case OPT_FORCE: ret->force = true; break;
	case 'S': ret->show_secrets = true; break;
	case 'T': ret->target = t->arg; break;
	case 'P': ret->print_level = parse_loose(t->arg); break;
	case 'd': ret->debug = parse_loose(t->arg); break;
	case 'A': ret->portal_type = t->arg; break;
	case 'a': ret->ping_address = t->arg; break;
	case 'b': ret->packet_size = parse_loose(t->arg); break;
	case 'c': ret->packet_count = parse_loose(t->arg); break;
	case 'i': ret->interval = parse_loose(t->arg); break;
	case 'C': ret->submode = (enum adm_submode)find_word(submode_words, t->arg); break;
	case 't':
		ret->type = (enum adm_discovery_type)find_word(type_words, t->arg);
		ret->type_word = t->arg;
		break;
	default:
		return false;
	}
	return true;
}

static enum iscsi_err take_token(struct options *ret, struct pairing *pairing,
				 const struct token_list *list, const struct token *t,
				 struct iscsi_why *why)
{
	switch (t->code) {
	case 'm':
		return take_mode(ret, list, t->arg, why);
	case 'p':
		return take_portal(ret, t->arg, why);
	case 'I':
		return take_iface(ret, t->arg, why);
	case 'o':
		return take_op(ret, t->arg, why);
	case 'n':
	case 'v':
		return take_name_or_value(ret, pairing, t->code, t->arg, why);
	case 'L':
	case 'U':
		return take_all(ret, t->code, t->arg, why);
	case 'r':
		return take_sid(ret, t->arg, why);
	case 'H':
		return take_host(ret, t->arg, why);
	case 'x':
		return take_index(ret, t->arg, why);
	case 'k':
		return take_kill(ret, t->arg, why);
	case OPT_DBROOT:
		return take_db_root(ret, t->arg, why);
	case OPT_WAIT:
		return take_wait(ret, t->arg, why);
	default:
		(void)take_simple(ret, t);
		return ISCSI_SUCCESS;
	}
}

/* ---- typing mistakes ------------------------------------------------------------------- */

/* Refuses a word with a dash that isn't ASCII: getopt_long() takes it for no option. */
static enum iscsi_err check_dashes(int argc, char **argv, struct iscsi_why *why)
{
	for (int i = 1; i < argc; i++) {
		const char *ascii, *found = lookalike_find(argv[i], &ascii);
		char hint[132];

		if (!found || *ascii != '-')
			continue;
		/* A secret may begin with anything. */
		if (streq(argv[i - 1], "-v") || streq(argv[i - 1], "--value"))
			continue;
		tokens_guess_option(argv[i], hint, sizeof(hint));
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "'%s' begins with a '%s' that only looks like '-'; "
				  "did you mean '%s'?", argv[i], found, hint);
	}
	return ISCSI_SUCCESS;
}

/* Names what makes the command change something; NULL: the command changes nothing. */
static const char *what_changes(const struct options *o)
{
	if (o->ops & OP_DELETE)
		return "-o delete";
	if (o->ops & OP_UPDATE)
		return "-o update";
	if (o->ops & OP_NEW)
		return "-o new";
	if (o->ops & (OP_APPLY | OP_APPLY_ALL | OP_LOGIN | OP_LOGOUT))
		return "an operation that changes something";
	if (o->login_all)
		return "--loginall";
	if (o->logout_all)
		return "--logoutall";
	if (o->login)
		return "--login";
	if (o->logout)
		return "--logout";
	return NULL;
}

static enum iscsi_err refuse_word(const char *word, const char *what, struct iscsi_why *why)
{
	struct iscsi_db_portal portal;
	const char *option = NULL;

	if (!strncmp(word, "iqn.", 4) || !strncmp(word, "eui.", 4) || !strncmp(word, "naa.", 4))
		option = "-T";
	else if (strpbrk(word, ".:") && !iscsi_db_portal_parse(word, &portal, NULL))
		option = "-p";
	if (option)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "'%s' stands alone beside %s; did you mean '%s %s'? "
				  "Nothing was done.", word, what, option, word);
	return iscsi_fail(why, ISCSI_ERR_INVAL,
			  "'%s' stands alone beside %s and means nothing there. "
			  "Nothing was done.", word, what);
}

/*
 * Refuses stray words and half pairs beside an operation that deletes, changes or logs in: they
 * may have been meant to select less. Beside other operations they are ignored.
 */
static enum iscsi_err check_slips(const struct options *o, const struct pairing *pairing,
				  const struct token_list *list, struct iscsi_why *why)
{
	const char *what = what_changes(o);
	const char *name = pairing->name ? pairing->name : pairing->lone_name;
	const char *value = pairing->value ? pairing->value : pairing->lone_value;

	if (!what)
		return ISCSI_SUCCESS;
	/* This check comes first, since it also explains the word after "-name". */
	if (name && list->word_count && !pairing->value)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "-n %s has no -v beside %s, and '%s' stands alone; did you "
				  "mean '-T %s'? Nothing was done.", name, what,
				  list->words[0], list->words[0]);
	for (size_t i = 0; i < list->word_count; i++) {
		/* Programs are known to pass "--logout all". */
		if ((o->login || o->logout) && !o->ops && streq(list->words[i], "all"))
			continue;
		return refuse_word(list->words[i], what, why);
	}
	/* "-o update" without any pair has an answer of its own, also beside a lone name. */
	if (!o->pair_count && (o->ops & OP_UPDATE))
		return ISCSI_SUCCESS;
	if (name)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "-n %s has no -v beside %s. Nothing was done.", name, what);
	if (value)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "a -v has no -n beside %s. Nothing was done.", what);
	if (o->has_portal && !o->portal.address[0] && o->portal.port == -1)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "the portal beside %s is empty. Nothing was done.", what);
	return ISCSI_SUCCESS;
}

/* --wait is about disks that the command itself makes or looks for. */
static enum iscsi_err check_wait(const struct options *o, struct iscsi_why *why)
{
	if (o->wait_s == OPTION_UNSET)
		return ISCSI_SUCCESS;
	if (o->no_wait)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "--wait and --no_wait exclude each other");
	if (!o->login && !o->rescan && !o->login_all && !(o->mode == MODE_SESSION && o->ops == OP_NEW))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "--wait goes with a login or a rescan");
	return ISCSI_SUCCESS;
}

/* ---- all of it ------------------------------------------------------------------------- */

static enum iscsi_err take_all_tokens(int argc, char **argv, const struct token_list *list,
				      struct options *ret, struct iscsi_why *why)
{
	struct pairing pairing = { NULL, NULL, NULL, NULL };
	const struct token *bad = NULL;
	enum iscsi_err err;

	for (size_t i = 0; i < list->len; i++) {
		const struct token *t = &list->tokens[i];

		if (t->code == 'h' || t->code == 'V') {
			ret->action = t->code == 'h' ? ACTION_HELP : ACTION_VERSION;
			return ISCSI_SUCCESS;
		}
		if (t->code > UCHAR_MAX) {
			if (!bad)
				bad = t;
			continue;
		}
		err = take_token(ret, &pairing, list, t, why);
		if (err)
			return err;
	}
	if (bad) {
		ret->suggest_help = true;
		return tokens_complain(bad, "", why);
	}
	err = check_dashes(argc, argv, why);
	if (err || ret->action == ACTION_STOP_DAEMON)
		return err;
	if (ret->mode == MODE_NONE) {
		ret->suggest_help = true;
		return iscsi_fail(why, ISCSI_ERR_INVAL, "no mode specified");
	}
	err = check_wait(ret, why);
	return err ?: check_slips(ret, &pairing, list, why);
}

enum iscsi_err options_parse(int argc, char **argv, struct options *ret, struct iscsi_why *why)
{
	struct token_list list;
	enum iscsi_err err;

	memset(ret, 0, sizeof(*ret));
	ret->print_level = ret->wait_s = OPTION_UNSET;
	ret->packet_size = 32;
	ret->packet_count = 1;
	err = tokens_read(argc, argv, &list);
	if (err)
		return iscsi_fail(why, err, "no memory for the command line");
	/* A mistake before --json on the line is told in a document too. */
	for (size_t i = 0; i < list.len; i++)
		ret->json |= list.tokens[i].code == 'J';
	err = take_all_tokens(argc, argv, &list, ret, why);
	tokens_done(&list);
	return err;
}

void options_done(struct options *options)
{
	while (options->read_count)
		secret_free(options->read_values[--options->read_count]);
	free(options->read_values);
	free(options->ifaces);
	free(options->pairs);
	options->read_values = NULL;
	options->ifaces = NULL;
	options->pairs = NULL;
	options->iface_count = options->pair_count = 0;
}
