/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of the machine (iscsid/shutdown.h) with the whole daemon: which sessions are logged out,
 * which are given up, which are left alone, and when.
 */
#include "iscsid/shutdown.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"
#include "test/unit/capture.h"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client;
static struct shutdown *shutdown_of_test;
static bool done;

static void setup(void)
{
	fake_daemon_setup();
	fake_client_open(&client);
	shutdown_of_test = shutdown_new(&d->clock.clock, d->manager, d->env.sysfs, d->env.proc);
	ck_assert_ptr_nonnull(shutdown_of_test);
	done = false;
}

static void teardown(void)
{
	shutdown_free(shutdown_of_test);
	fake_client_close(&client);
	fake_daemon_teardown();
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

/* A session with the disk sda, which is mounted on @where. NULL: it isn't. */
static uint32_t log_in_and_mount(const char *where)
{
	uint32_t sid = fake_client_log_in(&client, NULL);
	char line[128] = "";

	fake_sysfs_add_lun(d->fs, sid, 0, 0, "sda", "running");
	fake_sysfs_set(d->fs, "class/block/sda/dev", "8:0\n");
	if (where)
		(void)snprintf(line, sizeof(line), "30 1 8:0 / %s rw - ext4 /dev/none rw\n", where);
	write_proc("self/mountinfo", line);
	write_proc("swaps", "");
	return sid;
}

static void on_done(void *arg)
{
	(void)arg;
	done = true;
}

static void lose_target(void)
{
	d->target.silent = true;
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
}

static bool exists(uint32_t sid)
{
	return d->kernel.session[sid].exists;
}

START_TEST(an_idle_session_is_logged_out)
{
	uint32_t sid = log_in_and_mount(NULL);

	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(2000);
	ck_assert(exists(sid));		/* its file system may be in the middle of unmounting */
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(2000);
	ck_assert(done);
	ck_assert(!exists(sid));
	ck_assert_uint_eq(d->target.logouts, 1);
}
END_TEST

START_TEST(a_mounted_disk_is_waited_for)
{
	uint32_t sid = log_in_and_mount("/mnt");

	shutdown_announce(shutdown_of_test);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(10000);
	ck_assert(!done && exists(sid));
	write_proc("self/mountinfo", "");
	fake_daemon_wait(1000);
	ck_assert(done && !exists(sid));
	ck_assert_uint_eq(d->target.logouts, 1);
}
END_TEST

START_TEST(but_not_for_ever)
{
	uint32_t sid = log_in_and_mount("/mnt");

	shutdown_announce(shutdown_of_test);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(20000);
	fake_client_close(&client);	/* a silent one would be dropped, with a warning */
	shutdown_log_out(shutdown_of_test, NULL, NULL);		/* the first who asks counts */
	fake_daemon_wait(24999);
	ck_assert(!done);
	capture();
	fake_daemon_wait(1);
	ck_assert(done && exists(sid));
	ck_assert_ptr_nonnull(strstr(said(1), "session 1: sda is mounted on /mnt; leaving without a "
				     "logout\n"));
}
END_TEST

static const char *const system_places[] = { "/", "/usr" };

START_TEST(the_system_s_own_session_stays)
{
	uint32_t sid = log_in_and_mount(system_places[_i]);

	shutdown_announce(shutdown_of_test);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(1000);
	ck_assert(done && exists(sid));
	/* Whoever asks for it by hand. */
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGOUT, .sid = sid }), ISCSI_ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "sda is mounted on /"));
}
END_TEST

/* Without its root the machine can't go down, so nobody gives it up. */
START_TEST(the_root_s_session_is_neither_waited_for_nor_given_up)
{
	uint32_t sid = log_in_and_mount("/");

	fake_client_close(&client);
	lose_target();
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(20000);
	ck_assert(exists(sid));
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	ck_assert_uint_eq(fake_clock_next_us(&d->clock), 0);	/* at once */
	fake_daemon_wait(1);
	ck_assert(done && exists(sid));
}
END_TEST

/* However long the wait is, the service manager hears that it goes on. */
START_TEST(the_service_manager_is_asked_for_time)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(addr);
	char text[64], name[64];

	(void)log_in_and_mount("/mnt");
	(void)snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "iscsi-test-shutdown-%d", getpid());
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(addr.sun_path + 1));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, len), 0);
	(void)snprintf(name, sizeof(name), "@%s", addr.sun_path + 1);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(1000);
	ck_assert_int_lt(recv(fd, text, sizeof(text), 0), 0);	/* nobody waits for the daemon yet */
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	for (int i = 0; i < 3; i++) {
		ssize_t n;

		fake_daemon_wait(250);
		n = recv(fd, text, sizeof(text) - 1, 0);
		ck_assert_int_gt(n, 0);
		text[n] = '\0';
		ck_assert_str_eq(text, "EXTEND_TIMEOUT_USEC=10000000");
	}
	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
	(void)close(fd);
}
END_TEST

START_TEST(a_logout_under_way_is_waited_for)
{
	uint32_t sid = log_in_and_mount(NULL);

	fake_client_close(&client);
	d->kernel.keeps_luns = d->kernel.keeps_sessions = true;
	session_logout(manager_find(d->manager, sid), NULL, "");
	shutdown_announce(shutdown_of_test);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(5000);
	ck_assert(!done);
	d->target.never_logs_out = true;
	manager_kernel_events.unbound(d->manager, sid);
	fake_daemon_wait(5000);
	ck_assert(!done);
	fake_daemon_wait(10000);	/* the target's time to answer */
	ck_assert_int_eq(session_state(manager_find(d->manager, sid)), SESSION_ENDING);
	fake_daemon_wait(5000);
	ck_assert(!done);
	manager_kernel_events.destroyed(d->manager, sid);
	fake_daemon_wait(250);
	ck_assert(done);
}
END_TEST

