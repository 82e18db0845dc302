/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own note of a session, see runstate.h. A file is the node record as the database
 * has it, after a first line of our own:
 *
 *	# iscsid session ISID 00023d000001 Time2Wait 2 Phase settled
 *
 * The phase is padded to the width of the longest, so that another phase can be written over it. If
 * the record's portal has a name, its address stands in a second line:
 *
 *	# Portal 10.0.0.5
 */
#include "iscsid/runstate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "libiscsi-db/util.h"

#define FIRST_LINE	"# iscsid session ISID %02" SCNx8 "%02" SCNx8 "%02" SCNx8 "%02" SCNx8 \
			"%02" SCNx8 "%02" SCNx8 " Time2Wait %" SCNu32 " Phase %15s"
#define FILE_MAX	(128 * 1024)
#define FIRST_LINE_MAX	128
#define PORTAL_LINE	"# Portal "

static const char *const phase_texts[] = {
	[RUNSTATE_NO_NOTE] = "", [RUNSTATE_SCAN_DUE] = "scan-due",
	[RUNSTATE_SETTLED] = "settled", [RUNSTATE_ENDING] = "ending",
	[RUNSTATE_RELOGIN] = "relogin",
};

struct note_name {
	char text[32];
};

static struct note_name note_name(const char *kind, uint32_t number)
{
	struct note_name name;

	(void)snprintf(name.text, sizeof(name.text), "%s-%" PRIu32, kind, number);
	return name;
}

