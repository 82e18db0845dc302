/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that starts finds sessions in the kernel (test/fake/daemon.h): those of the daemon
 * before it, and those that another program has made. Healthy ones are left alone, the rest is
 * recovered, ended or not touched at all.
 */
#include <check.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"
#include "test/unit/daemon_fixture.h"

static void stop(void)
{
	fake_client_close(&client);
	fake_daemon_stop();
	d->kernel.log[0] = '\0';
}

static void start(void)
{
	fake_daemon_start();
	fake_client_open(&client);
}

static void set_session(uint32_t sid, const char *attribute, const char *value)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u/%s", sid, attribute);
	fake_sysfs_set(d->fs, path, value);
}

static void set_conn(uint32_t sid, const char *attribute, const char *value)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "class/iscsi_connection/connection%u:0/%s", sid,
		       attribute);
	fake_sysfs_set(d->fs, path, value);
}

static enum iscsi_err ask(enum mgmt_type type, uint32_t sid)
{
	return fake_client_ask(&client, &(struct mgmt_request){ .type = type, .tag = 5, .sid = sid });
}

static void await_state(uint32_t sid, enum mgmt_conn_state state)
{
	uint64_t us = 0;

	while (fake_client_state(&client, sid) != state) {
		ck_assert_uint_lt(us, 120000000);
		us += fake_daemon_pass(10000);
	}
}

/* The daemon stops; no note speaks of the session that it had. */
static void stop_without_note(void)
{
	stop();
	ck_assert_int_eq(d->env.run_dir_fd, -1);
	ck_assert_int_eq(chdir(d->dir), 0);
	ck_assert_int_eq(unlink("session-1"), 0);
}

/* A session that another program made: the fake kernel has it. */
static uint32_t foreign_session(void)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	stop_without_note();
	return sid;
}

START_TEST(a_healthy_session_is_left_alone)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	stop();
	start();
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	fake_daemon_wait(20000);
	ck_assert_str_eq(d->kernel.log, "");
	ck_assert_uint_eq(d->target.accepted, 1);
	/* It is a session like any other. */
	ck_assert_int_eq(ask(MGMT_RESCAN, sid), ISCSI_SUCCESS);
	ck_assert_int_eq(ask(MGMT_LOGOUT, sid), ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.logouts, 1);
	ck_assert_str_eq(d->kernel.log, "unbind 1, pdu 46, stop 1, destroy 1");
}
END_TEST

START_TEST(a_session_counts_for_its_record)
{
	CLEANUP(freep) char *record = fake_node_text(NULL);

	(void)fake_client_log_in(&client, NULL);
	stop();
	start();
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .record = record }), ISCSI_ERR_SESS_EXISTS);
}
END_TEST

START_TEST(a_session_that_broke_meanwhile_is_reopened)
{
	static const struct { const char *keys; uint64_t wait_us; } rows[] = {
		{ "TargetPortalGroupTag=1\n", 2000000 }, { "DefaultTime2Wait=0\n", 1000 },
		{ "DefaultTime2Wait=3\n", 3000000 },
	};
	uint8_t isid[6];
	uint32_t sid;

	d->target.login_text = rows[_i].keys;
	sid = fake_client_log_in(&client, (const char *[]){
		"node.session.iscsi.DefaultTime2Wait", "0", NULL });
	memcpy(isid, d->kernel.session[sid].last_bhs + 8, sizeof(isid));
	stop();
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	set_conn(sid, "state", "failed\n");
	set_session(sid, "state", "FAILED\n");
	fake_daemon_start();
	ck_assert_uint_eq(fake_clock_next_us(&d->clock), rows[_i].wait_us);	/* by its note */
	fake_client_open(&client);
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_str_eq(d->kernel.log, "stop 1, bind 1, start 1");
	ck_assert_mem_eq(isid, d->kernel.session[sid].last_bhs + 8, sizeof(isid));
}
END_TEST

START_TEST(a_loss_after_the_start_is_followed_by_time2wait)
{
	d->target.login_text = "DefaultTime2Wait=7\n";
	(void)fake_client_log_in(&client, NULL);
	stop();
	fake_daemon_start();
	fake_daemon_wait(20000);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	ck_assert_uint_eq(fake_clock_next_us(&d->clock), 7000000);
}
END_TEST

