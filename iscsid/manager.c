/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The owner of everything, see manager.h. */
#include "iscsid/manager.h"

#include "iscsid/adopt.h"
#include "iscsid/base/index.h"
#include "iscsid/base/log.h"
#include "iscsid/kernel/inuse.h"
#include "iscsid/turns.h"
#include "libiscsi-db/util.h"

struct manager {
	const struct manager_env *given;
	struct kernel *kernel;
	struct iscsi_db_initiator initiator;
	bool safe_logout;
	uint32_t last_number;
	struct login_pdu scratch;
	struct chap_issued issued;
	struct session_env env;
	struct discovery_env discovery_env;
	struct index by_sid;		/* sessions that the kernel knows */
	struct index by_node;		/* all of them, by the hash of the target's name */
	struct portals portals;		/* that they share: see turns.h */
	/* Linked lists of what is freed once its callback has returned. */
	struct session *ended;
	struct discovery *discarded;
	sd_event_source *sweep;
};

/* ---- the sessions ------------------------------------------------------------------------------- */

static uint64_t node_hash(const struct session *session)
{
	return index_hash(session_config(session)->target);
}

struct session *manager_find(struct manager *manager, uint32_t sid)
{
	struct index_node *node = index_find(&manager->by_sid, sid, NULL);

	return node ? node->object : NULL;
}

void **manager_sessions(struct manager *manager, size_t *ret_len)
{
	return index_objects(&manager->by_sid, ret_len);
}

void **manager_all(struct manager *manager, size_t *ret_len)
{
	return index_objects(&manager->by_node, ret_len);
}

static int manager_on_created(void *arg, struct session *session, uint32_t sid)
{
	struct manager *manager = arg;

	return index_add(&manager->by_sid, sid, session);
}

static void manager_on_uncreated(void *arg, struct session *session, uint32_t sid)
{
	struct manager *manager = arg;

	index_remove(&manager->by_sid, sid, session);
}

static void forget_session(struct manager *manager, struct session *session)
{
	index_remove(&manager->by_sid, session_sid(session), session);
	index_remove(&manager->by_node, node_hash(session), session);
}

/* Two records may name one portal by its address and by its name, which is looked up by now. */
static bool manager_has_twin(void *arg, const struct session *session, struct iscsi_why *why)
{
	const struct session_config *config = session_config(session), *twin = NULL;
	int wanted = iscsi_db_record_get_int(config->rec, "node.session.nr_sessions");
	struct manager *manager = arg;
	struct index_node *node = NULL;

	while ((node = index_find(&manager->by_node, node_hash(session), node))) {
		const struct session_config *other = session_config(node->object);

		if (node->object == session || session_state(node->object) == SESSION_ENDING ||
		    !streq(other->target, config->target) || !streq(other->iface, config->iface) ||
		    memcmp(session_portal(node->object), session_portal(session),
			   sizeof(struct sockaddr_storage)))
			continue;
		wanted--;
		if (!streq(other->address, config->address))
			twin = other;
	}
	if (!twin || wanted > 0)
		return false;
	(void)iscsi_fail(why, ISCSI_ERR_SESS_EXISTS, "%s,%d is the same portal as %s,%d, which has "
			 "a session or a login under way", config->address, config->port,
			 twin->address, twin->port);
	return true;
}

static void manager_on_ended(void *arg, struct session *session)
{
	struct manager *manager = arg;

	forget_session(manager, session);
	*session_next(session) = manager->ended;
	manager->ended = session;
	(void)sd_event_source_set_enabled(manager->sweep, SD_EVENT_ONESHOT);
}

void manager_discard(struct manager *manager, struct discovery *discovery)
{
	discovery_silence(discovery);
	*discovery_next(discovery) = manager->discarded;
	manager->discarded = discovery;
	(void)sd_event_source_set_enabled(manager->sweep, SD_EVENT_ONESHOT);
}

static int manager_on_sweep(sd_event_source *source, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	while (manager->ended) {
		struct session *session = manager->ended;

		manager->ended = *session_next(session);
		session_free(session);
	}
	while (manager->discarded) {
		struct discovery *discovery = manager->discarded;

		manager->discarded = *discovery_next(discovery);
		discovery_free(discovery);
	}
	return 0;
}

