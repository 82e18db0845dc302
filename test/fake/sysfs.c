/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sample tree is made, not stored: hundreds of small files would say less than this. */
#include "test/fake/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libiscsi-db/util.h"

struct fake_sysfs {
	char root[128];
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* Makes the folders above @path, and @path too if it ends with a slash. */
static void make_dirs(const char *path)
{
	char copy[PATH_MAX], *p;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	p = strrchr(copy, '/');
	*p = '\0';
	if (!access(copy, F_OK))
		return;
	*p = '/';
	for (p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		must(!mkdir(copy, 0755) || errno == EEXIST, copy);
		*p = '/';
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	must(f != NULL, path);
	must(fputs(text, f) >= 0, path);
	must(!fclose(f), path);
}

static void full_path(const struct fake_sysfs *fs, char *ret, const char *fmt, ...) PRINTF(3, 4);

static void full_path(const struct fake_sysfs *fs, char *ret, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	len = (size_t)snprintf(ret, PATH_MAX, "%s/", fs->root);
	va_start(ap, fmt);
	(void)vsnprintf(ret + len, PATH_MAX - len, fmt, ap);
	va_end(ap);
}

struct fake_sysfs *fake_sysfs_new(void)
{
	struct fake_sysfs *fs = calloc(1, sizeof(*fs));
	/* A file system on a disk takes most of a test's time. */
	const char *tmp = getenv("TMPDIR") ?: access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	char path[PATH_MAX];

	must(fs != NULL, "calloc");
	(void)snprintf(fs->root, sizeof(fs->root), "%s/fake-sysfs.XXXXXX", tmp);
	must(mkdtemp(fs->root) != NULL, fs->root);
	full_path(fs, path, "class/iscsi_transport/tcp/handle");
	make_dirs(path);
	write_file(path, "18446744072635812000\n");
	full_path(fs, path, "module/scsi_transport_iscsi/version");
	make_dirs(path);
	write_file(path, "2.0-870\n");
	return fs;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	must(!nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), path);
}

void fake_sysfs_free(struct fake_sysfs *fs)
{
	remove_tree(fs->root);
	free(fs);
}

const char *fake_sysfs_root(const struct fake_sysfs *fs)
{
	return fs->root;
}

void fake_sysfs_set(struct fake_sysfs *fs, const char *path, const char *text)
{
	char full[PATH_MAX];

	full_path(fs, full, "%s", path);
	if (text) {
		make_dirs(full);
		write_file(full, text);
	} else {
		must(!unlink(full), full);
	}
}

const char *fake_sysfs_get(struct fake_sysfs *fs, const char *path)
{
	static char text[4096];
	char full[PATH_MAX];
	size_t n;
	FILE *f;

	full_path(fs, full, "%s", path);
	f = fopen(full, "r");
	must(f != NULL, full);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

/* A folder below devices/, and the link that the class @class has to it. */
static void add_device(struct fake_sysfs *fs, const char *class, const char *name,
		       const char *device, const char *const *attrs)
{
	char path[PATH_MAX], target[PATH_MAX];

	full_path(fs, path, "devices/platform/%s/", device);
	make_dirs(path);
	for (; *attrs; attrs += 2) {
		full_path(fs, path, "devices/platform/%s/%s", device, attrs[0]);
		write_file(path, attrs[1]);
	}
	full_path(fs, path, "class/%s/%s", class, name);
	make_dirs(path);
	(void)snprintf(target, sizeof(target), "../../devices/platform/%s", device);
	must(!symlink(target, path) || errno == EEXIST, path);
}

static void add_host(struct fake_sysfs *fs, unsigned int host)
{
	static const char *const scsi_host[] = {
		"proc_name", "iscsi_tcp\n", "state", "running\n", "scan", "", NULL,
	};
	static const char *const iscsi_host[] = {
		"ipaddress", "10.0.0.2\n", "hwaddress", "(null)\n", "netdev", "(null)\n",
		"initiatorname", "(null)\n", NULL,
	};
	char name[32], device[96];

	(void)snprintf(name, sizeof(name), "host%u", host);
	(void)snprintf(device, sizeof(device), "%s/scsi_host/%s", name, name);
	add_device(fs, "scsi_host", name, device, scsi_host);
	(void)snprintf(device, sizeof(device), "%s/iscsi_host/%s", name, name);
	add_device(fs, "iscsi_host", name, device, iscsi_host);
}

static void add_connection(struct fake_sysfs *fs, unsigned int sid, unsigned int host,
			   const char *address, int port)
{
	char name[32], device[160], address_line[300], port_line[32];
	const char *const attrs[] = {
		"persistent_address", address_line, "persistent_port", port_line,
		"address", address_line, "port", port_line, "state", "up\n",
		"header_digest", "0\n", "data_digest", "0\n",
		"max_recv_dlength", "262144\n", "max_xmit_dlength", "8192\n",
		"ping_tmo", "5\n", "recv_tmo", "5\n", "exp_statsn", "2118021389\n", NULL,
	};

	(void)snprintf(address_line, sizeof(address_line), "%s\n", address);
	(void)snprintf(port_line, sizeof(port_line), "%d\n", port);
	(void)snprintf(name, sizeof(name), "connection%u:0", sid);
	(void)snprintf(device, sizeof(device), "host%u/session%u/%s/iscsi_connection/%s", host,
		       sid, name, name);
	add_device(fs, "iscsi_connection", name, device, attrs);
}

void fake_sysfs_add_session(struct fake_sysfs *fs, unsigned int sid, unsigned int host,
			    const char *target, const char *address, int port)
{
	char name[32], device[128], target_line[300], path[PATH_MAX], link[64];
	const char *const attrs[] = {
		"targetname", target_line, "tpgt", "1\n", "creator", "775\n",
		"ifacename", "default\n",
		"initiatorname", "iqn.2030-01.org.example:client1\n",
		"state", "LOGGED_IN\n", "target_state", "SCANNED\n",
		"recovery_tmo", "120\n", "tgt_reset_tmo", "30\n", "lu_reset_tmo", "30\n",
		"abort_tmo", "15\n", "fast_abort", "1\n", "erl", "0\n",
		"username", "(null)\n", "password", "(null)\n",
		"username_in", "(null)\n", "password_in", "(null)\n",
		"first_burst_len", "65536\n", "max_burst_len", "262144\n",
		"immediate_data", "1\n", "initial_r2t", "1\n", "max_outstanding_r2t", "1\n",
		NULL,
	};

	add_host(fs, host);
	(void)snprintf(target_line, sizeof(target_line), "%s\n", target);
	(void)snprintf(name, sizeof(name), "session%u", sid);
	(void)snprintf(device, sizeof(device), "host%u/%s/iscsi_session/%s", host, name, name);
	add_device(fs, "iscsi_session", name, device, attrs);
	full_path(fs, path, "devices/platform/%s/device", device);
	(void)snprintf(link, sizeof(link), "../../../session%u", sid);
	must(!symlink(link, path) || errno == EEXIST, path);
	add_connection(fs, sid, host, address, port);
}

void fake_sysfs_remove_session(struct fake_sysfs *fs, unsigned int sid, unsigned int host)
{
	char path[PATH_MAX];

	full_path(fs, path, "class/iscsi_session/session%u", sid);
	must(!unlink(path), path);
	full_path(fs, path, "class/iscsi_connection/connection%u:0", sid);
	must(!unlink(path), path);
	full_path(fs, path, "devices/platform/host%u/session%u", host, sid);
	remove_tree(path);
}

void fake_sysfs_add_lun(struct fake_sysfs *fs, unsigned int sid, unsigned int host, uint64_t lun,
			const char *block, const char *state)
{
	char path[PATH_MAX], line[64];

	(void)snprintf(line, sizeof(line), "%s\n", state);
	full_path(fs, path, "devices/platform/host%u/session%u/target%u:0:0/%u:0:0:%llu/state",
		  host, sid, host, host, (unsigned long long)lun);
	make_dirs(path);
	write_file(path, line);
	if (!block)
		return;
	full_path(fs, path, "devices/platform/host%u/session%u/target%u:0:0/%u:0:0:%llu/block/%s/",
		  host, sid, host, host, (unsigned long long)lun, block);
	make_dirs(path);
}
