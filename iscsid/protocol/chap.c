/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CHAP (RFC 1994; RFC 7143, 9.2.1 and 12.1.3), see chap.h. OpenSSL computes the digests. It isn't
 * used before a login wants CHAP, so that a daemon without CHAP doesn't need OpenSSL's memory.
 */
#include "iscsid/protocol/chap.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "libiscsi-db/util.h"

enum chap_state {
	CHAP_IDLE,
	CHAP_WAIT_CHALLENGE,	/* after CHAP_A, the target owes CHAP_A, CHAP_I and CHAP_C */
	CHAP_WAIT_PROOF,	/* after our challenge, the target owes CHAP_N and CHAP_R */
	CHAP_ANSWERED,		/* one way: the target owes nothing more */
	CHAP_PROVED,		/* mutual: the target has proved itself */
	CHAP_FAILED,		/* CHAP can't be completed any more */
};

enum {				/* the keys of the step that have come */
	GOT_A	= 1,
	GOT_I	= 2,
	GOT_C	= 4,
	GOT_N	= 1,
	GOT_R	= 2,
};

struct chap {
	struct chap_config config;
	int (*random)(void *buf, size_t len);
	enum chap_state state;
	unsigned int got;
	enum chap_algorithm offered[CHAP_ALGORITHMS_MAX];
	size_t offered_len;

	enum chap_algorithm algorithm;
	uint8_t identifier;			/* the target's */
	uint8_t challenge[CHAP_CHALLENGE_MAX];
	size_t challenge_len;

	uint8_t our_identifier;
	uint8_t our_challenge[CHAP_DIGEST_MAX];
	size_t our_challenge_len;
	bool right_name;			/* CHAP_N is the expected name */
	uint8_t proof[CHAP_DIGEST_MAX];		/* the target's CHAP_R */
	size_t proof_len;
};

static const struct {
	enum chap_algorithm algorithm;
	const char *name;			/* in OpenSSL */
} digests[] = {
	{ CHAP_MD5,	 "MD5" },
	{ CHAP_SHA1,	 "SHA1" },
	{ CHAP_SHA256,	 "SHA256" },
	{ CHAP_SHA3_256, "SHA3-256" },
};

bool chap_wanted(const struct chap_config *config)
{
	return text_is_set(config->username) && text_is_set(config->password);
}

bool chap_mutual(const struct chap_config *config)
{
	return chap_wanted(config) && text_is_set(config->password_in);
}

/* Returns OpenSSL's digest, or NULL if it is unknown or not permitted on this host. */
static EVP_MD *fetch_digest(enum chap_algorithm algorithm)
{
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (digests[i].algorithm == algorithm)
			return EVP_MD_fetch(NULL, digests[i].name, NULL);
	return NULL;
}

int chap_response(enum chap_algorithm algorithm, uint8_t identifier, const char *secret,
		  const uint8_t *challenge, size_t challenge_len,
		  uint8_t ret[CHAP_DIGEST_MAX], size_t *ret_len)
{
	EVP_MD *md = fetch_digest(algorithm);
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
	unsigned int len;
	bool done = ctx && EVP_DigestInit_ex(ctx, md, NULL) &&
		    EVP_DigestUpdate(ctx, &identifier, 1) &&
		    EVP_DigestUpdate(ctx, secret, strlen(secret)) &&
		    EVP_DigestUpdate(ctx, challenge, challenge_len) &&
		    EVP_DigestFinal_ex(ctx, ret, &len);

	if (done)
		*ret_len = len;
	EVP_MD_CTX_free(ctx);	/* wipes the context too */
	EVP_MD_free(md);
	return done ? 0 : -ENOMEM;
}

static struct chap_config with_defaults(const struct chap_config *config)
{
	struct chap_config copy = *config;

	if (!copy.algorithms_len)
		copy.algorithms[copy.algorithms_len++] = CHAP_MD5;
	return copy;
}

void chap_prepare(const struct chap_config *config)
{
	struct chap_config all = with_defaults(config);
	uint8_t digest[CHAP_DIGEST_MAX];
	size_t len;

	if (!chap_wanted(config))
		return;
	for (size_t i = 0; i < all.algorithms_len; i++)
		(void)chap_response(all.algorithms[i], 0, "", digest, 0, digest, &len);
}

struct chap *chap_new(void)
{
	return calloc(1, sizeof(struct chap));
}

struct chap *chap_free(struct chap *chap)
{
	if (chap)
		explicit_bzero(chap, sizeof(*chap));
	free(chap);
	return NULL;
}

void chap_start(struct chap *chap, const struct chap_config *config,
		int (*random)(void *buf, size_t len))
{
	uint8_t identifier = chap->our_identifier;

	explicit_bzero(chap, sizeof(*chap));
	chap->config = with_defaults(config);
	chap->random = random;
	chap->our_identifier = identifier;	/* the next identifier must differ */
}

