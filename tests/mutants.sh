#!/usr/bin/env bash
# Shows that the contract test finds links out that do not do what they say: builds catena with faults on purpose (the
# feature `mutants`), and for each link and each fault runs the test, which has to fail. Prints a table: link, fault, and what
# the test said. `tests/mutants.sh [LINK]...`; without names, all links.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

target=${CARGO_TARGET_DIR:-target}/mutants
build=(env CARGO_TARGET_DIR="$target" cargo test --locked --features mutants --test contract)
"${build[@]}" --no-run || exit 1

links=("$@")
if [ ${#links[@]} = 0 ]; then
    # shellcheck disable=SC2016 # the backquotes are the table's
    mapfile -t links < <(sed -n 's/^| `\([a-z-]*\)` |.*| [0-9]*\/[0-9]*\/[0-9]*\/[0-9]*.*$/\1/p' README.md)
fi
faults=(idle umask descriptor signal variable)

survived=0
for link in "${links[@]}"; do
    # without a fault it is to pass, or a failure would show nothing
    CATENA_MUTANT="$link:none" "${build[@]}" nothing_differs >/dev/null 2>&1 || { echo "$link fails as it is" >&2; exit 1; }
    for fault in "${faults[@]}"; do
        if said=$(RUST_BACKTRACE=0 CATENA_MUTANT="$link:$fault" "${build[@]}" nothing_differs 2>&1); then
            printf '%-14s %-11s %s\n' "$link" "$fault" "SURVIVED"
            survived=$((survived + 1))
        else
            line=$(printf '%s\n' "$said" | sed -n '/panicked at/{n;p;q}')
            line=${line#assertion \`left == right\` failed: }
            case $line in
                "$link "*) printf '%-14s %-11s %s\n' "$link" "$fault" "$line" ;;
                *)
                    printf '%-14s %-11s %s\n' "$link" "$fault" "FAILED OTHERWISE: $line"
                    survived=$((survived + 1))
                    ;;
            esac
        fi
    done
done
[ "$survived" = 0 ] || { echo "$survived faults were not found" >&2; exit 1; }
