/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target that negotiates the operational keys as it likes: it answers and proposes in any order,
 * before our offers and after them. The first bytes are what we offer; then come the pairs, a key
 * and a value each. Each reply is a legal pair for the key that was proposed, and what is agreed in
 * the end is what both sides can live with.
 */
#include <stdlib.h>
#include <string.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/negotiate.h"
#include "libiscsi-db/util.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIRS_MAX = 100 };

static const char *const keys[] = {
	"HeaderDigest", "DataDigest", "DefaultTime2Wait", "DefaultTime2Retain",
	"ErrorRecoveryLevel", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
	"MaxOutstandingR2T", "MaxConnections", "DataPDUInOrder", "DataSequenceInOrder",
	"MaxRecvDataSegmentLength", "IFMarker", "OFMarker", "IFMarkInt", "OFMarkInt",
	"TaskReporting", "iSCSIProtocolLevel", "X#NodeArchitecture", "X-com.example.key",
	"TargetAlias", "headerdigest",
};

static const char *const values[] = {
	"Yes", "No", "None", "CRC32C", "CRC32C,None", "None,CRC32C", "Reject", "Irrelevant",
	"NotUnderstood", "RFC3720", "ResponseFence,FastAbort", "0", "1", "2", "512", "65536", "0x200",
	"16777215", "16777216", "18446744073709551616", "-1", "", ",", "CRC32C,", "yes", "0x", " 1",
};

/* A value of the list, a number, or bytes of the input as they are. */
static void next_value(struct reader *r, char ret[512])
{
	uint8_t kind = next_byte(r);
	const uint8_t *bytes;
	size_t len;

	if (kind < ARRAY_SIZE(values)) {
		(void)snprintf(ret, 512, "%s", values[kind]);
	} else if (kind < 200) {
		(void)snprintf(ret, 512, "%u", reader_be32(r));
	} else {
		len = next_byte(r);
		bytes = reader_bytes(r, len);
		(void)snprintf(ret, 512, "%.*s", bytes ? (int)len : 0, bytes ? (const char *)bytes : "");
	}
}

static struct negotiate_params next_offer(struct reader *r)
{
	struct negotiate_params offer = { 0 };
	uint32_t *field = (uint32_t *)&offer;

	for (size_t i = 0; i < sizeof(offer) / sizeof(*field); i++)
		field[i] = next_byte(r) & 0x80 ? reader_be32(r) : next_byte(r) & 3;
	return offer;
}

/* The pairs of @text, each a key that is operational; @only, if it isn't NULL. */
static size_t check_pairs(char *text, size_t len, const char *only)
{
	struct iscsi_why why;
	struct text_reader r;
	size_t n = 0;

	text_reader_init(&r, text, len);
	while (text_reader_next(&r, &why) == TEXT_PAIR) {
		must(negotiation_knows(r.key) && (!only || streq(r.key, only)) && *r.value);
		n++;
	}
	text_reader_done(&r);
	return n;
}

static void write_offers(struct negotiation *n)
{
	char buf[1024];
	struct text_writer text;

	text_writer_init(&text, buf, sizeof(buf));
	negotiation_write_offers(n, &text);
	must(!text.failed);
	(void)check_pairs(buf, text.len, NULL);
	text_writer_init(&text, buf, sizeof(buf));
	negotiation_write_offers(n, &text);
	must(!text.len);			/* each is written once */
}

/* False if the target broke the rules, which ends a login. */
static bool take(struct negotiation *n, const char *key, const char *value, bool again)
{
	struct iscsi_why why = { "" };
	struct text_writer reply;
	char buf[512];
	enum negotiate_answer answer;

	text_writer_init(&reply, buf, sizeof(buf));
	answer = negotiation_take(n, key, value, &reply, &why);
	must((answer == NEGOTIATE_NOT_OURS) == !negotiation_knows(key));
	must(answer == NEGOTIATE_NOT_OURS || answer == NEGOTIATE_ERROR || !again);
	switch (answer) {
	case NEGOTIATE_REPLY:
	case NEGOTIATE_OPTIONAL:
		must(!reply.failed && !negotiation_is_refusal(value));
		must(check_pairs(buf, reply.len, key) == 1);
		return true;
	case NEGOTIATE_ERROR:
		must(*why.text);
		return false;
	case NEGOTIATE_TAKEN:
	case NEGOTIATE_NOT_OURS:
		must(!reply.len);
		break;
	}
	return true;
}

/* What may be agreed, given what we offered. */
static void check_agreed(const struct negotiate_params *offer, const struct negotiate_params *a)
{
	const struct negotiate_params *rfc = &negotiate_rfc_defaults;

	must(a->header_digest <= DIGEST_CRC32C && a->data_digest <= DIGEST_CRC32C);
	must(a->header_digest == DIGEST_NONE ? offer->header_digest != DIGEST_CRC32C :
					       offer->header_digest != DIGEST_NONE);
	must(a->initial_r2t <= 1 && a->immediate_data <= 1);
	must(a->initial_r2t || !offer->initial_r2t);
	must(a->max_burst_length >= 512 && a->max_burst_length <= 0xffffff);
	must(a->first_burst_length >= 512 && a->first_burst_length <= a->max_burst_length);
	must(a->max_burst_length <= MAX(offer->max_burst_length, rfc->max_burst_length));
	must(a->max_outstanding_r2t >= 1 && a->max_connections >= 1);
	must(a->default_time2wait <= 3600 && a->default_time2retain <= 3600);
	must(a->error_recovery_level <= 2);
	must(a->max_xmit_data_segment_length >= 512 && !(a->max_xmit_data_segment_length & 3));
	must(a->max_recv_data_segment_length >= 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_init(data, size);
	bool discovery = next_byte(&r) & 1, goes_on = true;
	struct negotiate_params offer = next_offer(&r), agreed;
	struct negotiation *n = negotiation_new();
	bool seen[ARRAY_SIZE(keys)] = { false };
	struct iscsi_why why = { "" };

	must(n != NULL);
	negotiation_start(n, discovery, &offer);
	for (int i = 0; goes_on && i < PAIRS_MAX && r.pos < r.len; i++) {
		uint8_t which = next_byte(&r);
		char value[512];

		if (which >= ARRAY_SIZE(keys)) {
			write_offers(n);
			continue;
		}
		next_value(&r, value);
		goes_on = take(n, keys[which], value, seen[which]);
		seen[which] = true;
	}
	write_offers(n);
	if (goes_on) {
		enum iscsi_err err = negotiation_finish(n, &agreed, &why);

		must(!err || *why.text);
		if (!err && !discovery)
			check_agreed(&offer, &agreed);
	}
	negotiation_free(n);
	return 0;
}
