/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pauses between attempts: growing, capped, never under Time2Wait; the run state. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "iscsid/base/retry.h"
#include "iscsid/run_dir.h"
#include "iscsid/runstate.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

START_TEST(pauses_grow_up_to_a_cap)
{
	static const uint64_t lost[] = { 1000, 2000, 4000, 5000, 5000 };
	static const uint64_t refused[] = { 5000, 10000, 20000, 40000, 60000, 60000 };
	static const uint64_t busy[] = { 2000, 4000, 8000, 16000, 30000, 30000 };
	struct retry retry = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_LOST, 0), lost[i]);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_REFUSED, 0), refused[i]);
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_BUSY, 0), busy[i]);
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_SILENT, 0), busy[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_LOCAL, 0), lost[i]);
	(void)retry_pause_ms(&retry, RETRY_REFUSED, 0);
	retry.attempts = 0;
	ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_REFUSED, 0), 5000);
}
END_TEST

START_TEST(jitter_takes_a_fifth_at_most)
{
	static const struct { uint32_t random; uint64_t pause; } rows[] = {
		{ 0, 30000 }, { 1, 29995 }, { 512, 27000 }, { 1023, 24006 }, { 1024, 30000 },
		{ UINT32_MAX, 24006 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct retry retry = { .cause = RETRY_BUSY, .attempts = 10 };

		ck_assert_uint_eq(retry_pause_ms(&retry, RETRY_BUSY, rows[i].random),
				  rows[i].pause);
	}
	for (uint32_t random = 0; random < 5000; random += 7) {
		struct retry retry = { .cause = RETRY_BUSY, .attempts = 10 };
		uint64_t pause = retry_pause_ms(&retry, RETRY_BUSY, random);

		ck_assert_uint_ge(pause, 24000);
		ck_assert_uint_le(pause, 30000);
		pause = retry_reopen_ms(&retry, RETRY_LOST, 20000, 1, random);
		ck_assert_uint_ge(pause, 640);
		ck_assert_uint_le(pause, 800);
	}
}
END_TEST

/* How long a session is down, and the pause then. */
static const struct { enum retry_cause cause; uint64_t down_ms, pause_ms; } reopenings[] = {
	{ RETRY_LOST, 6000, 250 }, { RETRY_LOST, 10000, 400 }, { RETRY_LOST, 60000, 1500 },
	{ RETRY_LOST, 86400000, 2500 }, { RETRY_SILENT, 86400000, 2500 },
	{ RETRY_LOCAL, 86400000, 2500 },
	{ RETRY_BUSY, 3000, 250 }, { RETRY_BUSY, 119999, 1500 }, { RETRY_BUSY, 120000, 4800 },
	{ RETRY_BUSY, 250000, 10000 }, { RETRY_BUSY, 599999, 10000 },
	{ RETRY_REFUSED, 600000, 24000 }, { RETRY_REFUSED, 86400000, 30000 },
};

START_TEST(a_lost_session_is_tried_quickly_then_by_a_share_of_the_outage)
{
	struct retry retry = { 0 };

	for (uint64_t pause = 100; pause <= 400; pause += 100)
		ck_assert_uint_eq(retry_reopen_ms(&retry, RETRY_LOST, 0, 1, 0), MIN(pause, 250));
	for (size_t i = 0; i < ARRAY_SIZE(reopenings); i++)
		ck_assert_uint_eq(retry_reopen_ms(&retry, reopenings[i].cause,
						  reopenings[i].down_ms, 1, 0),
				  reopenings[i].pause_ms);
}
END_TEST

/* Many silent portals take longer pauses, but keep what is promised for a longer outage. */
START_TEST(many_portals_share_the_attempts)
{
	struct retry retry = { .attempts = 9 };

	ck_assert_uint_eq(retry_reopen_ms(&retry, RETRY_LOST, 0, 31, 0), 250);
	ck_assert_uint_eq(retry_reopen_ms(&retry, RETRY_LOST, 0, 100, 0), 800);
	ck_assert_uint_eq(retry_reopen_ms(&retry, RETRY_LOST, 0, 10000, 0), 1500);
	ck_assert_uint_eq(retry_reopen_ms(&retry, RETRY_LOST, 30000, 100, 0), 1200);
	ck_assert_uint_eq(retry_together_ms(250, 31, 1000000), 250);
	ck_assert_uint_eq(retry_together_ms(830, 100, 1000000), 800);
	ck_assert_uint_eq(retry_together_ms(50, 100, 1000055), 45);
	ck_assert_uint_eq(retry_together_ms(50, 100, 1000010), 0);
}
END_TEST

/* Whenever the target comes back, the next attempt begins within the promised time. */
START_TEST(no_pause_is_longer_than_promised)
{
	struct retry retry = { 0 };

	for (uint64_t at = 0; at < 130000;) {
		uint64_t pause = retry_reopen_ms(&retry, RETRY_LOST, at, 1, 0);

		ck_assert_uint_lt(pause, MIN(MAX(300, at / 20), 3000));
		at += pause;
	}
	ck_assert_uint_lt(retry.attempts, 200);
}
END_TEST

START_TEST(patience_grows_with_the_outage_and_the_last_login)
{
	ck_assert_uint_eq(retry_patience_ms(false, 0, 5), 250);
	ck_assert_uint_eq(retry_patience_ms(true, 0, 5), 1000);
	ck_assert_uint_eq(retry_patience_ms(true, 0, 500), 4000);
	ck_assert_uint_eq(retry_patience_ms(false, 0, 100), 800);
	ck_assert_uint_eq(retry_patience_ms(false, 0, 500), 1000);
	ck_assert_uint_eq(retry_patience_ms(true, 20000, 5), 1000);
	ck_assert_uint_eq(retry_patience_ms(true, 119999, 5), 2500);
	ck_assert_uint_eq(retry_patience_ms(true, 200000, 5), 2500);
	ck_assert_uint_eq(retry_patience_ms(true, 200000, 1000), 8000);
	ck_assert_uint_eq(retry_patience_ms(false, 200000, 5), 2500);
}
END_TEST

static char dir[] = "/tmp/iscsi-test-runstate-XXXXXX";
static int dir_fd;
static bool piecemeal;		/* each write is interrupted once, and then takes 100 bytes */
static bool is_full;		/* there is no room for more */

/* What succeeds leaves errno as it was. */
ssize_t write(int fd, const void *buf, size_t len)
{
	static bool interrupted;

	interrupted = piecemeal && !interrupted;
	errno = is_full ? ENOSPC : EINTR;
	if (interrupted || is_full)
		return -1;
	return syscall(SYS_write, fd, buf, piecemeal ? MIN(len, 100) : len);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
	(void)close(STDIN_FILENO);	/* so that each file has the descriptor 0 */
}

static void teardown(void)
{
	char command[64];

	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
	closep(&dir_fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(run_state_survives)
{
	struct runstate state = { .isid = { 0, 2, 0x3d, 0, 0, 9 }, .time2wait_s = 3 }, got;
	CLEANUP(freep) char *written = NULL;
	CLEANUP(freep) char *read = NULL;
	struct stat st;

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &state.rec), 0);
	ck_assert_int_eq(iscsi_db_record_set(state.rec, "node.name", "iqn.a:b", NULL), 0);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), -ENOENT);
	piecemeal = _i;
	errno = EEXIST;			/* of something before */
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	ck_assert_int_eq(fstatat(dir_fd, "session-9", &st, 0), 0);
	ck_assert_int_gt(st.st_size, 1000);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), 0);
	ck_assert_mem_eq(got.isid, state.isid, sizeof(got.isid));
	ck_assert_uint_eq(got.time2wait_s, 3);
	written = iscsi_db_record_print(state.rec, ISCSI_DB_FORM_FILE);
	read = iscsi_db_record_print(got.rec, ISCSI_DB_FORM_FILE);
	ck_assert_str_eq(read, written);
	iscsi_db_record_free(got.rec);
	iscsi_db_record_free(state.rec);
	runstate_remove(dir_fd, 9);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), -ENOENT);
}
END_TEST

