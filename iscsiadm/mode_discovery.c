/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m discovery" and "-m discoverydb": asking a portal for targets, and the records of such
 * portals. The two modes differ in what they do with the portal's record: the first resets it,
 * the second keeps it. iscsid asks, through all interfaces at once; the database is locked only
 * after the answers have come. With "-t fw" the firmware names the targets, which are then stored
 * in the same way.
 */
#include "iscsiadm/mode_discovery.h"

#include "iscsiadm/attempts.h"
#include "iscsiadm/found.h"
#include "iscsiadm/logins.h"
#include "iscsiadm/mode_fw.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "iscsiadm/waiting.h"
#include "libiscsi-db/util.h"

#define GRACE_MS	60000
#define ISNS_MS		31000	/* iscsid's own bounds for an iSNS server */
#define CHANGES		(OP_NEW | OP_UPDATE | OP_DELETE)
#define ADDRESS_KEY	"discovery.sendtargets.address"
#define PORT_KEY	"discovery.sendtargets.port"

/* ---- one discovery --------------------------------------------------------------------- */

struct inquiry {
	struct adm *adm;
	enum iscsi_db_kind kind;
	const char *address;
	int port;
	const char *source;		/* a value of node.discovery_type */
	struct iscsi_db_record *rec;	/* the settings with which iscsid asks */
	bool store_rec;			/* store @rec, unless -o says to store nothing */
	struct adm_records ifaces;
	struct found_list found;
	size_t request_count;
	enum iscsi_err *results;	/* one for each interface */

	unsigned int ops;		/* what becomes of the records */
	enum iscsi_err first;		/* why the first record that failed wasn't stored */
	struct adm_records records;	/* of the targets that were found, or that go with @rec */
};

static bool is_tcp(const struct iscsi_db_record *iface)
{
	return streq(iscsi_db_record_get(iface, "iface.transport_name"), "tcp");
}

/* An iscsi_db_record_fn: picks the interfaces through which to ask without -I. */
static enum iscsi_err pick_iface(void *arg, const struct iscsi_db_record *iface)
{
	if (!is_tcp(iface) || streq(iscsi_db_record_get(iface, "iface.iscsi_ifacename"),
				    "default"))
		return ISCSI_SUCCESS;
	return adm_records_copy(arg, iface);
}

static enum iscsi_err read_iface(struct inquiry *d, const char *name)
{
	struct iscsi_db_record *iface;

	if (adm_read_iface(d->adm, name, "Could not read iface info for ", ".", &iface))
		return ISCSI_SUCCESS;	/* the other interfaces are tried */
	if (is_tcp(iface))
		return adm_fail(adm_records_add(&d->ifaces, iface), NULL);
	adm_error("Could not load transport %s. Dropping interface %s.",
		  iscsi_db_record_get(iface, "iface.transport_name"), name);
	iscsi_db_record_free(iface);
	return ISCSI_SUCCESS;
}

/* Picks the interfaces of -I in their order, else all for TCP, else the built-in default. */
static enum iscsi_err pick_ifaces(struct inquiry *d)
{
	const struct options *opt = &d->adm->opt;
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < opt->iface_count && !err; i++)
		err = read_iface(d, opt->ifaces[i]);
	if (err)
		return err;
	if (opt->iface_count && !d->ifaces.len)
		return ISCSI_ERR_NO_OBJS_FOUND;
	if (d->ifaces.len)
		return ISCSI_SUCCESS;
	err = iscsi_db_iface_each(d->adm->db, adm_warn, NULL, pick_iface, &d->ifaces, &why);
	if (err)
		return adm_fail(err, &why);
	return d->ifaces.len ? ISCSI_SUCCESS : read_iface(d, "default");
}

/*
 * Whether two interfaces share a request. An iSNS server isn't asked through an interface: its
 * answer depends on the initiator's name alone, so interfaces with the same name share a request.
 */
