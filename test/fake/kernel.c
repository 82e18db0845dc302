/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_ops in memory, see kernel.h. It refuses what the real one refuses. */
#include "test/fake/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "iscsid/base/bytes.h"
#include "libiscsi-db/util.h"

static void note(struct fake_kernel *fake, const char *fmt, ...) PRINTF(2, 3);

static void note(struct fake_kernel *fake, const char *fmt, ...)
{
	size_t len = strlen(fake->log);
	va_list ap;

	if (len && len + 2 < sizeof(fake->log)) {
		strcat(fake->log, ", ");
		len += 2;
	}
	va_start(ap, fmt);
	(void)vsnprintf(fake->log + len, sizeof(fake->log) - len, fmt, ap);
	va_end(ap);
}

static struct fake_kernel *fake_of(struct kernel *kernel)
{
	return (struct fake_kernel *)kernel;
}

static bool fails(struct fake_kernel *fake)
{
	return ++fake->operations == fake->fail_at;
}

static enum iscsi_err fail(struct iscsi_why *why)
{
	return iscsi_fail(why, ISCSI_ERR_INTERNAL, "the fake kernel was told to fail");
}

/* ---- what it does by itself once it is attached ---------------------------------------- */

static int on_tell(sd_event_source *source, void *userdata)
{
	struct fake_kernel *fake = userdata;

	(void)source;
	while (fake->told_len) {
		struct fake_event event = fake->told[0];

		fake->told_len--;
		memmove(fake->told, fake->told + 1, fake->told_len * sizeof(event));
		if (!fake->events)
			continue;
		if (event.kind == FAKE_UNBOUND)
			fake->events->unbound(fake->arg, event.sid);
		else if (event.kind == FAKE_DESTROYED)
			fake->events->destroyed(fake->arg, event.sid);
		else
			fake->events->conn_error(fake->arg, event.sid, event.error);
	}
	return 0;
}

static void tell(struct fake_kernel *fake, struct fake_event event)
{
	if (!fake->loop || fake->told_len == ARRAY_SIZE(fake->told))
		return;
	fake->told[fake->told_len++] = event;
	(void)sd_event_source_set_enabled(fake->teller, SD_EVENT_ONESHOT);
}

void fake_kernel_tell_error(struct fake_kernel *fake, uint32_t sid, int error)
{
	tell(fake, (struct fake_event){ .sid = sid, .kind = FAKE_CONN_ERROR, .error = error });
}

static void let_go(struct fake_session *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	if (s->fd)
		(void)close(s->fd);
	s->fd = 0;
	s->got = 0;
}

static uint32_t sid_of(const struct fake_kernel *fake, const struct fake_session *s)
{
	return (uint32_t)(s - fake->session);
}

static int on_socket(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct fake_session *s = userdata;
	struct fake_kernel *fake = s->owner;
	uint32_t sid = sid_of(fake, s);
	size_t want = PDU_BHS_LEN, len = 0;
	ssize_t n;

	(void)source;
	(void)revents;
	if (s->got >= PDU_BHS_LEN) {
		len = get_be24(s->in + 5);
		want = PDU_BHS_LEN + pdu_padded(len);
	}
	if (s->got >= PDU_BHS_LEN && s->got == want) {
		s->got = 0;
		if (fake->events)
			fake->events->pdu(fake->arg, sid, s->in, s->in + PDU_BHS_LEN, len);
		return 0;
	}
	n = recv(fd, s->in + s->got, want - s->got, MSG_DONTWAIT);
	if (n > 0) {
		s->got += (size_t)n;
		if (s->got >= PDU_BHS_LEN)	/* it may be whole, with nothing more to come */
			return on_socket(source, fd, revents, userdata);
	} else if (n == 0 || errno != EAGAIN) {
		s->io = sd_event_source_disable_unref(s->io);
		s->cleanup_due = true;
		fake_kernel_tell_error(fake, sid, 1020);
	}
	return 0;
}

