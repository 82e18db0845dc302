/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A target in the test's own process: it listens on the loopback address, lives on the test's
 * event loop and answers logins, SendTargets and logouts as it is told. What is said on the wire
 * in detail is the matter of test/fake/target (the program) and its conversations.
 */
#ifndef TEST_FAKE_TARGET_H
#define TEST_FAKE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct fake_target_conn;

struct fake_target {
	sd_event *loop;
	int listen_fd;
	sd_event_source *listen_io;
	struct fake_target_conn *conns;		/* the newest first */
	uint16_t port;

	/* How it behaves; the test may change these at any time. */
	uint16_t status;		/* class and detail of the next login responses; 0: success */
	const char *login_text;		/* keys of the last login response, each with its '\n' */
	const char *targets;		/* the answer to SendTargets, each key with its '\n' */
	size_t part_len;		/* the answer comes in parts of this many bytes; 0: whole */
	bool silent;			/* takes what is sent and answers nothing */
	bool unaware;			/* doesn't notice that the other side has closed */
	bool hangs_up;			/* closes each new connection at once */
	const char *greeting;		/* sent on each new connection, as other protocols do; or NULL */
	int filler_fd;			/* while packets to it are lost; else 0 */
	bool never_logs_out;		/* doesn't answer a Logout Request */
	bool holds_texts;		/* answers Text Requests at fake_target_answer_held() only */
	/* An iSNS server instead: @targets has lines "NAME IPV4-ADDRESS". */
	bool isns;
	uint32_t isns_status[8];	/* of its answers, in their order; then 0 */
	size_t isns_piece;		/* sends an answer in pieces of so many bytes; 0: whole */
	size_t isns_part;		/* an answer has parts of so many bytes; 0: one part */
	unsigned int isns_answers;	/* it answers only so many requests; 0: all, or see @silent */

	/* What it has seen. */
	uint32_t from;			/* the address of the last client, IPv4 */
	unsigned int accepted, logins, texts, logouts, nop_outs;
	char isns_asked[16];		/* a letter for each request: q(uery), r(egister), d(ereg.) */
	uint8_t last_bhs[48];		/* of the last PDU, also while it is silent */
	unsigned int pdus;
	char last_login[4096];		/* the text of the last Login Request, NULs as '\n' */
	char last_text[1024];		/* and of the last Text Request */
};

void fake_target_open(struct fake_target *target, sd_event *loop);
void fake_target_close(struct fake_target *target);
/* Nobody can connect any more; connections stay. And again, on the same port. */
void fake_target_go_deaf(struct fake_target *target);
void fake_target_listen(struct fake_target *target);
/* As if packets to it were lost: nobody can connect, and nobody is refused. */
void fake_target_lose_packets(struct fake_target *target);
/* Closes all connections. */
void fake_target_hang_up(struct fake_target *target);
/* Answers the Text Request that the newest connection waits for. */
void fake_target_answer_held(struct fake_target *target);
/* Answers the last Login Request of the oldest connection, or of the newest, though silent. */
void fake_target_answer_oldest(struct fake_target *target);
void fake_target_answer_newest(struct fake_target *target);
/* Sends a PDU on the newest connection. */
void fake_target_send(struct fake_target *target, const uint8_t bhs[48], const void *data,
		      size_t len);

#endif /* TEST_FAKE_TARGET_H */
