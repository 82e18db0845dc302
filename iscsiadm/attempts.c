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
	enum iscsi_err err;	/* why the list may lack logins, which has been said */
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

struct call_off {
	struct attempt_list attempts;
	bool *off;		/* for each attempt */
	enum iscsi_err first;	/* why one of them goes on */
};

/* A client_reply_fn. */
static void on_called_off(void *arg, size_t index, const struct mgmt_reply *reply)
{
	struct call_off *c = arg;
	const struct show_attempt *a = &c->attempts.list[index];

	if (reply->type != MGMT_RESULT)
		return;
	c->off[index] = !reply->err;
	/* A login that isn't there any more has ended meanwhile. */
	if (!reply->err || reply->err == ISCSI_ERR_SESS_NOT_FOUND)
		return;
	adm_error("Could not call off the login to [iface: %s, target: %s, portal: %s,%d]: %s",
		  a->iface, a->target, a->address, a->port, client_reason(reply));
	adm_keep_first(&c->first, reply->err);
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

	*ret = (struct attempt_list){ .list = NULL };
	if (!client)
		return NULL;
	err = client_request(client, &req, 0) ?: client_run(client, ANSWER_MS, on_attempt, ret);
	if (!err)
		return client;
	free(ret->list);
	*ret = (struct attempt_list){ .list = NULL };
	if (err == ISCSI_ERR_ISCSID_NOTCONN)
		read_notes(ret);
	if (err == ISCSI_ERR_REQ_TIMEDOUT)
		ret->err = adm_refuse(err, "which logins are under way can't be told: iscsid has not "
				      "answered for %d seconds", ANSWER_MS / 1000);
	return client_free(client);
}

enum iscsi_err attempts_count(struct adm *adm, size_t *ret)
{
	struct attempt_list attempts;

	client_free(read_attempts(adm, &attempts));
	free(attempts.list);
	*ret = attempts.len;
	return attempts.err;
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
static enum iscsi_err call_off(struct adm *adm, const struct adm_selection *sels, size_t count,
			       bool wanted, size_t *ret)
{
	struct call_off c = { .off = NULL };
	struct client *client = read_attempts(adm, &c.attempts);
	CLEANUP(closep) int dir_fd = client ? -1 : open_run_dir();
	size_t n = 0;

	c.first = c.attempts.err;
	c.off = calloc(c.attempts.len, sizeof(*c.off));
	for (size_t i = 0; c.off && i < c.attempts.len; i++) {
		const struct show_attempt *a = &c.attempts.list[i];
		const struct mgmt_request req = {
			.type = MGMT_CALL_OFF, .sid = a->number, .record = "", .iface = "",
		};

		if ((wanted && !a->wanted) || !any_selected(adm, sels, count, a))
			continue;
		if (client) {
			(void)client_request(client, &req, i);
			continue;
		}
		runstate_remove_wanted(dir_fd, a->number);
		c.off[i] = true;
	}
	if (client)
		(void)client_run(client, CALL_OFF_MS, on_called_off, &c);
	for (size_t i = 0; c.off && i < c.attempts.len; i++) {
		const struct show_attempt *a = &c.attempts.list[i];

		if (!c.off[i])
			continue;
		print_to(stdout, "Login to [iface: %s, target: %s, portal: %s,%d] called off.\n",
			 a->iface, a->target, a->address, a->port);
		n++;
	}
	if (ret)
		*ret = n;
	free(c.off);
	free(c.attempts.list);
	client_free(client);
	return c.first;
}

enum iscsi_err attempts_call_off(struct adm *adm, const struct adm_selection *sel, size_t *ret)
{
	return call_off(adm, sel, 1, false, ret);
}

enum iscsi_err attempts_call_off_wanted(struct adm *adm, const struct adm_selection *sel)
{
	return call_off(adm, sel, 1, true, NULL);
}

enum iscsi_err attempts_call_off_nodes(struct adm *adm, const struct adm_records *nodes,
				       size_t *ret)
{
	CLEANUP(freep) struct adm_selection *sels = NULL;

	if (ret)
		*ret = 0;
	if (!nodes->len)
		return ISCSI_SUCCESS;
	sels = calloc(nodes->len, sizeof(*sels));
	if (!sels)
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	for (size_t i = 0; i < nodes->len; i++)
		sels[i] = node_selection(nodes->list[i]);
	return call_off(adm, sels, nodes->len, false, ret);
}
