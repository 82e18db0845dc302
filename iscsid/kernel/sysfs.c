/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads sessions, hosts and devices from the files that the kernel shows below a root. The
 * attributes of a session are rows of one table; each is one open, one read and one close.
 * Keeps nothing between calls but the root, so any thread may use it. Called by iscsid
 * (adoption, scan) and by iscsiadm's listings.
 */
#include "iscsid/kernel/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/types.h>

#include "libiscsi-db/util.h"

#define ATTR_MAX	4096	/* the kernel shows at most a page */
#define CONN_CID	0	/* one connection a session */

struct sysfs {
	int root;
};

enum iscsi_err sysfs_new(const char *root, struct sysfs **ret)
{
	struct sysfs *sysfs;

	sysfs = calloc(1, sizeof(*sysfs));
	if (!sysfs)
		return ISCSI_ERR_NOMEM;
	sysfs->root = open(root ? root : "/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (sysfs->root < 0) {
		free(sysfs);
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	*ret = sysfs;
	return ISCSI_SUCCESS;
}

struct sysfs *sysfs_free(struct sysfs *sysfs)
{
	if (sysfs) {
		(void)close(sysfs->root);
		free(sysfs);
	}
	return NULL;
}

/* ---- single files and folders ---------------------------------------------------------- */

/* Opens a file or folder below @dirfd for reading. -errno. */
static PRINTF(2, 3) int open_below(int dirfd, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int n, fd;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if ((size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	do
		fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Whether an attribute's text means that nothing was ever set. */
static bool is_unset(const char *text)
{
	return streq(text, "(null)") || streq(text, "<NULL>");
}

/*
 * The first line of the open file @fd in one read, "" if it is unset; closes the file. 0 or -errno,
 * @ret "" then, also that of an @fd that couldn't be opened. A text that doesn't fit counts as
 * unreadable: half a name is worse than none.
 */
static int read_first_line(int fd, char *ret, size_t size)
{
	char buf[ATTR_MAX + 1];
	ssize_t n;
	int err;

	ret[0] = '\0';
	if (fd < 0)
		return fd;
	do
		n = read(fd, buf, ATTR_MAX);
	while (n < 0 && errno == EINTR);
	err = errno;
	(void)close(fd);
	if (n < 0)
		return -err;

	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (is_unset(buf))
		return 0;
	n = (ssize_t)strlen(buf);
	if ((size_t)n >= size)
		return -EOVERFLOW;
	memcpy(ret, buf, (size_t)n + 1);
	explicit_bzero(buf, (size_t)n);
	return 0;
}

/* A decimal number, "off" being -1; SYSFS_UNSET for any other text. */
static int parse_number(const char *text)
{
	char *end;
	long long n;		/* a long has 32 bits on some machines */

	if (streq(text, "off"))
		return -1;
	if (!isdigit((unsigned char)text[0]) && text[0] != '-')
		return SYSFS_UNSET;
	n = strtoll(text, &end, 10);
	if (*end)
		return SYSFS_UNSET;
	/* -1 may also be shown as an unsigned number. */
	if (n == UINT32_MAX)
		return -1;
	if (n < -1 || n > INT_MAX)
		return SYSFS_UNSET;
	return (int)n;
}

static int read_u64(int fd, uint64_t *ret)
{
	char buf[32], *end;
	unsigned long long n;
	int r = read_first_line(fd, buf, sizeof(buf));

	if (r < 0)
		return r;
	if (!isdigit((unsigned char)buf[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(buf, &end, 10);
	if (errno || *end)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* A folder's entries, read with a buffer of the caller's. */
struct dir_iter {
	int fd;
	ssize_t len, pos;
	/* Cleared with the rest, so that a large buffer would cost more than most folders take. */
	char buf[1024] __attribute__((aligned(__alignof__(struct dirent64))));
};

/* The next entry, hidden ones left out; NULL at the end, or if the folder can't be read. */
static const char *dir_next(struct dir_iter *it)
{
	for (;;) {
		const struct dirent64 *d;

		if (it->pos >= it->len) {
			it->len = it->fd < 0 ? -1 : getdents64(it->fd, it->buf, sizeof(it->buf));
			it->pos = 0;
			if (it->len <= 0)
				return NULL;
		}
		d = (const struct dirent64 *)(const void *)(it->buf + it->pos);
		it->pos += d->d_reclen;
		if (d->d_name[0] != '.')
			return d->d_name;
	}
}

/* "session12" with prefix "session" -> 12. */
static bool parse_suffix(const char *name, const char *prefix, unsigned int *ret)
{
	size_t len = strlen(prefix);
	unsigned long n;
	char *end;

	if (strncmp(name, prefix, len) || !isdigit((unsigned char)name[len]))
		return false;
	errno = 0;
	n = strtoul(name + len, &end, 10);
	if (errno || *end || n > UINT_MAX)
		return false;
	*ret = (unsigned int)n;
	return true;
}

static int compare_uint(const void *pa, const void *pb)
{
	unsigned int a = *(const unsigned int *)pa, b = *(const unsigned int *)pb;

	return (a > b) - (a < b);
}

enum iscsi_err sysfs_list_numbers(struct sysfs *sysfs, const char *path, const char *prefix,
				  unsigned int **ret, size_t *ret_len)
{
	CLEANUP(freep) unsigned int *list = NULL;
	CLEANUP(closep) int fd = open_below(sysfs->root, "%s", path);
	struct dir_iter it = { .fd = fd };
	size_t len = 0;
	const char *name;

	if (fd < 0 && fd != -ENOENT)
		return ISCSI_ERR_SYSFS_LOOKUP;
	while ((name = dir_next(&it))) {
		unsigned int number, *added;

		if (!parse_suffix(name, prefix, &number))
			continue;
		added = ARRAY_ADD(list, len);
		if (!added)
			return ISCSI_ERR_NOMEM;
		*added = number;
	}
	if (len)
		qsort(list, len, sizeof(*list), compare_uint);
	*ret = list;
	*ret_len = len;
	list = NULL;		/* now the caller's */
	return ISCSI_SUCCESS;
}

/* ---- sessions -------------------------------------------------------------------------- */

#define FIELD(m)	offsetof(struct sysfs_session, m), \
			sizeof(((struct sysfs_session *)NULL)->m)
#define TEXT(name, place, detail, member) \
	{ name, SYSFS_PLACE_##place, SYSFS_DETAIL_##detail, false, false, FIELD(member) }
#define NUMBER(name, place, detail, member) \
	{ name, SYSFS_PLACE_##place, SYSFS_DETAIL_##detail, true, false, FIELD(member) }
#define LIVE_TEXT(name, place, detail, member) \
	{ name, SYSFS_PLACE_##place, SYSFS_DETAIL_##detail, false, true, FIELD(member) }
#define LIVE_NUMBER(name, place, detail, member) \
	{ name, SYSFS_PLACE_##place, SYSFS_DETAIL_##detail, true, true, FIELD(member) }

/*
 * In the order of their detail. The target's name comes first: if that can't be read, the session
 * has gone.
 */
const struct sysfs_attr sysfs_attrs[] = {
	TEXT("targetname", SESSION, LIST, target),
	NUMBER("tpgt", SESSION, LIST, tpgt),
	NUMBER("creator", SESSION, LIST, creator),
	TEXT("persistent_address", CONN, LIST, persistent_address),
	NUMBER("persistent_port", CONN, LIST, persistent_port),

	LIVE_TEXT("state", SESSION, STATE, state),
	TEXT("ifacename", SESSION, STATE, iface),
	TEXT("initiatorname", SESSION, STATE, initiator),
	TEXT("address", CONN, STATE, address),
	NUMBER("port", CONN, STATE, port),
	TEXT("ipaddress", HOST, STATE, ipaddress),
	TEXT("hwaddress", HOST, STATE, hwaddress),
	TEXT("netdev", HOST, STATE, netdev),

	LIVE_NUMBER("recovery_tmo", SESSION, VALUES, recovery_tmo),
	NUMBER("tgt_reset_tmo", SESSION, VALUES, tgt_reset_tmo),
	NUMBER("lu_reset_tmo", SESSION, VALUES, lu_reset_tmo),
	NUMBER("abort_tmo", SESSION, VALUES, abort_tmo),
	TEXT("username", SESSION, VALUES, username),
	TEXT("username_in", SESSION, VALUES, username_in),
	NUMBER("first_burst_len", SESSION, VALUES, first_burst_len),
	NUMBER("max_burst_len", SESSION, VALUES, max_burst_len),
	NUMBER("immediate_data", SESSION, VALUES, immediate_data),
	NUMBER("initial_r2t", SESSION, VALUES, initial_r2t),
	NUMBER("max_outstanding_r2t", SESSION, VALUES, max_outstanding_r2t),
	NUMBER("header_digest", CONN, VALUES, header_digest),
	NUMBER("data_digest", CONN, VALUES, data_digest),
	NUMBER("max_recv_dlength", CONN, VALUES, max_recv_dlength),
	NUMBER("max_xmit_dlength", CONN, VALUES, max_xmit_dlength),

	TEXT("password", SESSION, ALL, password),
	TEXT("password_in", SESSION, ALL, password_in),
	LIVE_TEXT("target_state", SESSION, ALL, target_state),
	LIVE_TEXT("state", CONN, ALL, conn_state),
	NUMBER("ping_tmo", CONN, ALL, ping_tmo),
	NUMBER("recv_tmo", CONN, ALL, recv_tmo),
};

#undef TEXT
#undef NUMBER
#undef LIVE_TEXT
#undef LIVE_NUMBER
#undef FIELD

const size_t sysfs_attrs_len = ARRAY_SIZE(sysfs_attrs);

void sysfs_session_unset(struct sysfs_session *ret, unsigned int sid)
{
	*ret = (struct sysfs_session){ .sid = sid, .host_no = SYSFS_UNSET };
	for (size_t i = 0; i < ARRAY_SIZE(sysfs_attrs); i++) {
		if (sysfs_attrs[i].number)
			*(int *)(void *)((char *)ret + sysfs_attrs[i].offset) = SYSFS_UNSET;
	}
}

static int read_row(struct sysfs *sysfs, const struct sysfs_attr *attr, struct sysfs_session *ret)
{
	char *field = (char *)ret + attr->offset, text[16];	/* enough for each int */
	int fd = -ENOENT, r;

	switch (attr->place) {
	case SYSFS_PLACE_SESSION:
		fd = open_below(sysfs->root, "class/iscsi_session/session%u/%s", ret->sid,
				attr->name);
		break;
	case SYSFS_PLACE_CONN:
		fd = open_below(sysfs->root, "class/iscsi_connection/connection%u:%d/%s",
				ret->sid, CONN_CID, attr->name);
		break;
	case SYSFS_PLACE_HOST:
		fd = open_below(sysfs->root, "class/iscsi_host/host%d/%s", ret->host_no,
				attr->name);
		break;
	}
	if (!attr->number)
		return read_first_line(fd, field, attr->size);
	r = read_first_line(fd, text, sizeof(text));
	*(int *)(void *)field = r < 0 ? SYSFS_UNSET : parse_number(text);
	return r;
}

/*
 * The host of a session stands in the path that its class entry leads to:
 * "../../devices/platform/host3/session7/iscsi_session/session7".
 */
static int read_host_no(struct sysfs *sysfs, unsigned int sid)
{
	char path[64], link[PATH_MAX], *p;
	unsigned int host_no;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u", sid);
	n = readlinkat(sysfs->root, path, link, sizeof(link) - 1);
	if (n < 0)
		return SYSFS_UNSET;
	link[n] = '\0';
	while ((p = strrchr(link, '/'))) {
		if (parse_suffix(p + 1, "host", &host_no) && host_no <= INT_MAX)
			return (int)host_no;
		*p = '\0';
	}
	return SYSFS_UNSET;
}

/* The driver's name is "iscsi_tcp", the transport's "tcp"; offload drivers have just one. */
static void read_transport(struct sysfs *sysfs, int host_no, char *ret, size_t size)
{
	int fd = open_below(sysfs->root, "class/scsi_host/host%d/proc_name", host_no);
	char name[32];
	const char *transport = name;

	(void)read_first_line(fd, name, sizeof(name));
	if (!strncmp(name, "iscsi_", 6))
		transport = name + 6;
	if (snprintf(ret, size, "%s", transport) >= (int)size)
		ret[0] = '\0';
}

bool sysfs_session_gone(struct sysfs *sysfs, unsigned int sid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "class/iscsi_session/session%u", sid);
	return faccessat(sysfs->root, path, F_OK, 0) < 0 && errno == ENOENT;
}

enum iscsi_err sysfs_read_session(struct sysfs *sysfs, unsigned int sid,
				  enum sysfs_detail detail, struct sysfs_session *ret)
{
	bool gone = false;

	sysfs_session_unset(ret, sid);
	ret->host_no = read_host_no(sysfs, sid);
	if (ret->host_no < 0)
		return ISCSI_ERR_SYSFS_LOOKUP;
	read_transport(sysfs, ret->host_no, ret->transport, sizeof(ret->transport));
	for (size_t i = 0; i < ARRAY_SIZE(sysfs_attrs) && sysfs_attrs[i].detail <= detail; i++) {
		int r = read_row(sysfs, &sysfs_attrs[i], ret);

		if (r < 0 && i == 0)
			return ISCSI_ERR_SYSFS_LOOKUP;
		/* Most attributes are optional; but these are also the signs of a removal. */
		if (r == -ENODEV || r == -ENOENT)
			gone = true;
	}
	/* A session that is being made has no connection yet; a session that is gone has no name. */
	return gone && read_row(sysfs, &sysfs_attrs[0], ret) < 0 ? ISCSI_ERR_SYSFS_LOOKUP :
							     ISCSI_SUCCESS;
}

enum iscsi_err sysfs_read_live(struct sysfs *sysfs, enum sysfs_detail detail,
			       struct sysfs_session *session)
{
	bool gone = false;

	for (size_t i = 0; i < ARRAY_SIZE(sysfs_attrs) && sysfs_attrs[i].detail <= detail; i++)
		if (sysfs_attrs[i].live && read_row(sysfs, &sysfs_attrs[i], session) < 0)
			gone = true;
	return gone && sysfs_session_gone(sysfs, session->sid) ? ISCSI_ERR_SYSFS_LOOKUP :
								 ISCSI_SUCCESS;
}

enum iscsi_err sysfs_list_sessions(struct sysfs *sysfs, unsigned int **ret, size_t *ret_len)
{
	return sysfs_list_numbers(sysfs, "class/iscsi_session", "session", ret, ret_len);
}

enum iscsi_err sysfs_read_exp_stat_sn(struct sysfs *sysfs, unsigned int sid, uint32_t *ret)
{
	uint64_t n;

	if (read_u64(open_below(sysfs->root, "class/iscsi_connection/connection%u:%d/exp_statsn",
				sid, CONN_CID), &n) < 0 || n > UINT32_MAX)
		return ISCSI_ERR_SYSFS_LOOKUP;
	*ret = (uint32_t)n;
	return ISCSI_SUCCESS;
}

/* ---- LUNs ------------------------------------------------------------------------------ */

/*
 * The folder of a session's device, -errno. The hosts of iscsi_tcp have no parent, so that the
 * kernel puts them below the platform bus (drivers/scsi/hosts.c, scsi_add_host_with_dma()); the
 * class's links lead there too, but by three times as many names.
 */
static int open_session(struct sysfs *sysfs, unsigned int sid, int host_no)
{
	int fd = open_below(sysfs->root, "devices/platform/host%d/session%u", host_no, sid);

	return fd != -ENOENT ? fd : open_below(sysfs->root, "class/iscsi_session/session%u/device",
					       sid);
}

/* Called with the folder of a target and the name of a LUN in it, "3:0:0:12"; false ends the walk. */
typedef bool lun_fn(void *arg, int target_fd, const char *name);

/* False: @fn returned false. */
static bool each_lun(int session_fd, lun_fn *fn, void *arg)
{
	struct dir_iter targets = { .fd = session_fd };
	const char *name;
	bool all = true;

	(void)lseek(session_fd, 0, SEEK_SET);	/* the folder may have been read before */
	while (all && (name = dir_next(&targets))) {
		CLEANUP(closep) int fd = -1;
		struct dir_iter luns;

		if (strncmp(name, "target", 6) || !isdigit((unsigned char)name[6]))
			continue;
		fd = open_below(session_fd, "%s", name);
		luns = (struct dir_iter){ .fd = fd };
		while (all && (name = dir_next(&luns)))
			all = !isdigit((unsigned char)name[0]) || fn(arg, fd, name);
	}
	return all;
}

/* "3:0:0:12" -> its numbers. */
static bool parse_lun_name(const char *name, struct sysfs_lun *ret)
{
	unsigned int host_no, channel, id;
	uint64_t lun;
	int end = 0;

	if (sscanf(name, "%u:%u:%u:%" SCNu64 "%n", &host_no, &channel, &id, &lun, &end) != 4)
		return false;
	if (name[end] || host_no > INT_MAX || channel > INT_MAX || id > INT_MAX)
		return false;
	*ret = (struct sysfs_lun){
		.host_no = (int)host_no, .channel = (int)channel, .target_id = (int)id, .lun = lun,
	};
	return true;
}

static int read_lun_state(int target_fd, const char *name, char *ret, size_t size)
{
	return read_first_line(open_below(target_fd, "%s/state", name), ret, size);
}

/* The state of a LUN, and its disk if there is one yet. False: the LUN has gone. */
static bool read_lun(int target_fd, const char *name, struct sysfs_lun *ret)
{
	CLEANUP(closep) int block_fd = open_below(target_fd, "%s/block", name);
	struct dir_iter it = { .fd = block_fd };
	const char *block = dir_next(&it);
	int r = read_lun_state(target_fd, name, ret->state, sizeof(ret->state));

	if (block && strlen(block) < sizeof(ret->block))
		memcpy(ret->block, block, strlen(block) + 1);
	return r != -ENODEV && r != -ENOENT;
}

struct lun_list {
	struct sysfs_lun *luns;
	size_t len;
};

/* A lun_fn. False: no memory. */
static bool list_lun(void *arg, int target_fd, const char *name)
{
	struct lun_list *list = arg;
	struct sysfs_lun lun, *added;

	if (!parse_lun_name(name, &lun) || !read_lun(target_fd, name, &lun))
		return true;
	added = ARRAY_ADD(list->luns, list->len);
	if (added)
		*added = lun;
	return added != NULL;
}

static int compare_lun(const void *pa, const void *pb)
{
	const struct sysfs_lun *a = pa, *b = pb;
	char na[80], nb[80];

	(void)snprintf(na, sizeof(na), "%d:%d:%d:%" PRIu64, a->host_no, a->channel,
		       a->target_id, a->lun);
	(void)snprintf(nb, sizeof(nb), "%d:%d:%d:%" PRIu64, b->host_no, b->channel,
		       b->target_id, b->lun);
	return strcmp(na, nb);
}

enum iscsi_err sysfs_list_luns(struct sysfs *sysfs, unsigned int sid, int host_no,
			       struct sysfs_lun **ret, size_t *ret_len)
{
	CLEANUP(closep) int fd = open_session(sysfs, sid, host_no);
	struct lun_list list = { NULL, 0 };

	if (fd < 0)
		return ISCSI_ERR_SYSFS_LOOKUP;
	if (!each_lun(fd, list_lun, &list)) {
		free(list.luns);
		return ISCSI_ERR_NOMEM;
	}
	if (list.len)
		qsort(list.luns, list.len, sizeof(*list.luns), compare_lun);
	*ret = list.luns;
	*ret_len = list.len;
	return ISCSI_SUCCESS;
}

/* Writes @text in one write. 0 or -errno. */
static int write_below(int dirfd, const char *path, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;
	int fd, r;

	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	r = n < 0 ? -errno : (size_t)n < len ? -EIO : 0;
	(void)close(fd);
	return r;
}

/* A lun_fn: reads a known LUN anew. */
static bool rescan_lun(void *arg, int target_fd, const char *name)
{
	char path[NAME_MAX + 16];

	(void)arg;
	(void)snprintf(path, sizeof(path), "%s/rescan", name);
	(void)write_below(target_fd, path, "1");
	return true;
}

/* Only these kinds of device get a block device (SCSI Primary Commands, peripheral device type). */
static bool lun_becomes_disk(int target_fd, const char *name)
{
	static const char *const types[] = { "0", "4", "5", "7", "14", "20" };
	char type[16];

	if (read_first_line(open_below(target_fd, "%s/type", name), type, sizeof(type)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(type, types[i]))
			return true;
	return false;
}

static bool lun_is_running(int target_fd, const char *name)
{
	char state[32];

	return read_lun_state(target_fd, name, state, sizeof(state)) >= 0 && streq(state, "running");
}

/* The kernel makes the folder "queue" after the device node, and little comes after it. */
static bool lun_has_disk(int target_fd, const char *name)
{
	CLEANUP(closep) int block_fd = open_below(target_fd, "%s/block", name);
	struct dir_iter it = { .fd = block_fd };
	const char *block = dir_next(&it);
	char path[NAME_MAX + 16];

	if (!block)
		return false;
	(void)snprintf(path, sizeof(path), "%s/queue", block);
	return faccessat(block_fd, path, F_OK, 0) == 0;
}

struct disk_wait {
	sysfs_again_fn *again;
	void *arg;
};

/* A lun_fn. False: the LUN's disk can't be opened yet, and the wait is over. */
static bool await_lun_disk(void *arg, int target_fd, const char *name)
{
	const struct disk_wait *wait = arg;

	if (lun_has_disk(target_fd, name) || !lun_becomes_disk(target_fd, name))
		return true;
	while (lun_is_running(target_fd, name)) {
		if (!wait->again || !wait->again(wait->arg))
			return false;
		if (lun_has_disk(target_fd, name))
			break;
	}
	return true;
}

static bool await_disks(int session_fd, sysfs_again_fn *again, void *arg)
{
	return each_lun(session_fd, await_lun_disk, &(struct disk_wait){ .again = again, .arg = arg });
}

bool sysfs_disks_ready(struct sysfs *sysfs, unsigned int sid, int host_no)
{
	CLEANUP(closep) int fd = open_session(sysfs, sid, host_no);

	return fd < 0 || await_disks(fd, NULL, NULL);
}

/* The host is found from its session, so that another session's host of the same number is safe. */
int sysfs_scan_session(struct sysfs *sysfs, unsigned int sid, int host_no, bool known,
		       sysfs_again_fn *again, void *arg)
{
	CLEANUP(closep) int fd = open_session(sysfs, sid, host_no);
	char path[64];
	int r;

	if (fd < 0)
		return fd;
	if (known)
		(void)each_lun(fd, rescan_lun, NULL);
	(void)snprintf(path, sizeof(path), "../scsi_host/host%d/scan", host_no);
	r = write_below(fd, path, "- - -");
	if (r >= 0 && again)
		(void)await_disks(fd, again, arg);
	return r;
}

/* ---- hosts, transports, devices -------------------------------------------------------- */

enum iscsi_err sysfs_list_hosts(struct sysfs *sysfs, unsigned int **ret, size_t *ret_len)
{
	return sysfs_list_numbers(sysfs, "class/iscsi_host", "host", ret, ret_len);
}

void sysfs_read_host_state(struct sysfs *sysfs, int host_no, char *ret, size_t size)
{
	(void)read_first_line(open_below(sysfs->root, "class/scsi_host/host%d/state", host_no), ret,
			size);
}

enum iscsi_err sysfs_read_host(struct sysfs *sysfs, int host_no, struct sysfs_host *ret)
{
	CLEANUP(closep) int fd = open_below(sysfs->root, "class/iscsi_host/host%d", host_no);

	if (fd < 0)
		return ISCSI_ERR_SYSFS_LOOKUP;
	*ret = (struct sysfs_host){ .host_no = host_no };
	read_transport(sysfs, host_no, ret->transport, sizeof(ret->transport));
	sysfs_read_host_state(sysfs, host_no, ret->state, sizeof(ret->state));
	(void)read_first_line(open_below(fd, "initiatorname"), ret->initiator, sizeof(ret->initiator));
	(void)read_first_line(open_below(fd, "ipaddress"), ret->ipaddress, sizeof(ret->ipaddress));
	(void)read_first_line(open_below(fd, "hwaddress"), ret->hwaddress, sizeof(ret->hwaddress));
	(void)read_first_line(open_below(fd, "netdev"), ret->netdev, sizeof(ret->netdev));
	return ISCSI_SUCCESS;
}

enum iscsi_err sysfs_read_transport_handle(struct sysfs *sysfs, const char *transport,
					   uint64_t *ret, struct iscsi_why *why)
{
	int r;

	if (strchr(transport, '/') || transport[0] == '.')
		return iscsi_fail(why, ISCSI_ERR_TRANS_NOT_FOUND,
				  "no transport is called '%s'", transport);
	r = read_u64(open_below(sysfs->root, "class/iscsi_transport/%s/handle", transport), ret);
	if (r == -EACCES || r == -EPERM)
		return iscsi_fail(why, ISCSI_ERR_ACCESS,
				  "reading the handle of transport %s: %s", transport,
				  strerror(-r));
	if (r < 0)
		return iscsi_fail(why, ISCSI_ERR_TRANS_NOT_FOUND,
				  "the kernel has no transport '%s' (%s); is its module loaded?",
				  transport, strerror(-r));
	return ISCSI_SUCCESS;
}

bool sysfs_read_class_version(struct sysfs *sysfs, char *ret, size_t size)
{
	return sysfs_read_text(sysfs, "module/scsi_transport_iscsi/version", ret, size) == 0 &&
	       ret[0];
}

/* A port of a bridge or a bond, whose packets go to the bridge or the bond. */
static bool is_port(int net_fd, const char *netdev)
{
	char path[NAME_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/master", netdev);
	return faccessat(net_fd, path, F_OK, 0) == 0;
}

bool sysfs_find_netdev(struct sysfs *sysfs, const char *hwaddress, char *ret, size_t size)
{
	CLEANUP(closep) int fd = open_below(sysfs->root, "class/net");
	struct dir_iter it = { .fd = fd };
	bool found = false;
	const char *name;

	if (!hwaddress[0])
		return false;
	while ((name = dir_next(&it))) {
		char address[64];

		(void)read_first_line(open_below(fd, "%s/address", name), address,
				      sizeof(address));
		if (strcasecmp(address, hwaddress) || strlen(name) >= size)
			continue;
		memcpy(ret, name, strlen(name) + 1);
		found = true;
		if (!is_port(fd, name))		/* a bond has the address of a port */
			break;
	}
	return found;
}

int sysfs_read_text(struct sysfs *sysfs, const char *path, char *ret, size_t size)
{
	return read_first_line(open_below(sysfs->root, "%s", path), ret, size);
}

bool sysfs_any_entry(struct sysfs *sysfs, const char *path,
		     bool (*found)(void *arg, const char *name), void *arg)
{
	CLEANUP(closep) int fd = open_below(sysfs->root, "%s", path);
	struct dir_iter it = { .fd = fd };
	const char *name;

	while ((name = dir_next(&it)))
		if (found(arg, name))
			return true;
	return false;
}

struct entry_name {
	char *ret;
	size_t size;
};

static bool take_name(void *arg, const char *name)
{
	const struct entry_name *entry = arg;

	(void)snprintf(entry->ret, entry->size, "%s", name);
	return true;
}

bool sysfs_first_entry(struct sysfs *sysfs, const char *path, char *ret, size_t size)
{
	struct entry_name entry = { ret, size };

	return sysfs_any_entry(sysfs, path, take_name, &entry);
}

int sysfs_write(struct sysfs *sysfs, const char *path, const char *text)
{
	while (*path == '/')
		path++;
	return write_below(sysfs->root, path, text);
}
