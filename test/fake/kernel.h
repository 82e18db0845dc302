/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel_ops in memory, for tests without privileges: notes each operation as a word in a log,
 * refuses what the real kernel would refuse, and lets the test say what the kernel tells. Once
 * it is attached to a loop it also carries PDUs over the sockets that it is given, shows its
 * sessions in a fake sysfs and tells what the real kernel would tell.
 */
#ifndef TEST_FAKE_KERNEL_H
#define TEST_FAKE_KERNEL_H

#include <systemd/sd-event.h>

#include "iscsid/kernel/kernel.h"
#include "iscsid/protocol/pdu.h"
#include "test/fake/sysfs.h"

#define FAKE_SESSIONS	128

struct fake_kernel;

struct fake_session {
	struct fake_kernel *owner;
	bool exists, has_conn, bound, up, cleanup_due;
	uint8_t last_bhs[PDU_BHS_LEN];
	char last_text[8192];		/* of the last login PDU, NULs as '\n' */
	char targetname[256], address[256];
	int port, host_no, recovery_tmo;
	unsigned int binds, starts;
	int fd;				/* while bound, if the kernel is attached; else 0 */
	sd_event_source *io;
	bool shown;			/* in the fake sysfs */
	size_t got;
	uint8_t in[PDU_BHS_LEN + 16384];
};

struct fake_kernel {
	struct kernel kernel;		/* first: what the others hold */
	struct fake_session session[FAKE_SESSIONS];	/* by sid */
	uint32_t last_sid;
	char log[4096];			/* "create 1, bind 1, pdu 43, start 1, ..." */
	unsigned int fail_at;		/* the nth operation fails; 0: none */
	unsigned int operations;

	sd_event *loop;			/* NULL: not attached */
	struct fake_sysfs *fs;
	const struct kernel_events *events;
	void *arg;
	bool keeps_luns;		/* an unbind is never answered, */
	bool keeps_sessions;		/* nor the end of a session told */
	struct fake_event {
		uint32_t sid;
		enum { FAKE_UNBOUND, FAKE_DESTROYED, FAKE_CONN_ERROR } kind;
		int error;
	} told[64];			/* from the loop, in this order */
	size_t told_len;
	sd_event_source *teller;
};

void fake_kernel_init(struct fake_kernel *fake);
/* From now on it works by itself; see above. */
void fake_kernel_attach(struct fake_kernel *fake, sd_event *loop, struct fake_sysfs *fs);
/* Whom it tells. NULL: nobody, while no daemon runs; events are lost meanwhile. */
void fake_kernel_subscribe(struct fake_kernel *fake, const struct kernel_events *events,
			   void *arg);
void fake_kernel_done(struct fake_kernel *fake);
/* Tells that a connection failed. */
void fake_kernel_tell_error(struct fake_kernel *fake, uint32_t sid, int error);
/* What the kernel does when a connection breaks: it takes no more for it until a stop. */
void fake_kernel_break(struct fake_kernel *fake, uint32_t sid);

#endif /* TEST_FAKE_KERNEL_H */
