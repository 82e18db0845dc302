/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parses SendTargets answers. A record is a TargetName and the TargetAddress pairs up to the next
 * TargetName. A bad address costs its portal only, a bad name its record only. The parser keeps
 * one pair, one name, and a hash of each portal that it has told, so that time is linear and
 * memory small, whatever the target sends.
 */
#include "iscsid/protocol/sendtargets.h"

#include "iscsid/base/index.h"
#include "iscsid/protocol/text.h"
#include "libiscsi-db/util.h"

#define PAIR_MAX	512	/* a key, and a value longer than any good value */
#define WARNINGS_MAX	32	/* a hostile answer may have millions of faults */

struct sendtargets {
	struct sendtargets_config config;
	size_t total;			/* bytes fed */
	unsigned int warnings;

	char pair[PAIR_MAX + 1];	/* the pair that comes, cut off if too long */
	size_t pair_len;

	bool in_record;			/* a TargetName has come, good or bad */
	char name[ISCSI_NAME_MAX + 1];	/* "": the name was bad, so its addresses are skipped */
	bool has_address;

	uint64_t hash_key[2];
	struct index seen;		/* the hashes of the portals told; no objects */
};

struct sendtargets *sendtargets_new(const struct sendtargets_config *config)
{
	struct sendtargets *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->config = *config;
	if (!st->config.text_max)
		st->config.text_max = SENDTARGETS_TEXT_MAX;
	/* A hash without a key works too, but a hostile target could slow it down. */
	if (config->random)
		(void)config->random(st->hash_key, sizeof(st->hash_key));
	return st;
}

struct sendtargets *sendtargets_free(struct sendtargets *st)
{
	if (st)
		index_done(&st->seen);
	free(st);
	return NULL;
}

/* Tells the caller the reason in @why as a warning. */
static void warn(struct sendtargets *st, const struct iscsi_why *why)
{
	if (!st->config.warn || st->warnings > WARNINGS_MAX)
		return;
	if (st->warnings++ < WARNINGS_MAX)
		st->config.warn(st->config.arg, why->text);
	else
		st->config.warn(st->config.arg,
				"the SendTargets answer has more faults");
}

#define WARN(st, ...)							\
	do {								\
		struct iscsi_why why_;					\
									\
		(void)iscsi_fail(&why_, ISCSI_ERR_INVAL, __VA_ARGS__);	\
		warn(st, &why_);					\
	} while (0)

/* ---- the portals told so far ------------------------------------------------------------ */

/*
 * Tells a portal unless it was told before. Two portals with the same 64-bit hash count as one;
 * with a million portals, that happens in one of 40 million answers.
 */
static enum iscsi_err tell_portal(struct sendtargets *st, const char *address, int port,
				  int tpgt, struct iscsi_why *why)
{
	const struct sendtargets_portal portal = {
		.name = st->name, .address = address, .port = port, .tpgt = tpgt,
	};
	char text[ISCSI_NAME_MAX + ISCSI_ADDRESS_MAX + sizeof("  65535 65535")];
	uint64_t hash;
	int len;

	/* Neither the name nor the address contains a blank. */
	len = snprintf(text, sizeof(text), "%s %s %d %d", st->name, address, port, tpgt);
	hash = index_keyed_hash(st->hash_key, text, (size_t)len);
	if (index_find(&st->seen, hash, NULL))
		return ISCSI_SUCCESS;
	if (index_add(&st->seen, hash, NULL) < 0)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for the SendTargets answer");
	return st->config.portal(st->config.arg, &portal);
}

/* ---- the pairs -------------------------------------------------------------------------- */

/* A target without an address has the address that the answer came from. */
static enum iscsi_err end_record(struct sendtargets *st, struct iscsi_why *why)
{
	if (!*st->name || st->has_address)
		return ISCSI_SUCCESS;
	return tell_portal(st, st->config.address, st->config.port, ISCSI_TPGT_UNKNOWN, why);
}

static enum iscsi_err take_target_name(struct sendtargets *st, const char *value,
				       struct iscsi_why *why)
{
	enum iscsi_err err = end_record(st, why);
	struct iscsi_why bad;

	st->in_record = true;
	st->has_address = false;
	st->name[0] = '\0';
	if (err)
		return err;
	if (iscsi_db_check_foreign_name(value, &bad)) {
		WARN(st, "skipping a target with an unusable name: %s", bad.text);
		return ISCSI_SUCCESS;
	}
	memcpy(st->name, value, strlen(value) + 1);
	return ISCSI_SUCCESS;
}