static void carry(struct fake_session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	uint8_t out[PDU_BHS_LEN + 16384] = { 0 };

	if (!s->fd)
		return;
	memcpy(out, bhs, PDU_BHS_LEN);
	put_be24(out + 5, (uint32_t)len);
	if (len)
		memcpy(out + PDU_BHS_LEN, data, len);
	(void)!send(s->fd, out, PDU_BHS_LEN + pdu_padded(len), MSG_NOSIGNAL);
}

static bool take_socket(struct fake_kernel *fake, struct fake_session *s, int fd)
{
	if (!fake->loop)
		return true;
	let_go(s);
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return s->fd > 0 &&
	       sd_event_add_io(fake->loop, &s->io, s->fd, EPOLLIN, on_socket, s) >= 0;
}

/* A session as it is after its first login. */
static void show_new(struct fake_kernel *fake, struct fake_session *s)
{
	char path[64], text[16];

	fake_sysfs_add_session(fake->fs, sid_of(fake, s), (unsigned int)s->host_no, s->targetname,
			       s->address, s->port);
	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u/recovery_tmo",
		       sid_of(fake, s));
	(void)snprintf(text, sizeof(text), "%d\n", s->recovery_tmo);
	fake_sysfs_set(fake->fs, path, s->recovery_tmo < 0 ? "off\n" : text);
	s->shown = true;
}

static void show(struct fake_kernel *fake, struct fake_session *s, const char *state)
{
	char path[64];

	if (!fake->fs)
		return;
	if (!s->shown)
		show_new(fake, s);
	(void)snprintf(path, sizeof(path), "class/iscsi_connection/connection%u:0/state",
		       sid_of(fake, s));
	fake_sysfs_set(fake->fs, path, state);
	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u/state",
		       sid_of(fake, s));
	fake_sysfs_set(fake->fs, path, streq(state, "up\n") ? "LOGGED_IN\n" : "FAILED\n");
}

static void hide(struct fake_kernel *fake, struct fake_session *s)
{
	if (s->shown)
		fake_sysfs_remove_session(fake->fs, sid_of(fake, s), (unsigned int)s->host_no);
	s->shown = false;
}

void fake_kernel_attach(struct fake_kernel *fake, sd_event *loop, struct fake_sysfs *fs)
{
	fake->loop = loop;
	fake->fs = fs;
	if (sd_event_add_defer(loop, &fake->teller, on_tell, fake) < 0)
		abort();
	(void)sd_event_source_set_enabled(fake->teller, SD_EVENT_OFF);
}

void fake_kernel_subscribe(struct fake_kernel *fake, const struct kernel_events *events,
			   void *arg)
{
	fake->events = events;
	fake->arg = arg;
}

void fake_kernel_done(struct fake_kernel *fake)
{
	for (size_t i = 0; i < FAKE_SESSIONS; i++)
		let_go(&fake->session[i]);
	fake->teller = sd_event_source_disable_unref(fake->teller);
}

/* ---- the operations ---------------------------------------------------------------------- */

static enum iscsi_err fake_create_session(struct kernel *kernel,
					  const struct kernel_session_args *args, uint32_t *sid,
					  int *host_no, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);

	if (fails(fake) || args->cmds_max < 16 || fake->last_sid + 1 >= FAKE_SESSIONS)
		return fail(why);
	*sid = ++fake->last_sid;
	*host_no = (int)*sid - 1;
	fake->session[*sid] = (struct fake_session){
		.exists = true, .owner = fake, .host_no = *host_no,
	};
	note(fake, "create %u", *sid);
	return ISCSI_SUCCESS;
}

static void keep_pdu(struct fake_session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	memcpy(s->last_bhs, bhs, PDU_BHS_LEN);
	memcpy(s->last_text, data ? (const char *)data : "", len);
	s->last_text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!s->last_text[i])
			s->last_text[i] = '\n';
}

