/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads /sys/firmware/ibft and, for cards, /sys/firmware/iscsi_boot*: the folders initiator,
 * ethernetN and targetN. Every file is optional. The nic-assoc of a target is the index of its
 * network card. The firmware may have written anything: text that is cut off or holds control
 * characters isn't used, and becomes the problem of its target.
 */
#include "iscsiadm/firmware.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

#include "iscsid/base/addr_kind.h"
#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

#define ORIGIN_DHCP		3
#define CHAP_TYPE_MUTUAL	2	/* 0: none, 1: one way */

struct source {
	struct sysfs *sysfs;
	char base[32];			/* "firmware/ibft" */
	const char *transport;
	unsigned int *nics;
	size_t nic_count;
};

/* Makes '?' of each control character. True if there was one. */
static bool clean(char *text)
{
	bool found = false;

	for (; *text; text++) {
		if (!iscntrl((unsigned char)*text))
			continue;
		*text = '?';
		found = true;
	}
	return found;
}

/* Reads a file of the table. 0 or -errno. */
static int read_file(const struct source *s, const char *folder, const char *name, char *ret,
		     size_t size)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", s->base, folder, name);
	return sysfs_read_text(s->sysfs, path, ret, size);
}

/* Reads text that is only printed. */
static void read_shown(const struct source *s, const char *folder, const char *name, char *ret,
		       size_t size)
{
	(void)read_file(s, folder, name, ret, size);
	(void)clean(ret);
}

/* Keeps the first problem of a target. */
static void PRINTF(2, 3) set_problem(struct firmware_target *t, const char *fmt, ...)
{
	va_list ap;

	if (*t->problem)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->problem, sizeof(t->problem), fmt, ap);
	va_end(ap);
}

/* Reads text that a session needs; text that can't be used is a problem of the target. */
static void read_needed(const struct source *s, const char *folder, const char *name, char *ret,
			size_t size, struct firmware_target *t)
{
	int r = read_file(s, folder, name, ret, size);

	if (r == -EOVERFLOW)
		set_problem(t, "%s/%s is too long", folder, name);
	else if (r < 0 && r != -ENOENT)
		set_problem(t, "cannot read %s/%s: %s", folder, name, strerror(-r));
	if (clean(ret))
		set_problem(t, "%s/%s has control characters", folder, name);
}

/* A decimal number, or @otherwise. */
static int read_firmware_number(const struct source *s, const char *folder, const char *name,
				int otherwise)
{
	char text[32], *end;
	long n;

	read_shown(s, folder, name, text, sizeof(text));
	n = strtol(text, &end, 10);
	return end == text || n < 0 || n > 65535 ? otherwise : (int)n;
}

/* Finds the folder of the network card with this index. False: there is none. */
static bool find_nic(const struct source *s, int index, char *ret, size_t size)
{
	for (size_t i = 0; i < s->nic_count; i++) {
		(void)snprintf(ret, size, "ethernet%u", s->nics[i]);
		if (read_firmware_number(s, ret, "index", (int)s->nics[i]) == index)
			return true;
	}
	return false;
}

static void read_nic(const struct source *s, const char *nic, struct firmware_target *t)
{
	char dhcp[64], path[80];

	read_shown(s, nic, "mac", t->hwaddress, sizeof(t->hwaddress));
	read_shown(s, nic, "ip-addr", t->ipaddress, sizeof(t->ipaddress));
	read_shown(s, nic, "prefix-len", t->prefix_len, sizeof(t->prefix_len));
	read_shown(s, nic, "subnet-mask", t->subnet_mask, sizeof(t->subnet_mask));
	read_shown(s, nic, "gateway", t->gateway, sizeof(t->gateway));
	read_shown(s, nic, "primary-dns", t->primary_dns, sizeof(t->primary_dns));
	read_shown(s, nic, "secondary-dns", t->secondary_dns, sizeof(t->secondary_dns));
	read_shown(s, nic, "vlan", t->vlan, sizeof(t->vlan));
	read_shown(s, nic, "dhcp", dhcp, sizeof(dhcp));
	t->dhcp = read_firmware_number(s, nic, "origin", 0) == ORIGIN_DHCP ||
		  (dhcp[0] && !streq(dhcp, "0.0.0.0"));
	(void)snprintf(path, sizeof(path), "%s/%s/device/net", s->base, nic);
	if (!sysfs_first_entry(s->sysfs, path, t->netdev, sizeof(t->netdev)))
		(void)sysfs_find_netdev(s->sysfs, t->hwaddress, t->netdev, sizeof(t->netdev));
}

