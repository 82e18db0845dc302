/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A discovery session of the whole daemon, PDU by PDU: the test is the target. What is asked,
 * with which numbers, how long each answer may take, and which answers end the discovery.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdlib.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"

#define FINAL		0x80
#define CONTINUED	0x40
#define NAME		"iqn.2026-01.net.example:a"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client;
static char found[4096], warned[4096];
static uint32_t stat_sn;
static bool done;

static void setup(void)
{
	fake_daemon_setup();
	fake_client_open(&client);
	(void)close(STDIN_FILENO);	/* so that the next connection has the number 0 */
	found[0] = warned[0] = '\0';
	stat_sn = 100;
	done = false;
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_daemon_teardown();
}

static void begin(uint32_t flags, const char *const *settings)
{
	CLEANUP(freep) char *record = fake_discovery_text(flags & MGMT_ISNS, settings);

	done = false;
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_DISCOVER, .tag = 5, .flags = flags, .record = record });
	fake_daemon_settle();
}

/* Notes what has come; whether the result is among it. */
static bool ended(void)
{
	const struct mgmt_reply *r = &client.reply;

	while (!done && fake_client_poll(&client)) {
		done = r->type == MGMT_RESULT;
		if (r->type == MGMT_TARGET)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found),
				       "%s %s\n", r->name, r->address);
		if (r->type == MGMT_WARNING)
			(void)snprintf(warned + strlen(warned), sizeof(warned) - strlen(warned),
				       "%s\n", r->why);
	}
	return done;
}

static void ck_ended(enum iscsi_err err, const char *why)
{
	fake_daemon_settle();
	ck_assert_msg(ended(), "%s: it goes on", why);
	ck_assert_msg(client.reply.err == err, "%d is not %d: %s", client.reply.err, err,
		      client.reply.why);
	ck_assert_msg(strstr(client.reply.why, why) != NULL, "'%s' is not in '%s'", why,
		      client.reply.why);
	if (!*why)
		ck_assert_str_eq(client.reply.why, "");
}

/* It ends by itself, after so many milliseconds. */
static void ck_ends_after(uint64_t ms, enum iscsi_err err, const char *why)
{
	ck_assert_msg(!ended(), "at once: %s", client.reply.why);
	fake_daemon_wait(ms - 1);
	ck_assert_msg(!ended(), "too soon: %s", client.reply.why);
	fake_daemon_wait(1);
	UNTIL(ended());
	ck_ended(err, why);
}

/* ---- what the target says ------------------------------------------------------------------ */

struct numbers {
	uint32_t exp_cmd_sn, max_cmd_sn;
};

static void say(uint8_t opcode, uint8_t flags, uint32_t ttt, struct numbers n, const char *data,
		size_t len)
{
	uint8_t bhs[PDU_BHS_LEN] = { opcode, flags, [8] = 1, [15] = 9 };

	memcpy(bhs + 16, d->target.last_bhs + 16, 4);
	put_be32(bhs + 20, ttt);
	put_be32(bhs + 24, stat_sn++);
	put_be32(bhs + 28, n.exp_cmd_sn);
	put_be32(bhs + 32, n.max_cmd_sn);
	fake_target_send(&d->target, bhs, data, len);
	fake_daemon_settle();
}

/* The response that ends the login. */
static void accept_login(struct numbers n)
{
	static const char keys[] = "TargetPortalGroupTag=1";
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, 0x87, [15] = 1 };

	ck_assert_uint_eq(d->target.last_bhs[0], PDU_LOGIN_REQUEST | 0x40);
	memcpy(bhs + 8, d->target.last_bhs + 8, 6);
	memcpy(bhs + 16, d->target.last_bhs + 16, 4);
	put_be32(bhs + 24, stat_sn++);
	put_be32(bhs + 28, n.exp_cmd_sn);
	put_be32(bhs + 32, n.max_cmd_sn);
	fake_target_send(&d->target, bhs, keys, sizeof(keys));
	fake_daemon_settle();
}

