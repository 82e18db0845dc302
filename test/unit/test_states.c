/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every state of a session, its attempt and its connection meets every event, with a kernel and a
 * clock in memory. Whatever happens, each asker is answered exactly once, a logout ends, only
 * timers that a state needs are armed, and nothing is left behind. The same holds while operations
 * of the kernel and allocations fail one by one. What a state makes of an event is told by
 * test_session, test_recovery and test_daemon.
 */
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#include "iscsid/base/bytes.h"
#include "iscsid/base/log.h"
#include "iscsid/session_private.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"
#include "test/fake/kernel.h"
#include "test/fake/sysfs.h"
#include "test/unit/alloc.h"

#define TARGET		"iqn.2026-01.net.example:t"
#define PATIENCE_S	20	/* of the test, for threads and sockets */
#define LOGIN_ENDS_MS	(60 * 1000)	/* 3 attempts of 5 s, look-up and scan with them */
#define LOGOUT_ENDS_MS	(120 * 1000)	/* flush, Logout PDU and removal, each at its latest */

struct answer {
	struct asker asker;		/* first */
	bool asked;
	unsigned int given;
};

static sd_event *loop;
static struct fake_sysfs *fs;
static struct fake_kernel fake;
static struct fake_clock fake_clock;
static struct resolver resolver;
static struct login_pdu scratch;
static struct portals portals;
static struct session_env env;
static struct session *session;
static struct turn other;		/* of another session at the same portal */
static bool ended, dropping;		/* the target has announced that it drops the connection */
static int listen_fd;
static size_t fds_before;
static long allocated;			/* blocks, once all is warm; 0: not yet */
static uint16_t port;
static struct answer login, joined, rescan, logout, last_logout;
static char dir[32];
static const char *tested = "";		/* for the report of a failure */

/* No allocation of the test's own may meet the failure that is meant for the session. */
#define MUST(condition)									\
	do {										\
		if (!(condition)) {							\
			(void)alloc_fail_stop();					\
			ck_abort_msg("%s: %s; session state %d; log: %s", tested, #condition,	\
				     session ? (int)session->state : -1, fake.log);	\
		}									\
	} while (0)

/* ---- threads that the test holds ----------------------------------------------------------------- */

static sem_t gate;			/* scans and look-ups wait here until the gate is open */
static bool name_known, threads_used;

static void pass_gate(struct worker_job *job)
{
	(void)job;
	(void)sem_wait(&gate);
	(void)sem_post(&gate);
}

static int resolve_held(const char *host, int at_port, struct sockaddr_storage *ret)
{
	(void)host;
	pass_gate(NULL);
	return name_known && lookup_numeric("127.0.0.1", at_port, ret) ? 0 : EAI_AGAIN;
}

struct visitor {
	struct worker_job job;		/* first */
	bool done;
};

static void on_visitor_done(struct worker_job *job)
{
	((struct visitor *)job)->done = true;
}

static void visit(struct worker_pool *pool, struct visitor *visitor)
{
	*visitor = (struct visitor){ .job = { .run = pass_gate, .done = on_visitor_done } };
	MUST(worker_submit(pool, &visitor->job) == 0);
}

static void hold_scans(void)
{
	static struct visitor holder;

	threads_used = true;
	visit(env.scan_pool, &holder);
}

/* ---- the session's surroundings ------------------------------------------------------------------ */

static void on_answer(struct asker *asker, enum iscsi_err err, uint32_t sid,
		      const struct iscsi_why *why)
{
	(void)sid;
	MUST(!err == !why || !err);
	((struct answer *)asker)->given++;
}

static void on_warning(struct asker *asker, const char *text)
{
	MUST(!((struct answer *)asker)->given && *text);
}

static struct asker *ask(struct answer *answer)
{
	*answer = (struct answer){
		.asker = { .done = on_answer, .warn = on_warning }, .asked = true,
	};
	return &answer->asker;
}

static int no_random(void *buf, size_t len)
{
	memset(buf, 0x5a, len);
	return 0;
}

static int on_created(void *arg, struct session *s, uint32_t sid)
{
	(void)arg;
	MUST(!session || s == session);
	MUST(sid);
	return 0;
}

static void on_uncreated(void *arg, struct session *s, uint32_t sid)
{
	on_created(arg, s, sid);
}

static void on_ended(void *arg, struct session *s)
{
	(void)arg;
	MUST(!session || s == session);
	MUST(!ended);
	ended = true;
}

static void on_turn(void *arg)
{
	(void)arg;
}

