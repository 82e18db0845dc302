/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operational keys of RFC 7143, 13: for each case the target's pairs, what we answer, and
 * what is agreed. A pair is written Key=value; a blank stands between two.
 */
#include <string.h>

#include <check.h>

#include "test/unit/alloc.h"
#include "test/unit/params.h"

static void as_words(const struct text_writer *text, char *ret, size_t size)
{
	ck_assert(!text->failed);
	ck_assert_uint_lt(text->len, size);
	memcpy(ret, text->data, text->len);
	ret[text->len ? text->len - 1 : 0] = '\0';
	for (size_t i = 0; i + 1 < text->len; i++)
		if (!ret[i])
			ret[i] = ' ';
}

/*
 * Lets @n take @pairs; writes what was answered, "(...)" around what may be left out. False
 * with @why if the target broke a rule.
 */
static bool take(struct negotiation *n, const char *pairs, char *answers, size_t size,
		 struct iscsi_why *why)
{
	char copy[1024], *save = NULL, *pair;

	ck_assert_uint_lt(strlen(pairs), sizeof(copy));
	strcpy(copy, pairs);
	*answers = '\0';
	for (pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(pair, '='), buf[128], words[128];
		struct text_writer reply;
		enum negotiate_answer answer;

		ck_assert_ptr_nonnull(equals);
		*equals = '\0';
		text_writer_init(&reply, buf, sizeof(buf));
		answer = negotiation_take(n, pair, equals + 1, &reply, why);
		as_words(&reply, words, sizeof(words));
		switch (answer) {
		case NEGOTIATE_ERROR:
			return false;
		case NEGOTIATE_NOT_OURS:
			ck_abort_msg("%s is not known", pair);
			break;
		case NEGOTIATE_TAKEN:
			ck_assert_str_eq(words, "");
			break;
		case NEGOTIATE_REPLY:
		case NEGOTIATE_OPTIONAL:
			ck_assert_str_ne(words, "");
			(void)snprintf(answers + strlen(answers), size - strlen(answers),
				       answer == NEGOTIATE_REPLY ? "%s%s" : "%s(%s)",
				       *answers ? " " : "", words);
		}
	}
	return true;
}

/* ---- what the target answers to our offers ------------------------------------------ */

