/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions and connections against a kernel in memory and a TCP listener on loopback: what is
 * asked of the kernel, in which order, and what the askers hear. The conversation of the login
 * itself is test_login.c's.
 */
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "iscsid/base/bytes.h"
#include "iscsid/message/session_text.h"
#include "iscsid/runstate.h"
#include "iscsid/session.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"
#include "test/fake/kernel.h"

#define STEP_TIMEOUT_S	5

struct answer {
	struct asker asker;		/* first */
	bool given;
	enum iscsi_err err;
	uint32_t sid;
	char why[512];
};

static sd_event *loop;
static struct fake_kernel fake;
static struct fake_clock fake_clock;
static struct resolver resolver = { .resolve = lookup_resolve };
static struct login_pdu scratch;
static struct session_env env;
static struct session *session;
static struct sysfs *sysfs;
static bool ended;
static int listen_fd, peer_fd;
static uint16_t port;
static char dir[] = "/tmp/iscsi-test-session-XXXXXX";

static void on_answer(struct asker *asker, enum iscsi_err err, uint32_t sid,
		      const struct iscsi_why *why)
{
	struct answer *answer = (struct answer *)asker;

	ck_assert(!answer->given);
	answer->given = true;
	answer->err = err;
	answer->sid = sid;
	ck_assert(err == ISCSI_SUCCESS || why);
	(void)snprintf(answer->why, sizeof(answer->why), "%s", why ? why->text : "");
}

static struct answer no_answer(void)
{
	return (struct answer){ .asker.done = on_answer };
}

static int no_random(void *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

static int on_created(void *arg, struct session *s, uint32_t sid)
{
	(void)arg;
	ck_assert_ptr_eq(s, session);
	ck_assert_uint_ne(sid, 0);
	return 0;
}

static void on_ended(void *arg, struct session *s)
{
	(void)arg;
	ck_assert_ptr_eq(s, session);
	ck_assert(!ended);
	ended = true;
}

static int open_listener(uint16_t *ret_port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_ge(sd_event_new(&loop), 0);
	ck_assert_int_eq(sysfs_new(dir, &sysfs), 0);
	fake_kernel_init(&fake);
	fake_clock_init(&fake_clock);
	env = (struct session_env){
		.conn = { .loop = loop, .clock = &fake_clock.clock, .kernel = &fake.kernel, .random = no_random,
			  .scratch = &scratch },
		.sysfs = sysfs, .resolver = &resolver,
		.run_dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.on_created = on_created, .on_ended = on_ended,
	};
	ck_assert_int_ge(worker_pool_new(loop, NULL, 2, &env.scan_pool), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 2, &resolver.pool), 0);
	listen_fd = open_listener(&port);
	peer_fd = -1;
	ended = false;
}

