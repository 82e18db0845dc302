/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole daemon in a test: manager, socket, sessions and discoveries on a fake kernel, a fake
 * sysfs, a fake clock, a list of host names and a folder in /tmp. It is put together here as
 * main.c does it. A client speaks to it over its socket. Everything runs on the test's thread,
 * but for scans and look-ups, which have threads of the daemon's own.
 */
#ifndef TEST_FAKE_DAEMON_H
#define TEST_FAKE_DAEMON_H

#include <check.h>
#include <time.h>

#include "iscsid/discoveryd.h"
#include "iscsid/manager.h"
#include "iscsid/message/mgmt_msg.h"
#include "iscsid/mgmt.h"
#include "test/fake/clock.h"
#include "test/fake/kernel.h"
#include "test/fake/sysfs.h"
#include "test/fake/target.h"

#define FAKE_TARGET_NAME	"iqn.2026-01.net.example:t"

struct fake_daemon {
	char dir[64], path[96];		/* a folder of its own, and the socket in there */
	sd_event *loop;
	struct fake_clock clock;
	uint8_t random;			/* each byte of the random numbers */
	struct fake_kernel kernel;
	struct fake_sysfs *fs;
	struct fake_target target;
	struct resolver resolver;
	struct manager_env env;
	int lock_fd;
	struct manager *manager;	/* NULL: it doesn't run */
	struct mgmt *mgmt;
	struct discoveryd *discoveryd;
};

/* One for each test program, since look-ups have no argument. */
extern struct fake_daemon the_daemon;

/* An address for a host name; NULL: no name is known. At most 8; cleared by setup. */
void fake_daemon_add_name(const char *name, const char *address);

/* As check wants them; a test runs between the two. */
void fake_daemon_setup(void);
void fake_daemon_teardown(void);
/* Writes a file of the daemon's own folder: "iscsid.conf", "initiatorname.iscsi". */
void fake_daemon_write(const char *name, const char *text);
/* What setup does with the daemon itself, for a test that restarts it. */
void fake_daemon_start(void);
void fake_daemon_stop(void);

/* Runs one turn of the loop; false if there was nothing to do. */
bool fake_daemon_step(void);
/* Runs the loop until it has nothing to do. */
void fake_daemon_settle(void);
/* Moves the clock to the next timer, but by @at_most_ms, and settles; by how many us. */
uint64_t fake_daemon_pass(uint64_t at_most_ms);
/*
 * The same until @ms are over. Note that a client that has nothing open is dropped by the daemon
 * after 30 seconds.
 */
void fake_daemon_wait(uint64_t ms);

/* Runs the loop, without moving the clock, until @condition holds. */
#define UNTIL(condition)							\
	do {									\
		time_t until_end = time(NULL) + 20;				\
										\
		while (!(condition)) {						\
			ck_assert_msg(time(NULL) <= until_end, "never: %s; log: %s",	\
				      #condition, the_daemon.kernel.log);		\
			(void)fake_daemon_step();				\
		}								\
	} while (0)

/* A client of the socket. */
struct fake_client {
	int fd;
	bool gone;			/* the daemon has closed the connection */
	size_t got;
	uint8_t in[MGMT_HEADER_LEN + MGMT_BODY_MAX];
	struct mgmt_reply reply;	/* the last; its strings point into @body */
	uint8_t body[MGMT_BODY_MAX];
};

/* Connects, and takes the greeting. */
void fake_client_open(struct fake_client *client);
void fake_client_close(struct fake_client *client);
void fake_client_send_bytes(struct fake_client *client, const void *data, size_t len);
void fake_client_send(struct fake_client *client, const struct mgmt_request *request);
/* True if a whole reply has come; it is in @client->reply then. */
bool fake_client_poll(struct fake_client *client);
/* Sends a request and waits for its result, past all replies before it. */
enum iscsi_err fake_client_ask(struct fake_client *client, const struct mgmt_request *request);

/* The node record of the target, with @settings, pairs that end with NULL. Free it. */
char *fake_node_text(const char *const *settings);
/* The same for a record that discovers through the target, or through an iSNS server. */
char *fake_discovery_text(bool isns, const char *const *settings);

/* Logs in to the target; the new session's sid. */
uint32_t fake_client_log_in(struct fake_client *client, const char *const *settings);
/* What the daemon says a session is at. */
enum mgmt_conn_state fake_client_state(struct fake_client *client, uint32_t sid);

#endif /* TEST_FAKE_DAEMON_H */