static bool same_node(const struct session_config *a, const struct session_config *b)
{
	return streq(a->target, b->target) && streq(a->address, b->address) &&
	       a->port == b->port && streq(a->iface, b->iface);
}

/* How many sessions a record has already, those on their way in included. */
static int count_sessions(struct manager *manager, const struct session_config *config)
{
	uint64_t hash = index_hash(config->target);
	struct index_node *node = NULL;
	int n = 0;

	while ((node = index_find(&manager->by_node, hash, node))) {
		const struct session_config *other = session_config(node->object);

		if (session_state(node->object) != SESSION_ENDING && same_node(other, config))
			n++;
	}
	return n;
}

static void warn_of_record(const struct iscsi_db_record *rec, const char *text)
{
	log_warning("%s %s: %s", iscsi_db_record_get(rec, "node.name"),
		    iscsi_db_record_get(rec, "node.conn[0].address"), text);
}

/* Whoever asks again and again for a session that is there gets no line for it in the log. */
static void keep_warning(void *arg, const char *text)
{
	struct iscsi_why *warnings = arg, before = *warnings;

	(void)iscsi_fail(warnings, ISCSI_ERR_INVAL, "%s%s%s", before.text, *before.text ? "; " : "",
			 text);
}

/* If the file has no usable name, a name that was read earlier is kept. */
static enum iscsi_err read_initiator(struct manager *manager, struct iscsi_why *why)
{
	struct iscsi_db_initiator initiator = { 0 };
	enum iscsi_err err = iscsi_db_initiator_read(manager->given->initiator_path, log_warn, NULL,
						     &initiator, why);

	if (err && *manager->initiator.name)
		return err;
	if (!*initiator.alias)
		(void)gethostname(initiator.alias, sizeof(initiator.alias));
	manager->initiator = initiator;
	return err;
}

/*
 * Fails if neither the interface in @rec (NULL: none) nor this host has an initiator name, with
 * the reason for the person who asked. The file is read again, since somebody may have mended it.
 */
static enum iscsi_err need_initiator(struct manager *manager, const struct iscsi_db_record *rec,
				     struct iscsi_why *why)
{
	const char *own = rec ? iscsi_db_record_get(rec, "iface.initiatorname") : NULL;

	if (*manager->initiator.name || (own && *own))
		return ISCSI_SUCCESS;
	return read_initiator(manager, why);
}

/* A login of the same node that is under way. NULL: none. */
static struct session *find_attempt(struct manager *manager, const struct session_config *config,
				    struct session_attempts *ret)
{
	struct index_node *node = NULL;

	while ((node = index_find(&manager->by_node, index_hash(config->target), node)))
		if (same_node(session_config(node->object), config) &&
		    session_attempts(node->object, ret))
			return node->object;
	return NULL;
}

static bool same_record(const struct iscsi_db_record *a, const struct iscsi_db_record *b)
{
	CLEANUP(secret_freep) char *text_a = iscsi_db_record_print(a, ISCSI_DB_FORM_FILE);
	CLEANUP(secret_freep) char *text_b = iscsi_db_record_print(b, ISCSI_DB_FORM_FILE);

	return text_a && text_b && streq(text_a, text_b);
}

/* @attempts: of a login under way that somebody waits for; NULL: there are sessions alone. */
static enum iscsi_err refuse_login(const struct session_attempts *attempts, int wanted, int present,
				   struct iscsi_why *why)
{
	if (attempts)
		return iscsi_fail(why, ISCSI_ERR_SESS_EXISTS, "a login with other settings is under "
				  "way since %u s; a logout calls it off",
				  (unsigned int)(attempts->since_us / 1000000));
	return iscsi_fail(why, ISCSI_ERR_SESS_EXISTS, "%d session%s requested, but %d already present",
			  wanted, wanted == 1 ? "" : "s", present);
}

