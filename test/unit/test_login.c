/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The login phase as conversations. A line is
 *
 *	> T 0-1 | Key=value ...		our request: the T and C bits, CSG-NSG, and the text
 *	< T 0-1 tsih=7 | Key=value ...	the target's response; lower case: fields of its header
 *	= done ...			how it ends: done, moved or fail
 *
 * and a blank stands for the NUL after a pair. What every request must have, whatever the
 * conversation is about, is checked in check_request().
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/login.h"
#include "test/unit/alloc.h"
#include "test/unit/params.h"

#define I_NAME		"iqn.2026-01.com.example:host"
#define T_NAME		"iqn.2026-01.com.example:disk1"
#define NORMAL		"InitiatorName=" I_NAME " TargetName=" T_NAME " SessionType=Normal"
#define DISCOVER	"InitiatorName=" I_NAME " SessionType=Discovery"
#define CHALLENGE	"CHAP_A=5 CHAP_I=42 CHAP_C=0x000102030405060708090a0b0c0d0e0f"
#define ANSWER		"CHAP_N=user CHAP_R=0x3110583d94f66ce4ce67b61446ed889f"
#define OUR_CHALLENGE	"CHAP_I=1 CHAP_C=0xc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
#define PROOF		"CHAP_N=tuser CHAP_R=0x4214f2f11fbb7f9a9a161de68f122824"
#define FIRST		"> T 1-3 | " NORMAL " " USUAL_OFFERS
#define FIRST_CHAP	"> T 0-1 | " NORMAL " AuthMethod=CHAP,None"
#define FIRST_MUTUAL	"> 0 | " NORMAL " AuthMethod=CHAP"

#define FIRST_WILLING	"> T 0-1 | " NORMAL

enum { DISCOVERY = 1, CHAP = 2, MUTUAL = 4, ALIAS = 8, REINSTATE = 16, SECURITY = 32 };

struct conversation {
	const char *name;
	unsigned int config;
	const char *lines[48];
};

