/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: the fixed text of each code, the reason that goes with one, and the warnings that the
 * library hands to its caller. Whatever is said here fits in one line and on a terminal.
 */
#include "libiscsi-db/err.h"

#include <errno.h>
#include <stdarg.h>

#include "libiscsi-db/characters.h"

/* Exit codes and texts that scripts know; the order is that of the values. */
#define ROW(err, text)	[err] = { #err, text }
static const struct {
	const char *name, *text;
} errs[ISCSI_ERR_END] = {
	ROW(ISCSI_SUCCESS, ""),
	ROW(ISCSI_ERR, "unknown error"),
	ROW(ISCSI_ERR_SESS_NOT_FOUND, "session not found"),
	ROW(ISCSI_ERR_NOMEM, "no available memory"),
	ROW(ISCSI_ERR_TRANS, "encountered connection failure"),
	ROW(ISCSI_ERR_LOGIN, "encountered iSCSI login failure"),
	ROW(ISCSI_ERR_IDBM, "encountered iSCSI database failure"),
	ROW(ISCSI_ERR_INVAL, "invalid parameter"),
	ROW(ISCSI_ERR_TRANS_TIMEOUT, "connection timed out"),
	ROW(ISCSI_ERR_INTERNAL, "internal error"),
	ROW(ISCSI_ERR_LOGOUT, "encountered iSCSI logout failure"),
	ROW(ISCSI_ERR_PDU_TIMEOUT, "iSCSI PDU timed out"),
	ROW(ISCSI_ERR_TRANS_NOT_FOUND, ("iSCSI driver not found. Please make sure it is loaded, "
		 "and retry the operation")),
	ROW(ISCSI_ERR_ACCESS, "daemon access denied"),
	ROW(ISCSI_ERR_TRANS_CAPS, "iSCSI driver does not support requested capability."),
	ROW(ISCSI_ERR_SESS_EXISTS, "session exists"),
	ROW(ISCSI_ERR_INVALID_MGMT_REQ, "Unknown request"),
	ROW(ISCSI_ERR_ISNS_UNAVAILABLE, "iSNS service not supported"),
	ROW(ISCSI_ERR_ISCSID_COMM_ERR, "could not communicate to iscsid"),
	ROW(ISCSI_ERR_FATAL_LOGIN, "encountered non-retryable iSCSI login failure"),
	ROW(ISCSI_ERR_ISCSID_NOTCONN, "could not connect to iscsid"),
	ROW(ISCSI_ERR_NO_OBJS_FOUND, "no objects found"),
	ROW(ISCSI_ERR_SYSFS_LOOKUP, "sysfs lookup failure"),
	ROW(ISCSI_ERR_HOST_NOT_FOUND, "host not found"),
	ROW(ISCSI_ERR_LOGIN_AUTH_FAILED, "iSCSI login failed due to authorization failure"),
	ROW(ISCSI_ERR_ISNS_QUERY, "iSNS query failed"),
	ROW(ISCSI_ERR_ISNS_REG_FAILED, "iSNS registration failed"),
	ROW(ISCSI_ERR_OP_NOT_SUPP, "operation not supported"),
	ROW(ISCSI_ERR_BUSY, "device or resource in use"),
	ROW(ISCSI_ERR_AGAIN, "operation failed but retry may succeed"),
	ROW(ISCSI_ERR_UNKNOWN_DISCOVERY_TYPE, "unknown discovery type"),
	ROW(ISCSI_ERR_CHILD_TERMINATED, "child process terminated"),
	ROW(ISCSI_ERR_SESSION_NOT_CONNECTED, "target likely not connected"),
	ROW(ISCSI_ERR_REQ_TIMEDOUT, "iscsid request timed out"),
};
#undef ROW

/* An unknown number is an unknown error. */
static enum iscsi_err known(enum iscsi_err err)
{
	return (unsigned int)err < ISCSI_ERR_END ? err : ISCSI_ERR;
}

const char *iscsi_db_err_text(enum iscsi_err err)
{
	return errs[known(err)].text;
}

const char *iscsi_db_err_name(enum iscsi_err err)
{
	return errs[known(err)].name;
}

const char *iscsi_db_version(void)
{
	return ISCSI_VERSION;
}

/* One character of @in as it may be shown -> the number of bytes that it took. */
static size_t show_character(const char *in, char *ret, size_t size)
{
	uint32_t character;
	size_t len = character_decode(in, &character), used = 0;

	ret[0] = '\0';
	if (len && !character_is_hidden(character))
		(void)snprintf(ret, size, "%.*s", (int)len, in);
	else if (*in == '\n')
		(void)snprintf(ret, size, "\\n");
	else if (*in == '\t')
		(void)snprintf(ret, size, "\\t");
	else
		for (size_t i = 0; i < MAX(len, 1); i++)
			used += (size_t)snprintf(ret + used, size - used, "\\x%02x",
						 (unsigned char)in[i]);
	return MAX(len, 1);
}

size_t text_plain_len(const char *text)
{
	size_t len = 0;

	while (text[len] >= ' ' && text[len] <= '~')
		len++;
	return len;
}

void text_escape(const char *in, char *ret, size_t size)
{
	size_t len = 0, taken, n;
	char piece[20];

	for (;;) {
		n = MIN(text_plain_len(in), size - 1 - len);
		memcpy(ret + len, in, n);
		len += n;
		in += n;
		if (!*in)
			break;
		taken = show_character(in, piece, sizeof(piece));
		n = strlen(piece);
		if (len + n >= size)
			break;
		memcpy(ret + len, piece, n);
		len += n;
		in += taken;
	}
	ret[len] = '\0';
}

enum iscsi_err (iscsi_fail)(struct iscsi_why *why, enum iscsi_err err, const char *fmt, ...)
{
	char text[2 * sizeof(why->text)];	/* the arguments may point into why->text */
	va_list ap;

	if (!why)
		return err;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_escape(text, why->text, sizeof(why->text));
	return err;
}

void db_warn(const struct db_warn *warn, const char *fmt, ...)
{
	char text[1024], line[768];
	size_t len = 0;
	va_list ap;

	if (!warn || !warn->fn)
		return;
	text[0] = '\0';
	if (warn->origin && warn->line)
		(void)snprintf(text, sizeof(text), "%s:%u: ", warn->origin, warn->line);
	else if (warn->origin)
		(void)snprintf(text, sizeof(text), "%s: ", warn->origin);
	len = strlen(text);
	va_start(ap, fmt);
	(void)vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	text_escape(text, line, sizeof(line));
	warn->fn(warn->arg, line);
}

const char *db_strerror(int err)
{
	const char *text = strerrordesc_np(err < 0 ? -err : err);

	/* From open() that keeps to the database's folder, or from rename(). */
	if (err == -EXDEV || err == EXDEV)
		return "it leads out of the database, or to another file system";
	return text ? text : "unknown error";
}
