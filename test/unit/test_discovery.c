/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discoveries by the whole daemon (test/fake/daemon.h): SendTargets and iSNS, from the request
 * of a client to the targets that it gets, and all that may go wrong on the way.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"
#include "test/fake/daemon.h"

#define ONE_TARGET	"TargetName=iqn.2026-01.net.example:a\nTargetAddress=10.0.0.5:3260,1\n"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client;
static char found[8192];		/* "name address,port,tpgt\n" for each target */
static size_t request_piece;		/* iSNS requests go in pieces of so many bytes; 0: whole */

/* Between the pieces the socket has no room. */
ssize_t send(int fd, const void *data, size_t len, int flags)
{
	static int request_fd = -1;
	static bool full;

	if (request_piece && memcmp(data, (uint8_t[]){ 0, 1, 0 }, 3) == 0)
		request_fd = fd;
	if (fd == request_fd) {
		full = !full;
		len = MIN(len, request_piece);
		errno = EAGAIN;
		if (!full)
			return -1;
	}
	return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

static void setup(void)
{
	fake_daemon_setup();
	fake_client_open(&client);
	(void)close(STDIN_FILENO);	/* so that the next connection has the number 0 */
	found[0] = '\0';
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_daemon_teardown();
}

static void send_discover(uint32_t flags, const char *iface, const char *const *settings)
{
	CLEANUP(freep) char *record = fake_discovery_text(flags & MGMT_ISNS, settings);

	fake_client_send(&client, &(struct mgmt_request){
		.type = MGMT_DISCOVER, .tag = 11, .flags = flags, .record = record,
		.iface = iface });
}

/* Notes what has come; true if the result is among it. */
static bool take_replies(void)
{
	while (fake_client_poll(&client)) {
		const struct mgmt_reply *r = &client.reply;

		ck_assert_uint_eq(r->tag, 11);
		if (r->type == MGMT_RESULT)
			return true;
		if (r->type == MGMT_TARGET)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found),
				       "%s %s,%d,%d\n", r->name, r->address, r->port, r->tpgt);
	}
	return false;
}

static enum iscsi_err discover(uint32_t flags, const char *const *settings)
{
	send_discover(flags, NULL, settings);
	UNTIL(take_replies());
	return client.reply.err;
}

/* The same, while the clock moves; how many seconds that took. */
static unsigned int discover_for(uint32_t flags, const char *const *settings)
{
	uint64_t us = 0;

	send_discover(flags, NULL, settings);
	fake_daemon_settle();
	while (!take_replies()) {
		ck_assert_uint_lt(us, 3600000000);
		us += fake_daemon_pass(600000);
	}
	return (unsigned int)(us / 1000000);
}

START_TEST(targets_are_passed_on)
{
	d->target.targets = "TargetName=iqn.2026-01.net.example:a\n"
			    "TargetAddress=10.0.0.5:3260,1\nTargetAddress=[fd00::5]:860,2\n"
			    "TargetName=iqn.2026-01.net.example:b\n";
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(client.reply.why, "");
	ck_assert_ptr_nonnull(strstr(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n"
				     "iqn.2026-01.net.example:a fd00::5,860,2\n"
				     "iqn.2026-01.net.example:b 127.0.0.1,"));
	ck_assert_str_eq(d->target.last_text, "SendTargets=All\n");
	ck_assert_ptr_nonnull(strstr(d->target.last_login, "SessionType=Discovery\n"));
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:i\n"));
	ck_assert_ptr_null(strstr(d->target.last_login, "TargetName="));
	ck_assert_uint_eq(d->target.logouts, 1);
	ck_assert_str_eq(d->kernel.log, "");
	fake_daemon_settle();
	ck_assert_ptr_null(d->target.conns);
}
END_TEST

/* A PDU is bounded, whatever the record says. */
START_TEST(a_pdu_is_bounded)
{
	ck_assert_int_eq(discover(0, (const char *[]){
		"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength",
		_i ? "16777215" : "1048575", NULL }), ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(d->target.last_login, _i ? "MaxRecvDataSegmentLength=1048576\n" :
				     "MaxRecvDataSegmentLength=1048572\n"));
}
END_TEST

START_TEST(an_empty_list_is_a_success)
{
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(found, "");
}
END_TEST

START_TEST(an_answer_in_parts)
{
	d->target.targets = ONE_TARGET "TargetName=iqn.2026-01.net.example:b\n"
			    "TargetAddress=10.0.0.6:3260,1\n";
	d->target.part_len = (size_t)_i;
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n"
			 "iqn.2026-01.net.example:b 10.0.0.6,3260,1\n");
	ck_assert_uint_gt(d->target.texts, 1);
}
END_TEST