static const struct {
	const char *offer;	/* other than usual */
	const char *answers;
	const char *agreed;	/* other than the RFC's defaults; "!" and a reason: refused */
} answered[] = {
	/* P-NEG-12, P-KEY-T16: silence gives the defaults, not what we offered */
	{ "", "", "" },
	/* an ordinary target */
	{ "", "HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 "
	  "ErrorRecoveryLevel=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=262144 "
	  "FirstBurstLength=65536 MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes "
	  "DataSequenceInOrder=Yes MaxRecvDataSegmentLength=65536",
	  "default_time2retain=0 initial_r2t=0 max_xmit_data_segment_length=65536" },

	/* P-NEG-10: no answer is needed to Yes (OR) and No (AND) */
	{ "immediate_data=0 initial_r2t=1", "", "immediate_data=0 initial_r2t=1" },
	{ "data_pdu_in_order=0", "", "" },

	/* P-NEG-03, P-NEG-04, P-NEG-02, H-59: refused, so the default */
	{ "", "MaxBurstLength=Reject", "" },
	{ "", "InitialR2T=Reject", "" },
	{ "immediate_data=0", "ImmediateData=Reject", "immediate_data=0" },
	{ "", "FirstBurstLength=Irrelevant InitialR2T=Yes ImmediateData=No",	/* P-KEY-T15 */
	  "immediate_data=0" },
	{ "", "MaxBurstLength=NotUnderstood", "" },
	{ "", "HeaderDigest=Reject DataDigest=NotUnderstood", "" },
	{ "header_digest=1", "HeaderDigest=Reject", "!HeaderDigest=CRC32C" },
	{ "data_digest=1", "HeaderDigest=None", "!DataDigest=CRC32C" },
	{ "", "MaxBurstLength=None", "!MaxBurstLength=None is not a number" },
	{ "", "MaxRecvDataSegmentLength=Reject", "!is not a number" },

	/* P-NEG-07, P-KEY-T13: digests */
	{ "header_digest=2", "HeaderDigest=CRC32C", "header_digest=1" },
	{ "header_digest=2", "HeaderDigest=None", "" },
	{ "header_digest=3 data_digest=3", "HeaderDigest=None DataDigest=CRC32C",
	  "data_digest=1" },
	{ "header_digest=1 data_digest=1", "HeaderDigest=CRC32C DataDigest=CRC32C",
	  "header_digest=1 data_digest=1" },
	{ "", "HeaderDigest=CRC32C", "!none of what we offered, None" },
	{ "header_digest=1", "HeaderDigest=None", "!none of what we offered, CRC32C" },
	{ "header_digest=3", "HeaderDigest=CRC32C,None",
	  "!none of what we offered, None,CRC32C" },
	{ "", "HeaderDigest=", "!none of what we offered" },
	{ "", "HeaderDigest=none", "!none of what we offered" },

	/* P-NEG-09, P-KEY-T01..T12: results that the rules don't allow */
	{ "", "MaxBurstLength=16776193", "!more than the 16776192 offered" },
	{ "", "MaxBurstLength=16776192", "max_burst_length=16776192" },
	{ "", "MaxBurstLength=511", "!is not a number of 512 to 16777215" },
	{ "", "MaxBurstLength=512", "max_burst_length=512 first_burst_length=512" },
	{ "", "MaxBurstLength=0x40000", "" },				/* P-TXT-08 */
	{ "", "MaxOutstandingR2T=0", "!is not a number" },
	{ "", "MaxOutstandingR2T=2", "!more than the 1 offered" },
	{ "max_outstanding_r2t=8", "MaxOutstandingR2T=2", "max_outstanding_r2t=2" },
	{ "", "MaxConnections=2", "!more than the 1 offered" },
	{ "", "ErrorRecoveryLevel=1", "!more than the 0 offered" },
	{ "", "ErrorRecoveryLevel=3", "!is not a number" },
	{ "", "DefaultTime2Wait=1", "!less than the 2 offered" },
	{ "", "DefaultTime2Wait=3600", "default_time2wait=3600" },
	{ "", "DefaultTime2Wait=3601", "!is not a number" },
	{ "", "DefaultTime2Retain=20", "!more than the 0 offered" },
	{ "", "InitialR2T=Yes ImmediateData=No", "immediate_data=0" },	/* P-KEY-T10 */
	{ "", "InitialR2T=No", "initial_r2t=0" },
	{ "initial_r2t=1", "InitialR2T=No", "!no answer to our Yes" },
	{ "immediate_data=0", "ImmediateData=Yes", "!no answer to our No" },
	{ "", "DataPDUInOrder=No", "!no answer to our Yes" },
	{ "", "DataSequenceInOrder=No", "!no answer to our Yes" },
	{ "", "ImmediateData=yes", "!neither Yes nor No" },		/* P-TXT-09 */
	{ "", "ImmediateData=", "!neither Yes nor No" },
	{ "", "MaxBurstLength=65536,65536", "!is not a number" },

	/* P-TXT-07, H-58 */
	{ "", "MaxBurstLength=-1", "!is not a number" },
	{ "", "MaxBurstLength=+65536", "!is not a number" },
	{ "", "MaxBurstLength=065536", "!is not a number" },
	{ "", "MaxBurstLength=18446744073709617152", "!is not a number" },
	{ "", "MaxBurstLength=", "!is not a number" },
	{ "", "MaxBurstLength=0x", "!is not a number" },

	/* P-KEY-T03, P-KEY-T04: what we may send */
	{ "", "MaxRecvDataSegmentLength=0", "!is not a number of 512" },
	{ "", "MaxRecvDataSegmentLength=511", "!is not a number of 512" },
	{ "", "MaxRecvDataSegmentLength=512", "max_xmit_data_segment_length=512" },
	{ "", "MaxRecvDataSegmentLength=16777215", "max_xmit_data_segment_length=16777212" },
	{ "", "MaxRecvDataSegmentLength=16777216", "!is not a number" },
	{ "max_xmit_data_segment_length=4096", "MaxRecvDataSegmentLength=65536",
	  "max_xmit_data_segment_length=4096" },
	{ "max_xmit_data_segment_length=65536", "", "" },
	{ "max_xmit_data_segment_length=1", "MaxRecvDataSegmentLength=65536",
	  "max_xmit_data_segment_length=512" },

	/* P-NEG-14: the burst lengths must fit each other */
	{ "", "MaxBurstLength=65536 FirstBurstLength=262144",
	  "max_burst_length=65536 first_burst_length=65536" },
	{ "", "MaxBurstLength=32768", "max_burst_length=32768 first_burst_length=32768" },
	{ "error_recovery_level=2 max_outstanding_r2t=8",
	  "ErrorRecoveryLevel=2 MaxOutstandingR2T=8", "!doesn't go with MaxOutstandingR2T=8" },
	{ "error_recovery_level=2", "ErrorRecoveryLevel=2", "error_recovery_level=2" },
	{ "error_recovery_level=2 max_outstanding_r2t=8 data_sequence_in_order=0",
	  "ErrorRecoveryLevel=1 MaxOutstandingR2T=8 DataSequenceInOrder=No",
	  "error_recovery_level=1 max_outstanding_r2t=8 data_sequence_in_order=0" },
	{ "max_outstanding_r2t=8", "MaxOutstandingR2T=8", "max_outstanding_r2t=8" },

	/* P-NEG-06, H-34, H-56: once is enough */
	{ "", "MaxBurstLength=65536 MaxBurstLength=65536", "!MaxBurstLength twice" },
	{ "", "ImmediateData=No ImmediateData=Yes", "!ImmediateData twice" },
	{ "", "MaxBurstLength=Reject MaxBurstLength=65536", "!MaxBurstLength twice" },
	{ "", "MaxRecvDataSegmentLength=512 MaxRecvDataSegmentLength=1024",
	  "!MaxRecvDataSegmentLength twice" },

	/* P-KEY-09, P-NEG-02: keys that we don't offer may be refused all the same */
	{ "", "IFMarker=NotUnderstood OFMarker=Reject TaskReporting=NotUnderstood "
	  "iSCSIProtocolLevel=Irrelevant", "" },
};

