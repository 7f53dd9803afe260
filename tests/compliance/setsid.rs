//! setsid: with and without a fork, waiting or not, the terminal, options.

use crate::case::{Case, Outcome, Stream, exits};

/// Prints its own process id, process group and session, and exits with 7.
const IDS: &str = "read pid name state parent group session rest </proc/$$/stat; echo $$ $group $session; exit 7";
/// Says whether it leads a session that has no terminal, and whose child it is.
const SESSION: &str = "read pid name state parent group session tty rest </proc/$$/stat
    [ $$ = $group ] && [ $$ = $session ] && [ $tty = 0 ] && echo own session; echo child of $parent; exit 7";
/// As above where the parent may have gone.
const ORPHAN: &str = "read pid name state parent group session rest </proc/$$/stat
    [ $$ = $group ] && [ $$ = $session ] && echo own session; exit 7";

const NOT_FOUND: &str = "setsid: failed to execute nosuch: No such file or directory\n";
const DENIED: &str = "setsid: failed to execute ./plain: Permission denied\n";
const STARTED: &str = "a parent that does not wait tells whether the program was started";

fn setsid<const N: usize>(args: [&str; N]) -> Case {
    Case::new("setsid", args)
}

fn misuse(what: &str) -> Outcome {
    exits(1).says(format!("setsid: {what}\nTry 'setsid --help' for more information.\n"))
}

pub fn cases() -> Vec<Case> {
    [matrix(), failures(), waiting(), terminals(), options()].into_iter().flatten().collect()
}

fn matrix() -> Vec<Case> {
    let same = || exits(7).prints("{pid} {pid} {pid}\n");
    let child = || exits(7).prints("own session\nchild of {pid}\n");
    let orphan = || exits(0).prints("own session\n");
    vec![
        // no leader: the very process
        setsid(["sh", "-c", IDS]).expect(same()),
        setsid(["-w", "sh", "-c", IDS]).expect(same()),
        setsid(["--", "sh", "-c", IDS]).expect(same()),
        // a fork, because it leads a group or because it was asked for
        setsid(["sh", "-c", ORPHAN]).leader().expect(orphan()),
        setsid(["-f", "sh", "-c", ORPHAN]).expect(orphan()),
        setsid(["-f", "sh", "-c", ORPHAN]).leader().expect(orphan()),
        setsid(["-w", "sh", "-c", SESSION]).leader().expect(child()),
        setsid(["-fw", "sh", "-c", SESSION]).expect(child()),
        setsid(["-f", "-w", "sh", "-c", SESSION]).leader().expect(child()),
        setsid(["--wait", "--fork", "sh", "-c", SESSION]).expect(child()),
    ]
}

fn failures() -> Vec<Case> {
    let not_found = || exits(127).says(NOT_FOUND);
    let denied = || exits(126).says(DENIED);
    let plain = |case: Case| case.file("plain", "#!/bin/sh\n");
    vec![
        setsid(["nosuch"]).expect(not_found()),
        setsid(["-w", "nosuch"]).expect(not_found()),
        setsid(["-w", "nosuch"]).leader().expect(not_found()),
        setsid(["-f", "-w", "nosuch"]).expect(not_found()),
        setsid(["nosuch"]).leader().differs(exits(0).says(NOT_FOUND), not_found(), STARTED),
        setsid(["-f", "nosuch"]).differs(exits(0).says(NOT_FOUND), not_found(), STARTED),
        plain(setsid(["./plain"])).expect(denied()),
        plain(setsid(["-w", "./plain"])).leader().expect(denied()),
        plain(setsid(["./plain"])).leader().differs(exits(0).says(DENIED), denied(), STARTED),
        plain(setsid(["-f", "./plain"])).differs(exits(0).says(DENIED), denied(), STARTED),
        setsid(["-f", "nosuch"]).streams(Stream::Null, Stream::Pipe, Stream::Closed).differs(
            exits(0),
            exits(127),
            STARTED,
        ),
        setsid([""]).expect(exits(127).says("setsid: failed to execute : No such file or directory\n")),
    ]
}

