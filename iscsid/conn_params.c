/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection tells kernel and target about itself, see conn_params.h. */
#include "iscsid/conn_params.h"

#include "iscsid/base/bytes.h"

void conn_params_isid(uint32_t sid, uint8_t isid[PDU_ISID_LEN])
{
	isid[0] = 0x00;
	isid[1] = 0x02;
	isid[2] = 0x3d;
	put_be24(isid + 3, sid & 0xffffff);
}

void conn_params_pings(const struct session_config *c, struct kernel_params *p)
{
	kernel_params_number(p, KERNEL_PING_TMO, c->noop_out_timeout_s);
	kernel_params_number(p, KERNEL_RECV_TMO, c->noop_out_interval_s);
}

void conn_params_identify(const struct session_config *c, struct kernel_params *p)
{
	p->len = 0;
	kernel_params_text(p, KERNEL_TARGET_NAME, c->target);
	kernel_params_text(p, KERNEL_INITIATOR_NAME, c->initiator);
	kernel_params_text(p, KERNEL_PERSISTENT_ADDRESS, c->address);
	kernel_params_number(p, KERNEL_PERSISTENT_PORT, c->port);
	kernel_params_text(p, KERNEL_IFACE_NAME, c->iface);
	kernel_params_number(p, KERNEL_RECOVERY_TMO, c->replacement_timeout_s);
	kernel_params_text(p, KERNEL_USERNAME, c->chap.username);
	kernel_params_text(p, KERNEL_PASSWORD, c->chap.password);
	kernel_params_text(p, KERNEL_USERNAME_IN, c->chap.username_in);
	kernel_params_text(p, KERNEL_PASSWORD_IN, c->chap.password_in);
	kernel_params_number(p, KERNEL_FAST_ABORT, c->fast_abort);
	kernel_params_number(p, KERNEL_ABORT_TMO, c->abort_timeout_s);
	kernel_params_number(p, KERNEL_LU_RESET_TMO, c->lu_reset_timeout_s);
	kernel_params_number(p, KERNEL_TGT_RESET_TMO, c->tgt_reset_timeout_s);
	conn_params_pings(c, p);
	/* A login response may have this length, whatever the last login agreed on. */
	kernel_params_number(p, KERNEL_MAX_RECV_DLENGTH, PDU_LOGIN_DATA_MAX);
}

void conn_params_negotiated(const struct session_config *c, const struct login_outcome *outcome,
			    struct kernel_params *p)
{
	const struct negotiate_params *a = &outcome->agreed;

	p->len = 0;
	kernel_params_number(p, KERNEL_MAX_RECV_DLENGTH, a->max_recv_data_segment_length);
	kernel_params_number(p, KERNEL_MAX_XMIT_DLENGTH, a->max_xmit_data_segment_length & ~3u);
	kernel_params_number(p, KERNEL_HEADER_DIGEST, a->header_digest == DIGEST_CRC32C);
	kernel_params_number(p, KERNEL_DATA_DIGEST, a->data_digest == DIGEST_CRC32C);
	kernel_params_number(p, KERNEL_INITIAL_R2T, a->initial_r2t);
	kernel_params_number(p, KERNEL_MAX_R2T, a->max_outstanding_r2t);
	kernel_params_number(p, KERNEL_IMMEDIATE_DATA, a->immediate_data);
	kernel_params_number(p, KERNEL_FIRST_BURST, a->first_burst_length);
	kernel_params_number(p, KERNEL_MAX_BURST, a->max_burst_length);
	kernel_params_number(p, KERNEL_PDU_IN_ORDER, a->data_pdu_in_order);
	kernel_params_number(p, KERNEL_DATA_SEQ_IN_ORDER, a->data_sequence_in_order);
	kernel_params_number(p, KERNEL_ERL, a->error_recovery_level);
	kernel_params_number(p, KERNEL_EXP_STAT_SN, outcome->exp_stat_sn);
	kernel_params_number(p, KERNEL_TPGT, outcome->tpgt >= 0 ? outcome->tpgt : c->tpgt);
}
