/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the local socket <-> bytes, see mgmt_msg.h. Numbers have 32 bits, and strings are as
 * reader_str() has them.
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

/* A body that is read or written: one of both is NULL. */
struct wire {
	struct reader *from;
	struct writer *to;
};

static void wire_number(const struct wire *wire, uint32_t *number)
{
	if (wire->from)
		*number = reader_be32(wire->from);
	else
		writer_be32(wire->to, *number);
}

static void wire_flag(const struct wire *wire, bool *flag)
{
	uint32_t number = *flag;

	wire_number(wire, &number);
	*flag = number;
}

static void wire_text(const struct wire *wire, const char **text)
{
	if (wire->from)
		*text = reader_str(wire->from);
	else
		writer_str(wire->to, *text);
}

/* False: there is no reply of this type. */
static bool wire_reply(const struct wire *wire, struct mgmt_reply *reply)
{
	uint32_t high = (uint32_t)(reply->value >> 32), low = (uint32_t)reply->value;

	wire_number(wire, &reply->tag);
	switch (reply->type) {
	case MGMT_RESULT:
		wire_number(wire, (uint32_t *)&reply->err);
		wire_number(wire, &reply->sid);
		wire_number(wire, (uint32_t *)&reply->conn_state);
		wire_number(wire, (uint32_t *)&reply->recovery);
		wire_text(wire, &reply->why);
		wire_text(wire, &reply->session);
		return true;
	case MGMT_TARGET:
		wire_number(wire, (uint32_t *)&reply->port);
		wire_number(wire, (uint32_t *)&reply->tpgt);
		wire_text(wire, &reply->name);
		wire_text(wire, &reply->address);
		return true;
	case MGMT_ATTEMPT:
		wire_number(wire, &reply->sid);
		wire_number(wire, (uint32_t *)&reply->port);
		wire_flag(wire, &reply->wanted);
		wire_number(wire, &reply->failed);
		wire_number(wire, &reply->since_s);
		wire_text(wire, &reply->name);
		wire_text(wire, &reply->address);
		wire_text(wire, &reply->iface);
		wire_text(wire, &reply->why);
		return true;
	case MGMT_STAT:
		wire_flag(wire, &reply->custom);
		wire_number(wire, &high);
		wire_number(wire, &low);
		reply->value = (uint64_t)high << 32 | low;
		wire_text(wire, &reply->name);
		return true;
	case MGMT_HELLO:
		wire_text(wire, &reply->name);
		return true;
	case MGMT_WARNING:
		wire_text(wire, &reply->why);
		return true;
	default:
		return false;
	}
}

enum iscsi_err mgmt_msg_parse_reply(uint16_t type, const uint8_t *body, size_t len,
				    struct mgmt_reply *ret, struct iscsi_why *why)
{
	struct reader r = reader_init(body, len);
	struct mgmt_reply reply = {
		.type = type, .why = "", .session = "", .name = "", .address = "", .iface = "",
	};

	if (!wire_reply(&(struct wire){ .from = &r }, &reply))
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ, "unknown reply %u", type);
	if (!reader_done(&r))
		return iscsi_fail(why, ISCSI_ERR_INVALID_MGMT_REQ,
				  "reply %u: malformed body of %zu bytes", type, len);
	reply.err = reply.err < ISCSI_ERR_END ? reply.err : ISCSI_ERR_INTERNAL;
	reply.conn_state = MIN(reply.conn_state, MGMT_CONN_UNKNOWN);
	reply.recovery = MIN(reply.recovery, MGMT_RECOVERY_UNKNOWN);
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
	struct mgmt_reply copy = *reply;
	struct writer w;
	uint8_t *data = message_alloc(reply->type, text_len(reply->why) + text_len(reply->session) +
				      text_len(reply->name) + text_len(reply->address) +
				      text_len(reply->iface), &w);

	if (!data)
		return NULL;
	(void)wire_reply(&(struct wire){ .to = &w }, &copy);
	return message_finish(data, &w, ret_len);
}
