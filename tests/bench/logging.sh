#!/bin/sh
# What it costs to log: catena's multilog, tai64n and tai64nlocal beside daemontools', s6's and runit's loggers, in one
# interleaved run of whole commands. Every run is checked: what lies in the directories must be the end of what was put in,
# without a gap. Then tables, next to the bars the project has set itself. Needs no root.
#
# Input and its pipe's other side, cat, are read from memory. Before each run the disk is made to finish what the one
# before has left to it. System calls and memory come from one further, shorter run of each command.
set -eu
LC_ALL=C
export LC_ALL

usage() {
    cat <<'TEXT'
usage: tests/bench/logging.sh [-m MEGABYTES] [-n RUNS] [-d DIRECTORY] [-t DIRECTORY] [-p] [CATENA]

  -m MEGABYTES  how much is logged in each run (300)
  -n RUNS       runs of each command (5)
  -d DIRECTORY  a directory on the disk (the one for temporary files)
  -t DIRECTORY  a directory in memory, with room for some four times as much (/dev/shm)
  -p            the peers alone
  CATENA        the build to measure; the release build of this checkout

Exits 1 if CATENA misses a bar.
TEXT
}

die() {
    printf 'logging.sh: %s\n' "$*" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
megabytes=300
runs=5
disk=${TMPDIR:-/tmp}
memory=/dev/shm
peers_alone=
while getopts m:n:d:t:ph option; do
    case $option in
        m) megabytes=$OPTARG ;;
        n) runs=$OPTARG ;;
        d) disk=$OPTARG ;;
        t) memory=$OPTARG ;;
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

disk_stage=
memory_stage=
trap 'rm -rf "$disk_stage" "$memory_stage"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
disk_stage=$(TMPDIR=$disk mktemp -d)
memory_stage=$(TMPDIR=$memory mktemp -d)

bench=$disk_stage/logbench
cc -O2 -Wall -Wextra -o "$bench" "$here/logbench.c"
mkdir "$disk_stage/catena"
if [ -z "$peers_alone" ]; then
    cp "$build" "$disk_stage/catena/catena"
    for name in multilog tai64n tai64nlocal; do
        ln -s catena "$disk_stage/catena/$name"
    done
fi

sample=$megabytes
[ "$megabytes" -le 20 ] || sample=20
lines=$memory_stage/lines
labelled=$memory_stage/labelled
"$bench" make "$megabytes" >"$lines"
"$bench" make "$megabytes" labels >"$labelled"
"$bench" make "$sample" >"$lines.sample"
"$bench" make "$sample" labels >"$labelled.sample"
output=$memory_stage/output

program_file() { # WHOSE NAME
    case $1 in
        catena) echo "$disk_stage/catena/$2" ;;
        *) echo "/usr/bin/$2" ;;
    esac
}

is_there() { # WHOSE NAME
    if [ "$1" = catena ]; then
        [ -z "$peers_alone" ]
    elif [ ! -x "$(program_file "$1" "$2")" ]; then
        echo "left out: $1's $2, not installed"
        return 1
    fi
}

# One line for each command: whose, what, from where, to where.
{
    for where in disk tmpfs; do
        for input in file pipe; do
            for what in stamped plain; do
                for whose in catena daemontools s6 runit; do
                    echo "$whose $what $input $where"
                done
            done
        done
    done
    for where in tmpfs null; do
        for what in tai64n tai64nlocal; do
            for whose in catena daemontools; do
                echo "$whose $what file $where"
            done
        done
    done
} >"$disk_stage/all"
while read -r whose what input where; do
    case $what/$whose in
        tai64n*) name=$what ;;
        */s6) name=s6-log ;;
        */runit) name=svlogd ;;
        *) name=multilog ;;
    esac
    if is_there "$whose" "$name" >>"$disk_stage/absent"; then
        echo "$whose $what $input $where $(program_file "$whose" "$name")"
    fi
done <"$disk_stage/all" >"$disk_stage/commands"

# Runs a command of the list behind further words, with fresh directories, and checks what it has written. Everything
# about it is in the variables of the list.
run_behind() { # SUFFIX-OF-THE-INPUT WORDS-BEFORE-THE-INPUT...
    suffix=$1
    shift
    case $what in
        tai64n*) run_filter "$@" ;;
        *) run_logger "$@" ;;
    esac
}