static enum iscsi_err fake_bind_conn(struct kernel *kernel, const struct kernel_bind_args *args,
				     struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[args->sid];

	if (args->create)
		s->has_conn = true;
	if (fails(fake) || !s->exists || !s->has_conn || s->bound || s->cleanup_due)
		return fail(why);
	if (!take_socket(fake, s, args->fd))
		return fail(why);
	for (size_t i = 0; i < args->params->len; i++) {
		const struct kernel_param *p = &args->params->param[i];

		if (p->id == KERNEL_TARGET_NAME)
			(void)snprintf(s->targetname, sizeof(s->targetname), "%s", p->text);
		else if (p->id == KERNEL_PERSISTENT_ADDRESS)
			(void)snprintf(s->address, sizeof(s->address), "%s", p->text);
		else if (p->id == KERNEL_PERSISTENT_PORT)
			s->port = atoi(p->number);
		else if (p->id == KERNEL_RECOVERY_TMO)
			s->recovery_tmo = atoi(p->number);
	}
	s->bound = true;
	s->binds++;
	keep_pdu(s, args->bhs, args->data, args->data_len);
	carry(s, args->bhs, args->data, args->data_len);
	note(fake, "bind %u", args->sid);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_send_pdu(struct kernel *kernel, uint32_t sid, const uint8_t *bhs,
				    const uint8_t *data, size_t data_len, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->bound || s->cleanup_due)
		return fail(why);
	keep_pdu(s, bhs, data, data_len);
	carry(s, bhs, data, data_len);
	note(fake, "pdu %02x", bhs[0]);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_set_params(struct kernel *kernel, uint32_t sid,
				      const struct kernel_params *params, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->bound || s->cleanup_due || !params->len)
		return fail(why);
	for (size_t i = 0; i < params->len; i++)
		note(fake, "set %u=%s", params->param[i].id, params->param[i].number);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_start_conn(struct kernel *kernel, uint32_t sid,
				      const struct kernel_params *params, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->bound || s->cleanup_due || !params->len)
		return fail(why);
	s->up = true;
	s->starts++;
	show(fake, s, "up\n");
	note(fake, "start %u", sid);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_stop_conn(struct kernel *kernel, uint32_t sid, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->has_conn)
		return fail(why);
	if (s->fd)
		(void)shutdown(s->fd, SHUT_RDWR);
	let_go(s);
	if (s->shown)
		show(fake, s, "failed\n");
	s->bound = s->up = s->cleanup_due = false;
	note(fake, "stop %u", sid);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_unbind_session(struct kernel *kernel, uint32_t sid,
					  struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);

	if (fails(fake) || !fake->session[sid].exists)
		return fail(why);
	note(fake, "unbind %u", sid);
	if (!fake->keeps_luns)
		tell(fake, (struct fake_event){ .sid = sid, .kind = FAKE_UNBOUND });
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_get_stats(struct kernel *kernel, uint32_t sid,
				     struct kernel_stat *stats, size_t *len,
				     struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);

	if (fails(fake) || !fake->session[sid].has_conn)
		return fail(why);
	note(fake, "stats %u", sid);
	stats[0] = (struct kernel_stat){ .name = "txdata_octets", .value = 48 };
	*len = 1;
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_destroy_session(struct kernel *kernel, uint32_t sid, bool has_conn,
					   struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->exists || (s->has_conn && !has_conn))
		return fail(why);
	note(fake, "destroy %u", sid);
	if (fake->keeps_sessions)
		return ISCSI_SUCCESS;
	let_go(s);
	hide(fake, s);
	*s = (struct fake_session){ 0 };
	tell(fake, (struct fake_event){ .sid = sid, .kind = FAKE_DESTROYED });
	return ISCSI_SUCCESS;
}

static const struct kernel_ops fake_ops = {
	.create_session		= fake_create_session,
	.bind_conn		= fake_bind_conn,
	.send_pdu		= fake_send_pdu,
	.set_params		= fake_set_params,
	.start_conn		= fake_start_conn,
	.stop_conn		= fake_stop_conn,
	.unbind_session		= fake_unbind_session,
	.get_stats		= fake_get_stats,
	.destroy_session	= fake_destroy_session,
};

void fake_kernel_init(struct fake_kernel *fake)
{
	*fake = (struct fake_kernel){ .kernel.ops = &fake_ops };
}

void fake_kernel_break(struct fake_kernel *fake, uint32_t sid)
{
	fake->session[sid].cleanup_due = true;
}
