# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scenarios that boot a whole Debian, with systemd as its first process. Their first lines are
#
#	. "$(dirname "$0")/../../lab/lib.sh"
#	. "$(dirname "$0")/../../lab/boot.sh"
#	boot_lab "$@"
#
# The scenario runs outside, and commands two machines that a cable connects: "target", a
# machine as other scenarios have it, with a target on 172.24.3.5, and "initiator", 172.24.3.1,
# whose disk lasts over any number of boots. Either may be switched off, cut off or frozen.

LAB_BOOT_SECONDS=${LAB_BOOT_SECONDS:-240}	# to the agent of a booting machine, at most

# boot_lab "$@": makes sure of all that is needed, and starts the script again on a cable.
boot_lab()
{
	[ -z "${ISCSI_LAB:-}" ] || fail "this scenario runs outside the lab"
	if [ -z "${LAB_WIRE:-}" ]; then
		"$LAB_LIB/fetch" boot || skip "a machine with systemd can't be made here"
		exec "$LAB_LIB/wire" "$0" "$@"
	fi
	read -r LAB_WIRE_INITIATOR LAB_WIRE_TARGET <<<"$LAB_WIRE"
	LAB_TOP=$(cd "$LAB_LIB/../.." && pwd -P)
	CACHE=${LAB_CACHE:-$LAB_TOP/build/lab}
	BUILD=${BUILD:-build}
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/iscsi-boot.XXXXXXXX") || exit 1
	trap boot_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

declare -A MACHINE_PID MACHINE_IN MACHINE_OUT

boot_cleanup()
{
	local status=$? name

	trap '' INT TERM HUP
	for name in "${!MACHINE_PID[@]}"; do
		machine_kill "$name"
	done
	[ $status -eq 0 ] || [ $status -eq 77 ] || boot_show_consoles
	[ -n "${LAB_KEEP:-}" ] || rm -rf "$WORK"
}

boot_show_consoles()
{
	local log

	for log in "$WORK"/*.console "$WORK"/target.log; do
		[ -s "$log" ] || continue
		echo "the end of ${log##*/}:" >&2
		tail -n 40 "$log" | sed 's/\r$//; s/^/  | /' >&2
	done
}

# --- commanding a machine ------------------------------------------------------------------

# machine_pipes NAME: a pipe for commands to it and one for what it says.
machine_pipes()
{
	local in out

	rm -f "$WORK/$1.in" "$WORK/$1.out"
	mkfifo "$WORK/$1.in" "$WORK/$1.out" || exit 1
	exec {in}<>"$WORK/$1.in" {out}<>"$WORK/$1.out"
	MACHINE_IN[$1]=$in
	MACHINE_OUT[$1]=$out
}

# machine_answer NAME SECONDS: reads what it says up to a status; leaves $OUT and $STATUS. 1: time
# of lab_clock is up, or the machine is off.
machine_answer()
{
	local line end got

	lab_clock
	end=$((NOW_MS + $2 * 1000))
	OUT=
	STATUS=
	while :; do
		line=
		IFS= read -r -t 1 -u "${MACHINE_OUT[$1]}" line
		got=$?
		OUT+=$line
		if [ $got -ne 0 ]; then
			lab_clock
			[ $NOW_MS -lt $end ] && machine_is_on "$1" || return 1
			continue
		fi
		case $OUT in
		*$'\036'*)
			STATUS=${OUT##*$'\036'}
			OUT=${OUT%$'\036'*}
			# The agent ends the output with a line feed of its own.
			while [ "$OUT" != "${OUT%$'\n'}" ]; do
				OUT=${OUT%$'\n'}
			done
			ERR=
			return 0
			;;
		esac
		OUT+=$'\n'
	done
}

# on MACHINE COMMAND...: runs it there; leaves $OUT (both streams) and $STATUS.
on()
{
	local name=$1

	shift
	LAST="on $name: $*"
	machine_is_on "$name" || fail "$name is off: $LAST"
	printf '%q ' "$@" >&"${MACHINE_IN[$name]}"
	printf '\n' >&"${MACHINE_IN[$name]}"
	machine_answer "$name" "${ON_SECONDS:-180}" || fail "no answer: $LAST"
}

# must MACHINE COMMAND...: the same, and it must succeed.
must()
{
	on "$@"
	[ "$STATUS" = 0 ] || {
		show_last
		fail "status $STATUS: $LAST"
	}
}

