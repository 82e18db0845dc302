/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Converts the headers of the control path (RFC 7143, 11) to structs and back: login, text,
 * logout, NOP, async, reject. No I/O. On a normal session the kernel sets CmdSN and ITT; on a
 * discovery session iscsid does, so both are fields here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

#define PDU_BHS_LEN		48
#define PDU_LOGIN_DATA_MAX	8192	/* RFC 7143, 6.3: MaxRecvDataSegmentLength in login */
#define PDU_RESERVED_TAG	0xffffffffu
#define PDU_ISID_LEN		6

enum pdu_opcode {
	PDU_NOP_OUT		= 0x00,
	PDU_LOGIN_REQUEST	= 0x03,
	PDU_TEXT_REQUEST	= 0x04,
	PDU_LOGOUT_REQUEST	= 0x06,
	PDU_NOP_IN		= 0x20,
	PDU_LOGIN_RESPONSE	= 0x23,
	PDU_TEXT_RESPONSE	= 0x24,
	PDU_LOGOUT_RESPONSE	= 0x26,
	PDU_ASYNC		= 0x32,
	PDU_REJECT		= 0x3f,
};

enum login_stage {		/* RFC 7143, 11.12.3 */
	LOGIN_STAGE_SECURITY	= 0,
	LOGIN_STAGE_OPERATIONAL	= 1,
	LOGIN_STAGE_FULL_FEATURE = 3,
};

/* The fields that each PDU has. */
struct pdu_header {
	uint8_t opcode;		/* without the I bit */
	uint8_t ahs_words;
	uint32_t data_len;	/* without padding */
};
void pdu_parse_header(const uint8_t bhs[PDU_BHS_LEN], struct pdu_header *ret);
/* @data_len rounded up to a multiple of 4. */
size_t pdu_padded(size_t data_len);

struct login_request_pdu {	/* 11.12 */
	bool transit, cont;
	enum login_stage csg, nsg;	/* nsg only with transit */
	uint8_t isid[PDU_ISID_LEN];
	/* TSIH stays 0 in all requests, even if the target names one early (11.12.6); so does CID. */
	uint32_t itt;
	uint32_t cmd_sn, exp_stat_sn;
	uint32_t data_len;
};
void pdu_build_login_request(const struct login_request_pdu *req, uint8_t bhs[PDU_BHS_LEN]);

struct login_response_pdu {	/* 11.13 */
	bool transit, cont;
	uint8_t csg, nsg;
	uint8_t version_active;
	uint16_t tsih;
	uint32_t itt;
	uint32_t stat_sn, exp_cmd_sn, max_cmd_sn;	/* valid with status class 0 only */
	uint8_t status_class, status_detail;
	uint32_t data_len;
};
/*
 * Checks the opcode, that there is no AHS, and that the data is within 8192 bytes. A failed check
 * is ISCSI_ERR_FATAL_LOGIN with the reason.
 */
enum iscsi_err pdu_parse_login_response(const uint8_t bhs[PDU_BHS_LEN],
					struct login_response_pdu *ret, struct iscsi_why *why);

struct text_request_pdu {	/* 11.10, whole and the last */
	bool immediate;
	uint8_t lun[8];
	uint32_t itt, ttt, cmd_sn, exp_stat_sn;
	uint32_t data_len;
};
void pdu_build_text_request(const struct text_request_pdu *req, uint8_t bhs[PDU_BHS_LEN]);

struct text_response_pdu {	/* 11.11 */
	bool final, cont;
	uint8_t lun[8];
	uint32_t itt, ttt, stat_sn, exp_cmd_sn, max_cmd_sn;
	uint32_t data_len;
};
enum iscsi_err pdu_parse_text_response(const uint8_t bhs[PDU_BHS_LEN],
				       struct text_response_pdu *ret, struct iscsi_why *why);

struct logout_request_pdu {	/* 11.14, for the reason 0: close the session */
	uint32_t itt, cmd_sn, exp_stat_sn;
};
void pdu_build_logout_request(const struct logout_request_pdu *req, uint8_t bhs[PDU_BHS_LEN]);

struct logout_response_pdu {	/* 11.15 */
	uint8_t response;
};
enum iscsi_err pdu_parse_logout_response(const uint8_t bhs[PDU_BHS_LEN],
					 struct logout_response_pdu *ret, struct iscsi_why *why);

struct nop_in_pdu {		/* 11.19 */
	uint8_t lun[8];
	uint32_t ttt;		/* PDU_RESERVED_TAG: the target wants no answer */
	uint32_t exp_cmd_sn, max_cmd_sn;
};
/* The caller has checked that the opcode is PDU_NOP_IN. */
void pdu_parse_nop_in(const uint8_t bhs[PDU_BHS_LEN], struct nop_in_pdu *ret);

struct nop_out_pdu {		/* 11.18: the answer to a target's ping, without data */
	uint8_t lun[8];
	uint32_t ttt, cmd_sn, exp_stat_sn;
};
void pdu_build_nop_out(const struct nop_out_pdu *nop, uint8_t bhs[PDU_BHS_LEN]);

enum async_event {		/* 11.9.1 */
	ASYNC_SCSI		= 0,	/* sense data follows */
	ASYNC_LOGOUT_REQUESTED	= 1,
	ASYNC_DROPS_CONNECTION	= 2,
	ASYNC_DROPS_SESSION	= 3,
	ASYNC_NEGOTIATE		= 4,
};

struct async_pdu {		/* 11.9 */
	uint8_t event;		/* enum async_event, or a number that the RFC doesn't know */
	uint16_t param1, param2, param3;
	uint32_t stat_sn;
};
enum iscsi_err pdu_parse_async(const uint8_t bhs[PDU_BHS_LEN], struct async_pdu *ret,
			       struct iscsi_why *why);

/* Whether the data of an ASYNC_SCSI is the sense data "reported LUNs data has changed". */
bool pdu_sense_luns_changed(const uint8_t *data, size_t len);
