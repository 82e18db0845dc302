# SPDX-License-Identifier: GPL-2.0-or-later
#
# make            the daemon, the command and the library, in build/
# make demo       the main job on a real kernel
# make check      everything a change must pass
# make help       all of it

VERSION		:= 3.0.0
SOVERSION	:= 1

PREFIX		?= /usr
SBINDIR		?= $(PREFIX)/sbin
LIBDIR		?= $(PREFIX)/lib
INCLUDEDIR	?= $(PREFIX)/include
DATADIR		?= $(PREFIX)/share
MANDIR		?= $(DATADIR)/man
SYSCONFDIR	?= /etc
# The package bash-completion has a file "iscsiadm" of its own in .../bash-completion/completions, and
# its loader prefers that name there. What lies here is read before the loader looks for anything.
COMPLETIONDIR	?= $(SYSCONFDIR)/bash_completion.d
UNITDIR		?= $(PREFIX)/lib/systemd/system
TMPFILESDIR	?= $(PREFIX)/lib/tmpfiles.d
LIBEXECDIR	?= $(PREFIX)/libexec/iscsi
UDEVDIR		?= $(PREFIX)/lib/udev
INITRAMFSDIR	?= $(PREFIX)/share/initramfs-tools
BINDIR		?= $(PREFIX)/bin
DBROOT		?= /var/lib/iscsi
# What iscsi-iname begins a name with, unless it is told otherwise.
INAME_PREFIX	?= iqn.2016-04.com.open-iscsi
DESTDIR		?=

CC		?= cc
CC_FOR_BUILD	?= $(CC)
PKG_CONFIG	?= pkg-config
CFLAGS		?= -O2 -g
# ar makes the index of an archive of -flto's objects with the help of the compiler's plugin.
ifneq ($(filter -flto%,$(CFLAGS)),)
ifeq ($(origin AR),default)
AR		:= ar --plugin $(shell $(CC) -print-file-name=$(if $(findstring clang,$(CC)),LLVMgold,liblto_plugin).so)
endif
endif
# What runs a test program that was built for another processor, such as qemu-s390x-static.
RUN		?=
BUILD		?= build$(if $(SAN),-san)

WARNINGS	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# -Werror makes a warning an error.
WERROR		?=
ifdef SAN
SANFLAGS	:= -fsanitize=address,undefined -fno-sanitize-recover=undefined \
		   -fno-omit-frame-pointer
endif

# What the daemon, what the command, and what only the tests need. Each library is followed by its
# packages in Debian and in Fedora.
daemon_needs	:= libsystemd:libsystemd-dev:systemd-devel libkmod:libkmod-dev:kmod-devel \
		   mount:libmount-dev:libmount-devel libcrypto:libssl-dev:openssl-devel
adm_needs	:= json-c:libjson-c-dev:json-c-devel libudev:libudev-dev:systemd-devel \
		   mount:libmount-dev:libmount-devel
test_needs	:= check:check:check-devel
daemon_pkgs	:= $(foreach need,$(daemon_needs),$(firstword $(subst :, ,$(need))))
adm_pkgs	:= $(foreach need,$(adm_needs),$(firstword $(subst :, ,$(need))))
test_pkgs	:= $(foreach need,$(test_needs),$(firstword $(subst :, ,$(need))))

ifneq ($(MAKECMDGOALS),deps)
DAEMON_CFLAGS	:= $(shell $(PKG_CONFIG) --cflags $(daemon_pkgs) $(adm_pkgs) 2>/dev/null)
ADM_LIBS	:= $(shell $(PKG_CONFIG) --libs $(adm_pkgs) 2>/dev/null)
DAEMON_LIBS	:= $(shell $(PKG_CONFIG) --libs $(daemon_pkgs) 2>/dev/null)
TEST_CFLAGS	:= $(shell $(PKG_CONFIG) --cflags $(test_pkgs) 2>/dev/null)
TEST_LIBS	:= $(shell $(PKG_CONFIG) --libs $(test_pkgs) 2>/dev/null)
endif

override CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. \
	-DISCSI_VERSION='"$(VERSION)"' -DISCSI_CONF_DIR='"$(SYSCONFDIR)/iscsi"' \
	-DISCSI_DB_ROOT='"$(DBROOT)"' -DISCSI_INAME_PREFIX='"$(INAME_PREFIX)"'

# What makes a fault harder to use, as far as the compiler knows the option for its processor.
# glibc checks the bounds of a call only in code that is optimised, and the sanitizers check
# them themselves. test/unit/hardened looks for the traces of each option in the programs.
accepted	= $(shell $(CC) -Werror $(1) -S -o /dev/null -x c /dev/null 2>/dev/null && echo $(1))
optimised	= $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
ifneq ($(MAKECMDGOALS),deps)
HARDENING	?= $(foreach option,-fstack-protector-strong -fstack-clash-protection -fcf-protection, \
			$(call accepted,$(option))) \
		   $(if $(SAN),,$(if $(optimised),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3))
HARDENING	:= $(HARDENING)
endif

# Bound at start: recovery must not have to look up a symbol on a disk that is gone.
override LDFLAGS += -Wl,-z,relro,-z,now
# The same sources give the same programs, whichever folder they lie in.
override CFLAGS += -std=gnu11 $(WARNINGS) $(WERROR) $(HARDENING) $(SANFLAGS) -fvisibility=hidden \
	-ffile-prefix-map=$(CURDIR)=.