# wait_on MACHINE SECONDS COMMAND...: until it succeeds there; 1 if it doesn't in that time.
wait_on()
{
	local name=$1 end=$((SECONDS + $2))

	shift 2
	while on "$name" "$@" && [ "$STATUS" != 0 ]; do
		[ $SECONDS -lt $end ] || return 1
		pause 0.5
	done
}

# --- a machine's life ----------------------------------------------------------------------

# State Z is a machine that has ended and hasn't been waited for.
machine_is_on()
{
	local stat

	[ -n "${MACHINE_PID[$1]:-}" ] || return 1
	read -r stat 2>/dev/null <"/proc/${MACHINE_PID[$1]}/stat" || return 1
	stat=${stat##*) }
	[ "${stat%% *}" != Z ]
}

# machine_kill NAME: off at once, as when its power fails.
machine_kill()
{
	local pid=${MACHINE_PID[$1]:-}

	[ -n "$pid" ] || return 0
	kill -CONT -- "-$pid" 2>/dev/null
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	MACHINE_PID[$1]=
}

# machine_off NAME SECONDS: waits until it is off by itself; 1 if it isn't in that time.
machine_off()
{
	local end=$((SECONDS + $2))

	while machine_is_on "$1"; do
		[ $SECONDS -lt $end ] || return 1
		pause 0.2
	done
	machine_kill "$1"
}

# machine_signal NAME SIGNAL: to the machine itself, which "run" has put into a group of its own.
machine_signal()
{
	local pid=${MACHINE_PID[$1]} child comm groups=()

	[ "$1" = target ] || groups=("$pid")
	for child in $(cat "/proc/$pid/task/$pid/children"); do
		read -r comm 2>/dev/null <"/proc/$child/comm" && [[ $comm == linux* ]] || continue
		groups+=("$child")
	done
	[ ${#groups[@]} -gt 0 ] || fail "$1 is off"
	for child in "${groups[@]}"; do
		kill "-$2" -- "-$child" || fail "no signal to $1"
	done
}

# machine_freeze, machine_thaw NAME: it stops in the middle of what it does, as a target's host
# does that is dead without a word.
machine_freeze()
{
	machine_signal "$1" STOP
}

machine_thaw()
{
	machine_signal "$1" CONT
}

# target_boot [OPTIONS OF run]: the target's host. Then "target_up" and the rest of lib.sh work
# as ever.
target_boot()
{
	machine_pipes target
	setsid setpriv --pdeathsig TERM "$LAB_LIB/run" --timeout 3600 --mem 256M \
		--wire "$LAB_WIRE_TARGET" --commands "${MACHINE_IN[target]}" "$@" \
		"$LAB_LIB/boot-agent" >"$WORK/target.out" 2>"$WORK/target.log" &
	MACHINE_PID[target]=$!
	machine_answer target 60 || fail "the target's host doesn't start"
	must target bash -c 'ip addr add 172.24.3.5/24 dev vec0
		ip addr add fd00:24:3::5/64 dev vec0 nodad
		ip link set vec0 up'
}

lio()
{
	on target "$LAB_LIB/lio" "$@"
	[ "$STATUS" = 0 ] || {
		show_last
		return 1
	}
}

# initiator_make ours|original|none [COMMANDS]: its disk, with our programs or Debian's
# installed; COMMANDS are run by bash with $root, where the disk's root is, and $ours, a folder
# that our programs are installed in; what they leave in $ours/.. is in $WORK. boot-change has
# functions for them. A scenario may set BOOT_FROM to the kernel's words for another root.
initiator_make()
{
	DISK=$WORK/initiator.disk
	BOOT_FROM=("ubd0=$DISK" root=/dev/ubda rw)
	cp --sparse=always "$CACHE/boot/disk" "$DISK" || fail "no room for a disk"
	# Two makes in one folder would build the same files.
	[ -e "$WORK/ours" ] || flock "$CACHE/.install.lock" make --no-print-directory -C "$LAB_TOP" \
		install BUILD="$BUILD" DESTDIR="$WORK/ours" >"$WORK/install.log" 2>&1 || {
		cat "$WORK/install.log" >&2
		fail "make install"
	}
	initiator_change "$1" "${2:-:}"
}

# initiator_change ours|original|none COMMANDS: more of that, while it is off.
initiator_change()
{
	local status

	"$LAB_LIB/run" --timeout 900 --disk "$DISK" --share "$WORK" "$LAB_LIB/boot-change" "$1" "$WORK/ours" "$2" \
		>"$WORK/change.log" 2>&1 </dev/null
	status=$?
	[ $status -ne 0 ] || return 0
	cat "$WORK/change.log" >&2
	# A machine that is gone without a word: "run-all" tries the scenario once more.
	[ $status -ne 123 ] || exit 123
	fail "the initiator's disk can't be changed"
}

# initiator_boot [KERNEL WORDS...]: switches it on; returns when it obeys, early in its boot.
initiator_boot()
{
	local shim=$CACHE/umlxstate.so

	machine_pipes initiator
	BOOTS=$((${BOOTS:-0} + 1))
	mkdir -p "$WORK/uml"
	[ -e "$shim" ] || shim=
	LD_PRELOAD=$shim setsid setpriv --pdeathsig KILL linux.uml mem="${INITIATOR_MEM:-512M}" \
		"${BOOT_FROM[@]}" con=null con0=null,fd:1 \
		con4="fd:${MACHINE_IN[initiator]},null" con5=null,fd:7 \
		"vec0:transport=fd,fd=$LAB_WIRE_INITIATOR" panic=-1 net.ifnames=0 \
		initcall_blacklist=raid6_select_algo systemd.show_status=0 \
		systemd.journald.forward_to_console=1 uml_dir="$WORK/uml/" umid="initiator$BOOTS" "$@" \
		</dev/null >"$WORK/initiator.$BOOTS.console" 2>&1 7>"$WORK/initiator.out" &
	MACHINE_PID[initiator]=$!
	machine_answer initiator "$LAB_BOOT_SECONDS" || fail "the initiator doesn't boot"
}

# initiator_up SECONDS: until its boot is over, whether or not all of it went well.
initiator_up()
{
	ON_SECONDS=$1 on initiator systemctl is-system-running --wait
}

# initiator_poweroff SECONDS: asks for it and waits for it. Leaves how long it took in $TOOK.
initiator_poweroff()
{
	local start=$SECONDS

	must initiator systemctl --no-block poweroff
	machine_off initiator "$1" ||
		fail "not off after $1 s; its console is silent for $(($(date +%s) - $(stat -c %Y "$WORK/initiator.$BOOTS.console"))) s"
	TOOK=$((SECONDS - start))
}

# --- what a test asks ----------------------------------------------------------------------

# unit_is UNIT STATE: systemctl's word for it.
unit_is()
{
	on initiator systemctl is-active "$1"
	[ "$OUT" = "$2" ]
}

# since_start UNIT|"": microseconds from the start of the kernel to the moment when the unit
# was active.
since_start()
{
	on initiator systemctl show -p ActiveEnterTimestampMonotonic --value "$1"
	echo "$OUT"
}

# io_start DEVICE FILE: from now on the initiator reads the device past the cache and writes the file,
# with pauses, since it has other things to do.
io_start()
{
	must initiator bash -c 'rm -f /run/enough
		again() {
			n=0
			while [ ! -e /run/enough ]; do
				dd "$@" bs=64k count=4 || break
				n=$((n + 1))
				echo $n
				sleep 0.2
			done >/run/$name 2>/run/$name.err
		}
		name=reads again if="$0" of=/dev/null iflag=direct &
		name=writes again if=/dev/zero of="$1" conv=notrunc,fsync &' "$@"
}

# io_end: reading and writing went on up to now, and neither failed.
io_end()
{
	must initiator bash -c 'before=$(cat /run/reads /run/writes | wc -l)
		sleep 3
		touch /run/enough
		sleep 3
		cat /run/reads.err /run/writes.err | grep -v -e records -e copied
		[ $(cat /run/reads /run/writes | wc -l) -gt $before ]'
	[ -z "$OUT" ] || fail "$OUT"
	must initiator tail -qn 1 /run/reads /run/writes
	note "reads and writes:" $OUT
	on initiator journalctl -b -k
	[[ $OUT != *"I/O error"* ]] || fail "the kernel says: $OUT"
}

# sessions_at_target: leaves in $OUT how many LIO has, whatever the initiator thinks.
sessions_at_target()
{
	on target bash -c 'cd /sys/kernel/config/target/iscsi && {
		cat iqn.*/tpgt_1/dynamic_sessions | tr "\0" "\n" | grep iqn
		grep -h "LIO Session ID" iqn.*/tpgt_1/acls/*/info
	} 2>/dev/null | wc -l'
}

# console_order TEXT...: the texts stand in the console of the last boot in this order.
console_order()
{
	local at=0 line text

	for text; do
		line=$(tail -n +$((at + 1)) "$WORK/initiator.$BOOTS.console" | grep -n -m 1 -F -e "$text")
		[ -n "$line" ] || fail "the console doesn't say, after line $at: $text"
		at=$((at + ${line%%:*}))
	done
}
