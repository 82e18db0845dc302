/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attempts of a session to log in (test/fake/daemon.h): when a first login is given up, what
 * counts for reopen_max, and what an outage is said to be. test_recovery.c has how soon a lost
 * session comes back.
 */
#include <check.h>
#include <stdlib.h>

#include "iscsid/message/session_text.h"
#include "iscsid/session_private.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"
#include "test/unit/daemon_fixture.h"

static unsigned int times_said(const char *text)
{
	const char *at = said(1);
	unsigned int n = 0;

	for (; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static struct session *session(uint32_t sid)
{
	return manager_find(d->manager, sid);
}

static struct session_outage outage(uint32_t sid)
{
	struct session_outage ret;

	ck_assert(session_text_parse_outage(session_shown(session(sid)), &ret));
	return ret;
}

static void log_in(const char *const *settings, unsigned int times)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	for (unsigned int i = 0; i < times; i++)
		ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
			.type = MGMT_LOGIN, .tag = 7, .flags = MGMT_ANOTHER, .record = record }), 0);
	fake_client_close(&client);
	fake_daemon_wait(20000);
}

static void lose(void)
{
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
}

static void begin_login(const char *timeout, const char *tries, uint32_t flags)
{
	CLEANUP(freep) char *record = fake_node_text((const char *[]){
		"node.conn[0].timeo.login_timeout", timeout,
		"node.session.initial_login_retry_max", tries, NULL });

	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = flags, .record = record });
	fake_daemon_settle();
}

/* Moves the clock until the client has its answer; how many ms that took. */
static uint64_t answered_after_ms(void)
{
	uint64_t us = 0;

	for (fake_daemon_settle(); !fake_client_poll(&client); us += fake_daemon_pass(60000))
		ck_assert_uint_lt(us, 100000000);
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	return us / 1000;
}

/* ---- a first login ----------------------------------------------------------------------------- */

/*
 * A portal that refuses is tried after 0, 1, 3, 7, 12, 17 s. Without time for the next attempt, a
 * login is given up at once; a wanted login isn't, but its client hears of the failure.
 */
static const struct { const char *timeout, *tries; uint64_t given_up_ms, told_ms; } budgets[] = {
	{ "7", "1", 3000, 7000 }, { "8", "1", 7000, 12000 }, { "6", "2", 7000, 12000 },
	{ "13", "1", 12000, 17000 }, { "1", "12", 7000, 12000 }, { "1", "13", 12000, 17000 },
};

START_TEST(a_first_login_has_its_time)
{
	d->random = 0;
	fake_target_go_deaf(&d->target);
	begin_login(budgets[_i].timeout, budgets[_i].tries, 0);
	ck_assert_uint_eq(answered_after_ms(), budgets[_i].given_up_ms);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	begin_login(budgets[_i].timeout, budgets[_i].tries, MGMT_WANTED);
	ck_assert_uint_eq(answered_after_ms(), budgets[_i].told_ms);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_uint_eq(client.reply.sid, 0);
}
END_TEST

static char *target_address(const struct fake_target *target)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u,1\n", target->port);
	return text;
}

/* A target answers each login after 5 s, and sends it elsewhere. */
static const struct { const char *tries; unsigned int logins; } journeys[] = {
	{ "0", 2 }, { "1", 2 }, { "2", 4 },
};

