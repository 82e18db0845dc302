/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The document of --json, see json.h. Records and sessions are taken from the descriptions that
 * other output comes from: a record's from its text, a session's from the table of sysfs.c.
 */
#include "iscsiadm/json.h"

#include <fcntl.h>
#include <json-c/json.h>

#include "iscsiadm/disk_links.h"
#include "iscsid/kernel/inuse.h"
#include "libiscsi-db/util.h"

#define VERSION	1	/* raised if a program that reads the document has to change */

/* In this order in the document; each is there also if it is empty. */
static const char *const lists[] = {
	"messages", "nodes", "ifaces", "portals", "firmware", "targets", "hosts", "sessions",
	"attempts", "logins", "logouts", "rescans",
};

struct json {
	struct json_object *document;
	struct json_object *session;	/* whose counter was added last */
	struct inuse *inuse;		/* made for the first disk */
	int fd;				/* stdout, as the caller gave it */
};

/* ---- values ---------------------------------------------------------------------------- */

static void put(struct json_object *object, const char *key, struct json_object *value)
{
	(void)json_object_object_add(object, key, value);
}

/* "" is null. */
static struct json_object *text_value(const char *text)
{
	char escaped[4096];
	struct json_object *value;

	if (!text || !*text)
		return NULL;
	text_escape(text, escaped, sizeof(escaped));
	value = json_object_new_string(escaped);
	explicit_bzero(escaped, sizeof(escaped));
	return value;
}

static void put_string(struct json_object *object, const char *key, const char *text)
{
	put(object, key, text_value(text));
}

static void put_int64(struct json_object *object, const char *key, int64_t number)
{
	put(object, key, json_object_new_int64(number));
}

/* @unset is null. */
static void put_int(struct json_object *object, const char *key, int64_t number, int64_t unset)
{
	put(object, key, number == unset ? NULL : json_object_new_int64(number));
}

static void put_result(struct json_object *object, enum iscsi_err err, const char *why)
{
	struct json_object *result = json_object_new_object();

	put(result, "code", json_object_new_int(err));
	put_string(result, "name", iscsi_db_err_name(err));
	put_string(result, "text", iscsi_db_err_text(err));
	put_string(result, "reason", why);
	put(object, "result", result);
}

/* A new object at the end of a list, or NULL without a document. */
static struct json_object *add(struct json *json, const char *list)
{
	struct json_object *object = json ? json_object_new_object() : NULL;

	if (object)
		(void)json_object_array_add(json_object_object_get(json->document, list), object);
	return object;
}

/* ---- the document ---------------------------------------------------------------------- */

struct json *json_open(void)
{
	struct json *json = calloc(1, sizeof(*json));
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (json)
		json->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (!json || null < 0 || json->fd < 0 || dup2(null, STDOUT_FILENO) < 0) {
		free(json);
		return NULL;
	}
	(void)close(null);
	json->document = json_object_new_object();
	put(json->document, "version", json_object_new_int(VERSION));
	put(json->document, "result", NULL);	/* known at the end, but read first */
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		put(json->document, lists[i], json_object_new_array());
	return json;
}

void json_message(struct json *json, const char *text)
{
	if (json)
		(void)json_object_array_add(json_object_object_get(json->document, "messages"),
					    text_value(text));
}

/* ---- records --------------------------------------------------------------------------- */

/* Lines "name = value"; the lines that begin and end a record have no name. Destroys @text. */
static void put_settings(struct json_object *object, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, " = ");

		if (*line == '#' || !value)
			continue;
		*value = '\0';
		value += 3;
		put_string(object, line, streq(value, "<empty>") ? "" : value);
	}
}

void json_record(struct json *json, const char *list, const struct iscsi_db_record *rec,
		 bool secrets)
{
	struct json_object *object = add(json, list);
	char *text = object ? iscsi_db_record_print(rec, secrets ? ISCSI_DB_FORM_SHOW_SECRETS :
								   ISCSI_DB_FORM_SHOW) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (text)
		put_settings(object, text);
	wipe_free(text, len);
}

void json_firmware(struct json *json, const struct firmware_target *target)
{
	struct json_object *object = add(json, "firmware");
	char *text = NULL;
	size_t len;
	FILE *out = object ? open_memstream(&text, &len) : NULL;

	if (!out)
		return;
	show_firmware_target(out, target);
	if (fclose(out) == 0)
		put_settings(object, text);
	wipe_free(text, len);
}