static bool same_request(const struct inquiry *d, size_t a, size_t b)
{
	static const char key[] = "iface.initiatorname";

	return a == b || (d->kind == ISCSI_DB_ISNS &&
			  streq(iscsi_db_record_get(d->ifaces.list[a], key),
				iscsi_db_record_get(d->ifaces.list[b], key)));
}

static void inquiry_on_target(struct inquiry *d, const struct mgmt_reply *reply, size_t iface)
{
	struct mgmt_reply target = *reply;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	/* A target without an address is on the portal that named the target. */
	if (!reply->address[0]) {
		target.address = d->address;
		target.port = d->port;
		target.tpgt = ISCSI_TPGT_UNKNOWN;
	}
	err = found_add(&d->found, &target, iface, NULL, &why);
	if (err)
		adm_error("a target that %s,%d reported is left out: %s", d->address, d->port,
			  why.text);
	/*
	 * A record isn't to be deleted because its target, which was reported, isn't kept here. So
	 * the whole answer through this interface counts as failed, and its targets are dropped.
	 */
	if (err == ISCSI_ERR_NOMEM)
		d->results[iface] = err;
}

/* @first: the place of the first interface that this request is for. */
static void inquiry_on_reply(void *arg, size_t first, const struct mgmt_reply *reply)
{
	struct inquiry *d = arg;

	for (size_t i = first; i < d->ifaces.len; i++) {
		if (!same_request(d, first, i))
			continue;
		if (reply->type == MGMT_TARGET) {
			inquiry_on_target(d, reply, i);
			continue;
		}
		adm_keep_first(&d->results[i], reply->err);
		if (d->results[i])	/* an answer that broke off may lack targets */
			found_drop(&d->found, i);
	}
	if (reply->type == MGMT_TARGET || !reply->err || !reply->why[0])
		return;
	if (d->request_count > 1)
		adm_error("%s: %s", iscsi_db_record_get(d->ifaces.list[first],
							"iface.iscsi_ifacename"), reply->why);
	else
		adm_error("%s", reply->why);
}

/*
 * How long the daemon may take: the time for a look-up, and for each attempt the time for a
 * login, which all three time-outs bound, for an answer to SendTargets, and for a pause.
 */
static int inquiry_bound_ms(const struct iscsi_db_record *rec)
{
	int64_t tries = iscsi_db_record_get_int(rec, "discovery.sendtargets.reopen_max");
	int64_t login, auth, active, ms;

	if (iscsi_db_record_kind(rec) == ISCSI_DB_ISNS)
		return ISNS_MS;
	login = iscsi_db_record_get_int(rec, "discovery.sendtargets.timeo.login_timeout");
	auth = iscsi_db_record_get_int(rec, "discovery.sendtargets.timeo.auth_timeout");
	active = iscsi_db_record_get_int(rec, "discovery.sendtargets.timeo.active_timeout");
	ms = (login + (tries + 1) * (login + auth + 2 * active + 1)) * 1000;
	return (int)MIN(ms, 24 * 3600 * 1000);
}

static enum iscsi_err inquiry_queue(struct inquiry *d, size_t i, const char *record)
{
	struct mgmt_request req = {
		.type = MGMT_DISCOVER, .record = record,
		.flags = d->kind == ISCSI_DB_ISNS ? MGMT_ISNS : 0,
	};
	CLEANUP(secret_freep) char *iface = NULL;

	for (size_t earlier = 0; earlier < i; earlier++) {
		if (same_request(d, earlier, i))
			return ISCSI_SUCCESS;
	}
	req.iface = iface = iscsi_db_record_print(d->ifaces.list[i], ISCSI_DB_FORM_FILE);
	d->request_count++;
	return iface ? client_request(d->adm->client, &req, i) : ISCSI_ERR_NOMEM;
}

/* Asks through all interfaces at once. Failures are said; the answers are in @d. */
static enum iscsi_err inquiry_ask(struct inquiry *d)
{
	CLEANUP(secret_freep) char *record = NULL;
	enum iscsi_err err = adm_need_client(d->adm);
	int bound_ms = inquiry_bound_ms(d->rec);

