/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m iface": the records of interfaces. A setting that is updated is updated in the node records
 * bound to the interface too, and an interface that is deleted takes those records with it, under
 * one lock and with one commit.
 */
#include "iscsiadm/mode_iface.h"

#include "iscsiadm/attempts.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

static const char *const builtins[] = { "default", "iser" };

static bool is_builtin(const char *name)
{
	return streq(name, builtins[0]) || streq(name, builtins[1]);
}

/* Whether a session uses the interface. */
static bool in_use(struct adm *adm, const char *name)
{
	for (size_t i = 0; i < snapshot_count(adm->sessions); i++) {
		const struct sysfs_session *s = snapshot_detail(adm->sessions,
			snapshot_get(adm->sessions, i), SYSFS_DETAIL_STATE);

		if (s && streq(snapshot_iface(s), name))
			return true;
	}
	return false;
}

/* ---- list and show --------------------------------------------------------------------- */

/* An iscsi_db_record_fn. */
static enum iscsi_err list_line(void *arg, const struct iscsi_db_record *iface)
{
	const struct adm *adm = arg;

	json_record(adm->json, "ifaces", iface, adm->opt.show_secrets);
	show_iface_line(stdout, iface);
	return ISCSI_SUCCESS;
}

/* Calls @fn for each interface: the records first, then the built-in interfaces. */
static enum iscsi_err each_iface(struct adm *adm, iscsi_db_record_fn *fn, void *arg)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_iface_each(adm->db, adm_warn, NULL, fn, arg, &why);

	for (size_t i = 0; i < ARRAY_SIZE(builtins) && !err; i++) {
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;

		err = iscsi_db_iface_read(adm->db, builtins[i], &iface, &why) ?: fn(arg, iface);
	}
	return adm_fail(err, &why);
}

static enum iscsi_err open_iface(struct adm *adm, const char *name, struct iscsi_db_record **ret)
{
	return adm_read_iface(adm, name, "Failed to open the interface record ", "", ret) ?
	       ISCSI_ERR_IDBM : ISCSI_SUCCESS;
}

static enum iscsi_err show_one(struct adm *adm, const char *name)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	enum iscsi_err err = open_iface(adm, name, &iface);

	if (err)
		return err;
	json_record(adm->json, "ifaces", iface, adm->opt.show_secrets);
	return adm_fail(show_record(stdout, iface, adm->opt.show_secrets), NULL);
}

struct bound_nodes {
	const struct adm *adm;
	struct adm_records all;
};

/* An iscsi_db_record_fn. Without nodes no interface is listed. */
static enum iscsi_err list_bound_nodes(void *arg, const struct iscsi_db_record *iface)
{
	const char *name = iscsi_db_record_get(iface, "iface.iscsi_ifacename");
	const struct bound_nodes *b = arg;
	const struct adm_records *nodes = &b->all;
	const char *last = NULL;

	if (!nodes->len)
		return ISCSI_SUCCESS;
	json_record(b->adm->json, "ifaces", iface, b->adm->opt.show_secrets);
	print_to(stdout, "Iface: %s\n", name);
	for (size_t i = 0; i < nodes->len; i++) {
		const struct iscsi_db_record *node = nodes->list[i];
		const char *target = iscsi_db_record_get(node, "node.name");

		if (!streq(iscsi_db_record_get(node, "iface.iscsi_ifacename"), name))
			continue;
		json_record(b->adm->json, "nodes", node, b->adm->opt.show_secrets);
		if (!last || !streq(last, target))
			print_to(stdout, "\tTarget: %s\n", target);
		last = target;
		fputs("\t\tPortal: ", stdout);
		show_address(stdout, iscsi_db_record_get(node, "node.conn[0].address"),
			     iscsi_db_record_get_int(node, "node.conn[0].port"),
			     iscsi_db_record_get_int(node, "node.tpgt"));
		putchar('\n');
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err show_bound_nodes(struct adm *adm, const char *only)
{
	struct adm_selection all = { .port = -1 };
	struct bound_nodes nodes = { .adm = adm };
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	enum iscsi_err err = adm_each_node(adm, &all, adm_records_copy, &nodes.all, NULL);

	if (!err && nodes.all.len && only)
		err = open_iface(adm, only, &iface) ?: list_bound_nodes(&nodes, iface);
	else if (!err)
		err = each_iface(adm, list_bound_nodes, &nodes);
	adm_records_done(&nodes.all);
	if (!err)
		show_unreadable(stdout, "Unreadable", adm->unreadable, adm->unreadable_count);
	return err;
}

static enum iscsi_err show_ifaces(struct adm *adm, const char *name)
{
	int level = adm->opt.print_level;

	if (level > 1 || level < OPTION_UNSET)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid info level %d. Try 0 - 1.", level);
	if (level == 1)
		return show_bound_nodes(adm, name);
	if (name)
		return show_one(adm, name);
	return each_iface(adm, list_line, adm);
}

/* ---- changes --------------------------------------------------------------------------- */

static enum iscsi_err apply_pairs(struct adm *adm, struct iscsi_db_record *iface)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < adm->opt.pair_count && !err; i++) {
		const struct option_pair *p = &adm->opt.pairs[i];

