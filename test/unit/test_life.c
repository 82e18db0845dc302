/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What befalls sessions in the course of hours, in the whole daemon (test/fake/daemon.h). */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "libiscsi-db/path.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"
#include "test/unit/daemon_fixture.h"

static void until_up(void)
{
	fake_daemon_settle();
	while (!d->kernel.session[1].up)
		(void)fake_daemon_pass(1000);
}

/* The session is up for @seconds, then the target closes the connection. */
static void live_for(unsigned int seconds)
{
	fake_daemon_wait(seconds * 1000);
	fake_target_hang_up(&d->target);
	until_up();
}

static unsigned int times_told(const char *log)
{
	unsigned int n = 0;

	while ((log = strstr(log, "the target has ended the session 3 times within 10 s of its login; "
				  "probably another host uses the initiator name "
				  "iqn.2026-01.net.example:i too"))) {
		n++;
		log++;
	}
	return n;
}

START_TEST(a_session_that_is_thrown_out_again_and_again_says_why_once)
{
	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	capture();
	live_for(1);
	live_for(9);
	ck_assert_uint_eq(times_told(said(1)), 0);
	capture();
	for (int i = 0; i < 20; i++)
		live_for(2);
	ck_assert_uint_eq(times_told(said(1)), 1);
	capture();
	live_for(60);
	live_for(1);
	live_for(1);
	ck_assert_uint_eq(times_told(said(1)), 0);
	capture();
	for (int i = 0; i < 6; i++)
		live_for(10);		/* long enough to be no sign */
	ck_assert_uint_eq(times_told(said(1)), 0);
	fake_client_open(&client);
}
END_TEST

/* The target closes now and then, or a ping without an answer ends every third session. */
START_TEST(a_broken_network_is_no_sign_of_another_host)
{
	if (!_i)
		d->target.login_text = "DefaultTime2Wait=60\n";
	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	capture();
	for (int i = 0; i < 10; i++) {
		live_for(1);
		live_for(1);
		if (_i) {
			fake_daemon_wait(2000);
			fake_kernel_break(&d->kernel, 1);
			fake_kernel_tell_error(&d->kernel, 1, 1022);
			until_up();
		}
	}
	ck_assert_uint_eq(times_told(said(1)), 0);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_target_that_is_away_now_and_then_is_no_sign_of_another_host)
{
	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	capture();
	for (int i = 0; i < 10; i++) {
		fake_daemon_wait(1000);
		fake_target_go_deaf(&d->target);
		fake_target_hang_up(&d->target);
		fake_daemon_wait(10000);
		fake_target_listen(&d->target);
		while (!d->kernel.session[1].up)
			(void)fake_daemon_pass(1000);
	}
	ck_assert_uint_eq(times_told(said(1)), 0);
	fake_client_open(&client);
}
END_TEST

/* A target that is about to restart, say, asks its initiators to leave. */
START_TEST(a_target_that_asks_for_logouts_is_no_sign_of_another_host)
{
	static const uint8_t leave[PDU_BHS_LEN] = { PDU_ASYNC, 0x80, [36] = 1, [43] = 3 };

	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	capture();
	for (unsigned int i = 0; i < 10; i++) {
		fake_daemon_wait(1000);
		fake_target_send(&d->target, leave, NULL, 0);
		fake_daemon_settle();
		ck_assert_uint_eq(d->target.logouts, i + 1);
		until_up();
	}
	ck_assert_uint_eq(times_told(said(1)), 0);
	fake_client_open(&client);
}
END_TEST

static enum iscsi_err want(const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	return fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_WANTED | MGMT_NO_WAIT,
		.record = record });
}

/* How many notes of wanted logins there are. */
static size_t wanted_notes(void)
{
	size_t len;

	free(runstate_list_wanted(d->env.run_dir_fd, &len));
	return len;
}