static const struct numbers open_window = { 1, 100 };

static void begin_logged_in(const char *const *settings)
{
	d->target.silent = true;
	begin(0, settings);
	ck_assert_uint_eq(d->target.pdus, 1);
	accept_login(open_window);
	ck_assert_uint_eq(d->target.pdus, 2);
}

static uint32_t field(size_t at)
{
	return get_be32(d->target.last_bhs + at);
}

/* The last PDU was a Text Request of @len bytes with these numbers. */
static void ck_text_request(uint32_t len, uint32_t ttt, uint32_t cmd_sn)
{
	ck_assert_uint_eq(d->target.last_bhs[0], PDU_TEXT_REQUEST);
	ck_assert_uint_eq(d->target.last_bhs[1], 0x80);
	ck_assert_uint_eq(get_be24(d->target.last_bhs + 5), len);
	ck_assert_uint_eq(d->target.last_bhs[8], len ? 0 : 1);
	ck_assert_uint_eq(d->target.last_bhs[15], len ? 0 : 9);
	ck_assert_uint_eq(field(16), 1);
	ck_assert_uint_eq(field(20), ttt);
	ck_assert_uint_eq(field(24), cmd_sn);
	ck_assert_uint_eq(field(28), stat_sn);
}

/* ---- a whole conversation ------------------------------------------------------------------ */

static const char whole[] = "TargetName=" NAME "\0TargetAddress=10.0.0.5:3260,1";

START_TEST(each_pdu_has_its_numbers)
{
	begin_logged_in(NULL);
	ck_text_request(sizeof("SendTargets=All"), PDU_RESERVED_TAG, 1);
	say(PDU_TEXT_RESPONSE, CONTINUED, 0x77, open_window, whole, 20);
	ck_text_request(0, 0x77, 2);
	/* F without C, and a tag: more follows all the same. */
	say(PDU_TEXT_RESPONSE, 0, 0x78, open_window, whole + 20, 9);
	ck_text_request(0, 0x78, 3);
	say(PDU_TEXT_RESPONSE, FINAL, PDU_RESERVED_TAG, open_window, whole + 29,
	    sizeof(whole) - 29);
	ck_assert_uint_eq(d->target.pdus, 5);
	ck_assert_uint_eq(d->target.last_bhs[0], PDU_LOGOUT_REQUEST | 0x40);
	ck_assert_uint_eq(d->target.last_bhs[1], 0x80);
	ck_assert_uint_eq(field(16), 2);
	ck_assert_uint_eq(field(24), 4);
	ck_assert_uint_eq(field(28), stat_sn);
	ck_assert(!ended());
	say(PDU_NOP_IN, FINAL, PDU_RESERVED_TAG, open_window, NULL, 0);
	ck_assert(!ended());
	say(PDU_LOGOUT_RESPONSE, FINAL, 0, open_window, NULL, 0);
	ck_ended(ISCSI_SUCCESS, "");
	ck_assert_str_eq(found, NAME " 10.0.0.5\n");
	ck_assert_uint_eq(d->target.pdus, 5);
	ck_assert_ptr_null(d->target.conns);
}
END_TEST

/* No session's ISID, which is its sid, is one of a discovery's. */
START_TEST(a_discovery_has_an_isid_of_its_own)
{
	static const struct { uint8_t random, isid[6]; } isids[] = {
		{ 0x00, { 0, 2, 0x3d, 0x80, 0x00, 0x00 } },
		{ 0x5a, { 0, 2, 0x3d, 0xda, 0x5a, 0x5a } },
		{ 0xff, { 0, 2, 0x3d, 0xff, 0xff, 0xff } },
	};

	d->target.silent = true;
	d->random = isids[_i].random;
	begin(0, NULL);
	ck_assert_uint_eq(d->target.last_bhs[0], PDU_LOGIN_REQUEST | 0x40);
	ck_assert_mem_eq(d->target.last_bhs + 8, isids[_i].isid, 6);
	ck_assert_uint_eq(field(24), 1);		/* CmdSN */
}
END_TEST