void json_target(struct json *json, const char *target, const char *address, int port, int tpgt,
		 const char *iface)
{
	struct json_object *object = add(json, "targets");

	if (!object)
		return;
	put_string(object, "target", target);
	put_string(object, "address", address);
	put_int64(object, "port", port);
	put_int(object, "tpgt", tpgt, ISCSI_TPGT_UNKNOWN);
	put_string(object, "iface", iface);
}

/* ---- hosts and disks ------------------------------------------------------------------- */

void json_host(struct json *json, const struct sysfs_host *host)
{
	struct json_object *object = add(json, "hosts");

	if (!object)
		return;
	put_int(object, "host_no", host->host_no, SYSFS_UNSET);
	put_string(object, "transport", host->transport);
	put_string(object, "state", host->state);
	put_string(object, "initiatorname", host->initiator);
	put_string(object, "ipaddress", host->ipaddress);
	put_string(object, "hwaddress", host->hwaddress);
	put_string(object, "netdev", host->netdev);
}

/* An inuse_fn. */
static bool add_mount(void *arg, const char *device, const char *mount_point)
{
	struct json_object *mounts = arg, *mount = json_object_new_object();

	put_string(mount, "device", device);
	put_string(mount, "mount_point", mount_point);	/* null: swap */
	(void)json_object_array_add(mounts, mount);
	return false;
}

static void add_link(void *arg, const char *link)
{
	(void)json_object_array_add(arg, text_value(link));
}

static void add_disk(struct json *json, struct json_object *disks, struct sysfs *sysfs,
		     const struct sysfs_lun *lun)
{
	struct json_object *disk = json_object_new_object();
	struct json_object *links = json_object_new_array(), *mounts = json_object_new_array();
	char path[96], text[256];
	long long size;

	put_string(disk, "name", lun->block);
	put(disk, "lun", json_object_new_uint64(lun->lun));
	put_string(disk, "state", lun->state);
	(void)snprintf(path, sizeof(path), "class/block/%s/size", lun->block);
	if (sysfs_read_text(sysfs, path, text, sizeof(text)) < 0 ||
	    __builtin_mul_overflow(strtoll(text, NULL, 10), 512, &size))
		size = -1;
	put_int(disk, "size", size, -1);
	(void)snprintf(path, sizeof(path), "class/block/%s/device/wwid", lun->block);
	(void)sysfs_read_text(sysfs, path, text, sizeof(text));
	put_string(disk, "wwid", text);
	disk_links(NULL, lun->block, add_link, links);
	put(disk, "links", links);
	if (!json->inuse)
		json->inuse = inuse_open(sysfs, "/proc");
	if (json->inuse)
		(void)inuse_each(json->inuse, lun->block, add_mount, mounts);
	put(disk, "mounts", mounts);
	(void)json_object_array_add(disks, disk);
}

static void put_disks(struct json *json, struct json_object *object, struct sysfs *sysfs,
		      const struct sysfs_session *session)
{
	struct json_object *disks = json_object_new_array();
	CLEANUP(freep) struct sysfs_lun *luns = NULL;
	size_t len = 0;

	(void)sysfs_list_luns(sysfs, session->sid, session->host_no, &luns, &len);
	for (size_t i = 0; i < len; i++)
		if (luns[i].block[0])
			add_disk(json, disks, sysfs, &luns[i]);
	put(object, "disks", disks);
}

/* ---- sessions -------------------------------------------------------------------------- */

static void put_seconds(struct json_object *object, const char *key, int64_t ms)
{
	put(object, key, ms < 0 ? NULL : json_object_new_double((double)ms / 1000));
}

static void put_outage(struct json_object *object, const struct show_daemon_state *state)
{
	const struct session_outage *o = &state->outage;
	struct json_object *down = json_object_new_object();
	char since[64] = "";
	struct tm tm;

	if (state->since && gmtime_r(&state->since, &tm))
		(void)strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	put_string(down, "since", since);
	put_seconds(down, "seconds", o->down_ms);
	put_int64(down, "attempts", o->attempts);
	put_result(down, o->code, o->reason.text);
	put_seconds(down, "next_attempt_in", o->next_attempt_ms);
	put_seconds(down, "io_fails_in", o->fails_ms);
	put(object, "down", down);
}

/* Attributes have the kernel's names; the connection's state is told in iscsid's words instead. */
static bool attr_shown(const struct sysfs_attr *attr, bool secrets)
{
	return attr->detail <= SYSFS_DETAIL_VALUES ||
	       (secrets && !strncmp(attr->name, "password", strlen("password")));
}

