/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which characters may stand where, see characters.h. */
#include "libiscsi-db/characters.h"

#include "libiscsi-db/util.h"

struct range {
	uint32_t first, last;
};

/*
 * Beyond ASCII. RFC 3722 forbids spaces, controls, private use, surrogates, format characters and
 * the ideographic full stop, drops what shows nothing, and applies the normal form KC. Since each
 * name begins with Latin letters, the rule of RFC 3454, section 6, leaves no room for letters
 * that are written from right to left. A range goes on over characters that Unicode has not
 * assigned yet.
 */
static const struct range not_of_name[] = {
	{ 0x0080, 0x00a0 }, { 0x00a8, 0x00a8 }, { 0x00ad, 0x00ad }, { 0x00af, 0x00af },
	{ 0x00b4, 0x00b4 }, { 0x00b8, 0x00b8 }, { 0x02d8, 0x02dd }, { 0x0340, 0x0341 },
	{ 0x034f, 0x034f }, { 0x037a, 0x037a }, { 0x037e, 0x037e }, { 0x0384, 0x0385 },
	{ 0x0590, 0x08ff }, { 0x1680, 0x1680 }, { 0x1806, 0x1806 }, { 0x180b, 0x180e },
	{ 0x1fbd, 0x1fbd }, { 0x1fbf, 0x1fc1 }, { 0x1fcd, 0x1fcf }, { 0x1fdd, 0x1fdf },
	{ 0x1fed, 0x1fef }, { 0x1ffd, 0x200f }, { 0x2017, 0x2017 }, { 0x2028, 0x202f },
	{ 0x203c, 0x203c }, { 0x203e, 0x203e }, { 0x2047, 0x2049 }, { 0x205f, 0x206f },
	{ 0x207a, 0x207a }, { 0x207c, 0x207e }, { 0x208a, 0x208a }, { 0x208c, 0x208e },
	{ 0x2100, 0x2101 }, { 0x2105, 0x2106 }, { 0x2135, 0x2138 }, { 0x2474, 0x2487 },
	{ 0x249c, 0x24b5 }, { 0x2a74, 0x2a76 }, { 0x2ff0, 0x3000 }, { 0x3002, 0x3002 },
	{ 0x309b, 0x309c }, { 0x3200, 0x3243 }, { 0xd800, 0xf8ff }, { 0xfb1d, 0xfe10 },
	{ 0xfe12, 0xfe12 }, { 0xfe14, 0xfe16 }, { 0xfe35, 0xfe38 }, { 0xfe47, 0xfe4c },
	{ 0xfe50, 0xfe50 }, { 0xfe54, 0xfe54 }, { 0xfe56, 0xfe57 }, { 0xfe59, 0xfe5c },
	{ 0xfe5f, 0xfe62 }, { 0xfe64, 0xff0c }, { 0xff0f, 0xff0f }, { 0xff1b, 0xff20 },
	{ 0xff3b, 0xff3e }, { 0xff40, 0xff40 }, { 0xff5b, 0xff5e }, { 0xff61, 0xff61 },
	{ 0xffe3, 0xffe3 }, { 0xfff9, 0xffff }, { 0x10800, 0x10fff }, { 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd }, { 0x13430, 0x13438 }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0x1e800, 0x1efff }, { 0x1f101, 0x1f10a }, { 0x1f110, 0x1f129 }, { 0xe0000, 0xe0fff },
	{ 0xf0000, 0x10ffff },
};

static const struct range hidden[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x034f, 0x034f },
	{ 0x061c, 0x061c }, { 0x180b, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
};

static bool is_in(const struct range *ranges, size_t len, uint32_t character)
{
	while (len) {
		const struct range *middle = &ranges[len / 2];

		if (character < middle->first) {
			len /= 2;
		} else if (character > middle->last) {
			ranges = middle + 1;
			len -= len / 2 + 1;
		} else {
			return true;
		}
	}
	return false;
}

size_t character_decode(const char *text, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		     p[0] < 0xf8 ? 4 : 0;
	uint32_t character = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)	/* a NUL too: nothing is read past it */
			return 0;
		character = character << 6 | (p[i] & 0x3f);
	}
	if (!len || character < least[len] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret = character;
	return len;
}

bool character_is_of_name(uint32_t character)
{
	uint32_t lower = character | 0x20;

	if (character < 0x80)
		return (lower >= 'a' && lower <= 'z') || (character >= '0' && character <= ':') ||
		       character == '-' || character == '.' || character == '_';
	return (character & 0xfffe) != 0xfffe &&
	       !is_in(not_of_name, ARRAY_SIZE(not_of_name), character);
}

bool character_is_hidden(uint32_t character)
{
	return is_in(hidden, ARRAY_SIZE(hidden), character);
}
