/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m node": the node records, and logging in and out by them. Session mode calls
 * mode_node_operate() for the record of one session, or for all sessions. All changes of a
 * command are staged under one lock and committed once; while the lock is held, nothing is asked
 * of iscsid.
 */
#include "iscsiadm/mode_node.h"

#include "iscsiadm/attempts.h"
#include "iscsiadm/print.h"
#include "iscsiadm/sessions.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

#define ON_ALL	"Could not execute operation on all records: "

static enum iscsi_err no_records(void)
{
	return adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No records found");
}

/* ---- list and show --------------------------------------------------------------------- */

struct listing {
	struct json *json;
	bool tree, secrets;
	struct show_tree last;
};

static enum iscsi_err list_node(void *arg, const struct iscsi_db_record *rec)
{
	struct listing *l = arg;

	json_record(l->json, "nodes", rec, l->secrets);
	if (l->tree)
		show_tree_record(stdout, &l->last, false, rec);
	else
		show_node_line(stdout, rec);
	return ISCSI_SUCCESS;
}

static enum iscsi_err node_list(struct adm *adm)
{
	struct adm_selection all = { .port = -1 };
	struct listing listing = {
		.json = adm->json, .tree = adm->opt.print_level == 1,
		.secrets = adm->opt.show_secrets,
	};
	enum iscsi_err err;
	size_t count;

	if (adm->opt.print_level > 1 || adm->opt.print_level < OPTION_UNSET)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid info level %d. Try 0 or 1.",
				  adm->opt.print_level);
	err = adm_each_node(adm, &all, list_node, &listing, &count);
	if (err)
		return err;
	if (listing.tree)
		show_unreadable(stdout, "Unreadable", adm->unreadable, adm->unreadable_count);
	return count ? ISCSI_SUCCESS : no_records();
}

static enum iscsi_err show_node(void *arg, const struct iscsi_db_record *rec)
{
	struct listing *l = arg;

	json_record(l->json, "nodes", rec, l->secrets);
	return show_record(stdout, rec, l->secrets);
}

static enum iscsi_err node_show(struct adm *adm, const struct adm_selection *sel)
{
	struct listing listing = { .json = adm->json, .secrets = adm->opt.show_secrets };
	size_t count;

	return adm_each_node(adm, sel, show_node, &listing, &count) ?:
	       (count ? ISCSI_SUCCESS : no_records());
}

/* ---- update and delete ----------------------------------------------------------------- */

struct change {
	struct adm *adm;
	const struct adm_selection *sel;
	iscsi_db_record_fn *fn;
	size_t count;			/* records that @sel selects */
	struct adm_records deleted;	/* of these, those whose deletion is staged */
	unsigned int unreadable;	/* unreadable records whose deletion is staged */
	enum iscsi_err first;
	bool no_summary;
	/* What was said last, since a reason that all records share is said once. */
	struct iscsi_why last, last_hint;
	struct iscsi_why hint;		/* kept to be said after the reason */
};

static void change_failed(struct change *c, enum iscsi_err err, const struct iscsi_why *why)
{
	adm_keep_first(&c->first, err);
	if (!streq(c->last.text, why->text))
		(void)adm_fail(err, why);
	c->last = *why;
}

static void say_hint(struct change *c)
{
	if (!*c->hint.text)
		return;
	if (!streq(c->hint.text, c->last_hint.text))
		adm_error("%s", c->hint.text);
	c->last_hint = c->hint;
	*c->hint.text = '\0';
}

/* Iface mode changes an interface's settings; only its transport may be changed here too. */
static bool is_iface_key(const char *key)
{
	return !strncmp(key, "iface.", 6) && !streq(key, "iface.transport_name");
}

static bool is_transport_key(const char *key)
{
	return streq(key, "iface.transport_name") || streq(key, "node.transport_name");
}

