/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iSNS messages, see isns_pdu.h. An answer links a target to a portal by a portal group object,
 * which has the name of the target and the address of the portal. Other objects, the nodes, tell
 * which names are targets. So the parser reads an answer into two tables before it tells a target.
 * Section numbers are those of RFC 4171.
 */
#include "iscsid/protocol/isns_pdu.h"

#include <arpa/inet.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"

#define ISNS_VERSION		1
#define ISNS_RESPONSE		0x8000		/* set in the function of an answer */
#define WARNINGS_MAX		32		/* a hostile answer may have thousands of faults */

enum isns_flag {		/* 5.1.4 */
	ISNS_FROM_CLIENT	= 0x8000,
	ISNS_AUTH		= 0x2000,
	ISNS_LAST		= 0x0800,
	ISNS_FIRST		= 0x0400,
};

enum isns_tag {			/* 6.1 */
	ISNS_DELIMITER		= 0,
	ISNS_PORTAL_ADDRESS	= 16,
	ISNS_PORTAL_PORT	= 17,
	ISNS_NODE_NAME		= 32,
	ISNS_NODE_TYPE		= 33,
	ISNS_GROUP_NAME		= 48,
	ISNS_GROUP_ADDRESS	= 49,
	ISNS_GROUP_PORT		= 50,
	ISNS_GROUP_TAG		= 51,
};

#define NODE_TARGET		1u
#define NODE_INITIATOR		2u
#define PORT_UDP		0x10000u
#define ADDRESS_LEN		16

static const char *const status_texts[] = {
	[0] = "success", [1] = "unknown error", [2] = "message format error",
	[3] = "invalid registration", [5] = "invalid query", [6] = "source unknown",
	[7] = "source absent", [8] = "source unauthorized", [9] = "no such entry",
	[10] = "version not supported", [11] = "internal error", [12] = "busy",
	[13] = "option not understood", [14] = "invalid update", [15] = "message not supported",
	[16] = "SCN event rejected", [17] = "SCN registration rejected",
	[18] = "attribute not implemented", [21] = "ESI not available",
	[22] = "invalid deregistration", [23] = "registration feature not supported",
};

const char *isns_status_text(uint32_t status)
{
	if (status >= ARRAY_SIZE(status_texts) || !status_texts[status])
		return "unknown status";
	return status_texts[status];
}

/* ---- requests -------------------------------------------------------------------------------- */

static void put_empty(struct writer *w, enum isns_tag tag)
{
	writer_be32(w, tag);
	writer_be32(w, 0);
}

static void put_number(struct writer *w, enum isns_tag tag, uint32_t value)
{
	writer_be32(w, tag);
	writer_be32(w, 4);
	writer_be32(w, value);
}

/* The length includes the NUL and the padding to a multiple of four bytes (6.2). */
static void put_name(struct writer *w, const char *name)
{
	static const uint8_t zeros[4];
	size_t len = strlen(name), padded = (len + 4) & ~(size_t)3;

	writer_be32(w, ISNS_NODE_NAME);
	writer_be32(w, (uint32_t)padded);
	writer_bytes(w, name, len);
	writer_bytes(w, zeros, padded - len);
}

size_t isns_build_request(enum isns_function function, uint16_t xid, const char *initiator,
			  uint8_t *buf, size_t size)
{
	static const enum isns_tag asked[] = {
		ISNS_DELIMITER, ISNS_NODE_NAME, ISNS_NODE_TYPE, ISNS_PORTAL_ADDRESS,
		ISNS_PORTAL_PORT, ISNS_GROUP_NAME, ISNS_GROUP_ADDRESS, ISNS_GROUP_PORT,
		ISNS_GROUP_TAG,
	};
	struct writer w = writer_init(buf, size);

	writer_be16(&w, ISNS_VERSION);
	writer_be16(&w, (uint16_t)function);
	writer_be16(&w, 0);		/* the length is set below */
	writer_be16(&w, ISNS_FROM_CLIENT | ISNS_LAST | ISNS_FIRST);
	writer_be16(&w, xid);
	writer_be16(&w, 0);
	put_name(&w, initiator);	/* the source of the request */
	switch (function) {
	case ISNS_DEV_ATTR_QRY:		/* 5.6.5.2: the key, then the attributes asked for */
		put_number(&w, ISNS_NODE_TYPE, NODE_TARGET);
		for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
			put_empty(&w, asked[i]);
		break;
	case ISNS_DEV_ATTR_REG:		/* 5.6.5.1: no key, so the server makes an entity */
		put_empty(&w, ISNS_DELIMITER);
		put_name(&w, initiator);
		put_number(&w, ISNS_NODE_TYPE, NODE_INITIATOR);
		break;
	case ISNS_DEV_DEREG:		/* 5.6.5.4: an entity ends with its last node */
		put_empty(&w, ISNS_DELIMITER);
		put_name(&w, initiator);
		break;
	}
	if (w.failed)
		return 0;
	put_be16(buf + 4, (uint16_t)(w.pos - ISNS_HEADER_LEN));
	return w.pos;
}

