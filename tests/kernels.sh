#!/usr/bin/env bash
# Runs the scenarios on kernels of other versions, each in a virtual machine: the newest that Debian packages of each
# series from 5.10 on.
#
#   tests/kernels.sh                          every backend; holds docs/KERNELS.md (UPDATE_EXPECT=1 writes it)
#   tests/kernels.sh quick                    epoll and io-uring, as many kernels as KERNELS_SECONDS (180) allow
#   tests/kernels.sh bisect SCENARIO BACKEND  finds the first packaged version that shows something else, and records
#                                             both sides in target/kernels/bisected
#   tests/kernels.sh fuzz CASES SERIES...     made-up scenarios on epoll, io-uring, pipe and select of these series
#
# It needs Debian or a relative on x86-64, root, and the mirror that this machine uses already. Nothing but the
# emulator is installed: kernels are unpacked in target/kernels and reused. Processors are emulated too (KVM is not
# asked: the machine may be a virtual one itself), so that a kernel takes half a minute. Where kernels cannot be had
# it says so, and ends with 0 after the words "not run"; whatever goes wrong behind that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TERM_COLOR=never DEBIAN_FRONTEND=noninteractive
unset RUSTFLAGS

readonly PLACE=$PWD/target/kernels
source tests/debian.sh

not_run() {
    printf '\n!! Other kernels were not run: %s\n' "$1"
    exit 0
}

packages() {
    if qemu-system-x86_64 --version >/dev/null 2>&1 && [ -x /bin/busybox ] && command -v cpio >/dev/null; then
        return 0
    fi
    { apt-get -q update && apt-get -q install -y --no-install-recommends qemu-system-x86 busybox-static cpio; } \
        >"$PLACE/apt.log" 2>&1
}

# Which kernels there are: a line each, package, version and where from, with bars between. A release that the mirror
# no longer has is passed over.
list() {
    local names
    view bullseye bookworm trixie trixie-backports forky || true
    names=$(other_releases apt-cache search --names-only '^linux-(image|binary)-[0-9].*-cloud-amd64$' | cut -d ' ' -f 1)
    [ -n "$names" ] || return 1
    # shellcheck disable=SC2086 # a name each
    other_releases apt-cache madison $names >"$PLACE/list"
}

# What every machine boots into: the command, what it is linked to, the scenarios, and one program for all the rest.
first_files() {
    local root=$PLACE/root library
    rm -rf "$root"
    mkdir -p "$root"/{bin,proc,sys,dev,tmp}
    cp /bin/busybox target/release/portsim "$root/bin"
    strip "$root/bin/portsim"
    for library in $(ldd target/release/portsim | grep -o '/lib[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
    cp -r scenarios "$root"
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/mqueue
mount -t tmpfs tmp /tmp
mount -t mqueue mqueue /dev/mqueue
mkdir /tmp/out
stty raw -echo </dev/ttyS1
echo 'the job begins'
. /job
tar -c -C /tmp/out . | gzip -1 >/dev/ttyS1
poweroff -f
INIT
    chmod +x "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet) >"$PLACE/first"
}

# kernels.py asks for a kernel by this. Its modules, nine tenths of it, are left out.
if [ "${1-}" = unpack ]; then
    fetch "$2" "$3" '*/vmlinuz*'
    exit
fi
mkdir -p "$PLACE"
[ "$(uname -m)" = x86_64 ] || not_run 'this machine is no x86-64'
[ -n "$(mirror)" ] || not_run 'this machine names no mirror of Debian'
packages || not_run 'no emulator; see target/kernels/apt.log'
list || not_run 'the mirror lists no kernels; see target/kernels/apt.log'
cargo build --quiet --release --locked -p portsim
first_files
exec python3 tests/kernels.py "$PLACE" "$@"
