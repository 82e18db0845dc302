/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Negotiation of the operational keys, see negotiate.h. The table below is RFC 7143, 13, with a row
 * for each key in the order of our offers. Everything that is special about a key stands in its
 * row.
 */
#include "iscsid/protocol/negotiate.h"

#include "libiscsi-db/util.h"

enum result {			/* how offer and answer make the result (6.2) */
	RESULT_LIST,		/* one of the digests offered */
	RESULT_MIN,
	RESULT_MAX,
	RESULT_AND,
	RESULT_OR,
	RESULT_DECLARED,	/* each side declares its own value, without an answer */
	/* The results of keys that we don't offer, but must answer. */
	RESULT_OBSOLETE,	/* answered with Reject */
	RESULT_REPORTING,	/* TaskReporting: RFC3720, the default, or Reject */
	RESULT_LEVEL,		/* as RESULT_MIN; our level is 1, that of RFC 7143 */
	RESULT_IGNORED,		/* a declaration without a meaning for us */
};

enum {				/* flags */
	ANY	= 1,	/* has a meaning in a discovery session too */
	UNASKED	= 2,	/* never offered, only answered */
};

struct operational_key {
	const char *name;
	enum result result;
	uint32_t min, max;
	size_t field;		/* offset in struct negotiate_params */
	unsigned int flags;
};

#define P(field)	offsetof(struct negotiate_params, field)

static const struct operational_key keys[] = {
	{ "HeaderDigest", RESULT_LIST, .field = P(header_digest), .flags = ANY }, /* 13.1 */
	{ "DataDigest", RESULT_LIST, .field = P(data_digest), .flags = ANY }, /* 13.1 */
	{ "DefaultTime2Wait", RESULT_MAX, 0, 3600, P(default_time2wait), ANY }, /* 13.15 */
	{ "DefaultTime2Retain", RESULT_MIN, 0, 3600, P(default_time2retain), ANY }, /* 13.16 */
	{ "ErrorRecoveryLevel", RESULT_MIN, 0, 2, P(error_recovery_level), ANY }, /* 13.20 */
	{ "InitialR2T", RESULT_OR, 0, 1, P(initial_r2t), 0 }, /* 13.10 */
	{ "ImmediateData", RESULT_AND, 0, 1, P(immediate_data), 0 }, /* 13.11 */
	{ "MaxBurstLength", RESULT_MIN, 512, 0xffffff, P(max_burst_length), 0 }, /* 13.13 */
	{ "FirstBurstLength", RESULT_MIN, 512, 0xffffff, P(first_burst_length), 0 }, /* 13.14 */
	{ "MaxOutstandingR2T", RESULT_MIN, 1, 65535, P(max_outstanding_r2t), 0 }, /* 13.17 */
	{ "MaxConnections", RESULT_MIN, 1, 65535, P(max_connections), 0 }, /* 13.2 */
	{ "DataPDUInOrder", RESULT_OR, 0, 1, P(data_pdu_in_order), 0 }, /* 13.18 */
	{ "DataSequenceInOrder", RESULT_OR, 0, 1, P(data_sequence_in_order), 0 }, /* 13.19 */
	{ "MaxRecvDataSegmentLength", RESULT_DECLARED, 512, 0xffffff, /* 13.12 */
	  P(max_recv_data_segment_length), ANY },

	{ "IFMarker", RESULT_OBSOLETE, .flags = ANY | UNASKED }, /* 13.25 */
	{ "OFMarker", RESULT_OBSOLETE, .flags = ANY | UNASKED },
	{ "IFMarkInt", RESULT_OBSOLETE, .flags = ANY | UNASKED },
	{ "OFMarkInt", RESULT_OBSOLETE, .flags = ANY | UNASKED },
	{ "TaskReporting", RESULT_REPORTING, .flags = UNASKED }, /* 13.23 */
	{ "iSCSIProtocolLevel", RESULT_LEVEL, .max = 31, .flags = UNASKED }, /* 13.24 */
	{ "X#NodeArchitecture", RESULT_IGNORED, .flags = ANY | UNASKED }, /* 13.26 */
};

