/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The login phase (RFC 7143, 6.3 and 11.12-11.13), see login.h. Without credentials a login begins
 * in the operational stage and asks for full feature phase at once, which takes one exchange if
 * the target has nothing to add. With credentials, or if the target insists, a login begins in the
 * security stage. negotiate.c and chap.c handle the keys of the stages; this file keeps the order
 * of the conversation: stages, the T and C bits, sequence numbers, and the ends of a login.
 */
#include "iscsid/protocol/login.h"

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/util.h"

/* The most responses in one of the two stages; 6.2 asks for at least six. */
#define LOGIN_STAGE_ROUNDS_MAX	16
#define LOGIN_TEXT_MAX		65536	/* bytes of a text over several PDUs, sent or received */

enum auth_state {
	AUTH_NOT_OFFERED,	/* without credentials: the target may name a method */
	AUTH_OFFERED,		/* AuthMethod is sent */
	AUTH_CHAP_CHOSEN,	/* the next request sends CHAP_A */
	AUTH_CHAP,
	AUTH_NONE,		/* the target wants no authentication */
};

struct login {
	struct login_config config;
	struct login_outcome outcome;
	bool running;

	enum login_stage stage;
	bool transit;			/* the T bit of the last request */
	bool answered;			/* a response was taken */
	unsigned int stage_rounds;
	uint32_t exp_stat_sn;
	enum auth_state auth;
	bool tpgt_seen;
	struct negotiation *negotiation;
	struct chap *chap;		/* made by the first login that wants CHAP */

	/* Texts that don't fit into one PDU; NULL in an ordinary login. */
	char *in;			/* the text of the responses with C=1 so far */
	size_t in_len;
	char *out;			/* the text of our request, sent up to out_pos */
	size_t out_len, out_pos;
};

/* The data of one step. */
struct step {
	struct login *login;
	bool transit;			/* the target ends the stage, so no answer reaches it */
	struct login_pdu *request;
	struct iscsi_why *why;
};

struct login *login_new(void)
{
	struct login *login = calloc(1, sizeof(*login));

	if (!login)
		return NULL;
	login->negotiation = negotiation_new();
	if (!login->negotiation)
		return login_free(login);
	return login;
}

static void login_drop_text(struct login *login)
{
	free(login->in);
	login->in = NULL;
	free(login->out);
	login->out = NULL;
	login->out_len = login->out_pos = 0;
}

struct login *login_free(struct login *login)
{
	if (!login)
		return NULL;
	login_drop_text(login);
	login->negotiation = negotiation_free(login->negotiation);
	login->chap = chap_free(login->chap);
	explicit_bzero(login, sizeof(*login));
	free(login);
	return NULL;
}

const struct login_outcome *login_outcome(const struct login *login)
{
	return &login->outcome;
}

/* ---- status ---------------------------------------------------------------------------- */

static const struct {
	uint8_t class, detail;
	const char *text;
} statuses[] = {				/* 11.13.5 */
	{ 0, 0x00, "success" },
	{ 1, 0x01, "target moved temporarily" },
	{ 1, 0x02, "target moved permanently" },
	{ 2, 0x00, "initiator error" },
	{ 2, 0x01, "authentication failure" },
	{ 2, 0x02, "authorization failure" },
	{ 2, 0x03, "target not found" },
	{ 2, 0x04, "target removed" },
	{ 2, 0x05, "version not supported" },
	{ 2, 0x06, "too many connections" },
	{ 2, 0x07, "missing parameter" },
	{ 2, 0x08, "connection can't be included in the session" },
	{ 2, 0x09, "session type not supported" },
	{ 2, 0x0a, "session does not exist" },
	{ 2, 0x0b, "invalid request during login" },
	{ 3, 0x00, "target error" },
	{ 3, 0x01, "service unavailable" },
	{ 3, 0x02, "target out of resources" },
};

const char *login_status_text(uint8_t status_class, uint8_t status_detail)
{
	static const char *const classes[] = {
		"unknown success status", "unknown redirection", "unknown initiator error",
		"unknown target error",
	};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].class == status_class && statuses[i].detail == status_detail)
			return statuses[i].text;
	return status_class < ARRAY_SIZE(classes) ? classes[status_class] :
		"unknown status class";
}