START_TEST(redirections_have_the_time_of_the_login)
{
	d->target.silent = true;
	d->target.status = 0x0101;
	d->target.login_text = target_address(&d->target);
	begin_login("10", journeys[_i].tries, 0);
	for (unsigned int i = 1; i <= journeys[_i].logins; i++) {
		ck_assert(!fake_client_poll(&client));
		ck_assert_uint_eq(d->target.accepted, i);
		fake_daemon_wait(5000);
		fake_target_answer_oldest(&d->target);
		fake_daemon_settle();
	}
	ck_assert(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_eq(client.reply.why,
			 "the target has moved, but can't be followed: no time left");
}
END_TEST

/* The time of a first login bounds neither a login that goes on until it succeeds nor a recovery. */
START_TEST(other_redirections_do_not_end_with_that_time)
{
	static const char *const settings[] = {
		"node.conn[0].timeo.login_timeout", "10",
		"node.session.initial_login_retry_max", "1", NULL };

	if (_i)
		log_in(settings, 1);
	d->target.silent = true;
	d->target.status = 0x0101;
	d->target.login_text = target_address(&d->target);
	d->target.accepted = 0;
	if (_i)
		lose();
	else
		begin_login("10", "1", MGMT_WANTED);
	fake_daemon_wait(_i ? 2000 : 0);
	for (unsigned int i = 1; i <= (_i ? 1 : 4); i++) {
		ck_assert_uint_eq(d->target.accepted, i);
		fake_daemon_wait(_i ? 500 : 5000);
		fake_target_answer_oldest(&d->target);
		fake_daemon_settle();
		ck_assert_uint_eq(d->target.accepted, i + 1);
	}
}
END_TEST

/* The first attempt tells where it is sent; its repetitions don't. */
START_TEST(a_redirection_is_told_once)
{
	struct fake_target elsewhere;
	char text[64];

	fake_target_open(&elsewhere, d->loop);
	d->target.status = 0x0101;
	d->target.login_text = target_address(&elsewhere);
	(void)snprintf(text, sizeof(text), "redirected to 127.0.0.1:%u\n", elsewhere.port);
	fake_target_close(&elsewhere);
	capture();
	begin_login("10", "1", 0);
	(void)answered_after_ms();
	ck_assert_uint_ge(d->target.logins, 3);
	ck_assert_uint_eq(times_said(text), 1);
}
END_TEST

/* What this host lacks ends a first login at once, with the reason. */
START_TEST(a_host_without_the_device_or_address)
{
	CLEANUP(freep) char *record = fake_node_text((const char *[]){
		_i ? "iface.ipaddress" : "iface.hwaddress", _i ? "192.0.2.1" : "02:00:00:00:00:99",
		NULL });

	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 7, .record = record }), ISCSI_ERR_TRANS);
	ck_assert_str_eq(client.reply.why, _i ? "this host has no address 192.0.2.1" :
			 "this host has no network device with the hardware address 02:00:00:00:00:99");
}
END_TEST

static const char *const through_a_card[] = { "iface.hwaddress", "02:00:00:00:00:07",
					      "node.session.iscsi.DefaultTime2Wait", "0", NULL };

/* A login that goes on until it succeeds waits for its device; a session keeps the one that it has. */
START_TEST(a_device_is_looked_for_until_the_session_is_there)
{
	CLEANUP(freep) char *record = fake_node_text(through_a_card);

	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 7, .flags = MGMT_WANTED, .record = record }), ISCSI_ERR_TRANS);
	ck_assert_str_eq(client.reply.why,
			 "this host has no network device with the hardware address 02:00:00:00:00:07");
	fake_sysfs_set(d->fs, "class/net/lo/address", "02:00:00:00:00:07\n");
	fake_daemon_wait(20000);
	ck_assert_int_eq(session_state(session(1)), SESSION_LOGGED_IN);
	fake_sysfs_set(d->fs, "class/net/lo/address", "02:00:00:00:00:08\n");
	lose();
	fake_daemon_wait(10000);
	ck_assert_int_eq(session_state(session(1)), SESSION_LOGGED_IN);
	ck_assert_uint_eq(d->target.logins, 2);
}
END_TEST

/* Whoever joins a login has it tried at once, and not only at its next attempt. */
START_TEST(a_login_that_is_joined_is_tried_at_once)
{
	struct fake_client other;
	CLEANUP(freep) char *record = fake_node_text(NULL);
	uint64_t joined_us;
	size_t len;
	void **all;

	fake_target_go_deaf(&d->target);
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .record = record });
	fake_daemon_wait(8000);		/* the next attempt comes after 12 s */
	fake_client_open(&other);
	fake_client_send(&other, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 4, .record = record });
	joined_us = d->clock.now_us;
	fake_daemon_pass(60000);
	all = manager_all(d->manager, &len);
	ck_assert_uint_eq(len, 1);
	ck_assert_uint_eq(((struct session *)all[0])->attempt_us, joined_us);
	free(all);
	fake_client_close(&other);
}
END_TEST

