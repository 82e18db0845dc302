/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree of sysfs that is wrong: attributes that are long, missing, links or folders, and entries
 * whose names are strange. The first byte chooses a command of iscsiadm, the rest says what is
 * changed in a good tree. The daemon's readers go over it too. What is read stays within its
 * bounds, the daemon's text of a session can be read again, and nothing that acts on a
 * terminal is printed.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iscsiadm/mode_host.h"
#include "iscsiadm/mode_session.h"
#include "iscsid/adopt.h"
#include "iscsid/kernel/inuse.h"
#include "iscsid/message/session_text.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES_MAX = 40, TEXT_MAX = 5000 };

#define DEVICE	"class/iscsi_session/session1/device/"
#define TARGET	DEVICE "target1:0:0/"

/* What can be changed beside the attributes of a session. */
static const char *const places[] = {
	"class", "class/iscsi_session", "class/iscsi_host", "class/iscsi_session/session1",
	"class/iscsi_connection/connection1:0", "class/iscsi_host/host1", "class/scsi_host/host1",
	"class/scsi_host/host1/proc_name", "class/scsi_host/host1/state",
	"class/scsi_host/host1/scan", "class/iscsi_host/host1/initiatorname",
	"class/iscsi_connection/connection1:0/exp_statsn", "class/iscsi_transport/tcp/handle",
	"module/scsi_transport_iscsi/version", "class/iscsi_session/session1/device",
	DEVICE "target1:0:0", TARGET "1:0:0:0", TARGET "1:0:0:0/state", TARGET "1:0:0:0/block",
	TARGET "1:0:0:0/block/sda", TARGET "1:0:0:0/type", "class/block", "class/block/sda",
	"class/block/sda/dev", "class/block/sda/size", TARGET "1:0:0:0/block/sda/queue",
	"class/block/sda/holders", "class/block/sda/dm/name", "class/block/sda/device/wwid",
	"class/net", "class/net/eth0/address",
};

/* Mounts, swap areas, and neither notes nor records. */
static char dir[] = "/dev/shm/iscsi-fuzz-sysfs-XXXXXX";
static int dir_fd, output_fd, stdout_fd;

static void in_dir(char *ret, const char *name)
{
	(void)snprintf(ret, 64, "%s/%s", dir, name);
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return;
	must(fwrite(data, 1, size, f) == size && !fclose(f));
}

static void remove_dir(void)
{
	static const char *const names[] = { "self/mountinfo", "self", "swaps", "" };
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		in_dir(path, names[i]);
		(void)remove(path);
	}
}