/* Sets all pairs in a copy, so that a record is changed wholly or not at all. */
static enum iscsi_err update_copy(struct change *c, struct iscsi_db_record *copy)
{
	const struct options *opt = &c->adm->opt;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	for (size_t i = 0; i < opt->pair_count; i++) {
		const struct option_pair *p = &opt->pairs[i];

		if (is_transport_key(p->name) && adm_count_sessions(c->adm, copy, false)) {
			c->no_summary = true;
			change_failed(c, iscsi_fail(&why, ISCSI_ERR_SESS_EXISTS,
						    "Cannot modify %s. A session is using it. "
						    "Log out first.", p->name), &why);
			return ISCSI_ERR_SESS_EXISTS;	/* ends the walk: no record is changed */
		}
		err = iscsi_db_record_update(copy, p->name, p->value, adm_keep_warning, &c->hint,
					     &why);
		if (err)
			change_failed(c, err, &why);
		say_hint(c);
		if (err)
			return err == ISCSI_ERR_NOMEM ? err : ISCSI_SUCCESS;
	}
	err = iscsi_db_node_write(c->adm->db, copy, &why);
	if (err)
		change_failed(c, err, &why);
	return ISCSI_SUCCESS;
}

static enum iscsi_err update_selected(void *arg, const struct iscsi_db_record *rec)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;

	return iscsi_db_record_copy(rec, &copy) ?: update_copy(arg, copy);
}

static enum iscsi_err delete_selected(void *arg, const struct iscsi_db_record *rec)
{
	struct change *c = arg;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (adm_is_in_use(c->adm, rec)) {
		adm_keep_first(&c->first, ISCSI_ERR_SESS_EXISTS);
		return ISCSI_SUCCESS;
	}
	err = iscsi_db_node_delete(c->adm->db, rec, &why);
	if (!err)
		return adm_records_copy(&c->deleted, rec);
	change_failed(c, err, &why);
	return ISCSI_SUCCESS;
}

/* The logins of a record that is kept go on. */
static void call_off_deleted(struct change *c)
{
	if (c->first)
		(void)attempts_call_off_nodes(c->adm, &c->deleted, NULL);
	else if (c->count || c->unreadable)
		(void)attempts_call_off(c->adm, c->sel, NULL);
}

/* An adm_stage_fn: calls c->fn, which stages a change, for each selected record. */
static enum iscsi_err stage_changes(void *arg)
{
	struct change *c = arg;
	enum iscsi_err err;

	err = adm_each_node(c->adm, c->sel, c->fn, c, &c->count);
	if (!err && c->fn == delete_selected)
		err = adm_delete_unreadable(c->adm, c->sel, &c->unreadable);
	return err;
}

static enum iscsi_err change_nodes(struct adm *adm, const struct adm_selection *sel,
				   iscsi_db_record_fn *fn)
{
	struct change change = { .adm = adm, .sel = sel, .fn = fn };
	enum iscsi_err err = adm_need_sessions(adm);

	if (err)
		return err;
	err = adm_change(adm, stage_changes, &change);
	if (!err && fn == delete_selected)
		call_off_deleted(&change);
	adm_records_done(&change.deleted);
	if (!err && !change.count && !change.unreadable)
		return no_records();
	if (!err)
		adm_say_unreadable_deleted(change.unreadable);
	adm_keep_first(&change.first, err);
	if (change.first && !change.no_summary)
		adm_error(ON_ALL "%s", iscsi_db_err_text(change.first));
	return change.first;
}

/* Refuses a pair that no record can take, before records are looked for. */
static enum iscsi_err check_pair(const struct option_pair *pair)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };

	if (!is_iface_key(pair->name))
		return ISCSI_SUCCESS;
	return adm_fail(iscsi_db_record_new(ISCSI_DB_NODE, &rec) ?:
			iscsi_db_record_update(rec, pair->name, pair->value, NULL, NULL, &why),
			&why);
}

