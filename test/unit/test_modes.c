/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole commands on a database in which something can't be read or changed: what is said, what
 * is left, and the exit status.
 */
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "iscsiadm/mode_discovery.h"
#include "iscsiadm/mode_iface.h"
#include "iscsiadm/mode_node.h"
#include "libiscsi-db/util.h"
#include "test/fake/sysfs.h"
#include "test/unit/capture.h"

#define WORDS_MAX	16

static struct fake_sysfs *fs;
static char base[64], root[80];

/* A path in the database, or beside it. */
static const char *at(const char *folder, const char *path)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "%s/%s", folder, path);
	return text;
}

static void put_file(const char *path)
{
	FILE *f = fopen(path, "w");

	ck_assert_msg(f != NULL, "%s", path);
	fclose(f);
}

static void make_folder(const char *path)
{
	ck_assert_msg(!mkdir(at(root, path), 0700), "%s", path);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(at(root, path), &st) == 0;
}

static void setup(void)
{
	fs = fake_sysfs_new();
	(void)snprintf(base, sizeof(base), "/tmp/test-modes.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	(void)snprintf(root, sizeof(root), "%s/db", base);
	ck_assert_int_eq(mkdir(root, 0700), 0);
	put_file(at(base, "iscsid.conf"));
	ck_assert_int_eq(setenv("ISCSI_DB_ROOT", root, 1), 0);
	ck_assert_int_eq(setenv("ISCSI_LOCK_DIR", at(base, "lock"), 1), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	(void)said(0);
	(void)said(1);
	fake_sysfs_free(fs);
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum iscsi_err run_mode(struct adm *adm)
{
	switch (adm->opt.mode) {
	case MODE_NODE:
		return mode_node_run(adm);
	case MODE_IFACE:
		return mode_iface_run(adm);
	case MODE_DISCOVERY:
	case MODE_DISCOVERYDB:
		return mode_discovery_run(adm);
	default:
		return ISCSI_ERR_INTERNAL;
	}
}

/* Runs a command, @line being what follows "iscsiadm"; said() has what it printed. */
static enum iscsi_err run(const char *line)
{
	char words[256], *argv[WORDS_MAX] = { (char[]){ "iscsiadm" } }, *save = NULL;
	struct adm adm = { .db = NULL };
	struct iscsi_why why = { "" };
	enum iscsi_err err;
	int argc = 1;

	(void)said(0);
	(void)said(1);
	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok_r(words, " ", &save); word && argc < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	ck_assert_msg(!options_parse(argc, argv, &adm.opt, &why), "%s: %s", line, why.text);
	ck_assert(!sysfs_new(fake_sysfs_root(fs), &adm.sysfs));
	ck_assert(!iscsi_db_config_read(at(base, "iscsid.conf"), NULL, NULL, &adm.config, NULL));
	capture();
	if (adm.opt.json)
		adm.json = json_open();
	err = run_mode(&adm);
	if (adm.opt.json)
		ck_assert_int_eq(json_close(adm.json, adm.sysfs, err), 0);
	adm_done(&adm);
	return err;
}

static void must(const char *line)
{
	ck_assert_msg(run(line) == ISCSI_SUCCESS, "%s: %s", line, said(1));
}

/* What was said, "DB" standing for the root. */
static const char *plain(int stream)
{
	static char text[2][8192];
	const char *p = said(stream), *next;
	char *end = text[stream];

	for (; (next = strstr(p, root)); p = next + strlen(root))
		end += sprintf(end, "%.*sDB", (int)(next - p), p);
	strcpy(end, p);
	return text[stream];
}

/* ---- what can't be read ---------------------------------------------------------------- */

#define RECORD	"nodes/iqn.a/10.0.0.1,3260,1/default"

START_TEST(an_unreadable_node_is_deleted)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	put_file(at(root, RECORD));
	ck_assert_int_eq(run("-m node -T iqn.a -o delete"), ISCSI_SUCCESS);
	ck_assert_str_eq(plain(1), "iscsiadm: DB/" RECORD " is empty; it is left out\n"
			 "iscsiadm: 1 unreadable record is deleted.\n");
	ck_assert(!is_there("nodes/iqn.a"));
	ck_assert_int_eq(run("-m node -T iqn.a -o delete"), ISCSI_ERR_NO_OBJS_FOUND);
}
END_TEST

/* An update tells of a record that can't be read, be the update refused or not, and keeps the record. */
START_TEST(an_unreadable_node_is_not_updated)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	must("-m node -o new -T iqn.b -p 10.0.0.1:3260,1");
	put_file(at(root, "nodes/iqn.b/10.0.0.1,3260,1/default"));
	ck_assert_int_eq(run("-m node -o update -n node.bogus -v 1"), ISCSI_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(said(1), "is empty; it is left out\n"));
	ck_assert_int_eq(run("-m node -o update -n node.startup -v automatic"), ISCSI_SUCCESS);
	ck_assert_str_eq(plain(1), "iscsiadm: DB/nodes/iqn.b/10.0.0.1,3260,1/default is empty; "
			 "it is left out\n");
	ck_assert(is_there("nodes/iqn.b/10.0.0.1,3260,1/default"));
}
END_TEST

START_TEST(what_stays_is_not_called_deleted)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	ck_assert_int_eq(remove(at(root, RECORD)), 0);
	make_folder(RECORD);
	make_folder(RECORD "/full");
	ck_assert_int_eq(run("-m node -T iqn.a -o delete"), ISCSI_ERR_IDBM);
	ck_assert_ptr_nonnull(strstr(said(1), "Could not execute operation on all records"));
	ck_assert_ptr_null(strstr(said(1), "deleted"));
	ck_assert(is_there(RECORD "/full"));

	must("-m iface -I if1 -o new");
	make_folder("nodes/iqn.a/10.0.0.1,3260,1/if1");
	make_folder("nodes/iqn.a/10.0.0.1,3260,1/if1/full");
	ck_assert_int_eq(run("-m iface -I if1 -o delete"), ISCSI_ERR_IDBM);
	ck_assert_ptr_null(strstr(said(1), "deleted"));
	ck_assert_str_eq(said(0), "");
}
END_TEST

