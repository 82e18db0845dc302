/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table of settings. A row holds the name, the type, the range and the default of a
 * setting, and says who may see and change the setting and where the setting stands in files and
 * listings. Records, iscsid.conf and updates all go by these rows.
 */
#include "libiscsi-db/setting.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "libiscsi-db/address.h"

static const char *const startup_words[] = { "manual", "automatic", "onboot", NULL };
static const char *const disc_startup_words[] = { "manual", "automatic", NULL };
static const char *const yes_words[] = { "No", "Yes", NULL };
static const char *const auth_words[] = { "None", "CHAP", NULL };
static const char *const scan_words[] = { "manual", "auto", NULL };
static const char *const digest_words[] = { "None", "CRC32C", "CRC32C,None", "None,CRC32C", NULL };
static const char *const chap_words[] = { "MD5", "SHA1", "SHA256", "SHA3-256", NULL };
/* open-iscsi up to 2.1.8 reads the word "slp", which no release writes. A record may keep the word. */
static const char *const node_type_words[] = { "send_targets", "isns", "offload_send_targets",
					       "static", "fw", "slp", NULL };
static const char *const type_words[] = { "sendtargets", "isns", "offload_send_targets", "static",
					  "fw", "slp", NULL };

#define TEXTS(n, d)		.name = (n), .name_len = sizeof(n) - 1, \
				.def = (d), .def_len = sizeof(d) - 1, .line = n " = " d "\n"
#define STR(n, size, d, f)	{ TEXTS(n, d), .type = SETTING_STR, .max = (size), .flags = (f) }
#define WORD(n, w, d, f)	{ TEXTS(n, d), .type = SETTING_ENUM, .words = (w), .flags = (f) }
#define LIST(n, w, d, f)	{ TEXTS(n, d), .type = SETTING_LIST, .words = (w), .flags = (f) }
/* The arguments are the hard range, the part of that range which makes sense, and the default. */
#define NUM_OF(n, lo, hi, good_lo, good_hi, d, ...) \
	{ TEXTS(n, d), .type = SETTING_NUMBER, .low = (lo), .high = (hi), \
	  .good_low = (good_lo), .good_high = (good_hi), __VA_ARGS__ }
#define NUM(n, lo, hi, d, ...)	NUM_OF(n, lo, hi, lo, hi, d, __VA_ARGS__)
#define FLAGS(f)		.flags = (f)
#define NOTE(text)		.note = (text)
#define UINT(n, top, f)		NUM(n, 0, top, "0", FLAGS(f))
/*
 * Any number is taken for a port and a portal group tag, so that a record with an odd number in
 * its text can still be listed and deleted.
 */
#define PORT(n, d)		NUM_OF(n, INT_MIN, INT_MAX, 1, ISCSI_PORT_MAX, d, FLAGS(SETTING_KEY))

#define LENGTH(n)		NUM(n, 0, INT_MAX, "0", FLAGS(SETTING_HIDDEN))

#define TIMEOUT_MAX	86400	/* seconds; a day */
#define RETRIES_MAX	INT_MAX
#define DATA_MIN	512	/* bytes of a PDU or a burst: RFC 7143, 13.12 to 13.14 */
#define DATA_MAX	16777215
/* The kernel keeps this time in an int, as ticks of which there are up to 1000 in a second. */
#define RECOVERY_MAX	(INT_MAX / 1000)
/* Of the commands of a session the kernel keeps 15 for itself, and never takes more than 4096. */
#define COMMANDS_MIN	16
#define COMMANDS_MAX	4096
#define NO_LIMIT	NOTE("0: there is no limit")
#define NO_PING		NOTE("0: idle connections aren't tested")

