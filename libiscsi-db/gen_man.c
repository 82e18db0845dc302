/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the manual pages iscsi-records(5) and iscsid.conf(5) while building: copies the text from
 * standard input to standard output. The settings of a kind of record, as setting.c has them, take
 * the place of a line "@node@", "@iface@", "@sendtargets@" or "@isns@"; the values and the default
 * of one setting take the place of a line with the setting's name between two "@". This program is
 * no part of the library.
 */
#include <ctype.h>

#include "libiscsi-db/setting.h"

static const char *const kinds[DB_KINDS] = {
	[ISCSI_DB_NODE] = "@node@\n",
	[ISCSI_DB_IFACE] = "@iface@\n",
	[ISCSI_DB_SENDTARGETS] = "@sendtargets@\n",
	[ISCSI_DB_ISNS] = "@isns@\n",
};

/* Prints text with the characters escaped that roff would interpret. */
static void print_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void print_type(const struct setting *s)
{
	struct setting_allowed allowed = setting_allowed(s);
	char usual[64];

	allowed.text[0] = (char)(s->type == SETTING_NUMBER ? toupper(allowed.text[0]) :
				 allowed.text[0]);
	switch ((enum setting_type)s->type) {
	case SETTING_STR:
		printf("Text of up to %u bytes", s->max);
		break;
	case SETTING_NUMBER:
		print_text(allowed.text);
		if (s->good_low == s->low && s->good_high == s->high)
			break;
		(void)snprintf(usual, sizeof(usual), "; usual: %lld to %lld",
			       (long long)s->good_low, (long long)s->good_high);
		print_text(usual);
		break;
	case SETTING_ENUM:
		print_text(allowed.text);
		break;
	case SETTING_LIST:
		fputs("Some of ", stdout);
		print_text(allowed.text);
		fputs(", in any order", stdout);
		break;
	}
	if (*s->def) {
		fputs("; default ", stdout);
		print_text(s->def);
	}
	fputs(".\n", stdout);
}

static void print_notes(enum iscsi_db_kind kind, const struct setting *s)
{
	const struct setting_alias *alias;

	if (s->flags & SETTING_HIDDEN)
		puts("The setting is ignored and never written, since the length follows from the "
		     "password.");
	else if (s->flags & SETTING_KEY)
		puts("The setting finds the record and can't be changed.");
	if (s->flags & SETTING_SECRET)
		puts("The value is secret, and is shown as ******** unless \\fB\\-S\\fR is given.");
	if (s->flags & SETTING_BINDING)
		puts("The word \\fBdefault\\fR means the same as no value.");
	if (s->flags & SETTING_V4)
		puts("The setting is left out if it has its default and the interface's name contains "
		     "\\(oqipv6\\(cq.");
	if (s->flags & SETTING_V6)
		puts("The setting is left out if it has its default, unless the interface's name contains "
		     "\\(oqipv6\\(cq.");
	if (s->flags & SETTING_LATE)
		puts("The setting is written only if it hasn't its default, since open\\-iscsi 2.1.8 "
		     "doesn't know the setting.");
	if (s->flags & SETTING_UNSEEDED)
		puts("The setting isn't taken from iscsid.conf.");
	for (unsigned int i = 0; (alias = setting_alias(i)); i++) {
		/* Interface records never had the old names. */
		if (streq(alias->name, s->name) && kind == ISCSI_DB_NODE)
			printf("Another name is \\fB%s\\fR.\n", alias->old);
	}
}

/* True if a node gets the setting from its interface, and only iface mode changes the setting. */
static bool is_bound(enum iscsi_db_kind kind, const struct setting *s)
{
	return kind == ISCSI_DB_NODE && strncmp(s->name, "iface.", 6) == 0 &&
	       !streq(s->name, "iface.transport_name");
}

static void print_kind(enum iscsi_db_kind kind)
{
	bool bound = false;

	for (unsigned int i = 0; i < setting_count(kind); i++) {
		const struct setting *s = setting_row(kind, i);

		if (is_bound(kind, s)) {
			bound = true;
			continue;
		}
		printf(".TP\n.B %s\n", s->name);
		print_type(s);
		print_notes(kind, s);
	}
	if (!bound)
		return;
	puts(".PP\nA node has these settings from its interface, and iface mode changes them:");
	for (unsigned int i = 0; i < setting_count(kind); i++) {
		if (is_bound(kind, setting_row(kind, i)))
			printf(".B %s\n", setting_row(kind, i)->name);
	}
}

/* False if @line doesn't ask for settings. */
static bool print_settings(const char *line)
{
	const struct setting *s;
	char name[128];

	for (int kind = 0; kind < DB_KINDS; kind++) {
		if (!streq(line, kinds[kind]))
			continue;
		print_kind((enum iscsi_db_kind)kind);
		return true;
	}
	if (sscanf(line, "@%127[^@\n]@\n", name) != 1)
		return false;
	for (int kind = 0; kind < DB_KINDS; kind++) {
		int index = setting_find((enum iscsi_db_kind)kind, name);

		if (index < 0)
			continue;
		s = setting_row((enum iscsi_db_kind)kind, (unsigned int)index);
		print_type(s);
		print_notes((enum iscsi_db_kind)kind, s);
		return true;
	}
	return false;
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin))
		if (!print_settings(line))
			fputs(line, stdout);
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
