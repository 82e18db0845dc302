/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A target in the test's own process, see target.h. */
#include "test/fake/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"

enum { BHS = 48, DATA_MAX = 65536 };

struct fake_target_conn {
	struct fake_target *target;
	struct fake_target_conn *next;
	int fd;
	sd_event_source *io;
	uint32_t stat_sn;
	size_t sent;			/* of the answer to SendTargets */
	uint8_t text_bhs[BHS];		/* the last Text Request */
	unsigned int isns_asked;
	uint8_t pieces[4096];		/* of an iSNS answer: what isn't sent yet */
	size_t pieces_len, pieces_pos;
	sd_event_source *next_piece;
	size_t got;
	uint8_t in[BHS + DATA_MAX];
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void conn_close(struct fake_target_conn *conn)
{
	struct fake_target_conn **at = &conn->target->conns;

	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	sd_event_source_disable_unref(conn->io);
	sd_event_source_disable_unref(conn->next_piece);
	(void)close(conn->fd);
	free(conn);
}

static void conn_send(struct fake_target_conn *conn, const uint8_t *bhs, const void *data,
		      size_t len)
{
	uint8_t out[BHS + DATA_MAX + 4] = { 0 };
	size_t padded = (len + 3) & ~(size_t)3;

	must(len <= DATA_MAX, "a PDU that is too long");
	memcpy(out, bhs, BHS);
	put_be24(out + 5, (uint32_t)len);
	if (len)
		memcpy(out + BHS, data, len);
	must(send(conn->fd, out, BHS + padded, MSG_NOSIGNAL) == (ssize_t)(BHS + padded) ||
	     errno == EPIPE || errno == ECONNRESET, "send");
}

/* Lines to keys: each '\n' becomes a NUL. */
static size_t keys_of(const char *lines, char *ret, size_t size)
{
	size_t len = strlen(lines);

	must(len < size, "a text that is too long");
	for (size_t i = 0; i < len; i++)
		ret[i] = lines[i] == '\n' ? '\0' : lines[i];
	return len;
}

static void keep_text(char *ret, size_t size, const uint8_t *data, size_t len)
{
	len = MIN(len, size - 1);
	for (size_t i = 0; i < len; i++)
		ret[i] = data[i] ? (char)data[i] : '\n';
	ret[len] = '\0';
}

/* The fields that a response copies from its request, and the sequence numbers. */
static void begin_response(struct fake_target_conn *conn, uint8_t opcode, uint8_t bhs[BHS])
{
	memset(bhs, 0, BHS);
	bhs[0] = opcode;
	bhs[1] = 0x80;
	memcpy(bhs + 16, conn->in + 16, 4);
	put_be32(bhs + 24, conn->stat_sn++);
	put_be32(bhs + 28, get_be32(conn->in + 24) + !(conn->in[0] & 0x40));
	put_be32(bhs + 32, get_be32(bhs + 28) + 31);
}

static void answer_login(struct fake_target_conn *conn, size_t len)
{
	struct fake_target *target = conn->target;
	const char *lines = target->login_text ? target->login_text : "TargetPortalGroupTag=1\n";
	uint8_t bhs[BHS], flags = conn->in[1];
	char keys[8192];

	target->logins++;
	keep_text(target->last_login, sizeof(target->last_login), conn->in + BHS, len);
	begin_response(conn, 0x23, bhs);
	memcpy(bhs + 8, conn->in + 8, 6);
	put_be16(bhs + 36, target->status);
	bhs[1] = flags;
	if ((flags & 0x83) != 0x83 || (target->status && target->status >> 8 != 1))
		lines = target->status >> 8 == 1 ? lines : "";
	else
		put_be16(bhs + 14, 1);
	if (target->status) {
		bhs[1] = 0;
		put_be16(bhs + 14, 0);
	}
	conn_send(conn, bhs, keys, keys_of(lines, keys, sizeof(keys)));
}

static void answer_text(struct fake_target_conn *conn, size_t len)
{
	struct fake_target *target = conn->target;
	char keys[DATA_MAX];
	size_t all = keys_of(target->targets ? target->targets : "", keys, sizeof(keys));
	size_t part = target->part_len ? MIN(target->part_len, all - conn->sent) :
					 all - conn->sent;
	uint8_t bhs[BHS];

	target->texts++;
	if (len)
		keep_text(target->last_text, sizeof(target->last_text), conn->in + BHS, len);
	begin_response(conn, 0x24, bhs);
	put_be32(bhs + 20, 0xffffffff);
	if (conn->sent + part < all) {
		bhs[1] = 0x40;		/* C: more follows */
		put_be32(bhs + 20, 0x1234);
	}
	conn_send(conn, bhs, keys + conn->sent, part);
	conn->sent += part;
}

/* ---- iSNS (RFC 4171): a header of 12 bytes, then attributes ------------------------------- */

enum { ISNS_HEADER = 12 };

static void isns_attribute(struct writer *w, uint32_t tag, const void *value, size_t len)
{
	static const uint8_t padding[4];

	writer_be32(w, tag);
	writer_be32(w, (uint32_t)((len + 3) & ~(size_t)3));
	writer_bytes(w, value, len);
	writer_bytes(w, padding, -len & 3);
}

static void isns_number(struct writer *w, uint32_t tag, uint32_t value)
{
	uint8_t bytes[4];

	put_be32(bytes, value);
	isns_attribute(w, tag, bytes, sizeof(bytes));
}

static void isns_targets(struct writer *w, const char *lines)
{
	char name[224], address[64];
	int n;

	isns_number(w, 33, 1);
	isns_attribute(w, 0, NULL, 0);
	for (; lines && sscanf(lines, "%223s %63s%n", name, address, &n) == 2; lines += n) {
		uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

		must(inet_pton(AF_INET, address, mapped + 12) == 1, address);
		isns_attribute(w, 32, name, strlen(name) + 1);
		isns_number(w, 33, 1);
		isns_attribute(w, 48, name, strlen(name) + 1);
		isns_attribute(w, 49, mapped, sizeof(mapped));
		isns_number(w, 50, 3260);
		isns_number(w, 51, 1);
	}
}

/* The daemon has its turn between two pieces. */
static int send_piece(sd_event_source *source, void *userdata)
{
	struct fake_target_conn *conn = userdata;
	size_t left = conn->pieces_len - conn->pieces_pos;
	size_t len = conn->target->isns_piece ? MIN(conn->target->isns_piece, left) : left;

	must(send(conn->fd, conn->pieces + conn->pieces_pos, len, MSG_NOSIGNAL) == (ssize_t)len,
	     "send");
	conn->pieces_pos += len;
	if (source)
		(void)sd_event_source_set_enabled(source, len < left ? SD_EVENT_ON : SD_EVENT_OFF);
	else if (len < left)
		must(sd_event_add_defer(conn->target->loop, &conn->next_piece, send_piece, conn) >= 0 &&
		     sd_event_source_set_enabled(conn->next_piece, SD_EVENT_ON) >= 0, "defer");
	return 0;
}

/* Puts a header before each part of an answer. */
static void send_isns(struct fake_target_conn *conn, const uint8_t *data, size_t len)
{
	size_t most = conn->target->isns_part ? conn->target->isns_part : len;
	struct writer w = writer_init(conn->pieces, sizeof(conn->pieces));

	for (size_t at = 0; at < len; at += most) {
		size_t part = MIN(most, len - at);

		writer_be16(&w, 1);
		writer_be16(&w, get_be16(conn->in + 2) | 0x8000);
		writer_be16(&w, (uint16_t)part);
		/* The server's; the last and the first part are marked. */
		writer_be16(&w, 0x4000 | (at + part == len ? 0x800 : 0) | (at ? 0 : 0x400));
		writer_bytes(&w, conn->in + 8, 2);	/* the transaction */
		writer_be16(&w, (uint16_t)(at / most));
		writer_bytes(&w, data + at, part);
	}
	must(!w.failed, "an iSNS answer that is too long");
	conn->pieces_len = w.pos;
	conn->pieces_pos = 0;
	conn->next_piece = sd_event_source_disable_unref(conn->next_piece);
	(void)send_piece(NULL, conn);
}

static void answer_isns(struct fake_target_conn *conn)
{
	struct fake_target *target = conn->target;
	uint16_t function = get_be16(conn->in + 2);
	uint8_t out[4096];
	struct writer w = writer_init(out, sizeof(out));
	unsigned int n = conn->isns_asked++;
	uint32_t status = n < ARRAY_SIZE(target->isns_status) ? target->isns_status[n] : 0;

	if (n + 1 < sizeof(target->isns_asked))
		target->isns_asked[n] = function == 1 ? 'r' : function == 2 ? 'q' : 'd';
	if (target->silent || (target->isns_answers && n >= target->isns_answers))
		return;
	writer_be32(&w, status);
	if (function == 2 && !status)
		isns_targets(&w, target->targets);
	must(!w.failed, "an iSNS answer that is too long");
	send_isns(conn, out, w.pos);
}

/* ---- what comes in ------------------------------------------------------------------------- */

static void answer(struct fake_target_conn *conn, size_t len)
{
	struct fake_target *target = conn->target;
	uint8_t bhs[BHS];

	memcpy(target->last_bhs, conn->in, BHS);
	target->pdus++;
	if (target->silent)
		return;
	switch (conn->in[0] & 0x3f) {
	case 0x03:
		answer_login(conn, len);
		break;
	case 0x00:
		target->nop_outs++;
		break;
	case 0x04:
		memcpy(conn->text_bhs, conn->in, BHS);
		if (target->holds_texts)
			target->texts++;
		else
			answer_text(conn, len);
		break;
	case 0x06:
		target->logouts++;
		if (target->never_logs_out)
			break;
		begin_response(conn, 0x26, bhs);
		conn_send(conn, bhs, NULL, 0);
		break;
	}
}

static int conn_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct fake_target_conn *conn = userdata;

