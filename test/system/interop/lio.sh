# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's own target; run says what each of these functions is for.

LUN0[lio]=0
CHOICE[lio]="CRC32C None"
# It closes the door itself.
NO_DIGEST[lio]="initiator error (02/00)"
# In the security stage it says what it wants.
WITHOUT[lio]="the target asks for authentication (CHAP), but no user name and password are set"
CANNOT[lio/redirect-temporary]="LIO has no setting for a redirection"
CANNOT[lio/redirect-permanent]=${CANNOT[lio/redirect-temporary]}
NOTE[lio/recovery-restart]="there is no process to kill: its targets are taken away and made again"

lio_version()
{
	local version

	read -r version </sys/kernel/config/target/iscsi/lio_version
	echo "Linux $(uname -r) ($version)"
}

lio_start()
{
	local portals=() address name pair words

	for address in "${PORTALS[@]}"; do
		portals+=(--portal "$address")
	done
	target_up disk --luns 3 "${portals[@]}"
	target_up spare "${portals[@]}" --param HeaderDigest=None --param DataDigest=None
	target_up oneway "${portals[@]}" --chap "$USER1" "$SECRET1"
	target_up mutual "${portals[@]}" --chap "$USER1" "$SECRET1" "$USER2" "$SECRET2"
	for name in "${!PARAMETERS[@]}"; do
		words=()
		for pair in ${PARAMETERS[$name]}; do
			# What it declares as its own limit it keeps under the other's name.
			words+=(--param "${pair/#MaxRecv/MaxXmit}")
		done
		target_up "$name" "${portals[@]}" "${words[@]}"
	done
}

lio_stop()
{
	target_down
}

lio_lose()
{
	target_down
}

lio_return()
{
	lio_start
}

lio_alive()
{
	pidof -q iscsi_np
}

lio_no_sessions()
{
	local file

	for file in /sys/kernel/config/target/iscsi/iqn.*/tpgt_1/dynamic_sessions; do
		# What it prints ends in a NUL.
		[ -z "$(tr -d '\0' <"$file")" ] || return 1
	done
}

lio_file()
{
	echo "/run/lio/${IQN}_$1-$2"
}

lio_digests()
{
	:
}

# lio_discovery_chap none|oneway|mutual
lio_discovery_chap()
{
	local dir=/sys/kernel/config/target/iscsi/discovery_auth words=()

	case $1 in
	none) echo 0 >$dir/enforce_discovery_auth ;;
	oneway)
		echo -n "$USER1" >$dir/userid
		echo -n "$SECRET1" >$dir/password
		echo 1 >$dir/enforce_discovery_auth
		;;
	mutual)
		echo -n "$USER2" >$dir/userid_mutual
		echo -n "$SECRET2" >$dir/password_mutual
		;;
	esac
}
