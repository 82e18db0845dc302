/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of iscsiadm's output. They are open-iscsi's, oddities included: brackets around each
 * address without a dot, a masked password where there is no password, two labels for one value.
 */
#include "iscsiadm/show.h"

#include <inttypes.h>

#include "iscsiadm/firmware.h"
#include "iscsiadm/print.h"
#include "libiscsi-db/util.h"

#define EMPTY	"<empty>"
#define MASKED	"********"

static const char *or_empty(const char *text)
{
	return text && text[0] ? text : EMPTY;
}

void show_address(FILE *out, const char *address, int port, int tpgt)
{
	bool brackets = iscsi_db_address_in_brackets(address);

	print_to(out, "%s%s%s:%d,%d", brackets ? "[" : "", address, brackets ? "]" : "", port,
		tpgt);
}

/* ---- nodes and discoveries ------------------------------------------------------------- */

void show_node_line(FILE *out, const struct iscsi_db_record *node)
{
	show_target_line(out, iscsi_db_record_get(node, "node.name"),
			 iscsi_db_record_get(node, "node.conn[0].address"),
			 iscsi_db_record_get_int(node, "node.conn[0].port"),
			 (uint16_t)iscsi_db_record_get_int(node, "node.tpgt"));
}

void show_target_line(FILE *out, const char *target, const char *address, int port, int tpgt)
{
	show_address(out, address, port, tpgt);
	print_to(out, " %s\n", target);
}

void show_tree_node(FILE *out, struct show_tree *tree, bool collapse, const char *target,
		    const char *address, int port, int tpgt, const char *iface)
{
	bool same_target = tree->any && streq(tree->target, target);
	bool same_portal = same_target && streq(tree->address, address) &&
			   tree->port == port && tree->tpgt == tpgt;

	if (!same_target)
		print_to(out, "Target: %s\n", target);
	if (!same_portal || !collapse) {
		fputs("\tPortal: ", out);
		show_address(out, address, port, tpgt);
		fputc('\n', out);
	}
	print_to(out, "\t\tIface Name: %s\n", iface);

	tree->any = true;
	(void)snprintf(tree->target, sizeof(tree->target), "%s", target);
	(void)snprintf(tree->address, sizeof(tree->address), "%s", address);
	tree->port = port;
	tree->tpgt = tpgt;
}

void show_tree_record(FILE *out, struct show_tree *tree, bool collapse,
		      const struct iscsi_db_record *node)
{
	show_tree_node(out, tree, collapse, iscsi_db_record_get(node, "node.name"),
		       iscsi_db_record_get(node, "node.conn[0].address"),
		       iscsi_db_record_get_int(node, "node.conn[0].port"),
		       iscsi_db_record_get_int(node, "node.tpgt"),
		       iscsi_db_record_get(node, "iface.iscsi_ifacename"));
}

void show_unreadable(FILE *out, const char *title, char *const *list, size_t len)
{
	if (len)
		print_to(out, "%s:\n", title);
	for (size_t i = 0; i < len; i++)
		print_to(out, "\t%s\n", list[i]);
}

enum iscsi_err show_record(FILE *out, const struct iscsi_db_record *rec, bool secrets)
{
	CLEANUP(secret_freep) char *text = iscsi_db_record_print(rec, secrets ?
				ISCSI_DB_FORM_SHOW_SECRETS : ISCSI_DB_FORM_SHOW);

	if (!text)
		return ISCSI_ERR_NOMEM;
	print_lines(out, text);
	return ISCSI_SUCCESS;
}

void show_iface_line(FILE *out, const struct iscsi_db_record *iface)
{
	print_to(out, "%s %s,%s,%s,%s,%s\n",
		or_empty(iscsi_db_record_get(iface, "iface.iscsi_ifacename")),
		or_empty(iscsi_db_record_get(iface, "iface.transport_name")),
		or_empty(iscsi_db_record_get(iface, "iface.hwaddress")),
		or_empty(iscsi_db_record_get(iface, "iface.ipaddress")),
		or_empty(iscsi_db_record_get(iface, "iface.net_ifacename")),
		or_empty(iscsi_db_record_get(iface, "iface.initiatorname")));
}

