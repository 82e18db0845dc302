/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operational keys of RFC 7143, 13, as one table: what we offer and what the target answers
 * give what is agreed. Three structs, none overwritten. No I/O, no log.
 */
#ifndef ISCSID_NEGOTIATE_H
#define ISCSID_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/text.h"
#include "libiscsi-db/iscsi-db.h"

enum digest_offer {		/* HeaderDigest and DataDigest, 13.1 */
	DIGEST_NONE,
	DIGEST_CRC32C,		/* only CRC32C */
	DIGEST_CRC32C_NONE,	/* CRC32C preferred */
	DIGEST_NONE_CRC32C,	/* None preferred */
};

/* Values of the keys, offered or agreed. Agreed digests are DIGEST_NONE or DIGEST_CRC32C. */
struct negotiate_params {
	uint32_t header_digest, data_digest;	/* enum digest_offer */
	uint32_t initial_r2t, immediate_data;	/* 0 or 1 */
	uint32_t max_burst_length, first_burst_length;
	uint32_t max_outstanding_r2t, max_connections;
	uint32_t data_pdu_in_order, data_sequence_in_order;
	uint32_t default_time2wait, default_time2retain;
	uint32_t error_recovery_level;
	uint32_t max_recv_data_segment_length;	/* ours, declared to the target */
	/*
	 * Agreed: the target's, declared to us, as a multiple of 4. Offered: the most that we
	 * want to send whatever the target takes, 0 for no such limit; not told to the target.
	 */
	uint32_t max_xmit_data_segment_length;
};

/* What holds for a key that nobody mentions, RFC 7143, 13. */
extern const struct negotiate_params negotiate_rfc_defaults;

/* One negotiation, from the first offer to the end of the stage. */
struct negotiation;

struct negotiation *negotiation_new(void);		/* NULL: no memory */
struct negotiation *negotiation_free(struct negotiation *n);

/*
 * Begins: @offer is kept as what we offer, each value brought into its legal range, nothing is
 * agreed yet. A discovery session offers only what means something there, and no digests.
 */
void negotiation_start(struct negotiation *n, bool discovery,
		       const struct negotiate_params *offer);

/* Writes our offers into @text, once. */
void negotiation_write_offers(struct negotiation *n, struct text_writer *text);

enum negotiate_answer {
	NEGOTIATE_TAKEN,	/* an answer or a declaration: nothing to send */
	NEGOTIATE_REPLY,	/* a proposal of the target's, answered in @reply */
	NEGOTIATE_OPTIONAL,	/* the same, but nothing is lost if the answer isn't sent */
	NEGOTIATE_NOT_OURS,	/* not an operational key: the caller decides */
	NEGOTIATE_ERROR,	/* against the rules: @why says how */
};

/* Reject, Irrelevant or NotUnderstood: an answer, never a proposal (6.2). */
bool negotiation_is_refusal(const char *value);

/* True if @key is an operational key, one that belongs to this module. */
bool negotiation_knows(const char *key);

/* Takes one key=value of the target's. */
enum negotiate_answer negotiation_take(struct negotiation *n, const char *key,
				       const char *value, struct text_writer *reply,
				       struct iscsi_why *why);

/*
 * The end of the stage: what is agreed, RFC defaults for what was not answered. Where the
 * target took no care that FirstBurstLength stays within MaxBurstLength (13.14), we do. An
 * error if the outcome isn't one that we can work with: no CRC32C though we insisted on it.
 */
enum iscsi_err negotiation_finish(const struct negotiation *n, struct negotiate_params *agreed,
				  struct iscsi_why *why);

#endif /* ISCSID_NEGOTIATE_H */
