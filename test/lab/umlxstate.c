// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User-Mode Linux of the 6.1 series keeps the extended registers of its processes in a
 * buffer that was sized before processors had AMX tiles. A newer host kernel refuses to set
 * fewer bytes than it knows (EFAULT), and the guest dies before its first process. This is
 * preloaded into linux.uml and widens those two ptrace requests; the tail that UML doesn't
 * know is state no guest program can have used, so zeros are right for it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define XSTATE_MAX	65536

long ptrace(enum __ptrace_request request, ...)
{
	static unsigned char wide[XSTATE_MAX] __attribute__((aligned(64)));
	static size_t host_size;	/* what the host gives, once it has told us */
	struct iovec *iov, w = { wide, sizeof(wide) };
	va_list ap;
	pid_t pid;
	void *addr, *data;
	long peeked, r;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);

	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) &&
	    (unsigned long)addr == NT_X86_XSTATE) {
		iov = data;
		if (request == PTRACE_GETREGSET || !host_size) {
			r = syscall(SYS_ptrace, PTRACE_GETREGSET, pid, addr, &w);
			if (r < 0)
				return r;
			host_size = w.iov_len;
			if (request == PTRACE_GETREGSET) {
				if (iov->iov_len > host_size)
					iov->iov_len = host_size;
				memcpy(iov->iov_base, wide, iov->iov_len);
				return 0;
			}
		}
		if (iov->iov_len >= host_size)
			return syscall(SYS_ptrace, request, pid, addr, iov);
		memcpy(wide, iov->iov_base, iov->iov_len);
		memset(wide + iov->iov_len, 0, host_size - iov->iov_len);
		w.iov_len = host_size;
		return syscall(SYS_ptrace, request, pid, addr, &w);
	}

	/* The raw call stores what it peeks; the C library returns it. */
	if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA ||
	    request == PTRACE_PEEKUSER) {
		r = syscall(SYS_ptrace, request, pid, addr, &peeked);
		return r < 0 ? r : peeked;
	}
	return syscall(SYS_ptrace, request, pid, addr, data);
}