/* The rows stand in the order of listings. Each kind of record is a run of rows; see kinds[]. */
static const struct setting table[] = {
	/* a node: head */
	STR("node.name", 254, "", SETTING_KEY),
	NUM_OF("node.tpgt", INT_MIN, INT_MAX, ISCSI_TPGT_UNKNOWN, ISCSI_TPGT_MAX, "-1",
	       FLAGS(SETTING_KEY)),
	WORD("node.startup", startup_words, "manual", 0),
	WORD("node.leading_login", yes_words, "No", 0),
	/* a node, and an interface alone */
	STR("iface.iscsi_ifacename", 64, "default", SETTING_KEY),
	STR("iface.net_ifacename", 15, "", SETTING_BINDING),
	STR("iface.ipaddress", 255, "", SETTING_BINDING),
	UINT("iface.prefix_len", UINT8_MAX, 0),
	STR("iface.hwaddress", 17, "", SETTING_BINDING),
	STR("iface.transport_name", 15, "tcp", 0),
	STR("iface.initiatorname", 255, "", 0),
	STR("iface.state", 79, "", 0),
	UINT("iface.vlan_id", UINT16_MAX, 0),
	UINT("iface.vlan_priority", UINT8_MAX, 0),
	STR("iface.vlan_state", 79, "", 0),
	NUM("iface.iface_num", 0, INT_MAX, "0"),
	UINT("iface.mtu", UINT16_MAX, 0),
	UINT("iface.port", UINT16_MAX, 0),
	STR("iface.bootproto", 79, "", SETTING_V4),
	STR("iface.subnet_mask", 255, "", SETTING_V4),
	STR("iface.gateway", 255, "", SETTING_V4),
	STR("iface.dhcp_alt_client_id_state", 79, "", SETTING_V4),
	STR("iface.dhcp_alt_client_id", 79, "", SETTING_V4),
	STR("iface.dhcp_dns", 79, "", SETTING_V4),
	STR("iface.dhcp_learn_iqn", 79, "", SETTING_V4),
	STR("iface.dhcp_req_vendor_id_state", 79, "", SETTING_V4),
	STR("iface.dhcp_vendor_id_state", 79, "", SETTING_V4),
	STR("iface.dhcp_vendor_id", 79, "", SETTING_V4),
	STR("iface.dhcp_slp_da", 79, "", SETTING_V4),
	STR("iface.fragmentation", 79, "", SETTING_V4),
	STR("iface.gratuitous_arp", 79, "", SETTING_V4),
	STR("iface.incoming_forwarding", 79, "", SETTING_V4),
	STR("iface.tos_state", 79, "", SETTING_V4),
	UINT("iface.tos", UINT8_MAX, SETTING_V4),
	UINT("iface.ttl", UINT8_MAX, SETTING_V4),
	STR("iface.ipv6_autocfg", 255, "", SETTING_V6),
	STR("iface.linklocal_autocfg", 255, "", SETTING_V6),
	STR("iface.router_autocfg", 255, "", SETTING_V6),
	STR("iface.ipv6_linklocal", 255, "", SETTING_V6),
	STR("iface.ipv6_router", 255, "", SETTING_V6),
	UINT("iface.dup_addr_detect_cnt", UINT8_MAX, SETTING_V6),
	UINT("iface.flow_label", UINT32_MAX, SETTING_V6),
	STR("iface.gratuitous_neighbor_adv", 79, "", SETTING_V6),
	UINT("iface.hop_limit", UINT8_MAX, SETTING_V6),
	STR("iface.mld", 79, "", SETTING_V6),
	UINT("iface.nd_reachable_tmo", UINT32_MAX, SETTING_V6),
	UINT("iface.nd_rexmit_time", UINT32_MAX, SETTING_V6),
	UINT("iface.nd_stale_tmo", UINT32_MAX, SETTING_V6),
	UINT("iface.router_adv_link_mtu", UINT32_MAX, SETTING_V6),
	UINT("iface.traffic_class", UINT8_MAX, SETTING_V6),
	STR("iface.delayed_ack", 79, "", 0),
	STR("iface.tcp_nagle", 79, "", 0),
	STR("iface.tcp_wsf_state", 79, "", 0),
	UINT("iface.tcp_wsf", UINT8_MAX, 0),
	UINT("iface.tcp_timer_scale", UINT8_MAX, 0),
	STR("iface.tcp_timestamp", 79, "", 0),
	STR("iface.redirect", 79, "", 0),
	UINT("iface.def_task_mgmt_timeout", UINT16_MAX, 0),
	STR("iface.header_digest", 79, "", 0),
	STR("iface.data_digest", 79, "", 0),
	STR("iface.immediate_data", 79, "", 0),
	STR("iface.initial_r2t", 79, "", 0),
	STR("iface.data_seq_inorder", 79, "", 0),
	STR("iface.data_pdu_inorder", 79, "", 0),
	UINT("iface.erl", UINT8_MAX, 0),
	UINT("iface.max_receive_data_len", UINT32_MAX, 0),
	UINT("iface.first_burst_len", UINT32_MAX, 0),
	UINT("iface.max_outstanding_r2t", UINT16_MAX, 0),
	UINT("iface.max_burst_len", UINT32_MAX, 0),
	STR("iface.chap_auth", 79, "", 0),
	STR("iface.bidi_chap", 79, "", 0),
	STR("iface.strict_login_compliance", 79, "", 0),
	STR("iface.discovery_auth", 79, "", 0),
	STR("iface.discovery_logout", 79, "", 0),
	/* a node: where it was found, its session, its connection */
	STR("node.discovery_address", 255, "", SETTING_KEY),
	PORT("node.discovery_port", "0"),
	WORD("node.discovery_type", node_type_words, "static", SETTING_KEY),
	NUM("node.session.initial_cmdsn", INT_MIN, INT_MAX, "0"),
	NUM("node.session.initial_login_retry_max", 0, RETRIES_MAX, "4"),
	NUM("node.session.xmit_thread_priority", -20, 20, "0"),
	NUM("node.session.cmds_max", COMMANDS_MIN, COMMANDS_MAX, "128"),
	NUM_OF("node.session.queue_depth", 1, UINT16_MAX, 1, 1024, "32"),
	NUM_OF("node.session.nr_sessions", 1, UINT16_MAX, 1, 32, "1"),
	WORD("node.session.auth.authmethod", auth_words, "None", 0),
	STR("node.session.auth.username", 255, "", 0),
	STR("node.session.auth.password", 255, "", SETTING_SECRET),
	LENGTH("node.session.auth.password_length"),
	STR("node.session.auth.username_in", 255, "", 0),
	STR("node.session.auth.password_in", 255, "", SETTING_SECRET),
	LENGTH("node.session.auth.password_in_length"),
	LIST("node.session.auth.chap_algs", chap_words, "MD5", 0),
	NUM_OF("node.session.timeo.replacement_timeout", INT_MIN, RECOVERY_MAX, -1, TIMEOUT_MAX,
	       "120", NOTE("0: I/O fails at once; below 0: I/O waits for ever")),
	NUM("node.session.err_timeo.abort_timeout", 0, TIMEOUT_MAX, "15"),
	NUM("node.session.err_timeo.lu_reset_timeout", 0, TIMEOUT_MAX, "30"),
	NUM("node.session.err_timeo.tgt_reset_timeout", 0, TIMEOUT_MAX, "30"),
	NUM("node.session.err_timeo.host_reset_timeout", 0, TIMEOUT_MAX, "60"),
	WORD("node.session.iscsi.FastAbort", yes_words, "Yes", 0),
	WORD("node.session.iscsi.InitialR2T", yes_words, "No", 0),
	WORD("node.session.iscsi.ImmediateData", yes_words, "Yes", 0),
	NUM("node.session.iscsi.FirstBurstLength", DATA_MIN, DATA_MAX, "262144"),
	NUM("node.session.iscsi.MaxBurstLength", DATA_MIN, DATA_MAX, "16776192"),
	NUM("node.session.iscsi.DefaultTime2Retain", 0, 3600, "0"),
	NUM("node.session.iscsi.DefaultTime2Wait", 0, 3600, "2",
	    NOTE("2 is offered as 0, so that the target alone decides")),
	NUM("node.session.iscsi.MaxConnections", 1, 65535, "1"),
	NUM("node.session.iscsi.MaxOutstandingR2T", 1, 65535, "1"),
	NUM("node.session.iscsi.ERL", 0, 2, "0"),
	WORD("node.session.scan", scan_words, "auto", 0),
	NUM("node.session.reopen_max", 0, RETRIES_MAX, "0", NO_LIMIT),
	NUM("node.session.login_redirect_max", 0, INT_MAX, "8", FLAGS(SETTING_LATE)),
	NUM("node.session.sess_reopen_log_freq", 0, INT_MAX, "1", FLAGS(SETTING_LATE)),
	STR("node.conn[0].address", 255, "", SETTING_KEY),
	PORT("node.conn[0].port", "3260"),
	WORD("node.conn[0].startup", startup_words, "manual", 0),
	NUM("node.conn[0].tcp.window_size", 0, INT_MAX, "524288",
	    NOTE("0: the system's own size")),
	NUM("node.conn[0].tcp.type_of_service", 0, UINT8_MAX, "0"),
	STR("node.conn[0].tcp.congestion_control", 15, "", SETTING_LATE),
	NUM("node.conn[0].timeo.logout_timeout", 1, TIMEOUT_MAX, "15"),
	NUM("node.conn[0].timeo.login_timeout", 1, TIMEOUT_MAX, "30"),
	NUM("node.conn[0].timeo.auth_timeout", 0, TIMEOUT_MAX, "45"),
	NUM("node.conn[0].timeo.noop_out_interval", 0, TIMEOUT_MAX, "5", NO_PING),
	NUM("node.conn[0].timeo.noop_out_timeout", 0, TIMEOUT_MAX, "5", NO_PING),
	NUM("node.conn[0].iscsi.MaxXmitDataSegmentLength", DATA_MIN, DATA_MAX, "0",
	    FLAGS(SETTING_OR_ZERO), NOTE("0: as much as the target takes")),
	NUM("node.conn[0].iscsi.MaxRecvDataSegmentLength", DATA_MIN, DATA_MAX, "262144"),
	WORD("node.conn[0].iscsi.HeaderDigest", digest_words, "None", 0),
	WORD("node.conn[0].iscsi.DataDigest", digest_words, "None", 0),
	WORD("node.conn[0].iscsi.IFMarker", yes_words, "No", 0),
	WORD("node.conn[0].iscsi.OFMarker", yes_words, "No", 0),
	/* a SendTargets portal */
	WORD("discovery.startup", disc_startup_words, "manual", SETTING_UNSEEDED),
	WORD("discovery.type", type_words, "sendtargets", SETTING_KEY),
	STR("discovery.sendtargets.address", 255, "", SETTING_KEY),
	PORT("discovery.sendtargets.port", "3260"),
	WORD("discovery.sendtargets.auth.authmethod", auth_words, "None", 0),
	STR("discovery.sendtargets.auth.username", 255, "", 0),
	STR("discovery.sendtargets.auth.password", 255, "", SETTING_SECRET),
	LENGTH("discovery.sendtargets.auth.password_length"),
	STR("discovery.sendtargets.auth.username_in", 255, "", 0),
	STR("discovery.sendtargets.auth.password_in", 255, "", SETTING_SECRET),
	LENGTH("discovery.sendtargets.auth.password_in_length"),
	LIST("node.session.auth.chap_algs", chap_words, "MD5", 0),
	NUM("discovery.sendtargets.timeo.login_timeout", 1, TIMEOUT_MAX, "15"),
	WORD("discovery.sendtargets.use_discoveryd", yes_words, "No", 0),
	NUM("discovery.sendtargets.discoveryd_poll_inval", INT_MIN, INT_MAX, "30"),
	NUM("discovery.sendtargets.reopen_max", 0, RETRIES_MAX, "5"),
	NUM("discovery.sendtargets.login_redirect_max", 0, INT_MAX, "8", FLAGS(SETTING_LATE)),
	NUM("discovery.sendtargets.timeo.auth_timeout", 1, TIMEOUT_MAX, "45"),
	NUM("discovery.sendtargets.timeo.active_timeout", 1, TIMEOUT_MAX, "30"),
	NUM("discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", DATA_MIN, DATA_MAX, "32768"),
	/* an iSNS server, whose address has the names of the other kind */
	WORD("discovery.startup", disc_startup_words, "manual", SETTING_UNSEEDED),
	WORD("discovery.type", type_words, "isns", SETTING_KEY),
	STR("discovery.sendtargets.address", 255, "", SETTING_KEY),
	PORT("discovery.sendtargets.port", "3205"),
	WORD("discovery.isns.use_discoveryd", yes_words, "No", 0),
	NUM("discovery.isns.discoveryd_poll_inval", INT_MIN, INT_MAX, "-1"),
};