static void look_at_threads(void)
{
	threads_used |= session && (session->scan || session->route.lookup);
}

/* The owner frees a session that has ended, as the manager does, after its callback. */
static bool turn_loop(uint64_t wait_us)
{
	int r = sd_event_run(loop, wait_us);

	MUST(r >= 0 || alloc_failed);
	look_at_threads();
	if (ended)
		session = session_free(session);
	return r > 0;
}

static void settle(void)
{
	while (turn_loop(0))
		;
}

static void hang_up(void)
{
	int fd;

	while (listen_fd >= 0 && (fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		closep(&fd);
}

#define UNTIL(condition)								\
	do {										\
		time_t until_end = time(NULL) + PATIENCE_S;				\
											\
		while (!(condition)) {							\
			MUST(time(NULL) <= until_end);					\
			(void)turn_loop(1000);						\
		}									\
	} while (0)

static void listen_again(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int one = 1;

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	MUST(listen_fd >= 0);
	MUST(!setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	MUST(!bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(!listen(listen_fd, 1024));
	MUST(!getsockname(listen_fd, (struct sockaddr *)&addr, &len));
	port = ntohs(addr.sin_port);
}

static size_t count_entries(const char *path)
{
	DIR *list = opendir(path);
	size_t n = 0;

	MUST(list);
	while (readdir(list))
		n++;
	closedir(list);
	return n;
}

/* ---- how a state is reached ---------------------------------------------------------------------- */

enum {
	NAMED	= 1 << 0,	/* the portal is a name that must be looked up */
	SCANS	= 1 << 1,
	WANTED	= 1 << 2,
	AWAY	= 1 << 3,	/* nothing listens at the portal */
};

static struct session_config *new_config(int flags)
{
	static const struct iscsi_db_initiator initiator = { .name = "iqn.2026-01.net.example:i" };
	char text[8];
	const char *const settings[][2] = {
		{ "node.name", TARGET },
		{ "node.conn[0].address", flags & NAMED ? "target.example" : "127.0.0.1" },
		{ "node.conn[0].port", text },
		{ "node.conn[0].timeo.login_timeout", "5" },
		{ "node.tpgt", "1" },
		{ "node.session.scan", flags & SCANS ? "auto" : "manual" },
		{ "node.session.iscsi.DefaultTime2Wait", "1" },
		{ "node.session.initial_login_retry_max", "3" },
	};
	struct session_config *config;
	struct iscsi_db_record *rec;
	struct iscsi_why why;

	(void)snprintf(text, sizeof(text), "%u", port);
	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		ck_assert_int_eq(iscsi_db_record_set(rec, settings[i][0], settings[i][1], &why), 0);
	ck_assert_int_eq(session_config_new(rec, &initiator, env.sysfs, NULL, NULL, &config, &why),
			 0);
	return config;
}

/* Which allocation of the session's beginning fails; 0: none. */
static unsigned long fail_begin;

static void begin(int flags)
{
	struct session_config *config = new_config(flags);

	if (flags & AWAY)
		closep(&listen_fd);
	alloc_fail_nth(fail_begin);
	session = session_new_login(&env, config, ask(&login));
	login.asked = session != NULL;
	if (!session)
		return;
	session_set_number(session, 7);
	if (flags & WANTED)
		session_want(session);
	session_start(session);
}

static struct fake_session *in_kernel(void)
{
	return &fake.session[fake.last_sid];
}

static bool conn_is(enum conn_state state)
{
	return session && conn_state(session->conn) == state;
}

static void pdu(uint8_t opcode, uint8_t flags, uint8_t byte36)
{
	uint8_t bhs[PDU_BHS_LEN] = { opcode, flags };

	bhs[36] = byte36;
	session_pdu(session, bhs, NULL, 0);
}

static void login_response(uint8_t flags, uint16_t status, const char *text)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_LOGIN_RESPONSE, flags };
	size_t len = strlen(text);

	memcpy(bhs + 8, in_kernel()->last_bhs + 8, 6);
	put_be24(bhs + 5, (uint32_t)len);
	put_be16(bhs + 14, flags == 0x87 ? 1 : 0);
	put_be32(bhs + 24, 100);
	put_be16(bhs + 36, status);
	session_pdu(session, bhs, (const uint8_t *)text, len + (len > 0));
}

static void login_accepted(void)
{
	login_response(0x87, 0, "TargetPortalGroupTag=1");
}

static void break_conn(void)
{
	if (session)
		fake_kernel_break(&fake, session_sid(session));
	session_conn_error(session, KERNEL_ERR_CONN_FAILED);
}

static void next_timer(void)
{
	uint64_t us = fake_clock_next_us(&fake_clock);

	if (us != UINT64_MAX)
		fake_clock_advance(&fake_clock, us);
}

static void in_pause(void)
{
	begin(AWAY);
	UNTIL(!session || session->attempt == ATTEMPT_PAUSE);
}

static void wanted_in_pause(void)
{
	begin(AWAY | WANTED);
	UNTIL(!session || session->attempt == ATTEMPT_PAUSE);
}

static void in_lookup(void)
{
	begin(NAMED);
}

static void wanted_in_lookup(void)
{
	begin(NAMED | WANTED);
}

static void connecting(void)
{
	begin(0);
}

static void in_login(void)
{
	begin(SCANS);
	UNTIL(!session || conn_is(CONN_IN_LOGIN) || login.given || session->attempt == ATTEMPT_PAUSE);
}

static void wanted_in_login(void)
{
	begin(WANTED);
	UNTIL(!session || conn_is(CONN_IN_LOGIN) || login.given || session->attempt == ATTEMPT_PAUSE);
}

static void login_accepted_unread(void)
{
	in_login();
	login_accepted();
}

static void login_lost_unread(void)
{
	in_login();
	break_conn();
}

static void up_and_lost_unread(void)
{
	in_login();
	login_accepted();
	break_conn();
}

static void scanning(void)
{
	hold_scans();
	in_login();
	login_accepted();
	settle();
}

static void rescanning(void)
{
	struct iscsi_why why;

	scanning();
	next_timer();		/* the login doesn't wait for a slow scan */
	if (session && session_rescan(session, ask(&rescan), &why))
		rescan.asked = false;
}

static void logged_in(void)
{
	begin(0);
	UNTIL(!session || conn_is(CONN_IN_LOGIN) || login.given || session->attempt == ATTEMPT_PAUSE);
	login_accepted();
	settle();
}

static void logout_requested(void)
{
	logged_in();
	pdu(PDU_ASYNC, 0x80, ASYNC_LOGOUT_REQUESTED);
}

static void logging_out_for_the_target(void)
{
	logout_requested();
	settle();
}

static void closed_for_the_target_unread(void)
{
	logging_out_for_the_target();
	pdu(PDU_LOGOUT_RESPONSE, 0x80, 0);
}

static void lost_unread(void)
{
	logged_in();
	break_conn();
}

static void failed_in_pause(void)
{
	lost_unread();
	settle();
}

static void failed_in_queue(void)
{
	failed_in_pause();
	if (!session)
		return;
	if (turn_join(&other, &portals, session->turn.turns->key) < 0)
		return;
	other.arg = session;
	(void)turn_take(&other, UINT64_MAX);
	next_timer();
}

static void failed_connecting(void)
{
	failed_in_pause();
	next_timer();
}

static void failed_in_login(void)
{
	failed_connecting();
	UNTIL(!session || !conn_is(CONN_XPT_WAIT));
}

static void login_again_accepted_unread(void)
{
	failed_in_login();
	login_accepted();
}

static void unbinding(void)
{
	logged_in();
	if (session)
		session_logout(session, ask(&logout), "/mnt is mounted");
}

static void unbinding_lost_unread(void)
{
	unbinding();
	break_conn();
}

static void logging_out(void)
{
	unbinding();
	session_unbound(session);
}

static void closed_unread(void)
{
	logging_out();
	pdu(PDU_LOGOUT_RESPONSE, 0x80, 0);
}

static void ending(void)
{
	closed_unread();
	settle();
}

static void adopt(enum session_state state, int flags)
{
	static const struct runstate note = { .time2wait_s = 2, .phase = RUNSTATE_ENDING };
	static const struct sysfs_session found = { .sid = 1 };
	struct session_config *config = new_config(flags);

	fake.last_sid = 1;
	fake.session[1] = (struct fake_session){ .owner = &fake, .exists = true, .has_conn = true };
	fake.session[1].bound = fake.session[1].up = state != SESSION_FAILED &&
						     state != SESSION_ENDING;
	alloc_fail_nth(fail_begin);
	session = session_new_adopted(&env, config, &found, &note, state, true);
	if (session)
		session_start(session);
}

static void adopted_in_lookup(void)
{
	adopt(SESSION_FAILED, NAMED);
	next_timer();
}

static void adopted_up(void)
{
	adopt(SESSION_LOGGED_IN, 0);
}

static void adopted_unbinding(void)
{
	adopt(SESSION_UNBINDING, 0);
}

static void adopted_logging_out(void)
{
	adopt(SESSION_LOGGING_OUT, 0);
}

static void adopted_ending(void)
{
	adopt(SESSION_ENDING, 0);
}

#define STATE(reach, state, attempt, conn) { #reach, reach, state, attempt, conn }
#define ANY ATTEMPT_LOGIN

static const struct situation {
	const char *name;
	void (*reach)(void);
	enum session_state state;
	enum attempt_state attempt;
	enum conn_state conn;
} situations[] = {
	STATE(in_pause, SESSION_FREE, ATTEMPT_PAUSE, CONN_FREE),
	STATE(wanted_in_pause, SESSION_FREE, ATTEMPT_PAUSE, CONN_FREE),
	STATE(in_lookup, SESSION_FREE, ATTEMPT_LOOKUP, CONN_FREE),
	STATE(wanted_in_lookup, SESSION_FREE, ATTEMPT_LOOKUP, CONN_FREE),
	STATE(connecting, SESSION_FREE, ATTEMPT_LOGIN, CONN_XPT_WAIT),
	STATE(in_login, SESSION_FREE, ATTEMPT_LOGIN, CONN_IN_LOGIN),
	STATE(wanted_in_login, SESSION_FREE, ATTEMPT_LOGIN, CONN_IN_LOGIN),
	STATE(login_accepted_unread, SESSION_FREE, ATTEMPT_LOGIN, CONN_LOGGED_IN),
	STATE(login_lost_unread, SESSION_FREE, ATTEMPT_LOGIN, CONN_CLEANUP_WAIT),
	STATE(up_and_lost_unread, SESSION_FREE, ATTEMPT_LOGIN, CONN_CLEANUP_WAIT),
	STATE(scanning, SESSION_SCANNING, ANY, CONN_LOGGED_IN),
	STATE(rescanning, SESSION_LOGGED_IN, ANY, CONN_LOGGED_IN),
	STATE(logged_in, SESSION_LOGGED_IN, ANY, CONN_LOGGED_IN),
	STATE(logout_requested, SESSION_LOGGED_IN, ANY, CONN_LOGOUT_REQUESTED),
	STATE(logging_out_for_the_target, SESSION_LOGGED_IN, ANY, CONN_IN_LOGOUT),
	STATE(closed_for_the_target_unread, SESSION_LOGGED_IN, ANY, CONN_CLEANUP_WAIT),
	STATE(lost_unread, SESSION_LOGGED_IN, ANY, CONN_CLEANUP_WAIT),
	STATE(failed_in_pause, SESSION_FAILED, ATTEMPT_PAUSE, CONN_CLEANUP_WAIT),
	STATE(failed_in_queue, SESSION_FAILED, ATTEMPT_QUEUED, CONN_CLEANUP_WAIT),
	STATE(failed_connecting, SESSION_FAILED, ATTEMPT_LOGIN, CONN_XPT_WAIT),
	STATE(failed_in_login, SESSION_FAILED, ATTEMPT_LOGIN, CONN_IN_LOGIN),
	STATE(login_again_accepted_unread, SESSION_FAILED, ATTEMPT_LOGIN, CONN_LOGGED_IN),
	STATE(unbinding, SESSION_UNBINDING, ANY, CONN_LOGGED_IN),
	STATE(unbinding_lost_unread, SESSION_UNBINDING, ANY, CONN_CLEANUP_WAIT),
	STATE(logging_out, SESSION_LOGGING_OUT, ANY, CONN_IN_LOGOUT),
	STATE(closed_unread, SESSION_LOGGING_OUT, ANY, CONN_CLEANUP_WAIT),
	STATE(ending, SESSION_ENDING, ANY, CONN_CLEANUP_WAIT),
	STATE(adopted_in_lookup, SESSION_FAILED, ATTEMPT_LOOKUP, CONN_CLEANUP_WAIT),
	STATE(adopted_up, SESSION_LOGGED_IN, ATTEMPT_PAUSE, CONN_LOGGED_IN),
	STATE(adopted_unbinding, SESSION_UNBINDING, ATTEMPT_PAUSE, CONN_LOGGED_IN),
	STATE(adopted_logging_out, SESSION_LOGGING_OUT, ATTEMPT_PAUSE, CONN_IN_LOGOUT),
	STATE(adopted_ending, SESSION_ENDING, ATTEMPT_PAUSE, CONN_CLEANUP_WAIT),
};

/* ---- the events ---------------------------------------------------------------------------------- */

static void login_goes_on(void)
{
	login_response(0x04, 0, "");
}

static void login_refused(void)
{
	login_response(0, 0x0203, "");
}

static void login_insisted(void)
{
	login_response(0, 0x0201, "");
}

static void login_put_off(void)
{
	login_response(0, 0x0301, "");
}

static void login_moved(void)
{
	login_response(0, 0x0101, "TargetAddress=192.0.2.1:3260");
}

static void login_moved_to_name(void)
{
	login_response(0, 0x0101, "TargetAddress=other.example:3260");
}

static void login_garbled(void)
{
	login_response(0xff, 0xffff, "=");
}

static void logout_response(void)
{
	pdu(PDU_LOGOUT_RESPONSE, 0x80, 0);
}

static void text_response(void)
{
	pdu(PDU_TEXT_RESPONSE, 0x80, 0);
}

static void unknown_pdu(void)
{
	pdu(0x3f, 0xff, 0xff);
}

static void async_luns_changed(void)
{
	static const uint8_t sense[] = { 0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e,
					 0, 0, 0, 0 };
	uint8_t bhs[PDU_BHS_LEN] = { PDU_ASYNC, 0x80 };

	session_pdu(session, bhs, sense, sizeof(sense));
}

static void async_logout_requested(void)
{
	pdu(PDU_ASYNC, 0x80, ASYNC_LOGOUT_REQUESTED);
}

static void async_drops_connection(void)
{
	dropping = true;
	pdu(PDU_ASYNC, 0x80, ASYNC_DROPS_CONNECTION);
}

static void async_drops_session(void)
{
	dropping = true;
	pdu(PDU_ASYNC, 0x80, ASYNC_DROPS_SESSION);
}

static void async_negotiate(void)
{
	pdu(PDU_ASYNC, 0x80, ASYNC_NEGOTIATE);
	text_response();
}

static void unbound(void)
{
	session_unbound(session);
}

/* Before the session has heard of the loss. */
static void lost_and_unbound(void)
{
	break_conn();
	session_unbound(session);
}

static void destroyed(void)
{
	session_destroyed(session);
}

/* The kernel's events were lost; this is what sysfs shows. */
static void resync(const char *conn, const char *target_state)
{
	uint32_t sid = session ? session_sid(session) : 0;
	int host = session ? session_host_no(session) : 0;
	unsigned long countdown = alloc_countdown;
	char path[64];

	if (!sid)
		return;
	alloc_countdown = 0;
	fake_sysfs_add_session(fs, sid, (unsigned int)host, TARGET, "127.0.0.1", port);
	(void)snprintf(path, sizeof(path), "class/iscsi_connection/connection%u:0/state", sid);
	fake_sysfs_set(fs, path, conn);
	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u/target_state", sid);
	fake_sysfs_set(fs, path, target_state);
	alloc_countdown = countdown;
	session_resync(session);
	countdown = alloc_countdown;
	alloc_countdown = 0;
	fake_sysfs_remove_session(fs, sid, (unsigned int)host);
	alloc_countdown = countdown;
}

static void resync_gone(void)
{
	if (session)
		session_resync(session);
}

static void resync_unbound(void)
{
	resync("up\n", "UNBOUND\n");
}

static void resync_failed(void)
{
	resync("failed\n", "SCANNED\n");
}

static void asked_to_log_out(void)
{
	if (!session)
		return;
	if (!logout.asked)
		session_logout(session, ask(&logout), "");
	else
		session_logout(session, NULL, "");
}

static void asked_to_rescan(void)
{
	struct iscsi_why why;

	if (session && !rescan.asked && session_rescan(session, ask(&rescan), &why))
		rescan.asked = false;
}

/* The manager lets nobody want or join a session whose first login is over. */
static bool first_login_is_under_way(void)
{
	struct session_attempts attempts;

	return session && session_attempts(session, &attempts);
}

static void wanted(void)
{
	if (first_login_is_under_way())
		session_want(session);
}

static void asker_joins(void)
{
	if (first_login_is_under_way())
		session_join(session, ask(&joined));
}

static void asker_leaves(void)
{
	if (!session || !login.asked || login.given)
		return;
	login.asked = false;
	session_leave(session, &login.asker);
}

static void asker_leaves_another(void)
{
	asker_joins();
	asker_leaves();
}

static void asked_for_statistics(void)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	struct iscsi_why why;
	size_t len = 0;

	if (session)
		(void)session_get_stats(session, stats, &len, &why);
}

static void network_changed(void)
{
	if (session)
		session_network_changed(session, NULL);
}

static void network_changed_later(void)
{
	fake_clock_advance(&fake_clock, 1000000);
	network_changed();
}

static void neighbour_found(void)
{
	struct sockaddr_storage addr;

	if (session && lookup_numeric("127.0.0.1", 0, &addr))
		session_network_changed(session, &addr);
}

static void target_hangs_up(void)
{
	settle();
	hang_up();
	settle();
}

static void target_comes_back(void)
{
	if (listen_fd < 0)
		listen_again();
	next_timer();
}

static void open_gate(void)
{
	(void)sem_post(&gate);
	UNTIL(!session || (!session->scan && !session->route.lookup));
}

static void name_found(void)
{
	name_known = true;
	open_gate();
}

static void turn_comes(void)
{
	if (other.turns)
		turn_end(&other);
}

static void others_succeed(void)
{
	if (other.turns)
		turn_answered(&other, fake_clock.now_us);
}

/* Two that only a mistake of this program could bring; the session must not be left waiting. */
static void logout_out_of_turn(void)
{
	if (session && session->state != SESSION_ENDING)
		conn_logout(session->conn);
}

static void start_out_of_turn(void)
{
	struct sockaddr_storage addr;

	if (session && !conn_is(CONN_FREE) && !conn_is(CONN_CLEANUP_WAIT) &&
	    lookup_numeric("127.0.0.1", port, &addr))
		conn_start(session->conn, &addr, false);
}

#define EVENT(send) { #send, send }

static const struct event {
	const char *name;
	void (*send)(void);
} events[] = {
	EVENT(next_timer), EVENT(login_accepted), EVENT(login_goes_on), EVENT(login_refused),
	EVENT(login_insisted), EVENT(login_put_off), EVENT(login_moved), EVENT(login_moved_to_name),
	EVENT(login_garbled), EVENT(logout_response), EVENT(text_response), EVENT(unknown_pdu),
	EVENT(async_luns_changed), EVENT(async_logout_requested), EVENT(async_drops_connection),
	EVENT(async_drops_session), EVENT(async_negotiate), EVENT(break_conn), EVENT(unbound),
	EVENT(lost_and_unbound), EVENT(destroyed), EVENT(resync_gone), EVENT(resync_unbound), EVENT(resync_failed),
	EVENT(asked_to_log_out), EVENT(asked_to_rescan), EVENT(wanted), EVENT(asker_joins),
	EVENT(asker_leaves), EVENT(asker_leaves_another), EVENT(asked_for_statistics),
	EVENT(network_changed), EVENT(network_changed_later), EVENT(neighbour_found),
	EVENT(target_hangs_up), EVENT(target_comes_back), EVENT(open_gate), EVENT(name_found),
	EVENT(turn_comes), EVENT(others_succeed), EVENT(logout_out_of_turn),
	EVENT(start_out_of_turn),
};

/* ---- what always holds --------------------------------------------------------------------------- */

static unsigned int session_timers(void)
{
	switch (session->state) {
	case SESSION_FREE:
	case SESSION_FAILED:
		return session->attempt == ATTEMPT_PAUSE || session->attempt == ATTEMPT_LOOKUP;
	case SESSION_SCANNING:
	case SESSION_UNBINDING:
	case SESSION_ENDING:
		return 1;
	case SESSION_LOGGED_IN:
	case SESSION_LOGGING_OUT:
		break;
	}
	return 0;
}

static unsigned int conn_timers(void)
{
	switch (conn_state(session->conn)) {
	case CONN_XPT_WAIT:
	case CONN_IN_LOGIN:
	case CONN_IN_LOGOUT:
		return 1;
	case CONN_FREE:
	case CONN_LOGGED_IN:
	case CONN_LOGOUT_REQUESTED:
	case CONN_CLEANUP_WAIT:
		break;
	}
	return 0;
}

static void check_timers(void)
{
	unsigned int armed = fake_clock_armed(&fake_clock), needed = 0;

	look_at_threads();
	if (session && !ended)
		needed = session_timers() + conn_timers();
	MUST(armed >= needed);
	MUST(armed <= needed + dropping);
}

static int log_file = -1;

/* The log goes to a file of the test's; reports of a sanitizer still go to stderr. */
static void keep_log(void)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_set_report_fd((void *)(intptr_t)dup(STDERR_FILENO));
#endif
	log_file = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(log_file, 0);
	ck_assert_int_eq(dup2(log_file, STDERR_FILENO), STDERR_FILENO);
	log_open(false, LOG_WARNING);
}

