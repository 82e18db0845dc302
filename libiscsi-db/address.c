/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges the names of targets and interfaces, addresses and portals, and parses the text of a
 * portal. A name becomes part of a path only after a function of this file has accepted the name.
 * No function opens a file or resolves a name.
 */
#include "libiscsi-db/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "libiscsi-db/characters.h"
#include "libiscsi-db/lookalike.h"
#include "libiscsi-db/util.h"

bool text_to_int(const char *text, int *ret)
{
	const char *digits = text + (*text == '-');
	char *end;
	long v;

	/* A number begins with 0 only if the whole text is "0". */
	if (!isdigit((unsigned char)*digits) || (*digits == '0' && text[1]))
		return false;
	errno = 0;
	v = strtol(text, &end, 10);
	if (errno || *end || v < INT_MIN || v > INT_MAX)
		return false;
	*ret = (int)v;
	return true;
}

/* Refuses a name that is empty, too long, "." or "..", or has a '/' or a control character. */
static enum iscsi_err check_common(const char *what, const char *name, size_t max,
				   struct iscsi_why *why)
{
	if (!*name)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s is empty", what);
	if (strlen(name) > max)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s has %zu bytes, more than %zu",
				  what, strlen(name), max);
	if (streq(name, ".") || streq(name, ".."))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "'%s' can't be the %s", name, what);
	for (const char *p = name; *p; p++) {
		if (*p == '/')
			return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s '%s' has a '/' in it",
					  what, name);
		if (text_is_control(p[0], p[1]))
			return iscsi_fail(why, ISCSI_ERR_INVAL,
					  "the %s '%s' has a control character in it", what,
					  name);
	}
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_check_name(const char *name, struct iscsi_why *why)
{
	enum iscsi_err err = check_common("iSCSI name", name, ISCSI_NAME_MAX, why);

	if (err)
		return err;
	/* The comma separates the parts of a link's name. */
	if (strpbrk(name, " ,"))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the iSCSI name '%s' has a %s in it",
				  name, strchr(name, ',') ? "comma" : "blank");
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_check_foreign_name(const char *name, struct iscsi_why *why)
{
	enum iscsi_err err = iscsi_db_check_name(name, why);
	uint32_t character;
	size_t len;

	if (!err && strchr("-.", name[0]))
		err = iscsi_fail(why, ISCSI_ERR_INVAL, "the iSCSI name '%s' begins with '%c'", name,
				 name[0]);
	for (const char *p = name; *p && !err; p += len) {
		len = character_decode(p, &character);
		if (!len)
			err = iscsi_fail(why, ISCSI_ERR_INVAL, "the iSCSI name '%s' isn't UTF-8",
					 name);
		else if (!character_is_of_name(character))
			err = iscsi_fail(why, ISCSI_ERR_INVAL, "the iSCSI name '%s' has the "
					 "character U+%04X in it, which RFC 3722 doesn't allow",
					 name, (unsigned int)character);
	}
	return err;
}

enum iscsi_err iscsi_db_check_iface_name(const char *name, struct iscsi_why *why)
{
	enum iscsi_err err = check_common("interface name", name, ISCSI_IFACE_NAME_MAX, why);

	if (err)
		return err;
	if (name[0] == ' ' || name[strlen(name) - 1] == ' ')
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "the interface name '%s' begins or ends with a blank", name);
	return ISCSI_SUCCESS;
}

enum iscsi_err iscsi_db_check_address(const char *address, struct iscsi_why *why)
{
	enum iscsi_err err = check_common("address", address, ISCSI_ADDRESS_MAX, why);
	const char *zone = strchr(address, '%');

	if (err)
		return err;
	for (const char *p = address; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool ok = c < 0x80 && (isalnum(c) || strchr(".:-_%", c));

		/* A zone is the name of a network device, which may have nearly any character. */
		if (!ok && zone && p > zone)
			ok = c > ' ' && c < 0x7f && !strchr(",[]", c);
		if (ok)
			continue;
		err = lookalike_refuse("address", address, why);
		return err ?: iscsi_fail(why, ISCSI_ERR_INVAL,
					      "the address '%s' has a character in it that no "
					      "address or host name has", address);
	}
	if (zone && (!zone[1] || zone == address))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the address '%s' has an empty %s",
				  address, zone[1] ? "part before its zone" : "zone");
	return ISCSI_SUCCESS;
}

/* Numeric address -> its bytes, and the zone of IPv6. Returns the family; 0: @text isn't numeric. */
static int address_number(const char *text, unsigned char ret[16], const char **zone)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");

	*zone = text[len] ? text + len + 1 : "";
	if (len >= sizeof(host))
		return 0;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET6, host, ret) == 1)
		return AF_INET6;
	if (!text[len] && inet_pton(AF_INET, host, ret) == 1)
		return AF_INET;
	return 0;
}

bool address_equal(const char *a, const char *b)
{
	unsigned char na[16] = { 0 }, nb[16] = { 0 };
	const char *za, *zb;
	int fa = address_number(a, na, &za), fb = address_number(b, nb, &zb);

	return fa && fa == fb && memcmp(na, nb, sizeof(na)) == 0 && streq(za, zb);
}