START_TEST(answers_to_our_offers)
{
	const char *agreed = answered[_i].agreed;
	struct negotiate_params offer = usual_offer, base = negotiate_rfc_defaults, result;
	struct negotiation *n = negotiation_new();
	struct iscsi_why why = { .text = "" };
	char buf[1024], replies[256];
	struct text_writer text;
	bool good;

	params_set(&offer, answered[_i].offer);
	negotiation_start(n, false, &offer);
	text_writer_init(&text, buf, sizeof(buf));
	negotiation_write_offers(n, &text);
	good = take(n, answered[_i].answers, replies, sizeof(replies), &why);
	ck_assert_str_eq(replies, "");
	if (good)
		good = negotiation_finish(n, &result, &why) == ISCSI_SUCCESS;
	if (*agreed == '!') {
		ck_assert_msg(!good, "%s was accepted", answered[_i].answers);
		ck_assert_msg(strstr(why.text, agreed + 1), "'%s'", why.text);
	} else {
		ck_assert_msg(good, "%s: %s", answered[_i].answers, why.text);
		base.max_recv_data_segment_length = offer.max_recv_data_segment_length;
		params_check(&result, &base, agreed);
	}
	negotiation_free(n);
}
END_TEST

/* ---- what the target proposes that we didn't offer ---------------------------------- */