START_TEST(an_unreadable_interface_is_deleted)
{
	make_folder("ifaces");
	put_file(at(root, "ifaces/bad"));
	ck_assert_int_eq(run("-m iface -I bad -o delete"), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "bad unbound and deleted.\n");
	ck_assert_str_eq(plain(1), "iscsiadm: DB/ifaces/bad is empty\n");
	ck_assert(!is_there("ifaces/bad"));
}
END_TEST

START_TEST(an_interface_that_is_not_written_is_not_added)
{
	put_file(at(root, "ifaces"));
	ck_assert_int_eq(run("-m iface -I if1 -o new -n iface.mtu -v 1500"), ISCSI_ERR_IDBM);
	ck_assert_str_eq(said(0), "");
	ck_assert_ptr_nonnull(strstr(said(1), "Could not create new interface if1.\n"));
}
END_TEST

/* Nothing else could find it once the interface has gone. */
START_TEST(an_interface_takes_its_unreadable_nodes)
{
	must("-m iface -I if1 -o new");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1 -I if1");
	must("-m node -o new -T iqn.b -p 10.0.0.1:3260,1 -I if1");
	put_file(at(root, RECORD));
	put_file(at(root, "nodes/iqn.a/10.0.0.1,3260,1/if1"));
	ck_assert_int_eq(run("-m iface -I if1 -o delete"), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "if1 unbound and deleted.\n");
	ck_assert_str_eq(plain(1), "iscsiadm: DB/nodes/iqn.a/10.0.0.1,3260,1/if1 is empty; "
			 "it is left out\niscsiadm: 1 unreadable record is deleted.\n");
	ck_assert(!is_there("nodes/iqn.a/10.0.0.1,3260,1/if1"));
	ck_assert(!is_there("static/iqn.a,10.0.0.1,3260,1,if1"));
	ck_assert(!is_there("nodes/iqn.b"));
	ck_assert(!is_there("ifaces/if1"));
	ck_assert(is_there(RECORD));
}
END_TEST

START_TEST(an_interface_in_use_takes_nothing)
{
	must("-m iface -I if1 -o new");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1 -I if1");
	put_file(at(root, "nodes/iqn.a/10.0.0.1,3260,1/if1"));
	fake_sysfs_add_session(fs, 1, 0, "iqn.a", "10.0.0.1", 3260);
	fake_sysfs_set(fs, "class/iscsi_session/session1/ifacename", "if1\n");
	ck_assert_int_eq(run("-m iface -I if1 -o delete"), ISCSI_ERR_SESS_EXISTS);
	ck_assert_ptr_null(strstr(said(1), "deleted"));
	ck_assert(is_there("nodes/iqn.a/10.0.0.1,3260,1/if1"));
	ck_assert(is_there("ifaces/if1"));
}
END_TEST