START_TEST(a_wanted_login_outlives_the_daemon)
{
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want(NULL), ISCSI_SUCCESS);
	ck_assert_int_eq(want((const char *[]){ "iface.iscsi_ifacename", "other", NULL }),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	for (int i = 0; i < 3; i++) {
		fake_daemon_wait(60000);
		ck_assert_uint_eq(wanted_notes(), 2);
		fake_daemon_stop();
		fake_daemon_start();
	}
	fake_target_listen(&d->target);
	fake_daemon_wait(60000);
	ck_assert(d->kernel.session[1].up);
	ck_assert(d->kernel.session[2].up);
	ck_assert_uint_eq(wanted_notes(), 0);
	fake_daemon_stop();		/* what has succeeded isn't begun again */
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert_uint_eq(d->target.logins, 2);
	fake_client_open(&client);
}
END_TEST

/* At boot the network may be up long before the name of a portal is known, or long after. */
START_TEST(a_name_that_is_known_late_is_waited_for)
{
	ck_assert_int_eq(want((const char *[]){ "node.conn[0].address", "late.example", NULL }),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_daemon_wait(600000);
	ck_assert_uint_eq(wanted_notes(), 1);
	fake_daemon_stop();
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert_uint_eq(d->target.logins, 0);
	fake_daemon_add_name("late.example", "127.0.0.1");
	manager_network_changed(d->manager, NULL);
	fake_daemon_wait(1000);
	ck_assert(d->kernel.session[1].up);
	ck_assert_uint_eq(wanted_notes(), 0);
	fake_client_open(&client);
}
END_TEST

/* Without news of the network the pause between two look-ups is bounded. */
START_TEST(a_name_is_looked_up_again_and_again)
{
	ck_assert_int_eq(want((const char *[]){ "node.conn[0].address", "late.example", NULL }),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_daemon_wait(3600000);
	fake_daemon_add_name("late.example", "127.0.0.1");
	fake_daemon_wait(61000);
	ck_assert(d->kernel.session[1].up);
	fake_client_open(&client);
}
END_TEST

static const char *moving_address;

static int resolve_moving(const char *host, int port, struct sockaddr_storage *ret)
{
	(void)host;
	return lookup_numeric(moving_address, port, ret) ? 0 : -1;
}

/* The portal gets another address while its login is tried. */
START_TEST(a_login_follows_the_name_of_its_portal)
{
	moving_address = "127.0.0.9";
	d->resolver.resolve = resolve_moving;
	ck_assert_int_eq(want((const char *[]){ "node.conn[0].address", "moving.example", NULL }),
			 ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_daemon_wait(60000);
	ck_assert_uint_eq(d->target.accepted, 0);
	moving_address = "127.0.0.1";
	fake_daemon_wait(61000);
	ck_assert(d->kernel.session[1].up);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_login_that_is_called_off_stays_so)
{
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want(NULL), ISCSI_SUCCESS);
	ck_assert_uint_eq(wanted_notes(), 1);
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_CALL_OFF, .tag = 4, .sid = 1 }), ISCSI_SUCCESS);
	ck_assert_uint_eq(wanted_notes(), 0);
}
END_TEST

/* A daemon that is killed between a login and its last note leaves the note of the wanted login. */
START_TEST(a_session_that_is_there_is_wanted_no_more)
{
	struct iscsi_db_record *rec;
	struct runstate note;

	(void)fake_client_log_in(&client, NULL);
	fake_client_close(&client);
	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, 1, &note), 0);
	rec = note.rec;
	ck_assert_int_eq(runstate_save_wanted(d->env.run_dir_fd, 7, rec), 0);
	iscsi_db_record_free(rec);
	fake_daemon_stop();
	capture();
	fake_daemon_start();
	fake_daemon_wait(60000);
	ck_assert_ptr_null(strstr(said(1), "can't go on"));
	ck_assert_uint_eq(wanted_notes(), 0);
	ck_assert_uint_eq(d->target.logins, 1);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_wanted_login_that_cannot_go_on_is_told)
{
	CLEANUP(freep) char *text = fake_node_text((const char *[]){
		"node.session.auth.password", "secret-secret", NULL });
	struct iscsi_db_record *rec;

	ck_assert(!iscsi_db_record_parse(ISCSI_DB_NODE, text, strlen(text), "test", NULL, NULL, &rec, NULL));
	ck_assert_int_eq(runstate_save_wanted(d->env.run_dir_fd, 7, rec), 0);
	iscsi_db_record_free(rec);
	fake_client_close(&client);
	fake_daemon_stop();
	capture();
	fake_daemon_start();
	ck_assert_ptr_nonnull(strstr(said(1), "a login that is wanted can't go on: "
				     "node.session.auth.password is set"));
	ck_assert_uint_eq(wanted_notes(), 0);
	fake_client_open(&client);
	/* No number is given twice. */
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want(NULL), ISCSI_SUCCESS);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_ATTEMPTS, .tag = 6 });
	UNTIL(fake_client_poll(&client));
	ck_assert_uint_eq(client.reply.sid, 8);
	UNTIL(fake_client_poll(&client));
}
END_TEST