static void read_port(const struct source *s, const char *folder, struct firmware_target *t)
{
	char text[32];

	read_needed(s, folder, "port", text, sizeof(text), t);
	t->port = read_firmware_number(s, folder, "port", 0);
	if (text[0] && !t->port && !streq(text, "0"))
		set_problem(t, "%s/port is no port: '%s'", folder, text);
	if (!t->port)
		t->port = ISCSI_PORT_DEFAULT;
}

/* False: the target isn't marked valid, or its network card isn't described. */
static bool read_target(const struct source *s, unsigned int number, firmware_no_nic_fn *no_nic,
			void *arg, struct firmware_target *t)
{
	char folder[32], nic[32];
	int index;

	memset(t, 0, sizeof(*t));
	(void)snprintf(folder, sizeof(folder), "target%u", number);
	if (!read_firmware_number(s, folder, "flags", 0))
		return false;
	index = read_firmware_number(s, folder, "nic-assoc", 0);
	if (!find_nic(s, index, nic, sizeof(nic))) {
		if (no_nic)
			no_nic(arg, index, (int)s->nic_count);
		return false;
	}
	(void)snprintf(t->path, sizeof(t->path), "%s/%s", s->base, folder);
	(void)snprintf(t->transport, sizeof(t->transport), "%s", s->transport);
	read_needed(s, "initiator", "initiator-name", t->initiator, sizeof(t->initiator), t);
	read_nic(s, nic, t);
	read_needed(s, folder, "target-name", t->target, sizeof(t->target), t);
	read_needed(s, folder, "ip-addr", t->address, sizeof(t->address), t);
	read_port(s, folder, t);
	read_shown(s, folder, "lun", t->lun, sizeof(t->lun));
	t->chap_type = read_firmware_number(s, folder, "chap-type", 0);
	read_needed(s, folder, "chap-name", t->username, sizeof(t->username), t);
	read_needed(s, folder, "chap-secret", t->password, sizeof(t->password), t);
	read_needed(s, folder, "rev-chap-name", t->username_in, sizeof(t->username_in), t);
	read_needed(s, folder, "rev-chap-name-secret", t->password_in, sizeof(t->password_in),
		    t);
	return true;
}

struct target_list {
	struct firmware_target *list;
	size_t len;
};

static enum iscsi_err read_source(struct sysfs *sysfs, const char *base, const char *transport,
				  firmware_no_nic_fn *no_nic, void *arg,
				  struct target_list *targets)
{
	struct source s = { .sysfs = sysfs, .transport = transport };
	CLEANUP(freep) unsigned int *nics = NULL, *numbers = NULL;
	struct firmware_target *more;
	enum iscsi_err err;
	size_t count;

	(void)snprintf(s.base, sizeof(s.base), "%s", base);
	err = sysfs_list_numbers(sysfs, base, "ethernet", &nics, &s.nic_count) ?:
	      sysfs_list_numbers(sysfs, base, "target", &numbers, &count);
	if (err)
		return err;
	s.nics = nics;
	more = reallocarray(targets->list, targets->len + count + 1, sizeof(*more));
	if (!more)
		return ISCSI_ERR_NOMEM;
	targets->list = more;
	for (size_t i = 0; i < count; i++)
		targets->len += read_target(&s, numbers[i], no_nic, arg, &more[targets->len]);
	return ISCSI_SUCCESS;
}

enum iscsi_err firmware_read(struct sysfs *sysfs, firmware_no_nic_fn *no_nic, void *arg,
			     struct firmware_target **ret, size_t *ret_len)
{
	CLEANUP(freep) unsigned int *cards = NULL;
	struct target_list targets = { NULL, 0 };
	enum iscsi_err err;
	size_t count;

	err = read_source(sysfs, "firmware/ibft", "tcp", no_nic, arg, &targets) ?:
	      sysfs_list_numbers(sysfs, "firmware", "iscsi_boot", &cards, &count);
	for (size_t i = 0; !err && i < count; i++) {
		struct sysfs_host host;
		bool known = !sysfs_read_host(sysfs, (int)cards[i], &host) && *host.transport;
		char base[32];

		(void)snprintf(base, sizeof(base), "firmware/iscsi_boot%u", cards[i]);
		err = read_source(sysfs, base, known ? host.transport : "tcp", no_nic, arg, &targets);
	}
	if (!err && !targets.len)
		err = ISCSI_ERR_NO_OBJS_FOUND;
	if (err) {
		firmware_free(targets.list, targets.len);
		return err;
	}
	*ret = targets.list;
	*ret_len = targets.len;
	return ISCSI_SUCCESS;
}

