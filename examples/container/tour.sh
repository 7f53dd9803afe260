#!/bin/sh
# A container by hand, without root: svscan is process 1 of a namespace of its own, runs a service and its logger, and is
# stopped as `docker stop` does it. Nothing is installed, and nothing is left behind but the build. With an argument, that
# catena is shown.
set -eu
# messages where the commands are
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
container=
leave() {
    if [ -n "$container" ]; then
        # with it goes all of the namespace
        kill -KILL "$container" || true
        wait "$container" || true
    fi
    rm -rf "$place"
}
trap leave EXIT
trap 'exit 130' HUP INT TERM
mkdir "$place/bin"
if [ $# -gt 0 ]; then
    cp "$1" "$place/catena"
    "$place/catena" --install "$place/bin"
else
    cargo run --manifest-path "$here/../../Cargo.toml" --release --locked --quiet -- --install "$place/bin"
fi
PATH=$place/bin:$PATH
cp -R "$here/service" "$place/service"
cd "$place"

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

log=service/counter/log/main/current
has_much() {
    [ -s "$log" ] && [ "$(grep -c . "$log")" -gt 1000 ]
}

# for root at once; for others by way of a namespace in which they are root
namespaces='--pid --fork --kill-child --mount-proc'
enter='--pid --mount'
if [ "$(id -u)" != 0 ]; then
    namespaces="--user --map-root-user $namespaces"
    enter="--user --preserve-credentials $enter"
fi
# shellcheck disable=SC2086 # several words
if ! unshare $namespaces true; then
    echo '(left out: no namespaces here)'
    exit 0
fi

heading "The container runs: svscan is its first process"
printf '$ unshare %s svscan ./service &\n' "$namespaces"
# the number that the first process has outside, before there is a /proc with the numbers of inside
# shellcheck disable=SC2086,SC2016 # several words; for the inner shell
unshare ${namespaces% --mount-proc} --mount sh -c '
    read -r pid rest < /proc/self/stat
    echo "$pid" > pid.new
    mv pid.new pid
    mount -t proc proc /proc
    exec svscan ./service' &
container=$!
when has_much
svscan=$(cat pid)
if command -v ps > /dev/null; then
    show "nsenter $enter --target $svscan ps -e -o pid,ppid,args | grep -v 'ps -e'"
fi
show 'svstat service/counter service/counter/log'

heading "TERM, as docker stop sends it: the service ends, then its logger, then svscan"
show "kill -TERM $svscan"
code=0
wait "$container" || code=$?
container=
printf '(exit code of the container: %s)\n' "$code"

heading "All that was written is in the log"
show "tail -n 1 $log | tai64nlocal"
show "grep -c 'counter: line' $log"
show "ls -l $log | cut -c1-10"
