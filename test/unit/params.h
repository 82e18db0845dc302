/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Negotiated parameters as text, "max_burst_length=65536 initial_r2t=1", for tables. */
#ifndef TEST_PARAMS_H
#define TEST_PARAMS_H

#include <stdio.h>
#include <string.h>

#include <check.h>

#include "iscsid/protocol/negotiate.h"
#include "libiscsi-db/util.h"

/* What iscsid offers in a normal session with the settings it is shipped with. */
static const struct negotiate_params usual_offer = {
	.header_digest = DIGEST_NONE,
	.data_digest = DIGEST_NONE,
	.initial_r2t = 0,
	.immediate_data = 1,
	.max_burst_length = 16776192,
	.first_burst_length = 262144,
	.max_outstanding_r2t = 1,
	.max_connections = 1,
	.data_pdu_in_order = 1,
	.data_sequence_in_order = 1,
	.default_time2wait = 2,
	.default_time2retain = 0,
	.error_recovery_level = 0,
	.max_recv_data_segment_length = 262144,
};

/* The same as it goes out, in this order; and what a discovery session offers. */
#define USUAL_OFFERS								\
	"HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 "	\
	"ErrorRecoveryLevel=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=16776192 "	\
	"FirstBurstLength=262144 MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes " \
	"DataSequenceInOrder=Yes MaxRecvDataSegmentLength=262144"
#define USUAL_DISCOVERY_OFFERS							\
	"HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 "	\
	"ErrorRecoveryLevel=0 MaxRecvDataSegmentLength=262144"

static inline uint32_t *params_field(struct negotiate_params *params, const char *name,
				     size_t len)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
#define FIELD(name)	{ #name, offsetof(struct negotiate_params, name) }
		FIELD(header_digest), FIELD(data_digest), FIELD(initial_r2t),
		FIELD(immediate_data), FIELD(max_burst_length), FIELD(first_burst_length),
		FIELD(max_outstanding_r2t), FIELD(max_connections), FIELD(data_pdu_in_order),
		FIELD(data_sequence_in_order), FIELD(default_time2wait),
		FIELD(default_time2retain), FIELD(error_recovery_level),
		FIELD(max_recv_data_segment_length), FIELD(max_xmit_data_segment_length),
#undef FIELD
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
			return (uint32_t *)((char *)params + fields[i].offset);
	return NULL;
}

/* Sets what @text names. */
static inline void params_set(struct negotiate_params *params, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "=");
		uint32_t *field = params_field(params, text, len);
		unsigned int value;

		ck_assert_msg(field && sscanf(text + len, "=%u", &value) == 1, "'%s'", text);
		*field = value;
		text += strcspn(text, " ");
		text += strspn(text, " ");
	}
}

/* Fails unless @params are @base but for what @text names. */
static inline void params_check(const struct negotiate_params *params,
				const struct negotiate_params *base, const char *text)
{
	struct negotiate_params expected = *base;
	const uint32_t *have = (const uint32_t *)params, *want = (const uint32_t *)&expected;

	params_set(&expected, text);
	for (size_t i = 0; i < sizeof(expected) / sizeof(uint32_t); i++)
		ck_assert_msg(have[i] == want[i], "parameter %zu is %u, not %u ('%s')", i,
			      have[i],
			      want[i], text);
}

#endif /* TEST_PARAMS_H */
