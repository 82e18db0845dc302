/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A healthy session as text, lines "name=value", so that iscsiadm learns from the daemon in one
 * message what it would otherwise read from some thirty files of sysfs. The text has those
 * attributes that stay as they are while the session is healthy, up to SYSFS_DETAIL_VALUES, and no
 * secret. Names are the kernel's; attributes without a value are left out. A session whose
 * connection is lost has another text in the same form: what the daemon alone knows of the outage.
 * A parser: no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "iscsid/kernel/sysfs.h"

/* The caller frees the text. NULL: no memory. */
char *session_text_print(const struct sysfs_session *session);
/*
 * Such a text back; what the text doesn't name is unset. Unknown names are ignored, so that a
 * newer daemon may say more. False: the text is malformed, a value is too long, or the session's
 * host or target is missing.
 */
bool session_text_parse(const char *text, unsigned int sid, struct sysfs_session *ret);

/* An outage as it stands in the moment of the answer, so its times are counted from there. */
struct session_outage {
	int64_t down_ms;		/* since the loss; SESSION_OUTAGE_UNKNOWN: longer than iscsid runs */
	uint32_t attempts;		/* to log in again, which have failed since the loss */
	enum iscsi_err code;		/* of the last failed attempt, or of the loss, */
	struct iscsi_why reason;	/* and its words */
	int64_t next_attempt_ms;	/* until the next attempt; 0: an attempt is under way */
	int64_t fails_ms;		/* until the kernel fails the I/O that it holds; 0: it does now */
};
#define SESSION_OUTAGE_NEVER	(-1)	/* the kernel holds the I/O for as long as it takes */
#define SESSION_OUTAGE_UNKNOWN	(-2)

/* As above: lines down_since, attempts, code, next_attempt, fails_at (times in ms) and reason. */
char *session_text_print_outage(const struct session_outage *outage);
bool session_text_parse_outage(const char *text, struct session_outage *ret);