START_TEST(two_names_of_one_portal_make_one_session)
{
	CLEANUP(freep) char *by_name = fake_node_text((const char *[]){
		"node.conn[0].address", "portal.example", NULL });
	CLEANUP(freep) char *by_address = fake_node_text(NULL);
	const char *const records[] = { by_name, by_address };
	enum iscsi_err results[2];

	fake_daemon_add_name("portal.example", "127.0.0.1");
	for (uint32_t i = 0; i < 2; i++)
		fake_client_send(&client, &(struct mgmt_request){
			.type = MGMT_LOGIN, .tag = i, .record = records[i] });
	for (int i = 0; i < 2; i++) {
		UNTIL(fake_client_poll(&client));
		ck_assert_int_eq(client.reply.type, MGMT_RESULT);
		results[client.reply.tag] = client.reply.err;
	}
	ck_assert_int_eq(results[0], ISCSI_ERR_SESS_EXISTS);
	ck_assert_int_eq(results[1], ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.accepted, 1);
	/* The same in a daemon that has taken the session over. */
	fake_daemon_stop();
	fake_client_close(&client);
	fake_daemon_start();
	fake_client_open(&client);
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .record = by_name }), ISCSI_ERR_SESS_EXISTS);
	ck_assert_ptr_nonnull(strstr(client.reply.why, " is the same portal as 127.0.0.1,"));
}
END_TEST

/* A record that wants several sessions gets them through whatever name. */
START_TEST(two_names_of_one_portal_make_two_sessions_if_wanted)
{
	static const char *const addresses[] = { "127.0.0.1", "portal.example", "portal.example" };

	fake_daemon_add_name("portal.example", "127.0.0.1");
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		CLEANUP(freep) char *record = fake_node_text((const char *[]){
			"node.conn[0].address", addresses[i], "node.session.nr_sessions", "2", NULL });

		ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
			.type = MGMT_LOGIN, .tag = 3, .record = record }),
			i < 2 ? ISCSI_SUCCESS : ISCSI_ERR_SESS_EXISTS);
	}
	ck_assert_ptr_nonnull(strstr(client.reply.why, " is the same portal as 127.0.0.1,"));
}
END_TEST

/* What makes another session than that of FAKE_TARGET_NAME at 127.0.0.1, which is there. */
static const struct { const char *name, *iface, *address; bool other_port; } differences[] = {
	{ FAKE_TARGET_NAME "2", "default", "127.0.0.1", false },
	{ FAKE_TARGET_NAME, "other", "127.0.0.1", false },
	{ FAKE_TARGET_NAME, "default", "127.0.0.1", true },
	{ FAKE_TARGET_NAME "2", "default", "portal.example", false },
	{ FAKE_TARGET_NAME, "other", "portal.example", false },
	{ FAKE_TARGET_NAME, "default", "portal.example", true },
};

