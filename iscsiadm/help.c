/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The texts of --help: a summary, and one for each mode ("iscsiadm -m MODE --help"). Each fits
 * a screen of 24 lines by 80 columns and lists the options that options.c accepts.
 */
#include "iscsiadm/options.h"

static const char help_summary[] =
"Usage: iscsiadm -m MODE [OPTION]...\n"
"Works with iSCSI targets: finds them, keeps records of them, logs in and out.\n"
"\n"
"Modes:\n"
"  discovery     ask a portal which targets there are, and store what it says\n"
"  discoverydb   the same, with a stored record of the portal\n"
"  node          records of targets; log in to them and out of them\n"
"  session       what is logged in\n"
"  iface         records of network interfaces to log in through\n"
"  host          the hosts that the kernel has for sessions\n"
"  fw            targets that the firmware describes\n"
"\n"
"Most used:\n"
"  iscsiadm -m discovery -t st -p ADDRESS\n"
"  iscsiadm -m node -T TARGET -p ADDRESS --login\n"
"  iscsiadm -m session -P 3\n"
"  iscsiadm -m node -T TARGET -p ADDRESS --logout\n"
"\n"
"In every mode: -J, --json prints a JSON document;\n"
"               --dbroot=DIR, where the records are, instead of " ISCSI_DB_ROOT ".\n"
"Without a mode: -h, --help; -V, --version; -k 0, --killiscsid=0 stops iscsid.\n"
"`iscsiadm -m MODE --help' lists the options of a mode. Manual: iscsiadm(8).\n";

static const char help_discovery[] =
"Usage: iscsiadm -m discovery|discoverydb [OPTION]...\n"
"Without an option: lists the portals that have a record.\n"
"\n"
"  -t, --type=st|isns|fw       ask with SendTargets, or an iSNS server; fw: take\n"
"                              the targets that the firmware describes\n"
"  -p, --portal=ADDR[:PORT]    the portal to ask; port 3260 if none is given\n"
"  -I, --interface=NAME        ask through this interface (repeatable)\n"
"  -D, --discover              discoverydb: ask, with the settings of the record\n"
"  -l, --login                 then log in to all found; --wait[=SECONDS]:\n"
"                              until udev has named their disks\n"
"  -P, --print=0|1             lines, or a tree\n"
"  -o, --op=OP                 what becomes of the node records; several add up:\n"
"      new            store targets that have no record yet\n"
"      update         store all that were found with the settings of iscsid.conf\n"
"      delete         remove records from this portal that it no longer names\n"
"      nonpersistent  store nothing\n"
"                              default: new, update and delete\n"
"  without --discover, of the portal's own record: new, update, delete, show\n"
"  -n, --name=KEY -v, --value=VALUE   for -o update (repeatable)\n"
"  -S, --show                  show passwords\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              --dbroot=DIR: where the records are\n"
"`discovery -t st' resets the portal's record, discoverydb keeps it.\n";

static const char help_node[] =
"Usage: iscsiadm -m node [-T TARGET] [-p PORTAL] [-I IFACE] [OPTION]...\n"
"Without an option: lists the records. Without -T, -p, -I: acts on all of them.\n"
"\n"
"  -T, --targetname=TARGET     this target only\n"
"  -p, --portal=ADDR[:PORT]    this portal only; port 3260 if none is given\n"
"  -I, --interface=NAME        records bound to this interface only\n"
"  -l, --login                 log in; -W, --no_wait: don't wait for the result;\n"
"                              --wait[=SECONDS]: until udev has named the disks\n"
"  -u, --logout                log out; --force: also if the target is away and a\n"
"                              disk is mounted, whose last writes are then lost\n"
"  -L, --loginall=WORD         log in to records with startup WORD: automatic,\n"
"                              manual, onboot; boot: automatic and onboot; or all\n"
"  -U, --logoutall=WORD        log out of those: all, automatic or manual, but\n"
"                              for disks in use; --force: of these too\n"
"  -R, --rescan                look for new and changed LUNs\n"
"  -s, --stats                 statistics\n"
"  -o, --op=OP                 one of\n"
"      show           print the records; -S, --show: with passwords\n"
"      update         change a setting: -n, --name=KEY -v, --value=VALUE\n"
"      new            add a record; -p ADDR:PORT,TPGT sets the portal group\n"
"      delete         remove records that no session uses\n"
"  -P, --print=0|1             list as lines, or as a tree\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              --dbroot=DIR: where the records are\n";