/* The first and the last setting of each kind. */
static const struct {
	const char *first, *last;
} kinds[DB_KINDS] = {
	[ISCSI_DB_NODE] = { "node.name", "node.conn[0].iscsi.OFMarker" },
	[ISCSI_DB_IFACE] = { "iface.iscsi_ifacename", "iface.discovery_logout" },
	[ISCSI_DB_SENDTARGETS] = { "discovery.startup",
				   "discovery.sendtargets.iscsi.MaxRecvDataSegmentLength" },
	[ISCSI_DB_ISNS] = { "discovery.startup", "discovery.isns.discoveryd_poll_inval" },
};

/* In the file of a node these settings open the interface's block; the others keep their order. */
static const char *const node_file_first[] = {
	"iface.hwaddress", "iface.ipaddress", "iface.iscsi_ifacename",
	"iface.net_ifacename", "iface.gateway", "iface.subnet_mask", NULL,
};

/*
 * Only open-iscsi 2.1.11 writes the first old name. There, a record with the new name hides all
 * records from "-m node". The second old name was written in 2007, and all releases since then
 * know the new name.
 */
static const struct setting_alias aliases[] = {
	{ "node.session.conn_reopen_log_freq", "node.session.sess_reopen_log_freq", true },
	{ "node.transport_name", "iface.transport_name", false },
};

