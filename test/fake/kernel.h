/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops in memory, for tests without privileges: notes each operation as a word in a log,
 * keeps what the real kernel would refuse, and lets the test say what the kernel tells.
 */
#ifndef TEST_FAKE_KERNEL_H
#define TEST_FAKE_KERNEL_H

#include "iscsid/kernel/kernel.h"
#include "iscsid/protocol/pdu.h"

#define FAKE_SESSIONS	64

struct fake_session {
	bool exists, has_conn, bound, up, cleanup_due;
	uint8_t last_bhs[PDU_BHS_LEN];
	char last_text[8192];		/* of the last login PDU, NULs as '\n' */
	char targetname[256];
	unsigned int binds, starts;
};

struct fake_kernel {
	struct kernel kernel;		/* first: what the others hold */
	struct fake_session session[FAKE_SESSIONS];	/* by sid */
	uint32_t last_sid;
	char log[4096];			/* "create 1, bind 1, pdu 43, start 1, ..." */
	unsigned int fail_at;		/* the nth operation fails; 0: none */
	unsigned int operations;
};

void fake_kernel_init(struct fake_kernel *fake);
/* What the kernel does when a connection breaks: it takes no more for it until a stop. */
void fake_kernel_break(struct fake_kernel *fake, uint32_t sid);

#endif /* TEST_FAKE_KERNEL_H */