/* The table of a connection has a row for whatever can happen. */
static void check_log(void (*event)(void))
{
	static char text[1 << 16];
	ssize_t len = pread(log_file, text, sizeof(text) - 1, 0);

	MUST(len >= 0 && ftruncate(log_file, 0) == 0 && lseek(log_file, 0, SEEK_SET) == 0);
	text[len] = '\0';
	MUST(event == logout_out_of_turn || event == start_out_of_turn ||
	     !strstr(text, "the connection is dropped"));
}

static void check_listings(void)
{
	enum mgmt_conn_state state;
	enum mgmt_recovery recovery;

	if (!session || ended)
		return;
	session_describe(session, &state, &recovery);
	MUST(session_shown(session));
}

/* ---- a run: a state, an event, an end ------------------------------------------------------------ */

enum ending {
	OBLIGING,	/* kernel and target do what they are asked for */
	MUTE,		/* neither says a word any more */
	STOPPED,	/* the daemon stops */
	ENDINGS
};

static void run_clock(uint64_t ms, bool (*over)(void))
{
	uint64_t until_us = fake_clock.now_us + ms * 1000;

	for (settle(); !over(); settle()) {
		MUST(fake_clock_next_us(&fake_clock) != UINT64_MAX &&
		     fake_clock.now_us + fake_clock_next_us(&fake_clock) <= until_us);
		next_timer();
	}
}