/* ---- logins, logouts ------------------------------------------------------------------- */

void show_format_node(char *ret, size_t size, const struct iscsi_db_record *node)
{
	(void)snprintf(ret, size, "[iface: %s, target: %s, portal: %s,%s]",
		       iscsi_db_record_get(node, "iface.iscsi_ifacename"),
		       iscsi_db_record_get(node, "node.name"),
		       iscsi_db_record_get(node, "node.conn[0].address"),
		       iscsi_db_record_get(node, "node.conn[0].port"));
}

void show_format_whole_node(char *ret, size_t size, const struct iscsi_db_record *node)
{
	(void)snprintf(ret, size, "[%s:[hw=%s,ip=%s,net_if=%s,iscsi_if=%s] %s,%s,%s %s]",
		       iscsi_db_record_get(node, "iface.transport_name"),
		       iscsi_db_record_get(node, "iface.hwaddress"),
		       iscsi_db_record_get(node, "iface.ipaddress"),
		       iscsi_db_record_get(node, "iface.net_ifacename"),
		       iscsi_db_record_get(node, "iface.iscsi_ifacename"),
		       iscsi_db_record_get(node, "node.conn[0].address"),
		       iscsi_db_record_get(node, "node.conn[0].port"),
		       iscsi_db_record_get(node, "node.tpgt"),
		       iscsi_db_record_get(node, "node.name"));
}

void show_format_session(char *ret, size_t size, const struct sysfs_session *session)
{
	char text[SHOW_NODE_MAX];

	(void)snprintf(text, sizeof(text), "[sid: %u, target: %s, portal: %s,%d]", session->sid,
		       session->target, session->persistent_address,
		       session->port >= 0 ? session->port : session->persistent_port);
	text_escape(text, ret, size);
}

/* ---- sessions -------------------------------------------------------------------------- */

/* A session without a creator comes from the flash memory of a card: the kernel made it. */
static const char *session_type(const struct sysfs_session *session)
{
	return session->creator == -1 ? "flash" : "non-flash";
}

static int or_minus_one(int n)
{
	return n == SYSFS_UNSET ? -1 : n;
}

void show_stats_session(FILE *out, const struct sysfs_session *session)
{
	char what[SHOW_NODE_MAX];

	show_format_session(what, sizeof(what), session);
	print_to(out, "Stats for session %s\n", what);
}

void show_stats_heading(FILE *out, bool custom)
{
	fputs(custom ? "iSCSI Extended:\n" : "iSCSI SNMP:\n", out);
}

void show_stats_counter(FILE *out, const char *name, uint64_t value)
{
	print_to(out, "\t%s: %" PRIu64 "\n", name, value);
}

void show_session_line(FILE *out, const struct sysfs_session *session)
{
	print_to(out, "%s: [%u] ", or_empty(session->transport), session->sid);
	show_address(out, session->persistent_address, or_minus_one(session->persistent_port),
		     or_minus_one(session->tpgt));
	print_to(out, " %s (%s)\n", session->target, session_type(session));
}

void show_versions(FILE *out, const char *class_version)
{
	print_to(out, "iSCSI Transport Class version %s\nversion %s\n", class_version,
		iscsi_db_version());
}

static void put_title(FILE *out, const char *indent, const char *stars, const char *title)
{
	print_to(out, "%s\t\t%s\n%s\t\t%s\n%s\t\t%s\n", indent, stars, indent, title, indent,
		stars);
}

const char *show_recovery(enum mgmt_recovery recovery)
{
	static const char *const texts[] = {
		[MGMT_RECOVERY_NO_CHANGE] = "NO CHANGE", [MGMT_RECOVERY_CLEANUP] = "CLEANUP",
		[MGMT_RECOVERY_REOPEN] = "REOPEN", [MGMT_RECOVERY_REDIRECT] = "REDIRECT",
		[MGMT_RECOVERY_UNKNOWN] = "Unknown",
	};

	return texts[MIN((unsigned int)recovery, (unsigned int)MGMT_RECOVERY_UNKNOWN)];
}