#define HASH_SIZE	512	/* well above the rows of a kind */

/* These are computed from the table before main() begins. */
struct setting_run setting_runs[DB_KINDS];
static uint8_t hashes[DB_KINDS][HASH_SIZE];	/* index + 1; 0: free */
static uint8_t file_orders[DB_KINDS][UINT8_MAX];

static unsigned int hash_name(const char *name)
{
	unsigned int h = 0;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x01000193;	/* FNV-1a */
	return h % HASH_SIZE;
}

static int run_find(enum iscsi_db_kind kind, const char *name)
{
	unsigned int h = hash_name(name);

	for (; hashes[kind][h]; h = (h + 1) % HASH_SIZE) {
		unsigned int index = hashes[kind][h] - 1u;

		if (streq(setting_row(kind, index)->name, name))
			return (int)index;
	}
	return -1;
}

/* The run ends at the first row with the name .last, and begins at the nearest .first before. */
static void run_init(enum iscsi_db_kind kind)
{
	unsigned int end = 0, start;

	while (!streq(table[end].name, kinds[kind].last))
		end++;
	for (start = end; !streq(table[start].name, kinds[kind].first);)
		start--;
	setting_runs[kind].rows = &table[start];
	setting_runs[kind].count = end - start + 1;
	setting_runs[kind].file_order = file_orders[kind];
	for (unsigned int i = 0; i < setting_count(kind); i++) {
		unsigned int h = hash_name(table[start + i].name);

		while (hashes[kind][h])
			h = (h + 1) % HASH_SIZE;
		hashes[kind][h] = (uint8_t)(i + 1);
		file_orders[kind][i] = (uint8_t)i;
	}
}

