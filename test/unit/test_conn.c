/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection in the whole daemon (test/fake/daemon.h): how long each wait is, to the millisecond,
 * what is said in the log and to whoever asks, and what the target and the kernel get to see.
 */
#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/message/session_text.h"
#include "iscsid/session_private.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"
#include "test/unit/daemon_fixture.h"

/* The next timer of the daemon, in ms from now. A client that has asked for something has none. */
#define CK_NEXT_MS(ms)	ck_assert_uint_eq(fake_clock_next_us(&d->clock), UINT64_C(1000) * (ms))

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

#define CK_SAID(text)	ck_assert_msg(times_said(text) == 1, "'%s' was not said once: %s", text, said(1))

/* Logs in, and leaves no client whose time could be the next timer's. */
static void log_in(const char *const *settings)
{
	ck_assert_uint_eq(fake_client_log_in(&client, settings), 1);
	fake_client_close(&client);
	fake_daemon_settle();
	fake_daemon_wait(20000);
}

static void send_pdu(uint8_t opcode, uint8_t flags, const uint16_t params[3], uint8_t event)
{
	uint8_t bhs[PDU_BHS_LEN] = { opcode, flags };

	put_be32(bhs + 24, 700);
	bhs[36] = event;
	for (size_t i = 0; params && i < 3; i++)
		put_be16(bhs + 38 + 2 * i, params[i]);
	fake_target_send(&d->target, bhs, NULL, 0);
	fake_daemon_settle();
}

static void send_async(uint8_t event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	send_pdu(PDU_ASYNC, 0x80, (const uint16_t[]){ p1, p2, p3 }, event);
}

static struct session *session(void)
{
	return manager_find(d->manager, 1);
}

static void log_out(void)
{
	session_logout(session(), NULL, "");
	fake_daemon_settle();
}

static void lose(void)
{
	fake_target_hang_up(&d->target);
	fake_daemon_settle();
}

static struct session_outage outage(void)
{
	struct session_outage ret;

	ck_assert(session_text_parse_outage(session_shown(session()), &ret));
	return ret;
}

static void ck_shown(enum mgmt_conn_state conn, enum mgmt_recovery recovery)
{
	enum mgmt_conn_state conn_is;
	enum mgmt_recovery recovery_is;

	session_describe(session(), &conn_is, &recovery_is);
	ck_assert_int_eq(conn_is, conn);
	ck_assert_int_eq(recovery_is, recovery);
}

/* ---- logins ---------------------------------------------------------------------------------- */

static void begin_login(const char *const *settings)
{
	CLEANUP(freep) char *record = fake_node_text(settings);

	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .record = record });
	fake_daemon_settle();
}

static const char *const ten_seconds[] = {
	"node.session.initial_login_retry_max", "1",
	"node.conn[0].timeo.login_timeout", "10", NULL };

START_TEST(a_login_has_its_time)
{
	d->target.silent = true;
	begin_login(ten_seconds);
	ck_assert_uint_eq(d->target.pdus, 1);
	CK_NEXT_MS(10000);
	fake_daemon_wait(9999);
	ck_assert(!fake_client_poll(&client));
	fake_daemon_wait(1);
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_str_eq(client.reply.why, "the target accepted the connection but didn't finish the "
			 "login within 10 s");
}
END_TEST

START_TEST(a_connect_has_its_time)
{
	char text[128];

	fake_target_lose_packets(&d->target);
	begin_login(ten_seconds);
	CK_NEXT_MS(10000);
	fake_daemon_wait(10000);
	UNTIL(fake_client_poll(&client));
	(void)snprintf(text, sizeof(text), "cannot make a connection to 127.0.0.1:%u: Connection timed out",
		       d->target.port);
	ck_assert_str_eq(client.reply.why, text);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_eq(d->kernel.log, "");
}
END_TEST

