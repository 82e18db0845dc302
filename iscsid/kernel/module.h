/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module that the sessions need. */
#ifndef ISCSID_MODULE_H
#define ISCSID_MODULE_H

/* Loads iscsi_tcp unless it is there. What goes wrong is said when the kernel is opened. */
void module_load_iscsi_tcp(void);

#endif /* ISCSID_MODULE_H */
