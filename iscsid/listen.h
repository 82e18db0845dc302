/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that iscsid is asked on: those that the service manager passed, or its own, which
 * are the abstract name and MGMT_SOCKET_PATH. main.c opens them and hands them to mgmt.c. Any
 * local user can take an abstract name first, so this part also finds out who did.
 */
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>

#include "libiscsi-db/iscsi-db.h"

/* A socket that listens on an abstract name; -EADDRINUSE: somebody has the name. */
int listen_abstract(const char *name);

/*
 * A socket that listens on @path, in place of an older one. @own tells listen_remove()
 * which file was made. -errno on failure.
 */
int listen_path(const char *path, struct stat *own);
/* Removes @path, unless another daemon has put its own socket there. */
void listen_remove(const char *path, const struct stat *own);

/*
 * Who listens on the abstract name, as the kernel noted it when that process began to listen. A
 * process of another user can't make itself look like root here. 0, or -errno: -ECONNREFUSED if
 * nothing listens, -EAGAIN if the listener has accepted no connection for half a second.
 */
int listen_holder(const char *name, struct ucred *ret);

/*
 * What a holder of the abstract name means for a daemon that doesn't have the name. A daemon of
 * root's is ISCSI_ERR_INTERNAL, since both would answer the kernel. Anybody else only keeps this
 * name from us: that is told in the log, and who it is.
 */
enum iscsi_err listen_judge_holder(const char *name, struct iscsi_why *why);