fn waiting() -> Vec<Case> {
    let ended = "setsid: child ";
    let of_signal = "128+N for a death by signal: the reference's N could be the program's exit code";
    let its_own = "it waits for the child that it forked, and no other";
    let its_status = "an ignored SIGCHLD does not take the program's status away";
    // the program must have SIGCHLD as it was inherited; a shell would change it
    let ignores = |options: &[&str]| {
        let case = options.iter().fold(setsid([]), |case, option| case.arg(option)).arg("sed");
        let case = case.arg("-n").arg("s/^SigIgn:[^0-9a-f]*//p").arg("/proc/self/status");
        case.ignoring(libc::SIGCHLD)
    };
    vec![
        setsid(["-w", "sh", "-c", "exit 0"]).leader().expect(exits(0)),
        setsid(["-w", "sh", "-c", "exit 255"]).leader().expect(exits(255)),
        setsid(["-w", "sh", "-c", "kill -TERM $$"]).leader().differs(
            exits(15).says_one_line(ended),
            exits(128 + 15).says_one_line(ended),
            of_signal,
        ),
        setsid(["-w", "sh", "-c", "kill -KILL $$"]).leader().differs(
            exits(9).says_one_line(ended),
            exits(128 + 9).says_one_line(ended),
            of_signal,
        ),
        setsid(["-fw", "sh", "-c", "kill -HUP $$"]).differs(
            exits(1).says_one_line(ended),
            exits(128 + 1).says_one_line(ended),
            of_signal,
        ),
        setsid(["-w", "sh", "-c", "kill -TERM $$"]).expect(crate::case::dies_of(15)),
        ignores(&["-fw"]).differs(
            exits(1).prints("0000000000010000\n").says_one_line("setsid: wait"),
            exits(0).prints("0000000000010000\n"),
            its_status,
        ),
        ignores(&["-w"]).leader().differs(
            exits(1).prints("0000000000010000\n").says_one_line("setsid: wait"),
            exits(0).prints("0000000000010000\n"),
            its_status,
        ),
        setsid(["-fw", "sh", "-c", "exit 7"]).ignoring(libc::SIGCHLD).differs(
            exits(1).says_one_line("setsid: wait"),
            exits(7),
            its_status,
        ),
        ignores(&[]).expect(exits(0).prints("0000000000010000\n")),
        ignores(&["-f"]).expect(exits(0).prints("0000000000010000\n")),
        setsid(["-fw", "sh", "-c", "exit 7"]).dead_child().differs(
            exits(1).says_one_line("setsid: wait"),
            exits(7),
            its_own,
        ),
        setsid(["-w", "sh", "-c", "exit 7"]).leader().dead_child().differs(
            exits(1).says_one_line("setsid: wait"),
            exits(7),
            its_own,
        ),
        setsid(["-f", "sh", "-c", "exit 7"]).dead_child().expect(exits(0)),
    ]
}

fn terminals() -> Vec<Case> {
    let is_none = "setsid: failed to set the controlling terminal: Inappropriate ioctl for device\n";
    // field 7 is the controlling terminal
    let has_terminal =
        "read a b c d e f tty rest </proc/$$/stat; [ $tty != 0 ] && : </dev/tty && echo terminal; exit 7";
    let on_terminal = |case: Case| case.streams(Stream::Terminal, Stream::Pipe, Stream::Pipe);
    vec![
        setsid(["-c", "true"]).expect(exits(1).says(is_none)),
        setsid(["--ctty", "true"]).expect(exits(1).says(is_none)),
        setsid(["-cfw", "true"]).expect(exits(1).says(is_none)),
        setsid(["-cw", "true"]).leader().expect(exits(1).says(is_none)),
        on_terminal(setsid(["-c", "sh", "-c", has_terminal])).expect(exits(7).prints("terminal\n")),
        on_terminal(setsid(["-cfw", "sh", "-c", has_terminal])).expect(exits(7).prints("terminal\n")),
        on_terminal(setsid(["-cw", "sh", "-c", has_terminal])).leader().expect(exits(7).prints("terminal\n")),
        on_terminal(setsid(["sh", "-c", has_terminal])).expect(exits(7)),
        setsid(["-c", "true"])
            .streams(Stream::Closed, Stream::Pipe, Stream::Pipe)
            .expect(exits(1).says("setsid: failed to set the controlling terminal: Bad file descriptor\n")),
    ]
}

fn options() -> Vec<Case> {
    vec![
        setsid([]).expect(misuse("no command specified")),
        setsid(["-w"]).expect(misuse("no command specified")),
        setsid(["-f", "--"]).expect(misuse("no command specified")),
        setsid(["-z", "true"]).expect(misuse("invalid option -- 'z'")),
        setsid(["-wz", "true"]).expect(misuse("invalid option -- 'z'")),
        setsid(["--foo", "true"]).expect(misuse("unrecognized option '--foo'")),
        setsid(["--wait=1", "true"]).expect(misuse("option '--wait' doesn't allow an argument")),
        setsid(["-h"]).expect(exits(0).prints_anything()),
        setsid(["--help", "false"]).expect(exits(0).prints_anything()),
        setsid(["-V"]).expect(exits(0).prints_first("setsid from ")),
        setsid(["--vers"]).expect(exits(0).prints_first("setsid from ")),
        setsid(["--wa", "--fo", "sh", "-c", SESSION]).expect(exits(7).prints("own session\nchild of {pid}\n")),
        setsid(["--ct", "true"])
            .expect(exits(1).says("setsid: failed to set the controlling terminal: Inappropriate ioctl for device\n")),
        setsid(["echo", "-w", "--help", "-z"]).expect(exits(0).prints("-w --help -z\n")),
    ]
}