START_TEST(unreadable_interfaces_without_nodes)
{
	static const char unreadable[] = "Unreadable:\n\tDB/ifaces/bad is empty\n";

	make_folder("ifaces");
	ck_assert_int_eq(run("-m iface -P 1"), ISCSI_SUCCESS);
	ck_assert_str_eq(said(0), "");
	ck_assert_str_eq(said(1), "");
	must("-m iface -I good -o new");
	put_file(at(root, "ifaces/bad"));
	ck_assert_int_eq(run("-m iface -P 1"), ISCSI_SUCCESS);
	ck_assert_str_eq(plain(0), unreadable);
	ck_assert_str_eq(plain(1), "iscsiadm: DB/ifaces/bad is empty; it is left out\n");
	ck_assert_int_eq(run("-m iface -I bad -P 1"), ISCSI_SUCCESS);
	ck_assert_str_eq(plain(0), unreadable);
}
END_TEST

/* ---- secrets --------------------------------------------------------------------------- */

static const struct {
	const char *line;
	bool secrets;
} documents[] = {
	{ "-m node -o new -T iqn.a -p 10.0.0.1:3260,1 --json", false },
	{ "-m node --json", false },
	{ "-m node --json -S", true },
	{ "-m node -P 1 --json", false },
	{ "-m node -T iqn.a --json", false },
	{ "-m node -T iqn.a --json -S", true },
	{ "-m iface -P 1 --json", false },
	{ "-m discovery -P 1 --json", false },
	{ "-m discovery -P 1 --json -S", true },
};

START_TEST(a_document_has_secrets_only_with_S)
{
	FILE *f = fopen(at(base, "iscsid.conf"), "w");

	ck_assert_ptr_nonnull(f);
	fputs("node.session.auth.password = a-long-secret\n", f);
	fclose(f);
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	must(documents[_i].line);
	ck_assert_ptr_nonnull(strstr(said(0), "\"node.session.auth.password\": \""));
	ck_assert_int_eq(strstr(said(0), "a-long-secret") != NULL, documents[_i].secrets);
}
END_TEST

/* ---- a folder that can't be listed ----------------------------------------------------- */

#define NONE	"No targets found.\n"
#define STATIC	"STATIC:\nTarget: iqn.a\n\tPortal: 10.0.0.1:3260,1\n\t\tIface Name: default\n"

START_TEST(one_section_does_not_hide_the_others)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	must("-m discoverydb -t st -p 10.0.0.5 -o new");
	put_file(at(root, "isns"));
	ck_assert_int_eq(run("-m discovery -P 1"), ISCSI_ERR_IDBM);
	ck_assert_str_eq(said(0), "SENDTARGETS:\nDiscoveryAddress: 10.0.0.5,3260\niSNS:\n"
			 STATIC "FIRMWARE:\n" NONE);
	ck_assert_str_eq(plain(1), "iscsiadm: cannot list DB/isns: Not a directory\n");
	ck_assert_int_eq(run("-m discovery"), ISCSI_ERR_IDBM);
	ck_assert_str_eq(said(0), "10.0.0.5:3260 via sendtargets\n");
}
END_TEST

START_TEST(nor_does_the_first)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1");
	must("-m discoverydb -t isns -p 10.0.0.6 -o new");
	put_file(at(root, "send_targets"));
	ck_assert_int_eq(run("-m discoverydb -P 1"), ISCSI_ERR_IDBM);
	ck_assert_str_eq(said(0), "SENDTARGETS:\niSNS:\nDiscoveryAddress: 10.0.0.6,3205\n"
			 STATIC "FIRMWARE:\n" NONE);
	ck_assert_int_eq(run("-m discoverydb"), ISCSI_ERR_IDBM);
	ck_assert_str_eq(said(0), "10.0.0.6:3205 via isns\n");
	ck_assert_str_eq(plain(1), "iscsiadm: cannot list DB/send_targets: Not a directory\n");
}
END_TEST

/* ---- new ------------------------------------------------------------------------------- */

#define ADDED(address, port, tpgt)							\
	"New iSCSI node [tcp:[hw=,ip=,net_if=,iscsi_if=default] " address "," port ","	\
	tpgt " iqn.a] added\n"