START_TEST(another_target_interface_or_port_is_another_session)
{
	struct fake_target elsewhere;
	char port[8];
	const char *const settings[] = {
		"node.name", differences[_i].name, "node.conn[0].port", port,
		"iface.iscsi_ifacename", differences[_i].iface,
		"node.conn[0].address", differences[_i].address, NULL };

	fake_daemon_add_name("portal.example", "127.0.0.1");
	fake_target_open(&elsewhere, d->loop);
	(void)snprintf(port, sizeof(port), "%u",
		       differences[_i].other_port ? elsewhere.port : d->target.port);
	(void)fake_client_log_in(&client, NULL);
	ck_assert_uint_eq(fake_client_log_in(&client, settings), 2);
	fake_daemon_stop();
	fake_target_close(&elsewhere);
	fake_daemon_start();
}
END_TEST

/* A session that the kernel is still removing doesn't keep its record from a login. */
START_TEST(a_session_at_its_end_is_not_counted)
{
	fake_daemon_add_name("portal.example", "127.0.0.1");
	(void)fake_client_log_in(&client, NULL);
	d->kernel.keeps_sessions = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .tag = 9, .sid = 1 });
	fake_daemon_settle();
	ck_assert_uint_eq(d->target.logouts, 1);
	ck_assert(!fake_client_poll(&client));
	d->kernel.keeps_sessions = false;
	ck_assert_uint_eq(fake_client_log_in(&client, _i ? (const char *[]){
		"node.conn[0].address", "portal.example", NULL } : NULL), 2);
}
END_TEST

START_TEST(sessions_that_are_there_are_counted)
{
	static const char *const two[] = { "node.session.nr_sessions", "2", NULL };
	CLEANUP(freep) char *record = fake_node_text(two);
	char alias[64 + sizeof("InitiatorAlias=\n")], host[64] = "";

	for (int i = 0; i < 2; i++)
		(void)fake_client_log_in(&client, two);
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .record = record }), ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(client.reply.why, "2 sessions requested, but 2 already present");
	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	(void)snprintf(alias, sizeof(alias), "InitiatorAlias=%s\n", host);
	ck_assert_ptr_nonnull(strstr(d->target.last_login, alias));
}
END_TEST

/* A login under way is listed with what is known of it. */
START_TEST(a_login_under_way_is_listed)
{
	char why[128];

	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(want((const char *[]){ "iface.iscsi_ifacename", "i1", NULL }), ISCSI_SUCCESS);
	fake_daemon_wait(5000);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_ATTEMPTS, .tag = 6 });
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.type, MGMT_ATTEMPT);
	ck_assert_uint_eq(client.reply.tag, 6);
	ck_assert_uint_eq(client.reply.sid, 1);
	ck_assert_str_eq(client.reply.name, FAKE_TARGET_NAME);
	ck_assert_str_eq(client.reply.address, "127.0.0.1");
	ck_assert_int_eq(client.reply.port, d->target.port);
	ck_assert_str_eq(client.reply.iface, "i1");
	ck_assert(client.reply.wanted);
	ck_assert_uint_eq(client.reply.since_s, 5);
	ck_assert_uint_ge(client.reply.failed, 2);
	(void)snprintf(why, sizeof(why), "cannot make a connection to 127.0.0.1:%u: Connection refused",
		       d->target.port);
	ck_assert_str_eq(client.reply.why, why);
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
}
END_TEST

/* ---- repeated discoveries ------------------------------------------------------------------ */

static void poll_portal_if(const char *use, bool isns, const char *interval)
{
	CLEANUP(freep) char *text = fake_discovery_text(isns, (const char *[]){
		isns ? "discovery.isns.use_discoveryd" : "discovery.sendtargets.use_discoveryd", use,
		isns ? "discovery.isns.discoveryd_poll_inval" :
		       "discovery.sendtargets.discoveryd_poll_inval", interval, NULL });
	CLEANUP(freep) char *folder = db_format("%s/db/%s/127.0.0.1,%u", d->dir,
						isns ? "isns" : "send_targets", d->target.port);
	CLEANUP(freep) char *path = db_format("%s/%s", folder, isns ? "isns_config" : "st_config");
	CLEANUP(freep) char *make = db_format("mkdir -p %s", folder);
	FILE *f;

	ck_assert_int_eq(system(make), 0);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	discoveryd_reload(d->discoveryd);
}

