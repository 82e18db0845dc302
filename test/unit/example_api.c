/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a program uses libiscsi-db: an interface and two nodes that log in through it are added,
 * listed, changed and deleted. Needs nothing but the installed header and library:
 *
 *	cc example_api.c $(pkg-config --cflags --libs libiscsi-db)
 *	./a.out FOLDER
 *
 * "make check-unit" builds and runs it that way. FOLDER is the root of a database; a program
 * that works on the one of the system says NULL instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi-db.h>

#define TARGET	"iqn.2030-01.org.example:disk1"

/* Each function of the library says what went wrong by a number and, in @why, in words. */
static int complain(const char *what, enum iscsi_err err, const struct iscsi_why *why)
{
	fprintf(stderr, "%s: %s (%d)\n", what, why->text[0] ? why->text : iscsi_db_err_text(err),
		(int)err);
	return -1;
}

/* What is wrong in the database but doesn't stop the work, such as a record cut short. */
static void on_warning(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "warning: %s\n", text);
}

/* ---- reading needs no lock ------------------------------------------------------------- */

/* @rec is the library's; a program that wants to keep it takes iscsi_db_record_copy(). */
static enum iscsi_err on_node(void *arg, const struct iscsi_db_record *rec)
{
	unsigned int *count = arg;

	++*count;
	printf("%s on %s port %d through %s, startup %s\n", iscsi_db_record_get(rec, "node.name"),
	       iscsi_db_record_get(rec, "node.conn[0].address"),
	       iscsi_db_record_get_int(rec, "node.conn[0].port"),
	       iscsi_db_record_get(rec, "iface.iscsi_ifacename"),
	       iscsi_db_record_get(rec, "node.startup"));
	return ISCSI_SUCCESS;	/* anything else ends the walk */
}

/* The nodes of one target; a NULL in place of the filter means all nodes. */
static int list_nodes(struct iscsi_db *db, unsigned int *ret_count)
{
	const struct iscsi_db_filter filter = { .target = TARGET, .port = -1 };
	struct iscsi_why why = { "" };
	enum iscsi_err err;

	*ret_count = 0;
	err = iscsi_db_node_each(db, &filter, on_warning, NULL, on_node, ret_count, &why);
	return err ? complain("listing nodes", err, &why) : 0;
}

static int show_iface(struct iscsi_db *db, const char *name)
{
	struct iscsi_db_record *iface = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_iface_read(db, name, &iface, &why);
	char *text;

	if (err)
		return complain("reading an interface", err, &why);
	text = iscsi_db_record_print(iface, ISCSI_DB_FORM_SHOW);
	iscsi_db_record_free(iface);
	if (!text)
		return complain("printing an interface", ISCSI_ERR_NOMEM, &why);
	/* Forty lines; the first of its settings will do here. */
	printf("%.*s\n", (int)strcspn(strstr(text, "iface."), "\n"), strstr(text, "iface."));
	free(text);
	return 0;
}

/* ---- changing: lock, read, write, commit ------------------------------------------------ */

/* Sets several settings of a record: pairs of a name and a value, up to a NULL. */
static enum iscsi_err set_all(struct iscsi_db_record *rec, const char *const pairs[][2],
			      struct iscsi_why *why)
{
	enum iscsi_err err = ISCSI_SUCCESS;

	for (size_t i = 0; pairs[i][0] && !err; i++)
		err = iscsi_db_record_set(rec, pairs[i][0], pairs[i][1], why);
	return err;
}

static enum iscsi_err add_iface(struct iscsi_db *db, struct iscsi_db_record *iface,
				struct iscsi_why *why)
{
	static const char *const settings[][2] = {
		{ "iface.iscsi_ifacename", "backup" },
		{ "iface.net_ifacename", "eth1" },
		{ NULL, NULL },
	};
	enum iscsi_err err = set_all(iface, settings, why);

	return err ? err : iscsi_db_iface_write(db, iface, why);
}

static enum iscsi_err add_node(struct iscsi_db *db, const struct iscsi_db_record *iface,
			       const char *address, struct iscsi_why *why)
{
	const char *const settings[][2] = {
		{ "node.name", TARGET },
		{ "node.conn[0].address", address },
		{ "node.conn[0].port", "3260" },
		{ "node.tpgt", "1" },
		{ "node.startup", "automatic" },
		{ NULL, NULL },
	};
	struct iscsi_db_record *node = NULL;
	enum iscsi_err err = iscsi_db_record_new(ISCSI_DB_NODE, &node);

	/* iscsi_db_config_read() and _apply() would give it the defaults of iscsid.conf. */
	if (!err)
		err = set_all(node, settings, why);
	if (!err)
		err = iscsi_db_record_bind(node, iface);
	if (!err)
		err = iscsi_db_node_write(db, node, why);
	iscsi_db_record_free(node);
	return err;
}