START_TEST(portals_are_added_again_once_each)
{
	must("-m iface -I if1 -o new");
	must("-m iface -I if2 -o new");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1 -I if1");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,1 -I if2");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3260,2 -I if2");
	must("-m node -o new -T iqn.a -p 10.0.0.1:3261,1 -I if1");
	must("-m node -o new -T iqn.a -p 10.0.0.2:3260,1");
	must("-m node -o new -T iqn.a -p 10.0.0.2:3260,1 -I if1");
	must("-m node -o new -T iqn.a -p 10.0.0.3:3260,1");
	must("-m node -o new -T iqn.b -p 10.0.0.3:3260,1");
	must("-m node -o new -T iqn.a");
	ck_assert_str_eq(said(0), ADDED("10.0.0.1", "3260", "1") ADDED("10.0.0.1", "3260", "2")
			 ADDED("10.0.0.1", "3261", "1") ADDED("10.0.0.2", "3260", "1")
			 ADDED("10.0.0.3", "3260", "1"));
	must("-m node -o delete -p 10.0.0.1");
	must("-m node -o delete -p 10.0.0.1:3261");
	must("-m node -P 1");
	ck_assert_str_eq(said(0), "Target: iqn.a\n"
			 "\tPortal: 10.0.0.2:3260,1\n\t\tIface Name: default\n"
			 "\tPortal: 10.0.0.2:3260,1\n\t\tIface Name: if1\n"
			 "\tPortal: 10.0.0.3:3260,1\n\t\tIface Name: default\n"
			 "Target: iqn.b\n"
			 "\tPortal: 10.0.0.3:3260,1\n\t\tIface Name: default\n");
}
END_TEST

START_TEST(a_port_may_be_1)
{
	must("-m node -o new -T iqn.a -p 10.0.0.1:1,1");
	ck_assert_str_eq(said(0), ADDED("10.0.0.1", "1", "1"));
	must("-m discoverydb -t st -p 10.0.0.1:1 -o new");
	ck_assert_str_eq(said(0), "New discovery record for [10.0.0.1,1] added.\n");
}
END_TEST

/* ---- discovery ------------------------------------------------------------------------- */

/* "LocalHost" is another text than "localhost", so only a look-up leads to the record. */
START_TEST(a_look_up_leads_to_what_is_shown_but_not_to_what_is_reset)
{
	must("-m node -o new -T iqn.a -p localhost:3260,1");
	must("-m node -p LocalHost");
	must("-m node -T iqn.a -p LocalHost -o show");
	ck_assert_ptr_nonnull(strstr(said(0), "node.conn[0].address = localhost\n"));
	ck_assert_int_eq(run("-m node -p LocalHost -o new"), ISCSI_ERR_INVAL);
}
END_TEST

START_TEST(a_type_that_is_none_finds_no_record)
{
	must("-m discoverydb -t st -p 10.0.0.5 -o new");
	ck_assert_int_eq(run("-m discovery -t slp -p 10.0.0.5"), ISCSI_ERR_INVAL);
	ck_assert_str_eq(said(0), "");
	ck_assert_str_eq(said(1), "iscsiadm: 'slp' is no type of discovery; there are "
			 "sendtargets (st), isns and fw\n");
	must("-m discovery -p 10.0.0.5");
	ck_assert_ptr_nonnull(strstr(said(0), "discovery.sendtargets.address = 10.0.0.5\n"));
}
END_TEST

/* What changes nothing needs no lock, so the database may be read-only. */
START_TEST(no_lock_is_taken_for_nothing)
{
	fake_sysfs_set(fs, "firmware/ibft/ethernet0/index", "0\n");
	fake_sysfs_set(fs, "firmware/ibft/target0/flags", "3\n");
	fake_sysfs_set(fs, "firmware/ibft/target0/target-name", "iqn.a\n");
	fake_sysfs_set(fs, "firmware/ibft/target0/ip-addr", "10.0.0.1\n");
	must("-m iface -I if1 -o new");
	ck_assert_int_eq(setenv("ISCSI_LOCK_DIR", at(base, "iscsid.conf"), 1), 0);
	ck_assert_int_eq(run("-m discovery -t fw -o new"), ISCSI_ERR_IDBM);
	must("-m discovery -t fw -o nonpersistent");
	ck_assert_str_eq(said(0), "10.0.0.1:3260,1 iqn.a\n");
	ck_assert(!is_there("nodes/iqn.a"));
	ck_assert_int_eq(setenv("ISCSI_LOCK_DIR", at(base, "lock"), 1), 0);
	/* Stored, the target is listed behind a record that was made by hand. */
	must("-m node -o new -T iqn.0 -p 10.0.0.2:3260,1");
	must("-m discovery -t fw");
	must("-m discovery -P 1");
	ck_assert_ptr_nonnull(strstr(said(0), "FIRMWARE:\nTarget: iqn.a\n\tPortal: 10.0.0.1:3260,1\n"));
}
END_TEST