/* Each change is told to whoever debugs, by its RFC's name. */
START_TEST(each_state_is_told)
{
	static const char *const changes[] = {
		"connection FREE -> TRANSPORT WAIT\n", "connection TRANSPORT WAIT -> IN LOGIN\n",
		"connection IN LOGIN -> LOGGED IN\n", ": FREE -> SCANNING\n", ": SCANNING -> LOGGED_IN\n",
		"connection LOGGED IN -> CLEANUP WAIT\n", ": LOGGED_IN -> FAILED\n",
		"connection CLEANUP WAIT -> TRANSPORT WAIT\n", ": FAILED -> LOGGED_IN\n",
		": LOGGED_IN -> UNBINDING\n", "connection LOGGED IN -> LOGOUT REQUESTED\n",
		": UNBINDING -> LOGGING_OUT\n", "connection LOGOUT REQUESTED -> IN LOGOUT\n",
		"connection IN LOGOUT -> CLEANUP WAIT\n", ": LOGGING_OUT -> ENDING\n",
	};

	capture();
	log_open(false, LOG_DEBUG);
	log_in(NULL);
	lose();
	fake_daemon_wait(10000);
	d->kernel.keeps_luns = true;
	log_out();
	send_async(1, 0, 0, 3);
	manager_kernel_events.unbound(d->manager, 1);
	fake_daemon_settle();
	log_open(false, LOG_INFO);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		ck_assert_msg(times_said(changes[i]) >= 1, "%s", changes[i]);
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

/* ---- what is said of a login ------------------------------------------------------------------- */

static const struct { const char *tpgt, *keys, *said; } groups[] = {
	{ "1", NULL, NULL }, { "-1", NULL, NULL }, { "1", "DefaultTime2Wait=2\n", NULL },
	{ "2", NULL, "the target names portal group 1, but the record names 2" },
	{ "0", NULL, "the target names portal group 1, but the record names 0" },
	{ "1", "TargetPortalGroupTag=0\n", "the target names portal group 0, but the record names 1" },
};

START_TEST(another_portal_group_is_said)
{
	d->target.login_text = groups[_i].keys;
	capture();
	log_in((const char *[]){ "node.tpgt", groups[_i].tpgt, NULL });
	ck_assert_uint_eq(times_said("the target names portal group"), groups[_i].said != NULL);
	if (groups[_i].said)
		CK_SAID(groups[_i].said);
	ck_assert_uint_eq(times_said("TSIH 0"), 0);
	CK_SAID("through [iface: default] is operational now");
	ck_assert_uint_eq(times_said("after recovery"), 0);
}
END_TEST

START_TEST(a_recovery_counts_its_attempts)
{
	log_in(NULL);
	capture();
	lose();
	fake_daemon_wait(20000);
	CK_SAID("connection1:0 is operational after recovery (1 attempts)");
	capture();
	d->target.status = 0x0301;
	lose();
	while (outage().attempts < 2)
		(void)fake_daemon_pass(1000);
	d->target.status = 0;
	fake_daemon_wait(20000);
	CK_SAID("connection1:0 is operational after recovery (3 attempts)");
	CK_SAID("service unavailable (03/01); iscsid tries again until the session is back");
	capture();
	lose();
	fake_daemon_wait(20000);
	CK_SAID("connection1:0 is operational after recovery (1 attempts)");
}
END_TEST

START_TEST(a_congestion_control_that_the_kernel_lacks)
{
	capture();
	log_in((const char *[]){ "node.conn[0].tcp.congestion_control", "bogus", NULL });
	CK_SAID("the kernel refuses congestion control 'bogus': No such file or directory");
	/* Once is enough, however many attempts an outage takes. */
	capture();
	d->target.hangs_up = true;
	lose();
	fake_daemon_wait(20000);
	ck_assert_uint_gt(outage().attempts, 10);
	ck_assert_uint_eq(times_said("the kernel refuses congestion control"), 0);
}
END_TEST

/* Code and reason of an outage, by what the target does. */
static const struct {
	enum { REFUSED, HOLE, LATER, NO, SILENT, HANGS_UP } kind;
	enum iscsi_err code;
	const char *reason;
} outages[] = {
	{ REFUSED, ISCSI_ERR_TRANS, "cannot make a connection to 127.0.0.1:%u: Connection refused" },
	{ HOLE, ISCSI_ERR_TRANS_TIMEOUT, "cannot make a connection to 127.0.0.1:%u: Connection timed out" },
	{ LATER, ISCSI_ERR_LOGIN, "service unavailable (03/01)" },
	{ NO, ISCSI_ERR_FATAL_LOGIN, "target not found (02/03)" },
	{ SILENT, ISCSI_ERR_PDU_TIMEOUT, "the target accepted the connection but didn't answer the login" },
	{ HANGS_UP, ISCSI_ERR_PDU_TIMEOUT, "the target closed the connection at once" },
};

START_TEST(an_outage_has_its_reason)
{
	char reason[128];

	log_in(NULL);
	if (outages[_i].kind == REFUSED)
		fake_target_go_deaf(&d->target);
	else if (outages[_i].kind == HOLE)
		fake_target_lose_packets(&d->target);
	d->target.silent = outages[_i].kind == SILENT;
	d->target.hangs_up = outages[_i].kind == HANGS_UP;
	d->target.status = outages[_i].kind == LATER ? 0x0301 : outages[_i].kind == NO ? 0x0203 : 0;
	lose();
	ck_shown(MGMT_CONN_XPT_WAIT, MGMT_RECOVERY_REOPEN);
	ck_assert_str_eq(outage().reason.text, "target closed the connection (1020)");
	fake_daemon_wait(15000);
	(void)snprintf(reason, sizeof(reason), outages[_i].reason, d->target.port);
	ck_assert_str_eq(outage().reason.text, reason);
	ck_assert_int_eq(outage().code, outages[_i].code);
	ck_assert_int_eq(outage().down_ms, 15000);
	ck_assert_int_eq(outage().fails_ms, 105000);
}
END_TEST

/* Each kind of failure is logged once, and again after another kind. */
START_TEST(a_failure_is_logged_once)
{
	char refused[128];

	log_in(NULL);
	fake_target_go_deaf(&d->target);
	(void)snprintf(refused, sizeof(refused), "cannot make a connection to 127.0.0.1:%u: Connection "
		       "refused; iscsid tries again until the session is back", d->target.port);
	capture();
	lose();
	fake_daemon_wait(15000);
	d->target.status = 0x0203;
	fake_target_listen(&d->target);
	fake_daemon_wait(15000);
	CK_SAID(refused);
	CK_SAID("target not found (02/03); iscsid tries again until the session is back");
}
END_TEST

START_TEST(a_first_login_logs_its_first_failure)
{
	fake_target_go_deaf(&d->target);
	capture();
	begin_login((const char *[]){ "node.session.initial_login_retry_max", "2",
				      "node.conn[0].timeo.login_timeout", "10", NULL });
	fake_daemon_wait(20000);
	UNTIL(fake_client_poll(&client));
	CK_SAID("Connection refused; iscsid tries again\n");
	CK_SAID(": login failed: cannot make a connection to 127.0.0.1:");
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
}
END_TEST

START_TEST(whoever_joins_a_login_has_the_whole_time)
{
	static const char *const settings[] = { "node.session.initial_login_retry_max", "2",
						"node.conn[0].timeo.login_timeout", "10", NULL };
	CLEANUP(freep) char *record = fake_node_text(settings);
	struct fake_client other;
	char text[256];

	fake_target_go_deaf(&d->target);
	begin_login(settings);
	fake_daemon_wait(12000);
	ck_assert(!fake_client_poll(&client));
	fake_client_open(&other);
	fake_client_send(&other, &(struct mgmt_request){ .type = MGMT_LOGIN, .tag = 4, .record = record });
	UNTIL(fake_client_poll(&other));
	ck_assert_int_eq(other.reply.type, MGMT_WARNING);
	(void)snprintf(text, sizeof(text), FAKE_TARGET_NAME " 127.0.0.1,%u: a login is under way since "
		       "12 s; last failure: cannot make a connection to 127.0.0.1:%u: Connection "
		       "refused; this login waits for its end", d->target.port, d->target.port);
	ck_assert_str_eq(other.reply.why, text);
	fake_daemon_wait(12000);
	ck_assert(!fake_client_poll(&client) && !fake_client_poll(&other));
	fake_daemon_wait(8000);
	ck_assert(fake_client_poll(&client) && fake_client_poll(&other));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_int_eq(other.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	fake_client_close(&other);
}
END_TEST

/* Whoever waits for a wanted login hears what comes of it in the time of a first login. */
START_TEST(a_wanted_login_is_told_of_in_time)
{
	CLEANUP(freep) char *record = fake_node_text(ten_seconds);
	char text[192];

	fake_target_go_deaf(&d->target);
	capture();
	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_WANTED, .record = record });
	fake_daemon_wait(9999);
	ck_assert(!fake_client_poll(&client));
	fake_daemon_wait(8000);
	ck_assert(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS_TIMEOUT);
	d->target.status = 0x0203;
	fake_target_listen(&d->target);
	fake_daemon_wait(20000);
	CK_SAID("Connection refused; trying again until it succeeds or is called off\n");
	/* Between two attempts there is no session with a number. */
	(void)snprintf(text, sizeof(text), "iscsid: " FAKE_TARGET_NAME " 127.0.0.1,%u: login failed: "
		       "target not found (02/03); trying again until it succeeds or is called off\n",
		       d->target.port);
	CK_SAID(text);
}
END_TEST