/*
 * A zone is a number that only one host knows, so the target's zone means nothing here. A
 * link-local address gets the zone through which the answer came.
 */
static bool set_zone(const struct sendtargets *st, char address[ISCSI_ADDRESS_MAX + 1])
{
	size_t len = strcspn(address, "%");
	const char *zone = strchr(st->config.address, '%');

	if (!strchr(address, ':'))
		return true;
	address[len] = '\0';
	if (!zone || addr_kind_of_text(address) != ADDR_LINK_LOCAL)
		return true;
	if (len + strlen(zone) > ISCSI_ADDRESS_MAX)
		return false;
	memcpy(address + len, zone, strlen(zone) + 1);
	return true;
}

static enum iscsi_err take_address(struct sendtargets *st, const char *value,
				   struct iscsi_why *why)
{
	struct iscsi_db_portal portal;
	const char *refusal;
	struct iscsi_why bad;

	if (!st->in_record)
		WARN(st, "skipping TargetAddress=%.80s: it belongs to no target", value);
	if (!*st->name)
		return ISCSI_SUCCESS;
	st->has_address = true;
	if (strlen(value) > TEXT_VALUE_MAX) {
		WARN(st, "skipping an address of %s: it is longer than %d bytes", st->name,
		     TEXT_VALUE_MAX);
		return ISCSI_SUCCESS;
	}
	if (iscsi_db_target_address_parse(value, &portal, &bad)) {
		WARN(st, "skipping an address of %s: %s", st->name, bad.text);
		return ISCSI_SUCCESS;
	}
	if (!*portal.address || !set_zone(st, portal.address) ||
	    iscsi_db_check_address(portal.address, NULL)) {
		WARN(st, "skipping an address of %s: '%.80s' is not an address", st->name, value);
		return ISCSI_SUCCESS;
	}
	refusal = addr_refusal(st->config.from, addr_kind_of_text(portal.address));
	if (refusal) {
		WARN(st, "skipping an address of %s: %s is %s", st->name, portal.address, refusal);
		return ISCSI_SUCCESS;
	}
	if (portal.port == -1)
		portal.port = ISCSI_PORT_DEFAULT;
	return tell_portal(st, portal.address, portal.port, portal.tpgt, why);
}

/* Handles the collected pair, which is cut off if it was too long. */
static enum iscsi_err take_pair(struct sendtargets *st, struct iscsi_why *why)
{
	char *value;

	st->pair[st->pair_len] = '\0';
	st->pair_len = 0;
	value = strchr(st->pair, '=');
	if (value)
		*value++ = '\0';

	/* A cut-off value is still longer than any good value, so it is refused. */
	if (value && streq(st->pair, "TargetName"))
		return take_target_name(st, value, why);
	if (value && streq(st->pair, "TargetAddress"))
		return take_address(st, value, why);
	WARN(st, "skipping %s%.64s in a SendTargets answer", value ? "the key " : "", st->pair);
	return ISCSI_SUCCESS;
}

enum iscsi_err sendtargets_feed(struct sendtargets *st, const void *data, size_t len,
				struct iscsi_why *why)
{
	const char *p = data;

	if (len > st->config.text_max - st->total)
		return iscsi_fail(why, ISCSI_ERR_PDU_TIMEOUT,
				  "the SendTargets answer is longer than %zu bytes",
				  st->config.text_max);
	st->total += len;
	while (len) {
		const char *end = memchr(p, '\0', len);
		size_t n = end ? (size_t)(end - p) : len;
		size_t fits = MIN(n, PAIR_MAX - st->pair_len);
		enum iscsi_err err;

		memcpy(st->pair + st->pair_len, p, fits);
		st->pair_len += fits;
		p += n;
		len -= n;
		if (!end)
			return ISCSI_SUCCESS;
		p++;
		len--;
		if (!st->pair_len)	/* some targets pad with NULs between pairs */
			continue;
		err = take_pair(st, why);
		if (err)
			return err;
	}
	return ISCSI_SUCCESS;
}

enum iscsi_err sendtargets_finish(struct sendtargets *st, struct iscsi_why *why)
{
	enum iscsi_err err = st->pair_len ? take_pair(st, why) : ISCSI_SUCCESS;

	return err ?: end_record(st, why);
}
