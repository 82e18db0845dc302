/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile target in CHAP. The first byte chooses what is configured; then come steps of pairs.
 * A pair may also hold what such a target really has: a challenge of ours, from this login or from
 * another one, and our own answer. Without the secret nothing may pass for the target's proof, and
 * our answer to a challenge of our own may never go out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsid/base/bytes.h"
#include "iscsid/protocol/chap.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUE_MAX = 600, STEPS_MAX = 12 };

static const char *const keys[] = { "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R", "CHAP_X" };
static uint8_t counter;

static int fake_random(void *buf, size_t len)
{
	memset(buf, ++counter, len);
	return 0;
}

/* The value of @key in what we wrote last; "" if there is none. */
static void written(const char *text, size_t len, const char *key, char ret[VALUE_MAX])
{
	size_t key_len = strlen(key);

	ret[0] = '\0';
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		if (!strncmp(text + at, key, key_len) && text[at + key_len] == '=')
			(void)snprintf(ret, VALUE_MAX, "%s", text + at + key_len + 1);
}

static struct chap_config config_for(uint8_t bits, struct chap_issued *issued)
{
	struct chap_config config = {
		.username = "user", .password = "initiator-secret",
		.username_in = bits & 2 ? "target" : "",
		.password_in = bits & 1 ? (bits & 4 ? "initiator-secret" : "target-secret") : "",
		.issued = issued,
	};
	static const enum chap_algorithm all[] = { CHAP_MD5, CHAP_SHA1, CHAP_SHA256, CHAP_SHA3_256 };

	for (size_t i = 0; i < 4; i++)
		if (bits & 16 << i)
			config.algorithms[config.algorithms_len++] = all[i];
	return config;
}

/* A challenge as another login of this host has sent it. */
static void issue(struct chap_issued *issued, char ret[VALUE_MAX])
{
	memset(issued->challenge[0], 0x77, 16);
	issued->len[0] = 16;
	issued->next = 1;
	text_format_hex(issued->challenge[0], 16, ret, VALUE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct chap_issued issued;
	struct reader r = reader_init(data, size);
	char others[VALUE_MAX], ours[VALUE_MAX] = "", answer[VALUE_MAX] = "";
	struct chap_config config;
	struct chap *chap = chap_new();
	struct iscsi_why why = { "" };
	struct text_writer text;
	char buf[1024];
	bool last = false;

	if (!chap)
		abort();
	memset(&issued, 0, sizeof(issued));
	issue(&issued, others);
	counter = 0;
	config = config_for(next_byte(&r), &issued);
	chap_start(chap, &config, fake_random);
	text_writer_init(&text, buf, sizeof(buf));
	if (chap_write_algorithms(chap, &text, &why))
		abort();
	for (int step = 0; step < STEPS_MAX && !r.failed; step++) {
		unsigned int pairs = next_byte(&r) % 8;
		bool failed = false, reflected = false;

		while (pairs-- && !failed) {
			uint8_t what = next_byte(&r);
			const char *key = keys[what % 6];
			char value[VALUE_MAX];
			size_t len = reader_be16(&r) % VALUE_MAX;
			const uint8_t *bytes = reader_bytes(&r, len);

			memset(value, 0, sizeof(value));
			if (what >= 240)
				(void)snprintf(value, sizeof(value), "%s", others);
			else if (what >= 220)
				(void)snprintf(value, sizeof(value), "%s", ours);
			else if (what >= 200)
				(void)snprintf(value, sizeof(value), "%s", answer);
			else if (bytes)
				memcpy(value, bytes, len);
			reflected |= !strcmp(key, "CHAP_C") && *value &&
				     (!strcmp(value, others) || !strcmp(value, ours));
			failed = chap_take(chap, key, value, &why) != ISCSI_SUCCESS;
			if (failed && !*why.text)
				abort();
		}
		text_writer_init(&text, buf, sizeof(buf));
		failed |= chap_step(chap, &text, &last, &why) != ISCSI_SUCCESS;
		if (!failed && text.len) {
			written(buf, text.len, "CHAP_C", ours);
			written(buf, text.len, "CHAP_R", answer);
			if (*answer && reflected)
				abort();
		}
		if (failed && chap_complete(chap))
			abort();
		/* The secret is nowhere in the input: nobody can have proved anything. */
		if (chap_mutual(&config) && chap_complete(chap))
			abort();
	}
	chap_free(chap);
	return 0;
}
