/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m fw": the targets that the firmware describes, printed or logged in to. These logins use
 * no record: what the firmware says, iscsid.conf for the rest, and -n/-v above both.
 */
#include "adm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../libiscsi-db/util.h"
#include "firmware.h"
#include "logins.h"
#include "show.h"

/* Patience with a target that boots beside us, and no pings before there is a daemon. */
static const struct option_pair fw_settings[] = {
	{ "node.session.initial_login_retry_max", "30" },
	{ "node.conn[0].timeo.noop_out_interval", "0" },
	{ "node.conn[0].timeo.noop_out_timeout", "0" },
	{ "node.session.scan", "auto" },
};

static void skipped(int nic, int max_nic)
{
	printf("Invalid nic-assoc of %d. Max id %d.\n", nic, max_nic);
}

/* A setting that is only set if there is something to set. */
static enum iscsi_err set(struct iscsi_db_record *rec, const char *key, const char *value,
			  struct iscsi_why *why)
{
	return value[0] ? iscsi_db_record_set(rec, key, value, why) : ISCSI_SUCCESS;
}

static enum iscsi_err fill_record(struct iscsi_db_record *rec, const struct firmware_target *t,
				  struct iscsi_why *why)
{
	const struct adm_identity id = {
		.target = t->target, .address = t->address, .port = t->port, .tpgt = 1,
		.discovery_type = "fw",
	};
	enum iscsi_err err;
	size_t i;

	err = adm_identify(rec, &id, why);
	for (i = 0; i < ARRAY_SIZE(fw_settings) && err == ISCSI_SUCCESS; i++)
		err = iscsi_db_record_set(rec, fw_settings[i].name, fw_settings[i].value, why);
	if (err == ISCSI_SUCCESS)
		err = set(rec, "iface.initiatorname", t->initiator, why);
	if (err == ISCSI_SUCCESS)
		err = set(rec, "node.session.auth.username", t->username, why);
	if (err == ISCSI_SUCCESS)
		err = set(rec, "node.session.auth.password", t->password, why);
	if (err == ISCSI_SUCCESS)
		err = set(rec, "node.session.auth.username_in", t->username_in, why);
	if (err == ISCSI_SUCCESS)
		err = set(rec, "node.session.auth.password_in", t->password_in, why);
	if (err == ISCSI_SUCCESS && t->username[0])
		err = iscsi_db_record_set(rec, "node.session.auth.authmethod", "CHAP", why);
	return err;
}

static enum iscsi_err override(struct adm *adm, struct iscsi_db_record *rec)
{
	static const char *const fixed[] = {
		"iface.net_ifacename", "iface.hwaddress", "iface.transport_name",
	};
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;
	size_t i, j;

	for (i = 0; i < adm->opt.pair_count && err == ISCSI_SUCCESS; i++) {
		const struct option_pair *p = &adm->opt.pairs[i];

		for (j = 0; j < ARRAY_SIZE(fixed); j++) {
			if (streq(p->name, fixed[j]))
				err = iscsi_fail(&why, ISCSI_ERR_INVAL,
						 "Cannot override interface parameters for "
						 "firmware logins");
		}
		if (err == ISCSI_SUCCESS && !iscsi_db_record_get(rec, p->name))
			err = iscsi_fail(&why, ISCSI_ERR_INVAL, "Unknown parameter %s.",
					 p->name);
		if (err == ISCSI_SUCCESS)
			err = iscsi_db_record_set(rec, p->name, p->value, &why);
	}
	if (err != ISCSI_SUCCESS) {
		(void)adm_fail(err, &why);
		adm_error("Could not merge user params");
	}
	return err;
}

static enum iscsi_err add_record(struct adm *adm, const struct firmware_target *t,
				 struct adm_records *records)
{
	struct iscsi_db_record *rec, *iface;
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	err = adm_fail(iscsi_db_iface_read(adm->db, "default", &iface, &why), &why);
	if (err != ISCSI_SUCCESS)
		return err;
	err = adm_new_node(adm, iface, &rec);
	iscsi_db_record_free(iface);
	if (err != ISCSI_SUCCESS)
		return err;
	err = adm_fail(fill_record(rec, t, &why), &why);
	if (err == ISCSI_SUCCESS)
		err = override(adm, rec);
	if (err == ISCSI_SUCCESS)
		return adm_fail(adm_records_add(records, rec), NULL);
	iscsi_db_record_free(rec);
	return err;
}

/* Whatever comes of the logins, the status is 0: boot scripts rely on it. */
static enum iscsi_err login(struct adm *adm, const struct firmware_target *list, size_t len)
{
	struct login_how how = { .no_wait = adm->opt.no_wait, .quiet_end = true };
	struct adm_records records = { NULL, 0, 0 };
	enum iscsi_err err = adm_need_db(adm);
	size_t i;

	for (i = 0; i < len && err == ISCSI_SUCCESS; i++)
		err = add_record(adm, &list[i], &records);
	if (err == ISCSI_SUCCESS)
		(void)logins_run(adm, records.list, records.len, &how);
	adm_records_done(&records);
	return err;
}

enum iscsi_err mode_fw_run(struct adm *adm)
{
	struct firmware_target *list;
	enum iscsi_err err = adm_need_sysfs(adm);
	size_t len, i;

	if (err != ISCSI_SUCCESS)
		return err;
	err = firmware_read(adm->sysfs, skipped, &list, &len);
	if (err != ISCSI_SUCCESS) {
		adm_error("Could not get list of targets from firmware. (err %d)", (int)err);
		return err;
	}
	if (adm->opt.login)
		err = login(adm, list, len);
	for (i = 0; i < len && !adm->opt.login; i++)
		show_firmware_target(stdout, &list[i]);
	explicit_bzero(list, len * sizeof(*list));
	free(list);
	return err;
}
