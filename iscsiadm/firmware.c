/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads /sys/firmware/ibft and, for cards, /sys/firmware/iscsi_boot*: folders initiator,
 * ethernetN and targetN. Every file is optional. A target belongs to the network card whose
 * index its nic-assoc gives.
 */
#include "firmware.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../libiscsi-db/util.h"

#define ORIGIN_DHCP	3

struct source {
	struct sysfs *sysfs;
	char base[64];			/* "firmware/ibft" */
	const char *transport;
	unsigned int *nics;
	size_t nic_count;
};

static void read_text(const struct source *s, const char *folder, const char *name, char *ret,
		      size_t size)
{
	char path[192];

	(void)snprintf(path, sizeof(path), "%s/%s/%s", s->base, folder, name);
	(void)sysfs_read_text(s->sysfs, path, ret, size);
}

/* A decimal number, or @otherwise. */
static int read_number(const struct source *s, const char *folder, const char *name,
		       int otherwise)
{
	char text[32], *end;
	long n;

	read_text(s, folder, name, text, sizeof(text));
	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || n < 0 || n > 65535 ? otherwise : (int)n;
}

/* The folder of the card with this index. False: there is none. */
static bool find_nic(const struct source *s, int index, char *ret, size_t size)
{
	size_t i;

	for (i = 0; i < s->nic_count; i++) {
		(void)snprintf(ret, size, "ethernet%u", s->nics[i]);
		if (read_number(s, ret, "index", (int)s->nics[i]) == index)
			return true;
	}
	return false;
}

static void read_nic(const struct source *s, const char *nic, struct firmware_target *t)
{
	char dhcp[64], path[160];

	read_text(s, nic, "mac", t->hwaddress, sizeof(t->hwaddress));
	read_text(s, nic, "ip-addr", t->ipaddress, sizeof(t->ipaddress));
	read_text(s, nic, "prefix-len", t->prefix_len, sizeof(t->prefix_len));
	read_text(s, nic, "subnet-mask", t->subnet_mask, sizeof(t->subnet_mask));
	read_text(s, nic, "gateway", t->gateway, sizeof(t->gateway));
	read_text(s, nic, "primary-dns", t->primary_dns, sizeof(t->primary_dns));
	read_text(s, nic, "secondary-dns", t->secondary_dns, sizeof(t->secondary_dns));
	read_text(s, nic, "vlan", t->vlan, sizeof(t->vlan));
	read_text(s, nic, "dhcp", dhcp, sizeof(dhcp));
	t->dhcp = read_number(s, nic, "origin", 0) == ORIGIN_DHCP ||
		  (dhcp[0] && !streq(dhcp, "0.0.0.0"));
	(void)snprintf(path, sizeof(path), "%s/%s/device/net", s->base, nic);
	if (!sysfs_first_entry(s->sysfs, path, t->netdev, sizeof(t->netdev)))
		(void)sysfs_find_netdev(s->sysfs, t->hwaddress, t->netdev, sizeof(t->netdev));
}

/* False: it isn't marked valid, or has no card. */
static bool read_target(const struct source *s, unsigned int number,
			void (*skipped)(int nic, int max_nic), struct firmware_target *t)
{
	char folder[32], nic[32];
	int index;

	memset(t, 0, sizeof(*t));
	(void)snprintf(folder, sizeof(folder), "target%u", number);
	if (!read_number(s, folder, "flags", 0))
		return false;
	index = read_number(s, folder, "nic-assoc", 0);
	if (!find_nic(s, index, nic, sizeof(nic))) {
		if (skipped)
			skipped(index, (int)s->nic_count - 1);
		return false;
	}
	(void)snprintf(t->transport, sizeof(t->transport), "%s", s->transport);
	read_text(s, "initiator", "initiator-name", t->initiator, sizeof(t->initiator));
	read_nic(s, nic, t);
	read_text(s, folder, "target-name", t->target, sizeof(t->target));
	read_text(s, folder, "ip-addr", t->address, sizeof(t->address));
	t->port = read_number(s, folder, "port", 0);
	if (!t->port)
		t->port = ISCSI_PORT_DEFAULT;
	read_text(s, folder, "lun", t->lun, sizeof(t->lun));
	read_text(s, folder, "chap-name", t->username, sizeof(t->username));
	read_text(s, folder, "chap-secret", t->password, sizeof(t->password));
	read_text(s, folder, "rev-chap-name", t->username_in, sizeof(t->username_in));
	read_text(s, folder, "rev-chap-name-secret", t->password_in, sizeof(t->password_in));
	return true;
}

struct target_list {
	struct firmware_target *list;
	size_t len;
};

static enum iscsi_err read_source(struct sysfs *sysfs, const char *base, const char *transport,
				  void (*skipped)(int nic, int max_nic),
				  struct target_list *targets)
{
	struct source s = { .sysfs = sysfs, .transport = transport };
	CLEANUP(freep) unsigned int *nics = NULL, *numbers = NULL;
	struct firmware_target *more;
	enum iscsi_err err;
	size_t i, count;

	(void)snprintf(s.base, sizeof(s.base), "%s", base);
	err = sysfs_list_numbers(sysfs, base, "ethernet", &nics, &s.nic_count);
	if (err == ISCSI_SUCCESS)
		err = sysfs_list_numbers(sysfs, base, "target", &numbers, &count);
	if (err != ISCSI_SUCCESS)
		return err;
	s.nics = nics;
	more = reallocarray(targets->list, targets->len + count + 1, sizeof(*more));
	if (!more)
		return ISCSI_ERR_NOMEM;
	targets->list = more;
	for (i = 0; i < count; i++)
		targets->len += read_target(&s, numbers[i], skipped, &more[targets->len]);
	return ISCSI_SUCCESS;
}

enum iscsi_err firmware_read(struct sysfs *sysfs, void (*skipped)(int nic, int max_nic),
			     struct firmware_target **ret, size_t *ret_len)
{
	CLEANUP(freep) unsigned int *cards = NULL;
	struct target_list targets = { NULL, 0 };
	enum iscsi_err err;
	size_t count = 0, i;

	err = read_source(sysfs, "firmware/ibft", "tcp", skipped, &targets);
	if (err == ISCSI_SUCCESS)
		err = sysfs_list_numbers(sysfs, "firmware", "iscsi_boot", &cards, &count);
	for (i = 0; i < count && err == ISCSI_SUCCESS; i++) {
		struct sysfs_host host;
		char base[64];

		(void)snprintf(base, sizeof(base), "firmware/iscsi_boot%u", cards[i]);
		if (sysfs_read_host(sysfs, (int)cards[i], &host) != ISCSI_SUCCESS)
			host.transport[0] = '\0';
		err = read_source(sysfs, base, host.transport[0] ? host.transport : "tcp",
				  skipped, &targets);
	}
	if (err == ISCSI_SUCCESS && !targets.len)
		err = ISCSI_ERR_NO_OBJS_FOUND;
	if (err != ISCSI_SUCCESS) {
		free(targets.list);
		return err;
	}
	*ret = targets.list;
	*ret_len = targets.len;
	return ISCSI_SUCCESS;
}
