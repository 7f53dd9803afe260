#!/bin/sh
# A tour of supervision, without root: a service that is started, looked at, used, commanded, that crashes and is back, and
# is removed, with a log of all of it. Nothing is installed, and nothing is left behind but the build. With an argument,
# that catena is shown.
set -eu
# messages where the commands are
exec 2>&1

here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
svscan=
leave() {
    if [ -n "$svscan" ]; then
        kill "$svscan"
        wait "$svscan"
    fi
    rm -rf "$place"
}
trap leave EXIT
trap 'exit 130' HUP INT TERM
mkdir "$place/bin" "$place/service"
if [ $# -gt 0 ]; then
    cp "$1" "$place/catena"
    "$place/catena" --install "$place/bin"
else
    cargo run --manifest-path "$here/../../Cargo.toml" --release --locked --quiet -- --install "$place/bin"
fi
PATH=$place/bin:$PATH
cp -R "$here/greeter" "$place/greeter"
cd "$place/service"

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
logged() {
    grep -q "$1" greeter/log/main/current 2> /dev/null
}
said() {
    [ "$(grep -c "$1" greeter/log/main/current)" = "$2" ]
}

heading "A directory of services, empty yet, and svscan, which runs all that is in it"
printf '$ svscan . &\n'
svscan . &
svscan=$!

heading "A service is a directory with a program called run; its logger is one called log in there"
show 'tail -n 2 ../greeter/run ../greeter/log/run'

heading "It is started when it is put there, and would be at every boot"
show 'mv ../greeter .'
when 'logged ready'
show 'svstat greeter greeter/log'

heading "It serves, and its log tells"
show 'echo world > greeter/requests'
when 'logged world'
show 'tai64nlocal < greeter/log/main/current'

heading "Down, and up again"
show 'svc -d --wait=down greeter'
show 'svstat greeter'
show 'svc -u --wait=up greeter'
show 'svstat greeter'

heading "New settings, and TERM: it is back with them"
when 'said ready 2'
show 'echo "good morning" > greeter/env/GREETING'
show 'svc -t greeter'
when 'said ready 3'
show 'echo world > greeter/requests'
when 'logged morning'

heading "A crash: it is back without anybody's doing, as another process"
show 'svstat greeter'
show 'echo %s%s%s > greeter/requests'
when 'said ready 4'
show 'svstat greeter'
show 'echo everybody > greeter/requests'
when 'logged everybody'
show 'tai64nlocal < greeter/log/main/current | cut -d" " -f3-'

heading "One less: it is renamed out of sight, and it ends, then its log; renamed back, it is a service again"
show 'svc --remove greeter'
show 'ls -A'
show 'svstat .greeter .greeter/log'
show 'mv .greeter greeter'
when 'said ready 5'
show 'svstat greeter'

heading "All of it ends with svscan, loggers last"
show "kill $svscan"
wait "$svscan"
svscan=
show 'svstat greeter greeter/log'
