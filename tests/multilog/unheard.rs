//! Standard error that nobody will read any more: where a line could go nowhere else, that is the end.

use crate::ground::{Ground, Subject, Subjects};
use crate::running::{Running, Writer, pipe};
use nix::errno::Errno;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What its caller has done about the signal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Default,
    Ignored,
    Blocked,
}

use Broken::{Blocked, Default, Ignored};

const ENDED_BY_SIGNAL: i32 = 1000 + libc::SIGPIPE;

impl Broken {
    fn set_up(self, command: &mut Command) {
        // SAFETY: system calls that take numbers and a set of this function's own.
        unsafe {
            command.pre_exec(move || {
                match self {
                    Default => {}
                    Ignored => {
                        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
                    }
                    Blocked => {
                        let mut set = std::mem::zeroed();
                        libc::sigemptyset(&raw mut set);
                        libc::sigaddset(&raw mut set, libc::SIGPIPE);
                        Errno::result(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()))?;
                    }
                }
                Ok(())
            });
        }
    }
}

fn start<'a>(ground: &'a Ground, subject: &Subject, actions: &[&str], broken: Broken) -> (Running<'a>, Writer) {
    let [input, writer] = pipe();
    let [heard, error] = pipe();
    drop(heard);
    let running = ground.start_with(subject, actions, input, |command| {
        command.stderr(error);
        broken.set_up(command);
    });
    (running, Writer::new(writer))
}

/// The input goes on; only the reader has gone.
#[test]
fn it_ends_where_no_action_could_take_a_line() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        for actions in [&["e"][..], &["+*", "e"], &["t", "e"], &["-*", "+a*", "e", "-*", "e"], &["e", "./log"]] {
            // the reference ends with a directory, too
            let is_kept = subject.is_ours && actions.contains(&"./log");
            let ground = Ground::new();
            let (mut running, mut writer) = start(&ground, subject, actions, Default);
            assert!(writer.write(b"a line\n"));
            if is_kept {
                running.wait_until("it is logged", |ground| {
                    ground.files().get("log/current").is_some_and(|current| current.1 == b"a line\n")
                });
                drop(writer);
                assert_eq!(running.code(), 0, "{actions:?}");
                continue;
            }
            assert_eq!(running.code(), ENDED_BY_SIGNAL, "{}: {actions:?}", subject.name);
        }
    }
}

/// Who ignores the signal, or blocks it, wants it to go on; and where nothing is to be shown, nobody is missed.
#[test]
fn it_goes_on_where_nobody_ends_it() {
    let subjects = Subjects::new();
    for subject in &subjects.all {
        let shows = [("e", Ignored), ("e", Blocked)].map(|(action, broken)| (vec![action], broken));
        let others = [vec![], vec!["+*"], vec!["-*", "e"], vec!["-*", "+b*", "e"], vec!["=status"]];
        for (actions, broken) in shows.into_iter().chain(others.map(|actions| (actions, Default))) {
            let ground = Ground::new();
            let (mut running, mut writer) = start(&ground, subject, &actions, broken);
            for _ in 0..3 {
                assert!(writer.write(&b"a line\n".repeat(10_000)), "{}: {actions:?}, {broken:?}", subject.name);
            }
            drop(writer);
            assert_eq!(running.code(), 0, "{}: {actions:?}, {broken:?}", subject.name);
        }
    }
}

/// A status file takes lines.
#[test]
fn a_status_file_is_kept_though_nobody_listens() {
    let subjects = Subjects::new();
    let subject = subjects.ours();
    let ground = Ground::new();
    let (mut running, mut writer) = start(&ground, subject, &["e", "=status"], Default);
    assert!(writer.write(b"one\n"));
    running
        .wait_until("it is kept", |ground| ground.files().get("status").is_some_and(|it| it.1.starts_with(b"one\n")));
    assert!(writer.write(b"two\n"));
    drop(writer);
    assert_eq!(running.code(), 0);
    assert!(ground.files()["status"].1.starts_with(b"two\n"));
}
