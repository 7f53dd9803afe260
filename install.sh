#!/bin/sh
# Installs catena, its links, manual pages and completions, and takes them away again. See --help.
set -eu
umask 022
LC_ALL=C
export LC_ALL

usage() {
    cat <<'TEXT'
usage: ./install.sh [OPTION]... [PREFIX=DIR] [DESTDIR=DIR]

Installs catena into PREFIX/bin with a link for each applet, and their manual
pages and completions into PREFIX/share. An applet whose name is already found
elsewhere on PATH gets no link, no page and no completion, unless it is asked
for; those left out are listed, and all of them run as `catena NAME`.

  --prefix DIR      where to install (PREFIX; /usr/local)
  --destdir DIR     put all of it below DIR, for packages (DESTDIR)
  --all             link every applet
  --applets A,B     link these applets, and no others that are not linked yet
  --binary FILE     install this build of catena; otherwise the release build
                    of this checkout, which is made if it is not there
  --dry-run         say what would be done, and do nothing
  --uninstall       remove what was installed
  --help            print this

Installing again upgrades, and keeps the links that are there. A file that this
script has not installed, or that was changed since, is never overwritten: in
the place of a link it counts as a name already taken, and where the applet was
asked for, or in any other place, it is an error that names the file, and
nothing is installed.
What was installed is written down in PREFIX/share/catena/manifest. Uninstalling
leaves files that were changed since, and directories that hold anything else.
TEXT
}

# What is said has names in it that others may have chosen. Whatever byte of them could command a terminal is shown as a
# question mark, also where it is a part of a letter that is not ASCII.
die() {
    printf 'install.sh: %s\n' "$(printf %s "$*" | tr '\001-\037\177\200-\237' '?')" >&2
    exit 1
}

say() {
    case $* in
        *[!\ -~"$newline"]*) printf '%s\n' "$*" | tr '\001-\011\013-\037\177\200-\237' '?' ;;
        *) printf '%s\n' "$*" ;;
    esac
}

newline='
'
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=${PREFIX-/usr/local}
destdir=${DESTDIR-}
binary=
choice=free
wanted=
dry_run=
uninstall=

value() {
    [ "$2" -ge 2 ] || die "$1 needs a value; see --help"
}

while [ $# -gt 0 ]; do
    case $1 in
        --prefix) value "$1" $#; prefix=$2; shift ;;
        --prefix=*) prefix=${1#*=} ;;
        PREFIX=*) prefix=${1#*=} ;;
        --destdir) value "$1" $#; destdir=$2; shift ;;
        --destdir=*) destdir=${1#*=} ;;
        DESTDIR=*) destdir=${1#*=} ;;
        --binary) value "$1" $#; binary=$2; shift ;;
        --binary=*) binary=${1#*=} ;;
        --applets) value "$1" $#; wanted=$wanted,$2; shift ;;
        --applets=*) wanted=$wanted,${1#*=} ;;
        --all) choice=all ;;
        --dry-run) dry_run=yes ;;
        --uninstall) uninstall=yes ;;
        --help) usage; exit 0 ;;
        *) die "unknown argument $1; see --help" ;;
    esac
    shift
done

case $prefix$destdir$binary in
    *"$newline"*) die "a path with a newline in it cannot be used" ;;
