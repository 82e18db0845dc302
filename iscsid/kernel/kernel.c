/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by all implementations of kernel_ops: lists of parameters and the words for errors. */
#include "iscsid/kernel/kernel.h"

#include <assert.h>
#include <inttypes.h>

#include "libiscsi-db/util.h"

static struct kernel_param *params_add(struct kernel_params *params, enum kernel_param_id id)
{
	struct kernel_param *p;

	assert(params->len < ARRAY_SIZE(params->param));
	p = &params->param[params->len++];
	p->id = id;
	p->text = NULL;
	return p;
}

void kernel_params_text(struct kernel_params *params, enum kernel_param_id id, const char *text)
{
	if (text && *text)
		params_add(params, id)->text = text;
}

void kernel_params_number(struct kernel_params *params, enum kernel_param_id id, int64_t n)
{
	struct kernel_param *p = params_add(params, id);

	(void)snprintf(p->number, sizeof(p->number), "%" PRId64, n);
}

/* enum iscsi_err of the kernel's scsi/iscsi_if.h, from 1001 on. */
static const char *const conn_errors[] = {
	"unexpected DataSN", "data outside the command", "bad MaxCmdSN", "bad ExpCmdSN",
	"unknown opcode", "data segment too long", "additional header segment too long",
	"protocol error", "bad LUN", "unknown task tag", "connection failed",
	"unexpected R2TSN", "session failed", "header digest mismatch", "data digest mismatch",
	"unknown parameter", "no such SCSI command", "SCSI host is going away",
	"sending failed", "target closed the connection", "SCSI error handling gave up",
	"no answer to a NOP-Out ping",
};

const char *kernel_conn_error_text(int error)
{
	int i = error - 1001;

	return i >= 0 && i < (int)ARRAY_SIZE(conn_errors) ? conn_errors[i] : "unknown error";
}
