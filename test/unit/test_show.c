/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines that other programs parse, to the byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

static char *text;
static size_t text_len;
static FILE *out;

static void setup(void)
{
	out = open_memstream(&text, &text_len);
	ck_assert_ptr_nonnull(out);
}

static void teardown(void)
{
	if (out)
		fclose(out);
	free(text);
}

/* What was printed since the last call. */
static void printed(const char *expected)
{
	fclose(out);
	ck_assert_str_eq(text, expected);
	free(text);
	text = NULL;
	setup();
}

static struct iscsi_db_record *make_node(const char *target, const char *address,
					 const char *port, const char *tpgt)
{
	struct iscsi_db_record *rec;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "node.name", target, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].address", address, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.conn[0].port", port, NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.tpgt", tpgt, NULL));
	return rec;
}

static const struct {
	const char *address, *port, *tpgt, *line;
} nodes[] = {
	{ "127.0.0.1", "3260", "1", "127.0.0.1:3260,1 iqn.a:n\n" },
	{ "::1", "3261", "2", "[::1]:3261,2 iqn.a:n\n" },
	{ "myhost", "3260", "1", "[myhost]:3260,1 iqn.a:n\n" },
	{ "my.host", "3260", "1", "my.host:3260,1 iqn.a:n\n" },
	{ "10.0.0.1", "3260", "-1", "10.0.0.1:3260,65535 iqn.a:n\n" },
};

START_TEST(node_lines)
{
	struct iscsi_db_record *rec;
	char what[256];

	rec = make_node("iqn.a:n", nodes[_i].address, nodes[_i].port, nodes[_i].tpgt);
	show_node_line(out, rec);
	printed(nodes[_i].line);
	show_format_node(what, sizeof(what), rec);
	/* No brackets here, whatever the address. */
	fprintf(out, "[iface: default, target: iqn.a:n, portal: %s,%s]", nodes[_i].address,
		nodes[_i].port);
	printed(what);
	iscsi_db_record_free(rec);
}
END_TEST

START_TEST(target_lines)
{
	show_target_line(out, "iqn.a:n", "10.0.0.1", 3260, -1);
	show_target_line(out, "iqn.a:n", "fe80::1%eth0", 3260, 1);
	printed("10.0.0.1:3260,-1 iqn.a:n\n[fe80::1%eth0]:3260,1 iqn.a:n\n");
}
END_TEST

START_TEST(trees_of_nodes)
{
	struct show_tree tree = { .any = false };

	show_tree_node(out, &tree, false, "iqn.a:a", "10.0.0.1", 3260, 1, "ifa");
	show_tree_node(out, &tree, false, "iqn.a:a", "10.0.0.1", 3260, 1, "ifb");
	show_tree_node(out, &tree, false, "iqn.a:b", "::1", 3260, -1, "default");
	printed("Target: iqn.a:a\n"
		"\tPortal: 10.0.0.1:3260,1\n\t\tIface Name: ifa\n"
		"\tPortal: 10.0.0.1:3260,1\n\t\tIface Name: ifb\n"
		"Target: iqn.a:b\n\tPortal: [::1]:3260,-1\n\t\tIface Name: default\n");

	memset(&tree, 0, sizeof(tree));
	show_tree_node(out, &tree, true, "iqn.a:a", "10.0.0.1", 3260, 1, "ifa");
	show_tree_node(out, &tree, true, "iqn.a:a", "10.0.0.1", 3260, 1, "ifb");
	show_tree_node(out, &tree, true, "iqn.a:a", "10.0.0.1", 3261, 1, "ifb");
	show_tree_node(out, &tree, true, "iqn.a:b", "10.0.0.1", 3261, 1, "ifb");
	printed("Target: iqn.a:a\n\tPortal: 10.0.0.1:3260,1\n\t\tIface Name: ifa\n"
		"\t\tIface Name: ifb\n\tPortal: 10.0.0.1:3261,1\n\t\tIface Name: ifb\n"
		"Target: iqn.a:b\n\tPortal: 10.0.0.1:3261,1\n\t\tIface Name: ifb\n");
}
END_TEST

