/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's log goes to stderr, or, in the background, to the socket of the journal or syslog.
 * The daemon never waits for that socket: the disk of the log may be the lost one.
 * Callers put the object's name in front: "session 3 iqn... 10.0.0.5:3260,1: ...".
 */
#pragma once

#include "libiscsi-db/util.h"

/* The name before each line, "iscsid" unless this is called; it must stay. */
void log_name(const char *program);
/* @to_syslog: write to /dev/log. Lines above @level (LOG_NOTICE to LOG_DEBUG) are dropped. */
void log_open(bool to_syslog, int level);
void log_close(void);

void log_write(int level, const char *fmt, ...) PRINTF(2, 3);
bool log_enabled(int level);
/* log_warning() as a callback; @arg isn't used. */
void log_warn(void *arg, const char *text);

#define log_error(...)		log_write(3, __VA_ARGS__)	/* LOG_ERR and so on */
#define log_warning(...)	log_write(4, __VA_ARGS__)
#define log_notice(...)		log_write(5, __VA_ARGS__)
#define log_info(...)		log_write(6, __VA_ARGS__)
#define log_debug(...)						\
	do {							\
		if (log_enabled(7))				\
			log_write(7, __VA_ARGS__);		\
	} while (0)