/* ---- answers from their parts ------------------------------------------------------------------ */

enum iscsi_err isns_answer_part(struct isns_answer *answer, const uint8_t header[ISNS_HEADER_LEN],
				uint8_t **ret_payload, size_t *ret_len, struct iscsi_why *why)
{
	struct reader r = reader_init(header, ISNS_HEADER_LEN);
	uint16_t version = reader_be16(&r), function = reader_be16(&r), len = reader_be16(&r);
	uint16_t flags = reader_be16(&r), xid = reader_be16(&r), sequence = reader_be16(&r);

	if (version != ISNS_VERSION)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY, "the server doesn't speak iSNS");
	if (function != (ISNS_RESPONSE | answer->function) || xid != answer->xid)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				  "the server's answer is not for this request");
	if (len % 4)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				  "the server's message has an illegal length");
	if (flags & ISNS_AUTH)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				  "the server signs its messages, which iscsid doesn't support");
	/* Parts are counted from 0, and the first and the last part are marked (5.1.4, 5.1.6). */
	if (sequence != answer->parts || !!(flags & ISNS_FIRST) != (answer->parts == 0))
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				  "a part of the server's answer is missing");
	if (len > ISNS_ANSWER_MAX - answer->len)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				  "the server's answer is longer than %u bytes", ISNS_ANSWER_MAX);
	if (!bytes_reserve(&answer->data, &answer->size, answer->len + len))
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY, "no memory for the server's answer");
	answer->part_len = len;
	answer->last = flags & ISNS_LAST;
	*ret_payload = answer->data + answer->len;
	*ret_len = len;
	return ISCSI_SUCCESS;
}

bool isns_answer_part_end(struct isns_answer *answer)
{
	answer->len += answer->part_len;
	answer->parts++;
	return answer->last;
}

void isns_answer_done(struct isns_answer *answer)
{
	free(answer->data);
	*answer = (struct isns_answer){ .data = NULL };
}

/* ---- the targets in an answer -------------------------------------------------------------------- */

struct attribute {
	uint32_t tag, len;
	const uint8_t *value;
};

struct name {
	const uint8_t *text;	/* points into the answer; has no NUL */
	size_t len;
};

struct node {
	struct name name;
	bool target, has_group;
};

struct group {
	struct name name;
	const uint8_t *address;	/* ADDRESS_LEN bytes; NULL: not received */
	uint32_t port;		/* as received; 0: the standard port */
	int tpgt;
	bool no_access;
	int order;
};

struct tables {
	const struct isns_visitor *visitor;
	unsigned int warnings;
	struct node *nodes;
	size_t nodes_len;
	struct group *groups;
	size_t groups_len;
	struct group now;	/* the group that is being read */
	bool in_group;
	struct node *last_node;	/* the node that is being read, or NULL */
};

#define WARN(t, ...)								\
	do {									\
		struct iscsi_why why_;						\
										\
		(void)iscsi_fail(&why_, ISCSI_ERR_INVAL, __VA_ARGS__);		\
		if ((t)->warnings < WARNINGS_MAX)				\
			(t)->visitor->warn((t)->visitor->arg, why_.text);	\
		(t)->warnings++;						\
	} while (0)

/* Reads an attribute. False at the end, and if the length is bad: the reader has failed then. */
static bool next_attribute(struct reader *r, struct attribute *ret)
{
	if (r->pos == r->len)
		return false;
	ret->tag = reader_be32(r);
	ret->len = reader_be32(r);
	if (ret->len % 4)
		r->failed = true;
	ret->value = reader_bytes(r, ret->len);
	return !r->failed;
}

static struct name attribute_name(const struct attribute *a)
{
	return (struct name){ a->value, strnlen((const char *)a->value, a->len) };
}

