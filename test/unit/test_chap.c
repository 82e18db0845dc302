/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CHAP: digests against known values, and runs of the protocol as tables. '<' is a pair of the
 * target's, '/' ends what it says in one text, '>' is what we answer. $R stands for the right
 * proof of the target, $O for one made with our own secret.
 */
#include <string.h>

#include <check.h>

#include <dlfcn.h>
#include <openssl/evp.h>

#include "iscsid/protocol/chap.h"
#include "libiscsi-db/util.h"
#include "test/unit/alloc.h"

#define SECRET		"initiator-secret-0123"
#define SECRET_IN	"target-secret-4567890"
#define CHALLENGE	"0x000102030405060708090a0b0c0d0e0f"
#define BASE64		"0bAAECAwQFBgcICQoLDA0ODw=="
#define MD5_R		"0x3110583d94f66ce4ce67b61446ed889f"
#define SHA256_R	"0x368f65d26f18078dd2f8caa7c16715306333114a58613eae021601fe006cc78f"
/* What fake_random() gives. */
#define OURS		"0xc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
#define OURS_NEXT	"0xd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"

static uint8_t random_next;
static bool random_stuck, random_fails;
static int random_calls;

static int fake_random(void *buf, size_t len)
{
	random_calls++;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)(0xc0 + (random_stuck ? i : random_next++));
	return random_fails ? -5 : 0;
}

static char fetched[64];	/* the digests that OpenSSL was asked for */

EVP_MD *EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
	EVP_MD *(*real)(OSSL_LIB_CTX *, const char *, const char *) = dlsym(RTLD_NEXT, "EVP_MD_fetch");
	size_t used = strlen(fetched);

	(void)snprintf(fetched + used, sizeof(fetched) - used, "%s ", name);
	return real(ctx, name, properties);
}

/* 1.8.3 of the checklist; made with Python's hashlib. */
START_TEST(known_digests)
{
	static const struct {
		enum chap_algorithm algorithm;
		const char *hex;
	} known[] = {
		{ CHAP_MD5, MD5_R },
		{ CHAP_SHA1, "0x6ae08188573c1cc4bf660fce052e8d604b9773ce" },
		{ CHAP_SHA256, SHA256_R },
		{ CHAP_SHA3_256,
		  "0xc492035d18c22342b949b6f46722154ce15bf07a30a6891f3f8feaf9f95b784b" },
	};
	uint8_t challenge[16], digest[CHAP_DIGEST_MAX];
	char hex[2 * CHAP_DIGEST_MAX + 3];
	size_t len = 0;

	for (uint8_t i = 0; i < 16; i++)
		challenge[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		ck_assert_int_eq(chap_response(known[i].algorithm, 42, SECRET, challenge, 16,
					       digest, &len), 0);
		text_format_hex(digest, len, hex, sizeof(hex));
		ck_assert_str_eq(hex, known[i].hex);
	}
	ck_assert_int_lt(chap_response((enum chap_algorithm)9, 42, SECRET, challenge, 16,
				       digest,
				       &len), 0);
}
END_TEST

/* ---- runs --------------------------------------------------------------------------- */

enum { ONE_WAY, MUTUAL, SAME_SECRET, NO_NAME, STRONG, NONE };