__attribute__((constructor)) static void setting_init(void)
{
	uint8_t *order = file_orders[ISCSI_DB_NODE];

	for (int kind = 0; kind < DB_KINDS; kind++)
		run_init((enum iscsi_db_kind)kind);
	for (unsigned int i = 0; i < setting_count(ISCSI_DB_NODE); i++) {
		const char *name = setting_row(ISCSI_DB_NODE, i)->name;

		if (streq(name, kinds[ISCSI_DB_IFACE].first)) {
			for (const char *const *first = node_file_first; *first; first++)
				*order++ = (uint8_t)run_find(ISCSI_DB_NODE, *first);
		}
		if (!text_is_among(name, node_file_first))
			*order++ = (uint8_t)i;
	}
}

int setting_find(enum iscsi_db_kind kind, const char *name)
{
	int index = run_find(kind, name);

	for (size_t i = 0; index < 0 && i < ARRAY_SIZE(aliases); i++) {
		if (streq(aliases[i].old, name))
			index = run_find(kind, aliases[i].name);
	}
	return index;
}

const struct setting_alias *setting_alias(unsigned int i)
{
	return i < ARRAY_SIZE(aliases) ? &aliases[i] : NULL;
}

bool setting_is_bool(const struct setting *s)
{
	return s->words == yes_words;
}

/* ---- the nearest name ---------------------------------------------------------------- */

/* True if @name ends with a dot and @tail; @tail is "login_timeout" or "timeo.login_timeout", say. */
static bool has_tail(const char *name, const char *tail)
{
	size_t len = strlen(name), n = strlen(tail);

	return n < len && streq(name + len - n, tail) && name[len - n - 1] == '.';
}

