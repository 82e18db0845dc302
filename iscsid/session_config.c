/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node record as a session uses it, see session_config.h. */
#include "iscsid/session_config.h"

#include "iscsid/base/addr_kind.h"
#include "iscsid/base/lookup.h"
#include "iscsid/credentials.h"
#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

/* Older records say "default" for "not bound". */
static const char *binding_of(const struct iscsi_db_record *rec, const char *key)
{
	const char *value = iscsi_db_record_get(rec, key);

	return streq(value, "default") ? "" : value;
}

enum iscsi_err session_config_source(const struct iscsi_db_record *rec, struct sysfs *sysfs,
				     struct tcp_source *ret, struct iscsi_why *why)
{
	const char *netdev = binding_of(rec, "iface.net_ifacename");
	const char *hwaddress = binding_of(rec, "iface.hwaddress");
	const char *address = binding_of(rec, "iface.ipaddress");
	struct sockaddr_storage any_zone;

	*ret = (struct tcp_source){ .address.ss_family = AF_UNSPEC };
	if (*address && !addr_parse(address, 0, &any_zone))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "iface.ipaddress is '%s', which is no "
				  "IP address", address);
	(void)snprintf(ret->netdev, sizeof(ret->netdev), "%s", netdev);
	if (!*netdev && *hwaddress &&
	    !sysfs_find_netdev(sysfs, hwaddress, ret->netdev, IF_NAMESIZE))
		return iscsi_fail(why, ISCSI_ERR_TRANS, "this host has no network device with "
				  "the hardware address %s", hwaddress);
	if (*address && !lookup_numeric(address, 0, &ret->address))
		return iscsi_fail(why, ISCSI_ERR_TRANS, "this host has no address %s", address);
	return ISCSI_SUCCESS;
}

void session_config_chap_algs(const char *text, struct chap_config *chap)
{
	static const struct {
		const char *name;
		enum chap_algorithm algorithm;
	} names[] = {
		{ "MD5", CHAP_MD5 }, { "SHA1", CHAP_SHA1 },
		{ "SHA256", CHAP_SHA256 }, { "SHA3-256", CHAP_SHA3_256 },
	};

	chap->algorithms_len = 0;
	while (*text) {
		size_t len = strcspn(text, ", ");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (len == strlen(names[i].name) && !strncmp(text, names[i].name, len) &&
			    chap->algorithms_len < CHAP_ALGORITHMS_MAX)
				chap->algorithms[chap->algorithms_len++] = names[i].algorithm;
		text += len;
		text += strspn(text, ", ");
	}
	if (!chap->algorithms_len)
		chap->algorithms[chap->algorithms_len++] = CHAP_MD5;
}

static uint32_t number(const struct iscsi_db_record *rec, const char *key)
{
	return (uint32_t)iscsi_db_record_get_int(rec, key);
}

/* Lengths are offered in multiples of 4: padding takes the rest of any other length. */
static uint32_t length(const struct iscsi_db_record *rec, const char *key)
{
	return number(rec, key) & ~3u;
}

static uint32_t digest(const struct iscsi_db_record *rec, const char *key)
{
	const char *value = iscsi_db_record_get(rec, key);

	for (uint32_t i = 0; negotiate_digests[i]; i++)
		if (streq(value, negotiate_digests[i]))
			return i;
	return DIGEST_NONE;
}