static const struct {
	int config;
	const char *lines[16];
	const char *end;	/* "done", "open", or what is wrong */
} runs[] = {
	/* P-CHAP-01, P-CHAP-05, P-CHAP-09 */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		     "> CHAP_N=user CHAP_R=" MD5_R, "/", ">" }, "done" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=" BASE64, "< CHAP_I=0x2a", "< CHAP_A=0x5", "/",
		     "> CHAP_N=user CHAP_R=" MD5_R }, "done" },
	/* P-CHAP-02: the configured order is kept, what is chosen is used */
	{ STRONG, { "> CHAP_A=7,5", "< CHAP_I=42", "< CHAP_A=7", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" SHA256_R }, "done" },
	{ STRONG, { "> CHAP_A=7,5", "< CHAP_I=42", "< CHAP_A=5", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" MD5_R }, "done" },		/* H-90 */
	/* P-CHAP-10, P-CHAP-15: base64 is as good */
	{ MUTUAL, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS,
		    "< CHAP_N=tuser", "< CHAP_R=$R", "/", ">" }, "done" },
	{ MUTUAL, { "> CHAP_A=5", "/", ">", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE,
		    "/", "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS,
		    "/", ">", "< CHAP_R=$B", "< CHAP_N=tuser", "/", ">" }, "done" },
	{ NO_NAME, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		     "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS,
		     "< CHAP_N=anybody", "< CHAP_R=$R", "/", ">" }, "done" },
	/* Until the target has said all, nothing is proved: P-AUTH-09, H-73. */
	{ MUTUAL, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS, "/", ">" },
		    "open" },
	{ ONE_WAY, { "> CHAP_A=5", "/", ">" }, "open" },

	/* P-CHAP-04, H-74 */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=6" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=7" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=0" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5,6" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=MD5" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=" }, "none of the algorithms" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_A=5" },
	  "CHAP_A twice" },	/* P-CHAP-17 */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=1", "< CHAP_C=0x01", "/" }, "lacks CHAP_A" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "/" }, "lacks CHAP_I" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=1", "/" }, "lacks CHAP_C" },
	/* P-CHAP-06, H-75 */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=0" }, "open" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=255" }, "open" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=0xff" }, "open" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=256" }, "not a number of 0 to 255" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=-1" }, "not a number of 0 to 255" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=4294967301" }, "not a number of 0 to 255" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=abc" }, "not a number of 0 to 255" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_I=" }, "not a number of 0 to 255" },
	/* P-CHAP-07, H-76, H-77: odd hex and one byte are legal */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0x1" }, "open" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0x01020304050607" }, "open" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0x" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0b" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0xZZ" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=0bTQ=" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=123456" }, "not a hex or base64 constant" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_C=text" },
	  "CHAP_C is not a hex or base64 constant of 1 to 1024 bytes" },
	/* P-AUTH-07, H-80, H-86: what isn't due */
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_R=" MD5_R }, "CHAP_R, which isn't due" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_N=x" }, "CHAP_N, which isn't due" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_X=x" }, "CHAP_X, which isn't due" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		     "> CHAP_N=user CHAP_R=" MD5_R, "< CHAP_A=5" }, "CHAP_A, which isn't due" },
	{ ONE_WAY, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		     "> CHAP_N=user CHAP_R=" MD5_R, "< CHAP_R=" MD5_R },
		     "CHAP_R, which isn't due" },
	{ MUTUAL, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS,
		    "< CHAP_C=" OURS }, "CHAP_C, which isn't due" },
	{ MUTUAL, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42", "< CHAP_C=" CHALLENGE, "/",
		    "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS,
		    "< CHAP_N=tuser", "< CHAP_R=$R", "/", ">", "< CHAP_R=$R" },
	  "CHAP_R, which isn't due" },
	{ NONE, { "< CHAP_A=5" }, "CHAP_A, which isn't due" },

	/* P-CHAP-14, P-CHAP-15, P-CHAP-16, H-82..H-85: proofs that prove nothing */
#define ANSWERED(config, ...)							\
	{ config, { "> CHAP_A=5", "< CHAP_A=5", "< CHAP_I=42",			\
		    "< CHAP_C=" CHALLENGE, "/",					\
		    "> CHAP_N=user CHAP_R=" MD5_R " CHAP_I=1 CHAP_C=" OURS, __VA_ARGS__ },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "/") "failed to authenticate itself: no CHAP_R" },
	ANSWERED(MUTUAL, "< CHAP_R=$R", "/") "failed to authenticate itself: no CHAP_N" },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "< CHAP_R=" MD5_R, "/") "CHAP_R is wrong" },
	ANSWERED(MUTUAL, "< CHAP_N=other", "< CHAP_R=$R", "/") "CHAP_N is not" },
	ANSWERED(MUTUAL, "< CHAP_N=Tuser", "< CHAP_R=$R", "/") "CHAP_N is not" },
	ANSWERED(MUTUAL, "< CHAP_N=", "< CHAP_R=$R", "/") "CHAP_N is not" },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "< CHAP_R=$O", "/") "our own secret" },
	ANSWERED(SAME_SECRET, "< CHAP_N=tuser", "< CHAP_R=$R", "/") "our own secret" },
	ANSWERED(MUTUAL, "< CHAP_R=0x") "CHAP_R is not a digest" },
	ANSWERED(MUTUAL, "< CHAP_R=") "CHAP_R is not a digest" },
	ANSWERED(MUTUAL, "< CHAP_R=0xgg") "CHAP_R is not a digest" },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "< CHAP_R=0x01", "/") "CHAP_R is wrong" },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "< CHAP_R=$R00", "/") "CHAP_R is wrong" },
	ANSWERED(MUTUAL, "< CHAP_R=$R00000000000000000000000000000000"
		 "00000000000000000000000000000000") "CHAP_R is not a digest" },
	ANSWERED(MUTUAL, "< CHAP_R=$R", "< CHAP_R=$R") "CHAP_R twice" },
	ANSWERED(MUTUAL, "< CHAP_N=tuser", "< CHAP_N=tuser") "CHAP_N twice" },
};

