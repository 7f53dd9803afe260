#!/bin/sh
# A tour of logging, without root: a service and its logger, how to read the log, to rotate it by hand, and to ship it.
# Nothing is installed, and nothing is left behind but the build. With an argument, that catena is shown.
set -eu
# messages where the commands are
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/bin"
if [ $# -gt 0 ]; then
    cp "$1" "$place/catena"
    "$place/catena" --install "$place/bin"
else
    cargo run --manifest-path "$here/../../Cargo.toml" --release --locked --quiet -- --install "$place/bin"
fi
cp -R "$here/service" "$place/service"
cd "$place/service"
PATH=$place/bin:$PATH

heading() {
    printf '\n# %s\n' "$*"
}
show() {
    printf '$ %s\n' "$*"
    code=0
    sh -c "$*" || code=$?
    if [ "$code" != 0 ]; then
        printf '(exit code %s)\n' "$code"
    fi
}
# when CONDITION: waits until it holds
when() {
    until eval "$1"; do sleep 0.1; done
}

heading "A service and its logger, as svscan would connect them"
show './run | (cd log && ./run)'
show 'ls -l log/main | cut -c1-10'

heading "Reading the log: the time of each line, and what was fatal"
show 'tai64nlocal -d 3 < log/main/current'
show 'tai64nlocal -u --iso < log/fatal/current'

heading "One logger at a time, were it in one process"
show 'multilog ./log/main ./log/main < /dev/null'

heading "Rotating by hand: ALRM makes an old file of current"
mkfifo pipe
multilog t ./by-hand < pipe &
logger=$!
exec 3> pipe
echo 'before' >&3
when '[ -s by-hand/current ]'
show "kill -ALRM $logger"
when '[ -e by-hand/@*.s ]'
echo 'after' >&3
exec 3>&-
wait "$logger"
show 'cat by-hand/@*.s by-hand/current | cut -d" " -f2'

heading "Shipping: a processor makes something of each full file"
show "./run 300 | multilog i s4096 n20 '!../log/ship' wgz ./shipped"
show 'ls outbox'
show 'cat shipped/state'
show 'gzip -dc shipped/@*.gz | cat - shipped/current | wc -l'
