/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsiadm: the command by which people and programs use the initiator. Sets up the process,
 * has the command line parsed, runs one mode, and turns its result into the exit status. Start
 * reading here, then options.c, then the mode of interest.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "iscsiadm/mode_discovery.h"
#include "iscsiadm/mode_fw.h"
#include "iscsiadm/mode_host.h"
#include "iscsiadm/mode_iface.h"
#include "iscsiadm/mode_node.h"
#include "iscsiadm/mode_session.h"
#include "iscsiadm/print.h"
#include "iscsiadm/waiting.h"
#include "libiscsi-db/util.h"

#define STOP_MS	10000

static void on_sigint(int sig)
{
	static const char text[] = "iscsiadm: caught SIGINT, exiting...\n";

	(void)sig;
	/* The kernel releases a lock that is held, and staged changes were never visible. */
	waiting_interrupted();
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(ISCSI_ERR);
}

static void set_up_process(void)
{
	struct sigaction sa = { .sa_handler = on_sigint };
	int fd;

	/*
	 * Otherwise the daemon's socket or a record could take the place of a closed stdout or stderr,
	 * and get what is printed. Opened for reading, so that output which is lost is still a failure.
	 */
	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	closep(&fd);
	(void)sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = SIG_IGN;	/* a write to a peer that went away fails instead */
	(void)sigaction(SIGPIPE, &sa, NULL);
	(void)umask(0077);		/* records carry secrets */
}

static void on_stopped(void *arg, size_t index, const struct mgmt_reply *reply)
{
	struct iscsi_why *why = arg;

	(void)index;
	if (reply->err)
		(void)iscsi_fail(why, reply->err, "%s", client_reason(reply));
}

/* -k: ends the daemon; sessions stay. Scripts rely on status 0 even if that fails. */
static enum iscsi_err stop_daemon(struct adm *adm)
{
	struct mgmt_request req = { .type = MGMT_STOP, .record = "", .iface = "" };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	if (adm->opt.kill_priority)
		return adm_refuse(ISCSI_SUCCESS, "Invalid iscsid priority %d. Priority must be 0.",
				  adm->opt.kill_priority);
	adm->client = adm_new_client(adm, adm_warn, NULL);
	if (!adm->client || client_request(adm->client, &req, 0))
		return adm_fail(ISCSI_ERR_NOMEM, NULL);
	err = client_run(adm->client, STOP_MS, on_stopped, &why);
	if (err) {
		adm_error("initiator reported error (%d - %s)", (int)err, iscsi_db_err_text(err));
		adm_error("Could not stop iscsid. Is it running?");
	} else if (why.text[0]) {
		adm_error("Could not stop iscsid: %s", why.text);
	}
	return ISCSI_SUCCESS;
}

static enum iscsi_err (*const modes[MODE_COUNT + 1])(struct adm *adm) = {
	[MODE_DISCOVERY] = mode_discovery_run,	[MODE_DISCOVERYDB] = mode_discovery_run,
	[MODE_NODE] = mode_node_run,		[MODE_SESSION] = mode_session_run,
	[MODE_IFACE] = mode_iface_run,		[MODE_HOST] = mode_host_run,
	[MODE_FW] = mode_fw_run,
};

static enum iscsi_err run_action(struct adm *adm)
{
	switch (adm->opt.action) {
	case ACTION_HELP:
		(void)fputs(options_help(adm->opt.mode), stdout);
		return ISCSI_SUCCESS;
	case ACTION_VERSION:
		printf("iscsiadm version %s\n", iscsi_db_version());
		return ISCSI_SUCCESS;
	case ACTION_STOP_DAEMON:
		return stop_daemon(adm);
	case ACTION_RUN:
		break;
	}
	return modes[adm->opt.mode] ? modes[adm->opt.mode](adm) : ISCSI_ERR_INTERNAL;
}

static void say_bad_options(const struct options *opt, const struct iscsi_why *why)
{
	if (why->text[0] && opt->error_on_stdout && !opt->json)
		puts(why->text);
	else if (why->text[0])
		adm_error("%s", why->text);
	if (opt->suggest_help)
		(void)fputs("Try `iscsiadm --help' for more information.\n", stderr);
}

static bool open_document(struct adm *adm)
{
	adm->json = json_open();
	if (!adm->json)
		adm_error("cannot begin the document of --json: %s", strerror(errno));
	adm_error_document(adm->json);
	return adm->json != NULL;
}

/* Output that was cut short is a failure, unless a reader like head(1) closed the pipe. */
static enum iscsi_err output_ended(int error, enum iscsi_err err)
{
	if (!error || error == EPIPE)
		return err;
	adm_error("cannot write the output: %s", strerror(error));
	return err ?: ISCSI_ERR;
}

int main(int argc, char **argv)
{
	struct adm adm = { .db = NULL };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	set_up_process();
	err = options_parse(argc, argv, &adm.opt, &why);
	if (adm.opt.json && adm.opt.action != ACTION_HELP && adm.opt.action != ACTION_VERSION &&
	    !open_document(&adm))
		return ISCSI_ERR;
	if (!err)
		err = run_action(&adm);
	else
		say_bad_options(&adm.opt, &why);
	adm_error_document(NULL);
	if (adm.json && json_close(adm.json, adm.sysfs, err) < 0)
		err = output_ended(errno, err);
	adm_done(&adm);
	return (int)output_ended(print_end(), err);
}