static struct chap_config config_for(int config)
{
	struct chap_config c = { .username = "user", .password = SECRET };

	if (config == MUTUAL || config == SAME_SECRET)
		c.username_in = "tuser";
	if (config == MUTUAL || config == NO_NAME)
		c.password_in = SECRET_IN;
	if (config == SAME_SECRET)
		c.password_in = SECRET;
	if (config == STRONG) {
		c.algorithms[0] = CHAP_SHA256;
		c.algorithms[1] = CHAP_MD5;
		c.algorithms_len = 2;
	}
	return c;
}

/* $R and $O, the digests of OURS with identifier 1; $B is $R in base64. */
static void expand(const char *value, const struct chap_config *config, char *ret, size_t size)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t challenge[16], digest[CHAP_DIGEST_MAX + 2] = { 0 };
	size_t len = 0;

	if (*value != '$') {
		(void)snprintf(ret, size, "%s", value);
		return;
	}
	ck_assert_int_eq(text_parse_binary(OURS, challenge, 16), 16);
	ck_assert_int_eq(chap_response(CHAP_MD5, 1, value[1] == 'O' ? config->password :
				       config->password_in, challenge, 16, digest, &len), 0);
	text_format_hex(digest, len, ret, size);
	if (value[1] == 'B') {
		size_t n = 2;

		memset(digest + len, 0, sizeof(digest) - len);
		for (size_t i = 0; i < 18; i += 3) {
			uint32_t bits = (uint32_t)(digest[i] << 16 | digest[i + 1] << 8 |
						   digest[i + 2]);

			for (int shift = 18; shift >= 0; shift -= 6)
				ret[n++] = alphabet[bits >> shift & 63];
		}
		ret[1] = 'b';
		strcpy(ret + n - 2, "==");
	}
	(void)snprintf(ret + strlen(ret), size - strlen(ret), "%s", value + 2);
}

static void words_of(struct text_writer *text, char *ret)
{
	*ret = '\0';
	for (size_t i = 0; i < text->len; i += strlen(text->data + i) + 1) {
		strcat(ret, " ");
		strcat(ret, text->data + i);
	}
	text->len = 0;
}

START_TEST(run)
{
	struct chap_config config = config_for(runs[_i].config);
	struct chap *chap = chap_new();
	struct iscsi_why why = { .text = "" };
	char buf[1024], words[1024], value[512], key[16];
	struct text_writer text;
	enum iscsi_err err = ISCSI_SUCCESS;
	bool last = false, answered = false;

	random_next = 0;
	text_writer_init(&text, buf, sizeof(buf));
	chap_start(chap, &config, fake_random);
	if (runs[_i].config != NONE)
		err = chap_write_algorithms(chap, &text, &why);
	for (size_t i = 0; !err && runs[_i].lines[i]; i++) {
		const char *line = runs[_i].lines[i], *equals = strchr(line, '=');

		switch (*line) {
		case '>':
			words_of(&text, words);
			ck_assert_str_eq(words, line + 1);
			break;
		case '<':
			(void)snprintf(key, sizeof(key), "%.*s", (int)(equals - line - 2),
				       line + 2);
			expand(equals + 1, &config, value, sizeof(value));
			err = chap_take(chap, key, value, &why);
			break;
		case '/':
			err = chap_step(chap, &text, &last, &why);
			answered |= text.len > 0;	/* the challenge */
			if (!err)
				ck_assert_int_eq(last, answered);
			break;
		}
	}
	if (streq(runs[_i].end, "done") || streq(runs[_i].end, "open")) {
		ck_assert_msg(!err, "%s", why.text);
		ck_assert_int_eq(chap_complete(chap), streq(runs[_i].end, "done"));
		ck_assert(!chap_complete(chap) || last);
	} else {
		ck_assert_int_eq(err, ISCSI_ERR_FATAL_LOGIN);
		ck_assert(!chap_complete(chap));
		ck_assert_msg(strstr(why.text, runs[_i].end), "'%s'", why.text);
		/* P-AUTH-13 */
		ck_assert_ptr_null(strstr(why.text, "secret-"));
		ck_assert_ptr_null(strstr(why.text, MD5_R));
		/* Nothing mends it. */
		for (size_t i = 0; i < 5; i++) {
			(void)snprintf(key, sizeof(key), "CHAP_%c", "AICNR"[i]);
			ck_assert_int_eq(chap_take(chap, key, "5", &why), ISCSI_ERR_FATAL_LOGIN);
		}
		ck_assert(!chap_complete(chap));
	}
	chap_free(chap);
}
END_TEST