static enum iscsi_err node_update(struct adm *adm, const struct adm_selection *sel)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	if (!adm->opt.pair_count)
		return adm_refuse(ISCSI_ERR_INVAL, "update requires name and value");
	for (size_t i = 0; i < adm->opt.pair_count && !err; i++)
		err = check_pair(&adm->opt.pairs[i]);
	if (!err)
		err = change_nodes(adm, sel, update_selected);
	/* What boot has asked for is tried until the record says otherwise. */
	for (size_t i = 0; i < adm->opt.pair_count && !err; i++)
		if (streq(adm->opt.pairs[i].name, "node.startup") &&
		    streq(adm->opt.pairs[i].value, "manual"))
			(void)attempts_call_off_wanted(adm, sel);
	return err;
}

/* ---- new ------------------------------------------------------------------------------- */

struct addition {
	struct adm *adm;
	const struct adm_selection *sel;
	const struct iscsi_db_record *template;
	struct adm_identity id;
	struct adm_records added;
	bool tpgt_found;
};

static enum iscsi_err stage_added_node(struct addition *a)
{
	struct iscsi_db_record *rec = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_record_copy(a->template, &rec) ?:
			     adm_identify(rec, &a->id, &why) ?:
			     iscsi_db_node_write(a->adm->db, rec, &why);

	if (err)
		iscsi_db_record_free(rec);
	else
		err = adm_records_add(&a->added, rec);
	return adm_fail(err, &why);
}

static bool same_portal(const struct iscsi_db_record *a, const struct iscsi_db_record *b)
{
	static const char *const keys[] = {
		"node.conn[0].address", "node.conn[0].port", "node.tpgt", "node.name",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!streq(iscsi_db_record_get(a, keys[i]), iscsi_db_record_get(b, keys[i])))
			return false;
	}
	return true;
}

/* An iscsi_db_record_fn: makes the record of an existing portal anew. */
static enum iscsi_err add_again(void *arg, const struct iscsi_db_record *rec)
{
	struct addition *a = arg;

	/* The records of a portal follow each other and differ in their interface: add one. */
	if (a->added.len && same_portal(rec, a->added.list[a->added.len - 1]))
		return ISCSI_SUCCESS;
	a->id.target = iscsi_db_record_get(rec, "node.name");
	a->id.address = iscsi_db_record_get(rec, "node.conn[0].address");
	a->id.port = iscsi_db_record_get_int(rec, "node.conn[0].port");
	a->id.tpgt = iscsi_db_record_get_int(rec, "node.tpgt");
	return stage_added_node(a);
}

/* An iscsi_db_record_fn: takes over the tpgt of an existing record of the same portal. */
static enum iscsi_err adopt_tpgt(void *arg, const struct iscsi_db_record *rec)
{
	struct addition *a = arg;
	int tpgt = iscsi_db_record_get_int(rec, "node.tpgt");

	if (a->tpgt_found || tpgt == ISCSI_TPGT_UNKNOWN)
		return ISCSI_SUCCESS;
	a->tpgt_found = true;
	a->id.tpgt = tpgt;
	adm_error("using tpgt %d from existing record", tpgt);
	return ISCSI_SUCCESS;
}

/* An adm_stage_fn. */
static enum iscsi_err stage_additions(void *arg)
{
	struct addition *a = arg;
	const struct adm_selection *sel = a->sel;
	struct iscsi_db_filter same = {
		.target = sel->target, .address = sel->address, .port = sel->port,
	};
	struct adm_selection any_iface = *sel;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (!sel->target || !sel->address) {
		any_iface.iface = NULL;
		any_iface.literal = true;
		return adm_each_node(a->adm, &any_iface, add_again, a, NULL);
	}
	a->id.target = sel->target;
	a->id.address = sel->address;
	a->id.port = sel->port;
	a->id.tpgt = a->adm->opt.portal.tpgt;
	err = iscsi_db_check_name(sel->target, &why);
	if (!err && a->id.tpgt == ISCSI_TPGT_UNKNOWN)
		err = iscsi_db_node_each(a->adm->db, &same, NULL, NULL, adopt_tpgt, a, &why);
	if (err)
		return adm_fail(err, &why);
	return stage_added_node(a);
}