START_TEST(an_interface_may_have_a_name_of_its_own)
{
	d->target.targets = ONE_TARGET;
	send_discover(0, "iface.iscsi_ifacename = i1\n"
		      "iface.initiatorname = iqn.2026-01.net.example:own\n"
		      "iface.transport_name = tcp\n", NULL);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(d->target.last_login,
				     "InitiatorName=iqn.2026-01.net.example:own\n"));
}
END_TEST

/* No attempt would go better, so there is one. */
START_TEST(an_interface_whose_address_this_host_lacks)
{
	send_discover(0, "iface.iscsi_ifacename = i1\niface.ipaddress = 192.0.2.1\n"
		      "iface.transport_name = tcp\n", NULL);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_TRANS);
	ck_assert_str_eq(client.reply.why, "cannot make connection to 127.0.0.1: "
			 "this host has no address 192.0.2.1");
}
END_TEST

/* The file of the initiator name is read again at each request until there is a name. */
START_TEST(an_initiator_name_is_needed)
{
	static const char line[] = "InitiatorName=iqn.2026-01.net.example:late\n";
	char path[128];
	int fd;

	fake_client_close(&client);
	fake_daemon_stop();
	(void)snprintf(path, sizeof(path), "%.60s/initiatorname.iscsi", d->dir);
	ck_assert_int_eq(unlink(path), 0);
	fake_daemon_start();
	fake_client_open(&client);
	ck_assert_int_eq(discover(0, NULL), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "initiatorname.iscsi"));
	ck_assert_uint_eq(d->target.accepted, 0);

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(d->target.last_login, line));
}
END_TEST

static const struct { uint16_t status; enum iscsi_err err; } refusals[] = {
	{ 0x0201, ISCSI_ERR_LOGIN_AUTH_FAILED }, { 0x0203, ISCSI_ERR_FATAL_LOGIN },
};

START_TEST(a_refusal_is_told_with_its_reason)
{
	d->target.status = refusals[_i].status;
	ck_assert_int_eq(discover(0, NULL), refusals[_i].err);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "discovery login to 127.0.0.1 rejected"));
	ck_assert_uint_le(d->target.accepted, 2);	/* once more for the security stage */
}
END_TEST

START_TEST(a_portal_that_refuses_is_tried_reopen_max_times)
{
	unsigned int seconds;

	fake_target_go_deaf(&d->target);
	seconds = discover_for(0, (const char *[]){
		"discovery.sendtargets.reopen_max", "3", NULL });
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "Connection refused"));
	ck_assert_ptr_nonnull(strstr(client.reply.why, "(reopen_max) 3 exceeded"));
	ck_assert_uint_eq(seconds, 3);
}
END_TEST

START_TEST(a_busy_target_is_asked_again)
{
	d->target.targets = ONE_TARGET;
	d->target.status = 0x0301;
	send_discover(0, NULL, NULL);
	fake_daemon_settle();
	ck_assert(!take_replies());
	d->target.status = 0;
	fake_daemon_wait(999);
	ck_assert_uint_eq(d->target.accepted, 1);
	fake_daemon_wait(1);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

START_TEST(a_peer_that_speaks_no_iscsi_is_given_up)
{
	unsigned int seconds;

	d->target.silent = true;
	seconds = discover_for(0, (const char *[]){
		"discovery.sendtargets.timeo.active_timeout", "7", NULL });
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "didn't answer"));
	ck_assert_uint_eq(seconds, 7);
	ck_assert_uint_eq(d->target.accepted, 1);
}
END_TEST

/* A peer that says nothing at all is no target; one that stops in the middle is asked again. */
START_TEST(peers_that_fall_silent)
{
	static const char *const settings[] = {
		"discovery.sendtargets.timeo.active_timeout", "9",
		"discovery.sendtargets.reopen_max", "2", NULL };

	d->target.silent = true;
	ck_assert_uint_eq(discover_for(0, settings), 9);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_FATAL_LOGIN);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "accepted the connection, but didn't answer"));
	ck_assert_uint_eq(d->target.accepted, 1);
	d->target.silent = false;
	d->target.holds_texts = true;
	ck_assert_uint_ge(discover_for(0, settings), 3 * 9);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "no answer to SendTargets"));
	ck_assert_uint_eq(d->target.accepted, 1 + 3);
}
END_TEST

