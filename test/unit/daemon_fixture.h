/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole daemon for each test, with one client. */
#pragma once

#include "test/fake/daemon.h"

static struct fake_daemon *d = &the_daemon;
static struct fake_client client;

static void setup(void)
{
	fake_daemon_setup();
	fake_client_open(&client);
	(void)close(STDIN_FILENO);	/* so that the next connection has the number 0 */
}

static void teardown(void)
{
	fake_client_close(&client);
	fake_daemon_teardown();
}