# gen_*.c are programs of their own, which make uses while building; iscsi-*.c are small tools.
db_src		:= $(filter-out libiscsi-db/gen_%,$(wildcard libiscsi-db/*.c))
iscsid_src	:= $(filter-out iscsid/iscsistart.c,$(wildcard iscsid/*.c iscsid/*/*.c))
iscsiadm_src	:= $(filter-out iscsiadm/iscsi-%,$(wildcard iscsiadm/*.c))
unit_src	:= $(wildcard test/unit/test_*.c)
fake_src	:= $(wildcard test/fake/*.c)
fuzz_src	:= $(wildcard test/fuzz/fuzz_*.c)

# What iscsiadm shares with the daemon: the formats of messages, the rule for foreign addresses, the
# reader of sysfs, what uses a disk, and the daemon's notes.
shared_src	:= iscsid/message/mgmt_msg.c iscsid/message/session_text.c iscsid/base/bytes.c \
		   iscsid/base/stream.c iscsid/run_dir.c iscsid/runstate.c \
		   iscsid/base/addr_kind.c iscsid/kernel/sysfs.c iscsid/kernel/inuse.c

# Short lines, unless V=1 asks for the commands.
Q		:= $(if $(V),,@)
say		= $(if $(V),,@echo '  $(1)	$@')

obj		= $(patsubst %.c,$(BUILD)/%.o,$(1))
db_obj		:= $(call obj,$(db_src))
iscsid_obj	:= $(call obj,$(iscsid_src))
iscsiadm_obj	:= $(call obj,$(iscsiadm_src) $(shared_src))
# Everything but the two main()s, for the unit tests.
testee_obj	:= $(filter-out %/main.o,$(sort $(iscsid_obj) $(iscsiadm_obj))) $(call obj,$(fake_src))
unit_bin	:= $(patsubst test/unit/%.c,$(BUILD)/test/unit/%,$(unit_src))

STATIC_DB	:= $(BUILD)/libiscsi-db.a
SHARED_DB	:= $(BUILD)/libiscsi-db.so.$(SOVERSION).0.0

# What the built files depend on beside the sources. Neither ccache nor -Werror changes them.
settings	= $(filter-out ccache -Werror,$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(DAEMON_CFLAGS) $(DAEMON_LIBS) $(ADM_LIBS)) \
		  $(PREFIX) $(DATADIR) $(SBINDIR) $(LIBDIR) $(INCLUDEDIR) $(SYSCONFDIR) $(DBROOT) $(LIBEXECDIR) $(INAME_PREFIX)
# Sources have the usual paths, or @NAMES@. /etc/iscsi without anything behind it is the folder where
# open-iscsi had its records, and stays.
fill		= sed 's|/etc/iscsi/|$(SYSCONFDIR)/iscsi/|g; s|/etc/init\.d|$(SYSCONFDIR)/init.d|g; \
		  s|/var/lib/iscsi|$(DBROOT)|g; s|/usr/sbin|$(SBINDIR)|g; s|/usr/share/iscsiadm|$(DATADIR)/iscsiadm|g; \
		  s|iqn\.2016-04\.com\.open-iscsi|$(INAME_PREFIX)|g; \
		  s|@SBINDIR@|$(SBINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g; s|@DBROOT@|$(DBROOT)|g; \
		  s|@LIBEXECDIR@|$(LIBEXECDIR)|g'
units		:= $(patsubst systemd/%.in,$(BUILD)/systemd/%,$(wildcard systemd/*.in))
scripts		:= $(addprefix $(BUILD)/etc/,iscsi-gen-initiatorname iscsi_discovery iscsi_fw_login)
init_scripts	:= $(addprefix $(BUILD)/,$(wildcard etc/init.d/*))
initramfs	:= $(addprefix $(BUILD)/,$(wildcard etc/initramfs-tools/hooks/* etc/initramfs-tools/scripts/*/*))
man_made	:= $(patsubst %.in,$(BUILD)/%,$(wildcard libiscsi-db/*.5.in))
man		:= $(addprefix $(BUILD)/,$(wildcard iscsid/*.[1-9] iscsiadm/*.[1-9] libiscsi-db/*.[1-9]))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: FORCE all programs deps install uninstall dist deb clean demo check check-unit check-unit-san check-api check-install check-lint lint coverage check-compilers check-corpus replay fuzz-programs \
	check-system check-system-unit check-boot check-others fuzz fuzz-smoke afl afl-programs afl-smoke bench help

all: $(BUILD)/sbin/iscsid $(BUILD)/sbin/iscsiadm $(BUILD)/sbin/iscsistart $(BUILD)/sbin/iscsi-iname $(SHARED_DB) $(STATIC_DB) $(BUILD)/libiscsi-db.pc \
	$(units) $(scripts) $(init_scripts) $(initramfs) $(BUILD)/etc/iscsid.conf $(man_made) $(man)

# The file changes when a setting does, so that what was built with another one is built again. This
# rule is the first to run, so it also says which libraries are missing.
$(BUILD)/settings: FORCE
	@command -v $(firstword $(PKG_CONFIG)) >/dev/null || \
		{ echo "pkg-config is missing: please install pkg-config (Debian) or pkgconf-pkg-config (Fedora)" >&2; missing=1; }; \
	command -v $(firstword $(CC)) >/dev/null || \
		{ echo "$(firstword $(CC)) is missing: please install gcc" >&2; missing=1; }; \
	for need in $(sort $(daemon_needs) $(adm_needs)) $(if $(filter check% programs replay $(BUILD)/test/%,$(MAKECMDGOALS)),$(test_needs)); do \
		IFS=:; set -- $$need; IFS=' '; $(PKG_CONFIG) --exists $$1 2>/dev/null || \
		{ echo "$$1 is missing: please install $$2 (Debian) or $$3 (Fedora)" >&2; false; } || missing=1; \
	done; [ -z "$$missing" ]
	@$(shell mkdir -p $(@D))$(file >$@.new,$(settings))cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/%.o: %.c $(BUILD)/settings
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(if $(filter libiscsi-db/%,$<),-fPIC,-fPIE $(DAEMON_CFLAGS) $(TEST_CFLAGS)) \
		$(CFLAGS) -MMD -MP -c -o $@ $<

$(STATIC_DB): $(db_obj)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SHARED_DB): $(db_obj) libiscsi-db/libiscsi-db.map
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libiscsi-db.so.$(SOVERSION) \
		-Wl,--version-script=libiscsi-db/libiscsi-db.map -o $@ $(db_obj)
	$(Q)ln -sf $(@F) $(BUILD)/libiscsi-db.so.$(SOVERSION)
	$(Q)ln -sf $(@F) $(BUILD)/libiscsi-db.so

$(BUILD)/libiscsi-db.pc: Makefile $(BUILD)/settings
	@mkdir -p $(@D)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: libiscsi-db' 'Description: Records of the iSCSI initiator' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -liscsi-db' \
		'Cflags: -I$${includedir}' >$@

# The manual pages of the settings have the table from setting.c itself.
$(BUILD)/gen_man: libiscsi-db/gen_man.c $(db_src) $(wildcard libiscsi-db/*.h)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC_FOR_BUILD) $(CPPFLAGS) -std=gnu11 $(WARNINGS) -o $@ $(filter %.c,$^)

$(man_made): $(BUILD)/%: %.in $(BUILD)/gen_man $(BUILD)/settings
	$(call say,GEN)
	$(Q)$(BUILD)/gen_man <$< | $(fill) >$@

$(units): $(BUILD)/%: %.in Makefile $(BUILD)/settings
	@mkdir -p $(@D)
	$(Q)$(fill) $< >$@

$(scripts) $(init_scripts) $(initramfs) $(BUILD)/etc/iscsid.conf $(man): $(BUILD)/%: % Makefile $(BUILD)/settings
	@mkdir -p $(@D)
	$(Q)$(fill) $< >$@

$(BUILD)/sbin/iscsid: $(iscsid_obj) $(STATIC_DB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(DAEMON_LIBS) -pthread

$(BUILD)/sbin/iscsiadm: $(iscsiadm_obj) $(STATIC_DB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(ADM_LIBS)

# Of the daemon only what sessions need: the linker picks it from an archive.
$(BUILD)/iscsid.a: $(filter-out %/main.o,$(iscsid_obj)) $(patsubst %,$(BUILD)/iscsiadm/%.o,firmware print show)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/sbin/iscsistart: $(BUILD)/iscsid/iscsistart.o $(BUILD)/iscsid.a $(STATIC_DB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(DAEMON_LIBS) -pthread

$(BUILD)/sbin/iscsi-iname: $(BUILD)/iscsiadm/iscsi-iname.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(testee_obj) $(STATIC_DB)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(DAEMON_LIBS) $(ADM_LIBS) $(TEST_LIBS) -pthread

# ---- installing ---------------------------------------------------------------------------

install: all
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR) \
		$(DESTDIR)$(COMPLETIONDIR) $(DESTDIR)$(UNITDIR) \
		$(DESTDIR)$(UDEVDIR)/rules.d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SYSCONFDIR)/init.d \
		$(DESTDIR)$(SYSCONFDIR)/iscsi
	install -d -m 0700 $(DESTDIR)$(DBROOT)
	install -m 0755 $(addprefix $(BUILD)/sbin/,iscsid iscsiadm iscsistart iscsi-iname) \
		$(scripts) $(DESTDIR)$(SBINDIR)/
	# libvirt and others look for it here.
	test $(BINDIR) = $(SBINDIR) || ln -sf $(SBINDIR)/iscsiadm $(DESTDIR)$(BINDIR)/iscsiadm
	install -m 0755 $(SHARED_DB) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED_DB)) $(DESTDIR)$(LIBDIR)/libiscsi-db.so.$(SOVERSION)
	ln -sf libiscsi-db.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libiscsi-db.so
	install -m 0644 $(STATIC_DB) $(DESTDIR)$(LIBDIR)/
	install -m 0644 $(BUILD)/libiscsi-db.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 0644 libiscsi-db/iscsi-db.h $(DESTDIR)$(INCLUDEDIR)/
	for page in $(man) $(man_made); do \
		install -D -m 0644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit; \
	done
	install -d $(DESTDIR)$(DATADIR)/iscsiadm
	install -m 0644 etc/iscsiadm.schema.json $(DESTDIR)$(DATADIR)/iscsiadm/
	install -m 0644 etc/iscsi_textfile_collector $(DESTDIR)$(DATADIR)/iscsiadm/
	install -m 0644 iscsiadm/iscsiadm.bash-completion $(DESTDIR)$(COMPLETIONDIR)/iscsiadm
	install -m 0644 $(units) $(DESTDIR)$(UNITDIR)/
	install -d $(DESTDIR)$(TMPFILESDIR)
	install -m 0644 systemd/tmpfiles/iscsi.conf $(DESTDIR)$(TMPFILESDIR)/
	install -m 0644 $(wildcard systemd/udev/*.rules) $(DESTDIR)$(UDEVDIR)/rules.d/
	install -d $(DESTDIR)$(LIBEXECDIR)
	install -m 0755 $(wildcard systemd/libexec/*) $(DESTDIR)$(LIBEXECDIR)/
	for file in $(patsubst $(BUILD)/etc/initramfs-tools/%,%,$(initramfs)); do \
		install -D -m 0755 $(BUILD)/etc/initramfs-tools/$$file $(DESTDIR)$(INITRAMFSDIR)/$$file || exit 1; \
	done
	install -m 0755 $(init_scripts) $(DESTDIR)$(SYSCONFDIR)/init.d/
	test -e $(DESTDIR)$(SYSCONFDIR)/iscsi/iscsid.conf || \
		install -m 0600 $(BUILD)/etc/iscsid.conf $(DESTDIR)$(SYSCONFDIR)/iscsi/

# Everything that install would put there, but neither the configuration nor the records.
uninstall:
	@rm -rf $(BUILD)/uninstall
	@$(MAKE) --no-print-directory install DESTDIR=$(abspath $(BUILD)/uninstall) >/dev/null
	@cd $(BUILD)/uninstall && find . ! -type d ! -path '.$(SYSCONFDIR)/iscsi/*' -printf '$(DESTDIR)/%P\0' | \
		xargs -0 rm -fv
	@echo "left alone: $(DESTDIR)$(SYSCONFDIR)/iscsi $(DESTDIR)$(DBROOT)"

# The last commit, always in the same bytes.
dist:
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=iscsi-initiator-$(VERSION)/ HEAD | gzip -n9 >$(BUILD)/iscsi-initiator-$(VERSION).tar.gz

# Debian's packages, from the sources as they lie here, in build/deb.
deb:
	rm -rf $(BUILD)/deb
	mkdir -p $(BUILD)/deb/source
	tar -c --exclude='./build*' --exclude=./.git . | tar -x -C $(BUILD)/deb/source
	cp -r etc/debian $(BUILD)/deb/source/debian
	cd $(BUILD)/deb/source && env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u MAKEOVERRIDES -u BUILD dpkg-buildpackage -us -uc -b

# ---- trying and testing -------------------------------------------------------------------

# Debian packages by name, installed where they are missing.
deps:
	test/lab/deps build test

# A make of its own each time: what deps installs is found by the next one.
demo:
	test/lab/deps build test
	$(MAKE) --no-print-directory -j$$(nproc) all
	test/lab/demo

check:
	test/lab/deps build test
	for goal in check-lint check-unit check-unit-san check-corpus check-system; do \
		$(MAKE) --no-print-directory -j$$(nproc) $$goal || exit 1; \
	done

# One goal after the other, since the tests take the whole machine; only building is shared out.
# Each program prints what failed; the tests' own summary stands at the end of check-system.
check-unit: all $(unit_bin)
	@for t in $(unit_bin); do $(RUN) $$t || { echo "FAILED: $$t"; exit 1; }; done
	@$(MAKE) --no-print-directory check-api

# The programs as they are installed are hardened, and the library is as another program uses
# it, from a folder that everything is installed in.
check-api: all
	@rm -rf $(BUILD)/api-root
	@$(MAKE) --no-print-directory install DESTDIR=$(abspath $(BUILD)/api-root) >/dev/null
	@test/unit/hardened '$(HARDENING)' $(BUILD)/api-root
	@test/unit/units $(BUILD)/api-root$(UNITDIR)
	@test/unit/man $(BUILD)/api-root$(MANDIR)
	@CC='$(CC)' CFLAGS='$(SANFLAGS)' RUN='$(RUN)' PKG_CONFIG='$(PKG_CONFIG)' test/unit/api \
		$(abspath $(BUILD)/api-root) $(LIBDIR) $(abspath $(BUILD)/sbin/iscsiadm)

check-lint:
	test/lint

lint:
	test/lab/deps lint
	test/lint --all

# Which lines the unit tests run, by file and in all.
coverage:
	test/lab/deps build test lint
	$(MAKE) --no-print-directory -j$$(nproc) check-unit BUILD=build-coverage CFLAGS='-O0 -g --coverage' HARDENING=
	lcov --quiet --capture --directory build-coverage --base-directory . --no-external \
		--output-file build-coverage/all
	lcov --quiet --remove build-coverage/all '*/test/*' --output-file build-coverage/ours
	lcov --list build-coverage/ours

check-install:
	test/install

check-unit-san:
	$(MAKE) --no-print-directory check-unit SAN=1

check-system: all
	BUILD=$(BUILD) test/system/run-all

# The same scenarios with the daemon as iscsid.service runs it, under systemd.
check-system-unit: all
	BUILD=$(BUILD) LAB_OPTIONS=--systemd test/system/run-all

# What takes minutes each, so "check" leaves it out.
check-boot: all
	test/lab/deps build test packages
	BUILD=$(BUILD) SCENARIOS=test/boot test/system/run-all

# Programs of others that call iscsiadm, in a Debian of their own (1 GB).
check-others: all
	test/lab/deps test others
	BUILD=$(BUILD) SCENARIOS=test/others test/system/run-all

bench:
	test/lab/deps build test qemu
	$(MAKE) --no-print-directory all
	BUILD=$(BUILD) test/bench/run
	BUILD=$(BUILD) test/bench/sessions
	BUILD=$(BUILD) test/bench/records
	BUILD=$(BUILD) test/bench/recovery

# libFuzzer programs need clang; they are built with the sanitizers always.
FUZZ_CC		?= clang-14
FUZZ_SECONDS	?= 60
FUZZ_FLAGS	:= -O1 -g -std=gnu11 -fsanitize=address,undefined -fno-sanitize-recover=undefined
fuzz_bin	:= $(patsubst test/fuzz/%.c,build-fuzz/%,$(fuzz_src))
fuzz_testee	:= $(sort $(db_src) $(filter-out %/main.c,$(iscsid_src) $(iscsiadm_src)) $(fake_src))
fuzz_obj	:= $(patsubst %.c,build-fuzz/obj/%.o,$(fuzz_testee))

.PRECIOUS: build-fuzz/obj/%.o

build-fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(DAEMON_CFLAGS) $(TEST_CFLAGS) $(FUZZ_FLAGS) \
		-fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build-fuzz/%: build-fuzz/obj/test/fuzz/%.o $(fuzz_obj)
	$(call say,FUZZ)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(DAEMON_LIBS) $(ADM_LIBS) $(TEST_LIBS) -pthread

fuzz:
	test/lab/deps build fuzz
	$(MAKE) --no-print-directory fuzz-programs

fuzz-programs: $(fuzz_bin)

# The same programs for AFL++, whose driver takes the place of libFuzzer's.
afl_bin		:= $(patsubst test/fuzz/%.c,build-afl/%,$(fuzz_src))

build-afl/%: test/fuzz/%.c $(fuzz_testee) $(wildcard libiscsi-db/*.h iscsid/*.h iscsid/*/*.h)
	@mkdir -p $(@D)
	$(call say,AFL)
	$(Q)AFL_QUIET=1 afl-clang-fast $(CPPFLAGS) $(DAEMON_CFLAGS) $(TEST_CFLAGS) $(FUZZ_FLAGS) \
		-fsanitize=fuzzer -o $@ $< $(fuzz_testee) $(DAEMON_LIBS) $(ADM_LIBS) $(TEST_LIBS) -pthread

afl:
	test/lab/deps build afl
	$(MAKE) --no-print-directory afl-programs

afl-programs: $(afl_bin)

# New inputs go to the build folder; what finds something belongs into test/fuzz/corpus.
fuzz-smoke: fuzz
	@for f in $(fuzz_bin); do \
		name=$${f##*/fuzz_}; mkdir -p build-fuzz/corpus/$$name; \
		echo "fuzzing $$name for $(FUZZ_SECONDS) s"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=build-fuzz/ build-fuzz/corpus/$$name \
			test/fuzz/corpus/$$name || exit 1; \
	done

afl-smoke: afl
	@for f in $(afl_bin); do \
		name=$${f##*/fuzz_}; mkdir -p build-afl/out; \
		echo "fuzzing $$name for $(FUZZ_SECONDS) s"; \
		AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 \
		AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		afl-fuzz -V $(FUZZ_SECONDS) -m none -t 5000+ -i test/fuzz/corpus/$$name \
			-o build-afl/out/$$name -- $$f >build-afl/out/$$name.log 2>&1 || \
			{ tail -n 20 build-afl/out/$$name.log; exit 1; }; \
		awk '/^(execs_done|saved_crashes|saved_hangs)/' build-afl/out/$$name/default/fuzzer_stats; \
		[ -z "$$(ls build-afl/out/$$name/default/crashes)" ] || exit 1; \
	done

# The corpora as they are, through the same code without libFuzzer.
replay_bin	:= $(patsubst test/fuzz/%.c,$(BUILD)/test/replay/%,$(fuzz_src))

$(BUILD)/test/replay/%: $(BUILD)/test/fuzz/%.o $(BUILD)/test/fuzz/replay.o $(testee_obj) $(STATIC_DB)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^ $(DAEMON_LIBS) $(ADM_LIBS) $(TEST_LIBS) -pthread

# Every compiler that is supported, without a warning.
check-compilers:
	test/lab/deps build compilers
	test/compilers

check-corpus:
	$(MAKE) --no-print-directory replay SAN=1

# All programs and all test programs, none of which is run.
programs: all $(unit_bin) $(replay_bin)

replay: $(replay_bin)
	@for f in $(replay_bin); do $$f test/fuzz/corpus/$${f##*/fuzz_} || exit 1; done

clean:
	rm -rf build build-san build-fuzz build-afl build-i386 build-s390x build-packages build-coverage

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make check-unit    unit tests (SAN=1: under ASan and UBSan)"
	@echo "make check-lint    spelling, cppcheck, shellcheck; make lint: clang-tidy too"
	@echo "make coverage      which lines the unit tests run"
	@echo "make check-install two folders give the same files, paths are obeyed, uninstall"
	@echo "make check-system  the scenarios on a real kernel"
	@echo "make check-system-unit  the same with the daemon under its hardened systemd unit"
	@echo "make check-boot    the scenarios that take minutes: machines that boot, faults at random"
	@echo "make check-others  libvirt, Ansible, os-brick and others drive our programs"
	@echo "make check-compilers  builds with every supported compiler without a warning"
	@echo "make fuzz-smoke    each fuzzer for FUZZ_SECONDS ($(FUZZ_SECONDS)); make afl-smoke: with AFL++"
	@echo "make bench         ours, open-iscsi and the kernel's floor, side by side"
	@echo "make deps          install what building and testing need (Debian)"
	@echo "make install       DESTDIR PREFIX SBINDIR SYSCONFDIR UNITDIR TMPFILESDIR DATADIR DBROOT"
	@echo "make uninstall     with the same; the configuration and the records stay"
	@echo "make dist          a tarball of the last commit"
	@echo "make deb           Debian's packages, in build/deb"

-include $(patsubst %.o,%.d,$(wildcard $(fuzz_obj) build-fuzz/obj/test/fuzz/*.o))
-include $(patsubst %.o,%.d,$(sort $(db_obj) $(iscsid_obj) $(iscsiadm_obj) $(testee_obj) \
	$(call obj,iscsid/iscsistart.c iscsiadm/iscsi-iname.c) \
	$(call obj,$(unit_src) $(wildcard test/fuzz/*.c))))