START_TEST(names_are_looked_up)
{
	static const char *const by_name[] = {
		"discovery.sendtargets.address", "storage.example", NULL };

	ck_assert_int_eq(discover(0, by_name), ISCSI_ERR_TRANS);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "storage.example"));
	fake_daemon_add_name("storage.example", "127.0.0.1");
	d->target.targets = ONE_TARGET;
	ck_assert_int_eq(discover(0, by_name), ISCSI_SUCCESS);
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
	/* A target without an address is where the list was asked for, as the person named it. */
	d->target.targets = "TargetName=iqn.2026-01.net.example:b\n";
	found[0] = '\0';
	ck_assert_int_eq(discover(0, by_name), ISCSI_SUCCESS);
	ck_assert_ptr_nonnull(strstr(found, "iqn.2026-01.net.example:b storage.example,"));
}
END_TEST

START_TEST(bad_requests_are_refused_at_once)
{
	ck_assert_int_eq(fake_client_ask(&client, &(struct mgmt_request){
		.type = MGMT_DISCOVER, .tag = 11, .record = "rubbish\n" }), ISCSI_ERR_INVAL);
	ck_assert_int_ne(discover(0, (const char *[]){
		"discovery.sendtargets.auth.authmethod", "CHAP",
		"discovery.sendtargets.auth.username_in", "u",
		"discovery.sendtargets.auth.password_in", "secret-secret", NULL }),
		ISCSI_SUCCESS);
	ck_assert_str_ne(client.reply.why, "");
	ck_assert_uint_eq(d->target.accepted, 0);
}
END_TEST

START_TEST(a_client_that_leaves_ends_its_discovery)
{
	d->target.silent = true;
	send_discover(0, NULL, NULL);
	UNTIL(d->target.accepted == 1);
	fake_client_close(&client);
	UNTIL(!d->target.conns);
	fake_client_open(&client);
	d->target.silent = false;
	d->target.targets = ONE_TARGET;
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
}
END_TEST

START_TEST(a_daemon_that_stops_ends_discoveries)
{
	d->target.silent = true;
	send_discover(0, NULL, NULL);
	UNTIL(d->target.accepted == 1);
	fake_daemon_stop();
	UNTIL(!d->target.conns);
}
END_TEST

START_TEST(a_redirection_is_followed)
{
	struct fake_target elsewhere;
	char text[64];

	fake_target_open(&elsewhere, d->loop);
	(void)snprintf(text, sizeof(text), "TargetAddress=127.0.0.1:%u,1\n", elsewhere.port);
	d->target.status = 0x0102;
	d->target.login_text = text;
	elsewhere.targets = "TargetName=iqn.2026-01.net.example:a\n";
	ck_assert_int_eq(discover(0, NULL), ISCSI_SUCCESS);
	/* A target without an address is where the answer came from. */
	(void)snprintf(text, sizeof(text), "iqn.2026-01.net.example:a 127.0.0.1,%u,-1\n",
		       elsewhere.port);
	ck_assert_str_eq(found, text);
	fake_target_close(&elsewhere);
}
END_TEST

START_TEST(a_target_that_hangs_up_in_the_list)
{
	d->target.targets = ONE_TARGET "TargetName=iqn.2026-01.net.example:b\n";
	d->target.part_len = 80;
	send_discover(0, NULL, NULL);
	UNTIL(d->target.texts == 1);
	d->target.holds_texts = true;		/* the rest of the list never comes */
	UNTIL(d->target.texts == 2);
	fake_target_hang_up(&d->target);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_PDU_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "in the middle of the list"));
}
END_TEST

/* A ping in between is answered, and the list comes anyway. */
START_TEST(a_ping_is_answered)
{
	uint8_t nop_in[PDU_BHS_LEN] = { PDU_NOP_IN, 0x80 };

	d->target.targets = ONE_TARGET;
	d->target.holds_texts = true;
	send_discover(0, NULL, NULL);
	UNTIL(d->target.texts == 1);
	put_be32(nop_in + 16, PDU_RESERVED_TAG);
	put_be32(nop_in + 20, 0x4711);
	fake_target_send(&d->target, nop_in, NULL, 0);
	UNTIL(d->target.nop_outs == 1);
	ck_assert(!take_replies());
	d->target.holds_texts = false;
	fake_target_answer_held(&d->target);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

/* ---- iSNS ------------------------------------------------------------------------------- */

START_TEST(isns_targets_are_passed_on)
{
	d->target.isns = true;
	d->target.targets = "iqn.2026-01.net.example:a 10.0.0.5\niqn.2026-01.net.example:b 10.0.0.6\n";
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n"
			 "iqn.2026-01.net.example:b 10.0.0.6,3260,1\n");
	ck_assert_str_eq(d->target.isns_asked, "q");
}
END_TEST