run_filter() {
    case $what in
        tai64n) from=$lines$suffix skipped=26 ;;
        *) from=$labelled$suffix skipped=30 ;;
    esac
    to=$output
    [ "$where" != null ] || to=/dev/null
    "$@" "$from" "$to" ${tracer:+"$tracer"} "$file"
    if [ "$where" != null ]; then
        # behind its stamp each line is what it was
        "$bench" check "$lines$suffix" "$skipped" "$output" >"$disk_stage/bytes"
        cmp -s "$disk_stage/bytes" "$disk_stage/whole$suffix" || die "$whose's $what has lost something"
        # and the same time for the same label
        if [ "$what" = tai64nlocal ]; then
            [ -e "$memory_stage/local$suffix" ] || cp "$output" "$memory_stage/local$suffix"
            cmp "$output" "$memory_stage/local$suffix" >&2 || die "tai64nlocal: $whose has other times"
        fi
        rm "$output"
    fi
}

run_logger() {
    log=$disk_stage/log
    [ "$where" = disk ] || log=$memory_stage/log
    rm -rf "$log"
    stamp=
    skipped=0
    [ "$what" != stamped ] || stamp=t skipped=26
    [ "$where" != disk ] || sync -f "$disk_stage"
    case $whose in
        s6) "$@" "$lines$suffix" /dev/null ${tracer:+"$tracer"} "$file" n10 s16000000 $stamp "$log" ;;
        runit)
            mkdir "$log"
            printf 's16000000\nn10\n' >"$log/config"
            "$@" "$lines$suffix" /dev/null ${tracer:+"$tracer"} "$file" ${stamp:+-t} "$log" 2>"$disk_stage/stderr" || {
                cat "$disk_stage/stderr" >&2
                die "svlogd has failed"
            }
            ;;
        *) "$@" "$lines$suffix" /dev/null ${tracer:+"$tracer"} "$file" $stamp s16000000 n10 "$log" ;;
    esac
    set --
    for old in "$log"/@*; do
        [ ! -e "$old" ] || set -- "$@" "$old"
    done
    "$bench" check "$lines$suffix" "$skipped" "$@" "$log/current" >"$disk_stage/bytes" ||
        die "$whose, $what, $input, $where: its files are not the end of what was put in"
    # all of it, or ten files' worth: what is older is gone
    least=$(cat "$disk_stage/whole$suffix")
    [ "$least" -le 100000000 ] || least=100000000
    [ "$(cat "$disk_stage/bytes")" -ge "$least" ] || die "$whose, $what, $input, $where: too little is left"
    [ $# -le 10 ] || die "$whose, $what, $input, $where: $# old files"
    rm -rf "$log"
}

for suffix in '' .sample; do
    wc -c <"$lines$suffix" | tr -d ' ' >"$disk_stage/whole$suffix"
done

echo "$megabytes MB a run, runs of each: $runs; catena: $build"
uname -srm
echo "disk: $(df -T "$disk_stage" | awk 'END { print $2 }'), memory: $(df -T "$memory_stage" | awk 'END { print $2 }')"
sort -u "$disk_stage/absent"
printf '#!/bin/sh\nexec strace -c -f -o "%s" "$@"\n' "$disk_stage/calls" >"$disk_stage/counted"
chmod 755 "$disk_stage/counted"
strace=yes
command -v strace >/dev/null || {
    strace=
    echo "left out: system calls, strace is not installed"
}

round=0
while [ $round -le "$runs" ]; do
    while read -r whose what input where file <&3; do
        tracer=
        if [ $round = 0 ]; then
            run_behind .sample "$bench" memory "$input" >"$disk_stage/seen"
            printf 'memory\t%s\t%s\n' "$whose $what $input $where" "$(cat "$disk_stage/seen")"
            if [ -n "$strace" ]; then
                tracer=$disk_stage/counted
                run_behind .sample "$bench" time "$input" >"$disk_stage/seen"
                printf 'calls\t%s\t%s\n' "$whose $what $input $where" \
                    "$(awk '$1 ~ /^[0-9]/ && $NF != "total" { sum += $4 } END { print sum }' "$disk_stage/calls")"
            fi
        else
            run_behind '' "$bench" time "$input" >"$disk_stage/seen"
            printf 'time\t%s\t%s\n' "$whose $what $input $where" "$(cat "$disk_stage/seen")"
        fi
    done 3<"$disk_stage/commands"
    round=$((round + 1))
