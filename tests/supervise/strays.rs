//! What a service leaves behind and nobody waits for: it is said, since two copies of a service may run by it.

use crate::recorder::{Order, order, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A service that has started a process: in its process group for 0, in a session of its own for 1, in a group of its own for 2.
fn with_companion<'a>(service: &'a Service, suite: &Suite, place: i32) -> (Supervised<'a>, Pid, Pid) {
    let mut supervised = service.supervise(suite);
    let run = supervised.expect("run started");
    order(run, Order::Leave, place);
    let companion = supervised.expect("companion started");
    (supervised, run, companion)
}

fn says(service: &Service, stray: Pid, remedy: &str) -> Option<String> {
    let path = service.path().display();
    Some(format!(
        "supervise: warning: {path}/run has left processes behind: pid {stray} (run); with a file {remedy} they end with it"
    ))
}

#[test]
fn processes_left_behind_by_an_ordered_end_are_said_and_told() {
    for (place, remedy) in [(0, "killpg"), (2, "orphanage")] {
        let service = Service::new();
        let (mut supervised, _, companion) = with_companion(&service, &Suite::ours(), place);
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.until_shown("down d");
        assert_eq!(supervised.kept.error.next(), says(&service, companion, remedy));
        supervised.until("its number", |_| service.info().get("left_pid") == Some(&companion.to_string()));
        supervised.expect_silence_of(companion);
        // another start is another service
        supervised.write("u");
        supervised.expect("run started");
        supervised.until("none", |_| !service.info().contains_key("left"));
        supervised.end(companion, 0);
        supervised.finish();
        assert_eq!(supervised.kept.error.rest(), "");
    }
}

/// Its supervise is gone before it could look again.
#[test]
fn processes_left_behind_at_the_end_are_said_at_once() {
    let service = Service::new();
    let (mut supervised, _, companion) = with_companion(&service, &Suite::ours(), 0);
    supervised.write("dx");
    supervised.expect("run TERM");
    assert_eq!(supervised.kept.code(), 0);
    assert_eq!(supervised.kept.error.next(), says(&service, companion, "killpg"));
    supervised.end(companion, 0);
    supervised.kept.wait_for_all();
}

/// As the command that a shell has just run when it is killed.
#[test]
fn what_ends_within_a_moment_is_not_said() {
    let service = Service::new();
    let (mut supervised, run, companion) = with_companion(&service, &Suite::ours(), 0);
    supervised.end(run, 0);
    supervised.end(companion, 0);
    supervised.expect("run started");
    supervised.expect_silence_for(std::time::Duration::from_secs(1));
    supervised.finish();
    assert_eq!(supervised.kept.error.rest(), "");
}

/// One that is started again has two copies of something; that is said once a minute.
#[test]
fn processes_left_behind_by_a_crash_are_said_once() {
    let service = Service::new();
    let (mut supervised, run, companion) = with_companion(&service, &Suite::ours(), 0);
    supervised.end(run, 0);
    let run = supervised.expect("run started");
    assert_eq!(supervised.kept.error.next(), says(&service, companion, "killpg"));
    order(run, Order::Leave, 0);
    let second = supervised.expect("companion started");
    supervised.end(run, 0);
    supervised.expect("run started");
    for stray in [companion, second] {
        assert_eq!(state(stray), Some('S'));
        supervised.end(stray, 0);
    }
    supervised.finish();
    assert_eq!(supervised.kept.error.rest(), "");
}

/// A session of its own is what a program takes that is to stay; and where somebody sees to it, nothing is left.
#[test]
fn what_is_nobodys_business_is_not_said() {
    for (place, file) in [(1, "nothing"), (0, "killpg"), (0, "orphanage"), (0, "no-setsid")] {
        let service = Service::new().with(file, "");
        let (mut supervised, run, companion) = with_companion(&service, &Suite::ours(), place);
        supervised.end(run, 0);
        if file == "orphanage" {
            supervised.end(companion, 0);
        }
        supervised.expect("run started");
        let _ = kill(companion, Signal::SIGKILL);
        supervised.finish();
        assert_eq!(supervised.kept.error.rest(), "", "{file}");
    }
}

/// The reference leaves as much behind, and says nothing.
#[test]
fn everybody_leaves_them_alone() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let (mut supervised, _, companion) = with_companion(&service, suite, 0);
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.until_shown("down d");
        supervised.expect_silence_of(companion);
        kill(companion, Signal::SIGKILL).unwrap();
        supervised.finish();
    });
}
