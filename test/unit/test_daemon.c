/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole daemon (test/fake/daemon.h): what a client asks, what the kernel is told, what a
 * target sees, and what is left in the end. Each test ends with no timer, no thread and no
 * session of the daemon's left.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client, other;

static bool was_open[256];		/* the descriptors that are check's own */

static void setup(void)
{
	for (int fd = 0; fd < (int)ARRAY_SIZE(was_open); fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	fake_daemon_setup();
	fake_client_open(&client);
	other.fd = -1;
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_client_close(&other);
	fake_daemon_teardown();
}

static enum iscsi_err log_out(struct fake_client *c, uint32_t sid)
{
	return fake_client_ask(c, &(struct mgmt_request){
		.type = MGMT_LOGOUT, .tag = 9, .sid = sid });
}

static bool file_exists(const char *name)
{
	return faccessat(d->env.run_dir_fd, name, F_OK, 0) == 0;
}

static enum iscsi_err ask(enum mgmt_type type, uint32_t sid)
{
	return fake_client_ask(&client, &(struct mgmt_request){ .type = type, .tag = 5, .sid = sid });
}

static void send_login(struct fake_client *c, uint32_t tag, uint32_t flags,
		       const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	fake_client_send(c, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = tag, .flags = flags, .record = record });
}

static void await_reply(struct fake_client *c)
{
	UNTIL(fake_client_poll(c));
}

/* Moves the clock until @c has a reply; how many seconds that took. */
static unsigned int await_reply_s(struct fake_client *c, unsigned int at_most_s)
{
	uint64_t us = 0;

	fake_daemon_settle();
	while (!fake_client_poll(c)) {
		ck_assert_uint_lt(us, at_most_s * 1000000);
		us += fake_daemon_pass(at_most_s * 1000);
	}
	return (unsigned int)(us / 1000000);
}

static void await_state(uint32_t sid, enum mgmt_conn_state state)
{
	uint64_t us = 0;

	while (fake_client_state(&client, sid) != state) {
		ck_assert_uint_lt(us, 120000000);
		us += fake_daemon_pass(10000);
	}
}

static void break_connection(void)
{
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
}

/* The reply to a logout is a warning about @sid that ends with @text, then success. */
static void await_warning(uint32_t sid, const char *text)
{
	char want[768];

	(void)snprintf(want, sizeof(want), "session %u " FAKE_TARGET_NAME " 127.0.0.1,%u: %s", sid,
		       d->target.port, text);
	await_reply(&client);
	ck_assert_int_eq(client.reply.type, MGMT_WARNING);
	ck_assert_str_eq(client.reply.why, want);
	await_reply(&client);
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
}

static void expect_warning(uint32_t sid, uint32_t flags, const char *text)
{
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGOUT, .tag = 9, .sid = sid, .flags = flags });
	await_warning(sid, text);
}

static void write_proc(const char *name, const char *text)
{
	int fd;

	(void)mkdirat(d->env.run_dir_fd, "self", 0755);
	fd = openat(d->env.run_dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

#define MOUNT(dev)	"30 1 " dev " / /mnt rw - ext4 /dev/none rw\n"

/* Its disk sda is mounted on /mnt from now on. */
static void mount_disk(uint32_t sid)
{
	fake_sysfs_add_lun(d->fs, sid, 0, 0, "sda", "running");
	fake_sysfs_set(d->fs, "class/block/sda/dev", "8:0\n");
	write_proc("self/mountinfo", MOUNT("8:0"));
	write_proc("swaps", "");
}

/* ---- logins ------------------------------------------------------------------------------ */

START_TEST(login_scan_state_logout)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	ck_assert_uint_eq(sid, 1);
	ck_assert_str_eq(d->kernel.log, "create 1, bind 1, start 1");
	ck_assert_str_eq(fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"), "- - -");
	ck_assert(file_exists("session-1"));
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	ck_assert_int_eq(client.reply.recovery, MGMT_RECOVERY_NO_CHANGE);
	ck_assert_int_eq(log_out(&client, sid), ISCSI_SUCCESS);
	ck_assert_uint_eq(client.reply.sid, sid);
	ck_assert_uint_eq(client.reply.tag, 9);
	ck_assert_uint_eq(d->target.logouts, 1);
	ck_assert(!file_exists("session-1"));
	ck_assert_str_eq(d->kernel.log, "create 1, bind 1, start 1, unbind 1, pdu 46, stop 1, "
			 "destroy 1");
	ck_assert_int_eq(log_out(&client, sid), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_str_eq(client.reply.why, "iscsid knows no session 1");
}
END_TEST

START_TEST(no_descriptor_outlives_an_exec)
{
	(void)fake_client_log_in(&client, NULL);
	for (int fd = 0; fd < (int)ARRAY_SIZE(was_open); fd++)
		ck_assert_msg(was_open[fd] || fcntl(fd, F_GETFD) != 0, "descriptor %d", fd);
}
END_TEST

START_TEST(no_scan_if_the_record_says_so)
{
	(void)fake_client_log_in(&client, (const char *[]){ "node.session.scan", "manual", NULL });
	fake_daemon_settle();
	ck_assert_str_eq(fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"), "");
}
END_TEST

static const struct { uint16_t status; enum iscsi_err err; } refusals[] = {
	{ 0x0201, ISCSI_ERR_LOGIN_AUTH_FAILED }, { 0x0202, ISCSI_ERR_LOGIN_AUTH_FAILED },
	{ 0x0203, ISCSI_ERR_FATAL_LOGIN }, { 0x0207, ISCSI_ERR_FATAL_LOGIN },
};

START_TEST(a_refused_login_leaves_nothing)
{
	d->target.status = refusals[_i].status;
	send_login(&client, 3, 0, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, refusals[_i].err);
	ck_assert_uint_eq(client.reply.tag, 3);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "("));
	fake_daemon_settle();
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, 1), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert(!d->kernel.session[1].exists);
	ck_assert(!file_exists("session-1"));
}
END_TEST

START_TEST(a_portal_that_refuses_is_tried_for_its_time)
{
	unsigned int seconds;

	fake_target_go_deaf(&d->target);
	send_login(&client, 3, 0, (const char *[]){
		"node.session.initial_login_retry_max", "4",
		"node.conn[0].timeo.login_timeout", "10", NULL });
	seconds = await_reply_s(&client, 60);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "Connection refused"));
	ck_assert_uint_gt(seconds, 20);
	ck_assert_uint_le(seconds, 40);
	ck_assert_str_eq(d->kernel.log, "");
}
END_TEST

