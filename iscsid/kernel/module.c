/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module that the sessions need, see module.h. */
#include "iscsid/kernel/module.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "iscsid/base/log.h"

void module_load_iscsi_tcp(void)
{
	const char *const config_default = NULL;
	struct kmod_module *module = NULL;
	struct kmod_ctx *ctx;
	int r;

	if (access("/sys/class/iscsi_transport/tcp", F_OK) == 0)
		return;
	ctx = kmod_new(NULL, &config_default);
	if (ctx)
		kmod_set_log_priority(ctx, LOG_CRIT);	/* an error is logged here */
	r = ctx ? kmod_module_new_from_name(ctx, "iscsi_tcp", &module) : -ENOMEM;
	if (r >= 0)
		r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL,
						    NULL, NULL);
	if (r)
		log_warning("can't load the kernel module iscsi_tcp: %s",
			    r > 0 ? "it is blacklisted" : strerror(-r));
	kmod_module_unref(module);
	kmod_unref(ctx);
}
