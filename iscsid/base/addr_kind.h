/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kind of address a target named: one that a connection can go to, or one that it must
 * not. For literals in text and, after a look-up, for socket addresses. No look-up in here.
 */
#ifndef ISCSID_ADDR_KIND_H
#define ISCSID_ADDR_KIND_H

#include <stdbool.h>

struct sockaddr;
struct sockaddr_storage;

enum addr_kind {
	ADDR_NAME,		/* no numeric address: a host name */
	ADDR_UNICAST,
	ADDR_LINK_LOCAL,	/* IPv6: needs a zone */
	ADDR_LOOPBACK,
	ADDR_UNSPECIFIED,	/* 0.0.0.0, :: */
	ADDR_MULTICAST,		/* and broadcast: nobody one could connect to */
};

/*
 * A numeric address as getaddrinfo() would read it: IPv4 in any form, or IPv6 with or without
 * "%zone". The zone isn't looked at; sin6_scope_id is 0. False: @text is none.
 */
bool addr_parse(const char *text, int port, struct sockaddr_storage *ret);

/* ADDR_NAME if @text is no numeric address. */
enum addr_kind addr_kind_of_text(const char *text);
enum addr_kind addr_kind_of(const struct sockaddr *addr);

/*
 * Whether a target at @from may send us to @to: not to what is no host's address, and not from
 * another host to this one.
 */
bool addr_may_redirect(const struct sockaddr *from, const struct sockaddr *to);

#endif /* ISCSID_ADDR_KIND_H */