	if (err)
		return err;
	d->results = calloc(d->ifaces.len, sizeof(*d->results));
	record = iscsi_db_record_print(d->rec, ISCSI_DB_FORM_FILE);
	err = d->results && record ? ISCSI_SUCCESS : ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < d->ifaces.len && !err; i++)
		err = inquiry_queue(d, i, record);
	if (err)
		return adm_fail(err, NULL);
	waiting_begin(d->adm->client, bound_ms, true);
	waiting_for(false, "Discovery at %s,%d", d->address, d->port);
	(void)client_run(d->adm->client, bound_ms + GRACE_MS, inquiry_on_reply, d);
	waiting_end();
	return ISCSI_SUCCESS;
}

/*
 * The result of all interfaces together: the first failure, except that failures of the
 * transport don't count if another interface got an answer. @all_answered: no interface failed.
 */
static enum iscsi_err inquiry_result(const struct inquiry *d, bool *all_answered)
{
	enum iscsi_err first = ISCSI_SUCCESS, hard = ISCSI_SUCCESS;
	size_t answered = 0;

	for (size_t i = 0; i < d->ifaces.len; i++) {
		enum iscsi_err err = d->results[i];

		if (!err) {
			answered++;
			continue;
		}
		adm_keep_first(&first, err);
		if (err != ISCSI_ERR_TRANS && err != ISCSI_ERR_TRANS_TIMEOUT)
			adm_keep_first(&hard, err);
	}
	*all_answered = answered == d->ifaces.len;
	return answered ? hard : first;
}

static void inquiry_print(const struct inquiry *d)
{
	struct show_tree tree = { .any = false };
	int level = d->adm->opt.print_level;

	for (size_t i = 0; i < d->found.len; i++) {
		const struct found *f = &d->found.list[i];
		const char *iface = iscsi_db_record_get(d->ifaces.list[f->iface],
							"iface.iscsi_ifacename");

		json_target(d->adm->json, f->target, f->address, f->port, f->tpgt, iface);
		if (level < 1)
			show_target_line(stdout, f->target, f->address, f->port, f->tpgt);
		else if (level == 1)
			show_tree_node(stdout, &tree, true, f->target, f->address, f->port,
				       f->tpgt, iface);
	}
}

/*
 * An adm_stage_fn: stages the records of the portal and of its targets. A record that can't be
 * stored doesn't hinder the others; only a lack of memory stops all of them.
 */
static enum iscsi_err stage_inquiry(void *arg)
{
	struct inquiry *d = arg;
	const struct found_source source = {
		.type = d->source, .address = d->address, .port = d->port,
	};
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (d->store_rec)
		d->first = adm_fail(iscsi_db_discovery_write(d->adm->db, d->rec, &why), &why);
	err = found_store(d->adm, &source, d->ops & CHANGES, &d->found, d->ifaces.list,
			  d->ifaces.len, &d->records);
	adm_keep_first(&d->first, err);
	return err == ISCSI_ERR_NOMEM ? err : ISCSI_SUCCESS;
}

static enum iscsi_err inquiry_finish(struct inquiry *d, bool all_answered)
{
	struct login_how how = { .quiet_end = true };
	enum iscsi_err err;

	found_sort(&d->found);
	d->ops = d->adm->opt.ops ? d->adm->opt.ops : CHANGES;
	if (!all_answered)	/* no record counts as no longer reported */
		d->ops &= ~(unsigned int)OP_DELETE;
	d->store_rec &= !(d->ops & OP_NONPERSISTENT);
	/* Without changes no lock is needed, so the database may be read-only. */
	err = d->store_rec || (d->ops & CHANGES) ? adm_change(d->adm, stage_inquiry, d) :
						   stage_inquiry(d);
	if (d->first)
		err = d->first;
	inquiry_print(d);
	if (d->adm->opt.login && d->records.len)
		adm_keep_first(&err, logins_run(d->adm, d->records.list, d->records.len, &how));
	return err;
}

