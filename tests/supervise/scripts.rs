//! `start`, `stop` and `finish`: when they run, with what arguments, and what the status shows meanwhile.

use crate::recorder::made_at;
use crate::service::Service;
use crate::status::Status;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// A service with these recorders besides `run`.
fn with(scripts: &[&str]) -> Service {
    let service = Service::new();
    for script in scripts {
        service.record(script);
    }
    service
}

fn supervise(service: &Service) -> Supervised<'_> {
    service.supervise(&Suite::ours())
}

/// Waits until the status shows this process so.
#[track_caller]
fn until(supervised: &Supervised<'_>, pid: Pid, shown: &str, phase: (u8, u8)) -> Status {
    supervised.until(&format!("{shown} {phase:?}, {pid}"), |status| {
        (status.pid(), status.shown().as_str(), status.phase()) == (pid, shown, Some(phase))
    })
}

/// Ends the service.
type End<'a> = &'a dyn Fn(&Supervised<'_>, Pid);

const NOBODY: Pid = Pid::from_raw(0);

#[test]
fn start_runs_before_the_first_run_and_not_before_a_restart() {
    let service = with(&["start"]);
    let mut supervised = supervise(&service);
    let start = supervised.expect("start started");
    until(&supervised, start, "up u", (1, 0));
    supervised.expect_silence_of(start);
    supervised.end(start, 0);
    let run = supervised.expect("run started");
    until(&supervised, run, "up u", (3, 1));
    supervised.end(run, 0);
    let run = supervised.expect("run started");
    until(&supervised, run, "up u", (3, 1));
    // what is up already is not started
    supervised.tell("u");
    supervised.expect_silence_of(run);
    supervised.finish();
}

#[test]
fn start_runs_again_when_the_service_is_started_by_command() {
    let service = with(&["start"]);
    service.put("start.exits", "0");
    for command in ["u", "o"] {
        let mut supervised = supervise(&service);
        supervised.expect("start started");
        let run = supervised.expect("run started");
        until(&supervised, run, "up u", (3, 1));
        supervised.write("d");
        supervised.expect("run TERM");
        until(&supervised, NOBODY, "down d", (0, 0));
        supervised.write(command);
        supervised.expect("start started");
        supervised.expect("run started");
        supervised.finish();
    }
}

#[test]
fn a_start_that_fails_is_a_service_that_has_failed() {
    together(&["1", "100", "111", "255"], |code| {
        let service = with(&["start"]);
        service.put("start.exits", code);
        let mut supervised = supervise(&service);
        supervised.expect("start started");
        until(&supervised, NOBODY, "down d", (5, 0));
        supervised.settle();
        // which can be tried again
        supervised.tell("u");
        supervised.expect("start started");
        until(&supervised, NOBODY, "down d", (5, 0));
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()), "{code}: nothing else was run");
    });
    let service = with(&["start"]);
    let mut supervised = supervise(&service);
    let start = supervised.expect("start started");
    kill(start, Signal::SIGKILL).unwrap();
    until(&supervised, NOBODY, "down d", (5, 0));
    supervised.write("u");
    let start = supervised.expect("start started");
    supervised.end(start, 0);
    let run = supervised.expect("run started");
    until(&supervised, run, "up u", (3, 1));
    supervised.finish();
}

/// It is up as far as svup is concerned.
#[test]
fn a_service_without_run_is_started_when_start_has_ended() {
    let service = Service::empty().recording("start").recording("stop");
    service.put("start.exits", "0");
    let mut supervised = supervise(&service);
    supervised.expect("start started");
    let status = supervised.until("started", |status| status.phase() == Some((2, 0)));
    assert!(!status.is_up());
    supervised.settle();
    assert_eq!(supervised.status(), status);
    supervised.write("dx");
    // which undoes what it has done
    let stop = supervised.expect("stop started");
    supervised.end(stop, 0);
    assert_eq!(supervised.rest(), (0, String::new()));
    let status = service.status();
    assert_eq!((status.shown().as_str(), status.phase()), ("down d", Some((0, 0))));
}

#[test]
fn stop_runs_when_the_service_has_ended_for_good() {
    for exit in [0, 1, 111] {
        let service = with(&["stop"]);
        let mut supervised = supervise(&service);
        let run = supervised.expect("run started");
        until(&supervised, run, "up u", (3, 1));
        supervised.write("d");
        supervised.expect("run TERM");
        let stop = supervised.expect("stop started");
        until(&supervised, stop, "up d", (4, 2));
        // what it ends with means nothing
        supervised.end(stop, exit);
        until(&supervised, NOBODY, "down d", (0, 0));
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()));
    }
}

#[test]
fn stop_runs_when_the_service_was_wanted_once_and_when_supervise_ends() {
    for ending in ["o", "x", "dx"] {
        let service = with(&["stop"]);
        let mut supervised = supervise(&service);
        let run = supervised.expect("run started");
        supervised.tell(ending);
        if ending == "dx" {
            supervised.expect("run TERM");
        } else {
            supervised.end(run, 0);
        }
        let stop = supervised.expect("stop started");
        assert!(supervised.kept.is_running());
        supervised.end(stop, 0);
        if ending == "o" {
            until(&supervised, NOBODY, "down -", (0, 0));
            supervised.write("x");
        }
        assert_eq!(supervised.rest(), (0, String::new()), "{ending}");
    }
}

