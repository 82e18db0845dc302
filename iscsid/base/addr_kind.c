/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numeric addresses and their kinds, see addr_kind.h. An IPv4 address inside an IPv6 address has
 * the kind of the IPv4 address.
 */
#include "iscsid/base/addr_kind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static enum addr_kind kind_of_ipv4(uint32_t addr)
{
	if (addr >> 24 == 0)		/* 0/8, "this host" */
		return ADDR_UNSPECIFIED;
	if (addr >> 24 == 127)
		return ADDR_LOOPBACK;
	if (addr >> 28 == 0xe || addr == INADDR_BROADCAST)
		return ADDR_MULTICAST;
	if (addr >> 16 == 0xa9fe)
		return ADDR_LINK_LOCAL_V4;
	return ADDR_UNICAST;
}

static enum addr_kind kind_of_ipv6(const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_UNSPECIFIED(addr))
		return ADDR_UNSPECIFIED;
	if (IN6_IS_ADDR_LOOPBACK(addr))
		return ADDR_LOOPBACK;
	if (IN6_IS_ADDR_MULTICAST(addr))
		return ADDR_MULTICAST;
	if (IN6_IS_ADDR_LINKLOCAL(addr))
		return ADDR_LINK_LOCAL;
	if (IN6_IS_ADDR_V4MAPPED(addr) || IN6_IS_ADDR_V4COMPAT(addr)) {
		uint32_t v4;

		memcpy(&v4, addr->s6_addr + 12, sizeof(v4));
		return kind_of_ipv4(ntohl(v4));
	}
	return ADDR_UNICAST;
}

bool addr_parse(const char *text, int port, struct sockaddr_storage *ret)
{
	char numeric[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	/* inet_aton() ignores a blank and the text behind it, so refuse blanks. */
	if (!strpbrk(text, " \t\n\v\f\r") && inet_aton(text, &v4.sin_addr)) {
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, &v4, sizeof(v4));
		return true;
	}
	if (len >= sizeof(numeric))
		return false;
	memcpy(numeric, text, len);
	numeric[len] = '\0';
	if (inet_pton(AF_INET6, numeric, &v6.sin6_addr) != 1)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, &v6, sizeof(v6));
	return true;
}

enum addr_kind addr_kind_of_text(const char *text)
{
	struct sockaddr_storage addr;
	struct in_addr v4;

	if (!addr_parse(text, 0, &addr))
		return ADDR_NAME;
	if (addr.ss_family == AF_INET && inet_pton(AF_INET, text, &v4) != 1)
		return ADDR_NUMBER;
	return addr_kind_of((const struct sockaddr *)&addr);
}

enum addr_kind addr_kind_of(const struct sockaddr *addr)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (addr->sa_family) {
	case AF_INET:
		memcpy(&v4, addr, sizeof(v4));
		return kind_of_ipv4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, addr, sizeof(v6));
		return kind_of_ipv6(&v6.sin6_addr);
	default:
		return ADDR_NAME;
	}
}

bool addr_is_same(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
				  &((const struct sockaddr_in6 *)b)->sin6_addr);
}

const char *addr_refusal(enum addr_kind from, enum addr_kind named)
{
	static const char *const words[] = {	/* NULL: a connection may go there */
		[ADDR_LOOPBACK]		= "this host's own address",
		[ADDR_UNSPECIFIED]	= "no host's address",
		[ADDR_MULTICAST]	= "not the address of one host",
		[ADDR_LINK_LOCAL_V4]	= "an address that is valid on one link alone",
		[ADDR_NUMBER]		= "a number, not an address",
	};

	return from == named && named != ADDR_NUMBER ? NULL : words[named];
}
