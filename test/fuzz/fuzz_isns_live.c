/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An iSNS server that says whatever the input says, to the code that asks it over a real socket:
 * in pieces, a piece for each request that comes, and then the time runs out. The discovery ends
 * once, and soon.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iscsid/base/log.h"
#include "iscsid/isns.h"
#include "libiscsi-db/util.h"
#include "test/fake/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS_MAX = 4000 };

static sd_event *loop;
static int listen_fd;
static char port_text[8];
static unsigned int ended;

static int no_random(void *buf, size_t len)
{
	memset(buf, 0, len);		/* so that the transaction ids are those of the corpus */
	return 0;
}

static void on_target(void *arg, const char *name, const char *address, int port, int tpgt)
{
	(void)arg;
	if (ended || iscsi_db_check_foreign_name(name, NULL) ||
	    iscsi_db_check_address(address, NULL) || port < 0 || port > 65535 || tpgt > 65535)
		abort();
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void on_done(void *arg, enum iscsi_err err, const struct iscsi_why *why)
{
	(void)arg;
	if (ended++ || (err && !*why->text))
		abort();
}

static void start(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sd_event_new(&loop) < 0 || listen_fd < 0 ||
	    bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(listen_fd, 8) ||
	    getsockname(listen_fd, (struct sockaddr *)&addr, &len))
		abort();
	(void)snprintf(port_text, sizeof(port_text), "%u", ntohs(addr.sin_port));
	log_open(true, -1);
}

/* The next piece: a length of two bytes, then the piece itself. */
static bool say(int fd, const uint8_t *data, size_t size, size_t *at)
{
	size_t len;

	if (size - *at < 2)
		return false;
	len = MIN((size_t)data[*at] << 8 | data[*at + 1], size - *at - 2);
	*at += 2;
	if (send(fd, data + *at, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return false;
	*at += len;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct discovery_owner owner = { on_target, on_warning, on_done, NULL, false };
	const struct linger reset = { .l_onoff = 1 };
	struct discovery_env env = { .random = no_random };
	struct iscsi_db_record *rec;
	struct fake_clock clock;
	struct iscsi_why why;
	struct isns *isns;
	size_t at = 0;
	uint8_t asked[4096];
	int fd = -1;

	if (!loop)
		start();
	ended = 0;
	fake_clock_init(&clock);
	env.loop = loop;
	env.clock = &clock.clock;
	if (iscsi_db_record_new(ISCSI_DB_ISNS, &rec) ||
	    iscsi_db_record_set(rec, "discovery.sendtargets.address", "127.0.0.1", NULL) ||
	    iscsi_db_record_set(rec, "discovery.sendtargets.port", port_text, NULL) ||
	    isns_start(&env, rec, "iqn.a:i", &owner, &isns, &why))
		abort();
	for (int round = 0; round < ROUNDS_MAX && !ended; round++) {
		bool quiet = true;

		while (sd_event_run(loop, 0) > 0)
			quiet = false;
		if (fd < 0)
			fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		else if (recv(fd, asked, sizeof(asked), 0) > 0)
			quiet = false;
		if (fd >= 0 && say(fd, data, size, &at))
			quiet = false;
		if (quiet && fd >= 0)
			fake_clock_advance(&clock, 10000000);
	}
	if (ended != 1)
		abort();
	isns_free(isns);
	if (fake_clock_timers(&clock))
		abort();
	iscsi_db_record_free(rec);
	if (fd >= 0) {
		/* No port is left in TIME-WAIT, of which there are only some thousands. */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(fd);
	}
	return 0;
}