static void inquiry_done(struct inquiry *d)
{
	found_done(&d->found);
	adm_records_done(&d->ifaces);
	adm_records_done(&d->records);
	free(d->results);
	d->rec = iscsi_db_record_free(d->rec);
}

/* Asks, stores, prints and logs in; ends @d. */
static enum iscsi_err inquiry_run(struct inquiry *d)
{
	const char *what = d->kind == ISCSI_DB_ISNS ? "iSNS" : "SendTargets";
	enum iscsi_err err = pick_ifaces(d) ?: inquiry_ask(d), result;
	bool all_answered;

	if (!err) {
		result = inquiry_result(d, &all_answered);
		if (result)
			adm_error("Could not perform %s discovery: %s", what,
				  iscsi_db_err_text(result));
		if (!d->found.len && !result) {
			adm_error("No portals found");
			result = ISCSI_ERR_NO_OBJS_FOUND;
		}
		if (d->found.len)
			err = inquiry_finish(d, all_answered);
		adm_keep_first(&err, result);
	}
	inquiry_done(d);
	return err;
}

/* ---- what the firmware names ----------------------------------------------------------- */

/* A firmware_no_nic_fn. It uses stderr, since programs take each line of stdout for a target. */
static void on_no_nic(void *arg, int nic, int max_nic)
{
	bool *complete = arg;

	adm_error("Invalid nic-assoc of %d. Max id %d.", nic, max_nic);
	*complete = false;
}

/*
 * Adds one target for each interface. The strings of @t and the array @settings, with room for
 * FIRMWARE_SETTINGS settings for each interface, must outlive d->found.
 */
static enum iscsi_err add_firmware_target(struct inquiry *d, const struct firmware_target *t,
					  struct option_pair *settings, struct iscsi_why *why)
{
	const struct mgmt_reply target = {
		.type = MGMT_TARGET, .name = t->target, .address = t->address, .port = t->port,
		.tpgt = FIRMWARE_TPGT,
	};
	struct found_extra extra = { .setting_count = FIRMWARE_SETTINGS, .tpgt_assumed = true };
	enum iscsi_err err = firmware_check(t, why);

	for (size_t i = 0; i < d->ifaces.len && !err; i++) {
		extra.settings = settings;
		firmware_settings(t, d->ifaces.list[i], settings);
		err = found_add(&d->found, &target, i, &extra, why);
		settings += FIRMWARE_SETTINGS;
	}
	return err;
}

/* If an entry of the table can't be used, no record counts as no longer described. */
static enum iscsi_err add_firmware(struct inquiry *d, const struct firmware_target *list,
				   size_t len, bool complete)
{
	const size_t room = d->ifaces.len * FIRMWARE_SETTINGS;	/* settings of a target */
	CLEANUP(freep) struct option_pair *settings = NULL;
	enum iscsi_err first = ISCSI_SUCCESS;

	settings = calloc(len * room, sizeof(*settings));
	if (!settings)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < len; i++) {
		struct iscsi_why why = { "" };
		enum iscsi_err err = add_firmware_target(d, &list[i], &settings[i * room], &why);

		if (!err)
			continue;
		mode_fw_say_unusable(&list[i], false, &why);
		complete = false;
		adm_keep_first(&first, err);
	}
	return d->found.len ? inquiry_finish(d, complete) : mode_fw_say_none(first);
}

static enum iscsi_err discover_firmware(struct adm *adm)
{
	struct inquiry d = { .adm = adm, .address = "", .source = "fw" };
	struct firmware_target *list;
	bool complete = true;
	enum iscsi_err err;
	size_t len;

	err = mode_fw_read(adm, on_no_nic, &complete, &list, &len);
	if (err)
		return err;
	err = pick_ifaces(&d) ?: add_firmware(&d, list, len, complete);
	inquiry_done(&d);
	firmware_free(list, len);
	return err;
}

/* ---- records of portals ---------------------------------------------------------------- */