/*
 * Takes the usable addresses of a redirection. Other keys are ignored, because some targets add a
 * TargetName.
 */
static void take_redirection(struct login *login, const uint8_t *data, size_t len)
{
	struct login_outcome *outcome = &login->outcome;
	struct text_reader r;

	text_reader_init(&r, data, len);
	while (outcome->moved_to_len < LOGIN_ADDRESSES_MAX &&
	       text_reader_next(&r, NULL) == TEXT_PAIR) {
		struct iscsi_db_portal *portal = &outcome->moved_to[outcome->moved_to_len];
		enum addr_kind kind;

		if (!streq(r.key, "TargetAddress") ||
		    iscsi_db_target_address_parse(r.value, portal, NULL) || !*portal->address)
			continue;
		kind = addr_kind_of_text(portal->address);
		if (kind == ADDR_UNSPECIFIED || kind == ADDR_MULTICAST || kind == ADDR_NUMBER)
			continue;
		if (portal->port == -1)
			portal->port = ISCSI_PORT_DEFAULT;
		outcome->moved_to_len++;
	}
	text_reader_done(&r);
}

/* The target ended the login. Only the status and the text have a meaning then (11.13.5). */
static enum iscsi_err take_status(struct login *login, const struct login_response_pdu *pdu,
				  const uint8_t *data, struct iscsi_why *why)
{
	struct login_outcome *outcome = &login->outcome;
	enum iscsi_err err = ISCSI_ERR_FATAL_LOGIN;
	const char *note = "";

	outcome->status_class = pdu->status_class;
	outcome->status_detail = pdu->status_detail;
	switch (pdu->status_class) {
	case 1:
		err = ISCSI_ERR_LOGIN;
		outcome->retry = true;		/* at the record's address */
		if (pdu->status_detail != 1 && pdu->status_detail != 2)
			break;
		take_redirection(login, data, pdu->data_len);
		if (!outcome->moved_to_len)
			note = ", but no usable TargetAddress";
		break;
	case 2:
		if (pdu->status_detail == 1 || pdu->status_detail == 2)
			err = ISCSI_ERR_LOGIN_AUTH_FAILED;
		if (pdu->status_detail == 1 && !chap_wanted(&login->config.chap))
			note = "; no CHAP user name and password are set";
		break;
	case 3:
		err = ISCSI_ERR_LOGIN;
		outcome->retry = true;
		break;
	default:		/* reserved classes have no meaning */
		outcome->retry = login->config.discovery;
		break;
	}
	return iscsi_fail(why, err, "%s (%02x/%02x)%s",
			  login_status_text(pdu->status_class, pdu->status_detail),
			  pdu->status_class, pdu->status_detail, note);
}

/* ---- requests -------------------------------------------------------------------------- */

/* Adds text to the next request. Text that doesn't fit waits for the request after that. */
static enum iscsi_err send_text(const struct step *step, const char *text, size_t len)
{
	struct login *login = step->login;
	struct login_pdu *request = step->request;
	size_t fits = MIN(len, sizeof(request->data) - request->data_len);
	char *out;

	memcpy(request->data + request->data_len, text, fits);
	request->data_len += fits;
	text += fits;
	len -= fits;
	if (!len)
		return ISCSI_SUCCESS;

	if (login->out_len + len > LOGIN_TEXT_MAX)
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "the target asks for over %d bytes of answers",
				  LOGIN_TEXT_MAX);
	if (!login->out) {
		out = malloc(LOGIN_TEXT_MAX);
		if (!out)
			return iscsi_fail(step->why, ISCSI_ERR_NOMEM,
					  "no memory for the text of a Login Request");
		login->out = out;
	}
	memcpy(login->out + login->out_len, text, len);
	login->out_len += len;
	return ISCSI_SUCCESS;
}

static enum iscsi_err send_writer(const struct step *step, const struct text_writer *text)
{
	if (text->failed)
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "a name is too long for a Login Request");
	return send_text(step, text->data, text->len);
}

