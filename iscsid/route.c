/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next step of an attempt to log in, see route.h. */
#include "iscsid/route.h"

#include "iscsid/base/addr_kind.h"
#include "iscsid/base/log.h"
#include "iscsid/protocol/login.h"
#include "libiscsi-db/util.h"

static enum route_step route_lost(const char *reason, struct iscsi_why *why)
{
	(void)iscsi_fail(why, ISCSI_ERR_LOGIN, "the target has moved, but can't be followed: %s",
			 reason);
	return ROUTE_END;
}

static enum route_step route_unknown(const struct route *route, const char *reason,
				     struct iscsi_why *why)
{
	(void)iscsi_fail(why, ISCSI_ERR_TRANS, "cannot resolve host name %s: %s", route->address,
			 reason);
	return ROUTE_UNKNOWN;
}

/* Checks that a redirection to the peer may be followed; the rules stand in addr_kind.h. */
static enum route_step route_check_peer(const struct route *route, struct iscsi_why *why)
{
	if (!addr_refusal(addr_kind_of((const struct sockaddr *)&route->portal),
			  addr_kind_of((const struct sockaddr *)&route->peer)))
		return ROUTE_CONNECT;
	return route_lost("not the address of another host", why);
}

/*
 * What is wrong with the address of a host whose name a discovery brought, or NULL. A name of the
 * discovery's own portal is the person's choice, and a discovery by name has no address to compare
 * with; nothing but its own name then leads to an address that is special.
 */
static const char *route_name_refusal(const struct route *route)
{
	if (!route->named_by || streq(route->named_by, route->address))
		return NULL;
	return addr_refusal(addr_kind_of_text(route->named_by),
			    addr_kind_of((const struct sockaddr *)&route->peer));
}

static void route_on_lookup(void *arg, const struct sockaddr_storage *addr, const char *error)
{
	struct route *route = arg;
	struct iscsi_why why = { "" };
	enum route_step step;

	route->lookup = NULL;
	if (addr)
		route->peer = *addr;
	if (!route->redirects) {
		const char *refusal = addr ? route_name_refusal(route) : NULL;
		char text[96];

		if (refusal) {
			(void)snprintf(text, sizeof(text), "what it resolves to is %s", refusal);
			error = text;
			addr = NULL;
		}
		if (addr)
			route->portal = *addr;
		step = addr ? ROUTE_CONNECT : route_unknown(route, error, &why);
	} else {
		step = addr ? route_check_peer(route, &why) : route_lost(error, &why);
		if (step == ROUTE_END)
			step = route_next(route, &why);
	}
	route->on_step(route->arg, step, &why);
}

/* Finds the peer at @address. ROUTE_END: a look-up is needed, but memory is missing. */
static enum route_step route_find(struct route *route, const char *address, int port)
{
	if (lookup_numeric(address, port, &route->peer))
		return ROUTE_CONNECT;
	route->lookup = lookup_start(route->resolver, address, port, route_on_lookup, route);
	return route->lookup ? ROUTE_LOOKUP : ROUTE_END;
}

enum route_step route_begin(struct route *route, uint64_t ends_us, bool quiet,
			    struct iscsi_why *why)
{
	route->ends_us = ends_us;
	route->quiet = quiet;
	route->redirects = 0;
	route->named_at = SIZE_MAX;
	route->insisted = false;
	/* A zone stands for the number of a device, and a device that comes back has another number. */
	(void)lookup_numeric(route->address, route->port, &route->portal);
	if (route->portal.ss_family != AF_UNSPEC) {
		route->peer = route->portal;
		return ROUTE_CONNECT;
	}
	if (route_find(route, route->address, route->port) == ROUTE_LOOKUP)
		return ROUTE_LOOKUP;
	return route_unknown(route, "no memory", why);
}

enum route_step route_moved(struct route *route, struct iscsi_why *why)
{
	route->insisted = false;
	route->named_at = 0;
	(void)route_lost(route->redirects < route->redirects_max ? "no time left" :
			 "too many redirections", why);
	return route_next(route, why);
}

enum route_step route_next(struct route *route, struct iscsi_why *why)
{
	const struct login_outcome *outcome = route->outcome;
	enum route_step step = ROUTE_END;

	while (step == ROUTE_END && route->named_at < outcome->moved_to_len &&
	       route->redirects < route->redirects_max && clock_now_us(route->clock) < route->ends_us) {
		const struct iscsi_db_portal *to = &outcome->moved_to[route->named_at++];
		int port = to->port > 0 ? to->port : ISCSI_PORT_DEFAULT;

		route->redirects++;
		if (!route->quiet)
			log_info("%s: redirected to %s:%d", route->name, to->address, port);
		step = route_find(route, to->address, port);
		if (step == ROUTE_CONNECT)
			step = route_check_peer(route, why);
		else if (step == ROUTE_END)
			(void)route_lost("no memory", why);
	}
	return step;
}

enum route_step route_insisted(struct route *route)
{
	route->security_first = route->insisted = true;
	return ROUTE_CONNECT;
}

void route_arrived(struct route *route)
{
	route->insisted = false;
}

bool route_silence_refuses(struct route *route, enum iscsi_err *err, struct iscsi_why *why)
{
	struct iscsi_why silence = *why;

	if (!route->insisted || (*err != ISCSI_ERR_TRANS && *err != ISCSI_ERR_TRANS_TIMEOUT &&
				 *err != ISCSI_ERR_PDU_TIMEOUT))
		return false;
	route->security_first = false;
	*err = iscsi_fail(why, ISCSI_ERR_LOGIN_AUTH_FAILED,
			  "authentication failure (02/01); a login that begins with the security "
			  "stage then failed: %s", silence.text);
	return true;
}

void route_expire(struct route *route)
{
	(void)lookup_expire(route->lookup);
}

void route_cancel(struct route *route)
{
	route->lookup = lookup_forget(route->lookup);
}