/* Takes @config over, so the asker hears an error instead of the caller. */
static void begin_login(struct manager *manager, struct session_config *config,
			unsigned int flags, struct asker *asker, const struct iscsi_why *warning)
{
	struct session *session = session_new_login(&manager->env, config, asker);
	struct iscsi_why why;

	if (session && index_add(&manager->by_node, node_hash(session), session) == 0) {
		session_set_number(session, ++manager->last_number);
		if (*warning->text)
			warn_of_record(config->rec, warning->text);
		if (flags & MANAGER_WANTED)
			session_want(session);
		session_start(session);
	} else if (session) {
		session_free(session);		/* tells the asker */
	} else {
		asker->done(asker, iscsi_fail(&why, ISCSI_ERR_NOMEM, "no memory"), 0, &why);
	}
}

enum iscsi_err manager_login(struct manager *manager, struct iscsi_db_record *rec,
			     unsigned int flags, struct asker *asker, struct iscsi_why *why)
{
	struct session_config *config;
	struct session_attempts attempts = { .wanted = false };
	struct iscsi_why warning = { "" };
	struct session *session;
	enum iscsi_err err;
	int wanted, present;

	err = need_initiator(manager, rec, why);
	if (!err)
		err = session_config_new(rec, &manager->initiator, manager->given->sysfs,
					 keep_warning, &warning, &config, why);
	if (err)
		return err;
	wanted = iscsi_db_record_get_int(rec, "node.session.nr_sessions");
	present = count_sessions(manager, config);
	if (!(flags & MANAGER_ANOTHER) && present >= wanted) {
		session = flags & MANAGER_NEW_ONLY ? NULL :
			  find_attempt(manager, config, &attempts);
		if (session && same_record(session_config(session)->rec, rec)) {
			session_config_free(config);	/* the record with it */
			if (flags & MANAGER_WANTED)
				session_want(session);
			session_join(session, asker);
			return ISCSI_SUCCESS;
		}
		if (!attempts.wanted) {
			config->rec = NULL;		/* stays the caller's */
			session_config_free(config);
			return refuse_login(session ? &attempts : NULL, wanted, present, why);
		}
		/* The record has changed, so the login goes on with what it says now. */
		session_logout(session, NULL, "");
		flags |= MANAGER_WANTED;
	}
	begin_login(manager, config, flags, asker, &warning);
	return ISCSI_SUCCESS;
}

void manager_each_attempt(struct manager *manager,
			  void (*fn)(void *arg, uint32_t number, const struct session *session,
				     const struct session_attempts *attempts),
			  void *arg)
{
	size_t len;
	CLEANUP(freep) void **sessions = index_objects(&manager->by_node, &len);
	struct session_attempts attempts;

	for (size_t i = 0; i < len; i++)
		if (session_attempts(sessions[i], &attempts))
			fn(arg, session_number(sessions[i]), sessions[i], &attempts);
}

bool manager_call_off(struct manager *manager, uint32_t number, struct asker *asker)
{
	size_t len;
	CLEANUP(freep) void **sessions = index_objects(&manager->by_node, &len);
	struct session_attempts attempts;

	for (size_t i = 0; i < len; i++) {
		if (session_number(sessions[i]) != number ||
		    !session_attempts(sessions[i], &attempts))
			continue;
		session_logout(sessions[i], asker, "");
		return true;
	}
	return false;
}

static enum iscsi_err check_use(struct manager *manager, const struct session *session,
				enum inuse_by by, struct iscsi_why *why)
{
	return inuse_check(manager->given->sysfs, manager->given->proc, session_sid(session),
			   session_host_no(session), by, why);
}

enum iscsi_err manager_logout(struct manager *manager, uint32_t sid, uint32_t flags,
			      struct asker *asker, struct iscsi_why *why)
{
	struct session *session = manager_find(manager, sid);
	struct iscsi_why use = { "" };

	if (!session)
		return iscsi_fail(why, ISCSI_ERR_SESS_NOT_FOUND, "iscsid knows no session %u", sid);
	if (check_use(manager, session, INUSE_BY_ANY, &use)) {
		if (flags & MGMT_SPARE_USED || manager->safe_logout)
			return iscsi_fail(why, ISCSI_ERR_BUSY, "%s", use.text);
		if (check_use(manager, session, INUSE_BY_SYSTEM, why))
			return ISCSI_ERR_BUSY;
		if (session_state(session) == SESSION_FAILED && !(flags & MGMT_FORCE))
			return iscsi_fail(why, ISCSI_ERR_BUSY, "%s, and the target is away, so "
					  "writes that are still on the way would be lost; wait "
					  "for the target, or use --force", use.text);
	}
	session_logout(session, asker, use.text);
	return ISCSI_SUCCESS;
}

