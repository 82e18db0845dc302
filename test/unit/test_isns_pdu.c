/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iSNS messages: the bytes of our requests, answers in parts, and the targets that an answer
 * names. An answer is written as words: "@NAME/TYPE" a node, "+NAME" a portal group's name,
 * "=HEX" its address (32 digits), ":PORT" and ",TAG" (",-" a tag of no length), "*" a portal
 * object, "/TYPE" a node's type alone ("/-" of no length), "?" an attribute nobody knows. A portal
 * is heard as "name address:port,tag", a
 * warning as "! part of it".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/isns_pdu.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define V4(hex)	"=00000000000000000000ffff" hex

struct heard {
	char lines[64][600];
	size_t len;
};

static void on_portal(void *arg, const struct isns_portal *portal)
{
	struct heard *h = arg;

	if (h->len == ARRAY_SIZE(h->lines))
		abort();
	(void)snprintf(h->lines[h->len++], sizeof(h->lines[0]), "%s %s:%d,%d", portal->name,
		       portal->address, portal->port, portal->tpgt);
}

static void on_warning(void *arg, const char *text)
{
	struct heard *h = arg;

	if (h->len == ARRAY_SIZE(h->lines))
		abort();
	(void)snprintf(h->lines[h->len++], sizeof(h->lines[0]), "! %s", text);
}

/* ---- answers as words ------------------------------------------------------------------- */

static void put(struct writer *w, uint32_t tag, const void *value, size_t len)
{
	static const uint8_t zeros[4];
	size_t padded = (len + 3) & ~(size_t)3;

	writer_be32(w, tag);
	writer_be32(w, (uint32_t)padded);
	writer_bytes(w, value, len);
	writer_bytes(w, zeros, padded - len);
}

static void put_u32(struct writer *w, uint32_t tag, uint32_t value)
{
	uint8_t bytes[4];

	put_be32(bytes, value);
	put(w, tag, bytes, 4);
}

static void put_hex(struct writer *w, uint32_t tag, const char *hex)
{
	uint8_t bytes[32];
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	put(w, tag, bytes, n);
}

static void put_word(struct writer *w, char *word)
{
	char *slash = strrchr(word, '/');

	switch (word[0]) {
	case '@':
		if (slash)
			*slash = '\0';
		put(w, 32, word + 1, strlen(word));
		if (slash)
			put_u32(w, 33, (uint32_t)atoi(slash + 1));
		break;
	case '+':
		put(w, 48, word + 1, strlen(word));
		break;
	case '=':
		put_hex(w, 49, word + 1);
		break;
	case ':':
		if (word[1] == '-')
			put(w, 50, "", 0);
		else
			put_u32(w, 50, (uint32_t)atoi(word + 1));
		break;
	case '/':
		if (word[1] == '-')
			put(w, 33, "", 0);
		else
			put_u32(w, 33, (uint32_t)atoi(word + 1));
		break;
	case ',':
		if (word[1] == '-')
			put(w, 51, "", 0);
		else
			put_u32(w, 51, (uint32_t)atoi(word + 1));
		break;
	case '*':
		put_hex(w, 16, "00000000000000000000ffff0a000063");
		put_u32(w, 17, 3260);
		break;
	default:
		put(w, 4711, "what", 4);
	}
}

static size_t build_answer(const char *words, uint8_t *buf, size_t size)
{
	struct writer w = writer_init(buf, size);
	CLEANUP(freep) char *copy = strdup(words);
	char *rest = copy;

	writer_be32(&w, 0);
	put_u32(&w, 33, 1);
	put(&w, 0, "", 0);
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			put_word(&w, word);
	ck_assert(!w.failed);
	return w.pos;
}

static enum iscsi_err parse(const uint8_t *data, size_t len, struct heard *h)
{
	const struct isns_visitor visitor = {
		.server = "fe80::1%eth0", .portal = on_portal, .warn = on_warning, .arg = h,
	};
	struct iscsi_why why;

	h->len = 0;
	return isns_parse_targets(data, len, &visitor, &why);
}