const char *setting_nearest(int kind, const char *name)
{
	const char *found = NULL, *last = strrchr(name, '.');
	/* Many names share the part before the last dot, so half of the last part must agree too. */
	size_t rest = strlen(last ? last + 1 : name) / 2 + 1;
	unsigned int best = (unsigned int)MIN(MIN(strlen(name) / 4 + 2, rest), (size_t)8);

	for (int k = 0; k < DB_KINDS; k++) {
		if (kind >= 0 && k != kind)
			continue;
		for (unsigned int i = 0; i < setting_runs[k].count; i++) {
			const struct setting *s = &setting_runs[k].rows[i];
			unsigned int d;

			if (s->flags & SETTING_HIDDEN)
				continue;
			d = has_tail(s->name, name) ? 1 : edit_distance(name, s->name, best);
			if (d < best) {
				best = d;
				found = s->name;
			}
		}
	}
	return found;
}

/* ---- values -------------------------------------------------------------------------- */

struct setting_allowed setting_allowed(const struct setting *s)
{
	const char *zero = s->flags & SETTING_OR_ZERO ? "0 or " : "";
	struct setting_allowed ret = { "" };
	size_t used = 0;

	for (const char *const *word = s->words; word && *word; word++)
		used += (size_t)snprintf(ret.text + used, sizeof(ret.text) - used, "%s%s",
					 used ? " | " : "", *word);
	if (s->type != SETTING_NUMBER)
		return ret;
	if (s->low == INT_MIN && s->high == INT_MAX)
		(void)snprintf(ret.text, sizeof(ret.text), "a number");
	else if (s->low == INT_MIN)
		(void)snprintf(ret.text, sizeof(ret.text), "a number up to %lld",
			       (long long)s->high);
	else if (s->high == INT_MAX)
		(void)snprintf(ret.text, sizeof(ret.text), "a number of at least %lld",
			       (long long)s->low);
	else
		(void)snprintf(ret.text, sizeof(ret.text), "%sa number from %lld to %lld", zero,
			       (long long)s->low, (long long)s->high);
	used = strlen(ret.text);
	if (s->note)
		(void)snprintf(ret.text + used, sizeof(ret.text) - used, " (%s)", s->note);
	return ret;
}

static enum iscsi_err normalize_str(const struct setting *s, const char *text,
				    enum setting_source source, char *ret,
				    const struct db_warn *warn, struct iscsi_why *why)
{
	size_t len = strlen(text), lead = 0;

	while (lead < len && isspace((unsigned char)text[lead]))
		lead++;
	while (len > lead && isspace((unsigned char)text[len - 1]))
		len--;
	if (len > lead && (lead || text[len])) {
		/* A file can't hold these blanks, since its reader drops blanks around a value. */
		if (source == SETTING_FROM_PROGRAM)
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "the value of %s begins or ends with a blank", s->name);
		db_warn(warn, "blanks around the value of %s are dropped", s->name);
	}
	text += lead;
	len -= lead;
	if (len > s->max) {
		if (source != SETTING_FROM_FILE)
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "the value of %s has %zu bytes, more than %u", s->name,
					  len, s->max);
		db_warn(warn, "the value of %s is cut to %u bytes", s->name, s->max);
		len = s->max;
		while (len && isspace((unsigned char)text[len - 1]))
			len--;
	}
	memcpy(ret, text, len);
	ret[len] = '\0';
	/*
	 * Listings print "<empty>" for an empty text. A secret may be that word, since old readers
	 * take a password from a file letter by letter.
	 */
	if (!*ret || (streq(ret, "<empty>") && !(s->flags & SETTING_SECRET)))
		memcpy(ret, s->def, s->def_len + 1u);
	return ISCSI_SUCCESS;
}

static bool number_fits(const struct setting *s, int64_t v)
{
	return (v >= s->low && v <= s->high) || (!v && s->flags & SETTING_OR_ZERO);
}

/*
 * A value that isn't a number of the hard range is refused, and no other number takes its place:
 * old readers turn "infinite" into 0, which can mean the opposite. In a file a comment may follow
 * the number, since old readers ignore the comment.
 */