/* News of the network begin an attempt anew, but not the time for the login. */
START_TEST(a_restless_network_prolongs_no_first_login)
{
	unsigned int seconds;

	fake_target_lose_packets(&d->target);
	begin_login("10", "2", _i ? MGMT_WANTED : 0);
	for (seconds = 0; !fake_client_poll(&client); seconds++) {
		ck_assert_uint_le(seconds, 30);
		fake_daemon_wait(1000);
		manager_network_changed(d->manager, NULL);
	}
	ck_assert_uint_ge(seconds, 20);
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
}
END_TEST

/* ---- a lost session ---------------------------------------------------------------------------- */

static const char *const at_once[] = { "node.session.iscsi.DefaultTime2Wait", "0", NULL };

/* When the first attempts begin, in ms since the loss, without chance; in each outage the same. */
static const struct { enum { REFUSED, HOLE, SILENT } kind; uint64_t at_ms[6]; } paces[] = {
	{ REFUSED, { 0, 100, 300, 550, 800, 1050 } },
	{ HOLE, { 0, 250, 500, 750, 1000, 1250 } },
	{ SILENT, { 0, 1000, 2000, 3000, 4000, 5000 } },
};

START_TEST(the_pace_of_a_recovery)
{
	d->random = 0;
	d->target.login_text = "DefaultTime2Wait=0\n";
	log_in(at_once, 1);
	for (int i = 0; i < 2; i++) {
		uint64_t lost_us;

		if (paces[_i].kind == REFUSED)
			fake_target_go_deaf(&d->target);
		if (paces[_i].kind == HOLE)
			fake_target_lose_packets(&d->target);
		d->target.silent = paces[_i].kind == SILENT;
		lost_us = d->clock.now_us;
		lose();
		for (size_t n = 0; n < ARRAY_SIZE(paces[_i].at_ms); n++) {
			uint64_t last_us = session(1)->attempt_us;

			while (n && session(1)->attempt_us == last_us)
				(void)fake_daemon_pass(60000);
			if (!n)
				(void)fake_daemon_pass(0);
			ck_assert_uint_eq(session(1)->attempt_us - lost_us, paces[_i].at_ms[n] * 1000);
		}
		d->target.silent = false;
		fake_target_go_deaf(&d->target);
		fake_target_listen(&d->target);
		fake_daemon_wait(20000);
		ck_assert_int_eq(session_state(session(1)), SESSION_LOGGED_IN);
	}
}
END_TEST

/* Of the quick attempts, those count for reopen_max that are 2 s apart at least. */
START_TEST(reopen_max_counts_an_attempt_in_2_s)
{
	static const struct { const char *reopen_max; uint64_t ends_ms; } rows[] = {
		{ "1", 2050 }, { "2", 4050 },
	};

	d->random = 0;
	d->target.login_text = "DefaultTime2Wait=0\n";
	log_in((const char *[]){ at_once[0], at_once[1], "node.session.reopen_max",
				 rows[_i].reopen_max, NULL }, 1);
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(rows[_i].ends_ms - 1);
	ck_assert_ptr_nonnull(session(1));
	fake_daemon_wait(1);
	ck_assert_ptr_null(session(1));
}
END_TEST

/* reopen_max counts attempts that don't reach the target, in each outage from the beginning. */
START_TEST(each_outage_is_counted_by_itself)
{
	log_in((const char *[]){ "node.session.reopen_max", "1", NULL }, 1);
	for (int i = 0; i < 3; i++) {
		fake_target_go_deaf(&d->target);
		lose();
		while (outage(1).attempts < 1)
			(void)fake_daemon_pass(1000);
		fake_target_listen(&d->target);
		fake_daemon_wait(20000);
		ck_assert_int_eq(session_state(session(1)), SESSION_LOGGED_IN);
	}
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(10000);
	ck_assert_ptr_null(session(1));
}
END_TEST

