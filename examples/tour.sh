#!/bin/sh
# A tour of two minutes, without root: builds catena, links it into a temporary directory, and shows some chains.
# Nothing is installed, and nothing is left behind but the build. With an argument, that catena is shown.
set -eu
# messages where the commands are
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin" "$place/work"
chmod 755 "$place"
if [ $# -gt 0 ]; then
    cp "$1" "$place/catena"
else
    # cargo knows where it puts the program; a copy can be reached by other accounts as well
    cargo run --manifest-path "$here/../Cargo.toml" --release --locked --quiet -- --install "$place/bin"
    cp "$(readlink "$place/bin/setsid")" "$place/catena"
    rm "$place/bin/"*
fi
"$place/catena" --install "$place/bin"
cp -R "$here/env" "$here/server" "$place/work"
cd "$place/work"
PATH=$place/bin:$PATH

heading() {
    printf '\n# %s\n' "$*"
}
show() {
    printf '$ %s\n' "$*"
    code=0
    "$@" || code=$?
    if [ "$code" != 0 ]; then
        printf '(exit code %s)\n' "$code"
    fi
}

heading "A server with its settings from ./env, at most 64 descriptors, and a session of its own"
show envdir ./env softlimit -o 64 setsid --wait ./server

if [ "$(id -u)" = 0 ]; then
    heading "The same as another account"
    show envdir ./env setuidgid nobody softlimit -o 64 setsid --wait ./server
else
    heading "Another account takes root, and without it nothing is run"
    show setuidgid nobody ./server
fi

heading "One at a time: the first holds the lock while it runs the second"
show setlock -n ./lock setlock -n ./lock ./server

heading "A failed start is an exit code and a reason, also where setsid has to fork"
show envdir ./env setsid --fork ./no-such-server
show envdir ./no-such-env ./server

heading "Ask any applet"
show softlimit --help