/* What the kernel has seen of the target's numbers holds for the next login (RFC 7143, 11.12.9). */
START_TEST(a_login_again_goes_on_with_the_numbers)
{
	const uint8_t *bhs = d->kernel.session[1].last_bhs;

	log_in(NULL);
	ck_assert_uint_eq(bhs[0], PDU_LOGIN_REQUEST | 0x40);
	ck_assert_uint_eq(get_be32(bhs + 28), 0);
	lose();
	fake_daemon_wait(10000);
	ck_assert_uint_eq(d->kernel.session[1].binds, 2);
	ck_assert_uint_eq(get_be32(bhs + 28), 2118021389);
}
END_TEST

START_TEST(reopen_max_is_told)
{
	log_in((const char *[]){ "node.session.reopen_max", "3", NULL });
	fake_target_go_deaf(&d->target);
	capture();
	lose();
	fake_daemon_wait(60000);
	CK_SAID("the target wasn't reached (reopen_max 3); the session ends");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

START_TEST(a_loss_is_followed_by_time2wait)
{
	d->target.login_text = "TargetPortalGroupTag=1\nDefaultTime2Wait=7\n";
	log_in(NULL);
	lose();
	CK_NEXT_MS(7000);
	ck_assert_int_eq(outage().next_attempt_ms, 7000);
	ck_assert_uint_eq(outage().attempts, 0);
	fake_daemon_wait(6999);
	ck_assert_int_eq(session_state(session()), SESSION_FAILED);
	fake_daemon_wait(1);
	ck_assert_int_eq(session_state(session()), SESSION_LOGGED_IN);
}
END_TEST

/* The patience of later logins comes from how long this one took. */
START_TEST(a_login_is_timed)
{
	d->target.silent = true;
	begin_login(NULL);
	fake_daemon_wait(700);
	d->target.silent = false;
	fake_target_answer_oldest(&d->target);
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_uint_eq(session()->login_took_ms, 700);
}
END_TEST

/* ---- what goes wrong in a login -------------------------------------------------------------- */

static const char *const chap[] = {
	"node.session.auth.authmethod", "CHAP", "node.session.auth.username", "u",
	"node.session.auth.password", "secret-secret", "node.conn[0].timeo.login_timeout", "10", NULL };

/* The connection has just broken if the kernel takes no more, so the next attempt comes after 1 s. */
START_TEST(a_login_that_the_kernel_cannot_go_on_with_is_repeated)
{
	d->random = 0;
	d->kernel.fail_at = 3;		/* after create and bind: start, or send with CHAP's second step */
	begin_login(_i ? chap : ten_seconds);
	fake_daemon_wait(999);
	ck_assert(!fake_client_poll(&client));
	fake_daemon_wait(1);
	do
		UNTIL(fake_client_poll(&client));
	while (client.reply.type != MGMT_RESULT);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
}
END_TEST

/* What speaks first is no iSCSI target, and doesn't become one. */
START_TEST(a_peer_that_speaks_first_is_no_target)
{
	d->target.greeting = "SSH-2.0-OpenSSH\r\n";
	begin_login(NULL);
	UNTIL(fake_client_poll(&client));
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_str_eq(client.reply.why, "the target speaks before it was asked: not an iSCSI target?");
	ck_assert_uint_eq(d->target.accepted, 1);
	ck_assert_str_eq(d->kernel.log, "create 1, destroy 1");
}
END_TEST

START_TEST(a_login_that_the_kernel_cannot_go_on_with_is_told)
{
	log_in(_i ? chap : NULL);
	lose();
	d->kernel.fail_at = d->kernel.operations + 2;
	while (!outage().attempts)
		(void)fake_daemon_pass(1000);
	ck_assert_int_eq(outage().code, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_str_eq(outage().reason.text, "the fake kernel was told to fail");
}
END_TEST

/* Only a mistake of this program could bring a logout in the middle of a login. */
START_TEST(an_event_out_of_turn_drops_the_connection)
{
	struct session *trying;
	size_t len;
	void **all;

	d->target.silent = true;
	begin_login(NULL);
	all = manager_all(d->manager, &len);
	trying = all[0];
	free(all);
	capture();
	conn_logout(trying->conn);
	fake_daemon_settle();
	CK_SAID("event 6 can't happen while IN LOGIN; the connection is dropped");
	CK_SAID("the connection broke during login: connection failed; iscsid tries again");
	ck_assert_str_eq(d->kernel.log, "create 1, bind 1, stop 1");
}
END_TEST

START_TEST(the_longest_address_is_told_whole)
{
	static const char wanted[] = "cannot make a connection to "
				     "[2001:db8:1111:2222:3333:4444:5555:6666]:65535: ";

	begin_login((const char *[]){
		"node.conn[0].address", "2001:db8:1111:2222:3333:4444:5555:6666",
		"node.conn[0].port", "65535", "node.session.initial_login_retry_max", "1",
		"node.conn[0].timeo.login_timeout", "10", NULL });
	fake_daemon_wait(10000);
	UNTIL(fake_client_poll(&client));
	if (!strstr(client.reply.why, "cannot make a socket"))	/* this machine has no IPv6 */
		ck_assert_mem_eq(client.reply.why, wanted, strlen(wanted));
}
END_TEST

static unsigned int count_sockets(void)
{
	char path[32], link[64];
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n += readlink(path, link, sizeof(link)) > 7 && strncmp(link, "socket:", 7) == 0;
	}
	return n;
}

/* A recovery keeps the socket that was refused, which is cheaper; a first login may wait long. */
START_TEST(a_refused_socket_is_kept_in_a_recovery)
{
	unsigned int others = 1;		/* which close too: the target's listener, ... */
	unsigned int before;

	if (_i) {
		log_in(NULL);
		others = 4;			/* ... and three of the connection that is lost */
	}
	before = count_sockets();
	fake_target_go_deaf(&d->target);
	if (_i)
		lose();
	else
		begin_login(ten_seconds);
	fake_daemon_wait(3500);
	ck_assert_uint_eq(count_sockets(), before - others + (unsigned int)_i);
}
END_TEST

/* ---- asynchronous messages ----------------------------------------------------------------------- */

START_TEST(an_announced_end_comes_after_2_s)
{
	static const struct { uint16_t wait_s; int64_t next_ms; } waits[] = {
		{ 0, 0 }, { 20, 20000 }, { 3600, 3600000 }, { 3601, 3600000 }, { 65535, 3600000 },
	};

	d->target.login_text = "TargetPortalGroupTag=1\nDefaultTime2Wait=5\n";
	log_in(NULL);
	send_async(_i ? 3 : 2, 0, waits[_i].wait_s, 0);
	CK_NEXT_MS(2000);
	fake_daemon_wait(1999);
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	d->target.silent = true;
	fake_clock_advance(&d->clock, 1000);
	while (session_state(session()) != SESSION_FAILED)
		(void)fake_daemon_step();
	ck_assert_str_eq(outage().reason.text, "the target announced this");
	ck_assert_int_eq(outage().next_attempt_ms, waits[_i].next_ms);
	/* It holds for this loss alone. */
	d->target.silent = false;
	fake_daemon_wait(3630000);
	ck_assert_int_eq(session_state(session()), SESSION_LOGGED_IN);
	lose();
	CK_NEXT_MS(5000);
}
END_TEST

#define AHS_SAID(name)	"got a " name " with an additional header segment"

START_TEST(messages_that_mean_nothing_here)
{
	static const uint8_t with_ahs[PDU_BHS_LEN] = { PDU_ASYNC, 0x80, [4] = 1, [36] = 1 };
	static const uint16_t nothing[3];

	log_in(NULL);
	capture();
	send_async(2, 5, 20, 0);
	send_async(9, 0, 0, 0);
	manager_kernel_events.pdu(d->manager, 1, with_ahs, NULL, 0);
	send_pdu(PDU_TEXT_RESPONSE, 0x80, nothing, 0);
	fake_daemon_wait(10000);
	CK_SAID("the target drops connection 5, which this session doesn't have");
	CK_SAID("asynchronous message 9 ignored");
	CK_SAID("asynchronous message ignored: " AHS_SAID("Asynchronous Message"));
	CK_SAID("the target sent PDU 0x24 without a request; iscsid ignores it");
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	ck_assert_uint_eq(d->target.logins, 1);
}
END_TEST

#define LUN_5	"devices/platform/host0/session1/target0:0:0/0:0:0:5/"

START_TEST(changed_luns_are_looked_for_unless_unwanted)
{
	static const uint8_t sense[] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e,
					 0, 0, 0, 0 };
	const uint8_t bhs[PDU_BHS_LEN] = { PDU_ASYNC, 0x80 };

	log_in((const char *[]){ "node.session.scan", _i == 1 ? "manual" : "auto", NULL });
	UNTIL(!session()->scan);
	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan", "");
	fake_sysfs_add_lun(d->fs, 1, 0, 5, "sda", "running");
	fake_sysfs_set(d->fs, LUN_5 "rescan", "");
	d->kernel.keeps_luns = true;
	if (_i == 2)
		log_out();	/* whose flush isn't over */
	fake_target_send(&d->target, bhs, sense, sizeof(sense));
	fake_daemon_settle();
	UNTIL(!session()->scan);
	ck_assert_str_eq(fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"), _i ? "" : "- - -");
	ck_assert_str_eq(fake_sysfs_get(d->fs, LUN_5 "rescan"), _i ? "" : "1");
}
END_TEST

static sem_t may_scan;

static void hold_thread(struct worker_job *job)
{
	(void)job;
	(void)sem_wait(&may_scan);
}

static void let_thread_go(struct worker_job *job)
{
	(void)job;
}

/* A first scan leaves the disks alone that are there; a rescan that was asked for meanwhile doesn't. */
START_TEST(a_first_scan_leaves_known_disks_alone)
{
	static struct worker_job held[4];		/* as many as there are threads */

	ck_assert_int_eq(sem_init(&may_scan, 0, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		held[i] = (struct worker_job){ .run = hold_thread, .done = let_thread_go };
		ck_assert_int_ge(worker_submit(d->env.scan_pool, &held[i]), 0);
	}
	begin_login(NULL);
	ck_assert_int_eq(session_state(session()), SESSION_SCANNING);
	fake_sysfs_add_lun(d->fs, 1, 0, 5, "sda", "running");
	fake_sysfs_set(d->fs, LUN_5 "rescan", "");
	if (_i)
		fake_client_send(&client, &(struct mgmt_request){ .type = MGMT_RESCAN, .sid = 1 });
	fake_daemon_settle();
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		(void)sem_post(&may_scan);
	UNTIL(!session()->scan);
	ck_assert_int_eq(session_state(session()), SESSION_LOGGED_IN);
	ck_assert_str_eq(fake_sysfs_get(d->fs, LUN_5 "rescan"), _i ? "1" : "");
}
END_TEST

START_TEST(a_scan_that_fails_is_told)
{
	static const char why[] = "the kernel can't be asked to look for disks: Is a directory";

	(void)fake_client_log_in(&client, NULL);
	UNTIL(!session()->scan);
	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan", NULL);
	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan/file", "");
	capture();
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_RESCAN, .tag = 4, .sid = 1 }), ISCSI_ERR_SYSFS_LOOKUP);
	CK_SAID(why);
	ck_assert_str_eq(client.reply.why, why);
	ck_assert_uint_eq(client.reply.sid, 1);
}
END_TEST