/* A binding that isn't set reads "default" for a software session, "<empty>" for a card. */
static const char *binding_text(const struct sysfs_session *s, const char *value)
{
	if (value[0])
		return value;
	return streq(s->transport, "tcp") || streq(s->transport, "iser") ? "default" : EMPTY;
}

static void put_iface(FILE *out, const char *indent, const struct sysfs_session *s)
{
	const char *ip = binding_text(s, s->ipaddress);
	bool brackets = iscsi_db_address_in_brackets(ip) && !streq(ip, EMPTY);

	put_title(out, indent, "**********", "Interface:");
	print_to(out, "%s\t\tIface Name: %s\n", indent, s->iface[0] ? s->iface : "default");
	print_to(out, "%s\t\tIface Transport: %s\n", indent, or_empty(s->transport));
	print_to(out, "%s\t\tIface Initiatorname: %s\n", indent, or_empty(s->initiator));
	print_to(out, "%s\t\tIface IPaddress: %s%s%s\n", indent, brackets ? "[" : "", ip,
		brackets ? "]" : "");
	print_to(out, "%s\t\tIface HWaddress: %s\n", indent, binding_text(s, s->hwaddress));
	print_to(out, "%s\t\tIface Netdev: %s\n", indent, binding_text(s, s->netdev));
}

static void put_state(FILE *out, const char *indent, const struct sysfs_session *s,
		      const struct show_daemon_state *state)
{
	print_to(out, "%s\t\tSID: %u\n", indent, s->sid);
	print_to(out, "%s\t\tiSCSI Connection State: %s\n", indent, mgmt_conn_text(state->conn));
	print_to(out, "%s\t\tiSCSI Session State: %s\n", indent,
		s->state[0] ? s->state : "Unknown");
	print_to(out, "%s\t\tInternal iscsid Session State: %s\n", indent,
		show_recovery(state->recovery));
}

static void put_timeout(FILE *out, const char *indent, const char *label, int value, int least)
{
	if (value >= least)
		print_to(out, "%s\t\t%s: %d\n", indent, label, value);
	else
		print_to(out, "%s\t\t%s: " EMPTY "\n", indent, label);
}

static void put_timeouts(FILE *out, const char *indent, const struct sysfs_session *s)
{
	put_title(out, indent, "*********", "Timeouts:");
	put_timeout(out, indent, "Recovery Timeout", s->recovery_tmo, -1);
	put_timeout(out, indent, "Target Reset Timeout", s->tgt_reset_tmo, 0);
	put_timeout(out, indent, "LUN Reset Timeout", s->lu_reset_tmo, 0);
	put_timeout(out, indent, "Abort Timeout", s->abort_tmo, 0);
}

/* With secrets, open-iscsi gives the second password the label of the first. */
static void put_chap(FILE *out, const char *indent, const struct sysfs_session *s, bool secrets)
{
	put_title(out, indent, "*****", "CHAP:");
	print_to(out, "%s\t\tusername: %s\n", indent, or_empty(s->username));
	print_to(out, "%s\t\tpassword: %s\n", indent, secrets ? or_empty(s->password) : MASKED);
	print_to(out, "%s\t\tusername_in: %s\n", indent, or_empty(s->username_in));
	if (secrets)
		print_to(out, "%s\t\tpassword: %s\n", indent, or_empty(s->password_in));
	else
		print_to(out, "%s\t\tpassword_in: " MASKED "\n", indent);
}

static void put_param(FILE *out, const char *indent, const char *label, int value)
{
	if (value != SYSFS_UNSET)
		print_to(out, "%s\t\t%s: %d\n", indent, label, value);
}

static void put_word(FILE *out, const char *indent, const char *label, int value,
		     const char *yes, const char *no)
{
	if (value != SYSFS_UNSET)
		print_to(out, "%s\t\t%s: %s\n", indent, label, value ? yes : no);
}