START_TEST(a_portal_that_comes_back_in_time_is_logged_in_to)
{
	fake_target_go_deaf(&d->target);
	send_login(&client, 3, 0, NULL);
	fake_daemon_wait(5000);
	ck_assert(!fake_client_poll(&client));
	fake_target_listen(&d->target);
	(void)await_reply_s(&client, 60);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_silent_target_times_out)
{
	unsigned int seconds;

	d->target.silent = true;
	send_login(&client, 3, 0, (const char *[]){
		"node.session.initial_login_retry_max", "1",
		"node.conn[0].timeo.login_timeout", "10", NULL });
	seconds = await_reply_s(&client, 60);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_uint_ge(seconds, 9);
	ck_assert_uint_le(seconds, 11);
	fake_daemon_settle();
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

START_TEST(a_login_that_nobody_waits_for)
{
	send_login(&client, 3, MGMT_NO_WAIT, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	UNTIL(d->kernel.session[1].up);
	ck_assert_int_eq(fake_client_state(&client, 1), MGMT_CONN_LOGGED_IN);
}
END_TEST

/* The one login that is under way, in @client's reply; 0: none. */
static uint32_t login_under_way(void)
{
	uint32_t number = 0;

	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_ATTEMPTS, .tag = 6 });
	do {
		await_reply(&client);
		if (client.reply.type == MGMT_ATTEMPT)
			number = client.reply.sid;
	} while (client.reply.type != MGMT_RESULT);
	return number;
}

