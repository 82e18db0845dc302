/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A healthy session as text, lines "name=value", so that iscsiadm learns from the daemon in one
 * message what it would otherwise read from some thirty files of sysfs. The text has those
 * attributes that stay as they are while the session is healthy, up to SYSFS_DETAIL_VALUES, and no
 * secret. Names are the kernel's; attributes without a value are left out. A parser: no I/O.
 */
#ifndef ISCSID_SESSION_TEXT_H
#define ISCSID_SESSION_TEXT_H

#include <stdbool.h>

#include "iscsid/kernel/sysfs.h"

/* The caller frees the text. NULL: no memory. */
char *session_text_print(const struct sysfs_session *session);
/*
 * Such a text back; what the text doesn't name is unset. Unknown names are ignored, so that a
 * newer daemon may say more. False: the text is malformed, a value is too long, or the session's
 * host or target is missing.
 */
bool session_text_parse(const char *text, unsigned int sid, struct sysfs_session *ret);

#endif /* ISCSID_SESSION_TEXT_H */