/* Makes the portal's record with the settings of iscsid.conf. */
static enum iscsi_err portal_record_new(struct inquiry *d)
{
	enum iscsi_err err = adm_need_config(d->adm);
	struct iscsi_why why = { "" };

	if (err)
		return err;
	err = iscsi_db_check_address(d->address, &why) ?:
	      iscsi_db_record_new(d->kind, &d->rec) ?:
	      iscsi_db_config_apply(d->adm->config, d->rec) ?:
	      iscsi_db_record_set(d->rec, ADDRESS_KEY, d->address, &why) ?:
	      record_set_int(d->rec, PORT_KEY, d->port, &why);
	if (err)
		d->rec = iscsi_db_record_free(d->rec);
	return adm_fail(err, &why);
}

/*
 * Reads the stored record. ISCSI_ERR_NO_OBJS_FOUND, which isn't said: there is none. A record that
 * can't be read is said, and is no failure if @contents aren't needed.
 */
static enum iscsi_err portal_record_read(struct inquiry *d, bool contents)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_discovery_read(d->adm->db, d->kind, d->address, d->port,
						     &d->rec, &why);

	if (err != ISCSI_ERR_NO_OBJS_FOUND)
		(void)adm_fail(err, &why);
	return err == ISCSI_ERR_IDBM && !contents ? ISCSI_SUCCESS : err;
}

/* An adm_stage_fn. */
static enum iscsi_err stage_portal_record(void *arg)
{
	struct inquiry *d = arg;
	struct iscsi_why why = { "" };

	return adm_fail(iscsi_db_discovery_write(d->adm->db, d->rec, &why), &why);
}

/* An iscsi_db_record_fn: picks the nodes that the portal has named. */
static enum iscsi_err pick_node_of(void *arg, const struct iscsi_db_record *rec)
{
	struct inquiry *d = arg;

	return found_at(rec, d->source, d->address, d->port) ? adm_records_copy(&d->records, rec) :
							       ISCSI_SUCCESS;
}

/* An adm_stage_fn. */
static enum iscsi_err stage_portal_delete(void *arg)
{
	struct inquiry *d = arg;
	struct iscsi_why why = { "" };

	return adm_fail(iscsi_db_node_each(d->adm->db, NULL, NULL, NULL, pick_node_of, d, &why) ?:
			iscsi_db_discovery_delete(d->adm->db, d->kind, d->address, d->port, &why),
			&why);
}

/* Deletes the portal's record, the nodes that were found there, and what is tried for them. */
static enum iscsi_err portal_delete(struct inquiry *d)
{
	enum iscsi_err err = adm_change(d->adm, stage_portal_delete, d);

	if (!err)
		(void)attempts_call_off_nodes(d->adm, &d->records, NULL);
	adm_records_done(&d->records);
	return err;
}

/* An adm_stage_fn: reads the record again under the lock, so that no other change is lost. */
static enum iscsi_err stage_portal_update(void *arg)
{
	struct inquiry *d = arg;
	const struct options *opt = &d->adm->opt;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	d->rec = iscsi_db_record_free(d->rec);
	err = portal_record_read(d, true);
	for (size_t i = 0; i < opt->pair_count && !err; i++)
		err = adm_fail(iscsi_db_record_update(d->rec, opt->pairs[i].name,
						      opt->pairs[i].value, adm_warn, NULL,
						      &why), &why);
	return err ?: stage_portal_record(d);
}

/* ---- lists ----------------------------------------------------------------------------- */

/* The portals and nodes of one kind of discovery. */
struct section {
	struct adm *adm;
	const char *type;
	const struct adm_records *nodes;	/* all nodes; NULL in a list of lines */
	size_t count;				/* what was listed */
};

/* An iscsi_db_record_fn. */
static enum iscsi_err list_portal(void *arg, const struct iscsi_db_record *rec)
{
	struct section *s = arg;