START_TEST(a_ping_is_answered_with_its_numbers)
{
	begin_logged_in(NULL);
	say(PDU_NOP_IN, FINAL, PDU_RESERVED_TAG, open_window, NULL, 0);
	ck_assert_uint_eq(d->target.pdus, 2);		/* it asked for no answer */
	stat_sn--;	/* neither NOP-In has a number of its own */
	say(PDU_NOP_IN, FINAL, 0x99, open_window, NULL, 0);
	stat_sn--;
	ck_assert_uint_eq(d->target.pdus, 3);
	ck_assert_uint_eq(d->target.last_bhs[0], PDU_NOP_OUT | 0x40);
	ck_assert_uint_eq(d->target.last_bhs[8], 1);
	ck_assert_uint_eq(d->target.last_bhs[15], 9);
	ck_assert_uint_eq(field(16), PDU_RESERVED_TAG);
	ck_assert_uint_eq(field(20), 0x99);
	ck_assert_uint_eq(field(24), 2);
	ck_assert_uint_eq(field(28), stat_sn);
}
END_TEST

/* ---- the command window ---------------------------------------------------------------------- */

static const struct {
	struct numbers login;
	bool asks;
	struct numbers nop;
	bool asks_then;
} windows[] = {
	{ { 1, 1 }, true, { 1, 1 }, true },
	{ { 1, 0 }, false, { 1, 0 }, false },
	{ { 1, 0 }, false, { 1, 1 }, true },
	{ { 1, 0 }, false, { 1, 100 }, true },
	{ { 1, 0 }, false, { 3, 1 }, false },		/* the window ends before it begins */
	{ { 1, 0 }, false, { 2, 1 }, true },
	{ { 1, (uint32_t)-1 }, false, { 1, 1 }, true },	/* ignored: it would be closed for 2 */
	{ { 2, 0 }, true, { 2, 0 }, true },		/* the target counts otherwise */
	{ { 0, 0 }, true, { 0, 0 }, true },
};

START_TEST(a_closed_window_is_respected)
{
	d->target.silent = true;
	begin(0, (const char *[]){ "discovery.sendtargets.reopen_max", "0", NULL });
	accept_login(windows[_i].login);
	ck_assert_uint_eq(d->target.pdus, 1 + windows[_i].asks);
	say(PDU_NOP_IN, FINAL, PDU_RESERVED_TAG, windows[_i].nop, NULL, 0);
	stat_sn--;
	ck_assert_uint_eq(d->target.pdus, 1 + windows[_i].asks_then);
	if (windows[_i].asks_then)
		ck_text_request(sizeof("SendTargets=All"), PDU_RESERVED_TAG, 1);
	else
		ck_ends_after(30000, ISCSI_ERR_PDU_TIMEOUT, "no answer to SendTargets");
}
END_TEST

START_TEST(each_part_moves_the_window)
{
	begin_logged_in(NULL);
	/* A smaller window than before closes nothing. */
	say(PDU_TEXT_RESPONSE, 0, 7, (struct numbers){ 2, 50 }, whole, 1);
	ck_text_request(0, 7, 2);
	for (uint32_t i = 3; i <= 60; i++)
		say(PDU_TEXT_RESPONSE, 0, 7, (struct numbers){ i, 50 }, whole + i - 2, 1);
	ck_text_request(0, 7, 60);
}
END_TEST

/* ---- answers that end it ------------------------------------------------------------------------ */

static const struct {
	uint8_t opcode;
	const char *why;
} bad_answers[] = {
	{ PDU_REJECT, ": the target rejected SendTargets" },
	{ PDU_LOGIN_RESPONSE, ": " },
	{ PDU_ASYNC, ": " },
};