/* Each phase of a note that is there already, and what the note says of the rest. */
START_TEST(the_phase_is_written_over_the_old_one)
{
	static const enum runstate_phase phases[] = {
		RUNSTATE_SETTLED, RUNSTATE_SCAN_DUE, RUNSTATE_ENDING, RUNSTATE_SETTLED,
	};
	struct runstate state = { .isid = { 0, 2, 0x3d, 0, 0, 9 }, .time2wait_s = 3,
				  .phase = RUNSTATE_SCAN_DUE }, got;
	struct stat st, again;

	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), -EBADMSG);
	ck_assert_int_eq(faccessat(dir_fd, "session-9", F_OK, 0), -1);
	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &state.rec), 0);
	ck_assert_int_eq(iscsi_db_record_set(state.rec, "node.name", "iqn.a:b", NULL), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	ck_assert_int_eq(fstatat(dir_fd, "session-9", &st, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		state.phase = phases[i];
		ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), 0);
		ck_assert_int_eq(runstate_load(dir_fd, 9, &got), 0);
		ck_assert_int_eq(got.phase, phases[i]);
		ck_assert_mem_eq(got.isid, state.isid, sizeof(got.isid));
		ck_assert_uint_eq(got.time2wait_s, 3);
		ck_assert_str_eq(iscsi_db_record_get(got.rec, "node.name"), "iqn.a:b");
		iscsi_db_record_free(got.rec);
	}
	ck_assert_int_eq(fstatat(dir_fd, "session-9", &again, 0), 0);
	ck_assert_uint_eq(again.st_ino, st.st_ino);
	ck_assert_int_eq(again.st_size, st.st_size);
	/* Another ISID or Time2Wait takes the whole note. */
	state.isid[5] = 8;
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), -EBADMSG);
	state.isid[5] = 9;
	state.time2wait_s = 4;
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), -EBADMSG);
	state.time2wait_s = 30;
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), -EBADMSG);
	iscsi_db_record_free(state.rec);
}
END_TEST