	s->count++;
	json_record(s->adm->json, "portals", rec, s->adm->opt.show_secrets);
	print_to(stdout, "%s:%s via %s\n", iscsi_db_record_get(rec, ADDRESS_KEY),
		 iscsi_db_record_get(rec, PORT_KEY), s->type);
	return ISCSI_SUCCESS;
}

/* Lists the nodes that a portal has named; with @address NULL, whichever portal. How many. */
static size_t list_nodes_of(const struct section *s, const char *address, int port)
{
	struct show_tree tree = { .any = false };
	size_t count = 0;

	for (size_t i = 0; i < s->nodes->len; i++) {
		const struct iscsi_db_record *rec = s->nodes->list[i];

		if (address ? !found_at(rec, s->type, address, port) :
			      !streq(iscsi_db_record_get(rec, "node.discovery_type"), s->type))
			continue;
		count++;
		json_record(s->adm->json, "nodes", rec, s->adm->opt.show_secrets);
		show_tree_record(stdout, &tree, true, rec);
	}
	return count;
}

/* An iscsi_db_record_fn. */
static enum iscsi_err list_portal_tree(void *arg, const struct iscsi_db_record *rec)
{
	const char *address = iscsi_db_record_get(rec, ADDRESS_KEY);
	int port = iscsi_db_record_get_int(rec, PORT_KEY);
	struct section *s = arg;

	s->count++;
	json_record(s->adm->json, "portals", rec, s->adm->opt.show_secrets);
	print_to(stdout, "DiscoveryAddress: %s,%d\n", address, port);
	(void)list_nodes_of(s, address, port);
	return ISCSI_SUCCESS;
}

/* Ends a section of the tree. True: the section has targets. */
static bool section_end(size_t count)
{
	if (!count)
		puts("No targets found.");
	return count > 0;
}

static bool list_static(struct adm *adm, const struct adm_records *nodes, const char *title,
			const char *type)
{
	const struct section section = { .adm = adm, .type = type, .nodes = nodes };

	print_to(stdout, "%s:\n", title);
	return section_end(list_nodes_of(&section, NULL, 0));
}

/* A section is only called empty if its records could be listed. */
static enum iscsi_err list_portals_of(struct adm *adm, const struct adm_records *nodes,
				      const char *title, enum iscsi_db_kind kind,
				      const char *type, bool *any)
{
	struct section portals = { .adm = adm, .nodes = nodes, .type = type };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	print_to(stdout, "%s:\n", title);
	err = iscsi_db_discovery_each(adm->db, kind, adm_warn, NULL, list_portal_tree, &portals,
				      &why);
	/* Discovery mode stores no record of an iSNS server, only the nodes that it found. */
	if (kind == ISCSI_DB_ISNS && !portals.count)
		portals.count = list_nodes_of(&portals, NULL, 0);
	if (portals.count || !err)
		*any |= section_end(portals.count);
	return adm_fail(err, &why);
}

static enum iscsi_err list_sections(struct adm *adm, const struct adm_records *nodes)
{
	enum iscsi_err err;
	bool any = false;

	err = list_portals_of(adm, nodes, "SENDTARGETS", ISCSI_DB_SENDTARGETS, "send_targets",
			      &any);
	adm_keep_first(&err, list_portals_of(adm, nodes, "iSNS", ISCSI_DB_ISNS, "isns", &any));
	any |= list_static(adm, nodes, "STATIC", "static");
	any |= list_static(adm, nodes, "FIRMWARE", "fw");
	show_unreadable(stdout, "UNREADABLE", adm->unreadable, adm->unreadable_count);
	return err ?: (any ? ISCSI_SUCCESS : ISCSI_ERR_NO_OBJS_FOUND);
}

static enum iscsi_err list_portals_as_tree(struct adm *adm)
{
	struct adm_selection all = { .port = -1 };
	struct adm_records nodes = { NULL, 0 };
	enum iscsi_err err = adm_each_node(adm, &all, adm_records_copy, &nodes, NULL) ?:
			     list_sections(adm, &nodes);

	adm_records_done(&nodes);
	return err;
}