static enum iscsi_err add_and_say(struct addition *a)
{
	enum iscsi_err err = adm_change(a->adm, stage_additions, a);
	char what[SHOW_WHOLE_NODE_MAX];

	if (err)
		return err;
	if (!a->added.len)
		return adm_refuse(ISCSI_ERR_INVAL, "Error while adding record: no record has "
				  "this %s; give both a target (-T) and a portal (-p)",
				  a->sel->target ? "target" : "portal");
	for (size_t i = 0; i < a->added.len; i++) {
		show_format_whole_node(what, sizeof(what), a->added.list[i]);
		print_to(stdout, "New iSCSI node %s added\n", what);
		json_record(a->adm->json, "nodes", a->added.list[i], false);
	}
	return ISCSI_SUCCESS;
}

/* A new record has the settings of iscsid.conf; it replaces an existing record. */
static enum iscsi_err node_new(struct adm *adm, const struct adm_selection *sel,
			       const struct iscsi_db_record *iface)
{
	struct addition a = { .adm = adm, .sel = sel, .id.discovery_type = "static" };
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *template = NULL, *builtin = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (!sel->target && !sel->address)
		return adm_refuse(ISCSI_ERR_INVAL, "new requires a target (-T) and a portal "
				  "(-p), or one of them; without both, every record would be "
				  "reset");
	err = adm_need_db(adm);
	if (!err && !iface) {
		err = iscsi_db_iface_read(adm->db, "default", &builtin, &why);
		(void)adm_fail(err, &why);
	}
	if (!err)
		err = adm_new_node(adm, iface ? iface : builtin, &template);
	if (!err) {
		a.template = template;
		err = add_and_say(&a);
	}
	adm_records_done(&a.added);
	return err;
}

/* ---- login ----------------------------------------------------------------------------- */

enum iscsi_err mode_node_login(struct adm *adm, const struct adm_selection *sel,
			       const struct login_how *how)
{
	struct adm_records records = { NULL, 0 };
	enum iscsi_err err = adm_each_node(adm, sel, adm_records_copy, &records, NULL);

	if (!err)
		err = records.len ? logins_run(adm, records.list, how->another ? 1 : records.len, how) :
				    no_records();
	adm_records_done(&records);
	return err;
}

/* Whether one of the two startup words of a record matches. */
static bool startup_matches(const struct iscsi_db_record *rec, const char *word)
{
	if (streq(word, "boot"))
		return startup_matches(rec, "automatic") || startup_matches(rec, "onboot");
	return streq(word, "all") ||
	       streq(iscsi_db_record_get(rec, "node.startup"), word) ||
	       streq(iscsi_db_record_get(rec, "node.conn[0].startup"), word);
}

struct startup {
	const char *word;
	struct adm_records plain, leading;
};

static enum iscsi_err pick_startup(void *arg, const struct iscsi_db_record *rec)
{
	struct startup *s = arg;

	if (!startup_matches(rec, s->word))
		return ISCSI_SUCCESS;
	return adm_records_copy(iscsi_db_record_get_int(rec, "node.leading_login") ?
				&s->leading : &s->plain, rec);
}

/* A target with a "leading" login gets one session, through the first interface that works. */
struct leading {
	struct adm *adm;
	const struct adm_records *records;
	struct iscsi_db_record **batch;
};

static bool target_has_session(struct adm *adm, const struct iscsi_db_record *rec)
{
	size_t first;

	return snapshot_of_target(adm->sessions, iscsi_db_record_get(rec, "node.name"),
				      &first) > 0;
}

/* An iscsi_db_record_fn: tries the targets without a session through this interface. */
static enum iscsi_err login_leading_iface(void *arg, const struct iscsi_db_record *iface)
{
	const char *name = iscsi_db_record_get(iface, "iface.iscsi_ifacename");
	struct login_how how = { .quiet_end = true, .leading = true };
	struct leading *l = arg;
	enum iscsi_err err;
	size_t n = 0;