/* Another program has removed the session while the daemon read the list of all. */
START_TEST(a_session_that_vanishes_is_not_told_of)
{
	(void)fake_client_log_in(&client, NULL);
	stop();
	fake_sysfs_set(d->fs, "class/iscsi_session/session9/unknown", "1\n");
	capture();
	start();
	ck_assert_ptr_null(strstr(said(1), "session 9"));
	ck_assert_int_eq(fake_client_state(&client, 1), MGMT_CONN_LOGGED_IN);
}
END_TEST

/* As in a note of an older daemon. */
static void forget_address_in_note(uint32_t sid)
{
	struct runstate note;

	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, sid, &note), 0);
	ck_assert_str_eq(note.portal, "127.0.0.1");
	*note.portal = '\0';
	ck_assert_int_eq(runstate_save(d->env.run_dir_fd, sid, &note), 0);
	iscsi_db_record_free(note.rec);
}

START_TEST(a_name_is_looked_up_again)
{
	uint32_t sid;

	fake_daemon_add_name("storage.example", "127.0.0.1");
	sid = fake_client_log_in(&client, (const char *[]){
		"node.conn[0].address", "storage.example", NULL });
	forget_address_in_note(sid);
	stop();
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	set_conn(sid, "state", "failed\n");
	set_conn(sid, "address", "\n");		/* the kernel has forgotten its peer */
	start();
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[sid].starts, 2);
}
END_TEST

/* The kernel shows the portal that the target was moved to, which may be gone when it is needed. */
START_TEST(a_name_leads_to_its_portal_after_a_redirection)
{
	struct fake_target elsewhere;
	char text[64], number[16];
	uint32_t sid;

	fake_daemon_add_name("storage.example", "127.0.0.1");
	fake_target_open(&elsewhere, d->loop);
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u,1\n", elsewhere.port);
	d->target.status = 0x0101;
	d->target.login_text = text;
	sid = fake_client_log_in(&client, (const char *[]){
		"node.conn[0].address", "storage.example", NULL });
	ck_assert_uint_eq(elsewhere.logins, 1);
	stop();
	(void)snprintf(number, sizeof(number), "%u\n", elsewhere.port);
	set_conn(sid, "address", "127.0.0.1\n");
	set_conn(sid, "port", number);
	start();
	fake_target_close(&elsewhere);
	d->target.status = 0;
	d->target.login_text = NULL;
	fake_daemon_settle();
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->target.logins, 2);
}
END_TEST

static int resolve_nothing(const char *host, int port, struct sockaddr_storage *ret)
{
	(void)host;
	(void)port;
	(void)ret;
	return EAI_NONAME;
}

/* That this host doesn't know a name says nothing about the target, so it doesn't count as out of reach. */
START_TEST(a_name_that_is_unknown_for_a_while_ends_no_session)
{
	int (*resolve)(const char *host, int port, struct sockaddr_storage *ret);
	struct session_outage outage;
	uint32_t sid;

	fake_daemon_add_name("storage.example", "127.0.0.1");
	sid = fake_client_log_in(&client, (const char *[]){
		"node.conn[0].address", "storage.example", "node.session.reopen_max", "1", NULL });
	forget_address_in_note(sid);
	stop();
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	set_conn(sid, "state", "failed\n");
	set_conn(sid, "address", "\n");
	fake_daemon_start();
	resolve = d->resolver.resolve;
	d->resolver.resolve = resolve_nothing;
	fake_daemon_wait(60000);
	ck_assert(session_text_parse_outage(session_shown(manager_find(d->manager, sid)), &outage));
	ck_assert_int_eq(outage.code, ISCSI_ERR_TRANS);
	ck_assert_str_eq(outage.reason.text,
			 "cannot resolve host name storage.example: Name or service not known");
	d->resolver.resolve = resolve;
	fake_client_open(&client);
	await_state(sid, MGMT_CONN_LOGGED_IN);
}
END_TEST

/* Where a logout stood when the daemon ended: sysfs says it, and it goes on from there. */
static const struct {
	const char *target_state;
	bool up;
	const char *log;
} halves[] = {
	{ "UNBINDING\n", true, "unbind 1, pdu 46, stop 1, destroy 1" },
	{ "UNBOUND\n", true, "pdu 46, stop 1, destroy 1" },
	{ "UNBINDING\n", false, "stop 1, destroy 1" },
	{ "UNBOUND\n", false, "stop 1, destroy 1" },
};