		if (streq(p->name, "iface.iscsi_ifacename"))
			err = iscsi_fail(&why, ISCSI_ERR_INVAL, "Can not update %s. Delete it, "
					 "and then create a new one.", p->name);
		if (!err)
			err = iscsi_db_record_update(iface, p->name, p->value, adm_warn, NULL,
						     &why);
	}
	return adm_fail(err, &why);
}

/* A change of one interface record and of the node records bound to it. */
struct iface_change {
	struct adm *adm;
	const char *name;
	const struct iscsi_db_record *iface;	/* as it will be */
	unsigned int unreadable;	/* unreadable node records whose deletion is staged */
};

static enum iscsi_err change_iface(struct iface_change *c, adm_stage_fn *stage)
{
	return adm_need_sessions(c->adm) ?: adm_change(c->adm, stage, c);
}

static void warn_if_used(struct adm *adm, const char *name)
{
	if (in_use(adm, name))
		adm_error("Updating %s while a session uses it. The session keeps its settings "
			  "until it is logged out and in again.", name);
}

/* Whether the interface has a record, be it unreadable. */
static bool has_record(struct adm *adm, const char *name)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;

	return iscsi_db_iface_read(adm->db, name, &iface, NULL) != ISCSI_ERR_NO_OBJS_FOUND;
}

/*
 * An iscsi_db_record_fn: sets the same keys in a node bound to the interface. The values are those
 * of the interface record, which may differ from what was typed.
 */
static enum iscsi_err update_bound_node(void *arg, const struct iscsi_db_record *rec)
{
	const struct iface_change *c = arg;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *copy = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_record_copy(rec, &copy);

	for (size_t i = 0; i < c->adm->opt.pair_count && !err; i++) {
		const char *key = c->adm->opt.pairs[i].name;

		err = iscsi_db_record_set(copy, key, iscsi_db_record_get(c->iface, key), &why);
	}
	if (!err)
		err = iscsi_db_node_write(c->adm->db, copy, &why);
	return *why.text ? adm_fail(err, &why) : err;
}

/* Stages the interface record and, in the nodes bound to it, the settings that were typed. */
static enum iscsi_err stage_with_nodes(struct adm *adm, const struct iscsi_db_record *iface)
{
	struct adm_selection bound = {
		.port = -1, .iface = iscsi_db_record_get(iface, "iface.iscsi_ifacename"),
	};
	struct iface_change change = { .adm = adm, .iface = iface };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	err = adm_fail(iscsi_db_iface_write(adm->db, iface, &why), &why);
	if (err || !adm->opt.pair_count)
		return err;
	return adm_each_node(adm, &bound, update_bound_node, &change, NULL);
}

static enum iscsi_err stage_iface(struct adm *adm, const char *name)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_record_new(ISCSI_DB_IFACE, &iface) ?:
		iscsi_db_record_set(iface, "iface.iscsi_ifacename", name, &why) ?:
		iscsi_db_record_set(iface, "iface.transport_name", "tcp", &why);

	return adm_fail(err, &why) ?: apply_pairs(adm, iface) ?: stage_with_nodes(adm, iface);
}

/* An adm_stage_fn. */
static enum iscsi_err stage_iface_new(void *arg)
{
	const struct iface_change *c = arg;
	struct adm *adm = c->adm;

	if (is_builtin(c->name))
		return adm_refuse(ISCSI_ERR_INVAL, "iface %s is a special interface and is not "
				  "stored in %s/ifaces.", c->name, iscsi_db_root(adm->db));
	if (in_use(adm, c->name) && has_record(adm, c->name))
		return adm_refuse(ISCSI_ERR_SESS_EXISTS, "A session is using the interface %s.",
				  c->name);
	warn_if_used(adm, c->name);
	return stage_iface(adm, c->name);
}

