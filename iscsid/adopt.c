/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A starting daemon finds out about the kernel's sessions, see adopt.h. */
#include "iscsid/adopt.h"

#include "iscsid/base/log.h"
#include "iscsid/message/mgmt_msg.h"
#include "libiscsi-db/util.h"

#define TIME2WAIT_DEFAULT_S	2	/* RFC 7143, 13.15 */

struct adoption {
	struct sysfs *sysfs;
	int run_dir_fd;
	const char *db_root, *config_path;
	const struct iscsi_db_initiator *initiator;
	struct iscsi_db *db;		/* NULL: no database can be read */
	bool db_opened;			/* once the record of a session was wanted */
};

struct adoption *adopt_begin(struct sysfs *sysfs, int run_dir_fd, const char *db_root,
			     const char *config_path, const struct iscsi_db_initiator *initiator)
{
	struct adoption *adoption = calloc(1, sizeof(*adoption));

	if (adoption)
		*adoption = (struct adoption){
			.sysfs = sysfs, .run_dir_fd = run_dir_fd, .db_root = db_root,
			.config_path = config_path, .initiator = initiator,
		};
	return adoption;
}

void adopt_end(struct adoption *adoption)
{
	iscsi_db_close(adoption->db);
	free(adoption);
}

/* Names, addresses and time-outs that the kernel shows are newer than those of any record. */
static void merge_kernel(struct iscsi_db_record *rec, const struct sysfs_session *found)
{
	const struct { const char *key, *value; } texts[] = {
		{ "node.name", found->target },
		{ "node.conn[0].address", found->persistent_address },
		{ "iface.iscsi_ifacename", found->iface },
		{ "iface.initiatorname", found->initiator },
		{ "node.session.auth.username", found->username },
		{ "node.session.auth.password", found->password },
		{ "node.session.auth.username_in", found->username_in },
		{ "node.session.auth.password_in", found->password_in },
	};
	const struct { const char *key; int value; } numbers[] = {
		{ "node.tpgt", found->tpgt },
		{ "node.conn[0].port", found->persistent_port },
		{ "node.session.timeo.replacement_timeout", found->recovery_tmo },
		{ "node.session.err_timeo.abort_timeout", found->abort_tmo },
		{ "node.session.err_timeo.lu_reset_timeout", found->lu_reset_tmo },
		{ "node.session.err_timeo.tgt_reset_timeout", found->tgt_reset_tmo },
		{ "node.conn[0].timeo.noop_out_interval", found->recv_tmo },
		{ "node.conn[0].timeo.noop_out_timeout", found->ping_tmo },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (*texts[i].value)
			(void)iscsi_db_record_set(rec, texts[i].key, texts[i].value, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value != SYSFS_UNSET)
			(void)record_set_int(rec, numbers[i].key, numbers[i].value, NULL);
}

static enum iscsi_err take_first(void *arg, const struct iscsi_db_record *rec)
{
	struct iscsi_db_record **ret = arg;

	return *ret ? ISCSI_SUCCESS : iscsi_db_record_copy(rec, ret);
}

static struct iscsi_db_record *record_from_db(struct adoption *adoption,
					      const struct sysfs_session *found)
{
	struct iscsi_db_filter filter = {
		.target = found->target, .address = found->persistent_address,
		.port = found->persistent_port, .iface = *found->iface ? found->iface : NULL,
	};
	struct iscsi_db_record *rec = NULL;
	struct iscsi_why why;

	if (!adoption->db_opened && iscsi_db_open(adoption->db_root, &adoption->db, &why))
		log_info("taking sessions over without a database: %s", why.text);
	adoption->db_opened = true;
	if (adoption->db)
		(void)iscsi_db_node_each(adoption->db, &filter, NULL, NULL, take_first, &rec, NULL);
	return rec;
}

/*
 * A login in a boot leaves it to the daemon when a connection that doesn't answer is given up. The
 * node record says so, or without a record iscsid.conf.
 */
static void take_ping_times(struct adoption *adoption, const struct sysfs_session *found,
			    struct iscsi_db_record *rec)
{
	static const char *const keys[] = {
		"node.conn[0].timeo.noop_out_interval", "node.conn[0].timeo.noop_out_timeout",
	};
	struct iscsi_db_record *from = record_from_db(adoption, found);
	struct iscsi_db_config *config = NULL;

	if (!from && !iscsi_db_record_new(ISCSI_DB_NODE, &from) &&
	    !iscsi_db_config_read(adoption->config_path, NULL, NULL, &config, NULL))
		(void)iscsi_db_config_apply(config, from);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && from; i++)
		(void)iscsi_db_record_set(rec, keys[i], iscsi_db_record_get(from, keys[i]), NULL);
	iscsi_db_record_free(from);
	iscsi_db_config_free(config);
}

/* A note counts only for its own session: after a reboot another session may have its sid. */
static bool load_note(struct adoption *adoption, const struct sysfs_session *found,
		      struct runstate *state)
{
	if (runstate_load(adoption->run_dir_fd, found->sid, state) < 0)
		return false;
	if (streq(iscsi_db_record_get(state->rec, "node.name"), found->target) &&
	    streq(iscsi_db_record_get(state->rec, "node.conn[0].address"),
		  found->persistent_address) &&
	    iscsi_db_record_get_int(state->rec, "node.conn[0].port") == found->persistent_port &&
	    streq(iscsi_db_record_get(state->rec, "iface.iscsi_ifacename"), found->iface))
		return true;
	iscsi_db_record_free(state->rec);
	*state = (struct runstate){ 0 };
	return false;
}

/* ---- what is done about a session --------------------------------------------------------- */

