/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks up the addresses of host names, without holding up the event loop. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "iscsid/base/worker.h"

struct lookup;

/*
 * A resolver of names, which outlives all look-ups. @resolve runs on a thread of @pool, waits for
 * the answer, and returns 0 or an error of getaddrinfo().
 */
struct resolver {
	struct worker_pool *pool;
	int (*resolve)(const char *host, int port, struct sockaddr_storage *ret);
};

/* The machine's resolver, for struct resolver. */
int lookup_resolve(const char *host, int port, struct sockaddr_storage *ret);

/* Reads a numeric address, with or without a %zone. False: @host needs a look-up. */
bool lookup_numeric(const char *host, int port, struct sockaddr_storage *ret);

/*
 * Looks up @host. The loop calls @done with the first address, or with NULL and the reason, unless
 * lookup_forget() was called. Returns NULL without memory or thread.
 */
struct lookup *lookup_start(const struct resolver *resolver, const char *host, int port,
			    void (*done)(void *arg, const struct sockaddr_storage *addr,
					 const char *error), void *arg);
/* Ends the look-up: calls @done at once, without an address. Takes NULL; returns NULL. */
struct lookup *lookup_expire(struct lookup *lookup);
struct lookup *lookup_forget(struct lookup *lookup);	/* takes NULL; returns NULL */
