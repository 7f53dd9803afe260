//! setlock: who gets the lock, who waits, and what the program inherits.

use crate::case::{Case, Holding, Outcome, Stream, exits};

fn setlock<const N: usize>(args: [&str; N]) -> Case {
    Case::new("setlock", args)
}

fn held<const N: usize>(args: [&str; N]) -> Case {
    setlock(args).held("f", Holding::Exclusive)
}

fn fatal(text: &str) -> Outcome {
    exits(111).says(format!("setlock: fatal: unable to {text}\n"))
}

const BUSY: &str = "lock f: temporary failure";

pub fn cases() -> Vec<Case> {
    [contention(), files(), descriptors(), usage(), additions()].into_iter().flatten().collect()
}

fn contention() -> Vec<Case> {
    vec![
        setlock(["f", "echo", "ran"]).expect(exits(0).prints("ran\n")),
        setlock(["-n", "f", "sh", "-c", "exit 9"]).expect(exits(9)),
        setlock(["-x", "f", "false"]).expect(exits(1)),
        held(["-n", "f", "touch", "ran"]).expect(fatal(BUSY).lacks("ran")),
        held(["-nX", "f", "true"]).expect(fatal(BUSY)),
        held(["-nx", "f", "touch", "ran"]).expect(exits(0).lacks("ran")),
        held(["-xn", "f", "touch", "ran"]).expect(exits(0).lacks("ran")),
        held(["-x", "-n", "f", "touch", "ran"]).expect(exits(0).lacks("ran")),
        // the last one counts
        held(["-Nn", "f", "true"]).expect(fatal(BUSY)),
        held(["-nxX", "f", "true"]).expect(fatal(BUSY)),
        held(["-nXx", "f", "true"]).expect(exits(0)),
        // waits; and -x is not for that
        setlock(["f", "cat", "released"]).held_until_waited_for("f").expect(exits(0).prints("released\n")),
        setlock(["-nN", "f", "cat", "released"]).held_until_waited_for("f").expect(exits(0).prints("released\n")),
        setlock(["-x", "f", "cat", "released"]).held_until_waited_for("f").expect(exits(0).prints("released\n")),
        // flock(2) by others counts, a record lock does not
        setlock(["-n", "f", "true"]).held("f", Holding::Shared).expect(fatal(BUSY)),
        setlock(["-n", "f", "true"]).held("f", Holding::Record).expect(exits(0)),
        // the program has it
        setlock(["f", "{program}", "-n", "f", "true"]).expect(fatal(BUSY)),
        setlock(["f", "{program}", "-nx", "f", "touch", "ran"]).expect(exits(0).lacks("ran")),
        setlock(["f", "sh", "-c", "exec 3>&-; exec \"$0\" -n f echo again", "{program}"])
            .expect(exits(0).prints("again\n")),
    ]
}

fn files() -> Vec<Case> {
    let silent = || exits(0).lacks("ran");
    vec![
        setlock(["f", "true"]).expect(exits(0).leaves("f", 0o600, "")),
        setlock(["f", "true"]).umask(0).expect(exits(0).leaves("f", 0o600, "")),
        setlock(["f", "true"]).umask(0o277).expect(exits(0).leaves("f", 0o400, "")),
        setlock(["f", "true"]).file("f", "content").expect(exits(0).leaves("f", 0o644, "content")),
        setlock(["f", "sh", "-c", "echo more >&3"]).file("f", "old\n").expect(exits(0).leaves(
            "f",
            0o644,
            "old\nmore\n",
        )),
        setlock(["f", "true"]).symlink("target", "f").expect(exits(0).leaves("target", 0o600, "")),
        setlock(["/dev/full", "echo", "ran"]).expect(exits(0).prints("ran\n")),
        setlock(["-n", "./-f", "true"]).expect(exits(0).leaves("-f", 0o600, "")),
        setlock(["nodir/f", "touch", "ran"]).expect(fatal("open nodir/f: file does not exist").lacks("ran")),
        setlock(["", "true"]).expect(fatal("open : file does not exist")),
        setlock(["d", "true"]).directory("d").expect(fatal("open d: is a directory")),
        setlock(["p", "true"]).fifo("p").expect(fatal("open p: device not configured")),
        setlock(["f/x", "true"]).file("f", "").expect(fatal("open f/x: not a directory")),
        setlock(["l", "true"]).symlink("l", "l").expect(fatal("open l: symbolic link loop")),
        setlock(["f", "true"]).symlink("nodir/x", "f").expect(fatal("open f: file does not exist")),
        setlock(["f", "true"]).file_of_mode("f", 0o444, "").by_nobody().expect(fatal("open f: access denied")),
        setlock(["-x", "nodir/f", "touch", "ran"]).expect(silent()),
        setlock(["-x", "d", "touch", "ran"]).directory("d").expect(silent()),
        setlock(["-nx", "p", "touch", "ran"]).fifo("p").expect(silent()),
        // -x is not for the program
        setlock(["f", "nosuch"]).expect(fatal("run nosuch: file does not exist").leaves("f", 0o600, "")),
        setlock(["-x", "f", "nosuch"]).expect(fatal("run nosuch: file does not exist")),
        setlock(["-nx", "f", "./f"]).expect(fatal("run ./f: access denied")),
    ]
}

