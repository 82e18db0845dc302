/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The check library ends a test that takes longer than its limit, 4 s by default, of real time.
 * On a busy machine a good test may need more. The limits are for tests that hang, so each is
 * made twenty times longer, however the test program is started.
 */
#include <stdlib.h>

__attribute__((constructor))
static void wait_longer(void)
{
	(void)setenv("CK_TIMEOUT_MULTIPLIER", "20", 0);
}