START_TEST(an_answer_against_the_rules_ends_it)
{
	begin_logged_in(NULL);
	say(bad_answers[_i].opcode, FINAL, PDU_RESERVED_TAG, open_window, NULL, 0);
	ck_ended(ISCSI_ERR_PDU_TIMEOUT, "127.0.0.1,");
	ck_assert_ptr_nonnull(strstr(client.reply.why, bad_answers[_i].why));
}
END_TEST

START_TEST(an_answer_nobody_asked_for_ends_it)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_TEXT_RESPONSE, FINAL };

	if (_i) {	/* for another request */
		begin_logged_in(NULL);
		put_be32(bhs + 16, 2);
	} else {	/* before the request could be sent */
		d->target.silent = true;
		begin(0, NULL);
		accept_login((struct numbers){ 1, 0 });
		put_be32(bhs + 16, 1);
	}
	put_be32(bhs + 20, PDU_RESERVED_TAG);
	fake_target_send(&d->target, bhs, NULL, 0);
	ck_ended(ISCSI_ERR_PDU_TIMEOUT, "the target sent a Text Response without a request");
}
END_TEST

START_TEST(the_65th_empty_part_ends_it)
{
	begin_logged_in(NULL);
	for (int i = 0; i < 64; i++)
		say(PDU_TEXT_RESPONSE, 0, 7, open_window, NULL, 0);
	ck_assert(!ended());
	say(PDU_TEXT_RESPONSE, 0, 7, open_window, NULL, 0);
	ck_ended(ISCSI_ERR_PDU_TIMEOUT, "the answer has no end");
}
END_TEST

/* More data than a login may carry, and more than we said we take afterwards. */
START_TEST(a_pdu_that_is_too_long_ends_it)
{
	static const char data[16384];
	static const char *const settings[] = {
		"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", "8194", NULL };

	if (_i == 0) {
		d->target.silent = true;
		begin(0, NULL);
		say(PDU_LOGIN_RESPONSE, 0, 0, open_window, data, PDU_LOGIN_DATA_MAX + 4);
	} else {
		begin_logged_in(settings);
		/* What is offered is a multiple of 4. */
		say(PDU_TEXT_RESPONSE, 0, 7, open_window, data, 8192);
		if (_i == 1)
			ck_assert(!ended());
		else
			say(PDU_TEXT_RESPONSE, 0, 7, open_window, data, 8193);
	}
	if (_i != 1)
		ck_ended(ISCSI_ERR_PDU_TIMEOUT, "not an iSCSI target: a PDU of no legal length");
}
END_TEST

START_TEST(a_peer_with_another_protocol_is_no_target)
{
	d->target.silent = true;
	begin(0, NULL);
	say(PDU_TEXT_RESPONSE, FINAL, 0, open_window, NULL, 0);
	ck_ended(ISCSI_ERR_FATAL_LOGIN, " is not an iSCSI target: ");
}
END_TEST

START_TEST(targets_left_out_are_said)
{
	static const char keys[] = "TargetName=a\tb\0TargetAddress=10.0.0.5:3260,1\0"
				   "rubbish\0TargetName=" NAME "\0TargetAddress=10.0.0.6:3260,1";

	begin_logged_in(NULL);
	say(PDU_TEXT_RESPONSE, FINAL, PDU_RESERVED_TAG, open_window, keys, sizeof(keys));
	ck_assert(!ended());
	ck_assert_str_eq(found, NAME " 10.0.0.6\n");
	ck_assert_ptr_nonnull(strchr(warned, '\n'));
}
END_TEST