static enum iscsi_err normalize_number(const struct setting *s, const char *text,
				       enum setting_source source, char *ret,
				       const struct db_warn *warn, struct iscsi_why *why)
{
	bool exact = source == SETTING_FROM_PROGRAM;
	const char *rest;
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(text, &end, 10);
	rest = exact ? end : end + strspn(end, " \t");
	if (source == SETTING_FROM_FILE && rest > end && *rest == '#') {
		db_warn(warn, "the comment behind the value of %s is ignored; a comment belongs on a "
			"line of its own", s->name);
		rest += strlen(rest);
	}
	if (end == text || *rest || (exact && isspace((unsigned char)*text)) || errno ||
	    !number_fits(s, v))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "'%s' can't be the value of %s; allowed: %s",
				  text, s->name, setting_allowed(s).text);
	(void)snprintf(ret, ISCSI_VALUE_MAX + 1, "%lld", (long long)v);
	if (source == SETTING_FROM_USER && (v < s->good_low || v > s->good_high) &&
	    !(!v && s->flags & SETTING_OR_ZERO))
		db_warn(warn, "%s = %s makes little sense; usual: %lld to %lld", s->name, ret,
			(long long)s->good_low, (long long)s->good_high);
	return ISCSI_SUCCESS;
}

static enum iscsi_err normalize_word(const struct setting *s, const char *text, char *ret,
				     struct iscsi_why *why)
{
	if (text_is_among(text, s->words)) {
		strcpy(ret, text);
		return ISCSI_SUCCESS;
	}
	return iscsi_fail(why, ISCSI_ERR_INVAL,
			  "unknown value format '%s' for parameter name '%s'; allowed: %s", text,
			  s->name, setting_allowed(s).text);
}

static enum iscsi_err normalize_list(const struct setting *s, const char *text,
				     enum setting_source source, char *ret,
				     const struct db_warn *warn, struct iscsi_why *why)
{
	static const char separators[] = ", \t\r\n";
	unsigned int seen = 0;
	bool unknown = false;
	size_t used = 0;

	ret[0] = '\0';
	while (*(text += strspn(text, separators))) {
		size_t len = strcspn(text, separators), i = 0;

		while (s->words[i] && (strlen(s->words[i]) != len ||
				       strncmp(s->words[i], text, len) != 0))
			i++;
		if (s->words[i] && !(seen & 1u << i)) {
			seen |= 1u << i;
			used += (size_t)sprintf(ret + used, "%s%s", used ? "," : "", s->words[i]);
		} else if (source == SETTING_FROM_PROGRAM) {
			return iscsi_fail(why, ISCSI_ERR_INVAL, "%s value '%.*s' for '%s'",
					  s->words[i] ? "repeated" : "unknown", (int)len, text,
					  s->name);
		} else {
			unknown |= !s->words[i];
			db_warn(warn, "Ignoring %s value '%.*s' for '%s'",
				s->words[i] ? "repeated" : "unknown", (int)len, text, s->name);
		}
		text += len;
	}
	if (used)
		return ISCSI_SUCCESS;
	/* Otherwise the setting would get its default although the user asks for something else. */
	if (unknown && source == SETTING_FROM_USER)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "no value of '%s' is known; allowed: %s",
				  s->name, setting_allowed(s).text);
	strcpy(ret, s->def);	/* a file can't hold an empty list: without a line the default counts */
	return ISCSI_SUCCESS;
}

enum iscsi_err setting_normalize(const struct setting *s, const char *text,
				 enum setting_source source, char ret[ISCSI_VALUE_MAX + 1],
				 const struct db_warn *warn, struct iscsi_why *why)
{
	for (const char *p = text; *p; p++) {
		/*
		 * A newline would add a line to the record. A tab does no harm in a file, and may be
		 * a character of a secret.
		 */
		bool spared = *p == '\t' && (source == SETTING_FROM_FILE ||
					     s->flags & SETTING_SECRET);

		if (text_is_control(p[0], p[1]) && !spared)
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "the value of %s has a control character in it",
					  s->name);
	}
	switch ((enum setting_type)s->type) {
	case SETTING_STR:
		return normalize_str(s, text, source, ret, warn, why);
	case SETTING_NUMBER:
		return normalize_number(s, text, source, ret, warn, why);
	case SETTING_ENUM:
		return normalize_word(s, text, ret, why);
	case SETTING_LIST:
		return normalize_list(s, text, source, ret, warn, why);
	}
	return ISCSI_ERR_INTERNAL;
}

void setting_warn_refused(const struct setting *s, const struct iscsi_why *reason,
			  const char *used, const struct db_warn *warn)
{
	/* A text may be a secret, so the warning doesn't repeat the text. */
	if (s->type == SETTING_STR)
		db_warn(warn, "%s; the line is ignored", reason->text);
	else
		db_warn(warn, "%s; %s is used", reason->text, used);
}