static enum iscsi_err list_portals_via(struct adm *adm, enum iscsi_db_kind kind,
				       struct section *list)
{
	struct iscsi_why why = { "" };

	return adm_fail(iscsi_db_discovery_each(adm->db, kind, adm_warn, NULL, list_portal, list,
						&why), &why);
}

static enum iscsi_err list_portals(struct adm *adm)
{
	struct section portals = { .adm = adm, .type = "sendtargets" };
	struct section servers = { .adm = adm, .type = "isns" };
	enum iscsi_err err;

	if (adm->opt.print_level >= 1)
		return list_portals_as_tree(adm);
	err = list_portals_via(adm, ISCSI_DB_SENDTARGETS, &portals);
	adm_keep_first(&err, list_portals_via(adm, ISCSI_DB_ISNS, &servers));
	return err ?: (portals.count || servers.count ? ISCSI_SUCCESS : ISCSI_ERR_NO_OBJS_FOUND);
}

/* ---- the modes ------------------------------------------------------------------------- */

static void inquiry_init(struct inquiry *d, struct adm *adm, enum iscsi_db_kind kind)
{
	memset(d, 0, sizeof(*d));
	d->adm = adm;
	d->kind = kind;
	d->source = kind == ISCSI_DB_ISNS ? "isns" : "send_targets";
	d->address = adm->opt.portal.address;
	d->port = adm->opt.portal.port != -1 ? adm->opt.portal.port :
		  kind == ISCSI_DB_ISNS	   ? ISCSI_ISNS_PORT_DEFAULT :
					     ISCSI_PORT_DEFAULT;
}

static enum iscsi_err show_portal(const struct inquiry *d)
{
	bool secrets = d->adm->opt.show_secrets;

	json_record(d->adm->json, "portals", d->rec, secrets);
	return adm_fail(show_record(stdout, d->rec, secrets), NULL);
}

/* "-m discovery -p" without a type works on the SendTargets record of the portal. */
static enum iscsi_err legacy_record(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	struct inquiry d;
	enum iscsi_err err;
	bool asking;

	inquiry_init(&d, adm, ISCSI_DB_SENDTARGETS);
	asking = opt->discover || opt->login;
	err = d.address[0] ? portal_record_read(&d, asking || opt->ops != OP_DELETE) :
			     ISCSI_ERR_NO_OBJS_FOUND;
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return adm_refuse(ISCSI_ERR_INVAL, "Discovery record [%s,%d] not found!",
				  d.address, d.port);
	if (err)
		return err;
	if (asking)
		return inquiry_run(&d);
	if (!opt->ops || opt->ops == OP_SHOW)
		err = show_portal(&d);
	else if (opt->ops == OP_DELETE)
		err = portal_delete(&d);
	else if (opt->ops == OP_NEW || opt->ops == OP_UPDATE)
		err = adm_refuse(ISCSI_ERR_INVAL, "Operation is not supported by discovery mode. "
				 "Use discoverydb mode.");
	else
		err = adm_refuse(ISCSI_ERR_INVAL, "Invalid operation.");
	iscsi_db_record_free(d.rec);
	return err;
}

static enum iscsi_err legacy_run(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	struct inquiry d;

	switch (opt->type) {
	case TYPE_SENDTARGETS:
		if (!opt->has_portal || !opt->portal.address[0])
			return adm_refuse(ISCSI_ERR_INVAL, "Please specify portal as <ipaddr>[:<ipport>]");
		inquiry_init(&d, adm, ISCSI_DB_SENDTARGETS);
		d.store_rec = true;
		return portal_record_new(&d) ?: inquiry_run(&d);
	case TYPE_ISNS:
		if (!opt->has_portal || !opt->portal.address[0])
			return adm_refuse(ISCSI_ERR_INVAL, "Please specify portal as <ipaddr>:[<ipport>]");
		inquiry_init(&d, adm, ISCSI_DB_ISNS);
		return portal_record_new(&d) ?: inquiry_run(&d);	/* never stored */
	case TYPE_FW:
		return discover_firmware(adm);
	case TYPE_NONE:
		break;
	}
	/* The bad type was said already; showing a record of another type would hide that. */
	if (opt->has_portal)
		return opt->type_word ? ISCSI_ERR_INVAL : legacy_record(adm);
	if (opt->ops && opt->ops != OP_SHOW)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid operation.");
	return list_portals(adm);
}