esac
case $prefix in
    /*) ;;
    *) die "the prefix must be an absolute path, not '$prefix'" ;;
esac
case /$prefix/ in
    */../* | */./*) die "the prefix must be without . and .., not '$prefix'" ;;
esac
case $destdir in
    '' | /*) ;;
    *) destdir=$PWD/$destdir ;;
esac
while [ "$prefix" != "${prefix%/}" ]; do prefix=${prefix%/}; done
while [ "$destdir" != "${destdir%/}" ]; do destdir=${destdir%/}; done
wanted=$(printf '%s' "$wanted" | tr ',' ' ')
case $wanted in
    *[!\ ]*)
        [ "$choice" = free ] || die "--all and --applets cannot go together"
        choice=named
        ;;
    ?*) die "--applets names no applet" ;;
esac

root=$destdir$prefix
manifest=$prefix/share/catena/manifest
temporary=
trap '[ -z "$temporary" ] || rm -f "$temporary"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# The manifest: a line for each thing installed, with its path as it is without DESTDIR.
#   d PATH              a directory that was not there before
#   l PATH              a symbolic link to catena
#   f SUM SIZE PATH     a file, with its cksum(1)
old=
# through a link it would be another's, and a FIFO would be waited for
if [ -L "$destdir$manifest" ] || { [ -e "$destdir$manifest" ] && [ ! -f "$destdir$manifest" ]; }; then
    die "$destdir$manifest is not a regular file: nothing was done"
fi
[ ! -f "$destdir$manifest" ] || old=$(cat "$destdir$manifest") || die "cannot read $destdir$manifest"

sum_of() {
    cksum <"$1" | tr -s '\t' ' '
}

is_our_link() {
    [ -L "$1" ] && [ "$(readlink "$1")" = catena ]
}

is_listed() { # PATH
    while read -r kind _ _ path; do
        [ "$kind" != f ] || [ "$path" != "$1" ] || return 0
    done <<LIST
$old
LIST
    return 1
}

# Whether a file has one of these sums in the manifest: an interrupted run leaves two.
is_as_installed() { # SUM PATH
    case $newline$old$newline in
        *"${newline}f $1 $2$newline"*) return 0 ;;
        *) return 1 ;;
    esac
}

# Writes a file that is new: nothing that is there under its name is written to, or through.
write_new() { # FILE, from standard input
    rm -f "$1" || return 1
    temporary=$1
    (set -C && cat >"$1")
}

# Removes what the manifest lines given name, if it is still as it was installed.
remove() {
    while read -r kind rest; do
        case $kind in
            f)
                path=${rest#* }
                sum=${rest%"$path"}${path%% *}
                path=${path#* }
                ;;
            *)
                path=$rest
                ;;
        esac
        case $path in
            */../* | */./*) continue ;;
            "$prefix"/*) file=$destdir$path ;;
            *) continue ;;
        esac
        [ -e "$file" ] || [ -L "$file" ] || continue
        case $kind in
            l) is_our_link "$file" || { kept=$kept$newline$file; continue; } ;;
            f)
                if [ -L "$file" ] || [ ! -f "$file" ] || [ "$(sum_of "$file")" != "$sum" ]; then
                    kept=$kept$newline$file
                    continue
                fi
                ;;
            *) continue ;;
        esac
        if [ -n "$dry_run" ]; then
            say "would remove $file"
        else
            rm -f "$file" || die "cannot remove $file"
        fi
    done <<LIST
$1
LIST
}

# The directories of the manifest, as far as the prefix lies in them or they in it.
made_directories() {
    printf '%s\n' "$old" | sed -n 's/^d //p' | sort -r | while read -r path; do
        case $path in
            */../* | */./*) continue ;;
            "$prefix"/*) printf '%s\n' "$path" ;;
            *)
                case $prefix/ in
                    "$path"/*) printf '%s\n' "$path" ;;
                esac
                ;;
        esac
    done
}

kept=
if [ -n "$uninstall" ]; then
    [ -n "$old" ] || die "nothing is installed in $root: there is no $destdir$manifest"
    [ -n "$dry_run" ] || [ -w "$root/bin" ] || die "cannot write to $root/bin; are you root?"
    remove "$old"
    if [ -n "$dry_run" ]; then
        say "would remove $destdir$manifest"
        made_directories | while read -r path; do
            say "would remove $destdir$path if it is empty"
        done
    else
        rm -f "$destdir$manifest" || die "cannot remove $destdir$manifest"
        # children before their parents
        made_directories | while read -r path; do
            rmdir "$destdir$path" 2>/dev/null || :
        done
        say "catena is removed from $root"
    fi
    [ -z "$kept" ] || say "Left, for they are not as they were installed:$kept"
    exit 0
fi

# Which build.
find_build() {
    target_dir=${CARGO_TARGET_DIR:-${CARGO_BUILD_TARGET_DIR:-target}}
    case $target_dir in
        /*) ;;
        *) target_dir=$here/$target_dir ;;
    esac
    triple=${CARGO_BUILD_TARGET:-host-tuple}
    if [ "$triple" = host-tuple ]; then
        triple=$(rustc -vV 2>/dev/null | sed -n 's/^host: //p') || triple=
    fi
    # without rustc (root's PATH has none, after a user's build) any triple will do that this machine can run
    if [ -n "$triple" ]; then
        set -- "$target_dir/$triple/release/catena"
    else
        set -- "$target_dir/$(uname -m)"-*-linux-gnu/release/catena "$target_dir"/*/release/catena
    fi
    [ -n "${CARGO_BUILD_TARGET:-}" ] || set -- "$@" "$target_dir/release/catena"
    for binary; do
        [ ! -f "$binary" ] || return 0
    done
    binary=
}

