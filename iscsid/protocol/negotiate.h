/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operational keys of RFC 7143, 13, as one table. Our offer and the target's answer make the
 * agreed values; these are three structs, none of which is overwritten. No I/O, no log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/text.h"
#include "libiscsi-db/iscsi-db.h"

enum digest_offer {		/* HeaderDigest and DataDigest, 13.1 */
	DIGEST_NONE,
	DIGEST_CRC32C,		/* CRC32C and nothing else */
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
	uint32_t max_recv_data_segment_length;	/* declared to the target */
	/*
	 * Agreed: the target's declaration, as a multiple of 4. Offered: our own limit of what we
	 * send, 0 for none; the target isn't told.
	 */
	uint32_t max_xmit_data_segment_length;
};

/* The texts of enum digest_offer; NULL ends them. */
extern const char *const negotiate_digests[];

/* The values of keys that neither side has mentioned (RFC 7143, 13). */
extern const struct negotiate_params negotiate_rfc_defaults;

/* One negotiation, from the first offer to the end of the stage. */
struct negotiation;

struct negotiation *negotiation_new(void);		/* NULL without memory */
struct negotiation *negotiation_free(struct negotiation *n);

/*
 * Begins a negotiation with a copy of @offer, whose values are brought into their legal ranges. A
 * discovery session offers only keys that have a meaning in it, and no digests.
 */
void negotiation_start(struct negotiation *n, bool discovery,
		       const struct negotiate_params *offer);

/* Writes the offers into @text. Each offer is written once. */
void negotiation_write_offers(struct negotiation *n, struct text_writer *text);

enum negotiate_answer {
	NEGOTIATE_TAKEN,	/* an answer or a declaration, which needs no reply */
	NEGOTIATE_REPLY,	/* a proposal of the target, whose answer is in @reply */
	NEGOTIATE_OPTIONAL,	/* the same, but @reply need not be sent */
	NEGOTIATE_NOT_OURS,	/* not an operational key, so the caller decides */
	NEGOTIATE_ERROR,	/* against the rules, see @why */
};

/* True for Reject, Irrelevant and NotUnderstood, which are never proposals (6.2). */
bool negotiation_is_refusal(const char *value);

/* True if @key is an operational key, so that negotiation_take() handles it. */
bool negotiation_knows(const char *key);

/* Takes one key=value pair of the target. */
enum negotiate_answer negotiation_take(struct negotiation *n, const char *key,
				       const char *value, struct text_writer *reply,
				       struct iscsi_why *why);

/*
 * Computes the agreed values at the end of the stage. Keys without an answer have the RFC's
 * defaults, and FirstBurstLength is limited to MaxBurstLength, which some targets neglect (13.14).
 * An error if the values can't be used: CRC32C was not agreed, but our offer insists on it.
 */
enum iscsi_err negotiation_finish(const struct negotiation *n, struct negotiate_params *agreed,
				  struct iscsi_why *why);