static enum iscsi_err iface_new(struct adm *adm, const char *name)
{
	struct iface_change change = { .adm = adm, .name = name };
	enum iscsi_err err;

	if (!name)
		return adm_refuse(ISCSI_ERR_INVAL, "Could not add interface. No interface passed in.");
	err = change_iface(&change, stage_iface_new);
	if (err)
		adm_error("Could not create new interface %s.", name);
	else
		print_to(stdout, "%s updated.\nNew interface %s added\n", name, name);
	return err;
}

/* An adm_stage_fn. */
static enum iscsi_err stage_iface_update(void *arg)
{
	const struct iface_change *c = arg;
	struct adm *adm = c->adm;
	const char *name = c->name;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;

	if (is_builtin(name))
		return adm_refuse(ISCSI_ERR_INVAL, "iface %s is a special interface and cannot "
				  "be modified.", name);
	if (adm_read_iface(adm, name, "Could not read iface info for ", ".", &iface))
		return ISCSI_ERR_INVAL;
	warn_if_used(adm, name);
	return apply_pairs(adm, iface) ?: stage_with_nodes(adm, iface);
}

static enum iscsi_err iface_update(struct adm *adm, const char *name)
{
	struct iface_change change = { .adm = adm, .name = name };
	enum iscsi_err err;

	if (!name || !adm->opt.pair_count)
		return adm_refuse(ISCSI_ERR_INVAL, "Update requires name, value, and iface.");
	err = change_iface(&change, stage_iface_update);
	if (!err)
		print_to(stdout, "%s updated.\n", name);
	else
		adm_error("Could not update iface %s: %s", name, iscsi_db_err_text(err));
	return err;
}

/* An iscsi_db_record_fn. */
static enum iscsi_err delete_bound_node(void *arg, const struct iscsi_db_record *rec)
{
	struct iscsi_why why = { "" };
	struct adm *adm = arg;

	if (adm_is_in_use(adm, rec))
		return ISCSI_ERR_SESS_EXISTS;
	return adm_fail(iscsi_db_node_delete(adm->db, rec, &why), &why);
}

/* Stages the deletion of the nodes bound to the interface, readable or not. */
static enum iscsi_err stage_bound_nodes_delete(struct adm *adm, const char *name,
					       unsigned int *ret_unreadable)
{
	struct adm_selection bound = { .port = -1, .iface = name };

	return adm_each_node(adm, &bound, delete_bound_node, adm, NULL) ?:
	       adm_delete_unreadable(adm, &bound, ret_unreadable);
}

/* An adm_stage_fn. */
static enum iscsi_err stage_iface_delete(void *arg)
{
	struct iface_change *c = arg;
	struct adm *adm = c->adm;
	const char *name = c->name;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (is_builtin(name))
		return adm_refuse(ISCSI_ERR_INVAL, "iface %s is a special interface and cannot "
				  "be deleted.", name);
	err = iscsi_db_iface_read(adm->db, name, &iface, &why);
	(void)adm_fail(err, &why);
	/* ISCSI_ERR_IDBM: an unreadable record, which can be deleted too. */
	if (err && err != ISCSI_ERR_IDBM)
		return adm_refuse(ISCSI_ERR_INVAL, "Could not read iface info for %s.", name);
	err = stage_bound_nodes_delete(adm, name, &c->unreadable);
	if (!err && in_use(adm, name)) {
		adm_error("A session is using the interface %s.", name);
		err = ISCSI_ERR_SESS_EXISTS;
	}
	if (!err)
		err = adm_fail(iscsi_db_iface_delete(adm->db, name, &why), &why);
	return err;
}

static enum iscsi_err iface_delete(struct adm *adm, const char *name)
{
	struct iface_change change = { .adm = adm, .name = name };
	enum iscsi_err err;

	if (!name)
		return adm_refuse(ISCSI_ERR_INVAL, "Could not delete interface. No interface passed in.");
	err = change_iface(&change, stage_iface_delete);
	if (err)
		return adm_refuse(err, "Could not delete iface %s: %s", name,
				  iscsi_db_err_text(err));
	adm_say_unreadable_deleted(change.unreadable);
	print_to(stdout, "%s unbound and deleted.\n", name);
	(void)attempts_call_off(adm, &(struct adm_selection){ .port = -1, .iface = name }, NULL);
	return ISCSI_SUCCESS;
}