/* Each session with reopen_max counts its own attempts, so that none waits for another's. */
START_TEST(sessions_with_reopen_max_take_no_turns)
{
	log_in((const char *[]){ "node.session.reopen_max", "1", NULL }, 2);
	fake_target_go_deaf(&d->target);
	lose();
	while (outage(1).attempts < 2) {
		(void)fake_daemon_pass(1000);
		ck_assert_uint_eq(outage(1).attempts, outage(2).attempts);
	}
}
END_TEST

/* Two interfaces have ways of their own to a portal, however long its name is. */
START_TEST(each_interface_has_its_turns)
{
	static char name[251];
	const char *settings[] = { "node.conn[0].address", name, "iface.iscsi_ifacename",
				   "an-interface-0", NULL };

	memset(name, 'x', sizeof(name) - 1);
	fake_daemon_add_name(name, "127.0.0.1");
	(void)fake_client_log_in(&client, settings);
	settings[3] = "an-interface-1";
	(void)fake_client_log_in(&client, settings);
	ck_assert_ptr_ne(session(1)->turn.turns, session(2)->turn.turns);
}
END_TEST

/* What the target does to a login that goes on, and how that is told and counted. */
static const struct { const char *moved_to; bool circle; const char *reason; } detours[] = {
	{ "TargetAddress=unknown.example:3260,1\n", false,
	  "the target has moved, but can't be followed: Name or service not known" },
	{ "", true, "the target has moved, but can't be followed: too many redirections" },
};

START_TEST(a_redirection_that_leads_nowhere_is_a_target_out_of_reach)
{
	log_in((const char *[]){ "node.session.reopen_max", "3", NULL }, 1);
	d->target.status = 0x0101;
	d->target.login_text = detours[_i].circle ? target_address(&d->target) : detours[_i].moved_to;
	capture();
	lose();
	while (outage(1).attempts < 1)
		(void)fake_daemon_pass(1000);
	ck_assert_str_eq(outage(1).reason.text, detours[_i].reason);
	ck_assert_int_eq(outage(1).code, ISCSI_ERR_LOGIN);
	fake_daemon_wait(30000);
	ck_assert_ptr_null(session(1));
	ck_assert_uint_eq(times_said("the target wasn't reached (reopen_max 3); the session ends"), 1);
}
END_TEST

/* Each kind of answer is told, though another kind came before. */
START_TEST(another_answer_is_told)
{
	log_in(NULL, 1);
	capture();
	d->target.status = 0x0301;
	lose();
	fake_daemon_wait(20000);
	d->target.status = 0x0203;
	fake_daemon_wait(20000);
	ck_assert_uint_eq(times_said("service unavailable (03/01); iscsid tries again"), 1);
	ck_assert_uint_eq(times_said("target not found (02/03); iscsid tries again"), 1);
}
END_TEST

static void await_attempts(uint32_t sid, unsigned int n)
{
	while (outage(sid).attempts < n)
		(void)fake_daemon_pass(1000);
	ck_assert_uint_eq(outage(sid).attempts, n);
}

START_TEST(an_outage_counts_all_its_attempts)
{
	log_in(NULL, 1);
	d->target.status = 0x0301;
	lose();
	await_attempts(1, 3);
	fake_target_go_deaf(&d->target);
	await_attempts(1, 4);
	await_attempts(1, 5);
	ck_assert_int_eq(outage(1).code, ISCSI_ERR_TRANS);
	ck_assert_ptr_nonnull(strstr(outage(1).reason.text, "Connection refused"));
}
END_TEST