/* Sends more of the text that didn't fit into the last request. */
static void send_rest(const struct step *step)
{
	struct login *login = step->login;
	size_t len = MIN(login->out_len - login->out_pos, sizeof(step->request->data));

	memcpy(step->request->data, login->out + login->out_pos, len);
	step->request->data_len = len;
	login->out_pos += len;
	if (login->out_pos == login->out_len)
		login_drop_text(login);
}

/* Builds the header for the text. Only the last piece of a text may have the T bit (6.2). */
static void finish_request(struct login *login, struct login_pdu *request)
{
	bool cont = login->out != NULL;
	struct login_request_pdu pdu = {
		.transit = login->transit && !cont,
		.cont = cont,
		.csg = login->stage,
		.nsg = login->stage == LOGIN_STAGE_SECURITY ? LOGIN_STAGE_OPERATIONAL :
							      LOGIN_STAGE_FULL_FEATURE,
		.itt = LOGIN_ITT,
		.cmd_sn = login->config.cmd_sn,
		.exp_stat_sn = login->exp_stat_sn,
		.data_len = (uint32_t)request->data_len,
	};

	memcpy(pdu.isid, login->config.isid, sizeof(pdu.isid));
	pdu_build_login_request(&pdu, request->bhs);
}

/* Begins the operational stage with all our offers and the T bit. */
static enum iscsi_err begin_operational(const struct step *step)
{
	char buf[512];
	struct text_writer text;

	text_writer_init(&text, buf, sizeof(buf));
	step->login->stage = LOGIN_STAGE_OPERATIONAL;
	step->login->stage_rounds = 0;
	step->login->transit = true;
	negotiation_write_offers(step->login->negotiation, &text);
	return send_writer(step, &text);
}

static enum iscsi_err begin_security(const struct step *step)
{
	struct login *login = step->login;
	bool mutual = chap_mutual(&login->config.chap);
	char buf[32];
	struct text_writer text;

	login->stage = LOGIN_STAGE_SECURITY;
	login->transit = !mutual;
	if (!chap_wanted(&login->config.chap))
		return ISCSI_SUCCESS;		/* the target proposes a method, or none (6.3.1) */
	if (!login->chap)
		login->chap = chap_new();
	if (!login->chap)
		return iscsi_fail(step->why, ISCSI_ERR_NOMEM, "no memory for CHAP");
	chap_start(login->chap, &login->config.chap, login->config.random);

	/*
	 * Unless CHAP is mutual, a target may skip authentication: a record often keeps credentials
	 * that the target doesn't ask for any more.
	 */
	text_writer_init(&text, buf, sizeof(buf));
	text_write(&text, "AuthMethod", mutual ? "CHAP" : "CHAP,None");
	login->auth = AUTH_OFFERED;
	return send_writer(step, &text);
}

static enum iscsi_err first_request(const struct step *step)
{
	const struct login_config *config = &step->login->config;
	char buf[1024];
	struct text_writer text;
	enum iscsi_err err;

	if (!text_is_set(config->initiator_name) ||
	    (!config->discovery && !text_is_set(config->target_name)))
		return iscsi_fail(step->why, ISCSI_ERR_INVAL,
				  "a login needs the names of both sides");
	if (config->discovery && text_is_set(config->chap.password_in) &&
	    !chap_wanted(&config->chap))
		return iscsi_fail(step->why, ISCSI_ERR_INVAL,
				  "the target can't be asked to authenticate itself without "
				  "a user name and password of our own");

	text_writer_init(&text, buf, sizeof(buf));
	text_write(&text, "InitiatorName", config->initiator_name);
	if (text_is_set(config->initiator_alias))
		text_write(&text, "InitiatorAlias", config->initiator_alias);
	if (!config->discovery)
		text_write(&text, "TargetName", config->target_name);
	/* Normal is the default, but LIO refuses a login without SessionType (02/07). */
	text_write(&text, "SessionType", config->discovery ? "Discovery" : "Normal");
	err = send_writer(step, &text);
	if (err)
		return err;
	negotiation_start(step->login->negotiation, config->discovery, &config->offer);
	return chap_wanted(&config->chap) || config->security_first ? begin_security(step) :
								      begin_operational(step);
}

/* ---- keys ------------------------------------------------------------------------------ */