static const struct {
	const char *words;
	const char *heard[8];
} answers[] = {
	/* P-ISNS-01, objects inside one another as open-isns sends them, IPv4 not mapped */
	{ "@iqn.a/1 * +iqn.a =000000000000000000000000ac180305 :3260 ,1 * +iqn.a "
	  "=000000000000000000000000ac180306 :3260 ,2 @iqn.b/1 * +iqn.b "
	  "=000000000000000000000000ac180305 :3260 ,1",
	  { "iqn.a 172.24.3.5:3260,1", "iqn.a 172.24.3.6:3260,2", "iqn.b 172.24.3.5:3260,1" } },
	{ "@iqn.a/1 +iqn.a =0000000000000000000000000a000001 +iqn.a "
	  "=00000000000000000000000000010203",
	  { "iqn.a 10.0.0.1:3260,-1", "! ::0.1.2.3 is no host" } },
	/* one kind of object after the other, and names only later */
	{ "* * +iqn.b " V4("0a000001") " :860 ,3 +iqn.a " V4("0a000001") " :860 ,3 @iqn.a @iqn.b",
	  { "iqn.b 10.0.0.1:860,3", "iqn.a 10.0.0.1:860,3" } },
	{ "", { NULL } },
	{ "@iqn.a/1 +iqn.a =20010db8000000000000000000000001 :3260 ,1 +iqn.a "
	  "=00000000000000000000000000000001 :3260 ,1 +iqn.a =fe800000000000000000000000000005",
	  { "iqn.a 2001:db8::1:3260,1", "! ::1 is this host's own", "iqn.a fe80::5%eth0:3260,-1" } },
	/* P-ISNS-06: port 0, no port, no tag, unknown attributes, a port for UDP */
	{ "@iqn.a/1 ? +iqn.a ? " V4("0a000001") " :0 ? ,0 +iqn.a " V4("0a000002") " +iqn.a "
	  V4("0a000003") " :65536 ,1 +iqn.a " V4("0a000004") " :68796 ,1",
	  { "iqn.a 10.0.0.1:3260,0", "iqn.a 10.0.0.2:3260,-1", "! not for TCP",
	    "! not for TCP" } },
	/* a tag of no length: not through this portal */
	{ "@iqn.a/1 +iqn.a " V4("0a000001") " :3260 ,- +iqn.a " V4("0a000002") " :3260 ,1",
	  { "iqn.a 10.0.0.2:3260,1" } },
	{ "@iqn.a/1 +iqn.a " V4("0a000001") " :3260 ,- @iqn.b/1", { "! iqn.b has no portal" } },
	/* twice the same, and once with another tag */
	{ "@iqn.a/1 +iqn.a " V4("0a000002") " :0 ,1 +iqn.a " V4("0a000001") " :3260 ,1 +iqn.a "
	  V4("0a000002") " :3260 ,2 @iqn.a/1",
	  { "iqn.a 10.0.0.2:3260,1", "iqn.a 10.0.0.1:3260,1" } },
	/* what isn't a target, or never was named as one */
	{ "@iqn.i/2 @iqn.both/3 +iqn.i " V4("0a000001") " +iqn.both " V4("0a000001") " +iqn.x "
	  V4("0a000001"), { "iqn.both 10.0.0.1:3260,-1" } },
	{ "@iqn.i/2 @iqn.a /- +iqn.a " V4("0a000001"), { "iqn.a 10.0.0.1:3260,-1" } },
	{ "/1 @iqn.a/2 @iqn.b/2 @iqn.a/1 @iqn.b/2 @iqn.c/1 @iqn.c/2 +iqn.a " V4("0a000001")
	  " +iqn.b " V4("0a000001") " +iqn.c " V4("0a000001"),
	  { "iqn.a 10.0.0.1:3260,-1", "iqn.c 10.0.0.1:3260,-1" } },
	/* names that begin alike */
	{ "@iqn.abc/1 @iqn.a/1 @iqn.abcd/2 @iqn.ab/1 @iqn.b/1 +iqn.ab " V4("0a000001") " +iqn.abcd "
	  V4("0a000001") " +iqn.a " V4("0a000001") " +iqn.abc " V4("0a000001"),
	  { "iqn.ab 10.0.0.1:3260,-1", "iqn.a 10.0.0.1:3260,-1", "iqn.abc 10.0.0.1:3260,-1",
	    "! iqn.b has no portal" } },
	/* other ports, and other addresses, are other portals; a reserved bit of a port */
	{ "@iqn.a/1 +iqn.a " V4("0a000001") " :3262 +iqn.a " V4("0a000001") " :3261 +iqn.a "
	  V4("0a000001") " :- +iqn.a " V4("0a000001") " :3261 +iqn.a " V4("0a000001") " :134334 "
	  "+iqn.a " V4("0a000002") " :3261 +iqn.a " V4("0a000000") " :3261 +iqn.a " V4("0a000002")
	  " :3261",
	  { "iqn.a 10.0.0.1:3262,-1", "iqn.a 10.0.0.1:3261,-1", "iqn.a 10.0.0.1:3260,-1",
	    "iqn.a 10.0.0.2:3261,-1", "iqn.a 10.0.0.0:3261,-1" } },
	/* a portal object ends the group; a tag has 16 bits */
	{ "@iqn.a/1 +iqn.a " V4("0a000001") " * ,5 +iqn.a " V4("0a000002") " ,65537 + "
	  V4("0a000003"), { "iqn.a 10.0.0.1:3260,-1", "iqn.a 10.0.0.2:3260,1" } },
	/* groups that aren't whole, addresses that are none */
	{ "@iqn.a/1 =00 :1 ,1 +iqn.a :3260 ,1 +iqn.a =0a000001 +iqn.a " V4("00000000") " +iqn.a "
	  "=00000000000000000000000000000000 +iqn.a =ff020000000000000000000000000001 +iqn.a "
	  V4("0a000001"),
	  { "! 0.0.0.0 is no", "! :: is no", "! ff02::1 is not", "iqn.a 10.0.0.1:3260,-1" } },
	/* names that are none */
	{ "@../../x/1 +../../x " V4("0a000001") " @a\nb +a\nb " V4("0a000001") " @iqn.a +iqn.a "
	  V4("0a000001"),
	  { "! unusable name", "! unusable name", "iqn.a 10.0.0.1:3260,-1" } },
};

