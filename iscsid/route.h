/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A route decides where an attempt to log in goes next: to the portal of the record, whose name
 * may need a look-up; to the addresses that a redirection names, in their order; or to the same
 * address once more, because the target insists on the security stage. Each session and each
 * discovery has a route. The owner connects to route->peer when a step is ROUTE_CONNECT, and
 * tells the route how the login ended; the route itself opens no connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/lookup.h"
#include "libiscsi-db/iscsi-db.h"

struct login_outcome;

enum route_step {
	ROUTE_CONNECT,		/* connect to route->peer, with route->security_first */
	ROUTE_LOOKUP,		/* a name is being looked up; on_step() follows from the loop */
	ROUTE_UNKNOWN,		/* the name of the record's portal can't be resolved */
	ROUTE_END,		/* no address is left, so the attempt has failed */
};

struct route {
	/* Set by the owner; the strings and @outcome outlive the route. */
	struct clock *clock;
	const struct resolver *resolver;
	const char *name;		/* the owner's name in the log */
	const char *address;		/* of the record's portal */
	int port;
	unsigned int redirects_max;	/* in one attempt */
	/* The portal whose answer named the record's portal, an address or a name; NULL: a person did. */
	const char *named_by;
	const struct login_outcome *outcome;	/* of the last login; a new login clears it */
	/* The step after a look-up. @why is set with ROUTE_UNKNOWN and ROUTE_END. */
	void (*on_step)(void *arg, enum route_step step, const struct iscsi_why *why);
	void *arg;

	/* For the owner to read. */
	struct sockaddr_storage peer;
	bool security_first;		/* the login begins with the security stage */
	unsigned int redirects;		/* redirections followed in this attempt */

	/* Only route.c uses the rest. */
	struct sockaddr_storage portal;	/* the record's portal; AF_UNSPEC: not resolved yet */
	struct lookup *lookup;
	uint64_t ends_us;
	size_t named_at;		/* index of the next address that a redirection named */
	bool insisted;			/* the target has just asked for the security stage */
	bool quiet;
};

/*
 * Begins an attempt, at the portal of the record. No redirection is followed after @ends_us;
 * @quiet keeps redirections out of the log. *why is set with ROUTE_UNKNOWN.
 */
enum route_step route_begin(struct route *route, uint64_t ends_us, bool quiet,
			    struct iscsi_why *why);
/* The target at the peer has moved. *why is set with ROUTE_END. */
enum route_step route_moved(struct route *route, struct iscsi_why *why);
/*
 * Goes to the next address that a redirection named, because the peer wasn't reached. *why comes
 * with the reason of that failure; an address that can't be used replaces it.
 */
enum route_step route_next(struct route *route, struct iscsi_why *why);
/* The target refuses a login that skips the security stage, so the peer is tried once more. */
enum route_step route_insisted(struct route *route);
/* The login at the peer has succeeded. */
void route_arrived(struct route *route);
/*
 * The login at the peer has failed with *err. If the target has just insisted on the security
 * stage and didn't answer a login that begins with this stage, the target has refused the login:
 * the result is true, and *err and *why become those of the refusal.
 */
bool route_silence_refuses(struct route *route, enum iscsi_err *err, struct iscsi_why *why);

/* Ends a look-up that takes too long; calls on_step() at once. */
void route_expire(struct route *route);
/* Gives up the attempt: on_step() will not be called. */
void route_cancel(struct route *route);