static void read_offer(const struct iscsi_db_record *rec, struct negotiate_params *offer)
{
	*offer = (struct negotiate_params){
		.header_digest = digest(rec, "node.conn[0].iscsi.HeaderDigest"),
		.data_digest = digest(rec, "node.conn[0].iscsi.DataDigest"),
		.initial_r2t = number(rec, "node.session.iscsi.InitialR2T"),
		.immediate_data = number(rec, "node.session.iscsi.ImmediateData"),
		.max_burst_length = length(rec, "node.session.iscsi.MaxBurstLength"),
		.first_burst_length = length(rec, "node.session.iscsi.FirstBurstLength"),
		.max_outstanding_r2t = number(rec, "node.session.iscsi.MaxOutstandingR2T"),
		.max_connections = 1,
		.data_pdu_in_order = 1,
		.data_sequence_in_order = 1,
		.default_time2wait = number(rec, "node.session.iscsi.DefaultTime2Wait"),
		.default_time2retain = number(rec, "node.session.iscsi.DefaultTime2Retain"),
		.error_recovery_level = 0,	/* the kernel's iscsi_tcp has no other level */
		.max_recv_data_segment_length =
			length(rec, "node.conn[0].iscsi.MaxRecvDataSegmentLength"),
		.max_xmit_data_segment_length =
			number(rec, "node.conn[0].iscsi.MaxXmitDataSegmentLength"),
	};
	/*
	 * Each record has the RFC's 2 s unless a person has changed them. The longer wait of both
	 * sides counts, so the target can still ask for what it needs.
	 */
	if (offer->default_time2wait == negotiate_rfc_defaults.default_time2wait)
		offer->default_time2wait = 0;
	if (offer->first_burst_length > offer->max_burst_length)
		offer->first_burst_length = offer->max_burst_length;
	/* The kernel takes powers of two only, and the target may answer with less. */
	while (offer->max_outstanding_r2t & (offer->max_outstanding_r2t - 1))
		offer->max_outstanding_r2t &= offer->max_outstanding_r2t - 1;
}

/*
 * The kernel needs both numbers to test a connection, and would choose a missing number by itself.
 * As in open-iscsi, the missing number has its default instead.
 */
static void read_noop(const struct iscsi_db_record *rec, struct session_config *c)
{
	static const char interval[] = "node.conn[0].timeo.noop_out_interval";
	static const char timeout[] = "node.conn[0].timeo.noop_out_timeout";

	c->noop_out_interval_s = iscsi_db_record_get_int(rec, interval);
	c->noop_out_timeout_s = iscsi_db_record_get_int(rec, timeout);
	if (c->noop_out_interval_s && !c->noop_out_timeout_s)
		c->noop_out_timeout_s = iscsi_db_record_default_int(rec, timeout);
	if (c->noop_out_timeout_s == BOOT_NOOP_OUT_TIMEOUT_S && !c->noop_out_interval_s)
		c->noop_out_timeout_s = 0;	/* a person has set the interval, and wants no pings */
	else if (c->noop_out_timeout_s && !c->noop_out_interval_s)
		c->noop_out_interval_s = iscsi_db_record_default_int(rec, interval);
}

static void read_timeouts(const struct iscsi_db_record *rec, struct session_config *c)
{
	c->redirects_max = (unsigned int)iscsi_db_record_get_int(rec, "node.session.login_redirect_max");
	c->login_timeout_s = iscsi_db_record_get_int(rec, "node.conn[0].timeo.login_timeout");
	c->logout_timeout_s = iscsi_db_record_get_int(rec, "node.conn[0].timeo.logout_timeout");
	read_noop(rec, c);
	c->initial_login_retry_max =
		iscsi_db_record_get_int(rec, "node.session.initial_login_retry_max");
	c->reopen_max = iscsi_db_record_get_int(rec, "node.session.reopen_max");
	c->replacement_timeout_s =
		iscsi_db_record_get_int(rec, "node.session.timeo.replacement_timeout");
	c->abort_timeout_s = iscsi_db_record_get_int(rec, "node.session.err_timeo.abort_timeout");
	c->lu_reset_timeout_s =
		iscsi_db_record_get_int(rec, "node.session.err_timeo.lu_reset_timeout");
	c->tgt_reset_timeout_s =
		iscsi_db_record_get_int(rec, "node.session.err_timeo.tgt_reset_timeout");
}

/*
 * CHAP is used whenever a user name and a password are set, whatever authmethod says, as users
 * know it from open-iscsi.
 */
static void read_chap(const struct iscsi_db_record *rec, iscsi_db_warn_fn *warn, void *arg,
		      struct chap_config *chap)
{
	chap->username = iscsi_db_record_get(rec, "node.session.auth.username");
	chap->password = iscsi_db_record_get(rec, "node.session.auth.password");
	chap->username_in = iscsi_db_record_get(rec, "node.session.auth.username_in");
	chap->password_in = iscsi_db_record_get(rec, "node.session.auth.password_in");
	session_config_chap_algs(iscsi_db_record_get(rec, "node.session.auth.chap_algs"), chap);
	if (chap_wanted(chap) && strlen(chap->password) < CHAP_SECRET_MIN && warn)
		warn(arg, "node.session.auth.password is short: whoever listens to a login can "
		     "guess the password; 12 characters are the least that is safe");
}