static const struct {
	bool discovery;
	const char *offer;	/* what we would have offered, other than usual */
	const char *proposals;
	const char *replies;	/* (...) around optional ones; "!" and a reason: refused */
	const char *agreed;
} proposed[] = {
	/* P-NEG-11 */
	{ false, "", "MaxConnections=4 MaxBurstLength=65536 InitialR2T=Yes",
	  "MaxConnections=1 MaxBurstLength=65536 (InitialR2T=Yes)", "max_burst_length=65536" },
	{ false, "", "InitialR2T=No ImmediateData=No", "InitialR2T=No (ImmediateData=No)",
	  "initial_r2t=0 immediate_data=0" },
	{ false, "", "DefaultTime2Wait=0 DefaultTime2Retain=20 ErrorRecoveryLevel=2",
	  "DefaultTime2Wait=2 DefaultTime2Retain=0 ErrorRecoveryLevel=0",
	  "default_time2retain=0" },
	{ false, "", "DefaultTime2Wait=5", "DefaultTime2Wait=5", "default_time2wait=5" },
	{ false, "", "DataPDUInOrder=No DataSequenceInOrder=No",
	  "DataPDUInOrder=Yes DataSequenceInOrder=Yes", "" },
	{ false, "", "MaxRecvDataSegmentLength=65536", "",		/* P-NEG-13 */
	  "max_xmit_data_segment_length=65536" },
	{ false, "", "FirstBurstLength=16777215 MaxOutstandingR2T=65535",
	  "FirstBurstLength=262144 MaxOutstandingR2T=1", "first_burst_length=262144" },

	/* P-NEG-08, H-60: the first of the list that we may take */
	{ false, "", "HeaderDigest=CRC32C,None DataDigest=CRC32C",
	  "HeaderDigest=None DataDigest=Reject", "" },
	{ false, "header_digest=3 data_digest=1",
	  "HeaderDigest=X-md5,CRC32C,None DataDigest=None,CRC32C",
	  "HeaderDigest=CRC32C DataDigest=CRC32C", "header_digest=1 data_digest=1" },
	{ false, "header_digest=2", "HeaderDigest=,,None,, DataDigest=,,",
	  "HeaderDigest=None DataDigest=Reject", "" },

	/* P-NEG-05: answers to questions that nobody asked */
	{ false, "", "MaxOutstandingR2T=Reject", "!no offer of ours", "" },
	{ false, "", "ImmediateData=Irrelevant", "!no offer of ours", "" },
	{ false, "", "HeaderDigest=NotUnderstood", "!no offer of ours", "" },
	{ false, "", "MaxBurstLength=1", "!is not a number", "" },
	{ false, "", "InitialR2T=Maybe", "!neither Yes nor No", "" },

	/* P-KEY-09, P-KEY-10, P-KEY-25..27 */
	{ false, "", "IFMarker=No OFMarker=Yes IFMarkInt=1~65535 OFMarkInt=2048",
	  "(IFMarker=Reject) (OFMarker=Reject) (IFMarkInt=Reject) (OFMarkInt=Reject)", "" },
	{ false, "", "TaskReporting=FastAbort,ResponseFence,RFC3720 iSCSIProtocolLevel=2",
	  "(TaskReporting=RFC3720) (iSCSIProtocolLevel=1)", "" },
	{ false, "", "TaskReporting=FastAbort iSCSIProtocolLevel=0",
	  "(TaskReporting=Reject) (iSCSIProtocolLevel=0)", "" },
	{ false, "", "iSCSIProtocolLevel=32", "!is not a number of 0 to 31", "" },
	{ false, "", "X#NodeArchitecture=whatever", "", "" },

	/* P-NEG-15: normal-only keys in a discovery session */
	{ true, "", "InitialR2T=Yes ImmediateData=Yes MaxBurstLength=262144 "
	  "FirstBurstLength=65536 MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes "
	  "DataSequenceInOrder=Yes TaskReporting=RFC3720 iSCSIProtocolLevel=1",
	  "(InitialR2T=Irrelevant) (ImmediateData=Irrelevant) (MaxBurstLength=Irrelevant) "
	  "(FirstBurstLength=Irrelevant) (MaxOutstandingR2T=Irrelevant) "
	  "(MaxConnections=Irrelevant) (DataPDUInOrder=Irrelevant) "
	  "(DataSequenceInOrder=Irrelevant) (TaskReporting=Irrelevant) "
	  "(iSCSIProtocolLevel=Irrelevant)", "" },
	{ true, "error_recovery_level=2 header_digest=2",
	  "ErrorRecoveryLevel=2 HeaderDigest=CRC32C,None",
	  "ErrorRecoveryLevel=0 HeaderDigest=None", "" },
	{ true, "", "MaxBurstLength=1 MaxBurstLength=1", "!twice", "" },
};