/* Takes the methods that the target proposes if we have no credentials (12.1). */
static enum iscsi_err take_proposed_method(const struct step *step, const char *key,
					   const char *value)
{
	char buf[16];
	struct text_writer text;

	if (!text_list_has(value, "None"))
		return iscsi_fail(step->why, ISCSI_ERR_LOGIN_AUTH_FAILED,
				  "the target asks for authentication (%.40s), but no user name "
				  "and password are set", value);
	step->login->auth = AUTH_NONE;
	if (step->transit)		/* the target has ended the stage already */
		return ISCSI_SUCCESS;
	text_writer_init(&text, buf, sizeof(buf));
	text_write(&text, key, "None");
	return send_writer(step, &text);
}

static enum iscsi_err take_auth_method(const struct step *step, const char *key,
				       const char *value)
{
	struct login *login = step->login;
	struct iscsi_why *why = step->why;

	if (login->auth == AUTH_NOT_OFFERED)
		return take_proposed_method(step, key, value);
	if (login->auth != AUTH_OFFERED)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "the target sent %s twice", key);
	if (streq(value, "Reject"))
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "authentication failure: the target rejects CHAP");
	if (streq(value, "CHAP")) {
		login->auth = AUTH_CHAP_CHOSEN;
		return ISCSI_SUCCESS;
	}
	if (streq(value, "None") && !chap_mutual(&login->config.chap)) {
		login->auth = AUTH_NONE;
		return ISCSI_SUCCESS;
	}
	return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN, "AuthMethod=%.40s is not what we offered",
			  value);
}

static enum iscsi_err take_chap(const struct step *step, const char *key, const char *value)
{
	if (step->login->auth != AUTH_CHAP)
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "the target sent %s, which isn't due", key);
	return chap_take(step->login->chap, key, value, step->why);
}

/* The daemon doesn't use the alias, so a second TargetAlias does no harm. */
static enum iscsi_err take_target_alias(const struct step *step, const char *key, const char *value)
{
	if (strlen(value) > TEXT_VALUE_MAX)
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "%s is longer than %d bytes", key, TEXT_VALUE_MAX);
	return ISCSI_SUCCESS;
}

/*
 * Some targets send values out of range, such as -1, which count as unknown. The tag may come once
 * (6.3), but the same tag again does no harm.
 */
static enum iscsi_err take_tpgt(const struct step *step, const char *key, const char *value)
{
	struct login *login = step->login;
	uint64_t number;
	int tpgt = ISCSI_TPGT_UNKNOWN;

	if (text_parse_number(value, 65535, &number))
		tpgt = (int)number;
	if (login->tpgt_seen)
		return tpgt == login->outcome.tpgt ? ISCSI_SUCCESS :
		       iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN, "the target sent %s twice",
				  key);
	login->tpgt_seen = true;
	login->outcome.tpgt = tpgt;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_nothing(const struct step *step, const char *key, const char *value)
{
	(void)step, (void)key, (void)value;
	return ISCSI_SUCCESS;
}

static enum iscsi_err take_refused(const struct step *step, const char *key, const char *value)
{
	(void)value;
	return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
			  "the target sent %s, which it may not send in a login", key);
}

enum { IN_SECURITY = 1, IN_OPERATIONAL = 2, IN_BOTH = 3 };	/* stages */

/* The keys that aren't operational, and the stages in which they may come (13, 6.3). */
static const struct login_key {
	const char *name;		/* a '*' at the end makes the name a prefix */
	unsigned int stages;
	enum iscsi_err (*take)(const struct step *step, const char *key, const char *value);
} login_keys[] = {
	{ "AuthMethod",			IN_SECURITY,	take_auth_method },	/* 12 */
	{ "CHAP_*",			IN_SECURITY,	take_chap },		/* 12.1.3 */
	{ "KRB_*",			IN_BOTH,	take_refused },		/* 12.1.1 */
	{ "SRP_*",			IN_BOTH,	take_refused },		/* 12.1.2 */
	{ "SPKM_*",			IN_BOTH,	take_refused },		/* RFC 3720 */
	{ "TargetAlias",		IN_BOTH,	take_target_alias },	/* 13.6 */
	{ "TargetPortalGroupTag",	IN_BOTH,	take_tpgt },		/* 13.9 */
	/* TargetAddress has a meaning in a redirection only. */
	{ "TargetAddress",		IN_BOTH,	take_nothing },		/* 13.8 */
	{ "TargetName",			IN_BOTH,	take_nothing },		/* 13.4 */
	{ "InitiatorName",		IN_BOTH,	take_refused },		/* 13.5 */
	{ "InitiatorAlias",		IN_BOTH,	take_refused },		/* 13.7 */
	{ "SessionType",		IN_BOTH,	take_refused },		/* 13.21 */
	{ "SendTargets",		IN_BOTH,	take_refused },		/* 13.3 */
};

