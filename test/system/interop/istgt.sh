# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# istgt; run says what each of these functions is for.

LUN0[istgt]=0
CHOICE[istgt]="CRC32C None"
NOTE[istgt/digest-choice]="it cannot be told to have no digests"
NOTE[istgt/logout]="now and then it closes the connection instead of answering; that is noticed"
FIXED[istgt/InitialR2T]=Yes
FIXED[istgt/ImmediateData]=Yes
# It takes the declaration for a negotiation and answers the smaller of ours and its own.
FIXED[istgt/MaxRecvDataSegmentLength]=ours
NOTE[istgt/parameters]="InitialR2T and ImmediateData are always Yes, so we asked for \
ImmediateData=No; its MaxRecvDataSegmentLength follows ours"
CANNOT[istgt/redirect-temporary]="istgt has no setting for a redirection"
CANNOT[istgt/redirect-permanent]=${CANNOT[istgt/redirect-temporary]}

istgt_version()
{
	local version

	read -r _ _ version < <("$LAB_CACHE/istgt/sbin/istgt" -V)
	echo "Debian $(<"$LAB_CACHE/istgt/version") (istgt $version)"
}

# istgt_conf NAME DISCOVERY PORTAL...: the part of a configuration that is for all its
# targets; all of these lines are needed.
istgt_conf()
{
	local n=0 portal

	cat <<-END
	[Global]
	NodeBase "$IQN"
	PidFile /run/istgt/$1.pid
	AuthFile /run/istgt/auth
	MediaDirectory /run/istgt
	LogFacility local7
	Timeout 30
	NopInInterval 1
	DiscoveryAuthMethod $2
	DiscoveryAuthGroup AuthGroup1
	MaxSessions 16
	MaxConnections 4
	MaxR2T 32
	MaxOutstandingR2T 16
	DefaultTime2Wait 2
	DefaultTime2Retain 60
	FirstBurstLength 262144
	MaxBurstLength 1048576
	MaxRecvDataSegmentLength 262144
	InitialR2T Yes
	ImmediateData Yes
	DataPDUInOrder Yes
	DataSequenceInOrder Yes
	ErrorRecoveryLevel 0
	[UnitControl]
	[InitiatorGroup1]
	InitiatorName ALL
	Netmask ALL
	[PortalGroup1]
	END
	for portal in "${@:3}"; do
		echo "Portal P$((++n)) $portal"
	done
}

# istgt_target N NAME LUNS DIGEST AUTHMETHOD PARAMETERS
istgt_target()
{
	local n file pair

	cat <<-END
	[LogicalUnit$1]
	TargetName $2
	Mapping PortalGroup1 InitiatorGroup1
	AuthMethod $5
	AuthGroup AuthGroup1
	UseDigest $4
	UnitType Disk
	END
	for ((n = 0; n < $3; n++)); do
		file=$(istgt_file "$2" $n)
		[ -e "$file" ] || truncate -s 16M "$file"
		echo "LUN$n Storage $file 16MB"
	done
	for pair in $6; do
		[ -n "${FIXED[istgt/${pair%%=*}]:-}" ] || echo "${pair/=/ }"
	done
}

# istgt NAME ADDRESS: started with the configuration of that name.
istgt()
{
	nsenter --net=/run/netns/tgt "$LAB_CACHE/istgt/sbin/istgt" -D -c "/run/istgt/$1.conf" \
		>>"/tmp/$1.log" 2>&1 &
	echo $! >"/tmp/$1.pid"
	disown
	wait_for 10 listening $! "$2" 3260 || fail "istgt does not start: $(cat "/tmp/$1.log")"
}

istgt_start()
{
	local n=4 name

	mkdir -p /run/istgt
	cat >/run/istgt/auth <<-END
	[AuthGroup1]
	Auth "$USER1" "$SECRET1" "$USER2" "$SECRET2"
	END
	{
		istgt_conf istgt None "${PORTALS[@]}"
		istgt_target 1 disk 3 Auto None ""
		istgt_target 2 spare 1 Auto None ""
		istgt_target 3 oneway 1 Auto CHAP ""
		istgt_target 4 mutual 1 Auto "CHAP Mutual" ""
		for name in "${!PARAMETERS[@]}"; do
			istgt_target $((++n)) "$name" 1 Auto None "${PARAMETERS[$name]}"
		done
	} >/run/istgt/istgt.conf
	chmod 600 /run/istgt/*
	istgt istgt $TARGET
}

istgt_stop()
{
	end_process istgt-chap
	end_process istgt
	rm -rf /run/istgt
}

istgt_lose()
{
	end_process istgt
}

istgt_return()
{
	istgt istgt $TARGET
}

istgt_alive()
{
	kill -0 "$(</tmp/istgt.pid)"
}

# It lists its sessions to nobody, so it's the connections: established ones are state 01.
istgt_no_sessions()
{
	local pid

	pid=$(</tmp/istgt.pid)
	! grep -q '^ *[0-9]*: [0-9A-F]*:0CBC [0-9A-F:]* 01 ' "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6"
}

istgt_file()
{
	echo "/run/istgt/$1-$2"
}

istgt_digests()
{
	:
}

# It's the same for all of a daemon, so this is a second one at another place.
istgt_discovery_chap()
{
	local method="CHAP Mutual"

	end_process istgt-chap
	case $1 in
	none) return ;;
	oneway) method=CHAP ;;
	esac
	DISCOVERY=172.24.3.7:3260
	{
		istgt_conf istgt-chap "$method" $DISCOVERY
		istgt_target 1 disk 1 Auto None ""
	} >/run/istgt/istgt-chap.conf
	istgt istgt-chap 172.24.3.7
}