static void teardown(void)
{
	char command[64];

	session = session_free(session);
	worker_pool_free(env.scan_pool);
	worker_pool_free(resolver.pool);
	sysfs_free(sysfs);
	sd_event_unref(loop);
	closep(&listen_fd);
	closep(&peer_fd);
	closep(&env.run_dir_fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Runs the loop until @condition holds. While the loop has nothing to do, the clock moves. */
#define PUMP(condition)								\
	do {									\
		time_t pump_end = time(NULL) + STEP_TIMEOUT_S;			\
										\
		while (!(condition)) {						\
			ck_assert_msg(time(NULL) <= pump_end, "never: %s; log: %s",	\
				      #condition, fake.log);			\
			if (sd_event_run(loop, 1000) == 0)			\
				fake_clock_advance(&fake_clock, 100000);	\
		}								\
	} while (0)

static void begin(struct answer *answer, const char *const settings[][2])
{
	static const struct iscsi_db_initiator initiator = { .name = "iqn.2026-01.net.example:i" };
	static const char *const common[][2] = {
		{ "node.name", "iqn.2026-01.net.example:t" },
		{ "node.conn[0].address", "127.0.0.1" },
		{ "node.tpgt", "1" },
		{ "node.session.scan", "manual" },
		{ "node.session.iscsi.DefaultTime2Wait", "0" },
		{ "node.session.initial_login_retry_max", "0" },
	};
	struct session_config *config;
	struct iscsi_db_record *rec;
	struct iscsi_why why;
	char text[8];

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		ck_assert_int_eq(iscsi_db_record_set(rec, common[i][0], common[i][1], &why), 0);
	(void)snprintf(text, sizeof(text), "%u", port);
	ck_assert_int_eq(iscsi_db_record_set(rec, "node.conn[0].port", text, &why), 0);
	for (size_t i = 0; settings && settings[i][0]; i++)
		ck_assert_int_eq(iscsi_db_record_set(rec, settings[i][0], settings[i][1], &why), 0);
	ck_assert_int_eq(session_config_new(rec, &initiator, sysfs, NULL, NULL, &config, &why), 0);
	session = session_new_login(&env, config, &answer->asker);
	ck_assert_ptr_nonnull(session);
	session_start(session);
}

/* A login response of the target's: stage bits, status, text with '\n' for each NUL. */
static void login_response(uint8_t flags, uint16_t status, const char *text)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, flags };
	uint32_t sid = fake.last_sid;
	char data[512];
	size_t len = strlen(text);

	memcpy(bhs + 8, fake.session[sid].last_bhs + 8, 6);
	put_be24(bhs + 5, (uint32_t)len);
	put_be16(bhs + 14, flags == 0x87 ? 1 : 0);
	put_be32(bhs + 24, 100);
	put_be16(bhs + 36, status);
	for (size_t i = 0; i <= len; i++)
		data[i] = text[i] == '\n' ? '\0' : text[i];
	session_pdu(session, bhs, (uint8_t *)data, len);
}

static void log_in(struct answer *answer, const char *const settings[][2])
{
	begin(answer, settings);
	PUMP(fake.session[1].bound);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(answer->given);
	ck_assert_int_eq(answer->err, ISCSI_SUCCESS);
	ck_assert_uint_eq(answer->sid, 1);
}

static bool conn_state_is(enum mgmt_conn_state wanted)
{
	enum mgmt_conn_state state;
	enum mgmt_recovery recovery;

	session_describe(session, &state, &recovery);
	return state == wanted;
}

static void break_conn(void)
{
	fake_kernel_break(&fake, 1);
	session_conn_error(session, 1020);
}

/* What a daemon that starts now would read. */
static enum runstate_phase noted(void)
{
	struct runstate note;

	ck_assert_int_eq(runstate_load(env.run_dir_fd, 1, &note), 0);
	iscsi_db_record_free(note.rec);
	return note.phase;
}

START_TEST(login_and_logout_in_order)
{
	struct answer login = no_answer(), logout = no_answer();
	uint8_t rsp[PDU_BHS_LEN] = { PDU_LOGOUT_RESPONSE, 0x80 };

	log_in(&login, NULL);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1");
	ck_assert_int_eq(session_state(session), SESSION_LOGGED_IN);
	ck_assert_int_eq(noted(), RUNSTATE_SETTLED);
	session_logout(session, &logout.asker, "");
	ck_assert_int_eq(noted(), RUNSTATE_ENDING);
	ck_assert(!logout.given);
	session_unbound(session);
	session_pdu(session, rsp, NULL, 0);
	PUMP(session_state(session) == SESSION_ENDING);
	session_destroyed(session);
	ck_assert(logout.given && ended);
	ck_assert_int_eq(logout.err, ISCSI_SUCCESS);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1, unbind 1, pdu 46, stop 1, destroy 1");
}
END_TEST

START_TEST(a_refused_connection_leaves_no_trace)
{
	struct answer login = no_answer();

	closep(&listen_fd);
	begin(&login, NULL);
	PUMP(login.given);
	ck_assert_int_eq(login.err, ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(login.why, "Connection refused"));
	ck_assert_str_eq(fake.log, "");
	ck_assert(ended);
}
END_TEST

/* Status class and detail -> exit code; all but class 3 end the login at once (11.13.5). */
static const struct { uint16_t status; enum iscsi_err err; } refusals[] = {
	{ 0x0202, ISCSI_ERR_LOGIN_AUTH_FAILED },
	{ 0x0203, ISCSI_ERR_FATAL_LOGIN }, { 0x0301, ISCSI_ERR_TRANS_TIMEOUT },
};

START_TEST(a_refused_login_leaves_no_trace)
{
	struct answer login = no_answer();

	begin(&login, NULL);
	PUMP(fake.session[1].bound);
	login_response(0x00, refusals[_i].status, "");
	PUMP(session_state(session) == SESSION_ENDING);
	ck_assert(!login.given);		/* while the kernel still shows the session */
	session_destroyed(session);
	ck_assert(ended && login.given);
	ck_assert_int_eq(login.err, refusals[_i].err);
	ck_assert_str_eq(fake.log, "create 1, bind 1, stop 1, destroy 1");
}
END_TEST

START_TEST(a_daemon_that_stops_tells_of_a_refusal)
{
	struct answer login = no_answer();

	begin(&login, NULL);
	PUMP(fake.session[1].bound);
	login_response(0x00, 0x0202, "");
	PUMP(session_state(session) == SESSION_ENDING);
	session = session_free(session);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_ERR_LOGIN_AUTH_FAILED);
}
END_TEST