START_TEST(records_hide_their_secrets)
{
	struct iscsi_db_record *rec = make_node("iqn.a:n", "10.0.0.1", "3260", "1");

	ck_assert(!iscsi_db_record_set(rec, "node.session.auth.password", "secret12345", NULL));
	ck_assert(!show_record(out, rec, false));
	fflush(out);
	ck_assert_ptr_nonnull(strstr(text, "\nnode.session.auth.password = ********\n"));
	ck_assert_ptr_null(strstr(text, "secret12345"));
	ck_assert(!show_record(out, rec, true));
	fflush(out);
	ck_assert_ptr_nonnull(strstr(text, "\nnode.session.auth.password = secret12345\n"));
	iscsi_db_record_free(rec);
}
END_TEST

START_TEST(iface_lines)
{
	struct iscsi_db_record *rec;

	ck_assert(!iscsi_db_record_new(ISCSI_DB_IFACE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "iface.iscsi_ifacename", "if1", NULL));
	show_iface_line(out, rec);
	ck_assert(!iscsi_db_record_set(rec, "iface.net_ifacename", "lo", NULL));
	ck_assert(!iscsi_db_record_set(rec, "iface.initiatorname", "iqn.x:y", NULL));
	show_iface_line(out, rec);
	printed("if1 tcp,<empty>,<empty>,<empty>,<empty>\n"
		"if1 tcp,<empty>,<empty>,lo,iqn.x:y\n");
	iscsi_db_record_free(rec);
}
END_TEST

/* ---- sessions -------------------------------------------------------------------------- */

static const struct sysfs_session session1 = {
	.sid = 1, .host_no = 0, .transport = "tcp",
	.target = "iqn.2030-01.org.example:tgt1", .tpgt = 1,
	.persistent_address = "127.0.0.1", .persistent_port = 3260,
	.address = "127.0.0.1", .port = 3260, .creator = 100,
	.iface = "default", .initiator = "iqn.2030-01.org.example:client1",
	.ipaddress = "127.0.0.1", .state = "LOGGED_IN", .target_state = "SCANNED",
	.recovery_tmo = 120, .tgt_reset_tmo = 30, .lu_reset_tmo = 30, .abort_tmo = 15,
	.username = "inuser", .password = "insecret12345", .username_in = "outuser",
	.header_digest = 0, .data_digest = 0, .max_recv_dlength = 262144,
	.max_xmit_dlength = 8192, .first_burst_len = 65536, .max_burst_len = 262144,
	.immediate_data = 1, .initial_r2t = 1, .max_outstanding_r2t = 1,
};
static const struct show_daemon_state up = {
	.conn = MGMT_CONN_LOGGED_IN, .recovery = MGMT_RECOVERY_NO_CHANGE,
};

START_TEST(session_lines)
{
	struct sysfs_session s = session1;

	show_session_line(out, &s);
	s.sid = 10;
	strcpy(s.persistent_address, "::1");
	s.creator = -1;
	show_session_line(out, &s);
	s.creator = SYSFS_UNSET;
	s.transport[0] = '\0';
	s.tpgt = SYSFS_UNSET;
	show_session_line(out, &s);
	strcpy(s.target, "iqn.a:\033[2J");
	show_session_line(out, &s);
	printed("tcp: [1] 127.0.0.1:3260,1 iqn.2030-01.org.example:tgt1 (non-flash)\n"
		"tcp: [10] [::1]:3260,1 iqn.2030-01.org.example:tgt1 (flash)\n"
		"<empty>: [10] [::1]:3260,-1 iqn.2030-01.org.example:tgt1 (non-flash)\n"
		"<empty>: [10] [::1]:3260,-1 iqn.a:\\x1b[2J (non-flash)\n");
}
END_TEST

