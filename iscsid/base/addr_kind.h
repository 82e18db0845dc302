/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind of an address that a target names in a redirection or a discovery answer, which tells
 * whether a connection may go there. The functions read literals and, after a look-up, socket
 * addresses; they look nothing up themselves.
 */
#pragma once

#include <stdbool.h>

struct sockaddr;
struct sockaddr_storage;

enum addr_kind {
	ADDR_NAME,		/* a host name */
	ADDR_UNICAST,
	ADDR_LINK_LOCAL,	/* IPv6: needs a zone */
	ADDR_LINK_LOCAL_V4,	/* 169.254/16; services of the host's own cloud live there */
	ADDR_LOOPBACK,
	ADDR_UNSPECIFIED,	/* 0.0.0.0, :: */
	ADDR_MULTICAST,		/* and broadcast: no single host */
	ADDR_NUMBER,		/* 2130706433, 0x7f.1: IPv4 in a form that hides which address it is */
};

/*
 * Reads a numeric address as getaddrinfo() does: IPv4 in any form, or IPv6 with or without a
 * "%zone", which is ignored (sin6_scope_id is 0). False: @text isn't a numeric address.
 */
bool addr_parse(const char *text, int port, struct sockaddr_storage *ret);

/* ADDR_NAME if @text is no numeric address; ADDR_NUMBER for IPv4 that isn't dotted. */
enum addr_kind addr_kind_of_text(const char *text);
enum addr_kind addr_kind_of(const struct sockaddr *addr);
/* True if both are the same IPv4 or IPv6 address; ports and zones don't count. */
bool addr_is_same(const struct sockaddr *a, const struct sockaddr *b);

/*
 * The rule of trust for an address that a target, a name server or firmware names: NULL if a
 * connection may go there, else what is wrong with it, in words that follow "it is". @from is the
 * kind of the portal that was asked. This host itself, no host's address, and the link-local
 * addresses of IPv4 may be named only by a portal that is of the same kind; other numbers than
 * dotted IPv4 and IPv6 are no addresses. A name passes here, and must be judged again by what it
 * resolves to.
 */
const char *addr_refusal(enum addr_kind from, enum addr_kind named);
