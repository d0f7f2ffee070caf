#!/usr/bin/env bash
# Programs that know nothing of this one, under both Wines: what they did on their completion ports, judged by the rules of
# that Wine, and by those of Windows.
#
#   tests/programs.sh           fetches them, lets them serve, and judges their logs
#
# Go stands behind esbuild, libuv behind node.exe. Both come from their registries, as they are, and stay in
# target/programs. It takes the Wines of tests/windows.sh, which it does not prepare. What cannot be had is reported in
# words that begin with "!!", and does not count as a success.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export WINEDLLOVERRIDES='mscoree,mshtml=' NODE_SKIP_PLATFORM_CHECK=1
unset DISPLAY

readonly WINES=${WINES:-$PWD/target/windows}
readonly PLACE=$PWD/target/programs
readonly PORTSIM=${PORTSIM:-$PWD/target/debug/portsim}
readonly CALLS='GetQueuedCompletionStatus;GetQueuedCompletionStatusEx;PostQueuedCompletionStatus;CreateIoCompletionPort;NtRemoveIoCompletion;NtRemoveIoCompletionEx;NtSetIoCompletion;NtSetIoCompletionEx;NtCreateIoCompletion'
readonly PROGRAMS='esbuild node'
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
    python3 - "$3" <<'EOF'
import http.client, sys, time
end, answers = time.time() + 25, 0
while time.time() < end and answers < 400:
    try:
        one = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=3)
        for _ in range(20):
            one.request('GET', '/a.js')
            answer = one.getresponse()
            answer.read()
            answers += answer.status == 200
        one.close()
    except (OSError, http.client.HTTPException):
        time.sleep(0.3)
sys.exit(answers == 0)
EOF
    local served=$?
    wait
    return "$served"
}

[ -x "$PORTSIM" ] || cargo build --locked -p portsim --bin portsim
port=18200
for program in $PROGRAMS; do
    fetch "$program" || { not_run "$program" 'its registry does not give it'; continue; }
    for version in 8 10; do
        name="$program under Wine $version"
        [ -x "$(wine "$version")" ] || { not_run "$name" 'no such Wine; see tests/windows.sh'; continue; }
        port=$((port + 1))
        serve "$program" "$version" "$port" || { not_run "$name" 'it does not serve'; continue; }
        for system in "wine-$version" windows; do
            code=0
            "$PORTSIM" admit "$PLACE/$program-wine-$version.log" --from wine --as "$system" || code=$?
            # Windows is asked what differs; that its judge gives up is said, and counts against nobody.
            if [ "$code" -ne 0 ] && ! { [ "$system" = windows ] && [ "$code" -eq 4 ]; }; then
                failed=1
            fi
        done
    done
done
exit "$failed"