/* P-LOGIN-13: refused without the security stage, a login begins with it, once. */
START_TEST(a_target_may_insist_on_the_security_stage)
{
	struct answer login = no_answer();

	begin(&login, NULL);
	PUMP(fake.session[1].bound);
	ck_assert_uint_eq(fake.session[1].last_bhs[1] & 0x0c, 0x04);		/* CSG 1 */
	login_response(0x00, 0x0201, "");
	PUMP(!fake.session[1].bound);
	PUMP(fake.session[1].bound || login.given);
	ck_assert(!login.given);
	ck_assert_uint_eq(fake.session[1].last_bhs[1], 0x81);		/* T, 0 to 1 */
	login_response(0x00, 0x0201, "");
	PUMP(session_state(session) == SESSION_ENDING);
	session_destroyed(session);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_ERR_LOGIN_AUTH_FAILED);
	ck_assert_str_eq(fake.log, "create 1, bind 1, stop 1, bind 1, stop 1, destroy 1");
}
END_TEST

START_TEST(a_busy_target_is_asked_again)
{
	static const char *const settings[][2] = {
		{ "node.session.initial_login_retry_max", "8" }, { 0 }
	};
	struct answer login = no_answer();

	begin(&login, settings);
	PUMP(fake.session[1].bound);
	login_response(0x00, 0x0301, "");
	PUMP(fake.session[1].binds == 2);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(login.given);
	ck_assert_int_eq(login.err, ISCSI_SUCCESS);
	ck_assert_str_eq(fake.log, "create 1, bind 1, stop 1, bind 1, start 1");
}
END_TEST

START_TEST(a_lost_connection_is_reopened)
{
	struct answer login = no_answer();
	uint8_t first[PDU_BHS_LEN];

	log_in(&login, NULL);
	memcpy(first, fake.session[1].last_bhs, sizeof(first));
	break_conn();
	session_conn_error(session, 1020);	/* the kernel may say it twice */
	PUMP(fake.session[1].binds == 2);
	ck_assert_int_eq(session_state(session), SESSION_FAILED);
	/* Session reinstatement: same ISID, TSIH 0 (6.3.5). */
	ck_assert_mem_eq(first + 8, fake.session[1].last_bhs + 8, 8);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(session_state(session) == SESSION_LOGGED_IN);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1, stop 1, bind 1, start 1");
}
END_TEST

START_TEST(an_established_session_is_never_given_up)
{
	struct answer login = no_answer();

	log_in(&login, NULL);
	break_conn();
	PUMP(fake.session[1].binds == 2);
	login_response(0x00, 0x0203, "");		/* not for a first login, but now */
	PUMP(!fake.session[1].bound);
	ck_assert_int_eq(session_state(session), SESSION_FAILED);
	ck_assert(!ended);
}
END_TEST

static struct session_outage outage(void)
{
	struct session_outage ret;

