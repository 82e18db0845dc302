/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_ops in memory, see kernel.h. It refuses what the real one refuses. */
#include "test/fake/kernel.h"

#include <stdarg.h>

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

static enum iscsi_err fake_create_session(struct kernel *kernel,
					  const struct kernel_session_args *args, uint32_t *sid,
					  int *host_no, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);

	if (fails(fake) || args->cmds_max < 16 || fake->last_sid + 1 >= FAKE_SESSIONS)
		return fail(why);
	*sid = ++fake->last_sid;
	*host_no = (int)*sid - 1;
	fake->session[*sid] = (struct fake_session){ .exists = true };
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
	for (size_t i = 0; i < args->params->len; i++)
		if (args->params->param[i].id == KERNEL_TARGET_NAME)
			(void)snprintf(s->targetname, sizeof(s->targetname), "%s",
				       args->params->param[i].text);
	s->bound = true;
	s->binds++;
	keep_pdu(s, args->bhs, args->data, args->data_len);
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
	note(fake, "pdu %02x", bhs[0]);
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
	note(fake, "start %u", sid);
	return ISCSI_SUCCESS;
}

static enum iscsi_err fake_stop_conn(struct kernel *kernel, uint32_t sid, struct iscsi_why *why)
{
	struct fake_kernel *fake = fake_of(kernel);
	struct fake_session *s = &fake->session[sid];

	if (fails(fake) || !s->has_conn)
		return fail(why);
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
	*s = (struct fake_session){ 0 };
	note(fake, "destroy %u", sid);
	return ISCSI_SUCCESS;
}

static const struct kernel_ops fake_ops = {
	.create_session		= fake_create_session,
	.bind_conn		= fake_bind_conn,
	.send_pdu		= fake_send_pdu,
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
