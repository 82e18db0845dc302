/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logins that iscsid is still trying, see attempts.h. */
#include "iscsiadm/attempts.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>

#include "iscsiadm/client.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "iscsid/run_dir.h"
#include "iscsid/runstate.h"
#include "libiscsi-db/util.h"

#define ANSWER_MS	5000	/* a list must be quick while the daemon is busy */
#define CALL_OFF_MS	35000	/* the kernel has to remove what the login has made: 30 s at most */

struct attempt_list {
	struct show_attempt *list;
	size_t len;
};

static void copy(char *ret, size_t size, const char *text)
{
	(void)snprintf(ret, size, "%s", text);
}

/* A client_reply_fn. */
static void on_attempt(void *arg, size_t index, const struct mgmt_reply *reply)
{
	struct attempt_list *attempts = arg;
	struct show_attempt *a = NULL;

	(void)index;
	if (reply->type == MGMT_ATTEMPT)
		a = ARRAY_ADD(attempts->list, attempts->len);
	if (!a)
		return;
	*a = (struct show_attempt){
		.number = reply->sid, .port = reply->port, .wanted = reply->wanted,
		.failed = reply->failed, .since_s = reply->since_s,
	};
	copy(a->target, sizeof(a->target), reply->name);
	copy(a->address, sizeof(a->address), reply->address);
	copy(a->iface, sizeof(a->iface), reply->iface);
	copy(a->why.text, sizeof(a->why.text), reply->why);
}

/* A client_reply_fn. */
static void on_called_off(void *arg, size_t index, const struct mgmt_reply *reply)
{
	bool *off = arg;

	if (reply->type == MGMT_RESULT)
		off[index] = !reply->err;
}

static struct adm_selection node_selection(const struct iscsi_db_record *rec)
{
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");

	return (struct adm_selection){
		.target = iscsi_db_record_get(rec, "node.name"),
		.address = iscsi_db_record_get(rec, "node.conn[0].address"),
		.port = iscsi_db_record_get_int(rec, "node.conn[0].port"),
		.iface = *iface ? iface : "default",
	};
}