static void put_negotiated(FILE *out, const char *indent, const struct sysfs_session *s)
{
	put_title(out, indent, "************************", "Negotiated iSCSI params:");
	put_word(out, indent, "HeaderDigest", s->header_digest, "CRC32C", "None");
	put_word(out, indent, "DataDigest", s->data_digest, "CRC32C", "None");
	put_param(out, indent, "MaxRecvDataSegmentLength", s->max_recv_dlength);
	put_param(out, indent, "MaxXmitDataSegmentLength", s->max_xmit_dlength);
	put_param(out, indent, "FirstBurstLength", s->first_burst_len);
	put_param(out, indent, "MaxBurstLength", s->max_burst_len);
	put_word(out, indent, "ImmediateData", s->immediate_data, "Yes", "No");
	put_word(out, indent, "InitialR2T", s->initial_r2t, "Yes", "No");
	put_param(out, indent, "MaxOutstandingR2T", s->max_outstanding_r2t);
}

/* A connection that is down has no current portal; the persistent portal stands for it. */
static const char *current_address(const struct sysfs_session *s)
{
	return s->address[0] ? s->address : s->persistent_address;
}

static int current_port(const struct sysfs_session *s)
{
	return or_minus_one(s->port != SYSFS_UNSET ? s->port : s->persistent_port);
}

static void put_portals(FILE *out, const char *indent, const struct sysfs_session *s)
{
	int tpgt = or_minus_one(s->tpgt);

	print_to(out, "%s\tCurrent Portal: ", indent);
	show_address(out, current_address(s), current_port(s), tpgt);
	print_to(out, "\n%s\tPersistent Portal: ", indent);
	show_address(out, s->persistent_address, or_minus_one(s->persistent_port), tpgt);
	fputc('\n', out);
}

void show_session_tree(FILE *out, const struct sysfs_session *session,
		       const struct sysfs_session *previous, const char *indent,
		       unsigned int parts, const struct show_daemon_state *state)
{
	bool same_target = previous && streq(previous->target, session->target);

	if (!same_target)
		print_to(out, "%sTarget: %s (%s)\n", indent, session->target, session_type(session));
	if (same_target && streq(current_address(previous), current_address(session)) &&
	    current_port(previous) == current_port(session))
		fputc('\n', out);
	else
		put_portals(out, indent, session);

	if (parts & SHOW_IFACE)
		put_iface(out, indent, session);
	if (parts & SHOW_STATE)
		put_state(out, indent, session, state);
	if (parts & SHOW_TIMEOUTS)
		put_timeouts(out, indent, session);
	if (parts & SHOW_CHAP)
		put_chap(out, indent, session, parts & SHOW_SECRETS);
	if (parts & SHOW_NEGOTIATED)
		put_negotiated(out, indent, session);
}

/* A time from now on; 0 is @now. */
static void put_in(FILE *out, const char *indent, const char *label, int64_t ms, const char *now)
{
	print_to(out, "%s\t\t%s: ", indent, label);
	if (ms > 0)
		print_to(out, "in %" PRId64 " s\n", (ms + 999) / 1000);
	else
		print_to(out, "%s\n", ms == 0			    ? now :
				       ms == SESSION_OUTAGE_NEVER ? "never" : "Unknown");
}

void show_session_outage(FILE *out, const char *indent, const struct show_daemon_state *state)
{
	const struct session_outage *o = &state->outage;
	char since[64] = "Unknown";
	struct tm tm;

	if (state->since && localtime_r(&state->since, &tm))
		(void)strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &tm);
	print_to(out, "%s\t\tDown Since: %s\n", indent, since);
	print_to(out, "%s\t\tFailed Attempts: %" PRIu32 "\n", indent, o->attempts);
	print_to(out, "%s\t\tLast Failure: %s (%d - %s)\n", indent, o->reason.text,
		 (int)o->code, iscsi_db_err_text(o->code));
	put_in(out, indent, "Next Attempt", o->next_attempt_ms, "under way");
	put_in(out, indent, "I/O Fails", o->fails_ms, "now");
}