	ck_assert(session_text_parse_outage(session_shown(session), &ret));
	return ret;
}

START_TEST(an_outage_is_told)
{
	static const char *const settings[][2] = {
		{ "node.session.iscsi.DefaultTime2Wait", "2" },
		{ "node.session.timeo.replacement_timeout", "60" }, { 0 }
	};
	struct answer login = no_answer();

	log_in(&login, settings);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	ck_assert_str_eq(outage().reason.text, "target closed the connection (1020)");
	ck_assert_int_eq(outage().code, ISCSI_ERR_TRANS);
	ck_assert_uint_eq(outage().attempts, 0);
	fake_clock_advance(&fake_clock, 500000);
	ck_assert_int_eq(outage().down_ms, 500);
	ck_assert_int_eq(outage().next_attempt_ms, 1500);
	ck_assert_int_eq(outage().fails_ms, 59500);
	PUMP(fake.session[1].binds == 2);
	ck_assert_int_eq(outage().next_attempt_ms, 0);
	login_response(0x00, 0x0301, "");
	PUMP(outage().attempts == 1);
	ck_assert_str_eq(outage().reason.text, "service unavailable (03/01)");
	ck_assert_int_eq(outage().code, ISCSI_ERR_LOGIN);
	fake_clock_advance(&fake_clock, 70000000);
	ck_assert_int_eq(outage().fails_ms, 0);
	PUMP(fake.session[1].bound);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(session_state(session) == SESSION_LOGGED_IN);
	ck_assert_str_eq(session_shown(session), "");	/* nothing stands in the test's sysfs */
}
END_TEST

START_TEST(reopen_max_ends_a_session)
{
	static const char *const settings[][2] = { { "node.session.reopen_max", "1" }, { 0 } };
	struct answer login = no_answer();

	log_in(&login, settings);
	closep(&listen_fd);
	break_conn();
	PUMP(session_state(session) == SESSION_ENDING);
	ck_assert_int_eq(noted(), RUNSTATE_ENDING);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1, stop 1, destroy 1");
}
END_TEST

START_TEST(logout_of_a_lost_session_is_at_once)
{
	struct answer login = no_answer(), logout = no_answer(), second = no_answer();

	log_in(&login, NULL);
	closep(&listen_fd);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	session_logout(session, &logout.asker, "");
	session_logout(session, &second.asker, "");
	ck_assert_int_eq(session_state(session), SESSION_ENDING);
	session_destroyed(session);
	ck_assert(logout.given && second.given);
	ck_assert_int_eq(logout.err, ISCSI_SUCCESS);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1, stop 1, destroy 1");
}
END_TEST

START_TEST(logout_cancels_a_first_login)
{
	struct answer login = no_answer(), logout = no_answer();

	begin(&login, NULL);
	PUMP(fake.session[1].bound);
	session_logout(session, &logout.asker, "");
	ck_assert(!login.given);
	session_destroyed(session);
	ck_assert(login.given && logout.given && ended);
	ck_assert_int_ne(login.err, ISCSI_SUCCESS);
	ck_assert_int_eq(logout.err, ISCSI_SUCCESS);
	ck_assert_str_eq(fake.log, "create 1, bind 1, stop 1, destroy 1");
}
END_TEST

START_TEST(a_connection_lost_while_flushing_ends_the_logout)
{
	struct answer login = no_answer(), logout = no_answer();

	log_in(&login, NULL);
	session_logout(session, &logout.asker, "");
	break_conn();
	PUMP(session_state(session) == SESSION_ENDING);
	session_destroyed(session);
	ck_assert(logout.given);
	ck_assert_str_eq(fake.log, "create 1, bind 1, start 1, unbind 1, stop 1, destroy 1");
}
END_TEST