/* An older daemon's note has no room for the longest phase. */
START_TEST(an_older_note_is_not_written_into)
{
	static const char text[] = "# iscsid session ISID 00023d000009 Time2Wait 3 Phase settled\n"
				   "node.name = iqn.a:b\n";
	struct runstate state = { .isid = { 0, 2, 0x3d, 0, 0, 9 }, .time2wait_s = 3,
				  .phase = RUNSTATE_SCAN_DUE }, got;
	int fd = openat(dir_fd, "session-9", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), -EBADMSG);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), 0);
	ck_assert_int_eq(got.phase, RUNSTATE_SETTLED);
	iscsi_db_record_free(got.rec);
}
END_TEST

static struct iscsi_db_record *new_record(void)
{
	struct iscsi_db_record *rec;

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &rec), 0);
	ck_assert_int_eq(iscsi_db_record_set(rec, "node.name", "iqn.a:b", NULL), 0);
	return rec;
}

/* The address that a portal's name has led to. */
static const char *const portals[] = { "10.0.0.5", "fe80::5%a-long-device-0", "" };

START_TEST(the_address_of_a_portal_is_kept)
{
	struct runstate state = { .isid = { 0, 2, 0x3d, 0, 0, 9 }, .rec = new_record() }, got;

	strcpy(state.portal, portals[_i]);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	state.phase = RUNSTATE_SETTLED;
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), 0);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), 0);
	ck_assert_str_eq(got.portal, portals[_i]);
	ck_assert_str_eq(iscsi_db_record_get(got.rec, "node.name"), "iqn.a:b");
	iscsi_db_record_free(got.rec);
	iscsi_db_record_free(state.rec);
}
END_TEST

/* What isn't ours, whole and private is no state at all. */
static const struct { const char *text; mode_t mode; } foreign[] = {
	{ "", 0600 },
	{ "node.name = iqn.a:b\n", 0600 },
	{ "# iscsid session ISID 00023d00000 Time2Wait\n", 0600 },
	{ "# iscsid session ISID 00023d000009 Time2Wait 99999\n", 0600 },
	{ "# iscsid session ISID 00023d000009 Time2Wait 2\nnode.name = iqn.a:b\n", 0640 },
	{ "# iscsid session ISID 00023d000009 Time2Wait 2\nnode.name = iqn.a:b\n", 0601 },
};