START_TEST(session_in_words)
{
	struct sysfs_session s = session1;
	char what[256];

	show_format_session(what, sizeof(what), &s);
	ck_assert_str_eq(what,
			 "[sid: 1, target: iqn.2030-01.org.example:tgt1, portal: 127.0.0.1,3260]");
	/* The persistent address, but the current port; without one, the persistent port. */
	strcpy(s.address, "127.0.0.9");
	s.port = 3262;
	show_format_session(what, sizeof(what), &s);
	ck_assert_ptr_nonnull(strstr(what, "portal: 127.0.0.1,3262]"));
	s.port = SYSFS_UNSET;
	show_format_session(what, sizeof(what), &s);
	ck_assert_ptr_nonnull(strstr(what, "portal: 127.0.0.1,3260]"));
}
END_TEST

#define HEAD								\
	"Target: iqn.2030-01.org.example:tgt1 (non-flash)\n"		\
	"\tCurrent Portal: 127.0.0.1:3260,1\n"				\
	"\tPersistent Portal: 127.0.0.1:3260,1\n"
#define IFACE								\
	"\t\t**********\n\t\tInterface:\n\t\t**********\n"		\
	"\t\tIface Name: default\n"					\
	"\t\tIface Transport: tcp\n"					\
	"\t\tIface Initiatorname: iqn.2030-01.org.example:client1\n"	\
	"\t\tIface IPaddress: 127.0.0.1\n"				\
	"\t\tIface HWaddress: default\n"				\
	"\t\tIface Netdev: default\n"
#define STATE								\
	"\t\tSID: 1\n"							\
	"\t\tiSCSI Connection State: LOGGED IN\n"			\
	"\t\tiSCSI Session State: LOGGED_IN\n"				\
	"\t\tInternal iscsid Session State: NO CHANGE\n"
#define TIMEOUTS							\
	"\t\t*********\n\t\tTimeouts:\n\t\t*********\n"			\
	"\t\tRecovery Timeout: 120\n"					\
	"\t\tTarget Reset Timeout: 30\n"				\
	"\t\tLUN Reset Timeout: 30\n"					\
	"\t\tAbort Timeout: 15\n"
#define NEGOTIATED							\
	"\t\t************************\n"				\
	"\t\tNegotiated iSCSI params:\n"				\
	"\t\t************************\n"				\
	"\t\tHeaderDigest: None\n"					\
	"\t\tDataDigest: None\n"					\
	"\t\tMaxRecvDataSegmentLength: 262144\n"			\
	"\t\tMaxXmitDataSegmentLength: 8192\n"				\
	"\t\tFirstBurstLength: 65536\n"					\
	"\t\tMaxBurstLength: 262144\n"					\
	"\t\tImmediateData: Yes\n"					\
	"\t\tInitialR2T: Yes\n"						\
	"\t\tMaxOutstandingR2T: 1\n"

START_TEST(session_trees)
{
	unsigned int all = SHOW_IFACE | SHOW_STATE | SHOW_TIMEOUTS | SHOW_CHAP | SHOW_NEGOTIATED;

	show_session_tree(out, &session1, NULL, "", SHOW_IFACE | SHOW_STATE, &up);
	printed(HEAD IFACE STATE);
	show_session_tree(out, &session1, NULL, "", all, &up);
	printed(HEAD IFACE STATE TIMEOUTS
		"\t\t*****\n\t\tCHAP:\n\t\t*****\n"
		"\t\tusername: inuser\n\t\tpassword: ********\n"
		"\t\tusername_in: outuser\n\t\tpassword_in: ********\n" NEGOTIATED);
	/* With the secrets shown, both have the same label. */
	show_session_tree(out, &session1, NULL, "", all | SHOW_SECRETS, &up);
	printed(HEAD IFACE STATE TIMEOUTS
		"\t\t*****\n\t\tCHAP:\n\t\t*****\n"
		"\t\tusername: inuser\n\t\tpassword: insecret12345\n"
		"\t\tusername_in: outuser\n\t\tpassword: <empty>\n" NEGOTIATED);
}
END_TEST

