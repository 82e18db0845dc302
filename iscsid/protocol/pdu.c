/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 48-byte headers of the control path (RFC 7143, 11), see pdu.h. Reserved fields are sent as
 * zeros and ignored in responses. The parsers find errors that are wrong in any conversation;
 * login, discovery and conn find errors that are wrong in theirs.
 */
#include "iscsid/protocol/pdu.h"

#include <string.h>

#include "iscsid/base/bytes.h"

enum {				/* offsets in a header */
	AT_FLAGS	= 1,
	AT_AHS_WORDS	= 4,
	AT_DATA_LEN	= 5,
	AT_LUN		= 8,
	AT_ISID		= 8,
	AT_TSIH		= 14,
	AT_ITT		= 16,
	AT_TTT		= 20,
	AT_CMD_SN	= 24,	/* in a request */
	AT_STAT_SN	= 24,	/* in a response */
	AT_EXP_STAT_SN	= 28,
	AT_EXP_CMD_SN	= 28,
	AT_MAX_CMD_SN	= 32,
	AT_STATUS	= 36,
	AT_EVENT	= 36,
};

#define OPCODE_IMMEDIATE	0x40
#define FLAG_FINAL		0x80
#define FLAG_TRANSIT		0x80
#define FLAG_CONTINUE		0x40

void pdu_parse_header(const uint8_t bhs[PDU_BHS_LEN], struct pdu_header *ret)
{
	*ret = (struct pdu_header){
		.opcode = bhs[0] & (uint8_t)~OPCODE_IMMEDIATE,
		.ahs_words = bhs[AT_AHS_WORDS],
		.data_len = get_be24(bhs + AT_DATA_LEN),
	};
}

size_t pdu_padded(size_t data_len)
{
	return (data_len + 3) & ~(size_t)3;
}

/* Checks that a response has the opcode @opcode and no additional header. */
static enum iscsi_err pdu_check(const uint8_t bhs[PDU_BHS_LEN], enum pdu_opcode opcode,
				const char *name, enum iscsi_err err, struct iscsi_why *why)
{
	struct pdu_header header;

	pdu_parse_header(bhs, &header);
	if (header.opcode != opcode && (header.opcode < 0x20 || header.opcode > 0x3f))
		return iscsi_fail(why, err,
				  "got byte 0x%02x where a %s begins: not an iSCSI target?",
				  bhs[0], name);
	if (header.opcode != opcode)
		return iscsi_fail(why, err, "got a PDU with opcode 0x%02x where a %s was due",
				  header.opcode, name);
	if (header.ahs_words)
		return iscsi_fail(why, err, "got a %s with an additional header segment", name);
	return ISCSI_SUCCESS;
}

/* Writes the fields that each request has; those that it has besides are zeros. */
static void pdu_begin(uint8_t bhs[PDU_BHS_LEN], unsigned int opcode, unsigned int flags,
		      uint32_t itt, uint32_t cmd_sn, uint32_t exp_stat_sn)
{
	memset(bhs, 0, PDU_BHS_LEN);
	bhs[0] = (uint8_t)opcode;
	bhs[AT_FLAGS] = (uint8_t)flags;
	put_be32(bhs + AT_ITT, itt);
	put_be32(bhs + AT_CMD_SN, cmd_sn);
	put_be32(bhs + AT_EXP_STAT_SN, exp_stat_sn);
}

void pdu_build_login_request(const struct login_request_pdu *req, uint8_t bhs[PDU_BHS_LEN])
{
	pdu_begin(bhs, PDU_LOGIN_REQUEST | OPCODE_IMMEDIATE,
		  (req->transit ? FLAG_TRANSIT | (unsigned int)req->nsg : 0) |
		  (req->cont ? FLAG_CONTINUE : 0) | (unsigned int)req->csg << 2,
		  req->itt, req->cmd_sn, req->exp_stat_sn);
	/* Version-max and Version-min stay 0, the only version. */
	put_be24(bhs + AT_DATA_LEN, req->data_len);
	memcpy(bhs + AT_ISID, req->isid, PDU_ISID_LEN);
}

enum iscsi_err pdu_parse_login_response(const uint8_t bhs[PDU_BHS_LEN],
					struct login_response_pdu *ret, struct iscsi_why *why)
{
	enum iscsi_err err = pdu_check(bhs, PDU_LOGIN_RESPONSE, "Login Response",
				       ISCSI_ERR_FATAL_LOGIN, why);

	if (err)
		return err;
	*ret = (struct login_response_pdu){
		.transit = bhs[AT_FLAGS] & FLAG_TRANSIT,
		.cont = bhs[AT_FLAGS] & FLAG_CONTINUE,
		.csg = bhs[AT_FLAGS] >> 2 & 3,
		.nsg = bhs[AT_FLAGS] & 3,
		.version_active = bhs[3],
		.data_len = get_be24(bhs + AT_DATA_LEN),
		.tsih = get_be16(bhs + AT_TSIH),
		.itt = get_be32(bhs + AT_ITT),
		.stat_sn = get_be32(bhs + AT_STAT_SN),
		.exp_cmd_sn = get_be32(bhs + AT_EXP_CMD_SN),
		.max_cmd_sn = get_be32(bhs + AT_MAX_CMD_SN),
		.status_class = bhs[AT_STATUS],
		.status_detail = bhs[AT_STATUS + 1],
	};
	if (ret->data_len > PDU_LOGIN_DATA_MAX)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "got a Login Response with %u bytes of text, over %d",
				  ret->data_len, PDU_LOGIN_DATA_MAX);
	return ISCSI_SUCCESS;
}

