/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reported targets -> node records. The targets are sorted by the parts that identify a record,
 * so that one walk over the database tells which records exist, which have an old tpgt, and which
 * targets are no longer reported. The library checks each name from a target first of all.
 */
#include "iscsiadm/found.h"

#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

#define FOUND_MAX	(1 << 20)	/* bounds the memory that a target can make us use */

/*
 * Tries the settings before anything is staged, so that no record is deleted for a new record
 * that then can't be made.
 */
static enum iscsi_err check_extra(const struct found_extra *extra, struct iscsi_why *why)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;

	if (!extra || !extra->setting_count)
		return ISCSI_SUCCESS;
	if (iscsi_db_record_new(ISCSI_DB_NODE, &rec))
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	return firmware_set_pairs(rec, extra->settings, extra->setting_count, why);
}

enum iscsi_err found_add(struct found_list *found, const struct mgmt_reply *reply, size_t iface,
			 const struct found_extra *extra, struct iscsi_why *why)
{
	enum iscsi_err err = iscsi_db_check_name(reply->name, why) ?:
			     iscsi_db_check_address(reply->address, why) ?:
			     check_extra(extra, why);
	struct found *f;

	if (err)
		return err;
	if (reply->port < 1 || reply->port > 65535)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "port %d is out of range", reply->port);
	if (found->len == FOUND_MAX)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "too many targets");
	f = ARRAY_ADD(found->list, found->len);
	if (!f)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	(void)snprintf(f->target, sizeof(f->target), "%s", reply->name);
	(void)snprintf(f->address, sizeof(f->address), "%s", reply->address);
	f->port = reply->port;
	f->tpgt = reply->tpgt;
	f->iface = iface;
	f->order = found->added++;
	if (extra)
		f->extra = *extra;
	return ISCSI_SUCCESS;
}

void found_drop(struct found_list *found, size_t iface)
{
	size_t n = 0;

	for (size_t i = 0; i < found->len; i++)
		if (found->list[i].iface != iface)
			found->list[n++] = found->list[i];
	found->len = n;
}

