/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The objects that a command works with, and the questions about records and sessions that more
 * than one mode asks. Reading iscsid.conf, listing sessions, resolving names and connecting cost
 * time, so each is done once, when a mode first needs it.
 */
#include "iscsiadm/adm.h"

#include <search.h>
#include <stdarg.h>

#include "iscsiadm/waiting.h"
#include "libiscsi-db/util.h"

/* Whoever says something on stderr has no struct adm at hand: stderr is the process's too. */
static struct json *document;

void adm_error_document(struct json *json)
{
	document = json;
}

void adm_error(const char *fmt, ...)
{
	char raw[1200], text[2048], line[sizeof(text) + 16];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	text_escape(raw, text, sizeof(text));
	(void)snprintf(line, sizeof(line), "iscsiadm: %s\n", text);
	waiting_hide();
	(void)fputs(line, stderr);
	json_message(document, raw);
}

void adm_warn(void *arg, const char *text)
{
	(void)arg;
	adm_error("%s", text);
}

void adm_keep_warning(void *arg, const char *text)
{
	struct iscsi_why *why = arg;

	(void)snprintf(why->text, sizeof(why->text), "%s", text);
}

enum iscsi_err adm_fail(enum iscsi_err err, const struct iscsi_why *why)
{
	if (err)
		adm_error("%s", why && why->text[0] ? why->text : iscsi_db_err_text(err));
	return err;
}