START_TEST(sessions_share_their_head)
{
	struct sysfs_session s = session1, other = session1;

	/* The same target on the same portal: one empty line. */
	show_session_tree(out, &s, &session1, "", 0, &up);
	printed("\n");
	s.port = 3261;
	show_session_tree(out, &s, &session1, "\t", 0, &up);
	printed("\t\tCurrent Portal: 127.0.0.1:3261,1\n\t\tPersistent Portal: 127.0.0.1:3260,1\n");
	strcpy(other.target, "iqn.z");
	show_session_tree(out, &other, &session1, "\t", 0, &up);
	printed("\tTarget: iqn.z (non-flash)\n\t\tCurrent Portal: 127.0.0.1:3260,1\n"
		"\t\tPersistent Portal: 127.0.0.1:3260,1\n");
}
END_TEST

START_TEST(session_that_is_down)
{
	const struct show_daemon_state down = {
		.conn = MGMT_CONN_XPT_WAIT, .recovery = MGMT_RECOVERY_REOPEN,
	};
	const struct show_daemon_state unknown = {
		.conn = MGMT_CONN_UNKNOWN, .recovery = MGMT_RECOVERY_UNKNOWN,
	};
	struct sysfs_session s = session1;

	s.address[0] = s.ipaddress[0] = '\0';
	s.port = SYSFS_UNSET;
	strcpy(s.state, "FAILED");
	s.recovery_tmo = -1;
	s.abort_tmo = SYSFS_UNSET;
	s.lu_reset_tmo = -1;
	s.max_recv_dlength = s.header_digest = SYSFS_UNSET;
	s.data_digest = 1;
	s.initial_r2t = 0;
	show_session_tree(out, &s, NULL, "", SHOW_IFACE | SHOW_STATE | SHOW_TIMEOUTS, &down);
	fflush(out);
	ck_assert_ptr_nonnull(strstr(text, "\tCurrent Portal: 127.0.0.1:3260,1\n"));
	ck_assert_ptr_nonnull(strstr(text, "\t\tIface IPaddress: [default]\n"));
	ck_assert_ptr_nonnull(strstr(text, "Connection State: TRANSPORT WAIT\n"));
	ck_assert_ptr_nonnull(strstr(text, "iSCSI Session State: FAILED\n"));
	ck_assert_ptr_nonnull(strstr(text, "iscsid Session State: REOPEN\n"));
	ck_assert_ptr_nonnull(strstr(text, "Recovery Timeout: -1\n"));
	ck_assert_ptr_nonnull(strstr(text, "LUN Reset Timeout: <empty>\n"));
	ck_assert_ptr_nonnull(strstr(text, "Abort Timeout: <empty>\n"));
	s.state[0] = '\0';
	show_session_tree(out, &s, &s, "", SHOW_STATE | SHOW_NEGOTIATED, &unknown);
	fflush(out);
	ck_assert_ptr_nonnull(strstr(text, "Connection State: Unknown\n"));
	ck_assert_ptr_nonnull(strstr(text, "iSCSI Session State: Unknown\n"));
	ck_assert_ptr_nonnull(strstr(text, "iscsid Session State: Unknown\n"));
	/* What the kernel doesn't report isn't there. */
	ck_assert_ptr_null(strstr(text, "HeaderDigest"));
	ck_assert_ptr_null(strstr(text, "MaxRecvDataSegmentLength"));
	ck_assert_ptr_nonnull(strstr(text, "DataDigest: CRC32C\n"));
	ck_assert_ptr_nonnull(strstr(text, "InitialR2T: No\n"));
}
END_TEST

