/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module that the sessions need. */
#pragma once

/* Loads iscsi_tcp unless it is there. What goes wrong is said when the kernel is opened. */
void module_load_iscsi_tcp(void);