START_TEST(a_logout_that_the_target_asks_for_comes_back)
{
	uint8_t async[PDU_BHS_LEN] = { PDU_ASYNC, 0x80 };
	uint8_t rsp[PDU_BHS_LEN] = { PDU_LOGOUT_RESPONSE, 0x80 };
	struct answer login = no_answer();

	async[36] = 1;
	log_in(&login, NULL);
	session_pdu(session, async, NULL, 0);
	PUMP(conn_state_is(MGMT_CONN_IN_LOGOUT));
	ck_assert_int_eq(noted(), RUNSTATE_RELOGIN);
	session_pdu(session, rsp, NULL, 0);
	PUMP(session_state(session) == SESSION_FAILED);
	ck_assert_int_eq(noted(), RUNSTATE_SETTLED);
	PUMP(fake.session[1].binds == 2);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(session_state(session) == SESSION_LOGGED_IN);
	ck_assert_str_eq(fake.log,
			 "create 1, bind 1, start 1, pdu 46, stop 1, bind 1, start 1");
}
END_TEST

START_TEST(a_redirection_is_followed)
{
	struct answer login = no_answer();
	uint16_t other_port;
	int other = open_listener(&other_port);
	char text[64];

	begin(&login, NULL);
	PUMP(fake.session[1].bound);
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u\n", other_port);
	login_response(0x00, 0x0101, text);
	PUMP(fake.session[1].binds == 2);
	peer_fd = accept(other, NULL, NULL);
	ck_assert_int_ge(peer_fd, 0);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(login.given);
	ck_assert_int_eq(login.err, ISCSI_SUCCESS);
	(void)close(other);
}
END_TEST

START_TEST(endless_redirections_end)
{
	struct answer login = no_answer();
	char text[64];

	begin(&login, NULL);
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u\n", port);
	for (int i = 0; i < 20 && !login.given; i++) {
		PUMP(fake.session[1].bound || login.given);
		if (!login.given)
			login_response(0x00, 0x0101, text);
	}
	ck_assert(login.given);
	ck_assert_int_ne(login.err, ISCSI_SUCCESS);
}
END_TEST

/* Whatever operation fails, the first login has an answer and the session ends or works. */
START_TEST(any_operation_may_fail)
{
	struct answer login = no_answer();

	fake.fail_at = (unsigned int)_i;
	begin(&login, NULL);
	PUMP(fake.session[1].bound || login.given);
	if (!login.given)
		login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(login.given);
	if (login.err) {
		ck_assert_ptr_nonnull(strstr(login.why, "told to fail"));
		ck_assert_int_eq(session_state(session), SESSION_ENDING);
	}
}
END_TEST

/* ---- the first scan ------------------------------------------------------------------------------ */

static sem_t scan_may_go;

static void hold_thread(struct worker_job *job)
{
	(void)job;
	(void)sem_wait(&scan_may_go);
}

static unsigned int threads_let_go;

static void thread_let_go(struct worker_job *job)
{
	(void)job;
	threads_let_go++;
}

static void hold_threads(void)
{
	static struct worker_job held[2];

	threads_let_go = 0;
	ck_assert_int_eq(sem_init(&scan_may_go, 0, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
		held[i] = (struct worker_job){ .run = hold_thread, .done = thread_let_go };
		ck_assert_int_ge(worker_submit(env.scan_pool, &held[i]), 0);
	}
}

/* Logged in, but no thread has time for the scan until let_scan_go(). */
static void log_in_scanning(struct answer *answer)
{
	static const char *const settings[][2] = { { "node.session.scan", "auto" }, { 0 } };

	hold_threads();
	begin(answer, settings);
	PUMP(fake.session[1].bound);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(session_state(session) == SESSION_SCANNING);
	ck_assert(!answer->given);
}

static void let_scan_go(void)
{
	for (int i = 0; i < 2; i++)
		(void)sem_post(&scan_may_go);
}

START_TEST(a_login_is_answered_after_the_first_scan)
{
	struct answer login = no_answer();

	log_in_scanning(&login);
	ck_assert_int_eq(noted(), RUNSTATE_SCAN_DUE);
	let_scan_go();
	/* The clock stands still: only the scan can have ended the state. */
	while (session_state(session) == SESSION_SCANNING)
		ck_assert_int_ge(sd_event_run(loop, 10000), 0);
	ck_assert_int_eq(session_state(session), SESSION_LOGGED_IN);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_slow_scan_holds_up_no_login)
{
	struct answer login = no_answer();

	log_in_scanning(&login);
	fake_clock_advance(&fake_clock, 9999999);
	ck_assert(!login.given);
	fake_clock_advance(&fake_clock, 1);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_SUCCESS);
	ck_assert_int_eq(session_state(session), SESSION_LOGGED_IN);
	ck_assert_int_eq(noted(), RUNSTATE_SCAN_DUE);
	let_scan_go();
}
END_TEST

