/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PDUs through a socket: whole ones only, however they come, and what is no PDU. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <check.h>

#include "iscsid/base/bytes.h"
#include "iscsid/base/pdu_stream.h"
#include "iscsid/base/stream.h"
#include "libiscsi-db/util.h"

#define MAX_DATA	1024

static struct pdu_stream stream;
static struct pdu_header header;
static int other = -1;

static int interrupted;		/* so many of the next calls */

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	errno = EINTR;
	return interrupted && interrupted-- ? -1 : sendto(fd, data, len, flags, NULL, 0);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
	errno = EINTR;
	return interrupted && interrupted-- ? -1 : recvfrom(fd, data, len, flags, NULL, NULL);
}

static void setup(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(pdu_stream_init(&stream, MAX_DATA), 0);
	ck_assert_int_eq(stream.fd, -1);
	stream.fd = fd[0];
	other = fd[1];
}

static void teardown(void)
{
	pdu_stream_done(&stream);
	ck_assert_int_eq(stream.fd, -1);
	closep(&other);
}

/* A PDU with @data_len bytes of data, each its place, padded with zeros; the length of all. */
static size_t make_pdu(uint8_t *pdu, size_t data_len)
{
	memset(pdu, 0, PDU_BHS_LEN + pdu_padded(data_len));
	pdu[0] = PDU_TEXT_RESPONSE;
	put_be24(pdu + 5, (uint32_t)data_len);
	for (size_t i = 0; i < data_len; i++)
		pdu[PDU_BHS_LEN + i] = (uint8_t)i;
	return PDU_BHS_LEN + pdu_padded(data_len);
}

static void say(const void *data, size_t len)
{
	ck_assert_int_eq(send(other, data, len, 0), (ssize_t)len);
}

static const size_t lengths[] = { 0, 1, 3, 4, 257, MAX_DATA };

/* P-PDU-01: two of them, a byte at a time and the second in one piece. */
START_TEST(whole_pdus_only)
{
	uint8_t pdu[PDU_BHS_LEN + MAX_DATA];
	size_t len = make_pdu(pdu, lengths[_i]);

	for (size_t i = 0; i < len; i++) {
		ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 0);
		ck_assert_uint_eq(stream.in_len, i);
		say(pdu + i, 1);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 1);
		ck_assert_uint_eq(header.opcode, PDU_TEXT_RESPONSE);
		ck_assert_uint_eq(header.data_len, lengths[_i]);
		ck_assert_mem_eq(stream.in, pdu, len);
		ck_assert_uint_eq(stream.in_len, 0);
		if (i == 0)
			say(pdu, len);
	}
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 0);
}
END_TEST

/* The end of one and all of the next come at once. */
START_TEST(two_pdus_in_one_piece)
{
	uint8_t pdus[2 * (PDU_BHS_LEN + 260)];
	size_t len = make_pdu(pdus, 257), cut = (size_t)_i;

	ck_assert_uint_eq(len, make_pdu(pdus + len, 257));
	pdus[len + PDU_BHS_LEN] = 'b';
	say(pdus, cut);
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 0);
	say(pdus + cut, 2 * len - cut);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 1);
		ck_assert_mem_eq(stream.in, pdus + i * len, len);
	}
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 0);
}
END_TEST

/* A byte stream of other owners: 0 or 1 unless the connection is broken. */
START_TEST(bytes_go_as_far_as_there_is_room)
{
	static uint8_t data[1 << 20], got[1 << 20];
	size_t sent = 0, received = 0;

	ck_assert_int_eq(stream_receive(other, got, sizeof(got), &received), 0);
	ck_assert_int_eq(stream_send(stream.fd, data, sizeof(data), &sent), 0);
	ck_assert_uint_lt(sent, sizeof(data));
	while (sent < sizeof(data)) {
		ck_assert_int_eq(stream_receive(other, got, sizeof(got), &received), 0);
		ck_assert_uint_eq(received, sent);
		ck_assert_int_eq(stream_send(stream.fd, data, sizeof(data), &sent), 0);
	}
	ck_assert_int_eq(stream_receive(other, got, sizeof(got), &received), 1);
	ck_assert_int_eq(stream_receive(other, got, sizeof(got), &received), 1);
}
END_TEST