/* A session that waits for another's attempts has no failure of its own to tell. */
START_TEST(sessions_of_a_portal_tell_what_all_have_tried)
{
	log_in(NULL, 3);
	fake_target_go_deaf(&d->target);
	lose();
	for (uint32_t sid = 1; sid <= 3; sid++) {
		ck_assert_str_eq(outage(sid).reason.text, "target closed the connection (1020)");
		ck_assert_int_eq(outage(sid).code, ISCSI_ERR_TRANS);
	}
	fake_daemon_wait(60000);
	for (uint32_t sid = 1; sid <= 3; sid++) {
		bool tries = session(1)->turn.turns->holder == &session(sid)->turn;

		ck_assert_uint_eq(outage(sid).attempts, tries ? session(sid)->failed_attempts :
				  session(1)->turn.turns->failed);
		ck_assert_ptr_nonnull(strstr(outage(sid).reason.text, "Connection refused"));
		ck_assert_int_eq(outage(sid).next_attempt_ms, outage(1).next_attempt_ms);
		ck_assert_int_gt(outage(sid).next_attempt_ms, 0);
	}
}
END_TEST

static const struct { const char *timeout; int64_t fails_ms; } limits[] = {
	{ "-1", SESSION_OUTAGE_NEVER }, { "0", 0 }, { "1", 0 }, { "10", 1000 },
};

START_TEST(when_requests_fail_is_told)
{
	log_in((const char *[]){ "node.session.timeo.replacement_timeout", limits[_i].timeout, NULL }, 1);
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(9000);
	ck_assert_int_eq(outage(1).down_ms, 9000);
	ck_assert_int_eq(outage(1).fails_ms, limits[_i].fails_ms);
}
END_TEST

/* As multipathd does, another program sets the time in the kernel. */
START_TEST(when_requests_fail_is_asked_of_the_kernel)
{
	log_in((const char *[]){ "node.session.timeo.replacement_timeout", "120", NULL }, 1);
	fake_sysfs_set(d->fs, "class/iscsi_session/session1/recovery_tmo",
		       limits[_i].timeout[0] == '-' ? "off\n" : limits[_i].timeout);
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(9000);
	ck_assert_int_eq(outage(1).fails_ms, limits[_i].fails_ms);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("session_attempt");
	TCase *t = tcase_create("session_attempt");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_first_login_has_its_time, 0, ARRAY_SIZE(budgets));
	tcase_add_loop_test(t, redirections_have_the_time_of_the_login, 0, ARRAY_SIZE(journeys));
	tcase_add_loop_test(t, other_redirections_do_not_end_with_that_time, 0, 2);
	tcase_add_test(t, a_redirection_is_told_once);
	tcase_add_loop_test(t, a_host_without_the_device_or_address, 0, 2);
	tcase_add_test(t, a_device_is_looked_for_until_the_session_is_there);
	tcase_add_test(t, a_login_that_is_joined_is_tried_at_once);
	tcase_add_loop_test(t, a_restless_network_prolongs_no_first_login, 0, 2);
	tcase_add_loop_test(t, the_pace_of_a_recovery, 0, ARRAY_SIZE(paces));
	tcase_add_loop_test(t, reopen_max_counts_an_attempt_in_2_s, 0, 2);
	tcase_add_test(t, each_outage_is_counted_by_itself);
	tcase_add_test(t, sessions_with_reopen_max_take_no_turns);
	tcase_add_test(t, each_interface_has_its_turns);
	tcase_add_loop_test(t, a_redirection_that_leads_nowhere_is_a_target_out_of_reach, 0,
			    ARRAY_SIZE(detours));
	tcase_add_test(t, another_answer_is_told);
	tcase_add_test(t, an_outage_counts_all_its_attempts);
	tcase_add_test(t, sessions_of_a_portal_tell_what_all_have_tried);
	tcase_add_loop_test(t, when_requests_fail_is_told, 0, ARRAY_SIZE(limits));
	tcase_add_loop_test(t, when_requests_fail_is_asked_of_the_kernel, 0, ARRAY_SIZE(limits));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