static void poll_portal(bool isns, const char *interval)
{
	poll_portal_if("Yes", isns, interval);
}

static unsigned int times_said(const char *text)
{
	const char *at = said(1);
	unsigned int n = 0;

	while ((at = strstr(at, text))) {
		n++;
		at++;
	}
	return n;
}

static const char *one_target(void)
{
	static char text[128];

	(void)snprintf(text, sizeof(text), "TargetName=" FAKE_TARGET_NAME "\n"
		       "TargetAddress=127.0.0.1:%u,1\n", d->target.port);
	return text;
}

START_TEST(a_new_target_is_logged_in_to_and_out_of_when_it_vanishes)
{
	fake_client_close(&client);
	poll_portal(false, "60");
	fake_daemon_wait(59000);
	ck_assert_uint_eq(d->target.texts, 1);
	ck_assert_str_eq(d->kernel.log, "");
	d->target.targets = one_target();
	fake_daemon_wait(61000);
	ck_assert(d->kernel.session[1].up);
	fake_daemon_wait(180000);
	ck_assert(!d->kernel.session[2].exists);
	fake_daemon_stop();		/* the next daemon knows whose session this is */
	ck_assert(d->kernel.session[1].up);
	fake_daemon_start();
	d->target.targets = "";
	fake_daemon_wait(61000);
	ck_assert(!d->kernel.session[1].exists);
	d->target.targets = one_target();
	fake_daemon_wait(61000);
	ck_assert(d->kernel.session[2].up);
	fake_client_open(&client);
}
END_TEST

/* The client hears before the result what its user should know. */
START_TEST(a_password_that_is_not_asked_for_is_said)
{
	CLEANUP(freep) char *record = fake_node_text((const char *[]){
		"node.session.auth.authmethod", "CHAP", "node.session.auth.username", "u",
		"node.session.auth.password", "secret-secret", NULL });

	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 7, .record = record });
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.type, MGMT_WARNING);
	ck_assert_uint_eq(client.reply.tag, 7);
	ck_assert_ptr_nonnull(strstr(client.reply.why, FAKE_TARGET_NAME " 127.0.0.1,"));
	ck_assert_ptr_nonnull(strstr(client.reply.why,
				     ": a password is set, but the target asked for none"));
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	/* Of a login that nobody waits for, the log alone says it. */
	capture();
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 8, .flags = MGMT_NO_WAIT | MGMT_ANOTHER, .record = record }), 0);
	UNTIL(d->kernel.session[2].up);
	fake_daemon_settle();
	ck_assert_uint_eq(times_said(": a password is set, but the target asked for none\n"), 1);
}
END_TEST

START_TEST(a_portal_that_does_not_answer_changes_nothing)
{
	fake_client_close(&client);
	d->target.targets = one_target();
	poll_portal(false, "-1");
	fake_daemon_wait(5000);
	ck_assert(d->kernel.session[1].up);
	fake_target_go_deaf(&d->target);
	capture();
	fake_daemon_wait(300000);
	ck_assert_uint_eq(times_said("; iscsid asks again\n"), 1);
	ck_assert_ptr_nonnull(strstr(said(1), "discovery 127.0.0.1,"));
	ck_assert(d->kernel.session[1].up);
	fake_target_listen(&d->target);
	fake_daemon_wait(31000);
	fake_target_go_deaf(&d->target);
	capture();
	fake_daemon_wait(60000);		/* the next outage is told anew */
	ck_assert_uint_eq(times_said("; iscsid asks again\n"), 1);
	fake_target_listen(&d->target);
	d->target.targets = "";
	fake_daemon_wait(31000);
	ck_assert(!d->kernel.session[1].exists);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_record_that_does_not_ask_for_it_is_not_polled)
{
	fake_client_close(&client);
	d->target.isns = _i;
	poll_portal_if("No", _i, "60");
	fake_daemon_wait(10000);
	ck_assert_uint_eq(d->target.accepted, 0);
	poll_portal(_i, "60");
	fake_daemon_wait(10000);
	ck_assert_uint_eq(d->target.accepted, 1);
	poll_portal_if("No", _i, "60");
	fake_daemon_wait(120000);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_client_open(&client);
}
END_TEST

