/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the machine, see shutdown.h. */
#include "iscsid/shutdown.h"

#include <systemd/sd-daemon.h>

#include "iscsid/base/log.h"
#include "iscsid/kernel/inuse.h"
#include "iscsid/manager.h"
#include "libiscsi-db/util.h"

#define TICK_MS		250
#define PATIENCE_S	15	/* with a silent target, while the machine waits for us */
#define LOGOUT_S	45	/* until the daemon ends, whatever is still in use */

struct shutdown {
	struct clock *clock;
	struct manager *manager;
	struct sysfs *sysfs;
	const char *proc;
	struct timer *timer;
	bool announced;
	uint64_t announced_us, deadline_us;
	void (*done)(void *arg);	/* NULL: the daemon's turn hasn't come */
	void *arg;
};

static bool disks_in_use(struct shutdown *shutdown, struct session *session, enum inuse_by by,
			 struct iscsi_why *why)
{
	return inuse_check(shutdown->sysfs, shutdown->proc, session_sid(session),
			   session_host_no(session), by, why) == ISCSI_ERR_BUSY;
}

/* Whether the daemon should wait for a session that is down. */
static bool visit_failed(struct shutdown *shutdown, struct session *session)
{
	uint64_t since = MAX(shutdown->announced_us, session_failed_since_us(session));
	bool over = clock_now_us(shutdown->clock) - since >= PATIENCE_S * UINT64_C(1000000);
	struct iscsi_why why = { "" };
	bool used;

	if (disks_in_use(shutdown, session, INUSE_BY_ROOT, &why))
		return false;
	used = disks_in_use(shutdown, session, INUSE_BY_ANY, &why);
	/* A file system leaves the mount table before its umount, which writes, has ended. */
	if (!over && (used || !shutdown->done))
		return true;
	if (over)
		log_error("session %u: the machine goes down and the target has been silent for "
			  "%d s: giving the session up", session_sid(session), PATIENCE_S);
	session_logout(session, NULL, why.text);
	return true;
}

/* Whether the daemon should wait for a session that works. */
static bool visit_logged_in(struct shutdown *shutdown, struct session *session)
{
	struct iscsi_why why = { "" };

	if (!shutdown->done)
		return true;
	if (disks_in_use(shutdown, session, INUSE_BY_SYSTEM, &why))
		return false;
	if (!disks_in_use(shutdown, session, INUSE_BY_ANY, &why))
		session_logout(session, NULL, "");
	else if (clock_now_us(shutdown->clock) >= shutdown->deadline_us)
		log_error("session %u: %s; leaving without a logout", session_sid(session),
			  why.text);
	return true;
}

static bool visit(struct shutdown *shutdown, struct session *session)
{
	switch (session_state(session)) {
	case SESSION_FAILED:
		return visit_failed(shutdown, session);
	case SESSION_SCANNING:
	case SESSION_LOGGED_IN:
		return visit_logged_in(shutdown, session);
	case SESSION_FREE:
		if (shutdown->done)
			session_logout(session, NULL, "");
		return true;
	case SESSION_UNBINDING:
	case SESSION_LOGGING_OUT:
	case SESSION_ENDING:
		break;
	}
	return true;
}

static void shutdown_on_tick(void *arg)
{
	struct shutdown *shutdown = arg;
	size_t len;
	CLEANUP(freep) void **sessions = manager_sessions(shutdown->manager, &len);
	bool wait = false;

	for (size_t i = 0; i < len; i++)	/* what ends here is freed later, from the loop */
		if (visit(shutdown, sessions[i]))
			wait = true;
	if (shutdown->done && (!wait || clock_now_us(shutdown->clock) >= shutdown->deadline_us)) {
		shutdown->done(shutdown->arg);
		return;
	}
	if (shutdown->done)
		(void)sd_notify(0, "EXTEND_TIMEOUT_USEC=10000000");
	timer_arm_ms(shutdown->timer, TICK_MS);
}

struct shutdown *shutdown_new(struct clock *clock, struct manager *manager, struct sysfs *sysfs,
			      const char *proc)
{
	struct shutdown *shutdown = calloc(1, sizeof(*shutdown));

	if (!shutdown)
		return NULL;
	*shutdown = (struct shutdown){
		.clock = clock, .manager = manager, .sysfs = sysfs, .proc = proc,
	};
	shutdown->timer = timer_new(clock, shutdown_on_tick, shutdown);
	return shutdown->timer ? shutdown : shutdown_free(shutdown);
}

struct shutdown *shutdown_free(struct shutdown *shutdown)
{
	if (shutdown)
		timer_free(shutdown->timer);
	free(shutdown);
	return NULL;
}

void shutdown_announce(struct shutdown *shutdown)
{
	if (shutdown->announced)
		return;
	log_notice("the machine goes down");
	shutdown->announced = true;
	shutdown->announced_us = clock_now_us(shutdown->clock);
	timer_arm_ms(shutdown->timer, 0);
}

bool shutdown_announced(const struct shutdown *shutdown)
{
	return shutdown->announced;
}

void shutdown_log_out(struct shutdown *shutdown, void (*done)(void *arg), void *arg)
{
	if (shutdown->done)
		return;
	shutdown->done = done;
	shutdown->arg = arg;
	shutdown->deadline_us = clock_now_us(shutdown->clock) + LOGOUT_S * UINT64_C(1000000);
	timer_arm_ms(shutdown->timer, 0);
}
