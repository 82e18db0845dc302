/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line about what a command waits for, on a terminal and elsewhere. */
#include <pty.h>
#include <time.h>

#include "iscsiadm/waiting.h"
#include "test/unit/capture.h"

static int64_t now_ms = 5000;

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	*ret = (struct timespec){ .tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000 };
	return 0;
}

/* What a terminal of @columns shows of @fn. */
static const char *on_terminal(unsigned short columns, void (*fn)(struct client *client))
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	struct client *client = client_new(NULL, NULL);
	static char text[4096];
	int master, slave, out = dup(1), err = dup(2);
	size_t len = 0;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
	(void)fflush(stdout);
	(void)dup2(slave, 1);
	(void)dup2(slave, 2);
	fn(client);
	fputs("$", stderr);
	(void)dup2(out, 1);
	(void)dup2(err, 2);
	/* What was written may come in several pieces. */
	do {
		ssize_t n = read(master, text + len, sizeof(text) - 1 - len);

		ck_assert_int_gt((int)n, 0);
		len += (size_t)n;
	} while (text[len - 1] != '$');
	text[len] = '\0';
	client_free(client);
	return text;
}

static void many(struct client *client)
{
	waiting_begin(client, 119000, true);
	waiting_for(true, "Logins: %d of 5 done", 0);
	waiting_for(true, "Logins: %d of 5 done", 1);
	waiting_hide();
	waiting_end();
	waiting_interrupted();
}

static void a_long_one(struct client *client)
{
	waiting_begin(client, 119000, true);
	waiting_for(true, "Login to \x1b%s", "0123456789012345678901234567890123456789");
	waiting_interrupted();
	waiting_end();
}

static void a_quick_one(struct client *client)
{
	waiting_begin(client, 119000, false);
	waiting_for(false, "Logout of x");
	waiting_interrupted();
	waiting_end();
}

START_TEST(a_terminal_shows_it)
{
	ck_assert_str_eq(on_terminal(80, many), "\rLogins: 0 of 5 done\x1b[K\rLogins: 1 of 5 done\x1b[K"
			 "\r\x1b[K\r\x1b[K$");
	/* The line is cut so that it doesn't wrap, but not the last words. */
	ck_assert_str_eq(on_terminal(20, a_long_one), "\rLogin to \\x1b012345\x1b[K"
			 "\r\x1b[Kiscsiadm: cancelled: Login to \\x1b0123456789012345678901234567890123456789\r\n"
			 "\r\x1b[K$");
	ck_assert_str_eq(on_terminal(80, a_quick_one),
			 "\r\x1b[Kiscsiadm: iscsid goes on with: Logout of x\r\n\r\x1b[K$");
}
END_TEST

START_TEST(nothing_else_does)
{
	struct client *client = client_new(NULL, NULL);

	capture();
	many(client);
	ck_assert_str_eq(said(1), "");
	client_free(client);
}
END_TEST

static void a_slow_one(struct client *client)
{
	waiting_begin(client, 119999, false);
	waiting_for(false, "quiet");
	now_ms += 1999;
	waiting_for(false, "quiet");
	now_ms += 1;
	waiting_for(false, "a");
	waiting_for(true, "b");
	now_ms += 59999;
	waiting_for(false, "c");
	waiting_end();
	waiting_for(false, "after the end");
	waiting_end();
	waiting_begin(client, 10000, false);
	waiting_for(false, "quiet again");
	waiting_end();
}

START_TEST(the_seconds_are_shown_after_two)
{
	ck_assert_str_eq(on_terminal(80, a_slow_one),
			 "\ra, 2 s of at most 119 s\x1b[K\rb, 2 s of at most 119 s\x1b[K"
			 "\rc, 61 s of at most 119 s\x1b[K\r\x1b[K\r\x1b[K$");
}
END_TEST

static void a_wide_one(struct client *client)
{
	char text[101] = "";

	memset(text, 'x', 100);
	waiting_begin(client, 60000, true);
	now_ms += 2000;
	waiting_for(true, "%s", text);
}

/* The line leaves one column free; 0 columns are taken for 80. */
START_TEST(the_text_is_cut_to_the_terminal)
{
	static const struct {
		unsigned short columns;
		int shown;
	} rows[] = { { 0, 58 }, { 80, 58 }, { 50, 28 }, { 23, 1 }, { 22, 0 }, { 21, 0 }, { 122, 100 },
		     { 121, 99 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char wanted[256] = "\r";

		memset(wanted + 1, 'x', (size_t)rows[i].shown);
		strcat(wanted, ", 2 s of at most 60 s\x1b[K$");
		ck_assert_str_eq(on_terminal(rows[i].columns, a_wide_one), wanted);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("waiting");
	TCase *t = tcase_create("waiting");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, a_terminal_shows_it);
	tcase_add_test(t, nothing_else_does);
	tcase_add_test(t, the_seconds_are_shown_after_two);
	tcase_add_test(t, the_text_is_cut_to_the_terminal);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