/* A server that wants to know who asks: registered for the time of the question. */
START_TEST(isns_registers_if_it_must)
{
	d->target.isns = true;
	d->target.targets = "iqn.2026-01.net.example:a 10.0.0.5\n";
	memcpy(d->target.isns_status, (uint32_t[]){ 6, 0, 0, 0 }, 16);
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(d->target.isns_asked, "qrqd");
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

static const struct {
	uint32_t status[8];
	const char *asked, *why;
	enum iscsi_err err;
} isns_failures[] = {
	{ { 8 }, "q", "(status 8)", ISCSI_ERR_ISNS_QUERY },
	{ { 9 }, "q", "", ISCSI_SUCCESS },
	{ { 6, 3 }, "qr", "did not register iqn.2026-01.net.example:i", ISCSI_ERR_ISNS_REG_FAILED },
	{ { 6, 0, 8, 0 }, "qrqd", "(status 8)", ISCSI_ERR_ISNS_QUERY },
	{ { 6, 0, 6, 0 }, "qrqrqd", "", ISCSI_SUCCESS },	/* others have deregistered it */
	{ { 6, 0, 6, 0, 6, 0, 6 }, "qrqrqrqd", "(status 6)", ISCSI_ERR_ISNS_QUERY },
};

START_TEST(isns_registers_the_longest_name)
{
	char name[ISCSI_NAME_MAX + 1] = "iqn.2026-01.net.example:", iface[2 * ISCSI_NAME_MAX];

	memset(name + strlen(name), 'x', ISCSI_NAME_MAX - strlen(name));
	(void)snprintf(iface, sizeof(iface), "iface.iscsi_ifacename = i1\n"
		       "iface.initiatorname = %s\niface.transport_name = tcp\n", name);
	d->target.isns = true;
	memcpy(d->target.isns_status, (uint32_t[]){ 6, 3 }, 8);
	send_discover(MGMT_ISNS, iface, NULL);
	UNTIL(take_replies());
	ck_assert_ptr_nonnull(strstr(client.reply.why, name));
}
END_TEST

START_TEST(isns_failures_are_told)
{
	d->target.isns = true;
	memcpy(d->target.isns_status, isns_failures[_i].status, sizeof(isns_failures[_i].status));
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), isns_failures[_i].err);
	ck_assert_str_eq(d->target.isns_asked, isns_failures[_i].asked);
	ck_assert_ptr_nonnull(strstr(client.reply.why, isns_failures[_i].why));
	ck_assert_str_eq(found, "");
}
END_TEST

START_TEST(isns_servers_that_do_not_answer)
{
	unsigned int seconds;

	d->target.isns = true;
	d->target.silent = true;
	seconds = discover_for(MGMT_ISNS, NULL);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_ISNS_QUERY);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "no answer in time"));
	ck_assert_uint_eq(seconds, 20);
	fake_target_go_deaf(&d->target);
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), ISCSI_ERR_ISNS_QUERY);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "Connection refused"));
	ck_assert_int_eq(discover(MGMT_ISNS, (const char *[]){
		"discovery.sendtargets.address", "nowhere.example", NULL }), ISCSI_ERR_TRANS);
	ck_assert_ptr_nonnull(strstr(client.reply.why, "nowhere.example"));
}
END_TEST

START_TEST(isns_servers_have_their_time_to_connect)
{
	d->target.isns = true;
	fake_target_lose_packets(&d->target);
	ck_assert_uint_eq(discover_for(MGMT_ISNS, NULL), 10);
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_ISNS_QUERY);
	ck_assert_str_eq(client.reply.why, "iSNS discovery failed: cannot make connection to 127.0.0.1: "
			 "Connection timed out");
}
END_TEST

