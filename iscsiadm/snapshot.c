/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot of the kernel's sessions: an array in the order of listings, and an index of the
 * array sorted by target. So finding the sessions of a record costs one binary search, however
 * many records and sessions there are.
 */
#include "iscsiadm/snapshot.h"

#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"

struct snapshot_entry {
	struct sysfs_session session;
	enum sysfs_detail detail;
	bool gone;
};

struct snapshot {
	struct sysfs *sysfs;
	struct snapshot_entry *list;
	struct snapshot_entry **by_target;
	size_t len;
};

static int compare_as_text(const void *pa, const void *pb)
{
	char a[16], b[16];

	(void)snprintf(a, sizeof(a), "%u", *(const unsigned int *)pa);
	(void)snprintf(b, sizeof(b), "%u", *(const unsigned int *)pb);
	return strcmp(a, b);
}

void snapshot_sort_numbers(unsigned int *numbers, size_t count)
{
	if (count)
		qsort(numbers, count, sizeof(*numbers), compare_as_text);
}

static int compare_target(const void *pa, const void *pb)
{
	const struct snapshot_entry *a = *(struct snapshot_entry *const *)pa, *b = *(struct snapshot_entry *const *)pb;
	int r = strcmp(a->session.target, b->session.target);

	if (r)
		return r;
	return a->session.sid < b->session.sid ? -1 : a->session.sid > b->session.sid;
}

struct snapshot *snapshot_free(struct snapshot *sessions)
{
	if (sessions) {
		wipe_free(sessions->list, sessions->len * sizeof(*sessions->list));
		free(sessions->by_target);
		free(sessions);
	}
	return NULL;
}

/* Makes a snapshot of those sessions of @sids that exist. */
static enum iscsi_err take_snapshot(struct sysfs *sysfs, const unsigned int *sids, size_t count,
				    struct snapshot **ret)
{
	struct snapshot *s;

	s = calloc(1, sizeof(*s));
	if (!s)
		return ISCSI_ERR_NOMEM;
	s->sysfs = sysfs;
	s->list = calloc(count, sizeof(*s->list));
	s->by_target = calloc(count, sizeof(*s->by_target));
	if (!s->list || !s->by_target) {
		snapshot_free(s);
		return ISCSI_ERR_NOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		struct snapshot_entry *e = &s->list[s->len];

		/* A session without a target name is still being made. */
		if (sysfs_read_session(sysfs, sids[i], SYSFS_DETAIL_LIST, &e->session) ||
		    !e->session.target[0])
			continue;
		e->detail = SYSFS_DETAIL_LIST;
		s->by_target[s->len++] = e;
	}
	if (s->len)
		qsort(s->by_target, s->len, sizeof(*s->by_target), compare_target);
	*ret = s;
	return ISCSI_SUCCESS;
}

enum iscsi_err snapshot_new(struct sysfs *sysfs, struct snapshot **ret)
{
	CLEANUP(freep) unsigned int *sids = NULL;
	size_t count;
	enum iscsi_err err = sysfs_list_sessions(sysfs, &sids, &count);

	if (err)
		return err;
	snapshot_sort_numbers(sids, count);
	return take_snapshot(sysfs, sids, count, ret);
}

enum iscsi_err snapshot_new_one(struct sysfs *sysfs, unsigned int sid,
				    struct snapshot **ret)
{
	struct snapshot *s;
	enum iscsi_err err = take_snapshot(sysfs, &sid, 1, &s);

	if (err)
		return err;
	if (!s->len) {
		snapshot_free(s);
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	*ret = s;
	return ISCSI_SUCCESS;
}

size_t snapshot_count(const struct snapshot *sessions)
{
	return sessions->len;
}

const struct sysfs_session *snapshot_get(const struct snapshot *sessions, size_t i)
{
	return &sessions->list[i].session;
}

size_t snapshot_of_target(const struct snapshot *sessions, const char *target,
			      size_t *ret_first)
{
	size_t low = 0, high = sessions->len, n = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(sessions->by_target[middle]->session.target, target) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_first = low;
	while (low + n < sessions->len &&
	       streq(sessions->by_target[low + n]->session.target, target))
		n++;
	return n;
}

const struct sysfs_session *snapshot_by_target(const struct snapshot *sessions, size_t i)
{
	return &sessions->by_target[i]->session;
}

static struct snapshot_entry *entry_of(const struct sysfs_session *session)
{
	return container_of((struct sysfs_session *)(uintptr_t)session, struct snapshot_entry, session);
}

void snapshot_told(struct snapshot *sessions, const struct sysfs_session *session,
		       const char *text)
{
	struct snapshot_entry *e = entry_of(session);
	struct sysfs_session told;

	if (e->gone || e->detail >= SYSFS_DETAIL_VALUES || !text ||
	    !session_text_parse(text, session->sid, &told) ||
	    !streq(told.target, session->target) || told.host_no != session->host_no)
		return;
	if (sysfs_read_live(sessions->sysfs, SYSFS_DETAIL_VALUES, &told)) {
		e->gone = true;
		return;
	}
	e->session = told;
	e->detail = SYSFS_DETAIL_VALUES;
}

const struct sysfs_session *snapshot_detail(struct snapshot *sessions,
						const struct sysfs_session *session,
						enum sysfs_detail detail)
{
	struct snapshot_entry *e = entry_of(session);
	struct sysfs_session fresh;

	if (e->gone)
		return NULL;
	if (e->detail >= detail)
		return session;
	/* The kernel may have given the sid to a session of another target meanwhile. */
	if (sysfs_read_session(sessions->sysfs, session->sid, detail, &fresh) ||
	    !streq(fresh.target, session->target)) {
		e->gone = true;
		return NULL;
	}
	e->session = fresh;
	e->detail = detail;
	explicit_bzero(&fresh, sizeof(fresh));
	return session;
}

const char *snapshot_iface(const struct sysfs_session *session)
{
	return session->iface[0] ? session->iface : "default";
}