bool iscsi_db_address_in_brackets(const char *address)
{
	return !strchr(address, '.');
}

/* A port or a portal group tag: both have 16 bits. */
static enum iscsi_err parse_address_number(const char *what, const char *text, long low, int *ret,
					   struct iscsi_why *why)
{
	char *end;
	long v;

	if (!*text)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s is missing", what);
	if (!isdigit((unsigned char)*text))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s '%s' isn't a number", what, text);
	errno = 0;
	v = strtol(text, &end, 10);
	if (*end)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s '%s' isn't a number", what, text);
	if (errno || v < low || v > ISCSI_PORT_MAX)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "the %s %s isn't within %ld..%d",
				  what, text, low, ISCSI_PORT_MAX);
	*ret = (int)v;
	return ISCSI_SUCCESS;
}

static enum iscsi_err parse_tpgt(const char *text, int *ret, struct iscsi_why *why)
{
	/* Listings print an unknown tag in these two forms. */
	if (streq(text, "4294967295") || streq(text, "-1")) {
		*ret = ISCSI_TPGT_UNKNOWN;
		return ISCSI_SUCCESS;
	}
	return parse_address_number("portal group tag", text, 0, ret, why);
}

static enum iscsi_err parse_host(const char *host, struct iscsi_db_portal *ret,
				 struct iscsi_why *why)
{
	unsigned char number[16];
	enum iscsi_err err;
	const char *zone;

	if (!*host)	/* an empty host means any address */
		return ISCSI_SUCCESS;
	err = iscsi_db_check_address(host, why);
	if (err)
		return err;
	if (strchr(host, ':') && address_number(host, number, &zone) != AF_INET6)
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "'%s' is neither an IPv6 address nor host:port", host);
	memcpy(ret->address, host, strlen(host) + 1);	/* the length was checked */
	return ISCSI_SUCCESS;
}

/* @text follows a '['. Ends @text at the ']'; *rest becomes the text behind the ']'. */
static enum iscsi_err parse_brackets(char *text, char **rest, struct iscsi_why *why)
{
	char *close = strchr(text, ']');

	if (!close)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "'[%s' has no ']'", text);
	if (close == text)
		return iscsi_fail(why, ISCSI_ERR_INVAL, "there is no address between '[' and ']'");
	*close = '\0';
	*rest = close + 1;
	if (**rest && !strchr(":,", **rest))
		return iscsi_fail(why, ISCSI_ERR_INVAL,
				  "'%s' after ']' is neither a port nor a portal group tag",
				  *rest);
	return ISCSI_SUCCESS;
}

/*
 * The last ':' of @host, if the text before that ':' is an IPv6 address and the text behind can be
 * a port; NULL otherwise.
 */
static char *last_colon(char *host)
{
	unsigned char number[16];
	struct iscsi_why ignored;
	char *colon = strrchr(host, ':');
	bool is_address;
	const char *zone;
	int port;

	if (parse_address_number("port", colon + 1, 1, &port, &ignored))
		return NULL;
	*colon = '\0';
	is_address = address_number(host, number, &zone) == AF_INET6;
	*colon = ':';
	return is_address ? colon : NULL;
}

/* @bare_port: whether a port may follow an IPv6 address that has no brackets. */
static enum iscsi_err parse_portal(const char *text, bool bare_port, struct iscsi_db_portal *ret,
				   struct iscsi_why *why)
{
	struct iscsi_db_portal portal = { .port = -1, .tpgt = ISCSI_TPGT_UNKNOWN };
	char copy[ISCSI_ADDRESS_MAX + 64], *host = copy, *rest = NULL, *port = NULL, *tpgt;
	enum iscsi_err err = lookalike_refuse("portal", text, why);

	if (err)
		return err;
	if (strlen(text) >= sizeof(copy))
		return iscsi_fail(why, ISCSI_ERR_INVAL, "a portal of %zu bytes is too long",
				  strlen(text));
	strcpy(copy, text);
	if (*host == '[') {
		err = parse_brackets(++host, &rest, why);
		if (err)
			return err;
	}
	tpgt = strchr(rest ? rest : host, ',');
	if (tpgt)
		*tpgt++ = '\0';
	if (rest) {
		port = *rest == ':' ? rest + 1 : NULL;
	} else {
		port = strchr(host, ':');
		if (port && strchr(port + 1, ':'))
			port = bare_port ? last_colon(host) : NULL;
		if (port)
			*port++ = '\0';
	}
	if (!err && port)
		err = parse_address_number("port", port, 1, &portal.port, why);
	if (!err && tpgt)
		err = parse_tpgt(tpgt, &portal.tpgt, why);
	if (!err)
		err = parse_host(host, &portal, why);
	if (!err)
		*ret = portal;
	return err;
}

enum iscsi_err iscsi_db_portal_parse(const char *text, struct iscsi_db_portal *ret,
				     struct iscsi_why *why)
{
	return parse_portal(text, false, ret, why);
}

enum iscsi_err iscsi_db_target_address_parse(const char *text, struct iscsi_db_portal *ret,
					     struct iscsi_why *why)
{
	return parse_portal(text, true, ret, why);
}