START_TEST(a_password_that_is_not_asked_for_is_said)
{
	begin(0, (const char *[]){
		"discovery.sendtargets.auth.authmethod", "CHAP",
		"discovery.sendtargets.auth.username", "u",
		"discovery.sendtargets.auth.password", "secret-secret", NULL });
	UNTIL(ended());
	ck_ended(ISCSI_SUCCESS, "");
	ck_assert_str_eq(warned, "a password is set, but the target asked for none\n");
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------------ */

#define TIMES(login, auth, active)						\
	"discovery.sendtargets.timeo.login_timeout", #login,			\
	"discovery.sendtargets.timeo.auth_timeout", #auth,			\
	"discovery.sendtargets.timeo.active_timeout", #active,			\
	"discovery.sendtargets.reopen_max", "0"
#define CHAP								\
	"discovery.sendtargets.auth.authmethod", "CHAP",		\
	"discovery.sendtargets.auth.username", "u",			\
	"discovery.sendtargets.auth.password", "secret-secret"
#define NO_RETRY	"; connection login retries (reopen_max) 0 exceeded"

START_TEST(a_logout_waits_a_second)
{
	d->target.never_logs_out = true;
	begin(0, NULL);
	ck_ends_after(1000, ISCSI_SUCCESS, "");
	ck_assert_uint_eq(d->target.logouts, 1);
}
END_TEST

START_TEST(a_target_may_hang_up_instead_of_the_logout)
{
	d->target.never_logs_out = true;
	begin(0, NULL);
	ck_assert(!ended());
	fake_target_hang_up(&d->target);
	ck_ended(ISCSI_SUCCESS, "");
}
END_TEST

/* The list is complete, so nothing that comes instead of the answer to the logout is an error. */
START_TEST(a_target_may_send_anything_instead_of_the_logout)
{
	static const char data[8196];

	d->target.never_logs_out = true;
	begin(0, (const char *[]){
		"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", "8192", NULL });
	ck_assert_uint_eq(d->target.logouts, 1);
	say(PDU_TEXT_RESPONSE, 0, 7, open_window, data, sizeof(data));
	ck_ended(ISCSI_SUCCESS, "");
}
END_TEST

START_TEST(what_a_target_that_hangs_up_was_doing_is_said)
{
	d->target.silent = true;
	if (_i)
		begin_logged_in((const char *[]){ "discovery.sendtargets.reopen_max", "0", NULL });
	else
		begin(0, (const char *[]){ "discovery.sendtargets.reopen_max", "0", NULL });
	fake_target_hang_up(&d->target);
	ck_ended(ISCSI_ERR_PDU_TIMEOUT, _i ? "Text I/O error: the target closed the connection; " :
					     "Login I/O error: the target closed the connection; ");
}
END_TEST

/* A target that wanted the security stage first, and is busy then, is asked again. */
START_TEST(a_target_that_insists_may_be_busy)
{
	static const uint16_t statuses[] = { 0x0201, 0x0301 };

	d->target.silent = true;
	begin(0, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		d->target.status = statuses[i];
		fake_target_answer_oldest(&d->target);
		fake_daemon_settle();
	}
	ck_assert(!ended());
	ck_assert_uint_eq(d->target.accepted, 2);
	fake_daemon_wait(1000);
	ck_assert_uint_eq(d->target.accepted, 3);
}
END_TEST

/* Without F and without a tag to ask for more with, a list is over. */
START_TEST(an_answer_without_a_tag_is_the_last)
{
	begin_logged_in(NULL);
	say(PDU_TEXT_RESPONSE, 0, PDU_RESERVED_TAG, open_window, whole, sizeof(whole));
	ck_assert_uint_eq(d->target.last_bhs[0], PDU_LOGOUT_REQUEST | 0x40);
	ck_assert(!ended());
	ck_assert_str_eq(found, NAME " 10.0.0.5\n");
}
END_TEST

/* The first answer to a login; then, with CHAP, an answer for which the target asks others. */
START_TEST(each_answer_of_a_login_has_its_time)
{
	static const char *const plain[] = { TIMES(3, 7, 5), NULL };
	static const char *const chap[] = { TIMES(3, 7, 5), CHAP, NULL };
	static const char method[] = "AuthMethod=CHAP";
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, 0 };

	d->target.silent = true;
	begin(0, _i ? chap : plain);
	if (!_i) {
		ck_ends_after(5000, ISCSI_ERR_FATAL_LOGIN, "accepted the connection, but didn't answer");
		return;
	}
	memcpy(bhs + 8, d->target.last_bhs + 8, 6);
	memcpy(bhs + 16, d->target.last_bhs + 16, 4);
	put_be32(bhs + 28, 1);
	put_be32(bhs + 32, 1);
	fake_target_send(&d->target, bhs, method, sizeof(method));
	fake_daemon_settle();
	ck_assert_uint_eq(d->target.pdus, 2);
	ck_ends_after(7000, ISCSI_ERR_FATAL_LOGIN, "accepted the connection, but didn't answer");
}
END_TEST

