/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CHAP (RFC 1994; RFC 7143, 12.1.3), one way and mutual, as steps without I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/text.h"

#define CHAP_CHALLENGE_MAX	1024	/* RFC 7143, 6.1: bytes of a decoded binary */
#define CHAP_SECRET_MIN		12	/* 9.2.1: 96 bits; users have shorter secrets */
#define CHAP_DIGEST_MAX		32
#define CHAP_ALGORITHMS_MAX	4

enum chap_algorithm {		/* as in CHAP_A (12.1.3; IANA for 6 to 8) */
	CHAP_MD5	= 5,
	CHAP_SHA1	= 6,
	CHAP_SHA256	= 7,
	CHAP_SHA3_256	= 8,
};

#define CHAP_ISSUED_MAX		1024	/* logins under way at the same time */

/*
 * The challenges that this process has issued last. A target that sends one of them back on any
 * connection wants us to compute the response that it can't compute itself, so such a login is
 * refused (9.2.1). All logins of a process share this struct, which begins as zeros.
 */
struct chap_issued {
	uint8_t challenge[CHAP_ISSUED_MAX][CHAP_DIGEST_MAX];
	uint8_t len[CHAP_ISSUED_MAX];
	size_t next;
	uint8_t identifier;	/* the last CHAP_I sent */
};

/* The strings and @issued belong to the caller. */
struct chap_config {
	const char *username, *password;	/* "" or NULL for none */
	const char *username_in, *password_in;	/* of the target; "" for none */
	enum chap_algorithm algorithms[CHAP_ALGORITHMS_MAX];	/* in order of preference */
	size_t algorithms_len;			/* 0: MD5 alone */
	struct chap_issued *issued;		/* NULL: only this login is checked */
};

/* True if a user name and a password are set. */
bool chap_wanted(const struct chap_config *config);
/* True if the target must authenticate itself too, because an incoming password is set. */
bool chap_mutual(const struct chap_config *config);

/*
 * Computes each configured digest once, because the first use of OpenSSL reads files and allocates
 * memory, which a recovery without a disk can't do. Does nothing if CHAP isn't wanted.
 */
void chap_prepare(const struct chap_config *config);

/*
 * Computes H(identifier, secret, challenge). -ENOMEM: OpenSSL has no memory, or doesn't have the
 * algorithm.
 */
int chap_response(enum chap_algorithm algorithm, uint8_t identifier, const char *secret,
		  const uint8_t *challenge, size_t challenge_len,
		  uint8_t ret[CHAP_DIGEST_MAX], size_t *ret_len);

struct chap;

struct chap *chap_new(void);
struct chap *chap_free(struct chap *chap);	/* wipes the secrets; takes NULL, returns NULL */
void chap_start(struct chap *chap, const struct chap_config *config,
		int (*random)(void *buf, size_t len));

/*
 * Step 3: writes CHAP_A, once AuthMethod=CHAP is agreed. Algorithms that this host can't compute
 * (MD5 in FIPS mode) are left out; ISCSI_ERR_FATAL_LOGIN if none remains.
 */
enum iscsi_err chap_write_algorithms(struct chap *chap, struct text_writer *text,
				     struct iscsi_why *why);
/* Takes a CHAP_* pair of the target. ISCSI_ERR_FATAL_LOGIN if the pair isn't due or is bad. */
enum iscsi_err chap_take(struct chap *chap, const char *key, const char *value,
			 struct iscsi_why *why);
/*
 * Ends a response whose pairs were all taken. Step 5 writes CHAP_N and CHAP_R, and if mutual also
 * CHAP_I and CHAP_C. *@last tells that iscsid has nothing more to send. An incomplete or wrong
 * step is an error; a response without a pair isn't, because the target may need time.
 */
enum iscsi_err chap_step(struct chap *chap, struct text_writer *text, bool *last,
			 struct iscsi_why *why);
/* True when all proofs that the configuration asks for are done. */
bool chap_complete(const struct chap *chap);
