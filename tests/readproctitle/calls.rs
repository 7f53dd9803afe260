//! Which calls it takes, and what it exits with. It never says anything: there would be nobody to listen.

use crate::run::{Side, Title, both, code};
use crate::support::Installed;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

/// What becomes of a call: exit code, standard output and standard error.
fn outcome(program: &Path, words: &[&str], input: Stdio) -> (i32, String, String) {
    let output = Command::new(program).args(words).stdin(input).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (code(output.status), text(&output.stdout), text(&output.stderr))
}

fn silent(code: i32) -> (i32, String, String) {
    (code, String::new(), String::new())
}

#[test]
fn the_last_argument_has_five_bytes_or_more() {
    let installed = Installed::shared();
    let cases: [(&[&str], i32); 9] = [
        (&[], 100),
        (&[""], 100),
        (&["...."], 100),
        (&["a", "b", "...."], 100),
        (&["service errors:", ""], 100),
        (&["....."], 0),
        (&["", "....."], 0),
        (&["a", "b", "12345"], 0),
        (&["-x", "--nothing"], 0),
    ];
    for (_, program) in both(&installed) {
        for (words, code) in cases {
            assert_eq!(outcome(&program, words, Stdio::null()), silent(code), "{program:?} {words:?}");
        }
    }
}

#[test]
fn a_sole_help_or_version_is_answered() {
    let installed = Installed::shared();
    for (side, program) in both(&installed) {
        for word in ["--help", "--version"] {
            let (code, output, error) = outcome(&program, &[word], Stdio::null());
            assert_eq!((code, error.as_str()), (0, ""));
            assert_eq!(output.contains("readproctitle"), side == Side::Ours, "{output}");
            assert_eq!(outcome(&program, &["--", word], Stdio::null()), silent(0));
        }
    }
}

#[test]
fn the_end_of_the_input_is_0_and_an_input_that_cannot_be_read_111() {
    let installed = Installed::shared();
    for (_, program) in both(&installed) {
        let mut command = Command::new(&program);
        command.arg("........");
        let mut title = Title::start(command, b"");
        title.write(b"a line\n");
        assert_eq!(title.finish(), 0);

        let directory = || Stdio::from(File::open("/").unwrap());
        assert_eq!(outcome(&program, &["....."], directory()), silent(111));
        // too few words are seen first
        assert_eq!(outcome(&program, &["...."], directory()), silent(100));
        let closed = Command::new("/bin/sh").args(["-c", "exec \"$0\" ..... <&-"]).arg(&program).output().unwrap();
        assert_eq!((code(closed.status), closed.stderr), (111, Vec::new()));
    }
}

/// The reference takes it for an error; but whoever shares the pipe can set its flags at any time.
#[test]
fn an_input_set_not_to_wait_is_waited_for() {
    let installed = Installed::shared();
    for (side, program) in both(&installed) {
        let mut command = Command::new(&program);
        command.arg("........");
        let mut title = Title::start(command, b"before");
        fcntl(title.standard_input(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        if side == Side::Ours {
            // the read under way waits still, the next one would not
            title.write(b"x");
            title.write(b"after");
            assert!(title.shown().ends_with(b"...after"));
            assert_eq!(title.finish(), 0);
        } else {
            title.feed(b"x");
            assert_eq!(title.wait(), 111);
        }
    }
}
