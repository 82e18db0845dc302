/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares addresses. Each address becomes a number of 16 bytes with a zone, so that memcmp() can
 * compare IPv4 and IPv6 alike. Resolved names are kept until the command ends.
 */
#include "iscsiadm/match.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <net/if.h>
#include <sys/socket.h>

#include "libiscsi-db/util.h"

#define WAIT_MAX_MS	10000	/* for silent name servers; later names aren't looked up */

struct number {
	unsigned char bytes[16];	/* IPv4 as ::ffff:a.b.c.d */
	uint32_t zone;
};

struct known_name {
	char *name;
	bool known;
	struct number number;
};

struct match_names {
	struct known_name *entries;
	size_t len;
	int64_t waited_ms;		/* for servers that didn't answer */
};

static void from_ipv4(const struct in_addr *in, struct number *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->bytes[10] = ret->bytes[11] = 0xff;
	memcpy(ret->bytes + 12, in, 4);
}

static void from_ipv6(const struct in6_addr *in, uint32_t zone, struct number *ret)
{
	memcpy(ret->bytes, in, 16);
	ret->zone = zone;
}

static bool parse_numeric_address(const char *text, struct number *ret)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");
	struct in6_addr in6;
	struct in_addr in4;
	uint32_t zone = 0;

	if (!text[len] && inet_pton(AF_INET, text, &in4) == 1) {
		from_ipv4(&in4, ret);
		return true;
	}
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET6, address, &in6) != 1)
		return false;
	if (text[len]) {
		zone = if_nametoindex(text + len + 1);
		if (!zone)
			zone = (uint32_t)strtoul(text + len + 1, NULL, 10);
	}
	from_ipv6(&in6, zone, ret);
	return true;
}

static bool number_equal(const struct number *a, const struct number *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes)) && a->zone == b->zone;
}

bool match_is_number(const char *address)
{
	struct number n;

	return parse_numeric_address(address, &n);
}

struct match_names *match_names_new(void)
{
	return calloc(1, sizeof(struct match_names));
}

struct match_names *match_names_free(struct match_names *names)
{
	if (!names)
		return NULL;
	for (size_t i = 0; i < names->len; i++)
		free(names->entries[i].name);
	free(names->entries);
	free(names);
	return NULL;
}

/* Takes the first address of a name; open-iscsi compares that address alone. */
static bool look_up(struct match_names *names, const char *name, struct number *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int64_t began = monotonic_ms();
	bool found = true;
	int r;

	if (names->waited_ms >= WAIT_MAX_MS)
		return false;
	r = getaddrinfo(name, NULL, &hints, &list);
	if (r == EAI_AGAIN)
		names->waited_ms += monotonic_ms() - began;
	if (r)
		return false;
	if (list->ai_family == AF_INET)
		from_ipv4(&((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr, ret);
	else if (list->ai_family == AF_INET6)
		from_ipv6(&((struct sockaddr_in6 *)(void *)list->ai_addr)->sin6_addr,
			  ((struct sockaddr_in6 *)(void *)list->ai_addr)->sin6_scope_id, ret);
	else
		found = false;
	freeaddrinfo(list);
	return found;
}

/* Many records may have the same name, but few names occur in a command: a list is enough. */
static bool resolve_once(struct match_names *names, const char *address, struct number *ret)
{
	struct known_name *e;

	if (parse_numeric_address(address, ret))
		return true;
	for (size_t i = 0; i < names->len; i++) {
		e = &names->entries[i];
		if (streq(e->name, address)) {
			*ret = e->number;
			return e->known;
		}
	}
	e = ARRAY_ADD(names->entries, names->len);
	if (!e)
		return false;
	e->name = strdup(address);
	if (!e->name) {
		names->len--;
		return false;
	}
	e->known = look_up(names, address, &e->number);
	*ret = e->number;
	return e->known;
}

bool match_address(struct match_names *names, const char *a, const char *b)
{
	struct number na, nb;

	if (streq(a, b))
		return true;
	return resolve_once(names, a, &na) && resolve_once(names, b, &nb) && number_equal(&na, &nb);
}
