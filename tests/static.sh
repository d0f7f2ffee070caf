#!/usr/bin/env bash
# A release must run where nothing else is: this builds the command without shared libraries and runs it in a root
# directory that holds nothing but it.
#
#   tests/static.sh
#
# It needs the C library's static archive (libc6-dev has it), and root or user namespaces to change the root directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked -p portsim --target "$target"
built=target/$target/release/portsim

if ldd "$built" 2>&1 | grep -q '=>'; then
    printf '%s needs shared libraries:\n' "$built"
    ldd "$built"
    exit 1
fi
alone=$(mktemp -d)
trap 'rm -rf "$alone"' EXIT
cp "$built" "$alone/portsim"
as_root=(chroot)
[ "$(id -u)" -eq 0 ] || as_root=(unshare --user --map-root-user chroot)

"${as_root[@]}" "$alone" /portsim --version
"${as_root[@]}" "$alone" /portsim check @bugs/poll-takes-the-break
"${as_root[@]}" "$alone" /portsim run @portable/newest-waiter-first --seed 7
"${as_root[@]}" "$alone" /portsim list "does epoll wake the newest?"
printf '%s bytes, alone in its root directory: it works\n' "$(stat -c %s "$built")"