	err = adm_need_sessions(l->adm);
	if (err)
		return err;
	for (size_t i = 0; i < l->records->len; i++) {
		struct iscsi_db_record *rec = l->records->list[i];

		if (streq(iscsi_db_record_get(rec, "iface.iscsi_ifacename"), name) &&
		    !target_has_session(l->adm, rec))
			l->batch[n++] = rec;
	}
	if (!n)
		return ISCSI_SUCCESS;
	if (logins_run(l->adm, l->batch, n, &how))
		adm_error("Could not log into all portals on %s, trying next interface", name);
	return ISCSI_SUCCESS;
}

/* Fails only if a target got a session through no interface. */
static enum iscsi_err login_leading(struct adm *adm, const struct adm_records *records)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *built_in = NULL;
	struct leading l = { .adm = adm, .records = records };
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_ERR_NOMEM;

	l.batch = calloc(records->len, sizeof(*l.batch));
	if (l.batch)
		err = iscsi_db_iface_each(adm->db, adm_warn, NULL, login_leading_iface, &l, &why) ?:
		      iscsi_db_iface_read(adm->db, "default", &built_in, &why) ?:
		      login_leading_iface(&l, built_in);
	free(l.batch);
	err = adm_fail(err, &why) ?: adm_need_sessions(adm);
	if (err)
		return err;
	for (size_t i = 0; i < records->len; i++) {
		if (target_has_session(adm, records->list[i]))
			continue;
		return adm_refuse(ISCSI_ERR_FATAL_LOGIN, "Could not login all leading-login "
				  "portals");
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err node_login_all(struct adm *adm)
{
	struct startup startup = { .word = adm->opt.login_all };
	struct login_how how = { .no_wait = adm->opt.no_wait };
	struct adm_selection all = { .port = -1 };
	enum iscsi_err err = adm_each_node(adm, &all, pick_startup, &startup, NULL);

	if (!err && !startup.plain.len && !startup.leading.len) {
		err = no_records();
	} else if (!err) {
		if (startup.plain.len)
			err = logins_run(adm, startup.plain.list, startup.plain.len, &how);
		if (startup.leading.len)
			adm_keep_first(&err, login_leading(adm, &startup.leading));
	}
	adm_records_done(&startup.plain);
	adm_records_done(&startup.leading);
	return err;
}

/* ---- logout by startup ----------------------------------------------------------------- */

/* A session, and whether one of its records says that it is to be logged out. */
struct logout_all {
	struct adm *adm;
	const char *word;
	const struct sysfs_session *session;
	bool found;
	struct adm_records nodes;
};

/* What booting has made stays. */
static bool logout_all_means(const struct logout_all *l, const struct iscsi_db_record *rec)
{
	return !streq(iscsi_db_record_get(rec, "node.startup"), "onboot") &&
	       !streq(iscsi_db_record_get(rec, "node.discovery_type"), "fw") &&
	       startup_matches(rec, l->word);
}

/* An iscsi_db_record_fn. Sessions without a record are left alone. */
static enum iscsi_err judge_session(void *arg, const struct iscsi_db_record *rec)
{
	struct logout_all *l = arg;

	if (adm_session_is_of(l->adm, l->session, rec) && logout_all_means(l, rec))
		l->found = true;
	return ISCSI_SUCCESS;
}

/* An iscsi_db_record_fn. */
static enum iscsi_err pick_logout(void *arg, const struct iscsi_db_record *rec)
{
	struct logout_all *l = arg;

	return logout_all_means(l, rec) ? adm_records_copy(&l->nodes, rec) : ISCSI_SUCCESS;
}

/* The same for logins that are still under way: how many ended, and why not all of them did. */
static enum iscsi_err call_off_all(struct logout_all *l, size_t *ret, enum iscsi_err *ret_failed)
{
	const struct adm_selection all = { .port = -1 };
	enum iscsi_err err = ISCSI_SUCCESS;
	size_t count;

	*ret_failed = attempts_count(l->adm, &count);
	if (count)
		err = adm_each_node(l->adm, &all, pick_logout, l, NULL);
	if (!err)
		adm_keep_first(ret_failed, attempts_call_off_nodes(l->adm, &l->nodes, ret));
	adm_records_done(&l->nodes);
	return err;
}

static enum iscsi_err node_logout_all(struct adm *adm)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	struct logout_all l = { .adm = adm, .word = adm->opt.logout_all };
	enum iscsi_err err, not_all;
	size_t count, called_off, n = 0;

	err = call_off_all(&l, &called_off, &not_all) ?: adm_need_sessions(adm);
	if (err)
		return err;
	count = snapshot_count(adm->sessions);
	list = calloc(count, sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < count; i++) {
		struct adm_selection sel = { .literal = true };

		l.session = snapshot_by_target(adm->sessions, i);
		l.found = false;
		sel.target = l.session->target;
		sel.address = l.session->persistent_address;
		sel.port = l.session->persistent_port;
		err = adm_each_node(adm, &sel, judge_session, &l, NULL);
		if (err)
			return err;
		if (l.found)
			list[n++] = l.session;
	}
	if (!n && !called_off && !not_all)
		return adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No matching sessions found");
	err = n ? logouts_run(adm, list, n) : ISCSI_SUCCESS;
	adm_keep_first(&err, not_all);
	return err;
}

