/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text segments of login and text PDUs: key=value pairs, each with a NUL (RFC 7143, 6.1). */
#ifndef ISCSID_TEXT_H
#define ISCSID_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libiscsi-db/iscsi-db.h"

#define TEXT_KEY_MAX		63
#define TEXT_VALUE_MAX		255	/* of a simple value; CHAP's binaries may be longer */

/* Walks the pairs of @data. The key and value point into memory of the reader's. */
struct text_reader {
	const char *data;
	size_t len;
	size_t pos;
	char key[TEXT_KEY_MAX + 1];
	const char *value;	/* ends with a NUL */
	enum iscsi_err err;	/* after TEXT_ERROR: ISCSI_ERR_INVAL or ISCSI_ERR_NOMEM */
	char *tail;		/* private: copy of a last value without its NUL */
};

/* @data need not end with a NUL; nothing past @len is read. */
void text_reader_init(struct text_reader *r, const void *data, size_t len);
void text_reader_done(struct text_reader *r);

enum text_result { TEXT_PAIR, TEXT_END, TEXT_ERROR };

/* The next pair: r->key and r->value until the next call. TEXT_ERROR: @why says why. */
enum text_result text_reader_next(struct text_reader *r, struct iscsi_why *why);

/* True if @len bytes may be a key: 1..63 of them, a capital letter first (6.1). */
bool text_is_key(const char *key, size_t len);

/* True if there is a text, and it isn't empty. */
bool text_is_set(const char *text);
/* True if @list, "CHAP,None" say, has @word. */
bool text_list_has(const char *list, const char *word);

/* Collects pairs in memory of the caller's; remembers if they didn't fit. */
struct text_writer {
	char *data;
	size_t size;
	size_t len;
	bool failed;
};
void text_writer_init(struct text_writer *w, void *data, size_t size);
void text_write(struct text_writer *w, const char *key, const char *value);
void text_write_number(struct text_writer *w, const char *key, uint32_t value);

/* A decimal or hex constant in 0..@max (6.1: no sign, no blank, no leading zeros). */
bool text_parse_number(const char *value, uint64_t max, uint64_t *ret);
/* A hex (0x) or base64 (0b) constant as bytes; its length, -1 if it isn't one or is longer. */
long text_parse_binary(const char *value, uint8_t *ret, size_t size);
/* @len bytes as "0x..."; @size must hold 2 * @len + 3. */
void text_format_hex(const uint8_t *data, size_t len, char *ret, size_t size);

#endif /* ISCSID_TEXT_H */
