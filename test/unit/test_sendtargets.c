/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SendTargets answers: what portals come of them, and what is skipped. In the tables a blank
 * stands for the NUL after a pair; a portal is written "name address:port,tag", and what was
 * only warned of "! part of the warning".
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "iscsid/protocol/sendtargets.h"
#include "iscsid/protocol/text.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define HERE	"10.0.0.1"

struct heard {
	char *text;
	size_t len, size;
	size_t portals, warnings;
	enum iscsi_err refuse;
};

static void hear(struct heard *h, const char *a, const char *b, const char *c)
{
	size_t need = strlen(a) + strlen(b) + strlen(c) + 1;

	while (h->len + need > h->size) {
		h->size = h->size ? 2 * h->size : 4096;
		h->text = realloc(h->text, h->size);
		ck_assert_ptr_nonnull(h->text);
	}
	h->len += (size_t)sprintf(h->text + h->len, "%s%s%s", a, b, c);
}

static enum iscsi_err on_portal(void *arg, const struct sendtargets_portal *portal)
{
	struct heard *h = arg;
	char text[600];

	if (h->refuse)
		return h->refuse;
	h->portals++;
	(void)snprintf(text, sizeof(text), "%s %s:%d,%d", portal->name, portal->address,
		       portal->port, portal->tpgt);
	hear(h, text, "\n", "");
	return ISCSI_SUCCESS;
}

static void on_warning(void *arg, const char *text)
{
	struct heard *h = arg;

	h->warnings++;
	hear(h, "! ", text, "\n");
}

static size_t random_bytes;

static int fake_random(void *buf, size_t len)
{
	memset(buf, 0x5a, len);
	random_bytes += len;
	return 0;
}

static struct sendtargets_config config_for(struct heard *h)
{
	return (struct sendtargets_config){
		.address = HERE, .port = 3261, .portal = on_portal, .warn = on_warning,
		.arg = h,
		.random = fake_random,
	};
}

static size_t nul_text(const char *text, char *ret)
{
	size_t n = strlen(text) + 1;

	memcpy(ret, text, n);
	for (size_t i = 0; i < n; i++)
		if (ret[i] == ' ')
			ret[i] = '\0';
	return *text ? n : 0;
}

/* ---- answers ------------------------------------------------------------------------ */