START_TEST(proposals_of_the_target)
{
	const char *replies = proposed[_i].replies;
	struct negotiate_params offer = usual_offer, base = negotiate_rfc_defaults, result;
	struct negotiation *n = negotiation_new();
	struct iscsi_why why = { .text = "" };
	char said[1024];
	bool good;

	params_set(&offer, proposed[_i].offer);
	negotiation_start(n, proposed[_i].discovery, &offer);
	good = take(n, proposed[_i].proposals, said, sizeof(said), &why);
	if (*replies == '!') {
		ck_assert_msg(!good, "%s was accepted", proposed[_i].proposals);
		ck_assert_msg(strstr(why.text, replies + 1), "'%s'", why.text);
	} else {
		ck_assert_msg(good, "%s", why.text);
		ck_assert_str_eq(said, replies);
		base.max_recv_data_segment_length = offer.max_recv_data_segment_length;
		/* What we insisted on and didn't get is for the end of the stage. */
		if (offer.data_digest != DIGEST_CRC32C ||
		    strstr(replies, "DataDigest=CRC32C")) {
			ck_assert_int_eq(negotiation_finish(n, &result, &why), ISCSI_SUCCESS);
			params_check(&result, &base, proposed[_i].agreed);
		}
	}
	negotiation_free(n);
}
END_TEST

/* The ends of each range, and the numbers beyond them. */
static const struct {
	const char *key;
	uint32_t min, max;
} ranges[] = {
	{ "DefaultTime2Wait", 0, 3600 }, { "DefaultTime2Retain", 0, 3600 },
	{ "ErrorRecoveryLevel", 0, 2 }, { "MaxBurstLength", 512, 16777215 },
	{ "FirstBurstLength", 512, 16777215 }, { "MaxOutstandingR2T", 1, 65535 },
	{ "MaxConnections", 1, 65535 }, { "MaxRecvDataSegmentLength", 512, 16777215 },
	{ "iSCSIProtocolLevel", 0, 31 },
};