START_TEST(a_rescan_waits_for_the_first_scan)
{
	struct answer login = no_answer(), rescan = no_answer();
	struct iscsi_why why;

	log_in_scanning(&login);
	ck_assert_int_eq(session_rescan(session, &rescan.asker, &why), ISCSI_SUCCESS);
	let_scan_go();
	PUMP(rescan.given);
	ck_assert_int_eq(rescan.err, ISCSI_SUCCESS);
	ck_assert(login.given);
	ck_assert_int_eq(session_state(session), SESSION_LOGGED_IN);
}
END_TEST

START_TEST(a_connection_lost_during_the_first_scan)
{
	struct answer login = no_answer();

	log_in_scanning(&login);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_SUCCESS);
	ck_assert_int_eq(noted(), RUNSTATE_SCAN_DUE);
	let_scan_go();
}
END_TEST

/* Logged in and scanned, and no thread has time for another scan until let_scan_go(). */
static void begin_rescan(struct answer *login, struct answer *rescan)
{
	struct iscsi_why why;

	log_in_scanning(login);
	let_scan_go();
	PUMP(noted() == RUNSTATE_SETTLED && threads_let_go == 2);
	hold_threads();
	ck_assert_int_eq(session_rescan(session, &rescan->asker, &why), ISCSI_SUCCESS);
}

static void come_back(void)
{
	PUMP(fake.session[1].binds == 2);
	login_response(0x87, 0, "TargetPortalGroupTag=1\n");
	PUMP(session_state(session) == SESSION_LOGGED_IN);
}

/* Its commands may have failed, so it isn't called a success, and is done again. */
START_TEST(a_rescan_that_ends_while_the_session_is_down)
{
	struct answer login = no_answer(), rescan = no_answer();

	begin_rescan(&login, &rescan);
	ck_assert_int_eq(noted(), RUNSTATE_SETTLED);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	let_scan_go();
	PUMP(rescan.given);
	ck_assert_int_eq(rescan.err, ISCSI_ERR_SESSION_NOT_CONNECTED);
	ck_assert_str_eq(rescan.why, "the connection was lost before the scan had ended");
	ck_assert_int_eq(noted(), RUNSTATE_SCAN_DUE);
	come_back();
	PUMP(noted() == RUNSTATE_SETTLED);
}
END_TEST

START_TEST(a_rescan_that_ends_once_the_session_is_back)
{
	struct answer login = no_answer(), rescan = no_answer();

	begin_rescan(&login, &rescan);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	come_back();
	let_scan_go();
	PUMP(rescan.given);
	ck_assert_int_eq(rescan.err, ISCSI_SUCCESS);
	ck_assert_int_eq(noted(), RUNSTATE_SETTLED);
}
END_TEST

START_TEST(a_logout_during_the_first_scan)
{
	struct answer login = no_answer(), logout = no_answer();

	log_in_scanning(&login);
	session_logout(session, &logout.asker, "");
	ck_assert_int_eq(session_state(session), SESSION_UNBINDING);
	ck_assert(login.given);
	ck_assert_int_eq(login.err, ISCSI_ERR_LOGIN);
	ck_assert_ptr_nonnull(strstr(login.why, "cancelled by a logout"));
	ck_assert(!logout.given);
	session_destroyed(session);
	ck_assert(logout.given);
	let_scan_go();
}
END_TEST

START_TEST(a_session_removed_during_the_first_scan)
{
	struct answer login = no_answer();

	log_in_scanning(&login);
	session_destroyed(session);
	ck_assert(login.given && ended);
	ck_assert_int_eq(login.err, ISCSI_ERR_INTERNAL);
	let_scan_go();
}
END_TEST