static const struct login_key *find_login_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(login_keys); i++) {
		const char *name = login_keys[i].name;
		size_t prefix = strcspn(name, "*");

		if (name[prefix] ? strncmp(key, name, prefix) == 0 : streq(key, name))
			return &login_keys[i];
	}
	return NULL;
}

static enum iscsi_err wrong_stage(const struct step *step, const char *key)
{
	return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
			  "the target sent %s in the %s stage", key,
			  step->login->stage == LOGIN_STAGE_SECURITY ? "security" :
								       "operational");
}

/* Takes an operational or an unknown key. */
static enum iscsi_err take_negotiated(const struct step *step, const char *key,
				      const char *value)
{
	char buf[TEXT_KEY_MAX + 16];
	struct text_writer reply;

	if (step->login->stage == LOGIN_STAGE_SECURITY && negotiation_knows(key) &&
	    !streq(key, "MaxRecvDataSegmentLength"))	/* early, but it is only a declaration */
		return wrong_stage(step, key);

	text_writer_init(&reply, buf, sizeof(buf));
	switch (negotiation_take(step->login->negotiation, key, value, &reply, step->why)) {
	case NEGOTIATE_TAKEN:
		return ISCSI_SUCCESS;
	case NEGOTIATE_REPLY:
		if (!step->transit)
			return send_writer(step, &reply);
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "the target proposed %s, but ended the stage without "
				  "waiting for our answer", key);
	case NEGOTIATE_OPTIONAL:
		return step->transit ? ISCSI_SUCCESS : send_writer(step, &reply);
	case NEGOTIATE_NOT_OURS:
		break;
	case NEGOTIATE_ERROR:
		return ISCSI_ERR_FATAL_LOGIN;
	}

	if (negotiation_is_refusal(value))
		return iscsi_fail(step->why, ISCSI_ERR_FATAL_LOGIN,
				  "the target answered %s=%s to no offer of ours", key, value);
	if (step->transit)	/* an unknown key has no effect on us */
		return ISCSI_SUCCESS;
	text_write(&reply, key, "NotUnderstood");
	return send_writer(step, &reply);
}

static enum iscsi_err take_text(const struct step *step, const char *data, size_t len)
{
	unsigned int stage = step->login->stage == LOGIN_STAGE_SECURITY ? IN_SECURITY :
									  IN_OPERATIONAL;
	enum iscsi_err err = ISCSI_SUCCESS;
	enum text_result result;
	struct text_reader r;

	text_reader_init(&r, data, len);
	while ((result = text_reader_next(&r, step->why)) == TEXT_PAIR) {
		const struct login_key *key = find_login_key(r.key);

		if (!key)
			err = take_negotiated(step, r.key, r.value);
		else if (!(key->stages & stage))
			err = wrong_stage(step, r.key);
		else
			err = key->take(step, r.key, r.value);
		if (err)
			break;
	}
	text_reader_done(&r);
	if (!err && result == TEXT_ERROR)
		err = r.err == ISCSI_ERR_NOMEM ? r.err : ISCSI_ERR_FATAL_LOGIN;
	return err;
}

/* ---- steps ----------------------------------------------------------------------------- */