START_TEST(numbers_have_a_range)
{
	const struct { uint32_t number; bool good; } rows[] = {
		{ ranges[_i].min, true }, { ranges[_i].max, true },
		{ ranges[_i].min ? ranges[_i].min - 1 : UINT32_MAX, false },
		{ ranges[_i].max + 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct negotiation *n = negotiation_new();
		struct iscsi_why why = { .text = "" };
		char pair[64], said[64];

		negotiation_start(n, false, &usual_offer);
		(void)snprintf(pair, sizeof(pair), "%s=%u", ranges[_i].key, rows[i].number);
		ck_assert_msg(take(n, pair, said, sizeof(said), &why) == rows[i].good, "%s: %s", pair,
			      why.text);
		(void)snprintf(pair, sizeof(pair), " is not a number of %u to %u", ranges[_i].min,
			       ranges[_i].max);
		ck_assert(rows[i].good || strstr(why.text, pair));
		negotiation_free(n);
	}
}
END_TEST

/* ---- our offers --------------------------------------------------------------------- */

static const struct {
	bool discovery;
	const char *offer, *text;
} offers[] = {
	{ false, "", USUAL_OFFERS },			/* the order of 1.7 */
	{ true, "", USUAL_DISCOVERY_OFFERS },			/* P-NEG-15, P-DISC-03 */
	{ true, "header_digest=1 data_digest=2 error_recovery_level=2",
	  USUAL_DISCOVERY_OFFERS },
	/* Values that no setting should have are brought into their range. */
	{ false, "header_digest=3 data_digest=2 default_time2wait=4000 max_outstanding_r2t=0 "
	  "max_burst_length=1 max_recv_data_segment_length=99999999 initial_r2t=7",
	  "HeaderDigest=None,CRC32C DataDigest=CRC32C,None DefaultTime2Wait=3600 "
	  "DefaultTime2Retain=0 ErrorRecoveryLevel=0 InitialR2T=Yes ImmediateData=Yes "
	  "MaxBurstLength=512 FirstBurstLength=512 MaxOutstandingR2T=1 MaxConnections=1 "
	  "DataPDUInOrder=Yes DataSequenceInOrder=Yes MaxRecvDataSegmentLength=16777215" },
	{ false, "header_digest=17", USUAL_OFFERS },
	{ false, "header_digest=4 data_digest=4", USUAL_OFFERS },
	{ false, "immediate_data=0 data_pdu_in_order=0 data_sequence_in_order=0 max_connections=0 "
	  "max_burst_length=16777216 first_burst_length=16777216 error_recovery_level=3 "
	  "max_outstanding_r2t=65536 default_time2retain=3601 max_recv_data_segment_length=0",
	  "HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=3600 "
	  "ErrorRecoveryLevel=2 InitialR2T=No ImmediateData=No MaxBurstLength=16777215 "
	  "FirstBurstLength=16777215 MaxOutstandingR2T=65535 MaxConnections=1 "
	  "DataPDUInOrder=No DataSequenceInOrder=No MaxRecvDataSegmentLength=512" },
	{ false, "max_burst_length=1000 first_burst_length=999", "HeaderDigest=None DataDigest=None "
	  "DefaultTime2Wait=2 DefaultTime2Retain=0 ErrorRecoveryLevel=0 InitialR2T=No "
	  "ImmediateData=Yes MaxBurstLength=1000 FirstBurstLength=999 MaxOutstandingR2T=1 "
	  "MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes "
	  "MaxRecvDataSegmentLength=262144" },
};

START_TEST(our_offers)
{
	struct negotiate_params offer = usual_offer;
	struct negotiation *n = negotiation_new();
	char buf[1024], words[1024];
	struct text_writer text;

	params_set(&offer, offers[_i].offer);
	negotiation_start(n, offers[_i].discovery, &offer);
	text_writer_init(&text, buf, sizeof(buf));
	negotiation_write_offers(n, &text);
	as_words(&text, words, sizeof(words));
	ck_assert_str_eq(words, offers[_i].text);

	text_writer_init(&text, buf, sizeof(buf));	/* once */
	negotiation_write_offers(n, &text);
	ck_assert_uint_eq(text.len, 0);
	negotiation_free(n);
}
END_TEST

START_TEST(what_was_settled_is_not_offered)
{
	struct negotiation *n = negotiation_new();
	char buf[1024], words[1024];
	struct text_writer text;

	negotiation_start(n, true, &usual_offer);
	ck_assert(take(n, "DefaultTime2Wait=5 MaxRecvDataSegmentLength=8192", words,
		       sizeof(words),
		       NULL));
	text_writer_init(&text, buf, sizeof(buf));
	negotiation_write_offers(n, &text);
	as_words(&text, words, sizeof(words));
	ck_assert_str_eq(words, "HeaderDigest=None DataDigest=None DefaultTime2Retain=0 "
			 "ErrorRecoveryLevel=0 MaxRecvDataSegmentLength=262144");
	negotiation_free(n);
}
END_TEST

START_TEST(defaults_are_those_of_the_rfc)
{
	static const struct negotiate_params defaults = {	/* 13 */
		.header_digest = DIGEST_NONE, .data_digest = DIGEST_NONE, .initial_r2t = 1,
		.immediate_data = 1, .max_burst_length = 262144, .first_burst_length = 65536,
		.max_outstanding_r2t = 1, .max_connections = 1, .data_pdu_in_order = 1,
		.data_sequence_in_order = 1, .default_time2wait = 2, .default_time2retain = 20,
		.error_recovery_level = 0, .max_recv_data_segment_length = 8192,
		.max_xmit_data_segment_length = 8192,
	};

	params_check(&negotiate_rfc_defaults, &defaults, "");
}
END_TEST

/* A value has 255 characters at most, whatever its number (6.1). */
START_TEST(long_numbers)
{
	char pair[512], said[64];

	for (size_t len = 255; len <= 256; len++) {
		struct negotiation *n = negotiation_new();
		struct iscsi_why why;

		(void)snprintf(pair, sizeof(pair), "MaxBurstLength=0x%0*x", (int)len - 2, 512);
		negotiation_start(n, false, &usual_offer);
		ck_assert_int_eq(take(n, pair, said, sizeof(said), &why), len == 255);
		negotiation_free(n);
	}
}
END_TEST

/* P-SESS-06: each login begins with what is configured. */
START_TEST(each_negotiation_begins_anew)
{
	struct negotiation *n = negotiation_new();
	struct negotiate_params result;
	char words[256];

	negotiation_start(n, false, &usual_offer);
	ck_assert(take(n, "MaxBurstLength=512", words, sizeof(words), NULL));
	negotiation_start(n, false, &usual_offer);
	ck_assert_int_eq(negotiation_finish(n, &result, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(result.max_burst_length, 262144);
	ck_assert(take(n, "MaxBurstLength=1024", words, sizeof(words), NULL));
	negotiation_free(n);
}
END_TEST

START_TEST(keys_of_others)
{
	struct negotiation *n = negotiation_new();
	char buf[64];
	struct text_writer text;

	negotiation_start(n, false, &usual_offer);
	text_writer_init(&text, buf, sizeof(buf));
	ck_assert_int_eq(negotiation_take(n, "TargetAlias", "x", &text, NULL),
			 NEGOTIATE_NOT_OURS);
	ck_assert_int_eq(negotiation_take(n, "maxburstlength", "512", &text, NULL),
			 NEGOTIATE_NOT_OURS);
	ck_assert_uint_eq(text.len, 0);
	ck_assert(negotiation_knows("OFMarkInt"));
	ck_assert(!negotiation_knows("AuthMethod"));
	negotiation_free(n);
}
END_TEST

START_TEST(no_memory)
{
	struct negotiation *n;

	if (!alloc_can_fail)
		return;
	alloc_fail_nth(1);
	n = negotiation_new();
	(void)alloc_fail_stop();
	ck_assert_ptr_null(n);
	ck_assert_ptr_null(negotiation_free(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("negotiate");
	TCase *t = tcase_create("negotiate");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, answers_to_our_offers, 0, ARRAY_SIZE(answered));
	tcase_add_loop_test(t, proposals_of_the_target, 0, ARRAY_SIZE(proposed));
	tcase_add_loop_test(t, numbers_have_a_range, 0, (int)ARRAY_SIZE(ranges));
	tcase_add_loop_test(t, our_offers, 0, ARRAY_SIZE(offers));
	tcase_add_test(t, defaults_are_those_of_the_rfc);
	tcase_add_test(t, long_numbers);
	tcase_add_test(t, what_was_settled_is_not_offered);
	tcase_add_test(t, each_negotiation_begins_anew);
	tcase_add_test(t, keys_of_others);
	tcase_add_test(t, no_memory);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
