/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target's folder in memory: which portals and interfaces there are, and the text of their
 * records. What it means, and what is to be said about it, is for walk.c.
 */
#include "libiscsi-db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#define TEXT_MAX	(16 * 1024)	/* of a record; a longer one isn't usual... */
#define TEXTS_MAX	64		/* ...and neither are more of one target */

struct reading {
	struct iscsi_db *db;
	const struct node_filter *filter;
	struct pool *pool;
	unsigned int texts;
	/* "nodes/TARGET/PORTAL/IFACE", as far as it has come. */
	char path[sizeof("nodes/") + 3 * (NAME_MAX + 1)];
};

/* Puts "/@name" where the path is now @len long; its length with that. */
static size_t append(struct reading *reading, size_t len, const char *name)
{
	int n = snprintf(reading->path + len, sizeof(reading->path) - len, "/%s", name);

	return len + (size_t)n;
}

static bool is_wanted(const struct node_filter *filter, const struct node_id *id)
{
	if (*filter->port && !streq(filter->port, id->port))
		return false;
	if (!filter->is.address)
		return true;
	if (filter->is.names && !address_equal(id->address, id->address))
		return true;
	return filter->numeric ? address_equal(filter->is.address, id->address) :
				 streq(filter->is.address, id->address);
}

/* The text of the file at the path, if it is there, whole, and nothing is odd about it. */
static void read_text(struct reading *reading, int dir, struct record_file *ret)
{
	const struct db_os *os = reading->db->os;
	int fd = os->open(dir, db_base_name(reading->path), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	char *text = fd < 0 ? NULL : pool_alloc(reading->pool, TEXT_MAX);
	size_t len = 0;
	ssize_t n = -ENOMEM;

	while (text && (n = os->read(fd, text + len, TEXT_MAX - 1 - len, (off_t)len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		(void)os->close(fd);
	if (!text)
		return;
	pool_shrink(reading->pool, text, len + 1);
	if (n == 0 && len < TEXT_MAX - 1 && !record_text_is_cut(text, len))
		*ret = (struct record_file){ text, len };
}

static int list_ifaces(struct reading *reading, int dir, struct names *ret)
{
	if (reading->filter->is.iface)
		return names_add_in(ret, reading->filter->is.iface, reading->pool);
	return names_read_fd(reading->db, dir, reading->pool, ret);
}

static int read_portal(struct reading *reading, size_t len, int dir, struct portal_folder *portal)
{
	int r = list_ifaces(reading, dir, &portal->ifaces);
	size_t count = portal->ifaces.count;

	if (r < 0 || !count)
		return r;
	portal->files = pool_alloc(reading->pool, count * sizeof(portal->files[0]));
	if (!portal->files)
		return -ENOMEM;
	for (size_t i = 0; i < count && reading->texts < TEXTS_MAX; i++) {
		const char *name = portal->ifaces.name[i];

		if (iscsi_db_check_iface_name(name, NULL) != ISCSI_SUCCESS)
			continue;
		(void)append(reading, len, name);
		read_text(reading, dir, &portal->files[i]);
		reading->texts++;
	}
	return 0;
}

static int open_portal(struct reading *reading, size_t len, int dir, const char *name,
		       struct portal_folder *portal)
{
	int fd, r;

	len = append(reading, len, name);
	fd = db_open_in(reading->db, dir, reading->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	r = read_portal(reading, len, fd, portal);
	(void)reading->db->os->close(fd);
	return r;
}

static int read_portals(struct reading *reading, size_t len, int dir,
			struct target_folder *target)
{
	int r = names_read_fd(reading->db, dir, reading->pool, &target->names);

	if (r < 0 || !target->names.count)
		return r;
	target->portals = pool_alloc(reading->pool,
				     target->names.count * sizeof(target->portals[0]));
	if (!target->portals) {
		target->names.count = 0;
		return -ENOMEM;
	}
	for (size_t i = 0; i < target->names.count; i++) {
		struct portal_folder *portal = &target->portals[i];
		const char *name = target->names.name[i];

		if (!portal_name_parse(name, &portal->id))
			continue;
		strcpy(portal->id.target, target->name);
		portal->type = !is_wanted(reading->filter, &portal->id) ? PORTAL_OTHER :
			       !*portal->id.tpgt ? PORTAL_SINGLE : PORTAL_FOLDER;
		if (portal->type == PORTAL_FOLDER)
			portal->err = open_portal(reading, len, dir, name, portal);
	}
	return 0;
}

void portal_read(struct iscsi_db *db, const struct node_filter *filter, const char *target,
		 const char *name, struct pool *pool, struct portal_folder *ret)
{
	struct reading reading = { .db = db, .filter = filter, .pool = pool, .path = "nodes" };
	size_t len = append(&reading, strlen(reading.path), target);

	ret->ifaces = (struct names){ 0 };
	ret->files = NULL;
	ret->err = open_portal(&reading, len, -1, name, ret);
}

void target_read(struct iscsi_db *db, const struct node_filter *filter, const char *target,
		 struct pool *pool, struct target_folder *ret)
{
	struct reading reading = { .db = db, .filter = filter, .pool = pool, .path = "nodes" };
	size_t len = append(&reading, strlen(reading.path), target);
	int dir;

	*ret = (struct target_folder){ .name = target };
	if (iscsi_db_check_name(target, NULL) != ISCSI_SUCCESS)
		return;
	dir = db_open_in(db, -1, reading.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (dir < 0) {
		ret->err = dir;
		return;
	}
	ret->err = read_portals(&reading, len, dir, ret);
	(void)db->os->close(dir);
}
