#!/usr/bin/env bash
# Programs that know nothing of this one: what they did on their completion ports under both Wines, judged by the rules of
# that Wine and by those of Windows, and what they did on their epoll descriptors on Linux, judged by the rules of epoll.
#
#   tests/programs.sh           fetches them, lets them serve, and judges their logs
#   tests/programs.sh linux     only those of Linux
#   tests/programs.sh wine      only those of Windows
#
# For Windows: esbuild, behind which stands Go, and node.exe, behind which stands libuv. For Linux: esbuild again, node, and
# small servers for the JVM, tokio and asio (tests/programs/). All come from their registries or from Debian, as they are,
# and stay in target/programs. It takes the Wines of tests/windows.sh, which it does not prepare. What cannot be had is
# reported in words that begin with "!!", and does not count as a success.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export WINEDLLOVERRIDES='mscoree,mshtml=' NODE_SKIP_PLATFORM_CHECK=1
unset DISPLAY

readonly WINES=${WINES:-$PWD/target/windows}
readonly PLACE=$PWD/target/programs
readonly PORTSIM=${PORTSIM:-$PWD/target/debug/portsim}
readonly CALLS='GetQueuedCompletionStatus;GetQueuedCompletionStatusEx;PostQueuedCompletionStatus;CreateIoCompletionPort;NtRemoveIoCompletion;NtRemoveIoCompletionEx;NtSetIoCompletion;NtSetIoCompletionEx;NtCreateIoCompletion'
readonly PROGRAMS='esbuild node'
readonly ON_LINUX='go node jvm tokio asio'
readonly OURS=$PWD/tests/programs
failed=0

not_run() {
    printf '!! %s: not run: %s\n' "$1" "$2"
    failed=1
}

wine() {
    case $1 in
    8) printf '%s' /usr/lib/wine/wine64 ;;
    10) printf '%s' "$WINES/wine-10/usr/lib/wine/wine64" ;;
    esac
}

fetch() {
    mkdir -p "$PLACE/site"
    printf 'console.log(1)\n' >"$PLACE/site/a.js"
    cat >"$PLACE/serve.js" <<'EOF'
const [, , port] = process.argv
require('http').createServer((_, to) => {
    require('fs').readFile('site/a.js', (_, text) => to.end(text))
}).listen(Number(port), '127.0.0.1')
setTimeout(() => process.exit(0), 25000)
EOF
    case $1 in
    esbuild)
        [ ! -e "$PLACE/package/esbuild.exe" ] || return 0
        (cd "$PLACE" && npm pack esbuild-windows-64@0.15.18 && tar xf esbuild-windows-64-0.15.18.tgz) >"$PLACE/npm.log" 2>&1
        ;;
    node)
        [ ! -e "$PLACE/nodejs/node.exe" ] || return 0
        (cd "$PLACE" && pip download --no-deps --platform win_amd64 --only-binary=:all: nodejs-bin==16.15.1a4 &&
            python3 -m zipfile -e nodejs_bin-16.15.1a4-*.whl .) >"$PLACE/pip.log" 2>&1
        ;;
    esac
}

# serve PROGRAM VERSION PORT: the log is left in a file.
serve() {
    local log=$PLACE/$1-wine-$2.log command
    export WINEPREFIX=$PLACE/prefix-$2
    if [ ! -e "$WINEPREFIX" ]; then
        WINEDEBUG=-all timeout 120 "$(wine "$2")" wineboot -i >/dev/null 2>&1
    fi
    WINEDEBUG=-all timeout 60 "$(wine "$2")" reg add 'HKCU\Software\Wine\Debug' /v RelayInclude /d "$CALLS" /f >/dev/null 2>&1
    # A server that was started before says nothing of what it does.
    timeout 60 "$(dirname "$(wine "$2")")/wineserver" -w || true
    case $1 in
    esbuild) command=(package/esbuild.exe --servedir=site "--serve=127.0.0.1:$3" --log-level=error) ;;
    node) command=(nodejs/node.exe serve.js "$3") ;;
    esac
    (cd "$PLACE" && sleep 30 |
        WINEDEBUG=+timestamp,+pid,+tid,+relay,+server timeout 30 "$(wine "$2")" "${command[@]}" >/dev/null 2>"$log") &
    asks "$3" 1
    local served=$?
    wait
    return "$served"
}

# asks PORT CLIENTS: 400 requests, by so many at a time; fails if nobody answers.
asks() {
    python3 - "$1" "$2" <<'EOF'
import http.client, sys, threading, time
end, answers = time.time() + 25, []
def ask():
    while time.time() < end and len(answers) < 400:
        try:
            one = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=3)
            for _ in range(20):
                one.request('GET', '/a.js')
                answer = one.getresponse()
                answer.read()
                if answer.status == 200:
                    answers.append(1)
            one.close()
        except (OSError, http.client.HTTPException):
            time.sleep(0.3)