void adm_keep_first(enum iscsi_err *first, enum iscsi_err err)
{
	if (!*first)
		*first = err;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep_text(void *text)
{
	(void)text;	/* adm->unreadable owns the texts */
}

void adm_done(struct adm *adm)
{
	adm->client = client_free(adm->client);
	adm->names = match_names_free(adm->names);
	adm->sessions = snapshot_free(adm->sessions);
	adm->sysfs = sysfs_free(adm->sysfs);
	adm->config = iscsi_db_config_free(adm->config);
	adm->db = iscsi_db_close(adm->db);
	tdestroy(adm->unreadable_known, keep_text);
	adm->unreadable_known = NULL;
	while (adm->unreadable_count)
		free(adm->unreadable[--adm->unreadable_count]);
	free(adm->unreadable);
	adm->unreadable = NULL;
	options_done(&adm->opt);
}

/* ---- objects --------------------------------------------------------------------------- */

/* Keeps a text for the trees. Without memory the text is missing there, but was said already. */
static void keep_unreadable(void *arg, const char *text)
{
	struct adm *adm = arg;
	char **kept;

	if (tfind(text, &adm->unreadable_known, compare_texts))
		return;
	kept = ARRAY_ADD(adm->unreadable, adm->unreadable_count);
	if (kept && (*kept = strdup(text)))
		(void)tsearch(*kept, &adm->unreadable_known, compare_texts);
	else if (kept)
		adm->unreadable_count--;
}

enum iscsi_err adm_need_db(struct adm *adm)
{
	const struct iscsi_db_observer observer = {
		.unreadable = keep_unreadable, .arg = adm,
		.trace = adm->opt.debug >= ADM_DEBUG_RECORDS ? adm_warn : NULL,
		.warn = adm_warn,
	};
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (adm->db)
		return ISCSI_SUCCESS;
	err = iscsi_db_open(adm->opt.db_root, &adm->db, &why);
	if (!err)
		iscsi_db_observe(adm->db, &observer);
	return adm_fail(err, &why);
}

enum iscsi_err adm_need_config(struct adm *adm)
{
	struct iscsi_why why = { "" };

	if (adm->config)
		return ISCSI_SUCCESS;
	return adm_fail(iscsi_db_config_read(NULL, adm_warn, NULL, &adm->config, &why), &why);
}

enum iscsi_err adm_need_sysfs(struct adm *adm)
{
	enum iscsi_err err;

	if (adm->sysfs)
		return ISCSI_SUCCESS;
	err = sysfs_new(NULL, &adm->sysfs);
	if (err == ISCSI_ERR_SYSFS_LOOKUP)
		adm_error("cannot read /sys; is sysfs mounted?");
	else
		(void)adm_fail(err, NULL);
	return err;
}

enum iscsi_err adm_need_sessions(struct adm *adm)
{
	if (adm->sessions)
		return ISCSI_SUCCESS;
	return adm_need_sysfs(adm) ?: adm_fail(snapshot_new(adm->sysfs, &adm->sessions), NULL);
}

enum iscsi_err adm_need_session(struct adm *adm, unsigned int sid,
				const struct sysfs_session **ret)
{
	enum iscsi_err err = adm_need_sysfs(adm);

	if (err)
		return err;
	err = snapshot_new_one(adm->sysfs, sid, &adm->sessions);
	if (err == ISCSI_ERR_SYSFS_LOOKUP) {
		adm_error("could not read session targetname: %d", ISCSI_ERR_LOGIN);
		return adm_refuse(err, "Could not get session info for sid %u", sid);
	}
	if (!err)
		*ret = snapshot_detail(adm->sessions, snapshot_get(adm->sessions, 0),
					   SYSFS_DETAIL_STATE);
	if (!err && !*ret)
		err = ISCSI_ERR_SYSFS_LOOKUP;
	return adm_fail(err, NULL);
}

void adm_forget_sessions(struct adm *adm)
{
	adm->sessions = snapshot_free(adm->sessions);
}

/* A client_startup_fn. */
static const char *startup_command(void *arg)
{
	struct adm *adm = arg;

	return adm_need_config(adm) ? NULL : iscsi_db_config_get(adm->config, "iscsid.startup");
}

struct client *adm_new_client(struct adm *adm, iscsi_db_warn_fn *warn, void *arg)
{
	struct client *client = client_new(warn, arg);

	if (client && adm->opt.debug >= ADM_DEBUG_REQUESTS)
		client_set_debug(client, adm_warn, NULL);
	return client;
}

enum iscsi_err adm_need_client(struct adm *adm)
{
	if (!adm->client)
		adm->client = adm_new_client(adm, adm_warn, NULL);
	if (!adm->client)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	client_set_startup(adm->client, startup_command, adm);
	return ISCSI_SUCCESS;
}

/* ---- lists of records ------------------------------------------------------------------ */

enum iscsi_err adm_records_add(struct adm_records *records, struct iscsi_db_record *rec)
{
	struct iscsi_db_record **added = ARRAY_ADD(records->list, records->len);

	if (!added) {
		iscsi_db_record_free(rec);
		return ISCSI_ERR_NOMEM;
	}
	*added = rec;
	return ISCSI_SUCCESS;
}

enum iscsi_err adm_records_copy(void *arg, const struct iscsi_db_record *rec)
{
	struct iscsi_db_record *copy;

	return iscsi_db_record_copy(rec, &copy) ?: adm_records_add(arg, copy);
}

enum iscsi_err adm_read_iface(struct adm *adm, const char *name, const char *before,
			      const char *after, struct iscsi_db_record **ret)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_iface_read(adm->db, name, ret, &why);

	(void)adm_fail(err, &why);
	return err ? adm_refuse(err, "%s%s%s", before, name, after) : ISCSI_SUCCESS;
}

void adm_records_done(struct adm_records *records)
{
	for (size_t i = 0; i < records->len; i++)
		iscsi_db_record_free(records->list[i]);
	free(records->list);
	memset(records, 0, sizeof(*records));
}

/* ---- selections ------------------------------------------------------------------------ */

void adm_select(const struct adm *adm, struct adm_selection *ret)
{
	const struct options *opt = &adm->opt;

	memset(ret, 0, sizeof(*ret));
	ret->target = opt->target;
	ret->port = -1;
	if (opt->has_portal) {
		ret->address = opt->portal.address[0] ? opt->portal.address : NULL;
		ret->port = opt->portal.port != -1 ? opt->portal.port : ISCSI_PORT_DEFAULT;
	}
	if (opt->iface_count)
		ret->iface = opt->ifaces[0];
}