enum iscsi_err chap_write_algorithms(struct chap *chap, struct text_writer *text,
				     struct iscsi_why *why)
{
	char list[2 * CHAP_ALGORITHMS_MAX] = "";	/* each has one digit */

	for (size_t i = 0; i < chap->config.algorithms_len; i++) {
		enum chap_algorithm algorithm = chap->config.algorithms[i];
		EVP_MD *md = fetch_digest(algorithm);
		size_t used = strlen(list);

		if (!md)
			continue;
		EVP_MD_free(md);
		(void)snprintf(list + used, sizeof(list) - used, "%s%u", used ? "," : "",
			       (unsigned int)algorithm);
		chap->offered[chap->offered_len++] = algorithm;
	}
	if (!chap->offered_len)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "none of the configured CHAP algorithms can be computed "
				  "on this host (MD5 in FIPS mode?)");
	text_write(text, "CHAP_A", list);
	chap->state = CHAP_WAIT_CHALLENGE;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_algorithm(struct chap *chap, const char *value,
				     struct iscsi_why *why)
{
	uint64_t number;

	if (text_parse_number(value, UINT32_MAX, &number)) {
		for (size_t i = 0; i < chap->offered_len; i++) {
			if (chap->offered[i] == number) {
				chap->algorithm = chap->offered[i];
				return ISCSI_SUCCESS;
			}
		}
	}
	return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
			  "CHAP_A=%.40s is none of the algorithms that we offered", value);
}

static enum iscsi_err take_identifier(struct chap *chap, const char *value,
				      struct iscsi_why *why)
{
	uint64_t number;

	if (!text_parse_number(value, 255, &number))
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "CHAP_I=%.40s is not a number of 0 to 255", value);
	chap->identifier = (uint8_t)number;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_challenge(struct chap *chap, const char *value,
				     struct iscsi_why *why)
{
	const struct chap_issued *issued = chap->config.issued;
	long len = text_parse_binary(value, chap->challenge, sizeof(chap->challenge));

	if (len == -1)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "CHAP_C is not a hex or base64 constant of 1 to %d bytes",
				  CHAP_CHALLENGE_MAX);
	chap->challenge_len = (size_t)len;
	for (size_t i = 0; issued && i < CHAP_ISSUED_MAX; i++) {
		if (issued->len[i] == len &&
		    memcmp(issued->challenge[i], chap->challenge, (size_t)len) == 0)
			return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
					  "the target sent back a CHAP challenge of ours");
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_chap_name(struct chap *chap, const char *value, struct iscsi_why *why)
{
	const char *name = chap->config.username_in;

	if (strlen(value) > TEXT_VALUE_MAX)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "CHAP_N is longer than %d bytes",
				  TEXT_VALUE_MAX);
	chap->right_name = !text_is_set(name) || streq(name, value);
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_chap_response(struct chap *chap, const char *value,
					 struct iscsi_why *why)
{
	long len = text_parse_binary(value, chap->proof, sizeof(chap->proof));

	if (len == -1)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "the target failed to authenticate itself: "
				  "CHAP_R is not a digest");
	chap->proof_len = (size_t)len;
	return ISCSI_SUCCESS;
}

static const struct {
	const char *key;
	enum chap_state due;
	unsigned int got;
	enum iscsi_err (*take)(struct chap *chap, const char *value, struct iscsi_why *why);
} steps[] = {				/* 12.1.3 */
	{ "CHAP_A", CHAP_WAIT_CHALLENGE, GOT_A, take_algorithm },
	{ "CHAP_I", CHAP_WAIT_CHALLENGE, GOT_I, take_identifier },
	{ "CHAP_C", CHAP_WAIT_CHALLENGE, GOT_C, take_challenge },
	{ "CHAP_N", CHAP_WAIT_PROOF,	 GOT_N, take_chap_name },
	{ "CHAP_R", CHAP_WAIT_PROOF,	 GOT_R, take_chap_response },
};

enum iscsi_err chap_take(struct chap *chap, const char *key, const char *value,
			 struct iscsi_why *why)
{
	enum iscsi_err err;
	size_t i = 0;

	while (i < ARRAY_SIZE(steps) &&
	       (!streq(key, steps[i].key) || chap->state != steps[i].due))
		i++;
	if (i == ARRAY_SIZE(steps)) {
		err = iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				 "the target sent %s, which isn't due", key);
	} else if (chap->got & steps[i].got) {
		err = iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "the target sent %s twice", key);
	} else {
		chap->got |= steps[i].got;
		err = steps[i].take(chap, value, why);
	}
	if (err)
		chap->state = CHAP_FAILED;
	return err;
}

/* The algorithm was offered, so that the host has it. */
static enum iscsi_err digest_failed(struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for the CHAP digest");
}

/* Makes a fresh challenge that differs from the target's (9.2.1), and remembers it as issued. */
static enum iscsi_err make_challenge(struct chap *chap, size_t len, struct iscsi_why *why)
{
	struct chap_issued *issued = chap->config.issued;
	uint8_t *last = issued ? &issued->identifier : &chap->our_identifier;
	int tries = 3;