/* The targets are known already when the server is told that the initiator leaves. */
START_TEST(isns_deregistration_has_a_second)
{
	d->target.isns = true;
	d->target.targets = "iqn.2026-01.net.example:a 10.0.0.5\n";
	d->target.isns_status[0] = 6;
	d->target.isns_answers = 3;
	ck_assert_uint_eq(discover_for(MGMT_ISNS, NULL), 1);
	ck_assert_int_eq(client.reply.err, ISCSI_SUCCESS);
	ck_assert_str_eq(client.reply.why, "");
	ck_assert_str_eq(d->target.isns_asked, "qrqd");
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

START_TEST(isns_answers_may_come_in_pieces)
{
	d->target.isns = true;
	d->target.targets = "iqn.2026-01.net.example:a 10.0.0.5\n";
	d->target.isns_status[0] = 6;
	d->target.isns_piece = (size_t)_i;
	d->target.isns_part = _i % 2 ? 0 : 8;
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(d->target.isns_asked, "qrqd");
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

START_TEST(isns_requests_may_go_in_pieces)
{
	d->target.isns = true;
	d->target.targets = "iqn.2026-01.net.example:a 10.0.0.5\n";
	d->target.isns_status[0] = 6;
	request_piece = 7;
	ck_assert_int_eq(discover(MGMT_ISNS, NULL), ISCSI_SUCCESS);
	ck_assert_str_eq(d->target.isns_asked, "qrqd");
	ck_assert_str_eq(found, "iqn.2026-01.net.example:a 10.0.0.5,3260,1\n");
}
END_TEST

/* A discovery that never had a connection closes nothing. */
START_TEST(isns_closes_its_own_connection_alone)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fd, STDIN_FILENO);
	ck_assert_int_eq(discover(MGMT_ISNS, (const char *[]){
		"discovery.sendtargets.address", "nowhere.example", NULL }), ISCSI_ERR_TRANS);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	(void)close(fd);
}
END_TEST

START_TEST(isns_servers_that_hang_up)
{
	char why[128];

	d->target.isns = true;
	d->target.silent = true;
	send_discover(MGMT_ISNS, NULL, NULL);
	UNTIL(d->target.accepted == 1);
	fake_daemon_settle();
	fake_target_hang_up(&d->target);
	UNTIL(take_replies());
	ck_assert_int_eq(client.reply.err, ISCSI_ERR_ISNS_QUERY);
	(void)snprintf(why, sizeof(why), "iSNS discovery failed: 127.0.0.1,%u: the server closed the "
		       "connection", d->target.port);
	ck_assert_str_eq(client.reply.why, why);
}
END_TEST

START_TEST(isns_that_nobody_waits_for_ends)
{
	d->target.isns = true;
	d->target.silent = true;
	send_discover(MGMT_ISNS, NULL, NULL);
	UNTIL(d->target.accepted == 1);
	fake_client_close(&client);
	UNTIL(!d->target.conns);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("discovery");
	TCase *tc = tcase_create("discovery");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, targets_are_passed_on);
	tcase_add_loop_test(tc, a_pdu_is_bounded, 0, 2);
	tcase_add_test(tc, an_empty_list_is_a_success);
	tcase_add_loop_test(tc, an_answer_in_parts, 20, 25);
	tcase_add_test(tc, an_interface_may_have_a_name_of_its_own);
	tcase_add_test(tc, an_interface_whose_address_this_host_lacks);
	tcase_add_test(tc, an_initiator_name_is_needed);
	tcase_add_loop_test(tc, a_refusal_is_told_with_its_reason, 0, ARRAY_SIZE(refusals));
	tcase_add_test(tc, a_portal_that_refuses_is_tried_reopen_max_times);
	tcase_add_test(tc, a_busy_target_is_asked_again);
	tcase_add_test(tc, a_peer_that_speaks_no_iscsi_is_given_up);
	tcase_add_test(tc, peers_that_fall_silent);
	tcase_add_test(tc, names_are_looked_up);
	tcase_add_test(tc, bad_requests_are_refused_at_once);
	tcase_add_test(tc, a_client_that_leaves_ends_its_discovery);
	tcase_add_test(tc, a_daemon_that_stops_ends_discoveries);
	tcase_add_test(tc, a_redirection_is_followed);
	tcase_add_test(tc, a_target_that_hangs_up_in_the_list);
	tcase_add_test(tc, a_ping_is_answered);
	tcase_add_test(tc, isns_targets_are_passed_on);
	tcase_add_test(tc, isns_registers_if_it_must);
	tcase_add_test(tc, isns_registers_the_longest_name);
	tcase_add_loop_test(tc, isns_failures_are_told, 0, ARRAY_SIZE(isns_failures));
	tcase_add_test(tc, isns_servers_that_do_not_answer);
	tcase_add_test(tc, isns_servers_have_their_time_to_connect);
	tcase_add_test(tc, isns_deregistration_has_a_second);
	tcase_add_loop_test(tc, isns_answers_may_come_in_pieces, 1, 20);
	tcase_add_test(tc, isns_requests_may_go_in_pieces);
	tcase_add_test(tc, isns_closes_its_own_connection_alone);
	tcase_add_test(tc, isns_servers_that_hang_up);
	tcase_add_test(tc, isns_that_nobody_waits_for_ends);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
