#!/bin/sh
# What other programs' own daemon code does, as chains, without root: builds catena, starts each daemon, shows what a
# second start says, and stops it. Nothing is left behind but the build. With an argument, that catena is shown.
set -eu
# messages where the commands are
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
stop_all() {
    for file in "$place"/work/*.pid; do
        if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || :; fi
    done
    rm -rf "$place"
}
trap stop_all EXIT
mkdir "$place/bin" "$place/work"
if [ $# -gt 0 ]; then
    cp "$1" "$place/catena"
else
    # cargo knows where it puts the program
    cargo run --manifest-path "$here/../../Cargo.toml" --release --locked --quiet -- --install "$place/bin"
    cp "$(readlink "$place/bin/setsid")" "$place/catena"
    rm "$place/bin/"*
fi
"$place/catena" --install "$place/bin"
cp "$here"/worker* "$place/work"
cd "$place/work"
PATH=$place/bin:$PATH

heading() {
    printf '\n# %s\n' "$*"
}

# Runs a command twice and stops what it has started. daemon PIDFILE COMMAND...
daemon() {
    file=$1
    shift
    printf '$ %s\n' "$*"
    "$@" || { printf '(exit code %s)\n' $?; return 0; }
    printf '%s names %s\n' "$file" "$(cat "/proc/$(cat "$file")/comm")"
    printf 'once more:\n'
    "$@" || printf '(exit code %s)\n' $?
    kill "$(cat "$file")"
    # the lock is free as soon as the process is gone
    pidfile-lock -t 10 "$file" echo stopped
}

# Whether a program is there to be shown.
has() {
    command -v "$1" >/dev/null || { printf '(left out: no %s here)\n' "$1"; return 1; }
}

heading "Redis: fork, setsid, /dev/null, a pid file; and here it says itself when it is ready"
if has redis-server; then
    daemon redis.pid daemonize -c "$PWD" --ready=notify --timeout=20 pidfile-lock redis.pid \
        redis-server --daemonize no --supervised systemd --port 0 --unixsocket redis.sock
fi

heading "The classic Daemon class of Python: fork, chdir, setsid, umask, fork, three files, a pid file"
if has python3; then
    daemon app.pid daemonize --umask=0 --double-fork pidfile-lock "$PWD/app.pid" python3 "$PWD/worker.py"
fi

heading "A PHP daemon: umask, fork, setsid, fork, output to a log"
if has php; then
    daemon php.pid daemonize --umask=0 --double-fork -c "$PWD" -a -o php.log -e php.log \
        pidfile-lock php.pid php worker.php
fi

heading "libslack's daemon: double fork, all descriptors closed, umask 022, no core dumps, a locked pid file"
daemon slack.pid daemonize --double-fork --close-fds --umask=022 softlimit -c 0 \
    pidfile-lock "$PWD/slack.pid" "$PWD/worker"

heading "bmc's daemonize itself, with -l and -p"
daemon bmc.pid daemonize -l bmc.lock -p bmc.pid -a -o bmc.log "$PWD/worker"

heading "A failed start is an exit code and a reason, however late it fails"
show() {
    printf '$ %s\n' "$*"
    "$@" || printf '(exit code %s)\n' $?
}
show daemonize -c "$PWD" setlock -n slack.lock no-such-server
show daemonize --ready=fd=3 --timeout=0.5 "$PWD/worker"