fn descriptors() -> Vec<Case> {
    let number = |number: i32| format!("readlink /proc/$$/fd/{number}");
    let flags = "sed -n 's/^flags:.*\\(....\\)$/\\1/p' /proc/$$/fdinfo/3";
    let count = "ls /proc/$$/fd";
    vec![
        setlock(["f", "sh", "-c", &number(3)]).expect(exits(0).prints("{dir}/f\n")),
        setlock(["f", "sh", "-c", &number(0)])
            .streams(Stream::Closed, Stream::Pipe, Stream::Pipe)
            .expect(exits(0).prints("{dir}/f\n")),
        setlock(["f", "sh", "-c", &number(2)])
            .streams(Stream::Null, Stream::Pipe, Stream::Closed)
            .expect(exits(0).prints("{dir}/f\n")),
        // with a report on 3 it is 4
        setlock(["f", "sh", "-c", &(number(4) + " >&3")]).expect(exits(0).reports("{dir}/f\n")),
        setlock(["f", "sh", "-c", count]).expect(exits(0).prints("0\n1\n2\n3\n")),
        // O_WRONLY, O_NONBLOCK, O_APPEND
        setlock(["f", "sh", "-c", flags]).expect(exits(0).prints("6001\n")),
        setlock(["f", "sh", "-c", "echo $$"]).expect(exits(0).prints("{pid}\n")),
    ]
}

fn usage() -> Vec<Case> {
    let wrong = || exits(100).says_first("setlock: usage: setlock ");
    let illegal =
        |letter: &str| exits(100).says_first(format!("setlock: illegal option -- {letter}\nsetlock: usage: "));
    vec![
        setlock([]).expect(wrong()),
        setlock(["f"]).expect(wrong().lacks("f")),
        setlock(["-n"]).expect(wrong()),
        setlock(["-n", "--", "f"]).expect(wrong()),
        setlock(["-q", "f", "touch", "ran"]).expect(illegal("q").lacks("ran").lacks("f")),
        setlock(["-nq", "f", "true"]).expect(illegal("q")),
        setlock(["--", "-f", "echo", "a", "-n"]).expect(exits(0).prints("a -n\n").leaves("-f", 0o600, "")),
        setlock(["-", "echo", "-x", "--"]).expect(exits(0).prints("-x --\n").leaves("-", 0o600, "")),
        setlock(["f", "echo", "a", "-n", "--help"]).expect(exits(0).prints("a -n --help\n")),
    ]
}

fn additions() -> Vec<Case> {
    let unable = || exits(111).says_one_line("setlock: fatal: unable to lock f: ").lacks("ran");
    let unknown = |letter: &str| exits(100).says_first(format!("setlock: illegal option -- {letter}\n"));
    let shared = |args: [&str; 4]| setlock(args).held("f", Holding::Shared);
    vec![
        held(["-t", "0", "f", "touch", "ran"]).differs(unknown("t"), unable(), "an addition"),
        held(["-t1", "f", "touch", "ran"]).ours_only(unable()),
        held(["-xt0", "f", "touch", "ran"]).ours_only(exits(0).lacks("ran")),
        setlock(["-t", "5", "f", "echo", "ran"]).ours_only(exits(0).prints("ran\n")),
        held(["-t", "9", "-n", "f", "touch", "ran"]).ours_only(fatal(BUSY).lacks("ran")),
        setlock(["-t", "x", "f", "true"]).ours_only(exits(100).says_first("setlock: usage: ")),
        setlock(["-t", "", "f", "true"]).ours_only(exits(100).says_first("setlock: usage: ")),
        setlock(["-d", "7", "f", "sh", "-c", "readlink /proc/$$/fd/7; readlink /proc/$$/fd/3"]).differs(
            unknown("d"),
            exits(1).prints("{dir}/f\n"),
            "an addition",
        ),
        held(["-n", "-d", "7", "f", "true"]).ours_only(fatal(BUSY)),
        shared(["-ns", "f", "echo", "ran"]).differs(unknown("s"), exits(0).prints("ran\n"), "an addition"),
        held(["-ns", "f", "true"]).ours_only(fatal(BUSY)),
        setlock(["-n", "--fcntl", "f", "true"]).held("f", Holding::Record).ours_only(fatal(BUSY)),
        setlock(["-n", "-s", "--fcntl", "f", "true"]).held("f", Holding::Record).ours_only(fatal(BUSY)),
        setlock(["-nx", "--fcntl", "f", "touch", "ran"]).held("f", Holding::Record).ours_only(exits(0).lacks("ran")),
        held(["-n", "--fcntl", "f", "echo", "ran"]).ours_only(exits(0).prints("ran\n")),
    ]
}

/// A child that inherited the descriptor keeps the lock when the program has gone.
#[test]
fn lock_outlives_the_program() {
    use crate::support::{Installed, peer, world_readable_directory};
    use nix::fcntl::{Flock, FlockArg};
    use std::process::{Command, Stdio};

    let installed = Installed::new();
    for program in peer("setlock").into_iter().chain([installed.applet("setlock")]) {
        let directory = world_readable_directory();
        let script = "exec 5<&0; cat <&5 >/dev/null & exit 4";
        let mut command = Command::new(&program);
        command.args(["f", "sh", "-c", script]).current_dir(directory.path()).stdin(Stdio::piped());
        let mut child = command.spawn().expect("start");
        let ends_child = child.stdin.take();
        assert_eq!(child.wait().expect("wait").code(), Some(4), "{}", program.display());

        let file = std::fs::File::open(directory.path().join("f")).expect("lock file");
        let Err((file, reason)) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            panic!("{}: the lock is free", program.display());
        };
        assert_eq!(reason, nix::errno::Errno::EAGAIN);
        drop(ends_child);
        // returns when the last one that has the lock is gone
        assert!(Flock::lock(file, FlockArg::LockExclusive).is_ok(), "{}", program.display());
    }
}