START_TEST(luns)
{
	static const struct sysfs_lun list[] = {
		{ 0, 0, 0, 0, "", "running" },
		{ 0, 0, 0, 1, "sda", "running" },
		{ 12, 0, 3, 16640, "sdb", "transport-offline" },
	};
	/* What counts is the first letter. */
	static const struct sysfs_lun brief[] = { { 0, 0, 0, 0, "s", "r" }, { 0, 1, 0, 0, "\0s", "" } };

	show_session_luns(out, "", 0, "running", list, 3);
	printed("\t\t************************\n\t\tAttached SCSI devices:\n"
		"\t\t************************\n\t\tHost Number: 0\tState: running\n"
		"\t\tscsi0 Channel 00 Id 0 Lun: 0\n"
		"\t\tscsi0 Channel 00 Id 0 Lun: 1\n"
		"\t\t\tAttached scsi disk sda\t\tState: running\n"
		"\t\tscsi12 Channel 00 Id 3 Lun: 16640\n"
		"\t\t\tAttached scsi disk sdb\t\tState: transport-offline\n");
	show_session_luns(out, "\t", 0, NULL, list, 1);
	printed("\t\t\t************************\n\t\t\tAttached SCSI devices:\n"
		"\t\t\t************************\n\t\t\tscsi0 Channel 00 Id 0 Lun: 0\n");
	show_session_luns(out, "", 3, "r", brief, 2);
	printed("\t\t************************\n\t\tAttached SCSI devices:\n"
		"\t\t************************\n\t\tHost Number: 3\tState: r\n"
		"\t\tscsi0 Channel 00 Id 0 Lun: 0\n\t\t\tAttached scsi disk s\t\tState: r\n"
		"\t\tscsi0 Channel 01 Id 0 Lun: 0\n");
	show_session_luns(out, "", 3, "\0r", NULL, 0);
	printed("\t\t************************\n\t\tAttached SCSI devices:\n"
		"\t\t************************\n\t\tHost Number: 3\tState: unknown\n");
	show_versions(out, "2.0-870");
	printed("iSCSI Transport Class version 2.0-870\nversion " ISCSI_VERSION "\n");
}
END_TEST

START_TEST(outages)
{
	struct show_daemon_state state = {
		.down = true, .since = 86400,
		.outage = { 1500, 3, ISCSI_ERR_TRANS, { "refused \x1b[1m" }, 1400, 90000 },
	};

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	show_session_outage(out, "\t", &state);
	printed("\t\t\tDown Since: 1970-01-02 00:00:00\n\t\t\tFailed Attempts: 3\n"
		"\t\t\tLast Failure: refused \\x1b[1m (4 - encountered connection failure)\n"
		"\t\t\tNext Attempt: in 2 s\n\t\t\tI/O Fails: in 90 s\n");
	state.since = 0;
	state.outage.next_attempt_ms = 0;
	state.outage.fails_ms = SESSION_OUTAGE_NEVER;
	show_session_outage(out, "", &state);
	printed("\t\tDown Since: Unknown\n\t\tFailed Attempts: 3\n"
		"\t\tLast Failure: refused \\x1b[1m (4 - encountered connection failure)\n"
		"\t\tNext Attempt: under way\n\t\tI/O Fails: never\n");
}
END_TEST

START_TEST(hosts)
{
	struct sysfs_host host = {
		.host_no = 3, .transport = "tcp", .state = "running", .ipaddress = "127.0.0.1",
	};

	show_host_line(out, &host);
	strcpy(host.ipaddress, "::1");
	strcpy(host.netdev, "lo");
	strcpy(host.hwaddress, "00:11:22:33:44:55");
	strcpy(host.initiator, "iqn.x:y");
	show_host_line(out, &host);
	printed("tcp: [3] 127.0.0.1,[<empty>],<empty> <empty>\n"
		"tcp: [3] [::1],[00:11:22:33:44:55],lo iqn.x:y\n");
	show_host_tree(out, &host);
	printed("Host Number: 3\n\tState: running\n\tTransport: tcp\n\tInitiatorname: iqn.x:y\n"
		"\tIPaddress: [::1]\n\tHWaddress: 00:11:22:33:44:55\n\tNetdev: lo\n");
}
END_TEST