START_TEST(a_wanted_login_outlives_refusals)
{
	d->target.status = 0x0201;
	send_login(&client, 3, MGMT_WANTED, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_LOGIN_AUTH_FAILED);
	fake_daemon_settle();
	ck_assert(!d->kernel.session[1].exists);	/* between two attempts nothing stays */
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, 1), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_uint_ne(login_under_way(), 0);
	d->target.status = 0;
	fake_daemon_wait(10000);
	ck_assert(d->kernel.session[2].up);
	ck_assert_uint_eq(login_under_way(), 0);
	ck_assert_int_eq(fake_client_state(&client, 2), MGMT_CONN_LOGGED_IN);
	ck_assert_int_eq(log_out(&client, 2), ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_wanted_login_outlives_its_time)
{
	fake_target_go_deaf(&d->target);
	send_login(&client, 3, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	fake_client_close(&client);		/* a silent client would be dropped */
	fake_daemon_wait(1000000);
	fake_target_listen(&d->target);
	fake_daemon_wait(6000);
	fake_client_open(&client);
	ck_assert(d->kernel.session[1].up);
}
END_TEST

START_TEST(whoever_asks_for_a_wanted_login_joins_it)
{
	d->target.status = 0x0203;
	send_login(&client, 3, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&client);
	fake_daemon_settle();
	fake_client_open(&other);
	send_login(&other, 4, 0, NULL);		/* no pause is waited for */
	await_reply(&other);
	ck_assert_int_eq(other.reply.type, MGMT_WARNING);
	ck_assert_uint_eq(await_reply_s(&other, 10), 0);
	ck_assert_int_eq(other.reply.err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_uint_ne(login_under_way(), 0);
	d->target.status = 0;
	send_login(&other, 4, 0, NULL);
	await_reply(&other);
	ck_assert_int_eq(other.reply.type, MGMT_WARNING);
	ck_assert_uint_eq(await_reply_s(&other, 10), 0);
	ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(login_under_way(), 0);
}
END_TEST

/* A person who has mended the record isn't answered by what the old one said. */
START_TEST(a_wanted_login_goes_on_with_a_new_record)
{
	static const char *const mended[] = { "node.session.timeo.replacement_timeout", "77", NULL };
	uint32_t number;

	d->target.status = 0x0203;
	send_login(&client, 3, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&client);
	fake_daemon_settle();
	number = login_under_way();
	ck_assert_uint_ne(number, 0);
	d->target.status = 0;
	fake_client_open(&other);
	send_login(&other, 4, 0, mended);
	ck_assert_uint_eq(await_reply_s(&other, 10), 0);
	ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(login_under_way(), 0);
}
END_TEST

START_TEST(each_of_two_sessions_can_be_wanted)
{
	static const char *const two[] = { "node.session.nr_sessions", "2", NULL };
	unsigned int up = 0;

	d->target.status = 0x0203;
	for (uint32_t tag = 3; tag < 5; tag++) {
		send_login(&client, tag, MGMT_WANTED | MGMT_NO_WAIT, two);
		await_reply(&client);
		ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	}
	fake_daemon_settle();
	d->target.status = 0;
	fake_daemon_wait(20000);
	ck_assert_uint_eq(login_under_way(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(d->kernel.session); i++)
		up += d->kernel.session[i].up;
	ck_assert_uint_eq(up, 2);
}
END_TEST

START_TEST(a_wanted_login_can_be_called_off)
{
	uint32_t number;

	d->target.status = 0x0203;
	send_login(&client, 3, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&client);
	fake_daemon_settle();
	number = login_under_way();
	ck_assert_int_eq(ask(MGMT_CALL_OFF, number), ISCSI_SUCCESS);
	ck_assert_int_eq(ask(MGMT_CALL_OFF, number), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_uint_eq(login_under_way(), 0);
	fake_daemon_wait(20000);
	ck_assert_uint_eq(d->target.accepted, 1);
}
END_TEST

/* Whoever lists sessions after that doesn't find what was called off. */
START_TEST(a_login_is_called_off_once_the_kernel_has_nothing_of_it)
{
	unsigned int seconds;

	d->target.silent = true;
	d->kernel.keeps_sessions = true;
	send_login(&client, 3, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&client);
	UNTIL(d->kernel.session[1].exists);
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_CALL_OFF, .tag = 4, .sid = login_under_way() });
	seconds = await_reply_s(&client, 100);
	ck_assert_uint_ge(seconds, 29);
	ck_assert_uint_le(seconds, 31);
	ck_assert_uint_eq(client.reply.tag, 4);
	ck_assert_str_eq(client.reply.why, "the kernel hasn't removed the session after 30 s");
}
END_TEST

START_TEST(a_record_has_its_number_of_sessions)
{
	(void)fake_client_log_in(&client, NULL);
	send_login(&client, 3, 0, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(client.reply.why, "1 session requested, but 1 already present");
	ck_assert_int_eq(d->kernel.last_sid, 1);
	ck_assert_uint_eq(fake_client_log_in(&client, (const char *[]){
		"node.session.nr_sessions", "2", NULL }), 2);
	send_login(&client, 3, MGMT_ANOTHER, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(client.reply.sid, 3);
	/* Another interface or another name is another record. */
	ck_assert_uint_eq(fake_client_log_in(&client, (const char *[]){
		"iface.iscsi_ifacename", "other", NULL }), 4);
	ck_assert_uint_eq(fake_client_log_in(&client, (const char *[]){
		"node.name", "iqn.2026-01.net.example:u", NULL }), 5);
	/* A session that is on its way out doesn't count. */
	d->kernel.keeps_sessions = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = 5 });
	fake_daemon_settle();
	send_login(&client, 3, 0, (const char *[]){
		"node.name", "iqn.2026-01.net.example:u", NULL });
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(client.reply.sid, 6);
}
END_TEST

START_TEST(bad_requests_are_answered)
{
	static const struct { const char *record; enum iscsi_err err; } bad[] = {
		{ "", ISCSI_ERR_INVAL }, { "node.name\n", ISCSI_ERR_INVAL },
	};
	const char *path = d->env.initiator_path;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_ne(fake_client_ask(&client, &(struct mgmt_request){
			.type = MGMT_LOGIN, .tag = 1, .record = bad[i].record }), ISCSI_SUCCESS);
		ck_assert_str_ne(client.reply.why, "");
	}
	ck_assert_int_eq(ask(MGMT_LOGOUT, 12), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_int_eq(ask(MGMT_RESCAN, 12), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_int_eq(ask(MGMT_GET_STATS, 12), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, 0), ISCSI_ERR_SESS_NOT_FOUND);
	/* Without a name of its own the host can't log in, unless the interface has one. */
	ck_assert_int_eq(unlink(path), 0);
	fake_daemon_stop();
	fake_daemon_start();
	fake_client_close(&client);
	fake_client_open(&client);
	send_login(&client, 3, 0, NULL);
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(client.reply.why, path));
	(void)fake_client_log_in(&client, (const char *[]){
		"iface.initiatorname", "iqn.2026-01.net.example:own", NULL });
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:own\n"));
}
END_TEST

static void write_initiator_file(const char *text)
{
	FILE *f = fopen(d->env.initiator_path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ne(fputs(text, f), EOF);
	ck_assert_int_eq(fclose(f), 0);
}

/* The client hears what is wrong with the file, and its next request finds the file mended. */
START_TEST(an_initiator_name_written_late_is_found)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "InitiatorName=iqn.2026-01.net.example:i # me\n",
		  ":1: InitiatorName has a comment behind it" },
		{ "InitiatorName=\"iqn.2026-01.net.example:i\"\n",
		  ":1: InitiatorName has quotes around or in it" },
		{ "\nInitiatorName=iqn.2026-01.net.example i\n",
		  ":2: the iSCSI name 'iqn.2026-01.net.example i' has a blank in it" },
		{ "# no name\n", "there is no line InitiatorName=NAME in it" },
	};

	write_initiator_file("");
	fake_daemon_stop();
	fake_daemon_start();
	fake_client_close(&client);
	fake_client_open(&client);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		write_initiator_file(rows[i].text);
		send_login(&client, 3, 0, NULL);
		await_reply(&client);
		ck_assert_int_eq(client.reply.err, ISCSI_ERR_INVAL);
		ck_assert_msg(strstr(client.reply.why, rows[i].reason), "%s", client.reply.why);
	}
	write_initiator_file("InitiatorName=iqn.2026-01.net.example:late\n");
	(void)fake_client_log_in(&client, NULL);
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:late\n"));
}
END_TEST