bool adm_same_host(struct adm *adm, const char *a, const char *b)
{
	if (!adm->names)
		adm->names = match_names_new();
	if (!adm->names)
		(void)adm_fail(ISCSI_ERR_NOMEM, NULL);
	return adm->names && match_address(adm->names, a, b);
}

struct node_walk {
	struct adm *adm;
	const struct adm_selection *sel;
	iscsi_db_record_fn *fn;
	void *arg;
	const char *host;	/* an address that walk_node() compares; NULL: the library did */
	size_t count;
};

static enum iscsi_err walk_node(void *arg, const struct iscsi_db_record *rec)
{
	struct node_walk *w = arg;
	const struct adm_selection *sel = w->sel;
	const char *transport = iscsi_db_record_get(rec, "iface.transport_name");

	if (sel->transport && sel->iface && !streq(sel->iface, "default") &&
	    !streq(transport, sel->transport))
		return ISCSI_SUCCESS;
	if (w->host &&
	    !adm_same_host(w->adm, w->host, iscsi_db_record_get(rec, "node.conn[0].address")))
		return ISCSI_SUCCESS;
	w->count++;
	return w->fn(w->arg, rec);
}

/* An iscsi_db_warn_fn. */
static void warn_of_node(void *arg, const char *text)
{
	struct adm *adm = arg;

	adm->warned = true;
	adm_error("%s", text);
}

enum iscsi_err adm_each_node(struct adm *adm, const struct adm_selection *sel,
			     iscsi_db_record_fn *fn, void *arg, size_t *ret_count)
{
	struct iscsi_db_filter filter = {
		.target = sel->target, .port = sel->port, .iface = sel->iface,
	};
	struct node_walk walk = { adm, sel, fn, arg, NULL, 0 };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	err = adm_need_db(adm);
	if (err)
		return err;
	if (sel->literal || (sel->address && match_is_number(sel->address)))
		filter.address = sel->address;
	/* The library looks up no names, so records with a host name pass its filter. */
	if (!sel->literal) {
		filter.names = filter.address != NULL;
		walk.host = sel->address;
	}
	err = iscsi_db_node_each(adm->db, &filter, warn_of_node, adm, walk_node, &walk, &why);
	if (err && why.text[0])
		adm_error("%s", why.text);
	if (ret_count)
		*ret_count = walk.count;
	return err;
}

enum iscsi_err adm_delete_unreadable(struct adm *adm, const struct adm_selection *sel,
				     unsigned int *ret)
{
	struct iscsi_db_filter filter = {
		.target = sel->target, .address = sel->address, .port = sel->port,
		.iface = sel->iface,
	};
	struct iscsi_why why = { "" };

	*ret = 0;
	if (!adm->warned)
		return ISCSI_SUCCESS;
	return adm_fail(iscsi_db_node_delete_unreadable(adm->db, &filter, ret, &why), &why);
}

void adm_say_unreadable_deleted(unsigned int count)
{
	if (count)
		adm_error("%u unreadable record%s deleted.", count, count == 1 ? " is" : "s are");
}

/* ---- records and sessions -------------------------------------------------------------- */

bool adm_session_is_of(struct adm *adm, const struct sysfs_session *session,
		       const struct iscsi_db_record *rec)
{
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	const char *transport = iscsi_db_record_get(rec, "iface.transport_name");

	if (!streq(session->target, iscsi_db_record_get(rec, "node.name")) ||
	    session->persistent_port != iscsi_db_record_get_int(rec, "node.conn[0].port") ||
	    !adm_same_host(adm, session->persistent_address,
		       iscsi_db_record_get(rec, "node.conn[0].address")))
		return false;
	session = snapshot_detail(adm->sessions, session, SYSFS_DETAIL_STATE);
	if (!session)
		return false;
	if (!*iface)
		iface = "default";
	return streq(snapshot_iface(session), iface) &&
	       (streq(iface, "default") || !session->transport[0] ||
		streq(session->transport, transport));
}

