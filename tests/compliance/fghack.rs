//! fghack: it ends when all that came of the program has, with the program's code.

use crate::case::{Case, Outcome, Stream, dies_of, exits};
use rlimit::Resource;

/// The numbers of all descriptors.
const OPEN: &str = "ls -v -m -w 0 /proc/$$/fd; :";
/// Leaves a process that goes on when the program has ended, and then writes a file. It keeps neither output nor error,
/// which would hold the test up as well; the moment that it takes only lets a fghack that does not wait be seen.
const LEAVES_ONE: &str = "mkfifo gate; (read end; sleep 0.2; echo late >late) <gate >/dev/null 2>&1 &
    exec 9>gate; exit 4";
/// As above, but for a process that closes whatever fghack has given it.
const LEAVES_ONE_APART: &str = "mkfifo gate
    (for number in {3..60}; do eval \"exec $number>&-\"; done
    read end <gate; sleep 0.2; echo late >late) >/dev/null 2>&1 &
    exec 9>gate; exit 4";

const DASHES: &str = "options are parsed everywhere";
const STATUS: &str = "an ignored SIGCHLD does not take the program's status away";

fn fghack<const N: usize>(args: [&str; N]) -> Case {
    Case::new("fghack", args)
}

fn fatal(text: &str) -> Outcome {
    exits(111).says(format!("fghack: fatal: {text}\n"))
}

/// All numbers up to the last.
fn numbers(last: u32) -> String {
    let numbers: Vec<_> = (0..=last).map(|number| number.to_string()).collect();
    numbers.join(", ") + "\n"
}

pub fn cases() -> Vec<Case> {
    [ends(), descendants(), descriptors(), signals(), usage(), additions()].into_iter().flatten().collect()
}