/* The notes of a daemon lie beside its socket. */
static int open_run_dir(void)
{
	const char *socket = secure_getenv("ISCSID_SOCKET") ?: MGMT_SOCKET_PATH;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", socket);
	return *path == '/' ? open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* What a daemon that has died was trying, and its successor would begin anew. */
static void read_notes(struct attempt_list *ret)
{
	CLEANUP(closep) int dir_fd = open_run_dir();
	size_t len = 0;
	CLEANUP(freep) unsigned int *numbers = dir_fd < 0 ? NULL :
					       runstate_list_wanted(dir_fd, &len);

	for (size_t i = 0; i < len; i++) {
		struct mgmt_reply note = {
			.type = MGMT_ATTEMPT, .sid = numbers[i], .wanted = true, .why = "",
		};
		CLEANUP(iscsi_db_record_freep) struct iscsi_db_record *rec = NULL;
		struct adm_selection node;

		if (runstate_load_wanted(dir_fd, numbers[i], &rec) < 0)
			continue;
		node = node_selection(rec);
		note.name = node.target;
		note.address = node.address;
		note.port = node.port;
		note.iface = node.iface;
		on_attempt(ret, 0, &note);
	}
}

/* NULL: no daemon answers. If none runs, the list has what the next daemon would try. */
static struct client *read_attempts(struct adm *adm, struct attempt_list *ret)
{
	const struct mgmt_request req = { .type = MGMT_ATTEMPTS, .record = "", .iface = "" };
	struct client *client = adm_new_client(adm, NULL, NULL);
	enum iscsi_err err;

	*ret = (struct attempt_list){ NULL, 0 };
	if (!client)
		return NULL;
	err = client_request(client, &req, 0) ?: client_run(client, ANSWER_MS, on_attempt, ret);
	if (!err)
		return client;
	free(ret->list);
	*ret = (struct attempt_list){ NULL, 0 };
	if (err == ISCSI_ERR_ISCSID_NOTCONN)
		read_notes(ret);
	return client_free(client);
}

size_t attempts_count(struct adm *adm)
{
	struct attempt_list attempts;

	client_free(read_attempts(adm, &attempts));
	free(attempts.list);
	return attempts.len;
}

size_t attempts_show(struct adm *adm)
{
	CLEANUP(closep) int dir_fd = open_run_dir();
	struct attempt_list attempts;
	struct client *client;

	/* With socket activation, to ask would start a daemon only to hear that it tries nothing. */
	if (run_dir_is_idle(dir_fd))
		return 0;
	client = read_attempts(adm, &attempts);
	if (!client)		/* nothing is tried now */
		attempts.len = 0;
	for (size_t i = 0; i < attempts.len; i++) {
		const struct show_attempt *a = &attempts.list[i];

		json_attempt(adm->json, a);
		print_to(stdout, "Login under way: %s, portal %s,%d, iface %s: tried for %u s%s%s%s\n",
			 a->target, a->address, a->port, a->iface, a->since_s,
			 a->wanted ? ", until it succeeds" : "",
			 *a->why.text ? "; last failure: " : "", a->why.text);
	}
	free(attempts.list);
	client_free(client);
	return attempts.len;
}

static bool selected(struct adm *adm, const struct adm_selection *sel, const struct show_attempt *a)
{
	return !sel->session && (!sel->target || streq(sel->target, a->target)) &&
	       (sel->port < 0 || sel->port == a->port) &&
	       (!sel->address || adm_same_host(adm, sel->address, a->address)) &&
	       (!sel->iface || streq(sel->iface, a->iface));
}

/* Whether one of @sels selects @a. */
static bool any_selected(struct adm *adm, const struct adm_selection *sels, size_t count,
			 const struct show_attempt *a)
{
	for (size_t i = 0; i < count; i++)
		if (selected(adm, &sels[i], a))
			return true;
	return false;
}

/* @wanted: logins that somebody waits for go on, unless they are wanted too. */
static size_t call_off(struct adm *adm, const struct adm_selection *sels, size_t count, bool wanted)
{
	struct attempt_list attempts;
	struct client *client = read_attempts(adm, &attempts);
	CLEANUP(closep) int dir_fd = client ? -1 : open_run_dir();
	CLEANUP(freep) bool *off = calloc(attempts.len, sizeof(*off));
	size_t n = 0;

	for (size_t i = 0; off && i < attempts.len; i++) {
		const struct mgmt_request req = {
			.type = MGMT_CALL_OFF, .sid = attempts.list[i].number, .record = "",
			.iface = "",
		};

		if ((wanted && !attempts.list[i].wanted) ||
		    !any_selected(adm, sels, count, &attempts.list[i]))
			continue;
		if (client) {
			(void)client_request(client, &req, i);
			continue;
		}
		runstate_remove_wanted(dir_fd, req.sid);
		off[i] = true;
	}
	if (client)
		(void)client_run(client, CALL_OFF_MS, on_called_off, off);
	for (size_t i = 0; off && i < attempts.len; i++) {
		const struct show_attempt *a = &attempts.list[i];

		if (!off[i])
			continue;
		print_to(stdout, "Login to [iface: %s, target: %s, portal: %s,%d] called off.\n",
			 a->iface, a->target, a->address, a->port);
		n++;
	}
	free(attempts.list);
	client_free(client);
	return n;
}

size_t attempts_call_off(struct adm *adm, const struct adm_selection *sel)
{
	return call_off(adm, sel, 1, false);
}

size_t attempts_call_off_wanted(struct adm *adm, const struct adm_selection *sel)
{
	return call_off(adm, sel, 1, true);
}

size_t attempts_call_off_nodes(struct adm *adm, const struct adm_records *nodes)
{
	CLEANUP(freep) struct adm_selection *sels = calloc(nodes->len, sizeof(*sels));

	for (size_t i = 0; sels && i < nodes->len; i++)
		sels[i] = node_selection(nodes->list[i]);
	return sels && nodes->len ? call_off(adm, sels, nodes->len, false) : 0;
}
