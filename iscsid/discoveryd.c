/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repeated discoveries, see discoveryd.h. */
#include "iscsid/discoveryd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <syslog.h>

#include "iscsid/base/index.h"
#include "iscsid/base/log.h"
#include "libiscsi-db/util.h"

#define INTERVAL_DEFAULT_S	30	/* of a record with a negative interval */
#define FOUND_MAX		(1 << 16)	/* targets that one answer may name */

struct reported {
	char target[ISCSI_NAME_MAX + 1], address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
};

/* One record through one interface. */
struct poll {
	struct poll *next;
	struct discoveryd *owner;
	struct iscsi_db_record *rec;
	struct iscsi_db_record *iface;		/* NULL: the built-in default */
	struct timer *timer;			/* the next round */
	struct discovery *discovery;		/* under way; NULL: none */
	struct reported *found;
	size_t found_len;
	bool failed;				/* the last round has failed, which was told */
	struct index said, said_before;		/* lines of this round and of the last; no objects */
};

struct discoveryd {
	struct manager *manager;
	const struct manager_env *env;
	struct iscsi_db_config *config;
	struct iscsi_db *db;			/* while records are read */
	struct poll *polls;
};

static const char *poll_address(const struct poll *poll)
{
	return iscsi_db_record_get(poll->rec, "discovery.sendtargets.address");
}

static int poll_port(const struct poll *poll)
{
	return iscsi_db_record_get_int(poll->rec, "discovery.sendtargets.port");
}

static bool poll_is_isns(const struct poll *poll)
{
	return iscsi_db_record_kind(poll->rec) == ISCSI_DB_ISNS;
}

static const char *poll_source(const struct poll *poll)
{
	return poll_is_isns(poll) ? "isns" : "send_targets";
}

static const char *poll_iface(const struct poll *poll)
{
	return poll->iface ? iscsi_db_record_get(poll->iface, "iface.iscsi_ifacename") : "default";
}

/* Logs a line unless the last round has said the same: rounds may go on for years. */
static PRINTF(3, 4) void poll_say(struct poll *poll, int level, const char *fmt, ...)
{
	char text[1024];
	uint64_t hash;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hash = index_hash(text);
	(void)index_add(&poll->said, hash, NULL);
	if (!index_find(&poll->said_before, hash, NULL))
		log_write(level, "%s", text);
}

/* ---- what a round has found ------------------------------------------------------------------ */

static int compare_reported(const void *pa, const void *pb)
{
	const struct reported *a = pa, *b = pb;

	return strcmp(a->target, b->target) ?: strcmp(a->address, b->address) ?: a->port - b->port;
}

static enum iscsi_err make_record(const struct poll *poll, const struct reported *r,
				  struct iscsi_db_record **ret)
{
	struct iscsi_db_record *rec = NULL;
	enum iscsi_err err = iscsi_db_record_new(ISCSI_DB_NODE, &rec) ?:
		iscsi_db_config_apply(poll->owner->config, rec) ?:
		(poll->iface ? iscsi_db_record_bind(rec, poll->iface) : ISCSI_SUCCESS) ?:
		iscsi_db_record_set(rec, "node.name", r->target, NULL) ?:
		iscsi_db_record_set(rec, "node.conn[0].address", r->address, NULL) ?:
		record_set_int(rec, "node.conn[0].port", r->port, NULL) ?:
		record_set_int(rec, "node.tpgt", r->tpgt, NULL) ?:
		iscsi_db_record_set(rec, "node.discovery_type", poll_source(poll), NULL) ?:
		iscsi_db_record_set(rec, "node.discovery_address", poll_address(poll), NULL) ?:
		record_set_int(rec, "node.discovery_port", poll_port(poll), NULL);

	*ret = err ? iscsi_db_record_free(rec) : rec;
	return err;
}

static void log_in(struct poll *poll, const struct reported *r)
{
	struct asker *asker = asker_nobody();
	struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "no memory" };
	enum iscsi_err err = asker ? make_record(poll, r, &rec) : ISCSI_ERR_NOMEM;

	if (!err)
		err = manager_login(poll->owner->manager, rec, MANAGER_WANTED | MANAGER_NEW_ONLY,
				    asker, &why);
	if (!err)
		return;
	if (err != ISCSI_ERR_SESS_EXISTS)
		poll_say(poll, LOG_WARNING, "%s %s,%d: not logged in to: %s", r->target,
			 r->address, r->port, why.text);
	iscsi_db_record_free(rec);
	free(asker);
}