void show_session_luns(FILE *out, const char *indent, int host_no, const char *host_state,
		       const struct sysfs_lun *luns, size_t len)
{
	put_title(out, indent, "************************", "Attached SCSI devices:");
	if (host_state)
		print_to(out, "%s\t\tHost Number: %d\tState: %s\n", indent, host_no,
			host_state[0] ? host_state : "unknown");
	for (size_t i = 0; i < len; i++) {
		print_to(out, "%s\t\tscsi%d Channel %02d Id %d Lun: %" PRIu64 "\n", indent,
			luns[i].host_no, luns[i].channel, luns[i].target_id, luns[i].lun);
		if (luns[i].block[0])
			print_to(out, "%s\t\t\tAttached scsi disk %s\t\tState: %s\n", indent,
				luns[i].block, luns[i].state);
	}
}

/* ---- firmware -------------------------------------------------------------------------- */

static void put_setting(FILE *out, const char *key, const char *value)
{
	if (value[0])
		print_to(out, "%s = %s\n", key, value);
}

void show_firmware_target(FILE *out, const struct firmware_target *t)
{
	print_to(out, "# BEGIN RECORD %s\n", iscsi_db_version());
	put_setting(out, "iface.initiatorname", t->initiator);
	put_setting(out, "iface.transport_name", t->transport);
	put_setting(out, "iface.hwaddress", t->hwaddress);
	put_setting(out, "iface.bootproto", t->dhcp ? "DHCP" : "STATIC");
	put_setting(out, "iface.ipaddress", t->ipaddress);
	put_setting(out, "iface.prefix_len", t->prefix_len);
	put_setting(out, "iface.subnet_mask", t->subnet_mask);
	put_setting(out, "iface.gateway", t->gateway);
	put_setting(out, "iface.primary_dns", t->primary_dns);
	put_setting(out, "iface.secondary_dns", t->secondary_dns);
	put_setting(out, "iface.vlan_id", t->vlan);
	put_setting(out, "iface.net_ifacename", t->netdev);
	put_setting(out, "node.name", t->target);
	put_setting(out, "node.conn[0].address", t->address);
	print_to(out, "node.conn[0].port = %d\n", t->port);
	put_setting(out, "node.session.auth.username", t->username);
	put_setting(out, "node.session.auth.password", t->password);
	put_setting(out, "node.session.auth.username_in", t->username_in);
	put_setting(out, "node.session.auth.password_in", t->password_in);
	put_setting(out, "node.boot_lun", t->lun);
	fputs("# END RECORD\n", out);
}

/* ---- hosts ----------------------------------------------------------------------------- */

/* Unlike show_address(), this puts brackets around IPv6 addresses alone. */
static void put_host_address(FILE *out, const char *address)
{
	if (strchr(address, ':'))
		print_to(out, "[%s]", address);
	else
		print_to(out, "%s", or_empty(address));
}

void show_host_line(FILE *out, const struct sysfs_host *host)
{
	print_to(out, "%s: [%d] ", or_empty(host->transport), host->host_no);
	put_host_address(out, host->ipaddress);
	print_to(out, ",[%s],%s %s\n", or_empty(host->hwaddress), or_empty(host->netdev),
		or_empty(host->initiator));
}

void show_host_tree(FILE *out, const struct sysfs_host *host)
{
	print_to(out, "Host Number: %d\n\tState: %s\n\tTransport: %s\n", host->host_no,
		host->state[0] ? host->state : "unknown", or_empty(host->transport));
	print_to(out, "\tInitiatorname: %s\n\tIPaddress: ", or_empty(host->initiator));
	put_host_address(out, host->ipaddress);
	print_to(out, "\n\tHWaddress: %s\n\tNetdev: %s\n", or_empty(host->hwaddress),
		or_empty(host->netdev));
}

void show_host_sessions(FILE *out)
{
	fputs("\t*********\n\tSessions:\n\t*********\n", out);
}
