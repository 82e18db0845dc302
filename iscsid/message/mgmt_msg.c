/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the local socket <-> bytes, see mgmt_msg.h. The bodies:
 *
 *	request:	tag, flags, sid, record, iface
 *	MGMT_RESULT:	tag, error, sid, conn state, recovery, why, session
 *	MGMT_TARGET:	tag, port, tpgt, name, address
 *	MGMT_STAT:	tag, custom, value's upper and lower half, name
 *	MGMT_HELLO:	tag (0), name
 *	MGMT_WARNING:	tag, why
 *
 * numbers of 32 bits, strings as reader_str() has them.
 */
#include "iscsid/message/mgmt_msg.h"

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"

const char *mgmt_conn_text(unsigned int state)
{
	static const char *const texts[] = {
		"FREE", "TRANSPORT WAIT", "IN LOGIN", "LOGGED IN", "IN LOGOUT", "LOGOUT REQUESTED",
		"CLEANUP WAIT", "Unknown",
	};

	return texts[MIN(state, (unsigned int)MGMT_CONN_UNKNOWN)];
}

enum iscsi_err mgmt_msg_header(const uint8_t header[MGMT_HEADER_LEN], uint16_t *type,
			       uint32_t *body_len, struct iscsi_why *why)
{
	struct reader r = reader_init(header, MGMT_HEADER_LEN);
	uint32_t magic = reader_be32(&r);
	uint16_t version = reader_be16(&r);
	uint16_t t = reader_be16(&r);
	uint32_t len = reader_be32(&r);

	if (magic != MGMT_MAGIC)
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "not a message of this iscsid; iscsiadm and iscsid must be of "
				  "the same family (3.x)");
	if (version != MGMT_VERSION)
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "message of version %u; this program speaks version %u",
				  version, MGMT_VERSION);
	if (len > MGMT_BODY_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "message of %u bytes; at most %u are taken", len, MGMT_BODY_MAX);
	if (type)
		*type = t;
	*body_len = len;
	return ISCSI_SUCCESS;
}

enum iscsi_err mgmt_msg_parse_request(uint16_t type, const uint8_t *body, size_t len,
				      struct mgmt_request *ret, struct iscsi_why *why)
{
	struct reader r = reader_init(body, len);
	struct mgmt_request req = { .type = type };

	if (type < MGMT_LOGIN || type > MGMT_CALL_OFF)
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ, "unknown request %u", type);
	req.tag = reader_be32(&r);
	req.flags = reader_be32(&r);
	req.sid = reader_be32(&r);
	req.record = reader_str(&r);
	req.iface = reader_str(&r);
	if (!reader_done(&r))
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "request %u: malformed body of %zu bytes", type, len);
	*ret = req;
	return ISCSI_SUCCESS;
}

static void parse_attempt(struct reader *r, struct mgmt_reply *reply)
{
	reply->sid = reader_be32(r);
	reply->port = (int)reader_be32(r);
	reply->wanted = reader_be32(r) != 0;
	reply->failed = reader_be32(r);
	reply->since_s = reader_be32(r);
	reply->name = reader_str(r);
	reply->address = reader_str(r);
	reply->iface = reader_str(r);
	reply->why = reader_str(r);
}

enum iscsi_err mgmt_msg_parse_reply(uint16_t type, const uint8_t *body, size_t len,
				    struct mgmt_reply *ret, struct iscsi_why *why)
{
	struct reader r = reader_init(body, len);
	struct mgmt_reply reply = {
		.type = type, .why = "", .session = "", .name = "", .address = "", .iface = "",
	};
	uint32_t err, conn_state, recovery;

	reply.tag = reader_be32(&r);
	switch (type) {
	case MGMT_RESULT:
		err = reader_be32(&r);
		reply.sid = reader_be32(&r);
		conn_state = reader_be32(&r);
		recovery = reader_be32(&r);
		reply.why = reader_str(&r);
		reply.session = reader_str(&r);
		reply.err = err < ISCSI_ERR_END ? (enum iscsi_err)err : ISCSI_ERR_INTERNAL;
		reply.conn_state = MIN(conn_state, (uint32_t)MGMT_CONN_UNKNOWN);
		reply.recovery = MIN(recovery, (uint32_t)MGMT_RECOVERY_UNKNOWN);
		break;
	case MGMT_TARGET:
		reply.port = (int)reader_be32(&r);
		reply.tpgt = (int)reader_be32(&r);
		reply.name = reader_str(&r);
		reply.address = reader_str(&r);
		break;
	case MGMT_ATTEMPT:
		parse_attempt(&r, &reply);
		break;
	case MGMT_STAT:
		reply.custom = reader_be32(&r) != 0;
		reply.value = (uint64_t)reader_be32(&r) << 32;
		reply.value |= reader_be32(&r);
		reply.name = reader_str(&r);
		break;
	case MGMT_HELLO:
		reply.name = reader_str(&r);
		break;
	case MGMT_WARNING:
		reply.why = reader_str(&r);
		break;
	default:
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ, "unknown reply %u", type);
	}
	if (!reader_done(&r))
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "reply %u: malformed body of %zu bytes", type, len);
	*ret = reply;
	return ISCSI_SUCCESS;
}