void firmware_free(struct firmware_target *list, size_t len)
{
	wipe_free(list, len * sizeof(*list));
}

/* ---- the record of a target ------------------------------------------------------------ */

static bool no_address(const char *address)
{
	return !address[0] || streq(address, "0.0.0.0") || streq(address, "::");
}

enum iscsi_err firmware_check(const struct firmware_target *t, struct iscsi_why *why)
{
	const char *refusal;

	if (!streq(t->transport, "tcp"))
		return iscsi_fail(why, ISCSI_ERR_OP_NOT_SUPP,
				  "it is for a card of the transport %s; only tcp is supported",
				  t->transport);
	if (*t->problem)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "%s", t->problem);
	if (!t->target[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL, "it has no target-name");
	if (no_address(t->address))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "it has no ip-addr");
	if (!t->username[0] != !t->password[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "of chap-name and chap-secret only one is set");
	if (!t->username_in[0] != !t->password_in[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL, "of rev-chap-name and "
				  "rev-chap-name-secret only one is set");
	if (t->password_in[0] && !t->password[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "it has a rev-chap-name-secret, but no chap-secret");
	if (t->chap_type && !t->username[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL, "its chap-type is %d, but it has no "
				  "chap-name", t->chap_type);
	if (t->chap_type == CHAP_TYPE_MUTUAL && !t->password_in[0])
		return iscsi_fail(why, ISCSI_ERR_INVAL, "its chap-type is %d, but it has no "
				  "rev-chap-name", t->chap_type);
	refusal = addr_refusal(addr_kind_of_text(t->ipaddress), addr_kind_of_text(t->address));
	if (refusal)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "its ip-addr %s is %s", t->address, refusal);
	return iscsi_db_check_foreign_name(t->target, why) ?:
	       iscsi_db_check_address(t->address, why) ?:
	       (t->initiator[0] ? iscsi_db_check_name(t->initiator, why) : ISCSI_SUCCESS);
}

void firmware_settings(const struct firmware_target *t, const struct iscsi_db_record *iface,
		       struct option_pair ret[FIRMWARE_SETTINGS])
{
	const char *own_name = iscsi_db_record_get(iface, "iface.initiatorname");
	const struct option_pair all[FIRMWARE_SETTINGS] = {
		{ "node.startup", "onboot" },
		{ "node.conn[0].startup", "onboot" },
		{ "iface.initiatorname", t->initiator[0] && !*own_name ? t->initiator : NULL },
		{ "node.session.auth.authmethod", t->username[0] ? "CHAP" : "None" },
		{ "node.session.auth.username", t->username },
		{ "node.session.auth.password", t->password },
		{ "node.session.auth.username_in", t->username_in },
		{ "node.session.auth.password_in", t->password_in },
	};

	/*
	 * Where the table is silent, the settings of iscsid.conf and the interface stay. Only CHAP
	 * is as the table has it: names and passwords of iscsid.conf aren't for its targets.
	 */
	memcpy(ret, all, sizeof(all));
}

enum iscsi_err firmware_set_pairs(struct iscsi_db_record *rec, const struct option_pair *pairs,
				  size_t count, struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; i < count && !err; i++) {
		if (!pairs[i].value)	/* an empty value puts the default in place */
			continue;
		if (!iscsi_db_record_get(rec, pairs[i].name))
			return iscsi_fail(why, ISCSI_ERR_INVAL, "Unknown parameter %s.",
					  pairs[i].name);
		err = iscsi_db_record_set(rec, pairs[i].name, pairs[i].value, why);
	}
	return err;
}

enum iscsi_err firmware_be_patient(struct iscsi_db_record *rec, struct iscsi_why *why)
{
	static const struct option_pair patience[] = {
		{ "node.session.initial_login_retry_max", "30" },
		{ "node.conn[0].timeo.noop_out_interval", "5" },
		{ "node.session.scan", "auto" },
		{ "node.startup", "onboot" },
		{ "node.conn[0].startup", "onboot" },
	};

	return firmware_set_pairs(rec, patience, ARRAY_SIZE(patience), why) ?:
	       record_set_int(rec, "node.conn[0].timeo.noop_out_timeout", BOOT_NOOP_OUT_TIMEOUT_S,
			      why);
}