START_TEST(a_new_initiator_name_counts_after_a_reload)
{
	(void)fake_client_log_in(&client, NULL);
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:i\n"));
	write_initiator_file("InitiatorName=iqn.2026-01.net.example:new\nInitiatorAlias=me\n");
	manager_reload(d->manager);
	(void)fake_client_log_in(&client, (const char *[]){
		"node.session.nr_sessions", "2", NULL });
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:new\n"));
	ck_assert_ptr_nonnull(strstr(d->target.last_login, "InitiatorAlias=me\n"));
	/* A name that can't be read any more doesn't take away the one that is known. */
	ck_assert_int_eq(unlink(d->env.initiator_path), 0);
	manager_reload(d->manager);
	(void)fake_client_log_in(&client, (const char *[]){
		"node.session.nr_sessions", "3", NULL });
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:new\n"));
}
END_TEST

START_TEST(many_at_once)
{
	unsigned int seen = 0;

	for (uint32_t i = 0; i < 20; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "iqn.2026-01.net.example:%u", i);
		send_login(&client, 100 + i, 0, (const char *[]){ "node.name", name, NULL });
	}
	for (int i = 0; i < 20; i++) {
		await_reply(&client);
		ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
		seen |= 1u << (client.reply.tag - 100);
	}
	ck_assert_uint_eq(seen, (1u << 20) - 1);
	fake_client_open(&other);
	for (uint32_t sid = 1; sid <= 20; sid++)
		fake_client_send(sid % 2 ? &client : &other, &(struct mgmt_request){
			.type = MGMT_LOGOUT, .tag = sid, .sid = sid });
	for (int i = 0; i < 10; i++) {
		await_reply(&client);
		ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
		await_reply(&other);
		ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
		ck_assert_uint_eq(other.reply.tag, other.reply.sid);
	}
	for (uint32_t sid = 1; sid <= 20; sid++)
		ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_login_ends_with_its_client)
{
	d->target.silent = true;
	send_login(&client, 3, 0, NULL);
	UNTIL(d->target.accepted == 1);
	fake_client_close(&client);
	fake_daemon_settle();
	ck_assert(!d->kernel.session[1].exists);
	fake_client_open(&client);
	ck_assert_uint_eq(login_under_way(), 0);
	fake_target_go_deaf(&d->target);	/* also in the pause between two attempts */
	send_login(&client, 3, 0, NULL);
	fake_daemon_wait(5000);
	fake_client_close(&client);
	fake_daemon_settle();
	fake_target_listen(&d->target);
	fake_daemon_wait(20000);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_client_open(&client);
}
END_TEST

START_TEST(a_login_goes_on_for_whoever_waits_too)
{
	fake_target_go_deaf(&d->target);
	send_login(&client, 3, 0, NULL);
	fake_daemon_wait(5000);
	fake_client_open(&other);
	send_login(&other, 4, 0, NULL);
	await_reply(&other);
	ck_assert_int_eq(other.reply.type, MGMT_WARNING);
	ck_assert_ptr_nonnull(strstr(other.reply.why, ": a login is under way since 5 s; last failure: "
				     "cannot make a connection to 127.0.0.1:"));
	fake_client_close(&client);
	fake_daemon_settle();
	fake_target_listen(&d->target);
	(void)await_reply_s(&other, 10);
	ck_assert_int_eq(other.reply.type, MGMT_RESULT);
	ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_client_open(&client);
}
END_TEST

/* There is no session yet, and whoever waits keeps the settings that were asked for. */
START_TEST(a_login_with_other_settings_is_told_of_the_one_under_way)
{
	fake_target_go_deaf(&d->target);
	send_login(&client, 3, 0, NULL);
	fake_daemon_wait(5000);
	fake_client_open(&other);
	send_login(&other, 4, 0, (const char *[]){ "node.session.cmds_max", "64", NULL });
	await_reply(&other);
	ck_assert_int_eq(other.reply.err, ISCSI_ERR_SESS_EXISTS);
	ck_assert_str_eq(other.reply.why, "a login with other settings is under way since 5 s; a logout "
			 "calls it off");
	ck_assert(!fake_client_poll(&client));
}
END_TEST

/* Boot asks for a login that a person has begun. */
START_TEST(a_login_under_way_can_be_wanted_later)
{
	fake_target_go_deaf(&d->target);
	send_login(&client, 3, 0, NULL);
	fake_daemon_wait(5000);
	fake_client_open(&other);
	send_login(&other, 4, MGMT_WANTED | MGMT_NO_WAIT, NULL);
	await_reply(&other);
	ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
	fake_client_close(&client);
	fake_client_close(&other);
	fake_daemon_wait(1000000);
	fake_target_listen(&d->target);
	fake_daemon_wait(6000);
	ck_assert(d->kernel.session[1].up);
	fake_client_open(&client);
}
END_TEST

/* A client may wait for the end of its own login as well. */
START_TEST(a_client_that_logs_in_and_out_may_leave)
{
	d->target.silent = true;
	send_login(&client, 3, 0, NULL);
	UNTIL(d->kernel.session[1].exists);
	d->kernel.fail_at = d->kernel.operations + 2;	/* the end of the session fails at once */
	for (uint32_t tag = 4; tag < 8; tag++)
		send_login(&client, tag, 0, NULL);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .tag = 9, .sid = 1 });
	fake_client_close(&client);
	fake_daemon_settle();
	fake_client_open(&client);
	ck_assert_uint_eq(login_under_way(), 0);
}
END_TEST