START_TEST(odd_pdus_fill_no_log)
{
	static const uint16_t nothing[3];

	log_in(NULL);
	for (int login = 0; login < 2; login++) {
		capture();
		for (int i = 0; i < 15; i++)
			send_pdu(0x3f, 0x80, nothing, 0);
		ck_assert_uint_eq(times_said("the target sent PDU 0x3f without a request"), 10);
		CK_SAID("further odd PDUs are not logged until the next login");
		lose();
		fake_daemon_wait(10000);
	}
}
END_TEST

START_TEST(a_target_that_wants_to_negotiate_is_asked)
{
	const struct fake_session *s = &d->kernel.session[1];

	log_in(NULL);
	d->target.holds_texts = true;
	capture();
	send_async(4, 0, 0, 0);
	CK_SAID("the target wants to negotiate\n");
	ck_assert_uint_eq(s->last_bhs[0], PDU_TEXT_REQUEST | 0x40);
	ck_assert_uint_eq(s->last_bhs[1], 0x80);
	ck_assert_uint_eq(get_be32(s->last_bhs + 20), PDU_RESERVED_TAG);
	ck_assert_uint_eq(get_be32(s->last_bhs + 28), 701);
	/* The first answer counts, and no other. */
	send_pdu(PDU_TEXT_RESPONSE, 0x80, NULL, 0);
	fake_daemon_settle();
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	capture();
	send_pdu(PDU_TEXT_RESPONSE, 0x00, NULL, 0);
	CK_SAID("the target sent PDU 0x24 without a request");
	ck_assert_uint_eq(d->target.logouts, 0);
	/* An answer that isn't the last has more to say, which a new login hears. */
	d->target.never_logs_out = true;
	send_async(4, 0, 0, 0);
	send_pdu(PDU_TEXT_RESPONSE, 0x00, NULL, 0);
	ck_assert_uint_eq(d->target.logouts, 1);
	CK_NEXT_MS(15000);
	fake_daemon_wait(40000);
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	capture();
	d->kernel.fail_at = d->kernel.operations + 1;
	send_async(4, 0, 0, 0);
	CK_SAID("the target wants to negotiate, but the Text Request failed: the fake kernel was told "
		"to fail");
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	/* A new login expects no answer from before. */
	send_async(4, 0, 0, 0);
	lose();
	fake_daemon_wait(10000);
	capture();
	send_pdu(PDU_TEXT_RESPONSE, 0x00, NULL, 0);
	CK_SAID("the target sent PDU 0x24 without a request");
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
}
END_TEST