size_t adm_count_sessions(struct adm *adm, const struct iscsi_db_record *rec, bool made)
{
	size_t first, n, count = 0;

	n = snapshot_of_target(adm->sessions, iscsi_db_record_get(rec, "node.name"), &first);
	for (size_t i = 0; i < n; i++) {
		const struct sysfs_session *s = snapshot_by_target(adm->sessions, first + i);

		if (!adm_session_is_of(adm, s, rec))
			continue;
		s = snapshot_detail(adm->sessions, s, SYSFS_DETAIL_STATE);
		count += s && !(made && streq(s->state, "FREE"));
	}
	return count;
}

bool adm_session_selected(struct adm *adm, const struct adm_selection *sel,
			  const struct sysfs_session *session)
{
	if (sel->session && session->sid != sel->session->sid)
		return false;
	if (sel->target && !streq(sel->target, session->target))
		return false;
	if (sel->port >= 0 && sel->port != session->persistent_port)
		return false;
	if (sel->address && !adm_same_host(adm, sel->address, session->persistent_address))
		return false;
	if (!sel->iface)
		return true;
	session = snapshot_detail(adm->sessions, session, SYSFS_DETAIL_STATE);
	return session && streq(sel->iface, snapshot_iface(session)) &&
	       (!sel->transport || streq(sel->iface, "default") ||
		streq(sel->transport, session->transport));
}

/* ---- new records ----------------------------------------------------------------------- */

enum iscsi_err adm_new_node(struct adm *adm, const struct iscsi_db_record *iface,
			    struct iscsi_db_record **ret)
{
	struct iscsi_db_record *rec = NULL;
	enum iscsi_err err = adm_need_config(adm);

	if (err)
		return err;
	err = iscsi_db_record_new(ISCSI_DB_NODE, &rec) ?:
	      iscsi_db_config_apply(adm->config, rec) ?:
	      (iface ? iscsi_db_record_bind(rec, iface) : ISCSI_SUCCESS);
	*ret = err ? iscsi_db_record_free(rec) : rec;
	return adm_fail(err, NULL);
}

enum iscsi_err adm_identify(struct iscsi_db_record *rec, const struct adm_identity *id,
			    struct iscsi_why *why)
{
	const char *found_at = id->discovery_address ? id->discovery_address : "";

	return iscsi_db_check_name(id->target, why) ?:
	       iscsi_db_check_address(id->address, why) ?:
	       iscsi_db_record_set(rec, "node.name", id->target, why) ?:
	       iscsi_db_record_set(rec, "node.conn[0].address", id->address, why) ?:
	       record_set_int(rec, "node.conn[0].port", id->port, why) ?:
	       record_set_int(rec, "node.tpgt", id->tpgt, why) ?:
	       iscsi_db_record_set(rec, "node.discovery_type", id->discovery_type, why) ?:
	       iscsi_db_record_set(rec, "node.discovery_address", found_at, why) ?:
	       record_set_int(rec, "node.discovery_port", id->discovery_port, why);
}

enum iscsi_err adm_change(struct adm *adm, adm_stage_fn *stage, void *arg)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = adm_need_db(adm);

	if (err)
		return err;
	err = iscsi_db_lock(adm->db, &why);
	if (err)
		return adm_fail(err, &why);
	err = stage(arg) ?: adm_fail(iscsi_db_commit(adm->db, &why), &why);
	iscsi_db_unlock(adm->db);
	return err;
}

bool adm_is_in_use(struct adm *adm, const struct iscsi_db_record *rec)
{
	char what[SHOW_NODE_MAX];

	if (!adm_count_sessions(adm, rec, false))
		return false;
	show_format_node(what, sizeof(what), rec);
	adm_error("This command will remove the record %s, but a session is using it. Log out of "
		  "the session first, then repeat the command.", what);
	return true;
}