START_TEST(a_redirection_is_followed_there_and_back)
{
	struct fake_target elsewhere;
	char text[64];

	fake_target_open(&elsewhere, d->loop);
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u,1\n", elsewhere.port);
	d->target.status = 0x0101;
	d->target.login_text = text;
	(void)fake_client_log_in(&client, NULL);
	ck_assert_uint_eq(d->target.logins, 1);
	ck_assert_uint_eq(elsewhere.logins, 1);
	/* The next login begins where the record says. */
	d->target.status = 0;
	d->target.login_text = NULL;
	fake_target_hang_up(&elsewhere);
	fake_daemon_settle();
	await_state(1, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->target.logins, 2);
	ck_assert_uint_eq(elsewhere.logins, 1);
	fake_target_close(&elsewhere);
}
END_TEST

START_TEST(a_portal_may_have_a_name)
{
	fake_daemon_add_name("storage.example", "127.0.0.1");
	(void)fake_client_log_in(&client, (const char *[]){
		"node.conn[0].address", "storage.example", NULL });
	send_login(&client, 3, 0, (const char *[]){
		"node.conn[0].address", "nowhere.example", NULL });
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS);
	ck_assert_ptr_nonnull(strstr(client.reply.why,
				     "cannot resolve host name nowhere.example"));
	ck_assert_int_eq(d->kernel.last_sid, 1);
}
END_TEST

/* Whatever operation of the kernel fails, the client hears why and no session stays. */
START_TEST(a_kernel_that_refuses)
{
	d->kernel.fail_at = (unsigned int)_i;
	send_login(&client, 3, 0, (const char *[]){
		"node.session.initial_login_retry_max", "0", NULL });
	(void)await_reply_s(&client, 60);
	ck_assert_int_ne(client.reply.err, ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "the fake kernel was told to fail"));
	fake_daemon_settle();
	ck_assert(!d->kernel.session[1].exists);
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, 1), ISCSI_ERR_SESS_NOT_FOUND);
	(void)fake_client_log_in(&client, NULL);
}
END_TEST

/* ---- logouts ------------------------------------------------------------------------------ */

START_TEST(a_logout_cancels_a_login)
{
	d->target.silent = true;
	send_login(&client, 3, 0, NULL);
	UNTIL(d->kernel.session[1].bound);
	fake_client_open(&other);
	ck_assert_int_eq(log_out(&other, 1), ISCSI_SUCCESS);
	await_reply(&client);
	ck_assert_uint_eq(client.reply.tag, 3);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_LOGIN);
	ck_assert_str_eq(client.reply.why, "the login was cancelled by a logout");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

START_TEST(two_may_ask_for_the_same_logout)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->kernel.keeps_luns = true;
	fake_client_open(&other);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	fake_client_send(&other, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	fake_daemon_settle();
	ck_assert(!fake_client_poll(&client));
	manager_kernel_events.unbound(d->manager, sid);
	await_reply(&client);
	await_reply(&other);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_int_eq(other.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.logouts, 1);
}
END_TEST

START_TEST(a_logout_ends_though_the_target_is_silent)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	unsigned int seconds;

	d->target.never_logs_out = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	seconds = await_reply_s(&client, 60);
	ck_assert_uint_ge(seconds, 14);		/* node.conn[0].timeo.logout_timeout */
	ck_assert_uint_le(seconds, 16);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_logout_ends_though_the_flush_does_not)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	unsigned int seconds;

	d->kernel.keeps_luns = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	seconds = await_reply_s(&client, 100);
	ck_assert_uint_ge(seconds, 59);
	ck_assert_uint_le(seconds, 61);
	ck_assert_int_eq(client.reply.type, MGMT_WARNING);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "the target hasn't taken all writes in 60 s; "
				     "the session ends without a flush"));
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(d->target.logouts, 0);
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_kernel_that_keeps_a_session_is_told_of)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	unsigned int seconds;

	d->kernel.keeps_sessions = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	seconds = await_reply_s(&client, 100);
	ck_assert_uint_ge(seconds, 29);
	ck_assert_uint_le(seconds, 31);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_LOGOUT);
	ck_assert_str_eq(client.reply.why, "the kernel hasn't removed the session after 30 s");
}
END_TEST

START_TEST(a_logout_of_a_lost_session_is_at_once)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	fake_target_go_deaf(&d->target);
	break_connection();
	fake_daemon_wait(20000);
	expect_warning(sid, 0, "the target has been away for 20 s; the session ends without a "
		       "flush, and writes that were still on the way are lost");
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_logout_says_that_the_target_went_away_meanwhile)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	mount_disk(sid);
	d->kernel.keeps_luns = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = sid });
	fake_daemon_settle();
	fake_daemon_wait(7000);
	break_connection();
	await_warning(sid, "the target hasn't taken all writes in 7 s: target closed the connection "
		      "(1020); the session ends without a flush, and writes that were still on "
		      "the way are lost; sda is mounted on /mnt");
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

START_TEST(a_lost_session_with_a_mounted_disk_is_kept)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	mount_disk(sid);
	fake_target_go_deaf(&d->target);
	break_connection();
	fake_daemon_wait(12000);
	ck_assert_int_eq(log_out(&client, sid), ISCSI_ERR_BUSY);
	ck_assert_str_eq(client.reply.why, "sda is mounted on /mnt, and the target is away, so "
			 "writes that are still on the way would be lost; wait for the target, or "
			 "use --force");
	ck_assert(d->kernel.session[sid].exists);
	expect_warning(sid, MGMT_FORCE, "the target has been away for 12 s; the session ends "
		       "without a flush, and writes that were still on the way are lost; sda is "
		       "mounted on /mnt");
	ck_assert(!d->kernel.session[sid].exists);
}
END_TEST

/* ---- recovery ----------------------------------------------------------------------------- */