/* All of it becomes visible, and durable, at once. */
static int add_records(struct iscsi_db *db)
{
	struct iscsi_db_record *iface = NULL;
	struct iscsi_why why = { "" };
	enum iscsi_err err = iscsi_db_lock(db, &why);

	if (err)
		return complain("locking", err, &why);
	err = iscsi_db_record_new(ISCSI_DB_IFACE, &iface);
	if (!err)
		err = add_iface(db, iface, &why);
	if (!err)
		err = add_node(db, iface, "192.0.2.10", &why);
	if (!err)
		err = add_node(db, iface, "2001:db8::10", &why);
	if (!err)
		err = iscsi_db_commit(db, &why);
	iscsi_db_record_free(iface);
	iscsi_db_unlock(db);	/* also drops what wasn't committed */
	return err ? complain("adding records", err, &why) : 0;
}

/* What is changed is read after the lock was taken, lest another's change be lost. */
struct change {
	struct iscsi_db *db;
	const char *key, *value;	/* NULL: delete the record */
	struct iscsi_why why;
};

static enum iscsi_err on_change(void *arg, const struct iscsi_db_record *rec)
{
	struct change *c = arg;
	struct iscsi_db_record *copy = NULL;
	enum iscsi_err err;

	if (!c->key)
		return iscsi_db_node_delete(c->db, rec, &c->why);
	err = iscsi_db_record_copy(rec, &copy);
	if (!err)
		err = iscsi_db_record_update(copy, c->key, c->value, on_warning, NULL, &c->why);
	if (!err)
		err = iscsi_db_node_write(c->db, copy, &c->why);
	iscsi_db_record_free(copy);
	return err;
}

static int change_nodes(struct iscsi_db *db, const char *address, const char *key,
			const char *value)
{
	const struct iscsi_db_filter filter = {
		.target = TARGET, .address = address, .port = -1,
	};
	struct change c = { db, key, value, { "" } };
	enum iscsi_err err = iscsi_db_lock(db, &c.why);

	if (err)
		return complain("locking", err, &c.why);
	err = iscsi_db_node_each(db, &filter, on_warning, NULL, on_change, &c, &c.why);
	if (!err && !key && !address)
		err = iscsi_db_iface_delete(db, "backup", &c.why);
	if (!err)
		err = iscsi_db_commit(db, &c.why);
	iscsi_db_unlock(db);
	return err ? complain(key ? key : "deleting", err, &c.why) : 0;
}

/* ---- one after the other ------------------------------------------------------------------ */

static int expect_nodes(struct iscsi_db *db, unsigned int expected)
{
	unsigned int count;

	if (list_nodes(db, &count) < 0)
		return -1;
	if (count == expected)
		return 0;
	fprintf(stderr, "%u nodes instead of %u\n", count, expected);
	return -1;
}

static int run(struct iscsi_db *db, bool keep)
{
	if (add_records(db) < 0 || show_iface(db, "backup") < 0 || expect_nodes(db, 2) < 0 ||
	    change_nodes(db, "192.0.2.10", "node.startup", "manual") < 0 ||
	    expect_nodes(db, 2) < 0)
		return -1;
	/* A value that the setting can't have is refused, and nothing is changed. */
	if (change_nodes(db, NULL, "node.startup", "sometimes") == 0)
		return -1;
	if (keep)
		return 0;
	if (change_nodes(db, "2001:db8::10", NULL, NULL) < 0 || expect_nodes(db, 1) < 0)
		return -1;
	return change_nodes(db, NULL, NULL, NULL) < 0 ? -1 : expect_nodes(db, 0);
}

int main(int argc, char **argv)
{
	bool keep = argc == 3 && strcmp(argv[2], "keep") == 0;
	struct iscsi_why why = { "" };
	struct iscsi_db *db = NULL;
	enum iscsi_err err;
	int r;

	if (argc != 2 && !keep) {
		fputs("Usage: example_api FOLDER [keep]\n", stderr);
		return 2;
	}
	err = iscsi_db_open(argv[1], &db, &why);
	if (err) {
		(void)complain(argv[1], err, &why);
		return 1;
	}
	printf("libiscsi-db %s, root %s\n", iscsi_db_version(), iscsi_db_root(db));
	r = run(db, keep);
	iscsi_db_close(db);
	return r < 0 ? 1 : 0;
}