START_TEST(half_a_logout_is_finished)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	stop();
	set_session(sid, "target_state", halves[_i].target_state);
	if (!halves[_i].up) {
		fake_target_hang_up(&d->target);
		fake_daemon_settle();
		set_conn(sid, "state", "failed\n");
	}
	d->kernel.keeps_luns = true;
	start();
	if (_i == 0)		/* the kernel tells the end of the first unbind, not of the second */
		manager_kernel_events.unbound(d->manager, sid);
	UNTIL(!d->kernel.session[sid].exists);
	ck_assert_str_eq(d->kernel.log, halves[_i].log);
	fake_daemon_settle();
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, sid), ISCSI_ERR_SESS_NOT_FOUND);
}
END_TEST

START_TEST(a_login_that_was_never_finished_is_removed)
{
	CLEANUP(freep) char *record = fake_node_text(NULL);

	d->target.silent = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGIN, .record = record });
	UNTIL(d->kernel.session[1].bound);
	stop();
	fake_sysfs_add_session(d->fs, 1, 0, FAKE_TARGET_NAME, "127.0.0.1", d->target.port);
	d->kernel.session[1].shown = true;
	set_session(1, "target_state", "ALLOCATED\n");
	set_session(1, "state", "FREE\n");
	set_conn(1, "state", "down\n");
	start();
	ck_assert(!d->kernel.session[1].exists);
	ck_assert_str_eq(d->kernel.log, "destroy 1");
}
END_TEST

static const struct { const char *path, *text; } others[] = {
	{ "class/iscsi_session/session1/creator", "-1\n" },	/* made by the kernel, at boot */
	{ "class/scsi_host/host0/proc_name", "qedi\n" },	/* of an offload card */
};

START_TEST(sessions_of_others_are_not_touched)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	stop();
	fake_sysfs_set(d->fs, others[_i].path, others[_i].text);
	set_conn(sid, "state", "failed\n");
	start();
	fake_daemon_wait(20000);
	ck_assert_str_eq(d->kernel.log, "");
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, sid), ISCSI_ERR_SESS_NOT_FOUND);
	fake_sysfs_set(d->fs, "class/scsi_host/host0/proc_name", "iscsi_tcp\n");
}
END_TEST

/* Without a note, sysfs alone tells who it is and with which time-outs. */
START_TEST(a_session_of_another_program)
{
	uint32_t sid = foreign_session();

	set_session(sid, "initiatorname", "iqn.2026-01.net.example:other-name\n");
	set_session(sid, "recovery_tmo", "77\n");
	start();
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	ck_assert_str_eq(d->kernel.log, "");
	/* From now on there is a note. */
	ck_assert_int_eq(faccessat(d->env.run_dir_fd, "session-1", F_OK, 0), 0);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_str_eq(d->kernel.log, "stop 1, bind 1, start 1");
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:other-name\n"));
	/* ISID by the other program's scheme: OUI 00023d and the sid. */
	ck_assert_mem_eq(d->kernel.session[sid].last_bhs + 8, "\x00\x02\x3d\x00\x00\x01", 6);
}
END_TEST

/* What the kernel shows of a session, and the setting that its note then has. */
static const struct { bool conn; const char *attribute, *shown, *key, *value, *if_missing; } shown[] = {
	{ false, "tpgt", "7\n", "node.tpgt", "7", "-1" },
	{ false, "ifacename", "other\n", "iface.iscsi_ifacename", "other", "default" },
	{ false, "initiatorname", "iqn.me\n", "iface.initiatorname", "iqn.me", "" },
	{ false, "username", "u\n", "node.session.auth.username", "u", "" },
	{ false, "password", "secret-secret\n", "node.session.auth.password", "secret-secret", "" },
	{ false, "username_in", "v\n", "node.session.auth.username_in", "v", "" },
	{ false, "password_in", "geheim-geheim\n", "node.session.auth.password_in", "geheim-geheim",
	  "" },
	{ false, "recovery_tmo", "77\n", "node.session.timeo.replacement_timeout", "77", "120" },
	{ false, "abort_tmo", "78\n", "node.session.err_timeo.abort_timeout", "78", "15" },
	{ false, "lu_reset_tmo", "79\n", "node.session.err_timeo.lu_reset_timeout", "79", "30" },
	{ false, "tgt_reset_tmo", "80\n", "node.session.err_timeo.tgt_reset_timeout", "80", "30" },
	{ true, "recv_tmo", "81\n", "node.conn[0].timeo.noop_out_interval", "81", "5" },
	{ true, "ping_tmo", "82\n", "node.conn[0].timeo.noop_out_timeout", "82", "5" },
};

