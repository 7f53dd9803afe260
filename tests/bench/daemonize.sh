#!/bin/sh
# What it costs to start a daemon: from the start of daemonize to the return of its foreground, catena's beside the
# reference's, in one interleaved run of chainbench. Ours returns when the program has been started, the reference's before
# it knows. Needs no root.
#
# Not bound to one processor, unlike wrappers.sh: the daemon and the foreground are two processes, and where they share one,
# what is left of the reference's start when its foreground has gone falls on whatever is measured next.
set -eu

usage() {
    cat <<'TEXT'
usage: tests/bench/daemonize.sh [-n RUNS] [CATENA [SECOND]]

  -n RUNS   runs of each command (2000)
  CATENA    the build to measure; the release build of this checkout
  SECOND    another build, for a row of its own

Exits 1 if CATENA misses the bar.
TEXT
}

die() {
    printf 'daemonize.sh: %s\n' "$*" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
runs=2000
while getopts n:h option; do
    case $option in
        n) runs=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 2 ] || { usage >&2; exit 2; }
[ "$(uname -m)" = x86_64 ] || die "the terminal program is written for x86-64"
first=${1-$here/../../target/x86_64-unknown-linux-gnu/release/catena}
second=${2-}
for build in "$first" ${second:+"$second"}; do
    [ -x "$build" ] || die "there is no build $build: cargo build --release --locked makes one"
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cc -O2 -Wall -Wextra -o "$stage/chainbench" "$here/chainbench.c"
cc -Os -nostdlib -static -no-pie -fno-stack-protector -s -o "$stage/end" "$here/end.c"
for build in first ${second:+second}; do
    mkdir "$stage/$build"
    case $build in
        first) cp "$first" "$stage/$build/catena" ;;
        *) cp "$second" "$stage/$build/catena" ;;
    esac
    for name in $("$stage/$build/catena" --list); do
        ln -s catena "$stage/$build/$name"
    done
done

row() { # LABEL COMMAND
    printf '%s\t%s\n' "$1" "$2"
}

{
    row terminal "$stage/end"
    row reference "/usr/bin/daemonize $stage/end"
    for build in first ${second:+second}; do
        row "$build" "$stage/$build/daemonize $stage/end"
        # several links behind it
        row "$build, chain" "$stage/$build/daemonize $stage/$build/softlimit -o 64 $stage/$build/pgrphack $stage/end"
    done
    row "first, chain unfused" "$stage/first/catena --no-fuse daemonize softlimit -o 64 pgrphack $stage/end"
} >"$stage/commands"

echo "runs of each: $runs; first: $first${second:+; second: $second}"
uname -srm
cd "$stage"
# where the inner names of the last row are found
PATH=$stage/first:$PATH
export PATH
# the daemons are orphans, and process 1 may be slow to bury them
./first/fghack --subreaper ./chainbench -t -k -n "$runs" -c -1 -f commands </dev/null >figures 2>left-out || {
    cat left-out >&2
    [ -s figures ] || exit 2
}
sed 's/^chainbench: /left out: /' left-out

LC_ALL=C awk -F '\t' '
    NR == 1 { next }
    { median[$1] = $2; order[++count] = $1 }
    END {
        bar = 0.8
        printf "\n%-24s %10s %10s\n", "", "median us", "ratio"
        for (at = 1; at <= count; at++) {
            name = order[at]
            ratio = ("reference" in median) ? sprintf("%.2f", median[name] / median["reference"]) : "-"
            verdict = name == "first" && ratio != "-" ? (ratio <= bar ? "bar " bar " met" : "bar " bar " MISSED") : ""
            missed = missed || verdict ~ /MISSED/
            printf "%-24s %10.1f %10s  %s\n", name, median[name], ratio, verdict
        }
        exit missed
    }
' figures