clients = [threading.Thread(target=ask) for _ in range(int(sys.argv[2]))]
for client in clients:
    client.start()
for client in clients:
    client.join()
sys.exit(not answers)
EOF
}

# fetch_on_linux PROGRAM: leaves the words that start it, but for the port, in a file.
fetch_on_linux() {
    local words
    mkdir -p "$PLACE/site" "$PLACE/$1"
    printf 'console.log(1)\n' >"$PLACE/site/a.js"
    case $1 in
    go)
        [ -e "$PLACE/go/package/bin/esbuild" ] ||
            (cd "$PLACE/go" && npm pack @esbuild/linux-x64@0.25.0 && tar xf esbuild-linux-x64-0.25.0.tgz) || return 1
        words="$PLACE/go/package/bin/esbuild --servedir=site --log-level=error --serve=127.0.0.1:"
        ;;
    node)
        words="$(command -v node) $OURS/serve.js --port=" || return 1
        ;;
    jvm)
        javac -d "$PLACE/jvm" "$OURS/Serve.java" || return 1
        words="$(command -v java) -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp $PLACE/jvm Serve --port="
        ;;
    tokio)
        cp "$OURS/serve.rs" "$PLACE/tokio/"
        printf '%s\n' '[package]' 'name = "serve"' 'version = "0.0.0"' 'edition = "2021"' \
            '[[bin]]' 'name = "serve"' 'path = "serve.rs"' '[workspace]' '[dependencies]' \
            'tokio = { version = "1", features = ["rt-multi-thread", "net", "io-util"] }' >"$PLACE/tokio/Cargo.toml"
        (cd "$PLACE/tokio" && CARGO_TARGET_DIR="$PLACE/tokio/target" cargo build) || return 1
        words="$PLACE/tokio/target/debug/serve --port="
        ;;
    asio)
        [ -e "$PLACE/asio/usr/include/asio.hpp" ] ||
            (cd "$PLACE/asio" && apt-get download libasio-dev && dpkg-deb -x libasio-dev_*.deb .) || return 1
        g++ -std=c++17 -O1 -pthread -I"$PLACE/asio/usr/include" "$OURS/serve.cpp" -o "$PLACE/asio/serve" || return 1
        words="$PLACE/asio/serve --port="
        ;;
    esac >"$PLACE/$1/fetch.log" 2>&1
    printf '%s\n' "$words" >"$PLACE/$1/words"
}

# serve_on_linux PROGRAM PORT: the log is left in a file.
serve_on_linux() {
    local log=$PLACE/$1-linux.log words tracer served=0 traced
    read -ra words <"$PLACE/$1/words"
    words[-1]+=$2
    (cd "$PLACE" && exec strace -f -ttt -T -e trace=%desc,%network,%process -o "$log" "${words[@]}") \
        >"$PLACE/$1/out" 2>&1 < <(sleep 40) &
    tracer=$!
    asks "$2" 4 || served=1
    traced=$(ps -o pid= --ppid "$tracer") || true
    # shellcheck disable=SC2086
    [ -z "$traced" ] || kill $traced || true
    wait "$tracer" || true
    return "$served"
}

[ -x "$PORTSIM" ] || cargo build --locked -p portsim --bin portsim
port=18200
what=${1:-all}
for program in $PROGRAMS; do
    [ "$what" != linux ] || break
    fetch "$program" || { not_run "$program" 'its registry does not give it'; continue; }
    for version in 8 10; do
        name="$program under Wine $version"
        [ -x "$(wine "$version")" ] || { not_run "$name" 'no such Wine; see tests/windows.sh'; continue; }
        port=$((port + 1))
        serve "$program" "$version" "$port" || { not_run "$name" 'it does not serve'; continue; }
        for system in "wine-$version" windows; do
            "$PORTSIM" admit "$PLACE/$program-wine-$version.log" --from wine --as "$system" || failed=1
        done
    done
done
for program in $ON_LINUX; do
    [ "$what" != wine ] || break
    name="$program on Linux"
    command -v strace >/dev/null || { not_run "$name" 'there is no strace'; continue; }
    fetch_on_linux "$program" || { not_run "$name" 'neither its registry nor Debian gives it'; continue; }
    port=$((port + 1))
    serve_on_linux "$program" "$port" || { not_run "$name" 'it does not serve'; continue; }
    "$PORTSIM" admit "$PLACE/$program-linux.log" --from strace --as epoll || failed=1
done
exit "$failed"