/* ---- logouts ------------------------------------------------------------------------------------ */

/* A target that asks for a logout says for how long it waits; the record bounds that. */
static const struct { uint16_t param3; unsigned int ms; } patience[] = {
	{ 0, 1000 }, { 1, 1000 }, { 3, 3000 }, { 15, 15000 }, { 100, 15000 },
};

START_TEST(how_long_a_logout_that_the_target_asks_for_may_take)
{
	log_in(NULL);
	d->target.never_logs_out = true;
	capture();
	send_async(1, 0, 0, patience[_i].param3);
	CK_SAID("the target asks for a logout");
	ck_shown(MGMT_CONN_IN_LOGOUT, MGMT_RECOVERY_NO_CHANGE);
	CK_NEXT_MS(patience[_i].ms);
}
END_TEST

START_TEST(a_logout_has_its_time)
{
	log_in((const char *[]){ "node.conn[0].timeo.logout_timeout", "7", NULL });
	d->target.never_logs_out = true;
	log_out();
	ck_shown(MGMT_CONN_IN_LOGOUT, MGMT_RECOVERY_NO_CHANGE);
	CK_NEXT_MS(7000);
	capture();
	fake_daemon_wait(7000);
	CK_SAID("the target didn't answer the logout in time; the connection is closed anyway");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

/* After a Logout the kernel doesn't tell that the target has closed the connection. */
START_TEST(a_target_may_close_instead_of_answering)
{
	log_in(NULL);
	d->target.never_logs_out = true;
	log_out();
	(void)sd_event_source_set_enabled(d->kernel.session[1].io, SD_EVENT_OFF);
	lose();
	ck_shown(MGMT_CONN_IN_LOGOUT, MGMT_RECOVERY_NO_CHANGE);
	CK_NEXT_MS(1000);
	capture();
	fake_daemon_wait(1000);
	CK_SAID("the target closed the connection instead of answering the logout");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

static const struct { uint8_t response, ahs_words; const char *said; } responses[] = {
	{ 0, 0, NULL },
	{ 1, 0, "the target answered the logout with error 1; the connection is closed anyway" },
	{ 3, 0, "the target answered the logout with error 3; the connection is closed anyway" },
	{ 0, 1, AHS_SAID("Logout Response") },
};

START_TEST(what_a_target_answers_to_a_logout)
{
	const uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGOUT_RESPONSE, 0x80, responses[_i].response, 0,
					   responses[_i].ahs_words };

	log_in(NULL);
	d->target.never_logs_out = true;
	log_out();
	capture();
	send_async(0, 0, 0, 0);		/* no answer yet */
	ck_shown(MGMT_CONN_IN_LOGOUT, MGMT_RECOVERY_NO_CHANGE);
	fake_target_send(&d->target, bhs, NULL, 0);
	fake_daemon_settle();
	ck_assert(!d->kernel.session[1].exists);
	ck_assert_uint_eq(times_said("the target answered the logout"),
			  responses[_i].response != 0);
	if (responses[_i].said)
		CK_SAID(responses[_i].said);
	CK_SAID("through [iface: default] is shutdown.");
}
END_TEST

START_TEST(a_logout_that_cannot_be_sent)
{
	log_in(NULL);
	d->kernel.fail_at = d->kernel.operations + 2;	/* unbind, send */
	capture();
	log_out();
	CK_SAID("the connection is closed without a Logout PDU: the fake kernel was told to fail");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

START_TEST(an_unbind_that_the_kernel_refuses)
{
	log_in(NULL);
	d->kernel.fail_at = d->kernel.operations + 1;
	capture();
	log_out();
	CK_SAID(": the fake kernel was told to fail; the session ends without a flush, and writes that "
		"were still on the way are lost\n");
	ck_assert(!d->kernel.session[1].exists);
	ck_assert_uint_eq(d->target.logouts, 0);
}
END_TEST

START_TEST(a_flush_has_a_minute_and_an_end_30_s)
{
	log_in(NULL);
	d->kernel.keeps_luns = d->kernel.keeps_sessions = true;
	log_out();
	ck_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	CK_NEXT_MS(60000);
	send_async(1, 0, 0, 3);
	ck_shown(MGMT_CONN_LOGOUT_REQUESTED, MGMT_RECOVERY_NO_CHANGE);
	fake_daemon_wait(60000);
	ck_shown(MGMT_CONN_CLEANUP_WAIT, MGMT_RECOVERY_CLEANUP);
	CK_NEXT_MS(30000);
	capture();
	fake_daemon_wait(29999);
	ck_assert_ptr_nonnull(session());
	fake_daemon_wait(1);
	ck_assert_ptr_null(session());
	CK_SAID("the kernel hasn't removed the session after 30 s");
	ck_assert_uint_eq(times_said("is shutdown."), 0);
}
END_TEST

START_TEST(a_target_that_closes_during_the_flush)
{
	log_in(NULL);
	d->kernel.keeps_luns = true;
	log_out();
	fake_daemon_wait(5000);
	capture();
	lose();
	CK_SAID("the target hasn't taken all writes in 5 s: target closed the connection (1020); the "
		"session ends without a flush, and writes that were still on the way are lost\n");
	ck_assert(!d->kernel.session[1].exists);
}
END_TEST

/* ---- the network's news ------------------------------------------------------------------------- */

/* Two attempts are 300 ms apart at least, however often the network changes. */
START_TEST(news_of_the_network_bring_the_next_attempt_forward)
{
	log_in(NULL);
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(60000);
	while (session()->attempt_us != d->clock.now_us)
		(void)fake_daemon_pass(1000);
	ck_assert_uint_gt(fake_clock_next_us(&d->clock), 1000000);
	manager_network_changed(d->manager, NULL);
	CK_NEXT_MS(300);
	fake_clock_advance(&d->clock, 100000);
	manager_network_changed(d->manager, NULL);
	CK_NEXT_MS(200);
	fake_daemon_wait(200);
	ck_assert_uint_eq(session()->attempt_us, d->clock.now_us);
}
END_TEST

START_TEST(a_neighbour_concerns_its_own_portals)
{
	struct sockaddr_storage here, there, here6, there6;
	uint64_t next_us;

	ck_assert(lookup_numeric("127.0.0.1", 1, &here) && lookup_numeric("127.0.0.2", 2, &there));
	ck_assert(lookup_numeric("2001:db8::1", 3, &here6) && lookup_numeric("2001:db8::2", 4, &there6));
	log_in(NULL);
	fake_target_go_deaf(&d->target);
	lose();
	fake_daemon_wait(60000);
	while (session()->attempt_us != d->clock.now_us)
		(void)fake_daemon_pass(1000);
	next_us = fake_clock_next_us(&d->clock);
	if (_i) {
		session()->route.portal = here6;
		here6 = here;
		here = session()->route.portal;
		there = there6;
	}
	manager_network_changed(d->manager, &there);
	manager_network_changed(d->manager, &here6);
	ck_assert_uint_eq(fake_clock_next_us(&d->clock), next_us);
	manager_network_changed(d->manager, &here);
	CK_NEXT_MS(300);
}
END_TEST

/* A SYN that was lost is repeated later and later, so a new connection begins instead. */
START_TEST(news_of_the_network_begin_a_connection_anew)
{
	struct session *trying;
	size_t len;
	void **all;
	uint64_t begun_us;

	fake_target_lose_packets(&d->target);
	begin_login(ten_seconds);
	all = manager_all(d->manager, &len);
	ck_assert_uint_eq(len, 1);
	trying = all[0];
	free(all);
	begun_us = trying->attempt_us;
	fake_clock_advance(&d->clock, 299999);
	manager_network_changed(d->manager, NULL);
	ck_assert_uint_eq(trying->attempt_us, begun_us);
	fake_clock_advance(&d->clock, 1);
	manager_network_changed(d->manager, NULL);
	ck_assert_uint_eq(trying->attempt_us, begun_us + 300000);
	CK_NEXT_MS(10000);
}
END_TEST

/* ---- several things at once ---------------------------------------------------------------------- */

START_TEST(what_comes_at_once_is_done_in_its_order)
{
	static const uint8_t sense[] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e,
					 0, 0, 0, 0 };
	static const uint8_t changed[PDU_BHS_LEN] = { PDU_ASYNC, 0x80 };
	static const uint8_t leave[PDU_BHS_LEN] = { PDU_ASYNC, 0x80, [36] = 1 };
	const char *asked, *lost;

	log_in(NULL);
	UNTIL(!session()->scan);
	fake_sysfs_set(d->fs, "class/scsi_host/host0/scan", "");
	capture();
	manager_kernel_events.pdu(d->manager, 1, changed, sense, sizeof(sense));
	manager_kernel_events.pdu(d->manager, 1, leave, NULL, 0);
	manager_kernel_events.conn_error(d->manager, 1, 1022);
	fake_daemon_settle();
	asked = strstr(said(1), "the target asks for a logout");
	lost = strstr(said(1), "Kernel reported iSCSI connection 1:0 error: ");
	ck_assert(asked && lost && asked < lost);
	UNTIL(*fake_sysfs_get(d->fs, "class/scsi_host/host0/scan"));
	fake_daemon_wait(10000);
	ck_assert_int_eq(session_state(session()), SESSION_LOGGED_IN);
}
END_TEST

/* The kernel's events were lost, but sysfs shows that the connection has failed. */
START_TEST(a_loss_is_found_in_sysfs)
{
	log_in(NULL);
	fake_sysfs_set(d->fs, "class/iscsi_connection/connection1:0/state", "failed\n");
	fake_kernel_break(&d->kernel, 1);
	capture();
	manager_kernel_events.lost_events(d->manager);
	fake_daemon_settle();
	CK_SAID("Kernel reported iSCSI connection 1:0 error: connection failed (1011); ");
}
END_TEST

/* ---- notes for the next daemon -------------------------------------------------------------------- */

/* What is in the way of a new note, and what is said then of a login. */
static const struct { const char *folder, *said; } notes[] = {
	{ NULL, NULL },
	{ "session-1.new", "iscsid can't note the session for a restart: File exists\n" },
	{ "wanted-1.new", "iscsid can't note the login for a restart: File exists\n" },
};

START_TEST(a_note_that_cannot_be_written_is_told)
{
	static const char *const settings[] = { "node.session.scan", "manual", NULL };
	CLEANUP(freep) char *record = fake_node_text(settings);

	if (notes[_i].folder)
		ck_assert_int_eq(mkdirat(d->env.run_dir_fd, notes[_i].folder, 0700), 0);
	capture();
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_LOGIN, .tag = 3, .flags = MGMT_WANTED, .record = record }), 0);
	ck_assert_uint_eq(times_said("iscsid can't note"), notes[_i].said != NULL);
	if (notes[_i].said)
		CK_SAID(notes[_i].said);
}
END_TEST