/* The next round is the next attempt, whatever the record says of attempts. */
START_TEST(a_round_is_one_attempt)
{
	fake_client_close(&client);
	d->target.hangs_up = true;
	poll_portal(false, "60");
	fake_daemon_wait(59000);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_daemon_wait(2000);
	ck_assert_uint_eq(d->target.accepted, 2);
	fake_client_open(&client);
}
END_TEST

/* A login of an earlier round goes on at its own pace, and ends when its target is reported no more. */
START_TEST(a_login_of_a_round_goes_on_at_its_pace)
{
	struct fake_target portal;
	unsigned int logins;
	char text[128];

	fake_client_close(&client);
	fake_target_open(&portal, d->loop);
	portal.status = 0x0203;
	(void)snprintf(text, sizeof(text), "TargetName=" FAKE_TARGET_NAME "\n"
		       "TargetAddress=127.0.0.1:%u,1\n", portal.port);
	d->target.targets = text;
	capture();
	poll_portal(false, "1");
	fake_daemon_wait(120000);
	ck_assert_uint_ge(d->target.texts, 100);
	ck_assert_uint_ge(portal.logins, 3);
	ck_assert_uint_le(portal.logins, 20);
	ck_assert_uint_eq(wanted_notes(), 1);
	ck_assert_uint_eq(times_said("not logged in to"), 0);
	d->target.targets = "";
	capture();
	fake_daemon_wait(2000);
	ck_assert_uint_eq(times_said(" reports the target no more\n"), 1);
	ck_assert_uint_eq(wanted_notes(), 0);
	logins = portal.logins;
	fake_daemon_wait(120000);
	ck_assert_uint_eq(portal.logins, logins);
	fake_target_close(&portal);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_target_that_cannot_be_logged_in_to_is_told)
{
	char text[192];

	fake_client_close(&client);
	fake_daemon_write("iscsid.conf", "node.session.auth.password = secret-secret\n");
	d->target.targets = one_target();
	capture();
	poll_portal(false, "60");
	fake_daemon_wait(1000);
	(void)snprintf(text, sizeof(text), FAKE_TARGET_NAME " 127.0.0.1,%u: not logged in to: "
		       "node.session.auth.password is set, but", d->target.port);
	ck_assert_uint_eq(times_said(text), 1);
	ck_assert_str_eq(d->kernel.log, "");
	capture();
	fake_daemon_wait(180000);	/* not in each round */
	ck_assert_uint_eq(times_said(text), 0);
	fake_client_open(&client);
}
END_TEST

START_TEST(what_is_wrong_with_an_answer_is_said_once)
{
	static const char wrong[] = "TargetName=" FAKE_TARGET_NAME "\n"
				    "TargetAddress=169.254.0.1:3260,1\n";

	fake_client_close(&client);
	d->target.targets = wrong;
	capture();
	poll_portal(false, "60");
	fake_daemon_wait(190000);
	ck_assert_uint_eq(d->target.texts, 4);
	ck_assert_uint_eq(times_said(": skipping an address of " FAKE_TARGET_NAME), 1);
	ck_assert_ptr_nonnull(strstr(said(1), "iscsid: discovery 127.0.0.1,"));
	d->target.targets = "";
	fake_daemon_wait(60000);
	d->target.targets = wrong;
	capture();
	fake_daemon_wait(120000);	/* it was right meanwhile, so it is said anew */
	ck_assert_uint_eq(times_said(": skipping an address of " FAKE_TARGET_NAME), 1);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_session_that_is_there_is_not_warned_about)
{
	fake_client_close(&client);
	fake_daemon_write("iscsid.conf", "node.session.auth.authmethod = CHAP\n"
			  "node.session.auth.username = u\nnode.session.auth.password = short\n");
	d->target.targets = one_target();
	capture();
	poll_portal(false, "60");
	fake_daemon_wait(190000);
	ck_assert_uint_eq(d->target.texts, 4);
	ck_assert(d->kernel.session[1].up);
	ck_assert_uint_eq(times_said(" 127.0.0.1: node.session.auth.password is short"), 1);
	fake_client_open(&client);
}
END_TEST