/* Room for the header and a body of @strings bytes of text, four of them, and six numbers. */
static uint8_t *message_alloc(uint16_t type, size_t strings, struct writer *w)
{
	size_t size = MGMT_HEADER_LEN + 6 * 4 + 4 * 5 + strings;
	uint8_t *data;

	if (size - MGMT_HEADER_LEN > MGMT_BODY_MAX)
		return NULL;
	data = malloc(size);
	if (!data)
		return NULL;
	*w = writer_init(data, size);
	writer_be32(w, MGMT_MAGIC);
	writer_be16(w, MGMT_VERSION);
	writer_be16(w, type);
	writer_be32(w, 0);	/* the length, once it is known */
	return data;
}

static uint8_t *message_finish(uint8_t *data, const struct writer *w, size_t *ret_len)
{
	if (w->failed) {
		free(data);
		return NULL;
	}
	put_be32(data + 8, (uint32_t)(w->pos - MGMT_HEADER_LEN));
	*ret_len = w->pos;
	return data;
}

static size_t text_len(const char *text)
{
	return text ? strlen(text) : 0;
}

uint8_t *mgmt_msg_build_request(const struct mgmt_request *req, size_t *ret_len)
{
	struct writer w;
	uint8_t *data = message_alloc(req->type, text_len(req->record) + text_len(req->iface), &w);

	if (!data)
		return NULL;
	writer_be32(&w, req->tag);
	writer_be32(&w, req->flags);
	writer_be32(&w, req->sid);
	writer_str(&w, req->record);
	writer_str(&w, req->iface);
	return message_finish(data, &w, ret_len);
}

uint8_t *mgmt_msg_build_reply(const struct mgmt_reply *reply, size_t *ret_len)
{
	size_t strings = reply->type == MGMT_RESULT || reply->type == MGMT_WARNING ?
			 text_len(reply->why) + text_len(reply->session) :
			 text_len(reply->name) + text_len(reply->address);
	size_t more = reply->type == MGMT_ATTEMPT ? text_len(reply->iface) + text_len(reply->why) : 0;
	struct writer w;
	uint8_t *data = message_alloc(reply->type, strings + more, &w);

	if (!data)
		return NULL;
	writer_be32(&w, reply->tag);
	if (reply->type == MGMT_TARGET) {
		writer_be32(&w, (uint32_t)reply->port);
		writer_be32(&w, (uint32_t)reply->tpgt);
		writer_str(&w, reply->name);
		writer_str(&w, reply->address);
	} else if (reply->type == MGMT_ATTEMPT) {
		writer_be32(&w, reply->sid);
		writer_be32(&w, (uint32_t)reply->port);
		writer_be32(&w, reply->wanted);
		writer_be32(&w, reply->failed);
		writer_be32(&w, reply->since_s);
		writer_str(&w, reply->name);
		writer_str(&w, reply->address);
		writer_str(&w, reply->iface);
		writer_str(&w, reply->why);
	} else if (reply->type == MGMT_STAT) {
		writer_be32(&w, reply->custom);
		writer_be32(&w, (uint32_t)(reply->value >> 32));
		writer_be32(&w, (uint32_t)reply->value);
		writer_str(&w, reply->name);
	} else if (reply->type == MGMT_HELLO) {
		writer_str(&w, reply->name);
	} else if (reply->type == MGMT_WARNING) {
		writer_str(&w, reply->why);
	} else {
		writer_be32(&w, reply->err);
		writer_be32(&w, reply->sid);
		writer_be32(&w, reply->conn_state);
		writer_be32(&w, reply->recovery);
		writer_str(&w, reply->why);
		writer_str(&w, reply->session);
	}
	return message_finish(data, &w, ret_len);
}
