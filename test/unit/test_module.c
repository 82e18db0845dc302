/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which kernel module is loaded and when, and what is said if that fails; libkmod is the test's. */
#include <check.h>
#include <errno.h>
#include <libkmod.h>
#include <syslog.h>
#include <unistd.h>

#include "iscsid/kernel/module.h"
#include "libiscsi-db/util.h"
#include "test/unit/capture.h"

static bool has_class, no_context;
static int new_result, load_result;
static char calls[128];
static int the_context, the_module;

static int note(const char *call, int result)
{
	strcat(strcat(calls, call), " ");
	return result;
}

int access(const char *path, int mode)
{
	(void)mode;
	return has_class && streq(path, "/sys/class/iscsi_transport/tcp") ? 0 : -1;
}

struct kmod_ctx *kmod_new(const char *dir, const char *const *config)
{
	(void)dir;
	(void)config;
	return no_context ? NULL : (struct kmod_ctx *)&the_context;
}

void kmod_set_log_priority(struct kmod_ctx *ctx, int priority)
{
	ck_assert_ptr_eq(ctx, &the_context);
	ck_assert_int_eq(priority, LOG_CRIT);
}

int kmod_module_new_from_name(struct kmod_ctx *ctx, const char *name, struct kmod_module **ret)
{
	ck_assert_ptr_eq(ctx, &the_context);
	if (new_result >= 0)
		*ret = (struct kmod_module *)&the_module;
	return note(name, new_result);
}

int kmod_module_probe_insert_module(struct kmod_module *module, unsigned int flags,
				    const char *options,
				    int (*run)(struct kmod_module *m, const char *command, void *data),
				    const void *data,
				    void (*print)(struct kmod_module *m, bool install, const char *options))
{
	ck_assert_ptr_eq(module, &the_module);
	ck_assert_uint_eq(flags, KMOD_PROBE_APPLY_BLACKLIST);
	ck_assert(!options && !run && !data && !print);
	return note("load", load_result);
}

struct kmod_module *kmod_module_unref(struct kmod_module *module)
{
	(void)note(module ? "unref" : "none", 0);
	return NULL;
}

struct kmod_ctx *kmod_unref(struct kmod_ctx *ctx)
{
	(void)note(ctx ? "done" : "none", 0);
	return NULL;
}

#define FAILS	"iscsid: can't load the kernel module iscsi_tcp: "

static const struct {
	bool has_class, no_context;
	int new_result, load_result;
	const char *calls, *said;
} rows[] = {
	{ true, false, 0, 0, "", "" },
	{ false, false, 0, 0, "iscsi_tcp load unref done ", "" },
	{ false, false, 0, KMOD_PROBE_APPLY_BLACKLIST, "iscsi_tcp load unref done ",
	  FAILS "it is blacklisted\n" },
	{ false, false, 0, -EPERM, "iscsi_tcp load unref done ", FAILS "Operation not permitted\n" },
	{ false, false, -ENOENT, 0, "iscsi_tcp none done ", FAILS "No such file or directory\n" },
	{ false, true, 0, 0, "none none ", FAILS "Cannot allocate memory\n" },
};

START_TEST(the_module_is_loaded_unless_it_is_there)
{
	has_class = rows[_i].has_class;
	no_context = rows[_i].no_context;
	new_result = rows[_i].new_result;
	load_result = rows[_i].load_result;
	capture();
	module_load_iscsi_tcp();
	ck_assert_str_eq(said(1), rows[_i].said);
	ck_assert_str_eq(calls, rows[_i].calls);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("module");
	TCase *t = tcase_create("module");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, the_module_is_loaded_unless_it_is_there, 0,
			    (int)ARRAY_SIZE(rows));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
