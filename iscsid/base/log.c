/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log, see log.h. Its state is global, because a process has one log. */
#include "iscsid/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

static int log_fd = -1;		/* /dev/log; -1: stderr */
static const char *log_program = "iscsid";
static int log_level = LOG_INFO;
static bool log_to_syslog;	/* wanted, whether or not the socket is connected */
static time_t log_connected;	/* when the last attempt to connect was made */

void log_name(const char *program)
{
	log_program = program;
}

void log_close(void)
{
	closep(&log_fd);
}

void log_open(bool to_syslog, int level)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	log_close();
	log_level = level;
	log_to_syslog = to_syslog;
	if (!to_syslog)
		return;
	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	log_connected = time(NULL);
	if (log_fd >= 0 && connect(log_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		log_close();
}

/* Connects again to a log that came late or was restarted, at most once a second. */
static bool log_reconnect(void)
{
	if (!log_to_syslog || time(NULL) == log_connected)
		return false;
	log_open(true, log_level);
	return log_fd >= 0;
}

/* A log that is full or dead must not hold up a recovery, so the line is lost. */
static void log_send(const char *line, size_t len)
{
	if (write(log_fd, line, len) == (ssize_t)len || errno == EAGAIN)
		return;
	if (log_reconnect())
		(void)!write(log_fd, line, len);
}

bool log_enabled(int level)
{
	return level <= log_level;
}

void log_write(int level, const char *fmt, ...)
{
	char text[1024], line[1100];
	va_list ap;
	int n;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_fd >= 0 || log_reconnect()) {
		n = snprintf(line, sizeof(line), "<%d>%s[%d]: %s", LOG_DAEMON | level,
			     log_program, getpid(), text);
		log_send(line, (size_t)n);
	} else {
		n = snprintf(line, sizeof(line), "%s: %s\n", log_program, text);
		(void)!write(STDERR_FILENO, line, (size_t)n);
	}
}

void log_warn(void *arg, const char *text)
{
	(void)arg;
	log_warning("%s", text);
}
