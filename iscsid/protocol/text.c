/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text format of login and text PDUs (RFC 7143, 6.1) with its constants: numbers, hex and
 * base64. login.c, negotiate.c and chap.c know the keys and their meaning.
 */
#include "iscsid/protocol/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_reader_init(struct text_reader *r, const void *data, size_t len)
{
	*r = (struct text_reader){ .data = data, .len = len };
}

void text_reader_done(struct text_reader *r)
{
	free(r->tail);
	r->tail = NULL;
	r->value = NULL;
}

bool text_is_key(const char *key, size_t len)
{
	/* The RFC breaks its own rule once (13.24). */
	static const char exception[] = "iSCSIProtocolLevel";

	if (len == sizeof(exception) - 1 && memcmp(key, exception, len) == 0)
		return true;
	if (!len || len > TEXT_KEY_MAX || !isupper((unsigned char)key[0]))
		return false;
	for (size_t i = 1; i < len; i++) {
		/* '#' is in "X#NodeArchitecture" (13.26) and in other old public extensions. */
		if (!isalnum((unsigned char)key[i]) &&
		    (key[i] == '\0' || !strchr(".-+@_#", key[i])))
			return false;
	}
	return true;
}

static enum text_result text_wrong(struct text_reader *r, const char *what, const char *text,
				   size_t len, struct iscsi_why *why)
{
	r->err = iscsi_fail(why, ISCSI_ERR_INVAL, "%s in the target's text: '%.*s'%s", what,
			    (int)(len > 80 ? 80 : len), text, len > 80 ? "..." : "");
	return TEXT_ERROR;
}

enum text_result text_reader_next(struct text_reader *r, struct iscsi_why *why)
{
	const char *start, *end, *equals;
	size_t len, key_len;

	text_reader_done(r);
	/* Some targets pad with NULs, also between pairs. */
	while (r->pos < r->len && r->data[r->pos] == '\0')
		r->pos++;
	if (r->pos >= r->len)
		return TEXT_END;

	start = r->data + r->pos;
	end = memchr(start, '\0', r->len - r->pos);
	len = end ? (size_t)(end - start) : r->len - r->pos;
	r->pos += len + 1;	/* past the NUL, or past the place of a missing NUL */

	equals = memchr(start, '=', len);
	if (!equals)
		return text_wrong(r, "a key without a value", start, len, why);
	key_len = (size_t)(equals - start);
	if (!text_is_key(start, key_len))
		return text_wrong(r, "a bad key", start, key_len, why);
	memcpy(r->key, start, key_len);
	r->key[key_len] = '\0';
	if (end) {
		r->value = equals + 1;
		return TEXT_PAIR;
	}

	/* A missing NUL after the last pair breaks the rules, but the value is clear. */
	r->tail = strndup(equals + 1, len - key_len - 1);
	if (!r->tail) {
		r->err = iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for the target's text");
		return TEXT_ERROR;
	}
	r->value = r->tail;
	return TEXT_PAIR;
}

bool text_is_set(const char *text)
{
	return text && *text;
}

bool text_list_has(const char *list, const char *word)
{
	size_t word_len = strlen(word);

	for (;;) {
		size_t len = strcspn(list, ",");

		if (len == word_len && memcmp(list, word, len) == 0)
			return true;
		if (!list[len])
			return false;
		list += len + 1;
	}
}

void text_writer_init(struct text_writer *w, void *data, size_t size)
{
	*w = (struct text_writer){ .data = data, .size = size };
}

void text_write(struct text_writer *w, const char *key, const char *value)
{
	size_t key_len = strlen(key), value_len = strlen(value);
	char *p;

	if (w->failed || key_len + value_len + 2 > w->size - w->len) {
		w->failed = true;
		return;
	}
	p = w->data + w->len;
	memcpy(p, key, key_len);
	p[key_len] = '=';
	memcpy(p + key_len + 1, value, value_len + 1);
	w->len += key_len + value_len + 2;
}

void text_write_number(struct text_writer *w, const char *key, uint32_t value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value);
	text_write(w, key, text);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

static bool has_prefix(const char *value, char lower)
{
	return value[0] == '0' && (value[1] == lower || value[1] == lower - 'a' + 'A');
}

bool text_parse_number(const char *value, uint64_t max, uint64_t *ret)
{
	bool hex = has_prefix(value, 'x');
	const char *p = hex ? value + 2 : value;
	uint64_t number;

	if (!*p || p[strspn(p, hex ? "0123456789abcdefABCDEF" : "0123456789")] ||
	    (!hex && p[0] == '0' && p[1]))
		return false;
	errno = 0;
	number = strtoull(p, NULL, hex ? 16 : 10);
	if (errno || number > max)
		return false;
	*ret = number;
	return true;
}

/* A constant with an odd number of digits omits a leading zero (6.1). */
static long parse_hex(const char *digits, uint8_t *ret, size_t size)
{
	size_t n = strlen(digits), len = (n + 1) / 2;

	if (!n || len > size)
		return -1;
	memset(ret, 0, len);
	for (size_t i = 0; i < n; i++) {
		size_t place = i + (n & 1);
		int digit = hex_digit(digits[i]);

		if (digit < 0)
			return -1;
		ret[place / 2] |= (uint8_t)(place & 1 ? digit : digit << 4);
	}
	return (long)len;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

static long parse_base64(const char *digits, uint8_t *ret, size_t size)
{
	size_t n = strlen(digits), pad = 0, len;
	uint32_t bits = 0;

	if (!n || n % 4)
		return -1;
	while (pad < 2 && digits[n - 1 - pad] == '=')
		pad++;
	len = n / 4 * 3 - pad;
	if (len > size)
		return -1;
	for (size_t i = 0, out = 0; i < n; i++) {
		int digit = i < n - pad ? base64_digit(digits[i]) : 0;

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 && out < len; shift -= 8)
			ret[out++] = (uint8_t)(bits >> shift);
	}
	return (long)len;
}

long text_parse_binary(const char *value, uint8_t *ret, size_t size)
{
	if (has_prefix(value, 'x'))
		return parse_hex(value + 2, ret, size);
	if (has_prefix(value, 'b'))
		return parse_base64(value + 2, ret, size);
	return -1;
}

void text_format_hex(const uint8_t *data, size_t len, char *ret, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	if (size < 2 * len + 3) {
		if (size)
			*ret = '\0';
		return;
	}
	*ret++ = '0';
	*ret++ = 'x';
	for (size_t i = 0; i < len; i++) {
		*ret++ = digits[data[i] >> 4];
		*ret++ = digits[data[i] & 15];
	}
	*ret = '\0';
}