/* P-CHAP-07, P-CHAP-20, H-79: the longest challenge, and one that is longer. */
START_TEST(long_challenges)
{
	struct chap_config config = config_for(ONE_WAY);
	struct chap *chap = chap_new();
	char buf[64], value[2 + 8000 + 1];
	static const struct { size_t bytes; bool good; } cases[] = {
		{ 50, true }, { 255, true }, { 256, true }, { 1024, true }, { 1025, false },
		{ 4000, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text_writer text;

		text_writer_init(&text, buf, sizeof(buf));
		chap_start(chap, &config, fake_random);
		ck_assert_int_eq(chap_write_algorithms(chap, &text, NULL), ISCSI_SUCCESS);
		memset(value, '5', sizeof(value));
		memcpy(value, "0x", 2);
		value[2 + 2 * cases[i].bytes] = '\0';
		ck_assert_int_eq(chap_take(chap, "CHAP_C", value, NULL),
				 cases[i].good ? ISCSI_SUCCESS : ISCSI_ERR_FATAL_LOGIN);
	}
	chap_free(chap);
}
END_TEST

/* ---- more than one login ------------------------------------------------------------ */

/* Runs to step 5 of a mutual login; the target's challenge is @challenge. */
static enum iscsi_err up_to_our_challenge(struct chap *chap, const struct chap_config *config,
					  const char *challenge, char *words,
					  struct iscsi_why *why)
{
	char buf[1024];
	struct text_writer text;
	enum iscsi_err err;
	bool last;

	text_writer_init(&text, buf, sizeof(buf));
	chap_start(chap, config, fake_random);
	ck_assert_int_eq(chap_write_algorithms(chap, &text, why), ISCSI_SUCCESS);
	ck_assert_int_eq(chap_take(chap, "CHAP_A", "5", why), ISCSI_SUCCESS);
	ck_assert_int_eq(chap_take(chap, "CHAP_I", "42", why), ISCSI_SUCCESS);
	err = chap_take(chap, "CHAP_C", challenge, why);
	text.len = 0;
	if (!err)
		err = chap_step(chap, &text, &last, why);
	words_of(&text, words);
	return err;
}

/* P-CHAP-20 */
START_TEST(long_names)
{
	char name[TEXT_VALUE_MAX + 2], words[1024];
	struct chap_config config = config_for(MUTUAL);
	struct chap *chap = chap_new();

	memset(name, 'n', sizeof(name));
	for (size_t len = TEXT_VALUE_MAX; len <= TEXT_VALUE_MAX + 1; len++) {
		name[len] = '\0';
		ck_assert_int_eq(up_to_our_challenge(chap, &config, CHALLENGE, words, NULL), 0);
		ck_assert_int_eq(chap_take(chap, "CHAP_N", name, NULL),
				 len == TEXT_VALUE_MAX ? ISCSI_SUCCESS : ISCSI_ERR_FATAL_LOGIN);
		name[len] = 'n';
	}
	chap_free(chap);
}
END_TEST

/* P-CHAP-13, H-81: what we ask on one connection must not be asked back on another. */
START_TEST(reflection_across_connections)
{
	static struct chap_issued issued;
	struct chap_config config = config_for(MUTUAL);
	struct chap *one = chap_new(), *two = chap_new();
	struct iscsi_why why;
	char words[512];

	random_next = 0;
	config.issued = &issued;
	ck_assert_int_eq(up_to_our_challenge(one, &config, CHALLENGE, words, &why),
			 ISCSI_SUCCESS);
	ck_assert_msg(strstr(words, "CHAP_I=1 CHAP_C=" OURS), "%s", words);
	ck_assert_int_eq(up_to_our_challenge(two, &config, OURS, words, &why),
			 ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(why.text, "a CHAP challenge of ours"), "%s", why.text);
	/* P-CHAP-11: another identifier and challenge each time. */
	ck_assert_int_eq(up_to_our_challenge(two, &config, CHALLENGE, words, &why),
			 ISCSI_SUCCESS);
	ck_assert_msg(strstr(words, "CHAP_I=2 CHAP_C=" OURS_NEXT), "%s", words);
	/* A one-way login is asked with it, too. */
	config.password_in = NULL;
	ck_assert_int_eq(up_to_our_challenge(one, &config, OURS_NEXT, words, &why),
			 ISCSI_ERR_FATAL_LOGIN);
	/* A longer challenge that begins alike isn't ours. */
	ck_assert_int_eq(up_to_our_challenge(one, &config, OURS_NEXT "00", words, &why),
			 ISCSI_SUCCESS);
	/* The oldest is forgotten when the ring is full. */
	config.password_in = SECRET_IN;
	ck_assert_uint_eq(issued.next, 2);
	ck_assert_uint_eq(issued.len[2], 0);
	for (size_t i = 2; i <= CHAP_ISSUED_MAX + 1; i++) {
		ck_assert_uint_eq(issued.next, i % CHAP_ISSUED_MAX);
		ck_assert_int_eq(up_to_our_challenge(one, &config, CHALLENGE, words, &why),
				 ISCSI_SUCCESS);
		ck_assert_uint_eq(issued.len[i % CHAP_ISSUED_MAX], 16);
	}
	chap_free(one);
	chap_free(two);
}
END_TEST

/* P-CHAP-11 without the ring: the identifier still changes from login to login. */
START_TEST(identifiers_change)
{
	struct chap_config config = config_for(MUTUAL);
	struct chap *chap = chap_new();
	char words[512];

	for (unsigned int i = 1; i <= 300; i++) {
		char expected[32];

		(void)snprintf(expected, sizeof(expected), " CHAP_I=%u ", i & 255);
		ck_assert_int_eq(up_to_our_challenge(chap, &config, CHALLENGE, words, NULL),
				 ISCSI_SUCCESS);
		ck_assert_msg(strstr(words, expected), "%s", words);
	}
	chap_free(chap);
}
END_TEST

/* P-CHAP-12: should the random bytes be the target's challenge, they are drawn again. */
START_TEST(our_challenge_is_not_the_targets)
{
	struct chap_config config = config_for(MUTUAL);
	struct chap *chap = chap_new();
	struct iscsi_why why;
	char words[512];

	random_next = 0;
	ck_assert_int_eq(up_to_our_challenge(chap, &config, OURS, words, &why), ISCSI_SUCCESS);
	ck_assert_msg(strstr(words, "CHAP_C=" OURS_NEXT), "%s", words);
	random_stuck = true;
	random_calls = 0;
	ck_assert_int_eq(up_to_our_challenge(chap, &config, OURS, words, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(random_calls, 3);
	random_stuck = false;
	random_fails = true;
	ck_assert_int_eq(up_to_our_challenge(chap, &config, CHALLENGE, words, &why),
			 ISCSI_ERR_INTERNAL);
	random_fails = false;
	chap_free(chap);
}
END_TEST

/* P-AUTH-11 */
START_TEST(when_chap_is_wanted)
{
	struct chap_config config = { 0 };

	ck_assert(!chap_wanted(&config));
	config.username = config.password = config.username_in = config.password_in = "";
	ck_assert(!chap_wanted(&config) && !chap_mutual(&config));
	config.password_in = "x";
	ck_assert(!chap_wanted(&config) && !chap_mutual(&config));
	config.password = "x";
	ck_assert(!chap_wanted(&config) && !chap_mutual(&config));
	config.username = "x";
	ck_assert(chap_wanted(&config) && chap_mutual(&config));
	config.password_in = "";
	config.username_in = "x";
	ck_assert(chap_wanted(&config) && !chap_mutual(&config));
}
END_TEST

START_TEST(each_configured_digest_is_prepared)
{
	static const struct { int config; const char *digests; } rows[] = {
		{ ONE_WAY, "MD5 " }, { MUTUAL, "MD5 " }, { STRONG, "SHA256 MD5 " },
	};
	struct chap_config config;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		config = config_for(rows[i].config);
		*fetched = '\0';
		chap_prepare(&config);
		ck_assert_str_eq(fetched, rows[i].digests);
	}
	*fetched = '\0';
	config.password = "";		/* no CHAP: OpenSSL stays asleep */
	chap_prepare(&config);
	ck_assert_str_eq(fetched, "");
}
END_TEST

/* P-CHAP-01: what can't be computed isn't offered, and without anything left it fails. */
START_TEST(unavailable_algorithms)
{
	struct chap_config config = config_for(ONE_WAY);
	struct chap *chap = chap_new();
	char buf[64];
	struct text_writer text;
	struct iscsi_why why;

	text_writer_init(&text, buf, sizeof(buf));
	config.algorithms[0] = (enum chap_algorithm)99;
	config.algorithms_len = 1;
	chap_start(chap, &config, fake_random);
	ck_assert_int_eq(chap_write_algorithms(chap, &text, &why), ISCSI_ERR_FATAL_LOGIN);
	ck_assert_msg(strstr(why.text, "can be computed"), "%s", why.text);
	config.algorithms[1] = CHAP_SHA1;
	config.algorithms_len = 2;
	chap_start(chap, &config, fake_random);
	ck_assert_int_eq(chap_write_algorithms(chap, &text, &why), ISCSI_SUCCESS);
	ck_assert_str_eq(buf, "CHAP_A=6");
	for (int i = 0; i < CHAP_ALGORITHMS_MAX; i++)
		config.algorithms[i] = (enum chap_algorithm)(CHAP_SHA3_256 - i);
	config.algorithms_len = CHAP_ALGORITHMS_MAX;
	chap_start(chap, &config, fake_random);
	text_writer_init(&text, buf, sizeof(buf));
	ck_assert_int_eq(chap_write_algorithms(chap, &text, &why), ISCSI_SUCCESS);
	ck_assert_str_eq(buf, "CHAP_A=8,7,6,5");
	chap_free(chap);
}
END_TEST

START_TEST(no_memory)
{
	struct chap_config config = config_for(MUTUAL);
	struct chap *chap;
	char words[512];

	if (!alloc_can_fail)
		return;
	alloc_fail_nth(1);
	chap = chap_new();
	(void)alloc_fail_stop();
	ck_assert_ptr_null(chap);
	chap = chap_new();
	chap_prepare(&config);
	for (unsigned long nth = 1;; nth++) {
		struct text_writer text;
		char buf[1024];
		enum iscsi_err err;
		bool last, injected;

		text_writer_init(&text, buf, sizeof(buf));
		chap_start(chap, &config, fake_random);
		alloc_fail_nth(nth);
		err = chap_write_algorithms(chap, &text, NULL);
		if (!err)
			err = chap_take(chap, "CHAP_A", "5", NULL);
		if (!err)
			err = chap_take(chap, "CHAP_I", "42", NULL);
		if (!err)
			err = chap_take(chap, "CHAP_C", CHALLENGE, NULL);
		if (!err)
			err = chap_step(chap, &text, &last, NULL);
		injected = alloc_fail_stop();
		if (!injected) {
			ck_assert_int_eq(err, ISCSI_SUCCESS);
			break;
		}
		/* It may fail, in any way, but it must not give a wrong answer. */
		words_of(&text, words);
		ck_assert(err || strstr(words, MD5_R));
	}
	chap_free(chap);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chap");
	TCase *t = tcase_create("chap");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, known_digests);
	tcase_add_loop_test(t, run, 0, ARRAY_SIZE(runs));
	tcase_add_test(t, long_challenges);
	tcase_add_test(t, long_names);
	tcase_add_test(t, reflection_across_connections);
	tcase_add_test(t, identifiers_change);
	tcase_add_test(t, our_challenge_is_not_the_targets);
	tcase_add_test(t, when_chap_is_wanted);
	tcase_add_test(t, each_configured_digest_is_prepared);
	tcase_add_test(t, unavailable_algorithms);
	tcase_add_test(t, no_memory);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
