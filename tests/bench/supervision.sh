#!/bin/sh
# What it costs to supervise: catena's svscan and supervise beside daemontools', runit's and s6's programs, in one
# interleaved run. Each round starts a tree of services that do nothing but wait, looks at its memory, counts how often it
# wakes up while nothing happens, kills services one by one and all at once, and ends it. Then tables of medians, next to
# the bars the project has set itself. Needs no root; x86-64 or AArch64.
#
# Every service tells of its start by itself, so nothing that a supervisor says about it is trusted.
set -eu
LC_ALL=C
export LC_ALL

usage() {
    cat <<'TEXT'
usage: tests/bench/supervision.sh [-s SERVICES] [-n ROUNDS] [-i SECONDS] [-k KILLS] [-d DIRECTORY] [-p] [CATENA]

  -s SERVICES   how many services each tree has (200)
  -n ROUNDS     rounds of each program (5)
  -i SECONDS    how long each tree is left alone to count its wake-ups (10)
  -k KILLS      how many services are killed one by one in each round (50)
  -d DIRECTORY  where the service directories are made (/dev/shm, or the one for temporary files)
  -p            the peers alone
  CATENA        the build to measure; the release build of this checkout

Exits 1 if CATENA misses a bar.
TEXT
}

die() {
    printf 'supervision.sh: %s\n' "$*" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
services=200
rounds=5
idle=10
kills=50
directory=/dev/shm
[ -d "$directory" ] && [ -w "$directory" ] || directory=${TMPDIR:-/tmp}
peers_alone=
while getopts s:n:i:k:d:ph option; do
    case $option in
        s) services=$OPTARG ;;
        n) rounds=$OPTARG ;;
        i) idle=$OPTARG ;;
        k) kills=$OPTARG ;;
        d) directory=$OPTARG ;;
        p) peers_alone=yes ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || { usage >&2; exit 2; }