START_TEST(an_answer_names_these_portals)
{
	uint8_t buf[4096];
	size_t len = build_answer(answers[_i].words, buf, sizeof(buf)), i;
	CLEANUP(freep) uint8_t *exact = malloc(len);
	static struct heard h;

	memcpy(exact, buf, len);
	ck_assert_int_eq(parse(exact, len, &h), ISCSI_SUCCESS);
	for (i = 0; answers[_i].heard[i]; i++) {
		const char *want = answers[_i].heard[i];

		ck_assert_msg(i < h.len, "missing: %s", want);
		if (*want == '!')
			ck_assert_msg(h.lines[i][0] == '!' && strstr(h.lines[i], want + 2),
				      "%s, not %s", h.lines[i], want);
		else
			ck_assert_str_eq(h.lines[i], want);
	}
	ck_assert_msg(i == h.len, "too much: %s", h.lines[i]);
}
END_TEST

/* The answer repeats what was asked, up to the delimiter. */
START_TEST(a_key_names_no_target)
{
	static struct heard h;
	uint8_t buf[256];
	struct writer w = writer_init(buf, sizeof(buf));

	writer_be32(&w, 0);
	put_u32(&w, 33, 1);
	put(&w, 32, "iqn.key", 8);
	put(&w, 48, "iqn.key", 8);
	put(&w, 0, "", 0);
	put(&w, 32, "iqn.a", 6);
	ck_assert_int_eq(parse(buf, w.pos, &h), ISCSI_SUCCESS);
	ck_assert_uint_eq(h.len, 1);
	ck_assert_str_eq(h.lines[0], "! iqn.a has no portal");
}
END_TEST