/* Only sessions that this discovery has found are its own to end. */
static const struct {
	bool ends;
	const char *settings[7];
} found_by[] = {
	{ true, { NULL } },
	{ false, { "node.discovery_type", "static", NULL } },
	{ false, { "node.discovery_type", "isns", NULL } },
	{ false, { "node.discovery_address", "127.0.0.2", NULL } },
	{ false, { "node.discovery_port", "3259", NULL } },
	{ false, { "iface.iscsi_ifacename", "other", NULL } },
};

START_TEST(sessions_of_others_are_not_ended)
{
	char port[8];
	const char *settings[16] = {
		"node.discovery_type", "send_targets", "node.discovery_address", "127.0.0.1",
		"node.discovery_port", port, NULL,
	};

	(void)snprintf(port, sizeof(port), "%u", d->target.port);
	for (size_t i = 0; found_by[_i].settings[i]; i++)
		settings[6 + i] = found_by[_i].settings[i];
	(void)fake_client_log_in(&client, settings);
	fake_client_close(&client);
	poll_portal(false, "60");
	fake_daemon_wait(5000);
	ck_assert_int_eq(d->kernel.session[1].exists, !found_by[_i].ends);
	fake_client_open(&client);
}
END_TEST

/* Interfaces of the database ask instead of the built-in one, each with its own name. */
START_TEST(a_discovery_goes_through_the_interfaces)
{
	CLEANUP(freep) char *folder = db_format("%s/db/ifaces", d->dir);
	CLEANUP(freep) char *path = db_format("%s/own", folder);
	CLEANUP(freep) char *make = db_format("mkdir -p %s", folder);
	FILE *f;

	fake_client_close(&client);
	ck_assert_int_eq(system(make), 0);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f, "iface.iscsi_ifacename = own\niface.transport_name = %s\n"
				 "iface.initiatorname = iqn.2026-01.net.example:own\n",
				 _i ? "iser" : "tcp"), 0);
	ck_assert_int_eq(fclose(f), 0);
	d->target.targets = one_target();
	poll_portal(false, "60");
	fake_daemon_wait(5000);
	ck_assert_uint_eq(d->target.texts, 1);
	ck_assert(d->kernel.session[1].up);
	ck_assert(!d->kernel.session[2].exists);
	ck_assert_int_eq(strstr(d->target.last_login, ":own\n") != NULL, !_i);
	/* The session is its own in the next round too. */
	d->target.targets = "";
	fake_daemon_wait(60000);
	ck_assert(!d->kernel.session[1].exists);
	fake_client_open(&client);
}
END_TEST

START_TEST(an_interval_of_0_asks_once)
{
	fake_client_close(&client);
	d->target.targets = one_target();
	poll_portal(false, "0");
	fake_daemon_wait(600000);
	ck_assert_uint_eq(d->target.texts, 1);
	ck_assert(d->kernel.session[1].up);
	fake_target_go_deaf(&d->target);
	capture();
	poll_portal(false, "0");
	fake_daemon_wait(600000);
	ck_assert_ptr_nonnull(strstr(said(1), "; iscsid asks only once, as discoveryd_poll_inval "
					      "says\n"));
	ck_assert_uint_eq(times_said("asks again"), 0);
	fake_target_listen(&d->target);
	fake_client_open(&client);
}
END_TEST

static const struct { const char *interval; unsigned int rounds; } isns_rounds[] = {
	{ "-1", 10 }, { "100", 3 }, { "0", 1 },
};