enum iscsi_err manager_discover(struct manager *manager, const struct iscsi_db_record *rec,
				const struct iscsi_db_record *iface,
				const struct discovery_owner *owner, struct discovery **ret,
				struct iscsi_why *why)
{
	enum iscsi_err err = need_initiator(manager, iface, why);

	return err ?: discovery_start(&manager->discovery_env, rec, iface,
					   &manager->initiator, owner, ret, why);
}

/* ---- what the kernel says ------------------------------------------------------------------------- */

static void manager_kernel_pdu(void *arg, uint32_t sid, const uint8_t *bhs, const uint8_t *data,
			       size_t len)
{
	session_pdu(manager_find(arg, sid), bhs, data, len);
}

static void manager_kernel_conn_error(void *arg, uint32_t sid, int error)
{
	session_conn_error(manager_find(arg, sid), error);
}

static void manager_kernel_unbound(void *arg, uint32_t sid)
{
	session_unbound(manager_find(arg, sid));
}

static void manager_kernel_destroyed(void *arg, uint32_t sid)
{
	session_destroyed(manager_find(arg, sid));
}

static void manager_kernel_lost_events(void *arg)
{
	struct manager *manager = arg;
	size_t len;
	CLEANUP(freep) void **sessions = index_objects(&manager->by_sid, &len);

	log_warning("the kernel's events came too fast; looking at every session");
	for (size_t i = 0; i < len; i++)	/* a session that ends here is freed later, from the loop */
		session_resync(sessions[i]);
}

const struct kernel_events manager_kernel_events = {
	.pdu		= manager_kernel_pdu,
	.conn_error	= manager_kernel_conn_error,
	.unbound	= manager_kernel_unbound,
	.destroyed	= manager_kernel_destroyed,
	.lost_events	= manager_kernel_lost_events,
};

void manager_network_changed(void *arg, const struct sockaddr_storage *neighbour)
{
	struct manager *manager = arg;
	size_t len;
	CLEANUP(freep) void **sessions = index_objects(&manager->by_node, &len);

	for (size_t i = 0; i < len; i++)
		session_network_changed(sessions[i], neighbour);
}

/* ---- sessions that are there already ---------------------------------------------------------------- */

static void manager_adopt_one(struct manager *manager, struct adoption *adoption, unsigned int sid)
{
	struct session_config *config;
	struct sysfs_session found;
	struct adopt_verdict verdict;
	struct session *session;
	struct runstate note;
	struct iscsi_why why;

	verdict = adopt_read(adoption, sid, &found, &config, &note, &why);
	switch (verdict.result) {
	case ADOPT_YES:
		break;
	case ADOPT_FAILED:
		log_warning("session %u: not taken over: %s", sid, why.text);
		return;
	case ADOPT_NOT_OURS:
		return;
	case ADOPT_NEVER_UP:	/* the daemon that began its login has died */
		log_notice("session %u: its login was never finished; removing it", sid);
		if (manager->kernel->ops->destroy_session(manager->kernel, sid, true, &why))
			log_warning("session %u: %s", sid, why.text);
		return;
	}
	session = session_new_adopted(&manager->env, config, &found, &note, verdict.state,
				      verdict.unfinished);
	explicit_bzero(&found, sizeof(found));
	if (!session || index_add(&manager->by_node, node_hash(session), session) < 0 ||
	    index_add(&manager->by_sid, sid, session) < 0) {
		log_error("session %u: not taken over: no memory", sid);
		if (session) {
			forget_session(manager, session);
			session_free(session);
		}
		return;
	}
	session_start(session);
}

/* The kernel's events are subscribed to already, so a change during adoption is told later. */
static void manager_adopt(struct manager *manager)
{
	CLEANUP(freep) unsigned int *sids = NULL;
	struct adoption *adoption;
	size_t len;

	if (sysfs_list_sessions(manager->given->sysfs, &sids, &len))
		return;
	runstate_sweep(manager->env.run_dir_fd, sids, len);
	adoption = adopt_begin(manager->given->sysfs, manager->env.run_dir_fd,
			       manager->given->db_root, manager->given->config_path,
			       &manager->initiator);
	if (!adoption)
		return;
	for (size_t i = 0; i < len; i++)
		manager_adopt_one(manager, adoption, sids[i]);
	adopt_end(adoption);
}

