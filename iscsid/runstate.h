/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon must still know of a session after its own restart and the kernel can't tell:
 * the record, the ISID, Time2Wait. One file a session below /run/iscsid, 0600, written whole.
 * Gone with the next boot, like the sessions.
 */
#ifndef ISCSID_RUNSTATE_H
#define ISCSID_RUNSTATE_H

#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/iscsi-db.h"

struct runstate {
	struct iscsi_db_record *rec;		/* owned by whoever read it */
	uint8_t isid[PDU_ISID_LEN];
	uint32_t time2wait_s;
};

/* 0 or -errno; a failure leaves what was there. */
int runstate_save(int dir_fd, uint32_t sid, const struct runstate *state);
/* -ENOENT: none. -EBADMSG: not what we wrote. */
int runstate_load(int dir_fd, uint32_t sid, struct runstate *ret);
void runstate_remove(int dir_fd, uint32_t sid);
/* Removes the notes of all sessions but those in @sids, which is in ascending order. */
void runstate_sweep(int dir_fd, const unsigned int *sids, size_t len);

#endif /* ISCSID_RUNSTATE_H */
