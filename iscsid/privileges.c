/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities, see privileges.h. The kernel takes a mask in one system call, so a library
 * would add an object that must stay in memory during recovery, and save nothing.
 */
#include "iscsid/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "iscsid/base/log.h"
#include "libiscsi-db/util.h"

#define BIT(capability)		(UINT64_C(1) << (capability))

static const uint64_t sessions_need =
	BIT(CAP_SYS_ADMIN)	/* each iSCSI message to the kernel, and PR_SET_IO_FLUSHER */
	| BIT(CAP_NET_ADMIN)	/* options of sockets: priorities, congestion control */
	| BIT(CAP_NET_RAW)	/* an interface that is bound to a network device */
	| BIT(CAP_IPC_LOCK)	/* memory that later logins add stays in memory too */
	| BIT(CAP_SYS_RESOURCE)	/* the OOM score, the number of descriptors */
	| BIT(CAP_SYS_NICE);	/* the daemon is served before others */

/* What a program that is started from here could get back. */
static void limit_bounding_set(uint64_t kept)
{
	for (int capability = 0; capability < 64; capability++) {
		if (kept & BIT(capability))
			continue;
		/* EINVAL: the kernel knows no such capability, nor any above it. */
		if (prctl(PR_CAPBSET_DROP, capability) < 0) {
			if (errno != EINVAL)
				log_debug("the bounding set of capabilities stays: %s",
					  strerror(errno));
			return;
		}
	}
}

static bool limit_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		/* A container may have left us less than what is needed. */
		data[i].permitted &= (uint32_t)(kept >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) == 0;
}

void privileges_limit(bool change_ids)
{
	uint64_t kept = sessions_need;

	if (change_ids)
		kept |= BIT(CAP_SETUID) | BIT(CAP_SETGID);
	limit_bounding_set(kept);
	if (!limit_capabilities(kept))
		log_warning("capabilities that aren't needed can't be given up: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warning("the right to gain privileges can't be given up: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warning("the memory can't be hidden from other processes: %s", strerror(errno));
}