static const struct {
	const char *text;
	const char *heard[12];
} answers[] = {
	/* P-DISC-11 */
	{ "TargetName=iqn.a TargetAddress=10.0.0.5:3260,1", { "iqn.a 10.0.0.5:3260,1" } },
	{ "TargetName=iqn.a TargetName=iqn.b TargetAddress=10.0.0.5:3262,2 TargetName=iqn.c "
	  "TargetAddress=10.0.0.1:1,1 TargetAddress=10.0.0.2:2,2 TargetAddress=10.0.0.3:3,3 "
	  "TargetAddress=10.0.0.4:4,4",
	  { "iqn.a 10.0.0.1:3261,-1", "iqn.b 10.0.0.5:3262,2", "iqn.c 10.0.0.1:1,1",
	    "iqn.c 10.0.0.2:2,2", "iqn.c 10.0.0.3:3,3", "iqn.c 10.0.0.4:4,4" } },
	/* P-DISC-12 */
	{ "TargetName=iqn.a", { "iqn.a 10.0.0.1:3261,-1" } },
	/* P-DISC-13 */
	{ "", { NULL } },
	/* P-DISC-14, P-DISC-15 */
	{ "TargetName=iqn.a TargetAddress=10.0.0.5 TargetAddress=10.0.0.5,1 "
	  "TargetAddress=10.0.0.5:860 TargetAddress=10.0.0.5:860,1 TargetAddress=host "
	  "TargetAddress=host.example,2 TargetAddress=host:860 TargetAddress=host:860,2",
	  { "iqn.a 10.0.0.5:3260,-1", "iqn.a 10.0.0.5:3260,1", "iqn.a 10.0.0.5:860,-1",
	    "iqn.a 10.0.0.5:860,1", "iqn.a host:3260,-1", "iqn.a host.example:3260,2",
	    "iqn.a host:860,-1", "iqn.a host:860,2" } },
	{ "TargetName=iqn.a TargetAddress=[2001:db8::1] TargetAddress=[2001:db8::1],1 "
	  "TargetAddress=[2001:db8::1]:860 TargetAddress=[2001:db8::1]:860,1 "
	  "TargetAddress=2001:db8::1,0 TargetAddress=2001:db8::1,65535 "
	  "TargetAddress=[2001:db8::1%7]:1,1",
	  { "iqn.a 2001:db8::1:3260,-1", "iqn.a 2001:db8::1:3260,1", "iqn.a 2001:db8::1:860,-1",
	    "iqn.a 2001:db8::1:860,1", "iqn.a 2001:db8::1:3260,0",
	    "iqn.a 2001:db8::1:3260,65535",
	    "iqn.a 2001:db8::1:1,1" } },
	/* P-DISC-10 */
	{ "TargetName=iqn.a TargetAlias=x TargetAddress=10.0.0.5,1",
	  { "! skipping the key TargetAlias", "iqn.a 10.0.0.5:3260,1" } },
	{ "TargetName=iqn.a garbage =x TargetAddress=10.0.0.5,1",
	  { "! skipping garbage", "! skipping the key ", "iqn.a 10.0.0.5:3260,1" } },
	/* P-DISC-17 */
	{ "TargetName=iqn.a TargetAddress=10.0.0.1:1,1 TargetAddress=10.0.0.2:0,1 "
	  "TargetAddress=10.0.0.2:65536,1 TargetAddress=10.0.0.2:1,65536 TargetAddress= "
	  "TargetAddress=:3260,1 TargetAddress=a/b TargetAddress=10.0.0.3:3,3",
	  { "iqn.a 10.0.0.1:1,1", "! an address of iqn.a", "! an address of iqn.a",
	    "! an address of iqn.a", "! an address of iqn.a", "! an address of iqn.a",
	    "! an address of iqn.a", "iqn.a 10.0.0.3:3,3" } },
	/* ... and doesn't make the target one without addresses. */
	{ "TargetName=iqn.a TargetAddress=10.0.0.2:0,1", { "! an address of iqn.a" } },
	/* P-DISC-18, H-117 */
	{ "TargetName=iqn.a/b TargetAddress=10.0.0.9 TargetName=.. TargetName= "
	  "TargetName=iqn.a,b TargetName=iqn.\n TargetName=iqn.x/../../etc TargetName=iqn.good "
	  "TargetAddress=10.0.0.5,1",
	  { "! unusable name", "! unusable name", "! unusable name", "! unusable name",
	    "! unusable name", "! unusable name", "iqn.good 10.0.0.5:3260,1" } },
	{ "TargetName=iqn.a TargetAddress=10.0.0.5,1 TargetName=a/b TargetAddress=10.0.0.9,1",
	  { "iqn.a 10.0.0.5:3260,1", "! unusable name" } },
	/* P-DISC-19 */
	{ "TargetName=iqn.a TargetAddress=10.0.0.5,1 TargetAddress=10.0.0.5,1 TargetName=iqn.b "
	  "TargetAddress=10.0.0.5,1 TargetName=iqn.a TargetAddress=10.0.0.5:3260,1 "
	  "TargetAddress=10.0.0.5,2",
	  { "iqn.a 10.0.0.5:3260,1", "iqn.b 10.0.0.5:3260,1", "iqn.a 10.0.0.5:3260,2" } },
	/* P-DISC-20 */
	{ "TargetName=iqn.a TargetAddress=0.0.0.0:3260,1 TargetAddress=127.0.0.1,1 "
	  "TargetAddress=[::],1",
	  { "! 0.0.0.0 is no host's address", "! 127.0.0.1 is this host's own address",
	    "! :: is no host's address" } },
	{ "TargetName=iqn.a TargetAddress=169.254.169.254:80,1 TargetAddress=2130706433,1 "
	  "TargetAddress=0x7f.1,1 TargetAddress=[::ffff:127.0.0.1],1 TargetAddress=224.0.0.1,1",
	  { "! valid on one link alone", "! a number, not an address",
	    "! a number, not an address", "! this host's own address",
	    "! not the address of one host" } },
	/* H-116 */
	{ "TargetAddress=10.0.0.5,1 TargetName=iqn.a TargetAddress=10.0.0.6,1",
	  { "! belongs to no target", "iqn.a 10.0.0.6:3260,1" } },
	{ "TargetAddress=10.0.0.5,1", { "! belongs to no target" } },
	{ "TargetName=iqn.a TargetName=iqn.a TargetAddress=10.0.0.6,1",
	  { "iqn.a 10.0.0.1:3261,-1", "iqn.a 10.0.0.6:3260,1" } },
	/* H-62 */
	{ "TargetName=iqn.%n$(x) TargetAddress=10.0.0.5,1", { "! character U+0025" } },
	{ "TargetName=-iqn.a TargetName=.iqn.a TargetName=iqn.a\xff TargetName=iqn.\xe2\x80\xae""a",
	  { "! begins with '-'", "! begins with '.'", "! 'iqn.a\\xff' isn't UTF-8",
	    "! 'iqn.\\xe2\\x80\\xaea' has the character U+202E" } },
	{ "TargetName=iqn.Disk_1 TargetAddress=10.0.0.5,1", { "iqn.Disk_1 10.0.0.5:3260,1" } },
	{ "TargetName=iqn.a TargetAddress=\x1b]0;x", { "! \\x1b" } },
	/* H-119: a name is stored as it is */
	{ "TargetName=iqn.a TargetAddress=no-such-host.invalid:3260,1",
	  { "iqn.a no-such-host.invalid:3260,1" } },
};