#define NO_NOTE		(1u << RUNSTATE_NO_NOTE)
#define SCAN_DUE	(1u << RUNSTATE_SCAN_DUE)
#define SETTLED		(1u << RUNSTATE_SETTLED)
#define ENDING		(1u << RUNSTATE_ENDING)
#define RELOGIN		(1u << RUNSTATE_RELOGIN)
#define ANY_NOTE	(~0u)

#define GO_ON(state_)	{ .result = ADOPT_YES, .state = (state_) }
#define FINISH(state_)	{ .result = ADOPT_YES, .state = (state_), .unfinished = true }
#define REMOVE		{ .result = ADOPT_NEVER_UP }

/*
 * The dead daemon may have been killed between any two of its steps. The first row that fits
 * counts. The kernel makes target_state UNBINDING and UNBOUND only for a logout. After a Logout PDU
 * it shows the connection as before, but carries no more I/O and tells no loss. A login gets its
 * note as soon as it has succeeded, so a session that is down and has no note and no scan behind
 * it never served anybody: its client was told that the daemon died.
 */
static const struct {
	bool up;			/* the connection is in full feature phase */
	const char *target_state;	/* NULL: any; Linux before 6.2 may show none */
	unsigned int phases;		/* of our note */
	struct adopt_verdict verdict;
} rows[] = {
	{ true,  "UNBINDING", ANY_NOTE,		  GO_ON(SESSION_UNBINDING) },
	{ true,  "UNBOUND",   ANY_NOTE,		  GO_ON(SESSION_LOGGING_OUT) },
	{ true,  NULL,	      ENDING,		  GO_ON(SESSION_UNBINDING) },
	{ true,  NULL,	      RELOGIN,		  FINISH(SESSION_FAILED) },
	{ true,  NULL,	      SETTLED,		  GO_ON(SESSION_LOGGED_IN) },
	{ true,  "SCANNED",   NO_NOTE,		  GO_ON(SESSION_LOGGED_IN) },
	{ true,  NULL,	      SCAN_DUE | NO_NOTE, FINISH(SESSION_LOGGED_IN) },

	{ false, "UNBINDING", ANY_NOTE,		  FINISH(SESSION_ENDING) },
	{ false, "UNBOUND",   ANY_NOTE,		  GO_ON(SESSION_ENDING) },
	{ false, NULL,	      ENDING,		  FINISH(SESSION_ENDING) },
	{ false, "ALLOCATED", NO_NOTE,		  REMOVE },
	{ false, NULL,	      SETTLED | NO_NOTE,  GO_ON(SESSION_FAILED) },
	{ false, NULL,	      SCAN_DUE | RELOGIN, FINISH(SESSION_FAILED) },
};

static struct adopt_verdict adopt_judge(const struct sysfs_session *found, enum runstate_phase phase)
{
	bool up = streq(found->conn_state, "up") && streq(found->state, "LOGGED_IN");
	size_t i = 0;

	/* Without a target's name the first login hadn't even begun. */
	if (!*found->target && !up)
		return (struct adopt_verdict)REMOVE;
	while (!(rows[i].up == up && rows[i].phases & (1u << phase) &&
		 (!rows[i].target_state || streq(rows[i].target_state, found->target_state))))
		i++;
	return rows[i].verdict;
}

/* ADOPT_YES: everything is read; the table has the last word. */
static enum adopt_result read_one(struct adoption *adoption, unsigned int sid,
				  struct sysfs_session *found, struct session_config **config,
				  struct runstate *note, struct iscsi_why *why)
{
	struct iscsi_db_initiator initiator = *adoption->initiator;
	struct iscsi_db_record *rec;
	bool noted;

	if (sysfs_read_session(adoption->sysfs, sid, SYSFS_DETAIL_ALL, found))
		return ADOPT_NOT_OURS;		/* the session has gone meanwhile */
	if (found->creator == -1 || !streq(found->transport, "tcp"))
		return ADOPT_NOT_OURS;
	noted = load_note(adoption, found, note);
	if (adopt_judge(found, note->phase).result == ADOPT_NEVER_UP) {
		iscsi_db_record_free(note->rec);
		return ADOPT_NEVER_UP;
	}
	rec = noted ? note->rec : record_from_db(adoption, found);
	note->rec = NULL;
	if (!rec && iscsi_db_record_new(ISCSI_DB_NODE, &rec)) {
		(void)iscsi_fail(why, ISCSI_ERR_NOMEM, "no memory");
		return ADOPT_FAILED;
	}
	if (!noted) {
		merge_kernel(rec, found);
		note->time2wait_s = TIME2WAIT_DEFAULT_S;
	}
	if (found->ping_tmo == BOOT_NOOP_OUT_TIMEOUT_S)
		take_ping_times(adoption, found, rec);
	/* The session logs in again under the name of its first login, even if the file has changed. */
	if (*found->initiator)
		(void)snprintf(initiator.name, sizeof(initiator.name), "%.*s", ISCSI_NAME_MAX,
			       found->initiator);
	if (session_config_adopt(rec, &initiator, adoption->sysfs, NULL, NULL, config, why)) {
		iscsi_db_record_free(rec);
		return ADOPT_FAILED;
	}
	return ADOPT_YES;
}

struct adopt_verdict adopt_read(struct adoption *adoption, unsigned int sid,
				struct sysfs_session *found, struct session_config **config,
				struct runstate *note, struct iscsi_why *why)
{
	struct adopt_verdict verdict = { 0 };

	*note = (struct runstate){ 0 };
	verdict.result = read_one(adoption, sid, found, config, note, why);
	if (verdict.result == ADOPT_YES)
		verdict = adopt_judge(found, note->phase);
	else
		explicit_bzero(found, sizeof(*found));
	return verdict;
}
