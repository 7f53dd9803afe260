//! Success is only said when the last program runs: a link that waits keeps the foreground waiting, and what becomes of
//! either in the meantime does not hurt the other.

use crate::ground::{Ground, LIFE, Run, UNFUSED, WAYS, is_alive};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;

/// Chains with a link that waits for the lock on `held`.
pub const WAITING: &[&[&str]] = &[
    &["setlock", "@/held", "serve"],
    &["softlimit", "-c", "0", "setlock", "@/held", "nohup", "serve"],
    &["setsid", "--fork", "setlock", "@/held", "serve"],
    &["setsid", "--wait", "setlock", "@/held", "serve"],
    &["fghack", "setlock", "@/held", "serve"],
    &["daemonize", "setlock", "@/held", "serve"],
];

#[test]
fn the_foreground_waits_for_a_link_that_waits_and_returns_when_that_goes_on() {
    let ground = Ground::new();
    for way in WAYS {
        for chain in WAITING {
            let held = ground.hold("held");
            let mut run = ground.start(way, chain);
            ground.wait_for_waiter("held");
            assert!(!run.has_returned(), "{chain:?} {way:?}");
            drop(held);
            run.serving();
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            assert_eq!(run.finish(), "");
        }
    }
}

#[test]
fn a_failure_behind_the_wait_is_told_as_well() {
    let ground = Ground::new();
    for way in WAYS {
        let held = ground.hold("held");
        let mut run = ground.start(way, &["setlock", "@/held", "no-such"]);
        ground.wait_for_waiter("held");
        drop(held);
        let says = "setlock: fatal: unable to run no-such: file does not exist\n";
        run.assert_failed(&format!("{way:?}"), 111, says);
    }
}

#[test]
fn a_log_that_nobody_reads_yet_keeps_the_foreground_waiting() {
    let ground = Ground::new();
    for way in WAYS {
        let fifo = fresh_fifo(&ground);
        let mut run = ground.start(way, &["-p", "@/pid", "-o", "@/fifo", "serve"]);
        wait_for_pid(&ground);
        assert!(!run.has_returned(), "{way:?}");
        let reader = fs::File::open(&fifo).unwrap();
        run.serving();
        assert_eq!(run.code(), 0, "{way:?}");
        assert_eq!(run.finish(), "");
        drop(reader);
        fs::remove_file(ground.at("pid")).unwrap();
    }
}

/// A FIFO that nobody reads. Not the last one: a child that another test is just starting may hold its reader's end.
pub fn fresh_fifo(ground: &Ground) -> PathBuf {
    let fifo = ground.at("fifo");
    let _ = fs::remove_file(&fifo);
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    fifo
}

/// The daemon's pid as soon as it is in the file.
pub fn wait_for_pid(ground: &Ground) -> Pid {
    let read = || fs::read_to_string(ground.at("pid")).ok().and_then(|text| text.trim_end().parse().ok());
    crate::support::waiting::look_until("a pid in the file", || read().is_some());
    Pid::from_raw(read().unwrap())
}

#[test]
fn behind_a_foreign_program_nothing_is_waited_for() {
    let ground = Ground::new();
    for way in WAYS {
        for chain in [
            &["/usr/bin/env", "setlock", "@/held", "serve"][..],
            &["sh", "-c", "exec setlock @/held serve"],
            &["softlimit", "env", "setlock", "@/held", "serve"],
        ] {
            let held = ground.hold("held");
            let chain: Vec<String> = chain.iter().map(|word| ground.fill(word)).collect();
            let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
            let mut run = ground.start(way, &chain);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            ground.wait_for_waiter("held");
            drop(held);
            run.serving();
            assert_eq!(run.finish(), "");
        }
        // and what fails there is not known
        let mut run = ground.start(way, &["env", "setlock", "@/none/lock", "serve"]);
        assert_eq!((run.code(), run.stderr(), run.rest()), (0, String::new(), String::new()), "{way:?}");
    }
}

#[test]
fn a_daemon_that_is_killed_before_it_has_run_anything_is_a_failure() {
    let ground = Ground::new();
    let _held = ground.hold("held");
    for way in WAYS {
        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            let mut run = ground.start(way, &["-p", "@/pid", "setlock", "@/held", "serve"]);
            ground.wait_for_waiter("held");
            kill(wait_for_pid(&ground), signal).unwrap();
            let number = signal as i32;
            let says =
                format!("daemonize: the daemon was killed by signal {number} ({signal}) before it had run a program\n");
            run.assert_failed(&format!("{way:?}"), 1, &says);
            assert!(!ground.at("pid").exists(), "{way:?}");
        }
    }
}

/// A daemon that says it is ready to a foreground that is gone has the same pipe as ever, without a reader.
#[test]
fn a_foreground_that_is_killed_while_it_waits_for_readiness_leaves_the_daemon_running() {
    let ground = Ground::new();
    ground.script("late", "echo serving $$ >&8; read line <&9; (trap '' PIPE; echo >&3) 2>/dev/null; read line <&9");
    for way in WAYS {
        let mut run = ground.start(way, &["--ready=fd=3", "late"]);
        let daemon = run.serving();
        kill(run.pid(), Signal::SIGKILL).unwrap();
        assert_eq!(run.code(), 1009);
        run.tell("now");
        assert!(is_alive(daemon), "{way:?}");
        assert_eq!(run.finish(), "", "{way:?}");
    }
}

/// The test's own footing: a lock that is held keeps `serve` from running, and the life ends it.
#[test]
fn a_chain_without_daemonize_waits_itself() {
    let ground = Ground::new();
    let held = ground.hold("held");
    let mut run: Run = ground.run(UNFUSED.fused, &["setlock", "@/held", "serve"]);
    ground.wait_for_waiter("held");
    assert!(!run.has_returned());
    drop(held);
    assert_eq!(run.serving(), run.pid());
    assert!(LIFE > 2 && !run.has_returned());
    run.let_go();
    assert_eq!(run.code(), 0);
}
