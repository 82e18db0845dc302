# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scenarios have in common. A scenario is a bash script whose first lines are
#
#	. "$(dirname "$0")/../../lab/lib.sh"
#	in_lab "$@"
#
# in_lab starts the script again inside the lab, unless it runs there already. Inside, the
# initiator is the machine itself, 172.24.3.1; the target's host is the network namespace
# "tgt", 172.24.3.5. A check that fails says so on stderr and ends the scenario.

LAB_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

TARGET=172.24.3.5
IQN=iqn.2015-06.com.benet
CLIENT=iqn.2014-06.com.benet:client1
DB=/var/lib/iscsi

# in_lab [run's options] -- "$@": goes on below in the lab. LAB_OPTIONS are added, so that
# LAB_OPTIONS="--original --timeout 300" test/system/NAME/run does what it says.
in_lab()
{
	local options=()

	[ -z "${ISCSI_LAB:-}" ] || return 0
	while [ $# -gt 0 ]; do
		[ "$1" != -- ] || {
			shift
			break
		}
		options+=("$1")
		shift
	done
	case " ${options[*]} ${LAB_OPTIONS:-} " in
	*" --both "* | *" --original "*)
		"$LAB_LIB/fetch" "original${LAB_ORIGINAL:+-$LAB_ORIGINAL}" || skip "Debian's open-iscsi cannot be had here"
		;;
	esac
	# shellcheck disable=SC2086
	exec "$LAB_LIB/run" "${options[@]}" ${LAB_OPTIONS:-} "$0" "$@"
}

note()
{
	printf '%s\n' "-- $*"
}

fail()
{
	printf '%s\n' "FAILED: $* (line ${BASH_LINENO[*]: -2:1})" >&2
	exit 1
}

skip()
{
	printf '%s\n' "SKIPPED: $*"
	exit 77
}

# not_as_unit REASON: with --systemd the scenario can't do what it does.
not_as_unit()
{
	[ "${LAB_SYSTEMD:-0}" = 0 ] || skip "as a unit: $*"
}

# --- the two hosts -----------------------------------------------------------------------

two_hosts()
{
	ip -b - <<-END || fail "no network"
	netns add tgt
	link add v0 type veth peer name v1 netns tgt
	addr add 172.24.3.1/24 dev v0
	addr add fd00:24:3::1/64 dev v0 nodad
	link set v0 up
	END
	ip -n tgt -b - <<-END || fail "no network for the target"
	addr add 172.24.3.5/24 dev v1
	addr add fd00:24:3::5/64 dev v1 nodad
	link set v1 up
	link set lo up
	END
}

# lio ...: the target's configuration (see test/lab/lio), on the target's host if there is one.
lio()
{
	if [ -e /run/netns/tgt ]; then
		nsenter --net=/run/netns/tgt "$LAB_LIB/lio" "$@"
	else
		"$LAB_LIB/lio" "$@"
	fi
}

target_up()
{
	lio up "$@" || fail "target_up $*"
}

targets_many()
{
	lio many "$@" || fail "targets_many $*"
}

target_down()
{
	lio down "$@" || fail "target_down $*"
}

# --- the programs ------------------------------------------------------------------------

# use ours|original: which programs and which iscsid.conf count from now on (run --both).
use()
{
	case $1 in
	original)
		PATH=$ORIGINAL_BIN:${PATH//$ORIGINAL_BIN:/}
		cp "$ORIGINAL/iscsid.conf" /etc/iscsi/iscsid.conf
		DB=/etc/iscsi
		;;
	ours)
		PATH=$LAB_BIN:${PATH//$LAB_BIN:/}
		sed 's/^iscsid.startup/# &/' "$LAB_TOP/etc/iscsid.conf" >/etc/iscsi/iscsid.conf
		DB=/var/lib/iscsi
		;;
	*) fail "use $1" ;;
	esac
	chmod 600 /etc/iscsi/iscsid.conf
	hash -r
	USING=$1
}
USING=${LAB_PROGRAMS:-ours}
[ "$USING" != both ] || USING=ours
# Debian builds the original with its records beside its configuration.
[ "$USING" != original ] || DB=/etc/iscsi

# start_iscsid [ARGS...]: with arguments of its own or as a daemon; returns when it answers.
start_iscsid()
{
	iscsid "$@" || fail "iscsid $* ended with $?"
	wait_for 10 iscsid_answers || fail "iscsid does not answer"
}

