/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets that iscsid is asked on: those that the service manager passed, or its own, which
 * are the abstract name and MGMT_SOCKET_PATH. main.c opens them and hands them to mgmt.c.
 */
#ifndef ISCSID_LISTEN_H
#define ISCSID_LISTEN_H

#include <sys/stat.h>

/* A socket that listens on the abstract name; -EADDRINUSE: another daemon does. */
int listen_abstract(void);

/*
 * A socket that listens on @path, in place of any that is there. @own tells listen_remove()
 * which file was made. -errno: none to have.
 */
int listen_path(const char *path, struct stat *own);
/* Removes @path, unless another daemon has put its own socket there. */
void listen_remove(const char *path, const struct stat *own);

#endif /* ISCSID_LISTEN_H */