/* The session's target was found by this poll, in an earlier round or by another daemon. */
static bool is_of(const struct poll *poll, const struct session_config *config)
{
	const char *address = iscsi_db_record_get(config->rec, "node.discovery_address");

	return streq(iscsi_db_record_get(config->rec, "node.discovery_type"), poll_source(poll)) &&
	       address && streq(address, poll_address(poll)) &&
	       iscsi_db_record_get_int(config->rec, "node.discovery_port") == poll_port(poll) &&
	       streq(config->iface, poll_iface(poll));
}

static void log_out_if_gone(struct poll *poll, struct session *session)
{
	const struct session_config *config = session_config(session);
	struct manager *manager = poll->owner->manager;
	struct asker *asker;
	struct reported key = { .port = config->port };
	struct iscsi_why why;

	if (session_state(session) == SESSION_ENDING || !is_of(poll, config))
		return;
	(void)snprintf(key.target, sizeof(key.target), "%s", config->target);
	(void)snprintf(key.address, sizeof(key.address), "%s", config->address);
	if (poll->found_len && bsearch(&key, poll->found, poll->found_len, sizeof(key),
				       compare_reported))
		return;
	poll_say(poll, LOG_NOTICE, "%s %s,%d: %s,%d reports the target no more", config->target,
		 config->address, config->port, poll_address(poll), poll_port(poll));
	if (manager_call_off(manager, session_number(session), NULL))
		return;
	asker = asker_nobody();
	if (!asker || !manager_logout(manager, session_sid(session), MGMT_SPARE_USED, asker, &why))
		return;
	poll_say(poll, LOG_WARNING, "session %" PRIu32 ": not logged out of: %s",
		 session_sid(session), why.text);
	free(asker);
}

static void poll_apply(struct poll *poll)
{
	size_t len;
	CLEANUP(freep) void **sessions = manager_all(poll->owner->manager, &len);

	if (poll->found_len)
		qsort(poll->found, poll->found_len, sizeof(*poll->found), compare_reported);
	for (size_t i = 0; i < len; i++)
		log_out_if_gone(poll, sessions[i]);
	for (size_t i = 0; i < poll->found_len; i++)
		log_in(poll, &poll->found[i]);
	index_done(&poll->said_before);
	poll->said_before = poll->said;
	poll->said = (struct index){ 0 };
}

/* ---- a round ---------------------------------------------------------------------------------- */

static void poll_on_target(void *arg, const char *name, const char *address, int port, int tpgt)
{
	struct poll *poll = arg;
	struct reported *r = poll->found_len < FOUND_MAX ?
			     ARRAY_ADD(poll->found, poll->found_len) : NULL;

	if (!r)
		return;
	(void)snprintf(r->target, sizeof(r->target), "%s", name);
	(void)snprintf(r->address, sizeof(r->address), "%s", address);
	r->port = port;
	r->tpgt = tpgt;
}

static void poll_on_warning(void *arg, const char *text)
{
	struct poll *poll = arg;

	poll_say(poll, LOG_WARNING, "%s %s,%d: %s", poll_is_isns(poll) ? "iSNS" : "discovery",
		 poll_address(poll), poll_port(poll), text);
}

/* A negative interval of an iSNS record asks for the server's notifications; iscsid polls instead. */
static int poll_interval_s(const struct poll *poll)
{
	int interval_s = iscsi_db_record_get_int(poll->rec, poll_is_isns(poll) ?
						 "discovery.isns.discoveryd_poll_inval" :
						 "discovery.sendtargets.discoveryd_poll_inval");

	return interval_s < 0 ? INTERVAL_DEFAULT_S : interval_s;
}

static void poll_ended(struct poll *poll, enum iscsi_err err, const struct iscsi_why *why)
{
	int interval_s = poll_interval_s(poll);

	if (!err)
		poll_apply(poll);
	else if (!poll->failed)
		log_warning("discovery %s,%d: %s; iscsid %s", poll_address(poll), poll_port(poll),
			    why->text, interval_s ? "asks again" :
			    "asks only once, as discoveryd_poll_inval says");
	poll->failed = err;
	if (interval_s)
		timer_arm_ms(poll->timer, (uint64_t)interval_s * 1000);
}

static void poll_on_done(void *arg, enum iscsi_err err, const struct iscsi_why *why)
{
	struct poll *poll = arg;

	manager_discard(poll->owner->manager, poll->discovery);
	poll->discovery = NULL;
	poll_ended(poll, err, why);
}

static void poll_on_timer(void *arg)
{
	struct poll *poll = arg;
	const struct discovery_owner owner = {
		.on_target = poll_on_target, .on_warning = poll_on_warning,
		.on_done = poll_on_done, .arg = poll, .repeated = true,
	};
	struct iscsi_why why;
	enum iscsi_err err;

	poll->found_len = 0;
	index_done(&poll->said);
	err = manager_discover(poll->owner->manager, poll->rec, poll->iface, &owner,
			       &poll->discovery, &why);
	if (err)
		poll_ended(poll, err, &why);
}