/* discoverydb without -D works on the portal's record. */
static enum iscsi_err db_record(struct inquiry *d)
{
	const struct options *opt = &d->adm->opt;
	enum iscsi_err err;

	if (opt->ops & OP_NEW) {
		err = portal_record_new(d) ?: adm_change(d->adm, stage_portal_record, d);
		if (!err)
			print_to(stdout, "New discovery record for [%s,%d] added.\n",
				 d->address, d->port);
		return err;
	}
	err = portal_record_read(d, opt->ops != OP_DELETE);
	if (err == ISCSI_ERR_NO_OBJS_FOUND)
		return adm_refuse(ISCSI_ERR_IDBM, "Discovery record [%s,%d] not found.",
				  d->address, d->port);
	if (err)
		return err;
	if (!opt->ops || opt->ops == OP_SHOW)
		return show_portal(d);
	if (opt->ops == OP_DELETE)
		return portal_delete(d);
	if (opt->ops == OP_UPDATE && !opt->pair_count)
		return adm_refuse(ISCSI_ERR_INVAL, "Update requires name and value.");
	if (opt->ops == OP_UPDATE)
		return adm_change(d->adm, stage_portal_update, d);
	return adm_refuse(ISCSI_ERR_INVAL, "Operation is not supported.");
}

/* discoverydb with -D asks with the portal's record, which is made only if there is none. */
static enum iscsi_err db_discover(struct inquiry *d)
{
	enum iscsi_err err = portal_record_read(d, true);

	if (err == ISCSI_ERR_NO_OBJS_FOUND) {
		d->store_rec = true;
		err = portal_record_new(d);
	}
	return err ?: inquiry_run(d);
}

static enum iscsi_err db_run(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	struct inquiry d;
	enum iscsi_err err;

	if (opt->type == TYPE_FW && !opt->discover)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid command. Possibly missing --discover argument.");
	if (opt->type == TYPE_FW)
		return discover_firmware(adm);
	if (opt->type == TYPE_NONE) {
		if (opt->has_portal && opt->ops)
			return adm_refuse(ISCSI_ERR_INVAL, "Invalid command. Possibly missing discovery --type.");
		if (opt->has_portal)
			return adm_refuse(ISCSI_ERR_INVAL, "Invalid command. Portal not needed or Possibly missing "
					   "discovery --type.");
		if (opt->ops && opt->ops != OP_SHOW)
			return adm_refuse(ISCSI_ERR_INVAL, "Invalid operation. Operation not supported.");
		return list_portals(adm);
	}
	if (!opt->has_portal || !opt->portal.address[0])
		return adm_refuse(ISCSI_ERR_INVAL, "Please specify portal as <ipaddr>[:<ipport>]");
	inquiry_init(&d, adm, opt->type == TYPE_ISNS ? ISCSI_DB_ISNS : ISCSI_DB_SENDTARGETS);
	err = opt->discover ? db_discover(&d) : db_record(&d);
	iscsi_db_record_free(d.rec);
	return err;
}

enum iscsi_err mode_discovery_run(struct adm *adm)
{
	enum iscsi_err err = adm_need_db(adm);

	if (err)
		return err;
	/* As in open-iscsi, a word that is no type counts as no type, but here that is said. */
	if (adm->opt.type == TYPE_NONE && adm->opt.type_word)
		adm_error("'%s' is no type of discovery; there are sendtargets (st), isns and fw",
			  adm->opt.type_word);
	return adm->opt.mode == MODE_DISCOVERYDB ? db_run(adm) : legacy_run(adm);
}