START_TEST(unreadable_records)
{
	char first[] = "/db/nodes/a is empty", second[] = "/db/ifaces/b isn't a record";
	char *const list[] = { first, second };

	show_unreadable(out, "Unreadable", list, 0);
	printed("");
	show_unreadable(out, "Unreadable", list, 2);
	printed("Unreadable:\n\t/db/nodes/a is empty\n\t/db/ifaces/b isn't a record\n");
}
END_TEST

/* ---- bytes from outside ----------------------------------------------------------------- */

#define HOSTILE "a\033[2J\n\t\xe2\x80\xae\xff"
#define HARMLESS "a\\x1b[2J\\n\\t\\xe2\\x80\\xae\\xff"

/* Nothing but printable ASCII and the tabs and line feeds of the format was printed. */
static void printed_harmless(int values, int lines)
{
	int seen = 0;

	(void)fflush(out);
	for (const char *p = text; *p; p++) {
		ck_assert_msg((*p >= ' ' && *p <= '~') || *p == '\n' || *p == '\t', "%s", text);
		lines -= *p == '\n';
	}
	for (const char *p = text; (p = strstr(p, HARMLESS)); p++)
		seen++;
	ck_assert_msg(seen == values && lines == 0, "%d values, %d lines less: %s", seen, lines,
		      text);
	(void)fclose(out);
	free(text);
	setup();
}

START_TEST(hostile_sessions)
{
	struct sysfs_session s = { .sid = 1, .creator = 1 };
	struct sysfs_host host = { .host_no = 1 };
	struct sysfs_lun lun = { .lun = 1 };
	char *const texts[] = {
		s.target, s.transport, s.persistent_address, s.address, s.iface, s.initiator,
		s.ipaddress, s.hwaddress, s.netdev, s.state, s.username, s.password, s.username_in,
		s.password_in, host.transport, host.state, host.ipaddress, host.hwaddress,
		host.netdev, host.initiator, lun.block, lun.state,
	};
	char what[768];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		strcpy(texts[i], HOSTILE);
	show_session_line(out, &s);
	printed_harmless(3, 1);
	show_session_tree(out, &s, NULL, "\t",
			  SHOW_IFACE | SHOW_STATE | SHOW_CHAP | SHOW_SECRETS, &up);
	printed_harmless(3 + 6 + 1 + 4, 3 + 9 + 4 + 7);
	show_session_luns(out, "", 1, HOSTILE, &lun, 1);
	printed_harmless(3, 6);
	show_stats_counter(out, HOSTILE, 1);
	printed_harmless(1, 1);
	show_format_session(what, sizeof(what), &s);
	print_to(out, "Logout of %s successful.\n", what);
	printed_harmless(2, 1);
	show_host_line(out, &host);
	printed_harmless(5, 1);
	show_host_tree(out, &host);
	printed_harmless(6, 7);
}
END_TEST

START_TEST(hostile_records)
{
	char *const list[] = { (char *)HOSTILE };
	struct show_tree tree = { .any = false };
	struct iscsi_db_record *rec;

	/* A record takes no control characters, but others that act on who reads them. */
	ck_assert(!iscsi_db_record_new(ISCSI_DB_NODE, &rec));
	ck_assert(!iscsi_db_record_set(rec, "node.session.auth.username", "a\xe2\x80\xae\xff", NULL));
	ck_assert(!iscsi_db_record_set(rec, "node.session.auth.password", "\xe2\x81\xa6x", NULL));
	ck_assert(!show_record(out, rec, true));
	(void)fflush(out);
	ck_assert_ptr_nonnull(strstr(text, ".username = a\\xe2\\x80\\xae\\xff\n"));
	ck_assert_ptr_nonnull(strstr(text, ".password = \\xe2\\x81\\xa6x\n"));
	(void)fclose(out);
	free(text);
	setup();
	iscsi_db_record_free(rec);

	show_target_line(out, HOSTILE, HOSTILE, 3260, 1);
	printed_harmless(2, 1);
	show_tree_node(out, &tree, true, HOSTILE, HOSTILE, 3260, 1, HOSTILE);
	printed_harmless(3, 3);
	show_unreadable(out, "Unreadable", list, 1);
	printed_harmless(1, 2);
}
END_TEST

