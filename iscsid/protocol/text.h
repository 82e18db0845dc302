/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of login and text PDUs: key=value pairs, each ended by a NUL (RFC 7143, 6.1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

#define TEXT_KEY_MAX		63
#define TEXT_VALUE_MAX		255	/* of a simple value; CHAP's binary values may be longer */

/* Reads the pairs of @data one by one. Key and value live in the reader's memory or in @data. */
struct text_reader {
	const char *data;
	size_t len;
	size_t pos;
	char key[TEXT_KEY_MAX + 1];
	const char *value;	/* ends with a NUL */
	enum iscsi_err err;	/* of TEXT_ERROR: ISCSI_ERR_INVAL or ISCSI_ERR_NOMEM */
	char *tail;		/* private: a copy of a last value that has no NUL */
};

/* @data need not end with a NUL; the reader stops at @len. */
void text_reader_init(struct text_reader *r, const void *data, size_t len);
void text_reader_done(struct text_reader *r);

enum text_result { TEXT_PAIR, TEXT_END, TEXT_ERROR };

/* Reads the next pair into r->key and r->value. TEXT_ERROR sets @why. */
enum text_result text_reader_next(struct text_reader *r, struct iscsi_why *why);

/* True if @key can be a key: 1 to 63 bytes that begin with a capital letter (6.1). */
bool text_is_key(const char *key, size_t len);

/* True if @text is neither NULL nor empty. */
bool text_is_set(const char *text);
/* True if @list, such as "CHAP,None", has @word. */
bool text_list_has(const char *list, const char *word);

/* Writes pairs into the caller's memory; remembers whether a pair didn't fit. */
struct text_writer {
	char *data;
	size_t size;
	size_t len;
	bool failed;
};
void text_writer_init(struct text_writer *w, void *data, size_t size);
void text_write(struct text_writer *w, const char *key, const char *value);
void text_write_number(struct text_writer *w, const char *key, uint32_t value);

/* Reads a decimal or hex constant of 0 to @max (6.1: no sign, no blank, no leading zeros). */
bool text_parse_number(const char *value, uint64_t max, uint64_t *ret);
/* Reads a hex (0x) or base64 (0b) constant. Returns its length; -1: bad or too long. */
long text_parse_binary(const char *value, uint8_t *ret, size_t size);
/* Writes @len bytes as "0x..."; @size must be 2 * @len + 3 at least. */
void text_format_hex(const uint8_t *data, size_t len, char *ret, size_t size);