START_TEST(a_silent_target_is_given_up_while_mounted)
{
	uint32_t sid = log_in_and_mount("/mnt");

	lose_target();
	fake_daemon_wait(20000);	/* before the end of the machine that is no reason */
	ck_assert(exists(sid));
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(14000);
	shutdown_announce(shutdown_of_test);	/* once more, which changes nothing */
	fake_daemon_wait(999);
	ck_assert(exists(sid));
	capture();
	fake_daemon_wait(1);
	ck_assert(!exists(sid));
	ck_assert_ptr_nonnull(strstr(said(1), "session 1: the machine goes down and the target has been "
				     "silent for 15 s: giving the session up\n"));
}
END_TEST

/* The target's silence counts from its beginning, and is looked for four times a second. */
START_TEST(a_target_that_falls_silent_later)
{
	uint32_t sid = log_in_and_mount("/mnt");

	fake_client_close(&client);
	ck_assert(!shutdown_announced(shutdown_of_test));
	shutdown_announce(shutdown_of_test);
	ck_assert(shutdown_announced(shutdown_of_test));
	fake_daemon_wait(10000);
	ck_assert_uint_eq(fake_clock_next_us(&d->clock), 250000);
	lose_target();
	fake_daemon_wait(14999);
	ck_assert(exists(sid));
	fake_daemon_wait(1);
	ck_assert(!exists(sid));
}
END_TEST

static const bool is_silent[] = { false, true };

START_TEST(swap_keeps_a_session_unless_its_target_is_silent)
{
	uint32_t sid = log_in_and_mount(NULL);

	write_proc("swaps", "Filename Type Size Used Priority\n/dev/sda partition 1000 10 -2\n");
	if (is_silent[_i])
		lose_target();
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(14000);
	ck_assert(exists(sid));
	fake_daemon_wait(2000);
	ck_assert_int_eq(exists(sid), !is_silent[_i]);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(1000);
	ck_assert(done);
	ck_assert_int_eq(exists(sid), !is_silent[_i]);
}
END_TEST

/* The kernel takes a file system out of the mount table before it flushes. */
START_TEST(an_umount_under_way_doesn_t_wait_for_a_silent_target)
{
	uint32_t sid = log_in_and_mount(NULL);

	lose_target();
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(14000);
	ck_assert(exists(sid));
	fake_daemon_wait(2000);
	ck_assert(!exists(sid));
}
END_TEST

START_TEST(a_silent_target_without_mounts_costs_no_time)
{
	uint32_t sid = log_in_and_mount(NULL);

	lose_target();
	shutdown_announce(shutdown_of_test);
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(1000);
	ck_assert(done && !exists(sid));
}
END_TEST

/* It goes on until nothing needs it any more, since a mount may wait for it. */
START_TEST(a_first_login_under_way_is_called_off)
{
	CLEANUP(freep) char *record = fake_node_text(NULL);

	d->target.silent = true;
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 7, .record = record });
	UNTIL(d->target.pdus == 1);
	shutdown_announce(shutdown_of_test);
	fake_daemon_wait(5000);
	ck_assert(!fake_client_poll(&client));
	shutdown_log_out(shutdown_of_test, on_done, NULL);
	fake_daemon_wait(1000);
	ck_assert(fake_client_poll(&client));
	ck_assert_int_ne(client.reply.err, ISCSI_SUCCESS);
	ck_assert(done);
}
END_TEST

START_TEST(a_logout_of_all_spares_what_is_in_use)
{
	uint32_t sid = log_in_and_mount("/mnt");
	struct mgmt_request request = {
		.type = MGMT_LOGOUT, .sid = sid, .flags = MGMT_SPARE_USED,
	};

	ck_assert_int_eq(fake_client_ask(&client, &request), ISCSI_ERR_BUSY);
	ck_assert_str_eq(client.reply.why, "sda is mounted on /mnt");
	request.flags = 0;
	ck_assert_int_eq(fake_client_ask(&client, &request), ISCSI_SUCCESS);
	ck_assert(!exists(sid));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shutdown");
	TCase *tc = tcase_create("shutdown");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, an_idle_session_is_logged_out);
	tcase_add_test(tc, a_mounted_disk_is_waited_for);
	tcase_add_test(tc, but_not_for_ever);
	tcase_add_loop_test(tc, the_system_s_own_session_stays, 0, ARRAY_SIZE(system_places));
	tcase_add_test(tc, the_root_s_session_is_neither_waited_for_nor_given_up);
	tcase_add_test(tc, the_service_manager_is_asked_for_time);
	tcase_add_test(tc, a_logout_under_way_is_waited_for);
	tcase_add_test(tc, a_silent_target_is_given_up_while_mounted);
	tcase_add_test(tc, a_target_that_falls_silent_later);
	tcase_add_loop_test(tc, swap_keeps_a_session_unless_its_target_is_silent, 0,
			    ARRAY_SIZE(is_silent));
	tcase_add_test(tc, an_umount_under_way_doesn_t_wait_for_a_silent_target);
	tcase_add_test(tc, a_silent_target_without_mounts_costs_no_time);
	tcase_add_test(tc, a_first_login_under_way_is_called_off);
	tcase_add_test(tc, a_logout_of_all_spares_what_is_in_use);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