/* Goes on with the logins that the daemon before was still trying. */
static void manager_resume(struct manager *manager)
{
	int dir_fd = manager->env.run_dir_fd;
	size_t len;
	CLEANUP(freep) unsigned int *numbers = runstate_list_wanted(dir_fd, &len);

	if (len)	/* the numbers of new notes are others */
		manager->last_number = numbers[len - 1];
	for (size_t i = 0; i < len; i++) {
		struct asker *asker = asker_nobody();
		struct iscsi_db_record *rec = NULL;
		struct iscsi_why why = { "no memory" };
		enum iscsi_err err = ISCSI_ERR_NOMEM;

		if (asker && runstate_load_wanted(dir_fd, numbers[i], &rec) >= 0)
			err = manager_login(manager, rec, MANAGER_WANTED, asker, &why);
		if (err) {
			free(asker);
			iscsi_db_record_free(rec);
		}
		if (err && rec && err != ISCSI_ERR_SESS_EXISTS)
			log_warning("a login that is wanted can't go on: %s", why.text);
		runstate_remove_wanted(dir_fd, numbers[i]);
	}
}

/* ---- making, running, freeing ------------------------------------------------------------------------ */

static void read_own_settings(struct manager *manager)
{
	struct iscsi_db_config *config;
	const char *safe_logout;

	if (iscsi_db_config_read(manager->given->config_path, NULL, NULL, &config, NULL))
		return;
	safe_logout = iscsi_db_config_get(config, "iscsid.safe_logout");
	manager->safe_logout = safe_logout && streq(safe_logout, "Yes");
	iscsi_db_config_free(config);
}

void manager_reload(struct manager *manager)
{
	struct iscsi_why why;

	read_own_settings(manager);
	if (read_initiator(manager, &why))
		log_warning("%s; logins need an initiator name, unless their interface sets one",
			    why.text);
}

static bool manager_init(struct manager *manager)
{
	const struct manager_env *given = manager->given;

	if (sd_event_add_defer(given->loop, &manager->sweep, manager_on_sweep, manager) < 0)
		return false;
	manager->env = (struct session_env){
		.conn = {
			.loop = given->loop, .clock = given->clock, .random = given->random,
			.scratch = &manager->scratch, .issued = &manager->issued,
		},
		.sysfs = given->sysfs, .scan_pool = given->scan_pool,
		.resolver = given->resolver, .run_dir_fd = given->run_dir_fd,
		.portals = &manager->portals,
		.has_twin = manager_has_twin,
		.on_created = manager_on_created, .on_uncreated = manager_on_uncreated, .on_ended = manager_on_ended, .arg = manager,
	};
	manager->discovery_env = (struct discovery_env){
		.loop = given->loop, .clock = given->clock, .resolver = given->resolver,
		.sysfs = given->sysfs, .random = given->random, .issued = &manager->issued,
	};
	return true;
}

struct manager *manager_new(const struct manager_env *env)
{
	struct manager *manager = calloc(1, sizeof(*manager));

	if (!manager)
		return NULL;
	manager->given = env;
	if (!manager_init(manager))
		return manager_free(manager);
	manager_reload(manager);
	return manager;
}

void manager_start(struct manager *manager, struct kernel *kernel)
{
	manager->kernel = manager->env.conn.kernel = kernel;
	manager_adopt(manager);
	manager_resume(manager);
}

void manager_end_sessions(struct manager *manager)
{
	size_t len;
	CLEANUP(freep) void **sessions = index_objects(&manager->by_node, &len);

	for (size_t i = 0; i < len; i++)
		session_free(sessions[i]);
	index_done(&manager->by_sid);
	index_done(&manager->by_node);
}

struct manager *manager_free(struct manager *manager)
{
	if (!manager)
		return NULL;
	manager_end_sessions(manager);
	if (manager->sweep)
		(void)manager_on_sweep(manager->sweep, manager);
	sd_event_source_disable_unref(manager->sweep);
	index_done(&manager->portals.index);
	free(manager);
	return NULL;
}