const struct negotiate_params negotiate_rfc_defaults = {
	.header_digest = DIGEST_NONE,
	.data_digest = DIGEST_NONE,
	.initial_r2t = 1,
	.immediate_data = 1,
	.max_burst_length = 262144,
	.first_burst_length = 65536,
	.max_outstanding_r2t = 1,
	.max_connections = 1,
	.data_pdu_in_order = 1,
	.data_sequence_in_order = 1,
	.default_time2wait = 2,
	.default_time2retain = 20,
	.error_recovery_level = 0,
	.max_recv_data_segment_length = 8192,
	.max_xmit_data_segment_length = 8192,
};

const char *const negotiate_digests[] = {
	[DIGEST_NONE]		= "None",
	[DIGEST_CRC32C]		= "CRC32C",
	[DIGEST_CRC32C_NONE]	= "CRC32C,None",
	[DIGEST_NONE_CRC32C]	= "None,CRC32C",
	NULL,
};

struct negotiation {
	bool discovery;
	struct negotiate_params offer;		/* what we offer */
	struct negotiate_params answer;		/* the results, valid where @agreed is set */
	struct {
		bool offered;	/* we have named the key */
		bool settled;	/* the target has named the key, which it may do once */
		bool agreed;	/* the result stands in @answer */
	} state[ARRAY_SIZE(keys)];
};

static uint32_t *field_of(struct negotiate_params *params, const struct operational_key *key)
{
	return (uint32_t *)((char *)params + key->field);
}

static uint32_t field_in(const struct negotiate_params *params,
			 const struct operational_key *key)
{
	return *(const uint32_t *)((const char *)params + key->field);
}

struct negotiation *negotiation_new(void)
{
	return calloc(1, sizeof(struct negotiation));
}

struct negotiation *negotiation_free(struct negotiation *n)
{
	free(n);
	return NULL;
}

static bool is_used(const struct negotiation *n, const struct operational_key *key)
{
	return !n->discovery || key->flags & ANY;
}

void negotiation_start(struct negotiation *n, bool discovery,
		       const struct negotiate_params *offer)
{
	*n = (struct negotiation){ .discovery = discovery, .offer = *offer };
	if (discovery) {	/* some targets choose CRC32C in a discovery and then fail */
		n->offer.header_digest = DIGEST_NONE;
		n->offer.data_digest = DIGEST_NONE;
		n->offer.error_recovery_level = 0;	/* 7.4.1 */
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint32_t *value = field_of(&n->offer, &keys[i]);

		if (keys[i].result == RESULT_LIST)
			*value = *value > DIGEST_NONE_CRC32C ? DIGEST_NONE : *value;
		else if (!(keys[i].flags & UNASKED))
			*value = MIN(MAX(*value, keys[i].min), keys[i].max);
	}
	n->offer.first_burst_length = MIN(n->offer.first_burst_length, n->offer.max_burst_length);
}

static void write_value(const struct operational_key *key, uint32_t value,
			struct text_writer *text)
{
	switch (key->result) {
	case RESULT_LIST:
		text_write(text, key->name, negotiate_digests[value]);
		break;
	case RESULT_AND:
	case RESULT_OR:
		text_write(text, key->name, value ? "Yes" : "No");
		break;
	default:
		text_write_number(text, key->name, value);
	}
}

void negotiation_write_offers(struct negotiation *n, struct text_writer *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		/* A key that the target has proposed is settled, unless it is a declaration. */
		bool answered = n->state[i].settled && keys[i].result != RESULT_DECLARED;

		if (keys[i].flags & UNASKED || !is_used(n, &keys[i]) || answered ||
		    n->state[i].offered)
			continue;
		write_value(&keys[i], field_in(&n->offer, &keys[i]), text);
		n->state[i].offered = true;
	}
}

static size_t find_key(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(keys) && !streq(keys[i].name, name))
		i++;
	return i;
}

bool negotiation_knows(const char *key)
{
	return find_key(key) < ARRAY_SIZE(keys);
}

/* Whether the list @offer contains @digest. */
static bool digest_allowed(uint32_t offer, uint32_t digest)
{
	return digest == DIGEST_NONE ? offer != DIGEST_CRC32C : offer != DIGEST_NONE;
}

