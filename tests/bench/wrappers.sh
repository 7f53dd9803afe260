#!/bin/sh
# What wrappers cost, catena's beside their peers': one interleaved run of chainbench, then a table of ratios of what
# each takes over the terminal program alone, next to the bars the project has set itself. Needs root (setuidgid).
#
# The locale is the caller's, or C.UTF-8 where none is set, as after a login: GNU's and util-linux's programs load it at
# every start, and are faster by a third in the C locale (LC_ALL=C in the environment shows that).
set -eu
: "${LANG:=C.UTF-8}"
export LANG

usage() {
    cat <<'TEXT'
usage: tests/bench/wrappers.sh [-n RUNS] [-c CPU] [CATENA [SECOND]]

  -n RUNS   runs of each command (2000)
  -c CPU    the processor to run on (1; -1 for any)
  CATENA    the build to measure; the release build of this checkout
  SECOND    another build, for rows of its own

Exits 1 if CATENA misses a bar.
TEXT
}

die() {
    printf 'wrappers.sh: %s\n' "$*" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
runs=2000
cpu=1
while getopts n:c:h option; do
    case $option in
        n) runs=$OPTARG ;;
        c) cpu=$OPTARG ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 2 ] || { usage >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "needs root: setuidgid is among what is measured"
[ "$(uname -m)" = x86_64 ] || die "the terminal program is written for x86-64"
[ "$(nproc)" -gt 1 ] || cpu=0

first=${1-}
second=${2-}
if [ -z "$first" ]; then
    target=${CARGO_TARGET_DIR:-$here/../../target}
    for first in "$target/$(uname -m)-unknown-linux-gnu/release/catena" "$target"/*/release/catena \
        "$target/release/catena"; do
        [ ! -f "$first" ] || break
    done
fi
for build in "$first" ${second:+"$second"}; do
    [ -x "$build" ] || die "there is no build $build: cargo build --release --locked makes one"
done

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$stage"

cc -O2 -Wall -Wextra -o "$stage/chainbench" "$here/chainbench.c"
for program in end link; do
    cc -Os -nostdlib -static -no-pie -fno-stack-protector -s -o "$stage/$program" "$here/$program.c"
done

# catena and its links, in a directory of their own each
for build in first second; do
    mkdir "$stage/$build"
    case $build in
        first) file=$first ;;
        *) file=$second ;;
    esac
    [ -n "$file" ] || continue
    cp "$file" "$stage/$build/catena"
    for name in $("$stage/$build/catena" --list); do
        ln -s catena "$stage/$build/$name"
    done
done

mkdir "$stage/env"
printf 'info\n' >"$stage/env/LOGLEVEL"
printf '/srv/data\n' >"$stage/env/DATA"
printf '8080\n' >"$stage/env/PORT"
printf 'en_US.UTF-8\n' >"$stage/env/LANG"
printf '/usr/local/bin:/usr/bin:/bin\n' >"$stage/env/SERVICE_PATH"
: >"$stage/lock"

cd "$stage"
# The usual PATH, with catena first, where it finds its inner names. The peers' are said in full, since PATH would find
# catena's; that spares them a search.
PATH=$stage/first:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
peers=/usr/bin
chain='envdir ./env|setuidgid nobody|softlimit -o 1024|pgrphack'

arguments() {
    case $1 in
        envdir) echo ./env ;;
        setuidgid) echo nobody ;;
        softlimit) echo -o 1024 ;;
        setlock) echo ./lock ;;
    esac
}

row() { # LABEL COMMAND
    printf '%s\t%s\n' "$1" "$2"
}

linked() { # PREFIX-OF-EACH-NAME
    printf '%s\n' "$chain" | tr '|' '\n' | while read -r words; do
        printf '%s%s ' "$1" "$words"
    done
}

builds=first
[ -z "$second" ] || builds='first second'
{
    row terminal ./end
    row "one bare exec" "./link ./end"
    for name in envdir setuidgid softlimit pgrphack setlock nohup setsid; do
        row "$name peer" "$peers/$name $(arguments $name) ./end"
        for build in $builds; do
            row "$name $build" "./$build/$name $(arguments $name) ./end"
        done
    done
    row "chain daemontools" "$(linked $peers/)./end"
    row "chain chpst" "$peers/chpst -e ./env -u nobody -o 1024 -P ./end"
    row "chain s6" "$peers/s6-envdir ./env $peers/s6-setuidgid nobody $peers/s6-softlimit -o 1024 $peers/s6-setsid ./end"
    row "chain first" "./first/$(linked '')./end"
    row "chain first-unfused" "./first/catena --no-fuse $(linked '')./end"
    # the second build is not the one that PATH finds: its inner names are said in full
    [ -z "$second" ] || row "chain second" "$(linked ./second/)./end"
} >commands

echo "runs of each: $runs; first: $first${second:+; second: $second}"
echo "$(uname -srm), locale ${LC_ALL:-$LANG}"
./chainbench -t -k -n "$runs" -c "$cpu" -f commands </dev/null >figures 2>left-out || {
    cat left-out >&2
    [ -s figures ] || exit 2
}
sed 's/^chainbench: /left out: /' left-out

LC_ALL=C awk -F '\t' '
    NR == 1 { next }
    { median[$1] = $2; over[$1] = $5; faults[$1] = $6; order[++count] = $1 }
    function compare(ours, theirs, bar,    ratio, verdict) {
        if (!(ours in over) || !(theirs in over) || over[theirs] <= 0) return
        ratio = over[ours] / over[theirs]
        verdict = bar == "" ? "" : ratio <= bar ? "met" : "MISSED"
        if (verdict == "MISSED" && ours !~ /second|unfused/) missed = 1
        printf "%-22s %-20s %7.2f %7s  %s\n", ours, theirs, ratio, bar, verdict
    }
    END {
        printf "\n%-22s %10s %10s %8s\n", "", "median us", "over us", "faults"
        for (at = 1; at <= count; at++)
            printf "%-22s %10.1f %10.1f %8d\n", order[at], median[order[at]], over[order[at]], faults[order[at]]
        printf "\n%-22s %-20s %7s %7s\n", "over the terminal", "against", "ratio", "bar"
        split("envdir setuidgid softlimit pgrphack setlock", one, " ")
        split("first second", build, " ")
        for (b = 1; b <= 2; b++) {
            sum = peers = 0
            for (at = 1; at <= 5; at++) {
                compare(one[at] " " build[b], one[at] " peer", 0.8)
                if ((one[at] " " build[b]) in over && (one[at] " peer") in over) {
                    sum += over[one[at] " " build[b]]
                    peers += over[one[at] " peer"]
                }
            }
            if (peers > 0)
                printf "%-22s %-20s %7.2f %7s  %s\n", "the five, " build[b], "daemontools", sum / peers, 0.65, \
                    sum / peers <= 0.65 ? "aim met" : "aim missed"
            compare("nohup " build[b], "nohup peer", 0.55)
            compare("setsid " build[b], "setsid peer", 0.55)
            compare("chain " build[b], "chain daemontools", 0.19)
            compare("chain " build[b], "chain chpst", 0.6)
            compare("chain " build[b], "chain s6", 0.1)
        }
        compare("chain first-unfused", "chain daemontools", "")
        compare("chain first", "chain first-unfused", "")
        exit missed
    }
' figures