START_TEST(an_isns_server_is_asked_at_its_interval)
{
	fake_client_close(&client);
	d->target.isns = true;
	poll_portal(true, isns_rounds[_i].interval);
	fake_daemon_wait(299000);
	ck_assert_str_eq(d->target.isns_asked, "q");
	ck_assert_uint_eq(d->target.accepted, isns_rounds[_i].rounds);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_disk_in_use_keeps_its_session)
{
	int fd;

	fake_client_close(&client);
	d->target.targets = one_target();
	poll_portal(false, "60");
	fake_daemon_wait(5000);
	ck_assert(d->kernel.session[1].up);
	fake_sysfs_add_lun(d->fs, 1, 0, 0, "sda", "running");
	fake_sysfs_set(d->fs, "class/block/sda/dev", "8:0\n");
	(void)mkdirat(d->env.run_dir_fd, "self", 0755);
	fd = openat(d->env.run_dir_fd, "self/mountinfo", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "30 1 8:0 / /mnt rw - ext4 /dev/none rw\n"), 0);
	closep(&fd);
	d->target.targets = "";
	capture();
	fake_daemon_wait(241000);
	ck_assert(d->kernel.session[1].up);
	ck_assert_uint_eq(times_said(" reports the target no more\n"), 1);
	ck_assert_uint_eq(times_said("session 1: not logged out of: sda is mounted on /mnt\n"), 1);
	fake_client_open(&client);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("life");
	TCase *t = tcase_create("life");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_session_that_is_thrown_out_again_and_again_says_why_once);
	tcase_add_loop_test(t, a_broken_network_is_no_sign_of_another_host, 0, 2);
	tcase_add_test(t, a_target_that_is_away_now_and_then_is_no_sign_of_another_host);
	tcase_add_test(t, a_wanted_login_outlives_the_daemon);
	tcase_add_test(t, a_name_that_is_known_late_is_waited_for);
	tcase_add_test(t, a_name_is_looked_up_again_and_again);
	tcase_add_test(t, a_login_follows_the_name_of_its_portal);
	tcase_add_test(t, a_login_that_is_called_off_stays_so);
	tcase_add_test(t, a_session_that_is_there_is_wanted_no_more);
	tcase_add_test(t, a_wanted_login_that_cannot_go_on_is_told);
	tcase_add_test(t, two_names_of_one_portal_make_one_session);
	tcase_add_test(t, two_names_of_one_portal_make_two_sessions_if_wanted);
	tcase_add_loop_test(t, another_target_interface_or_port_is_another_session, 0,
			    ARRAY_SIZE(differences));
	tcase_add_loop_test(t, a_session_at_its_end_is_not_counted, 0, 2);
	tcase_add_test(t, a_target_that_asks_for_logouts_is_no_sign_of_another_host);
	tcase_add_test(t, sessions_that_are_there_are_counted);
	tcase_add_test(t, a_login_under_way_is_listed);
	tcase_add_test(t, a_new_target_is_logged_in_to_and_out_of_when_it_vanishes);
	tcase_add_test(t, a_password_that_is_not_asked_for_is_said);
	tcase_add_test(t, a_portal_that_does_not_answer_changes_nothing);
	tcase_add_loop_test(t, a_record_that_does_not_ask_for_it_is_not_polled, 0, 2);
	tcase_add_test(t, a_round_is_one_attempt);
	tcase_add_test(t, a_login_of_a_round_goes_on_at_its_pace);
	tcase_add_test(t, a_target_that_cannot_be_logged_in_to_is_told);
	tcase_add_test(t, what_is_wrong_with_an_answer_is_said_once);
	tcase_add_test(t, a_session_that_is_there_is_not_warned_about);
	tcase_add_loop_test(t, sessions_of_others_are_not_ended, 0, ARRAY_SIZE(found_by));
	tcase_add_loop_test(t, a_discovery_goes_through_the_interfaces, 0, 2);
	tcase_add_test(t, an_interval_of_0_asks_once);
	tcase_add_loop_test(t, an_isns_server_is_asked_at_its_interval, 0, ARRAY_SIZE(isns_rounds));
	tcase_add_test(t, a_disk_in_use_keeps_its_session);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