static void answer_login(uint32_t number, const char *text, size_t len)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, 0 };

	memcpy(bhs + 8, d->target.last_bhs + 8, 6);
	memcpy(bhs + 16, d->target.last_bhs + 16, 4);
	put_be32(bhs + 24, number);
	put_be32(bhs + 28, 1);
	put_be32(bhs + 32, 1);
	fake_target_send(&d->target, bhs, text, len);
	fake_daemon_settle();
}

/* Each answer may take its time, but all of them together not more than the three times. */
START_TEST(a_login_has_its_time)
{
	static const char *const settings[] = { TIMES(1, 10, 5), CHAP, NULL };
	static const char method[] = "AuthMethod=CHAP";
	static const char challenge[] = "CHAP_A=5\0CHAP_I=1\0CHAP_C=0x000102030405060708090a0b0c0d0e0f";

	d->target.silent = true;
	begin(0, settings);
	fake_daemon_wait(4900);
	answer_login(1, method, sizeof(method));
	ck_assert_uint_eq(d->target.pdus, 2);
	fake_daemon_wait(9900);
	answer_login(2, challenge, sizeof(challenge));
	ck_assert_uint_eq(d->target.pdus, 3);
	ck_ends_after(1201, ISCSI_ERR_FATAL_LOGIN, "accepted the connection, but didn't answer");
}
END_TEST

START_TEST(the_parts_of_an_answer_have_twice_the_time)
{
	static const char *const settings[] = { TIMES(3, 7, 5), NULL };

	begin_logged_in(settings);
	if (!_i) {
		ck_ends_after(5000, ISCSI_ERR_PDU_TIMEOUT, "no answer to SendTargets" NO_RETRY);
		return;
	}
	fake_daemon_wait(4000);
	say(PDU_TEXT_RESPONSE, 0, 7, open_window, whole, 1);
	fake_daemon_wait(4000);
	say(PDU_TEXT_RESPONSE, 0, 7, open_window, whole + 1, 1);
	if (_i == 1) {	/* the deadline is rounded up to the next millisecond */
		ck_ends_after(2001, ISCSI_ERR_PDU_TIMEOUT, "the answer has no end");
		return;
	}
	fake_daemon_wait(2000);
	say(PDU_TEXT_RESPONSE, 0, 7, open_window, whole + 2, 1);
	ck_ended(ISCSI_ERR_PDU_TIMEOUT, "the answer has no end");
}
END_TEST

/* A port where the queue of connections is full: the next one is never accepted. */
static int full_port(int *ret_client)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(*ret_client, (struct sockaddr *)&addr, sizeof(addr)), 0);
	d->target.port = ntohs(addr.sin_port);
	return fd;
}

START_TEST(a_connection_has_its_time)
{
	static const char *const settings[] = { TIMES(3, 7, 5), NULL };
	int other, fd;

	fake_target_go_deaf(&d->target);
	fd = full_port(&other);
	begin(0, settings);
	ck_ends_after(3000, ISCSI_ERR_PDU_TIMEOUT, "connect to 127.0.0.1 timed out" NO_RETRY);
	begin(MGMT_ISNS, NULL);
	ck_ends_after(10000, ISCSI_ERR_ISNS_QUERY, "Connection timed out");
	(void)close(fd);
	(void)close(other);
}
END_TEST

