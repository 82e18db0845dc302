# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The two kinds of machine that run (which reads this) can start. For each: _ready checks
# for and prepares what it needs, _start starts it in a process group of its own and leaves
# that group's number in $guest.

machine_uml_ready()
{
	local uml shim=$cache/umlxstate.so

	uml=$(command -v linux.uml) || uml=/usr/bin/linux.uml
	[ -x "$uml" ] || die "no User-Mode Linux here; test/lab/deps test"
	if [ ! -e "$shim" ] || [ "$lab/umlxstate.c" -nt "$shim" ]; then
		# A new name first: other labs may be starting with the old one.
		# CC may be a command with arguments, "ccache cc" say.
		# shellcheck disable=SC2086
		if ${CC:-cc} -O2 -shared -fPIC -o "$shim.$$" "$lab/umlxstate.c" -ldl; then
			mv -f "$shim.$$" "$shim"
		else
			echo "lab: no C compiler, trying without $shim" >&2
		fi
	fi
	uml_preload=
	[ ! -e "$shim" ] || uml_preload=$shim
	uml_program=$uml
}

machine_uml_start()
{
	# The kernel's command line has no quotes: a path with a space in it stays out of it.
	# Nor can a list of libraries to preload have one in it.
	cp "$lab/init-uml" "$run/init"
	[ -z "$uml_preload" ] || cp "$uml_preload" "$run/preload.so"
	local more=()

	[ -z "$disk" ] || more+=("ubd0=$disk")
	[ -z "$wire" ] || more+=("vec0:transport=fd,fd=$wire")
	[ -z "$commands" ] || more+=("con4=fd:$commands,null")
	# Console 0 is for the kernel; 1 and 2 are the script's output, 3 its exit status.
	LD_PRELOAD=${uml_preload:+$run/preload.so} setsid setpriv --pdeathsig KILL \
		"$uml_program" "mem=$mem" root=/dev/root rootfstype=hostfs rootflags=/ rw \
		"init=$run/init" con=null con0=null,fd:1 con1=null,fd:7 con2=null,fd:8 \
		con3=null,fd:9 quiet panic=-1 \
		initcall_blacklist=raid6_select_algo \
		"uml_dir=$run/" umid=lab "LAB_RUN=$run" "${more[@]}" \
		</dev/null >"$run/console" 2>&1 7>"$run/out" 8>"$run/err" 9>"$run/result" &
	guest=$!
}

machine_qemu_ready()
{
	local tool

	for tool in qemu-system-x86_64 busybox cpio modprobe; do
		command -v $tool >/dev/null || die "no $tool here; test/lab/deps qemu"
	done
	kernel=$cache/qemu
	[ -z "${LAB_KERNEL:-}" ] || kernel=$cache/linux-$LAB_KERNEL
	"$lab/fetch" "${kernel##*/}" "$cache" || return 1
	read -r version <"$kernel/version"
	[ "$kernel/initrd" -nt "$lab/init-qemu" ] || make_initrd "$version"
}

# Just enough to see the host's files: busybox, a few modules, init-qemu.
make_initrd()
{
	local root=$kernel/initrd.$$ module what path name

	mkdir -p "$root"/{bin,proc,dev,host,rw,new,modules}
	cp "$(command -v busybox)" "$root/bin/"
	for name in sh mount umount mkdir insmod ln rm switch_root; do
		ln -s busybox "$root/bin/$name"
	done
	for module in virtio_pci virtio_console 9pnet_virtio 9p overlay; do
		modprobe -d "$kernel/root" -S "$1" --show-depends "$module" ||
			die "no module $module"
	done | while read -r what path; do
		[ "$what" = insmod ] || continue	# it is built in
		path=${path%% }
		name=${path##*/}
		name=${name%.xz}
		[ -e "$root/modules/$name" ] && continue
		case $path in
		*.xz) xz -dc "$path" >"$root/modules/$name" ;;
		*) cp "$path" "$root/modules/" ;;
		esac
		echo "$name" >>"$root/modules/order"
	done
	cp "$lab/init-qemu" "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$root.cpio" || die "no initramfs"
	mv "$root.cpio" "$kernel/initrd"
	rm -rf "$root"
}

machine_qemu_start()
{
	local version accel=(-accel "tcg,thread=multi") shares=()

	read -r version <"$kernel/version"
	printf '%s\n' "$lab" "$kernel/root/lib/modules/$version" "$share" >"$run/paths"
	# Linux 7.2 patches its code while it runs; on processors emulated at the same time it dies of that.
	[ -z "${LAB_KERNEL:-}" ] || accel=(-accel "tcg,thread=single")
	# Asked for only: a /dev/kvm inside a virtual machine may be there and not work.
	[ -z "${LAB_KVM:-}" ] || accel=(-accel kvm "${accel[@]}")
	# A comma in a path is doubled for QEMU.
	[ -z "$share" ] ||
		shares=(-virtfs "local,path=${share//,/,,},mount_tag=share,security_model=none")
	[ -z "$acpi" ] || shares+=(-acpitable "sig=iBFT,rev=1,data=${acpi//,/,,}")
	setsid setpriv --pdeathsig KILL qemu-system-x86_64 -machine q35 "${accel[@]}" -cpu max \
		-smp "$cpus" -m "$mem" -display none -nodefaults -no-reboot -nic none \
		-kernel "$kernel/vmlinuz" -initrd "$kernel/initrd" \
		-append "console=ttyS0 quiet panic=-1 no_timer_check ${LAB_CMDLINE:-}" \
		-serial "file:${run//,/,,}/console" -device virtio-serial-pci \
		-chardev "file,id=out,path=${run//,/,,}/out" \
		-device virtserialport,nr=1,chardev=out \
		-chardev "file,id=err,path=${run//,/,,}/err" \
		-device virtserialport,nr=2,chardev=err \
		-chardev "file,id=result,path=${run//,/,,}/result" \
		-device virtserialport,nr=3,chardev=result \
		-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=${run//,/,,},mount_tag=run,security_model=none" "${shares[@]}" \
		</dev/null >>"$run/qemu" 2>&1 &
	guest=$!
}