static uint32_t attribute_number(const struct attribute *a)
{
	return a->len == 4 ? get_be32(a->value) : 0;
}

/* A group without name or address is left out. */
static bool end_group(struct tables *t)
{
	struct group *group;

	if (!t->in_group)
		return true;
	t->in_group = false;
	if (!t->now.name.len || !t->now.address)
		return true;
	group = ARRAY_ADD(t->groups, t->groups_len);
	if (!group)
		return false;
	*group = t->now;
	group->order = (int)t->groups_len;
	return true;
}

static bool begin_group(struct tables *t, const struct attribute *a)
{
	if (!end_group(t))
		return false;
	t->in_group = true;
	t->now = (struct group){ .name = attribute_name(a), .tpgt = ISCSI_TPGT_UNKNOWN };
	return true;
}

static bool begin_node(struct tables *t, const struct attribute *a)
{
	struct node *node;

	if (!end_group(t))
		return false;
	node = ARRAY_ADD(t->nodes, t->nodes_len);
	if (node)
		*node = (struct node){ .name = attribute_name(a), .target = true };
	t->last_node = node;
	return node != NULL;
}

/* Returns false without memory. */
static bool take_attribute(struct tables *t, const struct attribute *a)
{
	switch (a->tag) {
	case ISNS_NODE_NAME:
		return begin_node(t, a);
	case ISNS_NODE_TYPE:
		if (t->last_node && a->len == 4)
			t->last_node->target = attribute_number(a) & NODE_TARGET;
		break;
	case ISNS_GROUP_NAME:
		return begin_group(t, a);
	case ISNS_GROUP_ADDRESS:
		if (a->len == ADDRESS_LEN)
			t->now.address = a->value;
		break;
	case ISNS_GROUP_PORT:
		t->now.port = attribute_number(a);
		break;
	case ISNS_GROUP_TAG:
		/* A tag without a value forbids the portal to the target (3.4). */
		if (a->len == 4)
			t->now.tpgt = (int)(attribute_number(a) & 0xffff);
		t->now.no_access = !a->len;
		break;
	case ISNS_PORTAL_ADDRESS:	/* a portal object begins */
		return end_group(t);
	default:
		break;
	}
	return true;
}

static int compare_names(const struct name *a, const struct name *b)
{
	int r = memcmp(a->text, b->text, MIN(a->len, b->len));

	return r ? r : (int)a->len - (int)b->len;
}

static int compare_nodes(const void *pa, const void *pb)
{
	const struct node *a = pa, *b = pb;

	return compare_names(&a->name, &b->name);
}

static int group_port(const struct group *g)
{
	return g->port & 0xffff ? (int)(g->port & 0xffff) : ISCSI_PORT_DEFAULT;
}

/* Compares the keys of two groups (6.5), so that sorting brings repeated groups together. */
static int compare_groups(const void *pa, const void *pb)
{
	const struct group *a = pa, *b = pb;
	int r = compare_names(&a->name, &b->name);

	if (!r)
		r = memcmp(a->address, b->address, ADDRESS_LEN);
	return r ? r : group_port(a) - group_port(b);
}

static int compare_order(const void *pa, const void *pb)
{
	const struct group *a = pa, *b = pb;

	return a->order - b->order;
}

static int compare_groups_and_order(const void *pa, const void *pb)
{
	return compare_groups(pa, pb) ?: compare_order(pa, pb);
}

static void remove_repeated(struct tables *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nodes_len; i++) {
		if (n && compare_nodes(&t->nodes[n - 1], &t->nodes[i]) == 0)
			t->nodes[n - 1].target |= t->nodes[i].target;
		else
			t->nodes[n++] = t->nodes[i];
	}
	t->nodes_len = n;
	n = 0;
	for (size_t i = 0; i < t->groups_len; i++)
		if (!n || compare_groups(&t->groups[n - 1], &t->groups[i]) != 0)
			t->groups[n++] = t->groups[i];
	t->groups_len = n;
}

/*
 * IPv4 addresses are to come mapped (::ffff:a.b.c.d, 6.3.1), but open-isns, the server of most
 * Linux systems, sends them as ::a.b.c.d. A link-local address is of the link of the server.
 * NULL, or what is wrong with the address.
 */