static sem_t resolvable;

/* Blocks a thread of the daemon's until the test allows it to go on. */
static int resolve_late(const char *host, int port, struct sockaddr_storage *ret)
{
	(void)host;
	(void)port;
	(void)ret;
	(void)sem_wait(&resolvable);
	return EAI_NONAME;
}

START_TEST(a_look_up_has_its_time)
{
	static const char *const settings[] = {
		"discovery.sendtargets.address", "storage.example",
		"discovery.sendtargets.timeo.login_timeout", "3", NULL };

	ck_assert_int_eq(sem_init(&resolvable, 0, 0), 0);
	d->resolver.resolve = resolve_late;
	if (_i)
		begin(MGMT_ISNS, (const char *[]){ settings[0], settings[1], NULL });
	else
		begin(0, settings);
	ck_ends_after(_i ? 10000 : 3000, ISCSI_ERR_TRANS, "storage.example");
	ck_assert_uint_eq(d->target.accepted, 0);
	(void)sem_post(&resolvable);
}
END_TEST

/* Four failed attempts, with a pause of a second before each new one. */
START_TEST(reopen_max_is_how_often_it_begins_anew)
{
	static const char *const settings[] = {
		"discovery.sendtargets.timeo.active_timeout", "5",
		"discovery.sendtargets.reopen_max", "3", NULL };

	d->target.hangs_up = true;
	begin(0, settings);
	ck_ends_after(3000, ISCSI_ERR_PDU_TIMEOUT, "(reopen_max) 3 exceeded");
	ck_assert_uint_eq(d->target.accepted, 4);
}
END_TEST

/* ---- iSNS ------------------------------------------------------------------------------------------ */

/* A server that falls silent, or hangs up, when it has been asked @asked. */
static const struct {
	uint32_t status[4];
	const char *asked;
	uint64_t ms;			/* it falls silent: for so long; 0: it hangs up */
	enum iscsi_err err;
	const char *why;
} isns_silences[] = {
	{ { 0 }, "q", 20000, ISCSI_ERR_ISNS_QUERY, ": no answer in time" },
	{ { 0 }, "q", 0, ISCSI_ERR_ISNS_QUERY, ": the server closed the connection" },
	{ { 6 }, "qr", 20000, ISCSI_ERR_ISNS_REG_FAILED, ": no answer in time" },
	{ { 6 }, "qr", 0, ISCSI_ERR_ISNS_REG_FAILED, ": the server closed the connection" },
	{ { 6, 0 }, "qrq", 20000, ISCSI_ERR_ISNS_QUERY, ": no answer in time" },
	{ { 6, 0 }, "qrq", 0, ISCSI_ERR_ISNS_QUERY, ": the server closed the connection" },
	/* The targets are known already. */
	{ { 6, 0, 9 }, "qrqd", 1000, ISCSI_SUCCESS, "" },
	{ { 6, 0, 9 }, "qrqd", 0, ISCSI_SUCCESS, "" },
	{ { 6, 0, 8 }, "qrqd", 1000, ISCSI_ERR_ISNS_QUERY, "(status 8)" },
};

START_TEST(isns_servers_that_fall_silent)
{
	d->target.isns = true;
	memcpy(d->target.isns_status, isns_silences[_i].status, sizeof(isns_silences[_i].status));
	d->target.isns_answers = (unsigned int)strlen(isns_silences[_i].asked) - 1;
	d->target.silent = !d->target.isns_answers;
	begin(MGMT_ISNS, NULL);
	UNTIL(streq(d->target.isns_asked, isns_silences[_i].asked));
	ck_assert(!ended());
	if (isns_silences[_i].ms) {
		ck_ends_after(isns_silences[_i].ms, isns_silences[_i].err, isns_silences[_i].why);
	} else {
		fake_target_hang_up(&d->target);
		UNTIL(ended());
		ck_ended(isns_silences[_i].err, isns_silences[_i].why);
	}
}
END_TEST