static bool askers_are_answered(void)
{
	return !session || ((!login.asked || login.given) && (!joined.asked || joined.given));
}

static bool session_is_over(void)
{
	return !session;
}

static void log_out(void)
{
	if (session)
		session_logout(session, ask(&last_logout), "");
	check_timers();
}

static void end_obligingly(void)
{
	log_out();
	for (int steps = 0; session && steps < 10; steps++) {
		settle();
		if (session && session->state == SESSION_UNBINDING)
			session_unbound(session);
		settle();
		if (conn_is(CONN_IN_LOGOUT))
			logout_response();
		settle();
		if (session && session->state == SESSION_ENDING && !fake.session[session_sid(session)].exists)
			session_destroyed(session);
		settle();
	}
	MUST(!session);
}

static void end_mutely(void)
{
	run_clock(LOGIN_ENDS_MS, askers_are_answered);
	log_out();
	run_clock(LOGOUT_ENDS_MS, session_is_over);
}

static void check_answer(const struct answer *answer)
{
	MUST(answer->given == answer->asked);
}

static void remove_notes(void)
{
	size_t len;
	CLEANUP(freep) unsigned int *numbers = runstate_list_wanted(env.run_dir_fd, &len);

	runstate_sweep(env.run_dir_fd, NULL, 0);
	for (size_t i = 0; i < len; i++)
		runstate_remove_wanted(env.run_dir_fd, numbers[i]);
}