START_TEST(a_note_has_what_the_kernel_shows)
{
	uint32_t sid = foreign_session();
	struct runstate note;

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		(shown[i].conn ? set_conn : set_session)(sid, shown[i].attribute,
							 _i ? NULL : shown[i].shown);
	start();
	ck_assert_str_eq(d->kernel.log, _i ? "set 30=5, set 31=5" : "");
	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, sid, &note), 0);
	ck_assert_uint_eq(note.time2wait_s, 2);		/* the default of RFC 7143 */
	ck_assert_str_eq(iscsi_db_record_get(note.rec, "node.name"), FAKE_TARGET_NAME);
	ck_assert_str_eq(iscsi_db_record_get(note.rec, "node.conn[0].address"), "127.0.0.1");
	ck_assert_int_eq(iscsi_db_record_get_int(note.rec, "node.conn[0].port"), d->target.port);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const char *value = iscsi_db_record_get(note.rec, shown[i].key);

		ck_assert_msg(streq(value ? value : "", _i ? shown[i].if_missing : shown[i].value),
			      "%s is '%s'", shown[i].key, value);
	}
	iscsi_db_record_free(note.rec);
}
END_TEST

/* Without a target's name its first login hadn't begun. */
START_TEST(a_session_without_a_target_is_removed)
{
	uint32_t sid = foreign_session();

	set_session(sid, "targetname", "\n");
	set_conn(sid, "state", "down\n");
	capture();
	start();
	ck_assert_ptr_nonnull(strstr(said(1), "session 1: its login was never finished; removing it\n"));
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_database_that_is_none_is_told_once)
{
	const char *text;
	unsigned int n = 0;

	(void)fake_client_log_in(&client, (const char *[]){ "node.session.nr_sessions", "9", NULL });
	(void)fake_client_log_in(&client, (const char *[]){ "node.session.nr_sessions", "9", NULL });
	stop_without_note();
	ck_assert_int_eq(unlink("session-2"), 0);
	fake_daemon_write("db", "a file");
	capture();
	start();
	for (text = said(1); (text = strstr(text, "taking sessions over without a database: ")); text++)
		n++;
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(fake_client_state(&client, 2), MGMT_CONN_LOGGED_IN);
}
END_TEST