START_TEST(foreign_run_state_is_refused)
{
	struct runstate got;
	int fd = openat(dir_fd, "session-9", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t len = (ssize_t)strlen(foreign[_i].text);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, foreign[_i].text, (size_t)len), len);
	ck_assert_int_eq(fchmod(fd, foreign[_i].mode), 0);
	(void)close(fd);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), -EBADMSG);
}
END_TEST

START_TEST(the_note_of_another_user_is_refused)
{
	struct runstate state = { .time2wait_s = 3 }, got;

	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &state.rec), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	iscsi_db_record_free(state.rec);
	if (fchownat(dir_fd, "session-9", 12, 12, 0) < 0)
		return;		/* only root can try */
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), -EBADMSG);
}
END_TEST

/* A FIFO has no writer, and what a dead daemon left half-written is in nobody's way. */
START_TEST(nothing_of_that_name_hangs_or_misleads)
{
	struct runstate state = { .time2wait_s = 3 }, got;
	struct stat st;

	ck_assert_int_eq(mkfifoat(dir_fd, "session-9", 0600), 0);
	ck_assert_int_eq(runstate_load(dir_fd, 9, &got), -EBADMSG);
	ck_assert_int_eq(iscsi_db_record_new(ISCSI_DB_NODE, &state.rec), 0);
	ck_assert_int_eq(mkfifoat(dir_fd, "session-9.new", 0600), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	ck_assert_int_eq(fstatat(dir_fd, "session-9", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* Through another name the file would be written where that name leads to. */
	ck_assert_int_eq(symlinkat("elsewhere", dir_fd, "session-9.new"), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), 0);
	ck_assert_int_eq(faccessat(dir_fd, "elsewhere", F_OK, 0), -1);
	ck_assert_int_eq(mkdirat(dir_fd, "session-8", 0700), 0);
	ck_assert_int_eq(runstate_load(dir_fd, 8, &got), -EBADMSG);
	ck_assert_int_eq(symlinkat("session-9", dir_fd, "session-7"), 0);
	ck_assert_int_eq(runstate_load(dir_fd, 7, &got), -ELOOP);
	ck_assert_int_eq(runstate_set_phase(dir_fd, 9, &state), 0);
	ck_assert_int_eq(runstate_set_phase(dir_fd, 7, &state), -EBADMSG);
	iscsi_db_record_free(state.rec);
}
END_TEST

static bool exists(const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The longest name and the longest first line. */
START_TEST(the_largest_numbers_have_room)
{
	struct runstate state = {
		.isid = { 255, 254, 253, 252, 251, 250 }, .time2wait_s = 3600,
		.phase = RUNSTATE_SCAN_DUE, .rec = new_record(),
	}, got = { .rec = NULL };

	ck_assert_int_eq(runstate_save(dir_fd, UINT32_MAX, &state), 0);
	ck_assert(exists("session-4294967295"));
	ck_assert_int_eq(runstate_load(dir_fd, UINT32_MAX, &got), 0);
	ck_assert_mem_eq(got.isid, state.isid, sizeof(got.isid));
	ck_assert_uint_eq(got.time2wait_s, 3600);
	ck_assert_int_eq(got.phase, RUNSTATE_SCAN_DUE);
	ck_assert_str_eq(iscsi_db_record_get(got.rec, "node.name"), "iqn.a:b");
	iscsi_db_record_free(got.rec);
	state.time2wait_s = 3601;
	ck_assert_int_eq(runstate_save(dir_fd, UINT32_MAX, &state), 0);
	ck_assert_int_eq(runstate_load(dir_fd, UINT32_MAX, &got), -EBADMSG);
	iscsi_db_record_free(state.rec);
}
END_TEST

START_TEST(a_note_has_a_bound)
{
	static const char first[] = "# iscsid session ISID 00023d000009 Time2Wait 2\nnode.name = iqn.a:b\n";
	enum { MAX = 128 * 1024 };
	static char text[MAX + 1];
	struct runstate got = { .rec = NULL };

	memset(text, '\n', sizeof(text));
	memcpy(text, first, strlen(first));
	for (size_t len = MAX; len <= MAX + 1; len++) {
		int fd = openat(dir_fd, "session-9", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
		(void)close(fd);
		ck_assert_int_eq(runstate_load(dir_fd, 9, &got), len == MAX ? 0 : -EBADMSG);
		/* An older daemon's note says nothing of a scan. */
		ck_assert_int_eq(got.phase, RUNSTATE_SCAN_DUE);
	}
	iscsi_db_record_free(got.rec);
}
END_TEST

START_TEST(a_note_that_cannot_be_written_leaves_nothing)
{
	struct runstate state = { .rec = new_record() };

	ck_assert_int_eq(mkdirat(dir_fd, "session-9", 0700), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), -EISDIR);
	ck_assert(!exists("session-9.new"));
	ck_assert_int_eq(mkdirat(dir_fd, "session-8.new", 0700), 0);
	ck_assert_int_eq(runstate_save(dir_fd, 8, &state), -EEXIST);
	ck_assert(!exists("session-8"));
	is_full = true;
	ck_assert_int_eq(runstate_save(dir_fd, 7, &state), -ENOSPC);
	ck_assert(!exists("session-7.new") && !exists("session-7"));
	iscsi_db_record_free(state.rec);
}
END_TEST

/* Of wanted logins, those that there is memory for. */
START_TEST(a_lack_of_memory_is_told)
{
	struct runstate state = { .rec = new_record() }, got;
	unsigned int *list;
	size_t len;

	for (unsigned int number = 1; alloc_can_fail && number <= 3; number++)
		ck_assert_int_eq(runstate_save_wanted(dir_fd, number, state.rec), 0);
	alloc_fail_nth(alloc_can_fail);
	ck_assert_int_eq(runstate_save(dir_fd, 9, &state), alloc_can_fail ? -ENOMEM : 0);
	ck_assert_int_eq(alloc_fail_stop(), alloc_can_fail);
	ck_assert_int_eq(exists("session-9"), !alloc_can_fail);
	if (alloc_can_fail) {
		alloc_fail_nth(1);
		ck_assert_int_eq(runstate_load_wanted(dir_fd, 3, &got.rec), -ENOMEM);
		ck_assert(alloc_fail_stop());
		/* The folder's buffer is the first, then come the numbers, of which two have room. */
		alloc_fail_nth(4);
		list = runstate_list_wanted(dir_fd, &len);
		ck_assert(alloc_fail_stop());
		ck_assert_uint_eq(len, 2);
		free(list);
	}
	iscsi_db_record_free(state.rec);
}
END_TEST

START_TEST(wanted_logins_are_listed_in_their_order)
{
	static const unsigned int numbers[] = { 10, 9, 2, 4294967295 }, sorted[] = { 2, 9, 10, 4294967295 };
	static const char *const others[] = { "wanted-07", "wanted-1.new", "wanted-x", "session-3" };
	struct iscsi_db_record *rec = new_record(), *got = NULL;
	unsigned int *list;
	size_t len = 1;

	ck_assert_ptr_null(runstate_list_wanted(dir_fd, &len));
	ck_assert_uint_eq(len, 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		ck_assert_int_eq(runstate_save_wanted(dir_fd, numbers[i], rec), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		(void)close(openat(dir_fd, others[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	list = runstate_list_wanted(dir_fd, &len);
	ck_assert_uint_eq(len, ARRAY_SIZE(sorted));
	ck_assert_mem_eq(list, sorted, sizeof(sorted));
	free(list);
	ck_assert_int_eq(runstate_load_wanted(dir_fd, 10, &got), 0);
	ck_assert_str_eq(iscsi_db_record_get(got, "node.name"), "iqn.a:b");
	runstate_remove_wanted(dir_fd, 10);
	ck_assert_int_eq(runstate_load_wanted(dir_fd, 10, &got), -ENOENT);
	ck_assert_int_eq(runstate_load_wanted(dir_fd, 10, &got), -ENOENT);
	iscsi_db_record_free(got);
	iscsi_db_record_free(rec);
}
END_TEST

START_TEST(notes_without_a_session_are_swept)
{
	static const unsigned int sids[] = { 3, 5, 9 };
	static const struct { const char *name; bool stays; } notes[] = {
		{ "session-3", true }, { "session-4", false }, { "session-5", true },
		{ "session-9", true }, { "session-10", false }, { "session-4.new", false },
		{ "session-x", true }, { "wanted-4", true }, { "lock", true },
	};

	for (int with = 1; with >= 0; with--) {
		for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
			(void)close(openat(dir_fd, notes[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		runstate_sweep(dir_fd, with ? sids : NULL, with ? ARRAY_SIZE(sids) : 0);
		for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
			ck_assert_msg(exists(notes[i].name) ==
				      (notes[i].stays && (with || i > 5)), "%s", notes[i].name);
	}
}
END_TEST

START_TEST(one_daemon_holds_the_folder)
{
	char path[64], pid[64];
	int fd, lock, other;
	struct iscsi_why why;

	(void)snprintf(path, sizeof(path), "%s/run", dir);
	ck_assert_int_eq(run_dir_open(path, &fd, &why), 0);
	ck_assert(run_dir_is_idle(fd));
	ck_assert_int_eq(run_dir_lock(fd, path, &lock, &why), 0);
	ck_assert(!run_dir_is_idle(fd));
	ck_assert_int_eq(run_dir_lock(fd, path, &other, &why), ISCSI_ERR_INTERNAL);
	(void)snprintf(pid, sizeof(pid), "another iscsid is running, pid %d;", getpid());
	ck_assert_msg(strstr(why.text, pid), "%s", why.text);
	(void)close(lock);
	ck_assert(run_dir_is_idle(fd));
	ck_assert_int_eq(run_dir_lock(fd, path, &lock, &why), 0);
	(void)close(lock);
	ck_assert_int_eq(unlinkat(fd, "lock", 0), 0);
	ck_assert_int_eq(mkfifoat(fd, "lock", 0600), 0);
	ck_assert_int_eq(run_dir_lock(fd, path, &lock, &why), ISCSI_ERR_INTERNAL);
	ck_assert_msg(strstr(why.text, "no regular file"), "%s", why.text);
	ck_assert_int_eq(fchmod(fd, 0777), 0);
	(void)close(fd);
	ck_assert_int_eq(run_dir_open(path, &fd, &why), ISCSI_ERR_INTERNAL);
	ck_assert_msg(strstr(why.text, "only root"), "%s", why.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retry, runstate");
	TCase *pure = tcase_create("pure"), *files = tcase_create("files");
	SRunner *runner;
	int failed;

	tcase_add_test(pure, pauses_grow_up_to_a_cap);
	tcase_add_test(pure, jitter_takes_a_fifth_at_most);
	tcase_add_test(pure, a_lost_session_is_tried_quickly_then_by_a_share_of_the_outage);
	tcase_add_test(pure, many_portals_share_the_attempts);
	tcase_add_test(pure, no_pause_is_longer_than_promised);
	tcase_add_test(pure, patience_grows_with_the_outage_and_the_last_login);
	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_loop_test(files, run_state_survives, 0, 2);
	tcase_add_test(files, the_phase_is_written_over_the_old_one);
	tcase_add_test(files, an_older_note_is_not_written_into);
	tcase_add_loop_test(files, the_address_of_a_portal_is_kept, 0, ARRAY_SIZE(portals));
	tcase_add_test(files, the_note_of_another_user_is_refused);
	tcase_add_test(files, nothing_of_that_name_hangs_or_misleads);
	tcase_add_test(files, the_largest_numbers_have_room);
	tcase_add_test(files, a_note_has_a_bound);
	tcase_add_test(files, a_note_that_cannot_be_written_leaves_nothing);
	tcase_add_test(files, a_lack_of_memory_is_told);
	tcase_add_test(files, wanted_logins_are_listed_in_their_order);
	tcase_add_test(files, notes_without_a_session_are_swept);
	tcase_add_test(files, one_daemon_holds_the_folder);
	tcase_add_loop_test(files, foreign_run_state_is_refused, 0, ARRAY_SIZE(foreign));
	suite_add_tcase(suite, pure);
	suite_add_tcase(suite, files);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