/* Once the session is gone. */
static void check_leavings(enum ending how, bool disturbed)
{
	check_answer(&login);
	check_answer(&joined);
	check_answer(&rescan);
	check_answer(&logout);
	check_answer(&last_logout);
	MUST(fake_clock_timers(&fake_clock) == 0);
	MUST(!allocated || alloc_live == allocated);
	if (how == STOPPED) {
		remove_notes();		/* which are for the next daemon */
		return;
	}
	MUST(count_entries(dir) == 2);
	for (size_t i = 0; i < FAKE_SESSIONS && !disturbed; i++)
		MUST(!fake.session[i].exists);
}

static void drain_pools(void)
{
	struct worker_pool *const pools[] = { env.scan_pool, resolver.pool };
	struct visitor visitor;

	(void)sem_post(&gate);
	for (size_t i = 0; i < ARRAY_SIZE(pools) && threads_used; i++) {
		visit(pools[i], &visitor);
		UNTIL(visitor.done);
	}
	while (sem_trywait(&gate) == 0)
		;
}

static void prepare(void)
{
	fake_kernel_init(&fake);
	fake_clock_init(&fake_clock);
	login = joined = rescan = logout = last_logout = (struct answer){ .given = 0 };
	ended = dropping = name_known = threads_used = false;
	if (listen_fd < 0)
		listen_again();
}