void pdu_build_text_request(const struct text_request_pdu *req, uint8_t bhs[PDU_BHS_LEN])
{
	pdu_begin(bhs, PDU_TEXT_REQUEST | (req->immediate ? OPCODE_IMMEDIATE : 0), FLAG_FINAL,
		  req->itt, req->cmd_sn, req->exp_stat_sn);
	put_be24(bhs + AT_DATA_LEN, req->data_len);
	memcpy(bhs + AT_LUN, req->lun, sizeof(req->lun));
	put_be32(bhs + AT_TTT, req->ttt);
}

enum iscsi_err pdu_parse_text_response(const uint8_t bhs[PDU_BHS_LEN],
				       struct text_response_pdu *ret, struct iscsi_why *why)
{
	enum iscsi_err err = pdu_check(bhs, PDU_TEXT_RESPONSE, "Text Response",
				       ISCSI_ERR_PDU_TIMEOUT, why);

	if (err)
		return err;
	*ret = (struct text_response_pdu){
		.final = bhs[AT_FLAGS] & FLAG_FINAL,
		.cont = bhs[AT_FLAGS] & FLAG_CONTINUE,
		.data_len = get_be24(bhs + AT_DATA_LEN),
		.itt = get_be32(bhs + AT_ITT),
		.ttt = get_be32(bhs + AT_TTT),
		.stat_sn = get_be32(bhs + AT_STAT_SN),
		.exp_cmd_sn = get_be32(bhs + AT_EXP_CMD_SN),
		.max_cmd_sn = get_be32(bhs + AT_MAX_CMD_SN),
	};
	memcpy(ret->lun, bhs + AT_LUN, sizeof(ret->lun));
	if (ret->final && ret->cont)
		return iscsi_fail(why, ISCSI_ERR_PDU_TIMEOUT,
				  "got a Text Response that is the last and yet continued");
	return ISCSI_SUCCESS;
}

/* The request is immediate, so that a closed command window can't hold it. */
void pdu_build_logout_request(const struct logout_request_pdu *req, uint8_t bhs[PDU_BHS_LEN])
{
	pdu_begin(bhs, PDU_LOGOUT_REQUEST | OPCODE_IMMEDIATE, FLAG_FINAL, req->itt, req->cmd_sn,
		  req->exp_stat_sn);
}

enum iscsi_err pdu_parse_logout_response(const uint8_t bhs[PDU_BHS_LEN],
					 struct logout_response_pdu *ret, struct iscsi_why *why)
{
	enum iscsi_err err = pdu_check(bhs, PDU_LOGOUT_RESPONSE, "Logout Response",
				       ISCSI_ERR_LOGOUT, why);

	if (!err)
		ret->response = bhs[2];
	return err;
}

void pdu_parse_nop_in(const uint8_t bhs[PDU_BHS_LEN], struct nop_in_pdu *ret)
{
	*ret = (struct nop_in_pdu){
		.ttt = get_be32(bhs + AT_TTT),
		.exp_cmd_sn = get_be32(bhs + AT_EXP_CMD_SN),
		.max_cmd_sn = get_be32(bhs + AT_MAX_CMD_SN),
	};
	memcpy(ret->lun, bhs + AT_LUN, sizeof(ret->lun));
}

/* The answer is immediate, so that it takes no number in the command window. */
void pdu_build_nop_out(const struct nop_out_pdu *nop, uint8_t bhs[PDU_BHS_LEN])
{
	pdu_begin(bhs, PDU_NOP_OUT | OPCODE_IMMEDIATE, FLAG_FINAL, PDU_RESERVED_TAG, nop->cmd_sn,
		  nop->exp_stat_sn);
	memcpy(bhs + AT_LUN, nop->lun, sizeof(nop->lun));
	put_be32(bhs + AT_TTT, nop->ttt);
}

enum iscsi_err pdu_parse_async(const uint8_t bhs[PDU_BHS_LEN], struct async_pdu *ret,
			       struct iscsi_why *why)
{
	enum iscsi_err err = pdu_check(bhs, PDU_ASYNC, "Asynchronous Message",
				       ISCSI_ERR_TRANS, why);

	if (err)
		return err;
	*ret = (struct async_pdu){
		.event = bhs[AT_EVENT],
		.param1 = get_be16(bhs + 38),
		.param2 = get_be16(bhs + 40),
		.param3 = get_be16(bhs + 42),
		.stat_sn = get_be32(bhs + AT_STAT_SN),
	};
	return ISCSI_SUCCESS;
}

/* The additional sense code is 3Fh/0Eh, in descriptor or fixed format (11.9.1, SPC). */
bool pdu_sense_luns_changed(const uint8_t *data, size_t len)
{
	struct reader r = reader_init(data, len);
	size_t sense_len = reader_be16(&r);
	const uint8_t *sense = reader_bytes(&r, sense_len);

	if (!sense || sense_len < 14 || (sense[0] & 0x7f) >= 0x72)
		return sense && sense_len >= 4 && (sense[0] & 0x7e) == 0x72 &&
		       sense[2] == 0x3f && sense[3] == 0x0e;
	return sense[12] == 0x3f && sense[13] == 0x0e;
}