/* Writes the node record of that session, with these keys and values; NULL ends them. */
static void write_record(const char *const settings[])
{
	CLEANUP(freep) char *text = fake_node_text(settings);
	struct iscsi_db_record *rec;
	struct iscsi_db *db;
	struct iscsi_why why;

	ck_assert_msg(!iscsi_db_open(d->env.db_root, &db, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_record_parse(ISCSI_DB_NODE, text, strlen(text), "test", NULL, NULL,
					     &rec, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_lock(db, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_node_write(db, rec, &why), "%s", why.text);
	ck_assert_msg(!iscsi_db_commit(db, &why), "%s", why.text);
	iscsi_db_record_free(rec);
	iscsi_db_close(db);
}

/* iscsistart leaves it to the daemon when a connection that doesn't answer is given up. */
START_TEST(pings_after_a_boot)
{
	static const char *const record[] = {
		"node.conn[0].timeo.noop_out_interval", "3",
		"node.conn[0].timeo.noop_out_timeout", "4", NULL };
	uint32_t sid = foreign_session();

	set_conn(sid, "ping_tmo", "9\n");
	start();
	ck_assert_str_eq(d->kernel.log, "");
	stop_without_note();
	set_conn(sid, "ping_tmo", "86400\n");
	fake_daemon_write("iscsid.conf", "node.conn[0].timeo.noop_out_interval = 7\n");
	start();
	ck_assert_str_eq(d->kernel.log, "set 30=5, set 31=7");
	/* With iscsistart's note, too. */
	stop();
	write_record(record);
	start();
	ck_assert_str_eq(d->kernel.log, "set 30=4, set 31=3");
	/* The note has what the kernel has been told, both numbers or one of them. */
	stop();
	set_conn(sid, "ping_tmo", "4\n");
	start();
	ck_assert_str_eq(d->kernel.log, "set 30=4, set 31=3");
	stop();
	set_conn(sid, "ping_tmo", "6\n");
	set_conn(sid, "recv_tmo", "3\n");
	start();
	ck_assert_str_eq(d->kernel.log, "set 30=4, set 31=3");
	stop();
	set_conn(sid, "ping_tmo", "4\n");
	start();
	ck_assert_str_eq(d->kernel.log, "");
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
}
END_TEST

/* What sysfs can't tell is in the database: here, that reopening ends after one attempt. */
START_TEST(the_database_knows_more)
{
	uint32_t sid = foreign_session();

	write_record((const char *[]){ "node.session.reopen_max", "1", NULL });
	start();
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	fake_target_go_deaf(&d->target);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	for (int i = 0; i < 600 && d->kernel.session[sid].exists; i++)
		(void)fake_daemon_pass(1000);
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

/* What tells the session of a note from another with its sid. */
static const struct { bool conn, same; const char *attribute, *value; } owners[] = {
	{ false, true, "tpgt", "9\n" },
	{ false, false, "targetname", "iqn.2026-01.net.example:someone\n" },
	{ false, false, "ifacename", "other\n" },
	{ true, false, "persistent_address", "127.0.0.2\n" },
	{ true, false, "persistent_port", "3261\n" },
};

START_TEST(whose_note_it_is)
{
	static const char *const settings[] = { "node.session.queue_depth", "64", NULL };
	uint32_t sid = fake_client_log_in(&client, settings);
	struct runstate note;

	stop();
	(owners[_i].conn ? set_conn : set_session)(sid, owners[_i].attribute, owners[_i].value);
	start();
	ck_assert_int_eq(runstate_load(d->env.run_dir_fd, sid, &note), 0);
	ck_assert_str_eq(iscsi_db_record_get(note.rec, "node.session.queue_depth"),
			 owners[_i].same ? "64" : "32");
	iscsi_db_record_free(note.rec);
}
END_TEST

/* A note of a session before a reboot, whose sid has a new owner, counts for nothing. */
START_TEST(a_note_of_another_session_is_not_believed)
{
	uint32_t sid = fake_client_log_in(&client, (const char *[]){
		"node.conn[0].timeo.login_timeout", "3", NULL });

	stop();
	set_session(sid, "targetname", "iqn.2026-01.net.example:someone\n");
	start();
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "TargetName=iqn.2026-01.net.example:someone\n"));
}
END_TEST

START_TEST(notes_without_a_session_go)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	int fd;

	stop();
	ck_assert_int_eq(chdir(d->dir), 0);
	ck_assert_int_eq(rename("session-1", "session-12"), 0);
	fd = open("session-x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	start();
	ck_assert_int_ne(access("session-12", F_OK), 0);
	ck_assert_int_eq(access("session-1", F_OK), 0);
	ck_assert_int_eq(access("session-x", F_OK), 0);
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
}
END_TEST

/* Only what root alone can write is believed. */
START_TEST(a_note_that_others_can_write_is_not_believed)
{
	uint32_t sid = fake_client_log_in(&client, (const char *[]){
		"node.session.reopen_max", "1", NULL });

	stop();
	ck_assert_int_eq(chdir(d->dir), 0);
	ck_assert_int_eq(chmod("session-1", 0622), 0);
	start();
	fake_target_go_deaf(&d->target);
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
	fake_daemon_wait(25000);
	/* Its reopen_max would have ended the session by now. */
	ck_assert(d->kernel.session[sid].exists);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tc = tcase_create("adopt");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_healthy_session_is_left_alone);
	tcase_add_test(tc, a_session_counts_for_its_record);
	tcase_add_loop_test(tc, a_session_that_broke_meanwhile_is_reopened, 0, 3);
	tcase_add_test(tc, a_loss_after_the_start_is_followed_by_time2wait);
	tcase_add_test(tc, a_session_that_vanishes_is_not_told_of);
	tcase_add_test(tc, a_name_is_looked_up_again);
	tcase_add_test(tc, a_name_leads_to_its_portal_after_a_redirection);
	tcase_add_test(tc, a_name_that_is_unknown_for_a_while_ends_no_session);
	tcase_add_loop_test(tc, half_a_logout_is_finished, 0, ARRAY_SIZE(halves));
	tcase_add_test(tc, a_login_that_was_never_finished_is_removed);
	tcase_add_loop_test(tc, sessions_of_others_are_not_touched, 0, ARRAY_SIZE(others));
	tcase_add_test(tc, a_session_of_another_program);
	tcase_add_loop_test(tc, a_note_has_what_the_kernel_shows, 0, 2);
	tcase_add_test(tc, a_session_without_a_target_is_removed);
	tcase_add_test(tc, a_database_that_is_none_is_told_once);
	tcase_add_loop_test(tc, whose_note_it_is, 0, ARRAY_SIZE(owners));
	tcase_add_test(tc, pings_after_a_boot);
	tcase_add_test(tc, the_database_knows_more);
	tcase_add_test(tc, a_note_of_another_session_is_not_believed);
	tcase_add_test(tc, notes_without_a_session_go);
	tcase_add_test(tc, a_note_that_others_can_write_is_not_believed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
