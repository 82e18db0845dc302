/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an attempt to log in goes next: to the portal of the record, whose name may have to be
 * looked up; to the addresses that a redirection names, in their order; or to the same address
 * once more, because the target insists on the security stage. Each session and each discovery
 * has a route. A route opens no connection: its owner connects to route->peer when a step says
 * so, and comes back with what happened there.
 */
#ifndef ISCSID_ROUTE_H
#define ISCSID_ROUTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "iscsid/base/clock.h"
#include "iscsid/base/lookup.h"
#include "libiscsi-db/iscsi-db.h"

struct login_outcome;

enum route_step {
	ROUTE_CONNECT,		/* to route->peer, with route->security_first */
	ROUTE_LOOKUP,		/* a name is being looked up; on_step() follows from the loop */
	ROUTE_UNKNOWN,		/* the name of the record's portal can't be resolved */
	ROUTE_END,		/* no address is left: the attempt has failed */
};

struct route {
	/* Set by the owner; the strings and @outcome outlive the route. */
	struct clock *clock;
	const struct resolver *resolver;
	const char *name;		/* of the owner, for the log */
	const char *address;		/* of the record's portal */
	int port;
	/* The address or name of the portal that named the record's to us; NULL: a person did. */
	const char *named_by;
	const struct login_outcome *outcome;	/* of the last login; a new login empties it */
	/* How a look-up went on; @why is good for ROUTE_UNKNOWN and ROUTE_END. */
	void (*on_step)(void *arg, enum route_step step, const struct iscsi_why *why);
	void *arg;

	/* For the owner to read. */
	struct sockaddr_storage peer;
	bool security_first;		/* the login begins with the security stage */
	unsigned int redirects;		/* addresses gone to in the attempt under way */

	/* The route's own. */
	struct sockaddr_storage portal;	/* the record's; AF_UNSPEC: not resolved yet */
	struct lookup *lookup;
	uint64_t ends_us;
	size_t named_at;		/* the next of the addresses that a redirection named */
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
 * The peer wasn't reached: the next of the addresses that a redirection named. With ROUTE_END,
 * *why stays the owner's reason unless an address that was named after it could not be used.
 */
enum route_step route_next(struct route *route, struct iscsi_why *why);
/* The target refuses a login that skips the security stage: the same peer once more. */
enum route_step route_insisted(struct route *route);
/* The peer took the login. */
void route_arrived(struct route *route);
/*
 * The login at the peer has failed with *err. A target that has just insisted on the security
 * stage, and has nothing to say to a login that begins with it, has refused the login: true, and
 * *err and *why say so.
 */
bool route_silence_refuses(struct route *route, enum iscsi_err *err, struct iscsi_why *why);

/* The look-up has had its time: on_step() is called now. */
void route_expire(struct route *route);
/* The attempt is given up: on_step() will not be called any more. */
void route_cancel(struct route *route);

#endif /* ISCSID_ROUTE_H */