iscsid_answers()
{
	grep -q '@ISCSIADM_ABSTRACT_NAMESPACE' /proc/net/unix || return 1
	# A tree of sessions is the one listing that asks the daemon; without any it's idle talk.
	iscsid_pid >/dev/null
}

# The original logs in to every session again when it starts, and can do nothing with them
# before that is over. Ours needs no such time: a scenario must not give it any.
let_original_settle()
{
	[ "$USING" != original ] || pause 4
}

# The daemon's own process: the original has a log writer beside it.
iscsid_pid()
{
	local pid

	if read -r pid 2>/dev/null </run/iscsid.pid && [ -d "/proc/$pid" ]; then
		echo "$pid"
		return 0
	fi
	pidof -s iscsid
}

stop_iscsid()
{
	local pid

	pid=$(iscsid_pid) || return 0
	kill -TERM "$pid" 2>/dev/null
	wait_for 10 gone "$pid" || fail "iscsid $pid does not end"
}

# --- waiting and checking ----------------------------------------------------------------

gone()
{
	! kill -0 "$1" 2>/dev/null
}

# lab_clock: leaves milliseconds for limits in $NOW_MS. Time in which this machine has something to do
# counts a tenth, since other machines may keep it from doing it.
lab_clock()
{
	local cpus=(/sys/devices/system/cpu/cpu[0-9]*) up idle

	read -r up idle </proc/uptime
	NOW_MS=$((10#${up/./} + 9 * 10#${idle/./} / ${#cpus[@]}))
}

# wait_for SECONDS COMMAND...: until it succeeds; 1 if it doesn't within that time of lab_clock.
wait_for()
{
	local end

	lab_clock
	end=$((NOW_MS + $1 * 1000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		lab_clock
		[ $NOW_MS -lt $end ] || return 1
		pause 0.1
	done
}

# pause SECONDS: sleep without a process, which is dear here.
pause()
{
	[ -n "${LAB_PAUSE_FD:-}" ] || {
		# A pipe that nobody writes to.
		exec {LAB_PAUSE_FD}<> <(:)
	}
	read -r -t "$1" -u "$LAB_PAUSE_FD" _
	return 0
}

# run_cmd COMMAND...: leaves $OUT, $ERR and $STATUS.
run_cmd()
{
	"$@" >/tmp/lab-cmd.out 2>/tmp/lab-cmd.err </dev/null
	STATUS=$?
	OUT=$(</tmp/lab-cmd.out)
	ERR=$(</tmp/lab-cmd.err)
	LAST="$*"
}

show_last()
{
	printf '%s\n' "  command: $LAST" "  status:  $STATUS" >&2
	printf '%s\n' "$OUT" | sed 's/^/  stdout:  /' >&2
	printf '%s\n' "$ERR" | sed 's/^/  stderr:  /' >&2
}

# expect_status N COMMAND...: runs it and wants that exit status.
expect_status()
{
	local want=$1

	shift
	run_cmd "$@"
	[ "$STATUS" = "$want" ] || {
		show_last
		fail "status $STATUS instead of $want: $LAST"
	}
}

has_line()
{
	case $'\n'"$1"$'\n' in
	*$'\n'"$2"$'\n'*) return 0 ;;
	esac
	return 1
}

# expect_line TEXT...: each is a whole line of the last command's standard output.
expect_line()
{
	local line

	for line; do
		has_line "$OUT" "$line" || {
			show_last
			fail "no such line on stdout: $line"
		}
	done
}

expect_err_line()
{
	local line

	for line; do
		has_line "$ERR" "$line" || {
			show_last
			fail "no such line on stderr: $line"
		}
	done
}

# expect_out TEXT: all of standard output; expect_err TEXT: all of standard error.
expect_out()
{
	same_text stdout "$1" "$OUT"
}

expect_err()
{
	same_text stderr "$1" "$ERR"
}

same_text()
{
	[ "$2" != "$3" ] || return 0
	show_last
	echo "  wanted (-) and seen (+):" >&2
	printf '%s\n' "$2" >/tmp/lab-wanted
	printf '%s\n' "$3" >/tmp/lab-seen
	diff -u /tmp/lab-wanted /tmp/lab-seen | sed -n '3,$s/^/  /p' >&2
	fail "$1 is not as it must be: $LAST"
}

# expect_some_err: a line on stderr, whichever.
expect_some_err()
{
	[ -n "$ERR" ] || {
		show_last
		fail "nothing on stderr"
	}
}

# --- what the kernel shows ---------------------------------------------------------------

sessions()
{
	local dir

	for dir in /sys/class/iscsi_session/session*; do
		[ ! -e "$dir" ] || echo "${dir##*session}"
	done
}

session_count()
{
	local dirs=(/sys/class/iscsi_session/session*)

	[ -e "${dirs[0]}" ] && echo ${#dirs[@]} || echo 0
}

no_sessions()
{
	[ "$(session_count)" = 0 ]
}

sid_of_target()
{
	local dir name

	for dir in /sys/class/iscsi_session/session*; do
		read -r name 2>/dev/null <"$dir/targetname" || continue
		[ "$name" != "$1" ] || {
			echo "${dir##*session}"
			return 0
		}
	done
	return 1
}

# disk_of_session SID [LUN]: the block device's name.
disk_of_session()
{
	local dir

	for dir in /sys/class/iscsi_session/session"$1"/device/target*/*:"${2:-0}"/block/*; do
		[ -e "$dir" ] || continue
		echo "${dir##*/}"
		return 0
	done
	return 1
}

# disk_of_target IQN [LUN], the same by name.
disk_of_target()
{
	local sid

	sid=$(sid_of_target "$1") && disk_of_session "$sid" "${2:-0}"
}

disks()
{
	local dir

	for dir in /sys/class/iscsi_session/session*/device/target*/*:*/block/*; do
		[ ! -e "$dir" ] || echo "${dir##*/}"
	done
}

disk_count()
{
	local dirs=(/sys/class/iscsi_session/session*/device/target*/*:*/block/*)

	[ -e "${dirs[0]}" ] && echo ${#dirs[@]} || echo 0
}

disks_are()
{
	[ "$(disk_count)" = "$1" ]
}

session_state_is()
{
	local state

	read -r state <"/sys/class/iscsi_session/session$1/state" && [ "$state" = "$2" ]
}

# The initiator's port of a session's connection: a new one means a new TCP connection.
local_port()
{
	local port

	read -r port <"/sys/class/iscsi_connection/connection$1:0/local_port" && echo "$port"
}

# --- counting ----------------------------------------------------------------------------

# netlink_fds PID: the descriptors of a process's NETLINK_ISCSI sockets.
netlink_fds()
{
	local line fd link inodes=' '

	while read -r -a line; do
		[ "${line[1]}" != 8 ] || inodes+="socket:[${line[9]}] "
	done </proc/net/netlink
	for fd in "/proc/$1/fd/"*; do
		link=$(readlink "$fd") || continue
		case $inodes in
		*" $link "*) echo "${fd##*/}" ;;
		esac
	done
}

# trace_iscsid: what iscsid does from now on is written down; trace_end leaves the report
# (see strace-report) in $OUT.
trace_iscsid()
{
	local pid

	pid=$(iscsid_pid) || fail "no iscsid to trace"
	mapfile -t TRACE_FDS < <(netlink_fds "$pid")
	[ ${#TRACE_FDS[@]} -gt 0 ] || fail "iscsid has no netlink socket"
	rm -f /tmp/lab-trace
	setsid strace -f -qq -o /tmp/lab-trace -p "$pid" 2>/tmp/lab-trace.err &
	TRACE_PID=$!
	TRACED=$pid
	wait_for 10 traced "$pid" || fail "strace does not attach: $(cat /tmp/lab-trace.err)"
}

traced()
{
	local name value

	while read -r name value; do
		[ "$name" != TracerPid: ] || break
	done <"/proc/$1/status"
	[ "$value" != 0 ]
}

trace_end()
{
	kill -TERM "$TRACE_PID"
	wait_for 10 gone "$TRACE_PID" || fail "strace does not end"
	OUT=$("$LAB_LIB/strace-report" /tmp/lab-trace "$TRACED" "${TRACE_FDS[@]}")
}

# report_value NAME: a number out of that report.
report_value()
{
	local name value

	while read -r name value; do
		[ "$name" != "$1" ] || echo "$value"
	done <<<"$OUT"
}