/* How far a session has come is written into its note, which needs no room on a full file system. */
START_TEST(a_note_changes_in_its_place)
{
	log_in(NULL);
	ck_assert_int_eq(mkdirat(d->env.run_dir_fd, "session-1.new", 0700), 0);
	d->kernel.keeps_luns = true;
	capture();
	log_out();
	ck_assert_uint_eq(times_said("iscsid can't note"), 0);
}
END_TEST

/* ---- what is shown of a session -------------------------------------------------------------------- */

/* The values that a login has agreed on, but no secret; nothing once the session is on its way out. */
START_TEST(what_a_session_shows)
{
	CLEANUP(freep) char *before = NULL;

	log_in(NULL);
	fake_sysfs_set(d->fs, "class/iscsi_session/session1/password", "secret-secret\n");
	fake_sysfs_set(d->fs, "class/iscsi_connection/connection1:0/max_recv_dlength", "12288\n");
	before = strdup(session_shown(session()));
	ck_assert_ptr_nonnull(strstr(before, "12288"));
	ck_assert_ptr_null(strstr(before, "secret-secret"));
	fake_sysfs_set(d->fs, "class/iscsi_connection/connection1:0/max_recv_dlength", "8192\n");
	ck_assert_str_eq(session_shown(session()), before);	/* no login has changed it */
	lose();
	fake_daemon_wait(10000);
	ck_assert_ptr_nonnull(strstr(session_shown(session()), "8192"));
	d->kernel.keeps_luns = true;
	log_out();
	ck_assert_str_eq(session_shown(session()), "");
}
END_TEST