done >"$disk_stage/figures"

awk -F '\t' -v megabytes="$megabytes" -v sample="$sample" '
    $1 == "memory" { resident[$2] = $3; share[$2] = $4; order[++count] = $2 }
    $1 == "calls" { calls[$2] = $3 * megabytes / sample }
    $1 == "time" { n = ++runs[$2]; wall[$2, n] = $3; cpu[$2, n] = $4 + $5 }
    function median(of, key,    n, i, j, sorted, held) {
        n = runs[key]
        for (i = 1; i <= n; i++) {
            held = of[key, i]
            for (j = i - 1; j > 0 && sorted[j] > held; j--) sorted[j + 1] = sorted[j]
            sorted[j + 1] = held
        }
        return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
    }
    function bar(what, is, limit, is_least,    is_met) {
        is_met = is_least ? is >= limit : is <= limit
        missed = missed || !is_met
        printf "%-58s %8.3f  %s %-6s %s\n", what, is, is_least ? ">=" : "<=", limit, is_met ? "met" : "MISSED"
    }
    END {
        printf "\n%-36s %8s %6s %8s %10s %9s %7s\n", "", "wall s", "MB/s", "cpu s", "calls", "resident", "share"
        for (at = 1; at <= count; at++) {
            key = order[at]
            time[key] = median(wall, key) / 1e6
            processor[key] = median(cpu, key) / 1e6
            printf "%-36s %8.3f %6.0f %8.3f %10s %6d kB %4d kB\n", key, time[key], megabytes / time[key], \
                processor[key], key in calls ? sprintf("%.0f", calls[key]) : "-", resident[key], share[key]
        }
        printf "\n| | daemontools | s6 | runit | catena | against daemontools, s6 |\n|---|---|---|---|---|---|\n"
        for (at = 1; at <= count; at++) {
            split(order[at], part, " ")
            row = part[2] " " part[3] " " part[4]
            if (row in shown) continue
            shown[row] = 1
            title = part[2] == "stamped" ? "multilog t" : part[2] == "plain" ? "multilog" : part[2]
            place = part[4] == "disk" ? "to the disk" : part[4] == "tmpfs" ? "to memory" : "to /dev/null"
            printf "| %s, from a %s %s |", title, part[3], place
            split("daemontools s6 runit catena", who, " ")
            for (w = 1; w <= 4; w++)
                printf " %s |", (who[w] " " row) in time ? sprintf("%.2f s", time[who[w] " " row]) : "–"
            ours = "catena " row
            for (w = 1; w <= 2; w++)
                printf "%s%s", w == 1 ? " " : ", ", ours in time && (who[w] " " row) in time ? \
                    sprintf("%.1f×", time[who[w] " " row] / time[ours]) : "–"
            print " |"
        }
        print ""
        for (at = 1; at <= count; at++) {
            if (order[at] !~ /^catena /) continue
            ours = order[at]
            row = substr(ours, 8)
            split(row, part, " ")
            is_filter = part[1] ~ /^tai64n/
            peer = "daemontools " row
            if (peer in time) {
                bar(row ": daemontools takes", time[peer] / time[ours], is_filter ? 5 : part[2] == "pipe" ? 3 : 4, 1)
                if (part[2] == "pipe")
                    bar(row ": processor time, of daemontools", processor[ours] / processor[peer], 0.4, 0)
                if ((peer in calls) && !is_filter)
                    bar(row ": system calls, of daemontools", calls[ours] / calls[peer], 0.02, 0)
            }
            peer = "s6 " row
            if (peer in time)
                bar(row ": s6-log takes", time[peer] / time[ours], part[2] == "pipe" ? 1.6 : 2.5, 1)
            bar(row ": resident memory, kB", resident[ours], 2048, 0)
        }
        exit missed
    }
' "$disk_stage/figures"