/* ---- the mode -------------------------------------------------------------------------- */

enum iscsi_err mode_node_operate(struct adm *adm, const struct adm_selection *sel)
{
	const struct options *opt = &adm->opt;

	if (opt->rescan)
		return sessions_rescan(adm, sel);
	if (opt->stats)
		return sessions_stats(adm, sel);
	if (opt->login && opt->logout)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid parameters. Both login and logout "
				  "passed in");
	if ((opt->login || opt->logout) && opt->ops)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid parameters. Login/logout and op "
				  "passed in");
	if (opt->mode == MODE_NODE && !opt->login && !opt->logout && !opt->ops && !opt->target &&
	    !opt->iface_count && !sel->address)
		return node_list(adm);
	if (opt->login)
		return mode_node_login(adm, sel, &(struct login_how){ .no_wait = opt->no_wait });
	if (opt->logout)
		return sessions_logout(adm, sel);
	if (!opt->ops || opt->ops == OP_SHOW) {
		struct adm_selection any_transport = *sel;

		any_transport.transport = NULL;
		return node_show(adm, &any_transport);
	}
	if (opt->ops == OP_UPDATE)
		return node_update(adm, sel);
	if (opt->ops == OP_DELETE)
		return change_nodes(adm, sel, delete_selected);
	return adm_refuse(ISCSI_ERR_INVAL, "operation is not supported.");
}

static enum iscsi_err node_run_selected(struct adm *adm, struct adm_selection *sel,
					const struct iscsi_db_record *iface)
{
	if (iface)
		sel->transport = iscsi_db_record_get(iface, "iface.transport_name");
	if (adm->opt.ops == OP_NEW)
		return node_new(adm, sel, iface);
	return mode_node_operate(adm, sel);
}

enum iscsi_err mode_node_run(struct adm *adm)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	struct adm_selection sel;

	if (adm->opt.login_all)
		return node_login_all(adm);
	if (adm->opt.logout_all)
		return node_logout_all(adm);
	adm_select(adm, &sel);
	if (adm->opt.iface_count > 1)
		adm_error("NODE mode only accepts one interface. Using the first one %s.",
			  sel.iface);
	if (sel.iface) {
		enum iscsi_err err = adm_need_db(adm);

		if (err)
			return err;
		if (adm_read_iface(adm, sel.iface, "Could not read iface info for ", ".", &iface))
			return ISCSI_ERR_NOMEM;
	}
	return node_run_selected(adm, &sel, iface);
}