static int write_fully(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static size_t print_first_line(char *ret, const struct runstate *state)
{
	const uint8_t *i = state->isid;

	return (size_t)snprintf(ret, FIRST_LINE_MAX, "# iscsid session ISID %02x%02x%02x%02x%02x%02x "
				"Time2Wait %" PRIu32 " Phase %-8s\n", i[0], i[1], i[2], i[3], i[4],
				i[5], state->time2wait_s, phase_texts[state->phase]);
}

/* A daemon that died while it wrote a note has left its file, which we don't write into. */
static int create_anew(int dir_fd, const char *name)
{
	static const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = openat(dir_fd, name, flags, 0600);

	if (fd >= 0 || errno != EEXIST)
		return fd;
	(void)unlinkat(dir_fd, name, 0);
	return openat(dir_fd, name, flags, 0600);
}

static int save(int dir_fd, const char *name, const struct runstate *state)
{
	char temp[40], first[FIRST_LINE_MAX];
	char portal[sizeof(PORTAL_LINE) + sizeof(state->portal)] = "";
	CLEANUP(secret_freep) char *record = iscsi_db_record_print(state->rec, ISCSI_DB_FORM_FILE);
	int fd, r;

	if (!record)
		return -ENOMEM;
	(void)snprintf(temp, sizeof(temp), "%s.new", name);
	fd = create_anew(dir_fd, temp);
	r = fd < 0 ? -errno : write_fully(fd, first, print_first_line(first, state));
	if (*state->portal)
		(void)snprintf(portal, sizeof(portal), PORTAL_LINE "%s\n", state->portal);
	if (r >= 0)
		r = write_fully(fd, portal, strlen(portal));
	if (r >= 0)
		r = write_fully(fd, record, strlen(record));
	closep(&fd);
	if (r >= 0 && renameat(dir_fd, temp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, temp, 0);
	return r;
}

int runstate_save(int dir_fd, uint32_t sid, const struct runstate *state)
{
	return save(dir_fd, note_name("session", sid).text, state);
}

int runstate_set_phase(int dir_fd, uint32_t sid, const struct runstate *state)
{
	CLEANUP(closep) int fd = openat(dir_fd, note_name("session", sid).text,
					O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char old[FIRST_LINE_MAX] = "", first[FIRST_LINE_MAX];
	size_t len = print_first_line(first, state);

	if (fd < 0 || pread(fd, old, len, 0) != (ssize_t)len || old[len - 1] != '\n' ||
	    strncmp(old, first, (size_t)(strstr(first, "Phase") - first)) != 0)
		return -EBADMSG;
	return pwrite(fd, first, len, 0) == (ssize_t)len ? 0 : -EIO;
}

int runstate_save_wanted(int dir_fd, uint32_t number, struct iscsi_db_record *rec)
{
	return save(dir_fd, note_name("wanted", number).text, &(struct runstate){ .rec = rec });
}

static int read_whole(int dir_fd, const char *name, char **ret, size_t *ret_len)
{
	/* Without waiting: a FIFO of that name has no writer, and a device may never answer. */
	CLEANUP(closep) int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY |
					O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* A note says where the daemon connects to, so only a file that root alone can write counts. */
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
	    st.st_size > FILE_MAX)
		return -EBADMSG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, (size_t)st.st_size);
	if (n != st.st_size) {
		free(text);
		return n < 0 ? -errno : -EBADMSG;
	}
	text[n] = '\0';
	*ret = text;
	*ret_len = (size_t)n;
	return 0;
}

/* False: the first line isn't one of ours. */
static bool parse_first_line(const char *text, struct runstate *state)
{
	uint8_t *i = state->isid;
	char phase[16] = "";
	int n = sscanf(text, FIRST_LINE, &i[0], &i[1], &i[2], &i[3], &i[4], &i[5],
		       &state->time2wait_s, phase);

	/* Older notes have no phase. Scanning again does no harm, and a missing disk does. */
	state->phase = RUNSTATE_SCAN_DUE;
	for (size_t p = 0; p < ARRAY_SIZE(phase_texts); p++)
		if (n == 8 && streq(phase, phase_texts[p]))
			state->phase = (enum runstate_phase)p;
	return n >= 7 && state->time2wait_s <= 3600;
}

static void parse_portal_line(const char *text, struct runstate *state)
{
	const char *end = strchr(text, '\n');

	if (!end || sscanf(end + 1, PORTAL_LINE "%79s", state->portal) != 1)
		*state->portal = '\0';
}

static int load(int dir_fd, const char *name, struct runstate *ret)
{
	struct runstate state;
	char *text = NULL;
	size_t len = 0;
	int r = read_whole(dir_fd, name, &text, &len);

	if (r < 0)
		return r;
	if (!parse_first_line(text, &state))
		r = -EBADMSG;
	else if (iscsi_db_record_parse(ISCSI_DB_NODE, text, len, name, NULL, NULL, &state.rec, NULL))
		r = -EBADMSG;
	else
		parse_portal_line(text, &state);
	wipe_free(text, len);
	if (r >= 0)
		*ret = state;
	return r;
}

int runstate_load(int dir_fd, uint32_t sid, struct runstate *ret)
{
	return load(dir_fd, note_name("session", sid).text, ret);
}

int runstate_load_wanted(int dir_fd, uint32_t number, struct iscsi_db_record **ret)
{
	struct runstate state;
	int r = load(dir_fd, note_name("wanted", number).text, &state);

	if (r >= 0)
		*ret = state.rec;
	return r;
}

void runstate_remove(int dir_fd, uint32_t sid)
{
	(void)unlinkat(dir_fd, note_name("session", sid).text, 0);
}

void runstate_remove_wanted(int dir_fd, uint32_t number)
{
	(void)unlinkat(dir_fd, note_name("wanted", number).text, 0);
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

static DIR *open_notes(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		closep(&fd);
	return dir;
}

void runstate_sweep(int dir_fd, const unsigned int *sids, size_t len)
{
	DIR *dir = open_notes(dir_fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		unsigned int sid;

		if (sscanf(entry->d_name, "session-%u", &sid) == 1 &&
		    !(len && bsearch(&sid, sids, len, sizeof(*sids), compare_numbers)))
			(void)unlinkat(dir_fd, entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

unsigned int *runstate_list_wanted(int dir_fd, size_t *ret_len)
{
	DIR *dir = open_notes(dir_fd);
	unsigned int *numbers = NULL, number;
	struct dirent *entry;
	size_t len = 0;

	while (dir && (entry = readdir(dir))) {
		unsigned int *added;

		if (sscanf(entry->d_name, "wanted-%u", &number) != 1 ||
		    !streq(entry->d_name, note_name("wanted", number).text))
			continue;
		added = ARRAY_ADD(numbers, len);
		if (!added)
			break;
		*added = number;
	}
	if (dir)
		closedir(dir);
	if (len)	/* in the order of their beginning */
		qsort(numbers, len, sizeof(*numbers), compare_numbers);
	*ret_len = len;
	return numbers;
}