/* ---- how a session is shown ------------------------------------------------------------------------ */

static void check_shown(enum mgmt_conn_state conn, enum mgmt_recovery recovery)
{
	enum mgmt_recovery recovery_is;
	enum mgmt_conn_state conn_is;

	session_describe(session, &conn_is, &recovery_is);
	ck_assert_int_eq(conn_is, conn);
	ck_assert_int_eq(recovery_is, recovery);
}

/* Between two attempts the connection waits for cleanup; open-iscsi shows the transport's name. */
START_TEST(how_a_lost_session_is_shown)
{
	struct answer login = no_answer();

	log_in(&login, NULL);
	check_shown(MGMT_CONN_LOGGED_IN, MGMT_RECOVERY_NO_CHANGE);
	break_conn();
	PUMP(session_state(session) == SESSION_FAILED);
	check_shown(MGMT_CONN_XPT_WAIT, MGMT_RECOVERY_REOPEN);
	PUMP(fake.session[1].binds == 2);
	check_shown(MGMT_CONN_IN_LOGIN, MGMT_RECOVERY_REOPEN);
	login_response(0x00, 0x0301, "");
	check_shown(MGMT_CONN_XPT_WAIT, MGMT_RECOVERY_REOPEN);
	session_logout(session, NULL, "");
	check_shown(MGMT_CONN_CLEANUP_WAIT, MGMT_RECOVERY_CLEANUP);
}
END_TEST

/* No event in any state may end the daemon or leave a connection behind. */
START_TEST(odd_events_do_no_harm)
{
	uint8_t junk[PDU_BHS_LEN];
	struct answer login = no_answer();

	begin(&login, NULL);
	for (int opcode = 0; opcode < 0x40; opcode++) {
		memset(junk, 0xff, sizeof(junk));
		junk[0] = (uint8_t)opcode;
		put_be24(junk + 5, 0);
		session_pdu(session, junk, NULL, 0);
		session_unbound(session);
	}
	PUMP(fake.session[1].bound);
	junk[0] = PDU_ASYNC;
	session_pdu(session, junk, NULL, 0);
	PUMP(login.given);
	ck_assert_int_ne(login.err, ISCSI_SUCCESS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, login_and_logout_in_order);
	tcase_add_test(tc, a_refused_connection_leaves_no_trace);
	tcase_add_loop_test(tc, a_refused_login_leaves_no_trace, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tc, a_daemon_that_stops_tells_of_a_refusal);
	tcase_add_test(tc, a_target_may_insist_on_the_security_stage);
	tcase_add_test(tc, a_busy_target_is_asked_again);
	tcase_add_test(tc, a_lost_connection_is_reopened);
	tcase_add_test(tc, an_established_session_is_never_given_up);
	tcase_add_test(tc, an_outage_is_told);
	tcase_add_test(tc, reopen_max_ends_a_session);
	tcase_add_test(tc, logout_of_a_lost_session_is_at_once);
	tcase_add_test(tc, logout_cancels_a_first_login);
	tcase_add_test(tc, a_connection_lost_while_flushing_ends_the_logout);
	tcase_add_test(tc, a_logout_that_the_target_asks_for_comes_back);
	tcase_add_test(tc, a_redirection_is_followed);
	tcase_add_test(tc, endless_redirections_end);
	tcase_add_loop_test(tc, any_operation_may_fail, 1, 6);
	tcase_add_test(tc, a_login_is_answered_after_the_first_scan);
	tcase_add_test(tc, a_slow_scan_holds_up_no_login);
	tcase_add_test(tc, a_rescan_waits_for_the_first_scan);
	tcase_add_test(tc, a_connection_lost_during_the_first_scan);
	tcase_add_test(tc, a_rescan_that_ends_while_the_session_is_down);
	tcase_add_test(tc, a_rescan_that_ends_once_the_session_is_back);
	tcase_add_test(tc, a_logout_during_the_first_scan);
	tcase_add_test(tc, a_session_removed_during_the_first_scan);
	tcase_add_test(tc, how_a_lost_session_is_shown);
	tcase_add_test(tc, odd_events_do_no_harm);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