START_TEST(a_lost_connection_comes_back)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	fake_target_go_deaf(&d->target);
	break_connection();
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_XPT_WAIT);
	ck_assert_int_eq(client.reply.recovery, MGMT_RECOVERY_REOPEN);
	ck_assert_ptr_nonnull(strstr(client.reply.session, "\nattempts=0\n"));
	fake_daemon_wait(600000);
	fake_client_close(&client);
	fake_client_open(&client);
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_XPT_WAIT);
	ck_assert_int_eq(ask(MGMT_RESCAN, sid), ISCSI_ERR_SESSION_NOT_CONNECTED);
	fake_target_listen(&d->target);
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[sid].starts, 2);
	ck_assert_int_eq(client.reply.recovery, MGMT_RECOVERY_NO_CHANGE);
}
END_TEST

START_TEST(an_error_of_the_kernel_is_a_lost_connection)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	fake_kernel_break(&d->kernel, sid);
	fake_kernel_tell_error(&d->kernel, sid, 1011);
	fake_kernel_tell_error(&d->kernel, sid, 1011);		/* it may say so twice */
	fake_kernel_tell_error(&d->kernel, sid + 1, 1011);	/* and of sessions of others */
	fake_daemon_settle();
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[sid].starts, 2);
}
END_TEST

START_TEST(a_session_that_was_removed_by_others_is_gone)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	manager_kernel_events.destroyed(d->manager, sid + 1);
	manager_kernel_events.unbound(d->manager, sid);
	manager_kernel_events.unbound(d->manager, sid + 1);
	manager_kernel_events.pdu(d->manager, sid + 1, (const uint8_t[PDU_BHS_LEN]){ 0 }, NULL, 0);
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	manager_kernel_events.destroyed(d->manager, sid);
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, sid), ISCSI_ERR_SESS_NOT_FOUND);
	ck_assert(!file_exists("session-1"));
}
END_TEST

START_TEST(lost_events_are_looked_up)
{
	uint32_t gone = fake_client_log_in(&client, NULL), failed, unbound, healthy;

	failed = fake_client_log_in(&client, (const char *[]){ "node.session.nr_sessions", "9", NULL });
	unbound = fake_client_log_in(&client, (const char *[]){ "node.session.nr_sessions", "9", NULL });
	healthy = fake_client_log_in(&client, (const char *[]){ "node.session.nr_sessions", "9", NULL });
	d->kernel.keeps_luns = true;
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_LOGOUT, .sid = unbound });
	fake_daemon_settle();
	fake_sysfs_remove_session(d->fs, gone, 0);
	d->kernel.session[gone].shown = false;
	fake_sysfs_set(d->fs, "class/iscsi_connection/connection2:0/state", "failed\n");
	fake_kernel_break(&d->kernel, failed);
	fake_sysfs_set(d->fs, "class/iscsi_session/session3/target_state", "UNBOUND\n");
	manager_kernel_events.lost_events(d->manager);
	await_reply(&client);
	ck_assert_uint_eq(client.reply.sid, unbound);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, gone), ISCSI_ERR_SESS_NOT_FOUND);
	await_state(failed, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[failed].starts, 2);
	ck_assert_uint_eq(d->kernel.session[healthy].starts, 1);
	ck_assert_int_eq(fake_client_state(&client, healthy), MGMT_CONN_LOGGED_IN);
}
END_TEST

START_TEST(reopen_max_ends_a_session)
{
	uint32_t sid = fake_client_log_in(&client, (const char *[]){
		"node.session.reopen_max", "3", NULL });

	fake_target_go_deaf(&d->target);
	break_connection();
	for (int i = 0; i < 600 && d->kernel.session[sid].exists; i++)
		(void)fake_daemon_pass(1000);
	ck_assert(!d->kernel.session[sid].exists);
	ck_assert_int_eq(ask(MGMT_SESSION_STATE, sid), ISCSI_ERR_SESS_NOT_FOUND);
}
END_TEST

/* ---- what a target asks for ------------------------------------------------------------------ */

static void send_async(uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3, const void *data,
		       size_t len)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_ASYNC, 0x80 };

	bhs[36] = event;
	put_be16(bhs + 38, p1);
	put_be16(bhs + 40, p2);
	put_be16(bhs + 42, p3);
	fake_target_send(&d->target, bhs, data, len);
	fake_daemon_settle();
}

START_TEST(a_target_may_ask_for_a_logout)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	send_async(1, 0, 0, 3, NULL, 0);
	ck_assert_uint_eq(d->target.logouts, 1);
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[sid].starts, 2);
}
END_TEST

START_TEST(a_target_may_drop_the_connection)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	send_async(2, 5, 20, 0, NULL, 0);	/* another connection than ours */
	fake_daemon_wait(5000);
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
	send_async(3, 0, 20, 0, NULL, 0);
	fake_daemon_wait(3000);
	ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_XPT_WAIT);
	/* It said for how long: nothing is tried before that. */
	fake_daemon_wait(16000);
	ck_assert_uint_eq(d->target.accepted, 1);
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->target.accepted, 2);
}
END_TEST

/* An empty answer asks for nothing; values are negotiated by another login. */
START_TEST(a_target_may_ask_to_negotiate)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	d->target.targets = _i ? "MaxRecvDataSegmentLength=4096\n" : NULL;
	send_async(4, 0, 0, 3, NULL, 0);
	ck_assert_uint_eq(d->target.texts, 1);
	ck_assert_uint_eq(d->target.logouts, (unsigned int)_i);
	await_state(sid, MGMT_CONN_LOGGED_IN);
	ck_assert_uint_eq(d->kernel.session[sid].starts, 1 + (unsigned int)_i);
}
END_TEST