/* ---- what only cards need -------------------------------------------------------------- */

/*
 * The setting that only a card could carry out; NULL: none. These two make open-iscsi fail, while
 * open-iscsi answers all other settings with "nothing to do".
 */
static const char *card_setting(const struct iscsi_db_record *iface)
{
	const char *address = iscsi_db_record_get(iface, "iface.ipaddress");
	const char *bootproto = iscsi_db_record_get(iface, "iface.bootproto");

	if (*address && !streq(address, "default"))
		return "iface.ipaddress";
	return streq(bootproto, "dhcp") ? "iface.bootproto = dhcp" : NULL;
}

static enum iscsi_err iface_apply(struct adm *adm, const char *name)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	const char *setting;

	if (!name)
		return adm_refuse(ISCSI_ERR_INVAL, "Apply requires iface.");
	if (adm_read_iface(adm, name, "Could not read iface ", " (6).", &iface))
		return ISCSI_ERR_IDBM;
	setting = card_setting(iface);
	if (setting) {
		adm_error("iface %s: %s is for cards; a software interface has the addresses "
			  "of its network device", name, setting);
		return adm_refuse(ISCSI_ERR, "Could not apply net configuration: %s",
				  iscsi_db_err_text(ISCSI_ERR));
	}
	adm_error("Nothing to configure.");
	print_to(stdout, "%s applied.\n", name);
	return ISCSI_SUCCESS;
}

static enum iscsi_err iface_apply_all(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	struct sysfs_host host;
	enum iscsi_err err;

	if (!opt->has_host || strchr(opt->host, ':'))
		return adm_refuse(ISCSI_ERR_INVAL, "Applyall requires a host number (-H).");
	err = adm_need_sysfs(adm);
	if (err)
		return err;
	if (sysfs_read_host(adm->sysfs, (int)opt->host_no, &host))
		return adm_refuse(ISCSI_ERR_TRANS_NOT_FOUND, "Could not match hostno %u to "
				  "transport.", opt->host_no);
	print_to(stdout, "Applied settings to ifaces attached to host%u.\n", opt->host_no);
	return ISCSI_SUCCESS;
}

static enum iscsi_err iface_ping(struct adm *adm, const char *name)
{
	const struct options *opt = &adm->opt;
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;

	if (!name)
		return adm_refuse(ISCSI_ERR_INVAL, "Ping requires iface.");
	if (!opt->ping_address)
		return adm_refuse(ISCSI_ERR_INVAL, "Ping requires destination ipaddress.");
	if (opt->packet_size < 1)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid packet size: %d.", opt->packet_size);
	if (opt->packet_count < 1)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid number of packets to transmit: %d.",
				  opt->packet_count);
	if (opt->interval < 0)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid timing interval: %d.", opt->interval);
	if (adm_read_iface(adm, name, "Could not read iface ", " (6).", &iface))
		return ISCSI_ERR_IDBM;
	/* The kernel can only send pings from the network stack of a card. */
	for (int i = 1; i <= opt->packet_count; i++)
		print_to(stdout, "Ping %d failed: %s\n", i,
			 iscsi_db_err_text(ISCSI_ERR_OP_NOT_SUPP));
	return ISCSI_ERR_OP_NOT_SUPP;
}

/* ---- the mode -------------------------------------------------------------------------- */

enum iscsi_err mode_iface_run(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	const char *name = opt->iface_count ? opt->ifaces[0] : NULL;
	enum iscsi_err err = adm_need_db(adm);

	if (err)
		return err;
	if (opt->iface_count > 1)
		adm_error("iface mode only accepts one interface. Using the first one %s.",
			  name);
	if (opt->submode == SUBMODE_PING)
		return iface_ping(adm, name);
	switch (opt->ops) {
	case 0:
	case OP_SHOW:
		return show_ifaces(adm, name);
	case OP_NEW:
		return iface_new(adm, name);
	case OP_UPDATE:
		return iface_update(adm, name);
	case OP_DELETE:
		return iface_delete(adm, name);
	case OP_APPLY:
		return iface_apply(adm, name);
	case OP_APPLY_ALL:
		return iface_apply_all(adm);
	default:
		return adm_refuse(ISCSI_ERR_INVAL, "operation is not supported.");
	}
}
