/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logins that iscsid is still trying, see attempts.h. */
#include "iscsiadm/attempts.h"

#include "iscsiadm/client.h"
#include "iscsiadm/print.h"
#include "iscsiadm/show.h"
#include "libiscsi-db/util.h"

#define ANSWER_MS	5000	/* a list must be quick while the daemon is busy */

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
	enum iscsi_err *err = arg;

	(void)index;
	if (reply->type == MGMT_RESULT)
		*err = reply->err;
}

/* A daemon that can't be asked has no logins that could be told. NULL then. */
static struct client *read_attempts(struct adm *adm, struct attempt_list *ret)
{
	const struct mgmt_request req = { .type = MGMT_ATTEMPTS, .record = "", .iface = "" };
	struct client *client = adm_new_client(adm, NULL, NULL);

	*ret = (struct attempt_list){ NULL, 0 };
	if (!client)
		return NULL;
	if (client_request(client, &req, 0) || client_run(client, ANSWER_MS, on_attempt, ret)) {
		free(ret->list);
		*ret = (struct attempt_list){ NULL, 0 };
		return client_free(client);
	}
	return client;
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
	struct attempt_list attempts;
	struct client *client = read_attempts(adm, &attempts);

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
	       (!sel->address || (!adm_need_names(adm) &&
				  match_address(adm->names, sel->address, a->address))) &&
	       (!sel->iface || streq(sel->iface, a->iface));
}

size_t attempts_call_off(struct adm *adm, const struct adm_selection *sel)
{
	struct attempt_list attempts;
	struct client *client = read_attempts(adm, &attempts);
	size_t n = 0;

	for (size_t i = 0; i < attempts.len; i++) {
		const struct show_attempt *a = &attempts.list[i];
		const struct mgmt_request req = {
			.type = MGMT_CALL_OFF, .sid = a->number, .record = "", .iface = "",
		};
		enum iscsi_err err = ISCSI_ERR_INTERNAL;

		if (!selected(adm, sel, a) || client_request(client, &req, 0) ||
		    client_run(client, ANSWER_MS, on_called_off, &err) || err)
			continue;
		print_to(stdout, "Login to [iface: %s, target: %s, portal: %s,%d] called off.\n",
			 a->iface, a->target, a->address, a->port);
		n++;
	}
	free(attempts.list);
	client_free(client);
	return n;
}

size_t attempts_call_off_node(struct adm *adm, const struct iscsi_db_record *rec)
{
	const char *iface = iscsi_db_record_get(rec, "iface.iscsi_ifacename");
	const struct adm_selection sel = {
		.target = iscsi_db_record_get(rec, "node.name"),
		.address = iscsi_db_record_get(rec, "node.conn[0].address"),
		.port = iscsi_db_record_get_int(rec, "node.conn[0].port"),
		.iface = iface && *iface ? iface : "default",
	};

	return attempts_call_off(adm, &sel);
}