build=${1-}
if [ -z "$build" ]; then
    target=${CARGO_TARGET_DIR:-$here/../../target}
    for build in "$target/$(uname -m)-unknown-linux-gnu/release/catena" "$target"/*/release/catena \
        "$target/release/catena"; do
        [ ! -f "$build" ] || break
    done
fi
if [ -n "$peers_alone" ]; then
    build='left out'
elif [ ! -x "$build" ]; then
    die "there is no build $build: cargo build --release --locked makes one"
fi

stage=
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
stage=$(TMPDIR=$directory mktemp -d)

cc -O2 -Wall -Wextra -o "$stage/servicebench" "$here/servicebench.c"
cc -Os -nostdlib -static -no-pie -fno-stack-protector -s -o "$stage/pause" "$here/pause.c"
mkfifo "$stage/events"
mkdir "$stage/catena"
if [ -z "$peers_alone" ]; then
    cp "$build" "$stage/catena/catena"
    for name in svscan supervise; do
        ln -s catena "$stage/catena/$name"
    done
fi

# A directory of services as nobody has looked at it yet.
make_services() {
    rm -rf "$stage/scan"
    mkdir "$stage/scan"
    number=0
    while [ $number -lt "$services" ]; do
        echo "$stage/scan/service-$number"
        number=$((number + 1))
    done | xargs mkdir
    for service in "$stage"/scan/*; do
        echo "$service/run"
    done | xargs -I '{}' ln -s ../../pause '{}'
}

# Whose, how it is ended, and what is started.
candidate() {
    if [ -x "$3" ]; then
        echo "$*" >>"$stage/programs"
    else
        echo "left out: $1, not installed"
    fi
}

if [ -z "$peers_alone" ]; then
    candidate catena term "$stage/catena/svscan"
    candidate catena-exec term "$stage/catena/svscan"
fi
candidate daemontools commands /usr/bin/svscan
candidate runit hup /usr/bin/runsvdir
candidate s6 term /usr/bin/s6-svscan

# One round. What is measured is in the variables of the list; catena-exec is catena without a fork in place of an exec.
measure() {
    case $whose in
        catena) fuse=1 path=$stage/catena ;;
        catena-exec) fuse=0 path=$stage/catena ;;
        *) fuse=1 path=/usr/bin ;;
    esac
    make_services
    CATENA_FUSE=$fuse PATH=$path:/usr/bin:/bin "$stage/servicebench" "$stage" "$idle" "$kills" "$how" \
        "$program" "$stage/scan" </dev/null >"$stage/seen" 2>"$stage/stderr" || {
        cat "$stage/stderr" >&2
        die "$whose does not do what it should"
    }
}

echo "$services services, rounds of each: $rounds, left alone for $idle s, $kills kills; catena: $build"
uname -srm
echo "directory: $(df -T "$stage" | awk 'END { print $2 }')"
round=0
while [ $round -lt "$rounds" ]; do
    while read -r whose how program <&3; do
        measure
        sed "s/^/$whose	/" "$stage/seen"
    done 3<"$stage/programs"
    round=$((round + 1))
done >"$stage/figures"

awk -F '\t' -v services="$services" -v idle="$idle" '
    { n = ++runs[$1, $2]; value[$1, $2, n] = $3; if (!($1 in seen)) { seen[$1] = 1; order[++count] = $1 } }
    function median(whose, what,    n, i, j, sorted, held) {
        n = runs[whose, what]
        for (i = 1; i <= n; i++) {
            held = value[whose, what, i]
            for (j = i - 1; j > 0 && sorted[j] > held; j--) sorted[j + 1] = sorted[j]
            sorted[j + 1] = held
        }
        return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
    }
    function best(what,    at, least) {
        least = -1
        for (at = 1; at <= count; at++)
            if (order[at] !~ /^catena/ && (least < 0 || median(order[at], what) < least)) least = median(order[at], what)
        return least
    }
    function bar(what, is, limit, format) {
        missed = missed || is > limit
        printf "%-58s " format "  <= %-6s %s\n", what, is, limit, is <= limit ? "met" : "MISSED"
    }
    function against_best(text, what, limit,    least) {
        least = best(what)
        if (least > 0) bar(text, median("catena", what) / least, limit, "%8.3f")
    }
    END {
        split("up pss dirty tree wakes scanner restart back stop", figure, " ")
        split("all up, ms|memory, share, kB|memory, private, kB|whole tree for each, kB|wake-ups of supervisors|" \
            "wake-ups of the scanner|restart after a crash, ms|all killed, all back, ms|all ended, ms", title, "|")
        split("1000 1 1 1 1 1 1000 1000 1000", unit, " ")
        split("%.1f %.0f %.0f %.1f %.0f %.0f %.3f %.1f %.1f", format, " ")
        printf "\n| |"
        for (at = 1; at <= count; at++) printf " %s |", order[at]
        printf " against the best peer |\n|---|"
        for (at = 0; at <= count; at++) printf "---|"
        print ""
        for (f = 1; f <= 9; f++) {
            printf "| %s |", title[f]
            for (at = 1; at <= count; at++) printf " " format[f] " |", median(order[at], figure[f]) / unit[f]
            least = best(figure[f])
            is_compared = ("catena" in seen) && least > 0
            print (is_compared ? sprintf(" %.2f |", median("catena", figure[f]) / least) : " – |")
        }
        if (!("catena" in seen)) exit 0
        print ""
        against_best("memory of a supervisor, share, of the best", "pss", 0.5)
        against_best("memory of a supervisor, private, of the best", "dirty", 0.5)
        bar("wake-ups of supervisors in " idle " s", median("catena", "wakes"), 0, "%8.0f")
        bar("wake-ups of the scanner in " idle " s", median("catena", "scanner"), 0, "%8.0f")
        against_best("all up, of the best", "up", 0.8)
        against_best("restart after a crash, of the best", "restart", 1.3)
        bar("restart after a crash, ms", median("catena", "restart") / 1000, 2, "%8.3f")
        bar("all killed, all back, ms", median("catena", "back") / 1000, 300, "%8.1f")
        bar("all ended, ms", median("catena", "stop") / 1000, 2000, "%8.1f")
        exit missed
    }
' "$stage/figures"