/* What is to fail after the state was reached; 0: nothing. */
static unsigned long fail_alloc;
static unsigned int fail_operation;

static void finish(enum ending how, bool removed)
{
	bool disturbed = removed;

	if (how == OBLIGING)
		end_obligingly();
	else if (how == MUTE)
		end_mutely();
	else
		session = session_free(session);
	disturbed |= alloc_fail_stop() | (fail_operation != 0);
	turn_leave(&other);
	drain_pools();
	hang_up();
	check_leavings(how, disturbed);
}

static void run(const struct situation *s, const struct event *e, enum ending how)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s, %s, ending %d, allocation %lu, operation %u",
		       s->name, e->name, how, fail_alloc, fail_operation);
	tested = text;
	prepare();
	s->reach();
	MUST(session && session->state == s->state && conn_is(s->conn));
	MUST(s->attempt == ANY || session->attempt == s->attempt);
	check_timers();
	fake.fail_at = fail_operation ? fake.operations + fail_operation : 0;
	alloc_fail_nth(fail_alloc);
	e->send();
	check_timers();
	check_listings();
	settle();
	check_timers();
	check_listings();
	finish(how, e->send == destroyed || e->send == resync_gone);
	check_log(e->send);
}

/* Threads and tables that stay come before the counting. */
static void warm_up(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++)
		if (situations[i].reach == rescanning || situations[i].reach == failed_in_queue ||
		    situations[i].reach == adopted_in_lookup)
			run(&situations[i], &events[0], OBLIGING);
}