#[test]
fn stop_does_not_run_before_a_restart_or_for_what_has_never_run() {
    let service = with(&["stop"]);
    let mut supervised = supervise(&service);
    for _ in 0..2 {
        let run = supervised.expect("run started");
        supervised.end(run, 1);
    }
    supervised.expect("run started");
    supervised.write("d");
    supervised.expect("run TERM");
    let stop = supervised.expect("stop started");
    supervised.end(stop, 0);
    until(&supervised, NOBODY, "down d", (0, 0));
    // and once only
    supervised.tell("d");
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));

    let service = with(&["stop"]).with("down", "");
    let mut supervised = supervise(&service);
    supervised.tell("d");
    supervised.write("dx");
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn finish_runs_after_every_end_and_is_told_how_it_was() {
    let service = with(&["finish"]);
    let mut supervised = supervise(&service);
    let endings: &[(End<'_>, &str)] = &[
        (&|supervised, run| supervised.end(run, 0), "finish started 0 0"),
        (&|supervised, run| supervised.end(run, 3), "finish started 3 0"),
        (&|_, run| kill(run, Signal::SIGKILL).unwrap(), "finish started 256 9"),
        (&|supervised, run| supervised.end(run, 255), "finish started 255 0"),
    ];
    for (end, says) in endings {
        let run = supervised.expect("run started");
        until(&supervised, run, "up u", (3, 1));
        end(&supervised, run);
        let finish = supervised.expect(says);
        until(&supervised, finish, "up u", (4, 2));
        supervised.expect_silence_of(finish);
        supervised.end(finish, 1);
    }
    supervised.expect("run started");
    supervised.write("d");
    supervised.expect("run TERM");
    let finish = supervised.expect("finish started 0 0");
    until(&supervised, finish, "up d", (4, 2));
    supervised.end(finish, 0);
    until(&supervised, NOBODY, "down d", (0, 0));
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn finish_runs_in_place_of_stop() {
    let service = with(&["finish", "stop"]);
    let mut supervised = supervise(&service);
    supervised.expect("run started");
    supervised.write("dx");
    supervised.expect("run TERM");
    let finish = supervised.expect("finish started 0 0");
    supervised.end(finish, 0);
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// A start that cannot be made is a run that has exited with 111.
#[test]
fn finish_is_told_of_a_run_that_could_not_be_run() {
    let service = Service::empty().recording("finish");
    let mut supervised = supervise(&service);
    let finish = supervised.expect("finish started 111 0");
    // it has looked for what it is to do
    supervised.expect_silence_of(finish);
    service.record("run");
    service.put("finish.exits", "0");
    supervised.end(finish, 0);
    supervised.expect("run started");
    supervised.finish();
}

#[test]
fn a_run_that_exits_with_100_has_failed() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let run = supervised.expect("run started");
        supervised.end(run, 100);
        if suite.is_ours {
            until(&supervised, NOBODY, "down d", (5, 0));
            supervised.tell("u");
        }
        // daemontools does not know about it
        supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.finish();
    });
}

#[test]
fn what_has_failed_is_cleared_up_first() {
    let service = with(&["finish"]);
    let mut supervised = supervise(&service);
    let run = supervised.expect("run started");
    supervised.end(run, 100);
    let finish = supervised.expect("finish started 100 0");
    supervised.end(finish, 0);
    until(&supervised, NOBODY, "down d", (5, 0));
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn what_is_not_executable_is_no_script() {
    let service = Service::new();
    for name in ["start", "stop", "finish", "notify"] {
        service.put(name, "#!/bin/sh\nexit 1\n");
        fs::set_permissions(service.at(name), Permissions::from_mode(0o644)).unwrap();
    }
    let mut supervised = supervise(&service);
    let run = supervised.expect("run started");
    supervised.end(run, 0);
    supervised.expect("run started");
    supervised.write("dx");
    supervised.expect("run TERM");
    assert_eq!(supervised.rest(), (0, String::new()));
    assert_eq!(supervised.kept.error.rest(), "");
}

/// A service that crashes is started a second after its last start, however short its `finish` is.
#[test]
fn scripts_do_not_make_starts_come_closer() {
    let service = with(&["finish", "start"]);
    for name in ["finish.exits", "start.exits"] {
        service.put(name, "0");
    }
    let mut supervised = supervise(&service);
    supervised.expect("start started");
    let mut made = vec![];
    for _ in 0..3 {
        let run = supervised.expect("run started");
        made.push(made_at(run).unwrap());
        supervised.end(run, 0);
        supervised.expect("finish started 0 0");
    }
    let gaps: Vec<u64> = made.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= 99), "{gaps:?}");
    supervised.finish();
}