static enum iscsi_err read_identity(const struct iscsi_db_record *rec,
				    const struct iscsi_db_initiator *initiator,
				    struct session_config *c, struct iscsi_why *why)
{
	const char *transport = iscsi_db_record_get(rec, "iface.transport_name");
	const char *name = iscsi_db_record_get(rec, "iface.initiatorname");
	const char *type = iscsi_db_record_get(rec, "node.discovery_type");
	enum iscsi_err err;

	c->target = iscsi_db_record_get(rec, "node.name");
	c->address = iscsi_db_record_get(rec, "node.conn[0].address");
	if (streq(type, "send_targets") || streq(type, "isns"))
		c->named_by = iscsi_db_record_get(rec, "node.discovery_address");
	c->port = iscsi_db_record_get_int(rec, "node.conn[0].port");
	c->tpgt = iscsi_db_record_get_int(rec, "node.tpgt");
	c->iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	c->hwaddress = binding_of(rec, "iface.hwaddress");
	c->congestion_control = iscsi_db_record_get(rec, "node.conn[0].tcp.congestion_control");
	err = iscsi_db_check_name(c->target, why);
	if (!err)
		err = iscsi_db_check_address(c->address, why);
	if (err)
		return err;
	if (c->port < 1 || c->port > ISCSI_PORT_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "node.conn[0].port is %d, which is no port", c->port);
	if (*transport && !streq(transport, "tcp"))
		return iscsi_fail(why, ISCSI_ERR_TRANS_NOT_FOUND,
				  "transport '%s' is not supported; only tcp is", transport);
	if (!*name)
		name = initiator->name;
	if (!*name)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "no initiator name is set; see "
				  ISCSI_CONF_DIR "/initiatorname.iscsi");
	if (strlen(name) >= sizeof(c->initiator))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the initiator name is too long");
	strcpy(c->initiator, name);
	strcpy(c->alias, initiator->alias);
	return ISCSI_SUCCESS;
}

enum iscsi_err session_config_adopt(struct iscsi_db_record *rec,
				    const struct iscsi_db_initiator *initiator,
				    struct sysfs *sysfs, iscsi_db_warn_fn *warn, void *arg,
				    struct session_config **ret, struct iscsi_why *why)
{
	CLEANUP(freep) struct session_config *c = calloc(1, sizeof(*c));
	enum iscsi_err err;

	if (!c)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	err = read_identity(rec, initiator, c, why);
	if (!err)
		err = session_config_source(rec, sysfs, &c->source, why);
	c->source_found = !err;
	if (err && err != ISCSI_ERR_TRANS)
		return err;
	read_chap(rec, warn, arg, &c->chap);
	c->cmds_max = (uint16_t)iscsi_db_record_get_int(rec, "node.session.cmds_max");
	c->queue_depth = (uint16_t)iscsi_db_record_get_int(rec, "node.session.queue_depth");
	c->initial_cmd_sn = (uint32_t)iscsi_db_record_get_int(rec, "node.session.initial_cmdsn");
	c->window_size = iscsi_db_record_get_int(rec, "node.conn[0].tcp.window_size");
	c->fast_abort = iscsi_db_record_get_int(rec, "node.session.iscsi.FastAbort") != 0;
	c->scan = !streq(iscsi_db_record_get(rec, "node.session.scan"), "manual");
	read_timeouts(rec, c);
	read_offer(rec, &c->offer);
	c->rec = rec;
	*ret = c;
	c = NULL;		/* the caller owns the memory now */
	return ISCSI_SUCCESS;
}

enum iscsi_err session_config_new(struct iscsi_db_record *rec,
				  const struct iscsi_db_initiator *initiator,
				  struct sysfs *sysfs, iscsi_db_warn_fn *warn, void *arg,
				  struct session_config **ret, struct iscsi_why *why)
{
	enum iscsi_err err = credentials_check(rec, why);

	return err ?: session_config_adopt(rec, initiator, sysfs, warn, arg, ret, why);
}

struct session_config *session_config_free(struct session_config *config)
{
	if (config) {
		iscsi_db_record_free(config->rec);
		free(config);
	}
	return NULL;
}