/* The first digest of the target's comma separated @list that @offer contains, or -1. */
static int choose_digest(const char *list, uint32_t offer)
{
	static const enum digest_offer digests[] = { DIGEST_NONE, DIGEST_CRC32C };

	for (;;) {
		size_t len = strcspn(list, ",");

		for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
			const char *name = negotiate_digests[digests[i]];

			if (len == strlen(name) && memcmp(list, name, len) == 0 &&
			    digest_allowed(offer, digests[i]))
				return (int)digests[i];
		}
		if (!list[len])
			return -1;
		list += len + 1;
	}
}

/* Reads a boolean, or a number in the range of the key. */
static enum iscsi_err parse_value(const struct operational_key *key, const char *value,
				  uint32_t *ret, struct iscsi_why *why)
{
	uint64_t number;

	if (key->result == RESULT_AND || key->result == RESULT_OR) {
		if (!streq(value, "Yes") && !streq(value, "No"))
			return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
					  "%s=%.80s is neither Yes nor No", key->name, value);
		*ret = streq(value, "Yes");
		return ISCSI_SUCCESS;
	}
	if (strlen(value) > TEXT_VALUE_MAX || !text_parse_number(value, key->max, &number) ||
	    number < key->min)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "%s=%.80s is not a number of %u to %u", key->name, value,
				  key->min, key->max);
	*ret = (uint32_t)number;
	return ISCSI_SUCCESS;
}

/* Takes the answer to our offer, if the rule of the key allows this answer. */
static enum iscsi_err take_answer(struct negotiation *n, const struct operational_key *key,
				  const char *value, struct iscsi_why *why)
{
	uint32_t offer = field_in(&n->offer, key), answer;
	enum iscsi_err err;
	bool legal = true;

	if (key->result == RESULT_LIST) {	/* the answer is one value, not a list */
		int digest = strchr(value, ',') ? -1 : choose_digest(value, offer);

		if (digest < 0)
			return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
					  "%s=%.80s is none of what we offered, %s", key->name,
					  value, negotiate_digests[offer]);
		*field_of(&n->answer, key) = (uint32_t)digest;
		return ISCSI_SUCCESS;
	}

	err = parse_value(key, value, &answer, why);
	if (err)
		return err;
	if (key->result == RESULT_MIN || key->result == RESULT_AND)
		legal = answer <= offer;
	else if (key->result == RESULT_MAX || key->result == RESULT_OR)
		legal = answer >= offer;
	if (!legal && key->max == 1)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "%s=%s is no answer to our %s", key->name, value,
				  offer ? "Yes" : "No");
	if (!legal)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "%s=%s is %s than the %u offered",
				  key->name, value, key->result == RESULT_MIN ? "more" : "less",
				  offer);
	*field_of(&n->answer, key) = answer;
	return ISCSI_SUCCESS;
}

/*
 * Takes the target's proposal for a key that we didn't offer. The reply is optional if the target
 * knows the result anyway (6.2.2), or if the result matters to the target only.
 */
static enum negotiate_answer take_proposal(struct negotiation *n,
					   const struct operational_key *key,
					   const char *value, bool *agreed,
					   struct text_writer *reply, struct iscsi_why *why)
{
	uint32_t ours = field_in(&n->offer, key), theirs, result;
	int digest;

	if (!is_used(n, key)) {
		text_write(reply, key->name, "Irrelevant");
		return NEGOTIATE_OPTIONAL;
	}
	switch (key->result) {
	case RESULT_IGNORED:
		return NEGOTIATE_TAKEN;
	case RESULT_OBSOLETE:
		text_write(reply, key->name, "Reject");
		return NEGOTIATE_OPTIONAL;
	case RESULT_REPORTING:
		text_write(reply, key->name, text_list_has(value, "RFC3720") ? "RFC3720" : "Reject");
		return NEGOTIATE_OPTIONAL;
	case RESULT_LIST:
		digest = choose_digest(value, ours);
		if (digest < 0) {
			text_write(reply, key->name, "Reject");
			return NEGOTIATE_REPLY;
		}
		*field_of(&n->answer, key) = (uint32_t)digest;
		*agreed = true;
		text_write(reply, key->name, negotiate_digests[digest]);
		return NEGOTIATE_REPLY;
	default:
		break;
	}