/* The end of a header, and both sides of it, and single bytes. */
static const size_t pieces[] = { 1, 11, 12, 13, 50 };

START_TEST(isns_answers_may_come_in_pieces)
{
	d->target.isns = true;
	d->target.isns_piece = pieces[_i];
	d->target.targets = NAME " 10.0.0.5\n";
	memcpy(d->target.isns_status, (uint32_t[]){ 6, 0, 0, 0 }, 16);
	begin(MGMT_ISNS, NULL);
	UNTIL(ended());
	ck_ended(ISCSI_SUCCESS, "");
	ck_assert_str_eq(d->target.isns_asked, "qrqd");
	ck_assert_str_eq(found, NAME " 10.0.0.5\n");
}
END_TEST

/* Another program with our name may deregister it; that ends somewhere. */
START_TEST(isns_registers_only_so_often)
{
	d->target.isns = true;
	memcpy(d->target.isns_status, (uint32_t[]){ 6, 0, 6, 0 }, 16);
	begin(MGMT_ISNS, NULL);
	UNTIL(ended());
	ck_ended(ISCSI_SUCCESS, "");
	ck_assert_str_eq(d->target.isns_asked, "qrqrqd");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("discovery_pdus");
	TCase *tc = tcase_create("discovery_pdus");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_pdu_has_its_numbers);
	tcase_add_loop_test(tc, a_discovery_has_an_isid_of_its_own, 0, 3);
	tcase_add_test(tc, a_ping_is_answered_with_its_numbers);
	tcase_add_loop_test(tc, a_closed_window_is_respected, 0, ARRAY_SIZE(windows));
	tcase_add_test(tc, each_part_moves_the_window);
	tcase_add_loop_test(tc, an_answer_against_the_rules_ends_it, 0, ARRAY_SIZE(bad_answers));
	tcase_add_loop_test(tc, an_answer_nobody_asked_for_ends_it, 0, 2);
	tcase_add_test(tc, the_65th_empty_part_ends_it);
	tcase_add_loop_test(tc, a_pdu_that_is_too_long_ends_it, 0, 3);
	tcase_add_test(tc, a_peer_with_another_protocol_is_no_target);
	tcase_add_test(tc, targets_left_out_are_said);
	tcase_add_test(tc, a_password_that_is_not_asked_for_is_said);
	tcase_add_test(tc, a_logout_waits_a_second);
	tcase_add_test(tc, a_target_may_hang_up_instead_of_the_logout);
	tcase_add_test(tc, a_target_may_send_anything_instead_of_the_logout);
	tcase_add_test(tc, a_target_that_insists_may_be_busy);
	tcase_add_test(tc, an_answer_without_a_tag_is_the_last);
	tcase_add_loop_test(tc, what_a_target_that_hangs_up_was_doing_is_said, 0, 2);
	tcase_add_loop_test(tc, each_answer_of_a_login_has_its_time, 0, 2);
	tcase_add_test(tc, a_login_has_its_time);
	tcase_add_loop_test(tc, the_parts_of_an_answer_have_twice_the_time, 0, 3);
	tcase_add_test(tc, a_connection_has_its_time);
	tcase_add_loop_test(tc, a_look_up_has_its_time, 0, 2);
	tcase_add_test(tc, reopen_max_is_how_often_it_begins_anew);
	tcase_add_loop_test(tc, isns_servers_that_fall_silent, 0, ARRAY_SIZE(isns_silences));
	tcase_add_loop_test(tc, isns_answers_may_come_in_pieces, 0, ARRAY_SIZE(pieces));
	tcase_add_test(tc, isns_registers_only_so_often);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