	chap->our_challenge_len = len;
	do {
		if (!tries-- || chap->random(chap->our_challenge, len))
			return iscsi_fail(why, ISCSI_ERR_INTERNAL,
					  "no random bytes for the CHAP challenge");
	} while (len == chap->challenge_len &&
		 memcmp(chap->our_challenge, chap->challenge, len) == 0);

	chap->our_identifier = ++*last;
	if (issued) {
		memcpy(issued->challenge[issued->next], chap->our_challenge, len);
		issued->len[issued->next] = (uint8_t)len;
		issued->next = (issued->next + 1) % CHAP_ISSUED_MAX;
	}
	return ISCSI_SUCCESS;
}

/* Step 5 of 12.1.3. */
static enum iscsi_err answer_challenge(struct chap *chap, struct text_writer *text,
				       struct iscsi_why *why)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	char hex[2 * CHAP_DIGEST_MAX + 3];
	enum iscsi_err err;
	size_t len;
	int r;

	if (chap->got != (GOT_A | GOT_I | GOT_C))
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "the target's CHAP step lacks %s",
				  !(chap->got & GOT_A) ? "CHAP_A" :
				  !(chap->got & GOT_I) ? "CHAP_I" : "CHAP_C");
	r = chap_response(chap->algorithm, chap->identifier, chap->config.password,
			  chap->challenge, chap->challenge_len, digest, &len);
	if (r)
		return digest_failed(why);
	text_write(text, "CHAP_N", chap->config.username);
	text_format_hex(digest, len, hex, sizeof(hex));
	text_write(text, "CHAP_R", hex);
	explicit_bzero(digest, sizeof(digest));

	if (!chap_mutual(&chap->config)) {
		chap->state = CHAP_ANSWERED;
		return ISCSI_SUCCESS;
	}
	err = make_challenge(chap, len, why);
	if (err)
		return err;
	text_write_number(text, "CHAP_I", chap->our_identifier);
	text_format_hex(chap->our_challenge, chap->our_challenge_len, hex, sizeof(hex));
	text_write(text, "CHAP_C", hex);
	chap->state = CHAP_WAIT_PROOF;
	return ISCSI_SUCCESS;
}

/* Step 6 of 12.1.3, with a mutual configuration. */
static enum iscsi_err check_proof(struct chap *chap, struct iscsi_why *why)
{
	uint8_t expected[CHAP_DIGEST_MAX], ours[CHAP_DIGEST_MAX];
	size_t len;
	enum iscsi_err err = ISCSI_ERR_FATAL_LOGIN;
	bool right;
	int r;

	if (chap->got != (GOT_N | GOT_R))
		return iscsi_fail(why, err, "the target failed to authenticate itself: no %s",
				  chap->got & GOT_N ? "CHAP_R" : "CHAP_N");
	r = chap_response(chap->algorithm, chap->our_identifier, chap->config.password_in,
			  chap->our_challenge, chap->our_challenge_len, expected, &len);
	if (!r)
		r = chap_response(chap->algorithm, chap->our_identifier, chap->config.password,
				  chap->our_challenge, chap->our_challenge_len, ours, &len);
	if (r) {
		explicit_bzero(expected, sizeof(expected));
		return digest_failed(why);
	}

	right = chap->proof_len == len && CRYPTO_memcmp(chap->proof, expected, len) == 0;
	if (chap->proof_len == len && CRYPTO_memcmp(chap->proof, ours, len) == 0)
		/* The target has reflected our challenge, or both secrets are the same (9.2.1). */
		(void)iscsi_fail(why, err, "the target authenticated itself with our own "
				 "secret: CHAP needs two different secrets");
	else if (!right)
		(void)iscsi_fail(why, err, "the target failed to authenticate itself: CHAP_R "
				 "is wrong for the configured incoming secret");
	else if (!chap->right_name)
		(void)iscsi_fail(why, err, "the target failed to authenticate itself: CHAP_N "
				 "is not the configured incoming user name");
	else
		err = ISCSI_SUCCESS;
	explicit_bzero(expected, sizeof(expected));
	explicit_bzero(ours, sizeof(ours));
	if (!err)
		chap->state = CHAP_PROVED;
	return err;
}

enum iscsi_err chap_step(struct chap *chap, struct text_writer *text, bool *last,
			 struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	if (chap->got && chap->state == CHAP_WAIT_CHALLENGE)
		err = answer_challenge(chap, text, why);
	else if (chap->got && chap->state == CHAP_WAIT_PROOF)
		err = check_proof(chap, why);
	chap->got = 0;
	if (err)
		chap->state = CHAP_FAILED;
	*last = chap->state != CHAP_WAIT_CHALLENGE;
	return err;
}

bool chap_complete(const struct chap *chap)
{
	return chap->state == CHAP_ANSWERED || chap->state == CHAP_PROVED;
}