START_TEST(lines_are_escaped_one_by_one)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "", "" },
		{ "a = 1\nb = 2\n", "a = 1\nb = 2\n" },
		{ "\n\n", "\n\n" },
		{ "a = \x1b\nb = 2\n\nc = \x7f\n", "a = \\x1b\nb = 2\n\nc = \\x7f\n" },
		{ "a\n\n\x01\n", "a\n\n\\x01\n" },
		{ "a\tb\n", "a\\tb\n" },
		{ "\t\t\n", "\t\t\n" },
		{ "\xff\n", "\\xff\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *lines = strdup(rows[i].text);

		print_lines(out, lines);
		printed(rows[i].printed);
		ck_assert_str_eq(lines, rows[i].text);
	}
}
END_TEST

START_TEST(numbers_of_every_length)
{
	print_to(out, "%d %u %ld %lu %lld %llu %s.", -1, 4294967295u, -5L, 5ul, -(1LL << 40),
		 1ULL << 63, "x\x1b");
	printed("-1 4294967295 -5 5 -1099511627776 9223372036854775808 x\\x1b.");
}
END_TEST

START_TEST(states_have_the_words_of_open_iscsi)
{
	static const char *const conn[] = {
		[MGMT_CONN_FREE] = "FREE", [MGMT_CONN_XPT_WAIT] = "TRANSPORT WAIT",
		[MGMT_CONN_IN_LOGIN] = "IN LOGIN", [MGMT_CONN_LOGGED_IN] = "LOGGED IN",
		[MGMT_CONN_IN_LOGOUT] = "IN LOGOUT",
		[MGMT_CONN_LOGOUT_REQUESTED] = "LOGOUT REQUESTED",
		[MGMT_CONN_CLEANUP_WAIT] = "CLEANUP WAIT", [MGMT_CONN_UNKNOWN] = "Unknown",
	};
	static const char *const recovery[] = {
		[MGMT_RECOVERY_NO_CHANGE] = "NO CHANGE", [MGMT_RECOVERY_CLEANUP] = "CLEANUP",
		[MGMT_RECOVERY_REOPEN] = "REOPEN", [MGMT_RECOVERY_REDIRECT] = "REDIRECT",
		[MGMT_RECOVERY_UNKNOWN] = "Unknown",
	};

	for (size_t i = 0; i < ARRAY_SIZE(conn); i++)
		ck_assert_str_eq(mgmt_conn_text((unsigned int)i), conn[i]);
	for (size_t i = 0; i < ARRAY_SIZE(recovery); i++)
		ck_assert_str_eq(show_recovery((enum mgmt_recovery)i), recovery[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("show");
	TCase *t = tcase_create("show");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);	/* for a busy machine */
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, node_lines, 0, (int)ARRAY_SIZE(nodes));
	tcase_add_test(t, target_lines);
	tcase_add_test(t, lines_are_escaped_one_by_one);
	tcase_add_test(t, numbers_of_every_length);
	tcase_add_test(t, states_have_the_words_of_open_iscsi);
	tcase_add_test(t, trees_of_nodes);
	tcase_add_test(t, records_hide_their_secrets);
	tcase_add_test(t, iface_lines);
	tcase_add_test(t, session_lines);
	tcase_add_test(t, session_in_words);
	tcase_add_test(t, session_trees);
	tcase_add_test(t, sessions_share_their_head);
	tcase_add_test(t, session_that_is_down);
	tcase_add_test(t, luns);
	tcase_add_test(t, unreadable_records);
	tcase_add_test(t, hostile_sessions);
	tcase_add_test(t, hostile_records);
	tcase_add_test(t, outages);
	tcase_add_test(t, hosts);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