START_TEST(long_names_and_names_without_a_nul)
{
	static struct heard h;
	uint8_t buf[4096];
	char name[260];
	uint8_t address[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };

	for (size_t len = 221; len < 230; len++) {
		struct writer w = writer_init(buf, sizeof(buf));

		memset(name, 'x', sizeof(name));
		writer_be32(&w, 0);
		put(&w, 0, "", 0);
		put(&w, 32, name, len);		/* its NUL is padding, if there is any */
		put(&w, 48, name, len);
		put(&w, 49, address, 16);
		ck_assert_int_eq(parse(buf, w.pos, &h), ISCSI_SUCCESS);
		ck_assert_uint_eq(h.len, 1);
		ck_assert_int_eq(h.lines[0][0], len <= ISCSI_NAME_MAX ? 'x' : '!');
	}
}
END_TEST

START_TEST(an_attribute_that_does_not_fit_spoils_all)
{
	uint8_t buf[4096];
	size_t len = build_answer("@iqn.a/1 * +iqn.a " V4("0a000001") " :3260 ,1", buf, sizeof(buf));
	static const uint32_t bad[] = { 7, 9, 4096, 0x7ffffffc, 0xfffffff8, 0xfffffffc, 0xffffffff };
	static struct heard h;
	size_t good = 0;

	/* Cut anywhere: either a whole number of attributes is left, or an error comes of it. */
	for (size_t cut = 0; cut <= len; cut++) {
		CLEANUP(freep) uint8_t *exact = malloc(cut + 1);

		memcpy(exact, buf, cut);
		if (parse(exact, cut, &h) == ISCSI_SUCCESS)
			good++;
		else
			ck_assert_uint_eq(h.len, 0);
	}
	ck_assert_uint_eq(good, 11);	/* after the status and after each attribute */
	/* The length of the node's name, after the status, the key and the delimiter. */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_be32(buf + 4 + 12 + 8 + 4, bad[i]);
		ck_assert_int_eq(parse(buf, len, &h), ISCSI_ERR_ISNS_QUERY);
	}
}
END_TEST

/* So many targets without a portal, and what is heard of them. */
static const struct { unsigned int faults, heard; } many[] = {
	{ 31, 31 }, { 32, 32 }, { 33, 33 }, { 10000, 33 },
};

START_TEST(faults_without_number_cost_few_warnings)
{
	static struct heard h;
	CLEANUP(freep) uint8_t *buf = malloc(1 << 20);
	struct writer w = writer_init(buf, 1 << 20);

	ck_assert_ptr_nonnull(buf);
	writer_be32(&w, 0);
	put(&w, 0, "", 0);
	for (unsigned int i = 0; i < many[_i].faults; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "/%u", i);
		put(&w, 32, name, strlen(name) + 1);
	}
	ck_assert(!w.failed);
	ck_assert_int_eq(parse(buf, w.pos, &h), ISCSI_SUCCESS);
	ck_assert_uint_eq(h.len, many[_i].heard);
	ck_assert_int_eq(streq(h.lines[h.len - 1], "! the answer has more faults"),
			 many[_i].faults > 32);
}
END_TEST

