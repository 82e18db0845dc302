/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A note of each session for the next daemon: the record, the ISID and Time2Wait, which the kernel
 * can't tell. A note is a file below /run/iscsid with mode 0600 that is replaced whole. The notes
 * are gone with the next boot, like the sessions.
 */
#ifndef ISCSID_RUNSTATE_H
#define ISCSID_RUNSTATE_H

#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/iscsi-db.h"

struct runstate {
	struct iscsi_db_record *rec;		/* the caller of runstate_load() owns it */
	uint8_t isid[PDU_ISID_LEN];
	uint32_t time2wait_s;
};

/* 0 or -errno; after a failure the older note is still there. */
int runstate_save(int dir_fd, uint32_t sid, const struct runstate *state);
/* -ENOENT: there is no note. -EBADMSG: the file is not a note of this program. */
int runstate_load(int dir_fd, uint32_t sid, struct runstate *ret);
void runstate_remove(int dir_fd, uint32_t sid);
/* Removes the notes of all sessions but those in @sids, which is in ascending order. */
void runstate_sweep(int dir_fd, const unsigned int *sids, size_t len);

#endif /* ISCSID_RUNSTATE_H */