/* H-114: the length is judged by the header alone. */
START_TEST(too_long)
{
	uint8_t pdu[PDU_BHS_LEN + MAX_DATA];

	(void)make_pdu(pdu, 512);
	say(pdu, PDU_BHS_LEN);
	ck_assert_int_eq(pdu_stream_read(&stream, 511, &header), -EMSGSIZE);
	ck_assert_int_eq(pdu_stream_read(&stream, 512, &header), 0);
}
END_TEST

/* P-PDU-04 */
START_TEST(additional_header)
{
	uint8_t pdu[PDU_BHS_LEN] = { PDU_TEXT_RESPONSE };

	pdu[4] = 1;
	say(pdu, sizeof(pdu));
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), -EMSGSIZE);
}
END_TEST

START_TEST(closed_in_the_middle)
{
	uint8_t pdu[PDU_BHS_LEN + MAX_DATA];
	size_t len = make_pdu(pdu, 4);

	say(pdu, len);
	say(pdu, len - 1);
	closep(&other);
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 1);
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), -ESHUTDOWN);
}
END_TEST

/* P-PDU-01: padding is sent, and it is zero. */
START_TEST(sends_in_one_piece)
{
	uint8_t bhs[PDU_BHS_LEN] = { 1, 2, 3 }, got[PDU_BHS_LEN + 64];

	ck_assert_int_eq(pdu_stream_send(&stream, bhs, (const uint8_t *)"abcde", 5), 0);
	ck_assert_int_eq(recv(other, got, sizeof(got), MSG_DONTWAIT), PDU_BHS_LEN + 8);
	ck_assert_mem_eq(got, bhs, PDU_BHS_LEN);
	ck_assert_mem_eq(got + PDU_BHS_LEN, "abcde\0\0", 8);
	ck_assert_uint_eq(stream.out_len, 0);
}
END_TEST

START_TEST(interrupted_calls_are_made_again)
{
	uint8_t bhs[PDU_BHS_LEN] = { PDU_TEXT_RESPONSE };

	interrupted = 2;
	ck_assert_int_eq(pdu_stream_send(&stream, bhs, NULL, 0), 0);
	ck_assert_int_eq(interrupted, 0);
	ck_assert_uint_eq(stream.out_len, 0);
	say(bhs, sizeof(bhs));
	interrupted = 2;
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 1);
	ck_assert_int_eq(interrupted, 0);
}
END_TEST