void json_session(struct json *json, struct sysfs *sysfs, const struct sysfs_session *session,
		  const struct show_daemon_state *state, bool secrets)
{
	struct json_object *object = add(json, "sessions");

	if (!object)
		return;
	put_int64(object, "sid", session->sid);
	put_int(object, "host_no", session->host_no, SYSFS_UNSET);
	put_string(object, "transport", session->transport);
	for (size_t i = 0; i < sysfs_attrs_len; i++) {
		const struct sysfs_attr *attr = &sysfs_attrs[i];
		const char *field = (const char *)session + attr->offset;

		if (!attr_shown(attr, secrets))
			continue;
		if (attr->number)
			put_int(object, attr->name, *(const int *)(const void *)field,
				   SYSFS_UNSET);
		else
			put_string(object, attr->name, field);
	}
	put_string(object, "connection_state", mgmt_conn_text(state->conn));
	put_string(object, "recovery", show_recovery(state->recovery));
	put(object, "down", NULL);
	if (state->down)
		put_outage(object, state);
	put(object, "counters", json_object_new_object());
	put_disks(json, object, sysfs, session);
}

static int64_t number_of(struct json_object *object, const char *key)
{
	return json_object_get_int64(json_object_object_get(object, key));
}

void json_counter(struct json *json, unsigned int sid, const char *name, uint64_t value)
{
	struct json_object *sessions = json ? json_object_object_get(json->document, "sessions") : NULL;

	for (size_t i = 0; sessions && (!json->session || number_of(json->session, "sid") != sid); i++) {
		if (i == json_object_array_length(sessions))
			return;
		json->session = json_object_array_get_idx(sessions, i);
	}
	if (sessions)
		put(json_object_object_get(json->session, "counters"), name,
		    json_object_new_uint64(value));
}

/* ---- logins and logouts ---------------------------------------------------------------- */

void json_attempt(struct json *json, const struct show_attempt *attempt)
{
	struct json_object *object = add(json, "attempts");

	if (!object)
		return;
	put_string(object, "target", attempt->target);
	put_string(object, "address", attempt->address);
	put_int64(object, "port", attempt->port);
	put_string(object, "iface", attempt->iface);
	put(object, "wanted", json_object_new_boolean(attempt->wanted));
	put_int64(object, "seconds", attempt->since_s);
	put_int64(object, "failed", attempt->failed);
	put_string(object, "reason", attempt->why.text);
}

static void add_outcome(struct json *json, const char *list, const char *target, const char *address,
			int port, const char *iface, unsigned int sid, enum iscsi_err err,
			const char *why)
{
	struct json_object *object = add(json, list);

	if (!object)
		return;
	put_string(object, "target", target);
	put_string(object, "address", address);
	put_int(object, "port", port, SYSFS_UNSET);
	put_string(object, "iface", iface);
	put_int(object, "sid", sid, 0);
	put_result(object, err, why);
}

void json_login(struct json *json, const struct iscsi_db_record *rec, unsigned int sid,
		enum iscsi_err err, const char *why)
{
	add_outcome(json, "logins", iscsi_db_record_get(rec, "node.name"),
		    iscsi_db_record_get(rec, "node.conn[0].address"),
		    iscsi_db_record_get_int(rec, "node.conn[0].port"),
		    iscsi_db_record_get(rec, "iface.iscsi_ifacename"), sid, err, why);
}

void json_outcome(struct json *json, const char *list, const struct sysfs_session *session,
		  enum iscsi_err err, const char *why)
{
	add_outcome(json, list, session->target, session->persistent_address,
		    session->persistent_port, session->iface, session->sid, err, why);
}

/* ---- the end --------------------------------------------------------------------------- */

/* "disks" of each login and rescan; none without a session. */
static void add_disks(struct json *json, struct sysfs *sysfs, const char *list)
{
	struct json_object *array = json_object_object_get(json->document, list);

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *object = json_object_array_get_idx(array, i);
		struct sysfs_session session;

		if (!sysfs || sysfs_read_session(sysfs, (unsigned int)number_of(object, "sid"),
						 SYSFS_DETAIL_LIST, &session))
			put(object, "disks", json_object_new_array());
		else
			put_disks(json, object, sysfs, &session);
	}
}

int json_close(struct json *json, struct sysfs *sysfs, enum iscsi_err err)
{
	int r;

	add_disks(json, sysfs, "logins");
	add_disks(json, sysfs, "rescans");
	put_result(json->document, err, NULL);
	r = json_object_to_fd(json->fd, json->document, JSON_C_TO_STRING_PRETTY |
			      JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!r && write(json->fd, "\n", 1) != 1)
		r = -1;
	inuse_close(json->inuse);
	(void)json_object_put(json->document);
	(void)close(json->fd);
	free(json);
	return r;
}