fn ends() -> Vec<Case> {
    let crashed = || fatal("child crashed");
    vec![
        fghack(["true"]).expect(exits(0)),
        fghack(["sh", "-c", "exit 1"]).expect(exits(1)),
        fghack(["sh", "-c", "exit 100"]).expect(exits(100)),
        fghack(["sh", "-c", "exit 255"]).expect(exits(255)),
        fghack(["sh", "-c", "kill -TERM $$"]).expect(crashed()),
        fghack(["sh", "-c", "kill -KILL $$"]).expect(crashed()),
        fghack(["sh", "-c", "kill -SEGV $$"]).limit(Resource::CORE, 0, 0).expect(crashed()),
        fghack(["nosuch"]).expect(fatal("unable to run nosuch: file does not exist")),
        fghack(["./nosuch"]).expect(fatal("unable to run ./nosuch: file does not exist")),
        fghack(["./plain"]).file("plain", "#!/bin/sh\n").expect(fatal("unable to run ./plain: access denied")),
        fghack(["./d"]).directory("d").expect(fatal("unable to run ./d: access denied")),
        fghack(["./plain/x"]).file("plain", "").expect(fatal("unable to run ./plain/x: not a directory")),
        fghack(["./prog"])
            .file_of_mode("prog", 0o755, "exit 3\n")
            .expect(fatal("unable to run ./prog: exec format error")),
        fghack(["./prog"])
            .file_of_mode("prog", 0o755, "#!/nonexistent/interpreter\n")
            .expect(fatal("unable to run ./prog: file does not exist")),
        fghack(["nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Closed).expect(exits(111)),
        fghack(["sh", "-c", "kill -TERM $$"]).streams(Stream::Null, Stream::Pipe, Stream::Full).expect(exits(111)),
        // a child that is not fghack's
        fghack(["sh", "-c", "exit 7"]).dead_child().expect(exits(7)),
        // the program is a child, with the words it was given
        fghack(["sh", "-c", "read pid name state parent rest </proc/$$/stat; echo child of $parent"])
            .expect(exits(0).prints("child of {pid}\n")),
        fghack(["echo", "-a", "--", "--help", "", "b c"]).expect(exits(0).prints("-a -- --help  b c\n")),
    ]
}

fn descendants() -> Vec<Case> {
    let waited = |code: i32| exits(code).leaves("late", 0o644, "late\n");
    vec![
        fghack(["sh", "-c", LEAVES_ONE]).expect(waited(4)),
        fghack(["{program}", "sh", "-c", LEAVES_ONE]).expect(waited(4)),
        fghack(["sh", "-c", "sh -c \"$0\"; exit 6", LEAVES_ONE]).expect(waited(6)),
        fghack(["setsid", "-f", "sh", "-c", LEAVES_ONE]).expect(waited(0)),
        // one that has closed all descriptors goes on behind fghack's back: it is let go when fghack has ended
        fghack([
            "bash",
            "-c",
            "mkfifo gate end
            (for number in {3..60}; do eval \"exec $number>&-\"; done
            read line <gate; echo $line >end) >/dev/null 2>&1 &
            exit 4",
        ])
        .under(["sh", "-c", "\"$0\" \"$@\"; echo $? >gate; read code <end; echo ended with $code first"])
        .expect(exits(0).prints("ended with 4 first\n")),
    ]
}

fn descriptors() -> Vec<Case> {
    let same = "first=$(readlink /proc/$$/fd/3); all=0
        for number in $(seq 3 33); do [ \"$(readlink /proc/$$/fd/$number)\" = \"$first\" ] && all=$((all + 1)); done
        case $first in pipe:*) echo $all of one pipe;; esac";
    let flags = "sed -n 's/^flags:[^0-9]*//p' /proc/$$/fdinfo/3 /proc/$$/fdinfo/20 /proc/$$/fdinfo/33";
    let emfile = "unable to create pipe: process cannot open more files";
    vec![
        fghack(["sh", "-c", OPEN]).expect(exits(0).prints(numbers(33))),
        // 0 is one of them then; with a report on 3 there is one more
        fghack(["sh", "-c", OPEN])
            .streams(Stream::Closed, Stream::Pipe, Stream::Pipe)
            .expect(exits(0).prints(numbers(32))),
        fghack(["sh", "-c", OPEN])
            .streams(Stream::Null, Stream::Pipe, Stream::Closed)
            .expect(exits(0).prints(numbers(32))),
        fghack(["sh", "-c", OPEN]).expect(exits(0).prints(numbers(34)).reports("")),
        fghack(["sh", "-c", same]).expect(exits(0).prints("31 of one pipe\n")),
        // for writing, and nothing else
        fghack(["sh", "-c", flags]).expect(exits(0).prints("01\n01\n01\n")),
        // a link in a link adds its own
        fghack(["{program}", "sh", "-c", OPEN]).expect(exits(0).prints(numbers(64))),
        // more than the pipe holds: it is read, and thrown away
        fghack(["sh", "-c", "head -c 1000000 /dev/zero >&5; echo text >&9; exit 3"]).expect(exits(3)),
        // As many as the limit allows: then the shell finds no descriptor for its libraries.
        fghack(["sh", "-c", "exit 3"])
            .limit(Resource::NOFILE, 20, 64)
            .expect(exits(127).says_one_line("sh: error while loading shared libraries: ")),
        fghack(["sh", "-c", "exit 3"]).limit(Resource::NOFILE, 4, 64).expect(fatal(emfile)),
        fghack(["sh", "-c", "exit 3"]).limit(Resource::NOFILE, 40, 64).expect(exits(3)),
    ]
}

fn signals() -> Vec<Case> {
    let ignored = ["sed", "-n", "s/^SigIgn:[^0-9a-f]*//p", "/proc/self/status"];
    let lost = || fatal("wait failed: no child processes");
    vec![
        fghack(["sh", "-c", "exit 7"]).ignoring(libc::SIGCHLD).differs(lost(), exits(7), STATUS),
        fghack(ignored).ignoring(libc::SIGCHLD).differs(
            lost().prints("0000000000010000\n"),
            exits(0).prints("0000000000010000\n"),
            STATUS,
        ),
        fghack(["nosuch"]).ignoring(libc::SIGCHLD).differs(
            exits(111).says(
                "fghack: fatal: unable to run nosuch: file does not exist\n\
                 fghack: fatal: wait failed: no child processes\n",
            ),
            fatal("unable to run nosuch: file does not exist"),
            STATUS,
        ),
        fghack(ignored).ignoring(libc::SIGHUP).expect(exits(0).prints("0000000000000001\n")),
        // what is sent to fghack ends it, and it alone
        fghack(["sh", "-c", "kill -TERM $PPID; exit 0"]).expect(dies_of(libc::SIGTERM)),
        fghack(["sh", "-c", "kill -TERM $PPID; exit 3"]).ignoring(libc::SIGTERM).expect(exits(3)),
    ]
}

fn usage() -> Vec<Case> {
    let unknown = |option: &str| fatal(&format!("unable to run {option}: file does not exist"));
    vec![
        fghack([]).expect(exits(100).says_first("fghack: usage: fghack ")),
        fghack(["--"]).differs(unknown("--"), exits(100).says_first("fghack: usage: fghack "), DASHES),
        fghack(["--", "echo", "-a"]).differs(unknown("--"), exits(0).prints("-a\n"), DASHES),
        fghack(["-z", "true"]).differs(
            unknown("-z"),
            exits(100).says_first("fghack: illegal option -- z\nfghack: usage: fghack "),
            DASHES,
        ),
    ]
}

fn additions() -> Vec<Case> {
    let waited = |code: i32| exits(code).leaves("late", 0o644, "late\n");
    let subreaper = |script: &str| fghack(["--subreaper", "bash", "-c", script]);
    vec![
        fghack(["--subreaper", "true"]).differs(
            fatal("unable to run --subreaper: file does not exist"),
            exits(0),
            "an addition",
        ),
        subreaper("exit 9").ours_only(exits(9)),
        subreaper("kill -KILL $$").ours_only(fatal("child crashed")),
        subreaper(OPEN).ours_only(exits(0).prints(numbers(2))),
        fghack(["--subreaper", "nosuch"]).ours_only(fatal("unable to run nosuch: file does not exist")),
        subreaper(LEAVES_ONE).ours_only(waited(4)),
        subreaper(LEAVES_ONE_APART).ours_only(waited(4)),
        subreaper("exit 7").ignoring(libc::SIGCHLD).ours_only(exits(7)),
        subreaper("exit 7").dead_child().ours_only(exits(7)),
        fghack([
            "--subreaper",
            "sh",
            "-c",
            "mkfifo gate; exec 9<>gate; trap 'exit 5' TERM; kill -TERM $PPID; read line <&9",
        ])
        .ours_only(exits(5)),
    ]
}