static void start_once(void)
{
	static const char mounts[] =
		"36 35 8:0 / /mnt rw - ext4 /dev/sda rw\n"
		"37 35 253:0 / /data rw - ext4 /dev/mapper/data rw\n";
	static const char swaps[] = "Filename Type Size Used Priority\n/dev/sda1 partition 8 0 -2\n";
	char path[64];

	must(mkdtemp(dir) && !atexit(remove_dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	in_dir(path, "self");
	must(dir_fd >= 0 && !mkdir(path, 0700));
	in_dir(path, "self/mountinfo");
	write_file(path, mounts, sizeof(mounts) - 1);
	in_dir(path, "swaps");
	write_file(path, swaps, sizeof(swaps) - 1);
	output_fd = memfd_create("output", MFD_CLOEXEC);
	stdout_fd = dup(STDOUT_FILENO);
	must(output_fd >= 0 && stdout_fd >= 0);
	/* No daemon answers. */
	in_dir(path, "no-daemon");
	must(!setenv("ISCSID_SOCKET", path, 1));
}

static struct fake_sysfs *good_tree(void)
{
	struct fake_sysfs *fs = fake_sysfs_new();

	for (unsigned int i = 1; i <= 2; i++) {
		fake_sysfs_add_session(fs, i, i, "iqn.a:t", "10.0.0.1", 3260);
		fake_sysfs_add_lun(fs, i, i, 0, i == 1 ? "sda" : NULL, "running");
	}
	fake_sysfs_set(fs, TARGET "1:0:0:0/type", "0\n");
	fake_sysfs_set(fs, "class/block/sda/dev", "8:0\n");
	fake_sysfs_set(fs, "class/block/sda/size", "2048\n");
	fake_sysfs_set(fs, TARGET "1:0:0:0/block/sda/queue/depth", "1\n");
	fake_sysfs_set(fs, "class/block/sda/device/wwid", "naa.1\n");
	fake_sysfs_set(fs, "class/block/dm-0/dev", "253:0\n");
	fake_sysfs_set(fs, "class/block/dm-0/dm/name", "data\n");
	fake_sysfs_set(fs, "class/block/sda/holders/dm-0/slaves", "");
	fake_sysfs_set(fs, "class/net/eth0/address", "00:11:22:33:44:55\n");
	return fs;
}

/* ---- what an input changes ------------------------------------------------------------- */

static void place_path(const struct fake_sysfs *fs, size_t i, char *ret, size_t size)
{
	static const char *const folders[] = {
		[SYSFS_PLACE_SESSION] = "iscsi_session/session",
		[SYSFS_PLACE_CONN] = "iscsi_connection/connection",
		[SYSFS_PLACE_HOST] = "iscsi_host/host",
	};
	const struct sysfs_attr *attr = &sysfs_attrs[i % sysfs_attrs_len];

	i %= sysfs_attrs_len + ARRAY_SIZE(places);
	if (i >= sysfs_attrs_len)
		(void)snprintf(ret, size, "%s/%s", fake_sysfs_root(fs), places[i - sysfs_attrs_len]);
	else
		(void)snprintf(ret, size, "%s/class/%s1%s/%s", fake_sysfs_root(fs),
			       folders[attr->place], attr->place == SYSFS_PLACE_CONN ? ":0" : "",
			       attr->name);
}

/* The next bytes of the input, or one of them many times; @ret has room for TEXT_MAX + 1. */
static size_t next_text(struct reader *r, char *ret)
{
	size_t len = next_byte(r);
	const uint8_t *bytes;

	if (len == 255) {
		len = reader_be16(r) % (TEXT_MAX + 1);
		memset(ret, next_byte(r), len);
	} else {
		len = MIN(len, r->len - r->pos);
		bytes = reader_bytes(r, len);
		if (len)
			memcpy(ret, bytes, len);
	}
	ret[len] = '\0';
	return len;
}

/* No name leads out of the tree, since the scan writes to the file that it finds. */
static char *tame(char *name, bool link)
{
	for (char *p = name; *p; p++)
		if ((*p == '/' && (!link || p == name)) || (*p == '.' && p[1] == '.'))
			*p = '_';
	return name;
}

/* Returns -1 for a change that the other changes have made impossible. */
static int change_tree(struct fake_sysfs *fs, struct reader *r)
{
	char path[512], text[TEXT_MAX + 1], entry[sizeof(path) + sizeof(text) + 1];
	size_t len;
	uint8_t how;
	int ret = 0;

	place_path(fs, next_byte(r), path, sizeof(path));
	how = next_byte(r) % 8;
	len = next_text(r, text);
	if (how < 5)
		(void)remove(path);
	if (how < 2)
		write_file(path, text, len);
	else if (how == 2)
		ret = mkdir(path, 0700);
	else if (how == 3)
		ret = symlink(tame(text, true), path);
	(void)snprintf(entry, sizeof(entry), "%s/%s", path, tame(text, false));
	if (how == 5)
		write_file(entry, "1\n", 2);
	else if (how == 6)
		ret = mkdir(entry, 0700);
	else if (how == 7)
		ret = symlink("sda", entry);
	return ret;
}

/* ---- what the daemon reads ------------------------------------------------------------- */

static bool ends(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static void check_session(const struct sysfs_session *session)
{
	CLEANUP(freep) char *text = session_text_print(session);
	struct sysfs_session again;

	must(session->host_no >= 0 && ends(session->transport, sizeof(session->transport)));
	for (size_t i = 0; i < sysfs_attrs_len; i++) {
		const char *field = (const char *)session + sysfs_attrs[i].offset;

		must(sysfs_attrs[i].number ? *(const int *)(const void *)field >= SYSFS_UNSET :
					     ends(field, sysfs_attrs[i].size));
	}
	must(text && session_text_parse(text, session->sid, &again) == !!*session->target);
	must(!*session->target || (streq(again.target, session->target) &&
				   streq(again.iface, session->iface) &&
				   again.max_burst_len == session->max_burst_len));
}

static void read_disks(struct sysfs *sysfs, const struct sysfs_session *session)
{
	CLEANUP(freep) struct sysfs_lun *luns = NULL;
	struct iscsi_why why = { "" };
	size_t len = 0;

	if (!sysfs_list_luns(sysfs, session->sid, session->host_no, &luns, &len))
		for (size_t i = 0; i < len; i++)
			must(ends(luns[i].block, sizeof(luns[i].block)) &&
			     ends(luns[i].state, sizeof(luns[i].state)));
	(void)sysfs_disks_ready(sysfs, session->sid, session->host_no);
	(void)sysfs_scan_session(sysfs, session->sid, session->host_no, true, NULL, NULL);
	must(!inuse_check(sysfs, dir, session->sid, session->host_no, INUSE_BY_ANY, &why) ||
	     *why.text);
}

static void read_as_daemon(struct sysfs *sysfs)
{
	static const struct iscsi_db_initiator initiator = { .name = "iqn.a:i" };
	struct adoption *adoption = adopt_begin(sysfs, dir_fd, dir, "/dev/null", &initiator);
	CLEANUP(freep) unsigned int *sids = NULL;
	struct iscsi_why why = { "" };
	size_t len = 0;
	uint64_t handle;

	must(adoption != NULL);
	(void)sysfs_list_sessions(sysfs, &sids, &len);
	for (size_t i = 0; i < len; i++) {
		struct session_config *config = NULL;
		struct sysfs_session found;
		struct runstate note;
		uint32_t sn;

		if (adopt_read(adoption, sids[i], &found, &config, &note, &why).result == ADOPT_YES) {
			must(config != NULL);
			check_session(&found);
			read_disks(sysfs, &found);
			(void)sysfs_read_exp_stat_sn(sysfs, sids[i], &sn);
		}
		session_config_free(config);
		why.text[0] = '\0';
	}
	adopt_end(adoption);
	must(!sysfs_read_transport_handle(sysfs, "tcp", &handle, &why) || *why.text);
}

/* ---- what a person sees ---------------------------------------------------------------- */

static void check_document(void)
{
	CLEANUP(freep) char *text = NULL;
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *document;
	off_t len = lseek(output_fd, 0, SEEK_END);

	text = malloc((size_t)len);
	must(tokener && text && pread(output_fd, text, (size_t)len, 0) == len && len > 0);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	document = json_tokener_parse_ex(tokener, text, (int)len - 1);	/* without the newline */
	must(document != NULL);
	json_object_put(document);
	json_tokener_free(tokener);
	must(!ftruncate(output_fd, 0) && !lseek(output_fd, 0, SEEK_SET));
}

static void check_printed(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		must(text[i] == '\n' || text[i] == '\t' ||
		     ((unsigned char)text[i] >= ' ' && text[i] != 0x7f));
}

static void run_command(struct sysfs *sysfs, uint8_t which)
{
	struct adm adm = { .sysfs = sysfs, .opt = { .print_level = which & 7, .db_root = dir,
						    .wait_s = OPTION_UNSET } };
	FILE *out = stdout, *err_out = stderr;
	enum iscsi_err err;
	char *text = NULL;
	size_t len = 0;

	adm.opt.show_secrets = which & 8;
	if (which & 16) {
		must(dup2(output_fd, STDOUT_FILENO) >= 0);
		adm.json = json_open();
		must(adm.json && dup2(stdout_fd, STDOUT_FILENO) >= 0);
	}
	stdout = open_memstream(&text, &len);
	must(stdout != NULL);
	stderr = stdout;
	err = which & 32 ? mode_host_run(&adm) : mode_session_run(&adm);
	must(!fclose(stdout));
	stdout = out;
	stderr = err_out;
	check_printed(text, len);
	free(text);
	if (adm.json) {
		must(!json_close(adm.json, sysfs, err));
		check_document();
	}
	adm_done(&adm);		/* frees @sysfs too */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_init(data, size);
	uint8_t which = next_byte(&r);
	struct fake_sysfs *fs;
	struct sysfs *sysfs;

	if (!dir_fd)
		start_once();
	fs = good_tree();
	must(!sysfs_new(fake_sysfs_root(fs), &sysfs));
	for (int i = 0; i < CHANGES_MAX && r.pos < r.len && !r.failed; i++)
		(void)change_tree(fs, &r);
	read_as_daemon(sysfs);
	run_command(sysfs, which);
	fake_sysfs_free(fs);
	return 0;
}
