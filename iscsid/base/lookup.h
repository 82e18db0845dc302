/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host names to addresses, without holding up the loop. */
#ifndef ISCSID_LOOKUP_H
#define ISCSID_LOOKUP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "iscsid/base/worker.h"

struct lookup;

/*
 * Whom to ask for names; its maker's, and outlives all look-ups. @resolve waits for the answer, on
 * a thread of @pool; it returns 0 or an error of getaddrinfo().
 */
struct resolver {
	struct worker_pool *pool;
	int (*resolve)(const char *host, int port, struct sockaddr_storage *ret);
};

/* The machine's own resolver. */
int lookup_resolve(const char *host, int port, struct sockaddr_storage *ret);

/* A numeric address, with or without a %zone, needs no look-up. False: it isn't one. */
bool lookup_numeric(const char *host, int port, struct sockaddr_storage *ret);

/*
 * Looks up @host. @done is called from the loop with the first address, or NULL and
 * why there is none, unless lookup_forget() came first. NULL: no memory, no thread.
 */
struct lookup *lookup_start(const struct resolver *resolver, const char *host, int port,
			    void (*done)(void *arg, const struct sockaddr_storage *addr,
					 const char *error), void *arg);
/* Its time is over: @done is called now, with no address. Takes NULL; returns NULL. */
struct lookup *lookup_expire(struct lookup *lookup);
struct lookup *lookup_forget(struct lookup *lookup);	/* takes NULL; returns NULL */

#endif /* ISCSID_LOOKUP_H */