START_TEST(changed_luns_are_looked_for)
{
	static const uint8_t sense[] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e,
					 0, 0, 0, 0 };

	(void)fake_client_log_in(&client, NULL);
	fake_daemon_settle();
	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan", "");
	send_async(0, 0, 0, 0, sense, sizeof(sense));
	UNTIL(*fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"));
	ck_assert_str_eq(fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"), "- - -");
}
END_TEST

/* ---- other requests ------------------------------------------------------------------------- */

#define TARGET_0	"devices/platform/host0/session1/target0:0:0/"
#define LUN_5		TARGET_0 "0:0:0:5/"

START_TEST(a_rescan_reads_known_luns_anew)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan", "");
	fake_sysfs_add_lun(d->fs, sid, 0, 5, "sda", "running");
	fake_sysfs_set(d->fs, LUN_5 "rescan", "");
	ck_assert_int_eq(ask(MGMT_RESCAN, sid), ISCSI_SUCCESS);
	ck_assert_str_eq(fake_sysfs_get(d->fs, LUN_5 "rescan"), "1");
	ck_assert_str_eq(fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"), "- - -");
}
END_TEST

START_TEST(a_scan_s_answer_waits_for_the_disks)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	time_t end;

	fake_sysfs_add_lun(d->fs, sid, 0, 5, NULL, "running");
	fake_sysfs_set(d->fs, LUN_5 "type", "0\n");
	/* A tape or a controller has no block device to wait for. */
	fake_sysfs_add_lun(d->fs, sid, 0, 6, NULL, "running");
	fake_sysfs_set(d->fs, TARGET_0 "0:0:0:6/type", "12\n");
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_RESCAN, .sid = sid });
	for (end = time(NULL) + 2; time(NULL) < end;)
		fake_daemon_settle();
	ck_assert(!fake_client_poll(&client));
	fake_sysfs_add_lun(d->fs, sid, 0, 5, "sda", "running");
	fake_sysfs_set(d->fs, LUN_5 "block/sda/queue/rotational", "0\n");
	await_reply(&client);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
}
END_TEST

START_TEST(counters)
{
	uint32_t sid = fake_client_log_in(&client, NULL);

	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_GET_STATS, .tag = 4, .sid = sid });
	await_reply(&client);
	ck_assert_int_eq(client.reply.type, MGMT_STAT);
	ck_assert_uint_eq(client.reply.tag, 4);
	ck_assert_str_eq(client.reply.name, "txdata_octets");
	ck_assert_uint_eq(client.reply.value, 48);
	await_reply(&client);
	ck_assert_int_eq(client.reply.type, MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	d->kernel.fail_at = d->kernel.operations + 1;
	ck_assert_int_eq(ask(MGMT_GET_STATS, sid), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(client.reply.why, "the fake kernel was told to fail");
}
END_TEST

START_TEST(a_client_may_stop_the_daemon)
{
	char path[96];

	(void)fake_client_log_in(&client, NULL);
	fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_STOP, .tag = 4 });
	while (sd_event_get_state(d->loop) != SD_EVENT_FINISHED)
		(void)fake_daemon_step();
	fake_daemon_stop();
	ck_assert(fake_client_poll(&client));
	ck_assert_uint_eq(client.reply.tag, 4);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	/* The session stays, and what the next daemon must know of it. */
	ck_assert(d->kernel.session[1].up);
	(void)snprintf(path, sizeof(path), "%.60s/session-1", d->dir);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(whoever_waits_hears_that_the_daemon_stops)
{
	d->target.silent = true;
	send_login(&client, 3, 0, NULL);
	UNTIL(d->target.accepted == 1);
	fake_daemon_stop();
	ck_assert(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_ISCSID_COMM_ERR);
	ck_assert_str_eq(client.reply.why, "iscsid is stopping");
}
END_TEST

/* ---- disks in use ---------------------------------------------------------------------------- */

/* btrfs has a device number of its own. */
#define BTRFS(source)	"30 1 0:40 / /mnt rw - btrfs " source " rw\n"
#define SWAP(source, type)						\
	"Filename Type Size Used Priority\n" source " " type " 16380 0 -2\n"

static const struct in_use {
	const char *mountinfo, *swaps, *why;
} in_use[] = {
	{ MOUNT("8:0"), "", "sda is mounted on /mnt" },
	{ MOUNT("8:1"), "", "sda1 is mounted on /mnt" },
	{ MOUNT("253:7"), "", "dm-7 is mounted on /mnt" },
	{ MOUNT("253:8"), "", "dm-8 is mounted on /mnt" },
	{ MOUNT("8:16"), "", NULL },
	{ BTRFS("/dev/sda1"), "", "sda1 is mounted on /mnt" },
	{ BTRFS("/dev/mapper/vg-data"), "", "dm-8 is mounted on /mnt" },
	{ BTRFS("/dev/mapper/other"), "", NULL },
	{ "", SWAP("/dev/sda1", "partition"), "sda1 is used as swap" },
	{ "", SWAP("/dev/dm-7", "partition"), "dm-7 is used as swap" },
	{ "", SWAP("/dev/sdb", "partition"), NULL },
	{ "", SWAP("/mnt/sda", "file"), NULL },
	{ "", "", NULL },
};

