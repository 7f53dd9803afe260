//! What a program can do with the descriptors of locks that reach it: read. The files are those of who started it, and it may run
//! as another account.

use crate::pidfile_ground::{Form, Place, Refused, Started, pid_in};
use crate::support::{is_root, leave_out};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Ways to a lock on the file that `F` stands for; what `L` stands for is another, and `A` an account.
const WAYS: &[&str] = &[
    "pidfile-lock F",
    "pidfile-lock -d 3 F",
    "pidfile-lock -d 4 F",
    "pidfile-lock -d 5 F",
    "pidfile-lock --flock F",
    "pidfile-lock --flock -d 3 F",
    "pidfile-lock -m 0666 F",
    "pidfile-lock -l L F",
    "pidfile-lock -d 4 -l L F",
    "pidfile-lock --flock -l L F",
    "pidfile-lock F pidfile-lock F",
    "daemonize --keep-stdio -p F",
    "daemonize --keep-stdio --double-fork -p F",
    "daemonize --keep-stdio -l L",
    "daemonize --keep-stdio -l F -p F",
    "daemonize --keep-stdio pidfile-lock F",
    "setlock --read-only L",
    "setlock --read-only -d 9 L",
    "setlock --read-only -s L",
];

/// Those of them that change the account, in one process or in two.
const BEHIND: &[&str] = &["", "setuidgid A", "setlock other setuidgid A"];

/// Writes a byte when it is up, and what it has of the two files; then tries to write to them.
const SCRIPT: &str = r#"
    for fd in /proc/$$/fd/*; do
        case $(readlink "$fd") in
            "$0" | "$1") number=${fd##*/}; echo "$number $(grep flags: /proc/$$/fdinfo/"$number")"; (eval "echo 1 >&$number") ;;
        esac
    done 2>/dev/null
    cat
"#;

#[test]
fn a_lock_gives_nobody_the_file_to_write() {
    let place = Place::new();
    for way in WAYS {
        for behind in BEHIND {
            if behind.contains("setuidgid") && !is_root() {
                leave_out("locks of daemons of other accounts: need root");
                continue;
            }
            for is_fused in ["1", "0"] {
                writes_nothing(&place, &format!("{way} {behind}"), is_fused);
            }
        }
        // with -u as well
        if let Some(rest) = way.strip_prefix("daemonize").filter(|way| is_root() && !way.contains("pidfile-lock")) {
            writes_nothing(&place, &format!("daemonize -u A{rest}"), "1");
        }
    }
}

fn writes_nothing(place: &Place, line: &str, is_fused: &str) {
    let files = ["pid", "lock"].map(|name| fs::canonicalize(place.path()).unwrap().join(name));
    let names = files.each_ref().map(|file| file.to_str().unwrap());
    for file in &files {
        let _ = fs::remove_file(file);
    }
    let chain = line.split_whitespace().map(|word| match word {
        "F" => names[0],
        "L" => names[1],
        "A" => "nobody",
        word => word,
    });
    let words: Vec<&str> = chain.chain(["/bin/bash", "-c", SCRIPT, names[0], names[1]]).collect();
    let mut command = place.command(&words);
    command.env("CATENA_FUSE", is_fused);
    let ended = command.output().unwrap();
    let (out, err) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    assert_eq!((ended.status.code(), err.as_str()), (Some(0), ""), "{line}");
    assert!(!out.is_empty(), "{line}: has no descriptor of any");
    for descriptor in out.lines() {
        let flags = descriptor.rsplit(['\t', ' ']).next().unwrap();
        let flags = i32::from_str_radix(flags, 8).unwrap_or_else(|_| panic!("{line}: {out}"));
        assert_eq!(flags & libc::O_ACCMODE, libc::O_RDONLY, "{line}: {out}");
    }
    for (file, other) in [(&files[0], &files[1]), (&files[1], &files[0])] {
        let text = fs::read_to_string(file).unwrap_or_default();
        let is_pid =
            text.strip_suffix('\n').is_some_and(|pid| pid != "1" && pid.bytes().all(|byte| byte.is_ascii_digit()));
        assert!(text.is_empty() || is_pid, "{line}: {text:?}");
        assert!(file.exists() || other.exists(), "{line}");
    }
}

/// And who may read the file keeps nobody from it, by whatever lock.
#[test]
fn the_file_stays_its_owners() {
    if !is_root() {
        return leave_out("pid files of daemons of other accounts: need root");
    }
    let place = Place::new();
    let file = place.file("pid");
    let running = place.start_program(Form::Own, &["-u", "nobody"], &file, &["/bin/cat"]).echoing().up().unwrap();
    let daemon = pid_in(&file);
    let seen = fs::metadata(&file).unwrap();
    assert_eq!((seen.uid(), seen.gid(), seen.permissions().mode() & 0o7777), (0, 0, 0o644));
    assert_eq!(fs::metadata(format!("/proc/{daemon}")).unwrap().uid(), 65534);
    drop(running);
}

/// Everything else about the descriptor is as it was before it could only read: see also the contract's own tests.
#[test]
fn the_number_is_the_one_that_is_promised() {
    let place = Place::new();
    let file = place.file("pid");
    let name = file.to_str().unwrap();
    let lowest_from = |first: u32| {
        format!("n={first}; while [ -e /proc/self/fd/$n ]; do n=$((n + 1)); done; echo $n >free; exec \"$@\"")
    };
    for (words, first) in [(vec!["pidfile-lock", name], 10), (vec!["setlock", "--read-only", name], 3)] {
        let script = "readlink /proc/$$/fd/$(cat free)";
        let front = ["/bin/sh", "-c", &lowest_from(first), "sh"];
        let words = [&front, &words[..], &["/bin/sh", "-c", script]].concat();
        let ended = place.command(&words).output().unwrap();
        let target = PathBuf::from(String::from_utf8(ended.stdout).unwrap().trim_end());
        assert_eq!(target, fs::canonicalize(&file).unwrap(), "{words:?}");
    }
}

/// A chain that ends in `/bin/true`.
pub fn run(place: &Place, line: &str, file: &Path) -> Refused {
    let words: Vec<&str> = line.split(' ').chain([file.to_str().unwrap(), "/bin/true"]).collect();
    Started::new(place.command(&words), Form::Alone).ended()
}