/* The zone of the server, as far as it has room. */
START_TEST(a_link_local_address_gets_a_zone)
{
	char server[ISCSI_ADDRESS_MAX + 16], wanted[sizeof(server) + 32];
	static struct heard h;
	const struct isns_visitor visitor = {
		.server = server, .portal = on_portal, .warn = on_warning, .arg = &h,
	};
	uint8_t buf[256];
	size_t len = build_answer("@iqn.a/1 +iqn.a =fe800000000000000000000000000005", buf,
				  sizeof(buf));

	memset(server, 'z', sizeof(server));
	for (size_t zone = ISCSI_ADDRESS_MAX - 7 - 1; zone <= ISCSI_ADDRESS_MAX - 7 + 1; zone++) {
		memcpy(server, "fe80::1%", 8);
		server[7 + zone] = '\0';
		h.len = 0;
		ck_assert_int_eq(isns_parse_targets(buf, len, &visitor, NULL), ISCSI_SUCCESS);
		(void)snprintf(wanted, sizeof(wanted), "iqn.a fe80::5%s:3260,-1",
			       zone <= ISCSI_ADDRESS_MAX - 7 ? server + 7 : "");
		ck_assert_str_eq(h.lines[0], wanted);
		server[7 + zone] = 'z';
	}
	strcpy(server, "10.0.0.1");
	h.len = 0;
	ck_assert_int_eq(isns_parse_targets(buf, len, &visitor, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(h.lines[0], "iqn.a fe80::5:3260,-1");
}
END_TEST

START_TEST(without_memory_nothing_is_told)
{
	uint8_t buf[4096];
	size_t len = build_answer("@iqn.a/1 +iqn.a " V4("0a000001") " :3260 ,1", buf, sizeof(buf));
	static struct heard h;
	enum iscsi_err err;

	for (unsigned long nth = 1; alloc_can_fail; nth++) {
		alloc_fail_nth(nth);
		err = parse(buf, len, &h);
		if (!alloc_fail_stop())
			break;
		ck_assert_int_eq(err, ISCSI_ERR_NOMEM);
		ck_assert_uint_eq(h.len, 0);
	}
}
END_TEST

/* ---- parts ------------------------------------------------------------------------------ */

#define QUERY	0x8002
#define FIRST	0x4400
#define MIDDLE	0x4000
#define LAST	0x4800
#define WHOLE	0x4c00

struct part {
	uint16_t version, function, len, flags, xid, sequence;
};

static const struct {
	struct part parts[5];
	const char *error;		/* NULL: the answer is complete after the last of them */
} streams[] = {
	{ { { 1, QUERY, 8, WHOLE, 7, 0 } }, NULL },
	{ { { 1, QUERY, 0, WHOLE, 7, 0 } }, NULL },
	/* P-ISNS-05 */
	{ { { 1, QUERY, 65532, FIRST, 7, 0 }, { 1, QUERY, 4, MIDDLE, 7, 1 },
	    { 1, QUERY, 65532, LAST, 7, 2 } }, NULL },
	/* other flags have no meaning for us */
	{ { { 1, QUERY, 8, FIRST | 0x83ff, 7, 0 }, { 1, QUERY, 8, MIDDLE | 0x83ff, 7, 1 },
	    { 1, QUERY, 8, LAST | 0x83ff, 7, 2 } }, NULL },
	{ { { 1, QUERY, 8, FIRST, 7, 0 }, { 1, QUERY, 8, LAST, 7, 2 } }, "is missing" },
	{ { { 1, QUERY, 8, FIRST, 7, 0 }, { 1, QUERY, 8, LAST, 7, 0 } }, "is missing" },
	{ { { 1, QUERY, 8, FIRST, 7, 0 }, { 1, QUERY, 8, FIRST, 7, 1 } }, "is missing" },
	{ { { 1, QUERY, 8, MIDDLE, 7, 0 } }, "is missing" },
	{ { { 1, QUERY, 8, LAST, 7, 1 } }, "is missing" },
	{ { { 2, QUERY, 8, WHOLE, 7, 0 } }, "doesn't speak iSNS" },
	{ { { 0x4854, 0x5450, 8, WHOLE, 7, 0 } }, "doesn't speak iSNS" },
	{ { { 1, 2, 8, WHOLE, 7, 0 } }, "not for this request" },
	{ { { 1, 0x8001, 8, WHOLE, 7, 0 } }, "not for this request" },
	{ { { 1, QUERY, 8, WHOLE, 8, 0 } }, "not for this request" },
	{ { { 1, QUERY, 8, FIRST, 7, 0 }, { 1, QUERY, 8, LAST, 6, 1 } }, "not for this request" },
	{ { { 1, QUERY, 7, WHOLE, 7, 0 } }, "illegal length" },
	{ { { 1, QUERY, 9, WHOLE, 7, 0 } }, "illegal length" },
	{ { { 1, QUERY, 10, WHOLE, 7, 0 } }, "illegal length" },
	{ { { 1, QUERY, 8, WHOLE | 0x2000, 7, 0 } }, "signs" },
};

static enum iscsi_err feed(struct isns_answer *answer, const struct part *part, bool *complete,
			   struct iscsi_why *why)
{
	uint8_t header[ISNS_HEADER_LEN];
	struct writer w = writer_init(header, sizeof(header));
	enum iscsi_err err;
	uint8_t *to;
	size_t len;

	writer_be16(&w, part->version);
	writer_be16(&w, part->function);
	writer_be16(&w, part->len);
	writer_be16(&w, part->flags);
	writer_be16(&w, part->xid);
	writer_be16(&w, part->sequence);
	err = isns_answer_part(answer, header, &to, &len, why);
	if (err)
		return err;
	ck_assert_uint_eq(len, part->len);
	memset(to, 0x41, len);
	*complete = isns_answer_part_end(answer);
	return ISCSI_SUCCESS;
}

START_TEST(parts_make_an_answer)
{
	struct isns_answer answer = { .function = ISNS_DEV_ATTR_QRY, .xid = 7 };
	enum iscsi_err err = ISCSI_SUCCESS;
	bool complete = false;
	struct iscsi_why why;
	size_t total = 0;

	for (size_t i = 0; streams[_i].parts[i].version && !err; i++) {
		ck_assert(!complete);
		err = feed(&answer, &streams[_i].parts[i], &complete, &why);
		total += streams[_i].parts[i].len;
	}
	if (streams[_i].error) {
		ck_assert_int_eq(err, ISCSI_ERR_ISNS_QUERY);
		ck_assert_msg(strstr(why.text, streams[_i].error), "%s", why.text);
	} else {
		ck_assert_int_eq(err, ISCSI_SUCCESS);
		ck_assert(complete);
		ck_assert_uint_eq(answer.len, total);
	}
	isns_answer_done(&answer);
	ck_assert_ptr_null(answer.data);
}
END_TEST

START_TEST(without_memory_a_part_is_refused)
{
	static const struct part part = { 1, QUERY, 8, WHOLE, 7, 0 };
	struct isns_answer answer = { .function = ISNS_DEV_ATTR_QRY, .xid = 7 };
	struct iscsi_why why;
	bool complete;

	if (!alloc_can_fail)
		return;
	alloc_fail_nth(1);
	ck_assert_int_eq(feed(&answer, &part, &complete, &why), ISCSI_ERR_ISNS_QUERY);
	(void)alloc_fail_stop();
	ck_assert_str_eq(why.text, "no memory for the server's answer");
	ck_assert_int_eq(feed(&answer, &part, &complete, &why), ISCSI_SUCCESS);
	isns_answer_done(&answer);
}
END_TEST

START_TEST(an_answer_without_end_ends)
{
	static const uint16_t lens[] = { 0, 4, 4096, 65532 };
	struct isns_answer answer = { .function = ISNS_DEV_ATTR_QRY, .xid = 7 };
	struct part part = { 1, QUERY, lens[_i], FIRST, 7, 0 };
	enum iscsi_err err = ISCSI_SUCCESS;
	struct iscsi_why why;
	size_t parts = 0;
	bool complete;

	for (; !err; parts++) {
		err = feed(&answer, &part, &complete, &why);
		part.flags = MIDDLE;
		part.sequence++;
		ck_assert_uint_lt(parts, 70000);
	}
	ck_assert_int_eq(err, ISCSI_ERR_ISNS_QUERY);
	/* The count of the parts wraps, or the answer is too long. */
	if (lens[_i] < 4096)
		ck_assert_uint_eq(parts, 65537);
	else
		ck_assert_str_eq(why.text, "the server's answer is longer than 6291456 bytes");
	ck_assert(lens[_i] < 4096 || answer.len + lens[_i] > ISNS_ANSWER_MAX);
	ck_assert_uint_le(answer.len, ISNS_ANSWER_MAX);
	isns_answer_done(&answer);
}
END_TEST

/* ---- requests --------------------------------------------------------------------------- */

START_TEST(requests_are_these_bytes)
{
	static const char query[] =
		"00010002" "0064" "8c00" "0007" "0000"
		"00000020" "00000008" "69716e2e61626300"	/* iqn.abc */
		"00000021" "00000004" "00000001" "00000000" "00000000"
		"00000020" "00000000" "00000021" "00000000" "00000010" "00000000"
		"00000011" "00000000" "00000030" "00000000" "00000031" "00000000"
		"00000032" "00000000" "00000033" "00000000";
	static const char reg[] =
		"00010001" "0034" "8c00" "0007" "0000"
		"00000020" "00000008" "69716e2e61626300" "00000000" "00000000"
		"00000020" "00000008" "69716e2e61626300" "00000021" "00000004" "00000002";
	static const char dereg[] =
		"00010004" "0028" "8c00" "0007" "0000"
		"00000020" "00000008" "69716e2e61626300" "00000000" "00000000"
		"00000020" "00000008" "69716e2e61626300";
	static const struct {
		enum isns_function function;
		const char *hex;
	} wanted[] = {
		{ ISNS_DEV_ATTR_QRY, query }, { ISNS_DEV_ATTR_REG, reg },
		{ ISNS_DEV_DEREG, dereg },
	};
	uint8_t buf[ISNS_REQUEST_MAX];
	char name[ISCSI_NAME_MAX + 1] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		size_t len = isns_build_request(wanted[i].function, 7, "iqn.abc", buf, sizeof(buf));
		char hex[2 * ISNS_REQUEST_MAX + 1] = "";

		for (size_t k = 0; k < len; k++)
			(void)sprintf(hex + 2 * k, "%02x", buf[k]);
		ck_assert_str_eq(hex, wanted[i].hex);
		for (size_t size = 0; size < len; size++)
			ck_assert_uint_eq(isns_build_request(wanted[i].function, 7, "iqn.abc", buf,
							     size), 0);
		for (size_t n = 1; n <= 8; n++) {	/* a name has a NUL, and is padded */
			memset(name, 'x', n);
			name[n] = '\0';
			ck_assert_uint_eq(isns_build_request(ISNS_DEV_DEREG, 7, name, buf,
							     sizeof(buf)),
					  12 + 8 + 2 * (8 + (n < 4 ? 4 : n < 8 ? 8 : 12)));
		}
		memset(name, 'x', ISCSI_NAME_MAX);
		ck_assert_uint_gt(isns_build_request(wanted[i].function, 7, name, buf,
						     sizeof(buf)), 0);
	}
}
END_TEST

START_TEST(every_status_has_words)
{
	static const char *const texts[] = {	/* 5.4 */
		"success", "unknown error", "message format error", "invalid registration",
		"unknown status", "invalid query", "source unknown", "source absent",
		"source unauthorized", "no such entry", "version not supported", "internal error",
		"busy", "option not understood", "invalid update", "message not supported",
		"SCN event rejected", "SCN registration rejected", "attribute not implemented",
		"unknown status", "unknown status", "ESI not available", "invalid deregistration",
		"registration feature not supported", "unknown status",
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_str_eq(isns_status_text(i), texts[i]);
	ck_assert_str_eq(isns_status_text(UINT32_MAX), "unknown status");
}
END_TEST

START_TEST(an_answer_begins_with_its_status)
{
	const uint8_t data[] = { 0, 1, 2, 3 };
	struct iscsi_why why;
	uint32_t status = 77;

	ck_assert_int_eq(isns_parse_status(data, 4, &status, &why), ISCSI_SUCCESS);
	ck_assert_uint_eq(status, 0x010203);
	ck_assert_int_eq(isns_parse_status(data, 3, &status, &why), ISCSI_ERR_ISNS_QUERY);
	ck_assert_str_eq(why.text, "the server's answer has no status");
	ck_assert_uint_eq(status, 0x010203);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("isns_pdu");
	TCase *t = tcase_create("isns_pdu");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, an_answer_names_these_portals, 0, ARRAY_SIZE(answers));
	tcase_add_test(t, a_key_names_no_target);
	tcase_add_test(t, long_names_and_names_without_a_nul);
	tcase_add_test(t, an_attribute_that_does_not_fit_spoils_all);
	tcase_add_loop_test(t, faults_without_number_cost_few_warnings, 0, ARRAY_SIZE(many));
	tcase_add_test(t, a_link_local_address_gets_a_zone);
	tcase_add_test(t, without_memory_nothing_is_told);
	tcase_add_loop_test(t, parts_make_an_answer, 0, ARRAY_SIZE(streams));
	tcase_add_test(t, without_memory_a_part_is_refused);
	tcase_add_loop_test(t, an_answer_without_end_ends, 0, 4);
	tcase_add_test(t, requests_are_these_bytes);
	tcase_add_test(t, every_status_has_words);
	tcase_add_test(t, an_answer_begins_with_its_status);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