/* Checks the version, stage and flags of a response with status 0. */
static enum iscsi_err check_response(const struct login *login,
				     const struct login_response_pdu *pdu,
				     struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_ERR_FATAL_LOGIN;
	uint8_t asked = login->stage == LOGIN_STAGE_SECURITY ? LOGIN_STAGE_OPERATIONAL :
							       LOGIN_STAGE_FULL_FEATURE;
	bool transit = login->transit && !login->out;	/* as the last request had it */

	if (pdu->version_active)
		return iscsi_fail(why, err, "the target chose protocol version %u, we speak 0",
				  pdu->version_active);
	if (pdu->csg != login->stage)
		return iscsi_fail(why, err,
				  "the target answers in login stage %u, we are in %u",
				  pdu->csg, login->stage);
	if (pdu->cont && pdu->transit)
		return iscsi_fail(why, err,
				  "the target ends login stage %u in the middle of a text",
				  pdu->csg);
	if (pdu->transit && !transit)
		return iscsi_fail(why, err,
				  "the target ends login stage %u without being asked",
				  pdu->csg);
	if (pdu->transit && pdu->nsg != asked)
		return iscsi_fail(why, err,
				  "the target goes from login stage %u to %u, not to %u",
				  pdu->csg, pdu->nsg, asked);
	if (login->out && pdu->data_len)
		return iscsi_fail(why, err, "the target answers before our text is complete");
	return ISCSI_SUCCESS;
}

/* Adds a piece to a text of several responses (6.2). */
static enum iscsi_err add_piece(struct login *login, const uint8_t *data, size_t len,
				struct iscsi_why *why)
{
	if (login->in_len + len > LOGIN_TEXT_MAX)
		return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
				  "the target's text is longer than %d bytes", LOGIN_TEXT_MAX);
	if (!login->in)
		login->in = malloc(LOGIN_TEXT_MAX);
	if (!login->in)
		return iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory for the target's text");
	if (len)
		memcpy(login->in + login->in_len, data, len);
	login->in_len += len;
	return ISCSI_SUCCESS;
}

/* In the security stage, after a complete text: makes our next text, or ends the stage. */
static enum iscsi_err next_of_security(const struct step *step)
{
	struct login *login = step->login;
	struct iscsi_why *why = step->why;
	char buf[512];
	struct text_writer text;
	enum iscsi_err err = ISCSI_SUCCESS;
	bool last = false;

	text_writer_init(&text, buf, sizeof(buf));
	if (login->auth == AUTH_CHAP)
		err = chap_step(login->chap, &text, &last, why);
	if (err)
		return err;

	if (step->transit) {
		bool mutual = chap_mutual(&login->config.chap);

		if (login->auth == AUTH_CHAP_CHOSEN ||
		    (login->auth == AUTH_CHAP && !chap_complete(login->chap)))
			return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
					  "the target ends the security stage before %s",
					  mutual ? "it has authenticated itself" :
						   "CHAP is done, as one does that asks for no CHAP");
		login->outcome.auth_skipped = login->auth == AUTH_OFFERED ||
			(login->auth == AUTH_NONE && chap_wanted(&login->config.chap));
		return begin_operational(step);
	}

	if (login->auth == AUTH_CHAP_CHOSEN) {
		login->auth = AUTH_CHAP;
		err = chap_write_algorithms(login->chap, &text, why);
		if (err)
			return err;
	}
	login->transit = login->auth == AUTH_CHAP ? last : !chap_mutual(&login->config.chap);
	return send_writer(step, &text);
}

/* Handles a checked response. *@done is set when full feature phase begins. */
static enum iscsi_err take_login_response(const struct step *step,
					  const struct login_response_pdu *pdu, const uint8_t *data,
					  bool *done)
{
	struct login *login = step->login;
	const char *text = (const char *)data;
	size_t len = pdu->data_len;
	enum iscsi_err err;

	login->exp_stat_sn = pdu->stat_sn + 1;
	if (login->out) {
		send_rest(step);
		return ISCSI_SUCCESS;
	}
	if (pdu->cont || login->in) {
		err = add_piece(login, data, len, step->why);
		if (err)
			return err;
		if (pdu->cont) {
			login->transit = false;
			return ISCSI_SUCCESS;
		}
		text = login->in;
		len = login->in_len;
	}
	err = take_text(step, text, len);
	free(login->in);
	login->in = NULL;
	login->in_len = 0;
	if (err)
		return err;
	if (login->stage == LOGIN_STAGE_SECURITY)
		return next_of_security(step);

	login->transit = true;
	if (!step->transit)
		return ISCSI_SUCCESS;
	err = negotiation_finish(login->negotiation, &login->outcome.agreed, step->why);
	if (err)
		return err;
	/*
	 * A new session learns its TSIH from the final response alone (11.13.3). A TSIH of 0 is
	 * against the rules, but the session works.
	 */
	login->outcome.tsih = pdu->tsih;
	login->outcome.exp_stat_sn = login->exp_stat_sn;
	login->outcome.status_class = login->outcome.status_detail = 0;
	*done = true;
	return ISCSI_SUCCESS;
}