static const struct conversation conversations[] = {

/* ---- the ordinary ways -------------------------------------------------------------- */

/* P-LOGIN-01..11, P-STAGE-01, P-STAGE-02, P-SN-06, P-SN-07, P-KEY-T16 */
{ "no authentication: one exchange", 0, {
	FIRST,
	"< T 1-3 tsih=7 |",
	"= done tsih=7 |" } },
{ "a target that answers everything", 0, {
	FIRST,
	"< T 1-3 tsih=1 | TargetPortalGroupTag=1 HeaderDigest=None DataDigest=None "
	"DefaultTime2Wait=2 DefaultTime2Retain=0 ErrorRecoveryLevel=0 InitialR2T=No "
	"ImmediateData=Yes MaxBurstLength=262144 FirstBurstLength=65536 MaxOutstandingR2T=1 "
	"MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes "
	"MaxRecvDataSegmentLength=65536",
	"= done tsih=1 tpgt=1 | default_time2retain=0 initial_r2t=0 "
	"max_xmit_data_segment_length=65536" } },
/* P-LOGIN-18 */
{ "an alias of ours", ALIAS, {
	"> T 1-3 | InitiatorName=" I_NAME " InitiatorAlias=here TargetName=" T_NAME
	" SessionType=Normal " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-DISC-01, P-DISC-03, P-LOGIN-10, P-NEG-15 */
{ "discovery", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS,
	"< T 1-3 tsih=1 | HeaderDigest=None DefaultTime2Wait=2 MaxRecvDataSegmentLength=8192",
	"= done tsih=1 |" } },
{ "discovery: a target that proposes what means nothing there", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS,
	"< 1 | InitialR2T=Yes ImmediateData=Yes MaxBurstLength=262144 FirstBurstLength=65536 "
	"MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes",
	"> T 1-3 | InitialR2T=Irrelevant ImmediateData=Irrelevant MaxBurstLength=Irrelevant "
	"FirstBurstLength=Irrelevant MaxOutstandingR2T=Irrelevant MaxConnections=Irrelevant "
	"DataPDUInOrder=Irrelevant DataSequenceInOrder=Irrelevant",
	"< 1 |",
	"> T 1-3 |",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-SESS-02: a session that comes back says TSIH 0 too, whatever StatSN it ended with. */
{ "reinstatement", REINSTATE, {
	FIRST,
	"< T 1-3 tsih=9 |",
	"= done tsih=9 |" } },

/* ---- CHAP --------------------------------------------------------------------------- */

/* 1.8.4, P-AUTH-02, P-AUTH-06, P-AUTH-08 */
{ "one way", CHAP, {
	FIRST_CHAP,
	"< 0 | TargetPortalGroupTag=1 AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER,
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 | ImmediateData=No",
	"= done tsih=1 tpgt=1 | immediate_data=0" } },
{ "mutual", CHAP | MUTUAL, {
	FIRST_MUTUAL,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER " " OUR_CHALLENGE,
	"< T 0-1 | " PROOF,
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
{ "mutual: the target proves itself and waits for us to go on", CHAP | MUTUAL, {
	FIRST_MUTUAL,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER " " OUR_CHALLENGE,
	"< 0 |",
	"> T 0-1 |",
	"< 0 | " PROOF,
	"> T 0-1 |",
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-DISC-25 */
{ "discovery with CHAP", DISCOVERY | CHAP, {
	"> T 0-1 | " DISCOVER " AuthMethod=CHAP,None",
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER,
	"< T 0-1 |",
	"> T 1-3 | " USUAL_DISCOVERY_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-AUTH-03: the target wants none; section 7, Pure */
{ "a target without authentication", CHAP, {
	FIRST_CHAP,
	"< T 0-1 | AuthMethod=None TargetAlias=array TargetPortalGroupTag=2",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 tpgt=2 skipped |" } },
{ "a target without authentication that takes its time", CHAP, {
	FIRST_CHAP,
	"< 0 | AuthMethod=None",
	"> T 0-1 |",
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 skipped |" } },
{ "a target that doesn't even answer AuthMethod", CHAP, {
	FIRST_CHAP,
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 skipped |" } },
/* P-CHAP-05: the step comes in one text, not in one PDU */
{ "a challenge in pieces", CHAP, {
	FIRST_CHAP,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< C 0 nonul | CHAP_C=0x00010203040506",
	"> 0 |",
	"< C 0 nonul | 0708090a0b0c0d0e0f CHAP_",
	"> 0 |",
	"< 0 | I=42 CHAP_A=5",
	"> T 0-1 | " ANSWER,
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-AUTH-04, H-70 */
{ "None, but the target had to prove itself", CHAP | MUTUAL, {
	FIRST_MUTUAL, "< 0 | AuthMethod=None", "= fail 19 | AuthMethod=None is not" } },
{ "silence, but the target had to prove itself", CHAP | MUTUAL, {
	FIRST_MUTUAL, "< 0 |", "> 0 |", "< T 0-1 |", "= fail 19 | without being asked" } },
{ "a method that we didn't offer", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=SRP", "= fail 19 | AuthMethod=SRP is not" } },
{ "a list for an answer", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=CHAP,None", "= fail 19 | AuthMethod=CHAP,None is not" } },
{ "no method", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=", "= fail 19 | AuthMethod= is not" } },
{ "two answers", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=CHAP AuthMethod=CHAP", "= fail 19 | AuthMethod twice" } },
{ "two answers in two texts", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=None", "> T 0-1 |", "< 0 | AuthMethod=None",
	"= fail 19 | AuthMethod twice" } },
/* P-AUTH-05 */
{ "Reject", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=Reject", "= fail 19 | authentication failure" } },
/* P-AUTH-09, H-72, H-73 */
{ "CHAP chosen and skipped", CHAP, {
	FIRST_CHAP, "< T 0-1 | AuthMethod=CHAP", "= fail 19 | before CHAP is done" } },
{ "CHAP skipped without being asked", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=CHAP", "> 0 | CHAP_A=5", "< T 0-1 |",
	"= fail 19 | without being asked" } },
{ "no proof", CHAP | MUTUAL, {
	FIRST_MUTUAL,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER " " OUR_CHALLENGE,
	"< T 0-1 |",
	"= fail 19 | before it has authenticated itself" } },
{ "half a proof", CHAP | MUTUAL, {
	FIRST_MUTUAL,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER " " OUR_CHALLENGE,
	"< T 0-1 | CHAP_N=tuser",
	"= fail 19 | failed to authenticate itself" } },
{ "a wrong proof", CHAP | MUTUAL, {
	FIRST_MUTUAL,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER " " OUR_CHALLENGE,
	"< T 0-1 | CHAP_N=tuser CHAP_R=0x3110583d94f66ce4ce67b61446ed889f",
	"= fail 19 | failed to authenticate itself" } },
/* P-AUTH-06, P-AUTH-07 */
{ "a challenge before CHAP_A", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=CHAP " CHALLENGE,
	"= fail 19 | CHAP_A, which isn't due" } },
{ "a challenge before AuthMethod", CHAP, {
	FIRST_CHAP, "< 0 | CHAP_A=5", "= fail 19 | CHAP_A, which isn't due" } },
/* H-86 */
{ "a second round", CHAP, {
	FIRST_CHAP,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER,
	"< 0 | " CHALLENGE,
	"= fail 19 | CHAP_A, which isn't due" } },
/* H-88 */
{ "keys of other methods", CHAP, {
	FIRST_CHAP, "< 0 | SRP_U=x", "= fail 19 | SRP_U, which it may not" } },
{ "keys of Kerberos", 0, {
	FIRST, "< 1 | KRB_AP_REP=x", "= fail 19 | KRB_AP_REP, which it may not" } },
/* P-AUTH-10, H-87 */
{ "refused after the response", CHAP, {
	FIRST_CHAP,
	"< 0 | AuthMethod=CHAP",
	"> 0 | CHAP_A=5",
	"< 0 | " CHALLENGE,
	"> T 0-1 | " ANSWER,
	"< 0 stat=02/01 |",
	"= fail 24 | authentication failure (02/01)" } },

/* ---- stages and bits ---------------------------------------------------------------- */

/* P-STAGE-06, P-STAGE-13, H-32 */
{ "six times not yet", 0, {
	FIRST,
	"< 1 |", "> T 1-3 |", "< 1 |", "> T 1-3 |", "< 1 |", "> T 1-3 |",
	"< 1 |", "> T 1-3 |", "< 1 |", "> T 1-3 |", "< 1 |", "> T 1-3 |",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
/* P-STAGE-03, P-STAGE-04, P-STAGE-05, P-PDU-03, H-26 */
{ "T to a request without T", CHAP | MUTUAL, {
	FIRST_MUTUAL, "< T 0-1 | AuthMethod=CHAP", "= fail 19 | without being asked" } },
{ "CSG of another stage", 0, {
	FIRST, "< T 0-1 |", "= fail 19 | answers in login stage 0, we are in 1" } },
{ "CSG of a later stage", CHAP, {
	FIRST_CHAP, "< T 1-3 |", "= fail 19 | answers in login stage 1, we are in 0" } },
{ "CSG 2", 0, { FIRST, "< 2 |", "= fail 19 | answers in login stage 2" } },
{ "CSG 3", 0, { FIRST, "< T 3-3 |", "= fail 19 | answers in login stage 3" } },
{ "NSG 2", 0, { FIRST, "< T 1-2 |", "= fail 19 | from login stage 1 to 2" } },
{ "NSG = CSG", 0, { FIRST, "< T 1-1 |", "= fail 19 | from login stage 1 to 1" } },
{ "NSG < CSG", 0, { FIRST, "< T 1-0 |", "= fail 19 | from login stage 1 to 0" } },
{ "NSG beyond what was asked", CHAP, {
	FIRST_CHAP, "< T 0-3 | AuthMethod=None", "= fail 19 | from login stage 0 to 3" } },
/* P-STAGE-08 */
{ "C and T", 0, { FIRST, "< T C 1-3 |", "= fail 19 | in the middle of a text" } },
/* NSG means nothing without T (section 3). */
{ "NSG without T", 0, {
	FIRST, "< 1-2 |", "> T 1-3 |", "< T 1-3 tsih=1 |", "= done tsih=1 |" } },
/* P-STAGE-07 */
{ "a proposal with T", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS,
	"< T 1-3 tsih=1 | IFMarker=No MaxBurstLength=65536 TargetAlias=x X-com.example.a=1",
	"= done tsih=1 |" } },
/* P-STAGE-11, H-63 */
{ "an operational key in the security stage", CHAP, {
	FIRST_CHAP, "< 0 | MaxBurstLength=512",
	"= fail 19 | MaxBurstLength in the security stage" } },
{ "CHAP in the operational stage", 0, {
	FIRST, "< 1 | CHAP_N=x", "= fail 19 | CHAP_N in the operational stage" } },
{ "AuthMethod in the operational stage", 0, {
	FIRST, "< 1 | AuthMethod=CHAP", "= fail 19 | AuthMethod in the operational stage" } },
/* P-KEY-T05 */
{ "MaxRecvDataSegmentLength too early", CHAP, {
	FIRST_CHAP,
	"< T 0-1 | AuthMethod=None MaxRecvDataSegmentLength=4096",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |",
	"= done tsih=1 skipped | max_xmit_data_segment_length=4096" } },
/* P-STAGE-09 */
{ "a text in pieces", 0, {
	FIRST,
	"< C 1 nonul | TargetAlias=pie",
	"> 1 |",
	"< C 1 |",
	"> 1 |",
	"< C 1 nonul | ces Max",
	"> 1 |",
	"< 1 | BurstLength=65536 X-com.example.a=1",
	"> T 1-3 | X-com.example.a=NotUnderstood",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 | max_burst_length=65536" } },
{ "two texts in pieces", 0, {
	FIRST,
	"< C 1 nonul | TargetAl",
	"> 1 |",
	"< 1 | ias=x",
	"> T 1-3 |",
	"< C 1 nonul | MaxBurst",
	"> 1 |",
	"< 1 | Length=65536",
	"> T 1-3 |",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 | max_burst_length=65536" } },
{ "T after a piece, which we didn't ask for", 0, {
	FIRST, "< C 1 |", "> 1 |", "< T 1-3 |", "= fail 19 | without being asked" } },

/* ---- keys --------------------------------------------------------------------------- */

/* P-NEG-01, P-NEG-11, P-KEY-T17, H-57 */
{ "keys that nobody knows, in both stages", CHAP, {
	FIRST_CHAP,
	"< 0 | X-com.example.foo=1 AuthMethod=None Whatever=",
	"> T 0-1 | X-com.example.foo=NotUnderstood Whatever=NotUnderstood",
	"< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS,
	"< 1 | X-com.example.bar=%n$(x)",
	"> T 1-3 | X-com.example.bar=NotUnderstood",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 skipped |" } },
{ "the longest key", 0, {
	FIRST, "< 1 | A23456789012345678901234567890123456789012345678901234567890123=1",
	"> T 1-3 | A23456789012345678901234567890123456789012345678901234567890123=NotUnderstood",
	"< T 1-3 tsih=1 |", "= done tsih=1 |" } },
/* Section 7, LIO and tgt: proposals of keys that we left out */
{ "markers and other keys that we don't offer", 0, {
	FIRST,
	"< 1 | IFMarker=No OFMarker=Yes OFMarkInt=1~65535 TaskReporting=RFC3720 "
	"iSCSIProtocolLevel=2",
	"> T 1-3 | IFMarker=Reject OFMarker=Reject OFMarkInt=Reject TaskReporting=RFC3720 "
	"iSCSIProtocolLevel=1",
	"< T 1-3 tsih=1 |",
	"= done tsih=1 |" } },
{ "a refusal of what nobody offered", 0, {
	FIRST, "< 1 | X-com.example.foo=NotUnderstood", "= fail 19 | to no offer of ours" } },
/* P-NEG-06, H-34, H-56 */
{ "the same key twice", 0, {
	FIRST, "< T 1-3 | ImmediateData=No ImmediateData=No",
	"= fail 19 | ImmediateData twice" } },
{ "the same key in two texts", 0, {
	FIRST, "< 1 | ImmediateData=No", "> T 1-3 |", "< 1 | ImmediateData=Yes",
	"= fail 19 | ImmediateData twice" } },
{ "the same declaration with another value", 0, {
	FIRST, "< 1 | TargetPortalGroupTag=1", "> T 1-3 |", "< 1 | TargetPortalGroupTag=2",
	"= fail 19 | TargetPortalGroupTag twice" } },
/* Not legal either, but it says nothing new, and some targets repeat themselves. */
{ "the same declarations again", CHAP, {
	FIRST_CHAP,
	"< T 0-1 | AuthMethod=None TargetAlias=a TargetPortalGroupTag=3",
	"> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 | TargetAlias=a TargetPortalGroupTag=3",
	"= done tsih=1 tpgt=3 skipped |" } },
/* P-NEG-09 */
{ "a value that isn't ours to accept", 0, {
	FIRST, "< T 1-3 tsih=1 | MaxConnections=2", "= fail 19 | more than the 1 offered" } },
/* P-LOGIN-15, P-LOGIN-16 */
{ "tag 0", 0, { FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=0", "= done tsih=1 tpgt=0 |" } },
{ "tag in hex", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=0x1f", "= done tsih=1 tpgt=31 |" } },
{ "the highest tag", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=65535", "= done tsih=1 tpgt=65535 |" } },
{ "tag -1, as Jiva says", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=-1", "= done tsih=1 |" } },
{ "a tag that is too high", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=65536", "= done tsih=1 |" } },
{ "a tag that is none", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetPortalGroupTag=", "= done tsih=1 |" } },
/* P-LOGIN-17, P-TXT-03, H-62 */
{ "an alias with an =", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetAlias=a=b", "= done tsih=1 |" } },
{ "an alias for the terminal", 0, {
	FIRST,
	"< T 1-3 tsih=1 | TargetAlias=\x1b]0;x\n\x7f%n\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe",
	"= done tsih=1 |" } },
{ "an alias that is no UTF-8", 0, {
	FIRST,
	"< T 1-3 tsih=1 | TargetAlias=\xff.\xc0\xaf.\xed\xa0\x80.\xc2\x9b.\xe2\x82.\xf5\x80",
	"= done tsih=1 |" } },
/* P-REDIR-09, P-KEY-T18 */
{ "an address without a redirection", 0, {
	FIRST, "< T 1-3 tsih=1 | TargetAddress=10.9.9.9:1 TargetName=iqn.x",
	"= done tsih=1 |" } },
/* P-KEY-01, P-KEY-04 */
{ "our own keys", 0, { FIRST, "< 1 | InitiatorName=iqn.x", "= fail 19 | may not send" } },
{ "our own keys, and good ones after them", 0, {
	FIRST, "< 1 | InitiatorName=iqn.x TargetAlias=a", "= fail 19 | may not send" } },
{ "our own keys: SessionType", 0, {
	FIRST, "< 1 | SessionType=Normal", "= fail 19 | may not send" } },
{ "our own keys: SendTargets", 0, {
	FIRST, "< 1 | SendTargets=All", "= fail 19 | may not send" } },
/* H-51, H-52, H-53 */
{ "no NUL at the end", 0, {
	FIRST, "< T 1-3 tsih=1 nonul | ImmediateData=No",
	"= done tsih=1 | immediate_data=0" } },
{ "only NULs", 0, {
	FIRST, "< 1 nuls=100 |", "> T 1-3 |", "< T 1-3 tsih=1 nuls=8192 |",
	"= done tsih=1 |" } },
{ "no =", 0, { FIRST, "< T 1-3 | Key", "= fail 19 | a key without a value" } },
{ "no key", 0, { FIRST, "< T 1-3 | =value", "= fail 19 | a bad key" } },
{ "a lower-case key", 0, { FIRST, "< T 1-3 | a=b", "= fail 19 | a bad key" } },

/* ---- headers ------------------------------------------------------------------------ */

/* P-PDU-02 */
{ "reserved fields are full", 0, { FIRST, "< T 1-3 tsih=1 ff |", "= done tsih=1 |" } },
/* P-LOGIN-19 */
{ "TSIH 0 at the end", 0, { FIRST, "< T 1-3 |", "= done tsih=0 |" } },
/* P-LOGIN-05 */
{ "TSIH before the end", 0, {
	FIRST, "< 1 tsih=4660 |", "> T 1-3 |", "< T 1-3 tsih=5 |", "= done tsih=5 |" } },
/* P-LOGIN-20 */
{ "another version", 0, { FIRST, "< T 1-3 ver=1 |", "= fail 19 | protocol version 1" } },
/* H-24, P-LOGIN-07: for a normal session the kernel looks at the tag */
{ "another task tag", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS,
	"< T 1-3 itt=1 |", "= fail 19 | another task tag" } },
{ "another task tag, which the kernel set", 0, {
	FIRST, "< T 1-3 itt=1 tsih=1 |", "= done tsih=1 |" } },
/* H-36 */
{ "another ISID, and StatSN going back", 0, {
	FIRST, "< 1 isid statsn=77 |", "> T 1-3 |", "< T 1-3 isid statsn=5 tsih=1 |",
	"= done tsih=1 |" } },
/* H-21, H-25, P-REJ-01, P-ASYNC-11, H-16, H-23 */
{ "a Reject", 0, { FIRST, "< op=3f |", "= fail 19 | opcode 0x3f" } },
{ "an Asynchronous Message", 0, { FIRST, "< op=32 |", "= fail 19 | opcode 0x32" } },
{ "a web server", 0, { FIRST, "< op=48 |", "= fail 19 | not an iSCSI target" } },
{ "an additional header", 0, { FIRST, "< T 1-3 ahs |", "= fail 19 | additional header" } },
{ "more text than a login may have", 0, {
	FIRST, "< T 1-3 len=8193 |", "= fail 19 | over 8192" } },
{ "less text than the header says", 0, {
	FIRST, "< T 1-3 len=100 |", "= fail 19 | came with 0" } },

/* ---- status ------------------------------------------------------------------------- */

/* P-STAT-05..10, P-STAT-R4, P-LOGIN-21, P-SN-08, H-40 */
{ "0200", 0, { FIRST, "< T 2-2 stat=02/00 |", "= fail 19 | initiator error (02/00)" } },
{ "0201", 0, { FIRST, "< 0 stat=02/01 |", "= again" } },
{ "0201 to the security stage too", SECURITY, {
	FIRST_WILLING, "< 0 stat=02/01 |",
	"= fail 24 | authentication failure (02/01); no CHAP user name and password are set" } },
{ "0201 after the first exchange", 0, {
	FIRST, "< 1 |", "> T 1-3 |", "< 1 stat=02/01 |",
	"= fail 24 | authentication failure (02/01); no CHAP user name and password" } },
{ "0202", 0, { FIRST, "< 0 stat=02/02 |", "= fail 24 | authorization failure (02/02)" } },
{ "0203", 0, {
	FIRST, "< T C 3-2 ver=9 stat=02/03 |", "= fail 19 | target not found (02/03)" } },
{ "0204", 0, { FIRST, "< 1 stat=02/04 |", "= fail 19 | target removed (02/04)" } },
{ "0205", 0, { FIRST, "< 1 ver=1 stat=02/05 |", "= fail 19 | version not supported (02/05)" } },
{ "0206", 0, { FIRST, "< 1 stat=02/06 |", "= fail 19 | too many connections (02/06)" } },
{ "0207", 0, { FIRST, "< 1 stat=02/07 |", "= fail 19 | missing parameter (02/07)" } },
{ "0208", 0, {
	FIRST, "< 1 stat=02/08 |", "= fail 19 | can't be included in the session (02/08)" } },
{ "0209", 0, { FIRST, "< 1 stat=02/09 |", "= fail 19 | session type not supported (02/09)" } },
{ "020a", 0, { FIRST, "< 1 stat=02/0a |", "= fail 19 | session does not exist (02/0a)" } },
{ "020b", 0, {
	FIRST, "< 1 stat=02/0b |", "= fail 19 | invalid request during login (02/0b)" } },
{ "02ff", 0, { FIRST, "< 1 stat=02/ff |", "= fail 19 | unknown initiator error (02/ff)" } },
{ "0300", 0, { FIRST, "< 1 stat=03/00 |", "= fail 5 retry | target error (03/00)" } },
{ "0301", 0, { FIRST, "< 1 stat=03/01 |", "= fail 5 retry | service unavailable (03/01)" } },
{ "0302", 0, {
	FIRST, "< 1 stat=03/02 |", "= fail 5 retry | target out of resources (03/02)" } },
{ "03ff", 0, { FIRST, "< 1 stat=03/ff |", "= fail 5 retry | unknown target error (03/ff)" } },
{ "0400", 0, { FIRST, "< 1 stat=04/00 |", "= fail 19 | unknown status class (04/00)" } },
{ "ff00", 0, { FIRST, "< 1 stat=ff/00 |", "= fail 19 | unknown status class (ff/00)" } },
{ "0400 to a discovery", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS, "< 1 stat=04/00 |",
	"= fail 19 retry | unknown status class (04/00)" } },
{ "0203 to a discovery", DISCOVERY, {
	"> T 1-3 | " DISCOVER " " USUAL_DISCOVERY_OFFERS, "< 1 stat=02/03 |",
	"= fail 19 | target not found (02/03)" } },

/* ---- the security stage without credentials ------------------------------------------ */

/* P-LOGIN-13, P-LOGIN-14, P-NEG-08 */
{ "nothing is proposed, and that is fine", SECURITY, {
	FIRST_WILLING, "< T 0-1 | TargetPortalGroupTag=1",
	"> T 1-3 | " USUAL_OFFERS, "< T 1-3 tsih=1 |", "= done tsih=1 tpgt=1 |" } },
{ "the target proposes methods", SECURITY, {
	FIRST_WILLING, "< 0 | AuthMethod=KRB5,CHAP,None", "> T 0-1 | AuthMethod=None",
	"< T 0-1 |", "> T 1-3 | " USUAL_OFFERS, "< T 1-3 tsih=1 |", "= done tsih=1 |" } },
{ "the target settles on None by itself", SECURITY, {
	FIRST_WILLING, "< T 0-1 | AuthMethod=None", "> T 1-3 | " USUAL_OFFERS,
	"< T 1-3 tsih=1 |", "= done tsih=1 |" } },
{ "the target takes its time", SECURITY, {
	FIRST_WILLING, "< 0 |", "> T 0-1 |", "< 0 |", "> T 0-1 |", "< T 0-1 |",
	"> T 1-3 | " USUAL_OFFERS, "< T 1-3 tsih=1 |", "= done tsih=1 |" } },
{ "the target wants CHAP", SECURITY, {
	FIRST_WILLING, "< 0 | AuthMethod=CHAP",
	"= fail 24 | asks for authentication (CHAP), but no user name and password" } },
{ "a method that only ends like None", SECURITY, {
	FIRST_WILLING, "< 0 | AuthMethod=CHAP,NotNone,None2",
	"= fail 24 | asks for authentication (CHAP,NotNone,None2), but" } },
{ "methods twice", SECURITY, {
	FIRST_WILLING, "< 0 | AuthMethod=None AuthMethod=None", "= fail 19 | twice" } },
{ "a CHAP step out of nowhere", SECURITY, {
	FIRST_WILLING, "< 0 | CHAP_A=5 CHAP_I=1 CHAP_C=0x01",
	"= fail 19 | CHAP_A, which isn't due" } },
{ "with credentials it changes nothing", SECURITY | CHAP, {
	FIRST_CHAP, "< 0 stat=02/01 |", "= fail 24 | authentication failure (02/01)" } },

/* ---- redirection -------------------------------------------------------------------- */

/* P-STAT-02, P-STAT-03, P-REDIR-01..04, P-REDIR-10, P-REDIR-11 */
{ "moved for now", 0, {
	FIRST, "< 1 stat=01/01 | TargetAddress=10.0.0.5:3262", "= moved 10.0.0.5:3262" } },
{ "moved for good", 0, {
	FIRST, "< T C 3-3 stat=01/02 | TargetAddress=10.0.0.5",
	"= moved 10.0.0.5:3260" } },
{ "moved before the challenge", CHAP, {
	FIRST_CHAP, "< 0 | AuthMethod=CHAP", "> 0 | CHAP_A=5",
	"< 0 stat=01/01 | TargetAddress=10.0.0.5:3262", "= moved 10.0.0.5:3262" } },
{ "forms of addresses", 0, {
	FIRST, "< 1 stat=01/01 | TargetAddress=storage.example TargetAddress=[fe80::1] "
	"TargetAddress=[2001:db8::5]:3262 TargetAddress=10.0.0.5:3263,1 TargetName=iqn.x "
	"TargetAddress=127.0.0.1:860",
	"= moved storage.example:3260 fe80::1:3260 2001:db8::5:3262 10.0.0.5:3263 "
	"127.0.0.1:860" } },
/* H-98 */
{ "more addresses than one can try", 0, {
	FIRST, "< 1 stat=01/01 | TargetAddress=10.0.0.1 TargetAddress=10.0.0.2 "
	"TargetAddress=10.0.0.3 TargetAddress=10.0.0.4 TargetAddress=10.0.0.5 "
	"TargetAddress=10.0.0.6 TargetAddress=10.0.0.7 TargetAddress=10.0.0.8 "
	"TargetAddress=10.0.0.9",
	"= moved 10.0.0.1:3260 10.0.0.2:3260 10.0.0.3:3260 10.0.0.4:3260 10.0.0.5:3260 "
	"10.0.0.6:3260 10.0.0.7:3260 10.0.0.8:3260" } },
/* H-100: nobody to connect to */
{ "one good address of many", 0, {
	FIRST, "< 1 stat=01/01 | TargetAddress=0.0.0.0:3260 TargetAddress=224.0.0.1 "
	"TargetAddress=255.255.255.255 TargetAddress=[::]:3260 TargetAddress=[ff02::1] "
	"TargetAddress=[::ffff:224.0.0.1] TargetAddress=2130706433 TargetAddress=10.5 "
	"TargetAddress=10.0.0.5",
	"= moved 10.0.0.5:3260" } },
/* P-REDIR-06, H-97 */
{ "moved, but where?", 0, {
	FIRST, "< 1 stat=01/01 |",
	"= fail 5 retry | target moved temporarily (01/01), but no usable" } },
{ "moved to nowhere", 0, {
	FIRST, "< 1 stat=01/02 | TargetAddress= TargetAddress=:3260 TargetAddress=10.0.0.1:0 "
	"TargetAddress=10.0.0.1:65536 TargetAddress=a/b",
	"= fail 5 retry | target moved permanently (01/02), but no usable" } },
{ "moved, with a broken text", 0, {
	FIRST, "< 1 stat=01/01 | TargetAddress", "= fail 5 retry | no usable TargetAddress" } },
/* P-STAT-04 */
{ "redirections next to the known ones", 0, {
	FIRST, "< 1 stat=01/00 | TargetAddress=10.0.0.5",
	"= fail 5 retry | unknown redirection (01/00)" } },
{ "redirections next to the known ones, above", 0, {
	FIRST, "< 1 stat=01/03 | TargetAddress=10.0.0.5",
	"= fail 5 retry | unknown redirection (01/03)" } },
{ "another redirection", 0, {
	FIRST, "< 1 stat=01/07 | TargetAddress=10.0.0.5",
	"= fail 5 retry | unknown redirection (01/07)" } },
};

/* ---- the two sides ------------------------------------------------------------------ */

static const uint8_t isid[PDU_ISID_LEN] = { 0x00, 0x02, 0x3d, 0x12, 0x34, 0x56 };
static uint8_t random_next;

static int fake_random(void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(0xc0 + random_next++);
	return 0;
}

static struct login_config config_for(unsigned int bits)
{
	struct login_config config = {
		.discovery = bits & DISCOVERY,
		.security_first = bits & SECURITY,
		.initiator_name = I_NAME,
		.initiator_alias = bits & ALIAS ? "here" : "",
		.target_name = bits & DISCOVERY ? NULL : T_NAME,
		.tpgt = ISCSI_TPGT_UNKNOWN,
		.exp_stat_sn = bits & REINSTATE ? 0xabcd : 0,
		.cmd_sn = bits & DISCOVERY ? 17 : 0,
		.chap.username = bits & CHAP ? "user" : "",
		.chap.password = bits & CHAP ? "initiator-secret-0123" : "",
		.chap.username_in = bits & MUTUAL ? "tuser" : "",
		.chap.password_in = bits & MUTUAL ? "target-secret-4567890" : "",
		.offer = usual_offer,
		.random = fake_random,
	};

	memcpy(config.isid, isid, sizeof(isid));
	random_next = 0;
	return config;
}

struct response {
	uint8_t bhs[PDU_BHS_LEN];
	char data[PDU_LOGIN_DATA_MAX];
	size_t len;
};

/* The words of @text, each with a NUL after it. */
static size_t nul_text(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	text += strspn(text, " ");
	while (*text) {
		size_t len = strcspn(text, " ");

		ck_assert_uint_lt(n + len, size);
		memcpy(ret + n, text, len);
		ret[n + len] = '\0';
		n += len + 1;
		text += len;
		text += strspn(text, " ");
	}
	return n;
}

/* A '<' line as a PDU. */
static void make_response(const char *line, const struct login_pdu *request, uint32_t *stat_sn,
			  struct response *ret)
{
	const char *bar = strchr(line, '|');
	char head[128], *save = NULL, *word;
	unsigned int csg, nsg, class, detail, number;
	bool nonul = false;

	ck_assert_msg(bar && (size_t)(bar - line) < sizeof(head), "%s", line);
	memset(ret, 0, sizeof(*ret));
	ret->len = nul_text(bar + 1, ret->data, sizeof(ret->data));
	ret->bhs[0] = 0x23;
	memcpy(ret->bhs + 8, isid, sizeof(isid));
	memcpy(ret->bhs + 16, request->bhs + 16, 4);
	(void)snprintf(head, sizeof(head), "%.*s", (int)(bar - line - 1), line + 1);
	for (word = strtok_r(head, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (streq(word, "T"))
			ret->bhs[1] |= 0x80;
		else if (streq(word, "C"))
			ret->bhs[1] |= 0x40;
		else if (sscanf(word, "%1u-%1u", &csg, &nsg) == 2)
			ret->bhs[1] |= (uint8_t)(csg << 2 | nsg);
		else if (sscanf(word, "%1u", &csg) == 1)
			ret->bhs[1] |= (uint8_t)(csg << 2);
		else if (sscanf(word, "tsih=%u", &number) == 1)
			put_be16(ret->bhs + 14, (uint16_t)number);
		else if (sscanf(word, "stat=%x/%x", &class, &detail) == 2)
			ret->bhs[36] = (uint8_t)class, ret->bhs[37] = (uint8_t)detail;
		else if (sscanf(word, "ver=%u", &number) == 1)
			ret->bhs[3] = (uint8_t)number;
		else if (sscanf(word, "itt=%u", &number) == 1)
			put_be32(ret->bhs + 16, number);
		else if (sscanf(word, "statsn=%u", &number) == 1)
			*stat_sn = number - 1;
		else if (sscanf(word, "op=%x", &number) == 1)
			ret->bhs[0] = (uint8_t)number;
		else if (sscanf(word, "len=%u", &number) == 1)
			put_be24(ret->bhs + 5, number);
		else if (sscanf(word, "nuls=%u", &number) == 1)
			ret->len = number;
		else if (streq(word, "isid"))
			ret->bhs[13] ^= 0xff;
		else if (streq(word, "ahs"))
			ret->bhs[4] = 1;
		else if (streq(word, "ff"))
			memset(ret->bhs + 20, 0xff, 4), memset(ret->bhs + 38, 0xff, 10),
			ret->bhs[1] |= 0x30, ret->bhs[2] = 0xff;
		else if (streq(word, "nonul"))
			nonul = true;
		else
			ck_abort_msg("'%s' in '%s'", word, line);
	}
	if (nonul)
		ret->len--;
	if (!get_be24(ret->bhs + 5))
		put_be24(ret->bhs + 5, (uint32_t)ret->len);
	put_be32(ret->bhs + 24, ++*stat_sn);
}

/* What holds for every request of the phase. */
static void check_request(const struct login_pdu *request, const struct login_config *config,
			  uint32_t exp_stat_sn)
{
	static const uint8_t zeros[12];
	const uint8_t *bhs = request->bhs;

	ck_assert_uint_eq(bhs[0], 0x43);			/* P-LOGIN-02 */
	ck_assert_uint_eq(bhs[1] & 0x30, 0);
	ck_assert_mem_eq(bhs + 2, zeros, 3);			/* P-LOGIN-03, P-PDU-04 */
	ck_assert_uint_le(request->data_len, 8192);		/* P-PDU-05 */
	ck_assert_uint_eq(get_be24(bhs + 5), request->data_len);
	ck_assert_mem_eq(bhs + 8, isid, sizeof(isid));		/* P-LOGIN-04 */
	ck_assert_uint_eq(get_be16(bhs + 14), 0);		/* P-LOGIN-05 */
	ck_assert_uint_eq(get_be32(bhs + 16), LOGIN_ITT);	/* P-LOGIN-07 */
	ck_assert_uint_eq(get_be16(bhs + 20), 0);	/* P-LOGIN-06 */
	ck_assert_uint_eq(get_be32(bhs + 24), config->cmd_sn);	/* P-SN-02 */
	ck_assert_uint_eq(get_be32(bhs + 28), exp_stat_sn);	/* P-SN-06 */
	ck_assert_mem_eq(bhs + 22, zeros, 2);			/* P-PDU-02 */
	ck_assert_mem_eq(bhs + 32, zeros, 12);
	if (request->data_len && !(bhs[1] & 0x40))		/* P-TXT-02 */
		ck_assert_uint_eq(request->data[request->data_len - 1], 0);
}

/* A request as a '>' line has it. */
static void request_line(const struct login_pdu *request, char *ret, size_t size)
{
	uint8_t flags = request->bhs[1];
	size_t n;

	n = (size_t)snprintf(ret, size, flags & 0x80 ? ">%s%s %u-%u |" : ">%s%s %u |",
			     flags & 0x80 ? " T" : "", flags & 0x40 ? " C" : "", flags >> 2 & 3,
			     flags & 3);
	if (request->data_len)
		ret[n++] = ' ';
	ck_assert_uint_lt(n + request->data_len, size);
	for (size_t i = 0; i < request->data_len; i++) {
		ret[n] = (char)request->data[i];
		if (ret[n] || i + 1 < request->data_len)
			n++;
	}
	ret[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!ret[i])
			ret[i] = ' ';
}

/* An '=' line for what has come out. */
static void check_end(const char *line, const struct login *login, enum login_result result,
		      enum iscsi_err err, const struct iscsi_why *why, uint32_t stat_sn)
{
	const struct login_outcome *o = login_outcome(login);
	struct negotiate_params base = negotiate_rfc_defaults;
	const char *bar = strchr(line, '|'), *found;
	unsigned int class, detail;
	char head[512] = "";

	switch (result) {
	case LOGIN_SEND:
		ck_abort_msg("still going on: '%s'", line);
		break;
	case LOGIN_DONE:
		(void)snprintf(head, sizeof(head), "= done tsih=%u", o->tsih);
		if (o->tpgt != ISCSI_TPGT_UNKNOWN)
			(void)snprintf(head + strlen(head), 32, " tpgt=%d", o->tpgt);
		strcat(head, o->auth_skipped ? " skipped " : " ");
		ck_assert_msg(bar && strlen(head) == (size_t)(bar - line) &&
			      memcmp(head, line, strlen(head)) == 0, "'%s', not '%s'", head,
			      line);
		base.max_recv_data_segment_length = usual_offer.max_recv_data_segment_length;
		params_check(&o->agreed, &base, bar + 1 + strspn(bar + 1, " "));
		ck_assert_uint_eq(o->exp_stat_sn, stat_sn + 1);
		ck_assert_int_eq(err, ISCSI_SUCCESS);
		ck_assert_uint_eq(o->status_class, 0);
		break;
	case LOGIN_AGAIN:
		ck_assert_str_eq("= again", line);
		ck_assert_uint_eq(o->status_class, 2);
		ck_assert_int_eq(err, ISCSI_SUCCESS);
		break;
	case LOGIN_MOVED:
		ck_assert_int_eq(err, ISCSI_SUCCESS);
		(void)snprintf(head, sizeof(head), "= moved");
		for (size_t i = 0; i < o->moved_to_len; i++)
			(void)snprintf(head + strlen(head), sizeof(head) - strlen(head), " %s:%d",
				       o->moved_to[i].address, o->moved_to[i].port);
		ck_assert_str_eq(head, line);
		ck_assert_uint_eq(o->status_class, 1);
		break;
	case LOGIN_FAILED:
		(void)snprintf(head, sizeof(head), "= fail %d%s ", (int)err,
			       o->retry ? " retry" : "");
		ck_assert_msg(bar && strlen(head) == (size_t)(bar - line) &&
			      memcmp(head, line, strlen(head)) == 0,
			      "'%s', not '%s' (%s)", head, line, why->text);
		found = strstr(why->text, bar + 2);
		ck_assert_msg(found, "'%s' lacks '%s'", why->text, bar + 2);
		found = strrchr(why->text, '(');
		if (!found || sscanf(found, "(%2x/%2x)", &class, &detail) != 2)
			class = 0xff;	/* no response with a status ended the login */
		ck_assert_uint_eq(o->status_class, class);
		found = strstr(why->text, bar + 2);
		if (bar[strlen(bar) - 1] == ')')	/* a status: no note follows */
			ck_assert_str_eq(found, bar + 2);
		break;
	}
}

/* Plays @c on @login, which may have been used before. */
static void play(struct login *login, const struct conversation *c)
{
	static struct login_pdu request;
	static struct response response;
	static char seen[PDU_LOGIN_DATA_MAX + 64];
	struct login_config config = config_for(c->config);
	enum iscsi_err err = ISCSI_ERR;
	struct iscsi_why why = { .text = "" };
	uint32_t stat_sn = 0xfffffffd;		/* P-SN-06: it wraps in a longer one */
	enum login_result result = login_start(login, &config, &request, &err, &why);
	bool ended = false;

	for (size_t i = 0; c->lines[i]; i++) {
		const char *line = c->lines[i];
		uint8_t *exact;

		switch (*line) {
		case '>':
			ck_assert_msg(result == LOGIN_SEND, "%s: %s", c->name, why.text);
			check_request(&request, &config, i ? stat_sn + 1 : config.exp_stat_sn);
			request_line(&request, seen, sizeof(seen));
			ck_assert_msg(streq(seen, line), "%s: '%s', not '%s'", c->name, seen,
				      line);
			break;
		case '<':
			ck_assert_msg(result == LOGIN_SEND, "%s: %s", c->name, why.text);
			make_response(line, &request, &stat_sn, &response);
			exact = malloc(response.len ? response.len : 1);
			memcpy(exact, response.data, response.len);
			result = login_step(login, response.bhs, exact, response.len, &request,
					    &err, &why);
			free(exact);
			break;
		case '=':
			check_end(line, login, result, err, &why, stat_sn);
			ended = true;
			break;
		}
	}
	ck_assert_msg(ended, "%s", c->name);
	/* Once it is over, it is over. */
	ck_assert_int_eq(login_step(login, response.bhs, NULL, 0, &request, &err, &why),
			 LOGIN_FAILED);
	ck_assert_int_eq(err, ISCSI_ERR_INTERNAL);
}

START_TEST(conversation)
{
	struct login *login = login_new();

	play(login, &conversations[_i]);
	login_free(login);
}
END_TEST

/* One engine serves all logins of a session: nothing of one may be left for the next. */
START_TEST(one_engine_for_all)
{
	struct login *login = login_new();

	for (size_t i = 0; i < ARRAY_SIZE(conversations); i++)
		if (!(conversations[i].config & MUTUAL))	/* their CHAP_I goes on */
			play(login, &conversations[i]);
	login_free(login);
}
END_TEST

/* ---- what tables don't show --------------------------------------------------------- */

struct talk {
	struct login *login;
	struct login_config config;
	struct login_pdu request;
	enum iscsi_err err;
	struct iscsi_why why;
	uint32_t stat_sn;
};

static struct talk *talk_new(unsigned int bits)
{
	struct talk *t = calloc(1, sizeof(*t));

	t->login = login_new();
	t->config = config_for(bits);
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	return t;
}

static void talk_free(struct talk *t)
{
	login_free(t->login);
	free(t);
}

/* Says "@line" and then @len bytes of @text. */
static enum login_result say(struct talk *t, const char *line, const void *text, size_t len)
{
	static struct response response;

	make_response(line, &t->request, &t->stat_sn, &response);
	put_be24(response.bhs + 5, (uint32_t)len);
	return login_step(t->login, response.bhs, text, len, &t->request, &t->err, &t->why);
}

/* P-STAGE-09, P-TXT-12: one text, cut in two at every place. */
START_TEST(cut_everywhere)
{
	static const char text[] = "TargetPortalGroupTag=1\0TargetAlias=a\xc3\xa4\0"
				   "MaxBurstLength=65536\0X-a=1\0\0ImmediateData=No";

	for (size_t cut = 0; cut <= sizeof(text); cut++) {
		struct talk *t = talk_new(0);
		const struct login_outcome *o = login_outcome(t->login);

		ck_assert_int_eq(say(t, "< C 1 |", text, cut), LOGIN_SEND);
		ck_assert_uint_eq(t->request.data_len, 0);
		ck_assert_uint_eq(t->request.bhs[1], 0x04);
		ck_assert_int_eq(say(t, "< 1 |", text + cut, sizeof(text) - cut), LOGIN_SEND);
		ck_assert_uint_eq(t->request.data_len, 18);
		ck_assert_mem_eq(t->request.data, "X-a=NotUnderstood", 18);
		ck_assert_uint_eq(t->request.bhs[1], 0x87);
		ck_assert_int_eq(say(t, "< T 1-3 tsih=1 |", NULL, 0), LOGIN_DONE);
		ck_assert_int_eq(o->tpgt, 1);
		ck_assert_uint_eq(o->agreed.max_burst_length, 65536);
		ck_assert_uint_eq(o->agreed.immediate_data, 0);
		talk_free(t);
	}
}
END_TEST

/* H-31: pieces without end. */
START_TEST(pieces_without_end)
{
	static char text[PDU_LOGIN_DATA_MAX];
	struct talk *t = talk_new(0);
	enum login_result result;
	int pieces = 0;

	memset(text, 'A', sizeof(text));
	do {
		result = say(t, "< C 1 |", text, sizeof(text));
		pieces++;
	} while (result == LOGIN_SEND);
	ck_assert_int_eq(pieces, 9);	/* 8 of them are 64 KiB */
	ck_assert_int_eq(result, LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(t->why.text, "longer than 65536"), "%s", t->why.text);
	talk_free(t);

	t = talk_new(0);		/* and empty ones */
	for (pieces = 0; say(t, "< C 1 |", NULL, 0) == LOGIN_SEND; pieces++)
		;
	ck_assert_int_eq(pieces, 16);
	talk_free(t);
}
END_TEST

/* H-32, H-33, P-STAGE-13, P-CHAP-21 */
START_TEST(rounds_without_end)
{
	struct talk *t = talk_new(0);
	int rounds;

	for (rounds = 0; say(t, "< 1 |", NULL, 0) == LOGIN_SEND; rounds++)
		ck_assert_uint_eq(t->request.bhs[1], 0x87);
	ck_assert_int_eq(rounds, 16);
	ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(t->why.text, "doesn't end login stage 1"), "%s", t->why.text);
	talk_free(t);

	t = talk_new(0);
	for (rounds = 0;; rounds++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "X-%d=1", rounds);

		if (say(t, "< 1 |", key, (size_t)len + 1) != LOGIN_SEND)
			break;
	}
	ck_assert_int_eq(rounds, 16);
	talk_free(t);

	t = talk_new(CHAP);
	for (rounds = 0; say(t, "< 0 |", NULL, 0) == LOGIN_SEND; rounds++)
		ck_assert_uint_eq(t->request.bhs[1], 0x81);
	ck_assert_int_eq(rounds, 16);
	talk_free(t);

	t = talk_new(CHAP);		/* both stages together */
	for (rounds = 0; rounds < 15; rounds++)
		ck_assert_int_eq(say(t, "< 0 |", NULL, 0), LOGIN_SEND);
	ck_assert_int_eq(say(t, "< T 0-1 |", NULL, 0), LOGIN_SEND);
	for (rounds = 0; say(t, "< 1 |", NULL, 0) == LOGIN_SEND; rounds++)
		;
	ck_assert_int_eq(rounds, 16);
	talk_free(t);
}
END_TEST

/*
 * H-57, P-TXT-11, P-STAGE-10: 500 keys that nobody knows, in two pieces. Our answers don't fit
 * into a PDU: C, no T, and the target says nothing until it has seen the rest.
 */
START_TEST(answers_over_many_requests)
{
	static char text[2 * PDU_LOGIN_DATA_MAX], said[4 * PDU_LOGIN_DATA_MAX];
	struct talk *t = talk_new(0);
	size_t len = 0, said_len = 0;
	int requests = 1;

	for (int i = 0; i < 500; i++)
		len += (size_t)sprintf(text + len, "X-com.example.key%d=x", i) + 1;
	ck_assert_uint_gt(len, 8192);
	ck_assert_int_eq(say(t, "< C 1 |", text, 8192), LOGIN_SEND);
	ck_assert_uint_eq(t->request.data_len, 0);
	ck_assert_int_eq(say(t, "< 1 |", text + 8192, len - 8192), LOGIN_SEND);
	for (;; requests++) {
		check_request(&t->request, &t->config, t->stat_sn + 1);
		memcpy(said + said_len, t->request.data, t->request.data_len);
		said_len += t->request.data_len;
		if (!(t->request.bhs[1] & 0x40))
			break;
		ck_assert_uint_eq(t->request.bhs[1], 0x44);
		ck_assert_uint_eq(t->request.data_len, 8192);
		ck_assert_int_eq(say(t, "< 1 |", NULL, 0), LOGIN_SEND);
	}
	ck_assert_uint_eq(t->request.bhs[1], 0x87);
	ck_assert_int_eq(requests, 3);
	for (size_t i = 0, at = 0; i < 500; i++) {
		char expected[64];
		size_t n = (size_t)sprintf(expected, "X-com.example.key%zu=NotUnderstood",
					   i) + 1;

		ck_assert_uint_le(at + n, said_len);
		ck_assert_mem_eq(said + at, expected, n);
		at += n;
	}
	ck_assert_int_eq(say(t, "< T 1-3 tsih=1 |", NULL, 0), LOGIN_DONE);
	talk_free(t);

	/* Neither T nor text before our text is complete. */
	for (int i = 0; i < 2; i++) {
		t = talk_new(0);
		(void)say(t, "< C 1 |", text, 8192);
		(void)say(t, "< 1 |", text + 8192, len - 8192);
		ck_assert_uint_eq(t->request.bhs[1], 0x44);
		ck_assert_int_eq(say(t, i ? "< T 1-3 |" : "< 1 |", "A=1", i ? 0 : 4),
				 LOGIN_FAILED);
		ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
		talk_free(t);
	}
}
END_TEST

/* An answer has 16 bytes. A PDU and 64 KiB more of them are sent, and no more, though not the first. */
START_TEST(too_many_answers)
{
	static char text[PDU_LOGIN_DATA_MAX];

	for (size_t len = 0; len < sizeof(text); len += 4)
		memcpy(text + len, "A=1", 4);
	for (size_t more = 0; more <= 1; more++) {
		struct talk *t = talk_new(0);
		size_t last = ((8192 + 65536) / 16 + more) * 4 - 2 * sizeof(text);

		ck_assert_int_eq(say(t, "< 1 |", text, (8192 / 16 + 1) * 4), LOGIN_SEND);
		ck_assert_uint_eq(t->request.bhs[1], 0x44);
		ck_assert_int_eq(say(t, "< 1 |", NULL, 0), LOGIN_SEND);
		ck_assert_uint_eq(t->request.data_len, 16);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(say(t, "< C 1 |", text, sizeof(text)), LOGIN_SEND);
		ck_assert_int_eq(say(t, "< 1 |", text, last), more ? LOGIN_FAILED : LOGIN_SEND);
		if (more) {
			ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
			ck_assert_str_eq(t->why.text,
					 "the target asks for over 65536 bytes of answers");
		}
		for (int i = 0; i < 8 && !more; i++) {
			ck_assert_uint_eq(t->request.bhs[1], 0x44);
			ck_assert_int_eq(say(t, "< 1 |", NULL, 0), LOGIN_SEND);
			ck_assert_uint_eq(t->request.data_len, 8192);
		}
		ck_assert(more || t->request.bhs[1] == 0x87);
		talk_free(t);
	}
}
END_TEST

START_TEST(no_memory_for_long_answers)
{
	static char text[PDU_LOGIN_DATA_MAX];
	static struct response response;
	struct talk *t = talk_new(0);
	enum login_result result;

	for (size_t len = 0; len < sizeof(text); len += 4)
		memcpy(text + len, "A=1", 4);
	if (alloc_can_fail) {
		make_response("< 1 |", &t->request, &t->stat_sn, &response);
		put_be24(response.bhs + 5, sizeof(text));
		alloc_fail_nth(1);
		result = login_step(t->login, response.bhs, (uint8_t *)text, sizeof(text), &t->request,
				    &t->err, &t->why);
		ck_assert(alloc_fail_stop());
		ck_assert_int_eq(result, LOGIN_FAILED);
		ck_assert_int_eq(t->err, ISCSI_ERR_NOMEM);
		ck_assert(login_outcome(t->login)->retry);
	}
	talk_free(t);
}
END_TEST

/* Which keys may come in the security stage, and in the operational stage. */
static const struct { const char *pair; bool security, operational; } staged[] = {
	{ "AuthMethod=None", true, false }, { "CHAP_A=5", false, false },
	{ "KRB_AP_REQ=x", false, false }, { "SRP_U=x", false, false },
	{ "SPKM_REQ=x", false, false }, { "TargetAlias=x", true, true },
	{ "TargetPortalGroupTag=1", true, true }, { "TargetAddress=10.0.0.5", true, true },
	{ "TargetName=x", true, true }, { "InitiatorName=x", false, false },
	{ "InitiatorAlias=x", false, false }, { "SessionType=Normal", false, false },
	{ "SendTargets=All", false, false }, { "MaxRecvDataSegmentLength=512", true, true },
	{ "MaxBurstLength=512", false, true }, { "X-a=1", true, true },
};

START_TEST(keys_have_their_stages)
{
	const char *pair = staged[_i].pair;
	size_t len = strlen(pair) + 1;
	struct talk *t = talk_new(CHAP);
	bool staying;

	ck_assert_int_eq(say(t, "< 0 |", pair, len),
			 staged[_i].security ? LOGIN_SEND : LOGIN_FAILED);
	/* A key that never may come is refused for itself, not for its stage. */
	staying = !staged[_i].security && !staged[_i].operational && !strstr(pair, "CHAP");
	if (!staged[_i].security)
		ck_assert_int_eq(strstr(t->why.text, "which it may not send in a login") != NULL,
				 staying);
	talk_free(t);
	t = talk_new(0);
	ck_assert_int_eq(say(t, "< 1 |", pair, len),
			 staged[_i].operational ? LOGIN_SEND : LOGIN_FAILED);
	if (!staged[_i].operational)
		ck_assert_int_eq(strstr(t->why.text, "which it may not send in a login") != NULL,
				 staying);
	talk_free(t);
}
END_TEST

/* H-22: 8192 bytes of one alias, with no NUL; H-54: values that are too long. */
START_TEST(long_values)
{
	static char text[PDU_LOGIN_DATA_MAX];
	static const char *const keys[] = { "TargetAlias", "MaxBurstLength", "ImmediateData" };
	struct talk *t;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		for (size_t len = 256; len <= 8000; len += 3872) {
			size_t n = (size_t)sprintf(text, "%s=", keys[i]);

			memset(text + n, '0', len);
			text[n + len] = '\0';
			t = talk_new(0);
			ck_assert_int_eq(say(t, "< 1 |", text, n + len + 1), LOGIN_FAILED);
			ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
			ck_assert_uint_lt(strlen(t->why.text), 300);
			ck_assert(i || streq(t->why.text, "TargetAlias is longer than 255 bytes"));
			talk_free(t);
		}
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "TargetAlias=", 12);
	t = talk_new(0);
	ck_assert_int_eq(say(t, "< T 1-3 |", text, sizeof(text)), LOGIN_FAILED);
	talk_free(t);

	t = talk_new(0);		/* 255 is legal */
	ck_assert_int_eq(say(t, "< T 1-3 |", text, 12 + 255), LOGIN_DONE);
	talk_free(t);

	t = talk_new(0);		/* what we don't understand may be of any length */
	memcpy(text, "X-any.thing=", 12);
	ck_assert_int_eq(say(t, "< 1 |", text, sizeof(text)), LOGIN_SEND);
	ck_assert_str_eq((char *)t->request.data, "X-any.thing=NotUnderstood");
	talk_free(t);
}
END_TEST

/* P-CHAP-20: CHAP_N of the target. */
START_TEST(long_chap_name)
{
	struct talk *t = talk_new(CHAP | MUTUAL);
	char name[7 + 256 + 1];

	ck_assert_int_eq(say(t, "< 0 |", "AuthMethod=CHAP", 16), LOGIN_SEND);
	ck_assert_int_eq(say(t, "< 0 |", "CHAP_A=5\0CHAP_I=1\0CHAP_C=0x1", 29), LOGIN_SEND);
	memset(name, 'n', sizeof(name));
	memcpy(name, "CHAP_N=", 7);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(say(t, "< 0 |", name, sizeof(name)), LOGIN_FAILED);
	ck_assert_msg(streq(t->why.text, "CHAP_N is longer than 255 bytes"), "%s", t->why.text);
	talk_free(t);
}
END_TEST

/* P-CHAP-09: the user name goes out as it is. */
START_TEST(odd_user_names)
{
	static char long_name[256];
	static const char *const names[] = { "with blanks in it", "a=b", "\xc3\xa4",
					     long_name };

	memset(long_name, 'u', sizeof(long_name) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct talk *t = talk_new(CHAP);
		char expected[300];

		t->config.chap.username = names[i];
		ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err,
					     &t->why),
				 LOGIN_SEND);
		ck_assert_int_eq(say(t, "< 0 |", "AuthMethod=CHAP", 16), LOGIN_SEND);
		ck_assert_int_eq(say(t, "< 0 |", "CHAP_A=5\0CHAP_I=1\0CHAP_C=0x1", 29),
				 LOGIN_SEND);
		(void)snprintf(expected, sizeof(expected), "CHAP_N=%s", names[i]);
		ck_assert_str_eq((char *)t->request.data, expected);
		talk_free(t);
	}
}
END_TEST

/* P-NEG-14, P-KEY-T13: what we insist on. */
START_TEST(digest_that_must_be)
{
	struct talk *t = talk_new(0);

	t->config.offer.header_digest = DIGEST_CRC32C;
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	ck_assert_int_eq(say(t, "< T 1-3 |", "HeaderDigest=Reject", 20), LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	ck_assert_int_eq(say(t, "< T 1-3 |", "HeaderDigest=CRC32C", 20), LOGIN_DONE);
	ck_assert_uint_eq(login_outcome(t->login)->agreed.header_digest, DIGEST_CRC32C);
	talk_free(t);
}
END_TEST

/* P-CHAP-01: a digest that this host doesn't have. */
START_TEST(digest_that_is_missing)
{
	struct talk *t = talk_new(CHAP);

	t->config.chap.algorithms[0] = (enum chap_algorithm)99;
	t->config.chap.algorithms_len = 1;
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	ck_assert_int_eq(say(t, "< 0 |", "AuthMethod=CHAP", 16), LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(t->why.text, "can be computed on this host"), "%s", t->why.text);
	talk_free(t);
}
END_TEST

/* What is wrong on our side never reaches the wire. */
START_TEST(impossible_configs)
{
	struct talk *t = talk_new(0);
	static char name[3000];

	t->config.target_name = "";
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_INVAL);
	t->config = config_for(0);
	t->config.initiator_name = NULL;
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_FAILED);
	t->config = config_for(0);
	memset(name, 'n', sizeof(name) - 1);
	t->config.initiator_name = name;
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_FATAL_LOGIN);
	/* P-AUTH-11: the target should prove itself, but we have nothing to say. */
	t->config = config_for(DISCOVERY);
	t->config.chap.password_in = "x";
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_FAILED);
	ck_assert_int_eq(t->err, ISCSI_ERR_INVAL);
	t->config = config_for(0);
	t->config.chap.password_in = "x";
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	ck_assert_uint_eq(t->request.bhs[1], 0x87);
	talk_free(t);
}
END_TEST

/* A login with pieces, CHAP and an unended text: every allocation that fails is reported. */
START_TEST(no_memory)
{
	static struct login_pdu request;
	static struct response pieces[2];
	struct login_config config = config_for(CHAP);
	uint32_t stat_sn = 0;
	unsigned int failures = 0;

	if (!alloc_can_fail)
		return;
	make_response("< C 0 nonul | AuthMethod=CH", &request, &stat_sn, &pieces[0]);
	make_response("< 0 nonul | AP", &request, &stat_sn, &pieces[1]);
	chap_prepare(&config.chap);
	for (unsigned long nth = 1;; nth++) {
		enum login_result result = LOGIN_FAILED;
		enum iscsi_err err = ISCSI_ERR_NOMEM;
		struct iscsi_why why;
		struct login *login;
		bool injected;

		alloc_fail_nth(nth);
		login = login_new();
		if (login)
			result = login_start(login, &config, &request, &err, &why);
		for (size_t i = 0; i < 2 && result == LOGIN_SEND; i++)
			result = login_step(login, pieces[i].bhs, (uint8_t *)pieces[i].data,
					    pieces[i].len, &request, &err, &why);
		injected = alloc_fail_stop();

		if (result == LOGIN_SEND) {	/* OpenSSL can do without some of them */
			ck_assert_str_eq((char *)request.data, "CHAP_A=5");
		} else {
			ck_assert(injected);
			failures++;
			ck_assert_int_eq(result, LOGIN_FAILED);
			/* OpenSSL doesn't say why it has no digest. */
			if (err != ISCSI_ERR_NOMEM)
				ck_assert_msg(strstr(why.text, "can be computed"), "%s",
					      why.text);
			else if (login)
				ck_assert(login_outcome(login)->retry);
		}
		login_free(login);
		if (!injected)
			break;
	}
	ck_assert_uint_ge(failures, 5);
}
END_TEST

/* The longest names that a record can have fit into the first request. */
START_TEST(longest_names)
{
	static char name[ISCSI_VALUE_MAX + 1], alias[ISCSI_VALUE_MAX + 1];
	struct talk *t = talk_new(0);

	memset(name, 'n', sizeof(name) - 1);
	memset(alias, 'a', sizeof(alias) - 1);
	t->config.initiator_name = t->config.target_name = name;
	t->config.initiator_alias = alias;
	ck_assert_int_eq(login_start(t->login, &t->config, &t->request, &t->err, &t->why),
			 LOGIN_SEND);
	talk_free(t);
}
END_TEST

START_TEST(status_text_is_never_null)
{
	for (unsigned int i = 0; i < 0x10000; i++)
		ck_assert_ptr_nonnull(login_status_text((uint8_t)(i >> 8), (uint8_t)i));
	ck_assert_str_eq(login_status_text(0, 0), "success");
	ck_assert_str_eq(login_status_text(0, 1), "unknown success status");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login");
	TCase *t = tcase_create("login");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, conversation, 0, ARRAY_SIZE(conversations));
	tcase_add_test(t, one_engine_for_all);
	tcase_add_test(t, cut_everywhere);
	tcase_add_test(t, pieces_without_end);
	tcase_add_test(t, rounds_without_end);
	tcase_add_test(t, answers_over_many_requests);
	tcase_add_test(t, too_many_answers);
	tcase_add_test(t, no_memory_for_long_answers);
	tcase_add_loop_test(t, keys_have_their_stages, 0, ARRAY_SIZE(staged));
	tcase_add_test(t, long_values);
	tcase_add_test(t, long_chap_name);
	tcase_add_test(t, odd_user_names);
	tcase_add_test(t, digest_that_must_be);
	tcase_add_test(t, digest_that_is_missing);
	tcase_add_test(t, impossible_configs);
	tcase_add_test(t, no_memory);
	tcase_add_test(t, longest_names);
	tcase_add_test(t, status_text_is_never_null);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
