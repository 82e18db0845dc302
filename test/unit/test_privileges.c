/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process may still do after privileges_limit(), in the kernel's own words. As root this
 * shows that capabilities go; without them, that fewer than needed are no error.
 */
#include "iscsid/privileges.h"

#include <check.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "iscsid/base/log.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"

#define BIT(capability)		(UINT64_C(1) << (capability))

static const uint64_t sessions_need = BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW) |
	BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_NICE);

/* A line of the calling process's status, as a number to the base 16. */
static uint64_t status_of(const char *name)
{
	CLEANUP(fclosep) FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			return strtoull(line + strlen(name) + 1, NULL, 16);
	return UINT64_MAX;
}

/* 0, or the number of the expectation that isn't met. In a process of its own: it can't go back. */
static int limited(bool change_ids)
{
	uint64_t kept = sessions_need | (change_ids ? BIT(CAP_SETUID) | BIT(CAP_SETGID) : 0);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint64_t had = status_of("CapPrm"), bound = status_of("CapBnd");

		capture();
		privileges_limit(change_ids);
		if (*said(1))
			_exit(7);
		if (status_of("CapPrm") != (had & kept))
			_exit(1);
		if (status_of("CapEff") != (had & kept))
			_exit(2);
		if (status_of("CapInh") != 0)
			_exit(3);
		if (had & BIT(CAP_SETPCAP) && status_of("CapBnd") != (bound & kept))
			_exit(4);
		if (status_of("NoNewPrivs") != 1)
			_exit(5);
		_exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) ? 6 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "status %x", (unsigned int)status);
	return WEXITSTATUS(status);
}

START_TEST(sessions_keep_what_they_need)
{
	ck_assert_int_eq(limited(false), 0);
}
END_TEST

START_TEST(another_user_can_still_be_taken)
{
	ck_assert_int_eq(limited(true), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privileges");
	TCase *t = tcase_create("privileges");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, sessions_keep_what_they_need);
	tcase_add_test(t, another_user_can_still_be_taken);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
