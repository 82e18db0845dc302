/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "-m host": the hosts that the kernel has for sessions, one for each session of a software
 * transport. CHAP tables, flash nodes and statistics of hosts exist on cards alone, so asking for
 * them ends with an error that says so.
 */
#include "iscsiadm/mode_host.h"

#include <strings.h>

#include "iscsiadm/sessions.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

/* Puts the sessions of a host into @list and returns their number. */
static size_t sessions_of(struct adm *adm, int host_no, const struct sysfs_session **list)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot_count(adm->sessions); i++) {
		const struct sysfs_session *s = snapshot_get(adm->sessions, i);

		if (s->host_no == host_no)
			list[n++] = s;
	}
	return n;
}

static void heading(struct adm *adm)
{
	(void)adm;
	show_host_sessions(stdout);
}

static enum iscsi_err show_sessions(struct adm *adm, int host_no, int level)
{
	CLEANUP(freep) const struct sysfs_session **list = NULL;
	struct session_trees how = {
		.indent = "\t", .parts = SHOW_IFACE | SHOW_STATE, .detail = SYSFS_DETAIL_STATE,
		.heading = heading,
	};
	enum iscsi_err err;
	size_t count;

	err = adm_need_sessions(adm);
	if (err)
		return err;
	list = calloc(snapshot_count(adm->sessions), sizeof(*list));
	if (!list)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	if (level >= 3) {
		how.parts |= SHOW_NEGOTIATED;
		how.detail = SYSFS_DETAIL_VALUES;
	}
	how.devices = level >= 4;
	count = sessions_of(adm, host_no, list);
	return sessions_show_trees(adm, list, &count, &how);
}

/* Whether the command is about @host; without -H it is about all hosts. */
static bool host_selected(const struct options *opt, const struct sysfs_host *host)
{
	if (!opt->has_host)
		return true;
	if (strchr(opt->host, ':'))
		return !strcasecmp(opt->host, host->hwaddress);
	return opt->host_no == (unsigned int)host->host_no;
}

static enum iscsi_err no_host(const struct options *opt)
{
	if (opt->has_host && strchr(opt->host, ':'))
		return adm_refuse(ISCSI_ERR_INVAL, "Could not match MAC to host.");
	if (opt->has_host)
		return adm_refuse(ISCSI_ERR_TRANS_NOT_FOUND, "Could not match hostno %u to "
				  "transport.", opt->host_no);
	return adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No iSCSI hosts.");
}

static enum iscsi_err list_hosts(struct adm *adm)
{
	CLEANUP(freep) unsigned int *hosts = NULL;
	int level = adm->opt.print_level;
	enum iscsi_err err;
	size_t count, shown = 0;

	err = adm_fail(sysfs_list_hosts(adm->sysfs, &hosts, &count), NULL);
	if (err)
		return err;
	snapshot_sort_numbers(hosts, count);
	if (level > 4 || level < OPTION_UNSET)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid info level %d. Try 0 - 4.", level);
	for (size_t i = 0; i < count && !err; i++) {
		struct sysfs_host host;

		if (sysfs_read_host(adm->sysfs, (int)hosts[i], &host) ||
		    !host_selected(&adm->opt, &host))
			continue;
		if (!shown++ && level == 4)
			sessions_show_versions(adm);
		json_host(adm->json, &host);
		if (level <= 0)
			show_host_line(stdout, &host);
		else
			show_host_tree(stdout, &host);
		if (level >= 2)
			err = show_sessions(adm, host.host_no, level);
	}
	if (!err && !shown)
		err = no_host(&adm->opt);
	return err;
}

/* Refuses the submodes, each with its reason: this initiator drives no cards. */
static enum iscsi_err submode(struct adm *adm)
{
	const struct options *opt = &adm->opt;
	struct sysfs_host host;

	if (opt->submode == SUBMODE_PING)
		return adm_refuse(ISCSI_ERR_INVAL, "Invalid Sub Mode");
	if (opt->submode == SUBMODE_CHAP && !opt->ops)
		return adm_refuse(ISCSI_ERR_INVAL, "CHAP mode requires host no and valid "
				  "operation");
	if (!opt->has_host)
		return adm_refuse(ISCSI_ERR_INVAL, "This needs a host (-H).");
	if (!strchr(opt->host, ':') &&
	    sysfs_read_host(adm->sysfs, (int)opt->host_no, &host))
		return no_host(opt);
	if (opt->submode == SUBMODE_FLASHNODE && !(opt->ops & ~(unsigned int)OP_SHOW) &&
	    !opt->has_index)
		return adm_refuse(ISCSI_ERR_NO_OBJS_FOUND, "No flashnodes attached to host %s.",
				  opt->host);
	return adm_refuse(ISCSI_ERR_OP_NOT_SUPP, "Host %s is not a card's: it has neither CHAP "
			  "tables nor flash nodes nor statistics of its own.", opt->host);
}

enum iscsi_err mode_host_run(struct adm *adm)
{
	return adm_need_sysfs(adm) ?:
	       (adm->opt.submode == SUBMODE_NONE ? list_hosts(adm) : submode(adm));
}