static void setup(void)
{
	keep_log();
	ck_assert_int_eq(sem_init(&gate, 0, 0), 0);
	strcpy(dir, "/tmp/iscsi-test-states-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_ge(sd_event_new(&loop), 0);
	fs = fake_sysfs_new();
	resolver.resolve = resolve_held;
	env = (struct session_env){
		.conn = { .loop = loop, .clock = &fake_clock.clock, .kernel = &fake.kernel,
			  .random = no_random, .scratch = &scratch },
		.resolver = &resolver, .portals = &portals,
		.run_dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.on_created = on_created, .on_uncreated = on_uncreated, .on_ended = on_ended,
	};
	ck_assert_int_eq(sysfs_new(fake_sysfs_root(fs), &env.sysfs), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &env.scan_pool), 0);
	ck_assert_int_ge(worker_pool_new(loop, NULL, 1, &resolver.pool), 0);
	other.woken = on_turn;
	fds_before = count_entries("/proc/self/fd");
	listen_again();
	warm_up();
	allocated = alloc_live;
}

static void teardown(void)
{
	closep(&listen_fd);
	ck_assert_uint_eq(count_entries("/proc/self/fd"), fds_before);
	ck_assert(worker_pool_free(env.scan_pool));
	ck_assert(worker_pool_free(resolver.pool));
	sysfs_free(env.sysfs);
	fake_sysfs_free(fs);
	index_done(&portals.index);
	sd_event_unref(loop);
	closep(&env.run_dir_fd);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(every_event_in_every_state)
{
	const struct situation *s = &situations[_i];

	for (size_t e = 0; e < ARRAY_SIZE(events); e++)
		for (int how = 0; how < ENDINGS; how++)
			run(s, &events[e], (enum ending)how);
}
END_TEST

START_TEST(every_operation_of_the_kernel_may_fail)
{
	const struct situation *s = &situations[_i];

	for (size_t e = 0; e < ARRAY_SIZE(events); e++) {
		fail_operation = 0;
		do {
			fail_operation++;
			run(s, &events[e], OBLIGING);
		} while (fake.operations >= fake.fail_at);
	}
}
END_TEST

START_TEST(every_allocation_may_fail)
{
	const struct situation *s = &situations[_i];

	for (size_t e = 0; e < ARRAY_SIZE(events) && alloc_can_fail; e++) {
		fail_alloc = 0;
		do {
			fail_alloc++;
			run(s, &events[e], OBLIGING);
		} while (alloc_failed);
	}
}
END_TEST

START_TEST(every_allocation_on_the_way_to_a_state_may_fail)
{
	const struct situation *s = &situations[_i];

	tested = s->name;
	for (int how = 0; how < ENDINGS && alloc_can_fail; how++) {
		fail_begin = 0;
		do {
			fail_begin++;
			prepare();
					s->reach();
			check_timers();
			finish((enum ending)how, false);
		} while (alloc_failed);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("states");
	TCase *tc = tcase_create("states");
	int n = ARRAY_SIZE(situations), failed;
	SRunner *runner;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, every_event_in_every_state, 0, n);
	tcase_add_loop_test(tc, every_operation_of_the_kernel_may_fail, 0, n);
	tcase_add_loop_test(tc, every_allocation_may_fail, 0, n);
	tcase_add_loop_test(tc, every_allocation_on_the_way_to_a_state_may_fail, 0, n);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