/* ---- making and freeing ------------------------------------------------------------------------ */

static struct poll *poll_free(struct poll *poll)
{
	if (poll->discovery)
		manager_discard(poll->owner->manager, poll->discovery);
	timer_free(poll->timer);
	iscsi_db_record_free(poll->rec);
	iscsi_db_record_free(poll->iface);
	free(poll->found);
	index_done(&poll->said);
	index_done(&poll->said_before);
	free(poll);
	return NULL;
}

static enum iscsi_err add_poll(struct discoveryd *d, const struct iscsi_db_record *rec,
			       const struct iscsi_db_record *iface)
{
	struct poll *poll = calloc(1, sizeof(*poll));
	enum iscsi_err err;

	if (!poll)
		return ISCSI_ERR_NOMEM;
	poll->owner = d;
	poll->timer = timer_new(d->env->clock, poll_on_timer, poll);
	err = poll->timer ? iscsi_db_record_copy(rec, &poll->rec) : ISCSI_ERR_NOMEM;
	if (!err && iface)
		err = iscsi_db_record_copy(iface, &poll->iface);
	/* The next round is the next attempt. */
	if (!err && !poll_is_isns(poll))
		err = record_set_int(poll->rec, "discovery.sendtargets.reopen_max", 0, NULL);
	if (err) {
		poll_free(poll);
		return err;
	}
	poll->next = d->polls;
	d->polls = poll;
	timer_arm_ms(poll->timer, 0);
	return ISCSI_SUCCESS;
}

struct chosen {
	struct discoveryd *d;
	const struct iscsi_db_record *rec;
	bool any;			/* an interface was found */
};

static enum iscsi_err add_iface(void *arg, const struct iscsi_db_record *iface)
{
	const char *transport = iscsi_db_record_get(iface, "iface.transport_name");
	struct chosen *chosen = arg;

	if (!transport || !streq(transport, "tcp") ||
	    streq(iscsi_db_record_get(iface, "iface.iscsi_ifacename"), "default"))
		return ISCSI_SUCCESS;
	chosen->any = true;
	return add_poll(chosen->d, chosen->rec, iface);
}

/* As in iscsiadm, the built-in interface asks if there is no other. */
static enum iscsi_err add_record(void *arg, const struct iscsi_db_record *rec)
{
	struct chosen chosen = { .d = arg, .rec = rec };
	const char *use = iscsi_db_record_get(rec, iscsi_db_record_kind(rec) == ISCSI_DB_ISNS ?
					      "discovery.isns.use_discoveryd" :
					      "discovery.sendtargets.use_discoveryd");
	enum iscsi_err err;

	if (!use || !streq(use, "Yes"))
		return ISCSI_SUCCESS;
	err = iscsi_db_iface_each(chosen.d->db, NULL, NULL, add_iface, &chosen, NULL);
	return err || chosen.any ? err : add_poll(chosen.d, rec, NULL);
}

static void discoveryd_clear(struct discoveryd *d)
{
	while (d->polls) {
		struct poll *poll = d->polls;

		d->polls = poll->next;
		poll_free(poll);
	}
	d->config = iscsi_db_config_free(d->config);
}

void discoveryd_reload(struct discoveryd *d)
{
	struct iscsi_why why = { "no memory" };
	enum iscsi_err err;

	if (!d)
		return;
	discoveryd_clear(d);
	err = iscsi_db_config_read(d->env->config_path, NULL, NULL, &d->config, &why);
	if (!err && iscsi_db_open(d->env->db_root, &d->db, &why))
		return;			/* there is no database, so there is no record */
	if (!err)
		err = iscsi_db_discovery_each(d->db, ISCSI_DB_SENDTARGETS, NULL, NULL, add_record,
					      d, &why) ?:
		      iscsi_db_discovery_each(d->db, ISCSI_DB_ISNS, NULL, NULL, add_record, d,
					      &why);
	d->db = iscsi_db_close(d->db);
	if (err)
		log_warning("repeated discoveries: %s", why.text);
}

struct discoveryd *discoveryd_new(struct manager *manager, const struct manager_env *env)
{
	struct discoveryd *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->manager = manager;
	d->env = env;
	discoveryd_reload(d);
	return d;
}

struct discoveryd *discoveryd_free(struct discoveryd *d)
{
	if (!d)
		return NULL;
	discoveryd_clear(d);
	free(d);
	return NULL;
}