	(void)revents;
	for (;;) {
		bool isns = conn->target->isns;
		size_t header = isns ? ISNS_HEADER : BHS, want = header, len = 0;
		ssize_t n;

		if (conn->got >= header) {
			len = isns ? get_be16(conn->in + 4) : get_be24(conn->in + 5);
			must(len <= DATA_MAX - 4, "a message that is too long");
			want = header + ((len + 3) & ~(size_t)3);
		}
		if (conn->got >= header && conn->got == want) {
			conn->got = 0;
			if (isns)
				answer_isns(conn);
			else
				answer(conn, len);
			continue;
		}
		n = recv(fd, conn->in + conn->got, want - conn->got, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			if (conn->target->unaware)
				(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
			else
				conn_close(conn);
			return 0;
		}
		conn->got += (size_t)n;
	}
}

static int target_on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct fake_target *target = userdata;
	struct fake_target_conn *conn = calloc(1, sizeof(*conn));
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);

	(void)source;
	(void)revents;
	must(conn != NULL, "calloc");
	conn->target = target;
	conn->fd = accept4(fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
	must(conn->fd >= 0, "accept");
	(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	target->from = ntohl(from.sin_addr.s_addr);
	conn->next = target->conns;
	target->conns = conn;
	target->accepted++;
	must(sd_event_add_io(target->loop, &conn->io, conn->fd, EPOLLIN, conn_on_io, conn) >= 0,
	     "sd_event_add_io");
	if (target->greeting)
		must(send(conn->fd, target->greeting, strlen(target->greeting), MSG_NOSIGNAL) > 0, "send");
	if (target->hangs_up)
		conn_close(conn);
	return 0;
}

void fake_target_listen(struct fake_target *target)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(target->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int on = 1;

	target->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(target->listen_fd >= 0, "socket");
	(void)setsockopt(target->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(!bind(target->listen_fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
	must(!listen(target->listen_fd, 64), "listen");
	must(!getsockname(target->listen_fd, (struct sockaddr *)&addr, &len), "getsockname");
	target->port = ntohs(addr.sin_port);
	must(sd_event_add_io(target->loop, &target->listen_io, target->listen_fd, EPOLLIN,
			     target_on_connection, target) >= 0, "sd_event_add_io");
}

void fake_target_open(struct fake_target *target, sd_event *loop)
{
	*target = (struct fake_target){ .loop = loop };
	fake_target_listen(target);
}

void fake_target_go_deaf(struct fake_target *target)
{
	target->listen_io = sd_event_source_disable_unref(target->listen_io);
	closep(&target->listen_fd);
	if (target->filler_fd)
		(void)close(target->filler_fd);
	target->filler_fd = 0;
}

void fake_target_lose_packets(struct fake_target *target)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(target->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	target->listen_io = sd_event_source_disable_unref(target->listen_io);
	/* Linux drops a SYN if another connection already waits to be accepted. */
	must(!listen(target->listen_fd, 0), "listen");
	target->filler_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!connect(target->filler_fd, (struct sockaddr *)&addr, sizeof(addr)), "connect");
}

void fake_target_hang_up(struct fake_target *target)
{
	while (target->conns)
		conn_close(target->conns);
}

void fake_target_close(struct fake_target *target)
{
	fake_target_hang_up(target);
	fake_target_go_deaf(target);
}

void fake_target_answer_held(struct fake_target *target)
{
	must(target->conns != NULL, "no connection to answer on");
	memcpy(target->conns->in, target->conns->text_bhs, BHS);
	answer_text(target->conns, 0);
}

void fake_target_answer_oldest(struct fake_target *target)
{
	struct fake_target_conn *conn = target->conns;

	while (conn && conn->next)
		conn = conn->next;
	must(conn && (conn->in[0] & 0x3f) == 0x03, "no login to answer");
	answer_login(conn, get_be24(conn->in + 5));
}

void fake_target_answer_newest(struct fake_target *target)
{
	must(target->conns && (target->conns->in[0] & 0x3f) == 0x03, "no login to answer");
	answer_login(target->conns, get_be24(target->conns->in + 5));
}

void fake_target_send(struct fake_target *target, const uint8_t bhs[48], const void *data,
		      size_t len)
{
	must(target->conns != NULL, "no connection to send on");
	conn_send(target->conns, bhs, data, len);
}
