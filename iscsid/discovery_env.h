/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a discovery is given, whether it asks a target (discovery.h) or an iSNS server (isns.h). */
#pragma once

#include <systemd/sd-event.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/lookup.h"
#include "iscsid/kernel/sysfs.h"
#include "libiscsi-db/iscsi-db.h"

struct chap_issued;

struct discovery_env {
	sd_event *loop;
	struct clock *clock;
	const struct resolver *resolver;
	struct sysfs *sysfs;
	int (*random)(void *buf, size_t len);
	struct chap_issued *issued;	/* the challenges of all logins; may be NULL */
};

/* The event loop calls these functions. */
struct discovery_owner {
	void (*on_target)(void *arg, const char *name, const char *address, int port, int tpgt);
	/* A warning for the person who asked: a target was skipped, for example. */
	void (*on_warning)(void *arg, const char *text);
	/* Called once, at the end. The owner frees the discovery, in this call or later. */
	void (*on_done)(void *arg, enum iscsi_err err, const struct iscsi_why *why);
	void *arg;
	bool repeated;		/* the owner logs the warnings, since the last round may have had them */
};