static const char *address_text(const struct tables *t, const uint8_t *address,
				char ret[ISCSI_ADDRESS_MAX + 1])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zeros[12];
	const char *zone = strchr(t->visitor->server, '%');
	bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0 ||
		  (memcmp(address, zeros, sizeof(zeros)) == 0 && address[12]);
	enum addr_kind kind;

	(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, ret, INET6_ADDRSTRLEN);
	kind = addr_kind_of_text(ret);
	if (zone && kind == ADDR_LINK_LOCAL && strlen(ret) + strlen(zone) <= ISCSI_ADDRESS_MAX)
		strcat(ret, zone);
	return addr_refusal(t->visitor->from, kind);
}

/* Makes a string of the name. False, with a warning, if the name is bad. */
static bool name_text(struct tables *t, const struct name *name, char ret[ISCSI_NAME_MAX + 1])
{
	struct iscsi_why bad = { "it is too long" };

	if (name->len <= ISCSI_NAME_MAX) {
		memcpy(ret, name->text, name->len);
		ret[name->len] = '\0';
		if (iscsi_db_check_foreign_name(ret, &bad) == ISCSI_SUCCESS)
			return true;
	}
	WARN(t, "skipping a target with an unusable name: %s", bad.text);
	return false;
}

static void tell_group(struct tables *t, const struct group *group)
{
	struct node *node = NULL, key = { .name = group->name };
	char name[ISCSI_NAME_MAX + 1], address[ISCSI_ADDRESS_MAX + 1];
	struct isns_portal portal = { name, address, group_port(group), group->tpgt };
	const char *refusal;

	if (t->nodes_len)
		node = bsearch(&key, t->nodes, t->nodes_len, sizeof(*t->nodes), compare_nodes);
	/* Initiators have groups too. */
	if (!node || !node->target)
		return;
	node->has_group = true;
	if (group->no_access || !name_text(t, &group->name, name))
		return;
	if (group->port & PORT_UDP) {
		WARN(t, "skipping a portal of %s: the portal is not for TCP", name);
		return;
	}
	refusal = address_text(t, group->address, address);
	if (refusal) {
		WARN(t, "skipping a portal of %s: %s is %s", name, address, refusal);
		return;
	}
	t->visitor->portal(t->visitor->arg, &portal);
}

static void tell_all(struct tables *t)
{
	if (t->nodes_len)
		qsort(t->nodes, t->nodes_len, sizeof(*t->nodes), compare_nodes);
	if (t->groups_len)
		qsort(t->groups, t->groups_len, sizeof(*t->groups), compare_groups_and_order);
	remove_repeated(t);
	if (t->groups_len)
		qsort(t->groups, t->groups_len, sizeof(*t->groups), compare_order);
	for (size_t i = 0; i < t->groups_len; i++)
		tell_group(t, &t->groups[i]);
	for (size_t i = 0; i < t->nodes_len; i++) {
		char name[ISCSI_NAME_MAX + 1];

		if (t->nodes[i].target && !t->nodes[i].has_group &&
		    name_text(t, &t->nodes[i].name, name))
			WARN(t, "%s has no portal", name);
	}
	if (t->warnings > WARNINGS_MAX)
		t->visitor->warn(t->visitor->arg, "the answer has more faults");
}

enum iscsi_err isns_parse_status(const uint8_t *data, size_t len, uint32_t *ret,
				 struct iscsi_why *why)
{
	if (len < 4)
		return iscsi_fail(why, ISCSI_ERR_ISNS_QUERY, "the server's answer has no status");
	*ret = get_be32(data);
	return ISCSI_SUCCESS;
}

enum iscsi_err isns_parse_targets(const uint8_t *data, size_t len,
				  const struct isns_visitor *visitor, struct iscsi_why *why)
{
	struct reader r = reader_init(data, len);
	struct tables t = { .visitor = visitor };
	enum iscsi_err err = ISCSI_SUCCESS;
	struct attribute a;
	bool in_key = true;

	(void)reader_be32(&r);		/* the status */
	while (!err && next_attribute(&r, &a)) {
		if (in_key)		/* the answer repeats the key up to a delimiter (5.4) */
			in_key = a.tag != ISNS_DELIMITER;
		else if (!take_attribute(&t, &a))
			err = iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	}
	if (!err && r.failed)
		err = iscsi_fail(why, ISCSI_ERR_ISNS_QUERY,
				 "an attribute in the server's answer has an illegal length");
	if (!err && !end_group(&t))
		err = iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
	if (!err)
		tell_all(&t);
	free(t.nodes);
	free(t.groups);
	return err;
}