if [ -z "$binary" ]; then
    find_build
    if [ -z "$binary" ]; then
        [ -z "$dry_run" ] || die "there is no release build yet: cargo build --release --locked makes it"
        command -v cargo >/dev/null || die "there is no release build, and no cargo to make it; --binary FILE names one"
        (cd "$here" && cargo build --release --locked) >&2 || die "the build failed"
        find_build
        [ -n "$binary" ] || die "the build is not where it was expected; --binary FILE names one"
    fi
fi
# names and directories are split from lists below, not matched
set -f
case $binary in
    /*) ;;
    *) binary=$PWD/$binary ;;
esac
[ -f "$binary" ] || die "there is no file $binary"
names=$("$binary" --list 2>/dev/null) || die "cannot run $binary --list"
[ -n "$names" ] || die "$binary --list names no applet"

for name in $wanted; do
    case $newline$names$newline in
        *"$newline$name$newline"*) ;;
        *) die "there is no applet $name; $binary --list names them all" ;;
    esac
done

# Where PATH finds a name, or nothing. What this script linked does not count.
elsewhere() {
    IFS=:
    # an empty element is the current directory, which is nobody's installation
    for directory in $PATH; do
        if [ ! -f "$directory/$1" ] || [ ! -x "$directory/$1" ]; then continue; fi
        place=$(CDPATH='' cd -- "$directory" && pwd -P) || continue
        if [ "$place" = "$bin" ] && is_our_link "$directory/$1"; then
            continue
        fi
        printf '%s\n' "$directory/$1"
        break
    done
    unset IFS
}

# $prefix/bin by its real name: /bin may be /usr/bin
bin=$(CDPATH='' cd -- "$prefix/bin" 2>/dev/null && pwd -P) || bin=$prefix/bin
chosen=
left_out=
for name in $names; do
    place=$root/bin/$name
    if is_our_link "$place"; then
        chosen="$chosen $name"
        continue
    fi
    asked=
    case $choice in
        all) asked=yes ;;
        named)
            case " $wanted " in
                *" $name "*) asked=yes ;;
                *) continue ;;
            esac
            ;;
    esac
    if [ -e "$place" ] || [ -L "$place" ]; then
        [ -z "$asked" ] || die "$place exists and is not this script's: nothing was installed"
        found=$place
    elif [ -z "$asked" ]; then
        found=$(elsewhere "$name")
    else
        found=
    fi
    if [ -n "$found" ]; then
        left_out="$left_out$newline  $name ($found)"
    else
        chosen="$chosen $name"
    fi
done

# The plan: kind, source, place below the prefix.
plan="f binary bin/catena$newline"
add() {
    [ ! -f "$here/$1" ] || plan="${plan}f $1 $2$newline"
}
for name in catena $chosen; do
    [ "$name" = catena ] || plan="${plan}l catena bin/$name$newline"
    add "man/$name.1" "share/man/man1/$name.1"
    add "completions/bash/$name" "share/bash-completion/completions/$name"
    add "completions/zsh/_$name" "share/zsh/site-functions/_$name"
    add "completions/fish/$name.fish" "share/fish/vendor_completions.d/$name.fish"
done

# The directory of a path that is still to be made is as good as its nearest parent.
check_writable() {
    directory=$1
    while [ ! -e "$directory" ] && [ ! -L "$directory" ]; do
        directory=${directory%/*}
        [ -n "$directory" ] || directory=/
    done
    [ -d "$directory" ] || die "cannot install below $directory: it is not a directory"
    if [ ! -w "$directory" ] || [ ! -x "$directory" ]; then
        die "cannot write to $directory: become root, or choose another --prefix"
    fi
}

source_of() {
    if [ "$1" = binary ]; then printf '%s\n' "$binary"; else printf '%s\n' "$here/$1"; fi
}

new=
while read -r kind source place; do
    [ -n "$kind" ] || continue
    path=$prefix/$place
    file=$destdir$path
    check_writable "${file%/*}"
    if [ "$kind" = f ]; then
        sum=$(sum_of "$(source_of "$source")") || die "cannot read $(source_of "$source")"
        if [ -e "$file" ] || [ -L "$file" ]; then
            if [ -L "$file" ] || [ ! -f "$file" ] || ! is_listed "$path"; then
                die "$file exists and is not this script's: nothing was installed"
            fi
            there=$(sum_of "$file") || die "cannot read $file"
            if [ "$there" != "$sum" ] && ! is_as_installed "$there" "$path"; then
                die "$file was changed since it was installed; move it away to go on: nothing was installed"
            fi
        fi
        new="${new}f $sum $path$newline"
    else
        new="${new}l $path$newline"
    fi
done <<LIST
$plan
LIST
check_writable "$root/share/catena"

# Directories to be made, each before those in it.
directories=$(printf '%s\n' "$old" | sed -n 's/^d //p')
missing=
need() {
    case $1 in
        "$destdir" | '' | /) return ;;
    esac
    [ ! -d "$1" ] || return 0
    need "${1%/*}"
    path=${1#"$destdir"}
    case $newline$missing$newline in
        *"$newline$path$newline"*) ;;
        *) missing=$missing${missing:+$newline}$path ;;
    esac
}
while read -r kind source place; do
    [ -n "$kind" ] || continue
    file=$root/$place
    need "${file%/*}"
done <<LIST
$plan
LIST
need "$root/share/catena"
for_manifest=$(printf '%s\n%s\n' "$directories" "$missing" | sed -n '/./s/^/d /p' | sort -u)

# What an earlier version installed, and this one does not.
gone=
while read -r line; do
    case $line in
        [fl]\ *)
            path=/${line#*" /"}
            case $newline$new in
                *" $path$newline"*) ;;
                *) gone=$gone$line$newline ;;
            esac
            ;;
    esac
done <<LIST
$old
LIST

write_manifest() {
    new_manifest=$destdir$manifest.new
    temporary=$new_manifest
    printf '%s\n' "$1" | sed '/^$/d' | write_new "$new_manifest" || die "cannot write $new_manifest"
    mv -f "$new_manifest" "$destdir$manifest" || die "cannot write $destdir$manifest"
    temporary=
}

if [ -n "$dry_run" ]; then
    printf '%s\n' "$missing" | while read -r path; do
        [ -z "$path" ] || say "would make $destdir$path"
    done
else
    [ -z "$destdir" ] || mkdir -p "$destdir" || die "cannot make $destdir"
    printf '%s\n' "$missing" | while read -r path; do
        [ -z "$path" ] || mkdir "$destdir$path" || exit 1
    done || die "cannot make the directories of $root"
    # both lists until all is done: whatever an interrupted run leaves can be upgraded, and removed
    write_manifest "$for_manifest$newline$old$newline$new"
fi

links=0
while read -r kind source place; do
    [ -n "$kind" ] || continue
    file=$root/$place
    [ "$kind" = f ] || links=$((links + 1))
    if [ -n "$dry_run" ]; then
        if [ "$kind" = f ]; then say "would install $file"; else say "would link $file -> catena"; fi
        continue
    fi
    beside=${file%/*}/.${file##*/}.$$
    if [ "$kind" = f ]; then
        mode=644
        [ "$source" != binary ] || mode=755
        write_new "$beside" <"$(source_of "$source")" || die "cannot install $file"
        chmod "$mode" "$temporary" || die "cannot install $file"
        mv -f "$temporary" "$file" || die "cannot install $file"
    elif ! is_our_link "$file"; then
        rm -f "$beside" || die "cannot link $file"
        temporary=$beside
        ln -s catena "$temporary" || die "cannot link $file"
        mv -f "$temporary" "$file" || die "cannot link $file"
    fi
    temporary=
done <<LIST
$plan
LIST

remove "$gone"
if [ -z "$dry_run" ]; then
    write_manifest "$for_manifest$newline$new"
    say "catena is installed in $root/bin, with $links links"
fi
if [ -n "$left_out" ]; then
    say ""
    say "Not linked, because PATH already finds another program of the name:$left_out"
    say "Run these as 'catena NAME', or install again with --all or --applets NAME,NAME to link them, too; which of"
    say "two programs of a name runs is then the order of PATH. 'catena help NAME' tells how to use one."
    [ ! -d "$here/man" ] || say "The manual pages of all are in $here/man."
fi