/* Limits the exchanges with a target that never ends the phase. */
static enum iscsi_err count_round(struct login *login, struct iscsi_why *why)
{
	login->answered = true;
	if (++login->stage_rounds <= LOGIN_STAGE_ROUNDS_MAX)
		return ISCSI_SUCCESS;
	return iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
			  "the target doesn't end login stage %u after %u exchanges",
			  login->stage, login->stage_rounds);
}

static enum login_result login_end(struct login *login, enum login_result result)
{
	login->running = false;
	login_drop_text(login);
	return result;
}

static enum login_result login_failed(struct login *login, enum iscsi_err err,
				      enum iscsi_err *ret)
{
	if (err == ISCSI_ERR_NOMEM)
		login->outcome.retry = true;
	*ret = err;
	return login_end(login, LOGIN_FAILED);
}

enum login_result login_start(struct login *login, const struct login_config *config,
			      struct login_pdu *request, enum iscsi_err *err,
			      struct iscsi_why *why)
{
	struct step step = { .login = login, .request = request, .why = why };
	enum iscsi_err r;

	login_drop_text(login);
	*login = (struct login){
		.config = *config,
		.outcome = { .tpgt = ISCSI_TPGT_UNKNOWN, .status_class = 0xff },
		.running = true,
		.exp_stat_sn = config->exp_stat_sn,
		.negotiation = login->negotiation,
		.chap = login->chap,
	};
	request->data_len = 0;
	r = first_request(&step);
	if (r)
		return login_failed(login, r, err);
	finish_request(login, request);
	return LOGIN_SEND;
}

enum login_result login_step(struct login *login, const uint8_t bhs[PDU_BHS_LEN],
			     const uint8_t *data, size_t data_len,
			     struct login_pdu *request, enum iscsi_err *err,
			     struct iscsi_why *why)
{
	struct step step = { .login = login, .request = request, .why = why };
	struct login_response_pdu pdu;
	enum iscsi_err r;
	bool done = false;

	request->data_len = 0;
	if (!login->running) {
		*err = iscsi_fail(why, ISCSI_ERR_INTERNAL, "no login is under way");
		return LOGIN_FAILED;
	}
	r = pdu_parse_login_response(bhs, &pdu, why);
	if (!r && pdu.data_len > data_len)
		r = iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
			       "a Login Response of %u bytes of text came with %zu",
			       pdu.data_len, data_len);
	/* On a normal session the kernel sets and checks the tag. */
	if (!r && login->config.discovery && pdu.itt != LOGIN_ITT)
		r = iscsi_fail(why, ISCSI_ERR_FATAL_LOGIN,
			       "got a Login Response with another task tag than the request's");
	if (!r && pdu.status_class) {
		bool skipped = login->stage == LOGIN_STAGE_OPERATIONAL && !login->answered;

		r = take_status(login, &pdu, data, why);
		if (r == ISCSI_ERR_LOGIN_AUTH_FAILED && pdu.status_detail == 1 && skipped) {
			*err = ISCSI_SUCCESS;
			return login_end(login, LOGIN_AGAIN);
		}
		if (login->outcome.moved_to_len) {
			*err = ISCSI_SUCCESS;
			return login_end(login, LOGIN_MOVED);
		}
	}
	if (!r)
		r = check_response(login, &pdu, why);
	if (!r)
		r = count_round(login, why);
	if (!r) {
		step.transit = pdu.transit;
		r = take_login_response(&step, &pdu, data, &done);
	}
	if (r)
		return login_failed(login, r, err);
	if (done) {
		*err = ISCSI_SUCCESS;
		return login_end(login, LOGIN_DONE);
	}
	finish_request(login, request);
	return LOGIN_SEND;
}
