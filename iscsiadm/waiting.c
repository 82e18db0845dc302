/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line about what a command waits for, see waiting.h. */
#include "iscsiadm/waiting.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#define QUIET_MS	2000	/* what ends sooner isn't shown */

static struct {
	/* The handler may come while one text is written, so it reads the other. */
	char texts[2][800];
	volatile sig_atomic_t current;
	volatile sig_atomic_t waits, stops;
	bool terminal, at_once;
	int64_t begun_ms;
	int bound_ms;
} waiting;

/* Called each second while the client waits. */
static void show(void)
{
	int64_t waited_ms = monotonic_ms() - waiting.begun_ms;
	const char *text = waiting.texts[waiting.current];
	struct winsize size = { .ws_col = 80 };
	char tail[64] = "";
	int room;

	if (!waiting.terminal || (waited_ms < QUIET_MS && !waiting.at_once))
		return;
	if (waited_ms >= QUIET_MS)
		(void)snprintf(tail, sizeof(tail), ", %d s of at most %d s",
			       (int)(waited_ms / 1000), waiting.bound_ms / 1000);
	(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	/* A line that wraps can't be replaced. */
	room = (size.ws_col ? size.ws_col : 80) - (int)strlen(tail) - 1;
	fprintf(stderr, "\r%.*s%s\033[K", MAX(room, 0), text, tail);
}

void waiting_begin(struct client *client, int bound_ms, bool stops)
{
	waiting.terminal = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
	waiting.begun_ms = monotonic_ms();
	waiting.bound_ms = bound_ms;
	waiting.stops = stops;
	waiting.waits = true;
	client_set_tick(client, show);
}

void waiting_end(void)
{
	waiting_hide();
	waiting.waits = waiting.terminal = false;
}

void waiting_for(bool at_once, const char *fmt, ...)
{
	int next = !waiting.current;
	char raw[sizeof(waiting.texts[0])];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	text_escape(raw, waiting.texts[next], sizeof(waiting.texts[next]));
	waiting.current = next;
	waiting.at_once = at_once;
	show();
}

void waiting_hide(void)
{
	if (waiting.terminal)
		fputs("\r\033[K", stderr);
}

static void write_out(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

void waiting_interrupted(void)
{
	if (!waiting.waits)
		return;
	if (waiting.terminal)
		write_out("\r\033[K");
	write_out(waiting.stops ? "iscsiadm: cancelled: " : "iscsiadm: iscsid goes on with: ");
	write_out(waiting.texts[waiting.current]);
	write_out("\n");
}
