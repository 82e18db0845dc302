/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CHAP (RFC 1994; RFC 7143, 12.1.3), one way and mutual, as steps without I/O. */
#ifndef ISCSID_CHAP_H
#define ISCSID_CHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsid/protocol/text.h"

#define CHAP_CHALLENGE_MAX	1024	/* RFC 7143, 6.1: bytes of a decoded binary */
#define CHAP_SECRET_MIN		12	/* 9.2.1: 96 bits, without IPsec; shorter ones are in use */
#define CHAP_DIGEST_MAX		32
#define CHAP_ALGORITHMS_MAX	4

enum chap_algorithm {		/* the numbers of CHAP_A (12.1.3; 6 to 8: IANA) */
	CHAP_MD5	= 5,
	CHAP_SHA1	= 6,
	CHAP_SHA256	= 7,
	CHAP_SHA3_256	= 8,
};

#define CHAP_ISSUED_MAX		1024	/* logins under way; more would push each other out */

/*
 * The challenges that were issued last. A target may not send one of them as its own, on any
 * connection (9.2.1): it would have us compute the answer that it lacks. One for all logins of
 * a process; all zeros when empty.
 */
struct chap_issued {
	uint8_t challenge[CHAP_ISSUED_MAX][CHAP_DIGEST_MAX];
	uint8_t len[CHAP_ISSUED_MAX];
	size_t next;
	uint8_t identifier;	/* the last one sent */
};

/* The strings and @issued stay the caller's. */
struct chap_config {
	const char *username, *password;	/* "" or NULL for none */
	const char *username_in, *password_in;	/* what the target must prove; "" for none */
	enum chap_algorithm algorithms[CHAP_ALGORITHMS_MAX];	/* in order of preference */
	size_t algorithms_len;			/* 0: MD5 alone */
	struct chap_issued *issued;		/* NULL: not checked across connections */
};

/* A user name and a password are set. */
bool chap_wanted(const struct chap_config *config);
/* Wanted, and the target has to prove itself too: an incoming password is set. */
bool chap_mutual(const struct chap_config *config);

/*
 * Computes each configured digest once, so that what OpenSSL reads and allocates at its first
 * use is there before a recovery that has no disk. Does nothing if CHAP isn't wanted.
 */
void chap_prepare(const struct chap_config *config);

/* The digest of H(identifier, secret, challenge) and its length; -EOPNOTSUPP: not available. */
int chap_response(enum chap_algorithm algorithm, uint8_t identifier, const char *secret,
		  const uint8_t *challenge, size_t challenge_len,
		  uint8_t ret[CHAP_DIGEST_MAX], size_t *ret_len);

struct chap;

struct chap *chap_new(void);
struct chap *chap_free(struct chap *chap);	/* wipes; takes NULL, returns NULL */
void chap_start(struct chap *chap, const struct chap_config *config,
		int (*random)(void *buf, size_t len));

/*
 * Step 3: CHAP_A. To be called once AuthMethod=CHAP is settled. Leaves out what this machine
 * can't compute (MD5 in FIPS mode); if nothing remains, ISCSI_ERR_FATAL_LOGIN.
 */
enum iscsi_err chap_write_algorithms(struct chap *chap, struct text_writer *text,
				     struct iscsi_why *why);
/* One CHAP_* pair of the target's; ISCSI_ERR_FATAL_LOGIN if it isn't due or not valid. */
enum iscsi_err chap_take(struct chap *chap, const char *key, const char *value,
			 struct iscsi_why *why);
/*
 * After all pairs of a response were taken: what follows. Step 5 writes CHAP_N and CHAP_R (and
 * CHAP_I and CHAP_C if mutual). *@last says whether we have said all that we have to. A step
 * that is incomplete or wrong is an error; no pair at all is none, the target needs time.
 */
enum iscsi_err chap_step(struct chap *chap, struct text_writer *text, bool *last,
			 struct iscsi_why *why);
/* True once everything was proved that had to be. */
bool chap_complete(const struct chap *chap);

#endif /* ISCSID_CHAP_H */
