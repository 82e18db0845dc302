/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A note of each session for the next daemon: the facts that the kernel can't tell, which are the
 * record, the ISID, Time2Wait, the address of a portal that has a name, and how far the daemon had
 * come. A note is a file below /run/iscsid with mode 0600 that is replaced whole, or whose phase is
 * written over the old one in one write. iscsiadm removes the note of a wanted login that is called
 * off while no daemon runs. The notes are gone with the next boot, like the sessions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/pdu.h"
#include "libiscsi-db/iscsi-db.h"

/* How far the daemon had come with a session. A first login that isn't over has no note. */
enum runstate_phase {
	RUNSTATE_NO_NOTE,
	RUNSTATE_SCAN_DUE,	/* logged in; the first scan isn't over */
	RUNSTATE_SETTLED,	/* logged in; the first scan is over, or none is wanted */
	RUNSTATE_ENDING,	/* somebody, or reopen_max, has ended the session */
	RUNSTATE_RELOGIN,	/* logs out because the target asked for that, to log in again */
};

struct runstate {
	struct iscsi_db_record *rec;		/* the reader of a note frees the record */
	uint8_t isid[PDU_ISID_LEN];
	uint32_t time2wait_s;
	enum runstate_phase phase;
	char portal[80];	/* the address that the portal's name has led to; "": none */
};

/* Returns 0 or -errno. A failure leaves the old note in place. */
int runstate_save(int dir_fd, uint32_t sid, const struct runstate *state);
/*
 * Writes the phase of @state into the note that runstate_save() has made of the same ISID and
 * Time2Wait; the record stays as it is there. 0 or -errno, without a change: there is no such note.
 */
int runstate_set_phase(int dir_fd, uint32_t sid, const struct runstate *state);
/* Returns -ENOENT if the session has no note, -EBADMSG if another program wrote the file. */
int runstate_load(int dir_fd, uint32_t sid, struct runstate *ret);
void runstate_remove(int dir_fd, uint32_t sid);
/* The record of a first login that is wanted and isn't over, under a number of the caller's. */
int runstate_save_wanted(int dir_fd, uint32_t number, struct iscsi_db_record *rec);
int runstate_load_wanted(int dir_fd, uint32_t number, struct iscsi_db_record **ret);
void runstate_remove_wanted(int dir_fd, uint32_t number);
/* The numbers of these notes in ascending order; free() them. NULL: none, or no memory. */
unsigned int *runstate_list_wanted(int dir_fd, size_t *ret_len);
/* Removes the notes of all sessions but those in @sids, which is in ascending order. */
void runstate_sweep(int dir_fd, const unsigned int *sids, size_t len);