	if (parse_value(key, value, &theirs, why))
		return NEGOTIATE_ERROR;
	if (key->result == RESULT_LEVEL) {
		text_write_number(reply, key->name, MIN(theirs, 1));
		return NEGOTIATE_OPTIONAL;
	}
	if (key->result == RESULT_MAX || key->result == RESULT_OR)
		result = MAX(ours, theirs);
	else
		result = MIN(ours, theirs);
	*field_of(&n->answer, key) = result;
	*agreed = true;
	write_value(key, result, reply);
	if ((key->result == RESULT_AND && !theirs) || (key->result == RESULT_OR && theirs))
		return NEGOTIATE_OPTIONAL;
	return NEGOTIATE_REPLY;
}

bool negotiation_is_refusal(const char *value)
{
	return streq(value, "Reject") || streq(value, "Irrelevant") ||
	       streq(value, "NotUnderstood");
}

enum negotiate_answer negotiation_take(struct negotiation *n, const char *name,
				       const char *value, struct text_writer *reply,
				       struct iscsi_why *why)
{
	size_t i = find_key(name);
	const struct operational_key *key = &keys[i];
	uint32_t number;

	if (i == ARRAY_SIZE(keys))
		return NEGOTIATE_NOT_OURS;
	if (n->state[i].settled) {
		(void)iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "the target sent %s twice", name);
		return NEGOTIATE_ERROR;
	}
	n->state[i].settled = true;

	if (key->result == RESULT_DECLARED) {
		if (parse_value(key, value, &number, why))
			return NEGOTIATE_ERROR;
		n->answer.max_xmit_data_segment_length = number;
		return NEGOTIATE_TAKEN;
	}
	if (negotiation_is_refusal(value)) {
		/* The default replaces our offer. The target can't refuse a key without an offer. */
		if (n->state[i].offered || key->flags & UNASKED)
			return NEGOTIATE_TAKEN;
		(void)iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				 "the target answered %s=%s to no offer of ours", name, value);
		return NEGOTIATE_ERROR;
	}
	if (!n->state[i].offered)
		return take_proposal(n, key, value, &n->state[i].agreed, reply, why);
	if (take_answer(n, key, value, why))
		return NEGOTIATE_ERROR;
	n->state[i].agreed = true;
	return NEGOTIATE_TAKEN;
}

enum iscsi_err negotiation_finish(const struct negotiation *n, struct negotiate_params *ret,
				  struct iscsi_why *why)
{
	const struct negotiate_params *offer = &n->offer;
	struct negotiate_params agreed = negotiate_rfc_defaults;

	agreed.max_recv_data_segment_length = offer->max_recv_data_segment_length;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint32_t *value = field_of(&agreed, &keys[i]);
		uint32_t ours = field_in(offer, &keys[i]);

		if (keys[i].flags & UNASKED || keys[i].result == RESULT_DECLARED)
			continue;
		if (n->state[i].agreed)
			*value = field_in(&n->answer, &keys[i]);
		else if (n->state[i].offered && ((keys[i].result == RESULT_AND && !ours) ||
						 (keys[i].result == RESULT_OR && ours)))
			*value = ours;		/* this offer needs no answer (6.2.2) */
		if (keys[i].result == RESULT_LIST && !digest_allowed(ours, *value))
			return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
					  "the target didn't agree to %s=CRC32C", keys[i].name);
	}

	if (n->answer.max_xmit_data_segment_length)
		agreed.max_xmit_data_segment_length = n->answer.max_xmit_data_segment_length;
	if (offer->max_xmit_data_segment_length)
		agreed.max_xmit_data_segment_length =
			MIN(agreed.max_xmit_data_segment_length,
			    MAX(offer->max_xmit_data_segment_length, 512));
	agreed.max_xmit_data_segment_length &= ~3u;

	agreed.first_burst_length = MIN(agreed.first_burst_length, agreed.max_burst_length);
	if (agreed.error_recovery_level && agreed.data_sequence_in_order &&
	    agreed.max_outstanding_r2t != 1)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "ErrorRecoveryLevel=%u doesn't go with MaxOutstandingR2T=%u",
				  agreed.error_recovery_level, agreed.max_outstanding_r2t);
	*ret = agreed;
	return ISCSI_SUCCESS;
}