static int listener;

static void send_reply(int fd, const struct mgmt_reply *reply)
{
	size_t len;
	uint8_t *data = mgmt_msg_build_reply(reply, &len);

	if (data)
		(void)send(fd, data, len, MSG_NOSIGNAL);
	free(data);
}

/* A daemon that leaves two targets out of each answer. */
static void *serve_discoveries(void *arg)
{
	struct mgmt_reply hello = { .type = MGMT_HELLO, .name = "test" };
	uint8_t header[MGMT_HEADER_LEN], body[4096];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct mgmt_request req;
	uint32_t len;
	uint16_t type;

	send_reply(fd, &hello);
	while (recv(fd, header, sizeof(header), MSG_WAITALL) == sizeof(header) &&
	       !mgmt_msg_header(header, &type, &len, NULL) && len <= sizeof(body) &&
	       recv(fd, body, len, MSG_WAITALL) == (ssize_t)len &&
	       !mgmt_msg_parse_request(type, body, len, &req, NULL)) {
		struct mgmt_reply reply = {
			.tag = req.tag, .name = "iqn.a", .address = "10.0.0.1", .port = 3260,
			.tpgt = 1, .type = MGMT_WARNING, .why = "skipping one",
		};

		send_reply(fd, &reply);
		reply.why = "skipping \033[another";
		send_reply(fd, &reply);
		reply.type = MGMT_TARGET;
		send_reply(fd, &reply);
		reply.type = MGMT_RESULT;
		reply.why = "";
		send_reply(fd, &reply);
	}
	(void)close(fd);
	return arg;
}

START_TEST(a_target_that_is_left_out_is_said_once)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	pthread_t thread;

	must("-m iface -I if1 -o new");
	must("-m iface -I if2 -o new");
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/socket", base);
	ck_assert_int_eq(setenv("ISCSID_SOCKET", sun.sun_path, 1), 0);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)(void *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_discoveries, NULL), 0);
	ck_assert_int_eq(run("-m discovery -t st -p 10.0.0.1"), ISCSI_SUCCESS);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	(void)close(listener);
	ck_assert_str_eq(said(1), "iscsiadm: skipping one\n"
			 "iscsiadm: skipping \\x1b[another\n");
	ck_assert_str_eq(said(0), "10.0.0.1:3260,1 iqn.a\n10.0.0.1:3260,1 iqn.a\n");
	ck_assert(is_there("nodes/iqn.a/10.0.0.1,3260,1/if2"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("modes");
	TCase *t = tcase_create("modes");
	SRunner *runner = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, an_unreadable_node_is_deleted);
	tcase_add_test(t, an_unreadable_node_is_not_updated);
	tcase_add_test(t, what_stays_is_not_called_deleted);
	tcase_add_test(t, an_unreadable_interface_is_deleted);
	tcase_add_test(t, an_interface_that_is_not_written_is_not_added);
	tcase_add_test(t, an_interface_takes_its_unreadable_nodes);
	tcase_add_test(t, an_interface_in_use_takes_nothing);
	tcase_add_test(t, unreadable_interfaces_without_nodes);
	tcase_add_loop_test(t, a_document_has_secrets_only_with_S, 0, (int)ARRAY_SIZE(documents));
	tcase_add_test(t, one_section_does_not_hide_the_others);
	tcase_add_test(t, nor_does_the_first);
	tcase_add_test(t, portals_are_added_again_once_each);
	tcase_add_test(t, a_port_may_be_1);
	tcase_add_test(t, a_look_up_leads_to_what_is_shown_but_not_to_what_is_reset);
	tcase_add_test(t, a_type_that_is_none_finds_no_record);
	tcase_add_test(t, no_lock_is_taken_for_nothing);
	tcase_add_test(t, a_target_that_is_left_out_is_said_once);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
