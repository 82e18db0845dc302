/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m fw": the targets that the firmware describes, printed or logged in to. These logins use no
 * stored record: their settings come from iscsid.conf, the firmware's table and -n/-v, each
 * overriding those before it.
 */
#include "iscsiadm/mode_fw.h"

#include "iscsiadm/logins.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

/* A firmware_no_nic_fn; open-iscsi prints this line to stdout. */
static void no_nic(void *arg, int nic, int max_nic)
{
	(void)arg;
	print_to(stdout, "Invalid nic-assoc of %d. Max id %d.\n", nic, max_nic);
}

static enum iscsi_err fill_fw_record(struct iscsi_db_record *rec, const struct firmware_target *t,
				     const struct iscsi_db_record *iface, struct iscsi_why *why)
{
	const struct adm_identity id = {
		.target = t->target, .address = t->address, .port = t->port,
		.tpgt = FIRMWARE_TPGT, .discovery_type = "fw",
	};
	struct option_pair settings[FIRMWARE_SETTINGS];

	firmware_settings(t, iface, settings);
	return adm_identify(rec, &id, why) ?:
	       firmware_be_patient(rec, why) ?:
	       firmware_set_pairs(rec, settings, FIRMWARE_SETTINGS, why);
}

static enum iscsi_err fw_override(struct adm *adm, struct iscsi_db_record *rec)
{
	static const char *const fixed[] = {
		"iface.net_ifacename", "iface.hwaddress", "iface.transport_name", NULL,
	};
	struct iscsi_why why = { "" };
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < adm->opt.pair_count && !err; i++) {
		const struct option_pair *p = &adm->opt.pairs[i];

		err = text_is_among(p->name, fixed) ?
		      iscsi_fail(&why, ISCSI_ERR_INVAL, "Cannot override interface parameters for "
				 "firmware logins") : firmware_set_pairs(rec, p, 1, &why);
	}
	if (err) {
		(void)adm_fail(err, &why);
		adm_error("Could not merge user params");
	}
	return err;
}

static enum iscsi_err make_fw_record(struct adm *adm, const struct firmware_target *t,
				     const struct iscsi_db_record *iface,
				     struct iscsi_db_record **ret)
{
	struct iscsi_why why = { "" };
	enum iscsi_err err = adm_new_node(adm, iface, ret);

	if (err)
		return err;
	err = adm_fail(fill_fw_record(*ret, t, iface, &why), &why) ?: fw_override(adm, *ret);
	if (err)
		*ret = iscsi_db_record_free(*ret);
	return err;
}

static enum iscsi_err add_fw_record(struct adm *adm, const struct firmware_target *t,
				    struct adm_records *records)
{
	CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *iface = NULL;
	struct iscsi_db_record *rec;
	struct iscsi_why why = { "" };

	return adm_fail(iscsi_db_iface_read(adm->db, "default", &iface, &why), &why) ?:
	       make_fw_record(adm, t, iface, &rec) ?:
	       adm_fail(adm_records_add(records, rec), NULL);
}

void mode_fw_say_unusable(const struct firmware_target *t, bool shown,
			  const struct iscsi_why *why)
{
	adm_error("/sys/%s %s: %s", t->path, shown ? "can't be logged in to" : "is left out",
		  why->text);
}

enum iscsi_err mode_fw_say_none(enum iscsi_err err)
{
	/* Unusable entries count as no entries; a target for a card counts as not supported. */
	if (err == ISCSI_ERR_INVAL)
		err = ISCSI_ERR_NO_OBJS_FOUND;
	adm_error("Could not get list of targets from firmware. (err %d)", (int)err);
	return err;
}

enum iscsi_err mode_fw_read(struct adm *adm, firmware_no_nic_fn *fn, void *arg,
			    struct firmware_target **ret, size_t *ret_len)
{
	enum iscsi_err err = adm_need_sysfs(adm);
	char name[64];

	if (err)
		return err;
	err = firmware_read(adm->sysfs, fn, arg, ret, ret_len);
	if (err == ISCSI_ERR_NO_OBJS_FOUND &&
	    !sysfs_first_entry(adm->sysfs, "firmware/ibft", name, sizeof(name)))
		adm_error("/sys/firmware/ibft isn't there: this firmware has no iSCSI boot table, "
			  "or the kernel module iscsi_ibft isn't loaded");
	return err ? mode_fw_say_none(err) : ISCSI_SUCCESS;
}

/* Boot scripts rely on status 0 even if logins fail. */
static enum iscsi_err fw_login(struct adm *adm, const struct firmware_target *list, size_t len)
{
	struct login_how how = { .no_wait = adm->opt.no_wait, .quiet_end = true };
	enum iscsi_err err = adm_need_db(adm), unusable = ISCSI_SUCCESS;
	struct adm_records records = { NULL, 0 };
	struct iscsi_why why = { "" };

	for (size_t i = 0; i < len && !err; i++) {
		enum iscsi_err one = firmware_check(&list[i], &why);

		if (!one) {
			err = add_fw_record(adm, &list[i], &records);
			continue;
		}
		mode_fw_say_unusable(&list[i], false, &why);
		adm_keep_first(&unusable, one);
	}
	if (!err && records.len)
		(void)logins_run(adm, records.list, records.len, &how);
	else if (!err)
		err = mode_fw_say_none(unusable);
	adm_records_done(&records);
	return err;
}

/* Prints each target with a name and an address, and says why it can't be logged in to. */
static enum iscsi_err fw_print(struct adm *adm, const struct firmware_target *list, size_t len)
{
	enum iscsi_err unusable = ISCSI_SUCCESS;
	struct iscsi_why why = { "" };
	bool any = false;

	for (size_t i = 0; i < len; i++) {
		bool shown = list[i].target[0] && list[i].address[0];
		enum iscsi_err one = firmware_check(&list[i], &why);

		if (shown) {
			show_firmware_target(stdout, &list[i]);
			json_firmware(adm->json, &list[i]);
		}
		any |= shown;
		if (!one)
			continue;
		mode_fw_say_unusable(&list[i], shown, &why);
		adm_keep_first(&unusable, one);
	}
	return any ? ISCSI_SUCCESS : mode_fw_say_none(unusable);
}

enum iscsi_err mode_fw_run(struct adm *adm)
{
	struct firmware_target *list;
	enum iscsi_err err;
	size_t len;

	err = mode_fw_read(adm, no_nic, NULL, &list, &len);
	if (err)
		return err;
	err = adm->opt.login ? fw_login(adm, list, len) : fw_print(adm, list, len);
	firmware_free(list, len);
	return err;
}
