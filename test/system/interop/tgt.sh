# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tgt: tgtd and tgtadm; run says what each of these functions is for. There are two of it,
# told apart by the number of the socket that tgtadm asks: 0 is the target, 1 the place that
# it redirects to.

# LUN 0 of a target is its controller.
LUN0[tgt]=1
# Once it is told to use a digest it takes None only where nothing else is offered.
CHOICE[tgt]="CRC32C CRC32C"
NO_DIGEST[tgt]="HeaderDigest=None is none of what we offered, CRC32C"
OWN_PORTAL_ONLY[tgt]=1
NOTE[tgt/discovery]="it names only the portal that it is asked through, so each was asked"
NOTE[tgt/digest-choice]="set to CRC32C it chooses that from any list, whichever comes first"

tgt_version()
{
	local version

	version=$(LD_LIBRARY_PATH=$LAB_CACHE/tgt/lib "$LAB_CACHE/tgt/sbin/tgtd" -V)
	echo "Debian $(<"$LAB_CACHE/tgt/version") (tgtd $version)"
}

# tgtadm N ...: N is the daemon that is asked.
tgtadm()
{
	timeout 10 "$LAB_CACHE/tgt/sbin/tgtadm" -C "$1" --lld iscsi "${@:2}"
}

# tgtd N PORTAL...
tgtd()
{
	local portals

	printf -v portals ',portal=%s' "${@:2}"
	LD_LIBRARY_PATH=$LAB_CACHE/tgt/lib nsenter --net=/run/netns/tgt \
		"$LAB_CACHE/tgt/sbin/tgtd" -f -C "$1" --iscsi "${portals:1}" >>/tmp/tgtd$1.log 2>&1 &
	echo $! >/tmp/tgtd$1.pid
	disown
	wait_for 10 tgtadm "$1" --op show --mode sys || fail "tgtd $1 does not start: $(cat /tmp/tgtd$1.log)"
}

# tgt_set N TID NAME=VALUE
tgt_set()
{
	tgtadm "$1" --mode target --op update --tid "$2" --name "${3%%=*}" --value "${3#*=}" ||
		fail "tgt setting $3"
}

# tgt_target N TID NAME LUNS [PARAMETER=VALUE...]
tgt_target()
{
	local n file pair

	tgtadm "$1" --mode target --op new --tid "$2" -T "$IQN:$3" || fail "tgt target $3"
	for ((n = 0; n < $4; n++)); do
		file=$(tgt_file "$3" $n)
		[ -e "$file" ] || truncate -s 16M "$file"
		tgtadm "$1" --mode logicalunit --op new --tid "$2" --lun $((n + 1)) -b "$file" ||
			fail "tgt disk $file"
	done
	for pair in "${@:5}"; do
		tgt_set "$1" "$2" "$pair"
	done
	tgtadm "$1" --mode target --op bind --tid "$2" -I ALL || fail "tgt target $3"
}

tgt_start()
{
	local tid=4 name

	mkdir -p /run/tgt
	tgtd 0 "${PORTALS[@]}"
	tgt_target 0 1 disk 3 nop_interval=1 nop_count=5
	tgt_target 0 2 spare 1
	tgt_target 0 3 oneway 1
	tgt_target 0 4 mutual 1
	for name in "${!PARAMETERS[@]}"; do
		tgt_target 0 $((++tid)) "$name" 1 ${PARAMETERS[$name]}
	done
	tgtadm 0 --mode account --op new --user "$USER1" --password "$SECRET1"
	tgtadm 0 --mode account --op new --user "$USER2" --password "$SECRET2"
	for tid in 3 4; do
		tgtadm 0 --mode account --op bind --tid $tid --user "$USER1" || fail "tgt account"
	done
	tgtadm 0 --mode account --op bind --tid 4 --user "$USER2" --outgoing || fail "tgt account"
}

tgt_stop()
{
	end_process tgtd1
	end_process tgtd0
	rm -rf /run/tgt
}

tgt_lose()
{
	end_process tgtd0
}

tgt_return()
{
	tgt_start
}

tgt_alive()
{
	kill -0 "$(</tmp/tgtd0.pid)" && tgtadm 0 --mode target --op show >/dev/null
}

tgt_no_sessions()
{
	! tgtadm 0 --mode target --op show | grep -q 'I_T nexus:'
}

tgt_file()
{
	echo "/run/tgt/$1-$2"
}

# tgt_digests HEADER DATA: what is set is what it insists on.
tgt_digests()
{
	tgt_set 0 1 "HeaderDigest=$1"
	tgt_set 0 1 "DataDigest=$2"
}

# Accounts that are bound to no target are for discovery.
tgt_discovery_chap()
{
	case $1 in
	none)
		tgtadm 0 --mode account --op unbind --user "$USER1"
		tgtadm 0 --mode account --op unbind --user "$USER2" --outgoing
		;;
	oneway) tgtadm 0 --mode account --op bind --user "$USER1" ;;
	mutual) tgtadm 0 --mode account --op bind --user "$USER2" --outgoing ;;
	esac
}

# The target "moved" is redirected, which is then so on all portals of that tgtd; where it has
# moved to is the other tgtd with the same file. It exists during that item only.
tgt_elsewhere()
{
	[ -e "$(tgt_file moved 0)" ] || tgt_target 0 20 moved 1
	end_process tgtd1
	tgtd 1 "$@"
	tgt_target 1 20 moved 1
}

# It puts the address and the port together as they are, so IPv6 needs its brackets here.
tgt_redirect()
{
	tgt_set 0 20 "RedirectAddress=${1%:*}"
	tgt_set 0 20 "RedirectPort=${1##*:}"
	tgt_set 0 20 "RedirectReason=$2"
}

tgt_drop()
{
	local word sid=

	while read -r word sid; do
		[ "$word" != Session: ] || break
	done < <(tgtadm 1 --mode conn --op show --tid 20)
	tgtadm 1 --mode conn --op delete --tid 20 --sid "$sid" --cid 0 || fail "no connection of $sid"
}

tgt_redirect_end()
{
	tgt_set 0 20 RedirectAddress=
	end_process tgtd1
}
