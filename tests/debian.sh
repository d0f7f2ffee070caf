# Sourced by scripts that fetch packages of other releases of Debian. apt gets a view of its own onto them, below
# $PLACE/apt; the system's lists and packages are not touched. Sets and functions only: whoever sources it sets PLACE.

# The mirror that this machine installs its own packages from.
mirror() {
    { cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *//p'
        cat /etc/apt/sources.list 2>/dev/null | sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p'
    } | tr ' ' '\n' | grep -v security | head -n 1
}

# other_releases TOOL ARGUMENT...: a tool of apt with that view.
other_releases() {
    local tool=$1 view=$PLACE/apt
    shift
    "$tool" -q \
        -o Dir::Etc::SourceList="$view/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$view/lists" -o Dir::State::Status="$view/status" \
        -o Dir::Cache="$view/cache" -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= \
        -o APT::Sandbox::User=root "$@"
}

# view RELEASE...: what the view shows. Its lists are fetched once.
view() {
    local view=$PLACE/apt keys='signed-by=/usr/share/keyrings/debian-archive-keyring.gpg' release
    [ ! -e "$view/done" ] || return 0
    mkdir -p "$view/lists/partial" "$view/cache/archives/partial" "$PLACE/packages"
    : >"$view/status"
    for release in "$@"; do
        printf 'deb [%s] %s %s main\n' "$keys" "$(mirror)" "$release"
    done >"$view/sources.list"
    other_releases apt-get update >"$PLACE/apt.log" 2>&1
    touch "$view/done"
}

# fetch PACKAGE[=VERSION] FOLDER [PATTERN]: unpacks a package into a folder, once; with a pattern only what it matches.
fetch() {
    local mark=$PLACE/packages/${1%%=*}.done
    [ ! -e "$mark" ] || return 0
    (cd "$PLACE/packages" && rm -f "${1%%=*}"_*.deb && other_releases apt-get download "$1" >>"$PLACE/apt.log" 2>&1)
    mkdir -p "$2"
    dpkg-deb --fsys-tarfile "$PLACE/packages/${1%%=*}"_*.deb | tar -x -C "$2" --wildcards "${3-*}"
    rm "$PLACE/packages/${1%%=*}"_*.deb
    touch "$mark"
}