static const char help_session[] =
"Usage: iscsiadm -m session [-r SID] [OPTION]...\n"
"Without an option: lists the sessions. Without -r: acts on all sessions.\n"
"\n"
"  -P, --print=0..3            0: lines; 1: tree with states; 2: also time-outs,\n"
"                              CHAP and what was negotiated; 3: also disks\n"
"  -S, --show                  show passwords\n"
"  -r, --sid=SID               this session: its number, or a path below /sys.\n"
"                              Alone: shows the session's node record\n"
"  -u, --logout                log out\n"
"  -R, --rescan                look for new and changed LUNs; --wait[=SECONDS]:\n"
"                              until udev has named the disks\n"
"  -s, --stats                 statistics\n"
"  -o, --op=OP                 with -r only, one of\n"
"      new            log in once more with the same record\n"
"      show, update, delete    of the session's record, as in node mode\n"
"  -n, --name=KEY -v, --value=VALUE   for -o update (repeatable)\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              --dbroot=DIR: where the records are\n"
"  -i, --interval=SECONDS      accepted\n";

static const char help_iface[] =
"Usage: iscsiadm -m iface [-I NAME] [OPTION]...\n"
"Without an option: lists the interface records; with -I: shows one.\n"
"\n"
"  -I, --interface=NAME        the interface record\n"
"  -o, --op=OP                 one of\n"
"      show           print the record\n"
"      new            add a record, or reset it\n"
"      update         change settings, also in the node records bound to it\n"
"      delete         remove the record and the node records bound to it\n"
"      apply, applyall   configure cards; software interfaces need none\n"
"  -n, --name=KEY -v, --value=VALUE   for -o new and update (repeatable)\n"
"  -P, --print=0|1             list as lines, or as a tree of what is bound\n"
"  -H, --host=HOST             for applyall: a host's number or hardware address\n"
"  -C, --submode=ping -a, --ip=ADDR   cards only; -b, --packetsize=N,\n"
"                              -c, --count=N, -i, --interval=SECONDS\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              --dbroot=DIR: where the records are\n";

static const char help_host[] =
"Usage: iscsiadm -m host [-H HOST] [OPTION]...\n"
"Lists the hosts that the kernel has for sessions.\n"
"\n"
"  -P, --print=0..4            0: lines; 1: tree; 2: with sessions; 3: also what\n"
"                              was negotiated; 4: also disks\n"
"  -H, --host=HOST             this host only: its number or hardware address\n"
"  -C, --submode=chap|flashnode|stats   what only cards have; not supported\n"
"  -o, --op=OP -x, --index=N -A, --portal_type=ipv4|ipv6 -n -v   of those\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              -t, --type=TYPE, --dbroot=DIR: accepted\n";

static const char help_fw[] =
"Usage: iscsiadm -m fw [OPTION]...\n"
"Without an option: prints the targets that the firmware describes, with secrets.\n"
"\n"
"  -l, --login                 log in to them; -W, --no_wait: don't wait;\n"
"                              --wait[=SECONDS]: until udev has named the disks\n"
"  -n, --name=KEY -v, --value=VALUE   a setting for these logins (repeatable)\n"
"  -d, --debug=LEVEL           say more; -J, --json: print a JSON document;\n"
"                              --dbroot=DIR: where the records are\n"
"`iscsiadm -m discovery -t fw' makes node records of these targets.\n";

const char *options_help(enum adm_mode mode)
{
	static const char *const helps[MODE_COUNT] = {
		[MODE_NONE] = help_summary,	    [MODE_DISCOVERY] = help_discovery,
		[MODE_DISCOVERYDB] = help_discovery, [MODE_NODE] = help_node,
		[MODE_SESSION] = help_session,	    [MODE_IFACE] = help_iface,
		[MODE_HOST] = help_host,	    [MODE_FW] = help_fw,
	};

	return helps[mode];
}
