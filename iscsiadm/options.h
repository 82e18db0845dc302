/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line -> struct options. One table lists the options and their arguments, another
 * the options of each mode. A mistake that can be seen without looking at a record or a session
 * is refused here. main.c calls the parser, the modes read the result.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libiscsi-db/iscsi-db.h"

enum adm_mode {
	MODE_NONE,
	MODE_DISCOVERY,
	MODE_DISCOVERYDB,
	MODE_NODE,
	MODE_SESSION,
	MODE_IFACE,
	MODE_HOST,
	MODE_FW,
	MODE_COUNT,
};

/* The operations of -o, a bit for each, since -o can be repeated. */
enum adm_op {
	OP_NEW			= 1 << 0,
	OP_DELETE		= 1 << 1,
	OP_UPDATE		= 1 << 2,
	OP_SHOW			= 1 << 3,
	OP_NONPERSISTENT	= 1 << 4,
	OP_APPLY		= 1 << 5,
	OP_APPLY_ALL		= 1 << 6,
	OP_LOGIN		= 1 << 7,
	OP_LOGOUT		= 1 << 8,
};

enum adm_discovery_type { TYPE_NONE, TYPE_SENDTARGETS, TYPE_ISNS, TYPE_FW };
enum adm_submode { SUBMODE_NONE, SUBMODE_PING, SUBMODE_CHAP, SUBMODE_FLASHNODE, SUBMODE_STATS };

/* What the command line asks main() to do. */
enum adm_action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_STOP_DAEMON };

struct option_pair {
	const char *name, *value;
};

#define OPTION_UNSET	(-1)

/* Strings are argv's; arrays belong to the struct. */
struct options {
	enum adm_action action;
	enum adm_mode mode;		/* with ACTION_HELP: of which mode, or MODE_NONE */

	unsigned int ops;		/* enum adm_op */
	bool login, logout, rescan, stats, discover, no_wait, show_secrets, force;
	bool json;
	int print_level;		/* OPTION_UNSET: not given, means 0 */
	int wait_s;			/* --wait; OPTION_UNSET: not given */
	int debug;

	const char *target;
	bool has_portal;
	struct iscsi_db_portal portal;	/* address "": any */
	const char **ifaces;
	size_t iface_count;
	struct option_pair *pairs;
	size_t pair_count;
	char **read_values;		/* the values of "-v -" */
	size_t read_count;
	const char *login_all, *logout_all;	/* the startup word, or "all" */

	enum adm_discovery_type type;
	const char *type_word;
	bool has_sid;
	unsigned int sid;

	enum adm_submode submode;
	bool has_host;
	const char *host;		/* as typed: a number or a hardware address */
	unsigned int host_no;		/* @host, if it is a number */
	bool has_index;
	unsigned int index;
	const char *portal_type;
	const char *ping_address;
	int packet_size, packet_count, interval;
	int kill_priority;
	const char *db_root;		/* NULL: the library's own choice */

	/* How main() reports a failure, besides the reason. */
	bool error_on_stdout;		/* open-iscsi prints this error to stdout */
	bool suggest_help;		/* "Try `iscsiadm --help' ..." */
};

/*
 * Parses a command line. On failure returns the exit status, with the reason in @why, which may
 * be "". The caller ends @ret with options_done() in any case.
 */
enum iscsi_err options_parse(int argc, char **argv, struct options *ret, struct iscsi_why *why);
void options_done(struct options *options);

/* The help text of a mode; MODE_NONE: the summary. */
const char *options_help(enum adm_mode mode);

/*
 * Finds the sid in a path below /sys: its last element of the form "sessionN". False: there is
 * no such element. For -r; visible for the tests.
 */
bool options_path_sid(const char *path, unsigned int *ret);