/* ---- a redirection in a recovery -------------------------------------------------------------------- */

START_TEST(a_recovery_elsewhere_is_shown)
{
	struct fake_target elsewhere;
	char text[64];

	log_in(NULL);
	fake_target_open(&elsewhere, d->loop);
	elsewhere.silent = true;
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u,1\n", elsewhere.port);
	d->target.status = 0x0101;
	d->target.login_text = text;
	lose();
	while (!elsewhere.pdus)
		(void)fake_daemon_pass(1000);
	ck_shown(MGMT_CONN_IN_LOGIN, MGMT_RECOVERY_REDIRECT);
	fake_target_close(&elsewhere);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *t = tcase_create("conn");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_login_has_its_time);
	tcase_add_test(t, a_connect_has_its_time);
	tcase_add_test(t, each_state_is_told);
	tcase_add_loop_test(t, another_portal_group_is_said, 0, ARRAY_SIZE(groups));
	tcase_add_test(t, a_recovery_counts_its_attempts);
	tcase_add_test(t, a_congestion_control_that_the_kernel_lacks);
	tcase_add_loop_test(t, an_outage_has_its_reason, 0, ARRAY_SIZE(outages));
	tcase_add_test(t, a_loss_is_followed_by_time2wait);
	tcase_add_test(t, a_login_is_timed);
	tcase_add_test(t, a_failure_is_logged_once);
	tcase_add_test(t, a_first_login_logs_its_first_failure);
	tcase_add_test(t, whoever_joins_a_login_has_the_whole_time);
	tcase_add_test(t, a_wanted_login_is_told_of_in_time);
	tcase_add_test(t, a_login_again_goes_on_with_the_numbers);
	tcase_add_test(t, reopen_max_is_told);
	tcase_add_loop_test(t, a_login_that_the_kernel_cannot_go_on_with_is_repeated, 0, 2);
	tcase_add_loop_test(t, a_login_that_the_kernel_cannot_go_on_with_is_told, 0, 2);
	tcase_add_test(t, a_peer_that_speaks_first_is_no_target);
	tcase_add_test(t, an_event_out_of_turn_drops_the_connection);
	tcase_add_test(t, the_longest_address_is_told_whole);
	tcase_add_loop_test(t, a_refused_socket_is_kept_in_a_recovery, 0, 2);
	tcase_add_loop_test(t, an_announced_end_comes_after_2_s, 0, 5);
	tcase_add_test(t, messages_that_mean_nothing_here);
	tcase_add_loop_test(t, changed_luns_are_looked_for_unless_unwanted, 0, 3);
	tcase_add_loop_test(t, a_first_scan_leaves_known_disks_alone, 0, 2);
	tcase_add_test(t, a_scan_that_fails_is_told);
	tcase_add_test(t, odd_pdus_fill_no_log);
	tcase_add_test(t, a_target_that_wants_to_negotiate_is_asked);
	tcase_add_loop_test(t, how_long_a_logout_that_the_target_asks_for_may_take, 0,
			    ARRAY_SIZE(patience));
	tcase_add_test(t, a_logout_has_its_time);
	tcase_add_test(t, a_target_may_close_instead_of_answering);
	tcase_add_loop_test(t, what_a_target_answers_to_a_logout, 0, ARRAY_SIZE(responses));
	tcase_add_test(t, a_logout_that_cannot_be_sent);
	tcase_add_test(t, an_unbind_that_the_kernel_refuses);
	tcase_add_test(t, a_flush_has_a_minute_and_an_end_30_s);
	tcase_add_test(t, a_target_that_closes_during_the_flush);
	tcase_add_test(t, news_of_the_network_bring_the_next_attempt_forward);
	tcase_add_loop_test(t, a_neighbour_concerns_its_own_portals, 0, 2);
	tcase_add_test(t, news_of_the_network_begin_a_connection_anew);
	tcase_add_test(t, what_comes_at_once_is_done_in_its_order);
	tcase_add_test(t, a_loss_is_found_in_sysfs);
	tcase_add_loop_test(t, a_note_that_cannot_be_written_is_told, 0, ARRAY_SIZE(notes));
	tcase_add_test(t, a_note_changes_in_its_place);
	tcase_add_test(t, what_a_session_shows);
	tcase_add_test(t, a_recovery_elsewhere_is_shown);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