START_TEST(a_safe_logout_leaves_disks_in_use)
{
	uint32_t sid;
	FILE *f = fopen(d->env.config_path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f, "iscsid.safe_logout = Yes\n"), 0);
	ck_assert_int_eq(fclose(f), 0);
	manager_reload(d->manager);
	sid = fake_client_log_in(&client, NULL);
	fake_sysfs_add_lun(d->fs, sid, 0, 0, "sda", "running");
	fake_sysfs_set(d->fs, "class/block/sda/dev", "8:0\n");
	fake_sysfs_set(d->fs, "class/block/sda1/dev", "8:1\n");
	fake_sysfs_set(d->fs, "class/block/sda/sda1/dev", "8:1\n");
	fake_sysfs_set(d->fs, "class/block/sdb/dev", "8:16\n");
	fake_sysfs_set(d->fs, "class/block/sda1/holders/dm-7/dev", "253:7\n");
	fake_sysfs_set(d->fs, "class/block/dm-7/dev", "253:7\n");
	fake_sysfs_set(d->fs, "class/block/dm-7/holders/dm-8/dev", "253:8\n");
	fake_sysfs_set(d->fs, "class/block/dm-8/dev", "253:8\n");
	fake_sysfs_set(d->fs, "class/block/dm-8/dm/name", "vg-data\n");
	write_proc("self/mountinfo", in_use[_i].mountinfo);
	write_proc("swaps", in_use[_i].swaps);
	if (in_use[_i].why) {
		ck_assert_int_eq(log_out(&client, sid), ISCSI_ERR_BUSY);
		ck_assert_str_eq(client.reply.why, in_use[_i].why);
		ck_assert_int_eq(fake_client_state(&client, sid), MGMT_CONN_LOGGED_IN);
		/* Without the setting nobody asks, but for what the system itself stands on. */
		write_proc("swaps", "");
		f = fopen(d->env.config_path, "w");
		ck_assert_int_eq(fclose(f), 0);
		manager_reload(d->manager);
	}
	ck_assert_int_eq(log_out(&client, sid), ISCSI_SUCCESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon");
	TCase *tc = tcase_create("daemon");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, login_scan_state_logout);
	tcase_add_test(tc, no_descriptor_outlives_an_exec);
	tcase_add_test(tc, no_scan_if_the_record_says_so);
	tcase_add_loop_test(tc, a_refused_login_leaves_nothing, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tc, a_portal_that_refuses_is_tried_for_its_time);
	tcase_add_test(tc, a_portal_that_comes_back_in_time_is_logged_in_to);
	tcase_add_test(tc, a_silent_target_times_out);
	tcase_add_test(tc, a_login_that_nobody_waits_for);
	tcase_add_test(tc, a_wanted_login_outlives_refusals);
	tcase_add_test(tc, a_wanted_login_outlives_its_time);
	tcase_add_test(tc, whoever_asks_for_a_wanted_login_joins_it);
	tcase_add_test(tc, a_wanted_login_goes_on_with_a_new_record);
	tcase_add_test(tc, each_of_two_sessions_can_be_wanted);
	tcase_add_test(tc, a_wanted_login_can_be_called_off);
	tcase_add_test(tc, a_login_is_called_off_once_the_kernel_has_nothing_of_it);
	tcase_add_test(tc, a_record_has_its_number_of_sessions);
	tcase_add_test(tc, bad_requests_are_answered);
	tcase_add_test(tc, an_initiator_name_written_late_is_found);
	tcase_add_test(tc, a_new_initiator_name_counts_after_a_reload);
	tcase_add_test(tc, many_at_once);
	tcase_add_test(tc, a_login_ends_with_its_client);
	tcase_add_test(tc, a_login_goes_on_for_whoever_waits_too);
	tcase_add_test(tc, a_login_with_other_settings_is_told_of_the_one_under_way);
	tcase_add_test(tc, a_login_under_way_can_be_wanted_later);
	tcase_add_test(tc, a_client_that_logs_in_and_out_may_leave);
	tcase_add_test(tc, a_redirection_is_followed_there_and_back);
	tcase_add_test(tc, a_portal_may_have_a_name);
	tcase_add_loop_test(tc, a_kernel_that_refuses, 1, 4);
	tcase_add_test(tc, a_logout_cancels_a_login);
	tcase_add_test(tc, two_may_ask_for_the_same_logout);
	tcase_add_test(tc, a_logout_ends_though_the_target_is_silent);
	tcase_add_test(tc, a_logout_ends_though_the_flush_does_not);
	tcase_add_test(tc, a_kernel_that_keeps_a_session_is_told_of);
	tcase_add_test(tc, a_logout_of_a_lost_session_is_at_once);
	tcase_add_test(tc, a_logout_says_that_the_target_went_away_meanwhile);
	tcase_add_test(tc, a_lost_session_with_a_mounted_disk_is_kept);
	tcase_add_test(tc, a_lost_connection_comes_back);
	tcase_add_test(tc, an_error_of_the_kernel_is_a_lost_connection);
	tcase_add_test(tc, a_session_that_was_removed_by_others_is_gone);
	tcase_add_test(tc, lost_events_are_looked_up);
	tcase_add_test(tc, reopen_max_ends_a_session);
	tcase_add_test(tc, a_target_may_ask_for_a_logout);
	tcase_add_test(tc, a_target_may_drop_the_connection);
	tcase_add_loop_test(tc, a_target_may_ask_to_negotiate, 0, 2);
	tcase_add_test(tc, changed_luns_are_looked_for);
	tcase_add_test(tc, a_rescan_reads_known_luns_anew);
	tcase_add_test(tc, a_scan_s_answer_waits_for_the_disks);
	tcase_add_test(tc, counters);
	tcase_add_test(tc, a_client_may_stop_the_daemon);
	tcase_add_test(tc, whoever_waits_hears_that_the_daemon_stops);
	tcase_add_loop_test(tc, a_safe_logout_leaves_disks_in_use, 0, ARRAY_SIZE(in_use));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