/* A peer that reads nothing: what doesn't fit is refused, the rest goes out once it reads. */
START_TEST(a_peer_that_does_not_read)
{
	uint8_t bhs[PDU_BHS_LEN], data[4096], got[8192];
	size_t sent = 0, received = 0, room;
	ssize_t n;
	int r, small = 4096;

	ck_assert_int_eq(setsockopt(stream.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	for (size_t i = 0; i < sizeof(bhs) + sizeof(data); i++)
		*(i < sizeof(bhs) ? bhs + i : data + i - sizeof(bhs)) = (uint8_t)i;
	while ((r = pdu_stream_send(&stream, bhs, data, sizeof(data))) == 0) {
		sent += PDU_BHS_LEN + sizeof(data);
		ck_assert_uint_lt(sent, 100u << 20);
	}
	ck_assert_int_eq(r, -ENOBUFS);
	ck_assert_uint_gt(stream.out_len, stream.out_pos);
	room = sizeof(stream.out) - stream.out_len;
	if (room >= PDU_BHS_LEN) {	/* the last bytes of the room are used too */
		room -= PDU_BHS_LEN;
		ck_assert_int_eq(pdu_stream_send(&stream, bhs, data, room + 1), -ENOBUFS);
		ck_assert_int_eq(pdu_stream_send(&stream, bhs, data, room), 0);
		ck_assert_uint_eq(stream.out_len, sizeof(stream.out));
		sent += PDU_BHS_LEN + room;
	}
	while (received < sent) {
		n = recv(other, got, sizeof(got), MSG_DONTWAIT);
		ck_assert_int_gt(n, 0);
		for (size_t i = 0; i < (size_t)n; i++)
			ck_assert_uint_eq(got[i], (received + i) % (sizeof(bhs) + sizeof(data)) % 256);
		received += (size_t)n;
		ck_assert_int_eq(pdu_stream_flush(&stream), 0);
	}
	ck_assert_uint_eq(received, sent);
	ck_assert_uint_eq(stream.out_len, 0);
	closep(&other);
	ck_assert_int_eq(pdu_stream_send(&stream, bhs, NULL, 0), -EPIPE);
}
END_TEST

static uint32_t happened;

static int on_io(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	(void)source;
	ck_assert_int_eq(fd, stream.fd);
	ck_assert_ptr_eq(arg, &stream);
	happened = events;
	return 0;
}

/* What is waited for: the connection first, then what the peer says, and room as long as needed. */
START_TEST(a_stream_is_connected)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t bhs[PDU_BHS_LEN] = { 0 };
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(addr);
	struct iscsi_why why = { "" };
	sd_event *loop;

	ck_assert_int_ge(sd_event_new(&loop), 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	memcpy(&peer, &addr, sizeof(addr));
	stream.in_len = stream.out_len = stream.out_pos = 7;
	ck_assert_int_eq(pdu_stream_connect(&stream, loop, &peer, NULL, on_io, &stream, &why), 0);
	ck_assert_uint_eq(stream.in_len + stream.out_len + stream.out_pos, 0);
	ck_assert_int_gt(sd_event_run(loop, 10000000), 0);
	ck_assert_uint_eq(happened, EPOLLOUT);
	closep(&other);
	other = accept(listener, NULL, NULL);
	ck_assert_int_eq(pdu_stream_send(&stream, bhs, NULL, 0), 0);
	say(bhs, sizeof(bhs));
	ck_assert_int_gt(sd_event_run(loop, 10000000), 0);
	ck_assert_uint_eq(happened, EPOLLIN);
	ck_assert_int_eq(pdu_stream_read(&stream, MAX_DATA, &header), 1);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	/* TCP has no broadcast. */
	((struct sockaddr_in *)&peer)->sin_addr.s_addr = htonl(INADDR_BROADCAST);
	ck_assert_int_eq(pdu_stream_connect(&stream, loop, &peer, NULL, on_io, &stream, &why),
			 ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_str_ne(why.text, "");
	ck_assert_int_eq(stream.fd, -1);
	peer.ss_family = AF_MAX;
	ck_assert_int_eq(pdu_stream_connect(&stream, loop, &peer, NULL, on_io, &stream, &why),
			 ISCSI_ERR_TRANS);
	(void)close(listener);
	sd_event_unref(loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pdu_stream");
	TCase *tc = tcase_create("pdu_stream");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, whole_pdus_only, 0, ARRAY_SIZE(lengths));
	tcase_add_loop_test(tc, two_pdus_in_one_piece, 1, PDU_BHS_LEN + 100);
	tcase_add_test(tc, bytes_go_as_far_as_there_is_room);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, additional_header);
	tcase_add_test(tc, closed_in_the_middle);
	tcase_add_test(tc, sends_in_one_piece);
	tcase_add_test(tc, interrupted_calls_are_made_again);
	tcase_add_test(tc, a_peer_that_does_not_read);
	tcase_add_test(tc, a_stream_is_connected);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