static int compare_places(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_iface_order(const void *pa, const void *pb)
{
	const struct found *a = pa, *b = pb;

	return compare_places(a->iface, b->iface) ?: compare_places(a->order, b->order);
}

void found_sort(struct found_list *found)
{
	if (found->len)
		qsort(found->list, found->len, sizeof(*found->list), compare_iface_order);
}

void found_done(struct found_list *found)
{
	free(found->list);
	memset(found, 0, sizeof(*found));
}

/* ---- finding what was reported --------------------------------------------------------- */

struct found_work {
	struct adm *adm;
	const struct found_source *source;
	unsigned int ops;
	bool keep;				/* the settings of existing records */
	struct iscsi_db_record *const *ifaces;
	const char **names;			/* of the interfaces */
	const struct found **sorted;		/* without repetitions */
	size_t len;
	struct iscsi_db_record **existing;	/* beside sorted: the record in the database, or NULL */
};

static int compare_found(const struct found *a, const struct found *b)
{
	return strcmp(a->target, b->target) ?: strcmp(a->address, b->address) ?:
	       a->port - b->port ?: compare_places(a->iface, b->iface);
}

static int compare_found_order(const void *pa, const void *pb)
{
	const struct found *a = *(const struct found *const *)pa;
	const struct found *b = *(const struct found *const *)pb;

	return compare_found(a, b) ?: compare_places(a->order, b->order);
}

/* The place of the first target in s->sorted that isn't before these. */
static size_t find_place(const struct found_work *s, const char *target, const char *address,
			 int port, size_t iface)
{
	size_t low = 0, high = s->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct found *f = s->sorted[middle];
		int r = strcmp(f->target, target) ?: strcmp(f->address, address) ?: f->port - port;

		if (r < 0 || (!r && f->iface < iface))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The place of @rec's target, portal and interface in s->sorted. False: not reported. */
static bool find_reported(const struct found_work *s, const struct iscsi_db_record *rec, size_t *ret)
{
	const char *target = iscsi_db_record_get(rec, "node.name");
	const char *address = iscsi_db_record_get(rec, "node.conn[0].address");
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	int port = iscsi_db_record_get_int(rec, "node.conn[0].port");

	for (size_t i = find_place(s, target, address, port, 0); i < s->len; i++) {
		const struct found *f = s->sorted[i];

		if (!streq(f->target, target) || !streq(f->address, address) || f->port != port)
			return false;
		if (streq(s->names[f->iface], iface)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* ---- what becomes of a record ---------------------------------------------------------- */

bool found_at(const struct iscsi_db_record *rec, const char *type, const char *address, int port)
{
	return streq(iscsi_db_record_get(rec, "node.discovery_type"), type) &&
	       streq(iscsi_db_record_get(rec, "node.discovery_address"), address) &&
	       iscsi_db_record_get_int(rec, "node.discovery_port") == port;
}

static enum iscsi_err stage_stale_delete(struct found_work *s, const struct iscsi_db_record *rec)
{
	struct iscsi_why why = { "" };

	return adm_fail(iscsi_db_node_delete(s->adm->db, rec, &why), &why);
}

/* An iscsi_db_record_fn over all nodes, or those of one reported target. */
static enum iscsi_err look_at(void *arg, const struct iscsi_db_record *rec)
{
	struct found_work *s = arg;
	bool known, outdated;
	enum iscsi_err err;
	size_t i;

	if (!find_reported(s, rec, &i)) {
		if (!(s->ops & OP_DELETE) ||
		    !found_at(rec, s->source->type, s->source->address, s->source->port))
			return ISCSI_SUCCESS;
		return adm_is_in_use(s->adm, rec) ? ISCSI_SUCCESS : stage_stale_delete(s, rec);
	}
	/* A portal is in one portal group, so a record with another tag is outdated. */
	known = !s->sorted[i]->extra.tpgt_assumed;
	outdated = known && (s->ops & OP_UPDATE) &&
		   iscsi_db_record_get_int(rec, "node.tpgt") != s->sorted[i]->tpgt;
	/* An outdated record lends its settings only while there is no other. */
	if (s->keep && !outdated)
		s->existing[i] = iscsi_db_record_free(s->existing[i]);
	if (s->existing[i] || (outdated && !s->keep))
		return known && (s->ops & OP_UPDATE) ? stage_stale_delete(s, rec) : ISCSI_SUCCESS;
	err = adm_fail(iscsi_db_record_copy(rec, &s->existing[i]), NULL);
	return err ?: (outdated ? stage_stale_delete(s, rec) : ISCSI_SUCCESS);
}

/*
 * Fills s->existing and stages the deletion of outdated records. OP_DELETE needs a look at all
 * records; without OP_DELETE the records of the reported targets are enough.
 */
static enum iscsi_err look_at_records(struct found_work *s)
{
	struct iscsi_db_filter filter = { .port = -1 };
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;

	if (s->ops & OP_DELETE) {
		err = iscsi_db_node_each(s->adm->db, NULL, adm_warn, NULL, look_at, s, &why);
		return why.text[0] ? adm_fail(err, &why) : err;
	}
	for (size_t i = 0; i < s->len && !err; i++) {
		if (i && streq(s->sorted[i]->target, s->sorted[i - 1]->target))
			continue;
		filter.target = s->sorted[i]->target;
		err = iscsi_db_node_each(s->adm->db, &filter, adm_warn, NULL, look_at, s, &why);
	}
	return why.text[0] ? adm_fail(err, &why) : err;
}

/* The portal group tag for the record of @f; @existing may be NULL. */
static int tpgt_of(const struct found *f, const struct iscsi_db_record *existing)
{
	int tpgt = existing ? iscsi_db_record_get_int(existing, "node.tpgt") :
			      ISCSI_TPGT_UNKNOWN;

	return f->extra.tpgt_assumed && tpgt != ISCSI_TPGT_UNKNOWN ? tpgt : f->tpgt;
}

/* Makes the record of @f from the template of its interface, or keeps the settings of @existing. */
static enum iscsi_err make_found_record(struct found_work *s, const struct found *f,
					const struct iscsi_db_record *existing,
					const struct iscsi_db_record *template,
					struct iscsi_db_record **ret)
{
	const struct adm_identity id = {
		.target = f->target, .address = f->address, .port = f->port,
		.tpgt = tpgt_of(f, existing),
		.discovery_type = s->source->type, .discovery_address = s->source->address,
		.discovery_port = s->source->port,
	};
	bool keep = s->keep && existing;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	*ret = NULL;
	err = iscsi_db_record_copy(keep ? existing : template, ret) ?:
	      adm_identify(*ret, &id, &why) ?:
	      firmware_set_pairs(*ret, f->extra.settings, keep ? 0 : f->extra.setting_count, &why);
	if (err)
		*ret = iscsi_db_record_free(*ret);
	return adm_fail(err, &why);
}

/* Stages the record of @f, if the operations say so, and adds the record to @ret_records. */
static enum iscsi_err store_one(struct found_work *s, const struct found *f,
				struct iscsi_db_record *const *templates,
				struct adm_records *ret_records)
{
	/* Of equal targets, s->sorted has the one that was reported first. */
	size_t i = find_place(s, f->target, f->address, f->port, f->iface);
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };
	char what[SHOW_WHOLE_NODE_MAX];
	enum iscsi_err err;

	if (s->sorted[i] != f)
		return ISCSI_SUCCESS;	/* the target reported the same twice */
	if (s->existing[i] && !(s->ops & OP_UPDATE)) {
		rec = s->existing[i];
		s->existing[i] = NULL;
		return adm_fail(adm_records_add(ret_records, rec), NULL);
	}
	err = make_found_record(s, f, s->existing[i], templates[f->iface], &rec);
	if (err)
		return err;
	if (s->ops & (OP_NEW | OP_UPDATE))
		err = iscsi_db_node_write(s->adm->db, rec, &why);
	if (err) {
		show_format_whole_node(what, sizeof(what), rec);
		adm_error("Could not add/update %s", what);
		iscsi_db_record_free(rec);
		return adm_fail(err, &why);
	}
	return adm_fail(adm_records_add(ret_records, rec), NULL);
}

/* ---- all of it ------------------------------------------------------------------------- */

static enum iscsi_err sort_found(struct found_work *s, const struct found_list *found)
{
	size_t n = 0;

	s->sorted = calloc(found->len, sizeof(*s->sorted));
	s->existing = calloc(found->len, sizeof(*s->existing));
	if (!s->sorted || !s->existing)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < found->len; i++)
		s->sorted[i] = &found->list[i];
	if (found->len)
		qsort(s->sorted, found->len, sizeof(*s->sorted), compare_found_order);
	for (size_t i = 0; i < found->len; i++) {
		if (!n || compare_found(s->sorted[n - 1], s->sorted[i]))
			s->sorted[n++] = s->sorted[i];
	}
	s->len = n;
	return ISCSI_SUCCESS;
}

static enum iscsi_err make_templates(struct found_work *s, size_t count,
				     struct iscsi_db_record **templates)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < count && !err; i++) {
		s->names[i] = iscsi_db_record_get(s->ifaces[i], "iface.iscsi_ifacename");
		err = adm_new_node(s->adm, s->ifaces[i], &templates[i]);
	}
	return err;
}

enum iscsi_err found_store(struct adm *adm, const struct found_source *source,
				 unsigned int ops, const struct found_list *found,
				 struct iscsi_db_record *const *ifaces, size_t iface_count,
				 struct adm_records *ret_records)
{
	struct found_work s = { .adm = adm, .source = source, .ifaces = ifaces, .ops = ops };
	CLEANUP(freep) struct iscsi_db_record **templates = NULL;
	enum iscsi_err err, first = ISCSI_SUCCESS;
	const char *merge;

	templates = calloc(iface_count, sizeof(struct iscsi_db_record *));
	s.names = calloc(iface_count, sizeof(*s.names));
	err = templates && s.names ? sort_found(&s, found) : ISCSI_ERR_NOMEM;
	if (err)
		(void)adm_fail(err, NULL);
	if (!err && (s.ops & OP_DELETE))
		err = adm_need_sessions(adm);
	if (!err)
		err = make_templates(&s, iface_count, templates);
	merge = err ? NULL : iscsi_db_config_get(adm->config, "discovery.merge");
	s.keep = merge && !adm->opt.ops && streq(merge, "keep");
	if (!err)
		err = look_at_records(&s);
	/* A target that can't be stored doesn't keep the others from being stored. */
	for (size_t i = 0; i < found->len && !err; i++) {
		enum iscsi_err one = store_one(&s, &found->list[i], templates, ret_records);

		if (one == ISCSI_ERR_NOMEM)
			err = one;
		else
			adm_keep_first(&first, one);
	}
	for (size_t i = 0; s.existing && i < s.len; i++)
		iscsi_db_record_free(s.existing[i]);
	for (size_t i = 0; templates && i < iface_count; i++)
		iscsi_db_record_free(templates[i]);
	free(s.existing);
	free(s.sorted);
	free(s.names);
	return err ?: first;
}