/* The lines that were heard are those of the table; a warning may say more. */
static void check_heard(struct heard *h, const char *const *expected)
{
	char *save = NULL, *line = h->text ? strtok_r(h->text, "\n", &save) : NULL;

	for (; *expected; expected++, line = strtok_r(NULL, "\n", &save)) {
		ck_assert_msg(line, "not heard: '%s'", *expected);
		if (**expected == '!')
			ck_assert_msg(*line == '!' && strstr(line, *expected + 2),
				      "'%s', not '%s'",
				      line, *expected);
		else
			ck_assert_str_eq(line, *expected);
	}
	ck_assert_msg(!line, "heard too: '%s'", line);
}

/* Whole, and in two pieces that are cut at each place: P-DISC-06, P-DISC-07. */
START_TEST(answer)
{
	char text[1024];
	size_t len = nul_text(answers[_i].text, text);

	for (size_t cut = 0; cut <= len; cut++) {
		struct heard h = { 0 };
		struct sendtargets_config config = config_for(&h);
		struct sendtargets *st = sendtargets_new(&config);
		char *one = malloc(cut ? cut : 1), *two = malloc(len - cut ? len - cut : 1);

		memcpy(one, text, cut);
		memcpy(two, text + cut, len - cut);
		ck_assert_int_eq(sendtargets_feed(st, one, cut, NULL), ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_feed(st, two, len - cut, NULL), ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
		check_heard(&h, answers[_i].heard);
		sendtargets_free(st);
		free(h.text);
		free(one);
		free(two);
	}
}
END_TEST

START_TEST(byte_by_byte)
{
	char text[1024];
	size_t len = nul_text(answers[_i].text, text);
	struct heard h = { 0 };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st = sendtargets_new(&config);

	for (size_t i = 0; i < len; i++)
		ck_assert_int_eq(sendtargets_feed(st, text + i, 1, NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
	check_heard(&h, answers[_i].heard);
	sendtargets_free(st);
	free(h.text);
}
END_TEST

/* H-120: the last NUL is missing, or more than that. */
START_TEST(cut_at_the_end)
{
	static const struct {
		const char *text;
		const char *heard[3];
	} cases[] = {
		{ "TargetName=iqn.a TargetAddress=10.0.0.5:3260,1",
		  { "iqn.a 10.0.0.5:3260,1" } },
		{ "TargetName=iqn.a TargetAddress=10.0.0.5:", { "! an address of iqn.a" } },
		{ "TargetName=iqn.a TargetAddr", { "! skipping TargetAddr",
						   "iqn.a 10.0.0.1:3261,-1" } },
		{ "TargetName=iqn.a TargetName=", { "iqn.a 10.0.0.1:3261,-1",
						    "! unusable name" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		size_t len = nul_text(cases[i].text, text) - 1;
		struct heard h = { 0 };
		struct sendtargets_config config = config_for(&h);
		struct sendtargets *st = sendtargets_new(&config);

		ck_assert_int_eq(sendtargets_feed(st, text, len, NULL), ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
		check_heard(&h, cases[i].heard);
		sendtargets_free(st);
		free(h.text);
	}
}
END_TEST

/* P-DISC-16: the zone is ours, whatever the target says. */
START_TEST(link_local_zone)
{
	static const struct {
		const char *here, *text;
		const char *heard[2];
		bool local;		/* the portal that was asked is on this host */
	} cases[] = {
		{ "fe80::1%eth0", "TargetName=iqn.a TargetAddress=[fe80::2]:3260,1",
		  { "iqn.a fe80::2%eth0:3260,1" }, false },
		{ "fe80::1%eth0", "TargetName=iqn.a TargetAddress=[fe80::2%9]:3260,1",
		  { "iqn.a fe80::2%eth0:3260,1" }, false },
		{ "fe80::1%eth0", "TargetName=iqn.a TargetAddress=[2001:db8::2]:3260,1",
		  { "iqn.a 2001:db8::2:3260,1" }, false },
		{ "fe80::1%eth0", "TargetName=iqn.a", { "iqn.a fe80::1%eth0:3261,-1" }, false },
		{ "10.0.0.1", "TargetName=iqn.a TargetAddress=[fe80::2%9]:3260,1",
		  { "iqn.a fe80::2:3260,1" }, false },
		{ "localhost", "TargetName=iqn.a TargetAddress=127.0.0.1,1",
		  { "iqn.a 127.0.0.1:3260,1" }, true },
		{ "localhost", "TargetName=iqn.a TargetAddress=127.0.0.1,1",
		  { "! this host's own address" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		size_t len = nul_text(cases[i].text, text);
		struct heard h = { 0 };
		struct sendtargets_config config = config_for(&h);
		struct sendtargets *st;

		config.address = cases[i].here;
		config.from = cases[i].local ? ADDR_LOOPBACK : ADDR_UNICAST;
		st = sendtargets_new(&config);
		ck_assert_int_eq(sendtargets_feed(st, text, len, NULL), ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
		check_heard(&h, cases[i].heard);
		sendtargets_free(st);
		free(h.text);
	}
}
END_TEST

/* H-117: too long for a name, an address, anything. */
START_TEST(too_long)
{
	static const size_t lengths[] = { 223, 224, 256, 497, 498, 499, 500, 512, 513, 1024,
					  70000 };
	static char text[70100];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct heard h = { 0 };
		struct sendtargets_config config = config_for(&h);
		struct sendtargets *st = sendtargets_new(&config);
		size_t n = (size_t)sprintf(text, "TargetName=");

		memset(text + n, 'n', lengths[i]);
		text[n + lengths[i]] = '\0';
		ck_assert_int_eq(sendtargets_feed(st, text, n + lengths[i] + 1, NULL),
				 ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.a", 17, NULL),
				 ISCSI_SUCCESS);
		n = (size_t)sprintf(text, "TargetAddress=10.0.0.1:3260,");
		memset(text + n, '0', lengths[i]);
		text[n + lengths[i]] = '\0';
		ck_assert_int_eq(sendtargets_feed(st, text, n + lengths[i] + 1, NULL),
				 ISCSI_SUCCESS);
		ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
		ck_assert_uint_eq(h.warnings, lengths[i] > 241 ? 2 : lengths[i] > 223);
		ck_assert_uint_eq(h.portals, (lengths[i] <= 223) + (lengths[i] <= 241));
		sendtargets_free(st);
		free(h.text);
	}
}
END_TEST

/* The longest value that counts, and the longest zone that there is room for. */
START_TEST(limits_of_an_address)
{
	static const char *const warnings[] = { "", "longer than 255 bytes", "is not an address" };
	char text[300], here[300];

	for (int i = 0; i < 4; i++) {
		struct heard h = { 0 };
		struct sendtargets_config config = config_for(&h);
		struct sendtargets *st;
		size_t n = i < 2 ? 255 + (size_t)i : ISCSI_ADDRESS_MAX - 7 + (size_t)i - 2;

		memset(text, 'z', sizeof(text));
		memset(here, 'z', sizeof(here));
		memcpy(text, "TargetAddress=", 14);
		memcpy(here, "fe80::1%", 8);
		if (i < 2)
			text[14 + n] = '\0';
		else
			strcpy(text + 14, "[fe80::5]");
		here[7 + n] = '\0';
		config.address = i < 2 ? HERE : here;
		st = sendtargets_new(&config);
		ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.a", 17, NULL), 0);
		ck_assert_int_eq(sendtargets_feed(st, text, strlen(text) + 1, NULL), 0);
		ck_assert_int_eq(sendtargets_finish(st, NULL), 0);
		ck_assert_uint_eq(h.portals, i % 2 == 0);
		ck_assert_uint_eq(h.warnings, i % 2);
		ck_assert_msg(strstr(h.text, warnings[i % 2 ? (i + 1) / 2 : 0]), "%s", h.text);
		sendtargets_free(st);
		free(h.text);
	}
}
END_TEST

/* The longest line of a portal is told from another one by its end. */
START_TEST(the_longest_portals)
{
	char name[11 + ISCSI_NAME_MAX + 1] = "TargetName=", address[300];
	struct heard h = { 0 };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st = sendtargets_new(&config);

	memset(name + 11, 'n', ISCSI_NAME_MAX);
	ck_assert_int_eq(sendtargets_feed(st, name, sizeof(name), NULL), 0);
	for (int i = 0; i < 6; i++) {
		memset(address, 'a', sizeof(address));
		memcpy(address, "TargetAddress=", 14);
		(void)sprintf(address + 14 + TEXT_VALUE_MAX - 12, ":65535,6553%d", i / 2);
		ck_assert_int_eq(sendtargets_feed(st, address, strlen(address) + 1, NULL), 0);
	}
	ck_assert_int_eq(sendtargets_finish(st, NULL), 0);
	ck_assert_uint_eq(h.portals, 3);
	ck_assert_uint_eq(h.warnings, 0);
	sendtargets_free(st);
	free(h.text);
}
END_TEST

/* A million faults are not a million lines of log. */
START_TEST(warnings_are_bounded)
{
	struct heard h = { 0 };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st = sendtargets_new(&config);

	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(sendtargets_feed(st, "x", 2, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(h.warnings, 33);
	h.text[h.len - 1] = '\0';
	ck_assert_str_eq(strrchr(h.text, '\n') + 1, "! the SendTargets answer has more faults");
	sendtargets_free(st);
	free(h.text);

	config.warn = NULL;
	st = sendtargets_new(&config);
	ck_assert_int_eq(sendtargets_feed(st, "x", 2, NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
	sendtargets_free(st);
}
END_TEST

/* H-111 */
START_TEST(text_is_bounded)
{
	struct heard h = { 0 };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st;
	struct iscsi_why why;

	config.text_max = 34;
	st = sendtargets_new(&config);
	ck_assert_uint_eq(random_bytes, 16);	/* the key of the hash */
	ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.a", 17, &why), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.b", 17, &why), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_feed(st, "", 0, &why), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_feed(st, "", 1, &why), ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_msg(strstr(why.text, "longer than 34 bytes"), "%s", why.text);
	ck_assert_int_eq(sendtargets_feed(st, "", SIZE_MAX, &why), ISCSI_ERR_PDU_TIMEOUT);
	sendtargets_free(st);
	free(h.text);
}
END_TEST

/* H-110, H-118: a hundred thousand targets, each named twice, in parts of 8 KiB. */
START_TEST(many_targets)
{
	struct heard h = { 0 };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st = sendtargets_new(&config);
	char *text = malloc(20 << 20);
	size_t len = 0;

	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int n = i % 100000;

		len += (size_t)sprintf(text + len, "TargetName=iqn.2026-01.com.example:disk%u",
				       n) + 1;
		len += (size_t)sprintf(text + len, "TargetAddress=10.1.%u.%u:3260,1",
				       n / 250 % 250,
				       n % 250) + 1;
	}
	for (size_t at = 0; at < len; at += 8192)
		ck_assert_int_eq(sendtargets_feed(st, text + at, MIN(len - at, 8192), NULL),
				 ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(h.portals, 100000);
	ck_assert_uint_eq(h.warnings, 0);
	sendtargets_free(st);
	free(h.text);
	free(text);
}
END_TEST

START_TEST(a_refusal_ends_it)
{
	struct heard h = { .refuse = ISCSI_ERR_NOMEM };
	struct sendtargets_config config = config_for(&h);
	struct sendtargets *st = sendtargets_new(&config);

	ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.a", 17, NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.b", 17, NULL), ISCSI_ERR_NOMEM);
	sendtargets_free(st);
	st = sendtargets_new(&config);
	ck_assert_int_eq(sendtargets_feed(st, "TargetName=iqn.a", 17, NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(sendtargets_finish(st, NULL), ISCSI_ERR_NOMEM);
	sendtargets_free(st);
	ck_assert_ptr_null(sendtargets_free(NULL));
}
END_TEST

static enum iscsi_err count_portal(void *arg, const struct sendtargets_portal *portal)
{
	(void)portal;
	++*(size_t *)arg;
	return ISCSI_SUCCESS;
}

START_TEST(no_memory)
{
	static const char text[] = "TargetName=iqn.a\0TargetAddress=10.0.0.5:%03d,1";
	size_t portals = 0;
	struct sendtargets_config config = {
		.address = HERE, .port = 1, .portal = count_portal, .arg = &portals,
	};
	char big[100][sizeof(text)];

	if (!alloc_can_fail)
		return;
	for (int i = 0; i < 100; i++) {
		memcpy(big[i], text, sizeof(text));
		(void)sprintf(big[i] + 17, text + 17, i + 100);
	}
	for (unsigned long nth = 1;; nth++) {
		struct sendtargets *st;
		enum iscsi_err err = ISCSI_ERR_NOMEM;
		bool injected;

		alloc_fail_nth(nth);
		st = sendtargets_new(&config);
		if (st)
			err = sendtargets_feed(st, big, sizeof(big), NULL);
		injected = alloc_fail_stop();
		sendtargets_free(st);
		ck_assert_int_eq(err, injected ? ISCSI_ERR_NOMEM : ISCSI_SUCCESS);
		if (!injected) {
			ck_assert_uint_ge(nth, 4);
			break;
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sendtargets");
	TCase *t = tcase_create("sendtargets");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, answer, 0, ARRAY_SIZE(answers));
	tcase_add_loop_test(t, byte_by_byte, 0, ARRAY_SIZE(answers));
	tcase_add_test(t, cut_at_the_end);
	tcase_add_test(t, link_local_zone);
	tcase_add_test(t, too_long);
	tcase_add_test(t, limits_of_an_address);
	tcase_add_test(t, the_longest_portals);
	tcase_add_test(t, warnings_are_bounded);
	tcase_add_test(t, text_is_bounded);
	tcase_add_test(t, many_targets);
	tcase_add_test(t, a_refusal_ends_it);
	tcase_add_test(t, no_memory);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
